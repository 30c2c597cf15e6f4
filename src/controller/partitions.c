/*
 * partitions: changes to partitions: brokers that come and go, AlterPartition, ElectLeaders,
 * AssignReplicasToDirs.
 */
#include <string.h>

#include "base/err.h"
#include "controller/internal.h"
#include "controller/partition_change.h"
#include "metadata/version.h"
#include "protocol/alter_partition.h"
#include "protocol/assign_replicas_to_dirs.h"
#include "protocol/elect_leaders.h"
#include "protocol/metadata_records.h"
#include "wire/codec.h"

/* ---- brokers come and go ---- */

static bool partition_matches(const struct image_partition *p, const struct partition_filter *f)
{
	struct image_ids replicas = partition_replicas(p);

	switch (f->which) {
	case PARTITIONS_WITH_ISR_MEMBER:
		return image_ids_has(partition_isr(p), f->broker);
	case PARTITIONS_WITH_ELR_MEMBER:
		return image_ids_has(partition_elr(p), f->broker);
	case PARTITIONS_WITHOUT_LEADER:
		return p->leader < 0;
	case PARTITIONS_IN_DIRECTORY:
		for (int i = 0; i < replicas.n; i++) {
			if (replicas.v[i] == f->broker && uuid_eq(partition_directory(p, i), f->directory))
				return true;
		}
		return false;
	}
	return false;
}

void move_broker(struct controller *c, struct broker_move move, struct partition_filter filter,
		 struct record_list *records)
{
	const struct image_topic *t;
	struct image_iter it;

	image_topics(tip(c), &it);
	while ((t = image_topics_next(&it))) {
		bool unclean = false;
		bool asked = false;

		for (int i = 0; i < t->n_partitions; i++) {
			const struct image_partition *p = t->partitions[i];
			struct partition_change change;

			if (!partition_matches(p, &filter))
				continue;
			if (!asked)
				unclean = topic_allows_unclean_election(c, t->name);
			asked = true;
			partition_change_init(&change, c, records->arena, t, p);
			change.move = move;
			change.election = unclean ? ELECT_UNCLEAN : ELECT_ONLINE;
			change.isr = ids_without(records->arena, ids_without(records->arena, change.isr, move.remove),
						 move.unclean);
			partition_change_build(&change, records);
		}
	}
}

bool broker_leads_something(const struct image *i, int32_t broker_id)
{
	const struct image_topic *t;
	struct image_iter it;

	image_topics(i, &it);
	while ((t = image_topics_next(&it))) {
		for (int at = 0; at < t->n_partitions; at++) {
			if (t->partitions[at]->leader == broker_id)
				return true;
		}
	}
	return false;
}

/* ---- AlterPartition ---- */

/* The proposed ISR: version 2 names brokers only. */
struct proposal {
	struct image_ids isr;
	const struct alter_partition_request_broker_state *states; /* NULL in version 2 */
};

static struct proposal proposal_of(const struct alter_partition_request_partition *p, int16_t version, struct arena *a)
{
	struct proposal out = {{p->new_isr.v, p->new_isr.n < 0 ? 0 : p->new_isr.n}, NULL};
	int32_t *ids;

	if (version < 3)
		return out;
	ids = arena_array(a, (size_t)p->new_isr_with_epochs.n, sizeof(*ids));
	for (int32_t i = 0; ids && i < p->new_isr_with_epochs.n; i++)
		ids[i] = p->new_isr_with_epochs.v[i].broker_id;
	out.states = p->new_isr_with_epochs.v;
	out.isr = (struct image_ids){ids, ids ? p->new_isr_with_epochs.n : 0};
	return out;
}

static bool isr_is_sound(struct image_ids isr, struct image_ids replicas)
{
	for (int i = 0; i < isr.n; i++) {
		if (!image_ids_has(replicas, isr.v[i]) || image_ids_has((struct image_ids){isr.v, i}, isr.v[i]))
			return false;
	}
	return true;
}

static bool isr_is_eligible(const struct image *image, const struct proposal *proposal)
{
	for (int i = 0; i < proposal->isr.n; i++) {
		const struct image_node *n = image_broker(image, proposal->isr.v[i]);

		if (!n || n->fenced || n->in_controlled_shutdown)
			return false;
		if (proposal->states && proposal->states[i].broker_epoch != -1 &&
		    proposal->states[i].broker_epoch != n->epoch)
			return false;
	}
	return true;
}

/* The checks are made in this order; the first error is the answer. */
static int check_proposal(const struct controller *c, const struct alter_partition_request *in,
			  const struct image_partition *p, const struct alter_partition_request_partition *asked,
			  const struct proposal *proposal)
{
	if (!p)
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	if (asked->leader_epoch > p->leader_epoch || asked->partition_epoch > p->partition_epoch)
		return ERR_NOT_CONTROLLER;
	if (asked->leader_epoch < p->leader_epoch)
		return ERR_FENCED_LEADER_EPOCH;
	if (in->broker_id != p->leader)
		return ERR_INVALID_REQUEST;
	if (asked->partition_epoch < p->partition_epoch)
		return ERR_INVALID_UPDATE_VERSION;
	if (!isr_is_sound(proposal->isr, partition_replicas(p)) || !image_ids_has(proposal->isr, p->leader))
		return ERR_INVALID_REQUEST;
	if (asked->leader_recovery_state < 0 || asked->leader_recovery_state > 1)
		return ERR_INVALID_REQUEST;
	if (asked->leader_recovery_state == 1 && (proposal->isr.n > 1 || p->recovering == 0))
		return ERR_INVALID_REQUEST;
	return isr_is_eligible(tip(c), proposal) ? 0 : ERR_INELIGIBLE_REPLICA;
}

static void answer_with(struct alter_partition_response_partition *out, const struct image_partition *p,
			const struct partition_change_record *r)
{
	struct image_ids isr = partition_isr(p);

	out->leader_id = r && r->leader != -2 ? r->leader : p->leader;
	out->leader_epoch = p->leader_epoch + (r && r->leader != -2);
	out->partition_epoch = p->partition_epoch + (r != NULL);
	out->leader_recovery_state = r && r->leader_recovery_state != -1 ? r->leader_recovery_state : p->recovering;
	out->isr.v = r && r->isr.n >= 0 ? r->isr.v : (int32_t *)isr.v;
	out->isr.n = r && r->isr.n >= 0 ? r->isr.n : isr.n;
}

static void alter_one(struct controller *c, const struct controller_context *ctx,
		      const struct alter_partition_request *in, const struct image_topic *t,
		      const struct alter_partition_request_partition *asked,
		      struct alter_partition_response_partition *out, struct record_list *records)
{
	const struct image_partition *p = image_topic_partition(t, asked->partition_index);
	struct proposal proposal = proposal_of(asked, ctx->version, ctx->arena);
	int err = check_proposal(c, in, p, asked, &proposal);
	const struct partition_change_record *r;
	struct partition_change change;

	out->error_code = (int16_t)err;
	if (err != 0)
		return;
	partition_change_init(&change, c, ctx->arena, t, p);
	change.election = topic_allows_unclean_election(c, t->name) ? ELECT_UNCLEAN : ELECT_ONLINE;
	change.isr = proposal.isr;
	change.recovering = asked->leader_recovery_state;
	r = partition_change_build(&change, records);
	/*
	 * A reassignment completed by this ISR may have moved the leader: the old one has to look
	 * at the metadata first.
	 */
	if (r && r->leader != -2 && r->leader != in->broker_id)
		out->error_code = ERR_NEW_LEADER_ELECTED;
	else
		answer_with(out, p, r);
}

int controller_alter_partition(struct controller *c, const struct controller_context *ctx,
			       const struct alter_partition_request *in, struct alter_partition_response *out,
			       struct record_list *records)
{
	int err = in->topics.n > 0 ? check_broker_epoch(c, ctx, in->broker_id, in->broker_epoch) : 0;

	if (err != 0)
		return err;
	out->topics.v = arena_array(ctx->arena, (size_t)in->topics.n, sizeof(*out->topics.v));
	out->topics.n = out->topics.v ? in->topics.n : 0;
	for (int32_t i = 0; i < out->topics.n; i++) {
		const struct alter_partition_request_topic *from = &in->topics.v[i];
		struct alter_partition_response_topic *to = &out->topics.v[i];
		const struct image_topic *t = image_topic_by_id(tip(c), from->topic_id);

		to->topic_id = from->topic_id;
		to->partitions.v = arena_array(ctx->arena, (size_t)from->partitions.n, sizeof(*to->partitions.v));
		to->partitions.n = to->partitions.v ? from->partitions.n : 0;
		for (int32_t at = 0; at < to->partitions.n; at++) {
			codec_init(&alter_partition_response_partition_schema, &to->partitions.v[at]);
			to->partitions.v[at].partition_index = from->partitions.v[at].partition_index;
			if (t)
				alter_one(c, ctx, in, t, &from->partitions.v[at], &to->partitions.v[at], records);
			else
				to->partitions.v[at].error_code = ERR_UNKNOWN_TOPIC_ID;
		}
	}
	return 0;
}

/* ---- ElectLeaders ---- */

static struct api_error elect_one(struct controller *c, const struct controller_context *ctx, struct str topic,
				  int32_t partition, bool unclean, struct record_list *records)
{
	const struct image_topic *t = image_topic_by_name(tip(c), topic);
	const struct image_partition *p = t ? image_topic_partition(t, partition) : NULL;
	struct partition_change change;

	if (!t)
		return api_error(ctx->arena, ERR_UNKNOWN_TOPIC_OR_PARTITION, "No such topic as %.*s", STR_ARG(topic));
	if (!p)
		return api_error(ctx->arena, ERR_UNKNOWN_TOPIC_OR_PARTITION, "No such partition as %.*s-%d",
				 STR_ARG(topic), partition);
	if (unclean ? p->leader >= 0 : p->n_replicas > 0 && p->leader == partition_replicas(p).v[0])
		return (struct api_error){ERR_ELECTION_NOT_NEEDED, STR_NULL};
	partition_change_init(&change, c, ctx->arena, t, p);
	change.election = unclean ? ELECT_UNCLEAN : ELECT_PREFERRED;
	if (partition_change_build(&change, records))
		return API_OK;
	return (struct api_error){unclean ? ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE : ERR_PREFERRED_LEADER_NOT_AVAILABLE,
				  STR_NULL};
}

static void put_result(struct elect_leaders_response_partition *out, int32_t partition, struct api_error e)
{
	out->partition_id = partition;
	out->error_code = (int16_t)e.code;
	out->error_message = e.code != 0 && str_is_null(e.message) ? str_of(err_message(e.code)) : e.message;
}

static int elect_everywhere(struct controller *c, const struct controller_context *ctx, bool unclean,
			    struct elect_leaders_response *out, struct record_list *records)
{
	const struct image_topic *t;
	struct image_iter it;

	out->replica_election_results.v =
		arena_array(ctx->arena, (size_t)image_topic_count(tip(c)), sizeof(*out->replica_election_results.v));
	image_topics(tip(c), &it);
	while (!ctx->arena->failed && (t = image_topics_next(&it))) {
		struct elect_leaders_response_topic *to =
			&out->replica_election_results.v[out->replica_election_results.n++];

		to->topic = arena_str(ctx->arena, t->name);
		to->partition_result.v =
			arena_array(ctx->arena, (size_t)t->n_partitions, sizeof(*to->partition_result.v));
		for (int i = 0; to->partition_result.v && i < t->n_partitions; i++) {
			struct api_error e = elect_one(c, ctx, t->name, t->partitions[i]->id, unclean, records);

			if (e.code != ERR_ELECTION_NOT_NEEDED)
				put_result(&to->partition_result.v[to->partition_result.n++], t->partitions[i]->id, e);
			if (records->n > RECORDS_PER_OPERATION_MAX)
				return refuse_large(ctx);
		}
	}
	return 0;
}

int controller_elect_leaders(struct controller *c, const struct controller_context *ctx,
			     const struct elect_leaders_request *in, struct elect_leaders_response *out,
			     struct record_list *records)
{
	bool unclean = ctx->version >= 1 && in->election_type == 1;

	if (ctx->version >= 1 && (in->election_type < 0 || in->election_type > 1))
		return refuse(ctx, ERR_INVALID_REQUEST, "Unknown election type %d", in->election_type);
	if (in->topic_partitions.n < 0)
		return elect_everywhere(c, ctx, unclean, out, records);
	out->replica_election_results.v =
		arena_array(ctx->arena, (size_t)in->topic_partitions.n, sizeof(*out->replica_election_results.v));
	out->replica_election_results.n = out->replica_election_results.v ? in->topic_partitions.n : 0;
	for (int32_t i = 0; i < out->replica_election_results.n; i++) {
		const struct elect_leaders_request_topic *from = &in->topic_partitions.v[i];
		struct elect_leaders_response_topic *to = &out->replica_election_results.v[i];

		to->topic = from->topic;
		to->partition_result.v =
			arena_array(ctx->arena, (size_t)from->partitions.n, sizeof(*to->partition_result.v));
		to->partition_result.n = to->partition_result.v ? from->partitions.n : 0;
		for (int32_t p = 0; p < to->partition_result.n; p++) {
			put_result(&to->partition_result.v[p], from->partitions.v[p],
				   elect_one(c, ctx, from->topic, from->partitions.v[p], unclean, records));
			if (records->n > RECORDS_PER_OPERATION_MAX)
				return refuse_large(ctx);
		}
	}
	return 0;
}

/* ---- AssignReplicasToDirs (KIP-858) ---- */

static int assign_one(struct controller *c, const struct assign_replicas_to_dirs_request *in,
		      const struct image_topic *t, int32_t partition, struct uuid directory,
		      struct record_list *records)
{
	const struct image_partition *p;
	struct partition_change change;

	if (!t)
		return ERR_UNKNOWN_TOPIC_ID;
	p = image_topic_partition(t, partition);
	if (!p)
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	if (!image_ids_has(partition_replicas(p), in->broker_id))
		return ERR_NOT_LEADER_OR_FOLLOWER;
	partition_change_init(&change, c, records->arena, t, p);
	change.directory_broker = in->broker_id;
	change.directory = directory;
	partition_change_build(&change, records);
	if (image_node_has_directory(image_broker(tip(c), in->broker_id), directory))
		return 0;
	/* It was moved to a directory that is offline: it can neither lead nor be in the ISR. */
	partition_change_init(&change, c, records->arena, t, p);
	if (topic_allows_unclean_election(c, t->name))
		change.election = ELECT_UNCLEAN;
	change.move.remove = in->broker_id;
	change.isr = ids_without(records->arena, change.isr, in->broker_id);
	partition_change_build(&change, records);
	return 0;
}

int controller_assign_replicas_to_dirs(struct controller *c, const struct controller_context *ctx,
				       const struct assign_replicas_to_dirs_request *in,
				       struct assign_replicas_to_dirs_response *out, struct record_list *records)
{
	int err;

	if (image_metadata_version(tip(c)) < METADATA_VERSION_DIRECTORIES)
		return refuse(ctx, ERR_UNSUPPORTED_VERSION, "Directory assignment is not supported yet.");
	err = check_broker_epoch(c, ctx, in->broker_id, in->broker_epoch);
	if (err != 0)
		return err;
	out->directories.v = arena_array(ctx->arena, (size_t)in->directories.n, sizeof(*out->directories.v));
	out->directories.n = out->directories.v ? in->directories.n : 0;
	for (int32_t d = 0; d < out->directories.n; d++) {
		const struct assign_replicas_to_dirs_request_directory *from = &in->directories.v[d];
		struct assign_replicas_to_dirs_response_directory *to = &out->directories.v[d];

		to->id = from->id;
		to->topics.v = arena_array(ctx->arena, (size_t)from->topics.n, sizeof(*to->topics.v));
		to->topics.n = to->topics.v ? from->topics.n : 0;
		for (int32_t i = 0; i < to->topics.n; i++) {
			const struct image_topic *t = image_topic_by_id(tip(c), from->topics.v[i].topic_id);
			int32_t n = from->topics.v[i].partitions.n;

			to->topics.v[i].topic_id = from->topics.v[i].topic_id;
			to->topics.v[i].partitions.v =
				arena_array(ctx->arena, (size_t)n, sizeof(*to->topics.v[i].partitions.v));
			to->topics.v[i].partitions.n = to->topics.v[i].partitions.v ? n : 0;
			for (int32_t p = 0; p < to->topics.v[i].partitions.n; p++) {
				int32_t index = from->topics.v[i].partitions.v[p].partition_index;

				to->topics.v[i].partitions.v[p].partition_index = index;
				to->topics.v[i].partitions.v[p].error_code =
					(int16_t)assign_one(c, in, t, index, from->id, records);
				if (records->n > RECORDS_PER_OPERATION_MAX)
					return refuse_large(ctx);
			}
		}
	}
	return 0;
}
