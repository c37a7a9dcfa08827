/* RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR of IPv6, and what a device listens to beside its addresses (RTM_GETMULTICAST, RTM_GETANYCAST). The
 * addresses themselves, their order, states and routes are inet/ip6's. */
#include <linux/if_addr.h>

#include "control/route/rt.h"
#include "inet/ip6/ip6.h"
#include "link/netns_dev.h"

static const struct nl_policy policy[IFA_MAX + 1] = {
	[IFA_ADDRESS] = { .type = NLP_BINARY, .len = 16 },
	[IFA_LOCAL] = { .type = NLP_BINARY, .len = 16 },
	[IFA_CACHEINFO] = { .type = NLP_MIN_LEN, .len = sizeof(struct ifa_cacheinfo) },
	[IFA_FLAGS] = { .type = NLP_U32 },
	[IFA_RT_PRIORITY] = { .type = NLP_U32 },
	[IFA_TARGET_NETNSID] = { .type = NLP_S32 },
	[IFA_PROTO] = { .type = NLP_U8 },
};

static u32 remaining(u32 lifetime, u64 since, u64 now)
{
	u64 gone = now > since ? (now - since) / NSEC_PER_SEC : 0;
	if (lifetime == ~0u)
		return lifetime;
	return lifetime > gone ? (u32)(lifetime - gone) : 0;
}

int rt_addr6_fill(struct nl_buf *b, const struct inet6_ifaddr *ifa, u64 now, u16 type, u16 flags, u32 seq, u32 portid)
{
	struct ifaddrmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	struct ifa_cacheinfo ci = { .cstamp = rt_ticks(ifa->cstamp), .tstamp = rt_ticks(ifa->tstamp) };
	bool forever = ifa->flags & IFA_F_PERMANENT && ifa->preferred_lft_s == ~0u;

	if (!m)
		return nl_end(b);
	*m = (struct ifaddrmsg){ .ifa_family = AF_INET6, .ifa_prefixlen = ifa->prefix_len, .ifa_flags = (u8)ifa->flags, .ifa_scope = ifa->scope,
				 .ifa_index = (u32)ifa->idev->dev->ifindex };
	if (!v6_is_any(&ifa->peer)) {
		nl_put(b, IFA_LOCAL, ifa->addr.b, 16);
		nl_put(b, IFA_ADDRESS, ifa->peer.b, 16);
	} else {
		nl_put(b, IFA_ADDRESS, ifa->addr.b, 16);
	}
	if (ifa->metric)
		nl_put_u32(b, IFA_RT_PRIORITY, ifa->metric);
	ci.ifa_prefered = forever ? ~0u : remaining(ifa->preferred_lft_s, ifa->tstamp, now);
	ci.ifa_valid = forever ? ~0u : remaining(ifa->valid_lft_s, ifa->tstamp, now);
	nl_put(b, IFA_CACHEINFO, &ci, sizeof(ci));
	nl_put_u32(b, IFA_FLAGS, ifa->flags);
	if (ifa->proto)
		nl_put_u8(b, IFA_PROTO, ifa->proto);
	return nl_end(b);
}

static int parse(struct nl_request *rq, struct nl_attrs *a, const struct ifaddrmsg **m, struct inaddr *addr, struct inaddr *peer)
{
	const struct nlattr *address, *local;
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct ifaddrmsg), &len);
	int err;

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ifaddrmsg))
		return -EINVAL;
	*m = nlmsg_hdr_data(rq->nlh);
	err = nl_parse(p, len, a, IFA_MAX, policy, false, rq->ack);
	if (err)
		return err;
	address = a->a[IFA_ADDRESS];
	local = a->a[IFA_LOCAL];
	*peer = inaddr_v6_any();
	if ((!address && !local) || (address && nl_len(address) < 16) || (local && nl_len(local) < 16)) {
		NL_SET_ERR(rq->ack, "ipv6: address not found in netlink message");
		return -EINVAL;
	}
	*addr = inaddr_from_v6(nl_data(local ? local : address));
	if (local && address && memcmp(nl_data(local), nl_data(address), 16))
		*peer = inaddr_from_v6(nl_data(address));
	return 0;
}

static int new_addr(struct nl_request *rq)
{
	struct inet6_ifaddr_config c = { .valid_lft_s = ~0u, .preferred_lft_s = ~0u };
	const struct inet6_dev *idev;
	const struct ifaddrmsg *m;
	struct net_device *dev;
	struct nl_attrs a;
	int err = parse(rq, &a, &m, &c.addr, &c.peer);

	if (err)
		return err;
	if (m->ifa_prefixlen > 128) {
		NL_SET_ERR(rq->ack, "ipv6: Invalid prefix length");
		return -EINVAL;
	}
	c.has_peer = !v6_is_any(&c.peer);
	if (a.a[IFA_CACHEINFO]) {
		struct ifa_cacheinfo ci;
		memcpy(&ci, nl_data(a.a[IFA_CACHEINFO]), sizeof(ci));
		c.valid_lft_s = ci.ifa_valid;
		c.preferred_lft_s = ci.ifa_prefered;
	}
	dev = dev_by_index(rq->net, (s32)m->ifa_index);
	if (!dev) {
		NL_SET_ERR(rq->ack, "ipv6: Unable to find the interface");
		return -ENODEV;
	}
	c.flags = a.a[IFA_FLAGS] ? nl_u32(a.a[IFA_FLAGS]) : m->ifa_flags;
	c.flags &= IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN | IFA_F_OPTIMISTIC;
	if (!c.valid_lft_s || c.preferred_lft_s > c.valid_lft_s) {
		NL_SET_ERR(rq->ack, "ipv6: address lifetime invalid");
		return -EINVAL;
	}
	idev = in6_dev_get(dev);
	if (!idev || !(idev->conf.v[IP6_CONF_OPTIMISTIC_DAD] || rq->net->ip6->conf_all.v[IP6_CONF_OPTIMISTIC_DAD]))
		c.flags &= ~(u32)IFA_F_OPTIMISTIC;
	if (c.flags & IFA_F_NODAD && c.flags & IFA_F_OPTIMISTIC) {
		NL_SET_ERR(rq->ack, "IFA_F_NODAD and IFA_F_OPTIMISTIC are mutually exclusive");
		return -EINVAL;
	}
	c.prefix_len = m->ifa_prefixlen;
	c.metric = a.a[IFA_RT_PRIORITY] ? nl_u32(a.a[IFA_RT_PRIORITY]) : 0;
	c.proto = a.a[IFA_PROTO] ? nl_u8(a.a[IFA_PROTO]) : 0;
	c.excl = rq->nlh->nlmsg_flags & NLM_F_EXCL;
	c.replace = rq->nlh->nlmsg_flags & NLM_F_REPLACE;
	return ip6_addr_add(rq->cpu, dev, &c, rq->ack);
}

static int del_addr(struct nl_request *rq)
{
	const struct ifaddrmsg *m;
	struct inaddr addr, peer;
	struct net_device *dev;
	struct nl_attrs a;
	int err = parse(rq, &a, &m, &addr, &peer);

	if (err)
		return err;
	dev = dev_by_index(rq->net, (s32)m->ifa_index);
	if (!dev) {
		NL_SET_ERR(rq->ack, "ipv6: Unable to find the interface");
		return -ENODEV;
	}
	return ip6_addr_del(rq->cpu, dev, &addr, m->ifa_prefixlen, rq->ack);
}

static int get_addr(struct nl_request *rq)
{
	const struct ifaddrmsg *m;
	struct inaddr addr, peer;
	struct net_device *dev;
	struct inet6_ifaddr *ifa;
	struct nl_attrs a;
	struct nl_buf b;
	int err = parse(rq, &a, &m, &addr, &peer);

	if (err)
		return err;
	dev = m->ifa_index ? dev_by_index(rq->net, (s32)m->ifa_index) : NULL;
	ifa = ip6_ifaddr_find(rq->net, &addr, dev, 0);
	if (!ifa)
		return -EADDRNOTAVAIL;
	nl_buf_init(&b, cpu_mem(rq->cpu), 0);
	err = rt_addr6_fill(&b, ifa, rq->cpu->now, RTM_NEWADDR, 0, rq->nlh->nlmsg_seq, rq->portid);
	err = err ? err : nl_unicast(rq, &b);
	nl_buf_fini(&b);
	return err;
}

static int dump_device(const struct nl_dump *d, s32 *ifindex)
{
	const struct ifaddrmsg *m = nlmsg_hdr_data(d->req);

	*ifindex = 0;
	if (!d->strict)
		return 0;
	if (nlmsg_body_len(d->req) < sizeof(*m)) {
		NL_SET_ERR(d->ack, "ipv6: Invalid header for address dump request");
		return -EINVAL;
	}
	if (m->ifa_prefixlen || m->ifa_flags || m->ifa_scope) {
		NL_SET_ERR(d->ack, "ipv6: Invalid values in header for address dump request");
		return -EINVAL;
	}
	*ifindex = (s32)m->ifa_index;
	return *ifindex && !dev_by_index(d->net, *ifindex) ? -ENODEV : 0;
}

static int put_group(struct nl_buf *b, const struct inet6_dev *idev, const struct inaddr *a, u16 attr, u16 type, u16 flags, const struct nl_dump *d)
{
	struct ifaddrmsg *m = nl_begin(b, type, flags, d->seq, d->portid, sizeof(*m));
	struct ifa_cacheinfo ci = { .ifa_prefered = ~0u, .ifa_valid = ~0u };
	if (!m)
		return nl_end(b);
	*m = (struct ifaddrmsg){ .ifa_family = AF_INET6, .ifa_prefixlen = 128, .ifa_flags = IFA_F_PERMANENT, .ifa_index = (u32)idev->dev->ifindex };
	nl_put(b, attr, a->b, 16);
	nl_put(b, IFA_CACHEINFO, &ci, sizeof(ci));
	return nl_end(b);
}

/* what: RTM_NEWADDR, RTM_GETMULTICAST, RTM_GETANYCAST. arg[0]: the device to go on with; arg[1]: how many of its entries have been told. */
static int dump_kind(struct nl_dump *d, struct nl_buf *b, u16 what)
{
	struct net_device *dev;
	s32 only;
	u16 flags;
	int err = dump_device(d, &only);

	if (err)
		return err;
	d->done_apart = true;
	d->filtered = only != 0;
	nl_dump_generation(d, nl_generations(d->net)->addr_gen);
	flags = (u16)(NLM_F_MULTI | (d->filtered ? NLM_F_DUMP_FILTERED : 0) | (d->intr ? NLM_F_DUMP_INTR : 0));
	dev_for_each (dev, d->net) {
		struct inet6_dev *idev = in6_dev_get(dev);
		struct list *head;
		u64 n = 0;
		if ((u64)dev->ifindex < d->arg[0] || !idev || (only && dev->ifindex != only))
			continue;
		if ((u64)dev->ifindex != d->arg[0])
			d->arg[1] = 0;
		d->arg[0] = (u64)dev->ifindex;
		head = what == RTM_NEWADDR ? &idev->addrs : what == RTM_GETMULTICAST ? &idev->mc.groups : &idev->ac_list;
		for (struct list *l = head->next; l != head; l = l->next) {
			if (n++ < d->arg[1])
				continue;
			if (what == RTM_NEWADDR)
				err = rt_addr6_fill(b, list_entry(l, struct inet6_ifaddr, link), d->cpu->now, RTM_NEWADDR, flags, d->seq, d->portid);
			else if (what == RTM_GETMULTICAST && !list_entry(l, struct mc_group, link)->users)
				continue; /* left: routers are still to be told */
			else if (what == RTM_GETMULTICAST)
				err = put_group(b, idev, &list_entry(l, struct mc_group, link)->addr, IFA_MULTICAST, what, flags, d);
			else
				err = put_group(b, idev, &list_entry(l, struct ip6_anycast, link)->addr, IFA_ANYCAST, what, flags, d);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
			d->arg[1] = n;
		}
	}
	return 0;
}

int rt_addr6_dump(struct nl_dump *d, struct nl_buf *b) { return dump_kind(d, b, RTM_NEWADDR); }
static int dump_groups(struct nl_dump *d, struct nl_buf *b) { return dump_kind(d, b, RTM_GETMULTICAST); }
static int dump_anycast(struct nl_dump *d, struct nl_buf *b) { return dump_kind(d, b, RTM_GETANYCAST); }

const struct nl_handler rt_addr6_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETADDR, .family = AF_INET6, .doit = get_addr, .dump = rt_addr6_dump },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWADDR, .family = AF_INET6, .doit = new_addr },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELADDR, .family = AF_INET6, .doit = del_addr },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETMULTICAST, .family = AF_INET6, .dump = dump_groups },
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETANYCAST, .family = AF_INET6, .dump = dump_anycast },
	{ 0 },
};
