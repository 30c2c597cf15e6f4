/*
 * transactions: `odradek transactions`: what kafka-transactions shows; what it changes (abort, find-hanging,
 * forceTerminateTransaction) is no subcommand here.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/partitions.h"
#include "cli/table.h"
#include "cli/tool.h"
#include "protocol/describe_producers.h"
#include "protocol/describe_transactions.h"
#include "protocol/list_transactions.h"

extern const struct command command_transactions;

_Noreturn static void failed(struct tool *t, const char *what, int err, struct str message)
{
	tool_die(t, "%s: %.*s. Enable debug logging for additional detail.", what,
		 STR_ARG(tool_error_text(t, err, message)));
}

/* "PrepareCommit" and its like; "CompleteAbort" too: as the wire has them. */
static int list(struct tool *t)
{
	static const char *const HEADS[] = {"TransactionalId", "Coordinator", "ProducerId", "TransactionState", NULL};
	const struct metadata_response *m = topics_of(t, &STR_NULL, 0);
	struct ask *asks = arena_array(&t->arena, (size_t)m->brokers.n + 1, sizeof(*asks));
	struct list_transactions_request r = {.duration_filter = tool_number(t, "duration-filter", -1),
					      .transactional_id_pattern =
						      str_of(tool_value(t, "transactional-id-pattern"))};
	struct table table;

	table_init(&table, t, HEADS);
	for (int32_t i = 0; i < m->brokers.n; i++)
		tool_ask_start(t, &asks[i], m->brokers.v[i].node_id, list_transactions_request_KEY, &r);
	tool_wait(t);
	for (int32_t i = 0; i < m->brokers.n; i++) {
		const struct list_transactions_response *a = asks[i].call.response;
		int err = tool_ask_error(t, &asks[i]);

		if (err != 0)
			failed(t, "Failed to list transactions", err, t->message);
		for (int32_t k = 0; k < a->transaction_states.n; k++) {
			table_text(&table, a->transaction_states.v[k].transactional_id);
			table_number(&table, m->brokers.v[i].node_id);
			table_number(&table, a->transaction_states.v[k].producer_id);
			table_text(&table, a->transaction_states.v[k].transaction_state);
		}
	}
	table_show(&table);
	return EXIT_FINE;
}

/* ---- describe ---- */

static struct str partitions_text(struct tool *t, const struct describe_transactions_response_transaction *d)
{
	struct buf b = {0};
	struct str out;

	for (int32_t i = 0; i < d->topics.n; i++)
		for (int32_t k = 0; k < d->topics.v[i].partitions.n; k++)
			buf_printf(&b, "%s%.*s-%d", b.len ? "," : "", STR_ARG(d->topics.v[i].topic),
				   d->topics.v[i].partitions.v[k]);
	out = b.len ? arena_str(&t->arena, buf_str(&b)) : STR("");
	buf_fini(&b);
	return out;
}

static void add_row(struct tool *t, struct table *table, int32_t coordinator,
		    const struct describe_transactions_response_transaction *d)
{
	bool open = d->transaction_start_time_ms >= 0;

	table_number(table, coordinator);
	table_text(table, d->transactional_id);
	table_number(table, d->producer_id);
	table_number(table, d->producer_epoch);
	table_text(table, d->transaction_state);
	table_number(table, d->transaction_timeout_ms);
	if (open) {
		table_number(table, d->transaction_start_time_ms);
		table_number(table, (env_wall_ms(t->env) - d->transaction_start_time_ms));
	} else {
		table_none(table);
		table_none(table);
	}
	table_text(table, partitions_text(t, d));
}

static int describe(struct tool *t)
{
	static const char *const HEADS[] = {"CoordinatorId",
					    "TransactionalId",
					    "ProducerId",
					    "ProducerEpoch",
					    "TransactionState",
					    "TransactionTimeoutMs",
					    "CurrentTransactionStartTimeMs",
					    "TransactionDurationMs",
					    "TopicPartitions",
					    NULL};
	const char *text = tool_value(t, "transactional-id");
	struct str id = text ? str_of(text) : STR_NULL;
	struct describe_transactions_request r = {.transactional_ids = {&id, 1}};
	const struct describe_transactions_response *d;
	const void *response = NULL;
	struct table table;
	struct str what;
	int32_t coordinator;
	int err;

	if (!id.p)
		tool_misused(t, "argument --transactional-id is required");
	what = arena_printf(&t->arena, "Failed to describe transaction state of transactional-id `%.*s`", STR_ARG(id));
	coordinator = tool_coordinator(t, 1, text, &err);
	if (err == 0)
		err = tool_ask(t, coordinator, describe_transactions_request_KEY, &r, &response);
	d = response;
	if (err == 0 && d->transaction_states.n != 1)
		err = ERR_UNKNOWN_SERVER_ERROR;
	if (err == 0)
		err = d->transaction_states.v[0].error_code;
	if (err != 0)
		failed(t, tool_string(t, what), err, t->message);
	table_init(&table, t, HEADS);
	add_row(t, &table, coordinator, &d->transaction_states.v[0]);
	table_show(&table);
	return EXIT_FINE;
}

/* ---- describe-producers ---- */

static int32_t leader_of(struct tool *t, struct str topic, int32_t partition)
{
	const struct metadata_response *m = topics_of(t, &topic, 1);
	const struct metadata_response_partition *p = partition_find(topic_find(m, topic), partition);

	if (tool_has(t, "broker-id"))
		return (int32_t)tool_number(t, "broker-id", 0);
	return p ? p->leader_id : -1;
}

static void add_producers(struct table *table, const struct describe_producers_response_partition *p)
{
	for (int32_t i = 0; i < p->active_producers.n; i++) {
		const struct describe_producers_response_producer *one = &p->active_producers.v[i];

		table_number(table, one->producer_id);
		table_number(table, one->producer_epoch);
		table_number(table, one->coordinator_epoch);
		table_number(table, one->last_sequence);
		table_number(table, one->last_timestamp);
		if (one->current_txn_start_offset >= 0)
			table_number(table, one->current_txn_start_offset);
		else
			table_none(table);
	}
}

static int describe_producers(struct tool *t)
{
	static const char *const HEADS[] = {"ProducerId",
					    "ProducerEpoch",
					    "LatestCoordinatorEpoch",
					    "LastSequence",
					    "LastTimestamp",
					    "CurrentTransactionStartOffset",
					    NULL};
	int32_t partition = (int32_t)tool_number(t, "partition", -1);
	struct describe_producers_request_topic topic = {.name = str_of(tool_value(t, "topic")),
							 .partition_indexes = {&partition, 1}};
	struct describe_producers_request r = {.topics = {&topic, 1}};
	const struct describe_producers_response *d;
	const void *response = NULL;
	struct table table;
	int32_t node;
	int err;

	if (!tool_has(t, "topic") || !tool_has(t, "partition"))
		tool_misused(t, "arguments --topic and --partition are required");
	node = leader_of(t, topic.name, partition);
	err = node < 0 ? ERR_UNKNOWN_TOPIC_OR_PARTITION
		       : tool_ask(t, node, describe_producers_request_KEY, &r, &response);
	d = response;
	if (err == 0 && (d->topics.n != 1 || d->topics.v[0].partitions.n != 1))
		err = ERR_UNKNOWN_SERVER_ERROR;
	if (err == 0)
		err = d->topics.v[0].partitions.v[0].error_code;
	if (err != 0)
		failed(t,
		       tool_string(t,
				   arena_printf(&t->arena, "Failed to describe producers for partition %.*s-%d on %s",
						STR_ARG(topic.name), partition,
						tool_has(t, "broker-id") ? "the broker" : "leader")),
		       err, t->message);
	table_init(&table, t, HEADS);
	add_producers(&table, &d->topics.v[0].partitions.v[0]);
	table_show(&table);
	return EXIT_FINE;
}

static const struct {
	const char *name;
	int (*run)(struct tool *t);
} PARTS[] = {{"list", list}, {"describe", describe}, {"describe-producers", describe_producers}};

static int transactions(struct tool *t)
{
	tool_connect(t);
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		if (strcmp(PARTS[i].name, t->sub) == 0)
			return PARTS[i].run(t);
	return EXIT_CONFIG;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_transactions, argc, argv, transactions);
}

static const struct subcommand SUBCOMMANDS[] = {
	{"list", "list transactional ids"},
	{"describe", "tell about one"},
	{"describe-producers", "tell about the producers of a partition"},
	{NULL, NULL},
};

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"duration-filter", "MS", "only transactions that have run for longer", "list", 0, 0},
	{"transactional-id-pattern", "REGEX", "only ids that match", "list", 0, 0},
	{"transactional-id", "ID", "which", "describe", 0, 0},
	{"broker-id", "ID", "as this broker has it; the leader without it", "describe-producers", 0, 0},
	{"topic", "TOPIC", "of the partition", "describe-producers", 0, 0},
	{"partition", "N", "its number", "describe-producers", 0, 0},
	OPTION_COMMON,
};

const struct command command_transactions = {
	.name = "transactions",
	.summary = "the state of transactions and producers, as kafka-transactions",
	.run = run,
	.options = OPTIONS,
	.subcommands = SUBCOMMANDS,
	.description =
		"Shows transactional ids and the producers of partitions, as kafka-transactions does. Aborting is left to Kafka's script.",
	.examples = "  odradek transactions --bootstrap-server localhost:9092 list\n",
};
