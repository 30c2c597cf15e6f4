#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "tests/sim/cluster_private.h"

enum { PORT = 9092 };

/* ---- the clients ---- */

static void on_finished(void *arg)
{
	((struct cluster_run *)arg)->n_finished++;
}

static void start_readers(struct cluster_run *r)
{
	for (int i = 0; i < r->n_partitions; i++)
		follower_start(&r->readers[i]);
}

static void start_clients(void *arg)
{
	struct cluster_run *r = arg;

	for (int i = 0; i < r->n_producers; i++)
		producer_start(&r->producers[i]);
	start_readers(r);
	for (int i = 0; i < r->n_counters; i++)
		counter_start(&r->counters[i]);
	for (int i = 0; i < r->n_tellers; i++)
		teller_start(&r->tellers[i]);
	if (r->n_tellers)
		teller_reader_start(&r->teller_watcher);
	for (int i = 0; i < r->n_copiers; i++)
		copier_start(&r->copiers[i]);
	members_start(&r->members, r->loop, &r->brokers.addrs[0]);
	compacted_start(&r->compacted, r->loop, &r->brokers.addrs[0]);
	if (!r->nodes.quiet)
		voter_changes_start(&r->voter_changes, r->loop, &r->brokers.addrs[0]);
	proposals_start(&r->proposals, r->loop, &r->brokers.addrs[0]);
	if (!r->nodes.quiet)
		changes_start(&r->changes, r->loop, &r->brokers.addrs[0]);
}

/* Brokers may be fenced. */
static bool excuses(void *arg, int16_t code)
{
	(void)arg;
	return code == ERR_INVALID_REPLICATION_FACTOR;
}

static void make_topics(struct cluster_run *r)
{
	struct create_topics_request_topic *t;

	r->topics = (struct topic_maker){.loop = r->loop,
					 .to = r->brokers.addrs[0],
					 .brokers = &r->brokers,
					 .timeout_ms = 5000,
					 .excuses = excuses,
					 .made = start_clients,
					 .arg = r};
	t = topic_maker_add(&r->topics, CLUSTER_REPLICAS);
	t->name = STR(CLUSTER_TOPIC);
	t->num_partitions = r->n_partitions;
	if (r->n_tellers) {
		t = topic_maker_add(&r->topics, CLUSTER_REPLICAS);
		/* longer than a run: a replica that is away for longer would miss markers that have been removed */
		teller_topic(t, r->tellers_compact ? "600000" : NULL);
		t->replication_factor = CLUSTER_REPLICAS;
	}
	if (r->n_copiers) {
		t = topic_maker_add(&r->topics, CLUSTER_REPLICAS);
		copier_topic(t);
		t->replication_factor = CLUSTER_REPLICAS;
	}
	topic_maker_start(&r->topics);
}

/* A third of the runs has a group, a third has transactions. */
static void draw_more_clients(struct cluster_run *r)
{
	r->n_counters = draw(r, 3) ? 0 : CLUSTER_COUNTERS;
	r->n_tellers = draw(r, 3) ? 0 : TELLERS_MAX;
	for (int i = 0; i < r->n_counters; i++)
		r->counters[i] = (struct counter){.index = i,
						  .brokers = &r->brokers,
						  .history = &r->counted,
						  .topic = CLUSTER_TOPIC,
						  .n_partitions = r->n_partitions};
	for (int i = 0; i < r->n_tellers; i++)
		r->tellers[i] = (struct teller){.index = i,
						.brokers = &r->brokers,
						.n_transactions = 3 + (int)draw(r, 20),
						.generation = draw(r, 4) ? 2 : 0,
						.level = -1};
	if (r->n_tellers && r->o->seed % 2) { /* one and its ghost */
		r->tellers[0].has_twin = true;
		r->tellers[1].twin = &r->tellers[0];
	}
}

/* These have random numbers of their own, so that the rest of a run does not change with them. */
static bool draw_more(struct cluster_run *r, enum cluster_more kind, uint64_t seldom)
{
	bool is_drawn = draw_below(&r->more_chance, seldom) == 0;

	return is_drawn && !(r->o->without >> (STORM_KINDS + kind) & 1);
}

/* They share the partitions, or are one and its ghost. */
static void draw_copiers(struct cluster_run *r)
{
	bool shared = draw_below(&r->more_chance, 3);
	bool some = draw_more(r, MORE_COPIERS, 2);

	r->n_copiers = some && r->n_tellers && !r->tellers_compact ? COPIERS_MAX : 0;
	for (int i = 0; i < r->n_copiers; i++)
		r->copiers[i] = (struct copier){.index = i,
						.n_copiers = shared ? COPIERS_MAX : 1,
						.brokers = &r->brokers,
						.generation = draw_below(&r->more_chance, 4) ? 2 : 0};
	if (r->n_copiers && !shared) {
		r->copiers[0].has_twin = true;
		r->copiers[1].twin = &r->copiers[0];
	}
}

static void draw_even_more_clients(struct cluster_run *r)
{
	uint64_t seed;

	r->more_chance = r->o->seed ^ 0x6d6f7265;
	r->tellers_compact = draw_more(r, MORE_COMPACTED_TRANSACTIONS, 4) && r->n_tellers;
	r->teller_watcher = (struct teller_reader){.brokers = &r->brokers,
						   .tellers = r->tellers,
						   .n_tellers = r->n_tellers,
						   .compacted = r->tellers_compact};
	draw_copiers(r);
	seed = draw_below(&r->more_chance, UINT32_MAX);
	members_draw(&r->members, draw_more(r, MORE_MEMBERS, 2) ? seed : 0, r->n_partitions, false);
	r->members.brokers = &r->brokers;
	seed = draw_below(&r->more_chance, UINT32_MAX);
	r->compacted = (struct compacted){.seed = draw_more(r, MORE_COMPACTED, 1) ? seed : 0,
					  .brokers = &r->brokers,
					  .writes_fail = true,
					  .reads_fail = true,
					  .clocks_jump = r->storm.kinds >> STORM_CLOCK & 1};
	compacted_draw(&r->compacted);
	r->nodes.dynamic = draw_more(r, MORE_VOTERS, 4);
	r->voter_changes =
		(struct voter_changes){.brokers = &r->brokers,
				       .nodes = &r->nodes,
				       .pause_ms = r->nodes.dynamic ? 300 + (int)draw_below(&r->more_chance, 4000) : 0};
	/*
	 * Of two voters of which one cannot find the other, neither can be elected, in Kafka too:
	 * where voters move, none is removed.
	 */
	if (r->nodes.dynamic && r->o->seed % 3 == 0) {
		r->voter_changes.pause_ms = 0;
		r->nodes.moves_chance = r->o->seed ^ 0x6d6f766573;
	}
	r->proposals = (struct proposals){
		.nodes = &r->nodes, .brokers = &r->brokers, .pause_ms = draw_more(r, MORE_PROPOSALS, 8) ? 500 : 0};
}

static void open_more_clients(struct cluster_run *r)
{
	const struct addr *first = &r->brokers.addrs[0];

	for (int i = 0; i < r->n_counters; i++) {
		r->counters[i].loop = r->loop;
		r->counters[i].to = *first;
	}
	for (int i = 0; i < r->n_tellers; i++) {
		r->tellers[i].loop = r->loop;
		r->tellers[i].to = *first;
	}
	for (int i = 0; i < r->n_copiers; i++) {
		r->copiers[i].loop = r->loop;
		r->copiers[i].to = *first;
	}
	r->teller_watcher.loop = r->loop;
	r->teller_watcher.to = *first;
	r->teller_reader = r->teller_watcher;
}

static void draw_clients(struct cluster_run *r)
{
	int pause_ms = 1 + (int)draw(r, 400);

	r->brokers.call_ms = 2000 + draw(r, 30000);
	r->n_producers = 1 + (int)draw(r, HISTORY_PRODUCERS_MAX);
	r->n_partitions = 1 + (int)draw(r, HISTORY_PARTITIONS_MAX);
	for (int i = 0; i < r->n_producers; i++) {
		bool trusts_all = draw(r, 5) > 0;

		r->producers[i] = (struct producer){
			.index = i,
			.brokers = &r->brokers,
			.history = &r->history,
			.topic = CLUSTER_TOPIC,
			.n_partitions = r->n_partitions,
			.n_batches = 20 + (int)draw(r, 100),
			.window = 1 + (int)draw(r, 5),
			.pause_ms = pause_ms,
			.acks = trusts_all ? -1 : 1,
			.timeout_ms = 500 + (int32_t)draw(r, 10000),
			.idempotent = trusts_all && draw(r, 5) > 0,
			.storage_fails = true,
			.finished = on_finished,
			.arg = r,
		};
	}
	r->changes = (struct changes){.brokers = &r->brokers,
				      .topic = CLUSTER_TOPIC,
				      .n_partitions = r->n_partitions,
				      .n_replicas = CLUSTER_REPLICAS,
				      .pause_ms = draw(r, 3) ? 0 : 200 + (int)draw(r, 4000)};
	for (int i = 0; i < r->n_partitions; i++)
		r->readers[i] = (struct follower){.brokers = &r->brokers,
						  .history = &r->history,
						  .topic = CLUSTER_TOPIC,
						  .first = i,
						  .n_partitions = 1,
						  .storage_fails = true};
}

void cluster_open_clients(void *arg)
{
	struct cluster_run *r = arg;
	struct env *e = sim_env(r->w, r->clients);
	char host[16];

	for (int i = r->first_broker; i < r->nodes.n; i++) {
		snprintf(host, sizeof(host), "node%d", i);
		check(env_resolve(e, host, PORT, &r->brokers.addrs[r->brokers.n], 1) == 1);
		r->brokers.ids[r->brokers.n++] = i + 1;
	}
	r->loop = loop_new(e, "clients");
	for (int i = 0; i < r->n_producers; i++) {
		r->producers[i].loop = r->loop;
		r->producers[i].to = r->brokers.addrs[i % r->brokers.n];
	}
	for (int i = 0; i < r->n_partitions; i++) {
		r->readers[i].loop = r->loop;
		r->readers[i].to = r->brokers.addrs[i % r->brokers.n];
	}
	open_more_clients(r);
	make_topics(r);
}

static void close_readers(struct cluster_run *r)
{
	for (int i = 0; i < r->n_partitions; i++)
		follower_fini(&r->readers[i]);
}

void cluster_end_reading(void *arg)
{
	struct cluster_run *r = arg;

	close_readers(r);
	if (r->n_tellers)
		teller_reader_fini(&r->teller_reader);
	if (r->n_copiers)
		copier_reader_fini(&r->copier_reader);
	compacted_end_reading(&r->compacted);
}

void cluster_close_clients(void *arg)
{
	struct cluster_run *r = arg;

	for (int i = 0; i < r->n_producers; i++)
		producer_fini(&r->producers[i]);
	changes_fini(&r->changes);
	voter_changes_fini(&r->voter_changes);
	proposals_fini(&r->proposals);
	for (int i = 0; i < r->n_counters; i++)
		counter_fini(&r->counters[i]);
	for (int i = 0; i < r->n_tellers; i++)
		teller_fini(&r->tellers[i]);
	if (r->n_tellers)
		teller_reader_fini(&r->teller_watcher);
	for (int i = 0; i < r->n_copiers; i++)
		copier_fini(&r->copiers[i]);
	members_fini(&r->members);
	compacted_fini(&r->compacted);
	topic_maker_fini(&r->topics);
	close_readers(r);
}

void cluster_read_again(void *arg)
{
	struct cluster_run *r = arg;

	start_readers(r);
	if (r->n_tellers)
		teller_reader_start(&r->teller_reader);
	if (r->n_copiers)
		copier_reader_start(&r->copier_reader, r->loop, r->brokers.addrs[0], &r->brokers);
	compacted_read_again(&r->compacted);
}

/* What the tellers wrote last is copied too. */
static bool copiers_are_done(struct cluster_run *r)
{
	if (!tellers_are_done(r->tellers, r->n_tellers))
		return false;
	for (int i = 0; i < r->n_copiers && !r->copies_the_rest; i++)
		copier_expect(&r->copiers[i]);
	r->copies_the_rest = true;
	for (int i = 0; i < r->n_copiers; i++)
		if (!copier_is_done(&r->copiers[i]))
			return false;
	return true;
}

bool cluster_clients_are_done(struct cluster_run *r)
{
	return r->topics.is_done && r->n_finished == r->n_producers && copiers_are_done(r) &&
	       members_are_done(&r->members) && compacted_is_done(&r->compacted) &&
	       counters_have_settled(r->counters, r->n_counters, &r->counted, r->n_partitions);
}

bool cluster_all_is_read(struct cluster_run *r)
{
	for (int i = 0; i < r->n_partitions; i++)
		if (!follower_is_at_end(&r->readers[i]))
			return false;
	return compacted_is_read(&r->compacted) && (r->n_tellers == 0 || teller_reader_is_done(&r->teller_reader)) &&
	       (r->n_copiers == 0 || copier_reader_is_done(&r->copier_reader));
}

void cluster_end_changes(void *arg)
{
	struct cluster_run *r = arg;

	changes_end(&r->changes);
	voter_changes_end(&r->voter_changes);
	proposals_end(&r->proposals);
}

void cluster_draw_clients(struct cluster_run *r)
{
	draw_clients(r);
	draw_more_clients(r);
	draw_even_more_clients(r);
}
