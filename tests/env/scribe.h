/*
 * scribe: a small program over env, the same in the real world and in the simulated one: a server that writes what it is sent into a
 * file, syncs it and only then answers, and that sends the file back on demand; and a client that checks it.
 *
 *   request    length (4 bytes), then so many bytes; 0 asks for the whole file
 *   answer     the file's size after it (8 bytes); for the whole file: its size (8 bytes), then its bytes
 *
 * Whatever goes wrong in between (partial reads, resets, a crash), what was answered is in the file.
 */
#ifndef ODRADEK_TESTS_ENV_SCRIBE_H
#define ODRADEK_TESTS_ENV_SCRIBE_H

#include "base/buf.h"
#include "env/env.h"

struct scribe;

/* Opens (or makes) dir/book and listens; asserts that it can. */
struct scribe *scribe_start(struct env *e, const char *dir, const struct addr *a, bool sync);
struct addr scribe_addr(struct scribe *s);
struct loop *scribe_loop(struct scribe *s);
/* Closes all and stops the loop, when it is told on it. */
void scribe_stop(struct scribe *s);
void scribe_free(struct scribe *s); /* the loop has stopped */

struct writer {
	struct loop *loop;
	struct addr to;
	int n;	       /* requests to send */
	uint64_t seed; /* what they say */
	void (*done)(struct writer *);
	/* what came of it */
	int acknowledged;
	int64_t size;	 /* after the last acknowledged one */
	struct buf sent; /* the bytes of all requests so far */
	struct buf book; /* what the server sent back */
	int error;	 /* of the connection, 0 when all went well */
	/* its own */
	struct sock *sock;
	struct buf out;
	size_t out_pos;
	struct buf in;
};

/* Dials, sends n requests one after the other, asks for the book, and calls done. All on w->loop's thread. */
void writer_start(struct writer *w);
void writer_fini(struct writer *w);

#endif
