/* The register vif's device, pimreg: what goes out by it is shown to the routing program (which sends it to the rendezvous point in a
 * register message, RFC 7761 section 4.4), and what such messages carry comes in by it.
 */
#include <net/if_arp.h>
#include <stdio.h>

#include "core/trace.h"
#include "inet/mroute/mroute.h"
#include "inet/inet.h"
#include "inet/route/fib.h"

#ifndef ARPHRD_PIMREG
#define ARPHRD_PIMREG 779
#endif

/* A packet that a route leads here. */
static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	const struct mr_family *f = be16_eq(skb->protocol, BE16(0x0800)) ? dev->net->mroute->v4 : dev->net->mroute->v6;
	struct mr_table *t = mr_table_of(cpu, dev->net, f, 1, dev->ifindex, skb->mark);
	if (t) {
		dev->stats[cpu->id].tx_packets++;
		dev->stats[cpu->id].tx_bytes += skb->len;
		mr_tell(cpu, t, skb, (u32)t->reg_vif, MR_WHOLEPKT);
	}
	skb_drop_net(cpu, dev->net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
	return NETDEV_TX_OK;
}

static int no_link(const struct net_device *dev) { return 0; }

static const struct netdev_ops ops = { .start_xmit = xmit, .iflink = no_link };

struct net_device *mr_register_dev(struct cpu *cpu, struct mr_table *t)
{
	const struct mr_family *f = t->ops;
	char name[DEV_NAME_SIZE];
	struct net_device *dev;
	if (t->id == f->default_table)
		snprintf(name, sizeof(name), "%s", f->reg_name);
	else
		snprintf(name, sizeof(name), "%s%u", f->reg_name, t->id % 100000000u);
	dev = dev_new(t->net, NULL, name, 1, 1);
	if (!dev)
		return NULL;
	dev->ops = &ops;
	dev->type = ARPHRD_PIMREG;
	dev->mtu = f->reg_mtu;
	dev->max_mtu = 0xffffffff;
	dev->noqueue = true;
	dev->flags = IFF_NOARP;
	dev->features |= NETIF_F_NETNS_LOCAL;
	if (dev_register(cpu, dev, 0)) {
		dev_free(dev);
		return NULL;
	}
	if (!f->dev_ready(dev) || dev_change_flags(cpu, dev, dev_get_flags(dev) | IFF_UP, NULL)) {
		dev_unregister(cpu, dev);
		return NULL;
	}
	return dev;
}

void mr_register_rx(struct cpu *cpu, struct mr_table *t, struct sk_buff *skb, be16 protocol)
{
	struct net_device *dev = t->reg_vif >= 0 ? t->vif[t->reg_vif].dev : NULL;
	if (!dev) {
		skb_drop_net(cpu, t->net, skb, SKB_DROP_REASON_NOT_SPECIFIED);
		return;
	}
	skb_scrub(cpu, skb, false);
	skb->mac_header = skb->network_header;
	skb_reset_network_header(skb);
	skb->protocol = protocol;
	skb->ip_summed = CHECKSUM_NONE;
	skb->dev = dev;
	skb->skb_iif = dev->ifindex;
	skb->pkt_type = PACKET_HOST;
	dev->stats[cpu->id].rx_packets++;
	dev->stats[cpu->id].rx_bytes += skb->len;
	cpu_backlog_add(cpu, t->net->home, skb);
}
