/* Passive open: listeners, connection requests (the SYN queue) and connections waiting for accept(2) (the accept queue).
 *
 * A SYN makes a struct tcp_req, a fifth of a socket, and gets a SYN-ACK; the ACK that completes the handshake makes the
 * socket. Limits, as Linux without SYN cookies has them: a request is refused when more than backlog, or three quarters of
 * tcp_max_syn_backlog, wait already, or when the accept queue is full; backlog + 1 connections fit the accept queue; with
 * tcp_abort_on_overflow the ACK that finds it full is answered with a reset.
 * TCP_DEFER_ACCEPT: the last ACK of the handshake alone does not make a socket; data does, or the last SYN-ACK.
 */
#include "transport/tcp/tcp_impl.h"

static bool acceptq_full(const struct tcp_listen *l) { return l->accept_len > l->backlog; }

/* -- requests -- */

static void req_unlink(struct cpu *cpu, struct tcp_req *req)
{
	struct tcp_listen *l = req->listener->listen;

	timer_cancel(&req->timer);
	inet_est_del(&req->net->tcp->hash, &req->tuple);
	list_del(&req->link);
	l->reqs_len--;
	if (!req->num_timeout)
		l->young_len--;
	(void)cpu;
}

static void req_free(struct cpu *cpu, struct tcp_req *req)
{
	struct sock *l = tcp_to_sock(req->listener);

	mem_free(&req->net->world->mem, req);
	sock_put(cpu, l);
}

void tcp_req_drop(struct cpu *cpu, struct tcp_req *req)
{
	req_unlink(cpu, req);
	req_free(cpu, req);
}

static void synack_options(struct cpu *cpu, struct tcp_req *req, struct tcp_out_opts *o)
{
	o->mss = req->advmss;
	o->ts = req->tstamp_ok;
	o->tsval = tcp_ts_now(cpu) + req->ts_offset;
	o->tsecr = req->ts_recent;
	o->sack_perm = req->sack_ok;
	o->wscale_ok = req->wscale_ok;
	o->wscale = req->rcv_wscale;
	o->num_sacks = 0;
}

static int send_synack(struct cpu *cpu, struct tcp_req *req)
{
	struct tcp_reply r = { .saddr = req->tuple.rcv_saddr, .daddr = req->tuple.daddr, .sport = req->tuple.sport, .dport = req->tuple.dport,
			       .seq = req->snt_isn, .ack = req->rcv_nxt, .flags = TCPF_SYN | TCPF_ACK | (req->ecn_ok ? TCPF_ECE : 0),
			       .window = (u16)MIN(req->rcv_wnd, 65535u), .tos = req->listener->inet.tos, .mark = req->mark,
			       .oif = req->listener->inet.sk.bound_dev_if };

	synack_options(cpu, req, &r.opts);
	return tcp_send_reply(cpu, req->net, &r);
}

static u64 req_timeout(const struct tcp_req *req)
{
	u64 t = TCP_RTO_INIT << MIN(req->num_timeout, 16);
	return MIN(t, 120 * NSEC_PER_SEC);
}

static int max_synack_retries(const struct tcp_sock *l)
{
	return l->syn_retries ? l->syn_retries : tcp_net(l)->synack_retries;
}

static void req_timer(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct tcp_req *req = container_of(t, struct tcp_req, timer);
	struct tcp_sock *l = req->listener;
	struct tcp_listen *q = l->listen;
	int retries = max_synack_retries(l), thresh = retries;
	bool expire, resend;

	/* A queue more than half full gives old requests less time, to make room for young ones. */
	if (q->reqs_len << 1 > MAX(8u, q->backlog)) {
		u32 young = q->young_len << 1;
		while (thresh > 2) {
			if (q->reqs_len < young)
				break;
			thresh--;
			young <<= 1;
		}
	}
	if (!q->defer_accept) {
		expire = req->num_timeout >= thresh;
		resend = true;
	} else {
		expire = req->num_timeout >= thresh && (!req->acked || req->num_timeout >= q->defer_accept);
		/* Acknowledged and waiting for data: silence, until the last one, which makes the client speak. */
		resend = !req->acked || req->num_timeout >= q->defer_accept - 1;
	}
	if (expire) {
		mib_inc(cpu, req->net, MIB_Tcp_AttemptFails);
		tcp_req_drop(cpu, req);
		return;
	}
	if (resend) {
		mib_inc(cpu, req->net, MIB_Tcp_RetransSegs);
		mib_inc(cpu, req->net, MIB_TcpExt_TCPSynRetrans);
		send_synack(cpu, req);
		req->num_retrans++;
	}
	if (!req->num_timeout++)
		q->young_len--;
	cpu_timer_arm(cpu, &req->timer, cpu->now + req_timeout(req));
}

/* -- a segment for the listener itself -- */

void tcp_listen_rx(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns *net = sk->net;
	struct netns_tcp *n = net->tcp;
	struct tcp_listen *q = tp->listen;
	struct tcp_cb *cb = tcp_cb(skb);
	const struct inet_af *af = be16_eq(skb->protocol, BE16(0x86dd)) ? net->inet->af6 : net->inet->af4;
	struct tcp_opts o = { .user_mss = tp->rx_opt.user_mss, .mss_clamp = TCP_MSS_DEFAULT };
	struct inaddr saddr, daddr;
	enum skb_drop_reason reason;
	struct tcp_req *req;
	struct dst *dst;
	struct flow fl;
	u32 space, clamp;
	u8 type;

	af->addrs(skb, &saddr, &daddr);
	if (th->flags & TCPF_RST) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RESET);
		return;
	}
	if (th->flags & TCPF_ACK) { /* a cookie's ACK, had we sent one; else of a connection that is no more */
		tcp_send_reset(cpu, net, NULL, skb);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	if (!(th->flags & TCPF_SYN) || (th->flags & TCPF_FIN)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	type = af->addr_type(net, NULL, &daddr);
	reason = SKB_DROP_REASON_IP_INADDRERRORS;
	if (type == RTN_BROADCAST || type == RTN_MULTICAST)
		goto drop;
	if (q->reqs_len > q->backlog || n->max_syn_backlog - (s32)q->reqs_len < n->max_syn_backlog >> 2) {
		mib_inc(cpu, net, MIB_TcpExt_TCPReqQFullDrop);
		reason = SKB_DROP_REASON_TCP_REQQ_OVERFLOW;
		goto drop;
	}
	if (acceptq_full(q)) {
		mib_inc(cpu, net, MIB_TcpExt_ListenOverflows);
		reason = SKB_DROP_REASON_TCP_LISTEN_OVERFLOW;
		goto drop;
	}
	tcp_options_parse(n, th, &o, false, NULL, NULL);

	fl = (struct flow){ .family = af->family, .proto = IPPROTO_TCP, .tos = tp->inet.tos, .oif = sk->bound_dev_if, .mark = sk->mark,
			    .uid = sk->uid, .saddr = daddr, .daddr = saddr, .sport = th->dport, .dport = th->sport };
	reason = SKB_DROP_REASON_IP_OUTNOROUTES;
	if (af->route_out(cpu, net, &fl, &dst))
		goto drop;
	req = mem_zalloc(&net->world->mem, sizeof *req);
	if (!req) {
		dst_put(dst);
		reason = SKB_DROP_REASON_NOMEM;
		goto drop;
	}
	req->tuple.rcv_saddr = daddr;
	req->tuple.daddr = saddr;
	req->tuple.sport = th->dport;
	req->tuple.dport = th->sport;
	req->tuple.tuple_dev = sk->bound_dev_if;
	req->tuple.tuple_kind = INET_TUPLE_REQUEST;
	req->net = net;
	req->listener = tp;
	sock_hold(sk);
	req->rcv_isn = cb->seq;
	req->rcv_nxt = cb->seq + 1;
	req->snt_isn = tcp_isn(cpu, &daddr, &saddr, th->dport, th->sport);
	req->ts_offset = tcp_ts_offset(cpu->world, &daddr, &saddr);
	req->mss = o.mss_clamp;
	req->tstamp_ok = o.saw_tstamp;
	req->ts_recent = o.saw_tstamp ? o.rcv_tsval : 0;
	req->sack_ok = o.sack_ok;
	req->wscale_ok = o.wscale_ok;
	req->snd_wscale = o.snd_wscale;
	req->iif = skb->skb_iif;
	req->mark = n->fwmark_accept ? skb->mark : sk->mark;
	req->tos = cb->dsfield;
	req->ecn_ok = n->ecn && (th->flags & (TCPF_ECE | TCPF_CWR)) == (TCPF_ECE | TCPF_CWR) && !(cb->dsfield & 3);
	req->peer_window = cb->window;
	req->sent_ns = cpu->now;

	req->advmss = (u16)tcp_dst_advmss(cpu, af, dst);
	if (tp->rx_opt.user_mss && tp->rx_opt.user_mss < req->advmss)
		req->advmss = tp->rx_opt.user_mss;
	space = tcp_full_space(tp);
	clamp = tp->window_clamp ? tp->window_clamp : dst_metric(dst, RTAX_WINDOW);
	if ((sk->userlocks & 2) && (clamp > space || !clamp))
		clamp = space;
	tcp_select_initial_window(n, space, req->advmss - (req->tstamp_ok ? TCPO_TIMESTAMP_ALIGNED_LEN : 0), &req->rcv_wnd, &clamp,
				  req->wscale_ok, &req->rcv_wscale, net->core->rmem_max);
	req->window_clamp = clamp;
	dst_put(dst);

	timer_init(&req->timer, req_timer);
	inet_est_add(&n->hash, &req->tuple);
	list_add_tail(&q->reqs, &req->link);
	q->reqs_len++;
	q->young_len++;
	cpu_timer_arm(cpu, &req->timer, cpu->now + TCP_RTO_INIT);
	trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "SYN queued, SYN-ACK sent");
	skb_consume(cpu, skb);
	send_synack(cpu, req);
	return;
drop:
	mib_inc(cpu, net, MIB_TcpExt_ListenDrops);
	sk->drops++;
	skb_drop_net(cpu, net, skb, reason);
}

/* -- a segment for a request -- */

/* The socket of a completed handshake. NULL: no memory (the request stays). */
static struct tcp_sock *child_new(struct cpu *cpu, struct tcp_req *req, const struct tcp_cb *cb)
{
	struct tcp_sock *l = req->listener, *tp;
	struct sock *lsk = tcp_to_sock(l), *sk;
	struct netns *net = req->net;
	struct flow fl;
	struct dst *d;

	sk = sock_alloc(cpu, net, lsk->family, lsk->type, lsk->protocol, lsk->ops);
	if (!sk)
		return NULL;
	tp = tcp_sk(sk);
	if (tcp_inherit(cpu, tp, l)) {
		sock_put(cpu, sk);
		return NULL;
	}
	tp->inet.rcv_saddr = tp->inet.saddr = req->tuple.rcv_saddr;
	tp->inet.daddr = req->tuple.daddr;
	tp->inet.sport = req->tuple.sport;
	tp->inet.dport = req->tuple.dport;
	tp->inet.num = be16_to_cpu(req->tuple.sport);
	sk->mark = req->mark;
	if (inet_sock_route(cpu, &tp->inet, IPPROTO_TCP, &fl, &d)) {
		sock_put(cpu, sk);
		return NULL;
	}
	dst_put(d); /* the socket keeps its own reference */
	if (port_inherit(&net->tcp->ports, &tp->inet, &l->inet)) {
		sock_put(cpu, sk);
		return NULL;
	}
	tcp_setup_caps(tp);

	tp->ts_offset = req->ts_offset;
	tp->rcv_isn = req->rcv_isn;
	tp->rcv_nxt = tp->rcv_wup = tp->copied_seq = req->rcv_nxt;
	tp->snd_una = tp->snd_sml = tp->snd_up = tp->snd_nxt = tp->write_seq = tp->pushed_seq = req->snt_isn + 1;
	tp->snd_wl1 = cb->seq;
	tp->rx_opt.mss_clamp = req->mss;
	tp->rx_opt.tstamp_ok = req->tstamp_ok;
	tp->rx_opt.sack_ok = req->sack_ok;
	tp->rx_opt.wscale_ok = req->wscale_ok;
	tp->rx_opt.snd_wscale = req->wscale_ok ? req->snd_wscale : 0;
	tp->rx_opt.rcv_wscale = req->wscale_ok ? req->rcv_wscale : 0;
	tp->rcv_wnd = tp->rcv_ssthresh = req->rcv_wnd;
	tp->window_clamp = req->wscale_ok ? req->window_clamp : MIN(req->window_clamp, 65535u);
	tp->tcp_header_len = TCP_HDR_LEN + (req->tstamp_ok ? TCPO_TIMESTAMP_ALIGNED_LEN : 0);
	tp->advmss = req->advmss;
	if (req->tstamp_ok) {
		tp->rx_opt.ts_recent = req->ts_recent;
		tp->rx_opt.ts_recent_stamp_s = tcp_now_s(cpu) + 1;
		tp->advmss -= TCPO_TIMESTAMP_ALIGNED_LEN;
	}
	tp->snd_wnd = (u32)cb->window << tp->rx_opt.snd_wscale;
	tp->max_window = MAX(tp->snd_wnd, (u32)req->peer_window);
	tcp_sync_mss(cpu, tp, dst_mtu(cpu, tp->inet.dst));
	tp->ack.rcv_mss = tcp_initial_rcv_mss(tp);
	tp->ecn_ok = req->ecn_ok;
	tp->total_retrans = req->num_retrans;
	tp->inet.rcv_tos = req->tos;
	if (net->tcp->reflect_tos)
		tp->inet.tos = (u8)((req->tos & ~3u) | (tp->inet.tos & 3));
	return tp;
}

/* Consumes skb. */
static void complete(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb)
{
	struct tcp_sock *l = req->listener, *tp;
	struct netns *net = req->net;
	struct tcp_cb *cb = tcp_cb(skb);

	if (acceptq_full(l->listen)) {
		mib_inc(cpu, net, MIB_TcpExt_ListenOverflows);
		goto overflow;
	}
	tp = child_new(cpu, req, cb);
	if (!tp)
		goto overflow;
	tp->snt_synack_us = (u32)((cpu->now - req->sent_ns) / NSEC_PER_USEC);
	req_unlink(cpu, req);
	tcp_hash(tp);
	mib_inc(cpu, net, MIB_Tcp_PassiveOpens);
	list_add_tail(&l->listen->accept, &tp->accept_link);
	tp->parent = l;
	l->listen->accept_len++; /* the reference of sock_alloc is the queue's */

	tp->delivered++;
	if (!req->num_retrans)
		tcp_update_rtt(cpu, tp, 0, MAX((s64)tp->snt_synack_us, 1), -1, &(s64){ MAX((s64)tp->snt_synack_us, 1) });
	req_free(cpu, req);
	tp->ack.lrcvtime = cpu->now;
	tcp_init_transfer(cpu, tp);
	tcp_set_state(cpu, tp, TCP_ESTABLISHED);
	tp->rcv_tstamp = tp->tx_timestamp = cpu->now;
	if (tp->inet.sk.keepalive)
		tcp_arm_keepalive(cpu, tp, tcp_keepalive_time(tp));
	tcp_fast_path_on(tp);
	sock_wake(cpu, tcp_to_sock(l));
	/* Data, FIN or options on the ACK: as for any segment. */
	tcp_rx_sock(cpu, tp, skb);
	return;

overflow:
	mib_inc(cpu, net, MIB_TcpExt_ListenDrops);
	tcp_to_sock(l)->drops++;
	if (!net->tcp->abort_on_overflow) {
		req->acked = true; /* the next SYN-ACK tries again */
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW);
		return;
	}
	mib_inc(cpu, net, MIB_TcpExt_EmbryonicRsts);
	tcp_send_reset(cpu, net, NULL, skb);
	tcp_req_drop(cpu, req);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW);
}

void tcp_req_rx(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct netns *net = req->net;
	struct tcp_listen *q = req->listener->listen;
	struct tcp_cb *cb = tcp_cb(skb);
	struct tcp_opts o = { .tstamp_ok = req->tstamp_ok };
	bool paws_reject = false;
	u8 flags = th->flags & (TCPF_RST | TCPF_SYN | TCPF_ACK);

	if (tcp_hlen(th) > TCP_HDR_LEN) {
		tcp_options_parse(net->tcp, th, &o, true, NULL, NULL);
		if (o.saw_tstamp) {
			o.ts_recent = req->ts_recent;
			o.ts_recent_stamp_s = tcp_now_s(cpu) + 1;
			if (o.rcv_tsecr)
				o.rcv_tsecr -= req->ts_offset;
			paws_reject = !tcp_paws_ok(cpu, &o, 0);
		}
	}
	/* The SYN again: our SYN-ACK was lost. */
	if (cb->seq == req->rcv_isn && flags == TCPF_SYN && !paws_reject) {
		if (!tcp_oow_limited(cpu, net, skb, MIB_TcpExt_TCPACKSkippedSynRecv, &req->last_oow_ack)) {
			send_synack(cpu, req);
			req->num_retrans++;
			mib_inc(cpu, net, MIB_Tcp_RetransSegs);
			mib_inc(cpu, net, MIB_TcpExt_TCPSynRetrans);
			cpu_timer_arm(cpu, &req->timer, cpu->now + req_timeout(req));
		}
		trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "SYN again");
		skb_consume(cpu, skb);
		return;
	}
	/* An ACK of something else: reset, the request stays (RFC 9293, SYN-RECEIVED). */
	if ((flags & TCPF_ACK) && cb->ack_seq != req->snt_isn + 1) {
		tcp_send_reset(cpu, net, NULL, skb);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE);
		return;
	}
	/* Out of the window, or an old clock: ACK and drop. */
	if (paws_reject || seq_after(cb->seq, req->rcv_nxt + req->rcv_wnd) || seq_before(cb->end_seq, req->rcv_nxt)) {
		if (!(flags & TCPF_RST) && !tcp_oow_limited(cpu, net, skb, MIB_TcpExt_TCPACKSkippedSynRecv, &req->last_oow_ack)) {
			struct tcp_reply r = { .saddr = req->tuple.rcv_saddr, .daddr = req->tuple.daddr, .sport = req->tuple.sport,
					       .dport = req->tuple.dport, .seq = req->snt_isn + 1, .ack = req->rcv_nxt, .flags = TCPF_ACK,
					       .window = (u16)(req->rcv_wnd >> req->rcv_wscale), .mark = req->mark };
			if (req->tstamp_ok) {
				r.opts.ts = true;
				r.opts.tsval = tcp_ts_now(cpu) + req->ts_offset;
				r.opts.tsecr = req->ts_recent;
			}
			tcp_send_reply(cpu, net, &r);
		}
		if (paws_reject)
			mib_inc(cpu, net, MIB_TcpExt_PAWSEstab);
		skb_drop_net(cpu, net, skb, paws_reject ? SKB_DROP_REASON_TCP_RFC7323_PAWS : SKB_DROP_REASON_TCP_INVALID_SEQUENCE);
		return;
	}
	if (o.saw_tstamp && !seq_after(cb->seq, req->rcv_nxt) && !paws_reject)
		req->ts_recent = o.rcv_tsval;
	if (cb->seq == req->rcv_isn)
		flags &= ~TCPF_SYN; /* a SYN-ACK's SYN, below the window */
	if (flags & (TCPF_RST | TCPF_SYN)) {
		if (flags & TCPF_RST && cb->seq != req->rcv_nxt) { /* RFC 5961 */
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RESET);
			return;
		}
		mib_inc(cpu, net, MIB_Tcp_AttemptFails);
		mib_inc(cpu, net, MIB_TcpExt_EmbryonicRsts);
		if (flags & TCPF_SYN)
			tcp_send_reset(cpu, net, NULL, skb);
		tcp_req_drop(cpu, req);
		skb_drop_net(cpu, net, skb, flags & TCPF_RST ? SKB_DROP_REASON_TCP_RESET : SKB_DROP_REASON_TCP_INVALID_SYN);
		return;
	}
	if (!(flags & TCPF_ACK)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return;
	}
	if (q->defer_accept && req->num_timeout < q->defer_accept && cb->end_seq == req->rcv_nxt) {
		req->acked = true;
		mib_inc(cpu, net, MIB_TcpExt_TCPDeferAcceptDrop);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	complete(cpu, req, skb);
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
	tp->listen->backlog = (u32)backlog;
	tp->listen->defer_accept = tp->defer_accept;
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

/* The listener closes: requests are forgotten, waiting connections reset (inet_csk_listen_stop). */
void tcp_listen_stop(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_listen *q = tp->listen;

	if (!q)
		return;
	while (!list_empty(&q->reqs))
		tcp_req_drop(cpu, list_first(&q->reqs, struct tcp_req, link));
	while (!list_empty(&q->accept)) {
		struct tcp_sock *child = list_first(&q->accept, struct tcp_sock, accept_link);
		struct sock *csk = tcp_to_sock(child);

		list_del(&child->accept_link);
		q->accept_len--;
		child->parent = NULL;
		csk->dead = true;
		if (BIT(csk->state) & (TCPS(ESTABLISHED) | TCPS(CLOSE_WAIT) | TCPS(FIN_WAIT1) | TCPS(FIN_WAIT2)))
			tcp_send_active_reset(cpu, child);
		if (csk->state != TCP_CLOSE)
			tcp_done(cpu, child);
		else
			tcp_destroy(cpu, child);
		sock_put(cpu, csk);
	}
	tp->listen = NULL;
	mem_free(&tp->inet.sk.net->world->mem, q);
}
