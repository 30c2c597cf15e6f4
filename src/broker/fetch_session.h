/*
 * fetch_session: what a fetcher asks for again and again, kept here so that it need not repeat it
 * each time (KIP-227).
 *
 * 1. A session's partitions are kept in an order that rotates: those that got records move to the
 *    end, so that none starves.
 * 2. The epoch counts the requests of a session, from 1, and wraps to 1. A request with another
 *    epoch is refused.
 * 3. A session names topics either by id or by name, all its life.
 * 4. There are never more sessions than slots. A new one takes the place of a stale one (unused for
 *    two minutes), or else of the least valuable one created more than two minutes ago (a
 *    follower's may also replace any consumer's), unless the new one is worth less. A follower's is
 *    worth more than a consumer's, then the one with more partitions.
 * 5. A member of which nothing is to be read or told rests: it waits for its partition, and is not
 *    looked at again before that has moved, the image has changed, or the request names it. So an
 *    incremental fetch costs what has changed, not what the session has.
 * 6. The memory of all members is bounded (odradek.fetch.session.bytes). If there is no room, the
 *    fetcher gets no session, or loses the one it has, and then names all partitions in each
 *    request, as fetchers did before KIP-227.
 *
 * Owner: a core; each has its share of the slots and bytes, and its own ids.
 */
#ifndef ODRADEK_BROKER_FETCH_SESSION_H
#define ODRADEK_BROKER_FETCH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "base/uuid.h"
#include "broker/partition.h"

#define FETCH_SESSION_EVICTION_MS 120000

/* One requested partition. Sessions by id keep no name; sessions by name have a copy of it. */
struct fetch_want {
	struct uuid topic_id; /* UUID_ZERO in requests by name */
	struct str topic;     /* null in requests by id */
	int32_t partition;
	int32_t max_bytes;
	int32_t current_leader_epoch; /* -1 = not given */
	int32_t last_fetched_epoch;   /* -1 = not given */
	int64_t fetch_offset;
	int64_t log_start_offset; /* the follower's; -1 for a consumer */
};

/* What the last answer reported about a partition. */
struct fetch_said {
	/*
	 * -1: report it again. It is set after an error, or when a replica must truncate first,
	 * because the fetcher has then ignored the value.
	 */
	int64_t high_watermark;
	int64_t log_start_offset;
};

struct fetch_member {
	struct map_node node;
	struct list order;
	struct list active; /* in the session's list; unlinked while it rests */
	uint64_t place;	    /* grows along the order */
	int32_t looked_in;  /* the epoch after the request in which it was last looked at */
	struct fetch_want want;
	struct fetch_said said;
	struct waiter waiter; /* while it rests */
};

/* How the members were read; when this changes, none of them may rest on. */
struct fetch_manner {
	enum isolation isolation;
	int32_t replica_id;
	bool leader_only;
	uint64_t rack;	   /* hash of the rack by which consumers are redirected; 0: they are not */
	uint64_t n_images; /* the image, as the core counts them */
};

struct fetch_session {
	struct fetch_sessions *all;
	struct map_node node;
	struct list recent; /* least recently used first */
	int refs;
	int32_t id;
	int32_t epoch;	 /* of the next request */
	bool privileged; /* a follower's */
	bool by_id;
	bool closed;
	int64_t created_ms;
	int64_t used_ms;
	int cached_size; /* the number of members when it was last touched: its value */
	struct map members;
	struct list order;
	struct list active; /* struct fetch_member: to be looked at in the next fetch */
	int n_active;
	uint64_t last_place;
	struct fetch_manner manner;
	int64_t heard_ms; /* atomic: time of the last request */
	struct waking waking;
	void (*news)(void *arg); /* something has become active; NULL: nobody waits for it */
	void *arg;
};

struct core;
struct fetch_sessions;

/* Ids are those with id % of == index. random: a source of random numbers for ids and hashes. */
struct fetch_sessions_config {
	int slots;
	int64_t bytes;
	int index;
	int of;
	struct core *core; /* NULL: no member rests */
	uint64_t (*random)(void *arg);
	void *arg;
};

struct fetch_sessions *fetch_sessions_new(const struct fetch_sessions_config *config);
void fetch_sessions_free(struct fetch_sessions *s);
/* Closes all of them and opens no more; what is on its way to them is waited for by the core. */
void fetch_sessions_stop(struct fetch_sessions *s);
int fetch_sessions_count(const struct fetch_sessions *s);
int64_t fetch_sessions_bytes(const struct fetch_sessions *s);

/* Borrowed; NULL when there is no such session. */
struct fetch_session *fetch_session_find(struct fetch_sessions *s, int32_t id);
void fetch_session_close(struct fetch_sessions *s, struct fetch_session *session);
struct fetch_session *fetch_session_ref(struct fetch_session *session);
void fetch_session_unref(struct fetch_session **session);

/* A new, empty session of epoch 1, borrowed; NULL when there is no slot for one with so many members. */
struct fetch_session *fetch_session_open(struct fetch_sessions *s, bool privileged, bool by_id, int n_members,
					 int64_t now_ms);
/* It was used, and may have grown or shrunk. */
void fetch_session_touch(struct fetch_sessions *s, struct fetch_session *session, int64_t now_ms);

struct fetch_member *fetch_session_member(const struct fetch_session *session, struct uuid topic_id, struct str topic,
					  int32_t partition);
/*
 * Adds the partition at the end of the order, or updates what is asked for. NULL: there is no room,
 * and the session is to be closed.
 */
struct fetch_member *fetch_session_want(struct fetch_session *session, const struct fetch_want *want);
void fetch_session_forget(struct fetch_session *session, struct fetch_member *m);
void fetch_session_rotate(struct fetch_session *session, struct fetch_member *m);

/* ---- members at rest ---- */

/* What was found of it: nothing to read, and everything told. */
struct fetch_rest {
	struct partition *partition;
	enum watch watch; /* what may be read next, and how far it has come */
	int64_t upto;
	int64_t high_watermark;
	int64_t start;
	int32_t replica_id; /* a follower's; -1: a consumer's */
};

/* Nothing happens if its partition has moved meanwhile. */
void fetch_session_rest(struct fetch_session *session, struct fetch_member *m, const struct fetch_rest *rest);
/* A request has come: wakes what cannot rest on if it is read in another manner, and what has moved. */
void fetch_session_begin(struct fetch_session *session, const struct fetch_manner *manner, int64_t now_ms);
static inline int fetch_session_resting(const struct fetch_session *s) { return (int)s->members.n - s->n_active; }

/* The result for one partition. */
struct fetch_news {
	int64_t high_watermark;
	int64_t log_start_offset;
	bool has_records;
	bool has_error;
	bool has_more; /* a preferred replica, or a diverging epoch */
};
/* Must it be reported? The second function also notes that it is reported. */
bool fetch_session_would_tell(const struct fetch_member *m, const struct fetch_news *news);
bool fetch_session_tells(struct fetch_member *m, const struct fetch_news *news);

static inline int32_t fetch_epoch_after(int32_t epoch) { return epoch < 0 ? -1 : epoch == INT32_MAX ? 1 : epoch + 1; }

#endif
