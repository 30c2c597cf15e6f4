/*
 * AlterReplicaLogDirs: a replica that lies where it is wanted is fine; one that would have to be moved is refused, for moving is not
 * served yet. The refusals before that are Kafka's (ReplicaManager.alterReplicaLogDirs).
 */
#include <stdio.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "log/dir.h"
#include "protocol/alter_replica_log_dirs.h"

#define DIR_NAME_MAX 255
#define FUTURE_SUFFIX 41 /* ".", 32 of hex, "-future", and the dash before the partition */

static struct log_dir *find_dir(const struct node *n, struct str path)
{
	for (int i = 0; i < n->n_log_dirs; i++)
		if (str_is(path, log_dir_path(n->dirs[i])))
			return n->dirs[i];
	return NULL;
}

static int move(struct request *r, struct str path, struct str topic, int32_t id)
{
	const struct image_topic *t = image_topic_by_name(r->image, topic);
	struct log_dir *to = find_dir(r->node, path);
	struct log_dir *from;
	struct partition *p;
	char number[16];
	int64_t size, lag;

	if (topic.len + snprintf(number, sizeof(number), "%d", id) + FUTURE_SUFFIX > DIR_NAME_MAX)
		return ERR_INVALID_TOPIC_EXCEPTION;
	if (!to)
		return ERR_LOG_DIR_NOT_FOUND;
	if (log_dir_error(to))
		return ERR_KAFKA_STORAGE_ERROR;
	if (!t || !image_topic_partition(t, id))
		return ERR_REPLICA_NOT_AVAILABLE;
	p = core_partition(r->core, t->id, id);
	if (!p)
		return ERR_REPLICA_NOT_AVAILABLE;
	partition_measure(p, &from, &size, &lag);
	return from == to ? 0 : ERR_INVALID_REQUEST;
}

static int count_topics(const struct alter_replica_log_dirs_request *in)
{
	int n = 0;

	for (int i = 0; i < in->dirs.n; i++)
		n += in->dirs.v[i].topics.n;
	return n;
}

/* An answer a topic of each directory; err_of_all > 0 is the answer for every replica. */
static bool fill(struct request *r, int err_of_all)
{
	const struct alter_replica_log_dirs_request *in = r->in;
	struct alter_replica_log_dirs_response *out = r->out;
	int n = 0;

	if (!ANSWER_ARRAY(r, out->results, alter_replica_log_dirs_response_topic_schema, count_topics(in)))
		return false;
	for (int i = 0; i < in->dirs.n; i++)
		for (int j = 0; j < in->dirs.v[i].topics.n; j++) {
			const struct alter_replica_log_dirs_request_topic *t = &in->dirs.v[i].topics.v[j];
			struct alter_replica_log_dirs_response_topic *o = &out->results.v[n++];

			o->topic_name = t->name;
			if (!ANSWER_ARRAY(r, o->partitions, alter_replica_log_dirs_response_partition_schema,
					  t->partitions.n))
				return false;
			for (int k = 0; k < t->partitions.n; k++) {
				int err = err_of_all ? err_of_all
						     : move(r, in->dirs.v[i].path, t->name, t->partitions.v[k]);

				o->partitions.v[k].partition_index = t->partitions.v[k];
				o->partitions.v[k].error_code = (int16_t)err;
			}
		}
	return true;
}

static enum outcome run(struct request *r)
{
	return r->image && fill(r, 0) ? REPLY : HANG_UP;
}

static void fail(struct request *r, int err, struct str message)
{
	(void)message;
	fill(r, err);
}

const struct api api_alter_replica_log_dirs = {
	.key = alter_replica_log_dirs_request_KEY,
	.first = alter_replica_log_dirs_request_FIRST,
	.last = alter_replica_log_dirs_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_ALTER,
	.acl_resource = ACL_CLUSTER,
	.in = &alter_replica_log_dirs_request_schema,
	.out = &alter_replica_log_dirs_response_schema,
	.run = run,
	.fail = fail,
};
