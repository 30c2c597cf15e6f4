#include "tests/bench/floor_groups.h"

#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "tests/bench/floor_log.h"

#define LOGS 50		/* offsets.topic.num.partitions */
#define LISTED_BYTES 86 /* a member in the leader's answer to JoinGroup */
#define ASSIGNMENT_BYTES 40
#define TOPIC_ID_BYTES 16
#define HEARTBEAT_MS 5000

struct text {
	const char *p;
	size_t len;
};

static struct text take_text(struct bytes_in *in)
{
	int n = get16(in);
	size_t len = n > 0 ? (size_t)n : 0;

	skip_bytes(in, len);
	return (struct text){(const char *)in->p - len, len};
}

static struct text take_compact_text(struct bytes_in *in)
{
	int n = get_compact(in);
	size_t len = n > 0 ? (size_t)n : 0;

	skip_bytes(in, len);
	return (struct text){(const char *)in->p - len, len};
}

static void put_taken(struct bytes_out *o, struct text t)
{
	put16(o, (int)t.len);
	put_raw(o, t.p, t.len);
}

static void put_zeros(struct bytes_out *o, size_t len)
{
	static const uint8_t zeros[256];

	for (; len > sizeof(zeros); len -= sizeof(zeros))
		put_raw(o, zeros, sizeof(zeros));
	put_raw(o, zeros, len);
}

static void put_error(struct bytes_out *o, int err)
{
	put32(o, 0);
	put16(o, err);
}

static void keep(const struct floor_groups *g, struct text group, struct bytes_in in)
{
	static const char topic[] = "__consumer_offsets";

	if (g->keeps)
		log_write(log_of(topic, sizeof(topic) - 1, (int32_t)(crc32c(0, group.p, group.len) % LOGS)), in.p,
			  in.left);
}

/* ---- the requests ---- */

static void on_find(struct floor_groups *g, struct floor_member *m, struct bytes_in in, struct bytes_out *o)
{
	(void)m, (void)in;
	put16(o, NO_ERROR);
	put32(o, 1);
	put_text(o, "127.0.0.1");
	put32(o, g->port);
}

/* Members hear of a rebalance whenever they ask. */
static void on_heartbeat(struct floor_groups *g, struct floor_member *m, struct bytes_in in, struct bytes_out *o)
{
	(void)g, (void)m;
	skip_text(&in);
	get32(&in);
	put_error(o, take_text(&in).len ? REBALANCE_IN_PROGRESS : UNKNOWN_MEMBER_ID);
}

static void put_joined(struct bytes_out *o, int err, const struct floor_groups *g, struct text id)
{
	put_error(o, err);
	put32(o, err ? -1 : 1);
	put_text(o, err ? "" : "range");
	put_text(o, err ? "" : g->leader);
	put_taken(o, id);
}

static void on_join(struct floor_groups *g, struct floor_member *m, struct bytes_in in, struct bytes_out *o)
{
	struct text id;
	char made[64];
	int listed;

	(void)m;
	skip_text(&in);
	skip_bytes(&in, 8);
	id = take_text(&in);
	if (!id.len) {
		snprintf(made, sizeof(made), "probe-00000000-0000-0000-0000-%012d", g->n_members);
		if (g->n_members++ == 0)
			snprintf(g->leader, sizeof(g->leader), "%s", made);
		put_joined(o, MEMBER_ID_REQUIRED, g, (struct text){made, strlen(made)});
		put32(o, 0);
		return;
	}
	listed = strlen(g->leader) == id.len && !memcmp(g->leader, id.p, id.len) ? g->n_members : 0;
	put_joined(o, NO_ERROR, g, id);
	put32(o, listed);
	put_zeros(o, (size_t)listed * LISTED_BYTES);
}

static void on_sync(struct floor_groups *g, struct floor_member *m, struct bytes_in in, struct bytes_out *o)
{
	(void)g, (void)m, (void)in;
	put_error(o, NO_ERROR);
	put32(o, ASSIGNMENT_BYTES);
	put_zeros(o, ASSIGNMENT_BYTES);
}

static void on_leave(struct floor_groups *g, struct floor_member *m, struct bytes_in in, struct bytes_out *o)
{
	(void)m, (void)in;
	g->n_members = 0;
	put_error(o, NO_ERROR);
	put32(o, 0);
}

/* Of one partition. */
static void on_commit(struct floor_groups *g, struct floor_member *m, struct bytes_in in, struct bytes_out *o)
{
	const struct bytes_in whole = in;
	struct text group = take_text(&in);

	(void)m;
	get32(&in);
	skip_text(&in);
	skip_text(&in);
	get32(&in);
	put32(o, 0);
	put32(o, 1);
	put_taken(o, take_text(&in));
	get32(&in);
	put32(o, 1);
	put32(o, get32(&in));
	put16(o, NO_ERROR);
	keep(g, group, whole);
}

static void put_partitions(struct bytes_out *o, int n)
{
	put8(o, 1);
	put_compact(o, 1);
	put_zeros(o, TOPIC_ID_BYTES);
	put_compact(o, (uint32_t)n);
	put_zeros(o, (size_t)n * 4);
	put8(o, 0);
	put8(o, 0);
}

/*
 * A member that has joined gets its partition at its second heartbeat (before that, a broker would
 * wait for the first member to give it up); when another has left, it gets one more. What it reports
 * is believed.
 */
static void on_consumer(struct floor_groups *g, struct floor_member *m, struct bytes_in in, struct bytes_out *o)
{
	const struct bytes_in whole = in;
	struct text group, id;
	int32_t epoch;
	bool gets;

	get8(&in);
	group = take_compact_text(&in);
	id = take_compact_text(&in);
	epoch = get32(&in);
	if (epoch == 0)
		*m = (struct floor_member){0};
	if (epoch <= 0)
		g->n_due = epoch < 0 ? 2 : 1;
	gets = epoch > 0 && ++m->n_beats > 1 && m->n_given != g->n_due;
	put8(o, 0);
	put_error(o, NO_ERROR);
	put8(o, 0);
	put_compact(o, (uint32_t)id.len);
	put_raw(o, id.p, id.len);
	put32(o, epoch < 0 ? epoch : 1);
	put32(o, HEARTBEAT_MS);
	if (gets)
		put_partitions(o, m->n_given = g->n_due);
	else
		put8(o, -1);
	put8(o, 0);
	if (epoch <= 0 || gets)
		keep(g, group, whole);
}

bool floor_groups_answer(struct floor_groups *g, int key, struct floor_member *m, struct bytes_in in,
			 struct bytes_out *out)
{
	static const struct {
		int key;
		void (*answer)(struct floor_groups *g, struct floor_member *m, struct bytes_in in, struct bytes_out *o);
	} apis[] = {{API_OFFSET_COMMIT, on_commit}, {API_CONSUMER_GROUP_HEARTBEAT, on_consumer},
		    {API_HEARTBEAT, on_heartbeat},  {API_JOIN_GROUP, on_join},
		    {API_SYNC_GROUP, on_sync},	    {API_LEAVE_GROUP, on_leave},
		    {API_FIND_COORDINATOR, on_find}};

	for (size_t i = 0; i < sizeof(apis) / sizeof(apis[0]); i++)
		if (apis[i].key == key) {
			apis[i].answer(g, m, in, out);
			return true;
		}
	return false;
}
