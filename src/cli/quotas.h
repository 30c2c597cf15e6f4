/* quotas: the part of `odradek configs` that deals with users, clients and addresses. */
#ifndef ODRADEK_CLI_QUOTAS_H
#define ODRADEK_CLI_QUOTAS_H

#include "cli/tool.h"

enum { CONFIG_CHANGES_MAX = 1024, QUOTA_TYPES = 3 };

struct config_change {
	struct str name;
	struct str value;
	bool remove;
};

struct config_changes {
	struct config_change v[CONFIG_CHANGES_MAX];
	int n;
};

struct quota_entity {
	const char *type[QUOTA_TYPES]; /* "user", "client-id", "ip" */
	const char *name[QUOTA_TYPES]; /* "": the default; NULL: any, when describing */
	int n;
};

bool quota_is_known(bool of_ip, struct str name);
void quotas_describe(struct tool *t, const struct quota_entity *e);
void quotas_alter(struct tool *t, const struct quota_entity *e, const struct config_changes *c);
/* Describes all users when n is 0. */
void scram_describe(struct tool *t, const char *const *users, int n);

#endif
