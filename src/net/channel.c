/*
 * channel: the state of one connection to another node, from look-up to close; sends calls and
 * matches answers to them.
 *
 * On the wire, in both directions: 4 bytes of length, the header (wire/header.h), the body.
 */
#include "net/channel_priv.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/api_versions.h"
#include "tls/tls.h"
#include "wire/codec.h"
#include "wire/header.h"
#include "wire/protocol.h"

enum {
	LANDING = 64 * 1024,
	IOV_MAX_OURS = 64,
	ATTEMPT_MS = 10000,
	BACKOFF_FIRST_MS = 50,
	BACKOFF_MAX_MS = 1000,
	BARREN_MAX = 64, /* for n_barren */
};

struct resolving {
	struct work work;
	struct channels *all;
	struct channel *channel; /* NULL: no longer wanted */
	/*
	 * The same, for the thread that does the look-up: work queued behind an unwanted one need
	 * not wait.
	 */
	_Atomic bool unwanted;
	char *host;
	uint16_t port;
	struct addr found[CHANNEL_ADDRESSES_MAX];
	int n;
};

static void channel_dial(struct channel *ch);
static void on_flush(struct timer *t);
static void on_attempt(struct timer *t);

void channels_init(struct channels *all, struct loop *l)
{
	*all = (struct channels){.loop = l, .landing = xmalloc(LANDING)};
}

void channels_stop(struct channels *all)
{
	all->over = true;
}

void channels_fini(struct channels *all)
{
	check(all->n_resolving == 0);
	tls_context_unref(&all->tls);
	xfree(all->landing);
}

void channel_init(struct channel *ch, struct channels *all, const char *host, int port)
{
	*ch = (struct channel){.all = all, .host = xstrdup(host), .port = port};
	list_init(&ch->waiting);
	list_init(&ch->sending);
	list_init(&ch->in_flight);
	timer_init(&ch->flush, all->loop, on_flush);
	timer_init(&ch->attempt, all->loop, on_attempt);
	list_init(&ch->greeting.link);
	arena_init(&ch->greeting_arena, 1 << 20);
}

bool channel_is_ready(const struct channel *ch)
{
	return ch->state == CHANNEL_READY;
}

bool channel_is_unused(const struct channel *ch)
{
	return list_empty(&ch->waiting) && list_empty(&ch->sending) && list_empty(&ch->in_flight);
}

static void give_up_resolving(struct resolving *r)
{
	r->channel = NULL;
	r->unwanted = true;
}

static void channel_close(struct channel *ch)
{
	timer_stop(&ch->flush);
	timer_stop(&ch->attempt);
	if (ch->transport.sock)
		transport_close(&ch->transport);
	if (ch->resolving)
		give_up_resolving(ch->resolving);
	ch->resolving = NULL;
	ch->frame = NULL;
	ch->head_len = 0;
	ch->n_barren = 0;
	ch->sent = 0;
	ch->state = CHANNEL_IDLE;
	channel_login_end(ch);
}

static void drop_calls(struct list *calls)
{
	list_each_safe(it, calls)
	{
		timer_stop(&container_of(it, struct call, link)->timer);
		list_remove(it);
	}
}

void channel_fini(struct channel *ch)
{
	drop_calls(&ch->waiting);
	drop_calls(&ch->sending);
	drop_calls(&ch->in_flight);
	channel_close(ch);
	channel_login_fini(ch);
	arena_fini(&ch->greeting_arena);
	xfree(ch->host);
	xfree(ch->why);
}

/* ---- the end of a connection ---- */

const char *channel_why(const struct channel *ch)
{
	return ch->why ? ch->why : "";
}

bool channel_is_refusal(int err)
{
	return err == -EKEYREJECTED || err == ERR_SASL_AUTHENTICATION_FAILED || err == ERR_UNSUPPORTED_SASL_MECHANISM ||
	       err == ERR_ILLEGAL_SASL_STATE;
}

/* A login has recorded its own reason. */
static void keep_why(struct channel *ch)
{
	const char *why = transport_error(&ch->transport);

	if (!ch->why && *why)
		ch->why = xstrdup(why);
}

static int next_backoff(struct channel *ch)
{
	int now = ch->backoff_ms ? ch->backoff_ms : BACKOFF_FIRST_MS;
	int max = ch->all->backoff_max_ms && !ch->why ? ch->all->backoff_max_ms : BACKOFF_MAX_MS;

	ch->backoff_ms = now * 2 > max ? max : now * 2;
	return now;
}

void channel_break(struct channel *ch, int err)
{
	struct list calls;

	if (ch->state == CHANNEL_IDLE && !ch->resolving)
		return;
	keep_why(ch);
	channel_close(ch);
	timer_start(&ch->attempt, next_backoff(ch));
	list_init(&calls);
	list_remove(&ch->greeting.link); /* a login's call is off its list already */
	list_splice(&calls, &ch->in_flight);
	list_splice(&calls, &ch->sending);
	list_splice(&calls, &ch->waiting);
	ch->all->broken(ch, err, &calls);
}

/* ---- requests out ---- */

void call_finish(struct call *call, int err)
{
	timer_stop(&call->timer);
	list_remove(&call->link);
	call->err = err;
	call->at = NULL;
	call->done(call);
}

static int version_of(const struct channel *ch, const struct call *call, int *version)
{
	const struct api_info *api = api_info_find(call->key);
	const struct api_range *r = call->key < CHANNEL_KEYS_MAX ? &ch->apis[call->key] : NULL;
	int last;

	check(api);
	if (call->key == api_versions_request_KEY && call->version_max == 0) {
		*version = ch->greeting_version;
		return 0;
	}
	last = api->last - api->latest_unstable;
	if (call->version_max > 0 && call->version_max < last)
		last = call->version_max;
	if (!r || r->min > r->max || r->min > last || r->max < api->first)
		return ERR_UNSUPPORTED_VERSION;
	*version = r->max < last ? r->max : last;
	return 0;
}

static int encode(struct channel *ch, struct call *call)
{
	const struct api_info *api = api_info_find(call->key);
	int err = call == &ch->greeting ? 0 : version_of(ch, call, &call->version);

	if (err == 0 && call->fit)
		err = call->fit(call);
	if (err != 0)
		return err;
	call->correlation = ch->all->next_correlation++ & INT32_MAX;
	chain_init(&call->out, call->arena);
	err = header_write_request(&call->out, call->key, call->version, call->correlation, ch->all->client_id);
	if (err == 0)
		err = codec_encode(api->request, call->version, call->request, &call->out);
	put_i32(call->out_len, (int32_t)call->out.len);
	return err == 0 && call->out.failed ? -ENOMEM : err;
}

static int gather(struct channel *ch, struct iovec *iov)
{
	size_t skip = ch->sent;
	int count = 0;

	list_each(it, &ch->sending)
	{
		struct call *call = container_of(it, struct call, link);

		for (int i = -1; i < call->out.n && count < IOV_MAX_OURS; i++) {
			const void *p = i < 0 ? call->out_len : call->out.parts[i].p;
			size_t len = i < 0 ? sizeof(call->out_len) : call->out.parts[i].len;

			if (skip >= len) {
				skip -= len;
				continue;
			}
			iov[count++] = (struct iovec){(char *)(uintptr_t)p + skip, len - skip};
			skip = 0;
		}
	}
	return count;
}

/* Calls that are completely written now wait for their answers. */
static void note_sent(struct channel *ch, size_t len)
{
	ch->sent += len;
	while (!list_empty(&ch->sending)) {
		struct call *call = container_of(list_first(&ch->sending), struct call, link);
		size_t size = sizeof(call->out_len) + call->out.len;

		if (ch->sent < size)
			return;
		ch->sent -= size;
		list_remove(&call->link);
		if (call->silent)
			call_finish(call, 0);
		else
			list_push(&ch->in_flight, &call->link);
	}
}

/* Updates the events that the socket is watched for. */
static void set_want(struct channel *ch)
{
	sock_want(ch->transport.sock, ch->transport.read_wants | (list_empty(&ch->sending) ? 0 : SOCK_WRITE));
}

static int write_out(struct channel *ch)
{
	struct iovec iov[IOV_MAX_OURS];

	while (!list_empty(&ch->sending)) {
		ssize_t len = transport_writev(&ch->transport, iov, gather(ch, iov));

		if (len == -EAGAIN)
			break;
		if (len < 0)
			return (int)len;
		note_sent(ch, (size_t)len);
		if (!ch->transport.sock)
			return 0;
	}
	set_want(ch);
	return 0;
}

static void encode_waiting(struct channel *ch)
{
	while (ch->state == CHANNEL_READY && !list_empty(&ch->waiting) &&
	       !channel_login_holds(ch)) { /* a done() may have closed the connection */
		struct call *call = container_of(list_first(&ch->waiting), struct call, link);
		int err = encode(ch, call);

		if (err != 0) {
			call_finish(call, err);
			continue;
		}
		call->sent = true;
		list_remove(&call->link);
		list_push(&ch->sending, &call->link);
	}
}

static void on_flush(struct timer *t)
{
	struct channel *ch = container_of(t, struct channel, flush);
	int err;

	if (ch->state != CHANNEL_READY)
		return;
	encode_waiting(ch);
	err = ch->state == CHANNEL_READY ? write_out(ch) : 0;
	if (err != 0)
		channel_break(ch, err);
}

/* ---- the greeting ---- */

static void greet(struct channel *ch);

static void take_ranges(struct channel *ch, const struct api_versions_response *answer)
{
	for (int i = 0; i < CHANNEL_KEYS_MAX; i++)
		ch->apis[i] = (struct api_range){1, 0};
	for (int32_t i = 0; i < answer->api_keys.n; i++) {
		const struct api_versions_response_version *v = &answer->api_keys.v[i];

		if (v->api_key >= 0 && v->api_key < CHANNEL_KEYS_MAX)
			ch->apis[v->api_key] = (struct api_range){v->min_version, v->max_version};
	}
}

static void on_greeted(struct call *call)
{
	struct channel *ch = container_of(call, struct channel, greeting);
	const struct api_versions_response *answer = call->response;

	if (call->err == 0 && answer->error_code == ERR_UNSUPPORTED_VERSION && ch->greeting_version > 0) {
		ch->greeting_version = 0;
		greet(ch);
		return;
	}
	if (call->err != 0 || answer->error_code != 0) {
		channel_break(ch, call->err ? call->err : answer->error_code);
		return;
	}
	take_ranges(ch, answer);
	arena_reset(&ch->greeting_arena);
	if (ch->all->login) {
		ch->state = CHANNEL_LOGGING_IN;
		channel_login_begin(ch);
	} else {
		channel_logged_in(ch);
	}
}

void channel_logged_in(struct channel *ch)
{
	timer_stop(&ch->attempt);
	ch->backoff_ms = 0;
	ch->setups_late = 0;
	ch->state = CHANNEL_READY;
	transport_set_secret(&ch->transport, false);
	on_flush(&ch->flush);
}

static void greet(struct channel *ch)
{
	static const struct api_versions_request HELLO = {
		.client_software_name = {"odradek", 7}, .client_software_version = {"0", 1}, .node_id = -1};

	arena_reset(&ch->greeting_arena);
	ch->state = CHANNEL_GREETING;
	ch->greeting = (struct call){
		.key = api_versions_request_KEY,
		.request = &HELLO,
		.arena = &ch->greeting_arena,
		.done = on_greeted,
		.version = ch->greeting_version,
	};
	channel_say(ch, &ch->greeting);
}

void channel_say(struct channel *ch, struct call *call)
{
	int err;

	call->at = ch;
	call->sent = true;
	timer_init(&call->timer, ch->all->loop, on_attempt);
	list_init(&call->link);
	err = encode(ch, call);
	if (err == 0) {
		list_push(&ch->sending, &call->link);
		err = write_out(ch);
	}
	if (err != 0)
		channel_break(ch, err);
}

/* ---- answers in ---- */

/* A node that does not support our ApiVersions version answers in version 0. */
static int decode(struct call *call, const uint8_t *p, size_t len)
{
	const struct api_info *api = api_info_find(call->key);
	void *out = arena_alloc(call->arena, api->response->size);
	struct reader r;
	int32_t correlation;
	int version = call->version;
	int err;

	reader_init(&r, p, len);
	err = header_read_response(&r, call->key, version, &correlation);
	if (!out)
		return -ENOMEM;
	if (err != 0 || correlation != call->correlation)
		return -EPROTO;
	if (call->key == api_versions_response_KEY && reader_left(&r) >= 2 && get_i16(r.p) == ERR_UNSUPPORTED_VERSION)
		version = 0;
	err = codec_read(api->response, version, &r, call->arena, out);
	call->response = out;
	return err == ERR_INVALID_REQUEST ? -EPROTO : err;
}

/*
 * If there is no room for an answer now, there would be none next time either: its call ends, the
 * others continue over another connection.
 */
static int frame_begin(struct channel *ch)
{
	struct call *call;
	int32_t len = get_i32(ch->head);

	if (list_empty(&ch->in_flight) || len < 4)
		return -EPROTO;
	call = container_of(list_first(&ch->in_flight), struct call, link);
	ch->frame_len = (size_t)len;
	ch->frame_pos = 0;
	ch->frame = ch->frame_len > ch->all->answer_max ? NULL : arena_alloc(call->arena, ch->frame_len);
	if (ch->frame)
		return 0;
	call_finish(call, -EMSGSIZE);
	return -EMSGSIZE;
}

/*
 * Returns 0, or why the connection cannot go on: after an answer that cannot be understood, nothing
 * on it can be trusted.
 */
static int frame_end(struct channel *ch)
{
	struct call *call = container_of(list_first(&ch->in_flight), struct call, link);
	uint8_t *frame = ch->frame;
	int err = decode(call, frame, ch->frame_len);

	ch->frame = NULL;
	ch->head_len = 0;
	ch->n_barren = 0;
	call_finish(call, err);
	channel_login_note(ch);
	return err == -EPROTO ? err : 0;
}

static int feed(struct channel *ch, const uint8_t *p, size_t len)
{
	int err = 0;

	while (len > 0 && err == 0 && ch->transport.sock) {
		size_t part;

		if (!ch->frame) {
			ch->head[ch->head_len++] = *p++;
			len--;
			if (ch->head_len == (int)sizeof(ch->head))
				err = frame_begin(ch);
			continue;
		}
		part = ch->frame_len - ch->frame_pos;
		part = part < len ? part : len;
		memcpy(ch->frame + ch->frame_pos, p, part);
		ch->frame_pos += part;
		p += part;
		len -= part;
		if (ch->frame_pos == ch->frame_len)
			err = frame_end(ch);
	}
	return err;
}

/*
 * A large remainder is read directly into its frame, everything else through the landing buffer. Amid TLS records
 * without data (KeyUpdate) a read ends early; who sends many of them, and no answer, is left.
 */
static int read_in(struct channel *ch)
{
	while (ch->transport.sock) {
		size_t rest = ch->frame ? ch->frame_len - ch->frame_pos : 0;
		bool direct = rest >= LANDING;
		ssize_t asked = direct ? (ssize_t)rest : LANDING;
		ssize_t len = transport_read(&ch->transport, direct ? ch->frame + ch->frame_pos : ch->all->landing,
					     (size_t)asked);
		bool more = ch->transport.pending;
		int err = 0;

		if (len == -EAGAIN && more && ++ch->n_barren > BARREN_MAX)
			return -EPROTO;
		if (len == -EAGAIN && more)
			continue;
		if (len == -EAGAIN)
			return 0;
		if (len <= 0)
			return len < 0 ? (int)len : -ECONNRESET;
		if (!direct)
			err = feed(ch, ch->all->landing, (size_t)len);
		else if ((ch->frame_pos += (size_t)len) == ch->frame_len)
			err = frame_end(ch);
		if (err != 0)
			return err;
		/* A short read has emptied the socket; but TLS returns one record at a time. */
		if (len < asked && !more && (!direct || !ch->transport.tls))
			return 0;
	}
	return 0;
}

/* Completes the TLS handshake, then sends the greeting. */
static int secure(struct channel *ch)
{
	int err = transport_handshake(&ch->transport);

	if (err == 0) {
		greet(ch);
		return 0;
	}
	if (err != -EAGAIN)
		return err;
	sock_want(ch->transport.sock, ch->transport.read_wants);
	return 0;
}

static int connected(struct channel *ch)
{
	int err = sock_error(ch->transport.sock);

	if (err == 0) {
		ch->state = CHANNEL_SECURING;
		return secure(ch);
	}
	if (ch->next_address == ch->n_addresses)
		return err;
	transport_close(&ch->transport);
	channel_dial(ch);
	return 0;
}

static int exchange(struct channel *ch, int ready)
{
	int wanted = ch->transport.read_wants;
	int err = ready & wanted ? read_in(ch) : 0;

	if (err != 0 || !ch->transport.sock)
		return err;
	if (ready & SOCK_WRITE)
		return write_out(ch);
	if (ch->transport.read_wants != wanted)
		set_want(ch);
	return 0;
}

static void on_ready(struct sock *s, int ready, void *arg)
{
	struct channel *ch = arg;
	int err;

	if (ch->state == CHANNEL_DIALLING)
		err = connected(ch);
	else if (ch->state == CHANNEL_SECURING)
		err = secure(ch);
	else
		err = exchange(ch, ready);
	if (err != 0 && ch->transport.sock)
		channel_break(ch, err);
}

/* ---- name to socket ---- */

static void set_transport(struct channel *ch, struct sock *sock)
{
	struct channels *all = ch->all;
	struct tls_context *slotted = all->tls_slot ? tls_slot_ref(all->tls_slot) : NULL;

	check(slotted || !all->tls_slot);
	if (slotted || all->tls)
		transport_tls(&ch->transport, sock, slotted ? slotted : all->tls, ch->host);
	else
		transport_plain(&ch->transport, sock);
	tls_context_unref(&slotted);
}

static void channel_dial(struct channel *ch)
{
	struct sock *sock;
	int err = -EHOSTUNREACH;

	ch->state = CHANNEL_DIALLING;
	ch->greeting_version = api_info_find(api_versions_request_KEY)->last < 4 ? 3 : 4;
	while (ch->next_address < ch->n_addresses && err != 0)
		err = env_dial(ch->all->loop, &ch->addresses[ch->next_address++], on_ready, ch, &sock);
	if (err != 0) {
		channel_break(ch, err);
		return;
	}
	set_transport(ch, sock);
	sock_want(sock, SOCK_WRITE);
}

static void resolve(struct work *w)
{
	struct resolving *r = container_of(w, struct resolving, work);

	if (r->unwanted)
		return;
	r->n = env_resolve(r->all->loop->env, r->host, r->port, r->found, CHANNEL_ADDRESSES_MAX);
}

static void on_resolved(struct work *w)
{
	struct resolving *r = container_of(w, struct resolving, work);
	struct channel *ch = r->channel;

	r->all->n_resolving--;
	if (ch) {
		ch->resolving = NULL;
		ch->n_addresses = r->n > 0 ? r->n : 0;
		ch->next_address = 0;
		memcpy(ch->addresses, r->found, sizeof(r->found));
		if (r->n > 0)
			channel_dial(ch);
		else
			channel_break(ch, r->n < 0 ? r->n : -EHOSTUNREACH);
	}
	xfree(r->host);
	xfree(r);
}

static void channel_resolve(struct channel *ch)
{
	struct resolving *r = xcalloc(1, sizeof(*r));

	ch->state = CHANNEL_RESOLVING;
	r->work.job = resolve;
	r->work.done = on_resolved;
	r->work.waits_for_others = true;
	r->all = ch->all;
	r->channel = ch;
	r->host = xstrdup(ch->host);
	r->port = (uint16_t)ch->port;
	ch->resolving = r;
	ch->all->n_resolving++;
	env_work(ch->all->loop, &r->work);
}

/* As Kafka's ClusterConnectionStates, without its random jitter. */
int64_t channel_setup_ms(const struct channel *ch)
{
	int64_t ms = ch->all->setup_timeout_ms, max = ch->all->setup_timeout_max_ms;

	if (ms <= 0)
		return ATTEMPT_MS;
	for (int i = 0; i < ch->setups_late && ms < max; i++)
		ms = ms > max / 2 ? max : 2 * ms;
	return ms;
}

static void channel_connect(struct channel *ch)
{
	xfree(ch->why);
	ch->why = NULL;
	timer_start(&ch->attempt, channel_setup_ms(ch));
	ch->next_address = 0;
	ch->n_addresses = addr_parse(ch->host, (uint16_t)ch->port, &ch->addresses[0]);
	if (ch->n_addresses > 0)
		channel_dial(ch);
	else
		channel_resolve(ch);
}

/* The pause after a failure is over, or the attempt takes too long. */
static void on_attempt(struct timer *t)
{
	struct channel *ch = container_of(t, struct channel, attempt);

	if (ch->state != CHANNEL_IDLE) {
		ch->setups_late++;
		channel_break(ch, -ETIMEDOUT);
	} else if (!list_empty(&ch->waiting)) {
		channel_connect(ch);
	}
}

void channel_call(struct channel *ch, struct call *call)
{
	call->at = ch;
	list_push(&ch->waiting, &call->link);
	if (ch->state == CHANNEL_READY && !timer_is_running(&ch->flush))
		timer_start(&ch->flush, 0);
	else if (ch->state == CHANNEL_IDLE && !timer_is_running(&ch->attempt))
		timer_start(&ch->attempt, 0); /* never inside the caller's call */
}
