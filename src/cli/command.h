/*
 * command: a subcommand of the program: a file in this room with one constant row, named in
 * commands.tbl.
 */
#ifndef ODRADEK_CLI_COMMAND_H
#define ODRADEK_CLI_COMMAND_H

#include <stdio.h>

#include "cli/option.h"

/* Exit statuses of all subcommands. */
enum { EXIT_FINE = 0, EXIT_CONFIG = 1, EXIT_STORAGE = 2, EXIT_PORT = 3 };

struct command {
	const char *name;
	const char *summary; /* one line, for `odradek --help` and shell completion */
	/*
	 * the whole of `odradek NAME --help`; NULL for a tool with rows, where it is made from the
	 * fields below
	 */
	const char *usage;
	/*
	 * what it prints, with status 1, when Kafka's script of that name is run without a word and
	 * wants some; NULL: it runs
	 */
	const char *script_usage;
	/*
	 * argv[0] is the subcommand's name, argv[argc] is NULL; returns the exit status. --help is
	 * handled before.
	 */
	int (*run)(int argc, char **argv);
	/* For tools, whose options are rows. */
	const struct option_row *options;
	const struct subcommand *subcommands; /* NULL: none */
	const char *words;		      /* part of the synopsis after the options; NULL: none */
	const char *description;	      /* paragraphs, for --help and the manual page */
	const char *examples;		      /* lines; NULL: none */
};

/* The table, in the order of `odradek --help`. */
extern const struct command *const commands[];
extern const int commands_n;
const struct command *command_find(const char *name); /* NULL: unknown */
void command_usage(const struct command *c, FILE *to);

/* What `odradek --help` prints. */
void commands_print(FILE *to);
/* Reports an unknown subcommand on stderr, with the most similar one. Returns EXIT_CONFIG. */
int command_unknown(const char *name);

/*
 * The subcommand for the name of one of Kafka's scripts, with or without ".sh" and a directory;
 * NULL for other names. *sub becomes the word that must follow the subcommand's name, or NULL.
 */
const struct command *command_of_script(const char *argv0, const char **sub);

/* Prints what is wrong with the arguments, then the usage, to stderr. Returns EXIT_CONFIG. */
int command_misused(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
