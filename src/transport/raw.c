/* Raw sockets (raw(7)): every packet of a protocol, as it came, beside whoever owns the protocol; and packets made by hand.
 *
 * A copy is a clone: it shares the bytes. A socket sees the network header first. What it sends has that header made for
 * it, or brings its own (IP_HDRINCL, and always with IPPROTO_RAW).
 * From: inet/ip4's local delivery, before the transport. To: the socket's queue; inet_af->xmit.
 */
#include "transport/raw.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/strbuf.h"
#include "codec/wire/checksum.h"
#include "codec/wire/icmp4.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "core/trace.h"

#define RAW_MAX 65535
#define SOL_RAW_LEVEL 255
#define RAW_ICMP_FILTER 1
#ifndef MSG_PROBE
#define MSG_PROBE 0x10
#endif

static struct raw_sock *raw_sk(struct sock *sk) { return (struct raw_sock *)sk; }

/* -- receiving -- */

static bool matches(const struct inet_sock *i, const struct inaddr *laddr, const struct inaddr *raddr, struct rx_ifs ifs)
{
	if (!inaddr_is_any(&i->daddr) && !inaddr_eq(&i->daddr, raddr))
		return false;
	if (!inaddr_is_any(&i->rcv_saddr) && !inaddr_eq(&i->rcv_saddr, laddr))
		return false;
	return rx_ifs_match(i->sk.bound_dev_if, ifs);
}

void raw_queue(struct cpu *cpu, struct sock *sk, struct sk_buff *skb) { raw_queue_one(cpu, sk, skb); }

int raw_queue_one(struct cpu *cpu, struct sock *sk, struct sk_buff *skb)
{
	enum skb_drop_reason reason;
	int err;

	if (!skb->tstamp)
		skb->tstamp = cpu->now;
	/* the filter may ask for the device, so it goes first */
	if ((err = sock_queue_rx(cpu, sk, skb, &reason))) {
		skb_drop_net(cpu, sk->net, skb, reason);
		return err;
	}
	inet_rx_prepare(cpu, inet_sk(sk), skb);
	trace_point(cpu, sk->net, skb, TP_SOCK_QUEUE, sk->cookie, sk->rmem_alloc, NULL);
	return 0;
}

static const struct inet_af *af_of_skb(struct netns *net, const struct sk_buff *skb)
{
	return be16_eq(skb->protocol, BE16(0x86dd)) ? net->inet->af6 : net->inet->af4;
}

/* The socket's ICMP_FILTER or ICMP6_FILTER does not want it. */
static bool filtered(struct raw_sock *rs, const struct sk_buff *skb, u8 proto, bool v6)
{
	u8 tmp;
	const u8 *type;
	if (proto != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return false;
	if (!(type = skb_header_pointer(skb, 0, 1, &tmp)))
		return true;
	if (v6)
		return rs->icmp6_filter[*type >> 5] & BIT(*type & 31);
	return *type < 32 && (rs->icmp_filter & BIT(*type));
}

/* IPV6_CHECKSUM, always on for ICMPv6. */
static bool csum_ok6(const struct raw_sock *rs, const struct sk_buff *skb, const struct inaddr *s, const struct inaddr *d, u8 proto)
{
	return !rs->checksum || skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL ||
	       !csum_fold(skb_checksum(skb, 0, skb->len, csum_pseudo6(s->b, d->b, skb->len, proto)));
}

static bool raw_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 proto)
{
	bool v6 = be16_eq(skb->protocol, BE16(0x86dd));
	struct netns_raw *r = net->raw;
	struct inaddr saddr, daddr;
	struct inet_sock *i;
	u32 hlen;
	bool any = false;

	if (likely(!(r->used[proto >> 6] & BIT64(proto & 63))))
		return false;
	af_of_skb(net, skb)->addrs(skb, &saddr, &daddr);
	hlen = v6 ? 0 : (u32)(skb->data - skb_network_header(skb)); /* IPv6's sockets do not see the header */
	list_for_each(i, &r->socks[proto], bind_link) {
		struct sk_buff *copy;
		if ((i->sk.family == AF_INET6) != v6 || !matches(i, &daddr, &saddr, rx_ifs_of(skb, net->inet->raw_l3mdev_accept)))
			continue;
		any = true;
		if (filtered(raw_sk(&i->sk), skb, proto, v6))
			continue;
		if (v6 && !csum_ok6(raw_sk(&i->sk), skb, &saddr, &daddr, proto)) {
			i->sk.drops++;
			continue;
		}
		if (!inet_mc_allows(i, &daddr, &saddr, skb->sdif ? skb->sdif : skb->skb_iif))
			continue;
		if (!(copy = skb_clone(cpu, skb))) {
			i->sk.drops++;
			continue;
		}
		skb_dst_force(copy);
		skb_push(copy, hlen);
		raw_queue(cpu, &i->sk, copy);
	}
	return any;
}

static void raw_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e, u8 proto)
{
	struct inet_sock *i;
	u8 tmp;
	const u8 *ver_ihl;

	if (likely(!(net->raw->used[proto >> 6] & BIT64(proto & 63))) || !(ver_ihl = skb_header_pointer(skb, 0, 1, &tmp)))
		return;
	list_for_each(i, &net->raw->socks[proto], bind_link) {
		bool frag_needed = e->kind == ICMP_ERR_TOO_BIG;
		bool v6 = e->family == AF_INET6, wants = inet_wants_errors(i, e->family);
		bool hard = !frag_needed ? e->hard : v6 ? i->v6->pmtudisc == IP_PMTUDISC_DO : i->pmtudisc != IP_PMTUDISC_DONT;
		if ((i->sk.family == AF_INET6) != v6)
			continue;
		if (!matches(i, &e->saddr, &e->daddr, (struct rx_ifs){ e->iif, e->sdif, !e->sdif || net->inet->raw_l3mdev_accept }))
			continue;
		if (frag_needed) {
			struct flow fl;
			inet_sock_flow(i, proto, &fl);
			fl.family = e->family;
			fl.saddr = e->saddr;
			fl.daddr = e->daddr;
			inet_af_of(net, &e->daddr)->update_pmtu(cpu, net, &fl, i->dst, e->info);
		}
		if (e->kind == ICMP_ERR_REDIRECT)
			inet_af_of(net, &e->daddr)->redirect(cpu, net, e);
		if (e->kind == ICMP_ERR_REDIRECT || !e->err || (!wants && i->sk.state != TCP_ESTABLISHED))
			continue;
		if (wants && v6)
			inet_err_queue_icmp(cpu, i, skb, i->hdrincl ? 0 : (u32)(skb->transport_header - skb->network_header), e, (be16){ 0 });
		else if (wants)
			inet_err_queue_icmp(cpu, i, skb, i->hdrincl ? 0 : (*ver_ihl & 15u) * 4, e, (be16){ 0 });
		if (wants || hard)
			sock_set_error(cpu, &i->sk, e->err);
	}
}

static bool router_alert(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u16 value)
{
	struct raw_sock *rs;
	bool any = false;

	list_for_each(rs, &net->raw->alerted, ra_link) {
		const struct sock *sk = &rs->inet.sk;
		struct sk_buff *copy;
		if (rs->ra_value != value || (sk->bound_dev_if && sk->bound_dev_if != skb->dev->ifindex) || !(copy = skb_clone(cpu, skb)))
			continue;
		any = true;
		raw_queue(cpu, &rs->inet.sk, copy);
	}
	return any;
}

static const struct l4_raw_ops ops = { .rx = raw_rx, .err = raw_err, .router_alert = router_alert, .ping_rx = ping_rx, .ping_err = ping_err,
					.router_alert4 = raw_router_alert4, .queue = raw_queue_one };

ssize_t raw_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags)
{
	struct sk_buff *skb = sk->rx_queue.first;
	struct inaddr saddr, daddr;
	u32 n;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return inet_recv_errqueue(cpu, sk, m);
	if (unlikely(inet_sk(sk)->v6->path_mtu) && inet_sk(sk)->v6->cmsg & IP6_CMSG_PATHMTU)
		return inet6_pathmtu_recv(inet_sk(sk), m);
	if (sk->err)
		return sock_error(sk);
	if (!skb)
		return sk->shutdown & SHUT_RCV_BIT && !(flags & MSG_DONTWAIT) ? 0 : -EAGAIN;
	n = (u32)MIN(msg_len(m), skb->len);
	if (n < skb->len)
		m->msg_flags |= MSG_TRUNC;
	if (skb_copy_to_msg(skb, 0, m, 0, n)) {
		if (!(flags & MSG_PEEK))
			skb_drop_net(cpu, sk->net, skb_list_pop(&sk->rx_queue), SKB_DROP_REASON_SKB_UCOPY_FAULT);
		return -EFAULT;
	}
	if (m->msg_name) {
		af_of_skb(sk->net, skb)->addrs(skb, &saddr, &daddr);
		inet_sockaddr_fill(sk, &saddr, (be16){ 0 }, ((const struct inet_rx_cb *)skb->cb)->ifindex, m->msg_name, &m->msg_namelen);
	}
	inet_recv_cmsgs(cpu, inet_sk(sk), skb, m);
	if (flags & MSG_TRUNC)
		n = skb->len;
	if (!(flags & MSG_PEEK)) {
		trace_point(cpu, sk->net, skb, TP_SOCK_RECV, sk->cookie, n, NULL);
		skb_consume(cpu, skb_list_pop(&sk->rx_queue));
	}
	return (ssize_t)n;
}

/* -- sending -- */

/* IPV6_CHECKSUM: 0, or -EINVAL (the field is not in the packet). */
static int make_checksum(const struct raw_sock *rs, struct sk_buff *skb, const struct inet_dest *d, u8 proto)
{
	u32 off = (u32)rs->csum_off;
	u16 check = 0;
	if (!rs->checksum || rs->inet.hdrincl)
		return 0;
	if (off + 2 > skb_headlen(skb))
		return -EINVAL;
	memcpy(skb->data + off, &check, 2);
	check = csum_fold(skb_checksum(skb, 0, skb->len, csum_pseudo6(d->fl.saddr.b, d->fl.daddr.b, skb->len, proto)));
	if (!check && proto == IPPROTO_UDP)
		check = 0xffff;
	memcpy(skb->data + off, &check, 2);
	return 0;
}

static int send_skb(struct cpu *cpu, struct raw_sock *rs, struct sk_buff *skb, const struct inet_dest *d)
{
	struct sock *sk = &rs->inet.sk;
	const struct inet_af *af = inet_af_of(sk->net, &d->fl.daddr);
	u8 proto = d->c.protocol ? d->c.protocol : (u8)rs->inet.num;
	struct inet_tx_stamp stamp;
	struct ip_out o;
	int err;

	if (sk->family == AF_INET6) {
		if ((err = make_checksum(rs, skb, d, proto))) {
			skb_consume(cpu, skb);
			return err;
		}
		if (proto == IPPROTO_ICMPV6 && skb_headlen(skb) && !rs->inet.hdrincl) {
			mib_inc(cpu, sk->net, MIB_Icmp6_OutMsgs);
			mib_inc(cpu, sk->net, (enum mib)(MIB_Icmp6Msg_OutType0 + skb->data[0]));
		}
	}
	if (sk->family == AF_INET && proto == IPPROTO_ICMP && skb_headlen(skb) && !rs->inet.hdrincl) {
		mib_inc(cpu, sk->net, MIB_Icmp_OutMsgs);
		mib_inc(cpu, sk->net, (enum mib)(MIB_IcmpMsg_OutType0 + skb->data[0]));
	}
	skb->ignore_df = af->hdr_len + inet_dest_opts_len(&rs->inet, d) + skb->len > dst_mtu(cpu, d->dst) && inet_dest_may_fragment(&rs->inet, d);
	skb->tstamp = d->c.txtime;
	sock_charge_tx(sk, skb);
	dst_hold(d->dst);
	skb_dst_set(skb, d->dst);
	inet_dest_ip_out(&rs->inet, d, proto, &o);
	o.hdrincl = rs->inet.hdrincl;
	if (o.hdrincl)
		o.opts = NULL;
	inet_tx_stamp_take(cpu, sk, skb, d->c.tsflags, &stamp);
	err = af->xmit(cpu, sk->net, skb, &o);
	inet_tx_stamp_give(cpu, sk, &stamp, err);
	return err == -ENOBUFS && !inet_wants_errors(&rs->inet, (u8)sk->family) ? 0 : err;
}

static void flush_pending(struct cpu *cpu, struct raw_sock *rs)
{
	if (!rs->pending)
		return;
	skb_consume(cpu, rs->pending);
	rs->pending = NULL;
	inet_dest_put(cpu, &rs->pending_dest);
}

static ssize_t send_more(struct cpu *cpu, struct raw_sock *rs, const struct msghdr *m, u32 len, bool more)
{
	struct sk_buff *skb = rs->pending;
	int err = skb->len + len > RAW_MAX - IP4_HDR_LEN ? -EMSGSIZE : msg_copy_to_buf(m, 0, skb_put(skb, len), len);

	if (err) {
		flush_pending(cpu, rs);
		return err;
	}
	if (more)
		return (ssize_t)len;
	rs->pending = NULL;
	err = send_skb(cpu, rs, skb, &rs->pending_dest);
	inet_dest_put(cpu, &rs->pending_dest);
	return err ? err : (ssize_t)len;
}

static int check_size(struct cpu *cpu, struct raw_sock *rs, const struct inet_dest *d, u32 len)
{
	u32 hdr = rs->inet.sk.family == AF_INET6 ? IP6_HDR_LEN : IP4_HDR_LEN;

	if (!rs->inet.hdrincl)
		return inet_dest_check_size(cpu, &rs->inet, d, hdr + inet_dest_opts_len(&rs->inet, d) + len);
	if (len <= d->dst->dev->mtu)
		return 0;
	inet_err_queue_local(cpu, &rs->inet, EMSGSIZE, &d->fl.daddr, d->dport, d->dst->dev->mtu);
	return -EMSGSIZE;
}

static ssize_t raw_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags)
{
	struct raw_sock *rs = raw_sk(sk);
	bool hdrincl = rs->inet.hdrincl, more = (flags & MSG_MORE) && !hdrincl;
	size_t len = msg_len(m);
	struct inet_dest d;
	struct sk_buff *skb;
	int err;

	if (len > RAW_MAX)
		return -EMSGSIZE;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (rs->pending)
		return send_more(cpu, rs, m, (u32)len, more);
	if ((err = inet_dgram_dest(cpu, &rs->inet, m, flags, hdrincl ? IPPROTO_RAW : (u8)rs->inet.num, false, &d)))
		return err;
	if (hdrincl && d.c.has_opts) {
		err = -EINVAL;
		goto out;
	}
	if (d.dst->type == RTN_BROADCAST && !sk->broadcast) {
		err = -EACCES;
		goto out;
	}
	if ((flags & MSG_CONFIRM) && d.dst->neigh)
		neigh_confirm(cpu, d.dst->neigh);
	if ((flags & MSG_PROBE) && !len)
		goto out;
	if ((err = check_size(cpu, rs, &d, (u32)len)))
		goto out;
	if (hdrincl && len < (sk->family == AF_INET6 ? IP6_HDR_LEN : IP4_HDR_LEN)) {
		err = -EINVAL;
		goto out;
	}
	if (hdrincl && (err = sock_error(sk))) /* without, a pending error stays for whoever receives */
		goto out;
	err = sk->shutdown & SHUT_SND_BIT ? -EPIPE : !sock_can_send(sk) ? -EAGAIN : 0;
	if (err)
		goto out;
	if (!(skb = skb_alloc(cpu, SKB_HEADROOM, more ? RAW_MAX : MAX((u32)len, 1u)))) {
		err = -ENOBUFS;
		goto out;
	}
	if ((err = msg_copy_to_buf(m, 0, skb_put(skb, (u32)len), len))) {
		skb_consume(cpu, skb);
		goto out;
	}
	if (more) {
		rs->pending = skb;
		rs->pending_dest = d;
		return (ssize_t)len;
	}
	err = send_skb(cpu, rs, skb, &d);
out:
	inet_dest_put(cpu, &d);
	return err ? err : (ssize_t)len;
}

/* -- the socket -- */

static int raw_init(struct cpu *cpu, struct sock *sk)
{
	struct netns_raw *r = sk->net->raw;
	struct inet_sock *i = inet_sk(sk);
	u8 proto = (u8)sk->protocol;

	if (sk->protocol > 255)
		return -EPROTONOSUPPORT;
	list_init(&raw_sk(sk)->ra_link);
	i->num = proto;
	i->sport = cpu_to_be16(proto);
	i->hdrincl = proto == IPPROTO_RAW;
	if (sk->family == AF_INET6 && proto == IPPROTO_ICMPV6) {
		raw_sk(sk)->checksum = true;
		raw_sk(sk)->csum_off = 2;
	}
	list_init(&raw_sk(sk)->ra_link);
	sk->reuse = true; /* so says SO_REUSEADDR at birth */
	list_add_tail(&r->socks[proto], &i->bind_link);
	r->used[proto >> 6] |= BIT64(proto & 63);
	sk->net->core->sockstat[SOCKSTAT_RAW_INUSE]++;
	return 0;
}

static void raw_release(struct cpu *cpu, struct sock *sk)
{
	struct netns_raw *r = sk->net->raw;
	struct inet_sock *i = inet_sk(sk);

	flush_pending(cpu, raw_sk(sk));
	raw_router_close(cpu, sk);
	inet_mc_leave_all(cpu, i);
	if (!list_linked(&i->bind_link))
		return;
	list_del(&i->bind_link);
	if (list_empty(&r->socks[i->num]))
		r->used[i->num >> 6] &= ~BIT64(i->num & 63);
	sk->net->core->sockstat[SOCKSTAT_RAW_INUSE]--;
	sock_purge_queues(cpu, sk);
}

/* The port of the address means nothing here; num stays the protocol. */
static int raw_bind(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct inet_sock *i = inet_sk(sk);
	u16 num = i->num, port;
	struct inaddr addr;
	int err;

	if (sk->family == AF_INET6 && !inet_sockaddr_parse(sk, a, len, &addr, &port, NULL) && inaddr_is_v4(&addr))
		return -EADDRNOTAVAIL; /* a raw socket of IPv6 is of nothing else */
	i->num = 0;
	err = inet_bind_addr(cpu, i, a, len, &port);
	i->num = num;
	inet_dst_reset(i);
	return err;
}

static int raw_connect(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	return inet_dgram_connect(cpu, inet_sk(sk), a, len);
}

static void raw_disconnect(struct cpu *cpu, struct sock *sk) { inet_dgram_disconnect(inet_sk(sk)); }

enum { OPT_CHECKSUM6 = 7, OPT_ICMP6_FILTER = 1, SOL_ICMPV6_LEVEL = 58 };

/* IPV6_ROUTER_ALERT: passing packets with an alert of value v come here; -1: no more. */
static int set_router_alert(struct raw_sock *rs, s32 v)
{
	bool on = list_linked(&rs->ra_link);

	if (rs->inet.num != IPPROTO_RAW)
		return -ENOPROTOOPT;
	if (on && v >= 0)
		return -EADDRINUSE;
	if (!on && v < 0)
		return -ENOBUFS;
	if (on)
		list_del(&rs->ra_link);
	else
		list_add_tail(&rs->inet.sk.net->raw->alerted, &rs->ra_link);
	rs->ra_value = v;
	rs->inet.v6->ra = v != 0; /* what getsockopt says on Linux */
	return 0;
}

/* IPV6_CHECKSUM, IPV6_ROUTER_ALERT and ICMP6_FILTER (RFC 3542 sections 3.1, 3.2). 1: not one of these. */
static int set6(struct raw_sock *rs, int level, int name, const void *val, socklen_t len)
{
	int v = 0;
	if (level == SOL_ICMPV6_LEVEL) {
		if (rs->inet.num != IPPROTO_ICMPV6)
			return -EOPNOTSUPP;
		if (name != OPT_ICMP6_FILTER)
			return -ENOPROTOOPT;
		memcpy(rs->icmp6_filter, val, MIN(len, sizeof rs->icmp6_filter));
		return 0;
	}
	if (level == SOL_IPV6 && name == IPV6_ROUTER_ALERT && len >= sizeof v) {
		memcpy(&v, val, sizeof v);
		return set_router_alert(rs, v);
	}
	if (name != OPT_CHECKSUM6 || (level != SOL_IPV6 && level != SOL_RAW_LEVEL))
		return level != SOL_RAW_LEVEL ? 1 : len < sizeof v ? -EINVAL : -ENOPROTOOPT;
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (rs->inet.num == IPPROTO_ICMPV6 && level == SOL_IPV6)
		return -EINVAL; /* RFC 3542: ICMPv6 has it always */
	if (v > 0 && (v & 1))
		return -EINVAL;
	rs->checksum = v >= 0;
	rs->csum_off = v;
	return 0;
}

static int get6(struct raw_sock *rs, int level, int name, void *val, socklen_t *len)
{
	if (level == SOL_ICMPV6_LEVEL) {
		if (rs->inet.num != IPPROTO_ICMPV6)
			return -EOPNOTSUPP;
		return name == OPT_ICMP6_FILTER ? sockopt_put(val, len, rs->icmp6_filter, sizeof rs->icmp6_filter) : -ENOPROTOOPT;
	}
	if (name != OPT_CHECKSUM6 || (level != SOL_IPV6 && level != SOL_RAW_LEVEL))
		return level == SOL_RAW_LEVEL ? -ENOPROTOOPT : 1;
	return sockopt_put_int(val, len, rs->checksum ? rs->csum_off : -1);
}

static int raw_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	int done = sk->family == AF_INET6 ? set6(raw_sk(sk), level, name, val, len) : 1;
	if (done == 1)
		done = raw_router_setsockopt(cpu, sk, level, name, val, len);
	if (done != 1)
		return done;
	if (level != SOL_RAW_LEVEL)
		return inet_setsockopt(cpu, sk, level, name, val, len);
	if (name != RAW_ICMP_FILTER)
		return -ENOPROTOOPT;
	if (inet_sk(sk)->num != IPPROTO_ICMP)
		return -EOPNOTSUPP;
	memcpy(&raw_sk(sk)->icmp_filter, val, MIN(len, sizeof(u32)));
	return 0;
}

static int raw_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	int done = sk->family == AF_INET6 ? get6(raw_sk(sk), level, name, val, len) : 1;
	if (done == 1)
		done = raw_router_getsockopt(cpu, sk, level, name, val, len);
	if (done != 1)
		return done;
	if (level != SOL_RAW_LEVEL)
		return inet_getsockopt(cpu, sk, level, name, val, len);
	if (name != RAW_ICMP_FILTER)
		return -ENOPROTOOPT;
	if (inet_sk(sk)->num != IPPROTO_ICMP)
		return -EOPNOTSUPP;
	return sockopt_put(val, len, &raw_sk(sk)->icmp_filter, sizeof(u32));
}

const struct sock_ops raw_ops = {
	.name = "RAW",
	.obj_size = sizeof(struct raw_sock),
	.init = raw_init,
	.release = raw_release,
	.bind = raw_bind,
	.connect = raw_connect,
	.disconnect = raw_disconnect,
	.getname = inet_getname,
	.sendmsg = raw_sendmsg,
	.recvmsg = raw_recvmsg,
	.shutdown = inet_dgram_shutdown,
	.setsockopt = raw_setsockopt,
	.getsockopt = raw_getsockopt,
	.ioctl = raw_ioctl,
	.poll = sock_dgram_poll,
};
const struct sock_family raw_family_v4 = { .family = AF_INET, .type = SOCK_RAW, .protocol = -1, .need_net_raw = true, .ops = &raw_ops };
const struct sock_family raw_family_v6 = { .family = AF_INET6, .type = SOCK_RAW, .protocol = -1, .need_net_raw = true, .ops = &raw_ops };

static int netns_init(struct netns *net)
{
	struct netns_raw *r = mem_zalloc(&net->world->mem, sizeof *r);

	if (!r)
		return -ENOMEM;
	for (unsigned p = 0; p < ARRAY_SIZE(r->socks); p++)
		list_init(&r->socks[p]);
	list_init(&r->alerted);
	list_init(&r->alerted4);
	net->raw = r;
	net->inet->raw = &ops;
	return 0;
}
static void netns_fini(struct netns *net)
{
	net->inet->raw = NULL;
	mem_free(&net->world->mem, net->raw);
	net->raw = NULL;
}
const struct subsys raw_subsys = { .name = "raw", .netns_init = netns_init, .netns_fini = netns_fini };

static void show(struct netns *net, struct strbuf *out, u16 family)
{
	const struct inet_sock *i;

	if (family == AF_INET)
		strbuf_printf(out, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
				   "pointer drops\n");
	else
		strbuf_printf(out, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when "
				   "retrnsmt   uid  timeout inode ref pointer drops\n");
	for (unsigned p = 0; p < ARRAY_SIZE(net->raw->socks); p++)
		list_for_each(i, &net->raw->socks[p], bind_link)
			if (i->sk.family == family)
				inet_proc_line(out, i, p);
}
static void raw_show(struct netns *net, struct strbuf *out) { show(net, out, AF_INET); }
static void raw6_show(struct netns *net, struct strbuf *out) { show(net, out, AF_INET6); }
const struct proc_file raw_proc = { .name = "raw", .mode = 0444, .show = raw_show };
const struct proc_file raw6_proc = { .name = "raw6", .mode = 0444, .show = raw6_show };
