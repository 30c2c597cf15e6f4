/* base64: encodes and decodes, in two alphabets. */
#include "base/base64.h"

#include <string.h>

static const char alphabets[][65] = {
	[BASE64_PADDED] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t base64_put(enum base64_kind kind, const void *p, size_t len, char *out)
{
	const char *alphabet = alphabets[kind];
	const uint8_t *in = p;
	char *at = out;
	size_t i = 0;

	for (; i + 3 <= len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			*at++ = alphabet[v >> shift & 63];
	}
	if (i < len) {
		uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0);

		*at++ = alphabet[v >> 18 & 63];
		*at++ = alphabet[v >> 12 & 63];
		if (i + 1 < len)
			*at++ = alphabet[v >> 6 & 63];
		for (size_t n = len - i; kind == BASE64_PADDED && n < 3; n++)
			*at++ = '=';
	}
	return (size_t)(at - out);
}

struct str base64_text(enum base64_kind kind, struct bytes b, struct arena *a)
{
	size_t len = b.p ? (size_t)b.len : 0;
	char *out = arena_alloc(a, BASE64_LEN(len) + 1);

	return out ? (struct str){out, (int32_t)base64_put(kind, b.p, len, out)} : STR_NULL;
}

/* Removes the padding; false when it is not right for the kind. */
static bool strip_padding(enum base64_kind kind, struct str *text)
{
	int32_t len = text->len;

	if (kind == BASE64_PADDED) {
		if (len % 4 != 0)
			return false;
		for (int i = 0; i < 2 && text->len > 0 && text->p[text->len - 1] == '='; i++)
			text->len--;
	}
	return text->len % 4 != 1;
}

static int value_of(enum base64_kind kind, char c)
{
	const char *at = c ? strchr(alphabets[kind], c) : NULL;

	return at ? (int)(at - alphabets[kind]) : -1;
}

bool base64_read(enum base64_kind kind, struct str text, struct arena *a, struct bytes *out)
{
	uint32_t bits = 0;
	uint8_t *at;
	int n = 0;

	*out = BYTES_NULL;
	if (!strip_padding(kind, &text))
		return false;
	at = arena_alloc(a, (size_t)text.len / 4 * 3 + 3);
	if (!at)
		return false;
	*out = (struct bytes){at, 0};
	for (int32_t i = 0; i < text.len; i++) {
		int v = value_of(kind, text.p[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n >= 8) {
			n -= 8;
			at[out->len++] = (uint8_t)(bits >> n);
		}
	}
	return true;
}
