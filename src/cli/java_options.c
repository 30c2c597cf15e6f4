/* java_options: parses KAFKA_OPTS and reads the JAAS file it names. */
#include "cli/java_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/env.h"
#include "security/secret.h"

#define FILE_MAX (1 << 20)

/* The value of the last -DNAME=; null: absent. */
static struct str property(const char *options, const char *name, struct arena *a)
{
	size_t len = strlen(name);
	struct str found = STR_NULL;

	for (const char *p = options + strspn(options, " \t\n"), *end; *p; p = end + strspn(end, " \t\n")) {
		end = p + strcspn(p, " \t\n");
		if (strncmp(p, "-D", 2) == 0 && strncmp(p + 2, name, len) == 0 && p[2 + len] == '=')
			found = arena_printf(a, "%.*s%c", (int)(end - p - 3 - (ptrdiff_t)len), p + 3 + len, 0);
	}
	return found;
}

static void read_jaas(struct env *env, struct str path, struct arena *a, struct jvm_options *out)
{
	char *text;
	size_t len;
	int err = env_read_file(env, path.p, FILE_MAX, &text, &len);

	if (err) {
		out->jaas_why = arena_printf(a, "%s: %s", path.p, err_name(err));
		return;
	}
	out->jaas_file = arena_str(a, (struct str){text, (int32_t)len});
	secret_wipe(text, len);
	xfree(text);
}

static struct str list_of(const char *options, const char *name, struct arena *a)
{
	struct str list = options ? property(options, name, a) : STR_NULL;

	if (!str_is_null(list) && list.len > 0)
		list.len--; /* without its NUL */
	return list;
}

static struct str working_directory(struct arena *a)
{
	char *path = realpath(".", NULL);
	struct str copy = path ? arena_str(a, str_of(path)) : STR_NULL;

	free(path);
	return copy;
}

struct jvm_options java_options_read(struct env *env, struct arena *a)
{
	const char *options = getenv("KAFKA_OPTS");
	struct str path = options ? property(options, "java.security.auth.login.config", a) : STR_NULL;
	struct str krb5 = options ? property(options, "java.security.krb5.conf", a) : STR_NULL;
	struct jvm_options out = {.allowed_urls = list_of(options, JVM_ALLOWED_URLS, a),
				  .allowed_files = list_of(options, JVM_ALLOWED_FILES, a)};

	out.directory = working_directory(a);
	if (!str_is_null(krb5))
		setenv("KRB5_CONFIG", krb5.p, 0);
	if (!str_is_null(path))
		read_jaas(env, path, a, &out);
	return out;
}
