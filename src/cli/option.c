/* option: parses a command line by its table, and prints the table. */
#include "cli/option.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"

enum { WIDTH = 100, HELP_COLUMN = 36 };

bool word_is_among(const char *word, const char *words)
{
	size_t len = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += len)
		if ((at == words || at[-1] == ' ') && (at[len] == 0 || at[len] == ' '))
			return true;
	return false;
}

static bool option_is_of(const struct option_row *row, const char *subcommand)
{
	return !row->only || !subcommand || word_is_among(subcommand, row->only);
}

/* ---- finding ---- */

static const struct option_row *row_find(const struct command *c, const char *argument, size_t len)
{
	for (const struct option_row *r = c->options; r->name; r++) {
		if (len > 2 && argument[1] == '-' && strlen(r->name) == len - 2 &&
		    strncmp(argument + 2, r->name, len - 2) == 0)
			return r;
		if (len == 2 && r->letter && argument[1] == r->letter)
			return r;
	}
	return NULL;
}

void nearest_try(struct nearest *n, const char *name)
{
	int limit = (n->name ? n->distance : n->most + 1);
	int distance = str_distance(n->word, str_of(name), NEAREST_MOST + 1);

	if (distance >= limit)
		return;
	n->distance = distance;
	n->name = name;
}

static const char *nearest_option(const struct command *c, struct str word)
{
	struct nearest n = {.word = word, .most = NEAREST_MOST};

	for (const struct option_row *r = c->options; r->name; r++)
		if (!(r->flags & OPTION_HIDDEN))
			nearest_try(&n, r->name);
	return n.name;
}

static const char *nearest_subcommand(const struct command *c, const char *word)
{
	struct nearest n = {.word = str_of(word), .most = NEAREST_MOST};

	for (const struct subcommand *s = c->subcommands; s && s->name; s++)
		nearest_try(&n, s->name);
	return n.name;
}

static bool say_unknown(const struct command *c, const char *argument, size_t len)
{
	size_t dashes = strspn(argument, "-");
	struct str name = {argument + dashes, (int32_t)(len - dashes)};
	const char *near = nearest_option(c, name);

	fprintf(stderr, "odradek %s: %.*s is not a recognized option", c->name, STR_ARG(name));
	fprintf(stderr, near ? "; did you mean --%s?\n" : "; see --help\n", near);
	return false;
}

static bool say_unknown_subcommand(const struct command *c, const char *word)
{
	const char *near = nearest_subcommand(c, word);

	fprintf(stderr, "odradek %s: %s is not a subcommand", c->name, word);
	fprintf(stderr, near ? "; did you mean %s?\n" : "; see --help\n", near);
	return false;
}

/* ---- parsing ---- */

static bool take_word(struct options *o, const char *word)
{
	if (o->command->subcommands && !o->subcommand) {
		for (const struct subcommand *s = o->command->subcommands; s->name; s++)
			if (strcmp(word, s->name) == 0)
				o->subcommand = s->name;
		return o->subcommand || say_unknown_subcommand(o->command, word);
	}
	if (o->n_words == OPTIONS_MAX) {
		fprintf(stderr, "odradek %s: too many arguments\n", o->command->name);
		return false;
	}
	o->words[o->n_words++] = word;
	return true;
}

/* argv[*i] is an option; *i is advanced past its value. */
static bool take_option(struct options *o, int argc, char **argv, int *i)
{
	const char *argument = argv[*i];
	size_t len = strcspn(argument, "=");
	const struct option_row *row = row_find(o->command, argument, len);
	const char *value = argument[len] == '=' ? argument + len + 1 : NULL;

	if (!row)
		return say_unknown(o->command, argument, len);
	if (!row->argument && value) {
		fprintf(stderr, "odradek %s: --%s takes no value\n", o->command->name, row->name);
		return false;
	}
	if (row->argument && !value && *i + 1 < argc && (!(row->flags & OPTION_MAYBE) || argv[*i + 1][0] != '-'))
		value = argv[++*i];
	if (row->argument && !value && !(row->flags & OPTION_MAYBE)) {
		fprintf(stderr, "odradek %s: Option %s requires an argument\n", o->command->name, row->name);
		return false;
	}
	if (!(row->flags & OPTION_MANY) && row->argument && options_has(o, row->name)) {
		fprintf(stderr, "odradek %s: Found multiple arguments for option %s, but you asked for only one\n",
			o->command->name, row->name);
		return false;
	}
	if (o->n == OPTIONS_MAX) {
		fprintf(stderr, "odradek %s: too many options\n", o->command->name);
		return false;
	}
	o->given[o->n++] = (struct option_value){row, value};
	while ((row->flags & OPTION_WORDS) && *i + 1 < argc && argv[*i + 1][0] != '-' && o->n < OPTIONS_MAX)
		o->given[o->n++] = (struct option_value){row, argv[++*i]};
	return true;
}

static bool is_complete(const struct options *o)
{
	if (o->command->subcommands && !o->subcommand) {
		fprintf(stderr, "odradek %s: a subcommand is wanted; see --help\n", o->command->name);
		return false;
	}
	for (const struct option_row *r = o->command->options; r->name; r++) {
		if ((r->flags & OPTION_REQUIRED) && option_is_of(r, o->subcommand) && !options_has(o, r->name)) {
			fprintf(stderr, "Missing required argument \"[%s]\"\n", r->name);
			return false;
		}
	}
	for (int i = 0; i < o->n; i++) {
		if (!option_is_of(o->given[i].row, o->subcommand)) {
			fprintf(stderr, "odradek %s: --%s is not an option of %s\n", o->command->name,
				o->given[i].row->name, o->subcommand);
			return false;
		}
	}
	return true;
}

bool options_parse(struct options *o, const struct command *c, int argc, char **argv)
{
	*o = (struct options){.command = c};
	for (int i = 1; i < argc; i++) {
		bool is_option = argv[i][0] == '-' && argv[i][1] != 0;

		if (!(is_option ? take_option(o, argc, argv, &i) : take_word(o, argv[i])))
			return false;
	}
	return options_has(o, "version") || is_complete(o);
}

/* ---- asking ---- */

static void check_name(const struct options *o, const char *name)
{
	for (const struct option_row *r = o->command->options; r->name; r++)
		if (r->name == name || strcmp(r->name, name) == 0)
			return;
	check(!"an option that is in the table");
}

const char *options_nth(const struct options *o, const char *name, int n)
{
	for (int i = 0; i < o->n; i++)
		if (strcmp(o->given[i].row->name, name) == 0 && n-- == 0)
			return o->given[i].value;
	return NULL;
}

int options_count(const struct options *o, const char *name)
{
	int n = 0;

	check_name(o, name);
	for (int i = 0; i < o->n; i++)
		n += strcmp(o->given[i].row->name, name) == 0;
	return n;
}

bool options_has(const struct options *o, const char *name)
{
	return options_count(o, name) > 0;
}

const char *options_value(const struct options *o, const char *name)
{
	int n = options_count(o, name);

	return n > 0 ? options_nth(o, name, n - 1) : NULL;
}

/* ---- --help ---- */

/* Prints as many words of `text` as fit into the width; returns the rest. */
static const char *print_line(const char *text, int width, FILE *to)
{
	size_t len = strcspn(text, "\n"), cut = len;

	if ((int)len > width) {
		cut = (size_t)width;
		while (cut > 0 && text[cut] != ' ')
			cut--;
		cut = cut > 0 ? cut : (size_t)width;
	}
	fprintf(to, "%.*s\n", (int)cut, text);
	text += cut;
	return *text == '\n' ? text + 1 : text + strspn(text, " ");
}

void wrapped_print(const char *text, int column, int width, FILE *to)
{
	text = print_line(text, width - column, to);
	while (*text) {
		fprintf(to, "%*s", column, "");
		text = print_line(text, width - column, to);
	}
}

static void print_row(const struct option_row *r, FILE *to)
{
	char left[128];
	int len = snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", r->letter ? '-' : ' ', r->letter ? r->letter : ' ',
			   r->letter ? ", " : "  ", r->name, r->argument ? " " : "", r->argument ? r->argument : "");
	char *text = r->only ? xasprintf("%s (for: %s)", r->help, r->only) : xstrdup(r->help);

	fprintf(to, "%-*s", HELP_COLUMN, left);
	if (len >= HELP_COLUMN)
		fprintf(to, "\n%*s", HELP_COLUMN, "");
	wrapped_print(text, HELP_COLUMN, WIDTH, to);
	xfree(text);
}

void options_print(const struct option_row *rows, FILE *to)
{
	for (; rows->name; rows++)
		if (!(rows->flags & OPTION_HIDDEN))
			print_row(rows, to);
}
