/*
 * format: what a directory must contain before a node may use it: meta.properties in each, and in
 * the metadata directory the bootstrap snapshot with the first records of the cluster (and, with
 * kraft.version 1, the first voters). Apache Kafka's kafka-storage writes the same files.
 *
 * The bootstrap snapshot is written before the meta.properties of its directory, so a directory
 * that has the latter is complete.
 */
#ifndef ODRADEK_BROKER_FORMAT_H
#define ODRADEK_BROKER_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/uuid.h"
#include "metadata/record.h"
#include "raft/raft.h"

struct config;
struct env;
struct log_dir;

struct format_options {
	struct env *env;
	const struct config *config;
	struct log_dir **dirs; /* all of them, open; those that are already formatted stay as they are */
	int n_dirs;
	struct log_dir *metadata_dir; /* one of them */
};

struct format_plan {
	struct str cluster_id; /* at most 63 bytes */
	int32_t node_id;
	bool with_bootstrap; /* the node is a controller */
	const struct record_list *records;
	int16_t kraft_version;
	const struct raft_voters *voters; /* may be empty */
	struct uuid metadata_directory;	  /* id of the metadata directory; zero: a random one */
};

/* Blocks. 0 or a negated errno. */
int format_write(const struct format_options *o, const struct format_plan *plan);

/*
 * Formats a cluster of this node alone, with the feature levels that this release serves: done by a
 * node that finds its own directories empty. Blocks.
 */
int format_own(const struct format_options *o);

/* The feature levels that this release serves: the first records of such a cluster. */
void format_own_records(struct record_list *records);

/*
 * This node as a voter: its id, the given directory, the listeners of its controller. Strings are
 * in the arena or the config.
 */
void format_own_voter(const struct format_options *o, struct uuid directory, struct arena *a, struct raft_voter *out);
/* A random id, made as by Kafka's DirectoryId.random. */
struct uuid format_directory_id(struct env *env);

#endif
