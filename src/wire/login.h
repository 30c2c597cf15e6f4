/*
 * login: the client's half of a SASL exchange, as a channel sees it: bytes in, bytes out. Two
 * tables hide the mechanism; the code that dials puts a method into struct channels, and the
 * channel carries the exchange in SaslAuthenticate requests.
 *
 * 1. An exchange is one login over one connection, from login_begin to its free().
 *    Re-authentication is another exchange.
 * 2. step() never blocks. What takes milliseconds, or waits for disks or others, does not belong in
 *    a step: a step that returns LOGIN_WORK has work() called for it, on any thread, with no other
 *    call to the exchange meanwhile; then step() is called again with the same input.
 * 3. An exchange that is no longer wanted is freed after its work(), on the loop's thread. If the
 *    work has not begun, it is skipped. work() that waits for others checks `over`: once it is set,
 *    the result is no longer wanted.
 * 4. For an exchange that is done and has has_errand set, work() is called once more; nothing waits
 *    for it.
 * 5. A method never changes while channels have it, and serves many exchanges at once on any
 *    thread.
 */
#ifndef ODRADEK_WIRE_LOGIN_H
#define ODRADEK_WIRE_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct login;
struct login_method;
struct env;

enum login_turn {
	LOGIN_SAY,  /* `out`, which may be empty, goes to the server; its answer is the input of the next step */
	LOGIN_LAST, /* as LOGIN_SAY, but nothing follows: the server alone decides */
	LOGIN_DONE, /* nothing more to send: the server is authenticated */
	LOGIN_WORK,
	/*
	 * another exchange runs a work() that serves this one too: call step() again soon with the
	 * same input
	 */
	LOGIN_WAIT,
	LOGIN_FAIL, /* `failure` says why */
};

struct login_ops {
	/* `in`: what the server has sent; empty at first. `out` is empty on entry. */
	enum login_turn (*step)(struct login *l, struct str in, struct buf *out);
	void (*free)(struct login *l);
	void (*work)(struct login *l); /* NULL: it never returns LOGIN_WORK */
};

enum { LOGIN_FAILURE_MAX = 256, LOGIN_NONCE_LEN = 32 };

struct login {
	const struct login_ops *ops;
	/* work() waits for other machines, like a name look-up, so other jobs must not queue behind it */
	bool waits_for_others;
	bool has_errand;
	char failure[LOGIN_FAILURE_MAX]; /* one sentence, containing no secret */
};

/* What the channel passes to a new exchange. */
struct login_start {
	const char *host; /* the host dialled, as a name where it has one */
	struct env *env;
	int64_t wall_ms;	  /* the current time */
	const _Atomic bool *over; /* see 3; must live as long as the exchange; NULL: never set */
	uint8_t nonce[LOGIN_NONCE_LEN];
};

struct login_method_ops {
	struct login *(*begin)(const struct login_method *m, const struct login_start *start);
	void (*free)(struct login_method *m); /* called when no exchange is left */
};

struct login_method {
	const struct login_method_ops *ops;
	struct str mechanism; /* its name in SaslHandshake */
};

static inline struct login *login_begin(const struct login_method *m, const struct login_start *start)
{
	return m->ops->begin(m, start);
}
static inline void login_method_free(struct login_method *m) /* NULL is fine */
{
	if (m)
		m->ops->free(m);
}
static inline enum login_turn login_step(struct login *l, struct str in, struct buf *out)
{
	return l->ops->step(l, in, out);
}
static inline void login_work(struct login *l) { l->ops->work(l); }
static inline void login_free(struct login *l) { l->ops->free(l); }

#endif
