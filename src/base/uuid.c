/* uuid: as Kafka's Uuid.java; the text is base64url (RFC 4648, section 5) without padding. */
#include "base/uuid.h"

#include <string.h>

#include "base/check.h"
#include "base/endian.h"

const struct uuid UUID_ZERO = {{0}};
const struct uuid UUID_METADATA_TOPIC = {{[15] = 1}};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool uuid_eq(struct uuid a, struct uuid b)
{
	return !memcmp(a.b, b.b, sizeof(a.b));
}

int uuid_cmp(struct uuid a, struct uuid b)
{
	int64_t a_half = get_i64(a.b), b_half = get_i64(b.b);

	if (a_half == b_half) {
		a_half = get_i64(a.b + 8);
		b_half = get_i64(b.b + 8);
	}
	return (a_half > b_half) - (a_half < b_half);
}

bool uuid_is_zero(struct uuid u)
{
	return uuid_eq(u, UUID_ZERO);
}

const char *uuid_text(struct uuid u, char out[UUID_TEXT_LEN + 1])
{
	uint32_t bits = 0;
	int n_bits = 0, len = 0;

	for (size_t i = 0; i < sizeof(u.b); i++) {
		bits = bits << 8 | u.b[i];
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			out[len++] = alphabet[bits >> (n_bits - 6) & 63];
	}
	out[len++] = alphabet[bits << (6 - n_bits) & 63];
	check(len == UUID_TEXT_LEN);
	out[len] = '\0';
	return out;
}

static int sextet(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/*
 * The last character has four bits too many. As in Java's decoder they are ignored, whatever their
 * value.
 */
bool uuid_parse(struct str text, struct uuid *out)
{
	uint32_t bits = 0;
	int n_bits = 0;
	size_t n = 0;

	if (text.len == UUID_TEXT_LEN + 2 && text.p[UUID_TEXT_LEN] == '=' && text.p[UUID_TEXT_LEN + 1] == '=')
		text.len = UUID_TEXT_LEN;
	if (text.len != UUID_TEXT_LEN)
		return false;
	for (int i = 0; i < UUID_TEXT_LEN; i++) {
		int v = sextet(text.p[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out->b[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	return true;
}

bool uuid_from_random(const uint8_t random[16], struct uuid *out)
{
	char text[UUID_TEXT_LEN + 1];

	memcpy(out->b, random, sizeof(out->b));
	out->b[6] = (uint8_t)((out->b[6] & 0x0f) | 0x40); /* version 4 */
	out->b[8] = (uint8_t)((out->b[8] & 0x3f) | 0x80); /* variant 2 */
	return !strchr(uuid_text(*out, text), '-');
}
