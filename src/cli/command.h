/*
 * command: a subcommand of the program: a file in this room with one constant row, named in commands.tbl.
 */
#ifndef ODRADEK_CLI_COMMAND_H
#define ODRADEK_CLI_COMMAND_H

#include <stdio.h>

#include "cli/option.h"

/* Exit statuses of all subcommands. */
enum { EXIT_FINE = 0, EXIT_CONFIG = 1, EXIT_STORAGE = 2, EXIT_PORT = 3 };

struct command {
	const char *name;
	const char *summary; /* one line, for `odradek --help` and the shells' completion */
	const char *usage; /* all of `odradek NAME --help`; of a tool with rows, NULL: it follows from what is below */
	/* argv[0] is the subcommand's name, argv[argc] is NULL; returns the exit status. --help never gets here. */
	int (*run)(int argc, char **argv);
	/* Of the tools, whose options are rows. */
	const struct option_row *options;
	const struct subcommand *subcommands; /* NULL: none */
	const char *words;		      /* of the synopsis, behind the options; NULL: none */
	const char *description;	      /* paragraphs, for --help and the manual page */
	const char *examples;		      /* lines; NULL: none */
};

/* The table, in the order of `odradek --help`. */
extern const struct command *const commands[];
extern const int commands_n;
const struct command *command_find(const char *name); /* NULL when there is none */
void command_usage(const struct command *c, FILE *to);

/* What `odradek --help` prints. */
void commands_print(FILE *to);
/* Says so to stderr, with the nearest there is. Returns EXIT_CONFIG. */
int command_unknown(const char *name);

/*
 * The subcommand behind the name of one of Kafka's scripts, with or without ".sh" and a directory; NULL when it is none. *sub becomes the
 * word that has to follow the subcommand's name, or NULL.
 */
const struct command *command_of_script(const char *argv0, const char **sub);

/* Says what is wrong with the arguments, then the usage, to stderr. Returns EXIT_CONFIG. */
int command_misused(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
