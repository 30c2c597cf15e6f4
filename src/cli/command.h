/*
 * command: a subcommand of the program: a file in this room with one constant row, named in main.c's table.
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

extern const struct command command_config;

#endif
