/*
 * format_scram: the --add-scram option of odradek format: the credentials a cluster starts with
 * (KIP-900), parsed as by Kafka's ScramParser.
 */
#ifndef ODRADEK_CLI_FORMAT_SCRAM_H
#define ODRADEK_CLI_FORMAT_SCRAM_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "metadata/record.h"

struct env;

/*
 * Turns "SCRAM-SHA-256=[name=alice,password=x]" into a record. False, with *error in Kafka's words;
 * everything is in the arena.
 */
bool format_scram_record(struct env *env, struct str argument, struct record_list *records, struct arena *a,
			 struct str *error);

#endif
