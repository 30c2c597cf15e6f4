/*
 * DeleteTopics: by name or by id, each topic once; one RemoveTopicRecord each (ControllerApis,
 * ReplicationControlManager).
 */
#include <errno.h>

#include "base/err.h"
#include "base/str_index.h"
#include "config/config.h"
#include "controller/controller.h"
#include "controller/internal.h"
#include "protocol/delete_topics.h"
#include "protocol/metadata_records.h"

typedef struct delete_topics_response_topic removal_answer;

#define TOLD (-2)

/* One item: a name (with a zero id), an id (with a null name), or an invalid one with both or neither. */
struct removal {
	struct str name;
	struct uuid id;
};

struct removals {
	const struct controller_context *ctx;
	const struct image *tip;
	struct removal *v;
	int n;
	struct str_index names;
	struct str_index ids;	/* as strings */
	struct str_index named; /* those of them that are also named */
	struct delete_topics_response *out;
	struct record_list *records;
};

static void answer(struct removals *r, struct str name, struct uuid id, int err, struct str message)
{
	removal_answer *a = &r->out->responses.v[r->out->responses.n++];

	*a = (removal_answer){name, id, (int16_t)err, str_is_null(message) && err ? str_of(err_message(err)) : message};
}

static struct str id_text(const struct uuid *id)
{
	return (struct str){(const char *)id->b, sizeof(id->b)};
}

/* One less than how often it was requested; TOLD: its refusal is in the answer. */
static int *count_of(struct removals *r, const struct removal *one)
{
	return str_is_null(one->name) ? str_index_at(&r->ids, id_text(&one->id)) : str_index_at(&r->names, one->name);
}

static bool is_malformed(const struct removal *one)
{
	return str_is_null(one->name) == uuid_is_zero(one->id);
}

static void count(struct removals *r)
{
	for (int i = 0; i < r->n; i++)
		if (!is_malformed(&r->v[i]))
			++*count_of(r, &r->v[i]);
}

static int take(struct removals *r, const struct image_topic *t)
{
	struct api_error e = check_quota(r->ctx, t->n_partitions);
	struct remove_topic_record *record;

	if (e.code) {
		answer(r, arena_str(r->ctx->arena, t->name), t->id, e.code, e.message);
		return 0;
	}
	record = record_list_add(r->records, RECORD_REMOVE_TOPIC, 0);
	if (!record)
		return -ENOMEM;
	record->topic_id = t->id;
	/* copied: the topic is freed before the answer is sent */
	answer(r, arena_str(r->ctx->arena, t->name), t->id, 0, STR_NULL);
	return 0;
}

static bool refuse_malformed(struct removals *r, const struct removal *one)
{
	bool by_name = !str_is_null(one->name);
	int *count;

	if (is_malformed(one)) {
		answer(r, one->name, one->id, ERR_INVALID_REQUEST,
		       by_name ? STR("You may not specify both topic name and topic id.")
			       : STR("Neither topic name nor id were specified."));
		return true;
	}
	count = count_of(r, one);
	if (*count == 0)
		return false;
	if (*count != TOLD)
		answer(r, one->name, one->id, ERR_INVALID_REQUEST,
		       by_name ? STR("Duplicate topic name.") : STR("Duplicate topic id."));
	*count = TOLD;
	return true;
}

/* A topic requested by id as well is kept; only its name gets an answer, with the reason. */
static int remove_named(struct removals *r, const struct removal *one)
{
	const struct image_topic *t = image_topic_by_name(r->tip, one->name);

	if (!t) {
		answer(r, one->name, one->id, ERR_UNKNOWN_TOPIC_OR_PARTITION, STR_NULL);
		return 0;
	}
	if (!str_index_has(&r->ids, id_text(&t->id)))
		return take(r, t);
	*str_index_at(&r->named, id_text(&t->id)) = 0;
	answer(r, one->name, t->id, ERR_INVALID_REQUEST,
	       STR("The provided topic name maps to an ID that was already supplied."));
	return 0;
}

static int remove_by_id(struct removals *r, const struct removal *one)
{
	const struct image_topic *t = image_topic_by_id(r->tip, one->id);

	if (t)
		return str_index_has(&r->named, id_text(&t->id)) ? 0 : take(r, t);
	answer(r, one->name, one->id, ERR_UNKNOWN_TOPIC_ID, STR_NULL);
	return 0;
}

static int remove_one(struct removals *r, const struct removal *one)
{
	if (refuse_malformed(r, one))
		return 0;
	return str_is_null(one->name) ? remove_by_id(r, one) : remove_named(r, one);
}

static int read_request(struct removals *r, const struct delete_topics_request *in)
{
	int n_names = in->topic_names.n > 0 ? in->topic_names.n : 0, n_topics = in->topics.n > 0 ? in->topics.n : 0;
	size_t n = (size_t)n_names + (size_t)n_topics;

	r->v = arena_array(r->ctx->arena, n, sizeof(*r->v));
	r->out->responses.v = arena_array(r->ctx->arena, n, sizeof(*r->out->responses.v));
	if (!r->v || !r->out->responses.v)
		return -ENOMEM;
	for (int i = 0; i < n_names; i++)
		r->v[r->n++] = (struct removal){in->topic_names.v[i], UUID_ZERO};
	for (int i = 0; i < n_topics; i++)
		r->v[r->n++] = (struct removal){in->topics.v[i].name, in->topics.v[i].topic_id};
	r->out->responses.n = 0;
	return 0;
}

/* Names before ids, so that ids know which topics are also named. */
static int remove_all(struct removals *r)
{
	int err = 0;

	str_index_init(&r->names, r->ctx->random(r->ctx->random_arg));
	str_index_init(&r->ids, r->ctx->random(r->ctx->random_arg));
	str_index_init(&r->named, r->ctx->random(r->ctx->random_arg));
	count(r);
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < r->n && !err; i++)
			if (str_is_null(r->v[i].name) == (pass == 1))
				err = remove_one(r, &r->v[i]);
	str_index_fini(&r->names);
	str_index_fini(&r->ids);
	str_index_fini(&r->named);
	return err;
}

int controller_delete_topics(struct controller *c, const struct controller_context *ctx,
			     const struct delete_topics_request *in, struct delete_topics_response *out,
			     struct record_list *records)
{
	struct removals r = {.ctx = ctx, .tip = tip(c), .out = out, .records = records};
	int err;

	if (!config_bool(c->config, CONFIG_DELETE_TOPIC_ENABLE))
		return ctx->version < 3
			       ? refuse(ctx, ERR_INVALID_REQUEST, "This version does not support topic deletion.")
			       : ERR_TOPIC_DELETION_DISABLED;
	if (in->topics.n > RECORDS_PER_OPERATION_MAX || in->topic_names.n > RECORDS_PER_OPERATION_MAX)
		return refuse_large(ctx);
	err = read_request(&r, in);
	if (err)
		return err;
	records->atomic = true;
	return remove_all(&r);
}
