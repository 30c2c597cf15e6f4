/*
 * peer: answers what Assign.java asks, a line a question, words between spaces:
 *
 *	assign ASSIGNOR SAME-SUBSCRIPTION N-TOPICS [NAME ID PARTITIONS]... N-MEMBERS [ID INSTANCE N-NAMES [NAME]... TARGET]...
 *		where TARGET is N [ID N [PARTITION]...]..., and "-" no instance; the answer is the new TARGET of each member
 *	hash N-TOPICS [NAME ID PARTITIONS [N-RACKS [RACK]...]...]...
 *	pattern PATTERN NAME	"match", "no", "bad WORDS"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "compat/lib/questions.h"
#include "group/assign.h"
#include "group/consumer_hash.h"
#include "group/regex.h"

static struct uuid id(void)
{
	struct uuid u;

	if (!uuid_parse(word(), &u))
		abort();
	return u;
}

static struct str hex(void)
{
	struct str w = word();
	char *p = arena_alloc(&arena, (size_t)w.len);

	for (int i = 1; i + 1 < w.len; i += 2) {
		unsigned v;

		sscanf(w.p + i, "%2x", &v);
		p[i / 2] = (char)v;
	}
	return (struct str){p, (w.len - 1) / 2};
}

/* ---- assignments ---- */

static struct assign_set read_target(void)
{
	struct assign_set s = {number(), NULL};

	s.v = arena_array(&arena, (size_t)s.n + 1, sizeof(*s.v));
	for (int32_t i = 0; i < s.n; i++) {
		s.v[i].id = id();
		s.v[i].n = number();
		s.v[i].partitions = arena_array(&arena, (size_t)s.v[i].n + 1, sizeof(int32_t));
		for (int32_t j = 0; j < s.v[i].n; j++)
			s.v[i].partitions[j] = number();
	}
	order_target(&s);
	return s;
}

static void write_target(const struct assign_set *s)
{
	char text[UUID_TEXT_LEN + 1];

	printf("%d ", s->n);
	for (int32_t i = 0; i < s->n; i++) {
		printf("%s %d ", uuid_text(s->v[i].id, text), s->v[i].n);
		for (int32_t j = 0; j < s->v[i].n; j++)
			printf("%d ", s->v[i].partitions[j]);
	}
}

static void read_member(struct assign_member *m, const struct str *names, int32_t n_topics)
{
	struct str *v;
	int32_t *topics;

	m->id = word();
	m->instance_id = word();
	if (str_is(m->instance_id, "-"))
		m->instance_id = STR_NULL;
	m->n_names = number();
	v = arena_array(&arena, (size_t)m->n_names + 1, sizeof(*v));
	topics = arena_array(&arena, (size_t)m->n_names + 1, sizeof(*topics));
	for (int32_t i = 0; i < m->n_names; i++)
		v[i] = word();
	order_strings(v, m->n_names, order_table_of_copy((size_t)m->n_names));
	for (int32_t i = 0; i < m->n_names; i++) {
		for (int32_t j = 0; j < n_topics; j++) {
			if (str_eq(v[i], names[j]))
				topics[m->n_topics++] = j;
		}
	}
	m->topics = topics;
	m->owned = read_target();
}

static void answer_assign(void)
{
	const struct assignor *assignor = assignor_find(word());
	struct assign_spec spec = {.arena = &arena};
	struct assign_source *sources;
	struct str *names;
	int32_t *hashes;

	spec.homogeneous = number() == 1;
	spec.n_sources = number();
	sources = arena_array(&arena, (size_t)spec.n_sources + 1, sizeof(*sources));
	names = arena_array(&arena, (size_t)spec.n_sources + 1, sizeof(*names));
	for (int32_t i = 0; i < spec.n_sources; i++) {
		names[i] = word();
		sources[i].id = id();
		sources[i].n_partitions = number();
	}
	spec.sources = sources;
	spec.n_members = number();
	spec.members = arena_array(&arena, (size_t)spec.n_members + 1, sizeof(*spec.members));
	hashes = arena_array(&arena, (size_t)spec.n_members + 1, sizeof(*hashes));
	for (int32_t i = 0; i < spec.n_members; i++) {
		read_member(&spec.members[i], names, spec.n_sources);
		hashes[i] = str_java_hash(spec.members[i].id);
	}
	struct str *asked = arena_array(&arena, (size_t)spec.n_members + 1, sizeof(*asked));
	for (int32_t i = 0; i < spec.n_members; i++)
		asked[i] = spec.members[i].id;
	order_members(spec.members, spec.n_members, sizeof(*spec.members), hashes,
		      order_table(16, (size_t)spec.n_members));
	if (assignor->assign(&spec) != 0) {
		printf("failed");
		return;
	}
	for (int32_t i = 0; i < spec.n_members; i++) {
		for (int32_t j = 0; j < spec.n_members; j++) {
			if (str_eq(spec.members[j].id, asked[i]))
				write_target(&spec.members[j].target);
		}
	}
}

/* ---- hashes and patterns ---- */

static void answer_hash(void)
{
	int32_t n = number();
	uint64_t hashes[8];

	for (int32_t i = 0; i < n; i++) {
		struct buf b = {0};
		struct str name = word();
		struct uuid topic = id();
		int32_t n_partitions = number();

		consumer_hash_head(&b, topic, name, n_partitions);
		for (int32_t p = 0; p < n_partitions; p++) {
			struct str racks[4];
			int32_t n_racks = number();

			for (int32_t r = 0; r < n_racks; r++)
				racks[r] = hex();
			consumer_hash_partition(&b, p, racks, n_racks);
		}
		hashes[i] = consumer_hash_end(&b);
		buf_fini(&b);
	}
	printf("%lld", (long long)consumer_group_hash(hashes, n));
}

static void answer_pattern(void)
{
	struct str why, pattern = hex(), name = hex();
	struct regex *r = regex_new(pattern, &why);

	if (r)
		printf("%s", regex_matches(r, name) ? "match" : "no");
	else
		printf("bad %.*s", STR_ARG(why));
	regex_free(r);
}

static const struct question questions[] = {
	{"assign", answer_assign},
	{"hash", answer_hash},
	{"pattern", answer_pattern},
};

int main(void)
{
	answer_all(questions, sizeof(questions) / sizeof(*questions));
	return 0;
}
