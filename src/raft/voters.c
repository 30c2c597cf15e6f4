/*
 * voters: sets of voters, and their members (KIP-853).
 *
 * With static voters the directories are not known (UUID_ZERO): the id alone identifies a voter.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "raft/raft_private.h"

static struct str str_copy(struct str s)
{
	return str_is_null(s) ? STR_NULL : (struct str){str_dup(s), s.len};
}

/* ---- endpoints ---- */

struct raft_endpoint *endpoints_copy(const struct raft_endpoint *v, int n)
{
	struct raft_endpoint *copy = xcalloc((size_t)n + 1, sizeof(*copy));

	for (int i = 0; i < n; i++)
		copy[i] = (struct raft_endpoint){str_copy(v[i].name), str_copy(v[i].host), v[i].port};
	return copy;
}

void endpoints_free(struct raft_endpoint *v, int n)
{
	for (int i = 0; i < n; i++) {
		xfree((char *)v[i].name.p);
		xfree((char *)v[i].host.p);
	}
	xfree(v);
}

const struct raft_endpoint *endpoints_find(const struct raft_endpoint *v, int n, struct str name)
{
	for (int i = 0; i < n; i++) {
		if (str_eq(v[i].name, name))
			return &v[i];
	}
	return NULL;
}

/* ---- one voter ---- */

void raft_voter_copy(struct raft_voter *to, const struct raft_voter *from)
{
	struct raft_endpoint *endpoints = endpoints_copy(from->endpoints, from->n_endpoints);

	*to = *from;
	to->endpoints = endpoints;
}

void raft_voter_fini(struct raft_voter *v)
{
	endpoints_free(v->endpoints, v->n_endpoints);
	v->endpoints = NULL;
	v->n_endpoints = 0;
}

struct raft_key raft_voter_key(const struct raft_voter *v)
{
	return (struct raft_key){v->id, v->directory_id};
}

bool raft_keys_equal(struct raft_key a, struct raft_key b)
{
	return a.id == b.id && uuid_eq(a.directory_id, b.directory_id);
}

bool raft_key_matches(struct raft_key known, struct raft_key key)
{
	return known.id == key.id &&
	       (uuid_is_zero(known.directory_id) || uuid_eq(known.directory_id, key.directory_id));
}

/*
 * Does the voter set describe this node differently than the node itself does? Directory ids
 * distinguish replicas and are not compared here; the order of listeners does not matter.
 */
bool raft_voter_differs(const struct raft_voter *a, const struct raft_voter *b)
{
	if (a->n_endpoints != b->n_endpoints || a->kraft_version_min != b->kraft_version_min ||
	    a->kraft_version_max != b->kraft_version_max)
		return true;
	for (int i = 0; i < a->n_endpoints; i++) {
		const struct raft_endpoint *e = &a->endpoints[i];
		const struct raft_endpoint *f = endpoints_find(b->endpoints, b->n_endpoints, e->name);

		if (!f || !str_eq(e->host, f->host) || e->port != f->port)
			return true;
	}
	return false;
}

/* ---- sets ---- */

void raft_voters_copy(struct raft_voters *to, const struct raft_voters *from)
{
	to->n = from->n;
	to->v = xcalloc((size_t)from->n + 1, sizeof(*to->v));
	for (int i = 0; i < from->n; i++)
		raft_voter_copy(&to->v[i], &from->v[i]);
}

void raft_voters_fini(struct raft_voters *v)
{
	for (int i = 0; i < v->n; i++)
		raft_voter_fini(&v->v[i]);
	xfree(v->v);
	*v = (struct raft_voters){NULL, 0};
}

const struct raft_voter *raft_voters_find(const struct raft_voters *v, int32_t id)
{
	for (int i = 0; i < v->n; i++) {
		if (v->v[i].id == id)
			return &v->v[i];
	}
	return NULL;
}

const struct raft_voter *voters_find_key(const struct raft_voters *v, struct raft_key key)
{
	const struct raft_voter *voter = raft_voters_find(v, key.id);

	return voter && raft_key_matches(raft_voter_key(voter), key) ? voter : NULL;
}

void voters_put(struct raft_voters *v, const struct raft_voter *voter)
{
	int at = 0;

	while (at < v->n && v->v[at].id < voter->id)
		at++;
	if (at < v->n && v->v[at].id == voter->id) {
		raft_voter_fini(&v->v[at]);
	} else {
		v->v = xreallocarray(v->v, (size_t)v->n + 1, sizeof(*v->v));
		memmove(v->v + at + 1, v->v + at, (size_t)(v->n - at) * sizeof(*v->v));
		v->n++;
	}
	raft_voter_copy(&v->v[at], voter);
}

void voters_remove(struct raft_voters *v, int32_t id)
{
	for (int i = 0; i < v->n; i++) {
		if (v->v[i].id != id)
			continue;
		raft_voter_fini(&v->v[i]);
		memmove(v->v + i, v->v + i + 1, (size_t)(v->n - i - 1) * sizeof(*v->v));
		v->n--;
		return;
	}
}

/* ---- this node ---- */

struct raft_key raft_own_key(const struct raft *r)
{
	return (struct raft_key){r->config.node_id, r->config.directory_id};
}

bool raft_is_voter(const struct raft *r)
{
	return voters_find_key(raft_voters(r), raft_own_key(r));
}

bool raft_is_only_voter(const struct raft *r)
{
	return raft_voters(r)->n == 1 && raft_is_voter(r);
}

/*
 * A node that is left out of a new set continues to stand for election until that set is committed:
 * its log may be the only one that can win (the Raft dissertation, 4.2.2). Apache Kafka does not do
 * this: a quorum of two whose leader removes itself and fails stays without a leader. The node has
 * no vote.
 */
bool raft_is_eligible(const struct raft *r)
{
	const struct raft_history *h = &r->history;

	if (raft_is_voter(r))
		return true;
	return h->n_voters > 1 && h->voters[h->n_voters - 1].offset >= r->high_watermark &&
	       voters_find_key(&h->voters[h->n_voters - 2].voters, raft_own_key(r));
}
