/*
 * scan: walks the headers of batches in a file.
 */
#include "log/scan.h"

#include <errno.h>

#include "base/err.h"

void scan_init(struct scan *s, struct file *file, int64_t pos, int64_t end)
{
	s->file = file;
	s->pos = pos;
	s->end = end;
	s->at = pos;
	s->error = 0;
	s->nowait = false;
	s->cold = false;
	s->have_from = 0;
	s->have_len = 0;
}

/* Reads up to len bytes from s->pos on, at least `want`. */
static bool read_on(struct scan *s, int64_t len, int64_t want)
{
	ssize_t n = 0;

	s->have_len = 0;
	if (s->nowait) {
		n = file_pread_nowait(s->file, s->have, (size_t)len, s->pos);
		s->cold = n == -EAGAIN || (n > 0 && n < want);
	} else {
		s->error = file_read_full(s->file, s->have, (size_t)len, s->pos);
		n = s->error ? s->error : len;
	}
	if (s->cold || s->error)
		return false;
	if (n < want) {
		s->error = n < 0 ? (int)n : -ENODATA;
		return false;
	}
	s->have_from = s->pos;
	s->have_len = n;
	return true;
}

/* Makes the header at s->pos part of the buffer; false at the end and on errors. */
static bool fill(struct scan *s)
{
	int64_t left = s->end - s->pos;
	int64_t want = left < BATCH_HEADER_SIZE ? left : BATCH_HEADER_SIZE;

	if (left < BATCH_MAGIC_END)
		return false;
	if (s->pos >= s->have_from && s->pos + want <= s->have_from + s->have_len)
		return true;
	return read_on(s, left < SCAN_BUFFER ? left : SCAN_BUFFER, want);
}

bool scan_next(struct scan *s)
{
	if (s->error || !fill(s))
		return false;
	int64_t skip = s->pos - s->have_from;
	int err = batch_header_read(s->have + skip, (size_t)(s->have_len - skip), &s->header);

	if (err == -ENODATA || (!err && batch_size(&s->header) > s->end - s->pos))
		return false;
	s->error = err;
	if (err)
		return false;
	s->at = s->pos;
	s->pos += batch_size(&s->header);
	return true;
}

bool scan_to(struct scan *s, int64_t offset)
{
	while (scan_next(s))
		if (batch_last_offset(&s->header) >= offset)
			return true;
	return false;
}
