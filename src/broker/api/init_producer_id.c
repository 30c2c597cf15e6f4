/*
 * InitProducerId: an id for an idempotent producer (KIP-98), from the node's blocks; for a
 * transactional one, its coordinator decides.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/coordinator_request.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "broker/producer_ids.h"
#include "config/config.h"
#include "protocol/init_producer_id.h"

struct waiting {
	struct producer_id_waiter waiter;
	struct request *r;
};

static void fail(struct request *r, int err, struct str message)
{
	struct init_producer_id_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
	out->producer_id = -1;
	out->producer_epoch = -1;
}

static void answer(struct request *r, const struct producer_id_waiter *w)
{
	struct init_producer_id_response *out = r->out;

	if (w->err) {
		fail(r, w->err, STR_NULL);
		return;
	}
	out->producer_id = w->id;
	out->producer_epoch = 0;
}

static void has_come(struct producer_id_waiter *w)
{
	struct waiting *waiting = container_of(w, struct waiting, waiter);

	answer(waiting->r, w);
	request_complete(waiting->r);
}

/* The checks that Kafka makes before it looks for a coordinator. */
static int check_request(const struct request *r, const struct init_producer_id_request *in)
{
	if ((in->producer_id == -1) != (in->producer_epoch == -1))
		return ERR_INVALID_REQUEST;
	if (str_is_null(in->transactional_id))
		return 0;
	if (in->transactional_id.len == 0)
		return ERR_INVALID_REQUEST;
	if (in->transaction_timeout_ms <= 0 ||
	    in->transaction_timeout_ms > config_int(r->node->config, CONFIG_TRANSACTION_MAX_TIMEOUT_MS))
		return ERR_INVALID_TRANSACTION_TIMEOUT;
	return 0;
}

/* A principal that may write to any topic may have an id (KIP-679). */
static int check_permission(struct request *r, const struct init_producer_id_request *in)
{
	struct str id = in->transactional_id;

	if (str_is_null(id))
		return request_may_quietly(r, ACL_IDEMPOTENT_WRITE, ACL_CLUSTER, STR(ACL_CLUSTER_NAME)) ||
				       request_may_any(r, ACL_WRITE, ACL_TOPIC)
			       ? 0
			       : ERR_CLUSTER_AUTHORIZATION_FAILED;
	if (!request_may(r, ACL_WRITE, ACL_TRANSACTIONAL_ID, id) ||
	    (in->enable2_pc && !request_may(r, ACL_TWO_PHASE_COMMIT, ACL_TRANSACTIONAL_ID, id)))
		return ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
	return 0;
}

static enum outcome run(struct request *r)
{
	const struct init_producer_id_request *in = r->in;
	struct waiting *w = arena_zalloc(&r->arena, sizeof(*w));
	int err;

	if (!w || !r->image)
		return HANG_UP;
	err = check_permission(r, in);
	if (!err)
		err = check_request(r, in);
	if (err)
		return request_fail(r, err, STR_NULL);
	if (!str_is_null(in->transactional_id))
		return coordinator_request_run(r, COORDINATOR_TRANSACTION, in->transactional_id, in, r->out, NULL,
					       NULL);
	w->r = r;
	w->waiter.done = has_come;
	if (!producer_id_get(r->core, &w->waiter))
		return request_park(r, w, NULL);
	answer(r, &w->waiter);
	return REPLY;
}

const struct api api_init_producer_id = {
	.key = init_producer_id_request_KEY,
	.first = init_producer_id_request_FIRST,
	.last = init_producer_id_request_LAST - 1, /* the last one is not stable in Kafka 4.4 */
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &init_producer_id_request_schema,
	.out = &init_producer_id_response_schema,
	.run = run,
	.fail = fail,
};
