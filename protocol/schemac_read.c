/* schemac_read: reads .msg files line by line. The notation is at the head of schemac.c. */
#include "protocol/schemac.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 12
#define WORDS_MAX 24

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

static const struct kind kinds[] = {
	{"request", "_request", "SCHEMA_REQUEST", true},
	{"response", "_response", "SCHEMA_RESPONSE", true},
	{"data", "", "SCHEMA_DATA", false},
	{"record", "", "SCHEMA_RECORD", true},
	{"remote-record", "", "SCHEMA_REMOTE_RECORD", true},
	{"coordinator-key", "", "SCHEMA_COORDINATOR_KEY", true},
	{"coordinator-value", "", "SCHEMA_COORDINATOR_VALUE", true},
};

/* The reader's position, for messages. */
static const char *file;
static int line;

#define die(...) die_at(file, line, __VA_ARGS__)

void die_at(const char *where, int at, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", where, at);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *allocate(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		die("out of memory");
	return p;
}

char *copy(const char *s)
{
	return strcpy(allocate(strlen(s) + 1), s);
}

char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *base = copy(slash ? slash + 1 : path), *dot = strrchr(base, '.');

	if (dot)
		*dot = '\0';
	return base;
}

/* "3", "3-5" or "3+". */
static bool range_parse(const char *s, struct range *out)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	out->first = out->last = (int)strtol(s, &end, 10);
	if (strcmp(end, "+") == 0) {
		out->last = VERSION_OPEN;
		return true;
	}
	if (*end == '-' && isdigit((unsigned char)end[1]))
		out->last = (int)strtol(end + 1, &end, 10);
	return *end == '\0' && out->first <= out->last && out->last < VERSION_OPEN;
}

/*
 * Splits the line into words in place, up to a comment; returns their number. A quoted word keeps
 * its opening quote.
 */
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

static struct structure *structure_find(const struct message *m, const char *name)
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

/* The struct whose fields begin here: a new one, unless the field that uses it was declared `as`. */
static struct structure *structure_of(struct message *m, const char *name)
{
	struct structure *s = structure_find(m, name);

	return s && s->as && s->n_fields == 0 ? s : structure_add(m, name);
}

/* Parses a type such as "[]string?". */
static void field_type(struct field *f, char *word)
{
	size_t len = strlen(word);

	f->nulls = (struct range){1, 0};
	if (word[len - 1] == '?') {
		f->nulls = (struct range){0, VERSION_OPEN};
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

static void field_words(struct message *m, struct field *f, char *words[], int n)
{
	for (int i = 2; i < n; i++) {
		if (strcmp(words[i], "as") == 0 && f->struct_name) {
			structure_add(m, f->struct_name)->as = copy(word_after(words, n, &i));
		} else if (strcmp(words[i], "null") == 0) {
			if (!range_parse(word_after(words, n, &i), &f->nulls))
				die("bad versions '%s'", words[i]);
		} else if (strcmp(words[i], "tag") == 0) {
			f->tag = atoi(word_after(words, n, &i));
		} else if (strcmp(words[i], "=") == 0) {
			f->def = copy(word_after(words, n, &i));
		} else if (strcmp(words[i], "never-compact") == 0) {
			f->never_compact = true;
		} else if (strcmp(words[i], "free-text") == 0) {
			f->free_text = true;
		} else if (strcmp(words[i], "ignorable") == 0) {
			f->ignorable = true;
		} else if (i != 2 || !range_parse(words[i], &f->versions)) {
			die("'%s' means nothing here", words[i]);
		}
	}
}

static struct field *field_add(struct message *m, struct structure *s, char *words[], int n)
{
	struct field *f = &s->fields[s->n_fields];

	if (n < 2)
		die("a field wants a name and a type");
	if (s->n_fields++ == FIELDS_MAX)
		die("too many fields");
	f->name = copy(words[0]);
	f->line = line;
	f->tag = -1;
	f->versions = (struct range){0, VERSION_OPEN};
	field_type(f, words[1]);
	field_words(m, f, words, n);
	return f;
}

static const struct kind *kind_find(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	die("'%s' is no kind of message", word);
}

static struct message *message_add(struct messages *all, char *words[], int n)
{
	struct message *m = allocate(sizeof(*m));
	struct range flexible;
	int i = 0;

	m->kind = kind_find(words[0]);
	m->key = m->kind->has_key ? atoi(word_after(words, n, &i)) : -1;
	m->file = copy(file);
	m->stem = copy(word_after(words, n, &i));
	m->name = allocate(strlen(m->stem) + strlen(m->kind->suffix) + 1);
	strcat(strcpy(m->name, m->stem), m->kind->suffix);
	m->flexible = VERSION_OPEN;
	m->versions = (struct range){1, 0};
	structure_add(m, "");
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
		} else if (strcmp(words[i], "as") == 0) {
			m->structs[0]->as = copy(word_after(words, n, &i));
		} else {
			die("'%s' means nothing here", words[i]);
		}
	}
	if (m->versions.first > m->versions.last)
		die("a message wants versions");
	if (all->n == MESSAGES_MAX)
		die("too many messages");
	all->v[all->n++] = m;
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

/* Links fields to the structs they name, and checks the message for consistency. */
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

static struct message *message_named(const struct messages *all, const char *name, size_t len)
{
	for (int i = 0; i < all->n; i++)
		if (strncmp(all->v[i]->name, name, len) == 0 && all->v[i]->name[len] == '\0')
			return all->v[i];
	return NULL;
}

/*
 * The message of that name: in this file, or in a neighbouring file named after it without
 * "_request" or "_response".
 */
static const struct message *message_elsewhere(const struct messages *all, const struct message *m, const char *name,
					       size_t len)
{
	struct message *other = message_named(all, name, len);
	const char *slash = strrchr(m->file, '/');
	struct messages *theirs;
	char path[4096];
	size_t stem = len;

	if (other)
		return other;
	while (stem > 0 && name[stem] != '_')
		stem--;
	snprintf(path, sizeof(path), "%.*s%.*s.msg", slash ? (int)(slash + 1 - m->file) : 0, m->file, (int)stem, name);
	theirs = allocate(sizeof(*theirs));
	messages_read(theirs, path);
	return message_named(theirs, name, len);
}

/* Whether f is the same in C as g. A struct in it must be the other message's too. */
static bool field_is_like(const struct field *f, const struct message *other, const struct field *g)
{
	char as[256];

	if (strcmp(g->name, f->name) != 0 || g->type != f->type || g->array != f->array)
		return false;
	if (!f->of)
		return true;
	snprintf(as, sizeof(as), "%s.%s", other->name, g->of->name);
	return f->of->as && strcmp(f->of->as, as) == 0 &&
	       (f->array || (f->nulls.first <= f->nulls.last) == (g->nulls.first <= g->nulls.last));
}

static const struct field *field_like(const struct message *other, const struct structure *s, const struct field *f)
{
	for (const struct field *g = s->fields; g < s->fields + s->n_fields; g++)
		if (field_is_like(f, other, g))
			return g;
	return NULL;
}

/*
 * Finds the C struct that s is to share, MESSAGE or MESSAGE.STRUCT: it must have all fields of s,
 * with the same types.
 */
static void structure_borrow(const struct messages *all, const struct message *m, struct structure *s)
{
	size_t len = strcspn(s->as, ".");
	const struct message *other = message_elsewhere(all, m, s->as, len);

	file = m->file;
	line = s->fields[0].line;
	s->as_message = other;
	if (other)
		s->as_struct = structure_find(other, s->as[len] == '.' ? s->as + len + 1 : "");
	if (!s->as_struct || s->as_struct->as)
		die("there is no struct '%s', or it is itself as another", s->as);
	for (int i = 0; i < s->n_fields; i++)
		if (!field_like(other, s->as_struct, &s->fields[i]))
			die("'%s' has no field like '%s'", s->as, s->fields[i].name);
}

void messages_read(struct messages *all, const char *path)
{
	FILE *in = fopen(path, "r");
	struct structure *at[DEPTH_MAX] = {NULL}; /* the struct whose fields are at this depth */
	struct message *m = NULL;
	struct field *last = NULL;
	char text[1024], *words[WORDS_MAX];
	int first = all->n;

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
			m = message_add(all, words, n);
			at[1] = m->structs[0];
			last = NULL;
			continue;
		}
		if (depth > 1 && last && last->struct_name && !at[depth])
			at[depth] = structure_of(m, last->struct_name);
		for (int i = depth + 1; i < DEPTH_MAX; i++)
			at[i] = NULL;
		if (!m || !at[depth])
			die("a field of what?");
		if (depth == 1 && strcmp(words[0], "struct") == 0) {
			at[2] = structure_add(m, words[n - 1]);
			last = NULL;
			continue;
		}
		last = field_add(m, at[depth], words, n);
	}
	fclose(in);
	for (int i = first; i < all->n; i++)
		message_link(all->v[i]);
	for (int i = first; i < all->n; i++)
		for (int k = 0; k < all->v[i]->n_structs; k++)
			if (all->v[i]->structs[k]->as)
				structure_borrow(all, all->v[i], all->v[i]->structs[k]);
}
