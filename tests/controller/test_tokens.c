/*
 * tokens: delegation tokens, decided as by DelegationTokenControlManager. The world's wall clock
 * says 1000 unless a test changes it.
 */
#include <string.h>

#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "metadata/replay.h"
#include "metadata/token.h"
#include "protocol/create_delegation_token.h"
#include "protocol/expire_delegation_token.h"
#include "protocol/metadata_records.h"
#include "protocol/renew_delegation_token.h"
#include "security/principal.h"
#include "security/token.h"

#define WEEK_MS 604800000LL
#define DAY_MS 86400000LL

static const struct principal ALICE = {{"User", 4}, {"alice", 5}, false};
static const struct principal BOB = {{"User", 4}, {"bob", 3}, false};
static const struct principal CAROL = {{"User", 4}, {"carol", 5}, false};

static int setup_with_tokens(void **state)
{
	return setup_with_setting(state, "delegation.token.secret.key=sesame");
}

#define TOKEN_TEST(name) cmocka_unit_test_setup_teardown(name, setup_with_tokens, teardown)

/* ---- a command by somebody, at some time ---- */

#define AS(w, who, at_ms, name, in, out)                                                                               \
	({                                                                                                             \
		struct controller_context ctx_ = context((w), 3);                                                      \
		int err_;                                                                                              \
		ctx_.principal = (who);                                                                                \
		ctx_.wall_ms = (at_ms);                                                                                \
		record_list_init(&(w)->records, &(w)->arena);                                                          \
		codec_init(&name##_response_schema, (out));                                                            \
		err_ = controller_##name((w)->controller, &ctx_, (in), (out), &(w)->records);                          \
		if (err_ == 0)                                                                                         \
			apply(w);                                                                                      \
		err_;                                                                                                  \
	})

static struct create_delegation_token_response create_token(struct world *w, const struct principal *who,
							    const char *owner, int64_t max_lifetime_ms)
{
	struct create_delegation_token_request_renewer renewers[] = {{STR("User"), STR("bob")}};
	struct create_delegation_token_request in = {.max_lifetime_ms = max_lifetime_ms, .renewers = {renewers, 1}};
	struct create_delegation_token_response out;

	if (owner) {
		in.owner_principal_type = STR("User");
		in.owner_principal_name = str_of(owner);
	}
	assert_int_equal(AS(w, who, 1000, create_delegation_token, &in, &out), 0);
	return out;
}

struct changed {
	int err;
	int64_t expiry_ms;
};

static struct changed renew(struct world *w, const struct principal *who, int64_t at_ms, struct bytes hmac,
			    int64_t by_ms)
{
	struct renew_delegation_token_request in = {hmac, by_ms};
	struct renew_delegation_token_response out;

	assert_int_equal(AS(w, who, at_ms, renew_delegation_token, &in, &out), 0);
	return (struct changed){out.error_code, out.expiry_timestamp_ms};
}

static struct changed expire(struct world *w, const struct principal *who, int64_t at_ms, struct bytes hmac,
			     int64_t in_ms)
{
	struct expire_delegation_token_request in = {hmac, in_ms};
	struct expire_delegation_token_response out;

	assert_int_equal(AS(w, who, at_ms, expire_delegation_token, &in, &out), 0);
	return (struct changed){out.error_code, out.expiry_timestamp_ms};
}

static int sweep(struct world *w, int64_t now_ms, int64_t wall_ms)
{
	struct controller_context ctx = context(w, 0);
	int64_t next_ms;
	int n;

	ctx.now_ms = now_ms;
	ctx.wall_ms = wall_ms;
	ctx.principal = &PRINCIPAL_ANONYMOUS;
	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_tick(w->controller, &ctx, &w->records, &next_ms), 0);
	assert_true(next_ms > now_ms);
	n = w->records.n;
	apply(w);
	return n;
}

/* ---- tests ---- */

static void without_a_secret_tokens_are_off(void **state)
{
	struct world *w = *state;
	uint8_t hmac[TOKEN_HMAC_LEN] = {0};
	struct create_delegation_token_response out = create_token(w, &ALICE, NULL, -1);

	assert_int_equal(out.error_code, ERR_DELEGATION_TOKEN_AUTH_DISABLED);
	assert_true(str_is(out.principal_name, "alice"));
	assert_int_equal(renew(w, &ALICE, 1000, (struct bytes){hmac, 64}, -1).err, ERR_DELEGATION_TOKEN_AUTH_DISABLED);
	assert_int_equal(expire(w, &ALICE, 1000, (struct bytes){hmac, 64}, -1).err, ERR_DELEGATION_TOKEN_AUTH_DISABLED);
	assert_int_equal(image_token_count(tip(w)), 0);
}

static void a_token_is_its_requesters_for_a_day_and_at_most_a_week(void **state)
{
	struct world *w = *state;
	struct create_delegation_token_response out = create_token(w, &ALICE, NULL, -1);
	const struct image_token *t = image_token(tip(w), out.token_id);
	uint8_t hmac[TOKEN_HMAC_LEN];

	assert_int_equal(out.error_code, 0);
	assert_int_equal(out.token_id.len, 22);
	token_hmac(STR("sesame"), out.token_id, hmac);
	assert_int_equal(out.hmac.len, TOKEN_HMAC_LEN);
	assert_memory_equal(out.hmac.p, hmac, TOKEN_HMAC_LEN);
	assert_true(out.issue_timestamp_ms == 1000 && out.expiry_timestamp_ms == 1000 + DAY_MS &&
		    out.max_timestamp_ms == 1000 + WEEK_MS);
	assert_non_null(t);
	assert_true(str_is(t->owner, "User:alice") && str_is(t->requester, "User:alice"));
	assert_int_equal(t->n_renewers, 1);
	assert_true(str_is(t->renewers[0], "User:bob"));
	assert_true(t->expiry_ms == 1000 + DAY_MS && t->max_ms == 1000 + WEEK_MS);
}

static void an_owner_may_be_named_and_a_shorter_life_asked_for(void **state)
{
	struct world *w = *state;
	struct create_delegation_token_response out = create_token(w, &ALICE, "carol", 5000);
	const struct image_token *t = image_token(tip(w), out.token_id);

	assert_true(str_is(out.principal_name, "carol") && str_is(out.token_requester_principal_name, "alice"));
	assert_true(str_is(t->owner, "User:carol") && str_is(t->requester, "User:alice"));
	assert_true(t->max_ms == 6000 && t->expiry_ms == 6000);
	out = create_token(w, &ALICE, "", 2 * WEEK_MS); /* an empty name means none; no longer than permitted */
	assert_true(str_is(out.principal_name, "alice"));
	assert_true(out.max_timestamp_ms == 1000 + WEEK_MS);
	assert_true(token_concerns(t, &ALICE) && token_concerns(t, &BOB) && token_concerns(t, &CAROL));
	assert_false(token_may_be_renewed_by(t, &ALICE));
	assert_true(token_may_be_renewed_by(t, &CAROL));
}

static void renewers_are_users(void **state)
{
	struct world *w = *state;
	struct create_delegation_token_request_renewer renewers[] = {{STR("Group"), STR("bob")}};
	struct create_delegation_token_request in = {.max_lifetime_ms = -1, .renewers = {renewers, 1}};
	struct create_delegation_token_response out;

	assert_int_equal(AS(w, &ALICE, 1000, create_delegation_token, &in, &out), 0);
	assert_int_equal(out.error_code, ERR_INVALID_PRINCIPAL_TYPE);
	assert_int_equal(image_token_count(tip(w)), 0);
}

static int created_for(struct world *w, struct str type, struct str name, int n_renewers)
{
	struct create_delegation_token_request_renewer *renewers =
		arena_zalloc(&w->arena, sizeof(*renewers) * (size_t)n_renewers);
	struct create_delegation_token_request in = {
		.owner_principal_type = type, .owner_principal_name = name, .renewers = {renewers, n_renewers}};
	struct create_delegation_token_response out;

	for (int i = 0; i < n_renewers; i++)
		renewers[i] = (struct create_delegation_token_request_renewer){STR("User"), name};
	assert_int_equal(AS(w, &ALICE, 1000, create_delegation_token, &in, &out), 0);
	return out.error_code;
}

static void what_no_record_can_hold_is_refused(void **state)
{
	static char giant[32767];
	struct world *w = *state;

	memset(giant, 'x', sizeof(giant));
	assert_int_equal(created_for(w, STR("User"), (struct str){giant, 32000}, 1), 0);
	assert_int_equal(created_for(w, STR("User"), (struct str){giant, 32001}, 0), ERR_INVALID_REQUEST);
	assert_int_equal(created_for(w, STR("User"), (struct str){giant, 32767}, 1), ERR_INVALID_REQUEST);
	assert_int_equal(created_for(w, STR("User"), (struct str){"admin\0x", 7}, 0), ERR_INVALID_REQUEST);
	assert_int_equal(created_for(w, STR("X"), STR("admin"), 0), ERR_INVALID_PRINCIPAL_TYPE);
	assert_int_equal(created_for(w, STR("User"), STR("u"), 1000), 0);
	assert_int_equal(created_for(w, STR("User"), STR("u"), 1001), ERR_POLICY_VIOLATION);
}

static void a_renewer_renews_up_to_the_end_of_its_life(void **state)
{
	struct world *w = *state;
	struct create_delegation_token_response out = create_token(w, &ALICE, NULL, -1);
	struct changed c = renew(w, &BOB, 2000, out.hmac, -1);

	assert_true(c.err == 0 && c.expiry_ms == 2000 + DAY_MS);
	assert_true(image_token(tip(w), out.token_id)->expiry_ms == 2000 + DAY_MS);
	c = renew(w, &ALICE, 2000, out.hmac, 5);
	assert_true(c.err == 0 && c.expiry_ms == 2005);
	assert_int_equal(image_token(tip(w), out.token_id)->n_renewers, 1);
	c = renew(w, &ALICE, 2005, out.hmac, 2 * DAY_MS);
	assert_true(c.err == 0 && c.expiry_ms == 2005 + DAY_MS);
	out = create_token(w, &ALICE, NULL, 10000);
	c = renew(w, &ALICE, 10999, out.hmac, -1);
	assert_true(c.err == 0 && c.expiry_ms == 11000);
	assert_int_equal(renew(w, &ALICE, 11001, out.hmac, -1).err, ERR_DELEGATION_TOKEN_EXPIRED);
	assert_int_equal(renew(w, &CAROL, 11001, out.hmac, -1).err,
			 ERR_DELEGATION_TOKEN_EXPIRED); /* checked before the requester's identity */
	assert_int_equal(renew(w, &CAROL, 11000, out.hmac, -1).err, ERR_DELEGATION_TOKEN_OWNER_MISMATCH);
}

static void an_hmac_is_known_whole_or_not_at_all(void **state)
{
	struct world *w = *state;
	struct create_delegation_token_response out = create_token(w, &ALICE, NULL, -1);
	uint8_t hmac[TOKEN_HMAC_LEN];

	memcpy(hmac, out.hmac.p, sizeof(hmac));
	hmac[63] ^= 1;
	assert_int_equal(renew(w, &ALICE, 1000, (struct bytes){hmac, 64}, -1).err, ERR_DELEGATION_TOKEN_NOT_FOUND);
	hmac[63] ^= 1;
	assert_int_equal(renew(w, &ALICE, 1000, (struct bytes){hmac, 63}, -1).err, ERR_DELEGATION_TOKEN_NOT_FOUND);
	assert_int_equal(expire(w, &ALICE, 1000, (struct bytes){hmac, 0}, -1).err, ERR_DELEGATION_TOKEN_NOT_FOUND);
	assert_int_equal(renew(w, &ALICE, 1000, (struct bytes){hmac, 64}, -1).err, 0);
}

static void a_negative_period_removes_at_once_and_another_one_ends_it_then(void **state)
{
	struct world *w = *state;
	struct create_delegation_token_response out = create_token(w, &ALICE, NULL, -1);
	struct changed c = expire(w, &BOB, 2000, out.hmac, 7);

	assert_true(c.err == 0 && c.expiry_ms == 2007);
	assert_int_equal(expire(w, &CAROL, 2000, out.hmac, -1).err, ERR_DELEGATION_TOKEN_OWNER_MISMATCH);
	assert_int_equal(expire(w, &ALICE, 2008, out.hmac, 7).err, ERR_DELEGATION_TOKEN_EXPIRED);
	c = expire(w, &ALICE, 2008, out.hmac, -1);
	assert_true(c.err == 0 && c.expiry_ms == 2008);
	assert_null(image_token(tip(w), out.token_id));
	assert_int_equal(renew(w, &ALICE, 1000, out.hmac, -1).err, ERR_DELEGATION_TOKEN_NOT_FOUND);
	out = create_token(w, &ALICE, NULL, 100);
	assert_true(expire(w, &ALICE, 1000, out.hmac, INT64_MAX).expiry_ms == 1100);
}

static void what_has_expired_is_removed_once_an_hour(void **state)
{
	struct world *w = *state;
	struct create_delegation_token_response dead = create_token(w, &ALICE, NULL, 10);
	struct create_delegation_token_response live = create_token(w, &ALICE, NULL, -1);

	assert_int_equal(sweep(w, 3599999, 5000), 0);
	assert_int_equal(sweep(w, 3600000, 1010), 0); /* its last millisecond */
	assert_int_equal(sweep(w, 7199999, 5000), 0);
	assert_int_equal(sweep(w, 7200000, 5000), 1);
	assert_null(image_token(tip(w), dead.token_id));
	assert_non_null(image_token(tip(w), live.token_id));
}

static void a_thousand_are_removed_and_the_rest_right_after(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 1001; i++)
		create_token(w, &ALICE, NULL, 10);
	assert_int_equal(sweep(w, 3600000, 5000), 1000);
	assert_int_equal(sweep(w, 3600001, 5000), 1);
	assert_int_equal(image_token_count(tip(w)), 0);
}

static void a_new_leader_knows_the_tokens_of_the_log(void **state)
{
	struct world *w = *state;
	struct create_delegation_token_response out = create_token(w, &ALICE, NULL, -1);
	struct replay log;

	replay_init(&log, image_ref(tip(w)));
	controller_resign(w->controller);
	controller_lead(w->controller, &log, 0);
	replay_fini(&log);
	assert_int_equal(renew(w, &ALICE, 1000, out.hmac, -1).err, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_secret_tokens_are_off),
		TOKEN_TEST(a_token_is_its_requesters_for_a_day_and_at_most_a_week),
		TOKEN_TEST(an_owner_may_be_named_and_a_shorter_life_asked_for),
		TOKEN_TEST(renewers_are_users),
		TOKEN_TEST(what_no_record_can_hold_is_refused),
		TOKEN_TEST(a_renewer_renews_up_to_the_end_of_its_life),
		TOKEN_TEST(an_hmac_is_known_whole_or_not_at_all),
		TOKEN_TEST(a_negative_period_removes_at_once_and_another_one_ends_it_then),
		TOKEN_TEST(what_has_expired_is_removed_once_an_hour),
		TOKEN_TEST(a_thousand_are_removed_and_the_rest_right_after),
		TOKEN_TEST(a_new_leader_knows_the_tokens_of_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
