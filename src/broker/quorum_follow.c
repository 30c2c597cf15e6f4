/*
 * quorum_follow: follows a log that another node leads: appends what was fetched, truncates what
 * the leader does not have, replaces the log by the leader's snapshot, and advances the committed
 * image.
 *
 * Data becomes part of an image only when it is committed, so nothing in an image ever has to be
 * taken back.
 */
#include <errno.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/quorum_private.h"
#include "log/dir.h"
#include "raft/control.h"
#include "wire/batch.h"
#include "wire/records.h"

#define REPLAY_RETRY_MS 50

/* ---- records ---- */

/*
 * Notes exactly what the log takes. The note is tried first, because a batch that does not follow
 * on the last must not be appended.
 */
static int append_one(struct quorum *q, const struct batch_iter *at, int32_t epoch, struct raft_history *history)
{
	struct log_appended appended;
	struct raft_history trial;
	int32_t last_epoch = history->n_epochs > 0 ? history->epochs[history->n_epochs - 1].epoch : history->base_epoch;
	int err = batch_crc_ok(at->p, &at->header) ? 0 : -EBADMSG;

	raft_history_init(&trial, history->end, last_epoch);
	if (err == 0)
		err = control_note(&at->header, at->p, &trial);
	raft_history_fini(&trial);
	if (err == 0)
		err = log_append_as_follower(q->log, at->p, (size_t)batch_size(&at->header), epoch, env_wall_ms(q->env),
					     &appended);
	return err == 0 ? control_note(&at->header, at->p, history) : err;
}

/* Logs an error once, until it is followed by another one or by success. */
static void note_trouble(struct quorum *q, int err)
{
	if (err != 0 && q->fetch_trouble != err)
		diag_warn(q->env->diag, "what was fetched of the metadata log cannot be appended, fetched again",
			  "dir=%s offset=%lld error=%s", q->path, (long long)log_offsets(q->log).end, err_name(err));
	q->fetch_trouble = err;
}

int quorum_append_fetched(struct quorum *q, const struct raft_effect *e)
{
	struct batch_iter it = batch_iter(e->records.p, (size_t)e->records.len);
	struct raft_history history;
	int err = 0;

	check(e->offset == log_offsets(q->log).end);
	raft_history_init(&history, e->offset, raft_last_epoch(q->raft));
	while (err == 0 && batch_next(&it) && it.header.leader_epoch <= e->epoch)
		err = append_one(q, &it, e->epoch, &history);
	if (err == 0 && history.end == e->offset)
		err = -EBADMSG;
	note_trouble(q, err);
	quorum_measure_fetched(q, history.end - e->offset);
	if (err != 0 && log_dir_error(q->options.dir) != 0)
		err = log_dir_error(q->options.dir);
	else
		quorum_step(q, (struct raft_event){.type = RAFT_EVENT_FETCHED, .history = &history, .err = err});
	raft_history_fini(&history);
	return log_dir_error(q->options.dir);
}

int quorum_truncate(struct quorum *q, int64_t offset)
{
	check(offset >= q->replay_end);
	diag_info(q->env->diag, "the metadata log is cut to what its leader has", "dir=%s offset=%lld end=%lld",
		  q->path, (long long)offset, (long long)log_offsets(q->log).end);
	return log_truncate_to(q->log, offset);
}

/* ---- the image ---- */

static void replay_on(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, replay_timer);
	int err;

	if (q->failed || controller_is_active(q->controller))
		return;
	err = quorum_replay(q, &q->replay, &q->replay_end, q->replay_want);
	quorum_publish_replayed(q);
	if (err_passes(err) && log_dir_error(q->options.dir) == 0)
		timer_start(t, REPLAY_RETRY_MS);
	else if (err != 0)
		quorum_fail(q, err);
}

void quorum_follow(struct quorum *q, int64_t high_watermark)
{
	q->replay_want = high_watermark;
	replay_on(&q->replay_timer);
}

void quorum_replay_from(struct quorum *q, const struct image *image)
{
	replay_fini(&q->replay);
	replay_init(&q->replay, image_ref(image));
	q->replay_end = image_offset(image) + 1;
}

/* ---- fetching the leader's snapshot, piece by piece ---- */

static char *path_of(const struct quorum *q, struct raft_snapshot_id id, const char *suffix)
{
	char name[SNAPSHOT_NAME_SIZE];

	snapshot_name(id, name);
	return xasprintf("%s/%s%s", q->path, name, suffix);
}

static void drop_part(struct quorum *q)
{
	char *path = path_of(q, q->part.id, ".part");

	if (q->part.file)
		error_ignored(env_unlink(q->env, path)); /* the next start removes it */
	file_unref(&q->part.file);
	xfree(path);
}

void quorum_take_chunk(struct quorum *q, const struct raft_effect *e)
{
	struct snapshot_part *part = &q->part;
	char *path;

	if (e->offset == 0) {
		drop_part(q);
		*part = (struct snapshot_part){.id = e->snapshot};
		path = path_of(q, part->id, ".part");
		part->err = env_open(q->env, path, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &part->file);
		xfree(path);
	}
	if (part->err == 0)
		part->err = file_write_full(part->file, e->records.p, (size_t)e->records.len, e->offset);
	part->size = e->offset + e->records.len;
}

/* ---- putting it in place ---- */

/* A snapshot being loaded: nobody else uses it while it is read. */
struct snapshot_load {
	struct work work;
	struct quorum *quorum;
	struct snapshot_part part;
	struct replay replay;
	struct raft_history history;
	int64_t timestamp_ms;
	int err;
};

static int read_part(struct snapshot_load *job, const char *path)
{
	struct loading l = {.quorum = job->quorum, .replay = &job->replay, .to = &job->history, .id = job->part.id};
	int err = file_sync(job->part.file);

	if (err == 0)
		err = quorum_load_snapshot(&l, path);
	if (err == 0)
		replay_skip(&job->replay, l.id.end_offset - 1, l.id.epoch, l.timestamp_ms);
	job->timestamp_ms = l.timestamp_ms;
	return err;
}

/* It is read before it gets its name: one that cannot be read would prevent the node's next start. */
static void load(struct work *w)
{
	struct snapshot_load *job = container_of(w, struct snapshot_load, work);
	struct quorum *q = job->quorum;
	char *part = path_of(q, job->part.id, ".part");
	char *path = path_of(q, job->part.id, "");

	job->err = read_part(job, part);
	if (job->err == 0)
		job->err = env_rename(q->env, part, path);
	if (job->err == 0)
		job->err = env_sync_dir(q->env, q->path);
	if (job->err != 0)
		error_ignored(env_unlink(q->env, part)); /* the next start removes it */
	xfree(part);
	xfree(path);
}

/* The snapshot replaces the log; what it covers is superfluous. */
static int take_place(struct quorum *q, struct snapshot_load *job)
{
	struct snapshot_file f = {job->part.id, job->part.size, job->timestamp_ms};
	int err = log_truncate_fully_at(q->log, job->part.id.end_offset);

	if (err != 0)
		return err;
	diag_info(q->env->diag, "the metadata log starts over behind its leader's snapshot", "dir=%s offset=%lld",
		  q->path, (long long)job->part.id.end_offset);
	quorum_note_snapshot(q, &f);
	quorum_drop_snapshots_before(q, job->part.id.end_offset);
	replay_fini(&q->replay);
	q->replay = job->replay;
	q->replay_end = job->part.id.end_offset;
	replay_init(&job->replay, image_new(str_of(q->cluster_id)));
	return 0;
}

static void load_done(struct work *w)
{
	struct snapshot_load *job = container_of(w, struct snapshot_load, work);
	struct quorum *q = job->quorum;
	struct raft_event event = {.type = RAFT_EVENT_LOADED, .snapshot = job->part.id, .history = &job->history};
	int err;

	q->loading_snapshot = false;
	event.err = job->err;
	if (!q->failed && !q->stopping) {
		err = job->err == 0 ? take_place(q, job) : 0;
		if (err != 0)
			quorum_fail(q, err);
		if (job->err != 0)
			diag_warn(q->env->diag, "the leader's snapshot cannot be loaded, fetched again",
				  "dir=%s offset=%lld error=%s", q->path, (long long)job->part.id.end_offset,
				  err_name(job->err));
		quorum_step(q, event);
	}
	replay_fini(&job->replay);
	raft_history_fini(&job->history);
	file_unref(&job->part.file);
	xfree(job);
}

void quorum_load_fetched(struct quorum *q, struct raft_snapshot_id id)
{
	struct snapshot_load *job;

	check(q->part.id.end_offset == id.end_offset && q->part.id.epoch == id.epoch);
	if (q->part.err != 0) {
		int err = q->part.err;

		drop_part(q);
		quorum_step(q, (struct raft_event){.type = RAFT_EVENT_LOADED, .snapshot = id, .err = err});
		return;
	}
	job = xcalloc(1, sizeof(*job));
	job->quorum = q;
	job->part = q->part;
	q->part = (struct snapshot_part){0};
	replay_init(&job->replay, image_new(str_of(q->cluster_id)));
	raft_history_init(&job->history, id.end_offset, id.epoch);
	q->loading_snapshot = true;
	job->work = (struct work){.job = load, .done = load_done};
	env_work(q->loop, &job->work);
}

/* ---- creation and end ---- */

void quorum_follow_init(struct quorum *q)
{
	replay_init(&q->replay, image_new(str_of(q->cluster_id)));
	timer_init(&q->replay_timer, q->loop, replay_on);
}

void quorum_follow_fini(struct quorum *q)
{
	timer_stop(&q->replay_timer);
	file_unref(&q->part.file);
	replay_fini(&q->replay);
}
