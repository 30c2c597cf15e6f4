/*
 * endless: the settings of a topic for which nothing is done by the clock, and nothing refused for
 * its time: those of a struct topic_config that tests have in common.
 */
#ifndef ODRADEK_TESTS_LOG_ENDLESS_H
#define ODRADEK_TESTS_LOG_ENDLESS_H

#include <stdint.h>

#define ENDLESS_TOPIC                                                                                                  \
	.segment_ms = INT64_MAX, .flush_messages = INT64_MAX, .flush_ms = INT64_MAX, .retention_ms = -1,               \
	.compression_type = COMPRESSION_PRODUCER, .message_timestamp_before_max_ms = INT64_MAX,                        \
	.message_timestamp_after_max_ms = INT64_MAX

#endif
