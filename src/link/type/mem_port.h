/* A port whose wire is memory: frames are put on it and taken off it in this process, without copying and without system calls. For
 * benchmarks, tests and programs that embed the stack. Two of them may be wired back to back. */
#ifndef LINK_TYPE_MEM_PORT_H
#define LINK_TYPE_MEM_PORT_H

#include "link/port.h"

#define MEM_PORT_RSS (~0u) /* as a queue: the nic's hash chooses */

/* Becomes a nic's by nic_new, which frees it with the nic. 0, -ENOMEM. */
int mem_port_new(struct mem *mem, struct port **out);
/* Puts frames (Ethernet header at skb->data) on the wire towards the nic. Consumes all; what finds the ring full is dropped
 * (FULL_RING, rx_missed_errors). Returns how many were taken. The baton of the queue's cpu, or one thread that owns the queue. */
unsigned mem_port_inject(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n);
/* Same for bytes, which are copied. 0, -ENOMEM, -ENOBUFS. */
int mem_port_inject_bytes(struct cpu *cpu, struct port *p, unsigned q, const void *frame, size_t len);
/* Takes up to n frames that the nic sent by queue q; they are the caller's. */
unsigned mem_port_collect(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n);
/* From now on what one nic sends the other receives, on the same queue (modulo its number of queues), whatever cpus serve them. */
void mem_port_wire(struct port *a, struct port *b);

#endif
