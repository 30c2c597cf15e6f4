#include "tests/bench/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/endian.h"

#define LENGTH_LEN ((size_t)4)
#define IN_LEAST ((size_t)512) /* no more, since there may be ten thousand connections */

void raw_die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "probe: ");
	vfprintf(stderr, format, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	exit(1);
}

int64_t raw_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t raw_cpu_us(int pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		raw_die("no process %d", pid);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t raw_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- bytes ---- */

static uint8_t *grow(struct bytes_out *o, size_t more)
{
	if (o->cap - o->len < more) {
		o->cap = (o->len + more) * 2;
		o->p = realloc(o->p, o->cap);
		if (!o->p)
			raw_die("out of memory");
	}
	o->len += more;
	return o->p + o->len - more;
}

void put8(struct bytes_out *o, int v)
{
	*grow(o, 1) = (uint8_t)v;
}

void put16(struct bytes_out *o, int v)
{
	put_u16(grow(o, 2), (uint16_t)v);
}

void put32(struct bytes_out *o, int32_t v)
{
	put_u32(grow(o, 4), (uint32_t)v);
}

void put64(struct bytes_out *o, int64_t v)
{
	put_u64(grow(o, 8), (uint64_t)v);
}

void put_raw(struct bytes_out *o, const void *p, size_t len)
{
	memcpy(grow(o, len), p, len);
}

void put_text(struct bytes_out *o, const char *s)
{
	put16(o, s ? (int)strlen(s) : -1);
	if (s)
		put_raw(o, s, strlen(s));
}

static void put_varint(struct bytes_out *o, int32_t v)
{
	uint32_t z = ((uint32_t)v << 1) ^ (uint32_t)(v >> 31);

	for (; z >= 0x80; z >>= 7)
		put8(o, (int)(z & 0x7f) | 0x80);
	put8(o, (int)z);
}

void put_compact(struct bytes_out *o, uint32_t n)
{
	for (n++; n >= 0x80; n >>= 7)
		put8(o, (int)(n & 0x7f) | 0x80);
	put8(o, (int)n);
}

void put_compact_text(struct bytes_out *o, const char *s)
{
	put_compact(o, (uint32_t)strlen(s));
	put_raw(o, s, strlen(s));
}

void skip_bytes(struct bytes_in *in, size_t len)
{
	if (in->left < len)
		raw_die("the answer ends too early");
	in->p += len;
	in->left -= len;
}

int get8(struct bytes_in *in)
{
	skip_bytes(in, 1);
	return (int8_t)in->p[-1];
}

int get16(struct bytes_in *in)
{
	skip_bytes(in, 2);
	return get_i16(in->p - 2);
}

int32_t get32(struct bytes_in *in)
{
	skip_bytes(in, 4);
	return get_i32(in->p - 4);
}

int64_t get64(struct bytes_in *in)
{
	skip_bytes(in, 8);
	return get_i64(in->p - 8);
}

void skip_text(struct bytes_in *in)
{
	int len = get16(in);

	if (len > 0)
		skip_bytes(in, (size_t)len);
}

int get_compact(struct bytes_in *in)
{
	uint32_t n = 0;
	int byte = 0x80;

	for (int shift = 0; byte & 0x80 && shift < 32; shift += 7) {
		byte = get8(in);
		n |= (uint32_t)(byte & 0x7f) << shift;
	}
	return (int)n - 1;
}

void skip_compact_text(struct bytes_in *in)
{
	int len = get_compact(in);

	if (len > 0)
		skip_bytes(in, (size_t)len);
}

/* ---- requests ---- */

size_t raw_begin(struct bytes_out *o, int key, int version, int32_t correlation)
{
	size_t at = o->len;

	put32(o, 0);
	put16(o, key);
	put16(o, version);
	put32(o, correlation);
	put_text(o, "probe");
	return at;
}

void raw_end(struct bytes_out *o, size_t began)
{
	put_u32(o->p + began, (uint32_t)(o->len - began - 4));
}

/*
 * A batch, from its start:
 *
 *	 0 base offset i64	 8 length i32	12 leader epoch i32	16 magic i8	17 crc u32
 *	21 attributes i16	23 last offset delta	27 base time i64	35 max time i64	43 producer id
 *	51 its epoch	53 sequence	57 count
 */
static void put_key(struct bytes_out *record, int keys)
{
	char key[24];
	int len;

	if (!keys) {
		put_varint(record, -1);
		return;
	}
	len = snprintf(key, sizeof(key), "key-%d", rand() % keys);
	put_varint(record, len);
	put_raw(record, key, (size_t)len);
}

void batch_make(struct bytes_out *o, int n, int value_len, int64_t ms)
{
	batch_make_keyed(o, n, value_len, ms, 0);
}

void batch_make_keyed(struct bytes_out *o, int n, int value_len, int64_t ms, int keys)
{
	size_t at = o->len;
	struct bytes_out record = {0};

	put64(o, 0);
	put32(o, 0);
	put32(o, -1);
	put8(o, 2);
	put32(o, 0);
	put16(o, 0);
	put32(o, n - 1);
	put64(o, ms);
	put64(o, ms);
	put64(o, -1);
	put16(o, -1);
	put32(o, -1);
	put32(o, n);
	for (int i = 0; i < n; i++) {
		record.len = 0;
		put8(&record, 0);
		put_varint(&record, 0);
		put_varint(&record, i);
		put_key(&record, keys);
		put_varint(&record, value_len);
		for (int k = 0; k < value_len; k++)
			put8(&record, rand());
		put_varint(&record, 0);
		put_varint(o, (int32_t)record.len);
		put_raw(o, record.p, record.len);
	}
	free(record.p);
	put_u32(o->p + at + 8, (uint32_t)(o->len - at - 12));
	put_u32(o->p + at + 17, crc32c(0, o->p + at + 21, o->len - at - 21));
}

void batch_set_producer(struct bytes_out *batch, int64_t id, int16_t epoch, int32_t sequence)
{
	struct bytes_out o = {0};

	put16(&o, 0x10);
	memcpy(batch->p + 21, o.p, 2);
	o.len = 0;
	put64(&o, id);
	put16(&o, epoch);
	put32(&o, sequence);
	memcpy(batch->p + 43, o.p, o.len);
	free(o.p);
	put_u32(batch->p + 17, crc32c(0, batch->p + 21, batch->len - 21));
}

void put_produce(struct bytes_out *o, int32_t correlation, const char *topic, int partition, int acks,
		 const struct bytes_out *batch)
{
	size_t at = raw_begin(o, API_PRODUCE, 7, correlation);

	put_text(o, NULL);
	put16(o, acks);
	put32(o, 30000);
	put32(o, 1);
	put_text(o, topic);
	put32(o, 1);
	put32(o, partition);
	put32(o, (int32_t)batch->len);
	put_raw(o, batch->p, batch->len);
	raw_end(o, at);
}

void put_fetch(struct bytes_out *o, int32_t correlation, const char *topic, int partition, int64_t offset,
	       int max_bytes, int wait_ms)
{
	size_t at = raw_begin(o, API_FETCH, 4, correlation);

	put32(o, -1);
	put32(o, wait_ms);
	put32(o, 1);
	put32(o, max_bytes);
	put8(o, 0);
	put32(o, 1);
	put_text(o, topic);
	put32(o, 1);
	put32(o, partition);
	put64(o, offset);
	put32(o, max_bytes);
	raw_end(o, at);
}

void put_metadata(struct bytes_out *o, int32_t correlation, const char *topic, bool create)
{
	size_t at = raw_begin(o, API_METADATA, 4, correlation);

	put32(o, topic ? 1 : -1);
	if (topic)
		put_text(o, topic);
	put8(o, create);
	raw_end(o, at);
}

void put_create_topics(struct bytes_out *o, int32_t correlation, const char *name, int first, int n)
{
	size_t at = raw_begin(o, API_CREATE_TOPICS, 7, correlation);

	put8(o, 0);
	put_compact(o, (uint32_t)n);
	for (int i = 0; i < n; i++) {
		char full[256];

		snprintf(full, sizeof(full), "%s%d", name, first + i);
		put_compact_text(o, full);
		put32(o, 1);
		put16(o, 1);
		put_compact(o, 0);
		put_compact(o, 0);
		put8(o, 0);
	}
	put32(o, 60000);
	put8(o, 0);
	put8(o, 0);
	raw_end(o, at);
}

void put_create_topic(struct bytes_out *o, int32_t correlation, const char *topic, int partitions)
{
	size_t at = raw_begin(o, API_CREATE_TOPICS, 2, correlation);

	put32(o, 1);
	put_text(o, topic);
	put32(o, partitions);
	put16(o, 1);
	put32(o, 0);
	put32(o, 0);
	put32(o, 60000);
	put8(o, 0);
	raw_end(o, at);
}

void put_api_versions(struct bytes_out *o, int32_t correlation)
{
	raw_end(o, raw_begin(o, API_VERSIONS, 0, correlation));
}

void put_find_coordinator(struct bytes_out *o, int32_t correlation, const char *group)
{
	size_t at = raw_begin(o, API_FIND_COORDINATOR, 0, correlation);

	put_text(o, group);
	raw_end(o, at);
}

void put_offset_commit(struct bytes_out *o, int32_t correlation, const struct raw_member *m, const char *topic,
		       int partition, int64_t offset)
{
	size_t at = raw_begin(o, API_OFFSET_COMMIT, 7, correlation);

	put_text(o, m->group);
	put32(o, m->generation);
	put_text(o, m->id);
	put_text(o, NULL);
	put32(o, 1);
	put_text(o, topic);
	put32(o, 1);
	put32(o, partition);
	put64(o, offset);
	put32(o, -1);
	put_text(o, "");
	raw_end(o, at);
}

void put_join_group(struct bytes_out *o, int32_t correlation, const struct raw_member *m, int session_ms, int user_data)
{
	struct bytes_out metadata = {0};
	size_t at = raw_begin(o, API_JOIN_GROUP, 5, correlation);

	put16(&metadata, 0);
	put32(&metadata, 1);
	put_text(&metadata, "a-topic-of-the-crowd");
	put32(&metadata, 4);
	put32(&metadata, user_data);

	put_text(o, m->group);
	put32(o, session_ms);
	put32(o, RAW_REBALANCE_MS);
	put_text(o, m->id);
	put_text(o, NULL);
	put_text(o, "consumer");
	put32(o, 1);
	put_text(o, "range");
	put32(o, (int32_t)metadata.len);
	put_raw(o, metadata.p, metadata.len);
	raw_end(o, at);
	free(metadata.p);
}

void put_consumer_heartbeat(struct bytes_out *o, int32_t correlation, const struct raw_member *m, const char *topic,
			    const struct bytes_in *owned)
{
	size_t at = raw_begin(o, API_CONSUMER_GROUP_HEARTBEAT, 1, correlation);

	put8(o, 0); /* tagged fields of the header */
	put_compact_text(o, m->group);
	put_compact_text(o, m->id);
	put32(o, m->generation);
	put8(o, 0); /* instance id */
	put8(o, 0); /* rack */
	put32(o, topic ? RAW_REBALANCE_MS : -1);
	put_compact(o, topic ? 1 : UINT32_MAX);
	if (topic)
		put_compact_text(o, topic);
	put8(o, 0); /* pattern */
	put8(o, 0); /* assignor */
	if (topic)
		put_compact(o, 0);
	else if (owned)
		put_raw(o, owned->p, owned->left);
	else
		put8(o, 0);
	put8(o, 0);
	raw_end(o, at);
}

/* ---- connections ---- */

bool raw_try(struct raw *r, const char *host, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		raw_die("not an IPv4 address: %s", host);
	*r = (struct raw){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	if (r->fd < 0)
		raw_die("socket: %s", strerror(errno));
	setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (connect(r->fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return true;
	if (errno != ECONNREFUSED)
		raw_die("connect: %s", strerror(errno));
	raw_close(r);
	return false;
}

void raw_open(struct raw *r, const char *host, int port)
{
	if (!raw_try(r, host, port))
		raw_die("nobody listens on %s:%d", host, port);
}

void raw_close(struct raw *r)
{
	close(r->fd);
	free(r->in);
	*r = (struct raw){.fd = -1};
}

void raw_send(struct raw *r, struct bytes_out *o)
{
	for (size_t at = 0; at < o->len;) {
		ssize_t n = send(r->fd, o->p + at, o->len - at, MSG_NOSIGNAL);

		if (n < 0)
			raw_die("send: %s", strerror(errno));
		at += (size_t)n;
	}
	o->len = 0;
}

/*
 * Ensures this many bytes after `at`. The first read takes everything received, which is the whole
 * of most answers; a remainder is waited for. False: the connection was closed.
 */
static bool have(struct raw *r, size_t len)
{
	bool rest = len > LENGTH_LEN;

	if (r->end - r->at >= len)
		return true;
	if (r->end > r->at)
		memmove(r->in, r->in + r->at, r->end - r->at);
	r->end -= r->at;
	r->at = 0;
	if (r->cap < len) {
		r->cap = len > IN_LEAST ? len : IN_LEAST;
		r->in = realloc(r->in, r->cap);
		if (!r->in)
			raw_die("out of memory");
	}
	while (r->end < len) {
		ssize_t n = recv(r->fd, r->in + r->end, (rest ? len : r->cap) - r->end, rest ? MSG_WAITALL : 0);

		if (n <= 0)
			return false;
		r->end += (size_t)n;
	}
	return true;
}

bool raw_try_receive(struct raw *r, int32_t correlation, struct bytes_in *in)
{
	size_t len;

	if (!have(r, LENGTH_LEN))
		return false;
	len = get_u32(r->in + r->at);
	if (!have(r, LENGTH_LEN + len))
		return false;
	*in = (struct bytes_in){.p = r->in + r->at + LENGTH_LEN, .left = len};
	r->at += LENGTH_LEN + len;
	if (get32(in) != correlation)
		raw_die("an answer to another request");
	return true;
}

struct bytes_in raw_receive(struct raw *r, int32_t correlation)
{
	struct bytes_in in;

	if (!raw_try_receive(r, correlation, &in))
		raw_die("the node has closed the connection");
	return in;
}

/* ---- answers ---- */

int produce_error(struct bytes_in in)
{
	if (get32(&in) != 1)
		raw_die("not one topic");
	skip_text(&in);
	if (get32(&in) != 1)
		raw_die("not one partition");
	get32(&in);
	return get16(&in);
}

int find_coordinator_error(struct bytes_in in)
{
	return get16(&in);
}

int offset_commit_error(struct bytes_in in)
{
	get32(&in);
	if (get32(&in) != 1)
		raw_die("not one topic");
	skip_text(&in);
	if (get32(&in) != 1)
		raw_die("not one partition");
	get32(&in);
	return get16(&in);
}

int fetch_result(struct bytes_in in, size_t *bytes, int64_t *next_offset)
{
	int32_t n;
	int err;

	get32(&in);
	if (get32(&in) != 1)
		raw_die("not one topic");
	skip_text(&in);
	if (get32(&in) != 1)
		raw_die("not one partition");
	get32(&in);
	err = get16(&in);
	get64(&in);
	get64(&in);
	n = get32(&in);
	for (int32_t i = 0; i < n; i++)
		skip_bytes(&in, 16);
	n = get32(&in);
	*bytes = n > 0 ? (size_t)n : 0;
	in.left = *bytes < in.left ? *bytes : in.left;
	while (in.left >= 61) { /* the last batch may be incomplete */
		size_t len = 12 + get_u32(in.p + 8);

		if (len > in.left)
			break;
		*next_offset = get_i64(in.p) + get_i32(in.p + 23) + 1;
		skip_bytes(&in, len);
	}
	return err;
}

static void skip_ints(struct bytes_in *in)
{
	int32_t n = get32(in);

	for (int32_t i = 0; i < n; i++)
		get32(in);
}

int metadata_leaders(struct bytes_in in)
{
	int32_t brokers, topics;
	int leaders = 0;
	bool bad = false;

	get32(&in);
	brokers = get32(&in);
	for (int32_t i = 0; i < brokers; i++) {
		get32(&in);
		skip_text(&in);
		get32(&in);
		skip_text(&in);
	}
	skip_text(&in);
	get32(&in);
	topics = get32(&in);
	for (int32_t i = 0; i < topics; i++) {
		int32_t partitions;

		bad |= get16(&in) != 0;
		skip_text(&in);
		get8(&in);
		partitions = get32(&in);
		for (int32_t k = 0; k < partitions; k++) {
			bad |= get16(&in) != 0;
			get32(&in);
			bad |= get32(&in) < 0;
			skip_ints(&in);
			skip_ints(&in);
			leaders++;
		}
	}
	return bad ? -1 : leaders;
}
