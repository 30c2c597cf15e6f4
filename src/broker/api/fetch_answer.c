/*
 * fetch_answer: makes the answer from what a Fetch has read. A file being sent lives until the
 * answer's last byte has been sent.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api/fetch_private.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/replication_quota.h"
#include "broker/throttle.h"
#include "wire/codec.h"

static void keep_file(void *arg)
{
	struct file *f = arg;

	file_unref(&f);
}

static bool fill_aborted(struct fetch *f, struct part *p, part_answer *out)
{
	if (p->read.n_aborted < 0) {
		out->aborted_transactions.v = NULL;
		out->aborted_transactions.n = -1;
		return true;
	}
	if (!ANSWER_ARRAY(f->r, out->aborted_transactions, fetch_response_aborted_transaction_schema,
			  p->read.n_aborted))
		return false;
	for (int i = 0; i < p->read.n_aborted; i++) {
		out->aborted_transactions.v[i].producer_id = p->read.aborted[i].producer_id;
		out->aborted_transactions.v[i].first_offset = p->read.aborted[i].first_offset;
	}
	return true;
}

/* Clients of version 5 and older do not know the storage error; with this one they refresh their metadata. */
static int error_for(const struct fetch *f, int err)
{
	return err == ERR_KAFKA_STORAGE_ERROR && f->r->version <= 5 ? ERR_NOT_LEADER_OR_FOLLOWER : err;
}

static const uint8_t no_records[1];

static void count_capacity(struct part *p)
{
	if (p->read.is_cut || p->read.held_ms > 0)
		count_shared(&p->partition->counts.v[COUNT_CAPACITY_FETCH], 1);
	if (p->read.records.len > 0)
		partition_took(p->partition, &p->read);
}

/* Replicas are not consumers: Kafka counts their bytes separately. */
static void count_part(const struct fetch *f, struct part *p)
{
	if (!p->partition || f->replica_id >= 0)
		return;
	count_shared(&p->partition->counts.v[COUNT_FETCH_REQUESTS], 1);
	if (p->error)
		count_shared(&p->partition->counts.v[COUNT_FAILED_FETCH_REQUESTS], 1);
	else if (p->read.records.len > 0)
		count_shared(&p->partition->counts.v[COUNT_BYTES_OUT], p->read.records.len);
	if (p->error == 0 && p->read.is_counted)
		count_capacity(p);
}

static bool fill_part(struct fetch *f, struct part *p)
{
	part_answer *out = &p->answer;
	const struct log_offsets *o = &p->read.view.offsets;

	codec_init(&fetch_response_partition_schema, out);
	out->partition_index = p->want.partition;
	out->error_code = (int16_t)error_for(f, p->error);
	out->records = (struct records){.p = no_records};
	out->high_watermark = -1;
	if (p->error) {
		if (p->partition) {
			out->aborted_transactions.v = NULL;
			out->aborted_transactions.n = -1;
		}
		return true;
	}
	out->high_watermark = o->high_watermark;
	out->last_stable_offset = o->stable;
	out->log_start_offset = o->start;
	out->preferred_read_replica = p->read.nearer;
	out->diverging_epoch.epoch = p->read.diverging.epoch;
	out->diverging_epoch.end_offset = p->read.diverging.end_offset;
	if (p->read.records.len > 0)
		out->records = p->read.records;
	return fill_aborted(f, p, out);
}

static void fill_leader(struct fetch *f, struct part *p)
{
	const struct image_topic *t = answer_topic(f->r->core->image, p->want.topic_id, p->want.topic);
	struct fetch_response *out = f->r->out;

	if (t) /* replicas know each other's addresses */
		answer_leader(f->r, t->id, p->want.partition, &p->answer.current_leader,
			      f->replica_id < 0 ? &out->node_endpoints : NULL);
}

static void count_replicated(const struct fetch *f)
{
	struct replication_quotas *quotas = f->r->node->replication_quotas;
	int64_t bytes = 0, added = 0, throttled = 0;

	for (int i = 0; i < f->n; i++) {
		const struct part *p = f->parts[i];
		int64_t len = p->read.records.len;

		bytes += len;
		throttled += p->read.is_throttled ? len : 0;
		if (len > 0 && p->read.is_reassigned &&
		    replication_is_added(f->r->core->image, p->partition->topic_id, p->want.partition, f->replica_id))
			added += len;
	}
	if (bytes > 0)
		replication_note(quotas, REPLICATION_OUT, bytes, added);
	if (throttled > 0)
		replication_quota_record(quotas, QUOTA_LEADER, throttled);
}

static bool fill_parts(struct fetch *f)
{
	if (f->replica_id >= 0)
		count_replicated(f);
	for (int i = 0; i < f->n; i++) {
		struct part *p = f->parts[i];
		struct file *file = p->read.records.file;

		if (!fill_part(f, p))
			return false;
		if (file)
			arena_cleanup(&f->r->arena, keep_file, file);
		p->read.records.file = NULL;
		if (f->r->version >= 16 &&
		    (p->error == ERR_NOT_LEADER_OR_FOLLOWER || p->error == ERR_FENCED_LEADER_EPOCH))
			fill_leader(f, p);
	}
	return true;
}

static struct fetch_member *member_of(const struct fetch *f, const struct part *p)
{
	return fetch_session_member(f->session, p->want.topic_id, p->want.topic, p->want.partition);
}

static struct fetch_news news_of(const struct part *p)
{
	return (struct fetch_news){
		.high_watermark = p->answer.high_watermark,
		.log_start_offset = p->answer.log_start_offset,
		.has_records = p->answer.records.len > 0,
		.has_error = p->error != 0,
		.has_more = p->answer.diverging_epoch.epoch >= 0 || p->answer.preferred_read_replica >= 0,
	};
}

/*
 * Nothing is to be read of it, and the answer tells the rest: it is looked at again when it moves.
 * A follower that is not in sync may join at any fetch, and never rests.
 */
static void rest(const struct fetch *f, struct fetch_session *session, const struct part *p, struct fetch_member *m)
{
	const struct partition_read *r = &p->read;

	if (!p->partition || p->error || r->nearer >= 0 || r->diverging.epoch >= 0 || r->upto < 0 ||
	    p->want.fetch_offset < r->upto || (f->replica_id >= 0 && !r->is_in_sync))
		return;
	fetch_session_rest(session, m,
			   &(struct fetch_rest){
				   .partition = p->partition,
				   .watch = fetch_watch(f),
				   .upto = r->upto > p->want.fetch_offset ? r->upto : p->want.fetch_offset,
				   .high_watermark = r->view.offsets.high_watermark,
				   .start = r->view.offsets.start,
				   .replica_id = f->replica_id,
			   });
}

/* Must the session report it? If so, that is noted, and a partition with records moves to the end. */
static bool session_tells(struct fetch *f, struct part *p)
{
	struct fetch_member *m = member_of(f, p);
	struct fetch_news news = news_of(p);
	bool tells;

	if (!m)
		return false;
	tells = fetch_session_tells(m, &news);
	if (news.has_records)
		fetch_session_rotate(f->session, m);
	rest(f, f->session, p, m);
	return tells;
}

static bool same_topic(const struct part *a, const struct part *b)
{
	return uuid_is_zero(a->want.topic_id) ? str_eq(a->want.topic, b->want.topic)
					      : uuid_eq(a->want.topic_id, b->want.topic_id);
}

/*
 * Lists the partitions to be reported, in order, those that were not read last; adjacent ones of
 * one topic are grouped.
 */
static bool list_parts(struct fetch *f, struct part **told, int n)
{
	struct fetch_response *out = f->r->out;
	part_answer *v = answer_array(&f->r->arena, &fetch_response_partition_schema, n);
	struct fetch_response_topic *t = NULL;

	if (!v || !ANSWER_ARRAY(f->r, out->responses, fetch_response_topic_schema, n))
		return false;
	out->responses.n = 0;
	for (int i = 0; i < n; i++) {
		v[i] = told[i]->answer;
		if (i == 0 || !same_topic(told[i], told[i - 1])) {
			t = &out->responses.v[out->responses.n++];
			t->topic = told[i]->name;
			t->topic_id = told[i]->want.topic_id;
			t->partitions.v = &v[i];
			t->partitions.n = 0;
		}
		t->partitions.n++;
	}
	return true;
}

static bool remember(struct fetch *f, struct fetch_session *session)
{
	for (int i = 0; i < f->n; i++) {
		struct part *p = f->parts[i];
		struct fetch_member *m = fetch_session_want(session, &p->want);
		struct fetch_news news = news_of(p);

		if (!m)
			return false;
		fetch_session_tells(m, &news);
		rest(f, session, p, m);
	}
	return true;
}

static void open_session(struct fetch *f, struct fetch_response *out)
{
	struct fetch_sessions *sessions = f->r->core->sessions;
	struct fetch_session *session;

	if (f->replica_id >= 0 && !f->is_replica) /* such a consumer does not count as a replica */
		return;
	session = fetch_session_open(sessions, f->is_replica, fetch_is_by_id(f), f->n,
				     env_mono_ms(f->r->core->loop->env));
	if (!session)
		return;
	out->session_id = session->id;
	fetch_session_begin(session, &f->manner, env_mono_ms(f->r->core->loop->env));
	if (!remember(f, session)) {
		fetch_session_close(sessions, session);
		out->session_id = 0;
	}
}

#define HEAD_LEN 32 /* approximate size of an answer without partitions */

/* The length that the answer would have. */
static int64_t answer_len(const struct fetch *f)
{
	int64_t sum = HEAD_LEN;

	for (int i = 0; i < f->n; i++) {
		const struct part *p = f->parts[i];
		const struct fetch_member *m = f->context == CONTEXT_INCREMENTAL ? member_of(f, p) : NULL;
		struct fetch_news news = news_of(p);
		size_t len;

		if (f->context == CONTEXT_INCREMENTAL && (!m || !fetch_session_would_tell(m, &news)))
			continue;
		if (codec_size(&fetch_response_partition_schema, f->r->version, &p->answer, &len) == 0)
			sum += (int64_t)len;
	}
	return sum;
}

/* A consumer beyond its quota gets an empty answer, and its session is not changed. */
static bool is_throttled(struct fetch *f)
{
	return f->replica_id < 0 && image_has_quotas(f->r->image) && throttle_fetch(f->r, answer_len(f));
}

bool fetch_answer(struct fetch *f)
{
	struct fetch_response *out = f->r->out;
	struct part **told = arena_array(&f->r->arena, (size_t)f->n + 1, sizeof(struct part *));
	int n = 0;

	if (!told || !fill_parts(f))
		return false;
	if (f->context == CONTEXT_INCREMENTAL) {
		out->session_id = f->session->id;
		if (f->session->epoch != f->session_epoch) {
			out->error_code = ERR_INVALID_FETCH_SESSION_EPOCH;
			return true;
		}
	}
	if (is_throttled(f))
		return true;
	for (int i = 0; i < f->n; i++)
		count_part(f, f->parts[i]);
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < f->n; i++) {
			struct part *p = f->parts[i];

			if ((p->partition == NULL) != (pass == 1))
				continue;
			if (f->context != CONTEXT_INCREMENTAL || session_tells(f, p))
				told[n++] = p;
		}
	if (f->context == CONTEXT_FULL)
		open_session(f, out);
	return list_parts(f, told, n);
}
