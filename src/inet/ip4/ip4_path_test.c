/* The packet path from end to end: left - router - right. */
#include "inet/ip4/ip4_test_world.h"

static void test_ping_through(void **state)
{
	assert_int_equal(ping_from(left, "10.0.2.2", 56, IP_PMTUDISC_DONT), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 1);
	assert_int_equal(mib_sum(router, MIB_Ip_ForwDatagrams), 2);
	assert_int_equal(seen(&at_right, false, 0)->ttl, 63);
}

static void test_ping_self(void **state)
{
	assert_int_equal(ping_from(left, "127.0.0.1", 56, IP_PMTUDISC_DONT), 0);
	assert_int_equal(ping_from(left, "10.0.1.2", 56, IP_PMTUDISC_DONT), 0);
	after(SEC);
	assert_int_equal(delivered.pings, 2);
	assert_int_equal(at_left.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ping_through, world_up, world_down),
		cmocka_unit_test_setup_teardown(test_ping_self, world_up, world_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
