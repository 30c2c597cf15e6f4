/*
 * name: a distinguished name as printed by Java's X500Principal.getName(): RFC 2253 with some
 * peculiarities: the last part first; nine types by name and all others by number, with "#" and the
 * DER in hex for a value; string types that are not text likewise.
 */
#include <openssl/objects.h>
#include <string.h>

#include "base/mem.h"
#include "tls/tls_private.h"

static const struct {
	int nid;
	const char *name;
} types[] = {
	{NID_commonName, "CN"},		 {NID_countryName, "C"},      {NID_localityName, "L"},
	{NID_stateOrProvinceName, "ST"}, {NID_organizationName, "O"}, {NID_organizationalUnitName, "OU"},
	{NID_streetAddress, "STREET"},	 {NID_domainComponent, "DC"}, {NID_userId, "UID"},
};

static const char *type_name(const ASN1_OBJECT *type)
{
	int nid = OBJ_obj2nid(type);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].nid == nid)
			return types[i].name;
	return NULL;
}

static bool is_text(const ASN1_STRING *value)
{
	switch (ASN1_STRING_type(value)) {
	case V_ASN1_PRINTABLESTRING:
	case V_ASN1_UTF8STRING:
	case V_ASN1_T61STRING:
	case V_ASN1_IA5STRING:
	case V_ASN1_GENERALSTRING:
	case V_ASN1_BMPSTRING:
	case V_ASN1_UNIVERSALSTRING:
		return true;
	default:
		return false;
	}
}

/* ---- text ---- */

/* Length of the first UTF-8 character; 0: invalid. */
static int32_t character(struct str s)
{
	for (int32_t n = 1; n <= 4 && n <= s.len; n++)
		if (str_is_utf8((struct str){s.p, n}))
			return n;
	return 0;
}

static void put_character(struct str c, struct buf *out)
{
	if (c.p[0] == 0) {
		buf_put_str(out, STR("\\00"));
		return;
	}
	if (c.len == 1 && strchr(",=+<>#;\"\\", c.p[0]))
		buf_put(out, "\\", 1);
	buf_put_str(out, c);
}

/* Spaces at both ends are escaped by a backslash, and so is a carriage return. */
static void put_bordered(struct str s, struct buf *out)
{
	int32_t lead = 0, trail = s.len;

	while (lead < s.len && (s.p[lead] == ' ' || s.p[lead] == '\r'))
		lead++;
	while (trail > 0 && (s.p[trail - 1] == ' ' || s.p[trail - 1] == '\r'))
		trail--;
	for (int32_t i = 0; i < s.len; i++) {
		if (i < lead || i >= trail)
			buf_put(out, "\\", 1);
		buf_put(out, &s.p[i], 1);
	}
}

/* Java treats every kind of string as UTF-8. */
static void put_text(const ASN1_STRING *value, struct buf *out)
{
	struct str rest = {(const char *)ASN1_STRING_get0_data(value), ASN1_STRING_length(value)};
	struct buf escaped = {0};

	while (rest.len > 0) {
		int32_t n = character(rest);

		if (n > 0)
			put_character((struct str){rest.p, n}, &escaped);
		else
			buf_put_str(&escaped, STR("\xef\xbf\xbd"));
		rest.p += n > 0 ? n : 1;
		rest.len -= n > 0 ? n : 1;
	}
	put_bordered(buf_str(&escaped), out);
	buf_fini(&escaped);
}

static void put_hex(const ASN1_STRING *value, struct buf *out)
{
	ASN1_TYPE any = {.type = ASN1_STRING_type(value), .value.asn1_string = (ASN1_STRING *)(uintptr_t)value};
	uint8_t *der = NULL;
	int len = i2d_ASN1_TYPE(&any, &der);

	buf_put(out, "#", 1);
	for (int i = 0; i < len; i++)
		buf_printf(out, "%02x", der[i]);
	OPENSSL_free(der);
}

/* ---- names ---- */

static void put_part(const X509_NAME_ENTRY *part, struct buf *out)
{
	const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(part);
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(part);
	const char *name = type_name(type);
	char number[128];

	if (!name)
		OBJ_obj2txt(number, sizeof(number), type, 1);
	buf_printf(out, "%s=", name ? name : number);
	if (name && is_text(value))
		put_text(value, out);
	else
		put_hex(value, out);
}

void tls_name_text(const X509_NAME *name, struct buf *out)
{
	int end = X509_NAME_entry_count(name);

	while (end > 0) {
		int set = X509_NAME_ENTRY_set(X509_NAME_get_entry(name, end - 1)), begin = end;

		while (begin > 0 && X509_NAME_ENTRY_set(X509_NAME_get_entry(name, begin - 1)) == set)
			begin--;
		for (int i = begin; i < end; i++) {
			if (i > begin)
				buf_put(out, "+", 1);
			put_part(X509_NAME_get_entry(name, i), out);
		}
		end = begin;
		if (end > 0)
			buf_put(out, ",", 1);
	}
}
