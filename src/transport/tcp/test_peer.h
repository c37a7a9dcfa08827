/* For tests of a sender, packet by packet: the test itself is the peer at the other end of a memory port, in virtual time.
 * Sequence numbers are relative: 0 is the first byte after the SYN, in both directions. What the connection sends is kept as it
 * went out (before segmentation), with its time, in order, until peer_next() takes it. */
#ifndef TRANSPORT_TCP_TEST_PEER_H
#define TRANSPORT_TCP_TEST_PEER_H

#include "codec/wire/checksum.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

struct peer_seg {
	u64 at;		/* ns of virtual time */
	u32 seq, ack, len, tsval, tsecr;
	u16 window;
	u8 flags, ecn;
	bool ae, ts;
	u8 opts[40];
	u32 opts_len;
};
struct peer {
	struct lab l;
	struct cpu *cpu;
	struct port *port;
	weft_socket *c;
	u8 mac[6];
	u32 isn, my_isn, my_seq;
	be16 sport;
	u16 mss, window, ip_id;
	bool sack, ts;
	u32 ts_now_add, last_tsval; /* what we echo: the last seen */
	u8 synack_flags; /* ECE, CWR bits of our SYN-ACK */
	bool synack_ae;
	u8 synack_ecn;
	struct peer_seg q[4096];
	u32 head, tail;
};

static inline void peer_frame(struct peer *p, const void *l3, size_t len, u16 proto)
{
	u8 f[1700];

	memcpy(f, p->mac, 6);
	memcpy(f + 6, "\x02\x00\x00\x00\x00\x99", 6);
	f[12] = (u8)(proto >> 8);
	f[13] = (u8)proto;
	memcpy(f + 14, l3, len);
	lab_ok(mem_port_inject_bytes(p->cpu, p->port, 0, f, 14 + len));
}

static inline void peer_collect(struct peer *p)
{
	struct sk_buff *skb;

	while (mem_port_collect(p->cpu, p->port, 0, &skb, 1)) {
		u8 b[200];
		u32 n = MIN(skb->len, (u32)sizeof b);

		assert_true(skb_copy_bits(skb, 0, b, n));
		if (b[12] == 8 && b[13] == 6 && b[21] == 1) { /* ARP request: we are whoever is asked for */
			u8 r[28];
			memcpy(p->mac, b + 6, 6);
			memcpy(r, b + 14, 28);
			r[7] = 2;
			memcpy(r + 8, "\x02\x00\x00\x00\x00\x99", 6);
			memcpy(r + 14, b + 38, 4);
			memcpy(r + 18, b + 22, 10);
			peer_frame(p, r, 28, 0x0806);
		} else if (b[12] == 8 && b[13] == 0 && b[23] == 6) {
			const struct tcp_hdr *th = (const struct tcp_hdr *)(b + 34);
			struct peer_seg *s = &p->q[p->tail++ % 4096];
			u32 hlen = tcp_hlen(th);

			memcpy(p->mac, b + 6, 6);
			assert_true(p->tail - p->head <= 4096);
			*s = (struct peer_seg){ .at = p->cpu->now, .len = skb->len - 34 - hlen, .flags = th->flags, .ecn = b[15] & 3, .ae = th->doff & 1,
						.window = be16_to_cpu(th->window), .opts_len = hlen - 20 };
			memcpy(s->opts, b + 54, s->opts_len);
			p->sport = th->sport;
			if (th->flags & TCPF_SYN) {
				p->isn = be32_to_cpu(th->seq);
				s->seq = (u32)-1;
			} else {
				s->seq = be32_to_cpu(th->seq) - p->isn - 1;
			}
			s->ack = be32_to_cpu(th->ack) - p->my_isn - 1;
			for (u32 i = 0; i < s->opts_len && s->opts[i];) {
				if (s->opts[i] == 1) {
					i++;
					continue;
				}
				if (s->opts[i] == 8) {
					be32 v[2];
					memcpy(v, s->opts + i + 2, 8);
					s->ts = true;
					p->last_tsval = s->tsval = be32_to_cpu(v[0]);
					s->tsecr = be32_to_cpu(v[1]);
				}
				i += s->opts[i + 1];
			}
		}
		skb_consume(p->cpu, skb);
	}
}

/* Lets time pass, in steps of at most 50 us of looking. */
static inline void peer_run_us(struct peer *p, u64 us)
{
	u64 end = weft_now(p->l.w) + us * 1000;

	for (;;) {
		u64 next = weft_step(p->l.w, weft_now(p->l.w));
		peer_collect(p);
		next = weft_step(p->l.w, weft_now(p->l.w));
		peer_collect(p);
		if (next >= end)
			break;
		weft_step(p->l.w, next);
		peer_collect(p);
	}
	weft_step(p->l.w, end);
	peer_collect(p);
}
static inline void peer_run_ms(struct peer *p, u64 ms) { peer_run_us(p, ms * 1000); }

struct peer_out {
	u32 seq, ack, len, tsecr; /* tsecr 0: the last seen */
	u8 flags, ecn;
	bool ae, no_ack;
	u16 window;	/* 0: p->window */
	unsigned n_sacks;
	u32 sacks[8];	/* pairs */
	const u8 *opt;	/* further option bytes */
	u32 opt_len;
};

static inline void peer_send(struct peer *p, const struct peer_out *o)
{
	u8 b[1600] = { 0x45 };
	struct tcp_hdr *th = (struct tcp_hdr *)(b + 20);
	u8 *opt = b + 40;
	u32 len, csum;

	if (o->flags & TCPF_SYN) {
		memcpy(opt, (u8[]){ 2, 4, (u8)(p->mss >> 8), (u8)p->mss, 1, 3, 3, 7 }, 8);
		opt += 8;
		if (p->sack) {
			memcpy(opt, (u8[]){ 1, 1, 4, 2 }, 4);
			opt += 4;
		}
	}
	if (p->ts) {
		be32 v[2] = { cpu_to_be32((u32)(p->cpu->now / 1000000) + 5000), cpu_to_be32(o->tsecr ? o->tsecr : p->last_tsval) };
		memcpy(opt, (u8[]){ 1, 1, 8, 10 }, 4);
		memcpy(opt + 4, v, 8);
		opt += 12;
	}
	if (o->opt_len) {
		memcpy(opt, o->opt, o->opt_len);
		opt += o->opt_len;
	}
	if (o->n_sacks) {
		memcpy(opt, (u8[]){ 1, 1, 5, (u8)(2 + 8 * o->n_sacks) }, 4);
		opt += 4;
		for (unsigned i = 0; i < 2 * o->n_sacks; i++, opt += 4) {
			be32 v = cpu_to_be32(o->sacks[i] + p->isn + 1);
			memcpy(opt, &v, 4);
		}
	}
	assert_true(opt - b <= 80 && !((opt - b) & 3));
	th->sport = cpu_to_be16(80);
	th->dport = p->sport;
	th->seq = cpu_to_be32(o->flags & TCPF_SYN ? p->my_isn : p->my_isn + 1 + o->seq);
	th->ack = cpu_to_be32(o->no_ack ? 0 : p->isn + 1 + o->ack);
	th->doff = (u8)((opt - b - 20) / 4 << 4 | (o->ae ? 1 : 0));
	th->flags = (u8)(o->flags | (o->no_ack ? 0 : TCPF_ACK));
	th->window = cpu_to_be16(o->window ? o->window : p->window);
	len = (u32)(opt - b) + o->len;
	b[1] = o->ecn;
	b[2] = (u8)(len >> 8);
	b[3] = (u8)len;
	b[5] = (u8)++p->ip_id;
	b[6] = 0x40;
	b[8] = 64;
	b[9] = 6;
	memcpy(b + 12, "\x0a\x00\x00\x02\x0a\x00\x00\x01", 8);
	csum = csum_fold(csum_partial(b, 20, 0));
	memcpy(b + 10, &csum, 2);
	th->check = csum_fold(csum_partial(b + 20, len - 20, csum_pseudo4(BE32(0x0a000002), BE32(0x0a000001), len - 20, 6)));
	peer_frame(p, b, len, 0x0800);
	weft_step(p->l.w, weft_now(p->l.w));
	peer_collect(p);
	weft_step(p->l.w, weft_now(p->l.w));
	peer_collect(p);
}

/* ACK up to `ack`; then pairs of SACK edges, up to 4 blocks. */
#define peer_ack(p, a, ...)                                                                                            \
	({                                                                                                             \
		const u32 edges_[] = { 0, ##__VA_ARGS__ };                                                             \
		struct peer_out o_ = { .ack = (a), .seq = (p)->my_seq, .n_sacks = (unsigned)(ARRAY_SIZE(edges_) - 1) / 2 };  \
		memcpy(o_.sacks, edges_ + 1, sizeof edges_ - sizeof edges_[0]);                                        \
		peer_send(p, &o_);                                                                                     \
	})

/* The next data segment (or SYN, FIN) that came; NULL: none. Pure ACKs are passed over. */
static inline struct peer_seg *peer_next(struct peer *p)
{
	while (p->head != p->tail) {
		struct peer_seg *s = &p->q[p->head++ % 4096];
		if (s->len || s->flags & (TCPF_SYN | TCPF_FIN))
			return s;
	}
	return NULL;
}
/* Any segment, pure ACKs too. */
static inline struct peer_seg *peer_any(struct peer *p) { return p->head != p->tail ? &p->q[p->head++ % 4096] : NULL; }
static inline void peer_expect_(struct peer *p, u32 seq, u32 len, const char *file, int line)
{
	struct peer_seg *s = peer_next(p);

	if (!s || s->seq != seq || s->len != len) {
		print_error("expected %u:%u, got ", seq, seq + len);
		if (s)
			print_error("%u:%u\n", s->seq, s->seq + s->len);
		else
			print_error("nothing\n");
		_fail(file, line);
	}
}
#define peer_expect(p, seq, len) peer_expect_(p, seq, len, __FILE__, __LINE__)
#define peer_expect_none(p) assert_null(peer_next(p))
/* Takes whatever is there, and returns how many bytes it was. */
static inline u32 peer_drain(struct peer *p)
{
	struct peer_seg *s;
	u32 n = 0;

	while ((s = peer_next(p)))
		n += s->len;
	return n;
}

/* A world with 10.0.0.1 and nothing connected yet. */
static inline void peer_begin(struct peer *p)
{
	const struct nic_config cfg = { .queues = 1 };
	struct net_device *dev;

	memset(p, 0, sizeof *p);
	lab_ok(weft_world_new(1, 1, &p->l.w));
	lab_ok(weft_netns_new(p->l.w, "left", &p->l.ns[LEFT]));
	p->cpu = p->l.w->cpu[0];
	lab_ok(mem_port_new(&p->l.w->mem, &p->port));
	lab_ok(nic_new(p->cpu, p->l.ns[LEFT], "eth0", p->port, &cfg, &dev));
	lab_ok(weft_link_up(p->l.ns[LEFT], "lo"));
	lab_if(p->l.ns[LEFT], "eth0", "10.0.0.1/24");
	memcpy(p->mac, dev->dev_addr, 6);
	weft_run_for(p->l.w, 1000000000);
	p->mss = 1000;
	p->window = 60000;
	p->sack = p->ts = true;
	p->my_isn = 777;
}

/* Connects; the SYN-ACK comes after rtt_ms. cc NULL: the default. With timestamps a segment carries mss - 12 bytes: mss is set so
 * that it carries 1000. */
static inline void peer_connect(struct peer *p, u32 rtt_ms, const char *cc)
{
	p->mss = p->ts ? 1012 : 1000;
	p->c = lab_socket(&p->l, LEFT, SOCK_STREAM, 0);
	lab_opt(p->c, SOL_SOCKET, SO_SNDBUF, 200000);
	if (cc)
		lab_ok(weft_setsockopt(p->c, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)));
	assert_int_equal(weft_connect(p->c, LAB_SA("10.0.0.2", 80)), -EINPROGRESS);
	peer_run_ms(p, rtt_ms ? rtt_ms : 1);
	assert_true(p->tail != p->head);
	peer_drain(p);
	peer_send(p, &(struct peer_out){ .ack = 0, .flags = (u8)(TCPF_SYN | p->synack_flags), .ae = p->synack_ae, .ecn = p->synack_ecn,
					 .window = 60000 });
	peer_run_us(p, 10);
	peer_drain(p);
	assert_int_equal(p->c->sk->state, TCP_ESTABLISHED);
	peer_ack(p, 0); /* the window is scaled from here on: later ACKs do not change it */
}

static inline void peer_write(struct peer *p, u32 bytes)
{
	static char zeros[65536];

	while (bytes) {
		ssize_t n = weft_send(p->c, zeros, MIN(bytes, (u32)sizeof zeros), 0);
		assert_true(n > 0);
		bytes -= (u32)n;
	}
	weft_step(p->l.w, weft_now(p->l.w));
	peer_collect(p);
	weft_step(p->l.w, weft_now(p->l.w));
	peer_collect(p);
}

#define PEER_MIB(m) lab_mib(&p.l, LEFT, MIB_##m)

static inline void peer_end(struct peer *p)
{
	if (p->c)
		weft_close(p->c);
	peer_collect(p);
	weft_netns_free(p->l.ns[LEFT]);
	weft_world_free(p->l.w);
}

#endif
