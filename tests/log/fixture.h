/*
 * fixture: a log directory in a temporary folder, a log in it, and batches to append. For tests
 * only: its checks are cmocka's.
 */
#ifndef ODRADEK_TESTS_LOG_FIXTURE_H
#define ODRADEK_TESTS_LOG_FIXTURE_H

#include "log/log.h"
#include "log/validate.h"
#include "wire/batch.h"
#include "wire/records.h"
#include "tests/base/cm.h"

struct fixture {
	struct diag diag;
	struct env *env;
	char path[128];
	struct topic_config config;
	struct atrest_keys keys; /* of the directory */
	struct log_dir *dir;
	struct log *log;
	struct codecs *codecs;
	struct arena arena;
	int64_t now_ms;
	bool unreplicated; /* appending does not move the high watermark */
	struct buf lines;  /* what was logged */
};

/* A folder, an open directory, an empty log of topic "t", partition 0. */
void fixture_init(struct fixture *f);
void fixture_fini(struct fixture *f); /* removes the folder */

/* Forgets the log and the directory as a kill would, and loads them again. */
void fixture_crash(struct fixture *f);
/* Closes cleanly, writing the checkpoints and the marker, and loads again. */
void fixture_restart(struct fixture *f);
/* Writes the log's current recovery point and high watermark. */
void fixture_checkpoint(struct fixture *f);
void fixture_flush(struct fixture *f);
/* Adds a key of 32 bytes of this value, which encrypts from now on. */
void fixture_add_key(struct fixture *f, uint8_t value);
/* Appends what log_read named to `out`, in clear. Releases the file. */
int fixture_take(const struct log_read *r, struct records *records, struct buf *out);

/* The properties of a produced batch. */
struct batch_of {
	int n;		     /* records */
	int value_len;	     /* 0 = 10 */
	int64_t timestamp;   /* 0 = the fixture's now */
	int64_t producer_id; /* 0 = none */
	int16_t epoch;
	int32_t sequence;
	bool transactional;
	struct batch_transaction transaction;
};

/* Checks the batch as a client's, with the fixture's settings. Returns 0 or Kafka's error. */
int fixture_check(struct fixture *f, const struct buf *b, struct batch_info *info);
/* Builds, checks and appends, as leader with this epoch. */
int fixture_append(struct fixture *f, struct batch_of what, int32_t epoch, struct log_appended *out);
/* Appends n batches of one record each, epoch 0; none may fail. */
void fixture_append_n(struct fixture *f, int n);
int fixture_marker(struct fixture *f, int64_t producer_id, int16_t epoch, enum control_type type,
		   int32_t coordinator_epoch);
/* The same for a client with this transaction.version. */
int fixture_marker_of(struct fixture *f, int64_t producer_id, int16_t epoch, int32_t coordinator_epoch, int8_t version);
void fixture_build(struct buf *out, const struct batch_of *what, int64_t now_ms);

/*
 * Reads from an offset to the end; checks that the bytes are whole batches, the first of which
 * contains the offset.
 */
int fixture_read(struct fixture *f, int64_t offset, int32_t max_bytes, struct buf *out);
/*
 * Checks the whole log batch by batch: every offset between start and end occurs once, every CRC is
 * right.
 */
void fixture_check_whole(struct fixture *f);

char *fixture_file(struct fixture *f, const char *name, char out[512]); /* <dir>/t-0/<name> */
bool fixture_exists(struct fixture *f, const char *name);
struct buf fixture_slurp(struct fixture *f, const char *name);
void fixture_spill(struct fixture *f, const char *name, const void *p, size_t len);

#endif
