/* Seam upwards from link: who handles an EtherType. Receives batches of one protocol and one device's namespace. */
#ifndef LINK_L3_PROTO_H
#define LINK_L3_PROTO_H

#include "core/skb.h"

struct l3_proto {
	u16 ethertype;
	void (*rx)(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n); /* consumes; network header set, data there */
	/* GRO: offers skb (data at the network header) to the packets held; as link/gro.h says. NULL: no GRO. */
	struct sk_buff *(*gro_receive)(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb);
	void (*gro_complete)(struct cpu *cpu, struct sk_buff *skb, u32 nhoff);
	/* GSO: data at the network header; cuts one packet into out. */
	int (*gso_segment)(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out);
};
const struct l3_proto *l3_proto_find(const struct world *w, be16 protocol); /* NULL: nobody */

#endif
