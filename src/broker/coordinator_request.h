/*
 * coordinator_request: passes a request about groups or transactions to the coordinators that
 * answer it, and collects the answers.
 *
 * A request about one group or transaction is one command, which uses the request's own arena. A
 * request about many is one command for each of them, or for each shard, with an arena each, since
 * the answers come from several reactors; the request is finished when the last has arrived.
 */
#ifndef ODRADEK_BROKER_COORDINATOR_REQUEST_H
#define ODRADEK_BROKER_COORDINATOR_REQUEST_H

#include "broker/api.h"
#include "broker/coordinator.h"

/* ---- one ---- */

/*
 * Parks and submits. finish() (NULL: request_fail if there is an error) then completes r->out, and
 * the request is completed. in and out are the structs of the API, most often r->in and r->out.
 */
typedef void coordinator_finish_fn(struct request *r, const struct shard_command *c, void *arg);
enum outcome coordinator_request_run(struct request *r, enum coordinator_kind kind, struct str key, const void *in,
				     void *out, coordinator_finish_fn *finish, void *arg);

/*
 * The same for a request that is already parked. guard: for a commit in a transaction (struct
 * shard_command).
 */
void coordinator_request_go_on(struct request *r, enum coordinator_kind kind, struct str key, const void *in, void *out,
			       uint64_t guard, coordinator_finish_fn *finish, void *arg);

/* ---- many ---- */

struct coordinator_fan;

struct coordinator_fan_part {
	struct coordinator_command command;
	struct arena arena;
	struct coordinator_fan *fan;
	const void *in;
	void *out; /* same as command.c.out; its parts are in `arena`, which lives as long as the request */
};

struct coordinator_fan {
	struct request *r;
	enum coordinator_kind kind;
	struct coordinator_fan_part *v;
	int n;
	int n_asked;
	int n_left;
	size_t used; /* bytes of the answers received so far */
	void (*finish)(struct coordinator_fan *f);
	void *arg;
};

/* n parts, whose out structs are default-filled for the request's API. NULL: no memory. */
struct coordinator_fan *coordinator_fan_new(struct request *r, enum coordinator_kind kind, int n,
					    void (*finish)(struct coordinator_fan *f), void *arg);
/* Part i asks the coordinator of this key. */
void coordinator_fan_ask(struct coordinator_fan *f, int i, struct str key, const void *in);
/* Part i asks the shard of this partition, about all of it. */
void coordinator_fan_ask_shard(struct coordinator_fan *f, int i, int32_t partition, const void *in);
/*
 * Submits all parts, some at a time. When all have been answered, calls finish() and completes the
 * request; for n == 0, at once. Once the answers exceed odradek.request.memory.bytes, the remaining
 * parts get UNKNOWN_SERVER_ERROR: a request may name one key very often.
 */
enum outcome coordinator_fan_run(struct coordinator_fan *f);
/* Asks all shards of a kind on this node the same question. */
enum outcome coordinator_fan_run_all(struct request *r, enum coordinator_kind kind, const void *in,
				     void (*finish)(struct coordinator_fan *f));

#endif
