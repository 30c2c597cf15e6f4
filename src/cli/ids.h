/* ids: lists of broker ids, such as the replicas of a partition. Memory comes from the tool's arena. */
#ifndef ODRADEK_CLI_IDS_H
#define ODRADEK_CLI_IDS_H

#include "cli/tool.h"

struct id_list {
	int32_t *v;
	int32_t n; /* < 0: unknown */
};

/* A view of a list in a message. */
#define IDS(list) ((struct id_list){(list).v, (list).n})

struct str ids_text(struct tool *t, struct id_list l); /* "1,2,3" */
json_t *ids_json(struct id_list l);
bool ids_have(struct id_list l, int32_t id);
bool id_lists_equal(struct id_list a, struct id_list b); /* compares order too */
struct id_list ids_new(struct tool *t, int cap);
void ids_add(struct id_list *l, int32_t id); /* unless it is there already; there must be room */
int id_compare(const void *a, const void *b);

#endif
