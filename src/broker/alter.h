/*
 * alter: changes to the settings of resources, as requested by AlterConfigs and
 * IncrementalAlterConfigs (KIP-133, KIP-339).
 *
 * A broker checks what only it can judge, its own settings, and forwards the rest to the controller
 * (ConfigAdminManager). Both requests are read into the same struct: the old one replaces all
 * settings of a resource, so its changes start from nothing; the new one's start from what is set.
 * Everything lives in the request's arena.
 */
#ifndef ODRADEK_BROKER_ALTER_H
#define ODRADEK_BROKER_ALTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "broker/api.h"

enum alter_operation { ALTER_SET = 0, ALTER_DELETE = 1, ALTER_APPEND = 2, ALTER_SUBTRACT = 3 };

struct alter_change {
	struct str name;
	struct str value;
	int8_t operation;
};

/* One resource of the request. */
struct alteration {
	int8_t type;
	struct str name;
	struct alter_change *changes;
	int n_changes;
	bool from_nothing;
	bool is_left_out; /* the answer has an earlier occurrence of the resource only */
	bool done;	  /* judged here: err and message are its answer; otherwise the controller answers */
	int err;
	struct str message; /* null: the error's default message */
};

struct alter {
	struct alteration *v;
	int n;
	void *answer; /* the controller's answer to what was forwarded */
	/* this broker's own, whose key stores and trust stores are still to be tried; NULL: none */
	struct alteration *own;
	struct alter_settings *to; /* the settings it would result in */
};

/* Makes n resources to be filled in, and sets r->state. NULL when the arena is spent. */
struct alter *alter_new(struct request *r, int n);
/* Begins one resource: n changes to be filled in. NULL when the arena is spent. */
struct alter_change *alteration_init(struct request *r, struct alteration *a, int8_t type, struct str name, int n);
/*
 * Judges what can be judged here, and checks whether the principal may change the rest. loggers:
 * the request may change loggers, which is done here. 0, or -ENOMEM.
 */
int alter_check(struct request *r, struct alter *alter, bool loggers, bool validate_only);
/*
 * Tries the stores of listeners in a job, if there is anything to try, and continues with then(),
 * which is like an API's run(). With a job, r is parked; then() runs on its core, and the
 * connection may have gone by then. HANG_UP: the arena is spent.
 */
enum outcome alter_try(struct request *r, struct alter *alter, enum outcome (*then)(struct request *r));
/* The number of resources left to the controller. */
int alter_left(const struct alter *alter);

#endif
