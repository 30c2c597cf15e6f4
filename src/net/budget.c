/* budget: taking bytes, if there are enough. */
#include "net/budget.h"

bool budget_try(struct budget *b, int64_t bytes)
{
	int64_t used = atomic_load(&b->used);

	do {
		if ((used >= b->limit || bytes > b->limit - used) && used != atomic_load(&b->stalled))
			return false;
	} while (!atomic_compare_exchange_weak(&b->used, &used, used + bytes));
	return true;
}
