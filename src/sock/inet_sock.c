/* struct inet_sock: addresses, the route a socket keeps, and the control messages of datagrams, for both families.
 *
 * An AF_INET socket keeps its addresses in v4-mapped form from birth, so that any is ::ffff:0.0.0.0 for it and :: for an
 * AF_INET6 socket; inaddr_is_any() knows both. See ip(7).
 */
#include "sock/inet_sock.h"

#include <netinet/in.h>
#include <linux/net_tstamp.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <time.h>

#include "base/strbuf.h"
#include "codec/wire/ip4hdr.h"
#include "inet/ip6/ip6.h"

#ifndef IP_PROTOCOL
#define IP_PROTOCOL 52
#endif

/* What AF_INET sockets show: nobody sets it. */
static const struct inet6_opts no_opts6 = {
	.uc_hops = -1, .mc_hops = 1, .pmtudisc = IP_PMTUDISC_WANT, .mc_loop = true, .mc_all = true,
	.anycasts = LIST_INIT(*(struct list *)&no_opts6.anycasts),
	.leases = LIST_INIT(*(struct list *)&no_opts6.leases),
};

static void opts6_init(struct inet_sock *inet)
{
	const struct netns_ip6 *ip6 = inet->sk.net->ip6;

	inet->v6 = (struct inet6_opts *)((u8 *)inet + inet->sk.ops->obj_size); /* as sock_alloc made room for it */
	*inet->v6 = no_opts6;
	list_init(&inet->v6->anycasts);
	list_init(&inet->v6->leases);
	if (!ip6)
		return;
	inet->v6->repflow = ip6->flowlabel_reflect & 1;
	inet->v6only = ip6->bindv6only != 0;
}

void inet_sock_init(struct inet_sock *inet)
{
	const struct netns_ip4 *ip4 = inet->sk.net->ip4;
	struct inaddr any = { .q = { 0, 0 } };

	if (inet->sk.family == AF_INET)
		any = inaddr_from_v4((be32){ 0 });
	inet->rcv_saddr = inet->saddr = inet->daddr = any;
	inet->mc_addr = inaddr_from_v4((be32){ 0 });
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	inet->mc_loop = true;
	inet->mc_all = inet->sk.family == AF_INET;
	inet->pmtudisc = ip4 && ip4->no_pmtu_disc ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	inet->v6 = (struct inet6_opts *)&no_opts6;
	if (inet->sk.family == AF_INET6)
		opts6_init(inet);
	list_init(&inet->bind_link);
	list_init(&inet->mc_list);
}

void inet_dst_reset(struct inet_sock *inet)
{
	struct dst *d = inet->dst;
	inet->dst = NULL;
	if (d)
		dst_put(d);
}

void inet_sock_fini(struct cpu *cpu, struct inet_sock *inet)
{
	inet_mc_leave_all(cpu, inet);
	inet6_flowlabel_leave_all(cpu, inet);
	inet6_txopts_free(cpu, inet);
	inet_dst_reset(inet);
	mem_free(cpu_mem(cpu), inet->opts);
	inet->opts = NULL;
}

int inet_sockaddr_parse(const struct sock *sk, const struct sockaddr *a, socklen_t len, struct inaddr *addr, u16 *port, s32 *scope)
{
	if (scope)
		*scope = 0;
	if (sk->family == AF_INET) {
		struct sockaddr_in in;
		if (len < sizeof in)
			return -EINVAL;
		memcpy(&in, a, sizeof in);
		if (in.sin_family != AF_INET)
			return -EAFNOSUPPORT;
		*addr = inaddr_from_v4((be32){ in.sin_addr.s_addr });
		*port = be16_to_cpu((be16){ in.sin_port });
		return 0;
	}
	struct sockaddr_in6 { u16 family, port; u32 flowinfo; u8 addr[16]; u32 scope; } in6 = { 0 };
	if (len < 24) /* without the scope, as RFC 2133 had it */
		return -EINVAL;
	memcpy(&in6, a, MIN(len, sizeof in6));
	if (in6.family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(addr->b, in6.addr, 16);
	*port = be16_to_cpu((be16){ in6.port });
	if (scope)
		*scope = (s32)in6.scope;
	return 0;
}

void inet_sockaddr_fill(const struct sock *sk, const struct inaddr *addr, be16 port, s32 scope, struct sockaddr_storage *a, socklen_t *len)
{
	if (sk->family == AF_INET) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port.raw, .sin_addr.s_addr = inaddr_v4(addr).raw };
		memcpy(a, &in, sizeof in);
		*len = sizeof in;
		return;
	}
	struct sockaddr_in6 { u16 family, port; u32 flowinfo; u8 addr[16]; u32 scope; } in6 = {
		.family = AF_INET6, .port = port.raw, .scope = v6_needs_scope(addr) ? (u32)scope : 0 };
	memcpy(in6.addr, addr->b, 16);
	memcpy(a, &in6, sizeof in6);
	*len = sizeof in6;
}

int inet6_scope(struct inet_sock *inet, const struct inaddr *a, s32 scope_id)
{
	struct sock *sk = &inet->sk;
	if (!v6_needs_scope(a) || inaddr_is_v4(a))
		return 0;
	if (scope_id) {
		if (sk->bound_dev_if && sk->bound_dev_if != scope_id)
			return -EINVAL;
		sk->bound_dev_if = scope_id;
	}
	if (!sk->bound_dev_if && v6_is_multicast(a))
		sk->bound_dev_if = inet->v6->mc_index;
	return !sk->bound_dev_if && !(v6_is_multicast(a) && v6_mc_scope(a) == 1) ? -EINVAL : 0;
}

int inet_getname(struct cpu *cpu, struct sock *sk, bool peer, struct sockaddr_storage *a, socklen_t *len)
{
	const struct inet_sock *inet = inet_sk(sk);

	if (!peer) {
		inet_sockaddr_fill(sk, inaddr_is_any(&inet->rcv_saddr) ? &inet->saddr : &inet->rcv_saddr, inet->sport,
				   sk->bound_dev_if, a, len);
		return 0;
	}
	if (!inet->dport.raw || sk->state == TCP_CLOSE || sk->state == TCP_SYN_SENT)
		return -ENOTCONN;
	inet_sockaddr_fill(sk, &inet->daddr, inet->dport, sk->bound_dev_if, a, len);
	if (sk->family == AF_INET6 && inet->v6->sndflow)
		((struct sockaddr_in6 *)a)->sin6_flowinfo = inet->v6->flow_label.raw;
	return 0;
}

void inet_sock_flow(const struct inet_sock *inet, u8 proto, struct flow *fl)
{
	*fl = (struct flow){
		.family = inaddr_is_v4(&inet->daddr) ? AF_INET : AF_INET6,
		.proto = proto,
		.tos = inet->tos,
		.scope = inet->sk.dontroute ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.flags = inet->transparent || inet->hdrincl ? FLOW_ANYSRC : 0,
		.oif = inet->sk.bound_dev_if,
		.mark = inet->sk.mark,
		.uid = inet->sk.uid,
		.saddr = inet->saddr,
		.daddr = inet->daddr,
		.sport = inet->sport,
		.dport = inet->dport,
	};
	if (fl->family == AF_INET6) {
		fl->tos = inet->v6->tclass;
		fl->src_prefs = inet->v6->prefs;
		fl->flowlabel = inet->v6->flow_label;
		if (inaddr_is_v4(&fl->saddr)) /* of an earlier life */
			fl->saddr = inaddr_v6_any();
	}
}

/* The device for what leaves without one named: IPV6_MULTICAST_IF's, IPV6_UNICAST_IF's. */
static s32 default_oif6(const struct inet_sock *inet, const struct inaddr *daddr)
{
	return v6_is_multicast(daddr) ? inet->v6->mc_index : inet->v6->uc_index;
}

int inet_sock_route(struct cpu *cpu, struct inet_sock *inet, u8 proto, struct flow *fl, struct dst **out)
{
	const struct inet_af *af = inet_af_of(inet->sk.net, &inet->daddr);
	int err;

	if (!af)
		return -ENETUNREACH;
	inet_sock_flow(inet, proto, fl);
	if (!fl->oif && fl->family == AF_INET6) {
		fl->oif = default_oif6(inet, &inet->daddr);
	} else if ((!fl->oif || dev_is_vrf(inet->sk.net, fl->oif)) && inaddr_is_v4(&inet->daddr) && v4_is_multicast(inaddr_v4(&inet->daddr))) {
		fl->oif = inet->mc_index; /* a VRF alone does not say by which of its devices */
		if (inaddr_is_any(&fl->saddr))
			fl->saddr = inet->mc_addr;
	} else if (!fl->oif) {
		fl->oif = inet->uc_index;
	}
	if (likely(inet->dst)) {
		if (likely(af->dst_valid(cpu, inet->dst))) {
			dst_hold(inet->dst);
			*out = inet->dst;
			return 0;
		}
		inet_dst_reset(inet);
	}
	if (fl->family == AF_INET6)
		fl->daddr = ip6_txopts_hop(inet->v6->txopts, &inet->daddr);
	if ((err = af->route_out(cpu, inet->sk.net, fl, out)))
		return err;
	fl->daddr = inet->daddr; /* a routing header's first hop was for the lookup only */
	dst_hold(*out);
	inet->dst = *out;
	return 0;
}

void inet_sock_ip_out(const struct inet_sock *inet, u8 proto, struct ip_out *o)
{
	*o = (struct ip_out){
		.saddr = inet->saddr,
		.daddr = inet->daddr,
		.proto = proto,
		.tos = inet->tos,
		.ttl = inet->uc_ttl,
		.pmtudisc = inet->pmtudisc,
		.opts = inet->opts,
		.mark = inet->sk.mark,
		.priority = inet->sk.priority,
	};
	if (!inaddr_is_v4(&inet->daddr))
		inet6_sock_ip_out(inet, o);
}

void inet6_sock_ip_out(const struct inet_sock *inet, struct ip_out *o)
{
	const struct netns_ip6 *ip6 = inet->sk.net->ip6;
	o->tos = inet->v6->tclass;
	o->ttl = inet->v6->uc_hops;
	o->pmtudisc = inet->v6->pmtudisc;
	o->opts = NULL;
	o->flowlabel = inet->v6->flow_label;
	o->txopts6 = inet->v6->txopts;
	/* net.ipv6.auto_flowlabels: 0 nobody has one made, 1 who does not refuse, 2 who asks, 3 everybody. */
	o->auto_label = ip6 && (ip6->auto_flowlabels == 3 || (ip6->auto_flowlabels && (inet->v6->autoflow_set ? inet->v6->autoflow :
											ip6->auto_flowlabels == 1)));
}

u32 inet_sock_mtu(struct cpu *cpu, const struct inet_sock *inet, const struct dst *dst)
{
	bool v6 = dst->family == AF_INET6;
	u8 disc = v6 ? inet->v6->pmtudisc : inet->pmtudisc;
	if (inet_may_fragment(inet, v6))
		return 65535;
	if (v6 && inet->v6->dontfrag)
		return dst_mtu(cpu, dst);
	/* PROBE and INTERFACE look at the device alone */
	return disc == IP_PMTUDISC_DO ? dst_mtu(cpu, dst) : MIN(dst->dev->mtu, 65535u);
}

void inet_cmsgs_init(const struct inet_sock *inet, struct inet_cmsgs *c)
{
	c->mark = inet->sk.mark;
	c->priority = inet->sk.priority;
	c->tsflags = inet->sk.tsflags;
	c->txtime = 0;
	c->saddr = inaddr_from_v4((be32){ 0 });
	c->oif = 0;
	c->ttl = c->tos = -1;
	c->protocol = 0;
	c->has_opts = false;
	c->gso_size = 0;
	c->hops6 = c->tclass6 = -1;
	c->dontfrag6 = -1;
	c->has_label6 = false;
	c->txopts6 = NULL;
}

static int cmsg_socket(struct cpu *cpu, const struct sock *sk, const struct cmsghdr *h, const u8 *data, size_t len, struct inet_cmsgs *c)
{
	u32 v;

	switch (h->cmsg_type) {
	case SO_MARK:
		if (!caller_net_raw(cpu) && !caller_net_admin(cpu))
			return -EPERM;
		if (len != sizeof v)
			return -EINVAL;
		memcpy(&c->mark, data, sizeof v);
		return 0;
	case SO_PRIORITY:
		if (len != sizeof v)
			return -EINVAL;
		memcpy(&v, data, sizeof v);
		if (v > 6 && !caller_net_raw(cpu) && !caller_net_admin(cpu))
			return -EPERM;
		c->priority = v;
		return 0;
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		if (len != sizeof v)
			return -EINVAL;
		memcpy(&v, data, sizeof v);
		if (v & ~(u32)SOF_TIMESTAMPING_TX_RECORD_MASK)
			return -EINVAL;
		c->tsflags = (c->tsflags & ~(u32)SOF_TIMESTAMPING_TX_RECORD_MASK) | v;
		return 0;
	case SCM_TXTIME:
		if (!sk->txtime || len != sizeof(u64))
			return -EINVAL;
		memcpy(&c->txtime, data, sizeof(u64));
		return 0;
	case SCM_RIGHTS:
	case SCM_CREDENTIALS:
		return 0; /* they mean nothing here, on Linux too */
	default:
		return -EINVAL;
	}
}

static int cmsg_ip(struct cpu *cpu, struct inet_sock *inet, const struct cmsghdr *h, const u8 *data, size_t len,
		   struct inet_cmsgs *c)
{
	struct in_pktinfo pi;
	u8 b;
	int v;

	switch (h->cmsg_type) {
	case IP_RETOPTS:
		if (len > sizeof c->opts.data)
			len = sizeof c->opts.data;
		memset(&c->opts, 0, sizeof c->opts);
		memcpy(c->opts.data, data, len);
		c->opts.len = (u8)ALIGN_UP(len, 4);
		v = ip4_opts_compile(inet->sk.net, &c->opts, NULL, true);
		c->has_opts = !v && c->opts.len;
		return v;
	case IP_PKTINFO:
		if (len != sizeof pi)
			return -EINVAL;
		memcpy(&pi, data, sizeof pi);
		if (pi.ipi_ifindex)
			c->oif = pi.ipi_ifindex;
		c->saddr = inaddr_from_v4((be32){ pi.ipi_spec_dst.s_addr });
		return 0;
	case IP_TTL:
		if (len != sizeof v)
			return -EINVAL;
		memcpy(&v, data, sizeof v);
		if (v < 1 || v > 255)
			return -EINVAL;
		c->ttl = (s16)v;
		return 0;
	case IP_TOS:
		if (len == sizeof v) {
			memcpy(&v, data, sizeof v);
		} else if (len == sizeof b) {
			memcpy(&b, data, sizeof b);
			v = b;
		} else {
			return -EINVAL;
		}
		if (v < 0 || v > 255)
			return -EINVAL;
		c->tos = (s16)v;
		return 0;
	case IP_PROTOCOL:
		if (len != sizeof v)
			return -EINVAL;
		memcpy(&v, data, sizeof v);
		if (v < 1 || v > 255)
			return -EINVAL;
		c->protocol = (u8)v;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Walks what a program wrote: every length is checked before it is used. */
int inet_cmsgs_parse(struct cpu *cpu, struct inet_sock *inet, const struct msghdr *m, struct inet_cmsgs *c)
{
	const u8 *p = m->msg_control;
	size_t left = m->msg_controllen;

	while (left >= sizeof(struct cmsghdr)) {
		struct cmsghdr h;
		int err = 0;

		memcpy(&h, p, sizeof h);
		if (h.cmsg_len < CMSG_LEN(0) || h.cmsg_len > left)
			return -EINVAL;
		const u8 *data = p + CMSG_LEN(0);
		size_t len = h.cmsg_len - CMSG_LEN(0);
		if (h.cmsg_level == SOL_SOCKET) {
			err = cmsg_socket(cpu, &inet->sk, &h, data, len, c);
		} else if (h.cmsg_level == SOL_IP) {
			err = cmsg_ip(cpu, inet, &h, data, len, c);
		} else if (h.cmsg_level == SOL_IPV6 && inet->sk.family == AF_INET6) {
			err = inet6_cmsg_parse(cpu, inet, h.cmsg_type, data, len, c);
		} else if (h.cmsg_level == IPPROTO_UDP && inet->sk.protocol == IPPROTO_UDP) {
			if (h.cmsg_type != 103 /* UDP_SEGMENT */ || len != sizeof(u16))
				err = -EINVAL;
			else
				memcpy(&c->gso_size, data, sizeof(u16));
		}
		if (err)
			return err;
		size_t step = MIN(ALIGN_UP((size_t)h.cmsg_len, sizeof(size_t)), left);
		p += step;
		left -= step;
	}
	return 0;
}

void inet_rx_prepare(struct cpu *cpu, struct inet_sock *inet, struct sk_buff *skb)
{
	struct inet_rx_cb *cb = (struct inet_rx_cb *)skb->cb;
	u32 frag_max = 0;

	bool v6 = be16_eq(skb->protocol, BE16(0x86dd));

	if (unlikely(v6 ? inet->v6->cmsg & IP6_CMSG_RECVFRAGSIZE : inet->cmsg_flags & IP_CMSG_RECVFRAGSIZE)) /* first: it is in the cb that is written here */
		frag_max = (v6 ? inet->sk.net->inet->af6 : inet->sk.net->inet->af4)->rx_frag_max(skb);
	cb->frag_max_size = frag_max;
	cb->ifindex = skb->sdif ? skb->sdif : skb->skb_iif;
	if (unlikely(inet->cmsg_flags & IP_CMSG_PKTINFO) && !v6) {
		const struct ip4_hdr *ip = (const struct ip4_hdr *)skb_network_header(skb);
		cb->spec_dst = ip->daddr;
		if (!skb->dst || skb->dst->type != RTN_LOCAL)
			cb->spec_dst = ip4_select_saddr(inet->sk.net, skb->dev, ip->saddr, RT_SCOPE_LINK);
	}
	skb_dst_drop(skb);
	skb->dev = NULL;
}

/* A place that is open for the address and the time of whoever sends the options back is still empty. */
static void reopen(u8 *option, unsigned bytes)
{
	option[2] = (u8)(option[2] - bytes);
	memset(option + option[2] - 1, 0, bytes);
}

/* The options of a received packet, or (ret) as the program is to send them back: with a source route turned. */
static void put_options(struct inet_sock *inet, const struct ip4_hdr *ip, bool ret, struct msghdr *m)
{
	u32 len = ip4_hlen(ip) - IP4_HDR_LEN;
	u8 copy[40];

	if (ip4_hlen(ip) <= IP4_HDR_LEN)
		return;
	memcpy(copy, ip + 1, len);
	if (ret) {
		struct ip4_opts in = { .len = (u8)len }, out;
		memcpy(in.data, copy, len);
		if (ip4_opts_compile(inet->sk.net, &in, NULL, false) || ip4_opts_echo(inet->sk.net, &in, ip, &out))
			return;
		len = out.len;
		if (out.rr_needaddr)
			reopen(out.data + out.rr - IP4_HDR_LEN, 4);
		if (out.ts_needaddr || out.ts_needtime)
			reopen(out.data + out.ts - IP4_HDR_LEN, out.ts_needaddr && out.ts_needtime ? 8 : 4);
		memcpy(copy, out.data, len);
		if (!len)
			return;
	}
	msg_put_cmsg(m, SOL_IP, ret ? IP_RETOPTS : IP_RECVOPTS, copy, len);
}

void inet_recv_cmsgs(struct cpu *cpu, struct inet_sock *inet, const struct sk_buff *skb, struct msghdr *m)
{
	const struct inet_rx_cb *cb = (const struct inet_rx_cb *)skb->cb;
	const struct ip4_hdr *ip = (const struct ip4_hdr *)skb_network_header(skb);
	u32 f = inet->cmsg_flags;

	sock_recv_cmsgs(cpu, &inet->sk, skb, m);
	if (unlikely(inet->v6->cmsg))
		inet6_recv_cmsgs(cpu, inet, skb, m);
	if (likely(!f) || be16_eq(skb->protocol, BE16(0x86dd)))
		return;
	if (f & IP_CMSG_PKTINFO) {
		struct in_pktinfo pi = { .ipi_ifindex = cb->ifindex, .ipi_spec_dst.s_addr = cb->spec_dst.raw,
					 .ipi_addr.s_addr = ip->daddr.raw };
		msg_put_cmsg(m, SOL_IP, IP_PKTINFO, &pi, sizeof pi);
	}
	if (f & IP_CMSG_TTL)
		msg_put_cmsg(m, SOL_IP, IP_TTL, &(int){ ip->ttl }, sizeof(int));
	if (f & IP_CMSG_TOS)
		msg_put_cmsg(m, SOL_IP, IP_TOS, &ip->tos, 1);
	if (f & IP_CMSG_RECVOPTS)
		put_options(inet, ip, false, m);
	if (f & IP_CMSG_RETOPTS)
		put_options(inet, ip, true, m);
	if (f & IP_CMSG_ORIGDSTADDR) {
		const be16 *ports = (const be16 *)skb_transport_header(skb);
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = ports[1].raw, .sin_addr.s_addr = ip->daddr.raw };
		if (inet->sk.protocol == IPPROTO_UDP || inet->sk.protocol == IPPROTO_TCP)
			msg_put_cmsg(m, SOL_IP, IP_ORIGDSTADDR, &a, sizeof a);
	}
	if ((f & IP_CMSG_CHECKSUM) && skb->ip_summed == CHECKSUM_COMPLETE)
		msg_put_cmsg(m, SOL_IP, IP_CHECKSUM, &skb->csum, sizeof skb->csum);
	if ((f & IP_CMSG_RECVFRAGSIZE) && cb->frag_max_size)
		msg_put_cmsg(m, SOL_IP, IP_RECVFRAGSIZE, &(int){ (int)cb->frag_max_size }, sizeof(int));
}

/* An address in the columns of /proc/net: IPv4's word, or IPv6's four. */
static const char *proc_addr(const struct sock *sk, const struct inaddr *a, char *buf, size_t size)
{
	if (sk->family == AF_INET)
		snprintf(buf, size, "%08X", inaddr_v4(a).raw);
	else
		snprintf(buf, size, "%08X%08X%08X%08X", a->w[0], a->w[1], a->w[2], a->w[3]);
	return buf;
}

/* One line of /proc/net/udp, raw, icmp and their IPv6 twins. */
void inet_proc_line(struct strbuf *out, const struct inet_sock *i, u32 slot)
{
	const struct sock *sk = &i->sk;
	char line[256], local[33], peer[33];
	snprintf(line, sizeof line, "%5u: %s:%04X %s:%04X %02X %08X:%08X 00:00000000 00000000 %5u        0 %llu %u %016llx %u",
			 slot, proc_addr(sk, &i->rcv_saddr, local, sizeof local), i->num, proc_addr(sk, &i->daddr, peer, sizeof peer),
			 be16_to_cpu(i->dport), sk->state, sk->wmem_alloc, sk->rmem_alloc, sk->uid,
			 (unsigned long long)(sk->socket ? sk->socket->inode : 0), sk->refcnt + 1, (unsigned long long)sk->cookie, sk->drops);
	strbuf_printf(out, sk->family == AF_INET ? "%-127s\n" : "%s\n", line);
}
