/*
 * topic_describe: collects descriptions of partitions by DescribeTopicPartitions or Metadata, and
 * prints them.
 */
#include "cli/topic_describe.h"

#include <stdlib.h>
#include <string.h>

#include "broker/internal_topic.h"
#include "cli/ids.h"
#include "cli/java_order.h"
#include "cli/partitions.h"
#include "cli/resource.h"
#include "protocol/describe_configs.h"
#include "protocol/describe_topic_partitions.h"
#include "protocol/list_partition_reassignments.h"

enum { TIMEOUT_MS = 30000, SOURCE_DEFAULT = 5, CURSORS_MAX = 100000 };

/* A partition as described by either API; elr.n -1: unknown. */
struct description {
	struct str topic;
	struct uuid topic_id;
	int32_t partition;
	int32_t leader;
	struct id_list replicas, isr, elr, last_known_elr, adding, removing;
	bool in_reassignment;
};

struct descriptions {
	struct description *v;
	int n, cap;
};

static struct description *description_add(struct tool *t, struct descriptions *d)
{
	d->v = tool_grow(t, d->v, d->n, &d->cap, sizeof(*d->v));
	return &d->v[d->n++];
}

static void describe_from_metadata(struct tool *t, const struct metadata_response_topic *topic, struct descriptions *d)
{
	for (int32_t i = 0; i < topic->partitions.n; i++) {
		const struct metadata_response_partition *p = &topic->partitions.v[i];
		struct description *one = description_add(t, d);

		*one = (struct description){topic->name,
					    topic->topic_id,
					    p->partition_index,
					    p->leader_id,
					    IDS(p->replica_nodes),
					    IDS(p->isr_nodes),
					    {NULL, -1},
					    {NULL, -1},
					    {NULL, 0},
					    {NULL, 0},
					    false};
	}
}

static void take_topic(struct tool *t, const struct describe_topic_partitions_response_topic *topic,
		       struct descriptions *d)
{
	if (topic->error_code)
		tool_die_of(t, topic->error_code, STR_NULL);
	for (int32_t i = 0; i < topic->partitions.n; i++) {
		const struct describe_topic_partitions_response_partition *p = &topic->partitions.v[i];
		struct description *one = description_add(t, d);

		*one = (struct description){topic->name,
					    topic->topic_id,
					    p->partition_index,
					    p->leader_id,
					    IDS(p->replica_nodes),
					    IDS(p->isr_nodes),
					    IDS(p->eligible_leader_replicas),
					    IDS(p->last_known_elr),
					    {NULL, 0},
					    {NULL, 0},
					    false};
		if (one->elr.n < 0)
			one->elr.n = 0;
		if (one->last_known_elr.n < 0)
			one->last_known_elr.n = 0;
	}
}

/* DescribeTopicPartitions (KIP-966), one page at a time; false when the cluster does not support it. */
static bool describe_by_pages(struct tool *t, const struct topic_names *names, struct descriptions *d)
{
	struct describe_topic_partitions_request *r = arena_zalloc(&t->arena, sizeof(*r));
	struct describe_topic_partitions_request_cursor cursor;
	const void *response;

	r->response_partition_limit = tool_integer(t, "partition-size-limit-per-response", 2000);
	r->topics.v = arena_array(&t->arena, (size_t)names->n + 1, sizeof(*r->topics.v));
	r->topics.n = names->n;
	for (int i = 0; i < names->n; i++)
		r->topics.v[i].name = names->v[i];
	for (int pages = 0; pages < CURSORS_MAX; pages++) {
		int err = tool_ask(t, CLIENT_ANY, describe_topic_partitions_request_KEY, r, &response);
		const struct describe_topic_partitions_response *answer = response;

		if (err == ERR_UNSUPPORTED_VERSION)
			return false;
		if (err != 0)
			tool_die_of(t, err, t->message);
		for (int32_t i = 0; i < answer->topics.n; i++)
			take_topic(t, &answer->topics.v[i], d);
		if (!answer->next_cursor)
			break;
		cursor = (struct describe_topic_partitions_request_cursor){answer->next_cursor->topic_name,
									   answer->next_cursor->partition_index};
		r->cursor = &cursor;
		while (r->topics.n > 0 && str_cmp(r->topics.v[0].name, cursor.topic_name) < 0) {
			r->topics.v++;
			r->topics.n--;
		}
	}
	return true;
}

static int by_topic(const void *a, const void *b)
{
	const struct description *x = a, *y = b;
	int order = str_cmp(x->topic, y->topic);

	return order ? order : x->partition - y->partition;
}

static struct descriptions describe_all(struct tool *t, const struct topic_names *names)
{
	struct descriptions d = {0};

	if (!describe_by_pages(t, names, &d))
		for (int i = 0; i < names->n; i++)
			describe_from_metadata(t, topic_find(names->metadata, names->v[i]), &d);
	if (d.n > 0)
		qsort(d.v, (size_t)d.n, sizeof(*d.v), by_topic);
	return d;
}

static struct descriptions describe_by_id(struct tool *t, struct uuid id)
{
	const struct metadata_response *m = topics_of(t, NULL, 0);
	struct descriptions d = {0};
	char text[UUID_TEXT_LEN + 1];

	for (int32_t i = 0; i < m->topics.n; i++)
		if (uuid_eq(m->topics.v[i].topic_id, id) &&
		    !(tool_has(t, "exclude-internal") && topic_is_internal(m->topics.v[i].name)))
			describe_from_metadata(t, &m->topics.v[i], &d);
	if (d.n == 0 && !tool_has(t, "if-exists"))
		tool_die(t, "TopicId '%s' does not exist as expected", uuid_text(id, text));
	return d;
}

/* Clusters that cannot tell, or that refuse, count as having none. */
static void add_reassignments(struct tool *t, struct descriptions *d)
{
	struct list_partition_reassignments_request r = {.timeout_ms = TIMEOUT_MS, .topics.n = -1};
	const struct list_partition_reassignments_response *answer;
	const void *response;

	if (tool_ask(t, CLIENT_CONTROLLER, list_partition_reassignments_request_KEY, &r, &response) != 0)
		return;
	answer = response;
	for (int32_t i = 0; i < answer->topics.n; i++) {
		for (int32_t k = 0; k < answer->topics.v[i].partitions.n; k++) {
			const struct list_partition_reassignments_response_partition *p =
				&answer->topics.v[i].partitions.v[k];
			struct description key = {.topic = answer->topics.v[i].name, .partition = p->partition_index};
			struct description *one = bsearch(&key, d->v, (size_t)d->n, sizeof(key), by_topic);

			if (!one)
				continue;
			one->in_reassignment = true;
			one->adding = IDS(p->adding_replicas);
			one->removing = IDS(p->removing_replicas);
		}
	}
}

static const struct describe_configs_response *configs_of(struct tool *t, const struct descriptions *d)
{
	struct describe_configs_request *r = arena_zalloc(&t->arena, sizeof(*r));

	r->resources.v = arena_array(&t->arena, (size_t)d->n, sizeof(*r->resources.v));
	for (int i = 0; i < d->n; i++)
		if (i == 0 || !str_eq(d->v[i].topic, d->v[i - 1].topic)) {
			r->resources.v[r->resources.n].resource_type = RESOURCE_TOPIC;
			r->resources.v[r->resources.n].resource_name = d->v[i].topic;
			r->resources.v[r->resources.n++].configuration_keys.n = -1;
		}
	return tool_must(t, CLIENT_ANY, describe_configs_request_KEY, r);
}

static const struct describe_configs_response_result *
config_of(struct tool *t, const struct describe_configs_response *all, struct str topic)
{
	for (int32_t i = 0; i < all->results.n; i++)
		if (str_eq(all->results.v[i].resource_name, topic)) {
			if (all->results.v[i].error_code)
				tool_die_of(t, all->results.v[i].error_code, all->results.v[i].error_message);
			return &all->results.v[i];
		}
	tool_die(t, "no settings of topic %.*s in the answer", STR_ARG(topic));
}

static int min_isr(const struct describe_configs_response_result *c)
{
	int32_t n = 1;

	for (int32_t i = 0; i < c->configs.n; i++)
		if (str_is(c->configs.v[i].name, "min.insync.replicas"))
			str_to_i32(c->configs.v[i].value, &n);
	return n;
}

static int replication_factor(const struct description *d)
{
	return d->in_reassignment ? d->replicas.n - d->adding.n : d->replicas.n;
}

struct report {
	bool under_replicated, unavailable, under_min_isr, at_min_isr, overridden;
	const struct metadata_response *metadata;
};

static bool is_selective(const struct report *r)
{
	return r->under_replicated || r->unavailable || r->under_min_isr || r->at_min_isr;
}

static bool is_shown(const struct report *r, const struct description *d, int least)
{
	bool has_leader = d->leader >= 0;

	return !is_selective(r) || (r->under_replicated && replication_factor(d) > d->isr.n) ||
	       (r->unavailable && (!has_leader || !broker_is_live(r->metadata, d->leader))) ||
	       (r->under_min_isr && (!has_leader || d->isr.n < least)) || (r->at_min_isr && d->isr.n == least);
}

static void print_ids(struct tool *t, const char *head, struct id_list l)
{
	printf("\t%s: %.*s", head, STR_ARG(l.n < 0 ? STR("N/A") : ids_text(t, l)));
}

static void print_partition(struct tool *t, const struct description *d)
{
	printf("\tTopic: %.*s\tPartition: %d\tLeader: ", STR_ARG(d->topic), d->partition);
	if (d->leader >= 0)
		printf("%d", d->leader);
	else
		printf("none");
	print_ids(t, "Replicas", d->replicas);
	print_ids(t, "Isr", d->isr);
	if (d->in_reassignment) {
		print_ids(t, "Adding Replicas", d->adding);
		print_ids(t, "Removing Replicas", d->removing);
	}
	print_ids(t, "Elr", d->elr);
	print_ids(t, "LastKnownElr", d->last_known_elr);
	putchar('\n');
}

static void print_topic(struct tool *t, const struct description *d, int n,
			const struct describe_configs_response_result *c)
{
	struct str *keys = arena_array(&t->arena, (size_t)c->configs.n + 1, sizeof(*keys));
	int *order = arena_array(&t->arena, (size_t)c->configs.n + 1, sizeof(*order));
	char id[UUID_TEXT_LEN + 1];
	bool first = true;

	printf("Topic: %.*s", STR_ARG(d->topic));
	if (!uuid_is_zero(d->topic_id))
		printf("\tTopicId: %s", uuid_text(d->topic_id, id));
	printf("\tPartitionCount: %d\tReplicationFactor: %d\tConfigs: ", n, replication_factor(d));
	for (int32_t i = 0; i < c->configs.n; i++)
		keys[i] = c->configs.v[i].name;
	java_order_of_strings(t, keys, c->configs.n, order);
	for (int32_t i = 0; i < c->configs.n; i++) {
		const struct describe_configs_response_config *one = &c->configs.v[order[i]];

		if (one->config_source == SOURCE_DEFAULT)
			continue;
		printf("%s%.*s=%.*s", first ? "" : ",", STR_ARG(one->name),
		       STR_ARG(one->value.p ? one->value : STR("null")));
		first = false;
	}
	putchar('\n');
}

static json_t *json_partition(const struct description *d)
{
	return json_pack("{s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "partition", (int)d->partition, "leader",
			 d->leader < 0 ? json_null() : json_integer(d->leader), "replicas", ids_json(d->replicas),
			 "isr", ids_json(d->isr), "adding", ids_json(d->adding), "removing", ids_json(d->removing),
			 "elr", ids_json(d->elr), "lastKnownElr", ids_json(d->last_known_elr));
}

static json_t *json_topic(const struct description *d, const struct describe_configs_response_result *c)
{
	json_t *configs = json_object();
	char id[UUID_TEXT_LEN + 1];

	for (int32_t i = 0; i < c->configs.n; i++)
		if (c->configs.v[i].config_source != SOURCE_DEFAULT)
			json_object_setn_new(configs, c->configs.v[i].name.p, (size_t)c->configs.v[i].name.len,
					     json_str(c->configs.v[i].value));
	return json_pack("{s:o,s:s,s:i,s:o,s:[]}", "topic", json_str(d->topic), "topicId", uuid_text(d->topic_id, id),
			 "replicationFactor", replication_factor(d), "configs", configs, "partitions");
}

static bool is_overridden(const struct describe_configs_response_result *c)
{
	for (int32_t i = 0; i < c->configs.n; i++)
		if (c->configs.v[i].config_source != SOURCE_DEFAULT)
			return true;
	return false;
}

/* d[0..n) is one topic. */
static void show_topic(struct tool *t, const struct report *r, const struct description *d, int n,
		       const struct describe_configs_response_result *c)
{
	bool heads = !is_selective(r) && (!r->overridden || is_overridden(c));
	json_t *topic = t->json ? json_topic(d, c) : NULL;
	int shown = 0;

	if (heads && !t->json)
		print_topic(t, d, n, c);
	for (int i = 0; i < n && !r->overridden; i++) {
		if (!is_shown(r, &d[i], min_isr(c)))
			continue;
		shown++;
		if (t->json)
			json_array_append_new(json_object_get(topic, "partitions"), json_partition(&d[i]));
		else
			print_partition(t, &d[i]);
	}
	if (topic && (heads || shown > 0))
		json_array_append(t->out, topic);
	json_decref(topic);
}

static struct report report_of(struct tool *t, const struct metadata_response *metadata)
{
	return (struct report){.under_replicated = tool_has(t, "under-replicated-partitions"),
			       .unavailable = tool_has(t, "unavailable-partitions"),
			       .under_min_isr = tool_has(t, "under-min-isr-partitions"),
			       .at_min_isr = tool_has(t, "at-min-isr-partitions"),
			       .overridden = tool_has(t, "topics-with-overrides"),
			       .metadata = metadata};
}

static void show(struct tool *t, const struct metadata_response *metadata, struct descriptions *d)
{
	struct report r = report_of(t, metadata);
	const struct describe_configs_response *configs;

	t->out = json_array();
	if (d->n == 0)
		return;
	add_reassignments(t, d);
	configs = configs_of(t, d);
	for (int i = 0, n; i < d->n; i += n) {
		for (n = 1; i + n < d->n && str_eq(d->v[i + n].topic, d->v[i].topic);)
			n++;
		show_topic(t, &r, &d->v[i], n, config_of(t, configs, d->v[i].topic));
	}
}

void topics_describe(struct tool *t, const struct topic_names *names)
{
	struct descriptions d = describe_all(t, names);

	show(t, names->metadata, &d);
}

void topic_describe_by_id(struct tool *t, struct uuid id)
{
	struct descriptions d = describe_by_id(t, id);

	show(t, topics_of(t, &d.v[0].topic, d.n > 0), &d);
}
