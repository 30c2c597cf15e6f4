/*
 * token: a delegation token (KIP-48) in an image. What its bearer shows, the HMAC of its id, is not
 * in the image: security/token.h.
 */
#ifndef ODRADEK_METADATA_TOKEN_H
#define ODRADEK_METADATA_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "metadata/image.h"

struct delegation_token_record;

/* Principals are as in the record: "User:alice". Times are wall clock. */
struct image_token {
	int refs;
	struct str id;
	struct str owner;
	struct str requester; /* who asked for it; usually the owner */
	const struct str *renewers;
	int n_renewers;
	int64_t issue_ms;
	int64_t max_ms; /* it cannot be renewed beyond this */
	int64_t expiry_ms;
};

const struct image_token *image_token(const struct image *i, struct str id); /* NULL when there is none */
int image_token_count(const struct image *i);
/* By id. */
void image_tokens(const struct image *i, struct image_iter *it);
const struct image_token *image_tokens_next(struct image_iter *it); /* NULL after the last */

/* ---- for this room ---- */

struct pmap_type;
extern const struct pmap_type IMAGE_TOKENS;

/* One block, with one reference for the caller. */
struct image_token *image_token_new(const struct delegation_token_record *r);
/* Fills the record that describes it; it points into the token. */
void image_token_to_record(const struct image_token *t, struct delegation_token_record *out);
bool image_token_equal(const void *a, const void *b);

#endif
