/*
 * tool: what the subcommands that talk to a cluster share: options, a client, waiting for answers,
 * and how they end.
 *
 * A tool runs on the program's one thread: it sends a request, and runs the loop until the answer
 * has arrived. An error ends the process (tool_die) with status 1, as in Kafka's scripts. All
 * memory of a run is in its arena.
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
	bool controllers; /* the client's nodes are controllers */
	struct arena arena;
	int pending; /* answers that tool_wait is waiting for */
	bool json;
	json_t *out;	    /* with --json: printed at the end */
	struct str message; /* of the last answer with an error */
	/* How this tool reports errors: the text before the message, and the stream. */
	const char *complaint;
	FILE *complain_to;
	/*
	 * print "org.apache.kafka.common.errors.X: message", like a Java tool that prints an
	 * ExecutionException
	 */
	bool exception_names;
	int die_code; /* exit status of tool_die */
	bool told_trouble;
	/*
	 * Called once when a node refuses this client; for tools that wait for more than answers.
	 * May be NULL.
	 */
	void (*refused)(void *arg, int err);
	void *refused_arg;
	const struct tool_property *properties; /* from --command-config and the like, newest first */
	unsigned kinds;				/* enum client_kind: whose settings they are; 0: a server's too */
	bool is_set_up;				/* the properties have been checked */
	struct secure secure;
};

/* Reads the options, runs body and prints tool->out. Returns the exit status. */
int tool_run(const struct command *c, int argc, char **argv, int (*body)(struct tool *t));

_Noreturn void tool_die(struct tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the tool with the message that came with the error, or the error's own. */
_Noreturn void tool_die_of(struct tool *t, int err, struct str message);
/* "TopicExistsException": the name of Java's exception for an error. */
const char *tool_exception(int err, char out[96]);
/* The text of an error for people: the message that came with it, or its own. */
struct str tool_error_text(struct tool *t, int err, struct str message);
/* For contradictory arguments: prints the message, refers to --help, exits with 1. */
_Noreturn void tool_misused(struct tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Without leading and trailing blanks. */
struct str str_trimmed(struct str s);
/* "null" for null, as Java prints it. */
struct str str_or_null(struct str s);
/* "true" in the form that Kafka's formatters and readers accept. */
bool tool_is_true(const char *text);
/* As arena_grow, in the tool's arena; without memory the tool ends. */
void *tool_grow(struct tool *t, void *v, int n, int *cap, size_t size);
/* A copy that ends in a NUL. */
char *tool_string(struct tool *t, struct str s);

/* ---- options ---- */

static inline bool tool_has(const struct tool *t, const char *name) { return options_has(&t->options, name); }
static inline const char *tool_value(const struct tool *t, const char *name)
{
	return options_value(&t->options, name);
}
int64_t tool_number(struct tool *t, const char *name, int64_t otherwise);
/* The same, but the tool ends if the number is outside this range. */
int64_t tool_number_within(struct tool *t, const char *name, int64_t otherwise, int64_t least, int64_t most);
int32_t tool_integer(struct tool *t, const char *name, int32_t otherwise);
/*
 * Exactly one of these options (ended by NULL) must be given: returns its index, otherwise
 * tool_misused with `message`.
 */
int tool_one_of(struct tool *t, const char *const *names, const char *message);
/* If the option is given, none of the others (ended by NULL; itself aside) may be: tool_misused. */
void tool_excludes(struct tool *t, const char *option, const char *const *others);
/* A property of --command-config (or one added since); NULL: not set. */
const char *tool_property(const struct tool *t, const char *name);
int64_t tool_property_number(struct tool *t, const char *name, int64_t otherwise);
void tool_property_set(struct tool *t, const char *name, const char *value);
void tool_property_file(struct tool *t, const char *path);
/* The pairs of a properties file, as strings in the tool's arena. */
void tool_each_property(struct tool *t, const char *path, void (*each)(void *arg, const char *name, const char *value),
			void *arg);
/* The "NAME=VALUE" pairs of an option that may be repeated. */
void tool_each_pair(struct tool *t, const char *option, void (*each)(void *arg, const char *name, const char *value),
		    void *arg);
/* "name=value"; without "=" the value is empty. */
void tool_property_pair(struct tool *t, const char *pair);

/* ---- requests ---- */

/*
 * The properties that concern a client. The first call reports those without effect; an impossible
 * one ends the tool.
 */
struct client_options tool_client_options(struct tool *t);
/* Connects according to --bootstrap-server or --bootstrap-controller. */
void tool_connect(struct tool *t);
void tool_connect_to(struct tool *t, const char *bootstrap, bool controllers);

/*
 * Sends one request, with retries, and waits. Returns 0 and *response in the tool's arena; or the
 * error of the transport, or of the whole answer (t->message).
 */
int tool_ask(struct tool *t, int32_t node, int key, const void *request, const void **response);
/* The same, but an error ends the tool. */
const void *tool_must(struct tool *t, int32_t node, int key, const void *request);

/* Several requests at once: start each, then wait; the results are in the calls. */
struct ask {
	struct call call;
	struct tool *tool;
};
void tool_ask_start(struct tool *t, struct ask *a, int32_t node, int key, const void *request);
void tool_wait(struct tool *t);
/* 0, or its error, as with tool_ask. */
int tool_ask_error(struct tool *t, const struct ask *a);

/* Waits while running the loop. */
void tool_sleep_ms(struct tool *t, int64_t ms);

/* The coordinator of a group (type 0) or a transactional id (1); ends the tool when there is none. */
int32_t tool_coordinator(struct tool *t, int type, const char *key, int *err);

/* ---- printing ---- */

/* The stream for messages besides the answer: stdout, as in Kafka, unless that is JSON. */
FILE *tool_notices(const struct tool *t);
/* Prints to stdout, unless that is JSON. */
void tool_say(const struct tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
json_t *json_str(struct str s); /* null stays null */

#endif
