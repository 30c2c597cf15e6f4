/*
 * audit: the authorizer's lines, in the words of Kafka's kafka.authorizer.logger, and its counts.
 *
 * A second has room for odradek.authorizer.audit.rate lines, shared among the cores; what finds none is counted, and the next line that has room
 * is preceded by how many were left out. One a core, on its reactor; the counts are read from any thread, the level is the node's.
 */
#ifndef ODRADEK_BROKER_AUDIT_H
#define ODRADEK_BROKER_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "security/authorizer.h"

struct config;
struct request;

enum audit_level { AUDIT_OFF, AUDIT_DENIED, AUDIT_ALL };

struct audit {
	int64_t allowed; /* counts, of all that was asked */
	int64_t denied;
	int64_t left_out; /* lines */
	int64_t second;	  /* monotonic: the one that `n` lines were of */
	int64_t n;
	int64_t unsaid; /* left out since the last line */
};

/* By odradek.authorizer.audit. */
enum audit_level audit_level_of(const struct config *c);

/* Counts, and writes the line that the node's level asks for. silent: what was not asked for to be done is no line. */
void audit_note(struct request *r, const struct authorizer_action *action, const struct authorizer_verdict *v,
		bool silent);

#endif
