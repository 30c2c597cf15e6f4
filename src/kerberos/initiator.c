/*
 * initiator: this side as a client (RFC 4752, 3.1): tickets, a context with the server, and no
 * security layer. The server must prove that it has its own keys.
 *
 *	work: a ticket if there is none, tokens -> ... -> the server's offer, unwrapped
 *	-> the choice, wrapped, the last message
 *
 * A credential obtained with keys is shared by all exchanges of its method until it is due for
 * renewal; its tickets are in a memory cache, which is destroyed with it. A credential in an
 * existing cache is looked up by each exchange.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "env/env.h"
#include "kerberos/kerberos_private.h"
#include "wire/gss.h"
#include "wire/login.h"

enum { NO_LAYER = 1, LAYERS_LEN = 4, NAME_MAX_LEN = 1024, CACHE_NAME_MAX = 64 };

struct credential {
	atomic_int refs;
	void *cred;
	void *context, *tickets; /* memory cache of its tickets, destroyed with it; NULL: the cache is not ours */
	int64_t renew_ns;	 /* monotonic */
	int64_t end_ns;
};

struct method {
	struct login_method base;
	struct gss_functions gss;
	atomic_int refs;
	char *service, *principal, *keytab, *cache; /* NULL: not given */
	bool is_cached;
	double window, jitter;
	int64_t min_ns;
	struct mutex acquiring; /* held while a credential is obtained: others wait for the result */
	/* failure of the last attempt; used only while holding `acquiring`, like the next field */
	struct buf why;
	int64_t failed_ns;
	struct mutex lock; /* guards the two fields below */
	struct credential *now;
	int64_t tried_ns; /* when the last attempt began; INT64_MIN: never */
};

enum state { BEGINNING, ESTABLISHING, EXPECTING_NOTHING, EXPECTING_LAYERS, OVER };

struct exchange {
	struct login login;
	struct method *method;
	struct env *env;
	bool is_done; /* the result of work() waits for its step */
	enum login_turn turn;
	enum state state;
	struct buf in, out;
	char *host;
	struct credential *credential;
	void *target;
	void *context;
};

/* ---- credentials ---- */

/* On any thread: nothing here reads a file. */
static void credential_unref(struct method *m, struct credential *c)
{
	gss_status minor;

	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
		return;
	m->gss.release_cred(&minor, &c->cred);
	if (c->tickets)
		m->gss.cc_destroy(c->context, c->tickets);
	if (c->context)
		m->gss.free_context(c->context);
	xfree(c);
}

static void method_unref(struct method *m)
{
	if (atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) > 1)
		return;
	credential_unref(m, m->now);
	mutex_fini(&m->lock);
	mutex_fini(&m->acquiring);
	buf_fini(&m->why);
	xfree(m->service);
	xfree(m->principal);
	xfree(m->keytab);
	xfree(m->cache);
	xfree(m);
}

/* The default key table, if none is given: the library would look for client keys elsewhere. */
static void own_keytab(const struct gss_functions *gss, char out[NAME_MAX_LEN])
{
	void *context;

	out[0] = 0;
	if (gss->init_context(&context))
		return;
	if (gss->kt_default_name(context, out, NAME_MAX_LEN))
		out[0] = 0;
	gss->free_context(context);
}

static gss_status acquire_ticket(struct method *m, struct credential *c, void *name, gss_status *minor,
				 uint32_t *seconds)
{
	char keytab[NAME_MAX_LEN], cache[CACHE_NAME_MAX];
	struct gss_store_element elements[2];
	struct gss_store store = {0, elements};

	if (m->is_cached && m->cache) {
		elements[store.count++] = (struct gss_store_element){"ccache", m->cache};
	} else if (!m->is_cached) {
		own_keytab(&m->gss, keytab);
		snprintf(cache, sizeof(cache), "MEMORY:odradek-%p", (void *)c);
		if (m->gss.init_context(&c->context) == 0 && m->gss.cc_resolve(c->context, cache, &c->tickets))
			c->tickets = NULL;
		elements[store.count++] = (struct gss_store_element){"ccache", cache};
		elements[store.count++] = (struct gss_store_element){"client_keytab", m->keytab ? m->keytab : keytab};
	}
	return m->gss.acquire_cred_from(minor, name, UINT32_MAX, &gss_krb5_alone, GSS_INITIATE, &store, &c->cred, NULL,
					seconds);
}

static struct credential *credential_new(struct method *m, struct env *env, struct buf *why)
{
	struct credential *c;
	void *name = NULL;
	gss_status minor, major;
	uint32_t seconds = 0;
	double life_ns, chance = env_random_fraction(env);

	if (m->principal) {
		name = gss_import(&m->gss, str_of(m->principal), &gss_principal_name, why);
		if (!name)
			return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	atomic_init(&c->refs, 1);
	major = acquire_ticket(m, c, name, &minor, &seconds);
	gss_release(&m->gss, &name);
	if (gss_is_error(major)) {
		gss_say(&m->gss, why, major, minor);
		credential_unref(m, c);
		return NULL;
	}
	life_ns = (double)seconds * 1000.0 * NS_PER_MS;
	c->end_ns = env_mono_ns(env) + (int64_t)life_ns;
	c->renew_ns = env_mono_ns(env) + (int64_t)(life_ns * (m->window + m->jitter * chance));
	return c;
}

/* Whether it can be used without renewal: it is valid, and renewal is not due, or not permitted yet. */
static bool is_fresh(const struct method *m, int64_t now_ns)
{
	return m->now && now_ns < m->now->end_ns &&
	       (now_ns < m->now->renew_ns || (m->tried_ns != INT64_MIN && now_ns - m->tried_ns < m->min_ns));
}

/* fresh: a credential that is due for renewal is not good enough, though still valid. NULL: none. */
static struct credential *credential_now(struct method *m, int64_t now_ns, bool fresh)
{
	struct credential *c = NULL;

	mutex_lock(&m->lock);
	if (fresh ? is_fresh(m, now_ns) : m->now && now_ns < m->now->end_ns) {
		c = m->now;
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	}
	mutex_unlock(&m->lock);
	return c;
}

static void credential_keep(struct method *m, struct credential *c)
{
	struct credential *old;

	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	mutex_lock(&m->lock);
	old = m->now;
	m->now = c;
	mutex_unlock(&m->lock);
	credential_unref(m, old);
}

static void note_attempt(struct method *m, int64_t now_ns)
{
	mutex_lock(&m->lock);
	m->tried_ns = now_ns;
	mutex_unlock(&m->lock);
}

/* Asks the KDC; the result is for all exchanges. */
static struct credential *credential_got(struct method *m, struct env *env)
{
	struct credential *c;

	note_attempt(m, env_mono_ns(env));
	m->why.len = 0;
	c = credential_new(m, env, &m->why);
	m->failed_ns = c ? INT64_MIN : env_mono_ns(env);
	if (c)
		credential_keep(m, c);
	return c;
}

/*
 * Only one exchange asks at a time. Those that waited for an attempt that failed fail with it, so a
 * KDC that does not answer delays each only once.
 */
static struct credential *credential_by_keys(struct method *m, struct env *env, struct buf *why)
{
	int64_t from_ns = env_mono_ns(env);
	struct credential *c;

	mutex_lock(&m->acquiring);
	c = credential_now(m, env_mono_ns(env), true);
	if (!c && m->failed_ns < from_ns)
		c = credential_got(m, env);
	if (!c)
		c = credential_now(m, env_mono_ns(env), false);
	if (!c)
		buf_put(why, m->why.p, m->why.len);
	mutex_unlock(&m->acquiring);
	return c;
}

static struct credential *credential_of(struct method *m, struct env *env, struct buf *why)
{
	struct credential *c;

	if (m->is_cached)
		return credential_new(m, env, why);
	c = credential_now(m, env_mono_ns(env), true);
	return c ? c : credential_by_keys(m, env, why);
}

/* ---- the exchange: work ---- */

static enum login_turn fail(struct exchange *e, const char *what, const struct buf *why)
{
	snprintf(e->login.failure, sizeof(e->login.failure), "%s%s%.*s", what, why->len > 0 ? ": " : "",
		 STR_ARG(why->len > 0 ? buf_str(why) : STR("")));
	return LOGIN_FAIL;
}

static bool begin_context(struct exchange *e, struct buf *why)
{
	struct method *m = e->method;
	char name[NAME_MAX_LEN];
	int len = snprintf(name, sizeof(name), "%s@%s", m->service, e->host);

	e->state = ESTABLISHING;
	e->credential = credential_of(m, e->env, why);
	if (!e->credential || len >= (int)sizeof(name))
		return false;
	e->target = gss_import(&m->gss, (struct str){name, len}, &gss_service_name, why);
	return e->target;
}

static enum login_turn establish(struct exchange *e, struct buf *why)
{
	const struct gss_functions *gss = &e->method->gss;
	struct gss_buffer in = gss_buffer_of(e->in.len > 0 ? buf_str(&e->in) : STR("")), out = {0};
	gss_status minor,
		major = gss->init_sec_context(&minor, e->credential->cred, &e->context, e->target, &gss_krb5,
					      GSS_MUTUAL | GSS_REPLAY | GSS_SEQUENCE | GSS_CONFIDENTIAL | GSS_INTEGRITY,
					      0, NULL, in.length > 0 ? &in : NULL, NULL, &out, NULL, NULL);
	bool fits = gss_take(gss, &out, &e->out);

	if (gss_is_error(major)) {
		gss_say(gss, why, major, minor);
		return fail(e, "GSS initiate failed", why);
	}
	if (!fits)
		return fail(e, "GSS initiate failed: its token is too long", why);
	/* If this side sends the context's last token, the server answers it with an empty message. */
	if (!(major & GSS_CONTINUE_NEEDED))
		e->state = e->out.len > 0 ? EXPECTING_NOTHING : EXPECTING_LAYERS;
	return LOGIN_SAY;
}

static enum login_turn choose_layer(struct exchange *e, struct buf *why)
{
	static const char chosen[LAYERS_LEN] = {NO_LAYER, 0, 0, 0};
	const struct gss_functions *gss = &e->method->gss;
	struct gss_buffer in = gss_buffer_of(buf_str(&e->in)), out = {0};
	struct gss_buffer answer = gss_buffer_of((struct str){chosen, LAYERS_LEN});
	struct buf offered = {0};
	gss_status minor, major = gss->unwrap(&minor, e->context, &in, &out, NULL, NULL);
	bool ok = gss_take(gss, &out, &offered) && !gss_is_error(major) && offered.len >= LAYERS_LEN;
	bool is_plain = ok && (offered.p[0] & NO_LAYER);

	buf_fini(&offered);
	if (gss_is_error(major))
		gss_say(gss, why, major, minor);
	if (!ok)
		return fail(e, "The server's offer cannot be read", why);
	if (!is_plain)
		return fail(e, "No common protection layer between client and server", why);
	major = gss->wrap(&minor, e->context, 0, 0, &answer, NULL, &out);
	ok = gss_take(gss, &out, &e->out) && !gss_is_error(major);
	e->state = OVER;
	return ok ? LOGIN_LAST : fail(e, "The answer cannot be wrapped", why);
}

static void work(struct login *l)
{
	struct exchange *e = container_of(l, struct exchange, login);
	struct buf why = {0};

	e->out.len = 0;
	if (e->state == BEGINNING && !begin_context(e, &why)) {
		e->turn = fail(e, "Kerberos cannot log in", &why);
	} else if (e->state == ESTABLISHING) {
		e->turn = establish(e, &why);
	} else if (e->state == EXPECTING_NOTHING && e->in.len == 0) {
		e->state = EXPECTING_LAYERS;
		e->turn = LOGIN_SAY;
	} else if (e->state != OVER && e->in.len > 0) {
		e->turn = choose_layer(e, &why);
	} else {
		e->turn = fail(e, "The server offers nothing", &why);
	}
	e->is_done = true;
	buf_fini(&why);
}

/* ---- the exchange, on its loop ---- */

static enum login_turn step(struct login *l, struct str in, struct buf *out)
{
	struct exchange *e = container_of(l, struct exchange, login);

	if (e->is_done) {
		e->is_done = false;
		buf_put(out, e->out.p, e->out.len);
		return e->turn;
	}
	e->in.len = 0;
	buf_put_str(&e->in, in);
	return LOGIN_WORK;
}

static void exchange_free(struct login *l)
{
	struct exchange *e = container_of(l, struct exchange, login);
	const struct gss_functions *gss = &e->method->gss;
	gss_status minor;

	if (e->context)
		gss->delete_sec_context(&minor, &e->context, NULL);
	gss_release(gss, &e->target);
	credential_unref(e->method, e->credential);
	method_unref(e->method);
	buf_fini(&e->in);
	buf_fini(&e->out);
	xfree(e->host);
	xfree(e);
}

static struct login *begin(const struct login_method *base, const struct login_start *start)
{
	static const struct login_ops ops = {step, exchange_free, work};
	struct exchange *e = xcalloc(1, sizeof(*e));

	e->login.ops = &ops;
	e->method = (struct method *)(uintptr_t)container_of(base, struct method, base);
	atomic_fetch_add_explicit(&e->method->refs, 1, memory_order_relaxed);
	e->env = start->env;
	e->login.waits_for_others = true;
	e->host = str_dup(str_of(start->host));
	return &e->login;
}

static void method_free(struct login_method *base)
{
	method_unref(container_of(base, struct method, base));
}

/* What Kafka takes as a share of a ticket's life, limited to that. */
static double fraction_of(double v)
{
	return v > 0 ? (v < 1 ? v : 1) : 0; /* also handles NaN */
}

struct login_method *kerberos_login_new(const struct kerberos_login *l, struct buf *why)
{
	static const struct login_method_ops ops = {begin, method_free};
	struct method *m = xcalloc(1, sizeof(*m));

	if (!gss_load(&m->gss, why)) {
		xfree(m);
		return NULL;
	}
	m->base = (struct login_method){&ops, STR("GSSAPI")};
	atomic_init(&m->refs, 1);
	m->service = str_dup(l->service);
	m->principal = str_is_null(l->principal) ? NULL : str_dup(l->principal);
	m->keytab = str_is_null(l->keytab) ? NULL : str_dup(l->keytab);
	m->cache = str_is_null(l->cache) ? NULL : str_dup(l->cache);
	m->is_cached = l->is_cached;
	m->window = fraction_of(l->window);
	m->jitter = fraction_of(l->jitter);
	m->min_ns = l->min_ms < INT64_MAX / NS_PER_MS ? l->min_ms * NS_PER_MS : INT64_MAX;
	m->tried_ns = m->failed_ns = INT64_MIN;
	mutex_init(&m->lock);
	mutex_init(&m->acquiring);
	return &m->base;
}
