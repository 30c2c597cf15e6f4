/*
 * move: from a decision to the log (TransactionMetadata.prepareTransitionTo, completeTransitionTo).
 *
 *	decided (next, pending) -> in the log (now) -> committed -> nothing pending
 *	or, after a Prepare: -> markers, Complete
 *
 * A record that the log refuses leaves `now` unchanged. One that is in the log counts, even if it
 * was not known in time to be committed: for a Prepare the wait starts again, since markers must
 * not be sent for what may yet be lost.
 */
#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "transaction/internal.h"

struct transaction_values transaction_next(const struct transaction *t, enum transaction_state to,
					   const struct shard_step *step)
{
	struct transaction_values v = t->now;

	v.state = to;
	v.previous_producer_id = t->now.producer_id;
	v.update_ms = step->wall_ms;
	v.partitions = (struct transaction_partitions){0};
	return v;
}

void transaction_move(struct transaction *t, struct transaction_values *next, struct shard_step *step)
{
	check(!t->has_next && transaction_may_move(t->now.state, next->state));
	check(next->producer_id >= 0 && next->epoch >= 0);
	t->next = *next;
	t->has_next = true;
	t->pending = next->state;
	transaction_put(t, next, step);
	shard_written(step, transaction_settled, t);
}

static void drop_next(struct transaction *t)
{
	if (t->has_next)
		transaction_partitions_fini(&t->next.partitions);
	t->has_next = false;
}

/*
 * A Complete refused by the log is still owed: it is tried again (TransactionMarkerChannelManager's
 * retry queue).
 */
static void refused(struct transaction_shard *s, struct transaction *t, const struct shard_step *step)
{
	drop_next(t);
	if (transaction_is_prepared(t->now.state))
		transaction_retry_later(s, t, step->now_ms);
	else
		t->pending = TRANSACTION_NONE;
}

void transaction_settled(void *state, struct shard_step *step, void *arg, int err)
{
	struct transaction_shard *s = state;
	struct transaction *t = arg;

	if (t->has_gone)
		transaction_drop(s, t);
	else if (t->has_next || (err && t->pending == TRANSACTION_DEAD))
		refused(s, t, step);
	else if (!transaction_is_prepared(t->now.state))
		t->pending = TRANSACTION_NONE;
	else if (err == 0)
		transaction_go_on(s, t, step);
	else if (err != ERR_NOT_COORDINATOR)
		shard_written(step, transaction_settled, t);
	else /* it stood behind a batch that the log refused; or the shard is unloaded, and never comes to it */
		transaction_retry_later(s, t, step->now_ms);
}

/* ---- producer ids ---- */

struct id_call {
	struct transaction_call c;
	struct transaction *t;
	struct shard_command *command; /* NULL: no command waits */
};

/* The command goes on as if it had just come. One without any id does not stay. */
static void take_id(struct transaction_shard *s, struct id_call *ask, struct shard_step *step)
{
	struct shard_command *c = ask->command;
	struct transaction *t = ask->t;

	if (c)
		list_remove(&c->link);
	t->pending = TRANSACTION_NONE;
	t->spare_id = ask->c.producer_id;
	if (c && ask->c.err)
		shard_refuse(step, c, ask->c.err, STR_NULL);
	else if (c)
		transaction_command(s, c, step);
	if (ask->c.err && t->now.producer_id < 0)
		transaction_drop(s, t);
}

static void id_has_come(struct shard_call *call, void *state, struct shard_step *step)
{
	struct id_call *ask = container_of(call, struct id_call, c.call);

	/* Without a shard the transaction is gone, and unload() has refused the command. */
	if (state)
		take_id(state, ask, step);
	xfree(ask);
}

void transaction_ask_id(struct transaction_shard *s, struct transaction *t, struct shard_command *c,
			enum transaction_state to, struct shard_step *step)
{
	struct id_call *ask = xcalloc(1, sizeof(*ask));

	check(t->pending == TRANSACTION_NONE);
	ask->c = (struct transaction_call){.kind = TRANSACTION_CALL_ID, .producer_id = -1};
	ask->c.call.done = id_has_come;
	ask->t = t;
	ask->command = c;
	t->pending = to;
	if (c)
		list_push(&s->held, &c->link);
	shard_start_call(step, &ask->c.call);
}
