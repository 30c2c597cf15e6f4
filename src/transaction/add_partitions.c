/*
 * add_partitions: AddPartitionsToTxn adds partitions to a transaction, which begins with the first;
 * or asks whether they are in it (KIP-890). All are added, or none: if the cluster lacks one of
 * them, the others are refused too. AddOffsetsToTxn is the same for the partition that holds a
 * group's offsets.
 *
 * The cluster is checked here, not where the request arrived: the code that later sends the markers
 * must know everything in the transaction.
 */
#include "base/err.h"
#include "metadata/image.h"
#include "protocol/add_offsets_to_txn.h"
#include "protocol/add_partitions_to_txn.h"
#include "transaction/internal.h"

#define PRODUCER_FENCED_SINCE 2
#define TRANSACTION_VERSION_2_SINCE 4

typedef struct add_partitions_to_txn_request_transaction asked;

static bool exists(const struct image *image, struct str name, int32_t partition)
{
	const struct image_topic *topic = image ? image_topic_by_name(image, name) : NULL;

	return topic && image_topic_partition(topic, partition);
}

static bool all_exist(const asked *in, const struct image *image)
{
	for (int i = 0; i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++)
			if (!exists(image, in->topics.v[i].name, in->topics.v[i].partitions.v[j]))
				return false;
	return true;
}

static bool has_all(const struct transaction *t, const asked *in)
{
	for (int i = 0; i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++)
			if (!transaction_partitions_have(&t->now.partitions, in->topics.v[i].name,
							 in->topics.v[i].partitions.v[j]))
				return false;
	return true;
}

/* ---- answers ---- */

static bool fill_topic(struct shard_command *c, const struct add_partitions_to_txn_request_topic *from,
		       struct add_partitions_to_txn_response_topic *to)
{
	to->name = from->name;
	to->results_by_partition.v =
		arena_array(c->arena, (size_t)from->partitions.n + 1, sizeof(*to->results_by_partition.v));
	if (!to->results_by_partition.v)
		return false;
	to->results_by_partition.n = from->partitions.n;
	for (int i = 0; i < from->partitions.n; i++)
		to->results_by_partition.v[i].partition_index = from->partitions.v[i];
	return true;
}

static bool fill(struct shard_command *c, const asked *in, struct add_partitions_to_txn_response_result *out)
{
	out->transactional_id = in->transactional_id;
	out->topic_results.v = arena_array(c->arena, (size_t)in->topics.n + 1, sizeof(*out->topic_results.v));
	if (!out->topic_results.v)
		return false;
	out->topic_results.n = in->topics.n;
	for (int i = 0; i < in->topics.n; i++)
		if (!fill_topic(c, &in->topics.v[i], &out->topic_results.v[i]))
			return false;
	return true;
}

static void tell_each(struct shard_command *c, int err, const struct transaction *t, const struct image *image,
		      int (*error)(const struct transaction *t, const struct image *image, struct str topic,
				   int32_t partition))
{
	struct add_partitions_to_txn_response_result *out = c->out;

	for (int i = 0; i < out->topic_results.n; i++)
		for (int j = 0; j < out->topic_results.v[i].results_by_partition.n; j++) {
			struct add_partitions_to_txn_response_partition *p =
				&out->topic_results.v[i].results_by_partition.v[j];

			p->partition_error_code =
				(int16_t)(error ? error(t, image, out->topic_results.v[i].name, p->partition_index)
						: err);
		}
}

static int exists_or_not_attempted(const struct transaction *t, const struct image *image, struct str topic,
				   int32_t partition)
{
	(void)t;
	return exists(image, topic, partition) ? ERR_OPERATION_NOT_ATTEMPTED : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static int is_in_it(const struct transaction *t, const struct image *image, struct str topic, int32_t partition)
{
	(void)image;
	return transaction_partitions_have(&t->now.partitions, topic, partition) ? 0 : ERR_TRANSACTION_ABORTABLE;
}

/* ---- decisions ---- */

/*
 * May this producer go on with the transaction, whatever it asks for? 0, or a Kafka error. Before
 * any producer has been given an epoch, none may (where Kafka fails unexpectedly).
 */
static int check_producer(const struct transaction *t, const asked *in)
{
	if (t->now.producer_id != in->producer_id)
		return ERR_INVALID_PRODUCER_ID_MAPPING;
	if (t->now.epoch != in->producer_epoch)
		return ERR_PRODUCER_FENCED;
	if (t->now.epoch == NO_EPOCH)
		return ERR_UNKNOWN_SERVER_ERROR;
	return transaction_is_prepared(t->now.state) ? ERR_CONCURRENT_TRANSACTIONS : 0;
}

static void move(struct transaction *t, const asked *in, int16_t version, struct shard_step *step)
{
	struct transaction_values next = transaction_next(t, TRANSACTION_ONGOING, step);

	if (transaction_is_idle(t->now.state))
		next.start_ms = step->wall_ms;
	next.client_version = version;
	transaction_partitions_copy(&next.partitions, &t->now.partitions);
	transaction_partitions_rehash(&next.partitions);
	for (int i = 0; i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++)
			transaction_partitions_add(&next.partitions, in->topics.v[i].name,
						   in->topics.v[i].partitions.v[j]);
	transaction_move(t, &next, step);
}

/* 0: they are in it, or will be when the step is written. */
static int add(struct transaction_shard *s, const asked *in, int16_t version, struct shard_step *step)
{
	struct transaction *t = transaction_find(s, in->transactional_id);
	int err;

	if (in->transactional_id.len == 0)
		return ERR_INVALID_REQUEST;
	if (!t)
		return ERR_INVALID_PRODUCER_ID_MAPPING;
	/* Checked first, since the producer may have an id that is only pending. */
	if (t->pending != TRANSACTION_NONE)
		return ERR_CONCURRENT_TRANSACTIONS;
	err = check_producer(t, in);
	if (err)
		return err;
	if (t->now.state != TRANSACTION_ONGOING || !has_all(t, in))
		move(t, in, version, step);
	return 0;
}

/* A pending move is ignored: the log checks again before it appends. */
static void verify(struct transaction_shard *s, struct shard_command *c, const asked *in)
{
	const struct transaction *t = transaction_find(s, in->transactional_id);
	int err = 0;

	if (in->transactional_id.len == 0)
		err = ERR_INVALID_REQUEST;
	else
		err = t ? check_producer(t, in) : ERR_INVALID_PRODUCER_ID_MAPPING;
	tell_each(c, err, t, NULL, err ? NULL : is_in_it);
}

void transaction_add_command(struct transaction_shard *s, struct shard_command *c, struct shard_step *step)
{
	const asked *in = c->in;
	int err = 0;

	if (!fill(c, in, c->out)) {
		shard_refuse(step, c, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
		return;
	}
	if (!all_exist(in, step->image)) {
		tell_each(c, 0, NULL, step->image, exists_or_not_attempted);
	} else if (in->verify_only) {
		verify(s, c, in);
	} else {
		err = add(s, in, c->version >= TRANSACTION_VERSION_2_SINCE ? 2 : 0, step);
		tell_each(c, transaction_error_since(c, err, PRODUCER_FENCED_SINCE), NULL, NULL, NULL);
	}
	shard_answer(step, c);
}

void transaction_offsets_command(struct transaction_shard *s, struct shard_command *c, struct shard_step *step)
{
	struct add_offsets_to_txn_response *out = c->out;
	int err = add(s, c->in, 0, step);

	out->error_code = (int16_t)transaction_error_since(c, err, PRODUCER_FENCED_SINCE);
	shard_answer(step, c);
}
