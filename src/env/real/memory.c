/*
 * memory, real: how much of it there is for this process: the machine's, or less where a container's limit says so; and giving some back.
 */
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>
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

/* Of a program or library: what is never written. The page cache has it, and what is used comes back with a soft fault. */
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

/* Half of what an idle node has resident is code that ran once: the loader, the settings, the replay. */
void real_let_go(struct env *e)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)e;
	dl_iterate_phdr(let_segments_go, &page);
}
