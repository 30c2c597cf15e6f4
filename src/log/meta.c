/*
 * meta: reads and writes meta.properties, which says to whom a directory belongs (a Java properties
 * file).
 *
 *	version=1                      0: broker.id in place of node.id, no directory.id
 *	cluster.id=...
 *	node.id=1
 *	directory.id=...               22 characters of base64url
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "log/dir.h"
#include "log/paths.h"
#include "log/text.h"

enum { META_SIZE_MAX = 64 * 1024 };

/*
 * Splits one line as Java's Properties.load does: key, '=' or ':' or space, value; a backslash
 * quotes the next character.
 */
static bool split_line(struct str line, char *key, char *value, size_t size)
{
	size_t n = 0;
	char *to = key;

	for (int32_t i = 0; i < line.len; i++) {
		char ch = line.p[i];

		if (to == key && (ch == '=' || ch == ':')) {
			while (n && to[n - 1] == ' ')
				n--;
			to[n] = '\0';
			to = value;
			n = 0;
			continue;
		}
		if (ch == '\\' && i + 1 < line.len)
			ch = line.p[++i];
		else if ((ch == ' ' || ch == '\t' || ch == '\r') && n == 0)
			continue;
		if (n + 1 == size)
			return false;
		to[n++] = ch;
	}
	while (n && (to[n - 1] == ' ' || to[n - 1] == '\r'))
		n--;
	to[n] = '\0';
	return to == value;
}

static bool number(const char *s, int64_t *out)
{
	struct text t = {s, s + strlen(s)};

	return text_number(&t, out) && text_at_end(&t);
}

static const char *set(struct meta_properties *m, const char *key, const char *value)
{
	int64_t n;

	if (strcmp(key, "version") == 0) {
		if (!number(value, &n) || n < 0 || n > 1)
			return "version is neither 0 nor 1";
		m->version = (int)n;
	} else if (strcmp(key, "cluster.id") == 0) {
		if (strlen(value) >= sizeof(m->cluster_id))
			return "cluster.id is too long";
		memcpy(m->cluster_id, value, strlen(value) + 1);
	} else if (strcmp(key, "node.id") == 0 || strcmp(key, "broker.id") == 0) {
		if (!number(value, &n) || n < 0 || n > INT32_MAX)
			return "the node id is not a number";
		m->node_id = (int32_t)n;
	} else if (strcmp(key, "directory.id") == 0) {
		if (!uuid_parse(str_of(value), &m->directory_id))
			return "directory.id is not a uuid";
	}
	return NULL;
}

static const char *parse(struct meta_properties *m, const char *p)
{
	m->version = -1;
	while (*p) {
		const char *end = strchr(p, '\n');
		struct str line = {p, (int32_t)(end ? (size_t)(end - p) : strlen(p))};
		char key[128];
		char value[512];

		p = end ? end + 1 : p + line.len;
		if (line.len == 0 || line.p[0] == '#' || line.p[0] == '!')
			continue;
		if (!split_line(line, key, value, sizeof(key)))
			continue;
		const char *wrong = set(m, key, value);
		if (wrong)
			return wrong;
	}
	if (m->version < 0)
		return "there is no version";
	if (m->version == 1 && (!m->cluster_id[0] || m->node_id < 0))
		return "cluster.id or node.id is missing";
	return NULL;
}

int meta_properties_read(struct env *env, const char *dir, struct meta_properties *out, char **why)
{
	char path[PATH_SIZE];
	char *text;
	size_t len;

	*out = (struct meta_properties){.node_id = -1};
	path_in(path, dir, "meta.properties");
	int err = env_read_file(env, path, META_SIZE_MAX, &text, &len);
	if (err)
		return err;
	const char *wrong = strlen(text) == len ? parse(out, text) : "it holds binary data";
	xfree(text);
	if (!wrong)
		return 0;
	*why = xasprintf("%s cannot be used: %s. Restore it, or empty the directory", path, wrong);
	return -EINVAL;
}

int meta_properties_write(struct env *env, const char *dir, const struct meta_properties *m)
{
	char path[PATH_SIZE];
	char id[UUID_TEXT_LEN + 1];
	struct buf text = {0};

	path_in(path, dir, "meta.properties");
	buf_printf(&text, "#\n#\ncluster.id=%s\nnode.id=%d\n", m->cluster_id, m->node_id);
	if (!uuid_is_zero(m->directory_id))
		buf_printf(&text, "directory.id=%s\n", uuid_text(m->directory_id, id));
	buf_printf(&text, "version=1\n");
	int err = env_replace_file(env, path, text.p, text.len);
	buf_fini(&text);
	return err;
}
