/*
 * producer: its turns, its transactions, its life. A turn is what its timer runs: it gives up what
 * is too old, asks for what is not known, and sends what is ready.
 */
#include "client/producer.h"

#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/producer_private.h"

/* Batches that wait are looked at this often, to see whether their time is over. */
#define EXPIRY_INTERVAL_NS (1000 * NS_PER_MS)
enum { METADATA_ARENA_MAX = 256 << 20, ID_ARENA_MAX = 1 << 20 };

int64_t producer_now_ns(const struct producer *p)
{
	return env_mono_ns(p->loop->env);
}

void producer_turn_at(struct producer *p, int64_t when_ns)
{
	if (timer_is_running(&p->turn) && p->turn_ns <= when_ns)
		return;
	p->turn_ns = when_ns;
	timer_start_at(&p->turn, when_ns);
}

void producer_turn_soon(struct producer *p)
{
	producer_turn_at(p, 0);
}

void producer_turn_after_backoff(struct producer *p)
{
	producer_turn_at(p, producer_now_ns(p) + p->options.retry_backoff_ms * NS_PER_MS);
}

int64_t producer_deadline_ns(const struct producer *p, int64_t since_ns)
{
	return since_ns + p->options.delivery_timeout_ms * NS_PER_MS;
}

/* ---- transactions ---- */

static void on_transaction(void *arg)
{
	producer_turn_soon(arg);
}

static void begin_transactions(struct producer *p)
{
	struct transaction_options o = {.id = p->options.transactional_id,
					.topic = p->options.topic,
					.timeout_ms = p->options.transaction_timeout_ms,
					.retry_backoff_ms = p->options.retry_backoff_ms,
					.changed = on_transaction,
					.arg = p};

	p->options.acks = -1;
	p->options.idempotent = true;
	p->transaction = transaction_new(p->client, &o);
}

/*
 * Once everything sent is acknowledged the transaction is ended, and when that is done the caller
 * is told.
 */
static void commit_turn(struct producer *p, int err, struct str message)
{
	if (!p->committing || p->waiting > 0)
		return;
	if (err == 0 && p->id_lost) /* a batch was given up, so the transaction is incomplete */
		err = ERR_INVALID_TXN_STATE;
	if (err == 0 && !p->commit_asked) {
		p->commit_asked = true;
		transaction_commit(p->transaction);
	}
	if (err == 0 && transaction_is_ending(p->transaction))
		return;
	p->committing = p->commit_asked = p->flushing = false;
	p->options.committed(p->options.arg, err, message);
}

static void transaction_turn(struct producer *p)
{
	struct str message;
	int err = transaction_error(p->transaction, &message);

	if (err != 0 && p->in_flight == 0)
		producer_fail_all(p, err, message);
	commit_turn(p, err, message);
}

void producer_commit(struct producer *p)
{
	check(p->transaction && !p->committing);
	p->committing = true;
	producer_flush(p);
}

/* ---- a turn ---- */

static void expire(struct producer *p, struct partition *of, int64_t now_ns)
{
	list_each_safe(it, &of->batches)
	{
		struct batch *b = container_of(it, struct batch, link);

		if (now_ns < producer_deadline_ns(p, b->created_ns))
			return;
		p->id_lost = p->id_lost || b->sequenced;
		producer_batch_report(p, b, -ETIMEDOUT, -1, STR_NULL);
	}
}

static void expire_all(struct producer *p, int64_t now_ns, int64_t *next_ns)
{
	bool any = false;

	for (int i = 0; i < p->n_partitions; i++) {
		struct partition *of = &p->partitions[i];

		if (list_empty(&of->batches))
			continue;
		expire(p, of, now_ns);
		any = true;
		if (!list_empty(&of->batches) && of->leader < 0)
			producer_want_metadata(p);
		if (of->retrying && of->in_flight == 0 &&
		    (list_empty(&of->batches) || batch_first(&of->batches)->attempts == 0))
			of->retrying = false;
	}
	if (any && now_ns + EXPIRY_INTERVAL_NS < *next_ns)
		*next_ns = now_ns + EXPIRY_INTERVAL_NS;
}

/* Asks for an id where one is needed, too. */
static bool may_send(struct producer *p)
{
	if (p->id_lost && p->in_flight == 0 && !p->transaction)
		producer_forget_id(p);
	if (!p->options.idempotent)
		return p->n_partitions > 0;
	if (p->transaction)
		p->has_id = transaction_producer(p->transaction, &p->id, &p->epoch);
	else if (!p->has_id && !p->id_lost)
		producer_ask_id(p);
	return p->n_partitions > 0 && p->has_id && !p->id_lost;
}

static void send_all(struct producer *p, int64_t now_ns, int64_t *next_ns)
{
	for (int i = 0; i < p->n_partitions; i++) {
		int32_t node = p->partitions[i].leader;

		if (node < 0 || list_empty(&p->partitions[i].batches))
			continue;
		while (producer_load(p, node)->in_flight < p->options.max_in_flight &&
		       producer_send_to(p, node, now_ns, next_ns))
			continue;
	}
}

static void on_turn(struct timer *t)
{
	struct producer *p = container_of(t, struct producer, turn);
	int64_t now_ns = producer_now_ns(p), next_ns = INT64_MAX;

	if (p->topic_err) {
		producer_fail_all(p, p->topic_err, STR_NULL);
		commit_turn(p, p->topic_err, STR_NULL);
		return;
	}
	if (p->transaction)
		transaction_turn(p);
	expire_all(p, now_ns, &next_ns);
	producer_ask_metadata(p);
	if (may_send(p))
		send_all(p, now_ns, &next_ns);
	if (next_ns != INT64_MAX)
		producer_turn_at(p, next_ns);
}

/* ---- life ---- */

struct producer *producer_new(struct client *c, const struct producer_options *options)
{
	struct producer *p = xcalloc(1, sizeof(*p));

	p->client = c;
	p->loop = client_loop(c);
	p->options = *options;
	p->options.topic = xstrdup(options->topic);
	p->options.idempotent = options->idempotent && options->acks == -1;
	p->options.transactional_id = options->transactional_id ? xstrdup(options->transactional_id) : NULL;
	p->codecs = codecs_new();
	list_init(&p->unplaced);
	list_init(&p->sendings);
	timer_init(&p->turn, p->loop, on_turn);
	arena_init(&p->metadata_arena, METADATA_ARENA_MAX);
	arena_init(&p->id_arena, ID_ARENA_MAX);
	if (options->transactional_id)
		begin_transactions(p);
	producer_want_metadata(p);
	producer_turn_soon(p);
	return p;
}

static void free_batches(struct list *batches)
{
	list_each_safe(it, batches) producer_batch_free(container_of(it, struct batch, link));
}

void producer_free(struct producer *p)
{
	timer_stop(&p->turn);
	if (p->metadata_asked)
		client_cancel(p->client, &p->metadata_call);
	if (p->id_asked)
		client_cancel(p->client, &p->id_call);
	if (p->transaction)
		transaction_free(p->transaction);
	producer_drop_requests(p);
	free_batches(&p->unplaced);
	for (int i = 0; i < p->n_partitions; i++)
		free_batches(&p->partitions[i].batches);
	arena_fini(&p->metadata_arena);
	arena_fini(&p->id_arena);
	codecs_free(p->codecs);
	xfree(p->partitions);
	xfree(p->loads);
	xfree((char *)p->options.topic);
	xfree((char *)p->options.transactional_id);
	xfree(p);
}

void producer_flush(struct producer *p)
{
	p->flushing = true;
	producer_turn_soon(p);
}

bool producer_is_full(const struct producer *p)
{
	return p->buffered >= p->options.buffer_bytes;
}

int64_t producer_waiting(const struct producer *p)
{
	return p->waiting;
}
