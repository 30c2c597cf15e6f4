/*
 * envelope: a request inside another (KIP-590): api/envelope.c takes it out, envelope_wrap.c puts
 * it in.
 */
#ifndef ODRADEK_BROKER_ENVELOPE_H
#define ODRADEK_BROKER_ENVELOPE_H

#include "broker/api.h"

/* The outer request of a struct request that now stands for the inner one. In the request's arena. */
struct envelope {
	int16_t version;
	int32_t correlation_id;
	struct identity *identity; /* of the forwarding node; NULL: not asked for yet */
	void *out;		   /* struct envelope_response */
};

extern const struct api api_envelope;

/*
 * Replaces `inner`, an encoded answer in memory only, by the Envelope's answer that contains it. 0
 * or a negated errno.
 */
int envelope_close(struct request *r, struct chain *inner);

/* ---- the sending side: for a struct quorum_request that has a client ---- */

struct envelope_request;
struct envelope_response;
struct quorum_request;

/*
 * A client's request, to be sent. It points into the arena and the client's memory. 0, a Kafka
 * error or a negated errno.
 */
int envelope_wrap(const struct quorum_request *r, struct arena *a, struct envelope_request *out);
/*
 * Fills r->response, which points into the arena and `in`, from an Envelope answer without an
 * error. 0, or an error when it does not contain a valid answer.
 */
int envelope_unwrap(const struct envelope_response *in, const struct quorum_request *r, struct arena *a);

#endif
