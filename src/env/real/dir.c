/* dir, real: directories and their entries. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "env/real/real_priv.h"

int real_sync_dir(struct env *e, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int real_stat(struct env *e, const char *path, struct file_stat *out)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	*out = (struct file_stat){.size = st.st_size,
				  .mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
				  .changed_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec,
				  .is_dir = S_ISDIR(st.st_mode),
				  .device = st.st_dev};
	return 0;
}

int real_rename(struct env *e, const char *from, const char *to)
{
	return rename(from, to) ? -errno : 0;
}

int real_unlink(struct env *e, const char *path)
{
	return unlink(path) ? -errno : 0;
}

int real_mkdir(struct env *e, const char *path)
{
	return mkdir(path, 0777) ? -errno : 0;
}

int real_rmdir(struct env *e, const char *path)
{
	return rmdir(path) ? -errno : 0;
}

/*
 * A directory entry as the kernel returns it. readdir is not used: it allocates and frees a buffer
 * for each directory, and a start lists thousands.
 */
struct entry {
	uint64_t inode;
	int64_t next;
	uint16_t len;
	uint8_t type;
	char name[];
};

enum { LIST_BYTES = 8192 };

/* Calls stat only where the filesystem does not tell the type of a name, or for a symbolic link. */
static bool entry_is_dir(int dir_fd, const struct entry *entry)
{
	struct stat st;

	if (entry->type != DT_UNKNOWN && entry->type != DT_LNK)
		return entry->type == DT_DIR;
	return !fstatat(dir_fd, entry->name, &st, 0) && S_ISDIR(st.st_mode);
}

static bool is_itself(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

int real_list(struct env *e, const char *path, int (*each)(void *arg, const char *name, bool is_dir), void *arg)
{
	_Alignas(struct entry) char bytes[LIST_BYTES];
	int fd = real_open_quietly(path, O_RDONLY | O_DIRECTORY);
	int err = 0;
	long n = 1;

	if (fd < 0)
		return -errno;
	while (!err && n > 0) {
		n = syscall(SYS_getdents64, fd, bytes, sizeof(bytes));
		err = n < 0 ? -errno : 0;
		for (long at = 0; at < n && !err;) {
			const struct entry *entry = (const struct entry *)(bytes + at);

			if (!is_itself(entry->name))
				err = each(arg, entry->name, entry_is_dir(fd, entry));
			at += entry->len;
		}
	}
	close(fd);
	return err;
}

int real_space(struct env *e, const char *path, struct disk_space *out)
{
	struct statvfs st;

	if (statvfs(path, &st))
		return -errno;
	out->total = (int64_t)(st.f_blocks * st.f_frsize);
	out->usable = (int64_t)(st.f_bavail * st.f_frsize);
	out->disk = st.f_fsid;
	return 0;
}
