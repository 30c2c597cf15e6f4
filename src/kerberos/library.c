/* library: loads the functions of libgssapi_krb5.so.2, and those of libkrb5.so.3, which it depends on. */
#include <stdio.h>
#include <string.h>

#include "env/library.h"
#include "kerberos/kerberos_private.h"
#include "wire/gss.h"

#define FILE_NAME "libgssapi_krb5.so.2"

/* 1.2.840.113554.1.2.2 and its name types; RFC 2743's 1.2.840.113554.1.2.1.4. */
const struct gss_oid gss_krb5 = {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};
const struct gss_oid gss_principal_name = {10, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01"};
const struct gss_oid gss_service_name = {10, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04"};
const struct gss_oid_set gss_krb5_alone = {1, &gss_krb5};

bool gss_load(struct gss_functions *gss, struct buf *why)
{
	const struct library_symbol symbols[] = {
		{"gss_import_name", &gss->import_name},
		{"gss_display_name", &gss->display_name},
		{"gss_release_name", &gss->release_name},
		{"gss_acquire_cred_from", &gss->acquire_cred_from},
		{"gss_release_cred", &gss->release_cred},
		{"gss_accept_sec_context", &gss->accept_sec_context},
		{"gss_init_sec_context", &gss->init_sec_context},
		{"gss_delete_sec_context", &gss->delete_sec_context},
		{"gss_wrap", &gss->wrap},
		{"gss_unwrap", &gss->unwrap},
		{"gss_display_status", &gss->display_status},
		{"gss_release_buffer", &gss->release_buffer},
		{"krb5_init_context", &gss->init_context},
		{"krb5_free_context", &gss->free_context},
		{"krb5_get_default_realm", &gss->get_default_realm},
		{"krb5_free_default_realm", &gss->free_default_realm},
		{"krb5_kt_default_name", &gss->kt_default_name},
		{"krb5_cc_resolve", &gss->cc_resolve},
		{"krb5_cc_destroy", &gss->cc_destroy},
	};
	char linker[LIBRARY_WHY_MAX];

	if (library_open(FILE_NAME, symbols, sizeof(symbols) / sizeof(symbols[0]), linker))
		return true;
	buf_printf(why, "GSSAPI needs MIT Kerberos' " FILE_NAME " (Debian package libgssapi-krb5-2): %s", linker);
	return false;
}

bool kerberos_load(struct buf *why)
{
	struct gss_functions gss;

	return gss_load(&gss, why);
}

bool kerberos_default_realm(struct buf *realm)
{
	struct gss_functions gss;
	struct buf why = {0};
	void *context;
	char *text;
	bool ok = gss_load(&gss, &why);

	buf_fini(&why);
	if (!ok || gss.init_context(&context))
		return false;
	ok = gss.get_default_realm(context, &text) == 0;
	if (ok) {
		buf_put_str(realm, str_of(text));
		gss.free_default_realm(context, text);
	}
	gss.free_context(context);
	return ok;
}

bool gss_take(const struct gss_functions *gss, struct gss_buffer *from, struct buf *out)
{
	gss_status minor;
	bool fits = from->length <= GSS_TOKEN_MAX;

	if (fits)
		buf_put(out, from->value, from->length);
	gss->release_buffer(&minor, from);
	return fits;
}

/* Appends the text for a status as one line; it may contain input from a stranger. */
static void say_one(const struct gss_functions *gss, struct buf *why, gss_status value, int type)
{
	struct gss_buffer text = {0};
	gss_status minor;
	uint32_t more = 0;

	if (gss->display_status(&minor, value, type, &gss_krb5, &more, &text))
		return;
	for (size_t i = 0; i < text.length && i < 200; i++) {
		char c = ((const char *)text.value)[i];

		buf_put(why, c < ' ' || c == '"' || c == 0x7f ? "?" : &c, 1);
	}
	gss->release_buffer(&minor, &text);
}

void gss_say(const struct gss_functions *gss, struct buf *why, gss_status major, gss_status minor)
{
	say_one(gss, why, major, GSS_MAJOR_CODE);
	if (minor) {
		buf_put_str(why, STR(": "));
		say_one(gss, why, minor, GSS_MINOR_CODE);
	}
}

void *gss_import(const struct gss_functions *gss, struct str text, const struct gss_oid *type, struct buf *why)
{
	struct gss_buffer in = gss_buffer_of(text);
	void *name = NULL;
	gss_status minor, major = gss->import_name(&minor, &in, type, &name);

	if (!gss_is_error(major))
		return name;
	gss_say(gss, why, major, minor);
	return NULL;
}

void gss_release(const struct gss_functions *gss, void **name)
{
	gss_status minor;

	if (*name)
		gss->release_name(&minor, name);
}
