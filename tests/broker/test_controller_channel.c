/*
 * controller_channel: a node's requests to controllers that the test plays, on two other machines:
 * which request arrives where, wrapped in what, how often, and what comes back.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/controller_channel.h"
#include "broker/quorum.h"
#include "protocol/alter_partition.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/broker_registration.h"
#include "protocol/allocate_producer_ids.h"
#include "protocol/create_topics.h"
#include "protocol/envelope.h"
#include "raft/raft.h"
#include "security/principal.h"
#include "tests/base/cm.h"
#include "tests/broker/played_controller.h"
#include "wire/codec.h"
#include "wire/header.h"

enum { NODE, FIRST, SECOND, MACHINES, PATIENCE_MS = 120000, ANSWER_MS = 2000 };

static struct {
	struct sim_world *sim;
	struct diag diag;
	struct loop *loop;
	struct controller_channel *channel;
	struct played_controller first, second;
	struct raft_node leader;
	struct quorum_request *now; /* what code on the node's machine works on */
	struct quorum_request given;
	int n_given;
} t;

/* A request and everything that belongs to it. */
struct ask {
	struct quorum_request q;
	struct arena arena;
	struct quorum_client client;
	union {
		struct broker_heartbeat_request beat;
		struct alter_partition_request isr;
		struct broker_registration_request registration;
		struct allocate_producer_ids_request ids;
		struct create_topics_request create;
	} in;
	union {
		struct broker_heartbeat_response beat;
		struct alter_partition_response isr;
		struct broker_registration_response registration;
		struct allocate_producer_ids_response ids;
		struct create_topics_response create;
	} out;
	struct create_topics_request_topic topic;
	bool done;
};

/* ---- asking ---- */

static void on_done(struct quorum_request *q)
{
	((struct ask *)q->arg)->done = true;
}

static void submit(void *arg)
{
	controller_channel_submit(t.channel, arg);
}

static void on_node(void (*run)(void *), void *arg)
{
	assert_true(sim_call(t.sim, NODE, run, arg));
}

static void follow(void *arg)
{
	controller_channel_follow(t.channel, arg);
}

static void lead(int machine)
{
	t.leader = (struct raft_node){machine, machine == FIRST ? STR("10.0.0.2") : STR("10.0.0.3"), PLAYED_PORT};
	on_node(follow, &t.leader);
}

static void lead_nobody(void)
{
	on_node(follow, NULL);
}

static bool is_done(void *arg)
{
	return ((struct ask *)arg)->done;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void pass_ms(int64_t ms)
{
	assert_false(sim_run_until(t.sim, ms, never, NULL));
}

static void wait_for(struct ask *a)
{
	assert_true(sim_run_until(t.sim, PATIENCE_MS, is_done, a));
}

static void begin(struct ask *a, int16_t key, int16_t version, int64_t wait_ms)
{
	arena_init(&a->arena, 1 << 20);
	a->q.loop = t.loop;
	a->q.done = on_done;
	a->q.arg = a;
	a->q.api = key;
	a->q.version = version;
	a->q.request = &a->in;
	a->q.response = &a->out;
	a->q.arena = &a->arena;
	a->q.principal = &PRINCIPAL_ANONYMOUS;
	a->q.deadline_ms = wait_ms ? env_mono_ms(sim_env(t.sim, NODE)) + wait_ms : 0;
	on_node(submit, &a->q);
}

static void begin_beat(struct ask *a, int64_t wait_ms)
{
	*a = (struct ask){.q = {.own_node = true}};
	codec_init(&broker_heartbeat_request_schema, &a->in.beat);
	a->in.beat.broker_id = 2;
	a->in.beat.broker_epoch = 77;
	begin(a, broker_heartbeat_request_KEY, broker_heartbeat_request_LAST, wait_ms);
}

static void begin_ids(struct ask *a)
{
	*a = (struct ask){.q = {.own_node = true}};
	codec_init(&allocate_producer_ids_request_schema, &a->in.ids);
	begin(a, allocate_producer_ids_request_KEY, 0, 0);
}

/* As a broker is asked by a client at 10.0.0.9. */
static void begin_create(struct ask *a, int64_t wait_ms)
{
	*a = (struct ask){.client = {4711, STR("a client"), {.ip = {10, 0, 0, 9}}}};
	a->q.client = &a->client;
	codec_init(&create_topics_request_schema, &a->in.create);
	codec_init(&create_topics_request_topic_schema, &a->topic);
	a->topic.name = STR("t");
	a->topic.num_partitions = 3;
	a->in.create.topics.v = &a->topic;
	a->in.create.topics.n = 1;
	begin(a, create_topics_request_KEY, 5, wait_ms);
}

static void end(struct ask *a)
{
	arena_fini(&a->arena); /* including what the answer points to */
}

/* ---- what the controllers do ---- */

static enum played_act silent(struct played_controller *p, const struct played_request *r, void *out)
{
	(void)p;
	(void)r;
	(void)out;
	return PLAYED_SILENCE;
}

static enum played_act garbled(struct played_controller *p, const struct played_request *r, void *out)
{
	(void)p;
	(void)r;
	(void)out;
	return PLAYED_GARBAGE;
}

/* The first request breaks the connection, later ones are answered. */
static enum played_act hang_up_once(struct played_controller *p, const struct played_request *r, void *out)
{
	struct broker_heartbeat_response *beat = out;

	assert_int_equal(r->key, broker_heartbeat_request_KEY);
	beat->is_caught_up = true;
	return p->n_asked == 1 ? PLAYED_HANG_UP : PLAYED_ANSWER;
}

static enum played_act answer_beat(struct played_controller *p, const struct played_request *r, void *out)
{
	const struct broker_heartbeat_request *in = r->in;
	struct broker_heartbeat_response *beat = out;

	(void)p;
	assert_int_equal(r->key, broker_heartbeat_request_KEY);
	assert_int_equal(r->version, broker_heartbeat_request_LAST);
	assert_true(str_is(r->client_id, "2"));
	assert_int_equal(in->broker_id, 2);
	assert_int_equal(in->broker_epoch, 77);
	beat->is_caught_up = true;
	beat->is_fenced = false;
	return PLAYED_ANSWER;
}

static enum played_act not_controller(struct played_controller *p, const struct played_request *r, void *out)
{
	(void)p;
	if (r->key == envelope_request_KEY)
		((struct envelope_response *)out)->error_code = ERR_NOT_CONTROLLER;
	else
		((struct broker_heartbeat_response *)out)->error_code = ERR_NOT_CONTROLLER;
	return PLAYED_ANSWER;
}

/* NOT_CONTROLLER once, like a controller that has not heard of its own election. */
static enum played_act not_controller_once(struct played_controller *p, const struct played_request *r, void *out)
{
	return p->n_asked == 1 ? not_controller(p, r, out) : answer_beat(p, r, out);
}

static enum played_act silent_for_ids(struct played_controller *p, const struct played_request *r, void *out)
{
	return r->key == allocate_producer_ids_request_KEY ? PLAYED_SILENCE : answer_beat(p, r, out);
}

/* An answer inside the envelope's, to a request with this correlation id. */
static void put_answer(const struct played_request *r, struct envelope_response *out, int32_t correlation_id)
{
	struct create_topics_response_topic topic;
	struct create_topics_response made;
	struct chain chain;
	uint8_t *p;

	codec_init(&create_topics_response_schema, &made);
	codec_init(&create_topics_response_topic_schema, &topic);
	topic.name = STR("t");
	topic.num_partitions = 3;
	made.topics.v = &topic;
	made.topics.n = 1;
	chain_init(&chain, r->arena);
	assert_int_equal(header_write_response(&chain, create_topics_response_KEY, 5, correlation_id), 0);
	assert_int_equal(codec_encode(&create_topics_response_schema, 5, &made, &chain), 0);
	p = arena_alloc(r->arena, chain.len);
	chain_copy(&chain, p);
	out->response_data = (struct bytes){p, (int32_t)chain.len};
}

static enum played_act answer_create(struct played_controller *p, const struct played_request *r, void *out)
{
	static const uint8_t principal[] = {0,	 0,   5,   'U', 's', 'e', 'r', 10, 'A', 'N',
					    'O', 'N', 'Y', 'M', 'O', 'U', 'S', 0,  0};
	static const uint8_t host[] = {10, 0, 0, 9};
	const struct envelope_request *in = r->in;
	struct create_topics_request create;
	struct request_header header;
	struct reader reader;

	(void)p;
	assert_int_equal(r->key, envelope_request_KEY);
	assert_true(bytes_eq(in->request_principal, (struct bytes){principal, sizeof(principal)}));
	assert_true(bytes_eq(in->client_host_address, (struct bytes){host, sizeof(host)}));
	reader_init(&reader, in->request_data.p, (size_t)in->request_data.len);
	assert_int_equal(header_read(&reader, &header), 0);
	assert_int_equal(header.request_api_key, create_topics_request_KEY);
	assert_int_equal(header.request_api_version, 5);
	assert_int_equal(header.correlation_id, 4711);
	assert_true(str_is(header.client_id, "a client"));
	assert_int_equal(codec_read(&create_topics_request_schema, 5, &reader, r->arena, &create), 0);
	assert_true(str_is(create.topics.v[0].name, "t"));
	put_answer(r, out, 4711);
	return PLAYED_ANSWER;
}

static enum played_act answer_another(struct played_controller *p, const struct played_request *r, void *out)
{
	(void)p;
	put_answer(r, out, 4712);
	return PLAYED_ANSWER;
}

static enum played_act answer_half(struct played_controller *p, const struct played_request *r, void *out)
{
	struct envelope_response *e = out;

	(void)p;
	put_answer(r, e, 4711);
	e->response_data.len /= 2;
	return PLAYED_ANSWER;
}

static enum played_act answer_nothing(struct played_controller *p, const struct played_request *r, void *out)
{
	(void)p;
	(void)r;
	(void)out; /* null, and no error */
	return PLAYED_ANSWER;
}

static enum played_act unsupported(struct played_controller *p, const struct played_request *r, void *out)
{
	(void)p;
	(void)r;
	((struct envelope_response *)out)->error_code = ERR_UNSUPPORTED_VERSION;
	return PLAYED_ANSWER;
}

static enum played_act unauthorized(struct played_controller *p, const struct played_request *r, void *out)
{
	(void)p;
	(void)r;
	((struct envelope_response *)out)->error_code = ERR_CLUSTER_AUTHORIZATION_FAILED;
	return PLAYED_ANSWER;
}

/* ---- the world ---- */

static void no_line(void *arg, const char *line, int len)
{
	(void)arg;
	(void)line;
	(void)len;
}

static int64_t wall(void *arg)
{
	(void)arg;
	return sim_now_ns(t.sim) / 1000000;
}

static void start(void *arg)
{
	(void)arg;
	t.loop = loop_new(sim_env(t.sim, NODE), "quorum");
	t.channel = controller_channel_new(
		&(struct controller_channel_options){.loop = t.loop, .node_id = 2, .answer_ms = ANSWER_MS});
}

static void stop(void *arg)
{
	(void)arg;
	controller_channel_stop(t.channel);
	assert_true(controller_channel_is_settled(t.channel));
}

static void release(void *arg)
{
	(void)arg;
	controller_channel_free(t.channel);
}

static int up(void **state)
{
	struct sim_options calm;

	(void)state;
	memset(&t, 0, sizeof(t));
	sim_options_calm(&calm);
	calm.n_envs = MACHINES;
	t.sim = sim_world_new(1, &calm);
	t.diag = (struct diag){.level = DIAG_INFO, .wall_ms = wall, .write = no_line};
	for (int i = 0; i < MACHINES; i++)
		sim_env_diag(t.sim, i, &t.diag);
	t.first = (struct played_controller){.machine = FIRST, .sim = t.sim, .act = answer_beat};
	t.second = (struct played_controller){.machine = SECOND, .sim = t.sim, .act = answer_beat};
	played_start(&t.first);
	played_start(&t.second);
	on_node(start, NULL);
	return 0;
}

/* All remaining requests were handed back and hold nothing. */
static int down(void **state)
{
	struct sim_held held;

	(void)state;
	on_node(stop, NULL);
	on_node(release, NULL);
	pass_ms(10);
	sim_held(t.sim, NODE, &held);
	assert_int_equal(held.socks, 0);
	sim_world_free(t.sim);
	return 0;
}

/* ---- stories ---- */

static void a_request_of_this_node_goes_as_it_is_in_the_highest_common_version(void **state)
{
	struct ask a;

	(void)state;
	lead(FIRST);
	begin_beat(&a, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, 0);
	assert_int_equal(a.out.beat.error_code, 0);
	assert_true(a.out.beat.is_caught_up);
	assert_false(a.out.beat.is_fenced);
	assert_int_equal(t.first.n_asked, 1);
	end(&a);
}

static void a_request_waits_until_a_controller_is_known(void **state)
{
	struct ask a;

	(void)state;
	begin_beat(&a, 0);
	pass_ms(60000);
	assert_false(a.done);
	lead(SECOND);
	wait_for(&a);
	assert_int_equal(a.q.err, 0);
	assert_int_equal(t.first.n_asked + t.second.n_asked, 1);
	end(&a);
}

static void its_time_is_up_when_nobody_is_known_until_its_deadline(void **state)
{
	struct ask a, b;

	(void)state;
	begin_beat(&a, 3000);
	begin_create(&b, 0); /* a client's request has a minute */
	pass_ms(2990);
	assert_false(a.done);
	pass_ms(20);
	assert_true(a.done);
	assert_int_equal(a.q.err, ERR_REQUEST_TIMED_OUT);
	pass_ms(56000);
	assert_false(b.done);
	pass_ms(2000);
	assert_true(b.done);
	assert_int_equal(b.q.err, ERR_REQUEST_TIMED_OUT);
	end(&a);
	end(&b);
}

static void what_a_broken_connection_took_along_goes_again(void **state)
{
	struct ask a;

	(void)state;
	t.first.act = hang_up_once;
	lead(FIRST);
	begin_beat(&a, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, 0);
	assert_true(a.out.beat.is_caught_up);
	assert_int_equal(t.first.n_asked, 2);
	assert_int_equal(t.first.n_connections, 2);
	end(&a);
}

static void what_a_controller_leaves_unanswered_goes_to_the_next(void **state)
{
	struct ask a;

	(void)state;
	t.first.act = silent;
	lead(FIRST);
	begin_beat(&a, 0);
	pass_ms(3 * ANSWER_MS);
	assert_false(a.done);
	assert_true(t.first.n_asked >= 2); /* it was asked again after it had not answered */
	lead(SECOND);
	wait_for(&a);
	assert_int_equal(a.q.err, 0);
	assert_int_equal(t.second.n_asked, 1);
	end(&a);
}

static void what_is_under_way_goes_again_when_another_leads(void **state)
{
	struct ask a, b;

	(void)state;
	t.first.act = silent;
	lead(FIRST);
	begin_beat(&a, 0);
	begin_beat(&b, 0);
	pass_ms(100);
	assert_int_equal(t.first.n_asked, 1); /* one at a time */
	lead_nobody();
	pass_ms(100);
	lead(SECOND);
	wait_for(&b);
	assert_true(a.done);
	assert_int_equal(t.second.n_asked, 2);
	end(&a);
	end(&b);
}

static void who_is_not_the_controller_is_asked_again_until_another_leads(void **state)
{
	struct ask a, b;

	(void)state;
	t.first.act = not_controller_once;
	lead(FIRST);
	begin_beat(&a, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, 0);
	assert_int_equal(a.out.beat.error_code, 0);
	assert_int_equal(t.first.n_asked, 2);
	t.first.act = not_controller;
	t.second.act = answer_create;
	begin_create(&b, 0);
	pass_ms(500);
	assert_false(b.done);
	assert_true(t.first.n_asked > 2 && t.first.n_asked < 20); /* with pauses */
	lead(SECOND);
	wait_for(&b);
	assert_int_equal(b.q.err, 0);
	end(&a);
	end(&b);
}

static void a_request_whose_time_is_up_while_it_is_under_way_takes_no_other_along(void **state)
{
	struct ask a, b;

	(void)state;
	t.first.act = silent;
	lead(FIRST);
	begin_beat(&a, 500);
	begin_beat(&b, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, ERR_REQUEST_TIMED_OUT);
	end(&a);
	t.first.act = answer_beat;
	wait_for(&b);
	assert_int_equal(b.q.err, 0);
	end(&b);
}

static void heartbeats_do_not_wait_behind_other_requests(void **state)
{
	struct ask ids, create, beat;

	(void)state;
	t.first.act = silent_for_ids;
	lead(FIRST);
	begin_ids(&ids);
	pass_ms(100);
	begin_beat(&beat, 1000);
	wait_for(&beat);
	assert_int_equal(beat.q.err, 0);
	t.first.act = answer_create;
	begin_create(&create, 1000);
	wait_for(&create);
	assert_int_equal(create.q.err, 0);
	assert_false(ids.done);
	on_node(stop, NULL);
	wait_for(&ids);
	assert_int_equal(ids.q.err, ERR_NOT_CONTROLLER);
	end(&ids);
	end(&create);
	end(&beat);
}

static void a_client_s_request_goes_in_an_envelope_and_its_answer_comes_out_again(void **state)
{
	struct ask a;

	(void)state;
	t.first.act = answer_create;
	lead(FIRST);
	begin_create(&a, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, 0);
	assert_int_equal(a.out.create.topics.n, 1);
	assert_true(str_is(a.out.create.topics.v[0].name, "t"));
	assert_int_equal(a.out.create.topics.v[0].num_partitions, 3);
	end(&a);
}

static void envelopes_that_come_back_wrong_are_an_error_of_ours(void **state)
{
	enum played_act (*const acts[])(struct played_controller *, const struct played_request *,
					void *) = {answer_another, answer_half, answer_nothing, unauthorized, garbled};

	(void)state;
	lead(FIRST);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		struct ask a;

		t.first.act = acts[i];
		begin_create(&a, 0);
		wait_for(&a);
		assert_int_equal(a.q.err, ERR_UNKNOWN_SERVER_ERROR);
		assert_false(a.q.hang_up);
		end(&a);
	}
}

static void a_version_that_the_controller_does_not_speak_ends_the_client_s_connection(void **state)
{
	struct ask a;

	(void)state;
	t.first.act = unsupported;
	lead(FIRST);
	begin_create(&a, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, ERR_UNKNOWN_SERVER_ERROR);
	assert_true(a.q.hang_up);
	end(&a);
}

static void an_api_that_the_controller_does_not_speak_is_an_error_at_once(void **state)
{
	struct ask a, b;

	(void)state;
	t.first.lacks = broker_heartbeat_request_KEY;
	lead(FIRST);
	begin_beat(&a, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, ERR_UNSUPPORTED_VERSION);
	t.second.lacks = envelope_request_KEY;
	lead(SECOND);
	begin_create(&b, 0);
	wait_for(&b);
	assert_int_equal(b.q.err, ERR_UNKNOWN_SERVER_ERROR);
	assert_false(b.q.hang_up);
	end(&a);
	end(&b);
}

/* ---- older controllers ---- */

static struct {
	int version;
	int32_t isr[2];
	int n_isr, n_isr_with_epochs;
	int n_features;
	char feature[32];
} came;

static enum played_act note_isr(struct played_controller *p, const struct played_request *r, void *out)
{
	const struct alter_partition_request *in = r->in;
	const struct alter_partition_request_partition *of = in->topics.v->partitions.v;

	(void)p;
	(void)out;
	came.version = r->version;
	came.n_isr = of->new_isr.n;
	came.n_isr_with_epochs = of->new_isr_with_epochs.n;
	for (int i = 0; i < of->new_isr.n && i < 2; i++)
		came.isr[i] = of->new_isr.v[i];
	return PLAYED_ANSWER;
}

static enum played_act note_features(struct played_controller *p, const struct played_request *r, void *out)
{
	const struct broker_registration_request *in = r->in;

	(void)p;
	(void)out;
	came.version = r->version;
	came.n_features = in->features.n;
	snprintf(came.feature, sizeof(came.feature), "%.*s", STR_ARG(in->features.v[in->features.n - 1].name));
	return PLAYED_ANSWER;
}

static void in_sync_replicas_are_said_to_an_older_controller_without_their_epochs(void **state)
{
	struct alter_partition_request_broker_state isr[2] = {{2, 7}, {3, 8}};
	struct alter_partition_request_partition partition = {.new_isr_with_epochs = {isr, 2}};
	struct alter_partition_request_topic topic = {.partitions = {&partition, 1}};
	struct ask a;

	(void)state;
	t.first.act = t.second.act = note_isr;
	t.first.older = alter_partition_request_KEY;
	t.first.newest = 2;
	for (int machine = FIRST; machine <= SECOND; machine++) {
		memset(&a, 0, sizeof(a));
		a.in.isr = (struct alter_partition_request){.broker_id = 2, .topics = {&topic, 1}};
		codec_init(&alter_partition_response_schema, &a.out.isr);
		lead(machine);
		begin(&a, alter_partition_request_KEY, alter_partition_request_LAST, 0);
		wait_for(&a);
		assert_int_equal(a.q.err, 0);
		assert_int_equal(came.version, machine == FIRST ? 2 : 3);
		assert_int_equal(came.n_isr, machine == FIRST ? 2 : 0);
		assert_int_equal(came.n_isr_with_epochs, machine == FIRST ? 0 : 2);
		end(&a);
	}
	assert_int_equal(came.isr[0], 2);
	assert_int_equal(came.isr[1], 3);
}

static void an_older_controller_is_told_of_no_feature_whose_range_begins_at_0(void **state)
{
	struct broker_registration_request_feature features[2] = {{STR("group.version"), 0, 1},
								  {STR("metadata.version"), 7, 33}};
	struct ask a;

	(void)state;
	t.first.act = t.second.act = note_features;
	t.first.older = broker_registration_request_KEY;
	t.first.newest = 1; /* nor do they know about directories */
	for (int machine = FIRST; machine <= SECOND; machine++) {
		memset(&a, 0, sizeof(a));
		codec_init(&broker_registration_request_schema, &a.in.registration);
		codec_init(&broker_registration_response_schema, &a.out.registration);
		a.in.registration.cluster_id = STR("cluster");
		a.in.registration.features.v = features;
		a.in.registration.features.n = 2;
		a.in.registration.log_dirs.v = (struct uuid[]){{{1}}};
		a.in.registration.log_dirs.n = 1;
		a.in.registration.previous_broker_epoch = 5;
		lead(machine);
		begin(&a, broker_registration_request_KEY, broker_registration_request_LAST, 0);
		wait_for(&a);
		assert_int_equal(a.q.err, 0);
		assert_int_equal(came.version, machine == FIRST ? 1 : 4);
		assert_int_equal(came.n_features, machine == FIRST ? 1 : 2);
		assert_string_equal(came.feature, "metadata.version");
		end(&a);
	}
}

static void an_answer_that_cannot_be_read_is_an_error_and_the_next_request_is_answered(void **state)
{
	struct ask a, b;

	(void)state;
	t.first.act = garbled;
	lead(FIRST);
	begin_beat(&a, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, ERR_UNKNOWN_SERVER_ERROR);
	t.first.act = answer_beat;
	begin_beat(&b, 0);
	wait_for(&b);
	assert_int_equal(b.q.err, 0);
	end(&a);
	end(&b);
}

static void take_back(struct quorum_request *r)
{
	t.n_given++;
	((struct ask *)r->arg)->done = true;
}

static void give_back(void *arg)
{
	(void)arg;
	controller_channel_give_back(t.channel, take_back);
}

static void all_comes_back_when_this_node_leads(void **state)
{
	struct ask a, b, c;

	(void)state;
	t.first.act = silent;
	lead(FIRST);
	begin_beat(&a, 0);
	begin_beat(&b, 0);
	begin_create(&c, 0);
	pass_ms(100);
	on_node(give_back, NULL);
	assert_int_equal(t.n_given, 3);
	assert_true(a.done && b.done && c.done);
	end(&a);
	end(&b);
	end(&c);
}

static void nothing_goes_out_after_a_stop(void **state)
{
	struct ask a;

	(void)state;
	on_node(stop, NULL);
	lead(FIRST);
	begin_beat(&a, 0);
	wait_for(&a);
	assert_int_equal(a.q.err, ERR_NOT_CONTROLLER);
	assert_int_equal(t.first.n_connections, 0);
	end(&a);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		STORY(a_request_of_this_node_goes_as_it_is_in_the_highest_common_version),
		STORY(a_request_waits_until_a_controller_is_known),
		STORY(its_time_is_up_when_nobody_is_known_until_its_deadline),
		STORY(what_a_broken_connection_took_along_goes_again),
		STORY(what_a_controller_leaves_unanswered_goes_to_the_next),
		STORY(what_is_under_way_goes_again_when_another_leads),
		STORY(who_is_not_the_controller_is_asked_again_until_another_leads),
		STORY(a_request_whose_time_is_up_while_it_is_under_way_takes_no_other_along),
		STORY(heartbeats_do_not_wait_behind_other_requests),
		STORY(a_client_s_request_goes_in_an_envelope_and_its_answer_comes_out_again),
		STORY(envelopes_that_come_back_wrong_are_an_error_of_ours),
		STORY(a_version_that_the_controller_does_not_speak_ends_the_client_s_connection),
		STORY(an_api_that_the_controller_does_not_speak_is_an_error_at_once),
		STORY(in_sync_replicas_are_said_to_an_older_controller_without_their_epochs),
		STORY(an_older_controller_is_told_of_no_feature_whose_range_begins_at_0),
		STORY(an_answer_that_cannot_be_read_is_an_error_and_the_next_request_is_answered),
		STORY(all_comes_back_when_this_node_leads),
		STORY(nothing_goes_out_after_a_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
