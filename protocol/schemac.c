/*
 * schemac: turns .msg files into C.
 *
 *	schemac protocol/fetch.msg DIR		structs to DIR/fetch.h, the tables of their fields to DIR/fetch.c
 *						(src/wire/schema.h)
 *	schemac --tables OUT.c X.msg...		the lists of all APIs, records and messages (src/wire/protocol.h)
 *
 * A .msg file, in which # begins a comment:
 *
 *	KIND [KEY] NAME versions RANGE [flexible RANGE] [latest-unstable] [listeners LIST] [as MESSAGE]
 *	  FIELD TYPE [RANGE] [null RANGE] [tag N] [never-compact] [free-text] [= DEFAULT] [ignorable]
 *	    [as MESSAGE[.STRUCT]]
 *	    (the fields of a struct, two spaces deeper)
 *	  struct NAME
 *	    (the fields of a struct that several fields of the message use)
 *
 * A field without a range is in every version of its struct. TYPE is a kind of number, bool, uuid,
 * error, string, bytes, records or a struct's name; []TYPE is an array; TYPE? may be null, in the
 * versions after `null` if not in all. The names are Kafka's, with underscores; structs inside a
 * message have shorter names. Fields are in wire order. A struct declared `as` another has no C
 * struct of its own, but shares that one's, which must have all of its fields and may have more; so
 * one function serves both. On the wire each is as its own message says.
 *
 * It runs on the build machine, needs only the C library, and ends at the first mistake, with file
 * and line. What it allocates lives until the end of the process.
 */
#include "protocol/schemac.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *out; /* the file being written */

/* "fetch_request" -> "FetchRequest", or "fetchRequest". The result is reused after eight calls. */
static const char *camel(const char *s, bool upper)
{
	static char ring[8][128];
	static int at;
	char *name = ring[at++ % 8], *p = name;

	for (; *s && p < name + 126; s++) {
		if (*s == '_') {
			upper = true;
			continue;
		}
		*p++ = (char)(upper ? toupper((unsigned char)*s) : *s);
		upper = false;
	}
	*p = '\0';
	return name;
}

static void out_open(const char *path)
{
	out = fopen(path, "w");
	if (!out)
		die_at(path, 0, "cannot be written");
}

static void out_close(const char *path)
{
	if (fflush(out) != 0 || ferror(out) || fclose(out) != 0)
		die_at(path, 0, "cannot be written");
}

/* fetch_request_topic: the prefix of names such as ..._schema. */
static const char *c_name(const struct message *m, const struct structure *s)
{
	static char ring[8][160];
	static int at;
	char *name = ring[at++ % 8];

	snprintf(name, sizeof(ring[0]), "%s%s%s", m->name, *s->name ? "_" : "", s->name);
	return name;
}

/* The name of the C struct, which may be another message's. */
static const char *c_struct(const struct message *m, const struct structure *s)
{
	return s->as ? c_name(s->as_message, s->as_struct) : c_name(m, s);
}

static bool may_be_null(const struct field *f)
{
	return f->nulls.first <= f->nulls.last;
}

static bool is_pointer(const struct field *f)
{
	return f->of && !f->array && may_be_null(f);
}

static bool is_null_default(const struct field *f)
{
	return f->def && strcmp(f->def, "null") == 0;
}

typedef void struct_fn(const struct message *, const struct structure *);

static void struct_visit(struct message *m, struct structure *s, struct_fn *each)
{
	if (s->visited)
		return;
	s->visited = true;
	for (int i = 0; i < s->n_fields; i++)
		if (s->fields[i].of)
			struct_visit(m, s->fields[i].of, each);
	each(m, s);
}

/* Calls each() for the structs of m, inner ones first. */
static void structs_each(struct message *m, struct_fn *each)
{
	for (int i = 0; i < m->n_structs; i++)
		m->structs[i]->visited = false;
	struct_visit(m, m->structs[0], each);
}

static void header_field(const struct message *m, const struct field *f)
{
	char c[200];

	if (f->of)
		snprintf(c, sizeof(c), "struct %s", c_struct(m, f->of));
	else
		snprintf(c, sizeof(c), "%s", f->type->c);
	if (f->array)
		fprintf(out, "\tstruct {\n\t\t%s *v;\n\t\tint32_t n;\n\t} %s;\n", c, f->name);
	else if (is_pointer(f))
		fprintf(out, "\tconst %s *%s;\n", c, f->name);
	else
		fprintf(out, "\t%s %s;\n", c, f->name);
}

static void header_struct(const struct message *m, const struct structure *s)
{
	if (!s->as) {
		fprintf(out, "struct %s {\n", c_name(m, s));
		for (int i = 0; i < s->n_fields; i++)
			header_field(m, &s->fields[i]);
		if (s->n_fields == 0)
			fprintf(out, "\tuint8_t nothing;\n");
		fprintf(out, "};\n");
	}
	fprintf(out, "extern const struct schema %s_schema;\n\n", c_name(m, s));
}

/* Writes an include for each message whose structs are used, without duplicates. */
static void header_includes(const struct messages *all)
{
	const char *last = "";

	for (int i = 0; i < all->n; i++) {
		for (int k = 0; k < all->v[i]->n_structs; k++) {
			const struct structure *s = all->v[i]->structs[k];
			const char *from = s->as ? s->as_message->file : all->v[i]->file;

			if (strcmp(from, all->v[i]->file) == 0 || strcmp(from, last) == 0)
				continue;
			fprintf(out, "#include \"protocol/%s.h\"\n", base_name(from));
			last = from;
		}
	}
}

static void header_write(const struct messages *all, const char *base)
{
	fprintf(out, "/* Made by schemac from %s.msg. */\n#pragma once\n\n", base);
	fprintf(out, "#include <stdbool.h>\n#include <stdint.h>\n\n");
	fprintf(out, "#include \"base/str.h\"\n#include \"base/uuid.h\"\n");
	header_includes(all);
	fprintf(out, "#include \"wire/records.h\"\n#include \"wire/schema.h\"\n\n");
	for (int i = 0; i < all->n; i++) {
		struct message *m = all->v[i];

		if (m->key >= 0)
			fprintf(out, "#define %s_KEY %d\n", m->name, m->key);
		fprintf(out, "#define %s_FIRST %d\n#define %s_LAST %d\n", m->name, m->versions.first, m->name,
			m->versions.last);
		fprintf(out, "#define %s_FLEXIBLE %d\n\n", m->name, m->flexible);
		structs_each(m, header_struct);
	}
}

static bool struct_has_defaults(const struct structure *s);

/* Whether the default is something other than zero bytes. */
static bool field_has_default(const struct field *f)
{
	if (f->array)
		return is_null_default(f);
	if (is_pointer(f))
		return !is_null_default(f);
	if (f->of)
		return struct_has_defaults(f->of);
	if (strcmp(f->type->name, "string") == 0 || strcmp(f->type->name, "bytes") == 0)
		return !is_null_default(f);
	return f->def && !is_null_default(f);
}

static bool struct_has_defaults(const struct structure *s)
{
	for (int i = 0; i < s->n_fields; i++)
		if (field_has_default(&s->fields[i]))
			return true;
	return false;
}

static void code_defaults(const struct message *m, const struct structure *s, int depth);

static void code_default(const struct message *m, const struct field *f, int depth)
{
	fprintf(out, "%.*s.%s = ", depth, "\t\t\t\t\t\t\t\t", f->name);
	if (f->array) {
		fprintf(out, "{NULL, -1}");
	} else if (is_pointer(f)) {
		fprintf(out, "&%s_defaults", c_name(m, f->of));
	} else if (f->of) {
		fprintf(out, "{\n");
		code_defaults(m, f->of, depth + 1);
		fprintf(out, "%.*s}", depth, "\t\t\t\t\t\t\t\t");
	} else if (strcmp(f->type->name, "string") == 0) {
		const char *text = f->def ? f->def + 1 : "";

		fprintf(out, "{\"%s\", %d}", text, (int)strlen(text));
	} else if (strcmp(f->type->name, "bytes") == 0) {
		fprintf(out, "{(const uint8_t *)\"\", 0}");
	} else if (strcmp(f->def, "-9223372036854775808") == 0) {
		fprintf(out, "INT64_MIN");
	} else if (strcmp(f->def, "-2147483648") == 0) {
		fprintf(out, "INT32_MIN");
	} else {
		fprintf(out, "%s", f->def);
	}
	fprintf(out, ",\n");
}

static void code_defaults(const struct message *m, const struct structure *s, int depth)
{
	for (int i = 0; i < s->n_fields; i++)
		if (field_has_default(&s->fields[i]))
			code_default(m, &s->fields[i], depth);
}

static void code_field(const struct message *m, const struct structure *s, const struct field *f)
{
	fprintf(out, "\t{\"%s\", ", camel(f->name, false));
	if (f->of)
		fprintf(out, "&%s_schema, ", c_name(m, f->of));
	else
		fprintf(out, "NULL, ");
	fprintf(out, "offsetof(struct %s, %s), %s, 0", c_struct(m, s), f->name, f->type->kind);
	if (f->array)
		fprintf(out, " | FIELD_ARRAY");
	if (f->ignorable)
		fprintf(out, " | FIELD_IGNORABLE");
	if (f->never_compact)
		fprintf(out, " | FIELD_NEVER_COMPACT");
	if (f->free_text)
		fprintf(out, " | FIELD_FREE_TEXT");
	if (is_pointer(f))
		fprintf(out, " | FIELD_POINTER");
	fprintf(out, ", %d, %d, %d, %d, %d},\n", f->versions.first, f->versions.last, f->nulls.first, f->nulls.last,
		f->tag);
}

/* Writes the indexes of tagged fields in ascending order of tag; returns their number. */
static int code_tags(const char *name, const struct structure *s)
{
	int n = 0;

	for (int tag = 0; tag < FIELDS_MAX; tag++) {
		for (int i = 0; i < s->n_fields; i++) {
			if (s->fields[i].tag != tag)
				continue;
			if (n++ == 0)
				fprintf(out, "static const uint8_t %s_tagged[] = {", name);
			fprintf(out, "%s%d", n > 1 ? ", " : "", i);
		}
	}
	if (n > 0)
		fprintf(out, "};\n\n");
	return n;
}

static int struct_len(const struct message *m, const struct structure *s, int version);

static int field_len(const struct message *m, const struct field *f, int version)
{
	bool flexible = version >= m->flexible && !f->never_compact;

	if (f->tag >= 0 || version < f->versions.first || version > f->versions.last)
		return 0;
	if (f->array)
		return flexible ? 1 : 4;
	if (is_pointer(f))
		return 1;
	if (f->of)
		return struct_len(m, f->of, version);
	if (f->type->min_len > 1 || flexible || strcmp(f->type->name, "bool") == 0 ||
	    strcmp(f->type->name, "int8") == 0)
		return f->type->min_len;
	return strcmp(f->type->name, "string") == 0 ? 2 : 4;
}

static int struct_len(const struct message *m, const struct structure *s, int version)
{
	int len = version >= m->flexible ? 1 : 0;

	for (int i = 0; i < s->n_fields; i++)
		len += field_len(m, &s->fields[i], version);
	return len;
}

/* The size of the shortest value in any version, or 1. */
static int struct_min_len(const struct message *m, const struct structure *s)
{
	int min = struct_len(m, s, m->versions.first);

	for (int v = m->versions.first + 1; v <= m->versions.last; v++) {
		int len = struct_len(m, s, v);

		min = len < min ? len : min;
	}
	return min > 0 ? min : 1;
}

static void code_struct(const struct message *m, const struct structure *s)
{
	char name[160];
	int n_tagged;

	snprintf(name, sizeof(name), "%s", c_name(m, s));
	fprintf(out, "static const struct %s %s_defaults", c_struct(m, s), name);
	if (struct_has_defaults(s)) {
		fprintf(out, " = {\n");
		code_defaults(m, s, 1);
		fprintf(out, "}");
	}
	fprintf(out, ";\n\n");
	if (s->n_fields > 0) {
		fprintf(out, "static const struct field %s_fields[] = {\n", name);
		for (int i = 0; i < s->n_fields; i++)
			code_field(m, s, &s->fields[i]);
		fprintf(out, "};\n\n");
	}
	n_tagged = code_tags(name, s);
	fprintf(out, "const struct schema %s_schema = {\n", name);
	fprintf(out, "\t.name = \"%s\",\n", *s->name ? camel(s->name, true) : camel(m->name, true));
	if (s->n_fields > 0)
		fprintf(out, "\t.fields = %s_fields,\n\t.n_fields = %d,\n", name, s->n_fields);
	if (n_tagged > 0)
		fprintf(out, "\t.tagged = %s_tagged,\n\t.n_tagged = %d,\n", name, n_tagged);
	fprintf(out, "\t.defaults = &%s_defaults,\n\t.size = sizeof(struct %s),\n", name, c_struct(m, s));
	fprintf(out, "\t.min_len = %d,\n\t.sort = %s,\n", struct_min_len(m, s),
		*s->name ? "SCHEMA_STRUCT" : m->kind->sort);
	fprintf(out, "\t.first = %d,\n\t.last = %d,\n\t.flexible = %d,\n", m->versions.first, m->versions.last,
		m->flexible);
	fprintf(out, "\t.key = %d,\n};\n\n", m->key);
}

static void code_write(const struct messages *all, const char *base)
{
	fprintf(out, "/* Made by schemac from %s.msg. */\n#include \"protocol/%s.h\"\n\n#include <stddef.h>\n\n", base,
		base);
	for (int i = 0; i < all->n; i++)
		structs_each(all->v[i], code_struct);
}

/* ---- the lists ---- */

static struct message *message_find(const struct messages *all, const char *kind, int key)
{
	for (int i = 0; i < all->n; i++)
		if (all->v[i]->key == key && strcmp(all->v[i]->kind->word, kind) == 0)
			return all->v[i];
	return NULL;
}

static int key_max(const struct messages *all, const char *kind)
{
	int max = -1;

	for (int i = 0; i < all->n; i++)
		if (strcmp(all->v[i]->kind->word, kind) == 0 && all->v[i]->key > max)
			max = all->v[i]->key;
	return max;
}

static bool listens(const struct message *m, const char *who)
{
	return m->listeners && strstr(m->listeners, who);
}

static void tables_apis(const struct messages *all)
{
	int n = 0;

	fprintf(out, "const struct api_info api_infos[] = {\n");
	for (int key = 0; key <= key_max(all, "request"); key++) {
		const struct message *in = message_find(all, "request", key),
				     *reply = message_find(all, "response", key);

		if (!in)
			continue;
		if (!reply || reply->versions.first != in->versions.first || reply->versions.last != in->versions.last)
			die_at(in->name, 0, "the request and the response of key %d do not match", key);
		fprintf(out, "\t{%d, \"%s\", %d, %d, %d, 0%s%s, %s, &%s_schema, &%s_schema},\n", key,
			camel(in->stem, true), in->versions.first, in->versions.last, in->flexible,
			listens(in, "broker") ? " | LISTENER_BROKER" : "",
			listens(in, "controller") ? " | LISTENER_CONTROLLER" : "",
			in->latest_unstable ? "true" : "false", in->name, reply->name);
		n++;
	}
	fprintf(out, "};\nconst int api_infos_n = %d;\n\n", n);
}

/* A table indexed by key, with gaps. */
static void tables_by_key(const struct messages *all, const char *kind, const char *name)
{
	int max = key_max(all, kind);

	fprintf(out, "const struct schema *const %s[] = {\n", name);
	for (int key = 0; key <= max; key++) {
		const struct message *m = message_find(all, kind, key);

		if (m)
			fprintf(out, "\t[%d] = &%s_schema,\n", key, m->name);
	}
	fprintf(out, "};\nconst int %s_n = %d;\n\n", name, max + 1);
}

static void tables_all(const struct messages *all)
{
	fprintf(out, "const struct schema *const protocol_schemas[] = {\n");
	for (int i = 0; i < all->n; i++)
		fprintf(out, "\t&%s_schema,\n", all->v[i]->name);
	fprintf(out, "};\nconst int protocol_schemas_n = %d;\n", all->n);
}

static void tables_write(const struct messages *all)
{
	fprintf(out, "/* Made by schemac from all .msg files. */\n#include \"wire/protocol.h\"\n\n");
	for (int i = 0; i < all->n; i++)
		fprintf(out, "extern const struct schema %s_schema;\n", all->v[i]->name);
	fprintf(out, "\n");
	tables_apis(all);
	tables_by_key(all, "record", "metadata_record_schemas");
	tables_all(all);
}

static void message_write(const struct messages *all, const char *path, const char *dir)
{
	const char *base = base_name(path);
	char to[4096];

	snprintf(to, sizeof(to), "%s/%s.h", dir, base);
	out_open(to);
	header_write(all, base);
	out_close(to);
	snprintf(to, sizeof(to), "%s/%s.c", dir, base);
	out_open(to);
	code_write(all, base);
	out_close(to);
}

int main(int argc, char **argv)
{
	struct messages *all = allocate(sizeof(*all));

	if (argc == 3) {
		messages_read(all, argv[1]);
		message_write(all, argv[1], argv[2]);
		return 0;
	}
	if (argc > 3 && strcmp(argv[1], "--tables") == 0) {
		for (int i = 3; i < argc; i++)
			messages_read(all, argv[i]);
		out_open(argv[2]);
		tables_write(all);
		out_close(argv[2]);
		return 0;
	}
	fprintf(stderr, "usage: schemac FILE.msg DIR | schemac --tables OUT.c FILE.msg...\n");
	return 2;
}
