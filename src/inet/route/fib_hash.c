/* The flow hash that chooses among a route's hops (net.ipv{4,6}.fib_multipath_hash_policy, _fields, _seed).
 *
 * The number is Linux's own: SipHash-2-4, keyed by the seed, over what Linux's flow keys have in memory, addresses and ports each in
 * ascending order so that both directions hash alike. So the same seed sends the same flow the same way on both. What is hashed:
 *   policy 0  addresses (IPv6: with label and protocol), those of the quoted packet for an ICMP error
 *   policy 1  addresses, protocol, ports
 *   policy 2  as 0, of the innermost packet that a tunnel (IP in IP, GRE) carries
 *   policy 3  chosen fields of the outermost and of the innermost packet
 * A packet (fl->skb) is taken apart here; without one the flow's own fields count.
 */
#include <netinet/in.h>

#include "codec/wire/eth.h"
#include "codec/wire/icmp4.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "core/cpu.h"
#include "core/skb.h"
#include "inet/route/fib_priv.h"

struct keys {
	u8 family;		/* of the addresses; 0: none were found */
	u8 proto;
	bool inner;		/* something was carried inside of something */
	u32 label;
	be16 sport, dport;
	struct inaddr src, dst;
};

/* -- the number -- */

struct hashed {
	u16 ethertype;		/* 0 here and in vlans, gre_key, icmp: Linux's keys have them, no policy fills them in */
	u8 proto, pad;
	u32 label;
	u8 vlans[16];
	u32 gre_key;
	u16 sport, dport;
	u32 icmp;
	u32 addrs[8];		/* IPv4: two words, IPv6: eight */
	u32 end;		/* padding, which is hashed too; behind IPv4's addresses as well */
};
_Static_assert(offsetof(struct hashed, addrs) == 36, "Linux's layout");

static u32 hash_of(const struct netns *net, const struct keys *k)
{
	u32 seed = net->fib->hash_seed ? net->fib->hash_seed : net->fib->multipath_seed;
	struct siphash_key key = { { (u64)seed << 32 | seed, (u64)seed << 32 | seed } };
	struct hashed h = { .proto = k->proto, .label = k->label, .sport = k->sport.raw, .dport = k->dport.raw };
	size_t len = offsetof(struct hashed, addrs);
	const struct inaddr *a = &k->src, *b = &k->dst;
	u32 r;

	if (h.dport < h.sport) {
		h.dport = k->sport.raw;
		h.sport = k->dport.raw;
	}
	if (k->family == AF_INET) {
		bool swap = inaddr_v4(b).raw < inaddr_v4(a).raw;
		h.addrs[swap] = inaddr_v4(a).raw;
		h.addrs[!swap] = inaddr_v4(b).raw;
		len += 8 + sizeof(h.end);
	} else {
		bool swap = memcmp(b->b, a->b, 16) < 0;
		memcpy(&h.addrs[0], swap ? b->b : a->b, 16);
		memcpy(&h.addrs[4], swap ? a->b : b->b, 16);
		len += 32 + sizeof(h.end);
	}
	r = (u32)siphash(&key, &h, len);
	return r ? r : 1;
}

static u32 rol(u32 v, unsigned n) { return v << n | v >> (32 - n); }

/* Two hashes into one: the last steps of Bob Jenkins' lookup3. */
static u32 combine(u32 outer, u32 inner)
{
	const u32 init = 0xdeadbeef + 8;
	u32 a = outer + init, b = inner + init, c = init;
	c = (c ^ b) - rol(b, 14);
	a = (a ^ c) - rol(c, 11);
	b = (b ^ a) - rol(a, 25);
	c = (c ^ b) - rol(b, 16);
	a = (a ^ c) - rol(c, 4);
	b = (b ^ a) - rol(a, 14);
	return (c ^ b) - rol(b, 24);
}

/* -- packets -- */

/* len bytes at `at` behind the network header, wherever the packet's data begin by now. */
static bool peek(const struct sk_buff *skb, u32 at, void *to, u32 len)
{
	const u8 *from = skb_network_header(skb) + at;
	u32 before = from < skb->data ? MIN((u32)(skb->data - from), len) : 0;
	memcpy(to, from, before);
	return before == len || skb_copy_bits(skb, from < skb->data ? 0 : (u32)(from - skb->data), (u8 *)to + before, len - before);
}

enum { HEADERS_MAX = 15, GRE_CSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQ = 0x1000, GRE_ACK = 0x80, GRE_VERSION = 7,
       ETH_TEB = 0x6558, ETH_PPP = 0x880b, PPP_IP = 0x21, PPP_IPV6 = 0x57 };

/* Skips a GRE header (RFC 2784, 2890; version 1: RFC 2637) at *at. The EtherType of what is inside; 0: cannot be told. */
static u16 skip_gre(const struct sk_buff *skb, u32 *at)
{
	be16 h[2];
	u16 flags, type;
	u8 ppp[4];

	if (!peek(skb, *at, h, 4))
		return 0;
	flags = be16_to_cpu(h[0]);
	type = be16_to_cpu(h[1]);
	if (flags & GRE_ROUTING || (flags & GRE_VERSION) > 1)
		return 0;
	*at += 4 + (flags & GRE_CSUM ? 4u : 0) + (flags & GRE_KEY ? 4u : 0) + (flags & GRE_SEQ ? 4u : 0);
	if (flags & GRE_VERSION) {
		if (type != ETH_PPP || !(flags & GRE_KEY))
			return 0;
		*at += flags & GRE_ACK ? 4 : 0;
		if (!peek(skb, *at, ppp, 4))
			return 0;
		*at += 4;
		type = (u16)(ppp[2] << 8 | ppp[3]);
		return type == PPP_IP ? ETH_P_IP : type == PPP_IPV6 ? ETH_P_IPV6 : 0;
	}
	if (type == ETH_TEB) {
		if (!peek(skb, *at + 12, &h[0], 2))
			return 0;
		*at += 14;
		type = be16_to_cpu(h[0]);
	}
	while (type == ETH_P_8021Q || type == ETH_P_8021AD) {
		if (!peek(skb, *at + 2, &h[0], 2))
			return 0;
		*at += 4;
		type = be16_to_cpu(h[0]);
	}
	return type;
}

static u32 ports_at(u8 proto) /* where the two ports, or what passes for them, are; else 99 */
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_ESP:
		return 0;
	case IPPROTO_AH:
		return 4;
	default:
		return 99;
	}
}

/* From the network header inwards, as far as it can be told; outer_only: up to the first packet in a packet. */
static void dissect(const struct sk_buff *skb, u8 family, bool outer_only, struct keys *k)
{
	u16 type = family == AF_INET6 ? ETH_P_IPV6 : ETH_P_IP;
	bool fragment = false;
	be16 ports[2];
	u32 at = 0;

	*k = (struct keys){ .family = 0 };
	for (unsigned i = 0; i < HEADERS_MAX; i++) {
		struct ip4_hdr ip;
		struct ip6_hdr ip6;
		struct ip6_frag_hdr frag;
		struct ip6_ext ext;
		if (type == ETH_P_IP) {
			if (!peek(skb, at, &ip, IP4_HDR_LEN) || ip4_hlen(&ip) < IP4_HDR_LEN)
				return;
			k->family = AF_INET;
			k->proto = ip.protocol;
			k->src = inaddr_from_v4(ip.saddr);
			k->dst = inaddr_from_v4(ip.daddr);
			at += ip4_hlen(&ip);
			if ((fragment = ip4_is_fragment(&ip)))
				break;
		} else if (type == ETH_P_IPV6) {
			if (!peek(skb, at, &ip6, IP6_HDR_LEN))
				return;
			k->family = AF_INET6;
			k->proto = ip6.nexthdr;
			memcpy(k->src.b, ip6.saddr, 16);
			memcpy(k->dst.b, ip6.daddr, 16);
			if (ip6_flowlabel(&ip6).raw) /* else a label further out stays */
				k->label = be32_to_cpu(ip6_flowlabel(&ip6));
			at += IP6_HDR_LEN;
		} else if (type) {
			return;
		}
		type = 0;
		if (k->proto == IPPROTO_IPIP || k->proto == IPPROTO_IPV6) {
			type = k->proto == IPPROTO_IPIP ? ETH_P_IP : ETH_P_IPV6;
		} else if (k->proto == IPPROTO_GRE) {
			type = skip_gre(skb, &at);
			if (!type)
				break;
		} else if (k->family == AF_INET6 && (k->proto == IP6_NH_HOPOPTS || k->proto == IP6_NH_ROUTING || k->proto == IP6_NH_DSTOPTS)) {
			if (!peek(skb, at, &ext, sizeof(ext)))
				return;
			k->proto = ext.nexthdr;
			at += ip6_ext_len(IP6_NH_DSTOPTS, ext.len);
			continue;
		} else if (k->family == AF_INET6 && k->proto == IP6_NH_FRAGMENT) {
			if (!peek(skb, at, &frag, sizeof(frag)))
				return;
			k->proto = frag.nexthdr;
			fragment = true;
			break;
		} else {
			break;
		}
		k->inner = true;
		if (outer_only)
			break;
	}
	if (!fragment && ports_at(k->proto) < 99 && peek(skb, at + ports_at(k->proto), ports, 4)) {
		k->sport = ports[0];
		k->dport = ports[1];
	}
}

/* The addresses that stand for the flow: an error's are those of the packet that it is about. */
static void l3_keys(const struct flow *fl, struct keys *k)
{
	struct ip4_hdr ip;
	struct ip6_hdr ip6;
	u32 at;
	u8 type;

	*k = (struct keys){ .family = fl->family };
	if (fl->family == AF_INET) {
		peek(fl->skb, 0, &ip, IP4_HDR_LEN);
		at = ip4_hlen(&ip);
		if (ip.protocol == IPPROTO_ICMP && !ip4_frag_off(&ip) && peek(fl->skb, at, &type, 1) && icmp4_is_error(type)) {
			struct ip4_hdr quoted;
			if (peek(fl->skb, at + ICMP4_HDR_LEN, &quoted, IP4_HDR_LEN))
				ip = quoted;
		}
		k->src = inaddr_from_v4(ip.saddr);
		k->dst = inaddr_from_v4(ip.daddr);
		return;
	}
	peek(fl->skb, 0, &ip6, IP6_HDR_LEN);
	if (ip6.nexthdr == IPPROTO_ICMPV6 && peek(fl->skb, IP6_HDR_LEN, &type, 1) && type >= ICMP6_UNREACH && type <= ICMP6_PARAM_PROBLEM) {
		struct ip6_hdr quoted;
		if (peek(fl->skb, IP6_HDR_LEN + ICMP6_HDR_LEN, &quoted, IP6_HDR_LEN))
			ip6 = quoted;
	}
	memcpy(k->src.b, ip6.saddr, 16);
	memcpy(k->dst.b, ip6.daddr, 16);
	k->proto = ip6.nexthdr;
	k->label = ip6_flowlabel(&ip6).raw;
}

/* -- flows -- */

static struct keys flow_keys(struct cpu *cpu, const struct flow *fl)
{
	struct keys k = { .family = fl->family, .proto = fl->proto, .src = fl->saddr, .dst = fl->daddr, .sport = fl->sport, .dport = fl->dport };
	if (fl->family == AF_INET6) /* in network order, but a dissected packet's in the machine's: so Linux has it */
		k.label = fl->flowlabel.raw & BE32(IP6_FLOWLABEL_MASK).raw;
	if (fl->flags & FLOW_ANY_SPORT)
		k.sport.raw = (u16)rng_u32(&cpu->rng);
	return k;
}

/* Only the fields asked for; they are numbered alike for the outermost and, six bits higher, the innermost packet. */
static struct keys chosen(const struct keys *k, u32 fields)
{
	struct keys c = { .family = k->family };
	if (fields & FIB_HASH_SRC)
		c.src = k->src;
	if (fields & FIB_HASH_DST)
		c.dst = k->dst;
	if (fields & FIB_HASH_PROTO)
		c.proto = k->proto;
	if (fields & FIB_HASH_FLOWLABEL && k->family == AF_INET6)
		c.label = k->label;
	if (fields & FIB_HASH_SPORT)
		c.sport = k->sport;
	if (fields & FIB_HASH_DPORT)
		c.dport = k->dport;
	return c;
}

static u32 by_fields(struct cpu *cpu, const struct netns *net, const struct flow *fl, u32 fields)
{
	struct keys k = flow_keys(cpu, fl), c;
	u32 outer = 0, inner = 0;
	bool packed = true;

	if (!fl->skb) {
		c = chosen(&k, fields);
		outer = fields & FIB_HASH_OUTER ? hash_of(net, &c) : 0;
		return fl->flags & FLOW_AS_PACKET ? combine(outer, 0) : outer;
	}
	if (fields & FIB_HASH_OUTER) {
		dissect(fl->skb, fl->family, true, &k);
		packed = k.inner;
		k.family = fl->family;
		c = chosen(&k, fields);
		outer = hash_of(net, &c);
	}
	if (packed && fields & ~(u32)FIB_HASH_OUTER) {
		dissect(fl->skb, fl->family, false, &k);
		if (k.inner) {
			c = chosen(&k, fields >> FIB_HASH_INNER_SHIFT);
			inner = hash_of(net, &c);
		}
	}
	return combine(outer, inner);
}

u32 fib_flow_hash31(struct cpu *cpu, const struct netns *net, const struct flow *fl)
{
	const struct fib_hash_config *c = fl->family == AF_INET6 ? &net->fib->hash6 : &net->fib->hash4;
	struct keys k;

	if (fl->multipath_hash)
		return fl->multipath_hash;
	if (c->policy == 3)
		return by_fields(cpu, net, fl, c->fields) >> 1;
	if (!fl->skb) {
		k = flow_keys(cpu, fl);
		if (c->policy == 1)
			k.label = 0;
		else
			k.sport = k.dport = (be16){ 0 };
		if (c->policy != 1 && fl->family == AF_INET)
			k.proto = 0;
		return hash_of(net, &k) >> 1;
	}
	if (c->policy == 1) {
		dissect(fl->skb, fl->family, true, &k);
		k.family = fl->family;
		k.label = 0;
	} else if (c->policy == 2) {
		dissect(fl->skb, fl->family, false, &k);
		if (!k.family)
			l3_keys(fl, &k);
		k.sport = k.dport = (be16){ 0 };
		if (k.family == AF_INET)
			k.proto = 0;
	} else {
		l3_keys(fl, &k);
	}
	return hash_of(net, &k) >> 1;
}
