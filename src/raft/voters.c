/*
 * voters: the voter set, its copies, and the two records that carry it (KIP-853).
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "raft/raft_private.h"

static struct str str_copy(struct str s)
{
	return str_is_null(s) ? STR_NULL : (struct str){str_dup(s), s.len};
}

void raft_voter_copy(struct raft_voter *to, const struct raft_voter *from)
{
	*to = *from;
	to->endpoints = xcalloc((size_t)from->n_endpoints + 1, sizeof(*to->endpoints));
	for (int i = 0; i < from->n_endpoints; i++) {
		to->endpoints[i].name = str_copy(from->endpoints[i].name);
		to->endpoints[i].host = str_copy(from->endpoints[i].host);
		to->endpoints[i].port = from->endpoints[i].port;
	}
}

void raft_voter_fini(struct raft_voter *v)
{
	for (int i = 0; i < v->n_endpoints; i++) {
		xfree((char *)v->endpoints[i].name.p);
		xfree((char *)v->endpoints[i].host.p);
	}
	xfree(v->endpoints);
	v->endpoints = NULL;
	v->n_endpoints = 0;
}

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

/*
 * Does the voter set say something else of this node than the node itself? Directory ids tell replicas apart, they
 * are not compared here.
 */
bool raft_voter_differs(const struct raft_voter *a, const struct raft_voter *b)
{
	if (a->n_endpoints != b->n_endpoints || a->kraft_version_min != b->kraft_version_min ||
	    a->kraft_version_max != b->kraft_version_max)
		return true;
	for (int i = 0; i < a->n_endpoints; i++) {
		const struct raft_endpoint *e = &a->endpoints[i];
		const struct raft_endpoint *f = &b->endpoints[i];

		if (!str_eq(e->name, f->name) || !str_eq(e->host, f->host) || e->port != f->port)
			return true;
	}
	return false;
}
