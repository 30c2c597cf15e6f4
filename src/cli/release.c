/* release: the only file that is recompiled for each commit. */
#include "cli/release.h"

#include <stdio.h>

#include <http_parser.h>
#include <jansson.h>
#include <lz4.h>
#include <uv.h>
#include <zlib.h>
#include <zstd.h>

#include "version.h"

const char *release_name(void)
{
	return ODRADEK_RELEASE;
}

void release_print_of_tool(void)
{
	printf("%s.0 (odradek %s)\n", KAFKA_LEVEL, ODRADEK_RELEASE);
}

void release_print(void)
{
	printf("odradek %s (commit %s), Apache Kafka %s\n", ODRADEK_RELEASE, ODRADEK_COMMIT, KAFKA_LEVEL);
	printf("libuv %s, zlib %s, lz4 %s, zstd %s, jansson %s, http-parser %d.%d.%d\n", uv_version_string(),
	       zlibVersion(), LZ4_versionString(), ZSTD_versionString(), JANSSON_VERSION, HTTP_PARSER_VERSION_MAJOR,
	       HTTP_PARSER_VERSION_MINOR, HTTP_PARSER_VERSION_PATCH);
}
