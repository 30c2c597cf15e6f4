#include "tests/bench/floor_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/endian.h"
#include "tests/bench/raw.h"

#define SEGMENT_BYTES (INT64_C(1) << 30)
#define MAX_LOGS 65536

static struct log *logs[MAX_LOGS];
static const char *directory;
static bool keep_files;

void logs_init(const char *dir, bool keeps)
{
	directory = dir;
	keep_files = keeps;
}

static void log_roll(struct log *l)
{
	char path[512];

	if (l->fd >= 0)
		close(l->fd);
	snprintf(path, sizeof(path), "%s/%s-%d.%d", directory, l->name, l->partition, l->number - 1);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s-%d.%d", directory, l->name, l->partition, ++l->number);
	l->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (l->fd < 0)
		raw_die("%s: %s", path, strerror(errno));
	l->start = l->next;
	l->size = 0;
	l->n = 0;
}

struct log *log_of(const char *name, size_t len, int32_t partition)
{
	uint32_t h = crc32c((uint32_t)partition, name, len);
	struct log *l;

	for (;; h++) {
		l = logs[h % MAX_LOGS];
		if (!l)
			break;
		if (l->partition == partition && strlen(l->name) == len && !memcmp(l->name, name, len))
			return l;
	}
	l = calloc(1, sizeof(*l));
	if (!l || len >= sizeof(l->name))
		raw_die("a topic's name is too long");
	memcpy(l->name, name, len);
	l->partition = partition;
	l->fd = -1;
	if (keep_files)
		log_roll(l);
	logs[h % MAX_LOGS] = l;
	return l;
}

static void log_note(struct log *l, int64_t offset, int64_t pos)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 1024;
		l->batches = realloc(l->batches, l->cap * sizeof(*l->batches));
		if (!l->batches)
			raw_die("out of memory");
	}
	l->batches[l->n++] = (struct batch_at){offset, pos};
}

int64_t log_pos(const struct log *l, int64_t offset)
{
	size_t low = 0, high = l->n;

	if (offset >= l->next)
		return l->size;
	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (l->batches[mid].offset <= offset)
			low = mid;
		else
			high = mid;
	}
	return l->n ? l->batches[low].pos : 0;
}

static void write_at_end(struct log *l, const uint8_t *p, size_t len)
{
	if (pwrite(l->fd, p, len, l->size) != (ssize_t)len)
		raw_die("pwrite: %s", strerror(errno));
	l->size += (int64_t)len;
}

int64_t log_append(struct log *l, uint8_t *p, size_t len)
{
	int64_t first = l->next;
	size_t at = 0;

	if (l->size > SEGMENT_BYTES)
		log_roll(l);
	while (len - at >= 61) {
		size_t batch_len = 12 + (size_t)get_u32(p + at + 8);

		if (batch_len > len - at || crc32c(0, p + at + 21, batch_len - 21) != get_u32(p + at + 17))
			raw_die("a batch is damaged");
		put_u64(p + at, (uint64_t)l->next);
		log_note(l, l->next, l->size + (int64_t)at);
		l->next += get_i32(p + at + 23) + 1;
		at += batch_len;
	}
	write_at_end(l, p, at);
	return first;
}

void log_write(struct log *l, const uint8_t *p, size_t len)
{
	if (l->size > SEGMENT_BYTES)
		log_roll(l);
	write_at_end(l, p, len);
}
