/*
 * loopback: a net over loopback in the real world, its reactors on threads, and blocking clients. For
 * tests only: its checks are cmocka's.
 */
#ifndef ODRADEK_TESTS_NET_LOOPBACK_H
#define ODRADEK_TESTS_NET_LOOPBACK_H

#include <pthread.h>

#include "net/net.h"
#include "tests/net/echo.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define FILE_LEN (3 * MIB)

struct world {
	struct env *env;
	struct diag diag;
	struct echo echo;
	struct net *net;
	char path[64];
	char last_line[512];
	int n_lines;
	struct post post;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct net_counts counts; /* when it ended */
	int64_t patience_ms;	  /* deadline of a stop */
	bool stopped;
};

bool was_told(struct world *w, const char *what);
struct net_listener_config one_listener(void);
void world_begin(struct world *w);
void world_serve(struct world *w, const struct net_limits *limits, int reactors,
		 const struct net_listener_config *listeners, int n);
void world_open(struct world *w, int reactors, struct net_limits *limits);
void world_stop(struct world *w);
/* Ends with a clean stop, after which nothing may be left. */
void world_close(struct world *w);
int dial_listener(struct world *w, int listener);
void put_bytes(int fd, const void *p, size_t len);
void put_length(int fd, uint32_t len);
void put_frame(int fd, const void *p, size_t len);
void get_bytes(int fd, void *p, size_t len);
uint32_t get_length(int fd);
void expect_frame(int fd, const void *p, size_t len);
/* The node has closed the connection: end of stream, or a reset if something was unread. */
void expect_closed(int fd);
void expect_echo(int fd);

#endif
