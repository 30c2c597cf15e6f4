/*
 * cleanable: determines which part of a log may be cleaned, and whether that is worth it, by
 * Kafka's rules (LogCleanerManager, LogToClean).
 */
#include "base/check.h"
#include "log/clean.h"
#include "log/internal.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The end of the cleaned part, unless the log has been truncated below it, or its start has passed it. */
static int64_t first_dirty(const struct log *log)
{
	return log->clean_end < log->start || log->clean_end > log->end ? log->start : log->clean_end;
}

static int newest_in(struct log *log, struct segment *s, int64_t *timestamp)
{
	char path[PATH_SIZE];
	struct file_stat st;
	int err = segment_read_max_timestamp(log, s);

	*timestamp = s->max_timestamp;
	if (err || *timestamp >= 0)
		return err;
	segment_path(log, s, SEGMENT_LOG, path);
	err = env_stat(log->env, path, &st);
	*timestamp = err ? 0 : st.mtime_ms;
	return err;
}

/* The base of the first dirty segment with a record that min.compaction.lag.ms protects. */
static int first_too_young(struct log *log, int64_t from, int64_t now_ms, int64_t *offset)
{
	int i = log_segment_of(log, from);
	int64_t newest;

	*offset = INT64_MAX;
	for (i = i < 0 ? 0 : i; i < log->data->n - 1; i++) {
		int err = newest_in(log, &log->data->segments[i], &newest);

		if (err)
			return err;
		if (newest <= now_ms - log->config->min_compaction_lag_ms)
			continue;
		*offset = log->data->segments[i].base;
		break;
	}
	return 0;
}

/* How long the oldest dirty record has been waiting beyond max.compaction.lag.ms. */
static int find_delay(struct log *log, int64_t from, int64_t now_ms, int64_t *delay_ms)
{
	int64_t until = now_ms - (log->config->max_compaction_lag_ms > 0 ? log->config->max_compaction_lag_ms : 0);
	int64_t oldest = INT64_MAX;
	int i = log_segment_of(log, from);

	*delay_ms = 0;
	if (log->config->max_compaction_lag_ms == INT64_MAX)
		return 0;
	for (i = i < 0 ? 0 : i; i < log->data->n - 1; i++) {
		struct segment *s = &log->data->segments[i];
		int err = segment_read_first_timestamp(log, s);

		if (err)
			return err;
		if (s->first_timestamp > 0 && s->first_timestamp < oldest)
			oldest = s->first_timestamp;
	}
	if (oldest < until)
		*delay_ms = until - oldest;
	return 0;
}

static void measure(const struct log *log, struct log_clean_look *out)
{
	const struct log_data *d = log->data;
	int first = log_segment_of(log, out->first_dirty);

	for (int i = 0; i < d->n && d->segments[i].base < out->first_uncleanable; i++) {
		if (d->segments[i].base < out->first_dirty)
			out->clean_bytes += d->segments[i].size;
		if (i >= first) /* a partly clean one counts on both sides */
			out->cleanable_bytes += d->segments[i].size;
	}
	if (out->clean_bytes + out->cleanable_bytes > 0)
		out->ratio = (double)out->cleanable_bytes / (double)(out->clean_bytes + out->cleanable_bytes);
}

/* The end of what may be cleaned, as the base of the segment that contains it. */
static int find_uncleanable(struct log *log, int64_t now_ms, struct log_clean_look *out)
{
	struct log_data *d = log->data;
	int64_t offset = least(log_offsets(log).stable, d->segments[d->n - 1].base);
	int64_t young = INT64_MAX;
	int err = 0;

	if (log->config->min_compaction_lag_ms > 0)
		err = first_too_young(log, out->first_dirty, now_ms, &young);
	offset = least(offset, young);
	if (offset < out->first_dirty)
		offset = out->first_dirty;
	int i = log_segment_of(log, offset);
	out->first_uncleanable = d->segments[i < 0 ? 0 : i].base;
	return err;
}

int log_clean_look(struct log *log, int64_t now_ms, struct log_clean_look *out)
{
	*out = (struct log_clean_look){0};
	if (!log->config->cleanup_compact || !log->data || log->data->n == 0 || log_dir_error(log->dir) ||
	    log->standing != LOG_WHOLE || log->cleaning || log->uncleanable)
		return 0;
	out->first_dirty = first_dirty(log);
	int err = find_uncleanable(log, now_ms, out);
	if (!err)
		err = find_delay(log, out->first_dirty, now_ms, &out->delay_ms);
	if (err)
		return err;
	measure(log, out);
	out->wanted =
		(out->delay_ms > 0 && out->cleanable_bytes > 0) || out->ratio > log->config->min_cleanable_dirty_ratio;
	return 0;
}

int64_t log_clean_end(const struct log *log)
{
	return log->clean_end;
}

bool log_is_being_cleaned(const struct log *log)
{
	return log->cleaning != NULL;
}

void log_cancel_cleaning(struct log *log)
{
	if (log->cleaning)
		log_clean_cancel(log->cleaning);
}

void log_set_uncleanable(struct log *log)
{
	log->uncleanable = true;
}

bool log_is_uncleanable(const struct log *log)
{
	return log->uncleanable;
}
