/* re2: what regex.c needs of RE2 (re2.cc). */
#ifndef ODRADEK_GROUP_RE2_H
#define ODRADEK_GROUP_RE2_H

#include <stdbool.h>
#include <stdint.h>

struct re2_pattern;

enum { RE2_SPANS_MAX = 32 };

struct re2_pattern *re2_new(const char *p, int32_t len, int64_t memory, int *error); /* RE2::ErrorCode; then NULL */
void re2_free(struct re2_pattern *r);
bool re2_matches(const struct re2_pattern *r, const char *p, int32_t len);

/* What a group has matched; begin -1: it took no part. */
struct re2_span {
	int32_t begin;
	int32_t end;
};

int re2_groups(const struct re2_pattern *r); /* without the whole */
/* The first match at or behind `from`: spans[0] is the whole, then up to n - 1 groups. */
bool re2_find(const struct re2_pattern *r, const char *p, int32_t len, int32_t from, struct re2_span *spans, int n);

#endif
