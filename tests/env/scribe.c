#include "tests/env/scribe.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/list.h"
#include "base/mem.h"

/* ---- the server ---- */

struct reader {
	struct list link;
	struct scribe *scribe;
	struct sock *sock;
	struct buf in;
	struct buf out;
	size_t out_pos;
	int64_t send_pos; /* position in the file while it is being sent */
	int64_t send_end;
	int64_t answer; /* sent when its bytes are synced */
	struct work work;
	bool busy; /* its request is being written */
	bool gone;
	int err;
};

struct scribe {
	struct env *env;
	struct loop *loop;
	struct listener *listener;
	struct file *file;
	int64_t size;
	bool sync;
	struct list readers;
	struct post stop;
	int n_busy;
	bool stopping;
};

static void reader_step(struct reader *r);

static void scribe_maybe_stop(struct scribe *s)
{
	if (s->stopping && list_empty(&s->readers))
		loop_stop(s->loop);
}

static void reader_free(struct reader *r)
{
	struct scribe *s = r->scribe;

	if (r->sock)
		sock_close(r->sock);
	r->sock = NULL;
	r->gone = true;
	if (r->busy)
		return;
	list_remove(&r->link);
	buf_fini(&r->in);
	buf_fini(&r->out);
	xfree(r);
	scribe_maybe_stop(s);
}

static void put_u64_be(struct buf *b, uint64_t v)
{
	uint8_t p[8];

	put_u64(p, v);
	buf_put(b, p, sizeof(p));
}

static void sync_job(struct work *w)
{
	struct reader *r = container_of(w, struct reader, work);

	r->err = file_sync(r->scribe->file);
}

static void sync_done(struct work *w)
{
	struct reader *r = container_of(w, struct reader, work);

	r->busy = false;
	if (r->gone || r->err) {
		reader_free(r);
		return;
	}
	put_u64_be(&r->out, (uint64_t)r->answer);
	reader_step(r);
}

static int take_request(struct reader *r, uint32_t len)
{
	struct scribe *s = r->scribe;
	int err;

	if (!len) {
		put_u64_be(&r->out, (uint64_t)s->size);
		r->send_pos = 0;
		r->send_end = s->size;
		return 0;
	}
	err = file_write_full(s->file, r->in.p + 4, len, s->size);
	if (err)
		return err;
	s->size += len;
	if (!s->sync) {
		put_u64_be(&r->out, (uint64_t)s->size);
		return 0;
	}
	r->answer = s->size;
	r->busy = true;
	r->work = (struct work){.job = sync_job, .done = sync_done};
	env_work(s->loop, &r->work);
	return 0;
}

static int take_requests(struct reader *r)
{
	while (!r->busy && r->in.len >= 4 && r->out_pos == r->out.len && r->send_pos == r->send_end) {
		uint32_t len = get_u32(r->in.p);
		int err;

		if (r->in.len - 4 < len)
			return 0;
		err = take_request(r, len);
		if (err)
			return err;
		memmove(r->in.p, r->in.p + 4 + len, r->in.len - 4 - len);
		r->in.len -= 4 + len;
	}
	return 0;
}

static int send_waiting(struct reader *r)
{
	ssize_t n;

	while (r->out_pos < r->out.len) {
		struct iovec iov[2] = {{r->out.p + r->out_pos, 1},
				       {r->out.p + r->out_pos + 1, r->out.len - r->out_pos - 1}};

		n = sock_writev(r->sock, iov, 2);
		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		r->out_pos += (size_t)n;
	}
	r->out.len = r->out_pos = 0;
	while (!r->busy && r->send_pos < r->send_end) {
		n = sock_sendfile(r->sock, r->scribe->file, r->send_pos, (size_t)(r->send_end - r->send_pos));
		if (n <= 0)
			return n == -EAGAIN ? 0 : n ? (int)n : -EIO;
		r->send_pos += n;
	}
	return 0;
}

static void reader_step(struct reader *r)
{
	int err;
	size_t before;

	do {
		before = r->in.len;
		err = take_requests(r);
		if (!err)
			err = send_waiting(r);
	} while (!err && r->in.len != before);
	if (err)
		reader_free(r);
	else
		sock_want(r->sock,
			  SOCK_READ | (r->out.len || (!r->busy && r->send_pos < r->send_end) ? SOCK_WRITE : 0));
}

static void reader_ready(struct sock *sock, int ready, void *arg)
{
	struct reader *r = arg;

	if (ready & SOCK_READ) {
		ssize_t n;

		buf_reserve(&r->in, 4096);
		n = sock_read(sock, r->in.p + r->in.len, r->in.cap - r->in.len);
		if (n <= 0 && n != -EAGAIN) {
			reader_free(r);
			return;
		}
		r->in.len += n > 0 ? (size_t)n : 0;
	}
	reader_step(r);
}

static void on_connection(struct listener *l, void *arg)
{
	struct scribe *s = arg;
	struct addr peer;
	struct sock *sock;
	int err;

	while ((err = listener_accept(l, &peer, &sock)) != -EAGAIN) {
		struct reader *r;

		if (err)
			continue;
		r = xcalloc(1, sizeof(*r));
		r->scribe = s;
		r->sock = sock;
		list_push(&s->readers, &r->link);
		sock_attach(sock, s->loop, reader_ready, r);
		sock_want(sock, SOCK_READ);
	}
}

struct scribe *scribe_start(struct env *e, const char *dir, const struct addr *a, bool sync)
{
	struct scribe *s = xcalloc(1, sizeof(*s));
	char *path = xasprintf("%s/book", dir);

	s->env = e;
	s->sync = sync;
	list_init(&s->readers);
	check(env_mkdir_all(e, dir) == 0);
	check(env_sync_dir(e, "/") == 0);
	check(env_open(e, path, FILE_WRITE | FILE_CREATE, &s->file) == 0);
	check(env_sync_dir(e, dir) == 0);
	s->size = file_size(s->file);
	s->loop = loop_new(e, "scribe");
	check(env_listen(s->loop, a, 10, on_connection, s, &s->listener) == 0);
	xfree(path);
	return s;
}

struct addr scribe_addr(struct scribe *s)
{
	struct addr a;

	check(listener_addr(s->listener, &a) == 0);
	return a;
}

struct loop *scribe_loop(struct scribe *s)
{
	return s->loop;
}

static void stop_on_loop(struct post *p)
{
	struct scribe *s = container_of(p, struct scribe, stop);

	listener_close(s->listener);
	list_each_safe(it, &s->readers) reader_free(container_of(it, struct reader, link));
	s->stopping = true;
	scribe_maybe_stop(s);
}

void scribe_stop(struct scribe *s)
{
	s->stop.run = stop_on_loop;
	loop_post(s->loop, &s->stop);
}

void scribe_free(struct scribe *s)
{
	loop_free(s->loop);
	file_unref(&s->file);
	xfree(s);
}

/* ---- the client ---- */

static void writer_end(struct writer *w, int err)
{
	sock_close(w->sock);
	w->sock = NULL;
	w->error = err;
	w->done(w);
}

static void next_request(struct writer *w)
{
	uint8_t head[4] = {0};
	uint64_t len = 0;

	w->out.len = w->out_pos = 0;
	if (w->acknowledged < w->n) {
		w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
		len = 1 + (w->seed >> 33) % 5000;
	}
	put_u32(head, (uint32_t)len);
	buf_put(&w->out, head, 4);
	for (uint64_t i = 0; i < len; i++)
		buf_put(&w->out, &(uint8_t){(uint8_t)((w->seed >> 40) + i * 7)}, 1);
	buf_put(&w->sent, w->out.p + 4, len);
}

/* True when the whole book has arrived. */
static bool take_answers(struct writer *w)
{
	while (w->acknowledged < w->n && w->in.len >= 8) {
		w->size = (int64_t)get_u64(w->in.p);
		w->acknowledged++;
		w->in.len -= 8;
		memmove(w->in.p, w->in.p + 8, w->in.len);
		next_request(w);
	}
	if (w->acknowledged < w->n || w->in.len < 8 || w->in.len - 8 < get_u64(w->in.p))
		return false;
	buf_put(&w->book, w->in.p + 8, w->in.len - 8);
	return true;
}

static int writer_read(struct writer *w)
{
	ssize_t n;

	buf_reserve(&w->in, 4096);
	n = sock_read(w->sock, w->in.p + w->in.len, w->in.cap - w->in.len);
	if (n > 0)
		w->in.len += (size_t)n;
	return n == 0 ? -ECONNRESET : n < 0 && n != -EAGAIN ? (int)n : 0;
}

static int writer_write(struct writer *w)
{
	while (w->out_pos < w->out.len) {
		struct iovec iov = {w->out.p + w->out_pos, w->out.len - w->out_pos};
		ssize_t n = sock_writev(w->sock, &iov, 1);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		w->out_pos += (size_t)n;
	}
	return 0;
}

static void writer_ready(struct sock *sock, int ready, void *arg)
{
	struct writer *w = arg;
	int err = sock_error(sock);

	if (!err && ready & SOCK_READ)
		err = writer_read(w);
	if (!err && take_answers(w)) {
		writer_end(w, 0);
		return;
	}
	if (!err)
		err = writer_write(w);
	if (err)
		writer_end(w, err);
	else
		sock_want(sock, SOCK_READ | (w->out_pos < w->out.len ? SOCK_WRITE : 0));
}

void writer_start(struct writer *w)
{
	int err;

	next_request(w);
	err = env_dial(w->loop, &w->to, writer_ready, w, &w->sock);
	check(!err);
	sock_want(w->sock, SOCK_READ | SOCK_WRITE);
}

void writer_fini(struct writer *w)
{
	if (w->sock)
		sock_close(w->sock);
	buf_fini(&w->sent);
	buf_fini(&w->book);
	buf_fini(&w->out);
	buf_fini(&w->in);
}
