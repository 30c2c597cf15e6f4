/*
 * manifest: reads and writes odradek.manifest.
 *
 *	0	8	"odradekm"
 *	8	4	version, 1
 *	12	4	CRC-32C of all that follows
 *	16	16	the marker of the clean stop, as seen
 *	32	4	number of logs, then each of them:
 *			int32	length of what follows
 *			int16	length of the name of its directory, and the name
 *			uuid	topic id
 *			16	the directory, as seen
 *			the rest is the log's state (noted.c)
 *
 * Numbers are big-endian. "As seen" is int64 ctime in ns and int64 size.
 */
#include "log/manifest.h"

#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/endian.h"
#include "base/mem.h"
#include "log/paths.h"

#define MANIFEST_FILE "odradek.manifest"

enum { FORMAT = 1, HEAD = 16, SEEN = 16, BYTES_MAX = 1 << 30, ENTRY_MIN = 4 + 2 + 16 + SEEN };

static const char MAGIC[8] = {'o', 'd', 'r', 'a', 'd', 'e', 'k', 'm'};

struct manifest {
	struct env *env;
	char *dir;
	char *bytes;
	struct map map; /* of the logs, by name */
	struct manifest_log *logs;
	int32_t n;
};

/* ---- as seen ---- */

struct seen seen_of(const struct file_stat *st)
{
	return (struct seen){.changed_ns = st->changed_ns, .size = st->size};
}

bool seen_eq(struct seen a, struct seen b)
{
	return a.changed_ns == b.changed_ns && a.size == b.size;
}

struct seen seen_read(struct reader *r)
{
	int64_t changed_ns = reader_i64(r);

	return (struct seen){.changed_ns = changed_ns, .size = reader_i64(r)};
}

void manifest_put_i64(struct buf *out, int64_t v)
{
	uint8_t p[8];

	put_i64(p, v);
	buf_put(out, p, sizeof(p));
}

void seen_put(struct buf *out, struct seen s)
{
	manifest_put_i64(out, s.changed_ns);
	manifest_put_i64(out, s.size);
}

static int see(struct env *env, const char *path, struct seen *out)
{
	struct file_stat st;
	int err = env_stat(env, path, &st);

	if (!err)
		*out = seen_of(&st);
	return err;
}

/* ---- reading ---- */

static bool read_log(struct reader *all, struct manifest_log *l)
{
	uint32_t len = reader_u32(all);
	const uint8_t *p = reader_take(all, len);
	struct reader r;

	reader_init(&r, p, p ? len : 0);
	l->name.len = reader_u16(&r);
	l->name.p = (const char *)reader_take(&r, (size_t)l->name.len);
	l->topic_id = reader_uuid(&r);
	l->dir = seen_read(&r);
	if (r.failed || l->name.len == 0)
		return false;
	l->state = (struct bytes){r.p, (int32_t)reader_left(&r)};
	return true;
}

static bool read_logs(struct manifest *m, struct reader *r)
{
	uint32_t n = reader_u32(r);

	if (n > reader_left(r) / ENTRY_MIN)
		return false;
	m->logs = xcalloc((size_t)n + 1, sizeof(*m->logs));
	for (; m->n < (int32_t)n; m->n++) {
		struct manifest_log *l = &m->logs[m->n];

		if (!read_log(r, l))
			return false;
		map_insert(&m->map, &l->node, hash_bytes(m->map.seed, l->name.p, (size_t)l->name.len));
	}
	return !r->failed && reader_left(r) == 0;
}

/* Is it whole, and that of this clean stop? */
static bool read_head(struct reader *r, struct env *env, const char *marker)
{
	struct seen now;

	const uint8_t *magic = reader_take(r, sizeof(MAGIC));
	uint32_t version = reader_u32(r);
	uint32_t crc = reader_u32(r);

	if (r->failed || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0 || version != FORMAT ||
	    crc32c(0, r->p, reader_left(r)) != crc)
		return false;
	struct seen noted = seen_read(r);
	return !r->failed && see(env, marker, &now) == 0 && seen_eq(noted, now);
}

struct manifest *manifest_read(struct env *env, const char *dir, const char *marker)
{
	char path[PATH_SIZE];
	struct reader r;
	char *bytes;
	size_t len;

	path_in(path, dir, MANIFEST_FILE);
	if (env_read_file(env, path, BYTES_MAX, &bytes, &len))
		return NULL;
	struct manifest *m = xcalloc(1, sizeof(*m));
	m->env = env;
	m->dir = xstrdup(dir);
	m->bytes = bytes;
	map_init(&m->map, env_random_u64(env));
	reader_init(&r, bytes, len);
	if (read_head(&r, env, marker) && read_logs(m, &r))
		return m;
	manifest_free(m);
	return NULL;
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	map_fini(&m->map);
	xfree(m->logs);
	xfree(m->bytes);
	xfree(m->dir);
	xfree(m);
}

static bool has_name(const struct map_node *n, const void *key)
{
	return str_eq(container_of(n, struct manifest_log, node)->name, *(const struct str *)key);
}

const struct manifest_log *manifest_find(struct manifest *m, const char *name)
{
	char path[PATH_SIZE];
	struct file_stat st;
	struct str key = str_of(name);

	if (!m)
		return NULL;
	struct map_node *n = map_find(&m->map, hash_bytes(m->map.seed, key.p, (size_t)key.len), has_name, &key);
	if (!n)
		return NULL;
	struct manifest_log *l = container_of(n, struct manifest_log, node);
	if (!l->is_checked) {
		path_in(path, m->dir, name);
		l->fits = env_stat(m->env, path, &st) == 0 && st.is_dir && seen_eq(seen_of(&st), l->dir);
		l->is_checked = true;
	}
	return l->fits ? l : NULL;
}

/* ---- writing ---- */

size_t manifest_begin(struct buf *out, const struct manifest_log *log)
{
	size_t began = out->len;
	uint8_t len[2];

	put_u16(len, (uint16_t)log->name.len);
	buf_put(out, (uint8_t[4]){0}, 4);
	buf_put(out, len, sizeof(len));
	buf_put(out, log->name.p, (size_t)log->name.len);
	buf_put(out, log->topic_id.b, sizeof(log->topic_id.b));
	seen_put(out, log->dir);
	return began;
}

void manifest_end(struct buf *out, size_t began)
{
	put_u32(out->p + began, (uint32_t)(out->len - began - 4));
}

static void drop(struct env *env, const char *path)
{
	char *aside = xasprintf("%s.tmp", path);

	/* One that stays fits no other marker than its own. */
	error_ignored(env_unlink(env, path));
	error_ignored(env_unlink(env, aside));
	xfree(aside);
}

int manifest_write(struct env *env, const char *dir, const char *marker, const struct buf *logs, int32_t n)
{
	uint8_t count[4];
	char path[PATH_SIZE];
	struct buf text = {0};
	struct seen now;
	int err = see(env, marker, &now);

	if (!err && now.changed_ns <= 0) /* a filesystem that keeps no ctime */
		err = -EOPNOTSUPP;
	if (err)
		return err;
	buf_reserve(&text, HEAD + SEEN + sizeof(count) + logs->len);
	buf_put(&text, MAGIC, sizeof(MAGIC));
	buf_put(&text, (uint8_t[HEAD - sizeof(MAGIC)]){0}, HEAD - sizeof(MAGIC));
	seen_put(&text, now);
	put_i32(count, n);
	buf_put(&text, count, sizeof(count));
	buf_put(&text, logs->p, logs->len);
	put_u32(text.p + sizeof(MAGIC), FORMAT);
	put_u32(text.p + sizeof(MAGIC) + 4, crc32c(0, text.p + HEAD, text.len - HEAD));
	path_in(path, dir, MANIFEST_FILE);
	err = text.len > BYTES_MAX ? -EFBIG : env_replace_file(env, path, text.p, text.len);
	if (err)
		drop(env, path);
	buf_fini(&text);
	return err;
}

void manifest_remove(struct env *env, const char *dir)
{
	char path[PATH_SIZE];

	path_in(path, dir, MANIFEST_FILE);
	error_ignored(env_unlink(env, path)); /* one that stays fits no other marker than its own */
}
