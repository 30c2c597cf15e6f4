/*
 * snapshot: writes an image as records, in the order of Kafka's ImageWriter: features, brokers,
 * controllers, topics with their partitions, configuration, quotas, producer ids, ACLs, SCRAM
 * credentials, tokens.
 *
 * Two images are equal when their snapshots are, so image_equal compares them member by member.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "metadata/credential.h"
#include "metadata/image_private.h"
#include "metadata/partition.h"
#include "metadata/token.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"

struct writer_state {
	const struct image *image;
	int (*each)(void *arg, const struct metadata_record *r);
	void *arg;
};

static int emit(const struct writer_state *w, int16_t type, int16_t version, const void *body)
{
	struct metadata_record r = {type, version, body};

	return w->each(w->arg, &r);
}

static int write_features(const struct writer_state *w)
{
	struct feature_level_record r = {.name = STR("metadata.version"), .feature_level = w->image->metadata_version};
	const struct image_level *l;
	struct pmap_iter it;
	int err = 0;

	if (r.feature_level != 0)
		err = emit(w, RECORD_FEATURE_LEVEL, 0, &r);
	pmap_iter(&w->image->features, &it);
	while (err == 0 && (l = pmap_next(&it))) {
		r = (struct feature_level_record){.name = l->feature.name, .feature_level = l->feature.level};
		err = emit(w, RECORD_FEATURE_LEVEL, 0, &r);
	}
	return err;
}

/* The tables that registrations of brokers and controllers have in common. The caller frees both. */
struct node_tables {
	struct broker_registration_request_listener *endpoints;
	struct broker_registration_request_feature *features;
};

static void node_tables(const struct image_node *n, struct node_tables *t)
{
	t->endpoints = xcalloc((size_t)n->n_endpoints + 1, sizeof(*t->endpoints));
	t->features = xcalloc((size_t)n->n_features + 1, sizeof(*t->features));
	for (int i = 0; i < n->n_endpoints; i++) {
		const struct image_endpoint *e = &n->endpoints[i];

		t->endpoints[i] =
			(struct broker_registration_request_listener){e->name, e->host, e->port, e->security_protocol};
	}
	for (int i = 0; i < n->n_features; i++) {
		const struct image_feature_range *f = &n->features[i];

		t->features[i] = (struct broker_registration_request_feature){f->name, f->min, f->max};
	}
}

static int write_broker(const struct writer_state *w, const struct image_node *n)
{
	int16_t version = metadata_version_of_register_broker(w->image->metadata_version);
	struct register_broker_record r = {
		.broker_id = n->id,
		.is_migrating_zk_broker = n->zk_migration && version >= 2,
		.incarnation_id = n->incarnation,
		.broker_epoch = n->epoch,
		.rack = n->rack,
		.fenced = n->fenced,
		.in_controlled_shutdown = n->in_controlled_shutdown,
		.cordoned_log_dirs = {NULL, -1},
	};
	struct node_tables t;
	int err;

	node_tables(n, &t);
	r.end_points.v = t.endpoints;
	r.end_points.n = n->n_endpoints;
	r.features.v = t.features;
	r.features.n = n->n_features;
	if (version >= 3) {
		r.log_dirs.v = (struct uuid *)n->log_dirs;
		r.log_dirs.n = n->n_log_dirs;
	}
	if (version >= 4 && n->has_cordoned) {
		r.cordoned_log_dirs.v = (struct uuid *)n->cordoned_dirs;
		r.cordoned_log_dirs.n = n->n_cordoned_dirs;
	}
	err = emit(w, RECORD_REGISTER_BROKER, version, &r);
	xfree(t.endpoints);
	xfree(t.features);
	return err;
}

static int write_controller(const struct writer_state *w, const struct image_node *n)
{
	struct register_controller_record r = {
		.controller_id = n->id,
		.incarnation_id = n->incarnation,
		.zk_migration_ready = n->zk_migration,
	};
	struct node_tables t;
	int err;

	node_tables(n, &t);
	r.end_points.v = t.endpoints;
	r.end_points.n = n->n_endpoints;
	r.features.v = t.features;
	r.features.n = n->n_features;
	err = emit(w, RECORD_REGISTER_CONTROLLER, 0, &r);
	xfree(t.endpoints);
	xfree(t.features);
	return err;
}

static int write_nodes(const struct writer_state *w)
{
	const struct image_node *n;
	struct pmap_iter it;
	int err = 0;

	pmap_iter(&w->image->brokers, &it);
	while (err == 0 && (n = pmap_next(&it)))
		err = write_broker(w, n);
	if (w->image->metadata_version < METADATA_VERSION_CONTROLLER_REGISTRATION)
		return err;
	pmap_iter(&w->image->controllers, &it);
	while (err == 0 && (n = pmap_next(&it)))
		err = write_controller(w, n);
	return err;
}

#define LIST_OF(ids)                                                                                                   \
	{                                                                                                              \
		(int32_t *)(ids).v, (ids).n                                                                            \
	}

void partition_to_record(const struct partition_parts *p, struct uuid topic_id, int16_t version,
			 struct partition_record *out)
{
	*out = (struct partition_record){
		.partition_id = p->id,
		.topic_id = topic_id,
		.replicas = LIST_OF(p->replicas),
		.isr = LIST_OF(p->isr),
		.removing_replicas = LIST_OF(p->removing),
		.adding_replicas = LIST_OF(p->adding),
		.leader = p->leader,
		.leader_recovery_state = p->recovering,
		.leader_epoch = p->leader_epoch,
		.partition_epoch = p->partition_epoch,
		.eligible_leader_replicas = {NULL, -1},
		.last_known_elr = {NULL, -1},
	};
	if (version >= 1) {
		out->directories.v = (struct uuid *)p->directories;
		out->directories.n = p->replicas.n;
	}
	if (version >= 2 && p->elr.n > 0) {
		out->eligible_leader_replicas.v = (int32_t *)p->elr.v;
		out->eligible_leader_replicas.n = p->elr.n;
	}
	if (version >= 2 && p->last_known_elr.n > 0) {
		out->last_known_elr.v = (int32_t *)p->last_known_elr.v;
		out->last_known_elr.n = p->last_known_elr.n;
	}
}

static int write_topic(const struct writer_state *w, const struct image_topic *t)
{
	int16_t version = metadata_version_of_partition(w->image->metadata_version);
	struct topic_record r = {.name = t->name, .topic_id = t->id};
	int err = emit(w, RECORD_TOPIC, 0, &r);

	for (int i = 0; err == 0 && i < t->n_partitions; i++) {
		struct partition_parts parts;
		struct partition_record p;

		partition_parts_of(t->partitions[i], &parts);
		partition_to_record(&parts, t->id, version, &p);
		err = emit(w, RECORD_PARTITION, version, &p);
	}
	return err;
}

static int write_topics(const struct writer_state *w)
{
	const struct image_topic *t;
	struct pmap_iter it;
	int err = 0;

	pmap_iter(&w->image->topics_by_id, &it);
	while (err == 0 && (t = pmap_next(&it)))
		err = write_topic(w, t);
	return err;
}

static int write_configs(const struct writer_state *w)
{
	const struct image_configs *c;
	struct pmap_iter it;
	int err = 0;

	pmap_iter(&w->image->configs, &it);
	while (err == 0 && (c = pmap_next(&it))) {
		for (int i = 0; err == 0 && i < c->n; i++) {
			struct config_record r = {c->type, c->name, c->v[i].name, c->v[i].value};

			err = emit(w, RECORD_CONFIG, 0, &r);
		}
	}
	return err;
}

static int write_producer_ids(const struct writer_state *w)
{
	struct producer_ids_record r = {-1, -1, w->image->next_producer_id};

	return r.next_producer_id < 0 ? 0 : emit(w, RECORD_PRODUCER_IDS, 0, &r);
}

static int write_quotas(const struct writer_state *w)
{
	const struct image_quota_set *q;
	struct pmap_iter it;
	int err = 0;

	pmap_iter(&w->image->quotas, &it);
	while (err == 0 && (q = pmap_next(&it))) {
		struct metadata_record r;
		struct arena arena;

		arena_init(&arena, 64 << 20);
		err = metadata_record_decode(q->record, &arena, &r);
		check(err == 0); /* it was encoded by apply.c */
		err = w->each(w->arg, &r);
		arena_fini(&arena);
	}
	return err;
}

static int write_acls(const struct writer_state *w)
{
	const struct image_acl *a;
	struct image_iter it;
	int err = 0;

	image_acls(w->image, &it);
	while (err == 0 && (a = image_acls_next(&it))) {
		struct access_control_entry_record r = {
			.id = a->id,
			.resource_type = a->resource_type,
			.resource_name = a->resource_name,
			.pattern_type = a->pattern_type,
			.principal = a->principal,
			.host = a->host,
			.operation = a->operation,
			.permission_type = a->permission_type,
		};

		err = emit(w, RECORD_ACCESS_CONTROL_ENTRY, 0, &r);
	}
	return err;
}

static int write_scrams(const struct writer_state *w)
{
	struct user_scram_credential_record r;
	const struct image_scram *c;
	struct image_iter it;
	int err = 0;

	image_scrams(w->image, &it);
	while (err == 0 && (c = image_scrams_next(&it))) {
		image_scram_to_record(c, &r);
		err = emit(w, RECORD_USER_SCRAM_CREDENTIAL, 0, &r);
	}
	return err;
}

static int write_tokens(const struct writer_state *w)
{
	struct delegation_token_record r;
	const struct image_token *t;
	struct image_iter it;
	int err = 0;

	image_tokens(w->image, &it);
	while (err == 0 && (t = image_tokens_next(&it))) {
		image_token_to_record(t, &r);
		err = emit(w, RECORD_DELEGATION_TOKEN, 0, &r);
	}
	return err;
}

int image_to_records(const struct image *i, int (*each)(void *arg, const struct metadata_record *r), void *arg)
{
	struct writer_state w = {i, each, arg};
	int err = write_features(&w);

	if (err == 0)
		err = write_nodes(&w);
	if (err == 0)
		err = write_topics(&w);
	if (err == 0)
		err = write_configs(&w);
	if (err == 0)
		err = write_quotas(&w);
	if (err == 0)
		err = write_producer_ids(&w);
	if (err == 0)
		err = write_acls(&w);
	if (err == 0)
		err = write_scrams(&w);
	if (err == 0)
		err = write_tokens(&w);
	return err;
}

/* ---- equality ---- */

static bool nodes_equal(const void *x, const void *y)
{
	const struct image_node *a = x;
	const struct image_node *b = y;

	if (a->id != b->id || a->epoch != b->epoch || !uuid_eq(a->incarnation, b->incarnation) ||
	    a->fenced != b->fenced || a->in_controlled_shutdown != b->in_controlled_shutdown ||
	    a->zk_migration != b->zk_migration || a->has_cordoned != b->has_cordoned || !str_eq(a->rack, b->rack) ||
	    a->n_endpoints != b->n_endpoints || a->n_features != b->n_features || a->n_log_dirs != b->n_log_dirs ||
	    a->n_cordoned_dirs != b->n_cordoned_dirs)
		return false;
	for (int i = 0; i < a->n_endpoints; i++) {
		const struct image_endpoint *e = &a->endpoints[i];
		const struct image_endpoint *f = &b->endpoints[i];

		if (!str_eq(e->name, f->name) || !str_eq(e->host, f->host) || e->port != f->port ||
		    e->security_protocol != f->security_protocol)
			return false;
	}
	for (int i = 0; i < a->n_features; i++) {
		if (!str_eq(a->features[i].name, b->features[i].name) || a->features[i].min != b->features[i].min ||
		    a->features[i].max != b->features[i].max)
			return false;
	}
	return memcmp(a->log_dirs, b->log_dirs, (size_t)a->n_log_dirs * sizeof(struct uuid)) == 0 &&
	       memcmp(a->cordoned_dirs, b->cordoned_dirs, (size_t)a->n_cordoned_dirs * sizeof(struct uuid)) == 0;
}

static bool topics_equal(const void *x, const void *y)
{
	const struct image_topic *a = x;
	const struct image_topic *b = y;

	if (!uuid_eq(a->id, b->id) || !str_eq(a->name, b->name) || a->n_partitions != b->n_partitions)
		return false;
	for (int i = 0; i < a->n_partitions; i++) {
		if (!partition_equal(a->partitions[i], b->partitions[i]))
			return false;
	}
	return true;
}

static bool configs_equal(const void *x, const void *y)
{
	const struct image_configs *a = x;
	const struct image_configs *b = y;

	if (a->type != b->type || !str_eq(a->name, b->name) || a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++) {
		if (!str_eq(a->v[i].name, b->v[i].name) || !str_eq(a->v[i].value, b->v[i].value))
			return false;
	}
	return true;
}

static bool levels_equal(const void *x, const void *y)
{
	const struct image_level *a = x;
	const struct image_level *b = y;

	return str_eq(a->feature.name, b->feature.name) && a->feature.level == b->feature.level;
}

static bool quotas_equal(const void *x, const void *y)
{
	const struct image_quota_set *a = x;
	const struct image_quota_set *b = y;

	return str_eq(a->key, b->key) && bytes_eq(a->record, b->record);
}

static bool acls_equal(const void *x, const void *y)
{
	const struct image_acl *a = x;
	const struct image_acl *b = y;

	return uuid_eq(a->id, b->id) && a->resource_type == b->resource_type && a->pattern_type == b->pattern_type &&
	       a->operation == b->operation && a->permission_type == b->permission_type &&
	       str_eq(a->resource_name, b->resource_name) && str_eq(a->principal, b->principal) &&
	       str_eq(a->host, b->host);
}

static bool patterns_equal(const void *x, const void *y)
{
	const struct image_pattern *a = x;
	const struct image_pattern *b = y;

	return a->n == b->n && a->resource_type == b->resource_type && a->pattern_type == b->pattern_type &&
	       str_eq(a->resource_name, b->resource_name);
}

static bool maps_equal(const struct pmap *a, const struct pmap *b, bool (*equal)(const void *, const void *))
{
	struct pmap_iter x;
	struct pmap_iter y;
	const void *m;

	if (a->n != b->n)
		return false;
	pmap_iter(a, &x);
	pmap_iter(b, &y);
	while ((m = pmap_next(&x))) {
		const void *other = pmap_next(&y);

		if (m != other && !equal(m, other))
			return false;
	}
	return true;
}

bool image_equal(const struct image *a, const struct image *b)
{
	return str_eq(image_cluster_id(a), image_cluster_id(b)) && a->metadata_version == b->metadata_version &&
	       a->next_producer_id == b->next_producer_id && a->n_partitions == b->n_partitions &&
	       maps_equal(&a->features, &b->features, levels_equal) &&
	       maps_equal(&a->brokers, &b->brokers, nodes_equal) &&
	       maps_equal(&a->controllers, &b->controllers, nodes_equal) &&
	       maps_equal(&a->topics_by_id, &b->topics_by_id, topics_equal) &&
	       maps_equal(&a->topics_by_name, &b->topics_by_name, topics_equal) &&
	       maps_equal(&a->configs, &b->configs, configs_equal) &&
	       maps_equal(&a->quotas, &b->quotas, quotas_equal) && maps_equal(&a->acls, &b->acls, acls_equal) &&
	       maps_equal(&a->acls_by_principal, &b->acls_by_principal, acls_equal) &&
	       maps_equal(&a->acl_patterns, &b->acl_patterns, patterns_equal) &&
	       maps_equal(&a->scram, &b->scram, image_scram_equal) &&
	       maps_equal(&a->tokens, &b->tokens, image_token_equal);
}
