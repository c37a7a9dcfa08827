/* The packet-socket port: frames of a device of this machine, all of them, and frames sent out of it as they are.
 *
 * Receive: the kernel fills a ring of slots (TPACKET_V2) that is mapped here, each with room for the longest frame and a vnet header in front of
 * it, so a burst of small frames costs no system call and one of 64 KiB (GRO) comes whole. A slot is copied into a packet and given
 * back. A VLAN tag, which the kernel takes out of a frame, goes beside the packet, where the stack keeps it, too. What is sent by this socket or by
 * the machine itself does not come back (PACKET_IGNORE_OUTGOING).
 * Send: port_fd.c, with a vnet header: the device cuts and sums what it can, the kernel the rest.
 *
 * A device that is down takes nothing and says so; one that is deleted takes the carrier with it. packet(7), the kernel's
 * Documentation/networking/packet_mmap. Frames come from and go to link/type/nic.
 */
#include "host/port_packet.h"

#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/cpu.h"
#include "host/port_fd.h"
#include "link/type/nic.h"
#include "link/vnet_hdr.h"

#define BLOCK_BYTES (1u << 20)
#define BLOCKS 16	  /* 240 slots in 16 MiB */
#define SLOT_BYTES 69888u /* the longest frame with its headers: 64 KiB and some; a multiple of 16, 15 of them to a block */
#define SLOTS (BLOCK_BYTES / SLOT_BYTES * BLOCKS)
#define LINEAR 1792	  /* as in port_fd.c */

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define DOWN_LOOK_NS (250 * NSEC_PER_MSEC) /* while the device is down: is it still there? */

struct ring {
	u8 *map;
	unsigned next;	/* slot */
	s32 ifindex;
	struct port *port;
	struct timer down; /* of the queue's lane: the device was seen down */
};

static int setup(int fd, s32 ifindex)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = BE16(ETH_P_ALL).raw, .sll_ifindex = ifindex };
	struct tpacket_req rq = { .tp_block_size = BLOCK_BYTES, .tp_block_nr = BLOCKS, .tp_frame_size = SLOT_BYTES, .tp_frame_nr = SLOTS };
	struct packet_mreq mr = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };
	int version = TPACKET_V2, one = 1;

	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &rq, sizeof(rq)) < 0 ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0 || setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr, sizeof(mr)) < 0)
		return -errno;
	return 0;
}

int packet_open(const char *dev, int *fd)
{
	struct ifreq ifr = { 0 };
	s32 ifindex;
	int e;

	if (strlen(dev) >= IFNAMSIZ)
		return -EINVAL;
	*fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* nothing arrives before bind */
	if (*fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, dev, strlen(dev) + 1);
	if (ioctl(*fd, SIOCGIFINDEX, &ifr) < 0)
		goto fail;
	ifindex = ifr.ifr_ifindex;
	if (ioctl(*fd, SIOCGIFHWADDR, &ifr) < 0)
		goto fail;
	errno = ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER ? EMEDIUMTYPE : 0;
	if (errno)
		goto fail;
	e = setup(*fd, ifindex);
	if (!e)
		return 0;
	errno = -e;
fail:
	e = -errno;
	close(*fd);
	*fd = -1;
	return e;
}

/* -- receive -- */

static struct tpacket2_hdr *slot(const struct ring *r)
{
	unsigned a_block = BLOCK_BYTES / SLOT_BYTES;

	return (void *)(r->map + (size_t)(r->next / a_block) * BLOCK_BYTES + (size_t)(r->next % a_block) * SLOT_BYTES);
}

/* A packet with a copy of a slot's frame. NULL: no memory. */
static struct sk_buff *copy(struct cpu *cpu, const u8 *frame, u32 len)
{
	u32 head = MIN(len, LINEAR);
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, LINEAR);
	struct buf *rest;

	if (!skb)
		return NULL;
	memcpy(skb_put(skb, head), frame, head);
	if (len == head)
		return skb;
	rest = buf_alloc(cpu, len - head);
	if (rest) {
		bool added;

		memcpy(rest->data, frame + head, len - head);
		added = skb_add_frag(skb, rest, 0, len - head);
		buf_put(cpu, rest);
		if (added)
			return skb;
	}
	skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
	return NULL;
}

static struct sk_buff *take(struct cpu *cpu, struct port *p, const struct tpacket2_hdr *h)
{
	const u8 *frame = (const u8 *)h + h->tp_mac;
	struct virtio_net_hdr vnet;
	struct sk_buff *skb;

	if (h->tp_snaplen < ETH_HLEN || h->tp_mac + h->tp_snaplen > SLOT_BYTES)
		return NULL; /* cannot be: the device is an Ethernet */
	memcpy(&vnet, frame - sizeof(vnet), sizeof(vnet));
	skb = copy(cpu, frame, h->tp_snaplen);
	if (!skb) {
		p->nic->dev->stats[cpu->id].rx_dropped++;
		return NULL;
	}
	if (h->tp_snaplen < h->tp_len || !vnet_hdr_take(skb, &vnet)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_HDR);
		return NULL;
	}
	if (h->tp_status & TP_STATUS_VLAN_VALID) {
		skb->vlan_tci = h->tp_vlan_tci;
		skb->vlan_proto = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? cpu_to_be16(h->tp_vlan_tpid) : BE16(ETH_P_8021Q);
	}
	return skb;
}

/* A device that is deleted goes down first, and the socket hears of that alone: so one that is down is looked for until it is up, or gone. */
static void look_for_device(struct cpu *cpu, struct ring *r)
{
	struct ifreq ifr = { .ifr_ifindex = r->ifindex };
	int fd = fd_port_fd(r->port, 0);

	if (ioctl(fd, SIOCGIFNAME, &ifr) < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		fd_port_broke(r->port, 0);
	else if (!(ifr.ifr_flags & IFF_UP))
		cpu_timer_arm(cpu, &r->down, cpu->now + DOWN_LOOK_NS);
}

static void look_again(void *cpu, struct timer *t) { look_for_device(cpu, container_of(t, struct ring, down)); }

/* Woken, and no frame is there: the socket has an error to tell, or else it would wake for ever. */
static void look_for_error(struct cpu *cpu, struct ring *r)
{
	int fd = fd_port_fd(r->port, 0), e = 0;
	socklen_t len = sizeof(e);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) == 0 && e == ENETDOWN)
		look_for_device(cpu, r);
}

static unsigned packet_rx(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n)
{
	struct ring *r = fd_port_aux(p);
	unsigned got = 0, seen = 0;
	bool losing = false;

	while (got < n) {
		struct tpacket2_hdr *h = slot(r);
		u32 status = __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE);
		struct sk_buff *skb;

		if (!(status & TP_STATUS_USER))
			break;
		seen++;
		losing |= status & TP_STATUS_LOSING;
		skb = take(cpu, p, h);
		if (skb)
			skbs[got++] = skb;
		__atomic_store_n(&h->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->next = (r->next + 1) % SLOTS;
	}
	if (losing) {
		struct tpacket_stats st;
		socklen_t len = sizeof(st);

		if (getsockopt(fd_port_fd(p, 0), SOL_PACKET, PACKET_STATISTICS, &st, &len) == 0)
			p->nic->dev->stats[cpu->id].rx_missed_errors += st.tp_drops;
	}
	if (!seen)
		look_for_error(cpu, r);
	return got;
}

/* -- life -- */

static void packet_free(struct port *p)
{
	timer_cancel(&((struct ring *)fd_port_aux(p))->down);
	fd_port_free(p);
}

static const struct port_ops packet_ops = {
	.name = "packet",
	.max_queues = 1,
	.caps = PORT_CAP_VNET_HDR,
	.start = fd_port_start,
	.stop = fd_port_stop,
	.free = packet_free,
	.rx = packet_rx,
	.tx = fd_port_tx,
	.arm = fd_port_arm,
};

static void unmap(void *aux)
{
	struct ring *r = aux;

	munmap(r->map, (size_t)BLOCK_BYTES * BLOCKS);
	free(r);
}

int port_packet_new(struct host *h, int fd, struct port **out)
{
	struct sockaddr_ll ll;
	socklen_t len = sizeof(ll);
	struct ring *r;
	int e;

	if (getsockname(fd, (struct sockaddr *)&ll, &len) < 0 || ll.sll_family != AF_PACKET)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->ifindex = ll.sll_ifindex;
	r->map = mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r->map == MAP_FAILED) {
		e = -errno;
		free(r);
		return e;
	}
	timer_init(&r->down, look_again);
	e = fd_port_new(h, &packet_ops, &fd, 1, FD_PORT_VNET_HDR, out);
	if (e) {
		unmap(r);
		return e;
	}
	r->port = *out;
	fd_port_set_aux(*out, r, unmap);
	return 0;
}
