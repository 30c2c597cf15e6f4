/*
 * environment: KAFKA_* variables as settings, named as in the official image's wrapper: the prefix
 * is removed, the rest becomes lower case, every underscore becomes a dot; then three dots become a
 * dash, and two an underscore.
 */
#include <string.h>

#include "config/config_impl.h"

/* Variables for the scripts of the image, not for the node. */
static const char *const excluded[] = {
	"KAFKA_VERSION",
	"KAFKA_HEAP_OPTS",
	"KAFKA_LOG4J_OPTS",
	"KAFKA_OPTS",
	"KAFKA_JMX_OPTS",
	"KAFKA_GC_LOG_OPTS",
	"KAFKA_LOG4J_ROOT_LOGLEVEL",
	"KAFKA_LOG4J_LOGGERS",
	"KAFKA_TOOLS_LOG4J_LOGLEVEL",
	"KAFKA_JMX_HOSTNAME",
	"KAFKA_JVM_PERFORMANCE_OPTS",
};

/* Replaces every run of `n` dots, from the left, by c. */
static int fold_dots(char *p, int len, int n, char c)
{
	int out = 0;

	for (int i = 0; i < len;) {
		if (len - i >= n && memcmp(p + i, "...", (size_t)n) == 0) {
			p[out++] = c;
			i += n;
		} else {
			p[out++] = p[i++];
		}
	}
	return out;
}

struct str config_name_of_variable(struct str variable, struct arena *a)
{
	static const char prefix[] = "KAFKA_";
	int skip = sizeof(prefix) - 1;
	char *p;
	int len;

	if (variable.len < skip || memcmp(variable.p, prefix, (size_t)skip) != 0)
		return STR_NULL;
	for (size_t i = 0; i < sizeof(excluded) / sizeof(*excluded); i++)
		if (str_is(variable, excluded[i]))
			return STR_NULL;
	len = variable.len - skip;
	p = arena_alloc(a, (size_t)len + 1);
	if (p == NULL)
		return STR_NULL;
	for (int i = 0; i < len; i++) {
		char c = variable.p[skip + i];

		p[i] = c == '_' ? '.' : c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
	}
	len = fold_dots(p, len, 3, '-');
	len = fold_dots(p, len, 2, '_');
	return (struct str){p, len};
}
