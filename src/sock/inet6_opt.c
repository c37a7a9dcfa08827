/* SOL_IPV6: the options of ipv6(7) and RFC 3493, 3542, 5014, with Linux 6.18's bounds, lengths and errors.
 *
 * They concern the packets of IPv6 that an AF_INET6 socket sends and gets; what it sends to mapped addresses is ruled by SOL_IP's.
 */
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "inet/ip6/ip6.h"
#include "inet/mroute/mroute.h"
#include "sock/inet_mcast.h"
#include "sock/inet_sock.h"

enum { OPT_OPKTINFO = 2, OPT_OHOPLIMIT = 8, OPT_RA_ISOLATE = 30, OPT_FLOWINFO = 11, OPT_MULTICAST_ALL = 29, OPT_RECVERR_RFC4884 = 31, OPT_FLOWLABEL_MGR = 32, OPT_FLOWINFO_SEND = 33,
       OPT_ORIGDSTADDR = 74, OPT_UNICAST_IF = 76, OPT_RECVFRAGSIZE = 77, OPT_FREEBIND = 78 };
enum { PREFER_TMP = 1, PREFER_PUBLIC = 2, PREFER_COA = 4, PREFER_HOME = 0x400, PREFER_CGA = 8, PREFER_NONCGA = 0x800, PREFER_PUBTMP_DEFAULT = 0x100 };

static const struct {
	int name;
	u32 flag;
} cmsg_opts[] = {
	{ IPV6_RECVPKTINFO, IP6_CMSG_PKTINFO }, { OPT_OPKTINFO, IP6_CMSG_OPKTINFO },	  { IPV6_RECVHOPLIMIT, IP6_CMSG_HOPLIMIT },
	{ OPT_OHOPLIMIT, IP6_CMSG_OHOPLIMIT },	{ IPV6_RECVTCLASS, IP6_CMSG_TCLASS },	  { OPT_FLOWINFO, IP6_CMSG_FLOWINFO },
	{ OPT_ORIGDSTADDR, IP6_CMSG_ORIGDSTADDR }, { OPT_RECVFRAGSIZE, IP6_CMSG_RECVFRAGSIZE }, { IPV6_RECVPATHMTU, IP6_CMSG_PATHMTU },
	{ IPV6_RECVHOPOPTS, IP6_CMSG_HOPOPTS },	{ IPV6_2292HOPOPTS, IP6_CMSG_OHOPOPTS },  { IPV6_RECVDSTOPTS, IP6_CMSG_DSTOPTS },
	{ IPV6_2292DSTOPTS, IP6_CMSG_ODSTOPTS }, { IPV6_RECVRTHDR, IP6_CMSG_RTHDR },	  { IPV6_2292RTHDR, IP6_CMSG_ORTHDR },
};
static u32 cmsg_flag(int name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cmsg_opts); i++)
		if (cmsg_opts[i].name == name)
			return cmsg_opts[i].flag;
	return 0;
}

static int set_preferences(struct inet_sock *inet, u32 v)
{
	u32 pub = v & (PREFER_TMP | PREFER_PUBLIC | PREFER_PUBTMP_DEFAULT), home = v & (PREFER_HOME | PREFER_COA), cga = v & (PREFER_CGA | PREFER_NONCGA);
	u32 mask = ~0u, prefs = 0;

	if ((pub & (pub - 1)) || (home & (home - 1)) || cga == (PREFER_CGA | PREFER_NONCGA))
		return -EINVAL;
	if (pub) {
		prefs |= pub & (PREFER_TMP | PREFER_PUBLIC);
		mask &= ~(u32)(PREFER_TMP | PREFER_PUBLIC);
	}
	if (home) {
		prefs |= home & PREFER_COA;
		mask &= ~(u32)PREFER_COA;
	}
	inet->v6->prefs = (inet->v6->prefs & mask) | prefs;
	inet_dst_reset(inet);
	return 0;
}

static int get_preferences(const struct inet_sock *inet)
{
	u32 p = inet->v6->prefs, v = p & (PREFER_TMP | PREFER_PUBLIC);
	if (!v)
		v = PREFER_PUBTMP_DEFAULT;
	return (int)(v | (p & PREFER_COA ? PREFER_COA : PREFER_HOME));
}

static int set_membership(struct cpu *cpu, struct inet_sock *inet, bool join, const void *val, socklen_t len)
{
	struct ipv6_mreq m;
	struct mc_request r;

	if (len < sizeof m)
		return -EINVAL;
	if (inet->sk.type == SOCK_STREAM)
		return -EPROTO;
	memcpy(&m, val, sizeof m);
	r = (struct mc_request){ .group = inaddr_from_v6(&m.ipv6mr_multiaddr), .ifindex = (s32)m.ipv6mr_interface };
	if (inaddr_is_v4(&r.group))
		return -EINVAL;
	return join ? inet_mc_join(cpu, inet, &r, MCAST_EXCLUDE) : inet_mc_leave(cpu, inet, &r);
}

static int set_anycast(struct cpu *cpu, struct inet_sock *inet, bool join, const void *val, socklen_t len)
{
	struct ipv6_mreq r;
	struct inaddr a;

	if (len < sizeof r)
		return -EINVAL;
	memcpy(&r, val, sizeof r);
	a = inaddr_from_v6(&r.ipv6mr_multiaddr);
	return join ? inet6_anycast_join(cpu, inet, &a, (s32)r.ipv6mr_interface) : inet6_anycast_leave(cpu, inet, &a, (s32)r.ipv6mr_interface);
}

static int set_device(struct inet_sock *inet, s32 ifindex, s32 *where)
{
	if (ifindex) {
		if (!dev_by_index(inet->sk.net, ifindex))
			return where == &inet->v6->uc_index ? -EADDRNOTAVAIL : -ENODEV;
		if (inet->sk.bound_dev_if && inet->sk.bound_dev_if != ifindex)
			return -EINVAL;
	}
	*where = ifindex;
	inet_dst_reset(inet);
	return 0;
}

static int set_pktinfo(struct inet_sock *inet, const void *val, socklen_t len)
{
	struct in6_pktinfo pi;
	if (len < sizeof pi)
		return -EINVAL;
	memcpy(&pi, val, sizeof pi);
	if (inet->sk.bound_dev_if && pi.ipi6_ifindex != (unsigned)inet->sk.bound_dev_if)
		return -EINVAL;
	inet->v6->uc_index = inet->v6->mc_index = (s32)pi.ipi6_ifindex;
	inet_dst_reset(inet);
	return 0;
}

static int set_recverr(struct cpu *cpu, struct inet_sock *inet, bool on)
{
	struct sk_buff *skb;
	inet->recverr6 = on;
	while (!on && (skb = skb_list_pop(&inet->sk.err_queue)))
		skb_consume(cpu, skb);
	return 0;
}

/* IPV6_ADDRFORM (RFC 3493 calls it by another name no more): a socket connected to a mapped address becomes one of AF_INET. */
static int to_inet(struct cpu *cpu, struct inet_sock *inet)
{
	struct sock *sk = &inet->sk;

	if (sk->protocol != IPPROTO_UDP && sk->protocol != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (sk->state != TCP_ESTABLISHED)
		return -ENOTCONN;
	if (inet->v6only || !inaddr_is_v4(&inet->daddr))
		return -EADDRNOTAVAIL;
	inet_mc_leave_all(cpu, inet);
	inet6_flowlabel_leave_all(cpu, inet);
	inet6_txopts_free(cpu, inet);
	sk->family = AF_INET;
	if (sk->socket)
		sk->socket->family = AF_INET;
	return 0;
}

static int set_int(struct cpu *cpu, struct inet_sock *inet, int name, int v)
{
	bool on = v != 0, stream = inet->sk.type == SOCK_STREAM;
	struct inet6_opts *o = inet->v6;

	switch (name) {
	case IPV6_UNICAST_HOPS:
		if (v < -1 || v > 255)
			return -EINVAL;
		o->uc_hops = (s16)v;
		return 0;
	case IPV6_MULTICAST_HOPS:
		if (stream)
			return -ENOPROTOOPT;
		if (v < -1 || v > 255)
			return -EINVAL;
		o->mc_hops = v == -1 ? 1 : (s16)v;
		return 0;
	case IPV6_MULTICAST_LOOP:
		if (v != on)
			return -EINVAL;
		o->mc_loop = on;
		return 0;
	case IPV6_MULTICAST_IF:
		return stream ? -ENOPROTOOPT : set_device(inet, v, &o->mc_index);
	case OPT_UNICAST_IF:
		return set_device(inet, (s32)be32_to_cpu((be32){ (u32)v }), &o->uc_index);
	case OPT_MULTICAST_ALL:
		o->mc_all = on;
		return 0;
	case IPV6_V6ONLY:
		if (inet->num)
			return -EINVAL;
		inet->v6only = on;
		return 0;
	case IPV6_TCLASS:
		if (v < -1 || v > 255)
			return -EINVAL;
		if (v == -1)
			v = 0;
		if (stream)
			v = (v & ~3) | (o->tclass & 3);
		o->tclass = (u8)v;
		inet_dst_reset(inet);
		return 0;
	case IPV6_MTU_DISCOVER:
		if (v < IPV6_PMTUDISC_DONT || v > IPV6_PMTUDISC_OMIT)
			return -EINVAL;
		o->pmtudisc = (u8)v;
		return 0;
	case IPV6_MTU:
		if (v && v < IP6_MIN_MTU)
			return -EINVAL;
		o->frag_size = (u32)v;
		return 0;
	case IPV6_RECVERR:
		return set_recverr(cpu, inet, on);
	case OPT_FLOWINFO_SEND:
		o->sndflow = on;
		return 0;
	case IPV6_DONTFRAG:
		o->dontfrag = on;
		return 0;
	case IPV6_AUTOFLOWLABEL:
		o->autoflow = on;
		o->autoflow_set = true;
		return 0;
	case IPV6_ADDR_PREFERENCES:
		return set_preferences(inet, (u32)v);
	case IPV6_MINHOPCOUNT:
		if (v < 0 || v > 255)
			return -EINVAL;
		o->min_hops = (u8)v;
		return 0;
	case IPV6_TRANSPARENT:
		if (on && !caller_net_raw(cpu) && !caller_net_admin(cpu))
			return -EPERM;
		inet->transparent = on;
		return 0;
	case OPT_FREEBIND:
		inet->freebind = on;
		return 0;
	case IPV6_HDRINCL:
		inet->hdrincl = on;
		return 0;
	case IPV6_ADDRFORM: return v == AF_INET ? to_inet(cpu, inet) : -EINVAL;
	case OPT_RECVERR_RFC4884:
		if (v != on)
			return -EINVAL;
		o->recverr_rfc4884 = on;
		return 0;
	case OPT_RA_ISOLATE:
		o->ra_isolate = on;
		return 0;
	}
	return -ENOPROTOOPT;
}

/* Options that look at no length: too short a value is 0. */
static bool any_length(int name) { return name == IPV6_AUTOFLOWLABEL || name == IPV6_DONTFRAG || name == OPT_RECVFRAGSIZE; }

static bool is_known(int name)
{
	static const u8 known[] = { IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP, IPV6_MULTICAST_IF, OPT_UNICAST_IF, OPT_MULTICAST_ALL,
				    IPV6_V6ONLY, IPV6_TCLASS, IPV6_MTU_DISCOVER, IPV6_MTU, IPV6_RECVERR, OPT_FLOWINFO_SEND, IPV6_DONTFRAG,
				    IPV6_AUTOFLOWLABEL, IPV6_ADDR_PREFERENCES, IPV6_MINHOPCOUNT, IPV6_TRANSPARENT, OPT_FREEBIND, IPV6_HDRINCL,
				    IPV6_ADDRFORM, OPT_RECVERR_RFC4884, OPT_RA_ISOLATE, IPV6_ROUTER_ALERT };
	return name > 0 && name < 256 && memchr(known, name, sizeof known);
}

int inet6_setsockopt(struct cpu *cpu, struct inet_sock *inet, int name, const void *val, socklen_t len)
{
	u32 flag = cmsg_flag(name);
	int v = 0;

	if (mr_is_opt(name)) /* the same numbers; transport/raw_mroute.c has those who may */
		return -EOPNOTSUPP;
	switch (name) {
	case IPV6_JOIN_GROUP:
	case IPV6_LEAVE_GROUP: return set_membership(cpu, inet, name == IPV6_JOIN_GROUP, val, len);
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP: return inet_mc_group_req(cpu, inet, AF_INET6, name, val, len);
	case MCAST_MSFILTER: return inet_mc_msfilter_set(cpu, inet, AF_INET6, val, len);
	case IPV6_PKTINFO: return set_pktinfo(inet, val, len);
	case IPV6_JOIN_ANYCAST:
	case IPV6_LEAVE_ANYCAST: return set_anycast(cpu, inet, name == IPV6_JOIN_ANYCAST, val, len);
	case IPV6_HOPOPTS:
	case IPV6_RTHDRDSTOPTS:
	case IPV6_RTHDR:
	case IPV6_DSTOPTS: return inet6_txopts_set(cpu, inet, name, val, len);
	case IPV6_2292PKTOPTIONS: return inet6_txopts_2292(cpu, inet, val, len);
	case OPT_FLOWLABEL_MGR: return inet6_flowlabel_set(cpu, inet, val, len);
	case IPV6_MULTICAST_IF:
	case IPV6_MULTICAST_HOPS:
		if (inet->sk.type == SOCK_STREAM)
			return -ENOPROTOOPT;
		break;
	case IPV6_HDRINCL:
		if (inet->sk.type != SOCK_RAW)
			return -ENOPROTOOPT;
		break;
	case OPT_UNICAST_IF:
		if (len != sizeof v)
			return -EINVAL;
		break;
	case IPV6_IPSEC_POLICY:
	case IPV6_XFRM_POLICY: return caller_net_admin(cpu) ? -ENOPROTOOPT : -EPERM;
	}
	if (len >= sizeof v)
		memcpy(&v, val, sizeof v);
	else if (!any_length(name))
		return flag || is_known(name) ? -EINVAL : -ENOPROTOOPT;
	if (!flag)
		return set_int(cpu, inet, name, v);
	inet->v6->cmsg = v ? inet->v6->cmsg | flag : inet->v6->cmsg & ~flag;
	return 0;
}

static int get_int(struct cpu *cpu, struct inet_sock *inet, int name, int *v)
{
	const struct inet6_opts *o = inet->v6;
	u32 flag = cmsg_flag(name);
	struct dst *d = inet->dst;

	if (flag) {
		*v = (o->cmsg & flag) != 0;
		return 0;
	}
	switch (name) {
	case IPV6_UNICAST_HOPS:
		*v = o->uc_hops >= 0 ? o->uc_hops : d && dst_metric(d, RTAX_HOPLIMIT) ? (int)dst_metric(d, RTAX_HOPLIMIT) :
		     d && in6_dev_get(d->dev) ? in6_dev_get(d->dev)->conf.v[IP6_CONF_HOP_LIMIT] : inet->sk.net->ip6->conf_all.v[IP6_CONF_HOP_LIMIT];
		return 0;
	case IPV6_MULTICAST_HOPS: *v = o->mc_hops; return 0;
	case IPV6_MULTICAST_LOOP: *v = o->mc_loop; return 0;
	case IPV6_MULTICAST_IF: *v = o->mc_index; return 0;
	case OPT_UNICAST_IF: *v = (int)cpu_to_be32((u32)o->uc_index).raw; return 0;
	case OPT_MULTICAST_ALL: *v = o->mc_all; return 0;
	case IPV6_V6ONLY: *v = inet->v6only; return 0;
	case IPV6_TCLASS: *v = o->tclass; return 0;
	case IPV6_MTU_DISCOVER: *v = o->pmtudisc; return 0;
	case IPV6_MTU:
		if (!d)
			return -ENOTCONN;
		*v = (int)dst_mtu(cpu, d);
		return 0;
	case IPV6_RECVERR: *v = inet->recverr6; return 0;
	case OPT_FLOWINFO_SEND: *v = o->sndflow; return 0;
	case IPV6_DONTFRAG: *v = o->dontfrag; return 0;
	case IPV6_AUTOFLOWLABEL: *v = o->autoflow_set ? o->autoflow : inet->sk.net->ip6->auto_flowlabels & 1; return 0;
	case IPV6_ADDR_PREFERENCES: *v = get_preferences(inet); return 0;
	case IPV6_MINHOPCOUNT: *v = o->min_hops; return 0;
	case IPV6_TRANSPARENT: *v = inet->transparent; return 0;
	case OPT_FREEBIND: *v = inet->freebind; return 0;
	case IPV6_HDRINCL:
		*v = inet->hdrincl;
		return inet->sk.type == SOCK_RAW ? 0 : -ENOPROTOOPT;
	case IPV6_ADDRFORM:
		if (inet->sk.protocol != IPPROTO_UDP && inet->sk.protocol != IPPROTO_TCP)
			return -ENOPROTOOPT;
		if (inet->sk.state != TCP_ESTABLISHED)
			return -ENOTCONN;
		*v = inet->sk.family;
		return 0;
	case OPT_RECVERR_RFC4884: *v = o->recverr_rfc4884; return 0;
	case OPT_RA_ISOLATE: *v = o->ra_isolate; return 0;
	case IPV6_ROUTER_ALERT: *v = o->ra; return 0;
	}
	return mr_is_opt(name) ? -EOPNOTSUPP : -ENOPROTOOPT;
}

int inet6_getsockopt(struct cpu *cpu, struct inet_sock *inet, int name, void *val, socklen_t *len)
{
	int v, err;

	if (name == IPV6_PATHMTU) {
		struct ip6_mtuinfo mi = { .ip6m_mtu = 0 };
		if (*len < sizeof mi)
			return -EINVAL;
		if (!inet->dst)
			return -ENOTCONN;
		mi.ip6m_mtu = dst_mtu(cpu, inet->dst);
		return sockopt_put(val, len, &mi, sizeof mi);
	}
	switch (name) {
	case IPV6_HOPOPTS:
	case IPV6_RTHDRDSTOPTS:
	case IPV6_RTHDR:
	case IPV6_DSTOPTS: return inet6_txopts_get(inet, name, val, len);
	case IPV6_2292PKTOPTIONS: return inet6_pktoptions_get(inet, val, len);
	case MCAST_MSFILTER: return inet_mc_msfilter_get(cpu, inet, AF_INET6, val, len);
	case OPT_FLOWLABEL_MGR: return inet6_flowlabel_get(cpu, inet, val, len);
	}
	if ((err = get_int(cpu, inet, name, &v)))
		return err;
	return sockopt_put_int(val, len, v);
}
