/*
 * transactions: `odradek transactions`: kafka-transactions.
 */
#include "cli/transactions.h"

#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

extern const struct command command_transactions;

void transactions_failed(struct tool *t, struct str what, struct str why)
{
	tool_die(t, "%.*s: %.*s. Enable debug logging for additional detail.", STR_ARG(what), STR_ARG(why));
}

/* Kafka's states; all others are printed as unknown. */
static struct str state_name(struct str s)
{
	static const char *const STATES[] = {"Ongoing",	       "PrepareAbort", "PrepareCommit",	   "CompleteAbort",
					     "CompleteCommit", "Empty",	       "PrepareEpochFence"};

	for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++)
		if (str_is(s, STATES[i]))
			return s;
	return STR("Unknown");
}

static int list(struct tool *t)
{
	static const char *const HEADS[] = {"TransactionalId", "Coordinator", "ProducerId", "TransactionState", NULL};
	const char *pattern = tool_value(t, "transactional-id-pattern");
	struct list_transactions_request r = {.duration_filter = tool_number(t, "duration-filter", -1),
					      .transactional_id_pattern =
						      pattern && *pattern ? str_of(pattern) : STR_NULL};
	int n;
	const struct listing *v = transactions_list(t, &r, STR("Failed to list transactions"), &n);
	struct table table;

	table_init(&table, t, HEADS);
	for (int i = 0; i < n; i++)
		for (int32_t k = 0; k < v[i].response->transaction_states.n; k++) {
			const struct list_transactions_response_transaction *one =
				&v[i].response->transaction_states.v[k];

			table_text(&table, one->transactional_id);
			table_number(&table, v[i].broker);
			table_number(&table, one->producer_id);
			table_text(&table, state_name(one->transaction_state));
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
	table_number(table, coordinator);
	table_text(table, d->transactional_id);
	table_number(table, d->producer_id);
	table_number(table, d->producer_epoch);
	table_text(table, state_name(d->transaction_state));
	table_number(table, d->transaction_timeout_ms);
	if (d->transaction_start_time_ms >= 0) {
		table_number(table, d->transaction_start_time_ms);
		table_number(table, env_wall_ms(t->env) - d->transaction_start_time_ms);
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
	struct str id = str_of(tool_value(t, "transactional-id"));
	const struct describe_transactions_response_transaction *d;
	struct table table;
	struct str why;
	int32_t coordinator;

	if (transaction_describe(t, id, &coordinator, &d, &why) != 0)
		transactions_failed(t,
				    arena_printf(&t->arena,
						 "Failed to describe transaction state of transactional-id `%.*s`",
						 STR_ARG(id)),
				    why);
	table_init(&table, t, HEADS);
	add_row(t, &table, coordinator, d);
	table_show(&table);
	return EXIT_FINE;
}

/* ---- describe-producers ---- */

static void add_producers(struct table *table, const struct describe_producers_response_partition *p)
{
	for (int32_t i = 0; i < p->active_producers.n; i++) {
		const struct describe_producers_response_producer *one = &p->active_producers.v[i];

		table_number(table, one->producer_id);
		table_number(table, one->producer_epoch);
		table_number(table, one->coordinator_epoch < 0 ? -1 : one->coordinator_epoch);
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
	struct partition p = {.topic = str_of(tool_value(t, "topic")), .partition = tool_integer(t, "partition", 0)};
	bool of_broker = tool_has(t, "broker-id");
	struct table table;
	struct str why;

	if (!producers_describe(t, of_broker, &p, 1, &why))
		transactions_failed(t,
				    arena_printf(&t->arena,
						 "Failed to describe producers for partition %.*s-%d on %s%s",
						 STR_ARG(p.topic), p.partition, of_broker ? "broker " : "leader",
						 of_broker ? tool_value(t, "broker-id") : ""),
				    why);
	table_init(&table, t, HEADS);
	add_producers(&table, p.answer);
	table_show(&table);
	return EXIT_FINE;
}

/* ---- the command ---- */

static const struct {
	const char *name;
	int (*run)(struct tool *t);
	const char *needs; /* options, separated by blanks */
} PARTS[] = {
	{"list", list, ""},
	{"describe", describe, "transactional-id"},
	{"describe-producers", describe_producers, "topic partition"},
	{"abort", transactions_abort, "topic partition"},
	{"find-hanging", transactions_find_hanging, ""},
	{"forceTerminateTransaction", transactions_terminate, "transactionalId"},
};

static int transactions(struct tool *t)
{
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
		if (strcmp(PARTS[i].name, t->sub) != 0)
			continue;
		for (const struct option_row *r = t->command->options; r->name; r++)
			if (word_is_among(r->name, PARTS[i].needs) && !tool_has(t, r->name))
				tool_misused(t, "argument --%s is required", r->name);
		tool_connect(t);
		return PARTS[i].run(t);
	}
	return EXIT_CONFIG;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_transactions, argc, argv, transactions);
}

static const struct subcommand SUBCOMMANDS[] = {
	{"list", "list transactional ids"},
	{"describe", "describe the transaction of an id"},
	{"describe-producers", "describe the producers of a partition"},
	{"abort", "abort a hanging transaction of a partition, by an abort marker"},
	{"find-hanging", "find hanging transactions: open ones that their coordinator does not know"},
	{"forceTerminateTransaction", "abort the transaction of an id and fence its producer"},
	{NULL, NULL},
};

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"duration-filter", "MS", "only transactions that have run for longer", "list", 0, 0},
	{"transactional-id-pattern", "REGEX", "only ids that match", "list", 0, 0},
	{"transactional-id", "ID", "which", "describe", 0, 0},
	{"broker-id", "ID", "as this broker has it, or of the partitions that it has; the leaders without it",
	 "describe-producers find-hanging", 0, 0},
	{"topic", "TOPIC", "of the partition, or partitions", "describe-producers abort find-hanging", 0, 0},
	{"partition", "N", "its number", "describe-producers abort find-hanging", 0, 0},
	{"start-offset", "OFFSET", "where the transaction begins", "abort", 0, 0},
	{"producer-id", "ID", "whose it is, for brokers older than 3.0, without --start-offset", "abort", 0, 0},
	{"producer-epoch", "EPOCH", "the producer's", "abort", 0, 0},
	{"coordinator-epoch", "EPOCH", "the coordinator's", "abort", 0, 0},
	{"max-transaction-timeout", "MINUTES", "what is open for longer may hang; 15", "find-hanging", 0, 0},
	{"transactionalId", "ID", "whose transaction", "forceTerminateTransaction", 0, 0},
	OPTION_COMMON,
};

const struct command command_transactions = {
	.name = "transactions",
	.summary = "list and describe transactions, abort hanging ones, as kafka-transactions does",
	.run = run,
	.options = OPTIONS,
	.subcommands = SUBCOMMANDS,
	.description =
		"Shows transactional ids and the producers of partitions, finds transactions that hang and ends them, as\n"
		"kafka-transactions does.",
	.examples =
		"  odradek transactions --bootstrap-server localhost:9092 list\n"
		"  odradek transactions --bootstrap-server localhost:9092 find-hanging --broker-id 1\n"
		"  odradek transactions --bootstrap-server localhost:9092 abort --topic t --partition 0 --start-offset 42\n",
};
