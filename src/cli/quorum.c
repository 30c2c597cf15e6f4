/*
 * quorum: `odradek quorum`: kafka-metadata-quorum.
 */
#include <string.h>

#include "base/mem.h"
#include "cli/quorum_doctor.h"
#include "cli/table.h"
#include "cli/tool.h"
#include "log/dir.h"
#include "protocol/add_raft_voter.h"
#include "protocol/describe_cluster.h"
#include "protocol/describe_quorum.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/unregister_controller.h"

extern const struct command command_quorum;

enum { TIMEOUT_MS = 30000 };

/* The node to ask: the active controller, or any broker, which forwards. */
static int32_t node_to_ask(struct tool *t)
{
	return tool_has(t, "bootstrap-controller") ? CLIENT_CONTROLLER : CLIENT_ANY;
}

struct quorum {
	const struct describe_quorum_response *response;
	const struct describe_quorum_response_partition *p;
	const struct describe_quorum_response_replica *leader;
};

static struct quorum describe_quorum(struct tool *t)
{
	struct describe_quorum_request_partition partition = {0};
	struct describe_quorum_request_topic topic = {.topic_name = STR("__cluster_metadata"),
						      .partitions = {&partition, 1}};
	struct describe_quorum_request r = {.topics = {&topic, 1}};
	struct quorum q = {.response = tool_must(t, node_to_ask(t), describe_quorum_request_KEY, &r)};

	if (q.response->topics.n != 1 || q.response->topics.v[0].partitions.n != 1)
		tool_die(t, "DescribeQuorum: one partition was expected");
	q.p = &q.response->topics.v[0].partitions.v[0];
	if (q.p->error_code)
		tool_die_of(t, q.p->error_code, q.p->error_message);
	for (int32_t i = 0; i < q.p->current_voters.n; i++)
		if (q.p->current_voters.v[i].replica_id == q.p->leader_id)
			q.leader = &q.p->current_voters.v[i];
	if (!q.leader)
		tool_die(t, "the leader %d is not among the voters", q.p->leader_id);
	return q;
}

/* ---- describe --replication ---- */

static void add_time(struct tool *t, struct table *table, int64_t ms, const char *what)
{
	int64_t now = env_wall_ms(t->env);

	if (ms == -1 || !tool_has(t, "human-readable")) {
		table_number(table, ms);
		return;
	}
	if (ms <= 0 || ms > now)
		tool_die(
			t,
			"Error while computing relative time, possible drift in system clock.\nCurrent timestamp is %lld, %s timestamp is %lld",
			(long long)now, what, (long long)ms);
	table_text(table, arena_printf(&t->arena, "%lld ms ago", (long long)(now - ms)));
}

static void add_row(struct tool *t, struct table *table, const struct quorum *q,
		    const struct describe_quorum_response_replica *r, const char *status)
{
	char id[UUID_TEXT_LEN + 1];

	table_number(table, r->replica_id);
	table_text(table, str_of(uuid_text(r->replica_directory_id, id)));
	table_number(table, r->log_end_offset);
	table_number(table, q->leader->log_end_offset - r->log_end_offset);
	add_time(t, table, r->last_fetch_timestamp, "last fetch");
	add_time(t, table, r->last_caught_up_timestamp, "last caught up");
	table_text(table, str_of(status));
}

static int describe_replication(struct tool *t)
{
	static const char *const HEADS[] = {
		"NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp",
		"Status", NULL};
	struct quorum q = describe_quorum(t);
	struct table table;

	table_init(&table, t, HEADS);
	add_row(t, &table, &q, q.leader, "Leader");
	for (int32_t i = 0; i < q.p->current_voters.n; i++)
		if (&q.p->current_voters.v[i] != q.leader)
			add_row(t, &table, &q, &q.p->current_voters.v[i], "Follower");
	for (int32_t i = 0; i < q.p->observers.n; i++)
		add_row(t, &table, &q, &q.p->observers.v[i], "Observer");
	table_show(&table);
	return EXIT_FINE;
}

/* ---- describe --status ---- */

static const struct describe_quorum_response_node *node_of(const struct quorum *q, int32_t id)
{
	for (int32_t i = 0; i < q->response->nodes.n; i++)
		if (q->response->nodes.v[i].node_id == id)
			return &q->response->nodes.v[i];
	return NULL;
}

static json_t *json_replica(struct tool *t, const struct quorum *q, const struct describe_quorum_response_replica *r)
{
	const struct describe_quorum_response_node *node = node_of(q, r->replica_id);
	json_t *one = json_pack("{s:i}", "id", (int)r->replica_id);
	char id[UUID_TEXT_LEN + 1];

	if (!uuid_is_zero(r->replica_directory_id))
		json_object_set_new(one, "directoryId", json_string(uuid_text(r->replica_directory_id, id)));
	if (node && node->listeners.n > 0)
		json_object_set_new(one, "endpoints", json_array());
	for (int32_t i = 0; node && i < node->listeners.n; i++) {
		const struct describe_quorum_response_listener *l = &node->listeners.v[i];
		bool v6 = memchr(l->host.p, ':', (size_t)l->host.len) != NULL;

		json_array_append_new(json_object_get(one, "endpoints"),
				      json_str(arena_printf(&t->arena, "%.*s://%s%.*s%s:%d", STR_ARG(l->name),
							    v6 ? "[" : "", STR_ARG(l->host), v6 ? "]" : "", l->port)));
	}
	return one;
}

/* Prints a blank after each colon and comma, as Kafka does. */
static void print_replicas(const char *head, json_t *replicas)
{
	size_t at;
	json_t *one;

	printf("%s[", head);
	json_array_foreach(replicas, at, one)
	{
		printf(at ? ", " : "");
		json_dumpf(one, stdout, 0);
	}
	printf("]\n");
}

static json_t *json_replicas(struct tool *t, const struct quorum *q, const struct describe_quorum_response_replica *v,
			     int32_t n)
{
	json_t *all = json_array();

	for (int32_t i = 0; i < n; i++)
		json_array_append_new(all, json_replica(t, q, &v[i]));
	return all;
}

static int64_t lag_ms(const struct quorum *q, const struct describe_quorum_response_replica *last)
{
	if (last == q->leader)
		return 0;
	if (q->leader->last_caught_up_timestamp == -1 || last->last_caught_up_timestamp == -1)
		return -1;
	return q->leader->last_caught_up_timestamp - last->last_caught_up_timestamp;
}

static int describe_status(struct tool *t)
{
	struct describe_cluster_request r = {.endpoint_type = tool_has(t, "bootstrap-controller") ? 2 : 1};
	const struct describe_cluster_response *cluster = tool_must(t, CLIENT_ANY, describe_cluster_request_KEY, &r);
	struct quorum q = describe_quorum(t);
	const struct describe_quorum_response_replica *last = &q.p->current_voters.v[0];
	json_t *voters = json_replicas(t, &q, q.p->current_voters.v, q.p->current_voters.n);
	json_t *observers = json_replicas(t, &q, q.p->observers.v, q.p->observers.n);

	for (int32_t i = 1; i < q.p->current_voters.n; i++)
		if (q.p->current_voters.v[i].log_end_offset < last->log_end_offset)
			last = &q.p->current_voters.v[i];
	t->out = json_pack("{s:o,s:i,s:i,s:I,s:I,s:I,s:o,s:o}", "clusterId", json_str(cluster->cluster_id), "leaderId",
			   (int)q.p->leader_id, "leaderEpoch", (int)q.p->leader_epoch, "highWatermark",
			   (json_int_t)q.p->high_watermark, "maxFollowerLag",
			   (json_int_t)(q.leader->log_end_offset - last->log_end_offset), "maxFollowerLagTimeMs",
			   (json_int_t)lag_ms(&q, last), "currentVoters", voters, "currentObservers", observers);
	if (t->json)
		return EXIT_FINE;
	printf("ClusterId:              %.*s\n"
	       "LeaderId:               %d\n"
	       "LeaderEpoch:            %d\n"
	       "HighWatermark:          %lld\n"
	       "MaxFollowerLag:         %lld\n"
	       "MaxFollowerLagTimeMs:   %lld\n",
	       STR_ARG(cluster->cluster_id), q.p->leader_id, q.p->leader_epoch, (long long)q.p->high_watermark,
	       (long long)(q.leader->log_end_offset - last->log_end_offset), (long long)lag_ms(&q, last));
	print_replicas("CurrentVoters:          ", voters);
	print_replicas("CurrentObservers:       ", observers);
	return EXIT_FINE;
}

static int describe(struct tool *t)
{
	if (tool_has(t, "status") && tool_has(t, "replication"))
		tool_die(t, "Only one of --status or --replication should be specified with describe sub-command");
	if (!tool_has(t, "status") && !tool_has(t, "replication"))
		tool_die(t, "One of --status or --replication must be specified with describe sub-command");
	if (tool_has(t, "status") && tool_has(t, "human-readable"))
		tool_die(t, "The option --human-readable is only supported along with --replication");
	tool_connect(t);
	t->exception_names = true;
	return tool_has(t, "status") ? describe_status(t) : describe_replication(t);
}

/* ---- add-controller ---- */

/* Reads a required entry of a controller's own configuration file. */
static const char *required_property(struct tool *t, const char *name)
{
	const char *value = tool_property(t, name);

	if (!value)
		tool_die(t, "%s not found in configuration file. Is this a valid controller configuration file?", name);
	return value;
}

static struct uuid directory_of(struct tool *t)
{
	const char *dirs = tool_property(t, "metadata.log.dir");
	struct meta_properties m;
	char *why = NULL;
	const char *path;

	if (!dirs)
		dirs = tool_property(t, "log.dirs");
	if (!dirs)
		tool_die(
			t,
			"Neither metadata.log.dir nor log.dirs were found. Is this a valid controller configuration file?");
	path = tool_string(t, (struct str){dirs, (int32_t)strcspn(dirs, ",")});
	if (meta_properties_read(t->env, path, &m, &why) != 0)
		tool_die(t, "Unable to read meta.properties from %s", path);
	if (uuid_is_zero(m.directory_id))
		tool_die(t, "No directory id found in %s", path);
	return m.directory_id;
}

/* Finds NAME://HOST:PORT of this listener in a list; false when absent. */
static bool endpoint_in(struct tool *t, const char *list, struct str name, struct add_raft_voter_request_listener *out)
{
	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct str one = {at + strspn(at, " "), 0};
		const char *mark, *colon;
		int32_t port;

		one.len = (int32_t)strcspn(one.p, ",");
		mark = memmem(one.p, (size_t)one.len, "://", 3);
		colon = memrchr(one.p, ':', (size_t)one.len);
		if (!mark || colon <= mark || mark - one.p != name.len ||
		    strncasecmp(one.p, name.p, (size_t)name.len) != 0)
			continue;
		if (!str_to_i32((struct str){colon + 1, (int32_t)(one.p + one.len - colon - 1)}, &port) || port < 0 ||
		    port > 65535)
			tool_die(t, "%.*s: a port was expected", STR_ARG(one));
		out->host = (struct str){mark + 3, (int32_t)(colon - mark - 3)};
		if (out->host.len > 1 && out->host.p[0] == '[')
			out->host = (struct str){out->host.p + 1, out->host.len - 2};
		if (out->host.len == 0)
			out->host = STR("localhost");
		out->port = (uint16_t)port;
		return true;
	}
	return false;
}

static void add_listeners(struct tool *t, struct add_raft_voter_request *r)
{
	const char *names = tool_property(t, "controller.listener.names");

	if (!names)
		tool_die(t, "controller.listener.names was not found. Is this a valid controller configuration file?");
	r->listeners.v = arena_array(&t->arena, strlen(names) + 1, sizeof(*r->listeners.v));
	for (const char *at = names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct add_raft_voter_request_listener *l = &r->listeners.v[r->listeners.n++];
		char *name;

		at += strspn(at, " ");
		name = tool_string(t, (struct str){at, (int32_t)strcspn(at, ", ")});
		for (char *p = name; *p; p++)
			*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
		l->name = str_of(name);
		if (!endpoint_in(t, tool_property(t, "advertised.listeners"), l->name, l) &&
		    !endpoint_in(t, tool_property(t, "listeners"), l->name, l))
			tool_die(t, "Cannot find information about controller listener name: %s", name);
	}
}

static void tell_added(struct tool *t, const struct add_raft_voter_request *r, bool dry)
{
	json_t *endpoints = json_array();
	char id[UUID_TEXT_LEN + 1];

	uuid_text(r->voter_directory_id, id);
	tool_say(t, "%s controller %d with directory id %s and endpoints: ", dry ? "DRY RUN of adding" : "Added",
		 r->voter_id, id);
	for (int32_t i = 0; i < r->listeners.n; i++) {
		const struct add_raft_voter_request_listener *l = &r->listeners.v[i];
		bool v6 = memchr(l->host.p, ':', (size_t)l->host.len) != NULL;
		json_t *one = json_sprintf("%.*s://%s%.*s%s:%d", STR_ARG(l->name), v6 ? "[" : "", STR_ARG(l->host),
					   v6 ? "]" : "", l->port);

		tool_say(t, "%s%s", i ? ", " : "", json_string_value(one));
		json_array_append_new(endpoints, one);
	}
	tool_say(t, "\n");
	t->out = json_pack("{s:i,s:s,s:o,s:b}", "controllerId", (int)r->voter_id, "directoryId", id, "endpoints",
			   endpoints, "added", !dry);
}

static int add_controller(struct tool *t)
{
	struct add_raft_voter_request r = {.timeout_ms = TIMEOUT_MS, .ack_when_committed = true};
	const void *response;
	bool dry = tool_has(t, "dry-run");
	int err;

	if (!tool_has(t, "command-config"))
		tool_die(
			t,
			"You must supply the configuration file of the controller you are adding when using add-controller.");
	t->kinds = 0;
	if (!str_to_i32(str_of(required_property(t, "node.id")), &r.voter_id) || r.voter_id < 0)
		tool_die(t,
			 "node.id was negative in configuration file. Is this a valid controller configuration file?");
	if (!strstr(tool_property(t, "process.roles") ? tool_property(t, "process.roles") : "", "controller"))
		tool_die(
			t,
			"process.roles did not contain 'controller' in configuration file. Is this a valid controller configuration file?");
	r.voter_directory_id = directory_of(t);
	add_listeners(t, &r);
	tool_connect(t);
	if (!dry && (err = tool_ask(t, CLIENT_CONTROLLER, add_raft_voter_request_KEY, &r, &response)) != 0) {
		t->exception_names = true;
		tool_die_of(t, err, t->message);
	}
	tell_added(t, &r, dry);
	return EXIT_FINE;
}

/* ---- remove-controller ---- */

static void remove_voter(struct tool *t, const struct remove_raft_voter_request *r)
{
	const void *response;
	int err = tool_ask(t, CLIENT_CONTROLLER, remove_raft_voter_request_KEY, r, &response);

	if (err == 0)
		return;
	if (tool_has(t, "unregister") && (err == ERR_UNSUPPORTED_VERSION || err == ERR_VOTER_NOT_FOUND))
		tool_die(
			t,
			"Failed to remove KRaft voter %d: %.*s. To unregister the controller from the cluster, run `kafka-cluster.sh "
			"unregister-controller --id %d`.",
			r->voter_id, STR_ARG(tool_error_text(t, err, t->message)), r->voter_id);
	t->exception_names = true;
	tool_die_of(t, err, t->message);
}

static void unregister(struct tool *t, int32_t id)
{
	struct unregister_controller_request r = {id};
	const void *response;
	int err = tool_has(t, "dry-run")
			  ? 0
			  : tool_ask(t, CLIENT_CONTROLLER, unregister_controller_request_KEY, &r, &response);

	if (err != 0)
		tool_die(
			t,
			"Failed to unregister controller %d: %.*s. To unregister the controller from the cluster, run `kafka-cluster.sh "
			"unregister-controller --id %d`.",
			id, STR_ARG(tool_error_text(t, err, t->message)), id);
	tool_say(t, "%sKRaft controller %d\n", tool_has(t, "dry-run") ? "DRY RUN of unregistering " : "Unregistered ",
		 id);
}

static int remove_controller(struct tool *t)
{
	struct remove_raft_voter_request r = {.voter_id = tool_integer(t, "controller-id", 0)};
	bool dry = tool_has(t, "dry-run");
	char id[UUID_TEXT_LEN + 1];

	if (r.voter_id < 0)
		tool_die(t, "Invalid negative --controller-id: %d", r.voter_id);
	if (!uuid_parse(str_of(tool_value(t, "controller-directory-id")), &r.voter_directory_id))
		tool_die(t, "Failed to parse --controller-directory-id: %s is not a uuid",
			 tool_value(t, "controller-directory-id"));
	tool_connect(t);
	if (!dry)
		remove_voter(t, &r);
	tool_say(t, "%sKRaft controller %d with directory id %s\n", dry ? "DRY RUN of removing " : "Removed ",
		 r.voter_id, uuid_text(r.voter_directory_id, id));
	t->out = json_pack("{s:i,s:s,s:b}", "controllerId", (int)r.voter_id, "directoryId", id, "removed", !dry);
	if (tool_has(t, "unregister"))
		unregister(t, r.voter_id);
	return EXIT_FINE;
}

static int quorum(struct tool *t)
{
	if (strcmp(t->sub, "describe") == 0)
		return describe(t);
	if (strcmp(t->sub, "doctor") == 0)
		return quorum_doctor(t);
	return strcmp(t->sub, "add-controller") == 0 ? add_controller(t) : remove_controller(t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_quorum, argc, argv, quorum);
}

static const struct subcommand SUBCOMMANDS[] = {
	{"describe", "describe the metadata quorum"},
	{"add-controller", "make a controller a voter; --command-config is its configuration"},
	{"remove-controller", "remove a controller from the voters"},
	{"doctor",
	 "say whether the quorum is ready, which node may be restarted now, and what is to be done; exit 1 when something is wrong"},
	{NULL, NULL},
};

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 0, 0},
	{"bootstrap-controller", "HOST:PORT,...", "controllers to connect to first", NULL, 0, 0},
	{"status", NULL, "a summary: leader, epoch, lag, voters", "describe", 0, 0},
	{"replication", NULL, "each voter and observer with its lag", "describe", 0, 0},
	{"human-readable", NULL, "times as \"N ms ago\"", "describe", 0, 0},
	{"controller-id", "ID", "the controller to remove", "remove-controller", 'i', OPTION_REQUIRED},
	{"controller-directory-id", "ID", "the id of its metadata directory", "remove-controller", 'd',
	 OPTION_REQUIRED},
	{"dry-run", NULL, "print what would be done", "add-controller remove-controller", 0, 0},
	{"node", "ID", "the node that is to be restarted; without it all are looked at", "doctor", 'n', 0},
	{"config", "FILE",
	 "a node's configuration: its controllers are asked, or, where nobody answers, its directory is read", "doctor",
	 'c', 0},
	{"directory", "DIR", "a node's metadata directory, or a copy of one, to be read when nobody answers", "doctor",
	 0, 0},
	{"unregister", NULL, "also unregister it", "remove-controller", 0, 0},
	OPTION_COMMON,
};

const struct command command_quorum = {
	.name = "quorum",
	.summary = "describe and change the metadata quorum, as kafka-metadata-quorum does; and doctor",
	.run = run,
	.options = OPTIONS,
	.subcommands = SUBCOMMANDS,
	.description =
		"Describes the quorum of the metadata log, and adds and removes voters, as kafka-metadata-quorum does. "
		"doctor is our own, for any cluster: whether the quorum is ready and why not, whether a node may be restarted without "
		"leaving fewer than a majority of current voters, or partitions without a leader or below min.insync.replicas, and what is "
		"to be done. With --node its exit status is 0 when that node may be restarted now, else when nothing is wrong. Of a broker "
		"that is said only when brokers were asked, by --bootstrap-server: controllers do not tell of partitions.",
	.examples = "  odradek quorum --bootstrap-server localhost:9092 describe --status\n"
		    "  odradek quorum doctor --bootstrap-server localhost:9092 --node 2 && systemctl restart odradek\n"
		    "  odradek quorum doctor --config /etc/odradek/server.properties\n",
};
