/*
 * memory, real: how much memory this process may use: the machine's, or a container's lower limit;
 * and giving some back.
 */
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "env/real/real_priv.h"

/* Reads the number in a file; 0 if there is none ("max" is none). */
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

/*
 * For a program or library: drops the segments that are never written. They are in the page cache,
 * and pages still in use come back with a minor fault.
 */
static int let_segments_go(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t page = *(const uintptr_t *)arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + h->p_vaddr + page - 1) & ~(page - 1);
		uintptr_t to = (info->dlpi_addr + h->p_vaddr + h->p_memsz) & ~(page - 1);

		if (h->p_type == PT_LOAD && !(h->p_flags & PF_W) && from < to)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

/* Half of an idle node's resident memory is code that ran once: the loader, the settings, the replay. */
void real_let_go(struct env *e)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)e;
	dl_iterate_phdr(let_segments_go, &page);
}
