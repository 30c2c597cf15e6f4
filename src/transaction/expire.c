/*
 * expire: aborts transactions that exceed their timeout and fences their producers; removes
 * transactional ids unused for transactional.id.expiration.ms, by tombstones. Many are moved step by
 * step.
 */
#include "config/config.h"
#include "transaction/internal.h"

/* An infinite timeout is that of a two-phase commit (KIP-939): the client that prepared it decides. */
static bool takes_too_long(const struct transaction *t, int64_t wall_ms)
{
	return t->pending == TRANSACTION_NONE && t->now.state == TRANSACTION_ONGOING &&
	       t->now.timeout_ms != INT32_MAX && t->now.start_ms < wall_ms - t->now.timeout_ms;
}

void transaction_abort_slow(struct transaction_shard *s, struct shard_step *step)
{
	int left = MOVES_AT_ONCE;

	step->divisible = true;
	map_each(n, &s->transactions)
	{
		struct transaction *t = container_of(n, struct transaction, node);

		if (!takes_too_long(t, step->wall_ms))
			continue;
		if (left-- == 0) {
			s->abort_ms = step->now_ms + RETRY_MS; /* the others in another step */
			return;
		}
		transaction_fence(s, t, NULL, step);
	}
}

void transaction_expire(struct transaction_shard *s, struct shard_step *step)
{
	int64_t since = step->wall_ms - config_int(s->options.config, CONFIG_TRANSACTIONAL_ID_EXPIRATION_MS);
	int left = MOVES_AT_ONCE;

	step->divisible = true;
	map_each(n, &s->transactions)
	{
		struct transaction *t = container_of(n, struct transaction, node);

		if (t->pending != TRANSACTION_NONE || !transaction_is_idle(t->now.state) || t->now.update_ms > since)
			continue;
		if (left-- == 0) {
			s->expire_ms = step->now_ms + RETRY_MS;
			return;
		}
		t->pending = TRANSACTION_DEAD;
		transaction_put_tombstone(t, step);
		shard_written(step, transaction_settled, t);
	}
}
