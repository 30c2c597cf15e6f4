/*
 * txn_index: the aborted transactions of one segment, in the order of their markers.
 *
 *	34 bytes each: int16 version 0, int64 producer id, int64 first offset, int64 last offset (the marker),
 *	int64 last stable offset
 *
 * The last stable offset of an entry lets a reader stop early: every transaction that was aborted
 * below it is listed before the entry.
 */
#ifndef ODRADEK_LOG_TXN_INDEX_H
#define ODRADEK_LOG_TXN_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"
#include "log/producers.h"

enum { TXN_ENTRY = 34 };

int txn_index_append(struct file *file, const struct completed_txn *t);
/* Reads entry i: 0, -ENODATA at the end, -EINVAL for a version other than 0. */
int txn_index_read(struct file *file, int64_t i, struct completed_txn *out);
/*
 * For the index of a segment that begins at base: drops the entries whose marker is at or beyond
 * offset, and anything that is not an entry (a power cut may leave zeros).
 */
int txn_index_cut(struct file *file, int64_t base, int64_t offset);

#endif
