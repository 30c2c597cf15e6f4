/*
 * checkpoint: reads offset checkpoints. log_checkpoint_write (dir.c) writes them.
 */
#include "log/checkpoint.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "log/text.h"

enum { CHECKPOINT_SIZE_MAX = 256 << 20, ENTRY_SIZE_MIN = 6 };

static int compare(const void *a, const void *b)
{
	const struct checkpoint_entry *x = a;
	const struct checkpoint_entry *y = b;
	int c = str_cmp(x->topic, y->topic);

	return c ? c : (x->partition > y->partition) - (x->partition < y->partition);
}

static bool parse(struct checkpoint *c, size_t len)
{
	struct text t = {c->text, c->text + len};
	int64_t n;

	if (!text_header(&t, &n))
		return n == 0;
	if (n > (int64_t)len / ENTRY_SIZE_MIN + 1)
		return false;
	c->v = xreallocarray(NULL, (size_t)n + 1, sizeof(*c->v));
	for (; c->n < n; c->n++) {
		struct checkpoint_entry *e = &c->v[c->n];
		int64_t partition;

		if (!text_word(&t, &e->topic) || !text_number(&t, &partition) || !text_number(&t, &e->offset) ||
		    !text_end_line(&t) || partition < 0 || partition > INT32_MAX)
			return false;
		e->partition = (int32_t)partition;
	}
	return text_at_end(&t);
}

int checkpoint_read(struct env *env, const char *path, struct checkpoint *out)
{
	size_t len;

	*out = (struct checkpoint){0};
	int err = env_read_file(env, path, CHECKPOINT_SIZE_MAX, &out->text, &len);
	if (err)
		return err;
	if (!parse(out, len)) {
		checkpoint_fini(out);
		return -EINVAL;
	}
	if (out->n)
		qsort(out->v, (size_t)out->n, sizeof(*out->v), compare);
	return 0;
}

void checkpoint_fini(struct checkpoint *c)
{
	xfree(c->text);
	xfree(c->v);
	*c = (struct checkpoint){0};
}

void checkpoint_drop(struct checkpoint *c, bool (*drop)(void *arg, const struct checkpoint_entry *e), void *arg)
{
	int kept = 0;

	for (int i = 0; i < c->n; i++)
		if (!drop(arg, &c->v[i]))
			c->v[kept++] = c->v[i];
	c->n = kept;
}

int64_t checkpoint_find(const struct checkpoint *c, struct str topic, int32_t partition, int64_t absent)
{
	struct checkpoint_entry key = {.topic = topic, .partition = partition};

	if (c->n == 0)
		return absent;
	const struct checkpoint_entry *e = bsearch(&key, c->v, (size_t)c->n, sizeof(*c->v), compare);
	return e ? e->offset : absent;
}
