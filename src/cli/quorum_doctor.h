/*
 * quorum_doctor: `odradek quorum doctor`: is the quorum of the metadata ready, may a node be restarted now, and what is to be done.
 *
 *	quorum_survey.c		what a cluster says of itself, whosever it is
 *	quorum_doctor.c		what follows from that, and how it is told
 *	quorum_disk.c		what a node's metadata directory says, when nobody answers
 *
 * A voter is *current* when it had all that there was within the last DOCTOR_CURRENT_MS, and fetches while it is watched. A follower that lives
 * fetches every 500 ms (Kafka's MAX_FETCH_WAIT_MS). The leader notes a Fetch when it comes, Kafka's also when it is answered, and both may be long
 * after its sender died: of one Fetch that was under way it may be heard twice. Who is heard of DOCTOR_HEARD times, within DOCTOR_WATCH_MS, has
 * fetched again since the first look; another is taken for gone, however lately it was heard of. A leader whose DescribeQuorum is of version 0
 * tells no times: there a voter is current that lacks nothing. All memory is the tool's arena's.
 */
#ifndef ODRADEK_CLI_QUORUM_DOCTOR_H
#define ODRADEK_CLI_QUORUM_DOCTOR_H

#include "cli/tool.h"

enum { DOCTOR_CURRENT_MS = 5000, DOCTOR_WATCH_MS = 5000, DOCTOR_HEARD = 3 };

struct doctor_voter {
	int32_t id;
	struct uuid directory_id; /* zero: with static voters */
	struct str address;	  /* null where it is not told */
	bool current;
	int64_t lag;	    /* records behind the leader; -1: not known */
	int64_t silent_ms;  /* since it was heard of; -1: it was not, in this epoch, or the leader does not say */
	int64_t fetched_ms; /* when it was heard of, by the leader's clock; -1 */
	int n_heard;	    /* how often that was seen to change */
	bool fetches;	    /* while it is watched; or leads, or the leader does not say */
};

/* What becomes of partitions without one broker. */
struct doctor_broker {
	int32_t id;
	bool is_fenced;
	int64_t n_offline;		       /* partitions that nobody else is in sync for */
	int64_t n_below_min;		       /* that would fall below min.insync.replicas */
	struct str offline_one, below_min_one; /* "topic-0", of them */
};

struct doctor_survey {
	bool answered; /* anybody has */
	struct str cluster_id;

	int quorum_error; /* why there is no leader's word; 0: there is */
	struct str quorum_message;
	int32_t leader_id, leader_epoch;
	int64_t high_watermark;
	struct doctor_voter *voters;
	int n_voters, n_current;

	bool has_brokers;	       /* they were asked */
	struct doctor_broker *brokers; /* by id */
	int n_brokers;
	int64_t n_partitions, n_without_leader, n_under_replicated, n_below_min;
	struct str without_leader_one, below_min_one;
	int32_t wanted; /* the broker that would have the partition without a leader lead again; -1 */
};

/* One controller, asked alone. */
struct doctor_probe {
	const char *address;
	int err;	   /* 0: it answers */
	int32_t leader_id; /* itself, where it leads; -1 */
	int32_t epoch;
};

/* Each of these addresses, apart from all others. */
struct doctor_probe *doctor_probe(struct tool *t, const char *addresses, int *n);

/* Ends the tool where an answer cannot be understood; that nobody answers is in the survey. */
void doctor_survey(struct tool *t, struct doctor_survey *s);
static inline int doctor_majority(int n_voters) { return n_voters / 2 + 1; }

/* What a metadata directory says, or one that a configuration file names. */
struct doctor_disk {
	const char *path;
	int32_t node_id; /* -1: not known */
	struct str cluster_id;
	struct uuid directory_id;
	bool has_state; /* quorum-state: */
	int32_t leader_id, leader_epoch, voted_id;
	int16_t kraft_version;
	int64_t log_end;
	int32_t log_epoch; /* of its last record; 0: there is none */
	int32_t *voters;   /* their ids */
	int n_voters;
	bool is_voter;
};

/* Ends the tool where it is no such directory. */
void doctor_read_disk(struct tool *t, const char *path, struct doctor_disk *out);
/* What a node's configuration file has of it; zeroed before, but node_id. */
struct doctor_config {
	int32_t node_id;	 /* -1 */
	bool is_no_broker;	 /* process.roles has controller alone */
	const char *directory;	 /* of the metadata */
	const char *controllers; /* "host:port,..."; NULL. voters' where there are no servers */
	const char *metadata_dir, *log_dirs, *log_dir, *servers,
		*voters; /* as they stand there; NULL where they do not */
};

void doctor_read_config(struct tool *t, const char *path, struct doctor_config *c);

/* The subcommand. */
int quorum_doctor(struct tool *t);

#endif
