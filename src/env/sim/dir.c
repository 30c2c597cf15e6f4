/* dir, sim: makes, renames, removes and lists directory entries. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "env/sim/sim_priv.h"

/* Syncing a directory requires opening it. */
int sim_sync_dir(struct env *base, const char *path)
{
	struct sim_env *e = sim_env_of(base);
	int err;
	struct inode *dir = disk_find(e->disk, path, &err);

	if (!dir)
		return err;
	if (!dir->is_dir)
		return -ENOTDIR;
	if (!take_descriptor(e))
		return -EMFILE;
	give_descriptor(e);
	disk_op(e->disk, false);
	sim_trace(e->w, e, "sync dir", hash_text(path), 0);
	if (device_fails(e->disk, dir, SIM_FAIL_SYNCS) ||
	    sim_happens(e->w, e->w->options.sync_error, SIM_MET_SYNC_ERROR))
		return -EIO;
	dir_flush(e->disk, dir);
	disk_op(e->disk, true);
	return 0;
}

int sim_stat(struct env *base, const char *path, struct file_stat *out)
{
	int err;
	struct inode *i = disk_find(sim_env_of(base)->disk, path, &err);

	if (!i)
		return err;
	*out = (struct file_stat){.size = i->size,
				  .mtime_ms = i->mtime_ms,
				  .changed_ns = i->changed_ns,
				  .is_dir = i->is_dir,
				  .device = (uint64_t)i->device};
	return 0;
}

static bool is_below(const struct inode *i, struct inode *dir)
{
	if (i == dir)
		return true;
	if (!dir->is_dir)
		return false;
	list_each(it, &dir->names) if (is_below(i, container_of(it, struct name, link)->inode)) return true;
	return false;
}

static int may_replace(struct inode *from, struct inode *to)
{
	if (from->is_dir && !to->is_dir)
		return -ENOTDIR;
	if (!from->is_dir && to->is_dir)
		return -EISDIR;
	return to->is_dir && !list_empty(&to->names) ? -ENOTEMPTY : 0;
}

int sim_rename(struct env *base, const char *from, const char *to)
{
	struct sim_env *e = sim_env_of(base);
	struct disk *d = e->disk;
	const char *from_last, *to_last;
	int err = 0;
	struct inode *from_dir = disk_parent(d, from, &from_last, &err);
	struct inode *to_dir = from_dir ? disk_parent(d, to, &to_last, &err) : NULL;
	struct name *moved, *replaced;
	struct inode *inode;
	uint64_t id;

	if (!to_dir)
		return err;
	moved = dir_name(from_dir, from_last);
	replaced = dir_name(to_dir, to_last);
	if (!moved)
		return -ENOENT;
	inode = moved->inode;
	if (replaced && replaced->inode == inode)
		return 0;
	err = replaced ? may_replace(inode, replaced->inode) : 0;
	if (err)
		return err;
	if (inode->is_dir && is_below(to_dir, inode))
		return -EINVAL;
	if (device_fails(d, to_dir, SIM_FAIL_WRITES))
		return -EIO;
	if (!replaced && !room_for_name(e))
		return -ENOSPC;
	disk_op(d, false);
	sim_trace(e->w, e, "rename", hash_text(from), hash_text(to));
	id = ++d->next_change;
	inode->refs++;
	dir_bind(d, to_dir, to_last, inode, id);
	dir_bind(d, from_dir, from_last, NULL, id);
	inode_changed(d, inode);
	inode_unref(d, inode);
	disk_op(d, true);
	return 0;
}

static int remove_name(struct env *base, const char *path, bool is_dir)
{
	struct sim_env *e = sim_env_of(base);
	const char *last;
	int err;
	struct inode *dir = disk_parent(e->disk, path, &last, &err);
	struct name *n;

	if (!dir)
		return err;
	n = dir_name(dir, last);
	if (!n)
		return -ENOENT;
	if (n->inode->is_dir != is_dir)
		return is_dir ? -ENOTDIR : -EISDIR;
	if (is_dir && !list_empty(&n->inode->names))
		return -ENOTEMPTY;
	if (device_fails(e->disk, dir, SIM_FAIL_WRITES))
		return -EIO;
	disk_op(e->disk, false);
	sim_trace(e->w, e, "unlink", hash_text(path), 0);
	dir_bind(e->disk, dir, last, NULL, 0);
	disk_op(e->disk, true);
	return 0;
}

int sim_unlink(struct env *e, const char *path)
{
	return remove_name(e, path, false);
}

int sim_rmdir(struct env *e, const char *path)
{
	return remove_name(e, path, true);
}

int sim_mkdir(struct env *base, const char *path)
{
	struct sim_env *e = sim_env_of(base);
	const char *last;
	int err;
	struct inode *dir, *made;

	if (disk_find(e->disk, path, &err))
		return -EEXIST;
	dir = disk_parent(e->disk, path, &last, &err);
	if (!dir)
		return err;
	if (device_fails(e->disk, dir, SIM_FAIL_WRITES))
		return -EIO;
	if (!room_for_name(e))
		return -ENOSPC;
	disk_op(e->disk, false);
	sim_trace(e->w, e, "mkdir", hash_text(path), 0);
	made = inode_new(e->disk, dir, true);
	made->mtime_ms = env_wall_ms(base);
	dir_bind(e->disk, dir, last, made, 0);
	inode_unref(e->disk, made);
	disk_op(e->disk, true);
	return 0;
}

/*
 * Names may be made and removed meanwhile, so a copy is listed. The copy is in the node's memory,
 * and goes with it if the node dies in each().
 */
int sim_list(struct env *base, const char *path, int (*each)(void *arg, const char *name, bool is_dir), void *arg)
{
	struct sim_env *e = sim_env_of(base);
	int err;
	struct inode *dir = disk_find(e->disk, path, &err);
	struct {
		char *text;
		bool is_dir;
	} * copy;
	size_t n = 0, told = 0;

	if (!dir)
		return err;
	if (!dir->is_dir)
		return -ENOTDIR;
	if (!take_descriptor(e))
		return -EMFILE;
	if (device_fails(e->disk, dir, SIM_FAIL_READS)) {
		give_descriptor(e);
		return -EIO;
	}
	list_each(it, &dir->names) n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	n = 0;
	list_each(it, &dir->names)
	{
		struct name *name = container_of(it, struct name, link);

		copy[n].text = xstrdup(name->text);
		copy[n++].is_dir = name->inode->is_dir;
	}
	while (!err && told < n) {
		err = each(arg, copy[told].text, copy[told].is_dir);
		told++;
	}
	for (size_t i = 0; i < n; i++)
		xfree(copy[i].text);
	xfree(copy);
	give_descriptor(e);
	return err;
}

int sim_space(struct env *base, const char *path, struct disk_space *out)
{
	struct sim_env *e = sim_env_of(base);

	out->disk = 1;
	out->total = disk_capacity(e);
	out->usable = out->total - e->disk->used_bytes;
	if (out->usable < 0)
		out->usable = 0;
	return 0;
}
