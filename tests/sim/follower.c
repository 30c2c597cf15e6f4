#include "tests/sim/follower.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/fetch.h"
#include "wire/codec.h"

enum { FETCH_VERSION = 12, AGAIN_MS = 100, WAIT_MS = 500, PASS_MS = 400 };

static void ask(struct follower *f);

static void begin_pass(struct follower *f);
static bool has_read_all(const struct follower *f);

static void on_again(struct timer *t)
{
	struct follower *f = container_of(t, struct follower, again);

	if (f->compacted && has_read_all(f))
		begin_pass(f);
	ask(f);
}

/* ---- passes ---- */

static void begin_partition(struct follower *f, int partition)
{
	f->next_offset[partition] = 0;
	f->high_watermark[partition] = -1;
	for (int i = 0; i < f->history->n_keys; i++) {
		struct followed_key *k = &f->keys[partition][i];

		k->newest = -1;
		k->acknowledged = history_newest(f->history, partition, i, &k->is_tombstone);
	}
}

static void begin_pass(struct follower *f)
{
	f->began_ms = env_mono_ms(f->loop->env);
	for (int i = f->first; i < f->first + f->n_partitions; i++)
		begin_partition(f, i);
}

/*
 * For a compacted topic: a former leader that does not know it has been replaced may lack
 * acknowledged records.
 */
static bool lacks_some(const struct follower *f, int partition)
{
	for (int key = 0; f->compacted && f->brokers && key < f->history->n_keys; key++)
		if (f->keys[partition][key].acknowledged >= f->next_offset[partition])
			return true;
	return false;
}

static bool has_read_all(const struct follower *f)
{
	for (int i = f->first; i < f->first + f->n_partitions; i++)
		if (f->high_watermark[i] < 0 || f->next_offset[i] < f->high_watermark[i] || lacks_some(f, i))
			return false;
	return true;
}

/* A pass that takes longer than tombstones are kept may miss one that was written meanwhile. */
static void check_key(const struct follower *f, int partition, int key)
{
	const struct followed_key *k = &f->keys[partition][key];
	bool slow = env_mono_ms(f->loop->env) - f->began_ms >= f->tombstones_ms;

	if (k->newest >= k->acknowledged || (k->is_tombstone && k->newest < 0))
		return;
	/* It may have been compacted away for a record that a new leader does not show yet. */
	if (f->brokers && history_goes_on(f->history, partition, key, f->next_offset[partition]))
		return;
	check(slow && (k->is_tombstone || history_buried(f->history, partition, key, k->acknowledged)));
}

static void end_pass(struct follower *f)
{
	f->n_passes++;
	for (int i = f->first; i < f->first + f->n_partitions; i++)
		for (int key = 0; key < f->history->n_keys; key++)
			check_key(f, i, key);
}

/* ---- answers ---- */

static void take_record(struct follower *f, int partition, const struct record *r)
{
	int key;

	check(r->offset == f->next_offset[partition] || (f->compacted && r->offset > f->next_offset[partition]));
	key = history_read(f->history, partition, r);
	f->keys[partition][key].newest = r->offset;
	f->next_offset[partition] = r->offset + 1;
}

static void take_batch(struct follower *f, int partition, const struct batch_iter *it)
{
	struct record_iter records = record_iter(&it->header, it->p + BATCH_HEADER_SIZE,
						 (size_t)batch_size(&it->header) - BATCH_HEADER_SIZE);
	struct record r;

	check(batch_crc_ok(it->p, &it->header));
	check(batch_codec(&it->header) == 0);
	check(it->header.base_offset <= f->next_offset[partition] || f->compacted);
	while (record_next(&records, &r))
		if (r.offset >= f->next_offset[partition])
			take_record(f, partition, &r);
	check(records.error == 0);
	if (batch_last_offset(&it->header) >= f->next_offset[partition]) {
		check(f->compacted);
		f->next_offset[partition] = batch_last_offset(&it->header) + 1;
	}
}

static void take_partition(struct follower *f, const struct fetch_response_partition *p)
{
	/*
	 * A new leader, or a follower, learns only gradually how far the previous leader had come;
	 * and if the directory a replica was being moved to has failed, there is no leader.
	 */
	bool may_know_less = f->brokers || f->storage_fails;
	int partition = p->partition_index;
	struct batch_iter it;

	check(partition >= f->first && partition < f->first + f->n_partitions);
	if (p->error_code == ERR_OFFSET_OUT_OF_RANGE && f->losses_happen) {
		begin_partition(f, partition);
		return;
	}
	if (p->error_code) {
		diag_info(f->loop->env->diag, "reader is refused", "partition=%d error=%s", partition,
			  err_name(p->error_code));
		/* A follower may not have it yet (KIP-392): another replica is asked. */
		check(err_is_retriable(p->error_code) || (p->error_code == ERR_OFFSET_OUT_OF_RANGE && f->brokers));
		check(p->error_code != ERR_KAFKA_STORAGE_ERROR || f->storage_fails);
		return;
	}
	check(p->high_watermark >= f->next_offset[partition] || f->losses_happen || may_know_less);
	f->high_watermark[partition] = p->high_watermark;
	it = batch_iter(p->records.p, (size_t)p->records.len);
	while (batch_next(&it))
		take_batch(f, partition, &it);
	check(it.error == 0);
	check(f->next_offset[partition] <= p->high_watermark || may_know_less);
}

static void on_fetched(void *arg, int err, const void *answer)
{
	struct follower *f = arg;
	const struct fetch_response *r = answer;
	bool wait = err || r->error_code;
	int32_t leader = -1;

	for (int i = 0; !wait && i < r->responses.n; i++)
		for (int j = 0; j < r->responses.v[i].partitions.n; j++) {
			take_partition(f, &r->responses.v[i].partitions.v[j]);
			wait = wait || r->responses.v[i].partitions.v[j].error_code;
			leader = r->responses.v[i].partitions.v[j].current_leader.leader_id;
		}
	f->n_answers += !err;
	if (wait && f->brokers)
		client_move(&f->client, f->brokers, leader);
	if (wait) {
		timer_start(&f->again, AGAIN_MS);
	} else if (f->compacted && has_read_all(f)) {
		end_pass(f);
		timer_start(&f->again, PASS_MS);
	} else {
		ask(f);
	}
}

static void ask(struct follower *f)
{
	struct fetch_request_partition parts[HISTORY_PARTITIONS_MAX];
	struct fetch_request_topic topic;
	struct fetch_request request;

	codec_init(&fetch_request_schema, &request);
	codec_init(&fetch_request_topic_schema, &topic);
	for (int i = 0; i < f->n_partitions; i++) {
		codec_init(&fetch_request_partition_schema, &parts[i]);
		parts[i].partition = f->first + i;
		parts[i].fetch_offset = f->next_offset[f->first + i];
		parts[i].current_leader_epoch = -1;
		parts[i].partition_max_bytes = 1 + (int32_t)env_random_below(f->loop->env, 100000);
	}
	topic.topic = str_of(f->topic);
	topic.partitions.v = parts;
	topic.partitions.n = f->n_partitions;
	request.replica_id = -1;
	request.max_wait_ms = WAIT_MS;
	request.min_bytes = 1;
	request.max_bytes = 1 << 20;
	request.session_epoch = -1;
	request.topics.v = &topic;
	request.topics.n = 1;
	client_call(&f->client, FETCH_VERSION, &fetch_request_schema, &request, &fetch_response_schema, on_fetched, f);
}

void follower_start(struct follower *f)
{
	client_init(&f->client, f->loop, &f->to, "sim-reader");
	if (f->brokers)
		f->client.call_ms = f->brokers->call_ms;
	timer_init(&f->again, f->loop, on_again);
	f->n_passes = 0;
	begin_pass(f);
	ask(f);
}

void follower_fini(struct follower *f)
{
	timer_stop(&f->again);
	client_fini(&f->client);
}

void follower_start_over(struct follower *f)
{
	client_hang_up(&f->client);
	begin_pass(f);
}

bool follower_is_at_end(const struct follower *f)
{
	return f->compacted ? f->n_passes > 0 : has_read_all(f);
}
