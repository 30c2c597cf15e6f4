/*
 * shard: fills a step, and encodes and decodes the records of coordinators:
 *
 *	key	int16 number of the record's kind, then the fields
 *	value	int16 version, then the fields; or null
 */
#include "coordinator/shard.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/err.h"
#include "wire/codec.h"

#define NUMBER_LEN 2
#define FIRST_LEN 512 /* most keys and values are encoded in one go */

void shard_step_init(struct shard_step *s, struct arena *a)
{
	*s = (struct shard_step){.arena = a, .producer_id = -1, .producer_epoch = -1};
	list_init(&s->answered);
	list_init(&s->answered_at_once);
	list_init(&s->written);
	list_init(&s->jobs);
	list_init(&s->calls);
}

/* ---- records ---- */

/* False: the value cannot be written in this version, or memory has run out. */
static bool encode(struct shard_step *s, int number, const struct schema *schema, int version, const void *in,
		   struct bytes *out)
{
	uint8_t first[FIRST_LEN], *p;
	size_t len;

	if (codec_encode_upto(schema, version, in, first, sizeof(first), &len) || len > INT32_MAX - NUMBER_LEN)
		return false;
	p = arena_alloc(s->arena, len + NUMBER_LEN);
	if (!p)
		return false;
	if (len <= sizeof(first))
		memcpy(p + NUMBER_LEN, first, len);
	else if (codec_encode_bytes(schema, version, in, p + NUMBER_LEN, len))
		return false;
	put_i16(p, (int16_t)number);
	*out = (struct bytes){p, (int32_t)(len + NUMBER_LEN)};
	return true;
}

static struct shard_record *add(struct shard_step *s)
{
	struct shard_records *r = &s->records;
	struct shard_record *v = arena_grow(s->arena, r->v, r->n, &r->cap, sizeof(*v));

	if (!v)
		return NULL;
	r->v = v;
	return &r->v[r->n++];
}

void shard_put(struct shard_step *s, const struct schema *key_schema, const void *key,
	       const struct schema *value_schema, int value_version, const void *value)
{
	struct shard_record record = {.value = BYTES_NULL};
	struct shard_record *r;

	check(key_schema->sort == SCHEMA_COORDINATOR_KEY);
	if (!encode(s, key_schema->key, key_schema, 0, key, &record.key) ||
	    (value && !encode(s, value_version, value_schema, value_version, value, &record.value))) {
		s->failed = true;
		return;
	}
	r = add(s);
	if (r)
		*r = record;
	else
		s->failed = true;
}

int shard_record_number(struct bytes b)
{
	return b.p && b.len >= NUMBER_LEN ? get_i16(b.p) : -1;
}

int shard_record_decode(const struct schema *schema, int version, struct bytes b, struct arena *a, void *out)
{
	int err;

	if (!b.p || b.len < NUMBER_LEN)
		return -EBADMSG;
	if (!schema_has_version(schema, version))
		return ERR_UNSUPPORTED_VERSION;
	err = codec_decode_plain(schema, version, b.p + NUMBER_LEN, (size_t)(b.len - NUMBER_LEN), a, out);
	return err == ERR_INVALID_REQUEST ? -EBADMSG : err;
}

/* ---- answers ---- */

void shard_answer(struct shard_step *s, struct shard_command *c)
{
	list_push(&s->answered, &c->link);
}

void shard_refuse(struct shard_step *s, struct shard_command *c, int err, struct str message)
{
	check(err > 0);
	c->err = err;
	c->message = message;
	shard_answer(s, c);
}

void shard_answer_at_once(struct shard_step *s, struct shard_command *c)
{
	list_push(&s->answered_at_once, &c->link);
}

void shard_written(struct shard_step *s, shard_written_fn *fn, void *arg)
{
	struct shard_written *w = arena_alloc(s->arena, sizeof(*w));

	if (!w) {
		s->failed = true;
		return;
	}
	*w = (struct shard_written){.fn = fn, .arg = arg};
	list_push(&s->written, &w->link);
}

void shard_start_job(struct shard_step *s, struct shard_job *job)
{
	list_push(&s->jobs, &job->link);
}

void shard_start_call(struct shard_step *s, struct shard_call *call)
{
	list_push(&s->calls, &call->link);
}

/* ---- keys ---- */

int32_t shard_partition_of(struct str key, int32_t n)
{
	int32_t hash = str_java_hash(key);

	check(n > 0);
	return hash == INT32_MIN ? 0 : (hash < 0 ? -hash : hash) % n;
}

/* ---- chance ---- */

struct uuid shard_random_uuid(struct shard_step *s)
{
	uint8_t bytes[16];
	struct uuid u;

	do {
		put_i64(bytes, (int64_t)s->random(s->random_arg));
		put_i64(bytes + 8, (int64_t)s->random(s->random_arg));
	} while (!uuid_from_random(bytes, &u));
	return u;
}
