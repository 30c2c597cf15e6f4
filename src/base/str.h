/*
 * str, bytes: views of memory that somebody else owns.
 *
 * A view with p == NULL is Kafka's null; an empty one has p != NULL and len == 0. Neither ends in a NUL byte. A view decoded
 * from a frame lives as long as the frame: copy it (str_dup) to keep it.
 */
#ifndef ODRADEK_BASE_STR_H
#define ODRADEK_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	int32_t len;
};

struct bytes {
	const uint8_t *p;
	int32_t len;
};

#define STR(literal) ((struct str){"" literal, (int32_t)sizeof(literal) - 1})
#define STR_NULL ((struct str){NULL, 0})
#define BYTES_NULL ((struct bytes){NULL, 0})

/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).p ? (s).p : ""

struct str str_of(const char *cstr);	 /* NULL gives STR_NULL */
bool str_eq(struct str a, struct str b); /* null equals null only */
bool str_is(struct str a, const char *cstr);
int str_cmp(struct str a, struct str b); /* bytewise, shorter first; null before all */
char *str_dup(struct str s);		 /* NUL-terminated, xfree() it; NULL for null */
bool str_is_null(struct str s);
bool bytes_eq(struct bytes a, struct bytes b);
struct str str_trim(struct str s); /* without the white space around it, as Java's String.trim; a view */

/* Java's String.hashCode of UTF-8 text taken as UTF-16 (partition of group and transactional ids). */
int32_t str_java_hash(struct str s);

/* A decimal int as Java's Integer.parseInt takes it (ASCII digits, one sign). False: *out is left alone. */
bool str_to_i32(struct str s, int32_t *out);

/* Is it UTF-8 as RFC 3629 has it? */
bool str_is_utf8(struct str s);

/* Edit distance, for "did you mean"; case-insensitive, capped at `limit`. */
int str_distance(struct str a, struct str b, int limit);

#endif
