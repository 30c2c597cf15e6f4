#include "tests/sim/committed.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "protocol/fetch.h"
#include "wire/batch.h"
#include "wire/codec.h"

enum { FETCH_VERSION = 12, AGAIN_MS = 50, READ_COMMITTED = 1 };

static void ask(struct committed *c);

static void on_again(struct timer *timer)
{
	ask(container_of(timer, struct committed, next));
}

/* ---- whose end it was ---- */

static int64_t *ended_at(struct committed *c, int64_t producer_id)
{
	int i = 0;

	while (i < c->n_ended && (c->ended[i].producer_id != producer_id || c->ended[i].partition != c->partition))
		i++;
	if (i == c->n_ended) {
		check(i < COMMITTED_PRODUCERS_MAX);
		c->ended[i].producer_id = producer_id;
		c->ended[i].partition = c->partition;
		c->ended[i].ended_at = -1;
		c->n_ended++;
	}
	return &c->ended[i].ended_at;
}

/* An aborted transaction lasts from its first offset to its producer's next marker. */
static bool is_aborted(struct committed *c, const struct fetch_response_partition *p, const struct batch_header *h)
{
	int64_t since = *ended_at(c, h->producer_id);

	for (int i = 0; i < p->aborted_transactions.n; i++)
		if (p->aborted_transactions.v[i].producer_id == h->producer_id &&
		    p->aborted_transactions.v[i].first_offset <= h->base_offset &&
		    p->aborted_transactions.v[i].first_offset > since)
			return true;
	return false;
}

/* ---- answers ---- */

static void take_batch(struct committed *c, const struct fetch_response_partition *p, const struct batch_iter *it)
{
	struct record_iter records = record_iter(&it->header, it->p + BATCH_HEADER_SIZE,
						 (size_t)batch_size(&it->header) - BATCH_HEADER_SIZE);
	struct record record;
	bool skip;

	if (batch_last_offset(&it->header) < c->offsets[c->partition])
		return;
	if (batch_is_control(&it->header)) {
		*ended_at(c, it->header.producer_id) = it->header.base_offset;
	} else {
		skip = is_aborted(c, p, &it->header);
		while (record_next(&records, &record))
			if (!skip && record.offset >= c->offsets[c->partition])
				c->see(c->arg, c->partition, record.offset, record.key, record.value);
	}
	c->offsets[c->partition] = batch_last_offset(&it->header) + 1;
}

static void take_partition(struct committed *c, const struct fetch_response_partition *p)
{
	check(p->last_stable_offset <= p->high_watermark);
	for (struct batch_iter it = batch_iter(p->records.p, (size_t)p->records.len); batch_next(&it);)
		take_batch(c, p, &it);
	/* A new leader learns only gradually how far the previous one had come. */
	check(c->offsets[c->partition] <= p->last_stable_offset || c->brokers);
	if (c->offsets[c->partition] < p->last_stable_offset)
		return;
	bool is_at_end =
		c->offsets[c->partition] == p->last_stable_offset && p->last_stable_offset == p->high_watermark;
	c->is_at_end[c->partition] = is_at_end && !c->is_late;
	if (c->cut && is_at_end)
		c->cut(c->arg, c->partition);
	c->partition = (c->partition + 1) % c->n_partitions;
}

static void on_fetched(void *arg, int err, const void *answer)
{
	struct committed *c = arg;
	const struct fetch_response *f = answer;
	const struct fetch_response_partition *p = err ? NULL : &f->responses.v[0].partitions.v[0];

	if (p && p->error_code == 0)
		take_partition(c, p);
	else if (p)
		check(err_is_retriable(p->error_code) || (c->brokers && p->error_code == ERR_OFFSET_OUT_OF_RANGE));
	if (c->brokers && (!p || p->error_code))
		client_move(&c->clients[c->partition], c->brokers, p ? p->current_leader.leader_id : -1);
	timer_start(&c->next, AGAIN_MS);
}

static void ask(struct committed *c)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic;
	struct fetch_request request;

	c->is_late = false;
	codec_init(&fetch_request_schema, &request);
	codec_init(&fetch_request_topic_schema, &topic);
	codec_init(&fetch_request_partition_schema, &part);
	part.partition = c->partition;
	part.fetch_offset = c->offsets[c->partition];
	part.current_leader_epoch = -1;
	part.partition_max_bytes = 1 << 20;
	topic.topic = str_of(c->topic);
	topic.partitions.v = &part;
	topic.partitions.n = 1;
	request.isolation_level = READ_COMMITTED;
	request.max_bytes = 1 << 20;
	request.session_epoch = -1;
	request.topics.v = &topic;
	request.topics.n = 1;
	client_call(&c->clients[c->brokers ? c->partition : 0], FETCH_VERSION, &fetch_request_schema, &request,
		    &fetch_response_schema, on_fetched, c);
}

void committed_start(struct committed *c)
{
	for (int i = 0; i < COMMITTED_PARTITIONS_MAX; i++) {
		client_init(&c->clients[i], c->loop, &c->to, "committed-reader");
		if (c->brokers)
			c->clients[i].call_ms = c->brokers->call_ms;
	}
	timer_init(&c->next, c->loop, on_again);
	memset(c->offsets, 0, sizeof(c->offsets));
	committed_look_again(c);
	c->partition = c->n_ended = 0;
	ask(c);
}

void committed_fini(struct committed *c)
{
	timer_stop(&c->next);
	for (int i = 0; i < COMMITTED_PARTITIONS_MAX; i++)
		client_fini(&c->clients[i]);
}

void committed_look_again(struct committed *c)
{
	memset(c->is_at_end, 0, sizeof(c->is_at_end));
	c->is_late = true;
}

bool committed_is_at_end(const struct committed *c)
{
	for (int i = 0; i < c->n_partitions; i++)
		if (!c->is_at_end[i])
			return false;
	return true;
}
