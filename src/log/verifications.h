/*
 * verifications: producers whose transaction's coordinator is being asked whether a log is part of it (KIP-890, VerificationStateEntry).
 *
 * The first batch of a transaction may follow when the answer has come, and nothing has ended a transaction in between: each question has a
 * guard, a number that is given once, and an append or a marker of this producer ends it. What is asked again has the same guard, so that
 * batches in flight need one answer each and one of them takes it. Owner: the log.
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
	int32_t lowest_sequence; /* that has been asked for: what is above it waits for it */
	int16_t epoch;
	bool bumps_epochs; /* the producer is of transaction.version 2 */
};

struct verifications;

/* NULL is fine, in all of them: nobody asks. */
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

/* The guard. Made when it is needed; the seed is of its map. */
uint64_t verifications_ask(struct verifications **v, const struct verification_question *q, uint64_t seed,
			   int64_t now_ms);

#endif
