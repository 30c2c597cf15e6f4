/*
 * shard: the table of transactional ids of one partition of __transaction_state, its timers, and
 * the dispatch of commands.
 */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "metadata/image.h"
#include "protocol/add_offsets_to_txn.h"
#include "protocol/add_partitions_to_txn.h"
#include "protocol/describe_transactions.h"
#include "protocol/end_txn.h"
#include "protocol/init_producer_id.h"
#include "protocol/list_transactions.h"
#include "transaction/internal.h"

/* ---- the table ---- */

static uint64_t id_hash(const struct map *m, struct str id)
{
	return hash_bytes(m->seed, id.p, (size_t)id.len);
}

static bool id_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct transaction, node)->id);
}

struct transaction *transaction_find(const struct transaction_shard *s, struct str id)
{
	struct map_node *n = map_find(&s->transactions, id_hash(&s->transactions, id), id_eq, &id);

	return n ? container_of(n, struct transaction, node) : NULL;
}

struct transaction *transaction_add(struct transaction_shard *s, struct str id)
{
	struct transaction *t = xcalloc(1, sizeof(*t));

	t->id = str_dup(id);
	t->now = (struct transaction_values){
		.state = TRANSACTION_EMPTY,
		.producer_id = -1,
		.previous_producer_id = -1,
		.next_producer_id = -1,
		.epoch = NO_EPOCH,
		.last_epoch = NO_EPOCH,
		.start_ms = -1,
	};
	t->pending = TRANSACTION_NONE;
	t->spare_id = -1;
	list_init(&t->link);
	map_insert(&s->transactions, &t->node, id_hash(&s->transactions, id));
	return t;
}

void transaction_drop(struct transaction_shard *s, struct transaction *t)
{
	if (!t->has_gone)
		map_remove(&s->transactions, &t->node);
	list_remove(&t->link);
	transaction_partitions_fini(&t->now.partitions);
	if (t->has_next)
		transaction_partitions_fini(&t->next.partitions);
	transaction_partitions_fini(&t->unmarked);
	xfree(t->id);
	xfree(t);
}

int16_t transaction_version(const struct shard_step *step)
{
	return step->image ? image_feature_level(step->image, STR("transaction.version")) : 0;
}

/* ---- commands ---- */

static const struct {
	int16_t api;
	transaction_command_fn *run;
} COMMANDS[] = {
	{init_producer_id_request_KEY, transaction_init_command},
	{add_partitions_to_txn_request_KEY, transaction_add_command},
	{add_offsets_to_txn_request_KEY, transaction_offsets_command},
	{end_txn_request_KEY, transaction_end_command},
	{describe_transactions_request_KEY, transaction_describe_command},
	{list_transactions_request_KEY, transaction_list_command},
};

void transaction_command(void *state, struct shard_command *c, struct shard_step *step)
{
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		if (COMMANDS[i].api == c->api) {
			COMMANDS[i].run(state, c, step);
			return;
		}
	check(false);
}

int transaction_error_since(const struct shard_command *c, int err, int16_t since)
{
	return err == ERR_PRODUCER_FENCED && c->version < since ? ERR_INVALID_PRODUCER_EPOCH : err;
}

/* ---- timers ---- */

void transaction_retry_later(struct transaction_shard *s, struct transaction *t, int64_t now_ms)
{
	list_remove(&t->link);
	t->retry_ms = now_ms + RETRY_MS;
	list_push(&s->retries, &t->link);
}

static int64_t first_retry_ms(const struct transaction_shard *s)
{
	return list_empty(&s->retries) ? INT64_MAX : container_of(s->retries.next, struct transaction, link)->retry_ms;
}

static int64_t next_ms(const void *state)
{
	const struct transaction_shard *s = state;
	int64_t scan = s->abort_ms < s->expire_ms ? s->abort_ms : s->expire_ms;
	int64_t retry = first_retry_ms(s);

	return retry < scan ? retry : scan;
}

static int64_t interval_ms(const struct transaction_shard *s, enum config_id id)
{
	return config_long(s->options.config, id);
}

static void tick(void *state, struct shard_step *step)
{
	struct transaction_shard *s = state;

	if (first_retry_ms(s) <= step->now_ms) {
		struct transaction *t = container_of(s->retries.next, struct transaction, link);

		list_remove(&t->link);
		transaction_go_on_or_wait(s, t, step);
	} else if (s->abort_ms <= step->now_ms) {
		s->abort_ms = step->now_ms +
			      interval_ms(s, CONFIG_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS);
		transaction_abort_slow(s, step);
	} else if (s->expire_ms <= step->now_ms) {
		s->expire_ms = step->now_ms +
			       interval_ms(s, CONFIG_TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS);
		transaction_expire(s, step);
	}
}

/* ---- life ---- */

static void *new (const struct shard_options *options)
{
	struct transaction_shard *s = xcalloc(1, sizeof(*s));

	s->options = *options;
	s->abort_ms = s->expire_ms = INT64_MAX;
	map_init(&s->transactions, options->seed);
	list_init(&s->retries);
	list_init(&s->held);
	return s;
}

/* Continues ending transactions, now that everything read is known to be committed. */
static void loaded(void *state, struct shard_step *step)
{
	struct transaction_shard *s = state;

	s->abort_ms = step->now_ms + interval_ms(s, CONFIG_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS);
	s->expire_ms = step->now_ms + interval_ms(s, CONFIG_TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS);
	map_each(n, &s->transactions)
	{
		struct transaction *t = container_of(n, struct transaction, node);

		if (!transaction_is_prepared(t->now.state))
			continue;
		t->pending = t->now.state;
		shard_written(step, transaction_settled, t);
	}
}

static void unload(void *state, struct shard_step *step, int err)
{
	struct transaction_shard *s = state;

	while (!list_empty(&s->held)) {
		struct shard_command *c = container_of(s->held.next, struct shard_command, link);

		list_remove(&c->link);
		shard_refuse(step, c, err, STR_NULL);
	}
}

static void free_shard(void *state)
{
	struct transaction_shard *s = state;

	map_each(n, &s->transactions) transaction_drop(s, container_of(n, struct transaction, node));
	map_fini(&s->transactions);
	xfree(s);
}

static void committed(void *state, int64_t offset)
{
	(void)state;
	(void)offset;
}

/* Nothing writes to __transaction_state in a transaction. */
static int end_transaction(void *state, int64_t producer_id, int16_t producer_epoch, bool commit,
			   const struct shard_position *at)
{
	(void)state;
	(void)producer_id;
	(void)producer_epoch;
	(void)commit;
	(void)at;
	return 0;
}

const struct shard_type transaction_shard_type = {
	.topic = "__transaction_state",
	.new = new,
	.free = free_shard,
	.apply = transaction_apply,
	.end_transaction = end_transaction,
	.committed = committed,
	.loaded = loaded,
	.command = transaction_command,
	.next_ms = next_ms,
	.tick = tick,
	.unload = unload,
};
