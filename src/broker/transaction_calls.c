/*
 * transaction_calls: dispatches a shard's call to the node's blocks of ids, or to markers.
 */
#include "broker/transaction_calls.h"

#include "base/mem.h"
#include "broker/coordinator_private.h"
#include "broker/markers.h"
#include "broker/producer_ids.h"
#include "transaction/transaction.h"

struct asking {
	struct coordinator_call *c;
	struct producer_id_waiter id;
	struct markers markers;
};

static struct transaction_call *call_of(const struct asking *a)
{
	return container_of(a->c->call, struct transaction_call, call);
}

static void end(struct asking *a)
{
	coordinator_call_done(a->c);
	xfree(a);
}

static void id_has_come(struct producer_id_waiter *w)
{
	struct asking *a = container_of(w, struct asking, id);

	call_of(a)->producer_id = w->id;
	call_of(a)->err = w->err;
	end(a);
}

static void markers_are_written(struct markers *m)
{
	end(container_of(m, struct asking, markers));
}

void transaction_ask(struct core *core, struct coordinator_call *c)
{
	struct asking *a = xcalloc(1, sizeof(*a));
	struct transaction_call *call;

	a->c = c;
	call = call_of(a);
	if (call->kind == TRANSACTION_CALL_ID) {
		a->id.done = id_has_come;
		if (producer_id_get(core, &a->id))
			id_has_come(&a->id);
		return;
	}
	a->markers = (struct markers){
		.core = core,
		.marker = call->marker,
		.marked = call->marked,
		.n = call->n,
		.done = markers_are_written,
	};
	markers_write(&a->markers);
}
