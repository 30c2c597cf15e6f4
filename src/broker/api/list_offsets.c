/*
 * ListOffsets: where a partition begins and ends, and the first offset for a timestamp
 * (ReplicaManager.fetchOffset, KIP-79, KIP-734).
 *
 * Timestamps are looked up in a job: indexes and segment may have to be read from the disk.
 */
#include <stdlib.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/partition.h"
#include "broker/permission.h"
#include "compress/compress.h"
#include "protocol/list_offsets.h"

#define REPLICA_CONSUMER (-1)
#define REPLICA_DEBUG (-2)

struct part {
	struct list_offsets_response_partition *out;
	struct str topic;
	struct partition_list list;
	bool is_again; /* an earlier one is of the same partition, and is the answer */
};

struct listing {
	struct request *r;
	struct part *parts;
	int n;
	struct work work;
};

/* ---- answers ---- */

static void answer_found(struct part *p, int16_t version)
{
	p->out->offset = p->list.offset;
	p->out->timestamp = p->list.found_timestamp;
	if (version >= 4)
		p->out->leader_epoch = p->list.epoch;
}

/* Versions before KIP-207 do not know OFFSET_NOT_AVAILABLE. */
static int not_available(int16_t version)
{
	return version < 5 ? ERR_LEADER_NOT_AVAILABLE : ERR_OFFSET_NOT_AVAILABLE;
}

static void answer_lookup(struct part *p, int16_t version)
{
	const struct log_lookup *l = &p->list.lookup;

	if (l->error || (l->found_offset < 0 && p->list.behind)) {
		p->out->error_code = (int16_t)(l->error ? err_to_kafka(l->error) : not_available(version));
		return;
	}
	p->list.offset = l->found_offset;
	p->list.found_timestamp = l->found_timestamp;
	p->list.epoch = l->found_epoch;
	answer_found(p, version);
}

static void release(void *arg)
{
	struct listing *l = arg;

	for (int i = 0; i < l->n; i++)
		if (l->parts[i].list.looks_up)
			log_lookup_fini(&l->parts[i].list.lookup);
}

static void look_up_job(struct work *w)
{
	struct listing *l = container_of(w, struct listing, work);
	struct codecs *codecs = codecs_new();

	for (int i = 0; i < l->n; i++)
		if (l->parts[i].list.looks_up && l->parts[i].list.lookup.log_file)
			log_lookup_run(&l->parts[i].list.lookup, codecs);
	codecs_free(codecs);
}

static void answer_lookups(struct listing *l)
{
	for (int i = 0; i < l->n; i++)
		if (l->parts[i].list.looks_up)
			answer_lookup(&l->parts[i], l->r->version);
}

/* To Kafka, a partition that is named twice is one. */
static void leave_out_repeated(struct listing *l, struct list_offsets_response *out)
{
	const struct part *p = l->parts;
	int n = 0;

	for (int i = 0; i < out->topics.n; i++) {
		struct list_offsets_response_topic *t = &out->topics.v[i];
		int asked = t->partitions.n;

		t->partitions.n = 0;
		for (int j = 0; j < asked; j++, p++)
			if (!p->is_again || p->out->error_code == ERR_TOPIC_AUTHORIZATION_FAILED)
				t->partitions.v[t->partitions.n++] = *p->out;
		if (t->partitions.n > 0 || asked == 0)
			out->topics.v[n++] = *t;
	}
	out->topics.n = n;
}

static void finish(struct listing *l)
{
	answer_lookups(l);
	leave_out_repeated(l, l->r->out);
}

static void looked_up(struct work *w)
{
	struct listing *l = container_of(w, struct listing, work);

	finish(l);
	request_complete(l->r);
}

/* ---- one partition ---- */

/* The first version that knows a special timestamp; 0: it is not one of Kafka's. */
static int known_since(int64_t timestamp)
{
	static const int8_t since[] = {[1] = 1, [2] = 1, [3] = 7, [4] = 8, [5] = 9, [6] = 11};

	return timestamp >= -6 ? since[-timestamp] : 0;
}

static int ask(struct listing *l, struct part *p, const struct list_offsets_request_partition *asked)
{
	const struct list_offsets_request *in = l->r->in;
	const struct image_topic *t = image_topic_by_name(l->r->image, p->topic);
	struct partition *partition;
	int since = asked->timestamp < 0 ? known_since(asked->timestamp) : 1;

	if (since == 0 || l->r->version < since)
		return ERR_UNSUPPORTED_VERSION;
	if (!t || !image_topic_partition(t, asked->partition_index))
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	partition = core_partition(l->r->core, t->id, asked->partition_index);
	if (!partition)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	p->list = (struct partition_list){
		.timestamp = asked->timestamp,
		.current_leader_epoch = asked->current_leader_epoch,
		.isolation = in->replica_id != REPLICA_CONSUMER	     ? READ_TO_END
			     : in->isolation_level == READ_COMMITTED ? READ_COMMITTED
								     : READ_UNCOMMITTED,
		.leader_only = in->replica_id != REPLICA_DEBUG,
	};
	return partition_list(partition, &p->list);
}

/* ---- the request ---- */

static int count_parts(const struct list_offsets_request *in)
{
	int n = 0;

	for (int i = 0; i < in->topics.n; i++)
		n += in->topics.v[i].partitions.n;
	return n;
}

static bool shape_answer(struct listing *l, const struct list_offsets_request *in, struct list_offsets_response *out)
{
	struct part *p;

	l->n = count_parts(in);
	l->parts = arena_array(&l->r->arena, (size_t)l->n + 1, sizeof(*l->parts));
	if (!l->parts || !ANSWER_ARRAY(l->r, out->topics, list_offsets_response_topic_schema, in->topics.n))
		return false;
	p = l->parts;
	for (int i = 0; i < in->topics.n; i++) {
		const struct list_offsets_request_topic *t = &in->topics.v[i];

		out->topics.v[i].name = t->name;
		if (!ANSWER_ARRAY(l->r, out->topics.v[i].partitions, list_offsets_response_partition_schema,
				  t->partitions.n))
			return false;
		for (int j = 0; j < t->partitions.n; j++, p++) {
			p->out = &out->topics.v[i].partitions.v[j];
			p->out->partition_index = t->partitions.v[j].partition_index;
			p->topic = t->name;
		}
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct part *x = *(struct part *const *)a, *y = *(struct part *const *)b;
	int order = str_cmp(x->topic, y->topic);

	if (order == 0)
		order = (x->out->partition_index > y->out->partition_index) -
			(x->out->partition_index < y->out->partition_index);
	return order ? order : (x > y) - (x < y);
}

static bool is_same(const struct part *a, const struct part *b)
{
	return str_eq(a->topic, b->topic) && a->out->partition_index == b->out->partition_index;
}

/* Refuses partitions that are requested twice, in one answer for each. */
static bool refuse_repeated(struct listing *l)
{
	struct part **sorted = arena_array(&l->r->arena, (size_t)l->n + 1, sizeof(struct part *));

	if (!sorted)
		return false;
	for (int i = 0; i < l->n; i++)
		sorted[i] = &l->parts[i];
	qsort(sorted, (size_t)l->n, sizeof(struct part *), compare);
	for (int i = 1; i < l->n; i++)
		if (is_same(sorted[i - 1], sorted[i])) {
			sorted[i - 1]->out->error_code = sorted[i]->out->error_code = ERR_INVALID_REQUEST;
			sorted[i]->is_again = true;
		}
	return true;
}

static void ask_all(struct listing *l, const struct list_offsets_request *in)
{
	struct part *p = l->parts;

	for (int i = 0; i < in->topics.n; i++) {
		bool may = request_may(l->r, ACL_DESCRIBE, ACL_TOPIC, in->topics.v[i].name);

		for (int j = 0; j < in->topics.v[i].partitions.n; j++, p++) {
			int err = may ? p->out->error_code : ERR_TOPIC_AUTHORIZATION_FAILED;

			if (!err)
				err = ask(l, p, &in->topics.v[i].partitions.v[j]);
			if (err == ERR_OFFSET_NOT_AVAILABLE)
				err = not_available(l->r->version);
			p->out->error_code = (int16_t)err;
			if (!err && !p->list.looks_up)
				answer_found(p, l->r->version);
		}
	}
}

static bool needs_job(const struct listing *l)
{
	for (int i = 0; i < l->n; i++)
		if (l->parts[i].list.looks_up && l->parts[i].list.lookup.log_file)
			return true;
	return false;
}

static enum outcome run(struct request *r)
{
	struct listing *l = arena_zalloc(&r->arena, sizeof(*l));

	if (!l || !r->image)
		return HANG_UP;
	l->r = r;
	if (!shape_answer(l, r->in, r->out) || !refuse_repeated(l))
		return HANG_UP;
	arena_cleanup(&r->arena, release, l);
	ask_all(l, r->in);
	if (!needs_job(l)) {
		finish(l);
		return REPLY;
	}
	l->work = (struct work){.job = look_up_job, .done = looked_up, .loop = r->core->loop};
	request_park(r, l, NULL);
	env_work(r->core->loop, &l->work);
	return PARKED;
}

static void fail(struct request *r, int err, struct str message)
{
	struct listing l = {.r = r};

	(void)message;
	if (!shape_answer(&l, r->in, r->out))
		return;
	for (int i = 0; i < l.n; i++)
		l.parts[i].out->error_code = (int16_t)err;
}

const struct api api_list_offsets = {
	.key = list_offsets_request_KEY,
	.first = list_offsets_request_FIRST,
	.last = list_offsets_request_LAST,
	.flags = API_BROKER,
	.in = &list_offsets_request_schema,
	.out = &list_offsets_response_schema,
	.run = run,
	.fail = fail,
};
