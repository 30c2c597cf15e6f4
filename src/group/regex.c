/* regex: RE2 with the names and error messages of this room. */
#include "group/regex.h"

#include <string.h>

#include "base/buf.h"
#include "group/re2.h"

struct regex; /* this is RE2's pattern */

/* Indexed by RE2::ErrorCode; the messages of the library that Kafka uses. */
static const char *const WORDS[] = {
	"",
	"regexp/syntax: internal error",
	"invalid escape sequence",
	"invalid character class range",
	"invalid character class range",
	"missing closing ]",
	"missing closing )",
	"regexp/syntax: internal error", /* an unmatched ) */
	"trailing backslash at end of expression",
	"missing argument to repetition operator",
	"invalid repeat count",
	"invalid nested repetition operator",
	"invalid or unsupported Perl syntax",
	"invalid UTF-8",
	"invalid named capture",
	"expression too large",
};

/* How many bytes at the start are a literal or a class, in which nothing is syntax. */
static int32_t literal_len(struct str s)
{
	const char *end;
	int32_t i;

	if (s.len >= 2 && s.p[0] == '\\' && s.p[1] == 'Q') {
		end = memmem(s.p, (size_t)s.len, "\\E", 2);
		return end ? (int32_t)(end - s.p) + 2 : s.len;
	}
	if (s.p[0] == '\\')
		return s.len < 2 ? s.len : 2;
	if (s.p[0] != '[')
		return 0;
	i = s.len > 1 && s.p[1] == '^' ? 3 : 2;
	while (i < s.len && s.p[i] != ']')
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.len ? i + 1 : s.len;
}

/* Kafka's library also accepts (?<name>...); the RE2 of Debian 12 only accepts (?P<name>...). */
static void put_pattern(struct buf *b, struct str s)
{
	while (s.len > 0) {
		int32_t n = literal_len(s);

		if (n == 0 && s.len >= 3 && memcmp(s.p, "(?<", 3) == 0) {
			buf_put_str(b, STR("(?P<"));
			n = 3;
		} else if (n == 2 && memcmp(s.p, "\\C", 2) == 0) {
			buf_put_str(b, STR("\\8")); /* half a character: refused, as in Kafka */
		} else {
			n = n ? n : 1;
			buf_put(b, s.p, (size_t)n);
		}
		s = (struct str){s.p + n, s.len - n};
	}
}

struct regex *regex_new(struct str pattern, struct str *why)
{
	struct buf b = {0};
	struct re2_pattern *r;
	int error = 0;

	put_pattern(&b, pattern);
	r = re2_new(b.len ? (const char *)b.p : "", (int32_t)b.len, REGEX_MEMORY, &error);
	buf_fini(&b);
	if (!r && why)
		*why = str_of(WORDS[(unsigned)error < sizeof(WORDS) / sizeof(*WORDS) ? error : 1]);
	return (struct regex *)r;
}

void regex_free(struct regex *r)
{
	re2_free((struct re2_pattern *)r);
}

bool regex_matches(const struct regex *r, struct str name)
{
	return re2_matches((const struct re2_pattern *)r, name.p, name.len);
}
