/*
 * port_owner, real: finds the socket inodes of a port in /proc/net/tcp and tcp6, and the process of
 * an inode in /proc/PID/fd.
 *
 *	  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
 *	   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41337 ...
 */
#include "env/port_owner.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INODES_MAX 16
#define STATE_LISTEN 0x0a

struct inodes {
	unsigned long v[INODES_MAX];
	int n;
};

static void inodes_read(struct inodes *in, const char *path, unsigned port)
{
	char line[512];
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	while (in->n < INODES_MAX && fgets(line, sizeof(line), f)) {
		unsigned local, state;
		unsigned long inode;

		if (sscanf(line, " %*[^:]: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %lu", &local, &state,
			   &inode) == 3 &&
		    local == port && state == STATE_LISTEN && inode != 0)
			in->v[in->n++] = inode;
	}
	fclose(f);
}

static bool inodes_have(const struct inodes *in, const char *link)
{
	unsigned long inode;

	if (sscanf(link, "socket:[%lu]", &inode) != 1)
		return false;
	for (int i = 0; i < in->n; i++)
		if (in->v[i] == inode)
			return true;
	return false;
}

/* Whether the process has one of these sockets open. Also false if it cannot be inspected. */
static bool process_has(const char *pid, const struct inodes *in)
{
	char path[300], link[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = 0;
		found = inodes_have(in, link);
	}
	closedir(d);
	return found;
}

/* The first word of its command line, or otherwise the kernel's name for it. */
static void process_name(const char *pid, char out[PORT_OWNER_NAME_MAX])
{
	const char *files[] = {"cmdline", "comm"};

	out[0] = 0;
	for (int i = 0; i < 2 && !out[0]; i++) {
		char path[300], text[512];
		const char *slash;
		size_t n;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/%s", pid, files[i]);
		f = fopen(path, "re");
		if (!f)
			continue;
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
		text[n] = 0;
		text[strcspn(text, " \n")] = 0;
		slash = strrchr(text, '/');
		snprintf(out, PORT_OWNER_NAME_MAX, "%.*s", PORT_OWNER_NAME_MAX - 1, slash ? slash + 1 : text);
	}
}

int port_owner_find(uint16_t port, struct port_owner *out)
{
	struct inodes in = {.n = 0};
	struct dirent *e;
	DIR *d;

	*out = (struct port_owner){0};
	inodes_read(&in, "/proc/net/tcp", port);
	inodes_read(&in, "/proc/net/tcp6", port);
	if (in.n == 0)
		return -ENOENT;
	d = opendir("/proc");
	if (!d)
		return 0;
	while (out->pid == 0 && (e = readdir(d))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !process_has(e->d_name, &in))
			continue;
		out->pid = atoi(e->d_name);
		process_name(e->d_name, out->name);
	}
	closedir(d);
	return 0;
}
