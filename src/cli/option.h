/*
 * option: the options of a tool as rows, from which its parser, --help, its manual page, shell
 * completion and "did you mean" are derived.
 *
 * Options are written --name VALUE or --name=VALUE, or by their letter; a tool with subcommands
 * accepts them before and after the subcommand, as Kafka's do. Values point into argv.
 */
#ifndef ODRADEK_CLI_OPTION_H
#define ODRADEK_CLI_OPTION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

enum option_flags {
	OPTION_MANY = 1,     /* may be repeated */
	OPTION_REQUIRED = 2, /* required in every run, or in every run of `only` */
	OPTION_MAYBE = 4,    /* its value is optional, as with joptsimple's withOptionalArg */
	OPTION_HIDDEN = 8,   /* accepted, as by the script, but not shown in --help */
	OPTION_WORDS = 16,   /* takes all words up to the next option, as argparse4j's nargs("+") */
};

struct option_row {
	const char *name;     /* without the dashes; NULL ends the table */
	const char *argument; /* name of its value; NULL: it has none */
	const char *help;
	const char *only; /* the subcommands that accept it, separated by blanks; NULL: all */
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
	const char *words[OPTIONS_MAX]; /* neither options nor the subcommand */
	int n_words;
};

/*
 * The options of every tool that talks to a cluster; at the end of its table, followed by --json
 * and the like.
 */
#define OPTION_COMMON                                                                                                  \
	{                                                                                                              \
		"command-config",                                                                                      \
		"FILE",                                                                                                \
		"properties of the client: security.protocol, sasl.*, ssl.*, timeouts",                                \
		NULL,                                                                                                  \
		0,                                                                                                     \
		0},                                                                                                    \
		{"json", NULL, "print JSON: one value, or one per line", NULL, 0, 0},                                  \
		{"version", NULL, "print the version", NULL, 0, 0}, {"help", NULL, "print this help", NULL, 0, 0},     \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define OPTION_BOOTSTRAP                                                                                               \
	{                                                                                                              \
		"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 0, OPTION_REQUIRED           \
	}

/* False after reporting on stderr what is wrong. */
bool options_parse(struct options *o, const struct command *c, int argc, char **argv);

/* The name must be in a row. */
bool options_has(const struct options *o, const char *name);
const char *options_value(const struct options *o, const char *name); /* the last one; NULL: none */
int options_count(const struct options *o, const char *name);
const char *options_nth(const struct options *o, const char *name, int i);

/* Prints rows as --help shows them. */
void options_print(const struct option_row *rows, FILE *to);
/*
 * Prints the text from this column on, in lines that end before `width`; those after the first begin
 * at the same column.
 */
void wrapped_print(const char *text, int column, int width, FILE *to);
/*
 * The name most similar to a word, for "did you mean", among those that are tried: at most `most`
 * letters differ.
 */
enum { NEAREST_MOST = 3 };
struct nearest {
	struct str word;
	int most;	  /* up to NEAREST_MOST */
	const char *name; /* NULL: none is similar */
	int distance;	  /* of that name */
};
void nearest_try(struct nearest *n, const char *name);
/* Whether it is one of those words, which are separated by blanks. */
bool word_is_among(const char *word, const char *words);

#endif
