/*
 * quorum_numbers: measurements of the quorum and its controller.
 */
#include "broker/news.h"
#include "broker/quorum_private.h"

/* As in Kafka, an election lasts from the last candidacy until there is a leader. */
void quorum_measure_step(struct quorum *q)
{
	struct quorum_measures *m = &q->measures;
	int64_t now_ms = env_mono_ms(q->env);
	enum raft_role role = raft_role(q->raft);

	if (raft_candidacies(q->raft) != m->n_candidacies) {
		m->n_candidacies = raft_candidacies(q->raft);
		m->is_electing = true;
		m->election_began_ms = now_ms;
	}
	if (m->is_electing && (role == RAFT_LEADER || role == RAFT_FOLLOWER)) {
		m->is_electing = false;
		lately_note(&m->election_ms, (double)(now_ms - m->election_began_ms), now_ms);
	}
}

void quorum_measure_commit(struct quorum *q, int64_t appended_ns)
{
	int64_t now_ns = env_mono_ns(q->env);

	lately_note(&q->measures.commit_ms, (double)(now_ns - appended_ns) / 1e6, now_ns / 1000000);
}

void quorum_measure_appended(struct quorum *q, int64_t n)
{
	lately_note(&q->measures.appended, (double)n, env_mono_ms(q->env));
}

void quorum_measure_fetched(struct quorum *q, int64_t n)
{
	lately_note(&q->measures.fetched, (double)n, env_mono_ms(q->env));
}

bool quorum_commits(const struct quorum *q)
{
	return !q->failed && !q->stopping && !q->beginning && raft_commits(q->raft);
}

int64_t quorum_heartbeat_age_ms(const struct quorum *q, int32_t broker)
{
	return quorum_leads(q) ? controller_heartbeat_age_ms(q->controller, broker, env_mono_ms(q->env)) : -1;
}

void quorum_numbers(const struct quorum *q, struct quorum_numbers *out)
{
	const struct quorum_measures *m = &q->measures;
	int64_t now_ms = env_mono_ms(q->env);

	*out = (struct quorum_numbers){
		.news = *news_counts(q->news),
		.n_commits = m->n_commits,
		.n_leaders = m->n_leaders,
		.n_errors = count_read(&m->n_errors),
		.commit_ms_avg = lately_avg(&m->commit_ms, now_ms),
		.commit_ms_max = lately_max(&m->commit_ms, now_ms),
		.election_ms_avg = lately_avg(&m->election_ms, now_ms),
		.election_ms_max = lately_max(&m->election_ms, now_ms),
		.appended_rate = lately_rate(&m->appended, now_ms),
		.fetched_rate = lately_rate(&m->fetched, now_ms),
		.snapshot_bytes = q->n_snapshots > 0 ? q->snapshots[q->n_snapshots - 1].size : 0,
		.commits = quorum_commits(q),
	};
	raft_measure(q->raft, now_ms, &out->raft);
}
