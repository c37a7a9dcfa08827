/* IPv4's rows in its l3_proto for GRO and GSO: ip4_gro.c, used by ip4_rx.c. */
#ifndef INET_IP4_IP4_OFFLOAD_H
#define INET_IP4_IP4_OFFLOAD_H

#include "core/skb.h"

struct sk_buff *ip4_gro_receive(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb);
void ip4_gro_complete(struct cpu *cpu, struct sk_buff *skb, u32 nhoff);
int ip4_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out);

#endif
