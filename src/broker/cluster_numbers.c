/*
 * cluster_numbers: takes the figures on reactor 0, and counts partitions in the image.
 */
#include "broker/cluster_numbers.h"

#include "base/mem.h"
#include "broker/node_private.h"
#include "metadata/image.h"

enum { STATE_FENCED = 10, STATE_CONTROLLED_SHUTDOWN = 20, STATE_ACTIVE = 30 };

static int64_t state_of(const struct image_node *b)
{
	if (b->fenced)
		return STATE_FENCED;
	return b->in_controlled_shutdown ? STATE_CONTROLLED_SHUTDOWN : STATE_ACTIVE;
}

static void take_brokers(struct cluster_numbers *c, const struct node *n)
{
	const struct image_node *broker;
	struct image_iter it;

	c->brokers = xcalloc((size_t)image_broker_count(c->image) + 1, sizeof(*c->brokers));
	image_brokers(c->image, &it);
	while ((broker = image_nodes_next(&it))) {
		struct broker_number *b = &c->brokers[c->n_brokers++];

		*b = (struct broker_number){.id = broker->id,
					    .state = state_of(broker),
					    .heard_of_ms = quorum_heartbeat_age_ms(n->quorum, broker->id)};
		c->n_fenced += b->state == STATE_FENCED;
		c->n_active += b->state != STATE_FENCED;
		c->n_shutting_down += broker->in_controlled_shutdown; /* fenced or not, as in Kafka */
	}
}

void cluster_numbers_take(struct cluster_numbers *c, const struct node *n)
{
	*c = (struct cluster_numbers){.offset = -1, .epoch = -1, .timestamp_ms = -1};
	quorum_numbers(n->quorum, &c->quorum);
	if (n->fetchers)
		fetchers_numbers(n->fetchers, &c->fetchers);
	if (!n->cores[0].image)
		return;
	c->image = image_ref(n->cores[0].image);
	c->offset = image_offset(c->image);
	c->epoch = image_epoch(c->image);
	c->timestamp_ms = image_timestamp_ms(c->image);
	c->metadata_version = image_metadata_version(c->image);
	c->n_topics = image_topic_count(c->image);
	c->n_partitions = image_partition_count(c->image);
	take_brokers(c, n);
}

/* ---- partitions ---- */

static struct broker_number *find(struct cluster_numbers *c, int32_t id)
{
	int low = 0, high = c->n_brokers;

	while (low < high) {
		int middle = (low + high) / 2;

		if (c->brokers[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->n_brokers && c->brokers[low].id == id ? &c->brokers[low] : NULL;
}

static void count_partition(struct cluster_numbers *c, const struct image_partition *p, int32_t node_id)
{
	struct image_ids replicas = partition_replicas(p);
	struct broker_number *leader = find(c, p->leader);
	bool is_reassigned = p->n_adding > 0 || p->n_removing > 0;

	c->n_without_leader += p->leader < 0;
	c->n_imbalanced += replicas.n > 0 && replicas.v[0] != p->leader;
	c->n_under_replicated += p->n_isr < p->n_replicas - p->n_adding;
	c->n_reassigned += is_reassigned;
	c->n_reassigned_here += is_reassigned && p->leader == node_id;
	if (leader)
		leader->n_leads++;
	for (int i = 0; i < replicas.n; i++) {
		struct broker_number *b = find(c, replicas.v[i]);

		if (b)
			b->n_replicas++;
	}
}

void cluster_numbers_count(struct cluster_numbers *c, int32_t node_id)
{
	const struct image_topic *topic;
	struct image_iter it;

	fetcher_numbers_count(&c->fetchers);
	if (!c->image)
		return;
	image_topics(c->image, &it);
	while ((topic = image_topics_next(&it)))
		for (int i = 0; i < topic->n_partitions; i++)
			if (topic->partitions[i])
				count_partition(c, topic->partitions[i], node_id);
}

void cluster_numbers_fini(struct cluster_numbers *c)
{
	fetcher_numbers_fini(&c->fetchers);
	xfree(c->brokers);
	image_unref(&c->image);
}
