/* GRO and GSO: what the link layer does, and what a network layer (l3_proto) and a transport (l4_proto) must do to take part.
 *
 * GRO, receiving. A NAPI holds packets of flows that are arriving (struct gro). For each packet that comes:
 *
 * 1. gro.c clears GRO_CB(skb), sets GRO_CB(skb)->flush when skb is big already (GSO: from a port with offloads, or a veth), and
 *    sets GRO_CB(p)->same_flow for each packet p held in skb's bucket whose device, flow hash, link-layer header and vlan tag
 *    equal skb's. The layers never clear flush: even so they find p, for skb must not overtake it.
 * 2. l3->gro_receive(cpu, held, skb): data is at the network header and stays there all the time. It validates its header (length,
 *    checksum; total length: padding behind it is trimmed off), sets skb->transport_header, clears same_flow of each held p whose
 *    addresses or protocol differ, sets GRO_CB(skb)->flush when the packet may not be merged at all (options, fragments, bad), and
 *    GRO_CB(p)->flush_id non-zero when p and skb are one flow but must not be merged (TTL, TOS, DF or id sequence differ).
 *    Then it calls l4->gro_receive(cpu, held, skb, saddr, daddr) and returns what that returns. Without a transport that merges:
 *    flush and NULL.
 * 3. l4->gro_receive: clears same_flow of each p whose ports differ, and then
 *    - one p remains and skb continues it: gro_merge(cpu, p, skb, hdr_len), where hdr_len counts the bytes from the network header to
 *      the payload. True: skb is gone from here, GRO_CB(skb)->merged is set (gro.c frees what is left). Return p when it is
 *      finished thereby (PSH, short segment, full), else NULL.
 *    - one p remains and skb does not continue it: return p, so that it goes up first. skb is then held instead, unless
 *      GRO_CB(skb)->flush is set.
 *    - none remains: NULL. skb is held unless GRO_CB(skb)->flush is set.
 *    The checksum of what is merged must have been verified: gro_csum_ok() or CHECKSUM_UNNECESSARY / PARTIAL.
 * 4. A packet that leaves with GRO_CB(p)->count > 1 passes l3->gro_complete(cpu, p, 0), which corrects its lengths and header
 *    checksum and calls l4->gro_complete(cpu, p, thoff) (both offsets from p->data), which sets gso_size, gso_segs
 *    (GRO_CB(p)->count), gso_type, ip_summed = CHECKSUM_PARTIAL with csum_start, csum_offset and the pseudo-header's sum.
 *
 * What is held goes up in order of arrival when its NAPI completes, and at the latest when the next poll of a NAPI that never
 * completes ends.
 *
 * GSO, sending. skb_gso_segment(cpu, skb, features, out) is given a packet at its link-layer header and calls
 * l3->gso_segment with data at the network header, which calls l4->gso_segment with data at the transport header, which calls
 * gso_cut() and then writes into each segment what differs: sequence numbers, flags, checksum (complete, or
 * CHECKSUM_PARTIAL when `features` has NETIF_F_HW_CSUM or the family's). Each layer returns segments whose data is at its own
 * header again (skb_push), after it wrote its own lengths and ids. 0: skb was consumed. -errno: skb is the caller's, out is empty.
 */
#ifndef LINK_GRO_H
#define LINK_GRO_H

#include "link/l3_proto.h"
#include "link/netdevice.h"

#define GRO_BUCKETS 8	 /* by flow hash, a power of two */
#define GRO_BUCKET_MAX 8 /* packets held in one; the oldest goes up when a new flow needs room */
struct gro {
	u32 used;			    /* bit i: bucket i is not empty */
	const struct l3_proto *l3;	    /* of the last packet: the next one's too, most likely */
	struct skb_list bucket[GRO_BUCKETS]; /* packets held for merging, oldest first */
	unsigned batch_len;
	struct sk_buff *batch[NETDEV_BATCH]; /* through with merging, waiting to go up together */
};
void gro_init(struct gro *g);
void gro_receive(struct cpu *cpu, struct gro *g, struct sk_buff *skb); /* consumes */
/* Sends up what is held since before `since` (UINT64_MAX: all) and what waits. */
void gro_flush(struct cpu *cpu, struct gro *g, u64 since);
void gro_purge(struct cpu *cpu, struct gro *g); /* drops all: its device goes */

struct gro_cb {
	u16 count;	  /* held: packets in this one, 1 at first */
	u8 same_flow;	  /* held: may be skb's flow */
	u8 flush;	  /* skb: do not hold */
	u8 merged;	  /* skb: its payload is part of a held packet now */
	u8 checksummed;	  /* skb: gro_csum_ok() said so */
	u16 flush_id;	  /* held: same flow, but not to be merged with skb */
	u16 ip_id;	  /* l3's own: of the last packet merged */
	u8 ip_id_fixed;	  /* l3's own: ids do not count up */
	u8 l4_u8;	  /* l4's own */
	u32 l4_u32[2];	  /* l4's own */
	u64 held_since;	  /* ns */
};
#define GRO_CB(skb) ((struct gro_cb *)(skb)->cb)
_Static_assert(sizeof(struct gro_cb) <= sizeof(((struct sk_buff *)0)->cb), "fits");

/* Moves skb's payload (from hdr_len on, counted from data) to the end of p. False: no room (MAX_SKB_FRAGS, gro_max_size) or shared
 * header: nothing changed; the caller returns p as finished. */
bool gro_merge(struct cpu *cpu, struct sk_buff *p, struct sk_buff *skb, u32 hdr_len);
/* True when the transport checksum (pseudo: csum_pseudo4(), of skb's transport part) is right or known to be. Computes it at most
 * once: then ip_summed is CHECKSUM_UNNECESSARY. thoff, len: transport header from data, and bytes from there. */
bool gro_csum_ok(struct sk_buff *skb, u32 thoff, u32 len, u32 pseudo);

/* Cuts skb (data at the transport header, hdr_len bytes of it are header) into packets of gso_size payload bytes. Each has a copy of
 * all headers from the mac header on, data at the transport header, the payload by reference; gso_* cleared; ip_summed
 * CHECKSUM_NONE; the last one carries the socket's charge. 0, -EINVAL (lengths make no sense), -ENOMEM; out is empty then.
 * Does not free skb. sg false: the payload is copied into the linear part. */
int gso_cut(struct cpu *cpu, struct sk_buff *skb, u32 hdr_len, bool sg, struct skb_list *out);
/* True when a device with these features cannot take skb uncut. */
bool gso_needed(const struct sk_buff *skb, u64 features);

#endif
