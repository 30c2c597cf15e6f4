/*
 * quorum_doctor: `odradek quorum doctor`: whether the metadata quorum is healthy, whether a node
 * may be restarted now, and what to do.
 *
 *	quorum_survey.c		what a cluster says about itself, any cluster
 *	quorum_doctor.c		what follows from that, and how it is reported
 *	quorum_disk.c		what a node's metadata directory says, when no controller answers
 *
 * A voter is *current* when it had everything there was within the last DOCTOR_CURRENT_MS, and is
 * seen to fetch. A live follower fetches every 500 ms (Kafka's MAX_FETCH_WAIT_MS). The leader
 * records a Fetch when it arrives, Kafka's leader also when it is answered, and either may be long
 * after its sender died: a single Fetch under way may thus be counted twice. A voter counted
 * DOCTOR_HEARD times within DOCTOR_WATCH_MS has fetched again since the first look; any other is
 * considered gone, however recently it was heard. A leader whose DescribeQuorum is of version 0
 * gives no times: there a voter is current if it lags behind by nothing. All memory is in the
 * tool's arena.
 */
#ifndef ODRADEK_CLI_QUORUM_DOCTOR_H
#define ODRADEK_CLI_QUORUM_DOCTOR_H

#include "cli/tool.h"

enum { DOCTOR_CURRENT_MS = 5000, DOCTOR_WATCH_MS = 5000, DOCTOR_HEARD = 3 };

struct doctor_voter {
	int32_t id;
	struct uuid directory_id; /* zero: with static voters */
	struct str address;	  /* null if not given */
	bool current;
	int64_t lag;	    /* records behind the leader; -1: unknown */
	int64_t silent_ms;  /* since it was last heard; -1: never in this epoch, or the leader does not say */
	int64_t fetched_ms; /* when it was last heard, by the leader's clock; -1: unknown */
	int n_heard;	    /* how often fetched_ms was seen to change */
	bool fetches;	    /* seen to fetch; also set if it leads, or the leader does not say */
};

/* What happens to partitions without this broker. */
struct doctor_broker {
	int32_t id;
	bool is_fenced;
	int64_t n_offline;		       /* partitions for which it is the only one in sync */
	int64_t n_below_min;		       /* partitions that would fall below min.insync.replicas */
	struct str offline_one, below_min_one; /* examples, such as "topic-0" */
};

struct doctor_survey {
	bool answered; /* at least one node answered */
	struct str cluster_id;

	int quorum_error; /* why the leader's answer is missing; 0: it is not */
	struct str quorum_message;
	int32_t leader_id, leader_epoch;
	int64_t high_watermark;
	struct doctor_voter *voters;
	int n_voters, n_current;

	bool has_brokers;	       /* the brokers were asked */
	struct doctor_broker *brokers; /* sorted by id */
	int n_brokers;
	int64_t n_partitions, n_without_leader, n_under_replicated, n_below_min;
	struct str without_leader_one, below_min_one;
	int32_t wanted; /* the broker that would let the partition without a leader be led again; -1 */
};

/* One controller, asked by itself. */
struct doctor_probe {
	const char *address;
	int err;	   /* 0: it answers */
	int32_t leader_id; /* itself, if it leads; -1: unknown */
	int32_t epoch;
};

/* Asks each of these addresses separately. */
struct doctor_probe *doctor_probe(struct tool *t, const char *addresses, int *n);

/* Ends the tool when an answer cannot be understood; that nothing answers is part of the survey. */
void doctor_survey(struct tool *t, struct doctor_survey *s);
static inline int doctor_majority(int n_voters) { return n_voters / 2 + 1; }

/* The contents of a metadata directory, or of the one that a configuration file names. */
struct doctor_disk {
	const char *path;
	int32_t node_id; /* -1: unknown */
	struct str cluster_id;
	struct uuid directory_id;
	bool has_state; /* there is a quorum-state, which has: */
	int32_t leader_id, leader_epoch, voted_id;
	int16_t kraft_version;
	int64_t log_end;
	int32_t log_epoch; /* of the last record; 0: none */
	int32_t *voters;   /* their ids */
	int n_voters;
	bool is_voter;
};

/* Ends the tool if it is not such a directory. */
void doctor_read_disk(struct tool *t, const char *path, struct doctor_disk *out);
/* The relevant part of a node's configuration file; zeroed before, except node_id. */
struct doctor_config {
	int32_t node_id;	 /* -1: not set */
	bool is_no_broker;	 /* process.roles is controller only */
	const char *directory;	 /* of the metadata log */
	const char *controllers; /* "host:port,..."; from voters if servers is not set; NULL: neither is */
	/* As written in the file; NULL if not set. */
	const char *metadata_dir, *log_dirs, *log_dir, *servers, *voters;
};

void doctor_read_config(struct tool *t, const char *path, struct doctor_config *c);

/* The subcommand. */
int quorum_doctor(struct tool *t);

#endif
