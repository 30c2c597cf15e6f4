/*
 * credential: makes, compares and looks up SCRAM credentials.
 */
#include "metadata/credential.h"

#include <string.h>

#include "base/mem.h"
#include "metadata/image_private.h"
#include "protocol/metadata_records.h"

static int compare(const void *a, const void *b)
{
	const struct image_scram *x = a;
	const struct image_scram *y = b;

	if (x->mechanism != y->mechanism)
		return x->mechanism < y->mechanism ? -1 : 1;
	return str_cmp(x->user, y->user);
}

const struct pmap_type IMAGE_SCRAMS = {compare, xfree};

const struct image_scram *image_scram(const struct image *i, int8_t mechanism, struct str user)
{
	struct image_scram probe = {.mechanism = mechanism, .user = user};

	return pmap_find(&i->scram, &probe);
}

void image_scrams(const struct image *i, struct image_iter *it)
{
	pmap_iter(&i->scram, (struct pmap_iter *)it);
}

const struct image_scram *image_scrams_next(struct image_iter *it)
{
	return pmap_next((struct pmap_iter *)it);
}

struct diff {
	void (*each)(void *arg, const struct image_scram *old, const struct image_scram *now);
	void *arg;
};

static void diff_scram(void *arg, void *old, void *now)
{
	struct diff *d = arg;

	d->each(d->arg, old, now);
}

void image_diff_scrams(const struct image *old, const struct image *now,
		       void (*each)(void *arg, const struct image_scram *old, const struct image_scram *now), void *arg)
{
	struct diff d = {each, arg};

	pmap_diff(&old->scram, &now->scram, diff_scram, &d);
}

static struct bytes put(uint8_t **at, const void *p, int32_t len)
{
	struct bytes copy = {*at, len};

	if (len > 0)
		memcpy(*at, p, (size_t)len);
	*at += len;
	return copy;
}

struct image_scram *image_scram_new(const struct user_scram_credential_record *r)
{
	size_t size = (size_t)r->name.len + (size_t)r->salt.len + (size_t)r->stored_key.len + (size_t)r->server_key.len;
	struct image_scram *c = xmalloc(sizeof(*c) + size);
	uint8_t *at = (uint8_t *)(c + 1);

	*c = (struct image_scram){.refs = 1, .mechanism = r->mechanism, .iterations = r->iterations};
	c->user = (struct str){(const char *)put(&at, r->name.p, r->name.len).p, r->name.len};
	c->salt = put(&at, r->salt.p, r->salt.len);
	c->stored_key = put(&at, r->stored_key.p, r->stored_key.len);
	c->server_key = put(&at, r->server_key.p, r->server_key.len);
	return c;
}

void image_scram_to_record(const struct image_scram *c, struct user_scram_credential_record *out)
{
	*out = (struct user_scram_credential_record){
		.name = c->user,
		.mechanism = c->mechanism,
		.salt = c->salt,
		.stored_key = c->stored_key,
		.server_key = c->server_key,
		.iterations = c->iterations,
	};
}

bool image_scram_equal(const void *x, const void *y)
{
	const struct image_scram *a = x;
	const struct image_scram *b = y;

	return a->mechanism == b->mechanism && a->iterations == b->iterations && str_eq(a->user, b->user) &&
	       bytes_eq(a->salt, b->salt) && bytes_eq(a->stored_key, b->stored_key) &&
	       bytes_eq(a->server_key, b->server_key);
}
