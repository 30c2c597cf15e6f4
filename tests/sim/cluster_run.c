#include "tests/sim/cluster_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "metadata/image.h"
#include "tests/sim/cluster_private.h"
#include "tests/sim/replicas.h"

enum {
	MIN_ISR = 2,
	RECOVERS_MS = 20000, /* time until replicas are in sync again, so that high watermarks move */
	CALM_MS = 180000,    /* time within which everything must be well once all faults have ended */
	STOP_MS = 120000,
	LOOK_EVERY = 16, /* events */
};

const char *const CLUSTER_MORE_NAMES[] = {"copiers", "members",	 "compacted", "compacted-transactions",
					  "voters",  "proposals"};

/* ---- what the cluster is ---- */

/* Combined nodes, three or all of which are voters; or three controllers, and brokers apart from them. */
static void draw_shape(struct cluster_run *r)
{
	r->n_voters = 3;
	r->first_broker = 0;
	switch (draw(r, 6)) {
	case 0:
		r->nodes.n = 4;
		break;
	case 1:
		r->nodes.n = 5;
		r->n_voters = draw(r, 2) ? 5 : 3;
		break;
	case 2:
		r->first_broker = 3;
		r->nodes.n = 6 + (int)draw(r, 2);
		break;
	default:
		r->nodes.n = 3;
	}
	r->clients = r->nodes.n;
}

static void draw_times(struct cluster_run *r)
{
	struct settings *s = &r->nodes.settings;

	if (draw(r, 2)) { /* a session outlives some lost heartbeats, as with Kafka's defaults */
		int64_t session_ms = 1500 + (int64_t)draw(r, 5000);

		settings_add(s, "broker.session.timeout.ms", session_ms);
		settings_add(s, "broker.heartbeat.interval.ms", 100 + (int64_t)draw(r, (uint64_t)session_ms / 5 - 100));
	}
	if (draw(r, 3))
		settings_add(s, "replica.lag.time.max.ms", 1000 + draw(r, 9000));
	if (draw(r, 2))
		settings_add(s, "replica.fetch.wait.max.ms", 50 + draw(r, 500));
	if (draw(r, 2)) {
		settings_add(s, "controller.quorum.fetch.timeout.ms", 500 + draw(r, 2000));
		settings_add(s, "controller.quorum.election.timeout.ms", 300 + draw(r, 1000));
	}
	if (draw(r, 3) == 0)
		settings_add(s, "leader.imbalance.check.interval.seconds", 1 + draw(r, 10));
}

static void draw_logs(struct cluster_run *r)
{
	struct settings *s = &r->nodes.settings;

	r->nodes.flushes = draw(r, 4) == 0;
	if (r->nodes.flushes)
		settings_add(s, "log.flush.interval.messages", 1);
	if (draw(r, 2))
		settings_add(s, "log.roll.ms", 200 + draw(r, 5000));
	if (draw(r, 2))
		settings_add(s, "log.index.interval.bytes", 1 + draw(r, 5000));
	if (draw(r, 2))
		settings_add(s, "log.segment.bytes", 1 << 20);
	if (draw(r, 2))
		settings_add(s, "log.flush.offset.checkpoint.interval.ms", 100 + draw(r, 5000));
	if (draw(r, 2))
		settings_add(s, "replica.high.watermark.checkpoint.interval.ms", 100 + draw(r, 5000));
	if (draw(r, 4) == 0) {
		settings_add(s, "metadata.log.segment.ms", 100 + draw(r, 1300));
		settings_add(s, "metadata.log.max.record.bytes.between.snapshots", 2000);
		settings_add(s, "metadata.max.retention.bytes", 8000);
	}
}

static void draw_nodes(struct cluster_run *r)
{
	r->nodes.n_reactors = 1 + (int)draw(r, 2);
	r->nodes.encrypted = r->o->encrypted;
	if (r->o->encrypted)
		settings_add_encryption(&r->nodes.settings);
	settings_add(&r->nodes.settings, "min.insync.replicas", MIN_ISR);
	settings_add(&r->nodes.settings, "offsets.topic.num.partitions", 1);
	settings_add(&r->nodes.settings, "transaction.state.log.num.partitions", 1);
	settings_add(&r->nodes.settings, "offsets.topic.replication.factor", CLUSTER_REPLICAS);
	settings_add(&r->nodes.settings, "transaction.state.log.replication.factor", CLUSTER_REPLICAS);
	settings_add(&r->nodes.settings, "transaction.state.log.min.isr", MIN_ISR);
	draw_times(r);
	draw_logs(r);
}

/* ---- one seed ---- */

static bool out_of_events(const struct cluster_run *r)
{
	return r->o->max_events && sim_events(r->w) >= r->o->max_events;
}

static bool removes_whom_it_adds(const struct image_partition *p)
{
	struct image_ids adding = partition_adding(p);

	for (int i = 0; i < adding.n; i++)
		if (image_ids_has(partition_removing(p), adding.v[i]))
			return true;
	return false;
}

static void note_reassignments(struct cluster_run *r)
{
	const struct image *image = nodes_image(&r->nodes);
	const struct image_topic *t = image ? image_topic_by_name(image, STR(CLUSTER_TOPIC)) : NULL;

	r->changes.stuck = r->changes.busy = 0;
	for (int i = 0; t && i < t->n_partitions; i++) {
		const struct image_partition *p = t->partitions[i];

		r->changes.busy |= (unsigned)(p->n_adding || p->n_removing) << i;
		r->changes.stuck |= (unsigned)removes_whom_it_adds(p) << i;
	}
}

static unsigned nodes_of(struct image_ids ids)
{
	unsigned nodes = 0;

	for (int i = 0; i < ids.n; i++)
		nodes |= 1u << (ids.v[i] - 1);
	return nodes;
}

static void note_late(struct cluster_run *r)
{
	const struct image *image = nodes_image(&r->nodes);

	for (int i = 0; image && i < r->n_noted; i++) {
		struct noted_partition *n = &r->noted[i];
		const struct image_topic *t = image_topic_by_name(image, str_of(n->topic));
		const struct image_partition *p = t->partitions[n->id];

		n->late |= nodes_of(partition_adding(p)) | nodes_of(partition_removing(p));
	}
}

/* Runs until done, or until the time is up. */
static bool live(struct cluster_run *r, int64_t ms, bool (*done)(struct cluster_run *r))
{
	int64_t end_ns = sim_now_ns(r->w) + ms * 1000000;

	while (sim_now_ns(r->w) < end_ns && !out_of_events(r)) {
		nodes_watch(&r->nodes);
		r->members.calm = r->rests_from_ns && sim_now_ns(r->w) > r->rests_from_ns;
		if (r->stopping && r->changes.started) {
			note_late(r);
		}
		if (sim_events(r->w) >= r->looked_at + LOOK_EVERY) {
			r->looked_at = sim_events(r->w);
			invariants_look(&r->invariants);
			if (r->changes.started)
				note_reassignments(r);
			if (done(r))
				return true;
		}
		if (!sim_step(r->w)) {
			nodes_watch(&r->nodes);
			return done(r);
		}
	}
	return false;
}

static bool all_is_well(struct cluster_run *r)
{
	const char *why;

	return cluster_clients_are_done(r) && invariants_settled(&r->invariants, &why);
}

static bool all_rest(struct cluster_run *r)
{
	return nodes_all_rest(&r->nodes);
}

static void must_be_well(struct cluster_run *r)
{
	const char *why = "clients have not finished";

	if (live(r, CALM_MS, all_is_well) || out_of_events(r))
		return;
	if (cluster_clients_are_done(r))
		invariants_settled(&r->invariants, &why);
	fprintf(stderr, "after %d s of calm: %s (%d of %d producers are done)\n", CALM_MS / 1000, why, r->n_finished,
		r->n_producers);
	invariants_say(&r->invariants);
	check(false && "the cluster does not come to rest");
}

/* Reads from start to end: the history compares it with everything before. */
static void read_all(struct cluster_run *r)
{
	check(sim_call(r->w, r->clients, cluster_read_again, r));
	check(live(r, CALM_MS, cluster_all_is_read) || out_of_events(r));
	for (int i = 0; i < r->n_partitions && !out_of_events(r); i++)
		history_end(&r->history, i, r->readers[i].next_offset[i]);
	if (r->n_tellers && !out_of_events(r))
		teller_reader_check(&r->teller_reader);
	if (r->n_copiers && !out_of_events(r))
		copier_reader_check(&r->copier_reader);
	check(sim_call(r->w, r->clients, cluster_end_reading, r));
}

static void stop_all(struct cluster_run *r)
{
	nodes_stop_all(&r->nodes);
	r->stopping = true;
	check(live(r, STOP_MS, all_rest) || out_of_events(r));
	r->stopping = false;
}

static struct replica_bytes read_replica(struct cluster_run *r, int i, const char *topic, int partition)
{
	struct replica_bytes b = replica_read(sim_env(r->w, i), topic, partition);

	if (r->o->encrypted)
		replica_open(sim_env(r->w, i), topic, partition, &r->nodes.v[i].keys, &b);
	return b;
}

static bool is_excused(const struct noted_partition *n, int node)
{
	return n->late >> node & 1;
}

static void compare_two(const struct noted_partition *n, struct replica_bytes *a, struct replica_bytes *b)
{
	int64_t len = a->len < b->len ? a->len : b->len;

	switch (n->kind) {
	case NOTED_PLAIN:
		replica_compare(a, b);
		break;
	case NOTED_TRANSACTIONAL: /* a marker may have been written while they stopped */
		replica_compare(&(struct replica_bytes){a->p, len}, &(struct replica_bytes){b->p, len});
		break;
	case NOTED_COMPACTED:
		replica_compare_compacted(a, b);
		break;
	default:
		break;
	}
}

/*
 * Compares the partition's final replicas with each other; no other node has one, whatever was
 * reassigned.
 */
static void compare_partition(struct cluster_run *r, const struct noted_partition *n)
{
	struct replica_bytes v[NODES_MAX] = {0};

	for (int i = r->first_broker; i < r->nodes.n; i++) {
		if (is_excused(n, i))
			continue;
		v[i] = read_replica(r, i, n->topic, n->id);
		if (!image_ids_has(n->replicas, i + 1))
			check(v[i].len == 0 && "a replica that was reassigned to others is still there");
		replica_check_epochs(sim_env(r->w, i), n->topic, n->id, &v[i]);
		for (int k = r->first_broker; k < i; k++)
			if (image_ids_has(n->replicas, i + 1) && image_ids_has(n->replicas, k + 1) && !is_excused(n, k))
				compare_two(n, &v[k], &v[i]);
	}
	for (int i = 0; i < NODES_MAX; i++)
		free(v[i].p);
}

static void compare_replicas(struct cluster_run *r)
{
	for (int i = 0; i < r->n_noted; i++)
		compare_partition(r, &r->noted[i]);
}

static enum noted_kind kind_of(const struct cluster_run *r, struct str topic)
{
	if (str_is(topic, CLUSTER_TOPIC))
		return NOTED_PLAIN;
	if (str_is(topic, COMPACTED_TOPIC))
		return NOTED_COMPACTED;
	return str_is(topic, TELLER_TOPIC) && r->tellers_compact ? NOTED_COMPACTED_TRANSACTIONAL : NOTED_TRANSACTIONAL;
}

static void note_partition(struct cluster_run *r, const struct image_topic *t, const struct image_partition *p)
{
	struct noted_partition *n = &r->noted[r->n_noted++];

	check(r->n_noted <= NOTED_MAX && t->name.len < NOTED_TOPIC_BYTES && p->n_replicas >= MIN_ISR &&
	      p->n_replicas <= BROKERS_MAX);
	*n = (struct noted_partition){.id = p->id, .kind = kind_of(r, t->name)};
	memcpy(n->topic, t->name.p, (size_t)t->name.len);
	memcpy(n->ids, partition_replicas(p).v, (size_t)p->n_replicas * sizeof(n->ids[0]));
	n->replicas = (struct image_ids){n->ids, p->n_replicas};
}

/* Notes the topics that the clients made and that remain. */
static void note_replicas(struct cluster_run *r)
{
	const struct image *image = nodes_image(&r->nodes);
	const struct image_topic *t;
	struct image_iter it;

	check(image);
	r->n_noted = 0;
	image_topics(image, &it);
	while ((t = image_topics_next(&it)))
		for (int i = 0; t->name.p[0] != '_' && !str_is(t->name, CHANGES_TOPIC) && i < t->n_partitions; i++)
			note_partition(r, t, t->partitions[i]);
	check(r->n_noted >= r->n_partitions);
}

static void bad_time(struct cluster_run *r)
{
	int64_t ms = r->o->max_ms ? r->o->max_ms : 3000 + draw(r, 40000);

	nodes_start_all(&r->nodes);
	check(sim_call(r->w, r->clients, cluster_open_clients, r));
	storm_begin(&r->storm);
	live(r, ms, cluster_clients_are_done);
}

static void calm_down(struct cluster_run *r)
{
	struct sim_options *o = sim_world_options(r->w);
	uint32_t buggify = o->buggify; /* rare paths are not faults */
	int n = o->n_envs;

	for (int i = 0; i < r->n_counters; i++)
		r->counters[i].calm = true;
	r->rests_from_ns = sim_now_ns(r->w) + (int64_t)RECOVERS_MS * 1000000;
	nodes_calm(&r->nodes);
	storm_end(&r->storm);
	sim_options_calm(o);
	o->buggify = buggify;
	o->n_envs = n;
}

static bool somebody_leads(struct cluster_run *r)
{
	return nodes_controller(&r->nodes) >= 0;
}

/* The leader does not report its own address, as in Kafka: the others know it from its requests. */
static bool voters_have_told(struct cluster_run *r)
{
	return nodes_voters_are_at_home(&r->nodes, nodes_controller(&r->nodes));
}

static void check_voters(struct cluster_run *r)
{
	check(live(r, CALM_MS, somebody_leads) || out_of_events(r));
	if (out_of_events(r))
		return;
	voter_changes_check(&r->voter_changes);
	if (r->nodes.moves_chance)
		check((live(r, CALM_MS, voters_have_told) || out_of_events(r)) &&
		      "a voter listens elsewhere, and nobody was told");
}

static void quiet_end(struct cluster_run *r, struct cluster_totals *totals)
{
	int64_t began_ns = sim_now_ns(r->w), took_ms;

	calm_down(r);
	check(sim_call(r->w, r->clients, cluster_end_changes, r));
	must_be_well(r);
	took_ms = (sim_now_ns(r->w) - began_ns) / 1000000;
	if (took_ms > totals->calm_ms)
		totals->calm_ms = took_ms;
	check(sim_call(r->w, r->clients, cluster_close_clients, r));
	if (out_of_events(r))
		return;
	read_all(r);
	check_voters(r);
	note_replicas(r);
	stop_all(r);
	if (out_of_events(r))
		return;
	compare_replicas(r);
	if (r->o->seed % 4)
		return;
	nodes_wake(&r->nodes);
	must_be_well(r);
	read_all(r);
	stop_all(r);
}

static void verbose_line(void *arg, const char *line, int len)
{
	(void)arg;
	(void)len;
	fprintf(stderr, "client| %s", line);
}

static int64_t clients_wall_ms(void *arg)
{
	struct cluster_run *r = arg;

	return env_wall_ms(sim_env(r->w, r->clients));
}

static void make_world(struct cluster_run *r)
{
	struct sim_options weather;

	sim_options_draw(&weather, r->o->seed);
	if (r->o->no_trouble)
		sim_options_calm(&weather);
	weather.n_envs = r->nodes.n + 1;
	r->w = sim_world_new(r->o->seed, &weather);
	r->nodes.w = r->w;
	r->nodes.chance = &r->chance;
	r->nodes.verbose = r->o->verbose;
	r->storm = (struct storm){.w = r->w, .nodes = &r->nodes, .clients = r->clients, .without = r->o->without};
	storm_draw(&r->storm, r->o->seed);
	if (r->o->no_trouble)
		r->storm.kinds = 0;
	if (r->storm.kinds >> STORM_DEVICE & 1)
		r->nodes.n_dirs = 1 + (r->o->seed % 3 != 0);
	r->clients_diag =
		(struct diag){.level = DIAG_DEBUG, .wall_ms = clients_wall_ms, .write = verbose_line, .arg = r};
	if (r->o->verbose)
		sim_env_diag(r->w, r->clients, &r->clients_diag);
}

static void add_totals(const struct cluster_run *r, struct cluster_totals *t)
{
	for (int i = 0; i < STORM_KINDS; i++)
		t->n[i] += r->storm.n[i];
	t->kills += r->nodes.n_kills;
	t->power_cuts += r->nodes.n_power_cuts;
	t->stops += r->nodes.n_stops;
	t->given_up += r->nodes.n_given_up;
	t->failures += r->nodes.n_failures;
	t->compared += r->invariants.n_compared;
	t->voters += r->voter_changes.n_added + r->voter_changes.n_removed;
	t->voters_moved += r->nodes.n_moves;
	t->moves += r->changes.n_moves;
	t->elections += r->changes.n_elections;
	t->topics += r->changes.n_topics;
	for (int i = 0; i < PROPOSAL_KINDS; i++)
		t->refused[i] += r->proposals.n_refused[i];
	for (int i = 0; i < r->invariants.n; i++)
		for (int epoch = 0; epoch < r->invariants.v[i].terms.n; epoch++)
			t->terms += r->invariants.v[i].terms.leader[epoch] != 0;
}

static void fill_result(const struct cluster_run *r, struct run_result *out)
{
	*out = (struct run_result){.hash = sim_trace_hash(r->w),
				   .events = sim_events(r->w),
				   .simulated_ms = sim_now_ns(r->w) / 1000000,
				   .crashes = r->nodes.n_kills + r->nodes.n_power_cuts,
				   .acknowledged = r->history.acknowledged,
				   .read = r->history.read,
				   .ended_early = out_of_events(r)};
	for (int i = 0; i < r->n_producers; i++) {
		out->retries += r->producers[i].n_retries;
		out->bumps += r->producers[i].n_bumps;
	}
	for (int i = 0; i < r->n_tellers; i++)
		out->transactions += r->tellers[i].n_transactions;
	for (int i = 0; i < r->n_copiers; i++) {
		out->copied += r->copiers[i].n_copied;
		out->fenced += r->copiers[i].t.n_fenced;
	}
	out->commits = r->counted.n_commits;
	for (int i = 0; i < r->members.n; i++)
		out->commits += r->members.v[i].n_commits;
	out->late = r->members.n_late;
	out->joins = r->counted.n_joins;
	for (int i = 0; i < SIM_N_MARKS; i++)
		out->reached[i] = sim_reached(r->w, i);
}

static void how_to_run_again(const struct run_options *o, char *out, size_t size)
{
	int n = snprintf(out, size, "tests/sim/odradek-sim --cluster --seed %" PRIu64 "%s", o->seed,
			 o->no_trouble ? " --no-trouble" : "");

	for (int i = 0; i < MORE_KINDS; i++)
		if (o->without >> (STORM_KINDS + i) & 1)
			n += snprintf(out + n, size - (size_t)n, " --without %s", CLUSTER_MORE_NAMES[i]);
	if (o->max_ms)
		n += snprintf(out + n, size - (size_t)n, " --time %" PRId64, o->max_ms);
	for (int i = 0; i < STORM_KINDS; i++)
		if (o->without >> i & 1)
			n += snprintf(out + n, size - (size_t)n, " --without %s", STORM_NAMES[i]);
}

void cluster_run_seed(const struct run_options *o, struct run_result *out, struct cluster_totals *totals)
{
	struct cluster_run *r = calloc(1, sizeof(*r));
	char again[700];

	check(r);
	r->o = o;
	r->chance = o->seed ^ 0x636c7573746572;
	how_to_run_again(o, again, sizeof(again));
	draw_shape(r);
	draw_nodes(r);
	make_world(r);
	sim_world_name(r->w, again);
	history_init(&r->history, o->seed, 0);
	invariants_init(&r->invariants, &r->nodes);
	cluster_draw_clients(r);
	nodes_format(&r->nodes, r->n_voters, r->first_broker);
	bad_time(r);
	quiet_end(r, totals);
	fill_result(r, out);
	add_totals(r, totals);
	sim_world_free(r->w);
	invariants_fini(&r->invariants);
	history_fini(&r->history);
	compacted_free(&r->compacted);
	free(r);
}
