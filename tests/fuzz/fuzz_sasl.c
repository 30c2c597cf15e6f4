/*
 * A node in the simulator with a listener that requires authentication, and connections to it that
 * send what the bytes want, in any order: handshakes, tokens of every mechanism, right, wrong and
 * out of place, other requests, false lengths, silence. Each byte is an act (its low four bits)
 * with an argument (its high four), and some are followed by more bytes.
 *
 * 1. A connection on which the right proof has not been shown is told nothing about the cluster. A
 *    proof is the password, a signature by the issuer's key, or what SCRAM makes of its password
 *    and the nonces; the secrets drawn for them are in no corpus, and cannot be guessed.
 * 2. The cost of an unauthenticated connection is bounded.
 * 3. At the end a client with the right credentials is let in, the node stops in time, and it has
 *    given everything back.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/endian.h"
#include "base/mem.h"
#include "broker/node.h"
#include "config/config.h"
#include "env/sim/sim.h"
#include "protocol/alter_user_scram_credentials.h"
#include "protocol/describe_cluster.h"
#include "security/scram.h"
#include "tests/fuzz/peer.h"
#include "tests/sim/client.h"
#include "wire/codec.h"

enum {
	NODE = 0,
	PEER = 1,
	OPEN_PORT = 9092,
	ASKING_PORT = 9094,
	PEERS = 3,
	ACTS_MAX = 200,
	TIME_MAX_MS = 60000,
	PATIENCE_MS = 120000,
	ITERATIONS = 4096,
	COST_MAX = PEERS * 160 * 1024, /* for all connections, including what the loops keep in common */
	HEARD_MAX = 1 << 16,
	HANDSHAKE = 17,
	API_VERSIONS = 18,
	METADATA = 3,
	AUTHENTICATE = 36,
	DESCRIBE_CLUSTER = 60,
};

enum act {
	ACT_RAW,
	ACT_HANDSHAKE,
	ACT_TOKEN,
	ACT_PLAIN,
	ACT_SCRAM_FIRST,
	ACT_SCRAM_FINAL,
	ACT_BEARER,
	ACT_REQUEST,
	ACT_LENGTH,
	ACT_WAIT,
	ACT_OTHER_PEER,
	ACT_HANG_UP,
	ACT_FORGE, /* a bearer token with some bytes overwritten */
	ACTS,
};

struct stranger {
	struct peer peer;
	uint8_t heard[HEARD_MAX]; /* the newest bytes received on this connection */
	size_t heard_len;
	bool is_bare; /* tokens are sent without a request around them */
	bool proved;
	const char *gs2;      /* start of the first SCRAM message, and */
	char first_bare[256]; /* its rest */
	enum scram_mechanism scram;
};

struct story {
	struct sim_world *w;
	struct input in;
	struct config *config;
	struct node *node;
	bool serves, stopped;
	struct loop *loop;
	struct addr open, asking;
	struct stranger strangers[PEERS];
	int at; /* index of the acting one */
	struct client admin;
	bool answered;
	char cluster_id[64];
	int64_t bytes_before;
};

/* Drawn once: the right credentials, which are in no corpus. */
static struct secrets {
	char password[33];
	uint8_t salt[16];
	struct scram_key salted[3];
	EVP_PKEY *key;
	char keys[1024]; /* JWKS */
	char token[1024];
	char plain_line[256];
} secrets;

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

/* ---- secrets ---- */

static void draw(void *p, size_t len)
{
	FILE *f = fopen("/dev/urandom", "r");

	check(f && fread(p, 1, len, f) == len);
	fclose(f);
}

static struct str b64(const void *p, size_t len, struct arena *a)
{
	return base64_text(BASE64_URL, (struct bytes){p, (int32_t)len}, a);
}

static struct str number_of(const char *name, struct arena *a)
{
	BIGNUM *n = NULL;
	uint8_t bytes[512];
	int len;

	check(EVP_PKEY_get_bn_param(secrets.key, name, &n));
	len = BN_bn2bin(n, bytes);
	BN_free(n);
	return b64(bytes, (size_t)len, a);
}

static void sign_token(struct arena *a)
{
	static const char header[] = "{\"alg\":\"RS256\",\"kid\":\"k\"}";
	static const char claims[] = "{\"sub\":\"alice\",\"iat\":1,\"exp\":99999999999,\"aud\":\"kafka\"}";
	struct str h = b64(header, sizeof(header) - 1, a), c = b64(claims, sizeof(claims) - 1, a);
	struct str text = arena_printf(a, "%.*s.%.*s", STR_ARG(h), STR_ARG(c));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sign[512];
	size_t len = sizeof(sign);
	struct str s;

	check(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, secrets.key) == 1);
	check(EVP_DigestSign(ctx, sign, &len, (const uint8_t *)text.p, (size_t)text.len) == 1);
	EVP_MD_CTX_free(ctx);
	s = b64(sign, len, a);
	snprintf(secrets.token, sizeof(secrets.token), "%.*s.%.*s", STR_ARG(text), STR_ARG(s));
}

static void draw_secrets(void)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
	struct arena a;

	if (secrets.key)
		return;
	draw(secrets.password, 32);
	for (int i = 0; i < 32; i++)
		secrets.password[i] = letters[secrets.password[i] & 31];
	draw(secrets.salt, sizeof(secrets.salt));
	for (int m = SCRAM_SHA_256; m <= SCRAM_SHA_512; m++)
		scram_salted_password((enum scram_mechanism)m, str_of(secrets.password),
				      (struct bytes){secrets.salt, sizeof(secrets.salt)}, ITERATIONS,
				      &secrets.salted[m]);
	secrets.key = EVP_RSA_gen(2048);
	check(secrets.key);
	arena_init(&a, 1 << 16);
	snprintf(secrets.keys, sizeof(secrets.keys),
		 "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"%.*s\",\"e\":\"%.*s\"}]}",
		 STR_ARG(number_of(OSSL_PKEY_PARAM_RSA_N, &a)), STR_ARG(number_of(OSSL_PKEY_PARAM_RSA_E, &a)));
	sign_token(&a);
	arena_fini(&a);
	snprintf(
		secrets.plain_line, sizeof(secrets.plain_line),
		"listener.name.asking.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
		"user_alice=\"%s\";",
		secrets.password);
}

/* ---- the node ---- */

static void on_event(void *arg, enum node_event event, const char *text)
{
	struct story *s = arg;

	(void)text;
	s->serves = s->serves || event == NODE_EVENT_STARTED;
	s->stopped = s->stopped || event == NODE_EVENT_STOPPED;
}

#define PREFIX "listener.name.asking."
#define MODULES "org.apache.kafka.common.security."

static void start_node(void *arg)
{
	struct story *s = arg;
	const char *overrides[] = {
		"listeners=PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093,ASKING://:9094",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,ASKING:SASL_PLAINTEXT",
		"inter.broker.listener.name=PLAINTEXT",
		"sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
		"connections.max.reauth.ms=2000",
		PREFIX "scram-sha-256.sasl.jaas.config=" MODULES "scram.ScramLoginModule required;",
		PREFIX "scram-sha-512.sasl.jaas.config=" MODULES "scram.ScramLoginModule required;",
		PREFIX "oauthbearer.sasl.jaas.config=" MODULES "oauthbearer.OAuthBearerLoginModule required;",
		PREFIX "oauthbearer.sasl.server.callback.handler.class=" MODULES
		       "oauthbearer.OAuthBearerValidatorCallbackHandler",
		PREFIX "oauthbearer.sasl.oauthbearer.jwks.endpoint.url=file:///keys",
		PREFIX "oauthbearer.sasl.oauthbearer.expected.audience=kafka",
		PREFIX "oauthbearer.sasl.oauthbearer.allow.unverified.issuer=true",
		secrets.plain_line,
		NULL,
	};
	struct env *env = sim_env(s->w, NODE);
	struct config_input in = {.overrides = overrides, .data_dir = STR("/data")};
	struct node_options options = {.env = env,
				       .n_reactors = 1,
				       .release = "fuzzed",
				       .jvm = {.allowed_urls = STR("file:///keys")},
				       .event = on_event,
				       .arg = s};
	struct config_notes notes;
	enum node_end end;

	check(env_replace_file(env, "/keys", secrets.keys, strlen(secrets.keys)) == 0);
	check(config_load(&in, &s->config, &notes) == 0);
	config_notes_fini(&notes);
	options.config = s->config;
	s->node = node_start(&options, &end);
	check(s->node);
}

static void free_node(void *arg)
{
	struct story *s = arg;

	check(node_free(s->node) == NODE_END_CLEAN);
	config_free(s->config);
}

static bool is_up(void *arg)
{
	return ((struct story *)arg)->serves;
}

/* ---- what is said first, on the open listener ---- */

static void on_described(void *arg, int err, const void *answer)
{
	struct story *s = arg;
	const struct describe_cluster_response *r = answer;

	check(err == 0 && r->error_code == 0 && r->cluster_id.len > 8);
	snprintf(s->cluster_id, sizeof(s->cluster_id), "%.*s", STR_ARG(r->cluster_id));
	s->answered = true;
}

static void describe(void *arg)
{
	struct story *s = arg;
	struct describe_cluster_request request;

	codec_init(&describe_cluster_request_schema, &request);
	client_init(&s->admin, s->loop, &s->open, "admin");
	client_call(&s->admin, 0, &describe_cluster_request_schema, &request, &describe_cluster_response_schema,
		    on_described, s);
}

static void on_altered(void *arg, int err, const void *answer)
{
	struct story *s = arg;
	const struct alter_user_scram_credentials_response *r = answer;

	check(err == 0 && r->results.n == 1 && r->results.v[0].error_code == 0);
	s->answered = true;
}

static void give_credential(struct story *s, enum scram_mechanism m)
{
	struct alter_user_scram_credentials_request_upsertion u = {
		.name = STR("alice"),
		.mechanism = (int8_t)m,
		.iterations = ITERATIONS,
		.salt = {secrets.salt, sizeof(secrets.salt)},
		.salted_password = {secrets.salted[m].b, (int32_t)scram_key_len(m)}};
	struct alter_user_scram_credentials_request request = {.upsertions = {&u, 1}};

	client_call(&s->admin, 0, &alter_user_scram_credentials_request_schema, &request,
		    &alter_user_scram_credentials_response_schema, on_altered, s);
}

static void give_256(void *arg)
{
	give_credential(arg, SCRAM_SHA_256);
}

static void give_512(void *arg)
{
	give_credential(arg, SCRAM_SHA_512);
}

static void hang_up(void *arg)
{
	client_fini(&((struct story *)arg)->admin);
}

static bool is_answered(void *arg)
{
	return ((struct story *)arg)->answered;
}

static void do_and_wait(struct story *s, void (*what)(void *))
{
	s->answered = false;
	check(sim_call(s->w, PEER, what, s));
	check(sim_run_until(s->w, PATIENCE_MS, is_answered, s));
}

/* ---- connections ---- */

static void forget(struct peer *peer)
{
	struct stranger *p = container_of(peer, struct stranger, peer);

	p->heard_len = 0;
	p->proved = false;
}

static bool has(const void *p, size_t len, const char *text)
{
	return text[0] && memmem(p, len, text, strlen(text));
}

/* Only the newest bytes are kept: an answer is examined as it arrives. */
static void hear(struct peer *peer, const uint8_t *bytes, size_t len)
{
	struct stranger *p = container_of(peer, struct stranger, peer);

	if (p->heard_len + len > HEARD_MAX)
		p->heard_len = 0;
	if (len > HEARD_MAX)
		return;
	memcpy(p->heard + p->heard_len, bytes, len);
	p->heard_len += len;
}

static struct stranger *actor(struct story *s)
{
	return &s->strangers[s->at];
}

static void say(struct story *s, const void *bytes, size_t len)
{
	struct stranger *p = actor(s);

	peer_say(&p->peer, s->loop, &s->asking, bytes, len);
	p->proved |= has(bytes, len, secrets.password) || has(bytes, len, secrets.token);
}

static void say_u32(struct story *s, uint32_t v)
{
	uint8_t b[4];

	put_u32(b, v);
	say(s, b, sizeof(b));
}

/* Sends a header of version 1, and the body. */
static void ask(struct story *s, int key, int version, struct bytes body)
{
	uint8_t head[10] = {
		(uint8_t)(key >> 8), (uint8_t)key, (uint8_t)(version >> 8), (uint8_t)version, 0, 0, 0, 7, 0xff, 0xff};
	uint8_t *whole = xmalloc(sizeof(head) + (size_t)body.len + 1);

	memcpy(whole, head, sizeof(head));
	if (body.len)
		memcpy(whole + sizeof(head), body.p, (size_t)body.len);
	say_u32(s, (uint32_t)(sizeof(head) + (size_t)body.len));
	say(s, whole, sizeof(head) + (size_t)body.len);
	xfree(whole);
}

static void say_token(struct story *s, int version, struct bytes token)
{
	uint8_t *body;

	if (actor(s)->is_bare) {
		say_u32(s, (uint32_t)token.len);
		say(s, token.p, (size_t)token.len);
		return;
	}
	body = xmalloc((size_t)token.len + 4);
	put_u32(body, (uint32_t)token.len);
	if (token.len)
		memcpy(body + 4, token.p, (size_t)token.len);
	ask(s, AUTHENTICATE, version, (struct bytes){body, token.len + 4});
	xfree(body);
}

static void say_text(struct story *s, const char *text)
{
	say_token(s, 1, (struct bytes){(const uint8_t *)text, (int32_t)strlen(text)});
}

/* ---- acts ---- */

static void act_handshake(struct story *s, int arg)
{
	static const char *const names[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI",
					    "",	     "plain",	      "SCRAM-SHA-1"};
	const char *name = names[arg & 7];
	uint8_t body[32] = {0, (uint8_t)strlen(name)};

	memcpy(body + 2, name, strlen(name));
	actor(s)->is_bare = arg & 8;
	actor(s)->scram = strstr(name, "512") ? SCRAM_SHA_512 : SCRAM_SHA_256;
	ask(s, HANDSHAKE, arg & 8 ? 0 : 1, (struct bytes){body, (int32_t)strlen(name) + 2});
}

static void act_plain(struct story *s, int arg)
{
	static const char *const users[] = {"alice", "nobody", "", "alice\xff"};
	const char *password = arg & 4 ? secrets.password : "wrong", *authzid = arg & 8 ? "bob" : "";
	char text[128];
	int len = snprintf(text, sizeof(text), "%s%c%s%c%s", authzid, 0, users[arg & 3], 0, password);

	say_token(s, 1, (struct bytes){(const uint8_t *)text, len});
}

static void act_scram_first(struct story *s, int arg)
{
	static const char *const users[] = {"alice",  "nobody",	  "",	 "al=2Cice",
					    "alice=", "\xc3\x28", "=3D", "alice,m=x"};
	static const char *const fronts[] = {"n,,", "n,a=alice,"};
	struct stranger *p = actor(s);
	struct bytes nonce = take_bytes(&s->in, 12);
	char text[320];

	snprintf(p->first_bare, sizeof(p->first_bare), "n=%s,r=x%.*s%s", users[arg & 7], nonce.len,
		 (const char *)nonce.p, take(&s->in) & 1 ? ",tokenauth=true" : "");
	p->gs2 = fronts[arg >> 3];
	snprintf(text, sizeof(text), "%s%s", p->gs2, p->first_bare);
	say_text(s, text);
}

/* "r=...,s=...,i=4096", the last one received; null: none. */
static struct str server_first(const struct stranger *p)
{
	const char *found = NULL, *at = (const char *)p->heard, *end = at + p->heard_len;
	int32_t len = 0;

	while (at < end && (at = memmem(at, (size_t)(end - at), "r=x", 3))) {
		found = at++;
	}
	while (found && found + len < end && found[len] > ' ' && found[len] < 0x7f)
		len++;
	return (struct str){found, len};
}

/* The answer of a client that knows the password; with one byte changed if `spoilt` says so. */
static void act_scram_final(struct story *s, int arg)
{
	struct stranger *p = actor(s);
	enum scram_mechanism m = p->scram ? p->scram : SCRAM_SHA_256;
	struct str first = server_first(p), channel, without, auth, proof_text;
	struct scram_key client, stored, signature;
	struct scram_server_first read;
	uint8_t spoilt = take(&s->in);
	struct arena a;

	arena_init(&a, 1 << 16);
	if (!str_is_null(first) && p->gs2 && scram_server_first_read(first, &a, &read)) {
		channel =
			base64_text(BASE64_PADDED,
				    (struct bytes){(const uint8_t *)p->gs2, arg & 8 ? 1 : (int32_t)strlen(p->gs2)}, &a);
		without = arena_printf(&a, "c=%.*s,r=%.*s", STR_ARG(channel), STR_ARG(read.nonce));
		auth = scram_auth_message(str_of(p->first_bare), first, without, &a);
		scram_client_key(m, &secrets.salted[m], &client);
		scram_stored_key(m, &client, &stored);
		scram_sign(m, &stored, auth, &signature);
		scram_xor(m, &client, &signature);
		if (arg & 1)
			client.b[spoilt % scram_key_len(m)] ^= (uint8_t)(1 + (spoilt >> 6));
		proof_text = base64_text(BASE64_PADDED, (struct bytes){client.b, (int32_t)scram_key_len(m)}, &a);
		p->proved |= !(arg & 1);
		say_text(s, arena_printf(&a, "%.*s,p=%.*s%c", STR_ARG(without), STR_ARG(proof_text), 0).p);
	}
	arena_fini(&a);
}

/* The last character is kept: some of its bits are unused, and changing only those changes nothing. */
static void act_bearer(struct story *s, int arg, bool changed)
{
	static const struct {
		const char *front, *behind;
	} shapes[] = {{"n,,\1auth=Bearer ", "\1\1"},
		      {"n,a=alice,\1auth=Bearer ", "\1\1"},
		      {"n,a=bob,\1auth=Bearer ", "\1\1"},
		      {"n,,\1auth=bearer  ", "\1x=y\1\1"},
		      {"n,,\1auth=Bearer ", "\1"},
		      {"y,,\1auth=Bearer ", "\1\1"},
		      {"", ""},
		      {"n,,\1\1", ""}};
	static const char *const others[] = {"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OTl9.", "..",
					     "e30.e30.", "e30.e30.AAAA"};
	char token[1024], text[1200];

	snprintf(token, sizeof(token), "%s", arg & 8 && !changed ? others[take(&s->in) & 3] : secrets.token);
	for (int i = 0; changed && i <= (arg & 3); i++) {
		size_t at = (size_t)(take(&s->in) << 8 | take(&s->in)) % (strlen(token) - 1);
		uint8_t to = take(&s->in);

		token[at] = to ? (char)to : 'A';
	}
	snprintf(text, sizeof(text), "%s%s%s", shapes[arg & 7].front, token, shapes[arg & 7].behind);
	say_text(s, text);
}

static void act_request(struct story *s, int arg)
{
	static const int keys[] = {API_VERSIONS, DESCRIBE_CLUSTER, METADATA, AUTHENTICATE, HANDSHAKE, 0, 1, 22};
	static const uint8_t all[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0};

	if (arg & 8)
		ask(s, keys[arg & 7], take(&s->in) & 15, take_bytes(&s->in, 32));
	else if (keys[arg & 7] == METADATA)
		ask(s, METADATA, 2, (struct bytes){all, 4});
	else if (keys[arg & 7] == DESCRIBE_CLUSTER)
		ask(s, DESCRIBE_CLUSTER, 0, (struct bytes){(const uint8_t *)"\0\0\0", 3});
	else
		ask(s, keys[arg & 7], 0, take_bytes(&s->in, 8));
}

static void act_length(struct story *s, int arg)
{
	static const uint32_t lengths[] = {0,	       1,	   2,	       3,	  65535,      65536,
					   65537,      1 << 20,	   1 << 24,    100 << 20, 0x7fffffff, 0x80000000,
					   0xffffffff, 0xfffffff0, 0x16030100, 0x47455420};

	say_u32(s, lengths[arg]);
}

struct doing {
	struct story *s;
	int act;
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
	case ACT_HANDSHAKE:
		act_handshake(s, d->arg);
		return;
	case ACT_TOKEN:
		say_token(s, d->arg & 1, take_bytes(&s->in, (size_t)(d->arg >> 1) * 9));
		return;
	case ACT_PLAIN:
		act_plain(s, d->arg);
		return;
	case ACT_SCRAM_FIRST:
		act_scram_first(s, d->arg);
		return;
	case ACT_SCRAM_FINAL:
		act_scram_final(s, d->arg);
		return;
	case ACT_BEARER:
		act_bearer(s, d->arg, false);
		return;
	case ACT_REQUEST:
		act_request(s, d->arg);
		return;
	case ACT_LENGTH:
		act_length(s, d->arg);
		return;
	case ACT_FORGE:
		act_bearer(s, d->arg, true);
		return;
	default:
		peer_close(&actor(s)->peer);
	}
}

/* ---- what always holds ---- */

static void look(struct story *s)
{
	struct sim_held held;
	bool any = false;

	for (int i = 0; i < PEERS; i++) {
		struct stranger *p = &s->strangers[i];

		check(p->proved || !has(p->heard, p->heard_len, s->cluster_id));
		any |= p->proved;
	}
	sim_held(s->w, NODE, &held);
	check(any || held.bytes - s->bytes_before <= COST_MAX);
}

static void act(struct story *s)
{
	uint8_t byte = take(&s->in);
	struct doing d = {s, (byte & 15) % ACTS, byte >> 4};

	if (d.act == ACT_OTHER_PEER)
		s->at = d.arg % PEERS;
	else if (d.act == ACT_WAIT)
		sim_run_for(s->w, (int64_t)1 << d.arg % 14);
	else
		check(sim_call(s->w, PEER, do_as_peer, &d));
	sim_run_for(s->w, 1);
	look(s);
}

/* ---- the end: who is right is let in ---- */

static void close_peers(void *arg)
{
	struct story *s = arg;

	for (int i = 0; i < PEERS; i++)
		peer_close(&s->strangers[i].peer);
	s->at = 0;
}

static void log_in_well(void *arg)
{
	struct story *s = arg;

	act_handshake(s, 0);
	act_plain(s, 4);
	act_request(s, 1);
}

static bool is_let_in(void *arg)
{
	struct story *s = arg;

	return has(s->strangers[0].heard, s->strangers[0].heard_len, s->cluster_id);
}

static bool has_stopped(void *arg)
{
	return ((struct story *)arg)->stopped;
}

static void stop_node(void *arg)
{
	node_stop(((struct story *)arg)->node);
}

static void begin(void *arg)
{
	struct story *s = arg;

	s->loop = loop_new(sim_env(s->w, PEER), "peers");
	for (int i = 0; i < PEERS; i++)
		s->strangers[i].peer = (struct peer){.hear = hear, .closed = forget};
	check(env_resolve(sim_env(s->w, PEER), "node0", OPEN_PORT, &s->open, 1) == 1);
	check(env_resolve(sim_env(s->w, PEER), "node0", ASKING_PORT, &s->asking, 1) == 1);
}

static void end(void *arg)
{
	struct story *s = arg;

	close_peers(s);
	for (int i = 0; i < PEERS; i++)
		buf_fini(&s->strangers[i].peer.out);
	loop_stop(s->loop);
	loop_free(s->loop);
}

static void prepare(struct story *s)
{
	struct sim_options o;
	struct sim_held held;

	sim_options_calm(&o);
	o.n_envs = 2;
	s->w = sim_world_new(1, &o);
	sim_call(s->w, NODE, start_node, s);
	check(sim_run_until(s->w, PATIENCE_MS, is_up, s));
	check(sim_call(s->w, PEER, begin, s));
	do_and_wait(s, describe);
	do_and_wait(s, give_256);
	do_and_wait(s, give_512);
	check(sim_call(s->w, PEER, hang_up, s));
	sim_run_for(s->w, 100);
	sim_held(s->w, NODE, &held);
	s->bytes_before = held.bytes;
}

static void conclude(struct story *s)
{
	struct sim_held held;

	check(sim_call(s->w, PEER, close_peers, s));
	sim_run_for(s->w, 100);
	check(sim_call(s->w, PEER, log_in_well, s));
	check(sim_run_until(s->w, PATIENCE_MS, is_let_in, s));
	check(sim_call(s->w, NODE, stop_node, s));
	check(sim_run_until(s->w, PATIENCE_MS, has_stopped, s));
	sim_run_for(s->w, 10);
	check(sim_call(s->w, NODE, free_node, s));
	sim_held(s->w, NODE, &held);
	check(!held.blocks && !held.files && !held.socks && !held.loops && !held.works);
	check(sim_call(s->w, PEER, end, s));
	sim_world_free(s->w);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct story *s;

	if (len < 2)
		return 0;
	draw_secrets();
	s = calloc(1, sizeof(*s));
	check(s);
	s->in = (struct input){p, len};
	prepare(s);
	for (int i = 0; i < ACTS_MAX && s->in.left && sim_now_ns(s->w) / 1000000 < TIME_MAX_MS; i++)
		act(s);
	conclude(s);
	free(s);
	return 0;
}
