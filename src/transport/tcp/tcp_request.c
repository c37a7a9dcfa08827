/* Passive open, second half: a connection request's life, from SYN received to the socket (RFC 9293 3.10.7.4, SYN-RECEIVED).
 *
 * Comes from tcp_listen.c (the SYN), tcp_syncookie.c (a request made up from a cookie) and tcp_demux.c (later segments);
 * tcp_req_complete() makes the socket and puts it on the accept queue. When that is full, the last ACK is forgotten and the next
 * SYN-ACK tries again, or with tcp_abort_on_overflow answered with a reset.
 * TCP_DEFER_ACCEPT: the last ACK of the handshake alone does not make a socket; data does, or the last SYN-ACK.
 * A Fast Open child has its socket at once; its request stays with it (tp->fastopen_rsk) until the handshake is complete.
 */
#include "transport/tcp/tcp_impl.h"

/* -- birth and end -- */

/* A copy of `from` that lives on; holds the listener. With TCP_SAVE_SYN, the SYN's headers too. NULL: no memory. */
struct tcp_req *tcp_req_new(struct cpu *cpu, const struct tcp_req *from, const struct sk_buff *skb)
{
	struct tcp_req *req = mem_alloc(cpu_mem(cpu), sizeof *req);

	if (!req)
		return NULL;
	*req = *from;
	sock_hold(tcp_to_sock(req->listener));
	timer_init(&req->timer, tcp_req_timer);
	list_init(&req->link);
	if (req->listener->save_syn)
		req->saved_syn = tcp_saved_syn_take(cpu, skb, req->listener->save_syn);
	return req;
}

/* Into the SYN queue. */
void tcp_req_queue(struct cpu *cpu, struct tcp_req *req)
{
	struct tcp_listen *q = req->listener->listen;

	inet_est_add(&req->net->tcp->hash, &req->tuple);
	list_add_tail(&q->reqs, &req->link);
	req->queued = true;
	q->reqs_len++;
	q->young_len++;
	cpu_timer_arm(cpu, &req->timer, cpu->now + TCP_RTO_INIT);
}

/* The headers of a SYN: from the network header on (mode 1), or the link's (2). NULL: no memory; it is a courtesy. */
struct tcp_saved_syn *tcp_saved_syn_take(struct cpu *cpu, const struct sk_buff *skb, u8 mode)
{
	const u8 *end = skb_transport_header(skb) + tcp_hlen((const struct tcp_hdr *)skb_transport_header(skb));
	const u8 *from = mode == 2 ? skb_mac_header(skb) : skb_network_header(skb);
	struct tcp_saved_syn *s = mem_alloc(cpu_mem(cpu), sizeof *s + (size_t)(end - from));

	if (!s)
		return NULL;
	s->len = (u32)(end - from);
	memcpy(s->data, from, s->len);
	return s;
}

static void req_unlink(struct tcp_req *req)
{
	struct tcp_listen *l = req->listener->listen;

	if (!req->queued)
		return;
	req->queued = false;
	timer_cancel(&req->timer);
	inet_est_del(&req->net->tcp->hash, &req->tuple);
	list_del(&req->link);
	l->reqs_len--;
	if (!req->num_timeout)
		l->young_len--;
}

void tcp_req_free(struct cpu *cpu, struct tcp_req *req)
{
	struct sock *l = tcp_to_sock(req->listener);

	mem_free(&req->net->world->mem, req->saved_syn);
	mem_free(&req->net->world->mem, req);
	sock_put(cpu, l);
}

void tcp_req_drop(struct cpu *cpu, struct tcp_req *req)
{
	req_unlink(req);
	tcp_req_free(cpu, req);
}

/* The window and MSS that we offer, by the way out. */
void tcp_req_windows(struct cpu *cpu, struct tcp_req *req, const struct inet_af *af, const struct dst *dst)
{
	struct tcp_sock *l = req->listener;
	struct sock *sk = tcp_to_sock(l);
	u32 space = tcp_full_space(l), clamp = l->window_clamp ? l->window_clamp : dst_metric(dst, RTAX_WINDOW);

	req->advmss = (u16)tcp_dst_advmss(cpu, af, dst);
	if (l->rx_opt.user_mss && l->rx_opt.user_mss < req->advmss)
		req->advmss = l->rx_opt.user_mss;
	if ((sk->userlocks & 2) && (clamp > space || !clamp))
		clamp = space;
	tcp_select_initial_window(sk->net->tcp, space, req->advmss - (req->tstamp_ok ? TCPO_TIMESTAMP_ALIGNED_LEN : 0),
				  dst_metric(dst, RTAX_INITRWND), &req->rcv_wnd, &clamp, req->wscale_ok, &req->rcv_wscale, sk->net->core->rmem_max);
	req->window_clamp = clamp;
}

/* The keys that a signed SYN, or a cookie's ACK, names. */
void tcp_req_ao(struct tcp_req *req, const struct tcp_hdr *th)
{
	struct tcp_ao_opt ao = { .at = NULL };
	const u8 *md5;

	if (likely(!req->listener->ao) || !tcp_auth_options(th, &md5, &ao) || !ao.at)
		return;
	req->ao_used = true;
	req->ao_rcvid = ao.keyid;
	req->ao_sndid = ao.rnext;
}

/* -- SYN-ACK -- */

/* cookie: nothing of req is kept. again: not the first one. */
int tcp_req_send_synack(struct cpu *cpu, struct tcp_req *req, bool cookie, bool again)
{
	const struct inet_sock *l = &req->listener->inet;
	bool v6 = !inaddr_is_v4(&req->tuple.daddr);
	s16 ttl = v6 ? l->v6->uc_hops : l->uc_ttl;
	struct tcp_reply r = { .saddr = req->tuple.rcv_saddr, .daddr = req->tuple.daddr, .sport = req->tuple.sport, .dport = req->tuple.dport,
			       .seq = req->snt_isn, .ack = req->rcv_nxt, .flags = TCPF_SYN | TCPF_ACK,
			       .window = (u16)MIN(req->rcv_wnd, 65535u), .ttl = (u8)MAX(ttl, 0), .tos = v6 ? l->v6->tclass : l->tos, .mark = req->mark,
			       .oif = tcp_req_oif(req) };

	if (req->net->tcp->reflect_tos)
		r.tos = (u8)((req->tos & ~3u) | (r.tos & 3));
	r.opts = (struct tcp_out_opts){ .mss = req->advmss, .ts = req->tstamp_ok, .tsecr = req->ts_recent, .sack_perm = req->sack_ok,
					.wscale_ok = req->wscale_ok, .wscale = req->rcv_wscale };
	r.opts.tsval = (cookie ? tcp_cookie_timestamp(cpu, req) : tcp_ts_now(cpu, req->usec_ts)) + req->ts_offset;
	req->tsval_last = r.opts.tsval;
	if (!req->tsval_sent)
		req->tsval_first = r.opts.tsval;
	req->tsval_sent = true;
	r.opts.fo = req->foc;
	r.md5 = tcp_md5_of(req->listener, req->iif, &req->tuple.daddr);
	r.opts.md5 = r.md5;
	if (unlikely(!tcp_ao_req_reply(req, &r)))
		return -ENOENT;
	tcp_ecn_req_synack(req, &r, again);
	return tcp_send_reply(cpu, req->net, &r);
}

/* Again, because the peer's SYN came again or nobody answered. */
void tcp_req_resend_synack(struct cpu *cpu, struct tcp_req *req)
{
	mib_inc(cpu, req->net, MIB_Tcp_RetransSegs);
	mib_inc(cpu, req->net, MIB_TcpExt_TCPSynRetrans);
	tcp_req_send_synack(cpu, req, false, true);
	req->num_retrans++;
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

void tcp_req_timer(void *owner, struct timer *t)
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
	if (resend)
		tcp_req_resend_synack(cpu, req);
	if (!req->num_timeout++)
		q->young_len--;
	cpu_timer_arm(cpu, &req->timer, cpu->now + req_timeout(req));
}

/* -- the socket -- */

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
	sk->bound_dev_if = tcp_req_oif(req);
	tp->inet.tuple_dev = sk->bound_dev_if;
	if (inet_sock_route(cpu, &tp->inet, IPPROTO_TCP, &fl, &d)) {
		sock_put(cpu, sk);
		return NULL;
	}
	dst_put(d); /* the socket keeps its own reference */
	if (port_inherit(&net->tcp->ports, &tp->inet, &l->inet)) {
		sock_put(cpu, sk);
		return NULL;
	}
	if (tcp_md5_copy(cpu, &tp->md5_keys, tcp_md5_of(l, req->iif, &req->tuple.daddr), &req->tuple.daddr)) {
		sock_put(cpu, sk);
		return NULL;
	}
	if (unlikely(tcp_ao_child(cpu, tp, req))) {
		sock_put(cpu, sk);
		return NULL;
	}
	tcp_setup_caps(tp);

	tp->ts_offset = req->ts_offset;
	tp->usec_ts = req->usec_ts;
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
	if (tp->md5_keys)
		tp->tcp_header_len += TCP_MD5_OPTION;
	else if (tp->ao)
		tp->tcp_header_len += (u16)tcp_ao_len(tp->ao->current);
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
	tcp_cc_of_dst(cpu, tp, tp->inet.dst);
	tcp_ecn_child(tp, req);
	tp->total_retrans = req->num_retrans;
	tp->inet.rcv_tos = req->tos;
	if (net->tcp->reflect_tos)
		tp->inet.tos = (u8)((req->tos & ~3u) | (tp->inet.tos & 3));
	return tp;
}

/* The socket of req in the tables and on the accept queue; state and segment are the caller's. NULL: no room (counted). The
 * request is the caller's too, but what the SYN's headers were goes to the socket. */
struct tcp_sock *tcp_req_child(struct cpu *cpu, struct tcp_req *req, const struct tcp_cb *cb)
{
	struct tcp_sock *l = req->listener, *tp;
	struct netns *net = req->net;

	if (tcp_acceptq_full(l->listen)) {
		mib_inc(cpu, net, MIB_TcpExt_ListenOverflows);
		goto overflow;
	}
	tp = child_new(cpu, req, cb);
	if (!tp)
		goto overflow;
	req_unlink(req); /* the tuple passes over */
	tcp_hash(tp);
	mib_inc(cpu, net, MIB_Tcp_PassiveOpens);
	list_add_tail(&l->listen->accept, &tp->accept_link);
	tp->parent = l;
	l->listen->accept_len++; /* the reference of sock_alloc is the queue's */
	tp->saved_syn = req->saved_syn;
	req->saved_syn = NULL;
	return tp;
overflow:
	mib_inc(cpu, net, MIB_TcpExt_ListenDrops);
	tcp_to_sock(l)->drops++;
	return NULL;
}

/* The handshake's last ACK. cookie: req is made up, on the caller's stack. Consumes skb; req goes when it worked. */
void tcp_req_complete(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb, bool cookie)
{
	struct tcp_sock *l = req->listener, *tp;
	struct netns *net = req->net;

	tp = tcp_req_child(cpu, req, tcp_cb(skb));
	if (!tp) {
		if (cookie) {
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW);
			return;
		}
		if (!net->tcp->abort_on_overflow) {
			req->acked = true; /* the next SYN-ACK tries again */
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW);
			return;
		}
		mib_inc(cpu, net, MIB_TcpExt_EmbryonicRsts);
		tcp_send_reset_of(cpu, net, req, NULL, skb);
		tcp_req_drop(cpu, req);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_LISTEN_OVERFLOW);
		return;
	}
	tp->delivered++;
	if (!cookie && !req->num_retrans) {
		tp->snt_synack_us = (u32)((cpu->now - req->sent_ns) / NSEC_PER_USEC);
		tcp_update_rtt(cpu, tp, 0, MAX((s64)tp->snt_synack_us, 1), -1, &(s64){ MAX((s64)tp->snt_synack_us, 1) });
	}
	if (!cookie)
		tcp_req_free(cpu, req);
	tp->ack.lrcvtime = cpu->now;
	tcp_init_transfer(cpu, tp);
	tcp_set_state(cpu, tp, TCP_ESTABLISHED);
	tp->rcv_tstamp = tp->tx_timestamp = cpu->now;
	if (tp->inet.sk.keepalive)
		tcp_arm_keepalive(cpu, tp, tcp_keepalive_time(tp));
	tcp_fast_path_on(tp);
	sock_wake(cpu, tcp_to_sock(l));
	if (tp->accecn)
		tcp_accecn_third_ack(cpu, tp, (const struct tcp_hdr *)skb_transport_header(skb), tcp_cb(skb)->end_seq - tcp_cb(skb)->seq);
	/* Data, FIN or options on the ACK: as for any segment. */
	tp->aecn.handshake = true;
	sock_hold(tcp_to_sock(tp));
	tcp_rx_sock(cpu, tp, skb);
	tp->aecn.handshake = false;
	sock_put(cpu, tcp_to_sock(tp));
}

/* -- a segment for a request -- */

/* Is the segment acceptable, and does it complete the handshake? False: it is gone, and perhaps the request with it. child: of
 * a Fast Open request (tp->fastopen_rsk), whose segments come this way first; NULL: there is no socket yet. */
bool tcp_req_check(struct cpu *cpu, struct tcp_req *req, struct tcp_sock *child, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct netns *net = req->net;
	struct tcp_listen *q = req->listener->listen; /* NULL: a Fast Open child outlived it */
	struct tcp_cb *cb = tcp_cb(skb);
	struct tcp_opts o = { .tstamp_ok = req->tstamp_ok };
	bool paws_reject = false, tsecr_reject = false;
	u8 flags = th->flags & (TCPF_RST | TCPF_SYN | TCPF_ACK);

	if (tcp_hlen(th) > TCP_HDR_LEN) {
		tcp_options_parse(net->tcp, th, &o, true, NULL, NULL);
		if (o.saw_tstamp) {
			o.ts_recent = req->ts_recent;
			o.ts_recent_stamp_s = tcp_now_s(cpu) + 1;
			if (o.rcv_tsecr) {
				/* Who echoes what no SYN-ACK of ours said did not get one. */
				tsecr_reject = req->tstamp_ok && !child && !seq_between(o.rcv_tsecr, req->tsval_first, req->tsval_last);
				o.rcv_tsecr -= req->ts_offset;
			}
			paws_reject = !tcp_paws_ok(cpu, &o, 0);
		}
	}
	/* The SYN again: our SYN-ACK was lost. */
	if (cb->seq == req->rcv_isn && flags == TCPF_SYN && !paws_reject) {
		tcp_ecn_req_syn_again(req, th, cb->dsfield);
		if (!tcp_oow_limited(cpu, net, skb, MIB_TcpExt_TCPACKSkippedSynRecv, &req->last_oow_ack)) {
			tcp_req_resend_synack(cpu, req);
			if (child)
				tcp_arm_rtx(cpu, child, TCP_TIMER_RTO, cpu->now + req_timeout(req));
			else
				cpu_timer_arm(cpu, &req->timer, cpu->now + req_timeout(req));
		}
		trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "SYN again");
		skb_consume(cpu, skb);
		return false;
	}
	/* An ACK of something else: reset, the request stays (RFC 9293, SYN-RECEIVED). */
	if ((flags & TCPF_ACK) && !child && cb->ack_seq != req->snt_isn + 1) {
		tcp_send_reset_of(cpu, net, req, NULL, skb);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE);
		return false;
	}
	/* Out of the window, an old clock, or none that we sent: ACK and drop. */
	if (paws_reject || tsecr_reject || seq_after(cb->seq, req->rcv_nxt + req->rcv_wnd) || seq_before(cb->end_seq, req->rcv_nxt)) {
		if (!(flags & TCPF_RST) && !tcp_oow_limited(cpu, net, skb, MIB_TcpExt_TCPACKSkippedSynRecv, &req->last_oow_ack)) {
			struct tcp_reply r = { .saddr = req->tuple.rcv_saddr, .daddr = req->tuple.daddr, .sport = req->tuple.sport,
					       .dport = req->tuple.dport, .seq = child ? child->snd_nxt : req->snt_isn + 1, .ack = req->rcv_nxt, .flags = TCPF_ACK,
					       .window = (u16)(req->rcv_wnd >> req->rcv_wscale), .mark = req->mark };
			if (req->tstamp_ok) {
				r.opts.ts = true;
				r.opts.tsval = tcp_ts_now(cpu, req->usec_ts) + req->ts_offset;
				r.opts.tsecr = req->ts_recent;
			}
			r.md5 = tcp_md5_of(req->listener, req->iif, &req->tuple.daddr);
			r.opts.md5 = r.md5;
			if (tcp_ao_req_reply(req, &r))
				tcp_send_reply(cpu, net, &r);
		}
		if (paws_reject)
			mib_inc(cpu, net, MIB_TcpExt_PAWSEstab);
		else if (tsecr_reject)
			mib_inc(cpu, net, MIB_TcpExt_TSEcrRejected);
		skb_drop_net(cpu, net, skb, paws_reject ? SKB_DROP_REASON_TCP_RFC7323_PAWS : tsecr_reject ? SKB_DROP_REASON_TCP_RFC7323_TSECR :
					    SKB_DROP_REASON_TCP_INVALID_SEQUENCE);
		return false;
	}
	if (o.saw_tstamp && !seq_after(cb->seq, req->rcv_nxt) && !paws_reject)
		req->ts_recent = o.rcv_tsval;
	if (cb->seq == req->rcv_isn)
		flags &= ~TCPF_SYN; /* a SYN-ACK's SYN, below the window */
	if (flags & (TCPF_RST | TCPF_SYN)) {
		if (flags & TCPF_RST && cb->seq != req->rcv_nxt) { /* RFC 5961 */
			skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RESET);
			return false;
		}
		mib_inc(cpu, net, MIB_Tcp_AttemptFails);
		if (flags & TCPF_SYN && !(flags & TCPF_RST)) {
			tcp_send_reset_of(cpu, net, req, NULL, skb);
		} else if (child) {
			tcp_fo_remove(cpu, child, true);
			tcp_reset(cpu, child);
		}
		if (!child) {
			mib_inc(cpu, net, MIB_TcpExt_EmbryonicRsts);
			tcp_req_drop(cpu, req);
		}
		skb_drop_net(cpu, net, skb, flags & TCPF_RST ? SKB_DROP_REASON_TCP_RESET : SKB_DROP_REASON_TCP_INVALID_SYN);
		return false;
	}
	if (!(flags & TCPF_ACK)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_FLAGS);
		return false;
	}
	if (child)
		return true;
	if (q->defer_accept && req->num_timeout < q->defer_accept && cb->end_seq == req->rcv_nxt) {
		req->acked = true;
		mib_inc(cpu, net, MIB_TcpExt_TCPDeferAcceptDrop);
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return false;
	}
	return true;
}

void tcp_req_rx(struct cpu *cpu, struct tcp_req *req, struct sk_buff *skb, const struct tcp_hdr *th)
{
	if (tcp_req_check(cpu, req, NULL, skb, th))
		tcp_req_complete(cpu, req, skb, false);
}

