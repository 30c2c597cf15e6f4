/*
 * node_world: a whole node in the simulator, and two raw clients on another machine. One world at a
 * time.
 */
#ifndef ODRADEK_TESTS_BROKER_NODE_WORLD_H
#define ODRADEK_TESTS_BROKER_NODE_WORLD_H

#include "broker/node.h"
#include "config/config.h"
#include "env/sim/sim.h"
#include "protocol/alter_replica_log_dirs.h"
#include "protocol/fetch.h"
#include "protocol/metadata.h"
#include "protocol/produce.h"
#include "wire/batch.h"
#include "wire/codec.h"

#define NODE 0
#define PEER 1
#define PATIENCE_MS 30000
#define PORT 9092

struct client {
	struct sock *sock;
	struct loop *loop;
	uint8_t out[1 << 23];
	size_t out_len, sent;
	uint8_t in[1 << 22];
	size_t in_len;
	bool connected, closed;
	int32_t correlation_id;
	const char *id; /* NULL: "test" */
	struct env *env;
	int port;
};

struct world {
	struct sim_world *sim;
	struct diag diag;
	struct node *node;
	struct config *config;
	struct arena arena; /* where answers are decoded */
	struct client a, b;
	bool serving, stopped;
	const char *overrides[5]; /* of the configuration; ended by NULL */
};

extern struct world *w;

void start_node(void *arg);
void stop_node(void *arg);
void bring_up(void); /* its two halves: */
void bring_up_begin(void);
void bring_up_end(void);
void bring_down(void);
void client_open(struct client *c); /* at PORT */
void client_open_at(struct client *c, int port);
/* Sends `in`; anything received before is dropped. */
void client_send(struct client *c, const struct schema *s, int version, const void *in);
/* Decodes the answer to the last request into the world's arena. */
void client_take(struct client *c, const struct schema *s, int version, void *out);
/*
 * Uses the first client. settings: name, value, name and so on, at most eight pairs, ended by NULL;
 * NULL: none.
 */
void create_topic_with(const char *name, int32_t partitions, const char *const *settings);
void ask_metadata(const char *topic, struct metadata_response *out);
struct records batch_of(struct buf *b, const char *value);
void send_produce(struct client *c, const char *topic, struct records records, int16_t acks);
struct produce_response_partition ask_produce_with(const char *topic, const char *value, int16_t acks);
/* With acks=all. */
struct produce_response_partition ask_produce(const char *topic, const char *value);

/* A Fetch of partition 0 of up to two topics. It points into itself. */
struct fetch_of {
	struct fetch_request in;
	struct fetch_request_topic topics[2];
	struct fetch_request_partition partitions[2];
};

void fetch_begin(struct fetch_of *f);
/* From this offset on, up to 64 KiB. */
void fetch_add(struct fetch_of *f, const char *topic, int64_t offset);
/* fetch_begin and fetch_add, of the first request of a session or of one without. */
struct fetch_request *fetch_one(struct fetch_of *f, const char *topic, int64_t offset);

void send_fetch(struct client *c, const char *topic, int64_t offset, int32_t max_wait_ms);
struct fetch_response_partition take_fetch(struct client *c);
void delete_topic(const char *topic);
/* Uses the first client, with version 2. */
void send_move(const char *topic, int32_t partition, const char *path);
/* Asserts that the batch's only record is `value`. */
void assert_value(struct records records, const char *value);
int node_world_up(void **state);
int node_world_up_with(void **state, const char *const *overrides, int n);
int node_world_down(void **state);
bool has_stopped(void *arg);
bool is_serving(void *arg);
bool has_answer(void *arg);

#endif
