/* sim_trouble: what goes wrong, and what operators do, now and then until calm begins. */
#include "base/check.h"
#include "protocol/add_raft_voter.h"
#include "protocol/remove_raft_voter.h"
#include "tests/raft/quorum_sim.h"
#include "wire/codec.h"

static struct sim_node *any(struct sim *s)
{
	return &s->nodes[sim_chance(s, (uint64_t)s->n_nodes)];
}

static struct sim_node *leader_of(struct sim *s)
{
	struct sim_node *found = NULL;

	for (int i = 0; i < s->n_nodes; i++) {
		struct sim_node *n = &s->nodes[i];

		if (n->up && raft_role(n->raft) == RAFT_LEADER &&
		    (!found || raft_epoch(n->raft) > raft_epoch(found->raft)))
			found = n;
	}
	return found;
}

/* ---- nodes ---- */

static void restart(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = &s->nodes[e->number];

	if (!n->up)
		sim_node_start(n);
}

static void crash(struct sim *s)
{
	struct sim_node *n = sim_one_in(s, 2) && leader_of(s) ? leader_of(s) : any(s);

	if (!n->up)
		return;
	sim_meet(s, MET_CRASH);
	sim_node_crash(n);
	sim_at(s, 1000 + (int64_t)sim_chance(s, 5000000), restart, NULL)->number = n - s->nodes;
}

/* All at once, as in a power failure. */
static void crash_all(struct sim *s)
{
	for (int i = 0; i < s->n_nodes; i++) {
		if (!s->nodes[i].up)
			continue;
		sim_node_crash(&s->nodes[i]);
		sim_at(s, 1000 + (int64_t)sim_chance(s, 2000000), restart, NULL)->number = i;
	}
}

static void stop(struct sim *s)
{
	struct sim_node *n = sim_one_in(s, 2) && leader_of(s) ? leader_of(s) : any(s);

	if (!n->up || n->stopping)
		return;
	sim_node_stop(n);
	sim_at(s, 1100000 + (int64_t)sim_chance(s, 3000000), restart, NULL)->number = n - s->nodes;
}

static void pause(struct sim *s)
{
	any(s)->paused_until = s->now_us + (int64_t)sim_chance(s, 6000000);
}

static void resign(struct sim *s)
{
	struct sim_node *n = leader_of(s);

	if (n)
		sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_RESIGN});
}

/*
 * At most one disk per run, of a voter not needed for a majority; its id comes back with another
 * directory.
 */
static void wipe(struct sim *s)
{
	struct sim_node *leader = leader_of(s);
	struct sim_node *n = any(s);

	if (!s->wipes || s->wiped || !leader || n == leader || n - s->nodes >= s->n_voters ||
	    raft_high_watermark(leader->raft) <= raft_voters_offset(leader->raft) || raft_voters(leader->raft)->n < 3)
		return;
	s->wiped = true;
	sim_meet(s, MET_WIPED);
	if (n->up)
		sim_node_crash(n);
	sim_node_wipe(n);
	sim_say(s, n, "its disk is lost");
	sim_at(s, (int64_t)sim_chance(s, 3000000), restart, NULL)->number = n - s->nodes;
}

/* ---- links ---- */

static void mend(struct sim *s)
{
	for (int from = 0; from < s->n_nodes; from++) {
		for (int to = 0; to < s->n_nodes; to++)
			s->cut[from][to] = false;
	}
}

static void cut_in_two(struct sim *s)
{
	uint64_t side = sim_chance(s, UINT64_MAX);

	for (int from = 0; from < s->n_nodes; from++) {
		for (int to = 0; to < s->n_nodes; to++)
			s->cut[from][to] = (side >> from & 1) != (side >> to & 1);
	}
}

/* One node hears nobody, or is heard by nobody, or both. */
static void isolate(struct sim *s)
{
	struct sim_node *n = sim_one_in(s, 2) && leader_of(s) ? leader_of(s) : any(s);
	uint64_t how = 1 + sim_chance(s, 3);

	for (int i = 0; i < s->n_nodes; i++) {
		s->cut[n - s->nodes][i] |= how & 1;
		s->cut[i][n - s->nodes] |= how >> 1 & 1;
	}
}

static void cut_some(struct sim *s)
{
	for (int from = 0; from < s->n_nodes; from++) {
		for (int to = 0; to < s->n_nodes; to++)
			s->cut[from][to] = from != to && sim_one_in(s, 4);
	}
}

/* ---- operators ---- */

static void ask_to_add(struct sim_node *leader, const struct sim_node *n)
{
	struct add_raft_voter_request_listener listener = {SIM_LISTENER, STR("sim"), n->endpoint.port};
	struct add_raft_voter_request m;

	codec_init(&add_raft_voter_request_schema, &m);
	m.cluster_id = SIM_CLUSTER;
	m.voter_id = n->id;
	m.voter_directory_id = n->directory_id;
	m.listeners.v = &listener;
	m.listeners.n = 1;
	m.timeout_ms = 2000;
	m.ack_when_committed = sim_one_in(n->sim, 2);
	sim_say(n->sim, leader, "is asked to add %d", n->id);
	sim_node_ask(leader, add_raft_voter_request_KEY, &m);
}

static void ask_to_remove(struct sim_node *leader, const struct sim_node *n)
{
	struct remove_raft_voter_request m;

	codec_init(&remove_raft_voter_request_schema, &m);
	m.cluster_id = SIM_CLUSTER;
	m.voter_id = n->id;
	m.voter_directory_id = n->directory_id;
	sim_say(n->sim, leader, "is asked to remove %d", n->id);
	if (n == leader)
		sim_meet(n->sim, MET_LEADER_REMOVED);
	sim_node_ask(leader, remove_raft_voter_request_KEY, &m);
}

static void change_voters(struct sim *s)
{
	struct sim_node *leader = leader_of(s);
	struct sim_node *n = sim_one_in(s, 4) ? leader : any(s);

	if (!s->operators || !leader || leader->stopping)
		return;
	if (n != leader && n->kind == SIM_CONTROLLER && sim_one_in(s, 2))
		ask_to_add(leader, n);
	else
		ask_to_remove(leader, n);
}

static void change_again(struct sim *s, struct sim_event *e)
{
	(void)e;
	if (!s->healed)
		change_voters(s);
}

/* Operators are impatient: when a change has had its time they want another. */
static void operate(struct sim *s)
{
	change_voters(s);
	sim_at(s, 1900000 + (int64_t)sim_chance(s, 600000), change_again, NULL);
}

static void upgrade(struct sim *s)
{
	struct sim_node *leader = leader_of(s);

	if (s->may_upgrade && leader)
		sim_node_upgrade(leader);
}

static void change_disk(struct sim *s)
{
	any(s)->disk_us = 1000 + (int)sim_chance(s, 2) * (int)sim_chance(s, 300000);
}

/* ---- all of it ---- */

static void (*const TROUBLES[])(struct sim *s) = {
	crash,	  crash,   crash_all, stop,    stop,	pause,	 resign,  wipe,
	mend,	  mend,	   mend,      mend,    mend,	isolate, isolate, cut_in_two,
	cut_some, operate, operate,   operate, operate, upgrade, upgrade, change_disk,
};

static void trouble(struct sim *s, struct sim_event *e)
{
	(void)e;
	if (s->healed)
		return;
	TROUBLES[sim_chance(s, sizeof(TROUBLES) / sizeof(TROUBLES[0]))](s);
	sim_at(s, (int64_t)sim_chance(s, 1000000), trouble, NULL);
}

/* Every node that believes it is the leader is given records. */
static void work(struct sim *s, struct sim_event *e)
{
	(void)e;
	for (int i = 0; i < s->n_nodes; i++) {
		struct sim_node *n = &s->nodes[i];

		if (n->up && n->paused_until <= s->now_us && !n->stopping)
			sim_node_append(n);
	}
	sim_at(s, (int64_t)sim_chance(s, s->healed ? 400000 : 60000), work, NULL);
}

void sim_trouble_begin(struct sim *s)
{
	sim_at(s, 0, work, NULL);
	sim_at(s, 2000000, trouble, NULL);
}

void sim_trouble_end(struct sim *s)
{
	sim_say(s, NULL, "peace");
	s->healed = true;
	mend(s);
	s->loss = s->doubled = 0;
	s->latency_us = 2000;
	s->wanted_end = s->n_committed + 10;
	for (int i = 0; i < s->n_nodes; i++) {
		struct sim_node *n = &s->nodes[i];

		n->paused_until = 0;
		n->disk_us = 2000;
		n->rate = 1000;
		if (n->up && n->stopping)
			sim_node_crash(n);
		if (!n->up)
			sim_node_start(n);
		if (s->wanted_end < n->log.end)
			s->wanted_end = n->log.end + 10;
	}
}
