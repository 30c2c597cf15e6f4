/*
 * replicas: three replicas of one partition, with their controller and network as a small model,
 * driven by seeds: messages are late, lost and reordered, brokers are killed and fenced, and the
 * metadata reaches each broker at a random time. The brains under test decide everything that they
 * decide in a broker.
 *
 * What must hold, after every event: what a leader has shown as committed is never replaced by
 * other records, every leader has all of it, and there is one leader per epoch. At the end, with
 * all faults gone, all replicas are in sync and have the same log.
 *
 * Argument 1 is a seed; without it a few hundred are run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cm.h"

#include "base/err.h"
#include "base/mem.h"
#include "replication/following.h"
#include "replication/leading.h"
#include "tests/replication/brokers.h"

enum { N = 3, LOG_MAX = 4000, HISTORY_MAX = 4000, MESSAGES_MAX = 64, SEEDS = 300, STEPS = 3000, CALM_STEPS = 6000 };
enum { LAG_MAX_MS = 200, BACKOFF_MS = 10, BATCH = 3 };

struct entry {
	int32_t epoch;
	int32_t value;
};

/* The metadata, version by version. */
struct version {
	const struct image *image;
	struct image_partition *partition;
};

struct node {
	int32_t id;
	bool up;
	bool leads;
	int view; /* the version it has applied */
	struct entry log[LOG_MAX];
	int64_t end;
	int64_t high_watermark;
	int32_t own_epoch; /* the epoch it has led, or leads, from own_start on; -1: none */
	int64_t own_start;
	struct leading leading;
	struct following following;
	int64_t asks_until_ms; /* while a fetch is under way */
	int64_t proposes_until_ms;
};

enum kind { FETCH, FETCHED, ALTER, ALTERED };

struct message {
	enum kind kind;
	int from, to; /* indexes of nodes; the controller is N */
	int64_t due_ms;
	int32_t leader_epoch, last_epoch;
	int64_t broker_epoch, offset;
	int err;
	int32_t diverging_epoch;
	int64_t diverging_end, high_watermark;
	struct entry entries[BATCH];
	int n_entries;
	uint32_t serial;
	int32_t partition_epoch;
	struct isr_member isr[N];
	int n_isr;
};

static struct {
	uint64_t random;
	int64_t now_ms;
	bool calm;
	int32_t min_isr;
	struct node nodes[N];
	struct version history[HISTORY_MAX];
	int n_versions;
	struct broker_state_of brokers[N];
	int64_t next_broker_epoch;
	struct message messages[MESSAGES_MAX];
	int n_messages;
	struct entry committed[LOG_MAX];
	int64_t n_committed;
	int32_t leader_of_epoch[HISTORY_MAX];
	int32_t next_value;
	int n_cuts, n_elections;
} w;

static uint32_t chance(uint32_t n)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 7;
	w.random ^= w.random << 17;
	return (uint32_t)(w.random >> 33) % n;
}

/* ---- the controller ---- */

static const struct image_partition *newest(void)
{
	return w.history[w.n_versions - 1].partition;
}

static void publish(struct image_ids isr, int32_t leader, bool new_epoch)
{
	static const int32_t replicas[N] = {1, 2, 3};
	const struct image_partition *old = w.n_versions > 0 ? newest() : NULL;
	int32_t leader_epoch = old ? old->leader_epoch + new_epoch : 0;

	assert_true(w.n_versions < HISTORY_MAX);
	w.history[w.n_versions].image = brokers_image(w.brokers, N);
	w.history[w.n_versions++].partition = brokers_partition((struct image_ids){replicas, N}, isr, leader,
								leader_epoch, old ? old->partition_epoch + 1 : 0);
}

static bool is_active(int32_t id)
{
	return !w.brokers[id - 1].fenced;
}

/*
 * A fenced replica leaves the ISR, unless it is the last; the leader is an active member of the
 * ISR, or there is none.
 */
static void elect(void)
{
	const struct image_partition *p = newest();
	struct image_ids isr = partition_isr(p);
	int32_t left[N], leader = -1;
	int n = 0;

	for (int i = 0; i < isr.n; i++)
		if (is_active(isr.v[i]))
			left[n++] = isr.v[i];
	if (n == 0)
		left[n++] = p->leader >= 0 && image_ids_has(isr, p->leader) ? p->leader : isr.v[0];
	for (int i = 0; i < n; i++)
		if (is_active(left[i]) && (leader < 0 || left[i] == p->leader))
			leader = left[i];
	w.n_elections += leader != p->leader;
	publish((struct image_ids){left, n}, leader, leader != p->leader);
}

static bool is_eligible(const struct isr_member *m)
{
	return is_active(m->id) && (m->broker_epoch < 0 || m->broker_epoch == w.brokers[m->id - 1].epoch);
}

static int judge(const struct message *m)
{
	const struct image_partition *p = newest();

	if (m->leader_epoch != p->leader_epoch)
		return ERR_FENCED_LEADER_EPOCH;
	if (m->partition_epoch != p->partition_epoch)
		return ERR_INVALID_UPDATE_VERSION;
	for (int i = 0; i < m->n_isr; i++)
		if (!is_eligible(&m->isr[i]))
			return ERR_INELIGIBLE_REPLICA;
	return 0;
}

static void send(struct message m)
{
	if (!w.calm && chance(10) == 0)
		return;
	m.due_ms = w.now_ms + 1 + chance(w.calm ? 3 : 30);
	if (w.n_messages < MESSAGES_MAX)
		w.messages[w.n_messages++] = m;
}

static void on_alter(const struct message *m)
{
	struct message answer = {
		.kind = ALTERED, .from = N, .to = m->from, .serial = m->serial, .leader_epoch = m->leader_epoch};
	int32_t ids[N];

	answer.err = judge(m);
	if (answer.err == 0) {
		for (int i = 0; i < m->n_isr; i++)
			ids[i] = m->isr[i].id;
		publish((struct image_ids){ids, m->n_isr}, newest()->leader, false);
		answer.partition_epoch = newest()->partition_epoch;
		memcpy(answer.isr, m->isr, sizeof(answer.isr));
		answer.n_isr = m->n_isr;
	}
	send(answer);
}

/* ---- a leader ---- */

static bool has(const struct node *n, int64_t offset)
{
	return n->end > offset && n->log[offset].value == w.committed[offset].value &&
	       n->log[offset].epoch == w.committed[offset].epoch;
}

/* What has been shown as committed stays so for ever, for every leader of this epoch or a later one. */
static void commit(struct node *n, int64_t upto)
{
	for (int64_t o = n->high_watermark; o < upto; o++) {
		if (o == w.n_committed)
			w.committed[w.n_committed++] = n->log[o];
		assert_true(has(n, o));
		for (int i = 0; i < N; i++)
			if (w.nodes[i].up && w.nodes[i].leads &&
			    w.nodes[i].leading.leader_epoch > n->leading.leader_epoch)
				assert_true(has(&w.nodes[i], o));
	}
	n->high_watermark = upto;
}

static struct isr_view view_of(const struct node *n)
{
	return (struct isr_view){w.history[n->view].image, n->end, n->high_watermark, w.now_ms, w.min_isr};
}

static void move_high_watermark(struct node *n)
{
	struct isr_view v = view_of(n);
	int64_t to = leading_high_watermark(&n->leading, &v);

	if (to > n->high_watermark)
		commit(n, to);
}

static void ask_controller(struct node *n)
{
	struct message m = {.kind = ALTER,
			    .from = n->id - 1,
			    .to = N,
			    .serial = n->leading.serial,
			    .leader_epoch = n->leading.leader_epoch,
			    .partition_epoch = n->leading.partition_epoch,
			    .n_isr = n->leading.n_proposed};

	for (int i = 0; i < m.n_isr; i++)
		m.isr[i] = leading_proposed(&n->leading, i, w.brokers[n->id - 1].epoch);
	n->proposes_until_ms = w.now_ms + 100;
	send(m);
}

static void on_altered(struct node *n, const struct message *m)
{
	int32_t ids[N];
	struct isr_answer a = {m->err, m->leader_epoch, m->partition_epoch, ids, m->n_isr, 0};

	for (int i = 0; i < m->n_isr; i++)
		ids[i] = m->isr[i].id;
	if (n->leads && leading_answered(&n->leading, m->serial, &a) == ISR_MOVED)
		move_high_watermark(n);
}

/*
 * The largest epoch up to `epoch` that the log knows, and where it ends; if it only knows later
 * ones, the requested epoch, ending where the first of those starts (as in LeaderEpochFileCache).
 */
static int32_t epoch_end(const struct node *n, int32_t epoch, int64_t *end)
{
	int32_t found = -1;

	*end = -1;
	for (int64_t o = 0; o < n->end && n->log[o].epoch <= epoch; o++) {
		found = n->log[o].epoch;
		*end = o + 1;
	}
	if (n->own_epoch > found && n->own_epoch <= epoch && n->own_start <= n->end) {
		found = n->own_epoch;
		*end = n->end;
	}
	if (found < 0 && (n->end > 0 || n->own_epoch >= 0)) {
		found = epoch;
		*end = 0;
	}
	return found;
}

static void read_log(const struct node *n, const struct message *m, struct message *answer)
{
	int64_t end;
	int32_t epoch = epoch_end(n, m->last_epoch, &end);

	if (m->offset > n->end || (m->last_epoch >= 0 && epoch < 0)) {
		answer->err = ERR_OFFSET_OUT_OF_RANGE;
	} else if (m->last_epoch >= 0 && (epoch < m->last_epoch || end < m->offset)) {
		answer->diverging_epoch = epoch;
		answer->diverging_end = end;
	} else {
		for (int64_t o = m->offset; o < n->end && answer->n_entries < BATCH; o++)
			answer->entries[answer->n_entries++] = n->log[o];
	}
}

static int may_fetch(const struct node *n, const struct message *m)
{
	if (!n->leads)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	if (m->leader_epoch != n->leading.leader_epoch)
		return m->leader_epoch < n->leading.leader_epoch ? ERR_FENCED_LEADER_EPOCH : ERR_UNKNOWN_LEADER_EPOCH;
	return 0;
}

static void on_fetch(struct node *n, const struct message *m)
{
	struct message answer = {.kind = FETCHED,
				 .from = n->id - 1,
				 .to = m->from,
				 .leader_epoch = m->leader_epoch,
				 .offset = m->offset,
				 .diverging_epoch = -1};
	struct follower_fetch f = {m->from + 1, m->broker_epoch, true, m->offset, 0, n->end, w.now_ms};
	struct isr_view v = view_of(n);

	answer.err = may_fetch(n, m);
	if (answer.err == 0)
		answer.err = leading_knows(&n->leading, &f);
	if (answer.err == 0)
		read_log(n, m, &answer);
	if (answer.err == 0 && answer.diverging_epoch < 0) {
		answer.err = leading_fetched(&n->leading, v.image, &f);
		if (answer.err == 0 && leading_expand(&n->leading, &v, f.id))
			ask_controller(n);
		move_high_watermark(n);
	}
	answer.high_watermark = n->high_watermark;
	send(answer);
}

static void produce(struct node *n)
{
	if (!n->leads || n->end == LOG_MAX || n->end > w.n_committed + 40)
		return;
	n->log[n->end++] = (struct entry){n->leading.leader_epoch, w.next_value++};
	move_high_watermark(n);
}

/* ---- a follower ---- */

static struct following_view log_of(const struct node *n)
{
	return (struct following_view){.end = n->end,
				       .high_watermark = n->high_watermark,
				       .last_epoch = n->end > 0 ? n->log[n->end - 1].epoch : -1,
				       .now_ms = w.now_ms,
				       .backoff_ms = BACKOFF_MS};
}

static void cut(struct node *n, int64_t to)
{
	assert_true(to <= n->end);
	w.n_cuts += to < n->end;
	n->end = to;
	if (n->high_watermark > to)
		n->high_watermark = to;
}

static void ask_leader(struct node *n)
{
	struct following_view v = log_of(n);
	struct message m = {.kind = FETCH,
			    .from = n->id - 1,
			    .to = n->following.leader - 1,
			    .leader_epoch = n->following.leader_epoch,
			    .last_epoch = v.last_epoch,
			    .broker_epoch = w.brokers[n->id - 1].epoch,
			    .offset = n->end};

	n->asks_until_ms = w.now_ms + 100;
	send(m);
}

static void append(struct node *n, const struct message *m)
{
	int64_t to;

	for (int i = 0; i < m->n_entries; i++) {
		assert_true(m->entries[i].epoch <= n->following.leader_epoch);
		n->log[n->end++] = m->entries[i];
	}
	to = m->high_watermark < n->end ? m->high_watermark : n->end;
	n->high_watermark = to;
}

static void on_fetched(struct node *n, const struct message *m)
{
	struct following_view v = log_of(n);
	struct following_answer a = {m->leader_epoch, m->offset, m->err, m->diverging_epoch, m->diverging_end, -1, -1};
	struct following_step step;

	n->asks_until_ms = 0;
	if (n->leads)
		return;
	if (a.diverging_epoch >= 0)
		a.own_epoch = epoch_end(n, a.diverging_epoch, &a.own_end);
	step = following_answered(&n->following, &a, &v);
	if (step.act == FOLLOW_APPEND)
		append(n, m);
	else if (step.act == FOLLOW_CUT)
		cut(n, step.offset);
	if (n->following.state == FOLLOWING_LOST) { /* the leader's end, as if it had been requested */
		following_found(&n->following, m->leader_epoch, 0, w.nodes[m->from].end, &v);
		step = following_found(&n->following, m->leader_epoch, 0, 0, &v);
		if (step.act == FOLLOW_CUT)
			cut(n, step.offset);
	}
}

/* ---- the metadata arrives ---- */

static void take_lead(struct node *n, const struct image_partition *p)
{
	bool new_epoch = !n->leads || p->leader_epoch > n->leading.leader_epoch;

	assert_true(w.leader_of_epoch[p->leader_epoch] == 0 || w.leader_of_epoch[p->leader_epoch] == n->id);
	w.leader_of_epoch[p->leader_epoch] = n->id;
	n->leads = true;
	if (new_epoch) {
		n->own_epoch = p->leader_epoch;
		n->own_start = n->end;
		for (int64_t o = 0; o < w.n_committed; o++)
			assert_true(has(n, o));
	}
	leading_follow(&n->leading, p, n->end, w.now_ms);
	move_high_watermark(n);
}

static void apply_view(struct node *n)
{
	const struct image_partition *p = w.history[n->view].partition;
	struct following_view v = log_of(n);
	struct following_step step;

	if (p->leader == n->id) {
		take_lead(n, p);
		return;
	}
	if (n->leads) {
		n->leads = false;
		leading_fini(&n->leading);
		following_init(&n->following);
	}
	step = following_follow(&n->following, p->leader, p->leader_epoch, &v);
	if (step.act == FOLLOW_CUT)
		cut(n, step.offset);
}

static void learn(struct node *n)
{
	if (!n->up || n->view + 1 >= w.n_versions)
		return;
	/*
	 * One by one; or several at once for a replica that was cut off for long, which then never
	 * hears who led in between.
	 */
	n->view += chance(4) == 0 ? 1 + (int)chance((uint32_t)(w.n_versions - n->view - 1)) : 1;
	apply_view(n);
}

/* ---- lives ---- */

static void kill_node(struct node *n)
{
	if (!n->up)
		return;
	n->up = false;
	n->leads = false;
	leading_fini(&n->leading);
	following_init(&n->following);
	n->high_watermark -=
		n->high_watermark > 0 ? chance((uint32_t)n->high_watermark < 5 ? 1 : 5) : 0; /* as checkpointed */
	n->asks_until_ms = n->proposes_until_ms = 0;
}

/*
 * Another life: it registers, fenced, which takes it out of the ISR as any fencing does, and
 * catches up before it takes a role: it never again leads an epoch of its former life.
 */
static void start_node(struct node *n)
{
	if (n->up)
		return;
	n->up = true;
	w.brokers[n->id - 1].epoch = w.next_broker_epoch++;
	w.brokers[n->id - 1].fenced = true;
	elect();
	n->view = w.n_versions - 1;
	apply_view(n);
}

static void fence(struct node *n)
{
	if (w.brokers[n->id - 1].fenced)
		return;
	w.brokers[n->id - 1].fenced = true;
	elect();
}

static void unfence(struct node *n)
{
	if (!n->up || !w.brokers[n->id - 1].fenced || n->view + 3 < w.n_versions)
		return;
	w.brokers[n->id - 1].fenced = false;
	elect();
}

/* ---- a run ---- */

static void deliver(void)
{
	struct message m;
	int pick;

	if (w.n_messages == 0)
		return;
	pick = (int)chance((uint32_t)w.n_messages);
	m = w.messages[pick];
	if (m.due_ms > w.now_ms)
		return;
	if (w.calm || chance(30) != 0) /* otherwise it is delivered again */
		w.messages[pick] = w.messages[--w.n_messages];
	if (m.kind == ALTER)
		on_alter(&m);
	else if (!w.nodes[m.to].up)
		return;
	else if (m.kind == FETCH)
		on_fetch(&w.nodes[m.to], &m);
	else if (m.kind == FETCHED)
		on_fetched(&w.nodes[m.to], &m);
	else
		on_altered(&w.nodes[m.to], &m);
}

static void turn(struct node *n)
{
	struct isr_view v = view_of(n);

	if (!n->up)
		return;
	if (n->leads) {
		if (leading_shrink(&n->leading, &v) ||
		    (n->leading.proposal != ISR_COMMITTED && w.now_ms > n->proposes_until_ms))
			ask_controller(n);
		move_high_watermark(n);
	} else if (following_is_due(&n->following, FOLLOWING, w.now_ms) && w.now_ms > n->asks_until_ms) {
		ask_leader(n);
	}
}

static void weather(struct node *n)
{
	switch (chance(25)) {
	case 0:
		kill_node(n);
		break;
	case 1:
	case 2:
		start_node(n);
		break;
	case 3:
		fence(n);
		break;
	case 4:
	case 5:
	case 6:
		unfence(n);
		break;
	default:
		break;
	}
}

static void step(void)
{
	struct node *n = &w.nodes[chance(N)];

	w.now_ms += chance(4);
	deliver();
	turn(n);
	learn(&w.nodes[chance(w.calm ? N : 2 * N) % N]);
	if (!w.calm && n->up && chance(3) == 0)
		produce(n);
	if (!w.calm && chance(8) == 0)
		weather(n);
}

static void settle(void)
{
	w.calm = true;
	for (int i = 0; i < N; i++)
		start_node(&w.nodes[i]);
	for (int i = 0; i < CALM_STEPS; i++) {
		step();
		unfence(&w.nodes[chance(N)]);
	}
	assert_int_equal(newest()->n_isr, N);
	for (int i = 0; i < N; i++) {
		assert_int_equal(w.nodes[i].end, w.nodes[0].end);
		assert_int_equal(w.nodes[i].high_watermark, w.nodes[0].end);
		assert_memory_equal(w.nodes[i].log, w.nodes[0].log, (size_t)w.nodes[0].end * sizeof(struct entry));
	}
}

static void begin(uint64_t seed)
{
	static const int32_t all[N] = {1, 2, 3};

	memset(&w, 0, sizeof(w));
	w.random = seed * 0x9e3779b97f4a7c15u + 1;
	w.now_ms = 1000;
	w.min_isr = 1 + (int32_t)chance(2);
	w.next_broker_epoch = 1;
	for (int i = 0; i < N; i++) {
		w.brokers[i] = (struct broker_state_of){i + 1, w.next_broker_epoch++, false, false};
		w.nodes[i].id = i + 1;
		w.nodes[i].up = true;
		w.nodes[i].own_epoch = -1;
		leading_init(&w.nodes[i].leading, i + 1, LAG_MAX_MS);
		following_init(&w.nodes[i].following);
	}
	publish((struct image_ids){all, N}, 1, false);
	for (int i = 0; i < N; i++)
		apply_view(&w.nodes[i]);
}

static void end(void)
{
	for (int i = 0; i < N; i++)
		leading_fini(&w.nodes[i].leading);
	for (int i = 0; i < w.n_versions; i++) {
		image_unref(&w.history[i].image);
		xfree(w.history[i].partition);
	}
}

static int n_cuts, n_elections;
static int64_t n_committed;

static void play(uint64_t seed)
{
	begin(seed);
	for (int i = 0; i < STEPS; i++)
		step();
	settle();
	n_cuts += w.n_cuts;
	n_elections += w.n_elections;
	n_committed += w.n_committed;
	end();
}

static void test_what_is_committed_stays_whatever_the_weather(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		play(seed);
	/* The run was not idle. */
	assert_true(n_cuts > SEEDS);
	assert_true(n_elections > 3 * SEEDS);
	assert_true(n_committed > 20 * SEEDS);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_committed_stays_whatever_the_weather)};

	if (argc > 1) {
		play(strtoull(argv[1], NULL, 10));
		printf("cuts %d, elections %d, committed %lld\n", n_cuts, n_elections, (long long)n_committed);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
