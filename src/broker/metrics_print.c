/*
 * metrics_print: the text of a collection, in Prometheus' format 0.0.4: the rows of metrics.tbl and
 * counters.tbl, then requests, groups, transactions and what prints itself.
 */
#include "broker/metrics_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "broker/api.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/sasl.h"
#include "broker/throttle.h"
#include "broker/verification.h"
#include "log/dir.h"
#include "wire/protocol.h"

enum metric_type { GAUGE, COUNTER, SUMMARY };

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

void metrics_print(struct metrics *m)
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
