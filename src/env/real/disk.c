/*
 * disk, real: operations on a whole filesystem.
 *
 * They are supported for filesystems that use the page cache and write to a device of this machine.
 * Others (network filesystems, FUSE, stacked ones) confirm a write before the bytes are on a disk,
 * or have caches of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "env/real/real_priv.h"

/* Missing from the headers of some C libraries. */
#define MNT_ID_UNIQUE 0x4000u
#define XFS_MAGIC 0x58465342
#define BOOT_ID_LEN 36

static const uint32_t LOCAL[] = {EXT4_SUPER_MAGIC, XFS_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC};

static bool is_local(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st))
		return false;
	for (size_t i = 0; i < sizeof(LOCAL) / sizeof(LOCAL[0]); i++)
		if ((uint32_t)st.f_type == LOCAL[i])
			return true;
	return false;
}

/* Before Linux 5.8 syncfs did not report failed writes, before 5.17 not that the journal could not be written. */
static bool syncfs_tells(void)
{
	struct utsname name;
	char *rest;

	if (uname(&name))
		return false;
	long major = strtol(name.release, &rest, 10);
	long minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;

	return major > 5 || (major == 5 && minor >= 17);
}

int real_sync_disk(struct file *f)
{
	struct statfs st;

	if (!is_local(real_fd(f)) || !syncfs_tells())
		return -EOPNOTSUPP;
	if (syncfs(real_fd(f)) || fstatfs(real_fd(f), &st))
		return -errno;
	return st.f_flags & ST_RDONLY ? -EROFS : 0; /* it has become so: nothing was written, and syncfs says nothing */
}

static int64_t meminfo_bytes(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoll(at + strlen(name), NULL, 10) * 1024 : INT64_MAX / 4;
}

int64_t real_unwritten(struct env *e)
{
	char text[4096];
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	(void)e;
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return INT64_MAX;
	text[len] = '\0';
	return meminfo_bytes(text, "\nDirty:") + meminfo_bytes(text, "\nWriteback:");
}

static int read_boot_id(char out[BOOT_ID_LEN + 1])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, BOOT_ID_LEN);
	close(fd);
	if (n != BOOT_ID_LEN)
		return -EIO;
	out[BOOT_ID_LEN] = '\0';
	return 0;
}

/* Ordinary mount ids are reused after an unmount; the unique one is not. */
int real_cache_name(struct file *f, char *out)
{
	char boot[BOOT_ID_LEN + 1];
	struct statx st;

	if (!is_local(real_fd(f)) || read_boot_id(boot) ||
	    statx(real_fd(f), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME | MNT_ID_UNIQUE, &st))
		return -EOPNOTSUPP;
	if (!(st.stx_mask & MNT_ID_UNIQUE) || !(st.stx_mask & STATX_BTIME))
		return -EOPNOTSUPP;
	snprintf(out, FILE_CACHE_NAME_MAX, "boot=%s mount=%llu device=%u:%u inode=%llu born=%lld.%09u", boot,
		 (unsigned long long)st.stx_mnt_id, st.stx_dev_major, st.stx_dev_minor, (unsigned long long)st.stx_ino,
		 (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
	return 0;
}

/* Waits for the first page if it is being written, which also reports errors of earlier write-backs. */
int real_write_back_error(struct file *f)
{
	return sync_file_range(real_fd(f), 0, 1, SYNC_FILE_RANGE_WAIT_BEFORE) ? -errno : 0;
}
