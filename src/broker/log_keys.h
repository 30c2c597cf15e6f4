/*
 * log_keys: the keys with which this node encrypts its logs (odradek.log.encryption.*), read at the
 * start and again when their file changes.
 */
#ifndef ODRADEK_BROKER_LOG_KEYS_H
#define ODRADEK_BROKER_LOG_KEYS_H

#include <stdbool.h>

#include "broker/node.h"

/*
 * Gives the directories their keys, and logs that what is written with them cannot be read by
 * Apache Kafka. NODE_END_CONFIG when keys are configured and there are none, which is logged.
 */
enum node_end log_keys_start(struct node *n);
/* Wipes the keys that are the node's own. When no job runs any more. */
void log_keys_free(struct node *n);
/* True when they come from a file. Any thread. */
bool log_keys_may_change(const struct node *n);
/*
 * Takes the new keys if the file has changed; a key that is no longer in it still opens what it has
 * sealed, until the node ends. A job, one at a time.
 */
void log_keys_look(struct node *n);

#endif
