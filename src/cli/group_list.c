/* group_list: sends ListGroups to every broker: each knows the groups it coordinates. */
#include "cli/group_list.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/list_groups.h"
#include "protocol/metadata.h"

static const char *const STATES[] = {"PreparingRebalance", "CompletingRebalance", "Stable",  "Dead", "Empty",
				     "Assigning",	   "Reconciling",	  "NotReady"};

struct str group_state_parse(struct str text)
{
	for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++)
		if ((size_t)text.len == strlen(STATES[i]) && strncasecmp(text.p, STATES[i], (size_t)text.len) == 0)
			return str_of(STATES[i]);
	return STR_NULL;
}

/* "consumer" is printed as "Consumer". */
static struct str type_name(struct str wire)
{
	static const char *const TYPES[] = {"Classic", "Consumer", "Share", "Streams"};

	for (int i = 0; i < 4; i++)
		if ((size_t)wire.len == strlen(TYPES[i]) && strncasecmp(wire.p, TYPES[i], (size_t)wire.len) == 0)
			return str_of(TYPES[i]);
	return wire;
}

static bool is_listed(struct str s, const struct str *v, int n)
{
	for (int i = 0; i < n; i++)
		if (str_eq(v[i], s))
			return true;
	return n == 0;
}

/* Filters exist since versions 4 and 5; an older broker lists all its groups. */
static int fit(struct call *call)
{
	struct list_groups_request *r = (struct list_groups_request *)(uintptr_t)call->request;

	if (call->version < 5)
		r->types_filter.n = 0;
	if (call->version < 4)
		r->states_filter.n = 0;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return str_cmp(((const struct group_line *)a)->id, ((const struct group_line *)b)->id);
}

struct group_list group_list_all(struct tool *t, const struct str *states, int n_states, const struct str *types,
				 int n_types)
{
	static const struct metadata_request NO_TOPICS = {.allow_auto_topic_creation = true};
	const struct metadata_response *m = tool_must(t, CLIENT_ANY, metadata_request_KEY, &NO_TOPICS);
	struct ask *asks = arena_array(&t->arena, (size_t)m->brokers.n + 1, sizeof(*asks));
	struct group_list l = {0};
	size_t total = 1;

	for (int32_t i = 0; i < m->brokers.n; i++) {
		struct list_groups_request *r = arena_zalloc(&t->arena, sizeof(*r));

		r->states_filter.v = (struct str *)(uintptr_t)states;
		r->states_filter.n = n_states;
		r->types_filter.v = (struct str *)(uintptr_t)types;
		r->types_filter.n = n_types;
		asks[i].call.fit = fit;
		tool_ask_start(t, &asks[i], m->brokers.v[i].node_id, list_groups_request_KEY, r);
	}
	tool_wait(t);
	for (int32_t i = 0; i < m->brokers.n; i++) {
		int err = tool_ask_error(t, &asks[i]);

		if (err != 0)
			tool_die_of(t, err, t->message);
		total += (size_t)((const struct list_groups_response *)asks[i].call.response)->groups.n;
	}
	l.v = arena_array(&t->arena, total, sizeof(*l.v));
	for (int32_t i = 0; i < m->brokers.n; i++) {
		const struct list_groups_response *r = asks[i].call.response;

		for (int32_t k = 0; k < r->groups.n; k++)
			if (is_listed(r->groups.v[k].group_state, states, n_states))
				l.v[l.n++] = (struct group_line){r->groups.v[k].group_id, r->groups.v[k].protocol_type,
								 r->groups.v[k].group_state,
								 type_name(r->groups.v[k].group_type)};
	}
	qsort(l.v, (size_t)l.n, sizeof(*l.v), by_id);
	return l;
}
