/*
 * producer_ids: the present block, the next one, and those that wait.
 */
#include "broker/producer_ids.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/forward.h"
#include "broker/node_private.h"
#include "protocol/allocate_producer_ids.h"
#include "wire/codec.h"

#define ASK_MS 10000
#define ARENA_MAX (64 << 10)
#define LOW_WATER 100 /* number of ids left when the next block is requested */

struct block {
	int64_t next;
	int64_t end;
};

struct producer_ids {
	struct core *core;
	struct block now;
	struct block ahead; /* empty until it has arrived */
	struct list waiting;
	bool asking;
	struct arena arena;
	struct quorum_request q;
	struct allocate_producer_ids_request in;
	struct allocate_producer_ids_response out;
};

static bool take(struct producer_ids *p, int64_t *id)
{
	/* the next one is requested while someone waits */
	if (env_buggify(p->core->loop->env, "a block of ids is used up"))
		p->now.next = p->now.end;
	if (p->now.next == p->now.end) {
		p->now = p->ahead;
		p->ahead = (struct block){0};
	}
	if (p->now.next == p->now.end)
		return false;
	*id = p->now.next++;
	return true;
}

static void ask(struct producer_ids *p);

static void serve(struct producer_ids *p, int err)
{
	struct list waiting;

	list_init(&waiting);
	list_splice(&waiting, &p->waiting);
	while (!list_empty(&waiting)) {
		struct producer_id_waiter *w = container_of(waiting.next, struct producer_id_waiter, link);

		list_remove(&w->link);
		w->id = -1;
		w->err = err;
		if (!err && !take(p, &w->id)) {
			list_push(&p->waiting, &w->link);
			continue;
		}
		w->done(w);
	}
}

/* Checks a block that came from another node. */
static bool is_block(const struct allocate_producer_ids_response *a)
{
	return a->producer_id_start >= 0 && a->producer_id_len > 0 &&
	       a->producer_id_start <= INT64_MAX - a->producer_id_len;
}

static void answered(struct quorum_request *q)
{
	struct producer_ids *p = q->arg;
	int err = q->err ? err_to_kafka(q->err) : p->out.error_code;

	if (!err && !is_block(&p->out))
		err = ERR_UNKNOWN_SERVER_ERROR;
	p->asking = false;
	if (!err)
		p->ahead = (struct block){p->out.producer_id_start, p->out.producer_id_start + p->out.producer_id_len};
	arena_reset(&p->arena);
	/* An error after which a client asks again. */
	serve(p, err ? ERR_COORDINATOR_LOAD_IN_PROGRESS : 0);
	if (!list_empty(&p->waiting))
		ask(p);
	core_work_ends(p->core);
}

static void ask(struct producer_ids *p)
{
	if (p->asking || p->ahead.next < p->ahead.end)
		return;
	p->asking = true;
	core_work_begins(p->core);
	codec_init(&allocate_producer_ids_request_schema, &p->in);
	codec_init(&allocate_producer_ids_response_schema, &p->out);
	p->in.broker_id = p->core->node->id;
	p->in.broker_epoch = quorum_broker_epoch(p->core->node->quorum);
	p->q = (struct quorum_request){
		.done = answered,
		.arg = p,
		.api = allocate_producer_ids_request_KEY,
		.version = allocate_producer_ids_request_LAST,
		.request = &p->in,
		.response = &p->out,
		.arena = &p->arena,
		.own_node = true,
	};
	forward_submit(p->core, &p->q, ASK_MS);
}

static struct producer_ids *ids_of(struct core *c)
{
	if (!c->producer_ids) {
		c->producer_ids = xcalloc(1, sizeof(*c->producer_ids));
		c->producer_ids->core = c;
		list_init(&c->producer_ids->waiting);
		arena_init(&c->producer_ids->arena, ARENA_MAX);
	}
	return c->producer_ids;
}

bool producer_id_get(struct core *c, struct producer_id_waiter *w)
{
	struct producer_ids *p = ids_of(c);
	bool had = take(p, &w->id);

	w->err = 0;
	list_init(&w->link);
	if (!had)
		list_push(&p->waiting, &w->link);
	if (!had || p->now.end - p->now.next < LOW_WATER)
		ask(p);
	return had;
}

void producer_ids_free(struct producer_ids *p)
{
	if (!p)
		return;
	check(!p->asking && list_empty(&p->waiting));
	arena_fini(&p->arena);
	xfree(p);
}
