#include "tests/sim/invariants.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "broker/node_private.h"
#include "broker/partitions_private.h"
#include "broker/quorum_private.h"

void invariants_init(struct invariants *v, struct nodes *nodes)
{
	*v = (struct invariants){.nodes = nodes};
}

/* Plain malloc: this is not part of any node's memory. */
void invariants_fini(struct invariants *v)
{
	free(v->controllers.leader);
	for (int i = 0; i < v->n; i++)
		free(v->v[i].terms.leader);
}

static const struct node *node_at(const struct invariants *v, int i)
{
	return nodes_is_up(v->nodes, i) ? v->nodes->v[i].node : NULL;
}

/* Its replicas, if its logs are open; otherwise NULL. */
static const struct partitions *table_of(const struct invariants *v, int i)
{
	const struct node *n = node_at(v, i);

	return n && n->loaded ? n->partitions : NULL;
}

static void note_leader(struct terms *t, int32_t epoch, int node)
{
	check(epoch >= 0 && epoch < TERMS_MAX);
	if (epoch >= t->n) {
		int32_t n = 2 * epoch + 16;

		t->leader = realloc(t->leader, (size_t)n * sizeof(*t->leader));
		check(t->leader);
		memset(t->leader + t->n, 0, (size_t)(n - t->n) * sizeof(*t->leader));
		t->n = n;
	}
	check((t->leader[epoch] == 0 || t->leader[epoch] == node + 1) && "two leaders in one epoch");
	t->leader[epoch] = node + 1;
}

static int16_t *slot_of(struct invariants *v, struct uuid topic, int32_t id)
{
	return &v->slots[hash_u64((uint64_t)id, get_u64(topic.b)) % KNOWN_SLOTS];
}

static struct known_partition *known(struct invariants *v, struct uuid topic, int32_t id)
{
	int16_t *slot = slot_of(v, topic, id);

	for (int i = *slot; i > 0; i = v->v[i - 1].next)
		if (v->v[i - 1].id == id && uuid_eq(v->v[i - 1].topic, topic))
			return &v->v[i - 1];
	check(v->n < KNOWN_MAX);
	v->v[v->n] = (struct known_partition){.topic = topic, .id = id, .next = *slot};
	*slot = (int16_t)++v->n;
	return &v->v[v->n - 1];
}

static const struct partition *replica_of(const struct partitions *t, const struct known_partition *k)
{
	return partitions_find((struct partitions *)t, k->topic, k->id);
}

/* ---- at every moment ---- */

static void look_at_stable(struct known_partition *k, const struct log_offsets *o)
{
	check((o->stable >= k->stable || o->high_watermark < k->stable_at) && "what was stable is so no more");
	if (o->stable <= k->stable)
		return;
	k->stable = o->stable;
	k->stable_at = o->high_watermark;
}

static void look_at_replica(struct invariants *v, int i, const struct partition *p)
{
	struct log_offsets o = log_offsets(p->log);
	struct known_partition *k;

	check(o.start <= o.stable);
	check(o.stable <= o.high_watermark);
	check(o.high_watermark <= o.end);
	k = known(v, p->topic_id, p->id);
	check((o.high_watermark > k->stable_at || o.stable <= k->stable) && "stable is what no leader called so");
	if (!p->leads)
		return;
	note_leader(&k->terms, p->leader_epoch, i);
	if (k->seen[i].life && k->seen[i].epoch == p->leader_epoch) {
		check(k->seen[i].life == v->nodes->v[i].lives && "a leader goes on in the epoch of a life before");
		check(o.high_watermark >= k->seen[i].high_watermark);
	}
	k->seen[i].life = v->nodes->v[i].lives;
	k->seen[i].epoch = p->leader_epoch;
	k->seen[i].high_watermark = o.high_watermark;
	if (o.high_watermark > k->committed)
		k->committed = o.high_watermark;
	look_at_stable(k, &o);
}

static void look_at_replicas(struct invariants *v, int i)
{
	const struct partitions *t = table_of(v, i);

	if (!t)
		return;
	map_each(it, &t->partitions)
	{
		const struct partition *p = container_of(it, struct partition, node);

		if (p->log && !p->deleted && !p->held && !p->reloading)
			look_at_replica(v, i, p);
	}
}

static void look_at_quorum_log(struct invariants *v, const struct raft *r)
{
	if (raft_epoch(r) >= v->quorum_epoch) {
		v->quorum_epoch = raft_epoch(r);
		check(raft_log_end(r) >= v->quorum_committed && "who leads the quorum lacks what was committed");
	}
	if (raft_high_watermark(r) > v->quorum_committed)
		v->quorum_committed = raft_high_watermark(r);
}

static void look_at_controllers(struct invariants *v)
{
	for (int i = 0; i < v->nodes->n; i++) {
		const struct node *n = node_at(v, i);

		if (!n || !n->quorum || !n->quorum->raft || raft_role(n->quorum->raft) != RAFT_LEADER)
			continue;
		note_leader(&v->controllers, raft_epoch(n->quorum->raft), i);
		look_at_quorum_log(v, n->quorum->raft);
	}
}

/* It lost what it had not flushed, and the cluster does not know that yet. */
static bool is_excused(const struct invariants *v, const struct image *image, int32_t id)
{
	const struct one_node *n = &v->nodes->v[id - 1];
	const struct image_node *broker = image_broker(image, id);

	return n->has_lost && (!broker || broker->epoch <= n->epoch_of_death);
}

static void check_candidate(const struct invariants *v, const struct image *image, const struct known_partition *k,
			    int32_t id)
{
	const struct partitions *t = table_of(v, id - 1);
	const struct partition *p = t && !is_excused(v, image, id) ? replica_of(t, k) : NULL;

	int64_t end;

	if (!p || !p->log || p->held || p->reloading || log_standing(p->log) != LOG_WHOLE)
		return;
	if (log_dir_error(log_dir(p->log))) /* perhaps before it was loaded; the controller will be told */
		return;
	end = log_offsets(p->log).end;
	if (end < k->committed)
		fprintf(stderr,
			"node %d: %s-%d ends at %" PRId64 ", committed is %" PRId64 ", metadata at %" PRId64 "\n", id,
			p->topic->name, p->id, end, k->committed, image_offset(image));
	check(end >= k->committed && "who may lead lacks what was committed");
}

static void say_ids(const char *what, struct image_ids ids)
{
	fprintf(stderr, " %s=", what);
	for (int i = 0; i < ids.n; i++)
		fprintf(stderr, "%s%d", i ? "," : "", ids.v[i]);
}

static void say_partition(const struct invariants *v, const struct image *image, const struct known_partition *k,
			  const struct image_partition *p)
{
	struct str name = image_topic_by_id(image, k->topic)->name;

	fprintf(stderr, "*| %.*s-%d at %" PRId64 ": leader=%d epoch=%d/%d committed=%" PRId64, (int)name.len, name.p,
		k->id, image_offset(image), p->leader, p->leader_epoch, p->partition_epoch, k->committed);
	say_ids("replicas", partition_replicas(p));
	say_ids("adding", partition_adding(p));
	say_ids("removing", partition_removing(p));
	say_ids("isr", partition_isr(p));
	say_ids("elr", partition_elr(p));
	say_ids("last", partition_last_known_elr(p));
	for (int i = 0; i < v->nodes->n; i++) {
		const struct partitions *t = table_of(v, i);
		const struct partition *r = t ? replica_of(t, k) : NULL;

		if (r)
			fprintf(stderr, " %d:%" PRId64 "/%" PRId64, i + 1, log_offsets(r->log).high_watermark,
				log_offsets(r->log).end);
	}
	fprintf(stderr, "\n");
}

void invariants_say(const struct invariants *v)
{
	const struct image *image = nodes_image(v->nodes);

	for (int i = 0; image && i < v->n; i++) {
		const struct image_partition *p = image_partition(image, v->v[i].topic, v->v[i].id);

		if (p)
			say_partition(v, image, &v->v[i], p);
	}
}

/* Prints what has changed, for whoever reads along. */
static void say_changes(struct invariants *v, const struct image *image)
{
	for (int i = 0; i < v->n; i++) {
		struct known_partition *k = &v->v[i];
		const struct image_partition *p = image_partition(image, k->topic, k->id);

		if (p && p->partition_epoch > k->said_epoch) {
			k->said_epoch = p->partition_epoch;
			say_partition(v, image, k, p);
		}
	}
}

/* While all nodes that know more are down, what was decided since then cannot be seen. */
static bool is_newest(struct invariants *v, const struct image *image)
{
	if (image_offset(image) < v->newest)
		return false;
	v->newest = image_offset(image);
	return true;
}

static void check_candidates(const struct invariants *v, const struct image *image)
{
	for (int i = 0; i < v->n; i++) {
		const struct known_partition *k = &v->v[i];
		const struct image_partition *p = image_partition(image, k->topic, k->id);

		for (int n = 0; p && n < partition_isr(p).n; n++)
			check_candidate(v, image, k, partition_isr(p).v[n]);
		for (int n = 0; p && n < partition_elr(p).n; n++)
			check_candidate(v, image, k, partition_elr(p).v[n]);
	}
}

static void check_partition(const struct image *image, const struct image_partition *p)
{
	struct image_ids isr = partition_isr(p), elr = partition_elr(p);

	check(p->leader < 0 || image_ids_has(isr, p->leader));
	for (int i = 0; i < isr.n; i++) {
		const struct image_node *broker = image_broker(image, isr.v[i]);

		check(image_ids_has(partition_replicas(p), isr.v[i]));
		check(!broker || !broker->fenced);
	}
	for (int i = 0; i < elr.n; i++)
		check(image_ids_has(partition_replicas(p), elr.v[i]) && !image_ids_has(isr, elr.v[i]));
}

static void check_image(const struct image *image)
{
	struct image_iter it;
	const struct image_topic *t;

	image_topics(image, &it);
	while ((t = image_topics_next(&it)))
		for (int i = 0; i < t->n_partitions; i++)
			check_partition(image, t->partitions[i]);
}

static const struct image *image_at_node(const struct invariants *v, int i)
{
	const struct node *n = node_at(v, i);

	return n && n->quorum ? n->quorum->image : NULL;
}

static void compare_images(struct invariants *v)
{
	for (int i = 0; i < v->nodes->n; i++)
		for (int k = i + 1; k < v->nodes->n; k++) {
			const struct image *a = image_at_node(v, i), *b = image_at_node(v, k);

			if (!a || !b || image_offset(a) != image_offset(b) || v->compared[i][k] == image_offset(a))
				continue;
			check(image_equal(a, b) && "two nodes say different things of one offset");
			v->compared[i][k] = image_offset(a);
			v->n_compared++;
			check_image(a);
		}
}

void invariants_look(struct invariants *v)
{
	const struct image *image = nodes_image(v->nodes);

	v->n_looks++;
	for (int i = 0; i < v->nodes->n; i++)
		look_at_replicas(v, i);
	look_at_controllers(v);
	if (image && v->nodes->verbose)
		say_changes(v, image);
	if (image && is_newest(v, image))
		check_candidates(v, image);
	compare_images(v);
}

/* ---- at the end ---- */

static const char *partition_is_settled(struct invariants *v, const struct image_topic *t,
					const struct image_partition *p)
{
	struct image_ids replicas = partition_replicas(p);
	bool is_written = str_is(t->name, "__consumer_offsets"); /* members keep committing */
	struct known_partition *k;
	int64_t end = -1;

	if (p->leader < 0)
		return "a partition has no leader";
	if (p->n_isr != p->n_replicas || p->n_elr)
		return "a replica is not in sync";
	if (p->n_adding || p->n_removing)
		return "a reassignment goes on";
	k = known(v, t->id, p->id);
	for (int i = 0; i < replicas.n; i++) {
		const struct partitions *table = table_of(v, replicas.v[i] - 1);
		const struct partition *r = table ? replica_of(table, k) : NULL;
		int64_t its_end = r ? log_offsets(r->log).end : 0;

		if (!table)
			return "a broker has not opened its logs";
		if (is_written)
			continue;
		if (r && log_offsets(r->log).high_watermark != its_end)
			return "a high watermark is not at the end";
		if (end >= 0 && end != its_end)
			return "replicas differ in length";
		end = its_end;
	}
	return NULL;
}

bool invariants_settled(struct invariants *v, const char **why)
{
	const struct image *image = nodes_image(v->nodes);
	struct image_iter it;
	const struct image_topic *t;

	*why = image ? NULL : "there is no image";
	for (int i = 0; i < v->nodes->n && !*why; i++)
		if (!v->nodes->v[i].serves || v->nodes->v[i].told_to_stop || !image_at_node(v, i) ||
		    !image_equal(image, image_at_node(v, i)))
			*why = "a node does not serve, or knows something else";
	if (*why)
		return false;
	image_topics(image, &it);
	while (!*why && (t = image_topics_next(&it)))
		for (int i = 0; i < t->n_partitions && !*why; i++)
			*why = partition_is_settled(v, t, t->partitions[i]);
	return !*why;
}
