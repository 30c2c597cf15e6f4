/*
 * metrics: collects and prints the metrics.
 *
 *	look at the node and the image (reactor 0) -> copy the groups (each core) -> walk the partitions, sort, print
 *	(a job) -> answer all requests that wait (reactor 0)
 */
#include "broker/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/cluster_numbers.h"
#include "broker/coordinator.h"
#include "broker/core.h"
#include "broker/isr.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/partitions.h"
#include "config/config.h"
#include "broker/replication_quota.h"
#include "broker/sasl.h"
#include "broker/throttle.h"
#include "broker/verification.h"
#include "group/census.h"
#include "log/dir.h"
#include "log/log.h"
#include "metadata/acls.h"
#include "net/net.h"
#include "replication/leading.h"
#include "transaction/transaction.h"
#include "wire/protocol.h"

/* The memory limit for the copy of one core's groups; what exceeds it is left out. */
#define GROUPS_BUDGET ((size_t)256 << 20)

/* For a broker or a fetched partition: no line is printed. */
#define UNKNOWN INT64_MIN
/* Kafka's LATE_TRANSACTION_BUFFER_MS. */
#define LATE_TRANSACTION_MS 300000

enum metric_type { GAUGE, COUNTER, SUMMARY };

struct partition_sample {
	struct topic_state *topic; /* a reference */
	int32_t id;
	struct log_offsets offsets;
	struct counts counts;
	int64_t size;
	int n_segments;
	int n_wanted; /* replicas without those that a reassignment adds: Kafka's replicationFactor */
	int n_isr, min_isr;
	int64_t replica_lag;   /* of the replica that is furthest behind, as its leader knows */
	int64_t open_since_ms; /* last record of the oldest open transaction; -1 */
	int64_t n_producers;
	bool leads;
	bool offline;
};

/* The groups of one core, on their way from it. */
struct core_groups {
	struct post post;
	struct metrics *metrics;
	struct core *core;
	struct group_census census;
	struct transaction_census transactions;
};

struct audit_counts {
	int64_t acls, allowed, denied, left_out; /* UNKNOWN without an authorizer */
};

struct gathered {
	struct core_groups *groups; /* one per core */
	struct cluster_numbers cluster;
	struct partition_sample *v;
	int n, cap;
	struct counts all; /* includes those of partitions that have gone */
	struct net_counts net;
	int64_t now_ns;
	int64_t uptime_ms;
	int64_t broker_state;
	int64_t wall_ms;
	int64_t late_ms; /* a transaction whose last record is older than this is late */
	int64_t n_partitions, n_leads, n_under_replicated, n_under_min_isr, n_at_min_isr, n_offline, n_dirs_offline;
	struct log_dir *const *dirs;
	int n_dirs;
	int64_t n_late_transactions, n_producers;
	struct isr_counts isr;
	int64_t replication_rates[REPLICATION_QUOTAS];
	int64_t replicated[REPLICATION_TRAFFIC];
	int64_t is_controller;
	int64_t open_files;
	struct audit_counts audit;
};

struct asker {
	struct list link;
	void (*done)(void *arg, struct buf *text);
	void *arg;
};

struct metrics {
	struct node *node;
	struct list askers;  /* for the next collection */
	struct list waiting; /* for the one that runs */
	struct work work;
	int n_asked; /* cores that have not delivered their groups yet */
	struct gathered g;
	struct buf text;
};

/* ---- the families ---- */

#define NODE_METRIC(name, type, value, help)                                                                           \
	static int64_t ROW_VALUE(__LINE__)(const struct gathered *g)                                                   \
	{                                                                                                              \
		return value;                                                                                          \
	}
#define NODE_REAL(name, type, value, help)                                                                             \
	static double ROW_VALUE(__LINE__)(const struct gathered *g)                                                    \
	{                                                                                                              \
		return value;                                                                                          \
	}
#define BROKER_METRIC(name, type, value, help)                                                                         \
	static int64_t ROW_VALUE(__LINE__)(const struct broker_number *b)                                              \
	{                                                                                                              \
		return value;                                                                                          \
	}
#define FETCHED_METRIC(name, type, value, help)                                                                        \
	static int64_t ROW_VALUE(__LINE__)(const struct fetched_number *f)                                             \
	{                                                                                                              \
		return value;                                                                                          \
	}
#define PARTITION_METRIC(name, type, value, help)                                                                      \
	static int64_t ROW_VALUE(__LINE__)(const struct partition_sample *p)                                           \
	{                                                                                                              \
		return value;                                                                                          \
	}
#define DIRECTORY_METRIC(name, type, value, help)                                                                      \
	static int64_t ROW_VALUE(__LINE__)(const struct log_dir *d)                                                    \
	{                                                                                                              \
		return value;                                                                                          \
	}
#define ROW_VALUE(line) ROW_VALUE_(line)
#define ROW_VALUE_(line) value_of_row_##line
#include "broker/metrics.tbl"
#undef NODE_METRIC
#undef NODE_REAL
#undef BROKER_METRIC
#undef FETCHED_METRIC
#undef PARTITION_METRIC
#undef DIRECTORY_METRIC

struct family {
	const char *name;
	enum metric_type type;
	const char *help;
	int64_t (*of_node)(const struct gathered *g);
	double (*real_of_node)(const struct gathered *g);
	int64_t (*of_broker)(const struct broker_number *b);
	int64_t (*of_fetched)(const struct fetched_number *f);
	int64_t (*of_partition)(const struct partition_sample *p);
	int64_t (*of_directory)(const struct log_dir *d);
};

#define NODE_METRIC(name, type, value, help) {name, type, help, .of_node = ROW_VALUE(__LINE__)},
#define NODE_REAL(name, type, value, help) {name, type, help, .real_of_node = ROW_VALUE(__LINE__)},
#define BROKER_METRIC(name, type, value, help) {name, type, help, .of_broker = ROW_VALUE(__LINE__)},
#define FETCHED_METRIC(name, type, value, help) {name, type, help, .of_fetched = ROW_VALUE(__LINE__)},
#define PARTITION_METRIC(name, type, value, help) {name, type, help, .of_partition = ROW_VALUE(__LINE__)},
#define DIRECTORY_METRIC(name, type, value, help) {name, type, help, .of_directory = ROW_VALUE(__LINE__)},
static const struct family families[] = {
#include "broker/metrics.tbl"
};

/* ---- printing ---- */

static void put_head(struct buf *out, const char *name, enum metric_type type, const char *help)
{
	static const char *const types[] = {[GAUGE] = "gauge", [COUNTER] = "counter", [SUMMARY] = "summary"};

	buf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)strcspn(name, "{"), name, help,
		   (int)strcspn(name, "{"), name, types[type]);
}

/* As the value of a label: Prometheus requires three characters to be escaped. */
static void put_label(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			buf_put_str(out, STR("\\n"));
		else if (*text == '"' || *text == '\\')
			buf_printf(out, "\\%c", *text);
		else
			buf_put(out, text, 1);
	}
}

/* Names of topics need no escaping: only Kafka's letters are valid. */
static void put_partition(struct buf *out, const char *name, const struct partition_sample *p, int64_t value)
{
	buf_printf(out, "%s{topic=\"%s\",partition=\"%" PRId32 "\"} %" PRId64 "\n", name, p->topic->name, p->id, value);
}

static void put_real(struct buf *out, const char *name, double value)
{
	if (isnan(value))
		buf_printf(out, "%s NaN\n", name);
	else
		buf_printf(out, "%s %.3f\n", name, value);
}

static void put_brokers(struct buf *out, const struct family *f, const struct cluster_numbers *c)
{
	for (int i = 0; i < c->n_brokers; i++) {
		int64_t value = f->of_broker(&c->brokers[i]);

		if (value != UNKNOWN)
			buf_printf(out, "%s{broker=\"%" PRId32 "\"} %" PRId64 "\n", f->name, c->brokers[i].id, value);
	}
}

static void put_fetched(struct buf *out, const struct family *f, const struct fetcher_numbers *all)
{
	for (int i = 0; i < all->n; i++) {
		const struct fetched_number *d = &all->v[i];
		int64_t value = f->of_fetched(d);

		if (value != UNKNOWN)
			buf_printf(out,
				   "%s{clientId=\"ReplicaFetcherThread-%d-%" PRId32
				   "\",topic=\"%s\",partition=\"%" PRId32 "\"} %" PRId64 "\n",
				   f->name, d->fetcher, d->leader, d->topic->name, d->id, value);
	}
}

static void put_directories(struct buf *out, const struct family *f, const struct gathered *g)
{
	for (int i = 0; i < g->n_dirs; i++) {
		buf_printf(out, "%s{logDirectory=\"", f->name);
		put_label(out, log_dir_path(g->dirs[i]));
		buf_printf(out, "\"} %" PRId64 "\n", f->of_directory(g->dirs[i]));
	}
}

static void put_family(struct buf *out, const struct family *f, const struct gathered *g)
{
	if (f->of_node && f->of_node(g) == UNKNOWN)
		return;
	put_head(out, f->name, f->type, f->help);
	if (f->of_node)
		buf_printf(out, "%s %" PRId64 "\n", f->name, f->of_node(g));
	if (f->real_of_node)
		put_real(out, f->name, f->real_of_node(g));
	if (f->of_broker)
		put_brokers(out, f, &g->cluster);
	if (f->of_fetched)
		put_fetched(out, f, &g->cluster.fetchers);
	if (f->of_directory)
		put_directories(out, f, g);
	for (int i = 0; i < g->n && f->of_partition; i++)
		put_partition(out, f->name, &g->v[i], f->of_partition(&g->v[i]));
}

/* Samples are sorted: those of a topic are adjacent. */
static void put_counter(struct buf *out, enum counter id, const struct gathered *g)
{
	const char *name = counter_name(id);

	put_head(out, name, COUNTER, counter_help(id));
	buf_printf(out, "%s %" PRId64 "\n", name, g->all.v[id]);
	for (int i = 0; i < g->n;) {
		const char *topic = g->v[i].topic->name;
		int64_t sum = 0;

		for (; i < g->n && strcmp(g->v[i].topic->name, topic) == 0; i++)
			sum += g->v[i].counts.v[id];
		buf_printf(out, "%s{topic=\"%s\"} %" PRId64 "\n", name, topic, sum);
	}
}

/* ---- requests, by API ---- */

struct api_sample {
	const char *name;
	int64_t requests;
	int64_t total_us;
	struct spans spans;
};

static const char *api_name(int key)
{
	const struct api_info *info = api_info_find(key);

	return info ? info->name : NULL;
}

/* False when no core has answered any. */
static bool sample_api(const struct metrics *m, int key, struct api_sample *s)
{
	*s = (struct api_sample){.name = api_name(key)};
	for (int i = 0; i < m->node->n_cores; i++) {
		const struct api_counts *c = core_api_counts(&m->node->cores[i], key);

		if (!c)
			continue;
		s->requests += count_read(&c->requests);
		s->total_us += count_read(&c->total_us);
		api_counts_spans(c, m->g.now_ns, &s->spans);
	}
	return s->requests > 0 && s->name;
}

static void put_requests(struct buf *out, const struct api_sample *s)
{
	buf_printf(out, "kafka_network_requestmetrics_requests_total{request=\"%s\"} %" PRId64 "\n", s->name,
		   s->requests);
}

static const double quantiles[] = {0.5, 0.75, 0.95, 0.98, 0.99, 0.999};
enum { QUANTILES = sizeof(quantiles) / sizeof(quantiles[0]) };

static void put_times(struct buf *out, const struct api_sample *s)
{
	static const char name[] = "kafka_network_requestmetrics_totaltimems";

	for (int i = 0; i < QUANTILES; i++)
		buf_printf(out, "%s{request=\"%s\",quantile=\"%g\"} %.3f\n", name, s->name, quantiles[i],
			   spans_quantile_ms(&s->spans, quantiles[i]));
	buf_printf(out, "%s_sum{request=\"%s\"} %.3f\n%s_count{request=\"%s\"} %" PRId64 "\n", name, s->name,
		   (double)s->total_us / 1000, name, s->name, s->requests);
}

static void put_apis(struct metrics *m, void (*put)(struct buf *out, const struct api_sample *s))
{
	for (int key = 0; key < API_KEYS_MAX; key++) {
		struct api_sample s;

		if (sample_api(m, key, &s))
			put(&m->text, &s);
	}
}

/* ---- groups: Kafka's own counts by state, and the names that kafka_exporter gives offsets and lag ---- */

typedef void put_group_fn(struct metrics *m, const struct census_group *g);

static void each_group(struct metrics *m, put_group_fn *put)
{
	for (int i = 0; i < m->node->n_cores; i++)
		for (const struct census_group *g = m->g.groups[i].census.groups; g; g = g->next)
			put(m, g);
}

static int by_name(const void *key, const void *member)
{
	const struct census_offset *o = key;
	const struct partition_sample *p = member;
	int names = strcmp(o->topic, p->topic->name);

	return names ? names : (o->partition > p->id) - (o->partition < p->id);
}

/* Records between the committed offset and the high watermark; -1 when no replica of the partition is here. */
static int64_t lag_of(const struct gathered *g, const struct census_offset *o)
{
	const struct partition_sample *p = g->n ? bsearch(o, g->v, (size_t)g->n, sizeof(*g->v), by_name) : NULL;

	if (!p)
		return -1;
	return p->offsets.high_watermark > o->offset ? p->offsets.high_watermark - o->offset : 0;
}

static void put_offset(struct metrics *m, const char *name, const struct census_group *g, const struct census_offset *o,
		       int64_t value)
{
	buf_printf(&m->text, "%s{consumergroup=\"", name);
	put_label(&m->text, g->id);
	buf_printf(&m->text, "\",topic=\"%s\",partition=\"%" PRId32 "\"} %" PRId64 "\n", o->topic, o->partition, value);
}

static void put_current_offsets(struct metrics *m, const struct census_group *g)
{
	for (const struct census_offset *o = g->offsets; o; o = o->next)
		put_offset(m, "kafka_consumergroup_current_offset", g, o, o->offset);
}

static void put_lags(struct metrics *m, const struct census_group *g)
{
	for (const struct census_offset *o = g->offsets; o; o = o->next) {
		int64_t lag = lag_of(&m->g, o);

		if (lag >= 0)
			put_offset(m, "kafka_consumergroup_lag", g, o, lag);
	}
}

static const struct {
	const char *name;
	const char *type;
	const char *state; /* NULL: any */
} group_counts[] = {
	{"kafka_coordinator_group_groupmetadatamanager_numgroups", "classic", NULL},
	{"kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance", "classic", "PreparingRebalance"},
	{"kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance", "classic", "CompletingRebalance"},
	{"kafka_coordinator_group_groupmetadatamanager_numgroupsstable", "classic", "Stable"},
	{"kafka_coordinator_group_groupmetadatamanager_numgroupsempty", "classic", "Empty"},
	{"odradek_consumer_groups", "consumer", NULL},
	{"odradek_consumer_groups_stable", "consumer", "Stable"},
	{"odradek_consumer_groups_empty", "consumer", "Empty"},
};

static int64_t count_groups(const struct metrics *m, const char *type, const char *state)
{
	int64_t n = 0;

	for (int i = 0; i < m->node->n_cores; i++)
		for (const struct census_group *g = m->g.groups[i].census.groups; g; g = g->next)
			n += strcmp(g->type, type) == 0 && (!state || strcmp(g->state, state) == 0);
	return n;
}

static void put_groups(struct metrics *m)
{
	for (size_t i = 0; i < sizeof(group_counts) / sizeof(group_counts[0]); i++) {
		put_head(&m->text, group_counts[i].name, GAUGE,
			 "Groups that are coordinated here, of this kind and state.");
		buf_printf(&m->text, "%s %" PRId64 "\n", group_counts[i].name,
			   count_groups(m, group_counts[i].type, group_counts[i].state));
	}
	put_head(&m->text, "kafka_consumergroup_current_offset", GAUGE, "What a group has committed.");
	each_group(m, put_current_offsets);
	put_head(&m->text, "kafka_consumergroup_lag", GAUGE,
		 "Records between what a group has committed and the high watermark, of partitions that are here.");
	each_group(m, put_lags);
}

static void put_transactions(struct metrics *m)
{
	put_head(&m->text, "odradek_transactional_ids", GAUGE,
		 "Transactional ids that are coordinated here, by the state of their transaction.");
	for (int state = 0; state < TRANSACTION_CENSUS_STATES; state++) {
		int64_t n = 0;

		for (int i = 0; i < m->node->n_cores; i++)
			n += m->g.groups[i].transactions.n[state];
		if (transaction_census_name(state))
			buf_printf(&m->text, "odradek_transactional_ids{state=\"%s\"} %" PRId64 "\n",
				   transaction_census_name(state), n);
	}
}

/* KIP-890's, under the names of Kafka's AddPartitionsToTxnManager. */
static void put_verifications(struct metrics *m)
{
	static const char times[] = "kafka_server_addpartitionstotxnmanager_verificationtimems";
	static const char failures[] = "kafka_server_addpartitionstotxnmanager_verificationfailurerate_count";
	int64_t n = 0, total_us = 0, failed = 0;
	struct spans spans = {0};

	for (int i = 0; i < m->node->n_cores; i++) {
		const struct api_counts *c = verification_times(&m->node->cores[i]);

		failed += verification_failures(&m->node->cores[i]);
		if (!c)
			continue;
		n += count_read(&c->requests);
		total_us += count_read(&c->total_us);
		api_counts_spans(c, m->g.now_ns, &spans);
	}
	put_head(&m->text, times, SUMMARY,
		 "Milliseconds until a transaction's coordinator has said whether partitions are in it.");
	for (int i = 0; i < QUANTILES; i++)
		buf_printf(&m->text, "%s{quantile=\"%g\"} %.3f\n", times, quantiles[i],
			   spans_quantile_ms(&spans, quantiles[i]));
	buf_printf(&m->text, "%s_sum %.3f\n%s_count %" PRId64 "\n", times, (double)total_us / 1000, times, n);
	put_head(&m->text, failures, COUNTER, "Partitions for which the answer was no, or did not come.");
	buf_printf(&m->text, "%s %" PRId64 "\n", failures, failed);
}

/* ---- all of them ---- */

/* Kafka's word for this node's state in the quorum: a label, since it is not a number. */
static void put_state(struct metrics *m)
{
	static const char name[] = "kafka_server_raft_metrics_current_state";

	put_head(&m->text, name, GAUGE, "What this node is in the metadata quorum.");
	buf_printf(&m->text, "%s{state=\"%s\"} 1\n", name, m->g.cluster.quorum.raft.state);
}

static void print(struct metrics *m)
{
	put_state(m);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		put_family(&m->text, &families[i], &m->g);
	for (int i = 0; i < COUNTERS; i++)
		put_counter(&m->text, (enum counter)i, &m->g);
	put_head(&m->text, "kafka_network_requestmetrics_requests_total", COUNTER, "Requests that were answered.");
	put_apis(m, put_requests);
	put_head(
		&m->text, "kafka_network_requestmetrics_totaltimems", SUMMARY,
		"Milliseconds from a whole request to its answer, waiting included; quantiles are of the last two minutes.");
	put_apis(m, put_times);
	put_groups(m);
	put_transactions(m);
	put_verifications(m);
	throttle_print(m->node->throttle, &m->text);
	sasl_metrics_print(m->node, m->g.now_ns, &m->text);
}

/* ---- the partitions, in a job ---- */

static void sample(struct partition *p, void *arg)
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
		partitions_each(m->node->partitions, sample, g);
	}
	if (g->n > 0)
		qsort(g->v, (size_t)g->n, sizeof(*g->v), by_topic_and_id);
	sum_up(g);
	cluster_numbers_count(&g->cluster, m->node->id);
	print(m);
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
		g->n_dirs_offline += log_dir_error(n->dirs[i]) != 0;
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

static void start(struct metrics *m);

static void answer(struct metrics *m)
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

	answer(m);
	buf_fini(&m->text);
	gathered_fini(m);
	if (!list_empty(&m->askers))
		start(m);
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

static void start(struct metrics *m)
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
		start(m);
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
