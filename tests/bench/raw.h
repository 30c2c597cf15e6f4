/*
 * raw: Kafka's protocol by hand, as a client that costs nothing: a blocking socket, requests written byte by byte.
 *
 * It shares no code with the codec that it measures. Every failure ends the program with a line.
 */
#ifndef ODRADEK_TESTS_BENCH_RAW_H
#define ODRADEK_TESTS_BENCH_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Noreturn void raw_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t raw_now_us(void);
int64_t raw_cpu_us(int pid); /* what a process has used, with all its threads; 0: this one */

/* ---- bytes ---- */

struct bytes_out {
	uint8_t *p;
	size_t len;
	size_t cap;
};

void put8(struct bytes_out *o, int v);
void put16(struct bytes_out *o, int v);
void put32(struct bytes_out *o, int32_t v);
void put64(struct bytes_out *o, int64_t v);
void put_text(struct bytes_out *o, const char *s); /* NULL is null */
void put_raw(struct bytes_out *o, const void *p, size_t len);
void put_compact(struct bytes_out *o, uint32_t n); /* a length or a count of the flexible versions */
void put_compact_text(struct bytes_out *o, const char *s);

struct bytes_in {
	const uint8_t *p;
	size_t left;
};

int get8(struct bytes_in *in);
int get16(struct bytes_in *in);
int32_t get32(struct bytes_in *in);
int64_t get64(struct bytes_in *in);
void skip_bytes(struct bytes_in *in, size_t len);
void skip_text(struct bytes_in *in);  /* null too */
int get_compact(struct bytes_in *in); /* a length or a count; -1: null */

/* ---- requests: begin, put the body, end; they gather in `o` until they are sent ---- */

enum {
	API_PRODUCE = 0,
	API_FETCH = 1,
	API_METADATA = 3,
	API_OFFSET_COMMIT = 8,
	API_FIND_COORDINATOR = 10,
	API_VERSIONS = 18,
	API_CREATE_TOPICS = 19,
};

size_t raw_begin(struct bytes_out *o, int key, int version, int32_t correlation);
void raw_end(struct bytes_out *o, size_t began);

/* n records of value_len bytes, of that time, in one batch of version 2; what it is made of is chosen so that nothing compresses it. */
void batch_make(struct bytes_out *o, int n, int value_len, int64_t time_ms);
/* Each with one of so many keys, by chance; 0: none. */
void batch_make_keyed(struct bytes_out *o, int n, int value_len, int64_t time_ms, int keys);
/* Makes one that stands alone in `batch` a transactional one. */
void batch_set_producer(struct bytes_out *batch, int64_t id, int16_t epoch, int32_t sequence);
int64_t raw_wall_ms(void);
void put_produce(struct bytes_out *o, int32_t correlation, const char *topic, int partition, int acks,
		 const struct bytes_out *batch);
void put_fetch(struct bytes_out *o, int32_t correlation, const char *topic, int partition, int64_t offset,
	       int max_bytes, int wait_ms);
void put_metadata(struct bytes_out *o, int32_t correlation, const char *topic, bool create); /* NULL: all topics */
void put_create_topic(struct bytes_out *o, int32_t correlation, const char *topic, int partitions);
/* n topics of a partition each, NAME<first> and on, as an admin client of today asks: with settings in the answer. */
void put_create_topics(struct bytes_out *o, int32_t correlation, const char *name, int first, int n);
void put_api_versions(struct bytes_out *o, int32_t correlation);
void put_find_coordinator(struct bytes_out *o, int32_t correlation, const char *group);

struct raw_member {
	const char *group;
	const char *id; /* "": nobody's, and generation -1 */
	int32_t generation;
};
/* The offset of one partition. */
void put_offset_commit(struct bytes_out *o, int32_t correlation, const struct raw_member *m, const char *topic,
		       int partition, int64_t offset);

/* ---- connections ---- */

struct raw {
	int fd;
	uint8_t *in; /* what has come: the last answer, which ends at `at`, and what is behind it up to `end` */
	size_t at, end, cap;
};

bool raw_try(struct raw *r, const char *host, int port); /* false: nobody listens yet */
void raw_open(struct raw *r, const char *host, int port);
void raw_close(struct raw *r);
void raw_send(struct raw *r, struct bytes_out *o); /* and empties it */
/* The next answer, behind its correlation id, which is checked; there until the one after it is asked for. */
struct bytes_in raw_receive(struct raw *r, int32_t correlation);
bool raw_try_receive(struct raw *r, int32_t correlation, struct bytes_in *in); /* false: the connection was closed */

/* Error of the one partition in a Produce answer. */
int produce_error(struct bytes_in in);
int find_coordinator_error(struct bytes_in in);
int offset_commit_error(struct bytes_in in); /* of the one partition */
/* Error and records of the one partition in a Fetch answer; the number of bytes of its records, and the offset behind its last batch. */
int fetch_result(struct bytes_in in, size_t *bytes, int64_t *next_offset);
/* Partitions of all topics in a Metadata answer that have a leader; -1 when some have none, or a topic has an error. */
int metadata_leaders(struct bytes_in in);

#endif
