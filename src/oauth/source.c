/* source: a source of tokens: the current token, when to renew it, and fetching from a file or a server. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "env/env.h"
#include "http/client.h"
#include "oauth/oauth.h"
#include "tls/tls.h"

enum { TOKEN_MAX_BYTES = 65536, ARENA_MAX = 1 << 20, AGAIN_MS = 10000, WHY_MAX = 400 };

#define CENTURY_MS (36525 * INT64_C(86400000))

struct source {
	struct token_source base;
	struct env *env;
	struct oauth_endpoint e; /* its strings are copies */
	char *path;		 /* NULL: tokens come from a server */
	struct http_url url;
	struct tls_context *tls;
	char *headers, *body, *body_rest;
	struct oauth_assertion *assertion; /* its strings are copies; NULL: none */
	char trying[WHY_MAX];		   /* why it fails; used only by the one that fetches */
	struct mutex lock;		   /* guards what follows */
	bool is_asking;			   /* a fetch() is under way */
	uint64_t n_failed;
	char why[WHY_MAX]; /* of the last failure */
	char *token;	   /* NULL: none */
	int64_t expiry_ms; /* wall clock */
	int64_t renew_ms;  /* from then on a new one is wanted */
};

/* ---- the current token ---- */

/* Called with the lock held. */
static void note_wish(const struct source *s, struct token_wish *wish)
{
	if (!wish->seen)
		wish->seen = s->n_failed + 1;
}

/* Called with the lock held. A token is used until it expires, and not after that. */
static enum token_state state_of(const struct source *s)
{
	int64_t now_ms = env_wall_ms(s->env);

	if (s->token && now_ms < s->expiry_ms)
		return now_ms < s->renew_ms || s->is_asking ? TOKEN_GOOD : TOKEN_OLD;
	return s->is_asking ? TOKEN_AWAITED : TOKEN_NONE;
}

static enum token_state take(struct token_source *base, struct token_wish *wish, int64_t now_ms, struct buf *token)
{
	struct source *s = container_of(base, struct source, base);
	enum token_state state;

	(void)now_ms;
	mutex_lock(&s->lock);
	note_wish(s, wish);
	state = state_of(s);
	if (state == TOKEN_GOOD || state == TOKEN_OLD)
		buf_put_secret(token, s->token, strlen(s->token));
	mutex_unlock(&s->lock);
	return state;
}

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	xfree(text);
}

static int64_t earlier_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Kafka's refreshMs. A token valid for more than a hundred years is renewed as if valid for a hundred. */
static int64_t renewal_ms(const struct source *s, const struct token_times *t, int64_t now_ms, double chance)
{
	int64_t expiry_ms = earlier_ms(t->expiry_ms, now_ms + CENTURY_MS);
	int64_t begin_ms = t->begin_ms > 0 && t->begin_ms < expiry_ms ? t->begin_ms : now_ms;
	double share = s->e.window + s->e.jitter * chance;
	int64_t ms = begin_ms + (int64_t)((double)(expiry_ms - begin_ms) * share);

	if (now_ms + 1000 * (s->e.min_s + s->e.buffer_s) > expiry_ms)
		return now_ms + (int64_t)((double)(expiry_ms - now_ms) * share);
	if (ms > expiry_ms - s->e.buffer_s * 1000)
		return expiry_ms - s->e.buffer_s * 1000;
	return ms < now_ms + 1000 * s->e.min_s ? now_ms + 1000 * s->e.min_s : ms;
}

/* Takes ownership of the copy. */
static void keep_token(struct source *s, struct env *env, char *token, const struct token_times *t)
{
	double chance = env_random_fraction(env);
	int64_t now_ms = env_wall_ms(env);

	mutex_lock(&s->lock);
	free_secret(s->token);
	s->token = token;
	s->expiry_ms = t->expiry_ms;
	s->renew_ms = renewal_ms(s, t, now_ms, chance);
	mutex_unlock(&s->lock);
}

/* ---- another one ---- */

static bool note_failure(struct source *s, const char *why)
{
	snprintf(s->trying, sizeof(s->trying), "%s", why);
	return false;
}

static bool look_at(struct source *s, struct env *env, struct str token, struct arena *a)
{
	struct token_times times = {0};
	const char *why = token.len > TOKEN_MAX_BYTES ? "it is too long" : s->e.look(s->e.claims, token, a, &times);

	if (!why && times.expiry_ms <= env_wall_ms(env))
		why = "it has expired";
	if (why) {
		snprintf(s->trying, sizeof(s->trying), "the token that was given out cannot be used: %s", why);
		return false;
	}
	keep_token(s, env, str_dup(token), &times);
	return true;
}

/* Statuses for which another attempt is pointless (Kafka's UNRETRYABLE_HTTP_CODES). */
static bool is_final(const struct http_answer *answer)
{
	static const int codes[] = {400, 401, 402, 403, 404, 405, 406, 407, 409,
				    410, 411, 412, 413, 414, 415, 501, 505};

	if (answer->err == 0 && (answer->status == 200 || answer->status == 201))
		return true;
	for (size_t i = 0; answer->err == 0 && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == answer->status)
			return true;
	return false;
}

struct asking {
	struct source *source;
	struct env *env;
	bool ok;
};

static void on_answer(void *arg, const struct http_answer *answer)
{
	struct asking *asking = arg;
	struct source *s = asking->source;
	struct str token;
	struct arena a;

	if (answer->err != 0) {
		note_failure(s, answer->why);
		return;
	}
	if (answer->status != 200 && answer->status != 201) {
		snprintf(s->trying, sizeof(s->trying), "the token endpoint answers with status %d", answer->status);
		return;
	}
	arena_init(&a, ARENA_MAX);
	token = s->e.read_answer(answer->body, &a);
	if (str_is_null(token))
		note_failure(s, "the token endpoint's answer has no access_token and no id_token");
	else
		asking->ok = look_at(s, asking->env, token, &a);
	arena_wipe(&a);
	arena_fini(&a);
}

static void post(struct source *s, struct env *env, const _Atomic bool *over, struct str body, struct asking *asking)
{
	struct http_patience patience = {s->e.backoff_ms, s->e.backoff_max_ms, is_final, over};
	struct http_request r = {
		.url = &s->url,
		.tls = s->tls,
		.method = "POST",
		.headers = str_of(s->headers),
		.body = body,
		.answer_max = 2 * TOKEN_MAX_BYTES,
		.connect_ms = s->e.connect_ms,
		.timeout_ms = s->e.connect_ms + s->e.read_ms,
	};

	http_fetch_now(env, &r, &patience, on_answer, asking);
}

/* Reads the file of an assertion, if it names one. False, with the reason noted. */
static bool read_part(struct source *s, struct env *env, struct str path, struct arena *a, struct str *out)
{
	char *text;
	size_t len;
	int err;

	*out = STR_NULL;
	if (str_is_null(path))
		return true;
	err = env_read_file(env, path.p, TOKEN_MAX_BYTES, &text, &len);
	if (err) {
		snprintf(s->trying, sizeof(s->trying), "%s: %s", path.p, err_name(err));
		return false;
	}
	*out = arena_str(a, (struct str){text, (int32_t)len});
	explicit_bzero(text, len);
	xfree(text);
	return !str_is_null(*out) || note_failure(s, "the files of the assertion are too long");
}

/* The request's body, in the arena. Null, with the reason noted: the assertion cannot be made. */
static struct str body_of(struct source *s, struct env *env, struct arena *a)
{
	struct oauth_now now = {.wall_ms = env_wall_ms(env)};
	struct str assertion, body;
	const char *why;

	if (!s->assertion)
		return str_of(s->body);
	env_random(env, now.random, sizeof(now.random));
	if (!read_part(s, env, s->assertion->file, a, &now.file) ||
	    !read_part(s, env, s->assertion->key_file, a, &now.key) ||
	    !read_part(s, env, s->assertion->template_file, a, &now.template))
		return STR_NULL;
	why = s->assertion->make(s->assertion, &now, a, &assertion);
	body = why ? STR_NULL : arena_printf(a, "%s%.*s%s", s->body, STR_ARG(assertion), s->body_rest);
	if (str_is_null(body))
		snprintf(s->trying, sizeof(s->trying), "the assertion cannot be made: %s",
			 why ? why : "it is too long");
	return body;
}

static bool ask_server(struct source *s, struct env *env, const _Atomic bool *over)
{
	struct asking asking = {s, env, false};
	struct arena a;
	struct str body;

	arena_init(&a, ARENA_MAX);
	body = body_of(s, env, &a);
	if (!str_is_null(body))
		post(s, env, over, body, &asking);
	arena_wipe(&a);
	arena_fini(&a);
	return asking.ok;
}

static bool read_file(struct source *s, struct env *env)
{
	struct arena a;
	char *text;
	size_t len;
	bool ok;
	int err = env_read_file(env, s->path, TOKEN_MAX_BYTES, &text, &len);

	if (err) {
		snprintf(s->trying, sizeof(s->trying), "%s: %s", s->path, err_name(err));
		return false;
	}
	arena_init(&a, ARENA_MAX);
	ok = look_at(s, env, str_trim((struct str){text, (int32_t)len}), &a);
	arena_wipe(&a);
	arena_fini(&a);
	explicit_bzero(text, len);
	xfree(text);
	return ok;
}

static enum token_fetched tell_failure(const struct source *s, struct buf *why)
{
	buf_put_str(why, str_of(s->why));
	return TOKEN_FAILED;
}

/* True: this caller fetches. */
static bool begin_fetch(struct source *s, struct token_wish *wish, enum token_fetched *otherwise, struct buf *why)
{
	bool asks = false;

	mutex_lock(&s->lock);
	note_wish(s, wish);
	if (s->is_asking)
		*otherwise = TOKEN_BUSY;
	else if (state_of(s) == TOKEN_GOOD)
		*otherwise = TOKEN_FETCHED;
	else if (s->n_failed >= wish->seen)
		*otherwise = tell_failure(s, why);
	else
		asks = s->is_asking = true;
	mutex_unlock(&s->lock);
	return asks;
}

/* A failure counts for everyone who waits, except that of a fetch that was cancelled. */
static enum token_fetched end_fetch(struct source *s, bool ok, bool over, struct buf *why)
{
	enum token_fetched fetched = TOKEN_FETCHED;

	mutex_lock(&s->lock);
	s->is_asking = false;
	if (!ok) {
		memcpy(s->why, s->trying, sizeof(s->why));
		fetched = tell_failure(s, why);
	}
	if (!ok && !over) {
		s->n_failed++;
		s->renew_ms = env_wall_ms(s->env) + AGAIN_MS;
	}
	mutex_unlock(&s->lock);
	return fetched;
}

static enum token_fetched fetch(struct token_source *base, struct token_wish *wish, struct env *env, struct buf *why)
{
	struct source *s = container_of(base, struct source, base);
	enum token_fetched otherwise;
	bool ok;

	if (!begin_fetch(s, wish, &otherwise, why))
		return otherwise;
	ok = s->path ? read_file(s, env) : ask_server(s, env, wish->over);
	return end_fetch(s, ok, wish->over && *wish->over, why);
}

/* ---- life ---- */

enum { TEXTS = 6 };

/* The strings of an assertion. */
static void texts_of(struct oauth_assertion *a, struct str *out[TEXTS])
{
	struct str *all[TEXTS] = {&a->file, &a->key_file, &a->template_file, &a->algorithm, &a->passphrase, &a->claims};

	memcpy(out, all, sizeof(all));
}

static struct oauth_assertion *assertion_copy(const struct oauth_assertion *from)
{
	struct oauth_assertion *a = xmalloc(sizeof(*a));
	struct str *text[TEXTS];

	*a = *from;
	texts_of(a, text);
	for (int i = 0; i < TEXTS; i++)
		text[i]->p = str_is_null(*text[i]) ? NULL : str_dup(*text[i]);
	return a;
}

static void assertion_free(struct oauth_assertion *a)
{
	struct str *text[TEXTS];

	if (!a)
		return;
	texts_of(a, text);
	for (int i = 0; i < TEXTS; i++)
		free_secret((char *)(uintptr_t)text[i]->p);
	xfree(a);
}

static void source_free(struct token_source *base)
{
	struct source *s = container_of(base, struct source, base);

	tls_context_unref(&s->tls);
	mutex_fini(&s->lock);
	free_secret(s->token);
	free_secret(s->headers);
	free_secret(s->body);
	free_secret(s->body_rest);
	assertion_free(s->assertion);
	xfree(s->path);
	xfree((void *)(uintptr_t)s->e.claims);
	xfree(s);
}

/* Whether a file of an assertion can be read now; it is read again for each request. */
static bool is_readable(struct env *env, const char *setting, struct str path, struct buf *why)
{
	char *text;
	size_t len;
	int err = str_is_null(path) ? 0 : env_read_file(env, path.p, TOKEN_MAX_BYTES, &text, &len);

	if (err)
		buf_printf(why, "The OAuth configuration option %s contains a file (%s) that cannot be read: %s",
			   setting, path.p, err_name(err));
	if (err || str_is_null(path))
		return !err;
	explicit_bzero(text, len);
	xfree(text);
	return true;
}

static bool open_assertion(struct source *s, struct env *env, struct buf *why)
{
	struct oauth_assertion *a;

	if (!s->e.assertion)
		return true;
	s->assertion = a = assertion_copy(s->e.assertion);
	s->body_rest = str_dup(s->e.body_rest);
	return is_readable(env, "sasl.oauthbearer.assertion.file", a->file, why) &&
	       is_readable(env, "sasl.oauthbearer.assertion.private.key.file", a->key_file, why) &&
	       is_readable(env, "sasl.oauthbearer.assertion.template.file", a->template_file, why);
}

static bool open_place(struct source *s, struct env *env, struct buf *why)
{
	struct str url = s->e.url, path = http_url_file(url);
	const char *wrong;

	if (!str_is_null(path)) {
		s->path = str_dup(path);
		return true;
	}
	wrong = http_url_read(url, &s->url);
	if (wrong) {
		buf_printf(why, "sasl.oauthbearer.token.endpoint.url: %s; file:///PATH, http or https was expected",
			   wrong);
		return false;
	}
	s->headers = str_dup(s->e.headers);
	s->body = str_dup(s->e.body);
	if (!open_assertion(s, env, why))
		return false;
	return !s->url.tls || http_tls_new(env, s->e.option, s->e.option_arg, &s->tls, why) == 0;
}

struct token_source *oauth_source_new(struct env *env, const struct oauth_endpoint *e, struct buf *why)
{
	static const struct token_source_ops ops = {take, fetch, source_free};
	struct source *s = xcalloc(1, sizeof(*s));
	bool ok;

	s->base.ops = &ops;
	s->e = *e;
	s->env = env;
	mutex_init(&s->lock);
	ok = open_place(s, env, why);
	s->e.url = s->e.headers = s->e.body = s->e.body_rest = STR_NULL;
	s->e.assertion = NULL;
	s->e.option_arg = NULL;
	if (ok)
		return &s->base;
	s->e.claims = NULL; /* they are the caller's */
	source_free(&s->base);
	return NULL;
}
