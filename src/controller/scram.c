/*
 * scram: AlterUserScramCredentials (ScramControlManager; KIP-554): clients send a salted password,
 * from which the stored keys are derived.
 *
 * A user may be named once in a request. Where Kafka uses hash maps, records and answers are in the
 * order of those maps.
 */
#include <string.h>

#include "base/err.h"
#include "base/hash_order.h"
#include "base/str_index.h"
#include "controller/internal.h"
#include "metadata/credential.h"
#include "metadata/version.h"
#include "protocol/alter_user_scram_credentials.h"
#include "protocol/metadata_records.h"
#include "security/scram.h"

enum fate { NOTHING, DELETED, SET, REFUSED };

struct user {
	struct str name;
	enum fate fate;
	int32_t index; /* of the deletion, or of the upsertion */
	struct api_error error;
};

struct users {
	struct str_index index;
	struct user *v;
	int n;
};

#define TWICE "A user credential cannot be altered twice in the same request"

static struct user *user_of(struct users *u, struct str name)
{
	int *at = str_index_at(&u->index, name);

	if (*at < 0) {
		*at = u->n++;
		u->v[*at] = (struct user){.name = name};
	}
	return &u->v[*at];
}

static bool is_known(int8_t mechanism)
{
	return mechanism == SCRAM_SHA_256 || mechanism == SCRAM_SHA_512;
}

static struct api_error words(int code, struct str message)
{
	return (struct api_error){code, message};
}

static struct api_error check_common(const struct controller *c, struct str name, int8_t mechanism)
{
	if (image_metadata_version(tip(c)) < METADATA_VERSION_SCRAM)
		return words(ERR_UNSUPPORTED_VERSION, STR("The current metadata.version does not support SCRAM"));
	if (name.len == 0)
		return words(ERR_UNACCEPTABLE_CREDENTIAL, STR("Username must not be empty"));
	if (!is_known(mechanism))
		return words(ERR_UNSUPPORTED_SASL_MECHANISM, STR("Unknown SCRAM mechanism"));
	return API_OK;
}

static struct api_error check_deletion(const struct controller *c,
				       const struct alter_user_scram_credentials_request_deletion *d)
{
	struct api_error e = check_common(c, d->name, d->mechanism);

	if (e.code == 0 && !image_scram(tip(c), d->mechanism, d->name))
		e = words(ERR_RESOURCE_NOT_FOUND, STR("Attempt to delete a user credential that does not exist"));
	return e;
}

static struct api_error check_upsertion(const struct controller *c,
					const struct alter_user_scram_credentials_request_upsertion *u)
{
	struct api_error e = check_common(c, u->name, u->mechanism);

	if (e.code == 0 && u->iterations < SCRAM_ITERATIONS_MIN)
		e = words(ERR_UNACCEPTABLE_CREDENTIAL, STR("Too few iterations"));
	else if (e.code == 0 && u->iterations > SCRAM_ITERATIONS_MAX)
		e = words(ERR_UNACCEPTABLE_CREDENTIAL, STR("Too many iterations"));
	else if (e.code == 0 && u->salted_password.len <= 0) /* Java's key class throws for it */
		e = words(ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
	return e;
}

static void settle(struct user *u, enum fate fate, int32_t index, struct api_error e)
{
	u->fate = e.code ? REFUSED : fate;
	u->index = index;
	u->error = e;
}

static void read_users(const struct controller *c, const struct alter_user_scram_credentials_request *in,
		       struct users *users)
{
	for (int32_t i = 0; i < in->deletions.n; i++) {
		struct user *u = user_of(users, in->deletions.v[i].name);

		if (u->fate == DELETED)
			settle(u, REFUSED, i, words(ERR_DUPLICATE_RESOURCE, STR(TWICE)));
		else if (u->fate == NOTHING)
			settle(u, DELETED, i, check_deletion(c, &in->deletions.v[i]));
	}
	for (int32_t i = 0; i < in->upsertions.n; i++) {
		struct user *u = user_of(users, in->upsertions.v[i].name);

		if (u->fate == DELETED || u->fate == SET)
			settle(u, REFUSED, i, words(ERR_DUPLICATE_RESOURCE, STR(TWICE)));
		else if (u->fate == NOTHING)
			settle(u, SET, i, check_upsertion(c, &in->upsertions.v[i]));
	}
}

/* ---- records ---- */

static void add_removal(const struct alter_user_scram_credentials_request_deletion *d, struct record_list *records)
{
	struct remove_user_scram_credential_record *r =
		record_list_add(records, RECORD_REMOVE_USER_SCRAM_CREDENTIAL, 0);

	if (!r)
		return;
	r->name = d->name;
	r->mechanism = d->mechanism;
}

static struct bytes copy_key(enum scram_mechanism m, const struct scram_key *key, struct arena *a)
{
	struct str text = arena_str(a, (struct str){(const char *)key->b, (int32_t)scram_key_len(m)});

	return (struct bytes){(const uint8_t *)text.p, text.len};
}

static void add_credential(const struct alter_user_scram_credentials_request_upsertion *u, struct record_list *records)
{
	struct user_scram_credential_record *r = record_list_add(records, RECORD_USER_SCRAM_CREDENTIAL, 0);
	enum scram_mechanism m = (enum scram_mechanism)u->mechanism;
	struct scram_key stored, server;

	if (!r)
		return;
	scram_kept_keys(m, u->salted_password, &stored, &server);
	r->name = u->name;
	r->mechanism = u->mechanism;
	r->salt = u->salt;
	r->iterations = u->iterations;
	r->stored_key = copy_key(m, &stored, records->arena);
	r->server_key = copy_key(m, &server, records->arena);
	scram_key_wipe(&stored);
	scram_key_wipe(&server);
}

/* Those with one fate, in the order of a HashMap by name. */
static void write_fate(const struct users *users, enum fate fate, const struct alter_user_scram_credentials_request *in,
		       struct alter_user_scram_credentials_response *out, struct record_list *records)
{
	for (int i = 0; i < users->n; i++) {
		const struct user *u = &users->v[i];
		struct alter_user_scram_credentials_response_result *r = &out->results.v[out->results.n];

		if (u->fate != fate)
			continue;
		r->user = u->name;
		r->error_code = (int16_t)u->error.code;
		r->error_message =
			u->error.code && u->error.code != ERR_UNKNOWN_SERVER_ERROR && str_is_null(u->error.message)
				? str_of(err_message(u->error.code))
				: u->error.message;
		out->results.n++;
		if (fate == DELETED)
			add_removal(&in->deletions.v[u->index], records);
		else if (fate == SET)
			add_credential(&in->upsertions.v[u->index], records);
	}
}

/* All of Kafka's maps are ordered by one table here, sized as for the largest of them. */
static bool order(struct users *users, struct arena *a)
{
	int32_t *hashes = arena_array(a, (size_t)users->n + 1, sizeof(*hashes));

	if (!hashes)
		return false;
	for (int i = 0; i < users->n; i++)
		hashes[i] = str_java_hash(users->v[i].name);
	order_members(users->v, users->n, sizeof(*users->v), hashes, order_table(16, (size_t)users->n));
	return true;
}

int controller_alter_user_scram_credentials(struct controller *c, const struct controller_context *ctx,
					    const struct alter_user_scram_credentials_request *in,
					    struct alter_user_scram_credentials_response *out,
					    struct record_list *records)
{
	int n = in->deletions.n + in->upsertions.n;
	struct users users = {.v = arena_array(ctx->arena, (size_t)n + 1, sizeof(*users.v))};
	bool fine;

	if (n > RECORDS_PER_OPERATION_MAX)
		return refuse_large(ctx);
	out->results.v = arena_array(ctx->arena, (size_t)n + 1, sizeof(*out->results.v));
	if (!users.v || !out->results.v)
		return ERR_UNKNOWN_SERVER_ERROR;
	str_index_init(&users.index, ctx->random(ctx->random_arg));
	read_users(c, in, &users);
	str_index_fini(&users.index);
	fine = order(&users, ctx->arena);
	records->atomic = true;
	for (int fate = DELETED; fine && fate <= REFUSED; fate++)
		write_fate(&users, (enum fate)fate, in, out, records);
	return fine && !record_list_failed(records) ? 0 : ERR_UNKNOWN_SERVER_ERROR;
}
