/*
 * login: the client's half of an exchange that says who it is (SASL), as a channel sees it: bytes in, bytes out. A mechanism stands behind
 * two tables; who dials fills struct channels with one, and the channel carries what it says in SaslAuthenticate.
 *
 * 1. An exchange is one login over one connection, from login_begin to its free(). A login that is renewed is another exchange.
 * 2. step() never blocks. What takes milliseconds, or waits for disks and others, is not a step's: one that says LOGIN_WORK has work() done for
 *    it, on any thread and without anything else of the exchange being called meanwhile; then the same words are given again.
 * 3. An exchange that nobody wants any more is freed behind its work(), on the loop's thread. Where the work has not begun it is not done.
 *    work() that waits for others looks at `over`: once it is set nobody wants anything.
 * 4. An exchange that is done and has_errand has work() done once more, which nothing waits for.
 * 5. A method never changes while channels have it, and serves many exchanges at once on any thread.
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
	LOGIN_SAY,  /* `out` goes to the server, also when it is empty; what it answers is the next step's */
	LOGIN_LAST, /* the same, and after that no more is said: the server alone decides */
	LOGIN_DONE, /* nothing more is said: the server is who it should be */
	LOGIN_WORK,
	LOGIN_WAIT, /* another exchange has work() done that is for this one too: the same words are given again soon */
	LOGIN_FAIL, /* `failure` says why */
};

struct login_ops {
	/* `in`: what the server has said; empty at first. `out` is empty. */
	enum login_turn (*step)(struct login *l, struct str in, struct buf *out);
	void (*free)(struct login *l);
	void (*work)(struct login *l); /* NULL: it never says LOGIN_WORK */
};

enum { LOGIN_FAILURE_MAX = 256, LOGIN_NONCE_LEN = 32 };

struct login {
	const struct login_ops *ops;
	bool waits_for_others; /* its work() does, as a look-up of names: other jobs need not wait for it */
	bool has_errand;
	char failure[LOGIN_FAILURE_MAX]; /* one sentence, without a secret */
};

/* What an exchange is given by the channel that wants it. */
struct login_start {
	const char *host; /* that is dialled, as a name where it has one */
	struct env *env;
	int64_t wall_ms;	  /* the time */
	const _Atomic bool *over; /* lasts as long as the exchange; NULL: never */
	uint8_t nonce[LOGIN_NONCE_LEN];
};

struct login_method_ops {
	struct login *(*begin)(const struct login_method *m, const struct login_start *start);
	void (*free)(struct login_method *m); /* no exchange is left */
};

struct login_method {
	const struct login_method_ops *ops;
	struct str mechanism; /* as SaslHandshake has it */
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
