/*
 * credential: a user's SCRAM credential (KIP-554, KIP-900) in an image. The mechanism is the
 * record's number (security/scram.h).
 */
#ifndef ODRADEK_METADATA_CREDENTIAL_H
#define ODRADEK_METADATA_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "metadata/image.h"

struct user_scram_credential_record;

struct image_scram {
	int refs;
	int8_t mechanism;
	int32_t iterations;
	struct str user;
	struct bytes salt;
	struct bytes stored_key;
	struct bytes server_key;
};

const struct image_scram *image_scram(const struct image *i, int8_t mechanism, struct str user); /* NULL: none */
/* By mechanism, then by user. */
void image_scrams(const struct image *i, struct image_iter *it);
const struct image_scram *image_scrams_next(struct image_iter *it); /* NULL after the last */

/* As the differences of image.h. */
void image_diff_scrams(const struct image *old, const struct image *now,
		       void (*each)(void *arg, const struct image_scram *old, const struct image_scram *now),
		       void *arg);

/* ---- for this room ---- */

struct pmap_type;
extern const struct pmap_type IMAGE_SCRAMS;

/* One block, with one reference for the caller. */
struct image_scram *image_scram_new(const struct user_scram_credential_record *r);
/* Fills the record that describes it; it points into the credential. */
void image_scram_to_record(const struct image_scram *c, struct user_scram_credential_record *out);
bool image_scram_equal(const void *a, const void *b);

#endif
