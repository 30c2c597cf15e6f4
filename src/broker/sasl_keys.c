/*
 * sasl_keys: the keys of a file or a server, and the requests for them. For a server:
 *
 *	IDLE -> LOOKING_UP its name (job) -> ASKING -> READING (job) -> IDLE until the next time
 *	         ^-- WAITING after a failure, twice as long after each, until retry.backoff.max.ms have passed
 */
#include "broker/sasl_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/core.h"
#include "env/env.h"
#include "http/client.h"
#include "security/jvm_options.h"
#include "security/jwks.h"
#include "security/mechanism.h"
#include "tls/tls.h"

enum {
	KEYS_MAX_BYTES = 1 << 20,
	CONNECT_MS = 10000,
	ANSWER_MS = 20000,
	WITHOUT_KEYS_MS = 10000, /* between two rounds of attempts */
	FOR_EVER_MS = INT32_MAX,
	URGENT_MS = 1000,
	MISSING_MAX = 16, /* Kafka's MISSING_KEY_ID_CACHE_MAX_ENTRIES and its like */
	MISSING_KID_MAX = 1000,
	MISSING_MS = 60000,
	WHY_MAX = 256,
};

struct missing {
	char *kid; /* NULL: none */
	int64_t next_ms;
	int64_t used_ms;
};

enum state { IDLE, LOOKING_UP, ASKING, READING, WAITING };

struct sasl_keys {
	struct env *env;
	char *path; /* NULL: the keys come from a server */
	/* For a server; what follows belongs to reactor 0. */
	char *url_text;
	struct http_url url;
	struct tls_context *tls;
	int64_t refresh_ms, backoff_ms, backoff_max_ms;
	struct core *core; /* NULL: not started */
	bool stopped;
	enum state state;
	bool again; /* a key was missed after the present request had been sent */
	struct timer timer;
	struct work work;
	struct http_fetch *fetch;
	struct addr addresses[HTTP_ADDRESSES_MAX];
	int n_addresses;
	int64_t round_end_ms;
	int tries;
	char *answer;
	size_t answer_len;
	struct jwks *read;
	char why[WHY_MAX];
	struct post urgent;
	/* For any thread, under the lock. */
	struct mutex lock;
	struct file_stat stat;
	struct jwks *now;
	struct missing missing[MISSING_MAX];
	int64_t urgent_ms; /* when the server was last asked because a key was missing */
	bool is_urgent;	   /* `urgent` is on its way */
	struct diag_limit limit;
	struct sasl_keys_numbers numbers;
};

/* ---- the present keys ---- */

/* Takes over `keys`. */
static void put(struct sasl_keys *k, struct jwks *keys, const struct file_stat *stat)
{
	mutex_lock(&k->lock);
	jwks_unref(&k->now);
	k->now = keys;
	if (stat)
		k->stat = *stat;
	k->numbers.reads++;
	k->numbers.keys = jwks_count(keys);
	k->numbers.read_ms = env_wall_ms(k->env);
	for (int i = 0; i < MISSING_MAX; i++) {
		struct missing *m = &k->missing[i];

		if (m->kid && jwks_has(keys, str_of(m->kid))) {
			xfree(m->kid);
			*m = (struct missing){0};
		}
	}
	mutex_unlock(&k->lock);
}

static void note_failure(struct sasl_keys *k, const char *from, const char *why)
{
	bool tell;

	mutex_lock(&k->lock);
	k->numbers.failures++;
	tell = diag_allow(k->env->diag, &k->limit);
	mutex_unlock(&k->lock);
	if (tell)
		diag_warn(k->env->diag, "keys of tokens cannot be read", "url=%s reason=\"%s\"", from, why);
}

void sasl_keys_numbers(struct sasl_keys *k, struct sasl_keys_numbers *out)
{
	mutex_lock(&k->lock);
	*out = k->numbers;
	mutex_unlock(&k->lock);
}

/* ---- a file ---- */

/* Reads a file with this modification time: NULL, with the reason, when it cannot be read. */
static struct jwks *read_file(struct sasl_keys *k, struct arena *a, struct str *why)
{
	struct jwks *keys;
	char *text;
	size_t len;
	int err = env_read_file(k->env, k->path, KEYS_MAX_BYTES, &text, &len);

	if (err) {
		*why = arena_printf(a, "sasl.oauthbearer.jwks.endpoint.url: %s: %s", k->path, err_name(err));
		return NULL;
	}
	keys = jwks_read((struct str){text, (int32_t)len}, a, why);
	xfree(text);
	return keys;
}

static bool is_as_it_was(const struct sasl_keys *k, const struct file_stat *stat)
{
	return k->stat.mtime_ms == stat->mtime_ms && k->stat.size == stat->size;
}

/* Kafka's CachedFile: a changed file is read again, and as long as it cannot be read nobody is let in. */
static struct jwks *read_again(struct sasl_keys *k, const struct file_stat *stat)
{
	struct str why = STR_NULL;
	struct jwks *keys;
	struct arena a;

	arena_init(&a, KEYS_MAX_BYTES * 4);
	keys = read_file(k, &a, &why);
	if (keys) {
		put(k, jwks_ref(keys), stat);
	} else {
		char *text = str_dup(why);

		note_failure(k, k->path, text);
		xfree(text);
	}
	arena_fini(&a);
	return keys;
}

struct jwks *sasl_keys_now(struct sasl_keys *k)
{
	struct file_stat stat = {0};
	struct jwks *keys = NULL;
	bool is_there = !k->path || env_stat(k->env, k->path, &stat) == 0;

	mutex_lock(&k->lock);
	if (is_there && (!k->path || is_as_it_was(k, &stat)))
		keys = jwks_ref(k->now);
	mutex_unlock(&k->lock);
	return keys || !k->path ? keys : read_again(k, &stat);
}

/* ---- a server ---- */

static void attempt(struct sasl_keys *k);

static void begin_round(struct sasl_keys *k)
{
	if (k->state != IDLE)
		return;
	k->tries = 0;
	k->round_end_ms = env_mono_ms(k->env) + k->backoff_max_ms;
	attempt(k);
}

static void rest(struct sasl_keys *k)
{
	int64_t ms = k->refresh_ms;

	mutex_lock(&k->lock);
	if (!k->now && ms > WITHOUT_KEYS_MS)
		ms = WITHOUT_KEYS_MS;
	mutex_unlock(&k->lock);
	k->state = IDLE;
	if (k->again)
		begin_round(k);
	else
		timer_start(&k->timer, ms);
}

/* Kafka's Retry: it does not pause longer than the round lasts, and ends with it. */
static void failed(struct sasl_keys *k, const char *why)
{
	int64_t left_ms = k->round_end_ms - env_mono_ms(k->env);
	int64_t pause_ms = k->backoff_ms;

	note_failure(k, k->url_text, why);
	for (int i = 0; i < k->tries && pause_ms < left_ms; i++)
		pause_ms *= 2;
	k->tries++;
	if (pause_ms > left_ms)
		pause_ms = left_ms;
	if (pause_ms <= 0) {
		rest(k);
		return;
	}
	k->state = WAITING;
	timer_start(&k->timer, pause_ms);
}

static void on_timer(struct timer *t)
{
	struct sasl_keys *k = container_of(t, struct sasl_keys, timer);

	if (k->state == WAITING)
		attempt(k);
	else
		begin_round(k);
}

static void read_job(struct work *w)
{
	struct sasl_keys *k = container_of(w, struct sasl_keys, work);
	struct str why = STR_NULL;
	struct arena a;

	arena_init(&a, KEYS_MAX_BYTES * 4);
	k->read = jwks_read((struct str){k->answer, (int32_t)k->answer_len}, &a, &why);
	if (!k->read)
		snprintf(k->why, sizeof(k->why), "%.*s", STR_ARG(why));
	arena_fini(&a);
}

static void is_read(struct work *w)
{
	struct sasl_keys *k = container_of(w, struct sasl_keys, work);

	xfree(k->answer);
	k->answer = NULL;
	if (k->read) {
		diag_debug(k->env->diag, "keys of tokens were read", "url=%s keys=%d", k->url_text,
			   jwks_count(k->read));
		put(k, k->read, NULL);
	}
	if (!k->stopped && k->read)
		rest(k);
	else if (!k->stopped)
		failed(k, k->why);
	k->read = NULL;
	core_work_ends(k->core);
}

static void begin_work(struct sasl_keys *k, enum state state, void (*job)(struct work *), void (*done)(struct work *))
{
	k->state = state;
	k->work.job = job;
	k->work.done = done;
	k->work.waits_for_others = state == LOOKING_UP;
	core_work_begins(k->core);
	env_work(k->core->loop, &k->work);
}

static void answered(void *arg, const struct http_answer *answer)
{
	struct sasl_keys *k = arg;
	char why[WHY_MAX];

	k->fetch = NULL;
	if (answer->err == 0 && answer->status == 200) {
		k->answer_len = (size_t)answer->body.len;
		k->answer = xstrndup(answer->body.p, k->answer_len);
		begin_work(k, READING, read_job, is_read);
		return;
	}
	if (answer->err == 0)
		snprintf(why, sizeof(why), "the server answers with status %d", answer->status);
	else
		snprintf(why, sizeof(why), "%s", answer->why);
	failed(k, why);
}

static void look_up(struct work *w)
{
	struct sasl_keys *k = container_of(w, struct sasl_keys, work);

	k->n_addresses = env_resolve(k->env, k->url.host, k->url.port, k->addresses, HTTP_ADDRESSES_MAX);
}

static void is_looked_up(struct work *w)
{
	struct sasl_keys *k = container_of(w, struct sasl_keys, work);

	if (!k->stopped && k->n_addresses <= 0) {
		failed(k, "its host has no address");
	} else if (!k->stopped) {
		k->state = ASKING;
		k->again = false;
		k->fetch = http_fetch(&(struct http_request){
			.loop = k->core->loop,
			.url = &k->url,
			.addresses = k->addresses,
			.n_addresses = k->n_addresses,
			.tls = k->tls,
			.method = "GET",
			.headers = STR("Accept: application/json\r\n"),
			.answer_max = KEYS_MAX_BYTES,
			.connect_ms = CONNECT_MS,
			.timeout_ms = ANSWER_MS,
			.done = answered,
			.arg = k,
		});
	}
	core_work_ends(k->core);
}

static void attempt(struct sasl_keys *k)
{
	begin_work(k, LOOKING_UP, look_up, is_looked_up);
}

/* ---- missing keys ---- */

static void ask_now(struct post *p)
{
	struct sasl_keys *k = container_of(p, struct sasl_keys, urgent);

	mutex_lock(&k->lock);
	k->is_urgent = false;
	mutex_unlock(&k->lock);
	k->again = k->state == ASKING || k->state == READING;
	if (k->stopped || k->state != IDLE)
		return;
	timer_stop(&k->timer);
	begin_round(k);
}

/* The entry for this name, or else a free one, or the one that was not named for longest. */
static struct missing *missing_of(struct sasl_keys *k, struct str kid)
{
	struct missing *oldest = &k->missing[0];

	for (int i = 0; i < MISSING_MAX; i++) {
		struct missing *m = &k->missing[i];

		if (m->kid && str_eq(str_of(m->kid), kid))
			return m;
		if (!m->kid || (oldest->kid && m->used_ms < oldest->used_ms))
			oldest = m;
	}
	return oldest;
}

/* Under the lock. */
static bool is_worth_asking(struct sasl_keys *k, struct str kid)
{
	int64_t now_ms = env_mono_ms(k->env);
	struct missing *m = missing_of(k, kid);
	bool is_known = m->kid && str_eq(str_of(m->kid), kid);

	if (is_known)
		m->used_ms = now_ms;
	if (k->is_urgent || (k->urgent_ms && now_ms - k->urgent_ms < URGENT_MS) || (is_known && m->next_ms > now_ms))
		return false;
	if (!is_known) {
		xfree(m->kid);
		m->kid = str_dup(kid);
	}
	m->used_ms = now_ms;
	m->next_ms = now_ms + MISSING_MS;
	k->urgent_ms = now_ms;
	return true;
}

void sasl_keys_missing(void *keys, struct str kid)
{
	struct sasl_keys *k = keys;
	bool ask;

	if (k->path || str_is_null(kid) || kid.len > MISSING_KID_MAX || memchr(kid.p, 0, (size_t)kid.len))
		return;
	mutex_lock(&k->lock);
	ask = k->core && is_worth_asking(k, kid);
	k->is_urgent |= ask;
	mutex_unlock(&k->lock);
	if (ask)
		loop_post(k->core->loop, &k->urgent);
}

/* ---- creation and end ---- */

static bool refuse(struct str *why, struct str text)
{
	*why = text;
	return false;
}

static bool read_times(struct sasl_keys *k, const struct mechanism_place *place, struct str *why)
{
	k->refresh_ms = mechanism_long(place, CONFIG_SASL_OAUTHBEARER_JWKS_ENDPOINT_REFRESH_MS);
	k->backoff_ms = mechanism_long(place, CONFIG_SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MS);
	k->backoff_max_ms = mechanism_long(place, CONFIG_SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MAX_MS);
	if (k->refresh_ms <= 0)
		return refuse(why, STR("sasl.oauthbearer.jwks.endpoint.refresh.ms has to be positive"));
	if (k->backoff_ms < 0 || k->backoff_max_ms < k->backoff_ms)
		return refuse(why, STR("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms has to be from 0 to "
				       "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms"));
	if (k->backoff_max_ms > FOR_EVER_MS)
		k->backoff_max_ms = FOR_EVER_MS;
	return true;
}

static struct str option(const void *jaas, const char *name)
{
	return jaas_option(jaas, str_of(name));
}

static bool make_tls(struct sasl_keys *k, const struct mechanism_place *place, struct arena *a, struct str *why)
{
	struct buf text = {0};
	int err = http_tls_new(k->env, option, place->jaas, &k->tls, &text);

	if (err)
		*why = arena_str(a, buf_str(&text));
	buf_fini(&text);
	return err == 0;
}

static bool prepare(struct sasl_keys *k, const struct mechanism_place *place, struct str url, struct arena *a,
		    struct str *why)
{
	struct str path = http_url_file(url);
	const char *wrong;
	struct jwks *keys;

	if (!str_is_null(path)) {
		struct file_stat stat = {0};

		k->path = str_dup(path);
		error_ignored(env_stat(k->env, k->path, &stat)); /* reading it tells */
		keys = read_file(k, a, why);
		if (keys)
			put(k, keys, &stat);
		return keys;
	}
	wrong = http_url_read(url, &k->url);
	if (wrong)
		return refuse(why,
			      arena_printf(a,
					   "sasl.oauthbearer.jwks.endpoint.url: %s; file:///PATH, http or https was "
					   "expected",
					   wrong));
	k->url_text = str_dup(url);
	return read_times(k, place, why) && (!k->url.tls || make_tls(k, place, a, why));
}

struct sasl_keys *sasl_keys_new(struct env *env, const struct mechanism_place *place, const struct jvm_options *jvm,
				struct arena *a, struct str *why)
{
	struct str url = oauthbearer_keys_url(place);
	struct sasl_keys *k;

	if (!jvm_allows_url(jvm, "sasl.oauthbearer.jwks.endpoint.url", url, a, why))
		return NULL;
	k = xcalloc(1, sizeof(*k));
	k->env = env;
	k->limit.interval_ms = 1000;
	mutex_init(&k->lock);
	if (prepare(k, place, url, a, why))
		return k;
	sasl_keys_free(k);
	return NULL;
}

void sasl_keys_start(struct sasl_keys *k, struct core *core)
{
	if (k->path)
		return;
	k->urgent.run = ask_now;
	timer_init(&k->timer, core->loop, on_timer);
	mutex_lock(&k->lock);
	k->core = core;
	mutex_unlock(&k->lock);
	begin_round(k);
}

void sasl_keys_stop(struct sasl_keys *k)
{
	if (!k->core || k->stopped)
		return;
	k->stopped = true;
	timer_stop(&k->timer);
	if (k->fetch)
		http_fetch_cancel(k->fetch);
	k->fetch = NULL;
}

void sasl_keys_free(struct sasl_keys *k)
{
	if (!k)
		return;
	check(!k->fetch && !k->answer);
	jwks_unref(&k->now);
	tls_context_unref(&k->tls);
	mutex_fini(&k->lock);
	for (int i = 0; i < MISSING_MAX; i++)
		xfree(k->missing[i].kid);
	xfree(k->path);
	xfree(k->url_text);
	xfree(k);
}
