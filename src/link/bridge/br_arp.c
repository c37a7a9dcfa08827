/* Proxy ARP and neighbour suppression: questions that the bridge answers itself, from the host's neighbour tables.
 *
 * A port with proxy_arp gets its answers from us and is never flooded to; one with proxy_arp_wifi or neigh_suppress is spared questions
 * whose answer we know. The station that is asked for must be known both as a neighbour (of the bridge, or its VLAN device) and in the
 * forwarding database. RFC 826, 4861; bridge(8).
 */
#include "codec/wire/arp.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/ip6hdr.h"
#include "inet/ip4/ip4.h"
#include "inet/ip4/ip4_tables.h"
#include "inet/ip6/ip6.h"
#include "link/bridge/br_arp.h"
#include "link/neigh.h"
#include "link/vlan.h"

extern const struct neigh_table arp_table; /* inet/ip4/arp.c */

void br_proxies_changed(struct bridge *br)
{
	const struct br_port *p;
	u32 any = 0;
	br_for_each_port(p, br)
		any |= p->flags;
	br->arp_proxies = any & (BRP_PROXYARP | BRP_PROXYARP_WIFI | BRP_NEIGH_SUPPRESS);
	br->nd_suppress = any & BRP_NEIGH_SUPPRESS;
}

static struct net_device *l3_dev(struct bridge *br, u16 vid)
{
	return vid ? vlan_find(ptr_load(br->dev->vlans), br->vlan_proto, vid) : br->dev;
}

/* The port where the neighbour is; *known: we know where at all. */
static struct br_port *at_port(struct bridge *br, const struct neighbour *n, u16 vid, bool *known)
{
	const struct br_fdb *f = n && n->nud_state & NUD_VALID ? br_fdb_find(br, n->ha, vid) : NULL;
	*known = f != NULL;
	return f ? f->dst : NULL;
}

/* An answer to p, or (NULL) to the host. skb: data at the network header. */
static void answer(struct cpu *cpu, struct bridge *br, struct br_port *p, struct sk_buff *skb, const u8 *dst, const u8 *src, u16 type, u16 vid)
{
	const struct br_vlans *vs = p ? &p->vlans : &br->vlans;
	struct eth_hdr *h = (struct eth_hdr *)skb_push(skb, ETH_HDR_LEN);
	eth_build(h, dst, src, type);
	skb->protocol = cpu_to_be16(type);
	skb_reset_mac_header(skb);
	if (vid && vs->pvid != vid) {
		skb->vlan_proto = br->vlan_proto;
		skb->vlan_tci = vid;
	}
	trace_mark(cpu, skb);
	if (p) {
		skb->dev = p->dev;
		skb->network_header = (u16)(skb->mac_header + ETH_HDR_LEN);
		dev_queue_xmit(cpu, skb);
		return;
	}
	eth_type_trans(skb, br->dev);
	skb->pkt_type = PACKET_HOST;
	skb_reset_network_header(skb);
	cpu_backlog_add(cpu, br_home(br), skb);
}

static void arp_answer(struct cpu *cpu, struct bridge *br, struct br_port *p, const struct arp_view *v, const u8 *ha, u16 vid)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, 60);
	u8 to[ETH_ADDR_LEN];
	if (!skb)
		return;
	memcpy(to, v->sha, ETH_ADDR_LEN);
	skb->dev = p ? p->dev : br->dev;
	arp_ip4_build(skb_put(skb, sizeof(struct arp_eth_ip4)), 1, ARP_OP_REPLY, ETH_ADDR_LEN, ha, v->tip, to, v->sip);
	answer(cpu, br, p, skb, to, ha, ETH_P_ARP, vid);
}

static bool is_loopback_or_group(be32 a) { return be32_to_cpu(a) >> 24 == 127 || be32_to_cpu(a) >> 28 == 14; }

void br_arp_proxy_slow(struct cpu *cpu, struct bridge *br, struct br_port *p, struct sk_buff *skb, u16 vid)
{
	struct br_cb *cb = BR_CB(skb);
	struct net_device *dev;
	struct neighbour *n;
	struct br_port *at;
	struct arp_view v;
	bool known, replied = false;
	if (br->dev->flags & IFF_NOARP || !pskb_may_pull(cpu, skb, arp_ip4_len(ETH_ADDR_LEN)) ||
	    !arp_ip4_parse(skb->data, skb_headlen(skb), ETH_ADDR_LEN, &v) || is_loopback_or_group(v.tip))
		return;
	if (br->nd_suppress) {
		if (p && p->flags & BRP_NEIGH_SUPPRESS)
			return;
		if (v.op == ARP_OP_REQUEST && !eth_addr_is_multicast(((const struct eth_hdr *)skb_mac_header(skb))->dst))
			return;
		/* Gratuitous ones and probes: not news to those who suppress. */
		if (v.op != ARP_OP_RREQUEST && v.op != ARP_OP_RREPLY && (be32_to_cpu(v.sip) >> 24 == 0 || be32_eq(v.sip, v.tip))) {
			cb->answered = true;
			return;
		}
	}
	if (v.op != ARP_OP_REQUEST || !(dev = l3_dev(br, vid)))
		return;
	if (br->nd_suppress && ip4_dev_by_addr(br->dev->net, v.tip)) {
		cb->answered = true;
		return;
	}
	n = neigh_lookup(&arp_table, &v.tip, dev);
	at = at_port(br, n, vid, &known);
	if (!known)
		return;
	if ((p && p->flags & BRP_PROXYARP) || (at && at->flags & (BRP_PROXYARP_WIFI | BRP_NEIGH_SUPPRESS))) {
		arp_answer(cpu, br, p, &v, n->ha, vid);
		if (unlikely(skb->trace))
			br_trace(cpu, skb, 0, "answered in its stead");
		replied = true;
	}
	cb->answered |= replied || br->nd_suppress;
}

static void nd_answer(struct cpu *cpu, struct bridge *br, struct br_port *p, const struct sk_buff *asked, const struct neighbour *n, u16 vid)
{
	struct nd_na { struct nd_msg m; u8 type, len, lladdr[ETH_ADDR_LEN]; } __packed_alias;
	const struct ip6_hdr *q = (const struct ip6_hdr *)asked->data;
	const struct nd_msg *ns = (const struct nd_msg *)(q + 1);
	static const u8 none[16], all_nodes[16] = { 0xff, 2, [15] = 1 };
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, IP6_HDR_LEN + sizeof(struct nd_na));
	bool dad = !memcmp(q->saddr, none, 16);
	u8 to[ETH_ADDR_LEN];
	struct ip6_hdr *ip;
	struct nd_na *na;
	if (!skb)
		return;
	memcpy(to, ((const struct eth_hdr *)skb_mac_header(asked))->src, ETH_ADDR_LEN);
	skb->dev = p ? p->dev : br->dev;
	ip = (struct ip6_hdr *)skb_put(skb, IP6_HDR_LEN + sizeof(*na));
	na = (struct nd_na *)(ip + 1);
	*ip = (struct ip6_hdr){ .vtf = ip6_vtf(0, (be32){ 0 }), .payload_len = BE16(sizeof(struct nd_na)), .nexthdr = IPPROTO_ICMPV6, .hop_limit = 255 };
	memcpy(ip->saddr, ns->target, 16);
	memcpy(ip->daddr, dad ? all_nodes : q->saddr, 16);
	memset(na, 0, sizeof(*na));
	na->m.h.type = ICMP6_NA;
	na->m.h.word = cpu_to_be32((u32)((n->flags & NTF_ROUTER ? ND_NA_ROUTER : 0) | ND_NA_OVERRIDE | (dad ? 0 : ND_NA_SOLICITED)) << 24);
	memcpy(na->m.target, ns->target, 16);
	na->type = ND_OPT_TLLA;
	na->len = 1;
	memcpy(na->lladdr, n->ha, ETH_ADDR_LEN);
	na->m.h.check = csum_fold(csum_partial(na, sizeof(*na), csum_pseudo6(ip->saddr, ip->daddr, sizeof(*na), IPPROTO_ICMPV6)));
	answer(cpu, br, p, skb, to, n->ha, ETH_P_IPV6, vid);
}

void br_nd_proxy(struct cpu *cpu, struct bridge *br, struct br_port *p, struct sk_buff *skb, u16 vid)
{
	static const u8 none[16];
	struct br_cb *cb = BR_CB(skb);
	const struct ip6_hdr *ip;
	const struct nd_msg *m;
	struct net_device *dev;
	struct neighbour *n;
	struct inaddr target;
	struct br_port *at;
	bool known;
	if (!pskb_may_pull(cpu, skb, IP6_HDR_LEN + sizeof(*m)))
		return;
	ip = (const struct ip6_hdr *)skb->data;
	m = (const struct nd_msg *)(ip + 1);
	if (ip->nexthdr != IPPROTO_ICMPV6 || (m->h.type != ICMP6_NS && m->h.type != ICMP6_NA) || (p && p->flags & BRP_NEIGH_SUPPRESS))
		return;
	if (m->h.type == ICMP6_NA) {
		if (!(be32_to_cpu(m->h.word) >> 24 & ND_NA_SOLICITED)) /* unsolicited: not to those who suppress */
			cb->answered = true;
		return;
	}
	if (!eth_addr_is_multicast(((const struct eth_hdr *)skb_mac_header(skb))->dst))
		return;
	if (!memcmp(ip->saddr, none, 16) || !memcmp(ip->saddr, ip->daddr, 16)) {
		cb->answered = true;
		return;
	}
	if (!(dev = l3_dev(br, vid)))
		return;
	memcpy(target.b, m->target, 16);
	if (ip6_ifaddr_find_for(br->dev->net, &target, dev, 0)) {
		cb->answered = true;
		return;
	}
	n = neigh_lookup(&nd_table, target.b, dev);
	at = at_port(br, n, vid, &known);
	if (!known)
		return;
	if (at && at->flags & BRP_NEIGH_SUPPRESS)
		nd_answer(cpu, br, p, skb, n, vid);
	cb->answered = true;
}
