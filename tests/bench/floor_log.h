/*
 * floor_log: the logs of the floor broker: a file of batches each, and where each batch begins, in memory. At a GiB a log starts over with a new
 * file, and the one before is deleted. One thread; every failure ends the program with a line.
 */
#ifndef ODRADEK_TESTS_BENCH_FLOOR_LOG_H
#define ODRADEK_TESTS_BENCH_FLOOR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_at {
	int64_t offset, pos;
};

struct log {
	char name[128]; /* of the topic */
	int32_t partition;
	int fd, number;
	int64_t start, next, size;
	struct batch_at *batches;
	size_t n, cap;
};

void logs_init(const char *directory, bool keeps); /* keeps: they have files; the directory's name is kept */
/* Of a partition; made when it is asked for the first time. */
struct log *log_of(const char *name, size_t len, int32_t partition);
/* Where the batch with that offset begins; the end, when there is none. */
int64_t log_pos(const struct log *l, int64_t offset);
/* Gives offsets to the batches of one partition and writes them at once; they are patched in the memory they came in. The first offset. */
int64_t log_append(struct log *l, uint8_t *p, size_t len);

#endif
