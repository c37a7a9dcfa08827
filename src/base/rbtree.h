/* Red-black tree, intrusive: the caller walks down to the place, links, and lets the tree recolour.
 *
 *	struct rbnode **at = &root->node, *parent = NULL;
 *	while (*at) { parent = *at; at = less(new, parent) ? &parent->left : &parent->right; }
 *	rb_link(new, parent, at); rb_insert(root, new);
 *
 * Insertion, removal and search take O(log n); stepping is O(1) on average. The tree owns nothing.
 */
#ifndef BASE_RBTREE_H
#define BASE_RBTREE_H

#include "base/types.h"

struct rbnode {
	struct rbnode *left, *right;
	uintptr_t parent_color; /* parent's address; bit 0: black */
};
struct rbroot {
	struct rbnode *node;
};

static inline struct rbnode *rb_parent(const struct rbnode *n) { return (struct rbnode *)(n->parent_color & ~(uintptr_t)1); }
static inline bool rb_empty(const struct rbroot *r) { return !r->node; }
static inline void rb_link(struct rbnode *n, struct rbnode *parent, struct rbnode **at)
{
	n->left = n->right = NULL;
	n->parent_color = (uintptr_t)parent; /* red */
	*at = n;
}
void rb_insert(struct rbroot *r, struct rbnode *n); /* after rb_link */
void rb_erase(struct rbroot *r, struct rbnode *n);
struct rbnode *rb_first(const struct rbroot *r);
struct rbnode *rb_last(const struct rbroot *r);
struct rbnode *rb_next(const struct rbnode *n);
struct rbnode *rb_prev(const struct rbnode *n);

#endif
