/* Red-black tree (Guibas and Sedgewick 1978; the case analysis of Cormen et al., "Introduction to Algorithms").
 *
 * Invariants between calls: the root is black; a red node has black children; every path from a node down to an empty
 * place passes the same number of black nodes. Empty places count as black.
 */
#include "base/rbtree.h"

enum { RED = 0, BLACK = 1 };

static bool is_red(const struct rbnode *n) { return n && !(n->parent_color & 1); }
static void set_color(struct rbnode *n, unsigned color) { n->parent_color = (n->parent_color & ~(uintptr_t)1) | color; }
static void set_parent(struct rbnode *n, struct rbnode *p) { n->parent_color = (uintptr_t)p | (n->parent_color & 1); }

/* Makes `to` stand where `from` stands below from's parent. */
static void replace_child(struct rbroot *r, struct rbnode *parent, struct rbnode *from, struct rbnode *to)
{
	if (!parent)
		r->node = to;
	else if (parent->left == from)
		parent->left = to;
	else
		parent->right = to;
}

static void rotate_left(struct rbroot *r, struct rbnode *x)
{
	struct rbnode *y = x->right, *p = rb_parent(x);
	x->right = y->left;
	if (y->left)
		set_parent(y->left, x);
	y->left = x;
	replace_child(r, p, x, y);
	set_parent(y, p);
	set_parent(x, y);
}

static void rotate_right(struct rbroot *r, struct rbnode *x)
{
	struct rbnode *y = x->left, *p = rb_parent(x);
	x->left = y->right;
	if (y->right)
		set_parent(y->right, x);
	y->right = x;
	replace_child(r, p, x, y);
	set_parent(y, p);
	set_parent(x, y);
}

void rb_insert(struct rbroot *r, struct rbnode *n)
{
	struct rbnode *p;

	while ((p = rb_parent(n)) && is_red(p)) {
		struct rbnode *g = rb_parent(p); /* exists: a red node is not the root */
		bool left = g->left == p;
		struct rbnode *uncle = left ? g->right : g->left;

		if (is_red(uncle)) {
			set_color(p, BLACK);
			set_color(uncle, BLACK);
			set_color(g, RED);
			n = g;
			continue;
		}
		if (left && p->right == n) {
			rotate_left(r, p);
			p = n;
		} else if (!left && p->left == n) {
			rotate_right(r, p);
			p = n;
		}
		set_color(p, BLACK);
		set_color(g, RED);
		if (left)
			rotate_right(r, g);
		else
			rotate_left(r, g);
		break;
	}
	set_color(r->node, BLACK);
}

/* x (may be empty) below parent is one black short. */
static void erase_fixup(struct rbroot *r, struct rbnode *x, struct rbnode *parent)
{
	while (parent && !is_red(x)) {
		bool left = parent->left == x;
		struct rbnode *s = left ? parent->right : parent->left; /* exists: its side is one black longer */

		if (is_red(s)) {
			set_color(s, BLACK);
			set_color(parent, RED);
			if (left)
				rotate_left(r, parent);
			else
				rotate_right(r, parent);
			s = left ? parent->right : parent->left;
		}
		if (!is_red(s->left) && !is_red(s->right)) {
			set_color(s, RED);
			x = parent;
			parent = rb_parent(x);
			continue;
		}
		if (left && !is_red(s->right)) {
			set_color(s->left, BLACK);
			set_color(s, RED);
			rotate_right(r, s);
			s = parent->right;
		} else if (!left && !is_red(s->left)) {
			set_color(s->right, BLACK);
			set_color(s, RED);
			rotate_left(r, s);
			s = parent->left;
		}
		set_color(s, is_red(parent) ? RED : BLACK);
		set_color(parent, BLACK);
		if (left) {
			set_color(s->right, BLACK);
			rotate_left(r, parent);
		} else {
			set_color(s->left, BLACK);
			rotate_right(r, parent);
		}
		return;
	}
	if (x)
		set_color(x, BLACK);
}

void rb_erase(struct rbroot *r, struct rbnode *n)
{
	struct rbnode *child, *parent = rb_parent(n);
	bool black = !is_red(n);

	if (n->left && n->right) {
		struct rbnode *next = n->right; /* takes n's place and colour */

		while (next->left)
			next = next->left;
		child = next->right;
		black = !is_red(next);
		if (rb_parent(next) == n) {
			parent = next;
		} else {
			parent = rb_parent(next);
			parent->left = child;
			if (child)
				set_parent(child, parent);
			next->right = n->right;
			set_parent(next->right, next);
		}
		next->left = n->left;
		set_parent(next->left, next);
		replace_child(r, rb_parent(n), n, next);
		next->parent_color = n->parent_color;
	} else {
		child = n->left ? n->left : n->right;
		replace_child(r, parent, n, child);
		if (child)
			set_parent(child, parent);
	}
	if (black)
		erase_fixup(r, child, parent);
}

struct rbnode *rb_first(const struct rbroot *r)
{
	struct rbnode *n = r->node;
	while (n && n->left)
		n = n->left;
	return n;
}

struct rbnode *rb_last(const struct rbroot *r)
{
	struct rbnode *n = r->node;
	while (n && n->right)
		n = n->right;
	return n;
}

struct rbnode *rb_next(const struct rbnode *n)
{
	struct rbnode *p;

	if (n->right) {
		for (p = n->right; p->left;)
			p = p->left;
		return p;
	}
	while ((p = rb_parent(n)) && p->right == n)
		n = p;
	return p;
}

struct rbnode *rb_prev(const struct rbnode *n)
{
	struct rbnode *p;

	if (n->left) {
		for (p = n->left; p->right;)
			p = p->right;
		return p;
	}
	while ((p = rb_parent(n)) && p->left == n)
		n = p;
	return p;
}
