/*
 * kept_answer: a few per core, replaced in turn; all are dropped when the image changes, and when
 * none has been used for a while.
 */
#include "broker/kept_answer.h"

#include "base/buf.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/core.h"
#include "metadata/image.h"
#include "wire/codec.h"

enum { KEPT = 8 };
#define KEPT_LEN_MAX (4 * 1024 * 1024)
#define UNUSED_MS 10000
/* then the broker for administrative requests is chosen anew, which Kafka does for each answer */
#define KEPT_NS 1000000000

struct kept_answer {
	int refs;
	const struct api *api;
	const struct image *image;
	int16_t version;
	char *listener;
	char *host;
	int32_t port;
	int16_t kraft_version;
	int64_t made_ns;
	struct buf bytes;
};

struct kept_answers {
	struct kept_answer *v[KEPT];
	int next;
	bool used; /* since the timer was started */
	struct lazy_timer timer;
};

void kept_answer_unref(struct kept_answer **kp)
{
	struct kept_answer *k = *kp;

	*kp = NULL;
	if (!k || --k->refs > 0)
		return;
	image_unref(&k->image);
	buf_fini(&k->bytes);
	xfree(k->listener);
	xfree(k->host);
	xfree(k);
}

void kept_answer_put(const struct kept_answer *k, struct chain *out)
{
	chain_put(out, k->bytes.p, k->bytes.len);
}

static bool is_for(const struct kept_answer *k, const struct request *r, const struct kept_key *key)
{
	return k && k->api == r->api && k->image == key->image && k->version == key->version && k->port == key->port &&
	       k->kraft_version == key->kraft_version && str_eq(str_of(k->listener), key->listener) &&
	       str_eq(str_of(k->host), key->host);
}

static void answer_with(struct request *r, struct kept_answer *k)
{
	k->refs++;
	r->kept = k;
	r->core->kept->used = true;
}

bool kept_answer_use(struct request *r, const struct kept_key *key)
{
	struct kept_answers *all = r->core->kept;

	for (int i = 0; all && i < KEPT; i++)
		if (is_for(all->v[i], r, key) && env_mono_ns(r->core->loop->env) - all->v[i]->made_ns < KEPT_NS) {
			answer_with(r, all->v[i]);
			return true;
		}
	return false;
}

/* ---- keeping ---- */

/* The place of an outdated one with the same key; otherwise places are reused in turn. */
static struct kept_answer **place_for(struct kept_answers *all, const struct request *r, const struct kept_key *key)
{
	for (int i = 0; i < KEPT; i++)
		if (is_for(all->v[i], r, key))
			return &all->v[i];
	all->next = (all->next + 1) % KEPT;
	return &all->v[all->next];
}

static void drop_all(struct kept_answers *all)
{
	lazy_timer_stop(&all->timer);
	for (int i = 0; i < KEPT; i++)
		kept_answer_unref(&all->v[i]);
}

static void on_unused(struct lazy_timer *t)
{
	struct kept_answers *all = container_of(t, struct kept_answers, timer);

	if (!all->used)
		drop_all(all);
	else
		lazy_timer_start(t, UNUSED_MS, UNUSED_MS);
	all->used = false;
}

static struct kept_answers *answers_of(struct core *c)
{
	if (!c->kept) {
		c->kept = xcalloc(1, sizeof(*c->kept));
		lazy_timer_init(&c->kept->timer, c->loop, on_unused);
	}
	return c->kept;
}

void kept_answer_keep(struct request *r, const struct kept_key *key)
{
	struct kept_answer **place;
	struct kept_answer *k;
	size_t len;

	if (key->image != r->core->image || codec_size(r->api->out, r->version, r->out, &len) || len > KEPT_LEN_MAX)
		return;
	k = xcalloc(1, sizeof(*k));
	*k = (struct kept_answer){
		.refs = 1,
		.api = r->api,
		.image = key->image ? image_ref(key->image) : NULL,
		.version = key->version,
		.port = key->port,
		.kraft_version = key->kraft_version,
	};
	k->listener = str_dup(key->listener);
	k->host = str_dup(key->host);
	buf_reserve(&k->bytes, len);
	if (codec_encode_bytes(r->api->out, r->version, r->out, k->bytes.p, len)) {
		kept_answer_unref(&k);
		return;
	}
	k->bytes.len = len;
	k->made_ns = env_mono_ns(r->core->loop->env);
	place = place_for(answers_of(r->core), r, key);
	kept_answer_unref(place);
	*place = k;
	lazy_timer_start(&r->core->kept->timer, UNUSED_MS, UNUSED_MS);
	answer_with(r, k);
}

void kept_answers_forget(struct core *c)
{
	if (c->kept)
		drop_all(c->kept);
}

void kept_answers_free(struct core *c)
{
	kept_answers_forget(c);
	xfree(c->kept);
	c->kept = NULL;
}
