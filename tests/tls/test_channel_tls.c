/* channel, over TLS: a node that keeps its client reading, and never answers. */
#include <errno.h>

#include "env/real/real.h"
#include "net/channel.h"
#include "protocol/metadata.h"
#include "tests/base/cm.h"
#include "tests/tls/renewer.h"
#include "tls/tls.h"
#include "wire/codec.h"

static struct {
	struct channels channels;
	struct channel channel;
	struct metadata_request request;
	struct arena arena;
	struct call call;
	int err;
} t;

static void broken(struct channel *ch, int err, struct list *calls)
{
	t.err = err;
	list_remove(list_first(calls));
	loop_stop(ch->all->loop);
}

static struct tls_context *trust(struct env *e, const struct certificate *c)
{
	struct tls_settings s = {0};
	struct tls_context *context;
	struct buf why = {0};

	s.v[TLS_ENDPOINT_IDENTIFICATION_ALGORITHM] = STR("https");
	s.v[TLS_TRUSTSTORE_TYPE] = STR("PEM");
	s.v[TLS_TRUSTSTORE_CERTIFICATES] = str_of(c->pem);
	assert_int_equal(tls_context_new(e, &s, false, &context, &why), 0);
	return context;
}

static void ask(struct env *e, struct tls_context *tls, uint16_t port)
{
	struct loop *l = loop_new(e, "asks");

	arena_init(&t.arena, 1 << 20);
	codec_init(&metadata_request_schema, &t.request);
	channels_init(&t.channels, l);
	t.channels.client_id = STR("asks");
	t.channels.answer_max = 1 << 20;
	t.channels.broken = broken;
	t.channels.tls = tls;
	channel_init(&t.channel, &t.channels, "localhost", port);
	t.call = (struct call){.key = metadata_request_KEY, .request = &t.request, .arena = &t.arena};
	list_init(&t.call.link);
	timer_init(&t.call.timer, l, NULL);
	channel_call(&t.channel, &t.call);
	loop_run(l);
	channel_fini(&t.channel);
	channels_fini(&t.channels);
	loop_free(l);
	arena_fini(&t.arena);
}

static void a_node_that_sends_new_keys_without_end_is_left(void **state)
{
	static struct diag diag = {.level = DIAG_ERROR};
	struct env *e = env_real_new(&diag);
	struct certificate self = certificate_make(&(struct certificate_wish){
		.name = "x", .alternative = "DNS:localhost", .from_s = -60, .until_s = 86400});
	uint16_t port;
	struct renewer *r = renewer_start(&self, &port);

	(void)state;
	ask(e, trust(e, &self), port);
	assert_true(renewer_was_left(r));
	assert_int_equal(t.err, -EPROTO);
	certificate_fini(&self);
	env_real_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_that_sends_new_keys_without_end_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
