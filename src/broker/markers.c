/*
 * markers: writes the markers of a transaction here, through group coordinators' shards, or through
 * other brokers.
 */
#include "broker/markers.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/coordinator.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/peers.h"
#include "config/config.h"
#include "log/validate.h"
#include "metadata/image.h"
#include "protocol/write_txn_markers.h"

#define ARENA_MAX (1 << 20)

struct marker_part {
	struct markers *m;
	struct transaction_marked *marked;
	struct coordinator_command command; /* to a shard of __consumer_offsets */
	struct partition *partition;	    /* a reference; NULL: a shard's, or refused */
	struct waiter waiter;
	struct appended_at at;
	int32_t leader; /* another broker; -1: it is written here */
	bool is_open;
	bool is_sent; /* to its leader */
};

/* ---- the end ---- */

/* Calls done(), which may free m. */
static void tell(struct markers *m)
{
	list_remove(&m->link);
	for (int i = 0; i < m->n; i++)
		partition_unref(&m->parts[i].partition);
	xfree(m->parts);
	core_work_ends(m->core);
	m->done(m);
}

static void end_if_done(struct markers *m)
{
	if (m->n_left > 0 || m->ended)
		return;
	m->ended = true;
	timer_stop(&m->timer);
	for (int i = 0; i < m->n; i++)
		partition_unwait(&m->parts[i].waiter);
	if (waking_settle(&m->waking))
		tell(m);
}

static void settle(struct marker_part *p, int err)
{
	check(p->is_open);
	p->is_open = false;
	p->marked->err = err;
	p->m->n_left--;
}

static void look_again(struct markers *m)
{
	for (int i = 0; i < m->n; i++) {
		struct marker_part *p = &m->parts[i];
		int err;

		if (p->is_open && p->partition &&
		    partition_replicated(p->partition, p->at, &p->waiter, &m->waking, &err))
			settle(p, err);
	}
	end_if_done(m);
}

static void woken(struct waking *w)
{
	struct markers *m = container_of(w, struct markers, waking);

	if (m->ended)
		tell(m);
	else
		look_again(m);
}

/* Gives up what is not sent yet; parts that shards or other brokers have will come back by themselves. */
static void give_up(struct markers *m)
{
	for (int i = 0; i < m->n; i++)
		if (m->parts[i].is_open && (m->parts[i].partition || (m->parts[i].leader >= 0 && !m->parts[i].is_sent)))
			settle(&m->parts[i], ERR_REQUEST_TIMED_OUT);
	end_if_done(m);
}

static void time_is_over(struct timer *t)
{
	give_up(container_of(t, struct markers, timer));
}

void markers_hurry(struct core *core)
{
	list_each_safe(it, &core->markers) give_up(container_of(it, struct markers, link));
}

/* ---- through the group coordinator ---- */

/* Kafka's error for a coordinator that is not ready: the sender has to look again. */
static int shard_error(int err)
{
	if (err == ERR_COORDINATOR_NOT_AVAILABLE || err == ERR_COORDINATOR_LOAD_IN_PROGRESS ||
	    err == ERR_NOT_COORDINATOR)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	return err;
}

static void shard_answered(struct coordinator_command *c)
{
	struct marker_part *p = c->arg;

	settle(p, shard_error(c->c.err));
	end_if_done(p->m);
}

static void ask_shard(struct marker_part *p)
{
	struct markers *m = p->m;

	list_init(&p->command.c.link);
	p->command.marker = &m->marker;
	p->command.done = shard_answered;
	p->command.arg = p;
	coordinator_submit(m->core, COORDINATOR_GROUP, p->marked->partition, &p->command);
}

/* ---- through other brokers ---- */

/*
 * A request to another broker, one at a time: what arrives meanwhile goes with the next, so that
 * one request has the markers of many transactions (TransactionMarkerChannelManager). The
 * partitions of a transaction are adjacent, by topic.
 */
struct errand {
	struct list link; /* in the core's list */
	struct core *core;
	int32_t leader;
	struct call call;
	struct arena arena;
	struct write_txn_markers_request in;
	struct marker_part **parts;
	int n, room;
};

static bool waits_for(const struct marker_part *p, int32_t leader)
{
	return p->is_open && p->leader == leader && !p->is_sent;
}

static bool is_in(const struct write_txn_markers_response_marker *m, const struct transaction_marked *marked, int *err)
{
	for (int i = 0; i < m->topics.n; i++) {
		if (!str_eq(m->topics.v[i].name, marked->topic))
			continue;
		for (int k = 0; k < m->topics.v[i].partitions.n; k++) {
			if (m->topics.v[i].partitions.v[k].partition_index != marked->partition)
				continue;
			*err = m->topics.v[i].partitions.v[k].error_code;
			return true;
		}
	}
	return false;
}

int markers_answer(const struct write_txn_markers_response *r, int64_t producer_id,
		   const struct transaction_marked *marked, int *at)
{
	int n = r->markers.n;
	int err;

	for (int looked = 0, i = *at; looked < n; looked++, i = i + 1 < n ? i + 1 : 0) {
		if (r->markers.v[i].producer_id != producer_id || !is_in(&r->markers.v[i], marked, &err))
			continue;
		*at = i;
		return err;
	}
	return ERR_NOT_LEADER_OR_FOLLOWER;
}

static void send_errand(struct core *core, int32_t leader);

/* Those of one transaction are adjacent: what follows the last of them is searched for its end. */
static void errand_done(struct call *c)
{
	struct errand *e = container_of(c, struct errand, call);
	struct core *core = e->core;
	int32_t leader = e->leader;
	int at = 0;

	list_remove(&e->link);
	for (int i = 0; i < e->n; i++) {
		struct markers *m = e->parts[i]->m;

		settle(e->parts[i],
		       c->err ? ERR_NOT_LEADER_OR_FOLLOWER
			      : markers_answer(c->response, m->marker.producer_id, e->parts[i]->marked, &at));
		if (i + 1 == e->n || e->parts[i + 1]->m != m)
			end_if_done(m);
	}
	arena_fini(&e->arena);
	xfree(e->parts);
	xfree(e);
	send_errand(core, leader);
}

static int count_of_topic(const struct markers *m, int32_t leader, struct str name)
{
	int n = 0;

	for (int i = 0; i < m->n; i++)
		n += waits_for(&m->parts[i], leader) && str_eq(m->marked[i].topic, name);
	return n;
}

/*
 * Makes room for all of its partitions that wait. The arena has no limit: they are as many as the
 * transactions have.
 */
static struct write_txn_markers_request_topic *need_topic(struct errand *e, const struct markers *m,
							  struct write_txn_markers_request_marker *to, struct str name)
{
	struct write_txn_markers_request_topic *t = to->topics.v;

	for (int i = 0; i < to->topics.n; i++, t++)
		if (str_eq(t->name, name))
			return t;
	to->topics.n++;
	t->name = name;
	t->partition_indexes.v =
		arena_array(&e->arena, (size_t)count_of_topic(m, e->leader, name), sizeof(*t->partition_indexes.v));
	return t;
}

static void add_part(struct errand *e, struct marker_part *p)
{
	if (e->n == e->room) {
		e->room = e->room ? 2 * e->room : 16;
		e->parts = xreallocarray(e->parts, (size_t)e->room, sizeof(*e->parts));
	}
	e->parts[e->n++] = p;
	p->is_sent = true;
}

static void add_marker(struct errand *e, struct markers *m)
{
	struct write_txn_markers_request_marker *to = &e->in.markers.v[e->in.markers.n];

	for (int i = 0; i < m->n; i++) {
		struct write_txn_markers_request_topic *t;

		if (!waits_for(&m->parts[i], e->leader))
			continue;
		if (!to->topics.v) {
			*to = (struct write_txn_markers_request_marker){
				.producer_id = m->marker.producer_id,
				.producer_epoch = m->marker.producer_epoch,
				.transaction_result = m->marker.commit,
				.coordinator_epoch = m->marker.coordinator_epoch,
				.transaction_version = m->marker.transaction_version,
			};
			to->topics.v = arena_array(&e->arena, (size_t)m->n, sizeof(*to->topics.v));
			e->in.markers.n++;
		}
		t = need_topic(e, m, to, m->marked[i].topic);
		t->partition_indexes.v[t->partition_indexes.n++] = m->marked[i].partition;
		add_part(e, &m->parts[i]);
	}
}

static bool is_under_way(const struct core *core, int32_t leader)
{
	list_each(it, &core->marker_errands)
	{
		if (container_of(it, struct errand, link)->leader == leader)
			return true;
	}
	return false;
}

static int count_markers(const struct core *core)
{
	int n = 0;

	list_each(it, &core->markers) n++;
	return n;
}

/* Sends everything that waits for this broker, if there is anything and no request is on its way there. */
static void send_errand(struct core *core, int32_t leader)
{
	struct errand *e;

	if (is_under_way(core, leader))
		return;
	e = xcalloc(1, sizeof(*e));
	e->core = core;
	e->leader = leader;
	arena_init(&e->arena, SIZE_MAX);
	e->in.markers.v = arena_array(&e->arena, (size_t)count_markers(core) + 1, sizeof(*e->in.markers.v));
	list_each(it, &core->markers) add_marker(e, container_of(it, struct markers, link));
	if (e->n == 0) {
		arena_fini(&e->arena);
		xfree(e);
		return;
	}
	list_push(&core->marker_errands, &e->link);
	diag_debug(core->loop->env->diag, "markers are sent", "broker=%d transactions=%d partitions=%d", leader,
		   e->in.markers.n, e->n);
	e->call = (struct call){
		.key = write_txn_markers_request_KEY, .request = &e->in, .arena = &e->arena, .done = errand_done};
	peer_call(core, PEER_MARKERS, leader, &e->call);
}

static void send_errands(struct markers *m)
{
	for (int i = 0; i < m->n; i++)
		if (m->parts[i].leader >= 0 && waits_for(&m->parts[i], m->parts[i].leader))
			send_errand(m->core, m->parts[i].leader);
}

/* ---- a single partition ---- */

static int append(struct marker_part *p)
{
	const struct transaction_marker *marker = &p->m->marker;
	struct core *core = p->m->core;
	struct topic_state *topic = partition_topic(p->partition);
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct partition_append a = {.acks = -1, .leader_epoch = ANY_LEADER_EPOCH};
	struct effects effects = {0};
	struct batch_problem problem = {0};
	struct batch_info info;
	struct arena arena;
	struct buf batch = {0};
	struct batch_check c = {.topic = p->marked->topic,
				.partition = p->marked->partition,
				.config = &topic->config,
				.origin = ORIGIN_COORDINATOR,
				.codecs = core_codecs(core),
				.arena = &arena};
	int err;

	arena_init(&arena, ARENA_MAX);
	c.now_ms = a.now_ms = env_wall_ms(core->loop->env);
	options.producer_id = marker->producer_id;
	options.producer_epoch = marker->producer_epoch;
	batch_build_marker(&batch, &options, a.now_ms, marker->commit ? CONTROL_COMMIT : CONTROL_ABORT,
			   marker->coordinator_epoch);
	err = batch_check(&c, batch.p, batch.len, &info, &problem);
	if (err == 0) {
		info.transaction.version = marker->transaction_version;
		a.batch = batch.p;
		a.info = &info;
		err = partition_append(p->partition, &a, core, &effects);
		effects_run(&effects, core);
		p->at = (struct appended_at){.last_offset = a.out.last_offset, .stint = a.stint};
	}
	buf_fini(&batch);
	arena_fini(&arena);
	topic_state_unref(&topic);
	return err;
}

static int write_here(struct marker_part *p, const struct image_topic *topic)
{
	struct partition *partition = core_partition(p->m->core, topic->id, p->marked->partition);

	if (!partition)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	p->partition = partition_ref(partition);
	return append(p);
}

static void begin(struct marker_part *p)
{
	const struct image *image = p->m->core->image;
	const struct image_topic *topic = image ? image_topic_by_name(image, p->marked->topic) : NULL;
	const struct image_partition *partition;
	int err;

	p->is_open = true;
	p->leader = -1;
	list_init(&p->waiter.link);
	partition = topic ? image_topic_partition(topic, p->marked->partition) : NULL;
	if (!partition || (p->m->here_alone && !core_partition(p->m->core, topic->id, p->marked->partition))) {
		settle(p, ERR_UNKNOWN_TOPIC_OR_PARTITION);
		return;
	}
	if (!p->m->here_alone && partition->leader >= 0 && partition->leader != p->m->core->node->id) {
		p->leader = partition->leader;
		return;
	}
	if (str_eq(p->marked->topic, coordinator_topic(COORDINATOR_GROUP))) {
		ask_shard(p);
		return;
	}
	err = write_here(p, topic);
	if (err)
		settle(p, err);
}

static void has_begun(struct post *post)
{
	struct markers *m = container_of(post, struct markers, post);

	m->n_left--;
	if (m->core->stopping)
		give_up(m);
	else
		look_again(m);
}

void markers_write(struct markers *m)
{
	struct core *core = m->core;

	core_work_begins(core);
	list_push(&core->markers, &m->link);
	waking_init(&m->waking, core->loop, woken);
	timer_init(&m->timer, core->loop, time_is_over);
	timer_start(&m->timer, config_int(core->node->config, CONFIG_REQUEST_TIMEOUT_MS));
	m->ended = false;
	m->n_left = m->n + 1; /* plus one for the post below: it does not end before that, whatever comes first */
	m->parts = xcalloc((size_t)m->n + 1, sizeof(*m->parts));
	for (int i = 0; i < m->n; i++) {
		m->parts[i].m = m;
		m->parts[i].marked = &m->marked[i];
		begin(&m->parts[i]);
	}
	send_errands(m);
	m->post.run = has_begun; /* never answered at once */
	loop_post(core->loop, &m->post);
}
