/*
 * sim_disk: a node's disk: quorum-state, the log, snapshots; how slow it is, and what a crash leaves on it.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "raft/control.h"
#include "tests/raft/quorum_sim.h"
#include "wire/batch.h"

/* ---- quorum-state ---- */

static int64_t disk_time(struct sim_node *n)
{
	return n->disk_us / 2 + (int64_t)sim_chance(n->sim, (uint64_t)n->disk_us);
}

static void start_write(struct sim_node *n);

static void tell_flushed(struct sim_node *n)
{
	if (n->writing || !n->flush_done)
		return;
	n->flush_done = n->flushing = false;
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_FLUSHED, .offset = n->disk.log.end});
}

static void written(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;

	(void)s;
	n->disk.election = n->writes;
	n->disk.has_election = true;
	if (n->write_again) {
		start_write(n);
		return;
	}
	n->writing = false;
	sim_message_release(n, true);
	tell_flushed(n);
}

/* The file is read back, as after a start. */
static struct raft_election through_file(struct sim_node *n, const struct raft_election *e)
{
	struct raft_election back;
	struct buf text = {0};

	raft_election_format(e, raft_kraft_version(n->raft), raft_voters(n->raft), &text);
	check(raft_election_parse(buf_str(&text), &back) == 0);
	buf_fini(&text);
	return back;
}

static void start_write(struct sim_node *n)
{
	n->writing = true;
	n->write_again = false;
	n->writes = n->election;
	sim_at(n->sim, disk_time(n), written, n);
}

void sim_disk_write_state(struct sim_node *n, const struct raft_election *e)
{
	n->election = through_file(n, e);
	if (n->writing)
		n->write_again = true;
	else
		start_write(n);
}

/* ---- the log ---- */

static void flush_ended(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;

	(void)s;
	sim_log_copy(&n->disk.log, &n->flush_image);
	sim_log_fini(&n->flush_image);
	sim_log_fini(&n->disk.ghost);
	n->flush_done = true;
	tell_flushed(n);
}

void sim_disk_flush(struct sim_node *n)
{
	check(!n->flushing);
	n->flushing = true;
	sim_log_copy(&n->flush_image, &n->log);
	sim_at(n->sim, disk_time(n), flush_ended, n);
}

static void power_cut(struct sim *s, struct sim_event *e)
{
	if (s->healed)
		return;
	sim_meet(s, MET_CRASH);
	sim_node_crash(e->node);
}

/* What was on disk may reappear, as long as nothing has replaced it. */
void sim_disk_truncate(struct sim_node *n, int64_t offset)
{
	sim_meet(n->sim, MET_TRUNCATED);
	if (sim_one_in(n->sim, 8))
		sim_at(n->sim, 0, power_cut, n);
	sim_log_truncate(&n->log, offset);
	if (n->disk.log.end > offset) {
		if (n->disk.ghost.n == 0)
			sim_log_copy(&n->disk.ghost, &n->disk.log);
		sim_log_truncate(&n->disk.log, offset);
	}
	if (n->flush_image.n > 0 && n->flush_image.end > offset)
		sim_log_truncate(&n->flush_image, offset);
}

void sim_disk_append(struct sim_node *n, const uint8_t *bytes, size_t len)
{
	sim_log_fini(&n->disk.ghost);
	sim_log_append(&n->log, bytes, len);
}

void sim_disk_append_data(struct sim_node *n, int n_records)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf out = {0};
	uint64_t value = sim_chance(n->sim, UINT64_MAX);

	options.base_offset = raft_log_end(n->raft);
	options.leader_epoch = raft_epoch(n->raft);
	batch_begin(&b, &out, &options);
	for (int i = 0; i < n_records; i++)
		batch_add(&b, 0, BYTES_NULL, (struct bytes){(const uint8_t *)&value, sizeof(value)});
	batch_end(&b);
	sim_disk_append(n, out.p, out.len);
	buf_fini(&out);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_APPENDED,
					      .n_records = n_records,
					      .bytes = 200 * n_records,
					      .idle = n_records == 1 && sim_one_in(n->sim, 2)});
}

void sim_node_append(struct sim_node *n)
{
	if (raft_role(n->raft) == RAFT_LEADER)
		sim_disk_append_data(n, 1 + (int)sim_chance(n->sim, 3));
}

/* Reports what the log accepts; a batch that is damaged on the way, or does not follow, ends it. */
void sim_disk_append_fetched(struct sim_node *n, const struct raft_effect *e)
{
	struct batch_iter it = batch_iter(e->records.p, (size_t)e->records.len);
	bool damaged = !n->sim->healed && sim_one_in(n->sim, 200);
	struct raft_history history;
	int err = 0;

	check(e->offset == n->log.end);
	raft_history_init(&history, n->log.end, raft_last_epoch(n->raft));
	while (err == 0 && batch_next(&it)) {
		if (it.header.leader_epoch > e->epoch)
			break;
		err = damaged || !batch_crc_ok(it.p, &it.header) ? -EBADMSG : control_note(&it.header, it.p, &history);
		if (err == 0)
			sim_disk_append(n, it.p, (size_t)batch_size(&it.header));
		damaged = !n->sim->healed && sim_one_in(n->sim, 200);
	}
	if (err != 0)
		sim_meet(n->sim, MET_CORRUPT);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_FETCHED, .history = &history, .err = err});
	raft_history_fini(&history);
}

/* ---- committing ---- */

void sim_disk_commit(struct sim_node *n, int64_t offset)
{
	sim_check_commit(n->sim, n, offset);
	check(offset > n->high_watermark);
	n->high_watermark = offset;
	if (n->applied < offset) {
		n->applied = offset;
		n->state = n->sim->committed[offset - 1].state;
	}
}

/* ---- snapshots ---- */

bool sim_disk_has_snapshot(const struct sim_node *n, struct raft_snapshot_id id)
{
	for (int i = 0; i < n->disk.n_snapshots; i++) {
		if (n->disk.snapshots[i].end_offset == id.end_offset && n->disk.snapshots[i].epoch == id.epoch)
			return true;
	}
	return false;
}

static void put_snapshot(struct sim_node *n, struct raft_snapshot_id id)
{
	struct sim_disk *d = &n->disk;

	if (sim_disk_has_snapshot(n, id))
		return;
	check(d->n_snapshots == 0 || d->snapshots[d->n_snapshots - 1].end_offset < id.end_offset);
	d->snapshots = xreallocarray(d->snapshots, (size_t)d->n_snapshots + 1, sizeof(*d->snapshots));
	d->snapshots[d->n_snapshots++] = id;
}

/* Removes all but the newest few; the log then starts at the oldest of these. */
void sim_disk_clean(struct sim_node *n)
{
	struct sim_disk *d = &n->disk;
	int keep = 1 + (int)sim_chance(n->sim, 3);
	int gone = d->n_snapshots - keep;

	if (gone <= 0)
		return;
	d->n_snapshots -= gone;
	memmove(d->snapshots, d->snapshots + gone, (size_t)d->n_snapshots * sizeof(*d->snapshots));
	sim_log_clean(&n->log, d->snapshots[0].end_offset);
	if (d->log.end < n->log.start) { /* what was not flushed is in the snapshot, which is on disk */
		sim_log_restart(&d->log, n->log.start);
	} else {
		sim_log_clean(&d->log, n->log.start);
	}
	sim_log_fini(&d->ghost);
	if (n->flush_image.n > 0 && n->flush_image.end > n->log.start)
		sim_log_clean(&n->flush_image, n->log.start);
	else if (n->flushing && !n->flush_done)
		sim_log_restart(&n->flush_image, n->log.start);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_CLEANED, .snapshot = d->snapshots[0]});
}

static void cut_ended(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;
	struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT, .snapshot = {-1, 0}};
	int n_had = n->disk.n_snapshots;

	n->cutting = false;
	if (!sim_one_in(s, 20) && (n_had == 0 || n->disk.snapshots[n_had - 1].end_offset < e->number)) {
		sim_meet(s, MET_SNAPSHOT_CUT);
		event.snapshot = (struct raft_snapshot_id){e->number, s->committed[e->number - 1].epoch};
		put_snapshot(n, event.snapshot);
	}
	sim_node_event(n, event);
}

static void make_snapshot(struct sim_node *n, struct raft_snapshot_id id)
{
	struct sim *s = n->sim;
	struct sim_snapshot *fresh;

	s->snapshots = xreallocarray(s->snapshots, (size_t)s->n_snapshots + 1, sizeof(*s->snapshots));
	fresh = &s->snapshots[s->n_snapshots++];
	*fresh = (struct sim_snapshot){
		.id = id, .state = n->state, .kraft_version = raft_kraft_version_at(n->raft, id.end_offset - 1)};
	raft_voters_copy(&fresh->voters, raft_voters_at(n->raft, id.end_offset - 1));
	buf_put(&fresh->bytes, &fresh->state, sizeof(fresh->state));
	for (uint64_t more = sim_chance(s, 300); more > 0; more--)
		buf_put(&fresh->bytes, "x", 1);
}

void sim_disk_cut_snapshot(struct sim_node *n, int64_t offset)
{
	struct raft_snapshot_id id = {offset, n->sim->committed[offset - 1].epoch};
	const struct sim_snapshot *same;

	check(!n->cutting && n->applied == offset);
	n->cutting = true;
	if (!sim_snapshot_find(n->sim, id))
		make_snapshot(n, id);
	same = sim_snapshot_find(n->sim, id);
	if (same->state != n->state || same->voters.n != raft_voters_at(n->raft, offset - 1)->n ||
	    same->kraft_version != raft_kraft_version_at(n->raft, offset - 1))
		sim_fail(n->sim, "node %d cuts another snapshot at %lld than somebody before it", n->id,
			 (long long)offset);
	sim_at(n->sim, 1000 + (int64_t)sim_chance(n->sim, 300000), cut_ended, n)->number = offset;
}

void sim_disk_take_chunk(struct sim_node *n, const struct raft_effect *e)
{
	if (e->offset == 0) {
		n->part.len = 0;
		n->part_id = e->snapshot;
	}
	check((int64_t)n->part.len == e->offset && n->part_id.end_offset == e->snapshot.end_offset &&
	      n->part_id.epoch == e->snapshot.epoch);
	buf_put(&n->part, e->records.p, (size_t)e->records.len);
}

/* Resets the log, and the part of it on disk, to the end of the snapshot. */
static void restart_log(struct sim_node *n, const struct sim_snapshot *snapshot)
{
	int64_t end = snapshot->id.end_offset;

	sim_log_restart(&n->log, end);
	sim_log_restart(&n->disk.log, end);
	sim_log_fini(&n->disk.ghost);
	if (n->flushing && !n->flush_done)
		sim_log_restart(&n->flush_image, end);
	n->disk.n_snapshots = 0;
	put_snapshot(n, snapshot->id);
	n->state = snapshot->state;
	n->applied = end;
}

static void note_snapshot(const struct sim_snapshot *snapshot, struct raft_history *out)
{
	int64_t at = snapshot->id.end_offset - 1;

	if (snapshot->kraft_version == 0)
		return;
	raft_history_note_kraft_version(out, at, snapshot->kraft_version);
	raft_history_note_voters(out, at, &snapshot->voters);
}

static void load_ended(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;
	struct raft_event event = {.type = RAFT_EVENT_LOADED, .snapshot = n->part_id};
	const struct sim_snapshot *snapshot;
	struct raft_history history;

	snapshot = sim_snapshot_find(s, event.snapshot);
	raft_history_init(&history, snapshot->id.end_offset, snapshot->id.epoch);
	event.history = &history;
	if (n->part.len != snapshot->bytes.len || memcmp(n->part.p, snapshot->bytes.p, n->part.len) != 0)
		sim_fail(s, "node %d has fetched other bytes of a snapshot than there are", n->id);
	if (!s->healed && sim_one_in(s, 10)) {
		sim_meet(s, MET_LOAD_FAILED);
		event.err = -EIO;
	} else {
		sim_meet(s, MET_SNAPSHOT_LOADED);
		restart_log(n, snapshot);
		note_snapshot(snapshot, &history);
	}
	sim_node_event(n, event);
	raft_history_fini(&history);
}

void sim_disk_load_snapshot(struct sim_node *n, struct raft_snapshot_id id)
{
	int64_t longest_us = sim_one_in(n->sim, 4) ? 5000000 : 200000;

	if (raft_role(n->raft) == RAFT_LEADER)
		sim_fail(n->sim, "node %d loads a snapshot while it leads", n->id);
	check(id.end_offset == n->part_id.end_offset && id.epoch == n->part_id.epoch);
	sim_at(n->sim, 1000 + (int64_t)sim_chance(n->sim, (uint64_t)longest_us), load_ended, n);
}

/* ---- a crash, and the next start ---- */

/*
 * A pending write of quorum-state has happened or not. Of the unflushed batches some of the first
 * may be there all the same; truncated ones may reappear.
 */
void sim_disk_crash(struct sim_node *n)
{
	struct sim_log *disk = &n->disk.log;
	int first = 0;

	if (n->writing && sim_one_in(n->sim, 2)) {
		n->disk.election = n->writes;
		n->disk.has_election = true;
	} else if (n->writing) {
		sim_meet(n->sim, MET_STATE_LOST);
	}
	while (first < n->log.n && n->log.v[first]->base < disk->end)
		first++;
	if (n->log.end > disk->end) {
		for (; first < n->log.n && sim_one_in(n->sim, 2); first++)
			sim_log_append(disk, n->log.v[first]->bytes, n->log.v[first]->len);
		if (n->log.end > disk->end)
			sim_meet(n->sim, MET_RECORDS_LOST);
	} else if (n->disk.ghost.n > 0 && n->disk.ghost.start == disk->start && sim_one_in(n->sim, 2)) {
		sim_meet(n->sim, MET_GHOST);
		sim_log_copy(disk, &n->disk.ghost);
	}
	sim_log_fini(&n->disk.ghost);
}

/*
 * A log that ends before the newest snapshot, or in an earlier epoch, is replaced by the snapshot
 * (as when Kafka starts).
 */
void sim_disk_recover(struct sim_node *n)
{
	struct sim_disk *d = &n->disk;
	const struct sim_snapshot *snapshot;
	int32_t last_epoch = d->log.n > 0 ? d->log.v[d->log.n - 1]->epoch : 0;

	n->state = 0;
	n->applied = 0;
	if (d->n_snapshots == 0)
		return;
	snapshot = sim_snapshot_find(n->sim, d->snapshots[d->n_snapshots - 1]);
	if (d->log.end < snapshot->id.end_offset || (d->log.n > 0 && last_epoch < snapshot->id.epoch))
		restart_log(n, snapshot);
	n->state = snapshot->state;
	n->applied = snapshot->id.end_offset;
}

void sim_disk_read_history(struct sim_node *n, struct raft_history *out)
{
	struct sim_disk *d = &n->disk;
	int64_t snapshot_end = d->n_snapshots > 0 ? d->snapshots[d->n_snapshots - 1].end_offset : 0;
	bool noted = false;

	raft_history_init(out, n->log.start, n->log.start > 0 ? d->snapshots[0].epoch : 0);
	if (n->sim->dynamic) {
		raft_history_note_kraft_version(out, -1, 1);
		raft_history_note_voters(out, -1, &n->sim->first_voters);
	}
	for (int i = 0; i <= n->log.n; i++) {
		const struct sim_batch *b = i < n->log.n ? n->log.v[i] : NULL;
		struct batch_header h;

		if (!noted && d->n_snapshots > 0 && (!b || b->base >= snapshot_end)) {
			note_snapshot(sim_snapshot_find(n->sim, d->snapshots[d->n_snapshots - 1]), out);
			noted = true;
		}
		if (!b)
			break;
		if (b->base < snapshot_end) {
			raft_history_note_epoch(out, b->epoch, b->base);
			out->end = b->end;
			continue;
		}
		check(batch_header_read(b->bytes, b->len, &h) == 0 && control_note(&h, b->bytes, out) == 0);
	}
}
