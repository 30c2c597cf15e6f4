/*
 * builtin: the configuration of a node without a file: a single node, broker and controller in one,
 * for the machine it runs on.
 */
#include <string.h>

#include "base/buf.h"
#include "config/config.h"

static const char text[] =
	"# The built-in configuration: one node, broker and controller in one.\n"
	"process.roles=broker,controller\n"
	"node.id=1\n"
	"\n"
	"# Clients reach the broker on every address; the controller listens on this machine alone.\n"
	"listeners=PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093\n"
	"controller.listener.names=CONTROLLER\n"
	"controller.quorum.bootstrap.servers=127.0.0.1:9093\n"
	"\n"
	"# One node keeps one copy.\n"
	"offsets.topic.replication.factor=1\n"
	"transaction.state.log.replication.factor=1\n"
	"transaction.state.log.min.isr=1\n"
	"share.coordinator.state.topic.replication.factor=1\n"
	"share.coordinator.state.topic.min.isr=1\n"
	"\n"
	"# The first consumer of a group does not wait for others.\n"
	"group.initial.rebalance.delay.ms=0\n"
	"group.streams.initial.rebalance.delay.ms=0\n";

static bool is_plain(struct str s, int i)
{
	return s.p[i] > ' ' && s.p[i] < 0x7f && s.p[i] != '\\';
}

/* Writes one UTF-8 character as UTF-16 escapes; invalid bytes are escaped one by one. */
static int take_utf8(struct str s, int i, unsigned *c)
{
	unsigned char lead = (unsigned char)s.p[i];
	int n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

	if (s.len - i < n || !str_is_utf8((struct str){s.p + i, n}))
		n = 1;
	*c = n == 1 ? lead : lead & (0x7fu >> n);
	for (int k = 1; k < n; k++)
		*c = *c << 6 | ((unsigned char)s.p[i + k] & 0x3f);
	return n;
}

/* Escapes a path as a value of a properties file. */
static struct str escape(struct arena *a, struct str s)
{
	struct buf b = {0};
	struct str out;

	for (int i = 0; i < s.len;) {
		unsigned c;

		if (is_plain(s, i) || (s.p[i] == ' ' && i > 0)) {
			buf_put(&b, &s.p[i++], 1);
			continue;
		}
		i += take_utf8(s, i, &c);
		if (c < 0x10000)
			buf_printf(&b, "\\u%04x", c);
		else
			buf_printf(&b, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
				   0xdc00 + ((c - 0x10000) & 0x3ff));
	}
	out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

struct str config_builtin_text(struct arena *a, struct str data_dir)
{
	struct str dir = escape(a, str_is_null(data_dir) ? STR("/var/lib/odradek") : data_dir);

	return arena_printf(a, "%s\n# Where the data lives.\nlog.dirs=%.*s\n", text, STR_ARG(dir));
}

static struct str variable(const char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment != NULL && *environment != NULL; environment++)
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return str_of(*environment + len + 1);
	return STR("");
}

struct str config_data_dir(const char *const *environment, struct arena *a)
{
	struct str systemd = variable(environment, "STATE_DIRECTORY"), state = variable(environment, "XDG_STATE_HOME");
	struct str home = variable(environment, "HOME");

	/* systemd may give several directories, separated by colons; the first is ours. */
	if (systemd.len > 0 && systemd.p[0] == '/')
		return arena_printf(a, "%.*s", (int)strcspn(systemd.p, ":"), systemd.p);
	/* The XDG specification says to ignore relative paths. */
	if (state.len > 0 && state.p[0] == '/')
		return arena_printf(a, "%.*s/odradek", STR_ARG(state));
	if (home.len > 0 && home.p[0] == '/')
		return arena_printf(a, "%.*s/.local/state/odradek", STR_ARG(home));
	return STR("/var/lib/odradek");
}
