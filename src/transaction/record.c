/*
 * record: a transaction as in __transaction_state (TransactionLog): a key of version 0 with the id;
 * a value of version 1 if transaction.version is at least 1, otherwise 0; a tombstone for an
 * expired id. In Empty there are no partitions (null). Keys and values of other versions stay in
 * the log and are skipped.
 */
#include "base/check.h"
#include "base/err.h"
#include "base/hash_order.h"
#include "base/mem.h"
#include "protocol/transaction_records.h"
#include "transaction/internal.h"
#include "wire/codec.h"

#define TABLE_MIN 16

/* ---- writing ---- */

/*
 * Groups by topic, like Collectors.groupingBy: in a HashMap in whose slots the last one inserted
 * comes first, and which makes room for the existing entries, not for the new one.
 */
struct topics {
	struct transaction_log_value_partitions *v; /* in order of arrival */
	int32_t *hashes;
	int *index; /* for each topic of the set; -1: not seen yet */
	int n;
	size_t table;
};

static bool topics_init(struct topics *t, const struct transaction_partitions *p, struct arena *a)
{
	*t = (struct topics){
		.v = arena_array(a, (size_t)p->n_topics + 1, sizeof(*t->v)),
		.hashes = arena_array(a, (size_t)p->n_topics + 1, sizeof(*t->hashes)),
		.index = arena_array(a, (size_t)p->n_topics + 1, sizeof(*t->index)),
		.table = TABLE_MIN,
	};
	for (int i = 0; t->index && i < p->n_topics; i++)
		t->index[i] = -1;
	return t->v && t->hashes && t->index;
}

static bool topics_add(struct topics *t, const struct transaction_partitions *p, int i, struct arena *a)
{
	int topic = p->v[i].topic;
	struct transaction_log_value_partitions *to;

	t->table = order_table(t->table, (size_t)t->n);
	if (t->index[topic] < 0) {
		t->index[topic] = t->n;
		t->hashes[t->n] = p->topics[topic].hash;
		to = &t->v[t->n++];
		to->topic = str_of(p->topics[topic].name);
		to->partition_ids.v =
			arena_array(a, (size_t)transaction_partitions_of(p, topic), sizeof(*to->partition_ids.v));
	}
	to = &t->v[t->index[topic]];
	if (!to->partition_ids.v)
		return false;
	to->partition_ids.v[to->partition_ids.n++] = p->v[i].partition;
	return true;
}

static void topics_turn_round(struct topics *t)
{
	for (int i = 0, j = t->n - 1; i < j; i++, j--) {
		struct transaction_log_value_partitions v = t->v[i];
		int32_t hash = t->hashes[i];

		t->v[i] = t->v[j];
		t->v[j] = v;
		t->hashes[i] = t->hashes[j];
		t->hashes[j] = hash;
	}
}

static bool fill_partitions(const struct transaction_partitions *p, struct transaction_log_value *out, struct arena *a)
{
	struct topics t;

	if (!topics_init(&t, p, a))
		return false;
	for (int i = 0; i < p->n; i++)
		if (!topics_add(&t, p, i, a))
			return false;
	topics_turn_round(&t);
	order_members(t.v, t.n, sizeof(*t.v), t.hashes, t.table);
	out->transaction_partitions.v = t.v;
	out->transaction_partitions.n = t.n;
	return true;
}

void transaction_put(const struct transaction *t, const struct transaction_values *v, struct shard_step *step)
{
	struct transaction_log_key key = {.transactional_id = str_of(t->id)};
	int version = transaction_version(step) >= 1 ? 1 : 0;
	struct transaction_log_value value;

	codec_init(&transaction_log_value_schema, &value);
	value.producer_id = v->producer_id;
	value.producer_epoch = v->epoch;
	value.transaction_timeout_ms = v->timeout_ms;
	value.transaction_status = (int8_t)v->state;
	value.transaction_last_update_timestamp_ms = v->update_ms;
	value.transaction_start_timestamp_ms = v->start_ms;
	value.transaction_partitions.n = -1;
	if (version >= 1) {
		value.previous_producer_id = v->previous_producer_id;
		value.next_producer_id = v->next_producer_id;
		value.client_transaction_version = v->client_version;
	}
	if (v->state != TRANSACTION_EMPTY && !fill_partitions(&v->partitions, &value, step->arena))
		step->failed = true;
	else
		shard_put(step, &transaction_log_key_schema, &key, &transaction_log_value_schema, version, &value);
}

void transaction_put_tombstone(const struct transaction *t, struct shard_step *step)
{
	struct transaction_log_key key = {.transactional_id = str_of(t->id)};

	shard_put(step, &transaction_log_key_schema, &key, &transaction_log_value_schema, 0, NULL);
}

/* ---- reading ---- */

static void read_value(const struct transaction_log_value *in, struct transaction_values *out)
{
	*out = (struct transaction_values){
		.state = (enum transaction_state)in->transaction_status,
		.producer_id = in->producer_id,
		.previous_producer_id = in->previous_producer_id,
		.next_producer_id = in->next_producer_id,
		.epoch = in->producer_epoch,
		.last_epoch = NO_EPOCH,
		.client_version = in->client_transaction_version,
		.timeout_ms = in->transaction_timeout_ms,
		.start_ms = in->transaction_start_timestamp_ms,
		.update_ms = in->transaction_last_update_timestamp_ms,
	};
	for (int i = 0; out->state != TRANSACTION_EMPTY && i < in->transaction_partitions.n; i++)
		for (int j = 0; j < in->transaction_partitions.v[i].partition_ids.n; j++)
			transaction_partitions_add(&out->partitions, in->transaction_partitions.v[i].topic,
						   in->transaction_partitions.v[i].partition_ids.v[j]);
	transaction_partitions_rehash(&out->partitions);
}

static void set_now(struct transaction *t, struct transaction_values *v)
{
	transaction_partitions_fini(&t->now.partitions);
	t->now = *v;
	t->is_logged = true;
}

/* It was decided here: `next` has more than the log keeps. */
static void take_next(struct transaction *t, const struct transaction_values *logged)
{
	check(t->has_next && t->next.state == logged->state && t->next.producer_id == logged->producer_id &&
	      t->next.epoch == logged->epoch);
	set_now(t, &t->next);
	t->has_next = false;
}

/*
 * What a coordinator writes, in any version; anything else was written by something else, and no
 * decision can be based on it.
 */
static bool is_possible(const struct transaction_log_value *in)
{
	return in->transaction_status >= TRANSACTION_EMPTY && in->transaction_status <= TRANSACTION_COMPLETE_ABORT &&
	       in->producer_id >= 0 && in->producer_epoch >= 0 && in->transaction_start_timestamp_ms >= -1;
}

static int apply_value(struct transaction_shard *s, struct str id, const struct transaction_log_value *in,
		       const struct shard_position *at)
{
	struct transaction *t = transaction_find(s, id);
	struct transaction_values v;

	if (!is_possible(in))
		return ERR_CORRUPT_MESSAGE;
	if (!t)
		t = transaction_add(s, id);
	read_value(in, &v);
	if (at->loading) {
		set_now(t, &v);
		return 0;
	}
	take_next(t, &v);
	transaction_partitions_fini(&v.partitions);
	return 0;
}

/* For a tombstone of our own, a wait is pending: transaction_settled frees. */
static void apply_tombstone(struct transaction_shard *s, struct str id)
{
	struct transaction *t = transaction_find(s, id);

	if (!t)
		return;
	if (t->pending == TRANSACTION_NONE) {
		transaction_drop(s, t);
		return;
	}
	map_remove(&s->transactions, &t->node);
	t->has_gone = true;
}

int transaction_apply(void *state, const struct shard_record *r, const struct shard_position *at)
{
	struct transaction_log_key key;
	struct transaction_log_value value;
	int err;

	if (shard_record_number(r->key) != transaction_log_key_schema.key)
		return 0;
	err = shard_record_decode(&transaction_log_key_schema, 0, r->key, at->arena, &key);
	if (err)
		return err;
	if (!r->value.p) {
		apply_tombstone(state, key.transactional_id);
		return 0;
	}
	err = shard_record_decode(&transaction_log_value_schema, shard_record_number(r->value), r->value, at->arena,
				  &value);
	if (err == ERR_UNSUPPORTED_VERSION)
		return 0;
	return err ? err : apply_value(state, key.transactional_id, &value, at);
}
