#include "tests/replication/brokers.h"

#include "base/check.h"
#include "metadata/partition.h"
#include "protocol/metadata_records.h"

const struct image *brokers_image(const struct broker_state_of *v, int n)
{
	const struct image *empty = image_new(STR("cluster")), *image;
	struct record_list list;
	struct arena arena;
	int err;

	arena_init(&arena, 1 << 20);
	record_list_init(&list, &arena);
	for (int i = 0; i < n; i++) {
		struct register_broker_record *r = record_list_add(&list, RECORD_REGISTER_BROKER, 4);

		r->broker_id = v[i].id;
		r->broker_epoch = v[i].epoch;
		r->fenced = v[i].fenced;
		r->in_controlled_shutdown = v[i].leaves;
	}
	err = image_apply(empty, &(struct image_batch){list.v, list.n, list.n - 1, 1, 0}, &image, NULL);
	check(err == 0);
	image_unref(&empty);
	arena_fini(&arena);
	return image;
}

struct image_partition *brokers_partition(struct image_ids replicas, struct image_ids isr, int32_t leader,
					  int32_t leader_epoch, int32_t partition_epoch)
{
	return partition_new(&(struct partition_parts){.leader = leader,
						       .leader_epoch = leader_epoch,
						       .partition_epoch = partition_epoch,
						       .replicas = replicas,
						       .isr = isr});
}
