/* login_choice: the table of mechanisms, and reading name and password from the JAAS line. */
#include "security/login_choice.h"

#include <string.h>

#include "base/arena.h"
#include "security/jaas.h"
#include "security/login_words.h"

#define PLAIN_MODULE "org.apache.kafka.common.security.plain.PlainLoginModule"
#define SCRAM_MODULE "org.apache.kafka.common.security.scram.ScramLoginModule"

enum { ARENA_MAX = 1 << 20 };

static struct login_method *plain(const struct login_words *words)
{
	return login_plain_new(words);
}

static struct login_method *scram_sha_256(const struct login_words *words)
{
	return login_scram_new(SCRAM_SHA_256, words);
}

static struct login_method *scram_sha_512(const struct login_words *words)
{
	return login_scram_new(SCRAM_SHA_512, words);
}

static const struct row {
	const char *mechanism;
	const char *module;
	struct login_method *(*make)(const struct login_words *words);
} rows[] = {
	{"PLAIN", PLAIN_MODULE, plain},
	{"SCRAM-SHA-256", SCRAM_MODULE, scram_sha_256},
	{"SCRAM-SHA-512", SCRAM_MODULE, scram_sha_512},
};

static const struct row *row_of(struct str mechanism)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_is(mechanism, rows[i].mechanism))
			return &rows[i];
	return NULL;
}

static struct login_method *choose(const struct row *row, const struct jaas *jaas, struct buf *why)
{
	struct login_words words = {
		.name = jaas_option(jaas, STR("username")),
		.password = jaas_option(jaas, STR("password")),
		.token = str_is_true(jaas_option(jaas, STR("tokenauth"))),
	};

	if (!str_is(jaas->module, row->module)) {
		buf_printf(why, "the login module of %s is %s, not %.*s", row->mechanism, row->module,
			   STR_ARG(jaas->module));
		return NULL;
	}
	if (words.name.len == 0 || words.password.len == 0) {
		buf_printf(why, "%s needs the options username and password", row->module);
		return NULL;
	}
	return row->make(&words);
}

struct login_method *login_choose(struct str mechanism, struct str text, struct buf *why)
{
	const struct row *row = row_of(mechanism);
	struct login_method *method = NULL;
	struct jaas jaas;
	struct str error;
	struct arena a;

	if (!row) {
		buf_printf(why, "%.*s is not a mechanism that this release can log in by", STR_ARG(mechanism));
		return NULL;
	}
	arena_init(&a, ARENA_MAX);
	if (jaas_read(text, &a, &jaas, &error))
		method = choose(row, &jaas, why);
	else
		buf_put_str(why, error);
	arena_wipe(&a); /* it contains passwords */
	arena_fini(&a);
	return method;
}
