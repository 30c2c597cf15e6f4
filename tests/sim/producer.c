#include "tests/sim/producer.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/init_producer_id.h"
#include "protocol/produce.h"
#include "wire/codec.h"

enum { PRODUCE_VERSION = 11, INIT_VERSION = 4, AGAIN_MS = 100, RECORDS_MAX = 5 };

struct out_batch {
	struct list link;
	struct producer *producer;
	int partition;
	int64_t first_number;
	int n;
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t sequence; /* -1: not numbered yet */
	bool in_flight;
};

static void step(struct producer *p);

static void on_again(struct timer *t)
{
	step(container_of(t, struct producer, again));
}

static void on_next(struct timer *t)
{
	step(container_of(t, struct producer, next));
}

static struct client *client_of(struct producer *p, int partition)
{
	return &p->clients[p->brokers ? partition : 0];
}

void producer_hang_up(struct producer *p)
{
	for (int i = 0; i < HISTORY_PARTITIONS_MAX; i++)
		client_hang_up(&p->clients[i]);
}

/* The hang-up reports everything that waits, and so marks it as not in flight. */
static void start_over(struct producer *p, int partition, int32_t leader)
{
	p->n_retries++;
	if (p->brokers)
		client_move(client_of(p, partition), p->brokers, leader);
	else
		client_hang_up(client_of(p, partition));
	timer_start(&p->again, AGAIN_MS);
}

/* ---- sequences ---- */

static bool is_numbered(const struct producer *p, int partition)
{
	list_each(it, &p->batches)
	{
		const struct out_batch *b = container_of(it, struct out_batch, link);

		if (b->partition == partition && b->sequence >= 0)
			return true;
	}
	return false;
}

static void start_sequence(struct producer *p, int partition)
{
	p->sequences[partition] = (struct sequence){
		.producer_id = p->producer_id, .producer_epoch = p->producer_epoch, .last_acknowledged = -1};
}

static void number_batch(struct producer *p, struct out_batch *b)
{
	struct sequence *s = &p->sequences[b->partition];
	bool is_old = s->producer_id != p->producer_id || s->producer_epoch != p->producer_epoch;

	if (is_old && !is_numbered(p, b->partition))
		start_sequence(p, b->partition);
	b->producer_id = s->producer_id;
	b->producer_epoch = s->producer_epoch;
	b->sequence = s->next;
	s->next += b->n;
}

static void raise_epoch(struct producer *p, int partition)
{
	check(p->losses_happen && p->producer_epoch < INT16_MAX);
	p->n_bumps++;
	p->history->idempotent[p->index] = false; /* what is sent again with another epoch may already be there */
	p->producer_epoch++;
	start_sequence(p, partition);
	list_each(it, &p->batches)
	{
		struct out_batch *b = container_of(it, struct out_batch, link);

		if (b->partition == partition && b->sequence >= 0) {
			b->sequence = -1;
			number_batch(p, b);
		}
	}
}

/* ---- answers ---- */

/* Nothing before it is missing, as far as this producer knows. */
static bool is_next(const struct producer *p, const struct out_batch *b)
{
	return b->sequence == p->sequences[b->partition].last_acknowledged + 1;
}

static bool again_helps(const struct producer *p, const struct out_batch *b, int err)
{
	switch (err) {
	case ERR_OUT_OF_ORDER_SEQUENCE_NUMBER: /* an earlier batch failed, or was lost */
		/*
		 * Or the answer came from a former leader that does not know it has been replaced
		 * and lacks what was acknowledged since.
		 */
		return p->idempotent && (p->losses_happen || p->brokers || !is_next(p, b));
	case ERR_KAFKA_STORAGE_ERROR:
		return p->storage_fails;
	default:
		return err_is_retriable(err);
	}
}

/* What only the leader has written may be lost with it. */
static bool is_promised(const struct producer *p)
{
	return p->acks == -1 || !p->brokers;
}

static void take_acknowledged(struct producer *p, struct out_batch *b, int64_t base_offset)
{
	/* A duplicate is answered with its first offset, or with none if the node no longer knows it. */
	for (int i = 0; i < b->n && base_offset >= 0 && is_promised(p); i++)
		history_acknowledged(p->history, b->partition, base_offset + i, p->index, b->first_number + i);
	if (p->idempotent)
		p->sequences[b->partition].last_acknowledged = b->sequence + b->n - 1;
	list_remove(&b->link);
	xfree(b);
	step(p);
}

/* The connection is gone: there may be another leader by now. */
static void go_on_later(struct producer *p, int partition)
{
	struct client *c = client_of(p, partition);

	if (p->brokers && list_empty(&c->calls))
		c->to = p->brokers->addrs[env_random_below(p->loop->env, (uint64_t)p->brokers->n)];
	if (!timer_is_running(&p->again))
		timer_start(&p->again, AGAIN_MS);
}

static void on_produced(void *arg, int err, const void *answer)
{
	struct out_batch *b = arg;
	struct producer *p = b->producer;
	const struct produce_response *r = answer;
	const struct produce_response_partition *part;

	b->in_flight = false;
	p->n_in_flight--;
	if (err) {
		go_on_later(p, b->partition);
		return;
	}
	check(r->responses.n == 1 && r->responses.v[0].partition_responses.n == 1);
	part = &r->responses.v[0].partition_responses.v[0];
	check(part->index == b->partition);
	if (part->error_code == ERR_NONE || part->error_code == ERR_DUPLICATE_SEQUENCE_NUMBER) {
		take_acknowledged(p, b, part->error_code ? -1 : part->base_offset);
		return;
	}
	diag_info(p->loop->env->diag, "producer is refused", "producer=%d partition=%d sequence=%d error=%s", p->index,
		  b->partition, b->sequence, err_name(part->error_code));
	if (!again_helps(p, b, part->error_code))
		check(false && "an error that this world has no cause for");
	if (part->error_code == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && is_next(p, b) && !p->brokers)
		raise_epoch(p, b->partition);
	start_over(p, b->partition, part->current_leader.leader_id);
}

static void add_record(struct producer *p, struct batch_builder *builder, int64_t number)
{
	struct record_header header = {.key = STR("name")};
	struct bytes key = BYTES_NULL;
	struct history_record r;

	history_record(p->history, p->index, number, &r);
	if (r.key[0])
		key = (struct bytes){(uint8_t *)r.key, (int32_t)strlen(r.key)};
	header.value = (struct bytes){(uint8_t *)r.name, (int32_t)strlen(r.name)};
	batch_add_headers(builder, env_wall_ms(p->loop->env), key, r.value, &header, r.value.p ? 0 : 1);
	xfree((void *)r.value.p);
}

static void build_records(struct producer *p, const struct out_batch *b, struct buf *out)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder builder;

	if (p->idempotent) {
		options.producer_id = b->producer_id;
		options.producer_epoch = b->producer_epoch;
		options.base_sequence = b->sequence;
	}
	batch_begin(&builder, out, &options);
	for (int i = 0; i < b->n; i++)
		add_record(p, &builder, b->first_number + i);
	check(batch_end(&builder) > 0);
}

static void send_batch(struct producer *p, struct out_batch *b)
{
	struct buf records = {0};
	struct produce_request_partition part;
	struct produce_request_topic topic;
	struct produce_request request;

	if (p->idempotent && b->sequence < 0)
		number_batch(p, b);
	build_records(p, b, &records);
	codec_init(&produce_request_partition_schema, &part);
	codec_init(&produce_request_topic_schema, &topic);
	codec_init(&produce_request_schema, &request);
	part.index = b->partition;
	part.records = (struct records){.p = records.p, .len = (int32_t)records.len};
	topic.name = str_of(p->topic);
	topic.partition_data.v = &part;
	topic.partition_data.n = 1;
	request.acks = p->acks;
	request.timeout_ms = p->timeout_ms ? p->timeout_ms : 30000;
	request.topic_data.v = &topic;
	request.topic_data.n = 1;
	b->in_flight = true;
	p->n_in_flight++;
	client_call(client_of(p, b->partition), PRODUCE_VERSION, &produce_request_schema, &request,
		    &produce_response_schema, on_produced, b);
	buf_fini(&records);
}

static struct out_batch *add_batch(struct producer *p)
{
	struct out_batch *b = xcalloc(1, sizeof(*b));

	b->producer = p;
	b->partition = (int)env_random_below(p->loop->env, (uint64_t)p->n_partitions);
	b->n = 1 + (int)env_random_below(p->loop->env, RECORDS_MAX);
	b->first_number = p->next_number;
	b->sequence = -1;
	for (int i = 0; i < b->n; i++)
		history_sent(p->history, p->index, p->next_number++);
	p->n_started++;
	list_push(&p->batches, &b->link);
	return b;
}

static void on_producer_id(void *arg, int err, const void *answer)
{
	struct producer *p = arg;
	const struct init_producer_id_response *r = answer;

	p->n_in_flight--;
	if (err || r->error_code) {
		if (p->brokers)
			client_move(&p->clients[0], p->brokers, -1);
		timer_start(&p->again, AGAIN_MS);
		return;
	}
	p->producer_id = r->producer_id;
	p->producer_epoch = r->producer_epoch;
	step(p);
}

static void ask_producer_id(struct producer *p)
{
	struct init_producer_id_request request;

	codec_init(&init_producer_id_request_schema, &request);
	request.transactional_id = STR_NULL;
	request.producer_id = -1;
	request.producer_epoch = -1;
	p->n_in_flight++;
	client_call(&p->clients[0], INIT_VERSION, &init_producer_id_request_schema, &request,
		    &init_producer_id_response_schema, on_producer_id, p);
}

/*
 * A leader accepts any sequence from a producer it does not know: if it refuses the first batch for
 * lack of replicas and accepts the second, Kafka's client must raise its epoch. Here the first
 * batch is sent alone.
 */
static bool may_go(const struct producer *p, const struct out_batch *b)
{
	if (!p->brokers || !p->idempotent || p->sequences[b->partition].last_acknowledged >= 0)
		return true;
	list_each(it, &p->batches)
	{
		const struct out_batch *first = container_of(it, struct out_batch, link);

		if (first->partition == b->partition)
			return first == b;
	}
	return true;
}

static void step(struct producer *p)
{
	struct out_batch *newest;

	if (timer_is_running(&p->again))
		return;
	if (p->idempotent && p->producer_id < 0) {
		if (!p->n_in_flight)
			ask_producer_id(p);
		return;
	}
	list_each(it, &p->batches)
	{
		struct out_batch *b = container_of(it, struct out_batch, link);

		if (!b->in_flight && p->n_in_flight < p->window && may_go(p, b))
			send_batch(p, b);
	}
	while (p->n_started < p->n_batches && p->n_in_flight < p->window && !timer_is_running(&p->next)) {
		if (p->pause_ms)
			timer_start(&p->next, p->pause_ms);
		newest = add_batch(p);
		if (may_go(p, newest))
			send_batch(p, newest);
	}
	if (list_empty(&p->batches) && p->n_started == p->n_batches && p->finished) {
		void (*finished)(void *arg) = p->finished;

		p->finished = NULL;
		finished(p->arg);
	}
}

void producer_start(struct producer *p)
{
	list_init(&p->batches);
	p->producer_id = -1;
	for (int i = 0; i < HISTORY_PARTITIONS_MAX; i++)
		p->sequences[i].last_acknowledged = -1;
	p->history->idempotent[p->index] = p->idempotent;
	for (int i = 0; i < HISTORY_PARTITIONS_MAX; i++) {
		client_init(&p->clients[i], p->loop, &p->to, "sim-producer");
		if (p->brokers)
			p->clients[i].call_ms = p->brokers->call_ms;
	}
	timer_init(&p->again, p->loop, on_again);
	timer_init(&p->next, p->loop, on_next);
	step(p);
}

void producer_fini(struct producer *p)
{
	timer_stop(&p->again);
	timer_stop(&p->next);
	for (int i = 0; i < HISTORY_PARTITIONS_MAX; i++)
		client_fini(&p->clients[i]);
	list_each_safe(it, &p->batches) xfree(container_of(it, struct out_batch, link));
}
