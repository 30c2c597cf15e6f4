/*
 * consumer_embedded: what consumers of the classic protocol put into a group's opaque bytes: subscriptions and assignments, a version before
 * each. Versions beyond what is known are read as the newest known, as Kafka's ConsumerProtocol does.
 */
#ifndef ODRADEK_GROUP_CONSUMER_EMBEDDED_H
#define ODRADEK_GROUP_CONSUMER_EMBEDDED_H

#include "group/assign.h"
#include "protocol/consumer_protocol.h"

struct image;

/* False: not such bytes, or no memory. Strings point into them. */
bool consumer_read_subscription(struct arena *a, struct bytes b, struct consumer_protocol_subscription *out);
bool consumer_read_assignment(struct arena *a, struct bytes b, struct consumer_protocol_assignment *out);
/* In the version that the subscription has; null: no memory, or that has none. Topics that do not exist are left out. */
struct bytes consumer_write_assignment(struct arena *a, const struct image *image, const struct assign_set *s,
				       struct bytes subscription);

#endif
