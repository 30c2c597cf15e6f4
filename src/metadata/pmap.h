/*
 * pmap: a persistent ordered map: copies share everything until one of them changes.
 *
 * A balanced (AVL) tree with reference-counted nodes. Changing a map copies the nodes from the root
 * to the change, but only those that another map also holds: a batch of changes to one map copies
 * what it touches once.
 *
 * 1. Every member is an object that begins with `int refs`, counted atomically; a map holds one
 *    reference to each.
 * 2. Members are ordered by the type's compare(); a look-up uses a probe: an object on the stack
 *    with its key filled in.
 * 3. A map that others look at is never changed: share it (pmap_share) and change the copy.
 *
 * A struct pmap belongs to one thread; the nodes and members behind it may be shared between
 * threads.
 */
#ifndef ODRADEK_METADATA_PMAP_H
#define ODRADEK_METADATA_PMAP_H

#include <stdbool.h>
#include <stddef.h>

struct pmap_node;

struct pmap_type {
	int (*compare)(const void *a, const void *b);
	void (*free)(void *member);
};

struct pmap {
	const struct pmap_type *type;
	struct pmap_node *root;
	size_t n;
};

void pmap_init(struct pmap *m, const struct pmap_type *type);
struct pmap pmap_share(const struct pmap *m);
void pmap_fini(struct pmap *m);

void *pmap_find(const struct pmap *m, const void *probe); /* NULL when there is none */
void pmap_put(struct pmap *m, void *take_member);	  /* replaces an equal one, if there is one */
bool pmap_remove(struct pmap *m, const void *probe);	  /* false when there was none */
/*
 * The place of an equal member, on a path that no other map shares: the member may be exchanged
 * there (for an equal one), or changed when nobody else holds it. NULL when there is none.
 */
void **pmap_slot(struct pmap *m, const void *probe);

/* The reference counts of members. */
void *member_ref(const void *member);
int member_refs(const void *member);

#define PMAP_DEPTH_MAX 64

/* In order, without recursion: the stack holds the nodes whose member is still to come. */
struct pmap_iter {
	const void *stack[PMAP_DEPTH_MAX];
	int n;
};

void pmap_iter(const struct pmap *m, struct pmap_iter *it);
/* starts at the first member not less than the probe */
void pmap_iter_from(const struct pmap *m, struct pmap_iter *it, const void *probe);
void *pmap_next(struct pmap_iter *it); /* NULL after the last */

/*
 * Calls each(old, now) for every member that is not the same object in both; NULL stands for an
 * absent one. Skips what they share.
 */
void pmap_diff(const struct pmap *old, const struct pmap *now, void (*each)(void *arg, void *old, void *now),
	       void *arg);

#endif
