/* Entry from the network layer: checks the header, finds whom the segment is for, and hands it there.
 *
 * Comes from inet/ip4's local delivery (struct l4_proto); goes to a connection (tcp_rx.c, tcp_state.c), a request or a
 * listener (tcp_listen.c), TIME-WAIT remains (tcp_timewait.c); a segment for nobody is answered with a reset (RFC 9293,
 * 3.10.7.1). ICMP errors come in here too.
 */
#include <linux/icmp.h>

#include "transport/tcp/tcp_impl.h"

/* The checksum over pseudo-header and segment. Everything that is already known to be right is taken as it is. */
static bool checksum_ok(const struct inet_af *af, struct sk_buff *skb, const struct inaddr *s, const struct inaddr *d)
{
	u32 sum;

	if (skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL || skb->csum_valid)
		return true;
	sum = af->pseudo_csum(s, d, skb->len, IPPROTO_TCP);
	if (csum_fold(skb_checksum(skb, 0, skb->len, sum)))
		return false;
	skb->csum_valid = 1;
	return true;
}

static void fill_cb(struct sk_buff *skb, const struct tcp_hdr *th, u8 dsfield)
{
	struct tcp_cb *cb = tcp_cb(skb);

	cb->tw_isn = 0;
	cb->seq = be32_to_cpu(th->seq);
	cb->end_seq = cb->seq + !!(th->flags & TCPF_SYN) + !!(th->flags & TCPF_FIN) + skb->len - tcp_hlen(th);
	cb->ack_seq = be32_to_cpu(th->ack);
	cb->flags = th->flags;
	cb->window = be16_to_cpu(th->window);
	cb->urg_ptr = be16_to_cpu(th->urg);
	cb->dsfield = dsfield;
	cb->has_rxts = skb->tstamp != 0;
}

/* A connection of ours, whatever its state. Consumes. */
void tcp_rx_sock(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb)
{
	sock_hold(tcp_to_sock(tp));
	tp->segs_in += MAX(1u, (u32)skb->gso_segs);
	if (skb->len > tcp_hlen((const struct tcp_hdr *)skb_transport_header(skb)))
		tp->data_segs_in += MAX(1u, (u32)skb->gso_segs);
	if (likely(tp->inet.sk.state == TCP_ESTABLISHED))
		tcp_rx_established(cpu, tp, skb);
	else
		tcp_rx_state(cpu, tp, skb);
	sock_put(cpu, tcp_to_sock(tp));
}

static be32 first_word(const struct tcp_hdr *th)
{
	be32 w;

	memcpy(&w, th + 1, 4);
	return w;
}

/* Not the headers that nearly all segments have: none, or the timestamp alone. */
static inline bool maybe_signed(const struct tcp_sock *tp, const struct tcp_hdr *th)
{
	u32 hlen = tcp_hlen(th);

	if (likely(!tp->md5_keys && !tp->ao && (hlen == TCP_HDR_LEN || (hlen == TCP_HDR_LEN + TCPO_TIMESTAMP_ALIGNED_LEN && be32_to_cpu(first_word(th)) == TCPO_TIMESTAMP_WORD))))
		return false;
	return true;
}

/* IP_MINTTL, IPV6_MINHOPCOUNT (RFC 5082). */
static u8 tcp_min_ttl(const struct inet_sock *i, const struct inet_af *af)
{
	return af->family == AF_INET6 ? i->v6->min_hops : i->min_ttl;
}

static void tcp_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct netns_tcp *n = net->tcp;
	struct inaddr saddr, daddr;
	const struct inet_af *af = be16_eq(skb->protocol, BE16(0x86dd)) ? net->inet->af6 : net->inet->af4;
	struct inet_tuple *t;
	struct inet_sock *inet;
	const struct tcp_hdr *th;
	struct tcp_sock *tp;
	u32 hlen;

	if (skb->pkt_type != PACKET_HOST) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_OTHERHOST);
		return;
	}
	if (skb->destructor) /* the sender's charge ends where the packet arrives */
		skb_orphan(cpu, skb);
	mib_add(cpu, net, MIB_Tcp_InSegs, MAX(1u, (u32)skb->gso_segs));
	if (!pskb_may_pull(cpu, skb, TCP_HDR_LEN)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	th = (const struct tcp_hdr *)skb->data;
	hlen = tcp_hlen(th);
	if (hlen < TCP_HDR_LEN)
		goto short_packet;
	if (!pskb_may_pull(cpu, skb, hlen)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	th = (const struct tcp_hdr *)skb->data;
	skb_reset_transport_header(skb);
	af->addrs(skb, &saddr, &daddr);
	if (!checksum_ok(af, skb, &saddr, &daddr)) {
		mib_inc(cpu, net, MIB_Tcp_InCsumErrors);
		mib_inc(cpu, net, MIB_Tcp_InErrs);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_CSUM);
		return;
	}
	fill_cb(skb, th, af->rx_tos(skb));

again:
	t = inet_est_find(&n->hash, &daddr, th->dport, &saddr, th->sport, rx_ifs_of(skb, net->inet->tcp_l3mdev_accept));
	if (likely(t && t->tuple_kind == INET_TUPLE_SOCK)) {
		tp = (struct tcp_sock *)inet_sock_of_tuple(t);
	} else if (t && t->tuple_kind == INET_TUPLE_TIMEWAIT) {
		trace_point(cpu, net, skb, TP_SOCK_LOOKUP, 0, TCP_TIME_WAIT, "TIME-WAIT");
		if (tcp_tw_rx(cpu, container_of(t, struct tcp_tw, tuple), skb, th))
			goto again; /* a new SYN: the remains are gone, a listener may take it */
		return;
	} else if (t) {
		struct tcp_req *req = container_of(t, struct tcp_req, tuple);

		trace_point(cpu, net, skb, TP_SOCK_LOOKUP, req->listener->inet.sk.cookie, TCP_NEW_SYN_RECV, "connection request");
		if (unlikely(tcp_min_ttl(&req->listener->inet, af) > af->rx_ttl(skb)))
			goto min_ttl;
		if (maybe_signed(req->listener, th) && !tcp_auth_ok(cpu, req->listener, req, &saddr, &daddr, skb))
			return;
		tcp_req_rx(cpu, req, skb, th);
		return;
	} else {
		inet = inet_listen_find(cpu, &n->hash, &daddr, th->dport, &saddr, th->sport, rx_ifs_of(skb, net->inet->tcp_l3mdev_accept));
		tp = (struct tcp_sock *)inet;
		if (!tp)
			goto nobody;
	}
	trace_point(cpu, net, skb, TP_SOCK_LOOKUP, tp->inet.sk.cookie, tp->inet.sk.state, tcp_state_name(tp->inet.sk.state));
	if (unlikely(tcp_min_ttl(&tp->inet, af) > af->rx_ttl(skb)))
		goto min_ttl;
	if (maybe_signed(tp, th) && !tcp_auth_ok(cpu, tp, NULL, &saddr, &daddr, skb))
		return;
	if (unlikely(tp->inet.sk.filter)) {
		u32 keep = sock_filter_run(&tp->inet.sk, skb);
		if (!keep) {
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_SOCKET_FILTER);
			return;
		}
	}
	if (unlikely(tp->inet.sk.state == TCP_LISTEN)) {
		tcp_listen_rx(cpu, tp, skb, th);
		return;
	}
	tp->inet.rcv_tos = tcp_cb(skb)->dsfield;
	tcp_rx_sock(cpu, tp, skb);
	return;

nobody:
	trace_point(cpu, net, skb, TP_SOCK_LOOKUP, 0, 0, "no socket");
	tcp_send_reset(cpu, net, NULL, skb);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NO_SOCKET);
	return;
min_ttl:
	mib_inc(cpu, net, MIB_TcpExt_TCPMinTTLDrop);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_MINTTL);
	return;
short_packet:
	mib_inc(cpu, net, MIB_Tcp_InErrs);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
}

/* -- ICMP errors (RFC 5461, RFC 5927): believed only when they quote something in flight -- */

/* The path is narrower than thought: smaller segments from now on, and what is out goes again in that size. */
static void mtu_reduced(struct cpu *cpu, struct tcp_sock *tp, const struct icmp_error *e)
{
	struct sock *sk = tcp_to_sock(tp);
	const struct inet_af *af = inet_af_of(sk->net, &tp->inet.daddr);
	struct flow fl;
	struct dst *d;
	int err;

	if (BIT(sk->state) & (TCPS(LISTEN) | TCPS(CLOSE)))
		return;
	d = tcp_route(cpu, tp, &err);
	if (!d)
		return;
	inet_sock_flow(&tp->inet, IPPROTO_TCP, &fl);
	af->update_pmtu(cpu, sk->net, &fl, d, e->info);
	d = tcp_route(cpu, tp, &err);
	if (!d)
		return;
	if ((inaddr_is_v4(&tp->inet.daddr) ? tp->inet.pmtudisc : tp->inet.v6->pmtudisc) != 0 /* IP_PMTUDISC_DONT */ && tp->pmtu_cookie > dst_mtu(cpu, d)) {
		tcp_sync_mss(cpu, tp, dst_mtu(cpu, d));
		tcp_simple_retransmit(cpu, tp);
	}
}

/* Which errors end a request (the client may try again). Of IPv4, those that say that the way to it is broken, as Linux has it. */
static bool ends_request(const struct icmp_error *e)
{
	if (e->family != AF_INET)
		return e->hard;
	return e->type == ICMP_PARAMETERPROB || e->type == ICMP_TIME_EXCEEDED ||
	       (e->type == ICMP_DEST_UNREACH && (e->code == ICMP_NET_UNREACH || e->code == ICMP_HOST_UNREACH));
}

static void tcp_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	struct netns_tcp *n = net->tcp;
	const struct tcp_hdr *th = (const struct tcp_hdr *)skb->data;
	struct inet_tuple *t = inet_est_find(&n->hash, &e->saddr, th->sport, &e->daddr, th->dport, (struct rx_ifs){ e->iif, e->sdif, true });
	u32 seq = be32_to_cpu(th->seq);
	struct tcp_sock *tp;
	struct sock *sk;

	if (!t) {
		mib_inc(cpu, net, e->family == AF_INET6 ? MIB_Icmp6_InErrors : MIB_Icmp_InErrors);
		return;
	}
	if (t->tuple_kind == INET_TUPLE_TIMEWAIT) {
		struct tcp_tw *tw = container_of(t, struct tcp_tw, tuple);
		if (unlikely(tw->ao))
			tcp_ao_ignores_icmp(cpu, net, tw->ao, e); /* for its counter: errors change nothing here */
		return;
	}
	if (t->tuple_kind == INET_TUPLE_REQUEST) {
		struct tcp_req *req = container_of(t, struct tcp_req, tuple);
		if (seq != req->snt_isn)
			mib_inc(cpu, net, MIB_TcpExt_OutOfWindowIcmps);
		else if (ends_request(e)) {
			mib_inc(cpu, net, MIB_TcpExt_ListenDrops);
			tcp_to_sock(req->listener)->drops++;
			tcp_req_drop(cpu, req);
		}
		return;
	}
	tp = (struct tcp_sock *)inet_sock_of_tuple(t);
	sk = tcp_to_sock(tp);
	if (sk->state == TCP_CLOSE)
		return;
	if (unlikely(tp->ao) && !(BIT(sk->state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV) | TCPS(LISTEN))) && tcp_ao_ignores_icmp(cpu, net, tp->ao, e))
		return;
	if (!seq_between(seq, tp->snd_una - !!tp->fastopen_rsk, tp->snd_nxt) && sk->state != TCP_LISTEN) {
		mib_inc(cpu, net, MIB_TcpExt_OutOfWindowIcmps);
		return;
	}
	if (e->kind == ICMP_ERR_TOO_BIG) {
		mtu_reduced(cpu, tp, e);
		return;
	}
	if (e->kind == ICMP_ERR_REDIRECT)
		inet_af_of(net, &e->daddr)->redirect(cpu, net, e);
	if (!e->err || e->kind == ICMP_ERR_REDIRECT)
		return;
	/* Unreachable answers to what waits for a long timeout (RFC 6069): the path is back to being tried soon. */
	if (e->family == AF_INET && e->type == ICMP_DEST_UNREACH && (e->code == ICMP_NET_UNREACH || e->code == ICMP_HOST_UNREACH))
		tcp_ld_rto_revert(cpu, tp, seq);
	sock_hold(sk);
	if (sk->state == TCP_SYN_SENT || (sk->state == TCP_SYN_RECV && !(tp->fastopen_rsk && !tp->parent))) {
		if (e->family == AF_INET || inet_wants_errors(&tp->inet, e->family)) /* IPv4's are there unasked for, as on Linux */
			inet_err_queue_icmp(cpu, &tp->inet, skb, MIN(skb->len, tcp_hlen(th)), e, th->dport);
		sk->err = e->err; /* both hard and soft end an attempt */
		tcp_done(cpu, tp);
	} else if (inet_wants_errors(&tp->inet, e->family)) { /* the program asked to hear */
		inet_err_queue_icmp(cpu, &tp->inet, skb, MIN(skb->len, tcp_hlen(th)), e, th->dport);
		sk->err = e->err;
		sock_wake(cpu, sk);
	} else {
		sk->err_soft = e->err; /* RFC 1122: not a reason to abort an established connection */
	}
	sock_put(cpu, sk);
}

const struct l4_proto l4_tcp = {
	.name = "tcp",
	.proto = IPPROTO_TCP,
	.families = 3,
	.rx = tcp_rx,
	.err = tcp_err,
	.gro_receive = tcp_gro_receive,
	.gro_complete = tcp_gro_complete,
	.gso_segment = tcp_gso_segment,
};
