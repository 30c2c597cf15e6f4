/*
 * layers: the dynamic settings in an image, in the form that config takes: the sources for one
 * resource, strongest first.
 *
 * The result points into the image: it is valid as long as a reference to the image is held. Any
 * thread.
 */
#ifndef ODRADEK_BROKER_LAYERS_H
#define ODRADEK_BROKER_LAYERS_H

#include <stdint.h>

#include "base/str.h"
#include "config/config.h"
#include "metadata/image.h"

#define LAYERS_MAX 3

struct layers {
	struct config_layer v[LAYERS_MAX];
	int n;
};

/* This topic, this broker, all brokers. */
struct layers layers_of_topic(const struct image *i, int32_t node_id, struct str topic);
/* This broker, all brokers. */
struct layers layers_of_broker(const struct image *i, int32_t node_id);
/* All brokers. */
struct layers layers_of_all_brokers(const struct image *i);
/* This group, this broker, all brokers. */
struct layers layers_of_group(const struct image *i, int32_t node_id, struct str group);
/* This metrics subscription. */
struct layers layers_of_metrics(const struct image *i, struct str name);

/* The value set under this name, as written; null: not set. layers may be NULL. */
struct str layers_text(const struct layers *l, struct str name);
/* The same for "listener.name.LISTENER.NAME". */
struct arena;
struct str layers_listener_text(const struct layers *l, struct str listener, struct str name, struct arena *a);
/*
 * A number of one listener, as in Kafka's valuesWithPrefixOverride: its own (*is_own), dynamic or as
 * at the start; otherwise the node's.
 */
int64_t layers_listener_long(const struct config *c, const struct layers *l, struct str listener, enum config_id id,
			     bool *is_own);

#endif
