#include "tests/sim/replicas.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atrest/seal.h"
#include "base/check.h"
#include "base/mem.h"
#include "log/checkpoint.h"
#include "log/epochs.h"
#include "log/paths.h"
#include "tests/sim/history.h"
#include "tests/sim/nodes.h"
#include "wire/batch.h"

enum { SEGMENTS_MAX = 2000, NAME_BYTES = 32, EPOCHS_BYTES_MAX = 1 << 20 };

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
static struct replica_bytes read_in(struct env *e, const char *root, const char *topic, int partition)
{
	struct replica_bytes out = {0};
	struct names *names = calloc(1, sizeof(*names));
	char dir[64], path[128];

	check(names);
	snprintf(dir, sizeof(dir), "%s/%s-%d", root, topic, partition);
	error_ignored(env_list(e, dir, take_name, names)); /* a directory that is not there has no names */
	qsort(names->v, (size_t)names->n, NAME_BYTES, by_name);
	for (int i = 0; i < names->n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names->v[i]);
		append_file(e, path, &out);
	}
	free(names);
	return out;
}

struct replica_bytes replica_read(struct env *e, const char *topic, int partition)
{
	struct replica_bytes found = {0};

	for (int i = 0; i < NODE_DIRS_MAX; i++) {
		struct replica_bytes one = read_in(e, NODE_DIRS[i], topic, partition);

		check((!one.len || !found.len) && "a replica is in two directories");
		if (one.len)
			found = one;
		else
			free(one.p);
	}
	return found;
}

/* ---- leader epochs ---- */

static bool read_epochs(struct env *e, const char *topic, int partition, struct epochs *out)
{
	for (int i = 0; i < NODE_DIRS_MAX; i++) {
		char path[128];
		char *text;
		size_t len;

		snprintf(path, sizeof(path), "%s/%s-%d/leader-epoch-checkpoint", NODE_DIRS[i], topic, partition);
		if (env_read_file(e, path, EPOCHS_BYTES_MAX, &text, &len))
			continue;
		check(epochs_parse(out, (struct str){text, (int32_t)len}));
		xfree(text);
		return true;
	}
	return false;
}

/* Where the log was moved to begin; 0: it begins with its first segment. */
static int64_t log_start(struct env *e, const char *topic, int partition)
{
	int64_t start = 0;

	for (int i = 0; i < NODE_DIRS_MAX; i++) {
		struct checkpoint c;
		char path[128];
		int64_t here;

		snprintf(path, sizeof(path), "%s/log-start-offset-checkpoint", NODE_DIRS[i]);
		if (checkpoint_read(e, path, &c))
			continue;
		here = checkpoint_find(&c, str_of(topic), partition, 0);
		checkpoint_fini(&c);
		start = here > start ? here : start;
	}
	return start;
}

void replica_check_epochs(struct env *e, const char *topic, int partition, const struct replica_bytes *b)
{
	struct epochs epochs = {0};
	int64_t start;

	if (!b->len)
		return;
	start = log_start(e, topic, partition);
	check(read_epochs(e, topic, partition, &epochs) && "a replica has records and no epochs");
	for (struct batch_iter it = batch_iter(b->p, (size_t)b->len); batch_next(&it);) {
		int32_t epoch = epochs_of(&epochs, it.header.base_offset);

		check((epoch == it.header.leader_epoch || (epoch < 0 && it.header.base_offset < start)) &&
		      "a replica's epochs are not those of its batches");
	}
	epochs_fini(&epochs);
}

/* ---- compacted ones ---- */

struct newest {
	int n;
	struct {
		struct bytes key;
		int64_t offset;
		bool is_tombstone;
	} v[HISTORY_KEYS_MAX];
};

static void note_record(struct newest *m, const struct record *r)
{
	int i = 0;

	while (i < m->n && !bytes_eq(m->v[i].key, r->key))
		i++;
	check(i < HISTORY_KEYS_MAX);
	m->n = i == m->n ? i + 1 : m->n;
	m->v[i].key = r->key;
	m->v[i].offset = r->offset;
	m->v[i].is_tombstone = !r->value.p;
}

static void read_keys(const struct replica_bytes *bytes, struct newest *m)
{
	struct batch_iter it = batch_iter(bytes->p, (size_t)bytes->len);
	struct record r;

	m->n = 0;
	while (batch_next(&it)) {
		struct record_iter records = record_iter(&it.header, it.p + BATCH_HEADER_SIZE,
							 (size_t)batch_size(&it.header) - BATCH_HEADER_SIZE);

		while (record_next(&records, &r))
			note_record(m, &r);
	}
	check(it.error == 0);
}

/* Each key of one replica is as new in the other, or was deleted there and is gone. */
static void compare_keys(const struct newest *a, const struct newest *b)
{
	for (int i = 0; i < a->n; i++) {
		int k = 0;

		while (k < b->n && !bytes_eq(a->v[i].key, b->v[k].key))
			k++;
		if (k == b->n)
			check(a->v[i].is_tombstone && "a compacted replica lacks a key that another has");
		else
			check(a->v[i].offset == b->v[k].offset && "compacted replicas have different values of a key");
	}
}

void replica_compare_compacted(const struct replica_bytes *a, const struct replica_bytes *b)
{
	struct newest in_a, in_b;

	read_keys(a, &in_a);
	read_keys(b, &in_b);
	compare_keys(&in_a, &in_b);
	compare_keys(&in_b, &in_a);
}

void replica_open(struct env *e, const char *topic, int partition, const struct atrest_keys *keys,
		  struct replica_bytes *b)
{
	struct seal_place place = {.partition = partition};
	uint8_t id[ATREST_KEY_ID_SIZE];
	int64_t kept = 0;
	bool known = b->len == 0;

	for (int i = 0; i < NODE_DIRS_MAX && !known; i++) {
		char dir[128];

		snprintf(dir, sizeof(dir), "%s/%s-%d", NODE_DIRS[i], topic, partition);
		known = partition_metadata_read(e, dir, &place.topic_id) == 0;
	}
	check(known);
	for (struct batch_iter it = batch_iter(b->p, (size_t)b->len); batch_next(&it);) {
		uint8_t *p = b->p + (it.p - b->p);

		check(batch_is_sealed(&it.header) == seal_applies(&it.header));
		if (batch_is_sealed(&it.header))
			check(seal_open(keys, &place, p, &it.header, id) == 0);
		memmove(b->p + kept, p, (size_t)batch_size(&it.header));
		kept += batch_size(&it.header);
	}
	b->len = kept;
}

void replica_compare(const struct replica_bytes *a, const struct replica_bytes *b)
{
	int64_t pos = 0;

	if (a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, (size_t)a->len) == 0))
		return;
	while (pos < a->len && pos < b->len && a->p[pos] == b->p[pos])
		pos++;
	if (pos < a->len || pos < b->len)
		fprintf(stderr, "replicas of %" PRId64 " and %" PRId64 " bytes differ at %" PRId64 "\n", a->len, b->len,
			pos);
	check(pos == a->len && pos == b->len);
}
