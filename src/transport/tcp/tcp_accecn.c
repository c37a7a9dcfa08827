/* Accurate ECN (RFC 9768): a receiver tells how many packets came marked, not only that one did.
 *
 * Negotiated by net.ipv4.tcp_ecn 3 to 5 (tcp_ecn.c: the bits of SYN and SYN-ACK). From then on the three header bits AE, CWR and ECE are
 * the ACE field: the number of CE-marked packets received, modulo 8, beginning with 5. Bytes received by codepoint go in the AccECN option,
 * 24 bits each; of its two orders we send kind 174 (ECT(1), CE, ECT(0)), so that cutting it short loses ECT(0) first. All packets of such a
 * connection are ECT(0), ACKs and retransmissions too.
 *
 * Receiver: tcp_ecn_received() counts (in all modes, for TCP_INFO); a change of the mark is acknowledged at once and asks for the option
 * in two ACKs. Sender: tcp_accecn_ack() turns ACE and option into a number of marked packets; when an ACK may hide a wrap of the three bits,
 * the option's bytes decide, else the safe side, unless ACKs are known to be thinned out (RFC 9768, A.2).
 *
 * Paths that break it: a wrong reflection in the handshake stops us marking (aecn.fail), options that are never seen or seem to be lost
 * with what carries them are not sent.
 */
#include "transport/tcp/tcp_impl.h"

enum { ECT1 = 1, ECT0 = 2, CE = 3, ECN_MASK = 3 };
#define ACE_INIT 5u /* of the counter, so that it differs from zeroed bits and from RFC 3168's: RFC 9768, 3.2.1 */
#define ACE_MASK 7u
#define FIELD_LEN 3u
#define THINNED 4u /* packets an ACK stands for on average, above which ACKs seem to be thinned out */
#define EWMA_SHIFT 6
#define LATE_OPTION (1u << 23) /* bytes sent after which a first option cannot be told from a wrapped one */
#define OPTION_EVERY 22	/* log2 of bytes: a counter's wrap must be seen */

/* Codepoints in the order of the fields that we send, and where that is. */
static const u8 order1[3] = { ECT1, CE, ECT0 }, order0[3] = { ECT0, CE, ECT1 };
static const u8 fields_to[4] = { 0, 1, 3, 2 }; /* fields an option needs to hold this codepoint's counter */

static u32 init_offset(u8 ecn) { return ecn == CE ? 0 : 1; } /* RFC 9768, 3.2.1: no counter but CE's begins with 0 */

/* What an ACE field of the handshake says of the mark on a SYN or SYN-ACK. 101 is reserved, and taken as unmarked. */
static u8 reflected(u8 ace) { return ace == 3 ? ECT1 : ace == 4 ? ECT0 : ace == 6 ? CE : 0; }
u8 tcp_accecn_reflector(u8 ecn) { return ecn == ECT1 ? 3 : ecn == ECT0 ? 4 : ecn == CE ? 6 : 2; }

/* Writes an ACE field over a header's three bits. */
void tcp_ace_put(struct tcp_hdr *th, u8 ace)
{
	th->doff = (u8)((th->doff & 0xfe) | ace >> 2);
	th->flags = (u8)((th->flags & ~(TCPF_CWR | TCPF_ECE)) | (ace & 2 ? TCPF_CWR : 0) | (ace & 1 ? TCPF_ECE : 0));
}
u8 tcp_accecn_counter(u32 ce) { return (u8)((ce + ACE_INIT) & ACE_MASK); }

/* -- handshake -- */

/* Can a packet sent as `sent` arrive as `got`? Capable ones may be marked; nothing else may change (RFC 9768, 3.2.2.3). */
static bool transition_ok(u8 sent, u8 got) { return sent == got || (sent && got == CE); }

static bool reflection_ok(struct tcp_sock *tp, u8 ace)
{
	if (!tcp_net(tp)->ecn_fallback || transition_ok(tp->aecn.syn_snt, reflected(ace)))
		return true;
	tp->aecn.fail |= ACCECN_ACE_FAIL_RECV;
	return false;
}

/* A header with an AccECN option, the first: its ECT(0) counter cannot be 0 unless something cleared it. */
static void option_seen(struct tcp_sock *tp, const struct tcp_hdr *th)
{
	const u8 *o = tp->rx_opt.accecn ? (const u8 *)th + tp->rx_opt.accecn : NULL, *f;

	if (!o || tp->aecn.opt_seen >= ACCECN_OPT_COUNTER_SEEN)
		return;
	f = o + 2 + (o[0] == TCPO_ACCECN1 ? 2 * FIELD_LEN : 0);
	if (o[1] == 2)
		tp->aecn.opt_seen = ACCECN_OPT_EMPTY_SEEN;
	else if (f + FIELD_LEN <= o + o[1] && !(f[0] | f[1] | f[2]))
		tp->aecn.opt_seen = ACCECN_OPT_FAIL_SEEN;
	else
		tp->aecn.opt_seen = ACCECN_OPT_COUNTER_SEEN;
	if (tp->aecn.opt_seen == ACCECN_OPT_FAIL_SEEN)
		tp->aecn.fail |= ACCECN_OPT_FAIL_RECV;
}

/* Our SYN was answered by an ACE field that agrees. */
void tcp_accecn_synack_rx(struct tcp_sock *tp, const struct tcp_hdr *th, u8 ecn)
{
	tp->accecn = true;
	tp->aecn.syn_rcv = tp->aecn.prev = ecn;
	option_seen(tp, th);
	if (tp->rx_opt.accecn)
		tp->aecn.opt_demand = 2;
	if (reflection_ok(tp, tcp_ace(th)) && ecn == CE) {
		tp->aecn.received_ce++;
		tp->aecn.ce_pending++;
	}
}

/* A SYN or SYN-ACK again, in a connection: the challenge ACK reflects its mark. */
void tcp_accecn_syn_again(struct tcp_sock *tp, const struct tcp_hdr *th, u8 ecn)
{
	tp->aecn.syn_rcv = ecn;
	tcp_options_parse(tcp_net(tp), th, &tp->rx_opt, true, NULL, NULL);
	option_seen(tp, th);
	tp->aecn.reflect = true;
}

/* The segment that completes a passive handshake: without payload, its ACE field reflects our SYN-ACK's mark. */
void tcp_accecn_third_ack(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_hdr *th, u32 payload)
{
	u8 ace = tcp_ace(th);

	if (payload)
		return;
	switch (ace) {
	case 0: /* something clears the bits: what we mark would not be reported */
		tp->aecn.fail |= ACCECN_ACE_FAIL_RECV;
		break;
	case 1:
	case 5:
	case 7: /* legal, and nothing to learn: the peer's real third ACK was lost */
		break;
	default:
		if (reflection_ok(tp, ace) && reflected(ace) == CE) {
			tp->delivered_ce++;
			mib_inc(cpu, tp->inet.sk.net, MIB_TcpExt_TCPDeliveredCE);
		}
	}
}

/* -- receiver -- */

/* A segment that was accepted, of so many bytes of payload. Counted whatever was negotiated, as TCP_INFO shows it. */
void tcp_ecn_received(struct tcp_sock *tp, const struct sk_buff *skb, u32 payload)
{
	u8 ecn = ((const struct tcp_cb *)skb->cb)->dsfield & ECN_MASK;
	struct tcp_accecn *a = &tp->aecn;
	bool edge = a->prev != ecn;

	if (a->handshake && !tp->accecn)
		return;
	if (ecn) {
		u32 ce = ecn == CE ? MAX(1u, (u32)skb->gso_segs) : 0;

		tp->ecn_seen = 1;
		a->received_ce += ce;
		a->ce_pending = (u8)MIN(a->ce_pending + ce, 15u);
		if (payload) {
			u32 old = a->received[ecn - 1];

			a->received[ecn - 1] += payload;
			a->minlen = MAX(a->minlen, fields_to[ecn]);
			if ((old ^ a->received[ecn - 1]) >> OPTION_EVERY)
				a->opt_demand = MAX(a->opt_demand, 1);
		}
	}
	a->prev = ecn;
	if (!tp->accecn)
		return;
	if (edge || a->ce_pending >= ACE_MASK)
		a->ack_now = true;
	if (payload && a->ack_now) { /* an ACK is acknowledged by none */
		tp->ack.pending |= TCP_ACK_NOW;
		a->ack_now = false;
	}
	if (edge || ecn == CE)
		a->opt_demand = 2; /* so that the later says unambiguously which mark is being received */
}

static u32 now_us(const struct cpu *cpu) { return (u32)(cpu->now / NSEC_PER_USEC); }

/* Not sent for as long as so many of them a round trip would leave between two. */
static bool beacon_due(const struct cpu *cpu, const struct tcp_sock *tp)
{
	u64 beacons = tcp_net(tp)->ecn_option_beacon;

	return beacons && (u64)(now_us(cpu) - tp->aecn.opt_us) * beacons >= tp->srtt_us >> 3;
}

/* Bytes that an option of n fields takes; one field and a SACK option share the padding. */
u32 tcp_accecn_option_len(unsigned n, bool sacks) { return !n ? 0 : n == 1 ? (sacks ? 4 : 8) : n == 2 ? 8 : 12; }

/* Decides on the option of a segment whose other options take `used` bytes, SACK blocks included; one block may have to go for it, of
 * three. Returns the bytes used then. */
u32 tcp_accecn_fit(const struct cpu *cpu, const struct tcp_sock *tp, struct tcp_out_opts *o, u32 used)
{
	const struct tcp_accecn *a = &tp->aecn;
	u8 mode = tcp_net(tp)->ecn_option;
	unsigned n, least = a->minlen;

	if (!mode || !a->opt_seen || a->fail & ACCECN_OPT_FAIL_SEND || (mode < 2 && !a->opt_demand && !beacon_due(cpu, tp)))
		return used;
	for (unsigned drop = 0;; drop++) {
		u32 room = TCP_HDR_MAX - TCP_HDR_LEN - used + drop * TCPO_SACK_BLOCK_LEN;

		for (n = 3; n >= MAX(least, 1u) && tcp_accecn_option_len(n, o->num_sacks) > room;)
			n--;
		if (n >= MAX(least, 1u)) {
			used -= drop * TCPO_SACK_BLOCK_LEN;
			o->num_sacks -= (u8)drop;
			break;
		}
		if (o->num_sacks - drop <= 2 || !least)
			return used;
	}
	o->accecn_fields = (u8)n;
	for (unsigned i = 0; i < n; i++)
		o->accecn[i] = a->received[order1[i] - 1] + init_offset(order1[i]);
	return used + tcp_accecn_option_len(n, o->num_sacks);
}

/* The option of a SYN-ACK: no payload came yet. */
void tcp_accecn_synack_option(struct tcp_out_opts *o)
{
	u32 room = TCP_HDR_MAX - TCP_HDR_LEN - MIN(tcp_out_opts_len(o), (u32)(TCP_HDR_MAX - TCP_HDR_LEN));

	o->accecn_fields = room >= 12 ? 3 : room >= 8 ? 2 : 0;
	for (unsigned i = 0; i < o->accecn_fields; i++)
		o->accecn[i] = init_offset(order1[i]);
}

u8 *tcp_accecn_option_write(u8 *p, const struct tcp_out_opts *o)
{
	unsigned n = o->accecn_fields, len = 2 + n * FIELD_LEN;
	u8 *end = p + (n == 1 && o->num_sacks ? len : ALIGN_UP(len, 4u));

	*p++ = TCPO_ACCECN1;
	*p++ = (u8)len;
	for (unsigned i = 0; i < n; i++, p += FIELD_LEN) {
		p[0] = (u8)(o->accecn[i] >> 16);
		p[1] = (u8)(o->accecn[i] >> 8);
		p[2] = (u8)o->accecn[i];
	}
	while (p < end)
		*p++ = TCPO_NOP;
	return p;
}

/* A segment of such a connection goes out: its ACE field; what the option told is told. */
void tcp_accecn_send(struct cpu *cpu, struct tcp_sock *tp, struct tcp_hdr *th, const struct tcp_out_opts *o, bool pure_ack)
{
	struct tcp_accecn *a = &tp->aecn;

	if (th->flags & TCPF_SYN) { /* SYN-ACK of a simultaneous open */
		tcp_ace_put(th, tcp_accecn_reflector(a->syn_rcv));
		return;
	}
	if (unlikely(a->reflect && pure_ack)) {
		tcp_ace_put(th, tcp_accecn_reflector(a->syn_rcv));
	} else {
		tcp_ace_put(th, tcp_accecn_counter(a->received_ce));
		a->ce_pending = 0;
	}
	a->ack_now = false;
	if (!o->accecn_fields)
		return;
	a->minlen = 0;
	a->opt_us = now_us(cpu);
	if (a->opt_demand)
		a->opt_demand--;
	if (tp->dsack.start != tp->dsack.end) {
		a->dsack_seq = tp->dsack.start;
		a->opt_with_dsack = true;
	}
}

/* Old data came again. Twice although an ACK said so with the option: the option may be why that ACK never arrives. */
void tcp_accecn_old_data(struct tcp_sock *tp, u32 seq)
{
	if (tp->accecn && tp->aecn.opt_with_dsack && tp->aecn.dsack_seq == seq)
		tp->aecn.fail |= ACCECN_OPT_FAIL_SEND;
}

/* -- sender -- */

/* Takes the counters of an ACK's option, or without one estimates them: packets have the codepoint whose counter alone moved last.
 * True: it is known how many of the delivered bytes came marked CE. */
static bool take_option(struct tcp_sock *tp, const struct tcp_hdr *th, u32 delivered_bytes)
{
	struct tcp_accecn *a = &tp->aecn;
	const u8 *o = tp->rx_opt.accecn ? (const u8 *)th + tp->rx_opt.accecn : NULL, *codes;
	bool known = false, backwards = false;
	u8 moved = 0;

	if (a->fail & ACCECN_OPT_FAIL_RECV)
		return false;
	if (!o) {
		if (!a->opt_seen && tp->bytes_sent >= LATE_OPTION - 1)
			a->fail |= ACCECN_OPT_FAIL_RECV;
		if (!a->opt_seen || !a->est)
			return false;
		a->delivered[a->est - 1] += delivered_bytes;
		return true;
	}
	option_seen(tp, th);
	codes = o[0] == TCPO_ACCECN1 ? order1 : order0;
	for (unsigned i = 0; i < 3 && 2 + (i + 1) * FIELD_LEN <= o[1]; i++) {
		const u8 *f = o + 2 + i * FIELD_LEN;
		u8 code = codes[i];
		u32 now = (u32)f[0] << 16 | (u32)f[1] << 8 | f[2];
		s32 delta = (s32)((now - init_offset(code) - a->delivered[code - 1]) << 8) >> 8;

		known |= code == CE;
		if (delta < 0)
			backwards = true; /* an estimate was wrong, or the field was changed on the way */
		if (delta <= 0)
			continue;
		a->delivered[code - 1] += (u32)delta;
		moved = moved ? ECN_MASK + 1 : code;
	}
	if (moved || backwards)
		a->est = backwards || moved > ECN_MASK ? 0 : moved;
	return known && !backwards;
}

/* How many packets the ACK says came marked, of `pkts` (of `bytes`) newly delivered ones; delivered_ce is moved by it. */
u32 tcp_accecn_ack(struct cpu *cpu, struct tcp_sock *tp, const struct tcp_hdr *th, u32 pkts, u32 bytes, int flag)
{
	struct tcp_accecn *a = &tp->aecn;
	u32 ceb = a->delivered[CE - 1], delta, safe;
	bool known;

	if (a->handshake)
		option_seen(tp, th);
	/* An ACK that may be older than the last: its field says nothing. */
	if (!(flag & (FLAG_FORWARD_PROGRESS | FLAG_TS_PROGRESS)))
		return 0;
	known = take_option(tp, th, bytes);
	if (pkts) {
		u32 now = MIN(pkts, 0xffffu >> EWMA_SHIFT) << EWMA_SHIFT, avg = a->pkts_per_ack;
		a->pkts_per_ack = (u16)(avg ? avg - (avg >> 3) + (now >> 3) : now);
	}
	/* The field was the handshake's; or something changes it on the way, and nothing of ours is capable (RFC 9768, 3.2.2.4). */
	if (flag & FLAG_SYN_ACKED || a->handshake || a->fail & ACCECN_ACE_FAIL_RECV)
		return 0;
	delta = (tcp_ace(th) - tcp_accecn_counter(tp->delivered_ce)) & ACE_MASK;
	if (pkts > ACE_MASK) {
		/* Eight more fit as well, and eight more… */
		safe = pkts - ((pkts - delta) & ACE_MASK);
		if (known) {
			u32 d_ceb = a->delivered[CE - 1] - ceb;

			if (!d_ceb)
				;
			else if (pkts >= 2 * (ACE_MASK + 1) && (tcp_is_sack(tp) || BIT(tp->ca_state) & (BIT(TCP_CA_Open) | BIT(TCP_CA_CWR))))
				delta = bytes <= d_ceb ? safe : MIN(safe, delta + ((u32)(((u64)d_ceb * pkts + bytes - 1) / bytes) & ~ACE_MASK));
			else if (d_ceb > delta * tp->mss_cache || d_ceb >= safe * tp->mss_cache >> 1)
				delta = safe;
		} else if (a->pkts_per_ack <= THINNED << EWMA_SHIFT) {
			delta = safe;
		}
	}
	if (!delta)
		return 0;
	tp->delivered_ce += delta;
	mib_add(cpu, tp->inet.sk.net, MIB_TcpExt_TCPDeliveredCE, delta);
	if (tp->pred_flags) /* it holds the field that the next ACK is expected to have */
		tcp_fast_path_on(tp);
	return delta;
}
