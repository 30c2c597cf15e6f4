/*
 * describe: DescribeTransactions and ListTransactions, for the transactions of this shard
 * (KIP-664). Answered when everything they show is committed.
 */
#include <stdlib.h>

#include "base/err.h"
#include "protocol/describe_transactions.h"
#include "protocol/list_transactions.h"
#include "transaction/internal.h"

/* ---- DescribeTransactions ---- */

/* Topics in the order of their first partitions. */
static struct describe_transactions_response_topic *topic_of(struct describe_transactions_response_transaction *out,
							     struct str name)
{
	for (int i = 0; i < out->topics.n; i++)
		if (str_eq(out->topics.v[i].topic, name))
			return &out->topics.v[i];
	return NULL;
}

static struct describe_transactions_response_topic *
add_topic(struct shard_command *c, struct describe_transactions_response_transaction *out, struct str name, int room)
{
	struct describe_transactions_response_topic *to = &out->topics.v[out->topics.n++];

	to->topic = arena_str(c->arena, name);
	to->partitions.v = arena_array(c->arena, (size_t)room, sizeof(*to->partitions.v));
	return to;
}

static bool fill_topics(struct shard_command *c, const struct transaction_partitions *from,
			struct describe_transactions_response_transaction *out)
{
	out->topics.v = arena_array(c->arena, (size_t)from->n_topics + 1, sizeof(*out->topics.v));
	for (int i = 0; !c->arena->failed && i < from->n; i++) {
		struct str name = transaction_partitions_topic(from, i);
		struct describe_transactions_response_topic *to = topic_of(out, name);

		if (!to)
			to = add_topic(c, out, name, transaction_partitions_of(from, from->v[i].topic));
		if (to->partitions.v)
			to->partitions.v[to->partitions.n++] = from->v[i].partition;
	}
	return !c->arena->failed;
}

/* Partitions that have their marker are no longer listed. */
static bool is_being_marked(const struct transaction *t)
{
	return t->pending == TRANSACTION_COMPLETE_COMMIT || t->pending == TRANSACTION_COMPLETE_ABORT;
}

static bool fill(const struct transaction *t, struct shard_command *c,
		 struct describe_transactions_response_transaction *out)
{
	out->transaction_state = str_of(transaction_state_name(t->now.state));
	out->transaction_timeout_ms = t->now.timeout_ms;
	out->transaction_start_time_ms = t->now.start_ms;
	out->producer_id = t->now.producer_id;
	out->producer_epoch = t->now.epoch;
	return fill_topics(c, is_being_marked(t) ? &t->unmarked : &t->now.partitions, out);
}

void transaction_describe_command(struct transaction_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct str *id = c->in;
	const struct transaction *t = transaction_find(s, *id);
	struct describe_transactions_response_transaction *out = c->out;

	if (t && t->now.producer_id < 0)
		t = NULL; /* it has no producer id yet */
	out->transactional_id = *id;
	if (!t)
		out->error_code = ERR_TRANSACTIONAL_ID_NOT_FOUND;
	if (t && !fill(t, c, out))
		shard_refuse(step, c, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
	else
		shard_answer(step, c);
}

/* ---- ListTransactions ---- */

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool has_id(const struct list_transactions_request *in, int64_t id)
{
	return in->producer_id_filters.n <= 0 ||
	       bsearch(&id, in->producer_id_filters.v, (size_t)in->producer_id_filters.n, sizeof(id), by_id) != NULL;
}

/* One bit per state. */
static unsigned states_of(const struct list_transactions_request *in)
{
	unsigned states = in->state_filters.n <= 0 ? ~0U : 0;

	for (int i = 0; i < in->state_filters.n; i++)
		for (int state = 0; state < TRANSACTION_STATES; state++)
			if (str_is(in->state_filters.v[i], transaction_state_name((enum transaction_state)state)))
				states |= 1U << state;
	return states;
}

static bool is_wanted(const struct transaction *t, const struct list_transactions_request *in, unsigned states,
		      int64_t wall_ms)
{
	if (t->now.producer_id < 0 || (in->duration_filter >= 0 && wall_ms - t->now.start_ms <= in->duration_filter))
		return false;
	return has_id(in, t->now.producer_id) && (states & 1U << t->now.state) != 0;
}

void transaction_list_command(struct transaction_shard *s, struct shard_command *c, struct shard_step *step)
{
	struct list_transactions_response *out = c->out;
	unsigned states = states_of(c->in);
	int n = 0;

	out->transaction_states.v = arena_array(c->arena, s->transactions.n + 1, sizeof(*out->transaction_states.v));
	map_each(it, &s->transactions)
	{
		const struct transaction *t = container_of(it, struct transaction, node);

		if (c->arena->failed || !is_wanted(t, c->in, states, step->wall_ms))
			continue;
		out->transaction_states.v[n++] = (struct list_transactions_response_transaction){
			.transactional_id = arena_str(c->arena, str_of(t->id)),
			.producer_id = t->now.producer_id,
			.transaction_state = str_of(transaction_state_name(t->now.state)),
		};
	}
	out->transaction_states.n = n;
	if (c->arena->failed)
		shard_refuse(step, c, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
	else
		shard_answer(step, c);
}

/* ---- numbers ---- */

void transaction_census_take(struct transaction_census *c, const void *state)
{
	const struct transaction_shard *s = state;

	map_each(it, &s->transactions)
	{
		const struct transaction *t = container_of(it, struct transaction, node);

		if (t->is_logged && t->now.state >= 0 && (int)t->now.state < TRANSACTION_CENSUS_STATES)
			c->n[t->now.state]++;
	}
}

const char *transaction_census_name(int state)
{
	return transaction_state_name((enum transaction_state)state);
}
