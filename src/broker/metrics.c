/*
 * metrics: collects the metrics.
 *
 *	look at the node and the image (reactor 0) -> copy the groups (each core) -> walk the partitions, sort, print
 *	(a job) -> answer all requests that wait (reactor 0)
 */
#include "broker/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/coordinator.h"
#include "broker/cordon.h"
#include "broker/core.h"
#include "broker/metrics_private.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/partitions.h"
#include "config/config.h"
#include "log/dir.h"
#include "metadata/acls.h"
#include "replication/leading.h"

/* The memory limit for the copy of one core's groups; what exceeds it is left out. */
#define GROUPS_BUDGET ((size_t)256 << 20)
/* Kafka's LATE_TRANSACTION_BUFFER_MS. */
#define LATE_TRANSACTION_MS 300000

struct asker {
	struct list link;
	void (*done)(void *arg, struct buf *text);
	void *arg;
};

/* ---- the partitions, in a job ---- */

static void sample_partition(struct partition *p, void *arg)
{
	struct gathered *g = arg;
	struct partition_sample *s;

	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 64;
		g->v = xreallocarray(g->v, (size_t)g->cap, sizeof(*g->v));
	}
	s = &g->v[g->n++];
	*s = (struct partition_sample){.id = p->id};
	mutex_lock(&p->lock);
	s->topic = topic_state_ref(p->topic);
	s->offsets = log_offsets(p->log);
	s->size = log_size(p->log);
	s->n_segments = log_segments(p->log);
	s->n_wanted = p->n_replicas - p->n_adding;
	s->n_isr = p->n_isr;
	s->min_isr = p->topic->config.min_insync_replicas < p->n_replicas ? p->topic->config.min_insync_replicas
									  : p->n_replicas;
	s->replica_lag = p->leading ? leading_lag(p->leading, s->offsets.end) : 0;
	s->open_since_ms = log_open_since_ms(p->log);
	s->n_producers = log_producer_count(p->log);
	s->leads = p->leads;
	s->offline = log_dir_error(log_dir(p->log)) != 0;
	counts_add(&s->counts, &p->counts);
	mutex_unlock(&p->lock);
}

static int by_topic_and_id(const void *a, const void *b)
{
	const struct partition_sample *x = a, *y = b;
	int names = strcmp(x->topic->name, y->topic->name);

	return names ? names : (x->id > y->id) - (x->id < y->id);
}

static void sum_up(struct gathered *g)
{
	g->n_partitions = g->n;
	for (int i = 0; i < g->n; i++) {
		const struct partition_sample *p = &g->v[i];

		counts_add(&g->all, &p->counts);
		g->n_leads += p->leads;
		g->n_offline += p->offline;
		g->n_under_replicated += p->leads && p->n_isr < p->n_wanted;
		g->n_under_min_isr += p->leads && p->n_isr < p->min_isr;
		g->n_at_min_isr += p->leads && p->n_isr == p->min_isr;
		g->n_late_transactions += p->leads && p->open_since_ms > 0 && p->open_since_ms < g->late_ms;
		g->n_producers += p->n_producers;
	}
}

static void gather_job(struct work *w)
{
	struct metrics *m = container_of(w, struct metrics, work);
	struct gathered *g = &m->g;

	if (m->node->partitions) {
		partitions_departed(m->node->partitions, &g->all);
		partitions_each(m->node->partitions, sample_partition, g);
	}
	if (g->n > 0)
		qsort(g->v, (size_t)g->n, sizeof(*g->v), by_topic_and_id);
	sum_up(g);
	cluster_numbers_count(&g->cluster, m->node->id);
	metrics_print(m);
}

/* ---- the node, on reactor 0 ---- */

static int64_t broker_state_of(const struct node *n)
{
	switch (n->phase) {
	case NODE_STARTING:
		return n->in_recovery ? BROKER_RECOVERY : BROKER_STARTING;
	case NODE_SERVING:
		return BROKER_RUNNING;
	case NODE_RESIGNING:
		return BROKER_PENDING_CONTROLLED_SHUTDOWN;
	default:
		return BROKER_SHUTTING_DOWN;
	}
}

static void look_at_authorizer(struct audit_counts *a, const struct node *n)
{
	*a = (struct audit_counts){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
	if (!n->authorizer)
		return;
	*a = (struct audit_counts){.acls = n->cores[0].image ? image_acl_count(n->cores[0].image) : 0};
	for (int i = 0; i < n->n_cores; i++) {
		a->allowed += count_read(&n->cores[i].audit.allowed);
		a->denied += count_read(&n->cores[i].audit.denied);
		a->left_out += count_read(&n->cores[i].audit.left_out);
	}
}

static void look_at_dir(struct gathered *g, const struct node *n, const struct log_dir *dir)
{
	g->n_dirs_offline += log_dir_error(dir) != 0;
	g->n_dirs_cordoned += cordon_has(n->config, n->cores[0].image, n->id, str_of(log_dir_path(dir)));
}

static void look_at_node(struct gathered *g, const struct node *n)
{
	g->now_ns = env_mono_ns(n->env);
	g->wall_ms = env_wall_ms(n->env);
	g->late_ms = g->wall_ms - config_int(n->config, CONFIG_TRANSACTION_MAX_TIMEOUT_MS) - LATE_TRANSACTION_MS;
	g->uptime_ms = (g->now_ns - n->born_ns) / 1000000;
	g->broker_state = broker_state_of(n);
	g->is_controller = n->quorum && quorum_leads(n->quorum);
	g->open_files = __atomic_load_n(&n->env->open_files, __ATOMIC_RELAXED);
	for (int i = 0; i < n->n_log_dirs; i++)
		look_at_dir(g, n, n->dirs[i]);
	g->dirs = n->dirs;
	g->n_dirs = n->n_dirs;
	if (n->isr)
		isr_counts(n->isr, &g->isr);
	for (int i = 0; n->replication_quotas && i < REPLICATION_QUOTAS; i++)
		g->replication_rates[i] = replication_quota_rate(n->replication_quotas, i);
	for (int i = 0; n->replication_quotas && i < REPLICATION_TRAFFIC; i++)
		g->replicated[i] = replication_traffic(n->replication_quotas, i);
	net_counts(n->net, &g->net);
	look_at_authorizer(&g->audit, n);
}

/* ---- one collection after the other ---- */

static void start_collection(struct metrics *m);

static void answer_all(struct metrics *m)
{
	struct list told;

	list_init(&told);
	list_splice(&told, &m->waiting);
	while (!list_empty(&told)) {
		struct asker *a = container_of(told.next, struct asker, link);
		struct buf copy = {0};

		list_remove(&a->link);
		buf_put(&copy, m->text.p, m->text.len);
		a->done(a->arg, &copy);
		xfree(a);
	}
}

static void gathered_fini(struct metrics *m)
{
	struct gathered *g = &m->g;

	for (int i = 0; i < m->node->n_cores; i++)
		group_census_fini(&g->groups[i].census);
	xfree(g->groups);
	for (int i = 0; i < g->n; i++)
		topic_state_unref(&g->v[i].topic);
	xfree(g->v);
	cluster_numbers_fini(&g->cluster);
	*g = (struct gathered){0};
}

static void gather_done(struct work *w)
{
	struct metrics *m = container_of(w, struct metrics, work);
	struct core *core = &m->node->cores[0];

	answer_all(m);
	buf_fini(&m->text);
	gathered_fini(m);
	if (!list_empty(&m->askers))
		start_collection(m);
	core_work_ends(core);
}

static void groups_told(struct post *post)
{
	struct metrics *m = container_of(post, struct core_groups, post)->metrics;
	struct loop *loop = m->node->cores[0].loop;

	if (--m->n_asked > 0)
		return;
	m->work = (struct work){.job = gather_job, .done = gather_done, .loop = loop};
	env_work(loop, &m->work);
}

static void take_census(const void *state, void *arg)
{
	group_census_take(arg, state);
}

static void take_transactions(const void *state, void *arg)
{
	transaction_census_take(arg, state);
}

/* On the core that has the groups. */
static void tell_groups(struct post *post)
{
	struct core_groups *g = container_of(post, struct core_groups, post);

	coordinators_each(g->core, COORDINATOR_GROUP, take_census, &g->census);
	coordinators_each(g->core, COORDINATOR_TRANSACTION, take_transactions, &g->transactions);
	g->post.run = groups_told;
	loop_post(g->metrics->node->cores[0].loop, &g->post);
}

static void start_collection(struct metrics *m)
{
	list_splice(&m->waiting, &m->askers);
	look_at_node(&m->g, m->node);
	cluster_numbers_take(&m->g.cluster, m->node);
	core_work_begins(&m->node->cores[0]);
	m->n_asked = m->node->n_cores;
	m->g.groups = xcalloc((size_t)m->n_asked, sizeof(*m->g.groups));
	for (int i = 0; i < m->node->n_cores; i++) {
		struct core_groups *g = &m->g.groups[i];

		*g = (struct core_groups){.metrics = m, .core = &m->node->cores[i], .post.run = tell_groups};
		group_census_init(&g->census, GROUPS_BUDGET);
		loop_post(g->core->loop, &g->post);
	}
}

void metrics_gather(struct metrics *m, void (*done)(void *arg, struct buf *text), void *arg)
{
	struct asker *a = xcalloc(1, sizeof(*a));

	a->done = done;
	a->arg = arg;
	list_push(&m->askers, &a->link);
	if (list_empty(&m->waiting))
		start_collection(m);
}

struct metrics *metrics_new(struct node *n)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	m->node = n;
	list_init(&m->askers);
	list_init(&m->waiting);
	return m;
}

void metrics_free(struct metrics *m)
{
	xfree(m);
}
