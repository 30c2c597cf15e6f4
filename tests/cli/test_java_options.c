/* java_options: which options of KAFKA_OPTS are read, and where relative paths begin. */
#include "cli/java_options.h"

#include <stdlib.h>
#include <unistd.h>

#include "env/env.h"
#include "tests/base/cm.h"

static struct diag diag = {.level = DIAG_ERROR};

static void lists_and_the_working_directory_are_read(void **state)
{
	struct env *env = env_real_new(&diag);
	struct jvm_options o;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	setenv("KAFKA_OPTS", "-Xmx1g -D" JVM_ALLOWED_URLS "=https://a/,https://b/  -D" JVM_ALLOWED_FILES "=/key,/x", 1);
	assert_int_equal(chdir("/usr"), 0);
	o = java_options_read(env, &a);
	assert_true(str_is(o.allowed_urls, "https://a/,https://b/"));
	assert_true(str_is(o.allowed_files, "/key,/x"));
	assert_true(str_is(o.directory, "/usr"));
	assert_true(str_is_null(o.jaas_file) && str_is_null(o.jaas_why));
	unsetenv("KAFKA_OPTS");
	assert_true(str_is_null(java_options_read(env, &a).allowed_files));
	arena_fini(&a);
	env_real_free(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_the_working_directory_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
