/*
 * replay: applies batches of the metadata log one after the other, with the metadata transactions
 * in them (KIP-868).
 *
 * 1. `image` never shows half a transaction: between BeginTransaction and its end, it is the image
 *    before the transaction.
 * 2. `tip` is the image with everything in it, an open transaction included: the basis for a
 *    controller's decisions.
 * 3. After an error both are unchanged.
 */
#ifndef ODRADEK_METADATA_REPLAY_H
#define ODRADEK_METADATA_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "metadata/image.h"

struct replay {
	const struct image *image;
	const struct image *tip;
	bool in_transaction;
	int64_t transaction_offset; /* of the BeginTransaction record; -1 when none is open */
};

void replay_init(struct replay *r, const struct image *take_image);
void replay_fini(struct replay *r);
/* 0, or -EBADMSG with the reason. */
int replay_batch(struct replay *r, const struct image_batch *batch, const char **why);
/* A batch without metadata records (control records): only the position moves. */
void replay_skip(struct replay *r, int64_t last_offset, int32_t epoch, int64_t timestamp_ms);

#endif
