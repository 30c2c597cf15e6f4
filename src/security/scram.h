/*
 * scram: SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677) as in Kafka: keys and messages, for
 * both sides.
 *
 * As in Kafka, names and passwords are not normalised (no SASLprep), there is no channel binding,
 * and a name on the wire is ASCII. Nothing here reads a clock or generates a nonce: random bytes
 * are passed in. Intermediate keys are wiped; wiping keys in a caller's struct is up to the caller
 * (scram_key_wipe).
 */
#ifndef ODRADEK_SECURITY_SCRAM_H
#define ODRADEK_SECURITY_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* The numbers in messages and in the metadata log (Kafka's ScramMechanism). */
enum scram_mechanism { SCRAM_UNKNOWN = 0, SCRAM_SHA_256 = 1, SCRAM_SHA_512 = 2 };

enum { SCRAM_ITERATIONS_MIN = 4096, SCRAM_ITERATIONS_MAX = 16384, SCRAM_ITERATIONS_DEFAULT = 4096 };

const char *scram_mechanism_name(enum scram_mechanism m); /* "SCRAM-SHA-256"; "UNKNOWN" */
enum scram_mechanism scram_mechanism_of(struct str name); /* SCRAM_UNKNOWN: another mechanism */

/* ---- keys ---- */

#define SCRAM_KEY_MAX 64

struct scram_key {
	uint8_t b[SCRAM_KEY_MAX]; /* the first scram_key_len() bytes are used */
};

size_t scram_key_len(enum scram_mechanism m);
void scram_key_wipe(struct scram_key *k);

/* Hi(): its cost grows with the iterations, so never call it on a reactor of a server. */
void scram_salted_password(enum scram_mechanism m, struct str password, struct bytes salt, int32_t iterations,
			   struct scram_key *out);
void scram_client_key(enum scram_mechanism m, const struct scram_key *salted, struct scram_key *out);
void scram_server_key(enum scram_mechanism m, const struct scram_key *salted, struct scram_key *out);
void scram_stored_key(enum scram_mechanism m, const struct scram_key *client_key, struct scram_key *out);
/* Derives the stored keys from a salted password, which came from elsewhere and has any length but 0. */
void scram_kept_keys(enum scram_mechanism m, struct bytes salted, struct scram_key *stored, struct scram_key *server);
/*
 * HMAC. Of an auth message: the client's signature with the stored key, the server's with the
 * server key.
 */
void scram_sign(enum scram_mechanism m, const struct scram_key *key, struct str text, struct scram_key *out);
/* a ^= b: a client's key xor its signature is its proof; the proof xor the signature is the key. */
void scram_xor(enum scram_mechanism m, struct scram_key *a, const struct scram_key *b);
/* Compares in constant time; false when b is not as long as a key. */
bool scram_key_is(enum scram_mechanism m, const struct scram_key *a, struct bytes b);

/*
 * Kafka's nonces and salts: a number of 130 bits in base 36, from the first 130 bits of `chance`.
 * Returns the length.
 */
enum { SCRAM_CHANCE = 17, SCRAM_NONCE_MAX = 26 };
int scram_nonce(const uint8_t chance[SCRAM_CHANCE], char out[SCRAM_NONCE_MAX]);

/* ---- messages: views point into the text that was read; bytes are in the arena ---- */

/* "n,[a=authzid],[m=...,]n=name,r=nonce[,extensions]" */
struct scram_client_first {
	struct str gs2;	    /* "n,,": what the channel binding of the final message repeats in base64 */
	struct str bare;    /* the rest */
	struct str authzid; /* as written; null: none */
	struct str name;    /* as written: see scram_name_read */
	struct str nonce;
	struct str extensions; /* "tokenauth=true,..."; null: none */
};
bool scram_client_first_read(struct str text, struct scram_client_first *out);
/* name is escaped here; extensions may be null. Returns a null str when the arena's budget is spent. */
struct str scram_client_first_text(struct str name, struct str nonce, struct str extensions, struct arena *a);
/* The value of an extension, the last one of that name; null when absent. */
struct str scram_extension(struct str extensions, const char *name);

/* "[m=...,]r=nonce,s=salt,i=iterations[,extensions]" */
struct scram_server_first {
	struct str nonce;
	struct bytes salt;
	int32_t iterations; /* > 0 */
};
bool scram_server_first_read(struct str text, struct arena *a, struct scram_server_first *out);
/* The nonce is the concatenation of both. */
struct str scram_server_first_text(struct str client_nonce, struct str server_nonce, struct bytes salt,
				   int32_t iterations, struct arena *a);

/* "c=channel,r=nonce[,extensions],p=proof" */
struct scram_client_final {
	struct bytes channel;
	struct str nonce;
	struct str without_proof;
	struct bytes proof;
};
bool scram_client_final_read(struct str text, struct arena *a, struct scram_client_final *out);

/* "v=signature" or "e=error", with extensions. */
struct scram_server_final {
	struct str error; /* null: no error, and there is a signature */
	struct bytes signature;
};
bool scram_server_final_read(struct str text, struct arena *a, struct scram_server_final *out);

/* What both sides sign: the three messages, separated by commas. */
struct str scram_auth_message(struct str client_first_bare, struct str server_first, struct str without_proof,
			      struct arena *a);

/*
 * Escapes "," and "=" as "=2C" and "=3D", and back; false for any other "=". Null when the arena's
 * budget is spent.
 */
struct str scram_name_text(struct str name, struct arena *a);
bool scram_name_read(struct str text, struct arena *a, struct str *out);

#endif
