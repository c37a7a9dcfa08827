/* SOL_PACKET options and memberships (packet(7)).
 *
 * Promiscuity, all groups, or single addresses are counted by the device; what a socket asked for ends with it. Options of the transmit
 * ring, which is not built, answer as if the kernel did not know them.
 */
#include "link/netns_dev.h"
#include "sock/packet/packet.h"

#define SOL_PACKET_LEVEL 263
enum { ADD_MEMBERSHIP = 1, DROP_MEMBERSHIP = 2, RX_RING = 5, STATISTICS = 6, COPY_THRESH = 7, AUXDATA = 8, ORIGDEV = 9, VERSION = 10, HDRLEN = 11, RESERVE = 12,
       VNET_HDR = 15, TIMESTAMP = 17, FANOUT = 18, QDISC_BYPASS = 20, ROLLOVER_STATS = 21, FANOUT_DATA = 22, IGNORE_OUTGOING = 23, VNET_HDR_SZ = 24 };
enum { MR_MULTICAST, MR_PROMISC, MR_ALLMULTI, MR_UNICAST }; /* PACKET_MR_* */
#define VNET_HDR_LEN 10
#define VNET_HDR_MRG_LEN 12

struct mreq { s32 ifindex; u16 type, alen; u8 addr[DEV_ADDR_MAX]; };

/* What a membership asks of the device; on: begin, else end. */
static int act(struct cpu *cpu, struct net_device *dev, const struct packet_member *r, bool on)
{
	switch (r->type) {
	case MR_PROMISC:
		dev_set_promiscuity(cpu, dev, on ? 1 : -1);
		return 0;
	case MR_ALLMULTI:
		dev_set_allmulti(cpu, dev, on ? 1 : -1);
		return 0;
	case MR_MULTICAST:
	case MR_UNICAST:
		if (r->len != dev->addr_len)
			return -EINVAL;
		if (r->type == MR_MULTICAST)
			return on ? dev_mc_add(dev, r->addr) : dev_mc_del(dev, r->addr);
		return on ? dev_uc_add(dev, r->addr) : dev_uc_del(dev, r->addr);
	default:
		return 0;
	}
}

static struct packet_member *find(struct packet_sock *ps, const struct mreq *q)
{
	struct packet_member *r;

	list_for_each(r, &ps->members, link)
		if (r->ifindex == q->ifindex && r->type == q->type && r->len == q->alen && !memcmp(r->addr, q->addr, r->len))
			return r;
	return NULL;
}

static int add(struct cpu *cpu, struct packet_sock *ps, const struct mreq *q)
{
	struct net_device *dev = dev_by_index(ps->sk.net, q->ifindex);
	struct packet_member *r;
	int err;

	if (!dev)
		return -ENODEV;
	if (q->alen > dev->addr_len)
		return -EINVAL;
	if ((r = find(ps, q))) {
		r->users++;
		return 0;
	}
	r = mem_zalloc(cpu_mem(cpu), sizeof(*r));
	if (!r)
		return -ENOBUFS;
	r->ifindex = q->ifindex;
	r->type = q->type;
	r->len = q->alen;
	r->users = 1;
	memcpy(r->addr, q->addr, q->alen);
	err = act(cpu, dev, r, true);
	if (err) {
		mem_free(cpu_mem(cpu), r);
		return err;
	}
	list_add_tail(&ps->members, &r->link);
	return 0;
}

static void forget(struct cpu *cpu, struct packet_sock *ps, struct packet_member *r)
{
	struct net_device *dev = dev_by_index(ps->sk.net, r->ifindex);

	if (dev)
		act(cpu, dev, r, false);
	list_del(&r->link);
	mem_free(cpu_mem(cpu), r);
}

void packet_members_drop(struct cpu *cpu, struct packet_sock *ps, const struct net_device *dev)
{
	struct packet_member *r, *tmp;

	list_for_each_safe(r, tmp, &ps->members, link)
		if (!dev || r->ifindex == dev->ifindex)
			forget(cpu, ps, r);
}

static int membership(struct cpu *cpu, struct packet_sock *ps, bool on, const void *val, socklen_t len)
{
	struct mreq q = { 0 };
	struct packet_member *r;

	if (len < offsetof(struct mreq, addr) + 8)
		return -EINVAL;
	memcpy(&q, val, MIN(len, sizeof(q)));
	if (len < offsetof(struct mreq, addr) + q.alen || q.alen > sizeof(q.addr))
		return -EINVAL;
	if (on)
		return add(cpu, ps, &q);
	r = find(ps, &q);
	if (r && !--r->users)
		forget(cpu, ps, r);
	return 0; /* what was not there is gone too */
}

/* A library user's ring is the stack's memory; programs' rings are made by their holder (attach/ring.c). */
static int rx_ring(struct cpu *cpu, struct packet_sock *ps, const void *val, socklen_t len)
{
	struct packet_ring_req q;
	int err = packet_ring_check(ps, val, len, &q);

	if (err)
		return err;
	if (q.block_nr)
		return packet_ring_begin(cpu, ps, &q, NULL);
	packet_ring_end(cpu, ps);
	return 0;
}

int packet_setsockopt(struct cpu *cpu, struct sock *sk, int level, int name, const void *val, socklen_t len)
{
	struct packet_sock *ps = packet_sk(sk);
	int v;

	if (level == SOL_SOCKET)
		return sock_setsockopt(cpu, sk, name, val, len);
	if (level != SOL_PACKET_LEVEL)
		return -ENOPROTOOPT;
	if (name == ADD_MEMBERSHIP || name == DROP_MEMBERSHIP)
		return membership(cpu, ps, name == ADD_MEMBERSHIP, val, len);
	if (name == RX_RING)
		return rx_ring(cpu, ps, val, len);
	if (name == FANOUT)
		return packet_fanout_join(cpu, ps, val, len);
	if (name == FANOUT_DATA)
		return packet_fanout_data(cpu, ps, val, len);
	if (name != COPY_THRESH && name != QDISC_BYPASS && name != AUXDATA && name != ORIGDEV && name != IGNORE_OUTGOING && name != VNET_HDR && name != VNET_HDR_SZ && name != VERSION &&
	    name != RESERVE && name != TIMESTAMP)
		return -ENOPROTOOPT;
	if ((name == VNET_HDR || name == VNET_HDR_SZ) && sk->type != SOCK_RAW)
		return -EINVAL;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case AUXDATA: ps->auxdata = v != 0; return 0;
	case COPY_THRESH: ps->copy_thresh = v; return 0;
	case QDISC_BYPASS: ps->qdisc_bypass = v != 0; return 0;
	case ORIGDEV: ps->origdev = v != 0; return 0;
	case IGNORE_OUTGOING:
		if (v < 0 || v > 1)
			return -EINVAL;
		ps->ignore_outgoing = v;
		return 0;
	case VERSION:
		if (packet_hdr_len(v) < 0)
			return -EINVAL;
		if (ps->ring)
			return -EBUSY;
		ps->tp_version = (u8)v;
		return 0;
	case RESERVE:
		if (v < 0)
			return -EINVAL;
		if (ps->ring)
			return -EBUSY;
		ps->reserve = (u32)v;
		return 0;
	case TIMESTAMP: ps->tstamp = (u32)v; return 0; /* which hardware stamps are preferred: no device has any */
	case VNET_HDR: ps->vnet_hdr_len = v ? VNET_HDR_LEN : 0; return 0;
	default:
		if (v && v != VNET_HDR_LEN && v != VNET_HDR_MRG_LEN)
			return -EINVAL;
		ps->vnet_hdr_len = (u8)v;
		return 0;
	}
}

int packet_getsockopt(struct cpu *cpu, struct sock *sk, int level, int name, void *val, socklen_t *len)
{
	struct packet_sock *ps = packet_sk(sk);
	struct { u32 packets, drops, freezes; } st;
	int v;

	if (level == SOL_SOCKET)
		return sock_getsockopt(cpu, sk, name, val, len);
	if (level != SOL_PACKET_LEVEL)
		return -ENOPROTOOPT;
	switch (name) {
	case STATISTICS: /* and begins anew */
		st.packets = ps->packets + ps->dropped;
		st.drops = ps->dropped;
		st.freezes = ps->ring ? ps->ring->freezes : 0;
		ps->packets = ps->dropped = 0;
		if (ps->ring)
			ps->ring->freezes = 0;
		return sockopt_put(val, len, &st, ps->tp_version == 2 ? sizeof(st) : 8);
	case VERSION: return sockopt_put_int(val, len, ps->tp_version);
	case RESERVE: return sockopt_put_int(val, len, (int)ps->reserve);
	case TIMESTAMP: return sockopt_put_int(val, len, (int)ps->tstamp);
	case HDRLEN: /* of the version that the caller names */
		if (*len < sizeof(v))
			return -EINVAL;
		memcpy(&v, val, sizeof(v));
		v = packet_hdr_len(v);
		return v < 0 ? v : sockopt_put_int(val, len, v);
	case AUXDATA: return sockopt_put_int(val, len, ps->auxdata);
	case COPY_THRESH: return sockopt_put_int(val, len, ps->copy_thresh);
	case QDISC_BYPASS: return sockopt_put_int(val, len, ps->qdisc_bypass);
	case FANOUT: return sockopt_put_int(val, len, (int)packet_fanout_get(ps));
	case ROLLOVER_STATS:
		return ps->rollover ? sockopt_put(val, len, &ps->rollover->all, 24) : -EINVAL;
	case ORIGDEV: return sockopt_put_int(val, len, ps->origdev);
	case IGNORE_OUTGOING: return sockopt_put_int(val, len, ps->ignore_outgoing);
	case VNET_HDR: return sockopt_put_int(val, len, ps->vnet_hdr_len != 0);
	case VNET_HDR_SZ: return sockopt_put_int(val, len, ps->vnet_hdr_len);
	default: return -ENOPROTOOPT;
	}
}
