/*
 * dispatch: reads frames, finds the row, runs the handler, and encodes its answer.
 */
#include "broker/dispatch.h"

#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/envelope.h"
#include "broker/identity.h"
#include "broker/kept_answer.h"
#include "broker/node.h"
#include "broker/node_private.h"
#include "broker/sasl.h"
#include "broker/secure.h"
#include "broker/throttle.h"
#include "metadata/image.h"
#include "protocol/api_versions.h"
#include "protocol/metadata.h"
#include "protocol/sasl_authenticate.h"
#include "protocol/sasl_handshake.h"
#include "security/secret.h"
#include "wire/codec.h"
#include "wire/header.h"

/* In addition to odradek.request.memory.bytes: structs are larger than the bytes from which they were read. */
#define REQUEST_BUDGET_PER_BYTE 16
#define SPARE_MAX 256
#define SPARE_ARENA_MAX 4096

/* ---- connections ---- */

static void opened(void *arg, struct conn *conn)
{
	struct node *node = arg;
	struct peer *peer = xcalloc(1, sizeof(*peer));

	peer->core = &node->cores[conn_reactor(conn)];
	peer->listener = (uint16_t)conn_listener(conn);
	if (node->listeners[peer->listener].sasl)
		peer->sasl = sasl_new(node->listeners[peer->listener].sasl, peer, conn);
	conn_set_data(conn, peer);
}

static void closed(void *arg, struct conn *conn)
{
	struct node *node = arg;
	struct peer *peer = conn_data(conn);
	struct request *r = peer->current;

	advertise_closed(node->advertise, &peer->advertise, conn);
	if (r) {
		r->conn = NULL;
		r->peer = NULL;
		if (r->hurry)
			r->hurry(r);
	}
	if (peer->beats && !peer->core->stopping)
		quorum_broker_hung_up(node->quorum, peer->broker, peer->broker_epoch);
	sasl_free(peer->sasl);
	identity_unref(&peer->identity);
	xfree(peer->local);
	xfree(peer);
}

/* ---- requests ---- */

static struct request *request_new(struct core *core, size_t frame_len)
{
	struct list *spare = list_first(&core->spare);
	struct request *r;

	if (spare) {
		list_remove(spare);
		core->n_spare--;
		r = container_of(spare, struct request, parked);
	} else {
		r = xmalloc(sizeof(*r));
		arena_init(&r->arena, 0);
	}
	*r = (struct request){.core = core, .node = core->node, .arena = r->arena, .key = -1, .version = -1};
	arena_set_budget(&r->arena, core->node->request_budget + frame_len * REQUEST_BUDGET_PER_BYTE);
	core_work_begins(core);
	list_init(&r->parked);
	r->began_ns = env_mono_ns(core->loop->env);
	return r;
}

/* Small arenas are kept with their requests. */
static void request_free(void *arg)
{
	struct request *r = arg;
	struct core *core = r->core;
	bool is_kept = core->n_spare < SPARE_MAX;

	list_remove(&r->parked);
	frame_release(&r->frame);
	kept_answer_unref(&r->kept);
	identity_unref(&r->identity);
	if (r->envelope)
		identity_unref(&r->envelope->identity);
	if (is_kept && r->arena.used <= SPARE_ARENA_MAX)
		arena_reset(&r->arena);
	else
		arena_fini(&r->arena);
	image_unref(&r->image);
	if (is_kept) {
		core->n_spare++;
		list_add_after(&core->spare, &r->parked);
	} else {
		xfree(r);
	}
	core_work_ends(core);
}

void requests_forget(struct core *c)
{
	while (!list_empty(&c->spare)) {
		struct list *spare = c->spare.next;

		struct request *r = container_of(spare, struct request, parked);

		list_remove(spare);
		arena_fini(&r->arena);
		xfree(r);
	}
	c->n_spare = 0;
}

void requests_hurry(struct core *c)
{
	struct list all;

	list_init(&all);
	list_splice(&all, &c->parked);
	while (!list_empty(&all)) {
		struct request *r = container_of(all.next, struct request, parked);

		list_remove(&r->parked);
		list_push(&c->parked, &r->parked);
		if (r->hurry)
			r->hurry(r);
	}
}

static void leave(struct request *r)
{
	if (r->peer)
		r->peer->current = NULL;
	r->peer = NULL;
}

static void hang_up(struct request *r, const char *reason)
{
	struct conn *conn = r->conn;

	leave(r);
	if (conn)
		conn_close(conn, reason);
	request_free(r);
}

/*
 * Encodes the answer in `version`, which is the request's except for an ApiVersions request that
 * cannot be read.
 */
static int encode(struct request *r, int version)
{
	const struct schema *out = r->api->out;
	int err;

	chain_init(&r->chain, &r->arena);
	err = header_write_response(&r->chain, r->api->key, version, r->correlation_id);
	if (err == 0 && r->kept)
		kept_answer_put(r->kept, &r->chain);
	else if (err == 0)
		err = codec_encode(out, version, r->out, &r->chain);
	if (err == 0 && !r->chain.failed && r->envelope)
		err = envelope_close(r, &r->chain);
	return err ? err : r->chain.failed ? -ENOMEM : 0;
}

/* It has not authenticated yet: its requests do not count for the user or client id that it names. */
static bool is_stranger(const struct peer *p)
{
	return p && p->sasl && !sasl_is_complete(p->sasl);
}

/*
 * A string of the answer exceeds its length field, such as a message that quotes a value: like
 * Kafka, answers with an unknown error.
 */
static int encode_failure(struct request *r, int version)
{
	int32_t throttle_ms = r->throttle_ms, *field;

	diag_debug(r->core->loop->env->diag, "answer is too long for its format, and refused", "key=%d version=%d",
		   r->api->key, version);
	codec_init(r->api->out, r->out);
	r->api->fail(r, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
	field = throttle_field(r->node->throttle, r->api->key, r->out);
	if (field)
		*field = throttle_ms;
	return encode(r, version);
}

static void reply(struct request *r, int version)
{
	struct conn *conn = r->conn;
	int err;

	if (!throttle_is_idle(r) && !is_stranger(r->peer))
		throttle_answer(r);
	err = conn ? encode(r, version) : 0;
	if (err == -EMSGSIZE && r->api->fail)
		err = encode_failure(r, version);
	if (!conn || err) {
		if (err)
			diag_error(r->core->loop->env->diag, "answer cannot be encoded", "key=%d version=%d error=%s",
				   r->api->key, version, err_name(err));
		hang_up(r, "its answer cannot be encoded");
		return;
	}
	core_count_request(r->core, r->api->key, r->began_ns);
	leave(r);
	conn_reply(conn, &r->chain, request_free, r);
}

void request_answer_bytes(struct request *r, struct bytes answer)
{
	struct conn *conn = r->conn;

	chain_init(&r->chain, &r->arena);
	chain_put(&r->chain, answer.p, (size_t)answer.len);
	leave(r);
	conn_reply(conn, &r->chain, request_free, r);
}

void request_answer_nothing(struct request *r)
{
	struct conn *conn = r->conn;

	leave(r);
	conn_no_reply(conn);
	request_free(r);
}

void request_finish(struct request *r, enum outcome outcome)
{
	switch (outcome) {
	case REPLY:
		reply(r, r->version);
		return;
	case SILENT: {
		struct conn *conn = r->conn;

		if (!throttle_is_idle(r))
			throttle_silent(r);
		core_count_request(r->core, r->api->key, r->began_ns);
		leave(r);
		if (conn)
			conn_no_reply(conn);
		request_free(r);
		return;
	}
	case PARKED:
		return;
	case HANG_UP:
		if (!throttle_is_idle(r))
			throttle_hang_up(r);
		hang_up(r, NULL);
		return;
	}
	check(false);
}

enum outcome request_park(struct request *r, void *state, void (*hurry)(struct request *r))
{
	r->state = state;
	r->hurry = hurry;
	if (!throttle_is_idle(r))
		r->handled_ns = env_mono_ns(r->core->loop->env) - r->began_ns;
	list_push(&r->core->parked, &r->parked);
	return PARKED;
}

void request_complete(struct request *r)
{
	list_remove(&r->parked);
	r->hurry = NULL;
	request_finish(r, REPLY);
}

void request_end(struct request *r, bool close)
{
	list_remove(&r->parked);
	r->hurry = NULL;
	request_finish(r, close ? HANG_UP : SILENT);
}

enum outcome request_fail(struct request *r, int err, struct str message)
{
	check(r->api->fail);
	r->api->fail(r, err_to_kafka(err), message);
	return REPLY;
}

/* ---- a frame ---- */

/*
 * ApiVersions in a version that is not served: only its header is read, and the answer is in
 * version 0, which any client can read (KIP-511).
 */
static void answer_unknown_api_versions(struct request *r)
{
	struct api_versions_response *out = arena_alloc(&r->arena, sizeof(*out));
	struct api_versions_response_version *row = arena_zalloc(&r->arena, sizeof(*row));

	if (!out || !row) {
		hang_up(r, NULL);
		return;
	}
	codec_init(&api_versions_response_schema, out);
	*row = (struct api_versions_response_version){
		.api_key = r->api->key, .min_version = r->api->first, .max_version = r->api->last};
	out->error_code = ERR_UNSUPPORTED_VERSION;
	out->api_keys.v = row;
	out->api_keys.n = 1;
	r->out = out;
	reply(r, 0);
}

/* For an anonymous client the identity is made when it is first needed, and kept with the connection. */
const struct identity *request_identity(struct request *r)
{
	static const struct addr nowhere;

	if (!r->identity && r->peer) {
		r->peer->identity = identity_new(&PRINCIPAL_ANONYMOUS, conn_peer_addr(r->conn));
		r->identity = identity_ref(r->peer->identity);
	} else if (!r->identity) {
		r->identity = identity_new(&PRINCIPAL_ANONYMOUS, &nowhere);
	}
	return r->identity;
}

int request_read(struct request *r, struct reader *in)
{
	void *body = arena_alloc(&r->arena, r->api->in->size);
	int err;

	r->in = body;
	r->out = arena_alloc(&r->arena, r->api->out->size);
	if (!r->in || !r->out)
		return -ENOMEM;
	codec_init(r->api->out, r->out);
	in->plain = (r->api->flags & API_WITHOUT_NUL) != 0;
	err = codec_read(r->api->in, r->version, in, &r->arena, body);
	r->has_nul = in->found_nul;
	return err;
}

static void refuse(struct request *r, const char *what, int key, int version)
{
	struct diag *diag = r->core->loop->env->diag;

	if (diag_allow(diag, &r->core->refusals)) {
		char peer[ADDR_TEXT_MAX];

		diag_warn(diag, "request refused, connection closed",
			  "reason=\"%s\" key=%d version=%d peer=%s listener=%.*s", what, key, version,
			  addr_text(conn_peer_addr(r->conn), peer), STR_ARG(r->listener));
	}
	hang_up(r, NULL);
}

void request_refuse(struct request *r, const char *why)
{
	refuse(r, why, r->key, r->version);
}

static void run(struct request *r, struct reader *in)
{
	if (request_read(r, in))
		request_refuse(r, "body cannot be read");
	else
		request_finish(r, request_run(r));
}

static const struct api *find_row(struct request *r, int key)
{
	const struct api *api = api_find(&r->node->apis, key);
	int listener = r->from_controller ? API_CONTROLLER : API_BROKER;

	return api && (api->flags & listener) ? api : NULL;
}

/*
 * Notes what each connection asks for, in order to find clients that were sent an address and never
 * came back to it.
 */
static void note(struct request *r, int key, struct str client_id)
{
	bool prelude = key == api_versions_request_KEY || key == metadata_request_KEY ||
		       key == sasl_handshake_request_KEY || key == sasl_authenticate_request_KEY;

	if (!r->from_controller)
		advertise_request(r->node->advertise, &r->peer->advertise, r->conn, client_id, prelude);
}

int request_open(struct request *r, struct reader *in)
{
	struct request_header header;
	int err;

	reader_init(in, r->frame.p, r->frame.len);
	err = header_read(in, &header);
	if (err)
		return err;
	note(r, header.request_api_key, header.client_id);
	r->key = header.request_api_key;
	r->api = find_row(r, r->key);
	r->version = header.request_api_version;
	r->correlation_id = header.correlation_id;
	r->client_id = header.client_id;
	return 0;
}

bool request_is_of_version(const struct request *r)
{
	return r->version >= r->api->first && r->version <= r->api->last;
}

void request_serve(struct request *r, struct reader *in)
{
	if (!r->api)
		request_refuse(r, "not served on this listener");
	else if (request_is_of_version(r))
		run(r, in);
	else if (r->key == api_versions_request_KEY)
		answer_unknown_api_versions(r);
	else
		request_refuse(r, "version is not served");
}

static void handle(struct request *r)
{
	struct reader in;

	if (request_open(r, &in))
		request_refuse(r, "header cannot be read");
	else
		request_serve(r, &in);
}

/*
 * A frame on a connection that must authenticate. It may lie in a buffer shared with others: there
 * it is wiped.
 */
static void handle_sasl(struct request *r, struct frame *f)
{
	uint8_t *where = f->p;
	size_t len = f->len;
	enum sasl_way way = sasl_look(r->peer->sasl, f);

	frame_take(&r->frame, f);
	if (way == SASL_OWN && where != r->frame.p)
		secret_wipe(where, len);
	if (way == SASL_OWN)
		sasl_frame(r->peer->sasl, r);
	else if (way == SASL_EXPIRED)
		hang_up(r, "its session has ended");
	else
		handle(r);
}

/* A client with a certificate is identified by the name in it. False: it is not accepted. */
static bool identify(struct request *r)
{
	const struct node_listener *l = &r->node->listeners[r->peer->listener];

	if (!l->principals)
		return true;
	if (!secure_identify(l, r->conn, &r->peer->identity)) {
		request_refuse(r, "no rule of ssl.principal.mapping.rules applies to its certificate");
		return false;
	}
	r->identity = identity_ref(r->peer->identity);
	return true;
}

static void frame(void *arg, struct conn *conn, struct frame *f)
{
	struct node *node = arg;
	struct peer *peer = conn_data(conn);
	struct request *r = request_new(peer->core, f->len);

	check(!peer->current);
	peer->current = r;
	r->peer = peer;
	r->conn = conn;
	r->listener = str_of(node->listeners[peer->listener].name);
	r->from_controller = node->listeners[peer->listener].controller;
	if (peer->identity)
		r->identity = identity_ref(peer->identity);
	if (peer->core->image)
		r->image = image_ref(peer->core->image);
	if (peer->sasl) {
		handle_sasl(r, f);
		return;
	}
	frame_take(&r->frame, f);
	if (!r->identity && !identify(r))
		return;
	conn_know(conn);
	handle(r);
}

static int64_t admit(void *arg, const struct addr *from)
{
	struct node *node = arg;

	return throttle_connection(node->throttle, from);
}

static void secured(void *arg, struct conn *conn, bool ok)
{
	struct node *node = arg;
	const struct peer *peer = conn_data(conn);

	sasl_metrics_tls(&node->listeners[peer->listener], peer->core, ok);
}

const struct net_handler dispatch_handler = {
	.admit = admit, .opened = opened, .frame = frame, .secured = secured, .closed = closed};
