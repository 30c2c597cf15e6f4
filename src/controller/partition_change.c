/*
 * partition_change: election, ELR and reassignment of one partition.
 */
#include "controller/partition_change.h"

#include <string.h>

#include "metadata/version.h"
#include "protocol/metadata_records.h"

#define NO_LEADER (-1)
#define NO_LEADER_CHANGE (-2)
#define NO_RECOVERY_CHANGE (-1)

static const struct image_ids NONE = {NULL, 0};

/* ---- lists of ids ---- */

bool ids_equal(struct image_ids a, struct image_ids b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.v, b.v, (size_t)a.n * sizeof(a.v[0])) == 0);
}

bool ids_contain_all(struct image_ids all, struct image_ids of)
{
	for (int i = 0; i < of.n; i++) {
		if (!image_ids_has(all, of.v[i]))
			return false;
	}
	return true;
}

/* Those of `a`, then of `b`, that are neither in `without` nor `id`; each once. */
static struct image_ids ids_union_without(struct arena *arena, struct image_ids a, struct image_ids b,
					  struct image_ids without, int32_t id)
{
	int32_t *v = arena_array(arena, (size_t)(a.n + b.n) + 1, sizeof(*v));
	struct image_ids out = {v, 0};

	for (int i = 0; v && i < a.n + b.n; i++) {
		int32_t it = i < a.n ? a.v[i] : b.v[i - a.n];

		if (it != id && !image_ids_has(without, it) && !image_ids_has(out, it))
			v[out.n++] = it;
	}
	return out;
}

static struct image_ids ids_common(struct arena *arena, struct image_ids a, struct image_ids b)
{
	int32_t *v = arena_array(arena, (size_t)a.n + 1, sizeof(*v));
	struct image_ids out = {v, 0};

	for (int i = 0; v && i < a.n; i++)
		if (image_ids_has(b, a.v[i]))
			v[out.n++] = a.v[i];
	return out;
}

struct image_ids ids_without(struct arena *a, struct image_ids ids, int32_t id)
{
	return ids_union_without(a, ids, NONE, NONE, id);
}

static struct image_ids ids_one(struct arena *a, int32_t id)
{
	int32_t *v = arena_array(a, 1, sizeof(*v));

	if (v)
		v[0] = id;
	return (struct image_ids){v, v ? 1 : 0};
}

/* ---- which replicas may lead ---- */

static struct uuid directory_of(const struct image_partition *p, int32_t broker, bool *found)
{
	struct image_ids replicas = partition_replicas(p);

	for (int i = 0; i < replicas.n; i++) {
		if (replicas.v[i] == broker) {
			*found = true;
			return partition_directory(p, i);
		}
	}
	*found = false;
	return UUID_DIR_UNASSIGNED;
}

/* Alive, and with the replica's directory online. */
static bool is_acceptable(const struct partition_change *p, int32_t broker)
{
	const struct image_node *n = image_broker(tip(p->controller), broker);
	bool found;
	struct uuid directory;

	if (!n || broker == p->move.remove || broker == p->move.unclean)
		return false;
	if (broker != p->move.add && !image_broker_is_active(tip(p->controller), broker))
		return false;
	directory = directory_of(p->partition, broker, &found);
	return found && image_node_has_directory(n, directory);
}

static bool may_lead(const struct partition_change *p, int32_t broker)
{
	if (!image_ids_has(p->isr, broker) && !(p->isr.n == 0 && image_ids_has(p->elr_ids, broker)))
		return false;
	return is_acceptable(p, broker);
}

static bool may_elect_last_known_leader(const struct partition_change *p)
{
	struct image_ids last = partition_last_known_elr(p->partition);

	return p->elr && p->elr_ids.n == 0 && p->isr.n == 0 && last.n == 1 && is_acceptable(p, last.v[0]);
}

static int32_t first_of(const struct partition_change *p, int from,
			bool (*test)(const struct partition_change *, int32_t))
{
	for (int i = from; i < p->replicas.n; i++) {
		if (test(p, p->replicas.v[i]))
			return p->replicas.v[i];
	}
	return NO_LEADER;
}

/* The new leader, or NO_LEADER. *unclean: committed records may be lost. */
static int32_t elect(const struct partition_change *p, bool *unclean)
{
	int32_t leader = p->partition->leader;
	int32_t found;

	*unclean = false;
	if (p->election == ELECT_PREFERRED && p->replicas.n > 0 && may_lead(p, p->replicas.v[0]))
		return p->replicas.v[0];
	if (may_lead(p, leader))
		return leader;
	found = first_of(p, p->election == ELECT_PREFERRED ? 1 : 0, may_lead);
	if (found != NO_LEADER)
		return found;
	if (may_elect_last_known_leader(p)) {
		*unclean = true;
		return partition_last_known_elr(p->partition).v[0];
	}
	if (p->election != ELECT_UNCLEAN)
		return NO_LEADER;
	found = first_of(p, 0, is_acceptable);
	*unclean = found != NO_LEADER;
	return found;
}

/* ---- the steps of a build ---- */

#define SET_IDS(field, ids) ((field).v = (int32_t *)(ids).v, (field).n = (ids).n)

/*
 * A reassignment is complete when the new replicas are in the ISR, and the ISR does not need those
 * that leave.
 */
static void complete_reassignment(struct partition_change *p)
{
	struct image_ids isr;
	struct image_ids replicas;

	if (p->removing.n == 0 && p->adding.n == 0)
		return;
	isr = ids_union_without(p->arena, p->isr, NONE, p->removing, NO_LEADER);
	replicas = ids_union_without(p->arena, p->replicas, NONE, p->removing, NO_LEADER);
	if (isr.n == 0 || replicas.n == 0 || !ids_contain_all(isr, p->adding))
		return;
	if (p->adding.n < p->removing.n && !ids_contain_all(isr, replicas))
		return;
	p->isr = isr;
	p->replicas = replicas;
	p->removing = p->adding = NONE;
}

/*
 * If the ISR is too small, its former members remain eligible, unless they are known to have lost
 * their data or are no longer replicas: one that becomes a replica again begins with an empty log.
 * (Kafka omits the latter check.)
 */
static void populate_elr(struct partition_change *p)
{
	if (!p->elr)
		return;
	if (p->isr.n >= p->min_isr) {
		p->elr_ids = NONE;
		return;
	}
	p->elr_ids = ids_union_without(p->arena, p->elr_ids, partition_isr(p->partition), p->isr, p->move.unclean);
	p->elr_ids = ids_common(p->arena, p->elr_ids, p->replicas);
}

static void run_election(struct partition_change *p, struct partition_change_record *r)
{
	bool unclean;
	int32_t leader = elect(p, &unclean);

	if (leader == p->partition->leader)
		return;
	if (image_ids_has(p->elr_ids, leader)) {
		p->isr = ids_one(p->arena, leader);
		p->elr_ids = ids_without(p->arena, p->elr_ids, leader);
	}
	r->leader = leader;
	if (!unclean)
		return;
	p->isr = ids_one(p->arena, leader);
	SET_IDS(r->isr, p->isr);
	if (p->partition->recovering == 0)
		r->leader_recovery_state = 1;
}

/*
 * Replicas that leave must see a new leader epoch; before 3.6, so must those that leave the ISR
 * (KAFKA-15021).
 */
static void bump_leader_epoch(const struct partition_change *p, struct partition_change_record *r)
{
	bool shrinks =
		r->isr.n >= 0 && !ids_contain_all((struct image_ids){r->isr.v, r->isr.n}, partition_isr(p->partition));
	bool leaves = !ids_contain_all(p->replicas, partition_replicas(p->partition));

	if (r->leader != NO_LEADER_CHANGE)
		return;
	if (leaves ||
	    (shrinks && image_metadata_version(tip(p->controller)) < METADATA_VERSION_NO_EPOCH_BUMP_ON_SHRINK))
		r->leader = p->partition->leader;
}

static void set_elr(struct partition_change *p, struct partition_change_record *r)
{
	bool was_unclean = r->isr.n >= 0;

	if (was_unclean || !p->elr)
		p->elr_ids = NONE;
	if (!ids_equal(p->elr_ids, partition_elr(p->partition)))
		SET_IDS(r->eligible_leader_replicas, p->elr_ids);
}

static void set_isr(const struct partition_change *p, struct partition_change_record *r)
{
	if (r->isr.n < 0 && (p->isr.n > 0 || p->elr) && !ids_equal(p->isr, partition_isr(p->partition)))
		SET_IDS(r->isr, p->isr);
}

/* The leader at the time when the partition lost its last one is the first candidate of a recovery. */
static void set_last_known_leader(const struct partition_change *p, struct partition_change_record *r)
{
	if (!p->elr)
		return;
	if (r->leader == NO_LEADER && p->partition->n_last_known_elr == 0) {
		struct image_ids last = ids_one(p->arena, p->partition->leader);

		SET_IDS(r->last_known_elr, last);
	} else if (r->leader >= 0 && p->partition->n_last_known_elr > 0) {
		r->last_known_elr.v = NULL;
		r->last_known_elr.n = 0;
	}
}

static void set_directories(const struct partition_change *p, struct partition_change_record *r)
{
	struct uuid *v;
	bool differ = p->replicas.n != p->partition->n_replicas;

	if (image_metadata_version(tip(p->controller)) < METADATA_VERSION_DIRECTORIES)
		return;
	v = arena_array(p->arena, (size_t)p->replicas.n, sizeof(*v));
	for (int i = 0; v && i < p->replicas.n; i++) {
		bool found;

		v[i] = directory_of(p->partition, p->replicas.v[i], &found);
		if (p->replicas.v[i] == p->directory_broker)
			v[i] = p->directory;
		else if (!found)
			v[i] = broker_default_directory(tip(p->controller), p->replicas.v[i]);
		differ = differ || !uuid_eq(v[i], partition_directory(p->partition, i));
	}
	if (!differ)
		return;
	r->directories.v = v;
	r->directories.n = v ? p->replicas.n : 0;
}

static void set_assignment(const struct partition_change *p, struct partition_change_record *r)
{
	if (p->replicas.n > 0) {
		set_directories(p, r);
		if (!ids_equal(p->replicas, partition_replicas(p->partition)))
			SET_IDS(r->replicas, p->replicas);
	}
	if (!ids_equal(p->removing, partition_removing(p->partition)))
		SET_IDS(r->removing_replicas, p->removing);
	if (!ids_equal(p->adding, partition_adding(p->partition)))
		SET_IDS(r->adding_replicas, p->adding);
}

static bool says_nothing(const struct partition_change_record *r)
{
	return r->isr.n < 0 && r->eligible_leader_replicas.n < 0 && r->last_known_elr.n < 0 &&
	       r->leader == NO_LEADER_CHANGE && r->replicas.n < 0 && r->removing_replicas.n < 0 &&
	       r->adding_replicas.n < 0 && r->leader_recovery_state == NO_RECOVERY_CHANGE && r->directories.n < 0;
}

void partition_change_init(struct partition_change *p, const struct controller *c, struct arena *a,
			   const struct image_topic *t, const struct image_partition *partition)
{
	*p = (struct partition_change){
		.controller = c,
		.arena = a,
		.topic = t,
		.partition = partition,
		.move = MOVE_NONE,
		.election = ELECT_ONLINE,
		.min_isr = topic_min_isr(c, t),
		.elr = elr_is_on(tip(c)),
		.replicas = partition_replicas(partition),
		.isr = partition_isr(partition),
		.removing = partition_removing(partition),
		.adding = partition_adding(partition),
		.elr_ids = partition_elr(partition),
		.recovering = partition->recovering,
		.directory_broker = -1,
	};
}

struct partition_change_record *partition_change_build(struct partition_change *p, struct record_list *records)
{
	int16_t version = metadata_version_of_partition(image_metadata_version(tip(p->controller)));
	struct partition_change_record *r = record_list_add(records, RECORD_PARTITION_CHANGE, version);

	if (!r)
		return NULL;
	r->topic_id = p->topic->id;
	r->partition_id = p->partition->id;
	complete_reassignment(p);
	populate_elr(p);
	run_election(p, r);
	set_elr(p, r);
	set_isr(p, r);
	bump_leader_epoch(p, r);
	set_last_known_leader(p, r);
	set_assignment(p, r);
	if (p->recovering != p->partition->recovering)
		r->leader_recovery_state = p->recovering;
	if (!says_nothing(r))
		return r;
	records->n--;
	return NULL;
}
