/*
 * named: the partitions that a request names, where Kafka's handler puts them into a map: a
 * partition that is named twice is one, and the last place that names it counts.
 */
#ifndef ODRADEK_BROKER_NAMED_H
#define ODRADEK_BROKER_NAMED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/uuid.h"

struct named {
	struct uuid topic_id; /* UUID_ZERO in requests by name */
	struct str topic;     /* borrowed */
	int32_t partition;
	int at;		  /* its place in the request */
	const void *what; /* the caller's */
};

/*
 * Makes those of a topic neighbours, and among them those of a partition, these by place. What clients
 * send is so already, and stays in its order.
 */
void named_group(struct named *v, int n);
bool named_same_topic(const struct named *a, const struct named *b);
bool named_same(const struct named *a, const struct named *b);

int named_topics(const struct named *v, int n); /* how many there are, of those that are grouped */
/* Of those that are grouped: how many from the first on name the same topic, or the same partition. */
int named_of_topic(const struct named *v, int n);
int named_of_partition(const struct named *v, int n);

/*
 * Keeps the last of each partition: how many there are. They are then by topic and by the place that
 * named each first, which is their `at`.
 */
int named_keep_last(struct named *v, int n);

#endif
