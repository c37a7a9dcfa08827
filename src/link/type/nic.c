/* nic: a network card whose wire is a port.
 *
 *	wire -> port -> rx ring -> interrupt of the queue's vector -> NAPI poll (nic_rx.c) -> GRO -> netif_receive
 *	qdisc -> nic_xmit (nic_tx.c) -> tx ring -> doorbell at the end of the step -> port -> wire
 *
 * This file is the device: making it, up and down, what may be configured. A nic is made by the host (nic_new), not by netlink, and
 * cannot be deleted by it, like hardware; it outlives its namespace by going back to the first one. ethtool(8).
 */
#include "base/mem.h"
#include "codec/wire/eth.h"
#include "link/netns_dev.h"
#include "link/type/nic.h"

static void queue_init(struct nic *nic, unsigned i, struct cpu *vector)
{
	struct nic_queue *q = &nic->q[i];
	*q = (struct nic_queue){ .nic = nic, .index = i, .cpu = vector };
	gro_init(&q->gro);
	q->napi = (struct napi){ .dev = nic->dev, .poll = nic_poll, .gro = &q->gro, .priv = q };
	list_init(&q->napi.poll_link);
	list_init(&q->doorbell.link);
	q->doorbell.fn = nic_doorbell_fn;
	q->remote.fn = nic_remote_fn;
	timer_init(&q->irq_timer, nic_irq_timer_fn);
}

static void free_rings(struct mem *mem, struct nic *nic)
{
	for (unsigned i = 0; i < NIC_QUEUES_MAX; i++) {
		mem_free(mem, nic->q[i].tx_slot);
		nic->q[i].tx_slot = NULL;
	}
}

static int alloc_rings(struct mem *mem, struct nic *nic)
{
	for (unsigned i = 0; i < nic->queues; i++) {
		nic->q[i].tx_slot = mem_alloc(mem, nic->tx_ring * sizeof(struct sk_buff *));
		if (!nic->q[i].tx_slot) {
			free_rings(mem, nic);
			return -ENOMEM;
		}
		nic->q[i].tx_head = nic->q[i].tx_tail = 0;
	}
	return 0;
}

static int start(struct cpu *cpu, struct nic *nic)
{
	struct net_device *dev = nic->dev;
	int err = alloc_rings(cpu_mem(cpu), nic);
	if (err)
		return err;
	for (unsigned i = 0; i < NIC_QUEUES_MAX; i++)
		if (!nic->q[i].bound)
			nic->q[i].cpu = dev->net->home;
	err = nic->port->ops->start ? nic->port->ops->start(nic->port, nic, nic->queues) : 0;
	if (err) {
		free_rings(cpu_mem(cpu), nic);
		return err;
	}
	nic->started = true;
	if (nic->port->ops->offloads)
		nic->port->ops->offloads(nic->port, dev->features);
	for (unsigned i = 0; i < nic->queues; i++)
		dev->txq[i].stopped = false;
	/* What is on the wire already raises the first interrupt. */
	for (unsigned i = 0; i < nic->queues; i++)
		if (nic->port->ops->arm && nic->port->ops->arm(nic->q[i].cpu, nic->port, i))
			nic_rx_ready(nic->q[i].cpu, nic, i);
	return 0;
}

static void halt(struct cpu *cpu, struct nic *nic)
{
	if (!nic->started)
		return;
	nic->started = false;
	if (nic->port->ops->stop)
		nic->port->ops->stop(nic->port);
	for (unsigned i = 0; i < nic->queues; i++) {
		struct nic_queue *q = &nic->q[i];
		napi_unschedule(&q->napi);
		timer_cancel(&q->irq_timer);
		gro_purge(cpu, &q->gro);
		list_del(&q->doorbell.link);
		nic_tx_purge(cpu, q);
	}
	free_rings(cpu_mem(cpu), nic);
}

static int open(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	struct nic *nic = nic_of(dev);
	int err = start(cpu, nic);
	/* A port that knows better says so by nic_set_carrier. */
	if (!err)
		dev_set_carrier(cpu, dev, true);
	return err;
}

static void stop(struct net_device *dev)
{
	struct cpu *cpu = config_cpu(dev->net->world);
	halt(cpu, nic_of(dev));
	dev_set_carrier(cpu, dev, false);
}

void nic_set_carrier(struct cpu *cpu, struct nic *nic, bool on)
{
	if (dev_running(nic->dev))
		dev_set_carrier(cpu, nic->dev, on);
}

static int set_features(struct net_device *dev, u64 features)
{
	struct nic *nic = nic_of(dev);
	if (nic->started && nic->port->ops->offloads)
		nic->port->ops->offloads(nic->port, features);
	return 0;
}

static void uninit(struct net_device *dev)
{
	struct nic *nic = nic_of(dev);
	halt(config_cpu(dev->net->world), nic);
	for (unsigned i = 0; i < NIC_QUEUES_MAX; i++)
		assert(!nic->q[i].remote.queued);
}

static void free_priv(struct net_device *dev)
{
	struct nic *nic = nic_of(dev);
	if (nic->port) {
		nic->port->ops->free(nic->port);
		nic->port = NULL;
	}
}

/* Transmit goes through the flow's queue. */
static unsigned select_queue(struct cpu *cpu, struct net_device *dev, struct sk_buff *skb)
{
	struct nic *nic = nic_of(dev);
	u32 hash = skb->hash;
	bool l4;
	if (!hash)
		hash = nic_rss_hash(&nic->rss, skb, &l4);
	return nic->rss.table[hash % NIC_RSS_TABLE];
}

static const struct netdev_ops ops = {
	.open = open,
	.stop = stop,
	.uninit = uninit,
	.free = free_priv,
	.start_xmit = nic_xmit,
	.set_mac = eth_mac_addr,
	.set_features = set_features,
	.select_queue = select_queue,
};

static void setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->ops = &ops;
	dev->ethtool_ops = &nic_ethtool;
	dev->max_mtu = 65521;
	dev->live_addr_change = true;
	dev->unicast_filter = true;
	dev->carrier = false;
}

const struct link_kind link_kind_nic = { .name = "nic", .priv_size = sizeof(struct nic), .setup = setup };

static bool ring_ok(u32 n) { return n >= NIC_RING_MIN && n <= NIC_RING_MAX && !(n & (n - 1)); }

int nic_new(struct cpu *cpu, struct netns *net, const char *name, struct port *port, const struct nic_config *cfg,
	    struct net_device **out)
{
	unsigned queues = cfg->queues ? cfg->queues : 1;
	u32 rx = cfg->rx_ring ? cfg->rx_ring : NIC_RING_DEFAULT, tx = cfg->tx_ring ? cfg->tx_ring : NIC_RING_DEFAULT;
	u64 offloads = NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_TSO_ECN | NETIF_F_TSO_MANGLEID | NETIF_F_GSO_UDP_L4;
	struct net_device *dev;
	struct nic *nic;
	int err;
	if (queues > NIC_QUEUES_MAX || queues > MAX(port->ops->max_queues, 1u) || !ring_ok(rx) || !ring_ok(tx) ||
	    (cfg->mtu && (cfg->mtu < 68 || cfg->mtu > 65521)) || (cfg->mac && !eth_addr_is_valid(cfg->mac)))
		return -EINVAL;
	dev = dev_new(net, &link_kind_nic, name, queues, queues);
	if (!dev)
		return -ENOMEM;
	nic = nic_of(dev);
	nic->dev = dev;
	nic->queues = queues;
	nic->irq = nic_irq_choose(cpu->world, queues);
	nic->rx_ring = rx;
	nic->tx_ring = tx;
	for (unsigned i = 0; i < NIC_QUEUES_MAX; i++)
		queue_init(nic, i, net->home);
	nic_rss_init(&nic->rss, queues);
	if (cfg->mtu)
		dev->mtu = cfg->mtu;
	if (cfg->mac)
		memcpy(dev->dev_addr, cfg->mac, ETH_ADDR_LEN);
	else
		eth_random_addr(cpu, dev->dev_addr);
	dev->addr_assign_type = cfg->mac ? 0 : 1; /* NET_ADDR_PERM, NET_ADDR_RANDOM */
	memcpy(dev->perm_addr, dev->dev_addr, ETH_ADDR_LEN);
	dev->hw_features = NETIF_F_SG | NETIF_F_RXCSUM | NETIF_F_RXHASH;
	if (port->ops->caps & PORT_CAP_VNET_HDR)
		dev->hw_features |= offloads;
	dev->vlan_features = dev->hw_features & ~(u64)(NETIF_F_RXCSUM | NETIF_F_RXHASH);
	dev->hw_features |= NETIF_F_HW_VLAN_TX | NETIF_F_HW_VLAN_RX | NETIF_F_HW_VLAN_STAG_TX | NETIF_F_HW_VLAN_STAG_RX;
	/* A hash costs time here, and is of use where it chooses among queues. */
	dev->features = (dev->hw_features & ~(u64)(queues > 1 ? 0 : NETIF_F_RXHASH)) | NETIF_F_HIGHDMA;
	dev->wanted_features = NETIF_F_GRO;
	nic->port = port;
	port->nic = nic;
	err = dev_register(cpu, dev, 0);
	if (err) {
		nic->port = NULL;
		port->nic = NULL;
		dev_free(dev);
		return err;
	}
	*out = dev;
	return 0;
}

/* Changes what needs the rings to be empty. */
static int restart(struct cpu *cpu, struct nic *nic, bool was_up)
{
	int err = was_up ? start(cpu, nic) : 0;
	if (err)
		dev_set_carrier(cpu, nic->dev, false);
	return err;
}

int nic_set_rings(struct cpu *cpu, struct net_device *dev, u32 rx, u32 tx)
{
	struct nic *nic = nic_of(dev);
	bool was_up = nic->started;
	if (!ring_ok(rx) || !ring_ok(tx))
		return -EINVAL;
	halt(cpu, nic);
	nic->rx_ring = rx;
	nic->tx_ring = tx;
	return restart(cpu, nic, was_up);
}

int nic_set_queues(struct cpu *cpu, struct net_device *dev, unsigned queues)
{
	struct nic *nic = nic_of(dev);
	bool was_up = nic->started;
	if (!queues || queues > dev->num_rx_queues)
		return -EINVAL;
	halt(cpu, nic);
	nic->queues = dev->real_tx_queues = dev->real_rx_queues = queues;
	if (!nic->rss.by_hand)
		nic_rss_spread(&nic->rss, queues);
	return restart(cpu, nic, was_up);
}

int nic_set_vector(struct cpu *cpu, struct net_device *dev, unsigned q, struct cpu *to)
{
	struct nic *nic = nic_of(dev);
	bool was_up = nic->started;
	if (q >= dev->num_rx_queues)
		return -EINVAL;
	halt(cpu, nic);
	nic->q[q].cpu = to;
	nic->q[q].bound = true;
	return restart(cpu, nic, was_up);
}

void nic_set_coalesce(struct net_device *dev, u32 rx_usecs) { nic_of(dev)->rx_usecs = rx_usecs; }
