/* tun0: a device whose wire is the script. Raw IP packets, no link layer, and segmentation offload as on a tun device with a vnet
 * header: a packet is seen as TCP made it, before it is cut. */
#include "tests/packetdrill/pd.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

#include "core/cpu.h"
#include "link/netdevice.h"

struct sent {
	struct sent *next;
	long long time_us;
	size_t len;
	uint8_t bytes[];
};
struct pd_tun {
	struct net_device *dev;
	struct sent *first, **last;
	uint32_t rx_mss; /* --mss; 0: none */
};

static enum netdev_tx xmit(struct cpu *cpu, struct sk_buff *skb, struct net_device *dev, unsigned txq)
{
	struct pd_tun *t = pd.tun;
	struct sent *p = malloc(sizeof(*p) + skb->len);

	/* What the device would leave to hardware is done here, so that the script sees whole packets. */
	if (p && (skb->ip_summed != CHECKSUM_PARTIAL || skb_checksum_help(cpu, skb)) && skb_copy_bits(skb, 0, p->bytes, skb->len)) {
		*p = (struct sent){ .time_us = (long long)(cpu->now / 1000) + PD_EPOCH_US, .len = skb->len };
		*t->last = p;
		t->last = &p->next;
	} else {
		free(p);
	}
	dev->stats[cpu->id].tx_packets++;
	dev->stats[cpu->id].tx_bytes += skb->len;
	skb_consume(cpu, skb);
	return NETDEV_TX_OK;
}

static const struct netdev_ops ops = { .start_xmit = xmit };

static void setup(struct net_device *dev)
{
	u64 f = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO6 | NETIF_F_GSO_UDP_L4;
	dev->ops = &ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
	dev->mtu = 1500;
	dev->min_mtu = 68;
	dev->max_mtu = 65535;
	dev->tx_queue_len = 500;
	dev->features = f | NETIF_F_GSO | NETIF_F_LLTX;
	dev->hw_features = f;
	dev->wanted_features = f | NETIF_F_GSO | NETIF_F_GRO;
	dev->carrier = true;
}

static const struct link_kind kind = { .name = "tun", .setup = setup };

int pd_tun_new(const char *name, uint32_t mtu, uint32_t rx_mss, struct pd_tun **out)
{
	struct pd_tun *t = calloc(1, sizeof *t);
	struct net_device *dev = t ? dev_new(pd.net, &kind, name, 1, 1) : NULL;
	struct cpu *cpu = config_cpu(pd.w);
	int err = -ENOMEM;

	if (!dev)
		goto fail;
	t->last = &t->first;
	t->dev = dev;
	t->rx_mss = rx_mss;
	cpu_enter(cpu, cpu->now);
	err = dev_register(cpu, dev, 0);
	if (err)
		dev_free(dev);
	else
		err = dev_set_mtu(cpu, dev, mtu, NULL);
	cpu_leave(cpu);
	if (err)
		goto fail;
	*out = t;
	return weft_link_up(pd.net, name);
fail:
	free(t);
	return err;
}

/* What Linux's tun device charges for a packet of `len` bytes (x86-64; seen by SO_MEMINFO): the windows that scripts expect depend on
 * it. sk_buff, then a buffer of kmalloc's sizes with 66 bytes in front and 320 behind; or a page's worth and pages. */
static uint32_t linux_truesize(uint32_t len)
{
	static const uint32_t sizes[] = { 576, 1024, 2048, 4096, 8192 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		if (len + 66 + 320 <= sizes[i])
			return 256 + sizes[i];
	return 256 + 4096 + (len - (4096 - 384) + 4095) / 4096 * 4096;
}

/* --mss=N of the command line: a longer packet is one that the device merged, of segments of so many bytes. */
static void set_gso(struct pd_tun *t, struct sk_buff *skb)
{
	uint32_t hlen = skb->data[0] >> 4 == 6 ? 40 : (skb->data[0] & 15) * 4u;
	uint8_t proto = skb->data[skb->data[0] >> 4 == 6 ? 6 : 9];

	if (!t->rx_mss || proto != 6 || skb->len < hlen + 20)
		return;
	hlen += (skb->data[hlen + 12] >> 4) * 4u;
	if (skb->len <= hlen + t->rx_mss)
		return;
	skb->gso_size = (uint16_t)t->rx_mss;
	skb->gso_type = SKB_GSO_DODGY | (skb->data[0] >> 4 == 6 ? SKB_GSO_TCPV6 : SKB_GSO_TCPV4);
}

void pd_tun_inject(struct pd_tun *t, const void *packet, size_t len)
{
	struct cpu *cpu = config_cpu(pd.w);
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, (u32)len);

	if (!skb || !len)
		return;
	memcpy(skb_put(skb, (u32)len), packet, len);
	skb->dev = t->dev;
	skb->protocol = skb->data[0] >> 4 == 6 ? BE16(ETH_P_IPV6) : BE16(ETH_P_IP);
	skb_reset_mac_header(skb);
	skb->truesize = linux_truesize((uint32_t)len);
	set_gso(t, skb);
	t->dev->stats[cpu->id].rx_packets++;
	t->dev->stats[cpu->id].rx_bytes += len;
	cpu_enter(cpu, cpu->now);
	netif_receive(cpu, &skb, 1);
	cpu_leave(cpu);
}

bool pd_tun_pending(const struct pd_tun *t) { return t->first; }

bool pd_tun_take(struct pd_tun *t, void *buf, size_t *len, long long *time_us)
{
	struct sent *p = t->first;

	if (!p)
		return false;
	if (!(t->first = p->next))
		t->last = &t->first;
	*len = MIN(*len, p->len);
	memcpy(buf, p->bytes, *len);
	*time_us = p->time_us;
	free(p);
	return true;
}
