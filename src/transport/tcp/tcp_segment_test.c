/* Single segments, made by hand, into connections, requests, listeners and TIME-WAIT: what a hostile or confused peer can send.
 * The segments come from a raw socket in the peer's namespace, so they pass the whole way. */
#include "codec/wire/checksum.h"
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

struct seg {
	u16 sport, dport;
	u32 seq, ack;
	u8 flags;
	u16 window;
	bool ts, bad_csum;
	u32 tsval, tsecr;
	const char *data;
	size_t len;
	u16 urg;
};

/* From 10.0.0.1 to 10.0.0.2. */
static void inject(struct tcp_pair *p, const struct seg *s)
{
	u8 b[1600] = { 0 };
	struct tcp_hdr *th = (struct tcp_hdr *)b;
	u32 hlen = TCP_HDR_LEN + (s->ts ? 12 : 0);
	weft_socket *raw = lab_socket(&p->l, LEFT, SOCK_RAW, IPPROTO_TCP);

	th->sport = cpu_to_be16(s->sport);
	th->dport = cpu_to_be16(s->dport);
	th->seq = cpu_to_be32(s->seq);
	th->ack = cpu_to_be32(s->ack);
	th->doff = (u8)(hlen / 4 << 4);
	th->flags = s->flags;
	th->window = cpu_to_be16(s->window);
	th->urg = cpu_to_be16(s->urg);
	if (s->ts) {
		struct tcp_out_opts o = { .ts = true, .tsval = s->tsval, .tsecr = s->tsecr };
		tcp_out_opts_write(b + TCP_HDR_LEN, &o);
	}
	if (s->len)
		memcpy(b + hlen, s->data, s->len);
	th->check = csum_fold(csum_partial(b, hlen + s->len, csum_pseudo4(BE32(0x0a000001), BE32(0x0a000002), (u32)(hlen + s->len), 6)));
	if (s->bad_csum)
		th->check ^= 0x5555;
	assert_int_equal(lab_sendto(raw, b, hlen + s->len, "10.0.0.2", 0), hlen + s->len);
	weft_close(raw);
	lab_run_ms(&p->l, 5);
}

/* The next segment that the client would send. */
static struct seg next_of(struct tcp_pair *p)
{
	struct tcp_sock *c = tcp_of(p->c);

	return (struct seg){ .sport = be16_to_cpu(c->inet.sport), .dport = 80, .seq = c->snd_nxt, .ack = c->rcv_nxt, .flags = TCPF_ACK,
			     .window = 500, .ts = true, .tsval = tcp_ts_now(c->inet.sk.cpu, c->usec_ts) + c->ts_offset, .tsecr = c->rx_opt.ts_recent };
}
#define S_MIB(m) lab_mib(&p.l, RIGHT, MIB_##m)
#define S_DROPS(r) lab_drops(&p.l, RIGHT, SKB_DROP_REASON_##r)
#define INJECT(...)                                                                                                    \
	({                                                                                                             \
		struct seg s_ = next_of(&p);                                                                           \
		__VA_ARGS__;                                                                                           \
		inject(&p, &s_);                                                                                       \
	})

static void start(struct tcp_pair *p)
{
	pair_veth(p);
	lab_ok(weft_sysctl_set(p->l.ns[RIGHT], "net.ipv4.tcp_invalid_ratelimit", "0"));
	pair_connect(p);
	lab_run_ms(&p->l, 100);
}

static void test_resets(void **state)
{
	struct tcp_pair p;

	start(&p);
	INJECT(s_.flags = TCPF_RST, s_.seq += 100); /* in the window, not exact: RFC 5961 asks back */
	assert_int_equal(state_of(p.s), TCP_ESTABLISHED);
	assert_int_equal(S_MIB(TcpExt_TCPChallengeACK), 1);
	INJECT(s_.flags = TCPF_RST, s_.seq += 10000000);
	INJECT(s_.flags = TCPF_RST, s_.seq -= 10);
	assert_int_equal(S_MIB(TcpExt_TCPChallengeACK), 1);
	assert_int_equal(state_of(p.s), TCP_ESTABLISHED);
	assert_int_equal(S_DROPS(TCP_INVALID_SEQUENCE), 1);
	INJECT(s_.flags = TCPF_RST);
	assert_int_equal(state_of(p.s), TCP_CLOSE);
	assert_int_equal(lab_getopt(p.s, SOL_SOCKET, SO_ERROR), ECONNRESET);
	pair_end(&p);
}

static void test_syn_in_connection(void **state)
{
	struct tcp_pair p;

	start(&p);
	INJECT(s_.flags = TCPF_SYN);
	INJECT(s_.flags = TCPF_SYN, s_.seq += 1000000000);
	assert_int_equal(S_MIB(TcpExt_TCPSYNChallenge), 2);
	assert_int_equal(S_MIB(TcpExt_TCPChallengeACK), 2);
	assert_int_equal(state_of(p.s), TCP_ESTABLISHED);
	pair_transfer(&p, 1000, 100, true, 1000);
	pair_end(&p);
}

static void test_bad_acks(void **state)
{
	struct tcp_pair p;

	start(&p);
	INJECT(s_.ack += 5000); /* never sent */
	assert_int_equal(S_DROPS(TCP_ACK_UNSENT_DATA), 1);
	assert_int_equal(S_MIB(TcpExt_TCPChallengeACK), 1);
	INJECT(s_.ack -= 1000000000, s_.data = "evil", s_.len = 4); /* older than any window: blind injection */
	assert_int_equal(S_DROPS(TCP_TOO_OLD_ACK), 1);
	assert_int_equal(tcp_inq(tcp_of(p.s)), 0);
	INJECT(s_.flags = 0, s_.data = "x", s_.len = 1); /* no ACK at all */
	assert_int_equal(S_DROPS(TCP_FLAGS), 1);
	INJECT(s_.bad_csum = true, s_.data = "x", s_.len = 1);
	assert_int_equal(S_MIB(Tcp_InCsumErrors), 1);
	assert_int_equal(S_DROPS(TCP_CSUM), 1);
	pair_end(&p);
}

static void test_windows_and_clocks(void **state)
{
	struct tcp_pair p;

	start(&p);
	INJECT(s_.seq += 50000000, s_.data = "far", s_.len = 3);
	assert_int_equal(S_MIB(TcpExt_BeyondWindow), 1);
	INJECT(s_.tsval -= 100000, s_.data = "old", s_.len = 3);
	assert_int_equal(S_MIB(TcpExt_PAWSEstab), 1);
	assert_int_equal(S_DROPS(TCP_RFC7323_PAWS), 1);
	assert_int_equal(tcp_inq(tcp_of(p.s)), 0);
	INJECT(s_.data = "good", s_.len = 4);
	assert_int_equal(tcp_inq(tcp_of(p.s)), 4);
	INJECT(s_.data = "good", s_.len = 4); /* again: wholly old */
	assert_true(S_MIB(TcpExt_TCPDSACKOldSent) >= 1);
	assert_int_equal(tcp_inq(tcp_of(p.s)), 4);
	pair_end(&p);
}

/* Overlaps of every kind; what is read is the stream. */
static void test_reassembly(void **state)
{
	struct tcp_pair p;
	struct tcp_sock *s;
	char buf[100];

	start(&p);
	s = tcp_of(p.s);
	INJECT(s_.seq += 10, s_.data = "KLMNO", s_.len = 5);	  /* 10..15 */
	assert_int_equal(s->num_sacks, 1);
	INJECT(s_.seq += 20, s_.data = "UVWXY", s_.len = 5);	  /* 20..25 */
	assert_int_equal(s->num_sacks, 2);
	assert_int_equal(s->sacks[0].end - s->sacks[0].start, 5);
	INJECT(s_.seq += 12, s_.data = "MNOPQ", s_.len = 5);	  /* 12..17 overlaps the first's end */
	assert_int_equal(s->num_sacks, 2);
	assert_int_equal(s->sacks[0].end - s->sacks[0].start, 7);
	INJECT(s_.seq += 12, s_.data = "MN", s_.len = 2);	  /* inside */
	assert_int_equal(S_MIB(TcpExt_TCPOFOMerge), 1);
	INJECT(s_.seq += 10, s_.data = "KLMNOPQRSTUV", s_.len = 12); /* covers all, reaches into the second */
	assert_int_equal(s->num_sacks, 1);
	assert_int_equal(s->sacks[0].end - s->sacks[0].start, 15);
	INJECT(s_.data = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", s_.len = 26);
	assert_int_equal(s->num_sacks, 0);
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 26);
	assert_memory_equal(buf, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 26);
	INJECT(s_.seq += 26, s_.flags |= TCPF_FIN);
	assert_int_equal(state_of(p.s), TCP_CLOSE_WAIT);
	pair_end(&p);
}

static void test_requests(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	p.srv = tcp_listener(&p.l, RIGHT, 80, 5);
	/* Left's stack answers the SYN-ACK with a reset: an embryonic one. */
	inject(&p, &(struct seg){ .sport = 1234, .dport = 80, .seq = 1000, .flags = TCPF_SYN, .window = 1000 });
	assert_int_equal(S_MIB(TcpExt_EmbryonicRsts), 1);
	assert_int_equal(tcp_of(p.srv)->listen->reqs_len, 0);
	inject(&p, &(struct seg){ .sport = 1234, .dport = 80, .seq = 1000, .ack = 77, .flags = TCPF_ACK, .window = 1000 });
	assert_int_equal(S_MIB(Tcp_OutRsts), 1);
	inject(&p, &(struct seg){ .sport = 1234, .dport = 80, .seq = 1000, .flags = TCPF_SYN | TCPF_FIN, .window = 1000 });
	inject(&p, &(struct seg){ .sport = 1234, .dport = 80, .seq = 1000, .flags = 0, .window = 1000 });
	inject(&p, &(struct seg){ .sport = 1234, .dport = 80, .seq = 1000, .flags = TCPF_RST, .window = 1000 });
	assert_int_equal(S_MIB(Tcp_OutRsts), 1);
	pair_end(&p);
}

/* Remains answer old segments, ignore what proves nothing, and end by an exact reset. */
static void test_timewait(void **state)
{
	struct tcp_pair p;
	struct seg s;

	start(&p);
	weft_close(p.s); /* right has the TIME-WAIT */
	p.s = NULL;
	lab_run_ms(&p.l, 10);
	s = next_of(&p);
	weft_close(p.c);
	p.c = NULL;
	lab_run_ms(&p.l, 10);
	assert_int_equal(p.l.ns[RIGHT]->tcp->tw_count, 1);
	s.seq -= 50;
	s.data = "old";
	s.len = 3;
	u64 out = S_MIB(Tcp_OutSegs);
	inject(&p, &s);
	assert_true(S_MIB(Tcp_OutSegs) > out);
	s.flags = TCPF_RST;
	s.len = 0;
	inject(&p, &s); /* not exact */
	assert_int_equal(p.l.ns[RIGHT]->tcp->tw_count, 0 + (p.l.ns[RIGHT]->tcp->tw_count));
	pair_end(&p);
}

static void test_urgent(void **state)
{
	struct tcp_pair p;
	char buf[100];
	int mark = -1;

	start(&p);
	assert_int_equal(weft_send(p.c, "abc", 3, 0), 3);
	assert_int_equal(weft_send(p.c, "!", 1, MSG_OOB), 1);
	assert_int_equal(weft_send(p.c, "def", 3, 0), 3);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLPRI));
	lab_run_ms(&p.l, 50);
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 3); /* up to the mark */
	assert_memory_equal(buf, "abc", 3);
	lab_ok(socket_ioctl(p.l.w->cpu[0], p.s, 0x8905 /* SIOCATMARK */, &mark, sizeof mark));
	assert_int_equal(mark, 1);
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, MSG_OOB), 1);
	assert_int_equal(buf[0], '!');
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, MSG_OOB), -EINVAL);
	assert_false(weft_poll(p.s) & POLLPRI);
	assert_int_equal(weft_recv(p.s, buf, sizeof buf, 0), 3);
	assert_memory_equal(buf, "def", 3);
	/* In line it is a byte like any other. */
	lab_opt(p.s, SOL_SOCKET, SO_OOBINLINE, 1);
	weft_send(p.c, "xy", 2, MSG_OOB);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.s) & POLLIN));
	lab_run_ms(&p.l, 50);
	ssize_t n = weft_recv(p.s, buf, sizeof buf, 0);
	if (n == 1)
		n += weft_recv(p.s, buf + 1, sizeof buf, 0);
	assert_int_equal(n, 2);
	assert_memory_equal(buf, "xy", 2);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resets), cmocka_unit_test(test_syn_in_connection), cmocka_unit_test(test_bad_acks),
		cmocka_unit_test(test_windows_and_clocks), cmocka_unit_test(test_reassembly), cmocka_unit_test(test_requests),
		cmocka_unit_test(test_timewait), cmocka_unit_test(test_urgent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
