/*
 * main: the program's first look at its arguments.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <lz4.h>
#include <uv.h>
#include <zlib.h>
#include <zstd.h>

#include "cli/command.h"
#include "version.h"

#define KAFKA_LEVEL "4.4"

static void print_version(void)
{
	printf("odradek %s (commit %s), Apache Kafka %s\n", ODRADEK_RELEASE, ODRADEK_COMMIT, KAFKA_LEVEL);
	printf("libuv %s, zlib %s, lz4 %s, zstd %s, jansson %s\n", uv_version_string(), zlibVersion(),
	       LZ4_versionString(), ZSTD_versionString(), JANSSON_VERSION);
}

static const struct command *const commands[] = {
	&command_config,
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void print_usage(FILE *to)
{
	fputs("usage: odradek COMMAND [ARGUMENT]...\n"
	      "       odradek COMMAND --help\n"
	      "       odradek --version | --help\n\n",
	      to);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
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
	const struct command *command = argc > 1 ? find(argv[1]) : NULL;

	if (command != NULL && asks_for_help(argc - 1, argv + 1)) {
		fputs(command->usage, stdout);
		return EXIT_FINE;
	}
	if (command != NULL)
		return command->run(argc - 1, argv + 1);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		print_version();
		return EXIT_FINE;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return EXIT_FINE;
	}
	print_usage(stderr);
	return EXIT_CONFIG;
}
