/*
 * DescribeLogDirs: each log directory, its space, and the replicas in it (KIP-113, KIP-827).
 */
#include <stdlib.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/cordon.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partition_future.h"
#include "log/dir.h"
#include "protocol/describe_log_dirs.h"

typedef struct describe_log_dirs_response_partition partition_answer;
typedef struct describe_log_dirs_response_topic topic_answer;

/* A requested replica. */
struct found {
	struct str topic;
	int32_t id;
	int64_t size;
	int64_t lag;
	struct log_dir *dir;
	bool future;
};

struct description {
	struct request *r;
	struct found *found;
	int n;
	int cap;
	struct disk_space *space; /* one per directory */
	int *space_error;
	struct work work;
};

/* ---- finding replicas ---- */

/* NULL: out of memory. It counts once d->n does. */
static struct found *found_new(struct description *d)
{
	struct found *v = arena_grow(&d->r->arena, d->found, d->n, &d->cap, sizeof(*v));

	if (!v)
		return NULL;
	d->found = v;
	return &d->found[d->n];
}

static bool add_replicas(struct description *d, const struct image_topic *t, int32_t id)
{
	struct partition *p = image_topic_partition(t, id) ? core_partition(d->r->core, t->id, id) : NULL;
	struct found *f;

	if (!p)
		return true;
	f = found_new(d);
	if (!f)
		return false;
	*f = (struct found){.topic = t->name, .id = id};
	partition_measure(p, &f->dir, &f->size, &f->lag);
	d->n++;
	f = found_new(d);
	if (!f)
		return false;
	*f = (struct found){.topic = t->name, .id = id, .future = true};
	if (partition_measure_future(p, &f->dir, &f->size, &f->lag))
		d->n++;
	return true;
}

static bool add_all(struct description *d)
{
	const struct image_topic *t;
	struct image_iter it;

	image_topics(d->r->image, &it);
	while ((t = image_topics_next(&it)))
		for (int i = 0; i < t->n_partitions; i++)
			if (!add_replicas(d, t, t->partitions[i]->id))
				return false;
	return true;
}

static bool add_asked(struct description *d, const struct describe_log_dirs_request *in)
{
	for (int i = 0; i < in->topics.n; i++) {
		const struct image_topic *t = image_topic_by_name(d->r->image, in->topics.v[i].topic);

		for (int j = 0; t && j < in->topics.v[i].partitions.n; j++)
			if (!add_replicas(d, t, in->topics.v[i].partitions.v[j]))
				return false;
	}
	return true;
}

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int order = str_cmp(x->topic, y->topic);

	if (!order)
		order = (x->id > y->id) - (x->id < y->id);
	return order ? order : x->future - y->future;
}

/* A replica that is requested twice is described once. */
static void drop_repeated(struct description *d)
{
	int n = 0;

	if (d->n > 1)
		qsort(d->found, (size_t)d->n, sizeof(*d->found), compare_found);
	for (int i = 0; i < d->n; i++)
		if (i == 0 || compare_found(&d->found[i], &d->found[i - 1]) != 0)
			d->found[n++] = d->found[i];
	d->n = n;
}

/* ---- answering ---- */

static bool fill_topics(struct description *d, const struct log_dir *dir, struct describe_log_dirs_response_result *out)
{
	partition_answer *v = answer_array(&d->r->arena, &describe_log_dirs_response_partition_schema, d->n);
	topic_answer *t = NULL;
	int n = 0;

	if (!v || !ANSWER_ARRAY(d->r, out->topics, describe_log_dirs_response_topic_schema, d->n))
		return false;
	out->topics.n = 0;
	for (int i = 0; i < d->n; i++) {
		const struct found *f = &d->found[i];

		if (f->dir != dir)
			continue;
		if (!t || !str_eq(t->name, f->topic)) {
			t = &out->topics.v[out->topics.n++];
			t->name = f->topic;
			t->partitions.v = &v[n];
			t->partitions.n = 0;
		}
		v[n].partition_index = f->id;
		v[n].partition_size = f->size;
		v[n].is_future_key = f->future;
		v[n++].offset_lag = f->lag;
		t->partitions.n++;
	}
	return true;
}

static bool fill(struct description *d)
{
	const struct node *n = d->r->node;
	struct describe_log_dirs_response *out = d->r->out;

	if (!ANSWER_ARRAY(d->r, out->results, describe_log_dirs_response_result_schema, n->n_log_dirs))
		return false;
	for (int i = 0; i < n->n_log_dirs; i++) {
		struct describe_log_dirs_response_result *o = &out->results.v[i];

		o->log_dir = str_of(log_dir_path(n->dirs[i]));
		if (d->space_error[i]) {
			o->error_code = ERR_KAFKA_STORAGE_ERROR;
			continue;
		}
		o->total_bytes = d->space[i].total;
		o->usable_bytes = d->space[i].usable;
		o->is_cordoned = cordon_has(n->config, d->r->image, n->id, o->log_dir);
		if (!fill_topics(d, n->dirs[i], o))
			return false;
	}
	return true;
}

static void measure_job(struct work *w)
{
	struct description *d = container_of(w, struct description, work);
	const struct node *n = d->r->node;

	for (int i = 0; i < n->n_log_dirs; i++) {
		d->space_error[i] = log_dir_error(n->dirs[i]);
		if (!d->space_error[i])
			d->space_error[i] = log_dir_space(n->dirs[i], &d->space[i]);
	}
}

static void measured(struct work *w)
{
	struct description *d = container_of(w, struct description, work);

	if (fill(d))
		request_complete(d->r);
	else
		request_end(d->r, true);
}

static void fail(struct request *r, int err, struct str message)
{
	struct describe_log_dirs_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

static enum outcome run(struct request *r)
{
	const struct describe_log_dirs_request *in = r->in;
	struct description *d = arena_zalloc(&r->arena, sizeof(*d));
	size_t n = (size_t)r->node->n_log_dirs;

	if (!d || !r->image)
		return HANG_UP;
	d->r = r;
	d->space = arena_array(&r->arena, n, sizeof(*d->space));
	d->space_error = arena_array(&r->arena, n, sizeof(int));
	if (!d->space || !d->space_error || !(in->topics.n < 0 ? add_all(d) : add_asked(d, in)))
		return HANG_UP;
	drop_repeated(d);
	d->work = (struct work){.job = measure_job, .done = measured, .loop = r->core->loop};
	request_park(r, d, NULL);
	env_work(r->core->loop, &d->work);
	return PARKED;
}

const struct api api_describe_log_dirs = {
	.key = describe_log_dirs_request_KEY,
	.first = describe_log_dirs_request_FIRST,
	.last = describe_log_dirs_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DESCRIBE,
	.in = &describe_log_dirs_request_schema,
	.out = &describe_log_dirs_response_schema,
	.run = run,
	.fail = fail,
};
