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
		teller_topic(t, false);
		t->replication_factor = CLUSTER_REPLICAS;
	}
	topic_maker_start(&r->topics);
}

/* A third of the runs has a group, a third transactions. */
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
	r->teller_watcher =
		(struct teller_reader){.brokers = &r->brokers, .tellers = r->tellers, .n_tellers = r->n_tellers};
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
}

void cluster_close_clients(void *arg)
{
	struct cluster_run *r = arg;

	for (int i = 0; i < r->n_producers; i++)
		producer_fini(&r->producers[i]);
	changes_fini(&r->changes);
	for (int i = 0; i < r->n_counters; i++)
		counter_fini(&r->counters[i]);
	for (int i = 0; i < r->n_tellers; i++)
		teller_fini(&r->tellers[i]);
	if (r->n_tellers)
		teller_reader_fini(&r->teller_watcher);
	topic_maker_fini(&r->topics);
	close_readers(r);
}

void cluster_read_again(void *arg)
{
	struct cluster_run *r = arg;

	start_readers(r);
	if (r->n_tellers)
		teller_reader_start(&r->teller_reader);
}

bool cluster_clients_are_done(struct cluster_run *r)
{
	return r->topics.is_done && r->n_finished == r->n_producers && tellers_are_done(r->tellers, r->n_tellers) &&
	       counters_have_settled(r->counters, r->n_counters, &r->counted, r->n_partitions);
}

bool cluster_all_is_read(struct cluster_run *r)
{
	for (int i = 0; i < r->n_partitions; i++)
		if (!follower_is_at_end(&r->readers[i]))
			return false;
	return r->n_tellers == 0 || teller_reader_is_done(&r->teller_reader);
}

void cluster_end_changes(void *arg)
{
	changes_end(&((struct cluster_run *)arg)->changes);
}

void cluster_draw_clients(struct cluster_run *r)
{
	draw_clients(r);
	draw_more_clients(r);
}
