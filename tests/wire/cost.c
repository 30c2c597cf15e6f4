/*
 * cost: the cost of the codec, case by case.
 *
 *	cost			nanoseconds per message for each case
 *	cost CASE N		does the work of a case N times, in measured(), for callgrind (tests/wire/cost_gate)
 *	cost --list		the names of the cases
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "protocol/fetch.h"
#include "protocol/heartbeat.h"
#include "protocol/metadata.h"
#include "protocol/produce.h"
#include "wire/codec.h"
#include "wire/header.h"

#define BUDGET (64 << 20)
#define MANY 100

/* A message and its bytes, decoded or encoded again and again. */
struct subject {
	const struct schema *schema;
	int version;
	const void *value;
	struct buf bytes;
};

static void subject_set(struct subject *s, const struct schema *schema, int version, const void *value)
{
	s->schema = schema;
	s->version = version;
	s->value = value;
	check(codec_encode_buf(schema, version, value, &s->bytes) == 0);
}

static void heartbeat_make(struct subject *s, struct arena *a)
{
	struct heartbeat_request *r = arena_alloc(a, sizeof(*r));

	codec_init(&heartbeat_request_schema, r);
	r->group_id = STR("a-group");
	r->member_id = STR("consumer-1-5e8de6b1-4ea8-4c67-8a4e-3d8a1b7c1a2f");
	subject_set(s, &heartbeat_request_schema, 4, r);
}

static void produce_make(struct subject *s, struct arena *a)
{
	struct produce_request *r = arena_alloc(a, sizeof(*r));
	struct produce_request_topic *topic = arena_alloc(a, sizeof(*topic));
	struct produce_request_partition *partition = arena_zalloc(a, sizeof(*partition));

	codec_init(&produce_request_schema, r);
	codec_init(&produce_request_topic_schema, topic);
	partition->records = (struct records){.p = arena_zalloc(a, 1024), .len = 1024};
	topic->partition_data.v = partition;
	topic->partition_data.n = 1;
	r->topic_data.v = topic;
	r->topic_data.n = 1;
	subject_set(s, &produce_request_schema, 13, r);
}

static void fetch_request_make(struct subject *s, struct arena *a)
{
	struct fetch_request *r = arena_alloc(a, sizeof(*r));
	struct fetch_request_topic *topic = arena_alloc(a, sizeof(*topic));

	codec_init(&fetch_request_schema, r);
	codec_init(&fetch_request_topic_schema, topic);
	topic->partitions.v = arena_array(a, MANY, sizeof(*topic->partitions.v));
	topic->partitions.n = MANY;
	for (int i = 0; i < MANY; i++)
		codec_init(&fetch_request_partition_schema, &topic->partitions.v[i]);
	r->topics.v = topic;
	r->topics.n = 1;
	subject_set(s, &fetch_request_schema, 17, r);
}

static void fetch_response_make(struct subject *s, struct arena *a)
{
	struct fetch_response *r = arena_alloc(a, sizeof(*r));
	struct fetch_response_topic *topic = arena_alloc(a, sizeof(*topic));

	codec_init(&fetch_response_schema, r);
	codec_init(&fetch_response_topic_schema, topic);
	topic->partitions.v = arena_array(a, MANY, sizeof(*topic->partitions.v));
	topic->partitions.n = MANY;
	for (int i = 0; i < MANY; i++) {
		codec_init(&fetch_response_partition_schema, &topic->partitions.v[i]);
		topic->partitions.v[i].records.p = (const uint8_t *)"";
	}
	r->responses.v = topic;
	r->responses.n = 1;
	subject_set(s, &fetch_response_schema, 17, r);
}

static void metadata_response_make(struct subject *s, struct arena *a)
{
	struct metadata_response *r = arena_alloc(a, sizeof(*r));
	struct metadata_response_topic *topic = arena_alloc(a, sizeof(*topic));

	codec_init(&metadata_response_schema, r);
	codec_init(&metadata_response_topic_schema, topic);
	topic->name = STR("a-topic");
	topic->partitions.v = arena_array(a, MANY, sizeof(*topic->partitions.v));
	topic->partitions.n = MANY;
	for (int i = 0; i < MANY; i++) {
		struct metadata_response_partition *p = &topic->partitions.v[i];

		codec_init(&metadata_response_partition_schema, p);
		p->replica_nodes.v = p->isr_nodes.v = arena_array(a, 3, sizeof(int32_t));
		p->replica_nodes.n = p->isr_nodes.n = 3;
	}
	r->topics.v = topic;
	r->topics.n = 1;
	subject_set(s, &metadata_response_schema, 13, r);
}

static void header_make(struct subject *s, struct arena *a)
{
	static const char bytes[] = "\0\1\0\x0c\0\0\0\7\0\6client";

	buf_put(&s->bytes, bytes, sizeof(bytes));
}

static void decode(const struct subject *s, struct arena *a)
{
	void *out = arena_alloc(a, s->schema->size);

	check(codec_decode(s->schema, s->version, s->bytes.p, s->bytes.len, a, out) == 0);
}

static void encode(const struct subject *s, struct arena *a)
{
	struct chain c;

	chain_init(&c, a);
	check(codec_encode(s->schema, s->version, s->value, &c) == 0);
}

static void header(const struct subject *s, struct arena *a)
{
	struct request_header h;
	struct reader r;

	reader_init(&r, s->bytes.p, s->bytes.len);
	check(header_read(&r, &h) == 0);
}

static const struct work_case {
	const char *name;
	void (*make)(struct subject *s, struct arena *a);
	void (*work)(const struct subject *s, struct arena *a);
} cases[] = {
	{"header", header_make, header},
	{"decode-heartbeat", heartbeat_make, decode},
	{"decode-produce", produce_make, decode},
	{"decode-fetch-100", fetch_request_make, decode},
	{"encode-fetch-100", fetch_response_make, encode},
	{"encode-metadata-100", metadata_response_make, encode},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

void measured(const struct work_case *c, const struct subject *s, struct arena *a, int n);

/* Not inlined, and named, so that callgrind finds it. */
__attribute__((noinline)) void measured(const struct work_case *c, const struct subject *s, struct arena *a, int n)
{
	for (int i = 0; i < n; i++) {
		c->work(s, a);
		arena_reset(a);
	}
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double run(const struct work_case *c, int n)
{
	struct subject s = {0};
	struct arena kept, a;
	double began;

	arena_init(&kept, BUDGET);
	arena_init(&a, BUDGET);
	c->make(&s, &kept);
	measured(c, &s, &a, n / 10); /* warms up the arena's first chunk and the caches */
	began = now_ns();
	measured(c, &s, &a, n);
	began = (now_ns() - began) / n;
	buf_fini(&s.bytes);
	arena_fini(&a);
	arena_fini(&kept);
	return began;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < CASES; i++) {
		if (argc == 1)
			printf("%-20s %8.1f ns\n", cases[i].name, run(&cases[i], 200000));
		else if (strcmp(argv[1], "--list") == 0)
			printf("%s\n", cases[i].name);
		else if (argc == 3 && strcmp(argv[1], cases[i].name) == 0)
			run(&cases[i], atoi(argv[2]));
	}
	return 0;
}
