/*
 * cluster_numbers: figures for metrics from the metadata image, the quorum and the fetchers.
 *
 * They are taken on reactor 0 and counted in a job, which uses only the image, to which it holds a
 * reference.
 */
#ifndef ODRADEK_BROKER_CLUSTER_NUMBERS_H
#define ODRADEK_BROKER_CLUSTER_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/fetchers.h"
#include "broker/quorum.h"

struct node;

/* A registered broker. */
struct broker_number {
	int32_t id;
	int64_t state;	     /* Kafka's BrokerRegistrationState: 10 fenced, 20 in controlled shutdown, 30 active */
	int64_t heard_of_ms; /* ms since the last heartbeat; -1: not known here */
	int64_t n_leads;     /* partitions it leads */
	int64_t n_replicas;
};

struct cluster_numbers {
	const struct image *image; /* a reference; NULL before the first commit */
	struct quorum_numbers quorum;
	struct broker_number *brokers; /* by id */
	int n_brokers;
	int64_t n_active, n_fenced, n_shutting_down;
	int64_t n_topics, n_partitions;
	int64_t offset, epoch, timestamp_ms; /* of the image; -1 when there is none */
	int64_t metadata_version;

	/* counted in the job */
	int64_t n_without_leader;
	int64_t n_imbalanced; /* led by a replica other than the preferred one */
	int64_t n_under_replicated;
	int64_t n_reassigned;
	int64_t n_reassigned_here; /* those of n_reassigned that this node leads */

	struct fetcher_numbers fetchers;
};

void cluster_numbers_take(struct cluster_numbers *c, const struct node *n);
void cluster_numbers_count(struct cluster_numbers *c, int32_t node_id);
void cluster_numbers_fini(struct cluster_numbers *c);

#endif
