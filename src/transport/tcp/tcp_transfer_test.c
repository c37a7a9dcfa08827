/* Bulk data over good and bad wires: what arrives is what was sent, whatever the wire does; and the same seed gives the same frames. */
#include "transport/tcp/test_tcp.h"

static void test_veth_bulk(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	pair_connect(&p);
	pair_transfer(&p, 20 << 20, 131072, false, 10000);
	pair_transfer(&p, 4 << 20, 10007, true, 10000);
	/* The reader is slow beside a path without delay: tail probes may go, but nothing is ever taken for lost. */
	assert_true(info_of(p.c).total_retrans <= lab_mib(&p.l, LEFT, MIB_TcpExt_TCPLossProbes));
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPLossProbeRecovery), 0);
	assert_int_equal(lab_mib(&p.l, LEFT, MIB_TcpExt_TCPSackRecovery) + lab_mib(&p.l, LEFT, MIB_TcpExt_TCPTimeouts), 0);
	pair_end(&p);
}

static void test_small_writes(void **state)
{
	struct tcp_pair p;

	pair_veth(&p);
	pair_connect(&p);
	pair_transfer(&p, 20000, 1, false, 100000);
	pair_transfer(&p, 200000, 97, true, 100000);
	pair_end(&p);
}

/* A wire of 20 ms and 100 Mbit/s with loss, duplication, reordering. */
static void lossy(u64 seed, u32 loss, u32 dup, u32 reorder, u32 corrupt, u64 bytes, int sack, int ts)
{
	weft_wire_params w = { .delay_ns = 10 * LAB_MS, .rate_bps = 100000000, .loss_ppm = loss, .duplicate_ppm = dup, .reorder_ppm = reorder,
			       .jitter_ns = reorder ? 2 * LAB_MS : 0, .corrupt_ppm = corrupt };
	struct tcp_pair p;

	pair_wire(&p, seed, &w, &w);
	if (!sack)
		lab_ok(weft_sysctl_set(p.l.ns[LEFT], "net.ipv4.tcp_sack", "0"));
	if (!ts)
		lab_ok(weft_sysctl_set(p.l.ns[RIGHT], "net.ipv4.tcp_timestamps", "0"));
	pair_connect(&p);
	pair_transfer(&p, bytes, 65536, false, 600000);
	pair_transfer(&p, bytes / 8, 3000, true, 600000);
	pair_end(&p);
}

static void test_clean_wire(void **state) { lossy(1, 0, 0, 0, 0, 4 << 20, 1, 1); }
static void test_loss(void **state)
{
	for (u64 seed = 1; seed <= 6; seed++)
		lossy(seed, 10000, 0, 0, 0, 2 << 20, 1, 1);
	lossy(7, 50000, 0, 0, 0, 1 << 20, 1, 1);
	lossy(8, 200000, 0, 0, 0, 1 << 17, 1, 1);
}
static void test_loss_no_sack(void **state)
{
	for (u64 seed = 1; seed <= 3; seed++) {
		lossy(seed, 10000, 0, 0, 0, 1 << 20, 0, 1);
		lossy(seed, 10000, 0, 0, 0, 1 << 20, 1, 0);
		lossy(seed, 10000, 0, 0, 0, 1 << 20, 0, 0);
	}
}
static void test_everything(void **state)
{
	for (u64 seed = 1; seed <= 6; seed++)
		lossy(seed, 10000, 10000, 20000, 2000, 1 << 20, 1, 1);
	lossy(9, 30000, 30000, 100000, 10000, 1 << 19, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_veth_bulk), cmocka_unit_test(test_small_writes), cmocka_unit_test(test_clean_wire),
		cmocka_unit_test(test_loss), cmocka_unit_test(test_loss_no_sack), cmocka_unit_test(test_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
