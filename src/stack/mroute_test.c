/* Multicast forwarding in virtual time: what waits for an entry, and how long; how often a wrong way in is told; memory that runs out.
 * The times are Linux 6.18's: 10 s for a program to make an entry, 4 packets meanwhile, one report of a wrong vif in 3 s.
 */
#include "stack/testlib.h"

#include <linux/mroute.h>

#include "core/proc.h"
#include "inet/mroute/mroute.h"
#include "link/netdevice.h"

struct mr { struct lab l; weft_socket *router, *sender, *receiver; };

static int opt(struct mr *m, int name, const void *val, u32 len) { return weft_setsockopt(m->router, SOL_IP, name, val, len); }
static int vif(struct mr *m, u16 i, const char *dev)
{
	struct vifctl v = { .vifc_vifi = i, .vifc_flags = VIFF_USE_IFINDEX, .vifc_threshold = 1,
			    .vifc_lcl_ifindex = dev_by_name(m->l.ns[ROUTER], dev)->ifindex };
	return opt(m, MRT_ADD_VIF, &v, sizeof(v));
}
static int entry(struct mr *m, u16 parent, u16 out, u8 ttl)
{
	struct mfcctl c = { .mfcc_origin.s_addr = inet_addr("10.0.1.2"), .mfcc_mcastgrp.s_addr = inet_addr("239.1.1.1"), .mfcc_parent = parent };
	c.mfcc_ttls[out] = ttl;
	return opt(m, MRT_ADD_MFC, &c, sizeof(c));
}

static void begin(struct mr *m)
{
	struct ip_mreq join = { .imr_multiaddr.s_addr = inet_addr("239.1.1.1"), .imr_interface.s_addr = inet_addr("10.0.2.2") };
	struct in_addr by = { inet_addr("10.0.1.2") };
	lab_routed(&m->l, 1);
	m->sender = lab_udp(&m->l, LEFT, NULL, 0);
	m->receiver = lab_udp(&m->l, RIGHT, "0.0.0.0", 5000);
	lab_ok(weft_setsockopt(m->receiver, SOL_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)));
	lab_ok(weft_setsockopt(m->sender, SOL_IP, IP_MULTICAST_TTL, &(int){ 9 }, sizeof(int)));
	lab_ok(weft_setsockopt(m->sender, SOL_IP, IP_MULTICAST_IF, &by, sizeof(by)));
	lab_ok(weft_socket_new(m->l.ns[ROUTER], AF_INET, SOCK_RAW, IPPROTO_IGMP, &m->router));
	lab_ok(opt(m, MRT_INIT, &(int){ 1 }, sizeof(int)));
	lab_ok(vif(m, 0, "l0"));
	lab_ok(vif(m, 1, "r0"));
	lab_run_ms(&m->l, 10);
}

static void end(struct mr *m)
{
	weft_close(m->router);
	weft_close(m->sender);
	weft_close(m->receiver);
	lab_end(&m->l);
}

static void send_one(struct mr *m)
{
	lab_sendto(m->sender, "hello", 5, "239.1.1.1", 5000);
	lab_run_ms(&m->l, 1);
}

static unsigned received(struct mr *m)
{
	char buf[64];
	unsigned n = 0;
	while (weft_recv(m->receiver, buf, sizeof(buf), MSG_DONTWAIT) == 5)
		n++;
	return n;
}

/* How many reports of this type are in the program's queue; reads all. */
static unsigned reports(struct mr *m, u8 type)
{
	struct igmpmsg im;
	u8 buf[256];
	unsigned n = 0;
	while (weft_recv(m->router, buf, sizeof(buf), MSG_DONTWAIT) > 0) {
		memcpy(&im, buf, sizeof(im));
		n += !im.im_mbz && im.im_msgtype == type;
	}
	return n;
}

static struct mr_table *table(struct mr *m) { return mr_table_find(m->l.ns[ROUTER], m->l.ns[ROUTER]->mroute->v4, RT_TABLE_DEFAULT); }

static void test_waiting(void **state)
{
	struct mr m;
	u64 before;
	begin(&m);
	before = drops_sum(m.l.ns[ROUTER], SKB_DROP_REASON_NOT_SPECIFIED);
	for (unsigned i = 0; i < 7; i++)
		send_one(&m);
	assert_int_equal(reports(&m, IGMPMSG_NOCACHE), 1);
	assert_int_equal(table(&m)->nunresolved, 1);
	assert_int_equal(drops_sum(m.l.ns[ROUTER], SKB_DROP_REASON_NOT_SPECIFIED) - before, 3);
	lab_run_ms(&m.l, 9900);
	assert_int_equal(table(&m)->nunresolved, 1);
	lab_run_ms(&m.l, 100);
	assert_int_equal(table(&m)->nunresolved, 0); /* nobody answered */
	assert_int_equal(drops_sum(m.l.ns[ROUTER], SKB_DROP_REASON_NOT_SPECIFIED) - before, 7);
	send_one(&m);
	assert_int_equal(reports(&m, IGMPMSG_NOCACHE), 1);
	lab_run_ms(&m.l, 5000);
	lab_ok(entry(&m, 0, 1, 1));
	lab_run_ms(&m.l, 1);
	assert_int_equal(received(&m), 1); /* what waited goes */
	send_one(&m);
	assert_int_equal(received(&m), 1);
	assert_int_equal(reports(&m, IGMPMSG_NOCACHE), 0);
	assert_false(timer_armed(&table(&m)->expire));
	end(&m);
}

static void test_wrong_way_in(void **state)
{
	struct mr m;
	struct mr_entry *e;
	begin(&m);
	lab_ok(opt(&m, MRT_ASSERT, &(int){ 1 }, sizeof(int)));
	lab_ok(entry(&m, 1, 0, 1)); /* from the right alone */
	for (unsigned i = 0; i < 5; i++)
		send_one(&m);
	assert_int_equal(reports(&m, IGMPMSG_WRONGVIF), 1);
	lab_run_ms(&m.l, 2900);
	send_one(&m);
	assert_int_equal(reports(&m, IGMPMSG_WRONGVIF), 0);
	lab_run_ms(&m.l, 200);
	send_one(&m);
	assert_int_equal(reports(&m, IGMPMSG_WRONGVIF), 1);
	e = list_first(&table(&m)->entries, struct mr_entry, link);
	assert_int_equal(e->wrong_if, 7);
	assert_int_equal(received(&m), 0);
	end(&m);
}

/* Packets wait, and the device they came by goes: nothing refers to it any more. */
static void test_device_gone(void **state)
{
	struct net_device *dev;
	struct mr m;
	begin(&m);
	send_one(&m);
	assert_int_equal(table(&m)->nunresolved, 1);
	dev = dev_by_name(m.l.ns[ROUTER], "l0");
	dev->kind->dellink(config_cpu(m.l.w), dev);
	assert_int_equal(list_first(&table(&m)->unresolved, struct mr_entry, link)->waiting.count, 0);
	assert_null(table(&m)->vif[0].dev);
	assert_int_equal(table(&m)->nvifs, 2);
	lab_run_ms(&m.l, 11000);
	assert_int_equal(table(&m)->nunresolved, 0);
	end(&m);
}

/* Every allocation on the way of a first packet fails once; the router goes on. */
static void test_no_memory(void **state)
{
	struct mr m;
	begin(&m);
	for (unsigned at = 1; at < 12; at++) {
		m.l.w->mem.fail_at = at;
		send_one(&m);
		m.l.w->mem.fail_at = 0;
		lab_ok(opt(&m, MRT_FLUSH, &(int){ MRT_FLUSH_MFC }, sizeof(int)));
	}
	for (unsigned at = 1; at < 6; at++) {
		m.l.w->mem.fail_at = at;
		int err = entry(&m, 0, 1, 1);
		m.l.w->mem.fail_at = 0;
		assert_true(!err || err == -ENOMEM);
	}
	lab_ok(entry(&m, 0, 1, 1));
	received(&m);
	send_one(&m);
	assert_int_equal(received(&m), 1);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_waiting), cmocka_unit_test(test_wrong_way_in), cmocka_unit_test(test_device_gone),
					    cmocka_unit_test(test_no_memory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
