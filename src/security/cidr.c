/*
 * cidr: parses addresses and ranges with the rules and messages of Kafka's classes. An IPv6 address
 * that maps an IPv4 one counts as the latter, as in Java; 0.0.0.0 is in no range.
 */
#include "security/cidr.h"

#include <string.h>

struct ip {
	bool v6;
	uint8_t b[16];
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct str slice(struct str s, int32_t from, int32_t to)
{
	return (struct str){s.p + from, to - from};
}

/* -1 when absent. */
static int32_t find_char(struct str s, char c)
{
	const char *at = s.len > 0 ? memchr(s.p, c, (size_t)s.len) : NULL;

	return at ? (int32_t)(at - s.p) : -1;
}

/* ---- IPv4: four numbers of one to three digits; *wrong is the first above 255, or -1 ---- */

static bool v4_shape(struct str s, uint8_t out[4], int *wrong)
{
	int32_t at = 0;

	*wrong = -1;
	for (int i = 0; i < 4; i++) {
		int value = 0;
		int digits = 0;

		while (at < s.len && is_digit(s.p[at]) && digits < 3) {
			value = value * 10 + (s.p[at++] - '0');
			digits++;
		}
		if (digits == 0 || (i < 3 && (at == s.len || s.p[at++] != '.')))
			return false;
		if (value > 255 && *wrong < 0)
			*wrong = value;
		out[i] = (uint8_t)value;
	}
	return at == s.len;
}

static bool v4_read(struct str s, uint8_t out[4])
{
	int wrong;

	return v4_shape(s, out, &wrong) && wrong < 0;
}

/* ---- IPv6, as Java's InetAddress reads it ---- */

/* Reads a group at *at; false when there is none. */
static bool read_group(struct str s, int32_t *at, uint8_t out[2])
{
	int value = 0;
	int32_t from = *at;

	for (; *at < s.len && hex_digit(s.p[*at]) >= 0; (*at)++) {
		value = value * 16 + hex_digit(s.p[*at]);
		if (value > 0xffff)
			return false;
	}
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return *at > from;
}

struct v6 {
	uint8_t b[16];
	int n;	 /* bytes read */
	int gap; /* position of "::", or -1 */
};

/* Reads one group, or the IPv4 address at the end, and the colon after it. */
static bool read_step(struct str s, int32_t *at, struct v6 *v)
{
	int32_t from = *at;

	if (v->n > 14 || !read_group(s, at, v->b + v->n))
		return false;
	if (*at < s.len && s.p[*at] == '.') {
		if (v->n > 12 || !v4_read(slice(s, from, s.len), v->b + v->n))
			return false;
		v->n += 4;
		*at = s.len;
		return true;
	}
	v->n += 2;
	if (*at == s.len)
		return true;
	if (s.p[(*at)++] != ':')
		return false;
	if (*at < s.len && s.p[*at] == ':') {
		if (v->gap >= 0)
			return false;
		v->gap = v->n;
		(*at)++;
		return true;
	}
	return *at < s.len;
}

static bool v6_bytes(struct str s, uint8_t out[16])
{
	struct v6 v = {.gap = -1};
	int32_t at = 0;

	memset(out, 0, 16);
	if (s.len >= 2 && s.p[0] == ':' && s.p[1] == ':') {
		v.gap = 0;
		at = 2;
	}
	while (at < s.len)
		if (!read_step(s, &at, &v))
			return false;
	if (v.gap < 0 ? v.n != 16 : v.n > 14)
		return false;
	if (v.gap < 0)
		v.gap = v.n;
	memcpy(out, v.b, (size_t)v.gap);
	memcpy(out + 16 - (v.n - v.gap), v.b + v.gap, (size_t)(v.n - v.gap));
	return true;
}

/* Accepts brackets, and a scope, which is ignored. */
static bool v6_read(struct str s, uint8_t out[16])
{
	int32_t scope;

	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = slice(s, 1, s.len - 1);
	scope = find_char(s, '%');
	if (scope >= 0 && scope + 1 < s.len)
		s.len = scope;
	return v6_bytes(s, out);
}

static bool is_mapped(const uint8_t b[16])
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(b, prefix, sizeof(prefix)) == 0;
}

static bool ip_read(struct str s, struct ip *out)
{
	out->v6 = find_char(s, ':') >= 0;
	if (!out->v6)
		return v4_read(s, out->b);
	if (!v6_read(s, out->b))
		return false;
	if (is_mapped(out->b)) {
		memmove(out->b, out->b + 12, 4);
		out->v6 = false;
	}
	return true;
}

/* ---- ranges ---- */

bool cidr_is(struct str host)
{
	return find_char(host, '/') >= 0;
}

enum fault { SOUND, UNREADABLE, NO_LENGTH, BAD_LENGTH, NOT_V6, BAD_OCTET, BAD_BITS };

/* A parsed range, or what is wrong with it. */
struct range {
	struct ip ip;
	int bits;
	enum fault fault;
	struct str text; /* the text at fault */
	int number;	 /* or the number at fault */
};

static bool refuse_text(struct range *r, enum fault fault, struct str text)
{
	r->fault = fault;
	r->text = text;
	return false;
}

static bool refuse_number(struct range *r, enum fault fault, int number)
{
	r->fault = fault;
	r->number = number;
	return false;
}

static bool read_v4(struct str s, int32_t slash, struct range *r)
{
	struct str bits = slice(s, slash + 1, s.len);
	int wrong;

	if (!v4_shape(slice(s, 0, slash), r->ip.b, &wrong) || bits.len < 1 || bits.len > 2)
		return refuse_text(r, UNREADABLE, s);
	r->bits = 0;
	for (int32_t i = 0; i < bits.len; i++) {
		if (!is_digit(bits.p[i]))
			return refuse_text(r, UNREADABLE, s);
		r->bits = r->bits * 10 + (bits.p[i] - '0');
	}
	if (wrong >= 0)
		return refuse_number(r, BAD_OCTET, wrong);
	if (r->bits > 32)
		return refuse_number(r, BAD_BITS, r->bits);
	return true;
}

static bool read_v6(struct str s, int32_t slash, struct range *r)
{
	struct str address = slice(s, 0, slash);

	r->ip.v6 = true;
	if (!str_to_i32(slice(s, slash + 1, s.len), &r->bits))
		return refuse_text(r, NO_LENGTH, s);
	if (r->bits < 0 || r->bits > 128)
		return refuse_text(r, BAD_LENGTH, s);
	if (!v6_read(address, r->ip.b))
		return refuse_text(r, UNREADABLE, address);
	if (is_mapped(r->ip.b))
		return refuse_text(r, NOT_V6, address);
	return true;
}

static bool range_read(struct str s, struct range *r)
{
	int32_t slash = find_char(s, '/');

	*r = (struct range){0};
	if (slash < 0)
		return refuse_text(r, UNREADABLE, s);
	return find_char(s, ':') >= 0 ? read_v6(s, slash, r) : read_v4(s, slash, r);
}

struct str cidr_check(struct str range, struct arena *a)
{
	struct range r;

	if (range_read(range, &r))
		return STR_NULL;
	switch (r.fault) {
	case NO_LENGTH:
		return arena_printf(a, "Could not parse [%.*s] - invalid prefix length", STR_ARG(r.text));
	case BAD_LENGTH:
		return arena_printf(a, "Could not parse [%.*s] - prefix length must be between 0 and 128",
				    STR_ARG(r.text));
	case NOT_V6:
		return arena_printf(a, "Could not parse [%.*s] - not an IPv6 address", STR_ARG(r.text));
	case BAD_OCTET:
		return arena_printf(a, "Value [%d] not in range [0,255]", r.number);
	case BAD_BITS:
		return arena_printf(a, "Value [%d] not in range [0,32]", r.number);
	default:
		return arena_printf(a, "Could not parse [%.*s]", STR_ARG(r.text));
	}
}

static bool same_bits(const uint8_t *a, const uint8_t *b, int bits)
{
	int whole = bits / 8;
	int rest = bits % 8;

	return memcmp(a, b, (size_t)whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool cidr_has(struct str range, struct str host)
{
	static const uint8_t zero[4];
	struct range r;
	struct ip ip;

	if (!range_read(range, &r) || !ip_read(host, &ip) || ip.v6 != r.ip.v6)
		return false;
	if (!ip.v6 && memcmp(ip.b, zero, sizeof(zero)) == 0)
		return false;
	return same_bits(r.ip.b, ip.b, r.bits);
}
