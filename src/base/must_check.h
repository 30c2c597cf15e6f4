/*
 * must_check: results that a caller must look at.
 *
 * A function that returns an error is declared MUST_CHECK: the compiler refuses a call that drops
 * it. Where an error makes no difference, error_ignored() takes it, and a comment says why it makes
 * none.
 */
#ifndef ODRADEK_BASE_MUST_CHECK_H
#define ODRADEK_BASE_MUST_CHECK_H

#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))

static inline void error_ignored(int64_t err) { (void)err; }

#endif
