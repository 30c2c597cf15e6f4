#include "tests/broker/cluster_world.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/format.h"
#include "broker/node.h"
#include "config/config.h"
#include "log/dir.h"
#include "metadata/record.h"
#include "metadata/version.h"
#include "net/channel.h"
#include "protocol/metadata_records.h"
#include "security/login_words.h"
#include "tests/base/cm.h"
#include "wire/codec.h"
#include "wire/login.h"

enum {
	PEER = CLUSTER_NODES,
	PORTS = 2,
	OVERRIDES_MAX = 32,
	TALK_MAX = 1 << 18,
	OWN = 5,
	OWN_SECURE = 14,
	OWN_MAX = 256,
	WEB_PORT = 9644,
	WEB_MAX = 1 << 20
};

struct one {
	struct node *node;
	struct config *config;
	struct diag diag;
	char talk[TALK_MAX]; /* what it has said since its start, as far as there is room */
	size_t talk_len;
	bool runs, serves, stopped;
	bool forgetful;
	struct channel channels[PORTS];
	struct channel lanes[CLUSTER_LANES];
};

static struct {
	struct sim_world *sim;
	const char *const *overrides;
	bool is_split;
	const char *mechanism; /* between brokers; NULL: no logins */
	struct login_method *login;
	struct one nodes[CLUSTER_NODES];
	struct channels channels;
	struct channels to_controllers;
	struct arena arena;
	struct {
		struct sock *sock;
		char say[256], in[WEB_MAX];
		size_t said, len;
		bool closed;
	} web;
	int n_reactors;
	int now; /* the machine that a call into it is about */
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

/* The settings that differ from node to node. */
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

#define PLAIN_MODULE "org.apache.kafka.common.security.plain.PlainLoginModule"
#define SCRAM_MODULE "org.apache.kafka.common.security.scram.ScramLoginModule"

/* The JAAS setting of a listener. */
static void fill_line(int i, char *out, const char *listener, const char *mechanism)
{
	bool plain = strcmp(mechanism, "plain") == 0;
	const char *password = w.nodes[i].forgetful && strcmp(listener, "internal") == 0 ? "forgotten" : "secret";

	snprintf(out, OWN_MAX, "listener.name.%s.%s.sasl.jaas.config=%s required username=\"node\" password=\"%s\"%s;",
		 listener, mechanism, plain ? PLAIN_MODULE : SCRAM_MODULE, password,
		 plain ? " user_node=\"secret\"" : "");
}

/* Unsigned tokens, among controllers too. */
static void fill_bearer_line(char *out, const char *listener)
{
	snprintf(out, OWN_MAX,
		 "listener.name.%s.oauthbearer.sasl.jaas.config="
		 "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
		 "unsecuredLoginStringClaim_sub=\"node\" unsecuredLoginLifetimeSeconds=\"20\";",
		 listener);
}

static int fill_secure(int i, char own[OWN_SECURE][OWN_MAX])
{
	bool bearer = w.mechanism && strcmp(w.mechanism, "OAUTHBEARER") == 0;
	const char *of_controllers = bearer ? "OAUTHBEARER" : "PLAIN";
	int n = 0;

	if (!w.mechanism)
		return 0;
	snprintf(own[n++], OWN_MAX,
		 "listeners=PLAINTEXT://10.0.0.%d:9092,INTERNAL://10.0.0.%d:9094,CONTROLLER://10.0.0.%d:9093", i + 1,
		 i + 1, i + 1);
	snprintf(own[n++], OWN_MAX, "advertised.listeners=PLAINTEXT://10.0.0.%d:9092,INTERNAL://10.0.0.%d:9094", i + 1,
		 i + 1);
	snprintf(
		own[n++], OWN_MAX,
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT");
	strcpy(own[n++], "inter.broker.listener.name=INTERNAL");
	snprintf(own[n++], OWN_MAX, "listener.name.internal.sasl.enabled.mechanisms=%s", w.mechanism);
	snprintf(own[n++], OWN_MAX, "listener.name.controller.sasl.enabled.mechanisms=PLAIN%s",
		 bearer ? ",OAUTHBEARER" : ""); /* the client of this world uses PLAIN */
	snprintf(own[n++], OWN_MAX, "sasl.mechanism.inter.broker.protocol=%s", w.mechanism);
	snprintf(own[n++], OWN_MAX, "sasl.mechanism.controller.protocol=%s", of_controllers);
	fill_line(i, own[n++], "controller", "plain");
	if (bearer)
		fill_bearer_line(own[n++], "controller");
	if (bearer)
		fill_bearer_line(own[n++], "internal");
	else if (strcmp(w.mechanism, "GSSAPI") == 0)
		snprintf(own[n++], OWN_MAX,
			 "listener.name.internal.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule "
			 "required useKeyTab=true storeKey=true keyTab=\"/k\" serviceName=kafka "
			 "principal=\"kafka/node%d@REALM\";",
			 i + 1);
	else
		fill_line(i, own[n++], "internal", strcmp(w.mechanism, "PLAIN") == 0 ? "plain" : "scram-sha-256");
	return n;
}

static struct config *load_config(int i)
{
	char own[OWN][OWN_MAX], secure[OWN_SECURE][OWN_MAX];
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
	for (int k = fill_secure(i, secure), at = 0; at < k; at++)
		overrides[n++] = secure[at];
	for (int k = 0; w.overrides && w.overrides[k]; k++)
		overrides[n++] = w.overrides[k];
	assert_int_equal(config_load(&in, &config, &notes), 0);
	config_notes_fini(&notes);
	return config;
}

static void add_credential(struct record_list *records)
{
	static const char salt[] = "salt of the sea";
	struct user_scram_credential_record *r = record_list_add(records, RECORD_USER_SCRAM_CREDENTIAL, 0);
	struct scram_key salted, client, *keys = arena_array(records->arena, 2, sizeof(*keys));

	r->name = STR("node");
	r->mechanism = SCRAM_SHA_256;
	r->iterations = SCRAM_ITERATIONS_MIN;
	r->salt = (struct bytes){(const uint8_t *)salt, sizeof(salt)};
	scram_salted_password(SCRAM_SHA_256, STR("secret"), r->salt, r->iterations, &salted);
	scram_client_key(SCRAM_SHA_256, &salted, &client);
	scram_stored_key(SCRAM_SHA_256, &client, &keys[0]);
	scram_server_key(SCRAM_SHA_256, &salted, &keys[1]);
	r->stored_key = (struct bytes){keys[0].b, (int32_t)scram_key_len(SCRAM_SHA_256)};
	r->server_key = (struct bytes){keys[1].b, (int32_t)scram_key_len(SCRAM_SHA_256)};
}

/* Like kafka-storage format --add-scram. */
static void format_with_credential(struct config *config, struct log_dir *dir)
{
	struct format_options o = {sim_env(w.sim, w.now), config, &dir, 1, dir};
	struct record_list records;
	struct feature_level_record *r;
	struct raft_voter own;
	struct raft_voters voters = {&own, 0};
	struct arena a;
	struct format_plan plan = {.cluster_id = STR("three"),
				   .node_id = w.now + 1,
				   .with_bootstrap = true,
				   .records = &records,
				   .voters = &voters,
				   .metadata_directory = format_directory_id(o.env)};

	arena_init(&a, 1 << 20);
	record_list_init(&records, &a);
	r = record_list_add(&records, RECORD_FEATURE_LEVEL, 0);
	r->name = STR("metadata.version");
	r->feature_level = METADATA_VERSION_MAX;
	add_credential(&records);
	assert_int_equal(format_write(&o, &plan), 0);
	arena_fini(&a);
}

/* A node without credentials among its bootstrap records makes these itself. */
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
	if (w.mechanism)
		format_with_credential(config, dir);
	else
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
						    .n_reactors = w.n_reactors,
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

static void begin_ask(struct channel *to, int16_t key, const void *request, struct cluster_question *q)
{
	struct asking a = {arena_zalloc(&w.arena, sizeof(struct call)), to};

	*q = (struct cluster_question){0};
	*a.call = (struct call){.key = key, .request = request, .arena = &w.arena, .done = on_done, .owner = q};
	assert_true(sim_call(w.sim, PEER, send_call, &a));
}

void cluster_begin_ask(int i, enum cluster_port port, int16_t key, const void *request, struct cluster_question *q)
{
	begin_ask(&w.nodes[i].channels[port - CLUSTER_BROKER], key, request, q);
}

void cluster_begin_ask_apart(int i, int lane, int16_t key, const void *request, struct cluster_question *q)
{
	begin_ask(&w.nodes[i].lanes[lane], key, request, q);
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

/* HTTP/1.0: the answer ends with the connection. */
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

void cluster_set_reactors(int n)
{
	w.n_reactors = n;
}

void cluster_forget_password(int i, bool forget)
{
	w.nodes[i].forgetful = forget;
}

static void init_channels(struct channels *all, struct loop *loop)
{
	channels_init(all, loop);
	all->client_id = STR("client");
	all->answer_max = 1 << 24;
	all->broken = on_broken;
}

static void start_client(void *arg)
{
	static const struct login_words WORDS = {STR("node"), STR("secret"), false};
	struct loop *loop = loop_new(sim_env(w.sim, PEER), "client");
	char host[16];

	(void)arg;
	arena_init(&w.arena, 256 << 20);
	init_channels(&w.channels, loop);
	init_channels(&w.to_controllers, loop);
	if (w.mechanism)
		w.to_controllers.login = w.login = login_plain_new(&WORDS);
	for (int i = 0; i < CLUSTER_NODES; i++) {
		snprintf(host, sizeof(host), "10.0.0.%d", i + 1);
		for (int port = 0; port < PORTS; port++)
			channel_init(&w.nodes[i].channels[port], port ? &w.to_controllers : &w.channels, host,
				     CLUSTER_BROKER + port);
		for (int lane = 0; lane < CLUSTER_LANES; lane++)
			channel_init(&w.nodes[i].lanes[lane], &w.channels, host, CLUSTER_BROKER);
	}
}

static void stop_client(void *arg)
{
	(void)arg;
	for (int i = 0; i < CLUSTER_NODES; i++) {
		for (int port = 0; port < PORTS; port++)
			channel_fini(&w.nodes[i].channels[port]);
		for (int lane = 0; lane < CLUSTER_LANES; lane++)
			channel_fini(&w.nodes[i].lanes[lane]);
	}
	channels_fini(&w.channels);
	channels_fini(&w.to_controllers);
	login_method_free(w.login);
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

static void bring_up(uint64_t seed, const char *const *overrides, bool is_split, const char *mechanism)
{
	struct sim_options calm;

	memset(&w, 0, sizeof(w));
	w.overrides = overrides;
	w.n_reactors = 2;
	w.is_split = is_split;
	w.mechanism = mechanism;
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
	bring_up(seed, overrides, false, NULL);
}

void cluster_up_split(uint64_t seed, const char *const *overrides)
{
	bring_up(seed, overrides, true, NULL);
}

void cluster_up_secure(uint64_t seed, const char *mechanism, const char *const *overrides)
{
	bring_up(seed, overrides, false, mechanism);
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
