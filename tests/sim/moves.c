#include "tests/sim/moves.h"

#include "base/check.h"
#include "protocol/alter_replica_log_dirs.h"
#include "wire/codec.h"

enum { MOVE_VERSION = 2, PAUSE_MS = 3000 };

static int draw(struct moves *m, int bound)
{
	return (int)env_random_below(m->client.loop->env, (uint64_t)bound);
}

static void later(struct moves *m)
{
	timer_start(&m->next, 100 + draw(m, PAUSE_MS));
}

/* A directory may have failed, the topic may not exist yet, or the replica may already be there. */
static void on_answer(void *arg, int err, const void *answer)
{
	const struct alter_replica_log_dirs_response *r = answer;

	check(err || (r->results.n == 1 && r->results.v[0].partitions.n == 1));
	later(arg);
}

static void move(struct moves *m, const char *topic, int32_t partition, const char *dir)
{
	struct alter_replica_log_dirs_request_topic t = {.name = str_of(topic), .partitions = {&partition, 1}};
	struct alter_replica_log_dirs_request_dir d = {.path = str_of(dir), .topics = {&t, 1}};
	struct alter_replica_log_dirs_request in = {.dirs = {&d, 1}};

	client_call(&m->client, MOVE_VERSION, &alter_replica_log_dirs_request_schema, &in,
		    &alter_replica_log_dirs_response_schema, on_answer, m);
}

static void on_next(struct timer *timer)
{
	struct moves *m = container_of(timer, struct moves, next);
	int topic = draw(m, MOVES_TOPICS);

	if (m->n_partitions[topic])
		move(m, m->topics[topic], draw(m, m->n_partitions[topic]), m->dirs[draw(m, m->n_dirs)]);
	else
		later(m);
}

void moves_start(struct moves *m, struct loop *loop, const struct addr *to)
{
	if (m->n_dirs < 2)
		return;
	m->started = true;
	client_init(&m->client, loop, to, "sim-moves");
	timer_init(&m->next, loop, on_next);
	later(m);
}

void moves_hang_up(struct moves *m)
{
	if (m->started)
		client_hang_up(&m->client);
}

void moves_fini(struct moves *m)
{
	if (!m->started)
		return;
	timer_stop(&m->next);
	client_fini(&m->client);
}
