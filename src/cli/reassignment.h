/*
 * reassignment: partitions and where their replicas are, or shall be: as a file says, as the cluster has them, as they are under way.
 *
 *	{"version": 1, "partitions": [{"topic": "t", "partition": 0, "replicas": [1, 2], "log_dirs": ["any", "/data"]}, ...]}
 *
 * All memory is the tool's arena's; what goes wrong ends the tool in Kafka's words.
 */
#ifndef ODRADEK_CLI_REASSIGNMENT_H
#define ODRADEK_CLI_REASSIGNMENT_H

#include "cli/ids.h"
#include "cli/partitions.h"

struct reassignment {
	struct str topic;
	int32_t partition;
	struct id_list replicas;
	struct id_list adding, removing; /* of one that is under way */
	struct str *log_dirs;		 /* for each replica, null: any; NULL: any for all */
	int place;			 /* among those of its file */
};

/* By topic and partition, each once, after reassignments_sort. */
struct reassignments {
	struct reassignment *v;
	int n;
};

/* As the file has them, in its order; one may be there twice. */
struct reassignments reassignments_read(struct tool *t, const char *path);
/* Sorts; of those that are there twice the last one stays. */
void reassignments_sort(struct reassignments *r);
/* "t-0,t-1": those that are there twice. */
struct str reassignments_repeated(struct tool *t, const struct reassignments *r);
/* NULL: there is none. They must be sorted. */
struct reassignment *reassignment_find(const struct reassignments *r, struct str topic, int32_t partition);
/* The file's value. */
json_t *reassignments_json(const struct reassignments *r);
void reassignments_print(const struct reassignments *r);

/* Those under way, of all partitions, or of `of`. */
struct reassignments reassignments_under_way(struct tool *t, const struct reassignments *of);
/* The partitions of topics as they are. A topic that is not there ends the tool. */
struct reassignments reassignments_of_topics(struct tool *t, const struct str *topics, int n);

/*
 * Begins them, or, where replicas.n is -1, ends what is under way. An empty text, or "t-0: why" of each that could not be, a line each;
 * an error of the whole ends the tool.
 */
struct str reassignments_start(struct tool *t, const struct reassignments *r, bool allow_replication_factor_change);

/* The topics of them, sorted, each once. */
struct str *reassignments_topics(struct tool *t, const struct reassignments *r, int *n);
/* "t-0" */
struct str reassignment_name(struct tool *t, const struct reassignment *r);
int32_t reassignment_java_hash(const struct reassignment *r); /* TopicPartition.hashCode */
/* "t-0,t-1" */
struct str reassignments_names(struct tool *t, const struct reassignments *r);

/* The topics of {"topics": [{"topic": "t"}, ...]}. */
struct str *topics_to_move_read(struct tool *t, const char *path, int *n);

#endif
