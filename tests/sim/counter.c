#include "tests/sim/counter.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "protocol/consumer_group_heartbeat.h"
#include "protocol/find_coordinator.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_fetch.h"
#include "wire/codec.h"

enum {
	FIND_VERSION = 4,
	HEARTBEAT_VERSION = 1,
	COMMIT_VERSION = 9,
	FETCH_VERSION = 9,
	REBALANCE_MS = 5000,
	LEAVE_EPOCH = -1,
};

#define GROUP STR("counters")

static void beat(struct counter *m);

static void later(struct counter *m)
{
	timer_start(&m->next, 100 + (int64_t)env_random_below(m->loop->env, 700));
}

/* Errors of a member whose identity or group no longer exists: it rejoins. */
static bool is_out(int err)
{
	return err == ERR_UNKNOWN_MEMBER_ID || err == ERR_FENCED_MEMBER_EPOCH || err == ERR_STALE_MEMBER_EPOCH ||
	       err == ERR_GROUP_ID_NOT_FOUND;
}

static void join_anew(struct counter *m)
{
	m->epoch = 0;
	memset(m->owns, 0, sizeof(m->owns));
	m->history->n_joins++;
}

/*
 * Nothing was decided: it tries again. INVALID_TIMESTAMP: the coordinator's clock was set back by
 * more than message.timestamp.after.max.ms between the decision and its append; Kafka reports that
 * to the client in the same way.
 */
static void refused(struct counter *m, int err)
{
	if (is_out(err)) {
		join_anew(m);
	} else if (err) {
		diag_info(m->loop->env->diag, "member is refused", "member=%s error=%s", m->id, err_name(err));
		check(err_is_retriable(err) || err == ERR_INVALID_TIMESTAMP);
	}
	m->has_coordinator = false;
	m->says_all = true;
	if (m->brokers)
		client_move(&m->client, m->brokers, -1);
	later(m);
}

/* ---- counting ---- */

static void on_committed(void *arg, int err, const void *answer)
{
	struct counter *m = arg;
	const struct offset_commit_response *r = answer;
	int code = err ? 0 : r->topics.v[0].partitions.v[0].error_code;

	if (err || code) {
		refused(m, code);
		return;
	}
	if (m->history->committed[m->partition] < m->floor)
		m->history->committed[m->partition] = m->floor;
	m->history->n_commits++;
	later(m);
}

static void commit(struct counter *m, int64_t offset)
{
	struct offset_commit_request_partition part;
	struct offset_commit_request_topic topic;
	struct offset_commit_request request;

	codec_init(&offset_commit_request_schema, &request);
	codec_init(&offset_commit_request_topic_schema, &topic);
	codec_init(&offset_commit_request_partition_schema, &part);
	part.partition_index = m->partition;
	part.committed_offset = offset;
	topic.name = str_of(m->topic);
	topic.partitions.v = &part;
	topic.partitions.n = 1;
	request.group_id = GROUP;
	request.member_id = str_of(m->id);
	request.generation_id_or_member_epoch = m->epoch;
	request.topics.v = &topic;
	request.topics.n = 1;
	m->floor = offset;
	client_call(&m->client, COMMIT_VERSION, &offset_commit_request_schema, &request, &offset_commit_response_schema,
		    on_committed, m);
}

static void on_fetched(void *arg, int err, const void *answer)
{
	struct counter *m = arg;
	const struct offset_fetch_response *r = answer;
	const struct offset_fetch_response_group *g = err ? NULL : &r->groups.v[0];
	int code = err ? 0 : g->error_code;
	int64_t offset;

	if (!err && !code)
		code = g->topics.v[0].partitions.v[0].error_code;
	if (err || code) {
		refused(m, code);
		return;
	}
	offset = g->topics.v[0].partitions.v[0].committed_offset;
	check(offset >= m->floor || (offset == -1 && m->floor == 0) || (m->brokers && !m->calm));
	if (offset < m->floor)
		offset = m->floor;
	commit(m, offset + 1);
}

static void count(struct counter *m, int partition)
{
	struct offset_fetch_request_group_topic topic;
	struct offset_fetch_request_group group;
	struct offset_fetch_request request;
	int32_t partitions[1] = {partition};

	codec_init(&offset_fetch_request_schema, &request);
	codec_init(&offset_fetch_request_group_schema, &group);
	codec_init(&offset_fetch_request_group_topic_schema, &topic);
	topic.name = str_of(m->topic);
	topic.partition_indexes.v = partitions;
	topic.partition_indexes.n = 1;
	group.group_id = GROUP;
	group.member_id = str_of(m->id);
	group.member_epoch = m->epoch;
	group.topics.v = &topic;
	group.topics.n = 1;
	request.groups.v = &group;
	request.groups.n = 1;
	request.require_stable = true;
	m->partition = partition;
	m->floor = m->history->committed[partition];
	client_call(&m->client, FETCH_VERSION, &offset_fetch_request_schema, &request, &offset_fetch_response_schema,
		    on_fetched, m);
}

static void count_in_one_of_mine(struct counter *m)
{
	int first = (int)env_random_below(m->loop->env, (uint64_t)m->n_partitions);

	for (int i = 0; i < m->n_partitions; i++) {
		int partition = (first + i) % m->n_partitions;

		if (m->owns[partition]) {
			count(m, partition);
			return;
		}
	}
	later(m);
}

/* ---- membership ---- */

static void take_assignment(struct counter *m, const struct consumer_group_heartbeat_response_assignment *a)
{
	memset(m->owns, 0, sizeof(m->owns));
	for (int i = 0; i < a->topic_partitions.n; i++) {
		m->topic_id = a->topic_partitions.v[i].topic_id;
		for (int j = 0; j < a->topic_partitions.v[i].partitions.n; j++) {
			int32_t partition = a->topic_partitions.v[i].partitions.v[j];

			check(partition >= 0 && partition < m->n_partitions);
			m->owns[partition] = true;
		}
	}
}

static void new_incarnation(struct counter *m)
{
	snprintf(m->id, sizeof(m->id), "member-%d-%d", m->index, m->incarnation++);
	join_anew(m);
}

static void on_beaten(void *arg, int err, const void *answer)
{
	struct counter *m = arg;
	const struct consumer_group_heartbeat_response *r = answer;

	if (err || r->error_code) {
		refused(m, err ? 0 : r->error_code);
		return;
	}
	if (r->member_epoch == LEAVE_EPOCH) {
		new_incarnation(m);
		later(m);
		return;
	}
	m->epoch = r->member_epoch;
	m->says_all = false;
	if (r->assignment)
		take_assignment(m, r->assignment);
	count_in_one_of_mine(m);
}

static void send_beat(struct counter *m, int32_t epoch)
{
	struct consumer_group_heartbeat_request_topic owned;
	struct consumer_group_heartbeat_request request;
	int32_t partitions[HISTORY_PARTITIONS_MAX];
	struct str topic = str_of(m->topic);

	codec_init(&consumer_group_heartbeat_request_schema, &request);
	codec_init(&consumer_group_heartbeat_request_topic_schema, &owned);
	owned.topic_id = m->topic_id;
	owned.partitions.v = partitions;
	owned.partitions.n = 0;
	for (int i = 0; i < m->n_partitions; i++)
		if (m->owns[i])
			partitions[owned.partitions.n++] = i;
	request.group_id = GROUP;
	request.member_id = str_of(m->id);
	request.member_epoch = epoch;
	request.topic_partitions.v = &owned;
	request.topic_partitions.n = owned.partitions.n > 0;
	if (epoch == 0 || m->says_all) {
		request.rebalance_timeout_ms = REBALANCE_MS;
		request.subscribed_topic_names.v = &topic;
		request.subscribed_topic_names.n = 1;
	}
	client_call(&m->client, HEARTBEAT_VERSION, &consumer_group_heartbeat_request_schema, &request,
		    &consumer_group_heartbeat_response_schema, on_beaten, m);
}

static void on_coordinator(void *arg, int err, const void *answer)
{
	struct counter *m = arg;
	const struct find_coordinator_response *r = answer;
	int code = err ? 0 : r->coordinators.v[0].error_code;

	if (err || code) {
		refused(m, code);
		return;
	}
	m->has_coordinator = true;
	if (m->brokers)
		client_move(&m->client, m->brokers, r->coordinators.v[0].node_id);
	beat(m);
}

static void find_coordinator(struct counter *m)
{
	struct find_coordinator_request request;
	struct str key = GROUP;

	codec_init(&find_coordinator_request_schema, &request);
	request.coordinator_keys.v = &key;
	request.coordinator_keys.n = 1;
	client_call(&m->client, FIND_VERSION, &find_coordinator_request_schema, &request,
		    &find_coordinator_response_schema, on_coordinator, m);
}

static void beat(struct counter *m)
{
	uint64_t whim = m->calm || !m->epoch ? 100 : env_random_below(m->loop->env, 100);

	if (!m->has_coordinator) {
		find_coordinator(m);
	} else if (whim < 4) {
		send_beat(m, LEAVE_EPOCH);
	} else {
		if (whim < 8) /* dead: the group finds out when its session expires */
			new_incarnation(m);
		send_beat(m, m->epoch);
	}
}

static void on_next(struct timer *t)
{
	beat(container_of(t, struct counter, next));
}

void counter_start(struct counter *m)
{
	client_init(&m->client, m->loop, &m->to, "sim-counter");
	if (m->brokers)
		m->client.call_ms = m->brokers->call_ms;
	timer_init(&m->next, m->loop, on_next);
	new_incarnation(m);
	beat(m);
}

void counter_fini(struct counter *m)
{
	timer_stop(&m->next);
	client_fini(&m->client);
}

bool counters_have_settled(const struct counter *v, int n, const struct counter_history *counted, int n_partitions)
{
	for (int partition = 0; n && partition < n_partitions; partition++) {
		int owners = 0;

		for (int i = 0; i < n; i++)
			owners += v[i].owns[partition];
		if (owners != 1 || !counted->committed[partition])
			return false;
	}
	return true;
}
