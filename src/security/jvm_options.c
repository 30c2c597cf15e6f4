/* jvm_options: checks URLs against the list of permitted ones. */
#include "security/jvm_options.h"

#include <string.h>

bool jvm_allows_url(const struct jvm_options *o, const char *setting, struct str url, struct arena *a,
		    struct str *error)
{
	struct str list = o->allowed_urls;

	for (int32_t from = 0, to; from < list.len; from = to + 1) {
		const char *comma = memchr(list.p + from, ',', (size_t)(list.len - from));

		to = comma ? (int32_t)(comma - list.p) : list.len;
		if (str_eq(str_trim((struct str){list.p + from, to - from}), str_trim(url)))
			return true;
	}
	*error =
		arena_printf(a,
			     "Invalid value %.*s for configuration %s: The URL cannot be accessed due to restrictions. "
			     "Update the system property '" JVM_ALLOWED_URLS
			     "' to allow the URL to be accessed. (KAFKA_OPTS=-D" JVM_ALLOWED_URLS "=URL,...)",
			     STR_ARG(url), setting);
	return false;
}
