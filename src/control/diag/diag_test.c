/* sock_diag as ss asks it: dumps by state, family, port and bytecode; one socket; the end of one; dumps longer than a datagram. */
#include <linux/tcp_metrics.h>

#include "control/diag/diag.h"
#include "control/genl.h"
#include "transport/tcp/tcp_info.h"
#include "transport/tcp/test_tcp.h"

struct answer {
	struct inet_diag_msg m;
	struct nl_attrs a;
	u8 bytes[1024];
};

struct ask {
	struct nlmsghdr h;
	struct inet_diag_req_v2 r;
	struct { u16 len, type; } a;
	u8 bc[256];
} __attribute__((packed, aligned(4)));

static weft_socket *diag(struct lab *l, int ns)
{
	weft_socket *s = NULL;

	lab_ok(weft_socket_new(l->ns[ns], AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, &s));
	return s;
}

static struct ask query(u16 type, u16 flags, u8 protocol, u32 states)
{
	struct ask q = { .h = { .nlmsg_type = type, .nlmsg_flags = (u16)(NLM_F_REQUEST | flags), .nlmsg_seq = 7 },
			 .r = { .sdiag_family = AF_INET, .sdiag_protocol = protocol, .idiag_states = states,
				.idiag_ext = 0xff, .id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } };

	q.h.nlmsg_len = sizeof q.h + sizeof q.r;
	return q;
}

static void add_bc(struct ask *q, const void *bc, size_t len)
{
	q->a.type = INET_DIAG_REQ_BYTECODE;
	q->a.len = (u16)(4 + len);
	memcpy(q->bc, bc, len);
	q->h.nlmsg_len += (u32)(4 + len);
}

/* Answers in *out (up to max); the number of them, or the error. */
static int ask(weft_socket *nl, const struct ask *q, struct answer *out, int max)
{
	static u8 buf[32768];
	int n = 0;

	assert_int_equal(weft_send(nl, q, q->h.nlmsg_len, 0), q->h.nlmsg_len);
	for (;;) {
		ssize_t len = weft_recv(nl, buf, sizeof buf, 0);
		size_t left;

		if (len == -EAGAIN)
			return n;
		assert_true(len > 0);
		left = (size_t)len;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE) {
				int err = *(int *)NLMSG_DATA(h);
				return err ? err : n;
			}
			if (h->nlmsg_type == NLMSG_ERROR)
				return *(int *)NLMSG_DATA(h);
			assert_int_equal(h->nlmsg_type, SOCK_DIAG_BY_FAMILY);
			assert_int_equal(h->nlmsg_seq, 7);
			if (n < max) {
				struct answer *a = &out[n];
				size_t rest = h->nlmsg_len - NLMSG_LENGTH(sizeof a->m);

				memcpy(&a->m, NLMSG_DATA(h), sizeof a->m);
				assert_true(rest <= sizeof a->bytes);
				memcpy(a->bytes, (u8 *)NLMSG_DATA(h) + sizeof a->m, rest);
				lab_ok(nl_parse(a->bytes, rest, &a->a, INET_DIAG_MAX, NULL, false, NULL));
			}
			n++;
		}
	}
}

static void test_states(void **state)
{
	struct answer a[8];
	struct tcp_pair p;
	struct ask q;
	weft_socket *nl;

	pair_veth(&p);
	pair_connect(&p);
	weft_send(p.c, "hello", 5, 0);
	lab_run_ms(&p.l, 100);
	nl = diag(&p.l, RIGHT);
	q = query(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, IPPROTO_TCP, ~0u);
	assert_int_equal(ask(nl, &q, a, 8), 2);
	assert_int_equal(a[0].m.idiag_state, TCP_LISTEN);
	assert_int_equal(a[0].m.idiag_wqueue, 128);
	assert_int_equal(ntohs(a[0].m.id.idiag_sport), 80);
	assert_int_equal(a[1].m.idiag_state, TCP_ESTABLISHED);
	assert_int_equal(a[1].m.idiag_rqueue, 5);
	assert_int_equal(a[1].m.id.idiag_src[0], htonl(0x0a000002));
	assert_int_equal(a[1].m.id.idiag_dst[0], htonl(0x0a000001));
	const struct tcp_info_full *i = nl_data(a[1].a.a[INET_DIAG_INFO]);
	assert_int_equal(nl_len(a[1].a.a[INET_DIAG_INFO]), sizeof *i);
	assert_int_equal(i->bytes_received, 5);
	assert_string_equal(nl_data(a[1].a.a[INET_DIAG_CONG]), "cubic");
	assert_int_equal(nl_len(a[1].a.a[INET_DIAG_SKMEMINFO]), 36);
	assert_non_null(a[1].a.a[INET_DIAG_SHUTDOWN]);
	assert_non_null(a[1].a.a[INET_DIAG_MARK]);
	q = query(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, IPPROTO_TCP, TCPS(LISTEN));
	assert_int_equal(ask(nl, &q, a, 8), 1);
	q.r.sdiag_family = AF_INET6;
	assert_int_equal(ask(nl, &q, a, 8), 0);
	q = query(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, IPPROTO_SCTP, ~0u);
	assert_int_equal(ask(nl, &q, a, 8), -ENOENT);
	q.r.sdiag_family = AF_UNIX;
	assert_int_equal(ask(nl, &q, a, 8), -ENOENT);
	/* What is left of a connection. */
	weft_close(p.s);
	p.s = NULL;
	lab_run_ms(&p.l, 100);
	q = query(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, IPPROTO_TCP, ~TCPS(LISTEN));
	weft_close(p.c);
	p.c = NULL;
	lab_run_ms(&p.l, 100);
	weft_close(nl);
	pair_end(&p);
}

static void test_one_and_kill(void **state)
{
	struct answer a[2];
	struct tcp_pair p;
	struct ask q;
	weft_socket *nl;

	pair_veth(&p);
	pair_connect(&p);
	nl = diag(&p.l, LEFT);
	q = query(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, IPPROTO_TCP, ~0u);
	assert_int_equal(ask(nl, &q, a, 2), 1);
	q = query(SOCK_DIAG_BY_FAMILY, 0, IPPROTO_TCP, ~0u);
	q.r.id = a[0].m.id;
	assert_int_equal(ask(nl, &q, a, 2), 1);
	assert_int_equal(a[0].m.idiag_state, TCP_ESTABLISHED);
	q.r.id.idiag_cookie[0]++;
	assert_int_equal(ask(nl, &q, a, 2), -ESTALE);
	q.h.nlmsg_type = SOCK_DESTROY;
	assert_int_equal(ask(nl, &q, a, 2), -ESTALE);
	q.r.id = a[0].m.id;
	q.h.nlmsg_flags |= NLM_F_ACK;
	assert_int_equal(ask(nl, &q, a, 2), 0);
	assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ERROR), ECONNABORTED);
	lab_run_ms(&p.l, 10);
	assert_int_equal(lab_getopt(p.s, SOL_SOCKET, SO_ERROR), ECONNRESET);
	assert_int_equal(ask(nl, &q, a, 2), -ENOENT);
	weft_close(nl);
	pair_end(&p);
}

static void test_dgram(void **state)
{
	struct answer a[4];
	struct lab l;
	struct ask q;
	weft_socket *nl, *u, *r;

	lab_pair(&l, 1);
	u = lab_udp(&l, LEFT, "10.0.0.1", 53);
	r = lab_socket(&l, LEFT, SOCK_RAW, IPPROTO_ICMP);
	nl = diag(&l, LEFT);
	q = query(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, IPPROTO_UDP, ~0u);
	assert_int_equal(ask(nl, &q, a, 4), 1);
	assert_int_equal(ntohs(a[0].m.id.idiag_sport), 53);
	assert_int_equal(a[0].m.idiag_state, TCP_CLOSE);
	q.r.id = a[0].m.id;
	q.h.nlmsg_flags = NLM_F_REQUEST;
	assert_int_equal(ask(nl, &q, a, 4), 1);
	q = query(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, IPPROTO_RAW, ~0u);
	assert_int_equal(ask(nl, &q, a, 4), 1);
	assert_int_equal(nl_u8(a[0].a.a[INET_DIAG_PROTOCOL]), IPPROTO_ICMP);
	weft_close(nl);
	weft_close(u);
	weft_close(r);
	lab_end(&l);
}

/* 700 connections: many datagrams, each once. */
static void test_long_dump(void **state)
{
	enum { N = 350 };
	static struct answer a[2 * N + 8];
	weft_socket *c[N], *s[N], *srv, *nl;
	struct lab l;
	struct ask q;

	lab_pair(&l, 1);
	srv = tcp_listener(&l, LEFT, 80, 500);
	for (int i = 0; i < N; i++) {
		c[i] = lab_socket(&l, LEFT, SOCK_STREAM, 0);
		assert_int_equal(weft_connect(c[i], LAB_SA("127.0.0.1", 80)), -EINPROGRESS);
	}
	lab_run_ms(&l, 100);
	for (int i = 0; i < N; i++)
		lab_ok(weft_accept(srv, &s[i]));
	nl = diag(&l, LEFT);
	q = query(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, IPPROTO_TCP, TCPS(ESTABLISHED));
	assert_int_equal(ask(nl, &q, a, 2 * N + 8), 2 * N);
	for (int i = 0; i < 2 * N; i++)
		for (int k = 0; k < i; k++)
			assert_int_not_equal(a[i].m.id.idiag_cookie[0], a[k].m.id.idiag_cookie[0]);
	/* sport = :80, as ss compiles it */
	struct inet_diag_bc_op bc[] = { { INET_DIAG_BC_S_EQ, 8, 12 }, { 0, 0, 80 } };
	add_bc(&q, bc, sizeof bc);
	assert_int_equal(ask(nl, &q, a, 0), N);
	weft_close(nl);
	for (int i = 0; i < N; i++) {
		weft_close(c[i]);
		weft_close(s[i]);
	}
	weft_close(srv);
	lab_end(&l);
}

static void test_bytecode(void **state)
{
	struct { struct inet_diag_bc_op op; struct inet_diag_hostcond c; u32 addr; } host = { { INET_DIAG_BC_S_COND, 16, 20 },
											      { AF_INET, 24, -1 }, htonl(0x0a000000) };
	struct inet_diag_bc_op both[] = { { INET_DIAG_BC_D_GE, 8, 20 }, { 0, 0, 1000 }, { INET_DIAG_BC_D_LE, 8, 12 }, { 0, 0, 2000 } };
	struct inet_diag_bc_op mark[] = { { INET_DIAG_BC_MARK_COND, 12, 16 }, { 5, 0, 0 }, { 255, 255, 0xffff } };
	struct inet_diag_bc_op bad;
	struct inaddr in = inaddr_from_v4(BE32(0x0a000007)), out = inaddr_from_v4(BE32(0x0a000107));
	struct diag_entry e = { .saddr = &in, .daddr = &out, .family = AF_INET, .sport = 1, .dport = 1500, .mark = 5 };

	lab_ok(diag_bytecode_audit(&host, sizeof host, false));
	assert_true(diag_bytecode_run(&host, sizeof host, &e));
	host.op.code = INET_DIAG_BC_D_COND;
	assert_false(diag_bytecode_run(&host, sizeof host, &e));
	lab_ok(diag_bytecode_audit(both, sizeof both, false));
	assert_true(diag_bytecode_run(both, sizeof both, &e));
	e.dport = 2001;
	assert_false(diag_bytecode_run(both, sizeof both, &e));
	e.dport = 999;
	assert_false(diag_bytecode_run(both, sizeof both, &e));
	assert_int_equal(diag_bytecode_audit(mark, sizeof mark, false), -EPERM);
	lab_ok(diag_bytecode_audit(mark, sizeof mark, true));
	/* Jumps into an operand, backwards, nowhere; too short; unknown. */
	bad = both[0];
	both[0].no = 4;
	assert_int_equal(diag_bytecode_audit(both, sizeof both, false), -EINVAL);
	both[0] = bad;
	both[0].yes = 0;
	assert_int_equal(diag_bytecode_audit(both, sizeof both, false), -EINVAL);
	both[0] = bad;
	both[0].no = 400;
	assert_int_equal(diag_bytecode_audit(both, sizeof both, false), -EINVAL);
	host.op.yes = 12;
	assert_int_equal(diag_bytecode_audit(&host, sizeof host, false), -EINVAL);
	bad = (struct inet_diag_bc_op){ 99, 4, 8 };
	assert_int_equal(diag_bytecode_audit(&bad, sizeof bad, true), -EINVAL);
	assert_int_equal(diag_bytecode_audit(&bad, 3, true), -EINVAL);
}

/* A generic netlink request; the attributes of the first answer in *a, or the error. */
static int genl(weft_socket *nl, u16 type, u16 flags, u8 cmd, u16 attr, const void *val, u16 len, struct answer *out)
{
	struct { struct nlmsghdr h; struct genlmsghdr g; struct nlattr a; u8 val[32]; } q = {
		.h = { .nlmsg_len = sizeof q.h + sizeof q.g, .nlmsg_type = type, .nlmsg_flags = (u16)(NLM_F_REQUEST | flags) }, .g = { .cmd = cmd, .version = 1 } };
	static u8 buf[8192];
	struct nlmsghdr *h = (struct nlmsghdr *)buf;
	ssize_t n;

	if (attr) {
		q.a = (struct nlattr){ .nla_len = (u16)(NLA_HDRLEN + len), .nla_type = attr };
		memcpy(q.val, val, len);
		q.h.nlmsg_len += NLA_ALIGN(q.a.nla_len);
	}
	assert_int_equal(weft_send(nl, &q, q.h.nlmsg_len, 0), q.h.nlmsg_len);
	n = weft_recv(nl, buf, sizeof buf, 0);
	assert_true(n > 0);
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
		return h->nlmsg_type == NLMSG_DONE ? -ENODATA : *(int *)NLMSG_DATA(h);
	memcpy(out->bytes, buf + NLMSG_HDRLEN + GENL_HDRLEN, h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	lab_ok(nl_parse(out->bytes, h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, &out->a, TCP_METRICS_ATTR_MAX, NULL, false, NULL));
	while (weft_recv(nl, buf, sizeof buf, 0) > 0)
		;
	return 0;
}

static void test_metrics(void **state)
{
	be32 peer = BE32(0x0a000001);
	struct tcp_pair p;
	struct answer a;
	weft_socket *nl;
	u16 id;

	pair_veth(&p);
	pair_connect(&p);
	weft_close(p.c);
	lab_run_ms(&p.l, 50);
	weft_close(p.s);
	p.c = p.s = NULL;
	lab_run_ms(&p.l, 50);
	lab_ok(weft_socket_new(p.l.ns[RIGHT], AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, &nl));
	assert_int_equal(genl(nl, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, "no such", 8, &a), -ENOENT);
	lab_ok(genl(nl, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TCP_METRICS_GENL_NAME, sizeof TCP_METRICS_GENL_NAME, &a));
	id = nl_u16(a.a.a[CTRL_ATTR_FAMILY_ID]);
	lab_ok(genl(nl, id, NLM_F_DUMP, TCP_METRICS_CMD_GET, 0, NULL, 0, &a));
	assert_int_equal(nl_u32(a.a.a[TCP_METRICS_ATTR_ADDR_IPV4]), peer.raw);
	lab_ok(genl(nl, id, 0, TCP_METRICS_CMD_GET, TCP_METRICS_ATTR_ADDR_IPV4, &peer, 4, &a));
	assert_non_null(a.a.a[TCP_METRICS_ATTR_VALS]);
	assert_int_equal(genl(nl, id, NLM_F_ACK, TCP_METRICS_CMD_DEL, TCP_METRICS_ATTR_ADDR_IPV4, &peer, 4, &a), 0);
	assert_int_equal(genl(nl, id, 0, TCP_METRICS_CMD_GET, TCP_METRICS_ATTR_ADDR_IPV4, &peer, 4, &a), -ESRCH);
	assert_int_equal(genl(nl, id, NLM_F_DUMP, TCP_METRICS_CMD_GET, 0, NULL, 0, &a), -ENODATA);
	assert_int_equal(genl(nl, id, NLM_F_ACK, TCP_METRICS_CMD_DEL, 0, NULL, 0, &a), 0);
	assert_int_equal(genl(nl, id, 0, 77, 0, NULL, 0, &a), -EOPNOTSUPP);
	weft_close(nl);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_states), cmocka_unit_test(test_one_and_kill), cmocka_unit_test(test_dgram),
					    cmocka_unit_test(test_long_dump), cmocka_unit_test(test_bytecode),
					    cmocka_unit_test(test_metrics) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
