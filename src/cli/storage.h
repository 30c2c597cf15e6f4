/* storage: what `odradek format` and `odradek storage` share: the arguments of Kafka's storage tool. */
#ifndef ODRADEK_CLI_STORAGE_H
#define ODRADEK_CLI_STORAGE_H

#include <stdbool.h>

#include "cli/command.h"

#define STORAGE_LIST_MAX 64

struct storage_arguments {
	const char *config; /* NULL: the built-in configuration */
	const char *cluster_id;
	const char *release_version;
	const char *initial_controllers;
	const char *features[STORAGE_LIST_MAX]; /* "name=level" */
	int n_features;
	const char *overrides[STORAGE_LIST_MAX + 1]; /* ended by NULL */
	int n_overrides;
	bool ignore_formatted;
	bool standalone;
	bool no_initial_controllers;
	const char *add_scram[STORAGE_LIST_MAX]; /* "SCRAM-SHA-256=[name=alice,password=x]" */
	int n_add_scram;
};

/*
 * Returns 0, or the exit status after reporting what is wrong. Options may be given as --name
 * value, --name=value or by their letter.
 */
int storage_arguments_parse(const struct command *c, int argc, char **argv, struct storage_arguments *out);

int storage_format(const struct storage_arguments *a);

#endif
