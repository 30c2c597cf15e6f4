/* history: what may happen next, given the current image. */
#include "tests/metadata/history.h"

#include "base/check.h"
#include "metadata/acls.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"
#include "tests/base/cm.h"

static uint64_t below(struct history *h, uint64_t n)
{
	return cm_random(&h->chance) % n;
}

static struct uuid some_uuid(struct history *h)
{
	struct uuid u;

	for (int i = 0; i < 16; i++)
		u.b[i] = (uint8_t)cm_random(&h->chance);
	return u;
}

static int32_t *some_ids(struct history *h, struct arena *a, int32_t *n)
{
	int32_t *v = arena_array(a, 4, sizeof(*v));

	*n = (int32_t)below(h, 4);
	for (int32_t i = 0; i < *n; i++)
		v[i] = (int32_t)below(h, 5);
	return v;
}

#define SOME_IDS(h, a, list) ((list).v = some_ids(h, a, &(list).n))

static const struct image_topic *some_topic(struct history *h, const struct image *image)
{
	int n = image_topic_count(image);
	const struct image_topic *t = NULL;
	struct image_iter it;
	uint64_t at;

	if (n == 0)
		return NULL;
	at = below(h, (uint64_t)n);
	image_topics(image, &it);
	for (uint64_t i = 0; i <= at; i++)
		t = image_topics_next(&it);
	return t;
}

static void next_topic(struct history *h, struct record_list *l, struct arena *a)
{
	struct topic_record *r = record_list_add(l, RECORD_TOPIC, 0);

	r->name = arena_printf(a, "%c-topic-%d", (char)('a' + below(h, 26)), h->n_named++);
	r->topic_id = some_uuid(h);
}

static void next_partition(struct history *h, const struct image_topic *t, struct record_list *l, struct arena *a)
{
	struct partition_record *r = record_list_add(l, RECORD_PARTITION, 2);

	r->topic_id = t->id;
	r->partition_id = (int32_t)below(h, 6);
	SOME_IDS(h, a, r->replicas);
	SOME_IDS(h, a, r->isr);
	SOME_IDS(h, a, r->removing_replicas);
	SOME_IDS(h, a, r->eligible_leader_replicas);
	if (r->eligible_leader_replicas.n == 0)
		r->eligible_leader_replicas.n = -1;
	r->leader = (int32_t)below(h, 4) - 1;
	r->leader_epoch = 0;
	r->partition_epoch = 0;
	r->directories.v = arena_array(a, 4, sizeof(struct uuid));
	r->directories.n = r->replicas.n;
	for (int i = 0; i < r->directories.n; i++)
		r->directories.v[i] = some_uuid(h);
}

static void next_change(struct history *h, const struct image_topic *t, struct record_list *l, struct arena *a)
{
	struct partition_change_record *r = record_list_add(l, RECORD_PARTITION_CHANGE, 2);

	r->topic_id = t->id;
	r->partition_id = t->partitions[below(h, (uint64_t)t->n_partitions)]->id;
	if (below(h, 2))
		SOME_IDS(h, a, r->isr);
	if (below(h, 2))
		SOME_IDS(h, a, r->eligible_leader_replicas);
	if (below(h, 2))
		r->leader = (int32_t)below(h, 4) - 1;
	if (below(h, 4) == 0)
		r->leader_recovery_state = (int8_t)below(h, 2);
}

static void next_config(struct history *h, const struct image_topic *t, struct record_list *l, struct arena *a)
{
	struct config_record *r = record_list_add(l, RECORD_CONFIG, 0);

	r->resource_type = t ? RESOURCE_TOPIC : RESOURCE_BROKER;
	r->resource_name = t ? arena_str(a, t->name) : STR("");
	r->name = arena_printf(a, "key.%d", (int)below(h, 5));
	r->value = below(h, 3) ? arena_printf(a, "value %d", (int)below(h, 1000)) : STR_NULL;
}

static void next_broker(struct history *h, const struct image *image, struct record_list *l, struct arena *a)
{
	int32_t id = (int32_t)below(h, 5);
	const struct image_node *known = image_broker(image, id);
	struct register_broker_record *r;

	if (known && below(h, 2)) {
		struct broker_registration_change_record *c = record_list_add(l, RECORD_BROKER_REGISTRATION_CHANGE, 3);

		c->broker_id = id;
		c->broker_epoch = known->epoch;
		c->fenced = (int8_t)((int)below(h, 3) - 1);
		return;
	}
	r = record_list_add(l, RECORD_REGISTER_BROKER, 4);
	r->broker_id = id;
	r->broker_epoch = h->offset;
	r->incarnation_id = some_uuid(h);
	r->end_points.v = arena_array(a, 1, sizeof(*r->end_points.v));
	r->end_points.n = 1;
	r->end_points.v[0].name = STR("PLAINTEXT");
	r->end_points.v[0].host = arena_printf(a, "host-%d", id);
	r->end_points.v[0].port = 9092;
	r->rack = below(h, 2) ? STR("r1") : STR_NULL;
	r->log_dirs.v = arena_array(a, 1, sizeof(struct uuid));
	r->log_dirs.v[0] = some_uuid(h);
	r->log_dirs.n = 1;
}

static void next_carried(struct history *h, struct record_list *l, struct arena *a)
{
	if (below(h, 2)) {
		struct client_quota_record *r = record_list_add(l, RECORD_CLIENT_QUOTA, 0);

		r->entity.v = arena_array(a, 1, sizeof(*r->entity.v));
		r->entity.n = 1;
		r->entity.v[0].entity_type = STR("user");
		r->entity.v[0].entity_name = below(h, 2) ? arena_printf(a, "u%d", (int)below(h, 4)) : STR_NULL;
		r->key = STR("producer_byte_rate");
		r->value = (double)below(h, 1000);
		r->remove = below(h, 3) == 0;
	} else if (below(h, 3) == 0) {
		struct remove_user_scram_credential_record *r =
			record_list_add(l, RECORD_REMOVE_USER_SCRAM_CREDENTIAL, 0);

		r->name = arena_printf(a, "u%d", (int)below(h, 4));
		r->mechanism = (int8_t)(1 + below(h, 2));
	} else {
		struct user_scram_credential_record *r = record_list_add(l, RECORD_USER_SCRAM_CREDENTIAL, 0);

		r->name = arena_printf(a, "u%d", (int)below(h, 4));
		r->mechanism = (int8_t)(1 + below(h, 2));
		r->salt = r->stored_key = r->server_key = (struct bytes){(const uint8_t *)"abc", 3};
		r->iterations = 4096 + (int32_t)below(h, 3);
	}
}

/* Few names and principals, so that patterns and subjects meet repeatedly. */
static void next_acl(struct history *h, const struct image *image, struct record_list *l, struct arena *a)
{
	static const char *const names[] = {"a", "ab", "abc", "b", "*"};
	struct access_control_entry_record *r;
	const struct image_acl *known = NULL;
	struct image_iter it;

	image_acls(image, &it);
	for (uint64_t n = below(h, 4); n > 0; n--)
		known = image_acls_next(&it);
	if (known && below(h, 2)) {
		struct remove_access_control_entry_record *gone =
			record_list_add(l, RECORD_REMOVE_ACCESS_CONTROL_ENTRY, 0);

		gone->id = known->id;
		return;
	}
	r = record_list_add(l, RECORD_ACCESS_CONTROL_ENTRY, 0);
	r->id = known && below(h, 4) == 0 ? known->id : some_uuid(h);
	r->resource_type = (int8_t)(2 + below(h, 2));
	r->resource_name = str_of(names[below(h, 5)]);
	r->pattern_type = (int8_t)(3 + below(h, 2));
	r->principal = arena_printf(a, "User:u%d", (int)below(h, 3));
	r->host = below(h, 2) ? STR("*") : STR("10.0.0.0/8");
	r->operation = (int8_t)(2 + below(h, 3));
	r->permission_type = (int8_t)(2 + below(h, 2));
}

static void next_token(struct history *h, struct record_list *l, struct arena *a)
{
	struct str id = arena_printf(a, "t%d", (int)below(h, 5));
	struct delegation_token_record *r;

	if (below(h, 4) == 0) {
		((struct remove_delegation_token_record *)record_list_add(l, RECORD_REMOVE_DELEGATION_TOKEN, 0))
			->token_id = id;
		return;
	}
	r = record_list_add(l, RECORD_DELEGATION_TOKEN, 0);
	r->token_id = id;
	r->owner = arena_printf(a, "User:u%d", (int)below(h, 4));
	r->requester = STR("User:u0");
	r->renewers.n = (int32_t)below(h, 3);
	r->renewers.v = arena_array(a, 2, sizeof(*r->renewers.v));
	for (int i = 0; i < r->renewers.n; i++)
		r->renewers.v[i] = arena_printf(a, "User:r%d", i);
	r->issue_timestamp = 1000;
	r->max_timestamp = 9000;
	r->expiration_timestamp = 2000 + (int64_t)below(h, 3);
}

static void next_removal(const struct image_topic *t, struct record_list *l)
{
	struct remove_topic_record *r = record_list_add(l, RECORD_REMOVE_TOPIC, 0);

	r->topic_id = t->id;
}

struct metadata_record history_next(struct history *h, const struct image *image, struct arena *a)
{
	const struct image_topic *t = some_topic(h, image);
	struct record_list l;

	record_list_init(&l, a);
	if (image_metadata_version(image) == 0) {
		struct feature_level_record *r = record_list_add(&l, RECORD_FEATURE_LEVEL, 0);

		r->name = STR("metadata.version");
		r->feature_level = METADATA_VERSION_MAX;
		return l.v[0];
	}
	switch (below(h, 16)) {
	case 0:
	case 1:
		next_broker(h, image, &l, a);
		break;
	case 2:
		if (below(h, 2))
			next_carried(h, &l, a);
		else
			next_token(h, &l, a);
		break;
	case 3:
	case 4:
		next_config(h, t, &l, a);
		break;
	case 5:
		if (t && below(h, 2))
			next_removal(t, &l);
		break;
	case 6:
		if (t) {
			struct clear_elr_record *r = record_list_add(&l, RECORD_CLEAR_ELR, 0);

			r->topic_name = below(h, 2) ? arena_str(a, t->name) : STR("");
		}
		break;
	case 7:
	case 8:
	case 9:
		if (t)
			next_partition(h, t, &l, a);
		break;
	case 10:
	case 11:
	case 12:
		if (t && t->n_partitions > 0)
			next_change(h, t, &l, a);
		break;
	case 13:
		next_acl(h, image, &l, a);
		break;
	default:
		break;
	}
	if (l.n == 0)
		next_topic(h, &l, a);
	check(!record_list_failed(&l));
	return l.v[0];
}
