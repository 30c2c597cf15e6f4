/*
 * coordinator_request: from a request about groups or transactions to the coordinators that answer it, and back.
 *
 * A request about one of them is one command, which works in the request's own arena. One about many is a command each, or a shard, each
 * with an arena of its own, since they are answered on several reactors; when the last has come the request is finished.
 */
#ifndef ODRADEK_BROKER_COORDINATOR_REQUEST_H
#define ODRADEK_BROKER_COORDINATOR_REQUEST_H

#include "broker/api.h"
#include "broker/coordinator.h"

/* ---- one ---- */

/*
 * Parks and submits. finish() (NULL: request_fail where there is an error) then fills what is left to fill in r->out, and the request is
 * completed. in and out are the structs of the API, most often r->in and r->out.
 */
typedef void coordinator_finish_fn(struct request *r, const struct shard_command *c, void *arg);
enum outcome coordinator_request_run(struct request *r, enum coordinator_kind kind, struct str key, const void *in,
				     void *out, coordinator_finish_fn *finish, void *arg);

/*
 * The same of a request that is parked already. guard: of a commit in a transaction (struct shard_command).
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
	void *out; /* as command.c.out; its parts in `arena`, which lives as long as the request */
};

struct coordinator_fan {
	struct request *r;
	enum coordinator_kind kind;
	struct coordinator_fan_part *v;
	int n;
	int n_asked;
	int n_left;
	size_t used; /* bytes of the answers that have come */
	void (*finish)(struct coordinator_fan *f);
	void *arg;
};

/* n parts, whose out structs are default-filled by the request's API. NULL: no memory. */
struct coordinator_fan *coordinator_fan_new(struct request *r, enum coordinator_kind kind, int n,
					    void (*finish)(struct coordinator_fan *f), void *arg);
/* Part i asks the coordinator of this key. */
void coordinator_fan_ask(struct coordinator_fan *f, int i, struct str key, const void *in);
/* Part i asks the shard of this partition, about all of it. */
void coordinator_fan_ask_shard(struct coordinator_fan *f, int i, int32_t partition, const void *in);
/*
 * All parts ask, some at a time; finish() is called when all have been answered, and the request is completed. n == 0: at once. Parts that
 * come when the answers take too much of odradek.request.memory.bytes are UNKNOWN_SERVER_ERROR: one key may be named very often.
 */
enum outcome coordinator_fan_run(struct coordinator_fan *f);
/* All shards of a kind that this node has are asked the same. */
enum outcome coordinator_fan_run_all(struct request *r, enum coordinator_kind kind, const void *in,
				     void (*finish)(struct coordinator_fan *f));

#endif
