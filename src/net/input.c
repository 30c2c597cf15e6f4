/*
 * input: bytes from a socket to frames.
 *
 *	length  int32, big-endian, of what follows: >= 0, <= the connection's limit
 *	frame   that many bytes
 *
 * Invariants
 * 1. Sockets are read into the reactor's landing block of 64 KiB, which all its connections share,
 *    one after another: a connection between two frames has no memory. At the end of a turn what is
 *    left moves out (input_settle): small pieces are copied; a large one takes the landing block
 *    with it.
 * 2. A frame that does not fit is received where it will be used: into a block of its own size if
 *    that is at most 64 KiB; otherwise into 64 KiB and, whenever that is full, into a block sixteen
 *    times larger, but (apart from rounding to the pool's classes) never larger than the frame. So
 *    a false length costs at most sixteen times what was really sent; or as much as was sent before
 *    (4).
 * 3. The growing steps ask the budget before they allocate. So does the first read of a frame.
 * 4. A peer that has sent a frame larger than 64 KiB, up to EXPECTS_MAX, is expected to send such a
 *    frame again: it is received into a block of that size from its first byte on, and never
 *    copied. If it turns out to be smaller it moves to the landing block, unless more than 64 KiB
 *    have arrived: then it stays in its block.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "net/net_priv.h"

#define LENGTH_SIZE ((size_t)4)
#define GROWTH 16
#define EXPECTS_MAX ((size_t)2 * 1024 * 1024)

static size_t input_rest(const struct input *in)
{
	return in->end - in->start;
}

static int64_t input_length(const struct input *in)
{
	return get_i32(in->block->data + in->start);
}

/*
 * The total size of the first frame, with its length prefix; 0 while unknown. The length has been
 * found valid, or is about to be refused.
 */
static size_t input_total(const struct input *in)
{
	if (input_rest(in) < LENGTH_SIZE || input_length(in) < 0)
		return 0;
	return LENGTH_SIZE + (size_t)input_length(in);
}

enum input_result input_next(struct input *in, size_t frame_max, struct frame *out)
{
	int64_t len;

	if (input_rest(in) < LENGTH_SIZE)
		return INPUT_MORE;
	len = input_length(in);
	if (len < 0)
		return INPUT_NEGATIVE;
	if ((uint64_t)len > frame_max)
		return INPUT_TOO_LARGE;
	if (input_rest(in) - LENGTH_SIZE < (size_t)len)
		return INPUT_MORE;
	*out = (struct frame){
		.p = in->block->data + in->start + LENGTH_SIZE,
		.len = (size_t)len,
		.block = in->block,
	};
	in->start += LENGTH_SIZE + (size_t)len;
	in->expects = out->len > BLOCK_FIRST && out->len <= EXPECTS_MAX ? (uint32_t)(LENGTH_SIZE + out->len) : 0;
	in->began_ns = 0;
	return INPUT_FRAME;
}

bool input_has_frame(const struct input *in, size_t frame_max)
{
	struct input look = *in;
	struct frame frame;

	return input_next(&look, frame_max, &frame) != INPUT_MORE;
}

/* What is left in a block that is given back may contain a secret. */
static void input_wipe(const struct conn *c)
{
	if (c->secret && c->in.block)
		explicit_bzero(c->in.block->data + c->in.start, input_rest(&c->in));
}

void input_drop(struct conn *c)
{
	input_wipe(c);
	block_unref(&c->in.block);
}

/* Moves the received bytes into a block for `cap` bytes. */
static void input_move(struct conn *c, size_t cap, bool charged)
{
	struct input *in = &c->in;
	struct block *b = block_new(&c->reactor->pool, cap);
	size_t rest = input_rest(in);

	check(rest <= b->cap);
	b->charged = charged;
	block_charge(b);
	memcpy(b->data, in->block->data + in->start, rest);
	input_wipe(c);
	block_unref(&in->block);
	in->block = b;
	in->start = 0;
	in->end = rest;
}

/* Makes room for the rest of a frame that began in a block of c's own. False: c waits for room. */
static bool input_grow(struct conn *c, size_t total)
{
	struct input *in = &c->in;
	size_t rest = input_rest(in);
	size_t cap;

	if (rest < BLOCK_FIRST && total > in->expects) {
		input_move(c, total < BLOCK_FIRST ? total : BLOCK_FIRST, false);
		return true;
	}
	cap = total / GROWTH > rest && total > in->expects ? rest * GROWTH : total;
	if (c->exempt) {
		input_move(c, cap, false);
		return true;
	}
	if (reactor_is_full(c->reactor) || !budget_try(&c->reactor->net->budget, (int64_t)block_cap(cap))) {
		reactor_wait(c, block_cap(cap));
		return false;
	}
	input_move(c, cap, true);
	return true;
}

void input_grant(struct conn *c, size_t bytes)
{
	if (bytes)
		input_move(c, bytes, true);
	else
		c->granted = true;
}

/*
 * Uses the landing block, with the first bytes of a length copied to its front if there are any.
 * False: c waits for room.
 */
static bool input_land(struct conn *c)
{
	struct reactor *r = c->reactor;
	struct input *in = &c->in;
	struct block *landing;
	size_t rest = in->block ? input_rest(in) : 0;

	if (!c->exempt && !c->granted && (reactor_is_full(r) || !budget_has_room(&r->net->budget))) {
		reactor_wait(c, 0);
		return false;
	}
	c->granted = false;
	landing = reactor_landing(r);
	if (rest)
		memcpy(landing->data, in->block->data + in->start, rest);
	block_unref(&in->block);
	block_ref(landing);
	*in = (struct input){.block = landing, .end = rest, .expects = in->expects, .began_ns = in->began_ns};
	return true;
}

/* Uses a block for the expected frame, if there is room for one. */
static bool input_expect(struct conn *c)
{
	struct reactor *r = c->reactor;
	struct input *in = &c->in;

	if (!in->expects || in->block || c->secret || c->exempt || reactor_is_full(r) ||
	    !budget_try(&r->net->budget, (int64_t)block_cap(in->expects)))
		return false;
	c->granted = false;
	in->block = block_new(&r->pool, in->expects);
	in->block->charged = true;
	in->start = in->end = 0;
	reactor_trim_later(r);
	return true;
}

/* Something else arrived: the state becomes as if it had come to the landing block. */
static void input_unexpect(struct conn *c)
{
	struct input *in = &c->in;
	struct block *landing;

	in->expects = 0;
	if (input_rest(in) > BLOCK_FIRST)
		return;
	landing = reactor_landing(c->reactor);
	memcpy(landing->data, in->block->data, in->end);
	block_unref(&in->block);
	block_ref(landing);
	in->block = landing;
}

ssize_t input_read(struct conn *c, size_t *asked)
{
	struct input *in = &c->in;
	bool expected = false;
	size_t total, end;
	ssize_t n;

	/*
	 * The landing block is read into from its front, so what this turn has left there moves on
	 * first. An empty block is not kept.
	 */
	if (in->block && (in->block == c->reactor->landing || input_rest(in) == 0))
		input_settle(c);
	total = in->block ? input_total(in) : 0;
	if (total == 0 && input_expect(c)) {
		expected = true;
		end = in->expects;
	} else if (total == 0) {
		if (!input_land(c))
			return -ENOBUFS;
		end = in->block->cap;
	} else {
		if (in->start + total > in->block->cap && (in->end == in->block->cap || in->start > 0) &&
		    !input_grow(c, total))
			return -ENOBUFS;
		end = in->start + total < in->block->cap ? in->start + total : in->block->cap;
	}
	*asked = end - in->end;
	check(*asked > 0);
	n = transport_read(&c->transport, in->block->data + in->end, *asked);
	if (n > 0) {
		check((size_t)n <= *asked);
		in->end += (size_t)n;
	}
	if (expected && n <= 0)
		input_drop(c);
	else if (expected && input_total(in) <= BLOCK_FIRST)
		input_unexpect(c);
	return n;
}

/* How much to allocate for what is left in the landing block. */
static size_t settle_cap(const struct input *in, size_t total)
{
	size_t rest = input_rest(in);

	if (total == 0 || total <= rest)
		return rest;
	return total < BLOCK_FIRST ? total : BLOCK_FIRST;
}

void input_settle(struct conn *c)
{
	struct input *in = &c->in;
	size_t rest = in->block ? input_rest(in) : 0;
	size_t total, cap;

	if (rest == 0) {
		block_unref(&in->block);
		in->start = in->end = 0;
		return;
	}
	if (in->block != c->reactor->landing)
		return;
	total = input_total(in);
	cap = settle_cap(in, total);
	if (rest <= BLOCK_SMALL_MAX || (total > rest && in->start + cap > in->block->cap)) {
		input_move(c, cap, false);
	} else {
		block_charge(in->block);
		block_unref(&c->reactor->landing);
	}
}
