/* IPv4's share of GRO and GSO: which of two or three TCP segments in a row are merged, by the fields of the header; that what is merged is
 * one right packet; and that cutting it again gives the packets that came.
 *
 * The segments (100 bytes each, in sequence) come in by a nic within one poll; a tap sees what goes up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "codec/wire/checksum.h"
#include "codec/wire/eth.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/tcphdr.h"
#include "link/gro.h"
#include "link/netdevice.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"
#include "stack/stack.h"

enum { PAYLOAD = 100, MAX = 8, WHOLE = ETH_HDR_LEN + IP4_HDR_LEN + 20 + PAYLOAD };
static const u8 mac[] = { 2, 0, 0, 0, 0, 1 }, far[] = { 2, 0, 0, 0, 0, 9 };
static struct world *w;
static struct cpu *cpu;
static struct netns *net;
static struct port *port;
static struct net_device *dev;
static struct { u32 len; u16 segs, size; u16 id; u8 bytes[4096]; bool csum_ok; } up[MAX];
static unsigned ups, cut_same;
static u8 sent[MAX][WHOLE + 60];
static u32 sent_len[MAX];

/* Cuts a copy of what came up and compares with what was sent from `first` on. */
static void cut_again(struct sk_buff *skb, unsigned first)
{
	struct sk_buff *c = skb_copy(cpu, skb, SKB_HEADROOM), *seg;
	struct skb_list out;
	unsigned i = first;

	assert_non_null(c);
	c->dev = dev;
	c->protocol = BE16(ETH_P_IP);
	c->ip_summed = CHECKSUM_PARTIAL;
	c->mac_header = SKB_OFF_UNSET;
	skb_push(c, ETH_HDR_LEN);
	memcpy(c->data, sent[first], ETH_HDR_LEN);
	skb_reset_mac_header(c);
	c->network_header = (u16)(c->mac_header + ETH_HDR_LEN);
	c->csum_start = (u16)(c->network_header + IP4_HDR_LEN);
	c->csum_offset = 16;
	c->gso_size = skb->gso_size;
	c->gso_segs = skb->gso_segs;
	c->gso_type = skb->gso_type;
	skb_list_init(&out);
	assert_int_equal(skb_gso_segment(cpu, c, 0, &out), 0);
	while ((seg = skb_list_pop(&out))) {
		u8 b[WHOLE];
		assert_int_equal(seg->len, WHOLE);
		assert_true(skb_copy_bits(seg, 0, b, WHOLE));
		cut_same += !memcmp(b, sent[i], WHOLE);
		i++;
		skb_consume(cpu, seg);
	}
}

static void seen(struct cpu *c, struct dev_tap *tap, struct sk_buff *skb, struct net_device *d, bool outgoing)
{
	const u8 *bytes;
	if (outgoing)
		return;
	assert_true(ups < MAX);
	up[ups].len = skb->len;
	up[ups].segs = skb->gso_segs;
	up[ups].size = skb->gso_size;
	assert_true(skb_copy_bits(skb, 0, up[ups].bytes, MIN(skb->len, (u32)sizeof(up[0].bytes))));
	bytes = up[ups].bytes;
	up[ups].id = (u16)(bytes[4] << 8 | bytes[5]);
	up[ups].csum_ok = !ip4_hdr_csum(bytes, (bytes[0] & 15u) * 4);
	if (skb_is_gso(skb))
		cut_again(skb, 0);
	ups++;
}
static struct dev_tap tap = { .fn = seen, .ethertype = 3 };

static int setup(void **state)
{
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &stack_tables };
	struct nic_config nc = { .mac = mac };
	assert_int_equal(world_new(&cfg, &w), 0);
	cpu = config_cpu(w);
	assert_int_equal(netns_new(w, "n", 0, &net), 0);
	assert_int_equal(mem_port_new(&w->mem, &port), 0);
	assert_int_equal(nic_new(cpu, net, "eth0", port, &nc, &dev), 0);
	dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL);
	dev_tap_add(net, dev, &tap);
	return 0;
}
static int teardown(void **state)
{
	dev_tap_del(&tap);
	netns_free(net);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}

struct ip_field { /* of one segment; zeros: as the first */
	u16 id;
	u8 tos, ttl;
	bool no_df, more, options, padded, bad_csum, short_len, other_dst;
};

static void make(unsigned i, const struct ip_field *f)
{
	u8 *b = sent[i];
	struct ip4_hdr *ip = (struct ip4_hdr *)(b + ETH_HDR_LEN);
	u32 opts = f->options ? 4 : 0, l4len = 20 + PAYLOAD;
	u8 *th = b + ETH_HDR_LEN + IP4_HDR_LEN + opts;

	memset(b, 0, sizeof(sent[0]));
	eth_build((struct eth_hdr *)b, mac, far, ETH_P_IP);
	*ip = (struct ip4_hdr){ .ver_ihl = (u8)(0x45 + opts / 4), .tos = f->tos, .tot_len = cpu_to_be16((u16)(IP4_HDR_LEN + opts + l4len)),
				.id = cpu_to_be16(f->id), .frag = cpu_to_be16((u16)((f->no_df ? 0 : 0x4000) | (f->more ? 0x2000 : 0))),
				.ttl = f->ttl ? f->ttl : 64, .protocol = IPPROTO_TCP, .saddr = BE32(0x0a000002),
				.daddr = f->other_dst ? BE32(0x0a000009) : BE32(0x0a000001) };
	if (f->short_len)
		ip->tot_len = cpu_to_be16((u16)(IP4_HDR_LEN + l4len + 1));
	memset(ip + 1, 1, opts); /* no-operations */
	ip->check = 0;
	ip->check = csum_fold(csum_partial(ip, IP4_HDR_LEN + opts, 0));
	ip->check ^= f->bad_csum;
	memcpy(th, (u8[]){ 0x10, 0x00, 0x20, 0x00, 0, 0, (u8)(i * PAYLOAD >> 8), (u8)(i * PAYLOAD), 0, 0, 0, 1, 0x50, 0x10, 0x10, 0 }, 16);
	for (unsigned n = 0; n < PAYLOAD; n++)
		th[20 + n] = (u8)(n * 3 + i);
	u16 check = csum_fold(csum_partial(th, l4len, csum_pseudo4(ip->saddr, ip->daddr, l4len, IPPROTO_TCP)));
	memcpy(th + 16, &check, 2);
	sent_len[i] = WHOLE + opts + (f->padded ? 6 : 0);
}

static void arrive(const struct ip_field *f, unsigned n)
{
	ups = cut_same = 0;
	for (unsigned i = 0; i < n; i++) {
		make(i, &f[i]);
		assert_int_equal(mem_port_inject_bytes(cpu, port, 0, sent[i], sent_len[i]), 0);
	}
	world_run(w, cpu->now);
	world_run_until(w, cpu->now + NSEC_PER_MSEC);
}

/* How many segments each packet that comes up has, e.g. "21": the first two in one. Rules: RFC 791's fields as net/ipv4's GRO has them. */
static const struct { const char *what, *want; unsigned n; struct ip_field f[4]; } rows[] = {
	{ "ids that count up", "3", 3, { { .id = 7 }, { .id = 8 }, { .id = 9 } } },
	{ "ids that count up over the end", "3", 3, { { .id = 65534 }, { .id = 65535 }, { .id = 0 } } },
	{ "one id with DF", "3", 3, { { .id = 7 }, { .id = 7 }, { .id = 7 } } },
	{ "one id without DF", "111", 3, { { .id = 7, .no_df = true }, { .id = 7, .no_df = true }, { .id = 7, .no_df = true } } },
	{ "counting ids without DF", "3", 3, { { .id = 7, .no_df = true }, { .id = 8, .no_df = true }, { .id = 9, .no_df = true } } },
	{ "first counting, then not", "21", 3, { { .id = 7 }, { .id = 8 }, { .id = 8 } } },
	{ "first one id, then counting", "21", 3, { { .id = 7 }, { .id = 7 }, { .id = 8 } } },
	{ "a gap in the ids", "12", 3, { { .id = 7 }, { .id = 9 }, { .id = 10 } } },
	{ "another TTL", "12", 3, { { .ttl = 64 }, { .ttl = 63 }, { .ttl = 63 } } },
	{ "another TOS", "21", 3, { { .tos = 0 }, { .tos = 0 }, { .tos = 8 } } },
	{ "ECN's mark", "111", 3, { { .tos = 2 }, { .tos = 3 }, { .tos = 2 } } },
	{ "DF or not", "111", 3, { { .id = 1 }, { .id = 2, .no_df = true }, { .id = 3 } } },
	{ "options", "111", 3, { { .options = true }, { .options = true }, { .options = true } } },
	{ "a fragment between", "111", 3, { { .id = 1 }, { .id = 2, .more = true }, { .id = 3 } } },
	{ "a bad checksum between", "111", 3, { { .id = 1 }, { .id = 2, .bad_csum = true }, { .id = 3 } } },
	{ "a length beyond the frame", "111", 3, { { .id = 1 }, { .id = 2, .short_len = true }, { .id = 3 } } },
	{ "Ethernet's padding", "3", 3, { { .id = 1, .padded = true }, { .id = 2 }, { .id = 3, .padded = true } } },
	{ "another destination", "111", 3, { { .id = 1 }, { .id = 2, .other_dst = true }, { .id = 3 } } },
};

static void merging(void **state)
{
	for (unsigned r = 0; r < ARRAY_SIZE(rows); r++) {
		char have[MAX + 1] = "";
		arrive(rows[r].f, rows[r].n);
		for (unsigned i = 0; i < ups; i++)
			have[i] = (char)('0' + (up[i].segs ? up[i].segs : 1));
		if (strcmp(have, rows[r].want))
			print_message("%s: %s, want %s\n", rows[r].what, have, rows[r].want);
		assert_string_equal(have, rows[r].want);
	}
}

static void whole(void **state)
{
	struct ip_field f[4] = { { .id = 100 }, { .id = 101 }, { .id = 102 }, { .id = 103 } };

	arrive(f, 4);
	assert_int_equal(ups, 1);
	assert_int_equal(up[0].len, IP4_HDR_LEN + 20 + 4 * PAYLOAD);
	assert_int_equal(up[0].bytes[2] << 8 | up[0].bytes[3], up[0].len);
	assert_int_equal(up[0].id, 100);
	assert_int_equal(up[0].size, PAYLOAD);
	assert_true(up[0].csum_ok);
	for (unsigned i = 0; i < 4; i++)
		assert_memory_equal(up[0].bytes + IP4_HDR_LEN + 20 + i * PAYLOAD, sent[i] + WHOLE - PAYLOAD, PAYLOAD);
	assert_int_equal(cut_same, 4); /* ids, lengths, sequence numbers and all checksums */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(merging, setup, teardown),
					    cmocka_unit_test_setup_teardown(whole, setup, teardown) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
