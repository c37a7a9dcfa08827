/* RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR for IPv4. The addresses themselves, their order and their routes are inet/ip4's. */
#include <linux/if_addr.h>

#include "control/nsid.h"
#include "control/route/rt.h"
#include "inet/ip4/ip4.h"
#include "link/netns_dev.h"

static const struct nl_policy policy[IFA_MAX + 1] = {
	[IFA_LOCAL] = { .type = NLP_U32 },
	[IFA_ADDRESS] = { .type = NLP_U32 },
	[IFA_BROADCAST] = { .type = NLP_U32 },
	[IFA_LABEL] = { .type = NLP_STRING, .len = IFNAMSIZ - 1 },
	[IFA_CACHEINFO] = { .type = NLP_MIN_LEN, .len = sizeof(struct ifa_cacheinfo) },
	[IFA_FLAGS] = { .type = NLP_U32 },
	[IFA_RT_PRIORITY] = { .type = NLP_U32 },
	[IFA_TARGET_NETNSID] = { .type = NLP_S32 },
	[IFA_PROTO] = { .type = NLP_U8 },
};

static u32 remaining(u32 lifetime, u64 since, u64 now)
{
	u64 gone = now > since ? (now - since) / NSEC_PER_SEC : 0;

	if (lifetime == 0xffffffffu)
		return lifetime;
	return lifetime > gone ? (u32)(lifetime - gone) : 0;
}

int rt_addr_fill(struct nl_buf *b, const struct in_ifaddr *ifa, u64 now, u16 type, u16 flags, u32 seq, u32 portid, s32 tgt_nsid)
{
	struct ifaddrmsg *m = nl_begin(b, type, flags, seq, portid, sizeof(*m));
	struct ifa_cacheinfo ci = { .cstamp = rt_ticks(ifa->cstamp), .tstamp = rt_ticks(ifa->tstamp) };
	bool permanent = ifa->flags & IFA_F_PERMANENT;

	if (!m)
		return nl_end(b);
	m->ifa_family = AF_INET;
	m->ifa_prefixlen = ifa->prefix_len;
	m->ifa_flags = (u8)ifa->flags;
	m->ifa_scope = ifa->scope;
	m->ifa_index = (u32)ifa->idev->dev->ifindex;
	if (tgt_nsid >= 0)
		nl_put_u32(b, IFA_TARGET_NETNSID, (u32)tgt_nsid);
	if (ifa->address.raw)
		nl_put_u32(b, IFA_ADDRESS, ifa->address.raw);
	if (ifa->local.raw)
		nl_put_u32(b, IFA_LOCAL, ifa->local.raw);
	if (ifa->broadcast.raw)
		nl_put_u32(b, IFA_BROADCAST, ifa->broadcast.raw);
	if (ifa->label[0])
		nl_put_str(b, IFA_LABEL, ifa->label);
	if (ifa->proto)
		nl_put_u8(b, IFA_PROTO, ifa->proto);
	nl_put_u32(b, IFA_FLAGS, ifa->flags);
	if (ifa->metric)
		nl_put_u32(b, IFA_RT_PRIORITY, ifa->metric);
	ci.ifa_prefered = permanent ? 0xffffffffu : remaining(ifa->preferred_lft_s, ifa->tstamp, now);
	ci.ifa_valid = permanent ? 0xffffffffu : remaining(ifa->valid_lft_s, ifa->tstamp, now);
	nl_put(b, IFA_CACHEINFO, &ci, sizeof(ci));
	return nl_end(b);
}

/* Header and attributes of NEWADDR and DELADDR. */
static int parse(struct nl_request *rq, struct nl_attrs *a, const struct ifaddrmsg **m)
{
	size_t len;
	const void *p = nlmsg_attrs(rq->nlh, sizeof(struct ifaddrmsg), &len);

	if (nlmsg_body_len(rq->nlh) < sizeof(struct ifaddrmsg))
		return -EINVAL;
	*m = nlmsg_hdr_data(rq->nlh);
	return nl_parse(p, len, a, IFA_MAX, policy, false, rq->ack);
}

static int new_addr(struct nl_request *rq)
{
	struct in_ifaddr_config c = { .portid = rq->portid, .seq = rq->nlh->nlmsg_seq, .valid_lft_s = 0xffffffffu,
				      .preferred_lft_s = 0xffffffffu };
	const struct ifaddrmsg *m;
	struct ifa_cacheinfo ci;
	struct net_device *dev;
	char label[IFNAMSIZ];
	struct nl_attrs a;
	int err = parse(rq, &a, &m);

	if (err)
		return err;
	if (m->ifa_prefixlen > 32) {
		NL_SET_ERR(rq->ack, "ipv4: Invalid prefix length");
		return -EINVAL;
	}
	if (!a.a[IFA_LOCAL]) {
		NL_SET_ERR(rq->ack, "ipv4: Local address is not supplied");
		return -EINVAL;
	}
	dev = dev_by_index(rq->net, (s32)m->ifa_index);
	if (!dev) {
		NL_SET_ERR(rq->ack, "ipv4: Device not found");
		return -ENODEV;
	}
	c.local.raw = nl_u32(a.a[IFA_LOCAL]);
	c.address.raw = a.a[IFA_ADDRESS] ? nl_u32(a.a[IFA_ADDRESS]) : c.local.raw;
	c.has_broadcast = a.a[IFA_BROADCAST] != NULL;
	c.broadcast.raw = a.a[IFA_BROADCAST] ? nl_u32(a.a[IFA_BROADCAST]) : 0;
	c.prefix_len = m->ifa_prefixlen;
	c.scope = m->ifa_scope;
	c.has_scope = true;
	c.flags = a.a[IFA_FLAGS] ? nl_u32(a.a[IFA_FLAGS]) : m->ifa_flags;
	c.metric = a.a[IFA_RT_PRIORITY] ? nl_u32(a.a[IFA_RT_PRIORITY]) : 0;
	c.proto = a.a[IFA_PROTO] ? nl_u8(a.a[IFA_PROTO]) : 0;
	if (a.a[IFA_LABEL]) {
		nl_strcpy(label, sizeof(label), a.a[IFA_LABEL]);
		c.label = label;
	}
	if (a.a[IFA_CACHEINFO]) {
		memcpy(&ci, nl_data(a.a[IFA_CACHEINFO]), sizeof(ci));
		if (!ci.ifa_valid || ci.ifa_prefered > ci.ifa_valid) {
			NL_SET_ERR(rq->ack, "ipv4: address lifetime invalid");
			return -EINVAL;
		}
		c.valid_lft_s = ci.ifa_valid;
		c.preferred_lft_s = ci.ifa_prefered;
	}
	c.replace = rq->nlh->nlmsg_flags & NLM_F_REPLACE;
	c.excl = rq->nlh->nlmsg_flags & NLM_F_EXCL;
	return ip4_addr_add(rq->cpu, dev, &c, rq->ack);
}

/* The address that a DELADDR means, as far as it says: what it leaves out matches all. */
static struct in_ifaddr *matching(const struct in_device *idev, const struct ifaddrmsg *m, const struct nl_attrs *a)
{
	struct in_ifaddr *ifa;
	char label[IFNAMSIZ] = "";

	if (a->a[IFA_LABEL])
		nl_strcpy(label, sizeof(label), a->a[IFA_LABEL]);
	list_for_each (ifa, &idev->addrs, link) {
		if (a->a[IFA_LOCAL] && ifa->local.raw != nl_u32(a->a[IFA_LOCAL]))
			continue;
		if (a->a[IFA_LABEL] && strcmp(ifa->label, label))
			continue;
		if (a->a[IFA_ADDRESS]) {
			u32 mask = m->ifa_prefixlen ? __builtin_bswap32(~0u << (32 - m->ifa_prefixlen)) : 0;
			if (ifa->prefix_len != m->ifa_prefixlen || ((nl_u32(a->a[IFA_ADDRESS]) ^ ifa->address.raw) & mask))
				continue;
		}
		return ifa;
	}
	return NULL;
}

static int del_addr(struct nl_request *rq)
{
	struct in_ifaddr_config c = { .portid = rq->portid, .seq = rq->nlh->nlmsg_seq };
	const struct ifaddrmsg *m;
	struct in_ifaddr *ifa;
	struct net_device *dev;
	struct nl_attrs a;
	int err = parse(rq, &a, &m);

	if (err)
		return err;
	if (m->ifa_prefixlen > 32)
		return -EINVAL;
	dev = dev_by_index(rq->net, (s32)m->ifa_index);
	if (!dev || !dev->ip_ptr) {
		NL_SET_ERR(rq->ack, "ipv4: Device not found");
		return -ENODEV;
	}
	ifa = matching(dev->ip_ptr, m, &a);
	if (!ifa) {
		NL_SET_ERR(rq->ack, "ipv4: Address not found");
		return -EADDRNOTAVAIL;
	}
	c.local = ifa->local;
	c.address = ifa->address;
	c.prefix_len = ifa->prefix_len;
	c.label = ifa->label;
	return ip4_addr_del(rq->cpu, dev, &c, rq->ack);
}

struct filter {
	struct netns *net;
	s32 ifindex, tgt_nsid;
};

static int parse_dump(struct nl_dump *d, struct filter *f)
{
	const struct ifaddrmsg *m = nlmsg_hdr_data(d->req);
	struct nl_attrs a;
	size_t len;
	const void *p = nlmsg_attrs(d->req, sizeof(*m), &len);
	int err;

	*f = (struct filter){ .net = d->net, .tgt_nsid = -1 };
	if (!d->strict)
		return 0;
	if (nlmsg_body_len(d->req) < sizeof(*m)) {
		NL_SET_ERR(d->ack, "ipv4: Invalid header for address dump request");
		return -EINVAL;
	}
	if (m->ifa_prefixlen || m->ifa_flags || m->ifa_scope) {
		NL_SET_ERR(d->ack, "ipv4: Invalid values in header for address dump request");
		return -EINVAL;
	}
	err = nl_parse(p, len, &a, IFA_MAX, policy, true, d->ack);
	if (err)
		return err;
	for (unsigned i = 1; i <= IFA_MAX; i++) {
		if (a.a[i] && i != IFA_TARGET_NETNSID) {
			NL_SET_ERR(d->ack, "ipv4: Unsupported attribute in dump request");
			return -EINVAL;
		}
	}
	if (a.a[IFA_TARGET_NETNSID]) {
		f->tgt_nsid = (s32)nl_u32(a.a[IFA_TARGET_NETNSID]);
		f->net = nsid_peer(d->net, f->tgt_nsid);
		if (!f->net) {
			NL_SET_ERR(d->ack, "ipv4: Invalid target network namespace id");
			return -EINVAL;
		}
	}
	f->ifindex = (s32)m->ifa_index;
	if (f->ifindex && !dev_by_index(f->net, f->ifindex))
		return -ENODEV;
	return 0;
}

/* arg[0]: the device to go on with; arg[1]: how many of its addresses have been told. */
static int dump_addr(struct nl_dump *d, struct nl_buf *b)
{
	struct net_device *dev;
	struct in_ifaddr *ifa;
	struct filter f;
	u16 flags;
	u64 n;
	int err = parse_dump(d, &f);

	if (err)
		return err;
	d->done_apart = true;
	d->filtered = f.ifindex != 0;
	nl_dump_generation(d, nl_generations(f.net)->addr_gen);
	flags = (u16)(NLM_F_MULTI | (d->filtered ? NLM_F_DUMP_FILTERED : 0) | (d->intr ? NLM_F_DUMP_INTR : 0));
	dev_for_each (dev, f.net) {
		if ((u64)dev->ifindex < d->arg[0] || !dev->ip_ptr || (f.ifindex && dev->ifindex != f.ifindex))
			continue;
		if ((u64)dev->ifindex != d->arg[0])
			d->arg[1] = 0;
		d->arg[0] = (u64)dev->ifindex;
		n = 0;
		list_for_each (ifa, &dev->ip_ptr->addrs, link) {
			if (n++ < d->arg[1])
				continue;
			err = rt_addr_fill(b, ifa, d->cpu->now, RTM_NEWADDR, flags, d->seq, d->portid, f.tgt_nsid);
			if (err)
				return err == -EMSGSIZE ? 1 : err;
			d->arg[1] = n;
		}
	}
	return 0;
}

/* For no family: IPv4's, then IPv6's. arg[5]: which one it is at. */
static int dump_all(struct nl_dump *d, struct nl_buf *b)
{
	u8 family = *(const u8 *)nlmsg_hdr_data(d->req);
	int more = 0;
	if (!d->arg[5]) {
		more = dump_addr(d, b);
		if (more || family)
			return more;
		d->arg[0] = d->arg[1] = 0;
		d->arg[5] = 1;
	}
	return rt_addr6_dump(d, b);
}

const struct nl_handler rt_addr_handlers[] = {
	{ .protocol = NETLINK_ROUTE, .type = RTM_GETADDR, .dump = dump_all },
	{ .protocol = NETLINK_ROUTE, .type = RTM_NEWADDR, .family = AF_INET, .doit = new_addr },
	{ .protocol = NETLINK_ROUTE, .type = RTM_DELADDR, .family = AF_INET, .doit = del_addr },
	{ 0 },
};
