/* help: `odradek help`: lists the subcommands, or describes one of them. */
#include "cli/command.h"

extern const struct command command_help;

static int run(int argc, char **argv)
{
	const struct command *c = argc == 2 ? command_find(argv[1]) : NULL;

	if (argc > 2)
		return command_misused(&command_help, "one command was expected");
	if (argc == 2 && !c)
		return command_unknown(argv[1]);
	if (c)
		command_usage(c, stdout);
	else
		commands_print(stdout);
	return EXIT_FINE;
}

const struct command command_help = {
	.name = "help",
	.summary = "print this list, or the help of a command",
	.usage = "usage: odradek help [COMMAND]\n",
	.run = run,
};
