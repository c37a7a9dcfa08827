/* AF_BRIDGE's RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH: forwarding databases. A bridge's is asked through its ports (NTF_MASTER) or itself
 * (NTF_SELF); other devices have the addresses besides their own that they listen to. bridge(8), `bridge fdb`.
 */
#include <linux/if_arp.h>
#include <linux/neighbour.h>

#include "codec/wire/eth.h"
#include "control/route/rt.h"
#include "link/bridge/bridge.h"
#include "link/netns_dev.h"

enum { NDA_NDM_STATE_MASK_ = 16, NDA_NDM_FLAGS_MASK_ = 17, BULK_MAX = 17 }; /* newer than some headers */
#define NLM_F_BULK_ 0x200

static u8 state_of(const struct bridge *br, const struct br_fdb *f)
{
	if (f->flags & FDB_LOCAL)
		return NUD_PERMANENT;
	if (f->flags & FDB_STATIC)
		return NUD_NOARP;
	return br_fdb_expired(br, f) ? NUD_STALE : NUD_REACHABLE;
}

int rt_fdb_fill(struct nl_buf *b, struct net_device *bridge, const struct br_fdb *f, u16 type, u16 flags, u32 seq, u32 portid)
{
	const struct bridge *br = br_of(bridge);
	u64 now = br_home(br)->now;
	struct ndmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	struct nda_cacheinfo ci = { .ndm_used = rt_ticks(now - MIN(f->used, now)), .ndm_updated = rt_ticks(now - MIN(f->updated, now)) };
	size_t nest;

	if (!m)
		return nl_end(b);
	m->ndm_family = AF_BRIDGE;
	m->ndm_ifindex = f->dst ? f->dst->dev->ifindex : bridge->ifindex;
	m->ndm_state = state_of(br, f);
	m->ndm_flags = (u8)((f->flags & FDB_EXT_LEARN ? NTF_EXT_LEARNED : 0) | (f->flags & FDB_STICKY ? NTF_STICKY : 0));
	nl_put(b, NDA_LLADDR, f->addr, ETH_ADDR_LEN);
	nl_put_u32(b, NDA_MASTER, (u32)bridge->ifindex);
	nl_put_u32(b, NDA_FLAGS_EXT, f->flags & FDB_LOCKED ? 2 /* NTF_EXT_LOCKED */ : 0);
	nl_put(b, NDA_CACHEINFO, &ci, sizeof(ci));
	if (f->vid)
		nl_put_u16(b, NDA_VLAN, f->vid);
	if (f->flags & FDB_NOTIFY) {
		nest = nl_nest(b, NDA_FDB_EXT_ATTRS | NLA_F_NESTED);
		nl_put_u8(b, NFEA_ACTIVITY_NOTIFY, (u8)(1 | (f->flags & FDB_NOTIFY_INACTIVE ? 2 : 0)));
		nl_nest_end(b, nest);
	}
	return nl_end(b);
}

static int fill_self(struct nl_buf *b, const struct net_device *dev, const u8 *addr, u16 state, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct ndmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));

	if (m) {
		*m = (struct ndmsg){ .ndm_family = AF_BRIDGE, .ndm_ifindex = dev->ifindex, .ndm_state = state, .ndm_flags = NTF_SELF };
		nl_put(b, NDA_LLADDR, addr, dev->addr_len);
	}
	return nl_end(b);
}

/* -- adding and deleting -- */

struct target {
	const struct ndmsg *m;
	struct nl_attrs a;
	struct net_device *dev;
	const u8 *addr;
	u16 vid;
};

static int parse(struct nl_request *rq, struct target *t, const char *not_ethernet, bool bulk)
{
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct ndmsg), &len);
	const struct nlattr *a;
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ndmsg))
		return -EINVAL;
	t->m = nlmsg_hdr_data(rq->nlh);
	err = nl_parse(p, len, &t->a, bulk ? BULK_MAX : NDA_MAX, bulk ? NULL : rt_neigh_policy, false, rq->ack);
	if (err)
		return err;
	if (!t->m->ndm_ifindex) {
		NL_SET_ERR(rq->ack, "invalid ifindex");
		return -EINVAL;
	}
	t->dev = dev_by_index(rq->net, t->m->ndm_ifindex);
	if (!t->dev) {
		NL_SET_ERR(rq->ack, "unknown ifindex");
		return -ENODEV;
	}
	a = t->a.a[NDA_LLADDR];
	if (!bulk && (!a || nl_len(a) != ETH_ADDR_LEN)) {
		NL_SET_ERR(rq->ack, "invalid address");
		return -EINVAL;
	}
	if (t->dev->type != ARPHRD_ETHER) {
		NL_SET_ERR(rq->ack, not_ethernet);
		return -EINVAL;
	}
	t->addr = a ? nl_data(a) : NULL;
	t->vid = 0;
	if ((a = t->a.a[NDA_VLAN])) {
		if (nl_len(a) != sizeof(u16)) {
			NL_SET_ERR(rq->ack, "invalid vlan");
			return -EINVAL;
		}
		t->vid = nl_u16(a);
		if (!t->vid || t->vid >= 4095) {
			NL_SET_ERR(rq->ack, "invalid vlan id");
			return -EINVAL;
		}
	}
	return 0;
}

static int bridge_add(struct nl_request *rq, struct bridge *br, struct br_port *p, const struct target *t)
{
	struct br_fdb_request r = { .addr = t->addr, .state = t->m->ndm_state, .nl_flags = rq->nlh->nlmsg_flags, .flags = t->m->ndm_flags, .vid = t->vid };
	struct nl_attrs ext;
	int err;

	if (t->a.a[NDA_FLAGS_EXT])
		r.ext_flags = nl_u32(t->a.a[NDA_FLAGS_EXT]);
	if (t->a.a[NDA_FDB_EXT_ATTRS]) {
		err = nl_parse_nested(t->a.a[NDA_FDB_EXT_ATTRS], &ext, NFEA_MAX, NULL, false, rq->ack);
		if (err)
			return err;
		r.activity = ext.a[NFEA_ACTIVITY_NOTIFY];
		if (r.activity)
			r.activity_bits = nl_u8(ext.a[NFEA_ACTIVITY_NOTIFY]);
		r.norefresh = ext.a[NFEA_DONT_REFRESH];
		if (r.activity && r.activity_bits & ~3) /* FDB_NOTIFY_BIT, FDB_NOTIFY_INACTIVE_BIT */
			return -EINVAL;
	}
	return br_fdb_request_add(rq->cpu, br, p, &r, rq->ack);
}

static bool has_addr(const struct list *l, const u8 *addr)
{
	const struct dev_mc_addr *a;

	list_for_each (a, l, link)
		if (a->users && eth_addr_eq(a->addr, addr))
			return true;
	return false;
}

/* 01:80:c2:00:00:0x is kept with the unicast addresses. */
static bool as_unicast(const u8 *a)
{
	static const u8 reserved[5] = { 0x01, 0x80, 0xc2, 0, 0 };

	return !eth_addr_is_multicast(a) || (!memcmp(a, reserved, 5) && !(a[5] & 0xf0));
}

static int device_add(struct nl_request *rq, const struct target *t)
{
	bool uc = as_unicast(t->addr);

	if (t->m->ndm_state && !(t->m->ndm_state & NUD_PERMANENT)) {
		world_log(rq->net->world, 6, "%s: default FDB implementation only supports local addresses", t->dev->name);
		return -EINVAL;
	}
	if (t->a.a[NDA_FLAGS_EXT])
		return -EINVAL;
	if (t->vid) {
		world_log(rq->net->world, 6, "%s: vlans aren't supported yet for dev_uc|mc_add()", t->dev->name);
		return -EINVAL;
	}
	if (has_addr(uc ? &t->dev->uc_list : &t->dev->mc_list, t->addr))
		return rq->nlh->nlmsg_flags & NLM_F_EXCL ? -EEXIST : 0;
	return uc ? dev_uc_add(t->dev, t->addr) : dev_mc_add(t->dev, t->addr);
}

static int device_del(struct nl_request *rq, const struct target *t)
{
	if (!(t->m->ndm_state & NUD_PERMANENT)) {
		world_log(rq->net->world, 6, "%s: default FDB implementation only supports local addresses", t->dev->name);
		return -EINVAL;
	}
	return as_unicast(t->addr) ? dev_uc_del(t->dev, t->addr) : dev_mc_del(t->dev, t->addr);
}

struct self { const struct target *t; u16 type, state; };

static void put_self(struct nl_buf *b, const void *arg)
{
	const struct self *s = arg;

	fill_self(b, s->t->dev, s->t->addr, s->state, s->type, 0, 0, 0);
}

static void tell_self(struct nl_request *rq, const struct target *t, u16 type)
{
	struct self s = { t, type, t->m->ndm_state };

	rt_tell(rq->cpu, rq->net, RTNLGRP_NEIGH, put_self, &s);
}

static int new_fdb(struct nl_request *rq)
{
	struct br_port *p;
	struct target t;
	u8 flags;
	int err = parse(rq, &t, "FDB add only supported for Ethernet devices", false);

	if (err)
		return err;
	err = -EOPNOTSUPP;
	flags = t.m->ndm_flags;
	p = br_port_of(t.dev);
	if ((!flags || flags & NTF_MASTER) && p) {
		err = bridge_add(rq, p->br, p, &t);
		if (err)
			return err;
	}
	if (flags & NTF_SELF) {
		err = dev_is_bridge(t.dev) ? bridge_add(rq, br_of(t.dev), NULL, &t) : device_add(rq, &t);
		if (!err)
			tell_self(rq, &t, RTM_NEWNEIGH);
	}
	return err;
}

/* `bridge fdb flush`. */
static int bulk(struct nl_request *rq, struct bridge *br, const struct target *t)
{
	const struct nlattr *state = t->a.a[NDA_NDM_STATE_MASK_], *flags = t->a.a[NDA_NDM_FLAGS_MASK_];
	struct br_fdb_flush w = { .vid = t->vid, .ifindex = br_port_of(t->dev) ? t->dev->ifindex : 0 };
	struct net_device *dev;

	if (t->m->ndm_flags & ~(NTF_MASTER | NTF_SELF | NTF_USE | NTF_EXT_LEARNED | NTF_STICKY | NTF_OFFLOADED)) {
		NL_SET_ERR(rq->ack, "bridge: Unsupported fdb flush ndm flag bits set");
		return -EINVAL;
	}
	if (t->m->ndm_state & ~(NUD_PERMANENT | NUD_NOARP)) {
		NL_SET_ERR(rq->ack, "bridge: Unsupported fdb flush ndm state bits set");
		return -EINVAL;
	}
	if (t->a.a[NDA_IFINDEX]) {
		w.ifindex = (s32)nl_u32(t->a.a[NDA_IFINDEX]);
		dev = dev_by_index(rq->net, w.ifindex);
		if (!dev) {
			NL_SET_ERR(rq->ack, "bridge: Unknown flush device ifindex");
			return -ENODEV;
		}
		if (dev != br->dev && (!br_port_of(dev) || br_port_of(dev)->br != br)) {
			NL_SET_ERR(rq->ack, br_port_of(dev) || dev_is_bridge(dev) ? "bridge: Flush device is not a port of the bridge" : "bridge: Flush device is not a bridge port");
			return -EINVAL;
		}
	}
#define MAP(from, bit, to) ((from) & (bit) ? (u32)(to) : 0)
#define STATE(x) (MAP(x, NUD_PERMANENT, FDB_LOCAL) | MAP(x, NUD_NOARP, FDB_STATIC))
#define FLAGS(x) (MAP(x, NTF_USE, FDB_USER) | MAP(x, NTF_EXT_LEARNED, FDB_EXT_LEARN) | MAP(x, NTF_STICKY, FDB_STICKY))
	w.flags = STATE(t->m->ndm_state) | FLAGS(t->m->ndm_flags);
	w.mask = (state ? STATE(nl_u16(state)) : 0) | (flags ? FLAGS(nl_u8(flags)) : 0);
	br_fdb_flush(br, &w);
	return 0;
}

static int del_fdb(struct nl_request *rq)
{
	bool all = rq->nlh->nlmsg_flags & NLM_F_BULK_;
	struct br_port *p;
	struct target t;
	u8 flags;
	int err = parse(rq, &t, "FDB delete only supported for Ethernet devices", all);

	if (err)
		return err;
	err = -EOPNOTSUPP;
	flags = t.m->ndm_flags;
	p = br_port_of(t.dev);
	if ((!flags || flags & NTF_MASTER) && p) {
		err = all ? bulk(rq, p->br, &t) : br_fdb_request_del(br_home(p->br), p->br, p, t.addr, t.vid);
		if (err)
			return err;
	}
	if (!(flags & NTF_SELF))
		return err;
	if (all)
		return dev_is_bridge(t.dev) ? bulk(rq, br_of(t.dev), &t) : -EOPNOTSUPP;
	err = dev_is_bridge(t.dev) ? br_fdb_request_del(br_home(br_of(t.dev)), br_of(t.dev), NULL, t.addr, t.vid) : device_del(rq, &t);
	if (!err)
		tell_self(rq, &t, RTM_DELNEIGH);
	return err;
}

/* -- reading -- */

static int refuse(struct nl_request *rq, const char *text, int err)
{
	NL_SET_ERR(rq->ack, text);
	return err;
}

static int find_bridge(struct nl_request *rq, const struct ndmsg *m, const struct nl_attrs *a, struct net_device **out)
{
	struct net_device *dev = NULL;

	if (m->ndm_ifindex && !(dev = dev_by_index(rq->net, m->ndm_ifindex)))
		return refuse(rq, "Unknown device ifindex", -ENODEV);
	*out = dev;
	if (a->a[NDA_MASTER]) {
		if (dev)
			return refuse(rq, "Master and device are mutually exclusive", -EINVAL);
		*out = dev_by_index(rq->net, (s32)nl_u32(a->a[NDA_MASTER]));
		if (!*out)
			return refuse(rq, "Invalid master ifindex", -EINVAL);
	} else if (dev && (!m->ndm_flags || m->ndm_flags & NTF_MASTER)) {
		if (!br_port_of(dev))
			return refuse(rq, "Device is not a bridge port", -EINVAL);
		*out = dev->master;
	} else if (dev && !(m->ndm_flags & NTF_SELF)) {
		return refuse(rq, "Missing NTF_SELF", -EINVAL);
	}
	if (!*out)
		return refuse(rq, "No device specified", -ENODEV);
	return dev_is_bridge(*out) ? 0 : refuse(rq, "Fdb get operation not supported by device", -EOPNOTSUPP);
}

static int get_fdb(struct nl_request *rq)
{
	const struct ndmsg *m = nlmsg_hdr_data(rq->nlh);
	struct net_device *bridge;
	const struct br_fdb *f;
	struct nl_attrs a;
	struct nl_buf b;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(*m), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(*m))
		return refuse(rq, "Invalid header for fdb get request", -EINVAL);
	if (m->ndm_pad1 || m->ndm_pad2 || m->ndm_state || m->ndm_type)
		return refuse(rq, "Invalid values in header for fdb get request", -EINVAL);
	if (m->ndm_flags & ~(NTF_MASTER | NTF_SELF))
		return refuse(rq, "Invalid flags in header for fdb get request", -EINVAL);
	err = nl_parse(p, len, &a, NDA_MAX, rt_neigh_policy, true, rq->ack);
	if (err)
		return err;
	if (a.a[NDA_LLADDR] && nl_len(a.a[NDA_LLADDR]) != ETH_ADDR_LEN)
		return refuse(rq, "Invalid address in fdb get request", -EINVAL);
	if (!a.a[NDA_LLADDR])
		return refuse(rq, "Missing lookup address for fdb get request", -EINVAL);
	err = find_bridge(rq, m, &a, &bridge);
	if (err)
		return err;
	f = br_fdb_find(br_of(bridge), nl_data(a.a[NDA_LLADDR]), a.a[NDA_VLAN] ? nl_u16(a.a[NDA_VLAN]) : 0);
	if (!f)
		return refuse(rq, "Fdb entry not found", -ENOENT);
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = rt_fdb_fill(&b, bridge, f, RTM_NEWNEIGH, 0, rq->nlh->nlmsg_seq, rq->portid);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

struct filter { s32 master, dev; };

/* Older programs ask with an ifinfomsg and IFLA_MASTER. */
static int parse_dump(struct nl_dump *d, struct filter *f)
{
	const struct ndmsg *m = nlmsg_hdr_data(d->req);
	size_t len, body = nlmsg_body_len(d->req);
	bool neigh = d->strict || body == sizeof(*m) || body == sizeof(*m) + 8;
	const void *p = nlmsg_attrs(d->req, neigh ? sizeof(*m) : sizeof(struct ifinfomsg), &len);
	struct nl_attrs a;
	int err;

	*f = (struct filter){ 0 };
	if (body < sizeof(*m))
		return d->strict ? -EINVAL : 0;
	if (d->strict && (m->ndm_pad1 || m->ndm_pad2 || m->ndm_state || m->ndm_flags || m->ndm_type)) {
		NL_SET_ERR(d->ack, "Invalid values in header for fdb dump request");
		return -EINVAL;
	}
	err = nl_parse(p, len, &a, neigh ? NDA_MAX : RT_IFLA_MAX, NULL, d->strict, d->ack);
	if (err)
		return err;
	if (!neigh) {
		f->dev = ((const struct ifinfomsg *)(const void *)m)->ifi_index;
		if (a.a[IFLA_MASTER] && nl_len(a.a[IFLA_MASTER]) >= 4)
			f->master = (s32)nl_u32(a.a[IFLA_MASTER]);
		return 0;
	}
	f->dev = m->ndm_ifindex;
	for (unsigned i = 1; i <= NDA_MAX; i++) {
		if (!a.a[i])
			continue;
		if ((i == NDA_IFINDEX || i == NDA_MASTER) && nl_len(a.a[i]) < 4) {
			NL_SET_ERR(d->ack, "Invalid IFINDEX attribute in fdb dump request");
			return -EINVAL;
		}
		if (i == NDA_IFINDEX)
			f->dev = (s32)nl_u32(a.a[i]);
		else if (i == NDA_MASTER)
			f->master = (s32)nl_u32(a.a[i]);
		else if (d->strict) {
			NL_SET_ERR(d->ack, "Unsupported attribute in fdb dump request");
			return -EINVAL;
		}
	}
	return 0;
}

/* d->arg[1]: how many entries of this device are written. */
struct dumping { struct nl_dump *d; struct nl_buf *b; u64 n; };

static bool is_next(struct dumping *p) { return p->n++ >= p->d->arg[1]; }

static int written(struct dumping *p, int err)
{
	if (!err)
		p->d->arg[1] = p->n;
	return err;
}

static int dump_bridge(struct dumping *p, struct net_device *bridge, const struct net_device *port)
{
	const struct br_fdb *f;
	int err;

	list_for_each (f, &br_of(bridge)->fdb_list, link) {
		if ((f->dst ? f->dst->dev : NULL) != port || !is_next(p))
			continue;
		err = written(p, rt_fdb_fill(p->b, bridge, f, RTM_NEWNEIGH, NLM_F_MULTI, p->d->seq, p->d->portid));
		if (err)
			return err;
	}
	return 0;
}

static int dump_list(struct dumping *p, const struct net_device *dev, const struct list *l)
{
	const struct dev_mc_addr *a;
	int err;

	list_for_each (a, l, link) {
		if (!a->users || !is_next(p))
			continue;
		err = written(p, fill_self(p->b, dev, a->addr, NUD_PERMANENT, RTM_NEWNEIGH, NLM_F_MULTI, p->d->seq, p->d->portid));
		if (err)
			return err;
	}
	return 0;
}

static int dump_device(struct dumping *p, struct net_device *dev)
{
	int err = br_port_of(dev) ? dump_bridge(p, dev->master, dev) : 0;

	if (!err && dev->type == ARPHRD_ETHER)
		err = dump_list(p, dev, &dev->uc_list);
	if (!err && dev->type == ARPHRD_ETHER)
		err = dump_list(p, dev, &dev->mc_list);
	return !err && dev_is_bridge(dev) ? dump_bridge(p, dev, NULL) : err;
}

static int dump_fdb(struct nl_dump *d, struct nl_buf *b)
{
	struct dumping p = { d, b, 0 };
	struct net_device *dev;
	struct filter f;
	int err = parse_dump(d, &f);

	if (err)
		return err;
	if (f.master && !dev_by_index(d->net, f.master))
		return -ENODEV;
	dev_for_each (dev, d->net) {
		if ((u64)dev->ifindex < d->arg[0] || (f.dev && dev->ifindex != f.dev))
			continue;
		if (f.master && dev->ifindex != f.master && (!br_port_of(dev) || dev->master->ifindex != f.master))
			continue;
		if ((u64)dev->ifindex != d->arg[0])
			d->arg[1] = 0;
		d->arg[0] = (u64)dev->ifindex;
		p.n = 0;
		err = dump_device(&p, dev);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
	}
	return 0;
}

const struct nl_handler rt_fdb_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETNEIGH, .family = AF_BRIDGE, .doit = get_fdb, .dump = dump_fdb },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWNEIGH, .family = AF_BRIDGE, .doit = new_fdb },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELNEIGH, .family = AF_BRIDGE, .doit = del_fdb },
	{ 0 },
};
