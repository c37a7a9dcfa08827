/* GVRP: VLAN registration by the Generic Attribute Registration Protocol. IEEE 802.1D-2004 clause 12, IEEE 802.1Q-2005 clause 11.2.
 *
 * A PDU is in an 802.2 frame of the bridges' service access point: protocol 1, then messages (a type, attributes, an end mark), then an
 * end mark. An attribute is its length, an event and a VLAN's number. What of the standard's table 12-3 does not concern an
 * applicant alone is not here: as Linux, it never says Empty, and being told to leave in state VO is nothing new.
 * Which event moves which state where is what Linux 6.12 was seen to do, all of them tried.
 */
#include <linux/if_ether.h>

#include "codec/wire/eth.h"
#include "link/l3_proto.h"
#include "link/vlan_reg.h"

#define BRIDGE_SAP 0x42
#define UI_FRAME 3 /* 802.2: unnumbered information */
#define GARP_PROTOCOL 1
#define ATTR_VID 1
#define ATTR_LEN 4 /* length, event, number */
enum { LEAVE_ALL, JOIN_EMPTY, JOIN_IN, LEAVE_EMPTY, LEAVE_IN, EMPTY };

static const u8 next[REG_STATES][REG_EVENTS] = {
	[REG_VO] = { [REG_JOIN] = REG_VP, [REG_HEAR_JOIN_IN] = REG_AO },
	[REG_AO] = { [REG_JOIN] = REG_AP, [REG_HEAR_JOIN_IN] = REG_QO, [REG_HEAR_JOIN_EMPTY] = REG_VO, [REG_HEAR_EMPTY] = REG_VO,
		     [REG_HEAR_LEAVE_EMPTY] = REG_VO, [REG_LEAVE_ALL] = REG_VO },
	[REG_QO] = { [REG_JOIN] = REG_QP, [REG_HEAR_JOIN_EMPTY] = REG_VO, [REG_HEAR_EMPTY] = REG_VO, [REG_HEAR_LEAVE_EMPTY] = REG_VO,
		     [REG_LEAVE_ALL] = REG_VO },
	[REG_VP] = { [REG_LEAVE] = REG_VO, [REG_SEND] = REG_AA, [REG_HEAR_JOIN_IN] = REG_AP },
	[REG_AP] = { [REG_LEAVE] = REG_AO, [REG_SEND] = REG_QA, [REG_HEAR_JOIN_IN] = REG_QP, [REG_HEAR_JOIN_EMPTY] = REG_VP,
		     [REG_HEAR_EMPTY] = REG_VP, [REG_HEAR_LEAVE_EMPTY] = REG_VP, [REG_LEAVE_ALL] = REG_VP },
	[REG_QP] = { [REG_LEAVE] = REG_QO, [REG_HEAR_JOIN_EMPTY] = REG_VP, [REG_HEAR_EMPTY] = REG_VP, [REG_HEAR_LEAVE_EMPTY] = REG_VP,
		     [REG_LEAVE_ALL] = REG_VP },
	[REG_VA] = { [REG_LEAVE] = REG_LA, [REG_SEND] = REG_AA, [REG_HEAR_JOIN_IN] = REG_AA, [REG_HEAR_LEAVE_EMPTY] = REG_VP,
		     [REG_LEAVE_ALL] = REG_VP },
	[REG_AA] = { [REG_LEAVE] = REG_LA, [REG_SEND] = REG_QA, [REG_HEAR_JOIN_IN] = REG_QA, [REG_HEAR_JOIN_EMPTY] = REG_VA,
		     [REG_HEAR_EMPTY] = REG_VA, [REG_HEAR_LEAVE_EMPTY] = REG_VP, [REG_LEAVE_ALL] = REG_VP },
	[REG_QA] = { [REG_LEAVE] = REG_LA, [REG_HEAR_JOIN_EMPTY] = REG_VA, [REG_HEAR_EMPTY] = REG_VA, [REG_HEAR_LEAVE_EMPTY] = REG_VP,
		     [REG_LEAVE_ALL] = REG_VP },
	[REG_LA] = { [REG_JOIN] = REG_VA, [REG_HEAR_JOIN_EMPTY] = REG_VO, [REG_HEAR_LEAVE_EMPTY] = REG_VO, [REG_LEAVE_ALL] = REG_VO },
};

static void begin(struct reg_pdu *p)
{
	static const u8 head[] = { BRIDGE_SAP, BRIDGE_SAP, UI_FRAME, 0, GARP_PROTOCOL, ATTR_VID };
	memcpy(skb_put(p->skb, sizeof(head)), head, sizeof(head));
}

static bool add(struct reg_pdu *p, u16 vid, bool join)
{
	u8 *a;
	if (p->skb->len + ATTR_LEN + 2 > p->max)
		return false;
	a = skb_put(p->skb, ATTR_LEN);
	a[0] = ATTR_LEN;
	a[1] = join ? JOIN_IN : LEAVE_EMPTY;
	a[2] = (u8)(vid >> 8);
	a[3] = (u8)vid;
	return true;
}

static void end(struct reg_pdu *p) { memset(skb_put(p->skb, 2), 0, 2); }

const struct reg_proto garp_proto = { .next = next, .begin = begin, .add = add, .end = end };

/* At an attribute. Returns its length; 0: it makes no sense. */
static u32 hear_one(struct cpu *cpu, struct reg_port *port, u8 type, const u8 *p, u32 len)
{
	static const u8 events[] = { [JOIN_EMPTY] = REG_HEAR_JOIN_EMPTY, [JOIN_IN] = REG_HEAR_JOIN_IN, [LEAVE_EMPTY] = REG_HEAR_LEAVE_EMPTY,
				     [LEAVE_IN] = REG_HEAR_LEAVE_IN, [EMPTY] = REG_HEAR_EMPTY };
	if (len < 2 || p[0] < 2 || p[0] > len)
		return 0;
	if (type != ATTR_VID)
		return p[0];
	if (p[1] == LEAVE_ALL) {
		if (p[0] != 2)
			return 0;
		vlan_reg_hear_all(cpu, port, REG_LEAVE_ALL);
	} else if (p[1] <= EMPTY && p[0] == ATTR_LEN) {
		vlan_reg_hear(cpu, port, (u16)(p[2] << 8 | p[3]), events[p[1]]);
	}
	return p[0];
}

static void hear(struct cpu *cpu, struct reg_port *port, const u8 *p, u32 len)
{
	u32 at = 2;
	if (len < 2 || p[0] || p[1] != GARP_PROTOCOL)
		return;
	while (at < len && p[at]) {
		u8 type = p[at++];
		while (at < len && p[at]) {
			u32 n = hear_one(cpu, port, type, p + at, len - at);
			if (!n)
				return;
			at += n;
		}
		at++; /* the message's end mark */
	}
}

static void rx(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	(void)net;
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		struct reg_port *port = vlan_reg_port(skb, REG_GVRP);
		u8 buf[REG_FRAME_MAX];
		const struct eth_hdr *eth = (const struct eth_hdr *)skb_mac_header(skb);
		u32 len = MIN(skb->len, (u32)be16_to_cpu(eth->type));
		const u8 *p = port && len >= 3 && len <= sizeof(buf) && be16_to_cpu(eth->type) <= skb->len ? skb_header_pointer(skb, 0, len, buf) : NULL;
		if (p && p[0] == BRIDGE_SAP && p[1] == BRIDGE_SAP && p[2] == UI_FRAME) {
			hear(cpu, port, p + 3, len - 3);
			skb_consume(cpu, skb);
		} else {
			skb->dev->stats[cpu->id].rx_dropped++;
			skb_drop(cpu, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
		}
	}
}

const struct l3_proto garp_l3_proto = { .ethertype = ETH_P_802_2, .rx = rx };
