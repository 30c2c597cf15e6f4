/*
 * producer: batches, partitions, and the requests that carry them.
 *
 * A batch is open (the last in its partition's list), then closed, then in flight, then reported.
 * Sequences are assigned when a batch is first sent, and reassigned when the producer id changes.
 */
#include "client/producer.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/murmur2.h"
#include "client/transaction.h"
#include "compress/compress.h"
#include "protocol/init_producer_id.h"
#include "protocol/metadata.h"
#include "protocol/produce.h"

enum { PARTITIONS_MAX = 100000, ARENA_MAX = 256 << 20, RECORD_OVERHEAD = 32, VERSION_OF_NAMES = 12 };

struct batch {
	struct list link;
	struct buf bytes; /* as sent, once it is closed */
	struct batch_builder builder;
	bool closed;
	bool sequenced;
	int32_t partition;
	int32_t sequence;
	int attempts;
	int64_t created_ns;
	size_t payload;	  /* bytes of keys and values */
	size_t size;	  /* upper bound without compression */
	int64_t *sent_ns; /* NULL: not kept */
	uint64_t *tags;	  /* NULL: not kept */
	int32_t cap;	  /* of both arrays */
};

struct partition {
	int32_t leader; /* -1: unknown */
	struct list batches;
	int in_flight;
	bool retrying; /* waits until nothing is in flight, then sends one batch at a time */
	int32_t next_sequence;
};

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

struct node_load {
	int32_t id;
	int in_flight;
};

struct producer {
	struct client *client;
	struct loop *loop;
	struct producer_options options;
	struct codecs *codecs;
	struct timer turn; /* for the next look at what is ready to send */
	int64_t turn_ns;   /* when it fires; INT64_MAX: never */
	struct partition *partitions;
	int n_partitions;
	int topic_err; /* the topic does not exist */
	int32_t sticky;
	/*
	 * Batches of records that came before the partitions were known; their records are
	 * placed later.
	 */
	struct list unplaced;
	bool flushing;
	size_t buffered;
	int64_t waiting;
	struct list sendings;
	int in_flight;
	struct node_load *loads;
	int n_loads;
	/* The topic's partitions and leaders. */
	struct call metadata_call;
	struct arena metadata_arena;
	bool metadata_wanted, metadata_asked;
	int64_t metadata_since_ns;
	/* The producer id. */
	struct call id_call;
	struct arena id_arena;
	bool has_id, id_asked, id_lost;
	int64_t id;
	int16_t epoch;
	/* NULL: none. If there is one, it has the producer id. */
	struct transaction *transaction;
	bool committing, commit_asked;
};

static int64_t now_ns(const struct producer *p)
{
	return env_mono_ns(p->loop->env);
}

static void look_at(struct producer *p, int64_t when_ns)
{
	if (timer_is_running(&p->turn) && p->turn_ns <= when_ns)
		return;
	p->turn_ns = when_ns;
	timer_start_at(&p->turn, when_ns);
}

static void look_soon(struct producer *p)
{
	look_at(p, 0);
}

/* ---- batches ---- */

static struct batch *batch_new(struct producer *p, int32_t partition)
{
	struct batch *b = xcalloc(1, sizeof(*b));
	struct batch_options o = BATCH_OPTIONS_NONE;

	o.attributes = p->transaction ? BATCH_TRANSACTIONAL : 0;
	list_init(&b->link);
	b->partition = partition;
	b->created_ns = now_ns(p);
	b->size = BATCH_HEADER_SIZE;
	batch_begin(&b->builder, &b->bytes, &o);
	return b;
}

static void batch_free(struct batch *b)
{
	list_remove(&b->link);
	buf_fini(&b->bytes);
	xfree(b->sent_ns);
	xfree(b->tags);
	xfree(b);
}

static void compress(struct producer *p, struct batch *b)
{
	struct buf out = {0};

	buf_put(&out, b->bytes.p, BATCH_HEADER_SIZE);
	check(encode_all(p->codecs, p->options.codec, p->options.level, b->bytes.p + BATCH_HEADER_SIZE,
			 b->bytes.len - BATCH_HEADER_SIZE, &out) == 0);
	put_i32(out.p + BATCH_AT_LENGTH, (int32_t)(out.len - BATCH_PREFIX_SIZE));
	put_i16(out.p + BATCH_AT_ATTRIBUTES, (int16_t)(b->builder.options.attributes | p->options.codec));
	buf_fini(&b->bytes);
	b->bytes = out;
}

static void batch_close(struct producer *p, struct batch *b)
{
	if (b->closed)
		return;
	check(batch_end(&b->builder) > 0);
	b->closed = true;
	if (p->options.codec != CODEC_NONE) {
		compress(p, b);
		batch_crc_set(b->bytes.p, b->bytes.len);
	}
}

static void batch_sequence(struct producer *p, struct batch *b)
{
	struct partition *of = &p->partitions[b->partition];

	if (!p->options.idempotent || b->sequenced)
		return;
	b->sequence = of->next_sequence;
	of->next_sequence = sequence_add(b->sequence, b->builder.count);
	b->sequenced = true;
	put_i64(b->bytes.p + BATCH_AT_PRODUCER_ID, p->id);
	put_i16(b->bytes.p + BATCH_AT_PRODUCER_EPOCH, p->epoch);
	put_i32(b->bytes.p + BATCH_AT_BASE_SEQUENCE, b->sequence);
	batch_crc_set(b->bytes.p, b->bytes.len);
}

/* Keeps what the caller wants back for the batch's next record. */
static void keep(struct producer *p, struct batch *b, const struct producer_record *r, int64_t sent_ns)
{
	int32_t i = b->builder.count;

	if (i >= b->cap) {
		b->cap = b->cap ? b->cap * 2 : 16;
		if (p->options.keep_times)
			b->sent_ns = xreallocarray(b->sent_ns, (size_t)b->cap, sizeof(*b->sent_ns));
		if (p->options.keep_tags)
			b->tags = xreallocarray(b->tags, (size_t)b->cap, sizeof(*b->tags));
	}
	if (b->sent_ns)
		b->sent_ns[i] = sent_ns;
	if (b->tags)
		b->tags[i] = r->tag;
}

/* Reports a batch and frees it. */
static void batch_done(struct producer *p, struct batch *b, int err, int64_t offset, struct str message)
{
	struct produced told = {b->partition, offset, b->builder.count, b->payload, err, message, b->sent_ns, b->tags};

	p->buffered -= b->size;
	p->waiting -= b->builder.count;
	if (p->options.produced)
		p->options.produced(p->options.arg, &told);
	batch_free(b);
}

/* ---- records come ---- */

static size_t size_of(const struct producer_record *r)
{
	size_t size = RECORD_OVERHEAD + (size_t)(r->key.p ? r->key.len : 0) + (size_t)(r->value.p ? r->value.len : 0);

	for (int i = 0; i < r->n_headers; i++)
		size += (size_t)r->headers[i].key.len + (size_t)(r->headers[i].value.p ? r->headers[i].value.len : 0) +
			10;
	return size;
}

static int32_t partition_for(struct producer *p, const struct producer_record *r)
{
	if (p->n_partitions == 0)
		return -1;
	if (r->key.p)
		return (int32_t)((murmur2(r->key.p, (size_t)r->key.len) & 0x7fffffff) % (uint32_t)p->n_partitions);
	return p->sticky % p->n_partitions;
}

static struct batch *last_open(struct list *batches)
{
	struct batch *b = list_empty(batches) ? NULL : container_of(batches->prev, struct batch, link);

	return b && !b->closed && b->attempts == 0 ? b : NULL;
}

static void add_record(struct producer *p, struct batch *b, const struct producer_record *r, int64_t sent_ns)
{
	keep(p, b, r, sent_ns);
	batch_add_headers(&b->builder, r->timestamp, r->key, r->value, r->headers, r->n_headers);
	b->payload += (size_t)(r->key.p ? r->key.len : 0) + (size_t)(r->value.p ? r->value.len : 0);
	b->size += size_of(r);
	p->buffered += size_of(r);
}

/* The batch that takes the record: the open one, unless it would grow too large. */
static struct batch *batch_for(struct producer *p, struct list *batches, int32_t partition, size_t size)
{
	struct batch *b = last_open(batches);

	if (b && b->size + size > p->options.batch_bytes && b->builder.count > 0) {
		if (partition >= 0)
			batch_close(p, b);
		b = NULL;
		p->sticky = (int32_t)env_random_below(p->loop->env, INT32_MAX);
	}
	if (b)
		return b;
	b = batch_new(p, partition);
	p->buffered += b->size;
	list_push(batches, &b->link);
	look_at(p, p->flushing ? 0 : b->created_ns + p->options.linger_ms * 1000000);
	return b;
}

/* Adds the record to a batch. sent_ns: when the caller sent it. */
static int place(struct producer *p, const struct producer_record *r, int64_t sent_ns)
{
	size_t size = size_of(r);
	int32_t partition = partition_for(p, r);
	struct list *batches = partition < 0 ? &p->unplaced : &p->partitions[partition].batches;
	struct batch *b;

	if (size + BATCH_HEADER_SIZE > p->options.request_bytes)
		return ERR_MESSAGE_TOO_LARGE;
	b = batch_for(p, batches, partition, size);
	if (partition >= 0 && !r->key.p)
		p->sticky = partition;
	add_record(p, b, r, sent_ns);
	p->waiting++;
	if (b->size >= p->options.batch_bytes || p->flushing)
		look_soon(p);
	return 0;
}

int producer_send(struct producer *p, const struct producer_record *r)
{
	return place(p, r, p->options.keep_times ? now_ns(p) : 0);
}

/*
 * Records that came before the topic was known are read from their batch and placed again: the same
 * bytes, now with a partition.
 */
static void place_batch(struct producer *p, struct batch *b)
{
	struct batch_header h;
	struct record_iter it;
	struct record r;
	int32_t i = 0;

	batch_close(p, b);
	check(batch_header_read(b->bytes.p, b->bytes.len, &h) == 0);
	it = record_iter(&h, b->bytes.p + BATCH_HEADER_SIZE, b->bytes.len - BATCH_HEADER_SIZE);
	while (record_next(&it, &r)) {
		struct record_header *headers = xcalloc((size_t)r.n_headers + 1, sizeof(*headers));
		struct producer_record again = {
			.key = r.key, .value = r.value, .headers = headers, .timestamp = r.timestamp};
		int err;

		again.tag = b->tags ? b->tags[i] : 0;
		while (again.n_headers < r.n_headers && record_header_next(&r.headers, &headers[again.n_headers]))
			again.n_headers++;
		err = place(p, &again, b->sent_ns ? b->sent_ns[i] : 0);
		check(err == 0);
		xfree(headers);
		i++;
	}
	p->waiting -= b->builder.count;
	p->buffered -= b->size;
	batch_free(b);
}

static void place_all(struct producer *p)
{
	int codec = p->options.codec;

	p->options.codec = CODEC_NONE; /* the batches are read again here */
	list_each_safe(it, &p->unplaced) place_batch(p, container_of(it, struct batch, link));
	p->options.codec = codec;
}

/* ---- the topic ---- */

static void fail_all(struct producer *p, int err, struct str message)
{
	list_each_safe(it, &p->unplaced) batch_done(p, container_of(it, struct batch, link), err, -1, message);
	for (int i = 0; i < p->n_partitions; i++)
		list_each_safe(it, &p->partitions[i].batches)
			batch_done(p, container_of(it, struct batch, link), err, -1, message);
}

static void take_topic(struct producer *p, const struct metadata_response_topic *t)
{
	if (t->partitions.n > p->n_partitions) {
		struct partition *v = xcalloc((size_t)t->partitions.n, sizeof(*v));

		for (int i = 0; i < t->partitions.n; i++) {
			v[i].leader = -1;
			list_init(&v[i].batches);
			if (i < p->n_partitions) {
				struct list batches;

				list_init(&batches);
				list_splice(&batches, &p->partitions[i].batches);
				v[i] = p->partitions[i];
				list_init(&v[i].batches);
				list_splice(&v[i].batches, &batches);
			}
		}
		xfree(p->partitions);
		p->partitions = v;
		p->n_partitions = t->partitions.n;
	}
	for (int32_t i = 0; i < t->partitions.n; i++) {
		const struct metadata_response_partition *one = &t->partitions.v[i];

		if (one->partition_index >= 0 && one->partition_index < p->n_partitions)
			p->partitions[one->partition_index].leader = one->leader_id;
	}
}

static void on_metadata(struct call *call)
{
	struct producer *p = container_of(call, struct producer, metadata_call);
	const struct metadata_response *m = call->response;
	int err = call->err;

	p->metadata_asked = false;
	if (err == 0)
		err = m->topics.n == 1 ? m->topics.v[0].error_code : -EPROTO;
	if (err == 0 && m->topics.v[0].partitions.n == 0 && p->n_partitions == 0)
		err = ERR_LEADER_NOT_AVAILABLE; /* a record would have nowhere to go */
	if (err == 0 && m->topics.v[0].partitions.n > PARTITIONS_MAX)
		err = -EPROTO;
	if (err == 0) {
		take_topic(p, &m->topics.v[0]);
		p->metadata_wanted = false;
		place_all(p);
	} else if ((err > 0 && err_is_retriable(err)) &&
		   now_ns(p) < p->metadata_since_ns + (int64_t)p->options.delivery_timeout_ms * 1000000) {
		p->metadata_wanted = true;
		look_at(p, now_ns(p) + (int64_t)p->options.retry_backoff_ms * 1000000);
		return;
	} else {
		p->topic_err = err;
		p->metadata_wanted = false;
		fail_all(p, err, STR_NULL);
	}
	look_soon(p);
}

static void ask_metadata(struct producer *p)
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

static void want_metadata(struct producer *p)
{
	if (!p->metadata_wanted)
		p->metadata_since_ns = now_ns(p);
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
		look_soon(p);
	} else if (err > 0 && err_is_retriable(err)) {
		look_at(p, now_ns(p) + (int64_t)p->options.retry_backoff_ms * 1000000);
	} else {
		fail_all(p, err, message);
	}
}

static void ask_id(struct producer *p)
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
static void forget_id(struct producer *p)
{
	p->has_id = false;
	p->id_lost = false;
	for (int i = 0; i < p->n_partitions; i++) {
		p->partitions[i].next_sequence = 0;
		list_each(it, &p->partitions[i].batches) container_of(it, struct batch, link)->sequenced = false;
	}
}

/* ---- requests ---- */

static struct node_load *load_of(struct producer *p, int32_t id)
{
	for (int i = 0; i < p->n_loads; i++)
		if (p->loads[i].id == id)
			return &p->loads[i];
	p->loads = xreallocarray(p->loads, (size_t)p->n_loads + 1, sizeof(*p->loads));
	p->loads[p->n_loads] = (struct node_load){id, 0};
	return &p->loads[p->n_loads++];
}

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
	       now_ns(p) < b->created_ns + (int64_t)p->options.delivery_timeout_ms * 1000000;
}

static void settle(struct producer *p, struct batch *b, int err, int64_t offset, struct str message)
{
	p->partitions[b->partition].in_flight--;
	if (err == ERR_DUPLICATE_SEQUENCE_NUMBER)
		err = 0;
	if (err != 0 && may_go_again(p, b, err)) {
		requeue(p, b);
		want_metadata(p);
		return;
	}
	if (err != 0 && b->sequenced)
		p->id_lost = true;
	batch_done(p, b, err, offset, message);
}

static const struct produce_response_partition *answer_for(const struct produce_response *r, int32_t partition)
{
	for (int32_t i = 0; r && i < r->responses.n; i++)
		for (int32_t k = 0; k < r->responses.v[i].partition_responses.n; k++)
			if (r->responses.v[i].partition_responses.v[k].index == partition)
				return &r->responses.v[i].partition_responses.v[k];
	return NULL;
}

static void on_produced(struct call *call)
{
	struct sending *s = container_of(call, struct sending, call);
	struct producer *p = s->producer;
	bool failed = false;

	load_of(p, call->node)->in_flight--;
	p->in_flight--;
	for (int i = 0; i < s->n; i++) {
		const struct produce_response_partition *a = answer_for(call->response, s->batches[i]->partition);
		int err = call->err ? call->err : p->options.acks == 0 ? 0 : a ? a->error_code : -EPROTO;

		failed = failed || err != 0;
		settle(p, s->batches[i], err, a ? a->base_offset : -1, a ? a->error_message : STR_NULL);
	}
	list_remove(&s->link);
	arena_fini(&s->arena);
	xfree(s);
	look_at(p, failed ? now_ns(p) + (int64_t)p->options.retry_backoff_ms * 1000000 : 0);
}

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
	batch_close(p, b);
	batch_sequence(p, b);
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
	load_of(p, node)->in_flight++;
	p->in_flight++;
	client_call(p->client, &s->call);
}

/* ---- a turn: sends what is ready ---- */

static bool is_ready(struct producer *p, const struct partition *of, int64_t now, int64_t *next_ns)
{
	const struct batch *b = container_of(of->batches.next, struct batch, link);
	int64_t due = b->created_ns + p->options.linger_ms * 1000000;

	if (of->retrying && of->in_flight > 0)
		return false;
	if (b->closed || p->flushing || b->size >= p->options.batch_bytes || of->batches.prev != of->batches.next ||
	    producer_is_full(p) || due <= now)
		return true;
	if (due < *next_ns)
		*next_ns = due;
	return false;
}

static void expire(struct producer *p, struct partition *of, int64_t now)
{
	list_each_safe(it, &of->batches)
	{
		struct batch *b = container_of(it, struct batch, link);

		if (now < b->created_ns + (int64_t)p->options.delivery_timeout_ms * 1000000)
			return;
		p->id_lost = p->id_lost || b->sequenced;
		batch_done(p, b, -ETIMEDOUT, -1, STR_NULL);
	}
}

/* One request to one node: the first batch of each of its partitions, within the request's size limit. */
static bool send_to(struct producer *p, int32_t node, int64_t now, int64_t *next_ns)
{
	struct sending *s = NULL;
	size_t size = 0;

	for (int i = 0; i < p->n_partitions; i++) {
		struct partition *of = &p->partitions[i];
		struct batch *b;

		if (of->leader != node || list_empty(&of->batches) || !is_ready(p, of, now, next_ns) ||
		    (p->transaction && !transaction_includes(p->transaction, i)))
			continue;
		b = container_of(of->batches.next, struct batch, link);
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

static void expire_all(struct producer *p, int64_t now, int64_t *next_ns)
{
	bool any = false;

	for (int i = 0; i < p->n_partitions; i++) {
		struct partition *of = &p->partitions[i];

		if (list_empty(&of->batches))
			continue;
		expire(p, of, now);
		any = true;
		if (!list_empty(&of->batches) && of->leader < 0)
			want_metadata(p);
		if (of->retrying && of->in_flight == 0 &&
		    (list_empty(&of->batches) ||
		     container_of(of->batches.next, struct batch, link)->attempts == 0))
			of->retrying = false;
	}
	if (any && now + 1000000000 < *next_ns)
		*next_ns = now + 1000000000;
}

static bool may_send(struct producer *p)
{
	if (p->id_lost && p->in_flight == 0 && !p->transaction)
		forget_id(p);
	if (!p->options.idempotent)
		return p->n_partitions > 0;
	if (p->transaction)
		p->has_id = transaction_producer(p->transaction, &p->id, &p->epoch);
	else if (!p->has_id && !p->id_lost)
		ask_id(p);
	return p->n_partitions > 0 && p->has_id && !p->id_lost;
}

/* ---- transactions ---- */

static void on_transaction(void *arg)
{
	look_soon(arg);
}

static void begin_transactions(struct producer *p)
{
	struct transaction_options o = {.id = p->options.transactional_id,
					.topic = p->options.topic,
					.timeout_ms = p->options.transaction_timeout_ms,
					.retry_backoff_ms = p->options.retry_backoff_ms,
					.changed = on_transaction,
					.arg = p};

	p->options.acks = -1;
	p->options.idempotent = true;
	p->transaction = transaction_new(p->client, &o);
}

/*
 * Once everything sent is acknowledged the transaction is ended, and when that is done the caller
 * is told.
 */
static void commit_turn(struct producer *p, int err, struct str message)
{
	if (!p->committing || p->waiting > 0)
		return;
	if (err == 0 && p->id_lost) /* a batch was given up, so the transaction is incomplete */
		err = ERR_INVALID_TXN_STATE;
	if (err == 0 && !p->commit_asked) {
		p->commit_asked = true;
		transaction_commit(p->transaction);
	}
	if (err == 0 && transaction_is_ending(p->transaction))
		return;
	p->committing = p->commit_asked = p->flushing = false;
	p->options.committed(p->options.arg, err, message);
}

static void transaction_turn(struct producer *p)
{
	struct str message;
	int err = transaction_error(p->transaction, &message);

	if (err != 0 && p->in_flight == 0)
		fail_all(p, err, message);
	commit_turn(p, err, message);
}

void producer_commit(struct producer *p)
{
	check(p->transaction && !p->committing);
	p->committing = true;
	producer_flush(p);
}

static void on_turn(struct timer *t)
{
	struct producer *p = container_of(t, struct producer, turn);
	int64_t now = now_ns(p), next_ns = INT64_MAX;

	if (p->topic_err) {
		fail_all(p, p->topic_err, STR_NULL);
		commit_turn(p, p->topic_err, STR_NULL);
		return;
	}
	if (p->transaction)
		transaction_turn(p);
	expire_all(p, now, &next_ns);
	ask_metadata(p);
	if (may_send(p)) {
		for (int i = 0; i < p->n_partitions; i++) {
			int32_t node = p->partitions[i].leader;

			if (node < 0 || list_empty(&p->partitions[i].batches))
				continue;
			while (load_of(p, node)->in_flight < p->options.max_in_flight &&
			       send_to(p, node, now, &next_ns))
				continue;
		}
	}
	if (next_ns != INT64_MAX)
		look_at(p, next_ns);
}

/* ---- life ---- */

struct producer *producer_new(struct client *c, const struct producer_options *options)
{
	struct producer *p = xcalloc(1, sizeof(*p));

	p->client = c;
	p->loop = client_loop(c);
	p->options = *options;
	p->options.topic = xstrdup(options->topic);
	p->options.idempotent = options->idempotent && options->acks == -1;
	p->options.transactional_id = options->transactional_id ? xstrdup(options->transactional_id) : NULL;
	p->codecs = codecs_new();
	list_init(&p->unplaced);
	list_init(&p->sendings);
	timer_init(&p->turn, p->loop, on_turn);
	arena_init(&p->metadata_arena, ARENA_MAX);
	arena_init(&p->id_arena, 1 << 20);
	if (options->transactional_id)
		begin_transactions(p);
	want_metadata(p);
	look_soon(p);
	return p;
}

static void free_batches(struct list *batches)
{
	list_each_safe(it, batches) batch_free(container_of(it, struct batch, link));
}

void producer_free(struct producer *p)
{
	timer_stop(&p->turn);
	if (p->metadata_asked)
		client_cancel(p->client, &p->metadata_call);
	if (p->id_asked)
		client_cancel(p->client, &p->id_call);
	if (p->transaction)
		transaction_free(p->transaction);
	list_each_safe(it, &p->sendings)
	{
		struct sending *s = container_of(it, struct sending, link);

		client_cancel(p->client, &s->call);
		for (int i = 0; i < s->n; i++)
			batch_free(s->batches[i]);
		list_remove(it);
		arena_fini(&s->arena);
		xfree(s);
	}
	free_batches(&p->unplaced);
	for (int i = 0; i < p->n_partitions; i++)
		free_batches(&p->partitions[i].batches);
	arena_fini(&p->metadata_arena);
	arena_fini(&p->id_arena);
	codecs_free(p->codecs);
	xfree(p->partitions);
	xfree(p->loads);
	xfree((char *)p->options.topic);
	xfree((char *)p->options.transactional_id);
	xfree(p);
}

void producer_flush(struct producer *p)
{
	p->flushing = true;
	look_soon(p);
}

bool producer_is_full(const struct producer *p)
{
	return p->buffered >= p->options.buffer_bytes;
}

int64_t producer_waiting(const struct producer *p)
{
	return p->waiting;
}
