/* classic: the group, its members, and what the other files of this room ask about it. */
#include "group/classic.h"

#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/setting.h"
#include "protocol/consumer_protocol.h"
#include "wire/codec.h"
#include "wire/reader.h"

#define CONSUMER_PROTOCOL "consumer"
#define SUBSCRIPTION_MEMORY_MAX (16 << 20)

/* ---- small things ---- */

static void set_text(char **at, struct str s)
{
	char *old = *at;

	*at = str_dup(s);
	xfree(old);
}

static struct bytes bytes_dup(struct bytes b)
{
	uint8_t *p = xmalloc((size_t)b.len + 1);

	if (b.len > 0)
		memcpy(p, b.p, (size_t)b.len);
	return (struct bytes){p, b.len};
}

static uint64_t text_hash(const struct map *m, struct str s)
{
	return hash_bytes(m->seed, s.p, (size_t)s.len);
}

struct classic_protocol classic_protocol_make(struct str name, struct bytes metadata)
{
	return (struct classic_protocol){.name = str_dup(name), .metadata = bytes_dup(metadata)};
}

void classic_protocols_free(struct classic_protocols *p)
{
	for (int i = 0; i < p->n; i++) {
		xfree(p->v[i].name);
		xfree((void *)p->v[i].metadata.p);
	}
	xfree(p->v);
	*p = (struct classic_protocols){0};
}

/* ---- life ---- */

struct classic_group *classic_new(struct group_shard *s, struct str id, int64_t wall_ms)
{
	struct classic_group *g = xcalloc(1, sizeof(*g));

	group_add(s, &g->g, &group_classic, id);
	g->state_ms = wall_ms;
	list_init(&g->members);
	list_init(&g->pending);
	map_init(&g->by_id, s->options.seed + 3);
	map_init(&g->by_instance, s->options.seed + 4);
	map_init(&g->pending_by_id, s->options.seed + 5);
	map_init(&g->support, s->options.seed + 7);
	str_index_init(&g->topic_index, s->options.seed + 8);
	return g;
}

static void forget_topics(struct classic_group *g)
{
	uint64_t seed = g->topic_index.map.seed;

	str_index_fini(&g->topic_index);
	str_index_init(&g->topic_index, seed);
	for (int i = 0; i < g->n_topics; i++)
		xfree(g->topics[i]);
	xfree(g->topics);
	g->topics = NULL;
	g->n_topics = 0;
	g->topics_known = false;
}

static void free_group(struct group_shard *s, struct group *group)
{
	struct classic_group *g = classic_of(group);

	while (!list_empty(&g->members))
		classic_remove(s, g, container_of(g->members.next, struct classic_member, link));
	while (!list_empty(&g->pending))
		classic_remove_pending(s, g, container_of(g->pending.next, struct classic_pending, link));
	group_timer_stop(s, &g->rebalance);
	group_timer_stop(s, &g->syncing);
	map_fini(&g->by_id);
	map_fini(&g->by_instance);
	map_fini(&g->pending_by_id);
	check(g->support.n == 0);
	map_fini(&g->support);
	forget_topics(g);
	str_index_fini(&g->topic_index);
	xfree(g->protocol_type);
	xfree(g->protocol);
	xfree(g->leader);
	xfree(g);
}

/* ---- protocols ---- */

static bool support_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct classic_support, node)->name);
}

static struct classic_support *support_of(const struct classic_group *g, struct str name)
{
	struct map_node *n = map_find(&g->support, text_hash(&g->support, name), support_eq, &name);

	return n ? container_of(n, struct classic_support, node) : NULL;
}

static void count_protocol(struct classic_group *g, struct str name, int by)
{
	struct classic_support *support = support_of(g, name);

	if (!support) {
		support = xcalloc(1, sizeof(*support));
		support->name = str_dup(name);
		map_insert(&g->support, &support->node, text_hash(&g->support, name));
	}
	support->n += by;
	if (support->n > 0)
		return;
	map_remove(&g->support, &support->node);
	xfree(support->name);
	xfree(support);
}

/* The caller ensures that each name occurs once. */
static void count_protocols(struct classic_group *g, const struct classic_protocols *p, int by)
{
	for (int i = 0; i < p->n; i++)
		count_protocol(g, str_of(p->v[i].name), by);
}

bool classic_supports(const struct classic_group *g, struct str name)
{
	const struct classic_support *support = support_of(g, name);

	return support && support->n == g->n_members;
}

void classic_set_protocols(struct classic_member *m, struct classic_protocols *protocols)
{
	count_protocols(m->group, &m->protocols, -1);
	classic_protocols_free(&m->protocols);
	m->protocols = *protocols;
	*protocols = (struct classic_protocols){0};
	count_protocols(m->group, &m->protocols, 1);
}

struct bytes classic_metadata(const struct classic_member *m, const char *protocol)
{
	for (int i = 0; protocol && i < m->protocols.n; i++)
		if (strcmp(m->protocols.v[i].name, protocol) == 0)
			return m->protocols.v[i].metadata;
	return BYTES_NULL;
}

/* The first of its protocols that all members offer. */
static struct classic_support *vote_of(const struct classic_group *g, const struct classic_member *m)
{
	for (int i = 0; i < m->protocols.n; i++) {
		struct classic_support *support = support_of(g, str_of(m->protocols.v[i].name));

		if (support->n == g->n_members)
			return support;
	}
	return NULL;
}

/* The bucket in a small Java hash map: among equal votes Kafka takes the first one there. */
static unsigned java_bucket(const char *name)
{
	uint32_t hash = (uint32_t)str_java_hash(str_of(name));

	return (hash ^ hash >> 16) & 15;
}

static bool is_better(const struct classic_support *a, const struct classic_support *b)
{
	unsigned x = java_bucket(a->name), y = java_bucket(b->name);

	if (a->votes != b->votes)
		return a->votes > b->votes;
	return x != y ? x < y : strcmp(a->name, b->name) < 0;
}

struct str classic_vote(const struct classic_group *g)
{
	const struct classic_support *best = NULL;

	map_each(n, &g->support) container_of(n, struct classic_support, node)->votes = 0;
	list_each(it, &g->members)
	{
		struct classic_support *vote = vote_of(g, container_of(it, struct classic_member, link));

		check(vote); /* a member without a common protocol cannot join */
		vote->votes++;
	}
	map_each(n, &g->support)
	{
		const struct classic_support *one = container_of(n, struct classic_support, node);

		if (one->votes > 0 && (!best || is_better(one, best)))
			best = one;
	}
	check(best);
	return str_of(best->name);
}

void classic_set_protocol(struct classic_group *g, struct str name)
{
	set_text(&g->protocol, name);
}

void classic_set_type(struct classic_group *g, struct str protocol_type)
{
	set_text(&g->protocol_type, protocol_type);
}

/* ---- members ---- */

static bool member_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct classic_member, node)->id);
}

static bool instance_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct classic_member, static_node)->instance_id);
}

struct classic_member *classic_member(const struct classic_group *g, struct str id)
{
	struct map_node *n = map_find(&g->by_id, text_hash(&g->by_id, id), member_eq, &id);

	return n ? container_of(n, struct classic_member, node) : NULL;
}

struct classic_member *classic_static_member(const struct classic_group *g, struct str id)
{
	struct map_node *n = map_find(&g->by_instance, text_hash(&g->by_instance, id), instance_eq, &id);

	return n ? container_of(n, struct classic_member, static_node) : NULL;
}

void classic_set_leader(struct classic_group *g, struct str id)
{
	set_text(&g->leader, id);
}

bool classic_is_leader(const struct classic_group *g, const struct classic_member *m)
{
	return g->leader && strcmp(g->leader, m->id) == 0;
}

struct classic_member *classic_add(struct group_shard *s, struct classic_group *g,
				   const struct classic_member_options *o, struct classic_protocols *protocols)
{
	struct classic_member *m = xcalloc(1, sizeof(*m));
	struct classic_pending *pending = classic_find_pending(g, o->id);

	check(!classic_member(g, o->id));
	m->group = g;
	m->id = str_dup(o->id);
	m->client_id = str_dup(o->client_id);
	m->client_host = str_dup(o->client_host);
	m->rebalance_timeout_ms = o->rebalance_timeout_ms;
	m->session_timeout_ms = o->session_timeout_ms;
	m->assignment = bytes_dup((struct bytes){NULL, 0});
	if (pending)
		classic_remove_pending(s, g, pending);
	if (g->n_members == 0)
		set_text(&g->protocol_type, o->protocol_type);
	if (!g->leader)
		classic_set_leader(g, o->id);
	list_push(&g->members, &m->link);
	map_insert(&g->by_id, &m->node, text_hash(&g->by_id, o->id));
	if (!str_is_null(o->instance_id)) {
		check(!classic_static_member(g, o->instance_id));
		m->instance_id = str_dup(o->instance_id);
		map_insert(&g->by_instance, &m->static_node, text_hash(&g->by_instance, o->instance_id));
	}
	g->n_members++;
	classic_set_protocols(m, protocols);
	return m;
}

static void free_member(struct classic_member *m)
{
	classic_protocols_free(&m->protocols);
	xfree((void *)m->assignment.p);
	xfree(m->id);
	xfree(m->instance_id);
	xfree(m->client_id);
	xfree(m->client_host);
	xfree(m);
}

void classic_remove(struct group_shard *s, struct classic_group *g, struct classic_member *m)
{
	bool led = classic_is_leader(g, m);
	struct list *first;

	check(!m->join && !m->sync);
	classic_set_owes_sync(m, false);
	group_timer_stop(s, &m->session);
	count_protocols(g, &m->protocols, -1);
	list_remove(&m->link);
	map_remove(&g->by_id, &m->node);
	if (m->instance_id)
		map_remove(&g->by_instance, &m->static_node);
	g->n_members--;
	first = list_first(&g->members);
	if (led)
		classic_set_leader(g, first ? str_of(container_of(first, struct classic_member, link)->id) : STR_NULL);
	free_member(m);
}

void classic_rename(struct classic_group *g, struct classic_member *m, struct str id)
{
	bool led = classic_is_leader(g, m);

	map_remove(&g->by_id, &m->node);
	set_text(&m->id, id);
	map_insert(&g->by_id, &m->node, text_hash(&g->by_id, id));
	if (led)
		classic_set_leader(g, id);
}

void classic_set_join(struct classic_member *m, struct shard_command *c)
{
	m->group->n_joining += (c != NULL) - (m->join != NULL);
	m->join = c;
}

void classic_set_owes_sync(struct classic_member *m, bool owes)
{
	m->group->n_owe_sync += owes - m->owes_sync;
	m->owes_sync = owes;
}

void classic_set_assignment(struct classic_member *m, struct bytes assignment)
{
	xfree((void *)m->assignment.p);
	m->assignment = bytes_dup(assignment);
}

int classic_check_member(const struct classic_group *g, struct str id, struct str instance_id)
{
	if (!str_is_null(instance_id)) {
		const struct classic_member *m = classic_static_member(g, instance_id);

		if (!m)
			return ERR_UNKNOWN_MEMBER_ID;
		if (!str_is(id, m->id))
			return ERR_FENCED_INSTANCE_ID;
	}
	return classic_member(g, id) ? 0 : ERR_UNKNOWN_MEMBER_ID;
}

int32_t classic_rebalance_timeout_ms(const struct classic_group *g)
{
	int32_t max = 0;

	list_each(it, &g->members)
	{
		const struct classic_member *m = container_of(it, struct classic_member, link);

		if (m->rebalance_timeout_ms > max)
			max = m->rebalance_timeout_ms;
	}
	return max;
}

/* ---- pending members ---- */

static bool pending_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct classic_pending, node)->id);
}

struct classic_pending *classic_find_pending(const struct classic_group *g, struct str id)
{
	struct map_node *n = map_find(&g->pending_by_id, text_hash(&g->pending_by_id, id), pending_eq, &id);

	return n ? container_of(n, struct classic_pending, node) : NULL;
}

struct classic_pending *classic_add_pending(struct classic_group *g, struct str id)
{
	struct classic_pending *p = xcalloc(1, sizeof(*p));

	p->group = g;
	p->id = str_dup(id);
	list_push(&g->pending, &p->link);
	map_insert(&g->pending_by_id, &p->node, text_hash(&g->pending_by_id, id));
	g->n_pending++;
	return p;
}

void classic_remove_pending(struct group_shard *s, struct classic_group *g, struct classic_pending *p)
{
	group_timer_stop(s, &p->session);
	list_remove(&p->link);
	map_remove(&g->pending_by_id, &p->node);
	g->n_pending--;
	xfree(p->id);
	xfree(p);
}

/* ---- states ---- */

void classic_move(struct classic_group *g, enum classic_state state, int64_t wall_ms)
{
	static const unsigned from[] = {
		[CLASSIC_EMPTY] = 1u << CLASSIC_PREPARING,
		[CLASSIC_PREPARING] = 1u << CLASSIC_STABLE | 1u << CLASSIC_COMPLETING | 1u << CLASSIC_EMPTY,
		[CLASSIC_COMPLETING] = 1u << CLASSIC_PREPARING,
		[CLASSIC_STABLE] = 1u << CLASSIC_COMPLETING,
	};

	check(from[state] & 1u << g->state);
	g->previous = g->state;
	g->state = state;
	g->state_ms = wall_ms;
}

/* ---- subscribed topics ---- */

static bool has_topic(const struct classic_group *g, struct str topic)
{
	return str_index_has(&g->topic_index, topic);
}

/* The subscription is read as version 0, with which all later ones begin. False when it is invalid. */
static bool read_subscription(struct bytes b, struct arena *a, struct consumer_protocol_subscription *out)
{
	struct reader r;

	if (!b.p || b.len < 2 || get_i16(b.p) < 0)
		return false;
	reader_init(&r, b.p + 2, (size_t)b.len - 2);
	r.plain = true;
	return codec_read(&consumer_protocol_subscription_schema, 0, &r, a, out) == 0 && !r.found_nul;
}

static bool note_member_topics(struct classic_group *g, const struct classic_member *m, struct arena *a)
{
	struct consumer_protocol_subscription subscription;

	arena_reset(a);
	if (!read_subscription(classic_metadata(m, g->protocol), a, &subscription))
		return false;
	for (int i = 0; i < subscription.topics.n; i++) {
		if (has_topic(g, subscription.topics.v[i]))
			continue;
		g->topics = xreallocarray(g->topics, (size_t)g->n_topics + 1, sizeof(*g->topics));
		g->topics[g->n_topics] = str_dup(subscription.topics.v[i]);
		*str_index_at(&g->topic_index, str_of(g->topics[g->n_topics])) = g->n_topics;
		g->n_topics++;
	}
	return true;
}

void classic_note_topics(struct classic_group *g)
{
	struct arena a;
	bool known = true;

	forget_topics(g);
	if (!g->protocol_type || strcmp(g->protocol_type, CONSUMER_PROTOCOL) != 0)
		return;
	if (g->n_members > 0 && !g->protocol)
		return;
	arena_init(&a, SUBSCRIPTION_MEMORY_MAX);
	list_each(it, &g->members) known &= note_member_topics(g, container_of(it, struct classic_member, link), &a);
	arena_fini(&a);
	if (!known)
		forget_topics(g);
	g->topics_known = known;
}

/* ---- the kind ---- */

static const struct classic_group *const_of(const struct group *g)
{
	return container_of(g, struct classic_group, g);
}

static const char *state_name(const struct group *g)
{
	static const char *const names[] = {
		[CLASSIC_EMPTY] = "Empty",
		[CLASSIC_PREPARING] = "PreparingRebalance",
		[CLASSIC_COMPLETING] = "CompletingRebalance",
		[CLASSIC_STABLE] = "Stable",
	};

	return names[const_of(g)->state];
}

static struct str protocol_type(const struct group *g)
{
	const char *type = const_of(g)->protocol_type;

	return type ? str_of(type) : STR("");
}

static bool is_empty(const struct group *g)
{
	return const_of(g)->state == CLASSIC_EMPTY;
}

static bool uses_consumer_protocol(const struct classic_group *g)
{
	return g->protocol_type && strcmp(g->protocol_type, CONSUMER_PROTOCOL) == 0;
}

static int may_commit(struct group_shard *s, struct group *group, const struct group_committer *who)
{
	const struct classic_group *g = classic_of(group);
	int err;

	(void)s;
	/* From an admin client, or a consumer that does not use group membership. */
	if (who->generation < 0 && g->state == CLASSIC_EMPTY)
		return 0;
	if (who->generation >= 0 || who->member_id.len > 0 || !str_is_null(who->instance_id)) {
		err = classic_check_member(g, who->member_id, who->instance_id);
		if (err)
			return err;
		if (who->generation != g->generation)
			return ERR_ILLEGAL_GENERATION;
	} else if (!who->transactional && g->state != CLASSIC_EMPTY) {
		return ERR_UNKNOWN_MEMBER_ID;
	}
	return !who->transactional && g->state == CLASSIC_COMPLETING ? ERR_REBALANCE_IN_PROGRESS : 0;
}

static int may_fetch(struct group_shard *s, struct group *g, struct str member_id, int32_t member_epoch)
{
	(void)s, (void)g, (void)member_id, (void)member_epoch;
	return 0;
}

static int may_delete_offsets(struct group_shard *s, struct group *group)
{
	const struct classic_group *g = classic_of(group);

	(void)s;
	return g->state != CLASSIC_EMPTY && !uses_consumer_protocol(g) ? ERR_NON_EMPTY_GROUP : 0;
}

static bool is_subscribed(const struct group *group, struct str topic)
{
	const struct classic_group *g = const_of(group);

	return g->topics_known ? has_topic(g, topic) : uses_consumer_protocol(g);
}

static enum group_expiry expiry(const struct group *group, int64_t *since_ms)
{
	const struct classic_group *g = const_of(group);

	if (!g->protocol_type)
		return GROUP_EXPIRY_COMMIT;
	if (g->state == CLASSIC_EMPTY) {
		*since_ms = g->state_ms;
		return g->state_ms >= 0 ? GROUP_EXPIRY_SINCE : GROUP_EXPIRY_COMMIT;
	}
	return uses_consumer_protocol(g) && g->topics_known && g->state == CLASSIC_STABLE ? GROUP_EXPIRY_COMMIT
											  : GROUP_EXPIRY_NONE;
}

static void committed_by(struct group_shard *s, struct group *group, const struct group_committer *who, int64_t now_ms)
{
	struct classic_group *g = classic_of(group);
	struct classic_member *m = classic_member(g, who->member_id);

	if (m && (g->state == CLASSIC_STABLE || g->state == CLASSIC_PREPARING))
		classic_start_session(s, m, now_ms, m->session_timeout_ms);
}

static int may_delete(const struct group *g)
{
	return const_of(g)->state == CLASSIC_EMPTY ? 0 : ERR_NON_EMPTY_GROUP;
}

static void loaded(struct group_shard *s, struct group *group, struct shard_step *step)
{
	struct classic_group *g = classic_of(group);

	list_each(it, &g->members)
	{
		struct classic_member *m = container_of(it, struct classic_member, link);

		classic_start_session(s, m, step->now_ms, m->session_timeout_ms);
	}
	/* Gives members a chance to commit before the group shrinks to its maximum size. */
	if (g->n_members > group_setting(s, CONFIG_GROUP_MAX_SIZE))
		classic_prepare(s, g, step);
}

static void unload(struct group_shard *s, struct group *group, struct shard_step *step, int err)
{
	struct classic_group *g = classic_of(group);

	(void)s;
	list_each(it, &g->members)
	{
		struct classic_member *m = container_of(it, struct classic_member, link);

		classic_refuse_join(m, step, str_of(m->id), err);
		classic_refuse_sync(m, step, err);
	}
}

const struct group_kind group_classic = {
	.type = GROUP_CLASSIC,
	.name = "classic",
	.state = state_name,
	.protocol_type = protocol_type,
	.is_empty = is_empty,
	.free = free_group,
	.may_commit = may_commit,
	.may_fetch = may_fetch,
	.may_delete_offsets = may_delete_offsets,
	.is_subscribed = is_subscribed,
	.expiry = expiry,
	.committed_by = committed_by,
	.may_delete = may_delete,
	.put_tombstones = classic_put_tombstones,
	.sync = classic_sync,
	.heartbeat = classic_heartbeat,
	.leave = classic_leave,
	.loaded = loaded,
	.unload = unload,
};
