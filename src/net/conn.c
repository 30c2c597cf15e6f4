/*
 * conn: one connection's turn: send answers, read frames, show frames, send answers, and decide
 * what to wait for.
 *
 *	OPEN ----> DRAINING ----> GONE	a stop: the request in progress is answered first
 *	  |  \--------------\     ^
 *	  v                  v    |
 *	CLOSING ------------------+	its answers are sent first
 *
 * Invariants
 * 1. Handler functions and sent() are called from a turn, or from conn_drop, never from the
 *    functions of conn.h.
 * 2. A turn shows at most TURN_FRAMES frames and reads about TURN_BYTES bytes; the rest waits for
 *    another turn, behind other connections.
 * 3. Frames are shown only while no answer waits for the socket, so the answers of a connection
 *    hold at most one turn's worth of memory.
 * 4. Between turns a connection waits for readiness of its socket, its timer, room in the budget,
 *    its handler, or a cold read.
 */
#include <errno.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/mem.h"
#include "net/net_priv.h"
#include "tls/tls.h"

#define TURN_FRAMES 64
#define FRAMES_PER_LOOK 8 /* at the clock */
#define LONG_FRAME ((size_t)4096)
#define TURN_BYTES ((int64_t)1024 * 1024)
#define TURN_ANSWER_BYTES ((size_t)256 * 1024)

static const struct {
	const char *text;
	bool in_error; /* worth a log line for the operator */
} ends[CONN_ENDS] = {
	[CONN_END_NONE] = {"none", false},
	[CONN_END_PEER] = {"closed by the peer", false},
	[CONN_END_RESET] = {"reset by the peer", false},
	[CONN_END_IDLE] = {"idle longer than connections.max.idle.ms", false},
	[CONN_END_STOP] = {"stopping", false},
	[CONN_END_SHED] = {"closed to make room: max.connections is reached", true},
	[CONN_END_STRANGER] = {"too many that are not known yet: the oldest goes", true},
	[CONN_END_HANDLER] = {"refused", true},
	[CONN_END_FRAME_NEGATIVE] = {"negative frame length", true},
	[CONN_END_FRAME_TOO_LARGE] = {"frame larger than socket.request.max.bytes", true},
	[CONN_END_FRAME_DEADLINE] = {"frame not completed in time", true},
	[CONN_END_HANDSHAKE_DEADLINE] = {"TLS handshake not completed in time", true},
	[CONN_END_HANDSHAKE] = {"TLS failed", true},
	[CONN_END_HALF_FRAME] = {"closed by the peer within a frame", true},
	[CONN_END_SLOW_READER] = {"answers not taken in time", true},
	[CONN_END_SQUEEZED] = {"too slow while others wait for queued.max.request.bytes", true},
	[CONN_END_FILE_SHORT] = {"a file is shorter than the range that was promised", true},
	[CONN_END_FILE_ERROR] = {"a file cannot be read", true},
};

/* ---- telling ---- */

/* A guess at what an impossible length really is. */
static const char *frame_hint(const struct conn *c)
{
	const uint8_t *p = c->in.block->data + c->in.start;

	if (p[0] == 0x16 && p[1] == 3)
		return " looks_like=TLS";
	if ((p[0] == 'G' && p[1] == 'E' && p[2] == 'T') || (p[0] == 'P' && p[1] == 'O' && p[2] == 'S') ||
	    (p[0] == 'H' && p[1] == 'E' && p[2] == 'A'))
		return " looks_like=HTTP";
	return "";
}

static void conn_tell(struct conn *c, enum conn_end end)
{
	struct reactor *r = c->reactor;
	struct diag *diag = r->net->env->diag;
	char text[ADDR_TEXT_MAX];

	if (!ends[end].in_error || (end == CONN_END_HANDLER && !c->reason))
		return;
	atomic_fetch_add_explicit(&r->closed_in_error, 1, memory_order_relaxed);
	r->limits[end].interval_ms = 1000;
	if (!diag_allow(diag, &r->limits[end]))
		return;
	if (end == CONN_END_FRAME_NEGATIVE || end == CONN_END_FRAME_TOO_LARGE) {
		diag_warn(diag, "connection closed", "peer=%s:%d listener=%s reason=\"%s\" length=%d max=%u%s",
			  addr_text(&c->addr, text), c->addr.port, acceptor_listener_name(r->net, c->listener),
			  ends[end].text, get_i32(c->in.block->data + c->in.start), c->frame_max, frame_hint(c));
		return;
	}
	if (end == CONN_END_HANDSHAKE) {
		diag_warn(diag, "connection closed", "peer=%s:%d listener=%s reason=\"%s\" tls=\"%s\"",
			  addr_text(&c->addr, text), c->addr.port, acceptor_listener_name(r->net, c->listener),
			  ends[end].text, transport_error(&c->transport));
		return;
	}
	diag_warn(diag, "connection closed", "peer=%s:%d listener=%s reason=\"%s\"", addr_text(&c->addr, text),
		  c->addr.port, acceptor_listener_name(r->net, c->listener),
		  end == CONN_END_HANDLER ? c->reason : ends[end].text);
}

/* ---- the end ---- */

void conn_drop(struct conn *c, enum conn_end end)
{
	struct net *net = c->reactor->net;
	bool reading;

	check(c->state != CONN_GONE && !c->in_turn);
	conn_tell(c, end);
	c->state = CONN_GONE;
	if (!c->exempt && end != CONN_END_SHED) /* one that is shed has been taken off before */
		atomic_fetch_sub(&net->n_counted, 1);
	reading = cold_abandon(&c->out.cold, net->reactors[0].loop, &c->post);
	output_drop(c);
	net->handler.closed(net->arg, c);
	reactor_unwait(c);
	reactor_know(c, false);
	input_drop(c);
	list_remove(&c->lru);
	reactor_unschedule(c);
	timer_stop(&c->timer);
	transport_close(&c->transport);
	c->post.run = acceptor_gone;
	if (!reading)
		loop_post(net->reactors[0].loop, &c->post);
}

/* Ends the connection after the turn: the handler is told when no function of this file is on the stack. */
static void conn_end(struct conn *c, enum conn_end end)
{
	if (c->end == CONN_END_NONE)
		c->end = (uint8_t)end;
}

static bool conn_has_frame(const struct conn *c)
{
	return c->in.block && input_has_frame(&c->in, c->frame_max);
}

bool conn_is_idle(const struct conn *c)
{
	return !c->in_work && output_is_empty(&c->out) && !c->in.block && !c->came;
}

/* A peer that sends single bytes is active but makes no progress: a fifth of the frame's age counts. */
int64_t conn_stuck_ns(const struct conn *c, int64_t now_ns)
{
	int64_t still = now_ns - c->active_ns;
	int64_t frame = c->in.began_ns ? (now_ns - c->in.began_ns) / 5 : 0;

	if (c->in_work || !list_empty(&c->waiting) || !list_empty(&c->ready) || (!c->in.block && c->out.charged == 0))
		return 0;
	return still > frame ? still : frame;
}

/* The reason why it can end now, if it can. */
static enum conn_end conn_ended(const struct conn *c)
{
	if (c->end != CONN_END_NONE)
		return c->end;
	if (c->in_work || !output_is_empty(&c->out))
		return CONN_END_NONE;
	if (c->state == CONN_CLOSING)
		return CONN_END_HANDLER;
	if (c->state == CONN_DRAINING)
		return CONN_END_STOP;
	if (c->eof && !conn_has_frame(c))
		return c->in.block && c->in.end > c->in.start ? CONN_END_HALF_FRAME : CONN_END_PEER;
	return CONN_END_NONE;
}

/* ---- frames ---- */

struct turn {
	int frames;    /* frames that may still be shown */
	int64_t bytes; /* bytes that may still be read */
	int64_t now_ns;
	bool readable; /* reading is worth trying */
	bool unread;   /* the socket was readable, and has not been read since */
};

static bool conn_may_show(const struct conn *c, const struct turn *t)
{
	return c->state == CONN_OPEN && c->end == CONN_END_NONE && !c->in_work && !c->out.blocked && t->frames > 0 &&
	       c->out.memory < TURN_ANSWER_BYTES && c->muted_until_ns <= t->now_ns && c->in.block;
}

/* A frame took long, or there have been a few: one of a node, or of another client, may wait. */
static void conn_mind_time(const struct conn *c, struct turn *t, size_t len)
{
	if (!c->is_protected && (len > LONG_FRAME || t->frames % FRAMES_PER_LOOK == 0) && !reactor_has_time(c->reactor))
		t->frames = 0;
}

static void conn_show(struct conn *c, struct turn *t)
{
	struct net *net = c->reactor->net;
	struct frame frame;

	while (conn_may_show(c, t)) {
		switch (input_next(&c->in, c->frame_max, &frame)) {
		case INPUT_MORE:
			return;
		case INPUT_NEGATIVE:
			conn_end(c, CONN_END_FRAME_NEGATIVE);
			return;
		case INPUT_TOO_LARGE:
			conn_end(c, CONN_END_FRAME_TOO_LARGE);
			return;
		case INPUT_FRAME:
			t->frames--;
			c->in_work = true;
			strangers_move(c);
			net->handler.frame(net->arg, c, &frame);
			conn_mind_time(c, t, frame.len);
		}
	}
}

static bool conn_may_read(const struct conn *c, const struct turn *t)
{
	return c->state == CONN_OPEN && c->end == CONN_END_NONE && !c->eof && !c->in_work && !c->out.blocked &&
	       t->bytes > 0 && c->muted_until_ns <= t->now_ns && list_empty(&c->waiting) && !conn_has_frame(c);
}

static void conn_read(struct conn *c, struct turn *t)
{
	struct net *net = c->reactor->net;
	bool shook_hands = c->transport.shaking_hands, had_answered = c->transport.answered;
	size_t asked = 0;
	ssize_t n = input_read(c, &asked);

	if (n == -ENOBUFS)
		return;
	if (shook_hands && net->handler.secured && (n == -EKEYREJECTED || !c->transport.shaking_hands))
		net->handler.secured(net->arg, c, n != -EKEYREJECTED);
	if (shook_hands != c->transport.shaking_hands || had_answered != c->transport.answered)
		strangers_move(c);
	t->unread = false;
	if (n > 0) {
		atomic_fetch_add_explicit(&c->reactor->bytes_in, n, memory_order_relaxed);
		t->bytes -= (int64_t)c->transport.took > n ? (int64_t)c->transport.took : n;
		t->readable = (size_t)n == asked;
		return;
	}
	t->readable = false;
	if (n == 0)
		c->eof = true;
	else if (n != -EAGAIN)
		conn_end(c, n == -EKEYREJECTED ? CONN_END_HANDSHAKE : CONN_END_RESET);
}

/* ---- where to wait ---- */

/*
 * The time allowed for a frame from its first byte on, or for a handshake from the start of the
 * connection.
 */
static int64_t conn_deadline_ns(const struct conn *c)
{
	const struct net_limits *limits = &c->reactor->net->limits;

	return (c->transport.shaking_hands ? limits->handshake_deadline_ms : limits->frame_deadline_ms) * NS_PER_MS;
}

/* The earliest moment at which something is due; 0: nothing. */
static int64_t conn_due_ns(const struct conn *c)
{
	const struct net_limits *limits = &c->reactor->net->limits;
	int64_t due = c->muted_until_ns;
	int64_t at;

	if (c->in.began_ns && list_empty(&c->waiting)) {
		at = c->in.began_ns + conn_deadline_ns(c);
		due = due && due < at ? due : at;
	}
	if (!output_is_empty(&c->out) && (!c->out.cold || cold_is_read(c->out.cold))) {
		at = c->out.progress_ns + limits->write_deadline_ms * NS_PER_MS;
		due = due && due < at ? due : at;
	}
	return due;
}

/* The timer is only moved to an earlier time; if it fires too early, the turn checks again. */
static void conn_set_timer(struct conn *c)
{
	int64_t due = conn_due_ns(c);

	if (due && (!timer_is_running(&c->timer) || due < c->timer.node.key))
		timer_start_at(&c->timer, due);
}

static void conn_fire(struct timer *timer)
{
	struct conn *c = container_of(timer, struct conn, timer);
	const struct net_limits *limits = &c->reactor->net->limits;
	int64_t now = env_mono_ns(c->reactor->net->env);
	bool sends = !output_is_empty(&c->out) && (!c->out.cold || cold_is_read(c->out.cold));

	if (c->in.began_ns && list_empty(&c->waiting) && now - c->in.began_ns >= conn_deadline_ns(c)) {
		conn_drop(c, c->transport.shaking_hands ? CONN_END_HANDSHAKE_DEADLINE : CONN_END_FRAME_DEADLINE);
		return;
	}
	if (sends && now - c->out.progress_ns >= limits->write_deadline_ms * NS_PER_MS) {
		conn_drop(c, CONN_END_SLOW_READER);
		return;
	}
	if (c->muted_until_ns && c->muted_until_ns <= now) {
		c->muted_until_ns = 0;
		reactor_schedule(c);
	}
	conn_set_timer(c);
}

/* Bytes are buffered in the transport, so the socket will not become readable for them. */
static void conn_remember(struct conn *c, const struct turn *t)
{
	c->readable = true;
	if (conn_may_read(c, &(struct turn){.bytes = 1, .now_ns = t->now_ns}))
		reactor_schedule(c);
}

/*
 * SOCK_READ stays wanted while a request is in progress or the connection is muted, until bytes
 * arrive meanwhile: most peers send none, each change of the wanted events is a system call, and in
 * this way a reset is noticed.
 */
static void conn_set_want(struct conn *c, const struct turn *t)
{
	int want = 0;

	c->readable = t->unread && !conn_may_read(c, &(struct turn){.bytes = 1, .now_ns = t->now_ns});
	if (c->transport.pending)
		conn_remember(c, t);
	if (c->state == CONN_OPEN && !c->readable && !c->eof && list_empty(&c->waiting))
		want = c->transport.read_wants;
	if (c->out.blocked && (!c->out.cold || cold_is_read(c->out.cold)))
		want |= SOCK_WRITE;
	if (want != c->want) {
		c->want = (uint8_t)want;
		sock_want(c->transport.sock, want);
	}
}

/*
 * Not being read on the server's account, or because its answers are not taken: those cases have
 * other deadlines.
 */
static bool conn_is_held(const struct conn *c, const struct turn *t)
{
	return c->in_work || c->out.blocked || c->muted_until_ns > t->now_ns;
}

/*
 * The deadline of half a frame counts from the turn in which its first byte came or reading
 * resumed; that of a handshake from the first turn.
 */
static void conn_date_frame(struct conn *c, const struct turn *t)
{
	if (!c->transport.shaking_hands && (!c->in.block || conn_has_frame(c) || conn_is_held(c, t)))
		c->in.began_ns = 0;
	else if (c->in.began_ns == 0)
		c->in.began_ns = t->now_ns;
}

static void conn_settle(struct conn *c, struct turn *t)
{
	input_settle(c);
	conn_date_frame(c, t);
	conn_set_want(c, t);
	conn_set_timer(c);
	/* A connection that has used up its share gets another turn, behind the others. */
	if (conn_may_show(c, &(struct turn){.frames = 1, .now_ns = t->now_ns}) && conn_has_frame(c))
		reactor_schedule(c);
}

void conn_turn(struct conn *c, int ready)
{
	struct reactor *r = c->reactor;
	struct turn t = {.frames = env_buggify(r->net->env, "a turn of one frame") ? 1 : TURN_FRAMES,
			 .bytes = TURN_BYTES,
			 .now_ns = env_mono_ns(r->net->env)};
	enum conn_end end;

	check(c->state != CONN_GONE && !c->in_turn);
	c->in_turn = true;
	ready |= c->came;
	c->came = 0;
	if (conn_is_laborious(c) && r->labour_left > 0)
		r->labour_left--;
	t.readable = t.unread = c->readable || (ready & c->transport.read_wants);
	c->readable = false;
	reactor_touch(c, t.now_ns);
	if (c->muted_until_ns && c->muted_until_ns <= t.now_ns)
		c->muted_until_ns = 0;
	if (!output_is_empty(&c->out))
		conn_end(c, output_flush(c));
	/*
	 * Does not wait for a peer that is gone; one that has only shut down its sending side still
	 * gets its answers.
	 */
	if (c->in_work && (ready & SOCK_READ) && sock_error(c->transport.sock) != 0)
		conn_end(c, CONN_END_RESET);
	conn_show(c, &t);
	while (t.readable && t.frames > 0 && conn_may_read(c, &t)) {
		conn_read(c, &t);
		conn_show(c, &t);
	}
	if (!output_is_empty(&c->out) && !c->out.blocked && c->end == CONN_END_NONE)
		conn_end(c, output_flush(c));
	end = conn_ended(c);
	c->in_turn = false;
	if (end == CONN_END_NONE)
		conn_settle(c, &t);
	else
		conn_drop(c, end);
	reactor_leave_landing(r);
}

/* ---- birth and stop ---- */

static void conn_ready(struct sock *s, int ready, void *arg)
{
	struct conn *c = arg;

	(void)s;
	if (reactor_serves(c))
		conn_turn(c, ready);
	else
		reactor_put_off(c, ready);
}

void conn_open(struct post *p)
{
	struct conn *c = container_of(p, struct conn, post);
	struct reactor *r = c->reactor;

	sock_attach(c->transport.sock, r->loop, conn_ready, c);
	timer_init(&c->timer, r->loop, conn_fire);
	reactor_add(c);
	if (!c->is_let_in)
		reactor_greet(c);
	conn_set_secret(c, false);
	r->net->handler.opened(r->net->arg, c);
	if (r->stopping)
		conn_drain(c);
	/* What the peer sent right after its handshake has usually arrived already. */
	c->readable = true;
	reactor_schedule(c);
}

void conn_drain(struct conn *c)
{
	if (c->state != CONN_OPEN)
		return;
	c->state = CONN_DRAINING;
	reactor_schedule(c);
}

/* ---- called by handlers ---- */

static void conn_go_on(struct conn *c)
{
	check(c->in_work && c->state != CONN_GONE);
	c->in_work = false;
	if (!c->in_turn)
		reactor_schedule(c);
}

void conn_reply(struct conn *c, struct chain *answer, void (*sent)(void *arg), void *arg)
{
	answer->out.sent = sent;
	answer->out.arg = arg;
	output_put(&c->out, answer, c->in_turn ? c->active_ns : env_mono_ns(c->reactor->net->env));
	conn_go_on(c);
}

void conn_no_reply(struct conn *c)
{
	conn_go_on(c);
}

void conn_close(struct conn *c, const char *reason)
{
	check(c->state != CONN_GONE);
	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	c->reason = reason;
	c->in_work = false;
	if (!c->in_turn)
		reactor_schedule(c);
}

void conn_mute(struct conn *c, int64_t delay_ms)
{
	int64_t until = env_mono_ns(c->reactor->net->env) + delay_ms * NS_PER_MS;

	if (delay_ms <= 0 || until <= c->muted_until_ns)
		return;
	c->muted_until_ns = until;
	if (!c->in_turn)
		conn_set_timer(c);
}

void conn_set_frame_max(struct conn *c, size_t max)
{
	c->frame_max = max;
}

void conn_know(struct conn *c)
{
	if (list_empty(&c->stranger))
		return;
	reactor_know(c, true);
	if (c->exempt && c->frame_max == NET_STRANGERS_FRAME_MAX)
		c->frame_max = c->reactor->net->limits.request_max_bytes;
}

void conn_set_secret(struct conn *c, bool secret)
{
	c->secret = secret;
	transport_set_secret(&c->transport, secret);
}

void *conn_data(const struct conn *c)
{
	return c->data;
}

void conn_set_data(struct conn *c, void *data)
{
	c->data = data;
}

int conn_reactor(const struct conn *c)
{
	return c->reactor->index;
}

struct loop *conn_loop(const struct conn *c)
{
	return c->reactor->loop;
}

int conn_listener(const struct conn *c)
{
	return c->listener;
}

uint64_t conn_id(const struct conn *c)
{
	return c->id;
}

const struct addr *conn_peer_addr(const struct conn *c)
{
	return &c->addr;
}

int conn_local_addr(const struct conn *c, struct addr *out)
{
	return sock_addrs(c->transport.sock, out, NULL);
}

bool conn_peer_name(const struct conn *c, struct buf *out)
{
	return c->transport.tls && tls_peer_name(c->transport.tls, out);
}
