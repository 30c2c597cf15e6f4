/*
 * envelope: a request inside of another (KIP-590): api/envelope.c.
 */
#ifndef ODRADEK_BROKER_ENVELOPE_H
#define ODRADEK_BROKER_ENVELOPE_H

#include "broker/api.h"

/* What an Envelope request was, before it became the one that was in it. In the request's arena. */
struct envelope {
	int16_t version;
	int32_t correlation_id;
	void *out; /* struct envelope_response */
};

extern const struct api api_envelope;

/* `inner`, an answer of memory alone, becomes the envelope's with that answer in it. 0 or a negated errno. */
int envelope_close(struct request *r, struct chain *inner);

#endif
