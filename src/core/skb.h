/* struct sk_buff: one packet on its way through the stack.
 *
 * Bytes live in reference-counted buffers (struct buf). An sk_buff has one linear buffer (head..end: headroom, data,
 * tailroom) and up to MAX_SKB_FRAGS fragments that point into other buffers. Headers are pushed and pulled in the linear
 * part; payload is not copied. A clone is a second sk_buff over the same buffers: both must then treat the bytes as
 * read-only (skb_cow_head() before writing headers). Fragments are never written.
 *
 * Reference counts are atomic only when a buffer is shared: a sole owner frees without an atomic read-modify-write.
 * sk_buffs and buffers come from per-cpu caches with a shared depot behind them; either may be freed on another cpu.
 */
#ifndef CORE_SKB_H
#define CORE_SKB_H

#include "base/list.h"
#include "base/types.h"
#include "core/drop_reason.h"

struct cpu;
struct dst;
struct net_device;
struct nf_conn;
struct sock;
struct world;

#define MAX_SKB_FRAGS 17
#define SKB_HEADROOM 128	 /* room for the headers of every layer when a socket or a port makes a packet */
#define NET_IP_ALIGN 2		 /* buffers are 64-byte aligned: a frame put at SKB_HEADROOM + this has its IP header aligned */
#define BUF_MAX_BYTES 66560	 /* most bytes of one buffer: 64 KiB of payload and 1 KiB of headers */

struct buf {
	u32 refcnt; /* atomic */
	u32 size;   /* usable bytes at data */
	u8 class;   /* size class, for the cache */
	u8 flags;
	u16 arena;  /* region of the payload arena: (region, offset) addresses it from outside, later */
	void (*free)(struct cpu *cpu, struct buf *buf); /* NULL: back to the caches; else foreign memory (a port's ring) */
	u8 *data;
};

struct skb_frag {
	struct buf *buf;
	u32 off, len;
};

enum skb_csum {	     /* skb->ip_summed, as Linux: */
	CHECKSUM_NONE,	     /* rx: not checked. tx: complete in the packet, or not needed */
	CHECKSUM_UNNECESSARY, /* rx: verified by the sender's side or hardware */
	CHECKSUM_COMPLETE,   /* rx: skb->csum holds the sum over everything from the network header on */
	CHECKSUM_PARTIAL,    /* the pseudo-header's sum is in place; sum from csum_start goes to csum_start + csum_offset */
};
/* skb->pkt_type; as in linux/if_packet.h, which also comes with linux/if_arp.h: the same text may be there twice. */
#define PACKET_HOST 0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING 4
#define PACKET_LOOPBACK 5
enum skb_gso_type {
	SKB_GSO_TCPV4 = BIT(0),
	SKB_GSO_TCPV6 = BIT(1),
	SKB_GSO_UDP_L4 = BIT(2),
	SKB_GSO_DODGY = BIT(3), /* from outside: header fields are to be checked before use */
	SKB_GSO_TCP_ECN = BIT(4),
	SKB_GSO_TCP_ACCECN = BIT(5), /* CWR is part of a counter: the same in every segment */
};

struct sk_buff {
	/* first cache line: where the bytes are */
	struct sk_buff *next; /* in a struct skb_list, an array does without */
	u8 *head, *data;      /* linear buffer: head <= data <= tail <= end */
	u32 tail, end;	      /* offsets from head */
	u32 len;	      /* bytes from data to the end of the last fragment */
	u32 data_len;	      /* of these, in fragments */
	u16 mac_header, network_header, transport_header; /* offsets from head; 0xffff: not set */
	u16 mac_len;
	be16 protocol;	      /* ETH_P_* of what is at the network header */
	u8 pkt_type;	      /* PACKET_HOST … */
	u8 nr_frags;
	u8 ip_summed : 2;     /* enum skb_csum */
	u8 dst_noref : 1;     /* dst is borrowed for this step */
	u8 cloned : 1;	      /* the linear buffer may be shared: look at its count */
	u8 hash_l4 : 1;	      /* hash covers the ports */
	u8 ip_defragged : 1;
	u8 ignore_df : 1;     /* may be fragmented although DF is set */
	u8 csum_valid : 1;    /* rx: transport checksum verified already */
	u8 redirected : 1;
	u8 encapsulation : 1;
	u8 peeked : 1;
	u8 offload_fwd : 1;
	u8 xmit_there : 1;    /* on a backlog: dev is its way out, not where it came in */
	u8 xmit_here : 1;     /* with that: dev's driver has begun with it elsewhere (netdev_ops.xmit_here) */
	u8 tx_waits : 1;      /* in a qdisc or a transmit ring, and sk counts it among what waits there: skb_tx_wait() */
	u16 queue_mapping;    /* tx: queue; rx: queue + 1, 0 unknown */
	struct buf *buf;      /* of the linear part */
	/* second: what the stack knows about it */
	struct net_device *dev;
	struct dst *dst;      /* where it goes; see inet/dst.h */
	struct sock *sk;      /* whose memory it is charged to, or who sent it */
	void (*destructor)(struct cpu *cpu, struct sk_buff *skb); /* uncharges sk; cleared by skb_orphan */
	u32 trace;	      /* 0: not traced (the one branch); else the packet's number: see core/trace.h */
	u32 truesize;	      /* bytes charged for it: this struct, the linear buffer, fragments' bytes. Fixed while a destructor is set */
	s32 skb_iif;	      /* ifindex of the device it came in by, 0: made here */
	u32 hash;	      /* flow hash, 0: not computed */
	u32 mark, priority;
	u16 csum_start, csum_offset; /* CHECKSUM_PARTIAL: offset from head; offset from there */
	u32 csum;	      /* CHECKSUM_COMPLETE: ones-complement sum, folded or not */
	/* third */
	u64 tstamp;	      /* ns, world's monotonic: arrival, or departure time asked for */
	struct nf_conn *ct;   /* conntrack state, later; counted by the subsystem behind `ct_put` */
	u16 gso_size;	      /* payload per segment; 0: one packet */
	u16 gso_segs;
	u8 gso_type;	      /* enum skb_gso_type */
	u8 ip_ttl_seen;
	u16 vlan_tci;	      /* valid when vlan_proto is not 0 */
	be16 vlan_proto;
	s32 sdif;	      /* skb_iif is a VRF: the member it came in by; else 0 */
	/* from here on nothing is cleared by skb_alloc */
	u8 cb[56] __attribute__((aligned(8))); /* the present layer's own; nothing survives a layer, garbage at first */
	struct skb_frag frags[MAX_SKB_FRAGS];
};

struct skb_list {
	struct sk_buff *first, **last; /* last points to the final next pointer */
	u32 count, bytes;
};

/* -- lists: FIFO, owner's baton -- */
static inline void skb_list_init(struct skb_list *l) { *l = (struct skb_list){ .first = NULL }; l->last = &l->first; }
static inline bool skb_list_empty(const struct skb_list *l) { return !l->first; }
static inline void skb_list_add(struct skb_list *l, struct sk_buff *skb)
{
	skb->next = NULL;
	*l->last = skb;
	l->last = &skb->next;
	l->count++;
	l->bytes += skb->len;
}
static inline struct sk_buff *skb_list_pop(struct skb_list *l)
{
	struct sk_buff *skb = l->first;
	if (skb) {
		l->first = skb->next;
		if (!l->first)
			l->last = &l->first;
		l->count--;
		l->bytes -= skb->len;
		skb->next = NULL;
	}
	return skb;
}

/* -- buffers and life -- */
/* A buffer with at least `size` usable bytes, one reference; NULL when out of memory or size > BUF_MAX_BYTES. */
struct buf *buf_alloc(struct cpu *cpu, u32 size);
void buf_put(struct cpu *cpu, struct buf *buf);
static inline struct buf *buf_get(struct buf *buf) { __atomic_fetch_add(&buf->refcnt, 1, __ATOMIC_RELAXED); return buf; }

/* A packet with `headroom` + at least `size` linear bytes; len 0, data after the headroom; all fields 0 but cb (garbage) and
 * the header offsets (not set). NULL: no memory, or too long. */
struct sk_buff *skb_alloc(struct cpu *cpu, u32 headroom, u32 size);
/* A packet around a filled buffer (takes the reference): data starts at `off` and is `len` long. */
struct sk_buff *skb_from_buf(struct cpu *cpu, struct buf *buf, u32 off, u32 len);
struct sk_buff *skb_clone(struct cpu *cpu, struct sk_buff *skb); /* shares all bytes; no sk, no destructor */
struct sk_buff *skb_copy(struct cpu *cpu, const struct sk_buff *skb, u32 headroom); /* linear copy; NULL: no memory */
/* Ends a packet that did what it was for (delivered, transmitted): no drop is counted. */
void skb_consume(struct cpu *cpu, struct sk_buff *skb);
/* Ends a packet that went nowhere: counts `reason` in the namespace of skb->dev (else of skb->sk, else world-wide), and traces. */
void skb_drop(struct cpu *cpu, struct sk_buff *skb, enum skb_drop_reason reason);
/* Same, naming the namespace where there is no device yet. */
struct netns;
void skb_drop_net(struct cpu *cpu, struct netns *net, struct sk_buff *skb, enum skb_drop_reason reason);
void skb_list_drop(struct cpu *cpu, struct skb_list *l, enum skb_drop_reason reason);
void skb_orphan(struct cpu *cpu, struct sk_buff *skb); /* runs and clears the destructor, and sk */
/* A packet that is charged to its sender waits in a qdisc or a transmit ring of this host; it went on. It need not be told to wait
 * only once, nor to go on when it is orphaned or freed. */
void skb_tx_wait(struct cpu *cpu, struct sk_buff *skb, bool waits);
static inline void skb_tx_waits(struct cpu *cpu, struct sk_buff *skb)
{
	if (skb->destructor && !skb->tx_waits)
		skb_tx_wait(cpu, skb, true);
}
static inline void skb_tx_goes(struct cpu *cpu, struct sk_buff *skb)
{
	if (skb->tx_waits)
		skb_tx_wait(cpu, skb, false);
}
/* Drops the route; what inet/dst.h's skb_dst_drop does, for those below it. */
void skb_forget_dst(struct cpu *cpu, struct sk_buff *skb);
/* Forgets what must not cross to another device or namespace: dst, conntrack, mark. As skb_scrub_packet, so sk stays charged (that is
 * what slows a sender down) until the receiving side calls skb_orphan(); crossing to another cpu orphans at once. */
void skb_scrub(struct cpu *cpu, struct sk_buff *skb, bool crossing_netns);

/* -- layout -- */
static inline u32 skb_headlen(const struct sk_buff *skb) { return skb->len - skb->data_len; }
static inline u32 skb_headroom(const struct sk_buff *skb) { return (u32)(skb->data - skb->head); }
static inline u32 skb_tailroom(const struct sk_buff *skb) { return skb->data_len ? 0 : skb->end - skb->tail; }
static inline void skb_reserve(struct sk_buff *skb, u32 n) { skb->data += n; skb->tail += n; }
static inline u8 *skb_put(struct sk_buff *skb, u32 n)
{
	u8 *p = skb->head + skb->tail;
	assert(skb->tail + n <= skb->end && !skb->data_len);
	skb->tail += n;
	skb->len += n;
	return p;
}
static inline u8 *skb_push(struct sk_buff *skb, u32 n)
{
	assert(n <= skb_headroom(skb));
	skb->data -= n;
	skb->len += n;
	return skb->data;
}
/* n must be within the linear part: pskb_may_pull() first. */
static inline u8 *skb_pull(struct sk_buff *skb, u32 n)
{
	assert(n <= skb_headlen(skb));
	skb->len -= n;
	return skb->data += n;
}
/* Makes the first n bytes linear (copies from fragments when needed). False: too short, or no memory. */
bool skb_pull_head_slow(struct cpu *cpu, struct sk_buff *skb, u32 n);
static inline bool pskb_may_pull(struct cpu *cpu, struct sk_buff *skb, u32 n)
{
	return likely(n <= skb_headlen(skb)) || (n <= skb->len && skb_pull_head_slow(cpu, skb, n));
}
/* Cuts to len bytes (no-op when shorter). False: no memory. */
bool skb_trim(struct cpu *cpu, struct sk_buff *skb, u32 len);
/* At least `headroom` bytes in front, and the first n bytes (n <= skb->len) linear and nobody else's. Of a shared or short linear part
 * only the first 512 bytes are copied, the rest becomes a fragment. False: too short, or no memory; bytes and layout unchanged. */
bool skb_writable_head(struct cpu *cpu, struct sk_buff *skb, u32 headroom, u32 n);
bool skb_cow_head_slow(struct cpu *cpu, struct sk_buff *skb, u32 headroom);
/* Whoever lets a fragment point into another packet's linear buffer and keeps that packet sets its `cloned`.
 * Adds a fragment (takes a reference on buf; of its own when it merges with the last one that is adjacent). Charges len to truesize: who
 * hands over a whole buffer adds the rest. False: no slot left, nothing taken. */
bool skb_add_frag(struct sk_buff *skb, struct buf *buf, u32 off, u32 len);
/* Moves the first n payload bytes away, in fragments too (does not touch the headers pushed before). */
void skb_pull_any(struct cpu *cpu, struct sk_buff *skb, u32 n);
/* Splits: the bytes from `len` on become the new packet `tail`, in fragments, with SKB_HEADROOM (headers not copied; dst, mark and the
 * like are; no sk). truesize moves with the bytes. 0, -ENOMEM. */
int skb_split(struct cpu *cpu, struct sk_buff *skb, u32 len, struct sk_buff **tail);
/* Copies bytes out of any part; false when [off, off+len) is not inside the packet. */
bool skb_copy_bits(const struct sk_buff *skb, u32 off, void *to, u32 len);
/* Pointer to len bytes at off: into the packet when linear, else copied to `tmp`; NULL when too short. */
static inline const void *skb_header_pointer(const struct sk_buff *skb, u32 off, u32 len, void *tmp)
{
	if (likely(off + len <= skb_headlen(skb)))
		return skb->data + off;
	return skb_copy_bits(skb, off, tmp, len) ? tmp : NULL;
}
/* Ones-complement sum over [off, off+len), starting from `sum`, not folded. */
u32 skb_checksum(const struct sk_buff *skb, u32 off, u32 len, u32 sum);
/* Fills in a CHECKSUM_PARTIAL checksum in software. False: bad csum_start, or no memory. */
bool skb_checksum_help(struct cpu *cpu, struct sk_buff *skb);
/* Everything about a packet but its bytes, offsets and owner: for packets cut off or copied from another. Holds dst and ct. */
void skb_copy_meta(struct cpu *cpu, struct sk_buff *to, const struct sk_buff *from);
struct iovec;
/* Describes [off, off+len) as iovecs, at most max; returns how many were used (fewer bytes when max is reached). */
unsigned skb_to_iovec(const struct sk_buff *skb, u32 off, u32 len, struct iovec *iov, unsigned max);

#define SKB_OFF_UNSET 0xffff
static inline void skb_reset_mac_header(struct sk_buff *skb) { skb->mac_header = (u16)(skb->data - skb->head); }
static inline void skb_reset_network_header(struct sk_buff *skb) { skb->network_header = (u16)(skb->data - skb->head); }
static inline void skb_reset_transport_header(struct sk_buff *skb) { skb->transport_header = (u16)(skb->data - skb->head); }
static inline u8 *skb_mac_header(const struct sk_buff *skb) { return skb->head + skb->mac_header; }
static inline u8 *skb_network_header(const struct sk_buff *skb) { return skb->head + skb->network_header; }
static inline u8 *skb_transport_header(const struct sk_buff *skb) { return skb->head + skb->transport_header; }
static inline bool skb_is_gso(const struct sk_buff *skb) { return skb->gso_size != 0; }
static inline bool skb_cloned(const struct sk_buff *skb)
{
	return skb->cloned && __atomic_load_n(&skb->buf->refcnt, __ATOMIC_ACQUIRE) > 1;
}

/* At least `headroom` bytes in front, and a linear part that is nobody else's (see skb_writable_head). False: no memory, skb unchanged. */
static inline bool skb_cow_head(struct cpu *cpu, struct sk_buff *skb, u32 headroom)
{
	return likely(headroom <= skb_headroom(skb) && !skb_cloned(skb)) || skb_cow_head_slow(cpu, skb, headroom);
}

#endif
