/*
 * ApiVersions: the APIs that this listener serves, and the features of this node and of the
 * cluster.
 *
 * A version that is not served does not get here: dispatch answers it in version 0 (KIP-511).
 */
#include <string.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/kept_answer.h"
#include "broker/node_private.h"
#include "broker/throttle.h"
#include "controller/controller.h"
#include "protocol/api_versions.h"

/* [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? */
static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool software_is_valid(struct str s)
{
	if (s.len < 1 || !is_alphanumeric(s.p[0]) || !is_alphanumeric(s.p[s.len - 1]))
		return false;
	for (int i = 0; i < s.len; i++)
		if (!is_alphanumeric(s.p[i]) && s.p[i] != '-' && s.p[i] != '.')
			return false;
	return true;
}

static int check_request(struct request *r, const struct api_versions_request *in)
{
	if (r->version >= 3 &&
	    (!software_is_valid(in->client_software_name) || !software_is_valid(in->client_software_version)))
		return ERR_INVALID_REQUEST;
	if (r->version < 5)
		return 0;
	if (str_is_null(in->cluster_id) != (in->node_id == -1))
		return ERR_INVALID_REQUEST;
	if (!str_is_null(in->cluster_id) &&
	    (!str_eq(in->cluster_id, r->node->cluster_id) || in->node_id != r->node->id))
		return ERR_REBOOTSTRAP_REQUIRED;
	return 0;
}

static bool fill_keys(struct request *r, struct api_versions_response *out)
{
	int listener = r->from_controller ? API_CONTROLLER : API_BROKER;
	const struct api *api;
	int n = 0;

	if (!ANSWER_ARRAY(r, out->api_keys, api_versions_response_version_schema, API_KEYS_MAX))
		return false;
	for (int key = 0; key < API_KEYS_MAX; key++) {
		api = api_find(&r->node->apis, key);
		if (!api || !(api->flags & listener))
			continue;
		out->api_keys.v[n++] = (struct api_versions_response_version){
			.api_key = api->key,
			.min_version = api->flags & API_ADVERTISED_FROM_0 ? 0 : api->first,
			.max_version = api->last,
		};
	}
	out->api_keys.n = n;
	return true;
}

/* Clients of version 3 do not accept a range that begins at 0 (KAFKA-17011, KAFKA-17492). */
static bool fill_supported(struct request *r, struct api_versions_response *out)
{
	const struct controller_feature *f;
	int n = 0;

	for (f = CONTROLLER_FEATURES; f->name; f++)
		n++;
	if (!ANSWER_ARRAY(r, out->supported_features, api_versions_response_supported_feature_schema, n))
		return false;
	n = 0;
	for (f = CONTROLLER_FEATURES; f->name; f++) {
		if (f->max == 0 || (r->version < 4 && f->min == 0))
			continue;
		out->supported_features.v[n++] = (struct api_versions_response_supported_feature){
			.name = str_of(f->name), .min_version = f->min, .max_version = f->max};
	}
	out->supported_features.n = n;
	return true;
}

static void add_finalized(struct api_versions_response *out, struct str name, int16_t level)
{
	if (level > 0)
		out->finalized_features.v[out->finalized_features.n++] =
			(struct api_versions_response_finalized_feature){
				.name = name, .min_version_level = level, .max_version_level = level};
}

static bool fill_finalized(struct request *r, struct api_versions_response *out)
{
	const struct image_feature *f;
	struct image_iter it;
	int n = 2; /* metadata.version and kraft.version are not in the table */

	if (!r->image)
		return true;
	image_features(r->image, &it);
	while (image_features_next(&it))
		n++;
	if (!ANSWER_ARRAY(r, out->finalized_features, api_versions_response_finalized_feature_schema, n))
		return false;
	out->finalized_features.n = 0;
	add_finalized(out, STR("metadata.version"), image_metadata_version(r->image));
	add_finalized(out, STR("kraft.version"), quorum_kraft_version(r->node->quorum));
	image_features(r->image, &it);
	while ((f = image_features_next(&it)))
		add_finalized(out, f->name, f->level);
	out->finalized_features_epoch = image_offset(r->image);
	return true;
}

static void fail(struct request *r, int err, struct str message)
{
	struct api_versions_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

static enum outcome run(struct request *r)
{
	struct api_versions_response *out = r->out;
	/* In an Envelope the answer is encoded again; a throttled client is told how long to wait. */
	bool is_for_all = !r->envelope && throttle_is_idle(r);
	int err = check_request(r, r->in);
	struct kept_key key;

	if (err)
		return request_fail(r, err, STR_NULL);
	key = (struct kept_key){.image = r->image,
				.version = r->version,
				.listener = r->listener,
				.kraft_version = r->image ? quorum_kraft_version(r->node->quorum) : 0};
	if (is_for_all && kept_answer_use(r, &key))
		return REPLY;
	if (!fill_keys(r, out) || !fill_supported(r, out) || !fill_finalized(r, out))
		return HANG_UP;
	if (is_for_all)
		kept_answer_keep(r, &key);
	return REPLY;
}

const struct api api_api_versions = {
	.key = api_versions_request_KEY,
	.first = api_versions_request_FIRST,
	.last = api_versions_request_LAST,
	.flags = API_BROKER | API_CONTROLLER,
	.in = &api_versions_request_schema,
	.out = &api_versions_response_schema,
	.run = run,
	.fail = fail,
};
