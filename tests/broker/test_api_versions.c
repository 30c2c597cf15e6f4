/*
 * api_versions: what a node says of itself in ApiVersions: features, as each version of the request
 * can read them, and who may ask. (The versions of the APIs are in test_api.)
 */
#include <string.h>

#include "base/err.h"
#include "protocol/api_versions.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

static struct api_versions_response ask(int version, const struct api_versions_request *in)
{
	struct api_versions_response out;

	client_send(&w->a, &api_versions_request_schema, version, in);
	client_take(&w->a, &api_versions_response_schema, version, &out);
	return out;
}

static struct api_versions_request request_of(struct str software, struct str release)
{
	struct api_versions_request in;

	codec_init(&api_versions_request_schema, &in);
	in.client_software_name = software;
	in.client_software_version = release;
	return in;
}

static struct api_versions_response ask_plainly(int version)
{
	struct api_versions_request in = request_of(STR("test"), STR("1"));

	return ask(version, &in);
}

static const struct api_versions_response_supported_feature *supported(const struct api_versions_response *r,
								       struct str name)
{
	for (int i = 0; i < r->supported_features.n; i++)
		if (str_eq(r->supported_features.v[i].name, name))
			return &r->supported_features.v[i];
	return NULL;
}

static int finalized(const struct api_versions_response *r, const char *name)
{
	for (int i = 0; i < r->finalized_features.n; i++)
		if (str_is(r->finalized_features.v[i].name, name))
			return r->finalized_features.v[i].max_version_level;
	return 0;
}

/* Java clients that speak version 3 cannot read a range that begins at 0 (KAFKA-17011, KAFKA-17492). */
static void a_feature_that_begins_at_0_is_told_of_from_version_4_on(void **state)
{
	struct api_versions_response old = ask_plainly(3), new;

	(void)state;
	assert_int_equal(old.supported_features.n, 1);
	assert_true(str_is(old.supported_features.v[0].name, "metadata.version"));
	assert_true(old.supported_features.v[0].min_version > 0);
	new = ask_plainly(4);
	assert_true(new.supported_features.n > 1);
	assert_int_equal(supported(&new, STR("group.version"))->min_version, 0);
	assert_int_equal(supported(&new, STR("group.version"))->max_version, 1);
	assert_int_equal(supported(&new, STR("transaction.version"))->min_version, 0);
	assert_int_equal(supported(&new, STR("transaction.version"))->max_version, 2);
}

/*
 * Clients take group.version and transaction.version from here: without them they use the classic
 * protocol and transactions of version 0. None is beyond what is known.
 */
static void levels_that_are_in_force_are_told_to_all(void **state)
{
	(void)state;
	for (int version = 3; version <= 5; version++) {
		struct api_versions_response out = ask_plainly(version), all;

		assert_int_equal(finalized(&out, "group.version"), 1);
		assert_int_equal(finalized(&out, "transaction.version"), 2);
		assert_true(finalized(&out, "metadata.version") > 0);
		assert_true(out.finalized_features_epoch >= 0);
		for (int i = 0; i < out.finalized_features.n; i++) /* they are in the frame */
			out.finalized_features.v[i].name = arena_str(&w->arena, out.finalized_features.v[i].name);
		all = ask_plainly(4);
		for (int i = 0; i < out.finalized_features.n; i++) {
			const struct api_versions_response_finalized_feature *f = &out.finalized_features.v[i];
			const struct api_versions_response_supported_feature *s = supported(&all, f->name);

			assert_non_null(s);
			assert_in_range(f->max_version_level, 1, s->max_version);
			assert_true(f->max_version_level >= s->min_version);
			assert_int_equal(f->min_version_level, f->max_version_level);
		}
	}
}

static void who_asks_has_a_name_as_kafkas_clients_have(void **state)
{
	static const struct str good[] = {STR("a"), STR("librdkafka"), STR("apache-kafka-java"), STR("A.b-9"),
					  STR("2.11.1-1.0.0")};
	static const struct str bad[] = {STR(""),   STR(" "),	STR("a b"),	 STR("-a"),  STR("a-"),
					 STR("a."), STR("a_b"), STR("\xc3\xa4"), STR("a\n"), STR("a\0b")};

	(void)state;
	for (int version = 3; version <= 5; version++) {
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
			struct api_versions_request in = request_of(good[i], good[i]);

			assert_int_equal(ask(version, &in).error_code, 0);
		}
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct api_versions_request name = request_of(bad[i], STR("1"));
			struct api_versions_request release = request_of(STR("test"), bad[i]);

			assert_int_equal(ask(version, &name).error_code, ERR_INVALID_REQUEST);
			assert_int_equal(ask(version, &release).error_code, ERR_INVALID_REQUEST);
		}
	}
	assert_int_equal(ask_plainly(2).error_code, 0);
}

/* The id as Kafka makes it: 16 bytes in base64 for URLs, without padding. */
static void a_cluster_has_an_id_of_22_letters(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(out.cluster_id.len, 22);
	for (int i = 0; i < 22; i++)
		assert_non_null(memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
				       out.cluster_id.p[i], 64));
}

/* KIP-1242: the address belongs to another cluster, or to another node, by now. */
static void who_looks_for_another_node_is_told_to_start_over(void **state)
{
	struct api_versions_request in = request_of(STR("test"), STR("1"));
	struct metadata_response here;
	char id[23] = {0};

	(void)state;
	ask_metadata("t", &here);
	memcpy(id, here.cluster_id.p, 22);
	in.cluster_id = str_of(id);
	in.node_id = 1;
	assert_int_equal(ask(5, &in).error_code, 0);
	in.node_id = 2;
	assert_int_equal(ask(5, &in).error_code, ERR_REBOOTSTRAP_REQUIRED);
	in.node_id = 1;
	in.cluster_id = STR("another");
	assert_int_equal(ask(5, &in).error_code, ERR_REBOOTSTRAP_REQUIRED);
	in.cluster_id = STR_NULL; /* one without the other */
	assert_int_equal(ask(5, &in).error_code, ERR_INVALID_REQUEST);
	in.cluster_id = str_of(id);
	in.node_id = -1;
	assert_int_equal(ask(5, &in).error_code, ERR_INVALID_REQUEST);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, node_world_up, node_world_down)
	const struct CMUnitTest tests[] = {
		TEST(a_feature_that_begins_at_0_is_told_of_from_version_4_on),
		TEST(levels_that_are_in_force_are_told_to_all),
		TEST(who_asks_has_a_name_as_kafkas_clients_have),
		TEST(a_cluster_has_an_id_of_22_letters),
		TEST(who_looks_for_another_node_is_told_to_start_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
