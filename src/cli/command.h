/*
 * command: a subcommand of the program: a file in this room with one constant row, named in commands.tbl.
 */
#ifndef ODRADEK_CLI_COMMAND_H
#define ODRADEK_CLI_COMMAND_H

/* Exit statuses of all subcommands. */
enum { EXIT_FINE = 0, EXIT_CONFIG = 1, EXIT_STORAGE = 2, EXIT_PORT = 3 };

struct command {
	const char *name;
	const char *summary; /* one line, for `odradek --help` and the shells' completion */
	const char *usage;   /* all of `odradek NAME --help` */
	/* argv[0] is the subcommand's name, argv[argc] is NULL; returns the exit status. --help never gets here. */
	int (*run)(int argc, char **argv);
};

/* The table, in the order of `odradek --help`. */
extern const struct command *const commands[];
extern const int commands_n;
const struct command *command_find(const char *name); /* NULL when there is none */

/* Says what is wrong with the arguments, then the usage, to stderr. Returns EXIT_CONFIG. */
int command_misused(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
