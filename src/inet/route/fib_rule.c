/* Routing policy rules, of both families: their list, what they match, how a lookup goes through them, ip-rule(8).
 *
 * Rules stand in the order of preference, equal ones in the order they came. A lookup asks each that matches until one answers
 * something else than "not here" (-EAGAIN). A goto leads to the first rule of its target's preference, or is passed over while there is
 * none. Devices are named by name: a rule waits for one that is not there.
 */
#include <linux/fib_rules.h>

#include "inet/route/fib_priv.h"

/* -- matching -- */

static bool in_prefix(const struct inaddr *a, const struct inaddr *prefix, u8 len, u8 family)
{
	struct lpm_key k = lpm_key_mask(lpm_key_of(family, a), len);
	return lpm_key_eq(k, lpm_key_of(family, prefix));
}

static bool port_matches(const struct fib_port_range *r, be16 port)
{
	u16 p = be16_to_cpu(port);
	if (!r->first)
		return true;
	if (r->mask != 0xffff)
		return (p & r->mask) == (r->first & r->mask);
	return p >= r->first && p <= r->last;
}

/* The VRF that a flow belongs to, by the device it is bound to or came from; NULL: none. */
static struct net_device *l3_master(struct netns *net, s32 ifindex)
{
	struct net_device *dev = dev_by_index(net, ifindex);
	if (dev && !dev->l3mdev_table)
		dev = dev->master && dev->master->l3mdev_table ? dev->master : NULL;
	return dev;
}

static bool selects(const struct fib_rule *r, const struct flow *fl, u32 l3_table)
{
	s32 iif = fl->iif ? fl->iif : 1; /* ours: loopback, which has index 1 everywhere */
	if ((r->iif && r->iif != iif) || (r->oif && r->oif != fl->oif) || (r->mark ^ fl->mark) & r->mark_mask ||
	    (r->tun_id && r->tun_id != fl->tun_id) || (r->l3mdev && !l3_table))
		return false;
	if (r->has_uid && (fl->uid < r->uid_first || fl->uid > r->uid_last))
		return false;
	if ((r->src_len && !in_prefix(&fl->saddr, &r->src, r->src_len, r->family)) ||
	    (r->dst_len && !in_prefix(&fl->daddr, &r->dst, r->dst_len, r->family)))
		return false;
	if (r->dscp_full ? (fl->tos ^ r->dscp) & r->dscp_mask : r->dscp && r->dscp != fib_tos(fl))
		return false;
	if (r->flowlabel_mask && (be32_to_cpu(fl->flowlabel) ^ r->flowlabel) & r->flowlabel_mask)
		return false;
	return (!r->ip_proto || r->ip_proto == fl->proto) && port_matches(&r->sport, fl->sport) && port_matches(&r->dport, fl->dport);
}

static int act(struct cpu *cpu, struct netns *net, const struct fib_rule *r, const struct flow *fl, u32 l3_table, struct fib_result *res)
{
	struct fib_table *tb;
	switch (r->action) {
	case FR_ACT_TO_TBL:
		tb = fib_table_find(net, r->family, r->l3mdev ? l3_table : r->table);
		if (!tb)
			return -EAGAIN;
		return r->family == AF_INET ? fib_table_lookup(cpu, net, tb, fl, res, false) : fib6_table_lookup(cpu, net, tb, fl, res);
	case FR_ACT_UNREACHABLE:
		return -ENETUNREACH;
	case FR_ACT_PROHIBIT:
		return -EACCES;
	default:
		return -EINVAL;
	}
}

static bool suppressed(const struct fib_rule *r, const struct fib_result *res)
{
	const struct net_device *dev = res->nh ? res->nh->dev : NULL;
	if (!res->alias)
		return false;
	return (r->suppress_prefixlen >= 0 && res->alias->prefix_len <= r->suppress_prefixlen) ||
	       (r->suppress_ifgroup >= 0 && dev && dev->group == (u32)r->suppress_ifgroup);
}

int fib_rules_lookup(struct cpu *cpu, struct netns *net, const struct flow *asked, struct fib_result *res)
{
	struct list *rules = fib_rules(net, asked->family);
	const struct flow *fl = asked;
	struct flow in_vrf;
	u32 l3_table = 0;
	struct fib_rule *r;

	if (unlikely(net->fib->rules_want_l3mdev) && (fl->oif || fl->iif > 1)) {
		struct net_device *master = l3_master(net, fl->oif ? fl->oif : fl->iif);
		l3_table = master ? master->l3mdev_table : 0;
		/* The VRF itself: its table, any of its devices; but what means something on one link only is not on any of its own. */
		if (master && master->ifindex == fl->oif && !(fl->family == AF_INET6 && (v6_needs_scope(&fl->daddr) || v6_is_multicast(&fl->daddr)))) {
			in_vrf = *fl;
			in_vrf.oif = 0;
			fl = &in_vrf;
		}
	}
	list_for_each(r, rules, link) {
		int err;
jumped:
		if (selects(r, fl, l3_table) == !!(r->flags & FIB_RULE_INVERT))
			continue;
		if (r->action == FR_ACT_GOTO && r->jump) {
			r = r->jump;
			goto jumped;
		}
		if (r->action == FR_ACT_GOTO || r->action == FR_ACT_NOP)
			continue;
		res->alias = NULL;
		err = act(cpu, net, r, fl, l3_table, res);
		res->realms = r->realms;
		if (err != -EAGAIN && (err || !suppressed(r, res)))
			return err;
	}
	res->alias = NULL;
	res->realms = 0;
	return -ENETUNREACH;
}

static u32 l3_table_of(struct netns *net, const struct flow *fl)
{
	struct net_device *master = net->fib->rules_want_l3mdev ? l3_master(net, fl->oif ? fl->oif : fl->iif) : NULL;
	return master ? master->l3mdev_table : 0;
}

int fib_rules_table(struct netns *net, const struct flow *fl, bool (*known)(struct netns *net, u8 family, u32 table), u32 *table)
{
	struct list *rules = fib_rules(net, fl->family);
	u32 l3_table = l3_table_of(net, fl);
	struct fib_rule *r;
	list_for_each(r, rules, link) {
jumped:
		if (selects(r, fl, l3_table) == !!(r->flags & FIB_RULE_INVERT))
			continue;
		switch (r->action) {
		case FR_ACT_GOTO:
			if (!r->jump)
				continue;
			r = r->jump;
			goto jumped;
		case FR_ACT_NOP:
			continue;
		case FR_ACT_TO_TBL:
			*table = r->l3mdev ? l3_table : r->table;
			if (known(net, fl->family, *table))
				return 0;
			continue;
		default:
			return r->action == FR_ACT_UNREACHABLE ? -ENETUNREACH : r->action == FR_ACT_PROHIBIT ? -EACCES : -EINVAL;
		}
	}
	return -EAGAIN;
}

/* -- the list -- */

static s32 index_of(struct netns *net, const char *name)
{
	struct net_device *dev = *name ? dev_by_name(net, name) : NULL;
	return dev ? dev->ifindex : *name ? -1 : 0;
}

static void summarize(struct netns *net)
{
	struct netns_fib *f = net->fib;
	f->rules_want_ports = f->rules_want_l3mdev = f->rules_have_realms = false;
	for (unsigned i = 0; i < FIB_RULE_LISTS; i++) {
		struct fib_rule *r;
		list_for_each(r, fib_rules(net, fib_rule_families[i]), link) {
			f->rules_want_ports |= r->ip_proto || r->sport.first || r->dport.first;
			f->rules_want_l3mdev |= r->l3mdev;
			f->rules_have_realms |= r->realms && r->family == AF_INET;
		}
	}
}

static struct fib_rule *first_of_pref(struct list *rules, u32 preference)
{
	struct fib_rule *r;
	list_for_each(r, rules, link)
		if (r->preference == preference)
			return r;
	return NULL;
}

/* One less than the second rule's: in front of all but the first. */
u32 fib_rule_default_preference(struct netns *net, u8 family)
{
	struct list *rules = fib_rules(net, family);
	struct fib_rule *r;
	unsigned n = 0;
	list_for_each(r, rules, link)
		if (n++ == 1)
			return r->preference ? r->preference - 1 : 0;
	return 0;
}

static bool same_ports(const struct fib_port_range *a, const struct fib_port_range *b)
{
	return a->first == b->first && a->last == b->last && a->mask == b->mask;
}

/* What Linux asks of the family's own part: only what is given counts. */
static bool family_part_fits(const struct fib_rule *r, const struct fib_rule *like, u32 given)
{
	return (!like->src_len || (r->src_len == like->src_len && inaddr_eq(&r->src, &like->src))) &&
	       (!like->dst_len || (r->dst_len == like->dst_len && inaddr_eq(&r->dst, &like->dst))) &&
	       (!(given & FIB_RULE_HAS_DSCP ? true : like->dscp != 0) ||
		(r->dscp == like->dscp && r->dscp_full == like->dscp_full && r->dscp_mask == like->dscp_mask)) &&
	       (!like->flowlabel_mask || (r->flowlabel == like->flowlabel && r->flowlabel_mask == like->flowlabel_mask)) &&
	       (!(given & FIB_RULE_HAS_REALMS) || r->realms == like->realms);
}

static bool exists(struct list *rules, const struct fib_rule *n)
{
	struct fib_rule *r;
	list_for_each(r, rules, link)
		if (r->action == n->action && r->table == n->table && r->preference == n->preference &&
		    r->suppress_prefixlen == n->suppress_prefixlen && r->suppress_ifgroup == n->suppress_ifgroup &&
		    !strcmp(r->iifname, n->iifname) && !strcmp(r->oifname, n->oifname) && r->mark == n->mark &&
		    r->mark_mask == n->mark_mask && r->tun_id == n->tun_id && r->l3mdev == n->l3mdev && r->has_uid == n->has_uid &&
		    r->uid_first == n->uid_first && r->uid_last == n->uid_last && r->ip_proto == n->ip_proto &&
		    r->protocol == n->protocol && same_ports(&r->sport, &n->sport) && same_ports(&r->dport, &n->dport) &&
		    family_part_fits(r, n, (n->realms ? FIB_RULE_HAS_REALMS : 0) | (n->dscp_full ? FIB_RULE_HAS_DSCP : 0)))
			return true;
	return false;
}

/* What a rule has to be besides well-formed. IPv4's `table 0` is the first that is empty. */
static int configure(struct netns *net, struct fib_rule *r, struct nl_ext_ack *ack)
{
	bool fresh = !r->table;
	if (r->action != FR_ACT_TO_TBL || r->l3mdev || (r->family != AF_INET && r->family != AF_INET6))
		return 0;
	if (!r->table && r->family == AF_INET6) {
		NL_SET_ERR(ack, "Invalid table");
		return -EINVAL;
	}
	for (u32 id = 1; !r->table && id < RT_TABLE_LOCAL; id++)
		if (!fib_table_find(net, r->family, id)) {
			r->table = id;
			break;
		}
	if (!r->table || ((r->family == AF_INET6 || fresh) && !fib_table_get_or_new(net, r->family, r->table)))
		return -ENOBUFS;
	return 0;
}

static void insert(struct list *rules, struct fib_rule *n)
{
	struct fib_rule *r;
	list_for_each(r, rules, link)
		if (r->preference > n->preference)
			break;
	list_add_tail(&r->link, &n->link);
	if (n->action == FR_ACT_GOTO)
		n->jump = first_of_pref(rules, n->target);
	list_for_each(r, rules, link)
		if (r->action == FR_ACT_GOTO && !r->jump && r->target == n->preference)
			r->jump = n;
}

static void changed(struct cpu *cpu, struct netns *net, enum net_event ev, struct fib_rule *r)
{
	if (r->family == AF_INET)
		net->fib->default_rules = false;
	else if (r->family == AF_INET6 && ev == EV_RULE_ADD)
		net->fib->default_rules6 = false; /* without one of the first rules IPv6 goes on as if it were there, until another comes */
	summarize(net);
	fib_genid_bump(net);
	event_send(cpu, net, ev, r, 0);
}

int fib_rule_add(struct cpu *cpu, struct netns *net, const struct fib_rule *asked, bool preference_given, bool excl,
		 struct nl_ext_ack *ack)
{
	struct list *rules = fib_rules(net, asked->family);
	struct fib_rule *r;
	int err = 0;

	r = mem_alloc(fib_mem(net), sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = *asked;
	list_init(&r->link);
	r->jump = NULL;
	if (!preference_given)
		r->preference = fib_rule_default_preference(net, asked->family);
	if (r->action == FR_ACT_GOTO && r->target <= r->preference) {
		NL_SET_ERR(ack, "Backward goto not supported");
		err = -EINVAL;
	} else if (excl && exists(rules, r)) {
		err = -EEXIST;
	} else {
		err = configure(net, r, ack);
	}
	if (err) {
		mem_free(fib_mem(net), r);
		return err;
	}
	r->iif = index_of(net, r->iifname);
	r->oif = index_of(net, r->oifname);
	insert(rules, r);
	changed(cpu, net, EV_RULE_ADD, r);
	return 0;
}

static bool is_like(const struct fib_rule *r, const struct fib_rule *l, u32 given)
{
	return (!l->action || r->action == l->action) && (!l->table || r->table == l->table) &&
	       (!(given & FIB_RULE_HAS_PREF) || r->preference == l->preference) && (!*l->iifname || !strcmp(r->iifname, l->iifname)) &&
	       (!*l->oifname || !strcmp(r->oifname, l->oifname)) && (!l->mark || r->mark == l->mark) &&
	       (l->suppress_ifgroup == -1 || r->suppress_ifgroup == l->suppress_ifgroup) &&
	       (l->suppress_prefixlen == -1 || r->suppress_prefixlen == l->suppress_prefixlen) &&
	       (!l->mark_mask || r->mark_mask == l->mark_mask) && (!l->tun_id || r->tun_id == l->tun_id) &&
	       (!l->l3mdev || r->l3mdev) &&
	       (!l->has_uid || (r->has_uid && r->uid_first == l->uid_first && r->uid_last == l->uid_last)) &&
	       (!l->ip_proto || r->ip_proto == l->ip_proto) && (!l->protocol || r->protocol == l->protocol) &&
	       (!l->sport.first || same_ports(&r->sport, &l->sport)) && (!l->dport.first || same_ports(&r->dport, &l->dport)) &&
	       family_part_fits(r, l, given);
}

int fib_rule_del(struct cpu *cpu, struct netns *net, const struct fib_rule *like, u32 given, struct nl_ext_ack *ack)
{
	struct list *rules = fib_rules(net, like->family);
	struct fib_rule *r, *o;
	list_for_each(r, rules, link) {
		if (!is_like(r, like, given))
			continue;
		if (r->flags & FIB_RULE_PERMANENT)
			return -EPERM;
		list_del(&r->link);
		list_for_each(o, rules, link)
			if (o->jump == r)
				o->jump = first_of_pref(rules, r->preference);
		changed(cpu, net, EV_RULE_DEL, r);
		mem_free(fib_mem(net), r);
		return 0;
	}
	return -ENOENT;
}

void fib_rules_add_l3mdev(struct cpu *cpu, struct netns *net)
{
	if (net->fib->l3mdev_rule_made) /* who deleted it since does not want it */
		return;
	net->fib->l3mdev_rule_made = true;
	for (unsigned i = 0; i < FIB_RULE_LISTS; i++) {
		struct fib_rule r = { .family = fib_rule_families[i], .action = FR_ACT_TO_TBL, .protocol = RTPROT_KERNEL, .preference = 1000,
				      .l3mdev = true, .suppress_prefixlen = -1, .suppress_ifgroup = -1 };
		fib_rule_add(cpu, net, &r, true, true, NULL); /* there already: fine */
	}
}

/* -- devices, birth and end -- */

void fib_rules_dev_event(struct netns *net, enum net_event ev, const struct net_device *dev, unsigned long info)
{
	bool gone = ev == EV_LINK_UNREGISTER, renamed = ev == EV_LINK_CHANGE && info & LINK_CHANGE_NAME;
	if (!net->fib || (!gone && !renamed && ev != EV_LINK_REGISTER && ev != EV_LINK_MOVED))
		return;
	for (unsigned i = 0; i < FIB_RULE_LISTS; i++) {
		struct fib_rule *r;
		list_for_each(r, fib_rules(net, fib_rule_families[i]), link) {
			if (r->iif == dev->ifindex && (gone || renamed))
				r->iif = -1;
			if (r->oif == dev->ifindex && (gone || renamed))
				r->oif = -1;
			if (!gone && r->iif == -1 && !strcmp(r->iifname, dev->name))
				r->iif = dev->ifindex;
			if (!gone && r->oif == -1 && !strcmp(r->oifname, dev->name))
				r->oif = dev->ifindex;
		}
	}
}

static int first_rule(struct netns *net, u8 family, u32 preference, u32 table)
{
	struct fib_rule *r = mem_zalloc(fib_mem(net), sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct fib_rule){ .family = family, .action = FR_ACT_TO_TBL, .protocol = RTPROT_KERNEL, .preference = preference,
				.table = table, .suppress_prefixlen = -1, .suppress_ifgroup = -1 };
	list_add_tail(fib_rules(net, family), &r->link);
	return 0;
}

int fib_rules_init(struct netns *net)
{
	int err = first_rule(net, AF_INET, 0, RT_TABLE_LOCAL);
	if (!err)
		err = first_rule(net, AF_INET6, 0, RT_TABLE_LOCAL);
	if (!err)
		err = first_rule(net, AF_INET6, 0x7ffe, RT_TABLE_MAIN);
	if (!err)
		err = first_rule(net, AF_INET, 0x7ffe, RT_TABLE_MAIN);
	if (!err)
		err = first_rule(net, AF_INET, 0x7fff, RT_TABLE_DEFAULT);
	if (!err)
		err = first_rule(net, RTNL_FAMILY_IPMR, 0x7fff, RT_TABLE_DEFAULT);
	if (!err)
		err = first_rule(net, RTNL_FAMILY_IP6MR, 0x7fff, RT_TABLE_MAIN);
	net->fib->default_rules = net->fib->default_rules6 = true;
	return err;
}

void fib_rules_fini(struct netns *net)
{
	for (unsigned i = 0; i < FIB_RULE_LISTS; i++) {
		struct fib_rule *r, *tmp;
		list_for_each_safe(r, tmp, fib_rules(net, fib_rule_families[i]), link) {
			list_del(&r->link);
			mem_free(fib_mem(net), r);
		}
	}
}
