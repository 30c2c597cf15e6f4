/* verifiable: events, Java's text decoding, and the deprecated option. */
#include "cli/verifiable.h"

#include "base/check.h"

void verifiable_event(struct tool *t, const char *name, json_t *fields)
{
	json_t *event = json_pack("{s:I,s:s}", "timestamp", (json_int_t)env_wall_ms(t->env), "name", name);

	if (fields)
		check(json_object_update(event, fields) == 0);
	json_decref(fields);
	json_dumpf(event, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(event);
}

/* Length of the first character; 0: invalid. */
static int32_t letter(struct bytes b)
{
	for (int32_t n = 1; n <= 4 && n <= b.len; n++)
		if (str_is_utf8((struct str){(const char *)b.p, n}))
			return n;
	return 0;
}

json_t *verifiable_text(struct bytes b)
{
	struct buf out = {0};
	json_t *text;

	if (!b.p)
		return json_null();
	for (int32_t n; b.len > 0; b.p += n, b.len -= n) {
		n = letter(b);
		if (n > 0)
			buf_put(&out, b.p, (size_t)n);
		else
			buf_put(&out, "\xef\xbf\xbd", 3);
		n = n > 0 ? n : 1;
	}
	text = json_str(out.len > 0 ? buf_str(&out) : STR(""));
	buf_fini(&out);
	return text;
}

void verifiable_old_config(struct tool *t, const char *old)
{
	if (!tool_has(t, old))
		return;
	if (tool_has(t, "command-config"))
		tool_misused(t, "Options --%s and --command-config are mutually exclusive.", old);
	fprintf(tool_notices(t),
		"Option --%s has been deprecated and will be removed in a future version. Use --command-config instead.\n",
		old);
	tool_property_file(t, tool_value(t, old));
}
