/*
 * check: an assertion that is always on.
 *
 * A failed check prints the place, the condition and the last diagnostics, and ends the process:
 * state known to be wrong is never written. It is for what cannot happen; what a peer, a disk or a
 * person can cause is an error (err.h).
 * check_slow() costs more than the code it guards and exists in developer builds only.
 */
#ifndef ODRADEK_BASE_CHECK_H
#define ODRADEK_BASE_CHECK_H

#define check(condition)                                                                                               \
	(__builtin_expect(!!(condition), 1) ? (void)0 : check_failed(__FILE__, __LINE__, __func__, #condition))

#ifdef ODRADEK_DEVELOPER
#define check_slow(condition) check(condition)
#else
#define check_slow(condition) ((void)sizeof(condition))
#endif

/*
 * The end of the process, and its last words. These are part of the environment, like mem.h:
 * src/env/real writes to stderr and aborts; src/env/sim adds the seed and the last events, without
 * which the run could not be reproduced.
 */
void die_say(const char *text);
_Noreturn void die(void);

_Noreturn void check_failed(const char *file, int line, const char *function, const char *condition);

#endif
