/*
 * net_world: a net on loopback with three listeners, with TLS, for nodes and for clients without TLS, its reactors on threads, and OpenSSL's own clients.
 * For tests only: its checks are cmocka's. What waits does so for twenty seconds at most.
 */
#ifndef ODRADEK_TESTS_TLS_NET_WORLD_H
#define ODRADEK_TESTS_TLS_NET_WORLD_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "env/real/real.h"
#include "net/net.h"
#include "tests/net/echo.h"
#include "tests/tls/certificates.h"
#include "tls/tls.h"

#define MIB ((size_t)1 << 20)
#define DAY 86400L
#define FILE_LEN (3 * MIB)

struct world {
	struct env *env;
	struct diag diag;
	struct echo echo;
	struct net *net;
	struct certificate ca, server, client;
	struct tls_context *tls;
	struct tls_context *next; /* replaces the current one */
	char path[64];
	char last_line[512];
	struct post post;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	bool held, released; /* reactor 0 */
};

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

/* Waits for the line, which a reactor writes. */
void expect_told(struct world *w, const char *what);
/* tell_done(w), called by a reactor, ends await_done(w). */
void tell_done(void *arg);
void await_done(struct world *w);
struct certificate make_leaf(const struct certificate *ca, const char *name);
struct certificate make_authority(const char *name);
struct tls_context *server_context(struct world *w, const struct certificate *cert, const char *client_auth);
void world_open(struct world *w, const char *client_auth, int64_t handshake_ms);
void world_close(struct world *w);
int dial_port(uint16_t port);
int dial_node(struct world *w);
struct client client_new_at(struct world *w, int version, const struct certificate *cert, uint16_t port);
struct client client_new(struct world *w, int version, const struct certificate *cert);
void client_close(struct client *c);
void client_put(struct client *c, const void *p, size_t len);
void client_get(struct client *c, uint8_t *p, size_t len);
void expect_echo(struct client *c, const char *text);
/* Requests len bytes, from memory or from the file, and checks each. */
void expect_pattern(struct client *c, const uint8_t *ask, size_t ask_len, size_t len, size_t border);
/* The server has closed it: during the handshake or, in TLS 1.3, after it. */
void expect_refused(struct world *w, struct client *c);

#endif
