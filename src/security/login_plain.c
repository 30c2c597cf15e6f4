/* login_plain: sends NUL, the name, NUL, the password; an answer without an error completes the login. */
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "security/login_words.h"
#include "wire/login.h"

struct plain {
	struct login_method method;
	struct buf message;
};

struct exchange {
	struct login login;
	const struct plain *plain;
};

static enum login_turn step(struct login *l, struct str in, struct buf *out)
{
	const struct plain *p = container_of(l, struct exchange, login)->plain;

	(void)in;
	buf_put(out, p->message.p, p->message.len);
	return LOGIN_LAST;
}

static void exchange_free(struct login *l)
{
	xfree(container_of(l, struct exchange, login));
}

static struct login *begin(const struct login_method *m, const struct login_start *start)
{
	static const struct login_ops ops = {step, exchange_free};
	struct exchange *e = xcalloc(1, sizeof(*e));

	(void)start;
	e->login.ops = &ops;
	e->plain = container_of(m, struct plain, method);
	return &e->login;
}

static void plain_free(struct login_method *m)
{
	struct plain *p = container_of(m, struct plain, method);

	explicit_bzero(p->message.p, p->message.len);
	buf_fini(&p->message);
	xfree(p);
}

struct login_method *login_plain_new(const struct login_words *words)
{
	static const struct login_method_ops ops = {begin, plain_free};
	struct plain *p = xcalloc(1, sizeof(*p));

	p->method = (struct login_method){&ops, STR("PLAIN")};
	buf_reserve(&p->message, (size_t)words->name.len + (size_t)words->password.len + 2); /* leaves no copy behind */
	buf_put(&p->message, "", 1);
	buf_put_str(&p->message, words->name);
	buf_put(&p->message, "", 1);
	buf_put_str(&p->message, words->password);
	return &p->method;
}
