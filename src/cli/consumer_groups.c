/*
 * consumer_groups: `odradek consumer-groups`: kafka-consumer-groups.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/group_describe.h"
#include "cli/group_list.h"
#include "cli/group_reset.h"
#include "group/regex.h"
#include "protocol/delete_groups.h"
#include "protocol/offset_delete.h"

extern const struct command command_consumer_groups;

enum { NAMES_MAX = 16 };

/* ---- which groups ---- */

static bool is_of_consumers(const struct group_line *g)
{
	return str_is(g->protocol, "consumer") || g->protocol.len == 0 || str_is(g->type, "Consumer");
}

static bool is_share_or_streams(const struct group_line *g)
{
	return str_is(g->type, "Share") || str_is(g->type, "Streams");
}

/* A value with commas, each in its one spelling. */
static int read_names(struct tool *t, const char *text, struct str (*parse)(struct str), struct str *out,
		      const char *what)
{
	int n = 0;

	for (const char *at = text && *text ? text : NULL; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		const char *from = at + strspn(at, " ");
		struct str name = parse((struct str){from, (int32_t)strcspn(from, ", ")});

		if (!name.p || n == NAMES_MAX)
			tool_misused(t, "%s", what);
		out[n++] = name;
	}
	return n;
}

static struct str parse_type(struct str s)
{
	if (s.len == 7 && strncasecmp(s.p, "classic", 7) == 0)
		return STR("classic");
	return s.len == 8 && strncasecmp(s.p, "consumer", 8) == 0 ? STR("consumer") : STR_NULL;
}

static struct group_list consumer_groups_of(struct tool *t)
{
	static const char *const STATES_WRONG =
		"Invalid state list. Valid states are: PreparingRebalance, CompletingRebalance, Stable, Dead, Empty, "
		"Assigning, Reconciling";
	struct str states[NAMES_MAX], types[NAMES_MAX];
	bool listing = tool_has(t, "list");
	int n_states = listing ? read_names(t, tool_value(t, "state"), group_state_parse, states, STATES_WRONG) : 0;
	int n_types = listing ? read_names(t, tool_value(t, "type"), parse_type, types,
					   "Invalid types list. Valid types are: Consumer, Classic")
			      : 0;
	struct group_list l = group_list_all(t, states, n_states, types, n_types), out;

	out = (struct group_list){arena_array(&t->arena, (size_t)l.n + 1, sizeof(*out.v)), 0};
	for (int i = 0; i < l.n; i++)
		if (is_of_consumers(&l.v[i]) && !is_share_or_streams(&l.v[i]))
			out.v[out.n++] = l.v[i];
	return out;
}

static struct str *chosen(struct tool *t, int *n)
{
	int count = options_count(&t->options, "group");
	struct group_list l = {0};
	struct str *ids;

	if (tool_has(t, "all-groups"))
		l = consumer_groups_of(t);
	ids = arena_array(&t->arena, (size_t)(l.n + count) + 1, sizeof(*ids));
	*n = 0;
	for (int i = 0; i < l.n; i++)
		ids[(*n)++] = l.v[i].id;
	for (int i = 0; i < count; i++)
		ids[(*n)++] = str_of(options_nth(&t->options, "group", i));
	return ids;
}

/* ---- --list ---- */

static struct str or_unknown(struct str s)
{
	return s.len > 0 ? s : STR("Unknown");
}

static void print_list(struct tool *t, const struct group_list *l)
{
	bool type = tool_has(t, "type"), state = tool_has(t, "state");
	int width = 15;

	for (int i = 0; i < l->n; i++)
		width = l->v[i].id.len > width ? l->v[i].id.len : width;
	printf("%-*s%s%s\n", width + 10, "GROUP", type ? " TYPE                " : "",
	       state ? " STATE               " : "");
	for (int i = 0; i < l->n; i++) {
		printf("%-*.*s", width + 10, STR_ARG(l->v[i].id));
		if (type)
			printf(" %-20.*s", STR_ARG(or_unknown(l->v[i].type)));
		if (state)
			printf(" %-20.*s", STR_ARG(or_unknown(l->v[i].state)));
		putchar('\n');
	}
}

static int list(struct tool *t)
{
	struct group_list l = consumer_groups_of(t);

	t->out = json_array();
	for (int i = 0; i < l.n && t->json; i++)
		json_array_append_new(t->out, json_pack("{s:o,s:o,s:o}", "group", json_str(l.v[i].id), "type",
							json_str(l.v[i].type), "state", json_str(l.v[i].state)));
	if (!t->json && (tool_has(t, "type") || tool_has(t, "state")))
		print_list(t, &l);
	else if (!t->json)
		for (int i = 0; i < l.n; i++)
			printf("%.*s\n", STR_ARG(l.v[i].id));
	return EXIT_FINE;
}

/* ---- --describe: what is said of every group ---- */

/* False: there is nothing to show. */
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
	const struct group_member *member; /* NULL: nobody reads it */
	struct partition p;		   /* offset: the end, -1 when it is not known */
	int64_t committed;		   /* -1: nothing */
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

static void describe_offsets(struct tool *t, const struct group *g)
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

static void describe_members(struct tool *t, const struct group *g)
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

static void describe_state(struct tool *t, const struct group *g)
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

static int by_id(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int describe(struct tool *t)
{
	int n;
	struct str *ids = chosen(t, &n);
	struct group *groups = arena_array(&t->arena, (size_t)n + 1, sizeof(*groups));

	qsort(ids, (size_t)n, sizeof(*ids), by_id);
	for (int i = 0; i < n; i++) {
		groups[i] = group_describe(t, tool_string(t, ids[i]));
		t->exception_names = true;
		if (groups[i].err)
			tool_die_of(t, groups[i].err, groups[i].message);
	}
	t->out = json_array();
	for (int i = 0; i < n; i++) {
		if (tool_has(t, "members"))
			describe_members(t, &groups[i]);
		else if (tool_has(t, "state"))
			describe_state(t, &groups[i]);
		else
			describe_offsets(t, &groups[i]);
	}
	return EXIT_FINE;
}

/* ---- --delete ---- */

static int delete_one(struct tool *t, struct str id)
{
	struct delete_groups_request r = {.groups_names = {&id, 1}};
	const struct delete_groups_response *d;
	const void *response;
	int err;
	int32_t coordinator = tool_coordinator(t, 0, tool_string(t, id), &err);

	if (err == 0)
		err = tool_ask(t, coordinator, delete_groups_request_KEY, &r, &response);
	if (err != 0)
		return err;
	d = response;
	t->message = d->results.n == 1 ? d->results.v[0].error_message : STR_NULL;
	return d->results.n == 1 ? d->results.v[0].error_code : ERR_UNKNOWN_SERVER_ERROR;
}

static void print_deleted(const struct str *ids, const int *errs, int n)
{
	const char *separator = "";

	for (int i = 0; i < n; i++) {
		if (errs[i])
			continue;
		printf("%s'%.*s'", separator, STR_ARG(ids[i]));
		separator = ", ";
	}
}

static int delete (struct tool *t)
{
	int n, failed = 0;
	struct str *ids = chosen(t, &n);
	int *errs = arena_array(&t->arena, (size_t)n + 1, sizeof(*errs));
	struct str *messages = arena_array(&t->arena, (size_t)n + 1, sizeof(*messages));
	char name[96];

	for (int i = 0; i < n; i++) {
		errs[i] = delete_one(t, ids[i]);
		messages[i] = tool_error_text(t, errs[i] ? errs[i] : ERR_NONE, errs[i] ? t->message : STR(""));
		failed += errs[i] != 0;
	}
	t->out = json_array();
	for (int i = 0; i < n && t->json; i++)
		json_array_append_new(t->out, json_pack("{s:o,s:o}", "group", json_str(ids[i]), "error",
							errs[i] ? json_str(messages[i]) : json_null()));
	if (t->json)
		return EXIT_FINE;
	if (failed == 0) {
		printf("Deletion of requested consumer groups (");
		print_deleted(ids, errs, n);
		printf(") was successful.\n");
		return EXIT_FINE;
	}
	printf("\nError: Deletion of some consumer groups failed:\n");
	for (int i = 0; i < n; i++)
		if (errs[i])
			printf("* Group '%.*s' could not be deleted due to: org.apache.kafka.common.errors.%s: %.*s\n",
			       STR_ARG(ids[i]), tool_exception(errs[i], name), STR_ARG(messages[i]));
	if (failed < n) {
		printf("\nThese consumer groups were deleted successfully: ");
		print_deleted(ids, errs, n);
		putchar('\n');
	}
	return EXIT_FINE;
}

/* ---- --delete-offsets ---- */

static int ask_delete(struct tool *t, struct partition *v, int n)
{
	struct offset_delete_request r = {.group_id = str_of(tool_value(t, "group"))};
	const struct offset_delete_response *d;
	const void *response;
	int err;
	int32_t coordinator = tool_coordinator(t, 0, tool_value(t, "group"), &err);

	r.topics.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*r.topics.v));
	for (int i = 0; i < n; i++) {
		struct offset_delete_request_topic *topic = &r.topics.v[r.topics.n - 1];

		if (i == 0 || !str_eq(v[i].topic, v[i - 1].topic)) {
			topic = &r.topics.v[r.topics.n++];
			topic->name = v[i].topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(n - i), sizeof(*topic->partitions.v));
		}
		topic->partitions.v[topic->partitions.n++].partition_index = v[i].partition;
	}
	if (err == 0)
		err = tool_ask(t, coordinator, offset_delete_request_KEY, &r, &response);
	for (int i = 0; i < n; i++)
		v[i].err = err;
	if (err != 0)
		return err;
	d = response;
	for (int32_t i = 0; i < d->topics.n; i++)
		for (int32_t k = 0; k < d->topics.v[i].partitions.n; k++) {
			struct partition key = {.topic = d->topics.v[i].name,
						.partition = d->topics.v[i].partitions.v[k].partition_index};
			struct partition *p = bsearch(&key, v, (size_t)n, sizeof(*v), partition_compare);

			if (p)
				p->err = d->topics.v[i].partitions.v[k].error_code;
		}
	return 0;
}

static void print_outcome(struct tool *t, int err)
{
	switch (err) {
	case 0:
		printf("Request succeeded for deleting offsets from group %s.\n", tool_value(t, "group"));
		break;
	case ERR_INVALID_GROUP_ID:
	case ERR_GROUP_ID_NOT_FOUND:
	case ERR_GROUP_AUTHORIZATION_FAILED:
	case ERR_NON_EMPTY_GROUP:
		printf("\nError: %s\n", err_message(err));
		break;
	case ERR_GROUP_SUBSCRIBED_TO_TOPIC:
	case ERR_TOPIC_AUTHORIZATION_FAILED:
	case ERR_UNKNOWN_TOPIC_OR_PARTITION:
		printf("\nError: Encountered some partition-level error, see the follow-up details.\n");
		break;
	default:
		printf("\nError: Encountered some unknown error: %s\n", err_name(err));
	}
}

static int delete_offsets(struct tool *t)
{
	int n, err, width = 15;
	struct partition *v = topic_arguments(t, &n);
	char name[96];

	err = ask_delete(t, v, n);
	for (int i = 0; i < n; i++) {
		err = err ? err : v[i].err;
		width = widest(width, v[i].topic);
	}
	t->out = json_array();
	for (int i = 0; i < n && t->json; i++)
		json_array_append_new(t->out,
				      json_pack("{s:o,s:i,s:s?}", "topic", json_str(v[i].topic), "partition",
						(int)v[i].partition, "error", v[i].err ? err_name(v[i].err) : NULL));
	if (t->json)
		return EXIT_FINE;
	print_outcome(t, err);
	printf("\n%-*s %-10s %-15s", width, "TOPIC", "PARTITION", "STATUS");
	for (int i = 0; i < n; i++) {
		printf("\n%-*.*s %-10d ", width, STR_ARG(v[i].topic), v[i].partition);
		if (v[i].err)
			printf("Error: org.apache.kafka.common.errors.%s: %.*s", tool_exception(v[i].err, name),
			       STR_ARG(tool_error_text(t, v[i].err, STR_NULL)));
		else
			printf("%-15s", "Successful");
	}
	putchar('\n');
	return EXIT_FINE;
}

static int reset_offsets(struct tool *t)
{
	int n;
	struct str *ids = chosen(t, &n);

	t->exception_names = true;
	return groups_reset(t, ids, n);
}

/* ---- --validate-regex ---- */

static int validate_regex(struct tool *t)
{
	const char *text = tool_value(t, "validate-regex");
	struct str why = STR_NULL;
	struct regex *regex = regex_new(str_of(text), &why);

	if (t->json)
		t->out = json_pack("{s:s,s:b,s:o}", "regex", text, "valid", regex != NULL, "error",
				   regex ? json_null() : json_str(why));
	else if (regex)
		printf("The regular expression `%s` is valid.\n", text);
	else
		printf("The regular expression `%s` is invalid: %.*s.\n", text, STR_ARG(why));
	regex_free(regex);
	return EXIT_FINE;
}

/* ---- arguments ---- */

static const struct {
	const char *name;
	int (*run)(struct tool *t);
} ACTIONS[] = {
	{"list", list},
	{"describe", describe},
	{"delete", delete},
	{"reset-offsets", reset_offsets},
	{"delete-offsets", delete_offsets},
	{"validate-regex", validate_regex},
};

static void check_scope(struct tool *t, const char *action)
{
	if (!tool_has(t, action))
		return;
	if (!tool_has(t, "group") && !tool_has(t, "all-groups"))
		tool_misused(t, "Option [%s] takes one of these options: [group], [all-groups]", action);
	if (tool_has(t, "group") && tool_has(t, "all-groups"))
		tool_misused(t, "Option \"[group]\" can't be used with option \"[all-groups]\"");
}

static void check_only_with(struct tool *t, const char *option, const char *one, const char *other)
{
	if (tool_has(t, option) && !tool_has(t, one) && !(other && tool_has(t, other)))
		tool_misused(t, "Option(s) [%s] are unavailable given other options on the command line", option);
}

static void check_describe(struct tool *t)
{
	int n = tool_has(t, "members") + tool_has(t, "offsets") + tool_has(t, "state");

	if (!tool_has(t, "describe"))
		return;
	if (n > 1)
		tool_misused(t, "Option [describe] takes at most one of these options: [members], [offsets], [state]");
	if (tool_has(t, "state") && tool_value(t, "state"))
		tool_misused(t, "Option [describe] does not take a value for [state]");
}

static void check_reset(struct tool *t)
{
	static const char *const SCENARIOS[] = {"to-offset",   "shift-by",  "to-datetime", "by-duration",
						"to-earliest", "to-latest", "to-current",  "from-file"};

	if (!tool_has(t, "reset-offsets"))
		return;
	if (tool_has(t, "dry-run") && tool_has(t, "execute"))
		tool_misused(t, "Option [reset-offsets] only accepts one of [execute] and [dry-run]");
	if (!tool_has(t, "dry-run") && !tool_has(t, "execute"))
		fprintf(stderr,
			"WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require either "
			"--dry-run or --execute to be specified. You should add the --dry-run option explicitly if you are scripting this command "
			"and want to keep the current default behavior without prompting.\n");
	for (int i = 0; i < 8; i++)
		for (int k = 0; k < i; k++)
			if (tool_has(t, SCENARIOS[i]) && tool_has(t, SCENARIOS[k]))
				tool_misused(t, "Option \"[%s]\" can't be used with option \"[%s]\"", SCENARIOS[k],
					     SCENARIOS[i]);
}

static void check_options(struct tool *t)
{
	if (!tool_has(t, "validate-regex") && !tool_has(t, "bootstrap-server"))
		tool_misused(t, "Missing required argument \"[bootstrap-server]\"");
	check_scope(t, "describe");
	check_scope(t, "delete");
	check_scope(t, "reset-offsets");
	check_describe(t);
	check_reset(t);
	check_only_with(t, "members", "describe", NULL);
	check_only_with(t, "offsets", "describe", NULL);
	check_only_with(t, "verbose", "describe", NULL);
	check_only_with(t, "state", "describe", "list");
	check_only_with(t, "type", "list", NULL);
	if (tool_has(t, "delete") && tool_has(t, "topic"))
		tool_misused(t, "The consumer does not support topic-specific offset deletion from a consumer group.");
	if (tool_has(t, "delete-offsets") && (!tool_has(t, "group") || !tool_has(t, "topic")))
		tool_misused(t, "Option [delete-offsets] takes the following options: [group], [topic]");
	if (tool_has(t, "list") && tool_has(t, "group"))
		tool_misused(t, "Option \"[group]\" can't be used with option \"[list]\"");
}

static int consumer_groups(struct tool *t)
{
	static const char *const NAMES[] = {"list",	      "describe",	"delete", "reset-offsets",
					    "delete-offsets", "validate-regex", NULL};
	int action =
		tool_one_of(t, NAMES,
			    "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, "
			    "--delete-offsets, --validate-regex");

	check_options(t);
	t->complaint = "\nError: Executing consumer group command failed due to ";
	t->complain_to = stdout;
	t->die_code = EXIT_FINE; /* Kafka's tool ends so */
	if (tool_has(t, "timeout"))
		tool_property_set(t, "default.api.timeout.ms", tool_value(t, "timeout"));
	else if (!tool_property(t, "default.api.timeout.ms"))
		tool_property_set(t, "default.api.timeout.ms", "30000");
	if (!tool_has(t, "validate-regex"))
		tool_connect(t);
	return ACTIONS[action].run(t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_consumer_groups, argc, argv, consumer_groups);
}

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to begin with", NULL, 0, 0},
	{"list", NULL, "list the groups of consumers", NULL, 0, 0},
	{"describe", NULL, "tell about groups: how far they have read and who is in them", NULL, 0, 0},
	{"delete", NULL, "delete groups without members", NULL, 0, 0},
	{"reset-offsets", NULL, "set the offsets of groups without members", NULL, 0, 0},
	{"delete-offsets", NULL, "delete the offsets of topics", NULL, 0, 0},
	{"validate-regex", "REGEX", "is this a regular expression?", NULL, 0, 0},
	{"group", "GROUP", "the group", NULL, 0, OPTION_MANY},
	{"all-groups", NULL, "all groups of consumers", NULL, 0, 0},
	{"topic", "TOPIC[:N,...]", "the topic, or some of its partitions", NULL, 0, OPTION_MANY},
	{"all-topics", NULL, "all topics that the group has offsets of", NULL, 0, 0},
	{"offsets", NULL, "describe the offsets (what --describe does anyway)", NULL, 0, 0},
	{"members", NULL, "describe the members", NULL, 0, 0},
	{"state", "STATE,...", "describe or list the state; list only groups in these states", NULL, 0, OPTION_MAYBE},
	{"type", "TYPE,...", "list the type; list only groups of these types: classic, consumer", NULL, 0,
	 OPTION_MAYBE},
	{"verbose", NULL, "describe more", NULL, 0, 0},
	{"dry-run", NULL, "only say what the offsets would be (what --reset-offsets does without --execute)", NULL, 0,
	 0},
	{"execute", NULL, "commit them", NULL, 0, 0},
	{"export", NULL, "print them as CSV, for --from-file", NULL, 0, 0},
	{"to-offset", "OFFSET", "to this offset", NULL, 0, 0},
	{"to-earliest", NULL, "to the first there is", NULL, 0, 0},
	{"to-latest", NULL, "to the end", NULL, 0, 0},
	{"to-current", NULL, "to where they are", NULL, 0, 0},
	{"shift-by", "N", "by so many, forwards or (negative) backwards", NULL, 0, 0},
	{"to-datetime", "YYYY-MM-DDThh:mm:ss.sss",
	 "to the first record at or after a moment, in UTC unless a zone follows", NULL, 0, 0},
	{"by-duration", "PnDTnHnMnS", "to the first record of the last such time", NULL, 0, 0},
	{"from-file", "FILE", "as in this CSV file: topic,partition,offset or group,topic,partition,offset", NULL, 0,
	 0},
	{"timeout", "MS", "how long answers may take (30000)", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_consumer_groups = {
	.name = "consumer-groups",
	.summary = "groups of consumers, their members and offsets, as kafka-consumer-groups",
	.run = run,
	.options = OPTIONS,
	.description =
		"Lists, describes and deletes groups of consumers and sets their offsets, as kafka-consumer-groups does.",
	.examples =
		"  odradek consumer-groups --bootstrap-server localhost:9092 --describe --group g\n"
		"  odradek consumer-groups --bootstrap-server localhost:9092 --reset-offsets --group g --topic t --to-earliest --execute\n",
};
