/*
 * record_stream: iterates over the records of a batch, compressed or not, without their contents,
 * as the validator and the search by time need.
 *
 * Keys, values and headers are skipped, and so are a record's attributes, which have no meaning in
 * this format. Each record must be exactly as long as it says, and the batch must hold exactly as
 * many as its header says. Decompression goes through the codecs' fixed buffer and stops at
 * `out_max` bytes.
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
	int32_t key_len;   /* -1: no key */
	int32_t value_len; /* -1: no value */
};

struct record_stream {
	const struct batch_header *batch;
	struct codecs *codecs;
	const uint8_t *p;
	const uint8_t *end;
	int64_t size; /* decompressed bytes of records seen so far */
	int64_t left_in_record;
	int32_t left;
	int32_t record_max;   /* bytes of one record; 0 = no limit. Set it after record_stream_init. */
	int32_t refused_size; /* size of the record that exceeded record_max */
	bool last;	      /* p..end is the last piece */
	int error; /* ERR_INVALID_RECORD: malformed; ERR_CORRUPT_MESSAGE: does not decompress; ERR_MESSAGE_TOO_LARGE */
};

/*
 * A summary of several records. `n` is the index of the next one: records whose offset delta is not
 * their index are not included.
 */
struct record_glance {
	int32_t n;
	int32_t delta_min, delta_max; /* least and largest timestamp delta; max < min: there was none */
	uint32_t keyless;	      /* bit 0 is set if a record had no key */
};
#define RECORD_GLANCE_NONE ((struct record_glance){.delta_min = INT32_MAX, .delta_max = INT32_MIN})

/* `batch` points to the whole batch, whose header is *h. */
void record_stream_init(struct record_stream *s, struct codecs *codecs, const struct batch_header *h,
			const uint8_t *batch, size_t out_max);
/* False at the end, or with s->error set. */
bool record_stream_next(struct record_stream *s, struct stream_record *out);
/*
 * Steps over records of the usual shape, many at a time, and adds them to *g. Stops at any other
 * record, at the end of a piece, and before a malformed one.
 */
void record_stream_glance(struct record_stream *s, struct record_glance *g);

#endif
