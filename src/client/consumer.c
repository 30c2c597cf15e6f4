/*
 * consumer: finds leaders and offsets, fetches records and hands them out.
 *
 * A partition needs a leader (Metadata), then an offset (ListOffsets) unless it was given one; then
 * it is fetched, with all others of its leader in one request, without a fetch session: a tool has
 * few partitions.
 */
#include "client/consumer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "compress/compress.h"
#include "protocol/fetch.h"
#include "protocol/list_offsets.h"
#include "protocol/metadata.h"

enum { ARENA_MAX = 1 << 30, OUT_MAX = 1 << 30, RETRY_MS = 100, VERSION_OF_NAMES = 12 };

struct feed {
	char *topic;
	int32_t partition;
	int32_t leader;	  /* -1: unknown */
	int64_t position; /* next offset to fetch; OFFSET_*: to be looked up */
	int64_t consumed; /* offset after the last record handed out */
	bool asked;	  /* part of a request under way */
	bool failed;
};

/* A request under way, and its subject: the generation says whether that is still assigned. */
struct question {
	struct list link;
	struct call call;
	struct arena arena;
	struct consumer *consumer;
	uint32_t generation;
	int *feeds; /* indexes into consumer->feeds */
	int64_t *from;
	int n;
};

struct consumer {
	struct client *client;
	struct loop *loop;
	struct consumer_options options;
	struct codecs *codecs;
	struct feed *feeds;
	int n;
	uint32_t generation;
	int8_t lane; /* for fetches */
	struct timer turn;
	bool stopped;
	struct list questions;
	struct call metadata_call;
	struct arena metadata_arena;
	bool metadata_asked;
	struct buf plain; /* the current batch, decompressed */
};

static void on_turn(struct timer *t);

static void look_after(struct consumer *c, int64_t ms)
{
	if (!timer_is_running(&c->turn) || ms == 0)
		timer_start(&c->turn, ms);
}

struct consumer *consumer_new(struct client *client, const struct consumer_options *options)
{
	struct consumer *c = xcalloc(1, sizeof(*c));

	c->client = client;
	c->loop = client_loop(client);
	c->options = *options;
	c->codecs = codecs_new();
	c->lane = client_lane(client);
	list_init(&c->questions);
	timer_init(&c->turn, c->loop, on_turn);
	arena_init(&c->metadata_arena, ARENA_MAX);
	return c;
}

static void drop_feeds(struct feed *feeds, int n)
{
	for (int i = 0; i < n; i++)
		xfree(feeds[i].topic);
	xfree(feeds);
}

static void question_free(struct question *q)
{
	list_remove(&q->link);
	arena_fini(&q->arena);
	xfree(q);
}

void consumer_free(struct consumer *c)
{
	timer_stop(&c->turn);
	if (c->metadata_asked)
		client_cancel(c->client, &c->metadata_call);
	list_each_safe(it, &c->questions)
	{
		struct question *q = container_of(it, struct question, link);

		client_cancel(c->client, &q->call);
		question_free(q);
	}
	drop_feeds(c->feeds, c->n);
	arena_fini(&c->metadata_arena);
	buf_fini(&c->plain);
	codecs_free(c->codecs);
	xfree(c);
}

int consumer_partition_compare(const void *a, const void *b)
{
	const struct consumer_partition *x = a, *y = b;
	int order = str_cmp(x->topic, y->topic);

	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static int by_partition(const void *a, const void *b)
{
	const struct feed *x = a, *y = b;
	int order = strcmp(x->topic, y->topic);

	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

void consumer_assign(struct consumer *c, const struct consumer_partition *v, int n)
{
	struct feed *feeds = xcalloc((size_t)n + 1, sizeof(*feeds));

	for (int i = 0; i < n; i++)
		feeds[i] =
			(struct feed){str_dup(v[i].topic), v[i].partition, -1, v[i].offset, v[i].offset, false, false};
	qsort(feeds, (size_t)n, sizeof(*feeds), by_partition);
	drop_feeds(c->feeds, c->n); /* their topics may be v's own */
	c->feeds = feeds;
	c->n = n;
	c->generation++;
	look_after(c, 0);
}

int consumer_count(const struct consumer *c)
{
	return c->n;
}

struct consumer_partition consumer_position(const struct consumer *c, int i)
{
	return (struct consumer_partition){str_of(c->feeds[i].topic), c->feeds[i].partition, c->feeds[i].consumed};
}

bool consumer_is_placed(const struct consumer *c)
{
	for (int i = 0; i < c->n; i++)
		if (!c->feeds[i].failed && c->feeds[i].position < 0)
			return false;
	return true;
}

/* ---- errors ---- */

static void give_up_feed(struct consumer *c, struct feed *f, int err)
{
	f->failed = true;
	if (c->options.failed)
		c->options.failed(c->options.arg, str_of(f->topic), f->partition, err);
}

/* A transient error sends the partition back to looking for its leader. */
static void feed_error(struct consumer *c, struct feed *f, int err)
{
	if (err == ERR_OFFSET_OUT_OF_RANGE && c->options.reset != OFFSET_NONE) {
		f->position = c->options.reset;
		return;
	}
	if (err > 0 && !err_is_retriable(err)) {
		give_up_feed(c, f, err);
		return;
	}
	if (err == -EPROTO || err == -ENOMEM) {
		give_up_feed(c, f, err);
		return;
	}
	f->leader = -1;
}

/* ---- leaders ---- */

static void on_metadata(struct call *call)
{
	struct consumer *c = container_of(call, struct consumer, metadata_call);
	const struct metadata_response *m = call->response;
	uint32_t generation = c->generation;
	bool missing = call->err != 0;

	c->metadata_asked = false;
	for (int32_t i = 0; call->err == 0 && i < m->topics.n; i++) {
		const struct metadata_response_topic *t = &m->topics.v[i];

		for (int k = 0; k < c->n && generation == c->generation; k++) {
			struct feed *f = &c->feeds[k];

			if (f->leader >= 0 || f->failed || !str_is(t->name, f->topic))
				continue;
			if (t->error_code && !err_is_retriable(t->error_code)) {
				give_up_feed(c, f, t->error_code);
				continue; /* its owner may have assigned others */
			}
			for (int32_t p = 0; p < t->partitions.n; p++)
				if (t->partitions.v[p].partition_index == f->partition)
					f->leader = t->partitions.v[p].leader_id;
		}
	}
	for (int k = 0; k < c->n; k++)
		missing = missing || (c->feeds[k].leader < 0 && !c->feeds[k].failed);
	look_after(c, missing ? RETRY_MS : 0);
}

static void ask_metadata(struct consumer *c)
{
	struct metadata_request *r;

	if (c->metadata_asked)
		return;
	c->metadata_asked = true;
	arena_reset(&c->metadata_arena);
	r = arena_zalloc(&c->metadata_arena, sizeof(*r));
	r->topics.v = arena_array(&c->metadata_arena, (size_t)c->n, sizeof(*r->topics.v));
	for (int i = 0; i < c->n; i++) {
		struct str name = arena_str(&c->metadata_arena, str_of(c->feeds[i].topic));

		if (r->topics.n == 0 || !str_eq(r->topics.v[r->topics.n - 1].name, name))
			r->topics.v[r->topics.n++].name = name;
	}
	r->allow_auto_topic_creation = true;
	c->metadata_call = (struct call){.key = metadata_request_KEY,
					 .node = CLIENT_ANY,
					 .request = r,
					 .arena = &c->metadata_arena,
					 .done = on_metadata};
	client_call(c->client, &c->metadata_call);
}

/* ---- requests to one leader ---- */

static struct question *question_new(struct consumer *c)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->consumer = c;
	q->generation = c->generation;
	arena_init(&q->arena, ARENA_MAX);
	q->feeds = arena_array(&q->arena, (size_t)c->n, sizeof(*q->feeds));
	q->from = arena_array(&q->arena, (size_t)c->n, sizeof(*q->from));
	list_push(&c->questions, &q->link);
	return q;
}

static void question_add(struct question *q, int i)
{
	struct feed *f = &q->consumer->feeds[i];

	f->asked = true;
	q->from[q->n] = f->position;
	q->feeds[q->n++] = i;
}

static void question_start(struct question *q, int32_t node, int key, const void *request, void (*done)(struct call *))
{
	q->call =
		(struct call){.key = (int16_t)key, .node = node, .request = request, .arena = &q->arena, .done = done};
	if (key == fetch_request_KEY) {
		q->call.version_max = VERSION_OF_NAMES;
		q->call.lane = q->consumer->lane;
	}
	client_call(q->consumer->client, &q->call);
}

/* NULL when it is no longer wanted. */
static struct feed *question_feed(struct question *q, struct str topic, int32_t partition, int *at)
{
	for (int i = 0; i < q->n && q->generation == q->consumer->generation; i++) {
		struct feed *f = &q->consumer->feeds[q->feeds[i]];

		if (f->partition == partition && str_is(topic, f->topic)) {
			*at = i;
			return f;
		}
	}
	return NULL;
}

static void question_answered(struct question *q)
{
	for (int i = 0; i < q->n && q->generation == q->consumer->generation; i++)
		q->consumer->feeds[q->feeds[i]].asked = false;
}

/* ---- offsets ---- */

static void on_offsets(struct call *call)
{
	struct question *q = container_of(call, struct question, call);
	struct consumer *c = q->consumer;
	const struct list_offsets_response *r = call->response;
	bool wait = call->err != 0;
	int at;

	question_answered(q);
	for (int i = 0; call->err && i < q->n && q->generation == c->generation; i++)
		feed_error(c, &c->feeds[q->feeds[i]], call->err);
	for (int32_t i = 0; !call->err && i < r->topics.n; i++)
		for (int32_t k = 0; k < r->topics.v[i].partitions.n; k++) {
			const struct list_offsets_response_partition *p = &r->topics.v[i].partitions.v[k];
			struct feed *f = question_feed(q, r->topics.v[i].name, p->partition_index, &at);

			if (f && p->error_code == 0)
				f->position = f->consumed = p->offset;
			else if (f)
				feed_error(c, f, p->error_code);
			wait = wait || p->error_code;
		}
	question_free(q);
	look_after(c, wait ? RETRY_MS : 0);
}

static void ask_offsets(struct consumer *c, int32_t node)
{
	struct question *q = question_new(c);
	struct list_offsets_request *r = arena_zalloc(&q->arena, sizeof(*r));

	r->replica_id = -1;
	r->isolation_level = c->options.isolation;
	r->topics.v = arena_array(&q->arena, (size_t)c->n, sizeof(*r->topics.v));
	for (int i = 0; i < c->n; i++) {
		struct feed *f = &c->feeds[i];
		struct list_offsets_request_topic *t = r->topics.n > 0 ? &r->topics.v[r->topics.n - 1] : NULL;

		if (f->leader != node || f->asked || f->failed || f->position >= 0)
			continue;
		if (!t || !str_is(t->name, f->topic)) {
			t = &r->topics.v[r->topics.n++];
			t->name = arena_str(&q->arena, str_of(f->topic));
			t->partitions.v = arena_array(&q->arena, (size_t)c->n, sizeof(*t->partitions.v));
		}
		t->partitions.v[t->partitions.n++] =
			(struct list_offsets_request_partition){f->partition, -1, f->position};
		question_add(q, i);
	}
	question_start(q, node, list_offsets_request_KEY, r, on_offsets);
}

/* ---- records ---- */

/* Aborted transactions whose records are being skipped (KIP-98). */
struct aborted {
	const struct fetch_response_partition *p;
	int64_t *open; /* producer ids */
	int n;
	int32_t next; /* position in the answer's list */
};

static int by_first_offset(const void *a, const void *b)
{
	int64_t x = ((const struct fetch_response_aborted_transaction *)a)->first_offset;
	int64_t y = ((const struct fetch_response_aborted_transaction *)b)->first_offset;

	return (x > y) - (x < y);
}

static void aborted_init(struct aborted *a, const struct fetch_response_partition *p, struct arena *arena)
{
	*a = (struct aborted){.p = p};
	if (p->aborted_transactions.n <= 0)
		return;
	qsort(p->aborted_transactions.v, (size_t)p->aborted_transactions.n, sizeof(*p->aborted_transactions.v),
	      by_first_offset);
	a->open = arena_array(arena, (size_t)p->aborted_transactions.n, sizeof(*a->open));
}

static int aborted_find(const struct aborted *a, int64_t id)
{
	for (int i = 0; i < a->n; i++)
		if (a->open[i] == id)
			return i;
	return -1;
}

/* Whether the batch belongs to an aborted transaction. Markers end transactions. */
static bool aborted_has(struct aborted *a, const struct batch_header *h, const uint8_t *p)
{
	int at;

	while (a->open && a->next < a->p->aborted_transactions.n &&
	       a->p->aborted_transactions.v[a->next].first_offset <= batch_last_offset(h))
		a->open[a->n++] = a->p->aborted_transactions.v[a->next++].producer_id;
	at = a->n > 0 ? aborted_find(a, h->producer_id) : -1;
	if (at >= 0 && batch_is_control(h)) {
		struct record_iter it =
			record_iter(h, p + BATCH_HEADER_SIZE, (size_t)batch_size(h) - BATCH_HEADER_SIZE);
		struct record r;

		if (record_next(&it, &r) && control_type(r.key) == CONTROL_ABORT)
			a->open[at] = a->open[--a->n];
	}
	return at >= 0 && batch_is_transactional(h);
}

static int hand_out_batch(struct consumer *c, int feed, const struct batch_header *h, const uint8_t *p, int64_t from)
{
	uint32_t generation = c->generation;
	const uint8_t *records = p + BATCH_HEADER_SIZE;
	size_t len = (size_t)batch_size(h) - BATCH_HEADER_SIZE;
	struct consumed told = {str_of(c->feeds[feed].topic), c->feeds[feed].partition, h, NULL};
	struct record_iter it;
	struct record r;

	if (batch_codec(h) != CODEC_NONE) {
		int err;

		c->plain.len = 0;
		err = decode_all(c->codecs, batch_codec(h), records, len, OUT_MAX, &c->plain);
		if (err != 0)
			return err;
		records = c->plain.p;
		len = c->plain.len;
	}
	it = record_iter(h, records, len);
	while (!c->stopped && generation == c->generation && record_next(&it, &r)) {
		if (r.offset < from)
			continue;
		c->feeds[feed].consumed = r.offset + 1;
		told.record = &r;
		if (!c->options.record(c->options.arg, &told))
			c->stopped = true;
	}
	return it.error;
}

static int hand_out(struct consumer *c, struct question *q, int at, const struct fetch_response_partition *p)
{
	struct batch_iter it = batch_iter(p->records.p, (size_t)(p->records.len > 0 ? p->records.len : 0));
	struct aborted aborted;
	int err = 0;

	aborted_init(&aborted, p, &q->arena);
	while (err == 0 && !c->stopped && q->generation == c->generation && batch_next(&it)) {
		if (batch_last_offset(&it.header) < q->from[at])
			continue;
		if (it.header.magic != BATCH_MAGIC)
			return ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
		if (c->options.check_crcs && !batch_crc_ok(it.p, &it.header))
			return ERR_CORRUPT_MESSAGE;
		if ((c->options.isolation && aborted_has(&aborted, &it.header, it.p)) || batch_is_control(&it.header))
			continue;
		err = hand_out_batch(c, q->feeds[at], &it.header, it.p, q->from[at]);
	}
	return err ? err : it.error;
}

/* The next fetch starts after the last whole batch. */
static void move_on(struct feed *f, const struct fetch_response_partition *p)
{
	struct batch_iter it = batch_iter(p->records.p, (size_t)(p->records.len > 0 ? p->records.len : 0));

	while (batch_next(&it))
		if (batch_last_offset(&it.header) >= f->position)
			f->position = batch_last_offset(&it.header) + 1;
}

static void ask_records(struct consumer *c, int32_t node);

/* Sends the next request first, then hands out the records of this answer. */
static void take_records(struct consumer *c, struct question *q, const struct fetch_response *r)
{
	bool quiet = true;
	int at;

	for (int32_t i = 0; i < r->responses.n; i++)
		for (int32_t k = 0; k < r->responses.v[i].partitions.n; k++) {
			const struct fetch_response_partition *p = &r->responses.v[i].partitions.v[k];
			struct feed *f = question_feed(q, r->responses.v[i].topic, p->partition_index, &at);

			if (f && p->error_code == 0)
				move_on(f, p);
			else if (f)
				feed_error(c, f, p->error_code);
			quiet = quiet && p->error_code == 0;
		}
	if (quiet && !c->stopped && q->generation == c->generation)
		ask_records(c, q->call.node);
	for (int32_t i = 0; i < r->responses.n; i++)
		for (int32_t k = 0; k < r->responses.v[i].partitions.n; k++) {
			const struct fetch_response_partition *p = &r->responses.v[i].partitions.v[k];
			struct feed *f = question_feed(q, r->responses.v[i].topic, p->partition_index, &at);
			int err = f && p->error_code == 0 ? hand_out(c, q, at, p) : 0;

			if (err != 0 && q->generation == c->generation)
				give_up_feed(c, &c->feeds[q->feeds[at]], err);
		}
	look_after(c, quiet ? 0 : RETRY_MS);
}

static void on_records(struct call *call)
{
	struct question *q = container_of(call, struct question, call);
	struct consumer *c = q->consumer;
	const struct fetch_response *r = call->response;
	int err = call->err ? call->err : r->error_code;

	question_answered(q);
	if (err == 0) {
		take_records(c, q, r);
	} else {
		for (int i = 0; i < q->n && q->generation == c->generation; i++)
			feed_error(c, &c->feeds[q->feeds[i]], err);
		look_after(c, RETRY_MS);
	}
	question_free(q);
}

static void ask_records(struct consumer *c, int32_t node)
{
	struct question *q = question_new(c);
	struct fetch_request *r = arena_alloc(&q->arena, sizeof(*r));

	memcpy(r, fetch_request_schema.defaults, sizeof(*r));
	r->max_wait_ms = c->options.max_wait_ms;
	r->min_bytes = c->options.min_bytes;
	r->max_bytes = c->options.max_bytes;
	r->isolation_level = c->options.isolation;
	r->session_epoch = -1;
	r->topics.v = arena_array(&q->arena, (size_t)c->n, sizeof(*r->topics.v));
	for (int i = 0; i < c->n; i++) {
		struct feed *f = &c->feeds[i];
		struct fetch_request_topic *t = r->topics.n > 0 ? &r->topics.v[r->topics.n - 1] : NULL;

		if (f->leader != node || f->asked || f->failed || f->position < 0)
			continue;
		if (!t || !str_is(t->topic, f->topic)) {
			t = &r->topics.v[r->topics.n++];
			t->topic = arena_str(&q->arena, str_of(f->topic));
			t->partitions.v = arena_array(&q->arena, (size_t)c->n, sizeof(*t->partitions.v));
		}
		memcpy(&t->partitions.v[t->partitions.n], fetch_request_partition_schema.defaults,
		       sizeof(*t->partitions.v));
		t->partitions.v[t->partitions.n].partition = f->partition;
		t->partitions.v[t->partitions.n].fetch_offset = f->position;
		t->partitions.v[t->partitions.n++].partition_max_bytes = c->options.partition_max_bytes;
		question_add(q, i);
	}
	if (q->n > 0)
		question_start(q, node, fetch_request_KEY, r, on_records);
	else
		question_free(q);
}

/* ---- a turn ---- */

static bool has_question(const struct consumer *c, int32_t node, int key)
{
	for (const struct list *it = c->questions.next; it != &c->questions; it = it->next) {
		const struct question *q = container_of(it, struct question, link);

		if (q->call.node == node && q->call.key == key && q->generation == c->generation)
			return true;
	}
	return false;
}

static void on_turn(struct timer *t)
{
	struct consumer *c = container_of(t, struct consumer, turn);
	bool wants_leaders = false;

	for (int i = 0; i < c->n; i++) {
		const struct feed *f = &c->feeds[i];

		if (f->failed || f->asked)
			continue;
		if (f->leader < 0)
			wants_leaders = true;
		else if (f->position < 0 && !has_question(c, f->leader, list_offsets_request_KEY))
			ask_offsets(c, f->leader);
		else if (f->position >= 0 && !c->stopped && !has_question(c, f->leader, fetch_request_KEY))
			ask_records(c, f->leader);
	}
	if (wants_leaders)
		ask_metadata(c);
}
