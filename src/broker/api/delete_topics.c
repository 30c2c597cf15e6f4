/*
 * DeleteTopics: the controller decides. What the principal may not delete is refused here, without
 * revealing whether a topic exists that it may not describe.
 */
#include "base/err.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/forward.h"
#include "broker/permission.h"
#include "protocol/delete_topics.h"

typedef struct delete_topics_request_topic asked;
typedef struct delete_topics_response_topic told;

#define NOT_ASKED (-1)
#define TOLD (-2)

struct deletion {
	struct delete_topics_request part; /* the part that the controller decides */
	/* one less than how often each is requested; TOLD: refused; malformed items do not count */
	struct str_index names;
	struct str_index ids;
	told *refused;
	int n_refused;
};

/* ---- refusals ---- */

static bool may(struct request *r, enum acl_operation op, struct str name)
{
	return request_may(r, op, ACL_TOPIC, name);
}

static bool refuse_saying(struct deletion *d, struct str name, struct uuid id, int err, struct str words)
{
	d->refused[d->n_refused++] = (told){name, id, (int16_t)err, words};
	return true;
}

static bool refuse(struct deletion *d, struct str name, struct uuid id, int err)
{
	return refuse_saying(d, name, id, err, str_of(err_message(err)));
}

static int *count_of_id(struct deletion *d, const struct uuid *id)
{
	return str_index_at(&d->ids, (struct str){(const char *)id->b, sizeof(id->b)});
}

/*
 * Only a principal that may describe a topic learns that it does not exist. A topic whose id was
 * refused as a duplicate is not deleted by name either.
 */
static bool refuse_name(struct request *r, struct deletion *d, struct str name)
{
	bool describable = may(r, ACL_DESCRIBE, name), deletable = may(r, ACL_DELETE, name);
	const struct image_topic *t = r->image ? image_topic_by_name(r->image, name) : NULL;

	if (!describable || !deletable)
		return refuse(d, name, UUID_ZERO,
			      describable && !t ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_TOPIC_AUTHORIZATION_FAILED);
	if (!t || *count_of_id(d, &t->id) == NOT_ASKED || *count_of_id(d, &t->id) == 0)
		return false;
	return refuse_saying(d, name, t->id, ERR_INVALID_REQUEST,
			     STR("The provided topic name maps to an ID that was already supplied."));
}

/* An id must be known here, because permissions apply to the name behind it. */
static bool refuse_id(struct request *r, struct deletion *d, struct uuid id)
{
	const struct image_topic *t = r->image ? image_topic_by_id(r->image, id) : NULL;

	if (!t)
		return refuse(d, STR_NULL, id, ERR_UNKNOWN_TOPIC_ID);
	if (may(r, ACL_DELETE, t->name))
		return false;
	return refuse(d, may(r, ACL_DESCRIBE, t->name) ? t->name : STR_NULL, id, ERR_TOPIC_AUTHORIZATION_FAILED);
}

enum manner { BY_NAME, BY_ID, MALFORMED };

static enum manner manner_of(const asked *t)
{
	bool by_name = !str_is_null(t->name), by_id = !uuid_is_zero(t->topic_id);

	return by_name == by_id ? MALFORMED : by_name ? BY_NAME : BY_ID;
}

static int *count_of(struct deletion *d, const asked *t)
{
	return manner_of(t) == BY_NAME ? str_index_at(&d->names, t->name) : count_of_id(d, &t->topic_id);
}

/*
 * Malformed items are left to the controller to refuse. An item that occurs twice is refused once,
 * whether or not it may be deleted.
 */
static bool refuse_topic(struct request *r, struct deletion *d, const asked *t)
{
	enum manner manner = manner_of(t);
	int *again = manner == MALFORMED ? NULL : count_of(d, t);

	if (!again)
		return false;
	if (*again == TOLD)
		return true;
	if (*again > 0) {
		*again = TOLD;
		return refuse_saying(d, t->name, t->topic_id, ERR_INVALID_REQUEST,
				     manner == BY_NAME ? STR("Duplicate topic name.") : STR("Duplicate topic id."));
	}
	return manner == BY_NAME ? refuse_name(r, d, t->name) : refuse_id(r, d, t->topic_id);
}

static void count(struct deletion *d, const asked *t)
{
	if (manner_of(t) != MALFORMED)
		++*count_of(d, t);
}

static void sort_topics(struct request *r, struct deletion *d)
{
	const struct delete_topics_request *in = r->in;

	for (int i = 0; i < in->topics.n; i++)
		count(d, &in->topics.v[i]);
	for (int i = 0; i < in->topic_names.n; i++)
		count(d, &(asked){in->topic_names.v[i], UUID_ZERO});
	for (int i = 0; i < in->topics.n; i++)
		if (!refuse_topic(r, d, &in->topics.v[i]))
			d->part.topics.v[d->part.topics.n++] = in->topics.v[i];
	for (int i = 0; i < in->topic_names.n; i++) {
		asked t = {in->topic_names.v[i], UUID_ZERO};

		if (!refuse_topic(r, d, &t))
			d->part.topic_names.v[d->part.topic_names.n++] = t.name;
	}
}

static bool sort(struct request *r, struct deletion *d)
{
	const struct delete_topics_request *in = r->in;
	size_t n_topics = in->topics.n > 0 ? (size_t)in->topics.n : 0;
	size_t n_names = in->topic_names.n > 0 ? (size_t)in->topic_names.n : 0;

	d->part.topics.v = arena_array(&r->arena, n_topics + 1, sizeof(*d->part.topics.v));
	d->part.topic_names.v = arena_array(&r->arena, n_names + 1, sizeof(*d->part.topic_names.v));
	d->refused = arena_array(&r->arena, n_topics + n_names + 1, sizeof(*d->refused));
	if (!d->part.topics.v || !d->part.topic_names.v || !d->refused)
		return false;
	d->part.topics.n = d->part.topic_names.n = 0;
	str_index_init(&d->names, env_random_u64(r->core->loop->env));
	str_index_init(&d->ids, env_random_u64(r->core->loop->env));
	sort_topics(r, d);
	str_index_fini(&d->names);
	str_index_fini(&d->ids);
	return true;
}

/* ---- the answer ---- */

static enum outcome answer(struct request *r)
{
	const struct deletion *d = r->state;
	struct delete_topics_response *out = r->out, decided = *out;

	if (d->n_refused == 0)
		return REPLY;
	if (!ANSWER_ARRAY(r, out->responses, delete_topics_response_topic_schema, decided.responses.n + d->n_refused))
		return HANG_UP;
	for (int i = 0; i < decided.responses.n; i++)
		out->responses.v[i] = decided.responses.v[i];
	for (int i = 0; i < d->n_refused; i++)
		out->responses.v[decided.responses.n + i] = d->refused[i];
	return REPLY;
}

/* ---- the request ---- */

static enum outcome run(struct request *r)
{
	struct deletion *d = arena_zalloc(&r->arena, sizeof(*d));

	if (!d)
		return HANG_UP;
	d->part = *(const struct delete_topics_request *)r->in;
	if (!request_may_quietly(r, ACL_DELETE, ACL_CLUSTER, STR(ACL_CLUSTER_NAME)) && !sort(r, d))
		return HANG_UP;
	r->state = d;
	return forward_part(r, &(struct forward_part){.in = &d->part, .out = r->out, .answer = answer});
}

/* Leaves the message out, as Kafka does. */
static void fail(struct request *r, int err, struct str message)
{
	const struct delete_topics_request *in = r->in;
	struct delete_topics_response *out = r->out;
	int n = r->version >= 6 ? in->topics.n : in->topic_names.n;

	(void)message;
	if (!ANSWER_ARRAY(r, out->responses, delete_topics_response_topic_schema, n))
		out->responses.n = 0;
	for (int i = 0; i < out->responses.n; i++) {
		out->responses.v[i].error_code = (int16_t)err;
		out->responses.v[i].name = r->version >= 6 ? in->topics.v[i].name : in->topic_names.v[i];
		if (r->version >= 6)
			out->responses.v[i].topic_id = in->topics.v[i].topic_id;
	}
}

static int32_t timeout(const void *in)
{
	return ((const struct delete_topics_request *)in)->timeout_ms;
}

const struct api api_delete_topics = {
	.key = delete_topics_request_KEY,
	.first = delete_topics_request_FIRST,
	.last = delete_topics_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.in = &delete_topics_request_schema,
	.out = &delete_topics_response_schema,
	.run = run,
	.fail = fail,
	.timeout_ms = timeout,
};
