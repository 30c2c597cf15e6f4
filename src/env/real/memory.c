/*
 * memory, real: how much of it there is for this process: the machine's, or less where a container's limit says so.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "env/real/real_priv.h"

/* The number in a file; 0 when there is none ("max" is none). */
static int64_t number_in(const char *path)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return strtoll(text, NULL, 10);
}

int64_t real_memory_bytes(void)
{
	static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
					     "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
	int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int64_t limit = number_in(limits[i]);

		if (limit > 0 && limit < memory)
			memory = limit;
	}
	return memory;
}
