/*
 * image_private: the inside of an image, for the files of this room only.
 */
#ifndef ODRADEK_METADATA_IMAGE_PRIVATE_H
#define ODRADEK_METADATA_IMAGE_PRIVATE_H

#include "metadata/acls.h"
#include "metadata/image.h"
#include "metadata/pmap.h"
#include "metadata/quota.h"

/* A string that images share. */
struct image_text {
	int refs;
	struct str text;
};

struct image_level {
	int refs;
	struct image_feature feature;
};

/* A resource pattern, and the number of its ACLs. */
struct image_pattern {
	int refs;
	int32_t n;
	int8_t resource_type;
	int8_t pattern_type;
	struct str resource_name;
};

/*
 * A quota: its record as it was written, under a key that does not depend on the order of its
 * entity's parts (quota.c).
 */
struct image_quota_set {
	int refs;
	int level; /* index into n_quotas; -1: none */
	double value;
	struct str key;
	struct bytes record; /* frame and body */
};

/* Client id, user, and both. */
#define QUOTA_LEVELS 3

struct image {
	int refs;
	int16_t metadata_version; /* 0 = none yet */
	int32_t epoch;
	int64_t offset;
	int64_t timestamp_ms;
	int64_t next_producer_id; /* -1 = none yet */
	int64_t n_partitions;
	struct image_text *cluster_id;
	struct pmap features;	    /* struct image_level, without metadata.version */
	struct pmap brokers;	    /* struct image_node */
	struct pmap controllers;    /* struct image_node */
	struct pmap topics_by_name; /* struct image_topic: the same objects in both */
	struct pmap topics_by_id;
	struct pmap configs; /* struct image_configs */
	struct pmap quotas;  /* struct image_quota_set */
	int32_t n_quotas[IMAGE_QUOTAS * QUOTA_LEVELS];
	int64_t quotas_offset;
	struct pmap acls;	       /* struct image_acl, by id */
	struct pmap acls_by_principal; /* the same objects */
	struct pmap acl_patterns;      /* struct image_pattern */
	struct pmap scram;	       /* struct image_scram */
	struct pmap tokens;	       /* struct image_token */
};

/* A copy that only the caller holds, and may change. */
struct image *image_copy(const struct image *i);

struct image_topic *topic_new(struct str name, struct uuid id);
/* The topic, in both maps, as an object that only this image holds; NULL when there is none of that id. */
struct image_topic *image_own_topic(struct image *i, struct uuid id);
/* Puts p (taken over) in its place; updates the image's number of partitions. */
void image_put_partition(struct image *i, struct image_topic *own_topic, struct image_partition *take_p);

struct client_quota_record;
void quota_key_of_record(const struct client_quota_record *r, struct buf *key);
/* The index into n_quotas; -1: a kind unknown to this release. */
int quota_level_of_record(const struct client_quota_record *r);

struct image_node *image_node_new(const struct image_node *from);
struct image_configs *image_configs_new(int8_t type, struct str name, const struct image_config *v, int n);

/* ---- acls.c ---- */

extern const struct pmap_type IMAGE_ACLS_BY_ID;
extern const struct pmap_type IMAGE_ACLS_BY_PRINCIPAL;
extern const struct pmap_type IMAGE_ACL_PATTERNS;
/* Copies it; replaces one with the same id. */
void image_put_acl(struct image *i, const struct image_acl *acl);
bool image_remove_acl(struct image *i, struct uuid id); /* false when there was none */

#endif
