#include "tests/sim/nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "broker/format.h"
#include "broker/node_private.h"
#include "broker/quorum_private.h"
#include "config/config.h"
#include "log/dir.h"
#include "tests/sim/draw.h"

enum { OWN = 6, BURIAL_MS = 10, CONTROLLER_PORT = 9093, OTHER_PORT = 9095, MOVES_SELDOM = 4 };

const char *const NODE_DIRS[NODE_DIRS_MAX] = {"/data", "/more"};

/* ---- configuration ---- */

uint16_t nodes_controller_port(const struct nodes *c, int i)
{
	return c->v[i].has_moved ? OTHER_PORT : CONTROLLER_PORT;
}

/* A controller that moves is found where it was, or where it goes. */
static void add_bootstrap(const struct nodes *c, char *text, size_t size)
{
	for (int i = 0; i < c->n_voters; i++)
		for (int port = CONTROLLER_PORT; port <= (c->moves_chance ? OTHER_PORT : CONTROLLER_PORT); port += 2)
			snprintf(text + strlen(text), size - strlen(text), "%s10.0.0.%d:%d", *text ? "," : "", i + 1,
				 port);
}

static void add_own(const struct one_node *n, struct settings *s)
{
	bool broker = n->roles & NODE_IS_BROKER, controller = n->roles & NODE_IS_CONTROLLER;
	char clients[64] = "", quorum[64] = "", both[130], voters[SETTING_BYTES] = "";

	if (broker)
		snprintf(clients, sizeof(clients), "PLAINTEXT://10.0.0.%d:9092", n->i + 1);
	if (controller)
		snprintf(quorum, sizeof(quorum), "CONTROLLER://10.0.0.%d:%d", n->i + 1,
			 nodes_controller_port(n->of, n->i));
	snprintf(both, sizeof(both), "%s%s%s", clients, broker && controller ? "," : "", quorum);
	if (n->of->dynamic)
		add_bootstrap(n->of, voters, sizeof(voters));
	for (int i = 0; i < n->of->n_voters && !n->of->dynamic; i++)
		snprintf(voters + strlen(voters), sizeof(voters) - strlen(voters), "%s%d@10.0.0.%d:9093", i ? "," : "",
			 i + 1, i + 1);
	settings_add(s, "node.id", n->i + 1);
	settings_add_text(s, "process.roles", !broker ? "controller" : controller ? "broker,controller" : "broker");
	settings_add_text(s, "listeners", both);
	settings_add_text(s, "advertised.listeners", broker ? clients : quorum);
	settings_add_text(s, n->of->dynamic ? "controller.quorum.bootstrap.servers" : "controller.quorum.voters",
			  voters);
	if (n->of->n_dirs > 1)
		settings_add_text(s, "log.dirs", "/data,/more");
}

static struct config *load_config(const struct one_node *n)
{
	struct settings own = {0};
	const char *overrides[SETTINGS_MAX + OWN + 1] = {0};
	struct config_input in = {.data_dir = STR("/data"), .overrides = overrides};
	struct config_notes notes;
	struct config *config;
	int k = 0;

	add_own(n, &own);
	for (int i = 0; i < own.n; i++)
		overrides[k++] = own.v[i];
	for (int i = 0; i < n->of->settings.n; i++)
		overrides[k++] = n->of->settings.text[i];
	check(config_load(&in, &config, &notes) == 0);
	config_notes_fini(&notes);
	return config;
}

struct uuid nodes_directory(int i)
{
	struct uuid id;

	memset(&id, 0x11 * (i + 1), sizeof(id));
	return id;
}

/* All controllers are initial voters. */
static void list_voters(const struct nodes *c, struct arena *a, struct raft_voters *out)
{
	*out = (struct raft_voters){arena_array(a, (size_t)c->n_voters, sizeof(struct raft_voter)), c->n_voters};
	for (int i = 0; i < c->n_voters; i++) {
		struct raft_endpoint *e = arena_zalloc(a, sizeof(*e));
		char host[32];

		snprintf(host, sizeof(host), "10.0.0.%d", i + 1);
		*e = (struct raft_endpoint){STR("CONTROLLER"), arena_str(a, str_of(host)), CONTROLLER_PORT};
		out->v[i] = (struct raft_voter){.id = i + 1,
						.directory_id = nodes_directory(i),
						.endpoints = e,
						.n_endpoints = 1,
						.kraft_version_max = 1};
	}
}

/* As `odradek format --initial-controllers` does. */
static void format_dynamic(const struct one_node *n, struct log_dir *dir)
{
	struct config *config = load_config(n);
	struct format_options o = {
		.env = sim_env(n->of->w, n->i), .config = config, .dirs = &dir, .n_dirs = 1, .metadata_dir = dir};
	struct record_list records;
	struct raft_voters voters;
	struct arena a;

	arena_init(&a, 1 << 16);
	record_list_init(&records, &a);
	format_own_records(&records);
	list_voters(n->of, &a, &voters);
	check(format_write(&o, &(struct format_plan){.cluster_id = STR("simulated"),
						     .node_id = n->i + 1,
						     .with_bootstrap = n->roles & NODE_IS_CONTROLLER,
						     .records = &records,
						     .kraft_version = 1,
						     .voters = &voters,
						     .metadata_directory = nodes_directory(n->i)}) == 0);
	arena_fini(&a);
	config_free(config);
}

static void format_dir(const struct one_node *n, const char *path)
{
	struct meta_properties m = {.version = 1, .node_id = n->i + 1, .cluster_id = "simulated"};
	struct log_dir_options options = {.path = path};
	struct log_dir *dir;
	char *why = NULL;

	m.directory_id = env_random_uuid(sim_env(n->of->w, n->i));
	check(log_dir_open(sim_env(n->of->w, n->i), &options, &dir, &why) == 0);
	if (n->of->dynamic && path == NODE_DIRS[0])
		format_dynamic(n, dir);
	else
		check(log_dir_format(dir, &m) == 0);
	log_dir_free(dir);
}

/* It writes its bootstrap records itself. */
static void format(void *arg)
{
	struct one_node *n = arg;

	for (int i = 0; i == 0 || i < n->of->n_dirs; i++)
		format_dir(n, NODE_DIRS[i]);
}

static int64_t wall_ms(void *arg)
{
	struct one_node *n = arg;

	return env_wall_ms(sim_env(n->of->w, n->i));
}

static void take_line(void *arg, const char *line, int len)
{
	struct one_node *n = arg;

	(void)len;
	if (n->of->verbose)
		fprintf(stderr, "%d| %s", n->i + 1, line);
}

void nodes_format(struct nodes *c, int n_voters, int first_broker)
{
	check(c->n <= NODES_MAX && n_voters <= c->n && first_broker < c->n);
	c->n_voters = n_voters;
	for (int i = 0; i < c->n; i++) {
		struct one_node *n = &c->v[i];

		*n = (struct one_node){.of = c,
				       .i = i,
				       .roles = (i < n_voters ? NODE_IS_CONTROLLER : 0) |
						(i >= first_broker ? NODE_IS_BROKER : 0)};
		if (c->encrypted)
			settings_make_key(&n->keys, i);
		n->diag = (struct diag){.level = c->verbose ? DIAG_DEBUG : DIAG_ERROR,
					.wall_ms = wall_ms,
					.write = take_line,
					.arg = n};
		sim_env_diag(c->w, i, &n->diag);
		check(sim_call(c->w, i, format, n));
	}
}

/* ---- lives ---- */

static void on_event(void *arg, enum node_event event, const char *text)
{
	struct one_node *n = arg;

	(void)text;
	n->serves = n->serves || event == NODE_EVENT_STARTED;
	n->stopped = n->stopped || event == NODE_EVENT_STOPPED;
}

static void start(void *arg)
{
	struct one_node *n = arg;
	enum node_end end;

	n->config = load_config(n);
	n->node = node_start(&(struct node_options){.env = sim_env(n->of->w, n->i),
						    .config = n->config,
						    .n_reactors = n->of->n_reactors,
						    .log_keys = n->of->encrypted ? &n->keys : NULL,
						    .release = "simulated",
						    .event = on_event,
						    .arg = n},
			     &end);
	check(n->node || ((n->is_full || n->is_failing) && end == NODE_END_STORAGE));
	if (!n->node)
		config_free(n->config);
}

/* A doomed node may have registered again before it died. */
static void settle_death(struct one_node *n)
{
	const struct image *image = n->is_doomed ? nodes_image(n->of) : NULL;
	const struct image_node *broker = image ? image_broker(image, n->i + 1) : NULL;

	if (broker && broker->epoch > n->epoch_of_death)
		n->epoch_of_death = broker->epoch;
	n->is_doomed = false;
}

static bool knows_where_they_are(const struct nodes *c, int who, int except)
{
	const struct quorum *q = c->v[who].node->quorum;
	const struct raft_voters *voters = q && q->raft ? raft_voters(q->raft) : NULL;

	for (int k = 0; voters && k < voters->n; k++) {
		const struct raft_voter *v = &voters->v[k];

		if (v->id - 1 != except && v->endpoints[0].port != nodes_controller_port(c, v->id - 1))
			return false;
	}
	return voters != NULL;
}

bool nodes_voters_are_at_home(const struct nodes *c, int except)
{
	int n = 0;

	for (int i = 0; i < c->n_voters; i++) {
		if (!nodes_is_up(c, i))
			continue;
		if (!knows_where_they_are(c, i, except))
			return false;
		n++;
	}
	return n > c->n_voters / 2;
}

/* One at a time: the others are where it looks for them, and it tells them its new address. */
static void maybe_move(struct one_node *n)
{
	struct nodes *c = n->of;

	if (!c->moves_chance || c->quiet || n->lives == 0 || n->i >= c->n_voters ||
	    draw_below(&c->moves_chance, MOVES_SELDOM) == 0 || !nodes_voters_are_at_home(c, n->i))
		return;
	n->has_moved = !n->has_moved;
	c->n_moves++;
}

static void begin_life(struct one_node *n)
{
	settle_death(n);
	maybe_move(n);
	n->serves = n->stopped = n->told_to_stop = n->waits = n->burying = n->rests = false;
	n->was_full = n->is_full;
	n->was_failing = n->is_failing;
	n->lives++;
	/* It may die during this: the watch notices. */
	if (sim_call(n->of->w, n->i, start, n) && !n->node)
		sim_crash(n->of->w, n->i, SIM_KILL);
}

void nodes_start_all(struct nodes *c)
{
	for (int i = 0; i < c->n; i++)
		begin_life(&c->v[i]);
}

/* A failed sync has left data in the cache that is on no platter but counts as written. */
static void lose_cache(const struct one_node *n)
{
	if (n->was_failing && sim_died_of(n->of->w, n->i) == SIM_KILL)
		sim_lose_power(n->of->w, n->i);
}

static void restart(void *arg)
{
	struct one_node *n = arg;

	if (n->rests)
		return;
	lose_cache(n);
	sim_restart(n->of->w, n->i);
	begin_life(n);
}

/* Most come back at once, some long after their session has expired. */
static int64_t absence_ms(struct nodes *c)
{
	return 1 + (int64_t)draw_below(c->chance, c->quiet || draw_below(c->chance, 4) ? 3000 : 20000);
}

static void note_death(struct one_node *n)
{
	n->node = NULL;
	n->config = NULL;
	n->waits = true;
	if (n->of->dead)
		n->of->dead(n->of->arg, n->i);
	if (!n->rests)
		sim_after(n->of->w, absence_ms(n->of), restart, n);
}

static void free_node(void *arg)
{
	struct one_node *n = arg;
	enum node_end end;

	end = node_free(n->node);
	check(end == NODE_END_CLEAN || !n->told_to_stop ||
	      (end == NODE_END_STORAGE && (n->was_full || n->was_failing)));
	config_free(n->config);
}

static void must_be_empty(const struct one_node *n)
{
	struct sim_held held;

	sim_held(n->of->w, n->i, &held);
	if (held.blocks || held.files || held.socks || held.loops || held.works)
		fprintf(stderr,
			"node %d has not given back: %" PRId64 " blocks, %d files, %d sockets, %d loops, %d jobs\n",
			n->i + 1, held.blocks, held.files, held.socks, held.loops, held.works);
	check(held.blocks == 0 && held.files == 0 && held.socks == 0 && held.loops == 0 && held.works == 0);
}

/*
 * The process has ended; a stop may be followed by a power cut, which takes nothing if the logs
 * were open: otherwise, what an earlier life left may not be on a platter yet.
 */
static void bury(void *arg)
{
	struct one_node *n = arg;
	bool gave_up = !n->told_to_stop;

	if (sim_is_down(n->of->w, n->i) || !n->node)
		return;
	if (!sim_call(n->of->w, n->i, free_node, n))
		return;
	must_be_empty(n);
	n->of->n_stops++;
	n->of->n_given_up += gave_up;
	n->rests = n->of->all_stop;
	sim_crash(n->of->w, n->i, n->serves && draw_below(n->of->chance, 2) ? SIM_POWER : SIM_KILL);
	note_death(n);
}

void nodes_watch(struct nodes *c)
{
	for (int i = 0; i < c->n; i++) {
		struct one_node *n = &c->v[i];

		if (n->waits)
			continue;
		if (sim_is_down(c->w, i)) {
			note_death(n);
		} else if (n->stopped && !n->burying) {
			n->burying = true;
			sim_after(c->w, BURIAL_MS, bury, n);
		}
	}
}

bool nodes_is_up(const struct nodes *c, int i)
{
	return c->v[i].node && !sim_is_down(c->w, i);
}

/* ---- deaths ---- */

const struct image *nodes_image(const struct nodes *c)
{
	const struct image *newest = NULL;

	for (int i = 0; i < c->n; i++) {
		const struct image *image =
			nodes_is_up(c, i) && c->v[i].node->quorum ? c->v[i].node->quorum->image : NULL;

		if (image && (!newest || image_offset(image) > image_offset(newest)))
			newest = image;
	}
	return newest;
}

int nodes_leader(const struct nodes *c, int which)
{
	const struct image *image = nodes_image(c);
	const struct image_topic *t;
	struct image_iter it;
	int n = image ? (int)image_partition_count(image) : 0;

	if (n == 0)
		return -1;
	which %= n;
	image_topics(image, &it);
	while ((t = image_topics_next(&it)) && which >= t->n_partitions)
		which -= t->n_partitions;
	return t && t->partitions[which]->leader > 0 ? t->partitions[which]->leader - 1 : -1;
}

int nodes_controller(const struct nodes *c)
{
	for (int i = 0; i < c->n; i++)
		if (nodes_is_up(c, i) && c->v[i].node->quorum && c->v[i].node->quorum->raft &&
		    raft_role(c->v[i].node->quorum->raft) == RAFT_LEADER)
			return i;
	return -1;
}

static bool is_in_sync_everywhere(const struct image *image, int32_t id)
{
	struct image_iter it;
	const struct image_topic *t;

	image_topics(image, &it);
	while ((t = image_topics_next(&it)))
		for (int i = 0; i < t->n_partitions; i++)
			if (image_ids_has(partition_replicas(t->partitions[i]), id) &&
			    !image_ids_has(partition_isr(t->partitions[i]), id))
				return false;
	return true;
}

/* Updates n->away. */
static bool is_away(const struct nodes *c, struct one_node *n)
{
	const struct image *image = n->away ? nodes_image(c) : NULL;
	const struct image_node *broker = image ? image_broker(image, n->i + 1) : NULL;

	if (broker && !n->is_doomed && !n->is_failing && broker->epoch > n->epoch_of_death &&
	    is_in_sync_everywhere(image, n->i + 1))
		n->away = n->has_lost = false;
	return n->away;
}

static bool may_die(const struct nodes *c, int i, bool loses)
{
	if (c->flushes || !(c->v[i].roles & NODE_IS_BROKER))
		return true;
	for (int k = 0; k < c->n; k++)
		if (k != i && is_away(c, (struct one_node *)&c->v[k]) && (loses || c->v[k].has_lost))
			return false;
	return true;
}

static void say(const struct one_node *n, const char *what)
{
	if (n->of->verbose)
		fprintf(stderr, "%d| %s\n", n->i + 1, what);
}

/*
 * A node that crashes is away from then on, even if it had crashed before and was not back yet. If
 * no remaining node knows its epoch, the one of its previous death is used: epochs only grow.
 */
static void mark_away(struct one_node *n, bool loses)
{
	const struct image *image = nodes_image(n->of);
	const struct image_node *broker = image ? image_broker(image, n->i + 1) : NULL;

	if (!(n->roles & NODE_IS_BROKER))
		return;
	n->away = true;
	n->has_lost = n->has_lost || loses;
	if (broker && broker->epoch > n->epoch_of_death)
		n->epoch_of_death = broker->epoch;
	if (n->node && n->node->broker_epoch > n->epoch_of_death)
		n->epoch_of_death = n->node->broker_epoch;
}

void nodes_crash(struct nodes *c, int i, enum sim_crash how)
{
	struct one_node *n = &c->v[i];

	if (!nodes_is_up(c, i) || c->quiet || !may_die(c, i, how == SIM_POWER))
		return;
	mark_away(n, how == SIM_POWER && !c->flushes);
	c->n_kills += how == SIM_KILL;
	c->n_power_cuts += how == SIM_POWER;
	say(n, how == SIM_POWER ? "POWER CUT" : "KILL");
	sim_crash(c->w, i, how);
}

void nodes_kill_at(struct nodes *c, int i, int64_t at)
{
	struct one_node *n = &c->v[i];

	if (!nodes_is_up(c, i) || c->quiet || !may_die(c, i, false))
		return;
	mark_away(n, false);
	n->is_doomed = true;
	c->n_kills++;
	say(n, "KILL, in a moment");
	sim_crash_at_disk_op(c->w, i, at, SIM_KILL);
}

static void tell_to_stop(void *arg)
{
	struct one_node *n = arg;

	n->told_to_stop = true;
	node_stop(n->node);
}

void nodes_stop(struct nodes *c, int i)
{
	struct one_node *n = &c->v[i];

	if (!nodes_is_up(c, i) || n->told_to_stop || n->stopped)
		return;
	/*
	 * Its logs may not be open, or there may be no room to close them: then the next start does
	 * not consider it a clean stop.
	 */
	if (!n->serves || ((n->was_full || n->was_failing) && !c->quiet)) {
		if (!may_die(c, i, false))
			return;
		mark_away(n, false);
	}
	say(n, "STOP");
	sim_call(c->w, i, tell_to_stop, n);
}

void nodes_fill(struct nodes *c, int i, int64_t bytes)
{
	if (bytes > 0 && c->v[i].told_to_stop)
		return;
	c->v[i].is_full = bytes > 0;
	c->v[i].was_full = c->v[i].was_full || bytes > 0;
	sim_set_disk_bytes(c->w, i, bytes ? sim_disk_used(c->w, i) + bytes : 0);
}

void nodes_fail_device(struct nodes *c, int i, int dir, int which)
{
	struct one_node *n = &c->v[i];

	if (!nodes_is_up(c, i) || c->quiet || n->told_to_stop || dir >= (c->n_dirs ? c->n_dirs : 1) ||
	    !may_die(c, i, true))
		return;
	mark_away(n, !c->flushes);
	n->is_failing = n->was_failing = true;
	c->n_failures++;
	say(n, "A DEVICE FAILS");
	sim_fail_device(c->w, i, NODE_DIRS[dir], which);
}

void nodes_mend(struct nodes *c, int i)
{
	struct one_node *n = &c->v[i];

	if (!n->is_failing)
		return;
	for (int dir = 0; dir < (c->n_dirs ? c->n_dirs : 1); dir++)
		sim_fail_device(c->w, i, NODE_DIRS[dir], 0);
	n->is_failing = false;
	mark_away(n, !c->flushes);
	say(n, "ITS DEVICES ARE MENDED");
	if (!sim_is_down(c->w, i))
		sim_crash(c->w, i, SIM_POWER);
}

void nodes_calm(struct nodes *c)
{
	c->quiet = true;
	for (int i = 0; i < c->n; i++) {
		sim_crash_at_disk_op(c->w, i, 0, SIM_KILL);
		c->v[i].is_doomed = false;
	}
}

void nodes_stop_all(struct nodes *c)
{
	check(c->quiet);
	c->all_stop = true;
	for (int i = 0; i < c->n; i++) {
		check(nodes_is_up(c, i));
		nodes_stop(c, i);
	}
}

bool nodes_all_rest(const struct nodes *c)
{
	for (int i = 0; i < c->n; i++)
		if (!c->v[i].rests)
			return false;
	return true;
}

void nodes_wake(struct nodes *c)
{
	c->all_stop = false;
	for (int i = 0; i < c->n; i++) {
		check(c->v[i].rests);
		c->v[i].rests = false;
		restart(&c->v[i]);
	}
}
