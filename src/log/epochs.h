/*
 * epochs: where each leader epoch of one log began (KIP-101), as stored in leader-epoch-checkpoint.
 *
 * Epochs and start offsets both increase strictly. A zeroed struct is empty. Owner: the log.
 */
#ifndef ODRADEK_LOG_EPOCHS_H
#define ODRADEK_LOG_EPOCHS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "log/log.h"

struct epoch_start {
	int64_t start;
	int32_t epoch;
};

struct epochs {
	struct epoch_start *v;
	int n;
	int cap;
};

void epochs_fini(struct epochs *e);
void epochs_copy(struct epochs *to, const struct epochs *from); /* `to` is not initialized */
int32_t epochs_last(const struct epochs *e);			/* -1 when empty */
/*
 * Notes that `epoch` begins at `start`; entries that contradict it are dropped. Returns true when
 * something changed.
 */
bool epochs_assign(struct epochs *e, int32_t epoch, int64_t start);
struct epoch_end epochs_end_of(const struct epochs *e, int32_t epoch, int64_t log_end);
int32_t epochs_of(const struct epochs *e, int64_t offset);
/* Both return true when something changed. */
bool epochs_truncate_end(struct epochs *e, int64_t end);
bool epochs_truncate_start(struct epochs *e, int64_t start);

int epochs_below(const struct epochs *e, int64_t end); /* how many begin below the end of a log */
/*
 * The text of a checkpoint: the epochs that have records, since a load drops the others, Kafka's
 * too. Parse returns false, with *e empty, when the text is not a checkpoint. An empty file is an
 * empty list.
 */
void epochs_format(const struct epochs *e, int64_t end, struct buf *out);
bool epochs_parse(struct epochs *e, struct str text);

#endif
