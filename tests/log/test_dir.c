/*
 * A log directory: its owner, who may use it, what it remembers, and how it fails. On the simulated
 * disk.
 */
#include "log/dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "log/clean.h"
#include "log/log.h"
#include "log/refusals.h"
#include "tests/base/cm.h"
#include "wire/records.h"
#include "tests/log/endless.h"

static struct sim_world *world;
static struct env *env;

static void new_world(uint64_t seed)
{
	struct sim_options o;

	sim_options_calm(&o);
	o.n_envs = 1;
	world = sim_world_new(seed, &o);
	env = sim_env(world, 0);
}

static int set_up(void **state)
{
	new_world(1);
	return 0;
}

static int tear_down(void **state)
{
	sim_world_free(world);
	return 0;
}

static struct log_dir *opened(int64_t reserve)
{
	struct log_dir_options options = {.path = "/data", .reserve_bytes = reserve};
	struct log_dir *dir;
	char *why;

	assert_int_equal(log_dir_open(env, &options, &dir, &why), 0);
	return dir;
}

static void spill(const char *path, const char *text)
{
	assert_int_equal(env_mkdir_all(env, "/data"), 0);
	assert_int_equal(env_replace_file(env, path, text, strlen(text)), 0);
}

static bool exists(const char *path)
{
	struct file_stat st;

	return env_stat(env, path, &st) == 0;
}

/* ---- identity ---- */

static void what_is_formatted_reads_back(void **state)
{
	struct meta_properties m = {
		.cluster_id = "5L6g3nShT-eMCtK--X86sw", .node_id = 7, .directory_id = {{1, 2, 3, 4}}};
	struct log_dir *dir = opened(0);

	assert_false(log_dir_is_formatted(dir));
	assert_int_equal(log_dir_format(dir, &m), 0);
	log_dir_free(dir);
	dir = opened(0);
	assert_true(log_dir_is_formatted(dir));
	assert_int_equal(log_dir_meta(dir)->version, 1);
	assert_int_equal(log_dir_meta(dir)->node_id, 7);
	assert_string_equal(log_dir_meta(dir)->cluster_id, m.cluster_id);
	assert_true(uuid_eq(log_dir_meta(dir)->directory_id, m.directory_id));
	log_dir_free(dir);
}

static void java_properties_of_both_versions_are_read(void **state)
{
	struct meta_properties m;
	char *why = NULL;

	spill("/data/meta.properties", "#\n#Sun Nov 22 21:31:16 UTC 2026\ncluster.id=abc\nversion=0\nbroker.id=3\n");
	assert_int_equal(meta_properties_read(env, "/data", &m, &why), 0);
	assert_int_equal(m.version, 0);
	assert_int_equal(m.node_id, 3);
	spill("/data/meta.properties", "! note\r\nversion : 1\r\nnode.id = 4\r\ncluster.id=a\\:b\r\n\r\nother=x\n");
	assert_int_equal(meta_properties_read(env, "/data", &m, &why), 0);
	assert_string_equal(m.cluster_id, "a:b");
	assert_int_equal(m.node_id, 4);
	assert_true(uuid_is_zero(m.directory_id));
	assert_int_equal(env_unlink(env, "/data/meta.properties"), 0);
	assert_int_equal(meta_properties_read(env, "/data", &m, &why), -ENOENT);
}

static void what_cannot_be_used_is_named_with_its_file(void **state)
{
	static const char *const BAD[] = {"",
					  "version=2\ncluster.id=a\nnode.id=1\n",
					  "version=1\nnode.id=1\n",
					  "version=1\ncluster.id=a\n",
					  "version=1\ncluster.id=a\nnode.id=-1\n",
					  "version=x\n",
					  "version=1\ncluster.id=a\nnode.id=1\ndirectory.id=short\n"};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct log_dir_options options = {.path = "/data"};
		struct log_dir *dir;
		char *why;

		spill("/data/meta.properties", BAD[i]);
		assert_int_equal(log_dir_open(env, &options, &dir, &why), -EINVAL);
		assert_non_null(strstr(why, "/data/meta.properties"));
		xfree(why);
	}
}

/* ---- what it remembers ---- */

static void the_marker_of_a_clean_stop_is_there_until_the_next_run(void **state)
{
	int64_t epoch;
	struct log_dir *dir = opened(0);

	assert_false(log_dir_was_clean(dir, NULL));
	assert_int_equal(log_dir_begin_run(dir), 0);
	assert_int_equal(log_dir_mark_clean(dir, 42), 0);
	log_dir_free(dir);
	dir = opened(0);
	assert_true(log_dir_was_clean(dir, &epoch));
	assert_int_equal(epoch, 42);
	assert_int_equal(log_dir_begin_run(dir), 0);
	log_dir_free(dir);
	dir = opened(0);
	assert_false(log_dir_was_clean(dir, NULL));
	log_dir_free(dir);
	spill("/data/.kafka_cleanshutdown", ""); /* of an old release */
	dir = opened(0);
	assert_true(log_dir_was_clean(dir, &epoch));
	assert_int_equal(epoch, -1);
	log_dir_free(dir);
}

static void checkpoints_come_back(void **state)
{
	struct log_checkpoint_writer w;
	struct log_dir *dir = opened(0);

	log_checkpoint_init(&w, CHECKPOINT_HIGH_WATERMARK);
	for (int i = 0; i < 100; i++)
		log_checkpoint_add(&w, i % 2 ? STR("a.topic") : STR("b"), i / 2, 1000 + i);
	assert_int_equal(log_checkpoint_write(&w, dir), 0);
	log_dir_free(dir);
	dir = opened(0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(log_dir_checkpointed(dir, CHECKPOINT_HIGH_WATERMARK, i % 2 ? STR("a.topic") : STR("b"),
						      i / 2, -5),
				 1000 + i);
	assert_int_equal(log_dir_checkpointed(dir, CHECKPOINT_HIGH_WATERMARK, STR("a.topic"), 50, -5), -5);
	assert_int_equal(log_dir_checkpointed(dir, CHECKPOINT_LOG_START, STR("b"), 0, -5), -5);
	log_dir_free(dir);
}

static int note(void *arg, const struct log_dir_entry *e)
{
	char *text = arg;
	size_t at = strlen(text);

	snprintf(text + at, 500 - at, "%.*s/%d%s ", STR_ARG(e->topic), e->partition,
		 uuid_is_zero(e->topic_id) ? "" : "!");
	return 0;
}

static void a_scan_finds_replicas_and_nothing_else(void **state)
{
	char seen[500] = "";
	struct log_dir *dir = opened(0);
	struct log_dir_entry stray = {.name = "t-0", .topic = STR("t")};

	assert_int_equal(env_mkdir_all(env, "/data/t-0"), 0);
	assert_int_equal(env_mkdir_all(env, "/data/with-dash-12"), 0);
	spill("/data/with-dash-12/partition.metadata", "version: 0\ntopic_id: AQIDAAAAAAAAAAAAAAAAAA\n");
	assert_int_equal(env_mkdir_all(env, "/data/gone-0.0123456789abcdef0123456789abcdef-delete"), 0);
	spill("/data/gone-0.0123456789abcdef0123456789abcdef-delete/00000000000000000000.log", "x");
	assert_int_equal(env_mkdir_all(env, "/data/lost-1.0123456789abcdef0123456789abcdef-stray"), 0);
	assert_int_equal(env_mkdir_all(env, "/data/notareplica"), 0);
	assert_int_equal(env_mkdir_all(env, "/data/lost+found"), 0);
	spill("/data/plain-0", "a file");
	assert_int_equal(log_dir_scan(dir, note, seen), 0);
	assert_string_equal(seen, "t/0 with-dash/12! ");
	assert_int_equal(log_dir_set_stray(dir, &stray), 0);
	assert_false(exists("/data/t-0"));
	seen[0] = '\0';
	assert_int_equal(log_dir_scan(dir, note, seen), 0);
	assert_string_equal(seen, "with-dash/12! ");
	log_dir_free(dir);
}

/* Half of an id would be another topic's id, and the replica would be a stray. */
static void a_torn_partition_metadata_tells_no_topic(void **state)
{
	char seen[500] = "";
	struct log_dir *dir = opened(0);

	assert_int_equal(env_mkdir_all(env, "/data/t-0"), 0);
	spill("/data/t-0/partition.metadata", "version: 0\ntopic_id: AQIDAAAAAAA...........\n");
	assert_int_equal(log_dir_scan(dir, note, seen), 0);
	assert_string_equal(seen, "t/0 ");
	log_dir_free(dir);
}

static void checkpoint_of(struct log_dir *dir, enum log_checkpoint kind, struct str topic, int64_t offset)
{
	struct log_checkpoint_writer w;

	log_checkpoint_init(&w, kind);
	log_checkpoint_add(&w, topic, 0, offset);
	log_checkpoint_add(&w, STR("other"), 0, offset);
	assert_int_equal(log_checkpoint_write(&w, dir), 0);
}

static void a_checkpoint_that_says_the_same_is_not_written_again(void **state)
{
	struct log_dir *dir = opened(0);

	checkpoint_of(dir, CHECKPOINT_LOG_START, STR("t"), 7);
	assert_int_equal(env_unlink(env, "/data/log-start-offset-checkpoint"), 0);
	checkpoint_of(dir, CHECKPOINT_LOG_START, STR("t"), 7);
	assert_false(exists("/data/log-start-offset-checkpoint"));
	checkpoint_of(dir, CHECKPOINT_HIGH_WATERMARK, STR("t"), 7); /* another one */
	assert_true(exists("/data/replication-offset-checkpoint"));
	checkpoint_of(dir, CHECKPOINT_LOG_START, STR("t"), 8);
	assert_true(exists("/data/log-start-offset-checkpoint"));
	log_dir_free(dir);
}

static void what_a_checkpoint_says_after_a_kill_is_written_again_since_its_name_may_not_be_durable(void **state)
{
	struct log_dir *dir = opened(0);

	checkpoint_of(dir, CHECKPOINT_LOG_START, STR("t"), 7);
	log_dir_free(dir);
	dir = opened(0);
	assert_int_equal(env_unlink(env, "/data/log-start-offset-checkpoint"), 0);
	checkpoint_of(dir, CHECKPOINT_LOG_START, STR("t"), 7);
	assert_true(exists("/data/log-start-offset-checkpoint"));
	log_dir_free(dir);
}

static int64_t believed(struct log_dir *dir, enum log_checkpoint kind, struct str topic)
{
	return log_dir_checkpointed(dir, kind, topic, 0, -5);
}

static void checkpoints_are_not_believed_of_a_name_that_was_left_since(void **state)
{
	static const char *const GONE[] = {"/data/t-0.0123456789abcdef0123456789abcdef-delete",
					   "/data/t-0.0123456789abcdef0123456789abcdef-stray"};
	struct log_dir *dir = opened(0);
	char seen[500] = "";

	for (int i = 0; i < 2; i++) {
		for (int kind = 0; kind < CHECKPOINT_KINDS; kind++)
			checkpoint_of(dir, (enum log_checkpoint)kind, STR("t"), 70);
		assert_int_equal(env_mkdir_all(env, GONE[i]), 0);
		assert_int_equal(env_mkdir_all(env, "/data/t-0"), 0); /* the successor */
		log_dir_free(dir);
		dir = opened(0);
		for (int kind = 0; kind < CHECKPOINT_KINDS; kind++) {
			assert_int_equal(believed(dir, (enum log_checkpoint)kind, STR("t")), -5);
			assert_int_equal(believed(dir, (enum log_checkpoint)kind, STR("other")), 70);
		}
		assert_int_equal(log_dir_scan(dir, note, seen), 0);
		log_dir_settle_departed(dir, log_dir_take_departed(dir), false);
		assert_true(exists(GONE[i])); /* not yet: the checkpoints still contain it */
		for (int kind = 0; kind < CHECKPOINT_KINDS; kind++)
			checkpoint_of(dir, (enum log_checkpoint)kind, STR("t"), 71);
		log_dir_settle_departed(dir, log_dir_take_departed(dir), true);
		assert_int_equal(exists(GONE[i]), i); /* deleted ones are removed, strays are kept */
		log_dir_free(dir);
		dir = opened(0);
		assert_int_equal(believed(dir, CHECKPOINT_LOG_START, STR("t")), 71);
	}
	log_dir_free(dir);
}

static void a_name_that_was_cut_is_in_doubt_for_all_that_begin_so(void **state)
{
	char topic[250];
	char path[600];

	memset(topic, 'a', 249);
	topic[249] = '\0';
	struct log_dir *dir = opened(0);
	checkpoint_of(dir, CHECKPOINT_LOG_START, str_of(topic), 70);
	struct log_dir_entry e = {.topic = str_of(topic)};
	snprintf(path, sizeof(path), "%s-0", topic);
	e.name = path;
	char full[700];
	snprintf(full, sizeof(full), "/data/%s", path);
	assert_int_equal(env_mkdir_all(env, full), 0);
	assert_int_equal(log_dir_set_stray(dir, &e), 0);
	log_dir_free(dir);
	dir = opened(0);
	assert_int_equal(believed(dir, CHECKPOINT_LOG_START, str_of(topic)), -5);
	assert_int_equal(believed(dir, CHECKPOINT_LOG_START, STR("other")), 70);
	log_dir_free(dir);
}

/* ---- how it ends ---- */

static int posted;

static void on_fail(struct post *p)
{
	posted++;
}

static void the_first_failure_wins_and_is_told_once(void **state)
{
	struct log_dir *dir = opened(0);
	struct loop *loop = loop_new(env, "test");
	struct post watch = {.run = on_fail};

	posted = 0;
	log_dir_watch(dir, loop, &watch);
	assert_int_equal(log_dir_error(dir), 0);
	log_dir_fail(dir, -EIO, "testing", "/data/x");
	log_dir_fail(dir, -EROFS, "testing", "/data/x");
	assert_int_equal(log_dir_error(dir), -EIO);
	sim_run_for(world, 10);
	assert_int_equal(posted, 1);
	assert_int_equal(log_dir_mark_clean(dir, 0), -EIO);
	assert_false(exists("/data/.kafka_cleanshutdown"));
	log_dir_free(dir);
}

/* ---- a full disk ---- */

static const struct topic_config CONFIG = {
	ENDLESS_TOPIC,	       .segment_bytes = 64 * 1024, .segment_index_bytes = 1 << 20, .index_interval_bytes = 4096,
	.retention_bytes = -1, .cleanup_delete = true,	   .max_message_bytes = 1 << 20,
};

static int append(struct log *log, int value_len)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct log_appended out;
	struct batch_builder b;
	struct buf buf = {0};
	uint8_t *value = xcalloc(1, (size_t)value_len);

	o.base_offset = log_offsets(log).end;
	o.leader_epoch = 0;
	batch_begin(&b, &buf, &o);
	batch_add(&b, 1000, BYTES_NULL, (struct bytes){value, value_len});
	batch_end(&b);
	int err = log_append_as_follower(log, buf.p, buf.len, 0, 1000, &out);
	log_set_high_watermark(log, log_offsets(log).end);
	buf_fini(&buf);
	xfree(value);
	return err;
}

static void a_full_disk_stops_writes_not_reads_and_heals(void **state)
{
	struct log_id data_id = {.topic = STR("t")};
	struct log_id metadata_id = {.topic = STR("__cluster_metadata")};
	struct log_deletion *d;
	bool moved;
	int err = 0;

	sim_world_options(world)->disk_bytes = 2 << 20;
	struct log_dir *dir = opened(256 * 1024);
	assert_int_equal(log_dir_begin_run(dir), 0);
	struct log *log = log_new(dir, &data_id, &CONFIG);
	struct log *metadata = log_new(dir, &metadata_id, &CONFIG);
	assert_int_equal(append(metadata, 100), 0);
	for (int i = 0; i < 3000 && !err; i++)
		err = append(log, 2000);
	assert_int_equal(err, ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(log_dir_error(dir), 0);
	int64_t end = log_offsets(log).end;
	assert_true(end > 100);
	assert_false(log_dir_is_short(dir));
	for (int i = 0; i < 10; i++) /* only the metadata log may use the reserve */
		assert_int_equal(append(metadata, 10000), 0);
	assert_true(log_dir_is_short(dir));
	assert_int_equal(append(log, 2000), ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(log_set_start(log, end / 2, &moved), 0);
	assert_int_equal(log_retain(log, 0, &d), 0);
	assert_non_null(d);
	assert_int_equal(log_deletion_finish(d), 0);
	log_deletion_free(d);
	assert_int_equal(log_dir_refill_reserve(dir), 0);
	assert_int_equal(append(log, 2000), 0);
	assert_int_equal(log_offsets(log).end, end + 1);
	assert_true(exists("/data/odradek.reserve"));
	log_free(log);
	log_free(metadata);
	log_dir_free(dir);
}

/* Until there is no room left. */
static void fill_disk(const char *path)
{
	static const char zeros[4096];
	struct file *file;
	int64_t pos = 0;

	assert_int_equal(env_open(env, path, FILE_WRITE | FILE_CREATE, &file), 0);
	while (file_write_full(file, zeros, sizeof(zeros), pos) == 0)
		pos += (int64_t)sizeof(zeros);
	file_unref(&file);
}

static int produce_as(struct log *log, int64_t producer_id, int32_t sequence, bool transactional)
{
	struct batch_check c = {.topic = STR("t"), .config = &CONFIG, .now_ms = 1000};
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_problem problem;
	struct log_appended out;
	struct batch_builder b;
	struct batch_info info;
	struct buf buf = {0};

	o.producer_id = producer_id;
	o.producer_epoch = 0;
	o.base_sequence = sequence;
	o.attributes = transactional ? BATCH_TRANSACTIONAL : 0;
	batch_begin(&b, &buf, &o);
	batch_add(&b, 1000, BYTES_NULL, (struct bytes){(const uint8_t *)"value", 5});
	batch_end(&b);
	assert_int_equal(batch_check(&c, buf.p, buf.len, &info, &problem), 0);
	int err = log_append(log, buf.p, &info, 0, 1000, &out);
	buf_fini(&buf);
	return err;
}

static int produce(struct log *log, int64_t producer_id, int32_t sequence)
{
	return produce_as(log, producer_id, sequence, false);
}

/* Of several in flight the first found no room and the second does: that does not make it the first. */
static void a_full_disk_changes_no_producers_order(void **state)
{
	int64_t room = sim_world_options(world)->disk_bytes;
	struct log_id id = {.topic = STR("t")};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);

	sim_world_options(world)->disk_bytes = 1 << 20;
	fill_disk("/data/filler");
	assert_int_equal(produce(log, 7, 0), ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(produce(log, 8, 33), ERR_KAFKA_STORAGE_ERROR);
	sim_world_options(world)->disk_bytes = room;
	assert_int_equal(produce(log, 7, 1), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(produce(log, 7, 0), 0);
	assert_int_equal(produce(log, 7, 1), 0);
	assert_int_equal(produce(log, 8, 34), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	assert_int_equal(produce(log, 8, 33), 0);
	assert_int_equal(produce(log, 9, 5), 0);     /* any other may begin anywhere */
	for (int i = 0; i < 3 * REFUSALS_MAX; i++) { /* including those that were forgotten */
		sim_world_options(world)->disk_bytes = 1;
		assert_int_equal(produce(log, 100 + i, 2), ERR_KAFKA_STORAGE_ERROR);
		sim_world_options(world)->disk_bytes = room;
	}
	assert_int_equal(produce(log, 100, 3), 0);
	assert_int_equal(produce(log, 99 + 3 * REFUSALS_MAX, 3), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	log_free(log);
	log_dir_free(dir);
}

static int64_t readable_end(struct log *log)
{
	struct log_read r = {.max_bytes = 1 << 20, .min_one_message = true, .upto_offset = log_offsets(log).end};

	while (r.offset < r.upto_offset) {
		struct batch_header h;
		struct records out;
		uint8_t bytes[BATCH_HEADER_SIZE];

		assert_int_equal(log_read(log, &r, &out, NULL), 0);
		assert_int_equal(file_read_full(out.file, bytes, sizeof(bytes), out.pos), 0);
		assert_int_equal(batch_header_read(bytes, sizeof(bytes), &h), 0);
		assert_true(h.base_offset <= r.offset && batch_last_offset(&h) >= r.offset);
		r.offset = batch_last_offset(&h) + 1;
		file_unref(&out.file);
	}
	return r.offset;
}

static void after_a_kill_on_a_full_disk_a_log_is_read_and_heals(void **state)
{
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	struct log_id id = {.topic = STR("t")};

	sim_world_options(world)->disk_bytes = 2 << 20;
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);
	for (int i = 0; i < 200; i++)
		assert_int_equal(append(log, 2000), 0);
	int segments = log_segments(log);
	assert_true(segments > 3);
	log_free(log); /* like a kill: what waited for the index is lost */
	fill_disk("/data/filler");
	log = log_new(dir, &id, &CONFIG);
	assert_int_equal(log_load(log, &how), 0);
	assert_int_equal(log_standing(log), LOG_READ_ONLY);
	assert_int_equal(log_dir_error(dir), 0);
	assert_int_equal(log_segments(log), segments);
	assert_int_equal(log_offsets(log).end, 200);
	assert_int_equal(readable_end(log), 200);
	assert_int_equal(append(log, 10), ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(log_close(log), -ENOSPC); /* not clean: the next start checks again */
	log_free(log);
	assert_int_equal(env_unlink(env, "/data/filler"), 0);
	assert_int_equal(env_sync_dir(env, "/data"), 0);
	log = log_new(dir, &id, &CONFIG);
	assert_int_equal(log_load(log, &how), 0);
	assert_int_equal(log_standing(log), LOG_WHOLE);
	assert_int_equal(append(log, 2000), 0);
	assert_int_equal(readable_end(log), 201);
	log_free(log);
	log_dir_free(dir);
}

static void a_log_that_cannot_be_opened_for_want_of_descriptors_is_no_failure(void **state)
{
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	struct log_id id = {.topic = STR("t")};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);

	assert_int_equal(append(log, 2000), 0);
	log_free(log);
	sim_world_options(world)->descriptors = 1; /* that of the lock */
	log = log_new(dir, &id, &CONFIG);
	assert_int_equal(log_load(log, &how), -EMFILE);
	assert_int_equal(log_standing(log), LOG_UNREAD);
	assert_int_equal(log_dir_error(dir), 0);
	assert_int_equal(append(log, 10), ERR_KAFKA_STORAGE_ERROR);
	log_free(log);
	sim_world_options(world)->descriptors = 1000;
	log = log_new(dir, &id, &CONFIG);
	assert_int_equal(log_load(log, &how), 0);
	assert_int_equal(readable_end(log), 1);
	log_free(log);
	log_dir_free(dir);
}

static void a_truncation_without_a_descriptor_leaves_a_log_that_is_read_again(void **state)
{
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	struct log_id id = {.topic = STR("t")};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);
	int met = 0;

	for (int i = 0; i < 100; i++)
		assert_int_equal(append(log, 2000), 0);
	assert_int_equal(log_close(log), 0);
	log_free(log);
	for (int spare = 0; spare < 10; spare++) {
		log = log_new(dir, &id, &CONFIG);
		assert_int_equal(log_load(log, &how), 0);
		log_set_high_watermark(log, 10);
		int64_t end = log_offsets(log).end - 5;
		sim_world_options(world)->descriptors = 1 + spare;
		int err = log_truncate_to(log, end);
		sim_world_options(world)->descriptors = 1000;
		assert_int_equal(log_dir_error(dir), 0);
		if (err) {
			met++;
			assert_int_equal(err, -EMFILE);
			assert_int_equal(log_standing(log), LOG_UNREAD);
			assert_int_equal(log_offsets(log).high_watermark, 10);
			assert_int_equal(append(log, 10), ERR_KAFKA_STORAGE_ERROR);
			log_free(log);
			log = log_new(dir, &id, &CONFIG);
			assert_int_equal(log_load(log, &how), 0);
			assert_true(log_offsets(log).end >= end);
			assert_int_equal(log_truncate_to(log, end), 0);
		}
		assert_int_equal(log_offsets(log).end, end);
		assert_int_equal(readable_end(log), end);
		assert_int_equal(append(log, 100), 0);
		log_free(log);
	}
	assert_true(met > 0 && met < 10);
	log_dir_free(dir);
}

static int end_transaction(struct log *log, int64_t producer_id, enum control_type type)
{
	struct batch_check c = {.topic = STR("t"), .config = &CONFIG, .origin = ORIGIN_COORDINATOR, .now_ms = 1000};
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_problem problem;
	struct log_appended out;
	struct batch_info info;
	struct buf buf = {0};

	o.producer_id = producer_id;
	o.producer_epoch = 0;
	batch_build_marker(&buf, &o, 1000, type, 0);
	assert_int_equal(batch_check(&c, buf.p, buf.len, &info, &problem), 0);
	int err = log_append(log, buf.p, &info, 0, 1000, &out);
	buf_fini(&buf);
	return err;
}

/* Its marker is in the log, but nothing may be read before the index says so too. */
static void an_aborted_transaction_that_cannot_be_listed_is_not_taken_for_committed(void **state)
{
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	struct log_id id = {.topic = STR("t")};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);
	struct aborted_txn *v;
	struct arena arena;
	struct aborted_query q = {0, 1000, &arena};
	int n = 0;

	arena_init(&arena, 1 << 20);
	assert_int_equal(produce_as(log, 7, 0, true), 0);
	sim_world_options(world)->descriptors = sim_descriptors_used(world, 0);
	end_transaction(log, 7, CONTROL_ABORT);
	sim_world_options(world)->descriptors = 1000;
	assert_int_equal(log_dir_error(dir), 0);
	assert_int_equal(log_standing(log), LOG_UNREAD);
	assert_int_equal(append(log, 10), ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(log_close(log), -ENOSPC); /* not clean: the next start checks again */
	log_free(log);
	log = log_new(dir, &id, &CONFIG);
	assert_int_equal(log_load(log, &how), 0);
	assert_int_equal(log_offsets(log).end, 2);
	assert_int_equal(log_aborted(log, &q, &v, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(v[0].producer_id, 7);
	arena_fini(&arena);
	log_free(log);
	log_dir_free(dir);
}

/* Otherwise what is written there later would never be compared with what is below. */
static void what_lies_behind_a_log_s_end_was_not_cleaned(void **state)
{
	struct log_load how = {.producer_expiration_ms = INT64_MAX};
	struct log_id id = {.topic = STR("t")};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);

	for (int i = 0; i < 3; i++)
		assert_int_equal(append(log, 100), 0);
	log_free(log);
	for (int64_t end = 3; end <= 4; end++) {
		checkpoint_of(dir, CHECKPOINT_CLEANER, STR("t"), end);
		log_dir_free(dir);
		dir = opened(0);
		log = log_new(dir, &id, &CONFIG);
		assert_int_equal(log_load(log, &how), 0);
		assert_int_equal(log_clean_end(log), end == 3 ? 3 : -1);
		log_free(log);
	}
	log_dir_free(dir);
}

static int64_t pages_read(struct log_cold *cold)
{
	int64_t len = cold->len;

	assert_int_equal(log_cold_run(cold), 0);
	return len;
}

/*
 * A reactor's query must not wait for the disk: neither for the times of old segments nor for an
 * index of aborted transactions.
 */
static void what_is_asked_under_the_lock_reads_no_cold_page(void **state)
{
	struct log_load how = {.clean = true, .producer_expiration_ms = INT64_MAX};
	struct log_id id = {.topic = STR("t")};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);
	static const uint8_t ABORTED[34] = {[9] = 7, [17] = 1, [25] = 5, [33] = 1};
	struct log_lookup lookup;
	struct log_cold cold;
	struct arena arena;
	struct aborted_query q = {0, 1000, &arena};
	struct aborted_txn *v;
	int n;

	arena_init(&arena, 1 << 20);
	for (int i = 0; i < 200; i++)
		assert_int_equal(append(log, 2000), 0);
	assert_int_equal(log_close(log), 0);
	log_free(log);
	assert_int_equal(env_replace_file(env, "/data/t-0/00000000000000000000.txnindex", ABORTED, sizeof(ABORTED)), 0);
	log = log_new(dir, &id, &CONFIG);
	assert_int_equal(log_load(log, &how), 0);
	log_set_high_watermark(log, 200);
	sim_world_options(world)->read_error = 1000000; /* any read is detected */
	assert_int_equal(log_lookup_begin(log, 1000, 200, &lookup), 0);
	assert_int_equal(lookup.base_offset, 0);
	log_lookup_fini(&lookup);
	sim_world_options(world)->read_error = 0;
	sim_world_options(world)->cold = 1000000;
	assert_int_equal(log_aborted(log, &q, &v, &n, &cold), -EAGAIN);
	assert_int_equal(pages_read(&cold), 34);
	assert_int_equal(log_aborted(log, &q, &v, &n, NULL), 0);
	arena_fini(&arena);
	log_free(log);
	log_dir_free(dir);
}

static void a_failed_sync_takes_the_directory_offline(void **state)
{
	struct log_id id = {.topic = STR("t")};
	struct log_flush f = {0};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);

	assert_int_equal(append(log, 100), 0);
	assert_true(log_flush_begin(log, LOG_FLUSH_ALL, &f));
	sim_fail_next_sync(world, 0);
	log_flush_run(&f);
	assert_int_equal(log_flush_end(log, &f), -EIO);
	assert_int_equal(log_offsets(log).flushed_end, 0);
	assert_int_equal(log_dir_error(dir), -EIO);
	assert_int_equal(append(log, 100), ERR_KAFKA_STORAGE_ERROR);
	assert_false(log_flush_begin(log, LOG_FLUSH_ALL, &f));
	log_flush_fini(&f);
	log_free(log);
	log_dir_free(dir);
}

static void flush(struct log *log)
{
	struct log_flush f = {0};

	assert_true(log_flush_begin(log, LOG_FLUSH_ALL, &f));
	log_flush_run(&f);
	assert_int_equal(log_flush_end(log, &f), 0);
	log_flush_fini(&f);
}

static void move_and_lose_power(void)
{
	struct log_id id = {.topic = STR("t")};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);
	struct log *future = log_new_future(dir, &id, &CONFIG, NULL);

	assert_int_equal(append(log, 100), 0);
	assert_int_equal(append(future, 100), 0);
	flush(future);
	struct log_deletion *d = log_delete(log);
	assert_int_equal(log_become_current(future), 0);
	assert_int_equal(append(future, 100), 0);
	flush(future);
	log_free(future);
	log_free(log);
	log_deletion_free(d);
	log_dir_free(dir);
	sim_crash(world, 0, SIM_POWER);
	sim_restart(world, 0);
	env = sim_env(world, 0);
	assert_true(exists("/data/t-0/00000000000000000000.log"));
}

static void the_name_of_a_replica_that_was_moved_is_flushed_with_its_records(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) { /* each keeps different changes */
		sim_world_free(world);
		new_world(seed);
		move_and_lose_power();
	}
}

/* What was written after a truncation while a flush was under way is not on the platter. */
static void a_flush_does_not_vouch_for_what_came_after_a_truncation(void **state)
{
	struct log_id id = {.topic = STR("t")};
	struct log_flush f = {0};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);

	for (int i = 0; i < 10; i++)
		assert_int_equal(append(log, 100), 0);
	assert_true(log_flush_begin(log, LOG_FLUSH_ALL, &f));
	log_flush_run(&f);
	assert_int_equal(log_truncate_to(log, 4), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(append(log, 100), 0);
	assert_int_equal(log_flush_end(log, &f), 0);
	assert_int_equal(log_offsets(log).flushed_end, 4);
	log_flush_fini(&f);
	log_free(log);
	log_dir_free(dir);
}

static void a_sync_that_finds_the_disk_full_is_not_tried_again(void **state)
{
	struct log_id id = {.topic = STR("t")};
	struct log_flush f = {0};
	struct log_dir *dir = opened(0);
	struct log *log = log_new(dir, &id, &CONFIG);

	assert_int_equal(append(log, 100), 0);
	assert_true(log_flush_begin(log, LOG_FLUSH_ALL, &f));
	sim_fail_next_sync_with(world, 0, -ENOSPC);
	log_flush_run(&f);
	assert_int_equal(log_flush_end(log, &f), -ENOSPC);
	assert_int_equal(log_dir_error(dir), -ENOSPC);
	assert_false(log_flush_begin(log, LOG_FLUSH_ALL, &f));
	assert_int_equal(log_offsets(log).flushed_end, 0);
	log_flush_fini(&f);
	log_free(log);
	log_dir_free(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_formatted_reads_back),
		TEST(java_properties_of_both_versions_are_read),
		TEST(what_cannot_be_used_is_named_with_its_file),
		TEST(the_marker_of_a_clean_stop_is_there_until_the_next_run),
		TEST(checkpoints_come_back),
		TEST(a_checkpoint_that_says_the_same_is_not_written_again),
		TEST(what_a_checkpoint_says_after_a_kill_is_written_again_since_its_name_may_not_be_durable),
		TEST(a_scan_finds_replicas_and_nothing_else),
		TEST(a_torn_partition_metadata_tells_no_topic),
		TEST(checkpoints_are_not_believed_of_a_name_that_was_left_since),
		TEST(a_name_that_was_cut_is_in_doubt_for_all_that_begin_so),
		TEST(the_first_failure_wins_and_is_told_once),
		TEST(a_full_disk_stops_writes_not_reads_and_heals),
		TEST(a_full_disk_changes_no_producers_order),
		TEST(after_a_kill_on_a_full_disk_a_log_is_read_and_heals),
		TEST(a_log_that_cannot_be_opened_for_want_of_descriptors_is_no_failure),
		TEST(a_truncation_without_a_descriptor_leaves_a_log_that_is_read_again),
		TEST(an_aborted_transaction_that_cannot_be_listed_is_not_taken_for_committed),
		TEST(what_lies_behind_a_log_s_end_was_not_cleaned),
		TEST(what_is_asked_under_the_lock_reads_no_cold_page),
		TEST(a_failed_sync_takes_the_directory_offline),
		TEST(the_name_of_a_replica_that_was_moved_is_flushed_with_its_records),
		TEST(a_flush_does_not_vouch_for_what_came_after_a_truncation),
		TEST(a_sync_that_finds_the_disk_full_is_not_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
