/*
 * coordinator: the runtime that carries the shards of all coordinators (coordinator/shard.h).
 *
 * A kind of coordinator is an internal topic and a shard type. A shard is an actor: partition p's lives on reactor p mod N, from the image
 * in which this node leads p until one in which it does not. Commands reach it by mailbox from any reactor and are answered on the
 * reactor they came from.
 *
 *	submit -> mailbox -> command() -> the pending batch -> append -> apply -> wait for the high watermark -> done
 *
 * 1. A shard is loading (the log is read and replayed in jobs), active, failed (the log could not be read or written; only a new epoch
 *    heals it) or gone. Commands are answered COORDINATOR_LOAD_IN_PROGRESS, or NOT_COORDINATOR, unless it is active.
 * 2. The pending batch takes the records of several steps; it is appended when a command comes for a scope that has records in it, when it
 *    is full, when its linger has passed, or, with a linger of -1, when the mailbox is empty.
 * 3. An append is refused as Kafka's CoordinatorRuntime says it: UNKNOWN_TOPIC_OR_PARTITION, NOT_ENOUGH_REPLICAS and REQUEST_TIMED_OUT
 *    become COORDINATOR_NOT_AVAILABLE; NOT_LEADER_OR_FOLLOWER and KAFKA_STORAGE_ERROR NOT_COORDINATOR; what is too large
 *    UNKNOWN_SERVER_ERROR.
 * 4. Answers wait in the order of the log. One that waits longer than the write timeout is COORDINATOR_NOT_AVAILABLE; what was written
 *    stands all the same.
 * 5. An unloaded shard answers all it holds with NOT_COORDINATOR, each once.
 *
 * Threads: a core's share of this is its own; coordinator_submit from any reactor.
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

/* How many partitions the topic of this kind has: the image's, or what the settings say for when it will be made. */
int32_t coordinator_partitions(const struct node *node, const struct image *image, enum coordinator_kind kind);
/* Of which partition a key (a group's id) is. */
int32_t coordinator_partition(const struct node *node, const struct image *image, enum coordinator_kind kind,
			      struct str key);
struct str coordinator_topic(enum coordinator_kind kind);

/*
 * The topic of this kind is made, with the settings that coordinators need (offsets.topic.* and so on); nobody waits for it. Asked again
 * meanwhile, nothing happens.
 */
void coordinator_make_topic(struct core *core, enum coordinator_kind kind);
/* The same as a part of another request: what CreateTopics is to be asked for this name. False: it is the topic of no kind. */
struct create_topics_request_topic;
bool coordinator_describe_topic(const struct core *core, struct str name, struct arena *a,
				struct create_topics_request_topic *out);

/* ---- commands ---- */

struct coordinator_command;
typedef void coordinator_done_fn(struct coordinator_command *c);

/*
 * The caller's until done() runs on `loop`: exactly once, later than the submit. in, out, arena and strings are the shard's in between.
 */
struct coordinator_command {
	struct shard_command c;
	/*
	 * Not NULL: no request, but the end of a transaction that has written to the shard's partition. Its marker goes into the log, and the
	 * shard is told (end_transaction()); `c` has the answer alone.
	 */
	const struct transaction_marker *marker;
	coordinator_done_fn *done;
	void *arg;

	struct post post; /* the runtime's, from here on */
	struct loop *loop;
	struct core *core; /* of the shard */
	int32_t partition;
	enum coordinator_kind kind;
};

/* From core's thread. err and message in c.c; done() is called on core's loop. */
void coordinator_submit(struct core *core, enum coordinator_kind kind, int32_t partition,
			struct coordinator_command *c);

/* What a group's coordinator says of an error of its log. */
int coordinator_error(int err);

/* Calls each() with the state of every active shard of a kind on this core. On the core's thread; each() looks, and changes nothing. */
void coordinators_each(struct core *core, enum coordinator_kind kind, void (*each)(const void *state, void *arg),
		       void *arg);

/* ---- life; called by core.c and node.c on the core's thread ---- */

/* The logs are open: shards of what this node leads are loaded from now on. */
void coordinators_start(struct core *core);
/* The core has a new image. */
void coordinators_follow(struct core *core, const struct image *old);
/* No shard any more: all that is held or waits is answered NOT_COORDINATOR. core_work_ends is called when nothing is under way. */
void coordinators_stop(struct core *core);
void coordinators_free(struct coordinators *c);
/* No topic is waited for any more. */
void coordinator_makers_hurry(struct core *core);
void coordinator_makers_free(struct core *core);

#endif
