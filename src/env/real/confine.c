/*
 * confine: what the process gives up for good before it listens: root, capabilities, new
 * privileges, system calls, core files.
 *
 * The filter is a Linux seccomp program, run at each system call: the calls of syscalls.tbl pass,
 * socket, clone, ioctl and prctl pass depending on their arguments, everything else fails with
 * ENOSYS. (A sanitizer's runtime makes system calls of its own: its builds have no filter.)
 */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "env/real/real.h"

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef OUR_ARCH
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef OUR_ARCH
#endif
#endif

/* Access to anybody's files, and ports below 1024: all that is needed of root. */
#define KEPT (1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_FOWNER | 1u << CAP_NET_BIND_SERVICE)

/* ---- root ---- */

static int set_capabilities(uint32_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = kept, .permitted = kept}};

	for (int i = 0; i < 64; i++)
		if (i >= 32 || !(kept & 1u << i))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0); /* EINVAL: this kernel does not have the capability */
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static int become(const char *user)
{
	struct passwd *p;

	errno = 0;
	p = getpwnam(user);
	if (!p)
		return errno ? -errno : -ENOENT;
	if (p->pw_uid == geteuid())
		return geteuid() == 0 ? set_capabilities(KEPT) : 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || initgroups(user, p->pw_gid) || setgid(p->pw_gid) || setuid(p->pw_uid))
		return -errno;
	return set_capabilities(1u << CAP_NET_BIND_SERVICE);
}

static int drop_privileges(const char *user)
{
	int err = user ? become(user) : geteuid() == 0 ? set_capabilities(KEPT) : 0;

	/* A container may have dropped capabilities already. */
	if (err == -EPERM && !user)
		err = 0;
	return err || !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? err : -errno;
}

/* 1 byte: too little for a file, and the value that also disables piping to a handler (core(5)). */
static void forbid_core_files(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1});
}

/* ---- the filter ---- */

#ifdef OUR_ARCH

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
/* If equal, continues with the next instruction; otherwise skips `skip` instructions. */
#define UNLESS_EQUAL(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, (skip))
#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE (SECCOMP_RET_ERRNO | ENOSYS)

#define CALL(name) UNLESS_EQUAL(__NR_##name, 1), ANSWER(ALLOW),

static const struct sock_filter program[] = {
	LOAD(arch),
	UNLESS_EQUAL(OUR_ARCH, 1),
	BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#include "env/real/syscalls.tbl"
	/* threads, not processes */
	UNLESS_EQUAL(__NR_clone, 4),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
	ANSWER(ALLOW),
	ANSWER(REFUSE),
	/* What getaddrinfo uses besides IP: netlink, and the socket of the resolver's daemon. */
	UNLESS_EQUAL(__NR_socket, 10),
	LOAD(args[0]),
	UNLESS_EQUAL(AF_INET, 1),
	ANSWER(ALLOW),
	UNLESS_EQUAL(AF_INET6, 1),
	ANSWER(ALLOW),
	UNLESS_EQUAL(AF_UNIX, 1),
	ANSWER(ALLOW),
	UNLESS_EQUAL(AF_NETLINK, 1),
	ANSWER(ALLOW),
	ANSWER(REFUSE),
	UNLESS_EQUAL(__NR_ioctl, 12),
	LOAD(args[1]),
	UNLESS_EQUAL(FIONBIO, 1),
	ANSWER(ALLOW),
	UNLESS_EQUAL(FIONREAD, 1),
	ANSWER(ALLOW),
	UNLESS_EQUAL(FIOCLEX, 1),
	ANSWER(ALLOW),
	/* the zone of an IPv6 address */
	UNLESS_EQUAL(SIOCGIFINDEX, 1),
	ANSWER(ALLOW),
	UNLESS_EQUAL(SIOCGIFNAME, 1),
	ANSWER(ALLOW),
	ANSWER(REFUSE),
	UNLESS_EQUAL(__NR_prctl, 4),
	LOAD(args[0]),
	UNLESS_EQUAL(PR_SET_NAME, 1),
	ANSWER(ALLOW),
	ANSWER(REFUSE),
	ANSWER(REFUSE),
};

static int filter_calls(void)
{
	struct sock_fprog all = {sizeof(program) / sizeof(program[0]), (struct sock_filter *)(uintptr_t)program};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		       &all)
		       ? -errno
		       : 0;
}

#else

static int filter_calls(void)
{
	return -ENOSYS;
}

#endif

int real_confine(const struct real_confinement *c, const char **what)
{
	int err;

	if (!c->core_files)
		forbid_core_files();
	*what = "user";
	err = drop_privileges(c->user);
	if (err || !c->filter)
		return err;
	*what = "filter";
	return filter_calls();
}
