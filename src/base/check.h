/*
 * check: a promise of our own, always on.
 *
 * A check that fails prints the place, what was expected and the last diagnostics, and ends the process: state that is known
 * to be wrong is never written. It is for what cannot happen; what a peer, a disk or a person can cause is an error (err.h).
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
 * The end of the process, and the last words before it. Part of the environment, as mem.h is: src/env/real writes to stderr and
 * aborts; src/env/sim adds the seed and the last events, without which nobody could run it again.
 */
void die_say(const char *text);
_Noreturn void die(void);

_Noreturn void check_failed(const char *file, int line, const char *function, const char *condition);

#endif
