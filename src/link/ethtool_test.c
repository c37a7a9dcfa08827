/* SIOCETHTOOL as ethtool(8) uses it: sizes first, then contents; features that switch and say so; what a veth refuses and a nic does. */
#include "link/ethtool.h"
#include "link/test_stack.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"
#include "link/type/veth.h"

static struct world *w;
static struct cpu *cpu;
static struct netns *net;
static struct net_device *va, *vb, *eth;

static int setup(void **state)
{
	struct port *port;
	w = test_world(&test_tables, 1);
	cpu = config_cpu(w);
	net = test_netns(w, "a", 0);
	assert_int_equal(veth_pair_new(cpu, net, "va", net, "vb", &va, &vb), 0);
	assert_int_equal(mem_port_new(&w->mem, &port), 0);
	assert_int_equal(nic_new(cpu, net, "eth0", port, &(struct nic_config){ .queues = 4 }, &eth), 0);
	dev_change_flags(cpu, eth, eth->flags | IFF_UP, NULL);
	return 0;
}
static int teardown(void **state)
{
	netns_free(net);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
static int call(struct net_device *dev, void *arg) { return dev_ethtool(cpu, dev, (u64)(uintptr_t)arg); }

static void test_features(void **state)
{
	struct { struct ethtool_sset_info s; u32 len; } info = { .s = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1 << ETH_SS_FEATURES } };
	struct { struct ethtool_gstrings s; char name[64][32]; } str = { .s = { .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES } };
	struct { struct ethtool_gfeatures g; struct ethtool_get_features_block b[2]; } get = { .g = { ETHTOOL_GFEATURES, 2 } };
	struct { struct ethtool_sfeatures s; struct ethtool_set_features_block b[2]; } set = { .s = { ETHTOOL_SFEATURES, 2 } };
	assert_int_equal(call(va, &info), 0);
	assert_int_equal(info.len, 64);
	assert_int_equal(call(va, &str), 0);
	assert_string_equal(str.name[14], "rx-gro");
	assert_string_equal(str.name[2], "");
	assert_int_equal(call(va, &get), 0);
	assert_int_equal((u64)get.b[1].active << 32 | get.b[0].active, va->features & ~(u64)NETIF_F_UNNAMED);
	set.b[0].valid = set.b[0].requested = NETIF_F_GRO;
	assert_int_equal(call(va, &set), 0);
	assert_true(va->features & NETIF_F_GRO);
	set.b[0].valid = NETIF_F_SG; /* GSO goes with it */
	set.b[0].requested = 0;
	assert_int_equal(call(va, &set), 0);
	assert_false(va->features & (NETIF_F_SG | NETIF_F_GSO));
	set.b[0].valid = set.b[0].requested = NETIF_F_GSO;
	assert_int_equal(call(va, &set), ETHTOOL_F_WISH);
	set.b[0].valid = NETIF_F_LRO;
	assert_int_equal(call(va, &set), ETHTOOL_F_UNSUPPORTED);
	set.b[0].valid = BIT(2);
	assert_int_equal(call(va, &set), -EINVAL);
	struct ethtool_value v = { .cmd = ETHTOOL_STXCSUM };
	assert_int_equal(call(va, &v), 0);
	assert_false(va->features & NETIF_F_HW_CSUM);
	assert_int_equal(call(net->dev->loopback, &v), -EOPNOTSUPP);
}

static void test_veth(void **state)
{
	struct ethtool_drvinfo d = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_ringparam r = { .cmd = ETHTOOL_GRINGPARAM };
	struct ethtool_value v = { .cmd = ETHTOOL_GLINK };
	struct { struct ethtool_stats s; u64 value[1]; } st = { .s = { .cmd = ETHTOOL_GSTATS } };
	assert_int_equal(call(va, &d), 0);
	assert_string_equal(d.driver, "veth");
	assert_int_equal(d.n_stats, 1);
	assert_int_equal(call(va, &r), -EOPNOTSUPP);
	assert_int_equal(call(va, &v), 0);
	assert_int_equal(v.data, 0);
	assert_int_equal(call(va, &st), 0);
	assert_int_equal(st.value[0], vb->ifindex);
	assert_int_equal(call(net->dev->loopback, &d), -EOPNOTSUPP);
	u32 unknown = 0x7777;
	assert_int_equal(call(va, &unknown), -EOPNOTSUPP);
}

static void test_nic(void **state)
{
	struct ethtool_ringparam r = { .cmd = ETHTOOL_GRINGPARAM };
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_coalesce co = { .cmd = ETHTOOL_GCOALESCE };
	struct { struct ethtool_rxfh r; u32 table[128]; u8 key[40]; } rss = { .r = { .cmd = ETHTOOL_GRSSH } };
	assert_int_equal(call(eth, &r), 0);
	assert_int_equal(r.rx_pending, 1024);
	r.cmd = ETHTOOL_SRINGPARAM;
	r.rx_pending = 300;
	assert_int_equal(call(eth, &r), 0);
	assert_int_equal(nic_of(eth)->rx_ring, 512);
	r.rx_pending = 1 << 20;
	assert_int_equal(call(eth, &r), -EINVAL);
	assert_int_equal(call(eth, &c), 0);
	assert_int_equal(c.combined_count, 4);
	c.cmd = ETHTOOL_SCHANNELS;
	c.combined_count = 2;
	assert_int_equal(call(eth, &c), 0);
	assert_int_equal(eth->real_rx_queues, 2);
	c.combined_count = 9;
	assert_int_equal(call(eth, &c), -EINVAL);
	co.cmd = ETHTOOL_SCOALESCE;
	co.rx_coalesce_usecs = 50;
	assert_int_equal(call(eth, &co), 0);
	assert_int_equal(nic_of(eth)->rx_usecs, 50);
	co.tx_coalesce_usecs = 50;
	assert_int_equal(call(eth, &co), -EOPNOTSUPP);
	assert_int_equal(call(eth, &rss), 0);
	assert_int_equal(rss.r.indir_size, 128);
	assert_int_equal(rss.r.key_size, 40);
	assert_int_equal(call(eth, &rss), 0);
	assert_int_equal(rss.table[3], 1);
	assert_int_equal(rss.key[0], 0x6d);
	rss.r.cmd = ETHTOOL_SRSSH;
	rss.table[0] = 2; /* only two queues are in use */
	assert_int_equal(call(eth, &rss), -EINVAL);
	rss.table[0] = 1;
	assert_int_equal(call(eth, &rss), 0);
	assert_int_equal(nic_of(eth)->rss.table[0], 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { T(test_features), T(test_veth), T(test_nic) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
