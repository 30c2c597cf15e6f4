/*
 * initiator: this side as a client (RFC 4752, 3.1): tickets, a context with the server, and no layer of protection. The server has to show that it
 * has its own keys.
 *
 *	a job: a ticket if there is none, tokens -> ... -> what the server offers, unwrapped -> what is chosen, wrapped, the last that is said
 *
 * A credential that was got with keys is shared by all exchanges of its method until it is to be renewed; its tickets are in a cache in memory,
 * which ends with it. One that was there before is looked up by each exchange.
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

enum { NO_LAYER = 1, LAYERS_LEN = 4, NAME_MAX_LEN = 1024, CACHE_NAME_MAX = 64, NS_A_MS = 1000000 };

struct credential {
	atomic_int refs;
	void *cred;
	char cache[CACHE_NAME_MAX]; /* of its tickets, which go with it; empty: somebody else's */
	int64_t renew_ns;	    /* monotonic */
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
	atomic_bool busy; /* the two below, for a few instructions */
	struct credential *now;
	int64_t tried_ns;
};

enum state { BEGINNING, ESTABLISHING, EXPECTING_LAYERS, OVER };

struct exchange {
	struct login login;
	struct method *method;
	struct loop *loop;
	struct work work;
	bool is_working; /* the job has what is below */
	bool is_done;	 /* the job's result waits for its step */
	bool is_orphan;	 /* nobody waits any more */
	enum login_turn turn;
	enum state state;
	struct buf in, out;
	char *host;
	struct credential *credential;
	void *target;
	void *context;
};

/* ---- credentials ---- */

static void method_unref(struct method *m)
{
	if (atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) > 1)
		return;
	xfree(m->service);
	xfree(m->principal);
	xfree(m->keytab);
	xfree(m->cache);
	xfree(m);
}

static void forget_tickets(const struct gss_functions *gss, const char *cache)
{
	void *context, *tickets;

	if (gss->init_context(&context))
		return;
	if (gss->cc_resolve(context, cache, &tickets) == 0)
		gss->cc_destroy(context, tickets);
	gss->free_context(context);
}

static void credential_unref(struct method *m, struct credential *c)
{
	gss_status minor;

	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
		return;
	m->gss.release_cred(&minor, &c->cred);
	if (c->cache[0])
		forget_tickets(&m->gss, c->cache);
	xfree(c);
}

static void lock(struct method *m)
{
	while (atomic_exchange_explicit(&m->busy, true, memory_order_acquire))
		;
}

static void unlock(struct method *m)
{
	atomic_store_explicit(&m->busy, false, memory_order_release);
}

/* The keys' own place, where none is given: the library looks for those of clients elsewhere. */
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

static gss_status acquire(struct method *m, struct credential *c, void *name, gss_status *minor, uint32_t *seconds)
{
	char keytab[NAME_MAX_LEN];
	struct gss_store_element elements[2];
	struct gss_store store = {0, elements};

	if (m->is_cached && m->cache) {
		elements[store.count++] = (struct gss_store_element){"ccache", m->cache};
	} else if (!m->is_cached) {
		own_keytab(&m->gss, keytab);
		snprintf(c->cache, sizeof(c->cache), "MEMORY:odradek-%p", (void *)c);
		elements[store.count++] = (struct gss_store_element){"ccache", c->cache};
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
	double life_ns, chance = (double)env_random_below(env, 1 << 20) / (1 << 20);

	if (m->principal) {
		name = gss_import(&m->gss, str_of(m->principal), &gss_principal_name, why);
		if (!name)
			return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	atomic_init(&c->refs, 1);
	major = acquire(m, c, name, &minor, &seconds);
	gss_release(&m->gss, &name);
	if (gss_is_error(major)) {
		gss_say(&m->gss, why, major, minor);
		credential_unref(m, c);
		return NULL;
	}
	life_ns = (double)seconds * 1000.0 * NS_A_MS;
	c->end_ns = env_mono_ns(env) + (int64_t)life_ns;
	c->renew_ns = env_mono_ns(env) + (int64_t)(life_ns * (m->window + m->jitter * chance));
	return c;
}

/* One that is good and need not be renewed, or may not yet; NULL: it is time for another. */
static struct credential *credential_now(struct method *m, int64_t now_ns)
{
	struct credential *c = NULL;

	lock(m);
	if (m->now && now_ns < m->now->end_ns && (now_ns < m->now->renew_ns || now_ns - m->tried_ns < m->min_ns)) {
		c = m->now;
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	} else {
		m->tried_ns = now_ns;
	}
	unlock(m);
	return c;
}

/* One that was to be renewed is good while it lasts. */
static struct credential *credential_old(struct method *m, int64_t now_ns)
{
	struct credential *c;

	lock(m);
	c = m->now && now_ns < m->now->end_ns ? m->now : NULL;
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	unlock(m);
	return c;
}

static void credential_keep(struct method *m, struct credential *c)
{
	struct credential *old;

	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	lock(m);
	old = m->now;
	m->now = c;
	unlock(m);
	credential_unref(m, old);
}

static struct credential *credential_of(struct method *m, struct env *env, struct buf *why)
{
	struct credential *c = m->is_cached ? NULL : credential_now(m, env_mono_ns(env));

	if (c)
		return c;
	c = credential_new(m, env, why);
	if (m->is_cached)
		return c;
	if (c)
		credential_keep(m, c);
	else
		c = credential_old(m, env_mono_ns(env));
	return c;
}

/* ---- the exchange, in a job ---- */

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
	e->credential = credential_of(m, e->loop->env, why);
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
	if (!(major & GSS_CONTINUE_NEEDED))
		e->state = EXPECTING_LAYERS;
	return LOGIN_SAY;
}

static enum login_turn choose(struct exchange *e, struct buf *why)
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

static void job(struct work *w)
{
	struct exchange *e = container_of(w, struct exchange, work);
	struct buf why = {0};

	if (e->state == BEGINNING && !begin_context(e, &why))
		e->turn = fail(e, "Kerberos cannot log in", &why);
	else if (e->state == ESTABLISHING)
		e->turn = establish(e, &why);
	else if (e->in.len == 0) /* the server has nothing to add to its last token */
		e->turn = LOGIN_SAY;
	else
		e->turn = choose(e, &why);
	buf_fini(&why);
}

/* ---- the exchange, on its loop ---- */

static void exchange_end(struct exchange *e)
{
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

static void worked(struct work *w)
{
	struct exchange *e = container_of(w, struct exchange, work);

	e->is_working = false;
	if (e->is_orphan) {
		exchange_end(e);
		return;
	}
	e->is_done = true;
	e->login.wake(&e->login);
}

static enum login_turn step(struct login *l, struct str in, struct buf *out)
{
	struct exchange *e = container_of(l, struct exchange, login);

	if (e->is_done) {
		e->is_done = false;
		buf_put(out, e->out.p, e->out.len);
		return e->turn;
	}
	e->in.len = e->out.len = 0;
	buf_put_str(&e->in, in);
	e->is_working = true;
	e->work = (struct work){.job = job, .done = worked, .loop = e->loop, .waits_for_others = true};
	env_work(e->loop, &e->work);
	return LOGIN_WAIT;
}

static void exchange_free(struct login *l)
{
	struct exchange *e = container_of(l, struct exchange, login);

	e->is_orphan = true;
	if (!e->is_working)
		exchange_end(e);
}

static struct login *begin(const struct login_method *base, const struct login_start *start)
{
	static const struct login_ops ops = {step, exchange_free};
	struct exchange *e = xcalloc(1, sizeof(*e));

	e->login.ops = &ops;
	e->method = (struct method *)(uintptr_t)container_of(base, struct method, base);
	atomic_fetch_add_explicit(&e->method->refs, 1, memory_order_relaxed);
	e->loop = start->loop;
	e->host = str_dup(str_of(start->host));
	return &e->login;
}

static void method_free(struct login_method *base)
{
	struct method *m = container_of(base, struct method, base);
	struct credential *c = m->now;

	m->now = NULL;
	credential_unref(m, c);
	method_unref(m);
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
	m->window = l->window;
	m->jitter = l->jitter;
	m->min_ns = l->min_ms * NS_A_MS;
	return &m->base;
}
