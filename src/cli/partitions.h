/*
 * partitions: the topics and partitions of a cluster, for tools: listing them, selecting by
 * pattern, sending requests to their leaders.
 */
#ifndef ODRADEK_CLI_PARTITIONS_H
#define ODRADEK_CLI_PARTITIONS_H

#include <regex.h>

#include "cli/tool.h"
#include "protocol/metadata.h"

/*
 * All topics (names NULL), or those named; sorted by name. Ends the tool when the cluster does not
 * answer. Topics have their own errors.
 */
const struct metadata_response *topics_of(struct tool *t, const struct str *names, int n);
/* NULL: none. */
const struct metadata_response_topic *topic_find(const struct metadata_response *m, struct str name);
const struct metadata_response_partition *partition_find(const struct metadata_response_topic *topic,
							 int32_t partition);
bool broker_is_live(const struct metadata_response *m, int32_t id);

/*
 * A pattern of topics as in Kafka's tools: a regular expression for the whole name, with commas for
 * alternatives (TopicFilter).
 */
struct topic_pattern {
	regex_t *regex; /* in the tool's arena */
};
void topic_pattern_init(struct tool *t, struct topic_pattern *p, const char *text);
bool topic_pattern_matches(struct tool *t, const struct topic_pattern *p, struct str name);

/* One partition, the question to its leader, and the answer. */
struct partition {
	struct str topic;
	int32_t partition;
	int64_t timestamp;
	int64_t offset;
	int64_t found_timestamp;
	int32_t leader_epoch;
	int err;
	struct str message; /* came with the error */
	const void *answer; /* for other questions: set by their read() */
	int32_t leader;	    /* for internal use */
};

/*
 * A kind of question to leaders: how to write it for the partitions of one leader, and how to read
 * the answer.
 */
struct leader_question {
	int key;
	const void *(*write)(struct tool *t, struct partition **v, int n, const void *argument);
	void (*read)(const void *response, struct partition **v, int n); /* sets err, and the answer */
	int (*fit)(struct call *call);
	const void *argument;
	bool of_broker; /* ask `broker`, whichever broker leads */
	int32_t broker;
};
/*
 * Asks the leaders, again where they have moved, until the time is up; err of each partition is its
 * result. The partitions must be sorted by topic.
 */
void partitions_ask(struct tool *t, const struct leader_question *q, struct partition *v, int n);
/* The partition among those asked about; NULL: none of them. */
struct partition *partition_asked(struct partition **v, int n, struct str topic, int32_t partition);

/*
 * ListOffsets for all: sets offset, found_timestamp and leader_epoch, or err, of each. timestamp:
 * -1 latest, -2 earliest, -3 max timestamp, ...; otherwise the first record at or after that time.
 * Leaders that have moved are found again.
 */
void partitions_list_offsets(struct tool *t, struct partition *v, int n, int8_t isolation);
/* DeleteRecords before `offset`, which then receives the new low watermark. */
void partitions_delete_records(struct tool *t, struct partition *v, int n, int32_t timeout_ms);

int partition_compare(const void *a, const void *b); /* compares struct partition by topic, then number */

#endif
