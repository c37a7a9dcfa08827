/* What UDP, raw and ping sockets share: bind, connect, disconnect, shutdown, and where one datagram goes.
 *
 * A datagram's destination comes from its address or the connected peer; its route from the cache of a connected socket when
 * nothing in the message overrides it, else from a lookup. See ip(7), udp(7), connect(2).
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/rtnetlink.h>

#include "inet/ip6/ip6.h"
#include "sock/inet_sock.h"

#define BINDADDR_LOCK 4
#define BINDPORT_LOCK 8

static struct inaddr any_of(const struct inet_sock *inet)
{
	return inet->sk.family == AF_INET ? inaddr_from_v4((be32){ 0 }) : (struct inaddr){ .q = { 0, 0 } };
}

/* AF_INET6 datagram sockets take IPv4's sockaddrs too, unless they are IPv6's alone. */
static int peer_parse(const struct inet_sock *inet, const struct sockaddr *a, socklen_t len, struct inaddr *addr, u16 *port, s32 *scope)
{
	const struct sock *sk = &inet->sk;
	struct sockaddr_in in;
	int err;

	if (sk->family == AF_INET6 && len >= sizeof in) {
		memcpy(&in, a, sizeof in);
		if (in.sin_family == AF_INET) {
			if (inet->v6only)
				return -EAFNOSUPPORT;
			*addr = inaddr_from_v4((be32){ in.sin_addr.s_addr });
			*port = be16_to_cpu((be16){ in.sin_port });
			*scope = 0;
			return 0;
		}
	}
	err = inet_sockaddr_parse(sk, a, len, addr, port, scope);
	if (!err && sk->family == AF_INET6 && inet->v6only && inaddr_is_v4(addr))
		err = -ENETUNREACH;
	return err;
}

/* "To any" means oneself: the bound address, else 127.0.0.1. */
static struct inaddr self_if_any(const struct inet_sock *inet, const struct inaddr *a)
{
	if (!inaddr_is_any(a))
		return *a;
	if (inet->sk.family == AF_INET6 && !inaddr_is_v4(a))
		return inaddr_is_v4(&inet->saddr) ? inaddr_from_v4(BE32(0x7f000001)) : inaddr_v6_loopback();
	return inaddr_is_any(&inet->saddr) ? inaddr_from_v4(BE32(0x7f000001)) : inet->saddr;
}

struct net_device *inet_bound_vrf(const struct sock *sk)
{
	struct net_device *dev = sk->bound_dev_if ? dev_by_index(sk->net, sk->bound_dev_if) : NULL;

	return dev ? dev_vrf(dev) : NULL;
}

int inet_bind_addr(struct cpu *cpu, struct inet_sock *inet, const struct sockaddr *a, socklen_t len, u16 *port)
{
	struct netns *net = inet->sk.net;
	const struct inet_af *af;
	struct sockaddr_in in;
	struct net_device *dev = NULL;
	struct inaddr addr;
	s32 scope = 0;
	bool nonlocal;
	u8 type;
	int err;

	if (inet->sk.family == AF_INET) {
		if (len < sizeof in)
			return -EINVAL;
		memcpy(&in, a, sizeof in);
		if (in.sin_family == AF_UNSPEC && in.sin_addr.s_addr == 0)
			in.sin_family = AF_INET; /* 2.2-era programs bind to any like that */
		if ((err = inet_sockaddr_parse(&inet->sk, (struct sockaddr *)&in, sizeof in, &addr, port, NULL)))
			return err;
	} else if ((err = inet_sockaddr_parse(&inet->sk, a, len, &addr, port, &scope))) {
		return err;
	}
	if (inet->sk.family == AF_INET6) {
		if ((v6_is_multicast(&addr) && inet->sk.type == SOCK_STREAM) || (inaddr_is_v4(&addr) && inet->v6only))
			return -EINVAL;
		if (inet->sk.state != TCP_CLOSE || inet->num)
			return -EINVAL;
		if ((err = inet6_scope(inet, &addr, scope)))
			return err;
		if (inet->sk.bound_dev_if && !(dev = dev_by_index(net, inet->sk.bound_dev_if)))
			return -ENODEV;
	}
	if (!(af = inet_af_of(net, &addr)))
		return -EADDRNOTAVAIL;
	nonlocal = inet->freebind || inet->transparent || (inaddr_is_v4(&addr) ? net->ip4->nonlocal_bind : net->ip6->nonlocal_bind);
	type = inaddr_is_any(&addr) ? RTN_LOCAL : af->addr_type(net, inaddr_is_v4(&addr) ? inet_bound_vrf(&inet->sk) : dev, &addr);
	if (type != RTN_LOCAL && type != RTN_MULTICAST && type != RTN_BROADCAST && !nonlocal)
		return -EADDRNOTAVAIL;
	if (inet->sk.state != TCP_CLOSE || inet->num)
		return -EINVAL;
	inet->rcv_saddr = addr;
	inet->saddr = type == RTN_MULTICAST || type == RTN_BROADCAST ? any_of(inet) : addr;
	if (inet->sk.family == AF_INET6 && !inaddr_is_any(&addr) && !inaddr_is_v4(&addr))
		inet->v6only = true; /* what is bound to an address of IPv6 hears no IPv4 */
	if (!inaddr_is_any(&addr))
		inet->sk.userlocks |= BINDADDR_LOCK;
	if (*port)
		inet->sk.userlocks |= BINDPORT_LOCK;
	return 0;
}

void inet_bind_undo(struct inet_sock *inet)
{
	inet->rcv_saddr = inet->saddr = any_of(inet);
	inet->sk.userlocks &= ~(u32)(BINDADDR_LOCK | BINDPORT_LOCK);
}

int inet_dgram_connect(struct cpu *cpu, struct inet_sock *inet, const struct sockaddr *a, socklen_t len)
{
	struct inaddr old = inet->daddr, addr;
	be32 label = inet->v6->flow_label;
	be16 old_port = inet->dport;
	struct dst *dst;
	struct flow fl;
	s32 scope;
	u16 port;
	int err;

	if ((err = peer_parse(inet, a, len, &addr, &port, &scope)) || (err = inet6_scope(inet, &addr, scope)))
		return err;
	if (inet->sk.family == AF_INET6 && inet->v6->sndflow && len >= 8 && !inaddr_is_v4(&addr))
		label.raw = ((const u32 *)(const void *)a)[1] & BE32(IP6_FLOWLABEL_MASK).raw;
	if ((err = inet6_flowlabel_check(inet, label)))
		return err;
	if (inet->sk.family == AF_INET6)
		inet->v6->flow_label = label;
	inet_dst_reset(inet);
	addr = self_if_any(inet, &addr);
	inet->daddr = addr;
	inet->dport = cpu_to_be16(port);
	err = inet_sock_route(cpu, inet, (u8)inet->sk.protocol, &fl, &dst);
	if (!err && dst->type == RTN_BROADCAST && !inet->sk.broadcast) {
		dst_put(dst);
		err = -EACCES;
	}
	if (err) {
		if (err == -ENETUNREACH)
			mib_inc(cpu, inet->sk.net, inaddr_is_v4(&addr) ? MIB_Ip_OutNoRoutes : MIB_Ip6_OutNoRoutes);
		inet_dst_reset(inet);
		inet->daddr = old;
		inet->dport = old_port;
		return err;
	}
	dst_put(dst);
	if (inaddr_is_any(&inet->saddr))
		inet->saddr = fl.saddr;
	if (inaddr_is_any(&inet->rcv_saddr))
		inet->rcv_saddr = fl.saddr;
	inet->sk.state = TCP_ESTABLISHED;
	return 0;
}

void inet_dgram_disconnect(struct inet_sock *inet)
{
	inet->sk.state = TCP_CLOSE;
	inet->daddr = any_of(inet);
	inet->dport = (be16){ 0 };
	if (!(inet->sk.userlocks & BINDADDR_LOCK))
		inet->rcv_saddr = inet->saddr = any_of(inet);
	inet_dst_reset(inet);
}

int inet_dgram_shutdown(struct cpu *cpu, struct sock *sk, int how)
{
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	sk->shutdown |= (u8)(how + 1); /* SHUT_RD, WR, RDWR: bits 1, 2, both */
	sock_wake(cpu, sk);
	return sk->state == TCP_CLOSE ? -ENOTCONN : 0;
}

void inet_dest_put(struct cpu *cpu, struct inet_dest *d)
{
	mem_free(cpu_mem(cpu), d->c.txopts6);
	d->c.txopts6 = NULL;
	dst_put(d->dst);
}

static const struct ip6_txopts *txopts_of(const struct inet_sock *inet, const struct inet_dest *d)
{
	return d->c.txopts6 ? d->c.txopts6 : inet->v6->txopts;
}

u32 inet_dest_opts_len(const struct inet_sock *inet, const struct inet_dest *d)
{
	const struct ip4_opts *o = d->c.has_opts ? &d->c.opts : inet->opts;
	if (d->fl.family == AF_INET6)
		return ip6_txopts_len(txopts_of(inet, d));
	return o ? o->len : 0;
}

bool inet_dest_may_fragment(const struct inet_sock *inet, const struct inet_dest *d)
{
	bool v6 = d->fl.family == AF_INET6;
	if (v6 && d->c.dontfrag6 >= 0)
		return !d->c.dontfrag6 && (inet->v6->pmtudisc < IPV6_PMTUDISC_DO || inet->v6->pmtudisc == IPV6_PMTUDISC_OMIT);
	return inet_may_fragment(inet, v6);
}

int inet_dest_check_size(struct cpu *cpu, struct inet_sock *inet, const struct inet_dest *d, u32 bytes)
{
	bool v6 = d->fl.family == AF_INET6, dontfrag = v6 && (d->c.dontfrag6 >= 0 ? d->c.dontfrag6 : inet->v6->dontfrag);
	u32 opts = inet_dest_opts_len(inet, d), mtu;

	if (inet_dest_may_fragment(inet, d))
		mtu = v6 ? 65535 + IP6_HDR_LEN : 65535; /* IPv6's length does not count its header */
	else
		mtu = dontfrag ? dst_mtu(cpu, d->dst) : inet_sock_mtu(cpu, inet, d->dst);
	if (bytes <= mtu)
		return 0;
	if (mtu >= 65535) /* what would be said of the path, not of the header's field */
		mtu = v6 ? dst_mtu(cpu, d->dst) : 65535;
	if (dontfrag)
		inet6_pathmtu_set(inet, &d->fl.daddr, mtu - opts);
	inet_err_queue_local(cpu, inet, EMSGSIZE, &d->fl.daddr, d->fl.family == AF_INET6 ? d->dport : inet->dport /* as on Linux: 0 unless it is connected */, mtu - opts);
	return -EMSGSIZE;
}

/* The label that the program gave for this datagram must be its own once labels are leased; a lease's extension headers come with it. */
static int label6(struct cpu *cpu, struct inet_sock *inet, struct inet_cmsgs *c)
{
	struct ip6_flowlabel *fl = c->has_label6 ? inet6_flowlabel_of(inet, c->label6) : NULL;
	struct ip6_txopts *x = NULL;
	int err;

	if (!c->has_label6 || (err = inet6_flowlabel_check(inet, c->label6)))
		return c->has_label6 ? err : 0;
	if (!fl || !fl->opts)
		return 0;
	if ((err = inet6_txopts_merge(cpu, fl->opts, c->txopts6 ? c->txopts6 : inet->v6->txopts, &x)))
		return err;
	mem_free(cpu_mem(cpu), c->txopts6);
	c->txopts6 = x;
	return 0;
}

/* IPv6's own part of a flow that was filled for no peer: class, label, device of a link-local destination. */
static int dest6(const struct inet_sock *inet, const struct inaddr *daddr, s32 scope, const struct inet_cmsgs *c, struct flow *fl)
{
	fl->tos = c->tclass6 >= 0 ? (u8)c->tclass6 : inet->v6->tclass;
	fl->src_prefs = inet->v6->prefs;
	fl->flowlabel = c->has_label6 ? c->label6 : inet->v6->flow_label;
	if (inaddr_is_v4(&fl->saddr))
		fl->saddr = inaddr_v6_any();
	if (v6_needs_scope(daddr) && scope) {
		if (!dev_in_scope(inet->sk.net, fl->oif, scope))
			return -EINVAL;
		fl->oif = scope;
	}
	return 0;
}

static int dest(struct cpu *cpu, struct inet_sock *inet, const struct msghdr *m, int flags, u8 proto, bool need_port, struct inet_dest *d)
{
	struct sock *sk = &inet->sk;
	const struct inet_af *af;
	const struct ip4_opts *opts;
	s32 scope = 0;
	u16 port = 0;
	int err;

	d->connected = false;
	if (m->msg_name) {
		struct sockaddr_in in;
		if (m->msg_namelen < sizeof in)
			return -EINVAL;
		memcpy(&in, m->msg_name, sizeof in);
		if (sk->family == AF_INET && in.sin_family == AF_UNSPEC) {
			in.sin_family = AF_INET; /* as Linux still takes it */
			err = inet_sockaddr_parse(sk, (struct sockaddr *)&in, sizeof in, &d->fl.daddr, &port, NULL);
		} else {
			err = peer_parse(inet, m->msg_name, m->msg_namelen, &d->fl.daddr, &port, &scope);
		}
		if (err)
			return err;
		if (need_port && !port)
			return -EINVAL;
		d->dport = cpu_to_be16(port);
		d->fl.daddr = self_if_any(inet, &d->fl.daddr);
		if (sk->family == AF_INET6 && inet->v6->sndflow && m->msg_namelen >= 8 && !inaddr_is_v4(&d->fl.daddr)) {
			memcpy(&d->c.label6, (const u8 *)m->msg_name + 4, 4);
			d->c.label6.raw &= BE32(IP6_FLOWLABEL_MASK).raw;
			d->c.has_label6 = d->c.label6.raw != 0;
		}
	} else {
		if (sk->state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		d->fl.daddr = inet->daddr;
		d->dport = inet->dport;
		d->connected = true;
	}
	if (m->msg_controllen) {
		if ((err = inet_cmsgs_parse(cpu, inet, m, &d->c)))
			return err;
		if (d->c.oif || !inaddr_is_any(&d->c.saddr) || d->c.tos >= 0 || d->c.has_opts || d->c.mark != sk->mark || d->c.has_label6 ||
		    d->c.txopts6)
			d->connected = false;
	}
	if (unlikely(d->c.has_label6) && (err = label6(cpu, inet, &d->c)))
		return err;
	opts = d->c.has_opts ? &d->c.opts : inet->opts;
	if (unlikely(flags & MSG_DONTROUTE) || unlikely(opts && opts->srr))
		d->connected = false;
	if (likely(d->connected))
		return inet_sock_route(cpu, inet, proto, &d->fl, &d->dst);

	struct inaddr daddr = d->fl.daddr;
	inet_sock_flow(inet, proto, &d->fl);
	d->fl.daddr = daddr;
	d->fl.dport = d->dport;
	d->fl.family = inaddr_is_v4(&daddr) ? AF_INET : AF_INET6;
	if (opts && opts->srr)
		d->fl.daddr = inaddr_from_v4(opts->faddr);
	if (d->fl.family == AF_INET6) {
		if ((err = dest6(inet, &daddr, scope, &d->c, &d->fl)))
			return err;
		d->fl.daddr = ip6_txopts_hop(txopts_of(inet, d), &daddr);
	}
	if (!inaddr_is_any(&d->c.saddr))
		d->fl.saddr = d->c.saddr;
	if (d->c.tos >= 0)
		d->fl.tos = (u8)d->c.tos;
	d->fl.mark = d->c.mark;
	if (flags & MSG_DONTROUTE)
		d->fl.scope = RT_SCOPE_LINK;
	if (d->c.oif)
		d->fl.oif = d->c.oif;
	if (inaddr_is_v4(&daddr) && v4_is_multicast(inaddr_v4(&daddr))) {
		if (!d->fl.oif || dev_is_vrf(sk->net, d->fl.oif)) /* a VRF alone does not say by which of its devices */
			d->fl.oif = inet->mc_index;
		if (inaddr_is_any(&d->fl.saddr))
			d->fl.saddr = inet->mc_addr;
	} else if (!d->fl.oif) {
		d->fl.oif = d->fl.family == AF_INET ? inet->uc_index : v6_is_multicast(&daddr) ? inet->v6->mc_index : inet->v6->uc_index;
	}
	if (!(af = inet_af_of(sk->net, &daddr)))
		return -ENETUNREACH;
	err = af->route_out(cpu, sk->net, &d->fl, &d->dst);
	if (err) {
		if (err == -ENETUNREACH)
			mib_inc(cpu, sk->net, inaddr_is_v4(&daddr) ? MIB_Ip_OutNoRoutes : MIB_Ip6_OutNoRoutes);
		return err;
	}
	d->fl.daddr = daddr; /* a source route's first hop was for the lookup only */
	return 0;
}

int inet_dgram_dest(struct cpu *cpu, struct inet_sock *inet, const struct msghdr *m, int flags, u8 proto, bool need_port,
		    struct inet_dest *d)
{
	int err;

	inet_cmsgs_init(inet, &d->c);
	err = dest(cpu, inet, m, flags, proto, need_port, d);
	if (unlikely(err)) {
		mem_free(cpu_mem(cpu), d->c.txopts6);
		d->c.txopts6 = NULL;
	}
	return err;
}

void inet_dest_ip_out(const struct inet_sock *inet, const struct inet_dest *d, u8 proto, struct ip_out *o)
{
	inet_sock_ip_out(inet, proto, o);
	o->saddr = d->fl.saddr;
	o->daddr = d->fl.daddr;
	if (d->fl.family == AF_INET6) {
		inet6_sock_ip_out(inet, o);
		o->flowlabel = d->fl.flowlabel;
		o->txopts6 = txopts_of(inet, d);
		if (v6_is_multicast(&d->fl.daddr)) {
			o->ttl = inet->v6->mc_hops;
			o->mc_noloop = !inet->v6->mc_loop;
		}
		if (d->c.hops6 >= 0)
			o->ttl = d->c.hops6;
		if (d->c.tclass6 >= 0)
			o->tos = (u8)d->c.tclass6;
		o->mark = d->c.mark;
		o->priority = d->c.priority;
		return;
	}
	if (inet->sk.family == AF_INET6) { /* IPv4 by an IPv6 socket that has no peer */
		o->tos = inet->tos;
		o->ttl = inet->uc_ttl;
		o->pmtudisc = inet->pmtudisc;
		o->flowlabel = (be32){ 0 };
		o->txopts6 = NULL;
		o->auto_label = false;
	}
	if (d->dst->type == RTN_MULTICAST) {
		o->ttl = inet->mc_ttl;
		o->mc_noloop = !inet->mc_loop;
	}
	if (d->c.ttl >= 0)
		o->ttl = d->c.ttl;
	if (d->c.tos >= 0)
		o->tos = (u8)d->c.tos;
	if (d->c.has_opts)
		o->opts = &d->c.opts;
	o->mark = d->c.mark;
	o->priority = d->c.priority;
}
