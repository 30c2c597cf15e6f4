/* dump_batches: prints one line per batch, and below it one line per record. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/coordinator_record.h"
#include "cli/dump_log.h"
#include "cli/remote_record.h"
#include "metadata/record.h"
#include "protocol/control_records.h"
#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/protocol.h"

enum { DECOMPRESSED_MAX = INT32_MAX };

struct log_file {
	const char *path;
	struct file *file;
	int64_t size;
	int64_t pos;
	int64_t last_offset;
	bool complained;
	bool has_place;
	struct seal_place place;
	struct buf batch;
};

static const char *timestamp_type(const struct batch_header *h)
{
	return h->attributes & BATCH_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime";
}

static const char *boolean(bool b)
{
	return b ? "true" : "false";
}

static bool is_sealed(const struct batch_header *h)
{
	return h->magic == BATCH_MAGIC && batch_is_sealed(h);
}

static void print_batch(const struct log_file *f, const struct batch_header *h)
{
	const char *codec = codec_name(batch_codec(h));

	if (h->magic < BATCH_MAGIC) {
		printf("offset: %" PRId64, h->base_offset);
	} else {
		printf("baseOffset: %" PRId64 " lastOffset: %" PRId64
		       " count: %d baseSequence: %d lastSequence: %d producerId: %" PRId64
		       " producerEpoch: %d partitionLeaderEpoch: %d isTransactional: %s isControl: %s deleteHorizonMs: ",
		       h->base_offset, batch_last_offset(h), h->count, h->base_sequence, batch_last_sequence(h),
		       h->producer_id, h->producer_epoch, h->leader_epoch, boolean(batch_is_transactional(h)),
		       boolean(batch_is_control(h)));
		if (h->attributes & BATCH_DELETE_HORIZON)
			printf("OptionalLong[%" PRId64 "]", h->base_timestamp);
		else
			printf("OptionalLong.empty");
	}
	printf(" position: %" PRId64 " %s: %" PRId64 " size: %" PRId64 " magic: %d compresscodec: %s crc: %" PRIu32
	       " isvalid: %s%s\n",
	       f->pos, timestamp_type(h), h->max_timestamp, batch_size(h), h->magic, codec ? codec : "unknown", h->crc,
	       boolean(batch_crc_ok(f->batch.p, h)), is_sealed(h) ? " sealed: true" : "");
}

/* ---- records ---- */

static void print_json(struct dump *d, const struct schema *s, int version, struct bytes value)
{
	struct buf json = {0};
	void *message = arena_zalloc(&d->arena, s->size);

	if (message && codec_decode(s, version, value.p, (size_t)value.len, &d->arena, message) == 0) {
		codec_json(s, version, message, false, &json);
		printf("%.*s", (int)json.len, (const char *)json.p);
	} else {
		printf("<cannot be decoded>");
	}
	buf_fini(&json);
}

static void print_control(struct dump *d, const struct record *r)
{
	static const struct {
		int type;
		const char *label;
		const struct schema *schema;
	} RAFT[] = {
		{CONTROL_LEADER_CHANGE, "LeaderChange:", &leader_change_message_schema},
		{CONTROL_SNAPSHOT_HEADER, "SnapshotHeader", &snapshot_header_record_schema},
		{CONTROL_SNAPSHOT_FOOTER, "SnapshotFooter", &snapshot_footer_record_schema},
		{CONTROL_KRAFT_VERSION, "KRaftVersion", &k_raft_version_record_schema},
		{CONTROL_KRAFT_VOTERS, "KRaftVoters", &voters_record_schema},
	};
	int type = control_type(r->key);
	int32_t epoch = -1;

	if (type == CONTROL_ABORT || type == CONTROL_COMMIT) {
		control_coordinator_epoch(r->value, &epoch);
		printf(" endTxnMarker: %s coordinatorEpoch: %d", type == CONTROL_ABORT ? "ABORT" : "COMMIT", epoch);
		return;
	}
	for (size_t i = 0; i < sizeof(RAFT) / sizeof(RAFT[0]); i++) {
		if (RAFT[i].type != type || !r->value.p || r->value.len < 2)
			continue;
		printf(" %s ", RAFT[i].label);
		print_json(d, RAFT[i].schema, get_i16(r->value.p), r->value);
		return;
	}
	printf(" controlType: UNKNOWN(%d)", type);
}

static void print_metadata(const struct batch_header *h, const struct record *r)
{
	struct bytes rest = r->headers;
	struct record_header header;

	printf("| offset: %" PRId64 " %s: %" PRId64 " keySize: %d valueSize: %d sequence: %d headerKeys: [", r->offset,
	       timestamp_type(h), r->timestamp, r->key.p ? r->key.len : -1, r->value.p ? r->value.len : -1,
	       r->sequence);
	for (int32_t i = 0; i < r->n_headers && record_header_next(&rest, &header); i++)
		printf("%s%.*s", i ? "," : "", STR_ARG(header.key));
	printf("]");
}

static void print_metadata_record(struct dump *d, const struct record *r)
{
	struct metadata_record m;
	struct buf json = {0};

	if (!r->value.p || metadata_record_decode(r->value, &d->arena, &m) != 0) {
		printf("Error at %" PRId64 ", skipping. No metadata record that this release knows", r->offset);
		return;
	}
	codec_json(metadata_record_schemas[m.type], m.version, m.body, false, &json);
	printf("{\"type\":\"%s\",\"version\":%d,\"data\":%.*s}", metadata_record_type_name(m.type), m.version,
	       (int)json.len, (const char *)json.p);
	buf_fini(&json);
}

static void print_coordinator_record(struct dump *d, const struct record *r, const char *prefix)
{
	enum coordinator_family family = COORDINATOR_SHARE;
	struct coordinator_text text;

	if (d->options.offsets)
		family = COORDINATOR_GROUP;
	else if (d->options.transaction_log)
		family = COORDINATOR_TRANSACTION;
	coordinator_dump(family, r, &d->arena, &text);
	printf("%skey: %.*s", prefix, (int)text.key.len, (const char *)text.key.p);
	if (text.payload.len > 0)
		printf(" payload: %.*s", (int)text.payload.len, (const char *)text.payload.p);
	buf_fini(&text.key);
	buf_fini(&text.payload);
}

static void print_remote_record(struct dump *d, const struct record *r)
{
	struct buf text = {0};
	int err = remote_record_text(r->value, &d->arena, &text);

	if (err)
		printf("Error at offset %" PRId64 ", skipping. %s", r->offset, err_name(err));
	else
		printf("%.*s", (int)text.len, (const char *)text.p);
	buf_fini(&text);
}

static void print_decoded(struct dump *d, const struct record *r, const char *what, const char *prefix,
			  enum record_decoder decoder, struct bytes b)
{
	printf("%s%s: ", prefix, what);
	if (dump_decoded(decoder, b) != 0) {
		printf("Error at offset %" PRId64 ", skipping. %d bytes are fewer than its decoder reads", r->offset,
		       b.len);
		d->misread = true;
	}
}

/* If several decoders are given, the first in Kafka's order counts. */
static void print_contents(struct dump *d, const struct record *r)
{
	const struct dump_options *o = &d->options;
	const char *prefix = o->skip_record_metadata ? "| " : " ";

	if (o->offsets || o->transaction_log) {
		print_coordinator_record(d, r, prefix);
		return;
	}
	if (o->cluster_metadata || o->remote_metadata) {
		printf("%spayload: ", prefix);
		(o->cluster_metadata ? print_metadata_record : print_remote_record)(d, r);
		return;
	}
	if (o->share_state) {
		print_coordinator_record(d, r, prefix);
		return;
	}
	if (r->key.p) {
		print_decoded(d, r, "key", prefix, o->key, r->key);
		prefix = " ";
	}
	if (r->value.p)
		print_decoded(d, r, "payload", prefix, o->value, r->value);
}

static void note_order(struct dump *d, struct log_file *f, int64_t offset)
{
	if (offset != f->last_offset + 1) {
		if (!f->complained)
			buf_printf(&d->complaints, "Non-consecutive offsets in %s\n", f->path);
		f->complained = true;
		buf_printf(&d->complaints, "  %" PRId64 " is followed by %" PRId64 "\n", f->last_offset, offset);
	}
	f->last_offset = offset;
}

static void print_records(struct dump *d, struct log_file *f, const struct batch_header *h)
{
	struct buf records = {0};
	struct record_iter it;
	struct record r;
	int err = h->magic < BATCH_MAGIC
			  ? ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT
			  : decode_all(d->codecs, batch_codec(h), f->batch.p + BATCH_HEADER_SIZE,
				       (size_t)(batch_size(h) - BATCH_HEADER_SIZE), DECOMPRESSED_MAX, &records);

	if (err) {
		buf_printf(&d->complaints, "%s: records at position %" PRId64 " cannot be read: %s\n", f->path, f->pos,
			   err_name(err));
		buf_fini(&records);
		return;
	}
	it = record_iter(h, records.p, records.len);
	while (record_next(&it, &r)) {
		note_order(d, f, r.offset);
		if (!d->options.skip_record_metadata)
			print_metadata(h, &r);
		if (!d->options.skip_record_metadata && batch_is_control(h))
			print_control(d, &r);
		if (d->options.print_data && !batch_is_control(h))
			print_contents(d, &r);
		printf("\n");
		arena_reset(&d->arena);
	}
	if (it.error)
		buf_printf(&d->complaints, "%s: malformed record in the batch at position %" PRId64 "\n", f->path,
			   f->pos);
	buf_fini(&records);
}

/* Prints what replaces the records of an encrypted batch that cannot be decrypted; true if it can. */
static bool open_sealed(struct dump *d, struct log_file *f, struct batch_header *h)
{
	uint8_t id[ATREST_KEY_ID_SIZE] = {0};
	char key[ATREST_KEY_TEXT];
	int err;

	if (!is_sealed(h))
		return true;
	if (!f->has_place) {
		printf("| sealed; whose it is stands in the name of its directory and in partition.metadata\n");
		return false;
	}
	err = seal_open(&d->keys, &f->place, f->batch.p, h, id);
	if (err == -ENOKEY)
		printf("| sealed; its key is %s\n", atrest_key_text(id, key));
	else if (err)
		buf_printf(&d->complaints,
			   "%s: the sealed batch at position %" PRId64 " is not what was written here\n", f->path,
			   f->pos);
	return err == 0;
}

/* ---- the file ---- */

/* Reads the next whole batch into f->batch. False at the end, or where there is no valid batch. */
static bool next_batch(struct log_file *f, struct batch_header *h)
{
	uint8_t head[BATCH_HEADER_SIZE];
	int64_t left = f->size - f->pos;
	size_t len = left < BATCH_HEADER_SIZE ? (size_t)left : BATCH_HEADER_SIZE;

	if (file_read_full(f->file, head, len, f->pos) || batch_header_read(head, len, h) || batch_size(h) > left)
		return false;
	f->batch.len = 0;
	buf_reserve(&f->batch, (size_t)batch_size(h));
	return file_read_full(f->file, f->batch.p, (size_t)batch_size(h), f->pos) == 0;
}

static void print_head(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	long long offset;
	int epoch;

	if (strcmp(name, "bootstrap.checkpoint") == 0)
		printf("KRaft bootstrap snapshot\n");
	else if (sscanf(name, "%20lld-%10d.checkpoint", &offset, &epoch) == 2)
		printf("Snapshot end offset: %lld, epoch: %d\n", offset, epoch);
	else
		printf("Log starting offset: %" PRId64 "\n", dump_base_offset(path));
}

int dump_batches(struct dump *d, const char *path)
{
	struct log_file f = {.path = path, .last_offset = -1};
	struct batch_header h;
	int err = env_open(d->env, path, FILE_READ, &f.file);

	if (err)
		return err;
	f.has_place = dump_place(d->env, path, &f.place);
	print_head(path);
	f.size = file_size(f.file);
	if (f.size > d->options.max_bytes)
		f.size = d->options.max_bytes;
	for (; f.pos < f.size && next_batch(&f, &h); f.pos += batch_size(&h)) {
		struct batch_header opened = h;

		print_batch(&f, &h);
		if (d->options.deep && open_sealed(d, &f, &opened))
			print_records(d, &f, &opened);
	}
	if (f.pos < f.size && d->options.max_bytes == INT64_MAX)
		printf("Found %" PRId64 " invalid bytes at the end of %s\n", f.size - f.pos,
		       strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	buf_fini(&f.batch);
	file_unref(&f.file);
	return 0;
}
