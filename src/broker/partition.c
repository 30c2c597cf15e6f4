/*
 * partition: the monitor; partition.h has its invariants.
 *
 * The high watermark is the log's end for a single replica; with several replicas, it is the lowest
 * end among those that count (src/replication). It is held back where a flush was promised.
 */
#include "broker/partition.h"

#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/capacity.h"
#include "broker/core.h"
#include "broker/internal_topic.h"
#include "broker/partition_private.h"
#include "log/clean.h"
#include "log/sealing.h"
#include "metadata/image.h"
#include "replication/leading.h"

/* ---- topics ---- */

struct topic_state *topic_state_new(struct uuid id, struct str name, const struct topic_config *config, int32_t node_id)
{
	struct topic_state *t = xcalloc(1, sizeof(*t));

	t->refs = 1;
	t->id = id;
	t->name = str_dup(name);
	t->config = *config;
	throttled_init(&t->leader_throttled, config->leader_replication_throttled_replicas, node_id);
	throttled_init(&t->follower_throttled, config->follower_replication_throttled_replicas, node_id);
	t->config.leader_replication_throttled_replicas = STR("");
	t->config.follower_replication_throttled_replicas = STR("");
	t->is_internal = topic_is_internal(name);
	return t;
}

struct topic_state *topic_state_ref(struct topic_state *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

void topic_state_unref(struct topic_state **t)
{
	struct topic_state *dead = *t;

	*t = NULL;
	if (!dead || __atomic_sub_fetch(&dead->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	throttled_fini(&dead->leader_throttled);
	throttled_fini(&dead->follower_throttled);
	xfree(dead->name);
	xfree(dead);
}

/* ---- creation and end ---- */

struct partition *partition_make(struct topic_state *topic, int32_t id, struct log *log)
{
	struct partition *p = xcalloc(1, sizeof(*p));

	p->refs = 1;
	p->id = id;
	p->topic_id = topic->id;
	p->topic = topic_state_ref(topic);
	capacity_configure(&p->capacity, &topic->config);
	p->log = log;
	p->leader = -1;
	p->leader_epoch = -1;
	mutex_init(&p->lock);
	mutex_init(&p->sealing);
	list_init(&p->waiters);
	list_init(&p->of_topic);
	p->flush.done = partition_flushed;
	return p;
}

struct partition *partition_ref(struct partition *p)
{
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
	return p;
}

void partition_unref(struct partition **p)
{
	struct partition *dead = *p;

	*p = NULL;
	if (!dead || __atomic_sub_fetch(&dead->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	check(list_empty(&dead->waiters) && !dead->flushing);
	log_flush_fini(&dead->flush);
	log_free(dead->log);
	partition_stop_leading(dead);
	capacity_free(dead->capacity);
	mutex_fini(&dead->sealing);
	mutex_fini(&dead->lock);
	topic_state_unref(&dead->topic);
	xfree(dead);
}

/* ---- the role ---- */

void partition_set_role(struct partition *p, const struct partition_self *self, const struct image *image,
			const struct image_partition *now, struct effects *e)
{
	bool moved;
	bool led;

	mutex_lock(&p->lock);
	led = p->leads;
	moved = now->leader != p->leader || now->leader_epoch != p->leader_epoch;
	p->n_replicas = (int16_t)now->n_replicas;
	p->n_adding = (int16_t)now->n_adding;
	if (moved && now->leader_epoch >= p->leader_epoch) {
		p->leader = now->leader;
		p->leader_epoch = now->leader_epoch;
		p->leads = now->leader == self->node_id;
		p->stint += p->leads && !led;
		if (p->leads) {
			p->epoch_start = log_offsets(p->log).end;
			log_begin_epoch(p->log, p->leader_epoch);
		}
	}
	partition_follow_replicas(p, self, now);
	partition_note_low_watermark(p, image);
	partition_advance(p, image, e);
	partition_wake_ready(p, moved, e);
	mutex_unlock(&p->lock);
}

void partition_set_topic(struct partition *p, struct topic_state *topic)
{
	struct topic_state *old;

	mutex_lock(&p->lock);
	old = p->topic;
	p->topic = topic_state_ref(topic);
	log_configure(p->log, &topic->config);
	capacity_configure(&p->capacity, &topic->config);
	mutex_unlock(&p->lock);
	topic_state_unref(&old);
}

struct log_deletion *partition_delete(struct partition *p, enum partition_end end, struct effects *e)
{
	struct log_deletion *deletion;

	mutex_lock(&p->lock);
	p->deleted = true;
	p->end = end;
	p->leads = false;
	partition_stop_leading(p);
	deletion = p->reloading ? NULL : log_delete(p->log);
	partition_wake_ready(p, true, e);
	mutex_unlock(&p->lock);
	return deletion;
}

void partition_put_log(struct partition *p, struct log *log, struct effects *e)
{
	int64_t high_watermark = log_offsets(p->log).high_watermark;
	int64_t start = log_offsets(p->log).start;
	bool moved;

	check(!p->flushing && !log_is_being_cleaned(p->log));
	log_free(p->log);
	p->log = log;
	log_configure(log, &p->topic->config);
	log_set_high_watermark(log, high_watermark);
	log_set_start(log, start, &moved);
	if (p->leads)
		log_begin_epoch(log, p->leader_epoch);
	partition_advance(p, NULL, e);
	partition_wake_ready(p, true, e);
}

int partition_storage_error(const struct partition *p)
{
	return log_dir_error(log_dir(p->log)) || p->reloading || log_standing(p->log) == LOG_UNREAD
		       ? ERR_KAFKA_STORAGE_ERROR
		       : 0;
}

static void look(struct partition *p, struct partition_view *out)
{
	out->offsets = log_offsets(p->log);
	out->low_watermark = p->low_watermark;
	out->leader = p->leader;
	out->leader_epoch = p->leader_epoch;
	out->leads = p->leads;
	out->stint = p->stint;
	out->deleted = p->deleted;
	out->end = p->end;
	out->short_of_replicas =
		p->leading &&
		leading_maximal_isr(p->leading) < leading_min_isr(p->leading, p->topic->config.min_insync_replicas);
	out->error = partition_storage_error(p);
}

void partition_look(struct partition *p, struct partition_view *out)
{
	mutex_lock(&p->lock);
	look(p, out);
	mutex_unlock(&p->lock);
}

/* If only this replica is gone, other nodes still have the partition. */
static int end_error(enum partition_end end)
{
	return end == PARTITION_REPLICA_GONE ? ERR_NOT_LEADER_OR_FOLLOWER : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

int partition_view_check(const struct partition_view *v, int32_t epoch, bool leader_only)
{
	if (v->error)
		return v->error;
	if (v->deleted)
		return end_error(v->end);
	if (epoch != -1 && epoch < v->leader_epoch)
		return ERR_FENCED_LEADER_EPOCH;
	if (epoch != -1 && epoch > v->leader_epoch)
		return ERR_UNKNOWN_LEADER_EPOCH;
	if (leader_only && !v->leads)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	return 0;
}

/* ---- flushing ---- */

/* Under the lock. */
void partition_flush_begin(struct partition *p, struct core *core, struct effects *e)
{
	if (p->flushing) {
		p->flush_again = true;
		return;
	}
	p->flush_again = false;
	if (!log_flush_begin(p->log, LOG_FLUSH_ALL, &p->flush))
		return;
	p->flushing = true;
	p->flush_core = core;
	partition_ref(p);
	e->flush = &p->flush;
}

void partition_flush(struct partition *p, struct core *core, struct effects *e)
{
	mutex_lock(&p->lock);
	if (!p->flushing && !p->deleted)
		partition_flush_begin(p, core, e);
	mutex_unlock(&p->lock);
}

/* On the loop of the core that started it. */
void partition_flushed(struct log_flush *f)
{
	struct partition *p = container_of(f, struct partition, flush);
	struct core *core = p->flush_core;
	struct effects e = {0};
	bool failed, passes;
	int err;

	mutex_lock(&p->lock);
	p->flushing = false;
	err = log_flush_end(p->log, f);
	if (err == 0) {
		partition_advance(p, core->image, &e);
		partition_wake_ready(p, false, &e); /* a follower waits for the flush itself */
	}
	failed = log_dir_error(log_dir(p->log)) != 0;
	if (failed) /* no other flush will come: waiters must be told */
		partition_wake_ready(p, true, &e);
	else if (p->flush_again && !err)
		partition_flush_begin(p, core, &e);
	passes = err && !failed && !p->deleted;
	mutex_unlock(&p->lock);
	effects_run(&e, core);
	if (passes) /* a full disk, or no descriptors: waiters go on waiting */
		core_flush_again(core, p);
	partition_unref(&p);
	core_flushed(core);
}

/* ---- writing ---- */

static int append_refusal(const struct partition *p, int16_t acks)
{
	int32_t min_isr = p->topic->config.min_insync_replicas;

	if (p->deleted)
		return end_error(p->end);
	if (partition_storage_error(p))
		return ERR_KAFKA_STORAGE_ERROR;
	if (!p->leads || p->held)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	if (min_isr > p->n_replicas)
		min_isr = p->n_replicas;
	if (acks == -1 && p->n_isr < min_isr)
		return ERR_NOT_ENOUGH_REPLICAS;
	return 0;
}

/*
 * A leader that is re-elected gets the next epoch. If another node led in between, the epoch is at
 * least two higher.
 */
static bool has_led_since(const struct partition *p, int32_t epoch)
{
	return epoch == ANY_LEADER_EPOCH || p->leader_epoch == epoch || p->leader_epoch == epoch + 1;
}

int partition_can_append(struct partition *p, int16_t acks)
{
	int err;

	mutex_lock(&p->lock);
	err = append_refusal(p, acks);
	mutex_unlock(&p->lock);
	return err;
}

struct topic_state *partition_topic(struct partition *p)
{
	struct topic_state *t;

	mutex_lock(&p->lock);
	t = topic_state_ref(p->topic);
	mutex_unlock(&p->lock);
	return t;
}

/*
 * A batch was sent again before it was flushed: the answer is the same promise, and the first flush
 * may have failed.
 */
static bool duplicate_needs_flush(const struct partition *p, const struct partition_append *a)
{
	return a->out.duplicate && a->out.last_offset < p->must_flush && !p->flushing &&
	       log_offsets(p->log).flushed_end < p->must_flush;
}

static int64_t mono_ms(const struct partition *p)
{
	return env_mono_ms(log_dir_env(log_dir(p->log)));
}

static void take_capacity(struct partition *p, struct partition_append *a)
{
	a->throttle_ms = capacity_take_in(p->capacity, a->info->size, a->info->header.count, mono_ms(p));
	if (a->throttle_ms > 0)
		count(&p->counts.v[COUNT_CAPACITY_PRODUCE], 1);
}

static void count_appended(struct partition *p, struct partition_append *a)
{
	if (a->out.duplicate)
		return;
	count(&p->counts.v[COUNT_MESSAGES_IN], a->info->header.count);
	count(&p->counts.v[COUNT_BYTES_IN], a->info->size);
	if (p->capacity && a->is_produced)
		take_capacity(p, a);
}

static int may_append(struct partition *p, struct partition_append *a)
{
	int err = append_refusal(p, a->acks);

	if (err == 0 && !has_led_since(p, a->leader_epoch))
		err = ERR_NOT_LEADER_OR_FOLLOWER;
	a->stint = p->stint;
	if (err == 0)
		a->log_start = log_offsets(p->log).start;
	return err;
}

/*
 * Seals the batch ahead, if it is to be sealed. The lock is held on entry and on return, but not
 * while sealing. p->sealing makes this thread the only one that seals for this partition, so that
 * the batch will most likely get the offset it was sealed for. True: release p->sealing later.
 */
static bool seal_ahead(struct partition *p, const struct partition_append *a, struct sealing *ahead)
{
	if (!sealing_begin_batch(p->log, a->batch, &a->info->header, p->leader_epoch, ahead))
		return false;
	mutex_unlock(&p->lock);
	mutex_lock(&p->sealing);
	mutex_lock(&p->lock);
	if (append_refusal(p, a->acks) == 0 &&
	    sealing_begin_batch(p->log, a->batch, &a->info->header, p->leader_epoch, ahead)) {
		mutex_unlock(&p->lock);
		sealing_run(ahead);
		mutex_lock(&p->lock);
	}
	return true;
}

/* Must the answer wait? With acks=1, only where a flush is promised. */
static bool waits(const struct partition *p, const struct partition_append *a)
{
	struct log_offsets o = log_offsets(p->log);

	if (a->acks == -1)
		return o.high_watermark <= a->out.last_offset;
	return a->acks == 1 && a->out.last_offset < p->must_flush && o.flushed_end <= a->out.last_offset;
}

static void appended(struct partition *p, struct partition_append *a, struct core *core, struct effects *e)
{
	if (a->out.flush_before_ack)
		p->must_flush = a->out.last_offset + 1;
	if (a->out.wants_flush || a->out.flush_before_ack || duplicate_needs_flush(p, a))
		partition_flush_begin(p, core, e);
	partition_advance(p, core->image, e);
	partition_wake_ready(p, false, e);
	a->log_start = a->out.log_start;
	count_appended(p, a);
	a->wait = waits(p, a);
}

int partition_append(struct partition *p, struct partition_append *a, struct core *core, struct effects *e)
{
	struct sealing ahead = {0};
	bool sealing = false;
	int err;

	a->log_start = -1;
	a->wait = false;
	a->throttle_ms = 0;
	mutex_lock(&p->lock);
	err = may_append(p, a);
	if (err == 0) {
		sealing = seal_ahead(p, a, &ahead);
		err = sealing ? may_append(p, a) : 0;
	}
	if (err == 0)
		err = log_append_as_sealed(p->log, a->batch, a->info, p->leader_epoch, a->now_ms, &ahead, &a->out);
	if (err == 0)
		appended(p, a, core, e);
	else
		count(&p->counts.v[COUNT_FAILED_PRODUCE_REQUESTS], 1);
	count(&p->counts.v[COUNT_PRODUCE_REQUESTS], 1);
	mutex_unlock(&p->lock);
	if (sealing)
		mutex_unlock(&p->sealing);
	sealing_fini(&ahead);
	return err_to_kafka(err);
}

bool partition_replicated(struct partition *p, struct appended_at at, struct waiter *w, struct waking *waking, int *err)
{
	struct partition_view v;

	for (;;) {
		partition_look(p, &v);
		*err = partition_view_check(&v, -1, true);
		if (*err == 0 && v.stint != at.stint)
			*err = ERR_NOT_LEADER_OR_FOLLOWER;
		if (*err)
			return true;
		if ((at.flush_only ? v.offsets.flushed_end : v.offsets.high_watermark) > at.last_offset) {
			*err = v.short_of_replicas && !at.flush_only ? ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND : 0;
			return true;
		}
		partition_unwait(w);
		*w = (struct waiter){.waking = waking,
				     .past = at.last_offset,
				     .watch = at.flush_only ? WATCH_FLUSHED : WATCH_HIGH_WATERMARK};
		list_init(&w->link);
		if (partition_wait(p, w))
			return false;
	}
}

int partition_verify(struct partition *p, const struct verification_question *q, int64_t now_ms, uint64_t *guard)
{
	struct partition_view v;
	int err;

	*guard = 0;
	mutex_lock(&p->lock);
	look(p, &v);
	err = partition_view_check(&v, -1, true);
	if (!err)
		err = log_verify(p->log, q, now_ms, guard);
	mutex_unlock(&p->lock);
	return err;
}

/*
 * At this time no record is old: only segments before the log's start are removed, the others when
 * retention looks at them.
 */
#define BEFORE_ALL_RECORDS 0

static int cut_locked(struct partition *p, struct partition_cut *cut)
{
	const struct topic_config *config = &p->topic->config;
	struct partition_view v;
	bool moved = false;
	int err;

	look(p, &v);
	err = partition_view_check(&v, -1, true);
	if (err)
		return err;
	if (config->cleanup_compact && !config->cleanup_delete)
		return ERR_POLICY_VIOLATION;
	if (cut->offset == -1)
		cut->offset = v.offsets.high_watermark;
	err = cut->offset < 0 ? ERR_OFFSET_OUT_OF_RANGE : log_set_start(p->log, cut->offset, &moved);
	return !err && moved ? log_retain(p->log, BEFORE_ALL_RECORDS, &cut->deletion) : err;
}

int partition_delete_records(struct partition *p, struct partition_cut *cut, struct effects *e)
{
	int err;

	cut->deletion = NULL;
	mutex_lock(&p->lock);
	err = cut_locked(p, cut);
	if (err == 0)
		partition_note_low_watermark(p, cut->image);
	cut->low_watermark = p->low_watermark;
	partition_wake_ready(p, false, e);
	mutex_unlock(&p->lock);
	return err_to_kafka(err);
}

/* ---- reading ---- */

static int64_t read_limit(const struct log_offsets *o, enum isolation isolation)
{
	return isolation == READ_TO_END ? o->end : isolation == READ_COMMITTED ? o->stable : o->high_watermark;
}

/* Does the reader's last epoch show that its log differs from ours (KIP-595)? Kafka's order of refusals. */
static int find_divergence(struct partition *p, struct partition_read *r)
{
	struct epoch_end end;

	if (r->last_fetched_epoch < 0)
		return 0;
	end = log_epoch_end(p->log, r->last_fetched_epoch);
	if (end.epoch < 0 || end.end_offset < 0 || r->offset < r->view.offsets.start)
		return ERR_OFFSET_OUT_OF_RANGE;
	if (end.epoch < r->last_fetched_epoch || end.end_offset < r->offset)
		r->diverging = end;
	return 0;
}

static int read_records(struct partition *p, struct partition_read *r)
{
	struct log_read read = {
		.offset = r->offset,
		.max_bytes = r->max_bytes,
		.min_one_message = r->min_one_message,
		.upto_offset = r->upto,
		.nowait = r->nowait,
		.sealed_max = r->sealed_max,
	};
	int err = log_read(p->log, &read, &r->records, &r->cold);

	r->sealed = read.sealed;
	r->is_older = read.is_older;
	r->is_cut = r->is_cut && err == 0 && r->records.len > 0 && read.next_offset < r->upto;
	if (err || r->isolation != READ_COMMITTED || r->records.len == 0)
		return err;
	err = log_aborted(p->log, &(struct aborted_query){r->offset, read.next_offset, r->arena}, &r->aborted,
			  &r->n_aborted, r->nowait ? &r->cold : NULL);
	if (err) {
		file_unref(&r->records.file);
		r->records = (struct records){0};
	}
	return err;
}

/* Kafka's ReplicaManager.shouldLeaderThrottle: a replica in sync is not throttled. */
static bool is_withheld(const struct partition *p, struct partition_read *r)
{
	r->is_throttled = throttled_has(&p->topic->leader_throttled, p->id);
	return r->is_throttled && r->withholds && p->leading && !r->is_in_sync;
}

/* If capacity allows a part of a batch, the reader gets all of it. */
static void hold_to_capacity(struct partition *p, struct partition_read *r)
{
	struct capacity_left left = capacity_left_out(p->capacity, mono_ms(p));

	r->is_counted = left.bytes < INT64_MAX;
	r->held_ms = left.wait_ms;
	r->is_cut = left.wait_ms == 0 && left.bytes < r->max_bytes;
	if (!r->is_cut)
		return;
	r->max_bytes = (int32_t)left.bytes;
	if (r->sealed_max != 1) /* else there is no room to open another batch */
		r->min_one_message = true;
}

static int read_locked(struct partition *p, struct partition_read *r)
{
	const struct log_offsets *o = &r->view.offsets;
	int err = partition_view_check(&r->view, r->current_leader_epoch, r->leader_only);

	if (err)
		return err;
	r->nearer = partition_nearest(p, r);
	if (r->nearer >= 0)
		return 0;
	if (r->follower)
		err = partition_check_follower(p, r);
	if (err == 0)
		err = find_divergence(p, r);
	if (err || r->diverging.epoch >= 0)
		return err;
	if (r->offset < o->start || r->offset > o->end)
		return ERR_OFFSET_OUT_OF_RANGE;
	if (r->follower) {
		err = partition_note_follower(p, r);
		if (err)
			return err;
	}
	r->is_in_sync = r->replica >= 0 && p->leading && leading_is_in_sync(p->leading, r->replica);
	r->upto = read_limit(o, r->isolation);
	if (r->isolation == READ_COMMITTED)
		r->n_aborted = 0;
	if (r->offset >= r->upto || is_withheld(p, r))
		return 0;
	if (p->capacity && r->consumes)
		hold_to_capacity(p, r);
	return r->held_ms > 0 ? 0 : read_records(p, r);
}

int partition_read(struct partition *p, struct partition_read *r)
{
	int err;

	r->records = (struct records){0};
	r->sealed = (struct sealed_at){0};
	r->aborted = NULL;
	r->n_aborted = -1;
	r->diverging = (struct epoch_end){-1, -1};
	r->upto = -1;
	r->nearer = -1;
	r->is_throttled = r->is_counted = r->is_cut = r->is_older = r->is_in_sync = false;
	r->held_ms = 0;
	mutex_lock(&p->lock);
	look(p, &r->view);
	r->is_reassigned = p->n_adding > 0;
	err = read_locked(p, r);
	mutex_unlock(&p->lock);
	return err == -EAGAIN ? err : err_to_kafka(err);
}

void partition_took(struct partition *p, const struct partition_read *r)
{
	mutex_lock(&p->lock);
	if (p->capacity)
		capacity_take_out(p->capacity, r->records.len, mono_ms(p));
	mutex_unlock(&p->lock);
}

/*
 * A new leader's high watermark may be behind what its predecessor has shown to consumers: until it
 * has reached the start of this leader's epoch, there is no end offset to report (KIP-207).
 */
static bool is_behind(const struct partition *p, const struct log_offsets *o, enum isolation isolation)
{
	return isolation != READ_TO_END && o->high_watermark < p->epoch_start;
}

static int list_locked(struct partition *p, struct partition_list *l, const struct partition_view *v)
{
	const struct log_offsets *o = &v->offsets;

	l->behind = p->leads && is_behind(p, o, l->isolation);
	switch (l->timestamp) {
	case TIMESTAMP_LATEST:
		if (l->behind)
			return ERR_OFFSET_NOT_AVAILABLE;
		l->offset = read_limit(o, l->isolation);
		l->epoch = v->leader_epoch;
		return 0;
	case TIMESTAMP_EARLIEST:
	case TIMESTAMP_EARLIEST_LOCAL:
		l->offset = o->start;
		l->epoch = log_epoch_of(p->log, o->start);
		return 0;
	case TIMESTAMP_LATEST_TIERED:
	case TIMESTAMP_EARLIEST_PENDING_UPLOAD:
		return 0; /* there is no tiered storage here */
	default:
		l->looks_up = true;
		return log_lookup_begin(p->log, l->timestamp, read_limit(o, l->isolation), &l->lookup);
	}
}

int partition_list(struct partition *p, struct partition_list *l)
{
	struct partition_view v;
	int err;

	l->offset = l->found_timestamp = -1;
	l->epoch = -1;
	l->looks_up = false;
	mutex_lock(&p->lock);
	look(p, &v);
	err = partition_view_check(&v, l->current_leader_epoch, l->leader_only);
	if (err == 0)
		err = list_locked(p, l, &v);
	if (err)
		l->looks_up = false;
	mutex_unlock(&p->lock);
	return err_to_kafka(err);
}

int partition_producers(struct partition *p, struct arena *arena, struct log_producer **v, int *n)
{
	struct partition_view view;
	int err;

	mutex_lock(&p->lock);
	look(p, &view);
	err = partition_view_check(&view, -1, false);
	if (err == 0)
		err = log_producers(p->log, arena, v, n);
	mutex_unlock(&p->lock);
	return err;
}

int partition_epoch_end(struct partition *p, int32_t current_leader_epoch, int32_t epoch, struct epoch_end *out)
{
	struct partition_view v;
	int err;

	mutex_lock(&p->lock);
	look(p, &v);
	err = partition_view_check(&v, current_leader_epoch, true);
	if (err == 0)
		*out = log_epoch_end(p->log, epoch);
	mutex_unlock(&p->lock);
	return err;
}

void partition_measure(struct partition *p, struct log_dir **dir, int64_t *size, int64_t *lag)
{
	struct log_offsets o;

	mutex_lock(&p->lock);
	o = log_offsets(p->log);
	*dir = log_dir(p->log);
	*size = log_size(p->log);
	mutex_unlock(&p->lock);
	*lag = o.high_watermark > o.end ? o.high_watermark - o.end : 0;
}
