/* group_reset: selects partitions, determines the new offsets, commits and prints them. */
#include "cli/group_reset.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/moment.h"

enum { FILE_MAX = 64 << 20 };

/* ---- selecting partitions ---- */

struct partitions {
	struct partition *v;
	int n, cap;
};

static void add_partition(struct tool *t, struct partitions *p, struct str topic, int32_t partition)
{
	p->v = tool_grow(t, p->v, p->n, &p->cap, sizeof(*p->v));
	p->v[p->n++] = (struct partition){.topic = topic, .partition = partition};
}

static void add_listed(struct tool *t, struct partitions *p, const char *argument)
{
	const char *colon = strchr(argument, ':');
	struct str topic = arena_str(&t->arena, (struct str){argument, (int32_t)(colon - argument)});

	if (strchr(colon + 1, ':') || colon[1] == 0)
		tool_misused(t, "Invalid topic arg '%s', expected topic name and partitions", argument);
	for (const char *at = colon + 1; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct str one = {at, (int32_t)strcspn(at, ",")};
		int32_t number;

		if (!str_to_i32(one, &number))
			tool_misused(t, "Invalid partition '%.*s' specified in topic arg '%s''", STR_ARG(one),
				     argument);
		add_partition(t, p, topic, number);
	}
}

static void add_topic(struct tool *t, struct partitions *p, const char *name, bool unknown_too)
{
	struct str topic = str_of(name);
	const struct metadata_response *m = topics_of(t, &topic, 1);
	int err = m->topics.n == 1 ? m->topics.v[0].error_code : ERR_UNKNOWN_TOPIC_OR_PARTITION;

	if (err && unknown_too) {
		add_partition(t, p, topic, -1);
		p->v[p->n - 1].err = err;
		return;
	}
	if (err) {
		t->exception_names = true;
		tool_die_of(t, err, STR_NULL);
	}
	for (int32_t i = 0; i < m->topics.v[0].partitions.n; i++)
		add_partition(t, p, topic, m->topics.v[0].partitions.v[i].partition_index);
}

struct partition *topic_arguments(struct tool *t, bool unknown_too, int *n)
{
	struct partitions p = {0};

	for (int i = 0; i < options_count(&t->options, "topic"); i++) {
		const char *argument = options_nth(&t->options, "topic", i);

		if (strchr(argument, ':'))
			add_listed(t, &p, argument);
		else
			add_topic(t, &p, argument, unknown_too);
	}
	if (p.n > 0)
		qsort(p.v, (size_t)p.n, sizeof(*p.v), partition_compare);
	*n = p.n;
	return p.v;
}

static struct partition *partitions_in_scope(struct tool *t, const struct group *g, int *n)
{
	*n = 0;
	if (tool_has(t, "all-topics"))
		return group_offsets(t, g, n);
	if (tool_has(t, "topic"))
		return topic_arguments(t, false, n);
	if (!tool_has(t, "from-file"))
		tool_misused(t, "One of the reset scopes should be defined: --all-topics, --topic.");
	return NULL;
}

static void check_all_there(struct tool *t, const struct partition *v, int n)
{
	struct str *names = arena_array(&t->arena, (size_t)n + 1, sizeof(*names));
	const struct metadata_response *m;
	int n_names = 0;

	for (int i = 0; i < n; i++)
		if (i == 0 || !str_eq(v[i].topic, v[i - 1].topic))
			names[n_names++] = v[i].topic;
	m = topics_of(t, names, n_names);
	for (int i = 0; i < n; i++) {
		const struct metadata_response_partition *p = partition_find(topic_find(m, v[i].topic), v[i].partition);

		if (!p)
			tool_die(t, "The partitions \"%.*s-%d\" do not exist", STR_ARG(v[i].topic), v[i].partition);
		if (p->leader_id < 0)
			tool_die(t, "The partitions \"%.*s-%d\" have no leader", STR_ARG(v[i].topic), v[i].partition);
	}
}

/* ---- determining offsets ---- */

static void list_offsets(struct tool *t, struct partition *v, int n, int64_t timestamp)
{
	for (int i = 0; i < n; i++)
		v[i].timestamp = timestamp;
	partitions_list_offsets(t, v, n, 0);
	for (int i = 0; i < n; i++)
		if (v[i].err)
			tool_die_of(t, v[i].err, STR_NULL);
}

static struct partition *copy_partitions(struct tool *t, const struct partition *v, int n)
{
	struct partition *c = arena_array(&t->arena, (size_t)n + 1, sizeof(*c));

	if (n > 0)
		memcpy(c, v, (size_t)n * sizeof(*c));
	return c;
}

/* Offsets outside the log are moved to its ends. */
static void fit_range(struct tool *t, struct partition *v, int n)
{
	struct partition *first = copy_partitions(t, v, n), *last = copy_partitions(t, v, n);

	list_offsets(t, first, n, -2);
	list_offsets(t, last, n, -1);
	for (int i = 0; i < n; i++) {
		bool above = v[i].offset > last[i].offset, below = v[i].offset < first[i].offset;

		if (above || below)
			fprintf(stderr,
				"WARN New offset (%lld) is %s than %s offset for topic partition %.*s-%d. Value will be set to %lld.\n",
				(long long)v[i].offset, above ? "higher" : "lower", above ? "latest" : "earliest",
				STR_ARG(v[i].topic), v[i].partition,
				(long long)(above ? last[i].offset : first[i].offset));
		if (above || below)
			v[i].offset = above ? last[i].offset : first[i].offset;
	}
}

static void to_time(struct tool *t, struct partition *v, int n, int64_t timestamp)
{
	list_offsets(t, v, n, timestamp);
	for (int i = 0; i < n; i++) {
		if (v[i].offset != -1)
			continue;
		printf("\nWarn: Partition %d from topic %.*s is empty. Falling back to latest known offset.\n",
		       v[i].partition, STR_ARG(v[i].topic));
		list_offsets(t, &v[i], 1, -1);
	}
}

static void to_offset(struct tool *t, const struct group *g, struct partition *v, int n)
{
	for (int i = 0; i < n; i++)
		v[i].offset = tool_number(t, "to-offset", 0);
	fit_range(t, v, n);
}

static void to_earliest(struct tool *t, const struct group *g, struct partition *v, int n)
{
	list_offsets(t, v, n, -2);
}

static void to_latest(struct tool *t, const struct group *g, struct partition *v, int n)
{
	list_offsets(t, v, n, -1);
}

static const struct partition *find_committed(const struct partition *all, int n, const struct partition *p)
{
	return n > 0 ? bsearch(p, all, (size_t)n, sizeof(*all), partition_compare) : NULL;
}

static void shift_by(struct tool *t, const struct group *g, struct partition *v, int n)
{
	int64_t by = tool_number(t, "shift-by", 0);
	int n_now;
	struct partition *now = group_offsets(t, g, &n_now);

	for (int i = 0; i < n; i++) {
		const struct partition *c = find_committed(now, n_now, &v[i]);

		if (!c)
			tool_misused(
				t,
				"Cannot shift offset for partition %.*s-%d since there is no current committed offset",
				STR_ARG(v[i].topic), v[i].partition);
		v[i].offset = c->offset + by;
	}
	fit_range(t, v, n);
}

static void to_current(struct tool *t, const struct group *g, struct partition *v, int n)
{
	int n_now;
	struct partition *now = group_offsets(t, g, &n_now);

	for (int i = 0; i < n; i++) {
		const struct partition *c = find_committed(now, n_now, &v[i]);

		if (c)
			v[i].offset = c->offset;
		else
			list_offsets(t, &v[i], 1, -1);
	}
}

static void to_datetime(struct tool *t, const struct group *g, struct partition *v, int n)
{
	int64_t at;

	if (!moment_parse(tool_value(t, "to-datetime"), &at))
		tool_die(t, "Unparseable date: \"%s\"", tool_value(t, "to-datetime"));
	to_time(t, v, n, at);
}

static void by_duration(struct tool *t, const struct group *g, struct partition *v, int n)
{
	int64_t ms;

	if (!duration_parse(tool_value(t, "by-duration"), &ms))
		tool_die(t, "Text cannot be parsed to a Duration: %s", tool_value(t, "by-duration"));
	to_time(t, v, n, env_wall_ms(t->env) - ms);
}

static const struct {
	const char *option;
	void (*run)(struct tool *t, const struct group *g, struct partition *v, int n);
} SCENARIOS[] = {
	{"to-offset", to_offset},     {"to-earliest", to_earliest}, {"to-latest", to_latest},	{"shift-by", shift_by},
	{"to-datetime", to_datetime}, {"by-duration", by_duration}, {"to-current", to_current},
};

/* ---- from a file: topic,partition,offset, or group,topic,partition,offset ---- */

static struct partition *read_plan(struct tool *t, const struct group *g, int *n)
{
	const char *path = tool_value(t, "from-file");
	struct partitions p = {0};
	char *text, *rest;
	size_t len;
	int err = env_read_file(t->env, path, FILE_MAX, &text, &len);

	if (err != 0)
		tool_die(t, "%s: %s", path, err_name(err));
	rest = tool_string(t, (struct str){text, (int32_t)len});
	xfree(text);
	for (char *line = strtok_r(rest, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *cells[4] = {0}, *more = line, *end = NULL;
		int32_t partition;
		int k = 0;

		for (char *cell = strtok_r(more, ",\r\"", &more); cell && k < 4; cell = strtok_r(NULL, ",\r\"", &more))
			cells[k++] = cell;
		if (k < 3)
			tool_die(t, "%s: topic,partition,offset was expected", path);
		if (k == 4 && !str_is(g->id, cells[0]))
			continue;
		if (!str_to_i32(str_of(cells[k - 2]), &partition))
			tool_die(t, "%s: %s is not a partition", path, cells[k - 2]);
		add_partition(t, &p, str_of(cells[k - 3]), partition);
		p.v[p.n - 1].offset = strtoll(cells[k - 1], &end, 10);
		if (*end)
			tool_die(t, "%s: %s is not an offset", path, cells[k - 1]);
	}
	if (p.n == 0)
		printf("\nError: No reset plan for group %.*s found.\n", STR_ARG(g->id));
	else
		qsort(p.v, (size_t)p.n, sizeof(*p.v), partition_compare);
	*n = p.n;
	return p.v;
}

/* ---- all of it ---- */

static struct partition *plan_reset(struct tool *t, const struct group *g, int *n)
{
	struct partition *v = partitions_in_scope(t, g, n);

	check_all_there(t, v, *n);
	for (size_t i = 0; i < sizeof(SCENARIOS) / sizeof(SCENARIOS[0]); i++)
		if (tool_has(t, SCENARIOS[i].option)) {
			SCENARIOS[i].run(t, g, v, *n);
			return v;
		}
	if (!tool_has(t, "from-file"))
		tool_misused(
			t,
			"Option '[reset-offsets]' requires one of the following scenarios: [to-datetime], [by-duration], [to-earliest], "
			"[to-latest], [shift-by], [from-file], [to-current], [to-offset]");
	v = read_plan(t, g, n);
	fit_range(t, v, *n);
	return v;
}

struct planned {
	struct str group;
	struct partition *v;
	int n;
};

static struct planned reset_one(struct tool *t, const char *id)
{
	struct group g = group_describe(t, id);
	struct planned p = {.group = str_of(id)};
	int err;

	if (g.err && g.err != ERR_GROUP_ID_NOT_FOUND)
		tool_die_of(t, g.err, g.message);
	if (!g.err && !str_is(g.state, "Empty") && !str_is(g.state, "Dead")) {
		printf("\nError: Assignments can only be reset if the group '%s' is inactive, but the current state is %.*s.\n",
		       id, STR_ARG(g.state));
		return p;
	}
	p.v = plan_reset(t, &g, &p.n);
	if (!tool_has(t, "execute") || p.n == 0)
		return p;
	err = group_commit(t, &g, p.v, p.n);
	if (err != 0)
		tool_die_of(t, err, STR_NULL);
	return p;
}

static void print_csv(const struct planned *p, int n, bool with_group)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; k < p[i].n; k++) {
			if (with_group)
				printf("%.*s,", STR_ARG(p[i].group));
			printf("%.*s,%d,%lld\n", STR_ARG(p[i].v[k].topic), p[i].v[k].partition,
			       (long long)p[i].v[k].offset);
		}
	putchar('\n');
}

static void print_plan(const struct planned *p, int n)
{
	int group = 15, topic = 15;

	for (int i = 0; i < n; i++) {
		group = p[i].group.len > group ? p[i].group.len : group;
		for (int k = 0; k < p[i].n; k++)
			topic = p[i].v[k].topic.len > topic ? p[i].v[k].topic.len : topic;
	}
	if (n > 0)
		printf("\n%-*s %-*s %-10s %s", group, "GROUP", topic, "TOPIC", "PARTITION", "NEW-OFFSET");
	for (int i = 0; i < n; i++)
		for (int k = 0; k < p[i].n; k++)
			printf("\n%-*.*s %-*.*s %-10d %lld", group, STR_ARG(p[i].group), topic,
			       STR_ARG(p[i].v[k].topic), p[i].v[k].partition, (long long)p[i].v[k].offset);
	putchar('\n');
}

int groups_reset(struct tool *t, const struct str *ids, int n)
{
	struct planned *p = arena_array(&t->arena, (size_t)n + 1, sizeof(*p));

	for (int i = 0; i < n; i++)
		p[i] = reset_one(t, tool_string(t, ids[i]));
	t->out = json_array();
	for (int i = 0; i < n && t->json; i++)
		for (int k = 0; k < p[i].n; k++)
			json_array_append_new(t->out, json_pack("{s:o,s:o,s:i,s:I}", "group", json_str(p[i].group),
								"topic", json_str(p[i].v[k].topic), "partition",
								(int)p[i].v[k].partition, "newOffset",
								(json_int_t)p[i].v[k].offset));
	if (t->json)
		return EXIT_FINE;
	if (tool_has(t, "export"))
		print_csv(p, n, options_count(&t->options, "group") != 1);
	else
		print_plan(p, n);
	return EXIT_FINE;
}
