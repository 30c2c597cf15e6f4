/*
 * forward: a request that the controller decides: submitted to the quorum as it was decoded,
 * answered when it is committed.
 */
#ifndef ODRADEK_BROKER_FORWARD_H
#define ODRADEK_BROKER_FORWARD_H

#include "broker/api.h"
#include "broker/quorum.h"

/* Parks and submits. The quorum fills `out`, or the row's fail() does. */
enum outcome forward_run(struct request *r);

/*
 * What is asked instead of `in` when a part of the request was answered here. Both are in the
 * request's arena.
 */
struct forward_part {
	const void *in;
	void *out;
	/* Assembles the whole answer from that to the part; REPLY or HANG_UP. */
	enum outcome (*answer)(struct request *r);
};

/* The same for a part; r->state stays the handler's. */
enum outcome forward_part(struct request *r, const struct forward_part *part);

/*
 * The same for a handler with a controller request of its own (auto-creation, blocks of ids):
 * done() is called on the core, with the response or the error in q. Without a principal the
 * request is this node's own. All memory is in the caller's arena, which must stay until then.
 * timeout_ms 0: no timeout.
 */
void forward_submit(struct core *core, struct quorum_request *q, int64_t timeout_ms);

#endif
