/*
 * quorum_load: what is on disk: snapshots, the log, quorum-state, the bootstrap records; replayed, and raft made of it.
 *
 * Everything here blocks: it runs before the loop does.
 */
#include <errno.h>
#include <string.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/quorum_private.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"
#include "raft/control.h"
#include "wire/batch.h"
#include "wire/records.h"

/* What one batch may unfold to. */
#define BATCH_ARENA (256 << 20)
#define READ_BYTES (1 << 20)
/* As Kafka's KafkaRaftClient has it. */
#define FETCH_MAX_WAIT_MS 500

struct loading {
	struct quorum *quorum;
	struct replay *replay; /* NULL: the bootstrap snapshot, whose records are kept aside */
	const char *file;      /* for messages */
	bool snapshot;	       /* offsets in it are its own: what it says is as of its id */
	struct raft_snapshot_id id;

	struct raft_history history;
	int64_t timestamp_ms;
	bool ended; /* the footer was seen */
};

static int damaged(const struct loading *l, int64_t offset, const char *what)
{
	diag_error(l->quorum->env->diag, "metadata is damaged",
		   "file=%s offset=%lld what=\"%s\" remedy=\"restore the file, or let the node "
		   "fetch the metadata of its quorum\"",
		   l->file, (long long)offset, what);
	return -EBADMSG;
}

/* ---- control batches ---- */

static bool has_footer(const struct batch_header *h, const uint8_t *p)
{
	struct record_iter it = record_iter(h, p + BATCH_HEADER_SIZE, (size_t)batch_size(h) - BATCH_HEADER_SIZE);
	struct record r;

	while (record_next(&it, &r)) {
		if (control_type(r.key) == CONTROL_SNAPSHOT_FOOTER)
			return true;
	}
	return false;
}

static int load_control(struct loading *l, const struct batch_header *h, const uint8_t *p)
{
	if (l->snapshot)
		l->ended |= has_footer(h, p);
	else if (l->replay)
		replay_skip(l->replay, batch_last_offset(h), h->leader_epoch, h->max_timestamp);
	return 0;
}

/* What raft has to know of it. */
static int note(struct loading *l, const struct batch_header *h, const uint8_t *p)
{
	int err = l->snapshot ? control_note_snapshot(h, p, l->id.end_offset, &l->history)
			      : control_note(h, p, &l->history);

	return err == 0
		       ? 0
		       : damaged(l, h->base_offset,
				 "a batch that does not follow on the one before, or a voter set or kraft.version that this release cannot read");
}

/* ---- data batches ---- */

/* The bootstrap records outlive the bytes they are read from: those are copied. */
static int keep_bootstrap(struct loading *l, struct bytes value)
{
	struct quorum *q = l->quorum;
	struct str copy = arena_str(&q->bootstrap_arena, (struct str){(const char *)value.p, value.len});
	struct metadata_record r;
	int err = metadata_record_decode((struct bytes){(const uint8_t *)copy.p, copy.len}, &q->bootstrap_arena, &r);
	void *body;

	if (err != 0)
		return err;
	body = record_list_add(&q->bootstrap, (enum metadata_record_type)r.type, r.version);
	if (!body)
		return -ENOMEM;
	memcpy(body, r.body, metadata_record_body_size(r.type));
	return 0;
}

static int unreadable(struct loading *l, int64_t offset, int err, const struct metadata_record *r)
{
	if (err == -ENOTSUP)
		diag_error(l->quorum->env->diag, "metadata of a later release",
			   "file=%s offset=%lld type=%d version=%d remedy=\"use that "
			   "release\"",
			   l->file, (long long)offset, r->type, r->version);
	else
		damaged(l, offset, "a record that cannot be read");
	return err;
}

static int decode_batch(struct loading *l, const struct batch_header *h, const uint8_t *p, struct arena *a,
			struct metadata_record *v)
{
	struct record_iter it = record_iter(h, p + BATCH_HEADER_SIZE, (size_t)batch_size(h) - BATCH_HEADER_SIZE);
	struct record r;
	int n = 0;

	while (record_next(&it, &r)) {
		int err = l->replay ? metadata_record_decode(r.value, a, &v[n]) : keep_bootstrap(l, r.value);

		if (err != 0)
			return unreadable(l, r.offset, err, &v[n]);
		n++;
	}
	return it.error == 0 && n == h->count ? 0 : damaged(l, h->base_offset, "a batch whose records cannot be read");
}

static int load_data(struct loading *l, const struct batch_header *h, const uint8_t *p)
{
	struct metadata_record *v;
	const char *why = "";
	struct arena a;
	int err = -ENOMEM;

	if (h->count <= 0 || h->count > h->length || batch_codec(h) != 0)
		return damaged(l, h->base_offset, "a batch without records, or a compressed one");
	arena_init(&a, BATCH_ARENA);
	v = arena_array(&a, (size_t)h->count, sizeof(*v));
	if (v)
		err = decode_batch(l, h, p, &a, v);
	if (err == 0 && l->replay) {
		struct image_batch batch = {
			.v = v,
			.n = h->count,
			.last_offset = l->snapshot ? l->id.end_offset - 1 : batch_last_offset(h),
			.epoch = l->snapshot ? l->id.epoch : h->leader_epoch,
			.timestamp_ms = h->max_timestamp,
		};

		err = replay_batch(l->replay, &batch, &why);
		if (err != 0)
			err = damaged(l, h->base_offset, why);
	}
	arena_fini(&a);
	return err;
}

/* Whole batches from `from` on; *next is behind the last of them. */
static int load_bytes(struct loading *l, const uint8_t *p, size_t len, int64_t from, int64_t *next)
{
	struct batch_iter it = batch_iter(p, len);
	int err = 0;

	while (err == 0 && batch_next(&it)) {
		*next = batch_last_offset(&it.header) + 1;
		if (*next <= from)
			continue;
		if (it.header.magic != BATCH_MAGIC || !batch_crc_ok(it.p, &it.header))
			return damaged(l, it.header.base_offset, "a batch whose checksum does not agree");
		l->timestamp_ms = it.header.max_timestamp;
		err = note(l, &it.header, it.p);
		if (err == 0)
			err = batch_is_control(&it.header) ? load_control(l, &it.header, it.p)
							   : load_data(l, &it.header, it.p);
	}
	if (err == 0 && it.error != 0)
		return damaged(l, *next, "bytes that are no batch");
	return err;
}

/* ---- snapshots ---- */

static int load_snapshot(struct loading *l, const char *path)
{
	char *bytes;
	size_t len;
	int64_t next = 0;
	int err = env_read_file(l->quorum->env, path, SNAPSHOT_MAX, &bytes, &len);

	if (err != 0) {
		if (err != -ENOENT)
			diag_error(l->quorum->env->diag, "snapshot cannot be read", "file=%s error=%s", path,
				   err_name(err));
		return err;
	}
	l->file = path;
	l->snapshot = true;
	l->ended = false;
	err = load_bytes(l, (const uint8_t *)bytes, len, 0, &next);
	if (err == 0 && !l->ended)
		err = damaged(l, next, "a snapshot without its last batch");
	xfree(bytes);
	l->snapshot = false;
	return err;
}

/* Its own name for the newest snapshot; the bootstrap snapshot counts when there is no other. */
static int load_snapshots(struct loading *l)
{
	struct quorum *q = l->quorum;
	struct replay *replay = l->replay;
	char name[64];
	char *path;
	int err;

	l->replay = NULL;
	l->id = (struct raft_snapshot_id){0, 0};
	path = xasprintf("%s/bootstrap.checkpoint",
			 log_dir_path(q->options.dir)); /* where releases before 4.4 had it */
	err = load_snapshot(l, path);
	xfree(path);
	if (err == -ENOENT) {
		snapshot_name(l->id, name);
		path = xasprintf("%s/%s", q->path, name);
		err = load_snapshot(l, path);
		xfree(path);
	}
	l->replay = replay;
	if (err != 0 && err != -ENOENT)
		return err;
	if (q->n_snapshots == 0)
		return 0;
	l->id = q->snapshots[q->n_snapshots - 1].id;
	snapshot_name(l->id, name);
	path = xasprintf("%s/%s", q->path, name);
	err = load_snapshot(l, path);
	xfree(path);
	if (err == 0) {
		replay_skip(replay, l->id.end_offset - 1, l->id.epoch, l->timestamp_ms);
		q->snapshots[q->n_snapshots - 1].timestamp_ms = l->timestamp_ms;
	}
	return err;
}

static int note_name(void *arg, const char *name, bool is_dir)
{
	struct quorum *q = arg;
	struct snapshot_file f = {.timestamp_ms = -1};
	struct file_stat st;
	char *path = xasprintf("%s/%s", q->path, name);
	size_t len = strlen(name);

	/* What was being written, or going away, when the node ended. */
	if (!is_dir && ((len > 16 && strcmp(name + len - 16, ".checkpoint.part") == 0) ||
			(len > 19 && strcmp(name + len - 19, ".checkpoint.deleted") == 0)))
		env_unlink(q->env, path);
	if (!is_dir && snapshot_name_parse(name, &f.id) && f.id.end_offset > 0 && env_stat(q->env, path, &st) == 0) {
		f.size = st.size;
		f.timestamp_ms = st.mtime_ms;
		quorum_note_snapshot(q, &f);
	}
	xfree(path);
	return 0;
}

/* ---- the log ---- */

static int open_log(struct quorum *q)
{
	struct log_id id = {STR(METADATA_TOPIC), 0, UUID_METADATA_TOPIC};
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	int64_t epoch;
	int err;

	topic_config_resolve(q->options.config, NULL, 0, &q->log_config);
	q->log_config.segment_bytes = config_int(q->options.config, CONFIG_METADATA_LOG_SEGMENT_BYTES);
	q->log_config.segment_ms = config_long(q->options.config, CONFIG_METADATA_LOG_SEGMENT_MS);
	q->log_config.segment_jitter_ms = 0;
	q->log_config.max_message_bytes = METADATA_BATCH_MAX;
	q->log_config.retention_ms = -1;
	q->log_config.retention_bytes = -1;
	q->log_config.cleanup_delete = true;
	q->log_config.cleanup_compact = false;
	q->log_config.flush_messages = INT64_MAX;
	q->log_config.flush_ms = INT64_MAX;
	q->log = log_new(q->options.dir, &id, &q->log_config);
	how.clean = log_dir_was_clean(q->options.dir, &epoch);
	err = log_load(q->log, &how);
	if (err == 0 && log_standing(q->log) != LOG_WHOLE)
		err = -ENOSPC; /* it can be read, but nothing would ever be appended to it */
	if (err_passes(err))
		diag_error(q->env->diag, "metadata log cannot be recovered",
			   "dir=%s error=\"%s\" remedy=\"free some space, or allow more open files, then start again\"",
			   q->path, err_name(err));
	if (err == 0 && q->n_snapshots > 0 && log_offsets(q->log).end < q->snapshots[q->n_snapshots - 1].id.end_offset)
		err = log_truncate_fully_at(q->log, q->snapshots[q->n_snapshots - 1].id.end_offset);
	return err;
}

static int replay_range(struct loading *l, int64_t *from, int64_t end, struct buf *buf)
{
	struct log_read want = {.offset = *from, .max_bytes = READ_BYTES, .min_one_message = true, .upto_offset = end};
	struct records records;
	int64_t next = *from;
	int err = log_read(l->quorum->log, &want, &records, NULL);

	if (err != 0)
		return err;
	if (records.len == 0)
		return damaged(l, *from, "a gap in the log");
	buf->len = 0;
	buf_reserve(buf, (size_t)records.len);
	err = file_read_full(records.file, buf->p, (size_t)records.len, records.pos);
	file_unref(&records.file);
	if (err == 0)
		err = load_bytes(l, buf->p, (size_t)records.len, *from, &next);
	if (err == 0 && next <= *from)
		return damaged(l, *from, "a batch that does not end");
	*from = next;
	return err;
}

/* The epochs of what is not replayed, since a snapshot stands for it. */
static void note_epochs(struct loading *l, int64_t start, int64_t end)
{
	struct quorum *q = l->quorum;

	l->history.end = start;
	l->history.base_epoch = start > 0 && q->n_snapshots > 0 ? q->snapshots[0].id.epoch : 0;
	while (l->history.end < end) {
		int32_t epoch = log_epoch_of(q->log, l->history.end);
		int64_t epoch_end = log_epoch_end(q->log, epoch).end_offset;

		raft_history_note_epoch(&l->history, epoch, l->history.end);
		l->history.end = epoch_end > l->history.end && epoch_end < end ? epoch_end : end;
	}
}

static int replay_log(struct loading *l)
{
	struct quorum *q = l->quorum;
	struct log_offsets at = log_offsets(q->log);
	int64_t from = q->n_snapshots > 0 ? q->snapshots[q->n_snapshots - 1].id.end_offset : 0;
	struct buf buf = {0};
	int err = 0;

	l->file = q->path;
	if (at.start > from)
		return damaged(l, from, "a log that begins behind the newest snapshot");
	note_epochs(l, at.start, from);
	while (err == 0 && from < at.end)
		err = replay_range(l, &from, at.end, &buf);
	buf_fini(&buf);
	return err;
}

/* ---- voters ---- */

static void own_voter(struct quorum *q, struct raft_voter *out)
{
	const struct config_network *network = config_network(q->options.config);
	char host[256];

	*out = (struct raft_voter){
		.id = q->options.node_id,
		.directory_id = log_dir_meta(q->options.dir)->directory_id,
		.endpoints = arena_array(&q->bootstrap_arena, (size_t)network->n_controller_advertised + 1,
					 sizeof(*out->endpoints)),
		.n_endpoints = network->n_controller_advertised,
		.kraft_version_min = 0,
		.kraft_version_max = 1,
	};
	for (int i = 0; i < out->n_endpoints; i++) {
		const struct config_endpoint *e = &network->controller_advertised[i];

		out->endpoints[i] = (struct raft_endpoint){e->name, e->host, (uint16_t)e->port};
		if (str_is_null(e->host) || e->host.len == 0)
			out->endpoints[i].host =
				arena_str(&q->bootstrap_arena,
					  str_of(env_host_name(q->env, host, sizeof(host)) == 0 ? host : "localhost"));
	}
}

/* controller.quorum.voters: ids and addresses without directories. */
static void static_voters(struct quorum *q, struct raft_voters *out)
{
	const struct config_network *network = config_network(q->options.config);
	struct raft_voters borrowed = {
		arena_array(&q->bootstrap_arena, (size_t)network->n_voters + 1, sizeof(*borrowed.v)),
		network->n_voters};

	for (int i = 0; i < network->n_voters; i++) {
		struct raft_endpoint *e = arena_array(&q->bootstrap_arena, 1, sizeof(*e));

		*e = (struct raft_endpoint){STR("CONTROLLER"), network->voters[i].host,
					    (uint16_t)network->voters[i].port};
		borrowed.v[i] = (struct raft_voter){.id = network->voters[i].id, .endpoints = e, .n_endpoints = 1};
	}
	raft_voters_copy(out, &borrowed);
}

static int check_voters(struct quorum *q, const struct raft_voters *voters)
{
	if (voters->n == 1 && voters->v[0].id == q->options.node_id)
		return 0;
	if (voters->n == 0)
		diag_error(q->env->diag, "the metadata quorum has no voters",
			   "remedy=\"set controller.quorum.voters, or format with --standalone\"");
	else if (!raft_voters_find(voters, q->options.node_id))
		diag_error(q->env->diag, "this node is no voter of the metadata quorum", "node=%d voters=%d",
			   q->options.node_id, voters->n);
	else
		diag_error(q->env->diag, "a metadata quorum of several voters is not served yet", "voters=%d",
			   voters->n);
	return -ENOTSUP;
}

/* ---- all of it ---- */

/* A directory that nobody gave bootstrap records gets ours. */
static int default_bootstrap(struct quorum *q)
{
	if (q->bootstrap.n > 0)
		return 0;
	for (const struct controller_feature *f = CONTROLLER_FEATURES; f->name; f++) {
		struct feature_level_record *r;

		if (f->own_max == 0 || strcmp(f->name, "kraft.version") == 0)
			continue;
		r = record_list_add(&q->bootstrap, RECORD_FEATURE_LEVEL, 0);
		if (!r)
			return -ENOMEM;
		r->name = str_of(f->name);
		r->feature_level = f->own_max;
	}
	return 0;
}

static int load_all(struct quorum *q, struct loading *l, struct raft_start *start)
{
	int err = env_mkdir_all(q->env, q->path);

	if (err == 0)
		err = env_list(q->env, q->path, note_name, q);
	if (err == 0)
		err = open_log(q);
	if (err == 0)
		err = load_snapshots(l);
	if (err == 0)
		err = replay_log(l);
	if (err == 0)
		err = quorum_read_state(q, start);
	if (err == 0)
		err = default_bootstrap(q);
	if (err == 0)
		static_voters(q, &start->static_voters);
	return err == 0 ? check_voters(q, l->history.n_voters > 0 ? &l->history.voters[l->history.n_voters - 1].voters
								  : &start->static_voters)
			: err;
}

static void raft_settings(const struct quorum *q, struct raft_config *out)
{
	const struct config *c = q->options.config;

	out->election_timeout_ms = config_int(c, CONFIG_CONTROLLER_QUORUM_ELECTION_TIMEOUT_MS);
	out->fetch_timeout_ms = config_int(c, CONFIG_CONTROLLER_QUORUM_FETCH_TIMEOUT_MS);
	out->election_backoff_max_ms = config_int(c, CONFIG_CONTROLLER_QUORUM_ELECTION_BACKOFF_MAX_MS);
	out->request_timeout_ms = config_int(c, CONFIG_CONTROLLER_QUORUM_REQUEST_TIMEOUT_MS);
	out->retry_backoff_ms = config_int(c, CONFIG_CONTROLLER_QUORUM_RETRY_BACKOFF_MS);
	out->fetch_max_wait_ms = FETCH_MAX_WAIT_MS;
	out->fetch_max_bytes = config_int(c, CONFIG_CONTROLLER_QUORUM_FETCH_MAX_BYTES);
	out->fetch_snapshot_max_bytes = config_int(c, CONFIG_CONTROLLER_QUORUM_FETCH_SNAPSHOT_MAX_BYTES);
	out->snapshot_max_bytes = config_long(c, CONFIG_METADATA_LOG_MAX_RECORD_BYTES_BETWEEN_SNAPSHOTS);
	out->snapshot_max_ms = config_long(c, CONFIG_METADATA_LOG_MAX_SNAPSHOT_INTERVAL_MS);
}

int quorum_load(struct quorum *q)
{
	struct loading l = {.quorum = q, .replay = &q->replay, .timestamp_ms = -1};
	struct raft_start start = {.snapshot = {-1, 0}};
	struct raft_config config = {.node_id = q->options.node_id, .cluster_id = str_of(q->cluster_id)};
	struct raft_voter own;
	int err = load_all(q, &l, &start);

	if (err == 0) {
		own_voter(q, &own);
		config.directory_id = own.directory_id;
		config.own = &own;
		config.listener = own.n_endpoints > 0 ? own.endpoints[0].name : STR("CONTROLLER");
		config.may_become_voter = true;
		raft_settings(q, &config);
		start.log_start = log_offsets(q->log).start;
		start.history = l.history;
		start.bytes_since_snapshot = l.history.bytes;
		if (q->n_snapshots > 0)
			start.snapshot = q->snapshots[q->n_snapshots - 1].id;
		q->raft = raft_new(&config, &start);
	}
	raft_history_fini(&l.history);
	raft_voters_fini(&start.static_voters);
	return err;
}
