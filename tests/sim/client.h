/*
 * client: a connection to a node, for the simulator's producers and readers: requests go out, answers come in order, by the codec.
 *
 * It dials when there is something to ask and no connection. When the connection ends, or an answer takes longer than CALL_MS, every
 * call that waits is told -ECONNRESET, and the next call dials anew. One loop's; nothing is told inside client_call.
 *
 * In a cluster who is not answered, or not by the right one, goes to the leader that an answer has named, or to any broker.
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
	int64_t call_ms; /* CALL_MS */
	struct sock *sock;
	struct buf out;
	size_t out_pos;
	struct buf in;
	int32_t next_correlation;
	struct list calls;
	struct timer deadline;
};

/* 0 and the decoded answer, which lasts as long as the call; or -ECONNRESET and NULL. */
typedef void answer_fn(void *arg, int err, const void *answer);

void client_init(struct client *c, struct loop *l, const struct addr *to, const char *id);
/* Tells nobody anything any more. */
void client_fini(struct client *c);
/* The request is encoded at once. */
void client_call(struct client *c, int version, const struct schema *request_schema, const void *request,
		 const struct schema *answer_schema, answer_fn *done, void *arg);
/* A request that is not answered (acks=0). */
void client_tell(struct client *c, int version, const struct schema *request_schema, const void *request);
/* Ends the connection; calls that wait are told. */
void client_hang_up(struct client *c);

/* The brokers of a cluster. */
enum { BROKERS_MAX = 6 };

struct brokers {
	int n;
	int32_t ids[BROKERS_MAX];
	struct addr addrs[BROKERS_MAX];
	int64_t call_ms; /* how long their clients wait for an answer */
};

/* Hangs up; the next call goes to this broker, or, where there is none of this id, to one of them. */
void client_move(struct client *c, const struct brokers *b, int32_t id);

#endif
