/* Receiving datagrams: validation, lookup, delivery to one socket or to all that listen to a group, and recvmsg.
 *
 * A datagram for one address goes to the socket that fits best: a connected one first, then by Linux's score; among equals of an
 * SO_REUSEPORT group the four-tuple's hash chooses, else the youngest. Multicast and broadcast go to every socket that
 * fits. From: inet/ip4's local delivery. To: the socket's queue, until recvmsg.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/rtnetlink.h>

#include "codec/wire/checksum.h"
#include "codec/wire/icmp4.h"
#include "codec/wire/udphdr.h"
#include "core/trace.h"
#include "transport/udp/udp.h"

#define SOL_UDP 17
#define UDP_GRO_OPT 104

/* 0: not for it. What Linux's compute_score weighs: family, peer address, peer port, device, cpu. */
static u32 score(const struct cpu *cpu, const struct inet_sock *i, const struct inaddr *laddr, const struct inaddr *raddr, be16 rport,
		 struct rx_ifs ifs)
{
	bool v4 = inaddr_is_v4(laddr), any = inaddr_is_any(&i->rcv_saddr);
	u32 s;

	if (!any && !inaddr_eq(&i->rcv_saddr, laddr))
		return 0;
	if (v4 ? i->v6only : i->sk.family == AF_INET)
		return 0;
	s = v4 == (i->sk.family == AF_INET) ? 2 : 1;
	if (!inaddr_is_any(&i->daddr)) {
		if (!inaddr_eq(&i->daddr, raddr))
			return 0;
		s += 4;
	}
	if (i->dport.raw) {
		if (!be16_eq(i->dport, rport))
			return 0;
		s += 4;
	}
	if (!rx_ifs_match(i->sk.bound_dev_if, ifs))
		return 0;
	if (i->sk.bound_dev_if)
		s += 4;
	if (i->sk.incoming_cpu == (s32)cpu->id)
		s++;
	return any ? s : s + 32; /* sockets bound to the address are looked through first */
}

struct udp_sock *udp_lookup(struct cpu *cpu, struct netns *net, const struct inaddr *laddr, be16 lport, const struct inaddr *raddr,
			    be16 rport, struct rx_ifs ifs)
{
	const struct netns_udp *u = net->udp;
	struct inet_tuple *t = inet_est_find(&u->hash, laddr, lport, raddr, rport, ifs);
	struct inet_sock *i, *best = NULL;
	const struct port_bucket *b;
	u32 high = 0, group = 0, pick;

	if (t)
		return udp_sk(&inet_sock_of_tuple(t)->sk);
	if (!(b = port_find(&u->ports, be16_to_cpu(lport))))
		return NULL;
	list_for_each(i, &b->owners, bind_link) {
		u32 s = score(cpu, i, laddr, raddr, rport, ifs);
		bool grouped = i->sk.reuseport && i->sk.state != TCP_ESTABLISHED;
		if (!s || s < high)
			continue;
		group = s > high ? grouped : group + grouped;
		high = s;
		best = i;
	}
	if (likely(group < 2))
		return best ? udp_sk(&best->sk) : NULL;
	pick = reciprocal_scale(inet_tuple_hash(&u->hash, laddr, lport, raddr, rport), group);
	list_for_each(i, &b->owners, bind_link)
		if (i->sk.reuseport && i->sk.state != TCP_ESTABLISHED && score(cpu, i, laddr, raddr, rport, ifs) == high && !pick--)
			return udp_sk(&i->sk);
	return udp_sk(&best->sk);
}

static void rx_failed(struct cpu *cpu, struct sock *sk, struct sk_buff *skb, enum skb_drop_reason reason)
{
	sk->drops++;
	udp_mib(cpu, sk->net, skb_is_v6(skb), MIB_Udp_InErrors);
	skb_drop_net(cpu, sk->net, skb, reason);
}

/* One datagram, data at the payload: into the queue. An empty queue takes anything, so that the smallest buffer works. */
static void enqueue(struct cpu *cpu, struct udp_sock *us, struct sk_buff *skb)
{
	struct sock *sk = &us->inet.sk;

	if (unlikely(sk->rmem_alloc + skb->truesize > (u32)sk->rcvbuf) && sk->rmem_alloc) {
		udp_mib(cpu, sk->net, skb_is_v6(skb), MIB_Udp_RcvbufErrors);
		rx_failed(cpu, sk, skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
		return;
	}
	skb_orphan(cpu, skb);
	inet_rx_prepare(cpu, &us->inet, skb);
	if (!skb->tstamp)
		skb->tstamp = cpu->now;
	sock_charge_rx(sk, skb);
	skb_list_add(&sk->rx_queue, skb);
	trace_point(cpu, sk->net, skb, TP_SOCK_QUEUE, sk->cookie, sk->rmem_alloc, NULL);
	sock_wake(cpu, sk);
}

/* A merged or uncut packet for a socket that did not ask for UDP_GRO: datagram by datagram, sharing the bytes. */
static void enqueue_cut(struct cpu *cpu, struct udp_sock *us, struct sk_buff *skb)
{
	u32 size = skb->gso_size, total = skb->len;

	for (u32 off = 0; off < total; off += size) {
		struct sk_buff *part = skb_clone(cpu, skb);
		u32 n = MIN(size, total - off);
		if (!part || (skb_pull_any(cpu, part, off), !skb_trim(cpu, part, n))) {
			if (part)
				skb_consume(cpu, part);
			rx_failed(cpu, &us->inet.sk, skb, SKB_DROP_REASON_NOMEM);
			return;
		}
		part->gso_size = part->gso_segs = 0;
		part->gso_type = 0;
		part->truesize = n + 768; /* what a packet of its own would cost */
		skb_dst_force(part);
		enqueue(cpu, us, part);
	}
	skb_consume(cpu, skb);
}

/* Data at the UDP header, which the socket's filter sees. Consumes. */
static void deliver(struct cpu *cpu, struct udp_sock *us, struct sk_buff *skb)
{
	struct sock *sk = &us->inet.sk;

	if (unlikely(sk->filter)) {
		u32 keep = sock_filter_run(sk, skb);
		if (!keep) {
			rx_failed(cpu, sk, skb, SKB_DROP_REASON_SOCKET_FILTER);
			return;
		}
		if (keep < skb->len && !skb_trim(cpu, skb, MAX(keep, UDP_HDR_LEN))) {
			rx_failed(cpu, sk, skb, SKB_DROP_REASON_NOMEM);
			return;
		}
	}
	skb_pull(skb, UDP_HDR_LEN);
	if (unlikely(skb_is_gso(skb)) && !us->gro) {
		enqueue_cut(cpu, us, skb);
		return;
	}
	enqueue(cpu, us, skb);
}

static bool wants_group(const struct inet_sock *i, const struct inaddr *laddr, const struct inaddr *raddr, be16 rport, struct rx_ifs ifs, bool zero_csum)
{
	if (!inaddr_is_any(&i->daddr) && !inaddr_eq(&i->daddr, raddr))
		return false;
	if (i->dport.raw && !be16_eq(i->dport, rport))
		return false;
	if (!inaddr_is_any(&i->rcv_saddr) && !inaddr_eq(&i->rcv_saddr, laddr))
		return false;
	if (inaddr_is_v4(laddr) ? i->v6only : i->sk.family == AF_INET || (zero_csum && !container_of(i, struct udp_sock, inet)->no_check6_rx))
		return false;
	if (!rx_ifs_match(i->sk.bound_dev_if, ifs))
		return false;
	return inet_mc_allows(i, laddr, raddr, ifs.sdif ? ifs.sdif : ifs.iif);
}

static void deliver_all(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct inaddr *laddr, be16 lport,
			const struct inaddr *raddr, be16 rport)
{
	const struct port_bucket *b = port_find(&net->udp->ports, be16_to_cpu(lport));
	bool zero_csum = !((const struct udp_hdr *)skb->data)->check;
	struct inet_sock *i, *last = NULL;

	if (b) {
		list_for_each(i, &b->owners, bind_link) {
			if (!wants_group(i, laddr, raddr, rport, rx_ifs_of(skb, net->inet->udp_l3mdev_accept), zero_csum))
				continue;
			if (last) {
				struct sk_buff *c = skb_clone(cpu, skb);
				if (c) {
					skb_dst_force(c);
					deliver(cpu, udp_sk(&last->sk), c);
				} else {
					last->sk.drops++;
					udp_mib(cpu, net, skb_is_v6(skb), MIB_Udp_RcvbufErrors);
					udp_mib(cpu, net, skb_is_v6(skb), MIB_Udp_InErrors);
				}
			}
			last = i;
		}
	}
	if (last) {
		deliver(cpu, udp_sk(&last->sk), skb);
		return;
	}
	udp_mib(cpu, net, skb_is_v6(skb), MIB_Udp_IgnoredMulti);
	trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "nobody listens to the group");
	skb_consume(cpu, skb);
}

/* True: right, or not there, or vouched for. */
static bool csum_ok(const struct inet_af *af, struct sk_buff *skb, const struct udp_hdr *uh, const struct inaddr *saddr,
		    const struct inaddr *daddr)
{
	if (!uh->check || skb->csum_valid || skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL)
		return true;
	return csum_fold(skb_checksum(skb, 0, skb->len, af->pseudo_csum(saddr, daddr, skb->len, IPPROTO_UDP))) == 0;
}

void udp_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_PKT_TOO_SMALL;
	struct inaddr saddr, daddr;
	const struct inet_af *af;
	const struct udp_hdr *uh;
	struct udp_sock *us;
	u32 ulen;
	u8 type;

	if (!pskb_may_pull(cpu, skb, UDP_HDR_LEN))
		goto bad;
	af = skb->protocol.raw == BE16(0x0800).raw ? net->inet->af4 : net->inet->af6;
	af->addrs(skb, &saddr, &daddr);
	skb_reset_transport_header(skb);
	uh = (const struct udp_hdr *)skb->data;
	ulen = be16_to_cpu(uh->len);
	if (!ulen && skb_is_v6(skb)) /* a jumbogram's */
		ulen = skb->len;
	if (ulen < UDP_HDR_LEN || ulen > skb->len)
		goto bad;
	reason = SKB_DROP_REASON_NOMEM;
	if (ulen < skb->len && !skb_trim(cpu, skb, ulen))
		goto bad;
	if (!csum_ok(af, skb, uh, &saddr, &daddr)) {
		udp_mib(cpu, net, skb_is_v6(skb), MIB_Udp_InCsumErrors);
		reason = SKB_DROP_REASON_UDP_CSUM;
		goto bad;
	}
	type = skb->dst ? skb->dst->type : af->addr_type(net, skb->dev, &daddr);
	if (unlikely(type == RTN_BROADCAST || type == RTN_MULTICAST)) {
		deliver_all(cpu, net, skb, &daddr, uh->dport, &saddr, uh->sport);
		return;
	}
	us = udp_lookup(cpu, net, &daddr, uh->dport, &saddr, uh->sport, rx_ifs_of(skb, net->inet->udp_l3mdev_accept));
	if (us && unlikely(!uh->check) && skb_is_v6(skb) && !us->no_check6_rx) {
		udp_mib(cpu, net, true, MIB_Udp_InCsumErrors);
		reason = SKB_DROP_REASON_UDP_CSUM;
		goto bad;
	}
	if (likely(us)) {
		trace_point(cpu, net, skb, TP_SOCK_LOOKUP, us->inet.sk.cookie, us->inet.sk.state,
			    us->inet.sk.state == TCP_ESTABLISHED ? "connected" : "bound");
		deliver(cpu, us, skb);
		return;
	}
	if (unlikely(!uh->check) && skb_is_v6(skb)) { /* nobody who would take it */
		udp_mib(cpu, net, true, MIB_Udp_InCsumErrors);
		reason = SKB_DROP_REASON_UDP_CSUM;
		goto bad;
	}
	udp_mib(cpu, net, skb_is_v6(skb), MIB_Udp_NoPorts);
	af->send_error(cpu, skb, ICMP4_UNREACH, ICMP4_PORT_UNREACH, 0);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NO_SOCKET);
	return;
bad:
	udp_mib(cpu, net, skb_is_v6(skb), MIB_Udp_InErrors);
	skb_drop_net(cpu, net, skb, reason);
}

/* The packet to give, and how far into it SO_PEEK_OFF points. */
static struct sk_buff *next_skb(struct sock *sk, bool peek, u32 *off)
{
	struct sk_buff *skb = sk->rx_queue.first;

	*off = 0;
	if (!peek || sk->peek_off < 0)
		return skb;
	*off = (u32)sk->peek_off;
	for (; skb; skb = skb->next) {
		if (*off < skb->len || (!*off && !skb->peeked))
			return skb;
		*off -= skb->len;
	}
	*off = 0;
	return NULL;
}

ssize_t udp_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags)
{
	struct udp_sock *us = udp_sk(sk);
	bool peek = flags & MSG_PEEK;
	const struct udp_hdr *uh;
	struct sk_buff *skb;
	u32 off, left, n;
	ssize_t rc;

	if (flags & MSG_ERRQUEUE)
		return inet_recv_errqueue(cpu, sk, m);
	if (unlikely(us->inet.v6->path_mtu) && us->inet.v6->cmsg & IP6_CMSG_PATHMTU)
		return inet6_pathmtu_recv(&us->inet, m);
	if (sk->err)
		return sock_error(sk);
	if (!(skb = next_skb(sk, peek, &off)))
		return sk->shutdown & SHUT_RCV_BIT && !(flags & MSG_DONTWAIT) ? 0 : -EAGAIN;
	left = skb->len - off;
	n = (u32)MIN(msg_len(m), left);
	if (n < left)
		m->msg_flags |= MSG_TRUNC;
	if (skb_copy_to_msg(skb, off, m, 0, n)) {
		if (!peek)
			skb_drop_net(cpu, sk->net, skb_list_pop(&sk->rx_queue), SKB_DROP_REASON_SKB_UCOPY_FAULT);
		return -EFAULT;
	}
	if (m->msg_name) {
		struct inaddr saddr, daddr;
		const struct inet_af *af = skb->protocol.raw == BE16(0x0800).raw ? sk->net->inet->af4 : sk->net->inet->af6;
		uh = (const struct udp_hdr *)skb_transport_header(skb);
		af->addrs(skb, &saddr, &daddr);
		inet_sockaddr_fill(sk, &saddr, uh->sport, ((const struct inet_rx_cb *)skb->cb)->ifindex, m->msg_name, &m->msg_namelen);
	}
	if (us->gro && skb->gso_size)
		msg_put_cmsg(m, SOL_UDP, UDP_GRO_OPT, &(int){ skb->gso_size }, sizeof(int));
	inet_recv_cmsgs(cpu, &us->inet, skb, m);
	rc = flags & MSG_TRUNC ? (ssize_t)left : (ssize_t)n;
	if (peek) {
		skb->peeked = 1;
		if (sk->peek_off >= 0)
			sk->peek_off += (s32)n;
		return rc;
	}
	udp_mib(cpu, sk->net, skb_is_v6(skb), MIB_Udp_InDatagrams);
	if (sk->peek_off >= 0)
		sk->peek_off = MAX(0, sk->peek_off - (s32)skb->len);
	trace_point(cpu, sk->net, skb, TP_SOCK_RECV, sk->cookie, n, NULL);
	skb_consume(cpu, skb_list_pop(&sk->rx_queue));
	return rc;
}
