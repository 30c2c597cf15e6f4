/*
 * init_producer_id: InitProducerId with a transactional id: fences the previous holder by the next
 * epoch, or by a new producer id when epochs run out (TransactionCoordinator.handleInitProducerId,
 * TransactionMetadata.prepareIncrementProducerEpoch, prepareProducerIdRotation).
 *
 *	nothing known			a producer id, epoch 0
 *	Empty, Complete*		the next epoch; after the last one a new producer id and epoch 0
 *	Ongoing				the transaction is aborted first: CONCURRENT_TRANSACTIONS; the
 *					client retries
 *	Prepare*, anything pending	CONCURRENT_TRANSACTIONS
 *
 * A producer that names its previous identity (KIP-360) gets PRODUCER_FENCED unless that is the
 * latest; a repeated request gets the same answer.
 */
#include "base/err.h"
#include "protocol/init_producer_id.h"
#include "transaction/internal.h"

#define PRODUCER_FENCED_SINCE 4

/* The producer named in the request. */
struct expected {
	int64_t producer_id; /* -1: not named */
	int16_t epoch;
};

static bool is_named(const struct expected *e)
{
	return e->producer_id != -1;
}

static void refuse(struct shard_command *c, struct shard_step *step, int err)
{
	shard_refuse(step, c, transaction_error_since(c, err, PRODUCER_FENCED_SINCE), STR_NULL);
}

/* It is new here, or the latest, or the last of an id whose epochs ran out and whose answer was lost. */
static bool may_be(const struct transaction_values *now, const struct expected *e)
{
	return !is_named(e) || now->epoch == NO_EPOCH || e->producer_id == now->producer_id ||
	       (e->producer_id == now->previous_producer_id && transaction_epoch_is_exhausted(e->epoch));
}

static bool wants_new_id(const struct transaction_values *now, const struct expected *e)
{
	return transaction_epoch_is_exhausted(now->epoch) && (!is_named(e) || e->epoch == now->epoch);
}

/* Returns 0 and sets the epochs of `next`, or ERR_PRODUCER_FENCED. */
static int bump(const struct transaction_values *now, const struct expected *e, struct transaction_values *next)
{
	bool asks_again = is_named(e) && now->epoch != NO_EPOCH && e->epoch != now->epoch;

	if (asks_again && e->epoch != now->last_epoch)
		return ERR_PRODUCER_FENCED;
	if (asks_again)
		return 0;
	next->epoch = (int16_t)(now->epoch + 1);
	next->last_epoch = !is_named(e) ? NO_EPOCH : now->epoch;
	return 0;
}

static void rotate(struct transaction *t, const struct expected *e, struct transaction_values *next)
{
	next->producer_id = t->spare_id;
	next->last_epoch = !is_named(e) ? NO_EPOCH : t->now.epoch;
	next->epoch = 0;
	t->spare_id = -1;
}

static void begin(struct transaction *t, struct shard_command *c, const struct expected *e, bool new_id,
		  struct shard_step *step)
{
	const struct init_producer_id_request *in = c->in;
	struct init_producer_id_response *out = c->out;
	struct transaction_values next = transaction_next(t, TRANSACTION_EMPTY, step);
	int err = 0;

	if (new_id)
		rotate(t, e, &next);
	else
		err = bump(&t->now, e, &next);
	if (err) {
		refuse(c, step, err);
		return;
	}
	next.timeout_ms = in->transaction_timeout_ms;
	next.start_ms = -1;
	out->producer_id = next.producer_id;
	out->producer_epoch = next.epoch;
	transaction_move(t, &next, step);
	shard_answer(step, c);
}

static struct transaction *find_or_add(struct transaction_shard *s, const struct init_producer_id_request *in,
				       const struct shard_step *step)
{
	struct transaction *t = transaction_find(s, in->transactional_id);

	if (t)
		return t;
	t = transaction_add(s, in->transactional_id);
	t->now.timeout_ms = in->transaction_timeout_ms;
	t->now.update_ms = step->wall_ms;
	return t;
}

/* The id of a transaction that has none yet. */
static void take_first_id(struct transaction *t)
{
	if (t->now.producer_id >= 0 || t->spare_id < 0)
		return;
	t->now.producer_id = t->spare_id;
	t->spare_id = -1;
}

void transaction_init_command(struct transaction_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct init_producer_id_request *in = c->in;
	struct expected e = {in->producer_id, in->producer_epoch};
	struct transaction *t = find_or_add(s, in, step);
	bool new_id;

	if (t->pending != TRANSACTION_NONE) {
		refuse(c, step, ERR_CONCURRENT_TRANSACTIONS);
		return;
	}
	take_first_id(t);
	new_id = t->now.producer_id >= 0 && wants_new_id(&t->now, &e);
	if (!may_be(&t->now, &e))
		refuse(c, step, ERR_PRODUCER_FENCED);
	else if (transaction_is_prepared(t->now.state))
		refuse(c, step, ERR_CONCURRENT_TRANSACTIONS);
	else if (t->now.state == TRANSACTION_ONGOING && transaction_fence(s, t, c, step))
		refuse(c, step, ERR_CONCURRENT_TRANSACTIONS); /* answered when the abort is in the log */
	else if (t->now.state == TRANSACTION_ONGOING)
		return;
	else if (t->spare_id < 0 && (new_id || t->now.producer_id < 0))
		transaction_ask_id(s, t, c, TRANSACTION_EMPTY, step);
	else
		begin(t, c, &e, new_id, step);
}
