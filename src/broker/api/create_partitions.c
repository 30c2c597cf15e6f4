/*
 * CreatePartitions: the controller decides. Topics that the principal may not alter are refused here.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "broker/permitted.h"
#include "protocol/create_partitions.h"

struct growth {
	struct create_partitions_request part; /* what is the controller's to decide */
	struct str *refused;
	int n_refused;
};

static bool sort_topics(struct request *r, struct growth *g)
{
	const struct create_partitions_request *in = r->in;
	struct str *names = arena_array(&r->arena, (size_t)in->topics.n + 1, sizeof(*names));
	bool *may;

	g->part = *in;
	g->refused = arena_array(&r->arena, (size_t)in->topics.n + 1, sizeof(*g->refused));
	if (!names || !g->refused ||
	    !ANSWER_ARRAY(r, g->part.topics, create_partitions_request_topic_schema, in->topics.n))
		return false;
	for (int i = 0; i < in->topics.n; i++)
		names[i] = in->topics.v[i].name;
	may = permitted_each(r, ACL_ALTER, ACL_TOPIC, names, in->topics.n);
	g->part.topics.n = 0;
	for (int i = 0; may && i < in->topics.n; i++) {
		if (may[i])
			g->part.topics.v[g->part.topics.n++] = in->topics.v[i];
		else
			g->refused[g->n_refused++] = names[i];
	}
	return may != NULL;
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
	for (int i = 0; i < g->n_refused; i++) {
		out->results.v[decided.results.n + i].name = g->refused[i];
		out->results.v[decided.results.n + i].error_code = ERR_TOPIC_AUTHORIZATION_FAILED;
	}
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
		out->results.v[i].error_message = answer_words(err, message);
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
