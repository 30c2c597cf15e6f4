/* renewer: a TLS server that answers with new keys (KeyUpdate) only. For tests: its checks are cmocka's. */
#ifndef ODRADEK_TESTS_TLS_RENEWER_H
#define ODRADEK_TESTS_TLS_RENEWER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/tls/certificates.h"

struct renewer;

/* Serves one client on 127.0.0.1, from a thread of its own, until it hangs up: or for some megabytes. */
struct renewer *renewer_start(const struct certificate *cert, uint16_t *port);
/* Waits for the end, and frees it. Whether the client hung up. */
bool renewer_was_left(struct renewer *r);

#endif
