/*
 * forward: see the header.
 */
#include "broker/forward.h"

#include "broker/core.h"
#include "broker/node_private.h"

#define ANONYMOUS "User:ANONYMOUS"

struct forwarded {
	struct quorum_request q;
	struct request *r;
};

void forward_submit(struct core *core, struct quorum_request *q, int64_t timeout_ms)
{
	q->loop = core->loop;
	q->principal = STR(ANONYMOUS);
	q->deadline_ms = timeout_ms > 0 ? env_mono_ms(core->loop->env) + timeout_ms : 0;
	quorum_submit(core->node->quorum, q);
}

static void done(struct quorum_request *q)
{
	struct forwarded *f = q->arg;

	if (q->err)
		request_fail(f->r, q->err, q->message);
	request_complete(f->r);
}

enum outcome forward_run(struct request *r)
{
	struct forwarded *f = arena_zalloc(&r->arena, sizeof(*f));

	if (!f)
		return HANG_UP;
	f->r = r;
	f->q = (struct quorum_request){
		.done = done,
		.arg = f,
		.api = r->api->key,
		.version = r->version,
		.request = r->in,
		.response = r->out,
		.arena = &r->arena,
	};
	request_park(r, f, NULL);
	forward_submit(r->core, &f->q, r->api->timeout_ms ? r->api->timeout_ms(r->in) : 0);
	return PARKED;
}
