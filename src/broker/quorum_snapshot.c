/*
 * quorum_snapshot: when a snapshot is due, a job writes it from an image that is held; what it
 * makes superfluous is removed.
 */
#include <string.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/quorum_private.h"

void quorum_note_snapshot(struct quorum *q, const struct snapshot_file *f)
{
	int at = q->n_snapshots;

	q->snapshots = xreallocarray(q->snapshots, (size_t)q->n_snapshots + 1, sizeof(*f));
	for (; at > 0 && q->snapshots[at - 1].id.end_offset > f->id.end_offset; at--)
		q->snapshots[at] = q->snapshots[at - 1];
	q->snapshots[at] = *f;
	q->n_snapshots++;
}

void quorum_forget_oldest_snapshot(struct quorum *q)
{
	q->n_snapshots--;
	memmove(q->snapshots, q->snapshots + 1, (size_t)q->n_snapshots * sizeof(q->snapshots[0]));
}

/* ---- the job ---- */

static int image_records(void *arg, int (*each)(void *arg, const struct metadata_record *r), void *each_arg)
{
	return image_to_records(arg, each, each_arg);
}

static void cut(struct work *w)
{
	struct snapshot_job *job = container_of(w, struct snapshot_job, work);
	struct quorum *q = job->quorum;

	struct snapshot s = {
		.env = q->env,
		.dir = q->path,
		.id = job->id,
		.wall_ms = env_wall_ms(q->env),
		.last_timestamp_ms = image_timestamp_ms(job->image),
		.kraft_version = job->kraft_version,
		.voters = &job->voters,
		.records = image_records,
		.arg = (void *)job->image,
	};

	job->err = snapshot_write(&s, &job->size);
}

/* End offset of the newest snapshot; -1: there is none. */
static int64_t newest_end(const struct quorum *q)
{
	return q->n_snapshots ? q->snapshots[q->n_snapshots - 1].id.end_offset : -1;
}

static void cut_done(struct work *w)
{
	struct snapshot_job *job = container_of(w, struct snapshot_job, work);
	struct quorum *q = job->quorum;
	struct snapshot_file f = {job->id, job->size, image_timestamp_ms(job->image)};
	struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT, .snapshot = job->id};

	if (job->err == 0 && job->id.end_offset > newest_end(q)) {
		quorum_note_snapshot(q, &f);
	} else if (job->err == 0) { /* the leader's snapshot, which was loaded meanwhile, covers more */
		quorum_note_snapshot(q, &f);
		quorum_drop_snapshots_before(q, job->id.end_offset + 1);
		event.snapshot.end_offset = -1;
	} else {
		diag_warn(q->env->diag, "snapshot failed", "dir=%s end=%lld error=%s", q->path,
			  (long long)job->id.end_offset, err_name(job->err));
		event.snapshot.end_offset = -1;
	}
	image_unref(&job->image);
	raft_voters_fini(&job->voters);
	xfree(job);
	q->cutting = NULL;
	if (!q->failed && !q->stopping)
		quorum_step(q, event);
}

void quorum_cut_snapshot(struct quorum *q)
{
	struct snapshot_job *job;

	/* The newest snapshot already covers the image: the image may be behind what is committed. */
	if (q->cutting || !q->image || image_offset(q->image) + 1 <= newest_end(q)) {
		quorum_step(q, (struct raft_event){.type = RAFT_EVENT_SNAPSHOT, .snapshot = {-1, 0}});
		return;
	}
	job = xcalloc(1, sizeof(*job));
	/* An open metadata transaction is not part of the image. */
	job->quorum = q;
	job->image = image_ref(q->image);
	job->id = (struct raft_snapshot_id){image_offset(q->image) + 1, image_epoch(q->image)};
	job->kraft_version = raft_kraft_version_at(q->raft, image_offset(q->image));
	raft_voters_copy(&job->voters, raft_voters_at(q->raft, image_offset(q->image)));
	job->work.job = cut;
	job->work.done = cut_done;
	q->cutting = job;
	env_work(q->loop, &job->work);
}

/* ---- cleaning ---- */

struct clean_job {
	struct work work;
	struct quorum *quorum;
	struct log_deletion *segments; /* may be NULL */
	char **paths;
	int n_paths;
};

static void clean(struct work *w)
{
	struct clean_job *job = container_of(w, struct clean_job, work);

	for (int i = 0; i < job->n_paths; i++)
		error_ignored(env_unlink(job->quorum->env, job->paths[i])); /* the next start removes it */
	if (job->segments)
		log_deletion_finish(job->segments);
}

static void clean_job_free(struct clean_job *job)
{
	for (int i = 0; i < job->n_paths; i++)
		xfree(job->paths[i]);
	xfree(job->paths);
	if (job->segments)
		log_deletion_free(job->segments);
	xfree(job);
}

static void clean_done(struct work *w)
{
	struct clean_job *job = container_of(w, struct clean_job, work);

	job->quorum->n_cleaning--;
	clean_job_free(job);
}

static bool oldest_may_go(const struct quorum *q, int64_t total)
{
	int64_t max_bytes = config_long(q->options.config, CONFIG_METADATA_MAX_RETENTION_BYTES);
	int64_t max_ms = config_long(q->options.config, CONFIG_METADATA_MAX_RETENTION_MS);

	if (q->n_snapshots < 2)
		return false;
	if (max_bytes >= 0 && total + log_size(q->log) > max_bytes)
		return true;
	return max_ms >= 0 && env_wall_ms(q->env) - q->snapshots[0].timestamp_ms > max_ms;
}

static void drop_oldest(struct quorum *q, struct clean_job *job)
{
	char name[SNAPSHOT_NAME_SIZE];

	snapshot_name(q->snapshots[0].id, name);
	job->paths = xreallocarray(job->paths, (size_t)job->n_paths + 1, sizeof(*job->paths));
	job->paths[job->n_paths++] = xasprintf("%s/%s", q->path, name);
	quorum_forget_oldest_snapshot(q);
}

static void start(struct quorum *q, struct clean_job *job)
{
	job->quorum = q;
	job->work.job = clean;
	job->work.done = clean_done;
	if (job->n_paths == 0) {
		clean_job_free(job);
		return;
	}
	q->n_cleaning++;
	env_work(q->loop, &job->work);
}

void quorum_drop_snapshots_before(struct quorum *q, int64_t offset)
{
	struct clean_job *job = xcalloc(1, sizeof(*job));

	while (q->n_snapshots > 0 && q->snapshots[0].id.end_offset < offset)
		drop_oldest(q, job);
	start(q, job);
}

void quorum_clean(struct quorum *q)
{
	struct clean_job *job = xcalloc(1, sizeof(*job));
	int64_t total = 0;
	bool moved = false;

	for (int i = 0; i < q->n_snapshots; i++)
		total += q->snapshots[i].size;
	while (oldest_may_go(q, total)) {
		total -= q->snapshots[0].size;
		drop_oldest(q, job);
	}
	if (job->n_paths > 0 && log_set_start(q->log, q->snapshots[0].id.end_offset, &moved) == 0 && moved &&
	    log_retain(q->log, env_wall_ms(q->env), &job->segments) == 0)
		quorum_step(q, (struct raft_event){.type = RAFT_EVENT_CLEANED, .snapshot = q->snapshots[0].id});
	start(q, job);
}
