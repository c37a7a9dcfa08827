/* ARP for IPv4 (RFC 826, 5227): finding neighbours, answering who asks for us, learning from what passes.
 *
 * Who may be asked with which source (arp_announce), what is answered on which device (arp_ignore, arp_filter, proxy_arp), and
 * from which packets an entry is made (arp_accept) are Linux's settings of the same names. States and timers are link/neigh.c's.
 */
#include <net/if_arp.h>

#include "codec/wire/arp.h"
#include "inet/ip4/ip4_priv.h"
#include "link/l3_proto.h"

/* -- sending -- */

static struct sk_buff *arp_build(struct cpu *cpu, struct net_device *dev, u16 op, be32 dip, be32 sip, const u8 *dst_hw, const u8 *src_hw,
				 const u8 *target_hw)
{
	u32 len = arp_ip4_len(dev->addr_len);
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, len);
	if (!skb)
		return NULL;
	skb->dev = dev;
	skb->protocol = BE16(ETH_P_ARP);
	skb_reset_network_header(skb);
	arp_ip4_build(skb_put(skb, len), dev->type, op, dev->addr_len, src_hw ? src_hw : dev->dev_addr, sip, target_hw, dip);
	if (dev->header_ops && dev->header_ops->create(cpu, skb, dev, ETH_P_ARP, dst_hw ? dst_hw : dev->broadcast, src_hw) < 0) {
		skb_drop(cpu, skb, SKB_DROP_REASON_NEIGH_HH_FILLFAIL);
		return NULL;
	}
	return skb;
}

void arp_send(struct cpu *cpu, struct net_device *dev, u16 op, be32 dip, be32 sip, const u8 *dst_hw, const u8 *src_hw, const u8 *target_hw)
{
	struct sk_buff *skb;
	if (dev->flags & IFF_NOARP)
		return;
	skb = arp_build(cpu, dev, op, dip, sip, dst_hw, src_hw, target_hw);
	if (!skb)
		return;
	skb_reset_mac_header(skb); /* a filter looks at the frame */
	trace_mark(cpu, skb);
	if (hook_run(cpu, dev->net, NFPF_ARP, NFH_LOCAL_OUT, skb, NULL, dev) == HOOK_ACCEPT)
		dev_queue_xmit(cpu, skb);
}

void arp_announce_addrs(struct cpu *cpu, struct in_device *idev)
{
	struct in_ifaddr *ifa;
	list_for_each(ifa, &idev->addrs, link)
		arp_send(cpu, idev->dev, ARP_OP_REQUEST, ifa->local, ifa->local, NULL, NULL, NULL);
}

/* Which of our addresses asks: with arp_announce 1 the packet's own source only when it lies in a subnet with the target, with 2 the
 * best one of the device, else the packet's own. */
static be32 asking_address(struct cpu *cpu, struct neighbour *n, const struct sk_buff *skb, be32 target)
{
	struct net_device *dev = n->dev;
	struct in_device *idev = in_dev_get(dev);
	be32 s = { 0 };
	struct in_ifaddr *a;
	s32 announce = ip4_conf_get(dev, IP4_CONF_ARP_ANNOUNCE);

	if (announce != 2 && skb && be16_to_cpu(skb->protocol) == 0x0800) {
		be32 src = ip4_header(skb)->saddr;
		if (fib_addr_type(dev->net, dev_vrf(dev), &(struct inaddr){ .w = { 0, 0, BE32(0xffff).raw, src.raw } }) == RTN_LOCAL) {
			if (announce != 1)
				s = src;
			else if (idev)
				list_for_each(a, &idev->addrs, link)
					if (in_prefix(src, a->address, a->prefix_len) && in_prefix(target, a->address, a->prefix_len))
						s = src;
		}
	}
	return s.raw ? s : ip4_select_saddr(dev->net, dev, target, RT_SCOPE_LINK);
}

static void arp_solicit(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	be32 target;
	const u8 *hw = NULL;
	struct neigh_parms *p = n->parms;
	memcpy(&target, n->key, 4);
	/* First the last known address, then everybody. */
	if (n->nud_state & NUD_PROBE && n->probes < p->ucast_probes)
		hw = n->ha;
	arp_send(cpu, n->dev, ARP_OP_REQUEST, target, asking_address(cpu, n, skb, target), hw, NULL, NULL);
}

static void arp_error_report(struct cpu *cpu, struct neighbour *n, struct sk_buff *skb)
{
	if (be16_to_cpu(skb->protocol) == 0x0800 && skb->dst)
		icmp4_send(cpu, skb, ICMP4_UNREACH, ICMP4_HOST_UNREACH, (be32){ 0 });
	skb_drop_net(cpu, n->dev->net, skb, SKB_DROP_REASON_NEIGH_FAILED);
}

static int arp_constructor(struct neighbour *n)
{
	struct net_device *dev = n->dev;
	struct inaddr a;
	be32 addr;
	if (dev->flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) /* all addresses there are one neighbour */
		memset(n->key, 0, 4);
	memcpy(&addr, n->key, 4);
	a = inaddr_from_v4(addr);
	n->type = fib_addr_type(dev->net, dev_vrf(n->dev), &a);
	if (!dev->header_ops) {
		n->nud_state = NUD_NOARP;
	} else if (n->type == RTN_MULTICAST && dev->addr_len == 6) {
		u32 g = be32_to_cpu(addr);
		n->nud_state = NUD_NOARP;
		memcpy(n->ha, (u8[]){ 0x01, 0x00, 0x5e, g >> 16 & 0x7f, g >> 8 & 0xff, g & 0xff }, 6);
	} else if (dev->flags & (IFF_NOARP | IFF_LOOPBACK)) { /* its frames are for whoever gets them */
		n->nud_state = NUD_NOARP;
		memcpy(n->ha, dev->dev_addr, dev->addr_len);
	} else if (n->type == RTN_BROADCAST || dev->flags & IFF_POINTOPOINT) {
		n->nud_state = NUD_NOARP;
		memcpy(n->ha, dev->broadcast, dev->addr_len);
	}
	return 0;
}

const struct neigh_table arp_table = { .family = AF_INET, .key_len = 4, .ethertype = ETH_P_IP, .id = "arp_cache", .solicit = arp_solicit,
				       .error_report = arp_error_report, .constructor = arp_constructor, .index = NEIGH_ARP };

/* -- receiving -- */

struct request {
	struct cpu *cpu;
	struct netns *net;
	struct net_device *dev;
	struct in_device *idev;
	struct sk_buff *skb;
	struct arp_view v;
	bool late;		/* it waited in arp_later */
};
enum handled { NOT_HANDLED, HANDLED, KEPT /* the skb is not ours any more */ };

static bool ours_on(const struct in_device *idev, be32 addr, be32 sip, bool need_subnet, u8 max_scope)
{
	struct in_ifaddr *a;
	list_for_each(a, &idev->addrs, link)
		if (be32_eq(a->local, addr) && a->scope <= max_scope &&
		    (!need_subnet || (!sip.raw || in_prefix(sip, a->address, a->prefix_len))))
			return true;
	return false;
}

/* arp_ignore: which local addresses are denied on this device. */
static bool ignores(const struct request *r)
{
	switch (ip4_conf_get(r->dev, IP4_CONF_ARP_IGNORE)) {
	case 0: return false;
	case 1: return !ours_on(r->idev, r->v.tip, r->v.sip, false, RT_SCOPE_HOST);
	case 2: return !ours_on(r->idev, r->v.tip, r->v.sip, true, RT_SCOPE_HOST);
	case 3: { /* not for addresses of host scope */
		struct in_ifaddr *a = ip4_ifaddr_find(r->net, r->v.tip);
		return !a || a->scope > RT_SCOPE_LINK;
	}
	case 8: return true;
	}
	return false;
}

/* arp_filter: only the device by which we would answer answers. */
static bool filtered(const struct request *r)
{
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(r->v.sip), .saddr = inaddr_from_v4(r->v.tip), .flags = FLOW_ANYSRC };
	struct fib_result res;
	if (!ip4_conf_get(r->dev, IP4_CONF_ARP_FILTER))
		return false;
	if (fib_lookup(r->cpu, r->net, &fl, &res))
		return true;
	if (res.nh->dev == r->dev)
		return false;
	mib_inc(r->cpu, r->net, MIB_TcpExt_ArpFilter);
	return true;
}

static bool answers_for_others(const struct request *r, struct net_device *by)
{
	s32 in_id = r->idev->conf[IP4_CONF_MEDIUM_ID], out_id;
	const struct in_device *out;
	if (ip4_conf_get(r->dev, IP4_CONF_PROXY_ARP_PVLAN) && by == r->dev)
		return true;
	if (by == r->dev || !ip4_conf_get(r->dev, IP4_CONF_PROXY_ARP))
		return false;
	if (!in_id)
		return true;
	if (in_id == -1)
		return false;
	out = in_dev_get(by);
	out_id = out ? out->conf[IP4_CONF_MEDIUM_ID] : 0;
	return out_id != in_id && out_id != -1;
}

static void answer(const struct request *r)
{
	arp_send(r->cpu, r->dev, ARP_OP_REPLY, r->v.sip, r->v.tip, r->v.sha, NULL, r->v.sha);
}

/* Learns the asker, and says whether it could. */
static bool learn_asker(const struct request *r)
{
	struct neighbour *n = neigh_get(r->cpu, &arp_table, &r->v.sip, r->dev);
	if (n)
		neigh_update(r->cpu, n, r->v.sha, NUD_STALE, NEIGH_UPDATE_OVERRIDE, 0);
	return n != NULL;
}

/* A request for our address, or for one that we answer for: when a packet from the asker to there would be let in by this device. */
static enum handled rx_request(const struct request *r)
{
	struct flow fl = { .family = AF_INET, .daddr = inaddr_from_v4(r->v.tip), .saddr = inaddr_from_v4(r->v.sip) };
	const struct neigh_parms *p = r->idev->arp_parms;
	const struct dst *d;

	if (ip4_route_input_flow(r->cpu, r->net, r->skb, &fl) != SKB_NOT_DROPPED)
		return NOT_HANDLED;
	d = r->skb->dst;
	if (d->type == RTN_LOCAL) {
		if (!ignores(r) && !filtered(r) && learn_asker(r))
			answer(r);
		return HANDLED;
	}
	if (!(r->idev->on & IN_DEV_FORWARD) || d->type != RTN_UNICAST || d->error || !answers_for_others(r, d->dev))
		return NOT_HANDLED;
	learn_asker(r);
	if (r->late || r->skb->pkt_type == PACKET_HOST || !p || !p->proxy_delay) {
		answer(r);
		return HANDLED;
	}
	skb_dst_drop(r->skb);
	arp_answer_later(r->cpu, r->net, r->skb, p);
	return KEPT;
}

/* The asker tells of itself, or claims to. */
static bool gratuitous(const struct request *r, const struct inaddr *sip)
{
	if (!be32_eq(r->v.sip, r->v.tip) || (r->v.op == ARP_OP_REPLY && memcmp(r->v.sha, r->v.tha, r->dev->addr_len)))
		return false;
	return fib_addr_type(r->net, dev_vrf(r->dev), sip) == RTN_UNICAST;
}

/* arp_accept: whether an entry may be made of what nobody asked for; 2: only of neighbours in a subnet of ours. */
static bool accepts(const struct request *r)
{
	s32 accept = ip4_conf_get(r->dev, IP4_CONF_ARP_ACCEPT);
	struct in_ifaddr *a;

	if (accept == 2)
		list_for_each(a, &r->idev->addrs, link)
			if (a->scope <= RT_SCOPE_LINK && in_prefix(r->v.sip, a->address, a->prefix_len))
				return true;
	return accept == 1;
}

/* An entry that exists is updated by every reply and request of its owner; a new one is made only when arp_accept says so. */
static void learn(const struct request *r)
{
	struct neighbour *n = neigh_lookup(&arp_table, &r->v.sip, r->dev);
	struct inaddr sip = inaddr_from_v4(r->v.sip);
	u8 state = NUD_REACHABLE;
	bool accept = !n && accepts(r), of_itself = (n || accept) && gratuitous(r, &sip), override;

	if (accept && (of_itself || (r->v.op == ARP_OP_REPLY && fib_addr_type(r->net, dev_vrf(r->dev), &sip) == RTN_UNICAST)))
		n = neigh_get(r->cpu, &arp_table, &r->v.sip, r->dev);
	if (!n)
		return;
	/* Several answers in a row: the first one counts, for the lock time. */
	override = r->cpu->now > n->updated + n->parms->locktime || of_itself;
	if (r->v.op != ARP_OP_REPLY || r->skb->pkt_type != PACKET_HOST)
		state = NUD_STALE;
	neigh_update(r->cpu, n, r->v.sha, state, override ? NEIGH_UPDATE_OVERRIDE : 0, 0);
}

static bool hardware_type_ok(const struct net_device *dev, u16 hrd)
{
	if (dev->type == ARPHRD_ETHER)
		return hrd == ARPHRD_ETHER || hrd == ARPHRD_IEEE802;
	return hrd == dev->type;
}

/* r: a packet that was let in. Consumes its skb. */
static void process(struct request *r)
{
	if (v4_is_multicast(r->v.tip) || (v4_is_loopback(r->v.tip) && !(r->idev->on & IN_DEV_ROUTE_LOCALNET)))
		goto drop;
	if (be32_eq(r->v.sip, r->v.tip) && ip4_conf_get(r->dev, IP4_CONF_DROP_GRATUITOUS_ARP))
		goto drop;
	if (!r->v.sip.raw) { /* a probe: is this address taken? */
		struct inaddr tip = inaddr_from_v4(r->v.tip);
		if (r->v.op == ARP_OP_REQUEST && fib_addr_type(r->net, dev_vrf(r->dev), &tip) == RTN_LOCAL && !ignores(r))
			answer(r);
	} else {
		enum handled h = r->v.op == ARP_OP_REQUEST ? rx_request(r) : NOT_HANDLED;
		if (h == KEPT)
			return;
		if (h == NOT_HANDLED)
			learn(r);
	}
	trace_point(r->cpu, r->net, r->skb, TP_CONSUMED, r->v.op, 0, "arp");
	skb_consume(r->cpu, r->skb);
	return;
drop:
	skb_drop_net(r->cpu, r->net, r->skb, SKB_DROP_REASON_ARP_IGNORED);
}

static void rx_one(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct request r = { cpu, net, skb->dev, in_dev_get(skb->dev), skb };
	enum skb_drop_reason reason = SKB_DROP_REASON_ARP_INVALID;
	u32 len = arp_ip4_len(skb->dev->addr_len);

	if (skb->pkt_type == PACKET_OTHERHOST || skb->pkt_type == PACKET_LOOPBACK) {
		reason = SKB_DROP_REASON_OTHERHOST;
		goto drop;
	}
	if (r.dev->flags & IFF_NOARP || !r.idev) {
		reason = SKB_DROP_REASON_ARP_IGNORED;
		goto drop;
	}
	if (!pskb_may_pull(cpu, skb, len) || !arp_ip4_parse(skb->data, len, r.dev->addr_len, &r.v) ||
	    !hardware_type_ok(r.dev, r.v.hrd) || (r.v.op != ARP_OP_REPLY && r.v.op != ARP_OP_REQUEST))
		goto drop;
	if (hook_run(cpu, net, NFPF_ARP, NFH_LOCAL_IN, skb, r.dev, NULL) == HOOK_ACCEPT)
		process(&r);
	return;
drop:
	skb_drop_net(cpu, net, skb, reason);
}

void arp_redo(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct request r = { cpu, net, skb->dev, in_dev_get(skb->dev), skb, .late = true };

	if (r.idev && arp_ip4_parse(skb->data, skb_headlen(skb), r.dev->addr_len, &r.v))
		process(&r);
	else
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_ARP_IGNORED);
}

static void arp_rx(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rx_one(cpu, net, skbs[i]);
}

const struct l3_proto arp_l3_proto = { .ethertype = ETH_P_ARP, .rx = arp_rx };
