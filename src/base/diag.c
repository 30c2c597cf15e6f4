/*
 * diag: formats a line on the stack, keeps it in the ring, and passes it to write() if its level is
 * wanted.
 *
 * Text:  2026-11-22T21:12:56.123Z info  event: key=value key=value
 * JSON:  {"time":"2026-11-22T21:12:56.123Z","level":"info","event":"event","key":"value"}
 *
 * In the text form, a value ends at the next space unless it is quoted; the JSON form splits the
 * pairs by that rule, and puts what is not a pair (the tail of a sentence) into the member "text".
 * A line longer than LINE_MAX_LEN is truncated and ends in "...".
 */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/diag_ring.h"

enum { LINE_MAX_LEN = 2048 };

static const char *const level_names[] = {
	[DIAG_ERROR] = "error",
	[DIAG_WARN] = "warn",
	[DIAG_INFO] = "info",
	[DIAG_DEBUG] = "debug",
};

struct line {
	char p[LINE_MAX_LEN];
	int len;
};

/* Reserves room for the end: "..." or a brace, and the newline. */
static void put_char(struct line *l, char c)
{
	if (l->len < LINE_MAX_LEN - 8)
		l->p[l->len++] = c;
}

static void put_text(struct line *l, const char *s)
{
	while (*s)
		put_char(l, *s++);
}

/*
 * Text that may come from a peer (a client's name, for instance) must not be able to end the line
 * or move the cursor.
 */
static void put_clean(struct line *l, const char *s)
{
	for (; *s; s++)
		put_char(l, (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}

static void put_json_char(struct line *l, char c)
{
	char escaped[8];

	if (c == '"' || c == '\\') {
		put_char(l, '\\');
		put_char(l, c);
	} else if ((unsigned char)c < ' ' || c == 0x7f) {
		snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)(unsigned char)c);
		put_text(l, escaped);
	} else {
		put_char(l, c);
	}
}

static void put_json(struct line *l, const char *s, int len)
{
	put_char(l, '"');
	for (int i = 0; i < len; i++)
		put_json_char(l, s[i]);
	put_char(l, '"');
}

static void put_member(struct line *l, const char *name, int name_len, const char *value, int value_len)
{
	put_char(l, ',');
	put_json(l, name, name_len);
	put_char(l, ':');
	put_json(l, value, value_len);
}

/* The length of the value at s: up to the next space, or to its closing quote. */
static int value_len(const char *s)
{
	const char *quote = *s == '"' ? strchr(s + 1, '"') : NULL;

	return quote ? (int)(quote + 1 - s) : (int)strcspn(s, " ");
}

static void put_json_pairs(struct line *l, const char *s)
{
	while (*s) {
		int name = (int)strcspn(s, "= ");
		int value;

		if (s[name] != '=' || name == 0) {
			put_member(l, "text", 4, s, (int)strlen(s));
			return;
		}
		value = value_len(s + name + 1);
		if (s[name + 1] == '"' && value >= 2)
			put_member(l, s, name, s + name + 2, value - 2);
		else
			put_member(l, s, name, s + name + 1, value);
		s += name + 1 + value;
		s += strspn(s, " ");
	}
}

static void end_line(struct line *l, const char *end)
{
	if (l->len >= LINE_MAX_LEN - 8 && *end == '\n') {
		memcpy(l->p + l->len, "...", 3);
		l->len += 3;
	}
	for (; *end; end++)
		l->p[l->len++] = *end;
	l->p[l->len] = '\0';
}

static void put_text_line(struct line *l, int64_t wall_ms, enum diag_level level, const char *event, const char *detail)
{
	char time[CIVIL_TEXT_LEN + 1];

	l->len = snprintf(l->p, sizeof(l->p), "%s %-5s ", civil_text(wall_ms, time), level_names[level]);
	put_clean(l, event);
	if (*detail) {
		put_text(l, ": ");
		put_clean(l, detail);
	}
	end_line(l, "\n");
}

static void put_json_line(struct line *l, int64_t wall_ms, enum diag_level level, const char *event, const char *detail)
{
	char time[CIVIL_TEXT_LEN + 1];

	l->len = snprintf(l->p, sizeof(l->p), "{\"time\":\"%s\",\"level\":\"%s\"", civil_text(wall_ms, time),
			  level_names[level]);
	put_member(l, "event", 5, event, (int)strlen(event));
	put_json_pairs(l, detail);
	end_line(l, "}\n");
}

void diag_line(struct diag *d, enum diag_level level, const char *event, const char *format, ...)
{
	char detail[LINE_MAX_LEN - 256] = "";
	struct line line;
	int64_t now = d->wall_ms(d->arg);
	va_list args;

	check(level >= DIAG_ERROR && level <= DIAG_DEBUG);
	if (format) {
		va_start(args, format);
		vsnprintf(detail, sizeof(detail), format, args);
		va_end(args);
	}
	put_text_line(&line, now, level, event, detail);
	diag_ring_put(line.p, line.len);
	if (level > diag_level(d))
		return;
	if (d->json)
		put_json_line(&line, now, level, event, detail);
	d->write(d->arg, line.p, line.len);
}

bool diag_allow(struct diag *d, struct diag_limit *limit)
{
	int64_t now = d->wall_ms(d->arg);

	if (limit->last_ms && now >= limit->last_ms && now - limit->last_ms < limit->interval_ms) {
		limit->suppressed++;
		return false;
	}
	if (limit->suppressed)
		diag_info(d, "lines left out", "count=%u", limit->suppressed);
	limit->suppressed = 0;
	limit->last_ms = now;
	return true;
}

bool diag_level_parse(const char *text, enum diag_level *out)
{
	for (int i = 0; i <= DIAG_DEBUG; i++) {
		if (!strcmp(text, level_names[i])) {
			*out = (enum diag_level)i;
			return true;
		}
	}
	return false;
}
