#include "tests/sim/teller.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "protocol/create_topics.h"
#include "protocol/update_features.h"
#include "protocol/write_txn_markers.h"
#include "wire/codec.h"

enum {
	FEATURES_VERSION = 1,
	SAFE_DOWNGRADE = 2,
	AGAIN_MS = 100,
	TIMEOUT_MS = 900000, /* longer than a run: no transaction times out, unless a clock jumps */
	DIES = 4,
	AMOUNT_MAX = 100,
	MARKERS_VERSION = 2,
	LATE_MARKERS = 20, /* one in this many records */
	LINGERS = 8,	   /* one in this many transactions */
	LINGER_MS_MAX = 2000,
};

static int chance(struct teller *t, int n)
{
	return (int)env_random_below(t->loop->env, (uint64_t)n);
}

static struct teller_transaction *now(struct teller *t)
{
	return &t->v[t->n];
}

/* ---- transfers ---- */

static void plan_transfer(struct teller *t, struct teller_record *from, struct teller_record *to)
{
	int amount = 1 + chance(t, AMOUNT_MAX);

	*from = (struct teller_record){.partition = chance(t, TELLER_PARTITIONS),
				       .key = chance(t, TELLER_KEYS),
				       .amount = -amount,
				       .crosses = chance(t, 3) == 0};
	*to = *from;
	to->amount = amount;
	to->key = chance(t, TELLER_KEYS);
	if (from->crosses)
		to->partition = chance(t, TELLER_PARTITIONS);
}

static void write_next(struct teller *t)
{
	const struct teller_record *r = &now(t)->records[now(t)->n];
	char key[16], value[64];

	snprintf(key, sizeof(key), "%d", r->key);
	snprintf(value, sizeof(value), "%d %d %d %d %d", t->index, t->n, now(t)->n, r->amount, r->crosses);
	transactor_write(&t->t, TELLER_TOPIC, r->partition, key, value);
}

static void on_ready(void *arg)
{
	struct teller *t = arg;

	t->is_done = t->n == t->n_transactions;
	if (t->is_done)
		return;
	*now(t) = (struct teller_transaction){.fate = FATE_OPEN};
	t->wanted = 2 * (1 + chance(t, TELLER_RECORDS_MAX / 2));
	t->commits = chance(t, 4) != 0;
	for (int i = 0; i < t->wanted; i += 2)
		plan_transfer(t, &now(t)->records[i], &now(t)->records[i + 1]);
	write_next(t);
}

/*
 * The previous transaction's marker, sent by its coordinator long ago: clients of version 2 have
 * raised the epoch since, so it must be refused, even if its epoch is that of the currently open
 * transaction (KIP-890).
 */
static void on_late(void *arg, int err, const void *answer)
{
	const struct write_txn_markers_response *r = answer;

	(void)arg;
	check(err || r->markers.v[0].topics.v[0].partitions.v[0].error_code != 0);
}

static void send_late_marker(struct teller *t, int32_t partition)
{
	struct write_txn_markers_request_topic topic;
	struct write_txn_markers_request_marker marker;
	struct write_txn_markers_request request;

	codec_init(&write_txn_markers_request_topic_schema, &topic);
	codec_init(&write_txn_markers_request_marker_schema, &marker);
	codec_init(&write_txn_markers_request_schema, &request);
	topic.name = STR(TELLER_TOPIC);
	topic.partition_indexes.v = &partition;
	topic.partition_indexes.n = 1;
	marker.producer_id = t->t.producer_id;
	marker.producer_epoch = (int16_t)(t->t.epoch - chance(t, 2));
	marker.transaction_result = chance(t, 2);
	marker.coordinator_epoch = INT16_MAX;
	marker.transaction_version = 2;
	marker.topics.v = &topic;
	marker.topics.n = 1;
	request.markers.v = &marker;
	request.markers.n = 1;
	client_call(&t->admin, MARKERS_VERSION, &write_txn_markers_request_schema, &request,
		    &write_txn_markers_response_schema, on_late, t);
}

static void on_written(void *arg, int64_t offset)
{
	struct teller *t = arg;

	now(t)->records[now(t)->n++].offset = offset;
	if (t->generation >= 2 && t->t.epoch > 0 && chance(t, LATE_MARKERS) == 0)
		send_late_marker(t, now(t)->records[now(t)->n - 1].partition);
	if (now(t)->n < t->wanted)
		write_next(t);
	else if (chance(t, LINGERS) == 0)
		timer_start(&t->linger, chance(t, LINGER_MS_MAX));
	else
		transactor_end(&t->t, t->commits);
}

/* Segments are rolled and compacted while it is open. */
static void on_lingered(struct timer *timer)
{
	struct teller *t = container_of(timer, struct teller, linger);

	transactor_end(&t->t, t->commits);
}

static void on_ended(void *arg, enum fate fate)
{
	struct teller *t = arg;

	check(fate != FATE_COMMITTED || now(t)->n == t->wanted);
	now(t)->fate = fate;
	t->n++;
}

/* ---- the version of the cluster ---- */

static void set_level(struct teller *t);

static void on_admin_again(struct timer *timer)
{
	set_level(container_of(timer, struct teller, again));
}

static void on_level(void *arg, int err, const void *answer)
{
	struct teller *t = arg;
	const struct update_features_response *r = answer;

	if (err || r->error_code) {
		check(err || err_is_retriable(r->error_code));
		timer_start(&t->again, AGAIN_MS);
		return;
	}
	transactor_start(&t->t);
}

static void set_level(struct teller *t)
{
	struct update_features_request_feature feature;
	struct update_features_request request;

	codec_init(&update_features_request_feature_schema, &feature);
	codec_init(&update_features_request_schema, &request);
	feature.feature = STR("transaction.version");
	feature.max_version_level = (int16_t)t->level;
	feature.upgrade_type = SAFE_DOWNGRADE;
	request.feature_updates.v = &feature;
	request.feature_updates.n = 1;
	request.timeout_ms = 30000;
	client_call(&t->admin, FEATURES_VERSION, &update_features_request_schema, &request,
		    &update_features_response_schema, on_level, t);
}

/* ---- its life ---- */

void teller_start(struct teller *t)
{
	snprintf(t->id, sizeof(t->id), "teller-%d", t->twin ? t->twin->index : t->index);
	t->t = (struct transactor){
		.loop = t->loop,
		.to = t->to,
		.brokers = t->brokers,
		.id = t->id,
		.generation = t->generation,
		.timeout_ms = TIMEOUT_MS,
		.throne = t->twin ? &t->twin->throne : &t->throne,
		.may_be_fenced = t->twin || t->has_twin || t->clock_jumps || t->brokers,
		.dies = DIES,
		.ready = on_ready,
		.done = on_written,
		.ended = on_ended,
		.arg = t,
	};
	client_init(&t->admin, t->loop, &t->to, "teller-admin");
	timer_init(&t->again, t->loop, on_admin_again);
	timer_init(&t->linger, t->loop, on_lingered);
	if (t->level >= 0)
		set_level(t);
	else
		transactor_start(&t->t);
}

void teller_hang_up(struct teller *t)
{
	client_hang_up(&t->t.client);
}

void teller_fini(struct teller *t)
{
	timer_stop(&t->again);
	timer_stop(&t->linger);
	client_fini(&t->admin);
	transactor_fini(&t->t);
}

void teller_topic(struct create_topics_request_topic *topic, const char *retention_ms)
{
	const char *const settings[][2] = {
		{"cleanup.policy", "compact"},
		{"min.cleanable.dirty.ratio", "0.01"},
		{"segment.ms", "300"},
		{"delete.retention.ms", retention_ms},
	};
	static struct create_topics_request_config configs[sizeof(settings) / sizeof(settings[0])];

	topic->name = STR(TELLER_TOPIC);
	topic->num_partitions = TELLER_PARTITIONS;
	topic->replication_factor = 1;
	if (!retention_ms)
		return;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		codec_init(&create_topics_request_config_schema, &configs[i]);
		configs[i].name = str_of(settings[i][0]);
		configs[i].value = str_of(settings[i][1]);
	}
	topic->configs.v = configs;
	topic->configs.n = sizeof(settings) / sizeof(settings[0]);
}

bool tellers_are_done(const struct teller *v, int n)
{
	for (int i = 0; i < n; i++)
		if (!v[i].is_done)
			return false;
	return true;
}

/* ---- reading ---- */

static void see(void *arg, int partition, int64_t offset, struct bytes key, struct bytes value)
{
	struct teller_reader *r = arg;
	int teller, transaction, record, amount, crosses;
	char text[64];

	check(key.len == 1 && value.len < (int32_t)sizeof(text));
	snprintf(text, sizeof(text), "%.*s", (int)value.len, (const char *)value.p);
	check(sscanf(text, "%d %d %d %d %d", &teller, &transaction, &record, &amount, &crosses) == 5);
	check(teller < r->n_tellers && transaction < TELLER_TRANSACTIONS_MAX && record < TELLER_RECORDS_MAX);
	check(r->tellers[teller].v[transaction].records[record].partition == partition);
	check(r->tellers[teller].v[transaction].fate != FATE_ABORTED);
	r->seen[teller][transaction][record]++;
	r->newest[partition][key.p[0] - '0'] = offset;
	r->sum += amount;
	if (!crosses)
		r->sums[partition] += amount;
}

static void cut(void *arg, int partition)
{
	struct teller_reader *r = arg;

	check(r->compacted || r->sums[partition] == 0);
}

void teller_reader_start(struct teller_reader *r)
{
	memset(r->seen, 0, sizeof(r->seen));
	memset(r->newest, -1, sizeof(r->newest));
	memset(r->sums, 0, sizeof(r->sums));
	r->sum = 0;
	r->c = (struct committed){.loop = r->loop,
				  .to = r->to,
				  .brokers = r->brokers,
				  .topic = TELLER_TOPIC,
				  .n_partitions = TELLER_PARTITIONS,
				  .see = see,
				  .cut = cut,
				  .arg = r};
	committed_start(&r->c);
}

void teller_reader_fini(struct teller_reader *r)
{
	committed_fini(&r->c);
}

void teller_reader_expect(struct teller_reader *r)
{
	committed_look_again(&r->c);
}

bool teller_reader_is_done(const struct teller_reader *r)
{
	return committed_is_at_end(&r->c);
}

/* ---- the rules ---- */

static void check_whole(const struct teller_transaction *x, const int *seen)
{
	int n = 0;

	for (int i = 0; i < TELLER_RECORDS_MAX; i++) {
		check(seen[i] <= 1);
		n += seen[i];
	}
	check(x->fate != FATE_OPEN);
	check(x->fate != FATE_COMMITTED || n == x->n);
	check(x->fate != FATE_ABORTED || n == 0);
	check(n == 0 || n == x->n);
}

static void check_newest(const struct teller_reader *r, const struct teller_transaction *x, const int *seen)
{
	for (int i = 0; i < TELLER_RECORDS_MAX; i++) {
		check(seen[i] <= 1 && (x->fate != FATE_ABORTED || seen[i] == 0));
		if (x->fate == FATE_COMMITTED && i < x->n)
			check(r->newest[x->records[i].partition][x->records[i].key] >= x->records[i].offset);
	}
}

void teller_reader_check(const struct teller_reader *r)
{
	for (int i = 0; i < r->n_tellers; i++)
		for (int n = 0; n < r->tellers[i].n_transactions; n++)
			if (r->compacted)
				check_newest(r, &r->tellers[i].v[n], r->seen[i][n]);
			else
				check_whole(&r->tellers[i].v[n], r->seen[i][n]);
	check(r->compacted || r->sum == 0);
}
