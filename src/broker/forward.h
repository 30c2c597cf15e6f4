/*
 * forward: a request that the controller decides: given to the quorum as it was decoded, answered when it is committed.
 */
#ifndef ODRADEK_BROKER_FORWARD_H
#define ODRADEK_BROKER_FORWARD_H

#include "broker/api.h"
#include "broker/quorum.h"

/* Parks and submits. The quorum fills `out`, or the row's fail() does. */
enum outcome forward_run(struct request *r);

/* What is asked instead of `in`, where a part of it was answered here. Both in the request's arena. */
struct forward_part {
	const void *in;
	void *out;
	/* Puts the whole answer together from the part's; REPLY or HANG_UP. */
	enum outcome (*answer)(struct request *r);
};

/* The same for a part; r->state stays the handler's. */
enum outcome forward_part(struct request *r, const struct forward_part *part);

/*
 * The same for a handler that has a request of its own for the controller (auto-creation, blocks of ids): done() is called on the core,
 * with the reply or the error in q. Without a principal it is this node's own. All memory is of the caller's arena, which must stay until then. timeout_ms 0: for ever.
 */
void forward_submit(struct core *core, struct quorum_request *q, int64_t timeout_ms);

#endif
