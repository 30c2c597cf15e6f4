#include "tests/sim/voter_changes.h"

#include <stdio.h>

#include "base/check.h"
#include "broker/node_private.h"
#include "broker/quorum_private.h"
#include "protocol/add_raft_voter.h"
#include "protocol/remove_raft_voter.h"
#include "wire/codec.h"

enum { ADD_VERSION = 1, REMOVE_VERSION = 0, TIMEOUT_MS = 5000, VOTERS_MIN = 2 };

static int draw(struct voter_changes *c, int bound)
{
	return (int)env_random_below(c->client.loop->env, (uint64_t)bound);
}

/* According to the active controller; NULL if there is none. */
static const struct raft_voters *voters_of(const struct voter_changes *c)
{
	int i = nodes_controller(c->nodes);

	return i < 0 ? NULL : raft_voters(c->nodes->v[i].node->quorum->raft);
}

static void later(struct voter_changes *c)
{
	timer_start(&c->next, c->pause_ms / 2 + draw(c, c->pause_ms));
}

static void answered(struct voter_changes *c, int err)
{
	if (err) {
		c->is_unknown[c->node] = true;
		client_move(&c->client, c->brokers, -1);
	} else {
		c->is_out[c->node] = !c->adds;
		c->n_added += c->adds;
		c->n_removed += !c->adds;
	}
	later(c);
}

static void on_added(void *arg, int err, const void *answer)
{
	answered(arg, err ? err : ((const struct add_raft_voter_response *)answer)->error_code);
}

static void on_removed(void *arg, int err, const void *answer)
{
	answered(arg, err ? err : ((const struct remove_raft_voter_response *)answer)->error_code);
}

static void add(struct voter_changes *c)
{
	struct add_raft_voter_request_listener listener;
	struct add_raft_voter_request in;
	char host[32];

	codec_init(&add_raft_voter_request_schema, &in);
	codec_init(&add_raft_voter_request_listener_schema, &listener);
	snprintf(host, sizeof(host), "10.0.0.%d", c->node + 1);
	listener.name = STR("CONTROLLER");
	listener.host = str_of(host);
	listener.port = nodes_controller_port(c->nodes, c->node);
	in.cluster_id = STR_NULL;
	in.timeout_ms = TIMEOUT_MS;
	in.voter_id = c->node + 1;
	in.voter_directory_id = nodes_directory(c->node);
	in.listeners.v = &listener;
	in.listeners.n = 1;
	client_call(&c->client, ADD_VERSION, &add_raft_voter_request_schema, &in, &add_raft_voter_response_schema,
		    on_added, c);
}

static void take_out(struct voter_changes *c)
{
	struct remove_raft_voter_request in;

	codec_init(&remove_raft_voter_request_schema, &in);
	in.cluster_id = STR_NULL;
	in.voter_id = c->node + 1;
	in.voter_directory_id = nodes_directory(c->node);
	client_call(&c->client, REMOVE_VERSION, &remove_raft_voter_request_schema, &in,
		    &remove_raft_voter_response_schema, on_removed, c);
}

static void on_next(struct timer *t)
{
	struct voter_changes *c = container_of(t, struct voter_changes, next);
	const struct raft_voters *voters = voters_of(c);

	if (c->ends)
		return;
	c->node = draw(c, c->nodes->n_voters);
	c->adds = voters && !raft_voters_find(voters, c->node + 1);
	if (c->adds)
		add(c);
	else if (voters && voters->n > VOTERS_MIN)
		take_out(c);
	else
		later(c);
}

void voter_changes_start(struct voter_changes *c, struct loop *loop, const struct addr *to)
{
	if (!c->pause_ms)
		return;
	c->started = true;
	client_init(&c->client, loop, to, "sim-voter-changes");
	c->client.call_ms = c->brokers->call_ms;
	timer_init(&c->next, loop, on_next);
	timer_start(&c->next, c->pause_ms);
}

void voter_changes_end(struct voter_changes *c)
{
	c->ends = true;
}

void voter_changes_fini(struct voter_changes *c)
{
	if (!c->started)
		return;
	timer_stop(&c->next);
	if (!list_empty(&c->client.calls))
		c->is_unknown[c->node] = true;
	client_fini(&c->client);
}

void voter_changes_check(const struct voter_changes *c)
{
	const struct raft_voters *voters = voters_of(c);

	if (!c->started)
		return;
	check(voters);
	for (int i = 0; i < c->nodes->n_voters; i++)
		check((c->is_unknown[i] || c->is_out[i] == !raft_voters_find(voters, i + 1)) &&
		      "a change of voters that was acknowledged has not happened");
}
