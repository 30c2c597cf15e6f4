/*
 * tool: what the subcommands that ask a cluster share: their options, a client, answers waited for, and how they end.
 *
 * A tool runs on the program's one thread: it asks, and the loop runs until what was asked has been answered. What goes wrong ends the
 * process (tool_die), as with Kafka's scripts, whose exit status is 1 then. All memory of a run is in its arena.
 */
#ifndef ODRADEK_CLI_TOOL_H
#define ODRADEK_CLI_TOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/command.h"
#include "client/client.h"
#include "client/secure.h"
#include "env/env.h"

struct tool_property {
	const struct tool_property *next;
	const char *name;
	const char *value;
};

struct tool {
	const struct command *command;
	struct options options;
	const char *sub; /* the subcommand, or NULL */
	struct diag diag;
	struct env *env;
	struct loop *loop;
	struct client *client;
	bool controllers; /* the client's: its nodes are controllers */
	struct arena arena;
	int pending; /* answers that tool_wait waits for */
	bool json;
	json_t *out;	    /* printed at the end, with --json */
	struct str message; /* of the last error that an answer had */
	/* How this tool says what is wrong: before the message, and where. */
	const char *complaint;
	FILE *complain_to;
	bool exception_names; /* "org.apache.kafka.common.errors.X: message", as a Java tool that prints an ExecutionException */
	int die_code; /* the exit status of tool_die */
	bool told_trouble;
	/* A node does not let this client in; for tools that wait for more than answers. May be NULL. Called once. */
	void (*refused)(void *arg, int err);
	void *refused_arg;
	const struct tool_property *properties; /* of --command-config and the like; the newest first */
	unsigned kinds;				/* enum client_kind: whose settings they are; 0: also a server's */
	bool is_set_up;				/* they were looked through */
	struct secure secure;
};

/* Reads the options, runs body, prints tool->out. The exit status. */
int tool_run(const struct command *c, int argc, char **argv, int (*body)(struct tool *t));

_Noreturn void tool_die(struct tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* With an error's own words, or those that came with it. */
_Noreturn void tool_die_of(struct tool *t, int err, struct str message);
/* "TopicExistsException": the name of the exception that Java makes of an error. */
const char *tool_exception(int err, char out[96]);
/* What an error says to people: the message that came with it, or its own. */
struct str tool_error_text(struct tool *t, int err, struct str message);
/* Arguments that contradict each other: says it, points to --help, ends with 1. */
_Noreturn void tool_misused(struct tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Without the blanks around it. */
struct str str_trimmed(struct str s);
/* "null" for null, as Java prints it. */
struct str str_or_null(struct str s);
/* "true" as Kafka's formatters and readers take it. */
bool tool_is_true(const char *text);
/* A copy that ends in a NUL. */
char *tool_string(struct tool *t, struct str s);

/* ---- options ---- */

static inline bool tool_has(const struct tool *t, const char *name) { return options_has(&t->options, name); }
static inline const char *tool_value(const struct tool *t, const char *name)
{
	return options_value(&t->options, name);
}
int64_t tool_number(struct tool *t, const char *name, int64_t otherwise);
/* Exactly one of the names (NULL ends them): its index, else misused with `message`. */
int tool_one_of(struct tool *t, const char *const *names, const char *message);
/* A property of --command-config (or one added since), NULL. */
const char *tool_property(const struct tool *t, const char *name);
int64_t tool_property_number(struct tool *t, const char *name, int64_t otherwise);
void tool_property_set(struct tool *t, const char *name, const char *value);
void tool_property_file(struct tool *t, const char *path);
/* The pairs of a properties file, as texts in the tool's arena. */
void tool_each_property(struct tool *t, const char *path, void (*each)(void *arg, const char *name, const char *value),
			void *arg);
/* "NAME=VALUE" of an option that may be given again. */
void tool_each_pair(struct tool *t, const char *option, void (*each)(void *arg, const char *name, const char *value),
		    void *arg);
/* "name=value"; without a value it is empty. */
void tool_property_pair(struct tool *t, const char *pair);

/* ---- asking ---- */

/* What the properties say of a client. The first time tells which of them have no effect; what cannot be ends the tool. */
struct client_options tool_client_options(struct tool *t);
/* The client, by --bootstrap-server or --bootstrap-controller. */
void tool_connect(struct tool *t);
void tool_connect_to(struct tool *t, const char *bootstrap, bool controllers);

/* One question; waits. 0 and *response in the tool's arena, or the error of the way or of the whole answer (t->message). Retries. */
int tool_ask(struct tool *t, int32_t node, int key, const void *request, const void **response);
/* The same, and ends the tool when there is an error. */
const void *tool_must(struct tool *t, int32_t node, int key, const void *request);

/* Many at once: start each, then wait; results are in the calls. */
struct ask {
	struct call call;
	struct tool *tool;
};
void tool_ask_start(struct tool *t, struct ask *a, int32_t node, int key, const void *request);
void tool_wait(struct tool *t);
/* 0, or what went wrong with it, as tool_ask. */
int tool_ask_error(struct tool *t, const struct ask *a);

/* Waits, running the loop. */
void tool_sleep_ms(struct tool *t, int64_t ms);

/* The coordinator of a group (type 0) or a transactional id (1); ends the tool when none is found. */
int32_t tool_coordinator(struct tool *t, int type, const char *key, int *err);

/* ---- printing ---- */

/* Where what is said beside the answer goes: stdout, as with Kafka, unless that is JSON. */
FILE *tool_notices(const struct tool *t);
/* To stdout, unless that is JSON. */
void tool_say(const struct tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
json_t *json_str(struct str s); /* null stays null */

#endif
