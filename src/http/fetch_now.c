/*
 * fetch_now: a fetch from a work job, on a loop of its own, with retries.
 */
#include <errno.h>

#include "http/client.h"

enum { LOOK_MS = 100, DOUBLINGS_MAX = 30 };

/* It lives on the stack of the job. */
struct now {
	struct http_request *request;
	const struct http_patience *patience;
	struct loop *loop;
	struct http_fetch *fetch; /* NULL: none under way */
	struct timer again;
	struct timer look; /* checks whether the result is still wanted */
	int64_t end_ms;	   /* no attempt begins after this */
	int64_t last_ms;   /* end of everything */
	int64_t timeout_ms;
	int tries;
	void (*answered)(void *arg, const struct http_answer *);
	void *arg;
};

static bool is_over(const struct now *n)
{
	return n->patience && n->patience->over && *n->patience->over;
}

/* How long to wait before the next attempt; 0: no more attempts. */
static int64_t pause_ms(struct now *n, const struct http_answer *answer)
{
	int64_t left_ms = n->end_ms - env_mono_ms(n->loop->env), ms;

	if (!n->patience || n->patience->is_final(answer) || left_ms <= 0)
		return 0;
	ms = n->tries < DOUBLINGS_MAX && n->patience->backoff_ms <= left_ms >> n->tries
		     ? n->patience->backoff_ms << n->tries
		     : left_ms;
	n->tries++;
	return ms < 1 ? 1 : ms < left_ms ? ms : left_ms;
}

static void end_now(struct now *n, const struct http_answer *answer)
{
	timer_stop(&n->again);
	timer_stop(&n->look);
	n->answered(n->arg, answer);
	loop_stop(n->loop);
}

static void now_done(void *arg, const struct http_answer *answer)
{
	struct now *n = arg;
	int64_t ms = pause_ms(n, answer);

	n->fetch = NULL;
	if (ms)
		timer_start(&n->again, ms);
	else
		end_now(n, answer);
}

static void look_if_wanted(struct timer *t)
{
	struct now *n = container_of(t, struct now, look);

	if (!is_over(n)) {
		timer_start(t, LOOK_MS);
		return;
	}
	if (n->fetch)
		http_fetch_cancel(n->fetch);
	n->fetch = NULL;
	end_now(n, &(struct http_answer){.err = -ECANCELED, .why = "nobody wants it any more"});
}

/* Also the first attempt. This loop's thread may block: the name is resolved here. */
static void attempt(struct timer *t)
{
	struct now *n = container_of(t, struct now, again);
	struct addr addresses[HTTP_ADDRESSES_MAX];
	struct http_request *r = n->request;
	int found = env_resolve(n->loop->env, r->url->host, r->url->port, addresses, HTTP_ADDRESSES_MAX);
	int64_t left_ms = n->last_ms - env_mono_ms(n->loop->env);

	if (found <= 0) {
		now_done(n,
			 &(struct http_answer){.err = found < 0 ? found : -ENOENT, .why = "its host has no address"});
		return;
	}
	r->addresses = addresses;
	r->n_addresses = found;
	r->timeout_ms = n->timeout_ms < left_ms ? n->timeout_ms : left_ms > 1 ? left_ms : 1;
	n->fetch = http_fetch(r);
	r->addresses = NULL;
}

void http_fetch_now(struct env *env, struct http_request *r, const struct http_patience *patience,
		    void (*answered)(void *arg, const struct http_answer *), void *arg)
{
	struct now n = {.request = r, .patience = patience, .answered = answered, .arg = arg};
	int64_t now_ms = env_mono_ms(env), max_ms = patience ? patience->max_ms : 0;

	n.loop = r->loop = loop_new(env, "http");
	n.end_ms = now_ms + (max_ms < HTTP_NOW_MAX_MS ? max_ms : HTTP_NOW_MAX_MS);
	n.last_ms = now_ms + HTTP_NOW_MAX_MS;
	n.timeout_ms = r->timeout_ms;
	r->done = now_done;
	r->arg = &n;
	timer_init(&n.again, n.loop, attempt);
	timer_init(&n.look, n.loop, look_if_wanted);
	timer_start(&n.again, 0);
	if (patience && patience->over)
		timer_start(&n.look, LOOK_MS);
	loop_run(n.loop);
	loop_free(n.loop);
}
