/*
 * token: makes, compares and looks up delegation tokens.
 */
#include "metadata/token.h"

#include <string.h>

#include "base/mem.h"
#include "metadata/image_private.h"
#include "protocol/metadata_records.h"

static int compare(const void *a, const void *b)
{
	return str_cmp(((const struct image_token *)a)->id, ((const struct image_token *)b)->id);
}

const struct pmap_type IMAGE_TOKENS = {compare, xfree};

const struct image_token *image_token(const struct image *i, struct str id)
{
	struct image_token probe = {.id = id};

	return pmap_find(&i->tokens, &probe);
}

int image_token_count(const struct image *i)
{
	return (int)i->tokens.n;
}

void image_tokens(const struct image *i, struct image_iter *it)
{
	pmap_iter(&i->tokens, (struct pmap_iter *)it);
}

const struct image_token *image_tokens_next(struct image_iter *it)
{
	return pmap_next((struct pmap_iter *)it);
}

static struct str put(char **at, struct str s)
{
	struct str copy = {*at, s.len};

	if (s.len > 0)
		memcpy(*at, s.p, (size_t)s.len);
	*at += s.len;
	return copy;
}

struct image_token *image_token_new(const struct delegation_token_record *r)
{
	size_t names = (size_t)r->renewers.n * sizeof(struct str);
	size_t text = (size_t)r->token_id.len + (size_t)r->owner.len + (size_t)r->requester.len;
	struct image_token *t;
	struct str *renewers;
	char *at;

	for (int32_t i = 0; i < r->renewers.n; i++)
		text += (size_t)r->renewers.v[i].len;
	t = xmalloc(sizeof(*t) + names + text);
	renewers = (struct str *)(t + 1);
	at = (char *)renewers + names;
	*t = (struct image_token){
		.refs = 1,
		.id = put(&at, r->token_id),
		.owner = put(&at, r->owner),
		.requester = put(&at, r->requester),
		.renewers = renewers,
		.n_renewers = r->renewers.n,
		.issue_ms = r->issue_timestamp,
		.max_ms = r->max_timestamp,
		.expiry_ms = r->expiration_timestamp,
	};
	for (int32_t i = 0; i < r->renewers.n; i++)
		renewers[i] = put(&at, r->renewers.v[i]);
	return t;
}

void image_token_to_record(const struct image_token *t, struct delegation_token_record *out)
{
	*out = (struct delegation_token_record){
		.owner = t->owner,
		.requester = t->requester,
		.renewers = {(struct str *)t->renewers, t->n_renewers},
		.issue_timestamp = t->issue_ms,
		.max_timestamp = t->max_ms,
		.expiration_timestamp = t->expiry_ms,
		.token_id = t->id,
	};
}

bool image_token_equal(const void *x, const void *y)
{
	const struct image_token *a = x;
	const struct image_token *b = y;

	if (a->n_renewers != b->n_renewers || a->issue_ms != b->issue_ms || a->max_ms != b->max_ms ||
	    a->expiry_ms != b->expiry_ms)
		return false;
	for (int i = 0; i < a->n_renewers; i++) {
		if (!str_eq(a->renewers[i], b->renewers[i]))
			return false;
	}
	return str_eq(a->id, b->id) && str_eq(a->owner, b->owner) && str_eq(a->requester, b->requester);
}
