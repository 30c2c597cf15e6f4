/*
 * fetched: a replica of ours that another broker leads: the state of its log, and what an answer
 * does to it.
 */
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/fetchers_private.h"
#include "broker/node_private.h"
#include "broker/replication_quota.h"
#include "broker/upkeep.h"
#include "config/config.h"

void fetched_drop(struct fetched *d)
{
	map_remove(&d->fetcher->all->partitions, &d->node);
	fetcher_leave(d);
	partition_unref(&d->partition);
	xfree(d);
}

struct following_view fetched_view(struct fetched *d, struct partition_replica *r)
{
	const struct node *n = d->fetcher->all->node;

	partition_replica(d->partition, r);
	return (struct following_view){
		.end = r->end,
		.high_watermark = r->high_watermark,
		.last_epoch = r->last_epoch,
		.now_ms = env_mono_ms(n->env),
		.backoff_ms = config_int(n->config, CONFIG_REPLICA_FETCH_BACKOFF_MS),
	};
}

static void tell(struct fetched *d, const char *what, int64_t offset)
{
	diag_info(d->fetcher->all->node->env->diag, what, "topic=%s partition=%d leader=%d epoch=%d offset=%lld",
		  d->partition->topic->name, d->partition->id, d->following.leader, d->following.leader_epoch,
		  (long long)offset);
}

/*
 * Errors that may pass are bad bytes, a lack of descriptors, a full disk, and a log that is being
 * reloaded. A directory that has failed is lost until the next start.
 */
static bool is_for_good(struct fetched *d, int err)
{
	struct partition_replica r;

	partition_replica(d->partition, &r);
	if (err == ERR_KAFKA_STORAGE_ERROR)
		return r.dir_has_failed;
	return err != ERR_CORRUPT_MESSAGE && err != ERR_INVALID_RECORD && err != ERR_NOT_LEADER_OR_FOLLOWER &&
	       !err_passes(err);
}

/* It cannot go on with these bytes, for now or for good. */
static void stumble(struct fetched *d, int err, const struct following_view *v)
{
	diag_warn(d->fetcher->all->node->env->diag, "replica cannot follow",
		  "topic=%s partition=%d leader=%d offset=%lld error=%s", d->partition->topic->name, d->partition->id,
		  d->following.leader, (long long)v->end, err_name(err));
	following_stumbled(&d->following, is_for_good(d, err), v);
}

static void cut(struct fetched *d, const struct following_step *step, const struct following_view *v)
{
	struct core *core = &d->fetcher->all->node->cores[0];
	bool fully = step->act == FOLLOW_RESTART;
	struct effects e = {0};
	int err;

	if (!fully && step->offset >= v->end) /* no record goes, but perhaps an epoch that the leader does not know */
		tell(d, "replica is compared with its leader once more", step->offset);
	else
		tell(d,
		     fully ? "replica starts over where its leader's log starts"
			   : "replica is cut to what its leader has",
		     step->offset);
	err = partition_truncate(d->partition, step->offset, fully, &e);
	effects_run(&e, core);
	if (err)
		stumble(d, err, v);
}

/* As Kafka, counts the bytes received, even for replicas that have caught up. */
static void count_bytes(struct fetched *d, const struct fetch_response_partition *p, bool came)
{
	struct node *n = d->fetcher->all->node;
	struct partition_replica r;
	bool added;

	if (!came && d->lag >= 0)
		return;
	partition_replica(d->partition, &r);
	d->lag = p->high_watermark > r.end ? p->high_watermark - r.end : 0;
	if (!came)
		return;
	added = r.is_reassigned &&
		replication_is_added(d->fetcher->all->image, d->partition->topic_id, d->partition->id, n->id);
	replication_note(n->replication_quotas, REPLICATION_IN, p->records.len, added ? p->records.len : 0);
	if (r.is_throttled)
		replication_quota_record(n->replication_quotas, QUOTA_FOLLOWER, p->records.len);
}

static void append(struct fetched *d, const struct fetch_response_partition *p, const struct following_view *v)
{
	struct node *n = d->fetcher->all->node;
	struct partition_replicated r = {
		.p = p->records.p,
		.len = p->records.p ? (size_t)p->records.len : 0,
		.leader_epoch = d->told.epoch,
		.high_watermark = p->high_watermark,
		.log_start = p->log_start_offset,
		.wall_ms = env_wall_ms(n->env),
	};
	struct effects e = {0};
	int err = partition_replicate(d->partition, &r, &n->cores[0], &e);

	effects_run(&e, &n->cores[0]);
	if (err)
		stumble(d, err, v);
	else
		count_bytes(d, p, r.len > 0);
	if (r.len > 0)
		fetcher_served(d);
}

void fetched_take_step(struct fetched *d, const struct following_step *step, const struct fetch_response_partition *p,
		       const struct following_view *v)
{
	if (step->act == FOLLOW_APPEND)
		append(d, p, v);
	else if (step->act != FOLLOW_NOTHING)
		cut(d, step, v);
}

/* ---- answers ---- */

void fetched_answered(struct fetched *d, const struct fetch_response_partition *p)
{
	struct partition_replica r;
	struct following_view v = fetched_view(d, &r);
	struct following_answer a = {
		.asked_epoch = d->told.epoch,
		.asked_offset = d->told.offset,
		.err = p->error_code,
		.diverging_epoch = p->diverging_epoch.epoch,
		.diverging_end = p->diverging_epoch.end_offset,
		.own_epoch = -1,
	};
	struct following_step step;

	if (a.diverging_epoch >= 0) {
		struct epoch_end own = partition_own_epoch(d->partition, a.diverging_epoch);

		a.own_epoch = own.epoch;
		a.own_end = own.end_offset;
	}
	step = following_answered(&d->following, &a, &v);
	if (p->error_code == 0)
		d->leader_high_watermark = p->high_watermark;
	fetched_take_step(d, &step, p, &v);
	fetcher_look(d);
}

/* ---- waiting ---- */

static bool waits(struct fetched *d, const struct partition_replica *r)
{
	if (r->is_flushed)
		return false;
	partition_unwait(&d->waiter);
	d->waiter = (struct waiter){.waking = &d->fetcher->waking, .past = r->end - 1, .watch = WATCH_FLUSHED};
	list_init(&d->waiter.link);
	return partition_wait(d->partition, &d->waiter);
}

bool fetched_waits_for_flush(struct fetched *d, const struct partition_replica *r)
{
	if (!waits(d, r))
		d->waits_since_ms = -1;
	else if (d->waits_since_ms < 0)
		d->waits_since_ms = env_mono_ms(d->fetcher->all->node->env);
	return d->waits_since_ms >= 0;
}

bool fetched_waits_for_checkpoint(struct fetched *d, const struct partition_replica *r)
{
	struct node *n = d->fetcher->all->node;

	if (!r->is_cut)
		return false;
	if (n->upkeep)
		upkeep_recovery_points_are_due(n->upkeep);
	return true;
}
