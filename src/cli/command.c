/* command: the table of subcommands, and looking them up. */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { SUBCOMMAND_COLUMN = 29, DESCRIPTION_WIDTH = 120 };

#define COMMAND(name) extern const struct command command_##name;
#include "cli/commands.tbl"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "cli/commands.tbl"
#undef COMMAND
};
const int commands_n = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
	for (int i = 0; i < commands_n; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

void commands_print(FILE *to)
{
	fputs("usage: odradek COMMAND [ARGUMENT]...\n"
	      "       odradek help COMMAND\n"
	      "       odradek --version | --help\n\n",
	      to);
	for (int i = 0; i < commands_n; i++)
		fprintf(to, "  %-20s %s\n", commands[i]->name, commands[i]->summary);
}

/*
 * The most similar name, for a typo; NULL when none is similar: for a short name a letter or two
 * may differ.
 */
static const char *nearest_command(const char *name)
{
	int most = (int)(strlen(name) + 2) / 3;
	struct nearest n = {.word = str_of(name), .most = most < NEAREST_MOST ? most : NEAREST_MOST};

	for (int i = 0; i < commands_n; i++)
		nearest_try(&n, commands[i]->name);
	return n.name;
}

int command_unknown(const char *name)
{
	const char *near = nearest_command(name);

	fprintf(stderr, "odradek: %s is not a command", name);
	fprintf(stderr, near ? "; did you mean %s?\n" : "; see odradek --help\n", near);
	return EXIT_CONFIG;
}

static const struct {
	const char *script;
	const char *command;
	const char *sub;
} SCRIPTS[] = {
#define SCRIPT(script, command, sub) {script, command, sub},
#include "cli/scripts.tbl"
#undef SCRIPT
};

const struct command *command_of_script(const char *argv0, const char **sub)
{
	const char *slash = strrchr(argv0, '/');
	const char *name = slash ? slash + 1 : argv0;
	size_t len = strlen(name);

	if (len > 3 && strcmp(name + len - 3, ".sh") == 0)
		len -= 3;
	for (size_t i = 0; i < sizeof(SCRIPTS) / sizeof(SCRIPTS[0]); i++) {
		if (strlen(SCRIPTS[i].script) != len || strncmp(SCRIPTS[i].script, name, len) != 0)
			continue;
		*sub = SCRIPTS[i].sub;
		return command_find(SCRIPTS[i].command);
	}
	return NULL;
}

void command_usage(const struct command *c, FILE *to)
{
	if (c->usage) {
		fputs(c->usage, to);
		return;
	}
	fprintf(to, "usage: odradek %s%s [OPTION]...%s%s\n\n", c->name, c->subcommands ? " SUBCOMMAND" : "",
		c->words ? " " : "", c->words ? c->words : "");
	wrapped_print(c->description, 0, DESCRIPTION_WIDTH, to);
	if (c->subcommands)
		fprintf(to, "\n");
	for (const struct subcommand *s = c->subcommands; s && s->name; s++) {
		fprintf(to, "  %-*s", SUBCOMMAND_COLUMN - 2, s->name);
		wrapped_print(s->summary, SUBCOMMAND_COLUMN, DESCRIPTION_WIDTH, to);
	}
	fprintf(to, "\n");
	options_print(c->options, to);
	if (c->examples)
		fprintf(to, "\nexamples:\n%s", c->examples);
}

int command_misused(const struct command *c, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "odradek %s: ", c->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	command_usage(c, stderr);
	return EXIT_CONFIG;
}
