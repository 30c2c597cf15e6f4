/* The owner of a port, and the amount of memory: what the real env finds out about its machine. */
#include "env/port_owner.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "env/env.h"
#include "env/real/real.h"
#include "tests/base/cm.h"

static int bound(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void the_owner_of_a_listening_port_is_found_by_name(void **state)
{
	struct port_owner owner;
	uint16_t port;
	int fd = bound(&port);

	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(port_owner_find(port, &owner), 0);
	assert_int_equal(owner.pid, getpid());
	assert_non_null(strstr(owner.name, "test_port_owner"));
	close(fd);
}

static void a_port_that_nobody_listens_on_has_no_owner(void **state)
{
	struct port_owner owner;
	uint16_t port;
	int fd = bound(&port);

	assert_int_equal(port_owner_find(port, &owner), -ENOENT);
	assert_int_equal(owner.pid, 0);
	close(fd);
}

static void the_memory_of_the_machine_is_known(void **state)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	struct env *e = env_real_new(&diag);

	assert_true(e->memory_bytes >= 16 << 20);
	assert_true(e->memory_bytes <= (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
	env_real_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_owner_of_a_listening_port_is_found_by_name),
		cmocka_unit_test(a_port_that_nobody_listens_on_has_no_owner),
		cmocka_unit_test(the_memory_of_the_machine_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
