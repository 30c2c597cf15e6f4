/*
 * reassign_generate: reads brokers and topics, and places the partitions with the controller's
 * algorithm.
 */
#include "cli/reassign_generate.h"

#include <string.h>

#include "cli/java_order.h"
#include "cli/reassignment.h"
#include "cli/replica_dirs.h"
#include "controller/controller.h"
#include "controller/placement.h"

static struct id_list read_brokers(struct tool *t)
{
	const char *list = tool_value(t, "broker-list");
	struct id_list ids = ids_new(t, (int)strlen(list) + 1), again = ids_new(t, (int)strlen(list) + 1);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct str one = {at, (int32_t)strcspn(at, ",")};
		int32_t id;

		if (!str_to_i32(one, &id))
			tool_die(t, "For input string: \"%.*s\"", STR_ARG(one));
		ids_add(ids_have(ids, id) ? &again : &ids, id);
	}
	java_order_ids(t, again);
	if (again.n > 0)
		tool_die(t, "Broker list contains duplicate entries: [%.*s]", STR_ARG(ids_text(t, again)));
	return ids;
}

static struct str *read_topics(struct tool *t, int *n)
{
	struct str *v = topics_to_move_read(t, tool_value(t, "topics-to-move-json-file"), n);

	for (int i = 0; i < *n; i++)
		for (int k = 0; k < i; k++)
			if (str_eq(v[i], v[k]))
				tool_die(t, "List of topics to reassign contains duplicate entries: [%.*s]",
					 STR_ARG(v[i]));
	return v;
}

/* The brokers of the list that exist, with their racks: either all have one, or none is used. */
static struct placement_broker *find_brokers(struct tool *t, struct id_list wanted, int *n)
{
	const struct metadata_response *m = topics_of(t, &STR_NULL, 0);
	struct placement_broker *v = arena_array(&t->arena, (size_t)m->brokers.n + 1, sizeof(*v));
	bool by_rack = !tool_has(t, "disable-rack-aware");
	int rackless = 0;

	*n = 0;
	for (int32_t i = 0; i < m->brokers.n; i++) {
		if (!ids_have(wanted, m->brokers.v[i].node_id))
			continue;
		v[*n].id = m->brokers.v[i].node_id;
		v[*n].rack = by_rack ? m->brokers.v[i].rack : STR_NULL;
		rackless += v[(*n)++].rack.p == NULL;
	}
	if (rackless > 0 && rackless < *n && by_rack)
		tool_die(
			t,
			"Not all brokers have rack information. Add --disable-rack-aware in command line to make replica assignment without rack "
			"information.");
	return v;
}

static uint64_t chance(void *arg)
{
	return env_random_u64(arg);
}

/* Places the partitions of one topic, from `first` on, with as many replicas each as the first has now. */
static void place_topic(struct tool *t, struct placement_broker *brokers, int n_brokers, struct reassignment *first,
			int n)
{
	struct controller_context ctx = {.random = chance, .random_arg = t->env, .arena = &t->arena};
	int replicas = first->replicas.n;
	struct placement *placement;
	struct str message = STR_NULL;

	if (replicas <= 0)
		tool_die(t, "Invalid replication factor %d: the replication factor must be positive.", replicas);
	if (placement_among(brokers, n_brokers, &ctx, replicas, &placement, &message) != 0)
		tool_die(t, "%.*s", STR_ARG(message));
	for (int i = 0; i < n; i++) {
		first[i].partition = i;
		first[i].replicas = ids_new(t, replicas);
		first[i].replicas.n = replicas;
		placement_next(placement, first[i].replicas.v);
	}
}

static struct reassignments propose(struct tool *t, const struct reassignments *current,
				    struct placement_broker *brokers, int n_brokers)
{
	struct reassignments p = {arena_array(&t->arena, (size_t)current->n + 1, sizeof(*p.v)), current->n};

	if (current->n > 0)
		memcpy(p.v, current->v, (size_t)current->n * sizeof(*p.v));
	for (int i = 0, end; i < p.n; i = end) {
		for (end = i + 1; end < p.n && str_eq(p.v[end].topic, p.v[i].topic);)
			end++;
		place_topic(t, brokers, n_brokers, &p.v[i], end - i);
	}
	return p;
}

static void show(struct tool *t, const char *head, const struct reassignments *r, const char *end)
{
	if (t->json)
		return;
	printf("%s\n", head);
	reassignments_print(r);
	printf("%s", end);
}

int reassignments_generate(struct tool *t)
{
	struct id_list wanted = read_brokers(t);
	int n_topics, n_brokers;
	struct str *topics = read_topics(t, &n_topics);
	struct reassignments current = reassignments_of_topics(t, topics, n_topics), proposed;
	struct placement_broker *brokers;

	replica_dirs_fill(t, &current);
	brokers = find_brokers(t, wanted, &n_brokers);
	proposed = propose(t, &current, brokers, n_brokers);
	for (int i = 0; i < proposed.n; i++)
		proposed.v[i].log_dirs = NULL;
	show(t, "Current partition replica assignment", &current, "\n\n");
	show(t, "Proposed partition reassignment configuration", &proposed, "\n");
	t->out = json_pack("{s:o,s:o}", "current", reassignments_json(&current), "proposed",
			   reassignments_json(&proposed));
	return EXIT_FINE;
}
