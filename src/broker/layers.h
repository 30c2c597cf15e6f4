/*
 * layers: the dynamic settings of an image, as config takes them: the sources of one resource, strongest first.
 *
 * What is filled in points into the image: it holds as long as a reference to the image is held. Any thread.
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
/* A group: it, this broker, all brokers. */
struct layers layers_of_group(const struct image *i, int32_t node_id, struct str group);
/* A metrics subscription. */
struct layers layers_of_metrics(const struct image *i, struct str name);

/* What is set under this name, as it is written; null: nothing is. layers may be NULL. */
struct str layers_text(const struct layers *l, struct str name);
/* The same of "listener.name.LISTENER.NAME". */
struct arena;
struct str layers_listener_text(const struct layers *l, struct str listener, struct str name, struct arena *a);

#endif
