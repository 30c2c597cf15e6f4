/*
 * command: the table.
 */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

int command_misused(const struct command *c, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "odradek %s: ", c->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n%s", c->usage);
	return EXIT_CONFIG;
}
