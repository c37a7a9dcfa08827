/* For the tests of IPv4: left - router - right over veth pairs in virtual time, everything up to IPv4 plugged in, what the router's
 * neighbours see captured, and a protocol (253) that collects what is delivered. */
#ifndef INET_IP4_IP4_TEST_WORLD_H
#define INET_IP4_IP4_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "codec/wire/eth.h"
#include "core/stack_tables.h"
#include "core/sysctl.h"
#include "inet/ip4/ip4_priv.h"
#include "inet/ip4/ip4_tables.h"
#include "link/l3_proto.h"
#include "link/netns_neigh.h"
#include "link/qdisc.h"
#include "link/type/veth.h"

#define TEST_PROTO 253
#define SEC NSEC_PER_SEC

/* What a device sent or received, oldest first. */
struct capture {
	struct dev_tap tap;
	unsigned n;
	struct { u32 len; u64 at; bool out; u16 type; u8 bytes[1600]; } p[256]; /* bytes from the network header on */
};
static struct {
	unsigned n;
	u32 len[256];
	u8 bytes[256][2048]; /* from the transport header on, the first 2048 */
	u8 frag_df[256], nr_frags[256];
	unsigned pings, errors;
	struct icmp_error last_error;
} delivered;
static struct {
	unsigned n;
	struct { enum net_event ev; char text[96]; } e[256];
} heard;

static inline void tap_fn(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	struct capture *c = container_of(tap, struct capture, tap);
	u32 before = (u32)(skb_network_header(skb) - skb->data), len;
	if (c->n == ARRAY_SIZE(c->p))
		return;
	if (skb_network_header(skb) < skb->data)
		before = 0;
	len = skb->len - before;
	c->p[c->n].len = len;
	c->p[c->n].at = cpu->now;
	c->p[c->n].out = outgoing;
	c->p[c->n].type = be16_to_cpu(skb->protocol);
	skb_copy_bits(skb, before, c->p[c->n].bytes, MIN(len, (u32)sizeof(c->p[0].bytes)));
	c->n++;
}

static inline void test_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	unsigned i = delivered.n++ % ARRAY_SIZE(delivered.len);
	delivered.len[i] = skb->len;
	delivered.frag_df[i] = ip4_has_df(ip4_header(skb));
	delivered.nr_frags[i] = skb->nr_frags;
	skb_copy_bits(skb, 0, delivered.bytes[i], MIN(skb->len, 2048u));
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
/* As a ping socket does. */
static inline void ping_err(struct cpu *cpu, struct netns *net, struct sk_buff *skb, const struct icmp_error *e)
{
	struct flow fl = { .family = AF_INET, .proto = IPPROTO_ICMP, .saddr = e->saddr, .daddr = e->daddr };
	delivered.errors++;
	delivered.last_error = *e;
	if (e->kind == ICMP_ERR_TOO_BIG)
		inet_af_v4.update_pmtu(cpu, net, &fl, NULL, e->info);
	else if (e->kind == ICMP_ERR_REDIRECT)
		inet_af_v4.redirect(cpu, net, e);
}
static const struct l4_raw_ops test_raw_ops = { .rx = raw_rx, .err = raw_err, .ping_rx = ping_rx, .ping_err = ping_err };
static const struct l4_proto test_proto = { .name = "test", .proto = TEST_PROTO, .families = 1, .rx = test_rx, .err = test_err };

static inline const char *v4_text(be32 a)
{
	static char buf[8][16];
	static unsigned turn;
	char *s = buf[turn++ & 7];
	u32 v = be32_to_cpu(a);
	snprintf(s, 16, "%u.%u.%u.%u", v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255);
	return s;
}
static inline void hear(struct cpu *cpu, struct netns *net, enum net_event ev, void *obj, unsigned long info)
{
	if (heard.n == ARRAY_SIZE(heard.e))
		return;
	heard.e[heard.n].ev = ev;
	heard.e[heard.n].text[0] = 0;
	if (ev == EV_ADDR_ADD || ev == EV_ADDR_DEL) {
		struct in_ifaddr *a = obj;
		snprintf(heard.e[heard.n].text, 96, "%s/%u%s", v4_text(a->local), a->prefix_len, a->flags & IFA_F_SECONDARY ? " secondary" : "");
	} else if (ev == EV_ROUTE_ADD || ev == EV_ROUTE_DEL || ev == EV_ROUTE_REPLACE) {
		const struct fib_event *e = obj;
		snprintf(heard.e[heard.n].text, 96, "%u %s/%u src %s", e->alias->type, v4_text(inaddr_v4(&e->alias->prefix)),
			 e->alias->prefix_len, v4_text(inaddr_v4(&e->alias->fi->prefsrc)));
	}
	heard.n++;
}

static const struct subsys *const test_subsys[] = { &dev_subsys, &neigh_subsys, &inet_subsys, &fib_subsys, &ip4_subsys, &loopback_subsys,
						    NULL };
static const struct event_sub hearing = { hear };
static const struct event_sub *const test_subs[] = { &hearing, &ip4_event_sub, &neigh_event_sub, NULL };
static const struct l3_proto *const test_l3[] = { &ip4_l3_proto, &arp_l3_proto, NULL };
static const struct l4_proto *const test_l4[] = { &icmp4_proto, &igmp4_proto, &test_proto, NULL };
static const struct stack_tables test_tables = {
	.subsys = test_subsys,
	.event_subs = test_subs,
	.sysctls = ip4_sysctls,
	.proc_files = ip4_proc_files,
	.link_kinds = link_kinds_builtin,
	.qdiscs = qdiscs_builtin,
	.l3_protos = test_l3,
	.l4_protos = test_l4,
	.backlog_rx = link_backlog_rx,
	.dev_netns = link_dev_netns,
	.dev_walk = link_dev_walk,
	.dst_hold = dst_hold,
	.dst_put = dst_put,
};

static struct world *w;
static struct cpu *cpu;
static struct netns *left, *router, *right;
static struct net_device *l0, *r0, *r1, *h1; /* left's, router's two, right's */
static struct capture at_left, at_right;

static inline be32 v4(const char *s)
{
	unsigned a, b, c, d;
	assert_int_equal(sscanf(s, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
	return cpu_to_be32(a << 24 | b << 16 | c << 8 | d);
}
static inline int addr_add(struct net_device *dev, const char *addr, u8 len)
{
	struct in_ifaddr_config c = { .local = v4(addr), .address = v4(addr), .prefix_len = len, .excl = true };
	return ip4_addr_add(cpu, dev, &c, NULL);
}
static inline int addr_del(struct net_device *dev, const char *addr, u8 len)
{
	struct in_ifaddr_config c = { .local = v4(addr), .address = v4(addr), .prefix_len = len };
	return ip4_addr_del(cpu, dev, &c, NULL);
}
static inline struct fib_config route_config(const char *dst, u8 len, const char *via, struct net_device *dev)
{
	struct fib_config c = { .family = AF_INET, .prefix_len = len, .protocol = RTPROT_BOOT, .type = RTN_UNICAST,
				.scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK, .table = RT_TABLE_MAIN,
				.nl_flags = NLM_F_CREATE | NLM_F_EXCL, .dst = inaddr_from_v4(v4(dst)), .oif = dev ? dev->ifindex : 0 };
	if (via) {
		c.has_gw = true;
		c.gw_family = AF_INET;
		c.gateway = inaddr_from_v4(v4(via));
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

static inline int world_up(void **state)
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
	up(left->dev->loopback), up(router->dev->loopback), up(right->dev->loopback);
	up(l0), up(r0), up(r1), up(h1);
	addr_add(l0, "10.0.1.2", 24), addr_add(r0, "10.0.1.1", 24), addr_add(r1, "10.0.2.1", 24), addr_add(h1, "10.0.2.2", 24);
	assert_int_equal(route_add(left, "0.0.0.0", 0, "10.0.1.1", NULL), 0);
	assert_int_equal(route_add(right, "0.0.0.0", 0, "10.0.2.1", NULL), 0);
	sysctl(router, "ipv4/ip_forward", "1");
	after(SEC);
	memset(&delivered, 0, sizeof(delivered));
	memset(&heard, 0, sizeof(heard));
	at_left = (struct capture){ .tap = { .fn = tap_fn, .ethertype = 3 /* ETH_P_ALL */ } };
	at_right = (struct capture){ .tap = { .fn = tap_fn, .ethertype = 3 } };
	dev_tap_add(left, l0, &at_left.tap);
	dev_tap_add(right, h1, &at_right.tap);
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

/* A packet with this header in front of len bytes 0, 1, 2 …; checksum and length are right unless the header gives them. */
static inline struct sk_buff *packet(const struct ip4_hdr *h, const u8 *opts, u32 optlen, u32 len)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, IP4_HDR_LEN + optlen + len);
	struct ip4_hdr *ip;
	u8 *p;
	assert_non_null(skb);
	ip = (struct ip4_hdr *)skb_put(skb, IP4_HDR_LEN);
	*ip = *h;
	if (!ip->ver_ihl)
		ip->ver_ihl = (u8)(0x45 + optlen / 4);
	if (!ip->ttl)
		ip->ttl = 64;
	if (!ip->protocol)
		ip->protocol = TEST_PROTO;
	if (!ip->tot_len.raw)
		ip->tot_len = cpu_to_be16((u16)(IP4_HDR_LEN + optlen + len));
	if (optlen)
		memcpy(skb_put(skb, optlen), opts, optlen);
	p = skb_put(skb, len);
	for (u32 i = 0; i < len; i++)
		p[i] = (u8)i;
	ip = (struct ip4_hdr *)skb->data;
	if (!ip->check && ip4_hlen(ip) >= IP4_HDR_LEN && ip4_hlen(ip) <= skb->len)
		ip4_set_csum(ip);
	return skb;
}
/* As if it came by wire. Consumes. */
static inline void arrive(struct net_device *dev, struct sk_buff *skb)
{
	skb->dev = dev;
	skb->protocol = BE16(0x0800);
	skb_reset_network_header(skb);
	skb->mac_header = skb->network_header;
	skb->skb_iif = dev->ifindex;
	netif_receive(cpu, &skb, 1);
}
static inline void inject(struct net_device *dev, const struct ip4_hdr *h, u32 len)
{
	arrive(dev, packet(h, NULL, 0, len));
	after(0);
}
/* An echo request from net to dst with len bytes of payload. */
static inline int ping_from(struct netns *net, const char *dst, u32 len, u8 pmtudisc)
{
	struct flow fl = { .family = AF_INET, .proto = IPPROTO_ICMP, .daddr = inaddr_from_v4(v4(dst)), .saddr = inaddr_from_v4((be32){ 0 }) };
	struct sk_buff *skb;
	struct icmp4_hdr *h;
	struct dst *d;
	struct ip_out o;
	int err = inet_af_v4.route_out(cpu, net, &fl, &d);
	if (err)
		return err;
	skb = skb_alloc(cpu, SKB_HEADROOM, ICMP4_HDR_LEN + len);
	h = (struct icmp4_hdr *)skb_put(skb, ICMP4_HDR_LEN + len);
	memset(h, 0, ICMP4_HDR_LEN + len);
	h->type = ICMP4_ECHO;
	h->check = csum_fold(csum_partial(h, ICMP4_HDR_LEN + len, 0));
	skb_dst_set(skb, d);
	o = (struct ip_out){ .saddr = fl.saddr, .daddr = fl.daddr, .proto = IPPROTO_ICMP, .ttl = -1, .pmtudisc = pmtudisc };
	return inet_af_v4.xmit(cpu, net, skb, &o);
}
/* What went wrong: a namespace's drops. */
static inline void show_drops(struct netns *net)
{
	for (unsigned r = 0; r < SKB_DROP_REASON_MAX; r++)
		if (drops(net, r))
			printf("%s: %s %llu\n", net->name, skb_drop_reason_name(r), (unsigned long long)drops(net, r));
}
/* The i-th captured IPv4 packet that the device received or (out) sent. NULL: fewer. */
static inline const struct ip4_hdr *seen(const struct capture *c, bool out, unsigned i)
{
	for (unsigned j = 0; j < c->n; j++)
		if (c->p[j].type == 0x0800 && c->p[j].out == out && !i--)
			return (const struct ip4_hdr *)c->p[j].bytes;
	return NULL;
}

#endif
