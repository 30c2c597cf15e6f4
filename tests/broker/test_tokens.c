/*
 * A node and delegation tokens: who may ask, what a broker forwards, what survives a restart. Users
 * come in Envelopes from another broker.
 */
#include <string.h>

#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#include "base/err.h"
#include "broker/envelope.h"
#include "broker/quorum.h"
#include "protocol/create_delegation_token.h"
#include "protocol/describe_delegation_token.h"
#include "protocol/envelope.h"
#include "protocol/expire_delegation_token.h"
#include "protocol/renew_delegation_token.h"
#include "security/principal.h"

#define CONTROLLER_PORT 9093

static const struct principal ALICE = {{"User", 4}, {"alice", 5}, false};
static const struct principal CAROL = {{"User", 4}, {"carol", 5}, false};

static int up(void **state)
{
	static const char *const overrides[] = {
		"listeners=PLAINTEXT://10.0.0.1:9092,CONTROLLER://10.0.0.1:9093",
		"controller.quorum.bootstrap.servers=10.0.0.1:9093",
		"delegation.token.secret.key=sesame",
	};

	return node_world_up_with(state, overrides, 3);
}

/* The controller answers the user in the envelope; returns its error for the envelope itself. */
static int as(const struct principal *who, const struct schema *schema, int version, const void *in, void *out)
{
	struct quorum_client from = {
		.correlation_id = 77, .client_id = STR("a client"), .address = {.ip = {10, 0, 0, 9}}};
	struct quorum_request r = {.api = schema->key,
				   .version = (int16_t)version,
				   .request = in,
				   .response = out,
				   .arena = &w->arena,
				   .principal = who,
				   .client = &from};
	struct envelope_request envelope;
	struct envelope_response answer;

	assert_int_equal(envelope_wrap(&r, &w->arena, &envelope), 0);
	client_send(&w->b, &envelope_request_schema, 0, &envelope);
	client_take(&w->b, &envelope_response_schema, 0, &answer);
	if (answer.error_code)
		return answer.error_code;
	return envelope_unwrap(&answer, &r, &w->arena);
}

#define AS(who, name, version, in, out) assert_int_equal(as((who), &name##_request_schema, (version), (in), (out)), 0)

static struct create_delegation_token_response create_as(const struct principal *who, int version)
{
	struct create_delegation_token_request in;
	struct create_delegation_token_response out;

	codec_init(&create_delegation_token_request_schema, &in);
	in.max_lifetime_ms = -1;
	AS(who, create_delegation_token, version, &in, &out);
	out.principal_name = arena_str(&w->arena, out.principal_name);
	out.token_requester_principal_name = arena_str(&w->arena, out.token_requester_principal_name);
	out.hmac.p = (const uint8_t *)arena_str(&w->arena, (struct str){(const char *)out.hmac.p, out.hmac.len}).p;
	return out;
}

static void open_controller(void)
{
	client_open_at(&w->b, CONTROLLER_PORT);
}

/* ---- tests ---- */

static void on_a_plaintext_listener_nobody_is_known_well_enough(void **state)
{
	struct create_delegation_token_request create = {.max_lifetime_ms = -1};
	struct create_delegation_token_response created;
	struct renew_delegation_token_request renew = {.hmac = {(const uint8_t *)"x", 1}};
	struct renew_delegation_token_response renewed;
	struct expire_delegation_token_request expire = {.hmac = {(const uint8_t *)"x", 1}};
	struct expire_delegation_token_response expired;
	struct describe_delegation_token_request describe = {.owners = {NULL, -1}};
	struct describe_delegation_token_response described;

	(void)state;
	client_send(&w->a, &create_delegation_token_request_schema, 3, &create);
	client_take(&w->a, &create_delegation_token_response_schema, 3, &created);
	assert_int_equal(created.error_code, ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED);
	assert_true(str_is(created.principal_name, "ANONYMOUS") && created.issue_timestamp_ms == -1);
	client_send(&w->a, &renew_delegation_token_request_schema, 2, &renew);
	client_take(&w->a, &renew_delegation_token_response_schema, 2, &renewed);
	assert_true(renewed.error_code == ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED &&
		    renewed.expiry_timestamp_ms == -1);
	client_send(&w->a, &expire_delegation_token_request_schema, 1, &expire);
	client_take(&w->a, &expire_delegation_token_response_schema, 1, &expired);
	assert_true(expired.error_code == ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED &&
		    expired.expiry_timestamp_ms == -1);
	client_send(&w->a, &describe_delegation_token_request_schema, 1, &describe);
	client_take(&w->a, &describe_delegation_token_response_schema, 1, &described);
	assert_int_equal(described.error_code, ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED);
	bring_down();
}

static void a_token_outlives_a_restart_and_is_its_owners_to_end(void **state)
{
	struct create_delegation_token_response token;
	struct renew_delegation_token_request renew = {.renew_period_ms = -1};
	struct renew_delegation_token_response renewed;
	struct expire_delegation_token_request expire = {.expiry_time_period_ms = -1};
	struct expire_delegation_token_response expired;

	(void)state;
	open_controller();
	token = create_as(&ALICE, 3);
	assert_int_equal(token.error_code, 0);
	assert_true(str_is(token.principal_name, "alice") && str_is(token.token_requester_principal_name, "alice"));
	bring_down();
	bring_up();
	open_controller();
	renew.hmac = expire.hmac = token.hmac;
	AS(&CAROL, renew_delegation_token, 2, &renew, &renewed);
	assert_int_equal(renewed.error_code, ERR_DELEGATION_TOKEN_OWNER_MISMATCH);
	AS(&ALICE, renew_delegation_token, 1, &renew, &renewed);
	assert_int_equal(renewed.error_code, 0);
	assert_true(renewed.expiry_timestamp_ms >= token.expiry_timestamp_ms);
	AS(&ALICE, expire_delegation_token, 2, &expire, &expired);
	assert_int_equal(expired.error_code, 0);
	AS(&ALICE, renew_delegation_token, 2, &renew, &renewed);
	assert_int_equal(renewed.error_code, ERR_DELEGATION_TOKEN_NOT_FOUND);
	bring_down();
}

static void who_came_by_a_token_gets_no_other(void **state)
{
	struct principal by_token = ALICE;

	(void)state;
	open_controller();
	by_token.token_authenticated = true;
	assert_int_equal(create_as(&by_token, 3).error_code, ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED);
	assert_int_equal(create_as(&ALICE, 1).error_code, 0);
	bring_down();
}

static void an_owner_without_a_type_is_an_error_of_ours_as_it_is_of_kafkas(void **state)
{
	struct create_delegation_token_request in = {.owner_principal_type = STR_NULL,
						     .owner_principal_name = STR("alice")};
	struct create_delegation_token_response out;

	(void)state;
	open_controller();
	AS(&ALICE, create_delegation_token, 3, &in, &out);
	assert_int_equal(out.error_code, ERR_UNKNOWN_SERVER_ERROR);
	bring_down();
}

static void a_controller_describes_none(void **state)
{
	struct describe_delegation_token_request in = {.owners = {NULL, -1}};
	struct describe_delegation_token_response out;

	(void)state;
	open_controller();
	client_send(&w->b, &describe_delegation_token_request_schema, 3, &in);
	client_take(&w->b, &describe_delegation_token_response_schema, 3, &out);
	assert_int_equal(out.error_code, ERR_UNKNOWN_SERVER_ERROR);
	bring_down();
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, up, node_world_down)
	const struct CMUnitTest tests[] = {
		STORY(on_a_plaintext_listener_nobody_is_known_well_enough),
		STORY(a_token_outlives_a_restart_and_is_its_owners_to_end),
		STORY(who_came_by_a_token_gets_no_other),
		STORY(an_owner_without_a_type_is_an_error_of_ours_as_it_is_of_kafkas),
		STORY(a_controller_describes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
