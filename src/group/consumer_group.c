/* consumer_group: the state of a consumer group, and the counters kept about it. */
#include "group/consumer_group.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "protocol/group_records.h"
#include "wire/codec.h"

static uint64_t str_hash(const struct map *m, struct str s)
{
	return hash_bytes(m->seed, s.p, (size_t)s.len);
}

/* ---- look-ups ---- */

static bool id_eq(const struct map_node *n, const void *key)
{
	return str_eq(*(const struct str *)key, container_of(n, struct consumer_member, node)->v.id);
}

static bool instance_eq(const struct map_node *n, const void *key)
{
	return str_eq(*(const struct str *)key, container_of(n, struct consumer_member, static_node)->v.instance_id);
}

struct consumer_member *consumer_entry(const struct consumer_group *g, struct str id)
{
	struct map_node *n = map_find(&g->by_id, str_hash(&g->by_id, id), id_eq, &id);

	return n ? container_of(n, struct consumer_member, node) : NULL;
}

struct consumer_member *consumer_member(const struct consumer_group *g, struct str id)
{
	struct consumer_member *m = consumer_entry(g, id);

	return m && m->is_member ? m : NULL;
}

struct consumer_member *consumer_static_member(const struct consumer_group *g, struct str instance_id)
{
	struct map_node *n;

	if (str_is_null(instance_id))
		return NULL;
	n = map_find(&g->by_instance, str_hash(&g->by_instance, instance_id), instance_eq, &instance_id);
	return n ? container_of(n, struct consumer_member, static_node) : NULL;
}

struct consumer_member *consumer_next(const struct consumer_group *g, const struct consumer_member *m)
{
	const struct list *l = m ? m->link.next : g->list.next;

	for (; l != &g->list; l = l->next) {
		struct consumer_member *next = container_of(l, struct consumer_member, link);

		if (next->is_member)
			return next;
	}
	return NULL;
}

struct owner_key {
	struct uuid topic;
	int32_t partition;
};

static uint64_t owner_hash(const struct map *m, struct uuid topic, int32_t partition)
{
	return hash_u64(hash_bytes(m->seed, topic.b, sizeof(topic.b)), (uint32_t)partition);
}

static bool owner_eq(const struct map_node *n, const void *key)
{
	const struct consumer_owner *o = container_of(n, struct consumer_owner, node);
	const struct owner_key *k = key;

	return o->partition == k->partition && uuid_eq(o->topic, k->topic);
}

static struct consumer_owner *owner_find(const struct consumer_group *g, struct uuid topic, int32_t partition)
{
	const struct owner_key key = {topic, partition};
	struct map_node *n = map_find(&g->owners, owner_hash(&g->owners, topic, partition), owner_eq, &key);

	return n ? container_of(n, struct consumer_owner, node) : NULL;
}

int32_t consumer_owner_epoch(const struct consumer_group *g, struct uuid topic, int32_t partition)
{
	const struct consumer_owner *o = owner_find(g, topic, partition);

	return o ? o->epoch : -1;
}

static bool topic_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct consumer_topic, node)->name);
}

struct consumer_topic *consumer_topic(const struct consumer_group *g, struct str name)
{
	struct map_node *n = map_find(&g->topics, str_hash(&g->topics, name), topic_eq, &name);

	return n ? container_of(n, struct consumer_topic, node) : NULL;
}

static bool regex_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct consumer_regex, node)->pattern);
}

struct consumer_regex *consumer_regex(const struct consumer_group *g, struct str pattern)
{
	struct map_node *n = map_find(&g->regexes, str_hash(&g->regexes, pattern), regex_eq, &pattern);

	return n ? container_of(n, struct consumer_regex, node) : NULL;
}

int32_t consumer_regex_members(const struct consumer_group *g, struct str pattern)
{
	const struct consumer_regex *r = consumer_regex(g, pattern);

	return r ? r->n_members : 0;
}

/* ---- counts ---- */

static void count_topic(struct consumer_group *g, struct str name, int32_t by_name, int32_t by_regex)
{
	struct consumer_topic *t = consumer_topic(g, name);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->name = str_dup(name);
		map_insert(&g->topics, &t->node, str_hash(&g->topics, name));
	}
	t->by_name += by_name;
	t->by_regex += by_regex;
	if (t->by_name == 0 && t->by_regex == 0) {
		map_remove(&g->topics, &t->node);
		xfree(t->name);
		xfree(t);
	}
}

static void regex_drop_unused(struct consumer_group *g, struct consumer_regex *r)
{
	if (r->n_members > 0 || r->is_resolved)
		return;
	map_remove(&g->regexes, &r->node);
	xfree(r->pattern);
	xfree(r);
}

static struct consumer_regex *regex_need(struct consumer_group *g, struct str pattern)
{
	struct consumer_regex *r = consumer_regex(g, pattern);

	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->pattern = str_dup(pattern);
		map_insert(&g->regexes, &r->node, str_hash(&g->regexes, pattern));
	}
	return r;
}

static void count_regex(struct consumer_group *g, struct str pattern, int32_t by)
{
	struct consumer_regex *r = regex_need(g, pattern);
	bool was = r->n_members > 0;

	r->n_members += by;
	g->n_subscribed_regexes += (r->n_members > 0) - was;
	regex_drop_unused(g, r);
}

static void count_assignor(struct consumer_group *g, struct str name, int32_t by)
{
	int32_t i = 0;

	while (i < g->n_assignors && !str_eq(g->assignors[i].name, name))
		i++;
	if (i == g->n_assignors) {
		g->assignors = xreallocarray(g->assignors, (size_t)i + 1, sizeof(*g->assignors));
		g->assignors[g->n_assignors++] =
			(struct consumer_assignor_count){{xstrndup(name.p, (size_t)name.len), name.len}, 0};
	}
	g->assignors[i].n += by;
	if (g->assignors[i].n > 0)
		return;
	xfree((char *)g->assignors[i].name.p);
	memmove(g->assignors + i, g->assignors + i + 1, (size_t)(g->n_assignors - i - 1) * sizeof(*g->assignors));
	g->n_assignors--;
}

/* Counts a member's subscription; with -1 before it changes, with +1 after. */
static void count_subscription(struct consumer_member *m, int32_t by)
{
	struct consumer_group *g = m->group;

	for (int32_t i = 0; i < m->v.n_names; i++)
		count_topic(g, m->v.names[i], by, 0);
	if (consumer_has_regex(&m->v))
		count_regex(g, m->v.regex, by);
	if (!str_is_null(m->v.assignor))
		count_assignor(g, m->v.assignor, by);
	if (m->v.classic)
		g->n_classic += by;
}

static void own(struct consumer_group *g, const struct assign_set *s, int32_t epoch)
{
	for (int32_t i = 0; i < s->n; i++) {
		for (int32_t j = 0; j < s->v[i].n; j++) {
			struct consumer_owner *o = owner_find(g, s->v[i].id, s->v[i].partitions[j]);

			if (!o) {
				o = xcalloc(1, sizeof(*o));
				o->topic = s->v[i].id;
				o->partition = s->v[i].partitions[j];
				o->epoch = epoch;
				map_insert(&g->owners, &o->node, owner_hash(&g->owners, o->topic, o->partition));
			} else if (o->epoch < epoch) {
				o->epoch = epoch;
			}
		}
	}
}

/* Removes only entries still owned at this epoch: what another member has got since then is its own. */
static void disown(struct consumer_group *g, const struct assign_set *s, int32_t epoch)
{
	for (int32_t i = 0; i < s->n; i++) {
		for (int32_t j = 0; j < s->v[i].n; j++) {
			struct consumer_owner *o = owner_find(g, s->v[i].id, s->v[i].partitions[j]);

			if (!o || o->epoch != epoch)
				continue;
			map_remove(&g->owners, &o->node);
			xfree(o);
		}
	}
}

/* ---- members ---- */

struct consumer_view consumer_view_new(struct str id)
{
	return (struct consumer_view){.id = id,
				      .client_id = STR(""),
				      .client_host = STR(""),
				      .regex = STR(""),
				      .rebalance_timeout_ms = -1,
				      .previous_epoch = -1};
}

struct consumer_member *consumer_entry_need(struct group_shard *s, struct consumer_group *g, struct str id)
{
	struct consumer_member *m = consumer_entry(g, id);

	(void)s;
	if (m)
		return m;
	m = xcalloc(1, sizeof(*m));
	m->group = g;
	m->v = consumer_view_new((struct str){xstrndup(id.p, (size_t)id.len), id.len});
	list_push(&g->list, &m->link);
	map_insert(&g->by_id, &m->node, str_hash(&g->by_id, id));
	return m;
}

static void become_member(struct consumer_member *m)
{
	m->group->n_members += !m->is_member;
	m->is_member = true;
}

static void entry_free(struct consumer_member *m)
{
	list_remove(&m->link);
	map_remove(&m->group->by_id, &m->node);
	xfree((char *)m->v.id.p);
	xfree(m->subscription_block);
	xfree(m->current_block);
	xfree(m->target_block);
	xfree(m);
}

/* A member's strings, packed one after another. */
struct packer {
	uint8_t *p;
	size_t len;
};

static void *pack(struct packer *k, const void *from, size_t len)
{
	void *to = k->p ? k->p + k->len : NULL;

	if (to && len > 0)
		memcpy(to, from, len);
	k->len += (len + 15) & ~(size_t)15;
	return to;
}

static struct str pack_str(struct packer *k, struct str s)
{
	if (str_is_null(s))
		return STR_NULL;
	return (struct str){pack(k, s.p, (size_t)s.len), s.len};
}

typedef struct consumer_group_member_metadata_value_classic_member_metadata classic_metadata;
typedef struct consumer_group_member_metadata_value_classic_protocol classic_protocol;

static const classic_metadata *pack_classic(struct packer *k, const classic_metadata *from)
{
	classic_metadata *to;
	classic_protocol *v;

	if (!from)
		return NULL;
	to = pack(k, from, sizeof(*from));
	v = pack(k, from->supported_protocols.v, (size_t)from->supported_protocols.n * sizeof(*v));
	for (int32_t i = 0; i < from->supported_protocols.n; i++) {
		const classic_protocol *p = &from->supported_protocols.v[i];
		struct str name = pack_str(k, p->name);
		void *metadata = pack(k, p->metadata.p, (size_t)p->metadata.len);

		if (v)
			v[i] = (classic_protocol){name, {metadata, p->metadata.len}};
	}
	if (to)
		to->supported_protocols.v = v;
	return to;
}

/* Copies the subscription of `from` into `to`, whose id and current state are kept. */
static void pack_subscription(struct packer *k, const struct consumer_view *from, struct consumer_view *to)
{
	to->instance_id = pack_str(k, from->instance_id);
	to->rack_id = pack_str(k, from->rack_id);
	to->client_id = pack_str(k, from->client_id);
	to->client_host = pack_str(k, from->client_host);
	to->regex = pack_str(k, from->regex);
	to->assignor = pack_str(k, from->assignor);
	to->rebalance_timeout_ms = from->rebalance_timeout_ms;
	to->n_names = from->n_names;
	to->names = pack(k, from->names, (size_t)from->n_names * sizeof(*from->names));
	for (int32_t i = 0; i < from->n_names; i++) {
		struct str name = pack_str(k, from->names[i]);

		if (to->names)
			to->names[i] = name;
	}
	to->classic = pack_classic(k, from->classic);
}

static void leave_instance(struct consumer_member *m)
{
	if (m->is_static)
		map_remove(&m->group->by_instance, &m->static_node);
	m->is_static = false;
}

static void take_instance(struct consumer_member *m)
{
	struct consumer_member *other = consumer_static_member(m->group, m->v.instance_id);

	if (str_is_null(m->v.instance_id))
		return;
	if (other)
		leave_instance(other);
	map_insert(&m->group->by_instance, &m->static_node, str_hash(&m->group->by_instance, m->v.instance_id));
	m->is_static = true;
}

void consumer_set_subscription(struct consumer_member *m, const struct consumer_view *v)
{
	struct consumer_view next = m->v;
	struct packer size = {0}, k = {0};

	pack_subscription(&size, v, &next);
	k.p = xmalloc(size.len + 1);
	pack_subscription(&k, v, &next);
	if (m->is_member)
		count_subscription(m, -1);
	leave_instance(m);
	xfree(m->subscription_block);
	m->subscription_block = k.p;
	m->v = next;
	become_member(m);
	count_subscription(m, 1);
	take_instance(m);
}

static void pack_set(struct packer *k, const struct assign_set *from, struct assign_set *to)
{
	*to = (struct assign_set){from->n, pack(k, from->v, (size_t)from->n * sizeof(*from->v))};
	for (int32_t i = 0; i < from->n; i++) {
		const struct assign_topic *t = &from->v[i];
		size_t len = (size_t)t->n * sizeof(*t->partitions);
		int32_t *partitions = pack(k, t->partitions, len);
		int32_t *epochs = t->epochs ? pack(k, t->epochs, len) : NULL;

		if (to->v)
			to->v[i] = (struct assign_topic){t->id, t->n, partitions, epochs};
	}
}

void consumer_set_current(struct consumer_member *m, const struct consumer_view *v)
{
	struct assign_set assigned, revoking;
	struct packer size = {0}, k = {0};

	pack_set(&size, &v->assigned, &assigned);
	pack_set(&size, &v->revoking, &revoking);
	k.p = xmalloc(size.len + 1);
	pack_set(&k, &v->assigned, &assigned);
	pack_set(&k, &v->revoking, &revoking);
	disown(m->group, &m->v.assigned, m->v.epoch);
	disown(m->group, &m->v.revoking, m->v.epoch);
	m->v.epoch = v->epoch;
	m->v.previous_epoch = v->previous_epoch;
	m->v.state = v->state;
	m->v.assigned = assigned;
	m->v.revoking = revoking;
	xfree(m->current_block);
	m->current_block = k.p;
	become_member(m);
	own(m->group, &m->v.assigned, m->v.epoch);
	own(m->group, &m->v.revoking, m->v.epoch);
}

void consumer_set_target(struct consumer_member *m, const struct assign_set *target)
{
	struct packer size = {0}, k = {0};

	if (target) {
		pack_set(&size, target, &m->target);
		k.p = xmalloc(size.len + 1);
		pack_set(&k, target, &m->target);
	} else {
		m->target = (struct assign_set){0};
	}
	xfree(m->target_block);
	m->target_block = k.p;
	m->group->n_targets += (target != NULL) - m->has_target;
	m->has_target = target != NULL;
	if (!m->has_target && !m->is_member)
		entry_free(m);
}

static void stop_timers(struct group_shard *s, struct consumer_member *m)
{
	group_timer_stop(s, &m->session);
	group_timer_stop(s, &m->rebalance);
	group_timer_stop(s, &m->join);
	group_timer_stop(s, &m->sync);
}

void consumer_remove(struct group_shard *s, struct consumer_member *m)
{
	stop_timers(s, m);
	if (m->is_member) {
		count_subscription(m, -1);
		disown(m->group, &m->v.assigned, m->v.epoch);
		disown(m->group, &m->v.revoking, m->v.epoch);
		m->group->n_members--;
	}
	leave_instance(m);
	m->is_member = false;
	xfree(m->subscription_block);
	xfree(m->current_block);
	m->subscription_block = m->current_block = NULL;
	m->v = consumer_view_new(m->v.id);
	if (!m->has_target)
		entry_free(m);
}

/* ---- patterns ---- */

static void regex_forget(struct consumer_group *g, struct consumer_regex *r)
{
	for (int32_t i = 0; i < r->n_topics; i++) {
		count_topic(g, str_of(r->topics[i]), 0, -1);
		xfree(r->topics[i]);
	}
	xfree(r->topics);
	r->topics = NULL;
	r->n_topics = 0;
	g->n_resolved_regexes -= r->is_resolved;
	r->is_resolved = false;
}

void consumer_set_regex(struct consumer_group *g, struct str pattern, const struct str *topics, int32_t n,
			int64_t version, int64_t timestamp_ms)
{
	struct consumer_regex *r = regex_need(g, pattern);

	regex_forget(g, r);
	r->is_resolved = true;
	g->n_resolved_regexes++;
	r->version = version;
	r->timestamp_ms = timestamp_ms;
	r->topics = xreallocarray(NULL, (size_t)n + 1, sizeof(char *));
	for (int32_t i = 0; i < n; i++) {
		r->topics[r->n_topics++] = str_dup(topics[i]);
		count_topic(g, topics[i], 0, 1);
	}
}

void consumer_unset_regex(struct consumer_group *g, struct str pattern)
{
	struct consumer_regex *r = consumer_regex(g, pattern);

	if (!r)
		return;
	regex_forget(g, r);
	regex_drop_unused(g, r);
}

/* ---- the group ---- */

struct consumer_group *consumer_group_new(struct group_shard *s, struct str id)
{
	struct consumer_group *g = xcalloc(1, sizeof(*g));

	(void)id;
	g->seed = s->options.seed;
	g->epoch = 1;
	list_init(&g->list);
	map_init(&g->by_id, g->seed + 3);
	map_init(&g->by_instance, g->seed + 4);
	map_init(&g->topics, g->seed + 5);
	map_init(&g->regexes, g->seed + 6);
	map_init(&g->owners, g->seed + 7);
	return g;
}

void consumer_group_free(struct group_shard *s, struct group *group)
{
	struct consumer_group *g = consumer_of(group);

	list_each_safe(l, &g->list)
	{
		struct consumer_member *m = container_of(l, struct consumer_member, link);

		m->has_target = false;
		consumer_remove(s, m);
	}
	map_each(n, &g->regexes)
	{
		struct consumer_regex *r = container_of(n, struct consumer_regex, node);

		regex_forget(g, r);
		regex_drop_unused(g, r);
	}
	check(g->topics.n == 0 && g->owners.n == 0 && g->regexes.n == 0 && g->n_assignors == 0);
	map_fini(&g->by_id);
	map_fini(&g->by_instance);
	map_fini(&g->topics);
	map_fini(&g->regexes);
	map_fini(&g->owners);
	xfree(g->assignors);
	xfree(g);
}

const char *consumer_group_state(const struct group *group)
{
	const struct consumer_group *g = container_of(group, const struct consumer_group, g);

	if (g->n_members == 0)
		return "Empty";
	if (g->epoch > g->assignment_epoch)
		return "Assigning";
	consumer_each(m, g)
	{
		if (!consumer_is_reconciled(&m->v, g->assignment_epoch))
			return "Reconciling";
	}
	return "Stable";
}

bool consumer_is_reconciled(const struct consumer_view *v, int32_t assignment_epoch)
{
	return v->state == CONSUMER_STABLE && v->epoch == assignment_epoch;
}

/* ---- values ---- */

static int str_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str *names_sorted(struct arena *a, const struct str *v, int32_t n, int32_t *n_out)
{
	struct str *sorted = arena_array(a, (size_t)n + 1, sizeof(*sorted));
	int32_t kept = 0;

	if (!sorted)
		return NULL;
	if (n > 0)
		memcpy(sorted, v, (size_t)n * sizeof(*v));
	qsort(sorted, (size_t)n, sizeof(*sorted), str_order);
	for (int32_t i = 0; i < n; i++) {
		if (kept == 0 || !str_eq(sorted[kept - 1], sorted[i]))
			sorted[kept++] = sorted[i];
	}
	*n_out = kept;
	return sorted;
}

/* Keeps the first of equal names. The hash table is sized for the original list, as Kafka's is. */
struct str *consumer_names(struct arena *a, const struct str *v, int32_t n, int32_t *n_out)
{
	int32_t n_sorted = 0, kept = 0;
	struct str *sorted = names_sorted(a, v, n, &n_sorted);
	struct str *out = arena_array(a, (size_t)n + 1, sizeof(*out));
	bool *seen = arena_array(a, (size_t)n + 1, sizeof(*seen));

	if (!sorted || !out || !seen)
		return NULL;
	for (int32_t i = 0; i < n; i++) {
		const struct str *at = bsearch(&v[i], sorted, (size_t)n_sorted, sizeof(*sorted), str_order);

		if (!seen[at - sorted])
			out[kept++] = v[i];
		seen[at - sorted] = true;
	}
	order_strings(out, kept, order_table(order_table_of_copy((size_t)n), (size_t)kept));
	*n_out = kept;
	return out;
}

/* Sets built in the same way are in the same order; others are compared member by member. */
bool consumer_names_equal(const struct consumer_view *a, const struct consumer_view *b)
{
	struct arena scratch;
	struct str *x, *y;
	int32_t n_x = 0, n_y = 0;
	bool equal = a->n_names == b->n_names;

	for (int32_t i = 0; equal && i < a->n_names; i++)
		equal = str_eq(a->names[i], b->names[i]);
	if (equal || a->n_names != b->n_names)
		return equal;
	arena_init(&scratch, SIZE_MAX);
	x = names_sorted(&scratch, a->names, a->n_names, &n_x);
	y = names_sorted(&scratch, b->names, b->n_names, &n_y);
	equal = n_x == n_y;
	for (int32_t i = 0; equal && i < n_x; i++)
		equal = str_eq(x[i], y[i]);
	arena_fini(&scratch);
	return equal;
}

static bool classic_equal(const classic_metadata *a, const classic_metadata *b)
{
	if (!a || !b)
		return a == b;
	if (a->session_timeout_ms != b->session_timeout_ms || a->supported_protocols.n != b->supported_protocols.n)
		return false;
	for (int32_t i = 0; i < a->supported_protocols.n; i++) {
		const classic_protocol *x = &a->supported_protocols.v[i], *y = &b->supported_protocols.v[i];

		if (!str_eq(x->name, y->name) || !bytes_eq(x->metadata, y->metadata))
			return false;
	}
	return true;
}

bool consumer_subscription_equal(const struct consumer_view *a, const struct consumer_view *b)
{
	return str_eq(a->id, b->id) && str_eq(a->instance_id, b->instance_id) && str_eq(a->rack_id, b->rack_id) &&
	       str_eq(a->client_id, b->client_id) && str_eq(a->client_host, b->client_host) &&
	       str_eq(a->regex, b->regex) && str_eq(a->assignor, b->assignor) &&
	       a->rebalance_timeout_ms == b->rebalance_timeout_ms && consumer_names_equal(a, b) &&
	       classic_equal(a->classic, b->classic);
}

bool consumer_current_equal(const struct consumer_view *a, const struct consumer_view *b)
{
	return a->epoch == b->epoch && a->previous_epoch == b->previous_epoch && a->state == b->state &&
	       assign_set_equal(&a->assigned, &b->assigned) && assign_set_equal(&a->revoking, &b->revoking);
}
