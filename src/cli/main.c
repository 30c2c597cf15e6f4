/*
 * main: the program's first look at its arguments.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/release.h"

static void print_usage(FILE *to)
{
	fputs("usage: odradek COMMAND [ARGUMENT]...\n"
	      "       odradek COMMAND --help\n"
	      "       odradek --version | --help\n\n",
	      to);
	for (int i = 0; i < commands_n; i++)
		fprintf(to, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;

	if (command != NULL && asks_for_help(argc - 1, argv + 1)) {
		fputs(command->usage, stdout);
		return EXIT_FINE;
	}
	if (command != NULL)
		return command->run(argc - 1, argv + 1);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		release_print();
		return EXIT_FINE;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return EXIT_FINE;
	}
	if (argc > 1)
		fprintf(stderr, "odradek: %s is no command\n", argv[1]);
	print_usage(stderr);
	return EXIT_CONFIG;
}
