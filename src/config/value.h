/*
 * value: the text of a setting, parsed, checked and printed as Kafka's ConfigDef does it.
 *
 * Messages are those that Kafka's clients see. Everything comes from the arena or points into the
 * given text.
 */
#ifndef ODRADEK_CONFIG_VALUE_H
#define ODRADEK_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "config/setting.h"

struct config_value {
	struct str text; /* as Kafka prints it: trimmed, numbers and lists in canonical form; null = no value */
	int64_t integer; /* INT, SHORT, LONG, and BOOLEAN as 0 or 1 */
	double real;
	const struct str *items; /* LIST */
	int n_items;
};

/*
 * Parses `text` for the setting. False, with Kafka's message in *error, when it is invalid; `error`
 * may be NULL. Duplicate items of a list that must be distinct are dropped, as in Kafka.
 */
bool config_value_read(const struct config_setting *s, struct str text, struct arena *a, struct config_value *out,
		       struct str *error);

/* The default of a setting; a null value if it has none. */
void config_value_default(const struct config_setting *s, struct arena *a, struct config_value *out);

/* Whether this value asks for something that is not given (the setting's status, see setting.h). */
bool config_value_is_refused(const struct config_setting *s, const struct config_value *v);

bool config_value_has_item(const struct config_value *v, const char *item);

/* Whether a list, as written, contains an item twice. */
bool config_list_repeats(struct str text, struct arena *a);

/* Formats as Java's Double.toString. */
struct str config_double_text(double d, struct arena *a);
/* Parses as Java's Integer.parseInt and Long.parseLong: a sign, digits, and within the bounds. */
bool config_parse_integer(struct str s, int64_t min, int64_t max, int64_t *out);

/*
 * Splits "host:port" or "[::1]:port" as Kafka's Utils.getHost and getPort; false when it is
 * neither. Views into s.
 */
bool config_parse_host_port(struct str s, struct str *host, int32_t *port);
/* Only letters, digits and -%._, as in Kafka's Utils.validHostPattern. */
bool config_is_host(struct str s);

#endif
