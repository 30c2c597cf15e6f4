/*
 * classic_record: converts a classic group to the record of its last assignment, and back.
 *
 * Version 3 is written, as in Kafka 4.4. Records written here are not applied: the state they come
 * from is already newer. Applied are those found in the log during a load, tombstones, and those
 * that turn a group of another kind into a classic one.
 */
#include <errno.h>

#include "base/check.h"
#include "base/mem.h"
#include "group/classic.h"
#include "protocol/group_records.h"

#define VALUE_VERSION 3

static void put(struct classic_group *g, struct shard_step *step, const struct group_metadata_value *value)
{
	struct group_metadata_key key = {.group = group_id(&g->g)};

	GROUP_PUT(step, group_metadata, &key, VALUE_VERSION, value);
}

static void choose(struct classic_group *g, const struct classic_assignment *v, int n)
{
	list_each(it, &g->members)
	{
		struct classic_member *m = container_of(it, struct classic_member, link);

		m->writing = v ? (struct bytes){(const uint8_t *)"", 0} : m->assignment;
	}
	for (int i = 0; i < n; i++) {
		struct classic_member *m = classic_member(g, v[i].member_id);

		if (m)
			m->writing = v[i].assignment;
	}
}

void classic_put(struct classic_group *g, struct shard_step *step, const struct classic_assignment *v, int n)
{
	struct group_metadata_value value = {
		.protocol_type = g->protocol_type ? str_of(g->protocol_type) : STR(""),
		.generation = g->generation,
		.protocol = str_of(g->protocol),
		.leader = str_of(g->leader),
		.current_state_timestamp = g->state_ms,
	};
	int i = 0;

	value.members.n = g->n_members;
	value.members.v = arena_array(step->arena, (size_t)g->n_members + 1, sizeof(*value.members.v));
	if (!value.members.v) {
		step->failed = true;
		return;
	}
	choose(g, v, n);
	list_each(it, &g->members)
	{
		const struct classic_member *m = container_of(it, struct classic_member, link);
		struct bytes metadata = classic_metadata(m, g->protocol);

		check(metadata.p);
		value.members.v[i++] = (struct group_metadata_value_member){
			.member_id = str_of(m->id),
			.group_instance_id = str_of(m->instance_id),
			.client_id = str_of(m->client_id),
			.client_host = str_of(m->client_host),
			.rebalance_timeout = m->rebalance_timeout_ms,
			.session_timeout = m->session_timeout_ms,
			.subscription = metadata,
			.assignment = m->writing,
		};
	}
	put(g, step, &value);
}

void classic_put_new(struct classic_group *g, struct shard_step *step)
{
	put(g, step,
	    &(struct group_metadata_value){
		    .protocol_type = STR(""),
		    .protocol = STR_NULL,
		    .leader = STR_NULL,
		    .current_state_timestamp = g->state_ms,
	    });
}

void classic_put_tombstones(struct group_shard *s, struct group *g, struct shard_step *step)
{
	struct group_metadata_key key = {.group = group_id(g)};

	(void)s;
	GROUP_PUT_TOMBSTONE(step, group_metadata, &key);
}

/* ---- applying ---- */

static void take_member(struct group_shard *s, struct classic_group *g, const struct group_metadata_value *value,
			const struct group_metadata_value_member *in)
{
	struct classic_protocols protocols = {.v = xcalloc(1, sizeof(*protocols.v)), .n = 1};
	struct classic_member_options options = {
		.id = in->member_id,
		.instance_id = in->group_instance_id,
		.client_id = in->client_id,
		.client_host = in->client_host,
		.rebalance_timeout_ms = in->rebalance_timeout == -1 ? in->session_timeout : in->rebalance_timeout,
		.session_timeout_ms = in->session_timeout,
		.protocol_type = value->protocol_type,
	};

	protocols.v[0] = classic_protocol_make(value->protocol, in->subscription);
	classic_set_assignment(classic_add(s, g, &options, &protocols), in->assignment);
}

/* Checks that ids and instance ids are unique, as in any valid record. */
static bool is_sound(const struct classic_group *g, const struct group_metadata_value_member *m)
{
	return !classic_member(g, m->member_id) &&
	       (str_is_null(m->group_instance_id) || !classic_static_member(g, m->group_instance_id));
}

int classic_apply(struct group_shard *s, const void *key_, const void *value_, const struct shard_position *at)
{
	const struct group_metadata_key *key = key_;
	const struct group_metadata_value *value = value_;
	struct group *old = group_find(s, key->group);
	struct classic_group *g;

	(void)at;
	if (old)
		group_drop(s, old);
	if (!value)
		return 0;
	g = classic_new(s, key->group, value->current_state_timestamp);
	if (value->members.n > 0 && str_is_null(value->protocol))
		return -EBADMSG;
	for (int i = 0; i < value->members.n; i++) {
		if (!is_sound(g, &value->members.v[i]))
			return -EBADMSG;
		take_member(s, g, value, &value->members.v[i]);
	}
	g->state = value->members.n > 0 ? CLASSIC_STABLE : CLASSIC_EMPTY;
	g->generation = value->generation;
	classic_set_type(g, value->protocol_type.len > 0 ? value->protocol_type : STR_NULL);
	classic_set_protocol(g, value->protocol);
	classic_set_leader(g, value->leader);
	classic_note_topics(g);
	return 0;
}
