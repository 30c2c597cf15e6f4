/*
 * permissions: every API of the table, in its first and its last version, used by a principal that
 * may do nothing and by one that may do everything. The first is refused, or told about nothing,
 * and has caused nothing; the second is not refused for lack of a permission.
 *
 * The requests are made from the schemas: one of everything, all with the same name. compat/acls
 * compares with Apache Kafka that each thing is asked about, with the right operation.
 */
#include <string.h>

#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#include "base/err.h"
#include "broker/api.h"
#include "protocol/api_versions.h"
#include "protocol/create_delegation_token.h"
#include "protocol/create_partitions.h"
#include "protocol/delete_topics.h"
#include "protocol/describe_cluster.h"
#include "protocol/describe_delegation_token.h"
#include "protocol/expire_delegation_token.h"
#include "protocol/fetch.h"
#include "protocol/find_coordinator.h"
#include "protocol/list_groups.h"
#include "protocol/list_transactions.h"
#include "protocol/renew_delegation_token.h"
#include "protocol/sasl_authenticate.h"
#include "protocol/sasl_handshake.h"
#include "security/authorizer.h"

#define CONTROLLER_PORT 9093
#define NUMBER 77 /* of nothing that exists */

/* ---- one of everything ---- */

static bool is_in(const struct field *f, int version)
{
	return version >= f->first && version <= f->last;
}

static void fill(const struct schema *s, int version, void *out);

static void fill_value(const struct field *f, int version, void *at)
{
	switch (f->kind) {
	case FIELD_BOOL:
		*(bool *)at = false;
		break;
	case FIELD_INT8: /* a topic, where it is a resource type */
		*(int8_t *)at = 2;
		break;
	case FIELD_INT16:
	case FIELD_UINT16:
		*(int16_t *)at = 1;
		break;
	case FIELD_INT32:
	case FIELD_UINT32:
		*(int32_t *)at = NUMBER;
		break;
	case FIELD_INT64:
		*(int64_t *)at = NUMBER;
		break;
	case FIELD_STRING:
		*(struct str *)at = STR("x");
		break;
	case FIELD_BYTES:
		*(struct bytes *)at = (struct bytes){(const uint8_t *)"x", 1};
		break;
	case FIELD_STRUCT:
		fill(f->of, version, at);
		break;
	default: /* the default: no records, no id */
		break;
	}
}

static size_t size_of(const struct field *f)
{
	switch (f->kind) {
	case FIELD_STRUCT:
		return f->of->size;
	case FIELD_INT8:
	case FIELD_BOOL:
		return 1;
	case FIELD_INT16:
		return 2;
	case FIELD_INT32:
		return 4;
	case FIELD_INT64:
		return 8;
	default:
		return sizeof(struct str) > sizeof(struct uuid) ? sizeof(struct str) : sizeof(struct uuid);
	}
}

struct any_array {
	void *v;
	int32_t n;
};

static void fill_field(const struct field *f, int version, char *at)
{
	if (f->flags & FIELD_ARRAY) {
		struct any_array *a = (struct any_array *)at;

		*a = (struct any_array){arena_zalloc(&w->arena, size_of(f)), 1};
		fill_value(f, version, a->v);
	} else if (!(f->flags & FIELD_POINTER)) {
		fill_value(f, version, at);
	}
}

/* Tagged fields, and fields that the version lacks, keep their defaults. */
static void fill(const struct schema *s, int version, void *out)
{
	memcpy(out, s->defaults, s->size);
	for (int i = 0; i < s->n_fields; i++)
		if (is_in(&s->fields[i], version) && s->fields[i].tag == TAG_NONE)
			fill_field(&s->fields[i], version, (char *)out + s->fields[i].offset);
}

/* Sets what has to make sense before permissions are asked for. */
static void mend(const struct api *api, void *in)
{
	if (api->key == find_coordinator_request_KEY)
		((struct find_coordinator_request *)in)->key_type = 0;
	if (api->key == fetch_request_KEY)
		((struct fetch_request *)in)->session_epoch = 0;
}

/* ---- what is not refused to anybody ---- */

static const struct {
	int16_t key;
	const char *reason;
} open[] = {
	{api_versions_request_KEY, "whoever comes has to know what is spoken"},
	{sasl_handshake_request_KEY, "who does it is not known yet"},
	{sasl_authenticate_request_KEY, "who does it is not known yet"},
	{describe_cluster_request_KEY, "on brokers: only the operations are withheld"},
	{list_groups_request_KEY, "what may not be described is not in it"},
	{list_transactions_request_KEY, "what may not be described is not in it"},
	{create_delegation_token_request_KEY, "by this listener nobody has tokens"},
	{describe_delegation_token_request_KEY, "by this listener nobody has tokens"},
	{expire_delegation_token_request_KEY, "by this listener nobody has tokens"},
	{renew_delegation_token_request_KEY, "by this listener nobody has tokens"},
};

static bool is_open(const struct api *api)
{
	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++)
		if (open[i].key == api->key)
			return true;
	return false;
}

/* ---- asking ---- */

static bool is_refusal(const struct api *api, const void *out)
{
	static const int refusals[] = {ERR_TOPIC_AUTHORIZATION_FAILED, ERR_GROUP_AUTHORIZATION_FAILED,
				       ERR_CLUSTER_AUTHORIZATION_FAILED, ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (codec_has_error(api->out, out, refusals[i]))
			return true;
	return false;
}

/* How long the client is told to wait. Without quotas: not at all, also by a refusal. */
static int32_t told_to_wait_ms(const struct api *api, const void *out)
{
	for (int i = 0; i < api->out->n_fields; i++)
		if (strcmp(api->out->fields[i].name, "throttleTimeMs") == 0)
			return *(const int32_t *)((const char *)out + api->out->fields[i].offset);
	return 0;
}

/* Sent by the first client, which opens a new connection for each. */
static bool is_refused(const struct api *api, int version)
{
	void *in = arena_zalloc(&w->arena, api->in->size), *out = arena_zalloc(&w->arena, api->out->size);

	fill(api->in, version, in);
	mend(api, in);
	client_open_at(&w->a, api->flags & API_BROKER ? PORT : CONTROLLER_PORT);
	client_send(&w->a, api->in, version, in);
	client_take(&w->a, api->out, version, out);
	assert_int_equal(told_to_wait_ms(api, out), 0);
	return is_refusal(api, out);
}

/*
 * Old versions may have no room for the refusal, new ones ask by ids that nobody has: it shows in
 * one of the two.
 */
static void every_api_is(bool refused)
{
	const struct api *api;
	int n = 0;

	for (int i = 0; (api = api_row(i)); i++) {
		bool in_first, in_last;

		if (is_open(api))
			continue;
		in_first = is_refused(api, api->first);
		in_last = is_refused(api, api->last);
		if ((in_first || in_last) != refused)
			fail_msg("%s is %srefused", api->in->name, refused ? "not " : "");
		arena_reset(&w->arena);
		n++;
	}
	assert_true(n >= 50);
}

static int up_with(void **state, const char *more)
{
	const char *overrides[] = {
		"authorizer.class.name=" STANDARD_AUTHORIZER,
		"listeners=PLAINTEXT://10.0.0.1:9092,CONTROLLER://10.0.0.1:9093",
		"controller.listener.names=CONTROLLER",
		more,
	};

	return node_world_up_with(state, overrides, more ? 4 : 3);
}

static int up_for_nobody(void **state)
{
	return up_with(state, NULL);
}

static int up_for_everybody(void **state)
{
	return up_with(state, "super.users=User:ANONYMOUS");
}

static void who_may_do_nothing_is_refused_by_every_api(void **state)
{
	struct metadata_response topics;
	struct metadata_request in;

	(void)state;
	every_api_is(true);
	/* They have caused nothing, as a principal that may see everything can tell. */
	bring_down();
	w->overrides[3] = "super.users=User:ANONYMOUS";
	bring_up();
	client_open(&w->a);
	codec_init(&metadata_request_schema, &in);
	in.topics.n = -1;
	client_send(&w->a, &metadata_request_schema, 12, &in);
	client_take(&w->a, &metadata_response_schema, 12, &topics);
	assert_int_equal(topics.topics.n, 0);
}

static void what_is_named_twice_is_refused_once(void **state)
{
	struct delete_topics_request_topic gone[6] = {{STR("x"), UUID_ZERO}, {STR_NULL, {{9}}}, {STR("y"), UUID_ZERO},
						      {STR("x"), UUID_ZERO}, {STR_NULL, {{9}}}, {STR("x"), UUID_ZERO}};
	struct delete_topics_request removal = {.topics = {gone, 6}, .timeout_ms = 1000};
	struct delete_topics_response removed;
	struct create_partitions_request_topic more[4] = {{STR("x"), 2, {NULL, -1}},
							  {STR("y"), 2, {NULL, -1}},
							  {STR("x"), 2, {NULL, -1}},
							  {STR("x"), 2, {NULL, -1}}};
	struct create_partitions_request growth = {.topics = {more, 4}, .timeout_ms = 1000};
	struct create_partitions_response grown;

	(void)state;
	client_open(&w->a);
	client_send(&w->a, &delete_topics_request_schema, 6, &removal);
	client_take(&w->a, &delete_topics_response_schema, 6, &removed);
	assert_int_equal(removed.responses.n, 3);
	assert_true(str_is(removed.responses.v[0].name, "x"));
	assert_true(str_is(removed.responses.v[0].error_message, "Duplicate topic name."));
	assert_true(str_is(removed.responses.v[1].error_message, "Duplicate topic id."));
	assert_int_equal(removed.responses.v[1].topic_id.b[0], 9);
	assert_int_equal(removed.responses.v[2].error_code, ERR_TOPIC_AUTHORIZATION_FAILED);
	client_send(&w->a, &create_partitions_request_schema, 3, &growth);
	client_take(&w->a, &create_partitions_response_schema, 3, &grown);
	assert_int_equal(grown.results.n, 2);
	assert_true(str_is(grown.results.v[0].name, "x"));
	assert_int_equal(grown.results.v[0].error_code, ERR_INVALID_REQUEST);
	assert_true(str_is(grown.results.v[0].error_message, "Duplicate topic name."));
	assert_int_equal(grown.results.v[1].error_code, ERR_TOPIC_AUTHORIZATION_FAILED);
}

static void who_may_do_everything_is_refused_by_none(void **state)
{
	(void)state;
	every_api_is(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_may_do_nothing_is_refused_by_every_api, up_for_nobody,
						node_world_down),
		cmocka_unit_test_setup_teardown(what_is_named_twice_is_refused_once, up_for_nobody, node_world_down),
		cmocka_unit_test_setup_teardown(who_may_do_everything_is_refused_by_none, up_for_everybody,
						node_world_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
