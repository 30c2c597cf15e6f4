/* Headers: their versions, and what is accepted. */
#include "../base/cm.h"

#include <string.h>

#include "base/err.h"
#include "protocol/api_versions.h"
#include "protocol/fetch.h"
#include "protocol/offset_delete.h"
#include "wire/header.h"
#include "wire/protocol.h"

static int read_header(const char *bytes, size_t len, struct request_header *h, size_t *left)
{
	struct reader r;
	int err;

	reader_init(&r, bytes, len);
	err = header_read(&r, h);
	*left = reader_left(&r);
	return err;
}

static void flexible_versions_have_the_longer_headers(void **state)
{
	assert_int_equal(header_request_version(fetch_request_KEY, 11), 1);
	assert_int_equal(header_request_version(fetch_request_KEY, 12), 2);
	assert_int_equal(header_response_version(fetch_request_KEY, 11), 0);
	assert_int_equal(header_response_version(fetch_request_KEY, 12), 1);
	assert_int_equal(header_request_version(offset_delete_request_KEY, 0), 1);
	assert_int_equal(header_request_version(4, 0), -1);
	assert_int_equal(header_request_version(-1, 0), -1);
}

static void api_versions_is_always_answered_with_header_0(void **state)
{
	for (int version = 0; version < 100; version++)
		assert_int_equal(header_response_version(api_versions_request_KEY, version), 0);
	assert_int_equal(header_request_version(api_versions_request_KEY, 2), 1);
	assert_int_equal(header_request_version(api_versions_request_KEY, 99), 2);
}

static void a_header_is_read_up_to_its_body(void **state)
{
	struct request_header h;
	size_t left;

	assert_int_equal(read_header("\0\1\0\x0c\0\0\0\7\0\3abc\0body", 18, &h, &left), 0);
	assert_int_equal(h.request_api_key, 1);
	assert_int_equal(h.request_api_version, 12);
	assert_int_equal(h.correlation_id, 7);
	assert_true(str_is(h.client_id, "abc"));
	assert_int_equal(left, 4);
	assert_int_equal(read_header("\0\1\0\x0b\0\0\0\7\0\3abcbody", 17, &h, &left), 0);
	assert_int_equal(left, 4);
}

static void a_null_client_id_is_an_empty_one(void **state)
{
	struct request_header h;
	size_t left;

	assert_int_equal(read_header("\0\1\0\x04\0\0\0\7\xff\xff", 10, &h, &left), 0);
	assert_true(str_is(h.client_id, ""));
	/* in a flexible version tags follow it all the same */
	assert_int_equal(read_header("\0\1\0\x0c\0\0\0\7\xff\xff\0body", 15, &h, &left), 0);
	assert_true(str_is(h.client_id, ""));
	assert_int_equal(left, 4);
	assert_int_equal(read_header("\0\1\0\x0c\0\0\0\7\0\0\0body", 15, &h, &left), 0);
	assert_int_equal(left, 4);
	assert_int_equal(read_header("\0\1\0\x0c\0\0\0\7\xff\xff", 10, &h, &left), ERR_INVALID_REQUEST);
}

static void an_unknown_version_of_api_versions_has_a_header(void **state)
{
	struct request_header h;
	size_t left;

	assert_int_equal(read_header("\0\x12\0\x63\0\0\0\7\0\1x\0rest", 16, &h, &left), 0);
	assert_int_equal(h.request_api_version, 99);
	assert_int_equal(left, 4);
}

static void unknown_apis_and_half_headers_are_refused(void **state)
{
	static const char whole[] = "\0\1\0\x0c\0\0\0\7\0\3abc\0";
	struct request_header h;
	size_t left;

	for (size_t len = 0; len < 14; len++)
		assert_int_equal(read_header(whole, len, &h, &left), ERR_INVALID_REQUEST);
	assert_int_equal(read_header("\0\4\0\0\0\0\0\7\0\0", 10, &h, &left), ERR_INVALID_REQUEST);
	assert_int_equal(read_header("\x7f\4\0\0\0\0\0\7\0\0", 10, &h, &left), ERR_INVALID_REQUEST);
	assert_int_equal(read_header("\0\1\0\4\0\0\0\7\0\5abcd", 14, &h, &left), ERR_INVALID_REQUEST);
}

static void what_is_written_is_read_back(void **state)
{
	struct arena a;
	struct chain c;
	struct reader r;
	struct request_header h;
	int32_t correlation_id;

	arena_init(&a, 4096);
	chain_init(&c, &a);
	assert_int_equal(header_write_request(&c, 1, 12, 77, STR("me")), 0);
	assert_int_equal(c.len, 13);
	reader_init(&r, c.parts[0].p, c.len);
	assert_int_equal(header_read(&r, &h), 0);
	assert_int_equal(h.correlation_id, 77);
	chain_init(&c, &a);
	assert_int_equal(header_write_response(&c, 1, 12, 78), 0);
	assert_int_equal(c.len, 5);
	reader_init(&r, c.parts[0].p, c.len);
	assert_int_equal(header_read_response(&r, 1, 12, &correlation_id), 0);
	assert_int_equal(correlation_id, 78);
	assert_int_equal(reader_left(&r), 0);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flexible_versions_have_the_longer_headers),
		cmocka_unit_test(api_versions_is_always_answered_with_header_0),
		cmocka_unit_test(a_header_is_read_up_to_its_body),
		cmocka_unit_test(a_null_client_id_is_an_empty_one),
		cmocka_unit_test(an_unknown_version_of_api_versions_has_a_header),
		cmocka_unit_test(unknown_apis_and_half_headers_are_refused),
		cmocka_unit_test(what_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
