/*
 * quorum_survey: what a cluster says about itself: DescribeCluster, DescribeQuorum, Metadata,
 * DescribeConfigs. The answers of controllers (which know no topics) and of brokers go into one
 * survey.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/partitions.h"
#include "cli/quorum_doctor.h"
#include "protocol/describe_cluster.h"
#include "protocol/describe_configs.h"
#include "protocol/describe_quorum.h"
#include "protocol/describe_topic_partitions.h"

enum {
	TOPICS_AT_ONCE = 500,
	RESOURCE_IS_TOPIC = 2,
	OF_BROKERS = 1,
	OF_CONTROLLERS = 2,
	PROBE_MS = 2000,
	LOOK_MS = 200,
	LEADERS_MAX = 3
};

/* ---- brokers ---- */

static int by_id(const void *a, const void *b)
{
	int32_t x = ((const struct doctor_broker *)a)->id, y = ((const struct doctor_broker *)b)->id;

	return (x > y) - (x < y);
}

static struct doctor_broker *find(struct doctor_survey *s, int32_t id)
{
	struct doctor_broker key = {.id = id};

	return s->n_brokers ? bsearch(&key, s->brokers, (size_t)s->n_brokers, sizeof(key), by_id) : NULL;
}

/* Before version 2, DescribeCluster did not return fenced brokers. */
static int fit_cluster(struct call *c)
{
	struct describe_cluster_request *r = (struct describe_cluster_request *)c->request;

	if (c->version < 2)
		r->include_fenced_brokers = false;
	if (c->version < 1)
		r->endpoint_type = OF_BROKERS;
	return 0;
}

/* 0: the cluster has answered. */
static int ask_cluster(struct tool *t, struct doctor_survey *s)
{
	struct describe_cluster_request *r = arena_zalloc(&t->arena, sizeof(*r));
	struct ask *a = arena_zalloc(&t->arena, sizeof(*a));
	const struct describe_cluster_response *out;
	int err;

	r->endpoint_type = t->controllers ? OF_CONTROLLERS : OF_BROKERS;
	r->include_fenced_brokers = !t->controllers;
	a->call.fit = fit_cluster;
	tool_ask_start(t, a, CLIENT_ANY, describe_cluster_request_KEY, r);
	tool_wait(t);
	err = tool_ask_error(t, a);
	if (err != 0)
		return err;
	out = a->call.response;
	s->answered = true;
	s->cluster_id = out->cluster_id;
	s->has_brokers = !t->controllers;
	if (t->controllers)
		return 0;
	s->brokers = arena_array(&t->arena, (size_t)out->brokers.n + 1, sizeof(*s->brokers));
	for (int32_t i = 0; i < out->brokers.n; i++)
		s->brokers[s->n_brokers++] = (struct doctor_broker){.id = out->brokers.v[i].broker_id,
								    .is_fenced = out->brokers.v[i].is_fenced};
	qsort(s->brokers, (size_t)s->n_brokers, sizeof(*s->brokers), by_id);
	return 0;
}

/* ---- the quorum ---- */

static struct str address_of(struct tool *t, const struct describe_quorum_response *out, int32_t id)
{
	for (int32_t i = 0; i < out->nodes.n; i++)
		if (out->nodes.v[i].node_id == id && out->nodes.v[i].listeners.n > 0)
			return arena_printf(&t->arena, "%.*s:%d", STR_ARG(out->nodes.v[i].listeners.v[0].host),
					    out->nodes.v[i].listeners.v[0].port);
	return STR_NULL;
}

/* The times given for the leader itself are its clock at the time of the answer. */
static struct doctor_voter look_at_voter(const struct describe_quorum_response_replica *leader,
					 const struct describe_quorum_response_replica *v)
{
	int64_t silent_ms = leader->last_fetch_timestamp - v->last_fetch_timestamp;
	int64_t behind_ms = leader->last_caught_up_timestamp - v->last_caught_up_timestamp;
	struct doctor_voter out = {.id = v->replica_id,
				   .lag = leader->log_end_offset - v->log_end_offset,
				   .fetched_ms = v->last_fetch_timestamp};

	if (v->log_end_offset < 0) /* not heard in this epoch */
		out.lag = -1;

	if (leader->last_fetch_timestamp < 0) { /* version 0 has no times */
		out.silent_ms = -1;
		out.fetches = true;
		out.current = out.lag == 0;
		return out;
	}
	out.silent_ms = v->last_fetch_timestamp < 0 ? -1 : silent_ms;
	out.fetches = v == leader;
	out.current = out.silent_ms >= 0 && silent_ms <= DOCTOR_CURRENT_MS && v->last_caught_up_timestamp >= 0 &&
		      behind_ms <= DOCTOR_CURRENT_MS;
	return out;
}

static int read_quorum(struct tool *t, struct doctor_survey *s, const struct describe_quorum_response *out)
{
	const struct describe_quorum_response_partition *p =
		out->topics.n == 1 && out->topics.v[0].partitions.n == 1 ? out->topics.v[0].partitions.v : NULL;
	const struct describe_quorum_response_replica *leader = NULL;

	if (!p)
		return ERR_UNKNOWN_SERVER_ERROR;
	s->leader_id = p->leader_id;
	s->leader_epoch = p->leader_epoch;
	s->quorum_message = p->error_message;
	if (p->error_code)
		return p->error_code;
	s->high_watermark = p->high_watermark;
	for (int32_t i = 0; i < p->current_voters.n; i++)
		if (p->current_voters.v[i].replica_id == p->leader_id)
			leader = &p->current_voters.v[i];
	if (!leader)
		return ERR_UNKNOWN_SERVER_ERROR;
	s->voters = arena_array(&t->arena, (size_t)p->current_voters.n, sizeof(*s->voters));
	for (int32_t i = 0; i < p->current_voters.n; i++) {
		struct doctor_voter *v = &s->voters[s->n_voters++];

		*v = look_at_voter(leader, &p->current_voters.v[i]);
		v->directory_id = p->current_voters.v[i].replica_directory_id;
		v->address = address_of(t, out, v->id);
	}
	return 0;
}

/* Adds what was observed about them earlier in this epoch. */
static void count_fetches(struct doctor_survey *s, const struct doctor_voter *before, int n)
{
	for (int i = 0; i < s->n_voters; i++) {
		struct doctor_voter *v = &s->voters[i];

		for (int k = 0; k < n; k++)
			if (before[k].id == v->id && uuid_eq(before[k].directory_id, v->directory_id))
				v->n_heard = before[k].n_heard + (before[k].fetched_ms != v->fetched_ms);
		v->fetches |= v->n_heard >= DOCTOR_HEARD;
	}
}

/* True: there is nothing left to wait for. */
static bool all_fetch(const struct doctor_survey *s)
{
	bool all = true;

	for (int i = 0; i < s->n_voters; i++)
		all &= s->voters[i].fetches || s->voters[i].silent_ms > DOCTOR_CURRENT_MS;
	return all;
}

static void ask_leader(struct tool *t, struct doctor_survey *s)
{
	struct describe_quorum_request_partition partition = {0};
	struct describe_quorum_request_topic topic = {.topic_name = STR("__cluster_metadata"),
						      .partitions = {&partition, 1}};
	struct describe_quorum_request r = {.topics = {&topic, 1}};
	const void *out;
	int err = tool_ask(t, t->controllers ? CLIENT_CONTROLLER : CLIENT_ANY, describe_quorum_request_KEY, &r, &out);

	s->leader_id = s->leader_epoch = -1;
	s->n_voters = 0;
	s->quorum_message = t->message;
	s->quorum_error = err ? err : read_quorum(t, s, out);
	s->answered |= err >= 0;
}

/*
 * Waits until each voter that may fetch has been seen to do so: one heard recently, or not yet
 * heard by a new leader; or until enough time has passed since the leader first answered, however
 * long that took. A new leader has heard nobody, so the wait starts over, but not without limit.
 */
static void ask_quorum(struct tool *t, struct doctor_survey *s)
{
	const struct doctor_voter *before = NULL;
	int n_before = 0, n_leaders = 0;
	int32_t epoch = -1;
	int64_t end_ms = 0;

	for (;;) {
		ask_leader(t, s);
		if (s->quorum_error)
			break;
		if (s->leader_epoch != epoch) {
			n_before = 0;
			n_leaders++;
			end_ms = env_mono_ms(t->env) + DOCTOR_WATCH_MS;
		}
		epoch = s->leader_epoch;
		count_fetches(s, before, n_before);
		if (all_fetch(s) || n_leaders > LEADERS_MAX || env_mono_ms(t->env) >= end_ms)
			break;
		before = s->voters;
		n_before = s->n_voters;
		tool_sleep_ms(t, LOOK_MS);
	}
	for (int i = 0; i < s->n_voters; i++) {
		s->voters[i].current &= s->voters[i].fetches;
		s->n_current += s->voters[i].current;
	}
}

/* ---- min.insync.replicas ---- */

static int number_in(const struct describe_configs_response_result *r)
{
	for (int32_t i = 0; i < r->configs.n; i++) {
		int32_t n;

		if (str_is(r->configs.v[i].name, "min.insync.replicas") && str_to_i32(r->configs.v[i].value, &n))
			return n;
	}
	return 1;
}

/* In the order of the topics; 1 for a topic that has been deleted meanwhile. */
static void ask_min_isr(struct tool *t, const struct metadata_response_topic *topics, int n, int *out)
{
	static struct str key = STR("min.insync.replicas");
	struct describe_configs_request_resource *v = arena_array(&t->arena, (size_t)n, sizeof(*v));
	struct describe_configs_request r = {.resources = {v, n}};
	const struct describe_configs_response *answer;

	for (int i = 0; i < n; i++) {
		v[i] = (struct describe_configs_request_resource){RESOURCE_IS_TOPIC, topics[i].name, {&key, 1}};
		out[i] = 1;
	}
	answer = tool_must(t, CLIENT_ANY, describe_configs_request_KEY, &r);
	for (int32_t i = 0; i < answer->results.n && i < n; i++)
		for (int k = 0; k < n; k++) { /* answers are in the order of the request */
			int at = (i + k) % n;

			if (!str_eq(topics[at].name, answer->results.v[i].resource_name))
				continue;
			out[at] = number_in(&answer->results.v[i]);
			break;
		}
}

/* ---- partitions ---- */

static struct str name_of(struct tool *t, const struct metadata_response_topic *topic,
			  const struct metadata_response_partition *p)
{
	return arena_printf(&t->arena, "%.*s-%d", STR_ARG(topic->name), p->partition_index);
}

static void count_in(struct tool *t, struct str *one, int64_t *n, const struct metadata_response_topic *topic,
		     const struct metadata_response_partition *p)
{
	if ((*n)++ == 0)
		*one = name_of(t, topic, p);
}

/* For each in-sync replica, determines what would be left without it. */
static void note_loss(struct tool *t, struct doctor_survey *s, const struct metadata_response_topic *topic,
		      const struct metadata_response_partition *p, int min_isr)
{
	int left = p->isr_nodes.n - 1;

	for (int32_t i = 0; i < p->isr_nodes.n; i++) {
		struct doctor_broker *b = find(s, p->isr_nodes.v[i]);

		if (b && left < 1)
			count_in(t, &b->offline_one, &b->n_offline, topic, p);
		else if (b && left < min_isr && left + 1 >= min_isr)
			count_in(t, &b->below_min_one, &b->n_below_min, topic, p);
	}
}

/*
 * With eligible leader replicas (KIP-966), a partition without a leader has no in-sync replicas:
 * another API says which one was last.
 */
static void ask_last_in_sync(struct tool *t, struct doctor_survey *s, const struct metadata_response_topic *topic,
			     int32_t partition)
{
	struct describe_topic_partitions_request_topic one = {topic->name};
	struct describe_topic_partitions_request_cursor from = {topic->name, partition};
	struct describe_topic_partitions_request r = {{&one, 1}, 1, &from};
	const struct describe_topic_partitions_response *out;
	const struct describe_topic_partitions_response_partition *p;
	const void *answer;

	if (tool_ask(t, CLIENT_ANY, describe_topic_partitions_request_KEY, &r, &answer) != 0)
		return; /* not every release has this API */
	out = answer;
	p = out->topics.n == 1 && out->topics.v[0].partitions.n == 1 ? out->topics.v[0].partitions.v : NULL;
	if (p && p->eligible_leader_replicas.n > 0)
		s->wanted = p->eligible_leader_replicas.v[0];
	else if (p && p->last_known_elr.n > 0)
		s->wanted = p->last_known_elr.v[0];
}

static void note_without_leader(struct tool *t, struct doctor_survey *s, const struct metadata_response_topic *topic,
				const struct metadata_response_partition *p)
{
	if (s->n_without_leader == 0 && p->isr_nodes.n > 0)
		s->wanted = p->isr_nodes.v[0];
	else if (s->n_without_leader == 0)
		ask_last_in_sync(t, s, topic, p->partition_index);
	count_in(t, &s->without_leader_one, &s->n_without_leader, topic, p);
}

static void look_at_partition(struct tool *t, struct doctor_survey *s, const struct metadata_response_topic *topic,
			      const struct metadata_response_partition *p, int min_isr)
{
	int least = min_isr < p->replica_nodes.n ? min_isr : p->replica_nodes.n; /* effective value, as in Kafka */

	s->n_partitions++;
	s->n_under_replicated += p->isr_nodes.n < p->replica_nodes.n;
	if (p->leader_id < 0) {
		note_without_leader(t, s, topic, p);
		return;
	}
	if (p->isr_nodes.n < least)
		count_in(t, &s->below_min_one, &s->n_below_min, topic, p);
	note_loss(t, s, topic, p, least);
}

static void ask_partitions(struct tool *t, struct doctor_survey *s)
{
	const struct metadata_response *m = topics_of(t, NULL, 0);
	int min_isr[TOPICS_AT_ONCE];

	s->wanted = -1;
	for (int32_t from = 0; from < m->topics.n; from += TOPICS_AT_ONCE) {
		int n = m->topics.n - from < TOPICS_AT_ONCE ? m->topics.n - from : TOPICS_AT_ONCE;

		ask_min_isr(t, m->topics.v + from, n, min_isr);
		for (int i = 0; i < n; i++) {
			const struct metadata_response_topic *topic = &m->topics.v[from + i];

			for (int32_t k = 0; topic->error_code == 0 && k < topic->partitions.n; k++)
				look_at_partition(t, s, topic, &topic->partitions.v[k], min_isr[i]);
		}
	}
}

void doctor_survey(struct tool *t, struct doctor_survey *s)
{
	*s = (struct doctor_survey){.leader_id = -1, .leader_epoch = -1, .wanted = -1};
	s->quorum_error = ask_cluster(t, s);
	s->quorum_message = t->message;
	if (!s->answered)
		return;
	ask_quorum(t, s);
	if (s->has_brokers)
		ask_partitions(t, s);
}

/* ---- controllers, one by one ---- */

static void probe(struct tool *t, struct doctor_probe *p)
{
	static struct describe_quorum_request_partition partition;
	static struct describe_quorum_request_topic topic = {.topic_name = STR("__cluster_metadata"),
							     .partitions = {&partition, 1}};
	static const struct describe_quorum_request r = {.topics = {&topic, 1}};
	struct client_options o = tool_client_options(t);
	struct ask *a = arena_zalloc(&t->arena, sizeof(*a));
	struct client *all = t->client, *alone;
	struct doctor_survey s = {.leader_id = -1, .leader_epoch = -1};
	struct str wrong;

	o.bootstrap = p->address;
	o.controllers = true;
	o.request_timeout_ms = o.api_timeout_ms = PROBE_MS;
	if (client_new(t->loop, &o, &alone, &wrong) != 0)
		tool_die(t, "Invalid url in bootstrap.servers: %.*s", STR_ARG(wrong));
	t->client = alone;
	tool_ask_start(t, a, CLIENT_ANY, describe_quorum_request_KEY, &r);
	tool_wait(t);
	t->client = all;
	p->err = a->call.err;
	p->leader_id = p->epoch = -1;
	if (p->err == 0 && read_quorum(t, &s, a->call.response) == 0) {
		p->leader_id = s.leader_id;
		p->epoch = s.leader_epoch;
	}
	if (!client_is_busy(alone))
		client_free(alone);
}

struct doctor_probe *doctor_probe(struct tool *t, const char *addresses, int *n)
{
	struct doctor_probe *v = arena_array(&t->arena, strlen(addresses) + 1, sizeof(*v));

	*n = 0;
	for (const char *at = addresses; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		at += strspn(at, " ");
		v[*n].address = tool_string(t, (struct str){at, (int32_t)strcspn(at, ", ")});
		if (*v[*n].address)
			probe(t, &v[(*n)++]);
	}
	return v;
}
