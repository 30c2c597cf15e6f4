/*
 * node_dirs: opens and locks the directories of a node, and gives them the identity of one cluster.
 *
 * Directories without meta.properties are formatted only when all of them are new: a new one beside
 * old ones gets their identity. A node that is not a cluster by itself is not formatted here: its
 * cluster already has an id, which only the operator knows.
 *
 * A directory that cannot be read or written at the start is offline, like one that fails later: it
 * keeps its place in the list, with its error, as long as another one holds replicas and it is not
 * the metadata directory. One that is not ours (by its identity or its lock) stops the start.
 */
#include <errno.h>
#include <string.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/format.h"
#include "broker/node_private.h"
#include "config/config.h"
#include "log/dir.h"

#define BEGIN_AGAIN_MS 200

/* why: the full reason, if known; freed. */
static enum node_end storage(struct node *n, const char *what, const char *path, int err, char *why)
{
	if (why)
		diag_error(n->env->diag, what, "dir=%s reason=\"%s\"", path, why);
	else
		diag_error(n->env->diag, what, "dir=%s error=\"%s\"", path, err_name(err));
	xfree(why);
	return NODE_END_STORAGE;
}

/* Errors that have nothing to do with the disk. */
static bool is_refusal(int err)
{
	return err == -EAGAIN || err == -EINVAL || err == -ENAMETOOLONG || err_is_no_descriptor(err);
}

/* why: freed. */
static struct log_dir *offline(struct node *n, const char *path, int err, char *why)
{
	diag_error(n->env->diag, "log directory cannot be used and is offline",
		   "dir=%s reason=\"%s\" remedy=\"mend it, then restart\"", path, why ? why : err_name(err));
	xfree(why);
	return log_dir_new_offline(n->env, path, err);
}

static enum node_end open_dir(struct node *n, struct str path, bool metadata)
{
	struct log_dir_options options = {
		.path = arena_printf(&n->arena, "%.*s%c", STR_ARG(path), 0).p,
		.reserve_bytes = metadata ? config_long(n->config, CONFIG_ODRADEK_METADATA_RESERVE_BYTES) : 0,
	};
	struct log_dir **dir = &n->dirs[n->n_dirs];
	char *why = NULL;
	int err = log_dir_open(n->env, &options, dir, &why);

	if (err == -EAGAIN)
		return storage(n, "another process uses this log directory", options.path, err, why);
	if (err && (metadata || is_refusal(err)))
		return storage(n, "log directory cannot be used", options.path, err, why);
	if (err)
		*dir = offline(n, options.path, err, why);
	if (metadata)
		n->metadata_dir = *dir;
	n->n_dirs++;
	return NODE_END_CLEAN;
}

static int count_online(struct log_dir *const *dirs, int n)
{
	int online = 0;

	for (int i = 0; i < n; i++)
		online += log_dir_error(dirs[i]) == 0;
	return online;
}

static enum node_end open_dirs(struct node *n)
{
	struct str metadata = config_metadata_log_dir(n->config);
	int n_paths;
	const struct str *paths = config_log_dirs(n->config, &n_paths);
	enum node_end end = NODE_END_CLEAN;

	n->dirs = arena_array(&n->arena, (size_t)n_paths + 1, sizeof(struct log_dir *));
	for (int i = 0; i < n_paths && !end; i++)
		end = open_dir(n, paths[i], str_eq(paths[i], metadata));
	n->n_log_dirs = n->n_dirs;
	if (!end && !n->metadata_dir)
		end = open_dir(n, metadata, true);
	if (!end && config_is_broker(n->config) && count_online(n->dirs, n->n_log_dirs) == 0)
		end = storage(n, "no log directory can be used", log_dir_path(n->dirs[0]), log_dir_error(n->dirs[0]),
			      NULL);
	return end;
}

static int count_formatted(const struct node *n)
{
	int formatted = 0;

	for (int i = 0; i < n->n_dirs; i++)
		formatted += log_dir_is_formatted(n->dirs[i]);
	return formatted;
}

/* A directory with logs is not given to another cluster: its meta.properties is missing. */
static enum node_end check_empty(struct node *n, struct log_dir *dir)
{
	int has = log_dir_has_logs(dir);

	if (has < 0)
		return storage(n, "log directory cannot be read", log_dir_path(dir), has, NULL);
	if (!has)
		return NODE_END_CLEAN;
	diag_error(n->env->diag, "log directory has logs and no meta.properties",
		   "dir=%s remedy=\"bring meta.properties back, or use an empty directory\"", log_dir_path(dir));
	return NODE_END_STORAGE;
}

/* Port 0 is not known yet. */
static bool has_controller_port(const struct config_network *network, int32_t port)
{
	for (int i = 0; i < network->n_controller_advertised; i++)
		if (network->controller_advertised[i].port == port || network->controller_advertised[i].port == 0)
			return true;
	return false;
}

/* True when this node is the only voter, according to the configuration. */
static bool is_cluster_of_one(const struct config *c)
{
	const struct config_network *network = config_network(c);

	if (!config_is_controller(c) || config_bool(c, CONFIG_CONTROLLER_QUORUM_AUTO_JOIN_ENABLE))
		return false;
	if (network->n_voters > 0)
		return network->n_voters == 1;
	if (config_origin(c, CONFIG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS) == CONFIG_FROM_BUILTIN)
		return true;
	return network->n_bootstrap == 1 && has_controller_port(network, network->bootstrap[0].port);
}

/* A node whose own directories are all empty becomes a cluster of one node. */
static enum node_end format_all(struct node *n)
{
	struct format_options options = {.env = n->env,
					 .config = n->config,
					 .dirs = n->dirs,
					 .n_dirs = n->n_dirs,
					 .metadata_dir = n->metadata_dir};
	enum node_end end = NODE_END_CLEAN;
	int err;

	if (!is_cluster_of_one(n->config)) {
		diag_error(
			n->env->diag, "log directories are not formatted",
			"dir=%s remedy=\"odradek format --cluster-id ID FILE, with the id of the cluster that this node belongs to\"",
			log_dir_path(n->metadata_dir));
		return NODE_END_STORAGE;
	}
	for (int i = 0; i < n->n_dirs; i++)
		if (log_dir_error(n->dirs[i]))
			return storage(n, "log directories are not formatted, for one of them cannot be read",
				       log_dir_path(n->dirs[i]), log_dir_error(n->dirs[i]), NULL);
	for (int i = 0; i < n->n_dirs && !end; i++)
		end = check_empty(n, n->dirs[i]);
	if (end)
		return end;
	err = format_own(&options);
	if (err)
		return storage(n, "log directories cannot be formatted", log_dir_path(n->metadata_dir), err, NULL);
	diag_info(n->env->diag, "formatted", "dir=%s cluster=%s node=%d", log_dir_path(n->metadata_dir),
		  log_dir_meta(n->metadata_dir)->cluster_id, n->id);
	return NODE_END_CLEAN;
}

/* Takes in a directory that was added to a formatted node. */
static enum node_end adopt(struct node *n, struct log_dir *dir, const struct meta_properties *like)
{
	struct meta_properties m = *like;
	enum node_end end = check_empty(n, dir);
	int err;

	if (end)
		return end;
	m.version = 1;
	m.directory_id = env_random_uuid(n->env);
	err = log_dir_format(dir, &m);
	if (err && (dir == n->metadata_dir || is_refusal(err)))
		return storage(n, "log directory cannot be formatted", log_dir_path(dir), err, NULL);
	if (err) {
		log_dir_fail(dir, err, "formatting", log_dir_path(dir));
		return NODE_END_CLEAN;
	}
	diag_info(n->env->diag, "formatted", "dir=%s cluster=%s node=%d", log_dir_path(dir), m.cluster_id, n->id);
	return NODE_END_CLEAN;
}

static enum node_end check_identity(struct node *n, const struct log_dir *dir, const struct meta_properties *first)
{
	const struct meta_properties *m = log_dir_meta(dir);

	if (m->node_id != n->id) {
		diag_error(n->env->diag, "log directory belongs to another node",
			   "dir=%s its_node=%d node.id=%d remedy=\"set node.id=%d, or use another directory\"",
			   log_dir_path(dir), m->node_id, n->id, m->node_id);
		return NODE_END_STORAGE;
	}
	if (strcmp(m->cluster_id, first->cluster_id) != 0) {
		diag_error(n->env->diag, "log directories belong to different clusters",
			   "dir=%s its_cluster=%s other=%s", log_dir_path(dir), m->cluster_id, first->cluster_id);
		return NODE_END_STORAGE;
	}
	return NODE_END_CLEAN;
}

enum node_end node_open_dirs(struct node *n)
{
	const struct meta_properties *first = NULL;
	enum node_end end = open_dirs(n);

	if (!end && count_formatted(n) == 0)
		end = format_all(n);
	for (int i = 0; i < n->n_dirs && !end && !first; i++)
		if (log_dir_is_formatted(n->dirs[i]))
			first = log_dir_meta(n->dirs[i]);
	for (int i = 0; i < n->n_dirs && !end; i++) {
		if (log_dir_error(n->dirs[i]))
			continue;
		if (!log_dir_is_formatted(n->dirs[i]))
			end = adopt(n, n->dirs[i], first);
		else
			end = check_identity(n, n->dirs[i], first);
	}
	for (int i = 0; i < n->n_dirs && !end; i++)
		if (n->dirs[i] != n->metadata_dir && !log_dir_error(n->dirs[i]))
			log_dir_share_reserve(n->dirs[i], n->metadata_dir);
	if (!end)
		n->cluster_id = arena_str(&n->arena, str_of(first->cluster_id));
	return end;
}

void node_free_dirs(struct node *n)
{
	for (int i = 0; i < n->n_dirs; i++)
		log_dir_free(n->dirs[i]);
	n->n_dirs = 0;
}

int64_t node_previous_epoch(const struct node *n)
{
	int64_t first = -1;

	for (int i = 0; i < n->n_log_dirs; i++) {
		int64_t epoch;

		if (!log_dir_was_clean(n->dirs[i], &epoch) || (i > 0 && epoch != first))
			return -1;
		first = epoch;
	}
	return first;
}

static void begin_job(struct work *w)
{
	struct node *n = container_of(w, struct node, begin_work);

	n->begin_error = 0;
	for (int i = 0; i < n->n_dirs && !n->begin_error; i++) {
		int err = log_dir_error(n->dirs[i]) ? 0 : log_dir_begin_run(n->dirs[i]);

		if (err_is_no_descriptor(err)) {
			n->begin_error = err;
		} else if (err && (n->dirs[i] == n->metadata_dir || count_online(n->dirs, n->n_log_dirs) == 1)) {
			storage(n, "log directory cannot be written", log_dir_path(n->dirs[i]), err, NULL);
			n->begin_error = err;
		} else if (err) {
			log_dir_fail(n->dirs[i], err, "starting", log_dir_path(n->dirs[i]));
		}
	}
}

static void begin_again(struct timer *t)
{
	struct node *n = container_of(t, struct node, begin_timer);

	env_work(n->cores[0].loop, &n->begin_work);
}

/* The core stays busy until this is done, or the node stops. */
static void begin_done(struct work *w)
{
	struct node *n = container_of(w, struct node, begin_work);

	if (err_is_no_descriptor(n->begin_error) && n->phase == NODE_STARTING) {
		diag_warn(n->env->diag, "log directories cannot be begun with yet, tried again",
			  "error=\"%s\" remedy=\"raise the limit (ulimit -n)\"", err_name(n->begin_error));
		timer_start(&n->begin_timer, BEGIN_AGAIN_MS);
		return;
	}
	if (n->begin_error)
		node_stop_begin(n, NODE_END_STORAGE);
	else
		n->begun(n);
	core_work_ends(&n->cores[0]);
}

void node_begin_run(struct node *n, void (*begun)(struct node *n))
{
	n->begun = begun;
	timer_init(&n->begin_timer, n->cores[0].loop, begin_again);
	n->begin_work = (struct work){.job = begin_job, .done = begin_done};
	core_work_begins(&n->cores[0]);
	env_work(n->cores[0].loop, &n->begin_work);
}

static void dir_failed(struct post *post)
{
	struct dir_watch *w = container_of(post, struct dir_watch, post);
	struct node *n = w->node;

	if (w->dir != n->metadata_dir && count_online(n->dirs, n->n_log_dirs) > 0) {
		if (log_dir_is_formatted(w->dir))
			quorum_broker_directory_failed(n->quorum, log_dir_meta(w->dir)->directory_id);
		return;
	}
	diag_error(n->env->diag, "the node stops: a directory it cannot do without has failed", "dir=%s",
		   log_dir_path(w->dir));
	node_stop_begin(n, NODE_END_STORAGE);
}

void node_watch_dirs(struct node *n)
{
	n->watches = arena_array(&n->arena, (size_t)n->n_dirs, sizeof(*n->watches));
	for (int i = 0; i < n->n_dirs; i++) {
		n->watches[i] = (struct dir_watch){.post.run = dir_failed, .node = n, .dir = n->dirs[i]};
		log_dir_watch(n->dirs[i], n->cores[0].loop, &n->watches[i].post);
	}
}

int node_mark_clean(struct node *n)
{
	int first = 0;

	for (int i = 0; i < n->n_dirs; i++) {
		int err = log_dir_error(n->dirs[i]) ? 0 : log_dir_mark_clean(n->dirs[i], n->broker_epoch);

		if (err && !first)
			first = err;
	}
	return first;
}
