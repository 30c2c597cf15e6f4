/*
 * odradek-sim: the node in the simulator, for one seed or a range of them.
 *
 *   odradek-sim --seed N [--twice] [--no-trouble] [--verbose] [--events N] [--time MS]
 *   odradek-sim --seeds A..B [--twice] [--no-trouble] [--all-reached]
 *   odradek-sim --cluster --seed N | --seeds A..B ...        three nodes or more (cluster_run.h) instead of one
 *                                                            (run.h); --without leaves out a kind of fault
 *                                                            (storm.h) or an optional part (cluster_run.h):
 *                                                            tests/sim/shrink finds out which are needed
 *   odradek-sim --seed N --power-cut-at K | --kill-at K      one crash, at the K-th change of the disk
 *   odradek-sim --seed N --no-descriptor-at K                the K-th descriptor asked for is refused, and a
 *                                                            few after it
 *   odradek-sim --seed N --power-cut-each | ...-each         such a run for each K until none is left
 *
 * Prints one line per seed (or per hundred): its trace hash, its events, what was acknowledged.
 * Exit status 0 if all was well. A seed that fails ends the process with the last events and the
 * command that reproduces the run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/cluster_run.h"
#include "tests/sim/run.h"

struct job {
	struct run_options run;
	uint64_t first, last;
	bool twice;
	bool each; /* for each fault_at */
	bool all_reached;
	bool is_cluster;
	struct cluster_totals cluster;
};

static int usage(void)
{
	fputs("usage: odradek-sim --seed N | --seeds A..B [--twice] [--no-trouble] [--all-reached] [--encrypted] [--verbose] [--events N] [--time MS]\n"
	      "                   [--cluster [--without KIND]...]\n"
	      "                   [--power-cut-at K | --kill-at K | --no-descriptor-at K | --power-cut-each | --kill-each | --no-descriptor-each]\n",
	      stderr);
	return 2;
}

static bool parse_number(const char *text, uint64_t *out, const char **rest)
{
	char *end;

	*out = strtoull(text, &end, 10);
	*rest = end;
	return end != text;
}

/* "--<fault><suffix>" */
static bool is_fault(struct job *j, const char *name, const char *suffix)
{
	char text[40];

	for (int i = RUN_KILL; i <= RUN_NO_DESCRIPTOR; i++) {
		snprintf(text, sizeof(text), "--%s%s", RUN_FAULT_NAMES[i], suffix);
		if (strcmp(name, text))
			continue;
		j->run.fault = (enum run_fault)i;
		return true;
	}
	return false;
}

static bool spare(struct job *j, const char *kind)
{
	for (int i = 0; i < STORM_KINDS; i++)
		if (!strcmp(STORM_NAMES[i], kind)) {
			j->run.without |= 1u << i;
			return true;
		}
	for (int i = 0; i < MORE_KINDS; i++)
		if (!strcmp(CLUSTER_MORE_NAMES[i], kind)) {
			j->run.without |= 1u << (STORM_KINDS + i);
			return true;
		}
	return false;
}

static bool take_value(struct job *j, const char *name, const char *text)
{
	const char *rest;
	uint64_t v;

	if (!strcmp(name, "--without"))
		return spare(j, text);
	if (!parse_number(text, &v, &rest))
		return false;
	if (!strcmp(name, "--seeds") && !strncmp(rest, "..", 2)) {
		j->first = v;
		return parse_number(rest + 2, &j->last, &rest) && !*rest && j->last >= j->first;
	}
	if (*rest)
		return false;
	if (!strcmp(name, "--seed"))
		j->first = j->last = v;
	else if (!strcmp(name, "--events"))
		j->run.max_events = v;
	else if (!strcmp(name, "--time"))
		j->run.max_ms = (int64_t)v;
	else if (is_fault(j, name, "-at"))
		j->run.fault_at = (int64_t)v;
	else
		return false;
	return true;
}

static bool parse(int argc, char **argv, struct job *j)
{
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (!strcmp(a, "--twice"))
			j->twice = true;
		else if (!strcmp(a, "--no-trouble"))
			j->run.no_trouble = true;
		else if (!strcmp(a, "--encrypted"))
			j->run.encrypted = true;
		else if (!strcmp(a, "--verbose"))
			j->run.verbose = true;
		else if (!strcmp(a, "--cluster"))
			j->is_cluster = true;
		else if (!strcmp(a, "--all-reached"))
			j->all_reached = true;
		else if (is_fault(j, a, "-each"))
			j->each = true;
		else if (i + 1 >= argc || !take_value(j, a, argv[++i]))
			return false;
	}
	return j->first > 0 && !(j->is_cluster && (j->run.fault_at || j->each));
}

static void run_once(struct job *j, struct run_result *out)
{
	if (j->is_cluster)
		cluster_run_seed(&j->run, out, &j->cluster);
	else
		run_seed(&j->run, out);
}

static int run_one(struct job *j, uint64_t seed, struct run_result *total)
{
	struct run_result result, again;

	j->run.seed = seed;
	run_once(j, &result);
	if (j->twice) {
		run_once(j, &again);
		if (again.hash != result.hash) {
			printf("seed %" PRIu64 ": trace hash %016" PRIx64 ", and then %016" PRIx64 "\n", seed,
			       result.hash, again.hash);
			return 1;
		}
	}
	if (!j->each && (j->first == j->last || seed % 100 == 0))
		printf("seed %" PRIu64 " hash %016" PRIx64 " events %" PRIu64 " ms %" PRId64 " crashes %" PRId64
		       " acknowledged %" PRId64 " read %" PRId64 "%s\n",
		       seed, result.hash, result.events, result.simulated_ms, result.crashes, result.acknowledged,
		       result.read, result.ended_early ? " (ended early)" : "");
	total->events += result.events;
	total->simulated_ms += result.simulated_ms;
	total->crashes += result.crashes;
	total->acknowledged += result.acknowledged;
	total->retries += result.retries;
	total->bumps += result.bumps;
	total->dirs_lost += result.dirs_lost;
	total->stops += result.stops;
	total->cleanings += result.cleanings;
	total->moved += result.moved;
	total->commits += result.commits;
	total->late += result.late;
	total->transactions += result.transactions;
	total->copied += result.copied;
	total->fenced += result.fenced;
	total->joins += result.joins;
	total->met_fault = result.met_fault;
	for (int i = 0; i < SIM_N_MARKS; i++)
		total->reached[i] += result.reached[i];
	return 0;
}

static int report_count(const char *what, int64_t n)
{
	printf("%-18s %" PRId64 "\n", what, n);
	if (!n)
		printf("never met: %s\n", what);
	return !n;
}

/* Marks that no node can cause are left out. */
static int report_reached(const struct run_result *total)
{
	static const enum sim_mark elsewhere[] = {SIM_MET_SENDFILE_LATE};
	int missing = 0;

	for (int i = 0; i < SIM_N_MARKS; i++) {
		bool needed = true;

		for (size_t k = 0; k < sizeof(elsewhere) / sizeof(*elsewhere); k++)
			needed = needed && elsewhere[k] != (enum sim_mark)i;
		if (needed)
			missing += report_count(sim_mark_name(i), total->reached[i]);
	}
	missing += report_count("cleanings", total->cleanings);
	missing += report_count("moves", total->moved);
	missing += report_count("copied", total->copied);
	missing += report_count("fenced", total->fenced);
	return missing != 0;
}

static void report_cluster(const struct cluster_totals *t)
{
	printf("%" PRId64 " kills, %" PRId64 " power cuts, %" PRId64 " clean stops, %" PRId64 " nodes gave up, %" PRId64
	       " devices failed, %" PRId64 " voters added and removed, %" PRId64 " moved, %" PRId64
	       " reassignments, %" PRId64 " elections, %" PRId64 " topics made and deleted, %" PRId64
	       " older proposals, %" PRId64 " of an earlier life and %" PRId64
	       " ahead of the controller refused, %" PRId64 " epochs of partitions, %" PRId64
	       " pairs of images compared, at most %" PRId64 " ms until all was well;",
	       t->kills, t->power_cuts, t->stops, t->given_up, t->failures, t->voters, t->voters_moved, t->moves,
	       t->elections, t->topics, t->refused[PROPOSAL_OLDER], t->refused[PROPOSAL_OF_EARLIER_LIFE],
	       t->refused[PROPOSAL_AHEAD], t->terms, t->compared, t->calm_ms);
	for (int i = 0; i < STORM_KINDS; i++)
		printf(" %s %" PRId64, STORM_NAMES[i], t->n[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct job j = {{0}};
	struct run_result total = {0};
	uint64_t n = 0;
	int failed = 0;

	if (!parse(argc, argv, &j))
		return usage();
	for (uint64_t seed = j.first; seed <= j.last && !failed; seed++) {
		j.run.fault_at = j.each ? 1 : j.run.fault_at;
		do {
			failed = run_one(&j, seed, &total);
			n++;
			j.run.fault_at += j.each;
		} while (j.each && !failed && total.met_fault);
	}
	printf("%" PRIu64 " runs, %" PRIu64 " events, %" PRId64 " simulated s, %" PRId64 " crashes, %" PRId64
	       " records acknowledged, %" PRId64 " retries, %" PRId64 " epochs raised, %" PRId64
	       " directories lost, %" PRId64 " nodes stopped for want of storage, %" PRId64 " members joined, %" PRId64
	       " commits, %" PRId64 " late ones refused, %" PRId64 " transactions, %" PRId64 " records copied, %" PRId64
	       " fenced, %" PRId64 " cleanings, %" PRId64 " replicas moved\n",
	       n, total.events, total.simulated_ms / 1000, total.crashes, total.acknowledged, total.retries,
	       total.bumps, total.dirs_lost, total.stops, total.joins, total.commits, total.late, total.transactions,
	       total.copied, total.fenced, total.cleanings, total.moved);
	if (j.is_cluster)
		report_cluster(&j.cluster);
	return failed || (j.all_reached && report_reached(&total));
}
