/*
 * partition: packs one partition of an image into one block: the struct, six lists of broker ids
 * one after the other, the directories.
 */
#include "metadata/partition.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

const struct uuid UUID_DIR_MIGRATING = {{0}};
const struct uuid UUID_DIR_UNASSIGNED = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
const struct uuid UUID_DIR_LOST = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

static int ids_before_directories(const struct image_partition *p)
{
	return p->n_replicas + p->n_isr + p->n_removing + p->n_adding + p->n_elr + p->n_last_known_elr;
}

static size_t partition_size(int n_ids, int n_replicas)
{
	return sizeof(struct image_partition) + (size_t)n_ids * sizeof(int32_t) +
	       (size_t)n_replicas * sizeof(struct uuid);
}

static uint16_t ids_len(struct image_ids ids)
{
	check(ids.n >= 0 && ids.n <= PARTITION_IDS_MAX);
	return (uint16_t)ids.n;
}

static int32_t *put_ids(int32_t *to, struct image_ids ids)
{
	if (ids.n > 0)
		memcpy(to, ids.v, (size_t)ids.n * sizeof(int32_t));
	return to + ids.n;
}

struct image_partition *partition_new(const struct partition_parts *parts)
{
	struct image_partition head = {
		.refs = 1,
		.id = parts->id,
		.leader = parts->leader,
		.leader_epoch = parts->leader_epoch,
		.partition_epoch = parts->partition_epoch,
		.recovering = parts->recovering,
		.n_replicas = ids_len(parts->replicas),
		.n_isr = ids_len(parts->isr),
		.n_removing = ids_len(parts->removing),
		.n_adding = ids_len(parts->adding),
		.n_elr = ids_len(parts->elr),
		.n_last_known_elr = ids_len(parts->last_known_elr),
	};
	struct image_partition *p = xmalloc(partition_size(ids_before_directories(&head), head.n_replicas));
	int32_t *to = p->ids;

	memcpy(p, &head, sizeof(head));
	to = put_ids(to, parts->replicas);
	to = put_ids(to, parts->isr);
	to = put_ids(to, parts->removing);
	to = put_ids(to, parts->adding);
	to = put_ids(to, parts->elr);
	to = put_ids(to, parts->last_known_elr);
	if (parts->directories)
		memcpy(to, parts->directories, head.n_replicas * sizeof(struct uuid));
	else
		memset(to, 0, head.n_replicas * sizeof(struct uuid));
	return p;
}

void partition_parts_of(const struct image_partition *p, struct partition_parts *out)
{
	*out = (struct partition_parts){
		.id = p->id,
		.leader = p->leader,
		.leader_epoch = p->leader_epoch,
		.partition_epoch = p->partition_epoch,
		.recovering = p->recovering,
		.replicas = partition_replicas(p),
		.isr = partition_isr(p),
		.removing = partition_removing(p),
		.adding = partition_adding(p),
		.elr = partition_elr(p),
		.last_known_elr = partition_last_known_elr(p),
		.directories = (const struct uuid *)(p->ids + ids_before_directories(p)),
	};
}

struct image_ids partition_replicas(const struct image_partition *p)
{
	return (struct image_ids){p->ids, p->n_replicas};
}

struct image_ids partition_isr(const struct image_partition *p)
{
	return (struct image_ids){p->ids + p->n_replicas, p->n_isr};
}

struct image_ids partition_removing(const struct image_partition *p)
{
	return (struct image_ids){p->ids + p->n_replicas + p->n_isr, p->n_removing};
}

struct image_ids partition_adding(const struct image_partition *p)
{
	return (struct image_ids){p->ids + p->n_replicas + p->n_isr + p->n_removing, p->n_adding};
}

struct image_ids partition_elr(const struct image_partition *p)
{
	return (struct image_ids){p->ids + p->n_replicas + p->n_isr + p->n_removing + p->n_adding, p->n_elr};
}

struct image_ids partition_last_known_elr(const struct image_partition *p)
{
	return (struct image_ids){p->ids + ids_before_directories(p) - p->n_last_known_elr, p->n_last_known_elr};
}

struct uuid partition_directory(const struct image_partition *p, int i)
{
	struct uuid u;

	check(i >= 0 && i < p->n_replicas);
	memcpy(&u, (const struct uuid *)(p->ids + ids_before_directories(p)) + i, sizeof(u));
	return u;
}

bool image_ids_has(struct image_ids ids, int32_t id)
{
	for (int i = 0; i < ids.n; i++) {
		if (ids.v[i] == id)
			return true;
	}
	return false;
}

bool partition_equal(const struct image_partition *a, const struct image_partition *b)
{
	size_t head = sizeof(a->refs);

	if (a->n_replicas != b->n_replicas || ids_before_directories(a) != ids_before_directories(b))
		return false;
	return memcmp((const char *)a + head, (const char *)b + head,
		      partition_size(ids_before_directories(a), a->n_replicas) - head) == 0;
}
