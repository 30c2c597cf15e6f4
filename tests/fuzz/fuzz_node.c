/*
 * The node in the simulator, two raw connections to it that say and do what the bytes want, and
 * group members (speakers.h). Two bytes choose the network faults and the shape of the node; then
 * each byte is an act (its low four bits) with an argument (its high four), and some are followed
 * by more bytes. Whatever is sent and whatever happens to the machine: the node lives, or has
 * stopped for want of storage; afterwards, when all faults have ended, it serves another client,
 * stops in time, and has given everything back.
 */
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/node.h"
#include "config/config.h"
#include "env/sim/sim.h"
#include "protocol/api_versions.h"
#include "protocol/fetch.h"
#include "protocol/metadata.h"
#include "protocol/produce.h"
#include "tests/fuzz/peer.h"
#include "tests/fuzz/speakers.h"
#include "tests/sim/client.h"
#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/header.h"

enum {
	NODE = 0,
	PEER = 1,
	PORT = 9092,
	PEERS = 2,
	ACTS_MAX = 100,
	TIME_MAX_MS = 60000,
	PATIENCE_MS = 120000,
	ARENA_BYTES = 1 << 20,
};

enum act {
	ACT_RAW,
	ACT_FRAME,
	ACT_RANDOM,
	ACT_PRODUCE,
	ACT_FETCH,
	ACT_METADATA, /* argument 0; with the others a speaker says something */
	ACT_WAIT,
	ACT_OTHER_PEER,
	ACT_HANG_UP,
	ACT_CRASH,
	ACT_CUT,
	ACT_PAUSE,
	ACT_FULL,
	ACT_DESCRIPTORS,
	ACT_CLOCK,
	ACT_DEVICE,
};

struct story {
	struct sim_world *w;
	struct input in;
	struct config *config;
	struct node *node;
	int n_reactors;
	const char *overrides[4];
	bool serves;
	bool stopped;
	bool storage_fails; /* it may stop by itself, or not start */
	bool answered;
	struct loop *loop;
	struct addr to;
	struct peer peers[PEERS];
	int peer;
	int32_t correlation;
	struct speaker speakers[SPEAKERS];
	struct client good;
};

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

/* ---- the node ---- */

static void on_event(void *arg, enum node_event event, const char *text)
{
	struct story *s = arg;

	s->serves = s->serves || event == NODE_EVENT_STARTED;
	s->stopped = s->stopped || event == NODE_EVENT_STOPPED;
}

static void start_node(void *arg)
{
	struct story *s = arg;
	struct config_input in = {.overrides = s->overrides, .data_dir = STR("/data")};
	struct node_options options = {.env = sim_env(s->w, NODE),
				       .n_reactors = s->n_reactors,
				       .release = "fuzzed",
				       .event = on_event,
				       .arg = s};
	struct config_notes notes;
	enum node_end end;

	check(config_load(&in, &s->config, &notes) == 0);
	config_notes_fini(&notes);
	options.config = s->config;
	s->serves = s->stopped = false;
	s->node = node_start(&options, &end);
	if (s->node)
		return;
	check(s->storage_fails);
	config_free(s->config);
}

static void free_node(void *arg)
{
	struct story *s = arg;

	check(node_free(s->node) == NODE_END_CLEAN || s->storage_fails);
	config_free(s->config);
	s->node = NULL;
}

static void start(struct story *s)
{
	if (sim_is_down(s->w, NODE))
		sim_restart(s->w, NODE);
	sim_call(s->w, NODE, start_node, s);
}

static void must_be_empty(struct story *s)
{
	struct sim_held held;

	sim_held(s->w, NODE, &held);
	check(!held.blocks && !held.files && !held.socks && !held.loops && !held.works);
}

/* It has stopped, or never started: the machine is up, with nothing running on it. */
static void bury(struct story *s)
{
	if (sim_is_down(s->w, NODE))
		return;
	if (s->node) {
		sim_run_for(s->w, 10);
		sim_call(s->w, NODE, free_node, s);
	}
	must_be_empty(s);
}

static void watch(struct story *s)
{
	if (!s->stopped || sim_is_down(s->w, NODE))
		return;
	check(s->storage_fails);
	bury(s);
	sim_crash(s->w, NODE, SIM_POWER);
	s->stopped = false;
}

/* ---- raw connections ---- */

static void say(struct story *s, const void *p, size_t len)
{
	peer_say(&s->peers[s->peer], s->loop, &s->to, p, len);
}

static void say_chain(struct story *s, const struct chain *chain)
{
	uint8_t head[4];

	if (chain->failed)
		return;
	put_u32(head, (uint32_t)chain->len);
	say(s, head, sizeof(head));
	for (int i = 0; i < chain->n; i++)
		say(s, chain->parts[i].p, chain->parts[i].len);
}

static void ask(struct story *s, int version, const struct schema *schema, const void *request, struct bytes raw)
{
	struct chain chain;
	struct arena a;

	arena_init(&a, ARENA_BYTES);
	chain_init(&chain, &a);
	if (header_write_request(&chain, schema->key, version, s->correlation++, STR("fuzz")) == 0) {
		if (request && codec_encode(schema, version, request, &chain) == 0)
			say_chain(s, &chain);
		if (!request && raw.len)
			chain_put(&chain, raw.p, (size_t)raw.len);
		if (!request)
			say_chain(s, &chain);
	}
	arena_fini(&a);
}

/* ---- acts ---- */

static const struct api *any_api(struct input *in)
{
	struct api_table apis;
	int key = take(in) % API_KEYS_MAX;

	api_table_fill(&apis);
	while (!apis.by_key[key])
		key = (key + 1) % API_KEYS_MAX;
	return apis.by_key[key];
}

static int version_of(const struct api *api, struct input *in)
{
	return api->first + take(in) % (api->last - api->first + 1);
}

static void act_random(struct story *s)
{
	const struct api *api = any_api(&s->in);
	int version = version_of(api, &s->in);
	struct codec_chance chance = {(uint64_t)take(&s->in) << 8 | take(&s->in)};
	void *request = xcalloc(1, api->in->size);
	struct arena a;

	arena_init(&a, ARENA_BYTES);
	if (codec_random(api->in, version, &chance, &a, request) == 0)
		ask(s, version, api->in, request, BYTES_NULL);
	arena_fini(&a);
	xfree(request);
}

static void act_produce(struct story *s, int arg)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct produce_request_partition part;
	struct produce_request_topic topic;
	struct produce_request request;
	struct batch_builder b;
	struct buf records = {0};
	uint8_t shape = take(&s->in);

	if (arg & 1) {
		options.producer_id = shape & 3;
		options.producer_epoch = (int16_t)(shape >> 2 & 3);
		options.base_sequence = take(&s->in);
	}
	batch_begin(&b, &records, &options);
	for (int i = 0; i <= shape >> 4; i++)
		batch_add(&b, env_wall_ms(s->loop->env), BYTES_NULL, take_bytes(&s->in, (size_t)(shape & 15)));
	batch_end(&b);
	codec_init(&produce_request_partition_schema, &part);
	codec_init(&produce_request_topic_schema, &topic);
	codec_init(&produce_request_schema, &request);
	part.index = arg >> 1 & 1;
	part.records = (struct records){.p = records.p, .len = (int32_t)records.len};
	topic.name = STR("t");
	topic.partition_data.v = &part;
	topic.partition_data.n = 1;
	request.acks = (int16_t)((arg >> 2) - 1);
	request.timeout_ms = 1000;
	request.topic_data.v = &topic;
	request.topic_data.n = 1;
	ask(s, 11, &produce_request_schema, &request, BYTES_NULL);
	buf_fini(&records);
}

static void act_fetch(struct story *s, int arg)
{
	struct fetch_request_partition part;
	struct fetch_request_topic topic;
	struct fetch_request request;

	codec_init(&fetch_request_schema, &request);
	codec_init(&fetch_request_topic_schema, &topic);
	codec_init(&fetch_request_partition_schema, &part);
	part.partition = arg & 1;
	part.fetch_offset = (int8_t)take(&s->in);
	part.partition_max_bytes = 1 << (arg >> 1);
	topic.topic = STR("t");
	topic.partitions.v = &part;
	topic.partitions.n = 1;
	request.replica_id = -1;
	request.max_wait_ms = arg * 100;
	request.min_bytes = arg;
	request.session_id = (int32_t)take(&s->in) - 1;
	request.session_epoch = (int32_t)take(&s->in) - 1;
	request.topics.v = &topic;
	request.topics.n = 1;
	ask(s, 12, &fetch_request_schema, &request, BYTES_NULL);
}

static void act_metadata(struct story *s)
{
	struct metadata_request_topic topic;
	struct metadata_request request;

	codec_init(&metadata_request_schema, &request);
	codec_init(&metadata_request_topic_schema, &topic);
	topic.name = STR("t");
	request.topics.v = &topic;
	request.topics.n = 1;
	request.allow_auto_topic_creation = true;
	ask(s, 9, &metadata_request_schema, &request, BYTES_NULL);
}

static void act_speak(struct story *s, int speech)
{
	int who = take(&s->in) % SPEAKERS;

	speaker_speak(&s->speakers[who], speech, take(&s->in));
}

static void act_frame(struct story *s, int arg)
{
	const struct api *api = any_api(&s->in);
	int version = version_of(api, &s->in);

	ask(s, version, api->in, NULL, take_bytes(&s->in, (size_t)arg * 8));
}

struct doing {
	struct story *s;
	enum act act;
	int arg;
};

static void do_as_peer(void *of)
{
	struct doing *d = of;
	struct story *s = d->s;
	struct bytes raw;

	switch (d->act) {
	case ACT_RAW:
		raw = take_bytes(&s->in, (size_t)d->arg + 1);
		say(s, raw.p, (size_t)raw.len);
		return;
	case ACT_FRAME:
		act_frame(s, d->arg);
		return;
	case ACT_RANDOM:
		act_random(s);
		return;
	case ACT_PRODUCE:
		act_produce(s, d->arg);
		return;
	case ACT_FETCH:
		act_fetch(s, d->arg);
		return;
	case ACT_METADATA:
		if (d->arg == 0)
			act_metadata(s);
		else
			act_speak(s, d->arg - 1);
		return;
	default:
		peer_close(&s->peers[s->peer]);
	}
}

static void crash(struct story *s, int arg)
{
	if (!sim_is_down(s->w, NODE))
		sim_crash(s->w, NODE, arg & 1 ? SIM_POWER : SIM_KILL);
	if (arg & 2)
		sim_run_for(s->w, arg * 100);
	start(s);
}

static void fail_device(struct story *s, int which)
{
	struct file_stat st;

	if (env_stat(sim_env(s->w, NODE), "/data", &st) == 0)
		sim_fail_device(s->w, NODE, "/data", which);
	s->storage_fails = s->storage_fails || which;
}

static void befall(struct story *s, enum act act, int arg)
{
	switch (act) {
	case ACT_WAIT:
		sim_run_for(s->w, (int64_t)1 << arg % 14);
		return;
	case ACT_OTHER_PEER:
		s->peer = arg % PEERS;
		return;
	case ACT_CRASH:
		crash(s, arg);
		return;
	case ACT_CUT:
		sim_cut(s->w, arg & 1 ? NODE : PEER, arg & 1 ? PEER : NODE, arg & 2);
		return;
	case ACT_PAUSE:
		if (!sim_is_down(s->w, NODE))
			sim_pause(s->w, NODE, arg & 1);
		return;
	case ACT_FULL:
		sim_set_disk_bytes(s->w, NODE, arg & 1 ? sim_disk_used(s->w, NODE) + arg * 512 : 0);
		s->storage_fails = true;
		return;
	case ACT_DESCRIPTORS:
		sim_set_descriptors(s->w, NODE, arg & 1 ? sim_descriptors_used(s->w, NODE) + arg / 4 + 1 : 0);
		s->storage_fails = true;
		return;
	case ACT_CLOCK:
		sim_set_wall(s->w, NODE, (arg - 8) * 1000000);
		return;
	default:
		fail_device(s, arg & 7);
	}
}

static void act(struct story *s)
{
	uint8_t byte = take(&s->in);
	struct doing d = {s, (enum act)(byte & 15), byte >> 4};

	if (d.act <= ACT_METADATA || d.act == ACT_HANG_UP)
		sim_call(s->w, PEER, do_as_peer, &d);
	else
		befall(s, d.act, d.arg);
	sim_run_for(s->w, 1);
	watch(s);
}

/* ---- the end ---- */

static void heal(struct story *s)
{
	sim_cut(s->w, NODE, PEER, false);
	sim_cut(s->w, PEER, NODE, false);
	sim_pause(s->w, NODE, false);
	sim_set_disk_bytes(s->w, NODE, 0);
	sim_set_descriptors(s->w, NODE, 0);
	fail_device(s, 0);
}

static bool has_settled(void *arg)
{
	struct story *s = arg;

	return s->stopped || s->serves;
}

/* After a device failure the process is restarted; after a machine failure, the machine. */
static void serve_again(struct story *s)
{
	if (s->storage_fails && !sim_is_down(s->w, NODE))
		sim_crash(s->w, NODE, SIM_POWER);
	if (sim_is_down(s->w, NODE))
		start(s);
	check(sim_run_until(s->w, PATIENCE_MS, has_settled, s) && s->serves);
}

static void on_answer(void *arg, int err, const void *answer)
{
	struct story *s = arg;
	const struct api_versions_response *r = answer;

	s->answered = true;
	check(err == 0 && r->error_code == 0 && r->api_keys.n > 0);
}

static void ask_well(void *arg)
{
	struct story *s = arg;
	struct api_versions_request request;

	codec_init(&api_versions_request_schema, &request);
	request.client_software_name = STR("good");
	request.client_software_version = STR("1");
	client_init(&s->good, s->loop, &s->to, "good");
	client_call(&s->good, 3, &api_versions_request_schema, &request, &api_versions_response_schema, on_answer, s);
}

static bool is_answered(void *arg)
{
	return ((struct story *)arg)->answered;
}

static bool has_stopped(void *arg)
{
	return ((struct story *)arg)->stopped;
}

static void stop_node(void *arg)
{
	node_stop(((struct story *)arg)->node);
}

static void open_peers(void *arg)
{
	struct story *s = arg;

	s->loop = loop_new(sim_env(s->w, PEER), "peers");
	check(env_resolve(sim_env(s->w, PEER), "node0", PORT, &s->to, 1) == 1);
	for (int i = 0; i < SPEAKERS; i++)
		speaker_init(&s->speakers[i], s->loop, &s->to);
}

static void close_peers(void *arg)
{
	struct story *s = arg;

	for (int i = 0; i < PEERS; i++) {
		peer_close(&s->peers[i]);
		buf_fini(&s->peers[i].out);
	}
	for (int i = 0; i < SPEAKERS; i++)
		speaker_fini(&s->speakers[i]);
	client_fini(&s->good);
	loop_stop(s->loop);
	loop_free(s->loop);
}

static void draw(struct story *s, struct sim_options *o)
{
	uint8_t weather = take(&s->in), shape = take(&s->in);

	sim_options_calm(o);
	o->n_envs = 2;
	o->partial_read = weather & 1 ? 300000 : 0;
	o->partial_write = weather & 2 ? 300000 : 0;
	o->spurious = weather & 4 ? 50000 : 0;
	o->cold = weather & 8 ? 300000 : 0;
	o->buggify = weather & 16 ? 100000 : 0;
	o->send_buffer = weather & 32 ? 700 : o->send_buffer;
	o->slow_work = weather & 64 ? 50000 : 0;
	o->short_write = weather & 128 ? 50000 : 0;
	s->n_reactors = 1 + (shape & 1);
	s->overrides[0] = shape & 2 ? "log.flush.interval.messages=1" : "num.partitions=2";
	s->overrides[1] = shape & 4 ? "odradek.metadata.reserve.bytes=0" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct story s = {.in = {p, len}};
	struct sim_options o;

	if (len < 3)
		return 0;
	draw(&s, &o);
	s.w = sim_world_new(1, &o);
	start(&s);
	check(sim_call(s.w, PEER, open_peers, &s));
	for (int i = 0; i < ACTS_MAX && s.in.left && sim_now_ns(s.w) / 1000000 < TIME_MAX_MS; i++)
		act(&s);
	heal(&s);
	serve_again(&s);
	check(sim_call(s.w, PEER, ask_well, &s));
	check(sim_run_until(s.w, PATIENCE_MS, is_answered, &s));
	check(sim_call(s.w, NODE, stop_node, &s));
	check(sim_run_until(s.w, PATIENCE_MS, has_stopped, &s));
	bury(&s);
	check(sim_call(s.w, PEER, close_peers, &s));
	sim_world_free(s.w);
	return 0;
}
