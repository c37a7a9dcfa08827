/* Paths that swallow what is large, without a word (RFC 4821). */
#include "transport/tcp/tcp_impl.h"
#include "transport/tcp/test_tcp.h"

struct path {
	size_t limit; /* longest IP packet that passes */
	u64 swallowed;
};

static void narrow(void *arg, weft_wire *w, int direction, const uint8_t *frame, size_t len)
{
	struct path *path = arg;

	if (len > path->limit + 14)
		path->swallowed++;
	else
		weft_wire_inject(w, direction, frame, len, 10 * LAB_MS);
}

static void start(struct tcp_pair *p, struct path *path, const char *probing)
{
	weft_wire_params w = { .delay_ns = 10 * LAB_MS };

	pair_wire(p, 1, &w, &w);
	lab_ok(weft_sysctl_set(p->l.ns[LEFT], "net.ipv4.tcp_mtu_probing", probing));
	weft_wire_set_hand(p->wire, narrow, path);
	pair_connect(p);
}

static void test_black_hole(void **state)
{
	struct path path = { .limit = 1000 };
	struct flow_half f;
	struct tcp_pair p;

	/* Off: nothing gets through. */
	start(&p, &path, "0");
	f = (struct flow_half){ .from = p.c, .to = p.s, .total = 100000, .salt = 1 };
	assert_false(lab_wait(&p.l, 60000, ({ flow_pump(&f); f.got; })));
	pair_end(&p);
	/* On suspicion: after a few timeouts it goes in smaller segments. */
	path = (struct path){ .limit = 700 };
	start(&p, &path, "1");
	pair_transfer(&p, 200000, 10000, false, 120000);
	assert_true(tcp_of(p.c)->mtup.enabled);
	assert_true(tcp_of(p.c)->mss_cache <= 700 - 40 - 12);
	pair_end(&p);
}

/* Always: begins at tcp_base_mss and finds what the path carries, within tcp_probe_threshold. */
static void finds(size_t limit)
{
	struct path path = { .limit = limit };
	struct tcp_pair p;

	start(&p, &path, "2");
	pair_transfer(&p, 3000000, 65536, false, 120000);
	assert_in_range(tcp_of(p.c)->mtup.low, limit - 8, limit);
	assert_int_equal(tcp_of(p.c)->mss_cache, tcp_of(p.c)->mtup.low - 52);
	assert_true(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPMTUPSuccess) >= 2);
	if (limit < 1500)
		assert_true(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPMTUPFail) >= 1);
	assert_int_equal(info_of(p.c).total_rto, 0); /* lost probes cost no timeout */
	pair_end(&p);
}
static void test_search(void **state)
{
	finds(1500);
	finds(1300);
	finds(1111);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_black_hole), cmocka_unit_test(test_search) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
