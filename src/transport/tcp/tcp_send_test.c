/* What send(2) makes of its bytes: where packets end (MSG_EOR, GSO), which of them push, how much a send takes when little room is
 * left, and what TCP_INQ tells. Expectations are Linux 6.18's, mostly by way of packetdrill's scripts. */
#include <linux/if_ether.h>

#include "link/netdevice.h"
#include "link/qdisc.h"
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_peer.h"

enum { SENT_MAX = 128 };
static struct sent {
	u32 seq, len; /* seq: relative to the first byte */
	u8 flags;
} sent[SENT_MAX];
static unsigned nsent;
static u32 isn;
static struct dev_tap tap;

/* Data segments that leave the client, before anybody cuts them. */
static void see(struct cpu *cpu, struct dev_tap *t, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	const struct tcp_hdr *th = (const struct tcp_hdr *)(skb->head + skb->transport_header);
	u32 hlen = skb->transport_header - (u32)(skb->data - skb->head) + (th->doff >> 4) * 4u;

	if (outgoing && skb->len > hlen && nsent < SENT_MAX)
		sent[nsent++] = (struct sent){ be32_to_cpu(th->seq) - isn, skb->len - hlen, th->flags };
}

static void begin(struct tcp_pair *p)
{
	pair_veth(p);
	pair_connect(p);
	isn = tcp_of(p->c)->snd_nxt;
	nsent = 0;
	tap = (struct dev_tap){ .fn = see, .ethertype = ETH_P_ALL };
	dev_tap_add(p->l.ns[LEFT], dev_by_name(p->l.ns[LEFT], "eth0"), &tap);
}
static void end(struct tcp_pair *p)
{
	dev_tap_del(&tap);
	pair_end(p);
}

#define EXPECT(i, s, l, f)                                                                                             \
	({                                                                                                             \
		assert_true((i) < nsent);                                                                              \
		assert_int_equal(sent[i].seq, s);                                                                      \
		assert_int_equal(sent[i].len, l);                                                                      \
		assert_int_equal(sent[i].flags, TCPF_ACK | (f));                                                       \
	})

static const char zeros[100000];

static void test_push(void **state)
{
	struct tcp_pair p;

	begin(&p);
	lab_opt(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	assert_int_equal(weft_send(p.c, zeros, 100, 0), 100);
	EXPECT(0, 0, 100, TCPF_PSH);
	/* More is to come: nothing pushes, also when the cork is pulled by an option or by time. */
	assert_int_equal(weft_send(p.c, zeros, 100, MSG_MORE), 100);
	assert_int_equal(nsent, 1);
	lab_opt(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	EXPECT(1, 100, 100, 0);
	/* A packet of several segments always pushes. */
	assert_int_equal(weft_send(p.c, zeros, 4000, MSG_MORE), 4000);
	EXPECT(2, 200, 2896, TCPF_PSH);
	assert_int_equal(nsent, 3);
	end(&p);
}

static void test_eor(void **state)
{
	struct tcp_pair p;

	begin(&p);
	lab_opt(p.c, IPPROTO_TCP, TCP_CORK, 1);
	assert_int_equal(weft_send(p.c, zeros, 200, 0), 200);
	assert_int_equal(weft_send(p.c, zeros, 300, MSG_EOR), 300);
	assert_int_equal(nsent, 0);
	assert_int_equal(weft_send(p.c, zeros, 10, MSG_EOR), 10);
	EXPECT(0, 0, 500, TCPF_PSH); /* another follows: the cork no longer holds it */
	assert_int_equal(weft_send(p.c, zeros, 20, 0), 20);
	lab_opt(p.c, IPPROTO_TCP, TCP_CORK, 0);
	EXPECT(1, 500, 10, TCPF_PSH);
	lab_run_ms(&p.l, 100); /* the next small one waits for an ACK */
	EXPECT(2, 510, 20, TCPF_PSH);
	assert_int_equal(nsent, 3);
	assert_int_equal(tcp_of(p.c)->eor_n, 0);
	assert_int_equal(tcp_of(p.c)->inet.sk.wmem_queued, 0);
	end(&p);
}

/* Room is looked for when a new packet begins; one that has begun is filled. */
static void test_room(void **state)
{
	struct tcp_pair p;
	struct tcp_sock *c;
	u32 mss, goal, first;

	begin(&p);
	c = tcp_of(p.c);
	mss = c->mss_cache;
	goal = tcp_size_goal(c, mss);
	first = c->snd_cwnd * mss;
	lab_opt(p.c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4000);
	assert_true(goal > first);
	assert_int_equal(weft_send(p.c, zeros, sizeof zeros, 0), first + goal);
	assert_false(weft_poll(p.c) & POLLOUT);
	/* Bytes, and what a packet costs on Linux. */
	assert_int_equal(c->inet.sk.wmem_queued, first + goal + 832 * (c->segs_n + 1));
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLOUT));
	end(&p);
}

/* What was pushed in the middle of a long send stays pushed, at the end of its packet. */
static void test_forced(void **state)
{
	struct tcp_pair p;
	struct tcp_sock *c;
	u32 ends[4], n = 0, seen = 0;
	static char buf[100000];

	begin(&p);
	lab_opt(p.c, SOL_SOCKET, SO_SNDBUF, 400000);
	c = tcp_of(p.c);
	c->snd_cwnd = c->snd_cwnd_clamp = 1; /* segment by segment */
	assert_int_equal(weft_send(p.c, zeros, sizeof zeros, MSG_MORE), sizeof zeros);
	for (struct tcp_txbuf *tb = c->txb_head; tb && n < 4; tb = tb->next)
		if (tb->psh)
			ends[n++] = tb->seq + tb->len - isn;
	assert_in_range(n, 1, 3); /* half of the peer's window was passed so often */
	assert_true(lab_wait(&p.l, 10000, (weft_recv(p.s, buf, sizeof buf, 0), c->snd_una == c->snd_nxt && sizeof zeros - (c->snd_una - isn) < 1448)));
	for (unsigned i = 0; i < nsent; i++) {
		bool end_of_push = false;
		for (u32 k = 0; k < n; k++)
			end_of_push |= sent[i].seq + sent[i].len == ends[k];
		assert_int_equal(!!(sent[i].flags & TCPF_PSH), end_of_push);
		seen += end_of_push;
	}
	assert_int_equal(seen, n);
	assert_int_equal(c->psh_n, 0);
	end(&p);
}

static int inq_of(weft_socket *s, size_t n, ssize_t want)
{
	char buf[1000], control[64];
	struct iovec iov = { buf, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int v;

	assert_int_equal(weft_recvmsg(s, &m, 0), want);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_type, TCP_CM_INQ);
	memcpy(&v, CMSG_DATA(c), sizeof v);
	return v;
}

static void test_inq(void **state)
{
	struct tcp_pair p;

	begin(&p);
	lab_opt(p.s, IPPROTO_TCP, TCP_INQ, 1);
	assert_int_equal(weft_send(p.c, zeros, 100, 0), 100);
	lab_run_ms(&p.l, 50);
	assert_int_equal(inq_of(p.s, 30, 30), 70);
	assert_int_equal(inq_of(p.s, 70, 70), 0);
	assert_int_equal(weft_send(p.c, zeros, 100, 0), 100);
	weft_shutdown(p.c, SHUT_WR);
	lab_run_ms(&p.l, 50);
	assert_int_equal(inq_of(p.s, 100, 100), 1); /* the end waits to be read */
	end(&p);
}

/* -- tcp_autocorking -- */

static void small_writes(struct peer *p, unsigned n, u32 len)
{
	while (n--)
		assert_int_equal(weft_send(p->c, zeros, len, 0), len);
}

/* Nobody collects what the nic sends: its port's ring is full, and one packet of 100 bytes waits in the nic's. */
static void begin_busy(struct peer *p)
{
	unsigned n = 0;

	peer_begin(p);
	peer_connect(p, 10, NULL);
	lab_opt(p->c, IPPROTO_TCP, TCP_NODELAY, 1);
	lab_opt(p->c, SOL_SOCKET, SO_SNDBUF, 100000000);
	tcp_of(p->c)->snd_cwnd = 100000;
	peer_run_ms(p, 10);
	peer_drain(p);
	lab_ok(weft_sysctl_set(p->l.ns[LEFT], "net.ipv4.tcp_limit_output_bytes", "2000000000"));
	lab_ok(weft_sysctl_set(p->l.ns[LEFT], "net.ipv4.tcp_autocorking", "0"));
	while (!tcp_of(p->c)->inet.sk.tx_waiting && n++ < 5000) {
		small_writes(p, 1, n % 2 ? 100 : 1);
		weft_step(p->l.w, weft_now(p->l.w));
	}
	assert_in_range(n, 2, 4999);
	lab_ok(weft_sysctl_set(p->l.ns[LEFT], "net.ipv4.tcp_autocorking", "1"));
}

/* The device is busy: a small write behind a packet that costs as much waits for it, and goes when one went; further ones join until
 * together they cost more than what waits. Linux 6.18 with a busy qdisc (tbf on veth): of twenty writes of 100 bytes the first that finds
 * one waiting is held, the next goes with it, and the rest goes together. */
static void test_autocork(void **state)
{
	static struct peer p;
	struct tcp_sock *c;
	u32 n, from, last;

	begin_busy(&p);
	c = tcp_of(p.c);
	n = c->packets_out;
	last = tcp_seg_payload(c->rtx_last);
	from = c->snd_nxt - p.isn - 1;
	assert_int_equal(c->inet.sk.tx_waiting, 1);
	small_writes(&p, 1, last);
	assert_int_equal(c->packets_out, n);
	assert_int_equal(PEER_MIB(TcpExt_TCPAutoCorking), 1);
	small_writes(&p, 1, 100); /* more than what waits */
	assert_int_equal(c->packets_out, n + 1);
	assert_int_equal(c->inet.sk.tx_waiting, 2);
	small_writes(&p, 9, 100); /* not more than two packets */
	assert_int_equal(c->packets_out, n + 1);
	assert_int_equal(PEER_MIB(TcpExt_TCPAutoCorking), 1); /* counted once until something went */
	peer_run_us(&p, 10);
	assert_int_equal(c->packets_out, n + 2); /* at once, and not when an ACK comes */
	for (struct peer_seg *s; n--;) {
		s = peer_next(&p);
		assert_non_null(s);
	}
	peer_expect(&p, from, last + 100);
	peer_expect(&p, from + last + 100, 900);
	peer_expect_none(&p);
	assert_int_equal(c->inet.sk.tx_waiting, 0);
	assert_int_equal(c->inet.sk.wmem_alloc, 0);
	small_writes(&p, 3, 100); /* the device is idle */
	peer_run_us(&p, 10);
	for (int i = 0; i < 3; i++)
		peer_expect(&p, from + last + 1000 + (u32)i * 100, 100);
	assert_int_equal(PEER_MIB(TcpExt_TCPAutoCorking), 1);
	peer_end(&p);
}

/* The nic's ring is full as well: packets wait in the qdisc, and count there. The end of a record holds nothing back. */
static void test_autocork_qdisc(void **state)
{
	static struct peer p;
	struct tcp_sock *c;
	u32 n = 0, waiting;

	begin_busy(&p);
	c = tcp_of(p.c);
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_autocorking", "0"));
	while (!dev_by_name(p.l.ns[LEFT], "eth0")->txq[0].qdisc->stats.qlen && n++ < 5000)
		small_writes(&p, 1, 10);
	assert_in_range(n, 2, 4999);
	waiting = c->inet.sk.tx_waiting;
	assert_in_range(waiting, n, n + 1);
	assert_int_equal(PEER_MIB(TcpExt_TCPAutoCorking), 0); /* switched off */
	lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_autocorking", "1"));
	n = c->packets_out;
	small_writes(&p, 5, 100);
	assert_int_equal(c->packets_out, n);
	assert_int_equal(PEER_MIB(TcpExt_TCPAutoCorking), 1);
	assert_int_equal(weft_send(p.c, zeros, 1, MSG_EOR), 1);
	assert_int_equal(c->packets_out, n + 1);
	assert_int_equal(c->inet.sk.tx_waiting, waiting + 1);
	small_writes(&p, 2, 100);
	peer_run_us(&p, 100);
	assert_int_equal(c->packets_out, n + 2);
	assert_int_equal(c->inet.sk.tx_waiting, 0);
	assert_int_equal(c->inet.sk.wmem_alloc, 0);
	peer_drain(&p);
	peer_end(&p);
}

/* Over veth and loopback nothing waits. */
static void test_autocork_veth(void **state)
{
	struct tcp_pair p;

	begin(&p);
	lab_opt(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(weft_send(p.c, zeros, 100, 0), 100);
		EXPECT((unsigned)i, (u32)i * 100, 100, TCPF_PSH);
	}
	assert_true(tcp_of(p.c)->inet.sk.wmem_alloc > 0);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPAutoCorking), 0);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_push), cmocka_unit_test(test_eor), cmocka_unit_test(test_room), cmocka_unit_test(test_forced),
					    cmocka_unit_test(test_inq), cmocka_unit_test(test_autocork), cmocka_unit_test(test_autocork_qdisc),
					    cmocka_unit_test(test_autocork_veth) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
