/*
 * envelope_wrap: the sending side of envelopes: a client's request, as it would be on the wire,
 * with its principal and address.
 *
 * The layout is that of api/envelope.c. The principal is written as by Kafka's
 * DefaultKafkaPrincipalBuilder.
 */
#include <errno.h>

#include "base/endian.h"
#include "base/err.h"
#include "broker/envelope.h"
#include "broker/quorum.h"
#include "protocol/envelope.h"
#include "protocol/principal.h"
#include "security/principal.h"
#include "wire/codec.h"
#include "wire/header.h"
#include "wire/protocol.h"

/* The contents of the chain in one piece. */
static struct bytes joined(const struct chain *c)
{
	uint8_t *p = c->failed ? NULL : arena_alloc(c->arena, c->len);

	if (!p)
		return BYTES_NULL;
	chain_copy(c, p);
	return (struct bytes){p, (int32_t)c->len};
}

static int write_principal(const struct principal *who, struct arena *a, struct bytes *out)
{
	struct default_principal_data principal;
	struct chain chain;
	uint8_t *version;
	int err;

	codec_init(&default_principal_data_schema, &principal);
	principal.type = who->type;
	principal.name = who->name;
	principal.token_authenticated = who->token_authenticated;
	chain_init(&chain, a);
	version = chain_reserve(&chain, sizeof(int16_t));
	if (!version)
		return -ENOMEM;
	put_i16(version, default_principal_data_LAST);
	err = codec_encode(&default_principal_data_schema, default_principal_data_LAST, &principal, &chain);
	*out = joined(&chain);
	return err || out->p ? err : -ENOMEM;
}

static int write_request(const struct quorum_request *r, struct arena *a, struct bytes *out)
{
	struct chain chain;
	int err;

	chain_init(&chain, a);
	err = header_write_request(&chain, r->api, r->version, r->client->correlation_id, r->client->client_id);
	if (err == 0)
		err = codec_encode(api_info_find(r->api)->request, r->version, r->request, &chain);
	*out = joined(&chain);
	return err || out->p ? err : -ENOMEM;
}

int envelope_wrap(const struct quorum_request *r, struct arena *a, struct envelope_request *out)
{
	const struct addr *address = &r->client->address;
	int err;

	codec_init(&envelope_request_schema, out);
	err = write_request(r, a, &out->request_data);
	if (err == 0)
		err = write_principal(r->principal, a, &out->request_principal);
	out->client_host_address = (struct bytes){address->ip, address->v6 ? 16 : 4};
	return err;
}

int envelope_unwrap(const struct envelope_response *in, const struct quorum_request *r, struct arena *a)
{
	struct reader reader;
	int32_t correlation_id;
	int err;

	if (!in->response_data.p)
		return ERR_INVALID_REQUEST;
	reader_init(&reader, in->response_data.p, (size_t)in->response_data.len);
	err = header_read_response(&reader, r->api, r->version, &correlation_id);
	if (err == 0 && correlation_id != r->client->correlation_id)
		err = ERR_INVALID_REQUEST;
	return err ? err : codec_read(api_info_find(r->api)->response, r->version, &reader, a, r->response);
}
