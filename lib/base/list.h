/* Intrusive doubly linked lists: the struct that is listed holds its own links. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A head is a link that points to itself when the list is empty; so does a link that is on no list. */
struct link {
    struct link *prev, *next;
};

static inline void list_init(struct link *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct link *head)
{
    return head->next == head;
}

static inline void list_append(struct link *head, struct link *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

/* Leaves l on no list; harmless when it is on none. */
static inline void list_remove(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

/* The struct that holds this link. */
#define list_entry(l, type, member) ((type *)(void *)((char *)(l)-offsetof(type, member)))

/* The first entry's struct; the list must not be empty. */
#define list_first(head, type, member) list_entry((head)->next, type, member)

#define list_each(l, head) for (struct link *l = (head)->next; l != (head); l = l->next)

/* As list_each, and the entry at hand may be removed. */
#define list_each_safe(l, head) \
    for (struct link *l = (head)->next, *l##_next = l->next; l != (head); l = l##_next, l##_next = l->next)

#endif
