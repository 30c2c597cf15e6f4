/* dir, real: directories and their entries. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

/* Entries whose type the filesystem does not tell, and symbolic links, cost a stat. */
static bool entry_is_dir(int dir_fd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
		return entry->d_type == DT_DIR;
	return !fstatat(dir_fd, entry->d_name, &st, 0) && S_ISDIR(st.st_mode);
}

int real_list(struct env *e, const char *path, int (*each)(void *arg, const char *name, bool is_dir), void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			err = -errno;
			break;
		}
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		err = each(arg, entry->d_name, entry_is_dir(dirfd(dir), entry));
		if (err)
			break;
	}
	closedir(dir);
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
