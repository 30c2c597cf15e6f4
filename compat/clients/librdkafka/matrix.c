/* The matrix through librdkafka's C interface. What a program of the matrix does, and each feature: compat/README.md; its twin is
 * clients/python/features.py. One thread; what a feature opens stays for the process's life, what it cannot go on without ends it. */
#include <librdkafka/rdkafka.h>
#include <openssl/sha.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define T0 1700000000000LL /* the timestamp of the first record where timestamps are given */
#define MAX_RECORDS 256

struct bytes {
	const void *data;
	size_t len;
};

struct record {
	struct bytes key, value;
	int32_t partition;
	int64_t offset, millis;
	rd_kafka_timestamp_type_t kind;
	rd_kafka_headers_t *headers;
};

static const char *bootstrap, *feature, *topic;
static jmp_buf give_up;

/* ---- what is printed ---- */

static void line(const char *format, ...)
{
	va_list args;
	printf("%s: ", feature);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static void fail(const char *what, const char *why)
{
	line("failed %s: %s", what, why);
	longjmp(give_up, 1);
}

static const char *name(rd_kafka_resp_err_t err) { return err ? rd_kafka_err2name(err) : "ok"; }

static const char *digest(const void *data, size_t len)
{
	static char out[17];
	unsigned char sum[SHA256_DIGEST_LENGTH];
	SHA256(data, len, sum);
	for (int i = 0; i < 8; i++)
		sprintf(out + 2 * i, "%02x", sum[i]);
	return out;
}

static void show(char *out, size_t room, struct bytes b)
{
	if (!b.data)
		snprintf(out, room, "null");
	else if (b.len > 40)
		snprintf(out, room, "%zu bytes %s", b.len, digest(b.data, b.len));
	else {
		strcpy(out, "0x");
		for (size_t i = 0; i < b.len; i++)
			sprintf(out + 2 + 2 * i, "%02x", ((const unsigned char *)b.data)[i]);
	}
}

static void show_record(const struct record *r)
{
	char key[200], value[200], headers[1000] = "", one[200];
	struct bytes v;
	const char *k;
	show(key, sizeof key, r->key);
	show(value, sizeof value, r->value);
	for (size_t i = 0; r->headers && !rd_kafka_header_get_all(r->headers, i, &k, &v.data, &v.len); i++) {
		show(one, sizeof one, v);
		snprintf(headers + strlen(headers), sizeof headers - strlen(headers), "%s%s=%s", i ? " " : "", k, one);
	}
	line("%lld key=%s value=%s headers=[%s]", (long long)r->offset, key, value, headers);
}

static void show_all(const struct record *records, int n)
{
	static char text[4 << 20];
	size_t len = 0;
	if (n == 0) {
		line("0 records");
		return;
	}
	for (int i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%lld %.*s %.*s\n", (long long)records[i].offset, (int)records[i].key.len,
			records[i].key.data ? (const char *)records[i].key.data : "", (int)records[i].value.len,
			records[i].value.data ? (const char *)records[i].value.data : "");
	line("%d records from %lld to %lld %s", n, (long long)records[0].offset, (long long)records[n - 1].offset, digest(text, len));
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- clients ---- */

static rd_kafka_t *client(rd_kafka_type_t type, ...)
{
	char err[512];
	va_list args;
	const char *key;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, NULL, 0);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	rd_kafka_conf_set(conf, "client.id", "matrix", NULL, 0);
	va_start(args, type);
	while ((key = va_arg(args, const char *)))
		if (rd_kafka_conf_set(conf, key, va_arg(args, const char *), err, sizeof err))
			fail(key, err);
	va_end(args);
	rd_kafka_t *rk = rd_kafka_new(type, conf, err, sizeof err);
	if (!rk)
		fail("client", err);
	return rk;
}

/* One admin client a process. */
static rd_kafka_t *admin(void)
{
	static rd_kafka_t *rk;
	return rk ? rk : (rk = client(RD_KAFKA_PRODUCER, NULL));
}

static rd_kafka_queue_t *answers(void)
{
	static rd_kafka_queue_t *q;
	return q ? q : (q = rd_kafka_queue_new(admin()));
}

static rd_kafka_event_t *answer(void)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(answers(), 60000);
	if (!event)
		fail("admin", "no answer");
	return event;
}

static bool topic_seen(const char *t, int partitions)
{
	const struct rd_kafka_metadata *meta;
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(admin(), t, NULL);
	bool seen = false;
	if (!rd_kafka_metadata(admin(), 0, rkt, &meta, 60000)) {
		seen = meta->topic_cnt == 1 && !meta->topics[0].err && meta->topics[0].partition_cnt == partitions;
		for (int i = 0; seen && i < partitions; i++)
			seen = meta->topics[0].partitions[i].leader >= 0;
		rd_kafka_metadata_destroy(meta);
	}
	rd_kafka_topic_destroy(rkt);
	return seen;
}

static void wait_topic(const char *t, int partitions)
{
	for (double end = now() + 60; !topic_seen(t, partitions) && now() < end;)
		usleep(20000); /* between two looks */
}

static const char *make_topic(const char *t, int partitions, int replicas, const char *key, const char *value, const char **text)
{
	char err[200];
	static char what[600];
	size_t n;
	rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(t, partitions, replicas, err, sizeof err);
	if (!new)
		return "refused by the client";
	if (key)
		rd_kafka_NewTopic_set_config(new, key, value);
	rd_kafka_CreateTopics(admin(), &new, 1, NULL, answers());
	rd_kafka_NewTopic_destroy(new);
	rd_kafka_event_t *event = answer();
	const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
	rd_kafka_resp_err_t code = n ? rd_kafka_topic_result_error(results[0]) : rd_kafka_event_error(event);
	snprintf(what, sizeof what, "%s", n && rd_kafka_topic_result_error_string(results[0]) ? rd_kafka_topic_result_error_string(results[0]) : "");
	rd_kafka_event_destroy(event);
	if (text)
		*text = what;
	return name(code);
}

static void create(const char *t, int partitions, const char *key, const char *value)
{
	const char *text, *what = make_topic(t, partitions, 1, key, value, &text);
	if (strcmp(what, "ok") != 0)
		fail("create", what);
	wait_topic(t, partitions);
}

/* ---- writing and reading ---- */

static int acknowledged;
static rd_kafka_resp_err_t last_error;
static int32_t last_partition[MAX_RECORDS];

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	(void)opaque;
	if (m->err)
		last_error = m->err;
	else
		acknowledged++;
	last_partition[(intptr_t)m->_private] = m->partition;
}

static void write_records(const char *t, int32_t partition, const struct record *records, int n, bool timed, const char *key, const char *value)
{
	char err[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, NULL, 0);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	rd_kafka_conf_set(conf, "message.max.bytes", "4000000", NULL, 0);
	if (key && rd_kafka_conf_set(conf, key, value, err, sizeof err))
		fail(key, err);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof err);
	if (!rk)
		fail("producer", err);
	acknowledged = 0;
	last_error = 0;
	for (int i = 0; i < n; i++) {
		const struct record *r = &records[i];
		rd_kafka_headers_t *headers = r->headers ? rd_kafka_headers_copy(r->headers) : NULL;
		rd_kafka_resp_err_t code = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(t), RD_KAFKA_V_PARTITION(partition),
			RD_KAFKA_V_KEY(r->key.data, r->key.len), RD_KAFKA_V_VALUE((void *)(intptr_t)r->value.data, r->value.len),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_TIMESTAMP(timed ? r->millis : 0),
			RD_KAFKA_V_OPAQUE((void *)(intptr_t)i), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
		if (code) {
			last_error = code;
			if (headers)
				rd_kafka_headers_destroy(headers);
		}
	}
	rd_kafka_flush(rk, 60000);
	rd_kafka_destroy(rk);
}

static void assign(rd_kafka_t *rk, const char *t, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_partition_list_add(list, t, 0)->offset = offset;
	rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_t *reader(const char *t, int64_t offset, const char *reset)
{
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, "group.id", t, "enable.auto.commit", "false", "auto.offset.reset", reset, "fetch.wait.max.ms", "200", NULL);
	assign(rk, t, offset);
	return rk;
}

/* Reads n records or until the time is over; the messages stay for the process's life. Returns the error that ended it. */
static rd_kafka_resp_err_t read_records(rd_kafka_t *rk, struct record *out, int n, double seconds, int *got)
{
	*got = 0;
	for (double end = now() + seconds; *got < n && now() < end;) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 200);
		if (!m)
			continue;
		if (m->err)
			return m->err;
		struct record *r = &out[(*got)++];
		*r = (struct record){{m->key, m->key_len}, {m->payload, m->len}, m->partition, m->offset, 0, 0, NULL};
		r->millis = rd_kafka_message_timestamp(m, &r->kind);
		rd_kafka_message_detach_headers(m, &r->headers);
	}
	return 0;
}

static struct bytes text(const char *s) { return (struct bytes){s, strlen(s)}; }

static struct record *codec_records(void)
{
	static struct record records[200];
	static char keys[200][8], values[200][512];
	for (int i = 0; i < 200; i++) {
		sprintf(keys[i], "%d", i);
		sprintf(values[i], "record %d ", i);
		for (int k = 0; k < i % 50; k++)
			strcat(values[i], "odradek ");
		records[i] = (struct record){.key = text(keys[i]), .value = text(values[i])};
	}
	return records;
}

static struct record *numbers(int n)
{
	static struct record records[MAX_RECORDS];
	static char values[MAX_RECORDS][8];
	for (int i = 0; i < n; i++) {
		sprintf(values[i], "%d", i);
		records[i] = (struct record){.value = text(values[i]), .millis = T0 + i};
	}
	return records;
}

static struct record got[MAX_RECORDS];

static void read_and_show(int n)
{
	int count;
	rd_kafka_t *rk = reader(topic, 0, "earliest");
	rd_kafka_resp_err_t err = read_records(rk, got, n, 60, &count);
	if (err)
		fail("read", name(err));
	if (n > 10)
		show_all(got, count);
	else
		for (int i = 0; i < count; i++)
			show_record(&got[i]);
	rd_kafka_consumer_close(rk);
}

/* ---- the features ---- */

static void codec(void)
{
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, codec_records(), 200, false, "compression.type", strchr(feature, '-') + 1);
	line("%d acknowledged", acknowledged);
	read_and_show(200);
}

static void idempotent(void)
{
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, codec_records(), 200, false, "enable.idempotence", "true");
	line("%d acknowledged", acknowledged);
	read_and_show(200);
}

static void shapes(void)
{
	struct record given[6] = {{.value = text("no key")}, {.key = text("no value")}, {.key = text(""), .value = text("")},
		{.key = text("key"), .value = text("headers")}, {.key = text("schl\u00fcssel-\u9375"), .value = text("\u03a9\u03b4\u03c1\u03b1\u03b4\u03ad\u03ba \U0001f9f5")},
		{.key = {"\x00\xff\xfe", 3}, .value = {"\xc3\x28\x00", 3}}};
	given[3].headers = rd_kafka_headers_new(4);
	rd_kafka_header_add(given[3].headers, "h", -1, "v", 1);
	rd_kafka_header_add(given[3].headers, "null", -1, NULL, 0);
	rd_kafka_header_add(given[3].headers, "empty", -1, "", 0);
	rd_kafka_header_add(given[3].headers, "h", -1, "again", 5);
	given[4].headers = rd_kafka_headers_new(1);
	rd_kafka_header_add(given[4].headers, "k\u00f6pfe", -1, "\u00fc", 2);
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, given, 6, false, NULL, NULL);
	read_and_show(6);
}

static void large(void)
{
	unsigned char *value = malloc(1048000);
	for (int i = 0; i < 1048000; i++)
		value[i] = (unsigned char)(i * 7 + i / 251);
	struct record given = {.key = text("large"), .value = {value, 1048000}};
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, &given, 1, false, NULL, NULL);
	read_and_show(1);
	free(value);
}

static void timestamps(void)
{
	char append[200];
	const char *names[] = {topic, append};
	int count;
	snprintf(append, sizeof append, "%s-append", topic);
	create(topic, 1, NULL, NULL);
	create(append, 1, "message.timestamp.type", "LogAppendTime");
	for (int t = 0; t < 2; t++) {
		write_records(names[t], 0, numbers(3), 3, true, NULL, NULL);
		rd_kafka_t *rk = reader(names[t], 0, "earliest");
		read_records(rk, got, 3, 60, &count);
		for (int i = 0; i < count; i++)
			line("%d type=%d %s%lld", i, (int)got[i].kind, got[i].millis < T0 + 1000 ? "" : "now ", got[i].millis < T0 + 1000 ? (long long)(got[i].millis - T0) : 0LL);
		rd_kafka_consumer_close(rk);
	}
}

static void partitioner(void)
{
	static struct record given[40];
	static char keys[40][16];
	char out[200] = "";
	for (int i = 0; i < 40; i++) {
		sprintf(keys[i], "key %d", i);
		given[i] = (struct record){.key = text(keys[i]), .value = text("v")};
	}
	create(topic, 4, NULL, NULL);
	write_records(topic, RD_KAFKA_PARTITION_UA, given, 40, false, NULL, NULL);
	for (int i = 0; i < 40; i++)
		sprintf(out + strlen(out), "%s%d", i ? " " : "", last_partition[i]);
	line("%s", out);
}

static void acks(void)
{
	static const char *const wanted[] = {"0", "1", "all"};
	create(topic, 1, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		write_records(topic, 0, numbers(1), 1, false, "acks", wanted[i]);
		line("%s: %s", wanted[i], name(last_error));
	}
	read_and_show(3);
}

static void times(void)
{
	static const int at[] = {-5, 0, 4, 9, 10};
	int64_t low, high;
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, numbers(10), 10, true, NULL, NULL);
	rd_kafka_t *rk = reader(topic, 0, "earliest");
	for (int i = 0; i < 5; i++) {
		rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
		rd_kafka_topic_partition_list_add(list, topic, 0)->offset = T0 + at[i];
		rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(rk, list, 60000);
		line("after %d: %s %lld", at[i], name(err), (long long)list->elems[0].offset);
		rd_kafka_topic_partition_list_destroy(list);
	}
	rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(rk, topic, 0, &low, &high, 60000);
	line("watermarks %s %lld %lld", name(err), (long long)low, (long long)high);
	rd_kafka_consumer_close(rk);
}

static void seek(void)
{
	static const int at[] = {5, 0, 9};
	char shown[100];
	int count;
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, numbers(10), 10, false, NULL, NULL);
	rd_kafka_t *rk = reader(topic, 0, "earliest");
	read_records(rk, got, 10, 60, &count);
	for (int i = 0; i < 3; i++) {
		rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
		rd_kafka_topic_partition_list_add(list, topic, 0)->offset = at[i];
		rd_kafka_error_t *error = rd_kafka_seek_partitions(rk, list, 60000);
		if (error)
			fail("seek", rd_kafka_error_name(error));
		read_records(rk, got, 1, 60, &count);
		show(shown, sizeof shown, got[0].value);
		line("at %d: %s", at[i], count ? shown : "nothing");
		rd_kafka_topic_partition_list_destroy(list);
	}
	rd_kafka_consumer_close(rk);
}

static void reset(void)
{
	static const char *const policy[] = {"earliest", "latest", "error"};
	int count;
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, numbers(10), 10, false, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		rd_kafka_t *rk = reader(topic, 100, policy[i]);
		rd_kafka_resp_err_t err = read_records(rk, got, 1, i == 1 ? 1 : 60, &count);
		line("%s: %s, %d read%s", policy[i], name(err), count, count && got[0].offset == 0 ? " at the beginning" : "");
		rd_kafka_consumer_close(rk);
	}
}

static void eof(void)
{
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, numbers(3), 3, false, NULL, NULL);
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, "group.id", topic, "enable.partition.eof", "true", NULL);
	assign(rk, topic, 0);
	for (int i = 0; i < 4; i++) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 60000);
		line("%lld %s", m ? (long long)m->offset : -1LL, m ? name(m->err) : "nothing came");
	}
	rd_kafka_consumer_close(rk);
}

static rd_kafka_t *subscribed(const char *group, const char *t)
{
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, "group.id", group, "enable.auto.commit", "false", "auto.offset.reset", "earliest", "session.timeout.ms", "45000",
		"topic.metadata.propagation.max.ms", "0", NULL);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_partition_list_add(list, t, -1);
	rd_kafka_subscribe(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return rk;
}

static rd_kafka_t *joined(const char *group) { return subscribed(group, topic); }

/* The client is not destroyed: it would wait for the messages that are still looked at. */
static void leave(rd_kafka_t *rk) { rd_kafka_consumer_close(rk); }

static rd_kafka_topic_partition_list_t *both(int64_t zero, int64_t one)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = zero;
	rd_kafka_topic_partition_list_add(list, topic, 1)->offset = one;
	return list;
}

static void committed(rd_kafka_t *rk)
{
	rd_kafka_topic_partition_list_t *list = both(0, 0);
	rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, 60000);
	for (int i = 0; i < 2; i++)
		line("committed %s %d %lld metadata=%.*s", name(err), i, (long long)list->elems[i].offset, (int)list->elems[i].metadata_size,
			list->elems[i].metadata ? (const char *)list->elems[i].metadata : "");
	rd_kafka_topic_partition_list_destroy(list);
}

static int order(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	return x->partition != y->partition ? x->partition - y->partition : (int)(x->offset - y->offset);
}

static void commit(void)
{
	char out[400] = "";
	int count;
	create(topic, 2, NULL, NULL);
	write_records(topic, 0, numbers(10), 10, false, NULL, NULL);
	write_records(topic, 1, numbers(10), 10, false, NULL, NULL);
	rd_kafka_t *rk = joined(topic);
	read_records(rk, got, 20, 60, &count);
	line("first run read %d", count);
	rd_kafka_topic_partition_list_t *list = both(7, 3);
	list->elems[0].metadata = strdup("seven");
	list->elems[0].metadata_size = 5;
	line("commit %s", name(rd_kafka_commit(rk, list, 0)));
	rd_kafka_topic_partition_list_destroy(list);
	committed(rk);
	leave(rk);
	rk = joined(topic);
	read_records(rk, got, 10, 60, &count);
	qsort(got, (size_t)count, sizeof *got, order);
	for (int i = 0; i < count; i++)
		sprintf(out + strlen(out), " %d:%lld", got[i].partition, (long long)got[i].offset);
	line("second run read%s", out);
	line("commit %s", name(rd_kafka_commit(rk, NULL, 0)));
	leave(rk);
	rk = joined(topic);
	read_records(rk, got, 1, 2, &count);
	line("third run read %d", count);
	committed(rk);
	leave(rk);
}

/* ---- transactions ---- */

/* Ends with Kafka's name of the error, "ok" when there is none. */
static const char *outcome(rd_kafka_error_t *error, bool *fatal)
{
	const char *what = error ? rd_kafka_error_name(error) : "ok";
	if (fatal)
		*fatal = error && rd_kafka_error_is_fatal(error);
	if (error)
		rd_kafka_error_destroy(error);
	return what;
}

static void must(const char *what, rd_kafka_error_t *error)
{
	const char *said = outcome(error, NULL);
	if (strcmp(said, "ok") != 0)
		fail(what, said);
}

static rd_kafka_t *transactional(void)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, "transactional.id", topic, NULL);
	must("init", rd_kafka_init_transactions(rk, 60000));
	return rk;
}

static rd_kafka_error_t *begin(rd_kafka_t *rk, int n)
{
	rd_kafka_error_t *error = rd_kafka_begin_transaction(rk);
	for (int i = 0; i < n && !error; i++)
		rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE("x", 1),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
	if (!error)
		rd_kafka_flush(rk, 60000);
	return error;
}

static void level(const char *what, const char *isolation, int n)
{
	char offsets[200] = "";
	int count;
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, "group.id", topic, "enable.auto.commit", "false", "fetch.wait.max.ms", "200",
		"isolation.level", isolation, NULL);
	assign(rk, topic, 0);
	read_records(rk, got, n, 60, &count);
	for (int i = 0; i < count; i++)
		sprintf(offsets + strlen(offsets), " %lld", (long long)got[i].offset);
	line("%s, %s%s", what, isolation, offsets);
}

/* What who reads only what is committed sees, and who reads all. */
static void levels(const char *what, int n_committed, int n_all)
{
	level(what, "read_committed", n_committed);
	level(what, "read_uncommitted", n_all);
}

static void end_with_offset(rd_kafka_t *rk, rd_kafka_t *group, int64_t offset, bool commits)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(group);
	must("begin", begin(rk, 1));
	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = offset;
	must("offsets", rd_kafka_send_offsets_to_transaction(rk, list, metadata, 60000));
	must("end", commits ? rd_kafka_commit_transaction(rk, 60000) : rd_kafka_abort_transaction(rk, 60000));
	list->elems[0].offset = -1;
	rd_kafka_committed(group, list, 60000);
	line("committed %lld", (long long)list->elems[0].offset);
	rd_kafka_consumer_group_metadata_destroy(metadata);
	rd_kafka_topic_partition_list_destroy(list);
}

static void fenced(rd_kafka_t *older)
{
	rd_kafka_t *newer = transactional();
	rd_kafka_error_t *error = begin(older, 1);
	bool fatal;
	const char *said = outcome(error ? error : rd_kafka_commit_transaction(older, 60000), &fatal);
	line("the older one: %s fatal=%s", said, fatal ? "true" : "false");
	must("begin", begin(newer, 1));
	must("commit", rd_kafka_commit_transaction(newer, 60000));
	levels("fenced", 7, 10);
}

static void transactions(void)
{
	create(topic, 1, NULL, NULL);
	rd_kafka_t *rk = transactional();
	must("begin", begin(rk, 3));
	must("commit", rd_kafka_commit_transaction(rk, 60000));
	must("begin", begin(rk, 2));
	must("abort", rd_kafka_abort_transaction(rk, 60000));
	must("begin", begin(rk, 2));
	levels("open", 3, 7);
	must("commit", rd_kafka_commit_transaction(rk, 60000));
	levels("ended", 5, 7);
	rd_kafka_t *group = reader(topic, 0, "earliest");
	end_with_offset(rk, group, 5, true);
	end_with_offset(rk, group, 6, false);
	fenced(rk);
}

static const char *delete_topic(const char *t)
{
	size_t n;
	rd_kafka_DeleteTopic_t *del = rd_kafka_DeleteTopic_new(t);
	rd_kafka_DeleteTopics(admin(), &del, 1, NULL, answers());
	rd_kafka_DeleteTopic_destroy(del);
	rd_kafka_event_t *event = answer();
	const rd_kafka_topic_result_t **results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
	rd_kafka_resp_err_t code = n ? rd_kafka_topic_result_error(results[0]) : rd_kafka_event_error(event);
	rd_kafka_event_destroy(event);
	return name(code);
}

static void admin_topics(void)
{
	const char *why;
	line("create %s", make_topic(topic, 3, 1, "retention.ms", "3600000", &why));
	wait_topic(topic, 3);
	line("three partitions: %d", topic_seen(topic, 3));
	line("delete %s", delete_topic(topic));
	for (double end = now() + 60; topic_seen(topic, 3) && now() < end;)
		usleep(20000);
	line("left: %d", topic_seen(topic, 3));
}

static const char *describe_config(rd_kafka_ResourceType_t type, const char *resource, const char *const *keys, int n_keys)
{
	static char out[1000];
	size_t n, entries;
	rd_kafka_ConfigResource_t *config = rd_kafka_ConfigResource_new(type, resource);
	rd_kafka_DescribeConfigs(admin(), &config, 1, NULL, answers());
	rd_kafka_ConfigResource_destroy(config);
	rd_kafka_event_t *event = answer();
	const rd_kafka_ConfigResource_t **results = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
	snprintf(out, sizeof out, "%s", name(n ? rd_kafka_ConfigResource_error(results[0]) : rd_kafka_event_error(event)));
	const rd_kafka_ConfigEntry_t **found = n ? rd_kafka_ConfigResource_configs(results[0], &entries) : NULL;
	for (int k = 0; found && k < n_keys; k++)
		for (size_t i = 0; i < entries; i++)
			if (strcmp(rd_kafka_ConfigEntry_name(found[i]), keys[k]) == 0)
				snprintf(out + strlen(out), sizeof out - strlen(out), " %s=%s,source=%d,default=%d,readonly=%d", keys[k], rd_kafka_ConfigEntry_value(found[i]),
					(int)rd_kafka_ConfigEntry_source(found[i]), rd_kafka_ConfigEntry_is_default(found[i]), rd_kafka_ConfigEntry_is_read_only(found[i]));
	rd_kafka_event_destroy(event);
	return out;
}

static const char *alter_config(rd_kafka_ResourceType_t type, const char *resource, const char *key, const char *value)
{
	static char out[600];
	size_t n;
	rd_kafka_ConfigResource_t *config = rd_kafka_ConfigResource_new(type, resource);
	rd_kafka_ConfigResource_set_config(config, key, value);
	rd_kafka_AlterConfigs(admin(), &config, 1, NULL, answers());
	rd_kafka_ConfigResource_destroy(config);
	rd_kafka_event_t *event = answer();
	const rd_kafka_ConfigResource_t **results = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &n);
	const char *why = n ? rd_kafka_ConfigResource_error_string(results[0]) : NULL;
	snprintf(out, sizeof out, "%s %s", name(n ? rd_kafka_ConfigResource_error(results[0]) : rd_kafka_event_error(event)), why ? why : "");
	rd_kafka_event_destroy(event);
	return out;
}

static void admin_configs(void)
{
	static const char *const keys[] = {"retention.ms", "cleanup.policy", "max.message.bytes"};
	static const char *const broker[] = {"node.id", "num.partitions", "log.retention.hours"};
	char before[1000];
	create(topic, 1, "retention.ms", "3600000");
	line("%s", describe_config(RD_KAFKA_RESOURCE_TOPIC, topic, keys, 3));
	strcpy(before, describe_config(RD_KAFKA_RESOURCE_TOPIC, topic, keys, 2));
	line("replace %s", alter_config(RD_KAFKA_RESOURCE_TOPIC, topic, "cleanup.policy", "compact"));
	for (double end = now() + 5; !strcmp(before, describe_config(RD_KAFKA_RESOURCE_TOPIC, topic, keys, 2)) && now() < end;)
		usleep(20000);
	line("%s", describe_config(RD_KAFKA_RESOURCE_TOPIC, topic, keys, 2));
	line("%s", describe_config(RD_KAFKA_RESOURCE_BROKER, "1", broker, 3));
}

static const char *create_partitions(const char *t, size_t count)
{
	static char out[600];
	char err[200];
	size_t n;
	rd_kafka_NewPartitions_t *new = rd_kafka_NewPartitions_new(t, count, err, sizeof err);
	rd_kafka_CreatePartitions(admin(), &new, 1, NULL, answers());
	rd_kafka_NewPartitions_destroy(new);
	rd_kafka_event_t *event = answer();
	const rd_kafka_topic_result_t **results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &n);
	const char *why = n ? rd_kafka_topic_result_error_string(results[0]) : NULL;
	snprintf(out, sizeof out, "%s %s", name(n ? rd_kafka_topic_result_error(results[0]) : rd_kafka_event_error(event)), why ? why : "");
	rd_kafka_event_destroy(event);
	return out;
}

/* Text of the broker's with the topic's name replaced. */
static const char *hidden(const char *s)
{
	static char out[1000];
	const char *at = strstr(s, topic);
	if (!at)
		return s;
	snprintf(out, sizeof out, "%.*sTOPIC%s", (int)(at - s), s, at + strlen(topic));
	return out;
}

static void admin_partitions(void)
{
	static const size_t counts[] = {4, 2, 4, 5};
	char unknown[200];
	create(topic, 2, NULL, NULL);
	for (int i = 0; i < 4; i++)
		line("%zu: %s", counts[i], hidden(create_partitions(topic, counts[i])));
	snprintf(unknown, sizeof unknown, "no-%s", topic);
	line("unknown: %s", create_partitions(unknown, 4));
	wait_topic(topic, 5);
	line("five: %d", topic_seen(topic, 5));
}

static void admin_records(void)
{
	static const int64_t at[] = {4, -1, 99};
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, numbers(10), 10, false, NULL, NULL);
	for (int i = 0; i < 3; i++) {
		rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
		rd_kafka_topic_partition_list_add(list, topic, 0)->offset = at[i];
		rd_kafka_DeleteRecords_t *del = rd_kafka_DeleteRecords_new(list);
		rd_kafka_DeleteRecords(admin(), &del, 1, NULL, answers());
		rd_kafka_DeleteRecords_destroy(del);
		rd_kafka_event_t *event = answer();
		const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
		const rd_kafka_topic_partition_list_t *offsets = result && !rd_kafka_event_error(event) ? rd_kafka_DeleteRecords_result_offsets(result) : NULL;
		line("before %lld: %s %lld", (long long)at[i], name(offsets ? offsets->elems[0].err : rd_kafka_event_error(event)),
			offsets && !offsets->elems[0].err ? (long long)offsets->elems[0].offset : -1LL);
		rd_kafka_event_destroy(event);
		rd_kafka_topic_partition_list_destroy(list);
	}
}

static void admin_cluster(void)
{
	const struct rd_kafka_metadata *meta;
	rd_kafka_resp_err_t err = rd_kafka_metadata(admin(), 0, NULL, &meta, 60000);
	if (err)
		fail("metadata", name(err));
	for (int i = 0; i < meta->broker_cnt; i++)
		line("broker %d %s", meta->brokers[i].id, meta->brokers[i].host);
	line("controller=%d id=%zu characters", rd_kafka_controllerid(admin(), 60000), strlen(rd_kafka_clusterid(admin(), 60000)));
	rd_kafka_metadata_destroy(meta);
}

static const char *delete_group(const char *group)
{
	size_t n;
	rd_kafka_DeleteGroup_t *del = rd_kafka_DeleteGroup_new(group);
	rd_kafka_DeleteGroups(admin(), &del, 1, NULL, answers());
	rd_kafka_DeleteGroup_destroy(del);
	rd_kafka_event_t *event = answer();
	const rd_kafka_group_result_t **results = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &n);
	const rd_kafka_error_t *error = n ? rd_kafka_group_result_error(results[0]) : NULL;
	rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : rd_kafka_event_error(event);
	rd_kafka_event_destroy(event);
	return name(code);
}

static void describe_group(const char *group)
{
	size_t n;
	rd_kafka_DescribeConsumerGroups(admin(), &group, 1, NULL, answers());
	rd_kafka_event_t *event = answer();
	const rd_kafka_ConsumerGroupDescription_t **found =
		rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event), &n);
	for (size_t i = 0; i < n; i++) {
		const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(found[i]);
		line("described %s state=%s simple=%d assignor=%s members=%zu", error ? rd_kafka_error_name(error) : "ok",
			rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(found[i])),
			rd_kafka_ConsumerGroupDescription_is_simple_consumer_group(found[i]), rd_kafka_ConsumerGroupDescription_partition_assignor(found[i]),
			rd_kafka_ConsumerGroupDescription_member_count(found[i]));
		for (size_t m = 0; m < rd_kafka_ConsumerGroupDescription_member_count(found[i]); m++) {
			const rd_kafka_MemberDescription_t *member = rd_kafka_ConsumerGroupDescription_member(found[i], m);
			line("member %s %s with %d partitions", rd_kafka_MemberDescription_client_id(member), rd_kafka_MemberDescription_host(member),
				rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member))->cnt);
		}
	}
	rd_kafka_event_destroy(event);
}

static void list_groups(void)
{
	size_t n;
	rd_kafka_ListConsumerGroups(admin(), NULL, answers());
	rd_kafka_event_t *event = answer();
	const rd_kafka_ConsumerGroupListing_t **found =
		rd_kafka_ListConsumerGroups_result_valid(rd_kafka_event_ListConsumerGroups_result(event), &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(rd_kafka_ConsumerGroupListing_group_id(found[i]), topic) == 0)
			line("listed state=%s simple=%d", rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(found[i])),
				rd_kafka_ConsumerGroupListing_is_simple_consumer_group(found[i]));
	rd_kafka_event_destroy(event);
}

static void admin_groups(void)
{
	int count;
	create(topic, 2, NULL, NULL);
	write_records(topic, 0, numbers(10), 10, false, NULL, NULL);
	rd_kafka_t *rk = joined(topic);
	read_records(rk, got, 10, 60, &count);
	rd_kafka_commit(rk, NULL, 0);
	list_groups();
	describe_group(topic);
	line("delete while in use %s", delete_group(topic));
	leave(rk);
	describe_group(topic);
	line("delete %s", delete_group(topic));
	line("delete again %s", delete_group(topic));
	describe_group(topic);
}

static void group_offsets(const char *group)
{
	size_t n;
	rd_kafka_ListConsumerGroupOffsets_t *ask = rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
	rd_kafka_ListConsumerGroupOffsets(admin(), &ask, 1, NULL, answers());
	rd_kafka_ListConsumerGroupOffsets_destroy(ask);
	rd_kafka_event_t *event = answer();
	const rd_kafka_group_result_t **found =
		rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
	for (size_t i = 0; i < n; i++) {
		const rd_kafka_error_t *error = rd_kafka_group_result_error(found[i]);
		const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(found[i]);
		line("listed %s %d", error ? rd_kafka_error_name(error) : "ok", list ? list->cnt : -1);
		for (int p = 0; list && p < list->cnt; p++)
			line("committed %d %lld", list->elems[p].partition, (long long)list->elems[p].offset);
	}
	if (!n)
		line("listed %s", name(rd_kafka_event_error(event)));
	rd_kafka_event_destroy(event);
}

static void admin_offsets(void)
{
	char unknown[200];
	size_t n;
	create(topic, 2, NULL, NULL);
	rd_kafka_topic_partition_list_t *list = both(5, 0);
	rd_kafka_AlterConsumerGroupOffsets_t *alter = rd_kafka_AlterConsumerGroupOffsets_new(topic, list);
	rd_kafka_AlterConsumerGroupOffsets(admin(), &alter, 1, NULL, answers());
	rd_kafka_AlterConsumerGroupOffsets_destroy(alter);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_event_t *event = answer();
	rd_kafka_AlterConsumerGroupOffsets_result_groups(rd_kafka_event_AlterConsumerGroupOffsets_result(event), &n);
	line("altered %s", name(rd_kafka_event_error(event)));
	rd_kafka_event_destroy(event);
	group_offsets(topic);
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, 0);
	rd_kafka_DeleteConsumerGroupOffsets_t *del = rd_kafka_DeleteConsumerGroupOffsets_new(topic, list);
	rd_kafka_DeleteConsumerGroupOffsets(admin(), &del, 1, NULL, answers());
	rd_kafka_DeleteConsumerGroupOffsets_destroy(del);
	rd_kafka_topic_partition_list_destroy(list);
	event = answer();
	line("deleted %s", name(rd_kafka_event_error(event)));
	rd_kafka_event_destroy(event);
	group_offsets(topic);
	snprintf(unknown, sizeof unknown, "no-%s", topic);
	group_offsets(unknown);
}

static void error_topics(void)
{
	static char long_name[251];
	char other[200];
	const char *why;
	memset(long_name, 'x', 250);
	snprintf(other, sizeof other, "%s-a", topic);
	create(topic, 1, NULL, NULL);
	struct {
		const char *what, *name;
		int partitions, replicas;
		const char *key, *value;
	} cases[] = {{"exists", topic, 1, 1, NULL, NULL}, {"no partitions", other, 0, 1, NULL, NULL}, {"too many replicas", other, 1, 3, NULL, NULL},
		{"bad name", "a topic with spaces", 1, 1, NULL, NULL}, {"dots", "..", 1, 1, NULL, NULL}, {"long name", long_name, 1, 1, NULL, NULL},
		{"bad setting", other, 1, 1, "retention.ms", "soon"}, {"unknown setting", other, 1, 1, "nonsense", "1"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *what = make_topic(cases[i].name, cases[i].partitions, cases[i].replicas, cases[i].key, cases[i].value, &why);
		line("%s: %s %s", cases[i].what, what, hidden(why));
	}
	snprintf(other, sizeof other, "no-%s", topic);
	line("delete unknown: %s", delete_topic(other));
}

static void error_configs(void)
{
	char unknown[200];
	create(topic, 1, NULL, NULL);
	snprintf(unknown, sizeof unknown, "no-%s", topic);
	line("bad number: %s", alter_config(RD_KAFKA_RESOURCE_TOPIC, topic, "retention.ms", "soon"));
	line("bad word: %s", alter_config(RD_KAFKA_RESOURCE_TOPIC, topic, "cleanup.policy", "keep"));
	line("unknown setting: %s", alter_config(RD_KAFKA_RESOURCE_TOPIC, topic, "no.such.setting", "1"));
	line("unknown topic: %s", hidden(alter_config(RD_KAFKA_RESOURCE_TOPIC, unknown, "retention.ms", "1")));
	line("describe unknown: %s", describe_config(RD_KAFKA_RESOURCE_TOPIC, unknown, NULL, 0));
}

static void error_produce(void)
{
	static char zeros[3000];
	char compacted[200];
	struct record big = {.value = {zeros, 3000}}, fits = {.value = {zeros, 1000}};
	create(topic, 1, "max.message.bytes", "2000");
	write_records(topic, 0, &big, 1, false, NULL, NULL);
	line("too large: %s", name(last_error));
	write_records(topic, 0, &fits, 1, false, NULL, NULL);
	line("fits: %s", name(last_error));
	write_records(topic, 5, &fits, 1, false, NULL, NULL);
	line("no partition: %s", name(last_error));
	snprintf(compacted, sizeof compacted, "%s-c", topic);
	create(compacted, 1, "cleanup.policy", "compact");
	write_records(compacted, 0, &fits, 1, false, NULL, NULL);
	line("no key on a compacted topic: %s", name(last_error));
	write_records("bad name!", 0, &fits, 1, false, NULL, NULL);
	line("bad name: %s", name(last_error));
}

static void error_consume(void)
{
	char unknown[200];
	const char *const names[] = {unknown, "bad name!"};
	int64_t low, high;
	int count;
	snprintf(unknown, sizeof unknown, "no-%s", topic);
	for (int i = 0; i < 2; i++) {
		rd_kafka_t *rk = subscribed(topic, names[i]);
		line("%s: %s", i ? names[i] : "unknown topic", name(read_records(rk, got, 1, 60, &count)));
		line("watermarks: %s", name(rd_kafka_query_watermark_offsets(rk, names[i], 0, &low, &high, 5000)));
		leave(rk);
	}
}

static void error_groups(void)
{
	static char oversized[5000];
	char unknown[200];
	int count;
	memset(oversized, 'm', sizeof oversized);
	create(topic, 1, NULL, NULL);
	write_records(topic, 0, numbers(1), 1, false, NULL, NULL);
	snprintf(unknown, sizeof unknown, "no-%s", topic);
	describe_group(unknown);
	line("delete unknown: %s", delete_group(unknown));
	rd_kafka_t *outside = client(RD_KAFKA_CONSUMER, "group.id", topic, NULL);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = 0;
	line("commit without membership: %s", name(rd_kafka_commit(outside, list, 0)));
	rd_kafka_t *member = joined(topic);
	read_records(member, got, 1, 60, &count);
	line("commit into a group in use: %s", name(rd_kafka_commit(outside, list, 0)));
	list->elems[0].metadata = malloc(sizeof oversized);
	memcpy(list->elems[0].metadata, oversized, sizeof oversized);
	list->elems[0].metadata_size = sizeof oversized;
	line("large metadata: %s", name(rd_kafka_commit(member, list, 0)));
	rd_kafka_topic_partition_list_destroy(list);
	leave(member);
	leave(outside);
}

/* ---- the modes ---- */

static const struct {
	const char *name;
	void (*play)(void);
} features[] = {{"codec-none", codec}, {"codec-gzip", codec}, {"codec-snappy", codec}, {"codec-lz4", codec}, {"codec-zstd", codec},
	{"shapes", shapes}, {"large", large}, {"timestamps", timestamps}, {"partitioner", partitioner}, {"idempotent", idempotent}, {"acks", acks},
	{"times", times}, {"seek", seek}, {"reset", reset}, {"eof", eof}, {"commit", commit}, {"transactions", transactions}, {"admin-topics", admin_topics}, {"admin-configs", admin_configs},
	{"admin-partitions", admin_partitions}, {"admin-records", admin_records}, {"admin-cluster", admin_cluster}, {"admin-groups", admin_groups},
	{"admin-offsets", admin_offsets}, {"error-topics", error_topics}, {"error-configs", error_configs}, {"error-produce", error_produce},
	{"error-consume", error_consume}, {"error-groups", error_groups}};

static void run(const char *nonce, char **names, int n)
{
	static char current[200];
	for (int i = 0; i < n; i++) {
		size_t f = 0;
		while (f < sizeof features / sizeof *features && strcmp(features[f].name, names[i]) != 0)
			f++;
		feature = names[i];
		if (f == sizeof features / sizeof *features) {
			line("failed: the program does not know it");
			continue;
		}
		snprintf(current, sizeof current, "%s-%s", names[i], nonce);
		topic = current;
		line("begin");
		if (!setjmp(give_up))
			features[f].play();
		line("done");
	}
}

static bool stop_asked(void)
{
	struct pollfd in = {.fd = 0, .events = POLLIN};
	return poll(&in, 1, 0) > 0;
}

static const char *option(char **words, int n, const char *key, const char *otherwise)
{
	for (int i = 0; i < n; i++)
		if (strncmp(words[i], key, strlen(key)) == 0 && words[i][strlen(key)] == '=')
			return words[i] + strlen(key) + 1;
	return otherwise;
}

static void tell_assignment(rd_kafka_t *rk)
{
	static char last[200] = "?";
	char text_now[200] = "";
	rd_kafka_topic_partition_list_t *list;
	if (rd_kafka_assignment(rk, &list))
		return;
	rd_kafka_topic_partition_list_sort(list, NULL, NULL);
	for (int i = 0; i < list->cnt; i++)
		sprintf(text_now + strlen(text_now), "%s%d", i ? "," : "", list->elems[i].partition);
	rd_kafka_topic_partition_list_destroy(list);
	if (strcmp(last, text_now) != 0)
		printf("assigned %s\n", text_now);
	strcpy(last, text_now);
}

static void member(const char *group, char **words, int n)
{
	const char *instance = option(words, n, "instance", NULL);
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, "group.id", group, "enable.auto.commit", "false", "auto.offset.reset", "earliest", "session.timeout.ms",
		option(words, n, "session", "1500"), "heartbeat.interval.ms", "300", "partition.assignment.strategy",
		strcmp(option(words, n, "strategy", ""), "sticky") == 0 ? "cooperative-sticky" : "range", instance ? "group.instance.id" : NULL, instance, NULL);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_partition_list_add(list, topic, -1);
	rd_kafka_subscribe(rk, list);
	while (!stop_asked()) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 50);
		tell_assignment(rk);
		if (m && !m->err) {
			printf("got %d %lld\n", m->partition, (long long)m->offset);
			fflush(stdout); /* before the commit: who dies between the two has told */
			rd_kafka_resp_err_t err = rd_kafka_commit_message(rk, m, 0);
			if (err)
				printf("commit failed %s\n", name(err));
		}
		if (m)
			rd_kafka_message_destroy(m);
		fflush(stdout);
	}
	rd_kafka_topic_partition_list_destroy(list);
	leave(rk);
	printf("left\n");
	fflush(stdout);
}

static void setup(int partitions, int count)
{
	create(topic, partitions, NULL, NULL);
	for (int p = 0; p < partitions; p++)
		write_records(topic, p, numbers(count), count, false, NULL, NULL);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	bootstrap = argv[2];
	feature = argv[1];
	if (strcmp(argv[1], "run") == 0)
		run(argv[3], argv + 4, argc - 4);
	else if (setjmp(give_up))
		return 1;
	else if (strcmp(argv[1], "setup") == 0 && argc == 6)
		topic = argv[3], setup(atoi(argv[4]), atoi(argv[5]));
	else if (strcmp(argv[1], "member") == 0 && argc >= 5)
		topic = argv[4], member(argv[3], argv + 5, argc - 5);
	else
		return 2;
	fflush(stdout);
	_exit(0); /* what features left open is not waited for */
}
