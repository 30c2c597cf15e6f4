/*
 * topics: `odradek topics`: kafka-topics.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/internal_topic.h"
#include "cli/ids.h"
#include "cli/java_order.h"
#include "cli/partitions.h"
#include "cli/resource.h"
#include "cli/tool.h"
#include "protocol/create_partitions.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "protocol/describe_configs.h"
#include "protocol/describe_topic_partitions.h"
#include "protocol/list_partition_reassignments.h"

extern const struct command command_topics;

enum { TIMEOUT_MS = 30000, SOURCE_DEFAULT = 5, CURSORS_MAX = 100000 };

/* ---- which ---- */

struct topic_names {
	struct str *v;
	int n;
	const struct metadata_response *metadata;
};

static struct topic_names names_of(struct tool *t)
{
	const char *pattern_text = tool_value(t, "topic");
	struct topic_names names = {.metadata = topics_of(t, NULL, 0)};
	struct topic_pattern pattern;

	if (pattern_text)
		topic_pattern_init(t, &pattern, pattern_text);
	names.v = arena_array(&t->arena, (size_t)names.metadata->topics.n + 1, sizeof(*names.v));
	for (int32_t i = 0; i < names.metadata->topics.n; i++) {
		struct str name = names.metadata->topics.v[i].name;

		if (tool_has(t, "exclude-internal") && topic_is_internal(name))
			continue;
		if (!pattern_text || topic_pattern_matches(t, &pattern, name))
			names.v[names.n++] = name;
	}
	if (pattern_text && *pattern_text && names.n == 0 && !tool_has(t, "list") && !tool_has(t, "if-exists"))
		tool_die(t, "Topic '%s' does not exist as expected", pattern_text);
	return names;
}

static json_t *names_json(const struct topic_names *names)
{
	json_t *all = json_array();

	for (int i = 0; i < names->n; i++)
		json_array_append_new(all, json_str(names->v[i]));
	return all;
}

static int list(struct tool *t)
{
	struct topic_names names = names_of(t);

	t->out = names_json(&names);
	for (int i = 0; i < names.n && !t->json; i++)
		printf("%.*s\n", STR_ARG(names.v[i]));
	if (names.n == 0 && !t->json)
		putchar('\n');
	return EXIT_FINE;
}

/* ---- create ---- */

static struct id_list *read_assignment(struct tool *t, const char *text, int *n)
{
	struct id_list *v = arena_array(&t->arena, strlen(text) + 1, sizeof(*v));

	*n = 0;
	for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct id_list *one = &v[(*n)++];
		const char *end = at + strcspn(at, ",");

		one->v = arena_array(&t->arena, (size_t)(end - at) + 1, sizeof(int32_t));
		while (at < end) {
			char *after;
			long id = strtol(at, &after, 10);

			if (after == at || id < 0 || id > INT32_MAX)
				tool_die(t, "--replica-assignment %s: ids of brokers were expected", text);
			for (int32_t i = 0; i < one->n; i++)
				if (one->v[i] == id)
					tool_die(t, "Partition replica lists may not contain duplicate entries: %ld",
						 id);
			one->v[one->n++] = (int32_t)id;
			at = after + strspn(after, " :");
		}
		if (one->n != v[0].n)
			tool_die(t, "Partition %d has different replication factor", *n - 1);
	}
	return v;
}

static void add_assignment(struct tool *t, struct create_topics_request_topic *topic)
{
	const char *text = tool_value(t, "replica-assignment");
	struct id_list *v;
	int n;

	if (!text || !*text)
		return;
	v = read_assignment(t, text, &n);
	topic->num_partitions = -1;
	topic->replication_factor = -1;
	topic->assignments.v = arena_array(&t->arena, (size_t)n, sizeof(*topic->assignments.v));
	topic->assignments.n = n;
	for (int i = 0; i < n; i++) {
		topic->assignments.v[i].partition_index = i;
		topic->assignments.v[i].broker_ids.v = v[i].v;
		topic->assignments.v[i].broker_ids.n = v[i].n;
	}
}

static void add_configs(struct tool *t, struct create_topics_request_topic *topic)
{
	int n = options_count(&t->options, "config");

	topic->configs.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*topic->configs.v));
	for (int i = 0; i < n; i++) {
		const char *pair = options_nth(&t->options, "config", i);
		const char *equals = strchr(pair, '=');

		if (!equals || equals[1] == 0)
			tool_die(
				t,
				"requirement failed: Invalid topic config: all configs to be added must be in the format \"key=val\".");
		topic->configs.v[topic->configs.n++] = (struct create_topics_request_config){
			str_trimmed((struct str){pair, (int32_t)(equals - pair)}), str_trimmed(str_of(equals + 1))};
	}
}

/* Names that differ in '.' and '_' only are one in the names of metrics. */
static void warn_of_collisions(const char *name)
{
	if (strpbrk(name, "._"))
		printf("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. To avoid "
		       "issues it is best to use either, but not both.\n");
}

static int create(struct tool *t)
{
	struct create_topics_request_topic topic = {
		.name = str_of(tool_value(t, "topic")), .num_partitions = -1, .replication_factor = -1};
	struct create_topics_request r = {.timeout_ms = TIMEOUT_MS};
	const struct create_topics_response *answer;
	int64_t partitions = tool_number(t, "partitions", -1);
	int64_t factor = tool_number(t, "replication-factor", -1);
	int err;

	if (!t->json)
		warn_of_collisions(topic.name.p);
	if (tool_has(t, "replication-factor") && (factor < 1 || factor > INT16_MAX))
		tool_die(t, "The replication factor must be between 1 and 32767 inclusive");
	if (tool_has(t, "partitions") && (partitions < 1 || partitions > INT32_MAX))
		tool_die(t, "The partitions must be greater than 0");
	topic.num_partitions = (int32_t)partitions;
	topic.replication_factor = (int16_t)factor;
	add_configs(t, &topic);
	add_assignment(t, &topic);
	r.topics.v = &topic;
	r.topics.n = 1;
	answer = tool_must(t, CLIENT_CONTROLLER, create_topics_request_KEY, &r);
	err = answer->topics.n == 1 ? answer->topics.v[0].error_code : -EPROTO;
	if (err == ERR_TOPIC_ALREADY_EXISTS && tool_has(t, "if-not-exists")) {
		t->out = json_pack("{s:o,s:b}", "topic", json_str(topic.name), "created", 0);
		return EXIT_FINE;
	}
	if (err != 0)
		tool_die_of(t, err, answer->topics.n == 1 ? answer->topics.v[0].error_message : STR_NULL);
	if (!t->json)
		printf("Created topic %.*s.\n", STR_ARG(topic.name));
	else
		t->out = json_pack("{s:o,s:b,s:i,s:i}", "topic", json_str(topic.name), "created", 1, "partitions",
				   (int)answer->topics.v[0].num_partitions, "replicationFactor",
				   (int)answer->topics.v[0].replication_factor);
	return EXIT_FINE;
}

/* ---- alter, delete ---- */

static void add_more(struct tool *t, struct create_partitions_request_topic *topic, const struct metadata_response *m)
{
	const char *text = tool_value(t, "replica-assignment");
	const struct metadata_response_topic *now = topic_find(m, topic->name);
	struct id_list *v;
	int n;

	topic->assignments.n = -1;
	if (!text || !*text)
		return;
	v = read_assignment(t, text, &n);
	topic->assignments.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*topic->assignments.v));
	topic->assignments.n = 0;
	for (int i = now->partitions.n; i < n; i++) {
		topic->assignments.v[topic->assignments.n].broker_ids.v = v[i].v;
		topic->assignments.v[topic->assignments.n++].broker_ids.n = v[i].n;
	}
}

static int alter(struct tool *t)
{
	struct topic_names names = names_of(t);
	struct create_partitions_request r = {.timeout_ms = TIMEOUT_MS};
	const struct create_partitions_response *answer;

	t->out = json_pack("{s:o,s:i}", "altered", names_json(&names), "partitions",
			   (int)tool_number(t, "partitions", 0));
	if (names.n == 0)
		return EXIT_FINE;
	r.topics.v = arena_array(&t->arena, (size_t)names.n, sizeof(*r.topics.v));
	for (int i = 0; i < names.n; i++) {
		r.topics.v[i].name = names.v[i];
		r.topics.v[i].count = (int32_t)tool_number(t, "partitions", 0);
		add_more(t, &r.topics.v[i], names.metadata);
	}
	r.topics.n = names.n;
	answer = tool_must(t, CLIENT_CONTROLLER, create_partitions_request_KEY, &r);
	for (int32_t i = 0; i < answer->results.n; i++)
		if (answer->results.v[i].error_code)
			tool_die_of(t, answer->results.v[i].error_code, answer->results.v[i].error_message);
	return EXIT_FINE;
}

/* Versions 1-5 have names in one list, 6 in another, with ids (KIP-516). */
static int fit_delete(struct call *call)
{
	struct delete_topics_request *r = (struct delete_topics_request *)(uintptr_t)call->request;

	if (call->version >= 6)
		r->topic_names.n = 0;
	else
		r->topics.n = 0;
	return 0;
}

static int delete (struct tool *t)
{
	struct topic_names names = names_of(t);
	struct delete_topics_request r = {.timeout_ms = TIMEOUT_MS};
	const struct delete_topics_response *answer;
	struct ask ask = {.call.fit = fit_delete};
	int err;

	t->out = json_pack("{s:o}", "deleted", names_json(&names));
	if (names.n == 0)
		return EXIT_FINE;
	r.topic_names.v = names.v;
	r.topic_names.n = names.n;
	r.topics.v = arena_array(&t->arena, (size_t)names.n, sizeof(*r.topics.v));
	r.topics.n = names.n;
	for (int i = 0; i < names.n; i++)
		r.topics.v[i].name = names.v[i];
	tool_ask_start(t, &ask, CLIENT_CONTROLLER, delete_topics_request_KEY, &r);
	tool_wait(t);
	err = tool_ask_error(t, &ask);
	answer = ask.call.response;
	for (int32_t i = 0; err == 0 && i < answer->responses.n; i++) {
		err = answer->responses.v[i].error_code;
		t->message = answer->responses.v[i].error_message;
	}
	if (err != 0)
		tool_die_of(t, err, t->message);
	return EXIT_FINE;
}

/* ---- describe ---- */

/* A partition as both APIs tell of it; elr.n -1: not known. */
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
	if (d->n == d->cap) {
		struct description *v = arena_array(&t->arena, (size_t)d->cap * 2 + 64, sizeof(*v));

		if (d->n)
			memcpy(v, d->v, (size_t)d->n * sizeof(*v));
		d->v = v;
		d->cap = d->cap * 2 + 64;
	}
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

/* DescribeTopicPartitions (KIP-966), a page at a time; false when the cluster has not got it. */
static bool describe_by_pages(struct tool *t, const struct topic_names *names, struct descriptions *d)
{
	struct describe_topic_partitions_request *r = arena_zalloc(&t->arena, sizeof(*r));
	struct describe_topic_partitions_request_cursor cursor;
	const void *response;

	r->response_partition_limit = (int32_t)tool_number(t, "partition-size-limit-per-response", 2000);
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

/* Clusters that cannot tell, or do not tell us, have none. */
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

static int describe(struct tool *t)
{
	struct report r = {.under_replicated = tool_has(t, "under-replicated-partitions"),
			   .unavailable = tool_has(t, "unavailable-partitions"),
			   .under_min_isr = tool_has(t, "under-min-isr-partitions"),
			   .at_min_isr = tool_has(t, "at-min-isr-partitions"),
			   .overridden = tool_has(t, "topics-with-overrides")};
	const struct describe_configs_response *configs;
	struct topic_names names;
	struct descriptions d;
	struct uuid id = UUID_ZERO;

	if (tool_has(t, "topic-id") && !uuid_parse(str_of(tool_value(t, "topic-id")), &id))
		tool_die(t, "Input string `%s` decoded as no uuid", tool_value(t, "topic-id"));
	if (!uuid_is_zero(id)) {
		d = describe_by_id(t, id);
		r.metadata = topics_of(t, &d.v[0].topic, d.n > 0);
	} else {
		names = names_of(t);
		r.metadata = names.metadata;
		d = describe_all(t, &names);
	}
	t->out = json_array();
	if (d.n == 0)
		return EXIT_FINE;
	add_reassignments(t, &d);
	configs = configs_of(t, &d);
	for (int i = 0, n; i < d.n; i += n) {
		for (n = 1; i + n < d.n && str_eq(d.v[i + n].topic, d.v[i].topic);)
			n++;
		show_topic(t, &r, &d.v[i], n, config_of(t, configs, d.v[i].topic));
	}
	return EXIT_FINE;
}

/* ---- arguments ---- */

static const struct {
	const char *name;
	int (*run)(struct tool *t);
} ACTIONS[] = {{"create", create}, {"list", list}, {"alter", alter}, {"describe", describe}, {"delete", delete}};

/* Which options go with which action. */
static const struct {
	const char *option;
	const char *actions;
} PAIRS[] = {
	{"config", " alter create "},
	{"partitions", " alter create "},
	{"replication-factor", " create "},
	{"replica-assignment", " alter create "},
	{"under-replicated-partitions", " describe "},
	{"under-min-isr-partitions", " describe "},
	{"at-min-isr-partitions", " describe "},
	{"unavailable-partitions", " describe "},
	{"topics-with-overrides", " describe "},
	{"if-exists", " alter delete describe "},
	{"if-not-exists", " create "},
	{"exclude-internal", " list describe "},
};

static void check_pairs(struct tool *t, const char *action)
{
	char word[32];

	snprintf(word, sizeof(word), " %s ", action);
	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++)
		if (tool_has(t, PAIRS[i].option) && !strstr(PAIRS[i].actions, word))
			tool_misused(t, "Option \"[%s]\" can't be used with option \"[%s]\"", PAIRS[i].option, action);
	if (tool_has(t, "create") && tool_has(t, "replica-assignment") && tool_has(t, "partitions"))
		tool_misused(t, "Option \"[replica-assignment]\" can't be used with option \"[partitions]\"");
	if (tool_has(t, "create") && tool_has(t, "replica-assignment") && tool_has(t, "replication-factor"))
		tool_misused(t, "Option \"[replica-assignment]\" can't be used with option \"[replication-factor]\"");
	for (int i = 6; i < 10 && tool_has(t, "topics-with-overrides"); i++)
		if (tool_has(t, PAIRS[i - 2].option) && i < 10)
			tool_misused(t, "Option \"[topics-with-overrides]\" can't be used with option \"[%s]\"",
				     PAIRS[i - 2].option);
}

static void check_needs(struct tool *t)
{
	bool names = tool_has(t, "topic") || tool_has(t, "topic-id");

	if (tool_has(t, "describe") && tool_has(t, "if-exists") && !names)
		tool_misused(t, "--topic or --topic-id is required to describe a topic");
	if (!tool_has(t, "list") && !tool_has(t, "describe") && !tool_has(t, "topic"))
		tool_misused(t, "Missing required argument \"[topic]\"");
	if (tool_has(t, "alter") && tool_has(t, "config"))
		tool_misused(
			t,
			"Option combination \"[bootstrap-server],[config]\" can't be used with option \"[alter]\" (To alter topic "
			"configurations, the kafka-configs tool can be used.)");
	if (tool_has(t, "alter") && !tool_has(t, "partitions"))
		tool_misused(t, "Missing required argument \"[partitions]\"");
	if (tool_has(t, "delete-config"))
		fprintf(stderr,
			"delete-config option is no longer supported and deprecated since version 4.0. The config will be fully "
			"removed in future releases.\n");
}

static int topics(struct tool *t)
{
	static const char *const NAMES[] = {"create", "list", "alter", "describe", "delete", NULL};
	int action = tool_one_of(
		t, NAMES, "Command must include exactly one action: --list, --describe, --create, --alter or --delete");

	check_needs(t);
	check_pairs(t, NAMES[action]);
	t->complaint = "Error while executing topic command : ";
	t->complain_to = stdout;
	tool_connect(t);
	return ACTIONS[action].run(t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_topics, argc, argv, topics);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"list", NULL, "list the topics", NULL, 0, 0},
	{"create", NULL, "make a topic", NULL, 0, 0},
	{"delete", NULL, "delete topics", NULL, 0, 0},
	{"alter", NULL, "give topics more partitions", NULL, 0, 0},
	{"describe", NULL, "tell about topics and their partitions", NULL, 0, 0},
	{"topic", "NAME", "the topic; a regular expression but with --create", NULL, 0, 0},
	{"topic-id", "ID", "the topic to describe, by its id", NULL, 0, 0},
	{"config", "NAME=VALUE", "a setting of the new topic", NULL, 0, OPTION_MANY},
	{"delete-config", "NAME", "taken, without effect", NULL, 0, OPTION_MANY},
	{"partitions", "N", "how many partitions it has or gets; without it --create takes the cluster's default", NULL,
	 0, 0},
	{"replication-factor", "N", "how many replicas; without it the cluster's default", NULL, 0, 0},
	{"replica-assignment", "ID:ID,...", "brokers of the replicas of each partition", NULL, 0, 0},
	{"under-replicated-partitions", NULL, "describe only partitions with fewer replicas in sync than there are",
	 NULL, 0, 0},
	{"unavailable-partitions", NULL, "describe only partitions without a leader that lives", NULL, 0, 0},
	{"under-min-isr-partitions", NULL, "describe only partitions with fewer in sync than min.insync.replicas", NULL,
	 0, 0},
	{"at-min-isr-partitions", NULL, "describe only partitions with just min.insync.replicas in sync", NULL, 0, 0},
	{"topics-with-overrides", NULL, "describe only topics with settings of their own", NULL, 0, 0},
	{"if-exists", NULL, "do nothing when the topic is not there", NULL, 0, 0},
	{"if-not-exists", NULL, "no error when the topic to create is there", NULL, 0, 0},
	{"exclude-internal", NULL, "leave Kafka's own topics out", NULL, 0, 0},
	{"partition-size-limit-per-response", "N", "partitions in one answer of DescribeTopicPartitions", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_topics = {
	.name = "topics",
	.summary = "list, describe, create, alter and delete topics, as kafka-topics",
	.run = run,
	.options = OPTIONS,
	.description = "Lists, describes, creates, alters and deletes topics, as kafka-topics does.",
	.examples = "  odradek topics --bootstrap-server localhost:9092 --create --topic t --partitions 3\n"
		    "  odradek topics --bootstrap-server localhost:9092 --describe --topic 't.*'\n",
};
