/*
 * producer_private: what the files of a producer share.
 *
 *	producer.c		its turns, its transactions, its life
 *	producer_batch.c	records on their way into a batch, and the batch until it is sent
 *	producer_topic.c	what it has to know first: partitions, leaders, an id
 *	producer_request.c	requests, and what follows from the answers
 *
 * A batch is open (the last in its partition's list), then closed, then in flight, then reported.
 * Sequences are assigned when a batch is first sent, and reassigned when the producer id changes.
 */
#ifndef ODRADEK_CLIENT_PRODUCER_PRIVATE_H
#define ODRADEK_CLIENT_PRODUCER_PRIVATE_H

#include "client/producer.h"
#include "client/transaction.h"
#include "compress/compress.h"

struct batch {
	struct list link;
	struct buf bytes; /* as sent, once it is closed */
	struct batch_builder builder;
	bool closed;
	bool sequenced;
	int32_t partition; /* -1: not placed yet */
	int32_t sequence;
	int attempts;
	int64_t created_ns;
	size_t payload;	  /* bytes of keys and values */
	size_t size;	  /* upper bound without compression */
	int64_t *sent_ns; /* NULL: not kept */
	uint64_t *tags;	  /* NULL: not kept */
	int32_t cap;	  /* of both arrays */
};

struct partition {
	int32_t leader; /* -1: unknown */
	struct list batches;
	int in_flight;
	bool retrying; /* waits until nothing is in flight, then sends one batch at a time */
	int32_t next_sequence;
};

struct node_load {
	int32_t id;
	int in_flight;
};

struct producer {
	struct client *client;
	struct loop *loop;
	struct producer_options options;
	struct codecs *codecs;
	struct timer turn; /* for the next look at what is ready to send */
	int64_t turn_ns;   /* when it fires */
	struct partition *partitions;
	int n_partitions;
	int topic_err; /* the topic does not exist */
	int32_t sticky;
	/*
	 * Batches of records that came before the partitions were known; their records are
	 * placed later.
	 */
	struct list unplaced;
	bool flushing;
	size_t buffered;
	int64_t waiting;
	struct list sendings;
	int in_flight;
	struct node_load *loads;
	int n_loads;
	/* The topic's partitions and leaders. */
	struct call metadata_call;
	struct arena metadata_arena;
	bool metadata_wanted, metadata_asked;
	int64_t metadata_since_ns;
	/* The producer id. */
	struct call id_call;
	struct arena id_arena;
	bool has_id, id_asked, id_lost;
	int64_t id;
	int16_t epoch;
	/* NULL: none. If there is one, it has the producer id. */
	struct transaction *transaction;
	bool committing, commit_asked;
};

/* producer.c */
int64_t producer_now_ns(const struct producer *p);
/* Has the next turn run at this time (mono), or earlier. */
void producer_turn_at(struct producer *p, int64_t when_ns);
void producer_turn_soon(struct producer *p);
void producer_turn_after_backoff(struct producer *p);
/* When a batch, or the topic's metadata, wanted since then is given up. */
int64_t producer_deadline_ns(const struct producer *p, int64_t since_ns);

/* producer_batch.c */
/* The first batch of a list that is not empty. */
static inline struct batch *batch_first(const struct list *batches)
{
	return container_of(batches->next, struct batch, link);
}
void producer_batch_free(struct batch *b);
/* No record is added any more; the bytes are final but for id, epoch and sequence. May be called again. */
void producer_batch_close(struct producer *p, struct batch *b);
/* Writes id, epoch and the next sequence into a closed batch that has none yet. */
void producer_batch_sequence(struct producer *p, struct batch *b);
/* Tells the caller what has become of a batch, and frees it. */
void producer_batch_report(struct producer *p, struct batch *b, int err, int64_t offset, struct str message);
/* Reports every batch that is not in flight. */
void producer_fail_all(struct producer *p, int err, struct str message);
/* The partitions are known now: places the records that came before. */
void producer_place_unplaced(struct producer *p);

/* producer_topic.c */
void producer_want_metadata(struct producer *p);
void producer_ask_metadata(struct producer *p); /* if it is wanted */
void producer_ask_id(struct producer *p);
void producer_forget_id(struct producer *p);

/* producer_request.c */
/* The requests to that node in flight. The pointer is valid until another node is asked about. */
struct node_load *producer_load(struct producer *p, int32_t node);
/*
 * Sends one request to the node: the first batch of each of its partitions that is ready. False:
 * none is; *next_ns is then no later than the moment when one will be.
 */
bool producer_send_to(struct producer *p, int32_t node, int64_t now_ns, int64_t *next_ns);
/* Abandons what is in flight, without reports. */
void producer_drop_requests(struct producer *p);

#endif
