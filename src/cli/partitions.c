/* partitions: metadata of topics, patterns, and requests to leaders. */
#include "cli/partitions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/delete_records.h"
#include "protocol/list_offsets.h"

enum { ROUNDS_PAUSE_MS = 100 };

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct metadata_response_topic *)a)->name,
		       ((const struct metadata_response_topic *)b)->name);
}

static int by_index(const void *a, const void *b)
{
	return ((const struct metadata_response_partition *)a)->partition_index -
	       ((const struct metadata_response_partition *)b)->partition_index;
}

const struct metadata_response *topics_of(struct tool *t, const struct str *names, int n)
{
	struct metadata_request *r = arena_zalloc(&t->arena, sizeof(*r));
	struct metadata_response *m;
	const void *answer;
	int err;

	r->allow_auto_topic_creation = false;
	r->topics.n = names ? n : -1;
	r->topics.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*r->topics.v));
	for (int i = 0; i < n; i++)
		r->topics.v[i].name = names[i];
	err = tool_ask(t, CLIENT_ANY, metadata_request_KEY, r, &answer);
	if (err != 0)
		tool_die_of(t, err, t->message);
	m = (struct metadata_response *)(uintptr_t)answer; /* it is in our own arena */
	if (m->topics.n > 0)
		qsort(m->topics.v, (size_t)m->topics.n, sizeof(*m->topics.v), by_name);
	for (int32_t i = 0; i < m->topics.n; i++)
		if (m->topics.v[i].partitions.n > 0)
			qsort(m->topics.v[i].partitions.v, (size_t)m->topics.v[i].partitions.n,
			      sizeof(*m->topics.v[i].partitions.v), by_index);
	return m;
}

const struct metadata_response_topic *topic_find(const struct metadata_response *m, struct str name)
{
	int32_t low = 0, high = m->topics.n;

	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		int order = str_cmp(m->topics.v[middle].name, name);

		if (order == 0)
			return &m->topics.v[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct metadata_response_partition *partition_find(const struct metadata_response_topic *topic, int32_t partition)
{
	for (int32_t i = 0; topic && i < topic->partitions.n; i++)
		if (topic->partitions.v[i].partition_index == partition)
			return &topic->partitions.v[i];
	return NULL;
}

bool broker_is_live(const struct metadata_response *m, int32_t id)
{
	for (int32_t i = 0; i < m->brokers.n; i++)
		if (m->brokers.v[i].node_id == id)
			return true;
	return false;
}

/* ---- patterns ---- */

void topic_pattern_init(struct tool *t, struct topic_pattern *p, const char *text)
{
	struct buf b = {0};
	size_t len = strlen(text);

	while (len > 0 && strchr("\"' \t", text[len - 1]))
		len--;
	while (len > 0 && strchr("\"' \t", *text))
		text++, len--;
	buf_printf(&b, "^(");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len && text[i + 1] == 'd')
			buf_printf(&b, "[0-9]"), i++;
		else if (text[i] == ',')
			buf_printf(&b, "|");
		else if (text[i] != ' ')
			buf_put(&b, text + i, 1);
	}
	buf_printf(&b, ")$%c", 0);
	p->regex = arena_alloc(&t->arena, sizeof(*p->regex));
	if (regcomp(p->regex, (const char *)b.p, REG_EXTENDED | REG_NOSUB) != 0)
		tool_die(t, "%s is an invalid regex.", text);
	buf_fini(&b);
	arena_cleanup(&t->arena, (void (*)(void *))regfree, p->regex);
}

bool topic_pattern_matches(struct tool *t, const struct topic_pattern *p, struct str name)
{
	return regexec(p->regex, tool_string(t, name), 0, NULL, 0) == 0;
}

/* ---- leaders ---- */

int partition_compare(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;
	int order = str_cmp(x->topic, y->topic);

	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

/* Until it is answered, a partition has err < 0. */
enum { OPEN = -EINPROGRESS };

static void find_leaders(struct tool *t, const struct leader_question *q, struct partition *v, int n)
{
	struct str *names = arena_array(&t->arena, (size_t)n + 1, sizeof(*names));
	const struct metadata_response *m;
	int n_names = 0;

	for (int i = 0; i < n && q->of_broker; i++)
		v[i].leader = q->broker;
	if (q->of_broker)
		return;
	for (int i = 0; i < n; i++)
		if (v[i].err == OPEN && (n_names == 0 || !str_eq(names[n_names - 1], v[i].topic)))
			names[n_names++] = v[i].topic;
	m = topics_of(t, names, n_names);
	for (int i = 0; i < n; i++) {
		const struct metadata_response_topic *topic = topic_find(m, v[i].topic);
		const struct metadata_response_partition *p = partition_find(topic, v[i].partition);

		if (v[i].err != OPEN)
			continue;
		v[i].leader = p && p->error_code == 0 ? p->leader_id : -1;
		if (topic && topic->error_code && !err_is_retriable(topic->error_code))
			v[i].err = topic->error_code;
	}
}

struct leader_ask {
	struct ask ask;
	struct partition **v;
	int n;
};

static void settle(struct tool *t, const struct leader_question *q, struct leader_ask *a)
{
	int err = tool_ask_error(t, &a->ask);

	if (err == 0) {
		q->read(a->ask.call.response, a->v, a->n);
		return;
	}
	for (int i = 0; i < a->n; i++)
		a->v[i]->err = err;
}

/* Sends requests for all unanswered partitions at once, one per leader. */
static void ask_leaders(struct tool *t, const struct leader_question *q, struct partition *v, int n)
{
	struct leader_ask *asks = arena_array(&t->arena, (size_t)n + 1, sizeof(*asks));
	int n_asks = 0;

	for (int i = 0; i < n; i++) {
		struct leader_ask *a = NULL;

		if (v[i].err != OPEN || v[i].leader < 0)
			continue;
		for (int k = 0; k < n_asks && !a; k++)
			if (asks[k].v[0]->leader == v[i].leader)
				a = &asks[k];
		if (!a) {
			a = &asks[n_asks++];
			a->v = arena_array(&t->arena, (size_t)n, sizeof(struct partition *));
		}
		a->v[a->n++] = &v[i];
	}
	for (int k = 0; k < n_asks; k++) {
		asks[k].ask.call.fit = q->fit;
		tool_ask_start(t, &asks[k].ask, asks[k].v[0]->leader, q->key,
			       q->write(t, asks[k].v, asks[k].n, q->argument));
	}
	tool_wait(t);
	for (int k = 0; k < n_asks; k++)
		settle(t, q, &asks[k]);
}

/* A fixed broker need not be the leader, so that error is final for it. */
static bool reopen(const struct leader_question *q, struct partition *v, int n)
{
	bool any = false;

	for (int i = 0; i < n; i++) {
		bool final = q->of_broker && v[i].err == ERR_NOT_LEADER_OR_FOLLOWER;

		if (v[i].err > 0 && err_is_retriable(v[i].err) && !final)
			v[i].err = OPEN;
		any = any || v[i].err == OPEN;
	}
	return any;
}

/* Leaders move: a broker that is not, or not yet, the leader is asked again until the time is up. */
void partitions_ask(struct tool *t, const struct leader_question *q, struct partition *v, int n)
{
	int64_t deadline = env_mono_ms(t->env) + tool_property_number(t, "default.api.timeout.ms", 60000);

	for (int i = 0; i < n; i++)
		v[i].err = OPEN;
	for (;;) {
		find_leaders(t, q, v, n);
		ask_leaders(t, q, v, n);
		if (!reopen(q, v, n))
			return;
		if (env_mono_ms(t->env) >= deadline)
			break;
		client_forget(t->client);
		tool_sleep_ms(t, ROUNDS_PAUSE_MS);
	}
	for (int i = 0; i < n; i++)
		v[i].err = v[i].err == OPEN ? -ETIMEDOUT : v[i].err;
}

struct partition *partition_asked(struct partition **v, int n, struct str topic, int32_t partition)
{
	for (int i = 0; i < n; i++)
		if (v[i]->partition == partition && str_eq(v[i]->topic, topic))
			return v[i];
	return NULL;
}

/* ---- ListOffsets ---- */

/* The first versions that support each special timestamp. */
static int fit_list_offsets(struct call *call)
{
	static const int FIRST[] = {[3] = 7, [4] = 8, [5] = 9, [6] = 11};
	const struct list_offsets_request *r = call->request;

	for (int32_t i = 0; i < r->topics.n; i++)
		for (int32_t k = 0; k < r->topics.v[i].partitions.n; k++) {
			int64_t at = -r->topics.v[i].partitions.v[k].timestamp;

			if (at >= 3 && at <= 6 && call->version < FIRST[at])
				return ERR_UNSUPPORTED_VERSION;
		}
	return 0;
}

static const void *write_list_offsets(struct tool *t, struct partition **v, int n, const void *isolation)
{
	struct list_offsets_request *r = arena_zalloc(&t->arena, sizeof(*r));

	r->replica_id = -1;
	r->isolation_level = *(const int8_t *)isolation;
	r->topics.v = arena_array(&t->arena, (size_t)n, sizeof(*r->topics.v));
	for (int i = 0; i < n; i++) {
		struct list_offsets_request_topic *topic = &r->topics.v[r->topics.n - 1];

		if (r->topics.n == 0 || !str_eq(topic->name, v[i]->topic)) {
			topic = &r->topics.v[r->topics.n++];
			topic->name = v[i]->topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(n - i), sizeof(*topic->partitions.v));
		}
		topic->partitions.v[topic->partitions.n++] = (struct list_offsets_request_partition){
			.partition_index = v[i]->partition, .current_leader_epoch = -1, .timestamp = v[i]->timestamp};
	}
	return r;
}

static void read_list_offsets(const void *response, struct partition **v, int n)
{
	const struct list_offsets_response *r = response;

	for (int32_t i = 0; i < r->topics.n; i++)
		for (int32_t k = 0; k < r->topics.v[i].partitions.n; k++) {
			const struct list_offsets_response_partition *p = &r->topics.v[i].partitions.v[k];
			struct partition *of = partition_asked(v, n, r->topics.v[i].name, p->partition_index);

			if (!of)
				continue;
			of->err = p->error_code;
			of->offset = p->offset;
			of->found_timestamp = p->timestamp;
			of->leader_epoch = p->leader_epoch;
		}
}

void partitions_list_offsets(struct tool *t, struct partition *v, int n, int8_t isolation)
{
	struct leader_question q = {.key = list_offsets_request_KEY,
				    .write = write_list_offsets,
				    .read = read_list_offsets,
				    .fit = fit_list_offsets,
				    .argument = &isolation};

	partitions_ask(t, &q, v, n);
}

/* ---- DeleteRecords ---- */

static const void *write_delete_records(struct tool *t, struct partition **v, int n, const void *timeout_ms)
{
	struct delete_records_request *r = arena_zalloc(&t->arena, sizeof(*r));

	r->timeout_ms = *(const int32_t *)timeout_ms;
	r->topics.v = arena_array(&t->arena, (size_t)n, sizeof(*r->topics.v));
	for (int i = 0; i < n; i++) {
		struct delete_records_request_topic *topic = &r->topics.v[r->topics.n - 1];

		if (r->topics.n == 0 || !str_eq(topic->name, v[i]->topic)) {
			topic = &r->topics.v[r->topics.n++];
			topic->name = v[i]->topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(n - i), sizeof(*topic->partitions.v));
		}
		topic->partitions.v[topic->partitions.n++] =
			(struct delete_records_request_partition){v[i]->partition, v[i]->offset};
	}
	return r;
}

static void read_delete_records(const void *response, struct partition **v, int n)
{
	const struct delete_records_response *r = response;

	for (int32_t i = 0; i < r->topics.n; i++)
		for (int32_t k = 0; k < r->topics.v[i].partitions.n; k++) {
			const struct delete_records_response_partition *p = &r->topics.v[i].partitions.v[k];
			struct partition *of = partition_asked(v, n, r->topics.v[i].name, p->partition_index);

			if (!of)
				continue;
			of->err = p->error_code;
			if (p->error_code == 0)
				of->offset = p->low_watermark;
		}
}

void partitions_delete_records(struct tool *t, struct partition *v, int n, int32_t timeout_ms)
{
	struct leader_question q = {.key = delete_records_request_KEY,
				    .write = write_delete_records,
				    .read = read_delete_records,
				    .argument = &timeout_ms};

	partitions_ask(t, &q, v, n);
}
