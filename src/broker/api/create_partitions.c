/*
 * CreatePartitions: the controller decides. Topics that are named twice, or that the principal may
 * not alter, are refused here.
 */
#include "base/err.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/forward.h"
#include "broker/permission.h"
#include "protocol/create_partitions.h"

typedef struct create_partitions_request_topic asked;
typedef struct create_partitions_response_result told;

struct growth {
	struct create_partitions_request part; /* the part that the controller decides */
	told *refused;
	int n_refused;
};

static void refuse(struct growth *g, struct str name, int err, struct str words)
{
	told *t = &g->refused[g->n_refused++];

	*t = *(const told *)create_partitions_response_result_schema.defaults;
	t->name = name;
	t->error_code = (int16_t)err;
	t->error_message = words;
}

/*
 * A topic that is named twice is refused once, whether or not it may be altered; the others are
 * left in the part.
 */
static void refuse_duplicates(struct request *r, struct growth *g)
{
	const struct create_partitions_request *in = r->in;
	struct str_index counts; /* one less than how often each is named */

	str_index_init(&counts, env_random_u64(r->core->loop->env));
	for (int i = 0; i < in->topics.n; i++)
		if (++*str_index_at(&counts, in->topics.v[i].name) == 1)
			refuse(g, in->topics.v[i].name, ERR_INVALID_REQUEST, STR("Duplicate topic name."));
	g->part.topics.n = 0;
	for (int i = 0; i < in->topics.n; i++)
		if (*str_index_at(&counts, in->topics.v[i].name) == 0)
			g->part.topics.v[g->part.topics.n++] = in->topics.v[i];
	str_index_fini(&counts);
}

static void refuse_forbidden(struct request *r, struct growth *g)
{
	int n = g->part.topics.n;

	g->part.topics.n = 0;
	for (int i = 0; i < n; i++) {
		asked *t = &g->part.topics.v[i];

		if (request_may(r, ACL_ALTER, ACL_TOPIC, t->name))
			g->part.topics.v[g->part.topics.n++] = *t;
		else
			refuse(g, t->name, ERR_TOPIC_AUTHORIZATION_FAILED, STR_NULL);
	}
}

static bool sort_topics(struct request *r, struct growth *g)
{
	const struct create_partitions_request *in = r->in;

	g->part = *in;
	g->refused = arena_array(&r->arena, (size_t)in->topics.n + 1, sizeof(*g->refused));
	if (!g->refused || !ANSWER_ARRAY(r, g->part.topics, create_partitions_request_topic_schema, in->topics.n))
		return false;
	refuse_duplicates(r, g);
	refuse_forbidden(r, g);
	return true;
}

static enum outcome answer(struct request *r)
{
	const struct growth *g = r->state;
	struct create_partitions_response *out = r->out, decided = *out;

	if (g->n_refused == 0)
		return REPLY;
	if (!ANSWER_ARRAY(r, out->results, create_partitions_response_result_schema, decided.results.n + g->n_refused))
		return HANG_UP;
	for (int i = 0; i < decided.results.n; i++)
		out->results.v[i] = decided.results.v[i];
	for (int i = 0; i < g->n_refused; i++)
		out->results.v[decided.results.n + i] = g->refused[i];
	return REPLY;
}

static enum outcome run(struct request *r)
{
	struct growth *g = arena_zalloc(&r->arena, sizeof(*g));

	if (!g || !sort_topics(r, g))
		return HANG_UP;
	r->state = g;
	return forward_part(r, &(struct forward_part){.in = &g->part, .out = r->out, .answer = answer});
}

static void fail(struct request *r, int err, struct str message)
{
	const struct create_partitions_request *in = r->in;
	struct create_partitions_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->results, create_partitions_response_result_schema, in->topics.n))
		out->results.n = 0;
	for (int i = 0; i < out->results.n; i++) {
		out->results.v[i].name = in->topics.v[i].name;
		out->results.v[i].error_code = (int16_t)err;
		out->results.v[i].error_message = answer_api_words(err, message);
	}
}

static int32_t timeout(const void *in)
{
	return ((const struct create_partitions_request *)in)->timeout_ms;
}

const struct api api_create_partitions = {
	.key = create_partitions_request_KEY,
	.first = create_partitions_request_FIRST,
	.last = create_partitions_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.in = &create_partitions_request_schema,
	.out = &create_partitions_response_schema,
	.run = run,
	.fail = fail,
	.timeout_ms = timeout,
};
