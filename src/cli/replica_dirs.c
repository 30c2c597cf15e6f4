/*
 * replica_dirs: collects the wanted directories, compares them with the brokers' answers, and sends
 * the moves.
 */
#include "cli/replica_dirs.h"

#include <stdlib.h>

#include "protocol/alter_replica_log_dirs.h"
#include "protocol/describe_log_dirs.h"

enum { RETRY_MS = 100 };

/* ---- which ---- */

static int compare(const void *a, const void *b)
{
	const struct replica_dir *x = a, *y = b;
	int order = (x->broker > y->broker) - (x->broker < y->broker);

	order = order ? order : str_cmp(x->topic, y->topic);
	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static struct replica_dirs gather(struct tool *t, const struct reassignments *r, bool wanted,
				  const struct metadata_response *m)
{
	struct replica_dirs d = {0};
	size_t total = 1;

	for (int i = 0; i < r->n; i++)
		total += (size_t)r->v[i].replicas.n;
	d.v = arena_array(&t->arena, total, sizeof(*d.v));
	for (int i = 0; i < r->n; i++)
		for (int32_t k = 0; k < r->v[i].replicas.n; k++) {
			struct replica_dir one = {.topic = r->v[i].topic,
						  .partition = r->v[i].partition,
						  .broker = r->v[i].replicas.v[k]};

			one.target = r->v[i].log_dirs ? r->v[i].log_dirs[k] : STR_NULL;
			if (wanted ? one.target.p != NULL : broker_is_live(m, one.broker))
				d.v[d.n++] = one;
		}
	qsort(d.v, (size_t)d.n, sizeof(*d.v), compare);
	return d;
}

struct replica_dirs replica_dirs_wanted(struct tool *t, const struct reassignments *r)
{
	return gather(t, r, true, NULL);
}

static struct replica_dir *find(const struct replica_dirs *d, struct str topic, int32_t partition, int32_t broker)
{
	struct replica_dir key = {.topic = topic, .partition = partition, .broker = broker};

	return d->n ? bsearch(&key, d->v, (size_t)d->n, sizeof(*d->v), compare) : NULL;
}

struct str replica_dir_name(struct tool *t, const struct replica_dir *r)
{
	return arena_printf(&t->arena, "%.*s-%d-%d", STR_ARG(r->topic), r->partition, r->broker);
}

/* ---- requests to each broker ---- */

struct broker_question {
	struct ask ask;
	struct replica_dir *v; /* of one broker */
	int n;
};

/* One per broker, for its part of the list. */
static struct broker_question *questions_of(struct tool *t, const struct replica_dirs *d, int *n)
{
	struct broker_question *q = arena_array(&t->arena, (size_t)d->n + 1, sizeof(*q));

	*n = 0;
	for (int i = 0; i < d->n; i++) {
		if (i == 0 || d->v[i - 1].broker != d->v[i].broker)
			q[(*n)++].v = &d->v[i];
		q[*n - 1].n++;
	}
	return q;
}

static const struct describe_log_dirs_request *describe_request(struct tool *t, const struct broker_question *q)
{
	struct describe_log_dirs_request *r = arena_zalloc(&t->arena, sizeof(*r));

	r->topics.v = arena_array(&t->arena, (size_t)q->n, sizeof(*r->topics.v));
	for (int i = 0; i < q->n; i++) {
		struct describe_log_dirs_request_topic *topic = &r->topics.v[r->topics.n - 1];

		if (i == 0 || !str_eq(topic->topic, q->v[i].topic)) {
			topic = &r->topics.v[r->topics.n++];
			topic->topic = q->v[i].topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(q->n - i), sizeof(int32_t));
		}
		topic->partitions.v[topic->partitions.n++] = q->v[i].partition;
	}
	return r;
}

static void read_dir(struct tool *t, struct replica_dirs *d, int32_t broker,
		     const struct describe_log_dirs_response_result *dir)
{
	char name[96];

	if (dir->error_code == ERR_KAFKA_STORAGE_ERROR) /* an offline directory gives no information */
		return;
	if (dir->error_code)
		tool_die(
			t,
			"java.lang.IllegalStateException: The error org.apache.kafka.common.errors.%s for log directory %.*s in the response from broker %d is illegal",
			tool_exception(dir->error_code, name), STR_ARG(dir->log_dir), broker);
	for (int32_t i = 0; i < dir->topics.n; i++)
		for (int32_t k = 0; k < dir->topics.v[i].partitions.n; k++) {
			const struct describe_log_dirs_response_partition *p = &dir->topics.v[i].partitions.v[k];
			struct replica_dir *r = find(d, dir->topics.v[i].name, p->partition_index, broker);

			if (r && p->is_future_key)
				r->future = dir->log_dir;
			else if (r)
				r->current = dir->log_dir;
		}
}

void replica_dirs_describe(struct tool *t, struct replica_dirs *d)
{
	int n;
	struct broker_question *q = questions_of(t, d, &n);

	for (int i = 0; i < n; i++)
		tool_ask_start(t, &q[i].ask, q[i].v->broker, describe_log_dirs_request_KEY, describe_request(t, &q[i]));
	tool_wait(t);
	for (int i = 0; i < n; i++) {
		const struct describe_log_dirs_response *answer = q[i].ask.call.response;
		int err = tool_ask_error(t, &q[i].ask);

		if (err != 0)
			tool_die_of(t, err, t->message);
		for (int32_t k = 0; k < answer->results.n; k++)
			read_dir(t, d, q[i].v->broker, &answer->results.v[k]);
	}
}

void replica_dirs_fill(struct tool *t, struct reassignments *r)
{
	struct replica_dirs d = gather(t, r, false, topics_of(t, &STR_NULL, 0));

	replica_dirs_describe(t, &d);
	for (int i = 0; i < r->n; i++) {
		struct reassignment *one = &r->v[i];

		one->log_dirs = arena_array(&t->arena, (size_t)one->replicas.n + 1, sizeof(*one->log_dirs));
		for (int32_t k = 0; k < one->replicas.n; k++) {
			const struct replica_dir *dir = find(&d, one->topic, one->partition, one->replicas.v[k]);

			one->log_dirs[k] = dir ? dir->current : STR_NULL;
		}
	}
}

static struct alter_replica_log_dirs_request_dir *alter_dir(struct tool *t, struct alter_replica_log_dirs_request *r,
							    struct str path, int n)
{
	struct alter_replica_log_dirs_request_dir *dir;

	for (int32_t i = 0; i < r->dirs.n; i++)
		if (str_eq(r->dirs.v[i].path, path))
			return &r->dirs.v[i];
	dir = &r->dirs.v[r->dirs.n++];
	dir->path = path;
	dir->topics.v = arena_array(&t->arena, (size_t)n, sizeof(*dir->topics.v));
	return dir;
}

static const struct alter_replica_log_dirs_request *alter_request(struct tool *t, const struct broker_question *q)
{
	struct alter_replica_log_dirs_request *r = arena_zalloc(&t->arena, sizeof(*r));

	r->dirs.v = arena_array(&t->arena, (size_t)q->n, sizeof(*r->dirs.v));
	for (int i = 0; i < q->n; i++) {
		struct alter_replica_log_dirs_request_dir *dir = alter_dir(t, r, q->v[i].target, q->n);
		struct alter_replica_log_dirs_request_topic *topic = &dir->topics.v[dir->topics.n - 1];

		if (dir->topics.n == 0 || !str_eq(topic->name, q->v[i].topic)) {
			topic = &dir->topics.v[dir->topics.n++];
			topic->name = q->v[i].topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(q->n - i), sizeof(int32_t));
		}
		topic->partitions.v[topic->partitions.n++] = q->v[i].partition;
	}
	return r;
}

static void read_altered(struct replica_dirs *d, int32_t broker, const struct alter_replica_log_dirs_response *answer)
{
	for (int32_t i = 0; i < answer->results.n; i++)
		for (int32_t k = 0; k < answer->results.v[i].partitions.n; k++) {
			struct replica_dir *r = find(d, answer->results.v[i].topic_name,
						     answer->results.v[i].partitions.v[k].partition_index, broker);

			if (r)
				r->err = answer->results.v[i].partitions.v[k].error_code;
		}
}

static void alter(struct tool *t, struct replica_dirs *d)
{
	int n;
	struct broker_question *q = questions_of(t, d, &n);

	for (int i = 0; i < n; i++)
		tool_ask_start(t, &q[i].ask, q[i].v->broker, alter_replica_log_dirs_request_KEY,
			       alter_request(t, &q[i]));
	tool_wait(t);
	for (int i = 0; i < n; i++) {
		int err = tool_ask_error(t, &q[i].ask);

		for (int k = 0; k < q[i].n; k++) /* a replica missing from the answer is an error too */
			q[i].v[k].err = err ? err : ERR_UNKNOWN_SERVER_ERROR;
		if (err == 0)
			read_altered(d, q[i].v->broker, q[i].ask.call.response);
	}
}

/* ---- moving ---- */

/* Reports the moves that have begun, and keeps those that must wait for their replica. */
static void sort_out(struct tool *t, struct replica_dirs *d)
{
	int kept = 0;

	for (int i = 0; i < d->n; i++) {
		struct replica_dir *r = &d->v[i];

		if (r->err != 0 && r->err != ERR_REPLICA_NOT_AVAILABLE)
			tool_die(t, "Failed to alter dir for %.*s", STR_ARG(replica_dir_name(t, r)));
		if (r->err == 0)
			tool_say(
				t,
				"Successfully started moving log directory to %.*s for replica %.*s-%d with broker %d \n",
				STR_ARG(r->target), STR_ARG(r->topic), r->partition, r->broker);
		else
			d->v[kept++] = *r;
	}
	d->n = kept;
}

_Noreturn static void timed_out(struct tool *t, const struct replica_dirs *d)
{
	struct buf b = {0};

	for (int i = 0; i < d->n; i++)
		buf_printf(&b, "%s%.*s", i ? "," : "", STR_ARG(replica_dir_name(t, &d->v[i])));
	t->complaint = "";
	tool_die(t, "Timed out before log directory move%s could be started for: %.*s", d->n == 1 ? "" : "s",
		 STR_ARG(buf_str(&b)));
}

void replica_dirs_move(struct tool *t, struct replica_dirs *d, int64_t timeout_ms)
{
	int64_t deadline = env_mono_ms(t->env) + timeout_ms;

	for (;;) {
		alter(t, d);
		sort_out(t, d);
		if (d->n == 0)
			return;
		if (env_mono_ms(t->env) >= deadline)
			timed_out(t, d);
		tool_sleep_ms(t, RETRY_MS);
	}
}
