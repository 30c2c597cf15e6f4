/*
 * partition_isr: the leader's part of a partition: the high watermark, the replicas in sync, and
 * proposals to the controller.
 */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/partition_private.h"
#include "log/dir.h"
#include "metadata/image.h"
#include "protocol/alter_partition.h"
#include "replication/leading.h"
#include "wire/codec.h"

/* ---- the high watermark ---- */

static int64_t now_ms(const struct partition *p)
{
	return env_mono_ms(log_dir_env(log_dir(p->log)));
}

static struct isr_view isr_view(const struct partition *p, const struct image *image)
{
	struct log_offsets o = log_offsets(p->log);

	return (struct isr_view){.image = image,
				 .log_end = o.end,
				 .high_watermark = o.high_watermark,
				 .now_ms = now_ms(p),
				 .min_isr = p->topic->config.min_insync_replicas};
}

/* How far all replicas that count have come; -1 when that is not known. */
static int64_t replicated_end(const struct partition *p, const struct image *image)
{
	struct isr_view v;

	if (!p->leading)
		return log_offsets(p->log).end;
	if (!image)
		return -1;
	v = isr_view(p, image);
	return leading_high_watermark(p->leading, &v);
}

/* Everything in the log of all replicas that count, and flushed where promised, is committed. */
void partition_advance(struct partition *p, const struct image *image, struct effects *e)
{
	struct log_offsets o = log_offsets(p->log);
	int64_t to;

	if (!p->leads || o.high_watermark == o.end || o.flushed_end < p->must_flush)
		return;
	to = replicated_end(p, image);
	if (to <= o.high_watermark)
		return;
	log_set_high_watermark(p->log, to);
	p->checkpoint_due = true;
	partition_wake_ready(p, false, e);
}

/* ---- the role ---- */

void partition_stop_leading(struct partition *p)
{
	if (p->leading)
		leading_fini(p->leading);
	xfree(p->leading);
	p->leading = NULL;
}

static void begin_leading(struct partition *p, const struct partition_self *self)
{
	p->leading = xcalloc(1, sizeof(*p->leading));
	leading_init(p->leading, self->node_id, self->lag_max_ms);
}

/* Adds and removes followers. */
void partition_follow_replicas(struct partition *p, const struct partition_self *self,
			       const struct image_partition *now)
{
	bool several = p->leads && now->leader == self->node_id && now->n_replicas > 1;

	if (!several) {
		partition_stop_leading(p);
		p->n_isr = (int16_t)now->n_isr;
		return;
	}
	if (!p->leading)
		begin_leading(p, self);
	leading_follow(p->leading, now, log_offsets(p->log).end, now_ms(p));
	p->n_isr = (int16_t)p->leading->n_isr;
}

/* ---- proposals ---- */

/* Under the lock: the proposal that has just been made is to be sent. */
static void proposes(struct partition *p, struct effects *e)
{
	check(!e->proposes);
	e->proposes = partition_ref(p);
}

bool partition_proposal(struct partition *p, int64_t broker_epoch, struct arena *arena,
			struct alter_partition_request_partition *out, struct isr_said *said)
{
	const struct leading *l;
	bool has;

	codec_init(&alter_partition_request_partition_schema, out);
	mutex_lock(&p->lock);
	l = p->leading;
	has = l && l->proposal != ISR_COMMITTED;
	if (has)
		out->new_isr_with_epochs.v =
			arena_array(arena, (size_t)l->n_proposed, sizeof(*out->new_isr_with_epochs.v));
	has = has && !arena->failed;
	for (int i = 0; has && i < l->n_proposed; i++) {
		struct isr_member m = leading_proposed(l, i, broker_epoch);

		out->new_isr_with_epochs.v[out->new_isr_with_epochs.n++] =
			(struct alter_partition_request_broker_state){m.id, m.broker_epoch};
	}
	if (has) {
		out->partition_index = p->id;
		out->leader_epoch = l->leader_epoch;
		out->leader_recovery_state = l->recovery;
		out->partition_epoch = l->partition_epoch;
		*said = (struct isr_said){l->serial, l->proposal == ISR_EXPANDS};
	}
	mutex_unlock(&p->lock);
	return has;
}

int partition_isr_answered(struct partition *p, const struct isr_said *said, const struct isr_answer *answer,
			   const struct image *image, struct effects *e)
{
	enum isr_verdict verdict = ISR_LEFT;

	mutex_lock(&p->lock);
	if (p->leading)
		verdict = leading_answered(p->leading, said->serial, answer);
	if (verdict == ISR_MOVED) {
		p->n_isr = (int16_t)p->leading->n_isr;
		partition_advance(p, image, e);
	}
	mutex_unlock(&p->lock);
	return verdict;
}

void partition_shrink(struct partition *p, const struct image *image, struct effects *e)
{
	struct isr_view v;

	mutex_lock(&p->lock);
	if (p->leading && !p->deleted) {
		v = isr_view(p, image);
		if (leading_shrink(p->leading, &v))
			proposes(p, e);
		partition_advance(p, image, e);
	}
	mutex_unlock(&p->lock);
}

/* ---- fetches ---- */

static struct follower_fetch follower_fetch(const struct partition *p, const struct partition_read *r)
{
	return (struct follower_fetch){
		.id = r->follower->id,
		.broker_epoch = r->follower->broker_epoch,
		.has_leader_epoch = r->current_leader_epoch >= 0,
		.offset = r->offset,
		.log_start = r->follower->log_start,
		.log_end = r->view.offsets.end,
		.now_ms = now_ms(p),
	};
}

int partition_check_follower(const struct partition *p, const struct partition_read *r)
{
	struct follower_fetch f = follower_fetch(p, r);

	if (!p->leading)
		return f.has_leader_epoch ? ERR_UNKNOWN_LEADER_EPOCH : ERR_NOT_LEADER_OR_FOLLOWER;
	return leading_knows(p->leading, &f);
}

int32_t partition_nearest(const struct partition *p, const struct partition_read *r)
{
	const struct partition_consumer *c = r->consumer;

	if (!c || !p->leading)
		return -1;
	return leading_nearest(p->leading, c->image, &(struct leading_reader){c->rack, c->listener, r->offset});
}

void partition_note_low_watermark(struct partition *p, const struct image *image)
{
	int64_t start = log_offsets(p->log).start;

	p->low_watermark = p->leading ? leading_low_watermark(p->leading, image, start) : start;
}

/* The follower has everything below what it asks for: the high watermark may move, and it may join the ISR. */
int partition_note_follower(struct partition *p, const struct partition_read *r)
{
	const struct partition_follower *from = r->follower;
	struct follower_fetch f = follower_fetch(p, r);
	struct isr_view v = isr_view(p, from->image);
	int err = leading_fetched(p->leading, from->image, &f);

	if (err)
		return err;
	if (leading_expand(p->leading, &v, f.id))
		proposes(p, from->effects);
	partition_advance(p, from->image, from->effects);
	int64_t low_watermark = p->low_watermark;
	partition_note_low_watermark(p, from->image);
	if (p->low_watermark > low_watermark)
		partition_wake_ready(p, false, from->effects);
	return 0;
}
