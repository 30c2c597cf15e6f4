/*
 * logger: the names, levels and changes of loggers. Checks and messages are those of Kafka's
 * RuntimeLoggerManager, in its order.
 */
#include "broker/logger.h"

#include "base/err.h"
#include "broker/alter.h"
#include "broker/audit.h"
#include "broker/node_private.h"

/* Levels that a client may ask for, and those that result. If two have the same meaning, the first is reported. */
static const struct {
	const char *name;
	enum diag_level level;
} LEVELS[] = {
	{"DEBUG", DIAG_DEBUG}, {"ERROR", DIAG_ERROR}, {"FATAL", DIAG_ERROR},
	{"INFO", DIAG_INFO},   {"TRACE", DIAG_DEBUG}, {"WARN", DIAG_WARN},
};

#define N_LEVELS (sizeof(LEVELS) / sizeof(LEVELS[0]))

#define ROOT STR("root")
#define AUTHORIZER STR("kafka.authorizer.logger")

struct str logger_name(const struct node *n, int i)
{
	if (i == 0) /* Kafka sorts them */
		return n->authorizer ? AUTHORIZER : ROOT;
	return i == 1 && n->authorizer ? ROOT : STR_NULL;
}

static bool exists(const struct node *n, struct str name)
{
	return str_eq(name, ROOT) || (n->authorizer && str_eq(name, AUTHORIZER));
}

static struct str level_name(enum diag_level level)
{
	size_t i = 0;

	while (LEVELS[i].level != level)
		i++;
	return str_of(LEVELS[i].name);
}

struct str logger_level(const struct node *n, struct str name)
{
	int audit = __atomic_load_n(&n->audit_level, __ATOMIC_RELAXED);

	if (str_eq(name, ROOT))
		return level_name(diag_level(n->env->diag));
	return level_name(audit == AUDIT_ALL ? DIAG_DEBUG : audit == AUDIT_DENIED ? DIAG_INFO : DIAG_WARN);
}

static void set_level(struct node *n, struct str name, enum diag_level level)
{
	if (str_eq(name, ROOT))
		diag_set_level(n->env->diag, level);
	else
		__atomic_store_n(&n->audit_level,
				 level == DIAG_DEBUG  ? AUDIT_ALL
				 : level == DIAG_INFO ? AUDIT_DENIED
						      : AUDIT_OFF,
				 __ATOMIC_RELAXED);
}

static bool parse(struct str name, enum diag_level *out)
{
	for (size_t i = 0; i < N_LEVELS; i++)
		if (str_is(name, LEVELS[i].name)) {
			*out = LEVELS[i].level;
			return true;
		}
	return false;
}

static int refuse(struct alteration *a, int err, struct str message)
{
	a->err = err;
	a->message = message;
	return err;
}

static int check_exists(struct request *r, struct alteration *a, const struct alter_change *c)
{
	if (exists(r->node, c->name))
		return 0;
	return refuse(a, ERR_INVALID_CONFIG, arena_printf(&r->arena, "Logger %.*s does not exist!", STR_ARG(c->name)));
}

static int check_change(struct request *r, struct alteration *a, const struct alter_change *c)
{
	enum diag_level level;
	int err;

	switch (c->operation) {
	case ALTER_SET:
		err = check_exists(r, a, c);
		if (err || parse(c->value, &level))
			return err;
		return refuse(
			a, ERR_INVALID_CONFIG,
			arena_printf(&r->arena,
				     "Cannot set the log level of %.*s to %.*s as it is not a supported log level. "
				     "Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN",
				     STR_ARG(c->name), STR_ARG(c->value)));
	case ALTER_DELETE:
		err = check_exists(r, a, c);
		if (err || !str_eq(c->name, ROOT))
			return err;
		return refuse(a, ERR_INVALID_REQUEST, STR("Removing the log level of the root logger is not allowed"));
	case ALTER_APPEND:
		return refuse(a, ERR_INVALID_REQUEST,
			      STR("APPEND operation is not allowed for the BROKER_LOGGER resource"));
	case ALTER_SUBTRACT:
		return refuse(a, ERR_INVALID_REQUEST,
			      STR("SUBTRACT operation is not allowed for the BROKER_LOGGER resource"));
	default:
		return refuse(a, ERR_INVALID_REQUEST,
			      arena_printf(&r->arena,
					   "Unknown operation type %d is not allowed for the BROKER_LOGGER resource",
					   c->operation));
	}
}

static int check_node(struct request *r, struct alteration *a)
{
	int32_t own = r->node->id, id;

	if (!str_to_i32(a->name, &id))
		return refuse(a, ERR_INVALID_REQUEST,
			      arena_printf(&r->arena, "Node id must be an integer, but it is: %.*s", STR_ARG(a->name)));
	if (id != own)
		return refuse(a, ERR_INVALID_REQUEST,
			      arena_printf(&r->arena, "Unexpected node id. Expected %d, but received %d", own, id));
	return 0;
}

/* A deleted logger gets the level with which the node began. */
static void change(struct node *n, const struct alter_change *c)
{
	enum diag_level level;

	if (c->operation == ALTER_DELETE)
		__atomic_store_n(&n->audit_level, audit_level_of(n->config), __ATOMIC_RELAXED);
	else if (parse(c->value, &level))
		set_level(n, c->name, level);
	diag_warn(n->env->diag, "level of diagnostics changed", "logger=%.*s level=%.*s", STR_ARG(c->name),
		  STR_ARG(logger_level(n, c->name)));
}

void logger_alter(struct request *r, struct alteration *a, bool validate_only)
{
	int err = check_node(r, a);

	for (int i = 0; i < a->n_changes && !err; i++)
		err = check_change(r, a, &a->changes[i]);
	a->done = true;
	for (int i = 0; i < a->n_changes && !err && !validate_only; i++)
		change(r->node, &a->changes[i]);
}
