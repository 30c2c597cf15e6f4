/*
 * news: compares successive images, counts the changes, and logs them.
 */
#include "broker/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/list.h"
#include "base/mem.h"
#include "controller/controller.h"
#include "env/env.h"
#include "metadata/credential.h"
#include "metadata/image.h"
#include "security/scram.h"

enum { PAUSE_MS = 1000, IDS_MAX = 8, FIRST_MAX = 300, LINES_MAX = 20, USER_LINE_MAX = 512 };

/* Distinct ids, as many as fit into a line. */
struct ids {
	int32_t v[IDS_MAX];
	int n;
	bool more;
};

enum kind { MOVED, LEADERLESS, UNCLEAN, BEGUN, ENDED, KINDS };

/* Partitions to which the same has happened, and that are not logged yet. */
struct tally {
	int64_t n;
	struct ids from, to;
	char first[FIRST_MAX]; /* one of them, "topic-0" */
	int64_t due_ms;	       /* time of the next line, monotonic */
};

enum about { BROKERS, CREDENTIALS, ABOUTS };

/* Lines that name what has changed, LINES_MAX of them in a second. */
struct named {
	int64_t since_ms; /* the second in which these lines were logged, monotonic */
	int lines;
	int64_t left_out;
};

struct news {
	struct env *env;
	struct timer timer;
	struct news_counts counts;
	struct tally tallies[KINDS];
	struct named named[ABOUTS];
	const struct controller *controller; /* while an image is looked at */
	bool stopped;
};

/* ---- lines about partitions ---- */

static void ids_put(struct ids *ids, int32_t id)
{
	for (int i = 0; i < ids->n; i++)
		if (ids->v[i] == id)
			return;
	if (ids->n == IDS_MAX)
		ids->more = true;
	else
		ids->v[ids->n++] = id;
}

enum { IDS_TEXT = IDS_MAX * 12 + 8 };

static const char *ids_text(const struct ids *ids, char out[IDS_TEXT])
{
	int len = 0;

	out[0] = 0;
	for (int i = 0; i < ids->n; i++)
		len += snprintf(out + len, (size_t)(IDS_TEXT - len), "%s%" PRId32, i ? "," : "", ids->v[i]);
	if (ids->more)
		snprintf(out + len, (size_t)(IDS_TEXT - len), ",...");
	return out;
}

static void say(struct news *n, enum kind kind, const struct tally *t)
{
	static const struct {
		enum diag_level level;
		const char *event;
	} lines[] = {
		[MOVED] = {DIAG_INFO, "leaders have moved"},
		[LEADERLESS] = {DIAG_WARN, "partitions have no leader"},
		[UNCLEAN] = {DIAG_WARN, "leaders were elected that may lack committed records"},
		[BEGUN] = {DIAG_INFO, "reassignments have begun"},
		[ENDED] = {DIAG_INFO, "reassignments have ended"},
	};
	char from[IDS_TEXT], to[IDS_TEXT];

	if (t->from.n == 0 && t->to.n == 0)
		diag_line(n->env->diag, lines[kind].level, lines[kind].event, "partitions=%" PRId64 " one=%s", t->n,
			  t->first);
	else
		diag_line(n->env->diag, lines[kind].level, lines[kind].event,
			  "partitions=%" PRId64 " from=%s to=%s one=%s", t->n, ids_text(&t->from, from),
			  ids_text(&t->to, to), t->first);
}

/* ---- lines that name a broker or a user ---- */

static void say_left_out(struct news *n, enum about about)
{
	static const char *const events[] = {
		[BROKERS] = "more brokers came and went than are told of",
		[CREDENTIALS] = "more SCRAM credentials have changed than are told of",
	};
	struct named *m = &n->named[about];

	if (m->left_out > 0)
		diag_info(n->env->diag, events[about], "lines_left_out=%" PRId64, m->left_out);
	m->left_out = 0;
}

/* The time of the next line. */
static int64_t say_all_left_out(struct news *n, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;

	for (int i = 0; i < ABOUTS; i++) {
		struct named *m = &n->named[i];

		if (m->since_ms + PAUSE_MS <= now_ms)
			say_left_out(n, (enum about)i);
		else if (m->left_out > 0 && m->since_ms + PAUSE_MS < next_ms)
			next_ms = m->since_ms + PAUSE_MS;
	}
	return next_ms;
}

static void say_all(struct news *n)
{
	int64_t now_ms = env_mono_ms(n->env), next_ms = say_all_left_out(n, now_ms);

	for (int i = 0; i < KINDS; i++) {
		struct tally *t = &n->tallies[i];

		if (t->n == 0)
			continue;
		if (t->due_ms > now_ms) {
			next_ms = t->due_ms < next_ms ? t->due_ms : next_ms;
			continue;
		}
		say(n, (enum kind)i, t);
		*t = (struct tally){.due_ms = now_ms + PAUSE_MS};
	}
	if (next_ms != INT64_MAX && !n->stopped)
		timer_start(&n->timer, next_ms - now_ms);
}

static void due(struct timer *t)
{
	say_all(container_of(t, struct news, timer));
}

/* ---- what has changed in a partition ---- */

struct pair {
	const struct image_topic *topic;
	const struct image_partition *old, *now;
};

static struct tally *note(struct news *n, enum kind kind, const struct pair *p)
{
	struct tally *t = &n->tallies[kind];

	if (!n->controller)
		return NULL;
	if (t->n++ == 0)
		snprintf(t->first, sizeof(t->first), "%.*s-%" PRId32, STR_ARG(p->topic->name), p->now->id);
	return t;
}

static void note_move(struct news *n, enum kind kind, const struct pair *p)
{
	struct tally *t = note(n, kind, p);

	if (!t)
		return;
	ids_put(&t->from, p->old->leader);
	if (p->now->leader >= 0)
		ids_put(&t->to, p->now->leader);
}

static void look_at_leader(struct news *n, const struct pair *p)
{
	int32_t leader = p->now->leader;

	if (leader == p->old->leader)
		return;
	if (leader < 0) {
		note(n, LEADERLESS, p);
		return;
	}
	n->counts.leaders_moved++;
	note_move(n, MOVED, p);
	if (image_ids_has(partition_isr(p->old), leader))
		return;
	if (image_ids_has(partition_elr(p->old), leader)) {
		n->counts.elr_elections++;
	} else if (p->now->recovering) {
		n->counts.unclean_elections++;
		note_move(n, UNCLEAN, p);
	}
}

static bool is_reassigned(const struct image_partition *p)
{
	return p->n_adding > 0 || p->n_removing > 0;
}

static void look_at_replicas(struct news *n, const struct pair *p)
{
	bool before = is_reassigned(p->old), now = is_reassigned(p->now);

	n->counts.reassignments_begun += !before && now;
	n->counts.reassignments_ended += before && !now;
	if (before != now)
		note(n, now ? BEGUN : ENDED, p);
}

static void look_at_topic(void *arg, const struct image_topic *old, const struct image_topic *now)
{
	struct pair p = {.topic = now};

	for (int i = 0; old && now && i < old->n_partitions && i < now->n_partitions; i++) {
		p.old = old->partitions[i];
		p.now = now->partitions[i];
		if (p.old == p.now || !p.old || !p.now)
			continue;
		look_at_leader(arg, &p);
		look_at_replicas(arg, &p);
	}
}

/* False when there are too many: then their number is logged when the second is over (say_all). */
static bool may_say(struct news *n, enum about about)
{
	struct named *m = &n->named[about];

	if (!n->controller)
		return false;
	if (env_mono_ms(n->env) - m->since_ms >= PAUSE_MS) {
		say_left_out(n, about);
		m->since_ms = env_mono_ms(n->env);
		m->lines = 0;
	}
	if (m->lines < LINES_MAX)
		return m->lines++, true;
	m->left_out++;
	return false;
}

/* ---- brokers ---- */

static void say_fenced(struct news *n, const struct image_node *b)
{
	const char *why = n->controller ? controller_fence_reason(n->controller, b->id) : NULL;

	n->counts.brokers_fenced++;
	if (may_say(n, BROKERS))
		diag_info(n->env->diag, "broker is fenced", "broker=%" PRId32 " epoch=%" PRId64 " reason=\"%s\"", b->id,
			  b->epoch, why ? why : "the leader before this one fenced it");
}

static void say_unfenced(struct news *n, const struct image_node *b)
{
	n->counts.brokers_unfenced++;
	if (may_say(n, BROKERS))
		diag_info(n->env->diag, "broker is unfenced", "broker=%" PRId32 " epoch=%" PRId64, b->id, b->epoch);
}

static void look_at_broker(void *arg, const struct image_node *old, const struct image_node *now)
{
	struct news *n = arg;

	if (!now) {
		if (may_say(n, BROKERS))
			diag_info(n->env->diag, "broker is unregistered", "broker=%" PRId32, old->id);
		return;
	}
	if ((!old || old->epoch != now->epoch) && may_say(n, BROKERS))
		diag_info(n->env->diag, "broker is registered", "broker=%" PRId32 " epoch=%" PRId64, now->id,
			  now->epoch);
	if (old && now->in_controlled_shutdown && !old->in_controlled_shutdown && may_say(n, BROKERS))
		diag_info(n->env->diag, "broker begins a controlled shutdown", "broker=%" PRId32 " epoch=%" PRId64,
			  now->id, now->epoch);
	if (old && !old->fenced && now->fenced)
		say_fenced(n, now);
	if (old && old->fenced && !now->fenced)
		say_unfenced(n, now);
}

/* ---- credentials ---- */

/* In Kafka's words: tests with Kafka's containers wait for them before the user logs in. */
static void look_at_credential(void *arg, const struct image_scram *old, const struct image_scram *now)
{
	struct news *n = arg;
	const struct image_scram *c = now ? now : old;
	char line[USER_LINE_MAX];

	if (!may_say(n, CREDENTIALS))
		return;
	snprintf(line, sizeof(line), "Replayed %sUserScramCredentialRecord %s%.*s with mechanism %s.",
		 now ? "" : "Remove",
		 !now  ? "for "
		 : old ? "modifying existing entry for "
		       : "creating new entry for ",
		 STR_ARG(c->user), scram_mechanism_name((enum scram_mechanism)c->mechanism));
	diag_info(n->env->diag, line, NULL);
}

/* ---- all of it ---- */

void news_tell(struct news *n, const struct controller *leads, const struct image *old, const struct image *now)
{
	n->controller = leads;
	image_diff_brokers(old, now, look_at_broker, n);
	image_diff_topics(old, now, look_at_topic, n);
	image_diff_scrams(old, now, look_at_credential, n);
	n->controller = NULL;
	say_all(n);
}

const struct news_counts *news_counts(const struct news *n)
{
	return &n->counts;
}

struct news *news_new(struct env *env, struct loop *loop)
{
	struct news *n = xcalloc(1, sizeof(*n));

	n->env = env;
	for (int i = 0; i < ABOUTS; i++)
		n->named[i].since_ms = INT64_MIN / 2;
	timer_init(&n->timer, loop, due);
	return n;
}

void news_stop(struct news *n)
{
	n->stopped = true;
	timer_stop(&n->timer);
}

void news_free(struct news *n)
{
	if (!n)
		return;
	timer_stop(&n->timer);
	xfree(n);
}
