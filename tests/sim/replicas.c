#include "tests/sim/replicas.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { SEGMENTS_MAX = 2000, NAME_BYTES = 32 };

struct names {
	int n;
	char v[SEGMENTS_MAX][NAME_BYTES];
};

static int take_name(void *arg, const char *name, bool is_dir)
{
	struct names *names = arg;
	size_t len = strlen(name);

	if (is_dir || len < 4 || strcmp(name + len - 4, ".log") != 0)
		return 0;
	check(names->n < SEGMENTS_MAX && len < NAME_BYTES);
	memcpy(names->v[names->n++], name, len + 1);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void append_file(struct env *e, const char *path, struct replica_bytes *out)
{
	struct file *f;
	int64_t size;

	check(env_open(e, path, FILE_READ, &f) == 0);
	size = file_size(f);
	check(size >= 0);
	if (size > 0) {
		out->p = realloc(out->p, (size_t)(out->len + size));
		check(out->p);
		check(file_read_full(f, out->p + out->len, (size_t)size, 0) == 0);
		out->len += size;
	}
	file_unref(&f);
}

/* Names are offsets with leading zeros. */
struct replica_bytes replica_read(struct env *e, const char *topic, int partition)
{
	struct replica_bytes out = {0};
	struct names *names = calloc(1, sizeof(*names));
	char dir[64], path[128];

	check(names);
	snprintf(dir, sizeof(dir), "/data/%s-%d", topic, partition);
	env_list(e, dir, take_name, names);
	qsort(names->v, (size_t)names->n, NAME_BYTES, by_name);
	for (int i = 0; i < names->n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names->v[i]);
		append_file(e, path, &out);
	}
	free(names);
	return out;
}

void replica_compare(const struct replica_bytes *a, const struct replica_bytes *b)
{
	int64_t pos = 0;

	while (pos < a->len && pos < b->len && a->p[pos] == b->p[pos])
		pos++;
	if (pos < a->len || pos < b->len)
		fprintf(stderr, "replicas of %" PRId64 " and %" PRId64 " bytes differ at %" PRId64 "\n", a->len, b->len,
			pos);
	check(pos == a->len && pos == b->len);
}
