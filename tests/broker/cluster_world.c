#include "tests/broker/cluster_world.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/node.h"
#include "config/config.h"
#include "log/dir.h"
#include "net/channel.h"
#include "tests/base/cm.h"
#include "wire/codec.h"

enum {
	PEER = CLUSTER_NODES,
	PORTS = 2,
	OVERRIDES_MAX = 16,
	TALK_MAX = 1 << 18,
	OWN = 5,
	OWN_MAX = 128,
	WEB_PORT = 9644,
	WEB_MAX = 1 << 20
};

struct one {
	struct node *node;
	struct config *config;
	struct diag diag;
	char talk[TALK_MAX]; /* what it has said since it was started, as much of it as there is room for */
	size_t talk_len;
	bool runs, serves, stopped;
	struct channel channels[PORTS];
};

static struct {
	struct sim_world *sim;
	const char *const *overrides;
	bool is_split;
	struct one nodes[CLUSTER_NODES];
	struct channels channels;
	struct arena arena;
	struct {
		struct sock *sock;
		char say[256], in[WEB_MAX];
		size_t said, len;
		bool closed;
	} web;
	int now; /* what a call into a machine is about */
} w;

struct sim_world *cluster_sim(void)
{
	return w.sim;
}

/* ---- the nodes ---- */

static void keep_line(void *arg, const char *line, int len)
{
	struct one *n = arg;
	size_t room = TALK_MAX - n->talk_len - 1;

	if ((size_t)len > room)
		return;
	memcpy(n->talk + n->talk_len, line, (size_t)len);
	n->talk_len += (size_t)len;
	n->talk[n->talk_len] = 0;
}

static int64_t wall(void *arg)
{
	(void)arg;
	return sim_now_ns(w.sim) / 1000000;
}

static void on_event(void *arg, enum node_event event, const char *text)
{
	struct one *n = arg;

	(void)text;
	n->serves |= event == NODE_EVENT_STARTED;
	n->stopped |= event == NODE_EVENT_STOPPED;
}

/* What differs from node to node. */
static void fill_own(int i, char own[OWN][OWN_MAX])
{
	const char *roles = !w.is_split ? "broker,controller" : i == 0 ? "controller" : "broker";
	bool broker = strstr(roles, "broker"), controller = strstr(roles, "controller");
	char clients[64] = "", quorum[64] = "";

	if (broker)
		snprintf(clients, sizeof(clients), "PLAINTEXT://10.0.0.%d:9092", i + 1);
	if (controller)
		snprintf(quorum, sizeof(quorum), "CONTROLLER://10.0.0.%d:9093", i + 1);
	snprintf(own[0], OWN_MAX, "node.id=%d", i + 1);
	snprintf(own[1], OWN_MAX, "process.roles=%s", roles);
	snprintf(own[2], OWN_MAX, "listeners=%s%s%s", clients, broker && controller ? "," : "", quorum);
	snprintf(own[3], OWN_MAX, "advertised.listeners=%s", broker ? clients : quorum);
	snprintf(own[4], OWN_MAX, "controller.quorum.voters=1@10.0.0.1:9093%s",
		 w.is_split ? "" : ",2@10.0.0.2:9093,3@10.0.0.3:9093");
}

static struct config *load_config(int i)
{
	char own[OWN][OWN_MAX];
	const char *overrides[OVERRIDES_MAX] = {0};
	struct config_input in = {.data_dir = STR("/data"), .overrides = overrides};
	struct config_notes notes;
	struct config *config;
	int n = 0;

	fill_own(i, own);
	while (n < OWN) {
		overrides[n] = own[n];
		n++;
	}
	for (int k = 0; w.overrides && w.overrides[k]; k++)
		overrides[n++] = w.overrides[k];
	assert_int_equal(config_load(&in, &config, &notes), 0);
	config_notes_fini(&notes);
	return config;
}

/* Its bootstrap records are the node's own. */
static void format(void *arg)
{
	struct config *config = load_config(w.now);
	struct meta_properties m = {.version = 1, .node_id = w.now + 1, .cluster_id = "three"};
	struct log_dir_options options = {0};
	struct log_dir *dir;
	char *why = NULL, *path;
	int n;

	(void)arg;
	path = str_dup(config_log_dirs(config, &n)[0]);
	options.path = path;
	m.directory_id = env_random_uuid(sim_env(w.sim, w.now));
	assert_int_equal(log_dir_open(sim_env(w.sim, w.now), &options, &dir, &why), 0);
	assert_int_equal(log_dir_format(dir, &m), 0);
	log_dir_free(dir);
	xfree(path);
	config_free(config);
}

static void start(void *arg)
{
	struct one *n = arg;
	enum node_end end;

	n->config = load_config(w.now);
	n->node = node_start(&(struct node_options){.env = sim_env(w.sim, w.now),
						    .config = n->config,
						    .n_reactors = 2,
						    .release = "test",
						    .event = on_event,
						    .arg = n},
			     &end);
	assert_non_null(n->node);
}

static void stop(void *arg)
{
	node_stop(((struct one *)arg)->node);
}

static void free_node(void *arg)
{
	struct one *n = arg;

	assert_int_equal(node_free(n->node), NODE_END_CLEAN);
	config_free(n->config);
}

static void in_node(int i, void (*run)(void *arg))
{
	w.now = i;
	assert_true(sim_call(w.sim, i, run, &w.nodes[i]));
}

void cluster_start(int i)
{
	struct one *n = &w.nodes[i];

	n->runs = true;
	n->serves = n->stopped = false;
	n->talk_len = 0;
	n->talk[0] = 0;
	sim_env_diag(w.sim, i, &n->diag);
	in_node(i, start);
}

void cluster_crash(int i, enum sim_crash how)
{
	sim_crash(w.sim, i, how);
	sim_restart(w.sim, i);
	w.nodes[i].runs = false;
}

static bool has_stopped(void *arg)
{
	return ((struct one *)arg)->stopped;
}

bool cluster_has_stopped(int i)
{
	return w.nodes[i].stopped;
}

void cluster_begin_stop(int i)
{
	in_node(i, stop);
}

void cluster_stop(int i)
{
	cluster_begin_stop(i);
	cluster_end_stop(i);
}

void cluster_end_stop(int i)
{
	struct one *n = &w.nodes[i];

	assert_true(sim_run_until(w.sim, CLUSTER_PATIENCE_MS, has_stopped, n));
	in_node(i, free_node);
	n->runs = false;
}

bool cluster_runs(int i)
{
	return w.nodes[i].runs;
}

struct node *cluster_node(int i)
{
	return w.nodes[i].node;
}

bool cluster_serves(int i)
{
	return w.nodes[i].serves;
}

static bool serves(void *arg)
{
	return ((struct one *)arg)->serves;
}

void cluster_wait_serving(int i)
{
	assert_true(sim_run_until(w.sim, CLUSTER_PATIENCE_MS, serves, &w.nodes[i]));
}

int cluster_said(int i, const char *line)
{
	int n = 0;

	for (const char *p = w.nodes[i].talk; (p = strstr(p, line)); p++)
		n++;
	return n;
}

/* ---- the client ---- */

static void on_broken(struct channel *ch, int err, struct list *calls)
{
	(void)ch;
	while (!list_empty(calls))
		call_finish(container_of(list_first(calls), struct call, link), err);
}

static void on_done(struct call *c)
{
	struct cluster_question *q = c->owner;

	q->answer = c->err == 0 ? c->response : NULL;
	q->answered = true;
}

struct asking {
	struct call *call;
	struct channel *to;
};

static void send_call(void *arg)
{
	struct asking *a = arg;

	list_init(&a->call->link);
	timer_init(&a->call->timer, w.channels.loop, NULL);
	channel_call(a->to, a->call);
}

void cluster_begin_ask(int i, enum cluster_port port, int16_t key, const void *request, struct cluster_question *q)
{
	struct asking a = {arena_zalloc(&w.arena, sizeof(struct call)), &w.nodes[i].channels[port - CLUSTER_BROKER]};

	*q = (struct cluster_question){0};
	*a.call = (struct call){.key = key, .request = request, .arena = &w.arena, .done = on_done, .owner = q};
	assert_true(sim_call(w.sim, PEER, send_call, &a));
}

static bool is_answered(void *arg)
{
	return ((struct cluster_question *)arg)->answered;
}

const void *cluster_ask(int i, enum cluster_port port, int16_t key, const void *request)
{
	struct cluster_question q;

	cluster_begin_ask(i, port, key, request, &q);
	assert_true(sim_run_until(w.sim, CLUSTER_PATIENCE_MS, is_answered, &q));
	return q.answer;
}

/* ---- the web ---- */

static void web_ready(struct sock *s, int ready, void *arg)
{
	size_t left = strlen(w.web.say) - w.web.said;
	struct iovec iov = {w.web.say + w.web.said, left};
	ssize_t n;

	(void)arg;
	w.web.closed |= sock_error(s) != 0;
	if (!w.web.closed && (ready & SOCK_WRITE) && left > 0) {
		n = sock_writev(s, &iov, 1);
		w.web.said += n > 0 ? (size_t)n : 0;
	}
	if (!w.web.closed && (ready & SOCK_READ)) {
		n = sock_read(s, w.web.in + w.web.len, WEB_MAX - 1 - w.web.len);
		w.web.len += n > 0 ? (size_t)n : 0;
		w.web.closed = n == 0;
	}
	w.web.in[w.web.len] = 0;
	sock_want(s, w.web.closed ? 0 : SOCK_READ | (w.web.said < strlen(w.web.say) ? SOCK_WRITE : 0));
}

static void dial_web(void *arg)
{
	struct addr to;
	char host[32];

	(void)arg;
	snprintf(host, sizeof(host), "10.0.0.%d", w.now + 1);
	assert_true(addr_parse(host, WEB_PORT, &to));
	assert_int_equal(env_dial(w.channels.loop, &to, web_ready, NULL, &w.web.sock), 0);
	sock_want(w.web.sock, SOCK_READ | SOCK_WRITE);
}

static void leave_web(void *arg)
{
	(void)arg;
	sock_close(w.web.sock);
}

static bool web_is_closed(void *arg)
{
	(void)arg;
	return w.web.closed;
}

/* HTTP/1.0: the answer ends when the connection does. */
const char *cluster_web(int i, const char *path)
{
	w.now = i;
	w.web.said = w.web.len = 0;
	w.web.closed = false;
	snprintf(w.web.say, sizeof(w.web.say), "GET %s HTTP/1.0\r\n\r\n", path);
	assert_true(sim_call(w.sim, PEER, dial_web, NULL));
	assert_true(sim_run_until(w.sim, CLUSTER_PATIENCE_MS, web_is_closed, NULL));
	assert_true(sim_call(w.sim, PEER, leave_web, NULL));
	return w.web.in;
}

static void start_client(void *arg)
{
	char host[16];

	(void)arg;
	arena_init(&w.arena, 256 << 20);
	channels_init(&w.channels, loop_new(sim_env(w.sim, PEER), "client"));
	w.channels.client_id = STR("client");
	w.channels.answer_max = 1 << 24;
	w.channels.broken = on_broken;
	for (int i = 0; i < CLUSTER_NODES; i++)
		for (int port = 0; port < PORTS; port++) {
			snprintf(host, sizeof(host), "10.0.0.%d", i + 1);
			channel_init(&w.nodes[i].channels[port], &w.channels, host, CLUSTER_BROKER + port);
		}
}

static void stop_client(void *arg)
{
	(void)arg;
	for (int i = 0; i < CLUSTER_NODES; i++)
		for (int port = 0; port < PORTS; port++)
			channel_fini(&w.nodes[i].channels[port]);
	channels_fini(&w.channels);
	arena_fini(&w.arena);
}

/* ---- what is asked ---- */

static struct describe_quorum_request_partition METADATA_PARTITION;
static struct describe_quorum_request_topic METADATA_TOPIC = {STR("__cluster_metadata"), {&METADATA_PARTITION, 1}};
static const struct describe_quorum_request DESCRIBE = {{&METADATA_TOPIC, 1}};

int cluster_leader_by(int i)
{
	const struct describe_quorum_response *out =
		cluster_ask(i, CLUSTER_CONTROLLER, describe_quorum_request_KEY, &DESCRIBE);

	if (!out || out->error_code != 0 || out->topics.n != 1)
		return -1;
	return out->topics.v->partitions.v->leader_id - 1;
}

static int agreed_leader(void)
{
	int leader = -2;

	for (int i = 0; i < CLUSTER_NODES; i++) {
		int said = w.nodes[i].runs ? cluster_leader_by(i) : leader;

		if (said == -1 || (leader >= 0 && said != leader))
			return -1;
		leader = said;
	}
	return leader >= 0 && w.nodes[leader].runs ? leader : -1;
}

int cluster_wait_leader(void)
{
	int leader = agreed_leader();

	for (int i = 0; leader < 0 && i < 1000; i++) {
		sim_run_for(w.sim, 50);
		leader = agreed_leader();
	}
	assert_true(leader >= 0);
	return leader;
}

int cluster_create_topic(int by, const char *name)
{
	struct create_topics_request_topic topic = {.name = str_of(name), .num_partitions = 1, .replication_factor = 3};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out = cluster_ask(by, CLUSTER_BROKER, create_topics_request_KEY, &in);

	return out ? out->topics.v->error_code : ERR_NETWORK_EXCEPTION;
}

bool cluster_knows_topic(int i, const char *name)
{
	struct metadata_request_topic topic = {.name = str_of(name)};
	struct metadata_request in = {.topics = {&topic, 1}, .allow_auto_topic_creation = false};
	const struct metadata_response *out = cluster_ask(i, CLUSTER_BROKER, metadata_request_KEY, &in);

	return out && out->topics.n == 1 && out->topics.v->error_code == 0;
}

void cluster_wait_topic(int i, const char *name)
{
	bool knows = cluster_knows_topic(i, name);

	for (int k = 0; !knows && k < 400; k++) {
		sim_run_for(w.sim, 50);
		knows = cluster_knows_topic(i, name);
	}
	assert_true(knows);
}

/* ---- the world ---- */

static void bring_up(uint64_t seed, const char *const *overrides, bool is_split)
{
	struct sim_options calm;

	memset(&w, 0, sizeof(w));
	w.overrides = overrides;
	w.is_split = is_split;
	sim_options_calm(&calm);
	calm.n_envs = CLUSTER_NODES + 1;
	w.sim = sim_world_new(seed, &calm);
	assert_true(sim_call(w.sim, PEER, start_client, NULL));
	for (int i = 0; i < CLUSTER_NODES; i++) {
		w.nodes[i].diag =
			(struct diag){.level = DIAG_DEBUG, .wall_ms = wall, .write = keep_line, .arg = &w.nodes[i]};
		in_node(i, format);
	}
}

void cluster_up(uint64_t seed, const char *const *overrides)
{
	bring_up(seed, overrides, false);
}

void cluster_up_split(uint64_t seed, const char *const *overrides)
{
	bring_up(seed, overrides, true);
}

void cluster_down(void)
{
	struct sim_held held;

	for (int i = 0; i < CLUSTER_NODES; i++) {
		if (!w.nodes[i].runs)
			continue;
		cluster_stop(i);
		sim_held(w.sim, i, &held);
		assert_int_equal(held.blocks, 0);
		assert_int_equal(held.socks, 0);
	}
	assert_true(sim_call(w.sim, PEER, stop_client, NULL));
	sim_world_free(w.sim);
}
