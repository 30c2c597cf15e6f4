/*
 * coordinator_request: makes commands from requests, sends them to the shards, and completes the
 * requests.
 */
#include "broker/coordinator_request.h"

#include "base/err.h"
#include "broker/core.h"
#include "broker/dispatch.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "broker/sight.h"
#include "metadata/image.h"
#include "net/conn.h"
#include "wire/codec.h"

#define PART_MEMORY_MAX (64 << 20)
#define PARTS_AT_ONCE 16

/* Copied, because the command may outlive its connection. */
static struct str client_host(struct request *r)
{
	return arena_str(&r->arena, request_identity(r)->remote);
}

static void fill_command(struct request *r, struct shard_command *c, const void *in, void *out)
{
	c->api = r->api->key;
	c->version = r->version;
	c->client_id = r->client_id;
	c->client_host = client_host(r);
	c->asker = sight_asker(r);
	c->in = in;
	c->out = out;
}

/* ---- one ---- */

struct single {
	struct coordinator_command command;
	struct request *r;
	coordinator_finish_fn *finish;
	void *arg;
};

static void single_done(struct coordinator_command *command)
{
	struct single *s = command->arg;
	struct request *r = s->r;

	if (s->finish)
		s->finish(r, &command->c, s->arg);
	else if (command->c.err)
		request_fail(r, command->c.err, command->c.message);
	/* An incomplete answer would be taken for a success. */
	if (r->arena.failed)
		request_end(r, true);
	else
		request_complete(r);
}

static struct single *single_new(struct request *r, struct str key, const void *in, void *out,
				 coordinator_finish_fn *finish, void *arg)
{
	struct single *s = arena_zalloc(&r->arena, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct single){.r = r, .finish = finish, .arg = arg};
	fill_command(r, &s->command.c, in, out);
	s->command.c.scope = key;
	s->command.c.arena = &r->arena;
	s->command.done = single_done;
	s->command.arg = s;
	return r->arena.failed ? NULL : s;
}

static void submit(struct request *r, enum coordinator_kind kind, struct str key, struct single *s)
{
	coordinator_submit(r->core, kind, coordinator_partition(r->node, r->image, kind, key), &s->command);
}

enum outcome coordinator_request_run(struct request *r, enum coordinator_kind kind, struct str key, const void *in,
				     void *out, coordinator_finish_fn *finish, void *arg)
{
	struct single *s = single_new(r, key, in, out, finish, arg);

	if (!s)
		return HANG_UP;
	request_park(r, s, NULL);
	submit(r, kind, key, s);
	return PARKED;
}

void coordinator_request_go_on(struct request *r, enum coordinator_kind kind, struct str key, const void *in, void *out,
			       uint64_t guard, coordinator_finish_fn *finish, void *arg)
{
	struct single *s = single_new(r, key, in, out, finish, arg);

	if (!s) {
		request_end(r, true);
		return;
	}
	r->hurry = NULL; /* there is nothing left to wait for */
	s->command.c.guard = guard;
	submit(r, kind, key, s);
}

/* ---- many ---- */

static void fan_release(void *arg)
{
	struct coordinator_fan *f = arg;

	for (int i = 0; i < f->n; i++)
		arena_fini(&f->v[i].arena);
}

struct coordinator_fan *coordinator_fan_new(struct request *r, enum coordinator_kind kind, int n,
					    void (*finish)(struct coordinator_fan *f), void *arg)
{
	struct coordinator_fan *f = arena_zalloc(&r->arena, sizeof(*f));
	const struct schema *out = r->api->out;

	if (!f)
		return NULL;
	*f = (struct coordinator_fan){.r = r, .kind = kind, .finish = finish, .arg = arg};
	f->v = arena_array(&r->arena, (size_t)n + 1, sizeof(*f->v));
	for (int i = 0; f->v && i < n; i++) {
		f->v[i].fan = f;
		f->v[i].out = arena_alloc(&r->arena, out->size);
		if (f->v[i].out)
			codec_init(out, f->v[i].out);
	}
	if (r->arena.failed)
		return NULL;
	f->n = n;
	for (int i = 0; i < n; i++)
		arena_init(&f->v[i].arena, PART_MEMORY_MAX);
	arena_cleanup(&r->arena, fan_release, f);
	return f;
}

static void ask_more(struct coordinator_fan *f);

/*
 * When the answers take half of a request's memory limit, the rest is not asked: the other half is
 * for encoding them.
 */
static void refuse_rest(struct coordinator_fan *f)
{
	for (; f->n_asked < f->n; f->n_asked++, f->n_left--)
		f->v[f->n_asked].command.c.err = ERR_UNKNOWN_SERVER_ERROR;
}

static void part_done(struct coordinator_command *command)
{
	struct coordinator_fan_part *p = command->arg;
	struct coordinator_fan *f = p->fan;

	f->used += p->arena.used;
	f->n_left--;
	if (f->used > f->r->arena.budget / 2)
		refuse_rest(f);
	ask_more(f);
	if (f->n_left > 0)
		return;
	f->finish(f);
	request_complete(f->r);
}

static void ask_more(struct coordinator_fan *f)
{
	while (f->n_asked < f->n && f->n_asked - (f->n - f->n_left) < PARTS_AT_ONCE) {
		struct coordinator_command *c = &f->v[f->n_asked++].command;

		coordinator_submit(f->r->core, f->kind, c->partition, c);
	}
}

void coordinator_fan_ask_shard(struct coordinator_fan *f, int i, int32_t partition, const void *in)
{
	struct coordinator_fan_part *p = &f->v[i];

	p->in = in;
	p->command.partition = partition;
	p->command.done = part_done;
	p->command.arg = p;
	fill_command(f->r, &p->command.c, in, p->out);
	p->command.c.scope = STR_NULL;
	p->command.c.arena = &p->arena;
}

void coordinator_fan_ask(struct coordinator_fan *f, int i, struct str key, const void *in)
{
	struct request *r = f->r;

	coordinator_fan_ask_shard(f, i, coordinator_partition(r->node, r->image, f->kind, key), in);
	f->v[i].command.c.scope = key;
}

enum outcome coordinator_fan_run(struct coordinator_fan *f)
{
	struct request *r = f->r;
	int n = f->n;

	if (r->arena.failed)
		return HANG_UP;
	if (n == 0) {
		f->finish(f);
		return REPLY;
	}
	f->n_left = n;
	request_park(r, f, NULL);
	ask_more(f);
	return PARKED;
}

enum outcome coordinator_fan_run_all(struct request *r, enum coordinator_kind kind, const void *in,
				     void (*finish)(struct coordinator_fan *f))
{
	const struct image_topic *topic = image_topic_by_name(r->image, coordinator_topic(kind));
	struct coordinator_fan *f;
	int n = 0;

	for (int i = 0; topic && i < topic->n_partitions; i++)
		n += topic->partitions[i]->leader == r->node->id;
	f = coordinator_fan_new(r, kind, n, finish, NULL);
	if (!f)
		return HANG_UP;
	n = 0;
	for (int i = 0; topic && i < topic->n_partitions; i++)
		if (topic->partitions[i]->leader == r->node->id)
			coordinator_fan_ask_shard(f, n++, topic->partitions[i]->id, in);
	return coordinator_fan_run(f);
}
