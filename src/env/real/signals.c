/*
 * signals, real: taken one at a time by the thread that waits for them, so that no code runs inside
 * a signal handler.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "env/real/real.h"

static void held(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGUSR2);
}

void real_signals_hold(void)
{
	sigset_t set;

	held(&set);
	check(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
}

int real_signal_next(void)
{
	sigset_t set;
	int number;

	held(&set);
	check(sigwait(&set, &number) == 0);
	return number == SIGUSR2 ? 0 : number;
}

void real_signal_wake(void)
{
	kill(getpid(), SIGUSR2);
}
