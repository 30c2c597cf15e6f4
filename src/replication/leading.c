/*
 * leading: keeps the followers' state, computes the high watermark, makes and settles proposals,
 * and selects the nearest replica.
 */
#include "replication/leading.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"

/* Long ago, but not so long that differences overflow. */
#define NEVER_MS (INT64_MIN / 4)

void leading_init(struct leading *l, int32_t node_id, int64_t lag_max_ms)
{
	*l = (struct leading){.node_id = node_id,
			      .lag_max_ms = lag_max_ms,
			      .leader_epoch = -1,
			      .partition_epoch = -1,
			      .epoch_start = -1};
}

static void withdraw(struct leading *l)
{
	xfree(l->proposed);
	l->proposed = NULL;
	l->n_proposed = 0;
	l->proposal = ISR_COMMITTED;
}

void leading_fini(struct leading *l)
{
	withdraw(l);
	xfree(l->followers);
	xfree(l->isr);
	leading_init(l, l->node_id, l->lag_max_ms);
}

static struct follower *find(const struct leading *l, int32_t id)
{
	for (int i = 0; i < l->n_followers; i++)
		if (l->followers[i].id == id)
			return &l->followers[i];
	return NULL;
}

/* ---- what the metadata says ---- */

static void set_isr(struct leading *l, struct image_ids isr)
{
	l->isr = xreallocarray(l->isr, (size_t)isr.n + 1, sizeof(*l->isr));
	if (isr.n > 0)
		memcpy(l->isr, isr.v, (size_t)isr.n * sizeof(*l->isr));
	l->n_isr = isr.n;
}

/* A replica that stays keeps its state. */
static void set_followers(struct leading *l, struct image_ids replicas)
{
	struct follower *v = xcalloc((size_t)replicas.n + 1, sizeof(*v));
	int n = 0;

	for (int i = 0; i < replicas.n; i++) {
		const struct follower *known = find(l, replicas.v[i]);

		if (replicas.v[i] == l->node_id)
			continue;
		v[n++] = known ? *known
			       : (struct follower){.id = replicas.v[i],
						   .broker_epoch = BROKER_EPOCH_UNHEARD,
						   .log_start = -1,
						   .log_end = -1,
						   .fetch_ms = NEVER_MS,
						   .leader_end = -1,
						   .caught_up_ms = NEVER_MS};
	}
	xfree(l->followers);
	l->followers = v;
	l->n_followers = n;
}

/*
 * A new epoch: every replica in sync gets its full time again. What was heard in the previous epoch
 * is kept if this node led it. Anything older is not: another node may have led in between without
 * our knowledge, and the followers have truncated their logs to its. (Kafka keeps it.)
 */
static void begin_epoch(struct leading *l, struct image_ids isr, bool was_leader, int64_t now_ms)
{
	for (int i = 0; i < l->n_followers; i++) {
		struct follower *f = &l->followers[i];
		int64_t since_ms = image_ids_has(isr, f->id) ? now_ms : NEVER_MS;

		f->caught_up_ms = since_ms;
		f->fetch_ms = was_leader ? since_ms : NEVER_MS;
		f->leader_end = was_leader ? l->epoch_start : -1;
		if (was_leader)
			continue;
		f->broker_epoch = BROKER_EPOCH_UNHEARD;
		f->log_start = f->log_end = -1;
	}
}

bool leading_follow(struct leading *l, const struct image_partition *now, int64_t log_end, int64_t now_ms)
{
	struct image_ids isr = partition_isr(now);

	check(now->leader == l->node_id);
	if (now->partition_epoch < l->partition_epoch || now->leader_epoch < l->leader_epoch)
		return false;
	if (now->partition_epoch > l->partition_epoch || now->leader_epoch > l->leader_epoch) {
		withdraw(l);
		set_isr(l, isr);
	}
	set_followers(l, partition_replicas(now));
	l->recovery = 0; /* there is nothing to recover: a leader says so in its next proposal */
	if (now->leader_epoch > l->leader_epoch) {
		bool was_leader = l->leader_epoch >= 0 && now->leader_epoch == l->leader_epoch + 1;

		l->leader_epoch = now->leader_epoch;
		l->epoch_start = log_end;
		begin_epoch(l, isr, was_leader, now_ms);
	}
	l->partition_epoch = now->partition_epoch;
	return true;
}

/* ---- fetches ---- */

int leading_knows(const struct leading *l, const struct follower_fetch *f)
{
	if (find(l, f->id))
		return 0;
	return f->has_leader_epoch ? ERR_UNKNOWN_LEADER_EPOCH : ERR_NOT_LEADER_OR_FOLLOWER;
}

/* -1: it is not registered, or fenced. */
static int64_t live_epoch(const struct image *image, int32_t id)
{
	const struct image_node *n = image_broker(image, id);

	return n && !n->fenced ? n->epoch : -1;
}

int leading_fetched(struct leading *l, const struct image *image, const struct follower_fetch *f)
{
	struct follower *known = find(l, f->id);

	check(known);
	if (f->broker_epoch != BROKER_EPOCH_UNTOLD && live_epoch(image, f->id) > f->broker_epoch)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	/*
	 * It now has what we had at its previous fetch: so it had caught up at that time, however
	 * fast our log grows.
	 */
	if (f->offset >= f->log_end && f->now_ms > known->caught_up_ms)
		known->caught_up_ms = f->now_ms;
	else if (f->offset >= known->leader_end && known->fetch_ms > known->caught_up_ms)
		known->caught_up_ms = known->fetch_ms;
	known->log_start = f->log_start;
	known->log_end = f->offset;
	known->fetch_ms = f->now_ms;
	known->broker_epoch = f->broker_epoch;
	if (f->log_end > known->leader_end)
		known->leader_end = f->log_end;
	return 0;
}

void leading_heard(struct leading *l, int32_t id, int64_t heard_ms)
{
	struct follower *f = find(l, id);

	if (!f || f->log_end < 0 || !leading_is_in_sync(l, id))
		return;
	if (heard_ms > f->fetch_ms)
		f->fetch_ms = heard_ms;
	if (heard_ms > f->caught_up_ms)
		f->caught_up_ms = heard_ms;
}

/* ---- which replicas count ---- */

static bool has(const int32_t *v, int n, int32_t id)
{
	return image_ids_has((struct image_ids){v, n}, id);
}

static bool is_in_maximal(const struct leading *l, int32_t id)
{
	return has(l->isr, l->n_isr, id) || (l->proposal == ISR_EXPANDS && has(l->proposed, l->n_proposed, id));
}

int leading_maximal_isr(const struct leading *l)
{
	return l->proposal == ISR_EXPANDS ? l->n_proposed : l->n_isr;
}

bool leading_is_in_sync(const struct leading *l, int32_t id)
{
	return has(l->isr, l->n_isr, id);
}

int leading_min_isr(const struct leading *l, int32_t min_isr)
{
	return min_isr < l->n_followers + 1 ? min_isr : l->n_followers + 1;
}

bool leading_has_enough(const struct leading *l, int32_t min_isr)
{
	return l->n_isr >= leading_min_isr(l, min_isr);
}

static bool is_caught_up(const struct leading *l, const struct follower *f, const struct isr_view *v)
{
	return f->log_end == v->log_end || v->now_ms - f->caught_up_ms <= l->lag_max_ms;
}

static bool may_come_in(const struct follower *f, const struct image *image)
{
	const struct image_node *n = image_broker(image, f->id);

	if (!n || n->fenced || n->in_controlled_shutdown || f->broker_epoch == BROKER_EPOCH_UNHEARD)
		return false;
	return f->broker_epoch == BROKER_EPOCH_UNTOLD || f->broker_epoch == n->epoch;
}

int64_t leading_high_watermark(const struct leading *l, const struct isr_view *v)
{
	int64_t lowest = v->log_end;

	if (!leading_has_enough(l, v->min_isr))
		return -1;
	for (int i = 0; i < l->n_followers; i++) {
		const struct follower *f = &l->followers[i];

		if (f->log_end >= lowest)
			continue;
		if (is_in_maximal(l, f->id) || (is_caught_up(l, f, v) && may_come_in(f, v->image)))
			lowest = f->log_end;
	}
	return lowest;
}

int64_t leading_low_watermark(const struct leading *l, const struct image *image, int64_t log_start)
{
	for (int i = 0; i < l->n_followers; i++) {
		const struct follower *f = &l->followers[i];

		if (live_epoch(image, f->id) >= 0 && f->log_start < log_start)
			log_start = f->log_start;
	}
	return log_start;
}

/* ---- proposals ---- */

static void propose(struct leading *l, enum isr_proposal what)
{
	l->proposal = what;
	l->serial++;
}

bool leading_expand(struct leading *l, const struct isr_view *v, int32_t id)
{
	const struct follower *f = find(l, id);

	if (!f || l->proposal != ISR_COMMITTED || has(l->isr, l->n_isr, id) || !may_come_in(f, v->image))
		return false;
	if (f->log_end < v->high_watermark || f->log_end < l->epoch_start)
		return false;
	l->proposed = xreallocarray(NULL, (size_t)l->n_isr + 1, sizeof(*l->proposed));
	memcpy(l->proposed, l->isr, (size_t)l->n_isr * sizeof(*l->isr));
	l->proposed[l->n_isr] = id;
	l->n_proposed = l->n_isr + 1;
	propose(l, ISR_EXPANDS);
	return true;
}

static bool is_behind(const struct leading *l, int32_t id, const struct isr_view *v)
{
	const struct follower *f = find(l, id);

	return id != l->node_id && (!f || !is_caught_up(l, f, v));
}

bool leading_shrink(struct leading *l, const struct isr_view *v)
{
	int n = 0;

	if (l->proposal != ISR_COMMITTED)
		return false;
	for (int i = 0; i < l->n_isr; i++)
		n += is_behind(l, l->isr[i], v);
	if (n == 0)
		return false;
	l->proposed = xreallocarray(NULL, (size_t)l->n_isr, sizeof(*l->proposed));
	for (int i = 0; i < l->n_isr; i++)
		if (!is_behind(l, l->isr[i], v))
			l->proposed[l->n_proposed++] = l->isr[i];
	propose(l, ISR_SHRINKS);
	return true;
}

struct isr_member leading_proposed(const struct leading *l, int i, int64_t own_epoch)
{
	int32_t id = l->proposed[i];
	const struct follower *f = find(l, id);
	int64_t epoch = f && f->broker_epoch != BROKER_EPOCH_UNHEARD ? f->broker_epoch : BROKER_EPOCH_UNTOLD;

	check(l->proposal != ISR_COMMITTED && i < l->n_proposed);
	return (struct isr_member){id, id == l->node_id ? own_epoch : epoch};
}

/* Errors after which the outcome is unknown until the next metadata update. */
static bool is_left(int err)
{
	return err == ERR_UNKNOWN_TOPIC_OR_PARTITION || err == ERR_UNKNOWN_TOPIC_ID || err == ERR_FENCED_LEADER_EPOCH ||
	       err == ERR_INVALID_UPDATE_VERSION || err == ERR_INVALID_REQUEST || err == ERR_NEW_LEADER_ELECTED;
}

enum isr_verdict leading_answered(struct leading *l, uint32_t serial, const struct isr_answer *a)
{
	if (l->proposal == ISR_COMMITTED || l->serial != serial)
		return ISR_LEFT; /* the metadata has settled it already */
	if (a->err == ERR_OPERATION_NOT_ATTEMPTED || a->err == ERR_INELIGIBLE_REPLICA) {
		withdraw(l);
		return ISR_REFUSED;
	}
	if (a->err != 0)
		return is_left(a->err) ? ISR_LEFT : ISR_AGAIN;
	if (a->leader_epoch != l->leader_epoch || a->partition_epoch < l->partition_epoch)
		return ISR_LEFT;
	withdraw(l);
	set_isr(l, (struct image_ids){a->isr, a->n_isr});
	l->partition_epoch = a->partition_epoch;
	l->recovery = a->recovery;
	return ISR_MOVED;
}

/* ---- readers ---- */

static bool is_near(const struct image *image, int32_t id, const struct leading_reader *reader)
{
	const struct image_node *n = image_broker(image, id);

	return n && !n->fenced && image_node_endpoint(n, reader->listener) && str_eq(n->rack, reader->rack);
}

static bool may_serve(const struct leading *l, const struct follower *f, int64_t offset)
{
	return image_ids_has((struct image_ids){l->isr, l->n_isr}, f->id) && f->log_start <= offset &&
	       f->log_end >= offset;
}

/* Kafka's order of replicas: by log end, then by the time of having caught up. */
static bool is_further(const struct follower *a, const struct follower *b)
{
	if (a->log_end != b->log_end)
		return a->log_end > b->log_end;
	if (a->caught_up_ms != b->caught_up_ms)
		return a->caught_up_ms > b->caught_up_ms;
	return a->id > b->id;
}

int32_t leading_nearest(const struct leading *l, const struct image *image, const struct leading_reader *reader)
{
	const struct follower *best = NULL;

	if (reader->rack.len <= 0 || is_near(image, l->node_id, reader))
		return -1;
	for (int i = 0; i < l->n_followers; i++) {
		const struct follower *f = &l->followers[i];

		if (may_serve(l, f, reader->offset) && is_near(image, f->id, reader) && (!best || is_further(f, best)))
			best = f;
	}
	return best ? best->id : -1;
}

int64_t leading_lag(const struct leading *l, int64_t log_end)
{
	int64_t lag = 0;

	for (int i = 0; i < l->n_followers; i++) {
		int64_t end = l->followers[i].log_end < 0 ? 0 : l->followers[i].log_end;

		if (log_end - end > lag)
			lag = log_end - end;
	}
	return lag;
}
