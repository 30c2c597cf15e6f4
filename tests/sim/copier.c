#include "tests/sim/copier.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "protocol/create_topics.h"
#include "protocol/find_coordinator.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_fetch.h"
#include "wire/codec.h"

enum { FIND_VERSION = 4, OFFSETS_VERSION = 8, COMMIT_VERSION = 8, AGAIN_MS = 100, TIMEOUT_MS = 900000, DIES = 4 };

#define GROUP "copiers"

static int chance(struct copier *c, int n)
{
	return (int)env_random_below(c->loop->env, (uint64_t)n);
}

/* ---- what was read ---- */

static void see(void *arg, int partition, int64_t offset, struct bytes key, struct bytes value)
{
	struct copier_list *l = arg;
	struct copier_record *r = &l->v[partition][l->n[partition]++];

	(void)key;
	check(l->n[partition] <= COPIER_RECORDS_MAX && value.len < (int32_t)sizeof(r->value));
	r->offset = offset;
	snprintf(r->value, sizeof(r->value), "%.*s", (int)value.len, (const char *)value.p);
}

static void list_start(struct copier_list *l, const char *topic, struct loop *loop, struct addr to,
		       const struct brokers *brokers)
{
	memset(l->n, 0, sizeof(l->n));
	l->c = (struct committed){.loop = loop,
				  .to = to,
				  .brokers = brokers,
				  .topic = topic,
				  .n_partitions = TELLER_PARTITIONS,
				  .see = see,
				  .arg = l};
	committed_start(&l->c);
}

/* ---- where it goes on ---- */

static void look(struct copier *c);

static bool is_mine(const struct copier *c, int partition)
{
	return partition % c->n_copiers == (c->twin ? c->twin->index : c->index) % c->n_copiers;
}

static void ask_group(struct copier *c);

/* This also creates the topic of groups. */
static void on_found(void *arg, int err, const void *answer)
{
	struct copier *c = arg;
	const struct find_coordinator_response *r = answer;

	c->asks = false;
	c->found = !err && r->coordinators.v[0].error_code == 0;
	if (c->brokers)
		client_move(&c->groups, c->brokers, c->found ? r->coordinators.v[0].node_id : -1);
	if (c->found)
		ask_group(c);
	else
		timer_start(&c->again, AGAIN_MS);
}

static void find_group(struct copier *c)
{
	struct find_coordinator_request request;
	struct str group = STR(GROUP);

	codec_init(&find_coordinator_request_schema, &request);
	request.coordinator_keys.v = &group;
	request.coordinator_keys.n = 1;
	c->asks = true;
	client_call(&c->groups, FIND_VERSION, &find_coordinator_request_schema, &request,
		    &find_coordinator_response_schema, on_found, c);
}

static void refused(struct copier *c, int err)
{
	check(err < 0 || err_is_retriable(err));
	c->asks = c->found = false;
	if (c->brokers)
		client_move(&c->groups, c->brokers, -1);
	timer_start(&c->again, AGAIN_MS);
}

static void on_offsets(void *arg, int err, const void *answer)
{
	struct copier *c = arg;
	const struct offset_fetch_response *r = answer;
	const struct offset_fetch_response_group *g = err ? NULL : &r->groups.v[0];

	c->asks = false;
	for (int i = 0; g && g->error_code == 0 && i < TELLER_PARTITIONS; i++)
		err = err ? err : g->topics.v[0].partitions.v[i].error_code;
	err = err || g->error_code == 0 ? err : g->error_code;
	if (err) {
		refused(c, err);
		return;
	}
	for (int i = 0; i < TELLER_PARTITIONS; i++) {
		int64_t offset = g->topics.v[0].partitions.v[i].committed_offset;

		/* No other copier moves this one's offsets. */
		check(c->twin || c->has_twin || !is_mine(c, i) || offset >= c->position[i] || c->position[i] == 0);
		c->position[i] = offset < 0 ? 0 : offset;
	}
	c->knows = true;
	look(c);
}

static void fetch_offsets(struct copier *c)
{
	int32_t indexes[TELLER_PARTITIONS];
	struct offset_fetch_request_group_topic topic;
	struct offset_fetch_request_group group;
	struct offset_fetch_request request;

	for (int i = 0; i < TELLER_PARTITIONS; i++)
		indexes[i] = i;
	codec_init(&offset_fetch_request_schema, &request);
	codec_init(&offset_fetch_request_group_schema, &group);
	codec_init(&offset_fetch_request_group_topic_schema, &topic);
	topic.name = STR(TELLER_TOPIC);
	topic.partition_indexes.v = indexes;
	topic.partition_indexes.n = TELLER_PARTITIONS;
	group.group_id = STR(GROUP);
	group.topics.v = &topic;
	group.topics.n = 1;
	request.groups.v = &group;
	request.groups.n = 1;
	request.require_stable = true;
	c->asks = true;
	client_call(&c->groups, OFFSETS_VERSION, &offset_fetch_request_schema, &request, &offset_fetch_response_schema,
		    on_offsets, c);
}

static void on_confirmed(void *arg, int err, const void *answer)
{
	struct copier *c = arg;
	const struct offset_commit_response *r = answer;

	err = err ? err : r->topics.v[0].partitions.v[0].error_code;
	if (err) {
		refused(c, err);
		return;
	}
	c->n_confirmed++;
	fetch_offsets(c);
}

/* A coordinator that can commit something knows everything committed before. */
static void confirm_coordinator(struct copier *c)
{
	struct offset_commit_request_partition p = {0, c->n_confirmed + 1, -1, STR("")};
	struct offset_commit_request_topic topic = {.name = STR(COPIER_TOPIC), .partitions = {&p, 1}};
	struct offset_commit_request request;

	codec_init(&offset_commit_request_schema, &request);
	request.group_id = STR(GROUP);
	request.topics.v = &topic;
	request.topics.n = 1;
	c->asks = true;
	client_call(&c->groups, COMMIT_VERSION, &offset_commit_request_schema, &request, &offset_commit_response_schema,
		    on_confirmed, c);
}

static void ask_group(struct copier *c)
{
	if (c->brokers)
		confirm_coordinator(c);
	else
		fetch_offsets(c);
}

/* ---- copying ---- */

static int first_after(const struct copier_list *l, int partition, int64_t position)
{
	int i = 0;

	while (i < l->n[partition] && l->v[partition][i].offset < position)
		i++;
	return i;
}

static void copy_next(struct copier *c)
{
	const struct copier_record *r = &c->source.v[c->partition][c->first + c->n_written];
	char key[16];

	if (c->n_written < c->n) {
		snprintf(key, sizeof(key), "%lld", (long long)r->offset);
		transactor_write(&c->t, COPIER_TOPIC, c->partition, key, r->value);
	} else {
		transactor_write_offset(&c->t, GROUP, TELLER_TOPIC, c->partition, r[-1].offset + 1);
	}
}

static bool plan(struct copier *c, int partition)
{
	int left;

	c->partition = partition;
	c->first = first_after(&c->source, partition, c->position[partition]);
	left = c->source.n[partition] - c->first;
	c->n = left < COPIER_BATCH_MAX ? left : COPIER_BATCH_MAX;
	c->n_written = 0;
	return is_mine(c, partition) && c->n > 0;
}

/* There may be something to copy. */
static void look(struct copier *c)
{
	int from = chance(c, TELLER_PARTITIONS);

	if (c->t.phase != TRANSACTOR_RESTS || c->t.is_open || c->asks)
		return;
	if (!c->knows) {
		if (c->found)
			ask_group(c);
		else
			find_group(c);
		return;
	}
	for (int i = 0; i < TELLER_PARTITIONS; i++)
		if (plan(c, (from + i) % TELLER_PARTITIONS)) {
			copy_next(c);
			return;
		}
	timer_start(&c->again, AGAIN_MS);
}

static void on_again(struct timer *t)
{
	look(container_of(t, struct copier, again));
}

static void on_ready(void *arg)
{
	struct copier *c = arg;

	/* What the group returned before this copier was the newest no longer counts. */
	if (c->asks)
		client_hang_up(&c->groups);
	c->knows = c->knows && !c->twin && !c->has_twin;
	timer_stop(&c->again);
	timer_start(&c->again, 0);
}

static void on_written(void *arg, int64_t offset)
{
	struct copier *c = arg;

	(void)offset;
	if (c->n_written++ < c->n)
		copy_next(c);
	else
		transactor_end(&c->t, chance(c, 4) != 0);
}

static void on_ended(void *arg, enum fate fate)
{
	struct copier *c = arg;

	if (fate == FATE_COMMITTED) {
		c->position[c->partition] = c->source.v[c->partition][c->first + c->n - 1].offset + 1;
		c->n_copied += c->n;
	}
	c->knows = fate == FATE_COMMITTED && !c->twin && !c->has_twin;
}

/* ---- its life ---- */

void copier_start(struct copier *c)
{
	snprintf(c->id, sizeof(c->id), "copier-%d", c->twin ? c->twin->index : c->index);
	c->t = (struct transactor){
		.loop = c->loop,
		.to = c->to,
		.brokers = c->brokers,
		.id = c->id,
		.generation = c->generation,
		.timeout_ms = TIMEOUT_MS,
		.throne = c->twin ? &c->twin->throne : &c->throne,
		.may_be_fenced = c->twin || c->has_twin || c->clock_jumps || c->brokers,
		.dies = DIES,
		.ready = on_ready,
		.done = on_written,
		.ended = on_ended,
		.arg = c,
	};
	client_init(&c->groups, c->loop, &c->to, "copier");
	if (c->brokers)
		c->groups.call_ms = c->brokers->call_ms;
	timer_init(&c->again, c->loop, on_again);
	list_start(&c->source, TELLER_TOPIC, c->loop, c->to, c->brokers);
	transactor_start(&c->t);
}

void copier_hang_up(struct copier *c)
{
	client_hang_up(&c->t.client);
}

void copier_fini(struct copier *c)
{
	timer_stop(&c->again);
	client_fini(&c->groups);
	committed_fini(&c->source.c);
	transactor_fini(&c->t);
}

void copier_expect(struct copier *c)
{
	committed_look_again(&c->source.c);
}

bool copier_is_done(const struct copier *c)
{
	if (!committed_is_at_end(&c->source.c) || c->t.is_open ||
	    (c->t.phase != TRANSACTOR_RESTS && !c->twin && !c->has_twin))
		return false;
	for (int i = 0; i < TELLER_PARTITIONS; i++)
		if (is_mine(c, i) && first_after(&c->source, i, c->position[i]) < c->source.n[i])
			return false;
	return true;
}

void copier_topic(struct create_topics_request_topic *topic)
{
	topic->name = STR(COPIER_TOPIC);
	topic->num_partitions = TELLER_PARTITIONS;
	topic->replication_factor = 1;
}

/* ---- the rules ---- */

void copier_reader_start(struct copier_reader *r, struct loop *loop, struct addr to, const struct brokers *brokers)
{
	list_start(&r->source, TELLER_TOPIC, loop, to, brokers);
	list_start(&r->copies, COPIER_TOPIC, loop, to, brokers);
}

void copier_reader_fini(struct copier_reader *r)
{
	committed_fini(&r->source.c);
	committed_fini(&r->copies.c);
}

bool copier_reader_is_done(const struct copier_reader *r)
{
	return committed_is_at_end(&r->source.c) && committed_is_at_end(&r->copies.c);
}

void copier_reader_check(const struct copier_reader *r)
{
	for (int p = 0; p < TELLER_PARTITIONS; p++) {
		check(r->copies.n[p] == r->source.n[p]);
		for (int i = 0; i < r->source.n[p]; i++)
			check(strcmp(r->copies.v[p][i].value, r->source.v[p][i].value) == 0);
	}
}
