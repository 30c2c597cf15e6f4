/*
 * reassign_partitions: `odradek reassign-partitions`: kafka-reassign-partitions.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/java_order.h"
#include "cli/reassign_generate.h"
#include "cli/reassign_throttle.h"
#include "cli/reassignment.h"
#include "cli/replica_dirs.h"

extern const struct command command_reassign_partitions;

enum { MOVE_TIMEOUT_MS = 10000 };

/* As the script's TerseException: without "Error: " in front. */
#define terse_die(t, ...) ((t)->complaint = "", tool_die(t, __VA_ARGS__))

/* ---- --verify ---- */

/* The state of a partition, or of a replica's move, with its name in JSON. */
enum outcome { COMPLETED, IN_PROGRESS, NOT_ACTIVE, NO_DIRECTORY, OTHER_DIRECTORY };
static const char *const OUTCOMES[] = {"completed", "inProgress", "notActive", "noLiveLogDir", "otherLogDir"};

struct partition_state {
	struct id_list replicas;
	enum outcome outcome;
};

/* The current state; a partition that does not exist has no replicas. */
static struct partition_state partition_state(struct tool *t, const struct reassignment *target,
					      const struct reassignments *under_way, const struct metadata_response *m)
{
	const struct reassignment *moving = reassignment_find(under_way, target->topic, target->partition);
	const struct metadata_response_topic *topic = moving ? NULL : topic_find(m, target->topic);
	const struct metadata_response_partition *p = partition_find(topic, target->partition);
	struct partition_state s = {.outcome = NOT_ACTIVE};

	if (moving)
		return (struct partition_state){moving->replicas, IN_PROGRESS};
	if (topic && topic->error_code && topic->error_code != ERR_UNKNOWN_TOPIC_OR_PARTITION)
		tool_die_of(t, topic->error_code, STR_NULL);
	if (p)
		s.replicas = IDS(p->replica_nodes);
	s.outcome = p && id_lists_equal(s.replicas, target->replicas) ? COMPLETED : NOT_ACTIVE;
	return s;
}

static void say_partition(struct tool *t, const struct reassignment *r, const struct partition_state *s)
{
	struct str name = reassignment_name(t, r);

	if (s->outcome == COMPLETED)
		tool_say(t, "Reassignment of partition %.*s is completed.\n", STR_ARG(name));
	else if (s->outcome == IN_PROGRESS)
		tool_say(t, "Reassignment of partition %.*s is still in progress.\n", STR_ARG(name));
	else
		tool_say(
			t,
			"There is no active reassignment of partition %.*s, but replica set is %.*s rather than %.*s.\n",
			STR_ARG(name), STR_ARG(ids_text(t, s->replicas)), STR_ARG(ids_text(t, r->replicas)));
}

/* True when no reassignment in the cluster is under way. */
static bool verify_partitions(struct tool *t, const struct reassignments *targets, json_t *out)
{
	struct reassignments under_way = reassignments_under_way(t, NULL);
	int n;
	const struct str *topics = reassignments_topics(t, targets, &n);
	const struct metadata_response *m = topics_of(t, topics, n);

	tool_say(t, "Status of partition reassignment:\n");
	for (int i = 0; i < targets->n; i++) {
		const struct reassignment *r = &targets->v[i];
		struct partition_state s = partition_state(t, r, &under_way, m);

		say_partition(t, r, &s);
		json_array_append_new(out, json_pack("{s:o,s:i,s:s,s:o,s:o}", "topic", json_str(r->topic), "partition",
						     (int)r->partition, "state", OUTCOMES[s.outcome], "replicas",
						     ids_json(s.replicas), "targetReplicas", ids_json(r->replicas)));
	}
	return under_way.n == 0;
}

static enum outcome dir_outcome(const struct replica_dir *r)
{
	if (!r->current.p)
		return NO_DIRECTORY;
	if (!r->future.p)
		return str_eq(r->current, r->target) ? COMPLETED : NOT_ACTIVE;
	return str_eq(r->future, r->target) ? IN_PROGRESS : OTHER_DIRECTORY;
}

static void say_dir(struct tool *t, const struct replica_dir *r, enum outcome outcome)
{
	struct str name = replica_dir_name(t, r);

	if (outcome == COMPLETED)
		tool_say(t, "Reassignment of replica %.*s completed successfully.\n", STR_ARG(name));
	else if (outcome == IN_PROGRESS)
		tool_say(t, "Reassignment of replica %.*s is still in progress.\n", STR_ARG(name));
	else if (outcome == NO_DIRECTORY)
		tool_say(
			t,
			"Partition %.*s-%d is not found in any live log dir on broker %d. There is likely an offline log directory on the broker.\n",
			STR_ARG(r->topic), r->partition, r->broker);
	else if (outcome == OTHER_DIRECTORY)
		tool_say(t, "Partition %.*s-%d on broker %d is being moved to log dir %.*s instead of %.*s.\n",
			 STR_ARG(r->topic), r->partition, r->broker, STR_ARG(r->future), STR_ARG(r->target));
	else
		tool_say(t, "Partition %.*s-%d on broker %d is not being moved from log dir %.*s to %.*s.\n",
			 STR_ARG(r->topic), r->partition, r->broker, STR_ARG(r->current), STR_ARG(r->target));
}

/* True when none of these moves is under way. */
static bool verify_dirs(struct tool *t, const struct reassignments *targets, json_t *out)
{
	struct replica_dirs dirs = replica_dirs_wanted(t, targets);
	bool done = true;

	replica_dirs_describe(t, &dirs);
	for (int i = 0; i < dirs.n; i++) {
		const struct replica_dir *r = &dirs.v[i];
		enum outcome outcome = dir_outcome(r);

		say_dir(t, r, outcome);
		done = done && outcome != IN_PROGRESS && outcome != OTHER_DIRECTORY;
		json_array_append_new(out, json_pack("{s:o,s:i,s:i,s:s,s:o,s:o,s:o}", "topic", json_str(r->topic),
						     "partition", (int)r->partition, "broker", (int)r->broker, "state",
						     OUTCOMES[outcome], "currentLogDir", json_str(r->current),
						     "futureLogDir", json_str(r->future), "targetLogDir",
						     json_str(r->target)));
	}
	if (dirs.n == 0)
		tool_say(t, "\n");
	return done;
}

static int verify(struct tool *t)
{
	struct reassignments targets = reassignments_read(t, tool_value(t, "reassignment-json-file"));
	json_t *partitions = json_array(), *dirs = json_array();
	bool done;

	reassignments_sort(&targets);
	done = verify_partitions(t, &targets, partitions);
	done = verify_dirs(t, &targets, dirs) && done;
	done = done && !tool_has(t, "preserve-throttles");
	if (done)
		throttles_clear(t, &targets);
	t->out = json_pack("{s:o,s:o,s:b}", "partitions", partitions, "logDirs", dirs, "throttlesCleared", (int)done);
	return EXIT_FINE;
}

/* ---- --execute ---- */

/* "1,2": the ids that occur twice; empty text when there are none. */
static struct str twice(struct tool *t, struct id_list ids)
{
	struct id_list seen = ids_new(t, ids.n), again = ids_new(t, ids.n);

	for (int32_t i = 0; i < ids.n; i++)
		ids_add(ids_have(seen, ids.v[i]) ? &again : &seen, ids.v[i]);
	java_order_ids(t, again);
	return ids_text(t, again);
}

static void check_replicas(struct tool *t, const struct reassignments *r)
{
	struct buf b = {0};

	for (int i = 0; i < r->n; i++)
		if (r->v[i].replicas.n == 0)
			tool_die(t, "Partition replica list cannot be empty");
	for (int i = 0; i < r->n; i++) {
		struct str again = twice(t, r->v[i].replicas);

		if (again.len > 0)
			buf_printf(&b, "%s%.*s contains multiple entries for %.*s", b.len ? ". " : "",
				   STR_ARG(reassignment_name(t, &r->v[i])), STR_ARG(again));
	}
	if (b.len > 0)
		tool_die(t, "Partition replica lists may not contain duplicate entries: %.*s", STR_ARG(buf_str(&b)));
}

/* The contents of the file, sorted, after the checks that do not need the cluster. */
static struct reassignments read_proposed(struct tool *t)
{
	struct reassignments r = reassignments_read(t, tool_value(t, "reassignment-json-file"));
	struct reassignments sorted = {arena_array(&t->arena, (size_t)r.n + 1, sizeof(*sorted.v)), r.n};

	if (r.n == 0)
		tool_die(t, "Partition reassignment list cannot be empty");
	memcpy(sorted.v, r.v, (size_t)r.n * sizeof(*r.v));
	reassignments_sort(&sorted);
	if (sorted.n < r.n)
		tool_die(t, "Partition reassignment contains duplicate topic partitions: %.*s",
			 STR_ARG(reassignments_repeated(t, &r)));
	check_replicas(t, &r);
	return sorted;
}

static void check_brokers(struct tool *t, const struct reassignments *proposed)
{
	const struct metadata_response *m = topics_of(t, &STR_NULL, 0);
	struct id_list brokers;
	int total = 0;

	for (int i = 0; i < proposed->n; i++)
		total += proposed->v[i].replicas.n;
	brokers = ids_new(t, total);
	for (int i = 0; i < proposed->n; i++)
		for (int32_t k = 0; k < proposed->v[i].replicas.n; k++)
			ids_add(&brokers, proposed->v[i].replicas.v[k]);
	java_order_ids(t, brokers);
	for (int32_t i = 0; i < brokers.n; i++)
		if (!broker_is_live(m, brokers.v[i]))
			tool_die(t, "Unknown broker id %d", brokers.v[i]);
}

_Noreturn static void no_partitions(struct tool *t, const struct reassignments *missing)
{
	int *order = arena_array(&t->arena, (size_t)missing->n, sizeof(*order));
	int32_t *hashes = arena_array(&t->arena, (size_t)missing->n, sizeof(*hashes));
	struct buf b = {0};

	for (int i = 0; i < missing->n; i++)
		hashes[i] = reassignment_java_hash(&missing->v[i]);
	java_order_of_hashes(t, hashes, missing->n, order);
	for (int i = 0; i < missing->n; i++)
		buf_printf(&b, "%s%.*s", i ? ", " : "", STR_ARG(reassignment_name(t, &missing->v[order[i]])));
	tool_die_of(t, ERR_UNKNOWN_TOPIC_OR_PARTITION,
		    arena_printf(&t->arena, "Unable to find partition: %.*s", STR_ARG(buf_str(&b))));
}

/* The current placement of the proposed partitions. */
static struct reassignments current_of(struct tool *t, const struct reassignments *proposed)
{
	int n;
	const struct str *topics = reassignments_topics(t, proposed, &n);
	struct reassignments all = reassignments_of_topics(t, topics, n), current = {0}, missing = {0};

	current.v = arena_array(&t->arena, (size_t)proposed->n + 1, sizeof(*current.v));
	missing.v = arena_array(&t->arena, (size_t)proposed->n + 1, sizeof(*missing.v));
	for (int i = 0; i < proposed->n; i++) {
		const struct reassignment *p = &proposed->v[i];
		const struct reassignment *found = reassignment_find(&all, p->topic, p->partition);

		if (found)
			current.v[current.n++] = *found;
		else
			missing.v[missing.n++] = *p;
	}
	if (missing.n > 0)
		no_partitions(t, &missing);
	return current;
}

static void show_current(struct tool *t, struct reassignments *current)
{
	replica_dirs_fill(t, current);
	if (t->json)
		return;
	printf("Current partition replica assignment\n\n");
	reassignments_print(current);
	printf("\n\nSave this to use as the --reassignment-json-file option during rollback\n");
}

static void throttle(struct tool *t, const struct reassignments *under_way, const struct reassignments *proposed,
		     const struct reassignments *current)
{
	int64_t between_brokers = tool_number(t, "throttle", -1);
	int64_t between_dirs = tool_number(t, "replica-alter-log-dirs-throttle", -1);
	struct replica_dirs moves = replica_dirs_wanted(t, proposed);

	if (between_brokers < 0 && between_dirs < 0)
		return;
	tool_say(
		t,
		"Warning: You must run --verify periodically, until the reassignment completes, to ensure the throttle is removed.\n");
	if (between_brokers >= 0)
		throttle_between_brokers(t, under_way, proposed, current, between_brokers);
	if (between_dirs >= 0)
		throttle_between_dirs(t, &moves, between_dirs);
}

static int execute(struct tool *t)
{
	struct reassignments proposed = read_proposed(t);
	struct reassignments under_way = reassignments_under_way(t, NULL), current;
	struct replica_dirs moves = replica_dirs_wanted(t, &proposed);
	struct str failed;

	if (!tool_has(t, "additional") && under_way.n > 0)
		terse_die(
			t,
			"Cannot execute because there is an existing partition assignment.  Use --additional to override this and create a new "
			"partition assignment in addition to the existing one. The --additional flag can also be used to change the throttle by "
			"resubmitting the current reassignment.");
	check_brokers(t, &proposed);
	current = current_of(t, &proposed);
	show_current(t, &current);
	throttle(t, &under_way, &proposed, &current);
	failed = reassignments_start(t, &proposed, !tool_has(t, "disallow-replication-factor-change"));
	if (failed.len > 0)
		terse_die(t, "Error reassigning partition(s):\n%.*s", STR_ARG(failed));
	tool_say(t, "Successfully started partition reassignment%s for %.*s\n", proposed.n == 1 ? "" : "s",
		 STR_ARG(reassignments_names(t, &proposed)));
	t->out = json_pack("{s:o,s:o}", "before", reassignments_json(&current), "started",
			   reassignments_json(&proposed));
	if (moves.n > 0)
		replica_dirs_move(t, &moves, tool_number(t, "timeout", MOVE_TIMEOUT_MS));
	return EXIT_FINE;
}

/* ---- --cancel ---- */

static struct reassignments cancel_moving(struct tool *t, const struct reassignments *targets)
{
	struct reassignments moving = reassignments_under_way(t, targets);
	struct str failed;
	int kept = 0;

	for (int i = 0; i < moving.n; i++)
		if (moving.v[i].adding.n > 0 || moving.v[i].removing.n > 0) {
			moving.v[kept] = moving.v[i];
			moving.v[kept++].replicas.n = -1; /* back to what they were */
		}
	moving.n = kept;
	if (moving.n == 0) {
		tool_say(t, "None of the specified partition reassignments are active.\n");
		return moving;
	}
	failed = reassignments_start(t, &moving, true);
	if (failed.len > 0)
		terse_die(t, "Error cancelling partition reassignment%s for:\n%.*s",
			  memchr(failed.p, '\n', (size_t)failed.len) ? "s" : "", STR_ARG(failed));
	tool_say(t, "Successfully cancelled partition reassignment%s for: %.*s\n", moving.n == 1 ? "" : "s",
		 STR_ARG(reassignments_names(t, &moving)));
	return moving;
}

/* Replicas being moved to another directory stay in their current one. */
static void cancel_dirs(struct tool *t, const struct reassignments *targets, json_t *out)
{
	struct replica_dirs dirs = replica_dirs_wanted(t, targets);
	int kept = 0;

	replica_dirs_describe(t, &dirs);
	for (int i = 0; i < dirs.n; i++)
		if (dirs.v[i].current.p && dirs.v[i].future.p) {
			dirs.v[kept] = dirs.v[i];
			dirs.v[kept].target = dirs.v[kept].current;
			kept++;
		}
	dirs.n = kept;
	for (int i = 0; i < dirs.n; i++)
		json_array_append_new(out, json_pack("{s:o,s:i,s:i,s:o}", "topic", json_str(dirs.v[i].topic),
						     "partition", (int)dirs.v[i].partition, "broker",
						     (int)dirs.v[i].broker, "logDir", json_str(dirs.v[i].current)));
	if (dirs.n > 0)
		replica_dirs_move(t, &dirs, tool_number(t, "timeout", MOVE_TIMEOUT_MS));
	else
		/* the script prints no newline here */
		tool_say(t, "None of the specified partition moves are active.");
}

static int cancel(struct tool *t)
{
	struct reassignments targets = reassignments_read(t, tool_value(t, "reassignment-json-file")), cancelled;
	bool clears = !tool_has(t, "preserve-throttles");
	json_t *partitions = json_array(), *dirs = json_array();

	reassignments_sort(&targets);
	cancelled = cancel_moving(t, &targets);
	for (int i = 0; i < cancelled.n; i++)
		json_array_append_new(partitions, json_pack("{s:o,s:i}", "topic", json_str(cancelled.v[i].topic),
							    "partition", (int)cancelled.v[i].partition));
	cancel_dirs(t, &targets, dirs);
	if (clears)
		throttles_clear(t, &targets);
	t->out = json_pack("{s:o,s:o,s:b}", "cancelled", partitions, "logDirs", dirs, "throttlesCleared", (int)clears);
	return EXIT_FINE;
}

/* ---- --list ---- */

static void say_part(struct tool *t, const char *what, struct id_list ids)
{
	if (ids.n > 0)
		tool_say(t, " %s: %.*s.", what, STR_ARG(ids_text(t, ids)));
}

static int list(struct tool *t)
{
	struct reassignments r = reassignments_under_way(t, NULL);

	t->out = json_array();
	tool_say(t, r.n ? "Current partition reassignments:\n" : "No partition reassignments found.\n");
	for (int i = 0; i < r.n; i++) {
		const struct reassignment *one = &r.v[i];

		tool_say(t, "%.*s: replicas: %.*s.", STR_ARG(reassignment_name(t, one)),
			 STR_ARG(ids_text(t, one->replicas)));
		say_part(t, "adding", one->adding);
		say_part(t, "removing", one->removing);
		tool_say(t, "\n");
		json_array_append_new(t->out,
				      json_pack("{s:o,s:i,s:o,s:o,s:o}", "topic", json_str(one->topic), "partition",
						(int)one->partition, "replicas", ids_json(one->replicas), "adding",
						ids_json(one->adding), "removing", ids_json(one->removing)));
	}
	return EXIT_FINE;
}

/* ---- the command ---- */

/* The options that each action requires and accepts, besides --command-config and --json. */
static const struct action {
	const char *name;
	int (*run)(struct tool *t);
	const char *needs;
	const char *takes;
} ACTIONS[] = {
	{"generate", reassignments_generate, "topics-to-move-json-file broker-list",
	 "bootstrap-server disable-rack-aware"},
	{"execute", execute, "reassignment-json-file",
	 "bootstrap-server additional throttle replica-alter-log-dirs-throttle timeout disallow-replication-factor-change"},
	{"verify", verify, "reassignment-json-file", "bootstrap-server preserve-throttles"},
	{"cancel", cancel, "reassignment-json-file",
	 "bootstrap-server bootstrap-controller preserve-throttles timeout"},
	{"list", list, "", "bootstrap-server bootstrap-controller"},
};
enum { ACTIONS_N = sizeof(ACTIONS) / sizeof(ACTIONS[0]) };
#define ALWAYS "command-config json"

static const struct action *action_of(struct tool *t)
{
	const char *names[ACTIONS_N + 1] = {NULL};

	for (int i = 0; i < ACTIONS_N; i++)
		names[i] = ACTIONS[i].name;
	return &ACTIONS[tool_one_of(
		t, names,
		"Command must include exactly one action: --generate, --execute, --verify, --cancel, --list")];
}

static void check_bootstrap(struct tool *t)
{
	bool brokers = tool_has(t, "bootstrap-server"), controllers = tool_has(t, "bootstrap-controller");

	if (brokers && controllers)
		tool_misused(t, "Please don't specify both --bootstrap-server and --bootstrap-controller");
	if (!brokers && !controllers)
		tool_misused(t, "Please specify either --bootstrap-server or --bootstrap-controller");
}

static void check_options(struct tool *t, const struct action *a)
{
	for (const struct option_row *r = t->command->options; r->name; r++)
		if (word_is_among(r->name, a->needs) && !tool_has(t, r->name))
			tool_misused(t, "Missing required argument \"[%s]\"", r->name);
	for (int i = 0; i < t->options.n; i++) {
		const char *name = t->options.given[i].row->name;

		if (strcmp(name, a->name) != 0 && !word_is_among(name, a->needs) && !word_is_among(name, a->takes) &&
		    !word_is_among(name, ALWAYS))
			tool_misused(t, "Option \"[%s]\" can't be used with action \"[%s]\"", name, a->name);
	}
}

static int reassign_partitions(struct tool *t)
{
	const struct action *action = action_of(t);

	check_bootstrap(t);
	check_options(t, action);
	t->complaint = "Error: ";
	t->complain_to = stdout;
	t->exception_names = true;
	if (!tool_property(t, "client.id"))
		tool_property_set(t, "client.id", "reassign-partitions-tool");
	tool_connect(t);
	return action->run(t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_reassign_partitions, argc, argv, reassign_partitions);
}

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 0, 0},
	{"bootstrap-controller", "HOST:PORT,...", "controllers to begin with, of --list and --cancel", NULL, 0, 0},
	{"generate", NULL, "propose where the replicas of topics could be; changes nothing", NULL, 0, 0},
	{"execute", NULL, "begin to move replicas to where the file says", NULL, 0, 0},
	{"verify", NULL, "print how far it is; when all is done, remove the throttles", NULL, 0, 0},
	{"cancel", NULL, "cancel the moves of the file's partitions and remove the throttles", NULL, 0, 0},
	{"list", NULL, "print the moves under way", NULL, 0, 0},
	{"topics-to-move-json-file", "FILE",
	 "of --generate, which topics: {\"topics\": [{\"topic\": \"t\"}], \"version\": 1}", NULL, 0, 0},
	{"broker-list", "ID,...", "of --generate, to which brokers", NULL, 0, 0},
	{"disable-rack-aware", NULL, "of --generate: as if brokers had no racks", NULL, 0, 0},
	{"reassignment-json-file", "FILE",
	 "what shall be where: {\"partitions\": [{\"topic\": \"t\", \"partition\": 0, \"replicas\": [1, 2], \"log_dirs\": [\"any\", \"/data\"]}], "
	 "\"version\": 1}; log_dirs may be left out",
	 NULL, 0, 0},
	{"additional", NULL, "of --execute: beside what is under way; also to change its throttle", NULL, 0, 0},
	{"throttle", "BYTES", "of --execute: bytes a second between brokers", NULL, 0, 0},
	{"replica-alter-log-dirs-throttle", "BYTES", "of --execute: bytes a second between directories of a broker",
	 NULL, 0, 0},
	{"disallow-replication-factor-change", NULL, "of --execute: no partition may get more or fewer replicas", NULL,
	 0, 0},
	{"timeout", "MS", "how long to wait until moves between directories can begin; 10000", NULL, 0, 0},
	{"preserve-throttles", NULL, "of --verify and --cancel: leave the throttles", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_reassign_partitions = {
	.name = "reassign-partitions",
	.summary = "move replicas to other brokers and directories, as kafka-reassign-partitions does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Moves the replicas of partitions between brokers, and between the directories of a broker, as\n"
		"kafka-reassign-partitions does: propose with --generate, begin with --execute, look with --verify or --list, take back\n"
		"with --cancel.",
	.examples =
		"  odradek reassign-partitions --bootstrap-server localhost:9092 --list\n"
		"  odradek reassign-partitions --bootstrap-server localhost:9092 --execute --reassignment-json-file moves.json --throttle 50000000\n"
		"  odradek reassign-partitions --bootstrap-server localhost:9092 --verify --reassignment-json-file moves.json\n",
};
