/*
 * pmap: a persistent AVL tree.
 *
 * Invariants: the heights of two siblings differ by at most one; a node with one reference, reached
 * from a map through nodes with one reference each, belongs to that map alone and may be changed in
 * place (own()).
 */
#include "metadata/pmap.h"

#include "base/check.h"
#include "base/mem.h"

struct pmap_node {
	int refs;
	int height;
	struct pmap_node *left;
	struct pmap_node *right;
	void *member;
};

/* ---- reference counts ---- */

void *member_ref(const void *member)
{
	int before = __atomic_fetch_add((int *)member, 1, __ATOMIC_RELAXED);

	check(before > 0);
	return (void *)member;
}

int member_refs(const void *member)
{
	return __atomic_load_n((const int *)member, __ATOMIC_ACQUIRE);
}

static void member_unref(const struct pmap_type *type, void *member)
{
	int before = __atomic_fetch_sub((int *)member, 1, __ATOMIC_ACQ_REL);

	check(before > 0);
	if (before == 1)
		type->free(member);
}

static struct pmap_node *node_ref(struct pmap_node *n)
{
	return n ? member_ref(n) : NULL;
}

static void node_unref(const struct pmap_type *type, struct pmap_node *n)
{
	while (n && __atomic_fetch_sub(&n->refs, 1, __ATOMIC_ACQ_REL) == 1) {
		struct pmap_node *right = n->right;

		node_unref(type, n->left);
		member_unref(type, n->member);
		xfree(n);
		n = right;
	}
}

/* Makes *slot belong to this map alone. */
static struct pmap_node *own(const struct pmap_type *type, struct pmap_node **slot)
{
	struct pmap_node *old = *slot;
	struct pmap_node *n;

	if (member_refs(old) == 1)
		return old;
	n = xmalloc(sizeof(*n));
	*n = (struct pmap_node){1, old->height, node_ref(old->left), node_ref(old->right), member_ref(old->member)};
	node_unref(type, old);
	*slot = n;
	return n;
}

/* ---- balance ---- */

static int height(const struct pmap_node *n)
{
	return n ? n->height : 0;
}

static void measure(struct pmap_node *n)
{
	int left = height(n->left);
	int right = height(n->right);

	n->height = 1 + (left > right ? left : right);
}

static void rotate_right(const struct pmap_type *type, struct pmap_node **slot)
{
	struct pmap_node *n = *slot;
	struct pmap_node *up = own(type, &n->left);

	n->left = up->right;
	up->right = n;
	measure(n);
	measure(up);
	*slot = up;
}

static void rotate_left(const struct pmap_type *type, struct pmap_node **slot)
{
	struct pmap_node *n = *slot;
	struct pmap_node *up = own(type, &n->right);

	n->right = up->left;
	up->left = n;
	measure(n);
	measure(up);
	*slot = up;
}

/* *slot is owned and its children are balanced; their heights differ by at most two. */
static void balance(const struct pmap_type *type, struct pmap_node **slot)
{
	struct pmap_node *n = *slot;
	int lean = height(n->left) - height(n->right);

	if (lean > 1) {
		if (height(n->left->left) < height(n->left->right)) {
			own(type, &n->left);
			rotate_left(type, &n->left);
		}
		rotate_right(type, slot);
	} else if (lean < -1) {
		if (height(n->right->right) < height(n->right->left)) {
			own(type, &n->right);
			rotate_right(type, &n->right);
		}
		rotate_left(type, slot);
	} else {
		measure(n);
	}
}

/* ---- the map ---- */

void pmap_init(struct pmap *m, const struct pmap_type *type)
{
	*m = (struct pmap){type, NULL, 0};
}

struct pmap pmap_share(const struct pmap *m)
{
	return (struct pmap){m->type, node_ref(m->root), m->n};
}

void pmap_fini(struct pmap *m)
{
	node_unref(m->type, m->root);
	m->root = NULL;
	m->n = 0;
}

void *pmap_find(const struct pmap *m, const void *probe)
{
	const struct pmap_node *n = m->root;

	while (n) {
		int c = m->type->compare(probe, n->member);

		if (c == 0)
			return n->member;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

static bool put(const struct pmap_type *type, struct pmap_node **slot, void *member)
{
	struct pmap_node *n;
	bool grown;
	int c;

	if (!*slot) {
		*slot = xmalloc(sizeof(**slot));
		**slot = (struct pmap_node){1, 1, NULL, NULL, member};
		return true;
	}
	n = own(type, slot);
	c = type->compare(member, n->member);
	if (c == 0) {
		member_unref(type, n->member);
		n->member = member;
		return false;
	}
	grown = put(type, c < 0 ? &n->left : &n->right, member);
	if (grown)
		balance(type, slot);
	return grown;
}

void pmap_put(struct pmap *m, void *take_member)
{
	if (put(m->type, &m->root, take_member))
		m->n++;
}

/* Removes the least node from *slot, which is not empty; its member goes to the caller. */
static void *take_least(const struct pmap_type *type, struct pmap_node **slot)
{
	struct pmap_node *n = own(type, slot);
	void *member;

	if (n->left) {
		member = take_least(type, &n->left);
		balance(type, slot);
		return member;
	}
	member = n->member;
	*slot = n->right;
	xfree(n);
	return member;
}

static void drop(const struct pmap_type *type, struct pmap_node **slot)
{
	struct pmap_node *n = own(type, slot);

	member_unref(type, n->member);
	if (n->left && n->right) {
		n->member = take_least(type, &n->right);
		balance(type, slot);
		return;
	}
	*slot = n->left ? n->left : n->right;
	xfree(n);
}

static void erase(const struct pmap_type *type, struct pmap_node **slot, const void *probe)
{
	struct pmap_node *n = own(type, slot);
	int c = type->compare(probe, n->member);

	if (c == 0) {
		drop(type, slot);
		return;
	}
	erase(type, c < 0 ? &n->left : &n->right, probe);
	balance(type, slot);
}

bool pmap_remove(struct pmap *m, const void *probe)
{
	if (!pmap_find(m, probe))
		return false;
	erase(m->type, &m->root, probe);
	m->n--;
	return true;
}

void **pmap_slot(struct pmap *m, const void *probe)
{
	struct pmap_node **slot = &m->root;

	while (*slot) {
		struct pmap_node *n = own(m->type, slot);
		int c = m->type->compare(probe, n->member);

		if (c == 0)
			return &n->member;
		slot = c < 0 ? &n->left : &n->right;
	}
	return NULL;
}

/* ---- iteration ---- */

static void push_left(struct pmap_iter *it, const struct pmap_node *n)
{
	for (; n; n = n->left) {
		check(it->n < PMAP_DEPTH_MAX);
		it->stack[it->n++] = n;
	}
}

void pmap_iter(const struct pmap *m, struct pmap_iter *it)
{
	it->n = 0;
	push_left(it, m->root);
}

void pmap_iter_from(const struct pmap *m, struct pmap_iter *it, const void *probe)
{
	const struct pmap_node *n = m->root;

	it->n = 0;
	while (n) {
		if (m->type->compare(probe, n->member) > 0) {
			n = n->right;
			continue;
		}
		it->stack[it->n++] = n;
		n = n->left;
	}
}

void *pmap_next(struct pmap_iter *it)
{
	const struct pmap_node *n;

	if (it->n == 0)
		return NULL;
	n = it->stack[--it->n];
	push_left(it, n->right);
	return n->member;
}

/* ---- difference ---- */

/* What is left to visit of one tree, the nearest on top: whole subtrees not opened yet, and single members. */
struct front {
	struct {
		const struct pmap_node *node;
		bool whole;
	} v[2 * PMAP_DEPTH_MAX];
	int n;
};

static void front_push(struct front *f, const struct pmap_node *node, bool whole)
{
	if (!node)
		return;
	check(f->n < 2 * PMAP_DEPTH_MAX);
	f->v[f->n].node = node;
	f->v[f->n].whole = whole;
	f->n++;
}

/* Replaces the subtree on top by its left part, its member and its right part. */
static void front_open(struct front *f)
{
	const struct pmap_node *n = f->v[--f->n].node;

	front_push(f, n->right, true);
	front_push(f, n, false);
	front_push(f, n->left, true);
}

static bool front_whole(const struct front *f)
{
	return f->n > 0 && f->v[f->n - 1].whole;
}

static const struct pmap_node *front_top(const struct front *f)
{
	return f->n > 0 ? f->v[f->n - 1].node : NULL;
}

/* Both tops are single members, or there is nothing. */
static void diff_members(const struct pmap_type *type, struct front *old, struct front *now,
			 void (*each)(void *arg, void *old, void *now), void *arg)
{
	void *a = old->n ? front_top(old)->member : NULL;
	void *b = now->n ? front_top(now)->member : NULL;
	int c = !a ? 1 : !b ? -1 : type->compare(a, b);

	if (c <= 0)
		old->n--;
	if (c >= 0)
		now->n--;
	if (a != b)
		each(arg, c <= 0 ? a : NULL, c >= 0 ? b : NULL);
}

void pmap_diff(const struct pmap *old, const struct pmap *now, void (*each)(void *arg, void *old, void *now), void *arg)
{
	struct front a = {.n = 0};
	struct front b = {.n = 0};

	front_push(&a, old->root, true);
	front_push(&b, now->root, true);
	while (a.n || b.n) {
		if (front_whole(&a) && front_whole(&b) && front_top(&a) == front_top(&b)) {
			a.n--;
			b.n--;
		} else if (front_whole(&a) && (!front_whole(&b) || front_top(&a)->height >= front_top(&b)->height)) {
			bool same = front_whole(&b) && front_top(&a)->height == front_top(&b)->height;

			front_open(&a);
			if (same)
				front_open(&b);
		} else if (front_whole(&b)) {
			front_open(&b);
		} else {
			diff_members(old->type, &a, &b, each, arg);
		}
	}
}
