/*
 * image: records change it as Kafka's replay does; old images stay unchanged; a snapshot and a full
 * replay agree.
 */
#include <errno.h>
#include <string.h>

#include "tests/base/cm.h"

#include "base/mem.h"
#include "tests/metadata/history.h"
#include "metadata/credential.h"
#include "metadata/partition.h"
#include "metadata/replay.h"
#include "metadata/token.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"

static const struct uuid TOPIC_A = {{1}};
static const struct uuid TOPIC_B = {{2}};

/* ---- a batch at a time ---- */

struct world {
	struct arena arena;
	const struct image *image;
	struct record_list list;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	arena_init(&w->arena, 64 << 20);
	record_list_init(&w->list, &w->arena);
	w->image = image_new(STR("cluster"));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	image_unref(&w->image);
	arena_fini(&w->arena);
	xfree(w);
	return 0;
}

/* Applies the list and empties it. After an error the image is unchanged. */
static int apply(struct world *w)
{
	struct image_batch batch = {w->list.v, w->list.n, image_offset(w->image) + w->list.n, 1, 1000};
	const struct image *next;
	const char *why = NULL;
	int err = image_apply(w->image, &batch, &next, &why);

	record_list_init(&w->list, &w->arena);
	if (err == 0) {
		image_unref(&w->image);
		w->image = next;
	} else {
		assert_null(next);
		assert_non_null(why);
	}
	return err;
}

static void add_feature(struct world *w, const char *name, int16_t level)
{
	struct feature_level_record *r = record_list_add(&w->list, RECORD_FEATURE_LEVEL, 0);

	r->name = str_of(name);
	r->feature_level = level;
}

static void add_topic(struct world *w, const char *name, struct uuid id)
{
	struct topic_record *r = record_list_add(&w->list, RECORD_TOPIC, 0);

	r->name = str_of(name);
	r->topic_id = id;
}

static void set_ids(struct world *w, int32_t **v, int32_t *n, const int32_t *from, int32_t n_from)
{
	*v = arena_array(&w->arena, (size_t)n_from + 1, sizeof(**v));
	if (n_from > 0)
		memcpy(*v, from, (size_t)n_from * sizeof(**v));
	*n = n_from;
}

static struct partition_record *add_partition(struct world *w, struct uuid topic, int32_t id)
{
	struct partition_record *r = record_list_add(&w->list, RECORD_PARTITION, 2);
	static const int32_t replicas[] = {1, 2, 3};

	r->topic_id = topic;
	r->partition_id = id;
	set_ids(w, &r->replicas.v, &r->replicas.n, replicas, 3);
	set_ids(w, &r->isr.v, &r->isr.n, replicas, 3);
	r->leader = 1;
	r->leader_epoch = 0;
	r->partition_epoch = 0;
	return r;
}

static struct partition_change_record *add_change(struct world *w, struct uuid topic, int32_t id)
{
	struct partition_change_record *r = record_list_add(&w->list, RECORD_PARTITION_CHANGE, 2);

	r->topic_id = topic;
	r->partition_id = id;
	return r;
}

static struct config_record *add_config(struct world *w, int8_t type, const char *resource, const char *name,
					const char *value)
{
	struct config_record *r = record_list_add(&w->list, RECORD_CONFIG, 0);

	r->resource_type = type;
	r->resource_name = str_of(resource);
	r->name = str_of(name);
	r->value = str_of(value);
	return r;
}

static struct register_broker_record *add_broker(struct world *w, int32_t id, int64_t epoch)
{
	struct register_broker_record *r = record_list_add(&w->list, RECORD_REGISTER_BROKER, 4);

	r->broker_id = id;
	r->broker_epoch = epoch;
	r->end_points.v = arena_array(&w->arena, 1, sizeof(*r->end_points.v));
	r->end_points.n = 1;
	r->end_points.v[0].name = STR("PLAINTEXT");
	r->end_points.v[0].host = STR("localhost");
	r->end_points.v[0].port = 65535;
	return r;
}

/* ---- topics and partitions ---- */

static void a_topic_is_found_by_name_and_by_id(void **state)
{
	struct world *w = *state;

	add_topic(w, "b", TOPIC_B);
	add_topic(w, "a", TOPIC_A);
	add_partition(w, TOPIC_A, 0);
	assert_int_equal(apply(w), 0);
	assert_int_equal(image_offset(w->image), 2);
	assert_ptr_equal(image_topic_by_name(w->image, STR("a")), image_topic_by_id(w->image, TOPIC_A));
	assert_int_equal(image_topic_by_name(w->image, STR("a"))->n_partitions, 1);
	assert_int_equal(image_topic_by_name(w->image, STR("b"))->n_partitions, 0);
	assert_null(image_topic_by_name(w->image, STR("c")));
	assert_int_equal(image_topic_count(w->image), 2);
	assert_int_equal(image_partition_count(w->image), 1);
	assert_null(image_partition(w->image, TOPIC_A, 1));
	assert_null(image_partition(w->image, TOPIC_A, -1));
}

static void topics_are_iterated_by_name(void **state)
{
	struct world *w = *state;
	struct image_iter it;

	add_topic(w, "b", TOPIC_B);
	add_topic(w, "a", TOPIC_A);
	assert_int_equal(apply(w), 0);
	image_topics(w->image, &it);
	assert_true(str_is(image_topics_next(&it)->name, "a"));
	assert_true(str_is(image_topics_next(&it)->name, "b"));
	assert_null(image_topics_next(&it));
	image_topics_from(w->image, &it, STR("aa"));
	assert_true(str_is(image_topics_next(&it)->name, "b"));
}

static void an_old_image_does_not_see_what_came_later(void **state)
{
	struct world *w = *state;
	const struct image *old;

	add_topic(w, "a", TOPIC_A);
	add_partition(w, TOPIC_A, 0);
	assert_int_equal(apply(w), 0);
	old = image_ref(w->image);
	add_change(w, TOPIC_A, 0)->leader = 2;
	add_partition(w, TOPIC_A, 1);
	add_topic(w, "b", TOPIC_B);
	assert_int_equal(apply(w), 0);
	assert_int_equal(image_partition(old, TOPIC_A, 0)->leader, 1);
	assert_int_equal(image_topic_by_id(old, TOPIC_A)->n_partitions, 1);
	assert_null(image_topic_by_name(old, STR("b")));
	assert_int_equal(image_partition(w->image, TOPIC_A, 0)->leader, 2);
	assert_int_equal(image_partition(w->image, TOPIC_A, 0)->leader_epoch, 1);
	assert_int_equal(image_topic_by_id(w->image, TOPIC_A)->n_partitions, 2);
	image_unref(&old);
}

static void a_change_without_a_leader_raises_only_the_partition_epoch(void **state)
{
	struct world *w = *state;
	struct partition_change_record *r;
	const struct image_partition *p;

	add_topic(w, "a", TOPIC_A);
	add_partition(w, TOPIC_A, 0);
	r = add_change(w, TOPIC_A, 0);
	set_ids(w, &r->isr.v, &r->isr.n, (const int32_t[]){1, 2}, 2);
	r = add_change(w, TOPIC_A, 0);
	r->leader = -1;
	set_ids(w, &r->isr.v, &r->isr.n, NULL, 0);
	set_ids(w, &r->eligible_leader_replicas.v, &r->eligible_leader_replicas.n, (const int32_t[]){1}, 1);
	set_ids(w, &r->last_known_elr.v, &r->last_known_elr.n, (const int32_t[]){2}, 1);
	assert_int_equal(apply(w), 0);
	p = image_partition(w->image, TOPIC_A, 0);
	assert_int_equal(p->partition_epoch, 2);
	assert_int_equal(p->leader_epoch, 1);
	assert_int_equal(p->leader, -1);
	assert_int_equal(partition_replicas(p).n, 3);
	assert_int_equal(partition_isr(p).n, 0);
	assert_int_equal(partition_elr(p).v[0], 1);
	assert_int_equal(partition_last_known_elr(p).v[0], 2);
	assert_true(uuid_is_zero(partition_directory(p, 2)));
}

static void clearing_the_elr_raises_the_partition_epoch_where_there_was_one(void **state)
{
	struct world *w = *state;
	struct partition_record *r;
	struct clear_elr_record *clear;

	add_topic(w, "a", TOPIC_A);
	r = add_partition(w, TOPIC_A, 0);
	set_ids(w, &r->eligible_leader_replicas.v, &r->eligible_leader_replicas.n, (const int32_t[]){2}, 1);
	add_partition(w, TOPIC_A, 1);
	clear = record_list_add(&w->list, RECORD_CLEAR_ELR, 0);
	clear->topic_name = STR("");
	assert_int_equal(apply(w), 0);
	assert_int_equal(partition_elr(image_partition(w->image, TOPIC_A, 0)).n, 0);
	assert_int_equal(image_partition(w->image, TOPIC_A, 0)->partition_epoch, 1);
	assert_int_equal(image_partition(w->image, TOPIC_A, 1)->partition_epoch, 0);
	clear = record_list_add(&w->list, RECORD_CLEAR_ELR, 0);
	clear->topic_name = STR("unknown");
	assert_int_equal(apply(w), -EBADMSG);
}

static void removing_a_topic_takes_its_partitions_and_configuration(void **state)
{
	struct world *w = *state;
	struct remove_topic_record *r;

	add_topic(w, "a", TOPIC_A);
	add_partition(w, TOPIC_A, 0);
	add_config(w, RESOURCE_TOPIC, "a", "retention.ms", "1");
	assert_int_equal(apply(w), 0);
	r = record_list_add(&w->list, RECORD_REMOVE_TOPIC, 0);
	r->topic_id = TOPIC_A;
	assert_int_equal(apply(w), 0);
	assert_null(image_topic_by_name(w->image, STR("a")));
	assert_null(image_topic_by_id(w->image, TOPIC_A));
	assert_null(image_configs(w->image, RESOURCE_TOPIC, STR("a")));
	assert_int_equal(image_partition_count(w->image), 0);
	r = record_list_add(&w->list, RECORD_REMOVE_TOPIC, 0);
	r->topic_id = TOPIC_A;
	assert_int_equal(apply(w), -EBADMSG);
}

static void records_that_contradict_the_image_are_refused(void **state)
{
	struct world *w = *state;
	struct partition_record *p;

	add_topic(w, "a", TOPIC_A);
	assert_int_equal(apply(w), 0);
	add_topic(w, "a", TOPIC_B);
	assert_int_equal(apply(w), -EBADMSG);
	add_topic(w, "b", TOPIC_A);
	assert_int_equal(apply(w), -EBADMSG);
	add_partition(w, TOPIC_B, 0);
	assert_int_equal(apply(w), -EBADMSG);
	add_change(w, TOPIC_A, 0);
	assert_int_equal(apply(w), -EBADMSG);
	add_partition(w, TOPIC_A, -1);
	assert_int_equal(apply(w), -EBADMSG);
	p = add_partition(w, TOPIC_A, 0);
	p->leader_recovery_state = 2;
	assert_int_equal(apply(w), -EBADMSG);
	p = add_partition(w, TOPIC_A, 0);
	p->directories.v = arena_array(&w->arena, 2, sizeof(struct uuid));
	p->directories.n = 2;
	assert_int_equal(apply(w), -EBADMSG);
	assert_int_equal(image_topic_count(w->image), 1);
	assert_int_equal(image_offset(w->image), 0);
}

static void producer_ids_are_given_out_once(void **state)
{
	static const struct {
		int64_t next;
		int err;
	} steps[] = {{-7, -EBADMSG}, {1000, 0}, {2000, 0}, {2000, -EBADMSG}, {1000, -EBADMSG}, {-1, -EBADMSG}};
	struct world *w = *state;

	assert_int_equal(image_next_producer_id(w->image), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct producer_ids_record *r = record_list_add(&w->list, RECORD_PRODUCER_IDS, 0);

		r->next_producer_id = steps[i].next;
		assert_int_equal(apply(w), steps[i].err);
	}
	assert_int_equal(image_next_producer_id(w->image), 2000);
}

/* ---- brokers, features, configuration ---- */

static struct str value_of(const struct world *w, int8_t type, const char *resource, const char *name)
{
	return image_config_value(image_configs(w->image, (enum image_resource)type, str_of(resource)), str_of(name));
}

/* The records of one resource are put in together, and yet it is as if it had been one by one. */
static void of_settings_in_one_batch_the_last_counts(void **state)
{
	struct remove_topic_record *r;
	struct world *w = *state;

	add_topic(w, "a", TOPIC_A);
	add_config(w, RESOURCE_TOPIC, "a", "m", "1");
	add_config(w, RESOURCE_TOPIC, "a", "z", "1");
	assert_int_equal(apply(w), 0);
	add_config(w, RESOURCE_TOPIC, "a", "m", "2");
	add_config(w, RESOURCE_TOPIC, "a", "b", "2");
	add_config(w, RESOURCE_TOPIC, "a", "z", NULL);
	add_config(w, RESOURCE_TOPIC, "a", "m", NULL);
	add_config(w, RESOURCE_BROKER, "a", "m", "4"); /* another resource of that name */
	add_config(w, RESOURCE_TOPIC, "a", "m", "3");
	add_config(w, RESOURCE_TOPIC, "a", "c", NULL);
	assert_int_equal(apply(w), 0);
	assert_int_equal(image_configs(w->image, RESOURCE_TOPIC, STR("a"))->n, 2);
	assert_true(str_is(value_of(w, RESOURCE_TOPIC, "a", "m"), "3"));
	assert_true(str_is(value_of(w, RESOURCE_TOPIC, "a", "b"), "2"));
	assert_true(str_is(value_of(w, RESOURCE_BROKER, "a", "m"), "4"));
	add_config(w, RESOURCE_TOPIC, "a", "y", "5");
	r = record_list_add(&w->list, RECORD_REMOVE_TOPIC, 0);
	r->topic_id = TOPIC_A;
	add_config(w, RESOURCE_BROKER, "a", "m", NULL);
	assert_int_equal(apply(w), 0);
	assert_null(image_configs(w->image, RESOURCE_TOPIC, STR("a")));
	assert_null(image_configs(w->image, RESOURCE_BROKER, STR("a")));
}

static void a_batch_sets_thousands_of_settings_of_one_resource(void **state)
{
	enum { N = 10000 };
	struct world *w = *state;

	for (int i = N; i > 0; i--)
		add_config(w, RESOURCE_BROKER, "", (char *)arena_printf(&w->arena, "s%d", i).p, "v");
	assert_int_equal(apply(w), 0);
	assert_int_equal(image_configs(w->image, RESOURCE_BROKER, STR(""))->n, N);
	for (int i = 1; i <= N; i++)
		assert_true(str_is(value_of(w, RESOURCE_BROKER, "", (char *)arena_printf(&w->arena, "s%d", i).p), "v"));
	assert_true(str_is_null(value_of(w, RESOURCE_BROKER, "", "s0")));
}

static void a_broker_is_changed_by_records_of_its_epoch_only(void **state)
{
	struct world *w = *state;
	struct broker_registration_change_record *r;

	add_broker(w, 1, 5);
	assert_int_equal(apply(w), 0);
	assert_false(image_broker_is_active(w->image, 1));
	r = record_list_add(&w->list, RECORD_BROKER_REGISTRATION_CHANGE, 3);
	r->broker_id = 1;
	r->broker_epoch = 5;
	r->fenced = -1;
	assert_int_equal(apply(w), 0);
	assert_true(image_broker_is_active(w->image, 1));
	assert_int_equal(image_node_endpoint(image_broker(w->image, 1), STR("PLAINTEXT"))->port, 65535);
	assert_null(image_node_endpoint(image_broker(w->image, 1), STR("SSL")));
	r = record_list_add(&w->list, RECORD_BROKER_REGISTRATION_CHANGE, 3);
	r->broker_id = 1;
	r->broker_epoch = 4;
	r->in_controlled_shutdown = 1;
	assert_int_equal(apply(w), -EBADMSG);
	r = record_list_add(&w->list, RECORD_BROKER_REGISTRATION_CHANGE, 3);
	r->broker_id = 1;
	r->broker_epoch = 5;
	r->in_controlled_shutdown = 1;
	assert_int_equal(apply(w), 0);
	assert_false(image_broker_is_active(w->image, 1));
}

static void features_carry_levels_and_level_0_removes(void **state)
{
	struct world *w = *state;

	add_feature(w, "metadata.version", 33);
	add_feature(w, "group.version", 1);
	add_feature(w, "kraft.version", 1);
	assert_int_equal(apply(w), 0);
	assert_int_equal(image_metadata_version(w->image), 33);
	assert_int_equal(image_feature_level(w->image, STR("group.version")), 1);
	assert_int_equal(image_feature_level(w->image, STR("kraft.version")), 0);
	add_feature(w, "group.version", 0);
	assert_int_equal(apply(w), 0);
	assert_int_equal(image_feature_level(w->image, STR("group.version")), 0);
	add_feature(w, "metadata.version", METADATA_VERSION_MAX + 1);
	assert_int_equal(apply(w), -EBADMSG);
	add_feature(w, "metadata.version", METADATA_VERSION_MIN - 1);
	assert_int_equal(apply(w), -EBADMSG);
}

static void a_configuration_is_kept_by_name_and_null_removes(void **state)
{
	struct world *w = *state;
	const struct image_configs *c;

	add_config(w, RESOURCE_BROKER, "", "b", "1");
	add_config(w, RESOURCE_BROKER, "", "a", "2");
	add_config(w, RESOURCE_BROKER, "", "c", "3");
	add_config(w, RESOURCE_BROKER, "", "b", "4");
	assert_int_equal(apply(w), 0);
	c = image_configs(w->image, RESOURCE_BROKER, STR(""));
	assert_int_equal(c->n, 3);
	assert_true(str_is(c->v[0].name, "a"));
	assert_true(str_is(image_config_value(c, STR("b")), "4"));
	assert_true(str_is_null(image_config_value(c, STR("d"))));
	assert_true(str_is_null(image_config_value(NULL, STR("d"))));
	add_config(w, RESOURCE_BROKER, "", "a", NULL);
	add_config(w, RESOURCE_BROKER, "", "b", NULL);
	add_config(w, RESOURCE_BROKER, "", "c", NULL);
	add_config(w, RESOURCE_BROKER, "", "absent", NULL);
	assert_int_equal(apply(w), 0);
	assert_null(image_configs(w->image, RESOURCE_BROKER, STR("")));
}

static struct delegation_token_record *add_token(struct world *w, const char *id, struct str *renewers, int n)
{
	struct delegation_token_record *r = record_list_add(&w->list, RECORD_DELEGATION_TOKEN, 0);

	r->token_id = str_of(id);
	r->owner = STR("User:alice");
	r->requester = STR("User:bob");
	r->renewers.v = renewers;
	r->renewers.n = n;
	r->issue_timestamp = 1;
	r->max_timestamp = 3;
	r->expiration_timestamp = 2;
	return r;
}

static void a_token_is_found_by_its_id_until_it_is_removed(void **state)
{
	struct str renewers[] = {STR("User:carol"), STR("User:dave")};
	struct world *w = *state;
	const struct image_token *t;
	struct image_iter it;

	add_token(w, "b", renewers, 2);
	add_token(w, "a", NULL, 0);
	assert_int_equal(apply(w), 0);
	assert_int_equal(image_token_count(w->image), 2);
	t = image_token(w->image, STR("b"));
	assert_true(str_is(t->owner, "User:alice") && str_is(t->requester, "User:bob"));
	assert_int_equal(t->n_renewers, 2);
	assert_true(str_is(t->renewers[1], "User:dave"));
	assert_true(t->issue_ms == 1 && t->expiry_ms == 2 && t->max_ms == 3);
	image_tokens(w->image, &it);
	assert_true(str_is(image_tokens_next(&it)->id, "a"));
	add_token(w, "b", NULL, 0)->expiration_timestamp = 3;
	assert_int_equal(apply(w), 0);
	assert_true(image_token(w->image, STR("b"))->expiry_ms == 3);
	((struct remove_delegation_token_record *)record_list_add(&w->list, RECORD_REMOVE_DELEGATION_TOKEN, 0))
		->token_id = STR("b");
	assert_int_equal(apply(w), 0);
	assert_null(image_token(w->image, STR("b")));
	assert_int_equal(image_token_count(w->image), 1);
}

static void add_credential(struct world *w, int8_t mechanism, const char *user, int32_t iterations)
{
	struct user_scram_credential_record *r = record_list_add(&w->list, RECORD_USER_SCRAM_CREDENTIAL, 0);

	r->name = str_of(user);
	r->mechanism = mechanism;
	r->iterations = iterations;
	r->salt = (struct bytes){(const uint8_t *)"salt", 4};
	r->stored_key = (struct bytes){(const uint8_t *)"stored", 6};
	r->server_key = (struct bytes){(const uint8_t *)"server", 6};
}

static void a_credential_is_of_its_user_and_mechanism(void **state)
{
	struct world *w = *state;
	struct remove_user_scram_credential_record *gone;
	const struct image_scram *c;
	struct image_iter it;

	add_credential(w, 1, "alice", 4096);
	add_credential(w, 2, "alice", 8192);
	add_credential(w, 1, "bob", 4096);
	add_credential(w, 1, "bob", 5000);
	assert_int_equal(apply(w), 0);
	c = image_scram(w->image, 2, STR("alice"));
	assert_int_equal(c->iterations, 8192);
	assert_memory_equal(c->salt.p, "salt", 4);
	assert_memory_equal(c->stored_key.p, "stored", 6);
	assert_memory_equal(c->server_key.p, "server", 6);
	assert_int_equal(image_scram(w->image, 1, STR("bob"))->iterations, 5000);
	assert_null(image_scram(w->image, 2, STR("bob")));
	gone = record_list_add(&w->list, RECORD_REMOVE_USER_SCRAM_CREDENTIAL, 0);
	gone->name = STR("alice");
	gone->mechanism = 1;
	assert_int_equal(apply(w), 0);
	assert_null(image_scram(w->image, 1, STR("alice")));
	image_scrams(w->image, &it);
	assert_true(str_is(image_scrams_next(&it)->user, "bob"));
	assert_true(str_is(image_scrams_next(&it)->user, "alice"));
	assert_null(image_scrams_next(&it));
}

static void what_differs_is_told_once(void *arg, const struct image_topic *old, const struct image_topic *now)
{
	int *n = arg;

	assert_true(uuid_eq(old ? old->id : now->id, TOPIC_A) || !old);
	++*n;
}

static void a_difference_between_images_names_changed_topics(void **state)
{
	struct world *w = *state;
	const struct image *old;
	int n = 0;

	add_topic(w, "a", TOPIC_A);
	add_partition(w, TOPIC_A, 0);
	assert_int_equal(apply(w), 0);
	old = image_ref(w->image);
	add_change(w, TOPIC_A, 0)->leader = 2;
	add_topic(w, "b", TOPIC_B);
	assert_int_equal(apply(w), 0);
	image_diff_topics(old, w->image, what_differs_is_told_once, &n);
	assert_int_equal(n, 2);
	n = 0;
	image_diff_topics(w->image, w->image, what_differs_is_told_once, &n);
	assert_int_equal(n, 0);
	image_unref(&old);
}

/* ---- snapshots ---- */

struct rebuild {
	struct arena arena;
	const struct image *image;
};

/* Through bytes, as a snapshot on disk. */
static int rebuild_one(void *arg, const struct metadata_record *r)
{
	struct rebuild *b = arg;
	struct buf bytes = {0};
	struct metadata_record back;
	struct image_batch batch = {&back, 1, image_offset(b->image) + 1, 1, 0};
	const struct image *next;

	metadata_record_encode(r, &bytes);
	assert_int_equal(metadata_record_decode((struct bytes){bytes.p, (int32_t)bytes.len}, &b->arena, &back), 0);
	assert_int_equal(image_apply(b->image, &batch, &next, NULL), 0);
	image_unref(&b->image);
	b->image = next;
	buf_fini(&bytes);
	arena_reset(&b->arena);
	return 0;
}

static void assert_snapshot_is_equal(const struct image *image)
{
	struct rebuild b = {.image = image_new(image_cluster_id(image))};

	arena_init(&b.arena, 1 << 20);
	assert_int_equal(image_to_records(image, rebuild_one, &b), 0);
	assert_true(image_equal(image, b.image));
	image_unref(&b.image);
	arena_fini(&b.arena);
}

static void a_snapshot_at_any_point_of_a_random_history_equals_the_replay(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct history h = {seed, -1, 0};
		const struct image *image = image_new(STR("cluster"));

		for (int step = 0; step < 400; step++) {
			struct arena a;
			struct metadata_record r;
			struct image_batch batch = {&r, 1, ++h.offset, 1, 0};
			const struct image *next;

			arena_init(&a, 1 << 20);
			r = history_next(&h, image, &a);
			assert_int_equal(image_apply(image, &batch, &next, NULL), 0);
			image_unref(&image);
			image = next;
			arena_fini(&a);
			if (step % 40 == 39)
				assert_snapshot_is_equal(image);
		}
		assert_true(image_topic_count(image) > 10);
		image_unref(&image);
	}
}

static void images_that_differ_in_one_value_are_not_equal(void **state)
{
	struct world *w = *state;
	const struct image *old;

	add_topic(w, "a", TOPIC_A);
	add_partition(w, TOPIC_A, 0);
	assert_int_equal(apply(w), 0);
	old = image_ref(w->image);
	assert_true(image_equal(old, w->image));
	add_change(w, TOPIC_A, 0);
	assert_int_equal(apply(w), 0);
	assert_false(image_equal(old, w->image));
	image_unref(&old);
}

/* ---- metadata transactions ---- */

static void replay(struct world *w, struct replay *r, int expected)
{
	struct image_batch batch = {w->list.v, w->list.n, image_offset(r->tip) + w->list.n, 1, 1000};

	/* The tip is at the last record that is not a boundary. */
	assert_int_equal(replay_batch(r, &batch, NULL), expected);
	record_list_init(&w->list, &w->arena);
}

static void a_transaction_is_seen_when_it_has_ended(void **state)
{
	struct world *w = *state;
	struct replay r;

	replay_init(&r, image_new(STR("cluster")));
	add_topic(w, "before", TOPIC_B);
	record_list_add(&w->list, RECORD_BEGIN_TRANSACTION, 0);
	add_topic(w, "a", TOPIC_A);
	replay(w, &r, 0);
	assert_true(r.in_transaction);
	assert_int_equal(r.transaction_offset, 1);
	assert_int_equal(image_offset(r.image), 0);
	assert_non_null(image_topic_by_name(r.image, STR("before")));
	assert_null(image_topic_by_name(r.image, STR("a")));
	assert_non_null(image_topic_by_name(r.tip, STR("a")));
	record_list_add(&w->list, RECORD_END_TRANSACTION, 0);
	replay(w, &r, 0);
	assert_false(r.in_transaction);
	assert_int_equal(image_offset(r.image), 3);
	assert_non_null(image_topic_by_name(r.image, STR("a")));
	replay_fini(&r);
}

static void an_aborted_transaction_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct replay r;

	replay_init(&r, image_new(STR("cluster")));
	record_list_add(&w->list, RECORD_BEGIN_TRANSACTION, 0);
	add_topic(w, "a", TOPIC_A);
	replay(w, &r, 0);
	record_list_add(&w->list, RECORD_ABORT_TRANSACTION, 0);
	add_topic(w, "b", TOPIC_B);
	replay(w, &r, 0);
	assert_null(image_topic_by_name(r.tip, STR("a")));
	assert_non_null(image_topic_by_name(r.image, STR("b")));
	replay_fini(&r);
}

static void boundaries_out_of_order_are_refused_and_change_nothing(void **state)
{
	struct world *w = *state;
	struct replay r;

	replay_init(&r, image_new(STR("cluster")));
	add_topic(w, "a", TOPIC_A);
	record_list_add(&w->list, RECORD_END_TRANSACTION, 0);
	replay(w, &r, -EBADMSG);
	assert_null(image_topic_by_name(r.tip, STR("a")));
	record_list_add(&w->list, RECORD_BEGIN_TRANSACTION, 0);
	record_list_add(&w->list, RECORD_BEGIN_TRANSACTION, 0);
	replay(w, &r, -EBADMSG);
	assert_false(r.in_transaction);
	replay_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_topic_is_found_by_name_and_by_id, setup, teardown),
		cmocka_unit_test_setup_teardown(topics_are_iterated_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_image_does_not_see_what_came_later, setup, teardown),
		cmocka_unit_test_setup_teardown(a_change_without_a_leader_raises_only_the_partition_epoch, setup,
						teardown),
		cmocka_unit_test_setup_teardown(clearing_the_elr_raises_the_partition_epoch_where_there_was_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(removing_a_topic_takes_its_partitions_and_configuration, setup,
						teardown),
		cmocka_unit_test_setup_teardown(records_that_contradict_the_image_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(producer_ids_are_given_out_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_broker_is_changed_by_records_of_its_epoch_only, setup, teardown),
		cmocka_unit_test_setup_teardown(features_carry_levels_and_level_0_removes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_configuration_is_kept_by_name_and_null_removes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_token_is_found_by_its_id_until_it_is_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_credential_is_of_its_user_and_mechanism, setup, teardown),
		cmocka_unit_test_setup_teardown(a_difference_between_images_names_changed_topics, setup, teardown),
		cmocka_unit_test(a_snapshot_at_any_point_of_a_random_history_equals_the_replay),
		cmocka_unit_test_setup_teardown(images_that_differ_in_one_value_are_not_equal, setup, teardown),
		cmocka_unit_test_setup_teardown(of_settings_in_one_batch_the_last_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_batch_sets_thousands_of_settings_of_one_resource, setup, teardown),
		cmocka_unit_test_setup_teardown(a_transaction_is_seen_when_it_has_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(an_aborted_transaction_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(boundaries_out_of_order_are_refused_and_change_nothing, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
