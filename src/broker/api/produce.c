/*
 * Produce: each batch is checked in the frame in which it arrived, appended, and answered according
 * to acks (KafkaApis.handleProduceRequest, ReplicaManager.appendRecords).
 *
 *	look up -> check -> (ask the transaction's coordinator) -> (recompress, in a job) -> append ->
 *	(wait for the high watermark) -> answer
 *
 * 1. Refusals are checked in Kafka's order: permissions, topic and partition, the form of the
 *    records, acks, internal topic, leadership and replicas, the batch.
 * 2. acks=0: there is no answer; an error closes the connection, so that the client looks for
 *    another leader.
 * 3. A batch is answered once it is in the log; with acks=-1, once the high watermark has passed it
 *    or the request has timed out, in which case its records stay in the log.
 */
#include <errno.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/named.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/permission.h"
#include "broker/throttle.h"
#include "broker/verification.h"
#include "log/validate.h"
#include "protocol/produce.h"
#include "wire/codec.h"

typedef struct produce_response_partition part_answer;

enum part_state {
	PART_REFUSED,
	PART_CHECKED, /* to be appended */
	PART_WAITING, /* for the high watermark */
	PART_DONE,
};

/* One batch for one partition. */
struct part {
	enum part_state state;
	part_answer *out;
	struct records records; /* null: none that can be taken */
	int invalid;		/* the error of records for this partition that cannot be taken; 0: there are none */
	struct uuid topic_id;
	struct partition *partition; /* a reference */
	struct topic_state *topic;   /* a reference: the settings for its checks */
	uint8_t *batch;
	size_t len;
	struct batch_info info;
	struct batch_problem problem;
	struct buf rewritten;
	struct waiter waiter;
	struct appended_at at;
};

struct produce {
	struct request *r;
	struct part *parts;
	int n;
	int n_waiting;
	bool failed; /* for any partition */
	int64_t now_ms;
	struct codecs *codecs; /* of the job */
	struct waking waking;
	struct timer timer;
	struct work work;
	struct verification *verification; /* for the batches of a transaction; NULL: there are none */
	bool verifies;			   /* the coordinator is being asked */
	bool waits;			   /* for watermarks: the timer runs */
	bool hurried;
	bool ended;
};

/* How long a stop waits for flushes and followers before waiting requests are answered with a timeout. */
enum { HURRY_MS = 1000 };

/* ---- refusing ---- */

static void refuse(struct produce *w, struct part *p, int err, struct str message)
{
	p->state = PART_REFUSED;
	p->out->error_code = (int16_t)err;
	p->out->error_message = message;
	w->failed = true;
}

/* Before its records are looked at. */
static void refuse_unseen(struct produce *w, struct part *p, int err)
{
	p->invalid = 0;
	p->records = (struct records){0};
	refuse(w, p, err, STR_NULL);
}

static bool answer_record_errors(struct produce *w, struct part *p)
{
	if (p->problem.n_records == 0)
		return true;
	if (!ANSWER_ARRAY(w->r, p->out->record_errors, produce_response_record_error_schema, p->problem.n_records))
		return false;
	for (int i = 0; i < p->problem.n_records; i++) {
		p->out->record_errors.v[i].batch_index = p->problem.records[i].index;
		p->out->record_errors.v[i].batch_index_error_message = p->problem.records[i].message;
	}
	return true;
}

/*
 * Refuses for a reason found in the partition. The answer contains the log start offset, except with
 * the errors that Kafka expects (ReplicaManager.appendToLocalLog).
 */
static void refuse_append(struct produce *w, struct part *p, int err, struct str message)
{
	struct partition_view v;

	refuse(w, p, err, message);
	if (err == ERR_UNKNOWN_TOPIC_OR_PARTITION || err == ERR_NOT_LEADER_OR_FOLLOWER ||
	    err == ERR_MESSAGE_TOO_LARGE || err == ERR_RECORD_LIST_TOO_LARGE || err == ERR_CORRUPT_MESSAGE ||
	    err == ERR_KAFKA_STORAGE_ERROR || !p->partition)
		return;
	partition_look(p->partition, &v);
	p->out->log_start_offset = v.offsets.start;
}

static void refuse_batch(struct produce *w, struct part *p)
{
	/* Kafka sends a message only when single records are at fault. */
	refuse_append(w, p, p->problem.error, p->problem.n_records > 0 ? p->problem.message : STR_NULL);
	if (!answer_record_errors(w, p))
		p->out->record_errors.n = 0;
}

/* ---- looking up and checking ---- */

static int find_partition(struct produce *w, struct part *p, struct uuid id, struct str name, int32_t index)
{
	const struct image_topic *topic = answer_topic(w->r->image, id, name);
	struct partition *found;

	if (!topic)
		return w->r->version > 12 ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
	p->topic_id = topic->id;
	if (!image_topic_partition(topic, index))
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	found = core_partition(w->r->core, topic->id, index);
	if (!found)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	p->partition = partition_ref(found);
	p->topic = partition_topic(found);
	return 0;
}

static struct batch_check batch_check_of(struct produce *w, struct part *p, struct codecs *codecs)
{
	return (struct batch_check){
		.topic = str_of(p->topic->name),
		.partition = p->out->index,
		.config = &p->topic->config,
		.origin = ORIGIN_CLIENT,
		.now_ms = w->now_ms,
		.codecs = codecs,
		.arena = &w->r->arena,
	};
}

static void check_part(struct produce *w, struct part *p, struct uuid id, struct str name)
{
	bool admin = str_is(w->r->client_id, "__admin_client");
	const struct produce_request *in = w->r->in;
	struct batch_check c;
	int err = find_partition(w, p, id, name, p->out->index);

	if (err == ERR_UNKNOWN_TOPIC_ID || err == ERR_UNKNOWN_TOPIC_OR_PARTITION) {
		refuse_unseen(w, p, err);
		return;
	}
	if (records_is_null(p->records)) {
		refuse(w, p, p->invalid, STR_NULL);
		return;
	}
	if (in->acks < -1 || in->acks > 1) {
		refuse(w, p, ERR_INVALID_REQUIRED_ACKS, STR_NULL);
		return;
	}
	if (err == 0 && p->topic->is_internal && !admin) {
		refuse(w, p, ERR_INVALID_TOPIC_EXCEPTION, STR_NULL);
		return;
	}
	if (err == 0)
		err = partition_can_append(p->partition, in->acks);
	if (err) {
		refuse_append(w, p, err, STR_NULL);
		return;
	}
	p->batch = (uint8_t *)p->records.p;
	p->len = (size_t)p->records.len;
	c = batch_check_of(w, p, core_codecs(w->r->core));
	if (batch_check(&c, p->batch, p->len, &p->info, &p->problem))
		refuse_batch(w, p);
	else
		p->state = PART_CHECKED;
}

static bool is_transactional(const struct produce_request *in)
{
	for (int i = 0; i < in->topic_data.n; i++)
		for (int j = 0; j < in->topic_data.v[i].partition_data.n; j++) {
			struct records r = in->topic_data.v[i].partition_data.v[j].records;
			struct batch_header h;

			if (r.p && batch_header_read(r.p, (size_t)r.len, &h) == 0 && batch_is_transactional(&h))
				return true;
		}
	return false;
}

static int count_parts(const struct produce_request *in)
{
	int n = 0;

	for (int i = 0; i < in->topic_data.n; i++)
		n += in->topic_data.v[i].partition_data.n;
	return n;
}

/* ---- what is named twice ---- */

/* Partitions by topic; NULL when the arena is spent. */
static struct named *name_parts(struct request *r, const struct produce_request *in, int n)
{
	struct named *v = arena_array(&r->arena, (size_t)n + 1, sizeof(*v));
	int at = 0;

	for (int i = 0; v && i < in->topic_data.n; i++)
		for (int j = 0; j < in->topic_data.v[i].partition_data.n; j++, at++)
			v[at] = (struct named){in->topic_data.v[i].topic_id, in->topic_data.v[i].name,
					       in->topic_data.v[i].partition_data.v[j].index, at,
					       &in->topic_data.v[i].partition_data.v[j]};
	if (v)
		named_group(v, n);
	return v;
}

/*
 * Of records that can be taken, the last for a partition are. If any cannot be, that is the answer,
 * even if others were appended (KafkaApis.handleProduceRequest).
 */
static void take_records(struct part *p, const struct named *v, int n, int version)
{
	for (int i = 0; i < n; i++) {
		const struct produce_request_partition *in = v[i].what;
		int err = batch_check_produce((struct bytes){in->records.p, in->records.len}, version);

		if (err)
			p->invalid = err;
		else
			p->records = in->records;
	}
}

static bool shape_topic(struct produce *w, const struct named *v, int n)
{
	struct produce_response *out = w->r->out;
	struct produce_response_topic *o = &out->responses.v[out->responses.n++];

	o->name = v->topic;
	o->topic_id = v->topic_id;
	if (!ANSWER_ARRAY(w->r, o->partition_responses, produce_response_partition_schema, n))
		return false;
	o->partition_responses.n = 0;
	for (int i = 0, same; i < n; i += same) {
		struct part *p = &w->parts[w->n++];

		same = named_of_partition(&v[i], n - i);
		take_records(p, &v[i], same, w->r->version);
		p->out = &o->partition_responses.v[o->partition_responses.n++];
		p->out->index = v[i].partition;
		p->out->base_offset = -1;
	}
	return true;
}

/* A part and its answer for each partition, by topic. */
static bool shape_answer(struct produce *w, const struct produce_request *in, struct produce_response *out)
{
	int n = count_parts(in);
	struct named *v = name_parts(w->r, in, n);

	w->parts = arena_array(&w->r->arena, (size_t)n + 1, sizeof(*w->parts));
	if (!v || !w->parts || !ANSWER_ARRAY(w->r, out->responses, produce_response_topic_schema, named_topics(v, n)))
		return false;
	out->responses.n = 0;
	for (int i = 0, of; i < n; i += of) {
		of = named_of_topic(&v[i], n - i);
		if (!shape_topic(w, &v[i], of))
			return false;
	}
	return true;
}

/* ---- permissions ---- */

/* An unknown id has no name on which a permission could be checked: it is refused as unknown. */
static bool may_write(struct request *r, const struct produce_response_topic *t)
{
	const struct image_topic *topic = answer_topic(r->image, t->topic_id, t->name);

	return (!topic && r->version > 12) || request_may(r, ACL_WRITE, ACL_TOPIC, topic ? topic->name : t->name);
}

static void check_parts(struct produce *w)
{
	const struct produce_response *out = w->r->out;
	struct part *p = w->parts;

	for (int i = 0; i < out->responses.n; i++) {
		const struct produce_response_topic *t = &out->responses.v[i];
		bool may = may_write(w->r, t);

		for (int j = 0; j < t->partition_responses.n; j++, p++) {
			if (may)
				check_part(w, p, t->topic_id, t->name);
			else
				refuse_unseen(w, p, ERR_TOPIC_AUTHORIZATION_FAILED);
		}
	}
}

/* ---- answering ---- */

/* Which node to ask instead (KIP-951). */
static void fill_leader(struct produce *w, struct part *p)
{
	struct produce_response *out = w->r->out;

	answer_leader(w->r, p->topic_id, p->out->index, &p->out->current_leader, &out->node_endpoints);
}

static void release(void *arg)
{
	struct produce *w = arg;

	for (int i = 0; i < w->n; i++) {
		partition_unref(&w->parts[i].partition);
		topic_state_unref(&w->parts[i].topic);
		buf_fini(&w->parts[i].rewritten);
	}
	if (w->codecs)
		codecs_free(w->codecs);
}

/* What cannot be taken is what is answered, whatever has become of the rest. */
static void answer_invalid(struct produce *w)
{
	for (int i = 0; i < w->n; i++) {
		struct part *p = &w->parts[i];
		int32_t index = p->out->index;

		if (!p->invalid)
			continue;
		codec_init(&produce_response_partition_schema, p->out);
		p->out->index = index;
		p->out->base_offset = -1;
		refuse(w, p, p->invalid, STR_NULL);
	}
}

static enum outcome outcome_of(struct produce *w)
{
	const struct produce_request *in = w->r->in;

	answer_invalid(w);
	for (int i = 0; i < w->n; i++)
		if (w->parts[i].out->error_code == ERR_NOT_LEADER_OR_FOLLOWER && w->r->version >= 10)
			fill_leader(w, &w->parts[i]);
	if (in->acks == 0)
		return w->failed ? HANG_UP : SILENT;
	return w->r->arena.failed ? HANG_UP : REPLY;
}

/* ---- waiting ---- */

static void finish_parked(struct produce *w)
{
	enum outcome outcome;

	for (int i = 0; i < w->n; i++)
		partition_unwait(&w->parts[i].waiter);
	timer_stop(&w->timer);
	w->ended = true;
	if (!waking_settle(&w->waking))
		return; /* a call is on its way, and ends this */
	outcome = outcome_of(w);
	if (outcome == REPLY)
		request_complete(w->r);
	else
		request_end(w->r, outcome == HANG_UP);
}

/* Looks at a batch that waits. True when it is decided. */
static bool settle(struct produce *w, struct part *p)
{
	int err;

	if (!partition_replicated(p->partition, p->at, &p->waiter, &w->waking, &err))
		return false;
	if (err == 0)
		p->state = PART_DONE;
	else
		refuse(w, p, err, STR_NULL); /* with the offset at which it was appended, as DelayedProduce */
	return true;
}

static void look_again(struct produce *w)
{
	for (int i = 0; i < w->n; i++)
		if (w->parts[i].state == PART_WAITING && settle(w, &w->parts[i]))
			w->n_waiting--;
	if (w->n_waiting == 0)
		finish_parked(w);
}

static void woken(struct waking *waking)
{
	struct produce *w = container_of(waking, struct produce, waking);

	if (w->ended)
		finish_parked(w);
	else
		look_again(w);
}

static void time_is_over(struct timer *t)
{
	struct produce *w = container_of(t, struct produce, timer);

	for (int i = 0; i < w->n; i++)
		if (w->parts[i].state == PART_WAITING)
			refuse(w, &w->parts[i], ERR_REQUEST_TIMED_OUT, STR_NULL);
	w->n_waiting = 0;
	finish_parked(w);
}

/* ---- appending ---- */

static void append_part(struct produce *w, struct part *p, struct effects *effects)
{
	const struct produce_request *in = w->r->in;
	struct partition_append a = {.batch = p->batch,
				     .info = &p->info,
				     .acks = in->acks,
				     .leader_epoch = ANY_LEADER_EPOCH,
				     .now_ms = w->now_ms,
				     .is_produced = true};
	int err = partition_append(p->partition, &a, w->r->core, effects);

	if (err) {
		refuse_append(w, p, err, STR_NULL);
		return;
	}
	if (a.throttle_ms > 0)
		throttle_at_least(w->r, a.throttle_ms);
	p->out->base_offset = a.out.base_offset;
	p->out->log_append_time_ms = a.out.log_append_time_ms;
	p->out->log_start_offset = a.log_start;
	p->at = (struct appended_at){a.out.last_offset, a.stint, in->acks == 1};
	p->state = a.wait ? PART_WAITING : PART_DONE;
	if (a.wait)
		w->n_waiting++;
}

static void append_parts(struct produce *w)
{
	for (int i = 0; i < w->n; i++) {
		struct effects effects = {0};

		if (w->parts[i].state != PART_CHECKED)
			continue;
		append_part(w, &w->parts[i], &effects);
		effects_run(&effects, w->r->core);
	}
}

static void wait_for_watermarks(struct produce *w)
{
	const struct produce_request *in = w->r->in;

	waking_init(&w->waking, w->r->core->loop, woken);
	timer_init(&w->timer, w->r->core->loop, time_is_over);
	timer_start(&w->timer, w->hurried && in->timeout_ms > HURRY_MS ? HURRY_MS : in->timeout_ms);
	w->waits = true;
	look_again(w);
}

static void hurry(struct request *r)
{
	struct produce *w = r->state;
	const struct produce_request *in = r->in;

	w->hurried = true;
	if (w->verifies)
		verification_hurry(w->verification);
	else if (w->waits && !w->ended && in->timeout_ms > HURRY_MS)
		timer_start(&w->timer, HURRY_MS);
}

/* ---- recompression, in a job ---- */

static void rewrite_job(struct work *work)
{
	struct produce *w = container_of(work, struct produce, work);

	w->codecs = codecs_new();
	for (int i = 0; i < w->n; i++) {
		struct part *p = &w->parts[i];
		struct batch_check c;

		if (p->state != PART_CHECKED || !p->info.recompress)
			continue;
		c = batch_check_of(w, p, w->codecs);
		batch_recompress(&c, p->batch, &p->info, &p->rewritten, &p->problem);
	}
}

static void rewritten(struct work *work)
{
	struct produce *w = container_of(work, struct produce, work);

	for (int i = 0; i < w->n; i++) {
		struct part *p = &w->parts[i];

		if (p->state == PART_CHECKED && p->problem.error) {
			refuse_batch(w, p);
		} else if (p->state == PART_CHECKED && p->rewritten.len > 0) {
			p->batch = p->rewritten.p;
			p->len = p->rewritten.len;
		}
	}
	append_parts(w);
	wait_for_watermarks(w);
}

static bool any_to_rewrite(const struct produce *w)
{
	for (int i = 0; i < w->n; i++)
		if (w->parts[i].state == PART_CHECKED && w->parts[i].info.recompress)
			return true;
	return false;
}

/* ---- transactions ---- */

/* What follows if the request is already parked. */
static void go_on(struct produce *w)
{
	if (any_to_rewrite(w)) {
		w->work = (struct work){.job = rewrite_job, .done = rewritten, .loop = w->r->core->loop};
		env_work(w->r->core->loop, &w->work);
		return;
	}
	append_parts(w);
	wait_for_watermarks(w);
}

/*
 * Coordinator errors that a producer would not retry: they are mapped to one that it does retry,
 * without looking for another leader.
 */
static bool is_passing(const struct produce *w, int err)
{
	return err == ERR_NETWORK_EXCEPTION || err == ERR_COORDINATOR_LOAD_IN_PROGRESS ||
	       err == ERR_COORDINATOR_NOT_AVAILABLE || err == ERR_NOT_COORDINATOR ||
	       (err == ERR_CONCURRENT_TRANSACTIONS && w->verification->manner != VERIFY_ADD);
}

static void refuse_unverified(struct produce *w, struct part *p, int err)
{
	if (err == ERR_INVALID_TXN_STATE)
		refuse(w, p, err, STR("Partition was not added to the transaction"));
	else if (is_passing(w, err))
		refuse(w, p, ERR_NOT_ENOUGH_REPLICAS,
		       arena_printf(
			       &w->r->arena,
			       "Unable to verify the partition has been added to the transaction. Underlying error: %s",
			       err_name(err)));
	else
		refuse(w, p, err, STR_NULL);
}

static bool is_of_transaction(const struct part *p)
{
	return p->state == PART_CHECKED && batch_is_transactional(&p->info.header);
}

static void take_verified(struct produce *w)
{
	bool required = transactions_are_verified(w->r->core);

	for (int i = 0, at = 0; i < w->n; i++) {
		struct part *p = &w->parts[i];
		const struct verified *v = &w->verification->v[at];

		if (!is_of_transaction(p))
			continue;
		at++;
		p->info.transaction = (struct batch_transaction){.must_be_verified = required, .guard = v->guard};
		if (v->err)
			refuse_unverified(w, p, v->err);
	}
}

static void verified(struct verification *v)
{
	struct produce *w = v->arg;

	w->verifies = false;
	take_verified(w);
	go_on(w);
}

static int count_of_transaction(const struct produce *w)
{
	int n = 0;

	for (int i = 0; i < w->n; i++)
		n += is_of_transaction(&w->parts[i]);
	return n;
}

static struct verification *verification_new(struct produce *w, int n)
{
	const struct produce_request *in = w->r->in;
	struct verification *v = arena_zalloc(&w->r->arena, sizeof(*v));

	if (!v)
		return NULL;
	*v = (struct verification){
		.core = w->r->core,
		.arena = &w->r->arena,
		.transactional_id = in->transactional_id,
		.manner = verification_of_produce(w->r->version),
		.v = arena_array(&w->r->arena, (size_t)n, sizeof(*v->v)),
		.done = verified,
		.arg = w,
	};
	return v->v ? v : NULL;
}

/* One request belongs to one transaction, also where its records are refused. */
static bool has_two_producers(const struct produce *w)
{
	struct batch_header first = {0}, h;
	bool any = false;

	for (int i = 0; w->n > 1 && i < w->n; i++) {
		struct records r = w->parts[i].records;

		if (records_is_null(r) || batch_header_read(r.p, (size_t)r.len, &h) || !batch_has_producer(&h) ||
		    !batch_is_transactional(&h))
			continue;
		if (any && (h.producer_id != first.producer_id || h.producer_epoch != first.producer_epoch))
			return true;
		any = true;
		first = h;
	}
	return false;
}

static void prepare_verification(struct produce *w)
{
	int n = count_of_transaction(w);
	struct verification *v = n > 0 ? verification_new(w, n) : NULL;

	w->verification = v;
	for (int i = 0; v && i < w->n; i++) {
		const struct part *p = &w->parts[i];
		const struct batch_header *h = &p->info.header;

		if (!is_of_transaction(p))
			continue;
		v->producer_id = h->producer_id;
		v->producer_epoch = h->producer_epoch;
		v->v[v->n++] = (struct verified){.partition = p->partition,
						 .topic = str_of(p->topic->name),
						 .index = p->out->index,
						 .base_sequence = h->base_sequence};
	}
}

/* True: it has begun, and the request is parked. */
static bool begin_verification(struct produce *w)
{
	if (!w->verification)
		return false;
	w->verifies = verification_begin(w->verification);
	if (w->verifies)
		request_park(w->r, w, hurry);
	else
		take_verified(w);
	return w->verifies;
}

/* ---- the request ---- */

static void fail(struct request *r, int err, struct str message)
{
	const struct produce_request *in = r->in;
	struct produce w = {.r = r};

	if (!shape_answer(&w, in, r->out))
		return;
	for (int i = 0; i < w.n; i++)
		refuse(&w, &w.parts[i], err, message);
}

/*
 * Returns the message for a batch of a format that does not exist, null when there is none. To
 * Kafka, one such batch makes the whole request unreadable.
 */
static struct str unknown_format(struct request *r, const struct produce_request *in)
{
	for (int i = 0; i < in->topic_data.n; i++)
		for (int j = 0; j < in->topic_data.v[i].partition_data.n; j++) {
			struct records records = in->topic_data.v[i].partition_data.v[j].records;

			if (records.p && records.len >= BATCH_MAGIC_END &&
			    (uint8_t)records.p[BATCH_AT_MAGIC] > BATCH_MAGIC)
				return arena_printf(&r->arena, "Invalid magic found in record: %d",
						    (int8_t)records.p[BATCH_AT_MAGIC]);
		}
	return STR_NULL;
}

static bool may_write_transaction(struct request *r, struct str id)
{
	return !str_is_null(id) && request_may(r, ACL_WRITE, ACL_TRANSACTIONAL_ID, id);
}

static enum outcome run(struct request *r)
{
	const struct produce_request *in = r->in;
	struct produce *w = arena_zalloc(&r->arena, sizeof(*w));
	struct str format;

	if (!w || !r->image)
		return HANG_UP;
	w->r = r;
	w->now_ms = env_wall_ms(r->core->loop->env);
	arena_cleanup(&r->arena, release, w);
	if (!shape_answer(w, in, r->out))
		return HANG_UP;
	format = unknown_format(r, in);
	if (!str_is_null(format))
		return in->acks == 0 ? HANG_UP : request_fail(r, ERR_CORRUPT_MESSAGE, format);
	if (is_transactional(in) && !may_write_transaction(r, in->transactional_id))
		return in->acks == 0 ? HANG_UP : request_fail(r, ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, STR_NULL);
	check_parts(w);
	if (has_two_producers(w))
		return in->acks == 0 ? HANG_UP
				     : request_fail(r, ERR_INVALID_PRODUCER_ID_MAPPING,
						    STR("Transactional records contained more than one producer ID"));
	prepare_verification(w);
	if (r->arena.failed) /* before anything is appended */
		return HANG_UP;
	if (begin_verification(w))
		return PARKED;
	if (any_to_rewrite(w)) {
		request_park(r, w, hurry);
		go_on(w);
		return PARKED;
	}
	append_parts(w);
	if (w->n_waiting == 0)
		return outcome_of(w);
	request_park(r, w, hurry);
	wait_for_watermarks(w);
	return PARKED;
}

const struct api api_produce = {
	.key = produce_request_KEY,
	.first = produce_request_FIRST,
	.last = produce_request_LAST,
	.flags = API_BROKER | API_ADVERTISED_FROM_0,
	.in = &produce_request_schema,
	.out = &produce_response_schema,
	.run = run,
	.fail = fail,
};
