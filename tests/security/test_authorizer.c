/* authorizer: Kafka's rules one by one, and all of them compared with a check of every ACL. */
#include <stdio.h>
#include <string.h>

#include "tests/base/cm.h"
#include "tests/metadata/acl_world.h"

#include "base/mem.h"
#include "config/config.h"
#include "security/authorizer.h"
#include "security/cidr.h"

#define STANDARD "authorizer.class.name=" STANDARD_AUTHORIZER "\n"

struct world {
	struct acl_world acls;
	struct authorizer *authorizer;
	struct arena arena;
};

static struct authorizer *authorizer_of(const char *more)
{
	static const char base[] =
		"process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=C\n"
		"listeners=PLAINTEXT://:9092,C://:9093\ncontroller.quorum.bootstrap.servers=localhost:9093\n";
	struct config_input in = {.file_name = STR("server.properties")};
	struct config_notes notes;
	struct authorizer *a;
	struct config *c;
	char text[1024];

	snprintf(text, sizeof(text), "%s%s", base, more);
	in.file_text = str_of(text);
	assert_int_equal(config_load(&in, &c, &notes), 0);
	config_notes_fini(&notes);
	a = authorizer_new(c);
	config_free(c);
	return a;
}

static void begin(struct world *w, const char *more)
{
	acl_world_init(&w->acls);
	arena_init(&w->arena, 1 << 20);
	w->authorizer = authorizer_of(more);
}

static void end(struct world *w)
{
	authorizer_free(w->authorizer);
	arena_fini(&w->arena);
	acl_world_fini(&w->acls);
}

struct said {
	enum acl_permission permission;
	enum acl_operation operation;
	enum acl_resource resource;
	const char *name;
	enum acl_pattern pattern;
	const char *principal;
	const char *host;
};

static struct uuid add(struct world *w, struct said s)
{
	struct image_acl acl = {
		.resource_type = (int8_t)s.resource,
		.pattern_type = (int8_t)(s.pattern ? s.pattern : ACL_LITERAL),
		.operation = (int8_t)s.operation,
		.permission_type = (int8_t)s.permission,
		.resource_name = str_of(s.name),
		.principal = str_of(s.principal),
		.host = str_of(s.host ? s.host : "*"),
	};

	return acl_world_add(&w->acls, &acl);
}

static struct authorizer_verdict ask(struct world *w, const char *principal, const char *host, enum acl_operation op,
				     enum acl_resource type, const char *name)
{
	struct authorizer_who who = {str_of(principal), str_of(host)};
	struct authorizer_action action = {op, type, str_of(name)};

	return authorizer_decide(w->authorizer, w->acls.image, &who, &action);
}

static bool may(struct world *w, const char *principal, enum acl_operation op, const char *topic)
{
	return ask(w, principal, "10.0.0.1", op, ACL_TOPIC, topic).allowed;
}

static bool may_any(struct world *w, const char *principal, const char *host)
{
	struct authorizer_who who = {str_of(principal), str_of(host)};

	return authorizer_decide_any(w->acls.image, &who, ACL_WRITE, ACL_TOPIC);
}

/* ---- rules ---- */

static void without_a_class_there_is_none(void **state)
{
	(void)state;
	assert_null(authorizer_of(""));
}

static void super_users_may_do_everything(void **state)
{
	struct world w;

	(void)state;
	begin(&w, STANDARD "super.users=User:a; ;Group:x: y ;User:c");
	add(&w, (struct said){ACL_DENY, ACL_ALL, ACL_TOPIC, "*", 0, "User:*", NULL});
	assert_true(may(&w, "User:a", ACL_READ, "t"));
	assert_true(may(&w, "User:c", ACL_READ, "t"));
	assert_true(may(&w, "Group:x: y", ACL_READ, "t"));
	assert_false(may(&w, "User:b", ACL_READ, "t"));
	assert_false(may(&w, "Group:a", ACL_READ, "t"));
	assert_int_equal(ask(&w, "User:a", "h", ACL_READ, ACL_TOPIC, "t").rule, RULE_SUPER_USER);
	end(&w);
}

static void before_the_metadata_is_there_super_users_alone_pass(void **state)
{
	struct authorizer_who admin = {STR("User:admin"), STR("h")};
	struct authorizer_who other = {STR("User:b"), STR("h")};
	struct authorizer_action action = {ACL_CLUSTER_ACTION, ACL_CLUSTER, STR(ACL_CLUSTER_NAME)};
	struct authorizer *a = authorizer_of(STANDARD "super.users=User:admin\nallow.everyone.if.no.acl.found=true");

	(void)state;
	assert_true(authorizer_decide(a, NULL, &admin, &action).allowed);
	assert_false(authorizer_decide(a, NULL, &other, &action).allowed);
	authorizer_free(a);
}

static void nothing_is_allowed_that_no_acl_allows(void **state)
{
	struct world w;

	(void)state;
	begin(&w, STANDARD);
	assert_false(may(&w, "User:a", ACL_READ, "t"));
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t", 0, "User:a", NULL});
	assert_true(may(&w, "User:a", ACL_READ, "t"));
	assert_false(may(&w, "User:a", ACL_WRITE, "t"));
	assert_false(may(&w, "User:a", ACL_READ, "tt"));
	assert_false(may(&w, "User:a", ACL_READ, ""));
	assert_false(may(&w, "User:A", ACL_READ, "t"));
	assert_false(may(&w, "Group:a", ACL_READ, "t"));
	assert_false(ask(&w, "User:a", "h", ACL_READ, ACL_GROUP, "t").allowed);
	end(&w);
}

static void everyone_may_where_no_acl_is_if_so_configured(void **state)
{
	struct world w;

	(void)state;
	begin(&w, STANDARD "allow.everyone.if.no.acl.found=TRUE");
	assert_true(may(&w, "User:a", ACL_READ, "t"));
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t", 0, "User:b", NULL});
	assert_false(may(&w, "User:a", ACL_READ, "t"));
	assert_true(may(&w, "User:a", ACL_READ, "t2"));
	add(&w, (struct said){ACL_DENY, ACL_WRITE, ACL_TOPIC, "t", ACL_PREFIXED, "User:b", NULL});
	assert_false(may(&w, "User:a", ACL_READ, "t2"));
	assert_true(may(&w, "User:a", ACL_READ, "s"));
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "*", 0, "User:b", NULL});
	assert_false(may(&w, "User:a", ACL_READ, "s"));
	assert_true(ask(&w, "User:a", "h", ACL_READ, ACL_GROUP, "s").allowed);
	end(&w);
}

static void a_denial_outweighs_what_is_allowed(void **state)
{
	struct world w;
	struct uuid denial;

	(void)state;
	begin(&w, STANDARD);
	add(&w, (struct said){ACL_ALLOW, ACL_ALL, ACL_TOPIC, "t1", 0, "User:a", NULL});
	denial = add(&w, (struct said){ACL_DENY, ACL_READ, ACL_TOPIC, "*", 0, "User:*", NULL});
	assert_false(may(&w, "User:a", ACL_READ, "t1"));
	assert_true(may(&w, "User:a", ACL_WRITE, "t1"));
	acl_world_remove(&w.acls, denial);
	assert_true(may(&w, "User:a", ACL_READ, "t1"));
	denial = add(&w, (struct said){ACL_DENY, ACL_READ, ACL_TOPIC, "t", ACL_PREFIXED, "User:a", NULL});
	assert_false(may(&w, "User:a", ACL_READ, "t1"));
	acl_world_remove(&w.acls, denial);
	add(&w, (struct said){ACL_DENY, ACL_ALL, ACL_TOPIC, "t1", 0, "User:a", "10.0.0.2"});
	assert_true(may(&w, "User:a", ACL_READ, "t1"));
	assert_false(ask(&w, "User:a", "10.0.0.2", ACL_DESCRIBE, ACL_TOPIC, "t1").allowed);
	end(&w);
}

static void what_is_allowed_may_imply_describing_and_a_denial_never(void **state)
{
	static const enum acl_operation implying[] = {ACL_READ,	 ACL_WRITE,    ACL_DELETE,
						      ACL_ALTER, ACL_DESCRIBE, ACL_ALL};

	(void)state;
	for (int op = ACL_ALL; op < ACL_OPERATIONS; op++) {
		bool describes = false;
		struct world w;

		for (size_t i = 0; i < sizeof(implying) / sizeof(implying[0]); i++)
			describes |= implying[i] == (enum acl_operation)op;
		begin(&w, STANDARD);
		add(&w, (struct said){ACL_ALLOW, (enum acl_operation)op, ACL_TOPIC, "t", 0, "User:a", NULL});
		assert_int_equal(may(&w, "User:a", ACL_DESCRIBE, "t"), describes);
		assert_int_equal(may(&w, "User:a", ACL_DESCRIBE_CONFIGS, "t"),
				 op == ACL_ALL || op == ACL_ALTER_CONFIGS || op == ACL_DESCRIBE_CONFIGS);
		add(&w, (struct said){ACL_ALLOW, ACL_ALL, ACL_TOPIC, "t", 0, "User:*", NULL});
		add(&w, (struct said){ACL_DENY, (enum acl_operation)op, ACL_TOPIC, "t", 0, "User:a", NULL});
		assert_int_equal(may(&w, "User:a", ACL_DESCRIBE, "t"), op != ACL_ALL && op != ACL_DESCRIBE);
		end(&w);
	}
}

static void prefixes_and_the_wildcard_apply(void **state)
{
	struct world w;

	(void)state;
	begin(&w, STANDARD);
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "foo", ACL_PREFIXED, "User:a", NULL});
	add(&w, (struct said){ACL_ALLOW, ACL_WRITE, ACL_TOPIC, "*", 0, "User:a", NULL});
	add(&w, (struct said){ACL_ALLOW, ACL_ALTER, ACL_TOPIC, "*", ACL_PREFIXED, "User:a", NULL});
	assert_true(may(&w, "User:a", ACL_READ, "foo"));
	assert_true(may(&w, "User:a", ACL_READ, "foobar"));
	assert_false(may(&w, "User:a", ACL_READ, "fo"));
	assert_true(may(&w, "User:a", ACL_WRITE, "zed"));
	assert_false(may(&w, "User:a", ACL_ALTER, "zed"));
	assert_true(may(&w, "User:a", ACL_ALTER, "*zed"));
	end(&w);
}

static void hosts_are_addresses_the_wildcard_or_ranges(void **state)
{
	struct world w;

	(void)state;
	begin(&w, STANDARD);
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t", 0, "User:a", "192.168.1.7"});
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t", 0, "User:a", "10.1.0.0/16"});
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t", 0, "User:a", "2001:db8::/32"});
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t", 0, "User:a", "10.2.0.0/99"});
	assert_true(ask(&w, "User:a", "192.168.1.7", ACL_READ, ACL_TOPIC, "t").allowed);
	assert_false(ask(&w, "User:a", "192.168.1.8", ACL_READ, ACL_TOPIC, "t").allowed);
	assert_true(ask(&w, "User:a", "10.1.0.0", ACL_READ, ACL_TOPIC, "t").allowed);
	assert_true(ask(&w, "User:a", "10.1.255.255", ACL_READ, ACL_TOPIC, "t").allowed);
	assert_false(ask(&w, "User:a", "10.2.0.0", ACL_READ, ACL_TOPIC, "t").allowed);
	assert_true(ask(&w, "User:a", "2001:db8:0:0:0:0:0:1", ACL_READ, ACL_TOPIC, "t").allowed);
	assert_false(ask(&w, "User:a", "2001:db9:0:0:0:0:0:1", ACL_READ, ACL_TOPIC, "t").allowed);
	end(&w);
}

static void numbers_that_are_not_known_allow_nothing(void **state)
{
	struct world w;

	(void)state;
	begin(&w, STANDARD);
	add(&w, (struct said){ACL_ALLOW, (enum acl_operation)99, ACL_TOPIC, "t", 0, "User:a", NULL});
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t", 0, "a", NULL});
	assert_false(may(&w, "User:a", ACL_READ, "t"));
	assert_false(may(&w, "User:a", ACL_DESCRIBE, "t"));
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t", 0, "User:a", NULL});
	add(&w, (struct said){(enum acl_permission)9, ACL_READ, ACL_TOPIC, "t", 0, "User:a", NULL});
	assert_false(may(&w, "User:a", ACL_READ, "t")); /* anything but ALLOW denies */
	end(&w);
}

static void expect_rule(struct world *w, const char *text)
{
	struct authorizer_verdict v = ask(w, "User:a", "10.0.0.1", ACL_READ, ACL_TOPIC, "t1");
	struct str said = authorizer_rule_text(&v, &w->arena);

	if (!str_is(said, text))
		fail_msg("said %.*s, expected %s", STR_ARG(said), text);
}

static void the_rule_is_told_in_kafkas_words(void **state)
{
	struct world w;

	(void)state;
	begin(&w, STANDARD);
	expect_rule(&w, "DefaultDeny");
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "t1", 0, "User:a", NULL});
	add(&w, (struct said){ACL_ALLOW, ACL_ALL, ACL_TOPIC, "t", ACL_PREFIXED, "User:a", NULL});
	expect_rule(&w, "MatchingAcl(acl=StandardAcl[resourceType=TOPIC, resourceName=t, patternType=PREFIXED, "
			"principal=User:a, host=*, operation=ALL, permissionType=ALLOW])");
	add(&w, (struct said){ACL_ALLOW, ACL_READ, ACL_TOPIC, "*", 0, "User:*", NULL});
	expect_rule(&w, "MatchingAcl(acl=StandardAcl[resourceType=TOPIC, resourceName=*, patternType=LITERAL, "
			"principal=User:*, host=*, operation=READ, permissionType=ALLOW])");
	add(&w, (struct said){ACL_DENY, ACL_READ, ACL_TOPIC, "*", 0, "User:a", NULL});
	add(&w, (struct said){ACL_DENY, ACL_READ, ACL_TOPIC, "t1", 0, "User:a", "10.0.0.0/8"});
	expect_rule(&w, "MatchingAcl(acl=StandardAcl[resourceType=TOPIC, resourceName=t1, patternType=LITERAL, "
			"principal=User:a, host=10.0.0.0/8, operation=READ, permissionType=DENY])");
	end(&w);
	begin(&w, STANDARD "allow.everyone.if.no.acl.found=true\nsuper.users=User:b");
	expect_rule(&w, "DefaultAllow");
	end(&w);
}

/* ---- on any resource ---- */

static void one_that_is_allowed_is_enough(void **state)
{
	struct world w;

	(void)state;
	begin(&w, STANDARD);
	assert_false(may_any(&w, "User:a", "h"));
	add(&w, (struct said){ACL_ALLOW, ACL_WRITE, ACL_TOPIC, "t", 0, "User:a", "10.0.0.0/24"});
	assert_true(may_any(&w, "User:a", "10.0.0.1"));
	assert_false(may_any(&w, "User:a", "10.0.1.1"));
	assert_false(may_any(&w, "User:b", "10.0.0.1"));
	add(&w, (struct said){ACL_ALLOW, ACL_ALL, ACL_TOPIC, "p", ACL_PREFIXED, "User:*", NULL});
	assert_true(may_any(&w, "User:b", "h"));
	end(&w);
}

static void implied_operations_do_not_count_for_any(void **state)
{
	struct authorizer_who who = {STR("User:a"), STR("h")};
	struct world w;

	(void)state;
	begin(&w, STANDARD);
	add(&w, (struct said){ACL_ALLOW, ACL_WRITE, ACL_TOPIC, "t", 0, "User:a", NULL});
	assert_false(authorizer_decide_any(w.acls.image, &who, ACL_DESCRIBE, ACL_TOPIC));
	assert_false(authorizer_decide_any(w.acls.image, &who, ACL_WRITE, ACL_GROUP));
	assert_false(authorizer_decide_any(NULL, &who, ACL_WRITE, ACL_TOPIC));
	end(&w);
}

static void denials_dominate_what_lies_beneath(void **state)
{
	struct uuid id;
	struct world w;

	(void)state;
	begin(&w, STANDARD);
	add(&w, (struct said){ACL_ALLOW, ACL_WRITE, ACL_TOPIC, "foobar", 0, "User:a", NULL});
	id = add(&w, (struct said){ACL_DENY, ACL_WRITE, ACL_TOPIC, "foobar", 0, "User:*", NULL});
	assert_false(may_any(&w, "User:a", "h"));
	acl_world_remove(&w.acls, id);
	id = add(&w, (struct said){ACL_DENY, ACL_ALL, ACL_TOPIC, "foo", ACL_PREFIXED, "User:a", NULL});
	assert_false(may_any(&w, "User:a", "h"));
	add(&w, (struct said){ACL_ALLOW, ACL_WRITE, ACL_TOPIC, "fo", ACL_PREFIXED, "User:a", NULL});
	assert_true(may_any(&w, "User:a", "h"));
	add(&w, (struct said){ACL_DENY, ACL_WRITE, ACL_TOPIC, "fo", 0, "User:a",
			      NULL}); /* a literal does not take back a prefix */
	assert_true(may_any(&w, "User:a", "h"));
	add(&w, (struct said){ACL_DENY, ACL_WRITE, ACL_TOPIC, "f", ACL_PREFIXED, "User:a", NULL});
	assert_false(may_any(&w, "User:a", "h"));
	add(&w, (struct said){ACL_ALLOW, ACL_WRITE, ACL_TOPIC, "*", 0, "User:*", NULL});
	assert_true(may_any(&w, "User:a", "h"));
	add(&w, (struct said){ACL_DENY, ACL_WRITE, ACL_TOPIC, "*", 0, "User:a", NULL});
	assert_false(may_any(&w, "User:a", "h"));
	assert_true(may_any(&w, "User:b", "h"));
	end(&w);
}

/* ---- against a look at every ACL ---- */

static const char *const NAMES[] = {"*", "a", "ab", "abc", "b", "ba", "*a"};
static const char *const PRINCIPALS[] = {"User:a", "User:b", "User:*"};
static const char *const HOSTS[] = {"*", "10.0.0.1", "10.0.0.0/31", "10.0.0.2", "0.0.0.0/0"};
static const char *const FROM[] = {"10.0.0.1", "10.0.0.2", "192.168.0.1"};

#define PICK(v, chance) (v)[cm_random(chance) % (sizeof(v) / sizeof((v)[0]))]

static bool naive_name(const struct image_acl *a, struct str name)
{
	struct str p = a->resource_name;

	if (a->pattern_type == ACL_PREFIXED)
		return p.len <= name.len && memcmp(p.p, name.p, (size_t)p.len) == 0;
	return str_eq(p, name) || str_is(p, "*");
}

/* Matches the hosts above, by hand. */
static bool naive_host(struct str pattern, struct str host)
{
	if (str_is(pattern, "10.0.0.0/31"))
		return str_is(host, "10.0.0.1");
	return str_is(pattern, "*") || str_is(pattern, "0.0.0.0/0") || str_eq(pattern, host);
}

static bool naive_who(const struct image_acl *a, const struct authorizer_who *who)
{
	return (str_is(a->principal, "User:*") || str_eq(a->principal, who->principal)) &&
	       naive_host(a->host, who->host);
}

static bool naive_operation(const struct image_acl *a, enum acl_operation op)
{
	bool allows = a->permission_type == ACL_ALLOW;
	int8_t has = a->operation;

	if (has == ACL_ALL || has == (int8_t)op)
		return true;
	if (op == ACL_DESCRIBE)
		return allows && (has == ACL_READ || has == ACL_WRITE || has == ACL_DELETE || has == ACL_ALTER);
	return op == ACL_DESCRIBE_CONFIGS && allows && has == ACL_ALTER_CONFIGS;
}

static bool naive(const struct image *image, bool everyone, const struct authorizer_who *who,
		  const struct authorizer_action *action)
{
	bool allow = false, some = false;
	const struct image_acl *a;
	struct image_iter it;

	image_acls(image, &it);
	while ((a = image_acls_next(&it))) {
		if (a->resource_type != (int8_t)action->resource || !naive_name(a, action->name))
			continue;
		some = true;
		if (!naive_who(a, who) || !naive_operation(a, action->operation))
			continue;
		if (a->permission_type == ACL_DENY)
			return false;
		allow = true;
	}
	return allow || (!some && everyone);
}

/* Whether the name or, for a prefix, each name under it is denied. */
static bool naive_dominated(const struct image *image, const struct authorizer_who *who, const struct image_acl *allow)
{
	const struct image_acl *a;
	struct image_iter it;

	image_acls(image, &it);
	while ((a = image_acls_next(&it))) {
		bool same = str_eq(a->resource_name, allow->resource_name) && a->pattern_type == ACL_LITERAL &&
			    allow->pattern_type == ACL_LITERAL;

		if (a->resource_type == allow->resource_type && a->permission_type == ACL_DENY && naive_who(a, who) &&
		    (a->operation == ACL_ALL || a->operation == ACL_WRITE) &&
		    (same || (a->pattern_type == ACL_PREFIXED && naive_name(a, allow->resource_name)) ||
		     (a->pattern_type == ACL_LITERAL && str_is(a->resource_name, "*"))))
			return true;
	}
	return false;
}

static bool naive_any(const struct image *image, const struct authorizer_who *who)
{
	const struct image_acl *a;
	struct image_iter it;
	bool may = false;

	image_acls(image, &it);
	while ((a = image_acls_next(&it))) {
		bool wildcard = a->pattern_type == ACL_LITERAL && str_is(a->resource_name, "*");

		if (a->resource_type != ACL_TOPIC || !naive_who(a, who) ||
		    (a->operation != ACL_ALL && a->operation != ACL_WRITE))
			continue;
		if (a->permission_type == ACL_DENY && wildcard)
			return false;
		may |= a->permission_type == ACL_ALLOW && (wildcard || !naive_dominated(image, who, a));
	}
	return may;
}

static struct said draw(uint64_t *chance)
{
	return (struct said){
		.permission = cm_random(chance) % 3 ? ACL_ALLOW : ACL_DENY,
		.operation = (enum acl_operation)(ACL_ALL + cm_random(chance) % (ACL_OPERATIONS - ACL_ALL)),
		.resource = cm_random(chance) % 4 ? ACL_TOPIC : ACL_GROUP,
		.name = PICK(NAMES, chance),
		.pattern = cm_random(chance) % 2 ? ACL_LITERAL : ACL_PREFIXED,
		.principal = PICK(PRINCIPALS, chance),
		.host = PICK(HOSTS, chance),
	};
}

static void compare(struct world *w, bool everyone, uint64_t *chance)
{
	struct authorizer_who who = {str_of(PICK(PRINCIPALS, chance)), str_of(PICK(FROM, chance))};
	struct authorizer_action action = {
		.operation = (enum acl_operation)(ACL_READ + cm_random(chance) % (ACL_OPERATIONS - ACL_READ)),
		.resource = cm_random(chance) % 4 ? ACL_TOPIC : ACL_GROUP,
		.name = str_of(PICK(NAMES, chance)),
	};
	const struct image *image = w->acls.image;
	struct authorizer_verdict v = authorizer_decide(w->authorizer, image, &who, &action);

	if (v.allowed != naive(image, everyone, &who, &action))
		fail_msg("%s %s of %.*s from %.*s on %.*s: %d", acl_operation_name(action.operation)->upper,
			 acl_resource_name(action.resource)->upper, STR_ARG(who.principal), STR_ARG(who.host),
			 STR_ARG(action.name), v.allowed);
	assert_int_equal(v.rule == RULE_ACL, v.acl != NULL);
	assert_int_equal(authorizer_decide_any(image, &who, ACL_WRITE, ACL_TOPIC), naive_any(image, &who));
}

static void decisions_are_those_of_a_look_at_every_acl(void **state)
{
	int64_t draws = acl_world_draws(50000);
	uint64_t chance = 11;

	(void)state;
	for (int64_t at = 0; at < draws;) {
		bool everyone = cm_random(&chance) % 2;
		int n = (int)(cm_random(&chance) % 12);
		struct uuid ids[12];
		struct world w;

		begin(&w, everyone ? STANDARD "allow.everyone.if.no.acl.found=true" : STANDARD);
		for (int i = 0; i < n; i++)
			ids[i] = add(&w, draw(&chance));
		for (int i = 0; i < 100; i++, at++) {
			compare(&w, everyone, &chance);
			if (n > 0 && cm_random(&chance) % 16 == 0)
				acl_world_remove(&w.acls, ids[--n]);
		}
		end(&w);
	}
}

/* ---- ranges ---- */

static void ranges_are_refused_in_kafkas_words(void **state)
{
	static const struct {
		const char *range, *why;
	} cases[] = {
		{"10.0.0.0/8", NULL},
		{"010.0.0.0/08", NULL},
		{"10.0.0/8", "Could not parse [10.0.0/8]"},
		{"10.0.0.0/", "Could not parse [10.0.0.0/]"},
		{"10.0.0.0/8/8", "Could not parse [10.0.0.0/8/8]"},
		{"10.0.0.0/-1", "Could not parse [10.0.0.0/-1]"},
		{"10.0.0.0/999", "Could not parse [10.0.0.0/999]"},
		{"10.0.0.0/8 ", "Could not parse [10.0.0.0/8 ]"},
		{"10.0.0.0/33", "Value [33] not in range [0,32]"},
		{"256.0.0.1/33", "Value [256] not in range [0,255]"},
		{"1000.0.0.0/8", "Could not parse [1000.0.0.0/8]"},
		{"2001:db8::/32", NULL},
		{"[2001:db8::]/32", NULL},
		{"fe80::1%3/64", NULL},
		{"::1.2.3.4/96", NULL},
		{"::00001/64", NULL},
		{"1:2:3:4:5:6:7::/64", NULL},
		{"1:2:3:4:5:6:1.2.3.4/64", NULL},
		{"2001:DB8::/032", NULL},
		{"2001:db8::/+32", NULL},
		{"::/0", NULL},
		{"::ffff:1.2.3.4/96", "Could not parse [::ffff:1.2.3.4] - not an IPv6 address"},
		{"2001:db8::/129", "Could not parse [2001:db8::/129] - prefix length must be between 0 and 128"},
		{"2001:db8::/x", "Could not parse [2001:db8::/x] - invalid prefix length"},
		{"2001:db8::/32/1", "Could not parse [2001:db8::/32/1] - invalid prefix length"},
		{"2001:db8/32", "Could not parse [2001:db8]"},
		{"z:z/999", "Could not parse [z:z/999] - prefix length must be between 0 and 128"},
		{"1::2::3/64", "Could not parse [1::2::3]"},
		{":::/1", "Could not parse [:::]"},
		{":/0", "Could not parse [:]"},
		{"1:/64", "Could not parse [1:]"},
		{":1::/64", "Could not parse [:1::]"},
		{"1::2:/64", "Could not parse [1::2:]"},
		{"12345::/64", "Could not parse [12345::]"},
		{"::1:2:3:4:5:6:7:8/64", "Could not parse [::1:2:3:4:5:6:7:8]"},
		{"1:2:3:4:5:6:7/64", "Could not parse [1:2:3:4:5:6:7]"},
		{"::1.2.3/64", "Could not parse [::1.2.3]"},
		{"::1.2.3.4:5/64", "Could not parse [::1.2.3.4:5]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a;
		struct str why;

		arena_init(&a, 4096);
		why = cidr_check(str_of(cases[i].range), &a);
		if (cases[i].why ? !str_is(why, cases[i].why) : why.p != NULL)
			fail_msg("%s: %.*s", cases[i].range, STR_ARG(why));
		arena_fini(&a);
	}
}

static void addresses_are_in_their_ranges(void **state)
{
	static const struct {
		const char *host, *range;
		bool in;
	} cases[] = {
		{"10.1.2.3", "10.0.0.0/8", true},
		{"10.0.0.0", "10.0.0.0/8", true},
		{"10.255.255.255", "10.0.0.0/8", true},
		{"11.0.0.0", "10.0.0.0/8", false},
		{"10.9.9.9", "10.1.2.3/8", true},
		{"10.0.0.1", "10.0.0.1/31", true},
		{"10.0.0.2", "10.0.0.1/31", false},
		{"200.1.1.1", "0.0.0.0/0", true},
		{"0.0.0.0", "0.0.0.0/0", false},
		{"::1", "0.0.0.0/0", false},
		{"10.0.0.1", "::/0", false},
		{"0:0:0:0:0:0:0:0", "::/0", true},
		{"2001:db8:0:0:0:0:0:1", "2001:db8::/32", true},
		{"2001:db8:0:0:0:0:0:1", "2001:db8::/33", true},
		{"2001:db8:8000:0:0:0:0:1", "2001:db8::/33", false},
		{"fe80:0:0:0:0:0:0:1%eth0", "fe80::/10", true},
		{"10.1.2.3", "10.0.0.0/8/8", false},
		{"10.1.2.3", "10.1.2.3", false},
		{"host", "10.0.0.0/8", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (cidr_has(str_of(cases[i].range), str_of(cases[i].host)) != cases[i].in)
			fail_msg("%s in %s", cases[i].host, cases[i].range);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_class_there_is_none),
		cmocka_unit_test(super_users_may_do_everything),
		cmocka_unit_test(before_the_metadata_is_there_super_users_alone_pass),
		cmocka_unit_test(nothing_is_allowed_that_no_acl_allows),
		cmocka_unit_test(everyone_may_where_no_acl_is_if_so_configured),
		cmocka_unit_test(a_denial_outweighs_what_is_allowed),
		cmocka_unit_test(what_is_allowed_may_imply_describing_and_a_denial_never),
		cmocka_unit_test(prefixes_and_the_wildcard_apply),
		cmocka_unit_test(hosts_are_addresses_the_wildcard_or_ranges),
		cmocka_unit_test(numbers_that_are_not_known_allow_nothing),
		cmocka_unit_test(the_rule_is_told_in_kafkas_words),
		cmocka_unit_test(one_that_is_allowed_is_enough),
		cmocka_unit_test(implied_operations_do_not_count_for_any),
		cmocka_unit_test(denials_dominate_what_lies_beneath),
		cmocka_unit_test(decisions_are_those_of_a_look_at_every_acl),
		cmocka_unit_test(ranges_are_refused_in_kafkas_words),
		cmocka_unit_test(addresses_are_in_their_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
