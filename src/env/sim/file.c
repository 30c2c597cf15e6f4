/* file, sim: reads, writes and syncs, with the failures that the options ask for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "env/sim/sim_priv.h"

static struct sim_file *sim_file(struct file *f)
{
	return container_of(f, struct sim_file, base);
}

static struct inode *inode_of(struct file *f)
{
	return sim_file(f)->inode;
}

static int64_t wall(struct sim_env *e)
{
	return env_wall_ms(&e->base);
}

static struct file *file_new(struct sim_env *e, struct inode *i, bool writable)
{
	struct sim_file *f = sim_alloc(sizeof(*f));

	file_base_init(&f->base, &e->base);
	i->refs++;
	f->inode = i;
	f->writable = writable;
	f->errors_told = e->disk->errors[i->device];
	list_push(&e->files, &f->link);
	return &f->base;
}

/* On a disk without a free page a directory may or may not have room for one more name. */
bool room_for_name(struct sim_env *e)
{
	if (e->disk->used_bytes + PAGE_BYTES <= disk_capacity(e) || chance_below(&e->w->chance, 2))
		return true;
	sim_met(e->w, SIM_MET_DISK_FULL);
	return false;
}

static void set_size(struct sim_env *e, struct inode *i, int64_t size)
{
	struct dirty *d = sim_alloc(sizeof(*d));
	int64_t used = i->cache.n_used;

	if (size < i->size)
		pages_cut(&i->cache, size);
	e->disk->used_bytes += (i->cache.n_used - used) * PAGE_BYTES;
	i->size = size;
	i->mtime_ms = wall(e);
	inode_changed(e->disk, i);
	*d = (struct dirty){.pos = size, .len = -1};
	list_push(&i->dirty, &d->link);
}

static int open_inode(struct sim_env *e, const char *path, int flags, struct inode **out)
{
	struct inode *dir, *i;
	const char *last;
	struct name *n;
	int err;

	dir = disk_parent(e->disk, path, &last, &err);
	if (!dir)
		return err;
	n = dir_name(dir, last);
	if (n) {
		*out = n->inode;
		if (flags & FILE_CREATE && flags & FILE_EXCLUSIVE)
			return -EEXIST;
		return n->inode->is_dir ? -EISDIR : 0;
	}
	if (!(flags & FILE_CREATE))
		return -ENOENT;
	if (device_fails(e->disk, dir, SIM_FAIL_WRITES))
		return -EIO;
	if (!room_for_name(e))
		return -ENOSPC;
	disk_op(e->disk, false);
	i = inode_new(e->disk, dir, false);
	i->mtime_ms = wall(e);
	dir_bind(e->disk, dir, last, i, 0);
	inode_unref(e->disk, i);
	*out = i;
	disk_op(e->disk, true);
	return 0;
}

int sim_open(struct env *base, const char *path, int flags, struct file **out)
{
	struct sim_env *e = sim_env_of(base);
	struct inode *i = NULL;
	int err;

	if (!take_descriptor(e))
		return -EMFILE;
	err = open_inode(e, path, flags, &i);
	sim_trace(e->w, e, "open", hash_text(path), (uint64_t)-err);
	if (err) {
		give_descriptor(e);
		return err;
	}
	*out = file_new(e, i, flags & FILE_WRITE);
	if (flags & FILE_TRUNCATE && i->size > 0) {
		disk_op(e->disk, false);
		set_size(e, i, 0);
		disk_op(e->disk, true);
	}
	return 0;
}

static void file_gone(struct sim_file *f)
{
	list_remove(&f->link);
	inode_unref(sim_env_of(f->base.env)->disk, f->inode);
	sim_free(f);
}

void sim_file_close(struct file *f)
{
	give_descriptor(sim_env_of(f->env));
	file_gone(sim_file(f));
}

void sim_drop_files(struct sim_env *e)
{
	list_each_safe(it, &e->files) file_gone(container_of(it, struct sim_file, link));
}

/* ---- reading ---- */

static bool is_bad(const struct inode *i, int64_t pos, int64_t len)
{
	for (const struct bad_range *b = i->bad; b; b = b->next)
		if (pos < b->pos + b->len && b->pos < pos + len)
			return true;
	return false;
}

ssize_t inode_read(struct sim_env *e, struct inode *i, void *p, size_t len, int64_t pos)
{
	if (pos >= i->size)
		return 0;
	if (len > (uint64_t)(i->size - pos))
		len = (size_t)(i->size - pos);
	if (device_fails(e->disk, i, SIM_FAIL_READS))
		return -EIO;
	if (is_bad(i, pos, (int64_t)len)) {
		sim_met(e->w, SIM_MET_READ_ERROR);
		return -EIO;
	}
	if (sim_happens(e->w, e->w->options.read_error, SIM_MET_READ_ERROR))
		return -EIO;
	pages_read(&i->cache, p, len, pos);
	return (ssize_t)len;
}

ssize_t sim_pread(struct file *f, void *p, size_t len, int64_t pos)
{
	if (pos < 0)
		return -EINVAL;
	return inode_read(sim_env_of(f->env), inode_of(f), p, len, pos);
}

ssize_t sim_pread_nowait(struct file *f, void *p, size_t len, int64_t pos)
{
	return sim_resident(f, pos, len) ? sim_pread(f, p, len, pos) : -EAGAIN;
}

bool sim_resident(struct file *f, int64_t pos, size_t len)
{
	struct sim_world *w = sim_env_of(f->env)->w;

	return !sim_happens(w, w->options.cold, SIM_MET_COLD);
}

int64_t sim_size(struct file *f)
{
	return inode_of(f)->size;
}

/* ---- writing ---- */

/* Now and then the system writes back some of the waiting data on its own. */
static void write_back(struct sim_env *e, struct inode *i)
{
	if (!sim_happens(e->w, e->w->options.writeback, SIM_MET_WRITEBACK))
		return;
	list_each_safe(it, &i->dirty)
	{
		struct dirty *d = container_of(it, struct dirty, link);

		/* in order, so that what a later change truncated does not come back */
		if (chance_below(&e->w->chance, 2))
			return;
		dirty_apply(i, d);
		dirty_free(d);
	}
}

/* How many of len bytes the disk accepts, or a negated errno. */
static int64_t may_take(struct sim_env *e, struct inode *i, int64_t pos, int64_t len)
{
	int64_t free_pages = (disk_capacity(e) - e->disk->used_bytes) / PAGE_BYTES;

	if (device_fails(e->disk, i, SIM_FAIL_WRITES) ||
	    sim_happens(e->w, e->w->options.write_error, SIM_MET_WRITE_ERROR))
		return -EIO;
	if (len > 1 && sim_happens(e->w, e->w->options.short_write, SIM_MET_SHORT_WRITE))
		len = chance_between(&e->w->chance, 1, len - 1);
	if (pages_missing(&i->cache, pos, len) <= free_pages)
		return len;
	sim_met(e->w, SIM_MET_DISK_FULL);
	while (len > 0 && pages_missing(&i->cache, pos, len) > free_pages)
		len = (pos + len - 1) / PAGE_BYTES * PAGE_BYTES - pos;
	return len > 0 ? len : -ENOSPC;
}

static void put_bytes(struct sim_env *e, struct inode *i, const struct iovec *iov, int64_t pos, int64_t len)
{
	struct dirty *d = sim_alloc(sizeof(*d));
	int64_t used = i->cache.n_used;
	uint32_t crc = 0;

	*d = (struct dirty){.pos = pos, .len = len};
	for (; len > 0; iov++) {
		int64_t n = (int64_t)iov->iov_len < len ? (int64_t)iov->iov_len : len;

		pages_write(&i->cache, iov->iov_base, (size_t)n, pos);
		crc = crc32c(crc, iov->iov_base, (size_t)n);
		pos += n;
		len -= n;
	}
	list_push(&i->dirty, &d->link);
	e->disk->used_bytes += (i->cache.n_used - used) * PAGE_BYTES;
	if (pos > i->size)
		i->size = pos;
	i->mtime_ms = wall(e);
	inode_changed(e->disk, i);
	sim_trace(e->w, e, "pwrite", (uint64_t)d->pos, crc);
}

ssize_t sim_pwritev(struct file *f, const struct iovec *iov, int n_iov, int64_t pos)
{
	struct sim_env *e = sim_env_of(f->env);
	struct inode *i = inode_of(f);
	int64_t len = 0;

	if (!sim_file(f)->writable)
		return -EBADF;
	for (int k = 0; k < n_iov; k++)
		len += (int64_t)iov[k].iov_len;
	if (pos < 0 || len < 0)
		return -EINVAL;
	if (!len)
		return 0;
	disk_op(e->disk, false);
	len = may_take(e, i, pos, len);
	if (len < 0)
		return len;
	write_back(e, i);
	put_bytes(e, i, iov, pos, len);
	disk_op(e->disk, true);
	return len;
}

int sim_truncate(struct file *f, int64_t size)
{
	struct sim_env *e = sim_env_of(f->env);

	if (!sim_file(f)->writable || size < 0)
		return -EINVAL;
	if (device_fails(e->disk, inode_of(f), SIM_FAIL_WRITES))
		return -EIO;
	disk_op(e->disk, false);
	sim_trace(e->w, e, "truncate", (uint64_t)size, 0);
	set_size(e, inode_of(f), size);
	disk_op(e->disk, true);
	return 0;
}

int sim_allocate(struct file *f, int64_t size)
{
	struct sim_env *e = sim_env_of(f->env);
	struct inode *i = inode_of(f);
	int64_t used = i->cache.n_used;

	if (!sim_file(f)->writable || size <= 0)
		return -EINVAL;
	if (device_fails(e->disk, i, SIM_FAIL_WRITES))
		return -EIO;
	disk_op(e->disk, false);
	if (pages_missing(&i->cache, 0, size) * PAGE_BYTES > disk_capacity(e) - e->disk->used_bytes) {
		sim_met(e->w, SIM_MET_DISK_FULL);
		return -ENOSPC;
	}
	for (int64_t pos = 0; pos < size; pos += PAGE_BYTES)
		pages_allocate(&i->cache, pos);
	e->disk->used_bytes += (i->cache.n_used - used) * PAGE_BYTES;
	if (size > i->size)
		set_size(e, i, size);
	disk_op(e->disk, true);
	return 0;
}

int sim_set_mtime(struct file *f, int64_t ms)
{
	struct sim_env *e = sim_env_of(f->env);

	if (!sim_file(f)->writable || ms < 0)
		return -EINVAL;
	disk_op(e->disk, false);
	sim_trace(e->w, e, "mtime", (uint64_t)ms, 0);
	inode_of(f)->mtime_ms = ms;
	inode_changed(e->disk, inode_of(f));
	disk_op(e->disk, true);
	return 0;
}

/*
 * A failed sync reports it once. The data it should have written is lost but looks written: the
 * pages are clean, and the next sync has nothing to do (Rebello et al., "Can Applications Recover
 * from fsync Failures?", ATC 2020).
 */
/* The error of a sync of i that is to fail; its data is dropped. */
static int sync_error(struct sim_env *e, struct inode *i)
{
	int err = device_fails(e->disk, i, SIM_FAIL_SYNCS) ? -EIO : 0;

	if (!err && (e->disk->fail_next_sync || chance_ppm(&e->w->chance, e->w->options.sync_error))) {
		err = e->disk->fail_next_sync ? e->disk->fail_next_sync : -EIO;
		e->disk->fail_next_sync = 0;
		sim_met(e->w, SIM_MET_SYNC_ERROR);
	}
	if (err) {
		e->disk->errors[i->device]++;
		inode_drop_dirty(i);
	}
	return err;
}

static int sync_inode(struct sim_env *e, struct inode *i)
{
	disk_op(e->disk, false);
	sim_trace(e->w, e, "sync", (uint64_t)i->size, 0);
	int err = sync_error(e, i);

	if (err)
		return err;
	list_each_safe(it, &i->dirty)
	{
		dirty_apply(i, container_of(it, struct dirty, link));
		dirty_free(container_of(it, struct dirty, link));
	}
	disk_op(e->disk, true);
	return 0;
}

int sim_sync(struct file *f)
{
	struct inode *i = inode_of(f);
	int err = i->write_back_error;

	i->write_back_error = 0;
	return err ? err : sync_inode(sim_env_of(f->env), i);
}

/*
 * One after another, in the order of their names: the machine may die between any two. A file whose
 * data could not be written will say so itself, too.
 */
static void sync_below(struct sim_env *e, struct inode *dir, int device)
{
	list_each(it, &dir->names)
	{
		struct inode *i = container_of(it, struct name, link)->inode;
		int err = 0;

		if (i->is_dir)
			sync_below(e, i, device);
		else if (i->device == device && !list_empty(&i->dirty))
			err = sync_inode(e, i);
		if (err)
			i->write_back_error = err;
	}
	if (dir->device == device && device_fails(e->disk, dir, SIM_FAIL_SYNCS)) {
		e->disk->errors[device]++;
	} else if (dir->device == device) {
		disk_op(e->disk, false);
		dir_flush(e->disk, dir);
		disk_op(e->disk, true);
	}
}

int sim_sync_disk(struct file *f)
{
	struct sim_env *e = sim_env_of(f->env);
	int device = inode_of(f)->device;
	int64_t told = sim_file(f)->errors_told;

	sim_trace(e->w, e, "sync disk", (uint64_t)device, 0);
	sync_below(e, e->disk->root, device);
	sim_file(f)->errors_told = e->disk->errors[device];
	return told == e->disk->errors[device] ? 0 : -EIO;
}

int64_t sim_unwritten(struct env *e)
{
	(void)e;
	return 0;
}

int sim_cache_name(struct file *f, char *out)
{
	struct disk *d = sim_env_of(f->env)->disk;

	snprintf(out, FILE_CACHE_NAME_MAX, "boot=%d device=%d", d->boots, inode_of(f)->device);
	return 0;
}

int sim_write_back_error(struct file *f)
{
	int err = inode_of(f)->write_back_error;

	inode_of(f)->write_back_error = 0;
	return err;
}

void sim_fail_write_back(struct sim_world *w, int machine, const char *path)
{
	int err;
	struct inode *i = disk_find(w->envs[machine]->disk, path, &err);

	check(i && !i->is_dir);
	inode_drop_dirty(i);
	i->write_back_error = -EIO;
	w->envs[machine]->disk->errors[i->device]++;
	sim_met(w, SIM_MET_SYNC_ERROR);
}

void sim_fail_next_sync(struct sim_world *w, int i)
{
	sim_fail_next_sync_with(w, i, -EIO);
}

void sim_fail_next_sync_with(struct sim_world *w, int i, int err)
{
	w->envs[i]->disk->fail_next_sync = err;
}

/* A machine has only one process, so no other can hold the lock. */
int sim_lock(struct env *e, const char *path, struct file **out)
{
	return sim_open(e, path, FILE_WRITE | FILE_CREATE, out);
}

/* ---- faults from outside ---- */

void sim_bad_range(struct sim_world *w, int machine, const char *path, int64_t pos, int64_t len)
{
	struct bad_range *b = sim_alloc(sizeof(*b));
	int err;
	struct inode *i = disk_find(w->envs[machine]->disk, path, &err);

	check(i && !i->is_dir);
	*b = (struct bad_range){.next = i->bad, .pos = pos, .len = len};
	i->bad = b;
}

int sim_flip_byte(struct sim_world *w, int machine, const char *path, int64_t pos, uint8_t mask)
{
	int err;
	struct inode *i = disk_find(w->envs[machine]->disk, path, &err);
	uint8_t byte;

	if (!i)
		return err;
	if (i->is_dir || pos < 0 || pos >= i->size)
		return -EINVAL;
	pages_read(&i->cache, &byte, 1, pos);
	byte ^= mask;
	pages_write(&i->cache, &byte, 1, pos);
	if (pos < i->platter_size)
		pages_write(&i->platter, &byte, 1, pos);
	return 0;
}
