/* consumer_describe: ConsumerGroupDescribe, for the groups of this shard. */
#include <string.h>

#include "base/err.h"
#include "group/consumer_group.h"
#include "metadata/image.h"
#include "protocol/consumer_group_describe.h"
#include "protocol/group_records.h"

typedef struct consumer_group_describe_response_assignment assignment;
typedef struct consumer_group_describe_response_topic_partitions topic_partitions;

struct describing {
	struct shard_command *c;
	const struct image *image;
	bool failed;
};

static struct str keep(const struct describing *d, struct str s)
{
	return arena_str(d->c->arena, s);
}

static topic_partitions *topic_of(assignment *a, struct uuid id)
{
	for (int32_t i = 0; i < a->topic_partitions.n; i++) {
		if (uuid_eq(a->topic_partitions.v[i].topic_id, id))
			return &a->topic_partitions.v[i];
	}
	return NULL;
}

static void add_topic(struct describing *d, assignment *a, const struct assign_topic *from, int32_t room)
{
	const struct image_topic *topic = image_topic_by_id(d->image, from->id);
	topic_partitions *t = topic_of(a, from->id);

	if (!topic)
		return;
	if (!t) {
		t = &a->topic_partitions.v[a->topic_partitions.n++];
		t->topic_id = from->id;
		t->topic_name = keep(d, topic->name);
		t->partitions.v = arena_array(d->c->arena, (size_t)room + 1, sizeof(*t->partitions.v));
		if (!t->partitions.v) {
			d->failed = true;
			return;
		}
	}
	memcpy(t->partitions.v + t->partitions.n, from->partitions, (size_t)from->n * sizeof(*from->partitions));
	t->partitions.n += from->n;
}

static void fill_assignment(struct describing *d, assignment *out, const struct assign_set *a,
			    const struct assign_set *b)
{
	out->topic_partitions.n = 0;
	out->topic_partitions.v = arena_array(d->c->arena, (size_t)(a->n + b->n) + 1, sizeof(*out->topic_partitions.v));
	d->failed |= out->topic_partitions.v == NULL;
	for (int32_t i = 0; !d->failed && i < a->n; i++) {
		const struct assign_topic *more = assign_set_find(b, a->v[i].id);

		add_topic(d, out, &a->v[i], a->v[i].n + (more ? more->n : 0));
	}
	for (int32_t i = 0; !d->failed && i < b->n; i++)
		add_topic(d, out, &b->v[i], b->v[i].n);
}

static void fill_member(struct describing *d, const struct consumer_member *m,
			struct consumer_group_describe_response_member *out)
{
	static const struct assign_set none;

	out->member_id = keep(d, m->v.id);
	out->instance_id = keep(d, m->v.instance_id);
	out->rack_id = keep(d, m->v.rack_id);
	out->member_epoch = m->v.epoch;
	out->client_id = keep(d, m->v.client_id);
	out->client_host = keep(d, m->v.client_host);
	out->subscribed_topic_regex = keep(d, m->v.regex);
	out->member_type = m->v.classic ? 0 : 1;
	if (!GROUP_ARRAY(d->c, out->subscribed_topic_names, m->v.n_names)) {
		d->failed = true;
		return;
	}
	for (int32_t i = 0; i < m->v.n_names; i++)
		out->subscribed_topic_names.v[i] = keep(d, m->v.names[i]);
	/* It is still responsible for partitions it is to give up. */
	fill_assignment(d, &out->assignment, &m->v.assigned, &m->v.revoking);
	fill_assignment(d, &out->target_assignment, &m->target, &none);
}

static void fill_group(struct describing *d, const struct group_shard *s, const struct consumer_group *g,
		       struct consumer_group_describe_response_group *out)
{
	int32_t i = 0;

	out->group_state = str_of(consumer_group_state(&g->g));
	out->group_epoch = g->epoch;
	out->assignment_epoch = g->assignment_epoch;
	out->assignor_name = keep(d, consumer_preferred_assignor(s, g, NULL, NULL));
	if (!GROUP_ARRAY(d->c, out->members, g->n_members)) {
		d->failed = true;
		return;
	}
	consumer_each(m, g)
	{
		if (!d->failed)
			fill_member(d, m, &out->members.v[i++]);
	}
}

static void describe(struct describing *d, const struct group_shard *s, struct str id,
		     struct consumer_group_describe_response_group *out)
{
	struct group *g = group_find(s, id);

	*out = (struct consumer_group_describe_response_group){
		.group_id = id, .group_state = STR(""), .assignor_name = STR(""), .authorized_operations = INT32_MIN};
	if (group_is_consumer(g)) {
		fill_group(d, s, consumer_of(g), out);
		return;
	}
	out->error_code = ERR_GROUP_ID_NOT_FOUND;
	out->error_message = arena_printf(
		d->c->arena, g ? "Group %.*s is not a consumer group." : "Group %.*s not found.", STR_ARG(id));
}

void consumer_describe_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct consumer_group_describe_request *in = c->in;
	struct consumer_group_describe_response *out = c->out;
	struct describing d = {c, step->image, false};

	if (!GROUP_ARRAY(c, out->groups, in->group_ids.n)) {
		group_no_memory(c, step);
		return;
	}
	for (int32_t i = 0; i < in->group_ids.n && !d.failed; i++)
		describe(&d, s, in->group_ids.v[i], &out->groups.v[i]);
	if (d.failed || c->arena->failed)
		group_no_memory(c, step);
	else
		shard_answer(step, c);
}
