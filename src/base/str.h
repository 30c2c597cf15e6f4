/*
 * str, bytes: views of memory owned by somebody else.
 *
 * A view with p == NULL is Kafka's null; an empty one has p != NULL and len == 0. Neither ends in a
 * NUL byte. A view decoded from a frame lives as long as the frame: copy it (str_dup) to keep it.
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
bool str_eq(struct str a, struct str b); /* null equals only null */
bool str_is(struct str a, const char *cstr);
bool str_is_true(struct str s);		 /* "true" in any case, as Java's Boolean.parseBoolean */
int str_cmp(struct str a, struct str b); /* bytewise, a prefix sorts first; null before all */
char *str_dup(struct str s);		 /* NUL-terminated, xfree() it; NULL for null */
bool str_is_null(struct str s);
bool bytes_eq(struct bytes a, struct bytes b);
/* Takes the prefix off the front of *s; false, with *s unchanged, if it does not begin with it. */
bool str_take_prefix(struct str *s, const char *prefix);
struct str str_trim(struct str s); /* without leading and trailing white space, as Java's String.trim; a view */

/*
 * The next item of a comma-separated list from *at, which is 0 at first, with the white space around
 * it; false after the last. An empty list has one item, which is empty.
 */
bool str_next_item(struct str list, int32_t *at, struct str *item);

/*
 * Java's String.hashCode of UTF-8 text taken as UTF-16 (chooses the partition of group ids and
 * transactional ids).
 */
int32_t str_java_hash(struct str s);

/*
 * A decimal int in the form Java's Integer.parseInt accepts (ASCII digits, one sign). False leaves
 * *out unchanged.
 */
bool str_to_i32(struct str s, int32_t *out);

/* The value of a hexadecimal digit of either case; -1 for other characters. */
int hex_digit(char c);

/* Whether it is valid UTF-8 (RFC 3629). */
bool str_is_utf8(struct str s);

/* Edit distance, for "did you mean"; case-insensitive, capped at `limit`. */
int str_distance(struct str a, struct str b, int limit);

#endif
