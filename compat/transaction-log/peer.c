/*
 * peer: answers what TransactionLogs.java asks, a line a question, words between spaces. There is one transaction:
 *
 *	begin VERSION			it is new, and its records are of this version: "-"
 *	add N [TOPIC PARTITION]...	partitions come into it: the value of its record, in hex
 *	prepare				it is to be committed: the same
 *	load				it is read again from that record: "-"
 *	marked TOPIC PARTITION		one has its marker: "-"
 *	show				its partitions, in order
 *	ask N [TOPIC PARTITION]...	these, as a broker names them to the coordinator
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "compat/lib/questions.h"
#include "metadata/image.h"
#include "metadata/record.h"
#include "protocol/metadata_records.h"
#include "transaction/internal.h"

static const struct image *image;
static struct transaction_shard *shard;
static struct transaction *transaction;
static struct buf key, value; /* its last record */

/* ---- the cluster and its shard ---- */

static void set_version(int level)
{
	const struct image *empty = image_new(STR("cluster"));
	struct feature_level_record *r;
	struct record_list l;
	struct image_batch batch = {.last_offset = 1, .epoch = 1};

	image_unref(&image);
	record_list_init(&l, &arena);
	r = record_list_add(&l, RECORD_FEATURE_LEVEL, 0);
	r->name = STR("transaction.version");
	r->feature_level = (int16_t)level;
	batch.v = l.v;
	batch.n = l.n;
	check(image_apply(empty, &batch, &image, NULL) == 0);
	image_unref(&empty);
}

static void new_shard(void)
{
	struct shard_options options = {.seed = 1};

	if (shard)
		transaction_shard_type.free(shard);
	shard = transaction_shard_type.new(&options);
}

static void answer_begin(void)
{
	set_version(number());
	new_shard();
	transaction = transaction_add(shard, STR("peer"));
	transaction->now.producer_id = 1000;
	transaction->now.epoch = 3;
	transaction->now.timeout_ms = 60000;
	printf("-");
}

/* ---- its records ---- */

static void keep(struct buf *b, struct bytes from)
{
	buf_fini(b);
	buf_put(b, from.p, (size_t)from.len);
}

/* The move is made, and the record is in the log. */
static void write_down(struct transaction_values *next)
{
	struct shard_position at = {.arena = &arena};
	struct shard_step step;

	shard_step_init(&step, &arena);
	step.image = image;
	next->update_ms = 7;
	transaction_move(transaction, next, &step);
	check(!step.failed && step.records.n == 1);
	keep(&key, step.records.v[0].key);
	keep(&value, step.records.v[0].value);
	check(transaction_apply(shard, &step.records.v[0], &at) == 0);
	transaction->pending = TRANSACTION_NONE;
	for (size_t i = 0; i < value.len; i++)
		printf("%02x", value.p[i]);
}

static struct transaction_values next_of(enum transaction_state to)
{
	struct shard_step step;

	shard_step_init(&step, &arena);
	return transaction_next(transaction, to, &step);
}

static void answer_add(void)
{
	struct transaction_values next = next_of(TRANSACTION_ONGOING);
	int32_t n = number();

	next.start_ms = 5;
	transaction_partitions_copy(&next.partitions, &transaction->now.partitions);
	transaction_partitions_rehash(&next.partitions);
	for (int32_t i = 0; i < n; i++) {
		struct str topic = word();

		transaction_partitions_add(&next.partitions, topic, number());
	}
	write_down(&next);
}

static void answer_prepare(void)
{
	struct transaction_values next = next_of(TRANSACTION_PREPARE_COMMIT);

	transaction_partitions_copy(&next.partitions, &transaction->now.partitions);
	write_down(&next);
}

static void answer_load(void)
{
	struct shard_position at = {.loading = true, .arena = &arena};
	struct shard_record r = {{key.p, (int32_t)key.len}, {value.p, (int32_t)value.len}};

	new_shard();
	check(transaction_apply(shard, &r, &at) == 0);
	transaction = transaction_find(shard, STR("peer"));
	printf("-");
}

static void answer_marked(void)
{
	struct str topic = word();

	transaction_partitions_remove(&transaction->now.partitions, topic, number());
	printf("-");
}

static void answer_show(void)
{
	const struct transaction_partitions *p = &transaction->now.partitions;

	for (int i = 0; i < p->n; i++)
		printf("%.*s %d ", STR_ARG(transaction_partitions_topic(p, i)), p->v[i].partition);
}

static void answer_ask(void)
{
	int32_t n = number();
	struct transaction_asked *v = arena_array(&arena, (size_t)n + 1, sizeof(*v));

	for (int32_t i = 0; i < n; i++) {
		v[i].topic = word();
		v[i].partition = number();
	}
	transaction_ask_order(v, n);
	for (int32_t i = 0; i < n; i++)
		printf("%.*s %d ", STR_ARG(v[i].topic), v[i].partition);
}

static const struct question questions[] = {
	{"begin", answer_begin},   {"add", answer_add},	  {"prepare", answer_prepare}, {"load", answer_load},
	{"marked", answer_marked}, {"show", answer_show}, {"ask", answer_ask},
};

int main(void)
{
	answer_all(questions, sizeof(questions) / sizeof(*questions));
	return 0;
}
