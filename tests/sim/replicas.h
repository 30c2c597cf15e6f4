/* replicas: compares what the replicas of a partition have on their disks. */
#ifndef ODRADEK_TESTS_SIM_REPLICAS_H
#define ODRADEK_TESTS_SIM_REPLICAS_H

#include "env/env.h"

/* All bytes of its segments, in order; release with free(). Empty if there is no such replica. */
struct replica_bytes {
	uint8_t *p;
	int64_t len;
};

/* Reads it from whichever of the node's directories has it; no other directory may have it. */
struct replica_bytes replica_read(struct env *e, const char *topic, int partition);
/*
 * All batches except control batches must be encrypted with this node's key; they are decrypted in
 * place.
 */
struct atrest_keys;
void replica_open(struct env *e, const char *topic, int partition, const struct atrest_keys *keys,
		  struct replica_bytes *b);
/*
 * After a clean stop: the checkpoint of its leader epochs says of each batch what the batch says,
 * except before the log's start where that was moved.
 */
void replica_check_epochs(struct env *e, const char *topic, int partition, const struct replica_bytes *b);
/* Ends the run if the two differ. */
void replica_compare(const struct replica_bytes *a, const struct replica_bytes *b);
/*
 * Replicas are compacted at different times: for each key the newest record must be the same, or be
 * a tombstone that one replica no longer has.
 */
void replica_compare_compacted(const struct replica_bytes *a, const struct replica_bytes *b);

#endif
