#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "tests/base/cm.h"

static void names_and_messages_come_from_the_table(void **state)
{
	assert_string_equal(err_name(ERR_NOT_LEADER_OR_FOLLOWER), "NOT_LEADER_OR_FOLLOWER");
	assert_string_equal(err_name(0), "NONE");
	assert_string_equal(err_name(32767), "UNKNOWN_SERVER_ERROR");
	assert_null(err_message(0));
	assert_non_null(strstr(err_message(2), "CRC"));
	assert_null(err_message(-EIO));
	assert_null(err_message(31000));
}

/* Numbers that other implementations have mixed up: clients decide by them. */
static void numbers_are_kafkas(void **state)
{
	static const struct {
		int number;
		const char *name;
	} v[] = {{10, "MESSAGE_TOO_LARGE"},
		 {12, "OFFSET_METADATA_TOO_LARGE"},
		 {21, "INVALID_REQUIRED_ACKS"},
		 {36, "TOPIC_ALREADY_EXISTS"},
		 {44, "POLICY_VIOLATION"},
		 {47, "INVALID_PRODUCER_EPOCH"},
		 {50, "INVALID_TRANSACTION_TIMEOUT"},
		 {51, "CONCURRENT_TRANSACTIONS"},
		 {53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"},
		 {66, "DELEGATION_TOKEN_EXPIRED"},
		 {69, "GROUP_ID_NOT_FOUND"},
		 {74, "FENCED_LEADER_EPOCH"},
		 {75, "UNKNOWN_LEADER_EPOCH"},
		 {76, "UNSUPPORTED_COMPRESSION_TYPE"},
		 {78, "OFFSET_NOT_AVAILABLE"},
		 {79, "MEMBER_ID_REQUIRED"},
		 {82, "FENCED_INSTANCE_ID"},
		 {87, "INVALID_RECORD"},
		 {88, "UNSTABLE_OFFSET_COMMIT"},
		 {90, "PRODUCER_FENCED"},
		 {91, "RESOURCE_NOT_FOUND"},
		 {93, "UNACCEPTABLE_CREDENTIAL"},
		 {100, "UNKNOWN_TOPIC_ID"},
		 {102, "BROKER_ID_NOT_REGISTERED"},
		 {105, "TRANSACTIONAL_ID_NOT_FOUND"},
		 {106, "FETCH_SESSION_TOPIC_ID_ERROR"},
		 {107, "INELIGIBLE_REPLICA"},
		 {108, "NEW_LEADER_ELECTED"},
		 {110, "FENCED_MEMBER_EPOCH"},
		 {111, "UNRELEASED_INSTANCE_ID"},
		 {112, "UNSUPPORTED_ASSIGNOR"},
		 {113, "STALE_MEMBER_EPOCH"},
		 {114, "MISMATCHED_ENDPOINT_TYPE"},
		 {120, "TRANSACTION_ABORTABLE"},
		 {126, "DUPLICATE_VOTER"},
		 {127, "VOTER_NOT_FOUND"},
		 {128, "INVALID_REGULAR_EXPRESSION"},
		 {129, "REBOOTSTRAP_REQUIRED"}};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_string_equal(err_name(v[i].number), v[i].name);
}

static void errnos_have_the_systems_words(void **state)
{
	assert_string_equal(err_name(-ENOSPC), strerror(ENOSPC));
	assert_non_null(err_name(-99999));
	assert_non_null(err_name(31000));
}

static void disk_trouble_becomes_a_storage_error(void **state)
{
	assert_int_equal(err_to_kafka(0), 0);
	assert_int_equal(err_to_kafka(ERR_OFFSET_OUT_OF_RANGE), ERR_OFFSET_OUT_OF_RANGE);
	assert_int_equal(err_to_kafka(-EIO), ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(err_to_kafka(-ENOSPC), ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(err_to_kafka(-EMFILE), ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(err_to_kafka(-EINVAL), ERR_UNKNOWN_SERVER_ERROR);
}

static void what_may_be_sent_again_is_known(void **state)
{
	assert_true(err_is_retriable(ERR_NOT_LEADER_OR_FOLLOWER));
	assert_false(err_is_retriable(ERR_NONE));
	assert_false(err_is_retriable(ERR_UNKNOWN_SERVER_ERROR));
	assert_false(err_is_retriable(-EIO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_messages_come_from_the_table),
		cmocka_unit_test(numbers_are_kafkas),
		cmocka_unit_test(errnos_have_the_systems_words),
		cmocka_unit_test(disk_trouble_becomes_a_storage_error),
		cmocka_unit_test(what_may_be_sent_again_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
