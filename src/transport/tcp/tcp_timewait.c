/* TIME-WAIT, and FIN-WAIT-2 without an owner: what is left of a connection, in a fifth of a socket's memory.
 *
 * RFC 9293 3.10.7.4 and 3.6.1, RFC 6191 (reuse by timestamps), RFC 1337 (hazards of resets). The remains keep the four-tuple
 * and the port for 60 s, answer what is late, and give way to a SYN that is certainly new: of higher sequence number, or later
 * timestamp.
 */
#include "transport/tcp/tcp_impl.h"

static void tw_free(struct cpu *cpu, struct tcp_tw *tw)
{
	struct netns *net = tw->net;

	timer_cancel(&tw->timer);
	inet_est_del(&net->tcp->hash, &tw->tuple);
	port_release(&net->tcp->ports, &tw->port);
	list_del(&tw->link);
	net->tcp->tw_count--;
	net->core->sockstat[SOCKSTAT_TCP_TW]--;
	tcp_md5_free(cpu, &tw->md5);
	tcp_ao_free(cpu, NULL, &tw->ao);
	mem_free(&net->world->mem, tw);
	(void)cpu;
}

#define TW_SHORT (4 * NSEC_PER_SEC)

static void tw_timer(void *owner, struct timer *t)
{
	struct cpu *cpu = owner;
	struct tcp_tw *tw = container_of(t, struct tcp_tw, timer);

	tw_free(cpu, tw);
}

void tcp_tw_purge(struct cpu *cpu, struct netns *net)
{
	while (!list_empty(&net->tcp->tws))
		tw_free(cpu, list_first(&net->tcp->tws, struct tcp_tw, link));
}

/* The socket's connection goes on as remains (state: TCP_TIME_WAIT, or TCP_FIN_WAIT2 waiting for the FIN), and the socket closes. */
void tcp_time_wait(struct cpu *cpu, struct tcp_sock *tp, u8 state, u64 timeout)
{
	struct netns *net = tp->inet.sk.net;
	struct netns_tcp *n = net->tcp;
	struct tcp_tw *tw = NULL;
	u64 min = tp->rto * 7 / 2; /* long enough for a retransmitted FIN */

	if (n->tw_count < (u32)n->max_tw_buckets)
		tw = mem_zalloc(&net->world->mem, sizeof *tw);
	if (tw) {
		tw->net = net;
		tw->substate = state;
		tw->rcv_nxt = tp->rcv_nxt;
		tw->snd_nxt = tp->snd_nxt;
		tw->rcv_wnd = tcp_receive_window(tp);
		tw->rcv_wscale = tp->rx_opt.rcv_wscale;
		tw->tstamp_ok = tp->rx_opt.tstamp_ok;
		tw->ts_recent = tp->rx_opt.ts_recent;
		tw->ts_recent_stamp_s = tp->rx_opt.ts_recent_stamp_s;
		tw->ts_offset = tp->ts_offset;
		tw->usec_ts = tp->usec_ts;
		tw->last_oow_ack = tp->last_oow_ack;
		tw->mark = tp->inet.sk.mark;
		tw->uid = tp->inet.sk.uid;
		tw->tos = tp->inet.tos | (tp->accecn && !(tp->aecn.fail & ACCECN_ACE_FAIL_RECV) ? 2 : 0);
		tw->family = (u8)tp->inet.sk.family;
		tw->cookie = tp->inet.sk.cookie;
		tw->saddr = tp->inet.saddr;
		tw->entry_ns = cpu->now;
		tw->tuple = tp->inet.tuple;
		tw->tuple.tuple_kind = INET_TUPLE_TIMEWAIT;
		tw->tuple.est_node = (struct hnode){ NULL, 0 };
		tw->reuse_ok = tp->inet.sk.reuse;
		if (unlikely(tp->md5_keys))
			tcp_md5_copy(cpu, &tw->md5, tcp_md5_key(tp), &tp->inet.daddr);
		if (unlikely(tp->ao))
			tw->ao = tcp_ao_remains(cpu, tp);
		timer_init(&tw->timer, tw_timer);
		list_add_tail(&n->tws, &tw->link);
		n->tw_count++;
		net->core->sockstat[SOCKSTAT_TCP_TW]++;
		/* The tuple and the port pass over. */
		tcp_unhash(cpu, tp);
		inet_est_add(&n->hash, &tw->tuple);
		port_hold(&n->ports, &tw->port, &tp->inet, &tw->tuple);
		if (state == TCP_TIME_WAIT)
			timeout = TCP_TIMEWAIT_LEN;
		timeout = MAX(timeout, min);
		cpu_timer_arm(cpu, &tw->timer, cpu->now + timeout);
		/* Linux counts by how long it is to last, when it begins. */
		mib_inc(cpu, net, timeout > TW_SHORT ? MIB_TcpExt_TW : MIB_TcpExt_TWKilled);
	} else {
		/* Too many: the connection just ends. */
		mib_inc(cpu, net, MIB_TcpExt_TCPTimeWaitOverflow);
	}
	tcp_metrics_save(cpu, tp);
	tcp_done(cpu, tp);
}

static void tw_ack(struct cpu *cpu, struct tcp_tw *tw)
{
	struct tcp_reply r = { .saddr = tw->saddr, .daddr = tw->tuple.daddr, .sport = tw->tuple.sport, .dport = tw->tuple.dport,
			       .seq = tw->snd_nxt, .ack = tw->rcv_nxt, .flags = TCPF_ACK, .window = (u16)(tw->rcv_wnd >> tw->rcv_wscale),
			       .tos = tw->tos, .mark = tw->mark, .oif = tw->tuple.tuple_dev };

	if (tw->tstamp_ok) {
		r.opts.ts = true;
		r.opts.tsval = tcp_ts_now(cpu, tw->usec_ts) + tw->ts_offset;
		r.opts.tsecr = tw->ts_recent;
	}
	r.md5 = tw->md5;
	r.opts.md5 = r.md5;
	if (unlikely(tw->ao))
		tcp_ao_reply(tw->ao, &r);
	tcp_send_reply(cpu, tw->net, &r);
}

static void tw_reschedule(struct cpu *cpu, struct tcp_tw *tw) { cpu_timer_arm(cpu, &tw->timer, cpu->now + TCP_TIMEWAIT_LEN); }

/* A segment for the remains. True: they are gone, and the segment (a SYN) looks for a listener. Else it is consumed. */
bool tcp_tw_rx(struct cpu *cpu, struct tcp_tw *tw, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct netns *net = tw->net;
	struct netns_tcp *n = net->tcp;
	struct tcp_cb *cb = tcp_cb(skb);
	struct tcp_opts o = { .tstamp_ok = tw->tstamp_ok };
	bool paws_reject = false, in_window;
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;

	if (tcp_hlen(th) > TCP_HDR_LEN && tw->tstamp_ok) {
		tcp_options_parse(n, th, &o, true, NULL, NULL);
		if (o.saw_tstamp) {
			o.ts_recent = tw->ts_recent;
			o.ts_recent_stamp_s = tw->ts_recent_stamp_s;
			paws_reject = !tcp_paws_ok(cpu, &o, 0);
		}
	}
	in_window = cb->seq == tw->rcv_nxt || (!seq_before(cb->end_seq, tw->rcv_nxt + 1) && seq_before(cb->seq, tw->rcv_nxt + tw->rcv_wnd)) ||
		    (cb->seq == cb->end_seq && cb->seq == tw->rcv_nxt + tw->rcv_wnd);

	if (tw->substate == TCP_FIN_WAIT2) {
		if (paws_reject || !in_window) {
			reason = paws_reject ? SKB_DROP_REASON_TCP_RFC7323_PAWS : SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
			goto ack_drop;
		}
		if (th->flags & TCPF_RST)
			goto kill;
		if ((th->flags & TCPF_SYN) && !seq_before(cb->seq, tw->rcv_nxt))
			goto reset;
		if (!(th->flags & TCPF_ACK) || !seq_after(cb->end_seq, tw->rcv_nxt) || cb->end_seq == cb->seq) {
			trace_point(cpu, net, skb, TP_CONSUMED, tw->cookie, 0, "FIN-WAIT-2");
			skb_consume(cpu, skb);
			return false;
		}
		/* New data for nobody, or a FIN that is not the next byte: reset. */
		if (!(th->flags & TCPF_FIN) || cb->end_seq != tw->rcv_nxt + 1)
			goto reset;
		tw->substate = TCP_TIME_WAIT;
		tw->rcv_nxt = cb->end_seq;
		tw->entry_ns = cpu->now;
		if (o.saw_tstamp) {
			tw->ts_recent = o.rcv_tsval;
			tw->ts_recent_stamp_s = tcp_now_s(cpu) + 1;
		}
		tw_reschedule(cpu, tw);
		tw_ack(cpu, tw);
		trace_point(cpu, net, skb, TP_CONSUMED, tw->cookie, 0, "FIN acknowledged");
		skb_consume(cpu, skb);
		return false;
	}

	/* TIME-WAIT proper. */
	if (!paws_reject && cb->seq == tw->rcv_nxt && (cb->seq == cb->end_seq || (th->flags & TCPF_RST))) {
		if (th->flags & TCPF_RST) {
			if (!n->rfc1337)
				goto kill; /* RFC 1337 would have us ignore it; so many hosts rely on this */
		} else {
			tw_reschedule(cpu, tw);
		}
		if (o.saw_tstamp) {
			tw->ts_recent = o.rcv_tsval;
			tw->ts_recent_stamp_s = tcp_now_s(cpu) + 1;
		}
		trace_point(cpu, net, skb, TP_CONSUMED, tw->cookie, 0, "TIME-WAIT");
		skb_consume(cpu, skb);
		return false;
	}
	/* A SYN that cannot be old. */
	if ((th->flags & TCPF_SYN) && !(th->flags & (TCPF_RST | TCPF_ACK)) && !paws_reject &&
	    (seq_after(cb->seq, tw->rcv_nxt) || (o.saw_tstamp && (s32)(tw->ts_recent - o.rcv_tsval) < 0))) {
		struct inet_sock *l = inet_listen_find(cpu, &n->hash, &tw->tuple.rcv_saddr, th->dport, &tw->tuple.daddr, th->sport,
							rx_ifs_of(skb, net->inet->tcp_l3mdev_accept));
		if (l) {
			u32 isn = tw->snd_nxt + 65535 + 2;

			tw_free(cpu, tw);
			cb->tw_isn = isn ? isn : 1;
			return true;
		}
		goto ack_drop_syn;
	}
	if (paws_reject) {
		mib_inc(cpu, net, MIB_TcpExt_PAWSTimewait);
		reason = SKB_DROP_REASON_TCP_RFC7323_PAWS;
	}
	if (!(th->flags & TCPF_RST)) {
		/* Anything with data, FIN or SYN restarts the clock: the ACK was lost. */
		if (paws_reject || (th->flags & TCPF_ACK))
			tw_reschedule(cpu, tw);
		goto ack_drop;
	}
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RESET);
	return false;

ack_drop_syn:
	reason = SKB_DROP_REASON_TCP_INVALID_SYN;
ack_drop:
	if (!(th->flags & TCPF_RST) &&
	    !tcp_oow_limited(cpu, net, skb, tw->substate == TCP_FIN_WAIT2 ? MIB_TcpExt_TCPACKSkippedFinWait2 : MIB_TcpExt_TCPACKSkippedTimeWait,
			     &tw->last_oow_ack))
		tw_ack(cpu, tw);
	skb_drop_net(cpu, net, skb, reason ? reason : SKB_DROP_REASON_TCP_OLD_DATA);
	return false;
reset:
	tcp_send_reset_of(cpu, net, NULL, tw, skb);
kill:
	tw_free(cpu, tw);
	skb_drop_net(cpu, net, skb, SKB_DROP_REASON_TCP_RESET);
	return false;
}

/* connect(2) wants this four-tuple: may it take it over from its remains (RFC 6191)? True: they are gone; the sequence number and
 * timestamp to go on from are in *seq, *ts_recent. */
bool tcp_tw_reuse(struct cpu *cpu, struct tcp_sock *tp, struct tcp_tw *tw, u32 *seq)
{
	struct netns_tcp *n = tw->net->tcp;
	s32 reuse = n->tw_reuse;
	bool loopback = false;

	if (tw->substate != TCP_TIME_WAIT)
		return false;
	if (reuse == 2) { /* the default: loopback only */
		struct net_device *lo = dev_by_name(tw->net, "lo");
		loopback = (lo && tw->tuple.tuple_dev == lo->ifindex) ||
			   (inaddr_is_v4(&tw->tuple.daddr) ? v4_is_loopback(inaddr_v4(&tw->tuple.daddr)) :
							     (!tw->tuple.daddr.q[0] && tw->tuple.daddr.q[1] == cpu_to_be64(1).raw));
		if (!loopback)
			reuse = 0;
	}
	if (!tw->tstamp_ok || !tw->ts_recent_stamp_s || !reuse)
		return false;
	if (cpu->now - tw->entry_ns < (u64)n->tw_reuse_delay_ms * NSEC_PER_MSEC)
		return false;
	*seq = tw->snd_nxt + 65535 + 2;
	if (!*seq)
		*seq = 1;
	tp->rx_opt.ts_recent = tw->ts_recent;
	tp->rx_opt.ts_recent_stamp_s = tw->ts_recent_stamp_s;
	tw_free(cpu, tw);
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TWRecycled);
	return true;
}
