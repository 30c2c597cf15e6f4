/*
 * peer: this tree's codec on a pipe, for the Java program that holds it against Apache Kafka's classes.
 *
 * Standard input and output carry frames: int32 length, then the bytes, big-endian. A frame in is
 *
 *	int8 command, int16 version, int16 length and name of a message, the rest
 *
 * and is answered by one frame:
 *
 *	'd' decode    the rest is a message: int32 status, int32 length and bytes of it encoded again, its JSON
 *	'r' random    the rest is an int64 seed: the same for a random value
 *	'm' messages  text, a line each: name, sort, key, first and last version, first flexible one
 *	'a' apis      text, a line each: key, name, first and last version, latest unstable, listeners, and of each version
 *		      the header versions
 *	'e' errors    text, a line each: name, number as on the wire, retriable, invalid metadata, message; between tabs
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/codec.h"
#include "wire/header.h"
#include "wire/protocol.h"
#include "wire/reader.h"

#define FRAME_MAX (64 << 20)
#define BUDGET (256 << 20)

static void put_i32_to(struct buf *out, int32_t v)
{
	uint8_t bytes[4];

	put_i32(bytes, v);
	buf_put(out, bytes, sizeof(bytes));
}

static const struct schema *schema_named(struct str name)
{
	for (int i = 0; i < protocol_schemas_n; i++)
		if (str_is(name, protocol_schemas[i]->name))
			return protocol_schemas[i];
	return NULL;
}

static void answer_value(const struct schema *s, int version, const void *value, struct buf *out)
{
	struct buf bytes = {0};
	int err = codec_encode_buf(s, version, value, &bytes);

	put_i32_to(out, err);
	put_i32_to(out, (int32_t)bytes.len);
	buf_put(out, bytes.p, bytes.len);
	if (err == 0)
		codec_json(s, version, value, true, out);
	buf_fini(&bytes);
}

static void answer_message(uint8_t command, struct str name, int version, struct reader *rest, struct buf *out)
{
	const struct schema *s = schema_named(name);
	struct arena a;
	void *value = NULL;
	int err = -ENOENT;

	arena_init(&a, BUDGET);
	if (s) {
		value = xmalloc(s->size);
		if (command == 'r') {
			struct codec_chance chance = {(uint64_t)reader_i64(rest)};

			err = codec_random(s, version, &chance, &a, value);
		} else {
			err = codec_decode(s, version, rest->p, reader_left(rest), &a, value);
		}
	}
	if (err == 0) {
		answer_value(s, version, value, out);
	} else {
		put_i32_to(out, err);
		put_i32_to(out, 0);
	}
	xfree(value);
	arena_fini(&a);
}

static void answer_messages(struct buf *out)
{
	for (int i = 0; i < protocol_schemas_n; i++) {
		const struct schema *s = protocol_schemas[i];

		buf_printf(out, "%s %d %d %d %d %d\n", s->name, s->sort, s->key, s->first, s->last, s->flexible);
	}
}

static void answer_apis(struct buf *out)
{
	for (int i = 0; i < api_infos_n; i++) {
		const struct api_info *api = &api_infos[i];

		buf_printf(out, "%d %s %d %d %d %s%s", api->key, api->name, api->first, api->last, api->latest_unstable,
			   api->listeners & LISTENER_BROKER ? "b" : "",
			   api->listeners & LISTENER_CONTROLLER ? "c" : "");
		for (int version = api->first; version <= api->last; version++)
			buf_printf(out, " %d/%d", header_request_version(api->key, version),
				   header_response_version(api->key, version));
		buf_printf(out, "\n");
	}
}

static void answer_errors(struct buf *out)
{
	static const struct {
		const char *name;
		int number, retriable, invalid_metadata;
		const char *message;
	} rows[] = {
#define ERROR(name, number, retriable, invalid_metadata, message) {#name, number, retriable, invalid_metadata, message},
#include "protocol/errors.tbl"
#undef ERROR
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		buf_printf(out, "%s\t%d\t%d\t%d\t%s\n", rows[i].name, rows[i].number == INT16_MAX ? -1 : rows[i].number,
			   rows[i].retriable, rows[i].invalid_metadata, rows[i].message ? rows[i].message : "null");
}

static void answer(struct reader *r, struct buf *out)
{
	uint8_t command = (uint8_t)reader_i8(r);
	int version = reader_i16(r);
	int16_t len = reader_i16(r);
	struct str name = {(const char *)reader_take(r, (size_t)len), len};

	if (r->failed)
		exit(1);
	switch (command) {
	case 'm':
		answer_messages(out);
		break;
	case 'a':
		answer_apis(out);
		break;
	case 'e':
		answer_errors(out);
		break;
	default:
		answer_message(command, name, version, r, out);
	}
}

int main(void)
{
	uint8_t length[4];

	while (fread(length, sizeof(length), 1, stdin) == 1) {
		struct buf out = {0};
		struct reader r;
		int32_t len = get_i32(length);
		uint8_t *frame;

		if (len < 0 || len > FRAME_MAX)
			return 1;
		frame = xmalloc((size_t)len + 1);
		if (fread(frame, 1, (size_t)len, stdin) != (size_t)len)
			return 1;
		reader_init(&r, frame, (size_t)len);
		put_i32_to(&out, 0);
		answer(&r, &out);
		put_i32(out.p, (int32_t)out.len - 4);
		if (fwrite(out.p, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
			return 1;
		buf_fini(&out);
		xfree(frame);
	}
	return 0;
}
