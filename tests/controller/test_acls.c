/*
 * acls: CreateAcls and DeleteAcls, decided as by AclControlManager: what is written, and the limit
 * on how much.
 */
#include <string.h>

#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "metadata/acls.h"
#include "protocol/create_acls.h"
#include "protocol/delete_acls.h"
#include "protocol/metadata_records.h"
#include "security/acl.h"

static struct create_acls_request_creation acl(const char *topic, const char *host)
{
	return (struct create_acls_request_creation){ACL_TOPIC,	   str_of(topic), ACL_LITERAL, STR("User:a"),
						     str_of(host), ACL_READ,	  ACL_ALLOW};
}

static struct create_acls_response_result create_one(struct world *w, struct create_acls_request_creation one)
{
	struct create_acls_request in = {{&one, 1}};
	struct create_acls_response out;

	assert_int_equal(RUN(w, create_acls, 3, &in, &out), 0);
	assert_int_equal(out.results.n, 1);
	return out.results.v[0];
}

static void what_is_there_is_not_written_again(void **state)
{
	struct world *w = *state;
	struct create_acls_request_creation two[] = {acl("t", "*"), acl("t", "*")};
	struct create_acls_request in = {{two, 2}};
	struct create_acls_response out;

	assert_int_equal(RUN(w, create_acls, 3, &in, &out), 0);
	assert_int_equal(out.results.n, 2);
	assert_int_equal(out.results.v[1].error_code, 0);
	assert_int_equal(w->records.n, 1);
	assert_true(w->records.atomic);
	assert_int_equal(create_one(w, two[0]).error_code, 0);
	assert_int_equal(w->records.n, 0);
	assert_int_equal(image_acl_count(tip(w)), 1);
	two[0].permission_type = ACL_DENY;
	create_one(w, two[0]);
	assert_int_equal(image_acl_count(tip(w)), 2);
}

/* The metadata.version of an earlier release. */
static void step_back(struct world *w)
{
	struct feature_level_record *r;

	record_list_init(&w->records, &w->arena);
	r = record_list_add(&w->records, RECORD_FEATURE_LEVEL, 0);
	r->name = STR("metadata.version");
	r->feature_level = 31;
	apply(w);
}

static void ranges_of_addresses_want_their_metadata_version(void **state)
{
	struct world *w = *state;
	struct create_acls_response_result r;

	assert_int_equal(create_one(w, acl("t", "10.0.0.0/8")).error_code, 0);
	step_back(w);
	r = create_one(w, acl("t", "10.1.0.0/16"));
	assert_int_equal(r.error_code, ERR_UNSUPPORTED_VERSION);
	assert_true(
		str_is(r.error_message, "CIDR-based ACL host patterns require metadata version 4.4-IV1 or higher."));
	assert_int_equal(create_one(w, acl("t", "10.1.0.1")).error_code, 0);
}

static int create_many(struct world *w, int n, int from)
{
	struct create_acls_request in = {{arena_array(&w->arena, (size_t)n, sizeof(*in.creations.v)), n}};
	struct create_acls_response out;

	for (int i = 0; i < n; i++) {
		in.creations.v[i] = acl("", "*");
		in.creations.v[i].resource_name = arena_printf(&w->arena, "t%d", from + i);
	}
	return RUN(w, create_acls, 3, &in, &out);
}

static int delete_all(struct world *w, struct delete_acls_response *out)
{
	struct describe_acls_request both[] = {
		{ACL_ANY_RESOURCE, STR_NULL, ACL_ANY_PATTERN, STR_NULL, STR_NULL, ACL_ANY_OPERATION,
		 ACL_ANY_PERMISSION},
		{ACL_TOPIC, STR("t1"), ACL_LITERAL, STR_NULL, STR_NULL, ACL_ANY_OPERATION, ACL_ANY_PERMISSION}};
	struct delete_acls_request in = {{both, 2}};

	return RUN(w, delete_acls, 3, &in, out);
}

static void what_two_filters_match_goes_once(void **state)
{
	struct world *w = *state;
	struct delete_acls_response out;

	assert_int_equal(create_many(w, 3, 0), 0);
	assert_int_equal(delete_all(w, &out), 0);
	assert_int_equal(out.filter_results.v[0].matching_acls.n, 3);
	assert_int_equal(out.filter_results.v[1].matching_acls.n, 1);
	assert_int_equal(w->records.n, 3);
	assert_int_equal(image_acl_count(tip(w)), 0);
}

static void one_operation_makes_ten_thousand_records_at_most(void **state)
{
	struct world *w = *state;
	struct delete_acls_response out;

	assert_int_equal(create_many(w, 10001, 0), ERR_POLICY_VIOLATION);
	assert_int_equal(image_acl_count(tip(w)), 0);
	assert_int_equal(create_many(w, 10000, 0), 0);
	assert_int_equal(create_many(w, 1, 10000), 0);
	assert_int_equal(image_acl_count(tip(w)), 10001);
	assert_int_equal(delete_all(w, &out), ERR_INVALID_REQUEST);
	assert_true(str_is(w->why, "Cannot remove more than 10000 acls in a single delete operation."));
	assert_int_equal(image_acl_count(tip(w)), 10001);
}

static void names_that_differ_behind_a_zero_byte_are_two(void **state)
{
	struct world *w = *state;
	struct create_acls_request_creation two[] = {acl("", "*"), acl("", "*")};
	struct create_acls_request in = {{two, 2}};
	struct create_acls_response out;

	two[0].resource_name = STR("g\0a");
	two[1].resource_name = STR("g\0b");
	assert_int_equal(RUN(w, create_acls, 3, &in, &out), 0);
	assert_int_equal(w->records.n, 2);
	assert_int_equal(image_acl_count(tip(w)), 2);
}

static void a_deletion_has_ten_thousand_filters_at_most(void **state)
{
	struct world *w = *state;
	struct delete_acls_request in = {{arena_array(&w->arena, 10001, sizeof(*in.filters.v)), 10001}};
	struct delete_acls_response out;

	assert_int_equal(RUN(w, delete_acls, 3, &in, &out), ERR_POLICY_VIOLATION);
	in.filters.n = 10000;
	assert_int_equal(RUN(w, delete_acls, 3, &in, &out), 0);
	assert_int_equal(out.filter_results.n, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_not_written_again),
		TEST(ranges_of_addresses_want_their_metadata_version),
		TEST(what_two_filters_match_goes_once),
		TEST(one_operation_makes_ten_thousand_records_at_most),
		TEST(names_that_differ_behind_a_zero_byte_are_two),
		TEST(a_deletion_has_ten_thousand_filters_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
