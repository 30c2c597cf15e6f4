/*
 * quorum_state: the file quorum-state, which says for whom this node has voted and whom it follows.
 *
 * It is written by a job, at the same time as the flush of the log. Raft is told of neither before
 * both are on disk, and other nodes of nothing (quorum_request.c), so nothing counts that is not on
 * disk. If there is something new to be written meanwhile, the newest state is written next. A file
 * that is behind the log is what Kafka expects after a kill: the log's epoch counts then.
 */
#include <errno.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/quorum_private.h"
#include "log/dir.h"

#define STATE_MAX 65536

#define RETRY_MS 50 /* after a lack of space or of a descriptor */

struct state_write {
	struct work work;
	struct timer timer;
	struct quorum *quorum;
	struct buf text;
	struct buf next; /* to be written after it; empty when there is nothing */
	int err;
};

static char *path_of(const struct quorum *q)
{
	return xasprintf("%s/quorum-state", q->path);
}

static void write_job(struct work *w)
{
	struct state_write *s = container_of(w, struct state_write, work);
	char *path = path_of(s->quorum);

	s->err = env_replace_file(s->quorum->env, path, s->text.p, s->text.len);
	if (err_is_disk_full(s->err)) { /* the flush at the same time may have released the reserve already */
		log_dir_release_reserve(s->quorum->options.dir);
		s->err = env_replace_file(s->quorum->env, path, s->text.p, s->text.len);
	}
	xfree(path);
}

static void end(struct state_write *s)
{
	s->quorum->state_write = NULL;
	timer_stop(&s->timer);
	buf_fini(&s->text);
	buf_fini(&s->next);
	xfree(s);
}

static void write_done(struct work *w);

static void start(struct state_write *s)
{
	s->work = (struct work){.job = write_job, .done = write_done};
	env_work(s->quorum->loop, &s->work);
}

static void try_again(struct timer *t)
{
	start(container_of(t, struct state_write, timer));
}

static bool take_next(struct state_write *s)
{
	if (s->next.len == 0)
		return false;
	buf_fini(&s->text);
	s->text = s->next;
	s->next = (struct buf){0};
	return true;
}

/* The file is rewritten from its beginning each time: a passing error has done no harm. */
static void write_done(struct work *w)
{
	struct state_write *s = container_of(w, struct state_write, work);
	struct quorum *q = s->quorum;
	int err = s->err;

	if (take_next(s) && (err == 0 || err_passes(err)) && !q->failed) {
		start(s);
		return;
	}
	if (err_passes(err) && !q->stopping && !q->failed) {
		diag_warn(q->env->diag, "quorum-state is not written yet, tried again", "dir=%s error=%s", q->path,
			  err_name(err));
		timer_start(&s->timer, RETRY_MS);
		return;
	}
	end(s);
	quorum_state_written(q, err);
}

void quorum_drop_state(struct quorum *q)
{
	if (q->state_write && timer_is_running(&q->state_write->timer))
		end(q->state_write);
}

void quorum_write_state(struct quorum *q, const struct raft_election *e)
{
	struct state_write *s = q->state_write;

	if (s) {
		s->next.len = 0;
		raft_election_format(e, raft_kraft_version(q->raft), raft_voters(q->raft), &s->next);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->quorum = q;
	raft_election_format(e, raft_kraft_version(q->raft), raft_voters(q->raft), &s->text);
	timer_init(&s->timer, q->loop, try_again);
	q->state_write = s;
	start(s);
}

int quorum_read_state(struct quorum *q, struct raft_start *start)
{
	char *path = path_of(q);
	char *text;
	size_t len;
	int err = env_read_file(q->env, path, STATE_MAX, &text, &len);

	if (err == 0) {
		err = raft_election_parse((struct str){text, (int32_t)len}, &start->election);
		start->has_election = err == 0;
		xfree(text);
		if (err != 0)
			diag_error(q->env->diag, "quorum-state cannot be read",
				   "file=%s remedy=\"remove it if this node is the only "
				   "controller, else restore it\"",
				   path);
	} else if (err == -ENOENT) {
		err = 0;
	}
	xfree(path);
	return err;
}
