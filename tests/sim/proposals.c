#include "tests/sim/proposals.h"

#include "base/check.h"
#include "base/err.h"
#include "metadata/image.h"
#include "protocol/alter_partition.h"
#include "wire/codec.h"

enum { ALTER_VERSION = 3, AHEAD_BY = 1000 };

typedef struct alter_partition_request_partition asked;

static int draw(struct proposals *p, int bound)
{
	return (int)env_random_below(p->client.loop->env, (uint64_t)bound);
}

static void later(struct proposals *p)
{
	timer_start(&p->next, 1 + draw(p, 2 * p->pause_ms));
}

static int code_of(const struct alter_partition_response *r)
{
	if (r->error_code)
		return r->error_code;
	check(r->topics.n == 1 && r->topics.v[0].partitions.n == 1);
	return r->topics.v[0].partitions.v[0].error_code;
}

static void on_answer(void *arg, int err, const void *answer)
{
	struct proposals *p = arg;
	int code = err ? ERR_NETWORK_EXCEPTION : code_of(answer);

	check(code != 0 && "a proposal was taken that must not be");
	check((p->kind != PROPOSAL_AHEAD || code != ERR_FENCED_LEADER_EPOCH) &&
	      "a leader that knows more than the controller was fenced");
	p->n_refused[p->kind] += code != ERR_NETWORK_EXCEPTION;
	later(p);
}

/* ---- what is proposed ---- */

/* A random partition that has a leader; NULL: none was found. */
static const struct image_partition *draw_partition(struct proposals *p, const struct image *image,
						    const struct image_topic **topic)
{
	int skip = draw(p, 20);
	struct image_iter it;

	image_topics(image, &it);
	while ((*topic = image_topics_next(&it)))
		for (int i = 0; i < (*topic)->n_partitions; i++)
			if ((*topic)->partitions[i]->leader >= 0 &&
			    image_broker(image, (*topic)->partitions[i]->leader) && skip-- == 0)
				return (*topic)->partitions[i];
	return NULL;
}

static void add_member(asked *a, const struct image *image, int32_t id, bool earlier)
{
	const struct image_node *n = image_broker(image, id);

	a->new_isr_with_epochs.v[a->new_isr_with_epochs.n++] =
		(struct alter_partition_request_broker_state){id, n ? n->epoch - earlier : -1};
}

/* The ISR as it is, and in an earlier life whoever may come in; if nobody may, one who is in it. */
static void propose_isr(struct proposals *p, const struct image *image, const struct image_partition *of, asked *a)
{
	bool earlier = p->kind == PROPOSAL_OF_EARLIER_LIFE;
	struct image_ids isr = partition_isr(of), replicas = partition_replicas(of);
	int n_in;

	for (int i = 0; i < isr.n; i++)
		add_member(a, image, isr.v[i], false);
	n_in = a->new_isr_with_epochs.n;
	for (int i = 0; earlier && i < replicas.n; i++)
		if (!image_ids_has(isr, replicas.v[i]) && image_broker_is_active(image, replicas.v[i]))
			add_member(a, image, replicas.v[i], true);
	if (earlier && a->new_isr_with_epochs.n == n_in)
		a->new_isr_with_epochs.v[draw(p, n_in)].broker_epoch--;
}

static bool fill(struct proposals *p, const struct image *image, const struct image_partition *of, asked *a)
{
	codec_init(&alter_partition_request_partition_schema, a);
	a->partition_index = of->id;
	a->leader_epoch = of->leader_epoch + (p->kind == PROPOSAL_AHEAD ? AHEAD_BY : 0);
	a->partition_epoch = of->partition_epoch;
	a->leader_recovery_state = (int8_t)of->recovering;
	if (p->kind == PROPOSAL_OLDER)
		a->partition_epoch--;
	if (p->kind == PROPOSAL_AHEAD)
		a->partition_epoch += AHEAD_BY;
	return a->partition_epoch >= 0 && partition_isr(of).n > 0 && partition_replicas(of).n <= NODES_MAX;
}

/* False: there is nothing to propose at the moment. */
static bool propose(struct proposals *p, const struct image *image)
{
	struct alter_partition_request_broker_state members[NODES_MAX];
	struct alter_partition_request_topic t;
	struct alter_partition_request in;
	const struct image_topic *topic;
	const struct image_partition *of = draw_partition(p, image, &topic);
	asked a;

	p->kind = (enum proposal_kind)draw(p, PROPOSAL_KINDS);
	if (!of || !fill(p, image, of, &a))
		return false;
	a.new_isr_with_epochs.v = members;
	propose_isr(p, image, of, &a);
	codec_init(&alter_partition_request_schema, &in);
	codec_init(&alter_partition_request_topic_schema, &t);
	t.topic_id = topic->id;
	t.partitions.v = &a;
	t.partitions.n = 1;
	in.broker_id = of->leader;
	in.broker_epoch = image_broker(image, of->leader)->epoch;
	in.topics.v = &t;
	in.topics.n = 1;
	client_call(&p->client, ALTER_VERSION, &alter_partition_request_schema, &in, &alter_partition_response_schema,
		    on_answer, p);
	return true;
}

/* ---- again and again ---- */

static void go_to(struct proposals *p, int controller)
{
	struct addr to = {.ip = {10, 0, 0, (uint8_t)(controller + 1)},
			  .port = nodes_controller_port(p->nodes, controller)};

	if (to.ip[3] == p->client.to.ip[3] && to.port == p->client.to.port)
		return;
	client_hang_up(&p->client);
	p->client.to = to;
}

static void on_next(struct timer *t)
{
	struct proposals *p = container_of(t, struct proposals, next);
	const struct image *image = nodes_image(p->nodes);
	int controller = nodes_controller(p->nodes);

	if (p->ends)
		return;
	if (image && controller >= 0) {
		go_to(p, controller);
		if (propose(p, image))
			return;
	}
	later(p);
}

void proposals_start(struct proposals *p, struct loop *loop, const struct addr *to)
{
	if (!p->pause_ms)
		return;
	p->started = true;
	client_init(&p->client, loop, to, "sim-proposals");
	p->client.call_ms = p->brokers->call_ms;
	timer_init(&p->next, loop, on_next);
	later(p);
}

void proposals_end(struct proposals *p)
{
	p->ends = true;
}

void proposals_fini(struct proposals *p)
{
	if (!p->started)
		return;
	timer_stop(&p->next);
	client_fini(&p->client);
}
