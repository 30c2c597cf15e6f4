/*
 * acceptor: the node's own keys, and the contexts that clients establish with them. Keys are read
 * from the key table for each context, so added ones are effective at once.
 */
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "kerberos/kerberos_private.h"
#include "wire/gss.h"

enum { TICKET_NOT_YET_VALID = KRB5_ERRORS + 33, REQUEST_SEEN_BEFORE = KRB5_ERRORS + 34 };

struct acceptor {
	struct gss_acceptor base;
	struct gss_functions gss;
	void *cred;
};

struct gss_context {
	const struct acceptor *acceptor;
	const struct gss_functions *gss; /* the acceptor's */
	void *context;
	void *peer;
};

static struct gss_context *open_context(const struct gss_acceptor *a)
{
	struct gss_context *c = xcalloc(1, sizeof(*c));

	c->acceptor = container_of(a, struct acceptor, base);
	c->gss = &c->acceptor->gss;
	return c;
}

static enum gss_turn accept(struct gss_context *c, struct str in, struct buf *out, struct buf *why)
{
	struct gss_buffer token = gss_buffer_of(in), answer = {0};
	gss_status minor, major;
	bool fits;

	gss_release(c->gss, &c->peer);
	major = c->gss->accept_sec_context(&minor, &c->context, c->acceptor->cred, &token, NULL, &c->peer, NULL,
					   &answer, NULL, NULL, NULL);
	fits = gss_take(c->gss, &answer, out);
	if (gss_is_error(major)) {
		gss_say(c->gss, why, major, minor);
		return (int32_t)minor == TICKET_NOT_YET_VALID || (int32_t)minor == REQUEST_SEEN_BEFORE
			       ? GSS_FAILED_FOR_NOW
			       : GSS_FAILED;
	}
	if (!fits) {
		buf_put_str(why, STR("its answer would be too long"));
		return GSS_FAILED;
	}
	return major & GSS_CONTINUE_NEEDED ? GSS_GOES_ON : GSS_ESTABLISHED;
}

static bool ends_well(const struct gss_context *c, gss_status major, gss_status minor, struct gss_buffer *answer,
		      struct buf *out, struct buf *why)
{
	if (gss_is_error(major))
		gss_say(c->gss, why, major, minor);
	return gss_take(c->gss, answer, out) && !gss_is_error(major);
}

static bool peer(struct gss_context *c, struct buf *name, struct buf *why)
{
	struct gss_buffer text = {0};
	gss_status minor, major;

	if (!c->peer)
		return false;
	major = c->gss->display_name(&minor, c->peer, &text, NULL);
	return ends_well(c, major, minor, &text, name, why);
}

static bool wrap(struct gss_context *c, struct str in, struct buf *out, struct buf *why)
{
	struct gss_buffer message = gss_buffer_of(in), answer = {0};
	gss_status minor, major = c->gss->wrap(&minor, c->context, 0, 0, &message, NULL, &answer);

	return ends_well(c, major, minor, &answer, out, why);
}

static bool unwrap(struct gss_context *c, struct str in, struct buf *out, struct buf *why)
{
	struct gss_buffer message = gss_buffer_of(in), answer = {0};
	gss_status minor, major = c->gss->unwrap(&minor, c->context, &message, &answer, NULL, NULL);

	return ends_well(c, major, minor, &answer, out, why);
}

static void close_context(struct gss_context *c)
{
	gss_status minor;

	gss_release(c->gss, &c->peer);
	if (c->context)
		c->gss->delete_sec_context(&minor, &c->context, NULL);
	xfree(c);
}

static void acceptor_free(struct gss_acceptor *base)
{
	struct acceptor *a = container_of(base, struct acceptor, base);
	gss_status minor;

	a->gss.release_cred(&minor, &a->cred);
	xfree(a);
}

static void *acquire_keys(const struct gss_functions *gss, struct str principal, const char *keytab, struct buf *why)
{
	const struct gss_store_element element = {"keytab", keytab};
	const struct gss_store store = {keytab ? 1 : 0, &element};
	void *name = gss_import(gss, principal, &gss_principal_name, why), *cred = NULL;
	gss_status minor, major;

	if (!name)
		return NULL;
	major = gss->acquire_cred_from(&minor, name, UINT32_MAX, &gss_krb5_alone, GSS_ACCEPT, &store, &cred, NULL,
				       NULL);
	if (gss_is_error(major))
		gss_say(gss, why, major, minor);
	gss_release(gss, &name);
	return cred;
}

struct gss_acceptor *kerberos_acceptor_new(struct str principal, struct str keytab, struct buf *why)
{
	static const struct gss_acceptor_ops ops = {open_context, accept,	 peer,	       wrap,
						    unwrap,	  close_context, acceptor_free};
	struct acceptor *a = xcalloc(1, sizeof(*a));
	char *path = str_is_null(keytab) ? NULL : str_dup(keytab);

	a->base.ops = &ops;
	if (gss_load(&a->gss, why))
		a->cred = acquire_keys(&a->gss, principal, path, why);
	xfree(path);
	if (a->cred)
		return &a->base;
	xfree(a);
	return NULL;
}
