/* Frames at the uplink: what goes to libslirp, what to published connections, what nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "codec/wire/arp.h"
#include "codec/wire/icmp4.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "host/frame_sort.h"

#define BOTH (FRAME_SLIRP | FRAME_PUBLISHED)

struct frame {
	u8 b[256];
	size_t len;
};

static struct inaddr addr(const char *text)
{
	struct inaddr a;
	be32 v4;

	if (inet_pton(AF_INET, text, &v4.raw) == 1)
		return inaddr_from_v4(v4);
	assert_int_equal(inet_pton(AF_INET6, text, a.b), 1);
	return a;
}

/* The one published connection: 192.0.2.7 port 1000 (or 2001:db8::7) with port 80 inside, TCP and UDP. */
static bool published(void *arg, u8 proto, const struct inaddr *client, be16 cport, const struct inaddr *inner, be16 iport)
{
	struct inaddr c4 = addr("192.0.2.7"), c6 = addr("2001:db8::7"), i4 = addr("10.0.2.100"), i6 = addr("fd00::100");

	return ((inaddr_eq(client, &c4) && inaddr_eq(inner, &i4)) || (inaddr_eq(client, &c6) && inaddr_eq(inner, &i6))) &&
	       be16_to_cpu(cport) == 1000 && be16_to_cpu(iport) == 80 && (proto == IPPROTO_TCP || proto == IPPROTO_UDP);
}

static void put(struct frame *f, const void *p, size_t n)
{
	memcpy(f->b + f->len, p, n);
	f->len += n;
}

static void eth(struct frame *f, u16 type)
{
	struct eth_hdr h = { .type = cpu_to_be16(type) };

	f->len = 0;
	put(f, &h, sizeof(h));
}

static void ip(struct frame *f, const char *from, const char *to, u8 proto, u16 frag)
{
	struct inaddr s = addr(from), d = addr(to);

	if (inaddr_is_v4(&s)) {
		struct ip4_hdr h = { .ver_ihl = 0x45, .tot_len = BE16(60), .frag = cpu_to_be16(frag), .ttl = 64, .protocol = proto, .saddr = inaddr_v4(&s),
				     .daddr = inaddr_v4(&d) };
		put(f, &h, sizeof(h));
	} else {
		struct ip6_hdr h = { .vtf = ip6_vtf(0, (be32){ 0 }), .payload_len = BE16(40), .nexthdr = proto, .hop_limit = 64 };

		memcpy(h.saddr, s.b, 16);
		memcpy(h.daddr, d.b, 16);
		put(f, &h, sizeof(h));
	}
}

static void ports(struct frame *f, u16 from, u16 to)
{
	be16 p[10] = { cpu_to_be16(from), cpu_to_be16(to) };

	put(f, p, sizeof(p));
}

static void ip_frame(struct frame *f, const char *from, const char *to, u8 proto, u16 sport, u16 dport)
{
	eth(f, strchr(from, ':') ? ETH_P_IPV6 : ETH_P_IP);
	ip(f, from, to, proto, 0);
	ports(f, sport, dport);
}

static unsigned sort(const struct frame *f)
{
	struct frame_sort s = { .published = published };

	return frame_sort(&s, f->b, f->len);
}

static void connections(void **state)
{
	static const struct {
		const char *from, *to;
		u8 proto;
		u16 sport, dport;
		unsigned want;
	} t[] = {
		{ "10.0.2.100", "192.0.2.7", IPPROTO_TCP, 80, 1000, FRAME_PUBLISHED }, { "10.0.2.100", "192.0.2.7", IPPROTO_UDP, 80, 1000, FRAME_PUBLISHED },
		{ "10.0.2.100", "192.0.2.7", IPPROTO_TCP, 81, 1000, FRAME_SLIRP },     { "10.0.2.100", "192.0.2.7", IPPROTO_TCP, 80, 1001, FRAME_SLIRP },
		{ "10.0.2.100", "192.0.2.8", IPPROTO_TCP, 80, 1000, FRAME_SLIRP },     { "10.0.2.101", "192.0.2.7", IPPROTO_TCP, 80, 1000, FRAME_SLIRP },
		{ "10.0.2.100", "192.0.2.7", IPPROTO_SCTP, 80, 1000, FRAME_SLIRP },    { "fd00::100", "2001:db8::7", IPPROTO_TCP, 80, 1000, FRAME_PUBLISHED },
		{ "fd00::100", "2001:db8::7", IPPROTO_UDP, 80, 1001, FRAME_SLIRP },
	};
	struct frame f;

	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		ip_frame(&f, t[i].from, t[i].to, t[i].proto, t[i].sport, t[i].dport);
		assert_int_equal(sort(&f), t[i].want);
	}
	/* Behind extension headers. */
	eth(&f, ETH_P_IPV6);
	ip(&f, "fd00::100", "2001:db8::7", IP6_NH_DSTOPTS, 0);
	put(&f, (u8[8]){ IP6_NH_FRAGMENT }, 8);
	put(&f, (u8[8]){ IPPROTO_TCP, 0, 0, 1 }, 8); /* the first fragment */
	ports(&f, 80, 1000);
	assert_int_equal(sort(&f), FRAME_PUBLISHED);
	f.b[ETH_HDR_LEN + IP6_HDR_LEN + 8 + 3] = 8; /* a later one */
	assert_int_equal(sort(&f), BOTH);
	eth(&f, ETH_P_IP);
	ip(&f, "10.0.2.100", "192.0.2.7", IPPROTO_UDP, 100);
	ports(&f, 80, 1000);
	assert_int_equal(sort(&f), BOTH);
}

static void errors_quote(void **state)
{
	struct icmp4_hdr e4 = { .type = ICMP4_UNREACH, .code = ICMP4_PORT_UNREACH };
	struct icmp6_hdr e6 = { .type = ICMP6_UNREACH, .code = ICMP6_PORT_UNREACH };
	struct frame f;

	for (int other = 0; other < 2; other++) {
		eth(&f, ETH_P_IP);
		ip(&f, "10.0.2.100", "192.0.2.7", IPPROTO_ICMP, 0);
		put(&f, &e4, sizeof(e4));
		ip(&f, "192.0.2.7", "10.0.2.100", IPPROTO_UDP, 0);
		ports(&f, other ? 1001 : 1000, 80);
		assert_int_equal(sort(&f), other ? FRAME_SLIRP : FRAME_PUBLISHED);
		eth(&f, ETH_P_IPV6);
		ip(&f, "fd00::100", "2001:db8::7", IPPROTO_ICMPV6, 0);
		put(&f, &e6, sizeof(e6));
		ip(&f, "2001:db8::7", "fd00::100", IPPROTO_UDP, 0);
		ports(&f, other ? 1001 : 1000, 80);
		assert_int_equal(sort(&f), other ? FRAME_SLIRP : FRAME_PUBLISHED);
	}
}

static void neighbours(void **state)
{
	struct frame f;

	for (u16 op = ARP_OP_REQUEST; op <= ARP_OP_REPLY; op++) {
		eth(&f, ETH_P_ARP);
		arp_ip4_build(f.b + f.len, 1, op, 6, f.b, (be32){ 1 }, NULL, (be32){ 2 });
		f.len += 28;
		assert_int_equal(sort(&f), op == ARP_OP_REPLY ? BOTH : FRAME_SLIRP);
	}
	for (u8 type = ICMP6_RS; type <= ICMP6_NA; type++) {
		struct icmp6_hdr h = { .type = type };

		eth(&f, ETH_P_IPV6);
		ip(&f, "fd00::100", "fd00::2", IPPROTO_ICMPV6, 0);
		put(&f, &h, sizeof(h));
		assert_int_equal(sort(&f), type == ICMP6_NA ? BOTH : FRAME_SLIRP);
	}
}

static void this_machine(void **state)
{
	static const char *const its[] = { "127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3" }, *const its6[] = { "::1", "::" };
	struct frame_sort open = { .host_loopback = true };
	struct frame f;

	for (unsigned i = 0; i < ARRAY_SIZE(its); i++) {
		ip_frame(&f, "10.0.2.100", its[i], IPPROTO_TCP, 1, 2);
		assert_int_equal(sort(&f), 0);
		assert_int_equal(frame_sort(&open, f.b, f.len), FRAME_SLIRP);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(its6); i++) {
		ip_frame(&f, "fd00::100", its6[i], IPPROTO_TCP, 1, 2);
		assert_int_equal(sort(&f), 0);
		assert_int_equal(frame_sort(&open, f.b, f.len), FRAME_SLIRP);
	}
	ip_frame(&f, "fd00::100", "::1", IPPROTO_TCP, 1, 2); /* ::ffff:10.0.0.1 */
	memcpy(f.b + ETH_HDR_LEN + 24, (u8[16]){ [10] = 255, 255, 10, 0, 0, 1 }, 16);
	assert_int_equal(sort(&f), 0);
}

static void cut_short(void **state)
{
	struct frame f, g;

	ip_frame(&f, "10.0.2.100", "192.0.2.7", IPPROTO_TCP, 80, 1000);
	for (g = f; g.len; g.len--)
		assert_int_equal(sort(&g), g.len >= ETH_HDR_LEN + IP4_HDR_LEN + 4 ? FRAME_PUBLISHED : g.len >= ETH_HDR_LEN + IP4_HDR_LEN ? FRAME_SLIRP : 0);
	f.b[ETH_HDR_LEN] = 0x44;
	assert_int_equal(sort(&f), 0);
	eth(&f, 0x8100);
	assert_int_equal(sort(&f), 0);
}

/* Answers are what the asker's own parser takes. */
static void answers(void **state)
{
	static const u8 mac[6] = { 2, 0, 0, 0, 0, 9 }, asker[6] = { 2, 0, 0, 0, 0, 1 };
	struct inaddr target = addr("2001:db8::9"), from = addr("fd00::2");
	struct nd_msg ns = { .h = { .type = ICMP6_NS } };
	u8 out[FRAME_ANSWER_MAX];
	struct arp_view v = { 0 };
	struct frame f;

	eth(&f, ETH_P_ARP);
	memcpy(f.b + 6, asker, 6);
	arp_ip4_build(f.b + f.len, 1, ARP_OP_REQUEST, 6, asker, BE32(0x0a000202), NULL, BE32(0x0a050002));
	f.len += 28;
	assert_int_equal(frame_answer(f.b, f.len, mac, out), ETH_HDR_LEN + 28);
	assert_memory_equal(out, asker, 6);
	assert_true(arp_ip4_parse(out + ETH_HDR_LEN, 28, 6, &v));
	assert_int_equal(v.op, ARP_OP_REPLY);
	assert_memory_equal(v.sha, mac, 6);
	assert_memory_equal(v.tha, asker, 6);
	assert_int_equal(be32_to_cpu(v.sip), 0x0a050002);
	assert_int_equal(be32_to_cpu(v.tip), 0x0a000202);
	assert_int_equal(frame_answer(f.b, f.len - 1, mac, out), 0);
	assert_int_equal(frame_answer(out, ETH_HDR_LEN + 28, mac, out), 0); /* a reply is no question */

	eth(&f, ETH_P_IPV6);
	memcpy(f.b + 6, asker, 6);
	ip(&f, "fd00::2", "ff02::1:ff00:9", IPPROTO_ICMPV6, 0);
	memcpy(ns.target, target.b, 16);
	put(&f, &ns, sizeof(ns));
	assert_int_equal(frame_answer(f.b, f.len, mac, out), FRAME_ANSWER_MAX);
	assert_memory_equal(out, asker, 6);
	assert_memory_equal(out + ETH_HDR_LEN + 8, target.b, 16);
	assert_memory_equal(out + ETH_HDR_LEN + 24, from.b, 16);
	assert_int_equal(out[ETH_HDR_LEN + IP6_HDR_LEN], ICMP6_NA);
	assert_int_equal(csum_fold(csum_partial(out + ETH_HDR_LEN + IP6_HDR_LEN, 32, csum_pseudo6(target.b, from.b, 32, IPPROTO_ICMPV6))), 0);
	assert_memory_equal(out + FRAME_ANSWER_MAX - 6, mac, 6);
	assert_int_equal(frame_answer(f.b, f.len - 1, mac, out), 0);
	memset(f.b + ETH_HDR_LEN + 8, 0, 16); /* a search for duplicates */
	assert_int_equal(frame_answer(f.b, f.len, mac, out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(connections), cmocka_unit_test(errors_quote), cmocka_unit_test(neighbours),
					    cmocka_unit_test(this_machine), cmocka_unit_test(cut_short), cmocka_unit_test(answers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
