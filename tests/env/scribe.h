/*
 * scribe: a small program over env that runs both in the real world and in the simulator: a server
 * that writes what it is sent into a file, syncs it and only then answers, and that sends the file
 * back on request; and a client that checks it.
 *
 *   request    length (4 bytes), then that many bytes; length 0 asks for the whole file
 *   answer     the file's size afterwards (8 bytes); for the whole file: its size (8 bytes), then its bytes
 *
 * Whatever goes wrong in between (partial reads, resets, a crash), everything that was answered is
 * in the file.
 */
#ifndef ODRADEK_TESTS_ENV_SCRIBE_H
#define ODRADEK_TESTS_ENV_SCRIBE_H

#include "base/buf.h"
#include "env/env.h"

struct scribe;

/* Opens or creates dir/book and listens; asserts that this works. */
struct scribe *scribe_start(struct env *e, const char *dir, const struct addr *a, bool sync);
struct addr scribe_addr(struct scribe *s);
struct loop *scribe_loop(struct scribe *s);
/* Closes everything and stops the loop; call it on that loop. */
void scribe_stop(struct scribe *s);
void scribe_free(struct scribe *s); /* the loop must have stopped */

struct writer {
	struct loop *loop;
	struct addr to;
	int n;	       /* requests to send */
	uint64_t seed; /* determines their contents */
	void (*done)(struct writer *);
	/* The outcome. */
	int acknowledged;
	int64_t size;	 /* reported by the last acknowledged request */
	struct buf sent; /* the bytes of all requests so far */
	struct buf book; /* what the server sent back */
	int error;	 /* of the connection, 0 if all went well */
	/* For internal use. */
	struct sock *sock;
	struct buf out;
	size_t out_pos;
	struct buf in;
};

/*
 * Connects, sends n requests one after another, asks for the book, and calls done. All on w->loop's
 * thread.
 */
void writer_start(struct writer *w);
void writer_fini(struct writer *w);

#endif
