/* Seam downwards from the device kind `nic`: a port moves frames between a nic's rings and the world outside (memory, TAP,
 * AF_PACKET, pcap file …). Host ports live in host/, memory ports in link/type/. A port belongs to its nic. Frames of queue q are
 * received (rx, arm) with the baton of the cpu that the queue's vector is bound to, and sent (tx) with that of the home cpu of the
 * nic's namespace. start and stop come with the nic's going up and down, and around a change of rings or queues, all batons held. */
#ifndef LINK_PORT_H
#define LINK_PORT_H

#include "core/skb.h"
#include "link/netdevice.h"

struct nic;
struct port;
enum { PORT_CAP_VNET_HDR = 1, /* gso_size, csum_start travel with a packet, both ways */
       PORT_CAP_CARRIER = 2 };

struct port_ops {
	const char *name;	/* "memory", "tap", "pcap" */
	unsigned max_queues;
	u32 caps;
	int (*start)(struct port *p, struct nic *nic, unsigned queues);
	void (*stop)(struct port *p);
	void (*free)(struct port *p);
	/* Takes up to n frames that arrived on queue q, as packets with the frame at skb->data (Ethernet header included), offload
	 * fields set per caps. Returns how many. */
	unsigned (*rx)(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n);
	/* Sends n frames; returns how many were taken (these are consumed). Fewer: the ring stays full until tx_ready. */
	unsigned (*tx)(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n);
	/* Asks for an interrupt (nic_rx_ready) when a frame is there for q. Returns true when frames are there already. */
	bool (*arm)(struct cpu *cpu, struct port *p, unsigned q);
	void (*offloads)(struct port *p, u64 features); /* features changed (TUNSETOFFLOAD) */
};
struct port {
	const struct port_ops *ops;
	struct nic *nic;
	void *priv;
};
/* From the port: frames arrived (any cpu's baton: it crosses to the vector's) / room in the way out again (the home cpu's). */
void nic_rx_ready(struct cpu *cpu, struct nic *nic, unsigned q);
void nic_tx_ready(struct cpu *cpu, struct nic *nic, unsigned q);
/* A frame that the port had to drop for want of a descriptor: counted (rx_missed_errors, FULL_RING). Consumes. */
void nic_rx_missed(struct cpu *cpu, struct nic *nic, unsigned q, struct sk_buff *skb);
/* All batons held. A nic that comes up has a carrier; a port whose wire is dead takes it away. */
void nic_set_carrier(struct cpu *cpu, struct nic *nic, bool on);
struct nic_config { unsigned queues; u32 rx_ring, tx_ring; const u8 *mac; /* NULL: made from the world's rng */ u32 mtu; };
/* Makes and registers a nic over port (which it then owns, on success only). All batons held. */
int nic_new(struct cpu *cpu, struct netns *net, const char *name, struct port *port, const struct nic_config *cfg, struct net_device **out);

#endif
