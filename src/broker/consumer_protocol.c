/*
 * consumer_protocol: checks the setting and the feature level.
 */
#include "broker/consumer_protocol.h"

#include "broker/node_private.h"
#include "config/config.h"
#include "metadata/image.h"

bool consumer_protocol_is_on(const struct node *node, const struct image *image)
{
	int n;
	const struct str *v = config_list(node->config, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS, &n);

	for (int i = 0; i < n; i++) {
		if (str_is(v[i], "consumer"))
			return image_feature_level(image, STR("group.version")) >= 1;
	}
	return false;
}
