/*
 * txn_index: reads, appends and truncates entries of .txnindex.
 */
#include "log/txn_index.h"

#include <errno.h>

#include "base/endian.h"

int txn_index_append(struct file *file, const struct completed_txn *t)
{
	uint8_t p[TXN_ENTRY];
	int64_t size = file_size(file);

	if (size < 0)
		return (int)size;
	size -= size % TXN_ENTRY;
	put_i16(p, 0);
	put_i64(p + 2, t->producer_id);
	put_i64(p + 10, t->first_offset);
	put_i64(p + 18, t->last_offset);
	put_i64(p + 26, t->last_stable_offset);
	int err = file_write_full(file, p, sizeof(p), size);
	if (err)
		error_ignored(file_truncate(file, size)); /* what stays is written over */
	return err;
}

int txn_index_read(struct file *file, int64_t i, struct completed_txn *out)
{
	uint8_t p[TXN_ENTRY];
	int err = file_read_full(file, p, sizeof(p), i * TXN_ENTRY);

	if (err)
		return err;
	if (get_i16(p) != 0)
		return -EINVAL;
	*out = (struct completed_txn){
		.producer_id = get_i64(p + 2),
		.first_offset = get_i64(p + 10),
		.last_offset = get_i64(p + 18),
		.last_stable_offset = get_i64(p + 26),
		.aborted = true,
	};
	return 0;
}

int txn_index_cut(struct file *file, int64_t base, int64_t offset)
{
	struct completed_txn t;
	int64_t n = 0;
	int err;

	for (; (err = txn_index_read(file, n, &t)) == 0 && t.last_offset >= base && t.last_offset < offset &&
	       t.first_offset < t.last_offset; /* zeros look like an entry at 0, but a marker is no record */
	     n++)
		base = t.last_offset + 1;
	if (err && err != -ENODATA && err != -EINVAL)
		return err;
	return file_size(file) == n * TXN_ENTRY ? 0 : file_truncate(file, n * TXN_ENTRY);
}
