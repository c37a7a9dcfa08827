/* PACKET_FANOUT (packet(7)): several packet sockets share what one of them would see.
 *
 * A group has one tap; each packet goes to one member, chosen by the flow's hash, by turns, by cpu, at random, by queue, by a program, or
 * to the first one that has room. Members are the sockets that listen; one whose device goes down leaves the row until it is up again. A group
 * lives while a socket belongs to it. All members are bound alike, and bound they stay.
 *
 * Not built: putting fragments together first (PACKET_FANOUT_FLAG_DEFRAG), programs of eBPF.
 */
#include "base/hash.h"
#include "bpf/cbpf.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "link/netdevice.h"
#include "sock/packet/packet.h"
#include "sock/sock_filter.h"

enum { FANOUT_HASH, FANOUT_LB, FANOUT_CPU, FANOUT_ROLLOVER, FANOUT_RND, FANOUT_QM, FANOUT_CBPF, FANOUT_EBPF };
enum { FLAG_ROLLOVER = 0x1000, FLAG_UNIQUEID = 0x2000, FLAG_IGNORE_OUTGOING = 0x4000, FLAG_DEFRAG = 0x8000 };
enum { MEMBERS_DEFAULT = 256, MEMBERS_MAX = 1 << 16, HISTORY = PACKET_ROLLOVER_HISTORY };
enum room { ROOM_NONE, ROOM_LOW, ROOM_NORMAL };

struct packet_fanout {
	struct list link; /* netns_packet.fanouts */
	struct dev_tap tap;
	u16 id, flags;	  /* FLAG_* */
	u8 type;
	s32 ifindex;
	u32 max, refs;	  /* sockets that may, and do belong to it */
	u32 n, next;	  /* members; LB's turn */
	struct packet_sock **member; /* max of them have room */
	struct cbpf_prog *prog;
};

/* -- choosing -- */
/* Of both directions of a flow the same. */
static u32 flow_hash(struct cpu *cpu, const struct sk_buff *skb)
{
	u32 at = skb->network_header == SKB_OFF_UNSET || skb->head + skb->network_header < skb->data ? 0 : (u32)(skb->head + skb->network_header - skb->data);
	u64 src[2] = { 0 }, dst[2] = { 0 };
	u8 h[IP6_HDR_LEN], proto = 0;
	u16 ports[2] = { 0 };

	if (skb_copy_bits(skb, at, h, IP4_HDR_LEN) && h[0] >> 4 == 4) {
		memcpy(src, h + 12, 4);
		memcpy(dst, h + 16, 4);
		proto = (h[6] & 0x3f) | h[7] ? 0 : h[9]; /* of a fragment no ports */
		at += (h[0] & 15u) * 4;
	} else if (skb_copy_bits(skb, at, h, IP6_HDR_LEN) && h[0] >> 4 == 6) {
		memcpy(src, h + 8, 16);
		memcpy(dst, h + 24, 16);
		proto = h[6];
		at += IP6_HDR_LEN;
	}
	if ((proto == 6 || proto == 17 || proto == 132 || proto == 33) && !skb_copy_bits(skb, at, ports, sizeof(ports)))
		memset(ports, 0, sizeof(ports));
	return (u32)siphash_4u64(&cpu->world->hash_key, src[0] + dst[0], src[1] + dst[1], (src[0] ^ dst[0]) + (src[1] ^ dst[1]),
				 (u64)proto << 32 | (u32)(ports[0] + ports[1]) | (u64)(u16)(ports[0] ^ ports[1]) << 40);
}

static enum room room_of(const struct packet_sock *ps, const struct sk_buff *skb)
{
	const struct sock *sk = &ps->sk;
	s64 left;

	if (ps->ring)
		return packet_ring_free_at(ps, 4) ? ROOM_NORMAL : packet_ring_free_at(ps, 0) ? ROOM_LOW : ROOM_NONE;
	left = (s64)sk->rcvbuf - sk->rmem_alloc - (skb ? (s64)skb->truesize : 0);
	return left > sk->rcvbuf / 4 ? ROOM_NORMAL : left > 0 ? ROOM_LOW : ROOM_NONE;
}

/* Has this flow had more than half of the last packets that nearly found no room? It goes elsewhere first. */
static bool is_huge(struct cpu *cpu, struct packet_rollover *r, const struct sk_buff *skb)
{
	u32 hash = flow_hash(cpu, skb), count = 0;

	for (unsigned i = 0; i < HISTORY; i++)
		count += r->history[i] == hash;
	r->history[rng_below(&cpu->rng, HISTORY)] = hash;
	return count > HISTORY / 2;
}

/* The member `from`, or the next one with room. try_it: from itself, when it has some. */
static u32 roll_over(struct cpu *cpu, struct packet_fanout *f, const struct sk_buff *skb, u32 from, bool try_it)
{
	struct packet_sock *ps = f->member[from], *skip = NULL;
	struct packet_rollover *r = ps->rollover;
	enum room room = ROOM_NONE;
	u32 i, first;

	if (!r)
		return from;
	if (try_it) {
		room = room_of(ps, skb);
		if (room == ROOM_NORMAL || (room == ROOM_LOW && !is_huge(cpu, r, skb)))
			return from;
		skip = ps;
	}
	i = first = MIN(r->at, f->n - 1);
	do {
		if (f->member[i] != skip && room_of(f->member[i], skb) == ROOM_NORMAL) {
			r->at = i;
			r->all++;
			r->huge += room == ROOM_LOW;
			return i;
		}
		i = i + 1 == f->n ? 0 : i + 1;
	} while (i != first);
	r->failed++;
	return from;
}

static u32 choose(struct cpu *cpu, struct packet_fanout *f, const struct sk_buff *skb)
{
	switch (f->type) {
	case FANOUT_HASH: return (u32)((u64)flow_hash(cpu, skb) * f->n >> 32);
	case FANOUT_LB: return ++f->next % f->n;
	case FANOUT_CPU: return cpu->id % f->n;
	case FANOUT_RND: return rng_below(&cpu->rng, f->n);
	case FANOUT_QM: return skb->queue_mapping % f->n;
	case FANOUT_CBPF: return f->prog ? sock_filter_run_prog(cpu, f->prog, skb) % f->n : 0;
	case FANOUT_ROLLOVER: return roll_over(cpu, f, skb, 0, false);
	default: return 0; /* a program of eBPF that nobody can set */
	}
}

static void tapped(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	struct packet_fanout *f = container_of(tap, struct packet_fanout, tap);
	u32 i;

	if (!f->n || (outgoing && f->flags & FLAG_IGNORE_OUTGOING))
		return;
	for (i = 0; outgoing && skb->sk && i < f->n; i++)
		if (&f->member[i]->sk == skb->sk)
			return;
	i = choose(cpu, f, skb);
	if (f->flags & FLAG_ROLLOVER)
		i = roll_over(cpu, f, skb, i, true);
	packet_deliver(cpu, f->member[i], skb, dev, outgoing);
}

/* -- members -- */
void packet_fanout_listen(struct packet_sock *ps, struct net_device *dev)
{
	struct packet_fanout *f = ps->fanout;

	f->member[f->n++] = ps;
	if (f->n == 1)
		dev_tap_add(ps->sk.net, dev, &f->tap);
}

void packet_fanout_unlisten(struct packet_sock *ps)
{
	struct packet_fanout *f = ps->fanout;

	for (u32 i = 0; i < f->n; i++) {
		if (f->member[i] != ps)
			continue;
		f->member[i] = f->member[--f->n];
		break;
	}
	if (!f->n && list_linked(&f->tap.link))
		dev_tap_del(&f->tap);
}

static void free_group(struct cpu *cpu, struct packet_fanout *f)
{
	list_del(&f->link);
	cbpf_prog_put(cpu_mem(cpu), f->prog);
	mem_free(cpu_mem(cpu), f->member);
	mem_free(cpu_mem(cpu), f);
}

void packet_fanout_leave(struct cpu *cpu, struct packet_sock *ps)
{
	struct packet_fanout *f = ps->fanout;

	if (!f)
		return;
	ps->fanout = NULL;
	mem_free(cpu_mem(cpu), ps->rollover);
	ps->rollover = NULL;
	if (!--f->refs)
		free_group(cpu, f);
}

static struct packet_fanout *find(struct netns *net, u16 id)
{
	struct packet_fanout *f;

	list_for_each(f, &net->packet->fanouts, link)
		if (f->id == id)
			return f;
	return NULL;
}

static int new_group(struct cpu *cpu, struct packet_sock *ps, u16 id, u8 type, u16 flags, u32 max, struct packet_fanout **out)
{
	struct packet_fanout *f;

	if (max > MEMBERS_MAX)
		return -EINVAL;
	f = mem_zalloc(cpu_mem(cpu), sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->max = max ? max : MEMBERS_DEFAULT;
	f->member = mem_zalloc(cpu_mem(cpu), f->max * sizeof(struct packet_sock *));
	if (!f->member) {
		mem_free(cpu_mem(cpu), f);
		return -ENOMEM;
	}
	f->id = id;
	f->type = type;
	f->flags = flags;
	f->ifindex = ps->ifindex;
	f->tap = (struct dev_tap){ .fn = tapped, .ethertype = ps->tap.ethertype };
	list_init(&f->tap.link);
	list_add_tail(&ps->sk.net->packet->fanouts, &f->link);
	*out = f;
	return 0;
}

int packet_fanout_join(struct cpu *cpu, struct packet_sock *ps, const void *val, socklen_t len)
{
	struct { u16 id, type_flags; u32 max; } q = { .max = 0 };
	struct net_device *dev;
	struct packet_fanout *f;
	u32 id;
	u16 flags;
	u8 type;
	int err;

	if (len != 4 && len != 8)
		return -EINVAL;
	memcpy(&q, val, len);
	id = q.id;
	type = (u8)q.type_flags;
	flags = q.type_flags & 0xff00;
	if (type > FANOUT_EBPF || (type == FANOUT_ROLLOVER && flags & FLAG_ROLLOVER) || flags & FLAG_DEFRAG)
		return -EINVAL;
	if (ps->fanout)
		return -EALREADY;
	if (flags & FLAG_UNIQUEID) {
		if (id)
			return -EINVAL;
		while (find(ps->sk.net, (u16)id))
			if (++id > UINT16_MAX)
				return -ENOMEM;
		flags &= (u16)~FLAG_UNIQUEID;
	}
	f = find(ps->sk.net, (u16)id);
	if (f && (f->flags != flags || (q.max && q.max != f->max)))
		return -EINVAL;
	if (!f && (err = new_group(cpu, ps, (u16)id, type, flags, q.max, &f)))
		return err;
	err = -EINVAL;
	if (!ps->hooked || f->type != type || f->tap.ethertype != ps->tap.ethertype || f->ifindex != ps->ifindex)
		goto out;
	err = -ENOSPC;
	if (f->refs >= f->max)
		goto out;
	if (type == FANOUT_ROLLOVER || flags & FLAG_ROLLOVER) {
		err = -ENOMEM;
		ps->rollover = mem_zalloc(cpu_mem(cpu), sizeof(*ps->rollover));
		if (!ps->rollover)
			goto out;
	}
	err = 0;
	dev = ps->ifindex ? dev_by_index(ps->sk.net, ps->ifindex) : NULL;
	dev_tap_del(&ps->tap);
	ps->fanout = f;
	f->refs++;
	packet_fanout_listen(ps, dev);
out:
	if (!f->refs)
		free_group(cpu, f);
	return err;
}

u32 packet_fanout_get(const struct packet_sock *ps)
{
	const struct packet_fanout *f = ps->fanout;

	return f ? f->id | (u32)f->type << 16 | (u32)f->flags << 16 : 0;
}

int packet_fanout_data(struct cpu *cpu, struct packet_sock *ps, const void *val, socklen_t len)
{
	struct packet_fanout *f = ps->fanout;
	struct cbpf_prog *prog;
	int err;

	if (!f || f->type != FANOUT_CBPF)
		return -EINVAL; /* without eBPF its groups have no data either */
	err = sock_filter_load(cpu, &ps->sk, val, len, &prog);
	if (err)
		return err;
	cbpf_prog_put(cpu_mem(cpu), f->prog);
	f->prog = prog;
	return 0;
}
