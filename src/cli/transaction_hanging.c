/*
 * transaction_hanging: `odradek transactions find-hanging`: transactions open in a partition for
 * longer than permitted, whose coordinator does not know that this partition is waiting for a
 * marker.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "cli/transactions.h"

enum { BATCH = 500, MINUTE_MS = 60000, MAX_TIMEOUT_MINUTES = 15 };

struct open_transaction {
	struct str topic;
	int32_t partition;
	const struct describe_producers_response_producer *producer;
};

struct open_transactions {
	struct open_transaction *v; /* sorted by producer, then topic and partition */
	int n;
};

/* ---- where to look ---- */

static bool has_replica(const struct metadata_response_partition *p, int32_t broker)
{
	for (int32_t i = 0; i < p->replica_nodes.n; i++)
		if (p->replica_nodes.v[i] == broker)
			return true;
	return false;
}

/* All partitions of the topic, or of all topics; with --broker-id, those on that broker. */
static struct partition *all_partitions(struct tool *t, int *n)
{
	struct str topic = tool_has(t, "topic") ? str_of(tool_value(t, "topic")) : STR_NULL;
	const struct metadata_response *m = topics_of(t, topic.p ? &topic : NULL, topic.p != NULL);
	int32_t broker = tool_integer(t, "broker-id", -1);
	struct partition *v;
	size_t total = 1;

	for (int32_t i = 0; i < m->topics.n; i++) {
		if (m->topics.v[i].error_code)
			transactions_failed(t, STR("Failed to describe 1 topics"),
					    tool_error_text(t, m->topics.v[i].error_code, STR_NULL));
		total += (size_t)m->topics.v[i].partitions.n;
	}
	v = arena_array(&t->arena, total, sizeof(*v));
	*n = 0;
	for (int32_t i = 0; i < m->topics.n; i++)
		for (int32_t k = 0; k < m->topics.v[i].partitions.n; k++) {
			const struct metadata_response_partition *p = &m->topics.v[i].partitions.v[k];

			if (!tool_has(t, "broker-id") || has_replica(p, broker))
				v[(*n)++] = (struct partition){.topic = m->topics.v[i].name,
							       .partition = p->partition_index};
		}
	return v;
}

static struct partition *partitions_to_search(struct tool *t, int *n)
{
	struct partition *one;

	if (!tool_has(t, "partition"))
		return all_partitions(t, n);
	one = arena_zalloc(&t->arena, sizeof(*one));
	one->topic = str_of(tool_value(t, "topic"));
	one->partition = tool_integer(t, "partition", 0);
	*n = 1;
	return one;
}

/* ---- transactions open for too long ---- */

static void ask_producers(struct tool *t, struct partition *v, int n)
{
	struct str broker = tool_has(t, "broker-id")
				    ? arena_printf(&t->arena, "Optional[%s]", tool_value(t, "broker-id"))
				    : STR("Optional.empty");

	for (int i = 0; i < n; i += BATCH) {
		int part = n - i < BATCH ? n - i : BATCH;
		struct str why;

		if (!producers_describe(t, tool_has(t, "broker-id"), v + i, part, &why))
			transactions_failed(
				t,
				arena_printf(&t->arena, "Failed to describe producers for %d partitions on broker %.*s",
					     part, STR_ARG(broker)),
				why);
	}
}

static int by_producer(const void *a, const void *b)
{
	const struct open_transaction *x = a, *y = b;

	if (x->producer->producer_id != y->producer->producer_id)
		return x->producer->producer_id < y->producer->producer_id ? -1 : 1;
	if (!str_eq(x->topic, y->topic))
		return str_cmp(x->topic, y->topic);
	return (x->partition > y->partition) - (x->partition < y->partition);
}

static struct open_transactions find_open(struct tool *t, const struct partition *v, int n)
{
	int64_t before =
		env_wall_ms(t->env) - tool_number(t, "max-transaction-timeout", MAX_TIMEOUT_MINUTES) * MINUTE_MS;
	struct open_transactions open = {0};
	size_t total = 1;

	for (int i = 0; i < n; i++)
		total +=
			(size_t)((const struct describe_producers_response_partition *)v[i].answer)->active_producers.n;
	open.v = arena_array(&t->arena, total, sizeof(*open.v));
	for (int i = 0; i < n; i++) {
		const struct describe_producers_response_partition *p = v[i].answer;

		for (int32_t k = 0; k < p->active_producers.n; k++) {
			const struct describe_producers_response_producer *one = &p->active_producers.v[k];

			if (one->current_txn_start_offset >= 0 && one->last_timestamp < before)
				open.v[open.n++] = (struct open_transaction){v[i].topic, v[i].partition, one};
		}
	}
	qsort(open.v, (size_t)open.n, sizeof(*open.v), by_producer);
	return open;
}

/* ---- what their coordinators know ---- */

/* How many, from the i-th on, belong to one producer. */
static int same_producer(const struct open_transactions *open, int i)
{
	int end = i + 1;

	while (end < open->n && open->v[end].producer->producer_id == open->v[i].producer->producer_id)
		end++;
	return end - i;
}

static const struct listing *list_of_producers(struct tool *t, const struct open_transactions *open, int *n)
{
	struct list_transactions_request r = {.duration_filter = -1};

	r.producer_id_filters.v = arena_array(&t->arena, (size_t)open->n, sizeof(int64_t));
	for (int i = 0; i < open->n; i += same_producer(open, i))
		r.producer_id_filters.v[r.producer_id_filters.n++] = open->v[i].producer->producer_id;
	return transactions_list(
		t, &r, arena_printf(&t->arena, "Failed to list transactions for %d producers", r.producer_id_filters.n),
		n);
}

/* Null: no coordinator knows the producer. */
static struct str id_of_producer(const struct listing *v, int n, int64_t producer_id)
{
	for (int i = 0; i < n; i++)
		for (int32_t k = 0; k < v[i].response->transaction_states.n; k++)
			if (v[i].response->transaction_states.v[k].producer_id == producer_id)
				return v[i].response->transaction_states.v[k].transactional_id;
	return STR_NULL;
}

/* NULL: there is no such transaction. */
static const struct describe_transactions_response_transaction *description_of(struct tool *t, struct str id)
{
	const struct describe_transactions_response_transaction *d = NULL;
	struct str why;
	int32_t coordinator;
	int err = id.p ? transaction_describe(t, id, &coordinator, &d, &why) : ERR_TRANSACTIONAL_ID_NOT_FOUND;

	if (err != 0 && err != ERR_TRANSACTIONAL_ID_NOT_FOUND)
		transactions_failed(t, STR("Failed to describe 1 transactions"), why);
	return err ? NULL : d;
}

/* Removes those that are legitimately waiting for a marker. */
static void keep_hanging(struct tool *t, struct open_transactions *open)
{
	int kept = 0, n;
	const struct listing *v = list_of_producers(t, open, &n);

	for (int i = 0, count; i < open->n; i += count) {
		const struct describe_transactions_response_transaction *d =
			description_of(t, id_of_producer(v, n, open->v[i].producer->producer_id));

		count = same_producer(open, i);
		for (int k = i; k < i + count; k++)
			if (!d || !transaction_has(d, open->v[k].topic, open->v[k].partition))
				open->v[kept++] = open->v[k];
	}
	open->n = kept;
}

/* ---- telling ---- */

static void print_table(struct tool *t, const struct open_transactions *open)
{
	static const char *const HEADS[] = {"Topic",	     "Partition",	 "ProducerId",
					    "ProducerEpoch", "CoordinatorEpoch", "StartOffset",
					    "LastTimestamp", "Duration(min)",	 NULL};
	int64_t now = env_wall_ms(t->env);
	struct table table;

	table_init(&table, t, HEADS);
	for (int i = 0; i < open->n; i++) {
		const struct describe_producers_response_producer *p = open->v[i].producer;

		table_text(&table, open->v[i].topic);
		table_number(&table, open->v[i].partition);
		table_number(&table, p->producer_id);
		table_number(&table, p->producer_epoch);
		table_number(&table, p->coordinator_epoch < 0 ? -1 : p->coordinator_epoch);
		table_number(&table, p->current_txn_start_offset);
		table_number(&table, p->last_timestamp);
		table_number(&table, (now - p->last_timestamp) / MINUTE_MS);
	}
	table_show(&table);
}

int transactions_find_hanging(struct tool *t)
{
	struct open_transactions open;
	struct partition *v;
	int n;

	if (!tool_has(t, "topic") && !tool_has(t, "broker-id"))
		tool_die(
			t,
			"The `find-hanging` command requires either --topic or --broker-id to limit the scope of the search");
	if (tool_has(t, "partition") && !tool_has(t, "topic"))
		tool_die(t, "The --partition argument requires --topic to be provided");
	v = partitions_to_search(t, &n);
	ask_producers(t, v, n);
	open = find_open(t, v, n);
	if (open.n > 0)
		keep_hanging(t, &open);
	print_table(t, &open);
	return EXIT_FINE;
}
