#include "tests/sim/run_private.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"

#define PORT 9092

static void on_finished(void *arg)
{
	((struct run *)arg)->n_finished++;
}

static void start_clients(void *arg)
{
	struct run *r = arg;

	for (int i = 0; i < r->n_producers; i++)
		producer_start(&r->producers[i]);
	follower_start(&r->follower);
	members_start(&r->members, r->loop, &r->follower.to);
	compacted_start(&r->compacted, r->loop, &r->follower.to);
	moves_start(&r->moves, r->loop, &r->follower.to);
	for (int i = 0; i < r->n_counters; i++)
		counter_start(&r->counters[i]);
	for (int i = 0; i < r->n_tellers; i++)
		teller_start(&r->tellers[i]);
	if (r->n_tellers)
		teller_reader_start(&r->teller_watcher);
	for (int i = 0; i < r->n_copiers; i++)
		copier_start(&r->copiers[i]);
}

/*
 * After a pause the controller may consider its only broker silent and fence it: this is Kafka's
 * error for that.
 */
static bool excuses(void *arg, int16_t code)
{
	const struct run *r = arg;

	return code == ERR_INVALID_REPLICATION_FACTOR && trouble_has(&r->trouble, TROUBLE_PAUSE);
}

static void make_topics(struct run *r, struct addr node)
{
	struct create_topics_request_topic *t;

	r->topics = (struct topic_maker){
		.loop = r->loop, .to = node, .timeout_ms = 30000, .excuses = excuses, .made = start_clients, .arg = r};
	t = topic_maker_add(&r->topics, 1);
	t->name = STR("t");
	t->num_partitions = r->n_partitions;
	if (r->n_tellers)
		teller_topic(topic_maker_add(&r->topics, 1), r->tellers_compact ? "1000" : NULL);
	if (r->n_copiers)
		copier_topic(topic_maker_add(&r->topics, 1));
	topic_maker_start(&r->topics);
}

void run_draw_clients(struct run *r)
{
	int pause_ms = r->trouble.kinds ? 1 + (int)draw(r, 500) : 0; /* makes the run outlast some episodes */

	r->n_producers = 1 + (int)draw(r, HISTORY_PRODUCERS_MAX);
	r->n_partitions = 1 + (int)draw(r, HISTORY_PARTITIONS_MAX);
	if (!r->o->fault_at && !r->o->no_trouble && r->o->seed % 3 == 1) /* a third of the runs has such a group */
		r->n_counters = COUNTERS;
	/* A third of the runs that lose nothing has transactions. */
	if (!loses(r) && !lacks_descriptors(r) && r->o->seed % 3 == 0)
		r->n_tellers = r->o->fault_at ? 1 : TELLERS_MAX;
	r->tellers_compact = r->n_tellers && !r->o->fault_at && r->o->seed % 4 == 1;
	if (r->n_tellers && !r->tellers_compact && !r->o->fault_at && r->o->seed % 4 != 2)
		r->n_copiers = COPIERS_MAX;
	for (int i = 0; i < r->n_producers; i++)
		r->producers[i] = (struct producer){
			.index = i,
			.history = &r->history,
			.topic = "t",
			.n_partitions = r->n_partitions,
			.n_batches = r->o->fault_at ? 5 : 5 + (int)draw(r, 60),
			.window = 1 + (int)draw(r, 4),
			.pause_ms = pause_ms,
			.acks = draw(r, 3) ? -1 : 1,
			.idempotent = draw(r, 3),
			.losses_happen = loses(r),
			.storage_fails = r->trouble.kinds != 0 || lacks_descriptors(r),
			.finished = on_finished,
			.arg = r,
		};
	r->follower = (struct follower){.history = &r->history,
					.topic = "t",
					.n_partitions = r->n_partitions,
					.losses_happen = loses(r),
					.storage_fails = trouble_fails_devices(&r->trouble) ||
							 trouble_has(&r->trouble, TROUBLE_DESCRIPTORS) ||
							 lacks_descriptors(r)};
	if (!r->o->fault_at) {
		r->compacted = (struct compacted){.seed = r->o->seed,
						  .losses_happen = loses(r),
						  .writes_fail = r->trouble.kinds != 0,
						  .reads_fail = r->follower.storage_fails};
		compacted_draw(&r->compacted);
		r->moves = (struct moves){
			.dirs = RUN_DIRS,
			.n_dirs = r->n_dirs,
			.topics = {"t", COMPACTED_TOPIC, TELLER_TOPIC, "__transaction_state", "__consumer_offsets"},
			.n_partitions = {r->n_partitions, r->compacted.n_partitions,
					 r->n_tellers ? TELLER_PARTITIONS : 0,
					 r->n_tellers ? internal_partitions(r) : 0, internal_partitions(r)}};
	}
	members_draw(&r->members, r->o->seed, r->n_partitions, r->o->fault_at > 0);
}

/*
 * The seed determines the version of their clients, what the cluster does, whether they are one and
 * its ghost, and whether the topic is compacted.
 */
static void open_tellers(struct run *r, struct addr node)
{
	uint64_t seed = r->o->seed / 3;
	bool simple = r->o->fault_at;

	for (int i = 0; i < r->n_tellers; i++)
		r->tellers[i] = (struct teller){.index = i,
						.loop = r->loop,
						.to = node,
						.n_transactions = simple ? 3 : TELLER_TRANSACTIONS_MAX,
						.generation = simple || (seed >> i) % 4 != 1 ? 2 : 0,
						.level = i == 0 && !simple && seed % 5 < 2 ? (int)(seed % 5) : -1,
						.clock_jumps = trouble_has(&r->trouble, TROUBLE_CLOCK)};
	if (r->n_tellers > 1 && seed % 7 < 3) {
		r->tellers[0].has_twin = true;
		r->tellers[1].twin = &r->tellers[0];
	}
	r->teller_watcher = (struct teller_reader){.loop = r->loop,
						   .to = node,
						   .tellers = r->tellers,
						   .n_tellers = r->n_tellers,
						   .compacted = r->tellers_compact};
	r->teller_reader = r->teller_watcher;
}

/* They share the partitions, or are one and its ghost. */
static void open_copiers(struct run *r, struct addr node)
{
	uint64_t seed = r->o->seed / 3;

	for (int i = 0; i < r->n_copiers; i++)
		r->copiers[i] = (struct copier){.index = i,
						.n_copiers = seed % 3 ? COPIERS_MAX : 1,
						.loop = r->loop,
						.to = node,
						.generation = (seed >> (i + 2)) % 4 == 1 ? 0 : 2,
						.clock_jumps = trouble_has(&r->trouble, TROUBLE_CLOCK)};
	if (r->n_copiers && seed % 3 == 0) {
		r->copiers[0].has_twin = true;
		r->copiers[1].twin = &r->copiers[0];
	}
}

void run_open_clients(void *arg)
{
	struct run *r = arg;
	struct env *e = sim_env(r->w, CLIENTS);
	struct addr node;

	check(env_resolve(e, "node0", PORT, &node, 1) == 1);
	r->loop = loop_new(e, "clients");
	for (int i = 0; i < r->n_producers; i++) {
		r->producers[i].loop = r->loop;
		r->producers[i].to = node;
	}
	for (int i = 0; i < r->n_counters; i++)
		r->counters[i] = (struct counter){.index = i,
						  .loop = r->loop,
						  .to = node,
						  .history = &r->counted,
						  .topic = "t",
						  .n_partitions = r->n_partitions,
						  .calm = r->quiet};
	open_tellers(r, node);
	open_copiers(r, node);
	r->follower.loop = r->loop;
	r->follower.to = node;
	make_topics(r, node);
}

void run_hang_up_clients(void *arg)
{
	struct run *r = arg;

	client_hang_up(&r->topics.client);
	for (int i = 0; i < r->n_producers; i++)
		producer_hang_up(&r->producers[i]);
	members_hang_up(&r->members);
	compacted_lost(&r->compacted);
	moves_hang_up(&r->moves);
	for (int i = 0; i < r->n_counters; i++)
		client_hang_up(&r->counters[i].client);
	for (int i = 0; i < r->n_tellers; i++)
		teller_hang_up(&r->tellers[i]);
	for (int i = 0; i < r->n_copiers; i++)
		copier_hang_up(&r->copiers[i]);
	memset(r->counted.committed, 0, sizeof(r->counted.committed));
	follower_start_over(&r->follower);
}

void run_close_clients(void *arg)
{
	struct run *r = arg;

	for (int i = 0; i < r->n_producers; i++)
		producer_fini(&r->producers[i]);
	for (int i = 0; i < r->n_counters; i++)
		counter_fini(&r->counters[i]);
	for (int i = 0; i < r->n_tellers; i++)
		teller_fini(&r->tellers[i]);
	if (r->n_tellers)
		teller_reader_fini(&r->teller_watcher);
	for (int i = 0; i < r->n_copiers; i++)
		copier_fini(&r->copiers[i]);
	topic_maker_fini(&r->topics);
	follower_fini(&r->follower);
	members_fini(&r->members);
	compacted_fini(&r->compacted);
	moves_fini(&r->moves);
}

void run_read_again(void *arg)
{
	struct run *r = arg;

	follower_start(&r->follower);
	compacted_read_again(&r->compacted);
}

void run_end_reading(void *arg)
{
	struct run *r = arg;

	follower_fini(&r->follower);
	compacted_end_reading(&r->compacted);
}
