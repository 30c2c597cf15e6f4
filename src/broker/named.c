/*
 * named: partitions of a request, so that equal ones are neighbours: as they come, or sorted.
 */
#include "broker/named.h"

#include <stdlib.h>
#include <string.h>

enum { TOPICS_MAX = 32 };

static int compare_topics(const struct named *a, const struct named *b)
{
	int order = memcmp(&a->topic_id, &b->topic_id, sizeof(a->topic_id));

	if (order == 0 && (a->topic.p != b->topic.p || a->topic.len != b->topic.len))
		order = str_cmp(a->topic, b->topic);
	return order;
}

static int compare(const void *x, const void *y)
{
	const struct named *a = x, *b = y;
	int order = compare_topics(a, b);

	if (order == 0)
		order = (a->partition > b->partition) - (a->partition < b->partition);
	return order ? order : a->at - b->at;
}

bool named_same_topic(const struct named *a, const struct named *b)
{
	return compare_topics(a, b) == 0;
}

/* As clients send it: each topic once, and its partitions in order. Very many topics are not looked at so. */
static bool is_grouped(const struct named *v, int n)
{
	int first[TOPICS_MAX]; /* of each topic */
	int topics = 0;

	for (int i = 0; i < n; i++) {
		if (i > 0 && named_same_topic(&v[i - 1], &v[i])) {
			if (v[i - 1].partition > v[i].partition)
				return false;
			continue;
		}
		if (topics == TOPICS_MAX)
			return false;
		for (int k = 0; k < topics; k++)
			if (named_same_topic(&v[first[k]], &v[i]))
				return false;
		first[topics++] = i;
	}
	return true;
}

static bool is_sorted(const struct named *v, int n)
{
	for (int i = 1; i < n; i++)
		if (compare(&v[i - 1], &v[i]) > 0)
			return false;
	return true;
}

void named_group(struct named *v, int n)
{
	if (!is_grouped(v, n) && !is_sorted(v, n))
		qsort(v, (size_t)n, sizeof(*v), compare);
}

bool named_same(const struct named *a, const struct named *b)
{
	return a->partition == b->partition && named_same_topic(a, b);
}

int named_of_topic(const struct named *v, int n)
{
	int i = 1;

	while (i < n && named_same_topic(&v[0], &v[i]))
		i++;
	return i;
}

int named_topics(const struct named *v, int n)
{
	int topics = 0;

	for (int i = 0; i < n; i += named_of_topic(&v[i], n - i))
		topics++;
	return topics;
}

int named_of_partition(const struct named *v, int n)
{
	int i = 1;

	while (i < n && named_same(&v[0], &v[i]))
		i++;
	return i;
}

static int compare_places(const void *x, const void *y)
{
	const struct named *a = x, *b = y;
	int order = compare_topics(a, b);

	return order ? order : a->at - b->at;
}

int named_keep_last(struct named *v, int n)
{
	int kept = 0;

	named_group(v, n);
	for (int i = 0, same; i < n; i += same) {
		int first = v[i].at;

		same = named_of_partition(&v[i], n - i);
		v[kept] = v[i + same - 1];
		v[kept++].at = first;
	}
	if (kept > 1)
		qsort(v, (size_t)kept, sizeof(*v), compare_places);
	return kept;
}
