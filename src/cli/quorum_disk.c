/*
 * quorum_disk: what a node's metadata directory says about its quorum: meta.properties,
 * quorum-state, and the control records of the newest snapshot and of the log after it. Everything
 * is only read, and may be a copy made on another machine: whatever cannot be read is reported.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/snapshot.h"
#include "cli/quorum_doctor.h"
#include "log/dir.h"
#include "raft/control.h"

enum { FILE_MAX = 1 << 30, SEGMENT_NAME = 20 };

/* ---- quorum-state ---- */

static void read_voter_ids(struct tool *t, const json_t *state, struct doctor_disk *d)
{
	const json_t *voters = json_object_get(state, "currentVoters");

	d->voters = arena_array(&t->arena, json_array_size(voters) + 1, sizeof(*d->voters));
	for (size_t i = 0; i < json_array_size(voters); i++)
		d->voters[d->n_voters++] =
			(int32_t)json_integer_value(json_object_get(json_array_get(voters, i), "voterId"));
}

static char *file_in(struct tool *t, const struct doctor_disk *d, const char *name)
{
	return tool_string(t, arena_printf(&t->arena, "%s/__cluster_metadata-0/%s", d->path, name));
}

static void read_state(struct tool *t, struct doctor_disk *d)
{
	struct raft_election e;
	json_t *state;
	char *text;
	size_t len;

	if (env_read_file(t->env, file_in(t, d, "quorum-state"), FILE_MAX, &text, &len) != 0)
		return;
	if (raft_election_parse((struct str){text, (int32_t)len}, &e) != 0)
		tool_die(t, "%s is damaged: %.*s", file_in(t, d, "quorum-state"), (int)(len < 200 ? len : 200), text);
	d->has_state = true;
	d->leader_id = e.leader_id;
	d->leader_epoch = e.leader_epoch;
	d->voted_id = e.voted_id;
	state = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL);
	read_voter_ids(t, state, d);
	json_decref(state);
	xfree(text);
}

/* ---- control records ---- */

struct found {
	struct raft_snapshot_id snapshot; /* the newest; end_offset -1: none */
	int64_t segments[4096];		  /* base offsets */
	int n_segments;
};

static int note_file(void *arg, const char *name, bool is_dir)
{
	struct found *f = arg;
	struct raft_snapshot_id id;
	size_t len = strlen(name);

	if (is_dir)
		return 0;
	if (snapshot_name_parse(name, &id) && id.end_offset >= f->snapshot.end_offset)
		f->snapshot = id;
	if (len == SEGMENT_NAME + 4 && strcmp(name + SEGMENT_NAME, ".log") == 0 &&
	    strspn(name, "0123456789") == SEGMENT_NAME &&
	    f->n_segments < (int)(sizeof(f->segments) / sizeof(f->segments[0])))
		f->segments[f->n_segments++] = strtoll(name, NULL, 10);
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void take_voters(struct tool *t, const struct raft_voters *voters, struct doctor_disk *d)
{
	d->n_voters = 0;
	d->voters = arena_array(&t->arena, (size_t)voters->n + 1, sizeof(*d->voters));
	d->is_voter = false;
	for (int i = 0; i < voters->n; i++) {
		d->voters[d->n_voters++] = voters->v[i].id;
		d->is_voter |= voters->v[i].id == d->node_id && uuid_eq(voters->v[i].directory_id, d->directory_id);
	}
}

/* Reads the control records of a batch. */
static void take_control(struct tool *t, const struct batch_iter *it, struct doctor_disk *d)
{
	struct record_iter records = record_iter(&it->header, it->p + BATCH_HEADER_SIZE,
						 (size_t)batch_size(&it->header) - BATCH_HEADER_SIZE);
	struct record r;

	while (record_next(&records, &r)) {
		struct raft_voters voters;
		int16_t version;

		if (control_type(r.key) == CONTROL_KRAFT_VERSION && control_read_kraft_version(r.value, &version) == 0)
			d->kraft_version = version;
		if (control_type(r.key) == CONTROL_KRAFT_VOTERS && control_read_voters(r.value, &voters) == 0) {
			take_voters(t, &voters, d);
			raft_voters_fini(&voters);
		}
	}
}

/* Stops at the first incomplete batch. */
static void read_batches(struct tool *t, const char *path, bool snapshot, struct doctor_disk *d)
{
	struct batch_iter it;
	char *bytes;
	size_t len;
	int err = env_read_file(t->env, path, FILE_MAX, &bytes, &len);

	if (err != 0)
		tool_die(t, "%s: %s", path, err_name(err));
	it = batch_iter(bytes, len);
	while (batch_next(&it) && batch_crc_ok(it.p, &it.header)) {
		if (it.header.attributes & BATCH_CONTROL)
			take_control(t, &it, d);
		if (snapshot)
			continue;
		if (batch_last_offset(&it.header) < d->log_end)
			continue; /* the snapshot covers it */
		d->log_end = batch_last_offset(&it.header) + 1;
		d->log_epoch = it.header.leader_epoch;
	}
	xfree(bytes);
}

static void read_log(struct tool *t, struct doctor_disk *d)
{
	struct found *f = arena_zalloc(&t->arena, sizeof(*f));
	char name[SNAPSHOT_NAME_SIZE];
	int err;

	f->snapshot.end_offset = -1;
	err = env_list(t->env, file_in(t, d, ""), note_file, f);
	if (err != 0)
		tool_die(t, "%s: %s", file_in(t, d, ""), err_name(err));
	if (f->snapshot.end_offset >= 0) {
		d->log_end = f->snapshot.end_offset;
		d->log_epoch = f->snapshot.epoch;
		snapshot_name(f->snapshot, name);
		read_batches(t, file_in(t, d, name), true, d);
	}
	qsort(f->segments, (size_t)f->n_segments, sizeof(*f->segments), by_offset);
	for (int i = 0; i < f->n_segments; i++) {
		snprintf(name, sizeof(name), "%020lld.log", (long long)f->segments[i]);
		read_batches(t, file_in(t, d, name), false, d);
	}
}

void doctor_read_disk(struct tool *t, const char *path, struct doctor_disk *d)
{
	struct meta_properties m;
	char *why = NULL;

	*d = (struct doctor_disk){.path = path, .node_id = -1, .leader_id = -1, .leader_epoch = -1, .voted_id = -1};
	if (meta_properties_read(t->env, path, &m, &why) != 0)
		tool_die(t, "%s: %s", path, why ? why : "no meta.properties that can be read");
	d->node_id = m.node_id;
	d->cluster_id = arena_str(&t->arena, str_of(m.cluster_id));
	d->directory_id = m.directory_id;
	read_state(t, d);
	for (int i = 0; i < d->n_voters; i++)
		d->is_voter |= d->voters[i] == d->node_id;
	read_log(t, d);
}

/* ---- a configuration file ---- */

static void take_property(void *arg, const char *name, const char *value)
{
	struct doctor_config *c = arg;

	if (strcmp(name, "node.id") == 0)
		str_to_i32(str_of(value), &c->node_id);
	else if (strcmp(name, "process.roles") == 0)
		c->is_no_broker = str_is(str_trimmed(str_of(value)), "controller");
	else if (strcmp(name, "metadata.log.dir") == 0)
		c->metadata_dir = value;
	else if (strcmp(name, "log.dirs") == 0)
		c->log_dirs = value;
	else if (strcmp(name, "log.dir") == 0)
		c->log_dir = value;
	else if (strcmp(name, "controller.quorum.bootstrap.servers") == 0)
		c->servers = value;
	else if (strcmp(name, "controller.quorum.voters") == 0)
		c->voters = value;
}

/* "1@a:9093,2@b:9093" without the ids. */
static const char *addresses_of(struct tool *t, const char *voters)
{
	char *out = arena_alloc(&t->arena, strlen(voters) + 1), *to = out;
	bool in_id = strchr(voters, '@') != NULL;

	for (const char *p = voters; *p; p++) {
		if (!in_id && *p != ' ')
			*to++ = *p;
		if (*p == '@')
			in_id = false;
		else if (*p == ',')
			in_id = true;
	}
	*to = 0;
	return out;
}

/* As chosen by a starting node: metadata.log.dir, otherwise the first of log.dirs, otherwise log.dir. */
static const char *directory_of(struct tool *t, const struct doctor_config *c)
{
	const char *dirs = c->log_dirs ? c->log_dirs : c->log_dir ? c->log_dir : "/tmp/kafka-logs";

	if (c->metadata_dir && *c->metadata_dir)
		return c->metadata_dir;
	return tool_string(t, str_trimmed((struct str){dirs, (int32_t)strcspn(dirs, ",")}));
}

void doctor_read_config(struct tool *t, const char *path, struct doctor_config *c)
{
	tool_each_property(t, path, take_property, c);
	c->directory = directory_of(t, c);
	if (c->servers && *c->servers)
		c->controllers = c->servers;
	else if (c->voters && *c->voters)
		c->controllers = addresses_of(t, c->voters);
}
