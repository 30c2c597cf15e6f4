/*
 * snapshot: makes and parses names of snapshots, and writes the file.
 */
#include "broker/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "raft/control.h"
#include "wire/batch.h"

#define SNAPSHOT_BATCH (1 << 20)

/* ---- names ---- */

void snapshot_name(struct raft_snapshot_id id, char out[SNAPSHOT_NAME_SIZE])
{
	snprintf(out, SNAPSHOT_NAME_SIZE, "%020lld-%010d.checkpoint", (long long)id.end_offset, id.epoch);
}

bool snapshot_name_parse(const char *name, struct raft_snapshot_id *out)
{
	long long end;
	int epoch;
	int used = 0;
	char again[SNAPSHOT_NAME_SIZE];

	if (sscanf(name, "%20lld-%10d.checkpoint%n", &end, &epoch, &used) != 2 || used == 0 || name[used] != 0 ||
	    end < 0 || epoch < 0)
		return false;
	*out = (struct raft_snapshot_id){end, epoch};
	snapshot_name(*out, again);
	return strcmp(name, again) == 0;
}

/* ---- writing ---- */

struct snapshot_out {
	struct file *file;
	int64_t pos;
	int64_t offset; /* of the next record */
	int64_t wall_ms;
	int32_t epoch;
	struct batch_options options;
	struct batch_builder batch;
	struct buf bytes;
	struct buf value;
	int n; /* records in the batch being built */
};

static void out_begin(struct snapshot_out *o, int16_t attributes)
{
	o->options = BATCH_OPTIONS_NONE;
	o->options.base_offset = o->offset;
	o->options.leader_epoch = o->epoch;
	o->options.attributes = attributes;
	o->bytes.len = 0;
	o->n = 0;
	batch_begin(&o->batch, &o->bytes, &o->options);
}

static int out_end(struct snapshot_out *o)
{
	int err = 0;

	if (batch_end(&o->batch) > 0)
		err = file_write_full(o->file, o->bytes.p, o->bytes.len, o->pos);
	o->pos += (int64_t)o->bytes.len;
	o->offset += o->n;
	return err;
}

static int out_record(void *arg, const struct metadata_record *r)
{
	struct snapshot_out *o = arg;
	int err = 0;

	o->value.len = 0;
	metadata_record_encode(r, &o->value);
	if (o->n > 0 && o->bytes.len + o->value.len > SNAPSHOT_BATCH) {
		err = out_end(o);
		out_begin(o, 0);
	}
	batch_add(&o->batch, o->wall_ms, BYTES_NULL, (struct bytes){o->value.p, (int32_t)o->value.len});
	o->n++;
	return err;
}

static int out_head(struct snapshot_out *o, const struct snapshot *s)
{
	out_begin(o, BATCH_CONTROL);
	control_add_snapshot_header(&o->batch, o->wall_ms, s->last_timestamp_ms);
	o->n = 1;
	if (s->kraft_version >= 1) {
		control_add_kraft_version(&o->batch, o->wall_ms, s->kraft_version);
		o->n++;
		if (s->voters && s->voters->n > 0) {
			control_add_voters(&o->batch, o->wall_ms, s->voters);
			o->n++;
		}
	}
	return out_end(o);
}

static int out_foot(struct snapshot_out *o)
{
	out_begin(o, BATCH_CONTROL);
	control_add_snapshot_footer(&o->batch, o->wall_ms);
	o->n = 1;
	return out_end(o);
}

static int out_all(struct snapshot_out *o, const struct snapshot *s)
{
	int err = out_head(o, s);

	if (err != 0)
		return err;
	out_begin(o, 0);
	err = s->records(s->arg, out_record, o);
	if (err == 0)
		err = out_end(o);
	return err == 0 ? out_foot(o) : err;
}

int snapshot_write(const struct snapshot *s, int64_t *size)
{
	struct snapshot_out o = {.wall_ms = s->wall_ms, .epoch = s->id.epoch};
	char name[SNAPSHOT_NAME_SIZE];
	char *path;
	char *part;
	int err;

	snapshot_name(s->id, name);
	path = xasprintf("%s/%s", s->dir, name);
	part = xasprintf("%s.part", path);
	err = env_open(s->env, part, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &o.file);
	if (err == 0)
		err = out_all(&o, s);
	if (err == 0)
		err = file_sync(o.file);
	file_unref(&o.file);
	if (err == 0)
		err = env_rename(s->env, part, path);
	if (err == 0)
		err = env_sync_dir(s->env, s->dir);
	if (err != 0)
		error_ignored(env_unlink(s->env, part)); /* the next start removes it */
	*size = o.pos;
	buf_fini(&o.bytes);
	buf_fini(&o.value);
	xfree(path);
	xfree(part);
	return err;
}
