/* The memory port: per queue two rings of packets, one producer and one consumer each.
 *
 * Towards the nic the ring has as many slots as the nic has rx descriptors: when the nic does not poll fast enough, frames are lost
 * here as on a card, and counted as rx_missed_errors. From the nic it has as many as there are tx descriptors; full means that the
 * nic's own ring fills, and its queue stops. Wired ports put what one sends into the other's receive ring at once.
 */
#include "base/mem.h"
#include "core/trace.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"

struct ring {
	u32 mask;	/* slots - 1; 0: not started */
	u32 head __cacheline_aligned; /* producer's, free running */
	u32 tail __cacheline_aligned; /* consumer's */
	struct sk_buff **slot;
};
struct mem_queue {
	struct ring rx, tx; /* as the nic sees it */
	bool armed;	    /* the nic wants an interrupt; atomic */
};
struct mem_port {
	struct port port;
	struct mem *mem;
	struct mem_port *peer; /* NULL: not wired */
	unsigned queues;       /* 0: stopped */
	struct mem_queue *q;   /* [queues] */
};

static struct mem_port *of(struct port *p) { return container_of(p, struct mem_port, port); }

static unsigned ring_put(struct ring *r, struct sk_buff **skbs, unsigned n)
{
	u32 head = r->head, room = r->mask + 1 - (head - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE));
	n = MIN(n, room);
	for (unsigned i = 0; i < n; i++)
		r->slot[(head + i) & r->mask] = skbs[i];
	__atomic_store_n(&r->head, head + n, __ATOMIC_RELEASE);
	return n;
}

static unsigned ring_take(struct ring *r, struct sk_buff **skbs, unsigned n)
{
	u32 tail = r->tail, there = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE) - tail;
	n = MIN(n, there);
	for (unsigned i = 0; i < n; i++) {
		skbs[i] = r->slot[(tail + i) & r->mask];
		prefetch(skbs[i]);
		prefetch((u8 *)skbs[i] + CACHELINE);
	}
	__atomic_store_n(&r->tail, tail + n, __ATOMIC_RELEASE);
	return n;
}

static bool ring_empty(const struct ring *r)
{
	return __atomic_load_n(&r->head, __ATOMIC_ACQUIRE) == __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
}

static void rings_free(struct mem_port *m)
{
	struct cpu *cpu = config_cpu(m->port.nic->dev->net->world);
	for (unsigned i = 0; i < m->queues; i++) {
		struct sk_buff *skb;
		while (m->q[i].rx.slot && ring_take(&m->q[i].rx, &skb, 1)) {
			skb->dev = m->port.nic->dev;
			skb_drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
		}
		while (m->q[i].tx.slot && ring_take(&m->q[i].tx, &skb, 1))
			skb_consume(cpu, skb);
		mem_free(m->mem, m->q[i].rx.slot);
		mem_free(m->mem, m->q[i].tx.slot);
	}
	mem_free(m->mem, m->q);
	m->q = NULL;
	m->queues = 0;
}

static int start(struct port *p, struct nic *nic, unsigned queues)
{
	struct mem_port *m = of(p);
	m->q = mem_alloc_aligned(m->mem, CACHELINE, queues * sizeof(*m->q));
	if (!m->q)
		return -ENOMEM;
	memset(m->q, 0, queues * sizeof(*m->q));
	m->queues = queues;
	for (unsigned i = 0; i < queues; i++) {
		struct mem_queue *q = &m->q[i];
		q->rx.slot = mem_alloc(m->mem, nic->rx_ring * sizeof(struct sk_buff *));
		q->tx.slot = mem_alloc(m->mem, nic->tx_ring * sizeof(struct sk_buff *));
		if (!q->rx.slot || !q->tx.slot) {
			rings_free(m);
			return -ENOMEM;
		}
		q->rx.mask = nic->rx_ring - 1;
		q->tx.mask = nic->tx_ring - 1;
	}
	return 0;
}

static void stop(struct port *p) { rings_free(of(p)); }

static void free_port(struct port *p)
{
	struct mem_port *m = of(p);
	if (m->peer)
		m->peer->peer = NULL;
	mem_free(m->mem, m);
}

static unsigned rx(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n)
{
	return ring_take(&of(p)->q[q].rx, skbs, n);
}

static void raise(struct cpu *cpu, struct mem_port *m, unsigned q)
{
	/* The exchange also orders the frames before the look: either this sees the arming, or arm() sees the frames. */
	if (__atomic_exchange_n(&m->q[q].armed, false, __ATOMIC_SEQ_CST))
		nic_rx_ready(cpu, m->port.nic, q);
}

/* Into one of m's receive rings; consumes all. */
static unsigned deliver(struct cpu *cpu, struct mem_port *m, unsigned q, struct sk_buff **skbs, unsigned n)
{
	unsigned taken = ring_put(&m->q[q].rx, skbs, n);
	for (unsigned i = taken; i < n; i++)
		nic_rx_missed(cpu, m->port.nic, q, skbs[i]);
	if (taken)
		raise(cpu, m, q);
	return taken;
}

static unsigned tx(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n)
{
	struct mem_port *m = of(p), *peer = m->peer;
	if (!peer)
		return ring_put(&m->q[q].tx, skbs, n);
	for (unsigned i = 0; i < n; i++) {
		skb_orphan(cpu, skbs[i]);
		skb_scrub(cpu, skbs[i], true);
		skbs[i]->dev = NULL;
		skbs[i]->hash = 0;
	}
	if (peer->queues) {
		deliver(cpu, peer, q % peer->queues, skbs, n);
	} else {
		for (unsigned i = 0; i < n; i++) {
			skbs[i]->dev = peer->port.nic ? peer->port.nic->dev : m->port.nic->dev;
			skb_drop(cpu, skbs[i], SKB_DROP_REASON_DEV_READY);
		}
	}
	return n;
}

static bool arm(struct cpu *cpu, struct port *p, unsigned q)
{
	struct mem_queue *mq = &of(p)->q[q];
	__atomic_store_n(&mq->armed, true, __ATOMIC_SEQ_CST);
	if (ring_empty(&mq->rx))
		return false;
	__atomic_store_n(&mq->armed, false, __ATOMIC_SEQ_CST);
	return true;
}

static const struct port_ops ops = {
	.name = "memory",
	.max_queues = NIC_QUEUES_MAX,
	.caps = PORT_CAP_VNET_HDR,
	.start = start,
	.stop = stop,
	.free = free_port,
	.rx = rx,
	.tx = tx,
	.arm = arm,
};

int mem_port_new(struct mem *mem, struct port **out)
{
	struct mem_port *m = mem_zalloc(mem, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->mem = mem;
	m->port.ops = &ops;
	*out = &m->port;
	return 0;
}

static unsigned pick(struct mem_port *m, unsigned q, const struct sk_buff *skb)
{
	bool l4;
	if (q != MEM_PORT_RSS)
		return q;
	return m->port.nic->rss.table[nic_rss_hash(&m->port.nic->rss, skb, &l4) % NIC_RSS_TABLE];
}

unsigned mem_port_inject(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n)
{
	struct mem_port *m = of(p);
	unsigned taken = 0;
	if (!m->queues) {
		for (unsigned i = 0; i < n; i++) {
			skbs[i]->dev = p->nic->dev;
			skb_drop(cpu, skbs[i], SKB_DROP_REASON_DEV_READY);
		}
		return 0;
	}
	if (q != MEM_PORT_RSS)
		return deliver(cpu, m, q, skbs, n);
	for (unsigned i = 0; i < n; i++)
		taken += deliver(cpu, m, pick(m, q, skbs[i]), skbs + i, 1);
	return taken;
}

int mem_port_inject_bytes(struct cpu *cpu, struct port *p, unsigned q, const void *frame, size_t len)
{
	struct sk_buff *skb = len <= BUF_MAX_BYTES - SKB_HEADROOM - NET_IP_ALIGN
				      ? skb_alloc(cpu, SKB_HEADROOM + NET_IP_ALIGN, (u32)len)
				      : NULL;
	if (!skb)
		return -ENOMEM;
	memcpy(skb_put(skb, (u32)len), frame, len);
	return mem_port_inject(cpu, p, q, &skb, 1) ? 0 : -ENOBUFS;
}

unsigned mem_port_collect(struct cpu *cpu, struct port *p, unsigned q, struct sk_buff **skbs, unsigned n)
{
	struct mem_port *m = of(p);
	if (q >= m->queues)
		return 0;
	n = ring_take(&m->q[q].tx, skbs, n);
	if (n)
		nic_tx_ready(cpu, p->nic, q);
	return n;
}

void mem_port_wire(struct port *a, struct port *b)
{
	of(a)->peer = of(b);
	of(b)->peer = of(a);
}
