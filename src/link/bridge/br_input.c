/* A frame that a port received: what the bridge does with it.
 *
 * The rx_handler of the port's device. Reserved addresses (01:80:c2:00:00:0x) stay on their link: they go to spanning tree, or up as the
 * port's own. All else passes the port's state, VLAN, lock, learning and snooping, and is then sent to one port (br_forward_to), to those
 * that listen to a group (br_mcast_flood), to all (br_flood), or up. IEEE 802.1D 7.12.6, 802.1Q 8.6.
 */
#include "core/hook.h"
#include "link/bridge/br_mcast.h"
#include "link/bridge/br_arp.h"

static const u8 reserved[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };
static inline bool is_link_local(const u8 *a) { return unlikely(!memcmp(a, reserved, 5) && !(a[5] & 0xf0)); }

/* What comes to a reserved address tells of its sender as well. */
static void learn_local(struct cpu *cpu, struct br_port *p, const struct sk_buff *skb, const u8 *src)
{
	u16 vid;
	if (!(p->flags & BRP_LEARNING) || (p->state != BR_STATE_LEARNING && p->state != BR_STATE_FORWARDING) || p->br->no_linklocal_learn)
		return;
	vid = br_vlan_of(p->br, &p->vlans, skb);
	if (vid != 0xffff)
		br_fdb_learn(cpu, p->br, p, src, vid, 0);
}

/* True: forward it like any other. Else *taken says whether it is gone, or goes on up as the port's. */
static bool link_local(struct cpu *cpu, struct br_port *p, struct sk_buff *skb, const struct eth_hdr *h, bool *taken)
{
	struct bridge *br = p->br;
	u16 mask = p->group_fwd_mask | br_vlan_forced_fwd_mask(br);
	*taken = true;
	switch (h->dst[5]) {
	case 0x00:
		if (!br->stp || mask & 1)
			return true;
		learn_local(cpu, p, skb, h->src);
		br_stp_rx(cpu, p, skb);
		return false;
	case 0x01: /* MAC control: pause */
		skb_drop(cpu, skb, SKB_DROP_REASON_MAC_IEEE_MAC_CONTROL);
		return false;
	default:
		mask |= br->group_fwd_mask;
		if (mask & BIT(h->dst[5]))
			return true;
	}
	learn_local(cpu, p, skb, h->src);
	if (eth_addr_eq(h->dst, br->group_addr) && br->stp) {
		br_stp_rx(cpu, p, skb);
		return false;
	}
	*taken = hook_run(cpu, p->dev->net, NFPF_BRIDGE, NFH_LOCAL_IN, skb, p->dev, NULL) != HOOK_ACCEPT;
	return false;
}

/* A port that is locked takes only what it was told of (802.1X); with MAB it notes who asks. False: dropped. */
static bool locked_pass(struct cpu *cpu, struct br_port *p, struct sk_buff *skb, const u8 *src, u16 vid)
{
	const struct br_fdb *f = br_fdb_find(p->br, src, vid);
	if (f && f->dst == p && !(f->flags & (FDB_LOCAL | FDB_LOCKED)))
		return true;
	if ((!f && p->flags & BRP_MAB) || (f && f->dst == p && f->flags & FDB_LOCKED))
		br_fdb_learn(cpu, p->br, p, src, vid, FDB_LOCKED);
	skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_PORT_LOCKED);
	return false;
}

static void trace_learned(struct cpu *cpu, const struct sk_buff *skb, const struct br_port *p, const u8 *a, u16 vid)
{
	const struct br_fdb *f = br_fdb_find(p->br, a, vid);
	br_trace(cpu, skb, vid, "%s %02x:%02x:%02x:%02x:%02x:%02x at %s vlan %u", !f ? "did not learn" : f->dst == p ? "learned" : "knows elsewhere", a[0], a[1],
		 a[2], a[3], a[4], a[5], p->dev->name, vid);
}

/* Sends it on. True: taken; false: it is the bridge device's now. */
static bool forward(struct cpu *cpu, struct br_port *p, struct sk_buff *skb, const struct eth_hdr *h, u16 vid)
{
	struct bridge *br = p->br;
	bool up = br->dev->flags & IFF_PROMISC, hit = false;
	const struct br_mdb *mdb = NULL;
	enum br_kind kind = BR_UNICAST;
	struct br_fdb *f = NULL;
	if (unlikely(eth_addr_is_multicast(h->dst))) {
		kind = eth_addr_is_broadcast(h->dst) ? BR_BROADCAST : BR_MULTICAST;
		up |= kind == BR_BROADCAST;
	}
	if (unlikely(be16_eq(skb->protocol, BE16(ETH_P_ARP)) || be16_eq(skb->protocol, BE16(ETH_P_RARP))))
		br_arp_proxy(cpu, br, p, skb, vid);
	else if (unlikely(be16_eq(skb->protocol, BE16(ETH_P_IPV6)) && br_has_suppress(br)))
		br_nd_proxy(cpu, br, p, skb, vid);
	if (kind == BR_MULTICAST) {
		mdb = br_mdb_of_skb(br, skb, vid);
		if ((mdb || BR_CB(skb)->mrouters_only) && br_mcast_querier_there(br, h, mdb)) {
			hit = true;
			if ((mdb && br_mdb_host_joined(mdb)) || br_mcast_is_router(br, skb) || br->dev->flags & IFF_ALLMULTI) {
				up = true;
				br->dev->stats[cpu->id].multicast++;
			}
		} else {
			up = true;
			br->dev->stats[cpu->id].multicast++;
		}
	} else if (likely(kind == BR_UNICAST)) {
		f = br_fdb_find(br, h->dst, vid);
	}
	if (likely(f != NULL)) {
		if (f->flags & FDB_LOCAL)
			return !br_pass_up(cpu, br, skb);
		f->used = cpu->now;
		br_forward_to(cpu, f->dst, skb, up);
	} else if (hit) {
		br_mcast_flood(cpu, br, mdb, skb, up);
	} else {
		br_flood(cpu, br, skb, kind, up, vid);
	}
	return !up || !br_pass_up(cpu, br, skb);
}

bool br_receive(struct cpu *cpu, struct sk_buff **pskb, void *data)
{
	struct br_port *p = data;
	struct bridge *br = p->br;
	struct sk_buff *skb = *pskb;
	const struct eth_hdr *h;
	u8 state = p->state;
	u16 vid = 0;
	bool taken;
	if (unlikely(skb->pkt_type == PACKET_LOOPBACK || skb->mac_header == SKB_OFF_UNSET))
		return false;
	h = (const struct eth_hdr *)skb_mac_header(skb);
	if (unlikely(!eth_addr_is_valid(h->src))) {
		skb_drop(cpu, skb, SKB_DROP_REASON_MAC_INVALID_SOURCE);
		return true;
	}
	if (is_link_local(h->dst) && !link_local(cpu, p, skb, h, &taken))
		return taken;
	if (unlikely(state != BR_STATE_FORWARDING && state != BR_STATE_LEARNING)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_INGRESS_STP_STATE);
		return true;
	}
	if (eth_addr_eq(h->dst, br->dev->dev_addr))
		skb->pkt_type = PACKET_HOST;
	*BR_CB(skb) = (struct br_cb){ .src = p, .isolated = p->flags & BRP_ISOLATED };
	if (hook_run(cpu, p->dev->net, NFPF_BRIDGE, NFH_PRE_ROUTING, skb, p->dev, NULL) != HOOK_ACCEPT)
		return true;
	if (!br_vlan_ingress(cpu, br, &p->vlans, skb, &vid, &state))
		return true;
	h = (const struct eth_hdr *)skb_mac_header(skb);
	if (unlikely(p->flags & BRP_LOCKED) && !locked_pass(cpu, p, skb, h->src, vid))
		return true;
	if (likely(p->flags & BRP_LEARNING)) {
		br_fdb_learn(cpu, br, p, h->src, vid, 0);
		if (unlikely(skb->trace))
			trace_learned(cpu, skb, p, h->src, vid);
	}
	if (unlikely(eth_addr_is_multicast(h->dst)) && !eth_addr_is_broadcast(h->dst) && !br_mcast_rx(cpu, br, p, skb, vid)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_SNOOPED);
		return true;
	}
	if (unlikely(state == BR_STATE_LEARNING)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_BRIDGE_INGRESS_STP_STATE);
		return true;
	}
	/* Snooping may have made headers linear. */
	return forward(cpu, p, skb, (const struct eth_hdr *)skb_mac_header(skb), vid);
}
