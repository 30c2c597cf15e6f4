/*
 * table: rows and columns with headings, as some of Kafka's tools print them
 * (ToolsUtils.prettyPrintTable).
 *
 * As JSON each row is an object: the keys are the headings in camelCase ("LogEndOffset" is
 * logEndOffset, "Duration(min)" is durationMin), numbers are numbers, and a cell without a value is
 * null. Cells are in the tool's arena.
 */
#ifndef ODRADEK_CLI_TABLE_H
#define ODRADEK_CLI_TABLE_H

#include "cli/tool.h"

struct table_cell;

struct table {
	struct tool *tool;
	const char *const *heads; /* ended by NULL */
	int n_columns;
	struct table_cell *cells; /* row by row */
	int n_cells, cap;
};
void table_init(struct table *t, struct tool *tool, const char *const *heads);
void table_text(struct table *t, struct str text);
void table_number(struct table *t, int64_t number);
void table_none(struct table *t); /* "None" */
/* Prints each cell padded to its column, then a tab; with --json adds an array of objects to the output. */
void table_show(const struct table *t);

#endif
