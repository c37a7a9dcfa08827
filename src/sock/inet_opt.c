/* SOL_IP: the options of ip(7), with Linux 6.18's bounds, lengths and errors.
 *
 * An int may be given as one byte, and is given back as one when the caller has room for no more. Options that this stack does
 * not act on (the IPsec policies) are refused as a kernel without them refuses.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "inet/mroute/mroute.h"
#include "sock/inet_mcast.h"
#include "sock/inet_sock.h"

#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
#ifndef IP_PROTOCOL
#define IP_PROTOCOL 52
#endif
#define ECN_MASK 3

static const struct {
	int name;
	u32 flag;
} cmsg_opts[] = {
	{ IP_PKTINFO, IP_CMSG_PKTINFO },
	{ IP_RECVTTL, IP_CMSG_TTL },
	{ IP_RECVTOS, IP_CMSG_TOS },
	{ IP_RECVOPTS, IP_CMSG_RECVOPTS },
	{ IP_RETOPTS, IP_CMSG_RETOPTS },
	{ IP_PASSSEC, IP_CMSG_PASSSEC },
	{ IP_RECVORIGDSTADDR, IP_CMSG_ORIGDSTADDR },
	{ IP_CHECKSUM, IP_CMSG_CHECKSUM },
	{ IP_RECVFRAGSIZE, IP_CMSG_RECVFRAGSIZE },
};
static u32 cmsg_flag(int name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cmsg_opts); i++)
		if (cmsg_opts[i].name == name)
			return cmsg_opts[i].flag;
	return 0;
}

/* skb->priority for a type of service, as pfifo_fast's bands want it. */
static u32 tos_priority(u8 tos)
{
	static const u8 prio[16] = { 0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4 };
	return prio[(tos & 0x1e) >> 1];
}

static void set_tos(struct inet_sock *inet, int val)
{
	u8 tos = (u8)val;

	if (inet->sk.type == SOCK_STREAM)
		tos = (u8)((tos & ~ECN_MASK) | (inet->tos & ECN_MASK));
	if (tos == inet->tos)
		return;
	inet->tos = tos;
	inet->sk.priority = tos_priority(tos);
	inet_dst_reset(inet);
}

static int set_options(struct cpu *cpu, struct inet_sock *inet, const void *val, socklen_t len)
{
	struct ip4_opts *o = NULL;
	int err;

	if (len > 40)
		return -EINVAL;
	if (len) {
		o = mem_zalloc(cpu_mem(cpu), sizeof *o);
		if (!o)
			return -ENOMEM;
		memcpy(o->data, val, len);
		o->len = (u8)ALIGN_UP(len, 4u);
		if ((err = ip4_opts_compile(inet->sk.net, o, NULL, true))) {
			mem_free(cpu_mem(cpu), o);
			return err;
		}
	}
	mem_free(cpu_mem(cpu), inet->opts);
	inet->opts = o;
	inet_dst_reset(inet);
	if (inet->sk.ops->sol_changed)
		inet->sk.ops->sol_changed(cpu, &inet->sk, -IP_OPTIONS);
	return 0;
}

static int set_unicast_if(struct inet_sock *inet, int val, socklen_t len)
{
	s32 ifindex = (s32)be32_to_cpu((be32){ (u32)val });

	if (len != sizeof(int))
		return -EINVAL;
	if (ifindex) {
		if (!dev_by_index(inet->sk.net, ifindex))
			return -EADDRNOTAVAIL;
		if (inet->sk.bound_dev_if && ifindex != inet->sk.bound_dev_if)
			return -EINVAL;
	}
	inet->uc_index = ifindex;
	inet_dst_reset(inet);
	return 0;
}

static int set_multicast_if(struct inet_sock *inet, const void *val, socklen_t len)
{
	struct ip_mreqn r = { 0 };
	const struct net_device *dev;

	if (inet->sk.type == SOCK_STREAM)
		return -EINVAL;
	if (len >= sizeof r)
		memcpy(&r, val, sizeof r);
	else if (len >= sizeof(struct ip_mreq))
		memcpy(&r, val, sizeof(struct ip_mreq));
	else if (len >= sizeof r.imr_address)
		memcpy(&r.imr_address, val, sizeof r.imr_address);
	else
		return -EINVAL;
	if (!r.imr_ifindex && !r.imr_address.s_addr) {
		inet->mc_index = 0;
		inet->mc_addr = inaddr_from_v4((be32){ 0 });
		return 0;
	}
	dev = r.imr_ifindex ? dev_by_index(inet->sk.net, r.imr_ifindex)
			    : ip4_dev_by_addr(inet->sk.net, (be32){ r.imr_address.s_addr });
	if (!dev)
		return -EADDRNOTAVAIL;
	if (inet->sk.bound_dev_if && dev->ifindex != inet->sk.bound_dev_if)
		return -EINVAL;
	inet->mc_index = dev->ifindex;
	inet->mc_addr = inaddr_from_v4((be32){ r.imr_address.s_addr });
	return 0;
}

static struct mc_request request(be32 group, be32 ifaddr, s32 ifindex)
{
	return (struct mc_request){ .group = inaddr_from_v4(group), .ifaddr = inaddr_from_v4(ifaddr), .ifindex = ifindex };
}

static int set_membership(struct cpu *cpu, struct inet_sock *inet, bool join, const void *val, socklen_t len)
{
	struct ip_mreqn m = { 0 };

	if (inet->sk.type == SOCK_STREAM)
		return -EPROTO;
	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&m, val, MIN(len, sizeof m));
	if (len < sizeof m)
		m.imr_ifindex = 0;
	struct mc_request r = request((be32){ m.imr_multiaddr.s_addr }, (be32){ m.imr_address.s_addr }, m.imr_ifindex);
	return join ? inet_mc_join(cpu, inet, &r, MCAST_EXCLUDE) : inet_mc_leave(cpu, inet, &r);
}

static int set_source(struct cpu *cpu, struct inet_sock *inet, int name, const void *val, socklen_t len)
{
	struct ip_mreq_source m;

	if (len != sizeof m)
		return -EINVAL;
	memcpy(&m, val, sizeof m);
	struct mc_request r = request((be32){ m.imr_multiaddr.s_addr }, (be32){ m.imr_interface.s_addr }, 0);
	struct inaddr source = inaddr_from_v4((be32){ m.imr_sourceaddr.s_addr });
	return inet_mc_change_source(cpu, inet, name, &r, &source);
}

static int set_msfilter(struct cpu *cpu, struct inet_sock *inet, const void *val, socklen_t len)
{
	struct { be32 group, interface; u32 mode, n; } h;

	if (len < sizeof h)
		return -EINVAL;
	memcpy(&h, val, sizeof h);
	if (h.n >= 0x1ffffff || h.n > 10)
		return -ENOBUFS;
	if (sizeof h + h.n * sizeof(be32) > len)
		return -EINVAL;
	struct mc_request r = request(h.group, h.interface, 0);
	struct inaddr sources[10];
	for (u32 i = 0; i < h.n; i++) {
		be32 a;
		memcpy(&a, (const u8 *)val + sizeof h + i * sizeof a, sizeof a);
		sources[i] = inaddr_from_v4(a);
	}
	return inet_mc_filter_set(cpu, inet, &r, h.mode, sources, h.n);
}

/* Options that are not an int. -EAGAIN: it is one. */
static int set_struct(struct cpu *cpu, struct inet_sock *inet, int name, const void *val, socklen_t len)
{
	switch (name) {
	case IP_OPTIONS: return set_options(cpu, inet, val, len);
	case IP_MULTICAST_IF: return set_multicast_if(inet, val, len);
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP: return set_membership(cpu, inet, name == IP_ADD_MEMBERSHIP, val, len);
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP: return set_source(cpu, inet, name, val, len);
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP: return inet_mc_group_req(cpu, inet, AF_INET, name, val, len);
	case MCAST_MSFILTER: return inet_mc_msfilter_set(cpu, inet, AF_INET, val, len);
	case IP_MSFILTER: return set_msfilter(cpu, inet, val, len);
	case IP_IPSEC_POLICY:
	case IP_XFRM_POLICY: return caller_net_admin(cpu) ? -ENOPROTOOPT : -EPERM;
	case IP_ROUTER_ALERT: return -EINVAL; /* transport/raw_mroute.c has those who may */
	default: return mr_is_opt(name) ? -EOPNOTSUPP : -EAGAIN;
	}
}

static int set_int(struct cpu *cpu, struct inet_sock *inet, int name, int val, socklen_t len)
{
	struct sock *sk = &inet->sk;
	u32 flag = cmsg_flag(name);

	if (flag) {
		if (name == IP_RECVFRAGSIZE && sk->type != SOCK_RAW && sk->type != SOCK_DGRAM)
			return -EINVAL;
		inet->cmsg_flags = val ? inet->cmsg_flags | flag : inet->cmsg_flags & ~flag;
		return 0;
	}
	switch (name) {
	case IP_TOS:
		set_tos(inet, val);
		return 0;
	case IP_TTL:
		if (len < 1 || (val != -1 && (val < 1 || val > 255)))
			return -EINVAL;
		inet->uc_ttl = (s16)val;
		return 0;
	case IP_MINTTL:
		if (len < 1 || val < 0 || val > 255)
			return -EINVAL;
		inet->min_ttl = (u8)val;
		return 0;
	case IP_HDRINCL:
		if (sk->type != SOCK_RAW)
			return -ENOPROTOOPT;
		inet->hdrincl = val != 0;
		return 0;
	case IP_NODEFRAG:
		if (sk->type != SOCK_RAW)
			return -ENOPROTOOPT;
		inet->nodefrag = val != 0;
		return 0;
	case IP_MTU_DISCOVER:
		if (val < IP_PMTUDISC_DONT || val > IP_PMTUDISC_OMIT)
			return -EINVAL;
		inet->pmtudisc = (u8)val;
		return 0;
	case IP_RECVERR:
		inet->recverr = val != 0;
		if (!val) {
			struct sk_buff *skb;
			while ((skb = skb_list_pop(&sk->err_queue)))
				skb_consume(cpu, skb);
		}
		return 0;
	case IP_RECVERR_RFC4884:
		if (val < 0 || val > 1)
			return -EINVAL;
		inet->recverr_rfc4884 = val != 0;
		return 0;
	case IP_FREEBIND:
		if (len < 1)
			return -EINVAL;
		inet->freebind = val != 0;
		return 0;
	case IP_TRANSPARENT:
		if (val && !caller_net_raw(cpu) && !caller_net_admin(cpu))
			return -EPERM;
		if (len < 1)
			return -EINVAL;
		inet->transparent = val != 0;
		return 0;
	case IP_BIND_ADDRESS_NO_PORT:
		inet->bind_address_no_port = val != 0;
		return 0;
	case IP_MULTICAST_TTL:
		if (sk->type == SOCK_STREAM || len < 1)
			return -EINVAL;
		if (val == -1)
			val = 1;
		if (val < 0 || val > 255)
			return -EINVAL;
		inet->mc_ttl = (u8)val;
		return 0;
	case IP_MULTICAST_LOOP:
		if (len < 1)
			return -EINVAL;
		inet->mc_loop = val != 0;
		return 0;
	case IP_MULTICAST_ALL:
		if (len < 1 || (val != 0 && val != 1))
			return -EINVAL;
		inet->mc_all = val;
		return 0;
	case IP_UNICAST_IF:
		return set_unicast_if(inet, val, len);
	case IP_LOCAL_PORT_RANGE: {
		u16 lo = (u16)val, hi = (u16)((u32)val >> 16);
		if (len != sizeof(u32) || (lo && hi && lo > hi))
			return -EINVAL;
		inet->local_port_lo = lo;
		inet->local_port_hi = hi;
		return 0;
	}
	default:
		return -ENOPROTOOPT;
	}
}

int inet_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	struct inet_sock *inet = inet_sk(sk);
	int v = 0, err;

	if (level == SOL_SOCKET)
		return sock_setsockopt(cpu, sk, name, val, len);
	if (level == SOL_IPV6 && sk->family == AF_INET6)
		return inet6_setsockopt(cpu, inet, name, val, len);
	if (level != SOL_IP || (sk->family == AF_INET6 && sk->type == SOCK_RAW))
		return -ENOPROTOOPT;
	err = set_struct(cpu, inet, name, val, len);
	if (err != -EAGAIN)
		return err;
	if (len >= sizeof v)
		memcpy(&v, val, sizeof v);
	else if (len >= 1)
		v = *(const u8 *)val;
	return set_int(cpu, inet, name, v, len);
}

/* Of the route that the connected socket keeps: as an ICMP error may have changed it since, but the last known when there is no way any
 * more. 0: not connected. */
static u32 path_mtu(struct cpu *cpu, struct inet_sock *inet)
{
	struct dst *last = inet->dst, *d;
	struct flow fl;
	u32 mtu;

	if (!last)
		return 0;
	dst_hold(last);
	if (inet_sock_route(cpu, inet, (u8)inet->sk.protocol, &fl, &d)) {
		inet->dst = last; /* its reference is ours again */
		return dst_mtu(cpu, last);
	}
	mtu = dst_mtu(cpu, d);
	dst_put(d);
	dst_put(last);
	return mtu;
}

static int get_int(struct cpu *cpu, struct inet_sock *inet, int name, int *v)
{
	u32 flag = cmsg_flag(name);

	if (flag) {
		*v = (inet->cmsg_flags & flag) != 0;
		return 0;
	}
	switch (name) {
	case IP_TOS: *v = inet->tos; return 0;
	case IP_TTL: *v = inet->uc_ttl == -1 ? inet->sk.net->ip4->default_ttl : inet->uc_ttl; return 0;
	case IP_MINTTL: *v = inet->min_ttl; return 0;
	case IP_HDRINCL: *v = inet->hdrincl; return 0;
	case IP_NODEFRAG: *v = inet->nodefrag; return 0;
	case IP_MTU_DISCOVER: *v = inet->pmtudisc; return 0;
	case IP_RECVERR: *v = inet->recverr; return 0;
	case IP_RECVERR_RFC4884: *v = inet->recverr_rfc4884; return 0;
	case IP_FREEBIND: *v = inet->freebind; return 0;
	case IP_TRANSPARENT: *v = inet->transparent; return 0;
	case IP_BIND_ADDRESS_NO_PORT: *v = inet->bind_address_no_port; return 0;
	case IP_MULTICAST_TTL: *v = inet->mc_ttl; return 0;
	case IP_MULTICAST_LOOP: *v = inet->mc_loop; return 0;
	case IP_MULTICAST_ALL: *v = inet->mc_all; return 0;
	case IP_UNICAST_IF: *v = (int)cpu_to_be32((u32)inet->uc_index).raw; return 0;
	case IP_LOCAL_PORT_RANGE: *v = (int)((u32)inet->local_port_hi << 16 | inet->local_port_lo); return 0;
	case IP_PROTOCOL: *v = inet->num; return 0;
	case IP_ROUTER_ALERT: *v = 0; return 0; /* of others than raw sockets */
	case IP_MTU:
		*v = (int)path_mtu(cpu, inet);
		return *v ? 0 : -ENOTCONN;
	default: return mr_is_opt(name) ? -EOPNOTSUPP : -ENOPROTOOPT;
	}
}

static int get_options(const struct inet_sock *inet, void *val, socklen_t *len)
{
	if (!inet->opts || !inet->opts->len) {
		*len = 0;
		return 0;
	}
	return sockopt_put(val, len, inet->opts->data, inet->opts->len);
}

static int get_msfilter(struct cpu *cpu, struct inet_sock *inet, void *val, socklen_t *len)
{
	struct { be32 group, interface; u32 mode, n; } h;
	struct inaddr sources[10];
	u32 n = ARRAY_SIZE(sources);
	struct mc_request r;
	int err;

	if (*len < sizeof h)
		return -EINVAL;
	memcpy(&h, val, sizeof h);
	r = request(h.group, h.interface, 0);
	err = inet_mc_filter_get(cpu, inet, &r, &h.mode, sources, &n);
	if (err)
		return err;
	n = MIN(n, h.n);
	if (*len < sizeof h + n * sizeof(be32))
		return -EINVAL;
	h.n = n;
	memcpy(val, &h, sizeof h);
	for (u32 i = 0; i < MIN(n, (u32)ARRAY_SIZE(sources)); i++)
		memcpy((u8 *)val + sizeof h + i * sizeof(be32), &(be32){ inaddr_v4(&sources[i]).raw }, sizeof(be32));
	*len = (socklen_t)(sizeof h + n * sizeof(be32));
	return 0;
}

/* What the last segment of a stream came with, as control messages in the option's buffer. */
static int get_pktoptions(struct inet_sock *inet, void *val, socklen_t *len)
{
	struct msghdr m = { .msg_control = val, .msg_controllen = *len };

	if (inet->sk.type != SOCK_STREAM)
		return -ENOPROTOOPT;
	if (inet->cmsg_flags & IP_CMSG_PKTINFO) {
		u32 a = inaddr_v4(&inet->rcv_saddr).raw;
		struct in_pktinfo pi = { .ipi_ifindex = inet->mc_index, .ipi_spec_dst.s_addr = a, .ipi_addr.s_addr = a };
		msg_put_cmsg(&m, SOL_IP, IP_PKTINFO, &pi, sizeof pi);
	}
	if (inet->cmsg_flags & IP_CMSG_TTL)
		msg_put_cmsg(&m, SOL_IP, IP_TTL, &(int){ inet->mc_ttl }, sizeof(int));
	if (inet->cmsg_flags & IP_CMSG_TOS)
		msg_put_cmsg(&m, SOL_IP, IP_TOS, &(int){ inet->rcv_tos }, sizeof(int));
	*len -= (socklen_t)m.msg_controllen;
	return 0;
}

int inet_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	struct inet_sock *inet = inet_sk(sk);
	int v, err;

	if (level == SOL_SOCKET)
		return sock_getsockopt(cpu, sk, name, val, len);
	if (level == SOL_IPV6 && sk->family == AF_INET6)
		return inet6_getsockopt(cpu, inet, name, val, len);
	if (sk->family == AF_INET6 && (level != SOL_IP || sk->type == SOCK_RAW))
		return -ENOPROTOOPT;
	if (level != SOL_IP)
		return -EOPNOTSUPP; /* Linux's answers to get and set differ */
	switch (name) {
	case IP_OPTIONS: return get_options(inet, val, len);
	case IP_MULTICAST_IF: return sockopt_put(val, len, &(be32){ inaddr_v4(&inet->mc_addr).raw }, sizeof(be32));
	case IP_MSFILTER: return get_msfilter(cpu, inet, val, len);
	case MCAST_MSFILTER: return inet_mc_msfilter_get(cpu, inet, AF_INET, val, len);
	case IP_PKTOPTIONS: return get_pktoptions(inet, val, len);
	default: break;
	}
	if ((err = get_int(cpu, inet, name, &v)))
		return err;
	if (*len < sizeof v && *len > 0 && v >= 0 && v <= 255)
		return sockopt_put(val, len, &(u8){ (u8)v }, 1);
	return sockopt_put_int(val, len, v);
}
