/* Path-MTU discovery without ICMP (RFC 4821): probes of a larger size among ordinary data, and smaller ones when a path seems to
 * swallow large segments.
 *
 * tcp_mtu_probing 0: off; 1: when timeouts suggest a black hole; 2: always. While it is on, segments are as large as the path is known
 * to carry (search low); one segment at a time tries the middle between that and the most that the peer takes (search high). What
 * comes back, or does not, halves the range, until it is narrower than tcp_probe_threshold; every tcp_probe_interval it opens
 * again. A lost probe is no sign of congestion: its data goes again in ordinary segments, and the window stays.
 */
#include "transport/tcp/tcp_impl.h"

/* Probing costs a round trip's order: only with a window that has room for it. */
#define PROBE_MIN_CWND 11u

static u32 headers(const struct tcp_sock *tp) { return inet_af_of(tp->inet.sk.net, &tp->inet.daddr)->hdr_len + TCP_HDR_LEN; }
static u32 mss_to_mtu(const struct tcp_sock *tp, u32 mss) { return mss + headers(tp) + tp->tcp_header_len - TCP_HDR_LEN; }

void tcp_mtu_init(struct cpu *cpu, struct tcp_sock *tp)
{
	const struct netns_tcp *n = tcp_net(tp);

	tp->mtup.enabled = n->mtu_probing > 1;
	tp->mtup.high = (u16)MIN(tp->rx_opt.mss_clamp + headers(tp), 65535u);
	tp->mtup.low = (u16)MIN(mss_to_mtu(tp, (u32)n->base_mss), 65535u);
	tp->mtup.probe_size = 0;
	tp->mtup.stamp_s = tcp_now_s(cpu);
}

/* The path was said to carry no more than pmtu. Returns what payload segments may have at most now. */
u32 tcp_mtu_limit(struct tcp_sock *tp, u32 pmtu, u32 mss)
{
	if (tp->mtup.high > pmtu)
		tp->mtup.high = (u16)pmtu;
	return tp->mtup.enabled ? MIN(mss, tcp_mtu_to_mss(tp, tp->mtup.low)) : mss;
}

static void reopen(struct cpu *cpu, struct tcp_sock *tp)
{
	if (tcp_now_s(cpu) - tp->mtup.stamp_s < (u32)tcp_net(tp)->probe_interval)
		return;
	tp->mtup.probe_size = 0;
	tp->mtup.high = (u16)MIN(tp->rx_opt.mss_clamp + headers(tp), 65535u);
	tp->mtup.low = (u16)mss_to_mtu(tp, tcp_current_mss(cpu, tp));
	tp->mtup.stamp_s = tcp_now_s(cpu);
}

/* Before new data goes out: is it time to try a larger segment? *len: its payload. */
enum tcp_mtu_verdict tcp_mtu_probe(struct cpu *cpu, struct tcp_sock *tp, u32 *len)
{
	const struct netns_tcp *n = tcp_net(tp);
	u32 size, needed, in_flight;

	if (likely(!tp->mtup.enabled) || tp->mtup.probe_size || tp->ca_state != TCP_CA_Open || tp->snd_cwnd < PROBE_MIN_CWND ||
	    tp->num_sacks || tp->dsack.start != tp->dsack.end)
		return TCP_MTU_NO_PROBE;
	size = tcp_mtu_to_mss(tp, (tp->mtup.high + tp->mtup.low) >> 1);
	if (size > tcp_mtu_to_mss(tp, tp->mtup.high) || tp->mtup.high - tp->mtup.low < n->probe_threshold) {
		reopen(cpu, tp);
		return TCP_MTU_NO_PROBE;
	}
	/* Enough behind it that duplicate ACKs would tell of its loss. */
	needed = size + (tp->reordering + 1) * tp->mss_cache;
	if (tp->write_seq - tp->snd_nxt < needed || tp->snd_wnd < needed || tcp_txq_record(tp, tp->snd_nxt, size) < size)
		return TCP_MTU_NO_PROBE;
	if (seq_after(tp->snd_nxt + needed, tp->snd_una + tp->snd_wnd))
		return TCP_MTU_WAIT;
	in_flight = tcp_in_flight(tp);
	if (in_flight + 2 > tp->snd_cwnd)
		return in_flight ? TCP_MTU_WAIT : TCP_MTU_NO_PROBE;
	*len = size;
	return TCP_MTU_PROBE;
}

/* The probe of `len` bytes before snd_nxt is out. It counts as two packets. */
void tcp_mtu_sent(struct tcp_sock *tp, u32 len)
{
	tp->snd_cwnd--;
	tp->mtup.probe_size = (u16)mss_to_mtu(tp, len);
	tp->mtup.seq = tp->snd_nxt - len;
	tp->mtup.len = (u16)len;
}

/* snd_una moved: over the probe? */
void tcp_mtu_acked(struct cpu *cpu, struct tcp_sock *tp)
{
	if (!tp->mtup.probe_size || seq_after(tp->mtup.seq + tp->mtup.len, tp->snd_una))
		return;
	tp->snd_cwnd = MAX((u32)((u64)tp->snd_cwnd * mss_to_mtu(tp, tp->mss_cache) / tp->mtup.probe_size), 1u);
	tp->snd_cwnd_cnt = 0;
	tp->snd_cwnd_stamp = cpu->now;
	tp->snd_ssthresh = tcp_current_ssthresh(tp);
	tp->mtup.low = tp->mtup.probe_size;
	tp->mtup.probe_size = 0;
	tcp_sync_mss(cpu, tp, tp->pmtu_cookie);
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPMTUPSuccess);
}

/* A loss was seen. True: it was the probe, whose data is under way again. */
bool tcp_mtu_lost(struct cpu *cpu, struct tcp_sock *tp)
{
	if (likely(!tp->mtup.probe_size) || tp->ca_state >= TCP_CA_CWR || tp->snd_una != tp->mtup.seq)
		return false;
	tp->mtup.high = tp->mtup.probe_size - 1;
	tp->mtup.probe_size = 0;
	mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPMTUPFail);
	tp->snd_cwnd++;
	tcp_simple_retransmit(cpu, tp);
	return true;
}

/* Timeouts in a row: the path may swallow what is large. */
void tcp_mtu_black_hole(struct cpu *cpu, struct tcp_sock *tp)
{
	const struct netns_tcp *n = tcp_net(tp);
	u32 mss;

	if (!n->mtu_probing)
		return;
	if (!tp->mtup.enabled) {
		tp->mtup.enabled = true;
		tp->mtup.stamp_s = tcp_now_s(cpu);
	} else {
		mss = MIN((u32)n->base_mss, tcp_mtu_to_mss(tp, tp->mtup.low) >> 1);
		mss = MAX(mss, (u32)n->mtu_probe_floor);
		mss = MAX(mss, (u32)n->min_snd_mss);
		tp->mtup.low = (u16)mss_to_mtu(tp, mss);
	}
	tcp_sync_mss(cpu, tp, tp->pmtu_cookie);
}
