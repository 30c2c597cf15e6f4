/*
 * transaction_abort: the parts of `odradek transactions` that change something: abort writes the
 * marker that a hanging transaction's partition is waiting for; forceTerminateTransaction takes the
 * transactional id away from its producer, which aborts the open transaction.
 */
#include "cli/transactions.h"
#include "protocol/init_producer_id.h"
#include "protocol/write_txn_markers.h"

enum { TRANSACTION = 1, RETRY_MS = 100 };

struct abort_spec {
	struct partition partition;
	int64_t producer_id;
	int16_t producer_epoch;
	int32_t coordinator_epoch;
};

static struct str spec_text(struct tool *t, const struct abort_spec *s)
{
	return arena_printf(
		&t->arena,
		"AbortTransactionSpec(topicPartition=%.*s-%d, producerId=%lld, producerEpoch=%d, coordinatorEpoch=%d)",
		STR_ARG(s->partition.topic), s->partition.partition, (long long)s->producer_id, s->producer_epoch,
		s->coordinator_epoch);
}

/* ---- which one ---- */

/* The producer whose transaction begins at the offset. An unknown coordinator epoch is sent as 0. */
static void find_by_offset(struct tool *t, struct abort_spec *s, int64_t start)
{
	struct str name = arena_printf(&t->arena, "%.*s-%d", STR_ARG(s->partition.topic), s->partition.partition);
	const struct describe_producers_response_partition *p;
	struct str why;

	if (!producers_describe(t, false, &s->partition, 1, &why))
		transactions_failed(
			t,
			arena_printf(&t->arena, "Failed to validate producer state for partition %.*s", STR_ARG(name)),
			why);
	p = s->partition.answer;
	for (int32_t i = 0; i < p->active_producers.n; i++)
		if (p->active_producers.v[i].current_txn_start_offset == start && start >= 0) {
			s->producer_id = p->active_producers.v[i].producer_id;
			s->producer_epoch = (int16_t)p->active_producers.v[i].producer_epoch;
			s->coordinator_epoch = p->active_producers.v[i].coordinator_epoch;
			s->coordinator_epoch = s->coordinator_epoch < 0 ? 0 : s->coordinator_epoch;
			return;
		}
	tool_die(t, "Could not find any open transactions starting at offset %lld on partition %.*s", (long long)start,
		 STR_ARG(name));
}

static void read_spec(struct tool *t, struct abort_spec *s)
{
	if (!tool_has(t, "producer-epoch"))
		tool_die(t, "Missing required argument --producer-epoch");
	if (!tool_has(t, "coordinator-epoch"))
		tool_die(t, "Missing required argument --coordinator-epoch");
	s->producer_id = tool_number(t, "producer-id", -1);
	s->producer_epoch = (int16_t)tool_number_within(t, "producer-epoch", -1, INT16_MIN, INT16_MAX);
	s->coordinator_epoch = tool_integer(t, "coordinator-epoch", 0);
	s->coordinator_epoch = s->coordinator_epoch < 0 ? 0 : s->coordinator_epoch;
}

/* ---- the marker ---- */

static const void *write_marker(struct tool *t, struct partition **v, int n, const void *argument)
{
	struct write_txn_markers_request *r = arena_zalloc(&t->arena, sizeof(*r));
	struct write_txn_markers_request_marker *marker = arena_zalloc(&t->arena, sizeof(*marker));
	const struct abort_spec *s = argument;

	(void)n;
	marker->producer_id = s->producer_id;
	marker->producer_epoch = s->producer_epoch;
	marker->coordinator_epoch = s->coordinator_epoch;
	marker->topics.v = arena_zalloc(&t->arena, sizeof(*marker->topics.v));
	marker->topics.n = 1;
	marker->topics.v[0].name = v[0]->topic;
	marker->topics.v[0].partition_indexes.v = &v[0]->partition;
	marker->topics.v[0].partition_indexes.n = 1;
	r->markers.v = marker;
	r->markers.n = 1;
	return r;
}

static void read_marker(const void *response, struct partition **v, int n)
{
	const struct write_txn_markers_response *r = response;
	const struct write_txn_markers_response_marker *m = r->markers.n == 1 ? &r->markers.v[0] : NULL;

	for (int i = 0; i < n; i++)
		v[i]->err = ERR_UNKNOWN_SERVER_ERROR; /* unless the answer says otherwise */
	for (int32_t i = 0; m && i < m->topics.n; i++)
		for (int32_t k = 0; k < m->topics.v[i].partitions.n; k++) {
			struct partition *of = partition_asked(v, n, m->topics.v[i].name,
							       m->topics.v[i].partitions.v[k].partition_index);

			if (of)
				of->err = m->topics.v[i].partitions.v[k].error_code;
		}
}

static struct str marker_error(struct tool *t, const struct abort_spec *s)
{
	struct str spec = spec_text(t, s);
	int err = s->partition.err;

	if (err < 0)
		return tool_error_text(t, err, STR_NULL);
	if (err == ERR_CLUSTER_AUTHORIZATION_FAILED)
		return arena_printf(&t->arena,
				    "WriteTxnMarkers request with %.*s failed due to cluster authorization error",
				    STR_ARG(spec));
	if (err == ERR_INVALID_PRODUCER_EPOCH)
		return arena_printf(&t->arena, "WriteTxnMarkers request with %.*s failed due an invalid producer epoch",
				    STR_ARG(spec));
	if (err == ERR_TRANSACTION_COORDINATOR_FENCED)
		return arena_printf(
			&t->arena,
			"WriteTxnMarkers request with %.*s failed since the provided coordinator epoch %d has been fenced by the active coordinator",
			STR_ARG(spec), s->coordinator_epoch);
	return arena_printf(&t->arena, "WriteTxnMarkers request with %.*s failed due to unexpected error: %.*s",
			    STR_ARG(spec), STR_ARG(tool_error_text(t, err, STR_NULL)));
}

int transactions_abort(struct tool *t)
{
	struct abort_spec s = {
		.partition = {.topic = str_of(tool_value(t, "topic")), .partition = tool_integer(t, "partition", 0)}};
	struct leader_question q = {
		.key = write_txn_markers_request_KEY, .write = write_marker, .read = read_marker, .argument = &s};

	if (!tool_has(t, "start-offset") && !tool_has(t, "producer-id"))
		tool_die(
			t,
			"The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) or with "
			"--producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)");
	if (tool_has(t, "start-offset"))
		find_by_offset(t, &s, tool_number(t, "start-offset", -1));
	else
		read_spec(t, &s);
	partitions_ask(t, &q, &s.partition, 1);
	if (s.partition.err != 0)
		transactions_failed(
			t, arena_printf(&t->arena, "Failed to abort transaction %.*s", STR_ARG(spec_text(t, &s))),
			marker_error(t, &s));
	t->out = json_pack("{s:o,s:i,s:I,s:i,s:i}", "topic", json_str(s.partition.topic), "partition",
			   (int)s.partition.partition, "producerId", (json_int_t)s.producer_id, "producerEpoch",
			   (int)s.producer_epoch, "coordinatorEpoch", (int)s.coordinator_epoch);
	return EXIT_FINE;
}

/* ---- forceTerminateTransaction ---- */

static struct str terminate_error(struct tool *t, const char *id, int err)
{
	const char *why = err == ERR_CLUSTER_AUTHORIZATION_FAILED	     ? "cluster authorization failure"
			  : err == ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ? "transactional ID authorization failure"
									     : "unexpected error";

	if (err < 0 || err_is_retriable(err)) /* the time was not sufficient */
		return tool_error_text(t, err, t->message);
	return arena_printf(&t->arena, "InitProducerId request for transactionalId `%s` failed due to %s", id, why);
}

static int init_producer_id(struct tool *t, const char *id, const struct init_producer_id_response **out)
{
	struct init_producer_id_request r = {.transactional_id = str_of(id),
					     .transaction_timeout_ms =
						     (int32_t)tool_property_number(t, "request.timeout.ms", 30000),
					     .producer_id = -1,
					     .producer_epoch = -1};
	const void *response = NULL;
	int err;
	int32_t coordinator = tool_coordinator(t, TRANSACTION, id, &err);

	if (err == 0)
		err = tool_ask(t, coordinator, init_producer_id_request_KEY, &r, &response);
	*out = response;
	return err;
}

int transactions_terminate(struct tool *t)
{
	int64_t deadline = env_mono_ms(t->env) + tool_property_number(t, "default.api.timeout.ms", 60000);
	const char *id = tool_value(t, "transactionalId");
	const struct init_producer_id_response *r;
	int err;

	/* The first answer may say that a transaction is being ended: CONCURRENT_TRANSACTIONS. */
	while ((err = init_producer_id(t, id, &r)) > 0 && err_is_retriable(err) && env_mono_ms(t->env) < deadline)
		tool_sleep_ms(t, RETRY_MS);
	if (err != 0)
		transactions_failed(t, arena_printf(&t->arena, "Failed to force terminate transactionalId `%s`", id),
				    terminate_error(t, id, err));
	t->out = json_pack("{s:s,s:I,s:i}", "transactionalId", id, "producerId", (json_int_t)r->producer_id,
			   "producerEpoch", (int)r->producer_epoch);
	return EXIT_FINE;
}
