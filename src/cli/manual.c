/* manual: writes odradek.conf(5) from the table of settings, so that it matches the program. */
#include "cli/manual.h"

#include <string.h>

#include "config/config.h"

static const char *const update_words[] = {
	[CONFIG_STATIC] = "at the start only",
	[CONFIG_PER_BROKER] = "while it runs, for one broker",
	[CONFIG_CLUSTER] = "while it runs, for one broker or all",
};

static const char *const importance_words[] = {
	[CONFIG_HIGH] = "high", [CONFIG_MEDIUM] = "medium", [CONFIG_LOW] = "low"};

static const struct {
	enum config_scope scope;
	const char *name;  /* in the list */
	const char *title; /* in the page */
	const char *intro;
} scopes[] = {
	{CONFIG_SCOPE_NODE, "node", "SETTINGS OF A NODE",
	 "Given in the file, in the environment or by \\-\\-override."},
	{CONFIG_SCOPE_TOPIC, "topic", "SETTINGS OF A TOPIC",
	 "Given when a topic is created, or later by kafka\\-configs. Where a topic has none, the node's setting behind it counts."},
	{CONFIG_SCOPE_GROUP, "group", "SETTINGS OF A GROUP", "Given by kafka\\-configs."},
	{CONFIG_SCOPE_CLIENT_METRICS, "client-metrics", "SETTINGS OF A CLIENT METRICS SUBSCRIPTION",
	 "Given by kafka\\-configs."},
	{CONFIG_SCOPE_QUOTA, "quota", "QUOTAS",
	 "Of users, client ids and addresses; given by kafka\\-configs. For a client holds the first that there is of: its user and client id, its\n"
	 "user and the default client id, its user, the default user and its client id, both defaults, the default user, its client id, the\n"
	 "default client id. Who is beyond a quota is answered at once and told how long to wait, and its connection is not read for so long;\n"
	 "what it uses counts for all its connections to a node together. The time of a request is what the node's thread spends on decoding\n"
	 "and handling it, not on waiting or sending. Requests between nodes are exempt. An address that opens connections too fast is not\n"
	 "answered on them, and they are closed within quota.window.size.seconds."},
};

/* ---- the list ---- */

static const char *status_word(enum config_status status)
{
	static const char *const words[] = {[CONFIG_SERVED] = "served",
					    [CONFIG_NO_EFFECT] = "no effect",
					    [CONFIG_LATER] = "later",
					    [CONFIG_REFUSE] = "refused"};

	return words[status];
}

static void list_setting(FILE *to, const char *scope, const struct config_setting *s, struct arena *a)
{
	static const char *const updates[] = {
		[CONFIG_STATIC] = "read-only", [CONFIG_PER_BROKER] = "per-broker", [CONFIG_CLUSTER] = "cluster-wide"};
	struct str legal = config_legal(s, a);

	fprintf(to, "%s\t%s\t%s\t%s\t%.*s\t%s\t%s\t%s\t%s\t%s\n", scope, s->name, config_type_name(s->type),
		s->required	  ? "(required)"
		: s->default_text ? s->default_text
				  : "(null)",
		STR_ARG(legal), importance_words[s->importance], s->internal ? "internal" : "-", updates[s->update],
		status_word(s->status), s->reason ? s->reason : "-");
}

void manual_list(FILE *to)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++) {
		int n;
		const struct config_setting *s = config_settings(scopes[i].scope, &n);

		for (int k = 0; k < n; k++)
			list_setting(to, scopes[i].name, &s[k], &a);
	}
	arena_fini(&a);
}

/* ---- the page ---- */

/*
 * Escapes text for roff: no line begins with a control character; backslashes and dashes stand for
 * themselves.
 */
static void put(FILE *to, const char *text)
{
	for (const char *p = text; *p != 0; p++) {
		if (*p == '\\')
			fputs("\\e", to);
		else if (*p == '-')
			fputs("\\-", to);
		else if ((*p == '.' || *p == '\'') && p == text)
			fprintf(to, "\\&%c", *p);
		else
			fputc(*p, to);
	}
}

static void put_setting(FILE *to, const struct config_setting *s, struct arena *a)
{
	fputs(".TP\n.B ", to);
	put(to, s->name);
	fputc('\n', to);
	put(to, s->doc);
	fputs("\n.br\n", to);
	put(to, config_type_name(s->type));
	fputs("; ", to);
	put(to, arena_printf(a, "%.*s", STR_ARG(config_legal(s, a))).p);
	if (s->required) {
		fputs("; must be given", to);
	} else if (s->default_text != NULL) {
		fputs("; default ", to);
		put(to, s->default_text[0] ? s->default_text : "empty");
	}
	if (s->scope == CONFIG_SCOPE_NODE)
		fprintf(to, "; changed %s", update_words[s->at_start ? CONFIG_STATIC : s->update]);
	fprintf(to, "; importance %s.\n", importance_words[s->importance]);
}

static void put_status(FILE *to, const struct config_setting *s)
{
	static const char *const words[] = {[CONFIG_NO_EFFECT] = "Has no effect here: ",
					    [CONFIG_LATER] = "Has no effect yet: ",
					    [CONFIG_REFUSE] = "Values that ask for it are refused: "};

	if (s->status == CONFIG_SERVED)
		return;
	fputs(".br\n", to);
	fputs(words[s->status], to);
	put(to, s->reason);
	fputs(".\n", to);
}

static void put_scope(FILE *to, size_t i, struct arena *a)
{
	int n;
	const struct config_setting *s = config_settings(scopes[i].scope, &n);

	fprintf(to, ".SH %s\n%s\n", scopes[i].title, scopes[i].intro);
	for (int k = 0; k < n; k++) {
		if (s[k].internal)
			continue;
		put_setting(to, &s[k], a);
		put_status(to, &s[k]);
	}
}

/* One paragraph per reason, with its settings. */
static void put_reason(FILE *to, const char *reason)
{
	fputs(".TP\n.I \"", to);
	put(to, reason);
	fputs("\"\n", to);
	for (int i = 0, n = 0; i < CONFIG_N; i++) {
		const struct config_setting *s = config_setting((enum config_id)i);

		if (s->reason != reason || s->internal)
			continue;
		fputs(n++ ? ", " : "", to);
		put(to, s->name);
	}
	fputs("\n", to);
}

static bool is_first_of_reason(int i)
{
	const struct config_setting *s = config_setting((enum config_id)i);

	if (s->reason == NULL || s->internal)
		return false;
	for (int k = 0; k < i; k++)
		if (config_setting((enum config_id)k)->reason == s->reason &&
		    !config_setting((enum config_id)k)->internal)
			return false;
	return true;
}

static const char head[] =
	".\\\" Written by the program from its table of settings.\n"
	".TH ODRADEK.CONF 5 \"\" Odradek \"Odradek\"\n"
	".SH NAME\nodradek.conf \\- the settings of Odradek\n"
	".SH DESCRIPTION\n"
	"A node reads Apache Kafka's server.properties, unchanged: a file of lines NAME=VALUE as java.util.Properties reads them.\n"
	"Variables of the environment are laid over it: KAFKA_ and the name in upper case, each dot written as an underscore, an underscore\n"
	"as two, a dash as three (KAFKA_LOG_DIRS for log.dirs).\n"
	".B \\-\\-override\nNAME=VALUE is laid over both. Without a file a built\\-in configuration is taken, which\n"
	".B odradek config \\-\\-builtin\nprints. With a file, what it does not say has Apache Kafka's own default.\n"
	".PP\n"
	"A value that is not legal stops the start, with its place and what would be legal. A name that is in no table is noted, with the\n"
	"nearest one. A setting that has no effect is noted, and stands. A value that asks for a guarantee of durability, security, quota or\n"
	"memory that is not given is refused.\n"
	".B odradek config \\-\\-check\nFILE says all of this without starting.\n";

void manual_page(FILE *to)
{
	struct arena a;

	arena_init(&a, 4 << 20);
	fputs(head, to);
	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++)
		put_scope(to, i, &a);
	fputs(".SH SETTINGS WITHOUT EFFECT, AND WHY\n", to);
	for (int i = 0; i < CONFIG_N; i++)
		if (is_first_of_reason(i))
			put_reason(to, config_setting((enum config_id)i)->reason);
	fputs(".SH SEE ALSO\n.BR odradek (1)\n", to);
	arena_fini(&a);
}
