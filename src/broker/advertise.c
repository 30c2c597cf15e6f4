/*
 * advertise: one loop has the book of watched connections and of working clients; the other loops
 * send it messages.
 */
#include "broker/advertise.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "env/env.h"
#include "net/conn.h"

#define NAMED_KEPT 32
#define TEXT_MAX 128

enum note_kind { NOTE_SEEN, NOTE_WORKING, NOTE_TOLD, NOTE_CLOSED };

struct note {
	struct post post;
	struct advertise *a;
	enum note_kind kind;
	uint64_t conn;
	uint64_t client;
	bool working;
	struct watched *watched; /* for NOTE_TOLD */
};

/* A connection that was told an address, oldest first. */
struct watched {
	struct list link;
	uint64_t conn;
	uint64_t client;
	int64_t due_ms;
	char client_id[TEXT_MAX];
	char peer[ADDR_TEXT_MAX];
	char sent[TEXT_MAX];
};

/* A client with connections that do work. */
struct worker {
	struct map_node node;
	int n;
};

struct named {
	uint64_t client;
	int64_t at_ms;
};

struct advertise {
	struct env *env;
	struct loop *loop;
	struct list watched;
	int n_watched;
	struct map workers;
	struct named named[NAMED_KEPT];
	int next_named;
	struct timer timer;
	uint64_t seed;
};

/* ---- the book: on its loop ---- */

static bool worker_is(const struct map_node *node, const void *key)
{
	(void)node;
	(void)key;
	return true; /* the hash is the key */
}

static struct worker *worker_find(struct advertise *a, uint64_t client)
{
	struct map_node *node = map_find(&a->workers, client, worker_is, NULL);

	return node ? container_of(node, struct worker, node) : NULL;
}

static void worker_add(struct advertise *a, uint64_t client)
{
	struct worker *w = worker_find(a, client);

	if (!w) {
		w = xcalloc(1, sizeof(*w));
		map_insert(&a->workers, &w->node, client);
	}
	w->n++;
}

static void worker_remove(struct advertise *a, uint64_t client)
{
	struct worker *w = worker_find(a, client);

	check(w && w->n > 0);
	if (--w->n > 0)
		return;
	map_remove(&a->workers, &w->node);
	xfree(w);
}

static void watched_free(struct advertise *a, struct watched *w)
{
	list_remove(&w->link);
	a->n_watched--;
	xfree(w);
}

/* The client works, or has opened a connection other than `conn`: the address that it was sent is fine. */
static void forget_client(struct advertise *a, uint64_t client, uint64_t but_conn)
{
	list_each_safe(l, &a->watched)
	{
		struct watched *w = container_of(l, struct watched, link);

		if (w->client == client && w->conn != but_conn)
			watched_free(a, w);
	}
}

static void forget_conn(struct advertise *a, uint64_t conn)
{
	list_each_safe(l, &a->watched)
	{
		struct watched *w = container_of(l, struct watched, link);

		if (w->conn == conn)
			watched_free(a, w);
	}
}

static bool was_named(struct advertise *a, uint64_t client, int64_t now_ms)
{
	for (int i = 0; i < NAMED_KEPT; i++)
		if (a->named[i].client == client && now_ms - a->named[i].at_ms < ADVERTISE_AGAIN_MS)
			return true;
	a->named[a->next_named] = (struct named){.client = client, .at_ms = now_ms};
	a->next_named = (a->next_named + 1) % NAMED_KEPT;
	return false;
}

static void watched_due(struct timer *t)
{
	struct advertise *a = container_of(t, struct advertise, timer);
	int64_t now = env_mono_ms(a->env);
	struct list *l;

	while ((l = list_first(&a->watched))) {
		struct watched *w = container_of(l, struct watched, link);

		if (w->due_ms > now) {
			timer_start(&a->timer, w->due_ms - now);
			return;
		}
		if (!worker_find(a, w->client) && !was_named(a, w->client, now))
			diag_warn(
				a->env->diag, "client never came back to the address that it was sent",
				"client_id=\"%s\" peer=%s sent=%s hint=\"set advertised.listeners to what this client can reach\"",
				w->client_id, w->peer, w->sent);
		watched_free(a, w);
	}
}

static void watched_add(struct advertise *a, struct watched *w)
{
	if (a->n_watched == ADVERTISE_WATCHED) {
		xfree(w);
		return;
	}
	w->due_ms = env_mono_ms(a->env) + ADVERTISE_WAIT_MS;
	list_push(&a->watched, &w->link);
	a->n_watched++;
	if (!timer_is_running(&a->timer))
		timer_start(&a->timer, ADVERTISE_WAIT_MS);
}

static void note_run(struct post *p)
{
	struct note *n = container_of(p, struct note, post);
	struct advertise *a = n->a;

	switch (n->kind) {
	case NOTE_SEEN:
		forget_client(a, n->client, n->conn);
		break;
	case NOTE_WORKING:
		worker_add(a, n->client);
		forget_client(a, n->client, 0);
		break;
	case NOTE_TOLD:
		watched_add(a, n->watched);
		break;
	case NOTE_CLOSED:
		forget_conn(a, n->conn);
		if (n->working)
			worker_remove(a, n->client);
		break;
	}
	xfree(n);
}

/* ---- messages: on the reactor of the connection ---- */

static void note_send(struct advertise *a, enum note_kind kind, const struct advertise_conn *ac, const struct conn *c,
		      struct watched *watched)
{
	struct note *n = xcalloc(1, sizeof(*n));

	*n = (struct note){
		.post.run = note_run,
		.a = a,
		.kind = kind,
		.conn = conn_id(c),
		.client = ac->client,
		.working = ac->working,
		.watched = watched,
	};
	loop_post(a->loop, &n->post);
}

static bool addr_same_ip(const struct addr *a, const struct addr *b)
{
	char x[ADDR_TEXT_MAX], y[ADDR_TEXT_MAX];

	return strcmp(addr_text(a, x), addr_text(b, y)) == 0;
}

static uint64_t client_of(struct advertise *a, const struct conn *c, struct str client_id)
{
	const struct addr *peer = conn_peer_addr(c);
	struct addr local;
	uint64_t h = hash_bytes(a->seed, client_id.p ? client_id.p : "", (size_t)client_id.len);

	if (conn_local_addr(c, &local) == 0 && addr_same_ip(peer, &local))
		return h;
	return hash_bytes(h, peer->ip, peer->v6 ? 16 : 4);
}

void advertise_request(struct advertise *a, struct advertise_conn *ac, const struct conn *c, struct str client_id,
		       bool prelude)
{
	if (!ac->seen) {
		ac->seen = true;
		ac->client = client_of(a, c, client_id);
		note_send(a, NOTE_SEEN, ac, c, NULL);
	}
	if (!ac->working && !prelude) {
		ac->working = true;
		note_send(a, NOTE_WORKING, ac, c, NULL);
	}
}

/* Copies a text chosen by a client, without anything that could end the quotes or the line. */
static void printable(char out[TEXT_MAX], struct str s)
{
	size_t n = 0;

	for (int32_t i = 0; i < s.len && n < TEXT_MAX - 1; i++)
		out[n++] =
			(unsigned char)s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == 0x7f ? '?' : s.p[i];
	out[n] = 0;
}

void advertise_told(struct advertise *a, struct advertise_conn *ac, const struct conn *c, struct str client_id,
		    struct str host, int32_t port)
{
	struct watched *w;

	check(ac->seen);
	if (ac->told || ac->working)
		return;
	ac->told = true;
	w = xcalloc(1, sizeof(*w));
	w->conn = conn_id(c);
	w->client = ac->client;
	list_init(&w->link);
	printable(w->client_id, client_id);
	addr_text(conn_peer_addr(c), w->peer);
	snprintf(w->sent, sizeof(w->sent), "%.*s:%d", STR_ARG(host), (int)port);
	note_send(a, NOTE_TOLD, ac, c, w);
}

void advertise_closed(struct advertise *a, struct advertise_conn *ac, const struct conn *c)
{
	if (ac->told || ac->working)
		note_send(a, NOTE_CLOSED, ac, c, NULL);
	*ac = (struct advertise_conn){0};
}

/* ---- creation and end ---- */

struct advertise *advertise_new(struct env *env, struct loop *loop)
{
	struct advertise *a = xcalloc(1, sizeof(*a));

	a->env = env;
	a->loop = loop;
	a->seed = env_random_u64(env);
	list_init(&a->watched);
	map_init(&a->workers, a->seed);
	timer_init(&a->timer, loop, watched_due);
	return a;
}

void advertise_free(struct advertise *a)
{
	if (!a)
		return;
	check(a->workers.n == 0 && list_empty(&a->watched));
	timer_stop(&a->timer);
	map_fini(&a->workers);
	xfree(a);
}
