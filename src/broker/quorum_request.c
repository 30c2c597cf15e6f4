/*
 * quorum_request: takes in requests, passes them to raft or to the controller, and sends answers.
 *
 * Everything here runs on the quorum's loop except quorum_submit, which posts to it.
 */
#include "base/check.h"
#include "base/err.h"
#include "broker/controller_channel.h"
#include "broker/quorum_private.h"
#include "protocol/update_raft_voter.h"

/* ---- answers ---- */

static void run_done(struct post *post)
{
	struct quorum_request *r = container_of(post, struct quorum_request, post);

	r->done(r);
}

void quorum_give(struct quorum_request *r)
{
	r->post.run = run_done;
	loop_post(r->loop, &r->post);
}

/*
 * Nothing may become known that quorum-state does not contain yet: after a power cut this node
 * might vote twice, or begin an epoch a second time.
 */
void quorum_complete(struct quorum_request *r)
{
	if (r->quorum->state_write)
		list_push(&r->quorum->held, &r->link);
	else
		quorum_give(r);
}

void quorum_complete_with(struct quorum_request *r, int err)
{
	r->err = err_to_kafka(err);
	quorum_complete(r);
}

void quorum_give_held(struct quorum *q, int err)
{
	list_each_safe(it, &q->held)
	{
		struct quorum_request *r = container_of(it, struct quorum_request, link);

		list_remove(&r->link);
		if (err != 0)
			r->err = err_to_kafka(err);
		quorum_give(r);
	}
}

void quorum_complete_committed(struct quorum *q, int64_t high_watermark)
{
	list_each_safe(it, &q->waiting)
	{
		struct quorum_request *r = container_of(it, struct quorum_request, link);

		if (r->wait_offset > high_watermark)
			break;
		list_remove(&r->link);
		quorum_complete(r);
	}
}

/*
 * Requests of this broker, or of its clients, go to the leader; other senders look for the leader
 * themselves.
 */
static void leave_to_leader(struct quorum *q, struct quorum_request *r)
{
	if (r->own_node || r->client)
		controller_channel_submit(q->channel, r);
	else
		quorum_complete_with(r, ERR_NOT_CONTROLLER);
}

void quorum_fail_requests(struct quorum *q, int err)
{
	list_each_safe(it, &q->waiting)
	{
		struct quorum_request *r = container_of(it, struct quorum_request, link);

		list_remove(&r->link);
		leave_to_leader(q, r);
	}
	if (q->changing)
		quorum_complete_with(q->changing, err);
	q->changing = NULL;
}

/* ---- requests that raft answers ---- */

static void describe_quorum(struct quorum *q, struct quorum_request *r)
{
	struct raft_describe how = {env_mono_ms(q->env), env_wall_ms(q->env), r->version, r->arena};

	raft_describe_quorum(q->raft, &how, r->request, r->response);
	quorum_complete(r);
}

/*
 * A change of the voters waits for its result (quorum_end_change), unless it is refused at once, or
 * done at once and written.
 */
static void ask_raft(struct quorum *q, struct quorum_request *r)
{
	struct raft_request ask = quorum_question(q, r);
	int64_t n_unwritten = q->n_unwritten;

	q->change_err = 0;
	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &ask});
	if (r->api == update_raft_voter_request_KEY && q->n_unwritten != n_unwritten) {
		quorum_complete_with(r, ERR_NOT_LEADER_OR_FOLLOWER);
	} else if (ask.outcome == RAFT_ANSWERED) {
		quorum_complete(r);
	} else if (q->change_err != 0) {
		quorum_complete_with(r, q->change_err);
	} else {
		check(!q->changing);
		q->changing = r;
	}
}

void quorum_end_change(struct quorum *q, int err, struct str message)
{
	struct quorum_request *r = q->changing;

	q->changing = NULL;
	if (!r) {
		q->change_err = err;
		return;
	}
	r->message = arena_str(r->arena, message);
	quorum_complete_with(r, err);
}

static const struct query {
	int16_t api;
	void (*run)(struct quorum *q, struct quorum_request *r);
} QUERIES[] = {
	{1, quorum_fetch},	     {52, ask_raft}, {53, ask_raft}, {54, ask_raft}, {55, describe_quorum},
	{59, quorum_fetch_snapshot}, {80, ask_raft}, {81, ask_raft}, {82, ask_raft},
};

static const struct query *query_find(int16_t api)
{
	for (size_t i = 0; i < sizeof(QUERIES) / sizeof(QUERIES[0]); i++) {
		if (QUERIES[i].api == api)
			return &QUERIES[i];
	}
	return NULL;
}

bool quorum_serves(int16_t api)
{
	return query_find(api) || quorum_decides(api);
}

/* ---- requests ---- */

/*
 * A decision depends on all state before it, which no-op records, perhaps flushed seconds later,
 * are not part of.
 */
static void wait_or_complete(struct quorum *q, struct quorum_request *r)
{
	r->wait_offset = q->state_end;
	if (r->wait_offset <= raft_high_watermark(q->raft))
		quorum_complete(r);
	else
		list_push(&q->waiting, &r->link);
}

/*
 * Raft answers other nodes whether it leads or not; what clients ask of it, here or through another
 * broker, is for the leader.
 */
static bool is_for_raft(const struct quorum *q, const struct quorum_request *r)
{
	bool is_up = q->begun && !q->failed && !q->stopping;

	return query_find(r->api) && is_up && (quorum_leads(q) || (!r->client && !r->enveloped));
}

static void decide(struct quorum *q, struct quorum_request *r)
{
	quorum_decide(q, r);
	if (quorum_leads(q))
		wait_or_complete(q, r);
	else
		leave_to_leader(q, r);
}

static void run(struct quorum *q, struct quorum_request *r)
{
	bool is_late = r->deadline_ms > 0 && env_mono_ms(q->env) > r->deadline_ms;

	r->err = 0;
	r->message = STR_NULL;
	if (!is_for_raft(q, r) && !quorum_leads(q))
		leave_to_leader(q, r);
	else if (is_late)
		quorum_complete_with(r, ERR_REQUEST_TIMED_OUT);
	else if (is_for_raft(q, r))
		query_find(r->api)->run(q, r);
	else
		decide(q, r);
}

static void submitted(struct post *post)
{
	struct quorum_request *r = container_of(post, struct quorum_request, post);

	run(r->quorum, r);
}

void quorum_submit(struct quorum *q, struct quorum_request *r)
{
	list_init(&r->link);
	r->quorum = q;
	r->post.run = submitted;
	loop_post(q->loop, &r->post);
}

static void submit_again(struct quorum_request *r)
{
	quorum_submit(r->quorum, r);
}

void quorum_route(struct quorum *q)
{
	bool elsewhere = q->leader.id >= 0 && q->leader.id != q->options.node_id;

	if (quorum_leads(q))
		controller_channel_give_back(q->channel, submit_again);
	else
		controller_channel_follow(q->channel, elsewhere ? &q->leader.node : NULL);
}
