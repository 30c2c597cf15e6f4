/*
 * upkeep: a table of chores, each with its interval.
 *
 * A chore looks at every partition in a job, off the reactors, and takes a partition's lock for
 * page-cache work only. Further work that it finds (files to remove, flushes) is posted back to
 * reactor 0.
 */
#include "broker/upkeep.h"

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/disk_limit.h"
#include "broker/layers.h"
#include "broker/log_keys.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/partitions.h"
#include "config/config.h"
#include "log/dir.h"
#include "log/log.h"

#define IDLE_SWEEP_MS 15000
#define IDLE_FILE_MS 30000
#define RESERVE_MS 5000
#define FLUSH_SWEEP_MS 1000
/* fraction of its interval by which a chore may be late, so that it goes along with something else */
#define LATE_SHARE 8
#define LOG_KEYS_MS 10000
#define DISK_LIMIT_MS 10000
#define NAMES_MS 600000 /* for what could not be settled when it was due */

struct found {
	struct log_deletion **deletions;
	int n, cap;
	struct partition **flushes;
	int n_flushes, cap_flushes;
};

struct upkeep {
	struct node *node;
	struct lazy_timer timer;
	struct work work;
	struct found found;
	int64_t *due_ms;		/* per chore; monotonic */
	uint32_t at_work;		/* one bit per chore of the job */
	int disk_percent;		/* odradek.log.retention.disk.percent when the job began */
	int64_t producer_expiration_ms; /* producer.id.expiration.ms when the job began */
	bool settled;			/* the job has released what only the start needed */
	bool working;
	bool freed;
};

/* ---- chores, in a job ---- */

static void high_watermarks(struct upkeep *u)
{
	partitions_checkpoint(u->node->partitions, CHECKPOINT_HIGH_WATERMARK);
}

static void recovery_points(struct upkeep *u)
{
	partitions_checkpoint(u->node->partitions, CHECKPOINT_RECOVERY_POINT);
}

static void log_starts(struct upkeep *u)
{
	partitions_checkpoint(u->node->partitions, CHECKPOINT_LOG_START);
}

static void cleaned(struct upkeep *u)
{
	partitions_checkpoint(u->node->partitions, CHECKPOINT_CLEANER);
}

/* Replicas have given up their names: no checkpoint may contain them when a successor gets the name. */
static void names(struct upkeep *u)
{
	partitions_checkpoint_all(u->node->partitions);
}

static void found_deletion(void *arg, struct log_deletion *deletion)
{
	struct found *f = arg;

	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		f->deletions = xreallocarray(f->deletions, (size_t)f->cap, sizeof(struct log_deletion *));
	}
	f->deletions[f->n++] = deletion;
}

static void retain_one(struct partition *p, void *arg)
{
	struct upkeep *u = arg;
	struct log_deletion *deletion;

	do {
		deletion = NULL;
		mutex_lock(&p->lock);
		if (!p->deleted && !p->topic->config.cleanup_compact) /* compacted logs are the cleaner's */
			log_retain(p->log, env_wall_ms(u->node->env), &deletion);
		mutex_unlock(&p->lock);
		if (deletion) {
			partition_has_moved(p);
			found_deletion(&u->found, deletion);
		}
	} while (deletion);
}

static void reload_one(struct partition *p, void *arg)
{
	struct upkeep *u = arg;
	struct log_deletion *deletion;

	if (!partition_wants_reload(p))
		return;
	deletion = partition_reload(p, u->producer_expiration_ms);
	if (deletion)
		found_deletion(&u->found, deletion);
}

static void retention(struct upkeep *u)
{
	partitions_each(u->node->partitions, retain_one, u);
}

static void disk_limit(struct upkeep *u)
{
	disk_limit_apply(u->node, u->disk_percent, found_deletion, &u->found);
}

static void close_idle_one(struct partition *p, void *arg)
{
	const int64_t *before_ms = arg;

	mutex_lock(&p->lock);
	log_close_idle(p->log, *before_ms);
	mutex_unlock(&p->lock);
}

static void idle_files(struct upkeep *u)
{
	int64_t before_ms = env_mono_ms(u->node->env) - IDLE_FILE_MS;

	if (!u->settled)
		env_let_go(u->node->env);
	u->settled = true;
	partitions_each(u->node->partitions, close_idle_one, &before_ms);
}

static void expire_one(struct partition *p, void *arg)
{
	struct upkeep *u = arg;

	mutex_lock(&p->lock);
	log_expire_producers(p->log, env_wall_ms(u->node->env), u->producer_expiration_ms);
	mutex_unlock(&p->lock);
}

static void producers(struct upkeep *u)
{
	partitions_each(u->node->partitions, expire_one, u);
}

static void flush_due_one(struct partition *p, void *arg)
{
	struct upkeep *u = arg;
	struct found *f = &u->found;
	bool due;

	mutex_lock(&p->lock);
	due = !p->deleted && log_flush_due_ms(p->log) <= env_mono_ms(u->node->env);
	mutex_unlock(&p->lock);
	if (!due)
		return;
	if (f->n_flushes == f->cap_flushes) {
		f->cap_flushes = f->cap_flushes ? 2 * f->cap_flushes : 16;
		f->flushes = xreallocarray(f->flushes, (size_t)f->cap_flushes, sizeof(struct partition *));
	}
	f->flushes[f->n_flushes++] = partition_ref(p);
}

static void flushes(struct upkeep *u)
{
	partitions_each(u->node->partitions, flush_due_one, u);
}

static void reserves(struct upkeep *u)
{
	for (int i = 0; i < u->node->n_dirs; i++)
		if (log_dir_error(u->node->dirs[i]) == 0)
			log_dir_refill_reserve(u->node->dirs[i]);
	partitions_each(u->node->partitions, reload_one, u);
}

static void log_keys(struct upkeep *u)
{
	log_keys_look(u->node);
}

static bool log_keys_wanted(const struct upkeep *u)
{
	return log_keys_may_change(u->node);
}

static int64_t of_setting(const struct config *c, enum config_id id)
{
	return config_long(c, id);
}

static bool flushes_wanted(const struct upkeep *u)
{
	return partitions_flush_by_time(u->node->partitions);
}

struct chore {
	void (*run)(struct upkeep *u);
	enum config_id setting; /* its interval, or */
	int64_t every_ms;
	bool (*is_wanted)(const struct upkeep *u); /* NULL: always */
	bool for_names; /* its checkpoint would be taken for that of another log with the same name */
};

static const struct chore chores[] = {
	{high_watermarks, CONFIG_REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS, 0, NULL, false},
	{recovery_points, CONFIG_LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS, 0, NULL, false},
	{log_starts, CONFIG_LOG_FLUSH_START_OFFSET_CHECKPOINT_INTERVAL_MS, 0, NULL, false},
	{cleaned, 0, NAMES_MS, NULL, false},
	{names, 0, NAMES_MS, NULL, true},
	{retention, CONFIG_LOG_RETENTION_CHECK_INTERVAL_MS, 0, NULL, false},
	{disk_limit, 0, DISK_LIMIT_MS, NULL, false},
	{producers, CONFIG_PRODUCER_ID_EXPIRATION_CHECK_INTERVAL_MS, 0, NULL, false},
	{idle_files, 0, IDLE_SWEEP_MS, NULL, false},
	{reserves, 0, RESERVE_MS, NULL, false},
	{flushes, 0, FLUSH_SWEEP_MS, flushes_wanted, false},
	{log_keys, 0, LOG_KEYS_MS, log_keys_wanted, false},
};

#define N_CHORES ((int)(sizeof(chores) / sizeof(chores[0])))

static int64_t interval(const struct upkeep *u, int i)
{
	return chores[i].every_ms ? chores[i].every_ms : of_setting(u->node->config, chores[i].setting);
}

static bool is_wanted(const struct upkeep *u, int i)
{
	return !chores[i].is_wanted || chores[i].is_wanted(u);
}

/* ---- the timer ---- */

static void found_fini(struct upkeep *u, bool use)
{
	struct core *core = &u->node->cores[0];

	for (int i = 0; i < u->found.n; i++)
		if (use)
			core_delete(core, u->found.deletions[i]);
		else
			log_deletion_free(u->found.deletions[i]);
	for (int i = 0; i < u->found.n_flushes; i++) {
		struct effects e = {0};

		if (use)
			partition_flush(u->found.flushes[i], core, &e);
		effects_run(&e, core);
		partition_unref(&u->found.flushes[i]);
	}
	xfree(u->found.deletions);
	xfree(u->found.flushes);
	u->found = (struct found){0};
}

static void job(struct work *w)
{
	struct upkeep *u = container_of(w, struct upkeep, work);

	for (int i = 0; i < N_CHORES; i++)
		if (u->at_work & 1u << i)
			chores[i].run(u);
}

static void sleep_until_due(struct upkeep *u)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < N_CHORES; i++)
		if (u->due_ms[i] < next)
			next = u->due_ms[i];
	next -= env_mono_ms(u->node->env);
	lazy_timer_start(&u->timer, next, next / LATE_SHARE);
}

static void really_free(struct upkeep *u)
{
	xfree(u->due_ms);
	xfree(u);
}

static void job_done(struct work *w)
{
	struct upkeep *u = container_of(w, struct upkeep, work);

	struct core *core = &u->node->cores[0];

	u->working = false;
	found_fini(u, !u->freed);
	if (u->freed)
		really_free(u);
	else
		sleep_until_due(u);
	core_work_ends(core);
}

static void read_settings(struct upkeep *u)
{
	const struct node *n = u->node;
	struct layers l = layers_of_broker(n->cores[0].image, n->id);

	u->disk_percent = (int)config_long_in(n->config, l.v, l.n, CONFIG_ODRADEK_LOG_RETENTION_DISK_PERCENT);
	u->producer_expiration_ms = config_long_in(n->config, l.v, l.n, CONFIG_PRODUCER_ID_EXPIRATION_MS);
}

static void due(struct lazy_timer *t)
{
	struct upkeep *u = container_of(t, struct upkeep, timer);
	int64_t now = env_mono_ms(u->node->env);
	/* checkpoints at any moment, retention while a flush is under way */
	bool early = env_buggify(u->node->env, "all chores are due");

	u->at_work = 0;
	for (int i = 0; i < N_CHORES; i++)
		if (early || u->due_ms[i] <= now) {
			if (is_wanted(u, i))
				u->at_work |= 1u << i;
			u->due_ms[i] = is_wanted(u, i) ? now + interval(u, i) : INT64_MAX;
		}
	if (!u->at_work) {
		sleep_until_due(u);
		return;
	}
	u->working = true;
	read_settings(u);
	core_work_begins(&u->node->cores[0]);
	u->work = (struct work){.job = job, .done = job_done, .loop = u->node->cores[0].loop};
	env_work(u->node->cores[0].loop, &u->work);
}

struct upkeep *upkeep_new(struct node *n)
{
	struct upkeep *u = xcalloc(1, sizeof(*u));

	u->node = n;
	u->due_ms = xcalloc(N_CHORES, sizeof(*u->due_ms));
	for (int i = 0; i < N_CHORES; i++)
		u->due_ms[i] =
			!is_wanted(u, i) ? INT64_MAX : env_mono_ms(n->env) + (chores[i].for_names ? 0 : interval(u, i));
	lazy_timer_init(&u->timer, n->cores[0].loop, due);
	sleep_until_due(u);
	return u;
}

static void is_due(struct upkeep *u, void (*run)(struct upkeep *u))
{
	for (int i = 0; i < N_CHORES; i++)
		if (chores[i].run == run)
			u->due_ms[i] = env_mono_ms(u->node->env);
	if (!u->working)
		sleep_until_due(u);
}

void upkeep_names_changed(struct upkeep *u)
{
	is_due(u, names);
}

void upkeep_cleaned(struct upkeep *u)
{
	is_due(u, cleaned);
}

void upkeep_recovery_points_are_due(struct upkeep *u)
{
	is_due(u, recovery_points);
}

void upkeep_flushes_are_wanted(struct upkeep *u)
{
	for (int i = 0; i < N_CHORES; i++)
		if (chores[i].run == flushes && u->due_ms[i] == INT64_MAX)
			is_due(u, flushes);
}

void upkeep_free(struct upkeep *u)
{
	lazy_timer_stop(&u->timer);
	u->freed = true;
	if (!u->working)
		really_free(u);
}
