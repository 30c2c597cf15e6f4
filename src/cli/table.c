/*
 * table: see the header.
 */
#include "cli/table.h"

#include <stdarg.h>
#include <string.h>

void table_init(struct table *t, struct tool *tool, const char *const *heads)
{
	*t = (struct table){.tool = tool, .heads = heads};
	while (heads[t->n_columns])
		t->n_columns++;
}

void table_cell(struct table *t, const char *format, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, format);
	len = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	text = arena_alloc(&t->tool->arena, (size_t)len + 1);
	va_start(ap, format);
	vsnprintf(text, (size_t)len + 1, format, ap);
	va_end(ap);
	if (t->n_cells == t->cap) {
		struct str *cells = arena_array(&t->tool->arena, (size_t)t->cap * 2 + 64, sizeof(*cells));

		if (t->n_cells)
			memcpy(cells, t->cells, (size_t)t->n_cells * sizeof(*cells));
		t->cells = cells;
		t->cap = t->cap * 2 + 64;
	}
	t->cells[t->n_cells++] = (struct str){text, len};
}

void table_print_tabs(const struct table *t)
{
	for (int row = -1; row < t->n_cells / t->n_columns; row++) {
		for (int column = 0; column < t->n_columns; column++) {
			size_t width = strlen(t->heads[column]);

			for (int i = column; i < t->n_cells; i += t->n_columns)
				if ((size_t)t->cells[i].len > width)
					width = (size_t)t->cells[i].len;
			printf("%-*s\t", (int)width,
			       row < 0 ? t->heads[column] : t->cells[row * t->n_columns + column].p);
		}
		putchar('\n');
	}
}

json_t *table_json(const struct table *t)
{
	json_t *rows = json_array();

	for (int row = 0; row < t->n_cells / t->n_columns; row++) {
		json_t *object = json_object();

		for (int column = 0; column < t->n_columns; column++)
			json_object_set_new(object, t->heads[column], json_str(t->cells[row * t->n_columns + column]));
		json_array_append_new(rows, object);
	}
	return rows;
}
