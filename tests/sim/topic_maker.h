/*
 * topic_maker: makes the topics of a run before its clients begin: asks until they are there, by a client of its own. One loop's.
 */
#ifndef ODRADEK_TESTS_SIM_TOPIC_MAKER_H
#define ODRADEK_TESTS_SIM_TOPIC_MAKER_H

#include "protocol/create_topics.h"
#include "tests/sim/client.h"

enum { TOPIC_MAKER_MAX = 3 };

struct topic_maker {
	/* given */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	struct create_topics_request_topic topics[TOPIC_MAKER_MAX];
	int n;
	int32_t timeout_ms;
	bool (*excuses)(void *arg, int16_t code); /* an error that would not be asked again for */
	void (*made)(void *arg);		  /* once: all are there */
	void *arg;
	/* its own */
	struct client client;
	struct timer again;
	bool is_done;
};

void topic_maker_start(struct topic_maker *m);
void topic_maker_fini(struct topic_maker *m);
/* The next of m->topics, with replicas and without settings. */
struct create_topics_request_topic *topic_maker_add(struct topic_maker *m, int16_t replicas);

#endif
