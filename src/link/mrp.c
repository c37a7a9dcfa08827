/* MVRP: VLAN registration by the Multiple Registration Protocol. IEEE 802.1Q-2011 clauses 10.8, 10.12, 11.2.
 *
 * A PDU: version 0, then messages (a type, the length of its first values, vectors, an end mark of two bytes), then an end mark. A vector
 * is LeaveAll's bit and a count, the first VLAN's number, and the events of the VLANs from there on, three in a byte, in base six.
 * Declarations are repeated each second. Which event moves which state where is what Linux 6.12 was seen to do, all of them tried.
 */
#include "link/l3_proto.h"
#include "link/vlan_reg.h"

#define MRP_ETHERTYPE 0x88f5
#define ATTR_VID 1
#define VID_LEN 2
#define COUNT_MASK 0x1fff /* of a vector's head; above it is LeaveAll */
#define EVENTS 6
enum { NEW, JOIN_IN, IN, JOIN_MT, MT, LV };

static const u8 next[REG_STATES][REG_EVENTS] = {
	[REG_VO] = { [REG_JOIN] = REG_VP, [REG_HEAR_JOIN_IN] = REG_AO },
	[REG_AO] = { [REG_JOIN] = REG_AP, [REG_HEAR_JOIN_IN] = REG_QO, [REG_HEAR_LEAVE_EMPTY] = REG_VO, [REG_LEAVE_ALL] = REG_VO },
	[REG_QO] = { [REG_JOIN] = REG_QP, [REG_HEAR_JOIN_EMPTY] = REG_AO, [REG_HEAR_EMPTY] = REG_AO, [REG_HEAR_LEAVE_EMPTY] = REG_VO,
		     [REG_LEAVE_ALL] = REG_VO },
	[REG_VP] = { [REG_LEAVE] = REG_VO, [REG_SEND] = REG_AA, [REG_HEAR_JOIN_IN] = REG_AP },
	[REG_AP] = { [REG_LEAVE] = REG_AO, [REG_SEND] = REG_QA, [REG_HEAR_JOIN_IN] = REG_QP, [REG_HEAR_LEAVE_EMPTY] = REG_VP, [REG_LEAVE_ALL] = REG_VP },
	[REG_QP] = { [REG_LEAVE] = REG_QO, [REG_HEAR_JOIN_EMPTY] = REG_AP, [REG_HEAR_EMPTY] = REG_AP, [REG_HEAR_LEAVE_EMPTY] = REG_VP,
		     [REG_LEAVE_ALL] = REG_VP, [REG_PERIODIC] = REG_AP },
	[REG_AA] = { [REG_LEAVE] = REG_LA, [REG_SEND] = REG_QA, [REG_HEAR_JOIN_IN] = REG_QA, [REG_HEAR_LEAVE_EMPTY] = REG_VP, [REG_LEAVE_ALL] = REG_VP },
	[REG_QA] = { [REG_LEAVE] = REG_LA, [REG_HEAR_JOIN_EMPTY] = REG_AA, [REG_HEAR_EMPTY] = REG_AA, [REG_HEAR_LEAVE_EMPTY] = REG_VP,
		     [REG_LEAVE_ALL] = REG_VP, [REG_PERIODIC] = REG_AA },
	[REG_LA] = { [REG_JOIN] = REG_AA },
};

static void begin(struct reg_pdu *p)
{
	static const u8 head[] = { 0, ATTR_VID, VID_LEN };
	memcpy(skb_put(p->skb, sizeof(head)), head, sizeof(head));
	p->vector = 0;
	p->count = 0;
}

/* Goes on with the vector whose next VLAN this is, or begins another one. */
static bool add(struct reg_pdu *p, u16 vid, bool join)
{
	bool goes_on = p->count && p->next == vid, new_byte = !goes_on || p->count % 3 == 0;
	static const u8 place[3] = { EVENTS * EVENTS, EVENTS, 1 };
	u8 *v, ev = join ? JOIN_IN : LV;
	u32 need = (goes_on ? 0 : 4) + new_byte;
	if (p->skb->len + need + 4 > p->max)
		return false;
	if (!goes_on) {
		p->vector = p->skb->tail;
		p->count = 0;
		v = skb_put(p->skb, 4);
		v[2] = (u8)(vid >> 8);
		v[3] = (u8)vid;
	}
	if (new_byte)
		*skb_put(p->skb, 1) = 0;
	p->skb->head[p->skb->tail - 1] += (u8)(ev * place[p->count % 3]);
	p->count++;
	p->next = (u16)(vid + 1);
	v = p->skb->head + p->vector;
	v[0] = (u8)(p->count >> 8);
	v[1] = (u8)p->count;
	return true;
}

static void end(struct reg_pdu *p) { memset(skb_put(p->skb, 4), 0, 4); }

const struct reg_proto mrp_proto = { .ethertype = MRP_ETHERTYPE, .next = next, .period_ns = NSEC_PER_SEC, .begin = begin, .add = add, .end = end };

/* At a vector. Returns its length; 0: it makes no sense. */
static u32 hear_vector(struct cpu *cpu, struct reg_port *port, u8 type, u8 alen, const u8 *p, u32 len)
{
	static const u8 events[EVENTS] = { [NEW] = REG_EVENTS, [JOIN_IN] = REG_HEAR_JOIN_IN, [IN] = REG_EVENTS, [JOIN_MT] = REG_HEAR_JOIN_EMPTY,
					   [MT] = REG_HEAR_EMPTY, [LV] = REG_HEAR_LEAVE_EMPTY };
	static const u8 place[3] = { EVENTS * EVENTS, EVENTS, 1 };
	u32 head = 2 + (u32)alen, count, bytes;
	u16 first;
	if (len < head)
		return 0;
	count = (u32)(p[0] << 8 | p[1]) & COUNT_MASK;
	bytes = (count + 2) / 3;
	if (len - head < bytes)
		return 0;
	if (type != ATTR_VID || alen != VID_LEN)
		return head + bytes;
	if (p[0] >> 5)
		vlan_reg_hear_all(cpu, port, REG_LEAVE_ALL);
	first = (u16)(p[2] << 8 | p[3]);
	for (u32 i = 0; i < count; i++) {
		u8 ev = events[p[head + i / 3] / place[i % 3] % EVENTS];
		if (ev != REG_EVENTS && first + i < VLAN_IDS)
			vlan_reg_hear(cpu, port, (u16)(first + i), ev);
	}
	return head + bytes;
}

static void hear(struct cpu *cpu, struct reg_port *port, const u8 *p, u32 len)
{
	u32 at = 1;
	if (len < 1 || p[0])
		return;
	while (len - at >= 2 && (p[at] || p[at + 1])) {
		u8 type = p[at], alen = p[at + 1];
		at += 2;
		while (len - at >= 2 && (p[at] || p[at + 1])) {
			u32 n = hear_vector(cpu, port, type, alen, p + at, len - at);
			if (!n)
				return;
			at += n;
		}
		if (len - at < 2)
			return;
		at += 2; /* the message's end mark */
	}
}

static void rx(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	(void)net;
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		struct reg_port *port = vlan_reg_port(skb, REG_MVRP);
		u8 buf[REG_FRAME_MAX];
		const u8 *p = port && skb->len <= sizeof(buf) ? skb_header_pointer(skb, 0, skb->len, buf) : NULL;
		if (p) {
			hear(cpu, port, p, skb->len);
			skb_consume(cpu, skb);
		} else {
			skb->dev->stats[cpu->id].rx_dropped++;
			skb_drop(cpu, skb, SKB_DROP_REASON_UNHANDLED_PROTO);
		}
	}
}

const struct l3_proto mrp_l3_proto = { .ethertype = MRP_ETHERTYPE, .rx = rx };
