/* The memory-mapped receive ring of a packet socket (packet(7), PACKET_RX_RING; the kernel's packet_mmap document).
 *
 * A ring is a row of blocks that the stack fills and the program gives back by one word in them. Versions 1 and 2: every block is
 * frames of one size, and a frame is handed over as soon as it is filled. Version 3: packets lie one behind the other in a block,
 * which is handed over when it is full, or some time after its first packet.
 *
 * The program can write to this memory at any time. So the stack reads nothing from it but the words that say whose a frame or a
 * block is, and trusts them with nothing else: where to write next is known here.
 *
 * The layouts are those of linux/if_packet.h, which cannot be included beside core/skb.h (both name the types of packets).
 */
#include <string.h>

#include "core/trace.h"
#include "link/vlan.h"
#include "link/vnet_hdr.h"
#include "sock/packet/packet.h"

enum { STATUS_KERNEL = 0, STATUS_USER = 1, STATUS_COPY = 2, STATUS_LOSING = 4, STATUS_BLK_TMO = 32, STATUS_TS_SOFTWARE = 1u << 29 };
enum { HDR_LEN_1 = 32, HDR_LEN_2 = 32, HDR_LEN_3 = 48, LL_LEN = 20, BLOCK_HDR = 48 };
enum { DEFAULT_RETIRE_MS = 8, FILL_RXHASH = 1 };
#define ALIGN16(n) (((n) + 15) & ~15u)
#define ALIGN8(n) (((n) + 7) & ~7u)
#define PAGE 4096u

struct block_hdr { /* struct tpacket_block_desc with its hdr.bh1 */
	u32 version, offset_to_priv, status, num_pkts, offset_to_first_pkt, blk_len;
	u64 seq_num;
	u32 first_sec, first_nsec, last_sec, last_nsec;
};
struct frame1 { u64 status; u32 len, snaplen; u16 mac, net; u32 sec, usec; };
struct frame2 { u32 status, len, snaplen; u16 mac, net; u32 sec, nsec; u16 vlan_tci, vlan_tpid; u8 padding[4]; };
struct frame3 { u32 next_offset, sec, nsec, snaplen, len, status; u16 mac, net; u32 rxhash, vlan_tci; u16 vlan_tpid, pad; u8 padding[8]; };

int packet_hdr_len(int version)
{
	switch (version) {
	case 0: return HDR_LEN_1;
	case 1: return HDR_LEN_2;
	case 2: return HDR_LEN_3;
	default: return -EINVAL;
	}
}

/* Of the header and the address behind it, before the packet (TPACKETn_HDRLEN). */
static u32 head_len(const struct packet_sock *ps) { return (u32)packet_hdr_len(ps->tp_version) + LL_LEN; }

int packet_ring_check(const struct packet_sock *ps, const void *val, socklen_t len, struct packet_ring_req *q)
{
	u64 per;

	*q = (struct packet_ring_req){ 0 };
	if (len < (ps->tp_version == 2 ? sizeof(*q) : 16))
		return -EINVAL;
	memcpy(q, val, ps->tp_version == 2 ? sizeof(*q) : 16);
	if (!q->block_nr)
		return q->frame_nr ? -EINVAL : 0;
	if (ps->ring)
		return -EBUSY;
	if ((s32)q->block_size <= 0 || q->block_size % PAGE)
		return -EINVAL;
	if (ps->tp_version == 2 && (u64)q->block_size < (u64)BLOCK_HDR + ALIGN8((u64)q->priv_size) + head_len(ps) + ps->reserve)
		return -EINVAL;
	if ((u64)q->frame_size < (u64)head_len(ps) + ps->reserve || q->frame_size % 16)
		return -EINVAL;
	per = q->block_size / q->frame_size;
	return !per || per * q->block_nr != q->frame_nr ? -EINVAL : 0;
}

static u8 *block_at(const struct packet_ring *r, u32 i) { return r->mem + (size_t)i * r->q.block_size; }
static u8 *frame_at(const struct packet_ring *r, u32 i)
{
	u32 per = r->q.block_size / r->q.frame_size;

	return block_at(r, i / per) + (size_t)(i % per) * r->q.frame_size;
}

/* Whose is it: the one word that the program writes. Its type's length is the version's. */
static u32 *frame_status(u8 *frame) { return (u32 *)(void *)frame; } /* version 1: the low half of a long, all bits are there */
static u32 *block_status(u8 *block) { return &((struct block_hdr *)(void *)block)->status; }
static bool is_free(u32 *status) { return __atomic_load_n(status, __ATOMIC_ACQUIRE) == STATUS_KERNEL; }
static void hand_over(u32 *status, u32 v) { __atomic_store_n(status, v, __ATOMIC_RELEASE); }

static void stamp(struct cpu *cpu, u64 mono, u32 *sec, u32 *nsec)
{
	u64 t = sock_realtime(cpu, mono);

	*sec = (u32)(t / NSEC_PER_SEC);
	*nsec = (u32)(t % NSEC_PER_SEC);
}

/* -- version 3: blocks -- */
static void block_open(struct cpu *cpu, struct packet_ring *r)
{
	struct block_hdr *b = (void *)block_at(r, r->head);
	u32 first = BLOCK_HDR + ALIGN8(r->q.priv_size);

	b->version = 2; /* TPACKET_V3's number */
	b->offset_to_priv = BLOCK_HDR;
	b->num_pkts = 0;
	b->offset_to_first_pkt = b->blk_len = first;
	b->seq_num = ++r->seq;
	stamp(cpu, cpu->now, &b->first_sec, &b->first_nsec);
	r->used = first;
	r->packets = 0;
	r->last = NULL;
	r->frozen = false;
}

static void block_close(struct cpu *cpu, struct packet_sock *ps, u32 why)
{
	struct packet_ring *r = ps->ring;
	u8 *at = block_at(r, r->head);
	struct block_hdr *b = (void *)at;

	if (r->last) {
		((struct frame3 *)(void *)r->last)->next_offset = 0;
		b->last_sec = r->last_sec;
		b->last_nsec = r->last_nsec;
	} else {
		stamp(cpu, cpu->now, &b->last_sec, &b->last_nsec);
	}
	b->num_pkts = r->packets;
	b->blk_len = r->used;
	hand_over(block_status(at), STATUS_USER | why | (ps->dropped ? STATUS_LOSING : 0));
	timer_cancel(&r->retire);
	r->packets = 0;
	r->head = (r->head + 1) % r->q.block_nr;
	sock_wake(cpu, &ps->sk);
}

/* The next block, if the program has given it back. False: the ring stands still until it has. */
static bool block_next(struct cpu *cpu, struct packet_ring *r)
{
	if (is_free(block_status(block_at(r, r->head)))) {
		block_open(cpu, r);
		return true;
	}
	if (!r->frozen)
		r->freezes++;
	r->frozen = true;
	return false;
}

static void retire(void *owner, struct timer *t)
{
	struct packet_ring *r = container_of(t, struct packet_ring, retire);
	struct packet_sock *ps = r->ps;
	struct cpu *cpu = owner;

	if (r->frozen || !r->packets)
		return;
	block_close(cpu, ps, STATUS_BLK_TMO);
	block_next(cpu, r);
}

/* Where a packet of so many bytes goes, header first, or NULL. */
static u8 *block_room(struct cpu *cpu, struct packet_sock *ps, u32 len)
{
	struct packet_ring *r = ps->ring;

	if (r->frozen && !block_next(cpu, r))
		return NULL;
	if (r->used + ALIGN8(len) >= r->q.block_size) {
		block_close(cpu, ps, 0);
		if (!block_next(cpu, r))
			return NULL;
	}
	if (!r->packets)
		cpu_timer_arm(cpu, &r->retire, cpu->now + r->retire_ns);
	return block_at(r, r->head) + r->used;
}

/* -- a packet -- */
static void put_ll(u8 *at, const struct sk_buff *skb)
{
	const struct packet_cb *cb = PACKET_CB(skb);
	struct packet_addr ll = { .family = AF_PACKET, .protocol = skb->protocol, .ifindex = cb->ifindex, .hatype = cb->hatype, .pkttype = cb->pkt_type,
				  .halen = cb->halen };

	memcpy(ll.addr, cb->addr, sizeof(ll.addr));
	memcpy(at, &ll, sizeof(ll));
}

static void put_vnet(const struct packet_sock *ps, u8 *at, const struct sk_buff *skb)
{
	struct virtio_net_hdr h;

	vnet_hdr_fill(skb, &h);
	memset(at, 0, ps->vnet_hdr_len);
	memcpy(at, &h, sizeof(h));
}

/* PACKET_COPY_THRESH: the packet, which does not fit its frame, waits in the receive queue besides. */
static bool copy_whole(struct cpu *cpu, struct packet_sock *ps, struct sk_buff *skb)
{
	struct sk_buff *c;

	if (ps->sk.rmem_alloc >= (u32)ps->sk.rcvbuf || !(c = skb_clone(cpu, skb)))
		return false;
	*PACKET_CB(c) = *PACKET_CB(skb);
	skb_forget_dst(cpu, c);
	c->dev = NULL;
	if (!c->tstamp)
		c->tstamp = cpu->now;
	sock_charge_rx(&ps->sk, c);
	skb_list_add(&ps->sk.rx_queue, c);
	return true;
}

bool packet_ring_put(struct cpu *cpu, struct packet_sock *ps, struct sk_buff *skb, u32 snaplen)
{
	struct packet_ring *r = ps->ring;
	u32 hdr = head_len(ps), net, mac, max, sec, nsec, len = PACKET_CB(skb)->orig_len, vnet = 0;
	u16 tci = vlan_tag_present(skb) ? skb->vlan_tci : 0, tpid = vlan_tag_present(skb) ? be16_to_cpu(skb->vlan_proto) : 0;
	u32 status = STATUS_USER | STATUS_TS_SOFTWARE | packet_aux_status(skb);
	u8 *at;

	if (ps->sk.type == SOCK_DGRAM) {
		mac = net = ALIGN16(hdr) + 16 + ps->reserve;
	} else {
		u32 mac_len = (u32)(skb_network_header(skb) - skb->data);

		vnet = ps->vnet_hdr_len;
		net = ALIGN16(hdr + MAX(mac_len, 16u)) + ps->reserve + vnet;
		mac = net - mac_len;
	}
	max = ps->tp_version == 2 ? r->q.block_size - BLOCK_HDR - ALIGN8(r->q.priv_size) : r->q.frame_size;
	if (mac + snaplen > max && ps->tp_version < 2 && ps->copy_thresh && copy_whole(cpu, ps, skb))
		status |= STATUS_COPY;
	if (mac + snaplen > max || net > 0xffff)
		snaplen = mac < max && net <= 0xffff ? max - mac : 0;
	if (mac >= max || net > 0xffff) { /* the reserve took all: a header alone has no place to be told from */
		ps->dropped++;
		return false;
	}
	if (ps->tp_version == 2) {
		at = block_room(cpu, ps, mac + snaplen);
	} else {
		at = frame_at(r, r->head);
		if (!is_free(frame_status(at)))
			at = NULL;
	}
	if (!at) {
		ps->dropped++;
		ps->sk.drops++;
		sock_wake(cpu, &ps->sk);
		return false;
	}
	stamp(cpu, skb->tstamp ? skb->tstamp : cpu->now, &sec, &nsec);
	put_ll(at + ALIGN16((u32)packet_hdr_len(ps->tp_version)), skb);
	if (vnet)
		put_vnet(ps, at + mac - vnet, skb);
	skb_copy_bits(skb, 0, at + mac, snaplen);
	ps->packets++;
	if (ps->tp_version < 2 && ps->dropped)
		status |= STATUS_LOSING;
	switch (ps->tp_version) {
	case 0: {
		struct frame1 *f = (void *)at;

		f->len = len, f->snaplen = snaplen, f->mac = (u16)mac, f->net = (u16)net, f->sec = sec, f->usec = nsec / 1000;
		__atomic_store_n(&f->status, (u64)status, __ATOMIC_RELEASE);
		break;
	}
	case 1: {
		struct frame2 *f = (void *)at;

		f->len = len, f->snaplen = snaplen, f->mac = (u16)mac, f->net = (u16)net, f->sec = sec, f->nsec = nsec;
		f->vlan_tci = tci, f->vlan_tpid = tpid;
		memset(f->padding, 0, sizeof(f->padding));
		hand_over(&f->status, status);
		break;
	}
	default: {
		struct frame3 *f = (void *)at;
		u32 whole = ALIGN8(mac + snaplen);

		*f = (struct frame3){ .next_offset = whole, .sec = sec, .nsec = nsec, .snaplen = snaplen, .len = len, .status = status, .mac = (u16)mac,
				      .net = (u16)net, .rxhash = r->q.features & FILL_RXHASH ? skb->hash : 0, .vlan_tci = tci, .vlan_tpid = tpid };
		r->last = at;
		r->last_sec = sec, r->last_nsec = nsec;
		r->used += whole;
		r->packets++;
		return true; /* handed over with its block */
	}
	}
	r->head = (r->head + 1) % r->q.frame_nr;
	sock_wake(cpu, &ps->sk);
	return true;
}

/* Readable: what was handed over last is not given back yet. */
bool packet_ring_readable(const struct packet_sock *ps)
{
	const struct packet_ring *r = ps->ring;
	u32 n = ps->tp_version == 2 ? r->q.block_nr : r->q.frame_nr, before = (r->head + n - 1) % n;

	return !is_free(ps->tp_version == 2 ? block_status(block_at(r, before)) : frame_status(frame_at(r, before)));
}

bool packet_ring_free_at(const struct packet_sock *ps, u32 parts)
{
	const struct packet_ring *r = ps->ring;
	u32 n = ps->tp_version == 2 ? r->q.block_nr : r->q.frame_nr, at = (r->head + (parts ? n / parts : 0)) % n;

	return is_free(ps->tp_version == 2 ? block_status(block_at(r, at)) : frame_status(frame_at(r, at)));
}

int packet_ring_begin(struct cpu *cpu, struct packet_sock *ps, const struct packet_ring_req *q, void *memory)
{
	struct packet_ring *r = mem_zalloc(cpu_mem(cpu), sizeof(*r));
	size_t size = packet_ring_size(q);

	if (!r)
		return -ENOMEM;
	r->ps = ps;
	r->q = *q;
	r->own = !memory;
	r->mem = memory ? memory : mem_zalloc(cpu_mem(cpu), size);
	if (!r->mem) {
		mem_free(cpu_mem(cpu), r);
		return -ENOMEM;
	}
	r->retire_ns = (u64)(q->retire_ms ? q->retire_ms : DEFAULT_RETIRE_MS) * NSEC_PER_MSEC;
	timer_init(&r->retire, retire);
	if (ps->tp_version == 2)
		block_open(cpu, r);
	ps->ring = r;
	skb_list_drop(cpu, &ps->sk.rx_queue, SKB_DROP_REASON_SOCKET_CLOSE);
	return 0;
}

void packet_ring_end(struct cpu *cpu, struct packet_sock *ps)
{
	struct packet_ring *r = ps->ring;

	if (!r)
		return;
	timer_cancel(&r->retire);
	if (r->own)
		mem_free(cpu_mem(cpu), r->mem);
	mem_free(cpu_mem(cpu), r);
	ps->ring = NULL;
}
