/* Answers that a bridge gives in others' stead, so that a question need not be flooded: proxy ARP and neighbour suppression. */
#ifndef LINK_BRIDGE_BR_ARP_H
#define LINK_BRIDGE_BR_ARP_H

#include "link/bridge/bridge.h"

void br_proxies_changed(struct bridge *br); /* ports' flags have */
static inline bool br_has_suppress(const struct bridge *br) { return br->nd_suppress; }
void br_arp_proxy_slow(struct cpu *cpu, struct bridge *br, struct br_port *p_or_null, struct sk_buff *skb, u16 vid);
/* An ARP frame: answers it where it may, and notes that ports which suppress need not see it. Data at the network header. */
static inline void br_arp_proxy(struct cpu *cpu, struct bridge *br, struct br_port *p, struct sk_buff *skb, u16 vid)
{
	if (unlikely(br->arp_proxies))
		br_arp_proxy_slow(cpu, br, p, skb, vid);
}
void br_nd_proxy(struct cpu *cpu, struct bridge *br, struct br_port *p_or_null, struct sk_buff *skb, u16 vid); /* the same for IPv6 */

#endif
