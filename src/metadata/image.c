/*
 * image: the persistent maps behind an image, look-ups and iteration over them.
 */
#include "metadata/image.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "metadata/credential.h"
#include "metadata/image_private.h"
#include "metadata/partition.h"
#include "metadata/token.h"

_Static_assert(IMAGE_DEPTH_MAX == PMAP_DEPTH_MAX && sizeof(struct image_iter) == sizeof(struct pmap_iter),
	       "an image_iter is a pmap_iter");

/* ---- kinds of members ---- */

static int compare_levels(const void *a, const void *b)
{
	return str_cmp(((const struct image_level *)a)->feature.name, ((const struct image_level *)b)->feature.name);
}

static int compare_nodes(const void *a, const void *b)
{
	int32_t x = ((const struct image_node *)a)->id;
	int32_t y = ((const struct image_node *)b)->id;

	return (x > y) - (x < y);
}

static int compare_topic_names(const void *a, const void *b)
{
	return str_cmp(((const struct image_topic *)a)->name, ((const struct image_topic *)b)->name);
}

static int compare_topic_ids(const void *a, const void *b)
{
	return memcmp(&((const struct image_topic *)a)->id, &((const struct image_topic *)b)->id, sizeof(struct uuid));
}

static int compare_configs(const void *a, const void *b)
{
	const struct image_configs *x = a;
	const struct image_configs *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return str_cmp(x->name, y->name);
}

static int compare_quotas(const void *a, const void *b)
{
	return str_cmp(((const struct image_quota_set *)a)->key, ((const struct image_quota_set *)b)->key);
}

static void partition_unref(const struct image_partition *p)
{
	struct image_partition *mine = (struct image_partition *)p;

	if (mine && __atomic_fetch_sub(&mine->refs, 1, __ATOMIC_ACQ_REL) == 1)
		xfree(mine);
}

static void topic_free(void *member)
{
	struct image_topic *t = member;

	for (int i = 0; i < t->n_partitions; i++)
		partition_unref(t->partitions[i]);
	xfree(t->partitions);
	xfree(t);
}

/* All other members are one block each. */
static const struct pmap_type LEVELS = {compare_levels, xfree};
static const struct pmap_type NODES = {compare_nodes, xfree};
static const struct pmap_type TOPICS_BY_NAME = {compare_topic_names, topic_free};
static const struct pmap_type TOPICS_BY_ID = {compare_topic_ids, topic_free};
static const struct pmap_type CONFIGS = {compare_configs, xfree};
static const struct pmap_type QUOTAS = {compare_quotas, xfree};

/* ---- creation and references ---- */

static struct image_text *text_new(struct str s)
{
	struct image_text *t = xmalloc(sizeof(*t) + (size_t)s.len + 1);
	char *p = (char *)(t + 1);

	memcpy(p, s.p ? s.p : "", (size_t)s.len);
	p[s.len] = 0;
	t->refs = 1;
	t->text = (struct str){p, s.len};
	return t;
}

const struct image *image_new(struct str cluster_id)
{
	struct image *i = xcalloc(1, sizeof(*i));

	i->refs = 1;
	i->offset = -1;
	i->timestamp_ms = -1;
	i->next_producer_id = -1;
	i->quotas_offset = -1;
	i->cluster_id = text_new(cluster_id);
	pmap_init(&i->features, &LEVELS);
	pmap_init(&i->brokers, &NODES);
	pmap_init(&i->controllers, &NODES);
	pmap_init(&i->topics_by_name, &TOPICS_BY_NAME);
	pmap_init(&i->topics_by_id, &TOPICS_BY_ID);
	pmap_init(&i->configs, &CONFIGS);
	pmap_init(&i->quotas, &QUOTAS);
	pmap_init(&i->acls, &IMAGE_ACLS_BY_ID);
	pmap_init(&i->acls_by_principal, &IMAGE_ACLS_BY_PRINCIPAL);
	pmap_init(&i->acl_patterns, &IMAGE_ACL_PATTERNS);
	pmap_init(&i->scram, &IMAGE_SCRAMS);
	pmap_init(&i->tokens, &IMAGE_TOKENS);
	return i;
}

struct image *image_copy(const struct image *i)
{
	struct image *copy = xmalloc(sizeof(*copy));

	/* Everything but the reference count, which other threads may be changing. */
	memcpy((char *)copy + sizeof(copy->refs), (const char *)i + sizeof(i->refs),
	       sizeof(*copy) - sizeof(copy->refs));
	copy->refs = 1;
	copy->cluster_id = member_ref(i->cluster_id);
	copy->features = pmap_share(&i->features);
	copy->brokers = pmap_share(&i->brokers);
	copy->controllers = pmap_share(&i->controllers);
	copy->topics_by_name = pmap_share(&i->topics_by_name);
	copy->topics_by_id = pmap_share(&i->topics_by_id);
	copy->configs = pmap_share(&i->configs);
	copy->quotas = pmap_share(&i->quotas);
	copy->acls = pmap_share(&i->acls);
	copy->acls_by_principal = pmap_share(&i->acls_by_principal);
	copy->acl_patterns = pmap_share(&i->acl_patterns);
	copy->scram = pmap_share(&i->scram);
	copy->tokens = pmap_share(&i->tokens);
	return copy;
}

const struct image *image_ref(const struct image *i)
{
	return member_ref(i);
}

void image_unref(const struct image **i)
{
	struct image *mine = (struct image *)*i;

	*i = NULL;
	if (!mine || __atomic_fetch_sub(&mine->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	pmap_fini(&mine->features);
	pmap_fini(&mine->brokers);
	pmap_fini(&mine->controllers);
	pmap_fini(&mine->topics_by_name);
	pmap_fini(&mine->topics_by_id);
	pmap_fini(&mine->configs);
	pmap_fini(&mine->quotas);
	pmap_fini(&mine->acls);
	pmap_fini(&mine->acls_by_principal);
	pmap_fini(&mine->acl_patterns);
	pmap_fini(&mine->scram);
	pmap_fini(&mine->tokens);
	if (__atomic_fetch_sub(&mine->cluster_id->refs, 1, __ATOMIC_ACQ_REL) == 1)
		xfree(mine->cluster_id);
	xfree(mine);
}

const struct image *image_at(const struct image *i, int64_t offset, int32_t epoch, int64_t timestamp_ms)
{
	struct image *copy = image_copy(i);

	copy->offset = offset;
	copy->epoch = epoch;
	copy->timestamp_ms = timestamp_ms;
	return copy;
}

struct str image_cluster_id(const struct image *i)
{
	return i->cluster_id->text;
}

int64_t image_offset(const struct image *i)
{
	return i->offset;
}

int32_t image_epoch(const struct image *i)
{
	return i->epoch;
}

int64_t image_timestamp_ms(const struct image *i)
{
	return i->timestamp_ms;
}

bool image_shares_all(const struct image *a, const struct image *b)
{
	return a->metadata_version == b->metadata_version && a->next_producer_id == b->next_producer_id &&
	       a->features.root == b->features.root && a->brokers.root == b->brokers.root &&
	       a->controllers.root == b->controllers.root && a->topics_by_id.root == b->topics_by_id.root &&
	       a->topics_by_name.root == b->topics_by_name.root && a->configs.root == b->configs.root &&
	       a->quotas.root == b->quotas.root && a->acls.root == b->acls.root && a->scram.root == b->scram.root &&
	       a->tokens.root == b->tokens.root;
}

/* ---- look-ups ---- */

const struct image_topic *image_topic_by_name(const struct image *i, struct str name)
{
	struct image_topic probe = {.name = name};

	return pmap_find(&i->topics_by_name, &probe);
}

const struct image_topic *image_topic_by_id(const struct image *i, struct uuid id)
{
	struct image_topic probe = {.id = id};

	return pmap_find(&i->topics_by_id, &probe);
}

/* The index of the partition, or where it would be inserted. */
static int topic_partition_pos(const struct image_topic *t, int32_t id)
{
	int low = 0;
	int high = t->n_partitions;

	if (id >= 0 && id < t->n_partitions && t->partitions[id]->id == id)
		return id;
	while (low < high) {
		int middle = low + (high - low) / 2;

		if (t->partitions[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct image_partition *image_topic_partition(const struct image_topic *t, int32_t id)
{
	int pos = topic_partition_pos(t, id);

	return pos < t->n_partitions && t->partitions[pos]->id == id ? t->partitions[pos] : NULL;
}

const struct image_partition *image_partition(const struct image *i, struct uuid topic_id, int32_t partition)
{
	const struct image_topic *t = image_topic_by_id(i, topic_id);

	return t ? image_topic_partition(t, partition) : NULL;
}

const struct image_node *image_broker(const struct image *i, int32_t id)
{
	struct image_node probe = {.id = id};

	return pmap_find(&i->brokers, &probe);
}

const struct image_node *image_controller(const struct image *i, int32_t id)
{
	struct image_node probe = {.id = id};

	return pmap_find(&i->controllers, &probe);
}

const struct image_configs *image_configs(const struct image *i, enum image_resource type, struct str name)
{
	struct image_configs probe = {.type = (int8_t)type, .name = name};

	return pmap_find(&i->configs, &probe);
}

struct str image_config_value(const struct image_configs *c, struct str name)
{
	int low = 0;
	int high = c ? c->n : 0;

	while (low < high) {
		int middle = low + (high - low) / 2;
		int order = str_cmp(name, c->v[middle].name);

		if (order == 0)
			return c->v[middle].value;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return STR_NULL;
}

int16_t image_feature_level(const struct image *i, struct str name)
{
	struct image_level probe = {.feature = {name, 0}};
	const struct image_level *found;

	if (str_is(name, "metadata.version"))
		return i->metadata_version;
	found = pmap_find(&i->features, &probe);
	return found ? found->feature.level : 0;
}

int16_t image_metadata_version(const struct image *i)
{
	return i->metadata_version;
}

int64_t image_next_producer_id(const struct image *i)
{
	return i->next_producer_id < 0 ? 0 : i->next_producer_id;
}

int image_topic_count(const struct image *i)
{
	return (int)i->topics_by_id.n;
}

int64_t image_partition_count(const struct image *i)
{
	return i->n_partitions;
}

int image_broker_count(const struct image *i)
{
	return (int)i->brokers.n;
}

bool image_broker_is_active(const struct image *i, int32_t id)
{
	const struct image_node *n = image_broker(i, id);

	return n && !n->fenced && !n->in_controlled_shutdown;
}

bool image_node_has_directory(const struct image_node *broker, struct uuid directory)
{
	if (uuid_eq(directory, UUID_DIR_UNASSIGNED) || uuid_eq(directory, UUID_DIR_MIGRATING))
		return true;
	if (uuid_eq(directory, UUID_DIR_LOST))
		return false;
	for (int i = 0; i < broker->n_log_dirs; i++) {
		if (uuid_eq(broker->log_dirs[i], directory))
			return true;
	}
	/* A broker without any was registered before directories had ids. */
	return broker->n_log_dirs == 0;
}

const struct image_endpoint *image_node_endpoint(const struct image_node *n, struct str listener)
{
	for (int i = 0; i < n->n_endpoints; i++) {
		if (str_eq(n->endpoints[i].name, listener))
			return &n->endpoints[i];
	}
	return NULL;
}

/* ---- iteration ---- */

static void iter(const struct pmap *m, struct image_iter *it)
{
	pmap_iter(m, (struct pmap_iter *)it);
}

void image_topics(const struct image *i, struct image_iter *it)
{
	iter(&i->topics_by_name, it);
}

void image_topics_from(const struct image *i, struct image_iter *it, struct str name)
{
	struct image_topic probe = {.name = name};

	pmap_iter_from(&i->topics_by_name, (struct pmap_iter *)it, &probe);
}

const struct image_topic *image_topics_next(struct image_iter *it)
{
	return pmap_next((struct pmap_iter *)it);
}

void image_brokers(const struct image *i, struct image_iter *it)
{
	iter(&i->brokers, it);
}

void image_controllers(const struct image *i, struct image_iter *it)
{
	iter(&i->controllers, it);
}

const struct image_node *image_nodes_next(struct image_iter *it)
{
	return pmap_next((struct pmap_iter *)it);
}

void image_all_configs(const struct image *i, struct image_iter *it)
{
	iter(&i->configs, it);
}

const struct image_configs *image_configs_next(struct image_iter *it)
{
	return pmap_next((struct pmap_iter *)it);
}

void image_features(const struct image *i, struct image_iter *it)
{
	iter(&i->features, it);
}

const struct image_feature *image_features_next(struct image_iter *it)
{
	const struct image_level *l = pmap_next((struct pmap_iter *)it);

	return l ? &l->feature : NULL;
}

/* ---- difference: the callbacks differ in the types of their members only ---- */

struct diff {
	union {
		void (*topic)(void *, const struct image_topic *, const struct image_topic *);
		void (*node)(void *, const struct image_node *, const struct image_node *);
		void (*configs)(void *, const struct image_configs *, const struct image_configs *);
	} each;
	void *arg;
};

static void diff_topic(void *arg, void *old, void *now)
{
	struct diff *d = arg;

	d->each.topic(d->arg, old, now);
}

static void diff_node(void *arg, void *old, void *now)
{
	struct diff *d = arg;

	d->each.node(d->arg, old, now);
}

static void diff_configs(void *arg, void *old, void *now)
{
	struct diff *d = arg;

	d->each.configs(d->arg, old, now);
}

void image_diff_topics(const struct image *old, const struct image *now,
		       void (*each)(void *arg, const struct image_topic *old, const struct image_topic *now), void *arg)
{
	struct diff d = {{.topic = each}, arg};

	pmap_diff(&old->topics_by_id, &now->topics_by_id, diff_topic, &d);
}

void image_diff_brokers(const struct image *old, const struct image *now,
			void (*each)(void *arg, const struct image_node *old, const struct image_node *now), void *arg)
{
	struct diff d = {{.node = each}, arg};

	pmap_diff(&old->brokers, &now->brokers, diff_node, &d);
}

void image_diff_configs(const struct image *old, const struct image *now,
			void (*each)(void *arg, const struct image_configs *old, const struct image_configs *now),
			void *arg)
{
	struct diff d = {{.configs = each}, arg};

	pmap_diff(&old->configs, &now->configs, diff_configs, &d);
}

/* ---- topics and their partitions, while an image is being made ---- */

struct image_topic *topic_new(struct str name, struct uuid id)
{
	struct image_topic *t = xmalloc(sizeof(*t) + (size_t)name.len);

	memcpy(t + 1, name.p, (size_t)name.len);
	*t = (struct image_topic){.refs = 1, .id = id, .name = {(const char *)(t + 1), name.len}};
	return t;
}

static struct image_topic *topic_copy(const struct image_topic *from)
{
	struct image_topic *t = topic_new(from->name, from->id);

	t->n_partitions = from->n_partitions;
	t->cap = from->n_partitions;
	t->partitions = xreallocarray(NULL, (size_t)t->cap, sizeof(t->partitions[0]));
	for (int i = 0; i < t->n_partitions; i++)
		t->partitions[i] = member_ref(from->partitions[i]);
	return t;
}

struct image_topic *image_own_topic(struct image *i, struct uuid id)
{
	struct image_topic probe = {.id = id};
	void **by_id = pmap_slot(&i->topics_by_id, &probe);
	struct image_topic *t;
	struct image_topic *copy;

	if (!by_id)
		return NULL;
	t = *by_id;
	probe.name = t->name;
	check(pmap_slot(&i->topics_by_name, &probe));
	if (member_refs(t) == 2) /* the two maps of this image */
		return t;
	copy = topic_copy(t);
	pmap_put(&i->topics_by_name, member_ref(copy));
	pmap_put(&i->topics_by_id, copy);
	return copy;
}

void image_put_partition(struct image *i, struct image_topic *own_topic, struct image_partition *take_p)
{
	struct image_topic *t = own_topic;
	int pos = topic_partition_pos(t, take_p->id);

	if (pos < t->n_partitions && t->partitions[pos]->id == take_p->id) {
		partition_unref(t->partitions[pos]);
		t->partitions[pos] = take_p;
		return;
	}
	if (t->n_partitions == t->cap) {
		t->cap = t->cap == 0 ? 1 : t->cap * 2;
		t->partitions = xreallocarray(t->partitions, (size_t)t->cap, sizeof(t->partitions[0]));
	}
	memmove(t->partitions + pos + 1, t->partitions + pos,
		(size_t)(t->n_partitions - pos) * sizeof(t->partitions[0]));
	t->partitions[pos] = take_p;
	t->n_partitions++;
	i->n_partitions++;
}
