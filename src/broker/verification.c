/*
 * verification: asks a coordinator, here or on another broker, and turns its answer into errors for
 * each partition.
 */
#include "broker/verification.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/counters.h"
#include "broker/layers.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/verification_peers.h"
#include "config/config.h"
#include "log/verifications.h"
#include "metadata/image.h"
#include "transaction/transaction.h"

#define ABORTABLE_SINCE_PRODUCE 11
#define ADD_SINCE_PRODUCE 12
#define ABORTABLE_SINCE_OFFSETS 4
#define ADD_SINCE_OFFSETS 5
#define BROKERS_SINCE 4 /* the version of AddPartitionsToTxn that brokers use */

enum verification_manner verification_of_produce(int16_t version)
{
	return version >= ADD_SINCE_PRODUCE	    ? VERIFY_ADD
	       : version >= ABORTABLE_SINCE_PRODUCE ? VERIFY_ABORTABLE
						    : VERIFY;
}

enum verification_manner verification_of_offsets(int16_t version)
{
	return version >= ADD_SINCE_OFFSETS	    ? VERIFY_ADD
	       : version >= ABORTABLE_SINCE_OFFSETS ? VERIFY_ABORTABLE
						    : VERIFY;
}

bool transactions_are_verified(struct core *core)
{
	struct layers layers = layers_of_broker(core->image, core->node->id);

	return config_bool_in(core->node->config, layers.v, layers.n, CONFIG_TRANSACTION_PARTITION_VERIFICATION_ENABLE);
}

/* ---- questions ---- */

/* Returns how many need an answer. */
static int begin_all(struct verification *v)
{
	int64_t now_ms = env_wall_ms(v->core->loop->env);
	int n = 0;

	for (int i = 0; i < v->n; i++) {
		struct verification_question q = {v->producer_id, v->producer_epoch, v->v[i].base_sequence,
						  v->manner == VERIFY_ADD};

		v->v[i].err = partition_verify(v->v[i].partition, &q, now_ms, &v->v[i].guard);
		n += v->v[i].guard != 0;
	}
	return n;
}

/* Those that need an answer, in the form that Kafka's brokers use. */
static struct transaction_asked *list_asked(struct verification *v, int n)
{
	struct transaction_asked *asked = arena_array(v->arena, (size_t)n, sizeof(*asked));
	int at = 0;

	for (int i = 0; asked && i < v->n; i++)
		if (v->v[i].guard)
			asked[at++] = (struct transaction_asked){.topic = v->v[i].topic, .partition = v->v[i].index};
	if (asked)
		transaction_ask_order(asked, n);
	return asked;
}

static bool fill_topics(struct verification *v, const struct transaction_asked *asked, int n)
{
	struct add_partitions_to_txn_request_topic *topics = arena_array(v->arena, (size_t)n, sizeof(*topics));
	int32_t *partitions = arena_array(v->arena, (size_t)n, sizeof(*partitions));

	if (!topics || !partitions)
		return false;
	v->in.topics.v = topics;
	for (int i = 0; i < n; i++) {
		if (i == 0 || asked[i].group != asked[i - 1].group) {
			topics[v->in.topics.n].name = asked[i].topic;
			topics[v->in.topics.n++].partitions.v = &partitions[i];
		}
		partitions[i] = asked[i].partition;
		topics[v->in.topics.n - 1].partitions.n++;
	}
	return true;
}

static bool fill_request(struct verification *v, int n)
{
	const struct transaction_asked *asked = list_asked(v, n);

	v->in = (struct add_partitions_to_txn_request_transaction){
		.transactional_id = v->transactional_id,
		.producer_id = v->producer_id,
		.producer_epoch = v->producer_epoch,
		.verify_only = v->manner != VERIFY_ADD,
	};
	return asked && fill_topics(v, asked, n);
}

static void refuse_asked(struct verification *v, int err)
{
	for (int i = 0; i < v->n; i++)
		if (v->v[i].guard)
			v->v[i].err = err;
}

/* ---- answers ---- */

static int as_clients_know_it(const struct verification *v, int err)
{
	if (err == ERR_PRODUCER_FENCED)
		return ERR_INVALID_PRODUCER_EPOCH;
	if (err == ERR_TRANSACTION_ABORTABLE && v->manner == VERIFY)
		return ERR_INVALID_TXN_STATE;
	return err;
}

struct answer {
	struct str topic;
	int32_t partition;
	int err;
	int at; /* the first of several counts */
};

static int by_partition(const struct answer *x, const struct answer *y)
{
	int c = str_cmp(x->topic, y->topic);

	return c ? c : (x->partition > y->partition) - (x->partition < y->partition);
}

static int by_place(const void *a, const void *b)
{
	const struct answer *x = a, *y = b;
	int c = by_partition(x, y);

	return c ? c : x->at - y->at;
}

static int is_of(const void *a, const void *b)
{
	return by_partition(a, b);
}

/*
 * A coordinator may have grouped the partitions of a topic, and a client may name one of them
 * several times: each once, sorted. -1: no memory.
 */
static int sort_answers(struct arena *a, const struct add_partitions_to_txn_response_result *r, struct answer **out)
{
	int64_t n = 0;
	int kept = 0;
	struct answer *v;

	for (int i = 0; i < r->topic_results.n; i++)
		n += r->topic_results.v[i].results_by_partition.n > 0 ? r->topic_results.v[i].results_by_partition.n
								      : 0;
	*out = v = n < INT32_MAX ? arena_array(a, (size_t)n + 1, sizeof(*v)) : NULL;
	if (!v)
		return -1;
	n = 0;
	for (int i = 0; i < r->topic_results.n; i++)
		for (int j = 0; j < r->topic_results.v[i].results_by_partition.n; j++, n++)
			v[n] = (struct answer){
				.topic = r->topic_results.v[i].name,
				.partition = r->topic_results.v[i].results_by_partition.v[j].partition_index,
				.err = r->topic_results.v[i].results_by_partition.v[j].partition_error_code,
				.at = (int)n,
			};
	qsort(v, (size_t)n, sizeof(*v), by_place);
	for (int i = 0; i < n; i++)
		if (kept == 0 || by_partition(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	return kept;
}

static bool take_answer(struct verification *v, const struct add_partitions_to_txn_response_result *result)
{
	struct answer *answers;
	int n = sort_answers(v->arena, result, &answers);
	bool again = false;

	if (n < 0) {
		refuse_asked(v, ERR_UNKNOWN_SERVER_ERROR);
		return false;
	}
	for (int i = 0; i < v->n; i++) {
		struct answer key = {.topic = v->v[i].topic, .partition = v->v[i].index};
		const struct answer *found;
		int err;

		if (v->v[i].guard == 0)
			continue;
		found = bsearch(&key, answers, (size_t)n, sizeof(*answers), is_of);
		err = found ? found->err : ERR_NETWORK_EXCEPTION;
		v->v[i].err = as_clients_know_it(v, err);
		again = again || err == ERR_CONCURRENT_TRANSACTIONS;
	}
	return again;
}

static void ask(struct verification *v);

static void time_has_come(struct timer *t)
{
	struct verification *v = container_of(t, struct verification, timer);
	int n = begin_all(v);

	if (n > 0 && fill_request(v, n)) {
		ask(v);
		return;
	}
	if (n > 0)
		refuse_asked(v, ERR_UNKNOWN_SERVER_ERROR);
	v->done(v);
}

static void count_answer(struct verification *v)
{
	struct core *core = v->core;

	if (!core->verifications) {
		struct api_counts *made = xcalloc(1, sizeof(*made));

		__atomic_store_n(&core->verifications, made, __ATOMIC_RELEASE);
	}
	api_counts_note(core->verifications, v->asked_ns, env_mono_ns(core->loop->env));
	for (int i = 0; i < v->n; i++)
		count(&core->verification_failures, v->v[i].guard && v->v[i].err);
}

const struct api_counts *verification_times(const struct core *core)
{
	return __atomic_load_n(&core->verifications, __ATOMIC_ACQUIRE);
}

int64_t verification_failures(const struct core *core)
{
	return count_read(&core->verification_failures);
}

/* No error and no result: the broker does not support the question, and nothing is verified. */
static void take(struct verification *v, int err, const struct add_partitions_to_txn_response_result *result)
{
	struct core *core = v->core;
	bool again = false;

	if (err)
		refuse_asked(v, err);
	else if (result)
		again = take_answer(v, result);
	count_answer(v);
	if (again && v->manner == VERIFY_ADD && env_mono_ms(core->loop->env) < v->until_ms)
		timer_start(&v->timer, config_int(core->node->config, CONFIG_ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS));
	else
		v->done(v);
}

static void answered(struct coordinator_command *c)
{
	struct verification *v = c->arg;

	take(v, c->c.err, &v->out);
}

void verification_answered(struct verification *v, int err, const struct add_partitions_to_txn_response_result *result)
{
	take(v, err, result);
}

void verification_hurry(struct verification *v)
{
	v->until_ms = 0;
	if (verification_drop(v)) {
		take(v, ERR_NETWORK_EXCEPTION, NULL);
	} else if (timer_is_running(&v->timer)) {
		timer_stop(&v->timer);
		v->done(v);
	}
}

/* ---- asking ---- */

static void ask_here(struct verification *v)
{
	struct node *node = v->core->node;

	v->command = (struct coordinator_command){.done = answered, .arg = v};
	list_init(&v->command.c.link);
	v->out = (struct add_partitions_to_txn_response_result){0};
	v->command.c.api = add_partitions_to_txn_request_KEY;
	v->command.c.version = BROKERS_SINCE;
	v->command.c.scope = v->transactional_id;
	v->command.c.client_id = v->command.c.client_host = STR("");
	v->command.c.in = &v->in;
	v->command.c.out = &v->out;
	v->command.c.arena = v->arena;
	coordinator_submit(v->core, COORDINATOR_TRANSACTION,
			   coordinator_partition(node, v->core->image, COORDINATOR_TRANSACTION, v->transactional_id),
			   &v->command);
}

/* -1: no coordinator is known at present. */
static int32_t coordinator_of(const struct verification *v)
{
	const struct image *image = v->core->image;
	const struct image_topic *topic = image_topic_by_name(image, coordinator_topic(COORDINATOR_TRANSACTION));
	int32_t id = coordinator_partition(v->core->node, image, COORDINATOR_TRANSACTION, v->transactional_id);
	const struct image_partition *p = topic ? image_topic_partition(topic, id) : NULL;

	return p ? p->leader : -1;
}

static void ask(struct verification *v)
{
	int32_t broker = coordinator_of(v);

	v->asked_ns = env_mono_ns(v->core->loop->env);
	if (broker == v->core->node->id)
		ask_here(v);
	else
		verification_ask_peer(v, broker);
}

bool verification_begin(struct verification *v)
{
	struct env *env = v->core->loop->env;
	int n;

	if (v->manner != VERIFY_ADD && !transactions_are_verified(v->core))
		return false;
	n = begin_all(v);
	if (n == 0)
		return false;
	if (coordinator_of(v) < 0 || !fill_request(v, n)) {
		refuse_asked(v, ERR_COORDINATOR_NOT_AVAILABLE);
		return false;
	}
	list_init(&v->link);
	timer_init(&v->timer, v->core->loop, time_has_come);
	v->until_ms =
		env_mono_ms(env) + config_int(v->core->node->config, CONFIG_ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS);
	ask(v);
	return true;
}
