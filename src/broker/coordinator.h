/*
 * coordinator: the runtime that carries the shards of all coordinators (coordinator/shard.h).
 *
 * A kind of coordinator is an internal topic and a shard type. A shard is an actor: partition p's
 * lives on reactor p mod N, from the image in which this node leads p until one in which it does
 * not. Commands reach it by mailbox from any reactor and are answered on the reactor from which
 * they came.
 *
 *	submit -> mailbox -> command() -> the pending batch -> append -> apply -> wait for the high watermark -> done
 *
 * 1. A shard is loading (the log is read and replayed in jobs), active, failed (the log could not
 *    be read or written; only a new epoch heals it) or gone. Unless it is active, commands are
 *    answered COORDINATOR_LOAD_IN_PROGRESS or NOT_COORDINATOR.
 * 2. The pending batch collects the records of several steps. It is appended when a command arrives
 *    for a scope that has records in it, when it is full, when its linger has passed, or, with a
 *    linger of -1, when the mailbox is empty.
 * 3. A refused append is reported as by Kafka's CoordinatorRuntime: UNKNOWN_TOPIC_OR_PARTITION,
 *    NOT_ENOUGH_REPLICAS and REQUEST_TIMED_OUT become COORDINATOR_NOT_AVAILABLE;
 *    NOT_LEADER_OR_FOLLOWER and KAFKA_STORAGE_ERROR become NOT_COORDINATOR; records that are too
 *    large become UNKNOWN_SERVER_ERROR.
 * 4. Answers wait in the order of the log. One that waits longer than the write timeout becomes
 *    COORDINATOR_NOT_AVAILABLE; its records stay written.
 * 5. A shard that is unloaded answers every command it holds with NOT_COORDINATOR, once.
 *
 * Threads: each core owns its part; coordinator_submit may be called from any reactor.
 */
#ifndef ODRADEK_BROKER_COORDINATOR_H
#define ODRADEK_BROKER_COORDINATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "coordinator/shard.h"
#include "env/env.h"

struct core;
struct coordinators;
struct image;
struct node;
struct transaction_marker;

enum coordinator_kind { COORDINATOR_GROUP, COORDINATOR_TRANSACTION, COORDINATOR_KINDS };

/*
 * The number of partitions of this kind's topic: as in the image, or, before the topic is created,
 * as in the settings.
 */
int32_t coordinator_partitions(const struct node *node, const struct image *image, enum coordinator_kind kind);
/* The partition to which a key (such as a group's id) belongs. */
int32_t coordinator_partition(const struct node *node, const struct image *image, enum coordinator_kind kind,
			      struct str key);
struct str coordinator_topic(enum coordinator_kind kind);

/*
 * Creates the topic of this kind, with the settings that coordinators need (offsets.topic.* and so
 * on); nobody waits for it. Does nothing while a creation is under way.
 */
void coordinator_make_topic(struct core *core, enum coordinator_kind kind);
/*
 * The same as part of another request: fills in what to ask CreateTopics for this name. False: the
 * name is not that of a coordinator's topic.
 */
struct create_topics_request_topic;
bool coordinator_describe_topic(const struct core *core, struct str name, struct arena *a,
				struct create_topics_request_topic *out);

/* ---- commands ---- */

struct coordinator_command;
typedef void coordinator_done_fn(struct coordinator_command *c);

/*
 * Belongs to the caller until submitted, and again from done(), which runs on `loop`, exactly once,
 * later than the submit. In between, in, out, arena and strings belong to the shard.
 */
struct coordinator_command {
	struct shard_command c;
	/*
	 * Not NULL: instead of a request, the end of a transaction that has written to the shard's
	 * partition. Its marker is appended to the log, and the shard is told (end_transaction());
	 * of `c`, only the answer is used.
	 */
	const struct transaction_marker *marker;
	coordinator_done_fn *done;
	void *arg;

	struct post post; /* from here on: the runtime's */
	struct loop *loop;
	struct core *core; /* the shard's core */
	int32_t partition;
	enum coordinator_kind kind;
};

/* From the thread of `core`. The result is in err and message of c.c; done() is called on core's loop. */
void coordinator_submit(struct core *core, enum coordinator_kind kind, int32_t partition,
			struct coordinator_command *c);

/* The error that a group coordinator reports for an error of its log. */
int coordinator_error(int err);

/*
 * Calls each() with the state of every active shard of a kind on this core, on the core's thread.
 * each() must not change the state.
 */
void coordinators_each(struct core *core, enum coordinator_kind kind, void (*each)(const void *state, void *arg),
		       void *arg);

/* ---- start and stop; called by core.c and node.c on the core's thread ---- */

/* The logs are open: from now on, loads the shards of the partitions that this node leads. */
void coordinators_start(struct core *core);
/* The core has a new image. */
void coordinators_follow(struct core *core, const struct image *old);
/*
 * Closes all shards: all commands that are held or waiting are answered NOT_COORDINATOR.
 * core_work_ends is called when nothing is under way.
 */
void coordinators_stop(struct core *core);
void coordinators_free(struct coordinators *c);
/* Stops waiting for topics that are being created. */
void coordinator_makers_hurry(struct core *core);
void coordinator_makers_free(struct core *core);

#endif
