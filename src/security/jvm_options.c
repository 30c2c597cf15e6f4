/* jvm_options: checks URLs and files against the lists of permitted ones. */
#include "security/jvm_options.h"

#include <string.h>

/* What is asked for, in Kafka's messages. */
struct resource {
	const char *kind, *kind_in_capitals, *property;
};

static bool allows(struct str list, const struct resource *what, const char *setting, struct str value, struct arena *a,
		   struct str *error)
{
	for (int32_t from = 0, to; from < list.len; from = to + 1) {
		const char *comma = memchr(list.p + from, ',', (size_t)(list.len - from));

		to = comma ? (int32_t)(comma - list.p) : list.len;
		if (str_eq(str_trim((struct str){list.p + from, to - from}), str_trim(value)))
			return true;
	}
	*error =
		arena_printf(a,
			     "Invalid value %.*s for configuration %s: The %s cannot be accessed due to restrictions. "
			     "Update the system property '%s' to allow the %s to be accessed. (KAFKA_OPTS=-D%s=%s,...)",
			     STR_ARG(value), setting, what->kind, what->property, what->kind, what->property,
			     what->kind_in_capitals);
	return false;
}

bool jvm_allows_url(const struct jvm_options *o, const char *setting, struct str url, struct arena *a,
		    struct str *error)
{
	static const struct resource what = {"URL", "URL", JVM_ALLOWED_URLS};

	return allows(o->allowed_urls, &what, setting, url, a, error);
}

/* Without what Java's File drops: slashes behind others, and one at the end. */
static struct str without_slashes(struct str path, struct arena *a)
{
	char *p = arena_alloc(a, (size_t)path.len);
	int32_t n = 0;

	for (int32_t i = 0; p && i < path.len; i++)
		if (path.p[i] != '/' || n == 0 || p[n - 1] != '/')
			p[n++] = path.p[i];
	if (n > 1 && p[n - 1] == '/')
		n--;
	return p ? (struct str){p, n} : STR_NULL;
}

/* Null, and *error: it cannot be said. */
static struct str absolute(const struct jvm_options *o, const char *setting, struct str path, struct arena *a,
			   struct str *error)
{
	struct str whole = path;

	if (path.len == 0 || path.p[0] != '/') {
		if (str_is_null(o->directory)) {
			*error = arena_printf(a, "%s=%.*s: an absolute path was expected", setting, STR_ARG(path));
			return STR_NULL;
		}
		whole = arena_printf(a, "%.*s/%.*s", STR_ARG(o->directory), STR_ARG(path));
	}
	whole = str_is_null(whole) ? whole : without_slashes(whole, a);
	if (str_is_null(whole))
		*error = arena_printf(a, "%s is too long", setting);
	return whole;
}

bool jvm_allows_file(const struct jvm_options *o, const char *setting, struct str *path, struct arena *a,
		     struct str *error)
{
	static const struct resource what = {"file", "PATH", JVM_ALLOWED_FILES};

	*path = absolute(o, setting, *path, a, error);
	return !str_is_null(*path) && allows(o->allowed_files, &what, setting, *path, a, error);
}
