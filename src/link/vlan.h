/* VLAN tags and the devices that stand for a VLAN of another device (link/type/vlan_dev.c makes them).
 *
 * A tag is either in the frame, or beside it in skb->vlan_proto and vlan_tci, where hardware (NETIF_F_HW_VLAN_RX, _TX) leaves and
 * takes it. From the first look at a received packet on it is beside: vlan_untag(). On the way out dev_hard_start_xmit() puts it
 * into the frame when the device cannot: vlan_insert().
 */
#ifndef LINK_VLAN_H
#define LINK_VLAN_H

#include "codec/wire/vlanhdr.h"
#include "link/stacked.h"

#define VLAN_EGRESS_BUCKETS 16

struct vlan_egress {		/* which priority bits packets of one skb->priority get */
	struct vlan_egress *next;
	u32 priority;
	u16 tci_bits;
};
struct vlan_dev {		/* priv of a VLAN device */
	struct stacked on;	/* the real device */
	be16 proto;
	u16 id;
	u32 flags;		/* VLAN_FLAG_* of linux/if_vlan.h */
	u8 real_addr[ETH_ADDR_LEN]; /* the real device's address when last looked at */
	bool listed;
	u32 ingress[8];		/* skb->priority, by priority bits */
	unsigned ingress_set, egress_set; /* how many of each are not 0 */
	struct vlan_egress *egress[VLAN_EGRESS_BUCKETS]; /* by skb->priority's lowest bits */
};
struct reg_port;
struct vlan_group {		/* a device's VLANs by protocol and id */
	unsigned count;
	struct reg_port *reg[2]; /* link/vlan_reg.h's applicants; NULL: nobody asked */
	struct net_device **chunk[2][8]; /* 512 each */
};

static inline struct vlan_dev *vlan_dev_of(const struct net_device *dev) { return dev->priv; }
static inline bool vlan_tag_present(const struct sk_buff *skb) { return skb->vlan_proto.raw != 0; }
static inline struct net_device *vlan_find(const struct vlan_group *g, be16 proto, u16 id)
{
	struct net_device **c;
	if (!g)
		return NULL;
	c = g->chunk[be16_eq(proto, BE16(ETH_P_8021AD))][id >> 9 & 7];
	return c ? c[id & 511] : NULL;
}
int vlan_group_add(struct net_device *real, struct net_device *vlan); /* -ENOMEM */
void vlan_group_del(struct net_device *real, struct net_device *vlan);

/* Takes the frame's outer tag (data is behind the Ethernet header, at the tag) and puts it beside. NULL: it was no whole tag, or no
 * memory: dropped. */
struct sk_buff *vlan_untag(struct cpu *cpu, struct sk_buff *skb);
/* Puts the tag that is beside into the frame (data at the Ethernet header). False: no memory, nothing changed. */
bool vlan_insert(struct cpu *cpu, struct sk_buff *skb);
/* Gives the packet to the VLAN device of its tag. True: it is that device's now. False: nobody's, or gone (*skb is NULL). */
bool vlan_receive(struct cpu *cpu, struct sk_buff **skb);
/* The type of what is behind all tags of a frame that has its network header set. */
be16 vlan_inner_protocol(const struct sk_buff *skb);
/* Priority bits of a packet that leaves by vlan, in their place in the tag. */
u16 vlan_egress_bits(const struct vlan_dev *v, u32 priority);

#endif
