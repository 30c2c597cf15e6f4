/*
 * audit: the authorizer's log lines, in the words of Kafka's kafka.authorizer.logger, and its
 * counts.
 *
 * Each second allows odradek.authorizer.audit.rate lines, shared among the cores. A line beyond
 * that is dropped and counted, and the next line that is written is preceded by the number of
 * dropped ones. There is one struct per core, used on its reactor; the counts are read from any
 * thread; the level is the node's.
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
	int64_t allowed; /* counts of all questions */
	int64_t denied;
	int64_t left_out; /* lines */
	int64_t second;	  /* monotonic: the second to which `n` belongs */
	int64_t n;
	int64_t unsaid; /* lines left out since the last one written */
};

/* From odradek.authorizer.audit. */
enum audit_level audit_level_of(const struct config *c);

/*
 * Counts the decision, and writes a line if the node's level asks for it. silent: write no line,
 * because the check was not part of what the client asked for.
 */
void audit_note(struct request *r, const struct authorizer_action *action, const struct authorizer_verdict *v,
		bool silent);

#endif
