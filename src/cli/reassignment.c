/* reassignment: parses and prints the JSON form, and lists, starts and cancels reassignments. */
#include "cli/reassignment.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/list_partition_reassignments.h"

enum { FILE_MAX = 64 << 20, FILE_VERSION = 1, TIMEOUT_MS = 60000 };

/* ---- JSON in the form of Kafka's tools ---- */

_Noreturn static void not_expected(struct tool *t, const char *what, const json_t *got)
{
	char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);

	tool_die(t, "Expected %s, received %s", what, text ? text : "");
}

static const json_t *field(struct tool *t, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_object(object))
		not_expected(t, "JSON object", object);
	if (!value)
		tool_die(t, "No such field exists: `%s`", name);
	return value;
}

static int32_t int_of(struct tool *t, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < INT32_MIN || number > INT32_MAX)
		not_expected(t, "`Integer` value", value);
	return (int32_t)number;
}

static struct str str_value(struct tool *t, const json_t *value)
{
	if (!json_is_string(value))
		not_expected(t, "`String` value", value);
	return arena_str(&t->arena, (struct str){json_string_value(value), (int32_t)json_string_length(value)});
}

/*
 * The list of that name in the file; NULL if there is none. The file's version must be the
 * supported one.
 */
static const json_t *read_list(struct tool *t, const char *path, const char *name, json_t **root)
{
	const json_t *version, *list;
	json_error_t why;
	char *text;
	size_t len;
	int err = env_read_file(t->env, path, FILE_MAX, &text, &len);

	if (err != 0)
		tool_die(t, "%s: %s", path, err_name(err));
	*root = json_loadb(text, len, JSON_DECODE_ANY, &why);
	xfree(text);
	if (!*root)
		tool_die(t, "The input string is not a valid JSON: %s, line %d", why.text, why.line);
	if (!json_is_object(*root))
		not_expected(t, "JSON object", *root);
	version = json_object_get(*root, "version");
	if (version && int_of(t, version) != FILE_VERSION)
		tool_die(t, "Not supported version field value %d", int_of(t, version));
	list = json_object_get(*root, name);
	if (list && !json_is_array(list))
		not_expected(t, "JSON array", list);
	return list;
}

static const json_t *array_field(struct tool *t, const json_t *object, const char *name)
{
	const json_t *value = field(t, object, name);

	if (!json_is_array(value))
		not_expected(t, "`JSON array` value", value);
	return value;
}

/* ---- the file ---- */

/* "[1, 2]", as Java prints a list. */
static struct str list_text(struct tool *t, const json_t *list)
{
	struct buf b = {0};
	struct str out;
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		buf_printf(&b, "%s", i ? ", " : "[");
		if (json_is_string(one))
			buf_printf(&b, "%s", json_string_value(one));
		else
			buf_printf(&b, "%lld", (long long)json_integer_value(one));
	}
	buf_printf(&b, "%s", b.len ? "]" : "[]");
	out = arena_str(&t->arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

static void read_log_dirs(struct tool *t, struct reassignment *r, const json_t *one)
{
	const json_t *dirs = json_object_get(one, "log_dirs") ? array_field(t, one, "log_dirs") : NULL;
	struct str dir;

	if (!dirs)
		return;
	if ((int32_t)json_array_size(dirs) != r->replicas.n)
		tool_die(
			t,
			"Size of replicas list %.*s is different from size of log dirs list %.*s for partition %.*s-%d",
			STR_ARG(list_text(t, json_object_get(one, "replicas"))), STR_ARG(list_text(t, dirs)),
			STR_ARG(r->topic), r->partition);
	r->log_dirs = arena_array(&t->arena, (size_t)r->replicas.n + 1, sizeof(*r->log_dirs));
	for (int32_t i = 0; i < r->replicas.n; i++) {
		dir = str_value(t, json_array_get(dirs, (size_t)i));
		r->log_dirs[i] = str_is(dir, "any") ? STR_NULL : dir;
	}
}

static struct reassignment read_one(struct tool *t, const json_t *one)
{
	struct reassignment r = {.topic = str_value(t, field(t, one, "topic")),
				 .partition = int_of(t, field(t, one, "partition"))};
	const json_t *replicas = array_field(t, one, "replicas");

	r.replicas = ids_new(t, (int)json_array_size(replicas));
	for (size_t i = 0; i < json_array_size(replicas); i++)
		r.replicas.v[r.replicas.n++] = int_of(t, json_array_get(replicas, i));
	read_log_dirs(t, &r, one);
	return r;
}

struct reassignments reassignments_read(struct tool *t, const char *path)
{
	json_t *root;
	const json_t *list = read_list(t, path, "partitions", &root);
	struct reassignments r = {.n = (int)json_array_size(list)};

	r.v = arena_array(&t->arena, (size_t)r.n + 1, sizeof(*r.v));
	for (int i = 0; i < r.n; i++) {
		r.v[i] = read_one(t, json_array_get(list, (size_t)i));
		r.v[i].place = i;
	}
	json_decref(root);
	return r;
}

struct str *topics_to_move_read(struct tool *t, const char *path, int *n)
{
	json_t *root;
	const json_t *list = read_list(t, path, "topics", &root);
	struct str *v = arena_array(&t->arena, json_array_size(list) + 1, sizeof(*v));

	*n = (int)json_array_size(list);
	for (int i = 0; i < *n; i++)
		v[i] = str_value(t, field(t, json_array_get(list, (size_t)i), "topic"));
	json_decref(root);
	return v;
}

static json_t *json_one(const struct reassignment *r)
{
	json_t *dirs = json_array();

	for (int32_t i = 0; i < r->replicas.n; i++)
		json_array_append_new(dirs,
				      r->log_dirs && r->log_dirs[i].p ? json_str(r->log_dirs[i]) : json_string("any"));
	return json_pack("{s:o,s:i,s:o,s:o}", "topic", json_str(r->topic), "partition", (int)r->partition, "replicas",
			 ids_json(r->replicas), "log_dirs", dirs);
}

json_t *reassignments_json(const struct reassignments *r)
{
	json_t *list = json_array();

	for (int i = 0; i < r->n; i++)
		json_array_append_new(list, json_one(&r->v[i]));
	return json_pack("{s:i,s:o}", "version", FILE_VERSION, "partitions", list);
}

void reassignments_print(const struct reassignments *r)
{
	json_t *value = reassignments_json(r);

	json_dumpf(value, stdout, JSON_COMPACT);
	json_decref(value);
}

/* ---- order ---- */

static int compare(const void *a, const void *b)
{
	const struct reassignment *x = a, *y = b;
	int order = str_cmp(x->topic, y->topic);

	return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static int compare_places(const void *a, const void *b)
{
	int order = compare(a, b);

	return order ? order : ((const struct reassignment *)a)->place - ((const struct reassignment *)b)->place;
}

void reassignments_sort(struct reassignments *r)
{
	int kept = 0;

	qsort(r->v, (size_t)r->n, sizeof(*r->v), compare_places);
	for (int i = 0; i < r->n; i++) {
		if (kept > 0 && compare(&r->v[kept - 1], &r->v[i]) == 0)
			kept--;
		r->v[kept++] = r->v[i];
	}
	r->n = kept;
}

struct reassignment *reassignment_find(const struct reassignments *r, struct str topic, int32_t partition)
{
	struct reassignment key = {.topic = topic, .partition = partition};

	return r->n ? bsearch(&key, r->v, (size_t)r->n, sizeof(*r->v), compare) : NULL;
}

struct str *reassignments_topics(struct tool *t, const struct reassignments *r, int *n)
{
	struct str *v = arena_array(&t->arena, (size_t)r->n + 1, sizeof(*v));

	*n = 0;
	for (int i = 0; i < r->n; i++)
		if (*n == 0 || !str_eq(v[*n - 1], r->v[i].topic))
			v[(*n)++] = r->v[i].topic;
	return v;
}

struct str reassignment_name(struct tool *t, const struct reassignment *r)
{
	return arena_printf(&t->arena, "%.*s-%d", STR_ARG(r->topic), r->partition);
}

int32_t reassignment_java_hash(const struct reassignment *r)
{
	return (int32_t)(31 * (31 + (uint32_t)r->partition) + (uint32_t)str_java_hash(r->topic));
}

struct str reassignments_repeated(struct tool *t, const struct reassignments *r)
{
	struct reassignments sorted = {arena_array(&t->arena, (size_t)r->n + 1, sizeof(*sorted.v)), r->n};
	struct reassignments again = {arena_array(&t->arena, (size_t)r->n + 1, sizeof(*again.v)), 0};

	memcpy(sorted.v, r->v, (size_t)r->n * sizeof(*r->v));
	qsort(sorted.v, (size_t)sorted.n, sizeof(*sorted.v), compare);
	for (int i = 1; i < sorted.n; i++)
		if (compare(&sorted.v[i - 1], &sorted.v[i]) == 0)
			again.v[again.n++] = sorted.v[i];
	reassignments_sort(&again);
	return reassignments_names(t, &again);
}

struct str reassignments_names(struct tool *t, const struct reassignments *r)
{
	struct buf b = {0};
	struct str out;

	for (int i = 0; i < r->n; i++)
		buf_printf(&b, "%s%.*s-%d", i ? "," : "", STR_ARG(r->v[i].topic), r->v[i].partition);
	out = arena_str(&t->arena, b.len ? buf_str(&b) : STR(""));
	buf_fini(&b);
	return out;
}

/* ---- from the cluster ---- */

static void write_partitions(struct tool *t, struct list_partition_reassignments_request *request,
			     const struct reassignments *of)
{
	request->topics.n = -1;
	if (!of)
		return;
	request->topics.v = arena_array(&t->arena, (size_t)of->n + 1, sizeof(*request->topics.v));
	request->topics.n = 0;
	for (int i = 0; i < of->n; i++) {
		struct list_partition_reassignments_request_topic *topic = &request->topics.v[request->topics.n - 1];

		if (i == 0 || !str_eq(topic->name, of->v[i].topic)) {
			topic = &request->topics.v[request->topics.n++];
			topic->name = of->v[i].topic;
			topic->partition_indexes.v = arena_array(&t->arena, (size_t)(of->n - i), sizeof(int32_t));
		}
		topic->partition_indexes.v[topic->partition_indexes.n++] = of->v[i].partition;
	}
}

struct reassignments reassignments_under_way(struct tool *t, const struct reassignments *of)
{
	struct list_partition_reassignments_request *request = arena_zalloc(&t->arena, sizeof(*request));
	const struct list_partition_reassignments_response *answer;
	struct reassignments r = {0};
	size_t total = 1;

	request->timeout_ms = TIMEOUT_MS;
	write_partitions(t, request, of);
	answer = tool_must(t, CLIENT_CONTROLLER, list_partition_reassignments_request_KEY, request);
	for (int32_t i = 0; i < answer->topics.n; i++)
		total += (size_t)answer->topics.v[i].partitions.n;
	r.v = arena_array(&t->arena, total, sizeof(*r.v));
	for (int32_t i = 0; i < answer->topics.n; i++)
		for (int32_t k = 0; k < answer->topics.v[i].partitions.n; k++) {
			const struct list_partition_reassignments_response_partition *p =
				&answer->topics.v[i].partitions.v[k];

			r.v[r.n++] = (struct reassignment){.topic = answer->topics.v[i].name,
							   .partition = p->partition_index,
							   .replicas = IDS(p->replicas),
							   .adding = IDS(p->adding_replicas),
							   .removing = IDS(p->removing_replicas)};
		}
	reassignments_sort(&r);
	return r;
}

struct reassignments reassignments_of_topics(struct tool *t, const struct str *topics, int n)
{
	const struct metadata_response *m = topics_of(t, topics, n);
	struct reassignments r = {0};
	size_t total = 1;

	for (int32_t i = 0; i < m->topics.n; i++) {
		struct str name = m->topics.v[i].name;
		int err = m->topics.v[i].error_code;

		if (err != 0)
			tool_die_of(t, err,
				    err == ERR_UNKNOWN_TOPIC_OR_PARTITION
					    ? arena_printf(&t->arena, "Topic %.*s not found.", STR_ARG(name))
					    : STR_NULL);
		total += (size_t)m->topics.v[i].partitions.n;
	}
	r.v = arena_array(&t->arena, total, sizeof(*r.v));
	for (int32_t i = 0; i < m->topics.n; i++)
		for (int32_t k = 0; k < m->topics.v[i].partitions.n; k++) {
			const struct metadata_response_partition *p = &m->topics.v[i].partitions.v[k];

			r.v[r.n++] = (struct reassignment){.topic = m->topics.v[i].name,
							   .partition = p->partition_index,
							   .replicas = IDS(p->replica_nodes)};
		}
	reassignments_sort(&r);
	return r;
}

/* ---- beginning ---- */

static const struct alter_partition_reassignments_request *alter_request(struct tool *t, const struct reassignments *r,
									 bool allow_replication_factor_change)
{
	struct alter_partition_reassignments_request *request = arena_zalloc(&t->arena, sizeof(*request));

	request->timeout_ms = TIMEOUT_MS;
	request->allow_replication_factor_change = allow_replication_factor_change;
	request->topics.v = arena_array(&t->arena, (size_t)r->n + 1, sizeof(*request->topics.v));
	for (int i = 0; i < r->n; i++) {
		struct alter_partition_reassignments_request_topic *topic = &request->topics.v[request->topics.n - 1];
		struct alter_partition_reassignments_request_partition *p;

		if (i == 0 || !str_eq(topic->name, r->v[i].topic)) {
			topic = &request->topics.v[request->topics.n++];
			topic->name = r->v[i].topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(r->n - i), sizeof(*topic->partitions.v));
		}
		p = &topic->partitions.v[topic->partitions.n++];
		p->partition_index = r->v[i].partition;
		p->replicas.v = r->v[i].replicas.v;
		p->replicas.n = r->v[i].replicas.n;
	}
	return request;
}

/* Version 0 does not have the flag, and always allows it. */
static int fit_alter(struct call *call)
{
	const struct alter_partition_reassignments_request *r = call->request;

	return call->version < 1 && !r->allow_replication_factor_change ? ERR_UNSUPPORTED_VERSION : 0;
}

static void add_failure(struct tool *t, struct buf *b, struct str topic,
			const struct alter_partition_reassignments_response_partition *p)
{
	if (p->error_code)
		buf_printf(b, "%s%.*s-%d: %.*s", b->len ? "\n" : "", STR_ARG(topic), p->partition_index,
			   STR_ARG(tool_error_text(t, p->error_code, p->error_message)));
}

struct str reassignments_start(struct tool *t, const struct reassignments *r, bool allow_replication_factor_change)
{
	struct ask *ask = arena_zalloc(&t->arena, sizeof(*ask));
	const struct alter_partition_reassignments_response *answer;
	struct buf failed = {0};
	struct str out;
	int err;

	ask->call.fit = fit_alter;
	tool_ask_start(t, ask, CLIENT_CONTROLLER, alter_partition_reassignments_request_KEY,
		       alter_request(t, r, allow_replication_factor_change));
	tool_wait(t);
	err = tool_ask_error(t, ask);
	if (err != 0)
		tool_die_of(t, err, t->message);
	answer = ask->call.response;
	for (int32_t i = 0; i < answer->responses.n; i++)
		for (int32_t k = 0; k < answer->responses.v[i].partitions.n; k++)
			add_failure(t, &failed, answer->responses.v[i].name, &answer->responses.v[i].partitions.v[k]);
	out = failed.len ? arena_str(&t->arena, buf_str(&failed)) : STR("");
	buf_fini(&failed);
	return out;
}
