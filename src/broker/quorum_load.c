/*
 * quorum_load: reads what is on disk (snapshots, the log, quorum-state, the bootstrap records) and
 * creates raft from it.
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

/* As in Kafka's KafkaRaftClient. */
#define FETCH_MAX_WAIT_MS 500

/* ---- snapshots ---- */

static char *snapshot_path(const struct quorum *q, struct raft_snapshot_id id)
{
	char name[SNAPSHOT_NAME_SIZE];

	snapshot_name(id, name);
	return xasprintf("%s/%s", q->path, name);
}

/* The bootstrap records are where releases before 4.4 had them, or in a file of their own. */
static int load_bootstrap(struct quorum *q, struct raft_history *history)
{
	struct loading l = {.quorum = q, .bootstrap = true, .to = history, .id = {0, 0}};
	char *path = xasprintf("%s/bootstrap.checkpoint", log_dir_path(q->options.dir));
	int err = quorum_load_snapshot(&l, path);

	xfree(path);
	if (err == -ENOENT) {
		path = snapshot_path(q, l.id);
		err = quorum_load_snapshot(&l, path);
		xfree(path);
	}
	return err == -ENOENT ? 0 : err;
}

static int load_newest(struct quorum *q, struct raft_history *history)
{
	struct snapshot_file *newest = &q->snapshots[q->n_snapshots - 1];
	struct loading l = {.quorum = q, .replay = &q->replay, .to = history, .id = newest->id};
	char *path = snapshot_path(q, l.id);
	int err = quorum_load_snapshot(&l, path);

	xfree(path);
	if (err == 0) {
		replay_skip(&q->replay, l.id.end_offset - 1, l.id.epoch, l.timestamp_ms);
		newest->timestamp_ms = l.timestamp_ms;
		q->replay_end = l.id.end_offset;
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

	/* A file that was being written or removed when the node ended. */
	if (!is_dir && ((len > 16 && strcmp(name + len - 16, ".checkpoint.part") == 0) ||
			(len > 19 && strcmp(name + len - 19, ".checkpoint.deleted") == 0)))
		error_ignored(env_unlink(q->env, path)); /* the next start tries again */
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
		err = -ENOSPC; /* it can be read, but nothing could be appended to it */
	if (err_passes(err))
		diag_error(q->env->diag, "metadata log cannot be recovered",
			   "dir=%s error=\"%s\" remedy=\"free some space, or allow more open files, then start again\"",
			   q->path, err_name(err));
	return err;
}

/*
 * A log that ends before the newest snapshot, or in an epoch before the snapshot's, is replaced by
 * it: the snapshot was fetched but not yet put in place.
 */
static int settle_end(struct quorum *q)
{
	struct raft_snapshot_id newest = q->snapshots[q->n_snapshots - 1].id;
	struct log_offsets at = log_offsets(q->log);

	if (at.end < newest.end_offset || (at.last_epoch >= 0 && at.last_epoch < newest.epoch))
		return log_truncate_fully_at(q->log, newest.end_offset);
	return 0;
}

/*
 * The log starts where a snapshot ends, or at 0; snapshots that end before that are of no use. If
 * the epochs of its beginning are gone, it started behind them before, and a kill came before the
 * segments were deleted.
 */
static int settle_start(struct quorum *q)
{
	bool moved;

	while (q->n_snapshots > 0 && q->snapshots[0].id.end_offset < log_offsets(q->log).start) {
		char *path = snapshot_path(q, q->snapshots[0].id);

		error_ignored(env_unlink(q->env, path)); /* the next start tries again */
		xfree(path);
		quorum_forget_oldest_snapshot(q);
	}
	if (q->n_snapshots == 0 || (log_offsets(q->log).start == 0 && log_epoch_of(q->log, 0) >= 0))
		return 0;
	log_set_high_watermark(q->log, q->snapshots[0].id.end_offset);
	return log_set_start(q->log, q->snapshots[0].id.end_offset, &moved);
}

/* Notes the epochs of the part that is not read because a snapshot covers it. */
static void note_epochs(const struct quorum *q, int64_t end, struct raft_history *history)
{
	history->end = log_offsets(q->log).start;
	history->base_epoch = history->end > 0 && q->n_snapshots > 0 ? q->snapshots[0].id.epoch : 0;
	while (history->end < end) {
		int32_t epoch = log_epoch_of(q->log, history->end);
		int64_t epoch_end = log_epoch_end(q->log, epoch).end_offset;

		raft_history_note_epoch(history, epoch, history->end);
		history->end = epoch_end > history->end && epoch_end < end ? epoch_end : end;
	}
}

/* Reads from the log what raft needs. Its data is read later, when it is known to be committed. */
static int note_log(struct quorum *q, struct raft_history *history)
{
	struct loading l = {.quorum = q, .file = q->path, .to = history};
	struct log_offsets at = log_offsets(q->log);
	int64_t from = q->replay_end;
	int err;

	if (at.start > from)
		return quorum_damaged(&l, from, "a log that begins behind the newest snapshot");
	note_epochs(q, from, history);
	err = quorum_load_log(&l, &from, at.end);
	return err == 0 && from < at.end ? quorum_damaged(&l, from, "a gap in the log") : err;
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

/* The first of controller.listener.names: nodes of the quorum reach each other by it. */
static struct str listener_of_quorum(const struct quorum *q)
{
	int n;
	const struct str *names = config_list(q->options.config, CONFIG_CONTROLLER_LISTENER_NAMES, &n);

	return n > 0 ? names[0] : STR("CONTROLLER");
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

		*e = (struct raft_endpoint){listener_of_quorum(q), network->voters[i].host,
					    (uint16_t)network->voters[i].port};
		borrowed.v[i] = (struct raft_voter){.id = network->voters[i].id, .endpoints = e, .n_endpoints = 1};
	}
	raft_voters_copy(out, &borrowed);
}

/* The servers at which a node begins to look for the quorum: their ids are not known. */
static void bootstrap_nodes(struct quorum *q, struct raft_config *out)
{
	const struct config_network *network = config_network(q->options.config);
	bool servers = network->n_bootstrap > 0;
	const struct config_voter *from = servers ? network->bootstrap : network->voters;
	int n = servers ? network->n_bootstrap : network->n_voters;
	struct raft_node *v = arena_array(&q->bootstrap_arena, (size_t)n + 1, sizeof(*v));

	for (int i = 0; i < n; i++)
		v[i] = (struct raft_node){servers ? -2 - i : from[i].id, from[i].host, (uint16_t)from[i].port};
	out->bootstrap = v;
	out->n_bootstrap = n;
}

static void tell_voters(const struct quorum *q, const struct raft_voters *voters)
{
	if (!raft_voters_find(voters, q->options.node_id))
		diag_info(q->env->diag, "this node follows the metadata quorum as an observer", "node=%d voters=%d",
			  q->options.node_id, voters->n);
}

static bool is_alone(const struct quorum *q, const struct raft_voters *voters)
{
	return voters->n == 1 && voters->v[0].id == q->options.node_id;
}

/* ---- all of it ---- */

/* A directory without bootstrap records gets ours. */
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

static int load_all(struct quorum *q, struct raft_history *history, struct raft_start *start)
{
	int err = env_mkdir_all(q->env, q->path);

	if (err == 0)
		err = env_list(q->env, q->path, note_name, q);
	if (err == 0)
		err = open_log(q);
	if (err == 0 && q->n_snapshots > 0)
		err = settle_end(q);
	if (err == 0)
		err = settle_start(q);
	if (err == 0)
		err = load_bootstrap(q, history);
	if (err == 0 && q->n_snapshots > 0)
		err = load_newest(q, history);
	if (err == 0)
		err = note_log(q, history);
	if (err == 0)
		err = quorum_read_state(q, start);
	if (err == 0 && !start->has_election) /* the directory may be new: its files must outlive a power cut */
		err = env_sync_dir(q->env, log_dir_path(q->options.dir));
	return err == 0 ? default_bootstrap(q) : err;
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

static void make_raft(struct quorum *q, struct raft_start *start)
{
	struct raft_config config = {.node_id = q->options.node_id, .cluster_id = str_of(q->cluster_id)};
	struct raft_voter own;

	own_voter(q, &own);
	config.directory_id = own.directory_id;
	config.own = &own;
	config.listener = listener_of_quorum(q);
	config.may_become_voter = config_is_controller(q->options.config);
	config.auto_join = config_bool(q->options.config, CONFIG_CONTROLLER_QUORUM_AUTO_JOIN_ENABLE);
	bootstrap_nodes(q, &config);
	raft_settings(q, &config);
	start->log_start = log_offsets(q->log).start;
	start->bytes_since_snapshot = start->history.bytes;
	if (q->n_snapshots > 0)
		start->snapshot = q->snapshots[q->n_snapshots - 1].id;
	q->raft = raft_new(&config, start);
}

/*
 * In a quorum of one, no other node could make this one drop records: the log is read at once, and
 * damage is found.
 */
int quorum_load(struct quorum *q)
{
	struct raft_start start = {.snapshot = {-1, 0}};
	int err = load_all(q, &start.history, &start);

	if (err == 0) {
		static_voters(q, &start.static_voters);
		make_raft(q, &start);
		tell_voters(q, raft_voters(q->raft));
		if (is_alone(q, raft_voters(q->raft)))
			err = quorum_replay(q, &q->replay, &q->replay_end, raft_log_end(q->raft));
	}
	raft_history_fini(&start.history);
	raft_voters_fini(&start.static_voters);
	return err;
}
