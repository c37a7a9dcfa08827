/* RTM_NEWMDB, RTM_DELMDB, RTM_GETMDB: which ports want which multicast groups, and behind which there are routers. bridge(8), `bridge mdb`.
 */
#include "control/route/rt.h"
#include "link/bridge/br_mcast.h"
#include "link/netns_dev.h"

static const struct nl_policy set_policy[] = {
	[MDBA_SET_ENTRY] = { .type = NLP_EXACT, .len = sizeof(struct br_mdb_entry) },
	[MDBA_SET_ENTRY_ATTRS] = { .type = NLP_NESTED },
};
enum { MDBE_ATTR_RTPROT_ = 5, MDBE_MAX = 12 };
#define MDB_AT_ONCE 30000 /* bytes of entries in one message: a nest's length has 16 bits */

/* -- telling -- */

static void put_bare(struct nl_buf *b, const void *p, size_t len) { nl_append(b, p, len); }

static void put_sources(struct nl_buf *b, const struct br_mdb_port *pg, unsigned alen)
{
	const struct br_mdb_source *s;
	size_t list, one;

	if (list_empty(&pg->sources))
		return;
	list = nl_nest(b, MDBA_MDB_EATTR_SRC_LIST);
	list_for_each (s, &pg->sources, link) {
		one = nl_nest(b, MDBA_MDB_SRCLIST_ENTRY);
		nl_put(b, MDBA_MDB_SRCATTR_ADDRESS, s->addr, alen);
		nl_put_u32(b, MDBA_MDB_SRCATTR_TIMER, br_ticks(br_timer_left(pg->mdb->br, &s->timer)));
		nl_nest_end(b, one);
	}
	nl_nest_end(b, list);
}

/* pg NULL: the host's membership. */
static void put_entry(struct nl_buf *b, const struct br_mdb *m, const struct br_mdb_port *pg)
{
	const struct bridge *br = m->br;
	unsigned alen = br_ip_alen(&m->ip);
	struct br_mdb_entry e = { .ifindex = (u32)(pg ? pg->port->dev : br->dev)->ifindex, .vid = m->ip.vid, .addr.proto = m->ip.proto.raw };
	size_t nest = nl_nest(b, MDBA_MDB_ENTRY_INFO);

	if (pg) {
		e.state = pg->flags & BR_PG_PERMANENT ? MDB_PERMANENT : MDB_TEMPORARY;
		e.flags = (u8)((pg->flags & BR_PG_FAST_LEAVE ? MDB_FLAGS_FAST_LEAVE : 0) | (pg->flags & BR_PG_BLOCKED ? MDB_FLAGS_BLOCKED : 0));
	}
	memcpy(&e.addr.u, m->ip.dst, alen);
	put_bare(b, &e, sizeof(e));
	nl_put_u32(b, MDBA_MDB_EATTR_TIMER, br_ticks(br_timer_left(br, pg ? &pg->timer : &m->timer)));
	if (alen != 6 && !br_ip_is_star_g(&m->ip))
		nl_put(b, MDBA_MDB_EATTR_SOURCE, m->ip.src, alen);
	if (pg) {
		nl_put_u8(b, MDBA_MDB_EATTR_RTPROT, pg->rt_protocol);
		if (alen != 6 && br_mcast_newest(br->mcast, br_ip_family(&m->ip))) {
			put_sources(b, pg, alen);
			nl_put_u8(b, MDBA_MDB_EATTR_GROUP_MODE, pg->filter_mode);
		}
	}
	nl_nest_end(b, nest);
}

/* Bytes that an entry takes, at most. */
static size_t entry_size(const struct br_mdb *m)
{
	const struct br_mdb_port *pg;
	size_t n = 4 + 80;

	list_for_each (pg, &m->ports, link)
		n += 88 + pg->source_count * 36u;
	return n;
}

/* The entries after the first *done, as many as there is room for; the first in any case. True: those were all. */
static bool put_mdb(struct nl_buf *b, const struct bridge *br, u64 *done)
{
	size_t all = nl_nest(b, MDBA_MDB), start = b->len, one;
	const struct br_mdb_port *pg;
	const struct br_mdb *m;
	u64 n = 0;

	list_for_each (m, &br->mcast->mdb_list, link) {
		if (n++ < *done)
			continue;
		if (b->len > start && (b->len - start > MDB_AT_ONCE || (b->limit && b->len + entry_size(m) + 64 > b->limit))) {
			nl_nest_end(b, all);
			return false;
		}
		one = nl_nest(b, MDBA_MDB_ENTRY);
		if (m->host_joined)
			put_entry(b, m, NULL);
		list_for_each (pg, &m->ports, link)
			put_entry(b, m, pg);
		nl_nest_end(b, one);
		*done = n;
	}
	nl_nest_end(b, all);
	return true;
}

static void put_routers(struct nl_buf *b, const struct bridge *br)
{
	size_t all, one;
	const struct br_port *p;
	u64 t4, t6;
	u32 index;
	bool any = false;

	br_for_each_port(p, br)
		any |= br_pm(p)->is_router[BR_IP4] || br_pm(p)->is_router[BR_IP6];
	if (!any)
		return;
	all = nl_nest(b, MDBA_ROUTER);

	br_for_each_port(p, br) {
		const struct br_port_mcast *pm = br_pm(p);
		if (!pm->is_router[BR_IP4] && !pm->is_router[BR_IP6])
			continue;
		t4 = br_timer_left(br, &pm->router_timer[BR_IP4]);
		t6 = br_timer_left(br, &pm->router_timer[BR_IP6]);
		index = (u32)p->dev->ifindex;
		one = nl_nest(b, MDBA_ROUTER_PORT);
		put_bare(b, &index, sizeof(index));
		nl_put_u32(b, MDBA_ROUTER_PATTR_TIMER, br_ticks(MAX(t4, t6)));
		nl_put_u8(b, MDBA_ROUTER_PATTR_TYPE, pm->router);
		if (pm->is_router[BR_IP4])
			nl_put_u32(b, MDBA_ROUTER_PATTR_INET_TIMER, br_ticks(t4));
		if (pm->is_router[BR_IP6])
			nl_put_u32(b, MDBA_ROUTER_PATTR_INET6_TIMER, br_ticks(t6));
		nl_nest_end(b, one);
	}
	nl_nest_end(b, all);
}

static struct br_port_msg *begin(struct nl_buf *b, const struct net_device *bridge, u16 type, u16 flags, u32 seq, u32 portid, u8 family)
{
	struct br_port_msg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));

	if (m)
		*m = (struct br_port_msg){ .family = family, .ifindex = (u32)bridge->ifindex };
	return m;
}

/* arg[0]: the device it is at; arg[1]: how many of its entries are written. */
static int dump(struct nl_dump *d, struct nl_buf *b)
{
	struct net_device *dev;
	bool all;
	int err;

	if (d->strict && nlmsg_body_len(d->req) < sizeof(struct br_port_msg)) {
		NL_SET_ERR(d->ack, "Invalid header for mdb dump request");
		return -EINVAL;
	}
	dev_for_each (dev, d->net) {
		if ((u64)dev->ifindex < d->arg[0] || !dev_is_bridge(dev))
			continue;
		if ((u64)dev->ifindex != d->arg[0])
			d->arg[1] = 0;
		d->arg[0] = (u64)dev->ifindex;
		do {
			u64 done = d->arg[1];
			begin(b, dev, RTM_GETMDB, NLM_F_MULTI, d->seq, d->portid, 0);
			all = put_mdb(b, br_of(dev), &done);
			if (all)
				put_routers(b, br_of(dev));
			err = nl_end(b);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
			d->arg[1] = done;
		} while (!all);
		d->arg[0] = (u64)dev->ifindex + 1;
	}
	return 0;
}

static void put_event(struct nl_buf *b, const void *arg)
{
	const struct br_event *e = arg;
	const struct br_mdb_event *m = e->mdb;
	u16 type = e->what == BR_EV_MDB_NEW ? RTM_NEWMDB : RTM_DELMDB;
	size_t outer, inner;

	begin(b, e->dev, type, 0, 0, 0, AF_BRIDGE);
	if (m->router) {
		outer = nl_nest(b, MDBA_ROUTER);
		nl_put_u32(b, MDBA_ROUTER_PORT, (u32)m->router->dev->ifindex);
		nl_nest_end(b, outer);
	} else {
		outer = nl_nest(b, MDBA_MDB);
		inner = nl_nest(b, MDBA_MDB_ENTRY);
		put_entry(b, m->m, m->pg);
		nl_nest_end(b, inner);
		nl_nest_end(b, outer);
	}
	nl_end(b);
}

void rt_mdb_event(struct cpu *cpu, const struct br_event *e) { rt_tell(cpu, e->dev->net, RTNLGRP_MDB, put_event, e); }

/* -- changing -- */

struct change {
	struct nl_request *rq;
	struct bridge *br;
	struct br_port *p;	/* NULL: the host */
	const struct br_mdb_entry *e;
	struct br_ip ip;
	u8 proto;
};

static int refuse(struct nl_request *rq, const char *text, int err)
{
	NL_SET_ERR(rq->ack, text);
	return err;
}

static int entry_valid(struct nl_request *rq, const struct br_mdb_entry *e)
{
	const u8 *a = (const u8 *)&e->addr.u;
	static const u8 all_nodes[16] = { 0xff, 2, [15] = 1 };

	if (!e->ifindex)
		return refuse(rq, "Zero entry ifindex is not allowed", -EINVAL);
	if (e->addr.proto == BE16(ETH_P_IP).raw) {
		if ((a[0] & 0xf0) != 0xe0) /* 0.0.0.0 is for devices other than bridges */
			return refuse(rq, a[0] | a[1] | a[2] | a[3] ? "IPv4 entry group address is not multicast or 0.0.0.0"
								    : "bridge: IPv4 entry group address is not multicast", -EINVAL);
		if (a[0] == 224 && !a[1] && !a[2])
			return refuse(rq, "IPv4 entry group address is local multicast", -EINVAL);
	} else if (e->addr.proto == BE16(ETH_P_IPV6).raw) {
		if (!memcmp(a, all_nodes, 16))
			return refuse(rq, "IPv6 entry group address is link-local all nodes", -EINVAL);
	} else if (!e->addr.proto) {
		if (!eth_addr_is_multicast(a))
			return refuse(rq, "L2 entry group is not multicast", -EINVAL);
	} else {
		return refuse(rq, "Unknown entry protocol", -EINVAL);
	}
	if (e->state != MDB_PERMANENT && e->state != MDB_TEMPORARY)
		return refuse(rq, "Unknown entry state", -EINVAL);
	return e->vid >= 4095 ? refuse(rq, "Invalid entry VLAN id", -EINVAL) : 0;
}

static int source(struct change *c, const struct nlattr *a)
{
	unsigned alen = br_ip_alen(&c->ip);

	if (alen == 6)
		return refuse(c->rq, "bridge: Invalid entry source address", -EINVAL);
	if (nl_len(a) != alen)
		return refuse(c->rq, alen == 4 ? "bridge: IPv4 invalid source address length" : "bridge: IPv6 invalid source address length", -EINVAL);
	memcpy(c->ip.src, nl_data(a), alen);
	if (alen == 4 ? (c->ip.src[0] & 0xf0) == 0xe0 : c->ip.src[0] == 0xff)
		return refuse(c->rq, alen == 4 ? "bridge: IPv4 multicast source address is not allowed" : "bridge: IPv6 multicast source address is not allowed", -EINVAL);
	return 0;
}

static int parse(struct nl_request *rq, struct change *c)
{
	const struct br_port_msg *m = nlmsg_hdr_data(rq->nlh);
	struct net_device *dev, *pdev;
	struct nl_attrs a, more;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	*c = (struct change){ .rq = rq, .proto = 4 /* RTPROT_STATIC */ };
	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return -EINVAL;
	err = nl_parse(p, len, &a, ARRAY_SIZE(set_policy) - 1, set_policy, false, rq->ack);
	if (err)
		return err;
	if (!m->ifindex)
		return refuse(rq, "Invalid ifindex", -EINVAL);
	dev = dev_by_index(rq->net, (s32)m->ifindex);
	if (!dev)
		return refuse(rq, "Device doesn't exist", -ENODEV);
	if (!a.a[MDBA_SET_ENTRY])
		return refuse(rq, "Missing MDBA_SET_ENTRY attribute", -EINVAL);
	c->e = nl_data(a.a[MDBA_SET_ENTRY]);
	err = entry_valid(rq, c->e);
	if (err)
		return err;
	if (!dev_is_bridge(dev))
		return refuse(rq, "Device does not support MDB operations", -EOPNOTSUPP);
	c->br = br_of(dev);
	c->ip.proto = (be16){ c->e->addr.proto };
	c->ip.vid = c->e->vid;
	memcpy(c->ip.dst, &c->e->addr.u, br_ip_alen(&c->ip));
	if (a.a[MDBA_SET_ENTRY_ATTRS]) {
		err = nl_parse_nested(a.a[MDBA_SET_ENTRY_ATTRS], &more, MDBE_MAX, NULL, false, rq->ack);
		if (err)
			return err;
		for (unsigned i = 2; i <= MDBE_MAX; i++)
			if (more.a[i] && i != MDBE_ATTR_RTPROT_)
				return -EOPNOTSUPP;
		if (more.a[MDBE_ATTR_SOURCE] && (err = source(c, more.a[MDBE_ATTR_SOURCE])))
			return err;
		if (more.a[MDBE_ATTR_RTPROT_])
			c->proto = nl_u8(more.a[MDBE_ATTR_RTPROT_]);
	}
	if (c->e->ifindex == (u32)dev->ifindex)
		return 0;
	pdev = dev_by_index(rq->net, (s32)c->e->ifindex);
	if (!pdev)
		return refuse(rq, "bridge: Port net device doesn't exist", -ENODEV);
	c->p = br_port_of(pdev);
	if (!c->p)
		return refuse(rq, "bridge: Net device is not a bridge port", -EINVAL);
	return c->p->br == c->br ? 0 : refuse(rq, "bridge: Port belongs to a different bridge device", -EINVAL);
}

static int add_host(struct change *c)
{
	struct br_mdb *m;
	int err = br_mdb_new(c->rq->cpu, c->br, &c->ip, &m);

	if (err)
		return err;
	if (m->host_joined)
		return refuse(c->rq, "bridge: Group is already joined by host", -EEXIST);
	br_mdb_host_join(c->rq->cpu, m, true);
	if (br_ip_alen(&c->ip) != 6)
		timer_cancel(&m->timer); /* until it is deleted */
	return 0;
}

static int add_one(struct change *c)
{
	bool star = br_ip_is_star_g(&c->ip), permanent = c->e->state == MDB_PERMANENT, newest;
	struct br_mdb_port *pg;
	struct br_mdb *m;
	int err;

	if (!c->p && br_ip_alen(&c->ip) != 6) {
		if (c->e->state)
			return refuse(c->rq, "bridge: Flags are not allowed for host groups", -EINVAL);
		if (!star)
			return refuse(c->rq, "bridge: Groups with sources cannot be manually host joined", -EINVAL);
	}
	if (br_ip_alen(&c->ip) == 6 && !permanent)
		return refuse(c->rq, "bridge: Only permanent L2 entries allowed", -EINVAL);
	if (!c->p)
		return add_host(c);
	err = br_mdb_new(c->rq->cpu, c->br, &c->ip, &m);
	if (err)
		return err;
	if (br_pg_find(m, c->p, NULL)) {
		if (!(c->rq->nlh->nlmsg_flags & NLM_F_REPLACE))
			return refuse(c->rq, star ? "bridge: (*, G) group is already joined by port" : "bridge: (S, G) group is already joined by port", -EEXIST);
		return 0;
	}
	err = br_pg_new(c->rq->cpu, m, c->p, NULL, permanent ? BR_PG_PERMANENT : 0, star ? MCAST_EXCLUDE : MCAST_INCLUDE, c->proto, &pg);
	if (err) {
		br_mdb_perhaps_free(m);
		return err == -E2BIG ? refuse(c->rq, "bridge: Port is already in too many groups", err) : err;
	}
	newest = br_mcast_newest(c->br->mcast, br_ip_family(&c->ip));
	if (!permanent && (star || newest))
		br_arm(c->br, &pg->timer, c->br->mcast->membership_interval);
	br_pg_tell(c->rq->cpu, pg, false);
	return 0;
}

static int del_one(struct change *c)
{
	struct br_mdb *m = br_mdb_find(c->br, &c->ip);
	struct br_mdb_port *pg;

	if (!m)
		return -EINVAL;
	if (!c->p) {
		if (!m->host_joined)
			return -EINVAL;
		br_mdb_host_leave(c->rq->cpu, m, true);
		return 0;
	}
	pg = br_pg_find(m, c->p, NULL);
	if (!pg || c->p->state == BR_STATE_DISABLED)
		return -EINVAL;
	br_pg_del(c->rq->cpu, pg);
	return 0;
}

/* Without a VLAN, where the bridge filters: in each of the port's. */
static int each(struct change *c, int (*fn)(struct change *c))
{
	const struct br_vlans *vs = c->p ? &c->p->vlans : &c->br->vlans;
	const struct br_vlan *v;
	int err;

	if (!c->br->vlan_filtering || !vs->count || c->ip.vid)
		return fn(c);
	list_for_each (v, &vs->list, link) {
		if (!br_vlan_is_member(v))
			continue;
		c->ip.vid = v->vid;
		err = fn(c);
		if (err)
			return err;
	}
	return 0;
}

static int new_mdb(struct nl_request *rq)
{
	struct change c;
	int err = parse(rq, &c);

	if (err)
		return err;
	if (!dev_running(c.br->dev))
		return refuse(rq, "bridge: Bridge device is not running", -EINVAL);
	if (!c.br->mcast->snooping)
		return refuse(rq, "bridge: Bridge's multicast processing is disabled", -EINVAL);
	if (c.p && c.p->state == BR_STATE_DISABLED && c.e->state != MDB_PERMANENT)
		return refuse(rq, "bridge: Port is in disabled state and entry is not permanent", -EINVAL);
	return each(&c, add_one);
}

static int del_mdb(struct nl_request *rq)
{
	struct change c;
	int err = parse(rq, &c);

	return err ? err : each(&c, del_one);
}

const struct nl_handler rt_mdb_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETMDB, .family = AF_BRIDGE, .dump = dump },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWMDB, .family = AF_BRIDGE, .doit = new_mdb },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELMDB, .family = AF_BRIDGE, .doit = del_mdb },
	{ 0 },
};
