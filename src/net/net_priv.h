/*
 * net_priv: what the files of this room share.
 *
 *	net.c		creation, listening, stop, counters
 *	acceptor.c	listeners, the limits on connections; reactor 0
 *	held.c		connections that are held and closed a little later; reactor 0
 *	strangers.c	unidentified connections: a herd or a flood
 *	reactor.c	the turn of a loop: scheduled connections, idle ones, those waiting for room
 *	conn.c		one connection: its turn, its end
 *	input.c		bytes to frames
 *	output.c	answers to bytes
 *	cold.c		file ranges that are not in the page cache
 *	block.c		memory that received bytes go into
 *	budget.c	how much of it there may be
 *
 * Ownership: struct net is immutable after net_listen except for atomics and the acceptor's part
 * (reactor 0); a reactor and its connections belong to its loop. A conn is created and freed by
 * reactor 0, and belongs to its reactor in between.
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
struct net_listener;
struct reactor;
struct peer;

/* ---- one connection ---- */

/* Why a connection ended; the text and level of each reason are in conn.c. */
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

/*
 * Bytes received and not shown yet: block[start, end). During a turn the block may be the reactor's
 * landing block.
 */
struct input {
	struct block *block;
	uint32_t start;
	uint32_t end;
	uint32_t expects; /* bytes of the last frame, if it was too large for the landing block; otherwise 0 */
	int64_t began_ns; /* when the incomplete frame, or the TLS handshake, began; 0: neither */
};

/* Answers, in the order of conn_reply. */
struct output {
	struct chain *head;
	struct chain *tail;
	uint32_t memory;     /* unsent bytes in memory; at most a turn's worth and one more answer */
	uint32_t charged;    /* `memory`, and what TLS holds, charged to the budget while the reader is slow */
	int64_t progress_ns; /* when a byte last left, or the queue became non-empty */
	struct cold *cold;   /* the range being read, or already read and being sent */
	bool blocked;	     /* the socket takes no more, a disk read is awaited, or the time of clients is over */
};

enum conn_state {
	CONN_OPEN,
	CONN_DRAINING, /* stopping: closes when the request in progress has been answered */
	CONN_CLOSING,  /* closes when its answers have been sent */
	CONN_GONE,
};

/* What a connection waits in when it has something to do. */
enum ready_kind { READY_NODE, READY_CLIENT, READY_LABORIOUS, READY_KINDS };

struct conn {
	struct transport transport;
	struct reactor *reactor;
	void *data;
	uint64_t id;
	struct peer
		*peer; /* its address's entry, shared with other connections from there; the acceptor's. NULL: exempt */
	struct addr addr;
	struct input in;
	struct output out;
	struct list lru;      /* in the reactor's list of all connections, least recently active first */
	struct list ready;    /* in a list of those with something to do, or whose turn waits */
	struct list waiting;  /* in the queue for room in the budget */
	struct list stranger; /* in the list of strangers of its reactor and listener, oldest first, until identified */
	uint32_t frame_max;   /* bytes; at most request_max_bytes, which fits an int32_t */
	uint32_t wanted;      /* while waiting: bytes for a larger block; 0: any room */
	int64_t stalled;      /* bytes it holds while waiting */
	int64_t ticket;
	int64_t active_ns;
	int64_t muted_until_ns; /* 0: not muted */
	struct timer timer;	/* fires at the earliest deadline, or before it */
	struct post post;	/* to its reactor when created, to reactor 0 at the end */
	const char *reason;	/* given by the handler, for the log */
	uint16_t listener;
	uint8_t want; /* events last passed to sock_want */
	uint8_t came; /* events that came when its turn had to wait */
	uint8_t state;
	uint8_t end;	    /* why it is closing */
	uint8_t moves;	    /* steps towards being identified */
	uint8_t ready_kind; /* while it is in a list of `ready` */
	bool exempt;
	bool is_protected; /* its listener is protected or exempt: clients cannot keep it out */
	bool is_let_in;	   /* its listener authenticates nobody */
	bool secret;	   /* its bytes are wiped after use */
	bool in_work;
	bool in_turn;
	bool readable; /* the socket has unread bytes that nothing wanted to read */
	bool eof;      /* the peer will send no more */
	bool granted;  /* it has waited for room, and may now read without asking */
};

/* Its next turn may take a millisecond: the TLS handshake of a client. */
static inline bool conn_is_laborious(const struct conn *c) { return c->transport.shaking_hands && !c->is_protected; }
/*
 * Runs one turn: handles what is ready (SOCK_*, and what came before), then frames and answers, then
 * decides what to wait for. May free c.
 */
void conn_turn(struct conn *c, int ready);
/* On its reactor: attaches the socket and tells the handler. */
void conn_open(struct post *p);
/* Ends the connection now; answers are dropped. Not inside a turn of c. */
void conn_drop(struct conn *c, enum conn_end end);
/* For a clean stop: closes when no request is in progress. */
void conn_drain(struct conn *c);
/* No request is in progress, and nothing is unsent or half received. */
bool conn_is_idle(const struct conn *c);
/*
 * How long, in ns, a connection has held memory without making progress; 0 if it holds none, or if
 * the next step is the node's.
 */
int64_t conn_stuck_ns(const struct conn *c, int64_t now_ns);

/* ---- input.c ---- */

enum input_result { INPUT_MORE, INPUT_FRAME, INPUT_NEGATIVE, INPUT_TOO_LARGE };

/* Finds the next whole frame, if there is one; it stays in the input's block. */
enum input_result input_next(struct input *in, size_t frame_max, struct frame *out);
/* Whether there is a whole frame, or one that can only be refused. */
bool input_has_frame(const struct input *in, size_t frame_max);
/*
 * Reads once. > 0: the number of bytes, with *asked set to how many were asked for; 0: the peer has
 * closed; -EAGAIN; -ENOBUFS: c now waits for room; or another negated errno.
 */
ssize_t input_read(struct conn *c, size_t *asked);
/*
 * Ends c's wait for room: `bytes` of the budget have been taken for it; 0: it may read once without
 * asking.
 */
void input_grant(struct conn *c, size_t bytes);
/* Drops what was received and not shown. */
void input_drop(struct conn *c);
/* At the end of a turn: moves what is left out of the landing block. */
void input_settle(struct conn *c);

/* ---- output.c ---- */

void output_put(struct output *o, struct chain *c, int64_t now_ns);
bool output_is_empty(const struct output *o);
/*
 * Sends what the socket takes. Returns 0 if everything was sent or `blocked` is set; CONN_END_* if
 * the connection cannot go on.
 */
enum conn_end output_flush(struct conn *c);
/* Drops all remaining answers, calling sent() for each. */
void output_drop(struct conn *c);

/*
 * File ranges of up to this size are sent together with the memory before them: one system call,
 * where send_file would need three.
 */
#define COPY_BYTES ((size_t)32 * 1024)

/* ---- cold.c ---- */

#define COLD_READ_MAX ((size_t)256 * 1024)

/* Reads [pos, pos + len) of f by env_work; then a turn of c is scheduled. len <= COLD_READ_MAX. */
struct cold *cold_read(struct conn *c, struct file *f, int64_t pos, size_t len);
/* 0 while it is being read; then the number of bytes left, or a negated errno. */
ssize_t cold_bytes(const struct cold *cold, const uint8_t **p);
/* Marks n bytes as sent. True when they were the last: then *cold has been freed. */
bool cold_advance(struct cold **cold, size_t n);
bool cold_is_read(const struct cold *cold);
/*
 * The connection is gone. True: the worker is still reading, and `gone` will be posted to gone_to
 * when it ends. NULL is fine.
 */
bool cold_abandon(struct cold **cold, struct loop *gone_to, struct post *gone);

/* ---- one reactor ---- */

/* A post that any thread may send, even while it is still on its way. */
struct bell {
	struct post post;
	_Atomic bool rung;
};

#define HANDSHAKES_PER_TURN 8

/* The unidentified connections of one listener on this reactor. */
struct strangers {
	struct list still; /* those that have made no step yet; oldest first */
	struct list moved; /* the others, in the order of their first steps */
	int32_t n_still, n_moved;
};

struct reactor {
	struct net *net;
	struct loop *loop;
	int index;
	struct block_pool pool;
	struct block *landing; /* what sockets are read into; NULL while idle */
	uint8_t *copy;	       /* COPY_BYTES for file ranges that are sent from memory; NULL while idle */
	struct list lru;
	struct list ready[READY_KINDS];
	struct list waiting;
	struct strangers *strangers;   /* indexed by listener */
	_Atomic int64_t oldest_ticket; /* the oldest ticket in `waiting` */
	struct post turn;	       /* posted while a list of `ready` is not empty */
	bool turn_posted;
	int labour_left;	  /* handshakes that may still run before everything else has had a turn */
	uint64_t poll;		  /* the loop's n_polls when a connection last had its turn, or wanted it */
	int64_t polled_ns;	  /* when the first one did after that poll */
	int64_t clients_until_ns; /* until then it serves clients; 0: not known yet; -1: that time is over */
	int n_behind;		  /* clients that wait for their turn in `ready`: others come after them */
	int n_ready;		  /* clients in `ready`, but for those with a handshake before them */
	int n_scheduled;	  /* how many of these were scheduled since the last post that ran them began */
	struct bell wake;	  /* there may be room again */
	struct bell stop;
	struct bell say;		 /* least_active_ns is asked for */
	struct bell shed;		 /* its least active connection of a client goes, if there are too many */
	_Atomic int64_t least_active_ns; /* INT64_MAX: there is none */
	struct bell squeeze;		 /* a connection that holds memory without making progress must be closed */
	struct timer idle;
	struct timer trim;
	struct timer pressure; /* runs while a connection waits for room */
	struct timer deadline; /* the deadline of a stop */
	_Atomic int64_t stop_at_ns;
	bool stopping;
	_Atomic int64_t bytes_in;
	_Atomic int64_t bytes_out;
	_Atomic int64_t closed_in_error;
	struct diag_limit limits[CONN_ENDS];
};

void reactor_init(struct reactor *r, struct net *net, int index);
/* Call it after its loop was stopped. Joins its thread. */
void reactor_fini(struct reactor *r);
void reactor_ring(struct reactor *r, struct bell *bell);
/* c has something to do: its turn comes later in this turn of the loop. */
void reactor_schedule(struct conn *c);
/* It is gone, or has its turn now. */
void reactor_unschedule(struct conn *c);
/* Whether c may have its turn at once. If not, put it off with the events that have come. */
bool reactor_serves(struct conn *c);
void reactor_put_off(struct conn *c, int ready);
/* Whether there is still time for clients before the sockets are polled again. */
bool reactor_has_time(struct reactor *r);
void reactor_touch(struct conn *c, int64_t now_ns);
/* The block that sockets are read into. The reference stays the reactor's. */
struct block *reactor_landing(struct reactor *r);
/* Schedules the release of warm memory that stays unused for a while. */
void reactor_trim_later(struct reactor *r);
/* COPY_BYTES of scratch memory. */
uint8_t *reactor_copy(struct reactor *r);
/*
 * At the end of a turn: gives up a landing block that frames were taken from; it belongs to them
 * (and they may have released it already).
 */
void reactor_leave_landing(struct reactor *r);
/* Makes c wait for room: `wanted` bytes for a larger block; 0: any room. */
void reactor_wait(struct conn *c, size_t wanted);
void reactor_unwait(struct conn *c);
bool reactor_is_full(struct reactor *r);
void reactor_add(struct conn *c);

/* ---- strangers.c ---- */

/* On reactor 0: a connection was accepted on l. */
void strangers_come(struct net_listener *l);
/*
 * On reactor 0: must l accept nobody at the moment, because too many are unidentified, and they are
 * being identified? Ask again a little later.
 */
bool strangers_must_wait(struct net_listener *l, int64_t now_ms);
/* Registers a stranger; in a flood, closes the oldest one of its listener if there are too many. */
void reactor_greet(struct conn *c);
/* c has made a step towards being identified: its handshake has, or a whole frame has come. */
void strangers_move(struct conn *c);
/* c has been identified, or is gone. */
void reactor_know(struct conn *c, bool known);
/* Call it before the first connection is accepted. */
void reactor_expect(struct reactor *r, int n_listeners);

/* ---- the net ---- */

struct rate {
	int32_t per_second; /* NET_NO_LIMIT: unlimited */
	int64_t tokens_milli;
	int64_t filled_ms;
};

/* The unidentified connections of one listener on all reactors. The last four members belong to reactor 0. */
struct strangers_of {
	_Atomic int32_t n;	 /* includes connections on their way to a reactor */
	_Atomic int64_t n_moves; /* steps that all of them have made since the start */
	_Atomic int64_t n_known; /* how many have been identified since the start */
	_Atomic bool flood;	 /* the oldest is closed for the newest */
	int64_t many_ms;    /* when many had been identified since the last such time; 0: there are few strangers */
	int64_t known_then; /* n_known at that time */
	int64_t moved_ms;   /* when enough steps had been made since the last such time; 0: there are few strangers */
	int64_t moves_then; /* n_moves at that time */
};

struct net_listener {
	struct net *net;
	struct listener *listener;
	struct net_listener_config config; /* name and host are copies */
	struct addr addr;
	struct rate rate;
	struct strangers_of strangers;
	struct timer resume;
	int32_t n_conns;
	uint8_t paused; /* PAUSE_* of acceptor.c */
	int index;
};

/* Used on reactor 0 only. */
struct acceptor {
	struct net_listener *listeners;
	int n_listeners;
	int32_t n_conns;
	int32_t *n_by_reactor;
	int next_reactor;
	struct map peers; /* of struct peer */
	int32_t max_connections_per_ip;
	struct net_ip_limit *ip_limits;
	int n_ip_limits;
	struct rate rate;
	uint64_t next_id;
	bool stopping;
	struct diag_limit limits[6];
	struct list held; /* see held.c */
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
	_Atomic int32_t max_connections;
	_Atomic int n_to_say; /* reactors that have not said yet which connection could go; 0: nobody has asked */
	_Atomic int32_t
		n_counted; /* the open connections that max_connections counts: all but those of exempt listeners */
	_Atomic int64_t accepted;
	_Atomic int64_t refused;
	_Atomic int64_t connections;
};

/* ---- held.c ---- */

void held_init(struct net *net);
/* Takes ownership of the socket. */
void held_add(struct net *net, struct sock *take_s, int64_t ms);
void held_stop(struct net *net);

void acceptor_init(struct net *net);
void acceptor_fini(struct net *net);
/* On reactor 0, from a connection's post: the connection is closed. Frees it. */
void acceptor_gone(struct post *p);
void acceptor_stop(struct net *net);
const char *acceptor_listener_name(const struct net *net, int listener);
/* Closes the least active connections of clients while there are more than max_connections. Any thread. */
void net_shed(struct net *net);
/* Wakes the reactor whose connection has waited longest for room. Any thread. */
void net_wake_oldest(struct net *net);

#endif
