/*
 * acls: a node with an authorizer. What is created is enforced and reported; what is deleted is
 * gone within a second, on open connections too; decisions are logged. The clients are
 * User:ANONYMOUS.
 */
#include <string.h>

#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "protocol/create_acls.h"
#include "protocol/delete_acls.h"
#include "protocol/describe_acls.h"
#include "protocol/describe_configs.h"
#include "protocol/incremental_alter_configs.h"
#include "security/authorizer.h"

#define ASK_AS(client, name, version, in, out)                                                                         \
	(client_send(client, &name##_request_schema, (version), (in)),                                                 \
	 client_take(client, &name##_response_schema, (version), (out)))
#define ASK(name, version, in, out) ASK_AS(&w->a, name, version, in, out)

#define ANONYMOUS STR("User:ANONYMOUS")

static char lines[1 << 16];
static size_t lines_len;

static void keep_line(void *arg, const char *line, int len)
{
	(void)arg;
	if (lines_len + (size_t)len < sizeof(lines)) {
		memcpy(lines + lines_len, line, (size_t)len);
		lines_len += (size_t)len;
		lines[lines_len] = 0;
	}
}

static void restart(void)
{
	lines_len = 0;
	lines[0] = 0;
	w->diag.level = DIAG_INFO;
	w->diag.write = keep_line;
	bring_down();
	bring_up();
	client_open(&w->a);
	client_open(&w->b);
}

static int up(void **state)
{
	node_world_up(state);
	w->overrides[0] = "authorizer.class.name=" STANDARD_AUTHORIZER;
	w->overrides[1] = "allow.everyone.if.no.acl.found=true";
	restart();
	return 0;
}

static struct create_acls_request_creation cluster_acl(enum acl_operation op, enum acl_permission permission)
{
	return (struct create_acls_request_creation){
		ACL_CLUSTER, STR(ACL_CLUSTER_NAME), ACL_LITERAL, ANONYMOUS, STR("*"), (int8_t)op, (int8_t)permission};
}

static int16_t create(struct create_acls_request_creation one, struct str *message)
{
	struct create_acls_request in = {{&one, 1}};
	struct create_acls_response out;

	ASK(create_acls, 3, &in, &out);
	assert_int_equal(out.results.n, 1);
	if (message)
		*message = out.results.v[0].error_message;
	return out.results.v[0].error_code;
}

static struct describe_acls_request all(void)
{
	return (struct describe_acls_request){ACL_ANY_RESOURCE, STR_NULL,	   ACL_ANY_PATTERN,   STR_NULL,
					      STR_NULL,		ACL_ANY_OPERATION, ACL_ANY_PERMISSION};
}

static int16_t describe(struct client *c, struct describe_acls_response *out)
{
	struct describe_acls_request in = all();

	ASK_AS(c, describe_acls, 3, &in, out);
	return out->error_code;
}

static struct describe_acls_request topics_named(const char *name, enum acl_pattern pattern)
{
	return (struct describe_acls_request){ACL_TOPIC, str_of(name),	    (int8_t)pattern,   STR_NULL,
					      STR_NULL,	 ACL_ANY_OPERATION, ACL_ANY_PERMISSION};
}

static void what_is_created_is_described_by_pattern(void **state)
{
	struct create_acls_request_creation v[] = {
		{ACL_TOPIC, STR("t"), ACL_LITERAL, STR("User:b"), STR("*"), ACL_READ, ACL_ALLOW},
		{ACL_TOPIC, STR("t"), ACL_PREFIXED, STR("User:a"), STR("10.0.0.0/8"), ACL_WRITE, ACL_DENY},
		{ACL_TOPIC, STR("t"), ACL_LITERAL, STR("User:a"), STR("*"), ACL_READ, ACL_ALLOW},
		{ACL_TOPIC, STR("t"), ACL_LITERAL, STR("User:a"), STR("*"), ACL_READ, ACL_ALLOW}, /* a duplicate */
	};
	struct create_acls_request in = {{v, 4}};
	struct create_acls_response made;
	struct describe_acls_response out;

	(void)state;
	ASK(create_acls, 3, &in, &made);
	assert_int_equal(made.results.n, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(made.results.v[i].error_code, 0);
		assert_true(str_is(made.results.v[i].error_message, ""));
	}
	assert_int_equal(describe(&w->a, &out), 0);
	assert_int_equal(out.resources.n, 2);
	assert_int_equal(out.resources.v[0].acls.n, 2);
	assert_true(str_is(out.resources.v[0].acls.v[0].principal, "User:a"));
	assert_int_equal(out.resources.v[1].pattern_type, ACL_PREFIXED);
	assert_int_equal(out.resources.v[1].acls.n, 1);
	assert_true(str_is(out.resources.v[1].acls.v[0].host, "10.0.0.0/8"));
	ASK(create_acls, 3, &in, &made); /* exists already */
	assert_int_equal(describe(&w->a, &out), 0);
	assert_int_equal(out.resources.v[0].acls.n + out.resources.v[1].acls.n, 3);
	restart();
	assert_int_equal(describe(&w->a, &out), 0);
	assert_int_equal(out.resources.v[0].acls.n + out.resources.v[1].acls.n, 3);
}

static void what_makes_no_sense_is_not_created(void **state)
{
	const struct create_acls_request_creation sound = {ACL_TOPIC, STR("t"), ACL_LITERAL, STR("User:a"),
							   STR("*"),  ACL_READ, ACL_ALLOW};
	struct create_acls_request_creation v[10];
	static const char *const why[10] = {
		"The only valid name for the CLUSTER resource is kafka-cluster",
		"Invalid empty resource name",
		"Invalid resourceType ANY",
		"Invalid patternType MATCH",
		"Invalid operation ANY",
		"Invalid permissionType ANY",
		"Could not parse principal from `a` (no colon is present separating the principal type from the principal name)",
		"Host pattern cannot be null or empty",
		"Invalid CIDR notation '10.0.0.0/33': Value [33] not in range [0,32]",
		"Invalid resourceType UNKNOWN",
	};
	struct create_acls_request in = {{v, 10}};
	struct create_acls_response out;
	struct describe_acls_response described;

	(void)state;
	for (int i = 0; i < 10; i++)
		v[i] = sound;
	v[0].resource_type = ACL_CLUSTER;
	v[1].resource_name = STR("");
	v[2].resource_type = ACL_ANY_RESOURCE;
	v[3].resource_pattern_type = ACL_MATCH;
	v[4].operation = ACL_ANY_OPERATION;
	v[5].permission_type = ACL_ANY_PERMISSION;
	v[6].principal = STR("a");
	v[7].host = STR("");
	v[8].host = STR("10.0.0.0/33");
	v[9].resource_type = 99;
	ASK(create_acls, 3, &in, &out);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(out.results.v[i].error_code, ERR_INVALID_REQUEST);
		if (!str_is(out.results.v[i].error_message, why[i]))
			fail_msg("%d: %.*s", i, STR_ARG(out.results.v[i].error_message));
	}
	assert_int_equal(describe(&w->a, &described), 0);
	assert_int_equal(described.resources.n, 0);
}

static void filters_delete_what_they_match_once(void **state)
{
	struct create_acls_request_creation v[] = {
		{ACL_TOPIC, STR("foo"), ACL_LITERAL, STR("User:b"), STR("*"), ACL_READ, ACL_ALLOW},
		{ACL_TOPIC, STR("fo"), ACL_PREFIXED, STR("User:b"), STR("*"), ACL_READ, ACL_ALLOW},
		{ACL_TOPIC, STR("*"), ACL_LITERAL, STR("User:b"), STR("*"), ACL_READ, ACL_ALLOW},
		{ACL_TOPIC, STR("bar"), ACL_LITERAL, STR("User:b"), STR("*"), ACL_READ, ACL_ALLOW},
	};
	struct create_acls_request in = {{v, 4}};
	struct create_acls_response made;
	struct describe_acls_request filters[] = {topics_named("foo", ACL_MATCH), topics_named("foo", ACL_LITERAL),
						  topics_named("zed", ACL_LITERAL), topics_named("foo", 99)};
	struct delete_acls_request gone = {{filters, 4}};
	struct delete_acls_response out;
	struct describe_acls_response left;

	(void)state;
	ASK(create_acls, 3, &in, &made);
	ASK(delete_acls, 3, &gone, &out);
	assert_int_equal(out.filter_results.n, 4);
	assert_int_equal(out.filter_results.v[0].error_code, 0);
	assert_true(str_is_null(out.filter_results.v[0].error_message));
	assert_int_equal(out.filter_results.v[0].matching_acls.n, 3);
	assert_int_equal(out.filter_results.v[1].matching_acls.n, 1);
	assert_int_equal(out.filter_results.v[2].matching_acls.n, 0);
	assert_int_equal(out.filter_results.v[3].error_code, ERR_INVALID_REQUEST);
	assert_true(str_is(out.filter_results.v[3].error_message, "Unknown patternFilter."));
	assert_int_equal(describe(&w->a, &left), 0);
	assert_int_equal(left.resources.n, 1);
	assert_true(str_is(left.resources.v[0].resource_name, "bar"));
}

static bool has_closed(void *arg)
{
	return ((struct client *)arg)->closed;
}

static void a_number_that_says_unknown_closes_the_connection(void **state)
{
	struct describe_acls_request in = all();

	(void)state;
	in.operation = ACL_UNKNOWN_OPERATION;
	client_send(&w->a, &describe_acls_request_schema, 3, &in);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_closed, &w->a));
}

static void delete_denials(void)
{
	struct describe_acls_request f = {ACL_CLUSTER, STR_NULL,	  ACL_ANY_PATTERN, STR_NULL,
					  STR_NULL,    ACL_ANY_OPERATION, ACL_DENY};
	struct delete_acls_request in = {{&f, 1}};
	struct delete_acls_response out;

	ASK(delete_acls, 3, &in, &out);
	assert_int_equal(out.filter_results.v[0].matching_acls.n, 1);
}

/*
 * Waits until the other connection, which stays open, gets err as its answer. Returns how long that
 * took.
 */
static int64_t effective_after_ms(int16_t err)
{
	int64_t since_ns = sim_now_ns(w->sim);
	struct describe_acls_response out;

	while (describe(&w->b, &out) != err)
		assert_true(sim_now_ns(w->sim) - since_ns < INT64_C(10000000000));
	return (sim_now_ns(w->sim) - since_ns) / 1000000;
}

static void a_change_is_effective_within_a_second_on_open_connections(void **state)
{
	struct describe_acls_response out;

	(void)state;
	assert_int_equal(describe(&w->b, &out), 0);
	assert_int_equal(create(cluster_acl(ACL_ALL, ACL_ALLOW), NULL), 0);
	assert_int_equal(create(cluster_acl(ACL_DESCRIBE, ACL_DENY), NULL), 0);
	assert_true(effective_after_ms(ERR_CLUSTER_AUTHORIZATION_FAILED) < 1000);
	delete_denials();
	assert_true(effective_after_ms(0) < 1000);
}

static int16_t fetch_error(void)
{
	send_fetch(&w->b, "t", 0, 0);
	return take_fetch(&w->b).error_code;
}

/* Waits until fetches on the connection that stays open get err as their answer. */
static int64_t fetches_after_ms(int16_t err)
{
	int64_t since_ns = sim_now_ns(w->sim);

	while (fetch_error() != err)
		assert_true(sim_now_ns(w->sim) - since_ns < INT64_C(10000000000));
	return (sim_now_ns(w->sim) - since_ns) / 1000000;
}

static void what_may_be_read_no_more_is_read_no_more(void **state)
{
	struct create_acls_request_creation denial = {ACL_TOPIC, STR("t"), ACL_LITERAL, ANONYMOUS,
						      STR("*"),	 ACL_READ, ACL_DENY};
	struct describe_acls_request f = topics_named("t", ACL_LITERAL);
	struct delete_acls_request in = {{&f, 1}};
	struct metadata_response made;
	struct delete_acls_response out;

	(void)state;
	ask_metadata("t", &made);
	assert_int_equal(ask_produce("t", "value").error_code, 0);
	assert_int_equal(fetch_error(), 0);
	assert_int_equal(create(denial, NULL), 0);
	assert_true(fetches_after_ms(ERR_TOPIC_AUTHORIZATION_FAILED) < 1000);
	assert_int_equal(ask_produce("t", "value").error_code,
			 ERR_TOPIC_AUTHORIZATION_FAILED); /* nothing allows it any more */
	ASK(delete_acls, 3, &in, &out);
	assert_int_equal(out.filter_results.v[0].matching_acls.n, 1);
	assert_true(fetches_after_ms(0) < 1000);
	assert_int_equal(ask_produce("t", "value").error_code, 0);
}

/* A fetch of "t" in a session, in which it is named once. Returns how many partitions the answer tells of. */
static int fetch_in_session(int32_t *id, int32_t epoch, int16_t *error)
{
	struct fetch_response out;
	struct fetch_of f;
	struct fetch_request *in = fetch_one(&f, "t", 0);

	in->session_id = *id;
	in->session_epoch = epoch;
	in->topics.n = epoch == 0;
	ASK_AS(&w->b, fetch, 12, in, &out);
	assert_int_equal(out.error_code, 0);
	*id = out.session_id;
	*error = out.responses.n > 0 ? out.responses.v[0].partitions.v[0].error_code : 0;
	return out.responses.n;
}

/* Of a partition that does not move, the session is told all the same. */
static void what_may_be_read_no_more_is_told_in_a_session(void **state)
{
	struct create_acls_request_creation denial = {ACL_TOPIC, STR("t"), ACL_LITERAL, ANONYMOUS,
						      STR("*"),	 ACL_READ, ACL_DENY};
	struct metadata_response made;
	int32_t id = 0, epoch = 0;
	int64_t since_ns;
	int16_t error;

	(void)state;
	ask_metadata("t", &made);
	assert_int_equal(fetch_in_session(&id, epoch++, &error), 1);
	assert_int_equal(error, 0);
	assert_true(id > 0);
	assert_int_equal(fetch_in_session(&id, epoch++, &error), 0);
	assert_int_equal(create(denial, NULL), 0);
	since_ns = sim_now_ns(w->sim);
	do {
		assert_true(sim_now_ns(w->sim) - since_ns < INT64_C(10000000000));
		sim_run_for(w->sim, 10);
		fetch_in_session(&id, epoch++, &error);
	} while (error == 0);
	assert_int_equal(error, ERR_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(fetch_in_session(&id, epoch++, &error), 1); /* again and again */
}

static void who_may_not_alter_changes_nothing(void **state)
{
	struct create_acls_request_creation other = {ACL_TOPIC, STR("t"), ACL_LITERAL, STR("User:b"),
						     STR("*"),	ACL_READ, ACL_ALLOW};
	struct describe_acls_response out;

	(void)state;
	assert_int_equal(create(cluster_acl(ACL_DESCRIBE, ACL_ALLOW), NULL), 0);
	assert_int_equal(effective_after_ms(0) < 1000, 1);
	assert_int_equal(create(other, NULL), ERR_CLUSTER_AUTHORIZATION_FAILED);
	assert_int_equal(describe(&w->b, &out), 0);
	assert_int_equal(out.resources.n, 1);
}

static void denials_are_lines_and_not_too_many(void **state)
{
	struct describe_acls_response out;
	(void)state;
	w->overrides[2] = "odradek.authorizer.audit.rate=2";
	restart();
	assert_int_equal(create(cluster_acl(ACL_ALL, ACL_ALLOW), NULL), 0);
	assert_int_equal(create(cluster_acl(ACL_DESCRIBE, ACL_DENY), NULL), 0);
	assert_true(effective_after_ms(ERR_CLUSTER_AUTHORIZATION_FAILED) < 1000);
	assert_non_null(strstr(lines, "Principal = User:ANONYMOUS is Denied operation = DESCRIBE from host = "));
	assert_non_null(strstr(
		lines,
		" on resource = Cluster:LITERAL:kafka-cluster for request = DescribeAcls with resourceRefCount = 1 based on "
		"rule MatchingAcl(acl=StandardAcl[resourceType=CLUSTER, resourceName=kafka-cluster, patternType=LITERAL, "
		"principal=User:ANONYMOUS, host=*, operation=DESCRIBE, permissionType=DENY])\n"));
	for (int i = 0; i < 20; i++)
		assert_int_equal(describe(&w->b, &out), ERR_CLUSTER_AUTHORIZATION_FAILED);
	sim_run_until(w->sim, 2000, has_closed, &w->b);
	assert_int_equal(describe(&w->b, &out), ERR_CLUSTER_AUTHORIZATION_FAILED);
	assert_non_null(strstr(lines, "audit lines left out: count="));
	assert_null(strstr(lines, "is Allowed"));
}

/* A request that was parked for long and a new one are answered alternately. */
static void answer_late_and_new(void *arg)
{
	struct core *core = &w->node->cores[0];
	const struct authorizer_action action = {ACL_READ, ACL_TOPIC, STR("late")};
	const struct authorizer_verdict denied = {.allowed = false};
	struct request r[2] = {{.core = core, .node = w->node, .api = api_row(0), .began_ns = 0},
			       {.core = core, .node = w->node, .api = api_row(0)}};

	(void)arg;
	r[1].began_ns = env_mono_ns(core->loop->env);
	for (int i = 0; i < 2; i++)
		arena_init(&r[i].arena, 1 << 20);
	for (int i = 0; i < 20; i++)
		audit_note(&r[i % 2], &action, &denied, false);
	for (int i = 0; i < 2; i++) {
		identity_unref(&r[i].identity);
		arena_fini(&r[i].arena);
	}
}

static void an_answer_that_comes_late_makes_no_room(void **state)
{
	int n = 0;

	(void)state;
	w->overrides[2] = "odradek.authorizer.audit.rate=2"; /* one per core */
	restart();
	sim_run_for(w->sim, 2000);
	assert_true(sim_call(w->sim, NODE, answer_late_and_new, NULL));
	for (const char *p = lines; (p = strstr(p, "LITERAL:late")); p++)
		n++;
	assert_int_equal(n, 1);
}

static void what_is_allowed_is_a_line_where_all_is(void **state)
{
	struct describe_acls_response out;

	(void)state;
	assert_int_equal(describe(&w->a, &out), 0);
	assert_null(strstr(lines, "is Allowed"));
	w->overrides[2] = "odradek.authorizer.audit=all";
	restart();
	assert_int_equal(describe(&w->a, &out), 0);
	assert_non_null(strstr(lines, "is Allowed operation = DESCRIBE"));
	assert_non_null(strstr(lines, "based on rule DefaultAllow"));
}

static int16_t set_logger(const char *level, int8_t operation)
{
	struct incremental_alter_configs_request_config c = {STR("kafka.authorizer.logger"), operation, str_of(level)};
	struct incremental_alter_configs_request_resource r = {8, STR("1"), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	ASK(incremental_alter_configs, 1, &in, &out);
	return out.responses.v[0].error_code;
}

static void the_authorizers_logger_is_changed_while_the_node_runs(void **state)
{
	struct describe_configs_request_resource r = {8, STR("1"), {NULL, -1}};
	struct describe_configs_request in = {.resources = {&r, 1}};
	struct describe_configs_response out;
	struct describe_acls_response described;

	(void)state;
	assert_int_equal(set_logger("DEBUG", 0), 0);
	ASK(describe_configs, 4, &in, &out);
	assert_int_equal(out.results.v[0].configs.n, 2);
	assert_true(str_is(out.results.v[0].configs.v[0].name, "kafka.authorizer.logger"));
	assert_true(str_is(out.results.v[0].configs.v[0].value, "DEBUG"));
	assert_int_equal(describe(&w->a, &described), 0);
	assert_non_null(strstr(lines, "is Allowed operation = DESCRIBE from"));
	assert_int_equal(set_logger(NULL, 1), 0); /* removed: back to the configured value */
	ASK(describe_configs, 4, &in, &out);
	assert_true(str_is(out.results.v[0].configs.v[0].value, "INFO"));
}

static void questions_are_counted(void **state)
{
	int64_t allowed = 0, denied = 0;
	struct describe_acls_response out;

	(void)state;
	assert_int_equal(describe(&w->a, &out), 0);
	assert_int_equal(create(cluster_acl(ACL_DESCRIBE, ACL_DENY), NULL), 0);
	effective_after_ms(ERR_CLUSTER_AUTHORIZATION_FAILED);
	for (int i = 0; i < w->node->n_cores; i++) {
		allowed += w->node->cores[i].audit.allowed;
		denied += w->node->cores[i].audit.denied;
	}
	assert_true(allowed >= 2);
	assert_true(denied >= 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, node_world_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_created_is_described_by_pattern),
		TEST(what_makes_no_sense_is_not_created),
		TEST(filters_delete_what_they_match_once),
		TEST(a_number_that_says_unknown_closes_the_connection),
		TEST(a_change_is_effective_within_a_second_on_open_connections),
		TEST(what_may_be_read_no_more_is_read_no_more),
		TEST(what_may_be_read_no_more_is_told_in_a_session),
		TEST(who_may_not_alter_changes_nothing),
		TEST(denials_are_lines_and_not_too_many),
		TEST(an_answer_that_comes_late_makes_no_room),
		TEST(what_is_allowed_is_a_line_where_all_is),
		TEST(the_authorizers_logger_is_changed_while_the_node_runs),
		TEST(questions_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
