/*
 * reassignment: partitions and the current or intended places of their replicas: as given in a
 * file, as found in the cluster, as being moved.
 *
 *	{"version": 1, "partitions": [
 *		{"topic": "t", "partition": 0, "replicas": [1, 2], "log_dirs": ["any", "/data"]}, ...]}
 *
 * All memory is in the tool's arena; errors end the tool with Kafka's message.
 */
#ifndef ODRADEK_CLI_REASSIGNMENT_H
#define ODRADEK_CLI_REASSIGNMENT_H

#include "cli/ids.h"
#include "cli/partitions.h"

struct reassignment {
	struct str topic;
	int32_t partition;
	struct id_list replicas;
	struct id_list adding, removing; /* of a reassignment under way */
	struct str *log_dirs;		 /* one per replica, null: any; NULL: any for all */
	int place;			 /* position in its file */
};

/* Sorted by topic and partition, without duplicates, after reassignments_sort. */
struct reassignments {
	struct reassignment *v;
	int n;
};

/* As in the file, in its order; there may be duplicates. */
struct reassignments reassignments_read(struct tool *t, const char *path);
/* Sorts, and keeps the last of duplicates. */
void reassignments_sort(struct reassignments *r);
/* "t-0,t-1": the duplicates. */
struct str reassignments_repeated(struct tool *t, const struct reassignments *r);
/* NULL: none. The list must be sorted. */
struct reassignment *reassignment_find(const struct reassignments *r, struct str topic, int32_t partition);
/* The JSON value for a file. */
json_t *reassignments_json(const struct reassignments *r);
void reassignments_print(const struct reassignments *r);

/* The reassignments under way, of all partitions, or of those in `of`. */
struct reassignments reassignments_under_way(struct tool *t, const struct reassignments *of);
/* The current placement of the partitions of these topics. A topic that does not exist ends the tool. */
struct reassignments reassignments_of_topics(struct tool *t, const struct str *topics, int n);

/*
 * Starts them or, where replicas.n is -1, cancels the one under way. Returns an empty text, or a
 * line "t-0: why" for each that failed; an error of the whole request ends the tool.
 */
struct str reassignments_start(struct tool *t, const struct reassignments *r, bool allow_replication_factor_change);

/* Their topics, sorted, without duplicates. */
struct str *reassignments_topics(struct tool *t, const struct reassignments *r, int *n);
/* "t-0" */
struct str reassignment_name(struct tool *t, const struct reassignment *r);
int32_t reassignment_java_hash(const struct reassignment *r); /* TopicPartition.hashCode */
/* "t-0,t-1" */
struct str reassignments_names(struct tool *t, const struct reassignments *r);

/* Reads the topics in {"topics": [{"topic": "t"}, ...]}. */
struct str *topics_to_move_read(struct tool *t, const char *path, int *n);

#endif
