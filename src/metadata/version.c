/*
 * version: the levels of metadata.version as Kafka 4.4 numbers them (MetadataVersion).
 */
#include "metadata/version.h"

#include <string.h>

struct level {
	const char *name;
	const char *release;
	bool format_changed; /* compared with the level before */
};

static const struct level LEVELS[] = {
	{"3.3-IV3", "3.3", true},  {"3.4-IV0", "3.4", true},  {"3.5-IV0", "3.5", false}, {"3.5-IV1", "3.5", false},
	{"3.5-IV2", "3.5", true},  {"3.6-IV0", "3.6", false}, {"3.6-IV1", "3.6", true},	 {"3.6-IV2", "3.6", true},
	{"3.7-IV0", "3.7", true},  {"3.7-IV1", "3.7", false}, {"3.7-IV2", "3.7", true},	 {"3.7-IV3", "3.7", false},
	{"3.7-IV4", "3.7", false}, {"3.8-IV0", "3.8", false}, {"3.9-IV0", "3.9", false}, {"4.0-IV0", "4.0", false},
	{"4.0-IV1", "4.0", true},  {"4.0-IV2", "4.0", false}, {"4.0-IV3", "4.0", false}, {"4.1-IV0", "4.1", false},
	{"4.1-IV1", "4.1", false}, {"4.2-IV0", "4.2", false}, {"4.2-IV1", "4.2", false}, {"4.3-IV0", "4.3", true},
	{"4.4-IV0", "4.4", false}, {"4.4-IV1", "4.4", true},  {"4.4-IV2", "4.4", true},
};

_Static_assert(sizeof(LEVELS) / sizeof(LEVELS[0]) == METADATA_VERSION_MAX - METADATA_VERSION_MIN + 1, "a row a level");

static const struct level *level_of(int level)
{
	return metadata_version_is_known(level) ? &LEVELS[level - METADATA_VERSION_MIN] : NULL;
}

bool metadata_version_is_known(int level)
{
	return level >= METADATA_VERSION_MIN && level <= METADATA_VERSION_MAX;
}

const char *metadata_version_name(int level)
{
	const struct level *l = level_of(level);

	return l ? l->name : NULL;
}

/* The first two numbers of a release: "4.4.1" gives "4.4". */
static struct str release_of(struct str text)
{
	int dots = 0;

	for (int i = 0; i < text.len; i++) {
		if (text.p[i] == '.' && ++dots == 2)
			return (struct str){text.p, i};
	}
	return text;
}

int metadata_version_parse(struct str text)
{
	struct str release = release_of(text);

	for (int level = METADATA_VERSION_MAX; level >= METADATA_VERSION_MIN; level--) {
		const struct level *l = level_of(level);

		if (str_is(text, l->name) || str_is(release, l->release))
			return level;
	}
	return -1;
}

bool metadata_version_format_changed(int a, int b)
{
	int low = a < b ? a : b;
	int high = a < b ? b : a;

	for (int level = low + 1; level <= high; level++) {
		if (level_of(level) && level_of(level)->format_changed)
			return true;
	}
	return false;
}

int16_t metadata_version_of_register_broker(int level)
{
	if (level >= METADATA_VERSION_CORDONED_DIRS)
		return 4;
	if (level >= METADATA_VERSION_DIRECTORIES)
		return 3;
	return level >= METADATA_VERSION_ZK_MIGRATION ? 2 : 1;
}

int16_t metadata_version_of_partition(int level)
{
	if (level >= METADATA_VERSION_ELR)
		return 2;
	return level >= METADATA_VERSION_DIRECTORIES ? 1 : 0;
}
