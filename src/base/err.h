/*
 * err: what an int that reports an error means, everywhere.
 *
 *   0      success
 *   > 0    an error number of Kafka's protocol (ERR_* below), which may be sent to a client.
 *          Kafka's own UNKNOWN_SERVER_ERROR is -1 on the wire and ERR_UNKNOWN_SERVER_ERROR (32767)
 *          here; only the codec's reader and writer of `error` fields translate.
 *   < 0    a negated errno: trouble on this machine. err_to_kafka() is the one place that
 *          translates it into a Kafka error.
 *
 * The names and numbers are generated from protocol/errors.tbl (name, number, retriable,
 * invalid-metadata).
 */
#ifndef ODRADEK_BASE_ERR_H
#define ODRADEK_BASE_ERR_H

#include <stdbool.h>

enum {
#define ERROR(name, number, retriable, invalid_metadata, message) ERR_##name = number,
#include "protocol/errors.tbl"
#undef ERROR
};

/*
 * Kafka's number for any err: err itself when >= 0; disk errnos become ERR_KAFKA_STORAGE_ERROR, all
 * others ERR_UNKNOWN_SERVER_ERROR.
 */
int err_to_kafka(int err);

/* "NOT_LEADER_OR_FOLLOWER" for Kafka's numbers, strerror() for errnos. Static storage, any thread. */
const char *err_name(int err);

/* Kafka's default message for an error, as in Errors.message(); NULL for ERR_NONE. */
const char *err_message(int err);

bool err_is_retriable(int err);

/* The disk, or a disk quota, is full. */
bool err_is_disk_full(int err);
/* The process, or the machine, has no descriptor left. */
bool err_is_no_descriptor(int err);
/* An error that passes by itself and leaves the file intact: one of the two above. */
bool err_passes(int err);

#endif
