#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/topic_config.h"
#include "tests/base/cm.h"

/* The values in the server.properties that Apache Kafka ships. */
#define SHIPPED                                                                                                        \
	"process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n"             \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n"                       \
	"advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n"                                \
	"controller.listener.names=CONTROLLER\n"                                                                       \
	"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:"              \
	"SASL_PLAINTEXT,SASL_SSL:SASL_SSL\nnum.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\n" \
	"socket.receive.buffer.bytes=102400\nsocket.request.max.bytes=104857600\nlog.dirs=/tmp/kraft-combined-logs\n"  \
	"num.partitions=1\nnum.recovery.threads.per.data.dir=2\noffsets.topic.replication.factor=1\n"                  \
	"share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n"                \
	"transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\nlog.retention.hours=168\n"       \
	"log.segment.bytes=1073741824\nlog.retention.check.interval.ms=300000\n"

#define MINIMAL                                                                                                        \
	"process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"                           \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.quorum.bootstrap.servers=localhost:9093\n"

struct loaded {
	struct config *c;
	struct config_notes notes;
	int err;
};

static struct loaded load_all(const char *text, const char *const *environment, const char *const *overrides)
{
	struct loaded l;
	struct config_input in = {.file_name = text ? STR("server.properties") : STR_NULL,
				  .file_text = str_of(text),
				  .environment = environment,
				  .overrides = overrides,
				  .data_dir = STR("/data")};

	l.err = config_load(&in, &l.c, &l.notes);
	assert_true((l.err == 0) == (l.c != NULL));
	assert_true((l.err == 0) == (l.notes.n_errors == 0));
	return l;
}

static struct loaded load(const char *text)
{
	return load_all(text, NULL, NULL);
}

static void unload(struct loaded *l)
{
	config_free(l->c);
	config_notes_fini(&l->notes);
}

static bool has_note(const struct loaded *l, enum config_note_level level, const char *place, const char *part)
{
	for (int i = 0; i < l->notes.n; i++) {
		const struct config_note *n = &l->notes.v[i];

		if (n->level == level && (place ? str_is(n->place, place) : str_is_null(n->place)) &&
		    memmem(n->text.p, (size_t)n->text.len, part, strlen(part)) != NULL)
			return true;
	}
	for (int i = 0; i < l->notes.n; i++)
		print_message("note: %.*s: %.*s\n", STR_ARG(l->notes.v[i].place), STR_ARG(l->notes.v[i].text));
	return false;
}

static void expect_error(const char *more, const char *place, const char *part)
{
	char text[4096];
	struct loaded l;

	snprintf(text, sizeof(text), "%s%s\n", MINIMAL, more);
	l = load(text);
	assert_int_equal(l.err, ERR_INVALID_CONFIG);
	assert_true(has_note(&l, CONFIG_NOTE_ERROR, place, part));
	unload(&l);
}

static void expect_refused(const char *more, const char *place, const char *part)
{
	char text[4096];
	struct loaded l;

	snprintf(text, sizeof(text), "%s%s\n", MINIMAL, more);
	l = load(text);
	assert_int_equal(l.err, ERR_INVALID_CONFIG);
	assert_true(has_note(&l, CONFIG_NOTE_REFUSED, place, part));
	unload(&l);
}

static struct loaded expect_fine(const char *more)
{
	char text[4096];
	struct loaded l;

	snprintf(text, sizeof(text), "%s%s\n", MINIMAL, more);
	l = load(text);
	for (int i = 0; l.err && i < l.notes.n; i++)
		print_message("note: %.*s\n", STR_ARG(l.notes.v[i].text));
	assert_int_equal(l.err, 0);
	return l;
}

static void the_shipped_file_of_kafka_starts_as_it_is(void **state)
{
	struct loaded l = load(SHIPPED);
	const struct config_network *net;
	int n;

	assert_int_equal(l.err, 0);
	net = config_network(l.c);
	assert_int_equal(net->n_listeners, 2);
	assert_true(str_is(net->listeners[0].name, "PLAINTEXT") && str_is_null(net->listeners[0].host));
	assert_int_equal(net->listeners[1].port, 9093);
	assert_true(net->listeners[1].controller && !net->listeners[0].controller);
	assert_int_equal(net->n_advertised, 1);
	assert_true(str_is(net->advertised[0].host, "localhost"));
	assert_int_equal(net->n_controller_advertised, 1);
	assert_true(str_is(net->inter_broker_listener, "PLAINTEXT"));
	assert_int_equal(net->n_bootstrap, 1);
	assert_true(str_is(config_log_dirs(l.c, &n)[0], "/tmp/kraft-combined-logs") && n == 1);
	assert_true(str_is(config_metadata_log_dir(l.c), "/tmp/kraft-combined-logs"));
	assert_true(config_is_broker(l.c) && config_is_controller(l.c));
	assert_true(str_is(config_place(l.c, CONFIG_NODE_ID), "server.properties:2"));
	assert_int_equal(config_int(l.c, CONFIG_BROKER_ID), 1);
	/* A value equal to the default causes no note. */
	for (int i = 0; i < l.notes.n; i++)
		assert_null(memmem(l.notes.v[i].text.p, (size_t)l.notes.v[i].text.len, "num.io.threads", 14));
	assert_true(
		has_note(&l, CONFIG_NOTE_WARN, NULL,
			 "share.coordinator.state.topic.replication.factor, share.coordinator.state.topic.min.isr"));
	unload(&l);
}

static void without_a_file_the_built_in_configuration_is_taken(void **state)
{
	struct loaded l = load(NULL);
	const struct config_network *net;
	int n;

	assert_int_equal(l.err, 0);
	assert_int_equal(l.notes.n, 0);
	net = config_network(l.c);
	assert_true(str_is_null(net->listeners[0].host) && net->listeners[0].port == 9092);
	assert_true(str_is(net->listeners[1].host, "127.0.0.1") && net->listeners[1].port == 9093);
	assert_false(net->advertised_is_set);
	assert_true(str_is(config_log_dirs(l.c, &n)[0], "/data"));
	assert_int_equal(config_int(l.c, CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR), 1);
	assert_int_equal(config_int(l.c, CONFIG_GROUP_INITIAL_REBALANCE_DELAY_MS), 0);
	assert_int_equal(config_origin(l.c, CONFIG_NODE_ID), CONFIG_FROM_BUILTIN);
	unload(&l);
}

static void what_is_given_goes_before_what_is_built_in(void **state)
{
	const char *const overrides[] = {"broker.id=7", "log.dir=/elsewhere", NULL};
	struct loaded l = load_all(NULL, NULL, overrides);
	int n;

	assert_int_equal(l.err, 0);
	assert_int_equal(config_int(l.c, CONFIG_NODE_ID), 7);
	assert_true(str_is(config_log_dirs(l.c, &n)[0], "/elsewhere"));
	unload(&l);
}

static void a_data_directory_with_any_letters_comes_through(void **state)
{
	struct arena a;
	struct config_input in = {.file_name = STR_NULL, .data_dir = STR(" /d\xc3\xa9 x\\\xf0\x9f\x98\x80")};
	struct config *c;
	struct config_notes notes;
	int n;

	assert_int_equal(config_load(&in, &c, &notes), 0);
	assert_true(str_is(config_log_dirs(c, &n)[0], "/d\xc3\xa9 x\\\xf0\x9f\x98\x80"));
	config_free(c);
	config_notes_fini(&notes);
	arena_init(&a, 4096);
	assert_true(str_is(config_data_dir((const char *const[]){"HOME=/home/k", NULL}, &a),
			   "/home/k/.local/state/odradek"));
	assert_true(
		str_is(config_data_dir((const char *const[]){"HOME=/h", "XDG_STATE_HOME=/s", NULL}, &a), "/s/odradek"));
	assert_true(str_is(config_data_dir((const char *const[]){"XDG_STATE_HOME=s", NULL}, &a), "/var/lib/odradek"));
	assert_true(str_is(config_data_dir((const char *const[]){"STATE_DIRECTORY=/v/a:/v/b", "HOME=/h", NULL}, &a),
			   "/v/a"));
	arena_fini(&a);
}

static void the_environment_lies_over_the_file_and_overrides_over_both(void **state)
{
	const char *const environment[] = {"KAFKA_NODE_ID=2",
					   "KAFKA_LOG_RETENTION_HOURS=5",
					   "KAFKA_NUM_PARTITIONS=3",
					   "KAFKA_HEAP_OPTS=-Xmx1g",
					   "KAFKA_LOG4J_LOGGERS=x=y",
					   "HOME=/root",
					   "KAFKA",
					   "KAFKA_BROKER_RACK=a\\u0041\nfetch.max.bytes=2048",
					   NULL};
	const char *const overrides[] = {"num.partitions=4", NULL};
	struct loaded l = load_all(MINIMAL "log.retention.hours=1\nnum.partitions=2\n", environment, overrides);

	assert_int_equal(l.err, 0);
	assert_int_equal(config_int(l.c, CONFIG_NODE_ID), 2);
	assert_true(str_is(config_place(l.c, CONFIG_NODE_ID), "KAFKA_NODE_ID"));
	assert_int_equal(config_int(l.c, CONFIG_LOG_RETENTION_HOURS), 5);
	assert_int_equal(config_int(l.c, CONFIG_NUM_PARTITIONS), 4);
	assert_int_equal(config_origin(l.c, CONFIG_NUM_PARTITIONS), CONFIG_FROM_OVERRIDE);
	/* The official image writes variables into the file, where they are parsed as properties. */
	assert_true(str_is(config_string(l.c, CONFIG_BROKER_RACK), "aA"));
	assert_int_equal(config_int(l.c, CONFIG_FETCH_MAX_BYTES), 2048);
	assert_int_equal(l.notes.n, 0);
	unload(&l);
}

static void underscores_become_dots_dashes_and_underscores(void **state)
{
	const char *const environment[] = {"KAFKA_A_B__C___D____E_____F=x", NULL};
	struct loaded l = load_all(MINIMAL, environment, NULL);

	assert_int_equal(l.err, 0);
	assert_true(has_note(&l, CONFIG_NOTE_WARN, "KAFKA_A_B__C___D____E_____F", "a.b_c-d-.e-_f is not a setting"));
	unload(&l);
}

static void a_bad_value_names_its_place_and_what_would_be_legal(void **state)
{
	expect_error("\nlog.segment.bytes = 10", "server.properties:7",
		     "log.segment.bytes=10: Value must be at least 1048576; legal: an integer, at least 1048576");
	expect_error("log.retention.ms=abc", "server.properties:6",
		     "log.retention.ms=abc: Not a number of type LONG; legal: an integer");
	expect_error("compression.type=best", "server.properties:6",
		     "legal: one of uncompressed,zstd,lz4,snappy,gzip,producer");
	expect_error("x=\\u1", "server.properties:6", "four hexadecimal digits");
	expect_error("delete.topic.enable=", "server.properties:6", "true or false");
}

static void a_very_long_value_is_cut_in_its_message(void **state)
{
	static char text[sizeof(MINIMAL) + 6000];
	struct loaded l;
	size_t len = (size_t)snprintf(text, sizeof(text), "%snum.partitions=", MINIMAL);

	memset(text + len, '9', 5000);
	l = load(text);
	assert_int_equal(l.notes.n_errors, 1);
	assert_true(l.notes.v[0].text.len < 400 && str_is(l.notes.v[0].place, "server.properties:6"));
	unload(&l);
}

static void every_bad_value_is_told_not_only_the_first(void **state)
{
	struct loaded l = load(MINIMAL "num.partitions=0\nlog.segment.bytes=x\nlog.roll.hours=\n");

	assert_int_equal(l.notes.n_errors, 3);
	unload(&l);
}

static void a_secret_is_not_shown(void **state)
{
	struct loaded l = load(MINIMAL "ssl.keystore.password=hunter2\nssl.key.password=hunter2\n");

	assert_int_equal(l.err, 0);
	for (int i = 0; i < l.notes.n; i++)
		assert_null(memmem(l.notes.v[i].text.p, (size_t)l.notes.v[i].text.len, "hunter2", 7));
	unload(&l);
}

static void what_is_required_is_asked_for(void **state)
{
	struct loaded l = load("");

	assert_int_equal(l.err, ERR_INVALID_CONFIG);
	assert_true(has_note(&l, CONFIG_NOTE_ERROR, NULL, "process.roles is missing"));
	assert_true(has_note(&l, CONFIG_NOTE_ERROR, NULL, "node.id is missing"));
	assert_true(has_note(&l, CONFIG_NOTE_ERROR, NULL, "controller.listener.names is missing"));
	unload(&l);
}

static void an_unknown_name_is_noted_with_the_nearest(void **state)
{
	struct loaded l =
		expect_fine("log.retention.hour=5\nzookeeper.connect=z:2181\nnum.partitions=1\nnum.partitions=2");

	assert_true(has_note(&l, CONFIG_NOTE_WARN, "server.properties:6",
			     "log.retention.hour is not a setting; the nearest is log.retention.hours"));
	assert_true(has_note(&l, CONFIG_NOTE_WARN, "server.properties:7", "zookeeper.connect is not a setting"));
	assert_true(has_note(&l, CONFIG_NOTE_WARN, "server.properties:9", "num.partitions was given before"));
	assert_int_equal(config_int(l.c, CONFIG_NUM_PARTITIONS), 2);
	unload(&l);
}

static void an_override_without_a_value_is_a_mistake(void **state)
{
	const char *const overrides[] = {"num.partitions", NULL};
	struct loaded l = load_all(MINIMAL, NULL, overrides);

	assert_true(has_note(&l, CONFIG_NOTE_ERROR, "--override", "'num.partitions' is not of the form name=value"));
	unload(&l);
}

static void what_promises_what_is_not_given_is_refused(void **state)
{
	expect_refused("authorizer.class.name=x.Y", "server.properties:6", "other Java classes cannot be loaded");
	expect_refused("remote.log.storage.system.enable=true", "server.properties:6",
		       "tiered storage is not served yet");
	expect_refused("client.quota.callback.class=x.Y", "server.properties:6",
		       "Java classes cannot be loaded, so clients would have other quotas than intended");
	expect_refused("create.topic.policy.class.name=x.Y", "server.properties:6", "policies cannot be loaded");
	expect_refused("config.providers=file", "server.properties:6", "taken literally");
	expect_refused("replica.selector.class=x.Y", "server.properties:6", "RackAwareReplicaSelector");
	expect_refused("principal.builder.class=x.Y", "server.properties:6", "is refused");
	expect_refused("listeners=SASL_SSL://:9092,CONTROLLER://:9093\nsecurity.inter.broker.protocol=SASL_SSL\n"
		       "listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT\n"
		       "sasl.enabled.mechanisms=GSSAPI,LOUD",
		       "server.properties:9", "sasl.enabled.mechanisms=LOUD is refused: listener SASL_SSL");
	expect_refused("listeners=SASL_PLAINTEXT://:9092,CONTROLLER://:9093\n"
		       "security.inter.broker.protocol=SASL_PLAINTEXT\nsasl.enabled.mechanisms=PLAIN\n"
		       "sasl.mechanism.inter.broker.protocol=PLAIN\n"
		       "listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT\n"
		       "listener.name.sasl_plaintext.plain.sasl.server.callback.handler.class=a.B",
		       "server.properties:11", "Java classes cannot be loaded");
	expect_refused("sasl.login.class=x.Y", "server.properties:6",
		       "this node would log in as somebody else than intended");
	expect_refused("ssl.engine.factory.class=x.Y", "server.properties:6", "is refused");
}

/* The listeners of nodes that log in to each other; both accept PLAIN and SCRAM-SHA-512. */
#define LOGGING_IN                                                                                                     \
	"listeners=SASL_PLAINTEXT://:9092,CONTROLLER://:9093\nsecurity.inter.broker.protocol=SASL_PLAINTEXT\n"         \
	"listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT\n"                     \
	"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n"

/* Where keys, issuer or audience are configured, at whatever level, unsigned tokens are refused. */
static void expect_unsigned_refused(const char *line, bool refused)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "listeners=SASL_PLAINTEXT://:9092,CONTROLLER://:9093\n"
		 "security.inter.broker.protocol=SASL_PLAINTEXT\nsasl.enabled.mechanisms=OAUTHBEARER,PLAIN\n"
		 "sasl.mechanism.inter.broker.protocol=PLAIN\n"
		 "listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT\n%s",
		 line);
	if (refused) {
		expect_refused(text, "server.properties:11",
			       "is refused: listener SASL_PLAINTEXT would take tokens that nobody has signed");
	} else {
		struct loaded l = expect_fine(text);

		unload(&l);
	}
}

static void tokens_that_nobody_signs_are_refused_beside_keys(void **state)
{
	static const char *const settings[] = {"jwks.endpoint.url=https://a/", "expected.issuer=a",
					       "expected.audience=a"};
	static const struct {
		const char *prefix;
		bool refused;
	} rows[] = {
		{"", true},
		{"listener.name.sasl_plaintext.oauthbearer.", true},
		{"listener.name.SASL_PLAINTEXT.", true},
		{"listener.name.else.oauthbearer.", false},
		{"listener.name.sasl_plaintext.plain.", false},
	};
	char line[200];

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			snprintf(line, sizeof(line), "%ssasl.oauthbearer.%s", rows[k].prefix, settings[i]);
			expect_unsigned_refused(line, rows[k].refused);
		}
}

static void nodes_log_in_by_what_the_other_side_takes(void **state)
{
	struct loaded l;

	(void)state;
	l = expect_fine(LOGGING_IN
			"sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512\nsasl.mechanism.controller.protocol=PLAIN");
	assert_int_equal(l.notes.n_errors, 0);
	unload(&l);
	l = expect_fine(LOGGING_IN
			"sasl.mechanism.inter.broker.protocol=PLAIN\nsasl.mechanism.controller.protocol=SCRAM-SHA-512");
	unload(&l); /* for a pure controller */
	expect_error(LOGGING_IN
		     "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-256\nsasl.mechanism.controller.protocol=PLAIN",
		     "server.properties:10",
		     "it must be among sasl.enabled.mechanisms when brokers log in to each other");
	l = expect_fine(LOGGING_IN "sasl.mechanism.inter.broker.protocol=PLAIN"); /* the default is GSSAPI */
	unload(&l);
	expect_refused(LOGGING_IN "sasl.mechanism.inter.broker.protocol=PLAIN\nsasl.mechanism.controller.protocol=LOUD",
		       "server.properties:11", "sasl.mechanism.controller.protocol=LOUD is refused");
	expect_refused(
		LOGGING_IN
		"sasl.mechanism.inter.broker.protocol=PLAIN\nsasl.mechanism.controller.protocol=SCRAM-SHA-512\n"
		"controller.quorum.voters=1@a:9093,2@b:9093,3@c:9093\nadvertised.listeners=SASL_PLAINTEXT://a:9092",
		"server.properties:11", "several controllers would have to log in to each other to elect a leader");
}

/* In the clear it would only find out that they speak another protocol, or worse, that they do not. */
static void a_broker_knows_how_to_speak_to_controllers(void **state)
{
	static const char broker[] =
		"process.roles=broker\nnode.id=2\ncontroller.listener.names=CONTROLLER,SECOND\n"
		"controller.quorum.bootstrap.servers=a:9093\nlog.dirs=/d\nadvertised.listeners=PLAINTEXT://b:9092\n";
	static const struct {
		const char *map;
		bool fine;
	} rows[] = {
		{"", true},
		{"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:SSL,SECOND:SSL\n", true},
		{"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:SSL\n", false},
		{"listener.security.protocol.map=PLAINTEXT:PLAINTEXT\n", false},
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct loaded l;

		snprintf(text, sizeof(text), "%s%s", broker, rows[i].map);
		l = load(text);
		assert_int_equal(l.err, rows[i].fine ? 0 : ERR_INVALID_CONFIG);
		assert_int_equal(has_note(&l, CONFIG_NOTE_ERROR, "server.properties:3",
					  "listener.security.protocol.map gives no protocol for this name"),
				 !rows[i].fine);
		unload(&l);
	}
}

#define WITH_AUTHORIZER "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"

static void what_the_authorizer_reads_stands_beside_the_table(void **state)
{
	struct loaded l =
		expect_fine(WITH_AUTHORIZER "super.users=User:a; User:b\nallow.everyone.if.no.acl.found= True ");

	(void)state;
	assert_true(str_is(config_super_users(l.c), "User:a; User:b"));
	assert_true(config_allow_everyone_if_no_acl_found(l.c));
	assert_false(has_note(&l, CONFIG_NOTE_WARN, NULL, "super.users"));
	unload(&l);
	l = expect_fine("super.users=User:a\nallow.everyone.if.no.acl.found=yes");
	assert_false(config_allow_everyone_if_no_acl_found(l.c));
	assert_true(has_note(&l, CONFIG_NOTE_WARN, "server.properties:6", "super.users has no effect"));
	unload(&l);
	expect_error(WITH_AUTHORIZER "super.users=User:a,b;c", "server.properties:7", "c is not a principal");
}

static void what_is_harmless_though_not_served_stands(void **state)
{
	struct loaded l = expect_fine(
		"authorizer.class.name=\nremote.log.storage.system.enable=false\nnum.io.threads=16\n"
		"log.cleanup.policy=compact,delete\nlog.cleaner.threads=2\ngroup.share.session.timeout.ms=50000\nconfig.providers=");

	assert_int_equal(config_int(l.c, CONFIG_NUM_IO_THREADS), 16);
	assert_true(
		has_note(&l, CONFIG_NOTE_WARN, NULL, "without effect: num.io.threads (requests run on event loops"));
	assert_int_equal(config_int(l.c, CONFIG_LOG_CLEANER_THREADS), 2);
	assert_true(
		has_note(&l, CONFIG_NOTE_WARN, NULL, "without effect: group.share.session.timeout.ms (share groups"));
	unload(&l);
}

static void values_that_contradict_each_other_stop_the_start(void **state)
{
	expect_error("broker.id=2", "server.properties:6", "must be the same as node.id");
	expect_error("log.roll.ms=0", "server.properties:6", "at least 1");
	expect_error("log.retention.ms=0", "server.properties:6", "retention must be negative");
	expect_error("log.retention.minutes=0", "server.properties:6", "retention must be negative");
	expect_error("log.cleaner.threads=0", "server.properties:6", "at least 1");
	expect_error("log.cleaner.dedupe.buffer.size=1000", "server.properties:6", "1 MiB");
	expect_error("replica.fetch.wait.max.ms=40000", "server.properties:6",
		     "must be at most replica.socket.timeout.ms, which is 30000");
	expect_error("queued.max.request.bytes=1", "server.properties:6", "socket.request.max.bytes");
	expect_error("max.connections.per.ip=0", "server.properties:6", "needs max.connections.per.ip.overrides");
	expect_error("max.connections.per.ip.overrides=a:b", "server.properties:6", "not a number");
	expect_error("max.connections.per.ip.overrides=a", "server.properties:6", "host:limit");
	expect_error("max.connections.per.ip.overrides=a b:1", "server.properties:6", "no address and no host name");
	expect_error("connections.max.idle.ms=50", NULL, "less than connections.max.idle.ms");
	expect_error("group.coordinator.rebalance.protocols=consumer", "server.properties:6", "classic");
	expect_error("group.consumer.session.timeout.ms=1000", "server.properties:6",
		     "must be at least group.consumer.min.session.timeout.ms, which is 45000");
	expect_error("offsets.topic.compression.codec=5", "server.properties:6", "4 zstd");
	expect_error("cordoned.log.dirs=/nowhere", "server.properties:6", "one of log.dirs");
	expect_error("log.cleaner.max.compaction.lag.ms=5\nlog.cleaner.min.compaction.lag.ms=6", "server.properties:7",
		     "at most");
}

static void listeners_are_read_with_hosts_ports_and_brackets(void **state)
{
	struct loaded l = expect_fine(
		"listeners=internal://[::1]:0,External://a.b:19092,CONTROLLER://:9093\n"
		"listener.security.protocol.map= internal:PLAINTEXT , EXTERNAL:plaintext,CONTROLLER:PLAINTEXT\n"
		"inter.broker.listener.name=Internal\nadvertised.listeners=INTERNAL://x:1,EXTERNAL://[fe80::1%eth0]:2\n"
		"max.connections.per.ip.overrides=127.0.0.1:5, ::1:7 ,host:0");
	const struct config_network *net = config_network(l.c);

	assert_int_equal(net->n_listeners, 3);
	assert_true(str_is(net->listeners[0].name, "INTERNAL") && str_is(net->listeners[0].host, "::1") &&
		    net->listeners[0].port == 0);
	assert_true(str_is(net->listeners[1].host, "a.b") && net->listeners[1].port == 19092);
	assert_true(str_is(net->advertised[1].host, "fe80::1%eth0") && net->n_advertised == 2 &&
		    net->advertised_is_set);
	assert_true(str_is(net->inter_broker_listener, "INTERNAL"));
	assert_int_equal(net->n_ip_limits, 3);
	assert_true(str_is(net->ip_limits[1].host, "::1") && net->ip_limits[1].connections == 7);
	assert_true(net->n_controller_advertised == 1 && str_is_null(net->controller_advertised[0].host));
	unload(&l);
}

static void directories_may_be_encrypted(void **state)
{
	struct loaded l =
		expect_fine("log.dirs=/a,/b\nodradek.log.encryption.dirs=/b\nodradek.log.encryption.key.file=/k");

	unload(&l);
	expect_error("log.dirs=/a,/b\nodradek.log.encryption.dirs=/b", "server.properties:7", "it needs odradek.log");
	expect_error("log.dirs=/a,/b\nodradek.log.encryption.dirs=/b/\nodradek.log.encryption.key.file=/k",
		     "server.properties:7", "each must stand in log.dirs");
}

static void a_command_for_keys_is_a_secret(void **state)
{
	expect_error("odradek.log.encryption.key.file=/k\nodradek.log.encryption.key.command=vault --token a-secret",
		     "server.properties:7", "odradek.log.encryption.key.command=[hidden]: odradek.log");
}

static void a_mechanism_of_a_listener_may_have_settings_of_its_own(void **state)
{
	struct loaded l = expect_fine(
		"listener.name.plaintext.plain.sasl.jaas.config=a;\nlistener.name.plaintext.scram-sha-256.sasl.jaas.config=b;\n"
		"listener.name.plaintext.plain.connections.max.reauth.ms=5\n"
		"listener.name.plaintext.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256");
	struct config_at listener = {.listener = STR("PLAINTEXT")};
	struct config_at plain = {STR("PLAINTEXT"), STR("PLAIN")}, scram = {STR("PLAINTEXT"), STR("SCRAM-SHA-256")};
	const struct str *mechanisms;
	int n;

	assert_true(str_is(config_at_string(l.c, &plain, CONFIG_SASL_JAAS_CONFIG), "a;"));
	assert_true(str_is(config_at_string(l.c, &scram, CONFIG_SASL_JAAS_CONFIG), "b;"));
	assert_false(config_at_is_set(l.c, &listener, CONFIG_SASL_JAAS_CONFIG));
	assert_int_equal(config_at_long(l.c, &plain, CONFIG_CONNECTIONS_MAX_REAUTH_MS), 5);
	assert_int_equal(config_at_long(l.c, &scram, CONFIG_CONNECTIONS_MAX_REAUTH_MS), 0);
	mechanisms = config_at_list(l.c, &listener, CONFIG_SASL_ENABLED_MECHANISMS, &n);
	assert_true(n == 2 && str_is(mechanisms[1], "SCRAM-SHA-256"));
	unload(&l);
}

static void a_listener_may_have_limits_of_its_own(void **state)
{
	struct loaded l = expect_fine(
		"listener.name.plaintext.max.connections= 5\nlistener.name.PLAINTEXT.max.connection.creation.rate=7\n"
		"listener.name.controller.ssl.protocol=TLSv1.3\nlistener.name.x.num.partitions=2");

	struct config_at plaintext = {.listener = STR("PLAINTEXT")}, controller = {.listener = STR("CONTROLLER")},
			 plain = {.listener = STR("PLAIN")};

	assert_int_equal(config_at_long(l.c, &plaintext, CONFIG_MAX_CONNECTIONS), 5);
	assert_int_equal(config_at_long(l.c, &plaintext, CONFIG_MAX_CONNECTION_CREATION_RATE), 7);
	assert_false(config_at_is_set(l.c, &controller, CONFIG_MAX_CONNECTIONS));
	assert_int_equal(config_at_long(l.c, &controller, CONFIG_MAX_CONNECTIONS), INT32_MAX);
	assert_false(config_at_is_set(l.c, &plain, CONFIG_MAX_CONNECTIONS));
	assert_true(str_is(config_at_string(l.c, &controller, CONFIG_SSL_PROTOCOL), "TLSv1.3"));
	assert_false(has_note(&l, CONFIG_NOTE_WARN, "server.properties:8", "has no effect"));
	assert_true(has_note(&l, CONFIG_NOTE_WARN, "server.properties:9", "has no effect"));
	unload(&l);
	expect_error("listener.name.plaintext.max.connections=-1", "server.properties:6",
		     "legal: an integer, at least 0");
}

static void a_port_may_be_shared_by_ipv4_and_ipv6(void **state)
{
	struct loaded l = expect_fine(
		"listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
		"listeners=A://127.0.0.1:9092,B://[::1]:9092,CONTROLLER://:9093\ninter.broker.listener.name=A");

	unload(&l);
	expect_error("listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
		     "listeners=A://127.0.0.1:9092,B://127.0.0.2:9092,CONTROLLER://:9093\ninter.broker.listener.name=A",
		     "server.properties:7", "a port of its own");
	expect_error("listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
		     "listeners=A://127.0.0.1:9092,B://x:9092,CONTROLLER://:9093\ninter.broker.listener.name=A",
		     "server.properties:7", "a port of its own");
}

static void listeners_that_cannot_be_are_refused(void **state)
{
	expect_error("listeners=PLAINTEXT://:9092", "server.properties:3", "must stand in listeners");
	expect_error("listeners=CONTROLLER://:9093", "server.properties:6", "needs a listener");
	expect_error("listeners=PLAINTEXT:9092,CONTROLLER://:9093", "server.properties:6", "NAME://host:port");
	expect_error("listeners=PLAINTEXT://,CONTROLLER://:9093", "server.properties:6", "NAME://host:port");
	expect_error("listeners=PLAINTEXT://:x,CONTROLLER://:9093", "server.properties:6", "NAME://host:port");
	expect_error("listeners=PLAINTEXT://a b:1,CONTROLLER://:9093", "server.properties:6", "NAME://host:port");
	expect_error("listeners=PLAINTEXT://:65536,CONTROLLER://:9093", "server.properties:6", "0 to 65535");
	expect_error("listeners=OTHER://:9092,CONTROLLER://:9093", "server.properties:6", "gives no protocol");
	expect_error("listeners=PLAINTEXT://:1,plaintext://:2,CONTROLLER://:9093", "server.properties:6",
		     "a name of its own");
	expect_error("listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093", "server.properties:6",
		     "0.0.0.0 cannot be advertised");
	expect_error("advertised.listeners=OTHER://x:1", "server.properties:6", "gives no protocol");
	expect_error("listener.security.protocol.map=PLAINTEXT:NONE", "server.properties:6", "no security protocol");
	expect_error("listener.security.protocol.map=PLAINTEXT", "server.properties:6", "NAME:PROTOCOL");
	expect_error("inter.broker.listener.name=OTHER", "server.properties:6", "gives no protocol");
	expect_error("inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT",
		     "server.properties:6", "only one of");
	expect_error(
		"controller.listener.names=controller\nlistener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"server.properties:6", "in upper case");
	expect_error("controller.quorum.voters=2@a:1", "server.properties:6", "among the voters");
	expect_error("controller.quorum.bootstrap.servers=", NULL, "must be given");
}

static void the_voters_name_a_controller_that_listens_everywhere(void **state)
{
	struct loaded l = expect_fine("controller.quorum.voters=1@quorum:19093,2@b:2,3@c:3\n"
				      "advertised.listeners=PLAINTEXT://a:9092");
	const struct config_network *net = config_network(l.c);

	assert_int_equal(net->n_voters, 3);
	assert_true(str_is(net->voters[0].host, "quorum") && net->voters[0].id == 1 && net->voters[0].port == 19093);
	assert_true(str_is(net->controller_advertised[0].host, "quorum") &&
		    net->controller_advertised[0].port == 19093);
	unload(&l);
}

static void one_of_several_nodes_that_listens_everywhere_has_to_say_by_which_address(void **state)
{
	struct loaded l;

	expect_refused("controller.quorum.voters=1@a:9093,2@b:9093,3@c:9093", "server.properties:4",
		       "Add advertised.listeners=PLAINTEXT://HOST:9092 with");
	expect_refused("controller.quorum.bootstrap.servers=a:9093,b:9093", "server.properties:4",
		       "PLAINTEXT://HOST:9092");
	expect_refused(
		"controller.quorum.voters=1@a:9093,2@b:9093\nlistener.security.protocol.map=CONTROLLER:PLAINTEXT,"
		"PLAINTEXT:PLAINTEXT,IN:PLAINTEXT\nlisteners=PLAINTEXT://:9092,IN://10.0.0.1:9094,CONTROLLER://:9093",
		"server.properties:8", "PLAINTEXT://HOST:9092,IN://10.0.0.1:9094");
	l = expect_fine("controller.quorum.voters=1@a:9093,2@b:9093\nadvertised.listeners=PLAINTEXT://a:9092");
	unload(&l);
	l = expect_fine("controller.quorum.voters=1@a:9093,2@b:9093\nlisteners=PLAINTEXT://a:9092,CONTROLLER://:9093");
	unload(&l);
	l = expect_fine("controller.quorum.voters=1@a:9093"); /* it is a single node */
	unload(&l);
}

static void a_file_of_any_length_is_read_or_refused(void **state)
{
	static const char text[] = SHIPPED;

	for (size_t len = 0; len < sizeof(text) - 1; len += 7) {
		char *copy = strndup(text, len);
		struct loaded l = load(copy);

		unload(&l);
		free(copy);
	}
}

static void the_defaults_are_those_of_kafka(void **state)
{
	struct loaded l = expect_fine("");
	struct topic_config t;

	assert_int_equal(topic_config_resolve(l.c, NULL, 0, &t), 0);
	assert_int_equal(t.segment_bytes, 1 << 30);
	assert_int_equal(t.segment_ms, 604800000);
	assert_int_equal(t.retention_ms, 604800000);
	assert_int_equal(t.retention_bytes, -1);
	assert_true(t.flush_ms == INT64_MAX && t.flush_messages == INT64_MAX);
	assert_true(t.cleanup_delete && !t.cleanup_compact);
	assert_int_equal(t.compression_type, COMPRESSION_PRODUCER);
	assert_int_equal(t.max_message_bytes, 1048588);
	assert_int_equal(t.local_retention_ms, -2);
	assert_int_equal(t.leader_replication_throttled_replicas.len, 0);
	assert_int_equal(t.message_timestamp_type, TIMESTAMP_CREATE_TIME);
	assert_true(t.min_cleanable_dirty_ratio == 0.5);
	assert_int_equal(t.max_decompressed_message_bytes, 2147483639);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_file_of_kafka_starts_as_it_is),
		cmocka_unit_test(without_a_file_the_built_in_configuration_is_taken),
		cmocka_unit_test(what_is_given_goes_before_what_is_built_in),
		cmocka_unit_test(a_data_directory_with_any_letters_comes_through),
		cmocka_unit_test(the_environment_lies_over_the_file_and_overrides_over_both),
		cmocka_unit_test(underscores_become_dots_dashes_and_underscores),
		cmocka_unit_test(a_bad_value_names_its_place_and_what_would_be_legal),
		cmocka_unit_test(a_very_long_value_is_cut_in_its_message),
		cmocka_unit_test(every_bad_value_is_told_not_only_the_first),
		cmocka_unit_test(a_secret_is_not_shown),
		cmocka_unit_test(what_is_required_is_asked_for),
		cmocka_unit_test(an_unknown_name_is_noted_with_the_nearest),
		cmocka_unit_test(an_override_without_a_value_is_a_mistake),
		cmocka_unit_test(what_promises_what_is_not_given_is_refused),
		cmocka_unit_test(tokens_that_nobody_signs_are_refused_beside_keys),
		cmocka_unit_test(nodes_log_in_by_what_the_other_side_takes),
		cmocka_unit_test(a_broker_knows_how_to_speak_to_controllers),
		cmocka_unit_test(what_the_authorizer_reads_stands_beside_the_table),
		cmocka_unit_test(what_is_harmless_though_not_served_stands),
		cmocka_unit_test(values_that_contradict_each_other_stop_the_start),
		cmocka_unit_test(listeners_are_read_with_hosts_ports_and_brackets),
		cmocka_unit_test(a_listener_may_have_limits_of_its_own),
		cmocka_unit_test(directories_may_be_encrypted),
		cmocka_unit_test(a_command_for_keys_is_a_secret),
		cmocka_unit_test(a_mechanism_of_a_listener_may_have_settings_of_its_own),
		cmocka_unit_test(a_port_may_be_shared_by_ipv4_and_ipv6),
		cmocka_unit_test(listeners_that_cannot_be_are_refused),
		cmocka_unit_test(the_voters_name_a_controller_that_listens_everywhere),
		cmocka_unit_test(one_of_several_nodes_that_listens_everywhere_has_to_say_by_which_address),
		cmocka_unit_test(a_file_of_any_length_is_read_or_refused),
		cmocka_unit_test(the_defaults_are_those_of_kafka),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
