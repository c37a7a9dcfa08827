/* RTM_GETLINK: one device by index or name, or all of them, filtered by kind or master. AF_BRIDGE's view is
 * rt_bridge.c's. */
#include <linux/if_link.h>

#include "control/nsid.h"
#include "control/route/rt.h"
#include "control/route/rt_link.h"
#include "link/netns_dev.h"

const struct nl_policy rt_link_policy[RT_IFLA_MAX + 1] = {
	[IFLA_IFNAME] = { .type = NLP_STRING, .len = IFNAMSIZ - 1 },
	[IFLA_ADDRESS] = { .type = NLP_BINARY, .len = DEV_ADDR_MAX },
	[IFLA_BROADCAST] = { .type = NLP_BINARY, .len = DEV_ADDR_MAX },
	[IFLA_MAP] = { .type = NLP_MIN_LEN, .len = sizeof(struct rtnl_link_ifmap) },
	[IFLA_MTU] = { .type = NLP_U32 },
	[IFLA_LINK] = { .type = NLP_U32 },
	[IFLA_MASTER] = { .type = NLP_U32 },
	[IFLA_CARRIER] = { .type = NLP_U8 },
	[IFLA_TXQLEN] = { .type = NLP_U32 },
	[IFLA_WEIGHT] = { .type = NLP_U32 },
	[IFLA_OPERSTATE] = { .type = NLP_U8 },
	[IFLA_LINKMODE] = { .type = NLP_U8 },
	[IFLA_LINKINFO] = { .type = NLP_NESTED },
	[IFLA_NET_NS_PID] = { .type = NLP_U32 },
	[IFLA_NET_NS_FD] = { .type = NLP_U32 },
	[IFLA_IFALIAS] = { .type = NLP_BINARY, .len = 255 }, /* a string; of length 0 it takes the alias away */
	[IFLA_VFINFO_LIST] = { .type = NLP_NESTED },
	[IFLA_VF_PORTS] = { .type = NLP_NESTED },
	[IFLA_PORT_SELF] = { .type = NLP_NESTED },
	[IFLA_AF_SPEC] = { .type = NLP_NESTED },
	[IFLA_EXT_MASK] = { .type = NLP_U32 },
	[IFLA_PROMISCUITY] = { .type = NLP_U32 },
	[IFLA_NUM_TX_QUEUES] = { .type = NLP_U32 },
	[IFLA_NUM_RX_QUEUES] = { .type = NLP_U32 },
	[IFLA_GSO_MAX_SEGS] = { .type = NLP_U32 },
	[IFLA_GSO_MAX_SIZE] = { .type = NLP_U32 },
	[IFLA_PHYS_PORT_ID] = { .type = NLP_BINARY, .len = 32 },
	[IFLA_CARRIER_CHANGES] = { .type = NLP_U32 },
	[IFLA_PHYS_SWITCH_ID] = { .type = NLP_BINARY, .len = 32 },
	[IFLA_LINK_NETNSID] = { .type = NLP_S32 },
	[IFLA_PROTO_DOWN] = { .type = NLP_U8 },
	[IFLA_XDP] = { .type = NLP_NESTED },
	[IFLA_EVENT] = { .type = NLP_U32 },
	[IFLA_GROUP] = { .type = NLP_U32 },
	[IFLA_TARGET_NETNSID] = { .type = NLP_S32 },
	[IFLA_CARRIER_UP_COUNT] = { .type = NLP_U32 },
	[IFLA_CARRIER_DOWN_COUNT] = { .type = NLP_U32 },
	[IFLA_MIN_MTU] = { .type = NLP_U32 },
	[IFLA_MAX_MTU] = { .type = NLP_U32 },
	[IFLA_PROP_LIST] = { .type = NLP_NESTED },
	[IFLA_ALT_IFNAME] = { .type = NLP_STRING, .len = 127 },
	[IFLA_PERM_ADDRESS] = { .type = NLP_REJECT },
	[IFLA_PROTO_DOWN_REASON] = { .type = NLP_NESTED },
	[IFLA_NEW_IFINDEX] = { .type = NLP_S32, .min = 1, .max = 0x7fffffff },
	[IFLA_PARENT_DEV_NAME] = { .type = NLP_NUL_STRING },
	[IFLA_GRO_MAX_SIZE] = { .type = NLP_U32 },
	[IFLA_TSO_MAX_SIZE] = { .type = NLP_REJECT },
	[IFLA_TSO_MAX_SEGS] = { .type = NLP_REJECT },
	[IFLA_ALLMULTI] = { .type = NLP_REJECT },
	[RT_IFLA_GSO_IPV4_MAX_SIZE] = { .type = NLP_U32 },
	[RT_IFLA_GRO_IPV4_MAX_SIZE] = { .type = NLP_U32 },
	[RT_IFLA_NETNS_IMMUTABLE] = { .type = NLP_REJECT },
};

struct net_device *rt_dev_named(struct netns *net, const struct nlattr *ifname, const struct nlattr *altname)
{
	char name[128];
	const struct nlattr *a = ifname ? ifname : altname;

	if (!a || nl_strcpy(name, sizeof(name), a) >= sizeof(name))
		return NULL;
	return dev_by_name(net, name);
}

bool rt_master_fits(const struct net_device *dev, s32 master)
{
	if (master == -1)
		return !dev->master;
	return !master || (dev->master && dev->master->ifindex == master);
}

static bool header_is_plain(const struct ifinfomsg *m)
{
	return !m->__ifi_pad && !m->ifi_type && !m->ifi_flags && !m->ifi_change;
}

static int refuse_others(const struct nl_attrs *a, const u8 *allowed, size_t n, struct nl_ext_ack *ack, const char *text, int err)
{
	for (unsigned i = 1; i <= a->max; i++) {
		if (a->a[i] && !memchr(allowed, (int)i, n)) {
			NL_SET_ERR(ack, text);
			return err;
		}
	}
	return 0;
}

static int parse_get(struct nl_request *rq, struct nl_attrs *a, bool strict)
{
	static const u8 allowed[] = { IFLA_IFNAME, IFLA_ALT_IFNAME, IFLA_EXT_MASK, IFLA_TARGET_NETNSID };
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct ifinfomsg), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ifinfomsg)) {
		NL_SET_ERR(rq->ack, "Invalid header for get link");
		return -EINVAL;
	}
	if (strict && !header_is_plain(nlmsg_hdr_data(rq->nlh))) {
		NL_SET_ERR(rq->ack, "Invalid values in header for get link request");
		return -EINVAL;
	}
	err = nl_parse(p, len, a, RT_IFLA_MAX, rt_link_policy, strict, rq->ack);
	if (err || !strict)
		return err;
	return refuse_others(a, allowed, sizeof(allowed), rq->ack, "Unsupported attribute in get link request", -EINVAL);
}

static int get_link(struct nl_request *rq)
{
	const struct ifinfomsg *m;
	struct netns *net = rq->net;
	struct net_device *dev;
	struct nl_attrs a;
	struct nl_buf b;
	struct rt_link_fill f = { .type = RTM_NEWLINK, .seq = rq->nlh->nlmsg_seq, .portid = rq->portid, .tgt_nsid = -1 };
	int err = parse_get(rq, &a, nl_request_strict(rq));

	if (err)
		return err;
	m = nlmsg_hdr_data(rq->nlh);
	if (a.a[IFLA_TARGET_NETNSID]) {
		f.tgt_nsid = (s32)nl_u32(a.a[IFLA_TARGET_NETNSID]);
		net = nsid_peer(rq->net, f.tgt_nsid);
		if (!net)
			return -EINVAL;
	}
	if (a.a[IFLA_EXT_MASK])
		f.ext_mask = nl_u32(a.a[IFLA_EXT_MASK]);
	if (m->ifi_index > 0)
		dev = dev_by_index(net, m->ifi_index);
	else if (a.a[IFLA_IFNAME] || a.a[IFLA_ALT_IFNAME])
		dev = rt_dev_named(net, a.a[IFLA_IFNAME], a.a[IFLA_ALT_IFNAME]);
	else
		return -EINVAL;
	if (!dev)
		return -ENODEV;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = rt_link_fill(rq->cpu, &b, dev, &f);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

struct filter {
	struct netns *net;
	s32 tgt_nsid;
	u32 ext_mask;
	s32 master;		/* ifindex, 0: any */
	const struct link_kind *kind;
};

static int parse_dump(struct nl_dump *d, struct filter *f)
{
	static const u8 allowed[] = { IFLA_TARGET_NETNSID, IFLA_EXT_MASK, IFLA_MASTER, IFLA_LINKINFO };
	size_t len, hdr = nlmsg_body_len(d->req) < sizeof(struct ifinfomsg) ? sizeof(struct rtgenmsg) : sizeof(struct ifinfomsg);
	const void *p = nlmsg_attrs(d->req, hdr, &len);
	const struct ifinfomsg *m = nlmsg_hdr_data(d->req);
	struct nl_attrs a, info;
	char kind[32];
	int err;

	*f = (struct filter){ .net = d->net, .tgt_nsid = -1 };
	if (d->strict) {
		if (hdr != sizeof(*m)) {
			NL_SET_ERR(d->ack, "Invalid header for link dump");
			return -EINVAL;
		}
		if (!header_is_plain(m)) {
			NL_SET_ERR(d->ack, "Invalid values in header for link dump request");
			return -EINVAL;
		}
		if (m->ifi_index) {
			NL_SET_ERR(d->ack, "Filter by device index not supported for link dumps");
			return -EINVAL;
		}
	}
	err = nl_parse(p, len, &a, RT_IFLA_MAX, rt_link_policy, d->strict, d->ack);
	if (err)
		return d->strict ? err : 0;
	if (d->strict) {
		err = refuse_others(&a, allowed, sizeof(allowed), d->ack, "Unsupported attribute in link dump request", -EINVAL);
		if (err)
			return err;
	}
	if (a.a[IFLA_TARGET_NETNSID]) {
		f->tgt_nsid = (s32)nl_u32(a.a[IFLA_TARGET_NETNSID]);
		f->net = nsid_peer(d->net, f->tgt_nsid);
		if (!f->net) {
			NL_SET_ERR(d->ack, "Invalid target network namespace id");
			return -EINVAL;
		}
	}
	if (a.a[IFLA_EXT_MASK])
		f->ext_mask = nl_u32(a.a[IFLA_EXT_MASK]);
	if (a.a[IFLA_MASTER])
		f->master = (s32)nl_u32(a.a[IFLA_MASTER]);
	if (a.a[IFLA_LINKINFO] && !nl_parse_nested(a.a[IFLA_LINKINFO], &info, IFLA_INFO_MAX, rt_linkinfo_policy, false, NULL) &&
	    info.a[IFLA_INFO_KIND]) {
		nl_strcpy(kind, sizeof(kind), info.a[IFLA_INFO_KIND]);
		f->kind = link_kind_find(d->net->world, kind);
	}
	return 0;
}

static int dump_link(struct nl_dump *d, struct nl_buf *b)
{
	struct rt_link_fill rf = { .type = RTM_NEWLINK, .seq = d->seq, .portid = d->portid };
	struct net_device *dev;
	struct filter f;
	int err = parse_dump(d, &f);

	if (err)
		return err;
	d->done_apart = true;
	nl_dump_generation(d, nl_generations(f.net)->link_gen);
	/* NLMSG_DONE does not say that links were filtered; the links do. */
	rf.flags = (u16)(NLM_F_MULTI | (f.master || f.kind ? NLM_F_DUMP_FILTERED : 0) | (d->intr ? NLM_F_DUMP_INTR : 0));
	rf.ext_mask = f.ext_mask;
	rf.tgt_nsid = f.tgt_nsid;
	dev_for_each (dev, f.net) {
		if ((u64)dev->ifindex < d->arg[0])
			continue;
		if ((f.kind && dev->kind != f.kind) || !rt_master_fits(dev, f.master))
			continue;
		err = rt_link_fill(d->cpu, b, dev, &rf);
		if (err)
			return err == -EMSGSIZE ? 1 : err;
		d->arg[0] = (u64)dev->ifindex + 1;
	}
	return 0;
}

const struct nl_handler rt_link_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETLINK, .doit = get_link, .dump = dump_link },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWLINK, .doit = rt_new_link },
	{ .protocol = NETLINK_ROUTE, .type = RTM_SETLINK, .doit = rt_set_link },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELLINK, .doit = rt_del_link },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWLINKPROP, .doit = rt_set_linkprops },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELLINKPROP, .doit = rt_set_linkprops },
	{ 0 },
};
