/* Control messages of AF_INET6 sockets (RFC 3542): what a program says of one datagram, and what it asked to hear of those it gets. */
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "inet/ip6/ip6.h"
#include "sock/inet_sock.h"

#ifndef IPV6_ORIGDSTADDR
#define IPV6_ORIGDSTADDR 74
#endif
#ifndef IPV6_RECVFRAGSIZE
#define IPV6_RECVFRAGSIZE 77
#endif
enum { OPKTINFO = 2, OHOPLIMIT = 8, FLOWINFO = 11 }; /* RFC 2292's numbers */

static int pktinfo(struct cpu *cpu, struct inet_sock *inet, const u8 *data, size_t len, struct inet_cmsgs *c)
{
	struct netns *net = inet->sk.net;
	struct in6_pktinfo pi;
	struct net_device *dev = NULL;
	struct inaddr a;

	if (len < sizeof pi)
		return -EINVAL;
	memcpy(&pi, data, sizeof pi);
	a = inaddr_from_v6(&pi.ipi6_addr);
	if (pi.ipi6_ifindex) {
		if (!dev_in_scope(net, inet->sk.bound_dev_if, (s32)pi.ipi6_ifindex))
			return -EINVAL;
		c->oif = (s32)pi.ipi6_ifindex;
	}
	if (v6_is_any(&a))
		return 0;
	if (c->oif && !(dev = dev_by_index(net, c->oif)))
		return -ENODEV;
	if (v6_is_linklocal(&a) && !dev)
		return -EINVAL;
	if (!inet->freebind && !inet->transparent && !net->ip6->nonlocal_bind && !inaddr_is_v4(&a) &&
	    net->inet->af6->addr_type(net, dev, &a) != RTN_LOCAL)
		return -EINVAL;
	c->saddr = a;
	return 0;
}

int inet6_cmsg_parse(struct cpu *cpu, struct inet_sock *inet, int type, const u8 *data, size_t len, struct inet_cmsgs *c)
{
	int v = 0;

	switch (type) {
	case IPV6_PKTINFO:
	case OPKTINFO:
		return pktinfo(cpu, inet, data, len, c);
	case FLOWINFO:
		if (len < 4)
			return -EINVAL;
		memcpy(&c->label6, data, 4); /* the traffic class in it is not looked at */
		c->label6.raw &= BE32(IP6_FLOWLABEL_MASK).raw;
		c->has_label6 = true;
		return 0;
	case IPV6_HOPOPTS:
	case IPV6_RTHDRDSTOPTS:
	case IPV6_RTHDR:
	case IPV6_DSTOPTS:
	case IPV6_2292HOPOPTS:
	case IPV6_2292RTHDR:
	case IPV6_2292DSTOPTS: return inet6_txopts_cmsg(cpu, type, data, len, &c->txopts6);
	}
	if (len != sizeof v)
		return -EINVAL;
	memcpy(&v, data, sizeof v);
	switch (type) {
	case IPV6_HOPLIMIT:
	case OHOPLIMIT:
		if (v < -1 || v > 255)
			return -EINVAL;
		c->hops6 = (s16)v;
		return 0;
	case IPV6_TCLASS:
		if (v < -1 || v > 255)
			return -EINVAL;
		c->tclass6 = (s16)v;
		return 0;
	case IPV6_DONTFRAG:
		if (v < 0 || v > 1)
			return -EINVAL;
		c->dontfrag6 = (s8)v;
		return 0;
	}
	return -EINVAL;
}

static void put_pktinfo(const struct inet_rx_cb *cb, const struct inaddr *daddr, int type, struct msghdr *m)
{
	struct in6_pktinfo pi = { .ipi6_ifindex = (unsigned)cb->ifindex };
	memcpy(&pi.ipi6_addr, daddr->b, 16);
	msg_put_cmsg(m, SOL_IPV6, type, &pi, sizeof pi);
}

static void put_ext(const u8 *h, int type, struct msghdr *m) { msg_put_cmsg(m, SOL_IPV6, type, h, (h[1] + 1u) * 8); }

/* The extension headers up to the upper layer (checked when they came in), in the packet's order. hop: 0 for none, dst and rthdr too. */
static void put_exts(const struct sk_buff *skb, const struct ip6_hdr *ip, int hop, int dst, int rthdr, struct msghdr *m)
{
	const u8 *h = (const u8 *)(ip + 1), *end = skb->head + skb->transport_header;
	u8 nh = ip->nexthdr, next;

	for (; ip6_is_ext(nh) && nh != IP6_NH_NONE && end - h >= 8; h += ip6_ext_len(nh, h[1]), nh = next) {
		next = h[0];
		if ((s64)ip6_ext_len(nh, h[1]) > end - h)
			return;
		if (nh == IP6_NH_HOPOPTS && hop)
			put_ext(h, hop, m);
		else if (nh == IP6_NH_DSTOPTS && dst)
			put_ext(h, dst, m);
		else if (nh == IP6_NH_ROUTING && rthdr)
			put_ext(h, rthdr, m);
	}
}

void inet6_pathmtu_set(struct inet_sock *inet, const struct inaddr *daddr, u32 mtu)
{
	if (!(inet->v6->cmsg & IP6_CMSG_PATHMTU))
		return;
	inet->v6->path_mtu = mtu;
	inet->v6->path_mtu_to = *daddr;
}

ssize_t inet6_pathmtu_recv(struct inet_sock *inet, struct msghdr *m)
{
	struct ip6_mtuinfo mi = { .ip6m_addr.sin6_family = AF_INET6, .ip6m_mtu = inet->v6->path_mtu };

	memcpy(&mi.ip6m_addr.sin6_addr, inet->v6->path_mtu_to.b, 16);
	inet->v6->path_mtu = 0;
	if (m->msg_name)
		inet_sockaddr_fill(&inet->sk, &inet->v6->path_mtu_to, (be16){ 0 }, 0, m->msg_name, &m->msg_namelen);
	msg_put_cmsg(m, SOL_IPV6, IPV6_PATHMTU, &mi, sizeof mi);
	return 0;
}

void inet6_recv_cmsgs(struct cpu *cpu, struct inet_sock *inet, const struct sk_buff *skb, struct msghdr *m)
{
	const struct inet_rx_cb *cb = (const struct inet_rx_cb *)skb->cb;
	bool v6 = be16_eq(skb->protocol, BE16(0x86dd));
	const struct inet_af *af = v6 ? inet->sk.net->inet->af6 : inet->sk.net->inet->af4;
	const struct ip6_hdr *ip = (const struct ip6_hdr *)skb_network_header(skb);
	u32 f = inet->v6->cmsg;
	struct inaddr s, d;
	be32 info;

	af->addrs(skb, &s, &d);
	if (f & IP6_CMSG_PKTINFO)
		put_pktinfo(cb, &d, IPV6_PKTINFO, m);
	if (!v6) /* the rest is IPv6's own */
		return;
	if (f & IP6_CMSG_HOPLIMIT)
		msg_put_cmsg(m, SOL_IPV6, IPV6_HOPLIMIT, &(int){ ip->hop_limit }, sizeof(int));
	if (f & IP6_CMSG_TCLASS)
		msg_put_cmsg(m, SOL_IPV6, IPV6_TCLASS, &(int){ ip6_tclass(ip) }, sizeof(int));
	info.raw = ip->vtf.raw & BE32(0x0fffffff).raw;
	if (f & IP6_CMSG_FLOWINFO && info.raw)
		msg_put_cmsg(m, SOL_IPV6, FLOWINFO, &info, sizeof info);
	if (f & IP6_CMSG_HOPOPTS)
		put_exts(skb, ip, IPV6_HOPOPTS, 0, 0, m);
	if (f & (IP6_CMSG_DSTOPTS | IP6_CMSG_RTHDR))
		put_exts(skb, ip, 0, f & IP6_CMSG_DSTOPTS ? IPV6_DSTOPTS : 0, f & IP6_CMSG_RTHDR ? IPV6_RTHDR : 0, m);
	if (f & IP6_CMSG_OPKTINFO)
		put_pktinfo(cb, &d, OPKTINFO, m);
	if (f & IP6_CMSG_OHOPLIMIT)
		msg_put_cmsg(m, SOL_IPV6, OHOPLIMIT, &(int){ ip->hop_limit }, sizeof(int));
	if (f & (IP6_CMSG_OHOPOPTS | IP6_CMSG_ODSTOPTS | IP6_CMSG_ORTHDR))
		put_exts(skb, ip, f & IP6_CMSG_OHOPOPTS ? IPV6_2292HOPOPTS : 0, f & IP6_CMSG_ODSTOPTS ? IPV6_2292DSTOPTS : 0,
			 f & IP6_CMSG_ORTHDR ? IPV6_2292RTHDR : 0, m);
	if (f & IP6_CMSG_ORIGDSTADDR && (inet->sk.protocol == IPPROTO_UDP || inet->sk.protocol == IPPROTO_TCP)) {
		const be16 *ports = (const be16 *)skb_transport_header(skb);
		struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = ports[1].raw };
		memcpy(&a.sin6_addr, d.b, 16);
		if (v6_needs_scope(&d))
			a.sin6_scope_id = (u32)cb->ifindex;
		msg_put_cmsg(m, SOL_IPV6, IPV6_ORIGDSTADDR, &a, sizeof a);
	}
	if (f & IP6_CMSG_RECVFRAGSIZE && cb->frag_max_size)
		msg_put_cmsg(m, SOL_IPV6, IPV6_RECVFRAGSIZE, &(int){ (int)cb->frag_max_size }, sizeof(int));
}

int inet6_pktoptions_get(const struct inet_sock *inet, void *val, socklen_t *len)
{
	struct msghdr m = { .msg_control = val, .msg_controllen = *len };
	const struct inet6_opts *o = inet->v6;
	s32 ifindex = o->mc_index ? o->mc_index : inet->sk.bound_dev_if;

	if (inet->sk.type != SOCK_STREAM)
		return -ENOPROTOOPT;
	for (unsigned old = 0; old < 2; old++) {
		if (o->cmsg & (old ? IP6_CMSG_OPKTINFO : IP6_CMSG_PKTINFO)) {
			struct in6_pktinfo pi = { .ipi6_ifindex = (unsigned)ifindex };
			if (!o->mc_index)
				memcpy(&pi.ipi6_addr, inet->daddr.b, 16);
			msg_put_cmsg(&m, SOL_IPV6, old ? OPKTINFO : IPV6_PKTINFO, &pi, sizeof pi);
		}
		if (o->cmsg & (old ? IP6_CMSG_OHOPLIMIT : IP6_CMSG_HOPLIMIT))
			msg_put_cmsg(&m, SOL_IPV6, old ? OHOPLIMIT : IPV6_HOPLIMIT, &(int){ o->mc_hops }, sizeof(int));
		if (!old && o->cmsg & IP6_CMSG_TCLASS)
			msg_put_cmsg(&m, SOL_IPV6, IPV6_TCLASS, &(int){ (int)(be32_to_cpu(o->rcv_flowinfo) >> 20 & 0xff) }, sizeof(int));
	}
	if (o->cmsg & IP6_CMSG_FLOWINFO)
		msg_put_cmsg(&m, SOL_IPV6, FLOWINFO, &o->rcv_flowinfo, sizeof o->rcv_flowinfo);
	*len -= (socklen_t)m.msg_controllen;
	return 0;
}
