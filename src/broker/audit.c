/*
 * audit: writes log lines about decisions within a budget per second, and counts them.
 */
#include "broker/audit.h"

#include "base/diag.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/counters.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "config/config.h"
#include "wire/protocol.h"

enum audit_level audit_level_of(const struct config *c)
{
	struct str level = config_string(c, CONFIG_ODRADEK_AUTHORIZER_AUDIT);

	return str_is(level, "all") ? AUDIT_ALL : str_is(level, "denied") ? AUDIT_DENIED : AUDIT_OFF;
}

static int64_t lines_a_second(const struct node *n)
{
	int64_t all = config_int(n->config, CONFIG_ODRADEK_AUTHORIZER_AUDIT_RATE);

	return all / n->n_cores > 0 ? all / n->n_cores : 1;
}

static bool has_room(struct request *r)
{
	struct audit *a = &r->core->audit;
	/* by the clock, not by the request, which may have waited for long */
	int64_t second = env_mono_ns(r->core->loop->env) / 1000000000;

	if (second > a->second) {
		a->second = second;
		a->n = 0;
	}
	if (a->n >= lines_a_second(r->node)) {
		count(&a->left_out, 1);
		a->unsaid++;
		return false;
	}
	a->n++;
	return true;
}

static const char *api_name(const struct request *r)
{
	const struct api_info *info = api_info_find(r->api->key);

	return info ? info->name : "";
}

static void write_line(struct request *r, const struct authorizer_action *action, const struct authorizer_verdict *v)
{
	struct diag *diag = r->core->loop->env->diag;
	struct audit *a = &r->core->audit;
	struct str rule = authorizer_rule_text(v, &r->arena);
	struct str line = arena_printf(
		&r->arena,
		"Principal = %.*s is %s operation = %s from host = %.*s on resource = %s:LITERAL:%.*s for request = %s "
		"with resourceRefCount = 1 based on rule %.*s",
		STR_ARG(request_identity(r)->text), v->allowed ? "Allowed" : "Denied",
		acl_operation_name(action->operation)->upper, STR_ARG(request_identity(r)->host),
		acl_resource_name(action->resource)->pascal, STR_ARG(action->name), api_name(r), STR_ARG(rule));

	if (!line.p)
		return;
	if (a->unsaid > 0)
		diag_info(diag, "audit lines left out", "count=%lld", (long long)a->unsaid);
	a->unsaid = 0;
	diag_info(diag, line.p, NULL);
}

void audit_note(struct request *r, const struct authorizer_action *action, const struct authorizer_verdict *v,
		bool silent)
{
	int level = __atomic_load_n(&r->node->audit_level, __ATOMIC_RELAXED);

	count(v->allowed ? &r->core->audit.allowed : &r->core->audit.denied, 1);
	if (!silent && level >= (v->allowed ? AUDIT_ALL : AUDIT_DENIED) && has_room(r))
		write_line(r, action, v);
}
