/*
 * consumer_protocol: is the protocol of KIP-848 offered, according to
 * group.coordinator.rebalance.protocols and group.version?
 */
#ifndef ODRADEK_BROKER_CONSUMER_PROTOCOL_H
#define ODRADEK_BROKER_CONSUMER_PROTOCOL_H

#include <stdbool.h>

struct image;
struct node;

bool consumer_protocol_is_on(const struct node *node, const struct image *image);

#endif
