/*
 * acls: three persistent maps: by id; by type, principal, name and the rest of an ACL; and one
 * member for each resource pattern that has ACLs, with their number.
 *
 * Names are in descending order, as in Kafka's StandardAcl: starting at the name that is looked up,
 * the patterns that are its prefixes follow, longer ones before shorter ones, with unrelated names
 * in between. At an unrelated name, the next pattern that can apply is the common prefix of the
 * two.
 */
#include "metadata/acls.h"

#include <string.h>

#include "base/mem.h"
#include "metadata/image_private.h"

/* ---- order ---- */

static int compare_bytes(int8_t a, int8_t b)
{
	return (a > b) - (a < b);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(&((const struct image_acl *)a)->id, &((const struct image_acl *)b)->id, sizeof(struct uuid));
}

/* Descending; null, which only a probe has, comes first. */
static int compare_names(struct str x, struct str y)
{
	return x.p && y.p ? str_cmp(y, x) : str_cmp(x, y);
}

static int compare_entries(const struct image_acl *x, const struct image_acl *y)
{
	int order = compare_bytes(x->operation, y->operation);

	if (order == 0)
		order = str_cmp(x->host, y->host);
	return order ? order : compare_bytes(x->permission_type, y->permission_type);
}

static int compare_acls(const void *a, const void *b)
{
	const struct image_acl *x = a;
	const struct image_acl *y = b;
	int order = compare_bytes(x->resource_type, y->resource_type);

	if (order == 0)
		order = str_cmp(x->principal, y->principal);
	if (order == 0)
		order = compare_names(x->resource_name, y->resource_name);
	if (order == 0)
		order = compare_bytes(x->pattern_type, y->pattern_type);
	if (order == 0)
		order = compare_entries(x, y);
	return order ? order : compare_ids(x, y);
}

static int compare_patterns(const void *a, const void *b)
{
	const struct image_pattern *x = a;
	const struct image_pattern *y = b;
	int order = compare_bytes(x->resource_type, y->resource_type);

	if (order == 0)
		order = compare_names(x->resource_name, y->resource_name);
	return order ? order : compare_bytes(x->pattern_type, y->pattern_type);
}

const struct pmap_type IMAGE_ACLS_BY_ID = {compare_ids, xfree};
const struct pmap_type IMAGE_ACLS_BY_PRINCIPAL = {compare_acls, xfree};
const struct pmap_type IMAGE_ACL_PATTERNS = {compare_patterns, xfree};

/* ---- change ---- */

static struct str put(char **at, struct str s)
{
	struct str copy = {*at, s.len};

	if (s.len > 0)
		memcpy(*at, s.p, (size_t)s.len);
	*at += s.len;
	return copy;
}

static struct image_acl *acl_new(const struct image_acl *from)
{
	struct image_acl *a = xmalloc(sizeof(*a) + (size_t)from->resource_name.len + (size_t)from->principal.len +
				      (size_t)from->host.len);
	char *at = (char *)(a + 1);

	*a = *from;
	a->refs = 1;
	a->resource_name = put(&at, from->resource_name);
	a->principal = put(&at, from->principal);
	a->host = put(&at, from->host);
	return a;
}

static struct image_pattern *pattern_new(const struct image_pattern *from, int32_t n)
{
	struct image_pattern *p = xmalloc(sizeof(*p) + (size_t)from->resource_name.len);
	char *at = (char *)(p + 1);

	*p = *from;
	p->refs = 1;
	p->n = n;
	p->resource_name = put(&at, from->resource_name);
	return p;
}

static void count_pattern(struct image *i, const struct image_acl *a, int32_t change)
{
	struct image_pattern probe = {
		.resource_type = a->resource_type, .pattern_type = a->pattern_type, .resource_name = a->resource_name};
	const struct image_pattern *old = pmap_find(&i->acl_patterns, &probe);
	int32_t n = (old ? old->n : 0) + change;

	if (n == 0)
		pmap_remove(&i->acl_patterns, &probe);
	else
		pmap_put(&i->acl_patterns, pattern_new(&probe, n));
}

void image_put_acl(struct image *i, const struct image_acl *acl)
{
	struct image_acl *a = acl_new(acl);

	image_remove_acl(i, acl->id);
	count_pattern(i, a, 1);
	pmap_put(&i->acls_by_principal, member_ref(a));
	pmap_put(&i->acls, a);
}

bool image_remove_acl(struct image *i, struct uuid id)
{
	struct image_acl probe = {.id = id};
	struct image_acl *a = pmap_find(&i->acls, &probe);

	if (!a)
		return false;
	count_pattern(i, a, -1);
	pmap_remove(&i->acls_by_principal, a);
	pmap_remove(&i->acls, &probe);
	return true;
}

/* ---- look-ups ---- */

int image_acl_count(const struct image *i)
{
	return (int)i->acls.n;
}

const struct image_acl *image_acl(const struct image *i, struct uuid id)
{
	struct image_acl probe = {.id = id};

	return pmap_find(&i->acls, &probe);
}

static void iter_from(const struct image *i, struct image_iter *it, const struct image_acl *probe)
{
	pmap_iter_from(&i->acls_by_principal, (struct pmap_iter *)it, probe);
}

const struct image_acl *image_acl_like(const struct image *i, const struct image_acl *like)
{
	struct image_acl probe = *like;
	const struct image_acl *found;
	struct image_iter it;

	memset(&probe.id, 0, sizeof(probe.id));
	iter_from(i, &it, &probe);
	found = image_acls_next(&it);
	if (!found)
		return NULL;
	probe.id = found->id;
	return compare_acls(&probe, found) == 0 ? found : NULL;
}

void image_acls(const struct image *i, struct image_iter *it)
{
	pmap_iter(&i->acls, (struct pmap_iter *)it);
}

void image_acls_of(const struct image *i, struct image_iter *it, int8_t resource_type, struct str principal)
{
	struct image_acl probe = {.resource_type = resource_type, .principal = principal};

	iter_from(i, it, &probe);
}

const struct image_acl *image_acls_next(struct image_iter *it)
{
	return pmap_next((struct pmap_iter *)it);
}

/* ---- what applies to a name ---- */

#define WILDCARD STR("*")

static int32_t common(struct str a, struct str b)
{
	int32_t n = 0;

	while (n < a.len && n < b.len && a.p[n] == b.p[n])
		n++;
	return n;
}

struct place {
	struct str name;
	int8_t pattern_type;
};

/* Does a pattern that was met on the way apply? If not, *next is the earliest place of the next that can. */
static bool applies(struct str name, const struct place *met, struct place *next)
{
	int32_t n = common(name, met->name);

	if (n == met->name.len && (met->pattern_type != IMAGE_ACL_LITERAL || n == name.len))
		return true;
	if (n == met->name.len)
		*next = (struct place){met->name, IMAGE_ACL_LITERAL + 1};
	else
		*next = (struct place){{name.p, n}, 0};
	return false;
}

#define STEPS 8 /* near places are reached step by step, distant ones from the root */

static void walk_to(struct image_acl_walk *w, struct place place)
{
	w->next_name = place.name;
	w->next_pattern_type = place.pattern_type;
	w->skipped = 0;
}

static void walk_from_root(struct image_acl_walk *w)
{
	w->probe.resource_name = w->next_name;
	w->probe.pattern_type = w->next_pattern_type;
	w->skipped = 0;
	iter_from(w->image, &w->it, &w->probe);
}

void image_acls_for(const struct image *i, struct image_acl_walk *w, int8_t resource_type, struct str principal,
		    struct str name)
{
	w->image = i;
	w->probe = (struct image_acl){.resource_type = resource_type, .principal = principal};
	w->name = (struct str){name.p ? name.p : "", name.len};
	w->at_wildcard = false;
	walk_to(w, (struct place){w->name, 0});
	walk_from_root(w);
}

static bool is_of(const struct image_acl_walk *w, const struct image_acl *a)
{
	return a && a->resource_type == w->probe.resource_type && str_eq(a->principal, w->probe.principal);
}

static bool is_before_next(const struct image_acl_walk *w, const struct image_acl *a)
{
	int order = compare_names(a->resource_name, w->next_name);

	return order < 0 || (order == 0 && a->pattern_type < w->next_pattern_type);
}

/*
 * For a name that sorts after "*", the wildcard lies ahead in the walk, and meeting it would have
 * sent the walk on to the empty name: with a non-empty next_name there is none.
 */
static bool has_seen_wildcard(const struct image_acl_walk *w)
{
	return w->next_name.len > 0 && w->name.p[0] > WILDCARD.p[0];
}

static bool goes_to_wildcard(struct image_acl_walk *w)
{
	if (w->at_wildcard || has_seen_wildcard(w))
		return false;
	w->at_wildcard = true;
	walk_to(w, (struct place){WILDCARD, IMAGE_ACL_LITERAL});
	walk_from_root(w);
	return true;
}

static bool is_wildcard(const struct image_acl *a)
{
	return a->pattern_type == IMAGE_ACL_LITERAL && str_eq(a->resource_name, WILDCARD);
}

const struct image_acl *image_acls_for_next(struct image_acl_walk *w)
{
	for (;;) {
		const struct image_acl *a = image_acls_next(&w->it);
		struct place met, next;

		if (!is_of(w, a)) {
			if (!goes_to_wildcard(w))
				return NULL;
			continue;
		}
		if (w->at_wildcard)
			return is_wildcard(a) ? a : NULL;
		met = (struct place){a->resource_name, a->pattern_type};
		if (is_before_next(w, a))
			w->skipped++;
		else if (applies(w->name, &met, &next))
			return a;
		else
			walk_to(w, next);
		if (w->skipped == STEPS)
			walk_from_root(w);
	}
}

bool image_has_acls_for(const struct image *i, int8_t resource_type, struct str name)
{
	struct image_pattern probe = {
		.resource_type = resource_type, .pattern_type = IMAGE_ACL_LITERAL, .resource_name = WILDCARD};
	const struct image_pattern *p = pmap_find(&i->acl_patterns, &probe);
	struct place next = {{name.p ? name.p : "", name.len}, 0};

	while (!p) {
		struct pmap_iter it;
		struct place met;

		probe.resource_name = next.name;
		probe.pattern_type = next.pattern_type;
		pmap_iter_from(&i->acl_patterns, &it, &probe);
		p = pmap_next(&it);
		if (!p || p->resource_type != resource_type)
			return false;
		met = (struct place){p->resource_name, p->pattern_type};
		if (!applies(name, &met, &next))
			p = NULL;
	}
	return true;
}
