/*
 * raw: Kafka's protocol by hand, as a client with hardly any cost: a blocking socket, requests
 * written byte by byte. It shares no code with the codec it measures. Every failure ends the
 * program with a message.
 */
#ifndef ODRADEK_TESTS_BENCH_RAW_H
#define ODRADEK_TESTS_BENCH_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Noreturn void raw_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t raw_now_us(void);
int64_t raw_cpu_us(int pid); /* CPU time used by a process, with all its threads; 0: this one */

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
void put_text(struct bytes_out *o, const char *s); /* NULL is written as null */
void put_raw(struct bytes_out *o, const void *p, size_t len);
void put_compact(struct bytes_out *o, uint32_t n); /* a length or count in a flexible version */
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
void skip_text(struct bytes_in *in);	     /* null too */
int get_compact(struct bytes_in *in);	     /* a length or count; -1: null */
void skip_compact_text(struct bytes_in *in); /* null too */

/* ---- requests: begin, put the body, end; they accumulate in `o` until sent ---- */

enum {
	API_PRODUCE = 0,
	API_FETCH = 1,
	API_METADATA = 3,
	API_OFFSET_COMMIT = 8,
	API_FIND_COORDINATOR = 10,
	API_JOIN_GROUP = 11,
	API_HEARTBEAT = 12,
	API_LEAVE_GROUP = 13,
	API_SYNC_GROUP = 14,
	API_VERSIONS = 18,
	API_CREATE_TOPICS = 19,
	API_CONSUMER_GROUP_HEARTBEAT = 68,
};

enum { NO_ERROR = 0, UNKNOWN_MEMBER_ID = 25, REBALANCE_IN_PROGRESS = 27, MEMBER_ID_REQUIRED = 79 };

size_t raw_begin(struct bytes_out *o, int key, int version, int32_t correlation);
void raw_end(struct bytes_out *o, size_t began);

/*
 * n records of value_len bytes with this timestamp in one batch of version 2; the values are
 * incompressible.
 */
void batch_make(struct bytes_out *o, int n, int value_len, int64_t time_ms);
/* Each record gets one of `keys` keys at random; 0: no key. */
void batch_make_keyed(struct bytes_out *o, int n, int value_len, int64_t time_ms, int keys);
/* Makes the only batch in `batch` a transactional one. */
void batch_set_producer(struct bytes_out *batch, int64_t id, int16_t epoch, int32_t sequence);
int64_t raw_wall_ms(void);
void put_produce(struct bytes_out *o, int32_t correlation, const char *topic, int partition, int acks,
		 const struct bytes_out *batch);
void put_fetch(struct bytes_out *o, int32_t correlation, const char *topic, int partition, int64_t offset,
	       int max_bytes, int wait_ms);
void put_metadata(struct bytes_out *o, int32_t correlation, const char *topic, bool create); /* NULL: all topics */
void put_create_topic(struct bytes_out *o, int32_t correlation, const char *topic, int partitions);
/*
 * n topics of one partition each, NAME<first> and on, as a current admin client creates them: with
 * settings in the answer.
 */
void put_create_topics(struct bytes_out *o, int32_t correlation, const char *name, int first, int n);
void put_api_versions(struct bytes_out *o, int32_t correlation);
void put_find_coordinator(struct bytes_out *o, int32_t correlation, const char *group);

struct raw_member {
	const char *group;
	const char *id; /* "": no member, and generation -1 */
	int32_t generation;
};
/* Commits an offset for one partition. */
void put_offset_commit(struct bytes_out *o, int32_t correlation, const struct raw_member *m, const char *topic,
		       int partition, int64_t offset);
/* Joins a classic group as a consumer that offers `range`; user_data is in its subscription. */
#define RAW_REBALANCE_MS 60000
void put_join_group(struct bytes_out *o, int32_t correlation, const struct raw_member *m, int session_ms,
		    int user_data);
/*
 * A heartbeat of KIP-848. topic: joins with a subscription to it; NULL: stays. owned: the partitions
 * by topic that are reported, as in an answer; NULL: none are.
 */
void put_consumer_heartbeat(struct bytes_out *o, int32_t correlation, const struct raw_member *m, const char *topic,
			    const struct bytes_in *owned);

/* ---- connections ---- */

struct raw {
	int fd;
	uint8_t *in; /* received data: the last answer ends at `at`; what follows it ends at `end` */
	size_t at, end, cap;
};

bool raw_try(struct raw *r, const char *host, int port); /* false: nothing listens there yet */
void raw_open(struct raw *r, const char *host, int port);
void raw_close(struct raw *r);
void raw_send(struct raw *r, struct bytes_out *o); /* also empties `o` */
/*
 * The next answer, from behind its correlation id, which is checked; valid until the next one is
 * received.
 */
struct bytes_in raw_receive(struct raw *r, int32_t correlation);
bool raw_try_receive(struct raw *r, int32_t correlation, struct bytes_in *in); /* false: the connection was closed */

/* The error of the only partition in a Produce answer. */
int produce_error(struct bytes_in in);
int find_coordinator_error(struct bytes_in in);
int offset_commit_error(struct bytes_in in); /* of the only partition */
/*
 * The error of the only partition in a Fetch answer; *bytes is the size of its records,
 * *next_offset the offset after its last batch.
 */
int fetch_result(struct bytes_in in, size_t *bytes, int64_t *next_offset);
/*
 * The number of partitions of all topics in a Metadata answer; -1 when one has no leader, or a
 * topic has an error.
 */
int metadata_leaders(struct bytes_in in);

#endif
