/*
 * state: the states of a transaction, their names in Kafka, and the moves allowed between them
 * (TransactionState).
 */
#include "transaction/internal.h"

#define BIT(state) (1U << TRANSACTION_##state)

static const struct {
	const char *name;
	unsigned from;
} STATES[TRANSACTION_STATES] = {
	[TRANSACTION_EMPTY] = {"Empty", BIT(EMPTY) | BIT(COMPLETE_COMMIT) | BIT(COMPLETE_ABORT)},
	[TRANSACTION_ONGOING] = {"Ongoing", BIT(ONGOING) | BIT(EMPTY) | BIT(COMPLETE_COMMIT) | BIT(COMPLETE_ABORT)},
	[TRANSACTION_PREPARE_COMMIT] = {"PrepareCommit", BIT(ONGOING)},
	[TRANSACTION_PREPARE_ABORT] = {"PrepareAbort",
				       BIT(ONGOING) | BIT(EMPTY) | BIT(COMPLETE_COMMIT) | BIT(COMPLETE_ABORT)},
	[TRANSACTION_COMPLETE_COMMIT] = {"CompleteCommit", BIT(PREPARE_COMMIT)},
	[TRANSACTION_COMPLETE_ABORT] = {"CompleteAbort", BIT(PREPARE_ABORT)},
	[TRANSACTION_DEAD] = {"Dead", BIT(EMPTY) | BIT(COMPLETE_ABORT) | BIT(COMPLETE_COMMIT)},
	[TRANSACTION_PREPARE_EPOCH_FENCE] = {"PrepareEpochFence", BIT(ONGOING)},
};

const char *transaction_state_name(enum transaction_state state)
{
	return STATES[state].name;
}

bool transaction_may_move(enum transaction_state from, enum transaction_state to)
{
	return (STATES[to].from & 1U << from) != 0;
}

bool transaction_state_is_known(struct str name)
{
	for (int i = 0; i < TRANSACTION_STATES; i++)
		if (str_is(name, STATES[i].name))
			return true;
	return false;
}
