/*
 * reassign_generate: `odradek reassign-partitions --generate`: where the replicas of topics could be.
 */
#ifndef ODRADEK_CLI_REASSIGN_GENERATE_H
#define ODRADEK_CLI_REASSIGN_GENERATE_H

#include "cli/tool.h"

/* Prints the topics as they are and as Kafka's controller would place them among the brokers of the list. The exit status. */
int reassignments_generate(struct tool *t);

#endif
