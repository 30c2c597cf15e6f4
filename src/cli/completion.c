/*
 * completion: shell completion, generated from the table of commands. A tool's options are its
 * rows; those of other commands are the words in their usage that begin with two dashes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static size_t word_len(const char *p)
{
	return strspn(p, "abcdefghijklmnopqrstuvwxyz-");
}

/* Whether the word at `at` also occurs before it. */
static bool is_repeated(const char *usage, const char *at, size_t len)
{
	for (const char *p = strstr(usage, "--"); p && p < at; p = strstr(p + word_len(p), "--"))
		if (word_len(p) == len && memcmp(p, at, len) == 0)
			return true;
	return false;
}

static void each_option_of_usage(const struct command *c,
				 void (*each)(const struct command *c, const char *option, int len))
{
	for (const char *p = strstr(c->usage, "--"); p; p = strstr(p + word_len(p), "--"))
		if (word_len(p) > 2 && !is_repeated(c->usage, p, word_len(p)))
			each(c, p, (int)word_len(p));
	if (!strstr(c->usage, "--help"))
		each(c, "--help", (int)strlen("--help"));
}

static void each_option(const struct command *c, void (*each)(const struct command *c, const char *option, int len))
{
	char option[64];

	if (c->usage) {
		each_option_of_usage(c, each);
		return;
	}
	for (const struct option_row *r = c->options; r->name; r++)
		if (!(r->flags & OPTION_HIDDEN))
			each(c, option, snprintf(option, sizeof(option), "--%s", r->name));
}

static void bash_option(const struct command *c, const char *option, int len)
{
	(void)c;
	printf("%.*s ", len, option);
}

static void print_bash(void)
{
	printf("_odradek() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\n\tcase ${COMP_WORDS[1]} in\n");
	for (int i = 0; i < commands_n; i++) {
		printf("\t%s) words='", commands[i]->name);
		for (const struct subcommand *s = commands[i]->subcommands; s && s->name; s++)
			printf("%s ", s->name);
		each_option(commands[i], bash_option);
		printf("' ;;\n");
	}
	printf("\tesac\n\tif [ \"$COMP_CWORD\" -eq 1 ]; then words='");
	for (int i = 0; i < commands_n; i++)
		printf("%s ", commands[i]->name);
	printf("--help --version'; fi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	       "\t[ \"$COMP_CWORD\" -gt 1 ] && COMPREPLY+=($(compgen -f -- \"$word\"))\n}\n"
	       "complete -o filenames -F _odradek odradek\n");
}

static void print_zsh(void)
{
	printf("#compdef odradek\nautoload -U +X bashcompinit && bashcompinit\n");
	print_bash();
}

static void fish_option(const struct command *c, const char *option, int len)
{
	printf("complete -c odradek -n '__fish_seen_subcommand_from %s' -l %.*s\n", c->name, len - 2, option + 2);
}

static void print_fish(void)
{
	for (int i = 0; i < commands_n; i++) {
		printf("complete -c odradek -n __fish_use_subcommand -a %s -d '%s'\n", commands[i]->name,
		       commands[i]->summary);
		for (const struct subcommand *s = commands[i]->subcommands; s && s->name; s++)
			printf("complete -c odradek -n '__fish_seen_subcommand_from %s' -a %s -d '%s'\n",
			       commands[i]->name, s->name, s->summary);
		each_option(commands[i], fish_option);
	}
}

static const struct {
	const char *name;
	void (*print)(void);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

extern const struct command command_completion;

static int run(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(argv[1], shells[i].name) == 0) {
			shells[i].print();
			return EXIT_FINE;
		}
	return command_misused(&command_completion, "one shell was expected");
}

const struct command command_completion = {
	.name = "completion",
	.summary = "print a completion script for bash, zsh or fish",
	.usage = "usage: odradek completion bash|zsh|fish\n"
		 "\n"
		 "Prints a script to be sourced; for bash: source <(odradek completion bash)\n",
	.run = run,
};
