/*
 * cordon: reads the list, which is in the configuration or in the image.
 */
#include "broker/cordon.h"

#include "base/buf.h"
#include "broker/layers.h"
#include "config/config.h"
#include "metadata/image.h"
#include "metadata/version.h"

#define ALL "*"

static bool has_item(struct str list, struct str wanted)
{
	struct str item;

	for (int32_t at = 0; list.len > 0 && str_next_item(list, &at, &item);)
		if (str_eq(str_trim(item), wanted))
			return true;
	return false;
}

bool cordon_is_subset(struct str value, struct str list)
{
	struct str item;

	for (int32_t at = 0; value.len > 0 && str_next_item(value, &at, &item);)
		if (!has_item(list, str_trim(item)))
			return false;
	return true;
}

bool cordon_is_known(const struct image *i)
{
	return i && image_metadata_version(i) >= METADATA_VERSION_CORDONED_DIRS;
}

static bool is_listed(const struct config *c, struct str path)
{
	int n;
	const struct str *v = config_list(c, CONFIG_CORDONED_LOG_DIRS, &n);

	for (int i = 0; i < n; i++)
		if (str_eq(v[i], path) || str_is(v[i], ALL))
			return true;
	return false;
}

bool cordon_has(const struct config *c, const struct image *i, int32_t node_id, struct str path)
{
	struct layers own;
	struct str text;

	if (!cordon_is_known(i))
		return false;
	own = layers_of_broker(i, node_id);
	text = layers_text(&own, str_of(config_setting(CONFIG_CORDONED_LOG_DIRS)->name));
	return str_is_null(text) ? is_listed(c, path) : has_item(text, path) || has_item(text, STR(ALL));
}

static bool is_log_dir(const struct config *c, struct str path)
{
	int n;
	const struct str *v = config_log_dirs(c, &n);

	for (int i = 0; i < n; i++)
		if (str_eq(v[i], path))
			return true;
	return false;
}

struct str cordon_check(const struct config *c, struct str value, struct arena *a)
{
	struct str item, message = STR_NULL;
	struct buf unknown = {0};

	if (has_item(value, STR(ALL)))
		return str_is(str_trim(value), ALL) ? STR_NULL
						    : STR("requirement failed: When cordoned.log.dirs is set to *, it "
							  "must not contain other values");
	for (int32_t at = 0; value.len > 0 && str_next_item(value, &at, &item);) {
		item = str_trim(item);
		if (item.len > 0 && !is_log_dir(c, item))
			buf_printf(&unknown, "%s%.*s", unknown.len > 0 ? ", " : "", STR_ARG(item));
	}
	if (unknown.len > 0)
		message = arena_printf(a,
				       "requirement failed: All entries in cordoned.log.dirs must be present in "
				       "log.dirs or log.dir. Missing entries : %.*s",
				       STR_ARG(buf_str(&unknown)));
	buf_fini(&unknown);
	return message;
}
