/*
 * internal_topic: the list of names.
 */
#include "broker/internal_topic.h"

bool topic_is_internal(struct str name)
{
	return str_is(name, "__consumer_offsets") || str_is(name, "__transaction_state") ||
	       str_is(name, "__share_group_state");
}
