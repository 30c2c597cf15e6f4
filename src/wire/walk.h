/*
 * walk: helpers shared by the walkers of the codec. Private to src/wire/codec*.c.
 *
 * Fields are reached by offset. Arrays are anonymous structs in the generated headers, { T *v;
 * int32_t n; }: they have one layout whatever T is, and are read and written with memcpy.
 */
#ifndef ODRADEK_WIRE_WALK_H
#define ODRADEK_WIRE_WALK_H

#include <stddef.h>
#include <string.h>

#include "wire/schema.h"

#define STRING_LEN_MAX 0x7fff
#define NULL_LEN (-1)

/*
 * Keeps rare cases out of the loop over fields, which is fast while it is small: most fields are
 * numbers.
 */
#define NOINLINE __attribute__((noinline))

struct array {
	void *v;
	int32_t n; /* -1: null */
};

static inline struct array array_get(const void *p)
{
	struct array a;

	memcpy(&a, p, sizeof(a));
	return a;
}

static inline void array_set(void *p, void *v, int32_t n)
{
	struct array a = {v, n};

	memcpy(p, &a.v, sizeof(a.v));
	memcpy((char *)p + offsetof(struct array, n), &a.n, sizeof(a.n));
}

static inline const void *pointer_get(const void *p)
{
	const void *v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void pointer_set(void *p, const void *v) { memcpy(p, &v, sizeof(v)); }

/* A message without fields has no field table. */
#define fields_each(f, s)                                                                                              \
	for (const struct field *f = (s)->fields, *f##_end = f ? f + (s)->n_fields : f; f != f##_end; f++)

/* The size in C of one value of a field; for an array, of one element. */
extern const uint8_t field_kind_size[FIELD_KINDS];

static inline size_t field_value_size(const struct field *f)
{
	return f->kind == FIELD_STRUCT ? f->of->size : field_kind_size[f->kind];
}

/* The size in C of the field itself. */
static inline size_t field_size(const struct field *f)
{
	if (f->flags & FIELD_ARRAY)
		return sizeof(struct array);
	return f->flags & FIELD_POINTER ? sizeof(void *) : field_value_size(f);
}

static inline bool field_in(const struct field *f, int version) { return version >= f->first && version <= f->last; }

static inline bool field_may_be_null(const struct field *f, int version)
{
	return version >= f->null_first && version <= f->null_last;
}

static inline bool field_is_compact(const struct field *f, bool flexible)
{
	return flexible && !(f->flags & FIELD_NEVER_COMPACT);
}

/* Whether two fields are equal, including array contents and pointed-to structs. */
bool field_equal(const struct field *f, const void *a, const void *b);

/* Usually the bytes themselves equal the default's, because values begin as a copy of it. */
static inline bool field_is_default(const struct schema *s, const struct field *f, const void *in)
{
	const char *value = (const char *)in + f->offset, *def = (const char *)s->defaults + f->offset;

	return memcmp(value, def, field_size(f)) == 0 || field_equal(f, value, def);
}

#endif
