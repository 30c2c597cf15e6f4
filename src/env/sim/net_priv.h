/* net_priv: connections, as shared by net.c (the data in flight) and sock.c (a node's end of them). */
#ifndef ODRADEK_ENV_SIM_NET_PRIV_H
#define ODRADEK_ENV_SIM_NET_PRIV_H

#include "env/sim/sim_priv.h"

enum segment_kind { SEGMENT_BYTES, SEGMENT_FILE, SEGMENT_ACCEPTED, SEGMENT_END, SEGMENT_RESET };

struct segment {
	struct list link;
	enum segment_kind kind;
	int64_t at_ns;
	size_t len;
	size_t taken;	     /* bytes of it that the reader has consumed */
	struct inode *inode; /* set for SEGMENT_FILE */
	int64_t pos;
	uint32_t crc; /* of the file's bytes at the time of the send */
	uint8_t bytes[];
};

/* One direction of a connection. */
struct pipe {
	struct list in_flight;
	struct list arrived;
	size_t held; /* bytes in flight and arrived */
	int64_t last_at_ns;
	struct sim_event arrival;
	struct conn *conn;
	int from; /* the side that writes */
	bool waits_for_link;
};

struct conn {
	struct list link;
	uint64_t id;
	struct pipe pipes[2];	  /* [side]: what that side writes */
	struct sim_sock *ends[2]; /* 0 dialled, 1 accepted; NULL when closed */
	int machines[2];
	struct addr addrs[2];
	struct sim_event dialling;
};

struct sim_sock {
	struct sock base;
	struct list link; /* in its machine's list, or in a listener's queue */
	struct sim_env *env;
	struct conn *conn;
	int side;
	struct loop *loop;
	sock_ready_fn *ready;
	void *arg;
	int wanted;
	struct sim_event event;
	bool connected;
	bool ended; /* the peer has closed, and everything before that has arrived */
	int error;
};

struct sim_listener {
	struct listener base;
	struct list link;
	struct sim_env *env;
	struct loop *loop;
	listener_ready_fn *ready;
	void *arg;
	struct addr addr;
	struct list queue;
	int n_queue;
	int backlog;
	bool paused;
	struct sim_event event;
};

static inline struct pipe *pipe_in(struct sim_sock *s) { return &s->conn->pipes[1 - s->side]; }

static inline struct pipe *pipe_out(struct sim_sock *s) { return &s->conn->pipes[s->side]; }

static inline struct sim_sock *sim_sock(struct sock *s) { return container_of(s, struct sim_sock, base); }

static inline struct sim_listener *sim_listener(struct listener *l)
{
	return container_of(l, struct sim_listener, base);
}

/* ---- net.c ---- */
size_t room(struct sim_sock *s); /* bytes that can be written now */
/* Schedules the callback if any wanted event is ready. */
void look_again(struct sim_sock *s);
void send_segment(struct pipe *p, struct segment *s);
void segment_free(struct sim_world *w, struct pipe *p, struct segment *s);
/*
 * How a socket ends, and what its peer sees: an orderly end (a reset if bytes were left unread), a
 * reset, or nothing.
 */
enum parting { PART_IN_ORDER, PART_BY_RESET, PART_SILENTLY };
void sock_gone(struct sim_sock *s, enum parting how);
/* The machine that has this address, as seen from machine e; -1 when there is none. */
int machine_of(struct sim_env *e, const struct addr *a);
struct addr machine_addr(int machine, uint16_t port);

/* ---- sock.c ---- */
void listener_look_again(struct sim_listener *l);
void listener_gone(struct sim_listener *l);

#endif
