/*
 * throttle_metrics: the usage of clients with quotas, as in Kafka's sensors, under the names given
 * by the usual rules of the JMX exporter. If there are very many clients, those heard from most
 * recently are printed (THROTTLE_PRINTED_MAX).
 */
#include <math.h>

#include "base/buf.h"
#include "broker/throttle.h"

enum family { BYTE_RATE, REQUEST_TIME, MUTATION_RATE, TOKENS, THROTTLE_TIME, FAMILIES };

static const struct {
	const char *name, *help;
} families[FAMILIES] = {
	[BYTE_RATE] = {"byte_rate", "Bytes in a second, of a user, a client id or both."},
	[REQUEST_TIME] = {"request_time", "Percent of a thread that its requests take."},
	[MUTATION_RATE] = {"mutation_rate", "Partitions in a second that it makes and deletes."},
	[TOKENS] = {"tokens", "Partitions that it may make or delete now."},
	[THROTTLE_TIME] = {"throttle_time", "Milliseconds that it is told to wait, on average."},
};

#define ADDRESS_RATE "kafka_server_socket_server_metrics_connection_creation_rate"

static const char *const resources[IMAGE_QUOTAS] = {
	[IMAGE_QUOTA_PRODUCE] = "Produce",
	[IMAGE_QUOTA_FETCH] = "Fetch",
	[IMAGE_QUOTA_REQUEST] = "Request",
	[IMAGE_QUOTA_MUTATION] = "ControllerMutation",
};

struct printing {
	struct buf lines[FAMILIES];
	struct buf addresses;
};

/* As the value of a label; a user's name is sanitized first (Kafka's Sanitizer). */
static void put_client_id(struct buf *out, struct str text)
{
	for (int32_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		if (c == '\n')
			buf_put_str(out, STR("\\n"));
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else
			buf_put(out, &c, 1);
	}
}

static void put_user(struct buf *out, struct str text)
{
	for (int32_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
		    c == '-' || c == '_')
			buf_put(out, &c, 1);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void put(struct printing *p, enum family f, const struct throttle_number *n, double value)
{
	struct buf *out = &p->lines[f];

	if (isnan(value))
		return;
	buf_printf(out, "kafka_server_quota_%s{resource=\"%s\",user=\"", families[f].name, resources[n->quota]);
	put_user(out, n->tags.user);
	buf_put_str(out, STR("\",clientId=\""));
	put_client_id(out, n->tags.client_id);
	buf_printf(out, "\"} %.3f\n", value);
}

static void print_client(void *arg, const struct throttle_number *n)
{
	struct printing *p = arg;

	if (n->quota == IMAGE_QUOTA_CONNECTION) {
		buf_printf(&p->addresses, ADDRESS_RATE "{ip=\"%.*s\"} %.3f\n", STR_ARG(n->tags.client_id), n->rate);
		return;
	}
	put(p,
	    n->quota == IMAGE_QUOTA_REQUEST    ? REQUEST_TIME
	    : n->quota == IMAGE_QUOTA_MUTATION ? MUTATION_RATE
					       : BYTE_RATE,
	    n, n->rate);
	if (n->quota == IMAGE_QUOTA_MUTATION)
		put(p, TOKENS, n, n->tokens);
	put(p, THROTTLE_TIME, n, n->throttle_ms);
}

void throttle_print(struct throttle *t, struct buf *out)
{
	struct printing p = {0};

	throttle_numbers(t, print_client, &p);
	for (int f = 0; f < FAMILIES; f++) {
		buf_printf(out, "# HELP kafka_server_quota_%s %s\n# TYPE kafka_server_quota_%s gauge\n",
			   families[f].name, families[f].help, families[f].name);
		buf_put_str(out, buf_str(&p.lines[f]));
		buf_fini(&p.lines[f]);
	}
	buf_printf(out, "# HELP %s Connections in a second from an address that has a quota.\n# TYPE %s gauge\n",
		   ADDRESS_RATE, ADDRESS_RATE);
	buf_put_str(out, buf_str(&p.addresses));
	buf_fini(&p.addresses);
	buf_printf(
		out,
		"# HELP kafka_server_request_exempt_request_time Percent of a thread that requests between nodes take, "
		"while a request_percentage is set.\n# TYPE kafka_server_request_exempt_request_time gauge\n"
		"kafka_server_request_exempt_request_time %.3f\n",
		throttle_exempt_rate(t));
}
