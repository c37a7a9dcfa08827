/* Fuzz: frames from a wire, as a hostile peer would send them, through a nic's receive path: hash, Ethernet, GRO buckets, taps, delivery.
 * The input is a sequence of: length (2 bytes), flags (1 byte), bytes of the frame. What comes up is looked at as ARP, cut when it is
 * marked as GSO, and sent out again.
 */
#include <stdlib.h>

#include "codec/wire/arp.h"
#include "codec/wire/ip4hdr.h"
#include "core/stack_tables.h"
#include "link/gro.h"
#include "link/l3_proto.h"
#include "link/netns_dev.h"
#include "link/qdisc.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct cpu *cpu, struct netns *net, struct sk_buff **skbs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct sk_buff *skb = skbs[i];
		u32 len = MIN(skb->len, 64u);
		struct arp_view v;
		if (pskb_may_pull(cpu, skb, len) && arp_ip4_parse(skb->data, len, 6, &v) && v.sha[0] == 0xff && v.tha[5] == v.sha[5])
			skb->mark = v.sip.raw;
		if (skb->dev->header_ops->create(cpu, skb, skb->dev, be16_to_cpu(skb->protocol), NULL, NULL)) {
			skb_drop(cpu, skb, SKB_DROP_REASON_DEV_HDR);
			continue;
		}
		dev_queue_xmit(cpu, skb);
	}
}

/* Merges whatever follows an equal first 20 bytes: the merging itself is what is tried here. */
static struct sk_buff *gro(struct cpu *cpu, struct skb_list *held, struct sk_buff *skb)
{
	if (skb->len <= IP4_HDR_LEN || !pskb_may_pull(cpu, skb, IP4_HDR_LEN)) {
		GRO_CB(skb)->flush = 1;
		return NULL;
	}
	skb->transport_header = skb->network_header + IP4_HDR_LEN;
	gro_csum_ok(skb, IP4_HDR_LEN, skb->len - IP4_HDR_LEN, 0);
	for (struct sk_buff *p = held->first; p; p = p->next)
		if (GRO_CB(p)->same_flow && !memcmp(p->data, skb->data, 4))
			return gro_merge(cpu, p, skb, IP4_HDR_LEN) && skb->data[1] & 1 ? NULL : p;
	return NULL;
}
static void complete(struct cpu *cpu, struct sk_buff *skb, u32 nhoff)
{
	skb->gso_size = 100;
	skb->gso_type = SKB_GSO_TCPV4;
}
static int segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out)
{
	int err = gso_cut(cpu, skb, MIN(skb_headlen(skb), (u32)IP4_HDR_LEN), features & NETIF_F_SG, out);
	if (!err)
		skb_consume(cpu, skb);
	return err;
}

static const struct l3_proto ip = { .ethertype = ETH_P_IP, .rx = take, .gro_receive = gro, .gro_complete = complete, .gso_segment = segment };
static const struct l3_proto arp = { .ethertype = ETH_P_ARP, .rx = take };
static const struct l3_proto *const protos[] = { &ip, &arp, NULL };
static const struct subsys *const subsys[] = { &dev_subsys, &loopback_subsys, NULL };
static const struct stack_tables tables = { .subsys = subsys, .link_kinds = link_kinds_builtin, .qdiscs = qdiscs_builtin, .l3_protos = protos,
					    .backlog_rx = link_backlog_rx, .dev_netns = link_dev_netns };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &tables };
	struct nic_config nc = { .mac = (u8[]){ 2, 0, 0, 0, 0, 1 } };
	struct net_device *dev;
	struct port *port;
	struct netns *net;
	struct world *w;
	struct sk_buff *skb;
	if (world_new(&cfg, &w))
		return 0;
	struct cpu *cpu = config_cpu(w);
	if (netns_new(w, "f", 0, &net) || mem_port_new(&w->mem, &port) || nic_new(cpu, net, "eth0", port, &nc, &dev))
		abort();
	dev_set_features(cpu, dev, dev->features | NETIF_F_RXHASH);
	dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL);
	while (size > 3) {
		size_t len = (size_t)(data[0] | data[1] << 8) % 2048;
		u8 flags = data[2];
		data += 3;
		size -= 3;
		len = MIN(len, size);
		u8 bytes[2048];
		memcpy(bytes, data, len);
		if (flags & 2 && len >= 14) { /* to us, of a protocol that is there */
			eth_build((struct eth_hdr *)bytes, nc.mac, nc.mac, flags & 4 ? ETH_P_ARP : ETH_P_IP);
			if (flags & 8 && len >= 40)
				memcpy(bytes + 14, "\x45\0\0\x64\0\0\0\0\x40\x11", 10);
		}
		if (flags & 1) { /* the frame's end in a fragment of its own */
			struct buf *b = buf_alloc(cpu, 2048);
			skb = skb_alloc(cpu, SKB_HEADROOM, 2048);
			if (!b || !skb)
				abort();
			size_t head = (flags >> 1) % (len + 1);
			memcpy(skb_put(skb, (u32)head), bytes, head);
			memcpy(b->data, bytes + head, len - head);
			if (len > head)
				skb_add_frag(skb, b, 0, (u32)(len - head));
			buf_put(cpu, b);
			if (flags & 0x80) {
				skb->gso_size = (u16)(len / 3);
				skb->gso_type = SKB_GSO_TCPV4 | SKB_GSO_DODGY;
				skb->ip_summed = CHECKSUM_PARTIAL;
				skb->csum_start = (u16)(skb->data - skb->head + flags);
				skb->csum_offset = flags;
			}
			mem_port_inject(cpu, port, 0, &skb, 1);
		} else {
			mem_port_inject_bytes(cpu, port, 0, bytes, len);
		}
		data += len;
		size -= len;
		if (flags & 0x40)
			world_run(w, cpu->now);
	}
	world_run_until(w, cpu->now + NSEC_PER_MSEC);
	while (mem_port_collect(cpu, port, 0, &skb, 1))
		skb_consume(cpu, skb);
	netns_free(net);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
