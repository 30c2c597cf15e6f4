/*
 * format_scram: --add-scram of odradek format: credentials that a cluster begins with (KIP-900), as Kafka's ScramParser reads them.
 */
#ifndef ODRADEK_CLI_FORMAT_SCRAM_H
#define ODRADEK_CLI_FORMAT_SCRAM_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "metadata/record.h"

struct env;

/* "SCRAM-SHA-256=[name=alice,password=x]" as a record. False and *error in Kafka's words; all in the arena. */
bool format_scram_record(struct env *env, struct str argument, struct record_list *records, struct arena *a,
			 struct str *error);

#endif
