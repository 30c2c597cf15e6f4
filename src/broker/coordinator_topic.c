/*
 * coordinator_topic: creates the topics in which coordinators keep their state.
 */
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/answer.h"
#include "broker/auto_create.h"
#include "broker/coordinator_private.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "config/config.h"
#include "protocol/create_topics.h"

#define ARENA_MAX (1 << 20)

struct topic_maker {
	struct auto_create creation;
	struct arena arena;
	struct str name;
	struct core *core;
	bool busy;
};

static void describe_settings(const struct config *config, const struct coordinator_type *type, struct arena *a,
			      struct create_topics_request_topic *out)
{
	int n = 0;

	while (n < TOPIC_SETTINGS_MAX && type->topic[n].name)
		n++;
	out->configs.v = answer_array(a, &create_topics_request_config_schema, n);
	out->configs.n = out->configs.v ? n : 0;
	for (int i = 0; i < out->configs.n; i++) {
		const struct coordinator_topic_setting *s = &type->topic[i];

		out->configs.v[i].name = str_of(s->name);
		out->configs.v[i].value = s->value ? str_of(s->value) : config_text(config, s->from);
	}
}

bool coordinator_describe_topic(const struct core *core, struct str name, struct arena *a,
				struct create_topics_request_topic *out)
{
	const struct config *config = core->node->config;
	const struct coordinator_type *type = NULL;

	for (int kind = 0; kind < COORDINATOR_KINDS && !type; kind++)
		if (str_eq(name, coordinator_topic((enum coordinator_kind)kind)))
			type = &coordinator_types[kind];
	if (!type)
		return false;
	out->name = name;
	out->num_partitions = config_int(config, type->partitions);
	out->replication_factor = (int16_t)config_int(config, type->replication_factor);
	describe_settings(config, type, a, out);
	return true;
}

static void tell_refusal(const struct topic_maker *m)
{
	const struct create_topics_response *out = m->creation.q.response;
	int err = m->creation.q.err;

	if (!err && out->topics.n == 1)
		err = out->topics.v[0].error_code;
	if (err && err != ERR_TOPIC_ALREADY_EXISTS)
		diag_warn(m->core->loop->env->diag, "topic of a coordinator could not be made",
			  "topic=%.*s error=%s message=\"%.*s\"", STR_ARG(m->name), err_name(err),
			  STR_ARG(out->topics.n == 1 ? out->topics.v[0].error_message : STR("")));
}

static void made(struct auto_create *c)
{
	struct topic_maker *m = c->arg;

	tell_refusal(m);
	arena_reset(&m->arena);
	m->busy = false;
	core_work_ends(m->core);
}

static struct topic_maker *maker_of(struct core *core, enum coordinator_kind kind)
{
	if (!core->topic_makers) {
		core->topic_makers = xcalloc(COORDINATOR_KINDS, sizeof(*core->topic_makers));
		for (int i = 0; i < COORDINATOR_KINDS; i++)
			arena_init(&core->topic_makers[i].arena, ARENA_MAX);
	}
	return &core->topic_makers[kind];
}

void coordinator_make_topic(struct core *core, enum coordinator_kind kind)
{
	struct topic_maker *m = maker_of(core, kind);

	if (m->busy || core->stopping)
		return;
	m->core = core;
	m->name = coordinator_topic(kind);
	m->creation.done = made;
	m->creation.arg = m;
	m->busy = auto_create_start(&m->creation, &(struct auto_create_for){core, &m->arena, NULL}, &m->name, 1);
	if (m->busy)
		core_work_begins(core);
}

void coordinator_makers_hurry(struct core *core)
{
	for (int i = 0; core->topic_makers && i < COORDINATOR_KINDS; i++)
		if (core->topic_makers[i].busy)
			auto_create_hurry(&core->topic_makers[i].creation);
}

void coordinator_makers_free(struct core *core)
{
	for (int i = 0; core->topic_makers && i < COORDINATOR_KINDS; i++)
		arena_fini(&core->topic_makers[i].arena);
	xfree(core->topic_makers);
	core->topic_makers = NULL;
}
