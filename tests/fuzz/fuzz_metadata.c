/*
 * Metadata replay: records of arbitrary bytes, each preceded by its length (two bytes), eight to a
 * batch. What the image accepts it can express again: its snapshot, as bytes, gives an equal image.
 * What it refuses leaves it unchanged.
 */

#include "base/check.h"
#include "base/endian.h"
#include "metadata/replay.h"

#define BATCH 8
#define BUDGET (8 << 20)
/* A snapshot is taken of what the input made, unless it grew too large for a fuzzer. */
#define PARTITIONS_MAX 10000

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

struct rebuild {
	const struct image *image;
};

static int rebuild_one(void *arg, const struct metadata_record *r)
{
	struct rebuild *b = arg;
	struct metadata_record back;
	struct image_batch batch = {&back, 1, image_offset(b->image) + 1, 1, 0};
	const struct image *next;
	struct buf bytes = {0};
	struct arena a;

	arena_init(&a, BUDGET);
	metadata_record_encode(r, &bytes);
	check(metadata_record_decode((struct bytes){bytes.p, (int32_t)bytes.len}, &a, &back) == 0);
	check(image_apply(b->image, &batch, &next, NULL) == 0);
	image_unref(&b->image);
	b->image = next;
	buf_fini(&bytes);
	arena_fini(&a);
	return 0;
}

static void check_snapshot(const struct image *image)
{
	struct rebuild b = {image_new(image_cluster_id(image))};

	check(image_to_records(image, rebuild_one, &b) == 0);
	check(image_metadata_version(image) < 30 ||
	      image_equal(image, b.image)); /* older levels cannot express everything */
	image_unref(&b.image);
}

/* The next record's bytes; false at the end. */
static bool next_value(const uint8_t **p, const uint8_t *end, struct bytes *out)
{
	size_t len;

	if (end - *p < 2)
		return false;
	len = get_u16(*p);
	*p += 2;
	if (len > (size_t)(end - *p))
		len = (size_t)(end - *p);
	*out = (struct bytes){*p, (int32_t)len};
	*p += len;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	int64_t offset = -1;
	struct replay replay;
	bool more = true;

	replay_init(&replay, image_new(STR("fuzz")));
	while (more) {
		struct metadata_record v[BATCH];
		struct image_batch batch = {v, 0, offset, 1, 0};
		struct bytes value;
		struct arena a;

		arena_init(&a, BUDGET);
		while (batch.n < BATCH && (more = next_value(&p, end, &value))) {
			if (metadata_record_decode(value, &a, &v[batch.n]) == 0)
				batch.n++;
		}
		batch.last_offset += batch.n;
		if (batch.n > 0 && replay_batch(&replay, &batch, NULL) == 0)
			offset = batch.last_offset;
		check(image_offset(replay.image) <= image_offset(replay.tip) && image_offset(replay.tip) <= offset);
		arena_fini(&a);
	}
	if (image_partition_count(replay.image) < PARTITIONS_MAX)
		check_snapshot(replay.image);
	replay_fini(&replay);
	return 0;
}
