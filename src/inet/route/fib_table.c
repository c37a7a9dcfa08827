/* Routing tables: which routes a prefix has and in which order; insertion, replacement and deletion as netlink's flags ask.
 *
 * A prefix's routes form a list, tos descending, then priority ascending; the LPM holds its head. Add is CREATE|EXCL, change
 * REPLACE, replace CREATE|REPLACE, append CREATE|APPEND, prepend CREATE alone. Two routes of equal tos and priority may stand
 * side by side when they differ in type or next hops.
 *
 * A removed fib_alias waits for an epoch with others of its kind (struct fib_alias_batch).
 */
#include "inet/route/fib_priv.h"
#include "inet/route/nexthop.h"

struct fib_alias_batch {
	struct epoch_node epoch;
	struct world *w;
	unsigned n;
	struct fib_alias *a[60];
};

static void batch_free(struct epoch_node *node)
{
	struct fib_alias_batch *b = container_of(node, struct fib_alias_batch, epoch);
	struct mem *mem = &b->w->mem;
	for (unsigned i = 0; i < b->n; i++)
		mem_free(mem, b->a[i]);
	mem_free(mem, b);
}

void fib_alias_batch_close(struct netns *net)
{
	struct fib_alias_batch *b = net->fib->alias_batch;
	net->fib->alias_batch = NULL;
	if (b)
		epoch_defer_node(net->world, &b->epoch, batch_free);
}

void fib_alias_free(struct netns *net, struct fib_alias *a)
{
	struct fib_alias_batch *b = net->fib->alias_batch;
	if (a->fi->family == AF_INET6)
		fib_exceptions_free(net, fib6_alias(a)->exceptions);
	fib_info_put(a->fi);
	if (!b) {
		b = mem_alloc(fib_mem(net), sizeof(*b));
		if (!b) {
			mem_free(fib_mem(net), a); /* all batons are held: nobody is reading it now */
			return;
		}
		b->w = net->world;
		b->n = 0;
		net->fib->alias_batch = b;
	}
	b->a[b->n++] = a;
	if (b->n == ARRAY_SIZE(b->a))
		fib_alias_batch_close(net);
}

/* -- the tables -- */

struct fib_table *fib_table_find(struct netns *net, u8 family, u32 id)
{
	struct fib_table *t;
	if (family == AF_INET && (id == RT_TABLE_MAIN || id == RT_TABLE_UNSPEC))
		return net->fib->main4;
	if (family == AF_INET && id == RT_TABLE_LOCAL)
		return net->fib->local4;
	if (family == AF_INET6 && (id == RT_TABLE_MAIN || id == RT_TABLE_UNSPEC) && net->fib->main6)
		return net->fib->main6;
	if (family == AF_INET6 && id == RT_TABLE_LOCAL && net->fib->local6)
		return net->fib->local6;
	list_for_each(t, &net->fib->tables, link)
		if (t->family == family && t->id == id)
			return t;
	return NULL;
}

struct fib_table *fib_table_get_or_new(struct netns *net, u8 family, u32 id)
{
	struct fib_table *t = fib_table_find(net, family, id ? id : RT_TABLE_MAIN), *next;
	if (t)
		return t;
	t = mem_zalloc(fib_mem(net), sizeof(*t));
	if (!t)
		return NULL;
	t->net = net;
	t->id = id ? id : RT_TABLE_MAIN;
	t->family = family;
	t->order = (u64)family << 40 | (u64)(t->id & 255) << 32 | (UINT32_MAX - ++net->fib->tables_made);
	if (lpm_init(&t->lpm, fib_mem(net), net->world, family == AF_INET ? 32 : 128)) {
		mem_free(fib_mem(net), t);
		return NULL;
	}
	list_for_each(next, &net->fib->tables, link)
		if (next->order > t->order)
			break;
	list_add_tail(&next->link, &t->link);
	if (family == AF_INET && t->id == RT_TABLE_DEFAULT)
		net->fib->default4 = t;
	return t;
}

void fib_table_free_all(struct netns *net)
{
	struct fib_table *t, *tmp;
	fib_alias_batch_close(net);
	list_for_each_safe(t, tmp, &net->fib->tables, link) {
		list_del(&t->link);
		lpm_fini(&t->lpm);
		mem_free(fib_mem(net), t);
	}
}

/* -- one prefix's list -- */

void fib_announce(struct cpu *cpu, struct netns *net, enum net_event ev, const struct fib_alias *a, const struct fib_config *c,
		  u32 nl_flags)
{
	struct fib_event e = { .alias = a, .family = c->family, .portid = c->portid, .seq = c->seq, .nl_flags = nl_flags };
	event_send(cpu, net, ev, &e, 0);
}

/* Puts a new route in front of *at (a place in the list whose head is `head`; at the head, the LPM has to learn it). */
static int link_at(struct fib_table *t, struct lpm_key key, struct fib_alias *head, struct fib_alias *prev, struct fib_alias *a)
{
	int err;
	if (prev) {
		a->next = prev->next;
		ptr_publish(prev->next, a);
	} else {
		a->next = head;
		err = lpm_set(&t->lpm, key, a->prefix_len, a, NULL);
		if (err)
			return -ENOBUFS;
	}
	t->routes++;
	t->used = true;
	return 0;
}

void fib_alias_unlink(struct fib_table *t, struct fib_alias *prev, struct fib_alias *a)
{
	struct lpm_key key = lpm_key_of(t->family, &a->prefix);
	if (prev)
		ptr_publish(prev->next, a->next);
	else if (a->next)
		lpm_set(&t->lpm, key, a->prefix_len, a->next, NULL); /* in place: cannot fail */
	else
		lpm_remove(&t->lpm, key, a->prefix_len);
	t->routes--;
}

static int check_prefix(const struct fib_config *c, struct lpm_key key)
{
	if (c->prefix_len > fib_key_bits(c->family)) {
		NL_SET_ERR(c->ack, "Invalid prefix length");
		return -EINVAL;
	}
	if (!lpm_key_eq(lpm_key_mask(key, c->prefix_len), key)) {
		NL_SET_ERR(c->ack, "Invalid prefix for given prefix length");
		return -EINVAL;
	}
	return 0;
}

static bool same_rank(const struct fib_alias *a, const struct fib_config *c)
{
	return a->tos == c->tos && a->fi->priority == c->priority;
}

/* Where a new route goes, and what stands in its way. */
struct place {
	struct fib_alias *head, *prev; /* insert behind prev, or at the head */
	struct fib_alias *first, *before_first; /* first of equal tos and priority */
	struct fib_alias *match, *last_equal;	/* of these: the same route; the last one */
};

static void find_place(struct fib_alias *head, const struct fib_config *c, const struct fib_info *fi, struct place *p)
{
	struct fib_alias *prev = NULL;
	*p = (struct place){ .head = head };
	for (struct fib_alias *a = head; a; prev = a, a = a->next) {
		if (same_rank(a, c)) {
			if (!p->first) {
				p->first = a;
				p->before_first = prev;
			}
			if (!p->match && a->type == c->type && a->fi == fi)
				p->match = a;
			p->last_equal = a;
		} else if (a->tos < c->tos || (a->tos == c->tos && a->fi->priority > c->priority)) {
			break;
		}
	}
	p->prev = prev;
	if (p->first)
		p->prev = c->nl_flags & NLM_F_APPEND ? p->last_equal : p->before_first;
}

static struct fib_alias *alias_new(struct netns *net, struct fib_table *t, const struct fib_config *c, struct fib_info *fi)
{
	struct fib_alias *a = mem_alloc(fib_mem(net), sizeof(*a));
	if (a)
		*a = (struct fib_alias){ .fi = fi, .tos = c->tos, .type = c->type, .prefix_len = c->prefix_len, .table = t->id,
					 .prefix = c->dst };
	return a;
}

static int replace_route(struct cpu *cpu, struct netns *net, struct fib_table *t, const struct fib_config *c, struct lpm_key key,
			 struct place *p, struct fib_info *fi)
{
	struct fib_alias *old = p->first, *a;
	if (p->match) {
		fib_info_put(fi);
		return p->match == old ? 0 : -EEXIST;
	}
	a = alias_new(net, t, c, fi);
	if (!a) {
		fib_info_put(fi);
		return -ENOBUFS;
	}
	a->state = old->state;
	a->next = old->next;
	if (p->before_first)
		ptr_publish(p->before_first->next, a);
	else
		lpm_set(&t->lpm, key, a->prefix_len, a, NULL); /* in place: cannot fail */
	fib_genid_bump(net);
	fib_announce(cpu, net, EV_ROUTE_REPLACE, a, c, NLM_F_REPLACE);
	fib_alias_free(net, old);
	return 0;
}

int fib_route_add(struct cpu *cpu, struct netns *net, const struct fib_config *c)
{
	struct lpm_key key = lpm_key_of(c->family, &c->dst);
	struct fib_table *t;
	struct fib_info *fi;
	struct fib_alias *a;
	struct place p;
	int err;
	u32 flags = NLM_F_CREATE | NLM_F_EXCL;

	if (c->family == AF_INET6)
		return fib6_route_add(cpu, net, c);
	err = check_prefix(c, key);
	if (err)
		return err;
	t = fib_table_get_or_new(net, c->family, c->table);
	if (!t)
		return -ENOBUFS;
	struct fib_config own = *c;
	own.table = t->id;
	c = &own;
	err = fib_info_make(cpu, net, c, &fi);
	if (err)
		return err;
	find_place(lpm_find(&t->lpm, key, c->prefix_len), c, fi, &p);
	if (p.first) {
		err = -EEXIST;
		if (c->nl_flags & NLM_F_EXCL)
			goto fail;
		if (c->nl_flags & NLM_F_REPLACE)
			return replace_route(cpu, net, t, c, key, &p, fi);
		if (p.match)
			goto fail;
		if (c->nl_flags & NLM_F_APPEND)
			flags |= NLM_F_APPEND;
		flags &= ~(u32)NLM_F_EXCL;
	}
	err = -ENOENT;
	if (!(c->nl_flags & NLM_F_CREATE))
		goto fail;
	err = -ENOBUFS;
	a = alias_new(net, t, c, fi);
	if (!a)
		goto fail;
	err = link_at(t, key, p.head, p.prev, a);
	if (err) {
		mem_free(fib_mem(net), a);
		goto fail;
	}
	if (c->type == RTN_LOCAL && c->portid)
		net->fib->custom_local = true;
	fib_genid_bump(net);
	fib_announce(cpu, net, EV_ROUTE_ADD, a, c, flags);
	return 0;
fail:
	fib_info_put(fi);
	return err;
}

int fib_route_del(struct cpu *cpu, struct netns *net, const struct fib_config *c)
{
	struct lpm_key key = lpm_key_of(c->family, &c->dst);
	struct fib_table *t = fib_table_find(net, c->family, c->table ? c->table : RT_TABLE_MAIN);
	struct fib_alias *prev = NULL;
	int err;

	err = c->family == AF_INET ? check_prefix(c, key) : 0;
	if (err)
		return err;
	if (c->nh_id && !nexthop_find(net, c->nh_id)) {
		NL_SET_ERR(c->ack, "Nexthop id does not exist");
		return -EINVAL;
	}
	if (c->family == AF_INET6)
		return fib6_route_del(cpu, net, c);
	if (!t) {
		NL_SET_ERR(c->ack, "FIB table does not exist");
		return -ESRCH;
	}
	for (struct fib_alias *a = lpm_find(&t->lpm, key, c->prefix_len); a; prev = a, a = a->next) {
		if (a->tos != c->tos || (c->type && a->type != c->type) || (c->scope != RT_SCOPE_NOWHERE && a->fi->scope != c->scope) ||
		    (c->has_prefsrc && !inaddr_eq(&a->fi->prefsrc, &c->prefsrc)) || (c->protocol && a->fi->protocol != c->protocol) ||
		    !fib_info_matches(a->fi, c))
			continue;
		fib_alias_unlink(t, prev, a);
		fib_genid_bump(net);
		fib_announce(cpu, net, EV_ROUTE_DEL, a, c, 0);
		fib_alias_free(net, a);
		return 0;
	}
	return -ESRCH;
}
