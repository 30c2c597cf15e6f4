/*
 * cold: a file range that is not in the page cache is read by a worker and sent from memory.
 *
 * The struct outlives its connection while the worker has it: cold_abandon then only detaches the
 * connection.
 */
#include <errno.h>

#include "base/check.h"
#include "base/mem.h"
#include "net/net_priv.h"

struct cold {
	struct work work;
	struct conn *conn;    /* NULL: abandoned */
	struct loop *gone_to; /* when abandoned: the loop to which `gone` is posted once the worker is done */
	struct post *gone;
	struct file *file;
	struct block *block;
	int64_t pos;
	size_t len;
	size_t sent;
	int err;
	bool done;
};

static void cold_job(struct work *w)
{
	struct cold *cold = container_of(w, struct cold, work);

	cold->err = file_read_full(cold->file, cold->block->data, cold->len, cold->pos);
}

static void cold_free(struct cold *cold)
{
	file_unref(&cold->file);
	block_unref(&cold->block);
	xfree(cold);
}

static void cold_done(struct work *w)
{
	struct cold *cold = container_of(w, struct cold, work);

	cold->done = true;
	if (cold->conn) {
		cold->conn->out.progress_ns = env_mono_ns(w->loop->env);
		reactor_schedule(cold->conn);
		return;
	}
	loop_post(cold->gone_to, cold->gone);
	cold_free(cold);
}

struct cold *cold_read(struct conn *c, struct file *f, int64_t pos, size_t len)
{
	struct cold *cold = xcalloc(1, sizeof(*cold));

	check(len > 0 && len <= COLD_READ_MAX);
	*cold = (struct cold){.conn = c, .file = file_ref(f), .pos = pos, .len = len};
	cold->block = block_new(&c->reactor->pool, len);
	block_charge(cold->block);
	cold->work.job = cold_job;
	cold->work.done = cold_done;
	env_work(c->reactor->loop, &cold->work);
	return cold;
}

ssize_t cold_bytes(const struct cold *cold, const uint8_t **p)
{
	if (!cold->done)
		return 0;
	if (cold->err)
		return cold->err;
	*p = cold->block->data + cold->sent;
	return (ssize_t)(cold->len - cold->sent);
}

bool cold_advance(struct cold **cp, size_t n)
{
	struct cold *cold = *cp;

	check(cold->done && n <= cold->len - cold->sent);
	cold->sent += n;
	if (cold->sent < cold->len)
		return false;
	*cp = NULL;
	cold_free(cold);
	return true;
}

bool cold_is_read(const struct cold *cold)
{
	return cold->done;
}

bool cold_abandon(struct cold **cp, struct loop *gone_to, struct post *gone)
{
	struct cold *cold = *cp;

	*cp = NULL;
	if (!cold)
		return false;
	if (cold->done) {
		cold_free(cold);
		return false;
	}
	cold->conn = NULL;
	cold->gone_to = gone_to;
	cold->gone = gone;
	return true;
}
