/*
 * DeleteTopics: by name or by id, each topic once; a RemoveTopicRecord each (ControllerApis,
 * ReplicationControlManager).
 */
#include <errno.h>

#include "base/err.h"
#include "config/config.h"
#include "controller/controller.h"
#include "controller/internal.h"
#include "protocol/delete_topics.h"
#include "protocol/metadata_records.h"

typedef struct delete_topics_response_topic removal_answer;

/* What is asked for: a name (with a zero id), or an id (with a null name), or something wrong with both or neither. */
struct removal {
	struct str name;
	struct uuid id;
};

struct removals {
	const struct controller_context *ctx;
	const struct image *tip;
	struct removal *v;
	int n;
	struct uuid *taken; /* ids of topics that go */
	int n_taken;
	struct delete_topics_response *out;
	struct record_list *records;
};

static void answer(struct removals *r, struct str name, struct uuid id, int err, struct str message)
{
	removal_answer *a = &r->out->responses.v[r->out->responses.n++];

	*a = (removal_answer){name, id, (int16_t)err, str_is_null(message) && err ? str_of(err_message(err)) : message};
}

static bool same(const struct removal *a, const struct removal *b)
{
	return str_eq(a->name, b->name) && uuid_eq(a->id, b->id);
}

/* How often it is asked for, and whether it was before. */
static bool is_twice(const struct removals *r, int i, bool *first)
{
	bool twice = false;

	*first = true;
	for (int j = 0; j < r->n; j++) {
		if (j == i || !same(&r->v[i], &r->v[j]))
			continue;
		twice = true;
		*first &= j > i;
	}
	return twice;
}

static bool is_taken(const struct removals *r, struct uuid id)
{
	for (int i = 0; i < r->n_taken; i++)
		if (uuid_eq(r->taken[i], id))
			return true;
	return false;
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
	r->taken[r->n_taken++] = t->id;
	answer(r, arena_str(r->ctx->arena, t->name), t->id, 0, STR_NULL); /* the topic goes before the answer does */
	return 0;
}

static bool refuse_malformed(struct removals *r, int i)
{
	const struct removal *one = &r->v[i];
	bool by_name = !str_is_null(one->name), by_id = !uuid_is_zero(one->id), first;

	if (!by_name && !by_id)
		answer(r, STR_NULL, UUID_ZERO, ERR_INVALID_REQUEST, STR("Neither topic name nor id were specified."));
	else if (by_name && by_id)
		answer(r, one->name, one->id, ERR_INVALID_REQUEST,
		       STR("You may not specify both topic name and topic id."));
	else if (!is_twice(r, i, &first))
		return false;
	else if (first)
		answer(r, one->name, one->id, ERR_INVALID_REQUEST,
		       by_name ? STR("Duplicate topic name.") : STR("Duplicate topic id."));
	return true;
}

static int remove_one(struct removals *r, const struct removal *one)
{
	bool by_name = !str_is_null(one->name);
	const struct image_topic *t =
		by_name ? image_topic_by_name(r->tip, one->name) : image_topic_by_id(r->tip, one->id);

	if (!t) {
		answer(r, one->name, one->id, by_name ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_UNKNOWN_TOPIC_ID,
		       STR_NULL);
		return 0;
	}
	if (is_taken(r, t->id)) {
		answer(r, one->name, t->id, ERR_INVALID_REQUEST,
		       STR("The provided topic name maps to an ID that was already supplied."));
		return 0;
	}
	return take(r, t);
}

static int read_request(struct removals *r, const struct delete_topics_request *in)
{
	int n_names = in->topic_names.n > 0 ? in->topic_names.n : 0, n_topics = in->topics.n > 0 ? in->topics.n : 0;
	size_t n = (size_t)n_names + (size_t)n_topics;

	r->v = arena_array(r->ctx->arena, n, sizeof(*r->v));
	r->taken = arena_array(r->ctx->arena, n, sizeof(*r->taken));
	r->out->responses.v = arena_array(r->ctx->arena, n, sizeof(*r->out->responses.v));
	if (!r->v || !r->taken || !r->out->responses.v)
		return -ENOMEM;
	for (int i = 0; i < n_names; i++)
		r->v[r->n++] = (struct removal){in->topic_names.v[i], UUID_ZERO};
	for (int i = 0; i < n_topics; i++)
		r->v[r->n++] = (struct removal){in->topics.v[i].name, in->topics.v[i].topic_id};
	r->out->responses.n = 0;
	return 0;
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
	/* Ids before names, so that a name that says the same again is the one to be refused. */
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < r.n && !err; i++)
			if (str_is_null(r.v[i].name) == (pass == 0) && !refuse_malformed(&r, i))
				err = remove_one(&r, &r.v[i]);
	return err;
}
