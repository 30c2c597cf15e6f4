/*
 * header: the headers of requests and responses, and their versions.
 *
 * Request headers have version 2 (with tagged fields) for the flexible versions of an API, and 1
 * before. Response headers have 1 and 0 likewise, except that ApiVersions is always answered with
 * 0, since the client does not know yet what the node supports (KIP-511). In all versions the key,
 * the version and the correlation id are the first eight bytes, and the client id follows with a
 * two-byte length; so a request of an unknown version can be read up to its body.
 */
#ifndef ODRADEK_WIRE_HEADER_H
#define ODRADEK_WIRE_HEADER_H

#include "protocol/header.h"
#include "wire/chain.h"
#include "wire/codec.h"
#include "wire/reader.h"

/* A version that is in no table is treated like its nearest neighbour. -1: there is no such API. */
int header_request_version(int key, int version);
int header_response_version(int key, int version);

/*
 * Reads the header of a request and leaves the body in r. A null client id becomes an empty one, as
 * in Kafka.
 * Returns 0; ERR_INVALID_REQUEST when it is not a header or Kafka 4.4 does not have the API: Kafka
 * closes the connection. It is up to the caller to check that the version is served.
 */
MUST_CHECK int header_read(struct reader *r, struct request_header *out);

/* Appends the header of a response. */
MUST_CHECK int header_write_response(struct chain *c, int key, int version, int32_t correlation_id);

/* Appends the header of a request that this node makes. */
MUST_CHECK int header_write_request(struct chain *c, int key, int version, int32_t correlation_id,
				    struct str client_id);

/* Reads the header of the response to a request that this node made, and leaves the body in r. */
MUST_CHECK int header_read_response(struct reader *r, int key, int version, int32_t *correlation_id);

#endif
