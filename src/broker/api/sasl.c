/*
 * SaslHandshake and SaslAuthenticate on connections that need no authentication, or have completed
 * it: an illegal state. broker/sasl.c handles all others.
 */
#include "base/err.h"
#include "broker/api.h"
#include "protocol/sasl_authenticate.h"
#include "protocol/sasl_handshake.h"

static void fail_handshake(struct request *r, int err, struct str message)
{
	struct sasl_handshake_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

static void fail_authenticate(struct request *r, int err, struct str message)
{
	struct sasl_authenticate_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = message;
}

static enum outcome run(struct request *r)
{
	return request_fail(r, ERR_ILLEGAL_SASL_STATE,
			    STR("SaslAuthenticate request received after successful authentication"));
}

const struct api api_sasl_handshake = {
	.key = sasl_handshake_request_KEY,
	.first = sasl_handshake_request_FIRST,
	.last = sasl_handshake_request_LAST,
	.flags = API_BROKER | API_CONTROLLER,
	.in = &sasl_handshake_request_schema,
	.out = &sasl_handshake_response_schema,
	.run = run,
	.fail = fail_handshake,
};

const struct api api_sasl_authenticate = {
	.key = sasl_authenticate_request_KEY,
	.first = sasl_authenticate_request_FIRST,
	.last = sasl_authenticate_request_LAST,
	.flags = API_BROKER | API_CONTROLLER,
	.in = &sasl_authenticate_request_schema,
	.out = &sasl_authenticate_response_schema,
	.run = run,
	.fail = fail_authenticate,
};
