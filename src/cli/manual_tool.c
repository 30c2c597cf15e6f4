/*
 * manual_tool: `odradek manual`: the manual page of a tool, generated from its row; odradek(1)
 * lists them all.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/release.h"

extern const struct command command_manual;

/* Escapes text for roff: hyphens that can be copied, and no line that would be a request. */
static void put(const char *text)
{
	bool at_start = true;

	for (; *text; text++) {
		if (at_start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
		at_start = *text == '\n';
	}
}

static void put_capitals(const char *text)
{
	for (; *text; text++) {
		if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text >= 'a' && *text <= 'z' ? *text - 32 : *text);
	}
}

static void print_option(const struct option_row *r)
{
	printf(".TP\n");
	if (r->letter)
		printf("\\fB\\-%c\\fR, ", r->letter);
	printf("\\fB\\-\\-");
	put(r->name);
	printf("\\fR");
	if (r->argument) {
		printf(" \\fI");
		put(r->argument);
		printf("\\fR");
	}
	putchar('\n');
	put(r->help);
	if (r->only) {
		printf(" (for: ");
		put(r->only);
		putchar(')');
	}
	printf(".\n");
}

static bool has_option(const struct command *c, const char *name)
{
	for (const struct option_row *r = c->options; r->name; r++)
		if (strcmp(r->name, name) == 0)
			return true;
	return false;
}

static void print_page(const struct command *c)
{
	printf(".TH ODRADEK\\-");
	put_capitals(c->name);
	printf(" 1 \"\" \"Odradek\" \"User Commands\"\n.SH NAME\nodradek\\-");
	put(c->name);
	printf(" \\- ");
	put(c->summary);
	printf("\n.SH SYNOPSIS\n.B odradek ");
	put(c->name);
	printf("\n%s[\\fIoption\\fR]...\n.SH DESCRIPTION\n", c->subcommands ? "\\fIsubcommand\\fR " : "");
	put(c->description);
	printf("\n.PP\nThe options and what is printed are those of Apache Kafka's script%s\n",
	       has_option(c, "json") ? ";\n.B \\-\\-json\nis an addition. The cluster may be of any brokers." : ".");
	for (const struct subcommand *s = c->subcommands; s && s->name; s++) {
		printf("%s.TP\n.B ", s == c->subcommands ? ".SH SUBCOMMANDS\n" : "");
		put(s->name);
		putchar('\n');
		put(s->summary);
		printf(".\n");
	}
	printf(".SH OPTIONS\n");
	for (const struct option_row *r = c->options; r->name; r++)
		if (!(r->flags & OPTION_HIDDEN))
			print_option(r);
	if (c->examples) {
		printf(".SH EXAMPLES\n.nf\n");
		put(c->examples);
		printf(".fi\n");
	}
	printf(".SH EXIT STATUS\n0, or 1 when the arguments are wrong or something has failed.\n.SH SEE ALSO\n.BR odradek (1)\n");
}

static int run(int argc, char **argv)
{
	const struct command *c = argc == 2 ? command_find(argv[1]) : NULL;

	if (argc == 2 && !c)
		return command_unknown(argv[1]);
	if (!c)
		return command_misused(&command_manual, "one command was expected");
	if (!c->options)
		return command_misused(&command_manual, "%s has no page of its own: odradek(1) has it", c->name);
	print_page(c);
	return EXIT_FINE;
}

const struct command command_manual = {
	.name = "manual",
	.summary = "print the manual page of a tool",
	.usage = "usage: odradek manual COMMAND\n"
		 "\n"
		 "Prints the page odradek-COMMAND(1); to be read: odradek manual topics | man -l -\n",
	.run = run,
};
