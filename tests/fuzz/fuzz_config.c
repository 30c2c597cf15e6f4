/*
 * What a person may give a node, and clients a topic: texts separated by NUL bytes. The first is
 * the properties file; one that begins with '-' is an override, with '+' a variable of the
 * environment; the last is a topic's settings, as properties. A configuration that loads is
 * described, resolved and checked; what it says about itself must be true.
 */
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/properties.h"
#include "config/topic_config.h"

enum { TEXTS_MAX = 16, PAIRS_MAX = 256, MEMORY = 16 << 20, SIZE_LIMIT = 64 << 10 };

struct texts {
	char *v[TEXTS_MAX];
	int n;
};

struct pairs {
	struct config_pair v[PAIRS_MAX];
	int n;
};

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static struct str pairs_get(const void *arg, struct str name)
{
	const struct pairs *pairs = arg;

	for (int i = 0; i < pairs->n; i++)
		if (str_eq(pairs->v[i].name, name))
			return pairs->v[i].value;
	return STR_NULL;
}

static void read_pairs(const char *text, struct arena *a, struct pairs *pairs)
{
	struct properties p;
	struct config_pair pair;

	pairs->n = 0;
	properties_init(&p, str_of(text), a);
	while (pairs->n < PAIRS_MAX && properties_next(&p, &pair.name, &pair.value)) {
		check(str_is_utf8(pair.name) && str_is_utf8(pair.value));
		if (str_is_null(pairs_get(pairs, pair.name)))
			pairs->v[pairs->n++] = pair;
	}
}

/* Every step-th name: all of them would cost more than everything else in a run. */
static void describe_some(const struct config *c, enum config_scope scope, const struct config_layer *layers, int n,
			  int first, int step)
{
	struct str name;

	for (int i = first; !str_is_null(name = config_described_name(c, scope, i)); i += step) {
		struct config_entry e;
		struct arena a;

		arena_init(&a, MEMORY);
		if (config_describe(c, scope, name, layers, n, &a, &e) == 0) {
			check(str_eq(e.name, name) && (!e.sensitive || str_is_null(e.value)));
			for (int k = 0; k < e.n_synonyms; k++)
				check(e.synonyms[k].name.len >= 0 &&
				      (!e.sensitive || str_is_null(e.synonyms[k].value)));
		}
		arena_fini(&a);
	}
}

/* Settings accepted for a topic can be resolved, and have the right values. */
static void alter(const struct config *c, const struct pairs *pairs, const struct config_layer *topic, struct arena *a)
{
	struct topic_config t;
	struct str message;
	int err = config_check_topic(c, pairs->v, pairs->n, NULL, 0, a, &message);

	check((err == 0) == str_is_null(message));
	check(topic_config_resolve(c, topic, 1, &t) == 0 || err != 0);
	check(t.segment_ms >= 1 && t.min_insync_replicas >= 1 && t.max_message_bytes >= 0 && t.retention_ms >= -1);
	check(!t.cleanup_compact || err != 0);
	config_check_broker(c, true, pairs->v, pairs->n, a, &message);
	config_check_broker(c, false, pairs->v, pairs->n, a, &message);
	config_check_group(c, pairs->v, pairs->n, a, &message);
	config_check_client_metrics(pairs->v, pairs->n, a, &message);
}

static void use(const struct config *c, const char *text)
{
	struct pairs pairs;
	struct config_layer topic = {CONFIG_SOURCE_TOPIC, pairs_get, &pairs};
	struct config_layer broker = {CONFIG_SOURCE_DYNAMIC_BROKER, pairs_get, &pairs};
	struct arena a;

	arena_init(&a, MEMORY);
	read_pairs(text, &a, &pairs);
	alter(c, &pairs, &topic, &a);
	describe_some(c, CONFIG_SCOPE_TOPIC, &topic, 1, (int)(strlen(text) % 8), 8);
	describe_some(c, CONFIG_SCOPE_NODE, &broker, 1, (int)(strlen(text) % 64), 64);
	arena_fini(&a);
}

static void load(const struct texts *texts)
{
	const char *overrides[TEXTS_MAX + 1] = {NULL}, *environment[TEXTS_MAX + 1] = {NULL};
	struct config_input in = {.file_name = STR("f"),
				  .file_text = str_of(texts->v[0]),
				  .overrides = overrides,
				  .environment = environment};
	struct config_notes notes;
	struct config *c;
	int err;

	for (int i = 1, n_overrides = 0, n_variables = 0; i < texts->n; i++) {
		if (texts->v[i][0] == '-')
			overrides[n_overrides++] = texts->v[i] + 1;
		else if (texts->v[i][0] == '+')
			environment[n_variables++] = texts->v[i] + 1;
	}
	err = config_load(&in, &c, &notes);
	check((err == 0) == (c != NULL) && (err == 0) == (notes.n_errors == 0));
	for (int i = 0; i < notes.n; i++)
		check(notes.v[i].text.len > 0 || notes.arena.failed);
	if (err == 0) {
		int n;

		check(config_log_dirs(c, &n) != NULL && n > 0 && config_network(c)->n_listeners > 0);
		use(c, texts->v[texts->n - 1]);
	}
	config_notes_fini(&notes);
	config_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct texts texts = {.n = 0};
	char *copy;

	if (len > SIZE_LIMIT)
		return 0;
	copy = xmalloc(len + 1);
	memcpy(copy, p, len);
	copy[len] = 0;
	for (size_t at = 0; at <= len && texts.n < TEXTS_MAX; at += strlen(copy + at) + 1)
		texts.v[texts.n++] = copy + at;
	load(&texts);
	xfree(copy);
	return 0;
}
