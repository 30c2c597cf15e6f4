/*
 * directories: data directories written by earlier releases and by Apache Kafka, after a clean stop
 * and after kill -9, are opened, and contain what the program that wrote them read from them.
 *
 * tests/golden/NAME is the directory, tests/golden/NAME.rows its contents (compat/golden/make):
 *
 *	partition TOPIC PARTITION LOG_START HIGH_WATERMARK LAST_STABLE_OFFSET
 *	record    TOPIC PARTITION OFFSET TIMESTAMP KEY VALUE
 *
 * Each is copied to a simulated disk, a node is started on it, and a client reads everything.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/mem.h"
#include "broker/node.h"
#include "compress/compress.h"
#include "config/config.h"
#include "env/sim/sim.h"
#include "protocol/fetch.h"
#include "tests/base/cm.h"
#include "tests/sim/client.h"
#include "wire/batch.h"
#include "wire/codec.h"

enum { NODE = 0, CLIENT = 1, PORT = 9092, PATIENCE_MS = 60000, FETCH_VERSION = 12, PATH_LEN = 1024, ROW_LEN = 4096 };

struct golden {
	struct sim_world *sim;
	char from[PATH_LEN];
	FILE *rows;
	char row[ROW_LEN];

	struct node *node;
	struct config *config;
	bool started, stopped;

	struct loop *loop;
	struct client client;
	struct codecs *codecs;
	char topic[256];
	int partition;
	int64_t start, high, stable; /* of the partition being read */
	int64_t next;
	int n_partitions, n_records;
	bool finished;
};

/* ---- the disk ---- */

static void copy_file(struct env *e, const char *from, const char *to)
{
	FILE *in = fopen(from, "rb");
	struct file *out;
	uint8_t block[4096];
	int64_t pos = 0;
	size_t n;

	check(in && env_open(e, to, FILE_WRITE | FILE_CREATE, &out) == 0);
	while ((n = fread(block, 1, sizeof(block), in)) > 0) {
		check(file_write_full(out, block, n, pos) == 0);
		pos += (int64_t)n;
	}
	fclose(in);
	check(file_sync(out) == 0);
	file_unref(&out);
}

static void copy_directory(struct env *e, const char *from, const char *to)
{
	char source[PATH_LEN], target[PATH_LEN];
	DIR *dir = opendir(from);
	struct dirent *entry;
	struct stat st;

	check(dir && env_mkdir(e, to) == 0);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		check(snprintf(source, sizeof(source), "%s/%s", from, entry->d_name) < PATH_LEN);
		check(snprintf(target, sizeof(target), "%s/%s", to, entry->d_name) < PATH_LEN);
		check(stat(source, &st) == 0);
		if (S_ISDIR(st.st_mode))
			copy_directory(e, source, target);
		else
			copy_file(e, source, target);
	}
	closedir(dir);
	check(env_sync_dir(e, to) == 0);
}

/* ---- the node ---- */

static void on_node_event(void *arg, enum node_event event, const char *text)
{
	struct golden *g = arg;

	(void)text;
	g->started |= event == NODE_EVENT_STARTED;
	g->stopped |= event == NODE_EVENT_STOPPED;
}

static void start_node(void *arg)
{
	static const char *const overrides[] = {"log.retention.ms=-1", "controller.quorum.voters=1@127.0.0.1:9093",
						NULL};
	struct golden *g = arg;
	struct config_input in = {.data_dir = STR("/data"), .overrides = overrides};
	struct node_options options = {
		.env = sim_env(g->sim, NODE), .n_reactors = 1, .release = "golden", .event = on_node_event, .arg = g};
	struct config_notes notes;
	enum node_end end;

	copy_directory(sim_env(g->sim, NODE), g->from, "/data");
	check(config_load(&in, &g->config, &notes) == 0);
	config_notes_fini(&notes);
	options.config = g->config;
	g->node = node_start(&options, &end);
	check(g->node);
}

static void stop_node(void *arg)
{
	node_stop(((struct golden *)arg)->node);
}

static void free_node(void *arg)
{
	struct golden *g = arg;

	check(node_free(g->node) == NODE_END_CLEAN);
	config_free(g->config);
}

static bool has_started(void *arg)
{
	return ((struct golden *)arg)->started;
}

static bool has_stopped(void *arg)
{
	return ((struct golden *)arg)->stopped;
}

static bool has_finished(void *arg)
{
	return ((struct golden *)arg)->finished;
}

/* ---- reading ---- */

/* Splits the next row into fields; 0 at the end. */
static int next_row(struct golden *g, char *field[7])
{
	int n = 0;

	if (!fgets(g->row, sizeof(g->row), g->rows))
		return 0;
	g->row[strcspn(g->row, "\n")] = '\0';
	for (char *p = g->row; p && n < 7; n++) {
		field[n] = p;
		p = strchr(p, '\t');
		if (p)
			*p++ = '\0';
	}
	return n;
}

static void expect_record(struct golden *g, const struct record *r)
{
	char *field[7];

	check(next_row(g, field) == 7 && strcmp(field[0], "record") == 0);
	check(strcmp(field[1], g->topic) == 0 && atoi(field[2]) == g->partition);
	check(r->offset == atoll(field[3]) && r->timestamp == atoll(field[4]));
	check(r->key.len <= 0
		      ? field[5][0] == '\0'
		      : strlen(field[5]) == (size_t)r->key.len && memcmp(field[5], r->key.p, (size_t)r->key.len) == 0);
	check(strlen(field[6]) == (size_t)r->value.len && memcmp(field[6], r->value.p, (size_t)r->value.len) == 0);
	g->n_records++;
}

static void take_batch(struct golden *g, const uint8_t *p, const struct batch_header *h)
{
	struct buf plain = {0};
	struct record_iter records;
	struct record r;

	check(batch_crc_ok(p, h));
	if (!batch_is_control(h)) {
		check(decode_all(g->codecs, batch_codec(h), p + BATCH_HEADER_SIZE,
				 (size_t)batch_size(h) - BATCH_HEADER_SIZE, 1 << 20, &plain) == 0);
		records = record_iter(h, plain.p, plain.len);
		while (record_next(&records, &r))
			expect_record(g, &r);
		check(records.error == 0);
	}
	g->next = batch_last_offset(h) + 1;
	buf_fini(&plain);
}

static void ask(struct golden *g);

static void read_next_partition(struct golden *g)
{
	char *field[7];

	if (next_row(g, field) == 0) {
		g->finished = true;
		return;
	}
	check(strcmp(field[0], "partition") == 0);
	snprintf(g->topic, sizeof(g->topic), "%s", field[1]);
	g->partition = atoi(field[2]);
	g->start = g->next = atoll(field[3]);
	g->high = atoll(field[4]);
	g->stable = atoll(field[5]);
	g->n_partitions++;
	ask(g);
}

static void on_fetched(void *arg, int err, const void *answer)
{
	struct golden *g = arg;
	const struct fetch_response *r = answer;
	const struct fetch_response_partition *p;
	struct batch_iter it;

	check(!err && r->error_code == 0 && r->responses.n == 1);
	p = &r->responses.v[0].partitions.v[0];
	check(p->error_code == 0);
	check(p->log_start_offset == g->start && p->high_watermark == g->high && p->last_stable_offset == g->stable);
	it = batch_iter(p->records.p, (size_t)p->records.len);
	while (batch_next(&it))
		take_batch(g, it.p, &it.header);
	check(it.error == 0);
	if (g->next < g->high)
		ask(g);
	else
		read_next_partition(g);
}

static void ask(struct golden *g)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic;
	struct fetch_request request;

	codec_init(&fetch_request_schema, &request);
	codec_init(&fetch_request_topic_schema, &topic);
	codec_init(&fetch_request_partition_schema, &part);
	part.partition = g->partition;
	part.fetch_offset = g->next;
	part.current_leader_epoch = -1;
	part.partition_max_bytes = 1 << 20;
	topic.topic = str_of(g->topic);
	topic.partitions.v = &part;
	topic.partitions.n = 1;
	request.replica_id = -1;
	request.max_bytes = 1 << 20;
	request.session_epoch = -1;
	request.topics.v = &topic;
	request.topics.n = 1;
	client_call(&g->client, FETCH_VERSION, &fetch_request_schema, &request, &fetch_response_schema, on_fetched, g);
}

static void open_client(void *arg)
{
	struct golden *g = arg;
	struct env *e = sim_env(g->sim, CLIENT);
	struct addr node;

	check(env_resolve(e, "node0", PORT, &node, 1) == 1);
	g->loop = loop_new(e, "client");
	g->codecs = codecs_new();
	client_init(&g->client, g->loop, &node, "golden");
	read_next_partition(g);
}

static void close_client(void *arg)
{
	struct golden *g = arg;

	client_fini(&g->client);
	codecs_free(g->codecs);
}

/* ---- one directory ---- */

static void open_and_read(const char *name, int n_partitions, int n_records)
{
	const char *root = getenv("srcdir");
	struct golden *g = xcalloc(1, sizeof(*g));
	char rows[PATH_LEN];
	struct sim_options calm;

	snprintf(g->from, sizeof(g->from), "%s/tests/golden/%s", root ? root : ".", name);
	snprintf(rows, sizeof(rows), "%s/tests/golden/%s.rows", root ? root : ".", name);
	g->rows = fopen(rows, "r");
	assert_non_null(g->rows);
	sim_options_calm(&calm);
	calm.n_envs = 2;
	g->sim = sim_world_new(1, &calm);
	assert_true(sim_call(g->sim, NODE, start_node, g));
	assert_true(sim_run_until(g->sim, PATIENCE_MS, has_started, g));
	assert_true(sim_call(g->sim, CLIENT, open_client, g));
	assert_true(sim_run_until(g->sim, PATIENCE_MS, has_finished, g));
	assert_true(sim_call(g->sim, CLIENT, close_client, g));
	assert_true(sim_call(g->sim, NODE, stop_node, g));
	assert_true(sim_run_until(g->sim, PATIENCE_MS, has_stopped, g));
	assert_true(sim_call(g->sim, NODE, free_node, g));
	assert_int_equal(g->n_partitions, n_partitions);
	assert_int_equal(g->n_records, n_records);
	sim_world_free(g->sim);
	fclose(g->rows);
	xfree(g);
}

static void kafkas_directory_opens_after_a_clean_stop(void **state)
{
	(void)state;
	open_and_read("kafka-4.4.0", 11, 42);
}

static void kafkas_directory_opens_after_a_kill(void **state)
{
	(void)state;
	open_and_read("kafka-4.4.0-killed", 11, 42);
}

static void our_first_directory_opens_after_a_clean_stop(void **state)
{
	(void)state;
	open_and_read("odradek-0.1.0", 10, 30);
}

static void our_first_directory_opens_after_a_kill(void **state)
{
	(void)state;
	open_and_read("odradek-0.1.0-killed", 10, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kafkas_directory_opens_after_a_clean_stop),
		cmocka_unit_test(kafkas_directory_opens_after_a_kill),
		cmocka_unit_test(our_first_directory_opens_after_a_clean_stop),
		cmocka_unit_test(our_first_directory_opens_after_a_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
