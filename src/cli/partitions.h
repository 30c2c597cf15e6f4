/*
 * partitions: the topics and partitions of a cluster, for tools: listing them, choosing by pattern, asking their leaders.
 */
#ifndef ODRADEK_CLI_PARTITIONS_H
#define ODRADEK_CLI_PARTITIONS_H

#include <regex.h>

#include "cli/tool.h"
#include "protocol/metadata.h"

/* All topics (names NULL), or those named; by name. Ends the tool when the cluster does not answer. Topics have errors of their own. */
const struct metadata_response *topics_of(struct tool *t, const struct str *names, int n);
/* NULL: there is none. */
const struct metadata_response_topic *topic_find(const struct metadata_response *m, struct str name);
const struct metadata_response_partition *partition_find(const struct metadata_response_topic *topic,
							 int32_t partition);
bool broker_is_live(const struct metadata_response *m, int32_t id);

/* A pattern of topics as Kafka's tools take it: a regular expression of the whole name, commas being alternatives (TopicFilter). */
struct topic_pattern {
	regex_t *regex; /* the tool's arena's */
};
void topic_pattern_init(struct tool *t, struct topic_pattern *p, const char *text);
bool topic_pattern_matches(struct tool *t, const struct topic_pattern *p, struct str name);

/* One partition, what is asked of its leader, and what it has said. */
struct partition {
	struct str topic;
	int32_t partition;
	int64_t timestamp;
	int64_t offset;
	int64_t found_timestamp;
	int32_t leader_epoch;
	int err;
	struct str message; /* that came with the error */
	const void *answer; /* of other questions: what their read() leaves here */
	int32_t leader;	    /* the helper's own */
};

/* A kind of question to leaders: how it is written for the partitions of one leader, and how its answer is read. */
struct leader_question {
	int key;
	const void *(*write)(struct tool *t, struct partition **v, int n, const void *argument);
	void (*read)(const void *response, struct partition **v, int n); /* err, and what it has to tell */
	int (*fit)(struct call *call);
	const void *argument;
	bool of_broker; /* this one is asked, whoever leads */
	int32_t broker;
};
/* Leaders that have moved are found anew, until the time is up. By topic, the partitions; err of each tells how it ended. */
void partitions_ask(struct tool *t, const struct leader_question *q, struct partition *v, int n);
/* Of those that were asked about; NULL: none of them. */
struct partition *partition_asked(struct partition **v, int n, struct str topic, int32_t partition);

/*
 * ListOffsets for all: offset, found_timestamp and leader_epoch, or err, of each. -1 latest, -2 earliest, -3 max timestamp, ..., else
 * the first at or after the time. Leaders that have moved are found anew.
 */
void partitions_list_offsets(struct tool *t, struct partition *v, int n, int8_t isolation);
/* DeleteRecords before `offset`; the new low watermark is left in it. */
void partitions_delete_records(struct tool *t, struct partition *v, int n, int32_t timeout_ms);

int partition_compare(const void *a, const void *b); /* struct partition: topic, then number */

#endif
