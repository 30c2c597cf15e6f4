/*
 * dump_index: offset, time and transaction indexes, and producer snapshots. An index is compared
 * with the log next to it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/dump_log.h"
#include "log/index.h"
#include "log/scan.h"
#include "log/txn_index.h"
#include "protocol/producer_snapshot.h"
#include "wire/codec.h"

enum { SNAPSHOT_MAX = 512 << 20 };

struct pair {
	struct file *index;
	struct file *log;
	struct file *offsets; /* for a time index: the offset index */
	int64_t base;
	int64_t log_size;
	int32_t n;
};

static int open_beside(struct dump *d, const char *path, const char *suffix, struct file **out)
{
	char *beside = xasprintf("%.*s%s", (int)(strrchr(path, '.') - path), path, suffix);
	int err = env_open(d->env, beside, FILE_READ, out);

	xfree(beside);
	return err;
}

static void close_pair(struct pair *p)
{
	file_unref(&p->index);
	file_unref(&p->log);
	file_unref(&p->offsets);
}

static int open_pair(struct dump *d, const char *path, int32_t entry, struct pair *p)
{
	int64_t index_size;
	int err = env_open(d->env, path, FILE_READ, &p->index);

	if (!err)
		err = open_beside(d, path, ".log", &p->log);
	if (err) {
		close_pair(p);
		return err;
	}
	p->base = dump_base_offset(path);
	p->log_size = file_size(p->log);
	index_size = file_size(p->index);
	if (p->log_size < 0 || index_size < 0) {
		close_pair(p);
		return (int)(p->log_size < 0 ? p->log_size : index_size);
	}
	p->n = (int32_t)(index_size / entry);
	return 0;
}

static int print_sanity(const char *path, bool sane)
{
	if (sane)
		printf("%s passed sanity check.\n", path);
	else
		fprintf(stderr, "%s is damaged: the next start makes it anew\n", path);
	return sane ? 0 : -EBADMSG;
}

/* ---- .index ---- */

static void check_offset_entry(struct dump *d, const char *path, const struct pair *p, struct index_entry e,
			       bool *complained)
{
	struct scan scan;

	scan_init(&scan, p->log, e.pos, p->log_size);
	int64_t last = scan_next(&scan) ? batch_last_offset(&scan.header) : -1;
	if (last == p->base + e.offset)
		return;
	if (!*complained)
		buf_printf(&d->complaints, "Mismatches in :%s\n", path);
	*complained = true;
	buf_printf(&d->complaints, "  Index offset: %" PRId64 ", log offset: %" PRId64 "\n", p->base + e.offset, last);
}

int dump_offset_index(struct dump *d, const char *path)
{
	struct pair p = {0};
	uint8_t bytes[TIME_ENTRY];
	bool complained = false;
	int err = open_pair(d, path, INDEX_ENTRY, &p);

	if (err)
		return err;
	if (p.n == 0)
		printf("%s is empty.\n", path);
	else if (d->options.index_sanity)
		err = print_sanity(path, index_count(p.index, KEY_OFFSET, p.log_size) == p.n);
	for (int32_t i = 0; i < p.n && !err && !d->options.index_sanity; i++) {
		err = index_read(p.index, KEY_OFFSET, i, bytes);
		struct index_entry e = index_get(bytes);
		if (err || (e.offset == 0 && i > 0)) /* zeros after the last entry */
			break;
		check_offset_entry(d, path, &p, e, &complained);
		if (!d->options.verify_only)
			printf("offset: %" PRId64 " position: %d\n", p.base + e.offset, e.pos);
	}
	close_pair(&p);
	return err;
}

/* ---- .timeindex ---- */

static int64_t position_of(const struct pair *p, int32_t offset)
{
	uint8_t bytes[TIME_ENTRY];

	if (!p->offsets)
		return 0;
	int i = index_search(p->offsets, (int32_t)(file_size(p->offsets) / INDEX_ENTRY), KEY_OFFSET, offset, bytes);
	return i >= 0 ? index_get(bytes).pos : 0;
}

static void check_time_entry(struct dump *d, const char *path, const struct pair *p, struct time_entry e,
			     int64_t before)
{
	struct scan scan;

	scan_init(&scan, p->log, position_of(p, e.offset), p->log_size);
	if (!scan_to(&scan, p->base + e.offset) || batch_last_offset(&scan.header) != p->base + e.offset) {
		buf_printf(&d->complaints,
			   "The following indexed offsets are not found in :%s\nIndexed offset: %" PRId64 "\n", path,
			   p->base + e.offset);
		return;
	}
	if (scan.header.max_timestamp != e.timestamp)
		buf_printf(&d->complaints,
			   "Found timestamp mismatch in :%s\n  Index timestamp: %" PRId64 ", log timestamp: %" PRId64
			   "\n",
			   path, e.timestamp, scan.header.max_timestamp);
	if (before >= e.timestamp)
		buf_printf(&d->complaints,
			   "Found out of order timestamp in :%s\n  Index timestamp: %" PRId64
			   ", Previously indexed timestamp: %" PRId64 "\n",
			   path, e.timestamp, before);
}

int dump_time_index(struct dump *d, const char *path)
{
	struct pair p = {0};
	uint8_t bytes[TIME_ENTRY];
	int64_t before = -1;
	int err = open_pair(d, path, TIME_ENTRY, &p);

	if (err)
		return err;
	if (open_beside(d, path, ".index", &p.offsets))
		p.offsets = NULL;
	if (d->options.index_sanity)
		err = print_sanity(path, index_count(p.index, KEY_TIMESTAMP, p.log_size) == p.n);
	for (int32_t i = 0; i < p.n && !err && !d->options.index_sanity; i++) {
		err = index_read(p.index, KEY_TIMESTAMP, i, bytes);
		struct time_entry e = time_get(bytes);
		if (err || (e.offset == 0 && i > 0))
			break;
		check_time_entry(d, path, &p, e, before);
		if (!d->options.verify_only)
			printf("timestamp: %" PRId64 " offset: %" PRId64 "\n", e.timestamp, p.base + e.offset);
		before = e.timestamp;
	}
	close_pair(&p);
	return err;
}

/* ---- .txnindex and .snapshot ---- */

int dump_txn_index(struct dump *d, const char *path)
{
	struct completed_txn t;
	struct file *file;
	int err = env_open(d->env, path, FILE_READ, &file);

	if (err)
		return err;
	for (int64_t i = 0; (err = txn_index_read(file, i, &t)) == 0; i++)
		printf("version: 0 producerId: %" PRId64 " firstOffset: %" PRId64 " lastOffset: %" PRId64
		       " lastStableOffset: %" PRId64 "\n",
		       t.producer_id, t.first_offset, t.last_offset, t.last_stable_offset);
	file_unref(&file);
	return err == -ENODATA ? 0 : err;
}

static void print_producer(const struct producer_snapshot_entry *p)
{
	int64_t first = (int64_t)p->last_sequence - p->offset_delta;

	printf("producerId: %" PRId64 " producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: ", p->producer_id,
	       p->epoch, p->coordinator_epoch);
	if (p->current_txn_first_offset >= 0)
		printf("OptionalLong[%" PRId64 "]", p->current_txn_first_offset);
	else
		printf("OptionalLong.empty");
	printf(" lastTimestamp: %" PRId64, p->timestamp);
	if (first < 0 && p->last_sequence >= 0)
		first += (int64_t)INT32_MAX + 1;
	if (p->last_offset >= 0)
		printf(" firstSequence: %" PRId64 " lastSequence: %d lastOffset: %" PRId64
		       " offsetDelta: %d timestamp: %" PRId64,
		       first, p->last_sequence, p->last_offset, p->offset_delta, p->timestamp);
	printf("\n");
}

/* int16 version, then producer_snapshot, whose checksum covers what follows it. */
static int print_producers(struct dump *d, const uint8_t *p, size_t len)
{
	enum { VERSION_LEN = 2, CRC_LEN = 4 };
	struct producer_snapshot snapshot;
	int version = len > VERSION_LEN + CRC_LEN ? get_i16(p) : -1;

	if (!schema_has_version(&producer_snapshot_schema, version) ||
	    codec_decode(&producer_snapshot_schema, version, p + VERSION_LEN, len - VERSION_LEN, &d->arena,
			 &snapshot) ||
	    snapshot.crc != crc32c(0, p + VERSION_LEN + CRC_LEN, len - VERSION_LEN - CRC_LEN))
		return ERR_CORRUPT_MESSAGE;
	for (int32_t i = 0; i < snapshot.producer_entries.n; i++)
		print_producer(&snapshot.producer_entries.v[i]);
	return 0;
}

int dump_producer_snapshot(struct dump *d, const char *path)
{
	char *bytes;
	size_t len;
	int err = env_read_file(d->env, path, SNAPSHOT_MAX, &bytes, &len);

	if (err)
		return err;
	err = print_producers(d, (const uint8_t *)bytes, len);
	arena_reset(&d->arena);
	xfree(bytes);
	return err;
}
