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

bool jvm_allows_file(const struct jvm_options *o, const char *setting, struct str path, struct arena *a,
		     struct str *error)
{
	static const struct resource what = {"file", "PATH", JVM_ALLOWED_FILES};

	return allows(o->allowed_files, &what, setting, path, a, error);
}
