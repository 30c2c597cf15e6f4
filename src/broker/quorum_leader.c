/*
 * quorum_leader: the leader of the quorum, as this node knows it, and those who are told when it
 * changes.
 */
#include "base/mem.h"
#include "broker/quorum_private.h"

struct quorum_leader quorum_leader(const struct quorum *q)
{
	return q->leader;
}

int32_t quorum_leader_id(const struct quorum *q)
{
	return __atomic_load_n(&q->leader.id, __ATOMIC_ACQUIRE);
}

int16_t quorum_kraft_version(const struct quorum *q)
{
	return __atomic_load_n(&q->kraft_version, __ATOMIC_ACQUIRE);
}

static struct quorum_leader look(const struct quorum *q)
{
	struct quorum_leader now = {.id = raft_leader_id(q->raft), .epoch = raft_epoch(q->raft), .node = {.id = -1}};
	const struct raft_endpoint *at = raft_leader_endpoint(q->raft, raft_listener(q->raft));

	if (!at || q->failed)
		now.id = -1;
	else
		now.node = (struct raft_node){now.id, at->host, at->port};
	return now;
}

static bool is_same(const struct quorum_leader *a, const struct quorum_leader *b)
{
	return a->id == b->id && a->epoch == b->epoch && a->node.port == b->node.port &&
	       str_eq(a->node.host, b->node.host);
}

/* Other threads read the id. */
static void set(struct quorum *q, const struct quorum_leader *now)
{
	xfree((char *)q->leader.node.host.p);
	__atomic_store_n(&q->leader.id, now->id, __ATOMIC_RELEASE);
	q->leader.epoch = now->epoch;
	q->leader.node = now->node;
}

/* Copies the host, because raft forgets it with its next step. */
void quorum_note_leader(struct quorum *q)
{
	struct quorum_leader now = look(q);

	__atomic_store_n(&q->kraft_version, raft_kraft_version(q->raft), __ATOMIC_RELEASE);
	quorum_measure_step(q);
	if (is_same(&now, &q->leader))
		return;
	if (now.id >= 0 && (now.id != q->leader.id || now.epoch != q->leader.epoch))
		q->measures.n_leaders++;
	if (now.id >= 0)
		now.node.host = (struct str){str_dup(now.node.host), now.node.host.len};
	set(q, &now);
	list_each_safe(it, &q->subscribers)
	{
		struct quorum_subscriber *s = container_of(it, struct quorum_subscriber, link);

		if (s->leader)
			s->leader(s);
	}
	quorum_maybe_started(q);
}

void quorum_forget_leader(struct quorum *q)
{
	set(q, &(struct quorum_leader){.id = -1, .epoch = -1, .node = {.id = -1}});
}
