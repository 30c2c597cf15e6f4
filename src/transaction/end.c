/*
 * end: EndTxn prepares a transaction for commit or abort (TransactionCoordinator.endTransaction).
 * An abort without a request, because of a timeout or a new InitProducerId, also fences the
 * producer.
 *
 * transaction.version 0 and 1:
 *			commit			abort
 *	Ongoing		PrepareCommit		PrepareAbort
 *	CompleteCommit	0			INVALID_TXN_STATE
 *	CompleteAbort	INVALID_TXN_STATE	0
 *	Prepare*	CONCURRENT_TRANSACTIONS if it is the same, otherwise INVALID_TXN_STATE
 *	Empty		INVALID_TXN_STATE	INVALID_TXN_STATE
 *
 * 2 (KIP-890): each end bumps the epoch, so an old epoch means that the request is a repetition.
 *			commit				abort
 *			repeated	new		repeated	new
 *	Ongoing		PRODUCER_FENCED	PrepareCommit	PRODUCER_FENCED	PrepareAbort
 *	CompleteCommit	0		INVALID_TXN_S.	INVALID_TXN_S.	PrepareAbort
 *	CompleteAbort	INVALID_TXN_S.	INVALID_TXN_S.	0		PrepareAbort
 *	Empty		PRODUCER_FENCED	INVALID_TXN_S.	PRODUCER_FENCED	PrepareAbort
 *
 * Aborting nothing bumps the epoch too: the client does not know what has arrived. When epochs run
 * out, the producer continues with a new id.
 */
#include "base/check.h"
#include "base/err.h"
#include "protocol/end_txn.h"
#include "transaction/internal.h"

#define PRODUCER_FENCED_SINCE 2
#define TRANSACTION_VERSION_2_SINCE 5

enum verdict { REFUSED, ALREADY, PREPARES };

/* ---- moves ---- */

/* The id with which the producer continues; -1: its own. Uses up the spare id. */
static int64_t next_producer_id(struct transaction *t)
{
	int64_t id = -1;

	if (transaction_epoch_is_exhausted(t->now.epoch)) {
		id = t->spare_id;
		t->spare_id = -1;
	}
	return id;
}

static bool needs_id(const struct transaction *t, int16_t version)
{
	return transaction_bumps_epochs(version) && transaction_epoch_is_exhausted(t->now.epoch) && t->spare_id < 0;
}

/*
 * An epoch that has already reached its maximum, through an old fault, does not keep a transaction
 * from being aborted.
 */
static int16_t bumped(int16_t epoch)
{
	return (int16_t)(epoch == EPOCH_MAX ? EPOCH_MAX : epoch + 1);
}

static struct transaction_values prepared(struct transaction *t, enum transaction_state to, int16_t version,
					  const struct shard_step *step)
{
	struct transaction_values next = transaction_next(t, to, step);

	if (t->now.state != TRANSACTION_ONGOING)
		next.start_ms = step->wall_ms;
	next.client_version = version;
	next.next_producer_id = -1;
	if (transaction_bumps_epochs(version)) {
		next.next_producer_id = next_producer_id(t);
		next.epoch = bumped(t->now.epoch);
		next.last_epoch = t->now.epoch;
	}
	return next;
}

static void move(struct transaction *t, struct transaction_values *next, struct shard_step *step)
{
	transaction_partitions_copy(&next->partitions, &t->now.partitions);
	transaction_move(t, next, step);
}

bool transaction_fence(struct transaction_shard *s, struct transaction *t, struct shard_command *c,
		       struct shard_step *step)
{
	int16_t version = transaction_bumps_epochs(transaction_version(step)) ? transaction_version(step) : 0;
	struct transaction_values next;

	check(t->now.state == TRANSACTION_ONGOING && t->pending == TRANSACTION_NONE);
	if (needs_id(t, version)) {
		transaction_ask_id(s, t, c, TRANSACTION_PREPARE_EPOCH_FENCE, step);
		return false;
	}
	next = prepared(t, TRANSACTION_PREPARE_ABORT, version, step);
	if (!transaction_bumps_epochs(version)) {
		next.epoch = bumped(t->now.epoch);
		next.last_epoch = NO_EPOCH;
	}
	move(t, &next, step);
	return true;
}

/* ---- EndTxn ---- */

static enum transaction_state wanted(const struct end_txn_request *in)
{
	return in->committed ? TRANSACTION_PREPARE_COMMIT : TRANSACTION_PREPARE_ABORT;
}

static enum transaction_state wanted_in_the_end(const struct end_txn_request *in)
{
	return in->committed ? TRANSACTION_COMPLETE_COMMIT : TRANSACTION_COMPLETE_ABORT;
}

static enum verdict judge_1(const struct transaction *t, const struct end_txn_request *in, int *err)
{
	*err = 0;
	if (t->now.producer_id != in->producer_id)
		*err = ERR_INVALID_PRODUCER_ID_MAPPING;
	else if (in->producer_epoch != t->now.epoch)
		*err = ERR_PRODUCER_FENCED;
	else if (t->pending != TRANSACTION_NONE)
		*err = ERR_CONCURRENT_TRANSACTIONS;
	else if (t->now.state == TRANSACTION_ONGOING)
		return PREPARES;
	else if (t->now.state == wanted_in_the_end(in))
		return ALREADY;
	else
		*err = t->now.state == wanted(in) ? ERR_CONCURRENT_TRANSACTIONS : ERR_INVALID_TXN_STATE;
	return REFUSED;
}

/* The request has been carried out before, and the epoch or the producer id is the next one. */
static bool is_again(const struct transaction_values *now, const struct end_txn_request *in)
{
	return now->epoch == in->producer_epoch + 1 ||
	       (now->previous_producer_id == in->producer_id && in->producer_epoch == EPOCH_MAX - 1 && now->epoch == 0);
}

static bool epoch_is_valid(const struct transaction_values *now, const struct end_txn_request *in)
{
	if (transaction_is_prepared(now->state))
		return now->epoch == in->producer_epoch + 1;
	if (now->state == TRANSACTION_COMPLETE_COMMIT || now->state == TRANSACTION_COMPLETE_ABORT)
		return is_again(now, in) || in->producer_epoch == now->epoch;
	return in->producer_epoch == now->epoch;
}

static enum verdict judge_state_2(const struct transaction_values *now, const struct end_txn_request *in, int *err)
{
	bool again = is_again(now, in);

	if (now->state == TRANSACTION_ONGOING)
		return PREPARES;
	if (again && now->state == wanted_in_the_end(in))
		return ALREADY;
	if (!in->committed && transaction_is_idle(now->state) && !(again && now->state != TRANSACTION_EMPTY))
		return PREPARES;
	*err = now->state == wanted(in) ? ERR_CONCURRENT_TRANSACTIONS : ERR_INVALID_TXN_STATE;
	return REFUSED;
}

static enum verdict judge_2(const struct transaction *t, const struct end_txn_request *in, int *err)
{
	bool moved_on = t->now.epoch != in->producer_epoch + 1 && is_again(&t->now, in);

	*err = 0;
	if (t->pending != TRANSACTION_NONE)
		*err = ERR_CONCURRENT_TRANSACTIONS;
	else if (t->now.producer_id != in->producer_id && !moved_on)
		*err = ERR_INVALID_PRODUCER_ID_MAPPING;
	else if (!epoch_is_valid(&t->now, in))
		*err = ERR_PRODUCER_FENCED;
	else
		return judge_state_2(&t->now, in, err);
	return REFUSED;
}

/* From version 5 on the client is told how it continues. */
static void answer_producer(struct end_txn_response *out, const struct transaction_values *v)
{
	bool moves_on = v->next_producer_id >= 0;

	out->producer_id = moves_on ? v->next_producer_id : v->producer_id;
	out->producer_epoch = moves_on ? 0 : v->epoch;
}

static void end(struct transaction *t, struct shard_command *c, int16_t version, struct shard_step *step)
{
	const struct end_txn_request *in = c->in;
	struct transaction_values next = prepared(t, wanted(in), version, step);

	if (transaction_bumps_epochs(version))
		answer_producer(c->out, &next);
	move(t, &next, step);
	shard_answer(step, c);
}

static void refuse(struct shard_command *c, struct shard_step *step, int err)
{
	shard_refuse(step, c, transaction_error_since(c, err, PRODUCER_FENCED_SINCE), STR_NULL);
}

void transaction_end_command(struct transaction_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct end_txn_request *in = c->in;
	struct transaction *t = transaction_find(s, in->transactional_id);
	int16_t version = c->version >= TRANSACTION_VERSION_2_SINCE ? 2 : 0;
	enum verdict verdict;
	int err;

	if (in->transactional_id.len == 0 || !t) {
		refuse(c, step, in->transactional_id.len == 0 ? ERR_INVALID_REQUEST : ERR_INVALID_PRODUCER_ID_MAPPING);
		return;
	}
	verdict = version >= 2 ? judge_2(t, in, &err) : judge_1(t, in, &err);
	if (verdict == REFUSED) {
		refuse(c, step, err);
	} else if (verdict == PREPARES && needs_id(t, version)) {
		transaction_ask_id(s, t, c, wanted(in), step);
	} else if (verdict == PREPARES) {
		end(t, c, version, step);
	} else {
		if (version >= 2)
			answer_producer(c->out, &t->now);
		shard_answer(step, c);
	}
}
