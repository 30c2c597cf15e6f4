/*
 * quorum_decide: what the node does while it leads: passes decisions to the log and to the tip, and
 * does what is due by time.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "broker/quorum_private.h"
#include "broker/throttle.h"
#include "log/dir.h"
#include "protocol/create_partitions.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "security/principal.h"
#include "wire/batch.h"

/* ---- appending ---- */

/* Builds a batch of as many records of the list, from `from` on, as fit; returns their number. */
static int build_batch(struct quorum *q, const struct record_list *records, int from, int64_t now_ms, struct buf *out)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf value = {0};
	int n = 0;

	options.base_offset = raft_log_end(q->raft);
	options.leader_epoch = raft_epoch(q->raft);
	out->len = 0;
	batch_begin(&b, out, &options);
	for (int i = from; i < records->n; i++) {
		value.len = 0;
		metadata_record_encode(&records->v[i], &value);
		if (n > 0 && !records->atomic && out->len + value.len > METADATA_BATCH_MAX / 2)
			break;
		batch_add(&b, now_ms, BYTES_NULL, (struct bytes){value.p, (int32_t)value.len});
		n++;
	}
	batch_end(&b);
	buf_fini(&value);
	return n;
}

/* Appends one batch to the log, then tells raft and moves the tip. */
static int append_batch(struct quorum *q, const struct record_list *all, int from, int n, int64_t now_ms,
			const struct buf *batch)
{
	struct record_list part = {.v = all->v + from, .n = n};
	struct log_appended appended;
	bool idle = all->n == 1 && all->v[0].type == RECORD_NO_OP;
	const char *why = "";
	int err = log_append_as_follower(q->log, batch->p, batch->len, raft_epoch(q->raft), now_ms, &appended);

	if (err != 0)
		return err;
	err = controller_apply(q->controller, &part, appended.last_offset, raft_epoch(q->raft), now_ms, &why);
	if (err != 0)
		diag_error(q->env->diag, "decided records contradict the metadata", "reason=\"%s\"", why);
	check(err == 0);
	q->last_append_ms = env_mono_ms(q->env);
	quorum_measure_appended(q, n);
	if (!idle)
		q->state_end = appended.last_offset + 1;
	quorum_push_image(q, controller_image(q->controller), appended.last_offset + 1);
	quorum_step(q,
		    (struct raft_event){
			    .type = RAFT_EVENT_APPENDED, .n_records = n, .bytes = (int64_t)batch->len, .idle = idle});
	return controller_is_active(q->controller) ? 0 : ERR_NOT_CONTROLLER;
}

/* 0, or why the list was not appended beyond some point. */
static int append_records(struct quorum *q, const struct record_list *records)
{
	int64_t now_ms = env_wall_ms(q->env);
	struct buf batch = {0};
	int err = 0;

	for (int from = 0; err == 0 && from < records->n;) {
		int n = build_batch(q, records, from, now_ms, &batch);

		err = batch.len > METADATA_BATCH_MAX ? ERR_POLICY_VIOLATION
						     : append_batch(q, records, from, n, now_ms, &batch);
		from += n;
	}
	buf_fini(&batch);
	if (err != 0 && log_dir_error(q->options.dir) != 0)
		quorum_fail(q, log_dir_error(q->options.dir));
	else if (err != 0 && raft_voters(q->raft)->n > 1) /* another node may have space */
		quorum_unwritten(q, err);
	return err;
}

/* ---- deciding ---- */

static uint64_t chance(void *arg)
{
	return env_random_u64(arg);
}

/* The answer waits for what raft has written. */
static int raise_kraft_version(void *arg, int16_t to, bool validate_only, struct arena *a, struct str *why)
{
	struct quorum *q = arg;
	struct raft_upgrade upgrade = {.kraft_version = to, .validate_only = validate_only};
	int err = quorum_upgrade(q, &upgrade, a, why);

	if (err == 0 && !validate_only)
		q->state_end = raft_log_end(q->raft);
	return err;
}

static bool is_address(struct str text)
{
	char copy[ADDR_TEXT_MAX];
	struct addr addr;

	if (text.len <= 0 || text.len >= (int32_t)sizeof(copy) || memchr(text.p, 0, (size_t)text.len))
		return false;
	memcpy(copy, text.p, (size_t)text.len);
	copy[text.len] = 0;
	return addr_parse(copy, 0, &addr);
}

static struct controller_context context(struct quorum *q, struct quorum_request *r)
{
	return (struct controller_context){
		.now_ms = env_mono_ms(q->env),
		.wall_ms = env_wall_ms(q->env),
		.principal = r ? r->principal : &PRINCIPAL_ANONYMOUS,
		.version = r ? r->version : 0,
		.kraft_version = raft_kraft_version(q->raft),
		.own_node = r && r->own_node,
		.random = chance,
		.random_arg = q->env,
		.raise_kraft_version = raise_kraft_version,
		.raise_arg = q,
		.is_address = is_address,
		.arena = r ? r->arena : &q->records_arena,
		.why = r ? &r->message : NULL,
	};
}

#define COMMAND(name)                                                                                                  \
	static int run_##name(struct controller *c, const struct controller_context *ctx, const void *in, void *out,   \
			      struct record_list *records)                                                             \
	{                                                                                                              \
		return controller_##name(c, ctx, in, out, records);                                                    \
	}

COMMAND(create_topics)
COMMAND(delete_topics)
COMMAND(create_partitions)
COMMAND(alter_configs)
COMMAND(incremental_alter_configs)
COMMAND(alter_client_quotas)
COMMAND(update_features)
COMMAND(broker_registration)
COMMAND(broker_heartbeat)
COMMAND(unregister_broker)
COMMAND(unregister_controller)
COMMAND(controller_registration)
COMMAND(allocate_producer_ids)
COMMAND(alter_partition)
COMMAND(create_acls)
COMMAND(delete_acls)
COMMAND(elect_leaders)
COMMAND(assign_replicas_to_dirs)
COMMAND(alter_partition_reassignments)
COMMAND(list_partition_reassignments)
COMMAND(alter_user_scram_credentials)
COMMAND(create_delegation_token)
COMMAND(renew_delegation_token)
COMMAND(expire_delegation_token)

static const struct command {
	int16_t api;
	int (*run)(struct controller *, const struct controller_context *, const void *, void *, struct record_list *);
} COMMANDS[] = {
	{19, run_create_topics},
	{20, run_delete_topics},
	{30, run_create_acls},
	{31, run_delete_acls},
	{33, run_alter_configs},
	{37, run_create_partitions},
	{38, run_create_delegation_token},
	{39, run_renew_delegation_token},
	{40, run_expire_delegation_token},
	{43, run_elect_leaders},
	{44, run_incremental_alter_configs},
	{49, run_alter_client_quotas},
	{51, run_alter_user_scram_credentials},
	{56, run_alter_partition},
	{57, run_update_features},
	{62, run_broker_registration},
	{63, run_broker_heartbeat},
	{64, run_unregister_broker},
	{67, run_allocate_producer_ids},
	{70, run_controller_registration},
	{73, run_assign_replicas_to_dirs},
	{94, run_unregister_controller},
	{45, run_alter_partition_reassignments},
	{46, run_list_partition_reassignments},
};

static const struct command *command_find(int16_t api)
{
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
		if (COMMANDS[i].api == api)
			return &COMMANDS[i];
	}
	return NULL;
}

static void schedule_tick(struct quorum *q, int64_t next_ms)
{
	if (next_ms == INT64_MAX)
		timer_stop(&q->tick_timer);
	else
		timer_start(&q->tick_timer, next_ms - env_mono_ms(q->env));
}

/*
 * From these versions on nothing more is done once the quota is exceeded; older clients are only
 * told to wait (KIP-599).
 */
static bool is_strict(const struct quorum_request *r)
{
	return (r->api == create_topics_request_KEY && r->version >= 6) ||
	       (r->api == delete_topics_request_KEY && r->version >= 5) ||
	       (r->api == create_partitions_request_KEY && r->version >= 3);
}

static struct mutations mutations_of(const struct quorum *q, const struct quorum_request *r)
{
	return (struct mutations){
		.throttle = r->own_node || str_is_null(r->client_id) ? NULL : q->options.throttle,
		.image = controller_image(q->controller),
		.user = r->principal->name,
		.client_id = r->client_id,
		.strict = is_strict(r),
	};
}

static bool may_change(void *arg, int n)
{
	return mutations_take(arg, n);
}

static void tell_wait(const struct quorum *q, struct quorum_request *r, int32_t ms)
{
	int32_t *field = throttle_field(q->options.throttle, r->api, r->response);

	if (field)
		*field = ms;
}

bool quorum_decides(int16_t api)
{
	return command_find(api) != NULL;
}

void quorum_decide(struct quorum *q, struct quorum_request *r)
{
	const struct command *command = command_find(r->api);
	struct controller_context ctx = context(q, r);
	struct mutations mutations = mutations_of(q, r);
	struct record_list records;
	int err;

	check(command);
	ctx.may_change = may_change;
	ctx.change_arg = &mutations;
	record_list_init(&records, &q->records_arena);
	err = command->run(q->controller, &ctx, r->request, r->response, &records);
	if (err == 0 && (record_list_failed(&records) || r->arena->failed))
		err = -ENOMEM;
	if (err == 0)
		err = append_records(q, &records);
	r->err = err_to_kafka(err);
	if (mutations.throttle_ms > 0)
		tell_wait(q, r, mutations.throttle_ms);
	arena_reset(&q->records_arena);
	if (!timer_is_running(&q->tick_timer))
		schedule_tick(q, ctx.now_ms + 1000);
}

/* ---- time ---- */

static void tick_due(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, tick_timer);
	struct controller_context ctx = context(q, NULL);
	struct record_list records;
	int64_t next_ms = INT64_MAX;
	int err;

	if (q->failed || !controller_is_active(q->controller))
		return;
	record_list_init(&records, &q->records_arena);
	err = controller_tick(q->controller, &ctx, &records, &next_ms);
	if (err == 0 && records.n > 0)
		append_records(q, &records);
	arena_reset(&q->records_arena);
	schedule_tick(q, next_ms);
}

void quorum_fence(struct quorum *q, int32_t broker, int64_t epoch)
{
	struct record_list records;

	if (!quorum_leads(q))
		return;
	record_list_init(&records, &q->records_arena);
	controller_fence(q->controller, broker, epoch, &records);
	if (records.n > 0 && !record_list_failed(&records))
		append_records(q, &records);
	arena_reset(&q->records_arena);
}

/* Appends a record to an idle log now and then, so that followers see that the leader lives (KIP-835). */
static void idle_due(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, idle_timer);
	int64_t idle = env_mono_ms(q->env) - q->last_append_ms;
	struct record_list records;

	if (q->failed || !controller_is_active(q->controller))
		return;
	if (idle < q->idle_ms) {
		timer_start(&q->idle_timer, q->idle_ms - idle);
		return;
	}
	record_list_init(&records, &q->records_arena);
	if (record_list_add(&records, RECORD_NO_OP, 0))
		append_records(q, &records);
	arena_reset(&q->records_arena);
	timer_start(&q->idle_timer, q->idle_ms);
}

/* ---- the leadership ---- */

/*
 * The previous leader, which may be a broker as well, has been silent since it was last heard from;
 * of the others this node has heard nothing yet.
 */
static void date_predecessor(struct quorum *q)
{
	int64_t at_ms;
	int32_t id;

	if (raft_heard_predecessor(q->raft, &id, &at_ms) && id != q->options.node_id)
		controller_heard(q->controller, id, at_ms);
}

/* The tip is the whole log, committed or not: this node's decisions start from it. */
static int take_over(struct quorum *q)
{
	struct replay tip = q->replay;
	int64_t from = q->replay_end;
	int err;

	if (!q->beginning && env_buggify(q->env, "no descriptor to take over with"))
		return -EMFILE;
	image_ref(tip.image);
	image_ref(tip.tip);
	err = quorum_replay(q, &tip, &from, raft_log_end(q->raft));
	if (err == 0) {
		controller_lead(q->controller, &tip, env_mono_ms(q->env));
		date_predecessor(q);
		q->state_end = raft_log_end(q->raft);
		quorum_push_image(q, controller_image(q->controller), q->state_end);
	}
	replay_fini(&tip);
	return err;
}

int quorum_lead(struct quorum *q)
{
	struct controller_context ctx = context(q, NULL);
	struct record_list records;
	int err = controller_is_active(q->controller) ? 0 : take_over(q);

	if (err != 0)
		return err;
	record_list_init(&records, &q->records_arena);
	err = controller_activate(q->controller, &ctx, &q->bootstrap, &records);
	if (err == 0 && records.n > 0)
		err = append_records(q, &records);
	arena_reset(&q->records_arena);
	if (err != 0)
		return err == ERR_NOT_CONTROLLER ? 0 : err;
	controller_registration_look(q->registration, controller_tip(q->controller));
	quorum_pulse_all(q);
	schedule_tick(q, ctx.now_ms); /* which returns when the next is due */
	if (q->idle_ms > 0)
		timer_start(&q->idle_timer, q->idle_ms);
	return 0;
}

void quorum_resign(struct quorum *q)
{
	timer_stop(&q->tick_timer);
	timer_stop(&q->idle_timer);
	controller_resign(q->controller);
	quorum_forget_pending(q);
	quorum_fail_requests(q, ERR_NOT_CONTROLLER);
	if (raft_high_watermark(q->raft) > q->replay_end) /* what was committed without a new image */
		quorum_follow(q, raft_high_watermark(q->raft));
}

void quorum_decide_init(struct quorum *q)
{
	timer_init(&q->tick_timer, q->loop, tick_due);
	timer_init(&q->idle_timer, q->loop, idle_due);
	q->idle_ms = config_int(q->options.config, CONFIG_METADATA_MAX_IDLE_INTERVAL_MS);
	q->last_append_ms = env_mono_ms(q->env);
}
