/*
 * DeleteRecords: moves a log's start (KIP-107). An offset at or below the start is a success.
 * Segments before it are removed at once, so that this helps against a full disk (after
 * file.delete.delay.ms).
 *
 * It is answered when no live replica starts before the offset (the low watermark:
 * DelayedDeleteRecords), or at the timeout; the log start stays moved in any case.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/internal_topic.h"
#include "broker/named.h"
#include "broker/partition.h"
#include "broker/permission.h"
#include "protocol/delete_records.h"

typedef struct delete_records_request_partition wish;
typedef struct delete_records_response_partition reply;

/* One partition. */
struct part {
	reply *out;
	struct partition *partition; /* a reference while it waits; NULL: it is decided */
	int64_t offset;
	struct waiter waiter;
};

struct deletion {
	struct request *r;
	struct part *parts;
	int n;
	int n_waiting;
	struct waking waking;
	struct timer timer;
	bool ended;
};

/* ---- one partition ---- */

static int delete_one(struct deletion *d, struct part *part, struct str topic, const wish *w)
{
	struct request *r = d->r;
	const struct image_topic *t = image_topic_by_name(r->image, topic);
	struct partition_cut cut = {.image = r->image, .offset = w->offset};
	struct effects effects = {0};
	struct partition *p;
	int err;

	if (!t || !image_topic_partition(t, w->partition_index))
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	if (topic_is_internal(topic))
		return ERR_INVALID_TOPIC_EXCEPTION;
	p = core_partition(r->core, t->id, w->partition_index);
	if (!p)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	err = partition_delete_records(p, &cut, &effects);
	effects_run(&effects, r->core);
	if (cut.deletion)
		core_delete(r->core, cut.deletion);
	if (err)
		return err;
	part->out->low_watermark = cut.low_watermark;
	if (cut.low_watermark >= cut.offset)
		return 0;
	part->partition = partition_ref(p);
	part->offset = cut.offset;
	d->n_waiting++;
	return ERR_REQUEST_TIMED_OUT; /* unless it completes before */
}

static void decide(struct deletion *d, struct part *p, int err, int64_t low_watermark)
{
	p->out->error_code = (int16_t)err;
	p->out->low_watermark = low_watermark;
	partition_unwait(&p->waiter);
	partition_unref(&p->partition);
	d->n_waiting--;
}

/* Decides it, or makes it wait again. */
static void look_at(struct deletion *d, struct part *p)
{
	struct partition_view v;

	while (p->partition) {
		partition_look(p->partition, &v);
		int err = partition_view_check(&v, -1, true);
		if (err || v.low_watermark >= p->offset) {
			decide(d, p, err, err ? -1 : v.low_watermark);
			return;
		}
		partition_unwait(&p->waiter);
		p->waiter = (struct waiter){.waking = &d->waking, .past = p->offset - 1, .watch = WATCH_LOW_WATERMARK};
		list_init(&p->waiter.link);
		if (partition_wait(p->partition, &p->waiter))
			return;
	}
}

/* ---- waiting ---- */

static void release(void *arg)
{
	struct deletion *d = arg;

	for (int i = 0; i < d->n; i++)
		if (d->parts[i].partition)
			partition_unref(&d->parts[i].partition);
}

static void finish(struct deletion *d)
{
	for (int i = 0; i < d->n; i++)
		partition_unwait(&d->parts[i].waiter);
	timer_stop(&d->timer);
	d->ended = true;
	if (waking_settle(&d->waking)) /* otherwise a call is on its way, and ends this */
		request_complete(d->r);
}

static void look_again(struct deletion *d)
{
	for (int i = 0; i < d->n; i++)
		look_at(d, &d->parts[i]);
	if (d->n_waiting == 0)
		finish(d);
}

static void woken(struct waking *waking)
{
	struct deletion *d = container_of(waking, struct deletion, waking);

	if (d->ended)
		finish(d);
	else
		look_again(d);
}

static void time_is_over(struct timer *t)
{
	finish(container_of(t, struct deletion, timer));
}

static void hurry(struct request *r)
{
	struct deletion *d = r->state;

	if (!d->ended)
		timer_start(&d->timer, 0);
}

static enum outcome park(struct deletion *d)
{
	const struct delete_records_request *in = d->r->in;
	struct loop *loop = d->r->core->loop;

	waking_init(&d->waking, loop, woken);
	timer_init(&d->timer, loop, time_is_over);
	timer_start(&d->timer, in->timeout_ms);
	request_park(d->r, d, hurry);
	look_again(d);
	return PARKED;
}

/* ---- the request ---- */

static int count_parts(const struct delete_records_request *in)
{
	int n = 0;

	for (int i = 0; i < in->topics.n; i++)
		n += in->topics.v[i].partitions.n;
	return n;
}

/* NULL when the arena is spent; *n is how many there are. */
static struct named *name_parts(struct request *r, int *n)
{
	const struct delete_records_request *in = r->in;
	struct named *v = arena_array(&r->arena, (size_t)count_parts(in) + 1, sizeof(*v));
	int at = 0;

	for (int i = 0; v && i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++, at++)
			v[at] = (struct named){.topic = in->topics.v[i].name,
					       .partition = in->topics.v[i].partitions.v[j].partition_index,
					       .at = at,
					       .what = &in->topics.v[i].partitions.v[j]};
	*n = named_keep_last(v, at);
	return v;
}

static bool delete_topic(struct deletion *d, const struct named *v, int n, struct part *p)
{
	struct delete_records_response *out = d->r->out;
	struct delete_records_response_topic *t = &out->topics.v[out->topics.n++];
	bool may = request_may(d->r, ACL_DELETE, ACL_TOPIC, v->topic);

	t->name = v->topic;
	if (!ANSWER_ARRAY(d->r, t->partitions, delete_records_response_partition_schema, n))
		return false;
	for (int i = 0; i < n; i++, p++) {
		p->out = &t->partitions.v[i];
		p->out->partition_index = v[i].partition;
		p->out->low_watermark = -1;
		p->out->error_code =
			(int16_t)(may ? delete_one(d, p, v->topic, v[i].what) : ERR_TOPIC_AUTHORIZATION_FAILED);
	}
	return true;
}

/* Topic by topic, each partition once. */
static bool delete_parts(struct deletion *d)
{
	struct delete_records_response *out = d->r->out;
	int n_parts;
	struct named *v = name_parts(d->r, &n_parts);

	d->parts = arena_array(&d->r->arena, (size_t)n_parts + 1, sizeof(*d->parts));
	if (!v || !d->parts ||
	    !ANSWER_ARRAY(d->r, out->topics, delete_records_response_topic_schema, named_topics(v, n_parts)))
		return false;
	d->n = n_parts;
	out->topics.n = 0;
	for (int i = 0, n; i < d->n; i += n) {
		n = named_of_topic(&v[i], d->n - i);
		if (!delete_topic(d, &v[i], n, &d->parts[i]))
			return false;
	}
	return true;
}

static enum outcome run(struct request *r)
{
	struct deletion *d = arena_zalloc(&r->arena, sizeof(*d));

	if (!d || !r->image)
		return HANG_UP;
	d->r = r;
	arena_cleanup(&r->arena, release, d);
	if (!delete_parts(d))
		return HANG_UP;
	return d->n_waiting ? park(d) : REPLY;
}

/* In the shape of the request, whatever is named twice. */
static void fail(struct request *r, int err, struct str message)
{
	const struct delete_records_request *in = r->in;
	struct delete_records_response *out = r->out;

	(void)message;
	if (!ANSWER_ARRAY(r, out->topics, delete_records_response_topic_schema, in->topics.n))
		return;
	for (int i = 0; i < in->topics.n; i++) {
		const struct delete_records_request_topic *from = &in->topics.v[i];
		struct delete_records_response_topic *to = &out->topics.v[i];

		to->name = from->name;
		if (!ANSWER_ARRAY(r, to->partitions, delete_records_response_partition_schema, from->partitions.n))
			return;
		for (int j = 0; j < from->partitions.n; j++) {
			to->partitions.v[j].partition_index = from->partitions.v[j].partition_index;
			to->partitions.v[j].low_watermark = -1;
			to->partitions.v[j].error_code = (int16_t)err;
		}
	}
}

const struct api api_delete_records = {
	.key = delete_records_request_KEY,
	.first = delete_records_request_FIRST,
	.last = delete_records_request_LAST,
	.flags = API_BROKER,
	.in = &delete_records_request_schema,
	.out = &delete_records_response_schema,
	.run = run,
	.fail = fail,
};
