/*
 * scram_message: the four messages of RFC 5802, accepted and refused as in Kafka's ScramMessages,
 * with cursors in place of its regular expressions.
 */
#include <string.h>

#include "base/base64.h"
#include "security/scram.h"

/* ---- pieces ---- */

/* What precedes the next comma, or everything. */
static struct str take_piece(struct str *in)
{
	const char *comma = in->len > 0 ? memchr(in->p, ',', (size_t)in->len) : NULL;
	struct str out = {in->p, comma ? (int32_t)(comma - in->p) : in->len};

	in->p += out.len;
	in->len -= out.len;
	return out;
}

/* At least one character, each within the range. */
static bool is_within(struct str s, uint8_t low, uint8_t high)
{
	for (int32_t i = 0; i < s.len; i++)
		if ((uint8_t)s.p[i] < low || (uint8_t)s.p[i] > high)
			return false;
	return s.len > 0;
}

static bool is_value(struct str s)
{
	return is_within(s, 0x01, 0x7f);
}

static bool is_printable(struct str s)
{
	return is_within(s, 0x21, 0x7e);
}

static bool is_name(struct str s)
{
	for (int32_t i = 0; i < s.len; i++) {
		if (s.p[i] != '=')
			continue;
		if (i + 2 >= s.len || (memcmp(s.p + i, "=2C", 3) != 0 && memcmp(s.p + i, "=3D", 3) != 0))
			return false;
	}
	return is_value(s);
}

/* "name=value", where the name consists of letters. */
static bool is_extension(struct str s, struct str *name, struct str *value)
{
	int32_t len = 0;

	while (len < s.len && ((s.p[len] >= 'a' && s.p[len] <= 'z') || (s.p[len] >= 'A' && s.p[len] <= 'Z')))
		len++;
	if (len == 0 || len == s.len || s.p[len] != '=')
		return false;
	*name = (struct str){s.p, len};
	*value = (struct str){s.p + len + 1, s.len - len - 1};
	return is_value(*value);
}

/* Whether the whole rest consists of extensions. */
static bool are_extensions(struct str in)
{
	struct str name, value;

	while (str_take_prefix(&in, ","))
		if (!is_extension(take_piece(&in), &name, &value))
			return false;
	return in.len == 0;
}

/* Skips an optional "m=value,". */
static bool take_reserved(struct str *in)
{
	return !str_take_prefix(in, "m=") || (is_value(take_piece(in)) && str_take_prefix(in, ","));
}

/* ---- the client's first message ---- */

bool scram_client_first_read(struct str text, struct scram_client_first *out)
{
	struct str in = text;

	*out = (struct scram_client_first){0};
	if (!str_take_prefix(&in, "n,"))
		return false;
	if (str_take_prefix(&in, "a=")) {
		out->authzid = take_piece(&in);
		if (!is_name(out->authzid))
			return false;
	}
	if (!str_take_prefix(&in, ","))
		return false;
	out->gs2 = (struct str){text.p, text.len - in.len};
	out->bare = in;
	if (!take_reserved(&in) || !str_take_prefix(&in, "n="))
		return false;
	out->name = take_piece(&in);
	if (!is_name(out->name) || !str_take_prefix(&in, ",r="))
		return false;
	out->nonce = take_piece(&in);
	if (in.len > 0)
		out->extensions = (struct str){in.p + 1, in.len - 1};
	return is_printable(out->nonce) && are_extensions(in);
}

struct str scram_client_first_text(struct str name, struct str nonce, struct str extensions, struct arena *a)
{
	struct str written = scram_name_text(name, a);

	return arena_printf(a, "n,,n=%.*s,r=%.*s%s%.*s", STR_ARG(written), STR_ARG(nonce),
			    extensions.len > 0 ? "," : "", STR_ARG(extensions));
}

struct str scram_extension(struct str extensions, const char *name)
{
	struct str found = STR_NULL, in = extensions;

	while (in.len > 0) {
		struct str each, value;

		if (is_extension(take_piece(&in), &each, &value) && str_is(each, name))
			found = value;
		str_take_prefix(&in, ",");
	}
	return found;
}

/* ---- the server's first message ---- */

bool scram_server_first_read(struct str text, struct arena *a, struct scram_server_first *out)
{
	struct str in = text, iterations;

	*out = (struct scram_server_first){0};
	if (!take_reserved(&in) || !str_take_prefix(&in, "r="))
		return false;
	out->nonce = take_piece(&in);
	if (!is_printable(out->nonce) || !str_take_prefix(&in, ",s=") ||
	    !base64_read(BASE64_PADDED, take_piece(&in), a, &out->salt) || !str_take_prefix(&in, ",i="))
		return false;
	iterations = take_piece(&in);
	return is_within(iterations, '0', '9') && str_to_i32(iterations, &out->iterations) && out->iterations > 0 &&
	       are_extensions(in);
}

struct str scram_server_first_text(struct str client_nonce, struct str server_nonce, struct bytes salt,
				   int32_t iterations, struct arena *a)
{
	struct str text = base64_text(BASE64_PADDED, salt, a);

	return str_is_null(text) ? STR_NULL
				 : arena_printf(a, "r=%.*s%.*s,s=%.*s,i=%d", STR_ARG(client_nonce),
						STR_ARG(server_nonce), STR_ARG(text), iterations);
}

/* ---- the last ones ---- */

/* The proof is the last field: base64 contains no comma. */
bool scram_client_final_read(struct str text, struct arena *a, struct scram_client_final *out)
{
	const char *last = text.len > 0 ? memrchr(text.p, ',', (size_t)text.len) : NULL;
	struct str in, proof;

	*out = (struct scram_client_final){0};
	if (!last)
		return false;
	out->without_proof = in = (struct str){text.p, (int32_t)(last - text.p)};
	proof = (struct str){last + 1, text.len - in.len - 1};
	if (!str_take_prefix(&in, "c=") || !base64_read(BASE64_PADDED, take_piece(&in), a, &out->channel) ||
	    !str_take_prefix(&in, ",r="))
		return false;
	out->nonce = take_piece(&in);
	return is_printable(out->nonce) && are_extensions(in) && str_take_prefix(&proof, "p=") &&
	       base64_read(BASE64_PADDED, proof, a, &out->proof);
}

bool scram_server_final_read(struct str text, struct arena *a, struct scram_server_final *out)
{
	struct str in = text;

	*out = (struct scram_server_final){0};
	if (str_take_prefix(&in, "e=")) {
		out->error = in;
		return is_value(in) && !memchr(in.p, '=', (size_t)in.len) && !memchr(in.p, ',', (size_t)in.len);
	}
	return str_take_prefix(&in, "v=") && base64_read(BASE64_PADDED, take_piece(&in), a, &out->signature) &&
	       are_extensions(in);
}

struct str scram_auth_message(struct str client_first_bare, struct str server_first, struct str without_proof,
			      struct arena *a)
{
	return arena_printf(a, "%.*s,%.*s,%.*s", STR_ARG(client_first_bare), STR_ARG(server_first),
			    STR_ARG(without_proof));
}

/* ---- names ---- */

struct str scram_name_text(struct str name, struct arena *a)
{
	char *out = arena_alloc(a, (size_t)name.len * 3 + 1);
	int32_t len = 0;

	if (!out)
		return STR_NULL;
	for (int32_t i = 0; i < name.len; i++) {
		if (name.p[i] != ',' && name.p[i] != '=') {
			out[len++] = name.p[i];
			continue;
		}
		memcpy(out + len, name.p[i] == ',' ? "=2C" : "=3D", 3);
		len += 3;
	}
	return (struct str){out, len};
}

bool scram_name_read(struct str text, struct arena *a, struct str *out)
{
	char *at = arena_alloc(a, (size_t)text.len + 1);
	int32_t len = 0;

	*out = STR_NULL;
	if (!at)
		return false;
	for (int32_t i = 0; i < text.len; i++) {
		if (text.p[i] != '=') {
			at[len++] = text.p[i];
			continue;
		}
		if (text.len - i < 3 || (memcmp(text.p + i, "=2C", 3) != 0 && memcmp(text.p + i, "=3D", 3) != 0))
			return false;
		at[len++] = text.p[i + 1] == '2' ? ',' : '=';
		i += 2;
	}
	*out = (struct str){at, len};
	return true;
}
