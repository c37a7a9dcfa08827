/* SYN cookies: a handshake without memory of it, for when the SYN queue is full (RFC 4987, section 3.6).
 *
 * The SYN-ACK's sequence number says everything the listener would have remembered:
 *
 *	client's ISN + hash1(tuple) + minute << 24 + (hash2(tuple, minute) + index of the MSS) mod 2^24
 *
 * A cookie is good for this minute and the one before. What SYN options agreed on travels in the low bits of our timestamp,
 * which the peer echoes: window scale, SACK, ECN; a peer without timestamps gets none of these. Only a listener that sent a
 * cookie within the last two minutes looks at cookies at all, so that a stray ACK costs nothing.
 */
#include "transport/tcp/tcp_impl.h"

#define COOKIE_BITS 24
#define COOKIE_MASK ((1u << COOKIE_BITS) - 1)
#define COOKIE_MINUTES 2u
#define COOKIE_VALID_NS (COOKIE_MINUTES * 60 * NSEC_PER_SEC)

/* The low bits of the timestamp. */
#define TS_WSCALE_MASK 0xfu /* all ones: none */
#define TS_SACK BIT(4)
#define TS_ECN BIT(5)
#define TS_BITS 6
#define TS_MASK ((1u << TS_BITS) - 1)

/* The MSS values that cover the paths of the Internet; the largest not above the peer's is taken. */
static const u16 mss_table[] = { 536, 1300, 1440, 1460 };

static u32 minute(const struct cpu *cpu) { return (u32)(cpu->now / (60 * NSEC_PER_SEC)); }

static u32 cookie_hash(const struct world *w, const struct inet_tuple *t, u32 salt, u32 count)
{
	u64 v[6] = { t->rcv_saddr.q[0], t->rcv_saddr.q[1], t->daddr.q[0], t->daddr.q[1], (u64)t->sport.raw << 16 | t->dport.raw,
		     (u64)salt << 32 | count };

	return (u32)siphash(&w->secret, v, sizeof v);
}

/* The sequence number for the SYN-ACK to req; req->mss becomes what the cookie can say. */
u32 tcp_cookie_make(struct cpu *cpu, struct tcp_req *req)
{
	const struct world *w = cpu->world;
	u32 i = ARRAY_SIZE(mss_table) - 1, count = minute(cpu);

	while (i && req->mss < mss_table[i])
		i--;
	req->mss = mss_table[i];
	req->listener->listen->cookie_sent_ns = cpu->now + 1;
	mib_inc(cpu, req->net, MIB_TcpExt_SyncookiesSent);
	return req->rcv_isn + cookie_hash(w, &req->tuple, 3, 0) + (count << COOKIE_BITS) +
	       ((cookie_hash(w, &req->tuple, 4, count) + i) & COOKIE_MASK);
}

/* The timestamp for that SYN-ACK, before the connection's offset: the clock with its low bits replaced, never in the future. */
u32 tcp_cookie_timestamp(struct cpu *cpu, const struct tcp_req *req)
{
	u32 now = tcp_ts_now(cpu, false), opts = req->wscale_ok ? req->snd_wscale : TS_WSCALE_MASK, ts;

	if (req->sack_ok)
		opts |= TS_SACK;
	if (req->ecn_ok || req->accecn)
		opts |= TS_ECN;
	ts = (now & ~TS_MASK) | opts;
	return (s32)(ts - now) > 0 ? ts - (1u << TS_BITS) : ts;
}

/* What the SYN agreed on, from the echoed timestamp. False: it asks for what is switched off here, so it is not ours. */
static bool timestamp_decode(const struct netns_tcp *n, const struct tcp_opts *o, struct tcp_req *req)
{
	u32 opts = o->rcv_tsecr & TS_MASK;

	if (!o->saw_tstamp)
		return true;
	if (!n->timestamps)
		return false;
	req->tstamp_ok = true;
	req->ts_recent = o->rcv_tsval;
	req->sack_ok = opts & TS_SACK;
	if (req->sack_ok && !n->sack)
		return false;
	req->ecn_ok = n->ecn && (opts & TS_ECN);
	if ((opts & TS_WSCALE_MASK) == TS_WSCALE_MASK)
		return true;
	req->wscale_ok = true;
	req->snd_wscale = (u8)(opts & TS_WSCALE_MASK);
	return n->window_scaling;
}

/* 0: no cookie of ours. */
static u16 cookie_check(struct cpu *cpu, const struct inet_tuple *t, u32 cookie, u32 client_isn)
{
	const struct world *w = cpu->world;
	u32 count = minute(cpu), age, i;

	cookie -= cookie_hash(w, t, 3, 0) + client_isn;
	age = (count - (cookie >> COOKIE_BITS)) & (~0u >> COOKIE_BITS);
	if (age >= COOKIE_MINUTES)
		return 0;
	i = (cookie - cookie_hash(w, t, 4, count - age)) & COOKIE_MASK;
	return i < ARRAY_SIZE(mss_table) ? mss_table[i] : 0;
}

/* An ACK for the listener: is it a cookie's answer? Then a connection comes of it, and the segment is consumed: true. False:
 * nothing of ours, the segment is still the caller's. */
bool tcp_cookie_rx(struct cpu *cpu, struct tcp_sock *l, struct sk_buff *skb, const struct tcp_hdr *th)
{
	struct netns *net = l->inet.sk.net;
	struct netns_tcp *n = net->tcp;
	struct tcp_listen *q = l->listen;
	const struct inet_af *af = be16_eq(skb->protocol, BE16(0x86dd)) ? net->inet->af6 : net->inet->af4;
	const struct tcp_cb *cb = tcp_cb(skb);
	struct tcp_opts o = { .mss_clamp = TCP_MSS_DEFAULT };
	enum skb_drop_reason reason = SKB_DROP_REASON_NOT_SPECIFIED;
	struct tcp_req req = { .listener = l, .net = net };
	struct flow fl;
	struct dst *dst;

	if (!n->syncookies || (th->flags & TCPF_RST) || !q->cookie_sent_ns || cpu->now + 1 - q->cookie_sent_ns > COOKIE_VALID_NS)
		return false;
	af->addrs(skb, &req.tuple.daddr, &req.tuple.rcv_saddr);
	req.tuple.sport = th->dport;
	req.tuple.dport = th->sport;
	req.tuple.tuple_dev = rx_ifs_request_dev(l->inet.sk.bound_dev_if, skb);
	req.mss = cookie_check(cpu, &req.tuple, cb->ack_seq - 1, cb->seq - 1);
	if (!req.mss) {
		mib_inc(cpu, net, MIB_TcpExt_SyncookiesFailed);
		return false;
	}
	mib_inc(cpu, net, MIB_TcpExt_SyncookiesRecv);
	tcp_options_parse(n, th, &o, false, NULL, NULL);
	tcp_req_ao(&req, th);
	req.ts_offset = tcp_ts_offset(cpu->world, &req.tuple.rcv_saddr, &req.tuple.daddr);
	if (o.saw_tstamp && o.rcv_tsecr)
		o.rcv_tsecr -= req.ts_offset;
	if (!timestamp_decode(n, &o, &req))
		goto drop;
	req.rcv_isn = cb->seq - 1;
	req.rcv_nxt = cb->seq;
	req.snt_isn = cb->ack_seq - 1;
	req.sent_ns = cpu->now;
	req.iif = skb->skb_iif;
	req.mark = n->fwmark_accept ? skb->mark : l->inet.sk.mark;
	req.tos = cb->dsfield;
	req.peer_window = cb->window;
	/* Which of the two kinds of ECN: RFC 3168 has no bits set here, accurate ECN a reflection or a count. */
	req.accecn = req.ecn_ok && tcp_ace(th) > 1;
	req.ecn_ok = req.ecn_ok && !req.accecn;

	fl = (struct flow){ .family = af->family, .proto = IPPROTO_TCP, .tos = l->inet.tos, .oif = tcp_req_oif(&req), .mark = req.mark,
			    .uid = l->inet.sk.uid, .saddr = req.tuple.rcv_saddr, .daddr = req.tuple.daddr, .sport = th->dport,
			    .dport = th->sport };
	reason = SKB_DROP_REASON_IP_OUTNOROUTES;
	if (af->route_out(cpu, net, &fl, &dst))
		goto drop;
	tcp_req_windows(cpu, &req, af, dst);
	dst_put(dst);
	tcp_req_complete(cpu, &req, skb, true);
	return true;
drop:
	skb_drop_net(cpu, net, skb, reason);
	return true;
}
