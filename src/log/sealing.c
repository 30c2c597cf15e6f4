/* sealing: the bytes to append are built in struct sealing; sealing.h has the protocol. */
#include "log/sealing.h"

#include <errno.h>

#include "log/internal.h"
#include "log/log.h"
#include "log/sealed.h"

static void begin(const struct log *log, const void *p, size_t len, struct sealing *s)
{
	s->dir = log->dir;
	s->place = (struct seal_place){log->topic_id, log->partition};
	s->p = p;
	s->len = len;
}

bool sealing_begin_batch(const struct log *log, const uint8_t *p, const struct batch_header *h, int32_t leader_epoch,
			 struct sealing *s)
{
	if (!log_seals(log, h))
		return false;
	begin(log, p, (size_t)batch_size(h), s);
	s->header = *h;
	s->header.base_offset = log->end;
	s->header.leader_epoch = leader_epoch;
	return true;
}

bool sealing_begin_replicated(const struct log *log, const void *p, size_t len, struct sealing *s)
{
	if (!log_may_seal(log))
		return false;
	begin(log, p, len, s);
	s->replicated = true;
	return true;
}

static int put(struct sealing *s, const uint8_t *p, struct batch_header *h)
{
	int err = seal_batch(log_dir_env(s->dir), log_dir_keys(s->dir), &s->place, p, h, &s->bytes);

	s->n += err == 0;
	return err;
}

/* Does not check whether batches are sound: the append does, and uses nothing of this if they are not. */
static int put_all(struct sealing *s)
{
	struct batch_iter it = batch_iter(s->p, s->len);
	int err = 0;

	while (!err && batch_next(&it)) {
		if (it.header.magic >= BATCH_MAGIC && (it.header.attributes & ~BATCH_KAFKA_ATTRIBUTES))
			return -EINVAL;
		if (seal_applies(&it.header))
			err = put(s, it.p, &it.header);
		else
			buf_put(&s->bytes, it.p, (size_t)batch_size(&it.header));
	}
	return err ? err : it.error || it.pos != s->len ? -EINVAL : 0;
}

void sealing_run(struct sealing *s)
{
	int err = s->replicated ? put_all(s) : put(s, s->p, &s->header);

	if (err)
		s->bytes.len = 0;
}

void sealing_fini(struct sealing *s)
{
	buf_fini(&s->bytes);
}
