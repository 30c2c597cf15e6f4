/*
 * group: the shard of __consumer_offsets: its table of groups, its timers, and the dispatch of
 * commands and records.
 *
 * A record's key begins with an int16 that identifies the kind of record
 * (protocol/group_records.msg). Kinds that are not served (streams and share groups) are skipped,
 * as Kafka skips those it does not know: they stay in the log unchanged.
 */
#include "group/group.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "group/consumer_group.h"
#include "group/internal.h"
#include "group/offsets.h"
#include "group/tables.h"
#include "metadata/image.h"
#include "protocol/group_records.h"

int64_t group_setting(const struct group_shard *s, int id)
{
	return config_long(s->options.config, (enum config_id)id);
}

/* ---- timers ---- */

void group_timer_start(struct group_shard *s, struct group_timer *t, group_timer_fn *fire, int64_t now_ms,
		       int64_t delay_ms)
{
	t->fire = fire;
	t->due_ms = now_ms + (delay_ms < 0 ? 0 : delay_ms);
	if (group_timer_is_running(t) && t->node.key <= t->due_ms)
		return;
	group_timer_stop(s, t);
	heap_insert(&s->timers, &t->node, t->due_ms);
}

void group_timer_stop(struct group_shard *s, struct group_timer *t)
{
	if (t->node.pos)
		heap_remove(&s->timers, &t->node);
}

bool group_timer_is_running(const struct group_timer *t)
{
	return t->node.pos != 0;
}

static int64_t next_ms(const void *state)
{
	const struct group_shard *s = state;
	struct heap_node *first = heap_min(&s->timers);

	return first ? first->key : INT64_MAX;
}

/*
 * The first timer that is due. Timers that have been moved to a later time are reinserted. NULL:
 * none is due.
 */
static struct group_timer *take_due(struct group_shard *s, int64_t now_ms)
{
	struct heap_node *first;

	while ((first = heap_min(&s->timers)) && first->key <= now_ms) {
		struct group_timer *t = container_of(first, struct group_timer, node);

		group_timer_stop(s, t);
		if (t->due_ms <= now_ms)
			return t;
		heap_insert(&s->timers, &t->node, t->due_ms);
	}
	return NULL;
}

static void tick(void *state, struct shard_step *step)
{
	struct group_shard *s = state;
	struct group_timer *t = take_due(s, step->now_ms);

	if (t)
		t->fire(s, t, step);
}

/* ---- the table of groups ---- */

static uint64_t id_hash(const struct map *m, struct str id)
{
	return hash_bytes(m->seed, id.p, (size_t)id.len);
}

static bool id_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct group, node)->id);
}

struct group *group_find(const struct group_shard *s, struct str id)
{
	struct map_node *n = map_find(&s->groups, id_hash(&s->groups, id), id_eq, &id);

	return n ? container_of(n, struct group, node) : NULL;
}

void group_add(struct group_shard *s, struct group *g, const struct group_kind *kind, struct str id)
{
	check(!group_find(s, id));
	g->kind = kind;
	g->id = str_dup(id);
	map_insert(&s->groups, &g->node, id_hash(&s->groups, id));
}

void group_drop(struct group_shard *s, struct group *g)
{
	char *id = g->id;

	map_remove(&s->groups, &g->node);
	g->kind->free(s, g);
	xfree(id);
}

/* ---- records ---- */

static const struct group_record *record_of(int number)
{
	for (int i = 0; i < group_records_n; i++)
		if (group_records[i].key->key == number)
			return &group_records[i];
	return NULL;
}

static int apply(void *state, const struct shard_record *r, const struct shard_position *at)
{
	const struct group_record *record = record_of(shard_record_number(r->key));
	void *key, *value = NULL;
	int err;

	if (!record)
		return 0;
	key = arena_alloc(at->arena, record->key->size);
	if (r->value.p)
		value = arena_alloc(at->arena, record->value->size);
	if (!key || (r->value.p && !value))
		return ERR_UNKNOWN_SERVER_ERROR;
	err = shard_record_decode(record->key, 0, r->key, at->arena, key);
	if (err == 0 && value)
		err = shard_record_decode(record->value, shard_record_number(r->value), r->value, at->arena, value);
	return err ? err : record->apply(state, key, value, at);
}

/* ---- commands ---- */

bool group_array(struct arena *a, void **v, int32_t *n, int want, size_t size)
{
	*v = arena_array(a, (size_t)want + 1, size);
	*n = *v ? want : 0;
	return *v != NULL;
}

void group_no_memory(struct shard_command *c, struct shard_step *step)
{
	step->records.n = 0;
	shard_refuse(step, c, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
}

static void command(void *state, struct shard_command *c, struct shard_step *step)
{
	for (int i = 0; i < group_commands_n; i++)
		if (group_commands[i].api == c->api) {
			group_commands[i].run(state, c, step);
			return;
		}
	check(false);
}

/* ---- life ---- */

static void *new (const struct shard_options *options)
{
	struct group_shard *s = xcalloc(1, sizeof(*s));

	s->options = *options;
	snprintf(s->node, sizeof(s->node), "%d", options->node_id);
	s->topics_version = 1;
	s->new_topics_offset = -1;
	map_init(&s->groups, options->seed);
	map_init(&s->offsets, options->seed + 1);
	map_init(&s->transactions, options->seed + 2);
	list_init(&s->uncommitted);
	return s;
}

static void loaded(void *state, struct shard_step *step)
{
	struct group_shard *s = state;

	s->new_topics_offset = image_offset(step->image);
	map_each(n, &s->groups)
	{
		struct group *g = container_of(n, struct group, node);

		g->kind->loaded(s, g, step);
	}
	offsets_start_expiry(s, step->now_ms);
}

static void unload(void *state, struct shard_step *step, int err)
{
	struct group_shard *s = state;

	map_each(n, &s->groups)
	{
		struct group *g = container_of(n, struct group, node);

		g->kind->unload(s, g, step, err);
	}
}

static void free_shard(void *state)
{
	struct group_shard *s = state;

	map_each(n, &s->groups) group_drop(s, container_of(n, struct group, node));
	map_fini(&s->groups);
	offsets_free(s);
	heap_fini(&s->timers);
	xfree(s);
}

static void committed(void *state, int64_t offset)
{
	offsets_committed(state, offset);
}

static int end_transaction(void *state, int64_t producer_id, int16_t producer_epoch, bool commit,
			   const struct shard_position *at)
{
	(void)producer_epoch;
	return offsets_end_transaction(state, producer_id, commit, at);
}

static void image_changed(void *state, const struct image *old, struct shard_step *step)
{
	consumer_image(state, old, step->image);
	offsets_of_deleted_topics(state, old, step);
}

const struct shard_type group_shard_type = {
	.topic = "__consumer_offsets",
	.new = new,
	.free = free_shard,
	.apply = apply,
	.end_transaction = end_transaction,
	.committed = committed,
	.loaded = loaded,
	.command = command,
	.next_ms = next_ms,
	.tick = tick,
	.image = image_changed,
	.unload = unload,
};
