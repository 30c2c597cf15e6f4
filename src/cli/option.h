/*
 * option: the options of a tool as rows, from which its parser, --help, its manual page, the shells' completion and "did you mean" follow.
 *
 * Options are written --name VALUE or --name=VALUE, or by their letter; a tool with subcommands takes them before and behind the
 * subcommand, as Kafka's do. Values point into argv.
 */
#ifndef ODRADEK_CLI_OPTION_H
#define ODRADEK_CLI_OPTION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum option_flags {
	OPTION_MANY = 1,     /* may be given again */
	OPTION_REQUIRED = 2, /* of every run, or of every run of `only` */
	OPTION_MAYBE = 4,    /* its value may be left out, as joptsimple's withOptionalArg */
	OPTION_HIDDEN = 8,   /* taken, as the script takes it, without a line in --help */
	OPTION_WORDS = 16,   /* takes every word up to the next option, as argparse4j's nargs("+") */
};

struct option_row {
	const char *name;     /* without its dashes; NULL ends the table */
	const char *argument; /* what its value is; NULL: it has none */
	const char *help;
	const char *only; /* the subcommands that take it, between blanks; NULL: all */
	char letter;
	uint8_t flags;
};

struct subcommand {
	const char *name; /* NULL ends the table */
	const char *summary;
};

struct command;

enum { OPTIONS_MAX = 256 };

struct option_value {
	const struct option_row *row;
	const char *value; /* NULL: none */
};

struct options {
	const struct command *command;
	const char *subcommand;
	struct option_value given[OPTIONS_MAX];
	int n;
	const char *words[OPTIONS_MAX]; /* what is no option and no subcommand */
	int n_words;
};

/* What every tool that asks a cluster takes; at the end of its table, which --json and the like close. */
#define OPTION_COMMON                                                                                                  \
	{                                                                                                              \
		"command-config",                                                                                      \
		"FILE",                                                                                                \
		"properties of the client: security.protocol, sasl.*, ssl.*, timeouts",                                \
		NULL,                                                                                                  \
		0,                                                                                                     \
		0},                                                                                                    \
		{"json", NULL, "print JSON, a value a run or a line", NULL, 0, 0},                                     \
		{"version", NULL, "print the version", NULL, 0, 0}, {"help", NULL, "print this", NULL, 0, 0},          \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define OPTION_BOOTSTRAP                                                                                               \
	{                                                                                                              \
		"bootstrap-server", "HOST:PORT,...", "brokers to begin with", NULL, 0, OPTION_REQUIRED                 \
	}

/* False after saying on stderr what is wrong. */
bool options_parse(struct options *o, const struct command *c, int argc, char **argv);

/* A name that is in no row is a mistake of the caller's. */
bool options_has(const struct options *o, const char *name);
const char *options_value(const struct options *o, const char *name); /* the last one; NULL */
int options_count(const struct options *o, const char *name);
const char *options_nth(const struct options *o, const char *name, int i);

/* Rows as --help shows them. `only` NULL: all. */
void options_print(const struct option_row *rows, FILE *to);
bool option_is_of(const struct option_row *row, const char *subcommand);
/* Is it one of those, which blanks part? */
bool word_is_among(const char *word, const char *words);

#endif
