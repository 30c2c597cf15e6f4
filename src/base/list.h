/*
 * list: an intrusive circular doubly linked list. A list head and an unlinked member point to
 * themselves.
 */
#ifndef ODRADEK_BASE_LIST_H
#define ODRADEK_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev;
	struct list *next;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define list_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
/* The current member may be removed during the walk. */
#define list_each_safe(it, head)                                                                                       \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)

static inline void list_init(struct list *l) { l->prev = l->next = l; }

static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_add_after(struct list *at, struct list *l)
{
	l->prev = at;
	l->next = at->next;
	at->next->prev = l;
	at->next = l;
}

static inline void list_push(struct list *head, struct list *l) /* at the end */ { list_add_after(head->prev, l); }

static inline void list_remove(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

static inline struct list *list_first(struct list *head) /* NULL when empty */
{
	return list_empty(head) ? NULL : head->next;
}

/* Moves all members of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#endif
