/*
 * CreateTopics: the controller decides. Topics that the principal may not create are refused here,
 * and come after the others, as in Kafka. The settings of a new topic are shown to principals that
 * may describe them (KIP-525).
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "broker/permission.h"
#include "broker/permitted.h"
#include "protocol/create_topics.h"
#include "raft/message.h"

typedef struct create_topics_response_topic told;

struct creation {
	struct create_topics_request part; /* the part that the controller decides */
	struct str *refused;
	int n_refused;
};

/* ---- refusals ---- */

/* Nobody may create the metadata topic: that refusal is left to the controller. */
static bool sort_topics(struct request *r, struct creation *k)
{
	const struct create_topics_request *in = r->in;
	struct str *names = arena_array(&r->arena, (size_t)in->topics.n + 1, sizeof(*names));
	bool *may;

	k->refused = arena_array(&r->arena, (size_t)in->topics.n + 1, sizeof(*k->refused));
	if (!names || !k->refused || !ANSWER_ARRAY(r, k->part.topics, create_topics_request_topic_schema, in->topics.n))
		return false;
	for (int i = 0; i < in->topics.n; i++)
		names[i] = in->topics.v[i].name;
	may = permitted_each(r, ACL_CREATE, ACL_TOPIC, names, in->topics.n);
	k->part.topics.n = 0;
	for (int i = 0; may && i < in->topics.n; i++) {
		if (may[i] || str_is(names[i], METADATA_TOPIC))
			k->part.topics.v[k->part.topics.n++] = in->topics.v[i];
		else
			k->refused[k->n_refused++] = names[i];
	}
	return may != NULL;
}

/* ---- the answer ---- */

static void hide_settings(struct request *r, told *t)
{
	if (t->error_code || request_may_quietly(r, ACL_DESCRIBE_CONFIGS, ACL_TOPIC, t->name))
		return;
	t->topic_config_error_code = ERR_TOPIC_AUTHORIZATION_FAILED;
	t->num_partitions = -1;
	t->replication_factor = -1;
	t->configs.n = 0;
}

static enum outcome answer(struct request *r)
{
	const struct creation *k = r->state;
	struct create_topics_response *out = r->out, decided = *out;

	for (int i = 0; i < decided.topics.n; i++)
		hide_settings(r, &decided.topics.v[i]);
	if (k->n_refused == 0)
		return REPLY;
	if (!ANSWER_ARRAY(r, out->topics, create_topics_response_topic_schema, decided.topics.n + k->n_refused))
		return HANG_UP;
	for (int i = 0; i < decided.topics.n; i++)
		out->topics.v[i] = decided.topics.v[i];
	for (int i = 0; i < k->n_refused; i++) {
		told *t = &out->topics.v[decided.topics.n + i];

		t->name = k->refused[i];
		t->error_code = ERR_TOPIC_AUTHORIZATION_FAILED;
		t->error_message = STR("Authorization failed.");
	}
	return REPLY;
}

/* ---- the request ---- */

static enum outcome run(struct request *r)
{
	struct creation *k = arena_zalloc(&r->arena, sizeof(*k));

	if (!k)
		return HANG_UP;
	k->part = *(const struct create_topics_request *)r->in;
	if (!request_may_quietly(r, ACL_CREATE, ACL_CLUSTER, STR(ACL_CLUSTER_NAME)) && !sort_topics(r, k))
		return HANG_UP;
	r->state = k;
	return forward_part(r, &(struct forward_part){.in = &k->part, .out = r->out, .answer = answer});
}

static void fail(struct request *r, int err, struct str message)
{
	const struct create_topics_request *in = r->in;
	struct create_topics_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->topics, create_topics_response_topic_schema, in->topics.n))
		out->topics.n = 0;
	for (int i = 0; i < out->topics.n; i++) {
		out->topics.v[i].name = in->topics.v[i].name;
		out->topics.v[i].error_code = (int16_t)err;
		out->topics.v[i].error_message = answer_api_words(err, message);
	}
}

static int32_t timeout(const void *in)
{
	return ((const struct create_topics_request *)in)->timeout_ms;
}

const struct api api_create_topics = {
	.key = create_topics_request_KEY,
	.first = create_topics_request_FIRST,
	.last = create_topics_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.in = &create_topics_request_schema,
	.out = &create_topics_response_schema,
	.run = run,
	.fail = fail,
	.timeout_ms = timeout,
};
