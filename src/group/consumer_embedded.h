/*
 * consumer_embedded: what consumers of the classic protocol put into a group's opaque bytes:
 * subscriptions and assignments, each preceded by a version. Unknown higher versions are read as
 * the highest known one, as Kafka's ConsumerProtocol does.
 */
#ifndef ODRADEK_GROUP_CONSUMER_EMBEDDED_H
#define ODRADEK_GROUP_CONSUMER_EMBEDDED_H

#include "group/assign.h"
#include "protocol/consumer_protocol.h"

struct image;

/* False: the bytes are invalid, or out of memory. Strings point into the bytes. */
bool consumer_read_subscription(struct arena *a, struct bytes b, struct consumer_protocol_subscription *out);
bool consumer_read_assignment(struct arena *a, struct bytes b, struct consumer_protocol_assignment *out);
/*
 * Encoded in the version of the subscription; null: out of memory, or the subscription has no
 * version. Topics that do not exist are left out.
 */
struct bytes consumer_write_assignment(struct arena *a, const struct image *image, const struct assign_set *s,
				       struct bytes subscription);

#endif
