/* group_show: tables of a group's offsets, members and state, as text or JSON. */
#include "cli/group_show.h"

#include <stdlib.h>
#include <string.h>

/* False: there is nothing more to show. */
static bool say_state(struct tool *t, const struct group *g, int rows)
{
	fflush(stdout);
	if (str_is(g->state, "Dead"))
		printf("\nError: Consumer group '%.*s' does not exist.\n", STR_ARG(g->id));
	else if (str_is(g->state, "Empty"))
		fprintf(stderr, "\nConsumer group '%.*s' has no active members.\n", STR_ARG(g->id));
	else if (!str_is(g->state, "Stable"))
		fprintf(stderr, "\nWarning: Consumer group '%.*s' is rebalancing.\n", STR_ARG(g->id));
	return !str_is(g->state, "Dead") && rows > 0;
}

static int widest(int now, struct str s)
{
	return s.len > now ? s.len : now;
}

static struct str or_dash(struct str s)
{
	return s.len > 0 ? s : STR("-");
}

static struct str number(struct tool *t, int64_t v)
{
	return v < 0 ? STR("-") : arena_printf(&t->arena, "%lld", (long long)v);
}

/* ---- --offsets ---- */

struct row {
	const struct group_member *member; /* NULL: no member reads it */
	struct partition p;		   /* offset: the end; -1 if unknown */
	int64_t committed;		   /* -1: none */
	int32_t leader_epoch;
};

static int by_assigned(const void *a, const void *b)
{
	const struct group_member *x = *(const struct group_member *const *)a,
				  *y = *(const struct group_member *const *)b;

	if (x->n_assigned != y->n_assigned)
		return y->n_assigned - x->n_assigned;
	return x < y ? -1 : 1;
}

static bool is_assigned(const struct group *g, const struct partition *p)
{
	for (int i = 0; i < g->n_members; i++)
		if (g->members[i].n_assigned > 0 &&
		    bsearch(p, g->members[i].assigned, (size_t)g->members[i].n_assigned, sizeof(*p), partition_compare))
			return true;
	return false;
}

static struct row row_of(const struct group_member *m, struct partition p, const struct partition *offsets, int n)
{
	const struct partition *c = n > 0 ? bsearch(&p, offsets, (size_t)n, sizeof(*offsets), partition_compare) : NULL;

	return (struct row){m, p, c ? c->offset : -1, c ? c->leader_epoch : -1};
}

static void find_ends(struct tool *t, struct row *rows, int n)
{
	struct partition *v = arena_array(&t->arena, (size_t)n + 1, sizeof(*v));

	for (int i = 0; i < n; i++) {
		v[i] = rows[i].p;
		v[i].timestamp = -1;
	}
	qsort(v, (size_t)n, sizeof(*v), partition_compare);
	partitions_list_offsets(t, v, n, 0);
	for (int i = 0; i < n; i++) {
		const struct partition *p = bsearch(&rows[i].p, v, (size_t)n, sizeof(*v), partition_compare);

		rows[i].p.offset = p && p->err == 0 ? p->offset : -1;
	}
}

static struct row *rows_of(struct tool *t, const struct group *g, int *n)
{
	int n_offsets;
	struct partition *offsets = group_offsets(t, g, &n_offsets);
	const struct group_member **members = arena_array(&t->arena, (size_t)g->n_members + 1, sizeof(*members));
	size_t total = (size_t)n_offsets + 1;
	struct row *rows;

	for (int i = 0; i < g->n_members; i++) {
		members[i] = &g->members[i];
		total += (size_t)g->members[i].n_assigned;
	}
	qsort(members, (size_t)g->n_members, sizeof(*members), by_assigned);
	rows = arena_array(&t->arena, total, sizeof(*rows));
	*n = 0;
	for (int i = 0; i < g->n_members; i++)
		for (int k = 0; k < members[i]->n_assigned; k++)
			rows[(*n)++] = row_of(members[i], members[i]->assigned[k], offsets, n_offsets);
	for (int i = 0; i < n_offsets; i++)
		if (!is_assigned(g, &offsets[i]))
			rows[(*n)++] = row_of(NULL, offsets[i], offsets, n_offsets);
	if (*n > 0)
		find_ends(t, rows, *n);
	return rows;
}

static struct str member_text(const struct row *r, size_t offset)
{
	return r->member ? *(const struct str *)(const void *)((const char *)r->member + offset) : STR("-");
}

#define MEMBER(row, field) member_text(row, offsetof(struct group_member, field))

static void print_rows(struct tool *t, const struct group *g, const struct row *rows, int n)
{
	int group = widest(15, g->id), topic = 15, consumer = 15, host = 15;
	bool verbose = tool_has(t, "verbose");

	for (int i = 0; i < n; i++) {
		topic = widest(topic, rows[i].p.topic);
		consumer = widest(consumer, MEMBER(&rows[i], id));
		host = widest(host, MEMBER(&rows[i], host));
	}
	printf("\n%-*s %-*s %-10s %s%-15s %-15s %-15s %-*s %-*s %s", group, "GROUP", topic, "TOPIC", "PARTITION",
	       verbose ? "LEADER-EPOCH    " : "", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", consumer, "CONSUMER-ID",
	       host, "HOST", "CLIENT-ID");
	for (int i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		bool has_lag = r->committed >= 0 && r->p.offset >= 0;

		printf("\n%-*.*s %-*.*s %-10d ", group, STR_ARG(g->id), topic, STR_ARG(r->p.topic), r->p.partition);
		if (verbose)
			printf("%-15.*s ", STR_ARG(number(t, r->leader_epoch)));
		printf("%-15.*s %-15.*s ", STR_ARG(number(t, r->committed)), STR_ARG(number(t, r->p.offset)));
		if (has_lag)
			printf("%-15lld ", (long long)(r->p.offset - r->committed));
		else
			printf("%-15s ", "-");
		printf("%-*.*s %-*.*s %.*s", consumer, STR_ARG(MEMBER(r, id)), host, STR_ARG(MEMBER(r, host)),
		       STR_ARG(MEMBER(r, client_id)));
	}
	putchar('\n');
}

static json_t *json_number(int64_t v)
{
	return v < 0 ? json_null() : json_integer(v);
}

static json_t *json_row(const struct row *r)
{
	return json_pack("{s:o,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "topic", json_str(r->p.topic), "partition",
			 (int)r->p.partition, "leaderEpoch", json_number(r->leader_epoch), "currentOffset",
			 json_number(r->committed), "logEndOffset", json_number(r->p.offset), "lag",
			 r->committed >= 0 && r->p.offset >= 0 ? json_integer(r->p.offset - r->committed) : json_null(),
			 "consumerId", r->member ? json_str(r->member->id) : json_null(), "host",
			 r->member ? json_str(r->member->host) : json_null(), "clientId",
			 r->member ? json_str(r->member->client_id) : json_null());
}

void group_show_offsets(struct tool *t, const struct group *g)
{
	int n;
	struct row *rows = rows_of(t, g, &n);
	json_t *list_of = json_array();

	for (int i = 0; i < n && t->json; i++)
		json_array_append_new(list_of, json_row(&rows[i]));
	if (t->json)
		json_array_append_new(t->out, json_pack("{s:o,s:o,s:O}", "group", json_str(g->id), "state",
							json_str(g->state), "offsets", list_of));
	else if (say_state(t, g, n))
		print_rows(t, g, rows, n);
	json_decref(list_of);
}

/* ---- --members ---- */

/* "t1:0,1;t2:3" */
static struct str assignment_text(struct tool *t, const struct partition *v, int n)
{
	struct buf b = {0};
	struct str out;

	for (int i = 0; i < n; i++) {
		if (i == 0 || !str_eq(v[i].topic, v[i - 1].topic))
			buf_printf(&b, "%s%.*s:%d", i ? ";" : "", STR_ARG(v[i].topic), v[i].partition);
		else
			buf_printf(&b, ",%d", v[i].partition);
	}
	out = n ? arena_str(&t->arena, buf_str(&b)) : STR("-");
	buf_fini(&b);
	return out;
}

struct member_widths {
	int group, consumer, instance, host, client, current, target;
	bool with_instance, migrating;
};

static struct member_widths measure(struct tool *t, const struct group *g)
{
	struct member_widths w = {15, 15, 17, 15, 15, 20, 20, false, false};
	bool classic = false, consumer = false;

	w.group = g->n_members ? widest(15, g->id) : 15;
	for (int i = 0; i < g->n_members; i++) {
		const struct group_member *m = &g->members[i];

		w.consumer = widest(w.consumer, m->id);
		w.instance = widest(w.instance, m->instance_id);
		w.host = widest(w.host, m->host);
		w.client = widest(w.client, m->client_id);
		w.current = widest(w.current, assignment_text(t, m->assigned, m->n_assigned));
		w.target = widest(w.target, assignment_text(t, m->target, m->n_target));
		w.with_instance = w.with_instance || m->instance_id.len > 0;
		classic = classic || m->upgraded == 0;
		consumer = consumer || m->upgraded == 1;
	}
	w.migrating = classic && consumer;
	return w;
}

static void print_member(struct tool *t, const struct group *g, const struct group_member *m,
			 const struct member_widths *w)
{
	printf("%-*.*s %-*.*s ", w->group, STR_ARG(g->id), w->consumer, STR_ARG(m->id));
	if (w->with_instance)
		printf("%-*.*s ", w->instance, STR_ARG(m->instance_id));
	printf("%-*.*s %-*.*s %-15d ", w->host, STR_ARG(m->host), w->client, STR_ARG(m->client_id), m->n_assigned);
	if (tool_has(t, "verbose")) {
		printf("%-15.*s %-*.*s %-15.*s %-*.*s", STR_ARG(number(t, m->epoch)), w->current,
		       STR_ARG(assignment_text(t, m->assigned, m->n_assigned)),
		       STR_ARG(number(t, g->is_consumer ? g->assignment_epoch : -1)), w->target,
		       STR_ARG(assignment_text(t, m->target, m->n_target)));
		if (w->migrating)
			printf(" %s", m->upgraded < 0 ? "-" : m->upgraded ? "true" : "false");
	}
	putchar('\n');
}

static void print_members(struct tool *t, const struct group *g)
{
	struct member_widths w = measure(t, g);

	say_state(t, g, g->n_members);
	printf("\n%-*s %-*s ", w.group, "GROUP", w.consumer, "CONSUMER-ID");
	if (w.with_instance)
		printf("%-*s ", w.instance, "GROUP-INSTANCE-ID");
	printf("%-*s %-*s %-15s ", w.host, "HOST", w.client, "CLIENT-ID", "#PARTITIONS");
	if (tool_has(t, "verbose"))
		printf("%-15s %-*s %-15s %-*s%s", "CURRENT-EPOCH", w.current, "CURRENT-ASSIGNMENT", "TARGET-EPOCH",
		       w.target, "TARGET-ASSIGNMENT", w.migrating ? " UPGRADED" : "");
	putchar('\n');
	for (int i = 0; i < g->n_members; i++)
		print_member(t, g, &g->members[i], &w);
}

void group_show_members(struct tool *t, const struct group *g)
{
	json_t *members = json_array();

	for (int i = 0; i < g->n_members && t->json; i++) {
		const struct group_member *m = &g->members[i];

		json_array_append_new(members,
				      json_pack("{s:o,s:o,s:o,s:o,s:i,s:o,s:o}", "consumerId", json_str(m->id),
						"groupInstanceId", json_str(m->instance_id), "host", json_str(m->host),
						"clientId", json_str(m->client_id), "partitions", m->n_assigned,
						"epoch", json_number(m->epoch), "assignment",
						json_str(assignment_text(t, m->assigned, m->n_assigned))));
	}
	if (t->json)
		json_array_append_new(t->out, json_pack("{s:o,s:o,s:O}", "group", json_str(g->id), "state",
							json_str(g->state), "members", members));
	else
		print_members(t, g);
	json_decref(members);
}

/* ---- --state ---- */

static void print_state(struct tool *t, const struct group *g, struct str coordinator)
{
	int group = widest(15, g->id), width = widest(25, coordinator);
	bool verbose = tool_has(t, "verbose");

	if (!say_state(t, g, 1))
		return;
	printf("\n%-*s %-*s %-20s %-20s %s%s", group, "GROUP", width, "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY",
	       "STATE", verbose ? "GROUP-EPOCH     TARGET-ASSIGNMENT-EPOCH   " : "", "#MEMBERS");
	printf("\n%-*.*s %-*.*s %-20.*s %-20.*s ", group, STR_ARG(g->id), width, STR_ARG(coordinator),
	       STR_ARG(or_dash(g->assignor)), STR_ARG(g->state));
	if (verbose)
		printf("%-15.*s %-25.*s ", STR_ARG(number(t, g->epoch)), STR_ARG(number(t, g->assignment_epoch)));
	printf("%d\n", g->n_members);
}

void group_show_state(struct tool *t, const struct group *g)
{
	const struct client_broker *b = client_broker_find(t->client, g->coordinator);
	struct str coordinator = b ? arena_printf(&t->arena, "%s:%d  (%d)", b->host, b->port, b->id) : STR("-");

	if (!t->json) {
		print_state(t, g, coordinator);
		return;
	}
	json_array_append_new(t->out, json_pack("{s:o,s:i,s:o,s:o,s:o,s:o,s:i}", "group", json_str(g->id),
						"coordinator", (int)g->coordinator, "assignmentStrategy",
						json_str(g->assignor), "state", json_str(g->state), "groupEpoch",
						json_number(g->epoch), "targetAssignmentEpoch",
						json_number(g->assignment_epoch), "members", g->n_members));
}
