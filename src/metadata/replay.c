/*
 * replay: cuts a batch into runs at the boundaries of metadata transactions, and applies each run
 * as a whole.
 */
#include "metadata/replay.h"

#include <errno.h>

void replay_init(struct replay *r, const struct image *take_image)
{
	*r = (struct replay){take_image, image_ref(take_image), false, -1};
}

void replay_fini(struct replay *r)
{
	image_unref(&r->image);
	image_unref(&r->tip);
}

static void set_image(const struct image **at, const struct image *take_image)
{
	image_unref(at);
	*at = take_image;
}

/* The state so far, kept aside until the whole batch has been applied. */
static struct replay hold(const struct replay *r)
{
	struct replay copy = *r;

	copy.image = image_ref(r->image);
	copy.tip = image_ref(r->tip);
	return copy;
}

static int boundary(struct replay *r, const struct metadata_record *record, int64_t offset, const char **why)
{
	bool begins = record->type == RECORD_BEGIN_TRANSACTION;

	if (begins == r->in_transaction) {
		*why = begins ? "a metadata transaction begins inside of another"
			      : "a metadata transaction ends that never began";
		return -EBADMSG;
	}
	if (record->type == RECORD_ABORT_TRANSACTION)
		set_image(&r->tip, image_ref(r->image));
	r->in_transaction = begins;
	r->transaction_offset = begins ? offset : -1;
	return 0;
}

static bool is_boundary(const struct metadata_record *record)
{
	return record->type == RECORD_BEGIN_TRANSACTION || record->type == RECORD_END_TRANSACTION ||
	       record->type == RECORD_ABORT_TRANSACTION;
}

/* Applies the n records from v on to the tip. Outside a transaction, the image follows. */
static int apply_run(struct replay *r, const struct image_batch *batch, const struct metadata_record *v, int n,
		     int64_t last_offset, const char **why)
{
	struct image_batch run = {v, n, last_offset, batch->epoch, batch->timestamp_ms};
	const struct image *next;
	int err;

	if (n > 0) {
		err = image_apply(r->tip, &run, &next, why);
		if (err != 0)
			return err;
	} else {
		next = image_at(r->tip, last_offset, batch->epoch, batch->timestamp_ms);
	}
	set_image(&r->tip, next);
	if (!r->in_transaction)
		set_image(&r->image, image_ref(next));
	return 0;
}

static int replay_runs(struct replay *r, const struct image_batch *batch, const char **why)
{
	int64_t base = batch->last_offset - batch->n + 1;
	int from = 0;

	for (int i = 0; i < batch->n; i++) {
		int err = 0;

		if (!is_boundary(&batch->v[i]))
			continue;
		if (i > from)
			err = apply_run(r, batch, batch->v + from, i - from, base + i - 1, why);
		if (err == 0)
			err = boundary(r, &batch->v[i], base + i, why);
		if (err != 0)
			return err;
		from = i + 1;
	}
	return apply_run(r, batch, batch->v + from, batch->n - from, batch->last_offset, why);
}

int replay_batch(struct replay *r, const struct image_batch *batch, const char **why)
{
	struct replay next = hold(r);
	const char *unused;
	int err = replay_runs(&next, batch, why ? why : &unused);

	if (err != 0) {
		replay_fini(&next);
		return err;
	}
	replay_fini(r);
	*r = next;
	return 0;
}

void replay_skip(struct replay *r, int64_t last_offset, int32_t epoch, int64_t timestamp_ms)
{
	set_image(&r->tip, image_at(r->tip, last_offset, epoch, timestamp_ms));
	if (!r->in_transaction)
		set_image(&r->image, image_ref(r->tip));
}
