/*
 * producer_topic: what a producer has to know before it can send: the topic's partitions and their
 * leaders, and an id if it is idempotent.
 */
#include "client/producer_private.h"

#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "protocol/init_producer_id.h"
#include "protocol/metadata.h"

enum { PARTITIONS_MAX = 100000 };

/* ---- the topic ---- */

static void move_partition(struct partition *to, struct partition *from)
{
	*to = *from;
	list_init(&to->batches);
	list_splice(&to->batches, &from->batches);
}

/* A topic never has fewer partitions than before. */
static void grow_partitions(struct producer *p, int n)
{
	struct partition *v;

	if (n <= p->n_partitions)
		return;
	v = xcalloc((size_t)n, sizeof(*v));
	for (int i = 0; i < n; i++) {
		if (i < p->n_partitions) {
			move_partition(&v[i], &p->partitions[i]);
		} else {
			v[i].leader = -1;
			list_init(&v[i].batches);
		}
	}
	xfree(p->partitions);
	p->partitions = v;
	p->n_partitions = n;
}

static void take_topic(struct producer *p, const struct metadata_response_topic *t)
{
	grow_partitions(p, t->partitions.n);
	for (int32_t i = 0; i < t->partitions.n; i++) {
		const struct metadata_response_partition *one = &t->partitions.v[i];

		if (one->partition_index >= 0 && one->partition_index < p->n_partitions)
			p->partitions[one->partition_index].leader = one->leader_id;
	}
}

static int topic_error(const struct producer *p, const struct metadata_response *m)
{
	if (m->topics.n != 1)
		return -EPROTO;
	if (m->topics.v[0].error_code != 0)
		return m->topics.v[0].error_code;
	if (m->topics.v[0].partitions.n == 0 && p->n_partitions == 0)
		return ERR_LEADER_NOT_AVAILABLE; /* a record would have nowhere to go */
	return m->topics.v[0].partitions.n > PARTITIONS_MAX ? -EPROTO : 0;
}

static void on_metadata(struct call *call)
{
	struct producer *p = container_of(call, struct producer, metadata_call);
	const struct metadata_response *m = call->response;
	int err = call->err ? call->err : topic_error(p, m);

	p->metadata_asked = false;
	if (err > 0 && err_is_retriable(err) && producer_now_ns(p) < producer_deadline_ns(p, p->metadata_since_ns)) {
		p->metadata_wanted = true;
		producer_turn_after_backoff(p);
		return;
	}
	p->metadata_wanted = false;
	if (err == 0) {
		take_topic(p, &m->topics.v[0]);
		producer_place_unplaced(p);
	} else {
		p->topic_err = err;
		producer_fail_all(p, err, STR_NULL);
	}
	producer_turn_soon(p);
}

void producer_ask_metadata(struct producer *p)
{
	struct metadata_request *r;

	if (p->metadata_asked || !p->metadata_wanted)
		return;
	p->metadata_asked = true;
	arena_reset(&p->metadata_arena);
	r = arena_zalloc(&p->metadata_arena, sizeof(*r));
	r->topics.v = arena_zalloc(&p->metadata_arena, sizeof(*r->topics.v));
	r->topics.v[0].name = str_of(p->options.topic);
	r->topics.n = 1;
	r->allow_auto_topic_creation = true;
	p->metadata_call = (struct call){.key = metadata_request_KEY,
					 .node = CLIENT_ANY,
					 .request = r,
					 .arena = &p->metadata_arena,
					 .done = on_metadata};
	client_call(p->client, &p->metadata_call);
}

void producer_want_metadata(struct producer *p)
{
	if (!p->metadata_wanted)
		p->metadata_since_ns = producer_now_ns(p);
	p->metadata_wanted = true;
}

/* ---- the id ---- */

static void on_id(struct call *call)
{
	struct producer *p = container_of(call, struct producer, id_call);
	const struct init_producer_id_response *r = call->response;
	struct str message = STR_NULL;
	int err = call->err ? call->err : client_answer_error(call, &message);

	p->id_asked = false;
	if (err == 0) {
		p->has_id = true;
		p->id_lost = false;
		p->id = r->producer_id;
		p->epoch = r->producer_epoch;
		producer_turn_soon(p);
	} else if (err > 0 && err_is_retriable(err)) {
		producer_turn_after_backoff(p);
	} else {
		producer_fail_all(p, err, message);
	}
}

void producer_ask_id(struct producer *p)
{
	static const struct init_producer_id_request R = {
		.transaction_timeout_ms = INT32_MAX, .producer_id = -1, .producer_epoch = -1};

	if (p->id_asked)
		return;
	p->id_asked = true;
	arena_reset(&p->id_arena);
	p->id_call = (struct call){.key = init_producer_id_request_KEY,
				   .node = CLIENT_ANY,
				   .request = &R,
				   .arena = &p->id_arena,
				   .done = on_id};
	client_call(p->client, &p->id_call);
}

/*
 * A batch with a sequence was given up, so whatever follows it would be out of order for ever. With
 * a new id all sequences start at 0.
 */
void producer_forget_id(struct producer *p)
{
	p->has_id = false;
	p->id_lost = false;
	for (int i = 0; i < p->n_partitions; i++) {
		p->partitions[i].next_sequence = 0;
		list_each(it, &p->partitions[i].batches) container_of(it, struct batch, link)->sequenced = false;
	}
}
