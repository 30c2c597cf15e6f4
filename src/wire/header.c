/*
 * header: versions of headers, and reading and writing them.
 */
#include "wire/header.h"

#include "base/err.h"
#include "protocol/api_versions.h"
#include "wire/protocol.h"

int header_request_version(int key, int version)
{
	const struct api_info *api = api_info_find(key);

	if (!api)
		return -1;
	return version >= api->flexible ? 2 : 1;
}

int header_response_version(int key, int version)
{
	const struct api_info *api = api_info_find(key);

	if (!api)
		return -1;
	return version >= api->flexible && key != api_versions_response_KEY ? 1 : 0;
}

/* Headers have no arrays: decoding one needs no memory. */
static int header_decode(const struct schema *s, int version, struct reader *r, void *out)
{
	struct arena none;
	int err;

	arena_init(&none, 0);
	err = codec_read(s, version, r, &none, out);
	arena_fini(&none);
	return err;
}

int header_read(struct reader *r, struct request_header *out)
{
	struct reader peek = *r;
	int16_t key = reader_i16(&peek), version = reader_i16(&peek);
	int header_version = header_request_version(key, version), err;

	if (peek.failed || header_version < 0)
		return ERR_INVALID_REQUEST;
	err = header_decode(&request_header_schema, header_version, r, out);
	if (err == 0 && !out->client_id.p)
		out->client_id = STR("");
	return err;
}

int header_write_response(struct chain *c, int key, int version, int32_t correlation_id)
{
	struct response_header h = {.correlation_id = correlation_id};

	return codec_encode(&response_header_schema, header_response_version(key, version), &h, c);
}

int header_write_request(struct chain *c, int key, int version, int32_t correlation_id, struct str client_id)
{
	struct request_header h = {
		.request_api_key = (int16_t)key,
		.request_api_version = (int16_t)version,
		.correlation_id = correlation_id,
		.client_id = client_id,
	};

	return codec_encode(&request_header_schema, header_request_version(key, version), &h, c);
}

int header_read_response(struct reader *r, int key, int version, int32_t *correlation_id)
{
	struct response_header h;
	int err = header_decode(&response_header_schema, header_response_version(key, version), r, &h);

	*correlation_id = err ? 0 : h.correlation_id;
	return err;
}
