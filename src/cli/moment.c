/* moment: parses dates and durations as Java's classes do, character by character. */
#include "cli/moment.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool scan_digits(const char **p, int n, int *out)
{
	*out = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		*out = *out * 10 + (**p - '0');
	}
	return true;
}

/* Days since 1970-01-01 in the Gregorian calendar (Howard Hinnant's days_from_civil). */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Parses "", "Z", "+02", "+0200", "+02:00". */
static bool scan_zone(const char *p, int64_t *out_ms)
{
	int hours = 0, minutes = 0, sign = *p == '-' ? -1 : 1;

	*out_ms = 0;
	if (*p == 0 || strcmp(p, "Z") == 0)
		return true;
	if (*p != '+' && *p != '-')
		return false;
	p++;
	if (!scan_digits(&p, 2, &hours))
		return false;
	p += *p == ':';
	if (*p && !scan_digits(&p, 2, &minutes))
		return false;
	*out_ms = sign * (int64_t)(hours * 60 + minutes) * 60000;
	return *p == 0;
}

static bool scan_char(const char **p, char c)
{
	return *(*p)++ == c;
}

bool moment_parse(const char *text, int64_t *out)
{
	int year, month, day, hour, minute, second = 0, ms = 0;
	int64_t offset;
	const char *p = text;

	if (!scan_digits(&p, 4, &year) || !scan_char(&p, '-') || !scan_digits(&p, 2, &month) || !scan_char(&p, '-') ||
	    !scan_digits(&p, 2, &day) || !scan_char(&p, 'T') || !scan_digits(&p, 2, &hour) || !scan_char(&p, ':') ||
	    !scan_digits(&p, 2, &minute))
		return false;
	if (*p == ':' && (p++, !scan_digits(&p, 2, &second)))
		return false;
	if (*p == '.') {
		int scale = 100;

		for (p++; isdigit((unsigned char)*p); p++, scale /= 10)
			ms += (*p - '0') * scale;
	}
	if (!scan_zone(p, &offset) || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*out = (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms - offset;
	return true;
}

bool duration_parse(const char *text, int64_t *out)
{
	double total = 0;
	bool in_time = false, any = false;
	int sign = 1;
	const char *p = text;

	if (*p == '-')
		sign = -1, p++;
	if (*p++ != 'P')
		return false;
	for (; *p; p++) {
		char *end;
		double n;

		if (*p == 'T' && !in_time) {
			in_time = true;
			continue;
		}
		n = strtod(p, &end);
		if (end == p)
			return false;
		p = end;
		any = true;
		if (*p == 'D' && !in_time)
			total += n * 86400;
		else if (*p == 'H' && in_time)
			total += n * 3600;
		else if (*p == 'M' && in_time)
			total += n * 60;
		else if (*p == 'S' && in_time)
			total += n;
		else
			return false;
	}
	*out = sign * (int64_t)(total * 1000);
	return any;
}
