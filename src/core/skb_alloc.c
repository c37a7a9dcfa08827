/* The life of packets and buffers: alloc, clone, release.
 *
 * Packets come from sockets (tx), ports (rx) and the protocols' own answers, and end in skb_consume() or in drop.c. A packet
 * needs its own first three cache lines and its buffer's header to be born and to die, nothing of its 512 bytes more.
 * A buffer's count is only touched atomically when somebody shares it: whoever sees 1 is the only owner, and nobody else
 * can take a reference to it.
 */
#include "core/skb_pool.h"
#include "core/stack_tables.h"

static const u32 class_size[BUF_CLASSES] = BUF_CLASS_SIZES;

static inline unsigned buf_class(u32 size)
{
	unsigned k = size <= class_size[2] ? 0 : 3;

	while (class_size[k] < size)
		k++;
	return k;
}

struct buf *buf_alloc(struct cpu *cpu, u32 size)
{
	if (unlikely(size > BUF_MAX_BYTES))
		return NULL;
	return pool_get(cpu, buf_class(size));
}

static inline void put_buf(struct cpu *cpu, struct buf *buf)
{
	if (__atomic_load_n(&buf->refcnt, __ATOMIC_ACQUIRE) != 1) {
		u32 left = __atomic_sub_fetch(&buf->refcnt, 1, __ATOMIC_ACQ_REL);

		assert(left != UINT32_MAX && "buffer freed twice");
		if (left)
			return;
		__atomic_store_n(&buf->refcnt, 1, __ATOMIC_RELAXED);
	}
	if (unlikely(buf->free != NULL))
		buf->free(cpu, buf);
	else
		pool_put(cpu, buf->class, buf);
}

void buf_put(struct cpu *cpu, struct buf *buf)
{
	put_buf(cpu, buf);
}

/* Whole vectors, because compilers make a slow string instruction of a memset or memcpy of this size. */
typedef u64 line __attribute__((vector_size(64), may_alias));
typedef u64 half_line __attribute__((vector_size(32), may_alias));
#define FRAGS_OFFSET offsetof(struct sk_buff, frags)
_Static_assert(offsetof(struct sk_buff, cb) == 160 && FRAGS_OFFSET >= 192 && SKB_STRIDE >= 256, "clear_fields and copy_fields");

static inline void clear_fields(struct sk_buff *skb)
{
	line *l = (line *)skb;

	l[0] = l[1] = (line){ 0 };
	*(half_line *)&l[2] = (half_line){ 0 };
}

/* All fields, cb, and of the frags as many as there are. */
static inline void copy_fields(struct sk_buff *to, const struct sk_buff *from)
{
	const line *f = (const line *)from;
	line *t = (line *)to;

	t[0] = f[0];
	t[1] = f[1];
	t[2] = f[2];
	memcpy(&t[3], &f[3], FRAGS_OFFSET - 192);
	for (unsigned i = 0; i < from->nr_frags; i++)
		to->frags[i] = from->frags[i];
}

static inline void skb_begin(struct sk_buff *skb, struct buf *buf)
{
	clear_fields(skb);
#ifndef NDEBUG
	memset(skb->cb, 0xc5, sizeof(skb->cb));
#endif
	skb->head = buf->data;
	skb->end = buf->size;
	skb->mac_header = skb->network_header = skb->transport_header = SKB_OFF_UNSET;
	skb->buf = buf;
	skb->truesize = buf->size + BUF_HDR_BYTES + SKB_STRIDE;
}

struct sk_buff *skb_alloc(struct cpu *cpu, u32 headroom, u32 size)
{
	struct buf *buf;
	struct sk_buff *skb;

	if (unlikely(headroom > BUF_MAX_BYTES || size > BUF_MAX_BYTES))
		return NULL;
	buf = buf_alloc(cpu, headroom + size);
	if (unlikely(!buf))
		return NULL;
	skb = pool_get(cpu, POOL_SKB);
	if (unlikely(!skb)) {
		buf_put(cpu, buf);
		return NULL;
	}
	skb_begin(skb, buf);
	skb->data = skb->head + headroom;
	skb->tail = headroom;
	return skb;
}

struct sk_buff *skb_from_buf(struct cpu *cpu, struct buf *buf, u32 off, u32 len)
{
	struct sk_buff *skb = pool_get(cpu, POOL_SKB);

	if (unlikely(!skb))
		return NULL;
	assert((u64)off + len <= buf->size);
	skb_begin(skb, buf);
	skb->cloned = __atomic_load_n(&buf->refcnt, __ATOMIC_RELAXED) > 1;
	skb->data = skb->head + off;
	skb->tail = off + len;
	skb->len = len;
	return skb;
}

static void hold_refs(struct cpu *cpu, struct sk_buff *skb)
{
	const struct stack_tables *t = cpu->world->tables;

	if (skb->dst && !skb->dst_noref && t->dst_hold)
		t->dst_hold(skb->dst);
	if (skb->ct && t->ct_hold)
		t->ct_hold(skb->ct);
}

struct sk_buff *skb_clone(struct cpu *cpu, struct sk_buff *skb)
{
	struct sk_buff *n = pool_get(cpu, POOL_SKB);

	if (unlikely(!n))
		return NULL;
	copy_fields(n, skb);
	n->next = NULL;
	n->sk = NULL;
	n->destructor = NULL;
	n->tx_waits = 0;
	n->cloned = skb->cloned = 1;
	n->peeked = 0;
	buf_get(skb->buf);
	for (unsigned i = 0; i < skb->nr_frags; i++)
		buf_get(skb->frags[i].buf);
	if (unlikely(skb->dst || skb->ct))
		hold_refs(cpu, n);
	return n;
}

/* Everything about a packet but its bytes: for copies and for what is cut off. Header offsets stay unset. */
void skb_copy_meta(struct cpu *cpu, struct sk_buff *to, const struct sk_buff *from)
{
	to->protocol = from->protocol;
	to->pkt_type = from->pkt_type;
	to->ip_summed = from->ip_summed;
	to->dst_noref = from->dst_noref;
	to->hash_l4 = from->hash_l4;
	to->ip_defragged = from->ip_defragged;
	to->ignore_df = from->ignore_df;
	to->csum_valid = from->csum_valid;
	to->redirected = from->redirected;
	to->encapsulation = from->encapsulation;
	to->offload_fwd = from->offload_fwd;
	to->queue_mapping = from->queue_mapping;
	to->dev = from->dev;
	to->dst = from->dst;
	to->trace = from->trace;
	to->skb_iif = from->skb_iif;
	to->sdif = from->sdif;
	to->hash = from->hash;
	to->mark = from->mark;
	to->priority = from->priority;
	to->csum = from->csum;
	to->tstamp = from->tstamp;
	to->ct = from->ct;
	to->gso_size = from->gso_size;
	to->gso_segs = from->gso_segs;
	to->gso_type = from->gso_type;
	to->ip_ttl_seen = from->ip_ttl_seen;
	to->vlan_tci = from->vlan_tci;
	to->vlan_proto = from->vlan_proto;
	memcpy(to->cb, from->cb, sizeof(to->cb));
	hold_refs(cpu, to);
}

void skb_tx_wait(struct cpu *cpu, struct sk_buff *skb, bool waits)
{
	const struct stack_tables *t = cpu->world->tables;

	if (!t->sock_tx_waits)
		return;
	skb->tx_waits = waits;
	t->sock_tx_waits(skb->sk, waits);
}

void skb_orphan(struct cpu *cpu, struct sk_buff *skb)
{
	if (skb->destructor) {
		void (*fn)(struct cpu *cpu, struct sk_buff *skb) = skb->destructor;

		skb_tx_goes(cpu, skb);
		skb->destructor = NULL;
		fn(cpu, skb);
	}
	skb->sk = NULL;
}

void skb_forget_dst(struct cpu *cpu, struct sk_buff *skb)
{
	if (skb->dst && !skb->dst_noref && cpu->world->tables->dst_put)
		cpu->world->tables->dst_put(skb->dst);
	skb->dst = NULL;
	skb->dst_noref = 0;
}

static void put_ct(struct cpu *cpu, struct sk_buff *skb)
{
	if (skb->ct && cpu->world->tables->ct_put)
		cpu->world->tables->ct_put(cpu, skb->ct);
	skb->ct = NULL;
}

void skb_scrub(struct cpu *cpu, struct sk_buff *skb, bool crossing_netns)
{
	skb->pkt_type = PACKET_HOST;
	skb->skb_iif = 0;
	skb->sdif = 0;
	skb->ignore_df = 0;
	skb->offload_fwd = 0;
	skb_forget_dst(cpu, skb);
	put_ct(cpu, skb);
	if (crossing_netns) {
		skb->mark = 0;
		skb->priority = 0;
		skb->tstamp = 0;
	}
}

void skb_consume(struct cpu *cpu, struct sk_buff *skb)
{
	if (unlikely(!skb))
		return;
	if (skb->destructor)
		skb_orphan(cpu, skb);
	if (skb->dst)
		skb_forget_dst(cpu, skb);
	if (unlikely(skb->ct != NULL))
		put_ct(cpu, skb);
	for (unsigned i = 0; i < skb->nr_frags; i++)
		put_buf(cpu, skb->frags[i].buf);
	put_buf(cpu, skb->buf);
	pool_put(cpu, POOL_SKB, skb);
}
