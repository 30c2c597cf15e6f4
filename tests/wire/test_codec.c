/*
 * The codec over every message of the protocol, in every version: what it writes it reads back, and
 * incomplete data is refused.
 */
#include "../base/cm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/varint.h"
#include "env/env.h"
#include "protocol/api_versions.h"
#include "protocol/create_topics.h"
#include "protocol/describe_topic_partitions.h"
#include "protocol/fetch.h"
#include "protocol/group_records.h"
#include "protocol/list_groups.h"
#include "protocol/metadata.h"
#include "protocol/produce.h"
#include "wire/codec.h"
#include "wire/protocol.h"

#define BUDGET (64 << 20)
#define VALUES 8

/* Calls each() with a few random values of every message in every version, and their bytes. */
static void each_value(int n,
		       void (*each)(const struct schema *, int version, const void *in, const uint8_t *p, size_t len))
{
	struct codec_chance chance = {1};

	for (int i = 0; i < protocol_schemas_n; i++) {
		const struct schema *s = protocol_schemas[i];

		for (int version = s->first; version <= s->last; version++) {
			for (int k = 0; k < n; k++) {
				struct arena a;
				void *in = xmalloc(s->size);
				uint8_t *p;
				size_t len;

				arena_init(&a, BUDGET);
				assert_int_equal(codec_random(s, version, &chance, &a, in), 0);
				assert_int_equal(codec_size(s, version, in, &len), 0);
				p = xmalloc(len + 1);
				assert_int_equal(codec_encode_bytes(s, version, in, p, len), 0);
				each(s, version, in, p, len);
				xfree(p);
				xfree(in);
				arena_fini(&a);
			}
		}
	}
}

static void reads_back(const struct schema *s, int version, const void *in, const uint8_t *p, size_t len)
{
	struct arena a;
	void *out = xmalloc(s->size);

	arena_init(&a, BUDGET);
	assert_int_equal(codec_decode(s, version, p, len, &a, out), 0);
	assert_true(codec_equal(s, in, out));
	xfree(out);
	arena_fini(&a);
}

static void every_message_in_every_version_comes_back_as_it_was(void **state)
{
	each_value(VALUES, reads_back);
}

static void is_refused_when_short(const struct schema *s, int version, const void *in, const uint8_t *p, size_t len)
{
	void *out = xmalloc(s->size);
	size_t step = len > 400 ? len / 200 : 1;

	for (size_t cut = 0; cut < len; cut += step) {
		struct arena a;
		uint8_t *copy = malloc(cut + 1); /* exact size, so that a sanitizer sees a read past the end */

		assert_non_null(copy);
		copy = realloc(copy, cut > 0 ? cut : 1);
		memcpy(copy, p, cut);
		arena_init(&a, BUDGET);
		assert_int_equal(codec_decode(s, version, copy, cut, &a, out), ERR_INVALID_REQUEST);
		arena_fini(&a);
		free(copy);
	}
	xfree(out);
}

static void every_message_is_refused_at_every_length_but_its_own(void **state)
{
	each_value(1, is_refused_when_short);
}

static void is_refused_when_long(const struct schema *s, int version, const void *in, const uint8_t *p, size_t len)
{
	struct arena a;
	struct reader r;
	void *out = xmalloc(s->size);
	uint8_t *copy = xmalloc(len + 1);

	memcpy(copy, p, len);
	copy[len] = 0;
	arena_init(&a, BUDGET);
	assert_int_equal(codec_decode(s, version, copy, len + 1, &a, out), ERR_INVALID_REQUEST);
	reader_init(&r, copy, len + 1);
	assert_int_equal(codec_read(s, version, &r, &a, out), 0);
	assert_int_equal(reader_left(&r), 1);
	arena_fini(&a);
	xfree(copy);
	xfree(out);
}

static void what_is_left_over_is_refused_or_left_in_the_reader(void **state)
{
	each_value(1, is_refused_when_long);
}

/* Damaged bytes may be a valid message: they must do no harm, and what is accepted must be consistent. */
static void does_no_harm_when_damaged(const struct schema *s, int version, const void *in, const uint8_t *p, size_t len)
{
	struct codec_chance chance = {len};
	void *out = xmalloc(s->size);

	for (int i = 0; i < 20 && len > 0; i++) {
		struct arena a;
		uint8_t *copy = xmalloc(len);
		size_t again;

		memcpy(copy, p, len);
		for (uint64_t n = codec_chance_next(&chance) % 3 + 1; n > 0; n--)
			copy[codec_chance_next(&chance) % len] = (uint8_t)(codec_chance_next(&chance) % 3 ? 0xff : n);
		arena_init(&a, BUDGET);
		if (codec_decode(s, version, copy, len, &a, out) == 0)
			assert_int_equal(codec_size(s, version, out, &again), 0);
		arena_fini(&a);
		xfree(copy);
	}
	xfree(out);
}

static void damaged_bytes_do_no_harm(void **state)
{
	each_value(2, does_no_harm_when_damaged);
}

static void fits_no_smaller_budget(const struct schema *s, int version, const void *in, const uint8_t *p, size_t len)
{
	struct arena a;
	void *out = xmalloc(s->size);
	size_t used;

	arena_init(&a, BUDGET);
	assert_int_equal(codec_decode(s, version, p, len, &a, out), 0);
	used = a.used;
	arena_fini(&a);
	arena_init(&a, 8);
	assert_int_equal(codec_decode(s, version, p, len, &a, out), used > 0 ? -ENOMEM : 0);
	arena_fini(&a);
	xfree(out);
}

static void memory_is_bounded_by_the_budget(void **state)
{
	each_value(1, fits_no_smaller_budget);
}

static void defaults_encode_in_every_version_and_are_equal_to_themselves(void **state)
{
	for (int i = 0; i < protocol_schemas_n; i++) {
		const struct schema *s = protocol_schemas[i];
		void *in = xmalloc(s->size);
		struct buf b = {0};

		codec_init(s, in);
		assert_true(codec_equal(s, in, s->defaults));
		for (int version = s->first; version <= s->last; version++) {
			int err;

			b.len = 0;
			err = codec_encode_buf(s, version, in, &b);
			/*
			 * Records are null by default; Kafka's classes refuse that as well where
			 * records are not nullable.
			 */
			assert_true(err == 0 || (err == -EINVAL && strstr(s->name, "Snapshot")));
			if (err == 0)
				reads_back(s, version, in, b.p, b.len);
		}
		assert_int_equal(codec_encode_buf(s, s->first - 1, in, &b), ERR_UNSUPPORTED_VERSION);
		assert_int_equal(codec_encode_buf(s, s->last + 1, in, &b), ERR_UNSUPPORTED_VERSION);
		buf_fini(&b);
		xfree(in);
	}
}

static void defaults_are_those_of_the_schema(void **state)
{
	struct fetch_request fetch;
	struct metadata_request metadata;
	struct create_topics_request create;
	struct describe_topic_partitions_request describe;
	struct consumer_group_member_metadata_value member;

	codec_init(&fetch_request_schema, &fetch);
	assert_int_equal(fetch.max_bytes, 0x7fffffff);
	assert_int_equal(fetch.session_epoch, -1);
	assert_null(fetch.cluster_id.p);
	assert_int_equal(fetch.replica_state.replica_epoch, -1);
	assert_true(str_is(fetch.rack_id, ""));
	assert_int_equal(fetch.topics.n, 0);
	codec_init(&metadata_request_schema, &metadata);
	assert_true(metadata.allow_auto_topic_creation);
	codec_init(&create_topics_request_schema, &create);
	assert_int_equal(create.timeout_ms, 60000);
	codec_init(&describe_topic_partitions_request_schema, &describe);
	assert_null(describe.cursor);
	assert_int_equal(describe.response_partition_limit, 2000);
	codec_init(&consumer_group_member_metadata_value_schema, &member);
	assert_non_null(member.classic_member_metadata);
}

static void a_value_that_the_version_cannot_carry_is_refused_unless_ignorable(void **state)
{
	struct metadata_request r;
	struct fetch_request f;
	size_t len;

	codec_init(&metadata_request_schema, &r);
	r.allow_auto_topic_creation = false; /* 4+ */
	assert_int_equal(codec_size(&metadata_request_schema, 3, &r, &len), ERR_UNSUPPORTED_VERSION);
	assert_int_equal(codec_size(&metadata_request_schema, 4, &r, &len), 0);
	codec_init(&fetch_request_schema, &f);
	f.session_epoch = 5; /* 7+, ignorable */
	assert_int_equal(codec_size(&fetch_request_schema, 6, &f, &len), 0);
}

static void null_is_refused_where_it_may_not_be(void **state)
{
	static const uint8_t topics_null[] = {0xff, 0xff, 0xff, 0xff};
	struct metadata_request r;
	struct arena a;
	size_t len;

	arena_init(&a, BUDGET);
	codec_init(&metadata_request_schema, &r);
	r.topics.n = -1; /* null 1+ */
	assert_int_equal(codec_size(&metadata_request_schema, 0, &r, &len), -EINVAL);
	assert_int_equal(codec_size(&metadata_request_schema, 1, &r, &len), 0);
	assert_int_equal(codec_decode(&metadata_request_schema, 0, topics_null, 4, &a, &r), ERR_INVALID_REQUEST);
	assert_int_equal(codec_decode(&metadata_request_schema, 1, topics_null, 4, &a, &r), 0);
	assert_int_equal(r.topics.n, -1);
	arena_fini(&a);
}

static void strings_beyond_32767_bytes_are_refused(void **state)
{
	struct api_versions_request r;
	static char text[32768];
	size_t len;

	memset(text, 'x', sizeof(text));
	codec_init(&api_versions_request_schema, &r);
	r.client_software_name = (struct str){text, 32767};
	assert_int_equal(codec_size(&api_versions_request_schema, 3, &r, &len), 0);
	r.client_software_name.len = 32768;
	assert_int_equal(codec_size(&api_versions_request_schema, 3, &r, &len), -EMSGSIZE);
}

/* A flexible version has room for a longer one, which no Java client and no record's key could carry. */
static void a_string_beyond_32767_bytes_is_not_read(void **state)
{
	static const uint8_t rest[] = {2, '1', 0}; /* the version, and no tags */
	static uint8_t bytes[32800];

	for (uint32_t n = 32766; n <= 32768; n++) {
		struct api_versions_request r;
		struct arena a;
		size_t len = (size_t)varint_write_u32(bytes, n + 1);
		int err;

		memset(bytes + len, 'x', n);
		len += n;
		memcpy(bytes + len, rest, sizeof(rest));
		len += sizeof(rest);
		arena_init(&a, BUDGET);
		err = codec_decode(&api_versions_request_schema, 3, bytes, len, &a, &r);
		assert_true(n <= 32767 ? err == 0 && r.client_software_name.len == (int32_t)n : err != 0);
		arena_fini(&a);
	}
}

/* A committed offset's metadata is free text; the names in its key are not. */
static void names_with_a_nul_are_refused_where_plain_ones_are_wanted(void **state)
{
	struct arena a;
	struct offset_commit_key key = {.group = {"a\0b", 3}, .topic = STR("t")};
	struct offset_commit_value value = {.metadata = {"a\0b", 3}};
	uint8_t bytes[128];
	size_t len;

	arena_init(&a, BUDGET);
	assert_int_equal(codec_size(&offset_commit_key_schema, 0, &key, &len), 0);
	assert_int_equal(codec_encode_bytes(&offset_commit_key_schema, 0, &key, bytes, len), 0);
	assert_int_equal(codec_decode(&offset_commit_key_schema, 0, bytes, len, &a, &key), 0);
	assert_int_equal(codec_decode_plain(&offset_commit_key_schema, 0, bytes, len, &a, &key), ERR_INVALID_REQUEST);
	assert_int_equal(codec_size(&offset_commit_value_schema, 3, &value, &len), 0);
	assert_int_equal(codec_encode_bytes(&offset_commit_value_schema, 3, &value, bytes, len), 0);
	assert_int_equal(codec_decode_plain(&offset_commit_value_schema, 3, bytes, len, &a, &value), 0);
	assert_int_equal(value.metadata.len, 3);
	arena_fini(&a);
}

static void an_array_larger_than_the_rest_is_refused_before_it_is_allocated(void **state)
{
	/* ListGroups v4: a compact array of strings, of 2^27 and of 2^32 - 2 elements. */
	static const uint8_t many[] = {0x80, 0x80, 0x80, 0x40, 0, 0, 0}, most[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0};
	struct list_groups_request r;
	struct arena a;

	arena_init(&a, BUDGET);
	assert_int_equal(codec_decode(&list_groups_request_schema, 4, many, sizeof(many), &a, &r), ERR_INVALID_REQUEST);
	assert_int_equal(codec_decode(&list_groups_request_schema, 4, most, sizeof(most), &a, &r), ERR_INVALID_REQUEST);
	assert_int_equal(a.used, 0);
	arena_fini(&a);
}

static void minus_one_on_the_wire_is_the_unknown_server_error(void **state)
{
	struct api_versions_response r;
	struct arena a;
	uint8_t bytes[64];
	size_t len;

	arena_init(&a, BUDGET);
	codec_init(&api_versions_response_schema, &r);
	r.error_code = ERR_UNKNOWN_SERVER_ERROR;
	assert_int_equal(codec_size(&api_versions_response_schema, 0, &r, &len), 0);
	assert_int_equal(codec_encode_bytes(&api_versions_response_schema, 0, &r, bytes, len), 0);
	assert_memory_equal(bytes, "\xff\xff\0\0\0\0", 6);
	assert_int_equal(codec_decode(&api_versions_response_schema, 0, bytes, len, &a, &r), 0);
	assert_int_equal(r.error_code, ERR_UNKNOWN_SERVER_ERROR);
	arena_fini(&a);
}

/* ApiVersions v3, "a" and "b", followed by a section of tags. */
static int decode_with_tags(const char *tags, size_t len)
{
	struct api_versions_request r;
	struct arena a;
	uint8_t bytes[64] = {2, 'a', 2, 'b'};
	int err;

	arena_init(&a, BUDGET);
	memcpy(bytes + 4, tags, len);
	err = codec_decode(&api_versions_request_schema, 3, bytes, 4 + len, &a, &r);
	arena_fini(&a);
	return err;
}

static void unknown_tags_are_skipped_and_bounded(void **state)
{
	assert_int_equal(decode_with_tags("\0", 1), 0);
	assert_int_equal(decode_with_tags("\1\x7f\3xyz", 6), 0);
	assert_int_equal(decode_with_tags("\2\x7f\1x\5\0", 6), 0); /* descending, accepted as by Kafka's classes */
	assert_int_equal(decode_with_tags("\1\x7f\4xyz", 6), ERR_INVALID_REQUEST);
	assert_int_equal(decode_with_tags("\2\x7f\3xyz", 6), ERR_INVALID_REQUEST);
	assert_int_equal(decode_with_tags("\xff\xff\xff\xff\x0f", 5), ERR_INVALID_REQUEST);
}

static void a_known_tag_may_come_twice_and_the_last_one_counts(void **state)
{
	/* FetchRequest v12 with two cluster ids; its tag 1 exists since v15. */
	struct fetch_request in, out;
	struct arena a;
	struct buf b = {0};

	arena_init(&a, BUDGET);
	codec_init(&fetch_request_schema, &in);
	assert_int_equal(codec_encode_buf(&fetch_request_schema, 12, &in, &b), 0);
	b.len--; /* the empty section of tags */
	buf_put(&b, "\2\0\2\2x\0\2\2y", 9);
	assert_int_equal(codec_decode(&fetch_request_schema, 12, b.p, b.len, &a, &out), 0);
	assert_true(str_is(out.cluster_id, "y"));
	b.len -= 9;
	buf_put(&b, "\1\1\0", 3);
	assert_int_equal(codec_decode(&fetch_request_schema, 12, b.p, b.len, &a, &out), ERR_INVALID_REQUEST);
	buf_fini(&b);
	arena_fini(&a);
}

static void records_stay_out_of_the_copy(void **state)
{
	static const uint8_t batch[1000];
	struct produce_request_partition partition = {.index = 1, .records = {.p = batch, .len = sizeof(batch)}};
	struct produce_request_topic topic;
	struct produce_request r;
	struct arena a;
	struct chain c;
	struct buf b = {0}, joined = {0};

	arena_init(&a, BUDGET);
	chain_init(&c, &a);
	codec_init(&produce_request_schema, &r);
	codec_init(&produce_request_topic_schema, &topic);
	topic.name = STR("t");
	topic.partition_data.v = &partition;
	topic.partition_data.n = 1;
	r.topic_data.v = &topic;
	r.topic_data.n = 1;
	assert_int_equal(codec_encode(&produce_request_schema, 9, &r, &c), 0);
	assert_int_equal(c.n, 3);
	assert_ptr_equal(c.parts[1].p, batch);
	assert_int_equal(codec_encode_buf(&produce_request_schema, 9, &r, &b), 0);
	for (int i = 0; i < c.n; i++)
		buf_put(&joined, c.parts[i].p, c.parts[i].len);
	assert_int_equal(joined.len, b.len);
	assert_memory_equal(joined.p, b.p, b.len);
	buf_fini(&joined);
	buf_fini(&b);
	arena_fini(&a);
}

static void is_the_same_however_it_is_written(const struct schema *s, int version, const void *in, const uint8_t *p,
					      size_t len)
{
	struct arena a;
	struct chain c;
	struct buf joined = {0}, b = {0};

	arena_init(&a, BUDGET);
	chain_init(&c, &a);
	chain_put(&c, "head", 4);
	buf_put(&b, "head", 4);
	assert_int_equal(codec_encode(s, version, in, &c), 0);
	assert_int_equal(codec_encode_buf(s, version, in, &b), 0);
	for (int i = 0; i < c.n; i++)
		buf_put(&joined, c.parts[i].p, c.parts[i].len);
	assert_int_equal(c.len, len + 4);
	assert_int_equal(joined.len, len + 4);
	assert_int_equal(b.len, len + 4);
	assert_memory_equal(joined.p + 4, p, len);
	assert_memory_equal(b.p + 4, p, len);
	buf_fini(&joined);
	buf_fini(&b);
	arena_fini(&a);
}

static void chains_and_bufs_get_the_same_bytes(void **state)
{
	each_value(VALUES, is_the_same_however_it_is_written);
}

static void fits_no_other_memory(const struct schema *s, int version, const void *in, const uint8_t *p, size_t len)
{
	uint8_t *out = malloc(len + 1);

	assert_non_null(out);
	assert_int_equal(codec_encode_bytes(s, version, in, out, len + 1), -EINVAL);
	if (len > 0) {
		out = realloc(out, len);
		assert_int_equal(codec_encode_bytes(s, version, in, out, len - 1), -EINVAL);
		assert_int_equal(codec_encode_bytes(s, version, in, out, len / 2), -EINVAL);
	}
	free(out);
}

static void memory_of_another_size_is_refused(void **state)
{
	each_value(1, fits_no_other_memory);
}

static void a_large_message_goes_into_several_blocks(void **state)
{
	struct metadata_response_topic *topics = xcalloc(5000, sizeof(*topics));
	struct metadata_response r;
	struct arena a;
	struct chain c;
	size_t len;

	codec_init(&metadata_response_schema, &r);
	for (int i = 0; i < 5000; i++) {
		codec_init(&metadata_response_topic_schema, &topics[i]);
		topics[i].name = STR("a topic with a name of some length, so that blocks end in the middle of it");
	}
	r.topics.v = topics;
	r.topics.n = 5000;
	arena_init(&a, BUDGET);
	chain_init(&c, &a);
	assert_int_equal(codec_size(&metadata_response_schema, 12, &r, &len), 0);
	assert_int_equal(codec_encode(&metadata_response_schema, 12, &r, &c), 0);
	assert_int_equal(c.len, len);
	assert_true(len > 500000);
	arena_fini(&a);
	arena_init(&a, 100000);
	chain_init(&c, &a);
	assert_int_equal(codec_encode(&metadata_response_schema, 12, &r, &c), -ENOMEM);
	arena_fini(&a);
	xfree(topics);
}

static void after_an_error_chain_and_buf_are_as_they_were(void **state)
{
	struct metadata_response r;
	struct metadata_response_topic topics[50];
	struct arena a;
	struct chain c;
	struct buf b = {0};

	codec_init(&metadata_response_schema, &r);
	for (int i = 0; i < 50; i++) {
		codec_init(&metadata_response_topic_schema, &topics[i]);
		topics[i].name = STR("some name");
	}
	topics[49].name = STR_NULL; /* 12+ */
	r.topics.v = topics;
	r.topics.n = 50;
	arena_init(&a, BUDGET);
	chain_init(&c, &a);
	chain_put(&c, "head", 4);
	buf_put(&b, "head", 4);
	assert_int_equal(codec_encode(&metadata_response_schema, 11, &r, &c), -EINVAL);
	assert_int_equal(codec_encode_buf(&metadata_response_schema, 11, &r, &b), -EINVAL);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.len, 4);
	assert_int_equal(c.parts[0].len, 4);
	assert_int_equal(b.len, 4);
	buf_fini(&b);
	arena_fini(&a);
}

static void a_range_of_a_file_is_listed_and_not_read(void **state)
{
	struct file file = {.refs = 1};
	struct fetch_response_partition partition;
	struct fetch_response_topic topic;
	struct fetch_response r;
	struct arena a;
	struct chain c;
	struct buf b = {0};
	size_t len;

	codec_init(&fetch_response_schema, &r);
	codec_init(&fetch_response_topic_schema, &topic);
	codec_init(&fetch_response_partition_schema, &partition);
	partition.records = (struct records){.file = &file, .pos = 4096, .len = 1000000};
	topic.partitions.v = &partition;
	topic.partitions.n = 1;
	r.responses.v = &topic;
	r.responses.n = 1;
	arena_init(&a, BUDGET);
	chain_init(&c, &a);
	assert_int_equal(codec_size(&fetch_response_schema, 17, &r, &len), 0);
	assert_int_equal(codec_encode(&fetch_response_schema, 17, &r, &c), 0);
	assert_int_equal(c.n, 3);
	assert_ptr_equal(c.parts[1].file, &file);
	assert_int_equal(c.parts[1].pos, 4096);
	assert_int_equal(c.parts[1].len, 1000000);
	assert_int_equal(c.len, len);
	assert_int_equal(file.refs, 2);
	assert_int_equal(codec_encode_buf(&fetch_response_schema, 17, &r, &b), -EINVAL);
	buf_fini(&b);
	arena_fini(&a);
	assert_int_equal(file.refs, 1);
}

static void an_error_is_found_wherever_it_stands(void **state)
{
	struct create_topics_response_topic topics[2];
	struct create_topics_response made;
	struct fetch_response_partition part;
	struct fetch_response_topic topic = {.partitions = {&part, 1}};
	struct fetch_response fetched;

	codec_init(&create_topics_response_schema, &made);
	codec_init(&create_topics_response_topic_schema, &topics[0]);
	codec_init(&create_topics_response_topic_schema, &topics[1]);
	assert_false(codec_has_error(&create_topics_response_schema, &made, ERR_NOT_CONTROLLER));
	made.topics.v = topics;
	made.topics.n = 2;
	topics[0].error_code = ERR_TOPIC_ALREADY_EXISTS;
	topics[1].num_partitions = ERR_NOT_CONTROLLER; /* not an error, whatever its value */
	assert_false(codec_has_error(&create_topics_response_schema, &made, ERR_NOT_CONTROLLER));
	topics[1].error_code = ERR_NOT_CONTROLLER;
	assert_true(codec_has_error(&create_topics_response_schema, &made, ERR_NOT_CONTROLLER));
	codec_init(&fetch_response_schema, &fetched);
	codec_init(&fetch_response_partition_schema, &part);
	fetched.responses.v = &topic;
	fetched.responses.n = 1;
	assert_false(codec_has_error(&fetch_response_schema, &fetched, ERR_NOT_CONTROLLER));
	part.error_code = ERR_NOT_CONTROLLER;
	assert_true(codec_has_error(&fetch_response_schema, &fetched, ERR_NOT_CONTROLLER));
	topic.partitions.n = -1; /* null */
	assert_false(codec_has_error(&fetch_response_schema, &fetched, ERR_NOT_CONTROLLER));
}

static void every_api_has_a_request_and_a_response_under_its_key(void **state)
{
	for (int i = 0; i < api_infos_n; i++) {
		const struct api_info *api = &api_infos[i];

		assert_ptr_equal(api_info_find(api->key), api);
		assert_int_equal(api->request->key, api->key);
		assert_int_equal(api->response->key, api->key);
		assert_int_equal(api->request->sort, SCHEMA_REQUEST);
		assert_int_equal(api->response->sort, SCHEMA_RESPONSE);
		assert_true(i == 0 || api_infos[i - 1].key < api->key);
	}
	assert_null(api_info_find(-1));
	assert_null(api_info_find(4));
	assert_null(api_info_find(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_in_every_version_comes_back_as_it_was),
		cmocka_unit_test(every_message_is_refused_at_every_length_but_its_own),
		cmocka_unit_test(what_is_left_over_is_refused_or_left_in_the_reader),
		cmocka_unit_test(damaged_bytes_do_no_harm),
		cmocka_unit_test(memory_is_bounded_by_the_budget),
		cmocka_unit_test(defaults_encode_in_every_version_and_are_equal_to_themselves),
		cmocka_unit_test(defaults_are_those_of_the_schema),
		cmocka_unit_test(a_value_that_the_version_cannot_carry_is_refused_unless_ignorable),
		cmocka_unit_test(null_is_refused_where_it_may_not_be),
		cmocka_unit_test(strings_beyond_32767_bytes_are_refused),
		cmocka_unit_test(a_string_beyond_32767_bytes_is_not_read),
		cmocka_unit_test(names_with_a_nul_are_refused_where_plain_ones_are_wanted),
		cmocka_unit_test(an_array_larger_than_the_rest_is_refused_before_it_is_allocated),
		cmocka_unit_test(minus_one_on_the_wire_is_the_unknown_server_error),
		cmocka_unit_test(unknown_tags_are_skipped_and_bounded),
		cmocka_unit_test(a_known_tag_may_come_twice_and_the_last_one_counts),
		cmocka_unit_test(records_stay_out_of_the_copy),
		cmocka_unit_test(chains_and_bufs_get_the_same_bytes),
		cmocka_unit_test(memory_of_another_size_is_refused),
		cmocka_unit_test(a_large_message_goes_into_several_blocks),
		cmocka_unit_test(after_an_error_chain_and_buf_are_as_they_were),
		cmocka_unit_test(a_range_of_a_file_is_listed_and_not_read),
		cmocka_unit_test(an_error_is_found_wherever_it_stands),
		cmocka_unit_test(every_api_has_a_request_and_a_response_under_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
