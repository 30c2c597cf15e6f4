/*
 * mover: the states of moves, their job, and the requests for them.
 */
#include "broker/mover.h"

#include <errno.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "broker/assignments.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/partition_future.h"
#include "broker/partitions.h"
#include "broker/replication_quota.h"
#include "broker/upkeep.h"
#include "config/config.h"
#include "log/dir.h"
#include "log/log.h"
#include "metadata/image.h"
#include "metadata/version.h"

#define CHUNKS_PER_JOB 16
#define SOON_MS 5
#define ROUNDS_FREE 10
#define RETRY_MS 500 /* for what passes by itself: a full disk, a flush under way, news from the controller */

enum move_state { MOVE_COPYING, MOVE_ASSIGNING, MOVE_SWAPPING };

struct move {
	struct list link;
	struct mover *mover;
	struct partition *partition;
	struct topic_state *topic; /* with the settings of the future log */
	struct log_dir *from, *to;
	struct log *future; /* becomes the partition's when it is swapped */
	enum move_state state;
	int rounds;    /* attempts to swap */
	int cancelled; /* atomic */
	bool at_work;
	bool throttled; /* by replica.alter.log.dirs.io.max.bytes.per.second */
	bool waits;	/* for another move to end its job */
	bool warm;	/* the next chunk was just read from the disk */

	struct work work;
	struct timer timer;
	struct buf buf;
	int64_t lag;		       /* after the last chunk */
	int error;		       /* of the job */
	bool swapped;		       /* by the job */
	struct log_deletion *deletion; /* of the log that was replaced */
};

struct mover {
	struct node *node;
	struct list moves;
	int n_at_work;
	bool stopping;
};

/* ---- the job ---- */

/* After a truncation, or a move of the log start, the future log follows. */
static int follow_bounds(struct move *v, const struct future_chunk *c)
{
	if (c->restart_at >= 0)
		return log_begin_at(v->future, c->restart_at);
	return c->truncate_to >= 0 ? log_truncate_to(v->future, c->truncate_to) : 0;
}

/* Reads a chunk in plaintext: the future log seals what it takes, or not. */
static int read_chunk(struct move *v, struct future_chunk *c)
{
	size_t len = (size_t)c->records.len;
	int err;

	v->buf.len = 0;
	if (c->sealed.any)
		return sealed_read(&c->sealed, str_of(v->topic->name), &c->records, &v->buf);
	buf_reserve(&v->buf, len);
	err = file_read_full(c->records.file, v->buf.p, len, c->records.pos);
	v->buf.len = err ? 0 : len;
	return err;
}

static int append_chunk(struct move *v, struct future_chunk *c)
{
	struct log_appended out;
	struct batch_header h;
	int err = read_chunk(v, c);
	size_t len = v->buf.len;

	if (!err)
		err = batch_header_read(v->buf.p, len, &h);
	/* The batch that contains the log start may begin before it. */
	if (!err && log_size(v->future) == 0 && h.base_offset < log_offsets(v->future).end)
		err = log_begin_at(v->future, h.base_offset);
	if (!err)
		err = log_append_as_follower(v->future, v->buf.p, len, INT32_MAX, env_wall_ms(v->mover->node->env),
					     &out);
	replication_quota_record(v->mover->node->replication_quotas, QUOTA_LOG_DIRS, (int64_t)len);
	return err;
}

/* Copies one chunk, or reads the pages of one from the disk; v->lag is what is left. */
static int copy_chunk(struct move *v)
{
	struct future_chunk c;
	int err = partition_future_chunk(v->partition, v->future, !v->warm, &c);

	v->warm = err == -EAGAIN;
	if (v->warm)
		return log_cold_run(&c.cold);
	if (!err)
		err = follow_bounds(v, &c);
	if (!err && c.records.len > 0)
		err = append_chunk(v, &c);
	file_unref(&c.records.file);
	v->lag = c.current_end - log_offsets(v->future).end;
	return err;
}

static int copy(struct move *v)
{
	int err = 0;

	v->lag = 1;
	v->throttled = false;
	for (int i = 0; i < CHUNKS_PER_JOB && v->lag > 0 && !err && !v->throttled; i++) {
		v->throttled = v->state != MOVE_SWAPPING && /* while swapping, appends may be waiting */
			       replication_quota_is_exceeded(v->mover->node->replication_quotas, QUOTA_LOG_DIRS);
		if (!v->throttled)
			err = copy_chunk(v);
	}
	return err;
}

static int flush(struct move *v)
{
	struct log_flush f = {0};
	int err = 0;

	if (log_flush_begin(v->future, LOG_FLUSH_ALL, &f)) {
		log_flush_run(&f);
		err = log_flush_end(v->future, &f);
	}
	log_flush_fini(&f);
	return err;
}

/* Copies what has arrived since, and swaps if nothing arrived meanwhile. */
static int try_swap(struct move *v)
{
	struct effects e = {0};
	int err = copy(v);

	if (!err)
		err = flush(v);
	if (!err)
		err = partition_future_swap(v->partition, v->future, &v->deletion, &e);
	v->swapped = !err;
	effects_run(&e, NULL);
	return err;
}

static bool is_cancelled(const struct move *v)
{
	return __atomic_load_n(&v->cancelled, __ATOMIC_RELAXED);
}

static void job(struct work *w)
{
	struct move *v = container_of(w, struct move, work);

	v->error = v->state == MOVE_SWAPPING ? try_swap(v) : copy(v);
	if (!v->error && v->state == MOVE_COPYING && v->lag <= 0)
		v->error = flush(v);
	if (!v->swapped && !is_cancelled(v))
		partition_future_note(v->partition, v->future);
}

/* ---- on reactor 0 ---- */

static void start_job(struct move *v);

static void begin_anew(struct move *v);

static void due(struct timer *t)
{
	struct move *v = container_of(t, struct move, timer);

	if (log_standing(v->future) == LOG_WHOLE)
		start_job(v);
	else
		begin_anew(v);
}

static void release(struct move *v)
{
	list_remove(&v->link);
	timer_stop(&v->timer);
	topic_state_unref(&v->topic);
	partition_unref(&v->partition);
	buf_fini(&v->buf);
	xfree(v);
}

static struct move *find(struct mover *m, const struct partition *p)
{
	list_each(it, &m->moves)
	{
		struct move *v = container_of(it, struct move, link);

		if (v->partition == p && !is_cancelled(v))
			return v;
	}
	return NULL;
}

/* Drops the future log; the current one stays. */
static void give_up(struct move *v)
{
	struct core *core = &v->mover->node->cores[0];
	struct log_deletion *deletion = log_dir_error(v->to) ? NULL : log_delete(v->future);

	__atomic_store_n(&v->cancelled, 1, __ATOMIC_RELAXED);
	if (!find(v->mover, v->partition))
		partition_future_note(v->partition, NULL);
	log_free(v->future);
	if (deletion)
		core_delete(core, deletion);
	release(v);
}

static void swapped(struct move *v)
{
	struct node *n = v->mover->node;

	partitions_moved(n->partitions, v->from, v->to);
	diag_info(n->env->diag, "replica moved", "topic=%s partition=%d dir=%s", v->topic->name, v->partition->id,
		  log_dir_path(v->to));
	if (v->deletion)
		core_delete(&n->cores[0], v->deletion);
	if (n->upkeep)
		upkeep_names_changed(n->upkeep);
	release(v);
}

static bool is_passing_error(int err)
{
	return err == -EAGAIN || err_passes(err) || err == ERR_KAFKA_STORAGE_ERROR;
}

static bool is_assigned_in(const struct move *v, const struct image *image)
{
	const struct image_topic *t = image ? image_topic_by_id(image, v->partition->topic_id) : NULL;
	const struct image_partition *p = t ? image_topic_partition(t, v->partition->id) : NULL;
	struct image_ids replicas;

	if (image && image_metadata_version(image) < METADATA_VERSION_DIRECTORIES)
		return true; /* there is no one to tell */
	if (!p)
		return false;
	replicas = partition_replicas(p);
	for (int i = 0; i < replicas.n; i++)
		if (replicas.v[i] == v->mover->node->id)
			return uuid_eq(partition_directory(p, i), log_dir_meta(v->to)->directory_id);
	return false;
}

static void assign(struct move *v)
{
	const struct image *image = quorum_image(v->mover->node->quorum);

	v->state = is_assigned_in(v, image) ? MOVE_SWAPPING : MOVE_ASSIGNING;
	image_unref(&image);
	if (v->state == MOVE_ASSIGNING)
		assignments_want(v->mover->node->assignments,
				 &(struct assignment){v->partition->topic_id, v->partition->id,
						      log_dir_meta(v->to)->directory_id});
}

/* The controller was told the new directory, but the replica stays: tells it so. */
static void unassign(struct move *v)
{
	if (v->state != MOVE_COPYING)
		assignments_want(v->mover->node->assignments,
				 &(struct assignment){v->partition->topic_id, v->partition->id,
						      log_dir_meta(v->from)->directory_id});
}

static bool is_over(const struct move *v)
{
	return is_cancelled(v) || log_dir_error(v->to) || partition_is_deleted(v->partition);
}

static void go_on(struct move *v)
{
	if (v->state == MOVE_COPYING && v->lag <= 0)
		assign(v);
	if (v->throttled)
		timer_start(&v->timer, config_int(v->mover->node->config, CONFIG_REPLICA_FETCH_BACKOFF_MS));
	else if (v->state == MOVE_COPYING || v->state == MOVE_SWAPPING)
		start_job(v);
	else
		timer_start(&v->timer, RETRY_MS); /* meanwhile it keeps following */
}

/*
 * Under continuous appends the moment to swap may never come: after some rounds appends wait for
 * it, but they do not wait for a disk or a key.
 */
static void retry(struct move *v)
{
	bool soon = v->state == MOVE_SWAPPING && v->error == -EAGAIN;

	if (soon && ++v->rounds > ROUNDS_FREE)
		partition_future_hold(v->partition);
	if (!soon) {
		v->rounds = 0;
		partition_future_release(v->partition);
	}
	timer_start(&v->timer, soon ? SOON_MS : RETRY_MS);
}

/* A move that is swapping goes first: appends may be waiting for it. */
static struct move *next_waiting(struct mover *m)
{
	struct move *first = NULL;

	list_each(it, &m->moves)
	{
		struct move *v = container_of(it, struct move, link);

		if (v->waits && (!first || (v->state == MOVE_SWAPPING && first->state != MOVE_SWAPPING)))
			first = v;
	}
	return first;
}

/* Its turn is over; it goes behind the others. */
static void leave_work(struct move *v)
{
	struct mover *m = v->mover;
	struct move *next = m->stopping ? NULL : next_waiting(m);

	v->at_work = false;
	m->n_at_work--;
	list_remove(&v->link);
	list_push(&m->moves, &v->link);
	if (next)
		start_job(next);
}

static void job_done(struct work *w)
{
	struct move *v = container_of(w, struct move, work);
	struct mover *m = v->mover;

	leave_work(v);
	if (v->swapped) {
		swapped(v);
	} else if (is_over(v)) {
		unassign(v);
		give_up(v);
	} else if (m->stopping) {
		;
	} else if (v->error && !is_passing_error(v->error)) {
		diag_error(m->node->env->diag, "replica cannot be moved", "topic=%s partition=%d dir=%s error=%s",
			   v->topic->name, v->partition->id, log_dir_path(v->to), err_name(v->error));
		unassign(v);
		give_up(v);
	} else if (log_standing(v->future) != LOG_WHOLE) {
		timer_start(&v->timer, RETRY_MS);
	} else if (v->error) {
		retry(v);
	} else {
		go_on(v);
	}
	core_work_ends(&m->node->cores[0]);
}

static int threads(const struct mover *m)
{
	const struct config *c = m->node->config;
	int n = config_is_null(c, CONFIG_NUM_REPLICA_ALTER_LOG_DIRS_THREADS)
			? m->node->n_log_dirs
			: config_int(c, CONFIG_NUM_REPLICA_ALTER_LOG_DIRS_THREADS);

	return n < 1 ? 1 : n;
}

static void start_job(struct move *v)
{
	struct core *core = &v->mover->node->cores[0];

	check(!v->at_work);
	timer_stop(&v->timer);
	v->waits = v->mover->n_at_work >= threads(v->mover);
	if (v->waits)
		return;
	v->at_work = true;
	v->mover->n_at_work++;
	core_work_begins(core);
	v->work = (struct work){.job = job, .done = job_done, .loop = core->loop};
	env_work(core->loop, &v->work);
}

static void cancel(struct move *v)
{
	__atomic_store_n(&v->cancelled, 1, __ATOMIC_RELAXED);
	if (v->at_work)
		return;
	unassign(v);
	give_up(v);
}

/* Takes over the future log and the topic's reference. */
static void begin(struct mover *m, struct partition *p, struct log *future, struct topic_state *topic)
{
	struct move *v = xcalloc(1, sizeof(*v));

	v->mover = m;
	v->partition = partition_ref(p);
	v->topic = topic;
	v->future = future;
	v->from = partition_dir(p);
	v->to = log_dir(future);
	v->lag = 1;
	timer_init(&v->timer, m->node->cores[0].loop, due);
	list_push(&m->moves, &v->link);
	partition_future_note(p, future);
	if (!m->stopping)
		start_job(v);
}

static int ask_one(struct mover *m, const struct move_wish *wish)
{
	struct partition *p = wish->partition;
	struct move *v = find(m, p);
	struct topic_state *topic;
	struct log_id id;

	if (m->stopping || log_dir_error(wish->to))
		return ERR_KAFKA_STORAGE_ERROR;
	if (v && v->to == wish->to)
		return 0;
	if (v)
		cancel(v);
	if (partition_dir(p) == wish->to)
		return 0;
	topic = partition_topic(p);
	id = (struct log_id){.topic = str_of(topic->name), .partition = p->id, .topic_id = p->topic_id};
	begin(m, p, log_new_future(wish->to, &id, &topic->config, NULL), topic);
	return 0;
}

/*
 * The copy lacks something for which there was no space, and cannot be trusted: another future log
 * replaces it.
 */
static void begin_anew(struct move *v)
{
	struct move_wish wish = {.partition = partition_ref(v->partition), .to = v->to};
	struct mover *m = v->mover;

	unassign(v);
	give_up(v);
	(void)ask_one(m, &wish); /* otherwise the directory has failed */
	partition_unref(&wish.partition);
}

static void answered(struct post *post)
{
	struct move_request *r = container_of(post, struct move_request, post);

	r->done(r);
}

static void asked(struct post *post)
{
	struct move_request *r = container_of(post, struct move_request, post);

	for (int i = 0; i < r->n; i++)
		*r->v[i].error = ask_one(r->mover, &r->v[i]);
	r->post.run = answered;
	loop_post(r->loop, &r->post);
}

void mover_ask(struct mover *m, struct move_request *r)
{
	r->mover = m;
	r->post.run = asked;
	loop_post(m->node->cores[0].loop, &r->post);
}

void mover_resume(struct mover *m, struct partition *p, struct log *future, struct topic_state *topic)
{
	diag_info(m->node->env->diag, "replica goes on moving", "topic=%s partition=%d dir=%s", topic->name, p->id,
		  log_dir_path(log_dir(future)));
	begin(m, p, future, topic);
}

void mover_follow(struct mover *m, const struct image *now)
{
	list_each_safe(it, &m->moves)
	{
		struct move *v = container_of(it, struct move, link);

		if (partition_is_deleted(v->partition)) {
			cancel(v);
		} else if (v->state == MOVE_ASSIGNING && is_assigned_in(v, now)) {
			v->state = MOVE_SWAPPING;
			if (!v->at_work && !m->stopping)
				start_job(v);
		}
	}
}

/* ---- creation and end ---- */

struct mover *mover_new(struct node *n)
{
	struct mover *m = xcalloc(1, sizeof(*m));

	m->node = n;
	list_init(&m->moves);
	return m;
}

void mover_stop(struct mover *m)
{
	m->stopping = true;
	list_each(it, &m->moves) timer_stop(&container_of(it, struct move, link)->timer);
}

int mover_close(struct mover *m)
{
	int first = 0;

	list_each_safe(it, &m->moves)
	{
		struct move *v = container_of(it, struct move, link);
		int err;

		check(!v->at_work);
		err = log_close(v->future);
		if (err && !first && !log_dir_error(v->to))
			first = err;
		partition_future_note(v->partition, NULL);
		log_free(v->future);
		release(v);
	}
	return first;
}

void mover_free(struct mover *m)
{
	check(!m || list_empty(&m->moves));
	xfree(m);
}
