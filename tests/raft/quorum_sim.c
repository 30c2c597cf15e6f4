/*
 * quorum_sim: the scheduler, the network, and the run as a whole.
 */
#include "tests/raft/quorum_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"

#define TROUBLE_US 15000000
#define PEACE_US 90000000

/* ---- chance, words ---- */

uint64_t sim_chance(struct sim *s, uint64_t n)
{
	return cm_random(&s->chance) % n;
}

bool sim_one_in(struct sim *s, uint64_t n)
{
	return sim_chance(s, n) == 0;
}

static const char *const MET_NAMES[MET_N] = {
	[MET_LEADER] = "leader",
	[MET_PROSPECTIVE] = "prospective",
	[MET_PROSPECTIVE_LOST] = "pre-vote lost",
	[MET_CANDIDATE] = "candidate",
	[MET_RESIGNED] = "resigned",
	[MET_UNWRITTEN] = "a control record without room",
	[MET_TRUNCATED] = "truncated",
	[MET_SNAPSHOT_CUT] = "snapshot cut",
	[MET_SNAPSHOT_LOADED] = "snapshot loaded",
	[MET_LOAD_FAILED] = "snapshot not loaded",
	[MET_FETCH_PARKED] = "fetch parked",
	[MET_VOTE_GRANTED] = "vote granted",
	[MET_VOTE_REFUSED] = "vote refused",
	[MET_NO_PRE_VOTE] = "no pre-vote",
	[MET_CRASH] = "crash",
	[MET_STATE_LOST] = "quorum-state lost",
	[MET_RECORDS_LOST] = "records lost",
	[MET_GHOST] = "truncation lost",
	[MET_CLEAN_STOP] = "clean stop",
	[MET_WIPED] = "disk lost",
	[MET_VOTER_ADDED] = "voter added",
	[MET_VOTER_REMOVED] = "voter removed",
	[MET_CHANGE_REFUSED] = "change refused",
	[MET_LEADER_REMOVED] = "leader removed",
	[MET_VOTERS_UNDONE] = "voters undone",
	[MET_UPGRADED] = "upgraded",
	[MET_CORRUPT] = "records damaged",
	[MET_MESSAGE_LOST] = "message lost",
	[MET_MESSAGE_DOUBLED] = "message doubled",
};

void sim_meet(struct sim *s, enum sim_met what)
{
	s->met[what]++;
}

const char *sim_met_name(enum sim_met what)
{
	return MET_NAMES[what];
}

void sim_say(struct sim *s, const struct sim_node *n, const char *format, ...)
{
	va_list args;

	if (!s->trace)
		return;
	printf("%9.3f ", (double)s->now_us / 1000000);
	if (n)
		printf("%d: ", n->id);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void show(const struct sim_node *n)
{
	printf("%d: %s log %lld..%lld on disk ..%lld committed %lld\n", n->id,
	       n->up ? raft_role_name(raft_role(n->raft)) : "down", (long long)n->log.start, (long long)n->log.end,
	       (long long)n->disk.log.end, (long long)n->high_watermark);
	for (int i = n->log.n > 16 ? n->log.n - 16 : 0; i < n->log.n; i++)
		printf("\t%lld..%lld epoch %d crc %08x\n", (long long)n->log.v[i]->base, (long long)n->log.v[i]->end,
		       n->log.v[i]->epoch, n->log.v[i]->crc);
}

void sim_fail(struct sim *s, const char *format, ...)
{
	va_list args;

	for (int i = 0; s->trace && i < s->n_nodes; i++)
		show(&s->nodes[i]);
	fflush(stdout);
	fprintf(stderr, "seed %llu at %.3f s: ", (unsigned long long)s->seed, (double)s->now_us / 1000000);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nagain: test_quorum_sim --trace --seed %llu\n", (unsigned long long)s->seed);
	exit(1);
}

/* ---- events, by time ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->seq < b->seq;
}

static void push(struct sim *s, struct sim_event *e)
{
	int at = s->n_heap;

	if (s->n_heap == s->room_heap) {
		s->room_heap = 2 * s->room_heap + 64;
		s->heap = xreallocarray(s->heap, (size_t)s->room_heap, sizeof(struct sim_event *));
	}
	s->n_heap++;
	for (; at > 0 && is_before(e, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = e;
}

static struct sim_event *pop(struct sim *s)
{
	struct sim_event *first = s->heap[0];
	struct sim_event *last = s->heap[--s->n_heap];
	int at = 0;

	for (;;) {
		int child = 2 * at + 1;

		if (child >= s->n_heap)
			break;
		if (child + 1 < s->n_heap && is_before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!is_before(s->heap[child], last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return first;
}

struct sim_event *sim_at(struct sim *s, int64_t delay_us, void (*run)(struct sim *s, struct sim_event *e),
			 struct sim_node *n)
{
	struct sim_event *e = xcalloc(1, sizeof(*e));

	*e = (struct sim_event){
		.at_us = s->now_us + delay_us, .seq = ++s->seq, .run = run, .node = n, .life = n ? n->life : 0};
	push(s, e);
	return e;
}

static void free_event(struct sim_event *e)
{
	xfree(e->message);
	xfree(e);
}

/* A paused node does nothing: its events wait. */
static bool put_off(struct sim *s, struct sim_event *e)
{
	if (!e->node || e->node->paused_until <= s->now_us)
		return false;
	e->at_us = e->node->paused_until;
	push(s, e);
	return true;
}

static void run_one(struct sim *s)
{
	struct sim_event *e = pop(s);

	check(e->at_us >= s->now_us);
	s->now_us = e->at_us;
	if (put_off(s, e))
		return;
	s->n_events++;
	s->hash = (s->hash ^ (uint64_t)e->at_us ^ (e->node ? (uint64_t)e->node->id << 56 : 0)) * 0x100000001b3u;
	if (!e->node || (e->node->up && e->life == e->node->life))
		e->run(s, e);
	free_event(e);
}

/* ---- the network ---- */

static bool is_for_life(const struct sim_node *to, const struct sim_message *m)
{
	return to->up && (!m->is_answer || m->from_life == to->life);
}

static void deliver(struct sim *s, struct sim_event *e);

static void send_later(struct sim *s, struct sim_message *m, int64_t delay_us)
{
	sim_at(s, delay_us, deliver, NULL)->message = m;
}

/* The receiver is down, or the link is cut: sometimes the sender is told. */
static void bounce(struct sim *s, const struct sim_message *m)
{
	struct sim_message *back;

	sim_meet(s, MET_MESSAGE_LOST);
	if (m->is_answer || sim_one_in(s, 2))
		return;
	back = xcalloc(1, sizeof(*back));
	*back = *m;
	back->from = m->to;
	back->to = m->from;
	back->is_answer = true;
	back->err = ERR_BROKER_NOT_AVAILABLE;
	back->len = 0;
	send_later(s, back, 1000);
}

static void deliver(struct sim *s, struct sim_event *e)
{
	struct sim_message *m = e->message;
	struct sim_node *to = &s->nodes[m->to];
	bool refused = m->is_answer && m->err != 0; /* found out by the sender itself */

	if (to->paused_until > s->now_us) {
		e->message = NULL;
		send_later(s, m, to->paused_until - s->now_us);
		return;
	}
	if (!is_for_life(to, m) || (s->cut[m->from][m->to] && !refused))
		bounce(s, m);
	else
		sim_node_receive(to, m);
}

static int64_t latency(struct sim *s)
{
	int64_t us = 200 + (int64_t)sim_chance(s, (uint64_t)s->latency_us);

	return sim_one_in(s, 50) ? us * 20 : us;
}

void sim_send(struct sim *s, struct sim_message *m)
{
	if ((int)sim_chance(s, 1000) < s->doubled) {
		struct sim_message *copy = xmalloc(sizeof(*m) + m->len);

		sim_meet(s, MET_MESSAGE_DOUBLED);
		memcpy(copy, m, sizeof(*m) + m->len);
		send_later(s, copy, latency(s));
	}
	if ((int)sim_chance(s, 1000) < s->loss) {
		bounce(s, m);
		xfree(m);
		return;
	}
	send_later(s, m, latency(s));
}

/* ---- what there is ---- */

struct sim_snapshot *sim_snapshot_find(struct sim *s, struct raft_snapshot_id id)
{
	for (int i = 0; i < s->n_snapshots; i++) {
		if (s->snapshots[i].id.end_offset == id.end_offset && s->snapshots[i].id.epoch == id.epoch)
			return &s->snapshots[i];
	}
	return NULL;
}

static void name_voters(struct sim *s)
{
	s->first_voters.v = xcalloc((size_t)s->n_voters + 1, sizeof(*s->first_voters.v));
	s->first_voters.n = s->n_voters;
	for (int i = 0; i < s->n_voters; i++) {
		struct sim_node *n = &s->nodes[i];

		s->first_voters.v[i] = (struct raft_voter){
			.id = n->id,
			.directory_id = s->dynamic ? n->directory_id : UUID_ZERO,
			.endpoints = &n->endpoint,
			.n_endpoints = 1,
			.kraft_version_max = s->dynamic ? 1 : 0,
		};
		s->bootstrap[i] = (struct raft_node){s->dynamic ? -2 - i : n->id, STR("sim"), n->endpoint.port};
	}
	s->n_bootstrap = s->dynamic ? 1 + (int)sim_chance(s, (uint64_t)s->n_voters) : s->n_voters;
}

static void set_node(struct sim *s, struct sim_node *n)
{
	n->auto_join = s->wipes || sim_one_in(s, 3);
	n->clock_ms = (int64_t)sim_chance(s, 100000);
	if (sim_one_in(s, 3))
		n->rate = 900 + (int)sim_chance(s, 200);
	if (sim_one_in(s, 4))
		n->disk_us = 2000 + (int)sim_chance(s, 100000);
	if (!s->dynamic && !s->may_upgrade && sim_one_in(s, 4))
		n->versions_behind = 1 + (int)sim_chance(s, 4);
}

static void begin(struct sim *s)
{
	s->n_voters = 1 + (int)sim_chance(s, 5);
	s->n_nodes = s->n_voters + (int)sim_chance(s, 4);
	s->dynamic = !sim_one_in(s, 3);
	s->may_upgrade = !s->dynamic && sim_one_in(s, 2);
	s->operators = s->dynamic && sim_one_in(s, 2);
	s->wipes = s->dynamic && !s->operators && s->n_voters >= 3;
	s->loss = (int)sim_chance(s, 2) * (int)sim_chance(s, 100);
	s->doubled = (int)sim_chance(s, 2) * (int)sim_chance(s, 100);
	s->latency_us = 500 + (int)sim_chance(s, 2) * (int)sim_chance(s, 60000);
	s->snapshot_bytes = sim_one_in(s, 3) ? 1 << 30 : 1000 + (int32_t)sim_chance(s, 15000);
	for (int i = 0; i < s->n_nodes; i++) {
		sim_node_init(s, i, i < s->n_voters || sim_one_in(s, 2) ? SIM_CONTROLLER : SIM_BROKER);
		set_node(s, &s->nodes[i]);
	}
	name_voters(s);
	sim_say(s, NULL, "voters=%d nodes=%d dynamic=%d upgrade=%d operators=%d wipes=%d loss=%d doubled=%d latency=%d",
		s->n_voters, s->n_nodes, s->dynamic, s->may_upgrade, s->operators, s->wipes, s->loss, s->doubled,
		s->latency_us);
	for (int i = 0; i < s->n_nodes; i++)
		sim_node_start(&s->nodes[i]);
}

static void end(struct sim *s)
{
	while (s->n_heap > 0)
		free_event(pop(s));
	for (int i = 0; i < s->n_nodes; i++)
		sim_node_fini(&s->nodes[i]);
	for (int i = 0; i < s->n_snapshots; i++) {
		buf_fini(&s->snapshots[i].bytes);
		raft_voters_fini(&s->snapshots[i].voters);
	}
	xfree(s->snapshots);
	xfree(s->first_voters.v);
	xfree(s->committed);
	xfree(s->leaders);
	xfree(s->votes);
	xfree(s->heap);
}

static void settle(struct sim *s)
{
	int64_t until = s->now_us + PEACE_US;

	sim_trouble_end(s);
	while (!sim_is_settled(s)) {
		if (s->now_us > until)
			sim_fail(s, "the cluster does not come to its senses");
		run_one(s);
	}
	sim_check_end(s);
}

void sim_run(struct sim_options *o)
{
	struct sim *s = xcalloc(1, sizeof(*s));

	s->seed = o->seed;
	s->trace = o->trace;
	s->chance = o->seed * 0x9e3779b97f4a7c15u + 1;
	begin(s);
	sim_trouble_begin(s);
	while (s->now_us < TROUBLE_US)
		run_one(s);
	settle(s);
	for (int i = 0; i < MET_N; i++)
		o->met[i] += s->met[i];
	o->n_events += s->n_events;
	o->hash = s->hash ^ s->chance;
	end(s);
	xfree(s);
}
