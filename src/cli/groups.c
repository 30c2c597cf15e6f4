/*
 * groups: `odradek groups`: kafka-groups: the groups of all kinds.
 */
#include "cli/group_list.h"

#include <string.h>

extern const struct command command_groups;

static bool is_shown(struct tool *t, const struct group_line *g)
{
	const char *type = tool_value(t, "group-type"), *protocol = tool_value(t, "protocol");

	if (type && strcasecmp(tool_string(t, g->type), type) != 0)
		return false;
	if (protocol)
		return str_is(g->protocol, protocol);
	if (type)
		return true;
	if (tool_has(t, "consumer"))
		return str_is(g->protocol, "consumer") || g->protocol.len == 0 || str_is(g->type, "Consumer");
	if (tool_has(t, "share"))
		return str_is(g->type, "Share");
	return !tool_has(t, "streams") || str_is(g->type, "Streams");
}

static void print(struct tool *t, const struct group_list *l)
{
	int width = 20;

	for (int i = 0; i < l->n; i++) {
		if (!is_shown(t, &l->v[i]))
			continue;
		width = l->v[i].id.len > width ? l->v[i].id.len : width;
		width = l->v[i].protocol.len > width ? l->v[i].protocol.len : width;
	}
	printf("%-*s %-*s %-*s\n", width, "GROUP", width, "TYPE", width, "PROTOCOL");
	for (int i = 0; i < l->n; i++)
		if (is_shown(t, &l->v[i]))
			printf("%-*.*s %-*.*s %-*.*s \n", width, STR_ARG(l->v[i].id), width, STR_ARG(l->v[i].type),
			       width, STR_ARG(l->v[i].protocol));
}

static void check_options(struct tool *t)
{
	static const char *const ALL[] = {"consumer", "group-type", "protocol", "share", "streams", NULL};
	static const char *const TYPES[] = {"classic", "consumer", "share", "streams"};
	const char *type = tool_value(t, "group-type");
	bool known = !type;

	if (!tool_has(t, "list"))
		tool_misused(t, "Command must include exactly one action: --list.");
	for (int i = 0; i < 4; i++)
		known = known || strcasecmp(type, TYPES[i]) == 0;
	if (!known)
		tool_die(t, "--group-type must be a valid group type.");
	tool_excludes(t, "consumer", ALL);
	tool_excludes(t, "share", ALL);
	tool_excludes(t, "streams", ALL);
}

static int groups(struct tool *t)
{
	struct group_list l;

	check_options(t);
	t->complaint = "Error while executing groups command : ";
	t->complain_to = stdout;
	tool_connect(t);
	l = group_list_all(t, NULL, 0, NULL, 0);
	if (!t->json) {
		print(t, &l);
		return EXIT_FINE;
	}
	t->out = json_array();
	for (int i = 0; i < l.n; i++)
		if (is_shown(t, &l.v[i]))
			json_array_append_new(t->out,
					      json_pack("{s:o,s:o,s:o,s:o}", "group", json_str(l.v[i].id), "type",
							json_str(l.v[i].type), "protocol", json_str(l.v[i].protocol),
							"state", json_str(l.v[i].state)));
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_groups, argc, argv, groups);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"list", NULL, "list the groups", NULL, 0, 0},
	{"group-type", "TYPE", "only of this type: classic, consumer, share or streams", NULL, 0, 0},
	{"protocol", "NAME", "only of this protocol type", NULL, 0, 0},
	{"consumer", NULL, "only groups of consumers, whatever their protocol", NULL, 0, 0},
	{"share", NULL, "only share groups", NULL, 0, 0},
	{"streams", NULL, "only groups of streams applications", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_groups = {
	.name = "groups",
	.summary = "list groups of all types, as kafka-groups does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Lists the groups of a cluster with their type and protocol, as kafka-groups does. What is in a group of consumers:\n"
		"odradek consumer-groups.",
	.examples = "  odradek groups --bootstrap-server localhost:9092 --list\n",
};
