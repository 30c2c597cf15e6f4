/*
 * quota: finds the quota that applies to a client, and keeps the quotas' keys.
 *
 * A quota's key in the image's map is its entity, part by part in the order of their types,
 * followed by its name: `9:client-id3:abc4:user-1:` and then `producer_byte_rate` (-1: the
 * default).
 */
#include "metadata/quota.h"

#include <string.h>

#include "base/check.h"
#include "metadata/image_private.h"
#include "protocol/metadata_records.h"

static const char *const NAMES[IMAGE_QUOTAS] = {
	[IMAGE_QUOTA_PRODUCE] = "producer_byte_rate",	       [IMAGE_QUOTA_FETCH] = "consumer_byte_rate",
	[IMAGE_QUOTA_REQUEST] = "request_percentage",	       [IMAGE_QUOTA_MUTATION] = "controller_mutation_rate",
	[IMAGE_QUOTA_CONNECTION] = "connection_creation_rate",
};

/* ---- keys ---- */

static void put_len(struct buf *key, int32_t len)
{
	char digits[12];
	int at = (int)sizeof(digits);

	digits[--at] = ':';
	if (len < 0) {
		buf_put(key, "-1:", 3);
		return;
	}
	do
		digits[--at] = (char)('0' + len % 10);
	while ((len /= 10) > 0);
	buf_put(key, digits + at, sizeof(digits) - (size_t)at);
}

static void put_part(struct buf *key, struct str type, struct str name)
{
	put_len(key, type.len);
	buf_put_str(key, type);
	put_len(key, str_is_null(name) ? -1 : name.len);
	if (name.len > 0)
		buf_put_str(key, name);
}

void quota_key_of_record(const struct client_quota_record *r, struct buf *key)
{
	struct str last = STR_NULL;

	for (int32_t round = 0; round < r->entity.n; round++) {
		int least = -1;

		for (int32_t i = 0; i < r->entity.n; i++) {
			struct str type = r->entity.v[i].entity_type;

			if (str_cmp(type, last) > 0 && (least < 0 || str_cmp(type, r->entity.v[least].entity_type) < 0))
				least = i;
		}
		if (least < 0)
			break;
		last = r->entity.v[least].entity_type;
		put_part(key, last, r->entity.v[least].entity_name);
	}
	buf_put_str(key, r->key);
}

static void key_of_entity(const struct image_quota_entity *e, struct str name, struct buf *key)
{
	if (e->client_id)
		put_part(key, STR("client-id"), *e->client_id);
	if (e->ip)
		put_part(key, STR("ip"), *e->ip);
	if (e->user)
		put_part(key, STR("user"), *e->user);
	buf_put_str(key, name);
}

/* ---- levels ---- */

static bool has_type(const struct client_quota_record *r, const char *type)
{
	for (int32_t i = 0; i < r->entity.n; i++)
		if (str_is(r->entity.v[i].entity_type, type))
			return true;
	return false;
}

/* The counter for the quota at its level; -1: a kind unknown to this release. */
int quota_level_of_record(const struct client_quota_record *r)
{
	bool user = has_type(r, "user"), client = has_type(r, "client-id"), ip = has_type(r, "ip");
	int level = user && client ? 2 : user ? 1 : 0;

	for (int q = 0; q < IMAGE_QUOTAS; q++)
		if (str_is(r->key, NAMES[q]) && ip == (q == IMAGE_QUOTA_CONNECTION) && (ip || user || client))
			return q * QUOTA_LEVELS + level;
	return -1;
}

bool image_has_quotas(const struct image *i)
{
	return i->quotas.n > 0;
}

int image_quota_levels(const struct image *i, enum image_quota q)
{
	int levels = 0;

	for (int level = 0; level < QUOTA_LEVELS; level++)
		if (i->n_quotas[q * QUOTA_LEVELS + level] > 0)
			levels |= 1 << level;
	return levels;
}

int64_t image_quotas_offset(const struct image *i)
{
	return i->quotas_offset;
}

/* ---- look-ups ---- */

bool image_quota_find(const struct image *i, const struct image_quota_entity *e, struct str name, double *value)
{
	struct image_quota_set probe = {0};
	const struct image_quota_set *found;
	struct buf key = {0};

	buf_reserve(&key, 64 + (size_t)(e->user ? e->user->len : 0) + (size_t)(e->client_id ? e->client_id->len : 0));
	key_of_entity(e, name, &key);
	probe.key = buf_str(&key);
	found = pmap_find(&i->quotas, &probe);
	buf_fini(&key);
	if (found)
		*value = found->value;
	return found != NULL;
}

static const struct str DEFAULT = {NULL, 0};

/*
 * The levels in their order of precedence, and the names by which usage is counted when the quota
 * of a level applies.
 */
static bool find_at(const struct image *i, enum image_quota q, const struct str *user, const struct str *client_id,
		    double *value)
{
	struct image_quota_entity e = {.user = user, .client_id = client_id};

	return image_quota_find(i, &e, str_of(NAMES[q]), value);
}

void image_quota_tags(const struct image *i, enum image_quota q, struct str user, struct str client_id,
		      struct image_quota_tags *out)
{
	int levels = image_quota_levels(i, q);
	bool both = levels & QUOTA_OF_BOTH, of_user = levels & QUOTA_OF_USER;
	double value;

	*out = (struct image_quota_tags){user, client_id};
	if (levels == 0 || levels == QUOTA_OF_CLIENT)
		out->user = STR("");
	else if (levels == QUOTA_OF_USER)
		out->client_id = STR("");
	else if (levels == QUOTA_OF_BOTH ||
		 (both && (find_at(i, q, &user, &client_id, &value) || find_at(i, q, &user, &DEFAULT, &value))))
		return;
	else if (of_user && find_at(i, q, &user, NULL, &value))
		out->client_id = STR("");
	else if (both && (find_at(i, q, &DEFAULT, &client_id, &value) || find_at(i, q, &DEFAULT, &DEFAULT, &value)))
		return;
	else if (of_user && find_at(i, q, &DEFAULT, NULL, &value))
		out->client_id = STR("");
	else
		out->user = STR("");
}

double image_quota_limit(const struct image *i, enum image_quota q, const struct image_quota_tags *tags)
{
	const struct str *user = &tags->user, *client = &tags->client_id;
	double value = IMAGE_QUOTA_NONE;

	if (user->len > 0 && client->len > 0)
		(void)(find_at(i, q, user, client, &value) || find_at(i, q, user, &DEFAULT, &value) ||
		       find_at(i, q, &DEFAULT, client, &value) || find_at(i, q, &DEFAULT, &DEFAULT, &value));
	else if (user->len > 0)
		(void)(find_at(i, q, user, NULL, &value) || find_at(i, q, &DEFAULT, NULL, &value));
	else if (client->len > 0)
		(void)(find_at(i, q, NULL, client, &value) || find_at(i, q, NULL, &DEFAULT, &value));
	return value;
}

/* ---- iteration ---- */

void image_quotas(const struct image *i, struct image_iter *it)
{
	pmap_iter(&i->quotas, (struct pmap_iter *)it);
}

const struct client_quota_record *image_quotas_next(struct image_iter *it, struct arena *a)
{
	const struct image_quota_set *set = pmap_next((struct pmap_iter *)it);
	struct metadata_record r;
	int err;

	if (!set)
		return NULL;
	err = metadata_record_decode(set->record, a, &r);
	check(err == 0 || a->failed); /* it was encoded by apply.c */
	return err == 0 ? r.body : NULL;
}

#define ADDRESS "2:ip"

/* The name in the key of an address's quota. */
static struct str address_of(struct str key)
{
	const char *end = key.p + key.len, *p = key.p + sizeof(ADDRESS) - 1;
	int32_t len = 0;

	if (p < end && *p == '-')
		return STR_NULL;
	for (; p < end && *p != ':'; p++)
		len = len * 10 + (*p - '0');
	check(end - p > len);
	return (struct str){p + 1, len};
}

/* Their keys are adjacent. */
void image_each_address(const struct image *i, void (*each)(void *arg, struct str ip, double value), void *arg)
{
	struct image_quota_set probe = {.key = STR(ADDRESS)};
	const struct image_quota_set *set;
	struct pmap_iter it;

	pmap_iter_from(&i->quotas, &it, &probe);
	while ((set = pmap_next(&it)) && set->key.len > (int32_t)sizeof(ADDRESS) &&
	       memcmp(set->key.p, ADDRESS, sizeof(ADDRESS) - 1) == 0)
		if (set->level == IMAGE_QUOTA_CONNECTION * QUOTA_LEVELS)
			each(arg, address_of(set->key), set->value);
}
