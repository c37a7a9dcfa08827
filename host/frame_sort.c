/* Sorting what comes out of the stack, at the uplink.
 *
 * A reply to a published connection has the client as its destination, and would go the way of all packets to that address, into
 * libslirp, which knows nothing of it. So the connection's own socket is asked for first (published). Neighbour answers are for
 * both sides, as both ask. Later fragments have no ports: both get them, and one puts them together.
 *
 * What goes to libslirp becomes a connect() or sendto() of a process in this machine's network namespace. Addresses that mean this
 * machine itself there (127/8, 0/8, ::1, ::, IPv4 as mapped IPv6) would lead to its loopback services, past libslirp's own switch for
 * that, which looks at the gateway's address alone: they are dropped here. No router forwards such packets (RFC 1122 3.2.1.3, RFC 4291 2.5).
 */
#include "host/frame_sort.h"

#include <netinet/in.h>

#include "codec/wire/arp.h"
#include "codec/wire/icmp4.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"

#define EXT_MAX 8 /* extension headers that are walked; a packet with more is nobody's */

/* What of a packet matters here. */
struct view {
	struct inaddr src, dst;
	u8 proto;
	bool later_fragment, whole_chain; /* whole_chain: proto is known */
	const u8 *l4;
	size_t l4_len;
};

static bool view4(const u8 *p, size_t len, struct view *v)
{
	const struct ip4_hdr *h = (const void *)p;

	if (len < IP4_HDR_LEN || ip4_version(h) != 4 || ip4_hlen(h) < IP4_HDR_LEN || ip4_hlen(h) > len)
		return false;
	*v = (struct view){ .src = inaddr_from_v4(h->saddr), .dst = inaddr_from_v4(h->daddr), .proto = h->protocol, .whole_chain = true,
			    .later_fragment = ip4_frag_off(h) > 0, .l4 = p + ip4_hlen(h), .l4_len = len - ip4_hlen(h) };
	return true;
}

static bool view6(const u8 *p, size_t len, struct view *v)
{
	const struct ip6_hdr *h = (const void *)p;
	size_t at = IP6_HDR_LEN;

	if (len < IP6_HDR_LEN || ip6_version(h) != 6)
		return false;
	*v = (struct view){ .src = inaddr_from_v6(h->saddr), .dst = inaddr_from_v6(h->daddr), .proto = h->nexthdr };
	for (unsigned i = 0; i < EXT_MAX && ip6_is_ext(v->proto) && v->proto != IP6_NH_NONE; i++) {
		const struct ip6_ext *x = (const void *)(p + at);
		const struct ip6_frag_hdr *f = (const void *)(p + at);

		if (at + IP6_FRAG_HDR_LEN > len)
			return true;
		if (v->proto == IP6_NH_FRAGMENT && be16_to_cpu(f->off) & IP6_FRAG_OFFSET) {
			v->later_fragment = true;
			return true;
		}
		at += ip6_ext_len(v->proto, x->len);
		v->proto = x->nexthdr;
		if (at > len)
			return true;
	}
	v->whole_chain = !ip6_is_ext(v->proto);
	v->l4 = p + at;
	v->l4_len = len - at;
	return true;
}

static bool is_connection(const struct frame_sort *s, const struct view *v, bool quoted)
{
	be16 port[2];

	if (!s->published || !v->whole_chain || (v->proto != IPPROTO_TCP && v->proto != IPPROTO_UDP) || v->l4_len < sizeof(port))
		return false;
	memcpy(port, v->l4, sizeof(port));
	/* What an error quotes is the packet that went inward: the client is its source. */
	return quoted ? s->published(s->arg, v->proto, &v->src, port[0], &v->dst, port[1]) :
			s->published(s->arg, v->proto, &v->dst, port[1], &v->src, port[0]);
}

static bool leads_to_this_machine(const struct inaddr *a)
{
	if (inaddr_is_v4(a))
		return v4_is_loopback(inaddr_v4(a)) || be32_to_cpu(inaddr_v4(a)) >> 24 == 0;
	return v6_is_any(a) || v6_is_loopback(a);
}

static unsigned onward(const struct frame_sort *s, const struct view *v, bool v6)
{
	if (!s->host_loopback && (leads_to_this_machine(&v->dst) || (v6 && inaddr_is_v4(&v->dst))))
		return 0;
	return FRAME_SLIRP;
}

static unsigned sort4(const struct frame_sort *s, const u8 *p, size_t len)
{
	struct view v, q;
	unsigned to;

	if (!view4(p, len, &v))
		return 0;
	to = onward(s, &v, false);
	if (v.later_fragment)
		return to | (s->published ? FRAME_PUBLISHED : 0);
	if (is_connection(s, &v, false))
		return FRAME_PUBLISHED;
	if (v.proto == IPPROTO_ICMP && v.l4_len > ICMP4_HDR_LEN && icmp4_is_error(v.l4[0]) && view4(v.l4 + ICMP4_HDR_LEN, v.l4_len - ICMP4_HDR_LEN, &q) &&
	    !q.later_fragment && is_connection(s, &q, true))
		return FRAME_PUBLISHED;
	return to;
}

static unsigned sort6(const struct frame_sort *s, const u8 *p, size_t len)
{
	struct view v, q;
	unsigned to;

	if (!view6(p, len, &v))
		return 0;
	to = onward(s, &v, true);
	if (v.later_fragment)
		return to | (s->published ? FRAME_PUBLISHED : 0);
	if (is_connection(s, &v, false))
		return FRAME_PUBLISHED;
	if (v.whole_chain && v.proto == IPPROTO_ICMPV6 && v.l4_len >= ICMP6_HDR_LEN) {
		if (v.l4[0] == ICMP6_NA)
			return to | (s->published ? FRAME_PUBLISHED : 0);
		if (!icmp6_is_info(v.l4[0]) && view6(v.l4 + ICMP6_HDR_LEN, v.l4_len - ICMP6_HDR_LEN, &q) && !q.later_fragment && is_connection(s, &q, true))
			return FRAME_PUBLISHED;
	}
	return to;
}

unsigned frame_sort(const struct frame_sort *s, const void *frame, size_t len)
{
	const struct eth_hdr *h = frame;
	const u8 *p = (const u8 *)frame + ETH_HDR_LEN;
	struct arp_view arp;

	if (len < ETH_HDR_LEN)
		return 0;
	len -= ETH_HDR_LEN;
	switch (be16_to_cpu(h->type)) {
	case ETH_P_ARP:
		if (!arp_ip4_parse(p, (u32)len, ETH_ADDR_LEN, &arp))
			return 0;
		return FRAME_SLIRP | (arp.op == ARP_OP_REPLY && s->published ? FRAME_PUBLISHED : 0);
	case ETH_P_IP:
		return sort4(s, p, len);
	case ETH_P_IPV6:
		return sort6(s, p, len);
	default:
		return 0;
	}
}

static size_t answer_arp(const struct eth_hdr *q, const struct arp_view *v, const u8 mac[6], u8 *out)
{
	if (v->op != ARP_OP_REQUEST || be32_eq(v->sip, v->tip) || !v->sip.raw) /* an announcement, or a search for duplicates */
		return 0;
	eth_build((void *)out, q->src, mac, ETH_P_ARP);
	arp_ip4_build(out + ETH_HDR_LEN, v->hrd, ARP_OP_REPLY, ETH_ADDR_LEN, mac, v->tip, v->sha, v->sip);
	return ETH_HDR_LEN + sizeof(struct arp_eth_ip4);
}

static size_t answer_ns(const struct eth_hdr *q, const struct ip6_hdr *ip, const struct nd_msg *ns, const u8 mac[6], u8 *out)
{
	struct {
		struct eth_hdr eth;
		struct ip6_hdr ip;
		struct nd_msg na;
		struct nd_opt_hdr opt;
		u8 lladdr[ETH_ADDR_LEN];
	} __packed_alias *a = (void *)out;
	u16 len = sizeof(*a) - sizeof(a->eth) - sizeof(a->ip);

	_Static_assert(sizeof(*a) == FRAME_ANSWER_MAX, "no padding");
	eth_build(&a->eth, q->src, mac, ETH_P_IPV6);
	a->ip = (struct ip6_hdr){ .vtf = ip6_vtf(0, (be32){ 0 }), .payload_len = cpu_to_be16(len), .nexthdr = IP6_NH_ICMP, .hop_limit = 255 };
	memcpy(a->ip.saddr, ns->target, 16);
	memcpy(a->ip.daddr, ip->saddr, 16);
	a->na = (struct nd_msg){ .h = { .type = ICMP6_NA, .word = BE32((u32)(ND_NA_SOLICITED | ND_NA_OVERRIDE) << 24) } };
	memcpy(a->na.target, ns->target, 16);
	a->opt = (struct nd_opt_hdr){ ND_OPT_TLLA, 1 };
	memcpy(a->lladdr, mac, ETH_ADDR_LEN);
	a->na.h.check = csum_fold(csum_partial(&a->na, len, csum_pseudo6(a->ip.saddr, a->ip.daddr, len, IP6_NH_ICMP)));
	return sizeof(*a);
}

size_t frame_answer(const void *question, size_t len, const u8 mac[6], u8 answer[FRAME_ANSWER_MAX])
{
	const struct eth_hdr *h = question;
	const struct ip6_hdr *ip = (const void *)(h + 1);
	const struct nd_msg *ns = (const void *)(ip + 1);
	struct arp_view arp;

	if (len < ETH_HDR_LEN)
		return 0;
	if (be16_to_cpu(h->type) == ETH_P_ARP && arp_ip4_parse(h + 1, (u32)(len - ETH_HDR_LEN), ETH_ADDR_LEN, &arp))
		return answer_arp(h, &arp, mac, answer);
	if (be16_to_cpu(h->type) == ETH_P_IPV6 && len >= ETH_HDR_LEN + IP6_HDR_LEN + sizeof(*ns) && ip->nexthdr == IP6_NH_ICMP && ns->h.type == ICMP6_NS &&
	    (ip->saddr[0] || ip->saddr[15]))
		return answer_ns(h, ip, ns, mac, answer);
	return 0;
}
