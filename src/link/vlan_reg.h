/* VLAN registration: how the VLAN devices above a device ask the bridges on its link for their VLANs (`gvrp on`, `mvrp on`).
 *
 * Two protocols, one idea. An applicant is in a state for each VLAN; requests of the devices above, what other applicants are heard to
 * say and the time to send move it. A declaration is said twice (a frame may be lost), unless others are heard saying it; a
 * withdrawal once. As in Linux there is an applicant only: nothing is registered here, no LeaveAll is sent.
 * GVRP: garp.c, IEEE 802.1D-2004 clause 12. MVRP: mrp.c, IEEE 802.1Q-2011 clause 10, and 11.2.
 */
#ifndef LINK_VLAN_REG_H
#define LINK_VLAN_REG_H

#include <linux/if_vlan.h>

#include "base/timer.h"
#include "core/skb.h"
#include "link/netdevice.h"

struct event_sub;
struct l3_proto;

/* By the standards' letters: how sure it is that everybody knows (V: not at all, A: said once, Q: quiet), and whether it is a member (A), wants
 * to be one (P: passive), or only listens (O). LA: leaves, and has yet to say so. */
enum reg_state { REG_NONE /* not even listening */, REG_VO, REG_AO, REG_QO, REG_VP, REG_AP, REG_QP, REG_VA, REG_AA, REG_QA, REG_LA, REG_STATES };
/* EMPTY: "nobody here is registered". MRP calls JOIN_EMPTY JoinMt, EMPTY Mt, and LEAVE_EMPTY Lv; GARP knows no PERIODIC, MRP no LEAVE_IN. */
enum reg_event {
	REG_JOIN, REG_LEAVE, REG_SEND, REG_HEAR_JOIN_IN, REG_HEAR_JOIN_EMPTY, REG_HEAR_EMPTY, REG_HEAR_LEAVE_IN, REG_HEAR_LEAVE_EMPTY, REG_LEAVE_ALL,
	REG_PERIODIC, REG_EVENTS
};
enum { REG_GVRP, REG_MVRP, REG_PROTOS };
#define VLAN_IDS 4096
#define REG_FRAME_MAX 1500 /* bytes behind the Ethernet header */

struct reg_pdu { struct sk_buff *skb; u32 max; u32 vector; /* MRP: where the present one begins, from head on */ u16 next; /* the VLAN that would go on with it */ u16 count; };
struct reg_proto {
	u16 ethertype;		/* 0: the frame has a length there */
	const u8 (*next)[REG_EVENTS]; /* [REG_STATES]: the state after an event; REG_NONE: the same */
	u64 period_ns;		/* of REG_PERIODIC, 0: none */
	void (*begin)(struct reg_pdu *p);
	bool (*add)(struct reg_pdu *p, u16 vid, bool join); /* false: full */
	void (*end)(struct reg_pdu *p);
};
struct reg_port {		/* an applicant; home baton, or all */
	const struct reg_proto *proto;
	struct net_device *dev;	/* borrowed: it ends first (vlan_reg_end) */
	struct timer send, periodic;
	u16 to_say, declared;	/* how many have something to say; how many are declared */
	u8 state[VLAN_IDS];	/* enum reg_state */
};

/* -- for VLAN devices; all batons held -- */
int vlan_reg_begin(struct net_device *real); /* its first VLAN: frames of the protocols are let in. -ENOMEM */
void vlan_reg_end(struct cpu *cpu, struct net_device *real); /* the last is gone: says what there is to say, and ends */
int vlan_reg_join(struct net_device *real, unsigned proto, u16 vid); /* -ENOMEM */
void vlan_reg_leave(struct net_device *real, unsigned proto, u16 vid);

/* -- for garp.c and mrp.c; home baton -- */
/* The applicant that a frame is for; NULL: nobody here. */
struct reg_port *vlan_reg_port(const struct sk_buff *skb, unsigned proto);
void vlan_reg_hear(struct cpu *cpu, struct reg_port *port, u16 vid, enum reg_event ev);
void vlan_reg_hear_all(struct cpu *cpu, struct reg_port *port, enum reg_event ev);
extern const struct reg_proto garp_proto, mrp_proto;

extern const struct event_sub vlan_reg_event_sub;
extern const struct l3_proto garp_l3_proto, mrp_l3_proto; /* rows of stack/stack_tables.c */

#endif
