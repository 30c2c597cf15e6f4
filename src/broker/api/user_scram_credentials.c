/*
 * AlterUserScramCredentials, decided by the controller, and DescribeUserScramCredentials, answered
 * from a broker's image (KIP-554).
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash_order.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/forward.h"
#include "metadata/credential.h"
#include "protocol/alter_user_scram_credentials.h"
#include "protocol/describe_user_scram_credentials.h"
#include "security/scram.h"

/* ---- alter ---- */

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct alter_user_scram_credentials_response_result *)a)->user,
		       ((const struct alter_user_scram_credentials_response_result *)b)->user);
}

/* Each user once, by name. */
static void alter_fail(struct request *r, int err, struct str message)
{
	const struct alter_user_scram_credentials_request *in = r->in;
	struct alter_user_scram_credentials_response *out = r->out;
	int n = in->deletions.n + in->upsertions.n, kept = 0;

	if (!ANSWER_ARRAY(r, out->results, alter_user_scram_credentials_response_result_schema, n)) {
		out->results.n = 0;
		return;
	}
	for (int i = 0; i < n; i++)
		out->results.v[i] = (struct alter_user_scram_credentials_response_result){
			.user = i < in->deletions.n ? in->deletions.v[i].name
						    : in->upsertions.v[i - in->deletions.n].name,
			.error_code = (int16_t)err,
			.error_message = answer_words(err, message),
		};
	qsort(out->results.v, (size_t)n, sizeof(*out->results.v), by_name);
	for (int i = 0; i < n; i++)
		if (kept == 0 || !str_eq(out->results.v[kept - 1].user, out->results.v[i].user))
			out->results.v[kept++] = out->results.v[i];
	out->results.n = kept;
}

const struct api api_alter_user_scram_credentials = {
	.key = alter_user_scram_credentials_request_KEY,
	.first = alter_user_scram_credentials_request_FIRST,
	.last = alter_user_scram_credentials_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.acl_operation = ACL_ALTER,
	.in = &alter_user_scram_credentials_request_schema,
	.out = &alter_user_scram_credentials_response_schema,
	.run = forward_run,
	.fail = alter_fail,
};

/* ---- describe ---- */

struct asked {
	struct str name;
	bool twice;
};

struct asking {
	struct str_index index;
	struct asked *v;
	int n;
};

static void describe_fail(struct request *r, int err, struct str message)
{
	const struct describe_user_scram_credentials_request *in = r->in;
	struct describe_user_scram_credentials_response *out = r->out;
	int n = in->users.n > 0 ? in->users.n : 0;

	out->error_code = (int16_t)err;
	out->error_message = message; /* Kafka leaves out an error's default message here (ApiError.fromThrowable) */
	if (!ANSWER_ARRAY(r, out->results, describe_user_scram_credentials_response_result_schema, n))
		out->results.n = 0;
	for (int i = 0; i < out->results.n; i++) {
		out->results.v[i].error_code = (int16_t)err;
		out->results.v[i].error_message = out->error_message;
	}
}

static void ask(struct asking *a, struct str name, bool is_list)
{
	int *at = str_index_at(&a->index, name);

	if (*at >= 0) {
		a->v[*at].twice |= !is_list;
		return;
	}
	*at = a->n++;
	a->v[*at] = (struct asked){.name = name};
}

static int credential_count(const struct image *i)
{
	struct image_iter it;
	int n = 0;

	image_scrams(i, &it);
	while (image_scrams_next(&it))
		n++;
	return n;
}

/* The users to be described; if none is named, all who have a credential. */
static bool read_asking(struct request *r, struct asking *a)
{
	const struct describe_user_scram_credentials_request *in = r->in;
	const struct image_scram *c;
	struct image_iter it;
	bool all = in->users.n <= 0;
	int n = all ? credential_count(r->image) : in->users.n;

	a->v = arena_array(&r->arena, (size_t)n + 1, sizeof(*a->v));
	if (!a->v)
		return false;
	str_index_init(&a->index, env_random_u64(r->core->loop->env));
	image_scrams(r->image, &it);
	while (all && (c = image_scrams_next(&it)))
		ask(a, c->user, true);
	for (int i = 0; !all && i < n; i++)
		ask(a, in->users.v[i].name, false);
	str_index_fini(&a->index);
	return true;
}

static bool put_in_order(struct request *r, struct asking *a)
{
	int32_t *hashes = arena_array(&r->arena, (size_t)a->n + 1, sizeof(*hashes));

	for (int i = 0; hashes && i < a->n; i++)
		hashes[i] = str_java_hash(a->v[i].name);
	if (hashes)
		order_members(a->v, a->n, sizeof(*a->v), hashes, order_table(16, (size_t)a->n));
	return hashes;
}

static bool fill_user(struct request *r, const struct asked *who,
		      struct describe_user_scram_credentials_response_result *out)
{
	int n = 0;

	out->user = who->name;
	if (!ANSWER_ARRAY(r, out->credential_infos, describe_user_scram_credentials_response_credential_schema, 2))
		return false;
	for (int8_t m = SCRAM_SHA_256; m <= SCRAM_SHA_512 && !who->twice; m++) {
		const struct image_scram *c = image_scram(r->image, m, who->name);

		if (!c)
			continue;
		out->credential_infos.v[n].mechanism = m;
		out->credential_infos.v[n++].iterations = c->iterations;
	}
	out->credential_infos.n = n;
	if (who->twice) {
		out->error_code = ERR_DUPLICATE_RESOURCE;
		out->error_message = arena_printf(
			&r->arena,
			"Cannot describe SCRAM credentials for the same user twice in a single request: %.*s",
			STR_ARG(who->name));
	} else if (n == 0) {
		out->error_code = ERR_RESOURCE_NOT_FOUND;
		out->error_message =
			arena_printf(&r->arena, "Attempt to describe a user credential that does not exist: %.*s",
				     STR_ARG(who->name));
	}
	return !r->arena.failed;
}

static enum outcome describe(struct request *r)
{
	struct describe_user_scram_credentials_response *out = r->out;
	struct asking a = {.n = 0};

	if (r->from_controller || !r->image) /* Kafka's controllers list this API, but do not serve it */
		return request_fail(r, ERR_UNKNOWN_SERVER_ERROR, answer_words(ERR_UNKNOWN_SERVER_ERROR, STR_NULL));
	if (!read_asking(r, &a) || !put_in_order(r, &a) ||
	    !ANSWER_ARRAY(r, out->results, describe_user_scram_credentials_response_result_schema, a.n))
		return HANG_UP;
	for (int i = 0; i < a.n; i++)
		if (!fill_user(r, &a.v[i], &out->results.v[i]))
			return HANG_UP;
	return REPLY;
}

const struct api api_describe_user_scram_credentials = {
	.key = describe_user_scram_credentials_request_KEY,
	.first = describe_user_scram_credentials_request_FIRST,
	.last = describe_user_scram_credentials_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_PLAIN_REFUSAL,
	.acl_operation = ACL_DESCRIBE,
	.in = &describe_user_scram_credentials_request_schema,
	.out = &describe_user_scram_credentials_response_schema,
	.run = describe,
	.fail = describe_fail,
};
