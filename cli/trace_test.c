/* What `weft trace` says: packets in one line, stages in words, lives gathered and ended, filters for both kinds of packets. Events
 * may come cut anywhere, so every length of every packet is tried. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/cbpf.h"
#include "cli/trace_view.h"

static const u8 syn[] = { 0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 1, 2, 10, 0, 2, 2, 0x9c, 0x40, 0, 80, 0, 0, 0, 7, 0, 0, 0, 0,
			  0xa0, 2, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 };
static const u8 echo[] = { 0x45, 0, 0, 84, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 1, 2, 10, 0, 2, 2, 8, 0, 0, 0, 0, 5, 0, 1 };
static const u8 udp[] = { 0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 1, 2, 10, 0, 2, 2, 0x13, 0x88, 0, 9, 0, 13, 0, 0 };
static const u8 frag[] = { 0x45, 0, 0, 40, 0, 9, 0x20, 0x10, 64, 17, 0, 0, 10, 0, 1, 2, 10, 0, 2, 2, 1, 2, 3, 4 };
static const u8 arp[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 1, 2,
			  0, 0, 0, 0, 0, 0, 10, 0, 1, 1 };
static const u8 ip6[] = { 0x60, 0, 0, 0, 0, 20, 6, 64, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xfe, 0x80, 0, 0, 0, 0, 0, 0,
			  0, 0, 0, 0, 0, 0, 0, 2, 0, 22, 0, 23, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x14, 0, 0, 0, 0, 0, 0 };

#define LL(last) 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last
#define IP6(len, nh) 0x60, 0, 0, 0, 0, len, nh, 64, LL(1), LL(2)
static const u8 echo6[] = { IP6(64, 58), 128, 0, 0, 0, 0, 5, 0, 1 };
static const u8 solicitation[] = { IP6(32, 58), 135, 0, 0, 0, 0, 0, 0, 0, LL(2), 1, 1, 2, 0, 0, 0, 0, 1 };
static const u8 advertisement[] = { IP6(24, 58), 136, 0, 0, 0, 0xe0, 0, 0, 0, LL(2) };
static const u8 router[] = { IP6(48, 58), 134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 64, 0xc0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0,
			     0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
static const u8 redirect6[] = { IP6(40, 58), 137, 0, 0, 0, 0, 0, 0, 0, LL(9), LL(3) };
static const u8 port6[] = { IP6(56, 58), 1, 4, 0, 0, 0, 0, 0, 0 };
static const u8 too_big[] = { IP6(56, 58), 2, 0, 0, 0, 0, 0, 5, 0 };
static const u8 mld2[] = { IP6(36, 0), 58, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 1 };
static const u8 mld1[] = { IP6(32, 0), 58, 0, 5, 2, 0, 0, 1, 0, 131, 0, 0, 0, 0, 0, 0, 0, LL(7) };
static const u8 opts6[] = { IP6(29, 0), 60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0, 0x13, 0x88, 0, 9, 0, 13, 0, 0 };
static const u8 first6[] = { IP6(80, 44), 17, 0, 0, 1, 0, 0, 0, 9, 0x13, 0x88, 0, 9, 0, 200, 0, 0 };
static const u8 second6[] = { IP6(28, 44), 17, 0, 0, 0x48, 0, 0, 0, 9, 1, 2, 3, 4 };

static struct trace_event event(const u8 *bytes, size_t len, u16 type)
{
	struct trace_event ev = { .caplen = (u16)len, .len = (u32)len, .protocol = cpu_to_be16(type) };

	memcpy(ev.bytes, bytes, MIN(len, sizeof(ev.bytes)));
	return ev;
}

static void packets_in_a_line(void **state)
{
	static const struct {
		const u8 *bytes;
		size_t len;
		u16 type;
		const char *line;
	} all[] = {
		{ syn, sizeof(syn), ETH_P_IP,
		  "IP 10.0.1.2.40000 > 10.0.2.2.80: Flags [S], seq 7, win 64240, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0" },
		{ echo, sizeof(echo), ETH_P_IP, "IP 10.0.1.2 > 10.0.2.2: ICMP echo request, id 5, seq 1, length 64" },
		{ udp, sizeof(udp), ETH_P_IP, "IP 10.0.1.2.5000 > 10.0.2.2.9: UDP, length 5" },
		{ frag, sizeof(frag), ETH_P_IP, "IP 10.0.1.2 > 10.0.2.2: fragment of id 9 at 128, length 20 [more fragments]" },
		{ arp, sizeof(arp), ETH_P_ARP, "ARP, Request who-has 10.0.1.1 tell 10.0.1.2" },
		{ ip6, sizeof(ip6), ETH_P_IPV6, "IP6 fe80::1.22 > fe80::2.23: Flags [R.], seq 1, ack 2, win 0, length 0" },
		{ echo6, sizeof(echo6), ETH_P_IPV6, "IP6 fe80::1 > fe80::2: ICMP6, echo request, id 5, seq 1, length 64" },
		{ solicitation, sizeof(solicitation), ETH_P_IPV6, "IP6 fe80::1 > fe80::2: ICMP6, neighbor solicitation, who has fe80::2, length 32" },
		{ advertisement, sizeof(advertisement), ETH_P_IPV6, "IP6 fe80::1 > fe80::2: ICMP6, neighbor advertisement, tgt is fe80::2, length 24" },
		{ router, sizeof(router), ETH_P_IPV6,
		  "IP6 fe80::1 > fe80::2: ICMP6, router advertisement, lifetime 1800s, prefix 2001:db8:1::/64, length 48" },
		{ redirect6, sizeof(redirect6), ETH_P_IPV6, "IP6 fe80::1 > fe80::2: ICMP6, redirect, fe80::3 to fe80::9, length 40" },
		{ port6, sizeof(port6), ETH_P_IPV6, "IP6 fe80::1 > fe80::2: ICMP6, destination unreachable, port, length 56" },
		{ too_big, sizeof(too_big), ETH_P_IPV6, "IP6 fe80::1 > fe80::2: ICMP6, packet too big, mtu 1280, length 56" },
		{ mld2, sizeof(mld2), ETH_P_IPV6, "IP6 HBH fe80::1 > fe80::2: ICMP6, multicast listener report v2, 1 group record(s), length 28" },
		{ mld1, sizeof(mld1), ETH_P_IPV6, "IP6 HBH fe80::1 > fe80::2: ICMP6, multicast listener report fe80::7, length 24" },
		{ opts6, sizeof(opts6), ETH_P_IPV6, "IP6 HBH DSTOPT fe80::1.5000 > fe80::2.9: UDP, length 5" },
		{ first6, sizeof(first6), ETH_P_IPV6, "IP6 frag fe80::1.5000 > fe80::2.9: UDP, length 64 [more fragments]" },
		{ second6, sizeof(second6), ETH_P_IPV6, "IP6 fe80::1 > fe80::2: fragment of id 9 at 72, length 20" },
	};
	char buf[512];

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct trace_event ev = event(all[i].bytes, all[i].len, all[i].type);

		assert_true(packet_summary(&ev, buf, sizeof(buf)));
		assert_string_equal(buf, all[i].line);
		for (u16 n = 0; n <= all[i].len; n++) { /* cut anywhere, and with lengths that lie */
			for (unsigned at = 0; at < n; at++) {
				ev = event(all[i].bytes, n, all[i].type);
				ev.bytes[at] ^= 0xff;
				packet_summary(&ev, buf, at % 2 ? sizeof(buf) : 20);
			}
		}
	}
	for (unsigned type = 0; type < 0x10000; type += 0x7ff) {
		struct trace_event ev = event(syn, 0, (u16)type);

		ev.caplen = 0xffff; /* more than there is */
		packet_summary(&ev, buf, sizeof(buf));
	}
}

static void stages_in_words(void **state)
{
	struct trace_event ev = { .point = TP_ROUTE_IN, .family = AF_INET, .route_type = RTN_UNICAST, .prefix_len = 24, .table = RT_TABLE_MAIN,
				  .prefix = { 10, 0, 2, 0 }, .gateway = { 10, 0, 1, 1 }, .oif = "r1" };
	char buf[256];

	trace_describe(&ev, buf, sizeof(buf));
	assert_string_equal(buf, "10.0.2.0/24 via 10.0.1.1 dev r1 table main");
	ev = (struct trace_event){ .point = TP_ROUTE_IN, .family = AF_INET, .route_type = RTN_LOCAL, .prefix_len = 32, .table = RT_TABLE_LOCAL,
				   .prefix = { 127, 0, 0, 1 }, .oif = "lo" };
	trace_describe(&ev, buf, sizeof(buf));
	assert_string_equal(buf, "local 127.0.0.1/32 dev lo table local");
	ev = (struct trace_event){ .point = TP_ROUTE_OUT };
	trace_describe(&ev, buf, sizeof(buf));
	assert_string_equal(buf, "no route");
	ev = (struct trace_event){ .point = TP_ROUTE_IN, .family = AF_INET6, .route_type = RTN_UNICAST, .prefix_len = 64, .table = RT_TABLE_MAIN,
				   .prefix = { 0x20, 1, 0xd, 0xb8 }, .gateway = { LL(1) }, .oif = "r1" };
	trace_describe(&ev, buf, sizeof(buf));
	assert_string_equal(buf, "2001:db8::/64 via fe80::1 dev r1 table main");
	ev = (struct trace_event){ .point = TP_ROUTE_IN, .family = AF_INET6 }; /* looked for, and none found */
	trace_describe(&ev, buf, sizeof(buf));
	assert_string_equal(buf, "no route");
	ev = (struct trace_event){ .point = TP_NEIGH, .family = AF_INET, .gateway = { 10, 0, 1, 1 }, .lladdr = { 2, 0, 0, 0, 0, 9 },
				   .neigh_state = NUD_REACHABLE };
	trace_describe(&ev, buf, sizeof(buf));
	assert_string_equal(buf, "10.0.1.1 is at 02:00:00:00:00:09 REACHABLE");
	ev = (struct trace_event){ .point = TP_DROP, .reason = SKB_DROP_REASON_NO_SOCKET };
	trace_describe(&ev, buf, sizeof(buf));
	assert_string_equal(buf, "NO_SOCKET");
	for (unsigned p = 0; p < 256; p++) { /* a later version's stages, and nonsense */
		memset(&ev, (int)p, sizeof(ev));
		ev.text[sizeof(ev.text) - 1] = ev.oif[sizeof(ev.oif) - 1] = 0;
		ev.point = (u8)p;
		trace_describe(&ev, buf, sizeof(buf));
	}
}

static void lives_end_when_it_is_quiet(void **state)
{
	struct lives *l = lives_new();
	struct trace_event ev = { .packet = 1, .point = TP_IP_RX };
	u64 ms = NSEC_PER_MSEC, t = 1000 * ms;
	struct life *life;

	assert_int_equal(lives_next(l), UINT64_MAX);
	for (u32 n = 1; n <= 3; n++) {
		ev.packet = n;
		ev.time_ns = 100 - n;
		assert_int_equal(lives_add(l, &ev, t, 2), 0); /* the third is one too many */
	}
	ev.packet = 2;
	ev.point = TP_DROP;
	ev.time_ns = 50; /* from another cpu: late, but earlier */
	assert_int_equal(lives_add(l, &ev, t, 2), 0);
	assert_null(lives_take(l, t + 10 * ms));
	assert_true(lives_next(l) <= t + 200 * ms);
	life = lives_take(l, t + 100 * ms); /* dropped: it is over sooner */
	assert_non_null(life);
	assert_int_equal(life->packet, 2);
	assert_int_equal(life->n, 2);
	assert_int_equal(life->ev[0].time_ns, 50);
	assert_false(life->shown_before);
	life_free(life);
	assert_null(lives_take(l, t + 100 * ms));
	assert_int_equal(lives_add(l, &ev, t + 100 * ms, 2), 0); /* its clone lives on */
	life = lives_take(l, UINT64_MAX);
	assert_int_equal(life->packet, 1);
	life_free(life);
	life = lives_take(l, UINT64_MAX);
	assert_int_equal(life->packet, 2);
	assert_true(life->shown_before);
	life_free(life);
	assert_null(lives_take(l, UINT64_MAX));
	for (u32 n = 10; n < 5000; n += 7) { /* what is left is freed */
		ev.packet = n;
		assert_int_equal(lives_add(l, &ev, t, 0), 0);
	}
	lives_free(l);
}

static u32 run(const struct cbpf_insn *p, const u8 *data, u32 len)
{
	return cbpf_run(p, &(struct cbpf_packet){ .data = data, .linear = len, .len = len });
}

static void filters_for_packets_and_frames(void **state)
{
	struct trace_filter f;
	struct ctl_error err;

	assert_int_equal(trace_filter_compile("tcp port 80", &f, &err), 0);
	assert_int_equal(cbpf_check(f.insns, f.raw_len), 0);
	assert_int_equal(cbpf_check(f.insns + f.raw_len, f.eth_len), 0);
	assert_true(run(f.insns, syn, sizeof(syn)));
	assert_false(run(f.insns, udp, sizeof(udp)));
	trace_filter_free(&f);
	assert_int_equal(trace_filter_compile("arp", &f, &err), 0);
	assert_false(run(f.insns, syn, sizeof(syn)));
	assert_true(run(f.insns + f.raw_len, arp, sizeof(arp)));
	trace_filter_free(&f);
	assert_int_equal(trace_filter_compile("", &f, &err), 0);
	assert_true(run(f.insns, syn, sizeof(syn)));
	assert_true(run(f.insns + f.raw_len, arp, sizeof(arp)));
	trace_filter_free(&f);
	assert_int_equal(trace_filter_compile("tcp and (", &f, &err), -EINVAL);
	assert_non_null(strstr(err.text, "pcap-filter(7)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_in_a_line),
		cmocka_unit_test(stages_in_words),
		cmocka_unit_test(lives_end_when_it_is_quiet),
		cmocka_unit_test(filters_for_packets_and_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
