/*
 * raw_world: a whole node in the simulator, and callers on another machine that send bytes which the test has written itself
 * (tests/bench/raw.h). One world at a time.
 */
#ifndef ODRADEK_TESTS_BROKER_RAW_WORLD_H
#define ODRADEK_TESTS_BROKER_RAW_WORLD_H

#include "env/sim/sim.h"
#include "tests/bench/raw.h"

#define RAW_NODE 0
#define RAW_PEER 1
#define RAW_PATIENCE_MS 30000

struct caller {
	struct sock *sock;
	const uint8_t *out;
	size_t out_len, sent;
	int port;	     /* 0: the clients' */
	uint8_t in[1 << 18]; /* what has come since raw_say */
	size_t in_len;
	bool closed;
};

/* Serving, with the built-in configuration. */
void raw_world_up(void);
/* With settings beside, "name=value", NULL at the end. */
void raw_world_up_with(const char *const *overrides);
/* The same, and what its machine does before the node starts: files that it reads. */
void raw_world_up_after(const char *const *overrides, void (*before)(void *arg));
/* What nodes of later worlds may have OAUTHBEARER read (allowed.urls of KAFKA_OPTS); NULL: nothing. */
void raw_world_allow_url(const char *url);
/* A clean stop, and it begins to start with other settings: it may have to wait for others. Callers have left. */
void raw_world_again(const char *const *overrides);
/* A clean stop, after which the node holds nothing. Callers have left. */
void raw_world_down(void);
struct sim_world *raw_world(void);
int64_t raw_world_ms(void); /* the node's wall clock */
int raw_world_lines(void);  /* diagnostics so far */

/* Sends these bytes, on a new connection if there is none. They stay the caller's until they are sent. */
void raw_say(struct caller *c, const struct bytes_out *o);
/* True when an answer has come, false when the connection was closed; anything else fails. */
bool raw_answered(struct caller *c);
bool raw_has_answer(void *caller); /* now; or it was closed */
void raw_leave(struct caller *c);
/* What the node's /metrics has, by a new connection to port 9644: text that ends in NUL, until `web` is used again. */
const char *raw_metrics(struct caller *web);

#endif
