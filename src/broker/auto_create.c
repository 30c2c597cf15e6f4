/*
 * auto_create: asks the controller, then waits until the image has the new topics.
 *
 * A coordinator's topic is created with the settings that it needs. Topics of coordinators that are
 * not served yet are not created, since nobody could use them.
 */
#include "broker/auto_create.h"

#include "base/err.h"

#include "broker/answer.h"
#include "broker/coordinator.h"
#include "broker/forward.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "config/config.h"
#include "metadata/image.h"
#include "protocol/create_topics.h"
#include "wire/codec.h"

#define WAIT_MAX_MS 5000 /* or request.timeout.ms, if that is less */
#define CREATE_VERSION 7

static int32_t wait_ms(const struct auto_create *c)
{
	int32_t ms = config_int(c->core->node->config, CONFIG_REQUEST_TIMEOUT_MS);

	return ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
}

static const struct create_topics_response_topic *answer_of(const struct auto_create *c, struct str name)
{
	const struct create_topics_response *out = c->q.response;

	for (int i = 0; i < out->topics.n; i++)
		if (str_eq(out->topics.v[i].name, name))
			return &out->topics.v[i];
	return NULL;
}

static bool topic_is_ready(const struct image *image, struct str name)
{
	const struct image_topic *t = image ? image_topic_by_name(image, name) : NULL;

	if (!t)
		return false;
	for (int i = 0; i < t->n_partitions; i++)
		if (t->partitions[i]->leader < 0)
			return false;
	return true;
}

/* Every topic is in the image, or was refused. */
static bool is_ready(const struct auto_create *c)
{
	if (!c->decided)
		return false;
	if (c->q.err)
		return true;
	for (int i = 0; i < c->n; i++) {
		const struct create_topics_response_topic *t = answer_of(c, c->names[i]);
		bool made = t && (t->error_code == 0 || t->error_code == ERR_TOPIC_ALREADY_EXISTS);

		if (made && !topic_is_ready(c->core->image, c->names[i]))
			return false;
	}
	return true;
}

static void finish(struct auto_create *c)
{
	c->finished = true;
	timer_stop(&c->timer);
	list_remove(&c->waiter.link);
	c->done(c);
}

static void look(struct auto_create *c)
{
	if (!c->finished && is_ready(c))
		finish(c);
}

static void image_changed(struct image_waiter *w)
{
	look(container_of(w, struct auto_create, waiter));
}

static void decided(struct quorum_request *q)
{
	struct auto_create *c = q->arg;

	c->decided = true;
	look(c);
}

/* The request is the quorum's until it has been answered, which happens by its deadline. */
static void too_late(struct timer *t)
{
	struct auto_create *c = container_of(t, struct auto_create, timer);

	if (c->decided && !c->finished)
		finish(c);
	else
		timer_start(t, wait_ms(c));
}

void auto_create_hurry(struct auto_create *c)
{
	if (c->decided && !c->finished)
		finish(c);
}

static bool fill_request(struct auto_create *c, struct create_topics_request *in)
{
	const struct config *config = c->core->node->config;

	codec_init(&create_topics_request_schema, in);
	in->timeout_ms = wait_ms(c);
	in->topics.n = c->n;
	in->topics.v = answer_array(c->arena, &create_topics_request_topic_schema, c->n);
	if (!in->topics.v)
		return false;
	for (int i = 0; i < c->n; i++) {
		struct create_topics_request_topic *t = &in->topics.v[i];
		bool has_n = config_origin(config, CONFIG_NUM_PARTITIONS) != CONFIG_FROM_DEFAULT;
		bool has_factor = config_origin(config, CONFIG_DEFAULT_REPLICATION_FACTOR) != CONFIG_FROM_DEFAULT;

		if (coordinator_describe_topic(c->core, c->names[i], c->arena, t))
			continue;
		t->name = c->names[i];
		t->num_partitions = has_n ? config_int(config, CONFIG_NUM_PARTITIONS) : -1;
		t->replication_factor =
			has_factor ? (int16_t)config_int(config, CONFIG_DEFAULT_REPLICATION_FACTOR) : -1;
	}
	return !c->arena->failed;
}

/* As if the client had asked for it by CreateTopics. */
static void ask_for_client(struct auto_create *c, struct request *r)
{
	const struct identity *who = request_identity(r);

	c->client = (struct quorum_client){r->correlation_id, r->client_id, who->address};
	c->q.client = &c->client;
	c->q.principal = &who->principal;
	c->q.client_id = r->client_id;
	c->q.own_node = false;
}

bool auto_create_start(struct auto_create *c, const struct auto_create_for *whom, const struct str *names, int n)
{
	struct core *core = whom->core;
	struct create_topics_request *in = arena_alloc(whom->arena, sizeof(*in));
	struct create_topics_response *out = arena_alloc(whom->arena, sizeof(*out));

	c->core = core;
	c->arena = whom->arena;
	c->names = names;
	c->n = n;
	c->decided = c->finished = false;
	if (!in || !out || !fill_request(c, in))
		return false;
	codec_init(&create_topics_response_schema, out);
	c->waiter.changed = image_changed;
	list_push(&core->image_waiters, &c->waiter.link);
	timer_init(&c->timer, core->loop, too_late);
	timer_start(&c->timer, wait_ms(c));
	c->q = (struct quorum_request){
		.done = decided,
		.arg = c,
		.api = create_topics_request_KEY,
		.version = CREATE_VERSION,
		.request = in,
		.response = out,
		.arena = whom->arena,
		.own_node = true,
	};
	if (whom->request)
		ask_for_client(c, whom->request);
	forward_submit(core, &c->q, wait_ms(c));
	return true;
}
