/*
 * disk: inodes and names, each with what is seen (the page cache) and what would be there after a
 * power cut (the platter).
 *
 * A file has its bytes twice, and a list of what was written since its last sync. A directory has
 * its names as they are seen, and a list of the changes since it was synced: undone from its end,
 * the list gives the names on the platter. disk_crash.c decides what of all this survives. As in
 * POSIX, syncing a file does not make its name durable: the directory must be synced.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "env/sim/sim_priv.h"

static int device_of_new(struct disk *d, const struct inode *dir, bool is_dir)
{
	if (!dir || (dir == d->root && !is_dir))
		return 0;
	if (dir != d->root)
		return dir->device;
	check(d->n_devices + 1 < SIM_DEVICES);
	return ++d->n_devices;
}

void inode_changed(struct disk *d, struct inode *i)
{
	i->changed_ns = ++d->last_changed_ns;
}

struct inode *inode_new(struct disk *d, const struct inode *dir, bool is_dir)
{
	struct inode *i = sim_alloc(sizeof(*i));

	i->refs = 1;
	i->device = device_of_new(d, dir, is_dir);
	i->is_dir = is_dir;
	inode_changed(d, i);
	list_init(&i->dirty);
	list_init(&i->names);
	return i;
}

static char *copy_text(const char *text)
{
	size_t len = strlen(text) + 1;

	return memcpy(sim_alloc(len), text, len);
}

void dirty_free(struct dirty *range)
{
	list_remove(&range->link);
	sim_free(range);
}

void inode_drop_dirty(struct inode *i)
{
	list_each_safe(it, &i->dirty) dirty_free(container_of(it, struct dirty, link));
}

static void name_free(struct disk *d, struct name *n)
{
	list_remove(&n->link);
	inode_unref(d, n->inode);
	sim_free(n->text);
	sim_free(n);
}

/* Index of the name in dir->sorted, or the index where it would be inserted. */
static int name_place(const struct inode *dir, const char *text, bool *found)
{
	int low = 0, high = dir->n_names;

	*found = false;
	while (low < high) {
		int middle = (low + high) / 2;
		int order = strcmp(dir->sorted[middle]->text, text);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void change_free(struct disk *d, struct change *c)
{
	list_remove(&c->link);
	inode_unref(d, c->dir);
	inode_unref(d, c->before);
	inode_unref(d, c->after);
	sim_free(c->text);
	sim_free(c);
}

void inode_unref(struct disk *d, struct inode *i)
{
	if (!i || --i->refs > 0)
		return;
	check(i->refs == 0);
	inode_drop_dirty(i);
	list_each_safe(it, &i->names) name_free(d, container_of(it, struct name, link));
	sim_free(i->sorted);
	while (i->bad) {
		struct bad_range *bad = i->bad;

		i->bad = bad->next;
		sim_free(bad);
	}
	d->used_bytes -= i->cache.n_used * PAGE_BYTES;
	pages_fini(&i->cache);
	pages_fini(&i->platter);
	sim_free(i);
}

struct disk *disk_new(struct sim_env *e)
{
	struct disk *d = sim_alloc(sizeof(*d));

	d->env = e;
	d->root = inode_new(d, NULL, true);
	list_init(&d->changes);
	return d;
}

static void empty(struct disk *d)
{
	list_each_safe(it, &d->changes) change_free(d, container_of(it, struct change, link));
	inode_unref(d, d->root);
	d->root = NULL;
}

void disk_free(struct disk *d)
{
	empty(d);
	sim_free(d);
}

void disk_op(struct disk *d, bool after)
{
	struct sim_env *e = d->env;

	if (!after)
		d->ops++;
	/* A write can be torn, so the machine dies before it or after it, at random. */
	if (!e->crash_at_op || d->ops < e->crash_at_op || sim_current() != e)
		return;
	if (!after && chance_below(&e->w->chance, 2))
		return;
	sim_met(e->w, SIM_MET_CRASH_IN_DISK_OP);
	e->crash_at_op = 0;
	sim_env_die(e);
}

/* ---- failing devices ---- */

bool device_fails(struct disk *d, const struct inode *i, int what)
{
	if (!(d->failing[i->device] & what))
		return false;
	sim_met(d->env->w, what == SIM_FAIL_READS    ? SIM_MET_READ_ERROR
			   : what == SIM_FAIL_WRITES ? SIM_MET_WRITE_ERROR
						     : SIM_MET_SYNC_ERROR);
	return true;
}

void sim_fail_device(struct sim_world *w, int i, const char *path, int which)
{
	struct disk *d = w->envs[i]->disk;
	int err;
	struct inode *dir = disk_find(d, path, &err);

	check(dir);
	d->failing[dir->device] = (uint8_t)which;
	sim_trace(w, w->envs[i], which ? "device fails" : "device is well", hash_text(path), (uint64_t)which);
}

/* ---- names ---- */

struct name *dir_name(struct inode *dir, const char *text)
{
	bool found;
	int at = name_place(dir, text, &found);

	return found ? dir->sorted[at] : NULL;
}

static void sorted_room(struct inode *dir)
{
	int room = dir->names_room ? 2 * dir->names_room : 8;
	struct name **v;

	if (dir->n_names < dir->names_room)
		return;
	v = sim_alloc_raw((size_t)room * sizeof(struct name *));
	if (dir->n_names)
		memcpy(v, dir->sorted, (size_t)dir->n_names * sizeof(struct name *));
	sim_free(dir->sorted);
	dir->sorted = v;
	dir->names_room = room;
}

/* Names are kept sorted, so that a directory is listed in the same order in every run. */
static void name_add(struct inode *dir, int at, const char *text, struct inode *inode)
{
	struct name *n = sim_alloc(sizeof(*n));

	n->text = copy_text(text);
	n->inode = inode;
	inode->refs++;
	list_add_after(at > 0 ? &dir->sorted[at - 1]->link : &dir->names, &n->link);
	sorted_room(dir);
	memmove(dir->sorted + at + 1, dir->sorted + at, (size_t)(dir->n_names - at) * sizeof(struct name *));
	dir->sorted[at] = n;
	dir->n_names++;
}

static void name_drop(struct disk *d, struct inode *dir, int at)
{
	struct name *n = dir->sorted[at];

	dir->n_names--;
	memmove(dir->sorted + at, dir->sorted + at + 1, (size_t)(dir->n_names - at) * sizeof(struct name *));
	name_free(d, n);
}

void dir_set(struct disk *d, struct inode *dir, const char *text, struct inode *to)
{
	bool found;
	int at = name_place(dir, text, &found);

	inode_changed(d, dir);
	if (to)
		to->refs++;
	if (found)
		name_drop(d, dir, at);
	if (!to)
		return;
	name_add(dir, at, text, to);
	inode_unref(d, to);
}

static struct inode *ref(struct inode *i)
{
	if (i)
		i->refs++;
	return i;
}

void dir_bind(struct disk *d, struct inode *dir, const char *text, struct inode *after, uint64_t change_id)
{
	struct name *n = dir_name(dir, text);
	struct change *c = sim_alloc(sizeof(*c));

	c->dir = ref(dir);
	c->text = copy_text(text);
	c->before = ref(n ? n->inode : NULL);
	c->after = ref(after);
	c->id = change_id;
	list_push(&d->changes, &c->link);
	dir_set(d, dir, text, after);
}

struct change *change_partner(struct disk *d, const struct change *c)
{
	list_each(it, &d->changes)
	{
		struct change *other = container_of(it, struct change, link);

		if (c->id && other != c && other->id == c->id)
			return other;
	}
	return NULL;
}

/*
 * Keeps c and the earlier changes of its directory, and the other halves of renames with the
 * changes before those.
 */
static void keep_upto(struct disk *d, struct change *c)
{
	for (struct list *it = &c->link; it != &d->changes; it = it->prev) {
		struct change *earlier = container_of(it, struct change, link);
		struct change *partner;

		if (earlier->dir != c->dir || earlier->kept)
			continue;
		earlier->kept = true;
		partner = change_partner(d, earlier);
		if (partner && !partner->kept)
			keep_upto(d, partner);
	}
}

void dir_flush(struct disk *d, struct inode *dir)
{
	list_each(it, &d->changes) if (container_of(it, struct change, link)->dir == dir)
		keep_upto(d, container_of(it, struct change, link));
	list_each_safe(it, &d->changes) if (container_of(it, struct change, link)->kept)
		change_free(d, container_of(it, struct change, link));
}

/* ---- paths: absolute or not, they begin at the root ---- */

static const char *next_part(const char *path, char *out, size_t size)
{
	size_t len;

	path += strspn(path, "/");
	len = strcspn(path, "/");
	check(len < size);
	memcpy(out, path, len);
	out[len] = '\0';
	return path + len;
}

enum { NAME_TEXT_MAX = 256 };

static struct inode *walk(struct disk *d, const char *path, const char *end, int *err)
{
	struct inode *at = d->root;
	char part[NAME_TEXT_MAX];

	*err = 0;
	while (path < end) {
		struct name *n;

		path = next_part(path, part, sizeof(part));
		if (!part[0] || !strcmp(part, "."))
			continue;
		if (!at->is_dir) {
			*err = -ENOTDIR;
			return NULL;
		}
		n = dir_name(at, part);
		if (!n) {
			*err = -ENOENT;
			return NULL;
		}
		at = n->inode;
	}
	return at;
}

struct inode *disk_find(struct disk *d, const char *path, int *err)
{
	return walk(d, path, path + strlen(path), err);
}

struct inode *disk_parent(struct disk *d, const char *path, const char **last, int *err)
{
	const char *slash = strrchr(path, '/');
	struct inode *dir = slash ? walk(d, path, slash, err) : d->root;

	*last = slash ? slash + 1 : path;
	if (!slash)
		*err = 0;
	if (dir && !dir->is_dir) {
		*err = -ENOTDIR;
		return NULL;
	}
	if (dir && (!**last || strlen(*last) >= NAME_TEXT_MAX)) {
		*err = **last ? -ENAMETOOLONG : -EINVAL;
		return NULL;
	}
	return dir;
}
