/* re2: the part of RE2 that regex.c needs (re2.cc). */
#ifndef ODRADEK_GROUP_RE2_H
#define ODRADEK_GROUP_RE2_H

#include <stdbool.h>
#include <stdint.h>

struct re2_pattern;

enum { RE2_SPANS_MAX = 32 };

/* NULL: *error is the RE2::ErrorCode */
struct re2_pattern *re2_new(const char *p, int32_t len, int64_t memory, int *error);
void re2_free(struct re2_pattern *r);
bool re2_matches(const struct re2_pattern *r, const char *p, int32_t len);

/* What a capturing group matched; begin -1: it did not take part. */
struct re2_span {
	int32_t begin;
	int32_t end;
};

int re2_groups(const struct re2_pattern *r); /* capturing groups, not counting the whole match */
/* Finds the first match at or after `from`: spans[0] is the whole, then up to n - 1 groups. */
bool re2_find(const struct re2_pattern *r, const char *p, int32_t len, int32_t from, struct re2_span *spans, int n);

#endif
