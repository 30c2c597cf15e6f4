/*
 * schemac: turns .msg files into C.
 *
 *	schemac protocol/fetch.msg DIR		structs to DIR/fetch.h, the tables of their fields to DIR/fetch.c
 *						(src/wire/schema.h)
 *	schemac --tables OUT.c X.msg...		the lists of all APIs, records and messages (src/wire/protocol.h)
 *
 * A .msg file, # begins a comment:
 *
 *	KIND [KEY] NAME versions RANGE [flexible RANGE] [latest-unstable] [listeners LIST]
 *	  FIELD TYPE [RANGE] [null RANGE] [tag N] [never-compact] [= DEFAULT] [ignorable]
 *	    (the fields of a struct, two spaces deeper)
 *	  struct NAME
 *	    (the fields of a struct that several fields of the message use)
 *
 * A field without a range is in every version that its struct is in. TYPE is a kind of number, bool, uuid, error,
 * string, bytes, records or a struct's name; []TYPE is an array; TYPE? may be null, in the versions after `null` if
 * not in all. The names are Kafka's, with underscores; structs inside a message are named more shortly. The order of
 * fields is that of the wire.
 *
 * It runs on the machine that builds, needs the C library alone, and ends at the first mistake, with file and line.
 * What it allocates lives until the end of the process.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN 127 /* VERSION_OPEN */
#define DEPTH_MAX 12
#define WORDS_MAX 24
#define FIELDS_MAX 120
#define STRUCTS_MAX 40
#define MESSAGES_MAX 512

struct range {
	int first;
	int last; /* none when it is less */
};

/* A row of what types there are. min_len is that of the shortest value in any version. */
struct type {
	const char *name;
	const char *c;
	const char *kind;
	int min_len;
};

static const struct type types[] = {
	{"bool", "bool", "FIELD_BOOL", 1},
	{"int8", "int8_t", "FIELD_INT8", 1},
	{"int16", "int16_t", "FIELD_INT16", 2},
	{"uint16", "uint16_t", "FIELD_UINT16", 2},
	{"int32", "int32_t", "FIELD_INT32", 4},
	{"uint32", "uint32_t", "FIELD_UINT32", 4},
	{"int64", "int64_t", "FIELD_INT64", 8},
	{"float64", "double", "FIELD_FLOAT64", 8},
	{"uuid", "struct uuid", "FIELD_UUID", 16},
	{"error", "int16_t", "FIELD_ERROR", 2},
	{"string", "struct str", "FIELD_STRING", 1},
	{"bytes", "struct bytes", "FIELD_BYTES", 1},
	{"records", "struct records", "FIELD_RECORDS", 1},
	{NULL, NULL, "FIELD_STRUCT", 1},
};

/* A row of what a message can be. */
struct kind {
	const char *word;
	const char *suffix; /* after the name, in C */
	const char *sort;
	bool has_key;
};

static const struct kind kinds[] = {
	{"request", "_request", "SCHEMA_REQUEST", true},
	{"response", "_response", "SCHEMA_RESPONSE", true},
	{"data", "", "SCHEMA_DATA", false},
	{"record", "", "SCHEMA_RECORD", true},
	{"remote-record", "", "SCHEMA_REMOTE_RECORD", true},
	{"coordinator-key", "", "SCHEMA_COORDINATOR_KEY", true},
	{"coordinator-value", "", "SCHEMA_COORDINATOR_VALUE", true},
};

struct structure;

struct field {
	char *name;
	const struct type *type;
	char *struct_name; /* when the type is a struct */
	struct structure *of;
	struct range versions;
	struct range nulls;
	char *def; /* as written; NULL: zero, empty */
	int tag;   /* -1: none */
	int line;
	bool array;
	bool never_compact;
	bool ignorable;
};

struct structure {
	char *name; /* "" is the message itself */
	struct field fields[FIELDS_MAX];
	int n_fields;
	bool written;
};

struct message {
	const struct kind *kind;
	char *stem; /* "fetch" */
	char *name; /* "fetch_request" */
	char *listeners;
	struct range versions;
	int flexible;
	int key; /* -1: none */
	bool latest_unstable;
	struct structure *structs[STRUCTS_MAX]; /* the first is the message */
	int n_structs;
};

static struct message *messages[MESSAGES_MAX];
static int n_messages;
static const char *file;
static int line;

static void die(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void *allocate(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		die("out of memory");
	return p;
}

static char *copy(const char *s)
{
	return strcpy(allocate(strlen(s) + 1), s);
}

/* "fetch_request" -> "FetchRequest", or "fetchRequest". In memory that is reused after eight calls. */
static const char *camel(const char *s, bool upper)
{
	static char ring[8][128];
	static int at;
	char *out = ring[at++ % 8], *p = out;

	for (; *s && p < out + 126; s++) {
		if (*s == '_') {
			upper = true;
			continue;
		}
		*p++ = (char)(upper ? toupper((unsigned char)*s) : *s);
		upper = false;
	}
	*p = '\0';
	return out;
}

/* ---- reading ---- */

/* "3", "3-5" or "3+". */
static bool range_parse(const char *s, struct range *out)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	out->first = out->last = (int)strtol(s, &end, 10);
	if (strcmp(end, "+") == 0) {
		out->last = OPEN;
		return true;
	}
	if (*end == '-' && isdigit((unsigned char)end[1]))
		out->last = (int)strtol(end + 1, &end, 10);
	return *end == '\0' && out->first <= out->last && out->last < OPEN;
}

/* Cuts the line into words in place, up to a comment; returns their number. A word in quotes keeps the first one. */
static int words_split(char *p, char *words[WORDS_MAX])
{
	int n = 0;

	while (true) {
		p += strspn(p, " \n");
		if (*p == '\0' || *p == '#')
			return n;
		if (n == WORDS_MAX)
			die("too many words");
		words[n++] = p;
		p += *p == '"' ? 1 + strcspn(p + 1, "\"") : strcspn(p, " \n");
		if (*p != '\0')
			*p++ = '\0';
	}
}

static const char *word_after(char *words[], int n, int *i)
{
	if (*i + 1 >= n)
		die("something is missing after '%s'", words[*i]);
	return words[++*i];
}

static struct structure *structure_find(struct message *m, const char *name)
{
	for (int i = 0; i < m->n_structs; i++)
		if (strcmp(m->structs[i]->name, name) == 0)
			return m->structs[i];
	return NULL;
}

static struct structure *structure_add(struct message *m, const char *name)
{
	struct structure *s = allocate(sizeof(*s));

	if (structure_find(m, name))
		die("struct '%s' is there twice", name);
	if (m->n_structs == STRUCTS_MAX)
		die("too many structs");
	s->name = copy(name);
	m->structs[m->n_structs++] = s;
	return s;
}

/* "[]string?" */
static void field_type(struct field *f, char *word)
{
	size_t len = strlen(word);

	f->nulls = (struct range){1, 0};
	if (word[len - 1] == '?') {
		f->nulls = (struct range){0, OPEN};
		word[len - 1] = '\0';
	}
	if (strncmp(word, "[]", 2) == 0) {
		f->array = true;
		word += 2;
	}
	for (f->type = types; f->type->name; f->type++)
		if (strcmp(f->type->name, word) == 0)
			return;
	f->struct_name = copy(word);
}

static void field_words(struct field *f, char *words[], int n)
{
	for (int i = 2; i < n; i++) {
		if (strcmp(words[i], "null") == 0) {
			if (!range_parse(word_after(words, n, &i), &f->nulls))
				die("bad versions '%s'", words[i]);
		} else if (strcmp(words[i], "tag") == 0) {
			f->tag = atoi(word_after(words, n, &i));
		} else if (strcmp(words[i], "=") == 0) {
			f->def = copy(word_after(words, n, &i));
		} else if (strcmp(words[i], "never-compact") == 0) {
			f->never_compact = true;
		} else if (strcmp(words[i], "ignorable") == 0) {
			f->ignorable = true;
		} else if (i != 2 || !range_parse(words[i], &f->versions)) {
			die("'%s' means nothing here", words[i]);
		}
	}
}

static struct field *field_add(struct structure *s, char *words[], int n)
{
	struct field *f = &s->fields[s->n_fields];

	if (n < 2)
		die("a field wants a name and a type");
	if (s->n_fields++ == FIELDS_MAX)
		die("too many fields");
	f->name = copy(words[0]);
	f->line = line;
	f->tag = -1;
	f->versions = (struct range){0, OPEN};
	field_type(f, words[1]);
	field_words(f, words, n);
	return f;
}

static const struct kind *kind_find(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	die("'%s' is no kind of message", word);
	return NULL;
}

static struct message *message_add(char *words[], int n)
{
	struct message *m = allocate(sizeof(*m));
	struct range flexible;
	int i = 0;

	m->kind = kind_find(words[0]);
	m->key = m->kind->has_key ? atoi(word_after(words, n, &i)) : -1;
	m->stem = copy(word_after(words, n, &i));
	m->name = allocate(strlen(m->stem) + strlen(m->kind->suffix) + 1);
	strcat(strcpy(m->name, m->stem), m->kind->suffix);
	m->flexible = OPEN;
	m->versions = (struct range){1, 0};
	for (i++; i < n; i++) {
		if (strcmp(words[i], "versions") == 0) {
			if (!range_parse(word_after(words, n, &i), &m->versions))
				die("bad versions '%s'", words[i]);
		} else if (strcmp(words[i], "flexible") == 0) {
			if (!range_parse(word_after(words, n, &i), &flexible))
				die("bad versions '%s'", words[i]);
			m->flexible = flexible.first;
		} else if (strcmp(words[i], "latest-unstable") == 0) {
			m->latest_unstable = true;
		} else if (strcmp(words[i], "listeners") == 0) {
			m->listeners = copy(word_after(words, n, &i));
		} else {
			die("'%s' means nothing here", words[i]);
		}
	}
	if (m->versions.first > m->versions.last)
		die("a message wants versions");
	if (n_messages == MESSAGES_MAX)
		die("too many messages");
	messages[n_messages++] = m;
	structure_add(m, "");
	return m;
}

static void field_check(const struct message *m, const struct structure *s, const struct field *f)
{
	int first = f->versions.first > m->versions.first ? f->versions.first : m->versions.first;

	if (f->struct_name && !f->of)
		die("there is no struct '%s'", f->struct_name);
	if (f->of && f->of->n_fields == 0)
		die("struct '%s' has no fields", f->struct_name);
	if (f->tag >= FIELDS_MAX || (f->tag >= 0 && first < m->flexible && !*s->name))
		die("'%s' has a tag in versions that have none", f->name);
	for (const struct field *g = s->fields; g < f; g++)
		if (strcmp(g->name, f->name) == 0 || (f->tag >= 0 && g->tag == f->tag))
			die("'%s' is there twice, or its tag", f->name);
}

/* Ties the fields to the structs that they name, and looks whether all makes sense. */
static void message_link(struct message *m)
{
	for (int i = 0; i < m->n_structs; i++) {
		for (int k = 0; k < m->structs[i]->n_fields; k++) {
			struct field *f = &m->structs[i]->fields[k];

			line = f->line;
			if (f->struct_name)
				f->of = structure_find(m, f->struct_name);
			field_check(m, m->structs[i], f);
		}
	}
}

static void file_read(const char *path)
{
	FILE *in = fopen(path, "r");
	struct structure *at[DEPTH_MAX] = {NULL}; /* whose fields stand at this depth */
	struct message *m = NULL;
	struct field *last = NULL;
	char text[1024], *words[WORDS_MAX];
	int first = n_messages;

	file = path;
	line = 0;
	if (!in)
		die("cannot be read");
	while (fgets(text, sizeof(text), in)) {
		int depth = (int)strspn(text, " ") / 2, n;

		line++;
		n = words_split(text, words);
		if (n == 0)
			continue;
		if (depth >= DEPTH_MAX)
			die("too deep");
		if (depth == 0) {
			m = message_add(words, n);
			at[1] = m->structs[0];
			last = NULL;
			continue;
		}
		if (depth > 1 && last && last->struct_name && !at[depth])
			at[depth] = structure_add(m, last->struct_name);
		for (int i = depth + 1; i < DEPTH_MAX; i++)
			at[i] = NULL;
		if (!m || !at[depth])
			die("a field of what?");
		if (depth == 1 && strcmp(words[0], "struct") == 0) {
			at[2] = structure_add(m, words[n - 1]);
			last = NULL;
			continue;
		}
		last = field_add(at[depth], words, n);
	}
	fclose(in);
	for (int i = first; i < n_messages; i++)
		message_link(messages[i]);
}

/* ---- writing ---- */

static FILE *out;

static void out_open(const char *path)
{
	file = path;
	line = 0;
	out = fopen(path, "w");
	if (!out)
		die("cannot be written");
}

static void out_close(void)
{
	if (fflush(out) != 0 || ferror(out) || fclose(out) != 0)
		die("cannot be written");
}

/* fetch_request_topic */
static const char *c_name(const struct message *m, const struct structure *s)
{
	static char ring[8][160];
	static int at;
	char *name = ring[at++ % 8];

	snprintf(name, sizeof(ring[0]), "%s%s%s", m->name, *s->name ? "_" : "", s->name);
	return name;
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

/* Calls each() for the structs of m, those first that others hold. */
static void structs_each(struct message *m, struct structure *s, void (*each)(struct message *, struct structure *))
{
	if (s->written)
		return;
	s->written = true;
	for (int i = 0; i < s->n_fields; i++)
		if (s->fields[i].of)
			structs_each(m, s->fields[i].of, each);
	each(m, s);
}

static void header_field(const struct message *m, const struct field *f)
{
	char c[200];

	if (f->of)
		snprintf(c, sizeof(c), "struct %s", c_name(m, f->of));
	else
		snprintf(c, sizeof(c), "%s", f->type->c);
	if (f->array)
		fprintf(out, "\tstruct {\n\t\t%s *v;\n\t\tint32_t n;\n\t} %s;\n", c, f->name);
	else if (is_pointer(f))
		fprintf(out, "\tconst %s *%s;\n", c, f->name);
	else
		fprintf(out, "\t%s %s;\n", c, f->name);
}

static void header_struct(struct message *m, struct structure *s)
{
	fprintf(out, "struct %s {\n", c_name(m, s));
	for (int i = 0; i < s->n_fields; i++)
		header_field(m, &s->fields[i]);
	if (s->n_fields == 0)
		fprintf(out, "\tuint8_t nothing;\n");
	fprintf(out, "};\nextern const struct schema %s_schema;\n\n", c_name(m, s));
}

static void header_write(const char *base)
{
	fprintf(out, "/* Made by schemac from %s.msg. */\n#pragma once\n\n", base);
	fprintf(out, "#include <stdbool.h>\n#include <stdint.h>\n\n");
	fprintf(out, "#include \"base/str.h\"\n#include \"base/uuid.h\"\n");
	fprintf(out, "#include \"wire/records.h\"\n#include \"wire/schema.h\"\n\n");
	for (int i = 0; i < n_messages; i++) {
		struct message *m = messages[i];

		if (m->key >= 0)
			fprintf(out, "#define %s_KEY %d\n", m->name, m->key);
		fprintf(out, "#define %s_FIRST %d\n#define %s_LAST %d\n", m->name, m->versions.first, m->name,
			m->versions.last);
		fprintf(out, "#define %s_FLEXIBLE %d\n\n", m->name, m->flexible);
		structs_each(m, m->structs[0], header_struct);
	}
}

static bool struct_has_defaults(const struct structure *s);

/* Is the default something else than zero bytes? */
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
	const char *name = c_name(m, s);

	fprintf(out, "\t{\"%s\", ", camel(f->name, false));
	if (f->of)
		fprintf(out, "&%s_schema, ", c_name(m, f->of));
	else
		fprintf(out, "NULL, ");
	fprintf(out, "offsetof(struct %s, %s), %s, 0", name, f->name, f->type->kind);
	if (f->array)
		fprintf(out, " | FIELD_ARRAY");
	if (f->ignorable)
		fprintf(out, " | FIELD_IGNORABLE");
	if (f->never_compact)
		fprintf(out, " | FIELD_NEVER_COMPACT");
	if (is_pointer(f))
		fprintf(out, " | FIELD_POINTER");
	fprintf(out, ", %d, %d, %d, %d, %d},\n", f->versions.first, f->versions.last, f->nulls.first, f->nulls.last,
		f->tag);
}

/* Writes the indexes of tagged fields, the lowest tag first; returns how many there are. */
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

/* The bytes of the shortest value in any version, or 1. */
static int struct_min_len(const struct message *m, const struct structure *s)
{
	int min = struct_len(m, s, m->versions.first);

	for (int v = m->versions.first + 1; v <= m->versions.last; v++) {
		int len = struct_len(m, s, v);

		min = len < min ? len : min;
	}
	return min > 0 ? min : 1;
}

static void code_struct(struct message *m, struct structure *s)
{
	char name[160];
	int n_tagged;

	snprintf(name, sizeof(name), "%s", c_name(m, s));
	fprintf(out, "static const struct %s %s_defaults", name, name);
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
	fprintf(out, "\t.defaults = &%s_defaults,\n\t.size = sizeof(struct %s),\n", name, name);
	fprintf(out, "\t.min_len = %d,\n\t.sort = %s,\n", struct_min_len(m, s),
		*s->name ? "SCHEMA_STRUCT" : m->kind->sort);
	fprintf(out, "\t.first = %d,\n\t.last = %d,\n\t.flexible = %d,\n", m->versions.first, m->versions.last,
		m->flexible);
	fprintf(out, "\t.key = %d,\n};\n\n", m->key);
}

static void code_write(const char *base)
{
	fprintf(out, "/* Made by schemac from %s.msg. */\n#include \"protocol/%s.h\"\n\n#include <stddef.h>\n\n", base,
		base);
	for (int i = 0; i < n_messages; i++)
		structs_each(messages[i], messages[i]->structs[0], code_struct);
}

/* ---- the lists ---- */

static struct message *message_find(const char *kind, int key)
{
	for (int i = 0; i < n_messages; i++)
		if (messages[i]->key == key && strcmp(messages[i]->kind->word, kind) == 0)
			return messages[i];
	return NULL;
}

static int key_max(const char *kind)
{
	int max = -1;

	for (int i = 0; i < n_messages; i++)
		if (strcmp(messages[i]->kind->word, kind) == 0 && messages[i]->key > max)
			max = messages[i]->key;
	return max;
}

static bool listens(const struct message *m, const char *who)
{
	return m->listeners && strstr(m->listeners, who);
}

static void tables_apis(void)
{
	int n = 0;

	fprintf(out, "const struct api_info api_infos[] = {\n");
	for (int key = 0; key <= key_max("request"); key++) {
		const struct message *in = message_find("request", key), *reply = message_find("response", key);

		if (!in)
			continue;
		if (!reply || reply->versions.first != in->versions.first || reply->versions.last != in->versions.last)
			die("the request and the response of key %d do not match", key);
		fprintf(out, "\t{%d, \"%s\", %d, %d, %d, 0%s%s, %s, &%s_schema, &%s_schema},\n", key,
			camel(in->stem, true), in->versions.first, in->versions.last, in->flexible,
			listens(in, "broker") ? " | LISTENER_BROKER" : "",
			listens(in, "controller") ? " | LISTENER_CONTROLLER" : "",
			in->latest_unstable ? "true" : "false", in->name, reply->name);
		n++;
	}
	fprintf(out, "};\nconst int api_infos_n = %d;\n\n", n);
}

/* A table by key, with holes. */
static void tables_by_key(const char *kind, const char *name)
{
	int max = key_max(kind);

	fprintf(out, "const struct schema *const %s[] = {\n", name);
	for (int key = 0; key <= max; key++) {
		const struct message *m = message_find(kind, key);

		if (m)
			fprintf(out, "\t[%d] = &%s_schema,\n", key, m->name);
	}
	fprintf(out, "};\nconst int %s_n = %d;\n\n", name, max + 1);
}

static void tables_all(void)
{
	fprintf(out, "const struct schema *const protocol_schemas[] = {\n");
	for (int i = 0; i < n_messages; i++)
		fprintf(out, "\t&%s_schema,\n", messages[i]->name);
	fprintf(out, "};\nconst int protocol_schemas_n = %d;\n", n_messages);
}

static void tables_write(void)
{
	fprintf(out, "/* Made by schemac from all .msg files. */\n#include \"wire/protocol.h\"\n\n");
	for (int i = 0; i < n_messages; i++)
		fprintf(out, "extern const struct schema %s_schema;\n", messages[i]->name);
	fprintf(out, "\n");
	tables_apis();
	tables_by_key("record", "metadata_record_schemas");
	tables_all();
}

/* protocol/fetch.msg -> fetch */
static char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *base = copy(slash ? slash + 1 : path), *dot = strrchr(base, '.');

	if (dot)
		*dot = '\0';
	return base;
}

static void message_write(const char *path, const char *dir)
{
	const char *base = base_name(path);
	char to[4096];

	snprintf(to, sizeof(to), "%s/%s.h", dir, base);
	out_open(to);
	header_write(base);
	out_close();
	for (int i = 0; i < n_messages; i++)
		for (int k = 0; k < messages[i]->n_structs; k++)
			messages[i]->structs[k]->written = false;
	snprintf(to, sizeof(to), "%s/%s.c", dir, base);
	out_open(to);
	code_write(base);
	out_close();
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		file_read(argv[1]);
		message_write(argv[1], argv[2]);
		return 0;
	}
	if (argc > 3 && strcmp(argv[1], "--tables") == 0) {
		for (int i = 3; i < argc; i++)
			file_read(argv[i]);
		out_open(argv[2]);
		tables_write();
		out_close();
		return 0;
	}
	fprintf(stderr, "usage: schemac FILE.msg DIR | schemac --tables OUT.c FILE.msg...\n");
	return 2;
}
