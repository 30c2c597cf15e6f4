/*
 * acls: `odradek acls`: kafka-acls.
 *
 * The script prints sets in an order that changes with each run; here they are sorted.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/acl_arguments.h"
#include "protocol/create_acls.h"
#include "protocol/delete_acls.h"
#include "protocol/describe_acls.h"

extern const struct command command_acls;

/* ---- as Java prints them ---- */

static struct str pattern_text(struct tool *t, const struct acl_target *r)
{
	return arena_printf(&t->arena, "ResourcePattern(resourceType=%s, name=%.*s, patternType=%s)",
			    acl_resource_name(r->resource_type)->upper, STR_ARG(r->name),
			    acl_pattern_name(r->pattern_type));
}

static struct str entry_text(struct tool *t, const struct acl_entry *e)
{
	return arena_printf(&t->arena, "(principal=%.*s, host=%.*s, operation=%s, permissionType=%s)",
			    STR_ARG(e->principal), STR_ARG(e->host), acl_operation_name(e->operation)->upper,
			    acl_permission_name(e->permission_type));
}

/* One line each, indented by a tab. */
static struct str entries_text(struct tool *t, const struct acl_entries *e)
{
	struct buf b = {0};
	struct str all;

	for (int i = 0; i < e->n; i++) {
		struct str one = entry_text(t, &e->v[i]);

		buf_printf(&b, "%s\t%.*s", i ? "\n" : "", STR_ARG(one));
	}
	all = arena_str(&t->arena, buf_str(&b));
	buf_fini(&b);
	return str_is_null(all) ? STR("") : all;
}

static json_t *targets_json(const struct acl_targets *all)
{
	json_t *list = json_array();

	for (int i = 0; i < all->n; i++) {
		const struct acl_target *r = &all->v[i];
		json_t *acls = json_array();

		for (int k = 0; k < r->entries.n; k++) {
			const struct acl_entry *e = &r->entries.v[k];

			json_array_append_new(acls, json_pack("{s:o,s:o,s:s,s:s}", "principal", json_str(e->principal),
							      "host", json_str(e->host), "operation",
							      acl_operation_name(e->operation)->upper, "permissionType",
							      acl_permission_name(e->permission_type)));
		}
		json_array_append_new(list,
				      json_pack("{s:s,s:o,s:s,s:o}", "resourceType",
						acl_resource_name(r->resource_type)->upper, "name", json_str(r->name),
						"patternType", acl_pattern_name(r->pattern_type), "acls", acls));
	}
	return list;
}

/* ---- asking ---- */

/* If controllers are asked, the active one. */
static int32_t node_asked(const struct tool *t)
{
	return t->controllers ? CLIENT_CONTROLLER : CLIENT_ANY;
}

/* Adds the ACLs of a resource, or (NULL) of all resources, to the targets. */
static void ask_for(struct tool *t, const struct acl_target *filter, struct acl_targets *to)
{
	struct describe_acls_request in = {ACL_ANY_RESOURCE, STR_NULL,		ACL_ANY_PATTERN,   STR_NULL,
					   STR_NULL,	     ACL_ANY_OPERATION, ACL_ANY_PERMISSION};
	const struct describe_acls_response *out;

	if (filter) {
		in.resource_type_filter = filter->resource_type;
		in.resource_name_filter = filter->name;
		in.pattern_type_filter = filter->pattern_type;
	}
	out = tool_must(t, CLIENT_ANY, describe_acls_request_KEY, &in);
	for (int i = 0; i < out->resources.n; i++) {
		const struct describe_acls_response_resource *r = &out->resources.v[i];
		struct acl_target *target = acl_target_of(t, to, r->resource_type, r->resource_name, r->pattern_type);

		for (int k = 0; k < r->acls.n; k++) {
			const struct describe_acls_response_acl *a = &r->acls.v[k];
			struct acl_entry e = {a->principal, a->host, a->operation, a->permission_type};

			acl_entries_add(t, &target->entries, &e);
		}
	}
}

/* ---- --add ---- */

static void create(struct tool *t, const struct acl_target *r, const struct acl_entries *e)
{
	struct create_acls_request in = {{arena_array(&t->arena, (size_t)e->n, sizeof(*in.creations.v)), e->n}};
	const struct create_acls_response *out;

	for (int i = 0; i < e->n; i++)
		in.creations.v[i] = (struct create_acls_request_creation){
			r->resource_type, r->name,	     r->pattern_type,	     e->v[i].principal,
			e->v[i].host,	  e->v[i].operation, e->v[i].permission_type};
	out = tool_must(t, node_asked(t), create_acls_request_KEY, &in);
	for (int i = 0; i < out->results.n; i++)
		if (out->results.v[i].error_code)
			tool_die_of(t, out->results.v[i].error_code, out->results.v[i].error_message);
}

static void add_to(struct tool *t, const struct acl_target *r)
{
	struct acl_targets there = {0};
	struct acl_entries missing = {0};
	struct acl_target *same;
	struct str text = pattern_text(t, r);

	ask_for(t, r, &there);
	same = acl_target_of(t, &there, r->resource_type, r->name, r->pattern_type);
	for (int i = 0; i < r->entries.n; i++) {
		struct str entry = entry_text(t, &r->entries.v[i]);

		if (!acl_entries_has(&same->entries, &r->entries.v[i]))
			acl_entries_add(t, &missing, &r->entries.v[i]);
		else
			tool_say(t, "Acl (pattern=%.*s, entry=%.*s) already exists.\n", STR_ARG(text), STR_ARG(entry));
	}
	if (missing.n == 0)
		return;
	tool_say(t, "Adding ACLs for resource `%.*s`: \n %.*s\n\n", STR_ARG(text), STR_ARG(entries_text(t, &missing)));
	create(t, r, &missing);
}

static int add(struct tool *t)
{
	int8_t pattern = acl_pattern_asked(t);
	struct acl_targets all;

	if (pattern != ACL_LITERAL && pattern != ACL_PREFIXED)
		tool_misused(t, "A '--resource-pattern-type' value of '%s' is not valid when adding acls.",
			     acl_pattern_name(pattern));
	all = acl_targets_named(t);
	for (int i = 0; i < all.n; i++)
		if (all.v[i].entries.n == 0)
			tool_misused(
				t,
				"You must specify one of: --allow-principal, --deny-principal when trying to add ACLs.");
	for (int i = 0; i < all.n; i++)
		add_to(t, &all.v[i]);
	t->out = json_pack("{s:o}", "added", targets_json(&all));
	return EXIT_FINE;
}

/* ---- --remove ---- */

static bool is_confirmed(struct tool *t, struct str question)
{
	char line[16];

	if (tool_has(t, "force"))
		return true;
	fprintf(tool_notices(t), "%.*s\n", STR_ARG(question));
	fflush(tool_notices(t));
	return fgets(line, sizeof(line), stdin) && (strcasecmp(line, "y\n") == 0 || strcasecmp(line, "y") == 0);
}

static struct describe_acls_request filter_of(const struct acl_target *r, const struct acl_entry *e)
{
	struct describe_acls_request f = {r->resource_type, r->name,	       r->pattern_type,	  STR_NULL,
					  STR_NULL,	    ACL_ANY_OPERATION, ACL_ANY_PERMISSION};

	if (e) {
		f.principal_filter = e->principal;
		f.host_filter = e->host;
		f.operation = e->operation;
		f.permission_type = e->permission_type;
	}
	return f;
}

static void delete_from(struct tool *t, const struct acl_target *r)
{
	int n = r->entries.n > 0 ? r->entries.n : 1;
	struct delete_acls_request in = {{arena_array(&t->arena, (size_t)n, sizeof(*in.filters.v)), n}};
	const struct delete_acls_response *out;

	for (int i = 0; i < n; i++)
		in.filters.v[i] = filter_of(r, r->entries.n > 0 ? &r->entries.v[i] : NULL);
	out = tool_must(t, node_asked(t), delete_acls_request_KEY, &in);
	for (int i = 0; i < out->filter_results.n; i++) {
		const struct delete_acls_response_filter_result *f = &out->filter_results.v[i];

		if (f->error_code)
			tool_die_of(t, f->error_code, f->error_message);
		for (int k = 0; k < f->matching_acls.n; k++)
			if (f->matching_acls.v[k].error_code)
				tool_die_of(t, f->matching_acls.v[k].error_code, f->matching_acls.v[k].error_message);
	}
}

static struct str question_text(struct tool *t, const struct acl_target *r)
{
	struct str text = pattern_text(t, r);

	if (r->entries.n == 0)
		return arena_printf(&t->arena,
				    "Are you sure you want to delete all ACLs for resource filter `%.*s`? (y/n)",
				    STR_ARG(text));
	return arena_printf(&t->arena,
			    "Are you sure you want to remove ACLs: \n %.*s\n from resource filter `%.*s`? (y/n)",
			    STR_ARG(entries_text(t, &r->entries)), STR_ARG(text));
}

static int remove_acls(struct tool *t)
{
	struct acl_targets all = acl_targets_named(t);

	for (int i = 0; i < all.n; i++)
		if (is_confirmed(t, question_text(t, &all.v[i])))
			delete_from(t, &all.v[i]);
	t->out = json_pack("{s:o}", "removed", targets_json(&all));
	return EXIT_FINE;
}

/* ---- --list ---- */

static void print_targets(struct tool *t, const struct acl_targets *all)
{
	for (int i = 0; i < all->n; i++) {
		struct str text = pattern_text(t, &all->v[i]);
		struct str entries = entries_text(t, &all->v[i].entries);

		tool_say(t, "Current ACLs for resource `%.*s`:\n%.*s\n\n", STR_ARG(text), STR_ARG(entries));
	}
}

/* The entries of a single principal. */
static struct acl_targets only_of(struct tool *t, const struct acl_targets *all, struct str principal)
{
	struct acl_targets some = {0};

	for (int i = 0; i < all->n; i++)
		for (int k = 0; k < all->v[i].entries.n; k++)
			if (str_eq(all->v[i].entries.v[k].principal, principal))
				acl_entries_add(t,
						&acl_target_of(t, &some, all->v[i].resource_type, all->v[i].name,
							       all->v[i].pattern_type)
							 ->entries,
						&all->v[i].entries.v[k]);
	return some;
}

static int list(struct tool *t)
{
	struct acl_targets filters = acl_resources_named(t);
	struct acl_targets all = {0};
	int n;
	struct str *principals = acl_principals(t, "principal", &n);

	if (filters.n == 0)
		ask_for(t, NULL, &all);
	for (int i = 0; i < filters.n; i++)
		ask_for(t, &filters.v[i], &all);
	acl_targets_sort(&all);
	t->out = n == 0 ? targets_json(&all) : json_array();
	if (n == 0)
		print_targets(t, &all);
	for (int i = 0; i < n; i++) {
		struct acl_targets some = only_of(t, &all, principals[i]);

		tool_say(t, "ACLs for principal `%.*s`\n", STR_ARG(principals[i]));
		print_targets(t, &some);
		json_array_append_new(t->out, json_pack("{s:o,s:o}", "principal", json_str(principals[i]), "resources",
							targets_json(&some)));
	}
	return EXIT_FINE;
}

/* ---- arguments ---- */

static void check_options(struct tool *t)
{
	static const char *const NOT_OF_LIST[] = {"producer",  "consumer",	 "allow-host", "allow-principal",
						  "deny-host", "deny-principal", NULL};
	static const char *const NOT_OF_ROLES[] = {"operation", "deny-principal", "deny-host", NULL};

	tool_excludes(t, "list", NOT_OF_LIST);
	tool_excludes(t, "producer", NOT_OF_ROLES);
	tool_excludes(t, "consumer", NOT_OF_ROLES);
	if (tool_has(t, "principal") && !tool_has(t, "list"))
		tool_misused(t, "The --principal option is only available if --list is set");
	if (tool_has(t, "producer") && !tool_has(t, "topic"))
		tool_misused(t, "With --producer you must specify a --topic");
	if (tool_has(t, "idempotent") && !tool_has(t, "producer"))
		tool_misused(t, "The --idempotent option is only available if --producer is set");
	if (tool_has(t, "consumer") &&
	    (!tool_has(t, "topic") || !tool_has(t, "group") ||
	     (!tool_has(t, "producer") && (tool_has(t, "cluster") || tool_has(t, "transactional-id")))))
		tool_misused(t, "With --consumer you must specify a --topic and a --group and no --cluster or "
				"--transactional-id option should be specified.");
}

static int acls(struct tool *t)
{
	static const char *const NAMES[] = {"add", "remove", "list", NULL};
	static int (*const RUN[])(struct tool * t) = {add, remove_acls, list};
	int action;

	if (tool_has(t, "bootstrap-server") && tool_has(t, "bootstrap-controller"))
		tool_misused(t, "Only one of --bootstrap-server or --bootstrap-controller must be specified");
	if (!tool_has(t, "bootstrap-server") && !tool_has(t, "bootstrap-controller"))
		tool_misused(t, "One of --bootstrap-server or --bootstrap-controller must be specified");
	action = tool_one_of(t, NAMES, "Command must include exactly one action: --list, --add, --remove. ");
	check_options(t);
	t->complaint = "Error while executing ACL command: ";
	t->complain_to = stdout;
	t->exception_names = true;
	tool_connect(t);
	return RUN[action](t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_acls, argc, argv, acls);
}

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 0, 0},
	{"bootstrap-controller", "HOST:PORT,...", "controllers to connect to first", NULL, 0, 0},
	{"list", NULL, "print ACLs: of the resources that are named, or all", NULL, 0, 0},
	{"add", NULL, "add ACLs", NULL, 0, 0},
	{"remove", NULL, "remove ACLs; without a principal all of a resource", NULL, 0, 0},
	{"topic", "TOPIC", "a topic; * is every one", NULL, 0, OPTION_MANY},
	{"group", "GROUP", "a group; * is every one", NULL, 0, OPTION_MANY},
	{"cluster", NULL, "the cluster", NULL, 0, 0},
	{"transactional-id", "ID", "a transactional id; * is every one", NULL, 0, OPTION_MANY},
	{"delegation-token", "ID", "a delegation token; * is every one", NULL, 0, OPTION_MANY},
	{"user-principal", "PRINCIPAL", "a user for whom tokens may be made", NULL, 0, OPTION_MANY},
	{"resource-pattern-type", "TYPE",
	 "literal (the default) or prefixed; of --list and --remove also any, and match: what applies to the name",
	 NULL, 0, 0},
	{"operation", "OPERATION",
	 "All (the default), Read, Write, Create, Delete, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, "
	 "IdempotentWrite, CreateTokens, DescribeTokens, TwoPhaseCommit",
	 NULL, 0, OPTION_MANY},
	{"allow-principal", "TYPE:NAME", "who is allowed, such as User:alice; User:* is everybody", NULL, 0,
	 OPTION_MANY},
	{"deny-principal", "TYPE:NAME", "who is denied, whatever else is allowed", NULL, 0, OPTION_MANY},
	{"allow-host", "HOST", "from which address or range they are allowed; all without it", NULL, 0, OPTION_MANY},
	{"deny-host", "HOST", "from which they are denied; all without it", NULL, 0, OPTION_MANY},
	{"principal", "TYPE:NAME", "of --list: only entries for them", NULL, 0, OPTION_MANY | OPTION_MAYBE},
	{"producer", NULL, "what a producer needs: Write, Describe, Create on --topic", NULL, 0, 0},
	{"consumer", NULL, "what a consumer needs: Read, Describe on --topic, Read on --group", NULL, 0, 0},
	{"idempotent", NULL, "of --producer: IdempotentWrite on the cluster too", NULL, 0, 0},
	{"force", NULL, "do not ask for confirmation", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_acls = {
	.name = "acls",
	.summary = "list, add and remove access control entries, as kafka-acls does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Lists, adds and removes access control lists, as kafka-acls does. The cluster has to have an authorizer.",
	.examples =
		"  odradek acls --bootstrap-server localhost:9092 --add --allow-principal User:alice --operation Read --topic t\n"
		"  odradek acls --bootstrap-server localhost:9092 --list --topic t --resource-pattern-type match\n",
};
