/*
 * consumer_groups: `odradek consumer-groups`: kafka-consumer-groups.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/group_delete.h"
#include "cli/group_list.h"
#include "cli/group_reset.h"
#include "cli/group_show.h"
#include "group/regex.h"

extern const struct command command_consumer_groups;

enum { NAMES_MAX = 16 };

/* ---- which groups ---- */

static bool is_of_consumers(const struct group_line *g)
{
	return str_is(g->protocol, "consumer") || g->protocol.len == 0 || str_is(g->type, "Consumer");
}

static bool is_share_or_streams(const struct group_line *g)
{
	return str_is(g->type, "Share") || str_is(g->type, "Streams");
}

/* Parses a comma-separated list; each item is converted to its canonical spelling. */
static int read_names(struct tool *t, const char *text, struct str (*parse)(struct str), struct str *out,
		      const char *what, const char *valid)
{
	int n = 0;

	for (const char *at = text && *text ? text : NULL; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		const char *from = at + strspn(at, " ");
		struct str name = parse((struct str){from, (int32_t)strcspn(from, ", ")});

		if (!name.p || n == NAMES_MAX)
			tool_misused(t, "Invalid %s list '%s'. Valid %s", what, text, valid);
		out[n++] = name;
	}
	return n;
}

static struct str parse_type(struct str s)
{
	if (s.len == 7 && strncasecmp(s.p, "classic", 7) == 0)
		return STR("classic");
	return s.len == 8 && strncasecmp(s.p, "consumer", 8) == 0 ? STR("consumer") : STR_NULL;
}

static struct group_list consumer_groups_of(struct tool *t)
{
	static const char *const STATES =
		"states are: PreparingRebalance, CompletingRebalance, Stable, Dead, Empty, Assigning, Reconciling";
	struct str states[NAMES_MAX], types[NAMES_MAX];
	bool listing = tool_has(t, "list");
	int n_states = listing ? read_names(t, tool_value(t, "state"), group_state_parse, states, "state", STATES) : 0;
	int n_types = listing ? read_names(t, tool_value(t, "type"), parse_type, types, "types",
					   "types are: Consumer, Classic")
			      : 0;
	struct group_list l = group_list_all(t, states, n_states, types, n_types), out;

	out = (struct group_list){arena_array(&t->arena, (size_t)l.n + 1, sizeof(*out.v)), 0};
	for (int i = 0; i < l.n; i++)
		if (is_of_consumers(&l.v[i]) && !is_share_or_streams(&l.v[i]))
			out.v[out.n++] = l.v[i];
	return out;
}

static struct str *chosen(struct tool *t, int *n)
{
	int count = options_count(&t->options, "group");
	struct group_list l = {0};
	struct str *ids;

	if (tool_has(t, "all-groups"))
		l = consumer_groups_of(t);
	ids = arena_array(&t->arena, (size_t)(l.n + count) + 1, sizeof(*ids));
	*n = 0;
	for (int i = 0; i < l.n; i++)
		ids[(*n)++] = l.v[i].id;
	for (int i = 0; i < count; i++)
		ids[(*n)++] = str_of(options_nth(&t->options, "group", i));
	return ids;
}

/* ---- --list ---- */

static struct str or_unknown(struct str s)
{
	return s.len > 0 ? s : STR("Unknown");
}

static void print_list(struct tool *t, const struct group_list *l)
{
	bool type = tool_has(t, "type"), state = tool_has(t, "state");
	int width = 15;

	for (int i = 0; i < l->n; i++)
		width = l->v[i].id.len > width ? l->v[i].id.len : width;
	printf("%-*s%s%s\n", width + 10, "GROUP", type ? " TYPE                " : "",
	       state ? " STATE               " : "");
	for (int i = 0; i < l->n; i++) {
		printf("%-*.*s", width + 10, STR_ARG(l->v[i].id));
		if (type)
			printf(" %-20.*s", STR_ARG(or_unknown(l->v[i].type)));
		if (state)
			printf(" %-20.*s", STR_ARG(or_unknown(l->v[i].state)));
		putchar('\n');
	}
}

static int list(struct tool *t)
{
	struct group_list l = consumer_groups_of(t);

	t->out = json_array();
	for (int i = 0; i < l.n && t->json; i++)
		json_array_append_new(t->out, json_pack("{s:o,s:o,s:o}", "group", json_str(l.v[i].id), "type",
							json_str(l.v[i].type), "state", json_str(l.v[i].state)));
	if (!t->json && (tool_has(t, "type") || tool_has(t, "state")))
		print_list(t, &l);
	else if (!t->json)
		for (int i = 0; i < l.n; i++)
			printf("%.*s\n", STR_ARG(l.v[i].id));
	return EXIT_FINE;
}

/* ---- the other actions ---- */

static int by_id(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int describe(struct tool *t)
{
	int n;
	struct str *ids = chosen(t, &n);
	struct group *groups = arena_array(&t->arena, (size_t)n + 1, sizeof(*groups));

	qsort(ids, (size_t)n, sizeof(*ids), by_id);
	for (int i = 0; i < n; i++) {
		groups[i] = group_describe(t, tool_string(t, ids[i]));
		t->exception_names = true;
		if (groups[i].err)
			tool_die_of(t, groups[i].err, groups[i].message);
	}
	t->out = json_array();
	for (int i = 0; i < n; i++) {
		if (tool_has(t, "members"))
			group_show_members(t, &groups[i]);
		else if (tool_has(t, "state"))
			group_show_state(t, &groups[i]);
		else
			group_show_offsets(t, &groups[i]);
	}
	return EXIT_FINE;
}

static int delete (struct tool *t)
{
	int n;
	struct str *ids = chosen(t, &n);

	return groups_delete(t, ids, n);
}

static int reset_offsets(struct tool *t)
{
	int n;
	struct str *ids = chosen(t, &n);

	t->exception_names = true;
	return groups_reset(t, ids, n);
}

/* ---- --validate-regex ---- */

static int validate_regex(struct tool *t)
{
	const char *text = tool_value(t, "validate-regex");
	struct str why = STR_NULL;
	struct regex *regex = regex_new(str_of(text), &why);

	if (t->json)
		t->out = json_pack("{s:s,s:b,s:o}", "regex", text, "valid", regex != NULL, "error",
				   regex ? json_null() : json_str(why));
	else if (regex)
		printf("The regular expression `%s` is valid.\n", text);
	else
		printf("The regular expression `%s` is invalid: %.*s.\n", text, STR_ARG(why));
	regex_free(regex);
	return EXIT_FINE;
}

/* ---- arguments ---- */

static const struct {
	const char *name;
	int (*run)(struct tool *t);
} ACTIONS[] = {
	{"list", list},
	{"describe", describe},
	{"delete", delete},
	{"reset-offsets", reset_offsets},
	{"delete-offsets", group_delete_offsets},
	{"validate-regex", validate_regex},
};

static void check_scope(struct tool *t, const char *action)
{
	if (!tool_has(t, action))
		return;
	if (!tool_has(t, "group") && !tool_has(t, "all-groups"))
		tool_misused(t, "Option [%s] takes one of these options: [group], [all-groups]", action);
}

static void check_only_with(struct tool *t, const char *option, const char *one, const char *other)
{
	if (tool_has(t, option) && !tool_has(t, one) && !(other && tool_has(t, other)))
		tool_misused(t, "Option(s) [%s] are unavailable given other options on the command line", option);
}

static void check_describe(struct tool *t)
{
	int n = tool_has(t, "members") + tool_has(t, "offsets") + tool_has(t, "state");

	if (!tool_has(t, "describe"))
		return;
	if (n > 1)
		tool_misused(t, "Option [describe] takes at most one of these options: [members], [offsets], [state]");
	if (tool_has(t, "state") && tool_value(t, "state"))
		tool_misused(t, "Option [describe] does not take a value for [state]");
}

static void check_reset(struct tool *t)
{
	static const char *const SCENARIOS[] = {"to-offset",   "shift-by",  "to-datetime", "by-duration",
						"to-earliest", "to-latest", "to-current",  "from-file"};

	if (!tool_has(t, "reset-offsets"))
		return;
	if (tool_has(t, "dry-run") && tool_has(t, "execute"))
		tool_misused(t, "Option [reset-offsets] only accepts one of [execute] and [dry-run]");
	if (!tool_has(t, "dry-run") && !tool_has(t, "execute"))
		fprintf(stderr,
			"WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require either "
			"--dry-run or --execute to be specified. You should add the --dry-run option explicitly if you are scripting this command "
			"and want to keep the current default behavior without prompting.\n");
	for (int i = 0; i < 8; i++)
		for (int k = 0; k < i; k++)
			if (tool_has(t, SCENARIOS[i]) && tool_has(t, SCENARIOS[k]))
				tool_misused(t, "Option \"[%s]\" can't be used with option \"[%s]\"", SCENARIOS[k],
					     SCENARIOS[i]);
}

static void check_not_with(struct tool *t, const char *option, const char *other)
{
	if (tool_has(t, option) && tool_has(t, other))
		tool_misused(t, "Option \"[%s]\" can't be used with option \"[%s]\"", option, other);
}

static void check_options(struct tool *t)
{
	if (!tool_has(t, "validate-regex") && !tool_has(t, "bootstrap-server"))
		tool_misused(t, "Missing required argument \"[bootstrap-server]\"");
	check_scope(t, "describe");
	check_scope(t, "delete");
	check_scope(t, "reset-offsets");
	check_describe(t);
	check_reset(t);
	check_only_with(t, "members", "describe", NULL);
	check_only_with(t, "offsets", "describe", NULL);
	check_only_with(t, "verbose", "describe", NULL);
	check_only_with(t, "state", "describe", "list");
	check_only_with(t, "type", "list", NULL);
	if (tool_has(t, "delete") && tool_has(t, "topic"))
		tool_misused(t, "The consumer does not support topic-specific offset deletion from a consumer group.");
	if (tool_has(t, "delete-offsets") && (!tool_has(t, "group") || !tool_has(t, "topic")))
		tool_misused(t, "Option [delete-offsets] takes the following options: [group], [topic]");
	check_not_with(t, "group", "all-groups");
	check_not_with(t, "group", "list");
	check_not_with(t, "topic", "list");
	check_not_with(t, "topic", "describe");
}

static int consumer_groups(struct tool *t)
{
	static const char *const NAMES[] = {"list",	      "describe",	"delete", "reset-offsets",
					    "delete-offsets", "validate-regex", NULL};
	int action =
		tool_one_of(t, NAMES,
			    "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, "
			    "--delete-offsets, --validate-regex");

	check_options(t);
	t->complaint = "\nError: Executing consumer group command failed due to ";
	t->complain_to = stdout;
	t->die_code = EXIT_FINE; /* Kafka's tool ends in this way */
	if (tool_has(t, "timeout"))
		tool_property_set(t, "default.api.timeout.ms", tool_value(t, "timeout"));
	else if (!tool_property(t, "default.api.timeout.ms"))
		tool_property_set(t, "default.api.timeout.ms", "30000");
	if (!tool_has(t, "validate-regex"))
		tool_connect(t);
	return ACTIONS[action].run(t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_consumer_groups, argc, argv, consumer_groups);
}

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 0, 0},
	{"list", NULL, "list the groups of consumers", NULL, 0, 0},
	{"describe", NULL, "describe groups: their offsets, members or state", NULL, 0, 0},
	{"delete", NULL, "delete groups without members", NULL, 0, 0},
	{"reset-offsets", NULL, "set the offsets of groups without members", NULL, 0, 0},
	{"delete-offsets", NULL, "delete the group's offsets of topics", NULL, 0, 0},
	{"validate-regex", "REGEX", "check whether this is a valid regular expression", NULL, 0, 0},
	{"group", "GROUP", "the group", NULL, 0, OPTION_MANY},
	{"all-groups", NULL, "all groups of consumers", NULL, 0, 0},
	{"topic", "TOPIC[:N,...]", "the topic, or some of its partitions", NULL, 0, OPTION_MANY},
	{"all-topics", NULL, "all topics that the group has offsets of", NULL, 0, 0},
	{"offsets", NULL, "describe the offsets (what --describe does anyway)", NULL, 0, 0},
	{"members", NULL, "describe the members", NULL, 0, 0},
	{"state", "STATE,...", "describe or list the state; list only groups in these states", NULL, 0, OPTION_MAYBE},
	{"type", "TYPE,...", "list the type; list only groups of these types: classic, consumer", NULL, 0,
	 OPTION_MAYBE},
	{"verbose", NULL, "describe in more detail", NULL, 0, 0},
	{"dry-run", NULL, "only say what the offsets would be (what --reset-offsets does without --execute)", NULL, 0,
	 0},
	{"execute", NULL, "commit the new offsets", NULL, 0, 0},
	{"export", NULL, "print the new offsets as CSV, for --from-file", NULL, 0, 0},
	{"to-offset", "OFFSET", "to this offset", NULL, 0, 0},
	{"to-earliest", NULL, "to the earliest offsets", NULL, 0, 0},
	{"to-latest", NULL, "to the latest offsets", NULL, 0, 0},
	{"to-current", NULL, "to the committed offsets", NULL, 0, 0},
	{"shift-by", "N", "by this many records, forwards or (negative) backwards", NULL, 0, 0},
	{"to-datetime", "YYYY-MM-DDThh:mm:ss.sss",
	 "to the first record at or after a moment, in UTC unless a zone follows", NULL, 0, 0},
	{"by-duration", "PnDTnHnMnS", "to the first record of this last stretch of time", NULL, 0, 0},
	{"from-file", "FILE", "as in this CSV file: topic,partition,offset or group,topic,partition,offset", NULL, 0,
	 0},
	{"timeout", "MS", "how long an answer may take (30000)", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_consumer_groups = {
	.name = "consumer-groups",
	.summary = "describe groups of consumers, reset their offsets, as kafka-consumer-groups does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Lists, describes and deletes groups of consumers and sets their offsets, as kafka-consumer-groups does.",
	.examples =
		"  odradek consumer-groups --bootstrap-server localhost:9092 --describe --group g\n"
		"  odradek consumer-groups --bootstrap-server localhost:9092 --reset-offsets --group g --topic t --to-earliest --execute\n",
};
