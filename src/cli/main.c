/*
 * main: the program's first look at its arguments.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <lz4.h>
#include <uv.h>
#include <zlib.h>
#include <zstd.h>

#include "version.h"

#define KAFKA_LEVEL "4.4"

static void print_version(void)
{
	printf("odradek %s (commit %s), Apache Kafka %s\n", ODRADEK_RELEASE, ODRADEK_COMMIT, KAFKA_LEVEL);
	printf("libuv %s, zlib %s, lz4 %s, zstd %s, jansson %s\n", uv_version_string(), zlibVersion(),
	       LZ4_versionString(), ZSTD_versionString(), JANSSON_VERSION);
}

static void print_usage(FILE *to)
{
	fputs("usage: odradek --version | --help\n", to);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		print_version();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return 0;
	}
	print_usage(stderr);
	return 1;
}
