/* quota: which quota applies to a client, by which tags it is counted, and how it is stored in an image. */
#include <stdio.h>
#include <string.h>

#include "tests/base/cm.h"

#include "base/mem.h"
#include "metadata/image.h"
#include "metadata/quota.h"
#include "protocol/metadata_records.h"

struct world {
	struct arena arena;
	const struct image *image;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	arena_init(&w->arena, 256 << 20);
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

/* Names: NULL: absent; "<default>": the default. */
struct quota {
	const char *user, *client_id, *ip;
	const char *key;
	double value;
	bool remove;
};

static void add_part(struct world *w, struct client_quota_record *r, const char *type, const char *name)
{
	bool is_default = name && strcmp(name, "<default>") == 0;

	if (!name)
		return;
	if (!r->entity.v)
		r->entity.v = arena_array(&w->arena, 3, sizeof(*r->entity.v));
	r->entity.v[r->entity.n++] =
		(struct client_quota_record_entity){str_of(type), is_default ? STR_NULL : str_of(name)};
}

static void set(struct world *w, const struct quota *q, int n)
{
	struct record_list list;
	struct image_batch batch;
	const struct image *next;

	record_list_init(&list, &w->arena);
	for (int i = 0; i < n; i++) {
		struct client_quota_record *r = record_list_add(&list, RECORD_CLIENT_QUOTA, 0);

		add_part(w, r, "user", q[i].user);
		add_part(w, r, "ip", q[i].ip);
		add_part(w, r, "client-id", q[i].client_id);
		r->key = str_of(q[i].key);
		r->value = q[i].value;
		r->remove = q[i].remove;
	}
	batch = (struct image_batch){list.v, list.n, image_offset(w->image) + list.n, 1, 1000};
	assert_int_equal(image_apply(w->image, &batch, &next, NULL), 0);
	image_unref(&w->image);
	w->image = next;
}

#define SET(w, ...)                                                                                                    \
	do {                                                                                                           \
		const struct quota v_[] = {__VA_ARGS__};                                                               \
		set(w, v_, (int)(sizeof(v_) / sizeof(v_[0])));                                                         \
	} while (0)

/* "user|client id=value", with the tags it is counted by. */
static const char *held(struct world *w, enum image_quota q, const char *user, const char *client_id)
{
	struct image_quota_tags tags;
	struct str text;
	double limit;

	image_quota_tags(w->image, q, str_of(user), str_of(client_id), &tags);
	limit = image_quota_limit(w->image, q, &tags);
	text = arena_printf(&w->arena, "%.*s|%.*s=%g%c", STR_ARG(tags.user), STR_ARG(tags.client_id),
			    limit == IMAGE_QUOTA_NONE ? -1 : limit, 0);
	return text.p;
}

/* Each line removes the quota that applies, so that the next in precedence applies. */
static void the_order_of_precedence_is_Kafkas(void **state)
{
	struct world *w = *state;
	const char *k = "producer_byte_rate";

	SET(w, {"u", "c", NULL, k, 1, false}, {"u", "<default>", NULL, k, 2, false}, {"u", NULL, NULL, k, 3, false},
	    {"<default>", "c", NULL, k, 4, false}, {"<default>", "<default>", NULL, k, 5, false},
	    {"<default>", NULL, NULL, k, 6, false}, {NULL, "c", NULL, k, 7, false},
	    {NULL, "<default>", NULL, k, 8, false});
	assert_int_equal(image_quota_levels(w->image, IMAGE_QUOTA_PRODUCE), 7);
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "u|c=1");
	SET(w, {"u", "c", NULL, k, 0, true});
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "u|c=2");
	SET(w, {"u", "<default>", NULL, k, 0, true});
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "u|=3");
	SET(w, {"u", NULL, NULL, k, 0, true});
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "u|c=4");
	SET(w, {"<default>", "c", NULL, k, 0, true});
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "u|c=5");
	SET(w, {"<default>", "<default>", NULL, k, 0, true});
	assert_int_equal(image_quota_levels(w->image, IMAGE_QUOTA_PRODUCE), QUOTA_OF_USER | QUOTA_OF_CLIENT);
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "u|=6");
	SET(w, {"<default>", NULL, NULL, k, 0, true});
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "|c=7");
	SET(w, {NULL, "c", NULL, k, 0, true});
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "|c=8");
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", ""), "|=-1");
	SET(w, {NULL, "<default>", NULL, k, 0, true});
	assert_string_equal(held(w, IMAGE_QUOTA_PRODUCE, "u", "c"), "|c=-1");
	assert_int_equal(image_quota_levels(w->image, IMAGE_QUOTA_PRODUCE), 0);
	assert_false(image_has_quotas(w->image));
}

static void one_level_alone_is_what_is_counted_by(void **state)
{
	struct world *w = *state;

	SET(w, {"u", NULL, NULL, "consumer_byte_rate", 9, false}, {"u", "c", NULL, "request_percentage", 50, false});
	assert_string_equal(held(w, IMAGE_QUOTA_FETCH, "u", "c"), "u|=9");
	assert_string_equal(held(w, IMAGE_QUOTA_FETCH, "v", "c"), "v|=-1");
	assert_string_equal(held(w, IMAGE_QUOTA_REQUEST, "u", "c"), "u|c=50");
	assert_string_equal(held(w, IMAGE_QUOTA_REQUEST, "u", "d"), "u|d=-1");
	assert_int_equal(image_quota_levels(w->image, IMAGE_QUOTA_PRODUCE), 0);
	assert_int_equal(image_quota_levels(w->image, IMAGE_QUOTA_FETCH), QUOTA_OF_USER);
	assert_int_equal(image_quota_levels(w->image, IMAGE_QUOTA_REQUEST), QUOTA_OF_BOTH);
}

static void a_value_that_changes_is_counted_once(void **state)
{
	struct world *w = *state;
	struct str c = STR("c"), ip = STR("::1");
	double value = 0;

	SET(w, {NULL, "c", NULL, "producer_byte_rate", 1, false});
	assert_int_equal(image_quotas_offset(w->image), 0);
	SET(w, {NULL, "c", NULL, "producer_byte_rate", 2, false},
	    {NULL, NULL, "::1", "connection_creation_rate", 4, false});
	assert_int_equal(image_quotas_offset(w->image), 2);
	assert_true(image_quota_find(w->image, &(struct image_quota_entity){.client_id = &c}, STR("producer_byte_rate"),
				     &value));
	assert_true(value == 2);
	assert_true(image_quota_find(w->image, &(struct image_quota_entity){.ip = &ip}, STR("connection_creation_rate"),
				     &value));
	assert_true(value == 4);
	assert_false(image_quota_find(w->image, &(struct image_quota_entity){.user = &c}, STR("producer_byte_rate"),
				      &value));
	SET(w, {NULL, "c", NULL, "producer_byte_rate", 0, true});
	assert_int_equal(image_quota_levels(w->image, IMAGE_QUOTA_PRODUCE), 0);
	assert_true(image_quota_levels(w->image, IMAGE_QUOTA_CONNECTION) != 0);
}

/* What a later release may write is kept, and applies to nobody. */
static void what_is_not_known_holds_for_nobody(void **state)
{
	struct world *w = *state;
	struct image_iter it;
	int n = 0;

	SET(w, {NULL, "c", "1.2.3.4", "producer_byte_rate", 1, false},
	    {"u", NULL, NULL, "connection_creation_rate", 1, false}, {NULL, "c", NULL, "colour", 3, false});
	for (int q = 0; q < IMAGE_QUOTAS; q++)
		assert_int_equal(image_quota_levels(w->image, (enum image_quota)q), 0);
	image_quotas(w->image, &it);
	while (image_quotas_next(&it, &w->arena))
		n++;
	assert_int_equal(n, 3);
}

static int keep(void *arg, const struct metadata_record *r)
{
	struct world *w = arg;
	struct image_batch batch = {r, 1, image_offset(w->image) + 1, 1, 1000};
	const struct image *next;

	assert_int_equal(image_apply(w->image, &batch, &next, NULL), 0);
	image_unref(&w->image);
	w->image = next;
	return 0;
}

static void ten_thousand_survive_a_snapshot(void **state)
{
	struct world *w = *state, copy;
	char name[16];

	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		SET(w, {i % 2 ? "u" : NULL, name, NULL, "producer_byte_rate", 1000 + i, false});
	}
	arena_init(&copy.arena, 1 << 20);
	copy.image = image_new(STR("cluster"));
	assert_int_equal(image_to_records(w->image, keep, &copy), 0);
	assert_true(image_equal(w->image, copy.image));
	assert_int_equal(image_quota_levels(copy.image, IMAGE_QUOTA_PRODUCE), QUOTA_OF_CLIENT | QUOTA_OF_BOTH);
	assert_string_equal(held(&copy, IMAGE_QUOTA_PRODUCE, "u", "c7777"), "u|c7777=8777");
	assert_string_equal(held(&copy, IMAGE_QUOTA_PRODUCE, "u", "c7776"), "|c7776=8776");
	image_unref(&copy.image);
	arena_fini(&copy.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_order_of_precedence_is_Kafkas, setup, teardown),
		cmocka_unit_test_setup_teardown(one_level_alone_is_what_is_counted_by, setup, teardown),
		cmocka_unit_test_setup_teardown(a_value_that_changes_is_counted_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_known_holds_for_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(ten_thousand_survive_a_snapshot, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
