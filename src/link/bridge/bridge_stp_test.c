/* Spanning tree in virtual time: rings of bridges, links that fail and come back, guards, messages that are not to be believed.
 */
#include "link/bridge/test_bridge.h"

struct ring {
	struct lab l;
	struct bridge *br[3];
	struct net_device *host[3];
};

/* br0 - br1 - br2 - br0, a host at each. stp: on all. */
static struct ring ring_make(bool stp)
{
	static const char *const links[3][2] = { { "l01", "l10" }, { "l12", "l21" }, { "l20", "l02" } };
	struct ring r = { .l = lab_make(1) };
	for (unsigned i = 0; i < 3; i++) {
		char name[DEV_NAME_SIZE];
		snprintf(name, sizeof(name), "br%u", i);
		r.br[i] = lab_bridge(&r.l, name);
		br_stp_set_enabled(r.l.cpu, r.br[i], stp);
		r.host[i] = lab_host(&r.l, r.br[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		lab_link(&r.l, r.br[i], r.br[(i + 1) % 3], links[i][0], links[i][1]);
	return r;
}

static unsigned ports_in(struct ring *r, u8 state)
{
	const struct br_port *p;
	unsigned n = 0;
	for (unsigned i = 0; i < 3; i++)
		br_for_each_port(p, r->br[i])
			n += p->state == state;
	return n;
}

static void each_hears_once(struct ring *r)
{
	for (unsigned i = 0; i < 3; i++) {
		lab_send(&r->l, r->host[i], everybody, 60);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(lab_got(r->host[k]), k != i);
	}
}

static void test_ring(void **state)
{
	struct ring r = ring_make(true);
	assert_int_equal(ports_in(&r, BR_STATE_FORWARDING), 0);
	lab_wait_ms(&r.l, 14000);
	assert_true(ports_in(&r, BR_STATE_LISTENING) >= 8);
	lab_wait_ms(&r.l, 15000);
	assert_int_equal(ports_in(&r, BR_STATE_FORWARDING), 0);
	lab_wait_ms(&r.l, 4000); /* twice the forward delay, and what the first words took */
	assert_int_equal(ports_in(&r, BR_STATE_FORWARDING), 8);
	assert_int_equal(ports_in(&r, BR_STATE_BLOCKING), 1);
	assert_true(br_stp_is_root(r.br[0])); /* the lowest address */
	assert_int_equal(r.br[1]->designated_root, r.br[0]->id);
	assert_int_equal(r.br[1]->root_path_cost, 2);
	assert_int_equal(lab_port_named(&r.l, "l21")->state, BR_STATE_BLOCKING);
	each_hears_once(&r);
	lab_end(&r.l);
}

static void test_priority(void **state)
{
	struct ring r = ring_make(true);
	lab_wait_ms(&r.l, 40000);
	br_stp_set_priority(r.l.cpu, r.br[2], 0x1000);
	lab_wait_ms(&r.l, 60000);
	assert_true(br_stp_is_root(r.br[2]));
	assert_false(br_stp_is_root(r.br[0]));
	assert_int_equal(lab_port_named(&r.l, "l10")->state, BR_STATE_BLOCKING);
	each_hears_once(&r);
	assert_int_equal(br_stp_set_path_cost(r.l.cpu, lab_port_named(&r.l, "l02"), 100), 0);
	lab_wait_ms(&r.l, 60000); /* br0's way leads by br1 now */
	assert_int_equal(r.br[0]->root_path_cost, 4);
	assert_int_equal(lab_port_named(&r.l, "l02")->state, BR_STATE_BLOCKING);
	each_hears_once(&r);
	lab_end(&r.l);
}

static void test_link_fails(void **state)
{
	struct ring r = ring_make(true);
	u64 age;
	lab_wait_ms(&r.l, 100000);
	each_hears_once(&r);
	assert_false(r.br[0]->topology_change);
	lab_up(&r.l, dev_by_name(r.l.net, "l01"), false); /* both ends see it at once */
	lab_wait_ms(&r.l, 53000); /* br1's worse words do not replace what it said before: that ages first */
	assert_int_equal(lab_port_named(&r.l, "l21")->state, BR_STATE_FORWARDING);
	assert_true(r.br[2]->topology_change); /* told by the root */
	age = br_hold_time(r.br[2]);
	assert_int_equal(age, 15 * NSEC_PER_SEC);
	each_hears_once(&r);
	lab_up(&r.l, dev_by_name(r.l.net, "l01"), true);
	lab_wait_ms(&r.l, 100000);
	assert_int_equal(ports_in(&r, BR_STATE_BLOCKING), 1);
	assert_int_equal(br_hold_time(r.br[2]), 300 * NSEC_PER_SEC);
	each_hears_once(&r);
	lab_end(&r.l);
}

/* Its port hears nothing any more, though the link is up: after max_age it is forgotten. */
static void test_silence(void **state)
{
	struct ring r = ring_make(true);
	lab_wait_ms(&r.l, 60000);
	lab_up(&r.l, r.br[0]->dev, false);
	lab_wait_ms(&r.l, 19000);
	assert_int_equal(r.br[1]->designated_root, r.br[0]->id);
	lab_wait_ms(&r.l, 35000);
	assert_true(br_stp_is_root(r.br[1]));
	assert_int_equal(r.br[2]->designated_root, r.br[1]->id);
	lab_send(&r.l, r.host[1], everybody, 60);
	assert_int_equal(lab_got(r.host[2]), 1);
	lab_end(&r.l);
}

static void test_guards(void **state)
{
	struct lab l = lab_make(1);
	struct bridge *a = lab_bridge(&l, "br0"), *b = lab_bridge(&l, "br1");
	lab_link(&l, a, b, "x", "y");
	br_stp_set_enabled(l.cpu, b, true);
	br_stp_set_enabled(l.cpu, a, true);
	lab_wait_ms(&l, 40000);
	assert_true(br_stp_is_root(a));
	br_port_set_flag(lab_port_named(&l, "x"), BRP_ROOT_BLOCK, true);
	br_stp_set_priority(l.cpu, b, 0);
	lab_wait_ms(&l, 5000);
	assert_true(br_stp_is_root(b));
	assert_true(br_stp_is_root(a)); /* it does not follow */
	assert_true(lab_port_named(&l, "x")->state != BR_STATE_FORWARDING);
	br_port_set_flag(lab_port_named(&l, "x"), BRP_BPDU_GUARD, true);
	lab_wait_ms(&l, 5000);
	assert_int_equal(lab_port_named(&l, "x")->state, BR_STATE_DISABLED);
	lab_end(&l);
}

static void test_bad_messages(void **state)
{
	static const u8 good[] = { 0x42, 0x42, 3, 0, 0, 0, 0, 0, 0x10, 0, 2, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0x10, 0, 2, 0, 0, 0, 9, 9, 0x80, 1, 0, 0, 0x14, 0, 2, 0, 0xf, 0 };
	struct lab l = lab_make(1);
	struct bridge *br = lab_bridge(&l, "br0");
	struct net_device *h = lab_host(&l, br);
	br_stp_set_enabled(l.cpu, br, true);
	lab_wait_ms(&l, 40000);
	for (u32 len = 0; len <= sizeof(good); len++) {
		struct sk_buff *skb = skb_alloc(l.cpu, SKB_HEADROOM, 60);
		u8 *p = skb_put(skb, ETH_HDR_LEN + len);
		eth_build((struct eth_hdr *)p, br->group_addr, h->dev_addr, (u16)len);
		memcpy(p + ETH_HDR_LEN, good, len);
		skb->dev = h;
		skb->protocol = BE16(ETH_P_802_2);
		dev_queue_xmit(l.cpu, skb);
		lab_run(&l);
		assert_int_equal(br_stp_is_root(br), len < sizeof(good));
	}
	assert_int_equal(lab_port(&l, h)->stp_stats.rx_bpdu, 1);
	lab_wait_ms(&l, 21000);
	assert_true(br_stp_is_root(br));
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring), cmocka_unit_test(test_priority), cmocka_unit_test(test_link_fails), cmocka_unit_test(test_silence),
		cmocka_unit_test(test_guards), cmocka_unit_test(test_bad_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
