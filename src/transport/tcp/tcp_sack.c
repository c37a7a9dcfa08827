/* The SACK scoreboard of the sender (RFC 2018, 2883, 6675): which segments the peer has, and what D-SACK tells.
 *
 * A block is looked up in the segment tree; segments it covers are marked, partly covered ones cut at MSS boundaries, and
 * neighbours that are both marked become one record, so that long stretches cost one step at the next ACK.
 * Invariant: sacked_out counts marked packets above snd_una; a marked segment is neither LOST nor RETRANS for the counters.
 */
#include "transport/tcp/tcp_impl.h"

/* End of the highest range the peer reported; snd_una when none. */
u32 tcp_highest_sack(const struct tcp_sock *tp) { return tp->sacked_out ? tp->highest_sack : tp->snd_una; }

/* RFC 2018 leaves much open; blocks that cannot be, or that tell of something too old to use, are ignored. */
static bool block_valid(const struct tcp_sock *tp, bool dsack, u32 start, u32 end)
{
	if (seq_after(end, tp->snd_nxt) || !seq_before(start, end))
		return false;
	if (!seq_before(start, tp->snd_nxt))
		return false;
	if (seq_after(start, tp->snd_una))
		return true;
	if (!dsack || !tp->undo_marker)
		return false;
	if (seq_after(end, tp->snd_una))
		return false;
	if (!seq_before(start, tp->undo_marker))
		return true;
	if (!seq_after(end, tp->undo_marker))
		return false;
	return !seq_before(start, end - tp->max_window);
}

/* Packets arrived in another order than sent: the degree goes up, so that fewer duplicate ACKs are taken for loss. */
void tcp_check_sack_reordering(struct cpu *cpu, struct tcp_sock *tp, u32 low, bool ts)
{
	u32 fack = tcp_highest_sack(tp), mss = tp->mss_cache, metric;

	if (!seq_before(low, fack))
		return;
	metric = fack - low;
	if (metric > tp->reordering * mss && mss)
		tp->reordering = MIN((metric + mss - 1) / mss, (u32)tcp_net(tp)->max_reordering);
	tp->reord_seen++;
	mib_inc(cpu, tp->inet.sk.net, ts ? MIB_TcpExt_TCPTSReorder : MIB_TcpExt_TCPSACKReorder);
}

static u32 dsack_seen(struct cpu *cpu, struct tcp_sock *tp, u32 start, u32 end, struct tcp_sack_state *st)
{
	u32 segs = 1, len = end - start;

	if (!seq_before(start, end))
		return 0;
	if (len > tp->max_window) /* never was that much out */
		return 0;
	if (len > tp->mss_cache && tp->mss_cache)
		segs = (len + tp->mss_cache - 1) / tp->mss_cache;
	else if (tp->tlp_high_seq && tp->tlp_high_seq == end)
		st->flag |= FLAG_DSACK_TLP;
	tp->dsack_dups += segs;
	/* More duplicates than retransmissions: the network (or the peer) makes them; not ours to undo by. */
	if (tp->dsack_dups > tp->total_retrans)
		return 0;
	st->flag |= FLAG_DSACKING_ACK;
	/* After reordering was seen, a duplicate means that the reordering window was too short; a probe's means nothing. */
	if (tp->reord_seen && !(st->flag & FLAG_DSACK_TLP))
		tp->rack.dsack_seen = true;
	mib_add(cpu, tp->inet.sk.net, MIB_TcpExt_TCPDSACKRecvSegs, segs);
	return segs;
}

/* The first block reports what came twice, when it lies below the ACK or inside the second block (RFC 2883, 4). */
static bool check_dsack(struct cpu *cpu, struct tcp_sock *tp, const u8 *sack, unsigned n, u32 ack, u32 prior_una, struct tcp_sack_state *st)
{
	struct tcp_sack_block b = tcp_sack_block_get(sack, 0);
	struct netns *net = tp->inet.sk.net;
	u32 segs;

	if (seq_before(b.start, ack)) {
		mib_inc(cpu, net, MIB_TcpExt_TCPDSACKRecv);
	} else if (n > 1) {
		struct tcp_sack_block c = tcp_sack_block_get(sack, 1);
		if (seq_after(b.end, c.end) || seq_before(b.start, c.start))
			return false;
		mib_inc(cpu, net, MIB_TcpExt_TCPDSACKOfoRecv);
	} else {
		return false;
	}
	segs = dsack_seen(cpu, tp, b.start, b.end, st);
	if (!segs) {
		mib_inc(cpu, net, MIB_TcpExt_TCPDSACKIgnoredDubious);
		return false;
	}
	/* About data that is acknowledged already. */
	if (tp->undo_marker && tp->undo_retrans > 0 && !seq_after(b.end, prior_una) && seq_after(b.end, tp->undo_marker))
		tp->undo_retrans = MAX(0, tp->undo_retrans - (s32)segs);
	return true;
}

/* The peer has segment s. */
static void tag_one(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, bool dup, struct tcp_sack_state *st)
{
	u32 pc = s->pcount;

	if (dup && (s->state & SEG_EVER_RETRANS)) {
		if (tp->undo_marker && tp->undo_retrans > 0 && seq_after(s->end_seq, tp->undo_marker))
			tp->undo_retrans = MAX(0, tp->undo_retrans - (s32)pc);
		if ((s->state & SEG_SACKED) && seq_before(s->seq, st->reord))
			st->reord = s->seq;
	}
	if (!(s->state & SEG_SACKED)) {
		tcp_rack_advance(cpu, tp, s->state, s->end_seq, s->tx_ns);
		if (s->state & SEG_RETRANS) {
			/* Was it the original or the retransmission? Without a timestamp nobody knows; the hole is closed. */
			if (s->state & SEG_LOST) {
				s->state &= ~(SEG_LOST | SEG_RETRANS);
				tp->lost_out -= pc;
				tp->retrans_out -= pc;
			}
		} else {
			if (!(s->state & SEG_EVER_RETRANS)) {
				/* Never sent again and yet above a hole: it came late. */
				if (seq_before(s->seq, tcp_highest_sack(tp)) && seq_before(s->seq, st->reord))
					st->reord = s->seq;
				if (!seq_after(s->end_seq, tp->high_seq))
					st->flag |= FLAG_ORIG_SACK_ACKED;
				if (!st->first_tx)
					st->first_tx = s->tx_ns;
				st->last_tx = s->tx_ns;
			}
			if (s->state & SEG_LOST) {
				s->state &= ~SEG_LOST;
				tp->lost_out -= pc;
			}
		}
		s->state |= SEG_SACKED;
		st->delivered_bytes += tcp_seg_payload(s);
		st->flag |= FLAG_DATA_SACKED;
		tcp_rate_seg_delivered(tp, s, st->rate);
		list_del(&s->tsorted);
		if (!tp->sacked_out || seq_after(s->end_seq, tp->highest_sack))
			tp->highest_sack = s->end_seq;
		tp->sacked_out += pc;
		tp->delivered += pc;
		tp->delivered_time = cpu->now;
	}
	if (dup && (s->state & SEG_RETRANS)) {
		s->state &= ~SEG_RETRANS;
		tp->retrans_out -= pc;
	}
}

/* Cuts s so that its first part is wholly inside or wholly outside of [start, end). Returns 1 inside, 0 outside, -1 failed. */
static int match(struct cpu *cpu, struct tcp_sock *tp, struct tcp_seg *s, u32 start, u32 end)
{
	bool inside = !seq_after(start, s->seq);
	u32 len, mss = s->mss ? s->mss : tp->mss_cache, payload = tcp_seg_payload(s);

	if (inside && !seq_before(end, s->end_seq))
		return 1;
	if (s->pcount <= 1)
		return 0;
	if (!inside) {
		len = MAX(start - s->seq, mss);
	} else {
		len = end - s->seq;
		if (len < mss)
			return 0;
	}
	if (len > mss) {
		u32 cut = len / mss * mss;
		if (cut < len && !inside)
			cut += mss;
		len = cut;
	}
	if (len >= payload)
		return inside ? 1 : 0;
	if (tcp_seg_split(cpu, tp, s, len, mss))
		return -1;
	return inside;
}

/* -- SACKed neighbours become one record, under the rules by which Linux shifts packets together (its counters tell of them) -- */

static u32 seg_len(const struct tcp_seg *s) { return s->pcount == 1 ? tcp_seg_payload(s) : s->mss; }

static bool ends_record(const struct tcp_sock *tp, const struct tcp_seg *s)
{
	const struct tcp_txbuf *tb = tp->eor_n ? tcp_txq_at(tp->txb_head, s->end_seq - 1) : NULL;
	return tb && tb->eor && tb->seq + tb->len == s->end_seq;
}

/* May something be joined to prev, in segments of len bytes? */
static bool takes_more(const struct tcp_sock *tp, const struct tcp_seg *prev, u32 len)
{
	return prev && (prev->state & (SEG_SACKED | SEG_LOST | SEG_RETRANS)) == SEG_SACKED && !(prev->flags & (TCPF_SYN | TCPF_FIN)) &&
	       seg_len(prev) == len && !ends_record(tp, prev);
}

/* Is [start, end) of s, of which a part may be cut off, to join the record in front of it? */
static bool joins(const struct tcp_sock *tp, const struct tcp_seg *s, u32 start, u32 end)
{
	bool whole = !seq_before(end, s->end_seq);

	if ((s->state & (SEG_LOST | SEG_RETRANS)) == SEG_RETRANS || s->flags & (TCPF_SYN | TCPF_FIN) || seq_after(start, s->seq) ||
	    !seq_after(s->end_seq, tp->snd_una))
		return false;
	return takes_more(tp, tcp_seg_prev(s), whole ? seg_len(s) : s->mss);
}

static void tag_block(struct cpu *cpu, struct tcp_sock *tp, u32 start, u32 end, bool dup, struct tcp_sack_state *st)
{
	struct netns *net = tp->inet.sk.net;
	struct tcp_seg *s = tcp_seg_find(tp, start), *prev;

	for (; s && seq_before(s->seq, end); s = tcp_seg_next(s)) {
		u32 was_end = s->end_seq;
		bool join;
		int in;

		if ((s->state & SEG_SACKED) && !dup)
			continue;
		join = !dup && joins(tp, s, start, end);
		in = match(cpu, tp, s, start, end);
		if (in < 0)
			return;
		if (!join && !dup)
			mib_inc(cpu, net, MIB_TcpExt_TCPSackShiftFallback);
		if (!in)
			continue;
		tag_one(cpu, tp, s, dup, st);
		if (!join)
			continue;
		prev = tcp_seg_prev(s);
		mib_inc(cpu, net, s->end_seq == was_end ? MIB_TcpExt_TCPSackMerged : MIB_TcpExt_TCPSackShifted);
		tcp_seg_merge(cpu, tp, prev, s);
		/* The hole may have been the last one in front of another record. */
		s = tcp_seg_next(prev);
		if (s && prev->end_seq == was_end && (s->state & (SEG_SACKED | SEG_LOST | SEG_RETRANS)) == SEG_SACKED &&
		    !(s->flags & (TCPF_SYN | TCPF_FIN)) && takes_more(tp, prev, seg_len(s))) {
			tcp_seg_merge(cpu, tp, prev, s);
			mib_inc(cpu, net, MIB_TcpExt_TCPSackMerged);
		}
		s = prev;
	}
}

/* Takes the SACK option of an ACK into the scoreboard; returns FLAG_*. */
int tcp_sacktag(struct cpu *cpu, struct tcp_sock *tp, const u8 *sack, unsigned n, u32 ack, u32 prior_una, struct tcp_sack_state *st)
{
	struct tcp_sack_block b[4];
	bool dup0;

	n = MIN(n, 4u);
	dup0 = check_dsack(cpu, tp, sack, n, ack, prior_una, st);
	if (!tp->packets_out)
		goto out;
	/* Nothing to learn from an ACK far in the past. */
	if (seq_before(ack, prior_una - tp->max_window))
		goto out;
	for (unsigned i = 0; i < n; i++) {
		bool dup = dup0 && !i;

		b[i] = tcp_sack_block_get(sack, i);
		if (!block_valid(tp, dup, b[i].start, b[i].end)) {
			enum mib m = dup ? (tp->undo_marker ? MIB_TcpExt_TCPDSACKIgnoredOld : MIB_TcpExt_TCPDSACKIgnoredNoUndo) :
					   MIB_TcpExt_TCPSACKDiscard;
			/* A block at or below the ACK is merely late. */
			if (dup || seq_after(b[i].end, tp->snd_una) || !seq_before(b[i].start, b[i].end))
				mib_inc(cpu, tp->inet.sk.net, m);
			continue;
		}
		/* What this very ACK acknowledges is still in the queue: a D-SACK of it says whose retransmission was needless. */
		if (!seq_after(b[i].end, prior_una))
			continue;
		tag_block(cpu, tp, b[i].start, b[i].end, dup, st);
	}
	if (tp->ca_state != TCP_CA_Loss || tp->undo_marker)
		tcp_check_sack_reordering_state(cpu, tp, st);
out:
	return st->flag;
}

void tcp_check_sack_reordering_state(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_sack_state *st)
{
	if (seq_before(st->reord, tcp_highest_sack(tp)) && st->reord != tp->snd_nxt)
		tcp_check_sack_reordering(cpu, tp, st->reord, false);
}

/* -- without SACK: duplicate ACKs are counted as if each had reported one packet (RFC 6582) -- */

/* More cannot have arrived than is out and not lost. After whatever marks packets lost or counts them anew. */
void tcp_limit_reno_sacked(struct cpu *cpu, struct tcp_sock *tp)
{
	u32 holes = MIN(MAX(tp->lost_out, 1u), tp->packets_out);

	if (tp->sacked_out + holes > tp->packets_out) {
		tp->sacked_out = tp->packets_out - holes;
		if (tp->packets_out > tp->reordering) { /* more duplicates than packets: reordering */
			tp->reordering = MIN(tp->packets_out, (u32)tcp_net(tp)->max_reordering);
			tp->reord_seen++;
			mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPRenoReorder);
		}
	}
}

void tcp_add_reno_sack(struct cpu *cpu, struct tcp_sock *tp, int num_dupack)
{
	u32 prior = tp->sacked_out;

	if (!num_dupack)
		return;
	tp->sacked_out += (u32)num_dupack;
	tcp_limit_reno_sacked(cpu, tp);
	if (tp->sacked_out > prior) {
		tp->delivered += tp->sacked_out - prior;
		tp->delivered_time = cpu->now;
	}
}

/* `acked` packets left the queue cumulatively: one filled the hole, the others were counted as duplicates before. */
void tcp_remove_reno_sacks(struct cpu *cpu, struct tcp_sock *tp, u32 acked)
{
	if (acked) {
		tp->delivered += MAX((s32)(acked - tp->sacked_out), 1);
		tp->delivered_time = cpu->now;
		if (acked - 1 >= tp->sacked_out)
			tp->sacked_out = 0;
		else
			tp->sacked_out -= acked - 1;
	}
	tcp_limit_reno_sacked(cpu, tp);
}

bool tcp_is_dupack(const struct tcp_sock *tp, struct sk_buff *skb, int flag)
{
	return !(flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP));
}
