/*
 * partitions: the table, and how it follows the image.
 */
#include "broker/partitions.h"

#include "base/check.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker/assignments.h"
#include "broker/core.h"
#include "broker/cordon.h"
#include "broker/layers.h"
#include "broker/node_private.h"
#include "broker/partition_future.h"
#include "broker/partitions_private.h"
#include "broker/upkeep.h"
#include "config/config.h"
#include "log/dir.h"
#include "log/clean.h"
#include "metadata/image.h"

struct partition_key {
	struct uuid topic_id;
	int32_t id;
};

/* ---- keys ---- */

static uint64_t topic_hash(const struct map *m, struct uuid id)
{
	return hash_bytes(m->seed, id.b, sizeof(id.b));
}

static bool topic_eq(const struct map_node *n, const void *key)
{
	return uuid_eq(container_of(n, struct topic_entry, node)->state->id, *(const struct uuid *)key);
}

static uint64_t partition_hash(const struct map *m, struct uuid topic_id, int32_t id)
{
	return hash_u64(topic_hash(m, topic_id), (uint64_t)(uint32_t)id);
}

static bool partition_eq(const struct map_node *n, const void *key)
{
	const struct partition *p = container_of(n, struct partition, node);
	const struct partition_key *k = key;

	return p->id == k->id && uuid_eq(p->topic_id, k->topic_id);
}

static struct topic_entry *find_topic(struct partitions *t, struct uuid id)
{
	struct map_node *n = map_find(&t->topics, topic_hash(&t->topics, id), topic_eq, &id);

	return n ? container_of(n, struct topic_entry, node) : NULL;
}

struct partition *partitions_find(struct partitions *t, struct uuid topic_id, int32_t id)
{
	struct partition_key k = {.topic_id = topic_id, .id = id};
	struct map_node *n = map_find(&t->partitions, partition_hash(&t->partitions, topic_id, id), partition_eq, &k);

	return n ? container_of(n, struct partition, node) : NULL;
}

/* ---- creation and end ---- */

struct partitions *partitions_new(const struct partitions_options *options)
{
	struct partitions *t = xcalloc(1, sizeof(*t));

	t->options = *options;
	mutex_init(&t->lock);
	map_init(&t->partitions, options->seed);
	map_init(&t->topics, options->seed + 1);
	t->dir_load = xcalloc((size_t)options->n_dirs, sizeof(*t->dir_load));
	t->listed = xcalloc((size_t)options->n_dirs, sizeof(*t->listed));
	return t;
}

/* Removes it from the table; the caller gets the table's reference. */
static void take_out(struct partitions *t, struct partition *p)
{
	for (int i = 0; i < t->options.n_dirs; i++)
		if (t->options.dirs[i] == log_dir(p->log))
			t->dir_load[i]--;
	map_remove(&t->partitions, &p->node);
	list_remove(&p->of_topic);
}

static void free_topic(struct partitions *t, struct topic_entry *e)
{
	check(list_empty(&e->partitions));
	map_remove(&t->topics, &e->node);
	topic_state_unref(&e->state);
	xfree(e);
}

void partitions_free(struct partitions *t)
{
	if (!t)
		return;
	map_each(n, &t->topics)
	{
		struct topic_entry *e = container_of(n, struct topic_entry, node);

		list_each_safe(it, &e->partitions)
		{
			struct partition *p = container_of(it, struct partition, of_topic);

			take_out(t, p);
			partition_unref(&p);
		}
		free_topic(t, e);
	}
	map_fini(&t->partitions);
	map_fini(&t->topics);
	mutex_fini(&t->lock);
	image_unref(&t->image);
	xfree(t->dir_load);
	xfree(t->listed);
	xfree(t);
}

/* ---- settings ---- */

static struct topic_state *resolve(struct partitions *t, const struct image *image, const struct image_topic *topic)
{
	struct layers layers = layers_of_topic(image, t->options.self.node_id, topic->name);
	struct topic_config config;

	if (topic_config_resolve(t->options.config, layers.v, layers.n, &config))
		diag_warn(t->options.env->diag, "invalid topic setting ignored", "topic=%.*s", STR_ARG(topic->name));
	if (config.flush_ms != INT64_MAX)
		__atomic_store_n(&t->by_time, 1, __ATOMIC_RELAXED);
	return topic_state_new(topic->id, topic->name, &config, t->options.self.node_id);
}

struct topic_entry *partitions_take_in_topic(struct partitions *t, const struct image *image,
					     const struct image_topic *topic)
{
	struct topic_entry *e = find_topic(t, topic->id);

	if (e)
		return e;
	e = xcalloc(1, sizeof(*e));
	e->state = resolve(t, image, topic);
	list_init(&e->partitions);
	map_insert(&t->topics, &e->node, topic_hash(&t->topics, topic->id));
	return e;
}

/* ---- adding partitions ---- */

static int dir_index(const struct partitions *t, struct uuid directory)
{
	for (int i = 0; i < t->options.n_dirs; i++)
		if (log_dir_is_formatted(t->options.dirs[i]) &&
		    uuid_eq(log_dir_meta(t->options.dirs[i])->directory_id, directory))
			return i;
	return -1;
}

static bool is_cordoned(const struct partitions *t, int dir)
{
	return cordon_has(t->options.config, t->image, t->options.self.node_id,
			  str_of(log_dir_path(t->options.dirs[dir])));
}

/* When all were cordoned after the replica was placed here: the first that works. */
static int dir_least_loaded(const struct partitions *t)
{
	int best = -1, first = -1;

	for (int i = 0; i < t->options.n_dirs; i++) {
		if (log_dir_error(t->options.dirs[i]) != 0)
			continue;
		first = first < 0 ? i : first;
		if (!is_cordoned(t, i) && (best < 0 || t->dir_load[i] < t->dir_load[best]))
			best = i;
	}
	return best >= 0 ? best : first >= 0 ? first : 0;
}

/* A directory that failed before all its replicas were listed; -1 when there is none. */
static int dir_unknown(const struct partitions *t)
{
	for (int i = 0; i < t->options.n_dirs; i++)
		if (!t->listed[i] && (log_dir_error(t->options.dirs[i]) || !log_dir_is_formatted(t->options.dirs[i])))
			return i;
	return -1;
}

struct uuid partitions_own_directory(const struct partitions *t, const struct image_partition *p)
{
	struct image_ids replicas = partition_replicas(p);

	for (int i = 0; i < replicas.n; i++)
		if (replicas.v[i] == t->options.self.node_id)
			return partition_directory(p, i);
	return UUID_DIR_UNASSIGNED;
}

/*
 * Has it never had a place? If it was led or assigned before, it may be in a directory that cannot
 * be read now.
 */
static bool is_new(const struct image_partition *p, struct uuid directory)
{
	return p->partition_epoch == 0 && uuid_eq(directory, UUID_DIR_UNASSIGNED);
}

/*
 * The directory assigned by the cluster, or else the one with the fewest partitions that is not cordoned. A replica that
 * may be in a directory which is offline is not created elsewhere (KAFKA-16234): it is offline with
 * that directory.
 */
static int dir_for(const struct partitions *t, const struct image_partition *p)
{
	struct uuid directory = partitions_own_directory(t, p);
	int dir = dir_index(t, directory);

	if (dir < 0 && !is_new(p, directory))
		dir = dir_unknown(t);
	return dir >= 0 ? dir : dir_least_loaded(t);
}

struct partition *partitions_take_in(struct partitions *t, struct topic_entry *e, int32_t id, int dir, struct log *log)
{
	struct partition *p = partition_make(e->state, id, log);

	map_insert(&t->partitions, &p->node, partition_hash(&t->partitions, e->state->id, id));
	list_push(&e->partitions, &p->of_topic);
	t->dir_load[dir]++;
	return p;
}

void partitions_assign(struct partitions *t, const struct image_partition *now, const struct partition *p,
		       const struct log_dir *dir)
{
	struct assignment wish = {.topic_id = p->topic_id, .partition = p->id};

	if (!t->options.assignments || !log_dir_is_formatted(dir) || log_dir_error(dir))
		return;
	wish.directory = log_dir_meta(dir)->directory_id;
	if (!uuid_is_zero(wish.directory) && !uuid_eq(partitions_own_directory(t, now), wish.directory))
		assignments_want(t->options.assignments, &wish);
}

void partitions_moved(struct partitions *t, struct log_dir *from, struct log_dir *to)
{
	mutex_lock(&t->lock);
	for (int i = 0; i < t->options.n_dirs; i++)
		t->dir_load[i] += (t->options.dirs[i] == to) - (t->options.dirs[i] == from);
	mutex_unlock(&t->lock);
}

static struct partition *make(struct partitions *t, struct uuid topic_id, int32_t id)
{
	const struct image_topic *topic = t->image ? image_topic_by_id(t->image, topic_id) : NULL;
	const struct image_partition *now = topic ? image_topic_partition(topic, id) : NULL;
	struct effects none = {0};
	struct topic_entry *e;
	struct partition *p;
	int dir;

	if (!now || !image_ids_has(partition_replicas(now), t->options.self.node_id))
		return NULL;
	e = partitions_take_in_topic(t, t->image, topic);
	dir = dir_for(t, now);
	p = partitions_take_in(
		t, e, id, dir,
		log_new(t->options.dirs[dir],
			&(struct log_id){.topic = str_of(e->state->name), .partition = id, .topic_id = topic_id},
			&e->state->config));
	partition_set_role(p, &t->options.self, t->image, now, &none);
	check(!none.first && !none.flush);
	partitions_assign(t, now, p, t->options.dirs[dir]);
	return p;
}

struct partition *partitions_get(struct partitions *t, struct uuid topic_id, int32_t id)
{
	struct partition *p;

	mutex_lock(&t->lock);
	p = partitions_find(t, topic_id, id);
	if (!p)
		p = make(t, topic_id, id);
	if (p)
		partition_ref(p);
	mutex_unlock(&t->lock);
	return p;
}

bool partitions_flush_by_time(const struct partitions *t)
{
	return __atomic_load_n(&t->by_time, __ATOMIC_RELAXED);
}

void partitions_each(struct partitions *t, void (*each)(struct partition *p, void *arg), void *arg)
{
	struct partition **v;
	size_t n = 0;

	mutex_lock(&t->lock);
	v = xcalloc(t->partitions.n + 1, sizeof(struct partition *));
	map_each(it, &t->partitions) v[n++] = partition_ref(container_of(it, struct partition, node));
	mutex_unlock(&t->lock);
	for (size_t i = 0; i < n; i++) {
		each(v[i], arg);
		partition_unref(&v[i]);
	}
	xfree(v);
}

/* ---- following the image ---- */

struct following {
	struct partitions *t;
	struct core *core;
	const struct image *now;
	bool all_topics; /* a setting of the brokers has changed */
	bool deleted;	 /* a replica has gone */
};

/* Topics are added to the table under its lock by any thread, and removed on this loop only. */
static struct topic_entry *lookup_topic(struct partitions *t, struct uuid id)
{
	struct topic_entry *e;

	mutex_lock(&t->lock);
	e = find_topic(t, id);
	mutex_unlock(&t->lock);
	return e;
}

struct members {
	struct partition **v;
	int n;
};

/* The partitions of a topic, each with a reference. */
static struct members members_of(struct partitions *t, struct topic_entry *e)
{
	struct members m = {0};

	mutex_lock(&t->lock);
	list_each(it, &e->partitions) m.n++;
	m.v = xcalloc((size_t)m.n + 1, sizeof(struct partition *));
	m.n = 0;
	list_each(it, &e->partitions) m.v[m.n++] = partition_ref(container_of(it, struct partition, of_topic));
	mutex_unlock(&t->lock);
	return m;
}

static void members_fini(struct members *m)
{
	for (int i = 0; i < m->n; i++)
		partition_unref(&m->v[i]);
	xfree(m->v);
}

/* This node no longer has the replica, nor its records. */
static void replica_deleted(struct following *f, struct partition *p, enum partition_end end)
{
	struct effects effects = {0};
	struct log_deletion *deletion = partition_delete(p, end, &effects);
	struct partition *tables = p;

	f->deleted = true;
	effects_run(&effects, f->core);
	if (deletion)
		core_delete(f->core, deletion);
	mutex_lock(&f->t->lock);
	take_out(f->t, tables);
	counts_add(&f->t->departed, &tables->counts);
	mutex_unlock(&f->t->lock);
	partition_unref(&tables);
}

static void topic_deleted(struct following *f, struct topic_entry *e)
{
	struct members m = members_of(f->t, e);

	f->deleted = true;
	for (int i = 0; i < m.n; i++)
		replica_deleted(f, m.v[i], PARTITION_TOPIC_GONE);
	members_fini(&m);
	mutex_lock(&f->t->lock);
	free_topic(f->t, e);
	mutex_unlock(&f->t->lock);
}

static void follow_topic(void *arg, const struct image_topic *old, const struct image_topic *now)
{
	struct following *f = arg;
	struct topic_entry *e = lookup_topic(f->t, now ? now->id : old->id);
	struct members m;

	if (!e)
		return;
	if (!now) {
		topic_deleted(f, e);
		return;
	}
	m = members_of(f->t, e);
	for (int i = 0; i < m.n; i++) {
		const struct image_partition *role = image_topic_partition(now, m.v[i]->id);
		struct effects effects = {0};

		if (!role || (old && role == image_topic_partition(old, m.v[i]->id)))
			continue;
		if (!image_ids_has(partition_replicas(role), f->t->options.self.node_id)) {
			replica_deleted(f, m.v[i], PARTITION_REPLICA_GONE); /* it was reassigned to other brokers */
			continue;
		}
		partition_set_role(m.v[i], &f->t->options.self, f->now, role, &effects);
		effects_run(&effects, f->core);
	}
	members_fini(&m);
}

static void settings_changed(struct following *f, struct topic_entry *e)
{
	const struct image_topic *topic = image_topic_by_id(f->now, e->state->id);
	struct topic_state *old = e->state;
	struct topic_state *state;
	struct members m;

	if (!topic)
		return;
	state = resolve(f->t, f->now, topic);
	mutex_lock(&f->t->lock);
	e->state = state;
	mutex_unlock(&f->t->lock);
	m = members_of(f->t, e);
	for (int i = 0; i < m.n; i++)
		partition_set_topic(m.v[i], state);
	members_fini(&m);
	topic_state_unref(&old);
}

static void follow_config(void *arg, const struct image_configs *old, const struct image_configs *now)
{
	struct following *f = arg;
	const struct image_configs *c = now ? now : old;
	const struct image_topic *topic;
	struct topic_entry *e;

	if (c->type == RESOURCE_BROKER)
		f->all_topics = true;
	if (c->type != RESOURCE_TOPIC)
		return;
	topic = image_topic_by_name(f->now, c->name);
	e = topic ? lookup_topic(f->t, topic->id) : NULL;
	if (e)
		settings_changed(f, e);
}

static void each_topic(struct following *f, void (*each)(struct following *f, struct topic_entry *e))
{
	struct topic_entry **v;
	size_t n = 0;

	mutex_lock(&f->t->lock);
	v = xcalloc(f->t->topics.n + 1, sizeof(struct topic_entry *));
	map_each(it, &f->t->topics) v[n++] = container_of(it, struct topic_entry, node);
	mutex_unlock(&f->t->lock);
	for (size_t i = 0; i < n; i++)
		each(f, v[i]);
	xfree(v);
}

void partitions_follow(struct partitions *t, const struct image *now, struct core *core)
{
	struct following f = {.t = t, .core = core, .now = now};
	const struct image *old = t->image;

	mutex_lock(&t->lock);
	t->image = image_ref(now);
	mutex_unlock(&t->lock);
	if (old && !t->loading) {
		image_diff_topics(old, now, follow_topic, &f);
		image_diff_configs(old, now, follow_config, &f);
		if (f.all_topics)
			each_topic(&f, settings_changed);
	}
	if (f.deleted && core->node->upkeep)
		upkeep_names_changed(core->node->upkeep);
	if (partitions_flush_by_time(t) && core->node->upkeep)
		upkeep_flushes_are_wanted(core->node->upkeep);
	image_unref(&old);
}

/* ---- after the start ---- */

/*
 * Reports the directories in which replicas were found. Those being moved will be elsewhere soon,
 * and are reported then.
 */
static void assign_found(struct following *f, struct topic_entry *e, const struct image_topic *topic)
{
	struct members m = members_of(f->t, e);

	for (int i = 0; i < m.n; i++) {
		const struct image_partition *now = image_topic_partition(topic, m.v[i]->id);

		if (now && !m.v[i]->future_dir)
			partitions_assign(f->t, now, m.v[i], partition_dir(m.v[i]));
	}
	members_fini(&m);
}

static void catch_up(struct following *f, struct topic_entry *e)
{
	const struct image_topic *topic = image_topic_by_id(f->now, e->state->id);

	if (!topic) {
		topic_deleted(f, e);
		return;
	}
	follow_topic(f, NULL, topic);
	settings_changed(f, e);
	assign_found(f, e, topic);
}

void partitions_loaded(struct partitions *t, struct partitions_load *l, struct core *core)
{
	struct following f = {.t = t, .core = core, .now = t->image};

	partitions_resume(l, core->node->mover);
	t->loading = false;
	each_topic(&f, catch_up);
}

void partitions_departed(struct partitions *t, struct counts *sum)
{
	counts_add(sum, &t->departed);
}

/* ---- checkpoints and the end ---- */

struct checkpointing {
	struct log_checkpoint_writer *writers; /* one per directory */
	struct partitions *t;
	enum log_checkpoint kind;
};

/* -1: it gets no entry. For a log that is not read, repeats the entry with which it was found. */
static int64_t to_checkpoint(struct partition *p, enum log_checkpoint kind)
{
	struct log_offsets o = log_offsets(p->log);

	if (kind == CHECKPOINT_RECOVERY_POINT)
		return log_begin_checkpoint(p->log);
	if (log_standing(p->log) == LOG_UNREAD && (kind != CHECKPOINT_LOG_START || o.start == 0))
		return log_dir_checkpointed(log_dir(p->log), kind, str_of(p->topic->name), p->id, -1);
	if (o.end == 0 || (kind == CHECKPOINT_LOG_START && o.start == 0))
		return -1;
	switch (kind) {
	case CHECKPOINT_HIGH_WATERMARK:
		return o.high_watermark;
	case CHECKPOINT_LOG_START:
		return o.start;
	default:
		return log_clean_end(p->log);
	}
}

static void checkpoint_one(struct partition *p, void *arg)
{
	struct checkpointing *c = arg;
	int64_t offset;

	mutex_lock(&p->lock);
	offset = to_checkpoint(p, c->kind);
	for (int i = 0; i < c->t->options.n_dirs && offset >= 0; i++)
		if (c->t->options.dirs[i] == log_dir(p->log))
			log_checkpoint_add(&c->writers[i], str_of(p->topic->name), p->id, offset);
	mutex_unlock(&p->lock);
}

static void recovery_point_is_written(struct partition *p, void *arg)
{
	const struct log_dir *dir = arg;

	mutex_lock(&p->lock);
	if (log_dir(p->log) == dir)
		log_end_checkpoint(p->log);
	mutex_unlock(&p->lock);
}

int partitions_checkpoint(struct partitions *t, enum log_checkpoint kind)
{
	struct checkpointing c = {.t = t, .kind = kind};
	int first = 0;

	c.writers = xcalloc((size_t)t->options.n_dirs, sizeof(*c.writers));
	for (int i = 0; i < t->options.n_dirs; i++)
		log_checkpoint_init(&c.writers[i], kind);
	partitions_each(t, checkpoint_one, &c);
	for (int i = 0; i < t->options.n_dirs; i++) {
		int err = log_checkpoint_write(&c.writers[i], t->options.dirs[i]);

		if (!err && kind == CHECKPOINT_RECOVERY_POINT)
			partitions_each(t, recovery_point_is_written, t->options.dirs[i]);
		/* a failed directory has been logged already */
		if (err && !first && !log_dir_error(t->options.dirs[i]))
			first = err;
	}
	xfree(c.writers);
	return first;
}

int partitions_checkpoint_all(struct partitions *t)
{
	struct departed **departed = xcalloc((size_t)t->options.n_dirs, sizeof(struct departed *));
	int first = 0;

	for (int i = 0; i < t->options.n_dirs; i++)
		departed[i] = log_dir_take_departed(t->options.dirs[i]);
	for (int kind = 0; kind < CHECKPOINT_KINDS; kind++) {
		int err = partitions_checkpoint(t, (enum log_checkpoint)kind);

		if (err && !first)
			first = err;
	}
	for (int i = 0; i < t->options.n_dirs; i++)
		log_dir_settle_departed(t->options.dirs[i], departed[i], first == 0);
	xfree(departed);
	return first;
}
