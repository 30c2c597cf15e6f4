#include "tests/broker/node_world.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "protocol/header.h"
#include "tests/base/cm.h"
#include "wire/header.h"

struct world *w;

static void write_line(void *arg, const char *line, int len)
{
	(void)arg;
	(void)line;
	(void)len;
}

static int64_t no_time(void *arg)
{
	(void)arg;
	return 0;
}

/* ---- the node ---- */

static void node_event(void *arg, enum node_event event, const char *text)
{
	(void)arg;
	(void)text;
	w->serving |= event == NODE_EVENT_STARTED;
	w->stopped |= event == NODE_EVENT_STOPPED;
}

void start_node(void *arg)
{
	struct config_input in = {.data_dir = STR("/data"), .overrides = w->overrides};
	struct config_notes notes;
	enum node_end end;

	(void)arg;
	config_load(&in, &w->config, &notes);
	config_notes_fini(&notes);
	w->node = node_start(&(struct node_options){.env = sim_env(w->sim, NODE),
						    .config = w->config,
						    .n_reactors = 2,
						    .release = "test",
						    .event = node_event},
			     &end);
	assert_non_null(w->node);
}

void stop_node(void *arg)
{
	(void)arg;
	node_stop(w->node);
}

static void free_node(void *arg)
{
	(void)arg;
	assert_int_equal(node_free(w->node), NODE_END_CLEAN);
	config_free(w->config);
}

bool is_serving(void *arg)
{
	(void)arg;
	return w->serving;
}

bool has_stopped(void *arg)
{
	(void)arg;
	return w->stopped;
}

void bring_up_begin(void)
{
	w->serving = w->stopped = false;
	assert_true(sim_call(w->sim, NODE, start_node, NULL));
}

void bring_up_end(void)
{
	assert_true(sim_run_until(w->sim, PATIENCE_MS, is_serving, NULL));
}

void bring_up(void)
{
	bring_up_begin();
	bring_up_end();
}

void bring_down(void)
{
	assert_true(sim_call(w->sim, NODE, stop_node, NULL));
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(w->sim, NODE, free_node, NULL));
}

/* ---- clients ---- */

static void client_read(struct client *c)
{
	ssize_t n;

	while ((n = sock_read(c->sock, c->in + c->in_len, sizeof(c->in) - c->in_len)) > 0)
		c->in_len += (size_t)n;
	if (n != -EAGAIN)
		c->closed = true;
}

static void client_write(struct client *c)
{
	while (c->sent < c->out_len) {
		struct iovec v = {c->out + c->sent, c->out_len - c->sent};
		ssize_t n = sock_writev(c->sock, &v, 1);

		if (n <= 0)
			break;
		c->sent += (size_t)n;
	}
}

static void client_ready(struct sock *s, int ready, void *arg)
{
	struct client *c = arg;

	if (ready & SOCK_WRITE) {
		c->connected = true;
		client_write(c);
	}
	if (ready & SOCK_READ)
		client_read(c);
	if (c->closed)
		sock_want(s, 0);
	else
		sock_want(s, SOCK_READ | (c->sent < c->out_len ? SOCK_WRITE : 0));
}

static void client_dial(void *arg)
{
	struct client *c = arg;
	struct addr to;

	assert_true(addr_parse("10.0.0.1", c->port, &to));
	c->loop = loop_new(c->env, "client");
	assert_int_equal(env_dial(c->loop, &to, client_ready, c, &c->sock), 0);
	sock_want(c->sock, SOCK_READ | SOCK_WRITE);
}

static bool is_connected(void *arg)
{
	return ((struct client *)arg)->connected;
}

void client_open(struct client *c)
{
	client_open_at(c, PORT);
}

void client_open_at(struct client *c, int port)
{
	*c = (struct client){.env = sim_env(w->sim, PEER), .port = port};
	assert_true(sim_call(w->sim, PEER, client_dial, c));
	assert_true(sim_run_until(w->sim, PATIENCE_MS, is_connected, c));
}

static void client_wants_to_write(void *arg)
{
	sock_want(((struct client *)arg)->sock, SOCK_READ | SOCK_WRITE);
}

/* Sends `in`; forgets what has been received before. */
void client_send(struct client *c, const struct schema *s, int version, const void *in)
{
	struct request_header h = {.request_api_key = s->key,
				   .request_api_version = (int16_t)version,
				   .correlation_id = ++c->correlation_id,
				   .client_id = str_of(c->id ? c->id : "test")};
	struct buf b = {0};

	buf_put(&b, "\0\0\0\0", 4);
	assert_int_equal(codec_encode_buf(&request_header_schema, version >= s->flexible ? 2 : 1, &h, &b), 0);
	assert_int_equal(codec_encode_buf(s, version, in, &b), 0);
	put_i32(b.p, (int32_t)b.len - 4);
	assert_true(b.len <= sizeof(c->out));
	memcpy(c->out, b.p, b.len);
	c->out_len = b.len;
	c->sent = c->in_len = 0;
	buf_fini(&b);
	assert_true(sim_call(w->sim, PEER, client_wants_to_write, c));
}

bool has_answer(void *arg)
{
	struct client *c = arg;

	return c->closed || (c->in_len >= 4 && c->in_len >= 4 + (size_t)get_i32(c->in));
}

/* The answer to the latest request, in the world's arena. */
void client_take(struct client *c, const struct schema *s, int version, void *out)
{
	struct reader r;
	int32_t id;

	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_answer, c));
	assert_false(c->closed);
	reader_init(&r, c->in + 4, (size_t)get_i32(c->in));
	assert_int_equal(header_read_response(&r, s->key, version, &id), 0);
	assert_int_equal(id, c->correlation_id);
	assert_int_equal(codec_read(s, version, &r, &w->arena, out), 0);
}

/* ---- questions ---- */

void create_topic_with(const char *name, int32_t partitions, const char *const *settings)
{
	struct create_topics_request_config configs[8];
	struct create_topics_request_topic topic;
	struct create_topics_request in;
	struct create_topics_response out;
	int n = 0;

	codec_init(&create_topics_request_schema, &in);
	codec_init(&create_topics_request_topic_schema, &topic);
	for (; settings && settings[2 * n]; n++) {
		assert_true(n < 8);
		codec_init(&create_topics_request_config_schema, &configs[n]);
		configs[n].name = str_of(settings[2 * n]);
		configs[n].value = str_of(settings[2 * n + 1]);
	}
	topic.name = str_of(name);
	topic.num_partitions = partitions;
	topic.replication_factor = 1;
	topic.configs.v = configs;
	topic.configs.n = n;
	in.topics.v = &topic;
	in.topics.n = 1;
	in.timeout_ms = 10000;
	client_send(&w->a, &create_topics_request_schema, 7, &in);
	client_take(&w->a, &create_topics_response_schema, 7, &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
}

void ask_metadata(const char *topic, struct metadata_response *out)
{
	struct metadata_request in;
	struct metadata_request_topic t;

	codec_init(&metadata_request_schema, &in);
	codec_init(&metadata_request_topic_schema, &t);
	t.name = str_of(topic);
	in.topics.v = &t;
	in.topics.n = 1;
	client_send(&w->a, &metadata_request_schema, 12, &in);
	client_take(&w->a, &metadata_response_schema, 12, out);
}

struct records batch_of(struct buf *b, const char *value)
{
	struct batch_builder builder;

	b->len = 0;
	batch_begin(&builder, b, &BATCH_OPTIONS_NONE);
	batch_add(&builder, 1, BYTES_NULL, (struct bytes){(const uint8_t *)value, (int32_t)strlen(value)});
	batch_end(&builder);
	put_i32(b->p + BATCH_AT_LEADER_EPOCH, -1);
	batch_crc_set(b->p, b->len);
	return (struct records){.p = b->p, .len = (int32_t)b->len};
}

void send_produce(struct client *c, const char *topic, struct records records, int16_t acks)
{
	struct produce_request_partition p = {.records = records};
	struct produce_request_topic t;
	struct produce_request in;

	codec_init(&produce_request_topic_schema, &t);
	codec_init(&produce_request_schema, &in);
	t.name = str_of(topic);
	t.partition_data.v = &p;
	t.partition_data.n = 1;
	in.acks = acks;
	in.timeout_ms = 1000;
	in.topic_data.v = &t;
	in.topic_data.n = 1;
	client_send(c, &produce_request_schema, 9, &in);
}

struct produce_response_partition ask_produce_with(const char *topic, const char *value, int16_t acks)
{
	struct produce_response out;
	struct buf b = {0};

	send_produce(&w->a, topic, batch_of(&b, value), acks);
	client_take(&w->a, &produce_response_schema, 9, &out);
	buf_fini(&b);
	return out.responses.v[0].partition_responses.v[0];
}

struct produce_response_partition ask_produce(const char *topic, const char *value)
{
	return ask_produce_with(topic, value, -1);
}

void fetch_begin(struct fetch_of *f)
{
	codec_init(&fetch_request_schema, &f->in);
	f->in.topics.v = f->topics;
}

void fetch_add(struct fetch_of *f, const char *topic, int64_t offset)
{
	int i = f->in.topics.n++;

	check(i < 2);
	codec_init(&fetch_request_topic_schema, &f->topics[i]);
	codec_init(&fetch_request_partition_schema, &f->partitions[i]);
	f->partitions[i].fetch_offset = offset;
	f->partitions[i].partition_max_bytes = 1 << 16;
	f->topics[i].topic = str_of(topic);
	f->topics[i].partitions.v = &f->partitions[i];
	f->topics[i].partitions.n = 1;
}

struct fetch_request *fetch_one(struct fetch_of *f, const char *topic, int64_t offset)
{
	fetch_begin(f);
	fetch_add(f, topic, offset);
	return &f->in;
}

void send_fetch(struct client *c, const char *topic, int64_t offset, int32_t max_wait_ms)
{
	struct fetch_of f;
	struct fetch_request *in = fetch_one(&f, topic, offset);

	in->max_wait_ms = max_wait_ms;
	in->min_bytes = 1;
	client_send(c, &fetch_request_schema, 12, in);
}

struct fetch_response_partition take_fetch(struct client *c)
{
	struct fetch_response out;

	client_take(c, &fetch_response_schema, 12, &out);
	assert_int_equal(out.error_code, 0);
	return out.responses.v[0].partitions.v[0];
}

void send_move(const char *topic, int32_t partition, const char *path)
{
	struct alter_replica_log_dirs_request_topic t = {.name = str_of(topic), .partitions = {&partition, 1}};
	struct alter_replica_log_dirs_request_dir d = {.path = str_of(path), .topics = {&t, 1}};
	struct alter_replica_log_dirs_request in = {.dirs = {&d, 1}};

	client_send(&w->a, &alter_replica_log_dirs_request_schema, 2, &in);
}

/* Asserts that `value` is the only record of this batch. */
void assert_value(struct records records, const char *value)
{
	struct batch_iter it = batch_iter(records.p, (size_t)records.len);
	struct record_iter records_it;
	struct record r;

	assert_true(batch_next(&it));
	assert_true(batch_crc_ok(it.p, &it.header));
	records_it =
		record_iter(&it.header, it.p + BATCH_HEADER_SIZE, (size_t)batch_size(&it.header) - BATCH_HEADER_SIZE);
	assert_true(record_next(&records_it, &r));
	assert_int_equal(r.value.len, strlen(value));
	assert_memory_equal(r.value.p, value, strlen(value));
}

/* ---- fixture ---- */

int node_world_up(void **state)
{
	return node_world_up_with(state, NULL, 0);
}

int node_world_up_with(void **state, const char *const *overrides, int n)
{
	struct sim_options o;

	(void)state;
	sim_options_calm(&o);
	o.n_envs = 2;
	w = xcalloc(1, sizeof(*w));
	for (int i = 0; i < n; i++)
		w->overrides[i] = overrides[i];
	w->diag = (struct diag){.level = DIAG_ERROR, .write = write_line, .wall_ms = no_time};
	w->sim = sim_world_new(11, &o);
	sim_env_diag(w->sim, NODE, &w->diag);
	sim_env_diag(w->sim, PEER, &w->diag);
	arena_init(&w->arena, 8 << 20);
	bring_up();
	client_open(&w->a);
	client_open(&w->b);
	return 0;
}

int node_world_down(void **state)
{
	(void)state;
	arena_fini(&w->arena);
	sim_world_free(w->sim);
	xfree(w);
	w = NULL;
	return 0;
}

void delete_topic(const char *topic)
{
	struct str name = str_of(topic);
	struct delete_topics_request in;
	struct delete_topics_response out;

	codec_init(&delete_topics_request_schema, &in);
	in.topic_names.v = &name;
	in.topic_names.n = 1;
	in.timeout_ms = 1000;
	client_send(&w->a, &delete_topics_request_schema, 5, &in);
	client_take(&w->a, &delete_topics_response_schema, 5, &out);
	assert_int_equal(out.responses.v[0].error_code, 0);
}
