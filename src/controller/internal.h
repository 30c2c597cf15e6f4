/*
 * internal: the controller's state, and the helpers its files share.
 */
#ifndef ODRADEK_CONTROLLER_INTERNAL_H
#define ODRADEK_CONTROLLER_INTERNAL_H

#include "base/map.h"
#include "config/config.h"
#include "controller/controller.h"
#include "metadata/acls.h"
#include "metadata/image.h"
#include "metadata/replay.h"

#define NEVER (INT64_MIN / 2)

enum fence_reason {
	FENCE_NONE,
	FENCE_SESSION,	/* not heard from for broker.session.timeout.ms */
	FENCE_GONE,	/* its process is known to be gone */
	FENCE_ASKED,	/* at its own request */
	FENCE_SHUTDOWN, /* a controlled shutdown is complete */
	FENCE_RESTART,	/* another incarnation of it has registered */
};

/* What is known of a broker besides its registration. */
struct heartbeat {
	int32_t broker_id;
	int64_t broker_epoch;
	int64_t last_contact_ms;   /* monotonic; NEVER before its first heartbeat */
	int64_t metadata_offset;   /* the highest that it reported as applied; -1 */
	int64_t registered_offset; /* of its RegisterBroker record */
	/* its controlled shutdown ends when all active brokers have read up to here; -1 = none */
	int64_t shutdown_offset;
	enum fence_reason why_fenced; /* reason for the last fencing */
};

struct controller {
	int32_t node_id;
	char *cluster_id;
	const struct config *config;
	bool active;
	struct replay log; /* contains the tip */
	struct heartbeat *heartbeats;
	int n_heartbeats;
	/* monotonic: next check for leaders that are not the preferred ones; INT64_MAX = none */
	int64_t preferred_due_ms;
	int64_t unclean_due_ms; /* monotonic: next check for partitions without a leader; INT64_MAX = none */
	struct map tokens;	/* by HMAC; empty where tokens are off: tokens.c */
	int64_t tokens_due_ms;	/* next check for expired tokens */
};

static inline const struct image *tip(const struct controller *c) { return c->log.tip; }

/* An error for a client: code and message (null = the code's default message). */
struct api_error {
	int code;
	struct str message;
};

#define API_OK ((struct api_error){0, {NULL, 0}})

/* The message is printf'd into the arena. */
struct api_error api_error(struct arena *a, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* For the whole request: the message goes where the context says. Returns code. */
int refuse(const struct controller_context *ctx, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* 0, or Kafka's error for a change of n partitions that the requester's quota does not allow now. */
struct api_error check_quota(const struct controller_context *ctx, int n);

/*
 * The maximum number of records that one operation of a user may make; also the maximum number of
 * items in one request.
 */
#define RECORDS_PER_OPERATION_MAX 10000
int refuse_large(const struct controller_context *ctx);
/* As Uuid.randomUuid: a new id for a topic, an ACL, a token. */
struct uuid random_uuid(const struct controller_context *ctx);

/* ---- configuration, dynamic over static ---- */

/* The layers of a topic: its own (may be NULL), this node's, all nodes'. Returns their number. */
#define TOPIC_LAYERS 3
int topic_layers(const struct controller *c, const struct image_configs *own, struct config_layer layers[TOPIC_LAYERS]);
/*
 * May a topic get this setting? Encryption is refused while no registered broker has a key, because
 * no one could append to the topic.
 */
struct api_error check_encryption(const struct controller *c, struct str name, struct str value);
bool topic_allows_unclean_election(const struct controller *c, struct str topic);
/* min.insync.replicas, or the replication factor if that is less. */
int topic_min_isr(const struct controller *c, const struct image_topic *t);
bool elr_is_on(const struct image *i);
/*
 * min.insync.replicas has changed: with ELR on, clears the ELRs of the topic ("" = of all topics).
 * 0 or -ENOMEM.
 */
int add_clear_elr(const struct controller *c, struct record_list *records, struct str topic);

/* ---- brokers ---- */

/* 0, or ERR_STALE_BROKER_EPOCH. */
int check_broker_epoch(const struct controller *c, const struct controller_context *ctx, int32_t id, int64_t epoch);
bool broker_has_uncordoned_directory(const struct image_node *broker);
/* The directory of a new replica: the broker's only one, or UNASSIGNED. */
struct uuid broker_default_directory(const struct image *i, int32_t broker_id);
bool directory_is_reserved(struct uuid directory);

/* Removes the broker from every ISR, then fences it. */
void fence_broker(struct controller *c, const struct image_node *broker, enum fence_reason why,
		  struct record_list *records);

struct heartbeat *heartbeat_find(struct controller *c, int32_t broker_id);
/* That of this broker, created if it does not exist. */
struct heartbeat *heartbeat_of(struct controller *c, const struct image_node *broker, int64_t now_ms);
void heartbeat_drop(struct controller *c, int32_t broker_id);

/* ---- partitions ---- */

/*
 * The changes of ISR, ELR and leader when brokers go or come back; -1 = none. One change record per
 * affected partition.
 */
struct broker_move {
	int32_t remove;	 /* leaves ISR and leadership */
	int32_t add;	 /* may lead again, though it is still fenced in the image */
	int32_t unclean; /* has lost its data: leaves ISR, ELR and leadership */
};

enum partitions_of {
	PARTITIONS_WITH_ISR_MEMBER, /* those with `broker` in their ISR */
	PARTITIONS_WITH_ELR_MEMBER,
	PARTITIONS_WITHOUT_LEADER,
	PARTITIONS_IN_DIRECTORY,
};

struct partition_filter {
	enum partitions_of which;
	int32_t broker;
	struct uuid directory;
};

void move_broker(struct controller *c, struct broker_move move, struct partition_filter filter,
		 struct record_list *records);
bool broker_leads_something(const struct image *i, int32_t broker_id);

/* ---- elections ---- */

void elections_begin(struct controller *c, int64_t now_ms);
/* Holds those that are due; returns when the next are. */
int64_t elections_tick(struct controller *c, int64_t now_ms, struct record_list *records);

/* ---- delegation tokens ---- */

void tokens_begin(struct controller *c, int64_t now_ms);
void tokens_end(struct controller *c);
/* A record was applied. */
void tokens_follow(struct controller *c, const struct metadata_record *r);
/* Removes expired tokens when that is due; returns when it is due next. */
int64_t tokens_tick(struct controller *c, const struct controller_context *ctx, struct record_list *records);

/* ---- features ---- */

bool feature_range_has(int16_t min, int16_t max, int16_t level);

#endif
