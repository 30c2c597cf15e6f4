/*
 * sealing: seals batches before their log is locked, because sealing takes long. They are sealed for
 * the offset and the epoch that they will most likely get. log_append_as_sealed uses the result if
 * they do get them; otherwise the batch is sealed again under the lock.
 *
 *	under the partition's lock	sealing_begin_batch or sealing_begin_replicated; false: nothing is to be sealed
 *	without it			sealing_run
 *	under it again			log_append_as_sealed, log_append_replicated_as_sealed
 *	finally				sealing_fini
 *
 * Owner: the thread that appends.
 */
#ifndef ODRADEK_LOG_SEALING_H
#define ODRADEK_LOG_SEALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atrest/seal.h"
#include "base/buf.h"

struct log;
struct log_dir;

struct sealing {
	struct log_dir *dir; /* NULL: nothing is sealed */
	struct seal_place place;
	const uint8_t *p; /* what is to be sealed; the caller keeps it unchanged until it is appended */
	size_t len;
	bool replicated;
	struct batch_header header; /* of a leader's batch, as sealed */
	int n;			    /* how many batches were sealed */
	struct buf bytes;	    /* everything at p, with its batches sealed; empty: sealing failed */
};

/* For a leader's batch with the header *h. `s` must be zeroed. */
bool sealing_begin_batch(const struct log *log, const uint8_t *p, const struct batch_header *h, int32_t leader_epoch,
			 struct sealing *s);
/* For batches whose offsets and epochs are set. `s` must be zeroed. */
bool sealing_begin_replicated(const struct log *log, const void *p, size_t len, struct sealing *s);
/* Any thread, without a lock. A failure is reported when the batch is appended. */
void sealing_run(struct sealing *s);
void sealing_fini(struct sealing *s);

#endif
