/* Intrusive doubly linked list with a head that is itself a node; an empty list points to itself. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/types.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
	next->prev = n;
	n->next = next;
	n->prev = prev;
	prev->next = n;
}
static inline void list_add_head(struct list *head, struct list *n) { list_insert_between(n, head, head->next); }
static inline void list_add_tail(struct list *head, struct list *n) { list_insert_between(n, head->prev, head); }
/* Removes n and leaves it as an empty list, so that removing it again is harmless. */
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
static inline bool list_linked(const struct list *n) { return n->next && n->next != n; }
/* Moves all nodes of `from` to the tail of `to`; `from` is empty afterwards. */
static inline void list_splice_tail(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first(head, type, member) container_of((head)->next, type, member)
#define list_last(head, type, member) container_of((head)->prev, type, member)
/* The node of pos. At the end of a walk pos is no object (its node would be the head), so it is only calculated with. */
#define list_node(pos, member) ((struct list *)((char *)(pos) + offsetof(__typeof__(*(pos)), member)))
#define list_next(pos, member) container_of(list_node(pos, member)->next, __typeof__(*(pos)), member)
#define list_for_each(pos, head, member)                                                                               \
	for (pos = list_first(head, __typeof__(*pos), member); list_node(pos, member) != (head); pos = list_next(pos, member))
#define list_for_each_safe(pos, tmp, head, member)                                                                     \
	for (pos = list_first(head, __typeof__(*pos), member), tmp = list_next(pos, member); list_node(pos, member) != (head);   \
	     pos = tmp, tmp = list_next(tmp, member))

#endif
