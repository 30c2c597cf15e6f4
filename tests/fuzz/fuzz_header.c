/*
 * What a client may send: one or more frames, each a length, the header of a request and its body.
 * A frame with a valid header is decoded as in the broker, and the header of its response can be
 * written.
 */

#include "base/check.h"
#include "base/mem.h"
#include "wire/header.h"
#include "wire/protocol.h"

#define BUDGET (4 << 20)
#define FRAME_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void answer(struct arena *a, const struct request_header *h)
{
	struct chain c;
	struct reader r;
	int32_t correlation_id;

	chain_init(&c, a);
	if (header_write_response(&c, h->request_api_key, h->request_api_version, h->correlation_id) != 0)
		return;
	reader_init(&r, c.parts[0].p, c.parts[0].len);
	check(header_read_response(&r, h->request_api_key, h->request_api_version, &correlation_id) == 0);
	check(correlation_id == h->correlation_id && reader_left(&r) == 0);
}

static void frame(const uint8_t *p, size_t len)
{
	struct request_header h;
	const struct api_info *api;
	struct reader r;
	struct arena a;
	void *value;

	reader_init(&r, p, len);
	if (header_read(&r, &h) != 0)
		return;
	api = api_info_find(h.request_api_key);
	check(api && h.client_id.p);
	value = xmalloc(api->request->size);
	arena_init(&a, BUDGET);
	error_ignored(codec_read(api->request, h.request_api_version, &r, &a, value)); /* any bytes may be wrong */
	answer(&a, &h);
	arena_fini(&a);
	xfree(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct reader r;

	reader_init(&r, p, len);
	while (reader_left(&r) > 0) {
		int32_t frame_len = reader_i32(&r);
		const uint8_t *bytes;

		if (frame_len < 0 || frame_len > FRAME_MAX)
			break;
		bytes = reader_take(&r, (size_t)frame_len);
		if (bytes)
			frame(bytes, (size_t)frame_len);
	}
	return 0;
}
