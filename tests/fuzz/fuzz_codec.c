/*
 * Every decoder, behind a selector: two bytes choose the message, one the version, the rest is
 * decoded. What is accepted must be consistent: it can be printed and encoded, and decodes to an
 * equal value.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "wire/codec.h"
#include "wire/protocol.h"

#define BUDGET (4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void go_round(const struct schema *s, int version, const void *value)
{
	struct arena a;
	struct buf bytes = {0}, json = {0};
	void *again = xmalloc(s->size);

	arena_init(&a, BUDGET);
	check(codec_encode_buf(s, version, value, &bytes) == 0);
	codec_json(s, version, value, false, &json);
	if (codec_decode(s, version, bytes.p, bytes.len, &a, again) == 0)
		check(codec_equal(s, value, again));
	else
		check(a.failed); /* the second copy may exceed the budget: its blocks are laid out differently */
	buf_fini(&json);
	buf_fini(&bytes);
	xfree(again);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	const struct schema *s;
	struct arena a;
	struct reader r;
	void *value;
	int version;

	if (len < 3)
		return 0;
	s = protocol_schemas[(p[0] << 8 | p[1]) % protocol_schemas_n];
	version = s->first + p[2] % (s->last - s->first + 1);
	value = xmalloc(s->size);
	arena_init(&a, BUDGET);
	reader_init(&r, p + 3, len - 3);
	if (codec_read(s, version, &r, &a, value) == 0)
		go_round(s, version, value);
	xfree(value);
	arena_fini(&a);
	return 0;
}
