/*
 * acl_arguments: turns the options of `odradek acls` into resources and the ACL entries for each
 * (AclCommand's getResourceFilterToAcls).
 */
#ifndef ODRADEK_CLI_ACL_ARGUMENTS_H
#define ODRADEK_CLI_ACL_ARGUMENTS_H

#include "cli/tool.h"
#include "security/acl.h"

struct acl_entry {
	struct str principal;
	struct str host;
	int8_t operation;
	int8_t permission_type;
};

/* A set. */
struct acl_entries {
	struct acl_entry *v;
	int n;
	int cap;
};

struct acl_target {
	int8_t resource_type;
	int8_t pattern_type;
	struct str name;
	struct acl_entries entries;
};

/* A set. */
struct acl_targets {
	struct acl_target *v;
	int n;
	int cap;
};

/* In the tool's arena, like everything here. Call acl_targets_sort at the end. */
void acl_entries_add(struct tool *t, struct acl_entries *e, const struct acl_entry *one);
bool acl_entries_has(const struct acl_entries *e, const struct acl_entry *one);
/* The target of that resource, created if necessary. */
struct acl_target *acl_target_of(struct tool *t, struct acl_targets *all, int8_t resource_type, struct str name,
				 int8_t pattern_type);
/*
 * Sorts by resource, and by principal, operation and host. (Kafka's scripts print sets in an order
 * that changes with each run.)
 */
void acl_targets_sort(struct acl_targets *all);

/* The resources that were named, without entries. */
struct acl_targets acl_resources_named(struct tool *t);
/*
 * The resources with the entries that --add or --remove give them. Ends the tool when the options
 * make no sense.
 */
struct acl_targets acl_targets_named(struct tool *t);
/* The principals given by an option. */
struct str *acl_principals(struct tool *t, const char *option, int *n);
int8_t acl_pattern_asked(struct tool *t);

#endif
