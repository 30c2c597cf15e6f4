/*
 * envelope: a request inside of another (KIP-590): api/envelope.c takes it out, envelope_wrap.c puts it in.
 */
#ifndef ODRADEK_BROKER_ENVELOPE_H
#define ODRADEK_BROKER_ENVELOPE_H

#include "broker/api.h"

/* What an Envelope request was, before it became the one that was in it. In the request's arena. */
struct envelope {
	int16_t version;
	int32_t correlation_id;
	struct identity *identity; /* of who handed it on; NULL: nobody has asked */
	void *out;		   /* struct envelope_response */
};

extern const struct api api_envelope;

/* `inner`, an answer of memory alone, becomes the envelope's with that answer in it. 0 or a negated errno. */
int envelope_close(struct request *r, struct chain *inner);

/* ---- the other side: of a struct quorum_request that has a client ---- */

struct envelope_request;
struct envelope_response;
struct quorum_request;

/* A client's request, to be sent. What it points to is in the arena, and the client's. 0, Kafka's error or a negated errno. */
int envelope_wrap(const struct quorum_request *r, struct arena *a, struct envelope_request *out);
/* Fills r->response, which points into the arena and `in`, from an envelope without an error. 0 or an error: then it is no such answer. */
int envelope_unwrap(const struct envelope_response *in, const struct quorum_request *r, struct arena *a);

#endif
