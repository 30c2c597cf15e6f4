/*
 * AlterReplicaLogDirs: moves replicas to other directories of this node (KIP-113). Refusals are
 * those of Kafka's ReplicaManager.alterReplicaLogDirs. The mover carries out the moves, and a
 * success means that a move has begun.
 */
#include <stdio.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/cordon.h"
#include "broker/core.h"
#include "broker/mover.h"
#include "broker/named.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "log/dir.h"
#include "protocol/alter_replica_log_dirs.h"

#define DIR_NAME_MAX 255
#define FUTURE_SUFFIX 41 /* ".", 32 hex digits, "-future", and the dash before the partition */

typedef struct alter_replica_log_dirs_response_partition partition_answer;

/* The wishes that are not refused at once, and where their errors go. */
struct altering {
	struct request *r;
	struct move_request moves;
	int *errors; /* one per wish */
	partition_answer **answers;
};

static struct log_dir *find_dir(const struct node *n, struct str path)
{
	for (int i = 0; i < n->n_log_dirs; i++)
		if (str_is(path, log_dir_path(n->dirs[i])))
			return n->dirs[i];
	return NULL;
}

/* 0 and the wish, or the error. */
static int wish(struct request *r, struct str path, struct str topic, int32_t id, struct move_wish *out)
{
	const struct image_topic *t = image_topic_by_name(r->image, topic);
	char number[16];

	out->to = find_dir(r->node, path);
	if (topic.len + snprintf(number, sizeof(number), "%d", id) + FUTURE_SUFFIX > DIR_NAME_MAX)
		return ERR_INVALID_TOPIC_EXCEPTION;
	if (!out->to)
		return ERR_LOG_DIR_NOT_FOUND;
	if (log_dir_error(out->to))
		return ERR_KAFKA_STORAGE_ERROR;
	if (cordon_has(r->node->config, r->image, r->node->id, path))
		return ERR_INVALID_REPLICA_ASSIGNMENT;
	if (!t || !image_topic_partition(t, id))
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	out->partition = core_partition(r->core, t->id, id);
	return out->partition ? 0 : ERR_REPLICA_NOT_AVAILABLE;
}

static void release(void *arg)
{
	struct altering *a = arg;

	for (int i = 0; i < a->moves.n; i++)
		partition_unref(&a->moves.v[i].partition);
}

static void moved(struct move_request *m)
{
	struct altering *a = container_of(m, struct altering, moves);

	for (int i = 0; i < m->n; i++)
		a->answers[i]->error_code = (int16_t)a->errors[i];
	request_complete(a->r);
}

/* ---- the request ---- */

static int count_replicas(const struct alter_replica_log_dirs_request *in)
{
	int n = 0;

	for (int i = 0; i < in->dirs.n; i++)
		for (int j = 0; j < in->dirs.v[i].topics.n; j++)
			n += in->dirs.v[i].topics.v[j].partitions.n;
	return n;
}

/*
 * Each replica once, and the directory that was named last for it. NULL when the arena is spent;
 * *n is how many there are.
 */
static struct named *name_replicas(struct request *r, int *n)
{
	const struct alter_replica_log_dirs_request *in = r->in;
	struct named *v = arena_array(&r->arena, (size_t)count_replicas(in) + 1, sizeof(*v));
	int at = 0;

	for (int i = 0; v && i < in->dirs.n; i++)
		for (int j = 0; j < in->dirs.v[i].topics.n; j++) {
			const struct alter_replica_log_dirs_request_topic *t = &in->dirs.v[i].topics.v[j];

			for (int k = 0; k < t->partitions.n; k++, at++)
				v[at] = (struct named){.topic = t->name,
						       .partition = t->partitions.v[k],
						       .at = at,
						       .what = &in->dirs.v[i]};
		}
	*n = named_keep_last(v, at);
	return v;
}

static void ask(struct altering *a, const struct named *named, partition_answer *o)
{
	const struct alter_replica_log_dirs_request_dir *dir = named->what;
	struct move_wish *w = &a->moves.v[a->moves.n];
	int err = wish(a->r, dir->path, named->topic, named->partition, w);

	o->partition_index = named->partition;
	o->error_code = (int16_t)err;
	if (err)
		return;
	w->partition = partition_ref(w->partition);
	w->error = &a->errors[a->moves.n];
	a->answers[a->moves.n++] = o;
}

static bool ask_all(struct altering *a, const struct named *v, int n)
{
	struct alter_replica_log_dirs_response *out = a->r->out;

	if (!ANSWER_ARRAY(a->r, out->results, alter_replica_log_dirs_response_topic_schema, named_topics(v, n)))
		return false;
	out->results.n = 0;
	for (int i = 0, of; i < n; i += of) {
		struct alter_replica_log_dirs_response_topic *o = &out->results.v[out->results.n++];

		of = named_of_topic(&v[i], n - i);
		o->topic_name = v[i].topic;
		if (!ANSWER_ARRAY(a->r, o->partitions, alter_replica_log_dirs_response_partition_schema, of))
			return false;
		for (int k = 0; k < of; k++)
			ask(a, &v[i + k], &o->partitions.v[k]);
	}
	return true;
}

static enum outcome run(struct request *r)
{
	struct altering *a = arena_zalloc(&r->arena, sizeof(*a));
	struct named *named;
	size_t n;
	int n_named;

	if (!a || !r->image)
		return HANG_UP;
	a->r = r;
	named = name_replicas(r, &n_named);
	n = (size_t)n_named + 1;
	a->moves.v = arena_array(&r->arena, n, sizeof(*a->moves.v));
	a->errors = arena_array(&r->arena, n, sizeof(*a->errors));
	a->answers = arena_array(&r->arena, n, sizeof(partition_answer *));
	if (!named || !a->moves.v || !a->errors || !a->answers)
		return HANG_UP;
	arena_cleanup(&r->arena, release, a);
	if (!ask_all(a, named, n_named))
		return HANG_UP;
	if (a->moves.n == 0)
		return REPLY;
	a->moves.loop = r->core->loop;
	a->moves.done = moved;
	request_park(r, a, NULL);
	mover_ask(r->node->mover, &a->moves);
	return PARKED;
}

/* In the shape of the request, with one topic per directory. */
static void fail(struct request *r, int err, struct str message)
{
	const struct alter_replica_log_dirs_request *in = r->in;
	struct alter_replica_log_dirs_response *out = r->out;
	int n = 0;

	(void)message;
	for (int i = 0; i < in->dirs.n; i++)
		n += in->dirs.v[i].topics.n;
	if (!ANSWER_ARRAY(r, out->results, alter_replica_log_dirs_response_topic_schema, n))
		return;
	out->results.n = 0;
	for (int i = 0; i < in->dirs.n; i++)
		for (int j = 0; j < in->dirs.v[i].topics.n; j++) {
			const struct alter_replica_log_dirs_request_topic *t = &in->dirs.v[i].topics.v[j];
			struct alter_replica_log_dirs_response_topic *o = &out->results.v[out->results.n++];

			o->topic_name = t->name;
			if (!ANSWER_ARRAY(r, o->partitions, alter_replica_log_dirs_response_partition_schema,
					  t->partitions.n))
				return;
			for (int k = 0; k < t->partitions.n; k++) {
				o->partitions.v[k].partition_index = t->partitions.v[k];
				o->partitions.v[k].error_code = (int16_t)err;
			}
		}
}

const struct api api_alter_replica_log_dirs = {
	.key = alter_replica_log_dirs_request_KEY,
	.first = alter_replica_log_dirs_request_FIRST,
	.last = alter_replica_log_dirs_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_ALTER,
	.in = &alter_replica_log_dirs_request_schema,
	.out = &alter_replica_log_dirs_response_schema,
	.run = run,
	.fail = fail,
};
