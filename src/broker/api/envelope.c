/*
 * Envelope: a client's request that another broker forwards, with the client's principal (KIP-590).
 * It is run as if it had come directly, and its answer is returned inside the envelope's.
 *
 *	request_data		a request as on the wire, header and body
 *	request_principal	a version (int16) and DefaultPrincipalData
 *	response_data		a response as on the wire; null with an error, which is about the envelope
 *
 * From envelope_run on, the request is the inner one: row, version, correlation id, `in` and `out`.
 * The outer one is kept in `envelope`, and dispatch calls envelope_close for the outer answer when
 * the inner one is to be encoded.
 */
#include "broker/envelope.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "protocol/envelope.h"
#include "protocol/principal.h"
#include "wire/codec.h"
#include "wire/header.h"

static enum outcome refuse(struct request *r, int err)
{
	struct envelope_response *out = r->out;

	out->error_code = (int16_t)err;
	return REPLY;
}

static bool principal_is_read(struct request *r, struct bytes from, struct principal *out)
{
	struct default_principal_data principal;
	struct reader in;
	int version;

	reader_init(&in, from.p, (size_t)from.len);
	version = reader_i16(&in);
	if (in.failed || version < default_principal_data_FIRST || version > default_principal_data_LAST ||
	    codec_read(&default_principal_data_schema, version, &in, &r->arena, &principal))
		return false;
	*out = (struct principal){principal.type, principal.name, principal.token_authenticated};
	return true;
}

/* What brokers forward to the controller, and no other request. */
static bool is_forwardable(const struct api *api)
{
	const int all = API_BROKER | API_CONTROLLER | API_FORWARD;

	return api && (api->flags & all) == all;
}

/* 0; a Kafka error about the envelope; or -ENOMEM. */
static int open_envelope(struct request *r, const struct envelope_request *in, struct identity *client)
{
	struct envelope *e = arena_alloc(&r->arena, sizeof(*e));
	struct request_header header;
	struct reader reader;
	const struct api *api;
	int err;

	if (!e || !client)
		return -ENOMEM;
	*e = (struct envelope){
		.version = r->version, .correlation_id = r->correlation_id, .identity = r->identity, .out = r->out};
	reader_init(&reader, in->request_data.p, (size_t)in->request_data.len);
	if (header_read(&reader, &header))
		return ERR_UNSUPPORTED_VERSION;
	api = api_find(&r->node->apis, header.request_api_key);
	if (!is_forwardable(api))
		return ERR_INVALID_REQUEST;
	if (header.request_api_version < api->first || header.request_api_version > api->last)
		return ERR_UNSUPPORTED_VERSION;
	r->api = api;
	r->version = header.request_api_version;
	r->correlation_id = header.correlation_id;
	r->client_id = header.client_id;
	r->identity = client;
	r->envelope = e;
	err = request_read(r, &reader);
	return err && err != -ENOMEM ? ERR_UNSUPPORTED_VERSION : err;
}

/* Restores the request as it was before it was opened. */
static void take_back(struct request *r)
{
	if (!r->envelope)
		return;
	r->api = &api_envelope;
	r->version = r->envelope->version;
	r->correlation_id = r->envelope->correlation_id;
	r->out = r->envelope->out;
	identity_unref(&r->identity);
	r->identity = r->envelope->identity;
	r->envelope = NULL;
}

/* Java's InetAddress.getByAddress: an IPv4 address in 16 bytes remains one. */
static bool address_is_read(struct bytes from, struct addr *out)
{
	if (from.len != 4 && from.len != 16)
		return false;
	*out = (struct addr){.v6 = from.len == 16};
	memcpy(out->ip, from.p, (size_t)from.len);
	return true;
}

static enum outcome run(struct request *r)
{
	const struct envelope_request *in = r->in;
	struct principal who;
	struct addr from;
	int err;

	if (!principal_is_read(r, in->request_principal, &who))
		return refuse(r, ERR_PRINCIPAL_DESERIALIZATION_FAILURE);
	if (!address_is_read(in->client_host_address, &from))
		return refuse(r, ERR_INVALID_REQUEST);
	err = open_envelope(r, in, identity_in(&r->arena, &who, &from));
	if (err == 0)
		return request_run(r);
	take_back(r);
	return err < 0 ? HANG_UP : refuse(r, err);
}

static void fail(struct request *r, int err, struct str message)
{
	struct envelope_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

/*
 * That this node is not the controller is reported as an error of the envelope, so that the sender
 * looks for another one.
 */
static int fill_answer(struct request *r, const struct chain *inner, struct envelope_response *out)
{
	uint8_t *p;

	if (codec_has_error(r->api->out, r->out, ERR_NOT_CONTROLLER)) {
		out->error_code = ERR_NOT_CONTROLLER;
		return 0;
	}
	p = arena_alloc(&r->arena, inner->len);
	if (!p)
		return -ENOMEM;
	chain_copy(inner, p);
	out->response_data = (struct bytes){p, (int32_t)inner->len};
	return 0;
}

int envelope_close(struct request *r, struct chain *inner)
{
	const struct envelope *e = r->envelope;
	struct envelope_response *out = e->out;
	int err = fill_answer(r, inner, out);

	if (err)
		return err;
	chain_init(inner, &r->arena);
	if (header_write_response(inner, envelope_response_KEY, e->version, e->correlation_id))
		return -ENOMEM;
	return codec_encode(&envelope_response_schema, e->version, out, inner);
}

const struct api api_envelope = {
	.key = envelope_request_KEY,
	.first = envelope_request_FIRST,
	.last = envelope_request_LAST,
	.flags = API_CONTROLLER,
	.acl_operation = ACL_CLUSTER_ACTION,
	.in = &envelope_request_schema,
	.out = &envelope_response_schema,
	.run = run,
	.fail = fail,
};
