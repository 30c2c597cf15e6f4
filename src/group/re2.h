/* re2: what regex.c needs of RE2 (re2.cc). */
#ifndef ODRADEK_GROUP_RE2_H
#define ODRADEK_GROUP_RE2_H

#include <stdbool.h>
#include <stdint.h>

struct re2_pattern;

struct re2_pattern *re2_new(const char *p, int32_t len, int64_t memory, int *error); /* RE2::ErrorCode; then NULL */
void re2_free(struct re2_pattern *r);
bool re2_matches(const struct re2_pattern *r, const char *p, int32_t len);

#endif
