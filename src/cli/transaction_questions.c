/*
 * transaction_questions: queries brokers for transactions and producers, with the error messages of
 * Kafka's admin client.
 */
#include <string.h>

#include "cli/ids.h"
#include "cli/java_order.h"
#include "cli/transactions.h"

enum { RETRY_MS = 100, TRANSACTION = 1 };

/* ---- all transactions ---- */

static struct str list_error(struct tool *t, int32_t broker, int err)
{
	if (err == ERR_COORDINATOR_NOT_AVAILABLE)
		return arena_printf(
			&t->arena,
			"ListTransactions request sent to broker %d failed because the coordinator is shutting down",
			broker);
	if (err == ERR_UNSUPPORTED_VERSION)
		return STR("The node does not support LIST_TRANSACTIONS");
	return arena_printf(&t->arena, "ListTransactions request sent to broker %d failed with an unexpected exception",
			    broker);
}

/* In the iteration order of a HashMap of their ids. */
static struct id_list all_brokers(struct tool *t)
{
	const struct metadata_response *m = topics_of(t, &STR_NULL, 0);
	struct id_list ids = ids_new(t, m->brokers.n);

	for (int32_t i = 0; i < m->brokers.n; i++)
		ids_add(&ids, m->brokers.v[i].node_id);
	java_order_ids(t, ids);
	return ids;
}

struct listing *transactions_list(struct tool *t, const struct list_transactions_request *r, struct str what, int *n)
{
	struct id_list brokers = all_brokers(t);
	struct ask *asks = arena_array(&t->arena, (size_t)brokers.n + 1, sizeof(*asks));
	struct listing *v = arena_array(&t->arena, (size_t)brokers.n + 1, sizeof(*v));

	*n = brokers.n;
	for (int i = 0; i < *n; i++)
		tool_ask_start(t, &asks[i], brokers.v[i], list_transactions_request_KEY, r);
	tool_wait(t);
	for (int i = 0; i < *n; i++) {
		int err = tool_ask_error(t, &asks[i]);
		const void *response = asks[i].call.response;

		if (err == ERR_COORDINATOR_LOAD_IN_PROGRESS)
			err = tool_ask(t, brokers.v[i], list_transactions_request_KEY, r, &response);
		if (err != 0)
			transactions_failed(t, what, list_error(t, brokers.v[i], err));
		v[i] = (struct listing){brokers.v[i], response};
	}
	return v;
}

/* ---- one transaction ---- */

/* A transport error, or a retriable one when the time is up, has its own message. */
static struct str coordinator_error(struct tool *t, struct str id, int err)
{
	if (err < 0 || err_is_retriable(err))
		return tool_error_text(t, err, t->message);
	if (err == ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
		return arena_printf(
			&t->arena,
			"FindCoordinator request for transactionalId `%.*s` failed due to authorization failure",
			STR_ARG(id));
	return arena_printf(&t->arena, "FindCoordinator request for key `%.*s` failed due to an unexpected error",
			    STR_ARG(id));
}

static struct str describe_error(struct tool *t, struct str id, int err)
{
	const char *why = err == ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ? "due to authorization failure"
			  : err == ERR_TRANSACTIONAL_ID_NOT_FOUND	   ? "because the ID could not be found"
									   : "due to unexpected error";

	if (err < 0)
		return tool_error_text(t, err, STR_NULL);
	return arena_printf(&t->arena, "DescribeTransactions request for transactionalId `%.*s` failed %s", STR_ARG(id),
			    why);
}

static int describe_at(struct tool *t, struct str id, int32_t coordinator,
		       const struct describe_transactions_response_transaction **out)
{
	struct describe_transactions_request *r = arena_zalloc(&t->arena, sizeof(*r));
	const struct describe_transactions_response *answer;
	const void *response;
	int err;

	r->transactional_ids.v = arena_alloc(&t->arena, sizeof(id));
	r->transactional_ids.v[0] = id;
	r->transactional_ids.n = 1;
	err = tool_ask(t, coordinator, describe_transactions_request_KEY, r, &response);
	if (err != 0)
		return err;
	answer = response;
	if (answer->transaction_states.n != 1)
		return ERR_UNKNOWN_SERVER_ERROR;
	*out = &answer->transaction_states.v[0];
	return (*out)->error_code;
}

int transaction_describe(struct tool *t, struct str id, int32_t *coordinator,
			 const struct describe_transactions_response_transaction **out, struct str *why)
{
	int64_t deadline = env_mono_ms(t->env) + tool_property_number(t, "default.api.timeout.ms", 60000);
	int err;

	for (;;) {
		*coordinator = tool_coordinator(t, TRANSACTION, tool_string(t, id), &err);
		if (err != 0) {
			*why = coordinator_error(t, id, err);
			return err;
		}
		err = describe_at(t, id, *coordinator, out);
		if (err <= 0 || !err_is_retriable(err) || env_mono_ms(t->env) >= deadline)
			break;
		tool_sleep_ms(t, RETRY_MS);
	}
	*why = err ? describe_error(t, id, err) : STR_NULL;
	return err;
}

bool transaction_has(const struct describe_transactions_response_transaction *d, struct str topic, int32_t partition)
{
	for (int32_t i = 0; i < d->topics.n; i++)
		for (int32_t k = 0; str_eq(d->topics.v[i].topic, topic) && k < d->topics.v[i].partitions.n; k++)
			if (d->topics.v[i].partitions.v[k] == partition)
				return true;
	return false;
}

/* ---- producers ---- */

static const void *write_producers(struct tool *t, struct partition **v, int n, const void *argument)
{
	struct describe_producers_request *r = arena_zalloc(&t->arena, sizeof(*r));

	(void)argument;
	r->topics.v = arena_array(&t->arena, (size_t)n, sizeof(*r->topics.v));
	for (int i = 0; i < n; i++) {
		struct describe_producers_request_topic *topic = &r->topics.v[r->topics.n - 1];

		if (i == 0 || !str_eq(topic->name, v[i]->topic)) {
			topic = &r->topics.v[r->topics.n++];
			topic->name = v[i]->topic;
			topic->partition_indexes.v = arena_array(&t->arena, (size_t)(n - i), sizeof(int32_t));
		}
		topic->partition_indexes.v[topic->partition_indexes.n++] = v[i]->partition;
	}
	return r;
}

static void read_producers(const void *response, struct partition **v, int n)
{
	const struct describe_producers_response *r = response;

	for (int32_t i = 0; i < r->topics.n; i++)
		for (int32_t k = 0; k < r->topics.v[i].partitions.n; k++) {
			const struct describe_producers_response_partition *p = &r->topics.v[i].partitions.v[k];
			struct partition *of = partition_asked(v, n, r->topics.v[i].name, p->partition_index);

			if (!of)
				continue;
			of->err = p->error_code;
			of->message = p->error_message;
			of->answer = p;
		}
}

static struct str producers_error(struct tool *t, const struct partition *p, bool of_broker, int32_t broker)
{
	struct str of = arena_printf(&t->arena, "%.*s-%d", STR_ARG(p->topic), p->partition);

	if (p->err < 0)
		return tool_error_text(t, p->err, STR_NULL);
	if (p->err == ERR_NOT_LEADER_OR_FOLLOWER && of_broker)
		return arena_printf(&t->arena, "Failed to describe active producers for partition %.*s on brokerId %d",
				    STR_ARG(of), broker);
	if (p->err == ERR_TOPIC_AUTHORIZATION_FAILED)
		return arena_printf(
			&t->arena,
			"Failed to describe active producers for partition %.*s due to authorization failure on topic `%.*s`",
			STR_ARG(of), STR_ARG(p->topic));
	if (p->err == ERR_INVALID_TOPIC_EXCEPTION)
		return arena_printf(&t->arena,
				    "Failed to fetch metadata for partition %.*s due to invalid topic `%.*s`",
				    STR_ARG(of), STR_ARG(p->topic));
	return arena_printf(&t->arena, "Failed to describe active producers for partition %.*s due to unexpected error",
			    STR_ARG(of));
}

bool producers_describe(struct tool *t, bool of_broker, struct partition *v, int n, struct str *why)
{
	struct leader_question q = {.key = describe_producers_request_KEY,
				    .write = write_producers,
				    .read = read_producers,
				    .of_broker = of_broker,
				    .broker = of_broker ? tool_integer(t, "broker-id", 0) : -1};

	partitions_ask(t, &q, v, n);
	for (int i = 0; i < n; i++)
		if (v[i].err != 0) {
			*why = producers_error(t, &v[i], of_broker, q.broker);
			return false;
		}
	return true;
}
