/* Transmit stamps and zero-copy completions, as the error queue tells them. */
#include <time.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

static const char zeros[100000];

struct note {
	struct sock_extended_err ee;
	u64 ns; /* of the stamp; 0: none */
	size_t bytes;
};

static bool take(weft_socket *s, struct note *n)
{
	char control[512], data[64];
	struct iovec iov = { data, sizeof data };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t r = weft_recvmsg(s, &m, MSG_ERRQUEUE);

	if (r < 0) {
		assert_int_equal(r, -EAGAIN);
		return false;
	}
	*n = (struct note){ .bytes = (size_t)r };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) {
			memcpy(&n->ee, CMSG_DATA(c), sizeof n->ee);
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING) {
			struct timespec ts;
			memcpy(&ts, CMSG_DATA(c), sizeof ts);
			n->ns = (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
		}
	}
	return true;
}

#define STAMP(s, kind, key, at)                                                                                        \
	({                                                                                                             \
		assert_true(take(s, &n));                                                                              \
		assert_int_equal(n.ee.ee_origin, SO_EE_ORIGIN_TIMESTAMPING);                                           \
		assert_int_equal(n.ee.ee_errno, ENOMSG);                                                               \
		assert_int_equal(n.ee.ee_info, kind);                                                                  \
		assert_int_equal(n.ee.ee_data, key);                                                                   \
		assert_int_equal(n.ns, at);                                                                            \
	})

static void test_stamps(void **state)
{
	const int all = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE |
			SOF_TIMESTAMPING_OPT_ID;
	const weft_wire_params way = { .delay_ns = 10 * LAB_MS };
	struct tcp_pair p;
	struct note n;
	u64 t;

	pair_wire(&p, 1, &way, &way);
	pair_connect(&p);
	assert_int_equal(weft_send(p.c, zeros, 500, 0), 500);
	lab_run_ms(&p.l, 200);
	lab_opt(p.c, SOL_SOCKET, SO_TIMESTAMPING, all); /* keys count from here */
	t = weft_now(p.l.w);
	assert_int_equal(weft_send(p.c, zeros, 2000, 0), 2000);
	assert_int_equal(weft_poll(p.c) & POLLERR, POLLERR);
	STAMP(p.c, SCM_TSTAMP_SCHED, 1999, t);
	assert_int_not_equal(n.bytes, 0); /* the packet itself comes along */
	STAMP(p.c, SCM_TSTAMP_SND, 1999, t);
	assert_false(take(p.c, &n));
	/* Two sends in one packet to be: the later one counts. */
	lab_opt(p.c, SOL_SOCKET, SO_TIMESTAMPING, all | SOF_TIMESTAMPING_OPT_TSONLY);
	lab_opt(p.c, IPPROTO_TCP, TCP_CORK, 1);
	assert_int_equal(weft_send(p.c, zeros, 10, 0), 10);
	assert_int_equal(weft_send(p.c, zeros, 10, 0), 10);
	lab_opt(p.c, IPPROTO_TCP, TCP_CORK, 0);
	lab_opt(p.c, IPPROTO_TCP, TCP_NODELAY, 1);
	STAMP(p.c, SCM_TSTAMP_SCHED, 2019, t);
	assert_int_equal(n.bytes, 0);
	STAMP(p.c, SCM_TSTAMP_SND, 2019, t);
	assert_true(lab_wait(&p.l, 1000, weft_poll(p.c) & POLLERR));
	STAMP(p.c, SCM_TSTAMP_ACK, 1999, t + 20 * LAB_MS);
	lab_run_ms(&p.l, 500);
	STAMP(p.c, SCM_TSTAMP_ACK, 2019, n.ns);
	assert_false(take(p.c, &n));
	assert_null(tcp_of(p.c)->marks);
	pair_end(&p);
}

#define COMPLETE(s, lo, hi)                                                                                            \
	({                                                                                                             \
		assert_true(take(s, &n));                                                                              \
		assert_int_equal(n.ee.ee_origin, SO_EE_ORIGIN_ZEROCOPY);                                               \
		assert_int_equal(n.ee.ee_code, SO_EE_CODE_ZEROCOPY_COPIED);                                            \
		assert_int_equal(n.ee.ee_errno, 0);                                                                    \
		assert_int_equal(n.ee.ee_info, lo);                                                                    \
		assert_int_equal(n.ee.ee_data, hi);                                                                    \
	})

static void test_zerocopy(void **state)
{
	const weft_wire_params way = { .delay_ns = 10 * LAB_MS };
	struct tcp_pair p;
	struct note n;
	int err = 0;
	u32 sends;

	pair_wire(&p, 1, &way, &way);
	pair_connect(&p);
	assert_int_equal(weft_send(p.c, zeros, 100, MSG_ZEROCOPY), 100); /* not asked for: an ordinary send */
	lab_opt(p.c, SOL_SOCKET, SO_ZEROCOPY, 1);
	assert_int_equal(lab_getopt(p.c, SOL_SOCKET, SO_ZEROCOPY), 1);
	assert_int_equal(weft_send(p.c, zeros, 1000, MSG_ZEROCOPY), 1000);
	assert_int_equal(weft_send(p.c, zeros, 1000, MSG_ZEROCOPY), 1000);
	assert_int_equal(weft_send(p.c, zeros, 0, MSG_ZEROCOPY), 0);
	assert_false(take(p.c, &n));
	lab_run_ms(&p.l, 300);
	COMPLETE(p.c, 0, 1);
	assert_false(take(p.c, &n));
	/* So many under way, and no more. */
	lab_opt(p.c, IPPROTO_TCP, TCP_CORK, 1);
	for (sends = 0; sends < 1000 && !err; sends += !err) {
		ssize_t r = weft_send(p.c, zeros, 1, MSG_ZEROCOPY);
		err = r < 0 ? (int)r : 0;
	}
	assert_int_equal(err, -ENOBUFS);
	assert_int_equal(sends, p.l.ns[LEFT]->core->optmem_max / 832);
	/* A reset gives all of them back. */
	lab_opt(p.s, SOL_SOCKET, SO_RCVBUF, 4096);
	weft_setsockopt(p.s, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
	weft_close(p.s);
	p.s = NULL;
	assert_true(lab_wait(&p.l, 5000, weft_poll(p.c) & POLLHUP));
	COMPLETE(p.c, 2, 2 + sends - 1);
	assert_int_equal(tcp_of(p.c)->inet.sk.omem_alloc, 0);
	pair_end(&p);
}

/* Whoever moves a stream's bytes itself cannot tell one send from the next. */
static void test_holder(void **state)
{
	const int tx = SOF_TIMESTAMPING_TX_ACK, one = 1;
	struct tcp_pair p;

	pair_veth(&p);
	pair_connect(&p);
	p.c->holder = &p;
	assert_int_equal(weft_setsockopt(p.c, SOL_SOCKET, SO_TIMESTAMPING, &tx, sizeof tx), -EOPNOTSUPP);
	assert_int_equal(weft_setsockopt(p.c, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one), -EOPNOTSUPP);
	p.c->holder = NULL;
	pair_end(&p);
}

/* Without memory there are no notes, and no harm. */
static void test_no_memory(void **state)
{
	const int tx = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID;
	struct tcp_pair p;
	struct note n;

	pair_veth(&p);
	pair_connect(&p);
	lab_opt(p.c, SOL_SOCKET, SO_TIMESTAMPING, tx);
	lab_opt(p.c, SOL_SOCKET, SO_ZEROCOPY, 1);
	for (u64 k = 1; k < 12; k++) {
		p.l.w->mem.fail_at = k;
		weft_send(p.c, zeros, 1, MSG_ZEROCOPY);
		lab_run_ms(&p.l, 50);
		p.l.w->mem.fail_at = 0;
		lab_run_ms(&p.l, 1000);
	}
	while (take(p.c, &n))
		;
	assert_null(tcp_of(p.c)->marks);
	assert_int_equal(tcp_of(p.c)->inet.sk.omem_alloc, 0);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stamps), cmocka_unit_test(test_zerocopy), cmocka_unit_test(test_holder),
					    cmocka_unit_test(test_no_memory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
