/*
 * sasl_metrics: counts of logins as in Kafka's Selector, under the names given by the usual rules
 * of the JMX exporter. On an SSL listener the TLS handshake is the login; on SASL_SSL listeners TLS
 * counts where it fails.
 */
#include <inttypes.h>
#include <math.h>

#include "base/buf.h"
#include "broker/counters.h"
#include "broker/node_private.h"
#include "broker/sasl_private.h"

#define NS_PER_SECOND 1e9

static void store(int64_t *at, int64_t v)
{
	__atomic_store_n(at, v, __ATOMIC_RELAXED);
}

static void window_store(struct sasl_window *at, const struct sasl_window *from)
{
	store(&at->number, from->number);
	store(&at->n, from->n);
	store(&at->sum_ms, from->sum_ms);
	store(&at->max_ms, from->max_ms);
}

void sasl_meter_note(struct sasl_meter *m, int64_t now_ns, int64_t ms)
{
	struct sasl_window next = {.number = now_ns / SASL_WINDOW_NS};

	if (m->now.number != next.number) {
		window_store(&m->before, &m->now);
		window_store(&m->now, &next);
	}
	store(&m->total, m->total + 1);
	store(&m->now.n, m->now.n + 1);
	store(&m->now.sum_ms, m->now.sum_ms + ms);
	store(&m->now.max_ms, ms > m->now.max_ms ? ms : m->now.max_ms);
}

static void add_window(struct sasl_window *sum, const struct sasl_window *w, int64_t number)
{
	int64_t max_ms = count_read(&w->max_ms);

	if (count_read(&w->number) < number - 1)
		return;
	sum->n += count_read(&w->n);
	sum->sum_ms += count_read(&w->sum_ms);
	sum->max_ms = max_ms > sum->max_ms ? max_ms : sum->max_ms;
}

/* The sum of this window and the previous one. */
static struct sasl_window lately(const struct sasl_meter *m, int64_t now_ns)
{
	struct sasl_window sum = {0};

	add_window(&sum, &m->now, now_ns / SASL_WINDOW_NS);
	add_window(&sum, &m->before, now_ns / SASL_WINDOW_NS);
	return sum;
}

static double rate(const struct sasl_meter *m, int64_t now_ns)
{
	int64_t since_ns = (now_ns / SASL_WINDOW_NS - 1) * SASL_WINDOW_NS;

	return (double)lately(m, now_ns).n / ((double)(now_ns - since_ns) / NS_PER_SECOND);
}

static double average_ms(const struct sasl_meter *m, int64_t now_ns)
{
	struct sasl_window w = lately(m, now_ns);

	return w.n ? (double)w.sum_ms / (double)w.n : NAN;
}

static double max_ms(const struct sasl_meter *m, int64_t now_ns)
{
	struct sasl_window w = lately(m, now_ns);

	return w.n ? (double)w.max_ms : NAN;
}

/* NULL: the listener has neither TLS nor SASL. */
static struct sasl_counts *counts_of(const struct node_listener *l)
{
	return l->sasl ? l->sasl->counts : l->handshakes;
}

void sasl_metrics_tls(const struct node_listener *l, struct core *core, bool ok)
{
	struct sasl_counts *c = &counts_of(l)[core->index];
	int64_t now_ns = env_mono_ns(core->loop->env);

	if (ok && l->sasl)
		return;
	sasl_meter_note(ok ? &c->successes : &c->failures, now_ns, 0);
	if (ok)
		count(&c->successes_of_old, 1);
}

/* ---- the families ---- */

#define AT(field) offsetof(struct sasl_counts, field)

static const struct family {
	const char *name;
	size_t at; /* offset in struct sasl_counts: of a count, or of the meter for `lately` */
	double (*lately)(const struct sasl_meter *m, int64_t now_ns);
	const char *help;
} families[] = {
	{"successful_authentication_total", AT(successes.total), NULL, "Connections that have logged in."},
	{"successful_authentication_rate", AT(successes), rate, "The same, a second, in the last minute."},
	{"successful_authentication_no_reauth_total", AT(successes_of_old), NULL,
	 "Those of them whose client cannot log in again."},
	{"successful_reauthentication_total", AT(successes_again.total), NULL,
	 "Connections that have logged in again."},
	{"successful_reauthentication_rate", AT(successes_again), rate, "The same, a second, in the last minute."},
	{"reauthentication_latency_avg", AT(successes_again), average_ms,
	 "Milliseconds that logging in again took, in the last minute, on average."},
	{"reauthentication_latency_max", AT(successes_again), max_ms, "The longest of them."},
	{"failed_authentication_total", AT(failures.total), NULL, "Logins that were refused."},
	{"failed_authentication_rate", AT(failures), rate, "The same, a second, in the last minute."},
	{"failed_reauthentication_total", AT(failures_again.total), NULL,
	 "Logins of connections that had logged in before, refused."},
	{"failed_reauthentication_rate", AT(failures_again), rate, "The same, a second, in the last minute."},
	{"expired_connections_killed_count", AT(expired), NULL,
	 "Connections that were closed since their session had ended."},
};

static void put_value(struct buf *out, const struct family *f, const struct sasl_counts *c, int64_t now_ns)
{
	const char *at = (const char *)c + f->at;
	double v = f->lately ? f->lately((const struct sasl_meter *)at, now_ns) : 0;

	if (!f->lately)
		buf_printf(out, "%" PRId64 "\n", count_read((const int64_t *)at));
	else if (isnan(v))
		buf_put_str(out, STR("NaN\n"));
	else
		buf_printf(out, "%.3f\n", v);
}

static void put_family(struct buf *out, const struct family *f, const struct node *n, int64_t now_ns)
{
	static const char front[] = "kafka_server_socket_server_metrics_";

	buf_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", front, f->name, f->help, front, f->name,
		   f->lately ? "gauge" : "counter");
	for (int i = 0; i < n->n_listeners; i++) {
		const struct sasl_counts *counts = counts_of(&n->listeners[i]);

		for (int core = 0; counts && core < n->n_cores; core++) {
			buf_printf(out, "%s%s{listener=\"%s\",networkProcessor=\"%d\"} ", front, f->name,
				   n->listeners[i].name, core);
			put_value(out, f, &counts[core], now_ns);
		}
	}
}

/* ---- the keys of a server ---- */

static const struct keys_family {
	const char *name, *type, *help;
} keys_families[] = {
	{"keys", "gauge", "Keys that tokens can be verified with."},
	{"keys_reads_total", "counter", "How often keys were read, from their file or their server."},
	{"keys_failures_total", "counter", "Attempts to read them that gave none."},
	{"keys_age_seconds", "gauge", "How long ago they were read."},
};

static void put_keys_value(struct buf *out, size_t family, const struct sasl_keys_numbers *v, int64_t wall_ms)
{
	const int64_t values[] = {v->keys, v->reads, v->failures, (wall_ms - v->read_ms) / 1000};

	if (family == 3 && v->read_ms == 0)
		buf_put_str(out, STR("NaN\n"));
	else
		buf_printf(out, "%" PRId64 "\n", values[family]);
}

static void put_keys(const struct node *n, struct buf *out)
{
	for (size_t f = 0; f < sizeof(keys_families) / sizeof(keys_families[0]); f++) {
		const struct keys_family *family = &keys_families[f];

		buf_printf(out, "# HELP odradek_token_%s %s\n# TYPE odradek_token_%s %s\n", family->name, family->help,
			   family->name, family->type);
		for (int i = 0; i < n->n_listeners; i++) {
			struct sasl_keys *k = sasl_listener_keys(n->listeners[i].sasl);
			struct sasl_keys_numbers v;

			if (!k)
				continue;
			sasl_keys_numbers(k, &v);
			buf_printf(out, "odradek_token_%s{listener=\"%s\"} ", family->name, n->listeners[i].name);
			put_keys_value(out, f, &v, env_wall_ms(n->env));
		}
	}
}

void sasl_metrics_print(const struct node *n, int64_t now_ns, struct buf *out)
{
	bool any = false, keys = false;

	for (int i = 0; i < n->n_listeners; i++) {
		any |= counts_of(&n->listeners[i]) != NULL;
		keys |= sasl_listener_keys(n->listeners[i].sasl) != NULL;
	}
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && any; i++)
		put_family(out, &families[i], n, now_ns);
	if (keys)
		put_keys(n, out);
}
