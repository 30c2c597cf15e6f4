/*
 * alter: changes to the settings of resources, as AlterConfigs and IncrementalAlterConfigs ask for them (KIP-133, KIP-339).
 *
 * A broker looks at what only it can judge, its own settings, and hands the rest to the controller (ConfigAdminManager). Both requests are
 * read into one shape: the old one replaces all settings of a resource, so its changes start from nothing; the new one's start from what
 * is set. Everything lives in the request's arena.
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
	bool done; /* judged here: err and message are its answer; else it is the controller's */
	int err;
	struct str message; /* null: the error's own */
};

struct alter {
	struct alteration *v;
	int n;
	void *answer;		   /* of the controller, to what was forwarded */
	struct alteration *own;	   /* of this broker: its stores are still to be tried; NULL: nothing is */
	struct alter_settings *to; /* what it would then be */
};

/* n resources to be filled; also r->state. NULL when the arena is spent. */
struct alter *alter_new(struct request *r, int n);
/* Begins one: n changes to be filled. NULL when the arena is spent. */
struct alter_change *alteration_init(struct request *r, struct alteration *a, int8_t type, struct str name, int n);
/* Judges what can be judged here, and asks whether the principal may change the rest. loggers: the request may change them, which is done here. 0, or -ENOMEM. */
int alter_check(struct request *r, struct alter *alter, bool loggers, bool validate_only);
/*
 * Tries the stores of listeners in a job, if that is to be done, and goes on. then() is as an API's run(). With a job r is parked, then() comes on its
 * core, and its connection may have gone by then. HANG_UP: the arena is spent.
 */
enum outcome alter_try(struct request *r, struct alter *alter, enum outcome (*then)(struct request *r));
/* How many are the controller's. */
int alter_left(const struct alter *alter);

#endif
