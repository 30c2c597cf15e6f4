/*
 * diag: log lines for people.
 *
 *   2026-11-22T21:12:56.123Z info  log recovered: dir=/var/lib/odradek topic=t partition=0 records=12
 *
 * error: somebody must act. warn: somebody may want to know. info: a state has changed. debug: for
 * developers.
 * A message is one line: the event first, then key=value pairs. It never has a record's contents or
 * a secret. Debug lines are formatted only if that level is on. All others are formatted and kept
 * in memory, whatever the level; a failed check prints the last ones.
 * A node has one diag, given to it at creation; any thread may write to it. The clock is the node's
 * (the simulator's lines carry simulated time). With json set, each line is one JSON object with
 * the members time, level, event and the keys.
 */
#ifndef ODRADEK_BASE_DIAG_H
#define ODRADEK_BASE_DIAG_H

#include <stdbool.h>
#include <stdint.h>

enum diag_level { DIAG_ERROR, DIAG_WARN, DIAG_INFO, DIAG_DEBUG };

struct diag {
	enum diag_level level; /* atomic once in use */
	bool json;
	int64_t (*wall_ms)(void *arg);
	void (*write)(void *arg, const char *line, int len); /* writes a whole line with its newline */
	void *arg;
};

/*
 * Limits a message to one line per interval_ms; the next line printed says how many were
 * suppressed. One static or embedded struct per place.
 */
struct diag_limit {
	int64_t interval_ms;
	int64_t last_ms;
	uint32_t suppressed;
};

/* The level may be changed while others write. */
static inline enum diag_level diag_level(const struct diag *d) { return __atomic_load_n(&d->level, __ATOMIC_RELAXED); }
static inline void diag_set_level(struct diag *d, enum diag_level level)
{
	__atomic_store_n(&d->level, level, __ATOMIC_RELAXED);
}

#define DIAG_LINE(d, at, ...)                                                                                          \
	do {                                                                                                           \
		if ((at) <= diag_level(d) || (at) <= DIAG_INFO)                                                        \
			diag_line((d), (at), __VA_ARGS__);                                                             \
	} while (0)
#define diag_error(d, ...) DIAG_LINE(d, DIAG_ERROR, __VA_ARGS__)
#define diag_warn(d, ...) DIAG_LINE(d, DIAG_WARN, __VA_ARGS__)
#define diag_info(d, ...) DIAG_LINE(d, DIAG_INFO, __VA_ARGS__)
#define diag_debug(d, ...) DIAG_LINE(d, DIAG_DEBUG, __VA_ARGS__)

/*
 * format is "key=%d other=%s", or NULL when the event says everything. The caller quotes values
 * that contain spaces.
 */
void diag_line(struct diag *d, enum diag_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* True if the line may be printed now. */
bool diag_allow(struct diag *d, struct diag_limit *limit);
bool diag_level_parse(const char *text, enum diag_level *out);

#endif
