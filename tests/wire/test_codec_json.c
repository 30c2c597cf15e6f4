/* Messages as JSON, in Kafka's form. */
#include "../base/cm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "protocol/alter_client_quotas.h"
#include "protocol/api_versions.h"
#include "protocol/describe_topic_partitions.h"
#include "protocol/end_txn.h"
#include "protocol/metadata_records.h"
#include "protocol/produce.h"
#include "protocol/sasl_authenticate.h"
#include "wire/codec.h"

static void assert_json(const struct schema *s, int version, const void *in, const char *expected)
{
	struct buf b = {0};

	codec_json(s, version, in, false, &b);
	buf_put(&b, "", 1);
	assert_string_equal((const char *)b.p, expected);
	buf_fini(&b);
}

static void fields_stand_in_order_and_others_are_left_out(void **state)
{
	struct topic_record r = {.name = STR("foo"), .topic_id = UUID_ZERO};
	struct feature_level_record f = {.name = STR("metadata.version"), .feature_level = 25};

	assert_json(&topic_record_schema, 0, &r, "{\"name\":\"foo\",\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\"}");
	assert_json(&feature_level_record_schema, 0, &f, "{\"name\":\"metadata.version\",\"featureLevel\":25}");
}

static void tagged_fields_show_when_they_say_something(void **state)
{
	struct partition_change_record r;
	int32_t isr[] = {3, 1};

	codec_init(&partition_change_record_schema, &r);
	r.partition_id = 2;
	assert_json(&partition_change_record_schema, 0, &r,
		    "{\"partitionId\":2,\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\"}");
	r.isr.v = isr;
	r.isr.n = 2;
	r.leader = 1;
	assert_json(&partition_change_record_schema, 0, &r,
		    "{\"partitionId\":2,\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"isr\":[3,1],\"leader\":1}");
}

static void null_and_the_unknown_error_are_kafkas(void **state)
{
	struct describe_topic_partitions_request d;
	struct end_txn_response e;

	codec_init(&describe_topic_partitions_request_schema, &d);
	assert_json(&describe_topic_partitions_request_schema, 0, &d,
		    "{\"topics\":[],\"responsePartitionLimit\":2000,\"cursor\":null}");
	codec_init(&end_txn_response_schema, &e);
	e.error_code = ERR_UNKNOWN_SERVER_ERROR;
	assert_json(&end_txn_response_schema, 0, &e, "{\"throttleTimeMs\":0,\"errorCode\":-1}");
}

static void text_is_escaped_and_made_valid(void **state)
{
	struct topic_record r = {.name = STR("a\"b\\c\n\x01\x1f\x7f/\xc3\xa9\xff")};

	assert_json(&topic_record_schema, 0, &r,
		    "{\"name\":\"a\\\"b\\\\c\\n\\u0001\\u001F\x7f/\xc3\xa9\xef\xbf\xbd\","
		    "\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\"}");
}

static void bytes_are_base64(void **state)
{
	static const char *const expected[] = {"", "YQ==", "YWI=", "YWJj", "YWJj/w=="};

	for (int len = 0; len < 5; len++) {
		struct sasl_authenticate_request r = {.auth_bytes = {(const uint8_t *)"abc\xff", len}};
		char text[64];

		snprintf(text, sizeof(text), "{\"authBytes\":\"%s\"}", expected[len]);
		assert_json(&sasl_authenticate_request_schema, 0, &r, text);
	}
}

static void numbers_are_printed_as_java_prints_doubles(void **state)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{0.0, "0.0"},
		{-0.0, "-0.0"},
		{1.0, "1.0"},
		{100.0, "100.0"},
		{0.1, "0.1"},
		{1234567.0, "1234567.0"},
		{1e7, "1.0E7"},
		{0.001, "0.001"},
		{0.0001, "1.0E-4"},
		{1.25e-5, "1.25E-5"},
		{123456.789, "123456.789"},
		{1.7976931348623157e308, "1.7976931348623157E308"},
		{NAN, "\"NaN\""},
		{-INFINITY, "\"-Infinity\""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct client_quota_record r = {.key = STR("k"), .value = rows[i].v};
		char text[128];

		snprintf(text, sizeof(text), "{\"entity\":[],\"key\":\"k\",\"value\":%s,\"remove\":false}",
			 rows[i].text);
		assert_json(&client_quota_record_schema, 0, &r, text);
	}
}

static void records_are_shown_as_their_size_when_asked(void **state)
{
	struct produce_request_partition p = {.index = 1, .records = {.p = (const uint8_t *)"abc", .len = 3}};
	struct buf b = {0};

	codec_json(&produce_request_partition_schema, 9, &p, true, &b);
	buf_put(&b, "", 1);
	assert_string_equal((const char *)b.p, "{\"index\":1,\"recordsSizeInBytes\":3}");
	buf_fini(&b);
	p.records.p = NULL;
	assert_json(&produce_request_partition_schema, 9, &p, "{\"index\":1,\"records\":null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_stand_in_order_and_others_are_left_out),
		cmocka_unit_test(tagged_fields_show_when_they_say_something),
		cmocka_unit_test(null_and_the_unknown_error_are_kafkas),
		cmocka_unit_test(text_is_escaped_and_made_valid),
		cmocka_unit_test(bytes_are_base64),
		cmocka_unit_test(numbers_are_printed_as_java_prints_doubles),
		cmocka_unit_test(records_are_shown_as_their_size_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
