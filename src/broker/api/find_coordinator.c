/*
 * FindCoordinator: no coordinator is served yet; every key is answered with COORDINATOR_NOT_AVAILABLE, which clients take for a reason to
 * ask again. (librdkafka compresses with lz4 only where this API is advertised.)
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "protocol/find_coordinator.h"

enum key_type { KEY_GROUP = 0, KEY_TRANSACTION = 1, KEY_SHARE = 2 };

/* "group:topic id:partition", as SharePartitionKey.validate has it: three parts, none empty, a uuid and a number. */
static bool share_key_is_valid(struct str key)
{
	int last = -1, before = -1;
	struct uuid id;
	int32_t partition;

	for (int i = 0; i < key.len; i++)
		if (key.p[i] == ':') {
			before = last;
			last = i;
		}
	if (before <= 0)
		return false;
	return uuid_parse((struct str){key.p + before + 1, last - before - 1}, &id) &&
	       str_to_i32((struct str){key.p + last + 1, key.len - last - 1}, &partition);
}

static int judge(const struct request *r, int8_t type, struct str key)
{
	if (type < KEY_GROUP || type > KEY_SHARE || (type == KEY_SHARE && (r->version < 6 || !share_key_is_valid(key))))
		return ERR_INVALID_REQUEST;
	return ERR_COORDINATOR_NOT_AVAILABLE;
}

static enum outcome run(struct request *r)
{
	const struct find_coordinator_request *in = r->in;
	struct find_coordinator_response *out = r->out;

	if (r->version < 4)
		return request_fail(r, judge(r, in->key_type, in->key), STR_NULL);
	if (!ANSWER_ARRAY(r, out->coordinators, find_coordinator_response_coordinator_schema, in->coordinator_keys.n))
		return HANG_UP;
	for (int i = 0; i < in->coordinator_keys.n; i++) {
		out->coordinators.v[i].key = in->coordinator_keys.v[i];
		out->coordinators.v[i].error_code = (int16_t)judge(r, in->key_type, in->coordinator_keys.v[i]);
		out->coordinators.v[i].node_id = -1;
		out->coordinators.v[i].port = -1;
	}
	return REPLY;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct find_coordinator_request *in = r->in;
	struct find_coordinator_response *out = r->out;

	if (r->version < 4) {
		out->error_code = (int16_t)err;
		out->error_message = str_is_null(message) ? str_of(err_message(err)) : message;
		out->node_id = -1;
		out->port = -1;
		return;
	}
	if (!ANSWER_ARRAY(r, out->coordinators, find_coordinator_response_coordinator_schema, in->coordinator_keys.n))
		out->coordinators.n = 0;
	for (int i = 0; i < out->coordinators.n; i++) {
		out->coordinators.v[i].key = in->coordinator_keys.v[i];
		out->coordinators.v[i].error_code = (int16_t)err;
		out->coordinators.v[i].node_id = -1;
		out->coordinators.v[i].port = -1;
	}
}

const struct api api_find_coordinator = {
	.key = find_coordinator_request_KEY,
	.first = find_coordinator_request_FIRST,
	.last = find_coordinator_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DESCRIBE,
	.acl_resource = ACL_GROUP,
	.in = &find_coordinator_request_schema,
	.out = &find_coordinator_response_schema,
	.run = run,
	.fail = fail,
};
