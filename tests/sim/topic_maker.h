/*
 * topic_maker: creates the topics of a run before its clients begin: retries until they exist, with
 * a client of its own. Belongs to one loop.
 */
#ifndef ODRADEK_TESTS_SIM_TOPIC_MAKER_H
#define ODRADEK_TESTS_SIM_TOPIC_MAKER_H

#include "protocol/create_topics.h"
#include "tests/sim/client.h"

enum { TOPIC_MAKER_MAX = 3 };

struct topic_maker {
	/* Set by the owner. */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	struct create_topics_request_topic topics[TOPIC_MAKER_MAX];
	int n;
	int32_t timeout_ms;
	bool (*excuses)(void *arg, int16_t code); /* whether a non-retriable error is permitted */
	void (*made)(void *arg);		  /* called once, when all exist */
	void *arg;
	/* Internal. */
	struct client client;
	struct timer again;
	bool is_done;
};

void topic_maker_start(struct topic_maker *m);
void topic_maker_fini(struct topic_maker *m);
/* Adds an entry to m->topics, with this replication factor and no settings. */
struct create_topics_request_topic *topic_maker_add(struct topic_maker *m, int16_t replicas);

#endif
