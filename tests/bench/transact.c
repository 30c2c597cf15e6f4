/*
 * transact: transactions of transaction.version 2, by hand.
 *
 *	transact many HOST PORT PID TOPIC PARTITIONS N ROUNDS RECORDS
 *		N producers, each on a connection, in step: all write a batch of RECORDS, then all commit;
 *		ROUNDS times
 *	transact latency HOST PORT PID TOPIC PARTITIONS N
 *		N transactions, one after another: from the first byte of its record to when a waiting
 *		reader of committed records has it
 *
 * The result is lines NAME=VALUE on standard output, in microseconds; cpu_us is that of the node,
 * whose process id is PID.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/raw.h"

enum { API_INIT_PRODUCER_ID = 22, API_END_TXN = 26 };
enum {
	NO_ERROR = 0,
	COORDINATOR_LOAD_IN_PROGRESS = 14,
	COORDINATOR_NOT_AVAILABLE = 15,
	NOT_COORDINATOR = 16,
	CONCURRENT_TRANSACTIONS = 51
};

#define KEY_TRANSACTION 1
#define READ_COMMITTED 1
#define GIVE_UP_US INT64_C(60000000)
#define FETCH_BYTES (1 << 20)

struct producer {
	struct raw connection;
	char id[32];
	int64_t producer_id;
	int16_t epoch;
	int partition;
};

static struct bytes_out out;
static const char *topic;
static int records = 1; /* per transaction */

static void breathe(int64_t since_us)
{
	if (raw_now_us() - since_us > GIVE_UP_US)
		raw_die("the node refuses for too long");
	nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

/* Transient errors. */
static bool passes(int err)
{
	return err == COORDINATOR_LOAD_IN_PROGRESS || err == COORDINATOR_NOT_AVAILABLE || err == NOT_COORDINATOR ||
	       err == CONCURRENT_TRANSACTIONS;
}

/* ---- requests ---- */

static void put_find_transaction(struct bytes_out *o, const char *id)
{
	size_t at = raw_begin(o, API_FIND_COORDINATOR, 2, 0);

	put_text(o, id);
	put8(o, KEY_TRANSACTION);
	raw_end(o, at);
}

static void put_init(struct bytes_out *o, const char *id)
{
	size_t at = raw_begin(o, API_INIT_PRODUCER_ID, 1, 0);

	put_text(o, id);
	put32(o, 60000);
	raw_end(o, at);
}

/* A transactional batch carries its producer's identity. */
static void put_record(struct bytes_out *o, const struct producer *p)
{
	struct bytes_out batch = {0};
	size_t at = raw_begin(o, API_PRODUCE, 12, 0);

	batch_make(&batch, records, 100, raw_wall_ms());
	batch_set_producer(&batch, p->producer_id, p->epoch, 0);
	put8(o, 0);
	put_compact_text(o, p->id);
	put16(o, -1);
	put32(o, 30000);
	put_compact(o, 1);
	put_compact_text(o, topic);
	put_compact(o, 1);
	put32(o, p->partition);
	put_compact(o, (uint32_t)batch.len);
	put_raw(o, batch.p, batch.len);
	put8(o, 0);
	put8(o, 0);
	put8(o, 0);
	raw_end(o, at);
	free(batch.p);
}

static int record_error(struct bytes_in in)
{
	get8(&in);
	if (get_compact(&in) != 1)
		raw_die("not one topic");
	skip_bytes(&in, (size_t)get_compact(&in));
	if (get_compact(&in) != 1)
		raw_die("not one partition");
	get32(&in);
	return get16(&in);
}

static void put_end(struct bytes_out *o, const struct producer *p)
{
	size_t at = raw_begin(o, API_END_TXN, 5, 0);

	put8(o, 0);
	put_compact_text(o, p->id);
	put64(o, p->producer_id);
	put16(o, p->epoch);
	put8(o, 1);
	put8(o, 0);
	raw_end(o, at);
}

/* The producer continues as the answer says. */
static int take_end(struct bytes_in in, struct producer *p)
{
	int err;

	get8(&in);
	get32(&in);
	err = get16(&in);
	if (err == NO_ERROR) {
		p->producer_id = get64(&in);
		p->epoch = (int16_t)get16(&in);
	}
	return err;
}

static void put_committed_fetch(struct bytes_out *o, int partition, int64_t offset, int wait_ms)
{
	size_t at = raw_begin(o, API_FETCH, 4, 0);

	put32(o, -1);
	put32(o, wait_ms);
	put32(o, 1);
	put32(o, FETCH_BYTES);
	put8(o, READ_COMMITTED);
	put32(o, 1);
	put_text(o, topic);
	put32(o, 1);
	put32(o, partition);
	put64(o, offset);
	put32(o, FETCH_BYTES);
	raw_end(o, at);
}

/* ---- a producer ---- */

static void begin(struct producer *p, const char *host, int port)
{
	int64_t since = raw_now_us();
	struct bytes_in in;
	int err;

	raw_open(&p->connection, host, port);
	do {
		put_find_transaction(&out, p->id);
		raw_send(&p->connection, &out);
		in = raw_receive(&p->connection, 0);
		get32(&in);
		err = get16(&in);
		if (err == NO_ERROR) {
			put_init(&out, p->id);
			raw_send(&p->connection, &out);
			in = raw_receive(&p->connection, 0);
			get32(&in);
			err = get16(&in);
		}
		if (err)
			breathe(since);
	} while (passes(err));
	if (err)
		raw_die("%s is refused: error %d", p->id, err);
	p->producer_id = get64(&in);
	p->epoch = (int16_t)get16(&in);
}

static void ask_record(struct producer *p)
{
	put_record(&out, p);
	raw_send(&p->connection, &out);
}

static void ask_end(struct producer *p)
{
	put_end(&out, p);
	raw_send(&p->connection, &out);
}

/* Repeats the request while the previous transaction is being ended. */
static void take(struct producer *p, void (*ask)(struct producer *p), bool is_end)
{
	int64_t since = raw_now_us();

	for (;;) {
		struct bytes_in in = raw_receive(&p->connection, 0);
		int err = is_end ? take_end(in, p) : record_error(in);

		if (err == NO_ERROR)
			return;
		if (!passes(err))
			raw_die("%s of %s is refused: error %d", is_end ? "a commit" : "a record", p->id, err);
		breathe(since);
		ask(p);
	}
}

/* ---- what is measured ---- */

static void run_many(struct producer *v, int n, int rounds)
{
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < n; i++)
			ask_record(&v[i]);
		for (int i = 0; i < n; i++)
			take(&v[i], ask_record, false);
		for (int i = 0; i < n; i++)
			ask_end(&v[i]);
		for (int i = 0; i < n; i++)
			take(&v[i], ask_end, true);
	}
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t read_on(struct raw *reader, int partition, int64_t offset, int wait_ms, size_t *bytes)
{
	put_committed_fetch(&out, partition, offset, wait_ms);
	raw_send(reader, &out);
	if (fetch_result(raw_receive(reader, 0), bytes, &offset) != 0)
		raw_die("a fetch was refused");
	return offset;
}

static void run_latency(struct producer *p, const char *host, int port, int n)
{
	int64_t *v = calloc((size_t)n, sizeof(*v));
	struct raw reader;
	int64_t offset = 0;
	size_t bytes = 1;

	raw_open(&reader, host, port);
	while (bytes > 0)
		offset = read_on(&reader, p->partition, offset, 0, &bytes);
	for (int i = 0; i < n; i++) {
		int64_t began;

		put_committed_fetch(&out, p->partition, offset, 10000);
		raw_send(&reader, &out);
		began = raw_now_us();
		ask_record(p);
		take(p, ask_record, false);
		ask_end(p);
		if (fetch_result(raw_receive(&reader, 0), &bytes, &offset) != 0 || bytes == 0)
			raw_die("a fetch came back without the record");
		v[i] = raw_now_us() - began;
		take(p, ask_end, true);
	}
	qsort(v, (size_t)n, sizeof(*v), by_value);
	printf("p50_us=%lld\np99_us=%lld\n", (long long)v[n / 2], (long long)v[(long)n * 99 / 100]);
	free(v);
	raw_close(&reader);
}

int main(int argc, char **argv)
{
	bool many = argc == 10 && strcmp(argv[1], "many") == 0;
	bool latency = argc == 8 && strcmp(argv[1], "latency") == 0;
	int n, pid, partitions;
	struct producer *v;
	int64_t began, cpu;

	if (!many && !latency)
		raw_die("what shall I measure? See the head of transact.c");
	pid = atoi(argv[4]);
	topic = argv[5];
	partitions = atoi(argv[6]);
	n = many ? atoi(argv[7]) : 1;
	records = many ? atoi(argv[9]) : 1;
	v = calloc((size_t)n, sizeof(*v));
	for (int i = 0; i < n; i++) {
		snprintf(v[i].id, sizeof(v[i].id), "transact-%d", i);
		v[i].partition = i % partitions;
		begin(&v[i], argv[2], atoi(argv[3]));
	}
	began = raw_now_us();
	cpu = raw_cpu_us(pid);
	if (many)
		run_many(v, n, atoi(argv[8]));
	else
		run_latency(v, argv[2], atoi(argv[3]), atoi(argv[7]));
	printf("total_us=%lld\ncpu_us=%lld\n", (long long)(raw_now_us() - began), (long long)(raw_cpu_us(pid) - cpu));
	for (int i = 0; i < n; i++)
		raw_close(&v[i].connection);
	free(v);
	free(out.p);
	return 0;
}
