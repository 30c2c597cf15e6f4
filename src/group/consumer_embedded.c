/* consumer_embedded: an int16 version, then the message (protocol/consumer_protocol.msg). */
#include "group/consumer_embedded.h"

#include <string.h>

#include "base/endian.h"
#include "metadata/image.h"
#include "wire/codec.h"

enum { VERSION_LEN = 2 };

/* -1: invalid. */
static int version_of(struct bytes b, int newest)
{
	int version = b.p && b.len >= VERSION_LEN ? get_i16(b.p) : -1;

	return version > newest ? newest : version;
}

static bool read_as(const struct schema *schema, int newest, struct arena *a, struct bytes b, void *out)
{
	int version = version_of(b, newest);

	return version >= 0 &&
	       codec_decode_plain(schema, version, b.p + VERSION_LEN, (size_t)(b.len - VERSION_LEN), a, out) == 0;
}

bool consumer_read_subscription(struct arena *a, struct bytes b, struct consumer_protocol_subscription *out)
{
	return read_as(&consumer_protocol_subscription_schema, consumer_protocol_subscription_LAST, a, b, out);
}

bool consumer_read_assignment(struct arena *a, struct bytes b, struct consumer_protocol_assignment *out)
{
	return read_as(&consumer_protocol_assignment_schema, consumer_protocol_assignment_LAST, a, b, out);
}

static bool fill(struct arena *a, const struct image *image, const struct assign_set *s,
		 struct consumer_protocol_assignment *out)
{
	struct consumer_protocol_assignment_topic_partition *v = arena_array(a, (size_t)s->n + 1, sizeof(*v));
	int32_t n = 0;

	for (int32_t i = 0; v && i < s->n; i++) {
		const struct image_topic *t = image_topic_by_id(image, s->v[i].id);

		if (!t)
			continue;
		v[n].topic = t->name;
		v[n].partitions.v = s->v[i].partitions;
		v[n++].partitions.n = s->v[i].n;
	}
	out->assigned_partitions.v = v;
	out->assigned_partitions.n = n;
	return v != NULL;
}

struct bytes consumer_write_assignment(struct arena *a, const struct image *image, const struct assign_set *s,
				       struct bytes subscription)
{
	int version = version_of(subscription, consumer_protocol_assignment_LAST);
	struct consumer_protocol_assignment message = {.user_data = BYTES_NULL};
	size_t len;
	uint8_t *p;

	if (version < 0 || !fill(a, image, s, &message) ||
	    codec_size(&consumer_protocol_assignment_schema, version, &message, &len))
		return BYTES_NULL;
	p = arena_alloc(a, len + VERSION_LEN);
	if (!p || codec_encode_bytes(&consumer_protocol_assignment_schema, version, &message, p + VERSION_LEN, len))
		return BYTES_NULL;
	put_i16(p, (int16_t)version);
	return (struct bytes){p, (int32_t)(len + VERSION_LEN)};
}
