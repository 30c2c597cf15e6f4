/*
 * assignments: the queue of replicas whose directories are to be reported, and the request under
 * way.
 */
#include "broker/assignments.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/forward.h"
#include "broker/node_private.h"
#include "broker/quorum.h"
#include "metadata/image.h"
#include "metadata/version.h"
#include "protocol/assign_replicas_to_dirs.h"
#include "wire/codec.h"

#define ARENA (4 << 20)
#define GATHER_MS 10
#define RETRY_MS 500
#define UPGRADE_MS 10000 /* until the cluster may know of directories */

struct wish {
	struct map_node node;
	struct list link;
	struct assignment what;
	bool said; /* sent in the request under way */
};

struct assignments {
	struct node *node;
	struct map wishes;
	struct list queue;
	struct timer timer;
	struct arena arena;
	struct quorum_request q;
	struct assign_replicas_to_dirs_request in;
	struct assign_replicas_to_dirs_response out;
	bool asking;
	bool stopped;
};

/* ---- wishes ---- */

static uint64_t wish_hash(const struct map *m, const struct assignment *w)
{
	return hash_u64(hash_bytes(m->seed, w->topic_id.b, sizeof(w->topic_id.b)), (uint64_t)(uint32_t)w->partition);
}

static bool wish_eq(const struct map_node *n, const void *key)
{
	const struct assignment *a = &container_of(n, struct wish, node)->what;
	const struct assignment *b = key;

	return a->partition == b->partition && uuid_eq(a->topic_id, b->topic_id);
}

static struct wish *find(struct assignments *a, const struct assignment *what)
{
	struct map_node *n = map_find(&a->wishes, wish_hash(&a->wishes, what), wish_eq, what);

	return n ? container_of(n, struct wish, node) : NULL;
}

static void drop(struct assignments *a, struct wish *w)
{
	map_remove(&a->wishes, &w->node);
	list_remove(&w->link);
	xfree(w);
}

static void take(struct assignments *a, const struct assignment *what)
{
	struct wish *w = find(a, what);

	if (!w) {
		w = xcalloc(1, sizeof(*w));
		w->what = *what;
		map_insert(&a->wishes, &w->node, wish_hash(&a->wishes, what));
		list_push(&a->queue, &w->link);
	}
	w->what.directory = what->directory;
	w->said = false;
	if (!a->asking && !a->stopped && !timer_is_running(&a->timer))
		timer_start(&a->timer, GATHER_MS);
}

struct wanted {
	struct post post;
	struct assignments *all;
	struct assignment what;
};

static void arrived(struct post *post)
{
	struct wanted *w = container_of(post, struct wanted, post);

	take(w->all, &w->what);
	xfree(w);
}

void assignments_want(struct assignments *a, const struct assignment *wish)
{
	struct wanted *w = xcalloc(1, sizeof(*w));

	w->post.run = arrived;
	w->all = a;
	w->what = *wish;
	loop_post(a->node->cores[0].loop, &w->post);
}

/* ---- the request ---- */

static int by_directory_and_topic(const void *x, const void *y)
{
	const struct assignment *a = &(*(struct wish *const *)x)->what;
	const struct assignment *b = &(*(struct wish *const *)y)->what;
	int order = memcmp(a->directory.b, b->directory.b, sizeof(a->directory.b));

	if (!order)
		order = memcmp(a->topic_id.b, b->topic_id.b, sizeof(a->topic_id.b));
	return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

/* The first ASSIGNMENTS_MAX, sorted for the request. */
static struct wish **gather(struct assignments *a, int *n)
{
	struct wish **v = xcalloc(ASSIGNMENTS_MAX, sizeof(struct wish *));

	*n = 0;
	list_each(it, &a->queue)
	{
		if (*n == ASSIGNMENTS_MAX)
			break;
		v[(*n)++] = container_of(it, struct wish, link);
	}
	qsort(v, (size_t)*n, sizeof(struct wish *), by_directory_and_topic);
	return v;
}

static void fill(struct assignments *a, struct wish **v, int n)
{
	struct assign_replicas_to_dirs_request *in = &a->in;
	struct assign_replicas_to_dirs_request_directory *d = NULL;
	struct assign_replicas_to_dirs_request_topic *t = NULL;
	struct assign_replicas_to_dirs_request_topic *topics = arena_array(&a->arena, (size_t)n, sizeof(*topics));
	struct assign_replicas_to_dirs_request_partition *p = arena_array(&a->arena, (size_t)n, sizeof(*p));

	in->directories.v = arena_array(&a->arena, (size_t)n, sizeof(*in->directories.v));
	for (int i = 0; i < n; i++) {
		const struct assignment *w = &v[i]->what;

		v[i]->said = true;
		if (!d || !uuid_eq(d->id, w->directory)) {
			d = &in->directories.v[in->directories.n++];
			*d = (struct assign_replicas_to_dirs_request_directory){.id = w->directory, .topics.v = topics};
			t = NULL;
		}
		if (!t || !uuid_eq(t->topic_id, w->topic_id)) {
			t = topics++;
			d->topics.n++;
			*t = (struct assign_replicas_to_dirs_request_topic){.topic_id = w->topic_id, .partitions.v = p};
		}
		t->partitions.n++;
		p++->partition_index = w->partition;
	}
}

/* The assignment is accepted, or never will be: there is no such replica here any more. */
static bool is_settled(int err)
{
	return err == 0 || err == ERR_UNKNOWN_TOPIC_ID || err == ERR_UNKNOWN_TOPIC_OR_PARTITION ||
	       err == ERR_NOT_LEADER_OR_FOLLOWER;
}

static void take_answers(struct assignments *a)
{
	const struct assign_replicas_to_dirs_response *out = &a->out;

	for (int d = 0; d < out->directories.n; d++)
		for (int i = 0; i < out->directories.v[d].topics.n; i++) {
			const struct assign_replicas_to_dirs_response_topic *t = &out->directories.v[d].topics.v[i];

			for (int p = 0; p < t->partitions.n; p++) {
				struct assignment key = {.topic_id = t->topic_id,
							 .partition = t->partitions.v[p].partition_index};
				struct wish *w = find(a, &key);

				if (w && w->said && is_settled(t->partitions.v[p].error_code))
					drop(a, w);
			}
		}
}

/* Those that the answer has not settled are the first of the queue: they are repeated after a while. */
static bool is_repetition(const struct assignments *a)
{
	return container_of(a->queue.next, struct wish, link)->said;
}

static void answered(struct quorum_request *q)
{
	struct assignments *a = q->arg;
	int err = q->err ? q->err : a->out.error_code;

	a->asking = false;
	if (!err)
		take_answers(a);
	else if (!a->stopped)
		diag_debug(a->node->env->diag, "directories of replicas are not assigned yet", "error=%s",
			   err_name(err));
	arena_reset(&a->arena);
	if (!a->stopped && !list_empty(&a->queue))
		timer_start(&a->timer, err || is_repetition(a) ? RETRY_MS : GATHER_MS);
	core_work_ends(&a->node->cores[0]);
}

/* Does the cluster know of directories? */
static bool has_directories(struct assignments *a)
{
	const struct image *image = quorum_image(a->node->quorum);
	bool has = image && image_metadata_version(image) >= METADATA_VERSION_DIRECTORIES;

	image_unref(&image);
	return has;
}

static void due(struct timer *timer)
{
	struct assignments *a = container_of(timer, struct assignments, timer);
	struct node *n = a->node;
	struct wish **v;
	int count;

	if (quorum_broker_epoch(n->quorum) < 0 || !has_directories(a)) {
		timer_start(&a->timer, quorum_broker_epoch(n->quorum) < 0 ? RETRY_MS : UPGRADE_MS);
		return;
	}
	codec_init(&assign_replicas_to_dirs_request_schema, &a->in);
	codec_init(&assign_replicas_to_dirs_response_schema, &a->out);
	a->in.broker_id = n->id;
	a->in.broker_epoch = quorum_broker_epoch(n->quorum);
	v = gather(a, &count);
	fill(a, v, count);
	xfree(v);
	a->asking = true;
	core_work_begins(&n->cores[0]);
	a->q = (struct quorum_request){
		.done = answered,
		.arg = a,
		.api = assign_replicas_to_dirs_request_KEY,
		.request = &a->in,
		.response = &a->out,
		.arena = &a->arena,
		.own_node = true,
	};
	forward_submit(&n->cores[0], &a->q, 0);
}

/* ---- creation and end ---- */

struct assignments *assignments_new(struct node *n)
{
	struct assignments *a = xcalloc(1, sizeof(*a));

	a->node = n;
	map_init(&a->wishes, env_random_u64(n->env));
	list_init(&a->queue);
	arena_init(&a->arena, ARENA);
	timer_init(&a->timer, n->cores[0].loop, due);
	return a;
}

void assignments_stop(struct assignments *a)
{
	a->stopped = true;
	timer_stop(&a->timer);
}

void assignments_free(struct assignments *a)
{
	if (!a)
		return;
	while (!list_empty(&a->queue))
		drop(a, container_of(a->queue.next, struct wish, link));
	map_fini(&a->wishes);
	arena_fini(&a->arena);
	xfree(a);
}
