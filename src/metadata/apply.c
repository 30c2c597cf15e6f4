/*
 * apply: applies records to an image.
 *
 * A batch is applied to a private copy; a record that contradicts the image discards the copy.
 * There is a table with one function per type of record; each does what Kafka's replay of that
 * record does (ClusterDelta, TopicsDelta, ... of 4.4).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/mem.h"
#include "metadata/credential.h"
#include "metadata/image_private.h"
#include "metadata/partition.h"
#include "metadata/token.h"
#include "metadata/topic_name.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"

/* The limit for a batch's scratch memory besides the image; a batch has at most 8 MiB. */
#define APPLY_ARENA (256 << 20)

struct apply {
	struct image *image;
	struct arena arena;
	const struct metadata_record *record;
	const char *why;
	bool quotas_changed;
	/* the last topic changed, since its partitions come one after the other; NULL = none */
	struct image_topic *topic;
	/*
	 * Settings of one resource that are not in the image yet: its records come one after the
	 * other, and each new set copies the whole of the old one.
	 */
	struct config_edit *edits;
	int n_edits;
	int cap_edits;
	int8_t edited_type;
	struct str edited_name;
};

/* A setting as a record has it; a null value removes it. */
struct config_edit {
	struct image_config config;
	int at; /* the later of two with one name counts */
};

typedef int apply_fn(struct apply *a, const void *body);

static int contradicts(struct apply *a, const char *why)
{
	a->why = why;
	return -EBADMSG;
}

/* ---- features ---- */

static int apply_feature_level(struct apply *a, const void *body)
{
	const struct feature_level_record *r = body;
	struct image_level probe = {.feature = {r->name, 0}};
	struct image_level *l;

	if (r->feature_level < 0)
		return contradicts(a, "a feature level below 0");
	if (str_is(r->name, "metadata.version")) {
		if (!metadata_version_is_known(r->feature_level))
			return contradicts(a, "a metadata.version that this release does not know");
		a->image->metadata_version = r->feature_level;
		return 0;
	}
	if (str_is(r->name, "kraft.version")) /* lives in control records (KAFKA-18979) */
		return 0;
	if (r->feature_level == 0) {
		pmap_remove(&a->image->features, &probe);
		return 0;
	}
	l = xmalloc(sizeof(*l) + (size_t)r->name.len);
	memcpy(l + 1, r->name.p, (size_t)r->name.len);
	*l = (struct image_level){1, {{(const char *)(l + 1), r->name.len}, r->feature_level}};
	pmap_put(&a->image->features, l);
	return 0;
}

/* ---- brokers and controllers ---- */

/* The tables that registrations of brokers and controllers have in common. */
static int node_tables(struct apply *a, const struct broker_registration_request_listener *at, int n_at,
		       const struct broker_registration_request_feature *speaks, int n_speaks, struct image_node *n)
{
	struct image_endpoint *endpoints = arena_array(&a->arena, (size_t)n_at, sizeof(*endpoints));
	struct image_feature_range *features = arena_array(&a->arena, (size_t)n_speaks, sizeof(*features));

	if (a->arena.failed)
		return -ENOMEM;
	for (int i = 0; i < n_at; i++)
		endpoints[i] = (struct image_endpoint){at[i].name, at[i].host, at[i].port, at[i].security_protocol};
	for (int i = 0; i < n_speaks; i++)
		features[i] = (struct image_feature_range){speaks[i].name, speaks[i].min_supported_version,
							   speaks[i].max_supported_version};
	n->endpoints = endpoints;
	n->n_endpoints = n_at;
	n->features = features;
	n->n_features = n_speaks;
	return 0;
}

static int apply_register_broker(struct apply *a, const void *body)
{
	const struct register_broker_record *r = body;
	struct image_node n = {
		.id = r->broker_id,
		.epoch = r->broker_epoch,
		.incarnation = r->incarnation_id,
		.fenced = r->fenced,
		.in_controlled_shutdown = r->in_controlled_shutdown,
		.zk_migration = r->is_migrating_zk_broker,
		.has_cordoned = r->cordoned_log_dirs.n >= 0,
		.rack = r->rack,
		.log_dirs = r->log_dirs.v,
		.n_log_dirs = r->log_dirs.n,
		.cordoned_dirs = r->cordoned_log_dirs.v,
		.n_cordoned_dirs = r->cordoned_log_dirs.n < 0 ? 0 : r->cordoned_log_dirs.n,
	};
	int err = node_tables(a, r->end_points.v, r->end_points.n, r->features.v, r->features.n, &n);

	if (err != 0)
		return err;
	pmap_put(&a->image->brokers, image_node_new(&n));
	return 0;
}

static int apply_unregister_broker(struct apply *a, const void *body)
{
	const struct unregister_broker_record *r = body;
	const struct image_node *n = image_broker(a->image, r->broker_id);

	if (!n || n->epoch != r->broker_epoch)
		return contradicts(a, "an unregistration of a broker that is not registered with that epoch");
	pmap_remove(&a->image->brokers, n);
	return 0;
}

static int apply_register_controller(struct apply *a, const void *body)
{
	const struct register_controller_record *r = body;
	struct image_node n = {
		.id = r->controller_id,
		.epoch = -1,
		.incarnation = r->incarnation_id,
		.zk_migration = r->zk_migration_ready,
	};
	int err = node_tables(a, r->end_points.v, r->end_points.n, r->features.v, r->features.n, &n);

	if (err != 0)
		return err;
	pmap_put(&a->image->controllers, image_node_new(&n));
	return 0;
}

static int apply_unregister_controller(struct apply *a, const void *body)
{
	const struct unregister_controller_record *r = body;
	struct image_node probe = {.id = r->controller_id};

	if (!pmap_remove(&a->image->controllers, &probe))
		return contradicts(a, "an unregistration of a controller that is not registered");
	return 0;
}

/*
 * The broker that a change is about, as a copy to be modified; NULL when there is none with that
 * epoch. Its reference count is shared with other threads, so it is not copied.
 */
static const struct image_node *changed_broker(struct apply *a, int32_t id, int64_t epoch, struct image_node *copy)
{
	const struct image_node *n = image_broker(a->image, id);

	if (!n || n->epoch != epoch)
		return NULL;
	copy->refs = 0;
	memcpy(&copy->id, &n->id, sizeof(*n) - offsetof(struct image_node, id));
	return n;
}

static int change_fencing(struct apply *a, int32_t id, int64_t epoch, bool fenced)
{
	struct image_node n;

	if (!changed_broker(a, id, epoch, &n))
		return contradicts(a, "a change of a broker that is not registered with that epoch");
	n.fenced = fenced;
	pmap_put(&a->image->brokers, image_node_new(&n));
	return 0;
}

static int apply_fence_broker(struct apply *a, const void *body)
{
	const struct fence_broker_record *r = body;

	return change_fencing(a, r->id, r->epoch, true);
}

static int apply_unfence_broker(struct apply *a, const void *body)
{
	const struct unfence_broker_record *r = body;

	return change_fencing(a, r->id, r->epoch, false);
}

static int apply_broker_registration_change(struct apply *a, const void *body)
{
	const struct broker_registration_change_record *r = body;
	struct image_node n;

	if (!changed_broker(a, r->broker_id, r->broker_epoch, &n))
		return contradicts(a, "a change of a broker that is not registered with that epoch");
	if (r->fenced < -1 || r->fenced > 1)
		return contradicts(a, "an unknown value of fenced");
	if (r->in_controlled_shutdown < 0 || r->in_controlled_shutdown > 1)
		return contradicts(a, "an unknown value of inControlledShutdown");
	if (r->fenced != 0)
		n.fenced = r->fenced > 0;
	if (r->in_controlled_shutdown != 0)
		n.in_controlled_shutdown = true;
	if (r->log_dirs.n > 0) {
		n.log_dirs = r->log_dirs.v;
		n.n_log_dirs = r->log_dirs.n;
	}
	if (r->cordoned_log_dirs.n >= 0) {
		n.has_cordoned = true;
		n.cordoned_dirs = r->cordoned_log_dirs.v;
		n.n_cordoned_dirs = r->cordoned_log_dirs.n;
	}
	pmap_put(&a->image->brokers, image_node_new(&n));
	return 0;
}

/* ---- topics and partitions ---- */

static int apply_topic(struct apply *a, const void *body)
{
	const struct topic_record *r = body;
	struct image_topic *t;

	if (!topic_name_is_valid(r->name)) /* it becomes the name of a directory */
		return contradicts(a, "a topic whose name is not legal");
	if (image_topic_by_name(a->image, r->name))
		return contradicts(a, "a second topic of the same name");
	if (image_topic_by_id(a->image, r->topic_id))
		return contradicts(a, "a second topic of the same id");
	t = topic_new(r->name, r->topic_id);
	pmap_put(&a->image->topics_by_name, member_ref(t));
	pmap_put(&a->image->topics_by_id, t);
	a->topic = t;
	return 0;
}

/* The topic, as an object that only this image holds; NULL when there is none of that id. */
static struct image_topic *own_topic(struct apply *a, struct uuid id)
{
	if (!a->topic || !uuid_eq(a->topic->id, id))
		a->topic = image_own_topic(a->image, id);
	return a->topic;
}

#define IDS(list) ((struct image_ids){(list).v, (list).n < 0 ? 0 : (list).n})

static bool parts_are_sound(const struct partition_parts *p)
{
	const struct image_ids *all[] = {&p->replicas, &p->isr, &p->removing, &p->adding, &p->elr, &p->last_known_elr};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]->n > PARTITION_IDS_MAX)
			return false;
	}
	return p->id >= 0 && (p->recovering == 0 || p->recovering == 1);
}

static int apply_partition(struct apply *a, const void *body)
{
	const struct partition_record *r = body;
	struct image_topic *t = own_topic(a, r->topic_id);
	struct partition_parts p = {
		.id = r->partition_id,
		.leader = r->leader,
		.leader_epoch = r->leader_epoch,
		.partition_epoch = r->partition_epoch,
		.recovering = r->leader_recovery_state,
		.replicas = IDS(r->replicas),
		.isr = IDS(r->isr),
		.removing = IDS(r->removing_replicas),
		.adding = IDS(r->adding_replicas),
		.elr = IDS(r->eligible_leader_replicas),
		.last_known_elr = IDS(r->last_known_elr),
		.directories = r->directories.n > 0 ? r->directories.v : NULL,
	};

	if (!t)
		return contradicts(a, "a partition of a topic that does not exist");
	if (p.directories && r->directories.n != p.replicas.n)
		return contradicts(a, "a partition with more or fewer directories than replicas");
	if (!parts_are_sound(&p))
		return contradicts(a, "a partition with an impossible id, list or recovery state");
	image_put_partition(a->image, t, partition_new(&p));
	return 0;
}

/* Fields of a change that are not null replace the present ones. */
static void merge_change(struct partition_parts *p, const struct partition_change_record *r)
{
	if (r->isr.n >= 0)
		p->isr = IDS(r->isr);
	if (r->replicas.n >= 0)
		p->replicas = IDS(r->replicas);
	if (r->removing_replicas.n >= 0)
		p->removing = IDS(r->removing_replicas);
	if (r->adding_replicas.n >= 0)
		p->adding = IDS(r->adding_replicas);
	if (r->eligible_leader_replicas.n >= 0)
		p->elr = IDS(r->eligible_leader_replicas);
	if (r->last_known_elr.n >= 0)
		p->last_known_elr = IDS(r->last_known_elr);
	if (r->leader_recovery_state != -1)
		p->recovering = r->leader_recovery_state;
	if (r->leader != -2) {
		p->leader = r->leader;
		p->leader_epoch = (int32_t)((uint32_t)p->leader_epoch + 1);
	}
	p->partition_epoch = (int32_t)((uint32_t)p->partition_epoch + 1);
}

static bool all_migrating(const struct uuid *v, int n)
{
	for (int i = 0; i < n; i++) {
		if (!uuid_is_zero(v[i]))
			return false;
	}
	return true;
}

static int apply_partition_change(struct apply *a, const void *body)
{
	const struct partition_change_record *r = body;
	struct image_topic *t = own_topic(a, r->topic_id);
	const struct image_partition *old = t ? image_topic_partition(t, r->partition_id) : NULL;
	struct partition_parts p;
	int n_directories;

	if (!old)
		return contradicts(a, "a change of a partition that does not exist");
	partition_parts_of(old, &p);
	n_directories = p.replicas.n;
	merge_change(&p, r);
	if (r->directories.n >= 0) {
		p.directories = r->directories.v;
		n_directories = r->directories.n;
	}
	if (all_migrating(p.directories, n_directories))
		p.directories = NULL;
	else if (n_directories != p.replicas.n)
		return contradicts(a, "a partition with more or fewer directories than replicas");
	if (!parts_are_sound(&p))
		return contradicts(a, "a partition with an impossible id, list or recovery state");
	image_put_partition(a->image, t, partition_new(&p));
	return 0;
}

static void remove_configs(struct image *i, enum image_resource type, struct str name)
{
	struct image_configs probe = {.type = (int8_t)type, .name = name};

	pmap_remove(&i->configs, &probe);
}

static int apply_remove_topic(struct apply *a, const void *body)
{
	const struct remove_topic_record *r = body;
	const struct image_topic *found = image_topic_by_id(a->image, r->topic_id);
	struct image_topic probe = {.id = r->topic_id};

	a->topic = NULL;
	if (!found)
		return contradicts(a, "the removal of a topic that does not exist");
	a->image->n_partitions -= found->n_partitions;
	remove_configs(a->image, RESOURCE_TOPIC, found->name);
	probe.name = arena_str(&a->arena, found->name);
	if (a->arena.failed)
		return -ENOMEM;
	pmap_remove(&a->image->topics_by_name, &probe);
	pmap_remove(&a->image->topics_by_id, &probe);
	return 0;
}

static void clear_topic_elr(struct image *i, const struct image_topic *t)
{
	struct image_topic *own = NULL;

	for (int at = 0; at < t->n_partitions; at++) {
		struct partition_parts p;

		if (t->partitions[at]->n_elr == 0 && t->partitions[at]->n_last_known_elr == 0)
			continue;
		if (!own)
			t = own = image_own_topic(i, t->id);
		partition_parts_of(t->partitions[at], &p);
		p.elr = p.last_known_elr = (struct image_ids){NULL, 0};
		p.partition_epoch = (int32_t)((uint32_t)p.partition_epoch + 1);
		image_put_partition(i, own, partition_new(&p));
	}
}

static int apply_clear_elr(struct apply *a, const void *body)
{
	const struct clear_elr_record *r = body;
	const struct image_topic *t;
	struct pmap before;
	struct pmap_iter it;

	a->topic = NULL;
	if (r->topic_name.len > 0) {
		t = image_topic_by_name(a->image, r->topic_name);
		if (!t)
			return contradicts(a, "an ELR to be cleared of a topic that does not exist");
		clear_topic_elr(a->image, t);
		return 0;
	}
	before = pmap_share(&a->image->topics_by_id); /* iterated while the image changes */
	pmap_iter(&before, &it);
	while ((t = pmap_next(&it)))
		clear_topic_elr(a->image, t);
	pmap_fini(&before);
	return 0;
}

/* ---- configuration ---- */

static int compare_edits(const void *a, const void *b)
{
	const struct config_edit *x = a;
	const struct config_edit *y = b;
	int order = str_cmp(x->config.name, y->config.name);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Sorts the edits by name; of those with one name only the last stays. */
static void settle_edits(struct apply *a)
{
	int n = 0;

	qsort(a->edits, (size_t)a->n_edits, sizeof(a->edits[0]), compare_edits);
	for (int i = 0; i < a->n_edits; i++) {
		if (i + 1 < a->n_edits && str_eq(a->edits[i].config.name, a->edits[i + 1].config.name))
			continue;
		a->edits[n++] = a->edits[i];
	}
	a->n_edits = n;
}

/* What is set after the edits, by name; returns its number. */
static int merge_edits(const struct apply *a, const struct image_configs *old, struct image_config *out)
{
	int n_old = old ? old->n : 0;
	int i = 0;
	int n = 0;

	for (int at = 0; at < a->n_edits; at++) {
		const struct image_config *edit = &a->edits[at].config;

		while (i < n_old && str_cmp(old->v[i].name, edit->name) < 0)
			out[n++] = old->v[i++];
		if (i < n_old && str_eq(old->v[i].name, edit->name))
			i++;
		if (!str_is_null(edit->value))
			out[n++] = *edit;
	}
	while (i < n_old)
		out[n++] = old->v[i++];
	return n;
}

/* Puts what was edited into the image. */
static void put_configs(struct apply *a)
{
	const struct image_configs *old = image_configs(a->image, (enum image_resource)a->edited_type, a->edited_name);
	struct image_config *v;
	int n;

	if (a->n_edits == 0)
		return;
	settle_edits(a);
	v = xcalloc((size_t)(old ? old->n : 0) + (size_t)a->n_edits, sizeof(*v));
	n = merge_edits(a, old, v);
	if (n > 0)
		pmap_put(&a->image->configs, image_configs_new(a->edited_type, a->edited_name, v, n));
	else
		remove_configs(a->image, (enum image_resource)a->edited_type, a->edited_name);
	xfree(v);
	a->n_edits = 0;
}

static bool edits_same(const struct apply *a, const struct metadata_record *r)
{
	const struct config_record *c = r->body;

	return r->type == RECORD_CONFIG && c->resource_type == a->edited_type &&
	       str_eq(c->resource_name, a->edited_name);
}

static int apply_config(struct apply *a, const void *body)
{
	const struct config_record *r = body;

	a->edited_type = r->resource_type;
	a->edited_name = r->resource_name;
	if (a->n_edits == a->cap_edits) {
		a->cap_edits = a->cap_edits == 0 ? 8 : a->cap_edits * 2;
		a->edits = xreallocarray(a->edits, (size_t)a->cap_edits, sizeof(a->edits[0]));
	}
	a->edits[a->n_edits] = (struct config_edit){{r->name, r->value}, a->n_edits};
	a->n_edits++;
	return 0;
}

/* As Kafka's ProducerIdControlManager: an id that was given out is not given out again. */
static int apply_producer_ids(struct apply *a, const void *body)
{
	const struct producer_ids_record *r = body;

	if (r->next_producer_id <= a->image->next_producer_id)
		return contradicts(a, "the next producer id is not greater than the last");
	a->image->next_producer_id = r->next_producer_id;
	return 0;
}

/* ---- ACLs ---- */

static int apply_access_control_entry(struct apply *a, const void *body)
{
	const struct access_control_entry_record *r = body;
	struct image_acl acl = {
		.id = r->id,
		.resource_type = r->resource_type,
		.resource_name = r->resource_name,
		.pattern_type = r->pattern_type,
		.principal = r->principal,
		.host = r->host,
		.operation = r->operation,
		.permission_type = r->permission_type,
	};

	image_put_acl(a->image, &acl);
	return 0;
}

static int apply_remove_access_control_entry(struct apply *a, const void *body)
{
	const struct remove_access_control_entry_record *r = body;

	if (!image_remove_acl(a->image, r->id))
		return contradicts(a, "the removal of an ACL that does not exist");
	return 0;
}

/* ---- credentials ---- */

static int apply_user_scram_credential(struct apply *a, const void *body)
{
	pmap_put(&a->image->scram, image_scram_new(body));
	return 0;
}

static int apply_remove_user_scram_credential(struct apply *a, const void *body)
{
	const struct remove_user_scram_credential_record *r = body;
	struct image_scram probe = {.mechanism = r->mechanism, .user = r->name};

	pmap_remove(&a->image->scram, &probe);
	return 0;
}

static int apply_delegation_token(struct apply *a, const void *body)
{
	pmap_put(&a->image->tokens, image_token_new(body));
	return 0;
}

static int apply_remove_delegation_token(struct apply *a, const void *body)
{
	const struct remove_delegation_token_record *r = body;

	struct image_token probe = {.id = r->token_id};

	pmap_remove(&a->image->tokens, &probe);
	return 0;
}

/* ---- quotas ---- */

static void drop_quota(struct image *i, const struct image_quota_set *probe)
{
	const struct image_quota_set *old = pmap_find(&i->quotas, probe);

	if (!old)
		return;
	if (old->level >= 0)
		i->n_quotas[old->level]--;
	pmap_remove(&i->quotas, probe);
}

static struct image_quota_set *quota_new(struct apply *a, const struct client_quota_record *r, struct str key)
{
	struct buf record = {0};
	struct image_quota_set *set;
	char *text;

	metadata_record_encode(a->record, &record);
	set = xmalloc(sizeof(*set) + (size_t)key.len + record.len);
	text = (char *)(set + 1);
	memcpy(text, key.p, (size_t)key.len);
	memcpy(text + key.len, record.p, record.len);
	*set = (struct image_quota_set){
		.refs = 1,
		.level = quota_level_of_record(r),
		.value = r->value,
		.key = {text, key.len},
		.record = {(const uint8_t *)text + key.len, (int32_t)record.len},
	};
	buf_fini(&record);
	return set;
}

/* A quota is identified by its entity, whatever the order of its parts, and its key. */
static int apply_client_quota(struct apply *a, const void *body)
{
	const struct client_quota_record *r = body;
	struct image_quota_set probe = {0};
	struct buf key = {0};

	quota_key_of_record(r, &key);
	probe.key = buf_str(&key);
	drop_quota(a->image, &probe);
	if (!r->remove) {
		struct image_quota_set *set = quota_new(a, r, probe.key);

		if (set->level >= 0)
			a->image->n_quotas[set->level]++;
		pmap_put(&a->image->quotas, set);
	}
	a->quotas_changed = true;
	buf_fini(&key);
	return 0;
}

static int apply_nothing(struct apply *a, const void *body)
{
	(void)a;
	(void)body;
	return 0;
}

static int apply_transaction(struct apply *a, const void *body)
{
	(void)body;
	return contradicts(a, "a boundary of a metadata transaction inside of a batch to be applied");
}

static apply_fn *const APPLY[METADATA_RECORD_TYPES] = {
	[RECORD_REGISTER_BROKER] = apply_register_broker,
	[RECORD_UNREGISTER_BROKER] = apply_unregister_broker,
	[RECORD_TOPIC] = apply_topic,
	[RECORD_PARTITION] = apply_partition,
	[RECORD_CONFIG] = apply_config,
	[RECORD_PARTITION_CHANGE] = apply_partition_change,
	[RECORD_FENCE_BROKER] = apply_fence_broker,
	[RECORD_UNFENCE_BROKER] = apply_unfence_broker,
	[RECORD_REMOVE_TOPIC] = apply_remove_topic,
	[RECORD_DELEGATION_TOKEN] = apply_delegation_token,
	[RECORD_USER_SCRAM_CREDENTIAL] = apply_user_scram_credential,
	[RECORD_FEATURE_LEVEL] = apply_feature_level,
	[RECORD_CLIENT_QUOTA] = apply_client_quota,
	[RECORD_PRODUCER_IDS] = apply_producer_ids,
	[RECORD_BROKER_REGISTRATION_CHANGE] = apply_broker_registration_change,
	[RECORD_ACCESS_CONTROL_ENTRY] = apply_access_control_entry,
	[RECORD_REMOVE_ACCESS_CONTROL_ENTRY] = apply_remove_access_control_entry,
	[RECORD_NO_OP] = apply_nothing,
	[RECORD_ZK_MIGRATION_STATE] = apply_nothing, /* of a migration that ended before 4.0 */
	[RECORD_REMOVE_USER_SCRAM_CREDENTIAL] = apply_remove_user_scram_credential,
	[RECORD_BEGIN_TRANSACTION] = apply_transaction,
	[RECORD_END_TRANSACTION] = apply_transaction,
	[RECORD_ABORT_TRANSACTION] = apply_transaction,
	[RECORD_REMOVE_DELEGATION_TOKEN] = apply_remove_delegation_token,
	[RECORD_REGISTER_CONTROLLER] = apply_register_controller,
	[RECORD_CLEAR_ELR] = apply_clear_elr,
	[RECORD_UNREGISTER_CONTROLLER] = apply_unregister_controller,
};

static int apply_one(struct apply *a, const struct metadata_record *r)
{
	a->record = r;
	if (a->n_edits > 0 && !edits_same(a, r))
		put_configs(a);
	if (r->type < 0 || r->type >= METADATA_RECORD_TYPES || !APPLY[r->type])
		return contradicts(a, "a record of a type that this release does not know");
	return APPLY[r->type](a, r->body);
}

int image_apply(const struct image *i, const struct image_batch *batch, const struct image **out, const char **why)
{
	struct apply a = {.image = image_copy(i)};
	int err = 0;

	arena_init(&a.arena, APPLY_ARENA);
	for (int at = 0; err == 0 && at < batch->n; at++)
		err = apply_one(&a, &batch->v[at]);
	put_configs(&a);
	xfree(a.edits);
	arena_fini(&a.arena);
	*out = a.image;
	if (err != 0) {
		if (why)
			*why = a.why ? a.why : "a batch of records too large";
		image_unref(out);
		return err;
	}
	if (a.quotas_changed)
		a.image->quotas_offset = batch->last_offset;
	a.image->offset = batch->last_offset;
	a.image->epoch = batch->epoch;
	a.image->timestamp_ms = batch->timestamp_ms;
	return 0;
}
