/*
 * quorum_fetch: replicas of the metadata log (KIP-595): Fetch and FetchSnapshot on the controller's
 * listener. Raft decides the answer; this file waits, and reads from log and snapshots.
 */
#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/quorum_private.h"
#include "protocol/fetch.h"
#include "protocol/fetch_snapshot.h"
#include "wire/codec.h"

/* Kafka's replicas wait for half a second; a stop waits for parked fetches. */
#define WAIT_MAX_MS 5000

/* A Fetch that waits for more records, or for the high watermark to move. */
struct parked_fetch {
	struct list link;
	struct quorum *quorum;
	struct quorum_request *request;
	struct timer timer;
	int64_t offset;
};

static void keep_file(void *arg)
{
	struct file *f = arg;

	file_unref(&f);
}

/* Takes over the reference to the file. */
static void give_records(struct quorum_request *r, struct records *records, struct records *out)
{
	struct file *file = records->file;

	*out = *records;
	if (file)
		arena_cleanup(r->arena, keep_file, file);
}

/* ---- reading ---- */

static void read_log(struct quorum *q, struct quorum_request *r, const struct raft_request *ask)
{
	struct fetch_response *out = r->response;
	struct fetch_response_partition *p = out->responses.v[0].partitions.v;
	struct log_read want = {.offset = ask->offset,
				.max_bytes = ask->max_bytes,
				.min_one_message = true,
				.upto_offset = raft_log_end(q->raft)};
	struct records records;
	int err = log_read(q->log, &want, &records, NULL);

	if (err != 0)
		p->error_code = (int16_t)err_to_kafka(err);
	else if (records.len > 0)
		give_records(r, &records, &p->records);
}

static void read_snapshot(struct quorum *q, struct quorum_request *r, const struct raft_request *ask)
{
	struct fetch_snapshot_response *out = r->response;
	struct fetch_snapshot_response_partition *p = out->topics.v[0].partitions.v;
	struct records records = {.pos = ask->offset, .len = p->size - ask->offset};
	char name[SNAPSHOT_NAME_SIZE];
	char *path;
	int err;

	if (records.len > ask->max_bytes)
		records.len = ask->max_bytes;
	snapshot_name(ask->snapshot, name);
	path = xasprintf("%s/%s", q->path, name);
	err = env_open(q->env, path, FILE_READ, &records.file);
	xfree(path);
	if (err != 0)
		p->error_code = err == -ENOENT ? ERR_SNAPSHOT_NOT_FOUND : (int16_t)err_to_kafka(err);
	else
		give_records(r, &records, &p->unaligned_records);
}

/* ---- asking raft ---- */

struct raft_request quorum_question(const struct quorum *q, const struct quorum_request *r)
{
	return (struct raft_request){
		.api = r->api,
		.version = r->version,
		.listener = raft_listener(q->raft),
		.in = r->request,
		.out = r->response,
		.arena = r->arena,
		.snapshot_size = -1,
	};
}

static void park(struct quorum *q, struct quorum_request *r, int64_t offset);

static void ask_fetch(struct quorum *q, struct quorum_request *r, bool again)
{
	struct raft_request ask = quorum_question(q, r);

	ask.again = again;
	codec_init(&fetch_response_schema, r->response);
	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &ask});
	if (ask.outcome == RAFT_PARKED_FETCH) {
		park(q, r, ask.offset);
		return;
	}
	if (ask.outcome == RAFT_READ)
		read_log(q, r, &ask);
	quorum_complete(r);
}

void quorum_fetch(struct quorum *q, struct quorum_request *r)
{
	ask_fetch(q, r, false);
}

static int64_t size_of(const struct quorum *q, const struct fetch_snapshot_request *in)
{
	const struct fetch_snapshot_request_snapshot_id *id;

	if (in->topics.n != 1 || in->topics.v->partitions.n != 1)
		return -1;
	id = &in->topics.v->partitions.v->snapshot_id;
	for (int i = 0; i < q->n_snapshots; i++)
		if (q->snapshots[i].id.end_offset == id->end_offset && q->snapshots[i].id.epoch == id->epoch)
			return q->snapshots[i].size;
	return -1;
}

void quorum_fetch_snapshot(struct quorum *q, struct quorum_request *r)
{
	struct raft_request ask = quorum_question(q, r);

	ask.snapshot_size = size_of(q, r->request);
	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &ask});
	if (ask.outcome == RAFT_READ_SNAPSHOT)
		read_snapshot(q, r, &ask);
	quorum_complete(r);
}

/* ---- waiting ---- */

static void again(struct parked_fetch *p)
{
	struct quorum *q = p->quorum;
	struct quorum_request *r = p->request;

	timer_stop(&p->timer);
	list_remove(&p->link);
	xfree(p);
	ask_fetch(q, r, true);
}

static void time_is_over(struct timer *t)
{
	again(container_of(t, struct parked_fetch, timer));
}

static void park(struct quorum *q, struct quorum_request *r, int64_t offset)
{
	const struct fetch_request *in = r->request;
	struct parked_fetch *p = xcalloc(1, sizeof(*p));

	p->quorum = q;
	p->request = r;
	p->offset = offset;
	timer_init(&p->timer, q->loop, time_is_over);
	timer_start(&p->timer, in->max_wait_ms < WAIT_MAX_MS ? in->max_wait_ms : WAIT_MAX_MS);
	list_push(&q->parked, &p->link);
}

/* Runs after the present step, so that no step is made inside another for each of the fetches. */
static void look_again(struct post *post)
{
	struct quorum *q = container_of(post, struct quorum, fetches_post);

	q->fetches_posted = false;
	list_each_safe(it, &q->parked)
	{
		struct parked_fetch *p = container_of(it, struct parked_fetch, link);

		if (p->offset < q->fetches_below)
			again(p);
	}
}

void quorum_wake_fetches(struct quorum *q, int64_t below)
{
	if (!q->fetches_posted || below > q->fetches_below)
		q->fetches_below = below;
	if (q->fetches_posted || list_empty(&q->parked))
		return;
	q->fetches_posted = true;
	q->fetches_post.run = look_again;
	loop_post(q->loop, &q->fetches_post);
}

void quorum_drop_fetches(struct quorum *q)
{
	while (!list_empty(&q->parked)) {
		struct parked_fetch *p = container_of(list_first(&q->parked), struct parked_fetch, link);

		timer_stop(&p->timer);
		list_remove(&p->link);
		quorum_complete_with(p->request, ERR_NOT_CONTROLLER);
		xfree(p);
	}
}
