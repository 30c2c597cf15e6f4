/*
 * peers: the nodes to which requests were sent.
 *
 * 1. One request to a node at a time: it ends with its answer or at its timeout; a later answer is
 *    ignored.
 * 2. A node that has failed is left alone for retry_backoff_ms.
 * 3. All of it is forgotten when the role changes.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "raft/raft_private.h"

static struct raft_peer *find(const struct raft *r, int32_t id)
{
	for (int i = 0; i < r->n_peers; i++) {
		if (r->peers[i].id == id)
			return &r->peers[i];
	}
	return NULL;
}

static int64_t due_ms(const struct raft *r, const struct raft_peer *p)
{
	return p->since_ms + (p->backing_off ? r->config.retry_backoff_ms : r->config.request_timeout_ms);
}

static void forget(struct raft *r, struct raft_peer *p)
{
	*p = r->peers[--r->n_peers];
}

bool peer_is_ready(struct raft *r, int32_t id, int64_t now_ms)
{
	struct raft_peer *p = find(r, id);

	if (p && now_ms < due_ms(r, p))
		return false;
	if (p)
		forget(r, p);
	return true;
}

bool peer_is_backing_off(const struct raft *r, int32_t id, int64_t now_ms)
{
	const struct raft_peer *p = find(r, id);

	return p && p->backing_off && now_ms < due_ms(r, p);
}

bool peer_timed_out(struct raft *r, int32_t id, int64_t now_ms)
{
	struct raft_peer *p = find(r, id);

	if (!p || p->backing_off || now_ms < due_ms(r, p))
		return false;
	forget(r, p);
	return true;
}

bool peers_busy(struct raft *r, int64_t now_ms)
{
	for (int i = r->n_peers - 1; i >= 0; i--) {
		if (now_ms >= due_ms(r, &r->peers[i]))
			forget(r, &r->peers[i]);
		else if (!r->peers[i].backing_off)
			return true;
	}
	return false;
}

int64_t peers_due_ms(struct raft *r, int64_t now_ms)
{
	int64_t first = INT64_MAX;

	for (int i = r->n_peers - 1; i >= 0; i--) {
		if (now_ms >= due_ms(r, &r->peers[i]))
			forget(r, &r->peers[i]);
	}
	for (int i = 0; i < r->n_peers; i++)
		first = min_ms(first, due_ms(r, &r->peers[i]));
	return first;
}

void peer_send(struct raft *r, struct raft_turn *t, const struct raft_node *node, int16_t api, const void *request)
{
	struct raft_effect *e = raft_effect(t, RAFT_EFFECT_SEND);

	check(!find(r, node->id));
	r->last_correlation = r->last_correlation < INT32_MAX ? r->last_correlation + 1 : 0;
	r->peers = xreallocarray(r->peers, (size_t)r->n_peers + 1, sizeof(*r->peers));
	r->peers[r->n_peers++] = (struct raft_peer){
		.id = node->id, .api = api, .correlation = r->last_correlation, .since_ms = t->event->now_ms};
	e->node = (struct raft_node){node->id, arena_str(t->out->arena, node->host), node->port};
	e->api = api;
	e->request = request;
	e->correlation = r->last_correlation;
}

struct raft_peer *peer_asked(const struct raft *r, int32_t correlation)
{
	for (int i = 0; i < r->n_peers; i++) {
		if (!r->peers[i].backing_off && r->peers[i].correlation == correlation)
			return &r->peers[i];
	}
	return NULL;
}

void peer_answered(struct raft *r, int32_t correlation, bool well, int64_t now_ms)
{
	struct raft_peer *p = peer_asked(r, correlation);

	if (p && well) {
		forget(r, p);
	} else if (p) {
		p->backing_off = true;
		p->since_ms = now_ms;
	}
}

void peer_fail(struct raft *r, int32_t id, int64_t now_ms)
{
	struct raft_peer *p = find(r, id);

	if (!p) {
		r->peers = xreallocarray(r->peers, (size_t)r->n_peers + 1, sizeof(*r->peers));
		p = &r->peers[r->n_peers++];
	}
	*p = (struct raft_peer){.id = id, .backing_off = true, .since_ms = now_ms};
}
