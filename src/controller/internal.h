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
	FENCE_SESSION,	/* not heard of for broker.session.timeout.ms */
	FENCE_GONE,	/* its process is known to be gone */
	FENCE_ASKED,	/* it wants to be */
	FENCE_SHUTDOWN, /* a controlled shutdown has come to its end */
	FENCE_RESTART,	/* another incarnation of it has registered */
};

/* What is known of a broker beside its registration. */
struct heartbeat {
	int32_t broker_id;
	int64_t broker_epoch;
	int64_t last_contact_ms;   /* monotonic; NEVER before its first heartbeat */
	int64_t metadata_offset;   /* the highest it said it has applied; -1 */
	int64_t registered_offset; /* of its RegisterBroker record */
	int64_t shutdown_offset; /* its controlled shutdown is over when all active brokers have read this far; -1 = none */
	enum fence_reason why_fenced; /* the last time */
};

struct controller {
	int32_t node_id;
	char *cluster_id;
	const struct config *config;
	bool active;
	struct replay log; /* the tip in it */
	struct heartbeat *heartbeats;
	int n_heartbeats;
	int64_t preferred_due_ms; /* monotonic: the next look for leaders that are not the preferred ones; INT64_MAX = none */
	int64_t unclean_due_ms; /* and for partitions without a leader */
	struct map tokens;	/* by HMAC; empty where tokens are off: tokens.c */
	int64_t tokens_due_ms;	/* the next look for expired ones */
};

static inline const struct image *tip(const struct controller *c) { return c->log.tip; }

/* An error for a client: number and words (null = the number's own). */
struct api_error {
	int code;
	struct str message;
};

#define API_OK ((struct api_error){0, {NULL, 0}})

/* printf'd into the arena. */
struct api_error api_error(struct arena *a, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Of the whole request: the words go where the context wants them. Returns code. */
int refuse(const struct controller_context *ctx, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* 0, or Kafka's error for a change of n partitions that the quota of whoever asks does not allow now. */
struct api_error check_quota(const struct controller_context *ctx, int n);

/* Records that one user's operation may make; what one request may name is bounded by the same number. */
#define RECORDS_PER_OPERATION_MAX 10000
int refuse_large(const struct controller_context *ctx);
/* As Uuid.randomUuid: a new id of a topic, an ACL, a token. */
struct uuid random_uuid(const struct controller_context *ctx);

/* ---- configuration, dynamic over static ---- */

/* The layers of a topic: its own (may be NULL), this node's, all nodes'. Returns how many. */
#define TOPIC_LAYERS 3
int topic_layers(const struct controller *c, const struct image_configs *own, struct config_layer layers[TOPIC_LAYERS]);
bool topic_allows_unclean_election(const struct controller *c, struct str topic);
/* min.insync.replicas, or the replication factor where that is less. */
int topic_min_isr(const struct controller *c, const struct image_topic *t);
bool elr_is_on(const struct image *i);
/* min.insync.replicas has moved: with ELR on, those of the topic ("" = of all) are void. 0 or -ENOMEM. */
int add_clear_elr(const struct controller *c, struct record_list *records, struct str topic);

/* ---- brokers ---- */

/* 0, or ERR_STALE_BROKER_EPOCH. */
int check_broker_epoch(const struct controller *c, const struct controller_context *ctx, int32_t id, int64_t epoch);
bool broker_has_online_directory(const struct image_node *broker, struct uuid directory);
bool broker_has_uncordoned_directory(const struct image_node *broker);
/* Where a new replica goes: its only directory, or UNASSIGNED. */
struct uuid broker_default_directory(const struct image *i, int32_t broker_id);
bool directory_is_reserved(struct uuid directory);

/* Out of every ISR, then fenced. */
void fence_broker(struct controller *c, const struct image_node *broker, enum fence_reason why,
		  struct record_list *records);

struct heartbeat *heartbeat_find(struct controller *c, int32_t broker_id);
/* The one of this broker, made when it is not there. */
struct heartbeat *heartbeat_of(struct controller *c, const struct image_node *broker, int64_t now_ms);
void heartbeat_drop(struct controller *c, int32_t broker_id);

/* ---- partitions ---- */

/*
 * The changes of ISR, ELR and leader when brokers go or come; -1 = none. One change record a partition that needs it.
 */
struct broker_move {
	int32_t remove;	 /* leaves ISR and leadership */
	int32_t add;	 /* may lead again, though the image still has it fenced */
	int32_t unclean; /* has lost what it had: leaves ISR, ELR and leadership */
};

enum partitions_of {
	PARTITIONS_WITH_ISR_MEMBER, /* in whose ISR `broker` is */
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
/* Those that are due; returns when the next are. */
int64_t elections_tick(struct controller *c, int64_t now_ms, struct record_list *records);

/* ---- delegation tokens ---- */

void tokens_begin(struct controller *c, int64_t now_ms);
void tokens_end(struct controller *c);
/* A record was applied. */
void tokens_follow(struct controller *c, const struct metadata_record *r);
/* Removes what has expired, when that is due; returns when it is next. */
int64_t tokens_tick(struct controller *c, const struct controller_context *ctx, struct record_list *records);

/* ---- features ---- */

bool feature_range_has(int16_t min, int16_t max, int16_t level);

#endif
