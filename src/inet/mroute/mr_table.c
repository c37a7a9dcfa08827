/* Tables of multicast forwarding: virtual interfaces and entries come and go, and who is told.
 *
 * The table that rules lead to by default exists from a namespace's birth, others from the first MRT_TABLE (or `ip mrule … table N`) on.
 * Entries are found by (origin, group): exactly; by group alone, where an entry for any source lets the vif in that the packet came by;
 * by vif alone (MRT_ADD_MFC_PROXY). Entries are written by setsockopt(2) and netlink with all batons held; the packet path of the
 * namespace's home cpu counts in them, and adds unresolved ones.
 */
#include "core/event.h"
#include "inet/mroute/mroute.h"
#include "inet/route/fib.h"

static struct mem *mr_mem(const struct netns *net) { return &net->world->mem; }

static u32 key_hash(const struct netns *net, const struct inaddr *origin, const struct inaddr *group)
{
	return (u32)siphash_4u64(&net->world->hash_key, origin->q[0], origin->q[1], group->q[0], group->q[1]);
}

static void tell(struct cpu *cpu, struct mr_table *t, struct mr_entry *e, enum net_event ev)
{
	struct mr_event obj = { t, e };
	event_send(cpu, t->net, ev, &obj, 0);
}

/* -- tables -- */

struct mr_table *mr_table_find(struct netns *net, const struct mr_family *f, u32 id)
{
	struct mr_table *t;
	if (net->mroute)
		list_for_each(t, &net->mroute->tables, link)
			if (t->ops == f && t->id == id)
				return t;
	return NULL;
}

static void expire(void *owner, struct timer *timer);

struct mr_table *mr_table_get_or_new(struct netns *net, const struct mr_family *f, u32 id)
{
	struct mr_table *t = mr_table_find(net, f, id);
	if (t)
		return t;
	t = mem_zalloc(mr_mem(net), sizeof(*t));
	if (!t)
		return NULL;
	if (htable_init(&t->by_key, mr_mem(net), 16)) {
		mem_free(mr_mem(net), t);
		return NULL;
	}
	t->net = net;
	t->ops = f;
	t->id = id;
	t->reg_vif = -1;
	list_init(&t->entries);
	list_init(&t->unresolved);
	timer_init(&t->expire, expire);
	list_add_tail(&net->mroute->tables, &t->link);
	return t;
}

static bool known(struct netns *net, u8 rtnl_family, u32 id)
{
	return net->mroute && mr_table_find(net, rtnl_family == RTNL_FAMILY_IPMR ? net->mroute->v4 : net->mroute->v6, id);
}

struct mr_table *mr_table_of(struct cpu *cpu, struct netns *net, const struct mr_family *f, s32 iif, s32 oif, u32 mark)
{
	struct flow fl = { .family = f->rtnl_family, .iif = iif, .oif = oif, .mark = mark };
	u32 id;
	return fib_rules_table(net, &fl, known, &id) ? NULL : mr_table_find(net, f, id);
}

/* -- entries -- */

struct mr_entry *mr_entry_next(const struct mr_table *t, const struct inaddr *origin, const struct inaddr *group, struct mr_entry *prev)
{
	struct hnode *n = prev ? htable_next(&t->by_key, &prev->node) : htable_first(&t->by_key, key_hash(t->net, origin, group));
	for (; n; n = htable_next(&t->by_key, n)) {
		struct mr_entry *e = container_of(n, struct mr_entry, node);
		if (inaddr_eq(&e->origin, origin) && inaddr_eq(&e->group, group))
			return e;
	}
	return NULL;
}

struct mr_entry *mr_entry_find(const struct mr_table *t, const struct inaddr *origin, const struct inaddr *group, s32 parent)
{
	struct mr_entry *e = NULL;
	while ((e = mr_entry_next(t, origin, group, e)) && parent >= 0 && e->parent != parent)
		;
	return e;
}

static void entry_free(struct cpu *cpu, struct mr_table *t, struct mr_entry *e)
{
	struct sk_buff *skb;
	while ((skb = skb_list_pop(&e->waiting)))
		skb_drop_net(cpu, t->net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
	mem_free(mr_mem(t->net), e);
}

static void entry_drop(struct cpu *cpu, struct mr_table *t, struct mr_entry *e)
{
	htable_del(&t->by_key, &e->node);
	list_del(&e->link);
	tell(cpu, t, e, EV_MROUTE_DEL);
	entry_free(cpu, t, e);
}

static void unresolved_drop(struct cpu *cpu, struct mr_table *t, struct mr_entry *e)
{
	list_del(&e->link);
	t->nunresolved--;
	tell(cpu, t, e, EV_MROUTE_DEL);
	entry_free(cpu, t, e);
}

/* What waited too long for an answer. */
static void expire(void *owner, struct timer *timer)
{
	struct mr_table *t = container_of(timer, struct mr_table, expire);
	struct cpu *cpu = owner;
	struct mr_entry *e, *tmp;
	u64 next = UINT64_MAX;
	list_for_each_safe(e, tmp, &t->unresolved, link) {
		if (e->expires > cpu->now)
			next = MIN(next, e->expires);
		else
			unresolved_drop(cpu, t, e);
	}
	if (next != UINT64_MAX)
		cpu_timer_arm(cpu, &t->expire, next);
}

static void set_ttls(struct cpu *cpu, struct mr_table *t, struct mr_entry *e, const u8 *ttl, u32 n)
{
	memset(e->ttl, MR_TTL_OFF, sizeof(e->ttl));
	e->minvif = MR_VIFS;
	e->maxvif = 0;
	for (u32 i = 0; i < MIN(n, t->nvifs); i++) {
		if (!t->vif[i].dev || !ttl[i] || ttl[i] == MR_TTL_OFF)
			continue;
		e->ttl[i] = ttl[i];
		e->minvif = (u8)MIN((u32)e->minvif, i);
		e->maxvif = (u8)(i + 1);
	}
	e->last_used = cpu->now;
}

static void release_waiting(struct cpu *cpu, struct mr_table *t, struct mr_entry *e)
{
	struct mr_entry *u;
	struct sk_buff *skb;
	list_for_each(u, &t->unresolved, link) {
		if (!inaddr_eq(&u->origin, &e->origin) || !inaddr_eq(&u->group, &e->group))
			continue;
		list_del(&u->link);
		t->nunresolved--;
		if (list_empty(&t->unresolved))
			timer_cancel(&t->expire);
		while ((skb = skb_list_pop(&u->waiting)))
			mr_forward(cpu, t, e, skb, mr_vif_of(t, skb->dev), false);
		mem_free(mr_mem(t->net), u);
		return;
	}
}

int mr_entry_set(struct cpu *cpu, struct mr_table *t, const struct mr_entry_config *c)
{
	struct mr_entry *e;
	if (c->parent >= MR_VIFS)
		return -ENFILE;
	e = mr_entry_find(t, &c->origin, &c->group, c->parent_given ? c->parent : -1);
	if (e) {
		e->parent = c->parent;
		set_ttls(cpu, t, e, c->ttl, c->nttl);
		e->is_static |= c->is_static;
		tell(cpu, t, e, EV_MROUTE_ADD);
		return 0;
	}
	if (!inaddr_is_any(&c->group) &&
	    !(t->ops->family == AF_INET ? v4_is_multicast(inaddr_v4(&c->group)) : v6_is_multicast(&c->group)))
		return -EINVAL;
	e = mem_zalloc(mr_mem(t->net), sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->origin = c->origin;
	e->group = c->group;
	e->parent = c->parent;
	e->is_static = c->is_static;
	skb_list_init(&e->waiting);
	set_ttls(cpu, t, e, c->ttl, c->nttl);
	htable_add(&t->by_key, &e->node, key_hash(t->net, &e->origin, &e->group));
	list_add_tail(&t->entries, &e->link);
	release_waiting(t->net->home, t, e);
	tell(cpu, t, e, EV_MROUTE_ADD);
	return 0;
}

int mr_entry_del(struct cpu *cpu, struct mr_table *t, const struct mr_entry_config *c)
{
	struct mr_entry *e = mr_entry_find(t, &c->origin, &c->group, c->parent_given ? c->parent : -1);
	if (!e)
		return -ENOENT;
	entry_drop(cpu, t, e);
	return 0;
}

/* -- vifs -- */

s32 mr_vif_of(const struct mr_table *t, const struct net_device *dev)
{
	for (s32 i = (s32)t->nvifs - 1; i >= 0; i--)
		if (t->vif[i].dev == dev)
			return i;
	return -1;
}

int mr_vif_add(struct cpu *cpu, struct mr_table *t, const struct mr_vif_config *c)
{
	struct mr_vif *v = &t->vif[c->vif];
	struct net_device *dev = c->dev;
	if (v->dev)
		return -EADDRINUSE;
	if (c->is_register) {
		if (t->reg_vif >= 0)
			return -EADDRINUSE;
		dev = mr_register_dev(cpu, t);
		if (!dev)
			return -ENOBUFS;
	}
	if (!dev || !t->ops->dev_ready(dev))
		return -EADDRNOTAVAIL;
	dev_set_allmulti(cpu, dev, 1);
	t->ops->conf(cpu, t->net, dev, 1);
	*v = (struct mr_vif){ .rate_limit = c->rate_limit, .threshold = c->threshold, .local = c->local, .remote = c->remote,
			      .is_register = c->is_register, .flags = c->flags | (c->is_static ? MR_VIF_STATIC : 0), .dev = dev, .link = dev_iflink(dev) };
	if (c->is_register)
		t->reg_vif = (s32)c->vif;
	t->nvifs = MAX(t->nvifs, c->vif + 1);
	return 0;
}

/* gone: the device leaves by itself. */
static int vif_drop(struct cpu *cpu, struct mr_table *t, u32 vif, bool gone)
{
	struct mr_vif *v = &t->vif[vif];
	struct net_device *dev = v->dev;
	if (vif >= t->nvifs || !dev)
		return -EADDRNOTAVAIL;
	v->dev = NULL;
	if (t->reg_vif == (s32)vif)
		t->reg_vif = -1;
	while (t->nvifs && !t->vif[t->nvifs - 1].dev)
		t->nvifs--;
	dev_set_allmulti(cpu, dev, -1);
	t->ops->conf(cpu, t->net, dev, -1);
	if (v->is_register && !gone)
		dev_unregister(cpu, dev);
	return 0;
}

int mr_vif_del(struct cpu *cpu, struct mr_table *t, u32 vif) { return vif_drop(cpu, t, MIN(vif, (u32)MR_VIFS - 1), false); }

/* -- who uses a table -- */

int mr_socket_take(struct cpu *cpu, struct mr_table *t, struct sock *sk)
{
	if (t->sk)
		return -EADDRINUSE;
	t->sk = sk;
	t->ops->conf(cpu, t->net, NULL, 1);
	return 0;
}

void mr_flush(struct cpu *cpu, struct mr_table *t, int what)
{
	struct mr_entry *e, *tmp;
	for (u32 i = 0; i < MR_VIFS; i++) {
		if (t->vif[i].dev && what & (t->vif[i].flags & MR_VIF_STATIC ? MR_FLUSH_VIFS_STATIC : MR_FLUSH_VIFS))
			vif_drop(cpu, t, i, false);
	}
	list_for_each_safe(e, tmp, &t->entries, link)
		if (what & (e->is_static ? MR_FLUSH_ENTRIES_STATIC : MR_FLUSH_ENTRIES))
			entry_drop(cpu, t, e);
	if (!(what & MR_FLUSH_ENTRIES))
		return;
	list_for_each_safe(e, tmp, &t->unresolved, link)
		unresolved_drop(cpu, t, e);
}

void mr_socket_leave(struct cpu *cpu, struct netns *net, const struct mr_family *f, const struct sock *sk)
{
	struct mr_table *t;
	if (!net->mroute)
		return;
	list_for_each(t, &net->mroute->tables, link) {
		if (t->ops != f || t->sk != sk)
			continue;
		f->conf(cpu, net, NULL, -1);
		t->sk = NULL;
		mr_flush(cpu, t, MR_FLUSH_VIFS | MR_FLUSH_ENTRIES);
	}
}

/* -- life -- */

/* A packet that waits is not to outlive the device it came by. */
static void forget_waiting(struct cpu *cpu, struct mr_table *t, const struct net_device *dev)
{
	struct mr_entry *e;
	list_for_each(e, &t->unresolved, link)
		for (u32 n = e->waiting.count; n; n--) {
			struct sk_buff *skb = skb_list_pop(&e->waiting);
			if (skb->dev == dev)
				skb_drop_net(cpu, t->net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
			else
				skb_list_add(&e->waiting, skb);
		}
}

static void link_event(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	struct mr_table *t;
	if (ev != EV_LINK_UNREGISTER || !net->mroute)
		return;
	list_for_each(t, &net->mroute->tables, link) {
		for (u32 i = 0; i < MR_VIFS; i++)
			if (t->vif[i].dev == obj)
				vif_drop(cpu, t, i, true);
		forget_waiting(cpu, t, obj);
	}
}

static void netns_exit(struct netns *net)
{
	struct mr_table *t;
	list_for_each(t, &net->mroute->tables, link) {
		mr_flush(config_cpu(net->world), t, ~0);
		timer_cancel(&t->expire);
	}
}

static void netns_fini(struct netns *net)
{
	struct mr_table *t, *tmp;
	if (!net->mroute)
		return;
	list_for_each_safe(t, tmp, &net->mroute->tables, link) {
		htable_fini(&t->by_key);
		mem_free(mr_mem(net), t);
	}
	mem_free(mr_mem(net), net->mroute);
	net->mroute = NULL;
}

int mr_family_start(struct netns *net, const struct mr_family *f)
{
	if (!net->mroute) /* a stack without multicast forwarding */
		return 0;
	*(f->family == AF_INET ? &net->mroute->v4 : &net->mroute->v6) = f;
	return mr_table_get_or_new(net, f, f->default_table) ? 0 : -ENOMEM;
}

static int netns_init(struct netns *net)
{
	net->mroute = mem_zalloc(mr_mem(net), sizeof(*net->mroute));
	if (!net->mroute)
		return -ENOMEM;
	list_init(&net->mroute->tables);
	return 0;
}

const struct subsys mroute_subsys = { .name = "mroute", .netns_init = netns_init, .netns_exit = netns_exit, .netns_fini = netns_fini };
const struct event_sub mroute_event_sub = { .fn = link_event };
