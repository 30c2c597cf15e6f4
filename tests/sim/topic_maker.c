#include "tests/sim/topic_maker.h"

#include "base/check.h"
#include "base/err.h"
#include "wire/codec.h"

enum { TOPIC_VERSION = 5, AGAIN_MS = 200 };

static void ask(struct topic_maker *m);

static void on_again(struct timer *t)
{
	ask(container_of(t, struct topic_maker, again));
}

static bool is_made(int16_t code)
{
	return code == ERR_NONE || code == ERR_TOPIC_ALREADY_EXISTS;
}

static void on_answer(void *arg, int err, const void *answer)
{
	struct topic_maker *m = arg;
	const struct create_topics_response *a = answer;
	int16_t code = err ? ERR_NETWORK_EXCEPTION : ERR_NONE;

	for (int i = 0; !err && is_made(code) && i < a->topics.n; i++)
		code = a->topics.v[i].error_code;
	if (is_made(code)) {
		m->is_done = true;
		m->made(m->arg);
		return;
	}
	check(err_is_retriable(code) || m->excuses(m->arg, code));
	if (m->brokers)
		client_move(&m->client, m->brokers, -1);
	timer_start(&m->again, AGAIN_MS);
}

static void ask(struct topic_maker *m)
{
	struct create_topics_request request;

	codec_init(&create_topics_request_schema, &request);
	request.timeout_ms = m->timeout_ms;
	request.topics.v = m->topics;
	request.topics.n = m->n;
	client_call(&m->client, TOPIC_VERSION, &create_topics_request_schema, &request, &create_topics_response_schema,
		    on_answer, m);
}

struct create_topics_request_topic *topic_maker_add(struct topic_maker *m, int16_t replicas)
{
	struct create_topics_request_topic *t = &m->topics[m->n++];

	check(m->n <= TOPIC_MAKER_MAX);
	codec_init(&create_topics_request_topic_schema, t);
	t->replication_factor = replicas;
	return t;
}

void topic_maker_start(struct topic_maker *m)
{
	client_init(&m->client, m->loop, &m->to, "sim-admin");
	if (m->brokers)
		m->client.call_ms = m->brokers->call_ms;
	timer_init(&m->again, m->loop, on_again);
	ask(m);
}

void topic_maker_fini(struct topic_maker *m)
{
	client_fini(&m->client);
}
