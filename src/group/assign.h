/*
 * assign: who gets which partitions: the assignors of KIP-848, as pure functions.
 *
 * 1. What Apache Kafka 4.4 assigns is assigned, partition for partition. Its results rest on the order in which Java's hash tables are
 *    walked, so that order is kept here: a set (of topics, of partitions) is an array in the order in which Kafka would walk it, and
 *    order_* put an array into that order for a table of a given size.
 * 2. Racks play no part in the assignors of 4.4: they are in the hash of the metadata (consumer_hash.h), so that a change of racks
 *    makes a new assignment.
 * 3. Everything that is returned lives in the arena of the spec; what comes in is only looked at.
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

/* Partitions of one topic. `epochs` is NULL, or says of each partition since which member epoch it is assigned (KIP-1251). */
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

/* A topic that somebody is subscribed to and that exists. */
struct assign_source {
	struct uuid id;
	int32_t n_partitions;
};

struct assign_member {
	struct str id;
	struct str instance_id; /* null for a dynamic member */
	const int32_t *topics;	/* indexes into the sources, in the order of the subscription */
	int32_t n_topics;
	int32_t n_names;	  /* names in the subscription, also of topics that do not exist */
	struct assign_set owned;  /* what the last target gave it */
	struct assign_set target; /* the result */
};

struct assign_spec {
	struct arena *arena;
	const struct assign_source *sources;
	int32_t n_sources;
	struct assign_member *members;
	int32_t n_members;
	bool homogeneous; /* all are subscribed to the same topics */
};

/* A row of the table of assignors: what group.consumer.assignors may name. */
struct assignor {
	const char *name;
	/* 0; -ENOMEM when the arena is spent; -EPROTO when Kafka would fail too. */
	int (*assign)(struct assign_spec *spec);
};

extern const struct assignor ASSIGNORS[];	       /* ends with a NULL name */
const struct assignor *assignor_find(struct str name); /* NULL when there is none */

int assign_uniform(struct assign_spec *spec);
int assign_uniform_mixed(struct assign_spec *spec); /* members with different subscriptions */
int assign_range(struct assign_spec *spec);

const struct assign_topic *assign_set_find(const struct assign_set *s, struct uuid id); /* NULL when there is none */
bool assign_set_equal(const struct assign_set *a, const struct assign_set *b); /* order does not count; epochs do */
int64_t assign_set_partitions(const struct assign_set *s);

/* ---- in the order of Java's HashMap and HashSet (assign_order.c, base/hash_order.h) ---- */

/* Puts members into the order of a table; those of one slot stay in the order they have. */
void order_topics(struct assign_topic *v, int32_t n, size_t table);
void order_partitions(struct assign_topic *t, size_t table);
void order_strings(struct str *v, int32_t n, size_t table);
int32_t order_uuid_hash(struct uuid id); /* Kafka's Uuid.hashCode */
/* A target, or a member's partitions with their epochs, as Kafka has it in memory after reading its record. */
void order_target(struct assign_set *s);
void order_current(struct assign_set *s);

/* ---- a target under change: what an assignor builds ---- */

struct draft_topic {
	struct assign_topic t;
	int32_t room;
	size_t table;
};

/* Topics that came anew stand behind those that were owned; in Java's table they are at the head of their slots (computeIfAbsent). */
struct draft {
	struct draft_topic *v;
	int32_t n;
	int32_t n_owned;
	int32_t room;
	int32_t last; /* where the last partition went */
	size_t table; /* 0: nothing was changed, the owned set is the target */
};

/* All return false when the arena is spent. */
bool draft_begin(struct draft *d, struct arena *a, const struct assign_set *owned);
/* table: of the set of partitions, where it is the first of its topic. */
bool draft_add(struct draft *d, struct arena *a, struct uuid id, int32_t partition, size_t table);
void draft_remove(struct draft *d, struct uuid id, int32_t partition);
void draft_remove_topic(struct draft *d, struct uuid id);
bool draft_finish(struct draft *d, struct arena *a, struct assign_set *out);

#endif
