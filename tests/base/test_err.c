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
		cmocka_unit_test(errnos_have_the_systems_words),
		cmocka_unit_test(disk_trouble_becomes_a_storage_error),
		cmocka_unit_test(what_may_be_sent_again_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
