/*
 * producer_request: which batches are ready, the requests that carry them, and what follows from the
 * answers.
 */
#include "client/producer_private.h"

#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "protocol/produce.h"

enum { ARENA_MAX = 256 << 20, VERSION_OF_NAMES = 12 };

struct sending {
	struct list link;
	struct call call;
	struct arena arena;
	struct producer *producer;
	struct produce_request request;
	struct produce_request_topic topic;
	struct batch **batches;
	int n;
};

struct node_load *producer_load(struct producer *p, int32_t node)
{
	for (int i = 0; i < p->n_loads; i++)
		if (p->loads[i].id == node)
			return &p->loads[i];
	p->loads = xreallocarray(p->loads, (size_t)p->n_loads + 1, sizeof(*p->loads));
	p->loads[p->n_loads] = (struct node_load){node, 0};
	return &p->loads[p->n_loads++];
}

/* ---- answers ---- */

/* Puts it back into the list, in order of sequences: what was sent first comes first. */
static void requeue(struct producer *p, struct batch *b)
{
	struct partition *of = &p->partitions[b->partition];
	struct list *at = &of->batches;

	b->attempts++;
	of->retrying = true;
	while (at->next != &of->batches) {
		struct batch *next = container_of(at->next, struct batch, link);

		if (next->attempts == 0 || next->created_ns > b->created_ns)
			break;
		at = at->next;
	}
	list_add_after(at, &b->link);
}

static bool may_go_again(struct producer *p, const struct batch *b, int err)
{
	/* If the leader is no longer a broker, another one will be elected. */
	bool passes = err == -ECONNRESET || err == -ETIMEDOUT || err == ERR_BROKER_NOT_AVAILABLE ||
		      (err > 0 && err_is_retriable(err)) ||
		      (err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && p->partitions[b->partition].retrying);

	return passes && b->attempts < p->options.retries &&
	       producer_now_ns(p) < producer_deadline_ns(p, b->created_ns);
}

/* A batch has its answer: it is reported, or sent again. */
static void batch_answered(struct producer *p, struct batch *b, int err, int64_t offset, struct str message)
{
	p->partitions[b->partition].in_flight--;
	if (err == ERR_DUPLICATE_SEQUENCE_NUMBER)
		err = 0;
	if (err != 0 && may_go_again(p, b, err)) {
		requeue(p, b);
		producer_want_metadata(p);
		return;
	}
	if (err != 0 && b->sequenced)
		p->id_lost = true;
	producer_batch_report(p, b, err, offset, message);
}

static const struct produce_response_partition *answer_for(const struct produce_response *r, int32_t partition)
{
	for (int32_t i = 0; r && i < r->responses.n; i++)
		for (int32_t k = 0; k < r->responses.v[i].partition_responses.n; k++)
			if (r->responses.v[i].partition_responses.v[k].index == partition)
				return &r->responses.v[i].partition_responses.v[k];
	return NULL;
}

static void sending_free(struct sending *s)
{
	list_remove(&s->link);
	arena_fini(&s->arena);
	xfree(s);
}

static void on_produced(struct call *call)
{
	struct sending *s = container_of(call, struct sending, call);
	struct producer *p = s->producer;
	bool failed = false;

	producer_load(p, call->node)->in_flight--;
	p->in_flight--;
	for (int i = 0; i < s->n; i++) {
		const struct produce_response_partition *a = answer_for(call->response, s->batches[i]->partition);
		int err = call->err ? call->err : p->options.acks == 0 ? 0 : a ? a->error_code : -EPROTO;

		failed = failed || err != 0;
		batch_answered(p, s->batches[i], err, a ? a->base_offset : -1, a ? a->error_message : STR_NULL);
	}
	sending_free(s);
	if (failed)
		producer_turn_after_backoff(p);
	else
		producer_turn_soon(p);
}

/* ---- requests ---- */

static struct sending *sending_new(struct producer *p)
{
	struct sending *s = xcalloc(1, sizeof(*s));

	s->producer = p;
	arena_init(&s->arena, ARENA_MAX);
	list_push(&p->sendings, &s->link);
	s->topic.name = str_of(p->options.topic);
	s->request.transactional_id = p->transaction ? str_of(p->options.transactional_id) : STR_NULL;
	s->request.acks = p->options.acks;
	s->request.timeout_ms = p->options.request_timeout_ms;
	s->request.topic_data.v = &s->topic;
	s->request.topic_data.n = 1;
	s->batches = arena_array(&s->arena, (size_t)p->n_partitions, sizeof(struct batch *));
	s->topic.partition_data.v = arena_array(&s->arena, (size_t)p->n_partitions, sizeof(*s->topic.partition_data.v));
	return s;
}

static void sending_add(struct producer *p, struct sending *s, struct batch *b)
{
	producer_batch_close(p, b);
	producer_batch_sequence(p, b);
	list_remove(&b->link);
	p->partitions[b->partition].in_flight++;
	s->batches[s->n++] = b;
	s->topic.partition_data.v[s->topic.partition_data.n++] =
		(struct produce_request_partition){b->partition, {.p = b->bytes.p, .len = (int32_t)b->bytes.len}};
}

static void sending_start(struct producer *p, struct sending *s, int32_t node)
{
	s->call = (struct call){
		.key = produce_request_KEY,
		.version_max = p->transaction ? TRANSACTION_PRODUCE_VERSION : VERSION_OF_NAMES,
		.once = true,
		.silent = p->options.acks == 0,
		.node = node,
		.timeout_ms = p->options.request_timeout_ms,
		.request = &s->request,
		.arena = &s->arena,
		.done = on_produced,
	};
	producer_load(p, node)->in_flight++;
	p->in_flight++;
	client_call(p->client, &s->call);
}

static bool is_ready(struct producer *p, const struct partition *of, int64_t now_ns, int64_t *next_ns)
{
	const struct batch *b = batch_first(&of->batches);
	int64_t due_ns = b->created_ns + p->options.linger_ms * NS_PER_MS;

	if (of->retrying && of->in_flight > 0)
		return false;
	if (b->closed || p->flushing || b->size >= p->options.batch_bytes || of->batches.prev != of->batches.next ||
	    producer_is_full(p) || due_ns <= now_ns)
		return true;
	if (due_ns < *next_ns)
		*next_ns = due_ns;
	return false;
}

bool producer_send_to(struct producer *p, int32_t node, int64_t now_ns, int64_t *next_ns)
{
	struct sending *s = NULL;
	size_t size = 0;

	for (int i = 0; i < p->n_partitions; i++) {
		struct partition *of = &p->partitions[i];
		struct batch *b;

		if (of->leader != node || list_empty(&of->batches) || !is_ready(p, of, now_ns, next_ns) ||
		    (p->transaction && !transaction_includes(p->transaction, i)))
			continue;
		b = batch_first(&of->batches);
		if (s && size + b->size > p->options.request_bytes)
			continue;
		size += b->size;
		s = s ? s : sending_new(p);
		sending_add(p, s, b);
	}
	if (s)
		sending_start(p, s, node);
	return s != NULL;
}

void producer_drop_requests(struct producer *p)
{
	list_each_safe(it, &p->sendings)
	{
		struct sending *s = container_of(it, struct sending, link);

		client_cancel(p->client, &s->call);
		for (int i = 0; i < s->n; i++)
			producer_batch_free(s->batches[i]);
		sending_free(s);
	}
}
