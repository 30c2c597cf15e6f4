#include "tests/transaction/traces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cm.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "metadata/image.h"
#include "protocol/add_offsets_to_txn.h"
#include "protocol/add_partitions_to_txn.h"
#include "protocol/describe_transactions.h"
#include "protocol/end_txn.h"
#include "protocol/init_producer_id.h"
#include "protocol/list_transactions.h"
#include "protocol/metadata_records.h"
#include "protocol/transaction_records.h"
#include "transaction/internal.h"
#include "wire/codec.h"

#define SETTINGS                                                                                                       \
	"process.roles=broker,controller\nnode.id=0\ncontroller.quorum.voters=0@localhost:9093\n"                      \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"
#define WORDS_MAX 24
#define HELD_MAX 64
#define FIRST_ID 1000
#define EPOCH 5

struct log_record {
	struct bytes key;
	struct bytes value;
};

struct traces {
	struct transaction_shard *s;
	struct config *config;
	const struct image *image;
	struct arena arena; /* for everything printed */
	struct buf out;
	int64_t now_ms;
	int64_t next_id;
	struct log_record *log;
	int n_log, n_shown;
	bool refuses, holds_commits, holds_calls;
	int id_error, marker_error;
	struct str error_topic; /* null: all */
	int32_t error_partition;
	struct shard_written written[HELD_MAX];
	int n_written;
	struct list answers; /* answers waiting for a commit */
	struct list calls;
	char *words[WORDS_MAX];
	int n;
	int16_t version;
};

static void step_end(struct traces *t, struct shard_step *step);

/* ---- what is said ---- */

static void say(struct traces *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct traces *t, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_printf(&t->out, "%s%s", t->out.len ? " | " : "", text);
}

static const char *error_of(int err)
{
	return err ? err_name(err) : "0";
}

static void say_partitions(struct traces *t, const struct add_partitions_to_txn_response_result *r)
{
	struct buf line = {0};

	for (int i = 0; i < r->topic_results.n; i++)
		for (int j = 0; j < r->topic_results.v[i].results_by_partition.n; j++)
			buf_printf(&line, "%s%.*s:%d=%s", line.len ? " " : "", STR_ARG(r->topic_results.v[i].name),
				   r->topic_results.v[i].results_by_partition.v[j].partition_index,
				   error_of(r->topic_results.v[i].results_by_partition.v[j].partition_error_code));
	say(t, "%.*s", STR_ARG(buf_str(&line)));
	buf_fini(&line);
}

static void say_transaction(struct traces *t, const struct describe_transactions_response_transaction *r)
{
	struct buf line = {0};

	if (r->error_code) {
		say(t, "%s", error_of(r->error_code));
		return;
	}
	for (int i = 0; i < r->topics.n; i++)
		for (int j = 0; j < r->topics.v[i].partitions.n; j++)
			buf_printf(&line, " %.*s:%d", STR_ARG(r->topics.v[i].topic), r->topics.v[i].partitions.v[j]);
	say(t, "%.*s %lld %d start=%lld%.*s", STR_ARG(r->transaction_state), (long long)r->producer_id,
	    r->producer_epoch, (long long)r->transaction_start_time_ms, STR_ARG(buf_str(&line)));
	buf_fini(&line);
}

static void say_list(struct traces *t, const struct list_transactions_response *r)
{
	for (int i = 0; i < r->transaction_states.n; i++)
		say(t, "%.*s %lld %.*s", STR_ARG(r->transaction_states.v[i].transactional_id),
		    (long long)r->transaction_states.v[i].producer_id,
		    STR_ARG(r->transaction_states.v[i].transaction_state));
}

static void say_answer(struct traces *t, struct shard_command *c)
{
	const struct init_producer_id_response *init = c->out;
	const struct add_offsets_to_txn_response *offsets = c->out;
	const struct end_txn_response *end = c->out;

	if (c->err)
		say(t, "%s", error_of(c->err));
	else if (c->api == init_producer_id_request_KEY)
		say(t, "%lld %d", (long long)init->producer_id, init->producer_epoch);
	else if (c->api == add_partitions_to_txn_request_KEY)
		say_partitions(t, c->out);
	else if (c->api == add_offsets_to_txn_request_KEY)
		say(t, "%s", error_of(offsets->error_code));
	else if (c->api == end_txn_request_KEY)
		say(t, "%lld %d", (long long)end->producer_id, end->producer_epoch);
	else if (c->api == describe_transactions_request_KEY)
		say_transaction(t, c->out);
	else
		say_list(t, c->out);
}

static void answer(struct traces *t, struct list *commands, int err)
{
	while (!list_empty(commands)) {
		struct shard_command *c = container_of(commands->next, struct shard_command, link);

		list_remove(&c->link);
		if (err)
			c->err = err;
		say_answer(t, c);
	}
}

/* ---- steps ---- */

static void step_begin(struct traces *t, struct shard_step *step, struct arena *a)
{
	arena_init(a, (size_t)1 << 30);
	shard_step_init(step, a);
	step->now_ms = step->wall_ms = t->now_ms;
	step->epoch = EPOCH;
	step->image = t->image;
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

static void apply(struct traces *t, const struct shard_record *r, int64_t offset, bool loading)
{
	struct arena a;
	struct shard_position at = {.offset = offset,
				    .timestamp_ms = t->now_ms,
				    .producer_id = -1,
				    .producer_epoch = -1,
				    .loading = loading,
				    .arena = &a};

	arena_init(&a, (size_t)1 << 30);
	assert_int_equal(transaction_shard_type.apply(t->s, r, &at), 0);
	arena_fini(&a);
}

static void append(struct traces *t, const struct shard_records *records)
{
	for (int i = 0; i < records->n; i++) {
		t->log = xreallocarray(t->log, (size_t)t->n_log + 1, sizeof(*t->log));
		t->log[t->n_log] = (struct log_record){keep(records->v[i].key), keep(records->v[i].value)};
		apply(t, &records->v[i], t->n_log++, false);
	}
}

static void tell_written(struct traces *t, const struct shard_written *w, int err)
{
	struct shard_step next;
	struct arena a;

	step_begin(t, &next, &a);
	w->fn(t->s, &next, w->arg, err);
	step_end(t, &next);
}

static int marker_answer(const struct traces *t, const struct transaction_marked *m)
{
	bool is_meant =
		str_is_null(t->error_topic) || (str_eq(t->error_topic, m->topic) && t->error_partition == m->partition);

	return is_meant ? t->marker_error : 0;
}

static void say_markers(struct traces *t, const struct transaction_call *c)
{
	struct buf line = {0};

	for (int i = 0; i < c->n; i++)
		buf_printf(&line, " %.*s:%d", STR_ARG(c->marked[i].topic), c->marked[i].partition);
	say(t, "%s %lld %d v%d%.*s", c->marker.commit ? "COMMIT" : "ABORT", (long long)c->marker.producer_id,
	    c->marker.producer_epoch, c->marker.transaction_version, STR_ARG(buf_str(&line)));
	assert_int_equal(c->marker.coordinator_epoch, EPOCH);
	buf_fini(&line);
}

static void answer_call(struct traces *t, struct shard_call *call)
{
	struct transaction_call *c = container_of(call, struct transaction_call, call);
	struct shard_step step;
	struct arena a;

	if (c->kind == TRANSACTION_CALL_ID) {
		c->err = t->id_error;
		c->producer_id = c->err ? -1 : t->next_id++;
	} else {
		say_markers(t, c);
		for (int i = 0; i < c->n; i++)
			c->marked[i].err = marker_answer(t, &c->marked[i]);
	}
	step_begin(t, &step, &a);
	call->done(call, t->s, &step);
	step_end(t, &step);
}

static void answer_calls(struct traces *t)
{
	while (!list_empty(&t->calls)) {
		struct shard_call *c = container_of(t->calls.next, struct shard_call, link);

		list_remove(&c->link);
		answer_call(t, c);
	}
}

static void step_end(struct traces *t, struct shard_step *step)
{
	bool refused = t->refuses && step->records.n > 0;
	int err = refused ? ERR_COORDINATOR_NOT_AVAILABLE : 0;

	assert_false(step->failed);
	assert_true(step->records.n <= MOVES_AT_ONCE);
	if (!refused)
		append(t, &step->records);
	if (refused || !t->holds_commits)
		answer(t, &step->answered, err);
	else
		list_splice(&t->answers, &step->answered);
	while (!list_empty(&step->written)) {
		struct shard_written *w = container_of(step->written.next, struct shard_written, link);

		list_remove(&w->link);
		if (refused || !t->holds_commits)
			tell_written(t, w, err);
		else
			t->written[t->n_written++] = *w;
	}
	list_splice(&t->calls, &step->calls);
	arena_fini(step->arena);
	if (!t->holds_calls)
		answer_calls(t);
}

/* ---- commands ---- */

static int64_t number(const struct traces *t, int i)
{
	assert_true(i < t->n);
	return strtoll(t->words[i], NULL, 10);
}

static void run(struct traces *t, const struct schema *response, int16_t api, size_t out_size, const void *in)
{
	struct shard_command *c = arena_zalloc(&t->arena, sizeof(*c));
	struct shard_step step;
	struct arena a;

	*c = (struct shard_command){.api = api, .version = t->version, .in = in, .arena = &t->arena};
	c->out = arena_zalloc(&t->arena, out_size);
	if (response)
		codec_init(response, c->out);
	list_init(&c->link);
	step_begin(t, &step, &a);
	transaction_shard_type.command(t->s, c, &step);
	step_end(t, &step);
}

#define RUN(t, name, in) run(t, &name##_response_schema, name##_request_KEY, sizeof(struct name##_response), in)

static void init(struct traces *t)
{
	struct init_producer_id_request *in = arena_zalloc(&t->arena, sizeof(*in));

	in->transactional_id = str_of(t->words[1]);
	in->transaction_timeout_ms = 60000;
	in->producer_id = t->n > 2 ? number(t, 2) : -1;
	in->producer_epoch = t->n > 3 ? (int16_t)number(t, 3) : -1;
	RUN(t, init_producer_id, in);
}

static struct add_partitions_to_txn_request_transaction *partitions_said(struct traces *t, bool verify)
{
	struct add_partitions_to_txn_request_transaction *in = arena_zalloc(&t->arena, sizeof(*in));

	in->transactional_id = str_of(t->words[1]);
	in->producer_id = number(t, 2);
	in->producer_epoch = (int16_t)number(t, 3);
	in->verify_only = verify;
	in->topics.v = arena_array(&t->arena, WORDS_MAX, sizeof(*in->topics.v));
	for (int i = 4; i < t->n; i++) {
		char *colon = strchr(t->words[i], ':');
		int32_t *partition = arena_zalloc(&t->arena, sizeof(*partition));

		*partition = atoi(colon + 1);
		in->topics.v[in->topics.n].name = (struct str){t->words[i], (int32_t)(colon - t->words[i])};
		in->topics.v[in->topics.n].partitions.v = partition;
		in->topics.v[in->topics.n++].partitions.n = 1;
	}
	return in;
}

static void add(struct traces *t)
{
	run(t, NULL, add_partitions_to_txn_request_KEY, sizeof(struct add_partitions_to_txn_response_result),
	    partitions_said(t, false));
}

static void verify(struct traces *t)
{
	run(t, NULL, add_partitions_to_txn_request_KEY, sizeof(struct add_partitions_to_txn_response_result),
	    partitions_said(t, true));
}

static void offsets(struct traces *t)
{
	RUN(t, add_offsets_to_txn, partitions_said(t, false));
}

static void end(struct traces *t)
{
	struct end_txn_request *in = arena_zalloc(&t->arena, sizeof(*in));

	in->transactional_id = str_of(t->words[1]);
	in->producer_id = number(t, 2);
	in->producer_epoch = (int16_t)number(t, 3);
	in->committed = strcmp(t->words[4], "commit") == 0;
	RUN(t, end_txn, in);
}

static void show(struct traces *t)
{
	struct str *id = arena_zalloc(&t->arena, sizeof(*id));

	*id = str_of(t->words[1]);
	run(t, NULL, describe_transactions_request_KEY, sizeof(struct describe_transactions_response_transaction), id);
}

static void list(struct traces *t)
{
	struct list_transactions_request *in = arena_zalloc(&t->arena, sizeof(*in));
	struct str *state = arena_zalloc(&t->arena, sizeof(*state));

	in->duration_filter = -1;
	if (t->n > 1) {
		*state = str_of(t->words[1]);
		in->state_filters.v = state;
		in->state_filters.n = 1;
	}
	RUN(t, list_transactions, in);
}

/* ---- the log ---- */

static void say_record(struct traces *t, const struct log_record *r)
{
	struct transaction_log_value v;
	struct buf line = {0};
	struct arena a;

	if (!r->value.p) {
		say(t, "tombstone");
		return;
	}
	arena_init(&a, 1 << 20);
	assert_int_equal(
		shard_record_decode(&transaction_log_value_schema, shard_record_number(r->value), r->value, &a, &v), 0);
	for (int i = 0; i < v.transaction_partitions.n; i++)
		for (int j = 0; j < v.transaction_partitions.v[i].partition_ids.n; j++)
			buf_printf(&line, " %.*s:%d", STR_ARG(v.transaction_partitions.v[i].topic),
				   v.transaction_partitions.v[i].partition_ids.v[j]);
	say(t, "v%d %s %lld %d previous=%lld next=%lld client=%d topics=%d%.*s", shard_record_number(r->value),
	    transaction_state_name((enum transaction_state)v.transaction_status), (long long)v.producer_id,
	    v.producer_epoch, (long long)v.previous_producer_id, (long long)v.next_producer_id,
	    v.client_transaction_version, v.transaction_partitions.n, STR_ARG(buf_str(&line)));
	buf_fini(&line);
	arena_fini(&a);
}

static void records(struct traces *t)
{
	for (; t->n_shown < t->n_log; t->n_shown++)
		say_record(t, &t->log[t->n_shown]);
}

/* ---- the cluster ---- */

static void change(struct traces *t, struct record_list *l)
{
	struct image_batch batch = {.v = l->v,
				    .n = l->n,
				    .last_offset = image_offset(t->image) + l->n,
				    .epoch = 1,
				    .timestamp_ms = t->now_ms};
	const struct image *old = t->image, *now;

	assert_int_equal(image_apply(old, &batch, &now, NULL), 0);
	t->image = now;
	image_unref(&old);
}

static void topic(struct traces *t)
{
	struct record_list l;
	struct topic_record *r;

	record_list_init(&l, &t->arena);
	r = record_list_add(&l, RECORD_TOPIC, 0);
	r->name = str_of(t->words[1]);
	r->topic_id.b[15] = (uint8_t)t->words[1][0];
	for (int32_t i = 0; i < number(t, 2); i++) {
		struct partition_record *p = record_list_add(&l, RECORD_PARTITION, 0);
		int32_t *broker = arena_zalloc(&t->arena, sizeof(*broker));

		p->partition_id = i;
		p->topic_id = r->topic_id;
		p->replicas.v = p->isr.v = broker;
		p->replicas.n = p->isr.n = 1;
	}
	change(t, &l);
}

static void drop(struct traces *t)
{
	struct record_list l;
	struct remove_topic_record *r;

	record_list_init(&l, &t->arena);
	r = record_list_add(&l, RECORD_REMOVE_TOPIC, 0);
	r->topic_id = image_topic_by_name(t->image, str_of(t->words[1]))->id;
	change(t, &l);
}

static void version(struct traces *t)
{
	struct record_list l;
	struct feature_level_record *r;

	record_list_init(&l, &t->arena);
	r = record_list_add(&l, RECORD_FEATURE_LEVEL, 0);
	r->name = STR("transaction.version");
	r->feature_level = (int16_t)number(t, 1);
	change(t, &l);
}

/* ---- faults ---- */

static void hold(struct traces *t)
{
	if (strcmp(t->words[1], "commits") == 0)
		t->holds_commits = true;
	else
		t->holds_calls = true;
}

static void tell_all(struct traces *t, int err)
{
	struct shard_written held[HELD_MAX];
	int n = t->n_written;

	memcpy(held, t->written, sizeof(held));
	t->n_written = 0;
	answer(t, &t->answers, err);
	for (int i = 0; i < n; i++)
		tell_written(t, &held[i], err);
}

static void commit(struct traces *t)
{
	t->holds_commits = false;
	tell_all(t, 0);
}

static void late(struct traces *t)
{
	tell_all(t, t->n > 1 ? (int)number(t, 1) : ERR_COORDINATOR_NOT_AVAILABLE);
}

static void refuse(struct traces *t)
{
	t->refuses = true;
}

static void accept_again(struct traces *t)
{
	t->refuses = false;
}

static void answer_now(struct traces *t)
{
	t->holds_calls = false;
	answer_calls(t);
}

static void ids(struct traces *t)
{
	t->id_error = (int)number(t, 1);
}

static void next_id(struct traces *t)
{
	t->next_id = number(t, 1);
}

static void markers(struct traces *t)
{
	t->marker_error = (int)number(t, 1);
	t->error_topic = STR_NULL;
	if (t->n > 2) {
		char *colon = strchr(t->words[2], ':');

		t->error_topic = arena_str(&t->arena, (struct str){t->words[2], (int32_t)(colon - t->words[2])});
		t->error_partition = atoi(colon + 1);
	}
}

static void epoch(struct traces *t)
{
	struct transaction *x = transaction_find(t->s, str_of(t->words[1]));

	x->now.epoch = (int16_t)number(t, 2);
	x->now.last_epoch = NO_EPOCH;
}

static void pass(struct traces *t)
{
	int64_t until = t->now_ms + number(t, 1), next;

	while ((next = transaction_shard_type.next_ms(t->s)) <= until) {
		struct shard_step step;
		struct arena a;

		t->now_ms = next > t->now_ms ? next : t->now_ms;
		step_begin(t, &step, &a);
		transaction_shard_type.tick(t->s, &step);
		step_end(t, &step);
	}
	t->now_ms = until;
}

/* ---- life ---- */

static void shard_begin(struct traces *t)
{
	struct shard_options options = {.config = t->config, .node_id = 0, .partition = 0, .seed = 7};

	t->s = transaction_shard_type.new(&options);
}

static void shard_end(struct traces *t)
{
	struct shard_written none = {0};
	struct shard_step step;
	struct arena a;

	for (int i = 0; i < t->n_written; i++) {
		step_begin(t, &step, &a);
		t->written[i].fn(t->s, &step, t->written[i].arg, ERR_NOT_COORDINATOR);
		assert_true(list_empty(&step.calls));
		arena_fini(&a);
		t->written[i] = none;
	}
	t->n_written = 0;
	answer(t, &t->answers, ERR_NOT_COORDINATOR);
	step_begin(t, &step, &a);
	transaction_shard_type.unload(t->s, &step, ERR_NOT_COORDINATOR);
	answer(t, &step.answered, ERR_NOT_COORDINATOR);
	arena_fini(&a);
	transaction_shard_type.free(t->s);
	while (!list_empty(&t->calls)) {
		struct shard_call *c = container_of(t->calls.next, struct shard_call, link);

		list_remove(&c->link);
		c->done(c, NULL, NULL);
	}
}

static bool is_last_of_key(const struct traces *t, int i)
{
	for (int j = i + 1; j < t->n_log; j++)
		if (bytes_eq(t->log[i].key, t->log[j].key))
			return false;
	return true;
}

static void reload(struct traces *t)
{
	struct shard_step step;
	struct arena a;

	shard_end(t);
	shard_begin(t);
	for (int i = 0; i < t->n_log; i++) {
		struct shard_record r = {t->log[i].key, t->log[i].value};

		if (t->n == 1 || is_last_of_key(t, i))
			apply(t, &r, i, true);
	}
	step_begin(t, &step, &a);
	transaction_shard_type.loaded(t->s, &step);
	step_end(t, &step);
}

/* Adds a record as if read by a load, whoever wrote it. */
static void found(struct traces *t)
{
	struct transaction_log_key key = {.transactional_id = str_of(t->words[1])};
	struct transaction_log_value value;
	struct shard_step step;
	struct arena a;
	struct shard_position at = {.offset = t->n_log, .producer_id = -1, .loading = true, .arena = &a};

	codec_init(&transaction_log_value_schema, &value);
	value.transaction_status = (int8_t)number(t, 2);
	value.producer_id = number(t, 3);
	value.producer_epoch = (int16_t)number(t, 4);
	value.transaction_start_timestamp_ms = number(t, 5);
	value.transaction_partitions.n = -1;
	step_begin(t, &step, &a);
	shard_put(&step, &transaction_log_key_schema, &key, &transaction_log_value_schema, 0, &value);
	say(t, "%s", error_of(transaction_shard_type.apply(t->s, &step.records.v[0], &at)));
	arena_fini(&a);
}

struct traces *traces_new(void)
{
	struct traces *t = xcalloc(1, sizeof(*t));
	struct config_input in = {.file_name = STR("f"), .file_text = str_of(SETTINGS)};
	struct config_notes notes;
	struct shard_step step;
	struct arena a;

	assert_int_equal(config_load(&in, &t->config, &notes), 0);
	config_notes_fini(&notes);
	t->image = image_new(STR("cluster"));
	t->now_ms = 1000000;
	t->next_id = FIRST_ID;
	arena_init(&t->arena, (size_t)1 << 30);
	list_init(&t->answers);
	list_init(&t->calls);
	shard_begin(t);
	step_begin(t, &step, &a);
	transaction_shard_type.loaded(t->s, &step);
	step_end(t, &step);
	traces_say(t, "topic t 3");
	traces_say(t, "topic u 1");
	return t;
}

void traces_free(struct traces *t)
{
	shard_end(t);
	for (int i = 0; i < t->n_log; i++) {
		xfree((void *)t->log[i].key.p);
		xfree((void *)t->log[i].value.p);
	}
	xfree(t->log);
	image_unref(&t->image);
	config_free(t->config);
	buf_fini(&t->out);
	arena_fini(&t->arena);
	xfree(t);
}

/* ---- lines ---- */

static const struct {
	const char *name;
	void (*run)(struct traces *t);
	int16_t version;
} VERBS[] = {
	{"init", init, 4},	   {"add", add, 3},	{"verify", verify, 5}, {"offsets", offsets, 3},
	{"end", end, 4},	   {"show", show, 0},	{"list", list, 0},     {"records", records, 0},
	{"version", version, 0},   {"topic", topic, 0}, {"drop", drop, 0},     {"hold", hold, 0},
	{"commit", commit, 0},	   {"late", late, 0},	{"refuse", refuse, 0}, {"accept", accept_again, 0},
	{"answer", answer_now, 0}, {"ids", ids, 0},	{"next", next_id, 0},  {"markers", markers, 0},
	{"epoch", epoch, 0},	   {"pass", pass, 0},	{"reload", reload, 0}, {"found", found, 0},
};

static void split(struct traces *t, const char *line)
{
	char *text = (char *)arena_printf(&t->arena, "%s", line).p, *rest = NULL;

	t->n = 0;
	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		t->words[t->n++] = w;
}

const char *traces_say(struct traces *t, const char *line)
{
	char *dot;

	split(t, line);
	dot = strchr(t->words[0], '.');
	if (dot)
		*dot = '\0';
	buf_fini(&t->out);
	for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++) {
		if (strcmp(VERBS[i].name, t->words[0]) != 0)
			continue;
		t->version = dot ? (int16_t)atoi(dot + 1) : VERBS[i].version;
		VERBS[i].run(t);
		return t->out.len ? arena_printf(&t->arena, "%.*s", STR_ARG(buf_str(&t->out))).p : "-";
	}
	fail_msg("no such verb: %s", line);
	return NULL;
}
