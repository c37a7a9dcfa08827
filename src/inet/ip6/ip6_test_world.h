/* For the tests of IPv6: left - router - right over veth pairs in virtual time, everything up to IPv6 plugged in, what left and right see
 * captured, and a protocol (253) that collects what is delivered. */
#ifndef INET_IP6_IP6_TEST_WORLD_H
#define INET_IP6_IP6_TEST_WORLD_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "codec/wire/eth.h"
#include "core/stack_tables.h"
#include "core/sysctl.h"
#include "inet/ip4/ip4.h"
#include "inet/ip4/ip4_tables.h"
#include "inet/ip6/ip6_priv.h"
#include "inet/ip6/ip6_tables.h"
#include "link/l3_proto.h"
#include "link/netns_neigh.h"
#include "link/qdisc.h"
#include "link/type/veth.h"

#define TEST_PROTO 253
#define SEC NSEC_PER_SEC

struct capture { /* what a device sent or received, oldest first; bytes from the network header on */
	struct dev_tap tap;
	unsigned n;
	struct { u32 len; u64 at; bool out; u8 bytes[1600]; } p[512];
};
static struct {
	unsigned n, pings, errors;
	u32 len[64];
	u8 bytes[64][4096];
	struct icmp_error last_error;
} delivered;

static inline void tap_fn(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	struct capture *c = container_of(tap, struct capture, tap);
	u32 before = skb_network_header(skb) > skb->data ? (u32)(skb_network_header(skb) - skb->data) : 0;
	if (c->n == ARRAY_SIZE(c->p) || !be16_eq(skb->protocol, BE16(0x86dd)))
		return;
	c->p[c->n].len = skb->len - before;
	c->p[c->n].at = cpu->now;
	c->p[c->n].out = outgoing;
	skb_copy_bits(skb, before, c->p[c->n].bytes, MIN(skb->len - before, (u32)sizeof(c->p[0].bytes)));
	c->n++;
}
static inline void test_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	unsigned i = delivered.n++ % ARRAY_SIZE(delivered.len);
	delivered.len[i] = skb->len;
	skb_copy_bits(skb, 0, delivered.bytes[i], MIN(skb->len, (u32)sizeof(delivered.bytes[0])));
	skb_consume(cpu, skb);
}
static inline void test_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	delivered.errors++;
	delivered.last_error = *e;
}
static inline bool raw_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 proto) { return false; }
static inline void raw_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e, u8 proto) {}
static inline void ping_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	delivered.pings++;
	skb_consume(cpu, skb);
}
static const struct l4_raw_ops test_raw_ops = { .rx = raw_rx, .err = raw_err, .ping_rx = ping_rx, .ping_err = test_err };
static const struct l4_proto test_proto = { .name = "test", .proto = TEST_PROTO, .families = 3, .rx = test_rx, .err = test_err };
static const struct subsys *const test_subsys[] = { &dev_subsys, &neigh_subsys, &inet_subsys, &fib_subsys, &ip4_subsys, &ip6_subsys,
						    &loopback_subsys, NULL };
static const struct event_sub *const test_subs[] = { &ip4_event_sub, &ip6_event_sub, &neigh_event_sub, NULL };
static const struct l3_proto *const test_l3[] = { &ip4_l3_proto, &arp_l3_proto, &ip6_l3_proto, NULL };
static const struct l4_proto *const test_l4[] = { &icmp4_proto, &icmp6_proto, &test_proto, NULL };
static const struct stack_tables test_tables = {
	.subsys = test_subsys, .event_subs = test_subs, .sysctls = ip6_sysctls, .proc_files = ip6_proc_files, .link_kinds = link_kinds_builtin,
	.qdiscs = qdiscs_builtin, .l3_protos = test_l3, .l4_protos = test_l4, .backlog_rx = link_backlog_rx, .dev_netns = link_dev_netns,
	.dev_walk = link_dev_walk, .dst_hold = dst_hold, .dst_put = dst_put,
};

static struct world *w;
static struct cpu *cpu;
static struct netns *left, *router, *right;
static struct net_device *l0, *r0, *r1, *h1; /* left's, router's two, right's */
static struct capture at_left, at_right;

static inline struct inaddr v6(const char *s)
{
	struct inaddr a;
	assert_int_equal(inet_pton(AF_INET6, s, a.b), 1);
	return a;
}
static inline const char *text(const struct inaddr *a)
{
	static char buf[4][INET6_ADDRSTRLEN];
	static unsigned turn;
	return inet_ntop(AF_INET6, a->b, buf[turn++ & 3], INET6_ADDRSTRLEN);
}
static inline int addr_add_flags(struct net_device *dev, const char *addr, u8 len, u32 flags)
{
	struct inet6_ifaddr_config c = { .addr = v6(addr), .prefix_len = len, .flags = flags, .valid_lft_s = ~0u, .preferred_lft_s = ~0u, .excl = true };
	return ip6_addr_add(cpu, dev, &c, NULL);
}
static inline int addr_add(struct net_device *dev, const char *addr, u8 len) { return addr_add_flags(dev, addr, len, 0); }
static inline int addr_del(struct net_device *dev, const char *addr, u8 len)
{
	struct inaddr a = v6(addr);
	return ip6_addr_del(cpu, dev, &a, len, NULL);
}
static inline struct inet6_ifaddr *addr_of(struct net_device *dev, const char *addr)
{
	struct inaddr a = v6(addr);
	return ip6_ifaddr_find(dev->net, &a, dev, 0);
}
static inline struct fib_config route_config(const char *dst, u8 len, const char *via, struct net_device *dev)
{
	struct fib_config c = { .family = AF_INET6, .prefix_len = len, .protocol = RTPROT_BOOT, .type = RTN_UNICAST, .table = RT_TABLE_MAIN,
				.priority = 1024, .nl_flags = NLM_F_CREATE | NLM_F_EXCL, .dst = v6(dst), .oif = dev ? dev->ifindex : 0 };
	if (via) {
		c.has_gw = true;
		c.gw_family = AF_INET6;
		c.gateway = v6(via);
	}
	return c;
}
static inline int route_add(struct netns *net, const char *dst, u8 len, const char *via, struct net_device *dev)
{
	struct fib_config c = route_config(dst, len, via, dev);
	return fib_route_add(cpu, net, &c);
}
static inline void up(struct net_device *dev) { assert_int_equal(dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL), 0); }
static inline void down(struct net_device *dev) { assert_int_equal(dev_change_flags(cpu, dev, dev->flags & ~(u32)IFF_UP, NULL), 0); }
static inline void sysctl(struct netns *net, const char *path, const char *v) { assert_int_equal(sysctl_write(net, path, v, strlen(v)), 0); }
static inline void after(u64 ns) { world_run_until(w, cpu->now + ns); }
static inline u64 drops(struct netns *net, enum skb_drop_reason r) { return drops_sum(net, r); }
static inline void show_drops(struct netns *net)
{
	for (unsigned r = 0; r < SKB_DROP_REASON_MAX; r++)
		if (drops(net, r))
			printf("%s: %s %llu\n", net->name, skb_drop_reason_name(r), (unsigned long long)drops(net, r));
}
static inline void mac(struct net_device *dev, u8 last)
{
	assert_int_equal(dev_set_mac(cpu, dev, (const u8[]){ 2, 0, 0, 0, 0, last }, NULL), 0);
}

static inline int world_new_down(void **state)
{
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = SEC, .tables = &test_tables };
	assert_int_equal(world_new(&cfg, &w), 0);
	cpu = config_cpu(w);
	assert_int_equal(netns_new(w, "left", 0, &left), 0);
	assert_int_equal(netns_new(w, "router", 0, &router), 0);
	assert_int_equal(netns_new(w, "right", 0, &right), 0);
	left->inet->raw = router->inet->raw = right->inet->raw = &test_raw_ops;
	assert_int_equal(veth_pair_new(cpu, left, "l0", router, "r0", &l0, &r0), 0);
	assert_int_equal(veth_pair_new(cpu, router, "r1", right, "h1", &r1, &h1), 0);
	mac(l0, 1), mac(r0, 2), mac(r1, 3), mac(h1, 4);
	up(left->dev->loopback), up(router->dev->loopback), up(right->dev->loopback);
	memset(&delivered, 0, sizeof(delivered));
	at_left = (struct capture){ .tap = { .fn = tap_fn, .ethertype = 3 /* ETH_P_ALL */ } };
	at_right = (struct capture){ .tap = { .fn = tap_fn, .ethertype = 3 } };
	dev_tap_add(left, l0, &at_left.tap);
	dev_tap_add(right, h1, &at_right.tap);
	return 0;
}
/* All up, 2001:db8:1::/64 and :2::/64, default routes, forwarding; duplicates looked for. */
static inline int world_up(void **state)
{
	world_new_down(state);
	sysctl(router, "ipv6/conf/all/forwarding", "1");
	up(l0), up(r0), up(r1), up(h1);
	addr_add(l0, "2001:db8:1::2", 64), addr_add(r0, "2001:db8:1::1", 64), addr_add(r1, "2001:db8:2::1", 64), addr_add(h1, "2001:db8:2::2", 64);
	assert_int_equal(route_add(left, "::", 0, "2001:db8:1::1", NULL), 0);
	assert_int_equal(route_add(right, "::", 0, "2001:db8:2::1", NULL), 0);
	after(5 * SEC);
	at_left.n = at_right.n = 0;
	return 0;
}
static inline int world_down(void **state)
{
	dev_tap_del(&at_left.tap);
	dev_tap_del(&at_right.tap);
	netns_free(left);
	netns_free(router);
	netns_free(right);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}

/* A packet whose payload follows the header given; length and addresses as the header has them (payload_len 0: right). */
static inline struct sk_buff *packet(const struct ip6_hdr *h, const void *ext, u32 extlen, u32 len)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, IP6_HDR_LEN + extlen + len);
	struct ip6_hdr *ip;
	u8 *p;
	assert_non_null(skb);
	ip = (struct ip6_hdr *)skb_put(skb, IP6_HDR_LEN);
	*ip = *h;
	if (!ip->vtf.raw)
		ip->vtf = BE32(0x60000000);
	if (!ip->hop_limit)
		ip->hop_limit = 64;
	if (!ip->payload_len.raw)
		ip->payload_len = cpu_to_be16((u16)(extlen + len));
	if (extlen)
		memcpy(skb_put(skb, extlen), ext, extlen);
	p = skb_put(skb, len);
	for (u32 i = 0; i < len; i++)
		p[i] = (u8)i;
	return skb;
}
static inline struct ip6_hdr header(const char *saddr, const char *daddr, u8 nexthdr)
{
	struct ip6_hdr h = { .nexthdr = nexthdr };
	struct inaddr s = v6(saddr), d = v6(daddr);
	memcpy(h.saddr, s.b, 16);
	memcpy(h.daddr, d.b, 16);
	return h;
}
static inline void arrive(struct net_device *dev, struct sk_buff *skb)
{
	skb->dev = dev;
	skb->protocol = BE16(0x86dd);
	skb_reset_network_header(skb);
	skb->mac_header = skb->network_header;
	skb->skb_iif = dev->ifindex;
	netif_receive(cpu, &skb, 1);
	after(0);
}
static inline int ping_from(struct netns *net, const char *dst, s32 oif, u32 len, bool may_cut)
{
	struct flow fl = { .family = AF_INET6, .proto = IPPROTO_ICMPV6, .daddr = v6(dst), .oif = oif };
	struct sk_buff *skb;
	struct icmp6_hdr *h;
	struct dst *d;
	struct ip_out o;
	int err = inet_af_v6.route_out(cpu, net, &fl, &d);
	if (err)
		return err;
	skb = skb_alloc(cpu, SKB_HEADROOM, ICMP6_HDR_LEN + len);
	h = (struct icmp6_hdr *)skb_put(skb, ICMP6_HDR_LEN + len);
	memset(h, 0, ICMP6_HDR_LEN + len);
	h->type = ICMP6_ECHO;
	h->check = csum_fold(csum_partial(h, ICMP6_HDR_LEN + len, csum_pseudo6(fl.saddr.b, fl.daddr.b, ICMP6_HDR_LEN + len, IPPROTO_ICMPV6)));
	skb_dst_set(skb, d);
	skb->ignore_df = may_cut;
	o = (struct ip_out){ .saddr = fl.saddr, .daddr = fl.daddr, .proto = IPPROTO_ICMPV6, .ttl = -1 };
	return inet_af_v6.xmit(cpu, net, skb, &o);
}
/* The i-th captured packet of that direction and ICMPv6 type (0: of any kind). NULL: fewer. */
static inline const struct ip6_hdr *seen(const struct capture *c, bool out, u8 type, unsigned i)
{
	for (unsigned j = 0; j < c->n; j++) {
		const struct ip6_hdr *h = (const struct ip6_hdr *)c->p[j].bytes;
		if (c->p[j].out == out && (!type || (h->nexthdr == IPPROTO_ICMPV6 && c->p[j].bytes[40] == type)) && !i--)
			return h;
	}
	return NULL;
}

#endif
