/* Active open: connect(2), the SYN, and the answers in SYN-SENT (RFC 9293 3.10.7.3), simultaneous open included. */
#include "inet/route/fib.h"
#include "transport/tcp/tcp_impl.h"

/* In the established table? */
void tcp_hash(struct tcp_sock *tp)
{
	tp->inet.tuple_kind = INET_TUPLE_SOCK;
	tp->inet.tuple_dev = tp->inet.sk.bound_dev_if;
	inet_est_add(&tcp_net(tp)->hash, &tp->inet.tuple);
	tp->hashed = TCP_HASHED_EST;
	tcp_stat(tp, SOCKSTAT_TCP_INUSE, 1);
	sock_hold(tcp_to_sock(tp));
}

void tcp_unhash(struct cpu *cpu, struct tcp_sock *tp)
{
	if (tp->hashed == TCP_HASHED_EST)
		inet_est_del(&tcp_net(tp)->hash, &tp->inet.tuple);
	else if (tp->hashed == TCP_HASHED_LISTEN)
		inet_listen_del(&tcp_net(tp)->hash, &tp->inet);
	else
		return;
	tp->hashed = 0;
	tcp_stat(tp, SOCKSTAT_TCP_INUSE, -1);
	sock_put(cpu, tcp_to_sock(tp));
}

/* Is the four-tuple with this local port free? TIME-WAIT remains may give way. */
static int tuple_unique(struct cpu *cpu, struct inet_sock *inet, u16 port, void *arg)
{
	struct tcp_sock *tp = (struct tcp_sock *)inet;
	struct netns_tcp *n = tcp_net(tp);
	u32 *seq = arg;
	struct inet_tuple *t = inet_est_find(&n->hash, &inet->saddr, cpu_to_be16(port), &inet->daddr, inet->dport, rx_ifs_any(inet->sk.bound_dev_if));

	if (!t)
		return 0;
	if (t->tuple_kind == INET_TUPLE_TIMEWAIT && tcp_tw_reuse(cpu, tp, container_of(t, struct tcp_tw, tuple), seq))
		return 0;
	return -EADDRNOTAVAIL;
}

/* What a SYN starts from: sizes, windows, clocks. */
static int connect_init(struct cpu *cpu, struct tcp_sock *tp)
{
	struct netns_tcp *n = tcp_net(tp);
	const struct inet_af *af = inet_af_of(tp->inet.sk.net, &tp->inet.daddr);
	struct dst *d;
	int err;
	u8 wscale;

	d = tcp_route(cpu, tp, &err);
	if (!d)
		return err;
	tp->usec_ts = tcp_route_usec_ts(d);
	err = tcp_ao_connect(cpu, tp);
	if (err)
		return err;
	if (tcp_md5_key(tp))
		tp->tcp_header_len = TCP_HDR_LEN + TCP_MD5_OPTION;
	else
		tp->tcp_header_len = TCP_HDR_LEN + (n->timestamps ? TCPO_TIMESTAMP_ALIGNED_LEN : 0) + (tp->ao ? tcp_ao_len(tp->ao->current) : 0);
	if (tp->rx_opt.user_mss)
		tp->rx_opt.mss_clamp = tp->rx_opt.user_mss;
	tp->max_window = 0;
	tcp_mtu_init(cpu, tp);
	tcp_sync_mss(cpu, tp, dst_mtu(cpu, d));
	tcp_cc_of_dst(cpu, tp, d);
	if (!tp->window_clamp)
		tp->window_clamp = dst_metric(d, RTAX_WINDOW);
	tp->advmss = (u16)tcp_dst_advmss(cpu, af, d);
	if (tp->rx_opt.user_mss && tp->rx_opt.user_mss < tp->advmss)
		tp->advmss = tp->rx_opt.user_mss;
	tp->ack.rcv_mss = tcp_initial_rcv_mss(tp);
	if ((tp->inet.sk.userlocks & 2) && (tp->window_clamp > tcp_full_space(tp) || !tp->window_clamp))
		tp->window_clamp = tcp_full_space(tp);
	tcp_select_initial_window(n, tcp_full_space(tp), tp->advmss - (tp->rx_opt.ts_recent_stamp_s ? tp->tcp_header_len - TCP_HDR_LEN : 0),
				  dst_metric(d, RTAX_INITRWND), &tp->rcv_wnd, &tp->window_clamp, n->window_scaling, &wscale, tp->inet.sk.net->core->rmem_max);
	tp->rx_opt.rcv_wscale = wscale;
	tp->rcv_ssthresh = tp->rcv_wnd;
	tp->inet.sk.err = 0;
	tp->snd_wnd = 0;
	tp->snd_wl1 = 0;
	tp->snd_una = tp->snd_sml = tp->snd_up = tp->snd_nxt = tp->pushed_seq = tp->write_seq;
	if (likely(!tp->repair))
		tp->rcv_nxt = 0;
	tp->rcv_wup = tp->copied_seq = tp->rcv_nxt;
	tp->rcv_tstamp = cpu->now;
	tcp_rtt_init(tp);
	tp->retransmits = 0;
	tp->undo_marker = 0;
	tp->retrans_stamp = 0;
	return 0;
}

/* The SYN, from write_seq on, with the Fast Open option fo and `len` bytes of the stream behind it; it is what the retransmit queue
 * begins with, bare: what is sent again has neither. */
int tcp_send_syn(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_fo_cookie *fo, u32 len)
{
	struct tcp_seg *s;
	u8 flags = TCPF_SYN | tcp_ecn_syn_flags(tp);
	int err;

	s = tcp_seg_add(cpu, tp, tp->snd_nxt, 0, TCPF_SYN, tp->mss_cache, NULL);
	if (!s)
		return -ENOBUFS;
	s->tx_ns = cpu->now;
	tp->retrans_stamp = cpu->now;
	tp->write_seq++;
	tp->packets_out++;
	tp->pushed_seq = tp->write_seq;
	err = tcp_transmit(cpu, tp, &(struct tcp_tx){ .seq = tp->snd_nxt, .flags = flags, .fo = fo, .len = len, .tb = tp->txb_head });
	if (err == -ECONNREFUSED)
		return err;
	tp->snd_nxt = tp->write_seq;
	mib_inc(cpu, tp->inet.sk.net, MIB_Tcp_ActiveOpens);
	tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + tp->rto);
	return 0;
}

/* The SYN of a socket in SYN_SENT. m: with data of this message, if it may (tcp_fastopen.c). */
static int start(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_fo_cookie *fo, const struct msghdr *m, u32 *copied)
{
	int err = connect_init(cpu, tp);

	if (err)
		return err;
	return m ? tcp_fo_send_syn(cpu, tp, m, copied) : tcp_send_syn(cpu, tp, fo, 0);
}

static void failed(struct cpu *cpu, struct tcp_sock *tp)
{
	tcp_txq_purge(cpu, tp);
	tcp_clear_timers(tp);
	tcp_set_state(cpu, tp, TCP_CLOSE);
	tp->ss = TCP_SS_UNCONNECTED;
	tp->defer_connect = false;
}

static void forget_peer(struct tcp_sock *tp)
{
	struct inet_sock *inet = &tp->inet;
	struct sock *sk = &inet->sk;

	dst_put(inet->dst);
	inet->dst = NULL;
	memset(&inet->daddr, 0, sizeof inet->daddr);
	inet->dport = (be16){ 0 };
	if (!(sk->userlocks & 4)) {
		inet->saddr = (struct inaddr){ 0 };
		inet->rcv_saddr = (struct inaddr){ 0 };
		if (sk->family == AF_INET)
			inet->saddr = inet->rcv_saddr = inaddr_from_v4((be32){ 0 });
	}
}

/* The port has been chosen since the route was: of several hops, or by a rule, another one may be the connection's. */
static int route_anew(struct cpu *cpu, struct tcp_sock *tp, const struct inet_af *af, struct flow *fl)
{
	struct inet_sock *inet = &tp->inet;
	struct dst *d;
	int err;

	fl->flags &= (u16)~FLOW_ANY_SPORT;
	fl->saddr = inet->saddr;
	fl->sport = inet->sport;
	err = af->route_out(cpu, inet->sk.net, fl, &d);
	if (err)
		return err;
	dst_put(inet->dst);
	inet->dst = d;
	tcp_setup_caps(tp);
	return 0;
}

static int connect_common(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len, const struct msghdr *m, u32 *copied)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct inet_sock *inet = &tp->inet;
	struct netns_tcp *n = tcp_net(tp);
	const struct inet_af *af;
	struct inaddr daddr;
	struct tcp_fo_cookie fo = { 0 };
	struct flow fl;
	struct dst *d;
	u32 seq = 0;
	u16 port;
	s32 scope = 0;
	u8 type;
	int err;

	if (len < sizeof(a->sa_family))
		return -EINVAL;
	if (a->sa_family == AF_UNSPEC) {
		tp->ss = TCP_SS_UNCONNECTED;
		return tcp_disconnect(cpu, tp);
	}
	switch (tp->ss) {
	case TCP_SS_UNCONNECTED:
		if (sk->state != TCP_CLOSE)
			return -EISCONN;
		break;
	case TCP_SS_CONNECTING:
		if (tp->defer_connect)
			return -EISCONN;
		if (BIT(sk->state) & (TCPS(SYN_SENT) | TCPS(SYN_RECV)))
			return -EALREADY;
		if (sk->state == TCP_CLOSE) { /* the attempt failed */
			err = sock_error(sk);
			tp->ss = TCP_SS_UNCONNECTED;
			tcp_disconnect(cpu, tp);
			return err ? err : -ECONNABORTED;
		}
		tp->ss = TCP_SS_CONNECTED; /* the first look after it succeeded */
		return 0;
	case TCP_SS_CONNECTED:
		return -EISCONN;
	default:
		return -EINVAL;
	}
	err = inet_sockaddr_parse(sk, a, len, &daddr, &port, &scope);
	if (err)
		return err;
	if (sk->family == AF_INET6 && inaddr_is_v4(&daddr) && inet->v6only)
		return -ENETUNREACH;
	if (sk->family == AF_INET6 && daddr.b[0] == 0xff) /* a group, whatever its scope */
		return -ENETUNREACH;
	if ((err = inet6_scope(inet, &daddr, scope)))
		return err;
	if (inet->v6->sndflow && len >= 8)
		inet->v6->flow_label.raw = ((const u32 *)(const void *)a)[1] & BE32(0xfffff).raw;
	if (inaddr_is_any(&daddr)) /* BSD: any means this host */
		daddr = inaddr_is_v4(&daddr) || sk->family == AF_INET ? inaddr_from_v4(BE32(0x7f000001)) : (struct inaddr){ .b = { [15] = 1 } };
	af = inet_af_of(sk->net, &daddr);
	if (!af)
		return -ENETUNREACH;
	type = af->addr_type(sk->net, inet_bound_vrf(sk), &daddr);
	if (type == RTN_BROADCAST || type == RTN_MULTICAST)
		return -ENETUNREACH;

	inet->daddr = daddr;
	inet->dport = cpu_to_be16(port);
	inet_sock_flow(inet, IPPROTO_TCP, &fl);
	fl.sport = inet->sport;
	fl.flags |= inet->num ? 0 : FLOW_ANY_SPORT;
	if (!fl.oif)
		fl.oif = fl.family == AF_INET6 ? inet->v6->uc_index : 0;
	dst_put(inet->dst);
	inet->dst = NULL;
	err = af->route_out(cpu, sk->net, &fl, &d);
	if (err) {
		if (err == -ENETUNREACH)
			mib_inc(cpu, sk->net, af->family == AF_INET6 ? MIB_Ip6_OutNoRoutes : MIB_Ip_OutNoRoutes);
		goto clear;
	}
	if (d->flags & (DST_BROADCAST | DST_MULTICAST)) {
		dst_put(d);
		err = -ENETUNREACH;
		goto clear;
	}
	inet->dst = d;
	if (inaddr_is_any(&inet->saddr))
		inet->saddr = fl.saddr;
	if (inaddr_is_any(&inet->rcv_saddr))
		inet->rcv_saddr = inet->saddr;
	tcp_setup_caps(tp);
	/* A clock remembered from another peer means nothing here. */
	if (tp->rx_opt.ts_recent_stamp_s) {
		tp->rx_opt.ts_recent = 0;
		tp->rx_opt.ts_recent_stamp_s = 0;
		if (likely(!tp->repair))
			tp->write_seq = 0;
	}
	tp->rx_opt.mss_clamp = TCP_MSS_DEFAULT;
	tp->rx_opt.sack_ok = tp->rx_opt.wscale_ok = tp->rx_opt.tstamp_ok = false;

	if (inet->num)
		err = tuple_unique(cpu, inet, inet->num, &seq);
	else
		err = port_connect(cpu, &n->ports, inet, tuple_unique, &seq);
	if (err)
		goto clear;
	inet->sport = cpu_to_be16(inet->num);
	tcp_set_state(cpu, tp, TCP_SYN_SENT);
	tcp_hash(tp);
	tp->ss = TCP_SS_CONNECTING;
	if (fl.flags & FLOW_ANY_SPORT && fib_wants_ports(sk->net, fl.family) && (err = route_anew(cpu, tp, af, &fl))) {
		failed(cpu, tp);
		goto clear;
	}
	if (unlikely(tp->repair)) { /* the handshake was long ago, elsewhere */
		err = connect_init(cpu, tp);
		if (err) {
			failed(cpu, tp);
			goto clear;
		}
		tcp_finish_connect(cpu, tp);
		tp->ss = TCP_SS_CONNECTED;
		sock_wake(cpu, sk);
		return 0;
	}
	tp->write_seq = seq ? seq : tcp_isn(cpu, &inet->saddr, &inet->daddr, inet->sport, inet->dport);
	tp->ts_offset = tcp_ts_offset(cpu->world, &inet->saddr, &inet->daddr);
	if (!m && tcp_fo_defer_connect(cpu, tp, &fo)) { /* the first write sends the SYN */
		tp->defer_connect = true;
		return 0;
	}
	err = start(cpu, tp, &fo, m, copied);
	if (err) {
		failed(cpu, tp);
		goto clear;
	}
	return -EINPROGRESS;
clear:
	forget_peer(tp);
	return err;
}

/* -EINPROGRESS; 0: deferred (TCP_FASTOPEN_CONNECT); AF_UNSPEC dissolves. */
int tcp_connect(struct cpu *cpu, struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	return connect_common(cpu, sk, a, len, NULL, NULL);
}

/* sendmsg(2) that connects: with MSG_FASTOPEN, or after a deferred connect. *copied: bytes of m that the SYN took along. */
int tcp_connect_data(struct cpu *cpu, struct tcp_sock *tp, const struct msghdr *m, u32 *copied)
{
	struct sock *sk = tcp_to_sock(tp);
	int err;

	*copied = 0;
	if (!(tcp_net(tp)->fastopen & TFO_CLIENT) ||
	    (m->msg_name && m->msg_namelen >= sizeof(sa_family_t) && ((struct sockaddr *)m->msg_name)->sa_family == AF_UNSPEC))
		return -EOPNOTSUPP;
	if (!tp->defer_connect)
		return connect_common(cpu, sk, m->msg_name, m->msg_name ? m->msg_namelen : 0, m, copied);
	tp->defer_connect = false;
	err = start(cpu, tp, NULL, m, copied);
	if (err) {
		failed(cpu, tp);
		forget_peer(tp);
		return err;
	}
	return -EINPROGRESS;
}

/* -- SYN-SENT -- */

static void drop(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, enum skb_drop_reason r)
{
	skb_drop_net(cpu, tp->inet.sk.net, skb, r);
}

/* The peer's SYN: windows, options, sizes. */
static void take_syn(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_cb *cb)
{
	tp->rcv_nxt = cb->seq + 1;
	tp->rcv_isn = cb->seq;
	tp->rcv_wup = cb->seq + 1;
	tp->snd_wnd = cb->window; /* a SYN's window is never scaled */
	tp->snd_wl1 = cb->seq;
	tp->max_window = tp->snd_wnd;
	if (!tp->rx_opt.wscale_ok) {
		tp->rx_opt.snd_wscale = tp->rx_opt.rcv_wscale = 0;
		tp->window_clamp = MIN(tp->window_clamp, 65535u);
	}
	if (tp->rx_opt.saw_tstamp) {
		tp->rx_opt.tstamp_ok = true;
		tp->tcp_header_len = TCP_HDR_LEN + TCPO_TIMESTAMP_ALIGNED_LEN;
		tcp_store_ts_recent(cpu, tp);
	} else {
		tp->rx_opt.tstamp_ok = false;
		tp->tcp_header_len = TCP_HDR_LEN;
	}
	if (tcp_md5_key(tp))
		tp->tcp_header_len += TCP_MD5_OPTION;
	if (unlikely(tp->ao)) {
		tp->tcp_header_len += (u16)tcp_ao_len(tp->ao->current);
		tcp_ao_peer_isn(tp, cb->seq);
	}
	tcp_sync_mss(cpu, tp, tp->pmtu_cookie);
	tp->ack.rcv_mss = tcp_initial_rcv_mss(tp);
	tp->copied_seq = tp->rcv_nxt;
}

void tcp_rx_syn_sent(struct cpu *cpu, struct tcp_sock *tp, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct sock *sk = tcp_to_sock(tp);
	struct netns *net = sk->net;
	struct tcp_cb *cb = tcp_cb(skb);
	u16 saved_clamp = tp->rx_opt.mss_clamp;
	struct tcp_fo_cookie foc = { 0 };

	tcp_options_parse(net->tcp, th, &tp->rx_opt, false, NULL, NULL);
	if (tp->rx_opt.saw_tstamp && tp->rx_opt.rcv_tsecr)
		tp->rx_opt.rcv_tsecr -= tp->ts_offset;

	if (th->flags & TCPF_ACK) {
		if (!seq_after(cb->ack_seq, tp->snd_una) || seq_after(cb->ack_seq, tp->snd_nxt)) {
			/* Not an ACK of our SYN: something old. */
			if (!tp->retransmits)
				tcp_arm_rtx(cpu, tp, TCP_TIMER_RTO, cpu->now + tp->rto);
			goto reset_and_undo;
		}
		if (tp->rx_opt.saw_tstamp && tp->rx_opt.rcv_tsecr) {
			u32 first = tcp_ts_of(tp->retrans_stamp, tp->usec_ts), now = tcp_ts_now(cpu, tp->usec_ts);
			if (!seq_between(tp->rx_opt.rcv_tsecr, first, now)) {
				mib_inc(cpu, net, MIB_TcpExt_PAWSActive);
				goto reset_and_undo;
			}
		}
		if (th->flags & TCPF_RST) {
			trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "connection refused");
			tcp_reset(cpu, tp);
			drop(cpu, tp, skb, SKB_DROP_REASON_TCP_RESET);
			return;
		}
		if (!(th->flags & TCPF_SYN)) {
			tp->rx_opt.mss_clamp = saved_clamp;
			drop(cpu, tp, skb, SKB_DROP_REASON_TCP_FLAGS);
			return;
		}
		/* SYN-ACK. */
		tcp_ecn_synack_rx(tp, th, cb->dsfield);
		tp->snd_wl1 = cb->seq;
		tcp_ack(cpu, tp, skb, th, NULL, 0, FLAG_SLOWPATH);
		take_syn(cpu, tp, cb);
		if (tp->rx_opt.tstamp_ok)
			tp->advmss -= TCPO_TIMESTAMP_ALIGNED_LEN;
		tcp_finish_connect(cpu, tp);
		sock_wake(cpu, sk);
		if (tp->syn_fastopen || tp->syn_data) {
			tcp_fo_parse(th, &foc);
			if (tcp_fo_rx_synack(cpu, tp, th, &foc)) {
				trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "SYN-ACK processed, its data again");
				skb_consume(cpu, skb);
				tcp_data_snd_check(cpu, tp);
				return;
			}
			tcp_fo_queue_data(cpu, tp, skb); /* th is gone */
			skb = NULL;
		}
		bool writer = tp->write_pending;
		tp->write_pending = false;
		if (writer || tp->defer_accept || tcp_in_pingpong(tp)) {
			/* Data comes in a moment: let the ACK ride on it. */
			tp->ack.pending |= TCP_ACK_SCHED;
			tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
			tp->ack.pending |= TCP_ACK_TIMER;
			tcp_arm_delack(cpu, tp, cpu->now + TCP_DELACK_MAX);
		} else {
			tp->aecn.reflect = tp->accecn;
			tcp_send_ack(cpu, tp);
			tp->aecn.reflect = false;
		}
		if (skb) { /* data that nobody asked for is not taken; it comes again */
			trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "SYN-ACK processed");
			skb_consume(cpu, skb);
		}
		tcp_data_snd_check(cpu, tp);
		return;
	}
	if (th->flags & TCPF_RST) { /* without an ACK it proves nothing */
		tp->rx_opt.mss_clamp = saved_clamp;
		drop(cpu, tp, skb, SKB_DROP_REASON_TCP_RESET);
		return;
	}
	if (tp->rx_opt.ts_recent_stamp_s && tp->rx_opt.saw_tstamp && !tcp_paws_ok(cpu, &tp->rx_opt, 0)) {
		tp->rx_opt.mss_clamp = saved_clamp;
		drop(cpu, tp, skb, SKB_DROP_REASON_TCP_RFC7323_PAWS);
		return;
	}
	if (th->flags & TCPF_SYN) {
		struct tcp_seg *s = tcp_seg_first(tp);

		/* Simultaneous open: their SYN crossed ours. Answer it with a SYN-ACK of the same sequence number. */
		tcp_set_state(cpu, tp, TCP_SYN_RECV);
		take_syn(cpu, tp, cb);
		tcp_ecn_syn_rx(tp, th, cb->dsfield);
		if (s)
			s->tx_ns = cpu->now;
		tcp_transmit(cpu, tp, &(struct tcp_tx){ .seq = tp->snd_una, .flags = TCPF_SYN | TCPF_ACK });
		trace_point(cpu, net, skb, TP_CONSUMED, sk->cookie, 0, "simultaneous open");
		skb_consume(cpu, skb);
		return;
	}
	tp->rx_opt.mss_clamp = saved_clamp;
	drop(cpu, tp, skb, SKB_DROP_REASON_TCP_FLAGS);
	return;

reset_and_undo:
	tp->rx_opt.mss_clamp = saved_clamp;
	tp->rx_opt.tstamp_ok = tp->rx_opt.sack_ok = tp->rx_opt.wscale_ok = false;
	tcp_send_reset(cpu, net, tp, skb);
	drop(cpu, tp, skb, SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE);
}
