/*
 * producer_ids: allocates blocks of a thousand producer ids to brokers (ProducerIdControlManager).
 */
#include "base/err.h"
#include "controller/internal.h"
#include "protocol/allocate_producer_ids.h"
#include "protocol/metadata_records.h"

#define BLOCK_SIZE 1000

int controller_allocate_producer_ids(struct controller *c, const struct controller_context *ctx,
				     const struct allocate_producer_ids_request *in,
				     struct allocate_producer_ids_response *out, struct record_list *records)
{
	int64_t first = image_next_producer_id(tip(c));
	int err = check_broker_epoch(c, ctx, in->broker_id, in->broker_epoch);
	struct producer_ids_record *r;

	if (err != 0)
		return err;
	if (first > INT64_MAX - BLOCK_SIZE)
		return refuse(
			ctx, ERR_UNKNOWN_SERVER_ERROR,
			"Exhausted all producerIds as the next block's end producerId has exceeded the int64 type limit");
	r = record_list_add(records, RECORD_PRODUCER_IDS, 0);
	if (!r)
		return ERR_UNKNOWN_SERVER_ERROR;
	*r = (struct producer_ids_record){in->broker_id, in->broker_epoch, first + BLOCK_SIZE};
	out->producer_id_start = first;
	out->producer_id_len = BLOCK_SIZE;
	return 0;
}
