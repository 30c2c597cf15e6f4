/*
 * acls: the cost of access control with many ACLs: memory for each, time of a decision and of a
 * change.
 *
 *	acls [N]	N ACLs (100000): a tenth of them prefixed, of ten thousand users, and one resource that all
 *			of them may read
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "config/config.h"
#include "metadata/acls.h"
#include "protocol/metadata_records.h"
#include "security/authorizer.h"

enum { USERS = 10000, QUESTIONS = 1000000, CHANGES = 10000, BATCH = 1000 };

static uint64_t chance = 1;

static uint64_t next(uint64_t below)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance % below;
}

/* Processor time, since other processes may be busy. */
static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct image *apply(const struct image *i, const struct record_list *l)
{
	struct image_batch batch = {l->v, l->n, image_offset(i) + l->n, 1, 0};
	const struct image *out;

	if (image_apply(i, &batch, &out, NULL) != 0)
		abort();
	image_unref(&i);
	return out;
}

static void add(struct record_list *l, struct arena *a, uint64_t number)
{
	struct access_control_entry_record *r = record_list_add(l, RECORD_ACCESS_CONTROL_ENTRY, 0);

	memcpy(r->id.b, &number, sizeof(number));
	r->resource_type = ACL_TOPIC;
	r->pattern_type = number % 10 ? ACL_LITERAL : ACL_PREFIXED;
	r->resource_name = number % 100 ? arena_printf(a, "topic.of.a.team.%llu", (unsigned long long)(number / 10))
					: STR("shared");
	r->principal = arena_printf(a, "User:user-%llu", (unsigned long long)(number % USERS));
	r->host = STR("*");
	r->operation = ACL_READ;
	r->permission_type = ACL_ALLOW;
}

static const struct image *load(int64_t n)
{
	const struct image *image = image_new(STR("c"));

	for (int64_t at = 0; at < n; at += BATCH) {
		struct record_list l;
		struct arena a;

		arena_init(&a, 64 << 20);
		record_list_init(&l, &a);
		for (int64_t i = at; i < at + BATCH && i < n; i++)
			add(&l, &a, (uint64_t)i);
		image = apply(image, &l);
		arena_fini(&a);
	}
	return image;
}

static struct authorizer *authorizer(void)
{
	struct config_input in = {
		.file_name = STR("f"),
		.file_text = STR(
			"process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=C\n"
			"listeners=PLAINTEXT://:9092,C://:9093\ncontroller.quorum.bootstrap.servers=localhost:9093\n"
			"authorizer.class.name=" STANDARD_AUTHORIZER "\n"),
	};
	struct config_notes notes;
	struct authorizer *a;
	struct config *c;

	if (config_load(&in, &c, &notes) != 0)
		abort();
	config_notes_fini(&notes);
	a = authorizer_new(c);
	config_free(c);
	return a;
}

static void decide(const struct authorizer *a, const struct image *image, int64_t n, bool any)
{
	int64_t allowed = 0;
	double began = now_s();

	for (int i = 0; i < QUESTIONS; i++) {
		uint64_t number = next((uint64_t)n);
		char user[32], topic[64];
		struct authorizer_who who = {
			{user, snprintf(user, sizeof(user), "User:user-%d", (int)(number % USERS))}, STR("10.0.0.1")};
		struct authorizer_action action = {ACL_READ,
						   ACL_TOPIC,
						   {topic, snprintf(topic, sizeof(topic), "topic.of.a.team.%llu",
								    (unsigned long long)(number / 10))}};

		allowed += any ? authorizer_decide_any(image, &who, ACL_READ, ACL_TOPIC)
			       : authorizer_decide(a, image, &who, &action).allowed;
	}
	printf("%s: %.2f us, %lld of %d allowed\n", any ? "a question about any topic" : "a decision",
	       (now_s() - began) * 1e6 / QUESTIONS, (long long)allowed, QUESTIONS);
}

static const struct image *change(const struct image *image, int64_t n)
{
	double began = now_s();

	for (int i = 0; i < CHANGES; i++) {
		struct record_list l;
		struct arena a;

		arena_init(&a, 1 << 20);
		record_list_init(&l, &a);
		add(&l, &a, next((uint64_t)n));
		image = apply(image, &l);
		arena_fini(&a);
	}
	printf("a change: %.2f us\n", (now_s() - began) * 1e6 / CHANGES);
	return image;
}

int main(int argc, char **argv)
{
	int64_t n = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000;
	struct authorizer *a = authorizer();
	size_t before = mallinfo2().uordblks;
	double began = now_s();
	const struct image *image = load(n);

	printf("%lld ACLs: %.0f bytes each, loaded in %.0f ms\n", (long long)n,
	       (double)(mallinfo2().uordblks - before) / (double)n, (now_s() - began) * 1e3);
	decide(a, image, n, false);
	decide(a, image, n, true);
	image = change(image, n);
	image_unref(&image);
	authorizer_free(a);
	return 0;
}
