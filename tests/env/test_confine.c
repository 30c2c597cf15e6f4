/*
 * confine: a process can no longer do what it has given up, and can still do what a node does. Each
 * test is in a child process: there is no way back.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "env/real/real.h"
#include "tests/base/cm.h"

#define WANT(what)                                                                                                     \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			fprintf(stderr, "%s:%d: %s, errno %d\n", __FILE__, __LINE__, #what, errno);                    \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static void in_a_child(void (*run)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static void look_at_calls(void)
{
	char *argv[] = {(char[]){"true"}, NULL}, *envp[] = {NULL};
	const char *what;
	pthread_t thread;
	int err = real_confine(&(struct real_confinement){.filter = true}, &what);

	if (err) { /* a sanitizer's build, or a processor without a filter */
		WANT(err == -ENOSYS && strcmp(what, "filter") == 0);
		return;
	}
	WANT(execve("/bin/true", argv, envp) == -1 && errno == ENOSYS);
	WANT(fork() == -1 && errno == ENOSYS);
	WANT(ptrace(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == ENOSYS);
	WANT(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == ENOSYS);
	WANT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == -1 && errno == ENOSYS);
	WANT(socket(AF_INET6, SOCK_STREAM, 0) >= 0 || errno == EAFNOSUPPORT);
	WANT(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	WANT(open("/dev/null", O_RDONLY) >= 0);
	WANT(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void calls_of_others_are_refused(void **state)
{
	in_a_child(look_at_calls);
}

static void look_at_privileges(void)
{
	struct rlimit core;
	const char *what;

	WANT(real_confine(&(struct real_confinement){0}, &what) == 0);
	WANT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	WANT(prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 0 || geteuid() != 0); /* CAP_SYS_ADMIN */
	WANT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 1 && core.rlim_max == 1);
}

static void nobody_gains_privileges_and_no_core_file_is_left(void **state)
{
	in_a_child(look_at_privileges);
}

static void look_at_core_files(void)
{
	struct rlimit before, after;
	const char *what;

	getrlimit(RLIMIT_CORE, &before);
	WANT(real_confine(&(struct real_confinement){.core_files = true}, &what) == 0);
	WANT(getrlimit(RLIMIT_CORE, &after) == 0 && memcmp(&before, &after, sizeof(before)) == 0);
}

static void core_files_may_be_wanted(void **state)
{
	in_a_child(look_at_core_files);
}

static void look_at_user(void)
{
	const struct passwd *found = getpwnam("nobody");
	uid_t nobody = found ? found->pw_uid : 0; /* the next look-up reuses the memory */
	const char *what;

	WANT(real_confine(&(struct real_confinement){.user = "no such user"}, &what) == -ENOENT);
	WANT(strcmp(what, "user") == 0);
	if (nobody == 0)
		return;
	if (geteuid() == nobody || geteuid() == 0)
		WANT(real_confine(&(struct real_confinement){.user = "nobody"}, &what) == 0);
	else
		WANT(real_confine(&(struct real_confinement){.user = "nobody"}, &what) == -EPERM);
	WANT(geteuid() != 0 && setuid(0) == -1);
}

static void root_becomes_another_for_good(void **state)
{
	in_a_child(look_at_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_of_others_are_refused),
		cmocka_unit_test(nobody_gains_privileges_and_no_core_file_is_left),
		cmocka_unit_test(core_files_may_be_wanted),
		cmocka_unit_test(root_becomes_another_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
