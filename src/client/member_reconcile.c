/*
 * member_reconcile: from the partitions a member has to those it is to have: gives up the surplus,
 * commits what was read from it, looks up where the new ones start, and keeps reading the ones that
 * stay.
 */
#include <stdlib.h>

#include "base/err.h"
#include "client/member_private.h"
#include "protocol/offset_fetch.h"

enum { OFFSETS_VERSION = 7 };

/* ---- lists ---- */

static void sort_partitions(struct partitions_list *l)
{
	if (l->n > 0)
		qsort(l->v, (size_t)l->n, sizeof(*l->v), consumer_partition_compare);
}

static bool list_has(const struct partitions_list *l, const struct consumer_partition *p)
{
	return l->n > 0 && bsearch(p, l->v, (size_t)l->n, sizeof(*l->v), consumer_partition_compare) != NULL;
}

/* Those of `of` that are, or are not, in `l`. NULL in v: out of memory. */
static struct partitions_list filter_list(struct arena *a, const struct partitions_list *of,
					  const struct partitions_list *l, bool in)
{
	struct partitions_list out = {arena_array(a, (size_t)of->n + 1, sizeof(*out.v)), 0};

	for (int i = 0; out.v && i < of->n; i++)
		if (list_has(l, &of->v[i]) == in)
			out.v[out.n++] = of->v[i];
	return out;
}

struct partitions_list member_owned(struct member *m, struct arena *a)
{
	int n = consumer_count(m->consumer);
	struct partitions_list l = {arena_array(a, (size_t)n + 1, sizeof(*l.v)), 0};

	for (int i = 0; l.v && i < n; i++) {
		struct consumer_partition p = consumer_position(m->consumer, i);

		p.topic = i > 0 && str_eq(p.topic, l.v[i - 1].topic) ? l.v[i - 1].topic : arena_str(a, p.topic);
		if (!p.topic.p)
			return (struct partitions_list){NULL, 0};
		l.v[l.n++] = p;
	}
	sort_partitions(&l);
	return l;
}

/* ---- giving up ---- */

/* Revoked partitions are not read any further before they are committed: nothing is read twice. */
static void take_back(struct member *m, const struct partitions_list *gone, const struct partitions_list *kept)
{
	if (m->options.revoked)
		m->options.revoked(m->options.arg, gone->v, gone->n);
	member_owe(m, gone->v, gone->n);
	consumer_assign(m->consumer, kept->v, kept->n);
}

void member_give_up_all(struct member *m, void (*then)(struct member *m))
{
	static const struct partitions_list NONE;
	struct partitions_list owned;

	arena_reset(&m->arena);
	owned = member_owned(m, &m->arena);
	if (!owned.v) {
		member_no_memory(m);
		return;
	}
	if (owned.n > 0)
		take_back(m, &owned, &NONE);
	member_commit_then(m, then);
}

/* ---- getting ---- */

static void take_added(struct member *m, const struct partitions_list *added)
{
	struct partitions_list owned = member_owned(m, &m->arena), all;
	int n = owned.n + added->n;

	all = (struct partitions_list){arena_array(&m->arena, (size_t)n + 1, sizeof(*all.v)), 0};
	if (!owned.v || !all.v) {
		member_no_memory(m);
		return;
	}
	for (int i = 0; i < owned.n; i++)
		all.v[all.n++] = owned.v[i];
	for (int i = 0; i < added->n; i++)
		all.v[all.n++] = added->v[i];
	if (added->n > 0)
		consumer_assign(m->consumer, all.v, all.n);
	m->step = STEP_STABLE;
	member_commit_periodically(m);
	if (m->options.assigned)
		m->options.assigned(m->options.arg, added->v, added->n);
	if (m->step == STEP_STABLE)
		m->protocol->reconciled(m, m->gave_up);
}

static int offsets_error(const struct call *call)
{
	const struct offset_fetch_response *r = call->response;
	struct str message;
	int err = call->err ? call->err : client_answer_error(call, &message);

	for (int32_t i = 0; err == 0 && i < r->topics.n; i++)
		for (int32_t k = 0; err == 0 && k < r->topics.v[i].partitions.n; k++)
			err = r->topics.v[i].partitions.v[k].error_code;
	return err;
}

/* Accepts only what was asked for; partitions made up by the answer are ignored. */
static void take_offsets(struct member *m, struct partitions_list *added, const struct offset_fetch_response *r)
{
	for (int i = 0; i < added->n; i++)
		added->v[i].offset = m->options.reset;
	for (int32_t i = 0; i < r->topics.n; i++)
		for (int32_t k = 0; k < r->topics.v[i].partitions.n; k++) {
			const struct offset_fetch_response_partition *p = &r->topics.v[i].partitions.v[k];
			struct consumer_partition key = {r->topics.v[i].name, p->partition_index, 0};
			struct consumer_partition *of = added->n ? bsearch(&key, added->v, (size_t)added->n,
									   sizeof(key), consumer_partition_compare)
								 : NULL;

			if (of && p->committed_offset >= 0)
				of->offset = p->committed_offset;
		}
}

static struct partitions_list added_of(struct member *m)
{
	struct partitions_list owned = member_owned(m, &m->arena);

	return owned.v ? filter_list(&m->arena, &m->target, &owned, false) : owned;
}

static void on_offsets(struct call *call)
{
	struct member *m = container_of(call, struct member, call);
	struct partitions_list added = added_of(m);
	int err = offsets_error(call);

	if (err == ERR_UNSTABLE_OFFSET_COMMIT || err == ERR_COORDINATOR_LOAD_IN_PROGRESS) {
		member_later(m, STEP_RECONCILE);
	} else if (err != 0) {
		member_trouble(m, err);
	} else if (!added.v) {
		member_no_memory(m);
	} else {
		take_offsets(m, &added, call->response);
		take_added(m, &added);
	}
}

/* The numbers are in one array, of which each topic has a part. */
static struct offset_fetch_request *offsets_request(struct member *m, const struct partitions_list *added)
{
	struct offset_fetch_request *r = arena_zalloc(&m->arena, sizeof(*r));
	int32_t *numbers = arena_array(&m->arena, (size_t)added->n, sizeof(*numbers));

	if (!r || !numbers)
		return NULL;
	r->group_id = m->options.group;
	r->topics.v = arena_array(&m->arena, (size_t)added->n, sizeof(*r->topics.v));
	for (int i = 0; r->topics.v && i < added->n; i++) {
		struct offset_fetch_request_topic *t = &r->topics.v[r->topics.n - 1];

		if (i == 0 || !str_eq(added->v[i].topic, added->v[i - 1].topic)) {
			t = &r->topics.v[r->topics.n++];
			t->name = added->v[i].topic;
			t->partition_indexes.v = numbers + i;
		}
		t->partition_indexes.v[t->partition_indexes.n++] = added->v[i].partition;
	}
	return r->topics.v ? r : NULL;
}

static void find_offsets(struct member *m)
{
	struct partitions_list added = added_of(m);
	struct offset_fetch_request *r;

	if (added.v && added.n == 0) {
		take_added(m, &added);
		return;
	}
	r = added.v ? offsets_request(m, &added) : NULL;
	if (!r)
		member_no_memory(m);
	else
		member_ask(m, offset_fetch_request_KEY, OFFSETS_VERSION, m->coordinator, r, on_offsets);
}

void member_reconcile_again(struct member *m)
{
	find_offsets(m);
}

void member_reconcile(struct member *m, struct consumer_partition *v, int n)
{
	struct partitions_list owned = member_owned(m, &m->arena), gone = {NULL, 0}, kept = {NULL, 0};

	m->step = STEP_RECONCILE;
	m->target = (struct partitions_list){v, n};
	sort_partitions(&m->target);
	if (owned.v) {
		gone = filter_list(&m->arena, &owned, &m->target, false);
		kept = filter_list(&m->arena, &owned, &m->target, true);
	}
	m->gave_up = gone.n > 0;
	if (!gone.v || !kept.v) {
		member_no_memory(m);
	} else if (gone.n > 0) {
		take_back(m, &gone, &kept);
		member_commit_then(m, find_offsets);
	} else {
		find_offsets(m);
	}
}
