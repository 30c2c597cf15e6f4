/*
 * forward: makes a quorum request from a client's request, and completes it.
 */
#include "broker/forward.h"

#include "broker/core.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "broker/throttle.h"
#include "net/conn.h"

struct forwarded {
	struct quorum_request q;
	struct quorum_client client;
	struct request *r;
	enum outcome (*answer)(struct request *r); /* NULL: `out` is the answer */
};

void forward_submit(struct core *core, struct quorum_request *q, int64_t timeout_ms)
{
	q->loop = core->loop;
	if (!q->principal)
		q->principal = &PRINCIPAL_ANONYMOUS;
	q->deadline_ms = timeout_ms > 0 ? env_mono_ms(core->loop->env) + timeout_ms : 0;
	quorum_submit(core->node->quorum, q);
}

static enum outcome answer(const struct forwarded *f)
{
	if (f->q.hang_up)
		return HANG_UP;
	throttle_decided(f->r, f->q.response);
	if (f->q.err)
		return request_fail(f->r, f->q.err, f->q.message);
	return f->answer ? f->answer(f->r) : REPLY;
}

static void done(struct quorum_request *q)
{
	struct forwarded *f = q->arg;

	if (answer(f) == HANG_UP)
		request_end(f->r, true);
	else
		request_complete(f->r);
}

enum outcome forward_part(struct request *r, const struct forward_part *part)
{
	struct forwarded *f = arena_zalloc(&r->arena, sizeof(*f));

	if (!f)
		return HANG_UP;
	f->r = r;
	f->answer = part->answer;
	f->q = (struct quorum_request){
		.done = done,
		.arg = f,
		.api = r->api->key,
		.version = r->version,
		.request = part->in,
		.response = part->out,
		.arena = &r->arena,
		.principal = &request_identity(r)->principal,
		.client_id = r->client_id,
	};
	f->q.enveloped = r->envelope != NULL;
	if (!r->from_controller) {
		f->client = (struct quorum_client){r->correlation_id, r->client_id, request_identity(r)->address};
		f->q.client = &f->client;
	}
	request_park(r, r->state, NULL);
	forward_submit(r->core, &f->q, r->api->timeout_ms ? r->api->timeout_ms(r->in) : 0);
	return PARKED;
}

enum outcome forward_run(struct request *r)
{
	return forward_part(r, &(struct forward_part){.in = r->in, .out = r->out});
}
