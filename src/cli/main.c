/* main: the entry point: finds the subcommand, by argument or by the name of one of Kafka's scripts. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/release.h"
#include "env/real/real.h"

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

enum { ARGUMENTS_MAX = 4096 };

static int run(const struct command *command, int argc, char **argv)
{
	if (asks_for_help(argc, argv)) {
		command_usage(command, stdout);
		return EXIT_FINE;
	}
	return command->run(argc, argv);
}

/* Nothing but the word that sends it to the background. */
static bool is_bare(int argc, char **argv)
{
	return argc < 2 || (argc == 2 && strcmp(argv[1], "-daemon") == 0);
}

/* Called by the name of one of Kafka's scripts: runs `odradek COMMAND [SUB]` with its arguments. */
static int run_script(const struct command *command, const char *sub, int argc, char **argv)
{
	char *arguments[ARGUMENTS_MAX + 2];
	int n = 0;

	if (command->script_usage && is_bare(argc, argv)) {
		printf("%s", command->script_usage);
		return EXIT_CONFIG;
	}
	if (argc > ARGUMENTS_MAX) {
		fprintf(stderr, "odradek: too many arguments\n");
		return EXIT_CONFIG;
	}
	arguments[n++] = (char *)(uintptr_t)command->name;
	if (sub)
		arguments[n++] = (char *)(uintptr_t)sub;
	for (int i = 1; i < argc; i++)
		arguments[n++] = argv[i];
	arguments[n] = NULL;
	return run(command, n, arguments);
}

int main(int argc, char **argv)
{
	const char *sub = NULL;
	const struct command *script = argc > 0 ? command_of_script(argv[0], &sub) : NULL;
	const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;

	real_streams_hold();
	if (script)
		return run_script(script, sub, argc, argv);
	if (command)
		return run(command, argc - 1, argv + 1);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		release_print();
		return EXIT_FINE;
	}
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		commands_print(stdout);
		return EXIT_FINE;
	}
	if (argc > 1)
		return command_unknown(argv[1]);
	commands_print(stderr);
	return EXIT_CONFIG;
}
