/*
 * log_keys: the keys that this node encrypts its logs with (odradek.log.encryption.*), read at the start and again when their file changes.
 */
#ifndef ODRADEK_BROKER_LOG_KEYS_H
#define ODRADEK_BROKER_LOG_KEYS_H

#include <stdbool.h>

#include "broker/node.h"

/*
 * Gives the directories their keys, and says that what is written with them is no log of Kafka's. NODE_END_CONFIG when there are to be keys
 * and there are none, which is told.
 */
enum node_end log_keys_start(struct node *n);
/* Wipes what is the node's own. When no job runs any more. */
void log_keys_free(struct node *n);
/* They come from a file. For any thread. */
bool log_keys_may_change(const struct node *n);
/* The file has changed? Then its keys are taken; one that has gone from it still opens what it has sealed, until the node ends. A job, one at a time. */
void log_keys_look(struct node *n);

#endif
