/*
 * coordinator_batch: a shard's pending batch: how it is filled and written.
 */
#include "base/diag.h"
#include "base/err.h"
#include "broker/coordinator_private.h"
#include "broker/core.h"
#include "broker/layers.h"
#include "broker/node_private.h"
#include "broker/partitions.h"
#include "broker/verification.h"
#include "compress/compress.h"
#include "config/config.h"
#include "log/validate.h"
#include "transaction/transaction.h"

#define BUFFER_KEPT 524288     /* whatever the settings say */
#define RECORD_OVERHEAD_MAX 40 /* lengths, deltas and counts of a record, at most */

/* ---- filling it ---- */

int64_t shard_batch_max(struct coordinator_shard *s)
{
	struct topic_state *topic = partition_topic(s->partition);
	int64_t max = topic->config.max_message_bytes;

	topic_state_unref(&topic);
	return max;
}

int64_t shard_batch_size_of(const struct shard_record *r)
{
	return RECORD_OVERHEAD_MAX + (int64_t)r->key.len + r->value.len;
}

bool shard_batch_has_room(const struct coordinator_shard *s, int64_t size, int64_t max)
{
	return s->builder.count == 0 || (int64_t)s->batch.len + size <= max;
}

static void begin(struct coordinator_shard *s, const struct shard_step *step)
{
	struct batch_options options = BATCH_OPTIONS_NONE;

	options.base_sequence = s->type->base_sequence;
	s->transaction = (struct batch_transaction){0};
	if (step->producer_id != NO_PRODUCER_ID) {
		options.attributes = BATCH_TRANSACTIONAL;
		options.producer_id = step->producer_id;
		options.producer_epoch = step->producer_epoch;
		s->transaction.must_be_verified = transactions_are_verified(s->core);
		s->transaction.guard = step->guard;
	}
	s->batch.len = 0;
	batch_begin(&s->builder, &s->batch, &options);
}

void shard_batch_add(struct coordinator_shard *s, const struct shard_step *step, const struct shard_record *r)
{
	if (s->builder.count == 0)
		begin(s, step);
	batch_add(&s->builder, step->wall_ms, r->key, r->value);
}

void shard_batch_note_scope(struct coordinator_shard *s, uint64_t scope)
{
	if (scope == 0 || s->n_scopes == SHARD_SCOPES_MAX)
		s->all_scopes = true;
	else
		s->scopes[s->n_scopes++] = scope;
}

/* ---- writing it ---- */

/* Checks the batch as a produced one, and recompresses it if a codec is set. 0 and *p, or an error. */
static int check_batch(struct coordinator_shard *s, uint8_t **p, size_t len, struct batch_info *info)
{
	struct topic_state *topic = partition_topic(s->partition);
	struct topic_config config = topic->config;
	int codec = s->type->codec == NO_SETTING ? CODEC_NONE : config_int(s->core->node->config, s->type->codec);
	struct batch_problem problem = {0};
	struct batch_check c = {
		.topic = str_of(s->type->type->topic),
		.partition = s->id,
		.config = &config,
		.origin = ORIGIN_COORDINATOR,
		.now_ms = env_wall_ms(s->core->loop->env),
		.codecs = core_codecs(s->core),
		.arena = &s->scratch,
	};
	int err;

	if (codec > CODEC_NONE && codec <= CODEC_ZSTD && config.compression_type == COMPRESSION_PRODUCER)
		config.compression_type = (enum compression_type)codec;
	err = batch_check(&c, *p, len, info, &problem);
	if (err == 0 && info->recompress) {
		s->packed.len = 0;
		err = batch_recompress(&c, *p, info, &s->packed, &problem);
		*p = s->packed.p;
	}
	topic_state_unref(&topic);
	return err;
}

/* Appends the batch in s->batch, of len bytes. */
static int append(struct coordinator_shard *s, size_t len, int64_t *base_offset)
{
	struct partition_append a = {.acks = -1, .leader_epoch = s->epoch, .now_ms = env_wall_ms(s->core->loop->env)};
	struct effects effects = {0};
	struct batch_info info;
	uint8_t *p = s->batch.p;
	int err = check_batch(s, &p, len, &info);

	if (err == 0) {
		info.transaction = s->transaction;
		a.batch = p;
		a.info = &info;
		err = partition_append(s->partition, &a, s->core, &effects);
		effects_run(&effects, s->core);
	}
	if (err)
		diag_warn(s->core->loop->env->diag, "coordinator could not write", "topic=%s partition=%d error=%s",
			  s->type->type->topic, s->id, err_name(err));
	*base_offset = a.out.base_offset;
	arena_reset(&s->scratch);
	return err;
}

/* Frees a buffer that has grown beyond what is to be kept. */
static void shrink(struct coordinator_shard *s, struct buf *b)
{
	struct layers layers;

	b->len = 0;
	if (b->cap <= BUFFER_KEPT || !s->core->image)
		return;
	layers = layers_of_broker(s->core->image, s->core->node->id);
	if (s->type->buffer_bytes == NO_SETTING ||
	    (int64_t)b->cap > config_long_in(s->core->node->config, layers.v, layers.n, s->type->buffer_bytes))
		buf_fini(b);
}

void shard_batch_empty(struct coordinator_shard *s)
{
	shrink(s, &s->batch);
	shrink(s, &s->packed);
	s->builder.count = 0;
	s->n_scopes = 0;
	s->all_scopes = false;
	timer_stop(&s->linger);
}

int shard_batch_write(struct coordinator_shard *s, int64_t *base_offset)
{
	int err = append(s, batch_end(&s->builder), base_offset);

	if (err == 0)
		s->end = *base_offset + s->builder.count;
	shard_batch_empty(s);
	return err;
}

int shard_batch_write_marker(struct coordinator_shard *s, const struct transaction_marker *m, int64_t *offset)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	size_t len;
	int err;

	options.producer_id = m->producer_id;
	options.producer_epoch = m->producer_epoch;
	s->batch.len = 0;
	s->transaction = (struct batch_transaction){.version = m->transaction_version};
	len = batch_build_marker(&s->batch, &options, env_wall_ms(s->core->loop->env),
				 m->commit ? CONTROL_COMMIT : CONTROL_ABORT, m->coordinator_epoch);
	err = append(s, len, offset);
	shard_batch_empty(s);
	return err;
}
