#include "tests/group/brain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cm.h"

#include "base/err.h"
#include "base/mem.h"
#include "protocol/consumer_group_heartbeat.h"
#include "protocol/metadata_records.h"
#include "wire/codec.h"
#include "wire/protocol.h"

static char message[1024];

uint64_t brain_random(struct brain *b)
{
	b->chance = b->chance * 6364136223846793005ULL + 1442695040888963407ULL;
	return b->chance >> 11 ^ b->chance << 17;
}

static uint64_t step_random(void *arg)
{
	return brain_random(arg);
}

static void step_begin(struct brain *b, struct shard_step *step, struct arena *a);

/* ---- life ---- */

static void shard_begin(struct brain *b)
{
	struct shard_options options = {.config = b->config, .node_id = 0, .partition = 0, .seed = 7};

	b->s = group_shard_type.new(&options);
}

static struct config *load(const char *settings)
{
	struct config_input in = {.file_name = STR("f"), .file_text = str_of(settings)};
	struct config_notes notes;
	struct config *config;

	assert_int_equal(config_load(&in, &config, &notes), 0);
	config_notes_fini(&notes);
	return config;
}

void brain_configure(struct brain *b, const char *settings)
{
	b->next_config = load(settings);
}

void brain_init(struct brain *b, const char *settings)
{
	memset(b, 0, sizeof(*b));
	b->config = load(settings);
	b->image = image_new(STR("cluster"));
	b->now_ms = 1000000;
	b->chance = 1;
	arena_init(&b->arena, (size_t)1 << 30);
	shard_begin(b);
}

void brain_forget(struct brain *b)
{
	arena_reset(&b->arena);
}

void brain_fini(struct brain *b)
{
	struct shard_step step;
	struct arena a;

	step_begin(b, &step, &a);
	group_shard_type.unload(b->s, &step, ERR_NOT_COORDINATOR);
	arena_fini(&a);
	group_shard_type.free(b->s);
	for (int i = 0; i < b->n_log; i++) {
		xfree((void *)b->log[i].key.p);
		xfree((void *)b->log[i].value.p);
	}
	xfree(b->log);
	image_unref(&b->image);
	config_free(b->config);
	arena_fini(&b->arena);
}

/* ---- steps ---- */

static void step_begin(struct brain *b, struct shard_step *step, struct arena *a)
{
	arena_init(a, (size_t)1 << 30);
	shard_step_init(step, a);
	step->now_ms = step->wall_ms = b->now_ms;
	step->image = b->image;
	step->random = step_random;
	step->random_arg = b;
}

static struct bytes keep(struct bytes from)
{
	uint8_t *p;

	if (!from.p)
		return BYTES_NULL;
	p = xmalloc((size_t)from.len + 1);
	memcpy(p, from.p, (size_t)from.len);
	return (struct bytes){p, from.len};
}

static void apply(struct brain *b, const struct shard_record *r, int64_t offset, bool loading)
{
	struct arena a;
	struct shard_position at = {.offset = offset,
				    .timestamp_ms = b->now_ms,
				    .producer_id = -1,
				    .producer_epoch = -1,
				    .loading = loading,
				    .arena = &a};

	arena_init(&a, (size_t)1 << 30);
	assert_int_equal(group_shard_type.apply(b->s, r, &at), 0);
	arena_fini(&a);
}

static void answer(struct list *commands, int err)
{
	while (!list_empty(commands)) {
		struct brain_call *call = container_of(list_first(commands), struct brain_call, c.link);

		list_remove(&call->c.link);
		assert_false(call->answered);
		call->answered = true;
		if (err)
			call->c.err = err;
	}
}

static void step_end(struct brain *b, struct shard_step *step);

static void tell_written(struct brain *b, const struct shard_written *w, int err)
{
	struct shard_step next;
	struct arena a;

	step_begin(b, &next, &a);
	w->fn(b->s, &next, w->arg, err);
	step_end(b, &next);
}

void brain_tell_written(struct brain *b, int err)
{
	b->hold_written = false;
	for (int i = 0; i < b->n_held; i++)
		tell_written(b, &b->held[i], err);
	b->n_held = 0;
}

static void step_end(struct brain *b, struct shard_step *step)
{
	bool refused = b->refuse_appends && step->records.n > 0;

	assert_false(step->failed);
	b->n_before = b->n_log;
	for (int i = 0; !refused && i < step->records.n; i++) {
		const struct shard_record *r = &step->records.v[i];

		b->log = xreallocarray(b->log, (size_t)b->n_log + 1, sizeof(*b->log));
		b->log[b->n_log] = (struct brain_record){keep(r->key), keep(r->value)};
		if (!step->applied)
			apply(b, r, b->n_log, false);
		b->n_log++;
	}
	group_shard_type.committed(b->s, b->n_log);
	answer(&step->answered_at_once, 0);
	answer(&step->answered, refused ? ERR_COORDINATOR_NOT_AVAILABLE : 0);
	while (!list_empty(&step->written)) {
		struct shard_written *w = container_of(list_first(&step->written), struct shard_written, link);

		list_remove(&w->link);
		if (b->hold_written)
			b->held[b->n_held++] = *w;
		else
			tell_written(b, w, refused ? ERR_COORDINATOR_NOT_AVAILABLE : 0);
	}
	while (!list_empty(&step->jobs)) {
		struct shard_job *job = container_of(list_first(&step->jobs), struct shard_job, link);
		struct shard_step next;
		struct arena a;

		list_remove(&job->link);
		job->run(job);
		step_begin(b, &next, &a);
		job->done(job, b->s, &next);
		step_end(b, &next);
	}
	arena_fini(step->arena);
}

struct brain_call *brain_send(struct brain *b, int16_t api, int16_t version, const void *in)
{
	const struct api_info *p = api_info_find(api);
	struct brain_call *call = arena_zalloc(&b->arena, sizeof(*call));
	struct shard_step step;
	struct arena a;

	call->c = (struct shard_command){.api = api,
					 .version = version,
					 .client_id = STR("client"),
					 .client_host = STR("/127.0.0.1"),
					 .asker = b->asker,
					 .in = in,
					 .arena = &b->arena};
	call->c.out = arena_zalloc(&b->arena, p->response->size);
	codec_init(p->response, call->c.out);
	list_init(&call->c.link);
	step_begin(b, &step, &a);
	group_shard_type.command(b->s, &call->c, &step);
	step_end(b, &step);
	return call;
}

const void *brain_ask(struct brain *b, int16_t api, int16_t version, const void *in, int *err)
{
	struct brain_call *call = brain_send(b, api, version, in);

	assert_true(call->answered);
	*err = call->c.err;
	snprintf(message, sizeof(message), "%.*s", STR_ARG(call->c.message));
	return call->c.err ? NULL : call->c.out;
}

const char *brain_message(const struct brain *b)
{
	(void)b;
	return message;
}

void brain_pass(struct brain *b, int64_t ms)
{
	int64_t end = b->now_ms + ms, next;

	while ((next = group_shard_type.next_ms(b->s)) <= end) {
		struct shard_step step;
		struct arena a;

		b->now_ms = next > b->now_ms ? next : b->now_ms;
		step_begin(b, &step, &a);
		group_shard_type.tick(b->s, &step);
		step_end(b, &step);
	}
	b->now_ms = end;
}

static bool is_last_of_key(const struct brain *b, int i)
{
	for (int j = i + 1; j < b->n_log; j++) {
		if (bytes_eq(b->log[i].key, b->log[j].key))
			return false;
	}
	return true;
}

void brain_reload(struct brain *b, bool compact)
{
	struct shard_step step;
	struct arena a;

	step_begin(b, &step, &a);
	group_shard_type.unload(b->s, &step, ERR_NOT_COORDINATOR);
	answer(&step.answered_at_once, ERR_NOT_COORDINATOR);
	answer(&step.answered, ERR_NOT_COORDINATOR);
	arena_fini(&a);
	group_shard_type.free(b->s);
	if (b->next_config) {
		config_free(b->config);
		b->config = b->next_config;
		b->next_config = NULL;
	}
	shard_begin(b);
	group_shard_type.committed(b->s, b->n_log);
	for (int i = 0; i < b->n_log; i++) {
		struct shard_record r = {b->log[i].key, b->log[i].value};

		if (!compact || is_last_of_key(b, i))
			apply(b, &r, i, true);
	}
	step_begin(b, &step, &a);
	group_shard_type.loaded(b->s, &step);
	step_end(b, &step);
}

/* ---- the cluster ---- */

static void change(struct brain *b, const struct record_list *l)
{
	struct image_batch batch = {.v = l->v,
				    .n = l->n,
				    .last_offset = image_offset(b->image) + l->n,
				    .epoch = 1,
				    .timestamp_ms = b->now_ms};
	const struct image *old = b->image, *now;
	struct shard_step step;
	struct arena a;

	assert_int_equal(image_apply(old, &batch, &now, NULL), 0);
	b->image = now;
	step_begin(b, &step, &a);
	group_shard_type.image(b->s, old, &step);
	step_end(b, &step);
	image_unref(&old);
}

void brain_topic(struct brain *b, const char *name, int32_t n)
{
	const struct image_topic *old = image_topic_by_name(b->image, str_of(name));
	struct record_list l;
	struct arena a;
	struct uuid id;
	int32_t broker = 0;

	arena_init(&a, 64 << 20);
	record_list_init(&l, &a);
	if (old) {
		id = old->id;
	} else {
		struct topic_record *r = record_list_add(&l, RECORD_TOPIC, 0);

		for (int i = 0; i < 16; i++)
			id.b[i] = (uint8_t)brain_random(b);
		r->name = str_of(name);
		r->topic_id = id;
	}
	for (int32_t i = old ? old->n_partitions : 0; i < n; i++) {
		struct partition_record *r = record_list_add(&l, RECORD_PARTITION, 0);

		r->partition_id = i;
		r->topic_id = id;
		r->replicas.v = r->isr.v = &broker;
		r->replicas.n = r->isr.n = 1;
	}
	change(b, &l);
	arena_fini(&a);
}

void brain_remove_topic(struct brain *b, const char *name)
{
	struct record_list l;
	struct arena a;
	struct remove_topic_record *r;

	arena_init(&a, 1 << 20);
	record_list_init(&l, &a);
	r = record_list_add(&l, RECORD_REMOVE_TOPIC, 0);
	r->topic_id = image_topic_by_name(b->image, str_of(name))->id;
	change(b, &l);
	arena_fini(&a);
}

void brain_group_config(struct brain *b, const char *group, const char *name, const char *value)
{
	struct record_list l;
	struct arena a;
	struct config_record *r;

	arena_init(&a, 1 << 20);
	record_list_init(&l, &a);
	r = record_list_add(&l, RECORD_CONFIG, 0);
	r->resource_type = RESOURCE_GROUP;
	r->resource_name = str_of(group);
	r->name = str_of(name);
	r->value = str_of(value);
	change(b, &l);
	arena_fini(&a);
}

/* ---- consumer groups ---- */

static int32_t split(struct brain *b, const char *text, struct str **out)
{
	struct str *v = arena_array(&b->arena, strlen(text) + 1, sizeof(*v));
	int32_t n = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		v[n++] = (struct str){text, (int32_t)len};
		text += len + (text[len] == ' ');
	}
	*out = v;
	return n;
}

const struct consumer_group_heartbeat_response *brain_beat(struct brain *b, const struct beat *beat, int *err)
{
	struct consumer_group_heartbeat_request *in = arena_zalloc(&b->arena, sizeof(*in));
	int32_t n = beat->full && beat->owned ? beat->owned->n : 0;

	in->group_id = str_of(beat->group);
	in->member_id = str_of(beat->member);
	in->member_epoch = beat->epoch;
	in->instance_id = str_of(beat->instance);
	in->rebalance_timeout_ms = beat->rebalance_timeout_ms ? beat->rebalance_timeout_ms : -1;
	in->subscribed_topic_names.n = -1;
	if (beat->topics)
		in->subscribed_topic_names.n = split(b, beat->topics, &in->subscribed_topic_names.v);
	in->subscribed_topic_regex = str_of(beat->regex);
	in->server_assignor = str_of(beat->assignor);
	if (beat->full)
		in->topic_partitions.v = arena_array(&b->arena, (size_t)n + 1, sizeof(*in->topic_partitions.v));
	for (int32_t i = 0; i < n; i++) {
		in->topic_partitions.v[i].topic_id = beat->owned->v[i].id;
		in->topic_partitions.v[i].partitions.v = beat->owned->v[i].partitions;
		in->topic_partitions.v[i].partitions.n = beat->owned->v[i].n;
	}
	in->topic_partitions.n = beat->full ? n : -1;
	return brain_ask(b, consumer_group_heartbeat_request_KEY, 1, in, err);
}

struct consumer_group *brain_group(const struct brain *b, const char *id)
{
	struct group *g = group_find(b->s, str_of(id));

	return group_is_consumer(g) ? consumer_of(g) : NULL;
}

static int int_cmp(const void *a, const void *b)
{
	return *(const int32_t *)a - *(const int32_t *)b;
}

static int text_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *brain_set(struct brain *b, const struct assign_set *s)
{
	char **v = arena_array(&b->arena, (size_t)s->n + 1, sizeof(char *));
	struct buf out = {0};
	struct str text;

	for (int32_t i = 0; i < s->n; i++) {
		const struct image_topic *t = image_topic_by_id(b->image, s->v[i].id);
		int32_t *p = arena_array(&b->arena, (size_t)s->v[i].n + 1, sizeof(*p));
		struct buf line = {0};

		memcpy(p, s->v[i].partitions, (size_t)s->v[i].n * sizeof(*p));
		qsort(p, (size_t)s->v[i].n, sizeof(*p), int_cmp);
		buf_put_str(&line, t ? t->name : STR("?"));
		for (int32_t j = 0; j < s->v[i].n; j++)
			buf_printf(&line, "%c%d", j ? ',' : ':', p[j]);
		v[i] = (char *)arena_printf(&b->arena, "%.*s", STR_ARG(buf_str(&line))).p;
		buf_fini(&line);
	}
	qsort(v, (size_t)s->n, sizeof(char *), text_cmp);
	for (int32_t i = 0; i < s->n; i++)
		buf_printf(&out, "%s%s", i ? " " : "", v[i]);
	text = arena_printf(&b->arena, "%.*s", STR_ARG(buf_str(&out)));
	buf_fini(&out);
	return text.p;
}

const char *brain_assignment(struct brain *b, const struct consumer_group_heartbeat_response *r)
{
	struct assign_set s = {0};

	if (!r || !r->assignment)
		return "-";
	s.n = r->assignment->topic_partitions.n;
	s.v = arena_array(&b->arena, (size_t)s.n + 1, sizeof(*s.v));
	for (int32_t i = 0; i < s.n; i++) {
		s.v[i].id = r->assignment->topic_partitions.v[i].topic_id;
		s.v[i].n = r->assignment->topic_partitions.v[i].partitions.n;
		s.v[i].partitions = r->assignment->topic_partitions.v[i].partitions.v;
	}
	return brain_set(b, &s);
}
