/*
 * metrics_private: what is gathered for one collection of metrics, on its way from metrics.c, which
 * gathers it, to metrics_print.c, which prints it.
 */
#ifndef ODRADEK_BROKER_METRICS_PRIVATE_H
#define ODRADEK_BROKER_METRICS_PRIVATE_H

#include "base/list.h"
#include "broker/cluster_numbers.h"
#include "broker/counters.h"
#include "broker/isr.h"
#include "broker/metrics.h"
#include "broker/replication_quota.h"
#include "env/env.h"
#include "group/census.h"
#include "log/log.h"
#include "net/net.h"
#include "transaction/transaction.h"

/* For a broker or a fetched partition: no line is printed. */
#define UNKNOWN INT64_MIN

struct partition_sample {
	struct topic_state *topic; /* a reference */
	int32_t id;
	struct log_offsets offsets;
	struct counts counts;
	int64_t size;
	int n_segments;
	int n_wanted; /* replicas without those that a reassignment adds: Kafka's replicationFactor */
	int n_isr, min_isr;
	int64_t replica_lag;   /* of the replica that is furthest behind, as its leader knows */
	int64_t open_since_ms; /* last record of the oldest open transaction; -1 */
	int64_t n_producers;
	bool leads;
	bool offline;
};

/* The groups of one core, on their way from it. */
struct core_groups {
	struct post post;
	struct metrics *metrics;
	struct core *core;
	struct group_census census;
	struct transaction_census transactions;
};

struct audit_counts {
	int64_t acls, allowed, denied, left_out; /* UNKNOWN without an authorizer */
};

struct gathered {
	struct core_groups *groups; /* one per core */
	struct cluster_numbers cluster;
	struct partition_sample *v;
	int n, cap;
	struct counts all; /* includes those of partitions that have gone */
	struct net_counts net;
	int64_t now_ns;
	int64_t uptime_ms;
	int64_t broker_state;
	int64_t wall_ms;
	int64_t late_ms; /* a transaction whose last record is older than this is late */
	int64_t n_partitions, n_leads, n_under_replicated, n_under_min_isr, n_at_min_isr, n_offline, n_dirs_offline;
	int64_t n_dirs_cordoned;
	struct log_dir *const *dirs;
	int n_dirs;
	int64_t n_late_transactions, n_producers;
	struct isr_counts isr;
	int64_t replication_rates[REPLICATION_QUOTAS];
	int64_t replicated[REPLICATION_TRAFFIC];
	int64_t is_controller;
	int64_t open_files;
	struct audit_counts audit;
};

struct metrics {
	struct node *node;
	struct list askers;  /* for the next collection */
	struct list waiting; /* for the one that runs */
	struct work work;
	int n_asked; /* cores that have not delivered their groups yet */
	struct gathered g;
	struct buf text;
};

/* Prints everything gathered to m->text; in a job. */
void metrics_print(struct metrics *m);

#endif
