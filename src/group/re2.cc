/*
 * re2: a C interface to Google's RE2: the only C++ here. No exception crosses it: RE2 returns
 * errors as values, and running out of memory ends the process, as in xmalloc. Its memory comes
 * from the C++ library, not from env: no pattern outlives the function that made it.
 */
#include <new>
#include <re2/re2.h>

extern "C" {
#include "group/re2.h"
}

struct re2_pattern {
	re2::RE2 re;
};

static re2::RE2::Options options(int64_t memory)
{
	re2::RE2::Options o;

	o.set_log_errors(false);
	o.set_max_mem(memory);
	return o;
}

extern "C" struct re2_pattern *re2_new(const char *p, int32_t len, int64_t memory, int *error)
{
	struct re2_pattern *r = new (std::nothrow) re2_pattern{{re2::StringPiece(p, (size_t)len), options(memory)}};

	*error = r && r->re.ok() ? 0 : r ? (int)r->re.error_code() : (int)re2::RE2::ErrorPatternTooLarge;
	if (*error) {
		delete r;
		return nullptr;
	}
	return r;
}

extern "C" void re2_free(struct re2_pattern *r) { delete r; }

extern "C" int re2_groups(const struct re2_pattern *r) { return r->re.NumberOfCapturingGroups(); }

extern "C" bool re2_find(const struct re2_pattern *r, const char *p, int32_t len, int32_t from, struct re2_span *spans,
			 int n)
{
	re2::StringPiece found[RE2_SPANS_MAX], text(p, (size_t)len);
	int wanted = r->re.NumberOfCapturingGroups() + 1;

	if (n > RE2_SPANS_MAX)
		n = RE2_SPANS_MAX;
	if (wanted < n)
		n = wanted;
	if (!r->re.Match(text, (size_t)from, (size_t)len, re2::RE2::UNANCHORED, found, n))
		return false;
	for (int i = 0; i < n; i++) {
		spans[i].begin = found[i].data() ? (int32_t)(found[i].data() - p) : -1;
		spans[i].end = found[i].data() ? spans[i].begin + (int32_t)found[i].size() : -1;
	}
	return true;
}

extern "C" bool re2_matches(const struct re2_pattern *r, const char *p, int32_t len)
{
	return re2::RE2::FullMatchN(re2::StringPiece(p, (size_t)len), r->re, nullptr, 0);
}
