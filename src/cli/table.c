/* table: collects cells, then prints them as columns or JSON. */
#include "cli/table.h"

#include <ctype.h>
#include <string.h>

enum cell_kind { CELL_TEXT, CELL_NUMBER, CELL_NONE };

struct table_cell {
	struct str text;
	enum cell_kind kind;
	int64_t number;
};

void table_init(struct table *t, struct tool *tool, const char *const *heads)
{
	*t = (struct table){.tool = tool, .heads = heads};
	while (heads[t->n_columns])
		t->n_columns++;
}

/* ---- cells ---- */

static void add_cell(struct table *t, struct table_cell cell)
{
	t->cells = tool_grow(t->tool, t->cells, t->n_cells, &t->cap, sizeof(*t->cells));
	t->cells[t->n_cells++] = cell;
}

void table_text(struct table *t, struct str text)
{
	add_cell(t, (struct table_cell){arena_str(&t->tool->arena, text), CELL_TEXT, 0});
}

void table_number(struct table *t, int64_t number)
{
	struct str text = arena_printf(&t->tool->arena, "%lld", (long long)number);

	add_cell(t, (struct table_cell){text, CELL_NUMBER, number});
}

void table_none(struct table *t)
{
	add_cell(t, (struct table_cell){STR("None"), CELL_NONE, 0});
}

/* ---- lines ---- */

static int *widths_of(const struct table *t)
{
	int *widths = arena_array(&t->tool->arena, (size_t)t->n_columns, sizeof(*widths));

	for (int i = 0; i < t->n_columns; i++)
		widths[i] = (int)strlen(t->heads[i]);
	for (int i = 0; i < t->n_cells; i++)
		if (t->cells[i].text.len > widths[i % t->n_columns])
			widths[i % t->n_columns] = t->cells[i].text.len;
	return widths;
}

static void print_cell(struct str text, int width, bool last)
{
	printf("%.*s%*s\t%s", STR_ARG(text), width - text.len, "", last ? "\n" : "");
}

static void print(const struct table *t)
{
	const int *widths = widths_of(t);
	int last = t->n_columns - 1;

	for (int i = 0; i < t->n_columns; i++)
		print_cell(str_of(t->heads[i]), widths[i], i == last);
	for (int i = 0; i < t->n_cells; i++)
		print_cell(t->cells[i].text, widths[i % t->n_columns], i % t->n_columns == last);
}

/* ---- JSON ---- */

/*
 * A heading in camelCase: characters other than letters and digits are removed, and the letter
 * after them becomes a capital.
 */
static void key_of(const char *head, char out[64])
{
	bool capital = false;
	size_t n = 0;

	for (; *head && n < 63; head++) {
		if (!isalnum((unsigned char)*head)) {
			capital = true;
			continue;
		}
		out[n] = (char)(n == 0	  ? tolower((unsigned char)*head)
				: capital ? toupper((unsigned char)*head)
					  : *head);
		capital = false;
		n++;
	}
	out[n] = 0;
}

static json_t *json_cell(const struct table_cell *cell)
{
	if (cell->kind == CELL_NONE)
		return json_null();
	return cell->kind == CELL_NUMBER ? json_integer(cell->number) : json_str(cell->text);
}

static json_t *json_rows(const struct table *t)
{
	json_t *rows = json_array();
	json_t *row = NULL;
	char key[64];

	for (int i = 0; i < t->n_cells; i++) {
		if (i % t->n_columns == 0) {
			row = json_object();
			json_array_append_new(rows, row);
		}
		key_of(t->heads[i % t->n_columns], key);
		json_object_set_new(row, key, json_cell(&t->cells[i]));
	}
	return rows;
}

void table_show(const struct table *t)
{
	if (t->tool->json)
		t->tool->out = json_rows(t);
	else
		print(t);
}
