/* fake_gss: the functions of the fake library, and a count of what they have handed out. */
#include "tests/kerberos/fake_gss.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "kerberos/kerberos_private.h"
#include "wire/gss.h"

enum { COMPLETE = 0, BAD_TOKEN = 9 << 16, FAILURE = 13 << 16, EXPIRED = KRB5_ERRORS + 32, NOT_YET = KRB5_ERRORS + 33 };

struct thing {
	char text[256];
};

static int held;

static void *thing_new(const void *text, size_t len)
{
	struct thing *t = xcalloc(1, sizeof(*t));

	check(len < sizeof(t->text));
	memcpy(t->text, text, len);
	held++;
	return t;
}

static gss_status thing_free(gss_status *minor, void **thing)
{
	*minor = 0;
	held -= *thing != NULL;
	xfree(*thing);
	*thing = NULL;
	return COMPLETE;
}

int fake_gss_held(void)
{
	return held;
}

static void answer(struct gss_buffer *out, const void *p, size_t len)
{
	out->length = len;
	out->value = xcalloc(1, len + 1);
	memcpy(out->value, p, len);
}

static gss_status import_name(gss_status *minor, const struct gss_buffer *in, const struct gss_oid *type, void **name)
{
	(void)type;
	*minor = 0;
	*name = thing_new(in->value, in->length);
	return COMPLETE;
}

static gss_status display_name(gss_status *minor, void *name, struct gss_buffer *out, const struct gss_oid **type)
{
	const struct thing *t = name;

	(void)type;
	*minor = 0;
	answer(out, t->text, strlen(t->text));
	return COMPLETE;
}

static gss_status acquire_cred_from(gss_status *minor, void *name, uint32_t seconds, const struct gss_oid_set *set,
				    int usage, const struct gss_store *store, void **cred, struct gss_oid_set **got,
				    uint32_t *lifetime)
{
	const struct thing *t = name;

	(void)seconds;
	(void)set;
	(void)usage;
	(void)store;
	(void)got;
	*minor = 0;
	*cred = thing_new(t->text, strlen(t->text));
	if (lifetime)
		*lifetime = 3;
	return COMPLETE;
}

static gss_status accept_sec_context(gss_status *minor, void **context, void *cred, const struct gss_buffer *in,
				     void *bindings, void **source, const struct gss_oid **type, struct gss_buffer *out,
				     uint32_t *flags, uint32_t *seconds, void **delegated)
{
	static const char large[GSS_TOKEN_MAX + 1];
	const char *p = in->value;

	(void)cred;
	(void)bindings;
	(void)type;
	(void)flags;
	(void)seconds;
	(void)delegated;
	*minor = in->length == 1 && *p == 'X'	? (gss_status)EXPIRED
		 : in->length == 1 && *p == 'Y' ? (gss_status)NOT_YET
						: 0;
	if (*minor)
		return FAILURE;
	if (in->length == 1 && *p == 'S')
		answer(out, large, sizeof(large));
	if (in->length < 2 || in->length > 200 || *p != 'T')
		return in->length == 1 && *p == 'S' ? COMPLETE : BAD_TOKEN;
	if (!*context)
		*context = thing_new("", 0);
	*source = thing_new(p + 1, in->length - 1);
	if (p[1] != '-')
		answer(out, "R", 1);
	return COMPLETE;
}

static gss_status init_sec_context(gss_status *minor, void *cred, void **context, void *target,
				   const struct gss_oid *mechanism, uint32_t flags, uint32_t seconds, void *bindings,
				   const struct gss_buffer *in, const struct gss_oid **type, struct gss_buffer *out,
				   uint32_t *got_flags, uint32_t *got_seconds)
{
	const struct thing *t = cred;
	char token[300];

	(void)target;
	(void)mechanism;
	(void)flags;
	(void)seconds;
	(void)bindings;
	(void)type;
	(void)got_flags;
	(void)got_seconds;
	*minor = 0;
	if (!in) {
		*context = thing_new("", 0);
		answer(out, token, (size_t)snprintf(token, sizeof(token), "T%s", t->text));
		return GSS_CONTINUE_NEEDED;
	}
	return in->length == 1 && *(const char *)in->value == 'R' ? COMPLETE : BAD_TOKEN;
}

static gss_status delete_sec_context(gss_status *minor, void **context, struct gss_buffer *out)
{
	(void)out;
	return thing_free(minor, context);
}

static gss_status wrap(gss_status *minor, void *context, int encrypt, uint32_t qop, const struct gss_buffer *in,
		       int *encrypted, struct gss_buffer *out)
{
	char text[300] = "W";

	(void)context;
	(void)encrypt;
	(void)qop;
	(void)encrypted;
	*minor = 0;
	memcpy(text + 1, in->value, in->length);
	answer(out, text, in->length + 1);
	return COMPLETE;
}

static gss_status unwrap(gss_status *minor, void *context, const struct gss_buffer *in, struct gss_buffer *out,
			 int *encrypted, uint32_t *qop)
{
	const char *p = in->value;

	(void)context;
	(void)encrypted;
	(void)qop;
	*minor = 0;
	if (in->length < 1 || *p != 'W')
		return BAD_TOKEN;
	answer(out, p + 1, in->length - 1);
	return COMPLETE;
}

static gss_status display_status(gss_status *minor, gss_status value, int type, const struct gss_oid *oid,
				 uint32_t *more, struct gss_buffer *out)
{
	char text[64];

	(void)type;
	(void)oid;
	(void)more;
	*minor = 0;
	answer(out, text, (size_t)snprintf(text, sizeof(text), "status %u", value));
	return COMPLETE;
}

static gss_status release_buffer(gss_status *minor, struct gss_buffer *b)
{
	*minor = 0;
	xfree(b->value);
	*b = (struct gss_buffer){0};
	return COMPLETE;
}

static int32_t init_context(void **context)
{
	*context = NULL;
	return 0;
}

static void free_context(void *context)
{
	(void)context;
}

static int32_t get_default_realm(void *context, char **realm)
{
	(void)context;
	*realm = xasprintf("REALM");
	return 0;
}

static void free_default_realm(void *context, char *realm)
{
	(void)context;
	xfree(realm);
}

static int32_t kt_default_name(void *context, char *out, int size)
{
	(void)context;
	snprintf(out, (size_t)size, "FILE:/nowhere");
	return 0;
}

static int32_t cc_resolve(void *context, const char *name, void **cache)
{
	(void)context;
	(void)name;
	*cache = NULL;
	return 0;
}

static int32_t cc_destroy(void *context, void *cache)
{
	(void)context;
	(void)cache;
	return 0;
}

void (*fake_gss_find(const char *symbol))(void)
{
	static const struct {
		const char *name;
		void (*function)(void);
	} all[] = {
		{"gss_import_name", (void (*)(void))import_name},
		{"gss_display_name", (void (*)(void))display_name},
		{"gss_release_name", (void (*)(void))thing_free},
		{"gss_acquire_cred_from", (void (*)(void))acquire_cred_from},
		{"gss_release_cred", (void (*)(void))thing_free},
		{"gss_accept_sec_context", (void (*)(void))accept_sec_context},
		{"gss_init_sec_context", (void (*)(void))init_sec_context},
		{"gss_delete_sec_context", (void (*)(void))delete_sec_context},
		{"gss_wrap", (void (*)(void))wrap},
		{"gss_unwrap", (void (*)(void))unwrap},
		{"gss_display_status", (void (*)(void))display_status},
		{"gss_release_buffer", (void (*)(void))release_buffer},
		{"krb5_init_context", (void (*)(void))init_context},
		{"krb5_free_context", (void (*)(void))free_context},
		{"krb5_get_default_realm", (void (*)(void))get_default_realm},
		{"krb5_free_default_realm", (void (*)(void))free_default_realm},
		{"krb5_kt_default_name", (void (*)(void))kt_default_name},
		{"krb5_cc_resolve", (void (*)(void))cc_resolve},
		{"krb5_cc_destroy", (void (*)(void))cc_destroy},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].name, symbol) == 0)
			return all[i].function;
	check(false);
	return NULL;
}
