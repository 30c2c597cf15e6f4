/*
 * text: words and numbers of checkpoint files. All lengths are checked; numbers that do not fit are
 * refused.
 */
#include "log/text.h"

bool text_at_end(const struct text *t)
{
	return t->p == t->end;
}

bool text_end_line(struct text *t)
{
	if (t->p < t->end && *t->p == '\r')
		t->p++;
	if (t->p == t->end)
		return true;
	if (*t->p != '\n')
		return false;
	t->p++;
	return true;
}

bool text_word(struct text *t, struct str *out)
{
	const char *start = t->p;

	while (t->p < t->end && *t->p != ' ' && *t->p != '\n' && *t->p != '\r')
		t->p++;
	*out = (struct str){start, (int32_t)(t->p - start)};
	if (t->p < t->end && *t->p == ' ')
		t->p++;
	return out->len > 0;
}

bool text_number(struct text *t, int64_t *out)
{
	struct str w;
	int64_t v = 0;
	int32_t i = 0;

	if (!text_word(t, &w))
		return false;
	bool negative = w.p[0] == '-';
	if (negative && w.len == 1)
		return false;
	for (i = negative; i < w.len; i++) {
		if (w.p[i] < '0' || w.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, w.p[i] - '0', &v))
			return false;
	}
	*out = negative ? -v : v;
	return true;
}

bool text_header(struct text *t, int64_t *n)
{
	int64_t version;

	if (text_at_end(t)) {
		*n = 0;
		return false;
	}
	if (text_number(t, &version) && text_end_line(t) && version == 0 && text_number(t, n) && text_end_line(t) &&
	    *n >= 0)
		return true;
	*n = -1;
	return false;
}
