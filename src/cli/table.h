/*
 * table: rows and columns under heads, as some of Kafka's tools print them.
 */
#ifndef ODRADEK_CLI_TABLE_H
#define ODRADEK_CLI_TABLE_H

#include "cli/tool.h"

/* Every line of a table is its cells, padded to the widest of their column and one blank more, as consumer-groups' are. */
struct table {
	struct tool *tool;
	const char *const *heads;
	int n_columns;
	struct str *cells;
	int n_cells, cap;
};
void table_init(struct table *t, struct tool *tool, const char *const *heads);
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Each cell padded to its column, then a tab: ToolsUtils.prettyPrintTable. */
void table_print_tabs(const struct table *t);
/* An array of objects, keys as the heads say. */
json_t *table_json(const struct table *t);

#endif
