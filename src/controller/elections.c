/*
 * elections: what the controller does about leaders periodically: leadership goes back to the
 * preferred replicas (auto.leader.rebalance.enable), and a partition without a leader gets one that
 * may lack committed records, if its topic allows that (unclean.leader.election.enable). Kafka's
 * tasks electPreferred and electUnclean.
 */
#include "controller/internal.h"
#include "controller/partition_change.h"

#define ELECTIONS_AT_ONCE 1000 /* Kafka's maxElectionsPerImbalance */
#define SOON_MS 10	       /* when there are more */

static bool may_go_back(const struct controller *c, const struct image_partition *p)
{
	int32_t preferred = p->n_replicas > 0 ? partition_replicas(p).v[0] : p->leader;

	return p->leader != preferred && image_ids_has(partition_isr(p), preferred) &&
	       image_broker_is_active(tip(c), preferred);
}

static bool is_wanted(const struct controller *c, const struct image_topic *t, const struct image_partition *p,
		      enum election election)
{
	if (election == ELECT_PREFERRED)
		return may_go_back(c, p);
	return p->leader < 0 && topic_allows_unclean_election(c, t->name);
}

static void elect_in(struct controller *c, const struct image_topic *t, enum election election,
		     struct record_list *records, int most)
{
	for (int i = 0; i < t->n_partitions && records->n < most; i++) {
		struct partition_change change;

		if (!is_wanted(c, t, t->partitions[i], election))
			continue;
		partition_change_init(&change, c, records->arena, t, t->partitions[i]);
		change.election = election;
		partition_change_build(&change, records);
	}
}

/* True when there may be more. */
static bool elect_some(struct controller *c, enum election election, struct record_list *records)
{
	int most = records->n + ELECTIONS_AT_ONCE;
	const struct image_topic *t;
	struct image_iter it;

	image_topics(tip(c), &it);
	while (records->n < most && !record_list_failed(records) && (t = image_topics_next(&it)))
		elect_in(c, t, election, records, most);
	return records->n >= most;
}

static int64_t interval_ms(const struct controller *c, enum election election)
{
	if (election == ELECT_PREFERRED)
		return config_long(c->config, CONFIG_LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS) * 1000;
	return config_long(c->config, CONFIG_UNCLEAN_LEADER_ELECTION_INTERVAL_MS);
}

static void look_after(struct controller *c, enum election election, int64_t now_ms, int64_t *due_ms,
		       struct record_list *records)
{
	if (now_ms >= *due_ms)
		*due_ms = now_ms + (elect_some(c, election, records) ? SOON_MS : interval_ms(c, election));
}

void elections_begin(struct controller *c, int64_t now_ms)
{
	c->preferred_due_ms = config_bool(c->config, CONFIG_AUTO_LEADER_REBALANCE_ENABLE)
				      ? now_ms + interval_ms(c, ELECT_PREFERRED)
				      : INT64_MAX;
	c->unclean_due_ms = now_ms + interval_ms(c, ELECT_UNCLEAN);
}

int64_t elections_tick(struct controller *c, int64_t now_ms, struct record_list *records)
{
	look_after(c, ELECT_PREFERRED, now_ms, &c->preferred_due_ms, records);
	if (records->n == 0) /* a partition changes only once in a batch of records */
		look_after(c, ELECT_UNCLEAN, now_ms, &c->unclean_due_ms, records);
	return c->preferred_due_ms < c->unclean_due_ms ? c->preferred_due_ms : c->unclean_due_ms;
}
