/* Trace points: what every stage did to a packet, and why.
 *
 * Off, a point costs one branch on skb->trace. While somebody traces (world->trace), packets that match the filter get a
 * number where they are born (a socket's send, a port's rx, a timer's retransmission); clones and segments inherit it.
 * Each point hands one struct trace_event to the sink. Times come from world->ops->clock.
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include "core/netns.h"
#include "core/skb.h"

enum trace_point { /* in the order in which a packet usually meets them */
	TP_SOCK_SEND,	 /* a socket handed bytes to its transport: a = socket cookie */
	TP_L4_TX,	 /* transport built this segment or datagram */
	TP_ROUTE_OUT,	 /* output route found: route */
	TP_IP_OUT,	 /* IP output */
	TP_HOOK,	 /* netfilter hook: verdict, text = table chain rule */
	TP_NEIGH,	 /* link-layer address: neigh */
	TP_QDISC,	 /* queued: a = queue length */
	TP_DEV_TX,	 /* handed to the device */
	TP_SEGMENT,	 /* GSO cut it: a = number of segments */
	TP_WIRE,	 /* left the device for its peer, backlog or port */
	TP_DEV_RX,	 /* a device received it */
	TP_BRIDGE,	 /* what a bridge decided: text */
	TP_GRO,		 /* merged into packet a */
	TP_IP_RX,
	TP_ROUTE_IN,	 /* input route: route */
	TP_FORWARD,	 /* a = ttl now */
	TP_FRAGMENT,	 /* cut: a = number of fragments */
	TP_REASM,	 /* queued for, or completed, reassembly into packet a */
	TP_LOCAL_IN,	 /* delivered to the transport: a = protocol */
	TP_SOCK_LOOKUP,	 /* a = cookie, b = TCP state; text = what was found */
	TP_SOCK_QUEUE,	 /* in the socket's queue: a = cookie, b = bytes queued */
	TP_SOCK_RECV,	 /* the program took it: a = cookie */
	TP_CONSUMED,	 /* ended well: text says how (ACK processed, ARP answered) */
	TP_DROP,	 /* reason */
	TP_MAX
};

struct trace_event {
	u64 time_ns;	    /* monotonic */
	u32 packet;	    /* skb->trace */
	u8 point;	    /* enum trace_point */
	u8 route_type;	    /* RTN_*, ROUTE points */
	u8 prefix_len;
	u8 neigh_state;	    /* NUD_* */
	u16 reason;	    /* enum skb_drop_reason, TP_DROP */
	u16 caplen;	    /* bytes at `bytes` */
	u32 len;	    /* the packet's length at this point */
	u32 netns_id;
	s32 ifindex;	    /* 0: none */
	u32 table;	    /* route table */
	u64 a, b;	    /* by point, see above */
	char netns[32];
	char dev[16];
	u8 family;	    /* of the addresses below: AF_INET, AF_INET6, 0 none */
	u8 lladdr[6];	    /* TP_NEIGH */
	u8 prefix[16];	    /* route found: its prefix */
	u8 gateway[16];	    /* next hop; all 0: on link */
	char oif[16];
	char text[96];
	u8 bytes[128];	    /* from the network header on (from the mac header for ARP and the like) */
	be16 protocol;	    /* of `bytes` */
};

struct cbpf_insn;
struct trace {
	void (*sink)(void *arg, const struct trace_event *ev); /* must not call back into the stack */
	/* In place of sink: only what a device transmits or receives (TP_DEV_TX, TP_DEV_RX) and what is dropped (TP_DROP), with the packet as it
	 * is there; data is at the link-layer header for TP_DEV_TX alone. */
	void (*frame)(void *arg, const struct trace_event *ev, const struct sk_buff *skb);
	void *arg;
	const struct cbpf_insn *filter_raw; /* for packets seen from the network header (DLT_RAW); NULL: all. Checked: cbpf_check() */
	unsigned filter_raw_len;
	const struct cbpf_insn *filter_eth; /* for frames without an IP header (ARP), DLT_EN10MB; NULL: none */
	unsigned filter_eth_len;
	u32 next_packet;
	u64 matched, events; /* counters */
};

/* Begins and ends tracing; all batons held. `t` stays the caller's. */
void trace_start(struct world *w, struct trace *t);
void trace_stop(struct world *w);

/* At a packet's birth (network header set, or mac header for a frame): numbers it when it matches. */
void trace_mark_slow(struct cpu *cpu, struct sk_buff *skb);
static inline void trace_mark(struct cpu *cpu, struct sk_buff *skb)
{
	if (unlikely(cpu->world->trace != NULL) && !skb->trace)
		trace_mark_slow(cpu, skb);
}
/* Fills the common fields (time, packet, lengths, names) of *ev; the caller adds details and calls trace_emit. */
void trace_begin(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, enum trace_point p, struct trace_event *ev);
void trace_emit(struct cpu *cpu, const struct sk_buff *skb, const struct trace_event *ev);
/* The usual point, with two numbers and an optional text. */
void trace_point_slow(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, enum trace_point p, u64 a, u64 b,
		      const char *text);
static inline void trace_point(struct cpu *cpu, struct netns *net, const struct sk_buff *skb, enum trace_point p, u64 a,
			       u64 b, const char *text)
{
	if (unlikely(skb->trace))
		trace_point_slow(cpu, net, skb, p, a, b, text);
}
const char *trace_point_name(unsigned p); /* "sock_send", … */

#endif
