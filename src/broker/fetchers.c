/*
 * fetchers: the table of followed replicas, and the fetchers for each leader, as the metadata
 * changes.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/fetchers_private.h"
#include "broker/layers.h"
#include "broker/node_private.h"
#include "broker/outgoing.h"
#include "config/config.h"
#include "metadata/image.h"

#define ANSWER_MAX ((size_t)1 << 30)
#define SETTLE_MS 10 /* interval of checking, at a stop, whether look-ups of names have ended */

struct fetched_key {
	struct uuid topic_id;
	int32_t id;
};

/* ---- the table ---- */

static uint64_t key_hash(const struct map *m, const struct fetched_key *k)
{
	return hash_u64(hash_bytes(m->seed, k->topic_id.b, sizeof(k->topic_id.b)), (uint64_t)(uint32_t)k->id);
}

static bool key_eq(const struct map_node *n, const void *key)
{
	const struct partition *p = container_of(n, struct fetched, node)->partition;
	const struct fetched_key *k = key;

	return p->id == k->id && uuid_eq(p->topic_id, k->topic_id);
}

struct fetched *fetchers_find(struct fetchers *all, struct uuid topic_id, int32_t id)
{
	struct fetched_key k = {topic_id, id};
	struct map_node *n = map_find(&all->partitions, key_hash(&all->partitions, &k), key_eq, &k);

	return n ? container_of(n, struct fetched, node) : NULL;
}

/* ---- adding and removing leaders ---- */

/* The index of the fetcher for a replica: Kafka's AbstractFetcherManager.getFetcherId. */
static int index_of(const struct fetchers *all, struct str topic, int32_t id)
{
	int32_t hash = (int32_t)(31 * (uint32_t)str_java_hash(topic) + (uint32_t)id);

	return (hash == INT32_MIN ? 0 : abs(hash)) % all->n_a_leader;
}

static struct fetcher *fetcher_of(struct fetchers *all, int32_t leader, int index)
{
	list_each(it, &all->list)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);

		if (f->leader == leader && f->index == index)
			return f;
	}
	return NULL;
}

static const struct image_endpoint *endpoint_of(const struct fetchers *all, const struct image *image, int32_t broker)
{
	const struct image_node *n = image_broker(image, broker);

	return n ? image_node_endpoint(n, config_network(all->node->config)->inter_broker_listener) : NULL;
}

/* Dials a leader at its new address; removes a fetcher from which nothing is fetched any more. */
static void look_at_leaders(struct fetchers *all, const struct image *image)
{
	list_each_safe(it, &all->list)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);
		const struct image_endpoint *e = endpoint_of(all, image, f->leader);

		if (list_empty(&f->partitions)) {
			fetcher_end(f);
		} else if (e && !fetcher_is_at(f, e)) {
			fetcher_move(f, e);
		}
	}
	list_each_safe(it, &all->gone)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);

		if (waking_settle(&f->waking))
			fetcher_release(f);
	}
}

/* ---- numbers ---- */

static void take_number(const struct fetched *d, struct fetcher_numbers *out)
{
	if (out->n == out->cap) {
		out->cap = out->cap ? 2 * out->cap : 64;
		out->v = xreallocarray(out->v, (size_t)out->cap, sizeof(*out->v));
	}
	out->n_failed += d->following.state == FOLLOWING_FAILED;
	out->v[out->n++] = (struct fetched_number){.partition = partition_ref(d->partition),
						   .leader = d->following.leader,
						   .fetcher = d->fetcher->index,
						   .leader_high_watermark = d->leader_high_watermark,
						   .id = d->partition->id};
}

void fetchers_numbers(const struct fetchers *all, struct fetcher_numbers *out)
{
	int64_t now_ms = env_mono_ms(all->node->env);

	*out = (struct fetcher_numbers){0};
	list_each(it, &all->list)
	{
		const struct fetcher *f = container_of(it, struct fetcher, link);
		double rate = lately_rate(&f->answers, now_ms);

		if (out->n_leaders++ == 0 || rate < out->rate_min)
			out->rate_min = rate;
		list_each(at, &f->partitions) take_number(container_of(at, struct fetched, link), out);
	}
}

void fetcher_numbers_count(struct fetcher_numbers *numbers)
{
	for (int i = 0; i < numbers->n; i++) {
		struct fetched_number *f = &numbers->v[i];
		struct partition_replica r;

		partition_replica(f->partition, &r);
		f->topic = partition_topic(f->partition);
		f->lag = f->leader_high_watermark > r.end ? f->leader_high_watermark - r.end : 0;
		if (f->leader_high_watermark < 0)
			f->lag = -1;
		else if (f->lag > numbers->lag_max)
			numbers->lag_max = f->lag;
	}
}

void fetcher_numbers_fini(struct fetcher_numbers *numbers)
{
	for (int i = 0; i < numbers->n; i++) {
		topic_state_unref(&numbers->v[i].topic);
		partition_unref(&numbers->v[i].partition);
	}
	xfree(numbers->v);
	*numbers = (struct fetcher_numbers){0};
}

/* ---- following the metadata ---- */

static void follow_leader(struct fetched *d, struct fetcher *f, const struct image_partition *p)
{
	struct partition_replica r;
	struct following_view v;
	struct following_step step;

	if (d->following.leader != p->leader)
		d->leader_high_watermark = -1;
	if (d->fetcher != f) {
		fetcher_leave(d);
		d->fetcher = f;
		d->lists = false;
		list_push(&f->partitions, &d->link);
	}
	v = fetched_view(d, &r);
	if (p->leader_epoch > d->following.leader_epoch)
		d->lag = -1;
	step = following_follow(&d->following, p->leader, p->leader_epoch, &v);
	fetched_take_step(d, &step, NULL, &v);
	fetcher_look(d);
	fetcher_soon(f, 0);
}

static struct fetched *take_up(struct fetcher *f, struct uuid topic_id, int32_t id)
{
	struct partition *p = partitions_get(f->all->node->partitions, topic_id, id);
	struct fetched_key k = {topic_id, id};
	struct fetched *d;

	if (!p)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->partition = p;
	d->fetcher = f;
	d->leader_high_watermark = d->lag = -1;
	d->waits_since_ms = -1;
	following_init(&d->following);
	list_init(&d->waiter.link);
	list_init(&d->look);
	list_push(&f->partitions, &d->link);
	map_insert(&f->all->partitions, &d->node, key_hash(&f->all->partitions, &k));
	return d;
}

static void follow_partition(struct fetchers *all, const struct image_topic *topic, const struct image_partition *p,
			     const struct image *image)
{
	int index = index_of(all, topic->name, p->id);
	bool has = image_ids_has(partition_replicas(p), all->node->id);
	bool follows = has && p->leader >= 0 && p->leader != all->node->id;
	const struct image_endpoint *e = follows ? endpoint_of(all, image, p->leader) : NULL;
	struct fetched *d = fetchers_find(all, topic->id, p->id);
	struct fetcher *f;

	if (!e) {
		if (d)
			fetched_drop(d);
		return;
	}
	f = fetcher_of(all, p->leader, index);
	if (!f)
		f = fetcher_new(all, p->leader, index, e);
	if (!d)
		d = take_up(f, topic->id, p->id);
	if (d)
		follow_leader(d, f, p);
}

struct news {
	struct fetchers *all;
	const struct image *now;
};

static void follow_topic(void *arg, const struct image_topic *old, const struct image_topic *now)
{
	struct news *n = arg;

	for (int i = 0; now && i < now->n_partitions; i++)
		if (now->partitions[i])
			follow_partition(n->all, now, now->partitions[i], n->now);
	for (int i = 0; !now && i < old->n_partitions; i++) {
		struct fetched *d = old->partitions[i] ? fetchers_find(n->all, old->id, old->partitions[i]->id) : NULL;

		if (d)
			fetched_drop(d);
	}
}

static void follow_all(struct news *n)
{
	const struct image_topic *t;
	struct image_iter it;

	image_topics(n->now, &it);
	while ((t = image_topics_next(&it)))
		follow_topic(n, NULL, t);
}

/* Updates num.replica.fetchers. True: it has changed, and replicas move to other fetchers. */
static bool count_fetchers(struct fetchers *all, const struct image *image)
{
	const struct node *node = all->node;
	struct layers layers = layers_of_broker(image, node->id);
	int n = (int)config_long_in(node->config, layers.v, layers.n, CONFIG_NUM_REPLICA_FETCHERS);
	int before = all->n_a_leader;

	all->n_a_leader = n < 1 ? 1 : n;
	return before != all->n_a_leader;
}

/* A single broker leads everything: nothing is looked at before there is another one. */
void fetchers_follow(struct fetchers *all, const struct image *image)
{
	struct news n = {all, image};
	bool resized;

	if (all->stopped || (!all->image && image_broker_count(image) < 2))
		return;
	resized = count_fetchers(all, image);
	if (all->image)
		image_diff_topics(all->image, image, follow_topic, &n);
	if (!all->image || resized)
		follow_all(&n);
	look_at_leaders(all, image);
	image_unref(&all->image);
	all->image = image_ref(image);
}

/* ---- creation and end ---- */

/* The core stays busy until look-ups of names have ended. */
static void settle(struct timer *t)
{
	struct fetchers *all = container_of(t, struct fetchers, settle);

	if (all->channels.n_resolving > 0)
		timer_start(t, SETTLE_MS);
	else
		core_work_ends(&all->node->cores[0]);
}

/* The call is returned: it is not sent again as it was, since the roles may have changed. */
static void broken(struct channel *ch, int err, struct list *calls)
{
	while (!list_empty(calls))
		call_finish(container_of(list_first(calls), struct call, link), err);
}

struct fetchers *fetchers_new(struct node *n)
{
	struct fetchers *all = xcalloc(1, sizeof(*all));

	all->node = n;
	outgoing_init(&all->channels, n->cores[0].loop, &n->outgoing, OUTGOING_TO_BROKERS);
	all->channels.client_id = STR("broker-fetcher");
	all->channels.answer_max = ANSWER_MAX;
	all->channels.broken = broken;
	list_init(&all->list);
	list_init(&all->gone);
	map_init(&all->partitions, env_random_u64(n->env));
	timer_init(&all->settle, n->cores[0].loop, settle);
	return all;
}

void fetchers_stop(struct fetchers *all)
{
	all->stopped = true;
	channels_stop(&all->channels);
	core_work_begins(&all->node->cores[0]);
	list_each_safe(it, &all->list)
	{
		struct fetcher *f = container_of(it, struct fetcher, link);

		while (!list_empty(&f->partitions))
			fetched_drop(container_of(list_first(&f->partitions), struct fetched, link));
		fetcher_end(f);
	}
	settle(&all->settle);
}

void fetchers_free(struct fetchers *all)
{
	if (!all)
		return;
	while (!list_empty(&all->gone))
		fetcher_release(container_of(list_first(&all->gone), struct fetcher, link));
	check(list_empty(&all->list));
	map_fini(&all->partitions);
	channels_fini(&all->channels);
	image_unref(&all->image);
	xfree(all);
}
