/*
 * cleaner: looks for dirty logs, and runs their cleanings in slots.
 */
#include "broker/cleaner.h"

#include <errno.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/layers.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/partitions.h"
#include "broker/upkeep.h"
#include "config/config.h"
#include "log/clean.h"

/*
 * A throttled cleaning notices within LOOK_MS that it was cancelled; at a stop, a stalled one is
 * abandoned after GIVE_UP_MS.
 */
enum { SLICE_BYTES = 1 << 20, STALLED_MS = 50, IO_BYTES_MIN = 4096, LOOK_MS = 100, GIVE_UP_MS = 2000 };

/* The present settings. */
struct cleaner_settings {
	int64_t threads;
	int64_t map_bytes; /* per thread */
	int64_t io_bytes;  /* size of each of the two buffers */
	double load_factor;
	double bytes_per_second;
	int64_t backoff_ms;
	int64_t plain_max;
};

/* A log that is being cleaned. */
struct slot {
	struct list link;
	struct cleaner *cleaner;
	struct partition *partition;
	struct log_clean *clean;
	struct key_map keys;
	struct codecs *codecs;
	struct cleaner_settings settings;
	struct work work;
	struct timer timer;
	struct log_deletion *deletion; /* from the last step */
	int64_t moved;
	int64_t began_ns;
	int64_t until_ns; /* when it continues */
	bool more;
	bool gives_up;
	bool at_work;
	bool flushes; /* it waits for a flush, or for disk space */
};

/* The result of a look; used by its job. */
struct look {
	struct partition *best;
	struct log_clean_look dirt;
	struct log_deletion **deletions;
	int n, cap;
	int64_t now_ms;
	double max_ratio;
	int64_t max_delay_ms;
	int64_t uncleanable_logs;
	int64_t uncleanable_bytes;
};

struct cleaner {
	struct node *node;
	struct core *core;
	struct timer timer;
	struct work work;
	struct look look;
	struct slot *next; /* for the log that the look finds */
	struct list slots;
	int n_slots;
	int64_t paid_ns; /* the time by which the bytes so far are within the limit */
	struct cleaner_stats stats;
	int64_t freed_ns;
	bool looking;
	bool freed;
};

/* ---- settings ---- */

static struct cleaner_settings settings_now(const struct cleaner *c)
{
	const struct config *config = c->node->config;
	struct layers l = layers_of_broker(c->core->image, c->node->id);
	struct cleaner_settings s = {
		.threads = config_long_in(config, l.v, l.n, CONFIG_LOG_CLEANER_THREADS),
		.map_bytes = config_long_in(config, l.v, l.n, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE),
		.io_bytes = config_long_in(config, l.v, l.n, CONFIG_LOG_CLEANER_IO_BUFFER_SIZE),
		.load_factor = config_double_in(config, l.v, l.n, CONFIG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR),
		.bytes_per_second = config_double_in(config, l.v, l.n, CONFIG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND),
		.backoff_ms = config_long_in(config, l.v, l.n, CONFIG_LOG_CLEANER_BACKOFF_MS),
		.plain_max = config_long(config, CONFIG_ODRADEK_CLEANER_BATCH_BYTES),
	};

	if (s.threads < 1)
		s.threads = 1;
	s.map_bytes /= s.threads;
	if (s.map_bytes > INT32_MAX) /* as in Kafka, which logs it */
		s.map_bytes = INT32_MAX;
	s.io_bytes /= 2 * s.threads;
	if (s.io_bytes < IO_BYTES_MIN)
		s.io_bytes = IO_BYTES_MIN;
	return s;
}

/* ---- slots ---- */

static struct slot *slot_new(struct cleaner *c, const struct cleaner_settings *settings)
{
	struct slot *s = xcalloc(1, sizeof(*s));
	struct siphash_key key;

	env_random(c->node->env, &key, sizeof(key));
	s->cleaner = c;
	s->settings = *settings;
	s->codecs = codecs_new();
	key_map_init(&s->keys, key, settings->map_bytes, settings->load_factor);
	return s;
}

static void slot_free(struct slot *s)
{
	if (!s)
		return;
	log_clean_free(s->clean);
	if (s->partition)
		partition_unref(&s->partition);
	key_map_fini(&s->keys);
	codecs_free(s->codecs);
	xfree(s);
}

/* ---- looking, in a job ---- */

static void look_deletion(struct look *k, struct log_deletion *deletion)
{
	if (k->n == k->cap) {
		k->cap = k->cap ? 2 * k->cap : 16;
		k->deletions = xreallocarray(k->deletions, (size_t)k->cap, sizeof(struct log_deletion *));
	}
	k->deletions[k->n++] = deletion;
}

static void note_dirt(struct look *k, struct partition *p, const struct log_clean_look *dirt)
{
	if (dirt->ratio > k->max_ratio)
		k->max_ratio = dirt->ratio;
	if (dirt->delay_ms > k->max_delay_ms)
		k->max_delay_ms = dirt->delay_ms;
	if (!dirt->wanted || (k->best && dirt->ratio <= k->dirt.ratio))
		return;
	if (k->best)
		partition_unref(&k->best);
	k->best = partition_ref(p);
	k->dirt = *dirt;
}

/*
 * A partition that is being moved to another directory waits until the move is over (as in Kafka,
 * which pauses its cleaning).
 */
static bool may_be_cleaned(const struct partition *p)
{
	return !p->deleted && !p->future_dir && p->topic->config.cleanup_compact;
}

static void look_at(struct partition *p, void *arg)
{
	struct look *k = arg;
	struct log_deletion *deletion;
	struct log_clean_look dirt = {0};
	bool compacted;

	do {
		deletion = NULL;
		mutex_lock(&p->lock);
		compacted = may_be_cleaned(p);
		if (compacted && log_is_uncleanable(p->log)) {
			k->uncleanable_logs++;
			k->uncleanable_bytes += log_size(p->log);
		} else if (compacted && log_retain(p->log, k->now_ms, &deletion) == 0 && !deletion) {
			log_clean_look(p->log, k->now_ms, &dirt);
		}
		mutex_unlock(&p->lock);
		if (deletion) {
			partition_has_moved(p);
			look_deletion(k, deletion);
		}
	} while (deletion);
	if (compacted)
		note_dirt(k, p, &dirt);
}

/* The log may have changed since the look. */
static void begin(struct cleaner *c, struct slot *s)
{
	struct look *k = &c->look;
	struct log_clean_options o = {
		.keys = &s->keys,
		.codecs = s->codecs,
		.now_ms = k->now_ms,
		.io_bytes = s->settings.io_bytes,
		.slice_bytes = SLICE_BYTES,
		.plain_max = s->settings.plain_max,
	};

	mutex_lock(&k->best->lock);
	if (may_be_cleaned(k->best) && log_clean_look(k->best->log, k->now_ms, &k->dirt) == 0 && k->dirt.wanted)
		s->clean = log_clean_begin(k->best->log, &k->dirt, &o);
	mutex_unlock(&k->best->lock);
	if (s->clean)
		s->partition = partition_ref(k->best);
}

static void look_job(struct work *w)
{
	struct cleaner *c = container_of(w, struct cleaner, work);

	partitions_each(c->node->partitions, look_at, &c->look);
	if (c->look.best)
		begin(c, c->next);
}

/* ---- the slots' jobs ---- */

static void slot_job(struct work *w)
{
	struct slot *s = container_of(w, struct slot, work);
	struct partition *p = s->partition;

	mutex_lock(&p->lock);
	if (s->gives_up)
		log_clean_abandon(p->log, s->clean);
	s->more = !s->gives_up && log_clean_step(p->log, s->clean);
	s->deletion = log_clean_take_deletion(s->clean);
	if (!s->more && log_clean_error(s->clean) && log_clean_is_hopeless(s->clean))
		log_set_uncleanable(p->log);
	mutex_unlock(&p->lock);
	s->flushes = s->more && log_clean_is_stalled(s->clean);
	s->moved = s->more ? log_clean_run(s->clean) : 0;
}

static void slot_done(struct work *w);

static void slot_run(struct slot *s)
{
	struct cleaner *c = s->cleaner;

	s->gives_up = s->flushes && c->freed && env_mono_ns(c->node->env) - c->freed_ns > GIVE_UP_MS * 1000000ll;
	s->at_work = true;
	s->work = (struct work){.job = slot_job, .done = slot_done, .loop = s->cleaner->core->loop};
	env_work(s->cleaner->core->loop, &s->work);
}

/* Continues when it is time. A cancelled cleaning does not wait for its share of the disk. */
static void slot_go_on(struct slot *s)
{
	int64_t left_ms = (s->until_ns - env_mono_ns(s->cleaner->node->env)) / 1000000;

	if (left_ms <= 0 || (log_clean_is_cancelled(s->clean) && !s->flushes))
		slot_run(s);
	else
		timer_start(&s->timer, left_ms < LOOK_MS ? left_ms : LOOK_MS);
}

static void slot_due(struct timer *t)
{
	slot_go_on(container_of(t, struct slot, timer));
}

static void flush_partition(struct slot *s)
{
	struct effects e = {0};

	partition_flush(s->partition, s->cleaner->core, &e);
	effects_run(&e, s->cleaner->core);
}

/* The time from which on the bytes read and written so far are within the limit. */
static int64_t pay(struct cleaner *c, const struct slot *s)
{
	int64_t now = env_mono_ns(c->node->env);
	double ns = (double)s->moved / s->settings.bytes_per_second * 1e9;

	if (c->paid_ns < now)
		c->paid_ns = now;
	c->paid_ns += ns < 60e9 ? (int64_t)ns : (int64_t)60e9;
	return c->paid_ns;
}

static void really_free(struct cleaner *c)
{
	xfree(c);
}

static void look_again(struct cleaner *c, int64_t in_ms)
{
	if (!c->freed && !c->looking)
		timer_start(&c->timer, in_ms);
}

static void tell(const struct slot *s, const struct log_clean_stats *stats, int64_t ms)
{
	struct diag *diag = s->cleaner->node->env->diag;
	struct str topic = log_topic(s->partition->log);
	int err = log_clean_error(s->clean);

	if (err == 0)
		diag_info(
			diag, "log compacted",
			"topic=%.*s partition=%d from=%lld upto=%lld bytes_read=%lld bytes_written=%lld records_read=%lld "
			"records_kept=%lld ms=%lld",
			STR_ARG(topic), s->partition->id, (long long)stats->first_dirty, (long long)stats->end,
			(long long)stats->bytes_read, (long long)stats->bytes_written, (long long)stats->records_read,
			(long long)stats->records_kept, (long long)ms);
	else if (log_clean_is_hopeless(s->clean))
		diag_error(diag, "log cannot be compacted, it is left alone until the next start",
			   "topic=%.*s partition=%d segment=%020lld.log error=%s remedy=\"%s\"", STR_ARG(topic),
			   s->partition->id, (long long)log_clean_error_segment(s->clean), err_name(err),
			   err == -ENOBUFS ? "raise log.cleaner.dedupe.buffer.size"
					   : "odradek dump-log --files shows the batch that cannot be read");
	else if (err != -ECANCELED)
		diag_warn(diag, "compaction of a log is put off", "topic=%.*s partition=%d error=%s", STR_ARG(topic),
			  s->partition->id, err_name(err));
}

static void count_cleaning(struct cleaner *c, const struct log_clean_stats *s, int64_t ms)
{
	struct cleaner_stats *t = &c->stats;

	t->cleanings++;
	t->bytes_read += s->bytes_read;
	t->bytes_written += s->bytes_written;
	t->bytes_indexed += s->bytes_indexed;
	t->records_read += s->records_read;
	t->records_kept += s->records_kept;
	t->records_invalid += s->records_invalid;
	t->last_buffer_load = s->map_load;
	t->last_recopied = s->bytes_read ? (double)s->bytes_written / (double)s->bytes_read : 0;
	t->last_ms = ms;
}

static void slot_ended(struct slot *s)
{
	struct cleaner *c = s->cleaner;
	struct core *core = c->core;
	const struct log_clean_stats *stats = log_clean_stats(s->clean);
	int64_t ms = (env_mono_ns(c->node->env) - s->began_ns) / 1000000;
	bool cleaned = log_clean_error(s->clean) == 0;

	if (cleaned)
		count_cleaning(c, stats, ms);
	tell(s, stats, ms);
	list_remove(&s->link);
	c->n_slots--;
	if (cleaned && c->node->upkeep)
		upkeep_cleaned(c->node->upkeep);
	look_again(c, cleaned ? 0 : s->settings.backoff_ms);
	slot_free(s);
	if (c->freed && !c->looking && c->n_slots == 0)
		really_free(c);
	core_work_ends(core);
}

static void slot_done(struct work *w)
{
	struct slot *s = container_of(w, struct slot, work);
	struct cleaner *c = s->cleaner;

	s->at_work = false;
	if (s->deletion)
		core_delete(c->core, s->deletion);
	s->deletion = NULL;
	if (!s->more) {
		slot_ended(s);
		return;
	}
	s->until_ns = pay(c, s);
	if (s->flushes) {
		flush_partition(s);
		if (c->node->upkeep)
			upkeep_recovery_points_are_due(c->node->upkeep);
		s->until_ns = env_mono_ns(c->node->env) + STALLED_MS * 1000000ll;
	}
	slot_go_on(s);
}

/* ---- looking ---- */

static void slot_start(struct slot *s)
{
	struct cleaner *c = s->cleaner;

	list_push(&c->slots, &s->link);
	c->n_slots++;
	s->began_ns = env_mono_ns(c->node->env);
	timer_init(&s->timer, c->core->loop, slot_due);
	core_work_begins(c->core);
	if (c->freed)
		log_clean_cancel(s->clean);
	flush_partition(s); /* the flush has to be over by the time the first segments are exchanged */
	slot_run(s);
}

static void take_look(struct cleaner *c)
{
	struct look *k = &c->look;

	c->stats.last_look_ms = k->now_ms;
	c->stats.max_dirty_ratio = k->max_ratio;
	c->stats.max_delay_ms = k->max_delay_ms;
	c->stats.uncleanable_logs = k->uncleanable_logs;
	c->stats.uncleanable_bytes = k->uncleanable_bytes;
	for (int i = 0; i < k->n; i++)
		core_delete(c->core, k->deletions[i]);
	xfree(k->deletions);
	if (k->best)
		partition_unref(&k->best);
	*k = (struct look){0};
}

static void look_done(struct work *w)
{
	struct cleaner *c = container_of(w, struct cleaner, work);
	struct core *core = c->core;
	struct slot *s = c->next;
	int64_t backoff_ms = s->settings.backoff_ms;
	bool found = s->clean != NULL;

	c->looking = false;
	c->next = NULL;
	take_look(c);
	if (found)
		slot_start(s);
	else
		slot_free(s);
	look_again(c, found ? 0 : backoff_ms); /* another thread would look as well */
	if (c->freed && c->n_slots == 0)
		really_free(c);
	core_work_ends(core);
}

static void look(struct timer *t)
{
	struct cleaner *c = container_of(t, struct cleaner, timer);
	struct cleaner_settings settings = settings_now(c);

	if (c->n_slots >= settings.threads) /* the next one to end looks */
		return;
	c->looking = true;
	c->next = slot_new(c, &settings);
	c->look = (struct look){.now_ms = env_wall_ms(c->node->env)};
	core_work_begins(c->core);
	c->work = (struct work){.job = look_job, .done = look_done, .loop = c->core->loop};
	env_work(c->core->loop, &c->work);
}

/* ---- creation and end ---- */

struct cleaner *cleaner_new(struct node *n)
{
	struct cleaner *c;

	if (!config_bool(n->config, CONFIG_LOG_CLEANER_ENABLE))
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->node = n;
	c->core = &n->cores[0];
	list_init(&c->slots);
	timer_init(&c->timer, c->core->loop, look);
	timer_start(&c->timer, 0);
	return c;
}

void cleaner_free(struct cleaner *c)
{
	if (!c)
		return;
	timer_stop(&c->timer);
	c->freed = true;
	c->freed_ns = env_mono_ns(c->node->env);
	list_each(it, &c->slots)
	{
		struct slot *s = container_of(it, struct slot, link);

		log_clean_cancel(s->clean);
		if (!s->at_work) {
			timer_stop(&s->timer);
			slot_run(s);
		}
	}
	if (!c->looking && c->n_slots == 0)
		really_free(c);
}

void cleaner_stats(const struct cleaner *c, struct cleaner_stats *out)
{
	*out = c ? c->stats : (struct cleaner_stats){0};
}
