/*
 * quorum_doctor: conclusions from what a cluster, or a metadata directory, says; and reporting
 * them.
 *
 * A problem keeps the cluster from being healthy; a hint says what to do. Exit status 0: no problem
 * or, with --node, that node may be restarted now. This is never said of a node whose partitions
 * were not examined, unless it is known not to be a broker.
 */
#include "cli/quorum_doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct report {
	struct tool *tool;
	const struct doctor_survey *s;
	json_t *problems; /* array of strings */
	json_t *hints;
	json_t *restarts;
	const struct doctor_config *config;
};

static void add_line(json_t *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(json_t *to, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	json_array_append_new(to, json_vsprintf(format, ap));
	va_end(ap);
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* ---- a quorum with a leader ---- */

static const char *silence_text(struct tool *t, int64_t ms)
{
	if (ms < 0)
		return "was not heard of in this epoch";
	return tool_string(t, arena_printf(&t->arena, "was heard of %" PRId64 " ms ago", ms));
}

static const char *distance_text(struct tool *t, int64_t lag)
{
	if (lag < 0)
		return "an unknown number of records";
	return tool_string(t, arena_printf(&t->arena, "%" PRId64 " record%s", lag, plural(lag)));
}

/* What to do if the situation persists. */
static void add_lost_majority(json_t *hints)
{
	add_line(
		hints,
		"if their disks are lost: put the metadata directory of one of them (meta.properties and __cluster_metadata-0) back "
		"from a copy, and start it");
	add_line(
		hints,
		"do not format a majority of the voters anew: what only they had decided is lost, and where kraft.version is 1 a "
		"newly formatted node has no vote");
}

/* While there is a majority, one voter can be removed and added again, or start with an empty disk. */
static void add_lost_disk(struct report *r, const struct doctor_voter *v)
{
	char id[UUID_TEXT_LEN + 1];

	if (!uuid_is_zero(v->directory_id))
		add_line(r->hints,
			 "if node %d's disk is lost: quorum remove-controller --controller-id %d "
			 "--controller-directory-id %s, then format the new one with --no-initial-controllers and "
			 "quorum add-controller (Apache: kafka-metadata-quorum.sh, the same)",
			 v->id, v->id, uuid_text(v->directory_id, id));
	else
		add_line(
			r->hints,
			"if node %d's disk is lost: format the new one with the same node.id and cluster id %.*s, one node at a time",
			v->id, STR_ARG(r->s->cluster_id));
}

static void look_at_voter(struct report *r, const struct doctor_voter *v, bool decides)
{
	add_line(r->problems, "voter %d is not current: it %s, and is %s behind", v->id,
		 silence_text(r->tool, v->silent_ms), distance_text(r->tool, v->lag));
	if (v->fetches && v->silent_ms >= 0 && v->silent_ms <= DOCTOR_CURRENT_MS) {
		add_line(r->hints, "voter %d catches up: wait", v->id);
		return;
	}
	add_line(r->hints, "start node %d, or see in its log why it does not reach leader %d", v->id, r->s->leader_id);
	if (decides)
		add_lost_disk(r, v);
}

static void look_at_voters(struct report *r)
{
	const struct doctor_survey *s = r->s;
	bool decides = s->n_current >= doctor_majority(s->n_voters);

	for (int i = 0; i < s->n_voters; i++)
		if (!s->voters[i].current)
			look_at_voter(r, &s->voters[i], decides);
	if (decides)
		return;
	add_line(r->problems, "%d of %d voters are current, and a majority is %d: nothing can be decided", s->n_current,
		 s->n_voters, doctor_majority(s->n_voters));
	add_lost_majority(r->hints);
}

static const struct doctor_voter *voter_of(const struct doctor_survey *s, int32_t id)
{
	for (int i = 0; i < s->n_voters; i++)
		if (s->voters[i].id == id)
			return &s->voters[i];
	return NULL;
}

static void look_at_brokers(struct report *r)
{
	const struct doctor_survey *s = r->s;

	for (int i = 0; i < s->n_brokers; i++) {
		const struct doctor_voter *v = voter_of(s, s->brokers[i].id);

		if (!s->brokers[i].is_fenced)
			continue;
		add_line(r->problems, "broker %d is fenced", s->brokers[i].id);
		if (v && !v->current) /* already reported */
			continue;
		add_line(r->hints,
			 "start broker %d, or see in its log why it sends no heartbeats; if it is gone for good: "
			 "cluster unregister --id %d (kafka-cluster.sh unregister --id %d)",
			 s->brokers[i].id, s->brokers[i].id, s->brokers[i].id);
	}
	if (s->n_without_leader > 0) {
		add_line(r->problems, "%" PRId64 " partition%s no leader, such as %.*s", s->n_without_leader,
			 s->n_without_leader == 1 ? " has" : "s have", STR_ARG(s->without_leader_one));
		if (s->wanted >= 0)
			add_line(
				r->hints,
				"start broker %d: it was the last in sync of %.*s; leader-election --election-type unclean has another lead, "
				"and loses what only broker %d has",
				s->wanted, STR_ARG(s->without_leader_one), s->wanted);
	}
	if (s->n_below_min > 0)
		add_line(r->problems,
			 "%" PRId64 " partition%s below min.insync.replicas, such as %.*s: acks=all is refused",
			 s->n_below_min, s->n_below_min == 1 ? " is" : "s are", STR_ARG(s->below_min_one));
	if (s->n_under_replicated > 0)
		add_line(r->problems, "%" PRId64 " partition%s replicas that are not in sync", s->n_under_replicated,
			 s->n_under_replicated == 1 ? " has" : "s have");
}

/* ---- whether a node may be restarted ---- */

static const struct doctor_broker *broker_of(const struct doctor_survey *s, int32_t id)
{
	for (int i = 0; i < s->n_brokers; i++)
		if (s->brokers[i].id == id)
			return &s->brokers[i];
	return NULL;
}

static void reasons_of_voter(const struct doctor_survey *s, const struct doctor_voter *v, json_t *reasons)
{
	int others = s->n_current - v->current;

	if (s->n_voters == 1)
		add_line(reasons, "it is the only voter: nothing is decided until it is back");
	else if (others < doctor_majority(s->n_voters))
		add_line(reasons, "of the other voters %d %s current, and a majority is %d of %d", others,
			 others == 1 ? "is" : "are", doctor_majority(s->n_voters), s->n_voters);
}

static void reasons_of_broker(const struct doctor_broker *b, json_t *reasons)
{
	if (b->n_offline > 0)
		add_line(reasons,
			 "%" PRId64 " partition%s would have no leader, such as %.*s: no other replica is in sync",
			 b->n_offline, plural(b->n_offline), STR_ARG(b->offline_one));
	if (b->n_below_min > 0)
		add_line(reasons, "%" PRId64 " partition%s would fall below min.insync.replicas, such as %.*s",
			 b->n_below_min, plural(b->n_below_min), STR_ARG(b->below_min_one));
}

static bool is_told_of(const struct doctor_survey *s, int32_t id)
{
	return voter_of(s, id) || broker_of(s, id);
}

/* True: the node may be restarted. */
static bool judge(struct report *r, int32_t id)
{
	const struct doctor_voter *v = voter_of(r->s, id);
	const struct doctor_broker *b = broker_of(r->s, id);
	json_t *reasons = json_array();
	bool may;

	if (r->s->quorum_error)
		add_line(reasons, "nobody leads the quorum");
	if (v)
		reasons_of_voter(r->s, v, reasons);
	if (b)
		reasons_of_broker(b, reasons);
	else if (!r->s->has_brokers && !(r->config->is_no_broker && id == r->config->node_id))
		add_line(reasons, "its partitions were not looked at: --bootstrap-server");
	may = json_array_size(reasons) == 0;
	json_array_append_new(r->restarts,
			      json_pack("{s:i,s:b,s:o}", "node", (int)id, "allowed", may, "reasons", reasons));
	return may;
}

/* For a node given by --node. */
static bool judge_named(struct report *r, int32_t id)
{
	if (!r->s->quorum_error && !is_told_of(r->s, id))
		tool_die(r->tool, "node %d is not a voter%s", id, r->s->has_brokers ? " and not a broker" : "");
	return judge(r, id);
}

static void judge_all(struct report *r)
{
	for (int i = 0; i < r->s->n_voters; i++)
		judge(r, r->s->voters[i].id);
	for (int i = 0; i < r->s->n_brokers; i++)
		if (!voter_of(r->s, r->s->brokers[i].id))
			judge(r, r->s->brokers[i].id);
}

/* ---- a quorum without a leader ---- */

/* A controller that is not the leader answers only with an error. */
static void look_at_leaders(struct report *r, const struct doctor_probe *v, int n)
{
	const struct doctor_probe *one = NULL;

	for (int i = 0; i < n; i++) {
		if (v[i].leader_id < 0)
			continue;
		if (one && (one->leader_id != v[i].leader_id || one->epoch != v[i].epoch))
			add_line(r->problems,
				 "controllers name different leaders: %s node %d of epoch %d, %s node %d of epoch %d",
				 one->address, one->leader_id, one->epoch, v[i].address, v[i].leader_id, v[i].epoch);
		if (!one)
			add_line(r->hints, "controller %s says that node %d leads epoch %d: ask again", v[i].address,
				 v[i].leader_id, v[i].epoch);
		one = &v[i];
	}
}

/*
 * The voters are known only if controller.quorum.voters lists them: for other addresses no majority
 * can be determined.
 */
static void count_answers(struct report *r, int answer, int n, bool are_voters)
{
	int majority = doctor_majority(n);

	if (answer == n || (are_voters && answer >= majority)) {
		add_line(
			r->hints,
			"%s: an election may be under way, try again; if it stays so, see in their logs whether they reach each other",
			are_voters ? "a majority answers" : "all that were named answer");
		if (!are_voters)
			add_line(r->hints, "name all the voters, to see whether a majority of them answers");
		return;
	}
	if (are_voters) {
		add_line(r->problems, "%d of %d controllers answer, and a majority is %d", answer, n, majority);
		add_line(r->hints, "start %d more of those that do not answer", majority - answer);
	} else {
		add_line(r->problems, "%d of the %d controllers that were named answer", answer, n);
		add_line(r->hints, "start those that do not answer: a majority of the voters has to run");
	}
	add_lost_majority(r->hints);
}

static void look_at_probes(struct report *r, const char *controllers)
{
	int n, answer = 0;
	const struct doctor_probe *v = doctor_probe(r->tool, controllers, &n);

	for (int i = 0; i < n; i++) {
		answer += v[i].err == 0;
		if (v[i].err)
			add_line(r->problems, "controller %s does not answer (%s)", v[i].address, err_name(v[i].err));
	}
	look_at_leaders(r, v, n);
	count_answers(r, answer, n, r->config->voters && controllers == r->config->controllers);
}

static void look_at_quorum(struct report *r, const char *controllers)
{
	const struct doctor_survey *s = r->s;

	if (!s->quorum_error) {
		look_at_voters(r);
		return;
	}
	add_line(r->problems, "nobody leads the quorum, as far as is known here: %.*s",
		 STR_ARG(tool_error_text(r->tool, s->quorum_error, s->quorum_message)));
	if (controllers)
		look_at_probes(r, controllers);
	else
		add_line(
			r->hints,
			"ask the controllers themselves: quorum doctor --bootstrap-controller HOST:PORT,... with all of them");
}

/* ---- telling ---- */

static void print_lines(const char *head, const json_t *lines)
{
	for (size_t i = 0; i < json_array_size(lines); i++)
		printf("%-10s  %s\n", head, json_string_value(json_array_get(lines, i)));
}

static void print_restarts(const json_t *restarts)
{
	for (size_t i = 0; i < json_array_size(restarts); i++) {
		const json_t *one = json_array_get(restarts, i), *reasons = json_object_get(one, "reasons");
		long long node = json_integer_value(json_object_get(one, "node"));

		if (json_is_true(json_object_get(one, "allowed")))
			printf("restart     node %lld: yes\n", node);
		for (size_t k = 0; k < json_array_size(reasons); k++)
			printf("restart     node %lld: not now: %s\n", node,
			       json_string_value(json_array_get(reasons, k)));
	}
}

static void print_voter(struct tool *t, const struct doctor_survey *s, const struct doctor_voter *v)
{
	printf("voter       %d%s%.*s: %s, %s behind\n", v->id, v->address.p ? " at " : "", STR_ARG(v->address),
	       v->id == s->leader_id ? "leads"
	       : v->current	     ? "current"
				     : "not current",
	       distance_text(t, v->lag));
}

static void print_survey(struct tool *t, const struct doctor_survey *s)
{
	if (s->cluster_id.len > 0)
		printf("cluster     %.*s\n", STR_ARG(s->cluster_id));
	if (s->quorum_error)
		printf("quorum      not ready\n");
	else
		printf("quorum      %s: node %d leads epoch %d, %d of %d voters are current, high watermark %" PRId64
		       "\n",
		       s->n_current >= doctor_majority(s->n_voters) ? "ready" : "not ready", s->leader_id,
		       s->leader_epoch, s->n_current, s->n_voters, s->high_watermark);
	for (int i = 0; i < s->n_voters; i++)
		print_voter(t, s, &s->voters[i]);
	if (s->has_brokers)
		printf("partitions  %" PRId64 ": %" PRId64 " without a leader, %" PRId64
		       " below min.insync.replicas, %" PRId64 " with replicas not in sync\n",
		       s->n_partitions, s->n_without_leader, s->n_below_min, s->n_under_replicated);
	else
		printf("partitions  not looked at: controllers do not tell; see --bootstrap-server\n");
}

static json_t *json_voters(const struct doctor_survey *s)
{
	json_t *all = json_array();

	for (int i = 0; i < s->n_voters; i++)
		json_array_append_new(all, json_pack("{s:i,s:o,s:b,s:b,s:I,s:I}", "id", (int)s->voters[i].id, "address",
						     json_str(s->voters[i].address), "leads",
						     s->voters[i].id == s->leader_id, "current", s->voters[i].current,
						     "lag", (json_int_t)s->voters[i].lag, "silentMs",
						     (json_int_t)s->voters[i].silent_ms));
	return all;
}

static json_t *json_partitions(const struct doctor_survey *s)
{
	if (!s->has_brokers)
		return json_null();
	return json_pack("{s:I,s:I,s:I,s:I}", "all", (json_int_t)s->n_partitions, "withoutLeader",
			 (json_int_t)s->n_without_leader, "belowMinInsyncReplicas", (json_int_t)s->n_below_min,
			 "underReplicated", (json_int_t)s->n_under_replicated);
}

static int print_report(struct report *r, bool well)
{
	const struct doctor_survey *s = r->s;
	bool ready = !s->quorum_error && s->n_current >= doctor_majority(s->n_voters);

	if (!r->tool->json) {
		print_survey(r->tool, s);
		print_lines("problem", r->problems);
		print_restarts(r->restarts);
		print_lines("hint", r->hints);
	}
	r->tool->out =
		json_pack("{s:o,s:b,s:i,s:i,s:I,s:o,s:o,s:o,s:o,s:o}", "clusterId", json_str(s->cluster_id), "ready",
			  ready, "leaderId", (int)s->leader_id, "leaderEpoch", (int)s->leader_epoch, "highWatermark",
			  (json_int_t)s->high_watermark, "voters", json_voters(s), "partitions", json_partitions(s),
			  "problems", r->problems, "restart", r->restarts, "hints", r->hints);
	return well && ready ? EXIT_FINE : EXIT_CONFIG;
}

/* ---- no controller answers ---- */

static void advise(const struct doctor_disk *d, bool asked, json_t *problems, json_t *hints)
{
	int majority = doctor_majority(d->n_voters);

	add_line(problems, "%s: this is what is on the disk of this node alone",
		 asked ? "nobody answers" : "nobody was asked");
	if (d->n_voters == 0)
		add_line(hints, "the voters are not known from here: controller.quorum.voters has them, see --config");
	else if (d->n_voters == 1 && d->is_voter)
		add_line(hints, "this node is the only voter: start it");
	else if (d->is_voter)
		add_line(hints, "start this node and at least %d of the other voters: a majority is %d of %d",
			 majority - 1, majority, d->n_voters);
	else
		add_line(hints, "this node is not a voter: start at least %d of the %d voters", majority, d->n_voters);
	if (d->n_voters > 1) {
		add_line(
			hints,
			"of several copies the one with the highest last epoch, then the highest end, has most: compare by this command");
		add_lost_majority(hints);
	}
}

static json_t *json_ids(const int32_t *v, int n)
{
	json_t *all = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(all, json_integer(v[i]));
	return all;
}

static void print_disk(const struct doctor_disk *d)
{
	printf("directory   %s: node %d of cluster %.*s\n", d->path, d->node_id, STR_ARG(d->cluster_id));
	if (d->has_state)
		printf("state       epoch %d, leader %d, voted for %d (-1: nobody)\n", d->leader_epoch, d->leader_id,
		       d->voted_id);
	else
		printf("state       no quorum-state: it has taken part in no election\n");
	printf("log         ends at %" PRId64 ", last epoch %d, kraft.version %d\n", d->log_end, d->log_epoch,
	       d->kraft_version);
	printf("voters     ");
	for (int i = 0; i < d->n_voters; i++)
		printf(" %d", d->voters[i]);
	printf("%s\n", d->n_voters ? "" : " not known");
}

static int tell_disk(struct tool *t, const char *path, bool asked)
{
	json_t *problems = json_array(), *hints = json_array();
	struct doctor_disk d;

	doctor_read_disk(t, path, &d);
	advise(&d, asked, problems, hints);
	if (!t->json) {
		print_disk(&d);
		print_lines("problem", problems);
		print_lines("hint", hints);
	}
	t->out = json_pack("{s:b,s:s,s:i,s:o,s:i,s:i,s:i,s:I,s:i,s:i,s:o,s:o,s:o}", "ready", false, "directory", path,
			   "node", (int)d.node_id, "clusterId", json_str(d.cluster_id), "leaderId", (int)d.leader_id,
			   "leaderEpoch", (int)d.leader_epoch, "votedId", (int)d.voted_id, "logEnd",
			   (json_int_t)d.log_end, "logEpoch", (int)d.log_epoch, "kraftVersion", (int)d.kraft_version,
			   "voters", json_ids(d.voters, d.n_voters), "problems", problems, "hints", hints);
	return EXIT_CONFIG;
}

/* ---- the subcommand ---- */

/* The addresses to ask: those given, or the controllers in the configuration file. NULL: none. */
static const char *addresses_to_ask(struct tool *t, const struct doctor_config *c, bool *controllers)
{
	const char *brokers = tool_value(t, "bootstrap-server"), *named = tool_value(t, "bootstrap-controller");

	if (brokers && named)
		tool_misused(t, "You cannot specify both --bootstrap-controller and --bootstrap-server.");
	*controllers = !brokers;
	if (brokers)
		return brokers;
	return named ? named : c->controllers;
}

/*
 * Whether the node asked about may be restarted; without --node, whether nothing is wrong.
 * Controllers know nothing of a broker that only its configuration file names.
 */
static bool judge_asked(struct report *r, const struct doctor_config *c)
{
	bool told_of = is_told_of(r->s, c->node_id), may = true;

	if (tool_has(r->tool, "node"))
		return judge_named(r, tool_integer(r->tool, "node", -1));
	if (c->node_id >= 0 && (told_of || r->s->quorum_error))
		return judge(r, c->node_id);
	judge_all(r);
	if (c->node_id >= 0 && !r->s->has_brokers)
		may = judge(r, c->node_id);
	return may && json_array_size(r->problems) == 0;
}

static int tell_cluster(struct tool *t, const struct doctor_survey *s, const struct doctor_config *c,
			const char *controllers)
{
	struct report r = {.tool = t,
			   .s = s,
			   .problems = json_array(),
			   .hints = json_array(),
			   .restarts = json_array(),
			   .config = c};
	bool well;

	look_at_quorum(&r, controllers);
	look_at_brokers(&r);
	well = judge_asked(&r, c);
	return print_report(&r, well);
}

int quorum_doctor(struct tool *t)
{
	struct doctor_config c = {.node_id = -1};
	const char *bootstrap, *directory = tool_value(t, "directory");
	struct doctor_survey s = {0};
	bool controllers;

	if (tool_has(t, "config"))
		doctor_read_config(t, tool_value(t, "config"), &c);
	directory = directory ? directory : c.directory;
	bootstrap = addresses_to_ask(t, &c, &controllers);
	if (!bootstrap && !directory)
		tool_misused(
			t,
			"You must specify either --bootstrap-controller or --bootstrap-server, --config or --directory.");
	if (!tool_property(t, "default.api.timeout.ms"))
		tool_property_set(t, "default.api.timeout.ms", "5000");
	if (bootstrap) {
		tool_connect_to(t, bootstrap, controllers);
		doctor_survey(t, &s);
	}
	if (s.answered)
		return tell_cluster(t, &s, &c, controllers ? bootstrap : c.controllers);
	if (directory)
		return tell_disk(t, directory, bootstrap != NULL);
	if (controllers) {
		s.quorum_error = s.quorum_error ? s.quorum_error : -1;
		return tell_cluster(t, &s, &c, bootstrap);
	}
	tool_die(t, "nobody answers at %s: start a broker, or see --bootstrap-controller, --config and --directory",
		 bootstrap);
}
