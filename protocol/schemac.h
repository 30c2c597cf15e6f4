/*
 * schemac: the generator's model of messages, between reading them and writing C. It ends at the
 * first mistake, with file and line. Its allocations live until the process ends; it has one
 * thread.
 */
#ifndef ODRADEK_PROTOCOL_SCHEMAC_H
#define ODRADEK_PROTOCOL_SCHEMAC_H

#include <stdbool.h>
#include <stddef.h>

#define VERSION_OPEN 127 /* as in src/wire/schema.h */
#define FIELDS_MAX 120
#define STRUCTS_MAX 40
#define MESSAGES_MAX 512

struct range {
	int first;
	int last; /* the range is empty when this is less than first */
};

/* A row of the table of types. min_len is the size of the shortest value in any version. */
struct type {
	const char *name;
	const char *c;
	const char *kind;
	int min_len;
};

/* A row of the table of message kinds. */
struct kind {
	const char *word;
	const char *suffix; /* appended to the name in C */
	const char *sort;
	bool has_key;
};

struct structure;
struct message;

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
	bool free_text;
	bool ignorable;
};

struct structure {
	char *name; /* "" is the message itself */
	struct field fields[FIELDS_MAX];
	int n_fields;
	char *as; /* the struct whose C struct it shares, as written; NULL: it has its own */
	const struct message *as_message;
	const struct structure *as_struct;
	bool visited;
};

struct message {
	const struct kind *kind;
	char *stem; /* "fetch" */
	char *name; /* "fetch_request" */
	char *listeners;
	struct range versions;
	int flexible;
	int key; /* -1: none */
	char *file;
	bool latest_unstable;
	struct structure *structs[STRUCTS_MAX]; /* the first is the message itself */
	int n_structs;
};

struct messages {
	struct message *v[MESSAGES_MAX];
	int n;
};

/*
 * Adds the messages in the file, checked, with fields linked to their structs, and structs to those
 * whose C struct they share.
 */
void messages_read(struct messages *all, const char *path);

/* protocol/fetch.msg -> fetch */
char *base_name(const char *path);

/* Prints place and message, and ends the process. line 0: the whole file. */
_Noreturn void die_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *allocate(size_t size);
char *copy(const char *s);

#endif
