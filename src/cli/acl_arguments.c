/*
 * acl_arguments: collects resources and entries from the options; conveniences such as --producer
 * become several entries.
 */
#include "cli/acl_arguments.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BIT(operation) (1 << (operation))

/* ---- sets ---- */

static bool same_entry(const struct acl_entry *a, const struct acl_entry *b)
{
	return a->operation == b->operation && a->permission_type == b->permission_type &&
	       str_eq(a->principal, b->principal) && str_eq(a->host, b->host);
}

bool acl_entries_has(const struct acl_entries *e, const struct acl_entry *one)
{
	for (int i = 0; i < e->n; i++)
		if (same_entry(&e->v[i], one))
			return true;
	return false;
}

void acl_entries_add(struct tool *t, struct acl_entries *e, const struct acl_entry *one)
{
	if (acl_entries_has(e, one))
		return;
	e->v = tool_grow(t, e->v, e->n, &e->cap, sizeof(*e->v));
	e->v[e->n++] = *one;
}

struct acl_target *acl_target_of(struct tool *t, struct acl_targets *all, int8_t resource_type, struct str name,
				 int8_t pattern_type)
{
	for (int i = 0; i < all->n; i++)
		if (all->v[i].resource_type == resource_type && all->v[i].pattern_type == pattern_type &&
		    str_eq(all->v[i].name, name))
			return &all->v[i];
	all->v = tool_grow(t, all->v, all->n, &all->cap, sizeof(*all->v));
	all->v[all->n] = (struct acl_target){resource_type, pattern_type, name, {0}};
	return &all->v[all->n++];
}

static int compare_entries(const void *a, const void *b)
{
	const struct acl_entry *x = a, *y = b;
	int order = str_cmp(x->principal, y->principal);

	if (order == 0)
		order = x->operation - y->operation;
	if (order == 0)
		order = str_cmp(x->host, y->host);
	return order ? order : x->permission_type - y->permission_type;
}

static int compare_targets(const void *a, const void *b)
{
	const struct acl_target *x = a, *y = b;
	int order = x->resource_type - y->resource_type;

	if (order == 0)
		order = str_cmp(x->name, y->name);
	return order ? order : x->pattern_type - y->pattern_type;
}

void acl_targets_sort(struct acl_targets *all)
{
	if (all->n > 0)
		qsort(all->v, (size_t)all->n, sizeof(*all->v), compare_targets);
	for (int i = 0; i < all->n; i++)
		if (all->v[i].entries.n > 0)
			qsort(all->v[i].entries.v, (size_t)all->v[i].entries.n, sizeof(*all->v[i].entries.v),
			      compare_entries);
}

/* ---- options ---- */

int8_t acl_pattern_asked(struct tool *t)
{
	const char *text = tool_value(t, "resource-pattern-type");

	for (int i = ACL_ANY_PATTERN; text && i < ACL_PATTERNS; i++)
		if (strcasecmp(text, acl_pattern_name(i)) == 0)
			return (int8_t)i;
	if (text)
		tool_misused(t, "Cannot parse argument '%s' of option resource-pattern-type", text);
	return ACL_LITERAL;
}

static struct str nth(struct tool *t, const char *option, int i)
{
	return str_trimmed(str_of(options_nth(&t->options, option, i)));
}

struct str *acl_principals(struct tool *t, const char *option, int *n)
{
	int given = options_count(&t->options, option);
	struct str *v = arena_array(&t->arena, (size_t)given + 1, sizeof(*v));

	*n = 0;
	for (int i = 0; i < given; i++) {
		struct str text = nth(t, option, i);

		if (str_is_null(text)) /* --principal without a value */
			continue;
		if (!memchr(text.p, ':', (size_t)text.len))
			tool_die(t, "expected a string in format principalType:principalName but got %.*s",
				 STR_ARG(text));
		v[(*n)++] = text;
	}
	return v;
}

static void add_named(struct tool *t, struct acl_targets *all, const char *option, enum acl_resource type,
		      int8_t pattern_type)
{
	for (int i = 0; i < options_count(&t->options, option); i++)
		acl_target_of(t, all, (int8_t)type, nth(t, option, i), pattern_type);
}

struct acl_targets acl_resources_named(struct tool *t)
{
	int8_t pattern = acl_pattern_asked(t);
	struct acl_targets all = {0};

	add_named(t, &all, "topic", ACL_TOPIC, pattern);
	if (pattern == ACL_LITERAL && (tool_has(t, "cluster") || tool_has(t, "idempotent")))
		acl_target_of(t, &all, ACL_CLUSTER, STR(ACL_CLUSTER_NAME), ACL_LITERAL);
	add_named(t, &all, "group", ACL_GROUP, pattern);
	add_named(t, &all, "transactional-id", ACL_TRANSACTIONAL_ID, pattern);
	add_named(t, &all, "delegation-token", ACL_DELEGATION_TOKEN, pattern);
	add_named(t, &all, "user-principal", ACL_USER, pattern);
	return all;
}

/* ---- the entries for each resource ---- */

struct speaker {
	struct tool *t;
	struct acl_entries *to;
	int32_t operations; /* as bits */
	enum acl_permission permission;
};

static void say_of(const struct speaker *s, struct str principal, struct str host)
{
	for (int op = 0; op < ACL_OPERATIONS; op++) {
		struct acl_entry one = {principal, host, (int8_t)op, (int8_t)s->permission};

		if (s->operations & BIT(op))
			acl_entries_add(s->t, s->to, &one);
	}
}

/* Adds entries for all hosts if none is given. */
static void say(const struct speaker *s, const char *principals, const char *hosts)
{
	struct tool *t = s->t;
	int n, n_hosts = options_count(&t->options, hosts);
	struct str *v = acl_principals(t, principals, &n);

	for (int i = 0; i < n; i++) {
		if (n_hosts == 0)
			say_of(s, v[i], STR("*"));
		for (int k = 0; k < n_hosts; k++)
			say_of(s, v[i], nth(t, hosts, k));
	}
}

static void add_entries(struct tool *t, struct acl_entries *to, int32_t operations)
{
	say(&(struct speaker){t, to, operations, ACL_ALLOW}, "allow-principal", "allow-host");
	say(&(struct speaker){t, to, operations, ACL_DENY}, "deny-principal", "deny-host");
}

/* The operations as people write them; All if none is given. */
static int32_t operations_asked(struct tool *t)
{
	int n = options_count(&t->options, "operation");
	int32_t bits = n == 0 ? BIT(ACL_ALL) : 0;

	for (int i = 0; i < n; i++) {
		const char *word = tool_string(t, nth(t, "operation", i));
		int op = ACL_OPERATIONS - 1;

		while (op > 0 && strcasecmp(word, acl_operation_name(op)->pascal) != 0)
			op--;
		bits |= BIT(op);
	}
	return bits;
}

static void check_operations(struct tool *t, const struct acl_target *target)
{
	int32_t valid = acl_supported((enum acl_resource)target->resource_type) | BIT(ACL_ALL);
	struct buf names = {0};
	bool fits = true;

	for (int i = 0; i < target->entries.n; i++)
		fits = fits && valid & BIT(target->entries.v[i].operation);
	if (fits)
		return;
	for (int op = 0; op < ACL_OPERATIONS; op++)
		if (valid & BIT(op))
			buf_printf(&names, "%s%s", names.len ? ", " : "", acl_operation_name(op)->upper);
	tool_misused(t, "ResourceType %s only supports operations [%.*s]",
		     acl_resource_name(target->resource_type)->upper, STR_ARG(buf_str(&names)));
}

static struct acl_targets resources_needed(struct tool *t)
{
	struct acl_targets all = acl_resources_named(t);

	if (all.n == 0)
		tool_misused(
			t, "You must provide at least one resource: --topic <topic> or --cluster or --group <group> or "
			   "--delegation-token <Delegation Token ID>");
	return all;
}

/* --producer, --consumer: adds the operations listed for each type of resource that was named. */
static void add_role(struct tool *t, struct acl_targets *to, const int32_t operations[ACL_RESOURCES])
{
	struct acl_targets named = resources_needed(t);

	for (int i = 0; i < named.n; i++) {
		const struct acl_target *n = &named.v[i];

		if (operations[n->resource_type])
			add_entries(t, &acl_target_of(t, to, n->resource_type, n->name, n->pattern_type)->entries,
				    operations[n->resource_type]);
	}
}

struct acl_targets acl_targets_named(struct tool *t)
{
	static const int32_t PRODUCER[ACL_RESOURCES] = {
		[ACL_TOPIC] = BIT(ACL_WRITE) | BIT(ACL_DESCRIBE) | BIT(ACL_CREATE),
		[ACL_TRANSACTIONAL_ID] = BIT(ACL_WRITE) | BIT(ACL_DESCRIBE),
	};
	static const int32_t CONSUMER[ACL_RESOURCES] = {
		[ACL_TOPIC] = BIT(ACL_READ) | BIT(ACL_DESCRIBE),
		[ACL_GROUP] = BIT(ACL_READ),
	};
	struct acl_targets all = {0};

	if (!tool_has(t, "producer") && !tool_has(t, "consumer")) {
		all = resources_needed(t);
		for (int i = 0; i < all.n; i++)
			add_entries(t, &all.v[i].entries, operations_asked(t));
	}
	if (tool_has(t, "producer"))
		add_role(t, &all, PRODUCER);
	if (tool_has(t, "producer") && tool_has(t, "idempotent"))
		add_entries(t, &acl_target_of(t, &all, ACL_CLUSTER, STR(ACL_CLUSTER_NAME), ACL_LITERAL)->entries,
			    BIT(ACL_IDEMPOTENT_WRITE));
	if (tool_has(t, "consumer"))
		add_role(t, &all, CONSUMER);
	acl_targets_sort(&all);
	for (int i = 0; i < all.n; i++)
		check_operations(t, &all.v[i]);
	return all;
}
