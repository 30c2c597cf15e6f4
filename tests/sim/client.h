/*
 * client: a connection to a node, for the simulator's producers and readers: sends requests and
 * receives answers in order, using the codec.
 *
 * It connects when there is something to send and no connection. When the connection ends, or an
 * answer takes longer than CALL_MS, every waiting call gets -ECONNRESET, and the next call connects
 * anew. Belongs to one loop; no callback runs inside client_call. In a cluster, a client that gets
 * no answer, or one from the wrong node, goes to the leader named in an answer, or to any broker.
 */
#ifndef ODRADEK_TESTS_SIM_CLIENT_H
#define ODRADEK_TESTS_SIM_CLIENT_H

#include "base/buf.h"
#include "base/list.h"
#include "env/env.h"
#include "wire/schema.h"

enum { CALL_MS = 40000 };

struct client {
	struct loop *loop;
	struct addr to;
	const char *id;
	int64_t call_ms; /* CALL_MS by default */
	struct sock *sock;
	struct buf out;
	size_t out_pos;
	struct buf in;
	int32_t next_correlation;
	struct list calls;
	struct timer deadline;
};

/* 0 and the decoded answer, valid during the call; or -ECONNRESET and NULL. */
typedef void answer_fn(void *arg, int err, const void *answer);

void client_init(struct client *c, struct loop *l, const struct addr *to, const char *id);
/* No callback comes after it. */
void client_fini(struct client *c);
/* Encodes the request at once. */
void client_call(struct client *c, int version, const struct schema *request_schema, const void *request,
		 const struct schema *answer_schema, answer_fn *done, void *arg);
/* Sends a request that is not answered (acks=0). */
void client_tell(struct client *c, int version, const struct schema *request_schema, const void *request);
/* Closes the connection; waiting calls get -ECONNRESET. */
void client_hang_up(struct client *c);

/* The brokers of a cluster. */
enum { BROKERS_MAX = 6 };

struct brokers {
	int n;
	int32_t ids[BROKERS_MAX];
	struct addr addrs[BROKERS_MAX];
	int64_t call_ms; /* how long their clients wait for an answer */
};

/* Hangs up; the next call goes to this broker or, if there is none with this id, to any of them. */
void client_move(struct client *c, const struct brokers *b, int32_t id);

#endif
