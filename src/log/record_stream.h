/*
 * record_stream: the records of a batch, compressed or not, without their contents: what a validator and a search by
 * time ask for.
 *
 * Keys, values and headers are stepped over. Each record must be exactly as long as it says, and the batch must hold
 * exactly as many as its header says. Decompression goes through the codecs' fixed buffer and stops at `out_max` bytes.
 */
#ifndef ODRADEK_LOG_RECORD_STREAM_H
#define ODRADEK_LOG_RECORD_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "compress/compress.h"
#include "wire/batch.h"

struct stream_record {
	int64_t offset;
	int64_t timestamp;
	int32_t offset_delta;
	int32_t key_len; /* -1: no key */
	int8_t attributes;
};

struct record_stream {
	const struct batch_header *batch;
	struct codecs *codecs;
	const uint8_t *p;
	const uint8_t *end;
	int64_t size; /* bytes of records seen so far, decompressed */
	int64_t left_in_record;
	int32_t left;
	int32_t record_max;   /* bytes of one record; 0 = no bound. Set it after record_stream_init. */
	int32_t refused_size; /* of the record that was larger */
	bool last;	      /* p..end is the last piece */
	int error; /* ERR_INVALID_RECORD: malformed; ERR_CORRUPT_MESSAGE: does not decompress; ERR_MESSAGE_TOO_LARGE */
};

/* What several records come to. `n` is the index of the next record: those whose offset is not their index are not glanced at. */
struct record_glance {
	int32_t n;
	int32_t delta_min, delta_max; /* of timestamps; max < min: there was none */
	uint32_t keyless;	      /* bit 0: one was without a key */
	uint8_t attributes;	      /* of all, or-ed */
};
#define RECORD_GLANCE_NONE ((struct record_glance){.delta_min = INT32_MAX, .delta_max = INT32_MIN})

/* `batch` holds the whole batch, whose header is *h. */
void record_stream_init(struct record_stream *s, struct codecs *codecs, const struct batch_header *h,
			const uint8_t *batch, size_t out_max);
/* False at the end, or when s->error. */
bool record_stream_next(struct record_stream *s, struct stream_record *out);
/* Steps over records as nearly all are, many at a time, and adds them to *g. Stops at any other, at the end of a piece, and before what is wrong. */
void record_stream_glance(struct record_stream *s, struct record_glance *g);

#endif
