/*
 * node_private: the inside of a node, for the files of this room.
 *
 *	node.c		birth, the start from the replayed log to serving, images on their way to the cores
 *	node_dirs.c	log directories: locks, identity, format
 *	node_listen.c	listeners: binding, what is advertised, what a client is told
 *	node_stop.c	the clean stop
 */
#ifndef ODRADEK_BROKER_NODE_PRIVATE_H
#define ODRADEK_BROKER_NODE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/uuid.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/node.h"
#include "broker/outgoing.h"
#include "broker/partitions.h"
#include "broker/quorum.h"
#include "env/env.h"

struct advertise;
struct assignments;
struct fetchers;
struct isr;
struct answer_endpoint;
struct authorizer;
struct config;
struct config_endpoint;
struct image;
struct log_dir;
struct mover;
struct net;
struct replication_quotas;
struct throttle;
struct request;
struct sasl_counts;
struct sasl_listener;
struct cleaner;
struct upkeep;
struct web;

struct node_listener {
	const char *name;
	bool controller;
	bool reflects;				/* a client is told the address it has dialled */
	struct secured tls;			/* its slot is empty where the listener is plain */
	struct ssl_principal_rules *principals; /* of an SSL listener; else NULL */
	struct sasl_listener *sasl;		/* NULL: nobody has to say who he is */
	struct sasl_counts *handshakes;		/* by core, of TLS where nobody does; else NULL */
};

/* An image on its way to a core. Posts arrive in the order they were given. */
struct image_post {
	struct post post;
	struct core *core;
	const struct image *image;
};

/* Waits for a directory to fail. */
struct dir_watch {
	struct post post;
	struct node *node;
	struct log_dir *dir;
};

enum node_phase {
	NODE_STARTING,
	NODE_SERVING,
	NODE_RESIGNING,	   /* the controller is asked to let the broker go */
	NODE_HANDING_OVER, /* another controller is to lead */
	NODE_HANGING_UP,   /* connections finish */
	NODE_CLOSING,	   /* quorum, parked requests, logs */
	NODE_ENDED,
};

struct node {
	struct node_options options;
	struct env *env;
	const struct config *config;
	struct api_table apis;
	struct arena arena; /* what lives as long as the node */
	int32_t id;
	struct str cluster_id;
	struct str host_name; /* null until it was asked for */
	int64_t born_ns;
	struct authorizer *authorizer; /* NULL without authorizer.class.name */
	int audit_level;	       /* atomic: enum audit_level */
	size_t request_budget;	       /* odradek.request.memory.bytes */

	struct atrest_keys *log_keys;	  /* NULL: none */
	struct atrest_keys *own_log_keys; /* the same, where their memory is the node's */
	struct file_stat log_keys_seen;	  /* of their file; log_keys_look's */
	int64_t opened_bytes;		  /* atomic: of sealed batches in memory, on their way to readers */

	struct log_dir **dirs; /* log.dirs, then metadata.log.dir where it is none of them */
	int n_dirs;
	int n_log_dirs; /* those that hold replicas */
	struct log_dir *metadata_dir;
	struct dir_watch *watches; /* one a directory */

	struct outgoing outgoing;
	struct net *net;
	struct core *cores;
	int n_cores;
	int cores_idle; /* while closing */
	struct node_listener *listeners;
	int n_listeners;

	struct quorum *quorum;
	struct quorum_subscriber subscriber;
	struct partitions *partitions; /* NULL on a pure controller */
	struct partitions_load load;
	struct assignments *assignments;
	struct isr *isr;
	struct fetchers *fetchers;
	struct replication_quotas *replication_quotas;
	struct throttle *throttle;
	struct renewal *renewal; /* of TLS, under way; NULL: none is */
	struct mover *mover;
	struct upkeep *upkeep;
	struct cleaner *cleaner; /* NULL when log.cleaner.enable is false */
	struct advertise *advertise;
	struct web *web; /* NULL without odradek.http.listeners */
	bool loaded;	 /* the logs are open */
	_Atomic bool
		has_rules; /* the metadata has been read up to a high watermark: the authorizer's ACLs are those of the cluster */
	bool let_in;	      /* the metadata has had this broker unfenced, in this life */
	const char *shut_out; /* why it has not now, for people; NULL: it has */
	bool in_recovery;     /* the controller waits for us to be ready */
	int64_t broker_epoch;

	enum node_phase phase;
	enum node_end end;
	struct post stop_post;
	struct post close_post;
	int stop_asked; /* atomic */
	struct timer stop_timer;
	int64_t stop_began_ms;
	struct work begin_work;
	struct timer begin_timer; /* of one that is tried again */
	void (*begun)(struct node *n);
	int begin_error;
	struct work close_work;
	struct partitions_closing closing;
};

/* ---- node_dirs.c ---- */

/* Opens them all, formats them when all are new, checks that they agree. 0 or the end, the reason told. */
enum node_end node_open_dirs(struct node *n);
void node_free_dirs(struct node *n);
/* The epoch of the broker's last run, when all directories were left cleanly and agree on it; else -1. */
int64_t node_previous_epoch(const struct node *n);
/* Removes the markers of a clean stop in a job; begun() when they are gone for good, on reactor 0: nothing is written before. */
void node_begin_run(struct node *n, void (*begun)(struct node *n));
/* From now on a failed directory is told to the controller; without the metadata's, or the last one, the node stops. */
void node_watch_dirs(struct node *n);
/* Of a clean stop. Blocks. */
int node_mark_clean(struct node *n);

/* ---- node_listen.c ---- */

enum node_end node_bind(struct node *n);
/* The listeners of brokers, or of controllers; of these before the rules are loaded those of early.start.listeners alone. */
void node_accept(struct node *n, bool controller);
void node_follow_rates(struct node *n, const struct image *old, const struct image *now);
void node_register(struct node *n, void (*state)(void *arg, enum broker_state state, int64_t epoch));
void node_tell_listeners(struct node *n);

/* If this node stands alone and listens on every address, *out becomes the address that the request's connection came in by. True. */
bool node_reflects(struct request *r, const struct image_node *broker, struct answer_endpoint *out);

/* ---- node_stop.c ---- */

void node_stop_init(struct node *n);
/* On reactor 0. */
void node_stop_begin(struct node *n, enum node_end end);
/* The controller has let the broker go. */
void node_resigned(struct node *n);
/* A core has no parked request any more. On that core. */
void node_core_idle(struct core *c);

#endif
