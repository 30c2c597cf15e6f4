/*
 * upgrade: raises kraft.version from 0, where the voters are in every node's configuration, to 1,
 * where they are in the log (KIP-853).
 *
 * From UpdateRaftVoter the leader learns what the configuration does not say about voters:
 * directories, listeners, versions. When it knows all of them, it writes KRAFT_VERSION and VOTERS
 * in one batch.
 */
#include "base/err.h"
#include "base/mem.h"
#include "raft/raft_private.h"

void upgrade_begin(struct raft *r)
{
	raft_voters_fini(&r->told_voters);
	if (raft_kraft_version(r) >= 1)
		return;
	raft_voters_copy(&r->told_voters, raft_voters(r));
	voters_put(&r->told_voters, &r->own);
}

static bool all_speak(const struct raft_voters *voters, int16_t version)
{
	for (int i = 0; i < voters->n; i++) {
		const struct raft_voter *v = &voters->v[i];

		if (uuid_is_zero(v->directory_id) || v->kraft_version_min > version || v->kraft_version_max < version)
			return false;
	}
	return true;
}

/* 0, with *write set when there is something to write. */
static int decide(const struct raft *r, const struct raft_upgrade *to, struct arena *a, struct str *why, bool *write)
{
	int16_t now = raft_kraft_version(r);

	if (r->role != RAFT_LEADER)
		return ERR_NOT_CONTROLLER;
	if (to->kraft_version == now)
		return 0;
	if (to->kraft_version < now) {
		*why = arena_printf(a,
				    "Invalid upgrade of kraft.version from version KRAFT_VERSION_%d to "
				    "KRAFT_VERSION_%d because the new version is a downgrade",
				    now, to->kraft_version);
		return ERR_INVALID_UPDATE_VERSION;
	}
	if (!all_speak(&r->told_voters, to->kraft_version)) {
		*why = arena_printf(a,
				    "Invalid upgrade of kraft.version to KRAFT_VERSION_%d because not all of the "
				    "voters support it",
				    to->kraft_version);
		return ERR_INVALID_UPDATE_VERSION;
	}
	*write = !to->validate_only;
	return 0;
}

int upgrade_decide(struct raft *r, struct raft_turn *t, const struct raft_upgrade *to, struct str *why)
{
	struct raft_voters voters;
	bool write = false;
	int err = decide(r, to, t->out->arena, why, &write);

	if (err != 0 || !write)
		return err;
	raft_voters_copy(&voters, &r->told_voters);
	leader_append_voters(r, t, &voters, to->kraft_version);
	raft_voters_fini(&voters);
	return 0;
}
