/* sim_node: carries one brain, as raft.h requires: its effects, its clock, its lives. */
#include "base/check.h"
#include "base/mem.h"
#include "tests/raft/quorum_sim.h"

/* ---- effects ---- */

static void tick(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;

	if (e->number != n->tick_seq)
		return;
	n->tick_ms = INT64_MAX;
	n->n_ticks = n->last_tick_ms == sim_node_ms(n) ? n->n_ticks + 1 : 0;
	n->last_tick_ms = sim_node_ms(n);
	if (n->n_ticks > 20)
		sim_fail(s, "node %d ticks without end", n->id);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_TICK});
}

static void wake_at(struct sim_node *n, int64_t at_ms)
{
	int64_t left_ms = at_ms - sim_node_ms(n);

	if (at_ms >= n->tick_ms)
		return;
	n->tick_ms = at_ms;
	sim_at(n->sim, left_ms > 0 ? left_ms * 1000000 / n->rate + 1000 : 0, tick, n)->number = ++n->tick_seq;
}

static void gone(struct sim *s, struct sim_event *e)
{
	(void)s;
	sim_meet(s, MET_CLEAN_STOP);
	sim_node_crash(e->node);
}

static void append_control(struct sim_node *n, const struct raft_effect *e)
{
	check(e->offset == n->log.end);
	if (n->sim->healed || !sim_one_in(n->sim, 30)) {
		sim_disk_append(n, e->batch.p, (size_t)e->batch.len);
		return;
	}
	sim_meet(n->sim, MET_UNWRITTEN);
	sim_say(n->sim, n, "has no room for a record at %lld", (long long)e->offset);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_UNWRITTEN, .offset = e->offset});
}

static void perform(struct sim_node *n, const struct raft_effect *e)
{
	switch (e->type) {
	case RAFT_EFFECT_WRITE_STATE:
		sim_disk_write_state(n, &e->election);
		break;
	case RAFT_EFFECT_SEND:
		sim_message_send(n, e);
		break;
	case RAFT_EFFECT_APPEND_CONTROL:
		append_control(n, e);
		break;
	case RAFT_EFFECT_APPEND_FETCHED:
		sim_disk_append_fetched(n, e);
		break;
	case RAFT_EFFECT_TRUNCATE:
		sim_disk_truncate(n, e->offset);
		break;
	case RAFT_EFFECT_FLUSH:
		sim_disk_flush(n);
		break;
	case RAFT_EFFECT_COMMIT:
		sim_disk_commit(n, e->offset);
		break;
	case RAFT_EFFECT_LEADER:
		if (raft_role(n->raft) != RAFT_LEADER) /* there was no room for its first record */
			break;
		sim_meet(n->sim, MET_LEADER);
		sim_check_leader(n->sim, n);
		sim_disk_append_data(n, 1);
		break;
	case RAFT_EFFECT_RESIGNED:
		sim_meet(n->sim, MET_RESIGNED);
		break;
	case RAFT_EFFECT_FOLLOWER:
		break;
	case RAFT_EFFECT_FETCHES:
		sim_message_wake(n, e->offset);
		break;
	case RAFT_EFFECT_CHANGE_DONE:
		sim_message_end_change(n, e);
		break;
	case RAFT_EFFECT_SNAPSHOT_CHUNK:
		sim_disk_take_chunk(n, e);
		break;
	case RAFT_EFFECT_LOAD_SNAPSHOT:
		sim_disk_load_snapshot(n, e->snapshot);
		break;
	case RAFT_EFFECT_CUT_SNAPSHOT:
		sim_disk_cut_snapshot(n, e->offset);
		break;
	case RAFT_EFFECT_CLEAN:
		sim_disk_clean(n);
		break;
	case RAFT_EFFECT_WARN:
		sim_fail(n->sim, "node %d is told what cannot be: %.*s", n->id, STR_ARG(e->message));
	case RAFT_EFFECT_STOPPED:
		sim_at(n->sim, 0, gone, n);
		break;
	case RAFT_EFFECT_WAKE:
		wake_at(n, e->at_ms);
		break;
	}
}

int64_t sim_node_ms(const struct sim_node *n)
{
	return n->sim->now_us / 1000 * n->rate / 1000 + n->clock_ms;
}

static void note_role(struct sim_node *n, enum raft_role before)
{
	enum raft_role now = raft_role(n->raft);

	if (now == before)
		return;
	sim_say(n->sim, n, "%s -> %s epoch=%d leader=%d", raft_role_name(before), raft_role_name(now),
		raft_epoch(n->raft), raft_leader_id(n->raft));
	if (now == RAFT_PROSPECTIVE)
		sim_meet(n->sim, MET_PROSPECTIVE);
	if (now == RAFT_CANDIDATE)
		sim_meet(n->sim, MET_CANDIDATE);
	if (before == RAFT_PROSPECTIVE && (now == RAFT_UNATTACHED || now == RAFT_FOLLOWER))
		sim_meet(n->sim, MET_PROSPECTIVE_LOST);
}

static void fill(const struct sim_node *n, struct raft_event *event)
{
	event->now_ms = sim_node_ms(n);
	event->wall_ms = event->now_ms + 1700000000000;
	event->chance = sim_chance(n->sim, UINT64_MAX);
}

/* An effect may lead to the next step while effects are being performed. */
static void perform_all(struct sim_node *n, const struct raft_effects *effects)
{
	for (int i = 0; i < effects->n; i++)
		perform(n, &effects->v[i]);
	sim_check_node(n->sim, n);
}

void sim_node_event(struct sim_node *n, struct raft_event event)
{
	enum raft_role before = raft_role(n->raft);
	int n_voters = raft_voters(n->raft)->n;
	struct raft_effects effects;
	struct arena arena;

	fill(n, &event);
	arena_init(&arena, SIM_ARENA_BYTES);
	effects = (struct raft_effects){.arena = &arena};
	raft_step(n->raft, &event, &effects);
	note_role(n, before);
	if (event.type == RAFT_EVENT_ANSWER && raft_voters(n->raft)->n != n_voters)
		sim_meet(n->sim, MET_VOTERS_UNDONE);
	perform_all(n, &effects);
	arena_fini(&arena);
}

void sim_node_upgrade(struct sim_node *n)
{
	struct raft_upgrade to = {.kraft_version = 1};
	struct raft_event event = {0};
	struct raft_effects effects;
	struct str why = STR_NULL;
	struct arena arena;

	fill(n, &event);
	arena_init(&arena, SIM_ARENA_BYTES);
	effects = (struct raft_effects){.arena = &arena};
	if (raft_upgrade(n->raft, &to, &event, &effects, &why) == 0 && effects.n > 0)
		sim_meet(n->sim, MET_UPGRADED);
	perform_all(n, &effects);
	arena_fini(&arena);
}

/* ---- life ---- */

void sim_node_init(struct sim *s, int at, enum sim_kind kind)
{
	struct sim_node *n = &s->nodes[at];

	*n = (struct sim_node){.sim = s, .id = at + 1, .kind = kind, .disk_us = 2000, .rate = 1000};
	n->directory_id.b[0] = (uint8_t)(at + 1);
	n->directory_id.b[15] = 1;
	n->endpoint = (struct raft_endpoint){SIM_LISTENER, STR("sim"), (uint16_t)(9000 + at)};
	n->held_end = &n->held;
	n->tick_ms = INT64_MAX;
	n->high_watermark = -1;
}

static void forget_life(struct sim_node *n)
{
	raft_free(n->raft);
	n->raft = NULL;
	sim_message_forget(n);
	sim_log_fini(&n->log);
	sim_log_fini(&n->flush_image);
	n->part.len = 0;
	n->up = n->stopping = n->flushing = n->flush_done = n->writing = n->write_again = n->cutting = false;
	n->tick_ms = INT64_MAX;
	n->high_watermark = -1;
	n->epoch = 0;
	n->life++;
}

void sim_node_fini(struct sim_node *n)
{
	forget_life(n);
	sim_log_fini(&n->disk.log);
	sim_log_fini(&n->disk.ghost);
	xfree(n->disk.snapshots);
	buf_fini(&n->part);
}

void sim_node_crash(struct sim_node *n)
{
	check(n->up);
	sim_say(n->sim, n, "down");
	sim_disk_crash(n);
	forget_life(n);
}

void sim_node_stop(struct sim_node *n)
{
	if (n->stopping)
		return;
	n->stopping = true;
	sim_at(n->sim, 1000000, gone, n);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN});
}

void sim_node_wipe(struct sim_node *n)
{
	check(!n->up);
	sim_log_fini(&n->disk.log);
	sim_log_fini(&n->disk.ghost);
	n->disk.n_snapshots = 0;
	n->disk.has_election = false;
	n->told_epoch = 0;
	n->directory_id.b[15]++;
}

static void configure(struct sim_node *n, struct raft_config *config, struct raft_voter *own)
{
	*own = (struct raft_voter){.id = n->id,
				   .directory_id = n->directory_id,
				   .endpoints = &n->endpoint,
				   .n_endpoints = 1,
				   .kraft_version_min = 0,
				   .kraft_version_max = 1};
	*config = (struct raft_config){
		.node_id = n->id,
		.directory_id = n->directory_id,
		.cluster_id = SIM_CLUSTER,
		.listener = SIM_LISTENER,
		.own = own,
		.may_become_voter = n->kind == SIM_CONTROLLER,
		.auto_join = n->auto_join,
		.bootstrap = n->sim->bootstrap,
		.n_bootstrap = n->sim->n_bootstrap,
		.election_timeout_ms = 1000,
		.fetch_timeout_ms = 2000,
		.election_backoff_max_ms = 1000,
		.request_timeout_ms = 2000,
		.retry_backoff_ms = 20,
		.fetch_max_wait_ms = 500,
		.fetch_max_bytes = SIM_FETCH_BYTES,
		.fetch_snapshot_max_bytes = 100,
		.snapshot_max_bytes = n->sim->snapshot_bytes,
		.snapshot_max_ms = 3600000,
	};
}

void sim_node_start(struct sim_node *n)
{
	struct raft_event event = {0};
	struct raft_start start = {.snapshot = {-1, 0}};
	struct raft_config config;
	struct raft_effects effects;
	struct raft_voter own;
	struct arena arena;

	check(!n->up);
	sim_say(n->sim, n, "up");
	n->up = true;
	sim_disk_recover(n);
	sim_log_copy(&n->log, &n->disk.log);
	configure(n, &config, &own);
	start.election = n->disk.election;
	start.has_election = n->disk.has_election;
	start.log_start = n->log.start;
	if (n->disk.n_snapshots > 0)
		start.snapshot = n->disk.snapshots[n->disk.n_snapshots - 1];
	if (!n->sim->dynamic)
		start.static_voters = n->sim->first_voters;
	sim_disk_read_history(n, &start.history);
	n->raft = raft_new(&config, &start);
	raft_history_fini(&start.history);
	fill(n, &event);
	arena_init(&arena, SIM_ARENA_BYTES);
	effects = (struct raft_effects){.arena = &arena};
	raft_begin(n->raft, &event, &effects);
	sim_check_start(n->sim, n);
	perform_all(n, &effects);
	arena_fini(&arena);
}
