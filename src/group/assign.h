/*
 * assign: the assignors of KIP-848, as pure functions.
 *
 * 1. The result is exactly that of Apache Kafka 4.4, partition for partition. Kafka's results
 *    depend on the order in which Java's hash tables are iterated, so that order is reproduced
 *    here: a set (of topics, of partitions) is an array in the order in which Kafka would iterate
 *    over it, and order_* sort an array into that order for a table of a given size.
 * 2. Racks play no part in the assignors of 4.4: they are in the hash of the metadata
 *    (consumer_hash.h), so that a change of racks causes a new assignment.
 * 3. All results live in the arena of the spec; inputs are only read.
 */
#ifndef ODRADEK_GROUP_ASSIGN_H
#define ODRADEK_GROUP_ASSIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash_order.h"
#include "base/str.h"
#include "base/uuid.h"

/*
 * Partitions of one topic. `epochs` is NULL, or gives for each partition the member epoch since
 * which it has been assigned (KIP-1251).
 */
struct assign_topic {
	struct uuid id;
	int32_t n;
	int32_t *partitions;
	int32_t *epochs;
};

struct assign_set {
	int32_t n;
	struct assign_topic *v; /* none of them is empty */
};

/* A topic that exists and has a subscriber. */
struct assign_source {
	struct uuid id;
	int32_t n_partitions;
};

struct assign_member {
	struct str id;
	struct str instance_id; /* null for a dynamic member */
	const int32_t *topics;	/* indexes into the sources, in the order of the subscription */
	int32_t n_topics;
	int32_t n_names;	  /* names in the subscription, including topics that do not exist */
	struct assign_set owned;  /* its previous target */
	struct assign_set target; /* the result */
};

struct assign_spec {
	struct arena *arena;
	const struct assign_source *sources;
	int32_t n_sources;
	struct assign_member *members;
	int32_t n_members;
	bool homogeneous; /* all members have the same subscription */
};

/* A row of the table of assignors, whose names are valid in group.consumer.assignors. */
struct assignor {
	const char *name;
	/* Returns 0; -ENOMEM when the arena's budget is spent; -EPROTO when Kafka would fail too. */
	int (*assign)(struct assign_spec *spec);
};

extern const struct assignor ASSIGNORS[];	       /* ends with a NULL name */
const struct assignor *assignor_find(struct str name); /* NULL: unknown */

int assign_uniform(struct assign_spec *spec);
int assign_uniform_mixed(struct assign_spec *spec); /* for members with different subscriptions */
int assign_range(struct assign_spec *spec);

const struct assign_topic *assign_set_find(const struct assign_set *s, struct uuid id); /* NULL when there is none */
/*
 * For many look-ups in one set: assign_index finds its topics by id, assign_numbers the partitions
 * of a topic by number. Both inits return false when the arena's budget is spent.
 */
struct assign_index {
	const struct assign_topic **v; /* sorted by id */
	int32_t n;
};
bool assign_index_init(struct assign_index *x, struct arena *a, const struct assign_set *s);
const struct assign_topic *assign_index_find(const struct assign_index *x,
					     struct uuid id); /* NULL when there is none */
struct assign_numbers {
	const int32_t *v;
	int32_t n;
	bool sorted;
};
bool assign_numbers_init(struct assign_numbers *x, struct arena *a, const struct assign_topic *t); /* t NULL: none */
bool assign_numbers_have(const struct assign_numbers *x, int32_t partition);
bool assign_set_equal(const struct assign_set *a, const struct assign_set *b); /* order does not count; epochs do */
int64_t assign_set_partitions(const struct assign_set *s);

/* ---- orders of Java's HashMap and HashSet (assign_order.c, base/hash_order.h) ---- */

/* Sort members into the order of a table; members of one slot keep their order. */
void order_topics(struct assign_topic *v, int32_t n, size_t table);
void order_partitions(struct assign_topic *t, size_t table);
void order_strings(struct str *v, int32_t n, size_t table);
int32_t order_uuid_hash(struct uuid id); /* Kafka's Uuid.hashCode */
/*
 * Sort a target, or a member's partitions with their epochs, into the order that Kafka has in
 * memory after reading the record.
 */
void order_target(struct assign_set *s);
void order_current(struct assign_set *s);

/* ---- a target under construction by an assignor ---- */

struct draft_topic {
	struct assign_topic t;
	int32_t room;
	size_t table;
};

/*
 * New topics follow those that were owned; in Java's table they are at the head of their slots
 * (computeIfAbsent).
 */
struct draft {
	struct draft_topic *v;
	int32_t n;
	int32_t n_owned;
	int32_t room;
	int32_t last; /* index of the topic that got the last partition */
	size_t table; /* 0: nothing was changed, so the owned set is the target */
};

/* All of these return false when the arena's budget is spent. */
bool draft_begin(struct draft *d, struct arena *a, const struct assign_set *owned);
/* table: the table size for the set of partitions, used when this is the first of its topic. */
bool draft_add(struct draft *d, struct arena *a, struct uuid id, int32_t partition, size_t table);
void draft_remove(struct draft *d, struct uuid id, int32_t partition);
/* Keeps the first n of a topic's partitions, in the order of the owned set, and removes the others. */
void draft_keep(struct draft *d, struct uuid id, int32_t n);
void draft_remove_topic(struct draft *d, struct uuid id);
bool draft_finish(struct draft *d, struct arena *a, struct assign_set *out);

#endif
