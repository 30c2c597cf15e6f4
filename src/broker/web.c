/*
 * web: the routes, and their answers.
 */
#include "broker/web.h"

#include <errno.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/metrics.h"
#include "broker/node_private.h"
#include "config/config.h"
#include "config/value.h"
#include "http/server.h"
#include "log/dir.h"

#define TEXT "text/plain; charset=utf-8"

struct web {
	struct node *node;
	struct http_server *server;
	struct metrics *metrics;
};

/* ---- health ---- */

/* NULL: nothing is wrong that would not pass by itself. */
static const char *sickness(const struct node *n)
{
	int failed = 0;

	if (log_dir_error(n->metadata_dir))
		return "the directory of the metadata log has failed";
	for (int i = 0; i < n->n_log_dirs; i++)
		failed += log_dir_error(n->dirs[i]) != 0;
	return failed > 0 && failed == n->n_log_dirs ? "all log directories have failed" : NULL;
}

/* NULL: it commits. */
static const char *quorum_waits_for(const struct node *n)
{
	int32_t leader = quorum_leader(n->quorum).id;

	if (quorum_commits(n->quorum))
		return NULL;
	if (leader < 0)
		return "nobody leads the metadata quorum, as far as this node knows";
	return leader == n->id ? "this node leads the metadata quorum, and no majority follows it yet"
			       : "who leads the metadata quorum does not answer this node";
}

static const char *start_waits_for(const struct node *n)
{
	if (quorum_leader(n->quorum).id < 0)
		return quorum_waits_for(n);
	if (!n->load.arg)
		return "the metadata is not caught up with yet";
	return n->loaded ? "the controller has not let the broker in yet" : "logs are being opened";
}

/*
 * A broker is ready while it serves and is unfenced, whatever the state of the quorum; a pure
 * controller is ready while the quorum commits.
 */
static const char *waits_for(const struct node *n)
{
	const char *sick = sickness(n);

	if (sick)
		return sick;
	switch (n->phase) {
	case NODE_SERVING:
		if (!n->partitions)
			return quorum_waits_for(n);
		return n->shut_out;
	case NODE_STARTING:
		return start_waits_for(n);
	default:
		return "the node stops";
	}
}

static void answer_health(struct http_exchange *x, const char *trouble)
{
	struct buf body = {0};

	buf_printf(&body, "%s\n", trouble ? trouble : "ok");
	http_answer(x, trouble ? 503 : 200, TEXT, &body);
}

static void healthz(void *arg, struct http_exchange *x)
{
	const struct web *w = arg;

	answer_health(x, sickness(w->node));
}

static void readyz(void *arg, struct http_exchange *x)
{
	const struct web *w = arg;

	answer_health(x, waits_for(w->node));
}

/* ---- metrics ---- */

static void gathered(void *arg, struct buf *text)
{
	http_answer(arg, 200, METRICS_CONTENT_TYPE, text);
}

static void metrics(void *arg, struct http_exchange *x)
{
	struct web *w = arg;

	if (w->node->cores[0].stopping)
		answer_health(x, waits_for(w->node));
	else
		metrics_gather(w->metrics, gathered, x);
}

static void front_page(void *arg, struct http_exchange *x)
{
	const struct web *w = arg;
	struct buf body = {0};

	buf_printf(&body, "Odradek %s, node %d\n/metrics\n/healthz\n/readyz\n", w->node->options.release, w->node->id);
	http_answer(x, 200, TEXT, &body);
}

static const struct http_route routes[] = {
	{"/", front_page},
	{"/metrics", metrics},
	{"/healthz", healthz},
	{"/readyz", readyz},
};

/* ---- creation and end ---- */

static enum node_end refused(struct node *n, struct str listener, int err)
{
	struct str place = config_place(n->config, CONFIG_ODRADEK_HTTP_LISTENERS);

	diag_error(n->env->diag, err == -EADDRINUSE ? "port is taken" : "cannot listen",
		   "listener=HTTP address=%.*s error=%s remedy=\"change odradek.http.listeners (%.*s)\"",
		   STR_ARG(listener), err_name(err), STR_ARG(place));
	return NODE_END_PORT;
}

static int listen_at(struct web *w, struct str address)
{
	struct str host;
	int32_t port;

	if (!config_parse_host_port(address, &host, &port) || port > UINT16_MAX)
		return -EINVAL;
	return http_listen(w->server, host, (uint16_t)port);
}

enum node_end web_new(struct node *n, struct web **out)
{
	struct web *w;
	int n_addresses;
	const struct str *addresses = config_list(n->config, CONFIG_ODRADEK_HTTP_LISTENERS, &n_addresses);

	*out = NULL;
	if (n_addresses == 0)
		return NODE_END_CLEAN;
	w = xcalloc(1, sizeof(*w));
	w->node = n;
	w->metrics = metrics_new(n);
	w->server = http_new(&(struct http_options){
		.loop = n->cores[0].loop,
		.connections_max = config_int(n->config, CONFIG_ODRADEK_HTTP_MAX_CONNECTIONS),
		.routes = routes,
		.n_routes = (int)(sizeof(routes) / sizeof(routes[0])),
		.arg = w,
	});
	for (int i = 0; i < n_addresses; i++) {
		int err = listen_at(w, addresses[i]);

		if (err) {
			web_stop(w);
			web_free(w);
			return refused(n, addresses[i], err);
		}
	}
	*out = w;
	return NODE_END_CLEAN;
}

void web_tell(const struct web *w)
{
	int n;
	const struct str *addresses = config_list(w->node->config, CONFIG_ODRADEK_HTTP_LISTENERS, &n);

	for (int i = 0; i < n; i++)
		diag_info(w->node->env->diag, "listening",
			  "listener=HTTP address=%.*s port=%d paths=\"/metrics /healthz /readyz\"",
			  STR_ARG(addresses[i]), http_port(w->server, i));
}

void web_stop(struct web *w)
{
	http_stop(w->server);
}

void web_free(struct web *w)
{
	if (!w)
		return;
	http_free(w->server);
	metrics_free(w->metrics);
	xfree(w);
}
