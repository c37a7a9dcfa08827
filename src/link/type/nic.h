/* The device kind `nic`: descriptor rings, queues, vectors and moderation over a port (link/port.h). What ethtool asks for. */
#ifndef LINK_TYPE_NIC_H
#define LINK_TYPE_NIC_H

#include "base/strbuf.h"
#include "core/world.h"
#include "link/gro.h"
#include "link/port.h"
#include "link/qdisc.h"

#define NIC_QUEUES_MAX 64
#define NIC_RING_MIN 64
#define NIC_RING_MAX 16384
#define NIC_RING_DEFAULT 1024
#define NIC_RSS_KEY 40
#define NIC_RSS_TABLE 128
#define NIC_RSS_INPUT 36 /* two IPv6 addresses and two ports */

struct nic_rss { /* nic_rss.c */
	u8 key[NIC_RSS_KEY];
	u8 table[NIC_RSS_TABLE];	 /* queue, by the hash's lowest bits */
	bool by_hand;		 /* an administrator set the table: it does not follow the number of queues */
	u32 lut[NIC_RSS_INPUT][256]; /* what each value of each input byte adds; from key */
};
/* 0x6d5a repeated: both directions of a flow get one hash. */
void nic_rss_init(struct nic_rss *r, unsigned queues);
void nic_rss_set_key(struct nic_rss *r, const u8 key[NIC_RSS_KEY]);
void nic_rss_spread(struct nic_rss *r, unsigned queues); /* the table's default: round robin */
/* Of a frame with its Ethernet header at data: addresses and, for unfragmented TCP and UDP, ports (*l4). 0: neither IPv4 nor IPv6. */
u32 nic_rss_hash(const struct nic_rss *r, const struct sk_buff *skb, bool *l4);

struct nic_queue_stats { u64 rx_packets, rx_bytes, rx_missed, tx_packets, tx_bytes, interrupts, polls, tx_stops, tx_full; };

struct nic_queue {
	struct nic *nic;
	unsigned index;
	struct cpu *cpu;	/* its vector's: receives here */
	bool bound;		/* to that cpu by an administrator; else it follows the namespace's home */
	struct napi napi;
	struct gro gro;
	struct cpu_call remote;	/* the port raised the interrupt from another cpu */
	/* moderation */
	struct timer irq_timer;
	u64 last_irq;		/* ns */
	u32 irqs[MAX_CPUS];	/* interrupts there were, by the cpu that took them */
	/* transmit: filled by start_xmit, emptied by the doorbell at the end of the step; home cpu */
	struct sk_buff **tx_slot; /* [nic->tx_ring] */
	u32 tx_head, tx_tail;	/* free running */
	bool tx_held;		/* the port took not all of it last time */
	struct cpu_work doorbell;
	struct nic_queue_stats stats;
};
struct nic {
	struct net_device *dev;
	struct port *port;
	unsigned queues;	/* in use */
	u32 rx_ring, tx_ring;	/* descriptors a queue */
	u32 rx_usecs;		/* interrupts of one vector come at least so far apart; 0: at once */
	bool started;
	unsigned irq;		/* number of its first vector: queue q's is irq + q */
	struct nic_rss rss;
	struct nic_queue q[NIC_QUEUES_MAX];
};

extern const struct link_kind link_kind_nic;
extern const struct ethtool_ops nic_ethtool; /* nic_ethtool.c */
static inline struct nic *nic_of(const struct net_device *dev) { return dev->priv; }
static inline bool dev_is_nic(const struct net_device *dev) { return dev->kind == &link_kind_nic; }

/* Configuration, all batons held; -EINVAL out of range, -ENOMEM. A nic that is up stops and starts again: what is in rings is lost. */
int nic_set_rings(struct cpu *cpu, struct net_device *dev, u32 rx, u32 tx);
int nic_set_queues(struct cpu *cpu, struct net_device *dev, unsigned queues);
int nic_set_vector(struct cpu *cpu, struct net_device *dev, unsigned q, struct cpu *to); /* which cpu q's interrupts go to */
void nic_set_coalesce(struct net_device *dev, u32 rx_usecs);
/* /proc/interrupts: a line for each vector in use of every nic of the world. All batons held. */
void nic_interrupts_show(struct world *w, struct strbuf *out); /* nic_irq.c */
unsigned nic_irq_choose(struct world *w, unsigned n); /* n vectors' numbers that no nic has: the first */

/* nic_rx.c, nic_tx.c: nic.c's other halves. */
int nic_poll(struct cpu *cpu, struct napi *napi, int budget);
void nic_irq_timer_fn(void *owner, struct timer *t);
void nic_remote_fn(struct cpu *cpu, struct cpu_call *call);
void nic_doorbell_fn(struct cpu *cpu, struct cpu_work *work);
enum netdev_tx nic_xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq);
void nic_tx_purge(struct cpu *cpu, struct nic_queue *q);

#endif
