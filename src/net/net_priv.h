/*
 * net_priv: what the files of this room know of each other.
 *
 *	net.c		birth, listening, stop, counters
 *	acceptor.c	listeners, the bounds on connections; reactor 0
 *	held.c		connections that are closed a little later; reactor 0
 *	reactor.c	the turn of a loop: scheduled connections, idle ones, those that wait for room
 *	conn.c		one connection: its turn, its end
 *	input.c		bytes to frames
 *	output.c	answers to bytes
 *	cold.c		file ranges that are not in the page cache
 *	block.c		memory that bytes arrive in
 *	budget.c	how much of it there may be
 *
 * Who owns what: struct net is immutable after net_listen but for atomics and the acceptor's part (reactor 0); a reactor and its
 * connections belong to its loop. A conn is made and freed by reactor 0, and belongs to its reactor in between.
 */
#ifndef ODRADEK_NET_NET_PRIV_H
#define ODRADEK_NET_NET_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "net/block.h"
#include "net/budget.h"
#include "net/net.h"
#include "net/transport.h"
#include "wire/chain.h"

struct cold;
struct reactor;
struct peer;

/* ---- one connection ---- */

/* Why a connection ended; its text and level are rows of conn.c. */
enum conn_end {
	CONN_END_NONE,
	CONN_END_PEER,
	CONN_END_RESET,
	CONN_END_IDLE,
	CONN_END_STOP,
	CONN_END_SHED,
	CONN_END_STRANGER,
	CONN_END_HANDLER,
	CONN_END_FRAME_NEGATIVE,
	CONN_END_FRAME_TOO_LARGE,
	CONN_END_FRAME_DEADLINE,
	CONN_END_HANDSHAKE_DEADLINE,
	CONN_END_HANDSHAKE,
	CONN_END_HALF_FRAME,
	CONN_END_SLOW_READER,
	CONN_END_SQUEEZED,
	CONN_END_FILE_SHORT,
	CONN_END_FILE_ERROR,
	CONN_ENDS,
};

/* Bytes received and not yet shown: block[start, end). During a turn the block may be the reactor's landing block. */
struct input {
	struct block *block;
	uint32_t start;
	uint32_t end;
	uint32_t expects; /* bytes of the last frame, if it was too large for the landing block; else 0 */
	int64_t began_ns; /* when the frame that is not yet whole, or the TLS handshake, began; 0: there is none */
};

/* Answers in the order of conn_reply. */
struct output {
	struct chain *head;
	struct chain *tail;
	uint32_t memory;     /* bytes of their memory parts that have not left: of a turn's, and one answer more */
	uint32_t charged;    /* of them against the budget, while a reader is slow */
	int64_t progress_ns; /* when a byte last left, or the queue began */
	struct cold *cold;   /* the range that is being read, or was read and is being sent */
	bool blocked;	     /* the socket takes no more, or the disk is waited for */
};

enum conn_state {
	CONN_OPEN,
	CONN_DRAINING, /* a stop: closes when the request in work is answered */
	CONN_CLOSING,  /* closes when its answers have left */
	CONN_GONE,
};

struct conn {
	struct transport transport;
	struct reactor *reactor;
	void *data;
	uint64_t id;
	struct peer *peer; /* its address, shared with others of that address; the acceptor's */
	struct addr addr;
	struct input in;
	struct output out;
	struct list lru;      /* all of the reactor, least recently active first */
	struct list ready;    /* those with something to do this turn */
	struct list waiting;  /* for room in the budget */
	struct list stranger; /* of its reactor and listener, oldest first, until it is known */
	uint32_t frame_max;   /* bytes; request_max_bytes is an int32_t's */
	uint32_t wanted;      /* while waiting: bytes of a larger block; 0: any room */
	int64_t stalled;      /* and what it holds meanwhile */
	int64_t ticket;
	int64_t active_ns;
	int64_t muted_until_ns; /* 0: not */
	struct timer timer;	/* the earliest deadline, or before it */
	struct post post;	/* to its reactor at birth, to reactor 0 at the end */
	const char *reason;	/* the handler's, for the diagnostics */
	uint16_t listener;
	uint8_t want; /* what sock_want was told */
	uint8_t state;
	uint8_t end; /* why it is closing */
	bool exempt;
	bool is_let_in; /* as whoever comes to its listener */
	bool secret;	/* its bytes are wiped where they were */
	bool in_work;
	bool in_turn;
	bool readable; /* bytes wait in the socket that nobody wanted to read */
	bool eof;      /* the peer will send no more */
	bool granted;  /* it has waited for room, and may read without asking */
};

/* One turn: what is ready (SOCK_*), then frames, answers, and where to wait next. May free c. */
void conn_turn(struct conn *c, int ready);
/* On its reactor: the socket is attached, the handler is told. */
void conn_open(struct post *p);
/* Ends now: answers are dropped. Not inside a turn of c. */
void conn_drop(struct conn *c, enum conn_end end);
/* A clean stop: closes when nothing is in work. */
void conn_drain(struct conn *c);
/* Nothing is in work, unsent or half received. */
bool conn_is_idle(const struct conn *c);
/* How long, in ns, a connection has held memory without moving on; 0 when it holds none, or it is for the node to move. */
int64_t conn_stuck_ns(const struct conn *c, int64_t now_ns);

/* ---- input.c ---- */

enum input_result { INPUT_MORE, INPUT_FRAME, INPUT_NEGATIVE, INPUT_TOO_LARGE };

/* The next whole frame, if there is one; it stays in the input's block. */
enum input_result input_next(struct input *in, size_t frame_max, struct frame *out);
/* Is there a whole frame, or one that can only be refused? */
bool input_has_frame(const struct input *in, size_t frame_max);
/*
 * Reads once. > 0: bytes, *asked how many could have come; 0: the peer has closed; -EAGAIN; -ENOBUFS: c now waits for room; other errnos.
 */
ssize_t input_read(struct conn *c, size_t *asked);
/* c has waited long enough: `bytes` of the budget are taken for it; 0: it may read once without asking. */
void input_grant(struct conn *c, size_t bytes);
/* What was received and not shown is given up. */
void input_drop(struct conn *c);
/* The end of a turn: moves what is left out of the landing block. */
void input_settle(struct conn *c);

/* ---- output.c ---- */

void output_put(struct output *o, struct chain *c, int64_t now_ns);
bool output_is_empty(const struct output *o);
/* Sends what the socket takes. 0: all, or blocked is set; CONN_END_* when the connection cannot go on. */
enum conn_end output_flush(struct conn *c);
/* Calls sent() for all that is left. */
void output_drop(struct conn *c);

/* A file range of so much or less leaves with the memory before it: one call, where send_file makes it three. */
#define COPY_BYTES ((size_t)32 * 1024)

/* ---- cold.c ---- */

#define COLD_READ_MAX ((size_t)256 * 1024)

/* Reads [pos, pos + len) of f by env_work; then a turn of c is scheduled. len <= COLD_READ_MAX. */
struct cold *cold_read(struct conn *c, struct file *f, int64_t pos, size_t len);
/* 0 while it is being read; then the bytes that are left, or a negated errno. */
ssize_t cold_bytes(const struct cold *cold, const uint8_t **p);
/* n bytes have left. True when they were the last: *cold is gone. */
bool cold_advance(struct cold **cold, size_t n);
bool cold_is_read(const struct cold *cold);
/* The connection is gone. True: the worker still reads, and `gone` will be posted to gone_to when it has ended. NULL is fine. */
bool cold_abandon(struct cold **cold, struct loop *gone_to, struct post *gone);

/* ---- one reactor ---- */

/* A post that any thread may send, again while it is on its way. */
struct bell {
	struct post post;
	_Atomic bool rung;
};

/* Of one listener. */
struct strangers {
	struct list conns;
	int32_t n;
};

struct reactor {
	struct net *net;
	struct loop *loop;
	int index;
	struct block_pool pool;
	struct block *landing; /* what sockets are read into; NULL while nothing happens */
	uint8_t *copy;	       /* COPY_BYTES of file ranges that leave as memory; NULL while nothing happens */
	struct list lru;
	struct list ready;
	struct list waiting;
	struct strangers *strangers;   /* by listener */
	_Atomic int64_t oldest_ticket; /* of waiting */
	struct post turn;	       /* posted while ready is not empty */
	bool turn_posted;
	struct bell wake; /* room may have come back */
	struct bell stop;
	struct bell shed;    /* one connection has to go */
	struct bell squeeze; /* one that holds memory and does not move has to go */
	struct timer idle;
	struct timer trim;
	struct timer pressure; /* runs while somebody waits for room */
	struct timer deadline; /* of a stop */
	_Atomic int64_t stop_at_ns;
	bool stopping;
	_Atomic int64_t bytes_in;
	_Atomic int64_t bytes_out;
	_Atomic int64_t closed_in_error;
	struct diag_limit limits[CONN_ENDS];
};

void reactor_init(struct reactor *r, struct net *net, int index);
/* When its loop was stopped. Joins its thread. */
void reactor_fini(struct reactor *r);
void reactor_ring(struct reactor *r, struct bell *bell);
/* c has something to do: a turn of it comes, later in this turn of the loop. */
void reactor_schedule(struct conn *c);
void reactor_touch(struct conn *c, int64_t now_ns);
/* The block that sockets are read into, with a reference that is the reactor's. */
struct block *reactor_landing(struct reactor *r);
/* What is kept warm goes when it was not used for a while. */
void reactor_trim_later(struct reactor *r);
/* COPY_BYTES that are nobody's. */
uint8_t *reactor_copy(struct reactor *r);
/* The end of a turn: a landing block that frames were taken from is theirs (and may have been given back by them already). */
void reactor_leave_landing(struct reactor *r);
/* c waits for room: `wanted` bytes for a larger block, or any. */
void reactor_wait(struct conn *c, size_t wanted);
void reactor_unwait(struct conn *c);
bool reactor_is_full(struct reactor *r);
void reactor_add(struct conn *c);
/* A stranger comes: the oldest of its listener goes, where they are too many. */
void reactor_greet(struct conn *c);
/* Is known, or gone. */
void reactor_know(struct conn *c);
/* Before a connection is accepted. */
void reactor_expect(struct reactor *r, int n_listeners);

/* ---- the net ---- */

struct rate {
	int32_t per_second; /* NET_NO_LIMIT: none */
	int64_t tokens_milli;
	int64_t filled_ms;
};

struct net_listener {
	struct net *net;
	struct listener *listener;
	struct net_listener_config config; /* name and host are copies */
	struct addr addr;
	struct rate rate;
	struct timer resume;
	int32_t n_conns;
	uint8_t paused; /* PAUSE_* of acceptor.c */
	int index;
};

/* Reactor 0's. */
struct acceptor {
	struct net_listener *listeners;
	int n_listeners;
	int32_t n_conns;
	int32_t *n_by_reactor;
	int next_reactor;
	struct map peers; /* of struct peer */
	struct rate rate;
	uint64_t next_id;
	bool stopping;
	struct diag_limit limits[5];
	struct list held; /* held.c */
	int n_held;
	struct timer held_timer;
};

struct net {
	struct env *env;
	struct net_limits limits;
	struct net_handler handler;
	void *arg;
	struct reactor *reactors;
	int n_reactors;
	struct budget budget;
	struct acceptor acceptor;
	void (*stopped)(void *arg);
	void *stopped_arg;
	_Atomic int64_t accepted;
	_Atomic int64_t refused;
	_Atomic int64_t connections;
};

/* ---- held.c ---- */

void held_init(struct net *net);
/* Takes the socket. */
void held_add(struct net *net, struct sock *take_s, int64_t ms);
void held_stop(struct net *net);

void acceptor_init(struct net *net);
void acceptor_fini(struct net *net);
/* On reactor 0, from a connection's post: it is closed. Frees it. */
void acceptor_gone(struct post *p);
void acceptor_stop(struct net *net);
const char *acceptor_listener_name(const struct net *net, int listener);
/* Wakes the reactor whose connection has waited longest for room. Any thread. */
void net_wake_oldest(struct net *net);

#endif
