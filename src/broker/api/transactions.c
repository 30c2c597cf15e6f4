/*
 * ListTransactions and DescribeTransactions: answered by the coordinators on this node (KIP-664).
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/coordinator_request.h"
#include "broker/core.h"
#include "broker/permission.h"
#include "group/regex.h"
#include "protocol/describe_transactions.h"
#include "protocol/list_transactions.h"
#include "transaction/transaction.h"

typedef struct list_transactions_response_transaction listed;

/* ---- ListTransactions ---- */

/* There are eight states. Kafka accepts any number of filters. */
#define STATE_FILTERS_MAX 10000

static void list_fail(struct request *r, int err, struct str message)
{
	(void)message;
	*(struct list_transactions_response *)r->out = (struct list_transactions_response){.error_code = (int16_t)err};
}

/*
 * Reduces the filters to each state once. Unknown states go into the answer; if there are only
 * unknown ones, one of them is kept, which matches no transaction.
 */
static void narrow_states(struct request *r, struct list_transactions_request *to)
{
	const struct list_transactions_request *in = r->in;
	struct list_transactions_response *out = r->out;
	struct str_index seen;

	str_index_init(&seen, env_random_u64(r->core->loop->env));
	for (int i = 0; i < in->state_filters.n; i++) {
		struct str name = in->state_filters.v[i];

		if (++*str_index_at(&seen, name) > 0)
			continue;
		if (transaction_state_is_known(name))
			to->state_filters.v[to->state_filters.n++] = name;
		else
			out->unknown_state_filters.v[out->unknown_state_filters.n++] = name;
	}
	str_index_fini(&seen);
	if (to->state_filters.n == 0 && in->state_filters.n > 0)
		to->state_filters.v[to->state_filters.n++] = in->state_filters.v[0];
}

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The question for the shards; NULL without memory. */
static const struct list_transactions_request *narrow(struct request *r)
{
	const struct list_transactions_request *in = r->in;
	struct list_transactions_response *out = r->out;
	struct list_transactions_request *to = arena_alloc(&r->arena, sizeof(*to));
	size_t n_states = in->state_filters.n > 0 ? (size_t)in->state_filters.n : 0;
	size_t n_ids = in->producer_id_filters.n > 0 ? (size_t)in->producer_id_filters.n : 0;

	if (!to)
		return NULL;
	*to = *in;
	to->state_filters.n = 0;
	to->state_filters.v = arena_array(&r->arena, n_states + 1, sizeof(*to->state_filters.v));
	to->producer_id_filters.v = arena_array(&r->arena, n_ids + 1, sizeof(*to->producer_id_filters.v));
	out->unknown_state_filters.v = arena_array(&r->arena, n_states + 1, sizeof(*out->unknown_state_filters.v));
	if (!to->state_filters.v || !to->producer_id_filters.v || !out->unknown_state_filters.v)
		return NULL;
	narrow_states(r, to);
	for (size_t i = 0; i < n_ids; i++)
		to->producer_id_filters.v[i] = in->producer_id_filters.v[i];
	qsort(to->producer_id_filters.v, n_ids, sizeof(*to->producer_id_filters.v), by_id);
	return to;
}

static int count_listed(const struct coordinator_fan *f)
{
	int n = 0;

	for (int i = 0; i < f->n; i++)
		if (f->v[i].command.c.err == 0)
			n += ((const struct list_transactions_response *)f->v[i].out)->transaction_states.n;
	return n;
}

/* A shard that has moved away meanwhile has nothing to list; any other error is that of the whole list. */
static int list_error(const struct coordinator_fan *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->v[i].command.c.err && f->v[i].command.c.err != ERR_NOT_COORDINATOR)
			return f->v[i].command.c.err;
	return 0;
}

static void gather(struct coordinator_fan *f, const struct regex *pattern, struct list_transactions_response *out)
{
	int n = 0;

	for (int i = 0; i < f->n; i++) {
		const struct list_transactions_response *part = f->v[i].out;

		for (int j = 0; f->v[i].command.c.err == 0 && j < part->transaction_states.n; j++) {
			const listed *t = &part->transaction_states.v[j];

			if ((!pattern || regex_matches(pattern, t->transactional_id)) &&
			    request_may(f->r, ACL_DESCRIBE, ACL_TRANSACTIONAL_ID, t->transactional_id))
				out->transaction_states.v[n++] = *t;
		}
	}
	out->transaction_states.n = n;
}

static void list_finish(struct coordinator_fan *f)
{
	const struct list_transactions_request *in = f->r->in;
	struct list_transactions_response *out = f->r->out;
	struct regex *pattern = NULL;
	struct str why = STR_NULL;
	int err = list_error(f);

	if (!err && in->transactional_id_pattern.len > 0) {
		pattern = regex_new(in->transactional_id_pattern, &why);
		err = pattern ? 0 : ERR_INVALID_REGULAR_EXPRESSION;
	}
	if (!err && !ANSWER_ARRAY(f->r, out->transaction_states, list_transactions_response_transaction_schema,
				  count_listed(f)))
		err = ERR_UNKNOWN_SERVER_ERROR;
	if (err)
		list_fail(f->r, err, why);
	else
		gather(f, pattern, out);
	regex_free(pattern);
}

static enum outcome list(struct request *r)
{
	const struct list_transactions_request *in = r->in;

	if (in->state_filters.n > STATE_FILTERS_MAX) {
		list_fail(r, ERR_INVALID_REQUEST, STR_NULL);
		return REPLY;
	}
	in = r->image ? narrow(r) : NULL;
	return in ? coordinator_fan_run_all(r, COORDINATOR_TRANSACTION, in, list_finish) : HANG_UP;
}

const struct api api_list_transactions = {
	.key = list_transactions_request_KEY,
	.first = list_transactions_request_FIRST,
	.last = list_transactions_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &list_transactions_request_schema,
	.out = &list_transactions_response_schema,
	.run = list,
	.fail = list_fail,
};

/* ---- DescribeTransactions ---- */

/* Keeps only those partitions that may be described. */
static void drop_unseen(struct request *r, struct describe_transactions_response_transaction *t)
{
	int n = 0;

	for (int i = 0; i < t->topics.n; i++)
		if (request_may(r, ACL_DESCRIBE, ACL_TOPIC, t->topics.v[i].topic))
			t->topics.v[n++] = t->topics.v[i];
	t->topics.n = n;
}

static void describe_finish(struct coordinator_fan *f)
{
	for (int i = 0; i < f->n; i++) {
		struct describe_transactions_response_transaction *t = f->v[i].out;

		if (f->v[i].command.c.err)
			t->error_code = (int16_t)f->v[i].command.c.err;
		drop_unseen(f->r, t);
	}
}

static bool describe_shape(struct request *r, int err)
{
	const struct describe_transactions_request *in = r->in;
	struct describe_transactions_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->transaction_states, describe_transactions_response_transaction_schema,
			  in->transactional_ids.n))
		return false;
	for (int i = 0; i < in->transactional_ids.n; i++) {
		out->transaction_states.v[i].transactional_id = in->transactional_ids.v[i];
		out->transaction_states.v[i].error_code = (int16_t)err;
	}
	return true;
}

/* Answers what needs no coordinator; returns how many are left for one. */
static int refuse_described(struct request *r)
{
	struct describe_transactions_response *out = r->out;
	int n = 0;

	for (int i = 0; i < out->transaction_states.n; i++) {
		struct describe_transactions_response_transaction *t = &out->transaction_states.v[i];

		if (!request_may(r, ACL_DESCRIBE, ACL_TRANSACTIONAL_ID, t->transactional_id))
			t->error_code = ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
		else if (t->transactional_id.len == 0)
			t->error_code = ERR_INVALID_REQUEST;
		n += t->error_code == 0;
	}
	return n;
}

static enum outcome describe(struct request *r)
{
	const struct describe_transactions_request *in = r->in;
	struct describe_transactions_response *out = r->out;
	struct coordinator_fan *f;
	int asked = 0;

	if (!r->image || !describe_shape(r, 0))
		return HANG_UP;
	f = coordinator_fan_new(r, COORDINATOR_TRANSACTION, refuse_described(r), describe_finish, NULL);
	if (!f)
		return HANG_UP;
	for (int i = 0; i < in->transactional_ids.n; i++) {
		const struct str *id = &in->transactional_ids.v[i];

		if (out->transaction_states.v[i].error_code)
			continue;
		f->v[asked].out = &out->transaction_states.v[i];
		coordinator_fan_ask(f, asked++, *id, id);
	}
	return coordinator_fan_run(f);
}

static void describe_fail(struct request *r, int err, struct str message)
{
	(void)message;
	describe_shape(r, err);
}

const struct api api_describe_transactions = {
	.key = describe_transactions_request_KEY,
	.first = describe_transactions_request_FIRST,
	.last = describe_transactions_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &describe_transactions_request_schema,
	.out = &describe_transactions_response_schema,
	.run = describe,
	.fail = describe_fail,
};
