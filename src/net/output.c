/*
 * output: answers to bytes.
 *
 * Each chain is sent after its length. Memory parts of neighbouring chains leave in one writev,
 * with short file ranges between them as copies; a longer range leaves by send_file if it is in the
 * page cache, and otherwise is read by a worker first (cold.c) and sent from memory: a reactor
 * never waits for a disk. What precedes a longer range waits in the socket for its first bytes
 * (MSG_MORE).
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "env/env.h"
#include "net/net_priv.h"

#define IOV_MAX_USED 64
#define LENGTH_SIZE ((size_t)4)
#define PART_LENGTH (-1)
/*
 * A range is checked for being in the page cache, and sent, in steps of this size from its
 * beginning: the rest of a step seen there needs no check.
 */
#define SEND_FILE_MAX ((size_t)1024 * 1024)
#define BYTES_PER_LOOK (256 * 1024) /* at the clock */

void output_put(struct output *o, struct chain *c, int64_t now_ns)
{
	check(!c->failed && c->len <= INT32_MAX);
	put_u32(c->out.frame_len, (uint32_t)c->len);
	c->out.next = NULL;
	c->out.part = PART_LENGTH;
	c->out.pos = 0;
	if (o->tail)
		o->tail->out.next = c;
	else
		o->head = c;
	if (!o->blocked && o->head == c)
		o->progress_ns = now_ns;
	o->tail = c;
	o->memory += (uint32_t)(LENGTH_SIZE + c->memory_len);
}

bool output_is_empty(const struct output *o)
{
	return !o->head;
}

static void output_pop(struct output *o)
{
	struct chain *c = o->head;

	o->head = c->out.next;
	if (!o->head)
		o->tail = NULL;
	/* The chain lives in memory that sent() releases. */
	c->out.sent(c->out.arg);
}

static size_t part_len(const struct chain *c, int i)
{
	return i == PART_LENGTH ? LENGTH_SIZE : c->parts[i].len;
}

/* n bytes have been sent: tells the chains that are finished. */
static void output_advance(struct output *o, size_t n)
{
	while (o->head) {
		struct chain *c = o->head;

		while (c->out.part < c->n) {
			size_t left = part_len(c, c->out.part) - c->out.pos;
			bool is_file = c->out.part != PART_LENGTH && c->parts[c->out.part].file;
			size_t step = n < left ? n : left;

			c->out.pos += step;
			n -= step;
			if (!is_file)
				o->memory -= (uint32_t)step;
			if (step < left)
				return;
			c->out.part++;
			c->out.pos = 0;
		}
		output_pop(o);
	}
	check(n == 0);
}

/* What leaves in one writev. */
struct gathered {
	struct iovec iov[IOV_MAX_USED];
	int n;
	size_t bytes;
	size_t copied; /* bytes used of the reactor's copy */
	bool file;     /* a file range comes next */
};

/* Copies a short range if all of it is in the page cache. */
static const uint8_t *copy_range(struct conn *c, const struct chain_part *part, size_t pos, size_t copied)
{
	size_t len = part->len - pos;
	uint8_t *to;

	if (len > COPY_BYTES - copied)
		return NULL;
	to = reactor_copy(c->reactor) + copied;
	return file_pread_nowait(part->file, to, len, part->pos + (int64_t)pos) == (ssize_t)len ? to : NULL;
}

static bool gather_part(struct conn *c, const struct chain *chain, int i, size_t pos, struct gathered *g)
{
	const struct chain_part *part = i == PART_LENGTH ? NULL : &chain->parts[i];
	size_t len = part_len(chain, i) - pos;
	const uint8_t *p;

	if (g->n == IOV_MAX_USED)
		return false;
	if (part && part->file) {
		p = copy_range(c, part, pos, g->copied);
		g->file = !p;
		if (!p)
			return false;
		g->copied += len;
	} else {
		p = (part ? part->p : chain->out.frame_len) + pos;
	}
	g->iov[g->n++] = (struct iovec){.iov_base = (void *)p, .iov_len = len};
	g->bytes += len;
	return true;
}

/* From the head of the queue up to the first file range that is not short. */
static void output_gather(struct conn *c, struct gathered *g)
{
	g->n = 0;
	g->bytes = g->copied = 0;
	g->file = false;
	for (struct chain *chain = c->out.head; chain; chain = chain->out.next) {
		size_t pos = chain->out.pos;

		for (int i = chain->out.part; i < chain->n; i++, pos = 0)
			if (!gather_part(c, chain, i, pos, g))
				return;
	}
}

static ssize_t send_memory(struct conn *c)
{
	struct gathered g;
	ssize_t sent;

	output_gather(c, &g);
	check(g.n > 0);
	sent = g.file ? transport_writev_more(&c->transport, g.iov, g.n) : transport_writev(&c->transport, g.iov, g.n);
	if (sent > 0) {
		check((size_t)sent <= g.bytes);
		output_advance(&c->out, (size_t)sent);
	}
	return sent == 0 ? -EAGAIN : sent;
}

/* Sends from the memory into which a worker has read the range. */
static ssize_t send_cold(struct conn *c)
{
	struct iovec iov;
	const uint8_t *p;
	ssize_t sent, left = cold_bytes(c->out.cold, &p);

	if (left == 0)
		return -EAGAIN;
	if (left < 0)
		return left;
	iov = (struct iovec){.iov_base = (void *)p, .iov_len = (size_t)left};
	sent = transport_writev(&c->transport, &iov, 1);
	if (sent > 0) {
		check(sent <= left);
		cold_advance(&c->out.cold, (size_t)sent);
		output_advance(&c->out, (size_t)sent);
	}
	return sent == 0 ? -EAGAIN : sent;
}

static ssize_t send_file(struct conn *c)
{
	struct chain *chain = c->out.head;
	const struct chain_part *part = &chain->parts[chain->out.part];
	int64_t pos = part->pos + (int64_t)chain->out.pos;
	size_t left = part->len - chain->out.pos;
	size_t step = SEND_FILE_MAX - chain->out.pos % SEND_FILE_MAX;
	size_t len = left < step ? left : step;
	ssize_t sent;

	if (c->out.cold)
		return send_cold(c);
	if (!file_resident(part->file, pos, len)) {
		c->out.cold = cold_read(c, part->file, pos, left < COLD_READ_MAX ? left : COLD_READ_MAX);
		return -EAGAIN;
	}
	sent = transport_send_file(&c->transport, part->file, pos, len);
	if (sent == 0)
		return -ENODATA;
	if (sent > 0) {
		check((size_t)sent <= len);
		output_advance(&c->out, (size_t)sent);
	}
	return sent;
}

static bool head_is_file(const struct output *o)
{
	const struct chain *c = o->head;

	return c->out.part != PART_LENGTH && c->parts[c->out.part].file;
}

static enum conn_end output_error(const struct output *o, ssize_t err)
{
	if (!head_is_file(o))
		return CONN_END_RESET;
	switch (err) {
	case -ENODATA:
		return CONN_END_FILE_SHORT;
	case -EPIPE:
	case -ECONNRESET:
	case -ETIMEDOUT:
		return CONN_END_RESET;
	default:
		return CONN_END_FILE_ERROR;
	}
}

/* While its reader is slow, an answer's memory counts against the budget like a request's. */
static void output_account(struct conn *c)
{
	struct output *o = &c->out;
	struct budget *budget = &c->reactor->net->budget;
	uint32_t charge = o->blocked ? o->memory + (uint32_t)c->transport.kept : 0;

	if (charge > o->charged)
		budget_charge(budget, (int64_t)(charge - o->charged));
	else if (charge < o->charged && budget_release(budget, (int64_t)(o->charged - charge)))
		net_wake_oldest(c->reactor->net);
	o->charged = charge;
}

/* A client that takes a long answer as fast as it is sent has its turns, like one that asks. */
static bool is_time_over(const struct conn *c, int64_t *looked, int64_t total)
{
	if (c->is_protected || total - *looked < BYTES_PER_LOOK)
		return false;
	*looked = total;
	return !reactor_has_time(c->reactor);
}

enum conn_end output_flush(struct conn *c)
{
	struct output *o = &c->out;
	struct reactor *r = c->reactor;
	enum conn_end end = CONN_END_NONE;
	int64_t total = 0, looked = 0;

	o->blocked = false;
	while (o->head) {
		ssize_t sent = is_time_over(c, &looked, total) ? -EAGAIN
			       : head_is_file(o)	       ? send_file(c)
							       : send_memory(c);

		if (sent == -EAGAIN) {
			o->blocked = true;
			break;
		}
		if (sent < 0) {
			end = output_error(o, sent);
			break;
		}
		total += sent;
	}
	if (total > 0) {
		o->progress_ns = c->active_ns;
		atomic_fetch_add_explicit(&r->bytes_out, total, memory_order_relaxed);
	}
	output_account(c);
	return end;
}

void output_drop(struct conn *c)
{
	struct output *o = &c->out;

	while (o->head)
		output_pop(o);
	o->memory = 0;
	o->blocked = false;
	output_account(c);
}
