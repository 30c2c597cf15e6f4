/*
 * controller_world: a controller and its tip, without the runtime that carries it: a command's
 * records are applied at once, and the test sets the time.
 */
#ifndef ODRADEK_TESTS_CONTROLLER_CONTROLLER_WORLD_H
#define ODRADEK_TESTS_CONTROLLER_CONTROLLER_WORLD_H

#include "config/config.h"
#include "controller/controller.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/create_topics.h"
#include "tests/base/cm.h"
#include "wire/codec.h"

struct world {
	int16_t kraft_version;
	int16_t kraft_version_max; /* the version that the voters support */
	struct arena arena;
	struct config *config;
	struct controller *controller;
	struct record_list records; /* of the last command */
	struct str why;
	uint64_t chance;
	int64_t now_ms;
	int64_t offset;
	int64_t epochs[4]; /* of brokers 0 to 3 */
	bool encrypts;	   /* brokers that register have a key to encrypt logs with */
	bool own_node;	   /* the asker belongs to the controller's own node */
};

struct controller_context context(struct world *w, int16_t version);
/* Applies w->records to the tip. */
void apply(struct world *w);
const struct image *tip(struct world *w);

/* Runs a command, applies its records, evaluates to its error. */
#define RUN(w, name, version, in, out)                                                                                 \
	({                                                                                                             \
		struct controller_context ctx_ = context((w), (version));                                              \
		int err_;                                                                                              \
		record_list_init(&(w)->records, &(w)->arena);                                                          \
		codec_init(&name##_response_schema, (out));                                                            \
		err_ = controller_##name((w)->controller, &ctx_, (in), (out), &(w)->records);                          \
		if (err_ == 0)                                                                                         \
			apply(w);                                                                                      \
		err_;                                                                                                  \
	})

/* For each test: creates a world, in *state. */
int setup(void **state);
int setup_with_setting(void **state, const char *setting); /* "name=value"; NULL: none */
int setup_of_two(void **state);				   /* with two voters in controller.quorum.voters */
int teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Registers a broker. Returns Kafka's error. Its epoch is in w->epochs. */
int register_incarnation(struct world *w, int32_t id, uint8_t incarnation, int64_t previous_epoch);
struct broker_heartbeat_response beat(struct world *w, int32_t id, bool fence, bool leave);
/* Registers and unfences it. */
void let_in(struct world *w, int32_t id);

struct create_topics_response_topic create(struct world *w, const char *name, int32_t partitions, int16_t replicas);
const struct image_partition *partition(struct world *w, const char *topic, int32_t id);
/*
 * The leader of a partition of topic "a" reports its ISR: isr0, and isr1 unless it is -1. Returns
 * Kafka's error.
 */
int16_t alter_isr(struct world *w, int32_t sender, const struct image_partition *p, int32_t leader_epoch,
		  int32_t partition_epoch, int32_t isr0, int32_t isr1);
/* IncrementalAlterConfigs of one setting. Returns Kafka's error. */
int16_t change(struct world *w, int8_t type, const char *resource, const char *name, int8_t operation,
	       const char *value);

#endif
