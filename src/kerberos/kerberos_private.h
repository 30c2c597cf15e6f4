/*
 * kerberos_private: the part of the library's interface that is used (RFC 2744 and MIT's
 * extensions), declared to match its binary interface: no Kerberos header is needed at build time.
 */
#ifndef ODRADEK_KERBEROS_KERBEROS_PRIVATE_H
#define ODRADEK_KERBEROS_KERBEROS_PRIVATE_H

#include <stddef.h>

#include "kerberos/kerberos.h"

typedef uint32_t gss_status;

struct gss_buffer {
	size_t length;
	void *value;
};

struct gss_oid {
	uint32_t length;
	const void *elements;
};

struct gss_oid_set {
	size_t count;
	const struct gss_oid *elements;
};

struct gss_store_element {
	const char *key;
	const char *value;
};

struct gss_store {
	uint32_t count;
	const struct gss_store_element *elements;
};

enum {
	GSS_ACCEPT = 2,
	GSS_INITIATE = 1,
	GSS_CONTINUE_NEEDED = 1,
	GSS_MUTUAL = 2,
	GSS_REPLAY = 4,
	GSS_SEQUENCE = 8,
	GSS_CONFIDENTIAL = 16,
	GSS_INTEGRITY = 32,
	GSS_MAJOR_CODE = 1,
	GSS_MINOR_CODE = 2,
	KRB5_ERRORS = -1765328384, /* a protocol error is this plus its number (RFC 4120, 7.5.9) */
};

static inline bool gss_is_error(gss_status major) { return (major & 0xffff0000) != 0; }

/* Opaque handles are pointers. */
struct gss_functions {
	gss_status (*import_name)(gss_status *minor, const struct gss_buffer *, const struct gss_oid *, void **name);
	gss_status (*display_name)(gss_status *minor, void *name, struct gss_buffer *out, const struct gss_oid **);
	gss_status (*release_name)(gss_status *minor, void **name);
	gss_status (*acquire_cred_from)(gss_status *minor, void *name, uint32_t seconds, const struct gss_oid_set *,
					int usage, const struct gss_store *, void **cred, struct gss_oid_set **,
					uint32_t *lifetime);
	gss_status (*release_cred)(gss_status *minor, void **cred);
	gss_status (*accept_sec_context)(gss_status *minor, void **context, void *cred, const struct gss_buffer *in,
					 void *bindings, void **source, const struct gss_oid **, struct gss_buffer *out,
					 uint32_t *flags, uint32_t *seconds, void **delegated);
	gss_status (*init_sec_context)(gss_status *minor, void *cred, void **context, void *target,
				       const struct gss_oid *mechanism, uint32_t flags, uint32_t seconds,
				       void *bindings, const struct gss_buffer *in, const struct gss_oid **,
				       struct gss_buffer *out, uint32_t *got_flags, uint32_t *got_seconds);
	gss_status (*delete_sec_context)(gss_status *minor, void **context, struct gss_buffer *out);
	gss_status (*wrap)(gss_status *minor, void *context, int encrypt, uint32_t qop, const struct gss_buffer *in,
			   int *encrypted, struct gss_buffer *out);
	gss_status (*unwrap)(gss_status *minor, void *context, const struct gss_buffer *in, struct gss_buffer *out,
			     int *encrypted, uint32_t *qop);
	gss_status (*display_status)(gss_status *minor, gss_status value, int type, const struct gss_oid *,
				     uint32_t *more, struct gss_buffer *out);
	gss_status (*release_buffer)(gss_status *minor, struct gss_buffer *);
	int32_t (*init_context)(void **context);
	void (*free_context)(void *context);
	int32_t (*get_default_realm)(void *context, char **realm);
	void (*free_default_realm)(void *context, char *realm);
	int32_t (*kt_default_name)(void *context, char *out, int size);
	int32_t (*cc_resolve)(void *context, const char *name, void **cache);
	int32_t (*cc_destroy)(void *context, void *cache);
};

extern const struct gss_oid gss_krb5;		/* the Kerberos mechanism */
extern const struct gss_oid_set gss_krb5_alone; /* the set of that mechanism only */
extern const struct gss_oid gss_principal_name; /* "a/b@REALM" */
extern const struct gss_oid gss_service_name;	/* "service@host" */

static inline struct gss_buffer gss_buffer_of(struct str s)
{
	return (struct gss_buffer){(size_t)(s.len > 0 ? s.len : 0), (void *)(uintptr_t)s.p};
}

/* False: *why names what must be installed. */
bool gss_load(struct gss_functions *gss, struct buf *why);

/* Appends the contents and releases the buffer; false: more than GSS_TOKEN_MAX. */
bool gss_take(const struct gss_functions *gss, struct gss_buffer *from, struct buf *out);
/* Appends the library's messages for both codes. */
void gss_say(const struct gss_functions *gss, struct buf *why, gss_status major, gss_status minor);
/* NULL: *why gives the reason. */
void *gss_import(const struct gss_functions *gss, struct str text, const struct gss_oid *type, struct buf *why);
void gss_release(const struct gss_functions *gss, void **name);

#endif
