/*
 * reassign_generate: `odradek reassign-partitions --generate`: proposes a placement for the
 * replicas of topics.
 */
#ifndef ODRADEK_CLI_REASSIGN_GENERATE_H
#define ODRADEK_CLI_REASSIGN_GENERATE_H

#include "cli/tool.h"

/*
 * Prints the current placement of the topics, and the one that Kafka's controller would choose
 * among the brokers of the list. Returns the exit status.
 */
int reassignments_generate(struct tool *t);

#endif
