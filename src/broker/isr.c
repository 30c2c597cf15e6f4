/*
 * isr: the queue of partitions with proposals, and the AlterPartition request under way.
 */
#include "broker/isr.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/forward.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/partitions.h"
#include "broker/quorum.h"
#include "config/config.h"
#include "metadata/image.h"
#include "protocol/alter_partition.h"
#include "replication/leading.h"
#include "wire/codec.h"

#define ARENA (16 << 20)
#define RETRY_MS 50
#define LATE_MS 3000

/* A partition that has a proposal. */
struct proposer {
	struct list link;
	struct partition *partition; /* a reference */
	struct isr_said said;
	bool sent;
};

struct isr {
	struct node *node;
	struct list queue;  /* struct proposer */
	struct timer timer; /* for the next request */
	struct timer look;  /* for checking for followers that are behind */
	struct timer late;  /* in the simulator: delays the request */
	struct arena arena;
	struct quorum_request q;
	struct alter_partition_request in;
	struct alter_partition_response out;
	struct isr_counts counts; /* atomic */
	bool asking;
	bool stopped;
};

/* ---- proposals ---- */

static struct proposer *find(struct isr *c, const struct partition *p)
{
	list_each(it, &c->queue)
	{
		struct proposer *o = container_of(it, struct proposer, link);

		if (o->partition == p)
			return o;
	}
	return NULL;
}

static void drop(struct proposer *o)
{
	list_remove(&o->link);
	partition_unref(&o->partition);
	xfree(o);
}

static void soon(struct isr *c, int64_t ms)
{
	if (!c->asking && !c->stopped && !list_empty(&c->queue) && !timer_is_running(&c->timer))
		timer_start(&c->timer, ms);
}

struct proposed {
	struct post post;
	struct isr *isr;
	struct partition *partition;
};

static void arrived(struct post *post)
{
	struct proposed *a = container_of(post, struct proposed, post);
	struct proposer *o = find(a->isr, a->partition);

	if (o) {
		o->sent = false; /* there is something newer than what is under way */
		partition_unref(&a->partition);
	} else {
		o = xcalloc(1, sizeof(*o));
		o->partition = a->partition;
		list_push(&a->isr->queue, &o->link);
	}
	soon(a->isr, 0);
	xfree(a);
}

void isr_propose(struct isr *c, struct partition **p)
{
	struct proposed *a = xcalloc(1, sizeof(*a));

	a->post.run = arrived;
	a->isr = c;
	a->partition = *p;
	*p = NULL;
	loop_post(c->node->cores[0].loop, &a->post);
}

/* ---- the request ---- */

static struct alter_partition_request_topic *topic_of(struct isr *c, struct uuid id, int most)
{
	struct alter_partition_request *in = &c->in;
	struct alter_partition_request_topic *t;

	for (int i = 0; i < in->topics.n; i++)
		if (uuid_eq(in->topics.v[i].topic_id, id))
			return &in->topics.v[i];
	t = &in->topics.v[in->topics.n++];
	*t = (struct alter_partition_request_topic){.topic_id = id};
	t->partitions.v = arena_array(&c->arena, (size_t)most, sizeof(*t->partitions.v));
	return t;
}

/*
 * Adds the proposal to the request, if it fits and has not been settled; one that has been settled
 * is forgotten.
 */
static void add(struct isr *c, struct proposer *o, int most)
{
	struct alter_partition_request_partition said;
	struct alter_partition_request_topic *t;

	if (!partition_proposal(o->partition, c->in.broker_epoch, &c->arena, &said, &o->said)) {
		if (!c->arena.failed)
			drop(o);
		return;
	}
	t = topic_of(c, o->partition->topic_id, most);
	if (c->arena.failed)
		return;
	t->partitions.v[t->partitions.n++] = said;
	o->sent = true;
}

static void fill(struct isr *c)
{
	int most = 0;

	list_each(it, &c->queue) most++;
	c->in.broker_id = c->node->id;
	c->in.broker_epoch = quorum_broker_epoch(c->node->quorum);
	c->in.topics.v = arena_array(&c->arena, (size_t)most, sizeof(*c->in.topics.v));
	list_each_safe(it, &c->queue)
	{
		struct proposer *o = container_of(it, struct proposer, link);

		o->sent = false;
		if (!c->arena.failed)
			add(c, o, most);
	}
}

static const struct alter_partition_response_partition *answer_of(const struct isr *c, const struct proposer *o)
{
	for (int i = 0; i < c->out.topics.n; i++) {
		const struct alter_partition_response_topic *t = &c->out.topics.v[i];

		for (int j = 0; uuid_eq(t->topic_id, o->partition->topic_id) && j < t->partitions.n; j++)
			if (t->partitions.v[j].partition_index == o->partition->id)
				return &t->partitions.v[j];
	}
	return NULL;
}

static void tell(struct isr *c, const struct proposer *o, const struct isr_answer *a)
{
	char ids[128] = "";
	size_t len = 0;

	for (int i = 0; i < a->n_isr && len < sizeof(ids) - 12; i++)
		len += (size_t)snprintf(ids + len, sizeof(ids) - len, "%s%d", i ? "," : "", a->isr[i]);
	diag_info(c->node->env->diag, a->err ? "in-sync replicas not changed" : "in-sync replicas changed",
		  "topic=%s partition=%d isr=%s error=%s", o->partition->topic->name, o->partition->id, ids,
		  err_name(a->err));
}

static void count_answer(struct isr *c, const struct proposer *o, enum isr_verdict verdict)
{
	int64_t *which = verdict != ISR_MOVED ? &c->counts.failed
			 : o->said.expands    ? &c->counts.expanded
					      : &c->counts.shrunk;

	__atomic_add_fetch(which, 1, __ATOMIC_RELAXED);
}

void isr_counts(const struct isr *c, struct isr_counts *out)
{
	out->expanded = __atomic_load_n(&c->counts.expanded, __ATOMIC_RELAXED);
	out->shrunk = __atomic_load_n(&c->counts.shrunk, __ATOMIC_RELAXED);
	out->failed = __atomic_load_n(&c->counts.failed, __ATOMIC_RELAXED);
}

/* True: the proposal is settled. */
static bool take_answer(struct isr *c, const struct proposer *o)
{
	const struct alter_partition_response_partition *p = answer_of(c, o);
	struct core *core = &c->node->cores[0];
	struct effects e = {0};
	struct isr_answer a;
	enum isr_verdict verdict;

	if (!p)
		return false;
	a = (struct isr_answer){.err = p->error_code,
				.leader_epoch = p->leader_epoch,
				.partition_epoch = p->partition_epoch,
				.isr = p->isr.v,
				.n_isr = p->isr.n,
				.recovery = p->leader_recovery_state};
	verdict = partition_isr_answered(o->partition, &o->said, &a, core->image, &e);
	effects_run(&e, core);
	count_answer(c, o, verdict);
	tell(c, o, &a);
	return verdict != ISR_AGAIN;
}

static void take_answers(struct isr *c)
{
	list_each_safe(it, &c->queue)
	{
		struct proposer *o = container_of(it, struct proposer, link);

		if (o->sent && take_answer(c, o))
			drop(o);
	}
}

static void answered(struct quorum_request *q)
{
	struct isr *c = q->arg;
	int err = q->err ? q->err : c->out.error_code;

	c->asking = false;
	if (err == 0)
		take_answers(c);
	else if (!c->stopped)
		diag_debug(c->node->env->diag, "in-sync replicas are not changed yet", "error=%s", err_name(err));
	arena_reset(&c->arena);
	soon(c, err ? RETRY_MS : 0);
	core_work_ends(&c->node->cores[0]);
}

static void submit(struct isr *c)
{
	forward_submit(&c->node->cores[0], &c->q, 0);
}

static void submit_late(struct timer *timer)
{
	submit(container_of(timer, struct isr, late));
}

static void due(struct timer *timer)
{
	struct isr *c = container_of(timer, struct isr, timer);

	codec_init(&alter_partition_request_schema, &c->in);
	codec_init(&alter_partition_response_schema, &c->out);
	fill(c);
	if (c->in.topics.n == 0) {
		arena_reset(&c->arena);
		soon(c, RETRY_MS);
		return;
	}
	c->asking = true;
	core_work_begins(&c->node->cores[0]);
	c->q = (struct quorum_request){
		.done = answered,
		.arg = c,
		.api = alter_partition_request_KEY,
		.version = alter_partition_request_LAST,
		.request = &c->in,
		.response = &c->out,
		.arena = &c->arena,
		.own_node = true,
	};
	if (env_buggify(c->node->env, "a proposal is late")) /* brokers named in it may have died and come back */
		timer_start(&c->late, (int64_t)env_random_below(c->node->env, LATE_MS));
	else
		submit(c);
}

/* ---- followers that are behind ---- */

static void shrink(struct partition *p, void *arg)
{
	struct core *core = arg;
	struct effects e = {0};

	partition_shrink(p, core->image, &e);
	effects_run(&e, core);
}

static int64_t look_ms(const struct isr *c)
{
	return config_long(c->node->config, CONFIG_REPLICA_LAG_TIME_MAX_MS) / 2 + 1;
}

/* A single broker has no followers. */
static void look(struct timer *timer)
{
	struct isr *c = container_of(timer, struct isr, look);
	struct core *core = &c->node->cores[0];

	if (core->image && image_broker_count(core->image) > 1)
		partitions_each(c->node->partitions, shrink, core);
	timer_start(&c->look, look_ms(c));
}

/* ---- creation and end ---- */

struct isr *isr_new(struct node *n)
{
	struct isr *c = xcalloc(1, sizeof(*c));

	c->node = n;
	list_init(&c->queue);
	arena_init(&c->arena, ARENA);
	timer_init(&c->timer, n->cores[0].loop, due);
	timer_init(&c->look, n->cores[0].loop, look);
	timer_init(&c->late, n->cores[0].loop, submit_late);
	return c;
}

void isr_watch(struct isr *c)
{
	timer_start(&c->look, look_ms(c));
}

void isr_stop(struct isr *c)
{
	c->stopped = true;
	timer_stop(&c->timer);
	timer_stop(&c->look);
	if (timer_is_running(&c->late)) {
		timer_stop(&c->late);
		submit(c);
	}
}

void isr_free(struct isr *c)
{
	if (!c)
		return;
	while (!list_empty(&c->queue))
		drop(container_of(c->queue.next, struct proposer, link));
	arena_fini(&c->arena);
	xfree(c);
}
