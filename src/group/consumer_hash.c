/*
 * consumer_hash: XXH3 over the bytes that Kafka's Utils.computeTopicHash uses: little-endian,
 * strings in UTF-16 followed by their length.
 */
#include <stdlib.h>
#include <xxhash.h>

#include "base/endian.h"
#include "base/mem.h"
#include "group/consumer_hash.h"
#include "metadata/image.h"

static void put_int(struct buf *b, int32_t v)
{
	buf_put(b, &v, sizeof(v));
}

static void put_unit(struct buf *b, uint32_t unit)
{
	uint16_t v = (uint16_t)unit;

	buf_put(b, &v, sizeof(v));
}

/* The code point at *p, which is advanced. The text was checked to be UTF-8 when it was decoded. */
static uint32_t code_point(const uint8_t **p, const uint8_t *end)
{
	uint32_t c = *(*p)++;
	int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	c &= more == 0 ? 0x7f : 0x3fu >> more;
	for (; more > 0 && *p < end; more--)
		c = c << 6 | (*(*p)++ & 0x3f);
	return c;
}

/* Appends the UTF-16 units and returns their number. */
static int32_t put_units(struct buf *b, struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p, *end = p + s.len;
	int32_t n = 0;

	while (p < end) {
		uint32_t c = code_point(&p, end);

		if (c >= 0x10000) {
			put_unit(b, 0xd800 + ((c - 0x10000) >> 10));
			put_unit(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
			n += 2;
		} else {
			put_unit(b, c);
			n++;
		}
	}
	return n;
}

static void put_string(struct buf *b, struct str s)
{
	put_int(b, put_units(b, s));
}

void consumer_hash_head(struct buf *b, struct uuid id, struct str name, int32_t n_partitions)
{
	uint64_t high = get_u64(id.b), low = get_u64(id.b + 8);

	buf_put(b, "", 1); /* the version of this layout */
	buf_put(b, &high, sizeof(high));
	buf_put(b, &low, sizeof(low));
	put_string(b, name);
	put_int(b, n_partitions);
}

static int rack_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* For each rack: its length, then the rack, again followed by its length. */
static void put_rack(struct buf *b, struct str rack)
{
	size_t at = b->len;
	int32_t n;

	put_int(b, 0);
	n = put_units(b, rack);
	__builtin_memcpy(b->p + at, &n, sizeof(n));
	put_int(b, n);
}

void consumer_hash_partition(struct buf *b, int32_t partition, struct str *racks, int32_t n)
{
	put_int(b, partition);
	if (n > 1)
		qsort(racks, (size_t)n, sizeof(*racks), rack_cmp);
	for (int32_t i = 0; i < n; i++)
		put_rack(b, racks[i]);
}

uint64_t consumer_hash_end(const struct buf *b)
{
	return XXH3_64bits(b->p, b->len);
}

uint64_t consumer_group_hash(const uint64_t *topics, int32_t n)
{
	return n == 0 ? 0 : XXH3_64bits(topics, (size_t)n * sizeof(*topics));
}

static int32_t racks_of(const struct image *image, const struct image_partition *p, struct str *racks)
{
	struct image_ids replicas = partition_replicas(p);
	int32_t n = 0;

	for (int i = 0; i < replicas.n; i++) {
		const struct image_node *broker = image_broker(image, replicas.v[i]);

		if (broker && !str_is_null(broker->rack))
			racks[n++] = broker->rack;
	}
	return n;
}

uint64_t consumer_topic_hash(const struct image *image, const struct image_topic *t)
{
	struct buf b = {0};
	struct str *racks = NULL;
	int room = 0;
	uint64_t hash;

	consumer_hash_head(&b, t->id, t->name, t->n_partitions);
	for (int32_t i = 0; i < t->n_partitions; i++) {
		const struct image_partition *p = image_topic_partition(t, i);
		int n = p ? partition_replicas(p).n : 0;

		if (n > room) {
			room = n;
			racks = xreallocarray(racks, (size_t)room, sizeof(*racks));
		}
		consumer_hash_partition(&b, i, racks, p ? racks_of(image, p, racks) : 0);
	}
	hash = consumer_hash_end(&b);
	xfree(racks);
	buf_fini(&b);
	return hash;
}
