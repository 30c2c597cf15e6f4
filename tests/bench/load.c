/*
 * load: librdkafka as a client that only produces or only consumes, like its own
 * rdkafka_performance.
 *
 *	load produce BOOTSTRAP TOPIC PARTITION N BYTES [NAME=VALUE...]	N messages of BYTES, all acknowledged
 *	load consume BOOTSTRAP TOPIC PARTITION N [NAME=VALUE...]	N messages, from the beginning, and again
 *									from there when they end
 *	load version							librdkafka's
 *
 * NAME=VALUE are librdkafka's settings; acks and the like are the topic's. The result is lines
 * NAME=VALUE: the time from the first message to the last, without connecting.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/raw.h"

#define WAIT_MS 60000
#define VARIETY 262144 /* number of bytes from which values are taken */

struct load {
	rd_kafka_t *client;
	rd_kafka_topic_t *topic;
	int partition;
	int64_t n, done, failed, bytes;
	int64_t began_us, ended_us;
};

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[512];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		raw_die("%s", why);
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *m, void *opaque)
{
	struct load *l = opaque;

	(void)client;
	if (m->err && !l->failed++)
		fprintf(stderr, "load: %s\n", rd_kafka_err2str(m->err));
	l->done++;
}

static void load_open(struct load *l, rd_kafka_type_t type, const char *bootstrap, const char *topic, char **settings)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];

	set(conf, "bootstrap.servers", bootstrap);
	set(conf, "client.id", "load");
	if (type == RD_KAFKA_PRODUCER) {
		set(conf, "queue.buffering.max.messages", "2000000");
		set(conf, "queue.buffering.max.kbytes", "262144");
		set(conf, "message.max.bytes", "1048588");
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	} else {
		set(conf, "fetch.wait.max.ms", "100");
		set(conf, "fetch.message.max.bytes", "1048576");
		set(conf, "queued.min.messages", "1000000");
		set(conf, "enable.partition.eof", "true");
	}
	for (; *settings; settings++) {
		char *value = strchr(*settings, '=');

		if (!value)
			raw_die("not a setting: %s", *settings);
		*value++ = 0;
		set(conf, *settings, value);
	}
	rd_kafka_conf_set_opaque(conf, l);
	l->client = rd_kafka_new(type, conf, why, sizeof(why));
	if (!l->client)
		raw_die("%s", why);
	l->topic = rd_kafka_topic_new(l->client, topic, NULL);
}

static void report(const struct load *l)
{
	int64_t us = l->ended_us - l->began_us;

	if (l->failed)
		raw_die("%lld messages have failed", (long long)l->failed);
	printf("messages=%lld\nbytes=%lld\nwork_us=%lld\nper_second=%.0f\n", (long long)l->n, (long long)l->bytes,
	       (long long)us, (double)l->n * 1e6 / (double)us);
}

static int produce(struct load *l, char **argv)
{
	int len = atoi(argv[4]);
	char *p = malloc((size_t)len + VARIETY);

	for (int i = 0; i < len + VARIETY; i++)
		p[i] = (char)("abcdefghijklmnop"[rand() % 16]); /* compresses to half */
	load_open(l, RD_KAFKA_PRODUCER, argv[0], argv[1], argv + 5);
	rd_kafka_metadata(l->client, 0, l->topic, &(const struct rd_kafka_metadata *){NULL}, WAIT_MS);
	l->began_us = raw_now_us();
	for (int64_t i = 0; i < l->n; i++) {
		while (rd_kafka_produce(l->topic, l->partition, RD_KAFKA_MSG_F_COPY, p + i * 61 % VARIETY, (size_t)len,
					NULL, 0, NULL) != 0) {
			if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
				raw_die("%s", rd_kafka_err2str(rd_kafka_last_error()));
			rd_kafka_poll(l->client, 10);
		}
		if (i % 1000 == 0)
			rd_kafka_poll(l->client, 0);
	}
	while (l->done < l->n && rd_kafka_outq_len(l->client) > 0)
		rd_kafka_poll(l->client, 100);
	l->ended_us = raw_now_us();
	l->bytes = l->n * len;
	free(p);
	return l->done < l->n;
}

static void on_message(rd_kafka_message_t *m, void *opaque)
{
	struct load *l = opaque;

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		if (m->offset == 0)
			raw_die("the topic is empty");
		rd_kafka_seek(l->topic, l->partition, RD_KAFKA_OFFSET_BEGINNING, 0);
		return;
	}
	if (m->err)
		raw_die("%s", rd_kafka_message_errstr(m));
	if (l->done++ == 0)
		l->began_us = raw_now_us();
	l->bytes += (int64_t)m->len;
}

static int consume(struct load *l, char **argv)
{
	load_open(l, RD_KAFKA_CONSUMER, argv[0], argv[1], argv + 4);
	if (rd_kafka_consume_start(l->topic, l->partition, RD_KAFKA_OFFSET_BEGINNING) != 0)
		raw_die("%s", rd_kafka_err2str(rd_kafka_last_error()));
	for (int64_t idle_since = raw_now_us(), had = 0; l->done < l->n;) {
		rd_kafka_consume_callback(l->topic, l->partition, 1000, on_message, l);
		if (l->done > had)
			idle_since = raw_now_us();
		if (raw_now_us() - idle_since > WAIT_MS * INT64_C(1000))
			raw_die("nothing comes any more");
		had = l->done;
	}
	l->ended_us = raw_now_us();
	l->n = l->done;
	rd_kafka_consume_stop(l->topic, l->partition);
	return 0;
}

int main(int argc, char **argv)
{
	bool produces = argc > 6 && !strcmp(argv[1], "produce"), consumes = argc > 5 && !strcmp(argv[1], "consume");
	struct load l = {0};
	int status;

	if (argc == 2 && !strcmp(argv[1], "version"))
		return puts(rd_kafka_version_str()) < 0;
	if (!produces && !consumes)
		raw_die("what shall I do? See the head of load.c");
	l.partition = atoi(argv[4]);
	l.n = atoll(argv[5]);
	status = produces ? produce(&l, argv + 2) : consume(&l, argv + 2);
	report(&l);
	rd_kafka_topic_destroy(l.topic);
	rd_kafka_destroy(l.client);
	return status;
}
