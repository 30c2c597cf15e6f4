/*
 * verifications: producers for which a transaction coordinator is being asked whether the log is
 * part of the transaction (KIP-890, VerificationStateEntry).
 *
 * The first batch of a transaction may be appended once the answer has come, if no transaction of
 * the producer has ended in between. Each question therefore has a guard, a number that is used
 * once; an append or a marker of this producer ends it. Asking again yields the same guard, so when
 * several batches are in flight, each needs its own answer, and one of them uses up the guard.
 * Owner: the log.
 */
#ifndef ODRADEK_LOG_VERIFICATIONS_H
#define ODRADEK_LOG_VERIFICATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "wire/batch.h"

struct unverified {
	struct map_node node; /* by producer id */
	int64_t producer_id;
	uint64_t guard;
	int64_t asked_ms;
	int32_t lowest_sequence; /* lowest sequence asked for: batches with a higher one must wait for it */
	int16_t epoch;
	bool bumps_epochs; /* the producer uses transaction.version 2 */
};

struct verifications;

/* All of these accept NULL: nothing is being asked. */
void verifications_free(struct verifications *v);
const struct unverified *verifications_find(const struct verifications *v, int64_t producer_id);
void verifications_remove(struct verifications *v, int64_t producer_id);
void verifications_expire(struct verifications *v, int64_t now_ms, int64_t expiration_ms);

struct verification_question {
	int64_t producer_id;
	int16_t epoch;
	int32_t base_sequence;
	bool bumps_epochs;
};

/* Returns the guard. Creates *v when needed, with `seed` for its map. */
uint64_t verifications_ask(struct verifications **v, const struct verification_question *q, uint64_t seed,
			   int64_t now_ms);

#endif
