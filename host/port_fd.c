/* Ports over descriptors. Each queue is a descriptor; each frame a readv or writev straight into or from packet buffers.
 *
 * Receive: a frame is read into a linear buffer of LINEAR bytes, and what does not fit spills into a 64 KiB buffer that becomes a
 * fragment; while nothing spills, that buffer serves the next read. So a small frame costs a small buffer, and a 64 KiB one no
 * copy. A vnet header in front says what the sender left to do (link/vnet_hdr.c).
 * Send: the header says the same in the other direction, when the device's features let such packets through.
 *
 * Waiting: the descriptor sits in the lane's epoll set with EPOLLONESHOT; arm() is one epoll_ctl. A descriptor whose other end is gone
 * takes the carrier away, for good. Format: linux/virtio_net.h, Documentation/networking/tuntap.
 * Frames come from and go to link/type/nic.
 */
#include "host/port_fd.h"

#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/host.h"
#include "link/type/nic.h"
#include "link/vnet_hdr.h"

#define LINEAR 1792 /* with SKB_HEADROOM and the bookkeeping: a full Ethernet frame within 2 KiB */

struct fd_queue {
	struct fd_port *fp;
	u16 index;
	int fd;
	struct host_fd *hf; /* NULL: not in any lane's set */
	unsigned lane;
	u32 want;	    /* EPOLLIN, EPOLLOUT that are asked for; queue's baton */
	struct sk_buff *spare; /* room for the next frame: linear, */
	struct buf *spill;     /* and what does not fit there */
	bool broken;	    /* the device is gone: reading and writing are over */
};

struct fd_port {
	struct port port;
	struct host *host;
	u32 refs; /* atomic: the port, and each queue whose callback may still run */
	unsigned nqueues, flags; /* FD_PORT_* */
	bool freed;	/* all batons */
	void (*free_aux)(void *aux);
	void *aux;	/* the kind's own */
	u32 lost;	/* atomic: somebody has found its end, and the carrier goes, or is gone */
	struct fd_queue q[];
};

static void fd_port_put(struct fd_port *fp)
{
	if (__atomic_sub_fetch(&fp->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < fp->nqueues; i++)
		close(fp->q[i].fd);
	if (fp->free_aux)
		fp->free_aux(fp->aux);
	free(fp);
}

static void queue_done(void *arg) { fd_port_put(((struct fd_queue *)arg)->fp); }

/* In the lane, baton held: what was asked for is there. */
static void ready(struct cpu *cpu, u32 events, void *arg)
{
	struct fd_queue *q = arg;
	u32 want = q->want;

	q->want = 0;
	if (want & EPOLLIN && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		nic_rx_ready(cpu, q->fp->port.nic, q->index);
	else
		q->want |= want & EPOLLIN;
	if (want & EPOLLOUT && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		nic_tx_ready(cpu, q->fp->port.nic, q->index);
	else
		q->want |= want & EPOLLOUT;
	if (q->want && q->hf)
		host_fd_mod(q->hf, q->want | EPOLLONESHOT);
}

static void unwatch(struct fd_queue *q)
{
	if (q->hf)
		host_fd_del(q->hf, queue_done);
	q->hf = NULL;
	q->want = 0;
}

/* Asks for events on this cpu's lane; the vector may have moved to another cpu since the last time. */
static void watch(struct cpu *cpu, struct fd_queue *q, u32 events)
{
	if (q->hf && q->lane != cpu->id)
		unwatch(q);
	q->want |= events;
	if (q->hf) {
		host_fd_mod(q->hf, q->want | EPOLLONESHOT);
		return;
	}
	q->lane = cpu->id;
	__atomic_fetch_add(&q->fp->refs, 1, __ATOMIC_RELAXED);
	if (host_fd_add(q->fp->host, cpu->id, q->fd, q->want | EPOLLONESHOT, HOST_FD_BATON, ready, q, &q->hf))
		fd_port_put(q->fp);
}

/* On the loop thread: the carrier follows the wire. */
static void carrier_lost(void *arg)
{
	struct fd_port *fp = arg;
	struct cpu *cpu = host_lock_all(fp->host);

	if (!fp->freed && fp->port.nic) {
		world_log(host_world(fp->host), 4, "%s: the other end of its wire is gone", fp->port.nic->dev->name);
		nic_set_carrier(cpu, fp->port.nic, false);
	}
	host_unlock_all(fp->host);
	fd_port_put(fp);
}

static void broke(struct fd_queue *q)
{
	struct fd_port *fp = q->fp;

	q->broken = true;
	if (__atomic_exchange_n(&fp->lost, 1, __ATOMIC_RELAXED))
		return;
	__atomic_fetch_add(&fp->refs, 1, __ATOMIC_RELAXED);
	if (host_call(fp->host, 0, carrier_lost, fp))
		fd_port_put(fp);
}

/* -- receive -- */

static bool refill(struct cpu *cpu, struct fd_queue *q)
{
	if (!q->spare)
		q->spare = skb_alloc(cpu, SKB_HEADROOM, LINEAR);
	if (!q->spill)
		q->spill = buf_alloc(cpu, BUF_MAX_BYTES);
	return q->spare && q->spill;
}

/* One frame; NULL with *again false when there is none, true when one came and was dropped. */
static struct sk_buff *read_one(struct cpu *cpu, struct fd_queue *q, bool *again)
{
	bool hdr = q->fp->flags & FD_PORT_VNET_HDR;
	struct virtio_net_hdr h;
	struct iovec iov[3] = { { &h, hdr ? sizeof(h) : 0 } };
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
	if (n <= 0) {
		if (n < 0 && errno == ENETDOWN) /* of an AF_PACKET socket: its device is down, and may come back */
			*again = true;
		else if (n == 0 || errno != EAGAIN)
			broke(q); /* EBADFD: the TAP was deleted; 0: the process at the other end died */
		return NULL;
	}
	*again = true;
	if ((size_t)n < iov[0].iov_len + ETH_HLEN)
		return NULL; /* cannot be: the kernel pads nothing and passes nothing shorter */
	q->spare = NULL;
	n -= (ssize_t)iov[0].iov_len;
	skb_put(skb, MIN((u32)n, LINEAR));
	if (n > LINEAR) {
		if (!skb_add_frag(skb, q->spill, 0, (u32)n - LINEAR)) {
			skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
			return NULL;
		}
		buf_put(cpu, q->spill);
		q->spill = NULL;
	}
	if (q->fp->flags & FD_PORT_INTACT)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (hdr && !vnet_hdr_take(skb, &h)) {
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_HDR);
		return NULL;
	}
	return skb;
}

unsigned fd_port_rx(struct cpu *cpu, struct port *p, unsigned qi, struct sk_buff **skbs, unsigned n)
{
	struct fd_queue *q = &((struct fd_port *)p->priv)->q[qi];
	unsigned got = 0;
	bool again = !q->broken;

	for (unsigned tries = 0; got < n && again && tries < 2 * n; tries++) {
		struct sk_buff *skb = read_one(cpu, q, &again);
		if (skb)
			skbs[got++] = skb;
	}
	return got;
}

bool fd_port_arm(struct cpu *cpu, struct port *p, unsigned qi)
{
	struct fd_queue *q = &((struct fd_port *)p->priv)->q[qi];

	if (!q->broken)
		watch(cpu, q, EPOLLIN);
	return false; /* what came in between raises the event at once */
}

/* -- send -- */

/* The other side is down, or not there any more. */
static bool gone(int e) { return e == EIO || e == EBADFD || e == ENETDOWN || e == ENXIO || e == EPIPE || e == ECONNRESET; }

unsigned fd_port_tx(struct cpu *cpu, struct port *p, unsigned qi, struct sk_buff **skbs, unsigned n)
{
	struct fd_queue *q = &((struct fd_port *)p->priv)->q[qi];

	for (unsigned i = 0; i < n; i++) {
		struct iovec iov[2 + MAX_SKB_FRAGS];
		struct sk_buff *skb = skbs[i];
		struct virtio_net_hdr h;
		unsigned niov;
		ssize_t r;

		iov[0] = (struct iovec){ &h, q->fp->flags & FD_PORT_VNET_HDR ? sizeof(h) : 0 };
		if (iov[0].iov_len)
			vnet_hdr_fill(skb, &h);
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
			if (errno == EPIPE || errno == ECONNRESET)
				broke(q);
			skb_drop(cpu, skb, gone(errno) ? SKB_DROP_REASON_NO_CARRIER :
					   errno == ENOMEM || errno == ENOBUFS ? SKB_DROP_REASON_NOMEM : SKB_DROP_REASON_DEV_HDR);
		}
	}
	return n;
}

/* -- life; all batons held -- */

int fd_port_start(struct port *p, struct nic *nic, unsigned queues)
{
	struct fd_port *fp = p->priv;

	if (queues > fp->nqueues)
		return -EINVAL;
	return __atomic_load_n(&fp->lost, __ATOMIC_RELAXED) ? -ENODEV : 0;
}

void fd_port_stop(struct port *p)
{
	struct fd_port *fp = p->priv;

	for (unsigned i = 0; i < fp->nqueues; i++)
		unwatch(&fp->q[i]);
}

void fd_port_free(struct port *p)
{
	struct fd_port *fp = p->priv;
	struct cpu *cpu = config_cpu(host_world(fp->host));

	fp->freed = true;
	for (unsigned i = 0; i < fp->nqueues; i++) {
		unwatch(&fp->q[i]);
		if (fp->q[i].spare)
			skb_consume(cpu, fp->q[i].spare);
		if (fp->q[i].spill)
			buf_put(cpu, fp->q[i].spill);
	}
	fd_port_put(fp);
}

unsigned fd_port_queues(const struct port *p) { return ((const struct fd_port *)p->priv)->nqueues; }
void fd_port_broke(struct port *p, unsigned q) { broke(&((struct fd_port *)p->priv)->q[q]); }
void fd_port_set_aux(struct port *p, void *aux, void (*free_aux)(void *aux))
{
	struct fd_port *fp = p->priv;

	fp->aux = aux;
	fp->free_aux = free_aux;
}
void *fd_port_aux(const struct port *p) { return ((const struct fd_port *)p->priv)->aux; }
int fd_port_fd(const struct port *p, unsigned q) { return ((const struct fd_port *)p->priv)->q[q].fd; }

int fd_port_new(struct host *h, const struct port_ops *ops, const int *fds, unsigned queues, unsigned flags, struct port **out)
{
	struct fd_port *fp = calloc(1, sizeof(*fp) + queues * sizeof(fp->q[0]));

	if (!fp)
		return -ENOMEM;
	fp->port = (struct port){ .ops = ops, .priv = fp };
	fp->host = h;
	fp->refs = 1;
	fp->nqueues = queues;
	fp->flags = flags;
	for (unsigned i = 0; i < queues; i++)
		fp->q[i] = (struct fd_queue){ .fp = fp, .index = (u16)i, .fd = fds[i] };
	*out = &fp->port;
	return 0;
}
