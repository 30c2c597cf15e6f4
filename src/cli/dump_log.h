/*
 * dump_log: what the parts of `odradek dump-log` share. The lines are those of Apache Kafka's
 * kafka-dump-log, which scripts parse.
 */
#ifndef ODRADEK_CLI_DUMP_LOG_H
#define ODRADEK_CLI_DUMP_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "atrest/seal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "compress/compress.h"
#include "env/env.h"

/* How keys or values of ordinary topics are shown. */
enum record_decoder { DECODER_STRING, DECODER_LONG, DECODER_INTEGER, DECODER_BYTES };

struct dump_options {
	bool print_data;
	bool deep;
	bool verify_only; /* indexes: print no entries */
	bool index_sanity;
	bool skip_record_metadata;
	bool cluster_metadata; /* values are records of __cluster_metadata */
	bool offsets;	       /* keys and values are those of __consumer_offsets */
	bool transaction_log;  /* keys and values are those of __transaction_state */
	bool share_state;      /* keys and values are those of __share_group_state */
	bool remote_metadata;  /* values are those of __remote_log_metadata */
	enum record_decoder key, value;
	int64_t max_bytes;
};

struct dump {
	struct env *env;
	struct dump_options options;
	struct codecs *codecs;
	struct atrest_keys keys; /* from --encryption-key-file */
	struct arena arena;	 /* of the current record */
	struct buf complaints;	 /* printed to stderr at the end */
	bool misread;		 /* a key or value was invalid for its decoder */
};

/* Each prints one file. Returns 0, or a negated errno, after which the caller names the file. */
int dump_batches(struct dump *d, const char *path); /* .log, .checkpoint */
int dump_offset_index(struct dump *d, const char *path);
int dump_time_index(struct dump *d, const char *path);
int dump_txn_index(struct dump *d, const char *path);
int dump_producer_snapshot(struct dump *d, const char *path);

/* Finds one of Kafka's decoders by its class, with or without its package; false for any other class. */
bool dump_decoder_named(const char *class, enum record_decoder *out);
/* Prints the decoded bytes; -EBADMSG, with nothing printed, when there are too few. */
int dump_decoded(enum record_decoder decoder, struct bytes b);

/*
 * Where the batches of a segment were encrypted, from its directory's name and partition.metadata;
 * false when these do not tell.
 */
bool dump_place(struct env *env, const char *path, struct seal_place *out);
/* Reads the keys from a file; false, with a line on stderr, if there are none. */
bool dump_read_keys(struct dump *d, const char *path);

/* The number at the start of the file's name. */
int64_t dump_base_offset(const char *path);

#endif
