/*
 * gauge: the cost of a piece of work: runs a command, and prints what the nodes, the command and
 * everything else used meanwhile.
 *
 *	gauge NODES KNOWN COMMAND...	process ids, separated by commas, or "-": the measured nodes; other
 *					processes of ours that run beside them
 *	gauge lo CONGESTION		in a network namespace of its own: loopback up, with this congestion
 *					control for its connections
 *
 * The command's output is passed on, followed by lines NAME=VALUE:
 *
 *	elapsed_us node_cpu_us client_cpu_us node_switches	over the command's life
 *	node_rss_kib node_peak_kib				at its end
 *	others_percent	of a core: everything busy except our processes and the kernel's own threads, which
 *			write for us
 *
 * The exit status is the command's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/raw.h"

#define MAX_PIDS 64

struct pids {
	int v[MAX_PIDS];
	int n;
};

struct state {
	int64_t at_us, node_cpu_us, known_cpu_us, own_cpu_us;
	int64_t busy_us, kernel_us; /* in ticks of 10 ms */
	int64_t switches, rss_kib, peak_kib;
};

static struct pids pids_of(char *s)
{
	struct pids p = {.n = 0};

	for (char *one = strtok(s, ","); one && p.n < MAX_PIDS; one = strtok(NULL, ","))
		if (atoi(one) > 0)
			p.v[p.n++] = atoi(one);
	return p;
}

static int64_t ticks_us(int64_t ticks)
{
	return ticks * (1000000 / sysconf(_SC_CLK_TCK));
}

/* The sum of user, nice, system and steal; interrupts are served for any process. */
static int64_t busy_us(void)
{
	long long user, nice, sys, idle, wait, irq, soft, steal;
	FILE *f = fopen("/proc/stat", "r");

	if (!f || fscanf(f, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &sys, &idle, &wait, &irq,
			 &soft, &steal) != 8)
		raw_die("/proc/stat cannot be read");
	fclose(f);
	return ticks_us(user + nice + sys + steal);
}

static int64_t kernel_thread_us(const char *pid)
{
	char path[300], line[1024], *behind;
	long long user, sys;
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	behind = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	if (!behind ||
	    sscanf(behind + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &parent, &user, &sys) != 3)
		return 0;
	return parent == 2 ? ticks_us(user + sys) : 0;
}

static int64_t kernel_us(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int64_t sum = 0;

	while (dir && (e = readdir(dir)))
		if (atoi(e->d_name) > 0)
			sum += kernel_thread_us(e->d_name);
	if (dir)
		closedir(dir);
	return sum;
}

/* The sum of the numbers after NAME in a file of lines "NAME: number". */
static int64_t number_in(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	int64_t sum = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			sum += atoll(line + strlen(name) + 1);
	if (f)
		fclose(f);
	return sum;
}

static int64_t switches_of(int pid)
{
	char path[300];
	struct dirent *e;
	int64_t sum = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (atoi(e->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid, e->d_name);
		sum += number_in(path, "voluntary_ctxt_switches") + number_in(path, "nonvoluntary_ctxt_switches");
	}
	if (dir)
		closedir(dir);
	return sum;
}

static int64_t own_cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return raw_cpu_us(0) + (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * INT64_C(1000000) + r.ru_utime.tv_usec +
	       r.ru_stime.tv_usec;
}

static struct state look(const struct pids *nodes, const struct pids *known)
{
	struct state s = {
		.busy_us = busy_us(), .kernel_us = kernel_us(), .own_cpu_us = own_cpu_us(), .at_us = raw_now_us()};

	for (int i = 0; i < known->n; i++)
		s.known_cpu_us += raw_cpu_us(known->v[i]);
	for (int i = 0; i < nodes->n; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/status", nodes->v[i]);
		s.node_cpu_us += raw_cpu_us(nodes->v[i]);
		s.switches += switches_of(nodes->v[i]);
		s.rss_kib += number_in(path, "VmRSS");
		s.peak_kib += number_in(path, "VmHWM");
	}
	return s;
}

static int run(char **command)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		raw_die("fork: %s", strerror(errno));
	if (pid == 0) {
		execvp(command[0], command);
		raw_die("%s: %s", command[0], strerror(errno));
	}
	if (waitpid(pid, &status, 0) != pid)
		raw_die("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void report(const struct state *a, const struct state *b)
{
	int64_t elapsed = b->at_us - a->at_us, node = b->node_cpu_us - a->node_cpu_us;
	int64_t client = b->own_cpu_us - a->own_cpu_us;
	int64_t others = b->busy_us - a->busy_us - (b->kernel_us - a->kernel_us) - node - client -
			 (b->known_cpu_us - a->known_cpu_us);

	printf("elapsed_us=%lld\nnode_cpu_us=%lld\nclient_cpu_us=%lld\nnode_switches=%lld\n", (long long)elapsed,
	       (long long)node, (long long)client, (long long)(b->switches - a->switches));
	printf("node_rss_kib=%lld\nnode_peak_kib=%lld\nothers_percent=%.0f\n", (long long)b->rss_kib,
	       (long long)b->peak_kib, elapsed && others > 0 ? 100.0 * (double)others / (double)elapsed : 0);
}

static int loopback(const char *congestion)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	FILE *f;

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) != 0)
		raw_die("loopback does not come up: %s", strerror(errno));
	close(fd);
	f = fopen("/proc/sys/net/ipv4/tcp_congestion_control", "w");
	if (!f || fputs(congestion, f) < 0 || fclose(f) != 0)
		raw_die("no congestion control %s here: %s", congestion, strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	struct pids nodes, known;
	struct state before, after;
	int status;

	if (argc == 3 && !strcmp(argv[1], "lo"))
		return loopback(argv[2]);
	if (argc < 4)
		raw_die("what shall I run? See the head of gauge.c");
	nodes = pids_of(argv[1]);
	known = pids_of(argv[2]);
	before = look(&nodes, &known);
	status = run(argv + 3);
	after = look(&nodes, &known);
	report(&before, &after);
	return status;
}
