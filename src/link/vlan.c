/* VLAN tags of packets on their way up and down, and the way from a tagged packet to its VLAN device. IEEE 802.1Q; linux/if_vlan.h.
 *
 * Up: rx.c takes the outer tag out of the frame (unless hardware did) and asks vlan_receive(), again for each tag of a stacked frame.
 * Down: a VLAN device puts its tag beside the packet; tx.c calls vlan_insert() for devices without NETIF_F_HW_VLAN_TX.
 */
#include <linux/if_vlan.h>

#include "base/mem.h"
#include "codec/wire/checksum.h"
#include "core/stack_tables.h"
#include "core/trace.h"
#include "link/vlan.h"
#include "link/vlan_reg.h"

static unsigned chunk_of(const struct vlan_dev *v) { return v->id >> 9 & 7; }
static unsigned proto_of(const struct vlan_dev *v) { return be16_eq(v->proto, BE16(ETH_P_8021AD)); }

int vlan_group_add(struct net_device *real, struct net_device *dev)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	struct mem *mem = &real->net->world->mem;
	struct vlan_group *g = real->vlans;
	struct net_device ***c;
	int err = -ENOMEM;
	if (!g) {
		g = mem_zalloc(mem, sizeof(*g));
		if (!g)
			return -ENOMEM;
	}
	c = &g->chunk[proto_of(v)][chunk_of(v)];
	if (!*c)
		*c = mem_zalloc(mem, 512 * sizeof(**c));
	if (*c && !real->vlans)
		err = vlan_reg_begin(real);
	if (!*c || (err && !real->vlans)) {
		if (!real->vlans) {
			mem_free(mem, *c);
			mem_free(mem, g);
		}
		return err;
	}
	(*c)[v->id & 511] = dev;
	g->count++;
	v->listed = true;
	ptr_publish(real->vlans, g);
	return 0;
}

void vlan_group_del(struct net_device *real, struct net_device *dev)
{
	struct vlan_dev *v = vlan_dev_of(dev);
	struct mem *mem = &real->net->world->mem;
	struct vlan_group *g = real->vlans;
	if (!v->listed)
		return;
	v->listed = false;
	g->chunk[proto_of(v)][chunk_of(v)][v->id & 511] = NULL;
	if (--g->count)
		return;
	vlan_reg_end(config_cpu(real->net->world), real);
	ptr_publish(real->vlans, NULL);
	for (unsigned p = 0; p < 2; p++)
		for (unsigned i = 0; i < 8; i++)
			mem_free(mem, g->chunk[p][i]);
	mem_free(mem, g);
}

/* Moves the two addresses by the length of a tag, towards the network header or away from it. */
static void move_addrs(u8 *mac, int by) { memmove(mac + by, mac, 2 * ETH_ADDR_LEN); }

struct sk_buff *vlan_untag(struct cpu *cpu, struct sk_buff *skb)
{
	const struct vlan_hdr *h;
	u16 type;
	if (unlikely(!pskb_may_pull(cpu, skb, VLAN_HDR_LEN) || skb->mac_header == SKB_OFF_UNSET))
		goto drop;
	/* The addresses are in front of data: they move, so these bytes must be ours. */
	skb_push(skb, skb_headroom(skb) - skb->mac_header);
	if (unlikely(!skb_cow_head(cpu, skb, 0) || !pskb_may_pull(cpu, skb, ETH_HDR_LEN + VLAN_HDR_LEN)))
		goto drop;
	h = (const struct vlan_hdr *)(skb->data + ETH_HDR_LEN);
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_sub(skb->csum, csum_partial(h, VLAN_HDR_LEN, 0));
	skb->vlan_proto = skb->protocol;
	skb->vlan_tci = be16_to_cpu(h->tci);
	type = be16_to_cpu(h->type);
	skb->protocol = h->type;
	move_addrs(skb->data, VLAN_HDR_LEN);
	skb_pull(skb, VLAN_HDR_LEN);
	skb_reset_mac_header(skb);
	skb_pull(skb, ETH_HDR_LEN);
	skb->mac_len = ETH_HDR_LEN;
	if (unlikely(type < ETH_TYPE_MIN)) /* a length: what 802.2 says, or Novell's frames that begin with ones */
		skb->protocol = skb_headlen(skb) >= 2 && skb->data[0] == 0xff && skb->data[1] == 0xff ? BE16(ETH_P_802_3) : BE16(ETH_P_802_2);
	return skb;
drop:
	skb->dev->stats[cpu->id].rx_dropped++;
	skb_drop(cpu, skb, SKB_DROP_REASON_HDR_TRUNC);
	return NULL;
}

bool vlan_insert(struct cpu *cpu, struct sk_buff *skb)
{
	struct vlan_hdr *h;
	if (unlikely(!pskb_may_pull(cpu, skb, ETH_HDR_LEN) || !skb_cow_head(cpu, skb, VLAN_HDR_LEN)))
		return false;
	skb_push(skb, VLAN_HDR_LEN);
	memmove(skb->data, skb->data + VLAN_HDR_LEN, 2 * ETH_ADDR_LEN);
	skb_reset_mac_header(skb);
	((struct eth_hdr *)skb->data)->type = skb->vlan_proto;
	h = (struct vlan_hdr *)(skb->data + ETH_HDR_LEN);
	h->tci = cpu_to_be16(skb->vlan_tci); /* h->type: the frame's own, which has not moved */
	skb->protocol = skb->vlan_proto;
	skb->vlan_proto = (be16){ 0 };
	skb->vlan_tci = 0;
	return true;
}

be16 vlan_inner_protocol(const struct sk_buff *skb)
{
	be16 t = skb->protocol;
	if (likely(!eth_type_is_vlan(t)) || skb->network_header == SKB_OFF_UNSET || skb->network_header < 2)
		return t;
	memcpy(&t, skb->head + skb->network_header - 2, 2);
	return t;
}

u16 vlan_egress_bits(const struct vlan_dev *v, u32 priority)
{
	for (const struct vlan_egress *e = v->egress[priority & (VLAN_EGRESS_BUCKETS - 1)]; e; e = e->next)
		if (e->priority == priority)
			return e->tci_bits;
	return 0;
}

/* A device that keeps the tag in the frame (reorder_hdr off), for those who look at the bytes. */
static bool put_back(struct cpu *cpu, struct sk_buff *skb)
{
	be16 inner = skb->protocol;
	skb_push(skb, skb_headroom(skb) - skb->mac_header);
	if (!vlan_insert(cpu, skb))
		return false;
	skb->protocol = inner;
	skb_pull(skb, ETH_HDR_LEN + VLAN_HDR_LEN);
	skb->mac_len = ETH_HDR_LEN + VLAN_HDR_LEN;
	return true;
}

bool vlan_receive(struct cpu *cpu, struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct net_device *dev = vlan_find(ptr_load(skb->dev->vlans), skb->vlan_proto, skb->vlan_tci & VLAN_VID_MASK);
	const struct vlan_dev *v;
	struct dev_stats *s;
	if (!dev)
		return false;
	if (unlikely(!dev_running(dev))) {
		skb_drop(cpu, skb, SKB_DROP_REASON_DEV_READY);
		*pskb = NULL;
		return false;
	}
	v = vlan_dev_of(dev);
	skb->dev = dev;
	if (skb->pkt_type == PACKET_OTHERHOST && eth_addr_eq(((struct eth_hdr *)skb_mac_header(skb))->dst, dev->dev_addr))
		skb->pkt_type = PACKET_HOST; /* its address need not be the real device's */
	skb->priority = v->ingress[skb->vlan_tci >> VLAN_PRIO_SHIFT];
	s = &dev->stats[cpu->id];
	if (unlikely(!(v->flags & VLAN_FLAG_REORDER_HDR)) && !dev->rx_handler && !put_back(cpu, skb)) {
		s->rx_errors++;
		skb_drop(cpu, skb, SKB_DROP_REASON_NOMEM);
		*pskb = NULL;
		return false;
	}
	skb->vlan_proto = (be16){ 0 };
	skb->vlan_tci = 0;
	s->rx_packets++;
	s->rx_bytes += skb->len;
	s->multicast += skb->pkt_type == PACKET_MULTICAST;
	if (unlikely(dev->net->home != cpu)) {
		skb_orphan(cpu, skb);
		cpu_backlog_add(cpu, dev->net->home, skb);
		*pskb = NULL;
		return false;
	}
	return true;
}
