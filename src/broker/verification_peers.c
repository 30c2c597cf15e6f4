/*
 * verification_peers: collects verifications by broker, and sends them one request at a time.
 */
#include "broker/verification_peers.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/peers.h"
#include "broker/verification.h"
#include "wire/codec.h"

#define BROKERS_SINCE 4	     /* the version of AddPartitionsToTxn that brokers use */
#define ANSWER_MAX (4 << 20) /* of one request: far below the limit for a peer's answers (peers.c) */

/* Everything for one broker: a request on its way, and what waits for the next. */
struct errand {
	struct list link; /* in the core's list */
	struct core *core;
	int32_t broker;
	struct list waiting; /* struct verification */
	/* runs at the end of the turn in which the first one arrived, so that others of that turn go with it */
	struct timer timer;
	struct call call;
	struct arena arena;
	struct add_partitions_to_txn_request in;
	struct verification **v; /* those that were sent, in the order of the request */
	int n, room;
};

/* ---- asking ---- */

static bool is_of_id(const struct map_node *node, const void *key)
{
	const struct verification *v = container_of(node, struct verification, node);

	return str_eq(v->transactional_id, *(const struct str *)key);
}

/* True when it is the first with its transactional id. */
static bool note_id(struct map *ids, struct verification *v)
{
	uint64_t hash = hash_bytes(ids->seed, v->transactional_id.p, v->transactional_id.len);

	if (map_find(ids, hash, is_of_id, &v->transactional_id))
		return false;
	map_insert(ids, &v->node, hash);
	return true;
}

static void take_along(struct errand *e, struct verification *v)
{
	list_remove(&v->link);
	if (e->n == e->room) {
		e->room = e->room ? 2 * e->room : 16;
		e->v = xreallocarray(e->v, (size_t)e->room, sizeof(*e->v));
	}
	e->v[e->n++] = v;
}

/* The maximum number of bytes of its answer, which repeats the names. */
static int64_t answer_len(const struct verification *v)
{
	int64_t len = 16 + v->transactional_id.len;

	for (int i = 0; i < v->in.topics.n; i++)
		len += 16 + v->in.topics.v[i].name.len + 8 * (int64_t)v->in.topics.v[i].partitions.n;
	return len;
}

static void gather(struct errand *e)
{
	struct map ids;
	int64_t len = 0;

	map_init(&ids, env_random_u64(e->core->loop->env));
	e->n = 0;
	list_each_safe(it, &e->waiting)
	{
		struct verification *v = container_of(it, struct verification, link);

		if (e->n > 0 && len + answer_len(v) > ANSWER_MAX)
			break;
		if (!note_id(&ids, v))
			continue;
		len += answer_len(v);
		take_along(e, v);
	}
	map_fini(&ids);
}

static void answered(struct call *c);

/* A broker from before KIP-890 knows the API, but not the version that brokers use. */
static int speaks_it(struct call *c)
{
	return c->version < BROKERS_SINCE ? ERR_UNSUPPORTED_VERSION : 0;
}

static void send(struct errand *e)
{
	gather(e);
	arena_init(&e->arena, SIZE_MAX);
	codec_init(&add_partitions_to_txn_request_schema, &e->in);
	e->in.transactions.v = arena_array(&e->arena, (size_t)e->n, sizeof(*e->in.transactions.v));
	e->in.transactions.n = e->n;
	for (int i = 0; i < e->n; i++)
		e->in.transactions.v[i] = e->v[i]->in;
	diag_debug(e->core->loop->env->diag, "a coordinator is asked", "broker=%d transactions=%d", e->broker, e->n);
	e->call = (struct call){.key = add_partitions_to_txn_request_KEY,
				.request = &e->in,
				.arena = &e->arena,
				.fit = speaks_it,
				.done = answered};
	peer_call(e->core, PEER_PARTITIONS, e->broker, &e->call);
}

/* Sends what waits, or ends the errand. */
static void go_on(struct errand *e)
{
	struct core *core = e->core;

	if (!list_empty(&e->waiting)) {
		send(e);
		return;
	}
	list_remove(&e->link);
	xfree(e->v);
	xfree(e);
	core_work_ends(core);
}

static void turn_is_over(struct timer *t)
{
	go_on(container_of(t, struct errand, timer));
}

static struct errand *find(struct core *core, int32_t broker)
{
	list_each(it, &core->verification_errands)
	{
		struct errand *e = container_of(it, struct errand, link);

		if (e->broker == broker)
			return e;
	}
	return NULL;
}

static struct errand *need(struct core *core, int32_t broker)
{
	struct errand *e = find(core, broker);

	if (e)
		return e;
	core_work_begins(core);
	e = xcalloc(1, sizeof(*e));
	e->core = core;
	e->broker = broker;
	list_init(&e->waiting);
	list_push(&core->verification_errands, &e->link);
	timer_init(&e->timer, core->loop, turn_is_over);
	timer_start(&e->timer, 0);
	return e;
}

void verification_ask_peer(struct verification *v, int32_t broker)
{
	list_push(&need(v->core, broker)->waiting, &v->link);
}

bool verification_drop(struct verification *v)
{
	if (list_empty(&v->link))
		return false;
	list_remove(&v->link);
	return true;
}

/* ---- answers ---- */

typedef struct add_partitions_to_txn_response_result result;

static int by_id(const void *a, const void *b)
{
	const result *const *x = a, *const *y = b;

	return str_cmp((*x)->transactional_id, (*y)->transactional_id);
}

static int has_id(const void *key, const void *of)
{
	const result *const *r = of;

	return str_cmp(*(const struct str *)key, (*r)->transactional_id);
}

/* Kafka's coordinators answer in the order in which transactions were decided. */
static const result **sort_results(struct arena *a, const struct add_partitions_to_txn_response *r)
{
	const result **v = arena_array(a, (size_t)r->results_by_transaction.n + 1, sizeof(*v));

	for (int i = 0; i < r->results_by_transaction.n; i++)
		v[i] = &r->results_by_transaction.v[i];
	qsort(v, (size_t)r->results_by_transaction.n, sizeof(*v), by_id);
	return v;
}

static int error_of(const struct call *c)
{
	const struct add_partitions_to_txn_response *r = c->response;

	if (c->err)
		return c->err == ERR_UNSUPPORTED_VERSION ? 0 : ERR_NETWORK_EXCEPTION;
	return r->error_code == ERR_CLUSTER_AUTHORIZATION_FAILED ? ERR_INVALID_TXN_STATE : r->error_code;
}

static void answer_each(struct errand *e, const struct add_partitions_to_txn_response *r)
{
	const result **results = sort_results(&e->arena, r);

	for (int i = 0; i < e->n; i++) {
		const result **found = bsearch(&e->v[i]->transactional_id, results, (size_t)r->results_by_transaction.n,
					       sizeof(*results), has_id);

		verification_answered(e->v[i], found ? 0 : ERR_NETWORK_EXCEPTION, found ? *found : NULL);
	}
}

static void answered(struct call *c)
{
	struct errand *e = container_of(c, struct errand, call);
	int err = error_of(c);

	if (c->err == 0 && err == 0)
		answer_each(e, c->response);
	else
		for (int i = 0; i < e->n; i++)
			verification_answered(e->v[i], err, NULL);
	arena_fini(&e->arena);
	go_on(e);
}
