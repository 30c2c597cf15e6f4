/*
 * sealed: seals and opens single batches, opens ranges of a file, and keeps track of which logs may
 * have sealed batches.
 */
#include "log/sealed.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "log/internal.h"
#include "log/paths.h"

/* ---- one batch ---- */

static int tell_missing(const struct sealed_at *at, struct str topic, int64_t pos, const uint8_t *id)
{
	char key[ATREST_KEY_TEXT];

	if (log_dir_may_tell(at->dir))
		diag_error(
			log_dir_env(at->dir)->diag, "records cannot be decrypted: their key is not there",
			"topic=%.*s partition=%d dir=%s segment=%020lld.log position=%lld key=%s remedy=\"give it back in "
			"odradek.log.encryption.key.file or .command; nothing is lost meanwhile\"",
			STR_ARG(topic), at->place.partition, log_dir_path(at->dir), (long long)at->segment,
			(long long)pos, atrest_key_text(id, key));
	return ERR_KAFKA_STORAGE_ERROR;
}

static int tell_damaged(const struct sealed_at *at, struct str topic, int64_t pos)
{
	if (log_dir_may_tell(at->dir))
		diag_error(log_dir_env(at->dir)->diag,
			   "encrypted records are not what was written here, and are not served",
			   "topic=%.*s partition=%d dir=%s segment=%020lld.log position=%lld", STR_ARG(topic),
			   at->place.partition, log_dir_path(at->dir), (long long)at->segment, (long long)pos);
	return ERR_CORRUPT_MESSAGE;
}

int sealed_open(const struct sealed_at *at, struct str topic, int64_t pos, uint8_t *p, struct batch_header *h)
{
	uint8_t id[ATREST_KEY_ID_SIZE];
	int err;

	if (!batch_is_sealed(h) || h->magic != BATCH_MAGIC)
		return 0;
	err = seal_open(log_dir_keys(at->dir), &at->place, p, h, id);
	log_dir_count_sealed(at->dir, err ? LOG_DIR_SEAL_FAILED : LOG_DIR_OPENED);
	if (err == -ENOKEY)
		return tell_missing(at, topic, pos, id);
	return err ? tell_damaged(at, topic, pos) : 0;
}

int sealed_put(const struct sealed_at *at, struct str topic, const uint8_t *p, struct batch_header *h, struct buf *out)
{
	struct env *env = log_dir_env(at->dir);
	int err = seal_batch(env, log_dir_keys(at->dir), &at->place, p, h, out);

	log_dir_count_sealed(at->dir, err ? LOG_DIR_SEAL_FAILED : LOG_DIR_SEALED);
	if (err == -EFBIG)
		return ERR_RECORD_LIST_TOO_LARGE;
	if (err == 0)
		return 0;
	check(err == -ENOKEY);
	if (log_dir_may_tell(at->dir))
		diag_error(env->diag, "records are to be encrypted and this node has no key: they are refused",
			   "topic=%.*s partition=%d remedy=\"set odradek.log.encryption.key.file or .command\"",
			   STR_ARG(topic), at->place.partition);
	return ERR_KAFKA_STORAGE_ERROR;
}

/* ---- a range ---- */

/*
 * Opens all batches and closes up the gaps, since they become shorter: returns the length of those
 * that opened; *err is the error of the first that did not.
 */
static size_t open_all(const struct sealed_at *at, struct str topic, int64_t pos, uint8_t *p, size_t len, int *err)
{
	size_t kept = 0;

	*err = 0;
	for (struct batch_iter it = batch_iter(p, len); batch_next(&it);) {
		int64_t place = pos + (int64_t)(it.pos - (size_t)batch_size(&it.header));
		uint8_t *batch = p + (it.p - p);

		*err = sealed_open(at, topic, place, batch, &it.header);
		if (*err)
			break;
		memmove(p + kept, batch, (size_t)batch_size(&it.header));
		kept += (size_t)batch_size(&it.header);
	}
	return kept;
}

int sealed_read(const struct sealed_at *at, struct str topic, struct records *range, struct buf *out)
{
	size_t len = (size_t)range->len;
	int err;

	buf_reserve(out, len);
	err = file_read_full(range->file, out->p + out->len, len, range->pos);
	file_unref(&range->file);
	if (err)
		return err;
	len = open_all(at, topic, range->pos, out->p + out->len, len, &err);
	out->len += len;
	return len > 0 ? 0 : err;
}

/* ---- for a log ---- */

bool log_may_seal(const struct log *log)
{
	return __builtin_expect(log->config->encryption_enable || log_dir_seals(log->dir), 0) && !log_is_metadata(log);
}

bool log_seals(const struct log *log, const struct batch_header *h)
{
	return log_may_seal(log) && seal_applies(h);
}

int log_seal(const struct log *log, const uint8_t *p, struct batch_header *h, struct buf *out)
{
	struct sealed_at at = {.dir = log->dir, .place = {log->topic_id, log->partition}};

	return sealed_put(&at, str_of(log->topic), p, h, out);
}

struct sealed_at log_sealed_at(const struct log *log, const struct segment *s)
{
	return (struct sealed_at){.dir = log->dir,
				  .place = {log->topic_id, log->partition},
				  .segment = s->base,
				  .any = log->data->has_sealed};
}

static void sealed_path(const struct log *log, char out[PATH_SIZE])
{
	char dir[PATH_SIZE];

	LOG_DIR_PATH(log, dir);
	path_in(out, dir, SEALED_FILE);
}

int log_note_sealed(struct log *log)
{
	char path[PATH_SIZE];
	struct file *file;
	int err;

	if (log->data->has_sealed)
		return 0;
	sealed_path(log, path);
	err = env_open(log->env, path, FILE_WRITE | FILE_CREATE, &file);
	if (err)
		return log_failed(log, err, "noting that records are encrypted", SEGMENT_LOG, log->end);
	file_unref(&file);
	log->data->has_sealed = log->data->dir_dirty = true;
	return 0;
}
