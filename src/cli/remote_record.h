/*
 * remote_record: records of __remote_log_metadata (KIP-405), printed like the toString() of Kafka's
 * classes, as kafka-dump-log does.
 */
#ifndef ODRADEK_CLI_REMOTE_RECORD_H
#define ODRADEK_CLI_REMOTE_RECORD_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * Appends the value's text. Returns 0; ERR_UNSUPPORTED_VERSION for an unknown type or version;
 * ERR_INVALID_RECORD.
 */
int remote_record_text(struct bytes value, struct arena *a, struct buf *out);

#endif
