/*
 * AlterConfigs and IncrementalAlterConfigs: see alter.h. Both are one struct in C
 * (alter_configs.msg); the old request sets everything it names. The answer is in the order of the
 * request.
 */
#include <errno.h>

#include "base/err.h"
#include "broker/alter.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/forward.h"
#include "protocol/alter_configs.h"

extern const struct api api_alter_configs;

static bool replaces(const struct request *r)
{
	return r->api == &api_alter_configs;
}

static int read_resource(struct request *r, const struct incremental_alter_configs_request_resource *in,
			 struct alteration *a)
{
	struct alter_change *v = alteration_init(r, a, in->resource_type, in->resource_name, in->configs.n);

	a->from_nothing = replaces(r);
	for (int i = 0; v && i < in->configs.n; i++)
		v[i] = (struct alter_change){in->configs.v[i].name, in->configs.v[i].value,
					     in->configs.v[i].config_operation};
	return v ? 0 : -ENOMEM;
}

static void answer_one(const struct alter *alter, const struct alteration *a,
		       struct incremental_alter_configs_response_resource *out)
{
	const struct incremental_alter_configs_response *theirs = alter->answer;

	*out = (struct incremental_alter_configs_response_resource){(int16_t)a->err, a->message, a->type, a->name};
	if (a->done)
		return;
	out->error_code = ERR_UNKNOWN_SERVER_ERROR;
	for (int i = 0; i < theirs->responses.n; i++)
		if (theirs->responses.v[i].resource_type == a->type &&
		    str_eq(theirs->responses.v[i].resource_name, a->name))
			*out = theirs->responses.v[i];
}

static enum outcome answer(struct request *r)
{
	const struct alter *alter = r->state;
	struct incremental_alter_configs_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->responses, incremental_alter_configs_response_resource_schema, alter->n))
		return HANG_UP;
	out->responses.n = 0;
	for (int i = 0; i < alter->n; i++)
		if (!alter->v[i].is_left_out)
			answer_one(alter, &alter->v[i], &out->responses.v[out->responses.n++]);
	return REPLY;
}

/* Sends what is left to the controller as a request of its own. */
static enum outcome forward(struct request *r, struct alter *alter)
{
	const struct incremental_alter_configs_request *in = r->in;
	struct incremental_alter_configs_request *rest = arena_zalloc(&r->arena, sizeof(*rest));

	alter->answer = arena_zalloc(&r->arena, sizeof(struct incremental_alter_configs_response));
	if (!rest || !alter->answer ||
	    !ANSWER_ARRAY(r, rest->resources, incremental_alter_configs_request_resource_schema, alter_left(alter)))
		return HANG_UP;
	rest->validate_only = in->validate_only;
	for (int i = 0, n = 0; i < alter->n; i++)
		if (!alter->v[i].done)
			rest->resources.v[n++] = in->resources.v[i];
	return forward_part(r, &(struct forward_part){.in = rest, .out = alter->answer, .answer = answer});
}

static enum outcome go_on(struct request *r)
{
	struct alter *alter = r->state;

	return alter_left(alter) > 0 ? forward(r, alter) : answer(r);
}

static enum outcome run(struct request *r)
{
	const struct incremental_alter_configs_request *in = r->in;
	struct alter *alter = alter_new(r, in->resources.n);

	if (!alter)
		return HANG_UP;
	for (int i = 0; i < alter->n; i++)
		if (read_resource(r, &in->resources.v[i], &alter->v[i]))
			return HANG_UP;
	if (alter_check(r, alter, !replaces(r), in->validate_only))
		return HANG_UP;
	return alter_try(r, alter, go_on);
}

static void fail(struct request *r, int err, struct str message)
{
	const struct incremental_alter_configs_request *in = r->in;
	struct incremental_alter_configs_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->responses, incremental_alter_configs_response_resource_schema, in->resources.n))
		return;
	for (int i = 0; i < in->resources.n; i++)
		out->responses.v[i] = (struct incremental_alter_configs_response_resource){
			.error_code = (int16_t)err,
			.error_message = answer_api_words(err, message),
			.resource_type = in->resources.v[i].resource_type,
			.resource_name = in->resources.v[i].resource_name,
		};
}

const struct api api_alter_configs = {
	.key = alter_configs_request_KEY,
	.first = alter_configs_request_FIRST,
	.last = alter_configs_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.in = &alter_configs_request_schema,
	.out = &alter_configs_response_schema,
	.run = run,
	.fail = fail,
};

const struct api api_incremental_alter_configs = {
	.key = incremental_alter_configs_request_KEY,
	.first = incremental_alter_configs_request_FIRST,
	.last = incremental_alter_configs_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.in = &incremental_alter_configs_request_schema,
	.out = &incremental_alter_configs_response_schema,
	.run = run,
	.fail = fail,
};
