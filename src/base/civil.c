/*
 * civil: converts days since 1970 to a date by counting years that begin in March, so that the leap
 * day is the last of its year (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). It uses
 * neither time zones nor the C library's functions, which read files.
 */
#include "base/civil.h"

#include <stdio.h>

#define DAY_MS 86400000
#define YEAR_0 (-62167219200000)
#define YEAR_9999_END 253402300799999

const char *civil_text(int64_t wall_ms, char out[CIVIL_TEXT_LEN + 1])
{
	int64_t ms = wall_ms < YEAR_0 ? YEAR_0 : wall_ms > YEAR_9999_END ? YEAR_9999_END : wall_ms;
	int64_t since_0 = ms - YEAR_0;
	int64_t days = since_0 / DAY_MS + 146037; /* since 1 March of the year -400 */
	unsigned of_day = (unsigned)(since_0 % DAY_MS);
	unsigned era = (unsigned)(days / 146097);
	unsigned of_era = (unsigned)(days % 146097);
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153; /* 0 is March */
	unsigned day = of_year - (153 * month + 2) / 5 + 1;

	year = year + era * 400 + (month >= 10) - 400;
	month = month < 10 ? month + 3 : month - 9;
	snprintf(out, CIVIL_TEXT_LEN + 1, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000, month % 100, day % 100,
		 of_day / 3600000 % 100, of_day / 60000 % 60, of_day / 1000 % 60, of_day % 1000);
	return out;
}
