/* Passive open, first half: listen(2), accept(2), and a SYN for a listener.
 *
 * A SYN makes a struct tcp_req (tcp_request.c), a fifth of a socket, and gets a SYN-ACK; the ACK that completes the handshake
 * makes the socket. Limits, as Linux has them: backlog + 1 requests, then SYN cookies (tcp_syncookie.c) or, without them, a
 * drop; without cookies the last quarter of tcp_max_syn_backlog is kept for peers that are known; backlog + 1 connections fit
 * the accept queue. A SYN that opens a TIME-WAIT's four-tuple anew was vouched for by its sequence number, and passes.
 */
#include "transport/tcp/tcp_impl.h"

static void synq_full(struct cpu *cpu, struct tcp_sock *l, bool cookies)
{
	struct netns *net = l->inet.sk.net;

	mib_inc(cpu, net, cookies ? MIB_TcpExt_TCPReqQFullDoCookies : MIB_TcpExt_TCPReqQFullDrop);
	if (!l->listen->warned && net->tcp->syncookies != 2) {
		l->listen->warned = true;
		world_log(net->world, 6, "TCP: possible SYN flooding on port %u. %s", l->inet.num, cookies ? "Sending cookies." : "Dropping request.");
	}
}

static void syn_drop(struct cpu *cpu, struct tcp_sock *l, struct sk_buff *skb, enum skb_drop_reason reason)
{
	struct netns *net = l->inet.sk.net;

	mib_inc(cpu, net, MIB_TcpExt_ListenDrops);
	l->inet.sk.drops++;
	skb_drop_net(cpu, net, skb, reason);
}

/* What the SYN says, and what we will answer. */
static void req_from_syn(struct cpu *cpu, struct tcp_req *req, struct tcp_sock *l, const struct sk_buff *skb, const struct tcp_hdr *th,
			 const struct tcp_opts *o)
{
	struct sock *sk = tcp_to_sock(l);
	const struct netns_tcp *n = sk->net->tcp;
	const struct tcp_cb *cb = (const struct tcp_cb *)skb->cb;
	const struct inet_af *af = be16_eq(skb->protocol, BE16(0x86dd)) ? sk->net->inet->af6 : sk->net->inet->af4;

	af->addrs(skb, &req->tuple.daddr, &req->tuple.rcv_saddr);
	req->tuple.sport = th->dport;
	req->tuple.dport = th->sport;
	req->tuple.tuple_dev = rx_ifs_request_dev(sk->bound_dev_if, skb);
	req->tuple.tuple_kind = INET_TUPLE_REQUEST;
	req->net = sk->net;
	req->listener = l;
	req->rcv_isn = cb->seq;
	req->rcv_nxt = cb->seq + 1;
	req->ts_offset = tcp_ts_offset(cpu->world, &req->tuple.rcv_saddr, &req->tuple.daddr);
	req->mss = o->mss_clamp;
	req->tstamp_ok = o->saw_tstamp;
	req->ts_recent = o->saw_tstamp ? o->rcv_tsval : 0;
	req->sack_ok = o->sack_ok;
	if (req->sack_ok && tcp_md5_of(l, skb->skb_iif, &req->tuple.daddr))
		req->tstamp_ok = false; /* no room for both beside the signature */
	tcp_req_ao(req, th);
	req->wscale_ok = o->wscale_ok;
	req->snd_wscale = o->snd_wscale;
	req->iif = skb->skb_iif;
	req->mark = n->fwmark_accept ? skb->mark : sk->mark;
	req->tos = cb->dsfield;
	req->peer_window = cb->window;
	req->sent_ns = cpu->now;
}

/* A SYN in good form. Consumes. */
static void syn_rx(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns *net = sk->net;
	struct netns_tcp *n = net->tcp;
	struct tcp_listen *q = tp->listen;
	const struct inet_af *af = be16_eq(skb->protocol, BE16(0x86dd)) ? net->inet->af6 : net->inet->af4;
	struct tcp_opts o = { .user_mss = tp->rx_opt.user_mss, .mss_clamp = TCP_MSS_DEFAULT };
	struct tcp_fo_cookie foc = { 0 };
	u32 isn = tcp_cb(skb)->tw_isn;
	struct tcp_req local = { 0 }, *req = &local;
	bool cookie = false;
	struct dst *dst;
	struct flow fl;

	if ((n->syncookies == 2 || q->reqs_len > q->backlog) && !isn) {
		cookie = n->syncookies;
		synq_full(cpu, tp, cookie);
		if (!cookie) {
			syn_drop(cpu, tp, skb, SKB_DROP_REASON_TCP_REQQ_OVERFLOW);
			return;
		}
	}
	if (tcp_acceptq_full(q)) {
		mib_inc(cpu, net, MIB_TcpExt_ListenOverflows);
		syn_drop(cpu, tp, skb, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW);
		return;
	}
	tcp_options_parse(n, th, &o, false, NULL, NULL);
	tcp_fo_parse(th, &foc);
	if (cookie && !o.saw_tstamp) /* nowhere to keep them */
		o.sack_ok = o.wscale_ok = false;
	req_from_syn(cpu, &local, tp, skb, th, &o);

	fl = (struct flow){ .family = af->family, .proto = IPPROTO_TCP, .tos = tp->inet.tos, .oif = tcp_req_oif(&local), .mark = local.mark,
			    .uid = sk->uid, .saddr = local.tuple.rcv_saddr, .daddr = local.tuple.daddr, .sport = th->dport,
			    .dport = th->sport };
	if (af->route_out(cpu, net, &fl, &dst)) {
		mib_inc(cpu, net, af->family == AF_INET6 ? MIB_Ip6_OutNoRoutes : MIB_Ip_OutNoRoutes);
		syn_drop(cpu, tp, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return;
	}
	if (!cookie && !isn && !n->syncookies && n->max_syn_backlog - (s32)q->reqs_len < n->max_syn_backlog >> 2 &&
	    !tcp_metrics_peer_proven(net, &local.tuple)) {
		dst_put(dst);
		syn_drop(cpu, tp, skb, SKB_DROP_REASON_TCP_REQQ_OVERFLOW);
		return;
	}
	tcp_req_windows(cpu, &local, af, dst);
	tcp_ecn_req(&local, dst, th);
	local.usec_ts = !cookie && tcp_route_usec_ts(dst);
	if (cookie) {
		if (!local.tstamp_ok)
			local.ecn_ok = local.accecn = false;
		local.snt_isn = tcp_cookie_make(cpu, &local);
		dst_put(dst);
		trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "SYN answered by a cookie");
		skb_consume(cpu, skb);
		tcp_req_send_synack(cpu, &local, true, false);
		return;
	}
	local.snt_isn = isn ? isn : tcp_isn(cpu, &local.tuple.rcv_saddr, &local.tuple.daddr, th->dport, th->sport);
	req = tcp_req_new(cpu, &local, skb);
	if (!req) {
		dst_put(dst);
		syn_drop(cpu, tp, skb, SKB_DROP_REASON_NOMEM);
		return;
	}
	if (tcp_fo_server_syn(cpu, req, skb, dst, &foc)) {
		dst_put(dst);
		return;
	}
	dst_put(dst);
	req->foc = foc;
	tcp_req_queue(cpu, req);
	trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "SYN queued, SYN-ACK sent");
	skb_consume(cpu, skb);
	tcp_req_send_synack(cpu, req, false, false);
	req->foc.present = false; /* only the first SYN-ACK carries it */
}

/* A segment for the listener itself. Consumes. */
void tcp_listen_rx(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct netns *net = tp->inet.sk.net;
	const struct inet_af *af = be16_eq(skb->protocol, BE16(0x86dd)) ? net->inet->af6 : net->inet->af4;
	struct inaddr saddr, daddr;
	u8 type;

	if (th->flags & TCPF_RST) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RESET);
		return;
	}
	if (th->flags & TCPF_ACK) { /* a cookie's ACK; else of a connection that is no more */
		if (!(th->flags & TCPF_SYN) && tcp_cookie_rx(cpu, tp, skb, th))
			return;
		tcp_send_reset(cpu, net, NULL, skb);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	if (!(th->flags & TCPF_SYN) || (th->flags & TCPF_FIN)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	af->addrs(skb, &saddr, &daddr);
	type = skb->dst ? skb->dst->type : af->addr_type(net, dev_vrf(skb->dev), &daddr);
	if (af->family == AF_INET6 && inaddr_is_v4(&saddr)) { /* RFC 4942 section 2.2: it would be taken for IPv4 */
		mib_inc(cpu, net, MIB_Ip6_InHdrErrors);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_IP_INADDRERRORS);
	} else if (type == RTN_BROADCAST || type == RTN_MULTICAST || type == RTN_ANYCAST)
		syn_drop(cpu, tp, skb, SKB_DROP_REASON_IP_INADDRERRORS);
	else
		syn_rx(cpu, tp, skb, th);
}

/* -- listen(2), accept(2), close -- */

int tcp_listen(struct cpu *cpu, struct sock *sk, int backlog)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct netns_tcp *n = tcp_net(tp);
	s32 max = sk->net->core->somaxconn;
	int err;

	if (!(BIT(sk->state) & (TCPS(CLOSE) | TCPS(LISTEN))) || tp->ss != TCP_SS_UNCONNECTED)
		return -EINVAL;
	if ((u32)backlog > (u32)max)
		backlog = max;
	if (sk->state == TCP_LISTEN) {
		tp->listen->backlog = (u32)backlog;
		return 0;
	}
	tp->listen = mem_zalloc(cpu_mem(cpu), sizeof *tp->listen);
	if (!tp->listen)
		return -ENOBUFS;
	list_init(&tp->listen->accept);
	list_init(&tp->listen->reqs);
	list_init(&tp->listen->fo_reset);
	tp->listen->backlog = (u32)backlog;
	tp->listen->defer_accept = tp->defer_accept;
	tcp_fo_listen(tp, (u32)backlog);
	tp->ack = (__typeof__(tp->ack)){ 0 };
	/* The port is checked again: two sockets may be bound to it, but only one may listen (or a REUSEPORT group). */
	sk->state = TCP_LISTEN;
	err = port_bind(cpu, &n->ports, &tp->inet, tp->inet.num);
	if (err) {
		sk->state = TCP_CLOSE;
		mem_free(cpu_mem(cpu), tp->listen);
		tp->listen = NULL;
		return err;
	}
	tp->inet.sport = cpu_to_be16(tp->inet.num);
	tp->inet.tuple_kind = INET_TUPLE_SOCK;
	tp->inet.tuple_dev = sk->bound_dev_if;
	inet_listen_add(&n->hash, &tp->inet);
	tp->hashed = TCP_HASHED_LISTEN;
	tcp_stat(tp, SOCKSTAT_TCP_INUSE, 1);
	sock_hold(sk);
	return 0;
}

int tcp_accept(struct cpu *cpu, struct sock *sk, struct sock **out)
{
	struct tcp_sock *tp = tcp_sk(sk), *child;

	if (sk->state != TCP_LISTEN)
		return -EINVAL;
	if (list_empty(&tp->listen->accept))
		return -EAGAIN;
	child = list_first(&tp->listen->accept, struct tcp_sock, accept_link);
	list_del(&child->accept_link);
	tp->listen->accept_len--;
	child->parent = NULL;
	child->ss = TCP_SS_CONNECTED;
	*out = tcp_to_sock(child);
	return 0;
}

/* The listener closes: requests are forgotten, waiting connections reset. */
void tcp_listen_stop(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_listen *q = tp->listen;

	if (!q)
		return;
	tcp_migrate(cpu, tp);
	while (!list_empty(&q->reqs))
		tcp_req_drop(cpu, list_first(&q->reqs, struct tcp_req, link));
	while (!list_empty(&q->accept)) {
		struct tcp_sock *child = list_first(&q->accept, struct tcp_sock, accept_link);
		struct sock *csk = tcp_to_sock(child);

		list_del(&child->accept_link);
		q->accept_len--;
		child->parent = NULL;
		csk->dead = true;
		if (BIT(csk->state) & (TCPS(ESTABLISHED) | TCPS(CLOSE_WAIT) | TCPS(FIN_WAIT1) | TCPS(FIN_WAIT2) | TCPS(SYN_RECV)))
			tcp_send_active_reset(cpu, child);
		if (csk->state == TCP_CLOSE) {
			tcp_destroy(cpu, child);
		} else {
			if (csk->state == TCP_SYN_RECV) /* by Fast Open: no failed attempt, the peer's was complete */
				tcp_set_state(cpu, child, TCP_CLOSE);
			tcp_done(cpu, child);
		}
		sock_put(cpu, csk);
	}
	tp->listen = NULL;
	tcp_fo_listen_stop(cpu, q);
	mem_free(&tp->inet.sk.net->world->mem, q);
}
