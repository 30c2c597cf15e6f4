/* tool: creates a client from the arguments, sends requests and waits for them, and ends the program. */
#include "cli/tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cli/client_settings.h"
#include "cli/release.h"
#include "config/properties.h"
#include "env/real/real.h"
#include "protocol/find_coordinator.h"

enum { ARENA_MAX = 1 << 30 };

/* ---- the end ---- */

static void say(struct tool *t, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));

static void say(struct tool *t, const char *format, va_list ap)
{
	FILE *to = t->json ? stderr : t->complain_to; /* with --json, stdout is for JSON */

	fflush(stdout);
	fputs(t->complaint, to);
	vfprintf(to, format, ap);
	fputc('\n', to);
	fflush(to);
}

void tool_die(struct tool *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(t, format, ap);
	va_end(ap);
	exit(t->die_code);
}

void tool_misused(struct tool *t, const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nodradek %s --help says what it takes\n", t->command->name);
	exit(EXIT_CONFIG);
}

/* Exceptions whose names do not follow from the error's name. */
static const struct {
	int err;
	const char *name;
} EXCEPTIONS[] = {
	{ERR_UNKNOWN_SERVER_ERROR, "UnknownServerException"},
	{ERR_SASL_AUTHENTICATION_FAILED, "SaslAuthenticationException"},
	{-EKEYREJECTED, "SslAuthenticationException"},
	{ERR_CORRUPT_MESSAGE, "CorruptRecordException"},
	{ERR_REQUEST_TIMED_OUT, "TimeoutException"},
	{-ETIMEDOUT, "TimeoutException"},
	{-ECONNRESET, "DisconnectException"},
	{ERR_MESSAGE_TOO_LARGE, "RecordTooLargeException"},
	{ERR_STALE_CONTROLLER_EPOCH, "ControllerMovedException"},
	{ERR_OFFSET_METADATA_TOO_LARGE, "OffsetMetadataTooLarge"},
	{ERR_NETWORK_EXCEPTION, "NetworkException"},
	{ERR_INVALID_TOPIC_EXCEPTION, "InvalidTopicException"},
	{ERR_RECORD_LIST_TOO_LARGE, "RecordBatchTooLargeException"},
	{ERR_TOPIC_AUTHORIZATION_FAILED, "TopicAuthorizationException"},
	{ERR_GROUP_AUTHORIZATION_FAILED, "GroupAuthorizationException"},
	{ERR_CLUSTER_AUTHORIZATION_FAILED, "ClusterAuthorizationException"},
	{ERR_TOPIC_ALREADY_EXISTS, "TopicExistsException"},
	{ERR_INVALID_CONFIG, "InvalidConfigurationException"},
	{ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "OutOfOrderSequenceException"},
	{ERR_DUPLICATE_SEQUENCE_NUMBER, "DuplicateSequenceException"},
	{ERR_INVALID_PRODUCER_ID_MAPPING, "InvalidPidMappingException"},
	{ERR_INVALID_TRANSACTION_TIMEOUT, "InvalidTxnTimeoutException"},
	{ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "TransactionalIdAuthorizationException"},
	{ERR_KAFKA_STORAGE_ERROR, "KafkaStorageException"},
	{ERR_NON_EMPTY_GROUP, "GroupNotEmptyException"},
	{ERR_DELEGATION_TOKEN_AUTH_DISABLED, "DelegationTokenDisabledException"},
	{ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, "UnsupportedByAuthenticationException"},
	{ERR_DELEGATION_TOKEN_AUTHORIZATION_FAILED, "DelegationTokenAuthorizationException"},
};

/* All others: TOPIC_DELETION_DISABLED is TopicDeletionDisabledException. */
const char *tool_exception(int err, char out[96])
{
	const char *name = err_name(err);
	size_t n = 0;

	for (size_t i = 0; i < sizeof(EXCEPTIONS) / sizeof(EXCEPTIONS[0]); i++)
		if (EXCEPTIONS[i].err == err)
			return EXCEPTIONS[i].name;
	if (err < 0)
		return "KafkaException";
	for (size_t i = 0; name[i] && n < 80; i++)
		if (name[i] != '_')
			out[n++] = i > 0 && name[i - 1] != '_' ? (char)(name[i] | 0x20) : name[i];
	strcpy(out + n, "Exception");
	return out;
}

struct str tool_error_text(struct tool *t, int err, struct str message)
{
	if (message.p)
		return message;
	if (channel_is_refusal(err) && t->client && *client_refusal(t->client))
		return str_of(client_refusal(t->client));
	if (err == -ETIMEDOUT)
		return STR("Timed out waiting for a node assignment.");
	if (err > 0 && err_message(err))
		return str_of(err_message(err));
	return arena_printf(&t->arena, "%s", err_name(err));
}

void tool_die_of(struct tool *t, int err, struct str message)
{
	struct str text = tool_error_text(t, err, message);
	char name[96];

	if (t->exception_names)
		tool_die(t, "org.apache.kafka.common.errors.%s: %.*s", tool_exception(err, name), STR_ARG(text));
	tool_die(t, "%.*s", STR_ARG(text));
}

/* ---- properties ---- */

void *tool_grow(struct tool *t, void *v, int n, int *cap, size_t size)
{
	void *grown = arena_grow(&t->arena, v, n, cap, size);

	if (!grown)
		tool_die(t, "out of memory");
	return grown;
}

char *tool_string(struct tool *t, struct str s)
{
	char *text = arena_alloc(&t->arena, (size_t)s.len + 1);

	memcpy(text, s.p ? s.p : "", (size_t)s.len);
	text[s.len] = 0;
	return text;
}

void tool_property_set(struct tool *t, const char *name, const char *value)
{
	struct tool_property *p = arena_alloc(&t->arena, sizeof(*p));

	*p = (struct tool_property){t->properties, name, value};
	t->properties = p;
}

void tool_excludes(struct tool *t, const char *option, const char *const *others)
{
	for (; tool_has(t, option) && *others; others++)
		if (strcmp(option, *others) != 0 && tool_has(t, *others))
			tool_misused(t, "Option \"[%s]\" can't be used with option \"[%s]\"", option, *others);
}

const char *tool_property(const struct tool *t, const char *name)
{
	for (const struct tool_property *p = t->properties; p; p = p->next)
		if (strcmp(p->name, name) == 0)
			return p->value;
	return NULL;
}

static int64_t number_of(struct tool *t, const char *name, const char *text)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || *end || end == text)
		tool_misused(t, "Cannot parse argument '%s' of option %s", text, name);
	return n;
}

int64_t tool_property_number(struct tool *t, const char *name, int64_t otherwise)
{
	const char *text = tool_property(t, name);

	return text ? number_of(t, name, text) : otherwise;
}

struct str str_trimmed(struct str s)
{
	while (s.len > 0 && strchr(" \t\n", *s.p))
		s.p++, s.len--;
	while (s.len > 0 && strchr(" \t\n", s.p[s.len - 1]))
		s.len--;
	return s;
}

struct str str_or_null(struct str s)
{
	return s.p ? s : STR("null");
}

bool tool_is_true(const char *text)
{
	return str_is_true(str_trimmed(str_of(text)));
}

void tool_each_pair(struct tool *t, const char *option, void (*each)(void *arg, const char *name, const char *value),
		    void *arg)
{
	for (int i = 0; i < options_count(&t->options, option); i++) {
		const char *pair = options_nth(&t->options, option, i);
		size_t len = strcspn(pair, "=");

		each(arg, tool_string(t, (struct str){pair, (int32_t)len}), pair[len] ? pair + len + 1 : "");
	}
}

void tool_property_pair(struct tool *t, const char *pair)
{
	const char *equals = strchr(pair, '=');
	struct str name = {pair, (int32_t)(equals ? equals - pair : (long)strlen(pair))};

	tool_property_set(t, tool_string(t, name), equals ? equals + 1 : "");
}

void tool_each_property(struct tool *t, const char *path, void (*each)(void *arg, const char *name, const char *value),
			void *arg)
{
	struct properties p;
	struct str name, value;
	char *text;
	size_t len;
	int err = env_read_file(t->env, path, 16 << 20, &text, &len);

	if (err != 0)
		tool_die(t, "%s: %s", path, err_name(err));
	properties_init(&p, (struct str){text, (int32_t)len}, &t->arena);
	while (properties_next(&p, &name, &value))
		each(arg, tool_string(t, name), tool_string(t, value));
	xfree(text);
	if (p.malformed)
		tool_die(t, "%s, line %d: malformed \\u", path, p.line);
}

static void set_property(void *arg, const char *name, const char *value)
{
	tool_property_set(arg, name, value);
}

void tool_property_file(struct tool *t, const char *path)
{
	tool_each_property(t, path, set_property, t);
}

/* ---- options ---- */

int64_t tool_number(struct tool *t, const char *name, int64_t otherwise)
{
	const char *text = tool_value(t, name);

	return text ? number_of(t, name, text) : otherwise;
}

int64_t tool_number_within(struct tool *t, const char *name, int64_t otherwise, int64_t least, int64_t most)
{
	int64_t n = tool_number(t, name, otherwise);

	if (n < least || n > most)
		tool_misused(t, "Cannot parse argument '%s' of option %s", tool_value(t, name), name);
	return n;
}

int32_t tool_integer(struct tool *t, const char *name, int32_t otherwise)
{
	return (int32_t)tool_number_within(t, name, otherwise, INT32_MIN, INT32_MAX);
}

int tool_one_of(struct tool *t, const char *const *names, const char *message)
{
	int found = -1, n = 0;

	for (int i = 0; names[i]; i++)
		if (tool_has(t, names[i])) {
			found = i;
			n++;
		}
	if (n != 1)
		tool_misused(t, "%s", message);
	return found;
}

/* ---- a run ---- */

int tool_run(const struct command *c, int argc, char **argv, int (*body)(struct tool *t))
{
	struct tool t = {
		.command = c, .complaint = "", .complain_to = stderr, .die_code = EXIT_CONFIG, .kinds = CLIENT_ADMIN};
	int code;

	if (!options_parse(&t.options, c, argc, argv))
		return EXIT_CONFIG;
	if (options_has(&t.options, "version")) {
		release_print_of_tool();
		return EXIT_FINE;
	}
	t.sub = t.options.subcommand;
	t.json = options_has(&t.options, "json");
	t.diag = (struct diag){.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	t.env = env_real_new(&t.diag);
	arena_init(&t.arena, ARENA_MAX);
	if (options_has(&t.options, "command-config"))
		tool_property_file(&t, tool_value(&t, "command-config"));
	code = body(&t);
	if (t.json && t.out) {
		json_dumpf(t.out, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	}
	json_decref(t.out);
	if (t.client && client_is_busy(t.client)) { /* a name look-up is still under way, and nothing waits for it */
		fflush(stdout);
		exit(code);
	}
	if (t.client)
		client_free(t.client);
	secure_fini(&t.secure);
	if (t.loop)
		loop_free(t.loop);
	arena_fini(&t.arena);
	env_real_free(t.env);
	if (fflush(stdout) != 0 && code == EXIT_FINE)
		code = EXIT_CONFIG;
	return code;
}

/* Reported once, so that a waiting person knows why. */
static void on_trouble(void *arg, const char *host, int port, int err)
{
	struct tool *t = arg;

	if (channel_is_refusal(err)) { /* final, and reported with the result */
		void (*refused)(void *, int) = t->refused;

		t->refused = NULL;
		if (refused)
			refused(t->refused_arg, err);
		return;
	}
	if (t->told_trouble)
		return;
	t->told_trouble = true;
	fprintf(stderr, "odradek %s: no connection to %s:%d (%s); still trying\n", t->command->name, host, port,
		err == -ENOENT ? "no such host" : err_name(err));
}

void tool_connect_to(struct tool *t, const char *bootstrap, bool controllers)
{
	struct client_options o = tool_client_options(t);
	struct str wrong;

	o.bootstrap = bootstrap;
	o.controllers = t->controllers = controllers;
	o.trouble = on_trouble;
	o.trouble_arg = t;
	t->loop = loop_new(t->env, "client");
	if (client_new(t->loop, &o, &t->client, &wrong) != 0)
		tool_die(t, "Invalid url in bootstrap.servers: %.*s", STR_ARG(wrong));
}

void tool_connect(struct tool *t)
{
	bool has_controller = false;
	const char *brokers = tool_value(t, "bootstrap-server");
	const char *controllers = NULL;

	for (const struct option_row *r = t->command->options; r->name; r++)
		has_controller = has_controller || strcmp(r->name, "bootstrap-controller") == 0;
	if (has_controller)
		controllers = tool_value(t, "bootstrap-controller");
	if (brokers && controllers)
		tool_misused(t, "You cannot specify both --bootstrap-controller and --bootstrap-server.");
	if (!brokers && !controllers)
		tool_misused(t, "You must specify either --bootstrap-controller or --bootstrap-server.");
	tool_connect_to(t, brokers ? brokers : controllers, controllers != NULL);
}

/* ---- asking ---- */

static void on_answer(struct call *call)
{
	struct ask *a = container_of(call, struct ask, call);

	check(a->tool->pending > 0);
	if (--a->tool->pending == 0)
		loop_stop(a->tool->loop);
}

void tool_ask_start(struct tool *t, struct ask *a, int32_t node, int key, const void *request)
{
	a->tool = t;
	a->call.key = (int16_t)key;
	a->call.node = node;
	a->call.request = request;
	a->call.arena = &t->arena;
	a->call.done = on_answer;
	t->pending++;
	client_call(t->client, &a->call);
}

void tool_wait(struct tool *t)
{
	while (t->pending > 0)
		loop_run(t->loop);
}

int tool_ask_error(struct tool *t, const struct ask *a)
{
	t->message = a->call.message;
	return a->call.err ? a->call.err : client_answer_error(&a->call, &t->message);
}

int tool_ask(struct tool *t, int32_t node, int key, const void *request, const void **response)
{
	int64_t deadline = env_mono_ms(t->env) + tool_property_number(t, "default.api.timeout.ms", 60000);
	struct ask *a = arena_zalloc(&t->arena, sizeof(*a));
	int err;

	for (;;) {
		tool_ask_start(t, a, node, key, request);
		tool_wait(t);
		err = tool_ask_error(t, a);
		if (err <= 0 || !err_is_retriable(err) || env_mono_ms(t->env) >= deadline)
			break;
		client_forget(t->client);
		tool_sleep_ms(t, tool_property_number(t, "retry.backoff.ms", 100));
	}
	*response = a->call.response;
	return err;
}

const void *tool_must(struct tool *t, int32_t node, int key, const void *request)
{
	const void *response;
	int err = tool_ask(t, node, key, request, &response);

	if (err != 0)
		tool_die_of(t, err, t->message);
	return response;
}

struct nap {
	struct timer timer;
	struct tool *tool;
};

static void on_nap(struct timer *timer)
{
	struct nap *n = container_of(timer, struct nap, timer);

	n->tool->pending--;
	loop_stop(n->tool->loop);
}

void tool_sleep_ms(struct tool *t, int64_t ms)
{
	struct nap n = {.tool = t};

	t->pending++;
	timer_init(&n.timer, t->loop, on_nap);
	timer_start(&n.timer, ms);
	tool_wait(t);
}

struct coordinator_question {
	struct ask ask;
	struct find_coordinator_request request;
	struct str key;
};

/* From version 4 on (KIP-699) the key is in a list. */
static int fit_coordinator(struct call *c)
{
	struct coordinator_question *q =
		container_of(container_of(c, struct ask, call), struct coordinator_question, ask);

	q->request.key = c->version >= 4 ? STR("") : q->key;
	q->request.coordinator_keys.v = &q->key;
	q->request.coordinator_keys.n = c->version >= 4;
	return 0;
}

int32_t tool_coordinator(struct tool *t, int type, const char *key, int *err)
{
	int64_t deadline = env_mono_ms(t->env) + tool_property_number(t, "default.api.timeout.ms", 60000);
	int32_t node = -1;

	do {
		struct coordinator_question *q = arena_zalloc(&t->arena, sizeof(*q));
		const struct find_coordinator_response *f;

		q->key = str_of(key);
		q->request.key_type = (int8_t)type;
		q->ask.call.fit = fit_coordinator;
		tool_ask_start(t, &q->ask, CLIENT_ANY, find_coordinator_request_KEY, &q->request);
		tool_wait(t);
		f = q->ask.call.response;
		*err = tool_ask_error(t, &q->ask);
		if (*err == 0 && f->coordinators.n > 0) {
			*err = f->coordinators.v[0].error_code;
			t->message = f->coordinators.v[0].error_message;
			node = f->coordinators.v[0].node_id;
		} else if (*err == 0) {
			node = f->node_id;
		}
		if (*err > 0 && err_is_retriable(*err))
			tool_sleep_ms(t, 100);
	} while (*err > 0 && err_is_retriable(*err) && env_mono_ms(t->env) < deadline);
	return node;
}

/* ---- printing ---- */

FILE *tool_notices(const struct tool *t)
{
	return t->json ? stderr : stdout;
}

void tool_say(const struct tool *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (!t->json)
		vprintf(format, ap);
	va_end(ap);
}

json_t *json_str(struct str s)
{
	json_t *text = s.p ? json_stringn(s.p, (size_t)s.len) : json_null();

	return text ? text : json_null(); /* invalid UTF-8 */
}
