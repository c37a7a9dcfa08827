/* The TAP port. Each queue is a descriptor of /dev/net/tun; each frame a readv or writev straight into or from packet buffers.
 *
 * Receive: a frame is read into a linear buffer of LINEAR bytes, and what does not fit spills into a 64 KiB buffer that becomes a
 * fragment; while nothing spills, that buffer serves the next read. So a small frame costs a small buffer, and a 64 KiB one no
 * copy. The vnet header in front says what the sender left to do (link/vnet_hdr.c).
 * Send: the header says the same in the other direction, when the device's features let such packets through.
 *
 * Waiting: the descriptor sits in the lane's epoll set with EPOLLONESHOT; arm() is one epoll_ctl. The kernel's end has a carrier
 * while the nic is up (TUNSETCARRIER). Format: linux/virtio_net.h, Documentation/networking/tuntap.
 * Frames come from and go to link/type/nic.
 */
#include "host/port_tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/host.h"
#include "link/vnet_hdr.h"

#define LINEAR 1792    /* with SKB_HEADROOM and the bookkeeping: a full Ethernet frame within 2 KiB */
#define MAX_QUEUES 256 /* as the kernel's MAX_TAP_QUEUES */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

struct tap_queue {
	struct tap *tap;
	u16 index;
	int fd;
	struct host_fd *hf; /* NULL: not in any lane's set */
	unsigned lane;
	u32 want;	    /* EPOLLIN, EPOLLOUT that are asked for; queue's baton */
	struct sk_buff *spare; /* room for the next frame: linear, */
	struct buf *spill;     /* and what does not fit there */
	bool broken;	    /* the device is gone: reading and writing are over */
};

struct tap {
	struct port port;
	struct host *host;
	u32 refs; /* atomic: the port, and each queue whose callback may still run */
	unsigned nqueues;
	struct tap_queue q[];
};

int tap_open(const char *name, unsigned queues, int *fds)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	unsigned n;
	int e;

	if (strlen(name) >= IFNAMSIZ || !queues || queues > MAX_QUEUES)
		return -EINVAL;
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	for (n = 0; n < queues; n++) {
		fds[n] = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (fds[n] < 0)
			goto fail;
		if (ioctl(fds[n], TUNSETIFF, &ifr) < 0) {
			n++;
			goto fail;
		}
	}
	return 0;
fail:
	e = -errno;
	while (n--)
		if (fds[n] >= 0)
			close(fds[n]);
	return e;
}

static void tap_put(struct tap *t)
{
	if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < t->nqueues; i++)
		close(t->q[i].fd);
	free(t);
}

static void queue_done(void *arg) { tap_put(((struct tap_queue *)arg)->tap); }

/* In the lane, baton held: what was asked for is there. */
static void ready(struct cpu *cpu, u32 events, void *arg)
{
	struct tap_queue *q = arg;
	u32 want = q->want;

	q->want = 0;
	if (want & EPOLLIN && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		nic_rx_ready(cpu, q->tap->port.nic, q->index);
	else
		q->want |= want & EPOLLIN;
	if (want & EPOLLOUT && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		nic_tx_ready(cpu, q->tap->port.nic, q->index);
	else
		q->want |= want & EPOLLOUT;
	if (q->want && q->hf)
		host_fd_mod(q->hf, q->want | EPOLLONESHOT);
}

static void unwatch(struct tap_queue *q)
{
	if (q->hf)
		host_fd_del(q->hf, queue_done);
	q->hf = NULL;
	q->want = 0;
}

/* Asks for events on this cpu's lane; the vector may have moved to another cpu since the last time. */
static void watch(struct cpu *cpu, struct tap_queue *q, u32 events)
{
	if (q->hf && q->lane != cpu->id)
		unwatch(q);
	q->want |= events;
	if (q->hf) {
		host_fd_mod(q->hf, q->want | EPOLLONESHOT);
		return;
	}
	q->lane = cpu->id;
	__atomic_fetch_add(&q->tap->refs, 1, __ATOMIC_RELAXED);
	if (host_fd_add(q->tap->host, cpu->id, q->fd, q->want | EPOLLONESHOT, HOST_FD_BATON, ready, q, &q->hf))
		tap_put(q->tap);
}

/* -- receive -- */

static bool refill(struct cpu *cpu, struct tap_queue *q)
{
	if (!q->spare)
		q->spare = skb_alloc(cpu, SKB_HEADROOM, LINEAR);
	if (!q->spill)
		q->spill = buf_alloc(cpu, BUF_MAX_BYTES);
	return q->spare && q->spill;
}

/* One frame; NULL with *again false when there is none, true when one came and was dropped. */
static struct sk_buff *read_one(struct cpu *cpu, struct tap_queue *q, bool *again)
{
	struct virtio_net_hdr h;
	struct iovec iov[3] = { { &h, sizeof(h) } };
	struct sk_buff *skb;
	ssize_t n;

	*again = false;
	if (!refill(cpu, q))
		return NULL;
	skb = q->spare;
	iov[1] = (struct iovec){ skb->data, LINEAR };
	iov[2] = (struct iovec){ q->spill->data, BUF_MAX_BYTES };
	do
		n = readv(q->fd, iov, 3);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN)
			q->broken = true; /* EBADFD: the device was deleted */
		return NULL;
	}
	*again = true;
	if ((size_t)n < sizeof(h) + ETH_HLEN)
		return NULL; /* cannot be: the kernel pads nothing and passes nothing shorter */
	q->spare = NULL;
	n -= sizeof(h);
	skb_put(skb, MIN((u32)n, LINEAR));
	if (n > LINEAR) {
		if (!skb_add_frag(skb, q->spill, 0, (u32)n - LINEAR)) {
			skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
			return NULL;
		}
		buf_put(cpu, q->spill);
		q->spill = NULL;
	}
	if (!vnet_hdr_take(skb, &h)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_HDR);
		return NULL;
	}
	return skb;
}

static unsigned tap_rx(struct cpu *cpu, struct port *p, unsigned qi, struct sk_buff **skbs, unsigned n)
{
	struct tap_queue *q = &((struct tap *)p->priv)->q[qi];
	unsigned got = 0;
	bool again = !q->broken;

	for (unsigned tries = 0; got < n && again && tries < 2 * n; tries++) {
		struct sk_buff *skb = read_one(cpu, q, &again);
		if (skb)
			skbs[got++] = skb;
	}
	return got;
}

static bool tap_arm(struct cpu *cpu, struct port *p, unsigned qi)
{
	struct tap_queue *q = &((struct tap *)p->priv)->q[qi];

	if (!q->broken)
		watch(cpu, q, EPOLLIN);
	return false; /* what came in between raises the event at once */
}

/* -- send -- */

static unsigned tap_tx(struct cpu *cpu, struct port *p, unsigned qi, struct sk_buff **skbs, unsigned n)
{
	struct tap_queue *q = &((struct tap *)p->priv)->q[qi];

	for (unsigned i = 0; i < n; i++) {
		struct iovec iov[2 + MAX_SKB_FRAGS];
		struct sk_buff *skb = skbs[i];
		struct virtio_net_hdr h;
		unsigned niov;
		ssize_t r;

		vnet_hdr_fill(skb, &h);
		iov[0] = (struct iovec){ &h, sizeof(h) };
		niov = 1 + skb_to_iovec(skb, 0, skb->len, iov + 1, ARRAY_SIZE(iov) - 1);
		do
			r = writev(q->fd, iov, (int)niov);
		while (r < 0 && errno == EINTR);
		if (r >= 0) {
			skb_consume(cpu, skb);
		} else if (errno == EAGAIN) {
			watch(cpu, q, EPOLLOUT);
			return i;
		} else {
			skb_drop(cpu, skb, errno == EIO || errno == EBADFD ? SKB_DROP_REASON_NO_CARRIER : /* it is down, or gone */
					   errno == ENOMEM || errno == ENOBUFS ? SKB_DROP_REASON_NOMEM : SKB_DROP_REASON_DEV_HDR);
		}
	}
	return n;
}

/* -- life; all batons held -- */

static void set_carrier(struct tap *t, int on) { ioctl(t->q[0].fd, TUNSETCARRIER, &on); } /* kernels before 5.0: always on */

static int tap_start(struct port *p, struct nic *nic, unsigned queues)
{
	struct tap *t = p->priv;

	if (queues > t->nqueues)
		return -EINVAL;
	for (unsigned i = 0; i < t->nqueues; i++) { /* a queue that nobody reads must not be fed */
		struct ifreq ifr = { .ifr_flags = i < queues ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };
		ioctl(t->q[i].fd, TUNSETQUEUE, &ifr); /* EINVAL: it is as asked already */
	}
	set_carrier(t, 1);
	return 0;
}

static void tap_stop(struct port *p)
{
	struct tap *t = p->priv;

	set_carrier(t, 0);
	for (unsigned i = 0; i < t->nqueues; i++)
		unwatch(&t->q[i]);
}

static void tap_free(struct port *p)
{
	struct tap *t = p->priv;
	struct cpu *cpu = config_cpu(host_world(t->host));

	for (unsigned i = 0; i < t->nqueues; i++) {
		unwatch(&t->q[i]);
		if (t->q[i].spare)
			skb_consume(cpu, t->q[i].spare);
		if (t->q[i].spill)
			buf_put(cpu, t->q[i].spill);
	}
	tap_put(t);
}

/* What the kernel may leave to us follows what the device is set to take: sums with rx-checksumming, long packets with GRO. */
static void tap_offloads(struct port *p, u64 features)
{
	struct tap *t = p->priv;
	unsigned long f = 0;

	if (features & NETIF_F_RXCSUM) {
		f = TUN_F_CSUM;
		if (features & NETIF_F_GRO)
			f |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6;
	}
	for (unsigned i = 0; i < t->nqueues; i++)
		if (ioctl(t->q[i].fd, TUNSETOFFLOAD, f) < 0)
			ioctl(t->q[i].fd, TUNSETOFFLOAD, f & ~(unsigned long)(TUN_F_USO4 | TUN_F_USO6)); /* before 6.2 */
}

static const struct port_ops tap_ops = {
	.name = "tap",
	.max_queues = MAX_QUEUES,
	.caps = PORT_CAP_VNET_HDR,
	.start = tap_start,
	.stop = tap_stop,
	.free = tap_free,
	.rx = tap_rx,
	.tx = tap_tx,
	.arm = tap_arm,
	.offloads = tap_offloads,
};

int port_tap_new(struct host *h, const int *fds, unsigned queues, struct port **out)
{
	int hdr = sizeof(struct virtio_net_hdr), one = 1;
	struct ifreq ifr;
	struct tap *t;

	if (!queues || queues > MAX_QUEUES)
		return -EINVAL;
	for (unsigned i = 0; i < queues; i++) { /* descriptors come from outside: are they TAP queues with our framing? */
		if (ioctl(fds[i], TUNGETIFF, &ifr) < 0 || (ifr.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) != (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
			return -EINVAL;
		if (ioctl(fds[i], TUNSETVNETHDRSZ, &hdr) < 0 || ioctl(fds[i], TUNSETVNETLE, &one) < 0)
			return -errno;
		if (fcntl(fds[i], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	t = calloc(1, sizeof(*t) + queues * sizeof(t->q[0]));
	if (!t)
		return -ENOMEM;
	t->port = (struct port){ .ops = &tap_ops, .priv = t };
	t->host = h;
	t->refs = 1;
	t->nqueues = queues;
	for (unsigned i = 0; i < queues; i++)
		t->q[i] = (struct tap_queue){ .tap = t, .index = (u16)i, .fd = fds[i] };
	*out = &t->port;
	return 0;
}
