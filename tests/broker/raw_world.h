/*
 * raw_world: a whole node in the simulator, and callers on another machine that send bytes the test
 * has written itself (tests/bench/raw.h). One world at a time.
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
	int port;	     /* 0: the client listener's */
	uint8_t in[1 << 18]; /* received since raw_say */
	size_t in_len;
	bool closed;
};

/* The node serves, with the built-in configuration. */
void raw_world_up(void);
/* With overrides, "name=value", ended by NULL. */
void raw_world_up_with(const char *const *overrides);
/* The same; before() runs on its machine before the node starts, for example to write files. */
void raw_world_up_after(const char *const *overrides, void (*before)(void *arg));
/*
 * The URLs that nodes of later worlds permit OAUTHBEARER to read (allowed.urls in KAFKA_OPTS);
 * NULL: none.
 */
void raw_world_allow_url(const char *url);
/*
 * Stops the node cleanly and begins to start it with other settings; it may have to wait for
 * others. Callers must have left.
 */
void raw_world_again(const char *const *overrides);
/* Stops the node cleanly; it must hold nothing afterwards. Callers must have left. */
void raw_world_down(void);
struct sim_world *raw_world(void);
int64_t raw_world_ms(void); /* the node's wall clock */
int raw_world_lines(void);  /* log lines so far */

/* Sends these bytes, on a new connection if there is none. They must stay unchanged until sent. */
void raw_say(struct caller *c, const struct bytes_out *o);
/* True when an answer has arrived, false when the connection was closed; anything else fails the test. */
bool raw_answered(struct caller *c);
bool raw_has_answer(void *caller); /* it has arrived, or the connection was closed */
void raw_leave(struct caller *c);
/*
 * The text of the node's /metrics, over a new connection to port 9644; NUL-terminated, valid until
 * `web` is used again.
 */
const char *raw_metrics(struct caller *web);

#endif
