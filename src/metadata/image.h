/*
 * image: the state of the cluster as of one offset of the metadata log.
 *
 * 1. An image never changes. image_apply makes a new one that shares everything that is unchanged,
 *    so an image costs what its last batch changed; a snapshot can be cut from an image that is
 *    held while newer ones follow.
 * 2. References are counted atomically: an image can be held, read and dropped on any thread.
 *    Everything found in an image lives as long as a reference to that image is held.
 * 3. A snapshot's records applied to the empty image, followed by the rest of the log, give the
 *    same image as a full replay (image_equal). Snapshots are in Kafka's order.
 * 4. Nothing is lost: what this release does not serve (features finalized by another release) is
 *    carried along.
 * 5. Iteration is by name (by id where there is no name), the same on every node.
 *
 * Not here: which records are legal (controller), which are committed (raft), how they lie in
 * batches (wire).
 */
#ifndef ODRADEK_METADATA_IMAGE_H
#define ODRADEK_METADATA_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/uuid.h"
#include "metadata/record.h"

struct image;

/* ---- what is in it ---- */

struct image_endpoint {
	struct str name;
	struct str host;
	uint16_t port;
	int16_t security_protocol; /* 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
};

struct image_feature_range {
	struct str name;
	int16_t min;
	int16_t max;
};

/* A broker's registration, or a controller's (then epoch is -1, rack null, and there are no directories). */
struct image_node {
	int refs;
	int32_t id;
	int64_t epoch;
	struct uuid incarnation;
	bool fenced;
	bool in_controlled_shutdown;
	bool zk_migration; /* IsMigratingZkBroker, or a controller's ZkMigrationReady */
	bool has_cordoned; /* CordonedLogDirs was not null */
	struct str rack;   /* null when there is none */
	const struct image_endpoint *endpoints;
	int n_endpoints;
	const struct image_feature_range *features; /* by name */
	int n_features;
	const struct uuid *log_dirs; /* in the order in which the broker sent them */
	int n_log_dirs;
	const struct uuid *cordoned_dirs;
	int n_cordoned_dirs;
};

struct image_ids {
	const int32_t *v;
	int n;
};

/* One partition. The id lists follow the struct in memory: read them with the functions below. */
struct image_partition {
	int refs;
	int32_t id;
	int32_t leader; /* -1 = none */
	int32_t leader_epoch;
	int32_t partition_epoch;
	uint16_t n_replicas, n_isr, n_removing, n_adding, n_elr, n_last_known_elr;
	int8_t recovering; /* LeaderRecoveryState: 1 after an unclean election */
	uint8_t zero[3];   /* padding made explicit: partitions are compared as memory */
	/* replicas, ISR, removing, adding, ELR, last known ELR; then 16 bytes of directory per replica */
	int32_t ids[];
};

struct image_ids partition_replicas(const struct image_partition *p);
struct image_ids partition_isr(const struct image_partition *p);
struct image_ids partition_removing(const struct image_partition *p);
struct image_ids partition_adding(const struct image_partition *p);
struct image_ids partition_elr(const struct image_partition *p);
struct image_ids partition_last_known_elr(const struct image_partition *p);
/*
 * The directory of the i-th replica; UUID_ZERO and its neighbours (MIGRATING, UNASSIGNED, LOST) are
 * Kafka's reserved ones.
 */
struct uuid partition_directory(const struct image_partition *p, int i);
bool image_ids_has(struct image_ids ids, int32_t id);

extern const struct uuid UUID_DIR_MIGRATING;  /* 0 */
extern const struct uuid UUID_DIR_UNASSIGNED; /* (0, 1) */
extern const struct uuid UUID_DIR_LOST;	      /* (0, 2) */

struct image_topic {
	int refs;
	int n_partitions;
	struct uuid id;
	struct str name;
	const struct image_partition **partitions; /* by id; 0..n-1 in a sound log */
	int cap;				   /* of partitions; for image.c */
};

/* NULL when there is none */
const struct image_partition *image_topic_partition(const struct image_topic *t, int32_t id);

enum image_resource {
	RESOURCE_TOPIC = 2,
	RESOURCE_BROKER = 4, /* name "" is the default of all brokers */
	RESOURCE_BROKER_LOGGER = 8,
	RESOURCE_CLIENT_METRICS = 16,
	RESOURCE_GROUP = 32,
};

struct image_config {
	struct str name;
	struct str value;
};

/* The dynamic configuration of one resource: what was set, by name. */
struct image_configs {
	int refs;
	int8_t type;
	struct str name;
	int n;
	const struct image_config *v; /* by name */
};

struct image_feature {
	struct str name;
	int16_t level;
};

/* ---- creation and references ---- */

/* The empty image: offset -1. */
const struct image *image_new(struct str cluster_id);
const struct image *image_ref(const struct image *i);
void image_unref(const struct image **i); /* NULL is allowed; sets it to NULL */

struct str image_cluster_id(const struct image *i);
int64_t image_offset(const struct image *i); /* of the last record in it; -1 when empty */
int32_t image_epoch(const struct image *i);
int64_t image_timestamp_ms(const struct image *i); /* of the last batch in it */

/* ---- look-ups: NULL when there is none ---- */

const struct image_topic *image_topic_by_name(const struct image *i, struct str name);
const struct image_topic *image_topic_by_id(const struct image *i, struct uuid id);
const struct image_partition *image_partition(const struct image *i, struct uuid topic_id, int32_t partition);
const struct image_node *image_broker(const struct image *i, int32_t id);
const struct image_node *image_controller(const struct image *i, int32_t id);
const struct image_configs *image_configs(const struct image *i, enum image_resource type, struct str name);
struct str image_config_value(const struct image_configs *c, struct str name); /* null when not set; c may be NULL */
int16_t image_feature_level(const struct image *i, struct str name);	       /* 0 when not finalized */
int16_t image_metadata_version(const struct image *i);			       /* 0 before bootstrap */
int64_t image_next_producer_id(const struct image *i);			       /* 0 before the first block */
int image_topic_count(const struct image *i);
int64_t image_partition_count(const struct image *i);
int image_broker_count(const struct image *i);

/* Is the broker registered, not fenced and not shutting down? */
bool image_broker_is_active(const struct image *i, int32_t id);
/*
 * May a replica in this directory be served by the broker (Kafka's DirectoryId.isOnline)? A
 * directory that has failed is no longer in the registration.
 */
bool image_node_has_directory(const struct image_node *broker, struct uuid directory);
/* NULL when the broker has no listener of that name. */
const struct image_endpoint *image_node_endpoint(const struct image_node *n, struct str listener);

/* ---- iteration, in order; the image must be held ---- */

#define IMAGE_DEPTH_MAX 64

struct image_iter {
	const void *stack[IMAGE_DEPTH_MAX];
	int n;
};

/* Starts before the first member; the _from function before the first one that is not less than `name`. */
void image_topics(const struct image *i, struct image_iter *it);
void image_topics_from(const struct image *i, struct image_iter *it, struct str name);
const struct image_topic *image_topics_next(struct image_iter *it); /* NULL after the last */
void image_brokers(const struct image *i, struct image_iter *it);
void image_controllers(const struct image *i, struct image_iter *it);
const struct image_node *image_nodes_next(struct image_iter *it);
void image_all_configs(const struct image *i, struct image_iter *it);
const struct image_configs *image_configs_next(struct image_iter *it);
void image_features(const struct image *i, struct image_iter *it);
const struct image_feature *image_features_next(struct image_iter *it);

/* ---- differences: they cost what changed, not what there is ---- */

/*
 * Calls each() once for each member that differs; old is NULL for a new one, now is NULL for a
 * removed one. By topic id.
 */
void image_diff_topics(const struct image *old, const struct image *now,
		       void (*each)(void *arg, const struct image_topic *old, const struct image_topic *now),
		       void *arg);
void image_diff_brokers(const struct image *old, const struct image *now,
			void (*each)(void *arg, const struct image_node *old, const struct image_node *now), void *arg);
void image_diff_configs(const struct image *old, const struct image *now,
			void (*each)(void *arg, const struct image_configs *old, const struct image_configs *now),
			void *arg);

/* ---- change ---- */

struct image_batch {
	const struct metadata_record *v;
	int n;
	int64_t last_offset; /* offset of the last record */
	int32_t epoch;
	int64_t timestamp_ms;
};

/*
 * A new image that includes the batch. On error *out is the old image: -EBADMSG when a record
 * contradicts the image (a partition without a topic, ...), with the reason in `why` unless that is
 * NULL. Metadata transactions are the caller's (replay.h): an image never holds half of one.
 */
int image_apply(const struct image *i, const struct image_batch *batch, const struct image **out, const char **why);

/* The same image at another position: control batches and no-op records move offset and epoch only. */
const struct image *image_at(const struct image *i, int64_t offset, int32_t epoch, int64_t timestamp_ms);

/*
 * The records of a snapshot, in Kafka's order, in the record versions for the finalized
 * metadata.version; stops when each() returns non-zero.
 */
int image_to_records(const struct image *i, int (*each)(void *arg, const struct metadata_record *r), void *arg);

/*
 * Has only the position changed from the one to the other? Costs nothing; false for images that
 * merely happen to be equal.
 */
bool image_shares_all(const struct image *a, const struct image *b);
/* Do both have the same contents? (Offset, epoch and timestamp are ignored.) */
bool image_equal(const struct image *a, const struct image *b);

#endif
