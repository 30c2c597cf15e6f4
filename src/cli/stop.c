/*
 * stop: `odradek stop`: asks the nodes of this machine to stop, as Kafka's kafka-server-stop does:
 * all of them, or those with one node.id or one process.roles.
 *
 * A node is a process that runs `odradek start`, by that name or by the name of Kafka's script. Its
 * id and roles are in the file it was started with, the KAFKA_* variables and the overrides, all
 * read anew: the script looks into the file alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/command.h"
#include "config/config.h"
#include "env/env.h"
#include "env/real/real.h"

#define FILE_MAX (8 << 20)

struct stop {
	const char *id;	   /* NULL: any */
	const char *roles; /* NULL: any */
	struct env *env;
	int number; /* of the signal */
	int n_nodes;
	int err;
};

extern const struct command command_start, command_stop;

/* ---- which processes are nodes ---- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The arguments that follow "start"; NULL: it is no node. */
static const char *const *node_arguments(const struct real_process *p)
{
	const char *sub;

	if (command_of_script(p->arguments[0], &sub) == &command_start)
		return p->arguments + 1;
	if (strcmp(last_part(p->arguments[0]), "odradek") == 0 && p->arguments[1] &&
	    strcmp(p->arguments[1], "start") == 0)
		return p->arguments + 2;
	return NULL;
}

/* ---- what a node is ---- */

struct started {
	const char *file; /* NULL: built in */
	const char **overrides;
	int n_overrides;
};

/* Options that take their value from the next argument; what start has not understood has not started. */
static void read_started(const char *const *arguments, struct started *s)
{
	for (int i = 0; arguments[i]; i++) {
		const char *a = arguments[i];
		bool has_next = arguments[i + 1];

		if (strncmp(a, "--override=", 11) == 0)
			s->overrides[s->n_overrides++] = a + 11;
		else if (strcmp(a, "--override") == 0 && has_next)
			s->overrides[s->n_overrides++] = arguments[++i];
		else if (a[0] == '-' && !strchr(a, '=') && strcmp(a, "-daemon") != 0 && has_next)
			i++;
		else if (a[0] != '-')
			s->file = a;
	}
}

static int count(const char *const *v)
{
	int n = 0;

	while (v[n])
		n++;
	return n;
}

/* NULL, and said why, if it cannot be read. */
static struct config *config_of(const struct stop *s, const struct real_process *p, const char *const *arguments)
{
	struct started started = {.overrides = xcalloc((size_t)count(arguments) + 1, sizeof(char *))};
	struct config_input in = {.environment = p->environment, .data_dir = STR("/")};
	struct config_notes notes = {.n = 0};
	struct config *c = NULL;
	char *path = NULL, *text = NULL;
	size_t len = 0;
	int err = 0;

	read_started(arguments, &started);
	in.overrides = started.overrides;
	if (started.file) {
		path = started.file[0] == '/' || !p->directory ? xasprintf("%s", started.file)
							       : xasprintf("%s/%s", p->directory, started.file);
		err = env_read_file(s->env, path, FILE_MAX, &text, &len);
		in.file_name = str_of(path);
		in.file_text = (struct str){text, (int32_t)len};
	}
	if (err == -ENOENT && !p->directory) {
		printf("Can not find the configuration file in the current directory. Please make sure the kafka stop "
		       "process and the start process are called in the same directory.\n");
	} else if (err) {
		fprintf(stderr, "odradek stop: process %d: %s: %s\n", p->pid, path, err_name(err));
	} else {
		if (config_load(&in, &c, &notes))
			fprintf(stderr, "odradek stop: process %d: its configuration cannot be read any more\n",
				p->pid);
		config_notes_fini(&notes);
	}
	xfree(text);
	xfree(path);
	xfree(started.overrides);
	return c;
}

static bool is_wanted(struct stop *s, const struct real_process *p, const char *const *arguments)
{
	struct config *c;
	bool wanted;

	if (!s->id && !s->roles)
		return true;
	c = config_of(s, p, arguments);
	if (!c) {
		s->err = EXIT_CONFIG;
		return false;
	}
	wanted = s->id ? str_is(config_text(c, CONFIG_NODE_ID), s->id)
		       : str_is(config_text(c, CONFIG_PROCESS_ROLES), s->roles);
	config_free(c);
	return wanted;
}

static int stop_one(void *arg, const struct real_process *p)
{
	const char *const *arguments = node_arguments(p);
	struct stop *s = arg;
	int err;

	if (!arguments)
		return 0;
	s->n_nodes++;
	if (!is_wanted(s, p, arguments))
		return 0;
	err = real_process_signal(p->pid, s->number);
	if (err) {
		fprintf(stderr, "odradek stop: process %d: %s\n", p->pid, err_name(err));
		s->err = EXIT_CONFIG;
	}
	return 0;
}

/* ---- the command ---- */

static int stop_all(struct stop *s)
{
	if (s->id && s->roles)
		printf("When both node-id and process-role are provided, the value for node-id will take precedence\n");
	real_processes(stop_one, s);
	if (s->n_nodes > 0)
		return s->err;
	printf("No kafka server to stop\n");
	return EXIT_CONFIG;
}

static int run(int argc, char **argv)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	const char *name = getenv("SIGNAL");
	struct stop s = {.number = real_signal_number(name && *name ? name : "TERM")};
	int code;

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--node-id=", 10) == 0 && argv[i][10])
			s.id = argv[i] + 10;
		else if (strncmp(argv[i], "--process-role=", 15) == 0 && argv[i][15])
			s.roles = argv[i] + 15;
		else
			return command_misused(&command_stop, "unexpected argument: %s", argv[i]);
	}
	if (s.number == 0)
		return command_misused(&command_stop, "SIGNAL is the name or number of a signal, not %s", name);
	s.env = env_real_new(&diag);
	code = stop_all(&s);
	env_real_free(s.env);
	return code;
}

const struct command command_stop = {
	.name = "stop",
	.summary = "stop the nodes of this machine",
	.usage =
		"usage: odradek stop [--node-id=ID] [--process-role=ROLES]\n"
		"\n"
		"Asks every node of this machine to stop, as Kafka's kafka-server-stop does, and does not wait for them.\n"
		"\n"
		"  --node-id=ID          only the node with this node.id\n"
		"  --process-role=ROLES  only nodes with these process.roles, word for word: broker,controller is not broker\n"
		"\n"
		"The variable SIGNAL names another signal than TERM.\n"
		"Exit status: 0 asked, 1 no node runs here, or one could not be asked.\n",
	.run = run,
};
