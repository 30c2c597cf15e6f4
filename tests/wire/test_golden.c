/*
 * Bytes and JSON written by Apache Kafka 4.4's own classes (tests/golden/messages.tsv, made by
 * compat/codec): one value per line: name, version, bytes in hex and JSON, separated by tabs. They
 * are decoded, printed as the same JSON and encoded as the same bytes.
 */
#include "../base/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/codec.h"
#include "wire/protocol.h"

#define LINE_LEN_MAX 8192
#define LINES_MIN 744 /* one value for every message and version of Kafka 4.4 */

static const struct schema *schema_named(const char *name)
{
	for (int i = 0; i < protocol_schemas_n; i++)
		if (strcmp(protocol_schemas[i]->name, name) == 0)
			return protocol_schemas[i];
	fail_msg("there is no %s", name);
	return NULL;
}

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

static void check_value(const struct schema *s, int version, const uint8_t *p, size_t len, const char *json)
{
	struct arena a;
	struct buf text = {0}, again = {0};
	void *value = xmalloc(s->size);

	arena_init(&a, 1 << 20);
	assert_int_equal(codec_decode(s, version, p, len, &a, value), 0);
	codec_json(s, version, value, true, &text);
	buf_put(&text, "", 1);
	assert_string_equal((const char *)text.p, json);
	assert_int_equal(codec_encode_buf(s, version, value, &again), 0);
	assert_int_equal(again.len, len);
	assert_memory_equal(again.p, p, len);
	buf_fini(&text);
	buf_fini(&again);
	xfree(value);
	arena_fini(&a);
}

static void values_of_apache_kafka_come_back_as_the_same_bytes_and_json(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	static char line[LINE_LEN_MAX];
	static uint8_t bytes[LINE_LEN_MAX];
	int n = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/tests/golden/messages.tsv", srcdir ? srcdir : ".");
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		char *at = line, *name = strsep(&at, "\t"), *version = strsep(&at, "\t"), *hex = strsep(&at, "\t");
		char *json = strsep(&at, "\n");

		assert_non_null(json);
		check_value(schema_named(name), atoi(version), bytes, unhex(hex, bytes), json);
		n++;
	}
	fclose(in);
	assert_true(n >= LINES_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_apache_kafka_come_back_as_the_same_bytes_and_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
