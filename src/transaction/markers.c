/*
 * markers: from a committed Prepare to Complete (TransactionMarkerChannelManager,
 * TransactionMarkerRequestCompletionHandler).
 *
 *	markers to all partitions -> failed ones again, after a pause -> Complete
 *
 * Partitions that the cluster no longer has need none. If a partition has seen a later epoch of the
 * producer or of the coordinator, this coordinator stops: another one continues this transaction.
 */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "metadata/image.h"
#include "transaction/internal.h"

struct markers_call {
	struct transaction_call c;
	struct transaction *t;
	struct transaction_partitions partitions; /* the names in `marked` point into these */
};

/* ---- Complete ---- */

/*
 * A producer whose epochs have run out continues with its next id. The last epoch remains the one
 * the client has seen.
 */
static void complete(struct transaction *t, struct shard_step *step)
{
	bool commits = t->now.state == TRANSACTION_PREPARE_COMMIT;
	struct transaction_values next =
		transaction_next(t, commits ? TRANSACTION_COMPLETE_COMMIT : TRANSACTION_COMPLETE_ABORT, step);

	if (transaction_bumps_epochs(t->now.client_version) && t->now.next_producer_id >= 0) {
		next.producer_id = t->now.next_producer_id;
		next.epoch = 0;
	}
	next.next_producer_id = -1;
	transaction_move(t, &next, step);
}

/* ---- markers ---- */

static bool exists(const struct image *image, struct str name, int32_t partition)
{
	const struct image_topic *topic = image_topic_by_name(image, name);

	return topic && image_topic_partition(topic, partition);
}

static void forget_deleted(struct transaction *t, const struct image *image)
{
	for (int i = t->unmarked.n - 1; image && i >= 0; i--)
		if (!exists(image, transaction_partitions_topic(&t->unmarked, i), t->unmarked.v[i].partition))
			transaction_partitions_drop(&t->unmarked, i);
}

static void markers_free(struct markers_call *m)
{
	transaction_partitions_fini(&m->partitions);
	xfree(m->c.marked);
	xfree(m);
}

/* Handles the result of one partition. */
static void take_answer(struct transaction *t, const struct transaction_marked *marked)
{
	switch (marked->err) {
	case 0:
	case ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
	case ERR_UNSUPPORTED_VERSION: /* then the producer could not have written there either */
		transaction_partitions_remove(&t->unmarked, marked->topic, marked->partition);
		break;
	case ERR_INVALID_PRODUCER_EPOCH:
	case ERR_TRANSACTION_COORDINATOR_FENCED:
		t->is_fenced = true;
		break;
	default:
		break; /* sent again, to the leader of that moment */
	}
}

static void markers_answered(struct shard_call *call, void *state, struct shard_step *step)
{
	struct markers_call *m = container_of(call, struct markers_call, c.call);

	for (int i = 0; state && i < m->c.n; i++)
		take_answer(m->t, &m->c.marked[i]);
	if (state && m->t->unmarked.n == 0)
		complete(m->t, step);
	else if (state && !m->t->is_fenced)
		transaction_retry_later(state, m->t, step->now_ms);
	markers_free(m);
}

static void list_partitions(struct markers_call *m, const struct transaction_partitions *from)
{
	transaction_partitions_copy(&m->partitions, from);
	m->c.n = from->n;
	m->c.marked = xcalloc((size_t)from->n, sizeof(*m->c.marked));
	for (int i = 0; i < from->n; i++)
		m->c.marked[i] = (struct transaction_marked){
			.topic = transaction_partitions_topic(&m->partitions, i),
			.partition = from->v[i].partition,
		};
}

static void send(struct transaction *t, struct shard_step *step)
{
	struct markers_call *m = xcalloc(1, sizeof(*m));

	m->t = t;
	m->c.kind = TRANSACTION_CALL_MARKERS;
	m->c.call.done = markers_answered;
	m->c.marker = (struct transaction_marker){
		.producer_id = t->now.producer_id,
		.producer_epoch = t->now.epoch,
		.coordinator_epoch = step->epoch,
		.transaction_version = (int8_t)t->now.client_version,
		.commit = t->now.state == TRANSACTION_PREPARE_COMMIT,
	};
	list_partitions(m, &t->unmarked);
	shard_start_call(step, &m->c.call);
}

/* While the Prepare itself is pending, it is not known to be committed. */
void transaction_go_on_or_wait(struct transaction_shard *s, struct transaction *t, struct shard_step *step)
{
	if (t->pending == t->now.state)
		shard_written(step, transaction_settled, t);
	else
		transaction_go_on(s, t, step);
}

void transaction_go_on(struct transaction_shard *s, struct transaction *t, struct shard_step *step)
{
	(void)s;
	check(transaction_is_prepared(t->now.state) && !t->has_next);
	if (t->pending == t->now.state) { /* the first time */
		t->pending = t->now.state == TRANSACTION_PREPARE_COMMIT ? TRANSACTION_COMPLETE_COMMIT
									: TRANSACTION_COMPLETE_ABORT;
		transaction_partitions_fini(&t->unmarked);
		transaction_partitions_copy(&t->unmarked, &t->now.partitions);
	}
	forget_deleted(t, step->image);
	if (t->unmarked.n == 0)
		complete(t, step);
	else
		send(t, step);
}
