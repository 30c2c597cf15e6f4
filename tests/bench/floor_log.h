/*
 * floor_log: the logs of the floor broker: a file of batches per log, and an index of where each
 * batch begins, in memory. At 1 GiB a log continues in a new file, and the old one is deleted. One
 * thread; every failure ends the program with a message.
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

void logs_init(const char *directory, bool keeps); /* keeps: logs have files; the directory's name is kept */
/* The log of a partition, created at its first use. */
struct log *log_of(const char *name, size_t len, int32_t partition);
/* Position of the batch with that offset; the end when there is none. */
int64_t log_pos(const struct log *l, int64_t offset);
/*
 * Assigns offsets to the batches of one partition, in place, and writes them at once. Returns the
 * first offset.
 */
int64_t log_append(struct log *l, uint8_t *p, size_t len);
/* Writes bytes that are no batch, and that nobody fetches. */
void log_write(struct log *l, const uint8_t *p, size_t len);

#endif
