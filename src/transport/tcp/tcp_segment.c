/* From a range of the stream to a packet: headers, fragments, checksum, route.
 *
 * Comes from tcp_output.c and tcp_loss.c; goes to the network layer's xmit through struct inet_af. The packet's linear part
 * holds the header alone (and tiny payloads); payload is shared with the stream's buffers. What is larger than the MSS goes
 * out as one GSO packet. The checksum is left to the device (CHECKSUM_PARTIAL).
 */
#include "inet/route/fib.h"
#include "inet/ip6/ip6.h"
#include "transport/tcp/tcp_impl.h"

#define COPY_MAX 128u /* payload up to this is copied beside the header: cheaper than sharing, for both ends */

/* The packet left the host: small-queue accounting (tcp_limit_output_bytes), and what was held back for it goes (tcp_autocorking). */
static void wfree(struct cpu *cpu, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct tcp_sock *tp = tcp_sk(sk);

	sk->wmem_alloc -= skb->truesize;
	if (unlikely(tp->autocorked || tp->tsq_throttled) &&
	    (tp->autocorked || sk->wmem_alloc < (u32)tcp_net(tp)->limit_output_bytes / 2)) {
		tp->autocorked = tp->tsq_throttled = false;
		if (!list_linked(&tp->tsq_work.link)) {
			sock_hold(sk);
			cpu_work_add(cpu, &tp->tsq_work);
		}
	}
	skb->sk = NULL;
	sock_put(cpu, sk);
}

void tcp_tsq_run(struct cpu *cpu, struct cpu_work *work)
{
	struct tcp_sock *tp = container_of(work, struct tcp_sock, tsq_work);

	tcp_send_what_waits(cpu, tp);
	sock_put(cpu, tcp_to_sock(tp));
}

/* Queues or pacing held it back: now it may go. */
void tcp_send_what_waits(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!(BIT(tp->inet.sk.state) & (TCPS(ESTABLISHED) | TCPS(CLOSE_WAIT) | TCPS(FIN_WAIT1) | TCPS(CLOSING) | TCPS(LAST_ACK))))
		return;
	if (tp->lost_out > tp->retrans_out && tp->snd_cwnd > tcp_in_flight(tp))
		tcp_xmit_retransmit(cpu, tp);
	if (tcp_write_xmit(cpu, tp, tcp_current_mss(cpu, tp), tp->nonagle, 0))
		tcp_check_probe_timer(cpu, tp); /* the window closed meanwhile, and what was in flight came back */
}

/* The cached route, looked up again when stale. Borrowed; NULL: none (*err says why). */
struct dst *tcp_route(struct cpu *cpu, struct tcp_sock *tp, int *err)
{
	struct inet_sock *inet = &tp->inet;
	struct netns *net = inet->sk.net;
	const struct inet_af *af = inet_af_of(net, &inet->daddr);
	struct dst *d = inet->dst;
	struct flow fl;

	if (likely(d && af->dst_valid(cpu, d)))
		return d;
	*err = inet_sock_route(cpu, inet, IPPROTO_TCP, &fl, &d);
	if (*err)
		return NULL;
	dst_put(d); /* the socket keeps its own reference */
	tcp_setup_caps(tp);
	return d;
}

/* What the way out can carry at once. */
void tcp_setup_caps(struct tcp_sock *tp)
{
	const struct net_device *dev = tp->inet.dst ? tp->inet.dst->dev : NULL;

	tp->gso_ok = !tp->md5_keys && !tp->ao && dev; /* what the device does not cut is cut before it; but nothing can sign what it cuts */
	tp->gso_max_bytes = dev && dev->gso_max_size ? MIN(dev->gso_max_size, 65536u) : 65536u;
	tp->gso_max_segs = dev && dev->gso_max_segs ? dev->gso_max_segs : 65535u;
}

static bool add_payload(struct sk_buff *skb, const struct tcp_tx *x)
{
	u32 seq = x->seq + !!(x->flags & TCPF_SYN), left = x->len;
	struct tcp_txbuf *tb = tcp_txq_at(x->tb, seq);

	while (left) {
		u32 skip, n;

		assert(tb);
		skip = seq - tb->seq;
		n = MIN(tb->len - skip, left);
		if (skb->end - skb->tail >= left && !skb->data_len)
			memcpy(skb_put(skb, n), tb->buf->data + tb->off + skip, n);
		else if (!skb_add_frag(skb, tb->buf, tb->off + skip, n))
			return false;
		seq += n;
		left -= n;
		tb = tb->next;
	}
	return true;
}

/* How many bytes from seq on fit into one packet's fragments, at most len. */
u32 tcp_frag_limit(struct tcp_txbuf *tb, u32 seq, u32 len)
{
	u32 got = 0;

	tb = tcp_txq_at(tb, seq);
	for (unsigned i = 0; i < MAX_SKB_FRAGS && tb && got < len; i++, tb = tb->next)
		got += tb->seq + tb->len - (seq + got);
	return MIN(got, len);
}

static void syn_options(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_tx *x, struct tcp_out_opts *o)
{
	struct netns_tcp *n = tcp_net(tp);
	bool ack = x->flags & TCPF_ACK; /* simultaneous open answers what was offered */

	o->md5 = tcp_md5_key(tp);
	tcp_options_ao(tp, o);
	o->mss = tcp_advertise_mss(cpu, tp);
	o->ts = ack ? tp->rx_opt.tstamp_ok : n->timestamps && !o->md5;
	o->tsval = tcp_ts_now(cpu, tp->usec_ts) + tp->ts_offset;
	o->tsecr = tp->rx_opt.ts_recent;
	o->sack_perm = ack ? tp->rx_opt.sack_ok : n->sack;
	o->wscale_ok = ack ? tp->rx_opt.wscale_ok : n->window_scaling;
	o->wscale = tp->rx_opt.rcv_wscale;
	o->num_sacks = o->accecn_fields = 0;
	if (ack && !(o->wscale_ok))
		o->wscale = 0;
	o->fo.present = false;
	if (x->fo && x->fo->present && tcp_out_opts_len(o) + tcp_fo_option_len(x->fo) <= TCP_HDR_MAX - TCP_HDR_LEN) {
		o->fo = *x->fo;
		tp->syn_fastopen = true;
		tp->syn_fastopen_exp = x->fo->exp;
	}
}

/* Sends [x->seq, +len) with x->flags. 0; -ENOBUFS (local congestion or no memory), -EHOSTUNREACH … */
int tcp_transmit(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_tx *x)
{
	struct inet_sock *inet = &tp->inet;
	struct netns *net = inet->sk.net;
	const struct inet_af *af = inet_af_of(net, &inet->daddr);
	struct tcp_out_opts opts;
	struct ip_out out;
	struct sk_buff *skb;
	struct tcp_hdr *th;
	struct dst *dst;
	u32 hlen, pcount, copy = x->len <= COPY_MAX ? x->len : 0;
	u16 window;
	int err = -EHOSTUNREACH;

	dst = tcp_route(cpu, tp, &err);
	if (!dst)
		return err;
	if (x->flags & TCPF_SYN) {
		syn_options(cpu, tp, x, &opts);
		hlen = TCP_HDR_LEN + tcp_out_opts_len(&opts);
	} else {
		hlen = TCP_HDR_LEN + tcp_options_established(cpu, tp, &opts);
	}
	skb = skb_alloc(cpu, SKB_HEADROOM, TCP_HDR_MAX + copy);
	if (!skb)
		return -ENOBUFS;
	th = (struct tcp_hdr *)skb_put(skb, hlen);
	skb_reset_transport_header(skb);
	if (x->len) {
		skb->end = copy ? skb->end : skb->tail; /* no copy: payload goes to fragments */
		if (!add_payload(skb, x)) {
			skb_consume(cpu, skb);
			return -ENOBUFS;
		}
	}
	window = x->flags & TCPF_SYN ? (u16)MIN(tp->rcv_wnd, 65535u) : (u16)tcp_select_window(cpu, tp);
	th->sport = inet->sport;
	th->dport = inet->dport;
	th->seq = cpu_to_be32(x->seq);
	th->ack = cpu_to_be32(x->flags & TCPF_ACK ? tp->rcv_nxt : 0);
	th->doff = (u8)(hlen / 4 << 4);
	th->flags = x->flags;
	th->window = cpu_to_be16(window);
	th->urg = (be16){ 0 };
	if (unlikely(tp->urg_mode && seq_before(x->seq, tp->snd_up))) {
		u32 ptr = tp->snd_up - x->seq;
		if (ptr < 0x10000) {
			th->urg = cpu_to_be16((u16)ptr);
			th->flags |= TCPF_URG;
		} else if (seq_after(x->seq + 0xffff, tp->snd_nxt)) {
			th->urg = BE16(0xffff);
			th->flags |= TCPF_URG;
		}
	}
	tcp_out_opts_write((u8 *)(th + 1), &opts);

	inet_sock_ip_out(inet, IPPROTO_TCP, &out);
	out.label_salt = tp->label_salt;
	if (unlikely(tp->ecn_ok || tp->accecn || tp->cc->needs_ecn || (x->flags & TCPF_SYN)))
		tcp_ecn_send(cpu, tp, x, &opts, th, &out);
	pcount = 1;
	if (x->len > x->mss && x->mss) {
		pcount = (x->len + x->mss - 1) / x->mss;
		skb->gso_size = (u16)x->mss;
		skb->gso_segs = (u16)pcount;
		skb->gso_type = af->family == AF_INET ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
		th->flags |= TCPF_PSH; /* a whole train: the receiver need not wait for more to merge */
		if (tp->accecn)
			skb->gso_type |= SKB_GSO_TCP_ACCECN;
		else if (th->flags & TCPF_CWR)
			skb->gso_type |= SKB_GSO_TCP_ECN;
	}
	if (unlikely(opts.md5))
		tcp_md5_sign(tcp_md5_key(tp), &inet->saddr, &inet->daddr, skb, th);
	if (unlikely(opts.ao))
		tcp_ao_sign(tp, opts.ao, skb, th);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb->transport_header;
	skb->csum_offset = offsetof(struct tcp_hdr, check);
	th->check = csum_reduce(af->pseudo_csum(&inet->saddr, &inet->daddr, skb->len, IPPROTO_TCP));
	skb->mark = inet->sk.mark;
	skb->priority = inet->sk.priority;
	if (unlikely(tp->tx_delay_us)) /* for a qdisc that keeps departure times */
		skb->tstamp = cpu->now + tp->tx_delay_us * NSEC_PER_USEC;
	skb->hash = inet->est_node.hash ? inet->est_node.hash : 1;
	skb->hash_l4 = 1;
	skb_dst_set_noref(skb, dst);
	if (x->len || x->flags & (TCPF_SYN | TCPF_FIN)) { /* pure ACKs are not counted: they would only delay an orphan's end */
		skb->sk = &inet->sk;
		skb->destructor = wfree;
		inet->sk.wmem_alloc += skb->truesize;
		sock_hold(&inet->sk);
	}

	if (x->flags & TCPF_ACK)
		tcp_event_ack_sent(cpu, tp, pcount);
	if (x->len) {
		tcp_event_data_sent(cpu, tp);
		tp->data_segs_out += pcount;
		/* Pacing, from the eleventh packet on: the initial window goes at once. */
		if (tcp_is_paced(tp)) {
			u64 at = MAX(tp->pacing_next, cpu->now), late = at - tp->pacing_next;

			if (tp->pacing_rate && tp->pacing_rate != UINT64_MAX && tp->data_segs_out >= TCP_INIT_CWND) {
				u64 gap = (u64)x->len * NSEC_PER_SEC / tp->pacing_rate;
				at += gap - MIN(gap / 2, late); /* coming late is made up for, by at most half */
			}
			tp->pacing_next = at;
		}
		tp->bytes_sent += x->len;
	}
	tp->segs_out += pcount;
	if (!x->retrans) /* RFC 4022: not what holds retransmitted data only */
		mib_add(cpu, net, MIB_Tcp_OutSegs, pcount);
	out.id_zero_ok = true;
	if (likely(!tp->marks || !x->len)) {
		err = af->xmit(cpu, net, skb, &out);
	} else {
		struct sk_buff *shown = tcp_marks_copy(cpu, tp, x->seq, x->len, skb);
		err = af->xmit(cpu, net, skb, &out);
		tcp_marks_sent(cpu, tp, x->seq, err ? 0 : x->len, shown);
	}
	if (unlikely(err == -ENOBUFS) && x->len)
		tcp_enter_cwr(cpu, tp);
	return err;
}

/* -- segment size -- */

/* Payload that fits a path of `pmtu`, without the options of the connection. */
u32 tcp_mtu_to_mss(const struct tcp_sock *tp, u32 pmtu)
{
	const struct inet_af *af = inet_af_of(tp->inet.sk.net, &tp->inet.daddr);
	u32 hdr = af->hdr_len + TCP_HDR_LEN, mss = pmtu > hdr ? pmtu - hdr : 0;

	if (tp->inet.opts && af->family == AF_INET)
		mss -= MIN(mss, (u32)tp->inet.opts->len);
	if (tp->inet.v6->txopts && af->family == AF_INET6)
		mss -= MIN(mss, ip6_txopts_len(tp->inet.v6->txopts));
	mss = MIN(mss, (u32)tp->rx_opt.mss_clamp);
	mss = MAX(mss, (u32)tcp_net(tp)->min_snd_mss);
	return mss - MIN((u32)tp->tcp_header_len - TCP_HDR_LEN, mss - 8);
}

/* A window of the peer's that is small: half of it, so that at least two segments fit. */
static u32 bound_to_half_window(const struct tcp_sock *tp, u32 size)
{
	u32 cutoff = tp->max_window > TCP_MSS_DEFAULT ? tp->max_window >> 1 : tp->max_window;

	if (cutoff && size > cutoff)
		return MAX(cutoff, 68u - tp->tcp_header_len);
	return size;
}

/* Bytes that one packet to be may take: whole segments, as GSO will cut them; at most half of the peer's window. */
u32 tcp_size_goal(const struct tcp_sock *tp, u32 mss)
{
	u32 goal = bound_to_half_window(tp, tp->gso_max_bytes - 320);

	if (!tp->gso_ok)
		return mss;
	return MAX(goal - goal % mss, mss);
}

u32 tcp_sync_mss(struct cpu *cpu, struct tcp_sock *tp, u32 pmtu)
{
	u32 mss = bound_to_half_window(tp, tcp_mtu_to_mss(tp, pmtu));

	mss = tcp_mtu_limit(tp, pmtu, mss);
	tp->pmtu_cookie = pmtu;
	tp->mss_cache = (u16)MIN(mss, 65535u);
	return mss;
}

/* Payload per segment now: path, options, and SACK blocks that go along. */
u32 tcp_current_mss(struct cpu *cpu, struct tcp_sock *tp)
{
	struct tcp_out_opts o;
	u32 mss, hlen;
	int err;
	struct dst *d = tp->inet.dst ? tp->inet.dst : tcp_route(cpu, tp, &err); /* a stale one is found out when sending */

	if (d) {
		u32 mtu = dst_mtu(cpu, d);
		if (unlikely(mtu != tp->pmtu_cookie))
			tcp_sync_mss(cpu, tp, mtu);
	}
	mss = tp->mss_cache;
	if (unlikely(tp->num_sacks || tp->accecn || tp->ao || tp->dsack.start != tp->dsack.end)) {
		hlen = TCP_HDR_LEN + tcp_options_established(cpu, tp, &o);
		if (hlen > tp->tcp_header_len)
			mss -= hlen - tp->tcp_header_len;
	}
	return mss;
}

/* The MSS that we announce: what the route's MTU leaves, or its advmss metric, or the user's. */
u16 tcp_advertise_mss(struct cpu *cpu, struct tcp_sock *tp)
{
	const struct inet_af *af = inet_af_of(tp->inet.sk.net, &tp->inet.daddr);
	int err;
	struct dst *d = tcp_route(cpu, tp, &err);
	u32 mss = tp->advmss;

	if (d) {
		u32 metric = tcp_dst_advmss(cpu, af, d);
		if (metric < mss)
			tp->advmss = (u16)(mss = metric);
	}
	return (u16)mss;
}

u32 tcp_dst_advmss(struct cpu *cpu, const struct inet_af *af, const struct dst *d)
{
	u32 advmss = dst_metric(d, RTAX_ADVMSS), hdr = af->hdr_len + TCP_HDR_LEN;

	if (!advmss) {
		s32 least = af->family == AF_INET6 ? d->net->ip6->min_adv_mss : d->net->ip4->min_adv_mss;
		u32 mtu = dst_mtu(cpu, d);
		advmss = MAX(mtu > hdr ? mtu - hdr : 0, (u32)least);
	}
	return MIN(advmss, 65535u - hdr);
}
