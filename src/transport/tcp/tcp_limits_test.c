/* Limits of a namespace and of a socket: TIME-WAIT remains, orphans, tcp_mem, SO_SNDBUF. Queues of listeners: tcp_listen_test.c. */
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"
#include "transport/tcp/test_tcp_check.h"

static char buf[65536];

static void sysctl(struct tcp_pair *p, int ns, const char *name, const char *value)
{
	char path[96];

	snprintf(path, sizeof path, "net.ipv4.%s", name);
	lab_ok(weft_sysctl_set(p->l.ns[ns], path, value));
}

/* The client closes first, n times. */
static void close_many(struct tcp_pair *p, int n)
{
	while (n--) {
		p->c = NULL;
		pair_connect(p);
		weft_close(p->c);
		lab_run_ms(&p->l, 1);
		weft_close(p->s);
		lab_run_ms(&p->l, 1);
		p->c = p->s = NULL;
	}
}

static void test_tw_buckets(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	sysctl(&p, LEFT, "tcp_max_tw_buckets", "3");
	close_many(&p, 10);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 3);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPTimeWaitOverflow), 7);
	sysctl(&p, LEFT, "tcp_max_tw_buckets", "0");
	close_many(&p, 2);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 3);
	lab_run_ms(&p.l, 61000);
	assert_int_equal(p.l.ns[LEFT]->tcp->tw_count, 0);
	pair_end(&p);
}

/* A program that ends while its data waits leaves an orphan; beyond tcp_max_orphans it is reset at once. */
static void test_orphans(void **state)
{
	weft_socket *c[4], *s[4];
	struct tcp_pair p;

	pair_veth(&p);
	sysctl(&p, LEFT, "tcp_max_orphans", "2");
	for (int i = 0; i < 4; i++) {
		p.c = NULL;
		pair_connect(&p);
		c[i] = p.c;
		s[i] = p.s;
		while (weft_send(c[i], buf, sizeof buf, 0) > 0)
			lab_run_ms(&p.l, 1);
	}
	for (int i = 0; i < 4; i++)
		weft_close(c[i]);
	assert_int_equal(p.l.ns[LEFT]->tcp->orphans, 2);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPAbortOnMemory), 2);
	lab_run_ms(&p.l, 10);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(state_of(s[i]), i < 2 ? TCP_ESTABLISHED : TCP_CLOSE); /* the first two still wait for a reader */
		weft_close(s[i]);
	}
	p.c = p.s = NULL;
	pair_end(&p);
}

/* Many connections, nobody reads: what all of them hold stays below tcp_mem's third number (but for a packet each, which may always come),
 * and when they are read everything arrives. (The sysctl is the world's first namespace's, as on Linux.) */
static void test_tcp_mem(void **state)
{
	enum { N = 20, PAGES = 200 };
	struct flow_half f[N] = { 0 };
	bool done = false, pressed = false;
	struct tcp_pair p;

	pair_veth(&p);
	sysctl(&p, LEFT, "tcp_mem", "100 150 200");
	for (int i = 0; i < N; i++) {
		p.c = NULL;
		pair_connect(&p);
		f[i] = (struct flow_half){ .from = p.s, .to = p.c, .total = 300000, .salt = (u8)i };
	}
	for (int turn = 0; turn < 20; turn++) {
		for (int i = 0; i < N; i++) {
			size_t run;
			const u8 *from = pattern_at(f[i].sent, f[i].salt, &run);
			ssize_t n = f[i].sent < f[i].total ? weft_send(f[i].from, from, MIN(MIN(run, (size_t)20000), f[i].total - f[i].sent), 0) : 0;
			f[i].sent += n > 0 ? (u64)n : 0;
		}
		lab_run_ms(&p.l, 10);
		pressed = pressed || p.l.ns[LEFT]->tcp->pressure;
		assert_true(p.l.ns[LEFT]->core->tcp_mem_bytes <= PAGES * 4096ull + N * 70000ull);
		tcp_check_net(p.l.ns[RIGHT]);
		tcp_check_net(p.l.ns[LEFT]);
	}
	assert_true(lab_mib(&p.l, LEFT, MIB_TcpExt_PruneCalled) > 0);
	assert_true(lab_wait(&p.l, 900000, ({
		done = true;
		for (int i = 0; i < N; i++) {
			assert_true(flow_pump(&f[i]));
			done = done && f[i].got == f[i].total;
		}
		done;
	})));
	for (int i = 0; i < N; i++) {
		weft_close(f[i].from);
		weft_close(f[i].to);
	}
	lab_run_ms(&p.l, 1000);
	assert_int_equal(p.l.ns[LEFT]->core->tcp_mem_bytes, 0);
	assert_false(p.l.ns[LEFT]->tcp->pressure);
	p.c = p.s = NULL;
	pair_end(&p);
}

/* A send takes no more than SO_SNDBUF has room for, packets' costs included; one byte at a time as well. */
static void test_sndbuf(void **state)
{
	struct tcp_pair p;
	u64 sent[2] = { 0 };
	ssize_t n;

	for (int tiny = 0; tiny < 2; tiny++) {
		pair_veth(&p);
		pair_connect(&p);
		lab_opt(p.s, SOL_SOCKET, SO_RCVBUF, 4096);
		lab_opt(p.c, SOL_SOCKET, SO_SNDBUF, 20000); /* doubled, as on Linux */
		lab_opt(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
		for (int i = 0; i < 100000; i++) {
			n = weft_send(p.c, buf, tiny ? 1 : sizeof buf, 0);
			if (n <= 0 && tcp_of(p.c)->nospace)
				break;
			sent[tiny] += n > 0 ? (u64)n : 0;
			tcp_check_net(p.l.ns[LEFT]);
		}
		assert_int_equal(n, -EAGAIN);
		assert_true(tcp_of(p.c)->inet.sk.wmem_queued <= 40000 + 70000);
		pair_end(&p);
	}
	assert_in_range(sent[0], 20000, 200000);
	assert_in_range(sent[1], 20, 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tw_buckets), cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_tcp_mem),	   cmocka_unit_test(test_sndbuf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
