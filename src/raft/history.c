/*
 * history: what the log tells raft, by offset: where epochs begin, sets of voters, kraft.versions.
 *
 * 1. Entries are in the order of their offsets. Those of epochs go back to the log's start. The
 *    voters and the kraft.version that applied at the newest snapshot are kept, so that there is an
 *    entry for every offset from there on.
 * 2. base_epoch is that of the record before the first: that of the snapshot at the log's start, or
 *    0 when the log starts at 0. An epoch that began before the log's start has no entry.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "raft/raft_private.h"

void raft_history_init(struct raft_history *h, int64_t end, int32_t base_epoch)
{
	*h = (struct raft_history){.end = end, .base_epoch = base_epoch};
}

static void forget_voters(struct raft_history *h, int from, int to)
{
	if (from == to)
		return;
	for (int i = from; i < to; i++)
		raft_voters_fini(&h->voters[i].voters);
	memmove(h->voters + from, h->voters + to, (size_t)(h->n_voters - to) * sizeof(*h->voters));
	h->n_voters -= to - from;
}

void raft_history_fini(struct raft_history *h)
{
	forget_voters(h, 0, h->n_voters);
	xfree(h->epochs);
	xfree(h->voters);
	xfree(h->kraft_versions);
	*h = (struct raft_history){0};
}

/* ---- noting ---- */

void raft_history_note_epoch(struct raft_history *h, int32_t epoch, int64_t offset)
{
	if (epoch <= history_last_epoch(h))
		return;
	check(h->n_epochs == 0 || h->epochs[h->n_epochs - 1].offset < offset);
	h->epochs = xreallocarray(h->epochs, (size_t)h->n_epochs + 1, sizeof(*h->epochs));
	h->epochs[h->n_epochs++] = (struct raft_epoch_start){epoch, offset};
}

void raft_history_note_voters(struct raft_history *h, int64_t offset, const struct raft_voters *voters)
{
	struct raft_voters_at *at;

	/* the last entry for an offset counts, as in a snapshot */
	if (h->n_voters > 0 && h->voters[h->n_voters - 1].offset == offset)
		forget_voters(h, h->n_voters - 1, h->n_voters);
	check(h->n_voters == 0 || h->voters[h->n_voters - 1].offset < offset);
	h->voters = xreallocarray(h->voters, (size_t)h->n_voters + 1, sizeof(*h->voters));
	at = &h->voters[h->n_voters++];
	at->offset = offset;
	raft_voters_copy(&at->voters, voters);
}

void raft_history_note_kraft_version(struct raft_history *h, int64_t offset, int16_t version)
{
	check(h->n_kraft_versions == 0 || h->kraft_versions[h->n_kraft_versions - 1].offset <= offset);
	h->kraft_versions =
		xreallocarray(h->kraft_versions, (size_t)h->n_kraft_versions + 1, sizeof(*h->kraft_versions));
	h->kraft_versions[h->n_kraft_versions++] = (struct raft_kraft_version_at){offset, version};
}

void history_append(struct raft_history *h, const struct raft_history *more)
{
	check(more->end >= h->end);
	for (int i = 0; i < more->n_epochs; i++)
		raft_history_note_epoch(h, more->epochs[i].epoch, more->epochs[i].offset);
	for (int i = 0; i < more->n_voters; i++)
		raft_history_note_voters(h, more->voters[i].offset, &more->voters[i].voters);
	for (int i = 0; i < more->n_kraft_versions; i++)
		raft_history_note_kraft_version(h, more->kraft_versions[i].offset, more->kraft_versions[i].version);
	h->end = more->end;
	h->bytes += more->bytes;
}

/* ---- forgetting ---- */

void history_truncate(struct raft_history *h, int64_t end)
{
	check(end <= h->end);
	h->end = end;
	while (h->n_epochs > 0 && h->epochs[h->n_epochs - 1].offset >= end)
		h->n_epochs--;
	while (h->n_voters > 0 && h->voters[h->n_voters - 1].offset >= end)
		forget_voters(h, h->n_voters - 1, h->n_voters);
	while (h->n_kraft_versions > 0 && h->kraft_versions[h->n_kraft_versions - 1].offset >= end)
		h->n_kraft_versions--;
}

static void forget_kraft_versions(struct raft_history *h, int64_t end)
{
	int old = 0;

	while (old + 1 < h->n_kraft_versions && h->kraft_versions[old + 1].offset < end)
		old++;
	if (old == 0)
		return;
	h->n_kraft_versions -= old;
	memmove(h->kraft_versions, h->kraft_versions + old, (size_t)h->n_kraft_versions * sizeof(*h->kraft_versions));
}

void history_forget_before_snapshot(struct raft_history *h, int64_t end)
{
	int old = 0;

	while (old + 1 < h->n_voters && h->voters[old + 1].offset < end)
		old++;
	forget_voters(h, 0, old);
	forget_kraft_versions(h, end);
}

void history_forget_epochs(struct raft_history *h, int64_t log_start)
{
	int old = 0;

	while (old < h->n_epochs && h->epochs[old].offset < log_start)
		old++;
	if (old == 0)
		return;
	h->base_epoch = h->epochs[old - 1].epoch;
	h->n_epochs -= old;
	memmove(h->epochs, h->epochs + old, (size_t)h->n_epochs * sizeof(*h->epochs));
}

/* ---- looking ---- */

int32_t history_last_epoch(const struct raft_history *h)
{
	return h->n_epochs > 0 ? h->epochs[h->n_epochs - 1].epoch : h->base_epoch;
}

struct raft_epoch_end history_epoch_end(const struct raft_history *h, int32_t epoch)
{
	int higher = 0;

	while (higher < h->n_epochs && h->epochs[higher].epoch <= epoch)
		higher++;
	if (higher == h->n_epochs)
		return (struct raft_epoch_end){history_last_epoch(h), h->end};
	if (higher > 0)
		return (struct raft_epoch_end){h->epochs[higher - 1].epoch, h->epochs[higher].offset};
	return (struct raft_epoch_end){epoch < h->base_epoch ? epoch : h->base_epoch, h->epochs[0].offset};
}

const struct raft_voters_at *history_voters_at(const struct raft_history *h, int64_t offset)
{
	for (int i = h->n_voters - 1; i >= 0; i--) {
		if (h->voters[i].offset <= offset)
			return &h->voters[i];
	}
	return NULL;
}

int16_t history_kraft_version_at(const struct raft_history *h, int64_t offset)
{
	for (int i = h->n_kraft_versions - 1; i >= 0; i--) {
		if (h->kraft_versions[i].offset <= offset)
			return h->kraft_versions[i].version;
	}
	return 0;
}
