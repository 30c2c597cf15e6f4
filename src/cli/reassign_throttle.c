/* reassign_throttle: computes the moves, and sets and removes the settings. */
#include "cli/reassign_throttle.h"

#include <stdlib.h>

#include "cli/java_order.h"
#include "cli/resource.h"
#include "protocol/describe_cluster.h"

#define LEADER_RATE "leader.replication.throttled.rate"
#define FOLLOWER_RATE "follower.replication.throttled.rate"
#define DIRS_RATE "replica.alter.log.dirs.io.max.bytes.per.second"
#define LEADER_REPLICAS "leader.replication.throttled.replicas"
#define FOLLOWER_REPLICAS "follower.replication.throttled.replicas"

enum { CONTROLLERS = 2, RATES = 3 };

/* ---- sources and destinations of moves ---- */

/* Here a partition's `replicas` are the sources of a move, and `adding` its destinations. */
static struct reassignment move_under_way(struct tool *t, const struct reassignment *r)
{
	struct reassignment move = {r->topic, r->partition, ids_new(t, r->replicas.n), r->adding, {NULL, 0}, NULL, 0};

	for (int32_t i = 0; i < r->replicas.n; i++)
		if (!ids_have(r->adding, r->replicas.v[i]))
			ids_add(&move.replicas, r->replicas.v[i]);
	return move;
}

static struct reassignment move_proposed(struct tool *t, const struct reassignment *proposed, struct id_list sources)
{
	struct reassignment move = {
		proposed->topic, proposed->partition, sources, ids_new(t, proposed->replicas.n), {NULL, 0}, NULL, 0};

	for (int32_t i = 0; i < proposed->replicas.n; i++)
		if (!ids_have(sources, proposed->replicas.v[i]))
			ids_add(&move.adding, proposed->replicas.v[i]);
	return move;
}

static struct reassignments all_moves(struct tool *t, const struct reassignments *under_way,
				      const struct reassignments *proposed, const struct reassignments *current)
{
	int n = under_way->n + proposed->n;
	struct reassignments moves = {arena_array(&t->arena, (size_t)n + 1, sizeof(*moves.v)), n};

	for (int i = 0; i < under_way->n; i++)
		moves.v[i] = move_under_way(t, &under_way->v[i]);
	for (int i = 0; i < proposed->n; i++) {
		const struct reassignment *p = &proposed->v[i];
		struct reassignment *before = reassignment_find(under_way, p->topic, p->partition);
		struct id_list sources = before ? moves.v[before - under_way->v].replicas
						: reassignment_find(current, p->topic, p->partition)->replicas;

		moves.v[under_way->n + i] = move_proposed(t, p, sources);
	}
	for (int i = 0; i < n; i++)
		moves.v[i].place = i;
	reassignments_sort(&moves);
	return moves;
}

/* ---- topics ---- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* "0:1,0:2,1:1": partitions and brokers, sorted as text. */
static struct str throttled_replicas(struct tool *t, const struct reassignment *v, int n, bool destinations)
{
	struct buf b = {0};
	struct str *parts, out;
	size_t total = 1, count = 0;

	for (int i = 0; i < n; i++)
		total += (size_t)(destinations ? v[i].adding.n : v[i].replicas.n);
	parts = arena_array(&t->arena, total, sizeof(*parts));
	for (int i = 0; i < n; i++) {
		struct id_list ids = destinations ? v[i].adding : v[i].replicas;

		for (int32_t k = 0; k < ids.n; k++)
			parts[count++] = arena_printf(&t->arena, "%d:%d", v[i].partition, ids.v[k]);
	}
	qsort(parts, count, sizeof(*parts), by_text);
	for (size_t i = 0; i < count; i++)
		buf_printf(&b, "%s%.*s", i ? "," : "", STR_ARG(parts[i]));
	out = b.len ? arena_str(&t->arena, buf_str(&b)) : STR("");
	buf_fini(&b);
	return out;
}

static void throttle_topics(struct tool *t, const struct reassignments *moves)
{
	struct incremental_alter_configs_request_resource *changes =
		arena_array(&t->arena, (size_t)moves->n + 1, sizeof(*changes));
	int n = 0;

	for (int i = 0, end; i < moves->n; i = end) {
		for (end = i + 1; end < moves->n && str_eq(moves->v[end].topic, moves->v[i].topic);)
			end++;
		changes[n] = resource_change(t, RESOURCE_TOPIC, moves->v[i].topic, 2);
		resource_set(&changes[n], STR(LEADER_REPLICAS), throttled_replicas(t, &moves->v[i], end - i, false));
		resource_set(&changes[n], STR(FOLLOWER_REPLICAS), throttled_replicas(t, &moves->v[i], end - i, true));
		n++;
	}
	resources_alter(t, changes, n);
}

/* ---- brokers ---- */

static void throttle_brokers(struct tool *t, struct id_list brokers, int64_t rate, const struct str *names, int n_names)
{
	struct incremental_alter_configs_request_resource *changes =
		arena_array(&t->arena, (size_t)brokers.n + 1, sizeof(*changes));
	struct str value = arena_printf(&t->arena, "%lld", (long long)rate);

	for (int32_t i = 0; i < brokers.n; i++) {
		changes[i] = resource_change(t, RESOURCE_BROKER, arena_printf(&t->arena, "%d", brokers.v[i]), RATES);
		for (int k = 0; k < n_names; k++)
			resource_set(&changes[i], names[k], value);
	}
	resources_alter(t, changes, brokers.n);
}

void throttle_between_brokers(struct tool *t, const struct reassignments *under_way,
			      const struct reassignments *proposed, const struct reassignments *current, int64_t rate)
{
	static const struct str NAMES[] = {{LEADER_RATE, sizeof(LEADER_RATE) - 1},
					   {FOLLOWER_RATE, sizeof(FOLLOWER_RATE) - 1}};
	struct reassignments moves = all_moves(t, under_way, proposed, current);
	struct id_list brokers;
	int total = 0;

	for (int i = 0; i < moves.n; i++)
		total += moves.v[i].replicas.n + moves.v[i].adding.n;
	brokers = ids_new(t, total);
	for (int i = 0; i < moves.n; i++) {
		for (int32_t k = 0; k < moves.v[i].replicas.n; k++)
			ids_add(&brokers, moves.v[i].replicas.v[k]);
		for (int32_t k = 0; k < moves.v[i].adding.n; k++)
			ids_add(&brokers, moves.v[i].adding.v[k]);
	}
	throttle_topics(t, &moves);
	throttle_brokers(t, brokers, rate, NAMES, 2);
	tool_say(t, "The inter-broker throttle limit was set to %lld B/s\n", (long long)rate);
}

void throttle_between_dirs(struct tool *t, const struct replica_dirs *moves, int64_t rate)
{
	static const struct str NAME = {DIRS_RATE, sizeof(DIRS_RATE) - 1};
	struct id_list brokers = ids_new(t, moves->n);

	for (int i = 0; i < moves->n; i++)
		ids_add(&brokers, moves->v[i].broker);
	throttle_brokers(t, brokers, rate, &NAME, 1);
	tool_say(t, "The replica-alter-dir throttle limit was set to %lld B/s\n", (long long)rate);
}

/* ---- taking back ---- */

/* All nodes the client can ask, and all destinations of replicas. */
static struct id_list nodes_of(struct tool *t, const struct reassignments *targets)
{
	static const struct describe_cluster_request R = {.endpoint_type = CONTROLLERS};
	const struct describe_cluster_response *c =
		t->controllers ? tool_must(t, CLIENT_ANY, describe_cluster_request_KEY, &R) : NULL;
	const struct metadata_response *m = c ? NULL : topics_of(t, &STR_NULL, 0);
	int total = c ? c->brokers.n : m->brokers.n;
	struct id_list nodes;

	for (int i = 0; i < targets->n; i++)
		total += targets->v[i].replicas.n;
	nodes = ids_new(t, total);
	for (int32_t i = 0; i < (c ? c->brokers.n : m->brokers.n); i++)
		ids_add(&nodes, c ? c->brokers.v[i].broker_id : m->brokers.v[i].node_id);
	for (int i = 0; i < targets->n; i++)
		for (int32_t k = 0; k < targets->v[i].replicas.n; k++)
			ids_add(&nodes, targets->v[i].replicas.v[k]);
	return nodes;
}

static void clear_brokers(struct tool *t, struct id_list brokers)
{
	struct incremental_alter_configs_request_resource *changes =
		arena_array(&t->arena, (size_t)brokers.n + 1, sizeof(*changes));

	java_order_ids(t, brokers);
	tool_say(t, "Clearing broker-level throttles on broker%s %.*s\n", brokers.n == 1 ? "" : "s",
		 STR_ARG(ids_text(t, brokers)));
	for (int32_t i = 0; i < brokers.n; i++) {
		changes[i] = resource_change(t, RESOURCE_BROKER, arena_printf(&t->arena, "%d", brokers.v[i]), RATES);
		resource_unset(&changes[i], STR(LEADER_RATE));
		resource_unset(&changes[i], STR(FOLLOWER_RATE));
		resource_unset(&changes[i], STR(DIRS_RATE));
	}
	resources_alter(t, changes, brokers.n);
}

static void clear_topics(struct tool *t, const struct str *topics, int n)
{
	struct incremental_alter_configs_request_resource *changes =
		arena_array(&t->arena, (size_t)n + 1, sizeof(*changes));
	int *order = arena_array(&t->arena, (size_t)n + 1, sizeof(*order));

	java_order_of_strings(t, topics, n, order);
	tool_say(t, "Clearing topic-level throttles on topic%s ", n == 1 ? "" : "s");
	for (int i = 0; i < n; i++)
		tool_say(t, "%s%.*s", i ? "," : "", STR_ARG(topics[order[i]]));
	tool_say(t, "\n");
	for (int i = 0; i < n; i++) {
		changes[i] = resource_change(t, RESOURCE_TOPIC, topics[i], 2);
		resource_unset(&changes[i], STR(LEADER_REPLICAS));
		resource_unset(&changes[i], STR(FOLLOWER_REPLICAS));
	}
	resources_alter(t, changes, n);
}

void throttles_clear(struct tool *t, const struct reassignments *targets)
{
	int n;
	const struct str *topics = reassignments_topics(t, targets, &n);

	clear_brokers(t, nodes_of(t, targets));
	clear_topics(t, topics, n);
}
