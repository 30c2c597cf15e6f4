/*
 * floor_disk: the speed of this machine's disk and page cache, without a broker.
 *
 *	floor_disk commits DIRECTORY FILES THREADS SECONDS BYTES
 *		each thread appends BYTES to its files in turn, with an fdatasync after each
 *	floor_disk group DIRECTORY FILES SECONDS BYTES
 *		appends BYTES to each of the files, then one syncfs for all: FILES commits
 *	floor_disk scan FILE...
 *		reads the files one MiB at a time, with the CRC32C of every 16 KiB, as recovery does
 *	floor_disk forget FILE...
 *		writes them out, and drops them from the page cache
 *
 * The result is lines NAME=VALUE.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "tests/bench/hist.h"
#include "tests/bench/raw.h"

#define SCAN_BYTES ((size_t)1 << 20)
#define CRC_BYTES ((size_t)16384)

struct job {
	pthread_t thread;
	int *fds;
	int n;
	int64_t until_us;
	size_t bytes;
	int64_t commits;
	struct hist *hist;
};

static int *files_open(const char *dir, int n)
{
	int *fds = calloc((size_t)n, sizeof(*fds));

	for (int i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/floor-%d", dir, i);
		fds[i] = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
		if (fds[i] < 0)
			raw_die("%s: %s", path, strerror(errno));
		unlink(path);
	}
	return fds;
}

static void put(int fd, const void *p, size_t len)
{
	if (write(fd, p, len) != (ssize_t)len)
		raw_die("write: %s", strerror(errno));
}

static void *commit(void *arg)
{
	struct job *j = arg;
	char *p = calloc(1, j->bytes);

	for (int i = 0; raw_now_us() < j->until_us; i = (i + 1) % j->n) {
		int64_t began = raw_now_us();

		put(j->fds[i], p, j->bytes);
		if (fdatasync(j->fds[i]) != 0)
			raw_die("fdatasync: %s", strerror(errno));
		hist_add(j->hist, raw_now_us() - began);
		j->commits++;
	}
	free(p);
	return NULL;
}

static void say(int64_t commits, int64_t us)
{
	printf("commits=%lld\nper_second=%.0f\n", (long long)commits, (double)commits * 1e6 / (double)us);
}

static int run_commits(int argc, char **argv)
{
	int files = atoi(argv[1]), threads = atoi(argv[2]), *fds = files_open(argv[0], files);
	struct job *jobs = calloc((size_t)threads, sizeof(*jobs));
	int64_t began = raw_now_us(), commits = 0;

	(void)argc;
	if (threads > files)
		raw_die("more threads than files");
	for (int i = 0; i < threads; i++) {
		int first = files * i / threads;

		jobs[i] = (struct job){.fds = fds + first,
				       .n = files * (i + 1) / threads - first,
				       .bytes = (size_t)atoll(argv[4]),
				       .until_us = began + atoll(argv[3]) * 1000000,
				       .hist = calloc(1, sizeof(struct hist))};
		if (pthread_create(&jobs[i].thread, NULL, commit, &jobs[i]) != 0)
			raw_die("no thread");
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(jobs[i].thread, NULL);
		commits += jobs[i].commits;
	}
	say(commits, raw_now_us() - began);
	hist_print(jobs[0].hist);
	return 0;
}

static int run_group(int argc, char **argv)
{
	int files = atoi(argv[1]), *fds = files_open(argv[0], files);
	int64_t began = raw_now_us(), until = began + atoll(argv[2]) * 1000000, commits = 0;
	size_t bytes = (size_t)atoll(argv[3]);
	char *p = calloc(1, bytes);

	(void)argc;
	for (; raw_now_us() < until; commits += files) {
		for (int i = 0; i < files; i++)
			put(fds[i], p, bytes);
		if (syncfs(fds[0]) != 0)
			raw_die("syncfs: %s", strerror(errno));
	}
	say(commits, raw_now_us() - began);
	free(p);
	return 0;
}

static int64_t scan(const char *path, uint8_t *p, uint32_t *crc)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t sum = 0;
	ssize_t n;

	if (fd < 0)
		raw_die("%s: %s", path, strerror(errno));
	while ((n = read(fd, p, SCAN_BYTES)) > 0) {
		for (size_t at = 0; at < (size_t)n; at += CRC_BYTES)
			*crc ^= crc32c(0, p + at, (size_t)n - at < CRC_BYTES ? (size_t)n - at : CRC_BYTES);
		sum += n;
	}
	close(fd);
	return sum;
}

static int run_scan(int argc, char **argv)
{
	int64_t began = raw_now_us(), bytes = 0, us;
	uint8_t *p = malloc(SCAN_BYTES);
	uint32_t crc = 0;

	for (int i = 0; i < argc; i++)
		bytes += scan(argv[i], p, &crc);
	us = raw_now_us() - began;
	printf("bytes=%lld\ntotal_us=%lld\ncrc=%u\n", (long long)bytes, (long long)us, crc);
	free(p);
	return 0;
}

static int run_forget(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
			raw_die("%s: %s", argv[i], strerror(errno));
		close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
		int n_args; /* minimum */
	} kinds[] = {
		{"commits", run_commits, 5}, {"group", run_group, 4}, {"scan", run_scan, 1}, {"forget", run_forget, 1}};

	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name) && argc >= 2 + kinds[i].n_args)
			return kinds[i].run(argc - 2, argv + 2);
	raw_die("what shall I measure? See the head of floor_disk.c");
}
