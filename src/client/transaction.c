/*
 * transaction: one request after another to the coordinator: FindCoordinator, InitProducerId,
 * AddPartitionsToTxn, EndTxn.
 */
#include "client/transaction.h"

#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/add_partitions_to_txn.h"
#include "protocol/end_txn.h"
#include "protocol/find_coordinator.h"
#include "protocol/init_producer_id.h"

enum { ARENA_MAX = 16 << 20, KEY_TRANSACTION = 1 };
/* The last versions without KIP-699's lists, KIP-890's lists, and its new epochs. */
enum { FIND_VERSION = 3, ADD_VERSION = 3, END_VERSION = 4, INIT_VERSION = 5 };

enum membership { OUTSIDE, WANTED, IN };

struct transaction {
	struct client *client;
	struct transaction_options options;
	struct timer again;
	struct call call;
	struct arena arena; /* of the current request and its answer */
	bool asking;
	int (*answered)(struct transaction *t, const void *response); /* of the current step */
	int32_t coordinator;					      /* -1: unknown */
	bool has_id;
	int64_t id;
	int16_t epoch;
	uint8_t *partitions; /* a membership for each */
	int32_t n_partitions;
	int32_t n_wanted, n_in;
	bool ending;
	int err;
	char *message; /* came with the error, or NULL */
};

static void ask_next(struct transaction *t);

/* ---- a question ---- */

static bool is_transient(int err)
{
	return err < 0 ? err == -ETIMEDOUT || err == -ECONNRESET : err_is_retriable(err);
}

static void fail_for_good(struct transaction *t, int err, struct str message)
{
	t->err = err;
	t->message = message.len > 0 ? str_dup(message) : NULL;
}

static void on_answer(struct call *call)
{
	struct transaction *t = container_of(call, struct transaction, call);
	struct str message = STR_NULL;
	int err = call->err ? call->err : client_answer_error(call, &message);

	t->asking = false;
	if (err == 0)
		err = t->answered(t, call->response);
	if (err != 0 && is_transient(err)) {
		if (err != ERR_CONCURRENT_TRANSACTIONS)
			t->coordinator = -1; /* it may have moved */
		timer_start(&t->again, (int64_t)t->options.retry_backoff_ms);
		return;
	}
	if (err != 0)
		fail_for_good(t, err, message);
	ask_next(t);
	t->options.changed(t->options.arg);
}

static void ask_coordinator(struct transaction *t, int key, int version_max, const void *request,
			    int (*answered)(struct transaction *t, const void *response))
{
	t->answered = answered;
	t->asking = true;
	t->call = (struct call){.key = (int16_t)key,
				.version_max = (int8_t)version_max,
				.node = t->coordinator < 0 ? CLIENT_ANY : t->coordinator,
				.request = request,
				.arena = &t->arena,
				.done = on_answer};
	client_call(t->client, &t->call);
}

static void *new_request(struct transaction *t, size_t size)
{
	arena_reset(&t->arena);
	return arena_zalloc(&t->arena, size);
}

/* ---- the steps ---- */

static int on_found(struct transaction *t, const void *response)
{
	const struct find_coordinator_response *r = response;

	if (r->node_id < 0)
		return ERR_COORDINATOR_NOT_AVAILABLE;
	t->coordinator = r->node_id;
	return 0;
}

static void ask_find(struct transaction *t)
{
	struct find_coordinator_request *r = new_request(t, sizeof(*r));

	r->key = str_of(t->options.id);
	r->key_type = KEY_TRANSACTION;
	ask_coordinator(t, find_coordinator_request_KEY, FIND_VERSION, r, on_found);
}

static int on_id(struct transaction *t, const void *response)
{
	const struct init_producer_id_response *r = response;

	t->has_id = true;
	t->id = r->producer_id;
	t->epoch = r->producer_epoch;
	return 0;
}

static void ask_id(struct transaction *t)
{
	struct init_producer_id_request *r = new_request(t, sizeof(*r));

	r->transactional_id = str_of(t->options.id);
	r->transaction_timeout_ms = t->options.timeout_ms;
	r->producer_id = -1;
	r->producer_epoch = -1;
	ask_coordinator(t, init_producer_id_request_KEY, INIT_VERSION, r, on_id);
}

/* A partition's own error takes precedence over those that merely follow from it. */
static int on_added(struct transaction *t, const void *response)
{
	const struct add_partitions_to_txn_response *r = response;
	int err = 0;

	for (int32_t i = 0; i < r->results_by_topic_v3_and_below.n; i++) {
		const struct add_partitions_to_txn_response_topic *topic = &r->results_by_topic_v3_and_below.v[i];

		for (int32_t k = 0; k < topic->results_by_partition.n; k++) {
			const struct add_partitions_to_txn_response_partition *p = &topic->results_by_partition.v[k];

			if (err == 0 || err == ERR_OPERATION_NOT_ATTEMPTED)
				err = p->partition_error_code;
			if (p->partition_error_code != 0 || p->partition_index < 0 ||
			    p->partition_index >= t->n_partitions || t->partitions[p->partition_index] != WANTED)
				continue;
			t->partitions[p->partition_index] = IN;
			t->n_wanted--;
			t->n_in++;
		}
	}
	return err;
}

static void ask_add(struct transaction *t)
{
	struct add_partitions_to_txn_request *r = new_request(t, sizeof(*r));
	struct add_partitions_to_txn_request_topic *topic = arena_zalloc(&t->arena, sizeof(*topic));

	topic->name = str_of(t->options.topic);
	topic->partitions.v = arena_array(&t->arena, (size_t)t->n_wanted, sizeof(int32_t));
	for (int32_t i = 0; i < t->n_partitions; i++)
		if (t->partitions[i] == WANTED)
			topic->partitions.v[topic->partitions.n++] = i;
	r->v3_and_below_transactional_id = str_of(t->options.id);
	r->v3_and_below_producer_id = t->id;
	r->v3_and_below_producer_epoch = t->epoch;
	r->v3_and_below_topics.v = topic;
	r->v3_and_below_topics.n = 1;
	ask_coordinator(t, add_partitions_to_txn_request_KEY, ADD_VERSION, r, on_added);
}

static void reset_transaction(struct transaction *t)
{
	for (int32_t i = 0; i < t->n_partitions; i++)
		t->partitions[i] = OUTSIDE;
	t->n_in = 0;
	t->ending = false;
}

static int on_ended(struct transaction *t, const void *response)
{
	(void)response;
	reset_transaction(t);
	return 0;
}

static void ask_end(struct transaction *t)
{
	struct end_txn_request *r = new_request(t, sizeof(*r));

	r->transactional_id = str_of(t->options.id);
	r->producer_id = t->id;
	r->producer_epoch = t->epoch;
	r->committed = true;
	ask_coordinator(t, end_txn_request_KEY, END_VERSION, r, on_ended);
}

/* Sends the next request, if there is one. */
static void ask_next(struct transaction *t)
{
	if (t->asking || t->err || timer_is_running(&t->again))
		return;
	if (t->coordinator < 0)
		ask_find(t);
	else if (!t->has_id)
		ask_id(t);
	else if (t->n_wanted > 0)
		ask_add(t);
	else if (t->ending)
		ask_end(t);
}

static void on_again(struct timer *timer)
{
	ask_next(container_of(timer, struct transaction, again));
}

/* ---- asking it ---- */

int transaction_error(const struct transaction *t, struct str *message)
{
	*message = t->message ? str_of(t->message) : STR_NULL;
	return t->err;
}

bool transaction_producer(const struct transaction *t, int64_t *id, int16_t *epoch)
{
	*id = t->id;
	*epoch = t->epoch;
	return t->has_id;
}

bool transaction_includes(struct transaction *t, int32_t partition)
{
	check(!t->ending);
	if (partition >= t->n_partitions) {
		t->partitions = xreallocarray(t->partitions, (size_t)partition + 1, sizeof(*t->partitions));
		while (t->n_partitions <= partition)
			t->partitions[t->n_partitions++] = OUTSIDE;
	}
	if (t->partitions[partition] == OUTSIDE) {
		t->partitions[partition] = WANTED;
		t->n_wanted++;
		ask_next(t);
	}
	return t->partitions[partition] == IN;
}

void transaction_commit(struct transaction *t)
{
	check(!t->ending && t->n_wanted == 0);
	t->ending = t->n_in > 0;
	ask_next(t);
}

bool transaction_is_ending(const struct transaction *t)
{
	return t->ending;
}

struct transaction *transaction_new(struct client *c, const struct transaction_options *options)
{
	struct transaction *t = xcalloc(1, sizeof(*t));

	t->client = c;
	t->options = *options;
	t->coordinator = -1;
	timer_init(&t->again, client_loop(c), on_again);
	arena_init(&t->arena, ARENA_MAX);
	ask_next(t);
	return t;
}

void transaction_free(struct transaction *t)
{
	if (t->asking)
		client_cancel(t->client, &t->call);
	timer_stop(&t->again);
	arena_fini(&t->arena);
	xfree(t->partitions);
	xfree(t->message);
	xfree(t);
}
