/*
 * remote_record: records of __remote_log_metadata (KIP-405) as Kafka's classes print themselves, which is what kafka-dump-log prints.
 */
#ifndef ODRADEK_CLI_REMOTE_RECORD_H
#define ODRADEK_CLI_REMOTE_RECORD_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends the value's text. 0; ERR_UNSUPPORTED_VERSION for a type or version that is not known; ERR_INVALID_RECORD. */
int remote_record_text(struct bytes value, struct arena *a, struct buf *out);

#endif
