/*
 * disk_crash: what a disk holds after its machine went down.
 *
 * After a kill everything written is there: the page cache is the kernel's. After a power cut,
 * every change to a file since its last sync is independently kept, lost or torn (some of its
 * sectors or pages kept, the others not), and the size may have grown without the data. Of each
 * directory's changes since its last sync the first few are kept and the others undone; a rename is
 * kept or undone as a whole.
 */
#include "base/check.h"
#include "env/sim/sim_priv.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Uses what the cache still has of the range: it may have been truncated later. */
static void keep_bytes(struct inode *i, int64_t pos, int64_t end)
{
	if (end > i->platter_size)
		i->platter_size = end;
	pages_copy(&i->platter, &i->cache, pos, end - pos);
}

static void set_platter_size(struct inode *i, int64_t size)
{
	if (size < i->platter_size)
		pages_cut(&i->platter, size);
	i->platter_size = size;
}

void dirty_apply(struct inode *i, const struct dirty *d)
{
	if (d->len < 0)
		set_platter_size(i, d->pos);
	else
		keep_bytes(i, d->pos, d->pos + d->len);
}

static void tear(struct sim_world *w, struct inode *i, const struct dirty *d)
{
	int64_t unit = chance_below(&w->chance, 2) ? SECTOR_BYTES : PAGE_BYTES;
	int64_t end = d->pos + d->len;

	sim_met(w, SIM_MET_WRITE_TORN);
	for (int64_t pos = d->pos; pos < end;) {
		int64_t next = least((pos / unit + 1) * unit, end);

		if (chance_below(&w->chance, 2))
			keep_bytes(i, pos, next);
		pos = next;
	}
}

static void crash_file(struct sim_world *w, struct inode *i)
{
	/* A disk that has kept up loses little, one that has fallen behind loses a lot. */
	uint64_t kept_of_8 = chance_below(&w->chance, 9);
	int64_t size = i->size;

	i->write_back_error = 0; /* the memory of it is gone */
	list_each_safe(it, &i->dirty)
	{
		struct dirty *d = container_of(it, struct dirty, link);

		if (chance_below(&w->chance, 8) < kept_of_8) {
			sim_met(w, SIM_MET_WRITE_KEPT);
			dirty_apply(i, d);
		} else if (d->len > 1 && chance_below(&w->chance, 3) == 0) {
			tear(w, i, d);
		} else {
			sim_met(w, SIM_MET_WRITE_LOST);
		}
		dirty_free(d);
	}
	if (i->platter_size < size && chance_below(&w->chance, 4) == 0) {
		sim_met(w, SIM_MET_SIZE_WITHOUT_DATA);
		i->platter_size = size;
	}
	pages_cut(&i->platter, i->platter_size);
}

static void read_back(struct disk *d, struct inode *i)
{
	d->used_bytes -= i->cache.n_used * PAGE_BYTES;
	pages_fini(&i->cache);
	for (size_t page = 0; page < i->platter.n; page++)
		if (i->platter.v[page])
			pages_copy(&i->cache, &i->platter, (int64_t)page * PAGE_BYTES, PAGE_BYTES);
	d->used_bytes += i->cache.n_used * PAGE_BYTES;
	i->size = i->platter_size;
}

/* ---- names ---- */

/* Of a directory's changes, the last ones are the ones lost. */
static void lose_from(struct disk *d, struct change *c)
{
	struct inode *dir = c->dir;

	for (struct list *it = &c->link; it != &d->changes; it = it->next) {
		struct change *later = container_of(it, struct change, link);

		if (later->dir == dir)
			later->kept = false;
	}
}

/* Each directory keeps its changes up to a random point. */
static void draw_kept(struct disk *d)
{
	struct sim_world *w = d->env->w;
	uint64_t kept_of_8 = chance_below(&w->chance, 9);

	list_each(it, &d->changes) container_of(it, struct change, link)->kept = true;
	list_each(it, &d->changes)
	{
		struct change *c = container_of(it, struct change, link);

		if (c->kept && chance_below(&w->chance, 8) >= kept_of_8)
			lose_from(d, c);
	}
}

/* If one half of a rename is lost, the other is lost too, with everything after it in that directory. */
static void lose_halves(struct disk *d)
{
	bool again = true;

	while (again) {
		again = false;
		list_each(it, &d->changes)
		{
			struct change *c = container_of(it, struct change, link);
			struct change *partner = change_partner(d, c);

			if (c->kept && partner && !partner->kept) {
				lose_from(d, c);
				again = true;
			}
		}
	}
}

static void crash_names(struct disk *d)
{
	draw_kept(d);
	lose_halves(d);
	/* backwards, so that the name bound before the first lost change is restored last */
	while (!list_empty(&d->changes)) {
		struct change *c = container_of(d->changes.prev, struct change, link);

		sim_met(d->env->w, c->kept ? SIM_MET_NAME_KEPT : SIM_MET_NAME_LOST);
		if (!c->kept)
			dir_set(d, c->dir, c->text, c->before);
		change_free(d, c);
	}
}

static void crash_files(struct disk *d, struct inode *dir)
{
	list_each(it, &dir->names)
	{
		struct inode *i = container_of(it, struct name, link)->inode;

		if (i->is_dir) {
			crash_files(d, i);
			continue;
		}
		crash_file(d->env->w, i);
		read_back(d, i);
	}
}

void disk_after_crash(struct disk *d, enum sim_crash how)
{
	if (how != SIM_POWER)
		return;
	d->boots++;
	crash_names(d);
	crash_files(d, d->root);
}
