/*
 * topic_name: checks names of topics, with Kafka's messages.
 */
#include "metadata/topic_name.h"

#include <string.h>

static bool is_legal(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-';
}

static bool all_legal(struct str name)
{
	for (int i = 0; i < name.len; i++)
		if (!is_legal(name.p[i]))
			return false;
	return true;
}

/*
 * Java counts UTF-16 units: the number of bytes in UTF-8 without continuation bytes, plus one for
 * each sequence of four bytes.
 */
static int java_length(struct str s)
{
	int n = 0;

	for (int i = 0; i < s.len; i++)
		n += ((s.p[i] & 0xc0) != 0x80) + ((s.p[i] & 0xf8) == 0xf0);
	return n;
}

bool topic_name_is_valid(struct str name)
{
	return name.len > 0 && name.len <= TOPIC_NAME_MAX && !str_is(name, ".") && !str_is(name, "..") &&
	       all_legal(name);
}

/* The name may contain any byte, even NUL, where printf would stop. */
static struct str quoted(struct arena *a, const char *before, struct str name, const char *after)
{
	size_t n = strlen(before), m = strlen(after);
	char *p = arena_alloc(a, n + (size_t)name.len + m);

	if (!p)
		return STR("Topic name is invalid");
	memcpy(p, before, n);
	memcpy(p + n, name.p, (size_t)name.len);
	memcpy(p + n + (size_t)name.len, after, m);
	return (struct str){p, (int32_t)(n + m) + name.len};
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

struct str topic_name_check(struct str name, struct arena *a)
{
	if (topic_name_is_valid(name))
		return STR_NULL;
	if (name.len <= 0)
		return STR("Topic name is invalid: the empty string is not allowed");
	if (str_is(name, ".") || str_is(name, ".."))
		return quoted(a, "Topic name is invalid: '", name, "' is not allowed");
	if (java_length(name) > TOPIC_NAME_MAX)
		return quoted(a, "Topic name is invalid: the length of '", name,
			      "' is longer than the max allowed length " TEXT(TOPIC_NAME_MAX));
	return quoted(a, "Topic name is invalid: '", name,
		      "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'");
}
