/*
 * controller_registration: tells the active controller where this node's controller listens and
 * what it supports (KIP-919); Kafka's ControllerRegistrationManager.
 *
 * 1. It registers once in the life of the process, with whichever node leads, even this one; and
 *    again if the registration was in the metadata and is gone.
 * 2. One request is under way at a time. After a refused one there is a pause, longer each time.
 */
#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/quorum_private.h"
#include "metadata/version.h"
#include "protocol/controller_registration.h"
#include "security/principal.h"
#include "wire/codec.h"

#define ARENA (1 << 20)
#define FEATURES_MAX 16
#define ANSWER_MS 5000 /* Kafka's, for this request */
#define PAUSE_MS 100   /* at first; doubled each time, up to: */
#define PAUSE_MAX_MS 120000

struct controller_registration {
	struct quorum *quorum;
	struct uuid incarnation;
	struct quorum_request request;
	struct controller_registration_request in;
	struct controller_registration_response out;
	struct arena arena;
	struct timer pause;
	int64_t pause_ms;
	bool under_way;
	bool said; /* sent, and accepted */
	bool seen; /* in the metadata */
	bool freed;
};

static void release(struct controller_registration *c)
{
	arena_fini(&c->arena);
	xfree(c);
}

/* ---- the request ---- */

static void refused(struct controller_registration *c, int err)
{
	diag_warn(c->quorum->env->diag, "controller registration refused", "error=%s", err_name(err));
	timer_start(&c->pause, c->pause_ms);
	c->pause_ms = c->pause_ms * 2 < PAUSE_MAX_MS ? c->pause_ms * 2 : PAUSE_MAX_MS;
}

static void answered(struct quorum_request *r)
{
	struct controller_registration *c = r->arg;
	int err = r->err ? r->err : c->out.error_code;

	c->under_way = false;
	if (c->freed) {
		release(c);
		return;
	}
	arena_reset(&c->arena);
	if (err != 0) {
		refused(c, err);
		return;
	}
	c->said = true;
	c->pause_ms = PAUSE_MS;
}

static void fill(struct controller_registration *c)
{
	const struct quorum *q = c->quorum;
	const struct config_network *network = config_network(q->options.config);
	const struct raft_voter *own = raft_own_voter(q->raft);
	struct controller_registration_request *in = &c->in;

	codec_init(&controller_registration_request_schema, in);
	in->controller_id = q->options.node_id;
	in->incarnation_id = c->incarnation;
	in->listeners.v = arena_array(&c->arena, (size_t)own->n_endpoints, sizeof(*in->listeners.v));
	in->listeners.n = own->n_endpoints;
	for (int i = 0; i < own->n_endpoints; i++) {
		in->listeners.v[i].name = own->endpoints[i].name;
		in->listeners.v[i].host = own->endpoints[i].host;
		in->listeners.v[i].port = own->endpoints[i].port;
		in->listeners.v[i].security_protocol = (int16_t)network->controller_advertised[i].protocol;
	}
	in->features.v = arena_array(&c->arena, FEATURES_MAX, sizeof(*in->features.v));
	for (const struct controller_feature *f = CONTROLLER_FEATURES; f->name; f++) {
		check(in->features.n < FEATURES_MAX);
		in->features.v[in->features.n].name = str_of(f->name);
		in->features.v[in->features.n].min_supported_version = f->min;
		in->features.v[in->features.n++].max_supported_version = f->max;
	}
}

static void say(struct controller_registration *c)
{
	fill(c);
	codec_init(&controller_registration_response_schema, &c->out);
	c->under_way = true;
	c->request = (struct quorum_request){
		.loop = c->quorum->loop,
		.done = answered,
		.arg = c,
		.api = controller_registration_request_KEY,
		.request = &c->in,
		.response = &c->out,
		.arena = &c->arena,
		.principal = &PRINCIPAL_ANONYMOUS,
		.own_node = true,
		.deadline_ms = env_mono_ms(c->quorum->env) + ANSWER_MS,
	};
	quorum_submit(c->quorum, &c->request);
}

/* ---- when ---- */

void controller_registration_look(struct controller_registration *c, const struct image *image)
{
	const struct image_node *known;

	if (!c || image_metadata_version(image) < METADATA_VERSION_CONTROLLER_REGISTRATION)
		return;
	known = image_controller(image, c->quorum->options.node_id);
	if (known && uuid_eq(known->incarnation, c->incarnation)) {
		c->seen = true;
		return;
	}
	if (c->seen)
		c->seen = c->said = false;
	if (!c->said && !c->under_way && !timer_is_running(&c->pause))
		say(c);
}

static void pause_over(struct timer *t)
{
	struct controller_registration *c = container_of(t, struct controller_registration, pause);
	const struct image *image = quorum_image(c->quorum);

	if (image)
		controller_registration_look(c, image);
	image_unref(&image);
}

/* ---- creation and end ---- */

struct controller_registration *controller_registration_new(struct quorum *q)
{
	struct controller_registration *c = xcalloc(1, sizeof(*c));

	c->quorum = q;
	c->incarnation = env_random_uuid(q->env);
	c->pause_ms = PAUSE_MS;
	arena_init(&c->arena, ARENA);
	timer_init(&c->pause, q->loop, pause_over);
	return c;
}

void controller_registration_free(struct controller_registration *c)
{
	if (!c)
		return;
	timer_stop(&c->pause);
	c->freed = true;
	if (!c->under_way)
		release(c);
}
