/*
 * node_private: the inside of a node, for the files of this room.
 *
 *	node.c		creation, the start from the replayed log to serving, delivery of images to the cores
 *	node_dirs.c	log directories: locks, identity, format
 *	node_listen.c	listeners: binding, what is advertised, what a client is told
 *	node_limits.c	the limits on connections, also as they change
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
#include "config/setting.h"
#include "env/env.h"

struct addresses;
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
struct net_limits;
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
	bool reflects;				/* clients are told the address to which they have connected */
	struct secured tls;			/* its slot is empty where the listener has no TLS */
	struct ssl_principal_rules *principals; /* for an SSL listener; else NULL */
	struct sasl_listener *sasl;		/* NULL: no authentication by SASL */
	struct sasl_counts *handshakes;		/* by core: TLS handshakes, where there is no SASL; else NULL */
};

/* An image on its way to a core. Posts arrive in the order in which they were sent. */
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
	NODE_RESIGNING,	   /* asks the controller to let the broker go */
	NODE_HANDING_OVER, /* waits for another controller to lead */
	NODE_HANGING_UP,   /* lets connections finish */
	NODE_CLOSING,	   /* closes the quorum, parked requests and logs */
	NODE_ENDED,
};

struct node {
	struct node_options options;
	struct env *env;
	const struct config *config;
	struct api_table apis;
	struct arena arena; /* for what lives as long as the node */
	int32_t id;
	struct str cluster_id;
	struct str host_name; /* null until it was looked up */
	int64_t born_ns;
	struct authorizer *authorizer; /* NULL without authorizer.class.name */
	int audit_level;	       /* atomic: enum audit_level */
	size_t request_budget;	       /* odradek.request.memory.bytes */

	struct atrest_keys *log_keys;	  /* NULL: none */
	struct atrest_keys *own_log_keys; /* the same, if the node owns their memory */
	struct file_stat log_keys_seen;	  /* the key file as last seen, for log_keys_look */
	int64_t opened_bytes;		  /* atomic: memory of opened batches on their way to readers */

	struct log_dir **dirs; /* log.dirs, then metadata.log.dir if it is not one of them */
	int n_dirs;
	int n_log_dirs; /* those that hold replicas */
	struct log_dir *metadata_dir;
	struct dir_watch *watches; /* one per directory */

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
	struct renewal *renewal;     /* of TLS contexts, under way; NULL: none */
	char *address_limits;	     /* max.connections.per.ip.overrides, as in effect */
	struct addresses *addresses; /* others on their way; NULL: none */
	struct mover *mover;
	struct upkeep *upkeep;
	struct cleaner *cleaner; /* NULL when log.cleaner.enable is false */
	struct advertise *advertise;
	struct web *web; /* NULL without odradek.http.listeners */
	bool loaded;	 /* the logs are open */
	/* the metadata has been read up to a high watermark, so the authorizer has the cluster's ACLs */
	_Atomic bool has_rules;
	bool let_in;	      /* this broker has been unfenced in this life */
	const char *shut_out; /* for log lines: why it is fenced now; NULL: it is not */
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
	struct timer begin_timer; /* for retrying begin_work */
	void (*begun)(struct node *n);
	int begin_error;
	struct work close_work;
	struct partitions_closing closing;
	int metadata_error; /* of closing the metadata log; 0: it was closed cleanly */
};

/* ---- node_dirs.c ---- */

/*
 * Opens all directories, formats them when all are new, checks that they agree. 0, or the end of
 * the start, with the reason logged.
 */
enum node_end node_open_dirs(struct node *n);
void node_free_dirs(struct node *n);
/* The broker epoch of the last run, when all directories were left cleanly and agree on it; else -1. */
int64_t node_previous_epoch(const struct node *n);
/*
 * Removes the clean-stop markers in a job. Calls begun() on reactor 0 when they are durably gone;
 * nothing must be written before that.
 */
void node_begin_run(struct node *n, void (*begun)(struct node *n));
/*
 * From now on the controller is told of a failed directory; when the metadata directory or the last
 * log directory fails, the node stops.
 */
void node_watch_dirs(struct node *n);
/* For a clean stop. Blocks. */
int node_mark_clean(struct node *n);

/* ---- node_listen.c ---- */

enum node_end node_bind(struct node *n);
/*
 * Starts accepting on the listeners of the broker, or of the controller; on the broker's, before
 * the ACLs are loaded, only those in early.start.listeners.
 */
void node_accept(struct node *n, bool controller);
void node_register(struct node *n, void (*state)(void *arg, enum broker_state state, int64_t epoch));
void node_tell_listeners(struct node *n);

/*
 * If this node stands alone and listens on every address, *out becomes the address at which the
 * request's connection arrived. True if so.
 */
bool node_reflects(struct request *r, const struct image_node *broker, struct answer_endpoint *out);

/* ---- node_limits.c ---- */

/* The limits at the start; the caller frees l->ip_limits. May block on a name look-up. */
void node_limits_start(struct node *n, struct net_limits *l);
/* On reactor 0. */
void node_limits_follow(struct node *n, const struct image *old, const struct image *now);
/* A listener's own limit at the start; NET_NO_LIMIT: it has none. */
int32_t node_listener_limit(const struct config *c, struct str listener, enum config_id id);

/* ---- node_stop.c ---- */

void node_stop_init(struct node *n);
/* On reactor 0. */
void node_stop_begin(struct node *n, enum node_end end);
/* The controller has let the broker go. */
void node_resigned(struct node *n);
/* A core has no parked request any more. On that core. */
void node_core_idle(struct core *c);

#endif
