/* Fuzz: frames with a vnet header, as the other end of a TAP would send them, into a router whose other device cuts nothing itself: the
 * header's checks, then checksums and segments made in software from whatever it let through.
 *
 * Input: records of flags (1 byte), the header (10), length (2) and that many bytes. Flags: 1: the frame's end in a fragment; 2, 4: an
 * Ethernet and IPv4 header that route it on, with TCP or (8) UDP behind; 16: a header that fits these.
 */
#include <linux/if_addr.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "codec/wire/eth.h"
#include "codec/wire/ip4hdr.h"
#include "core/sysctl.h"
#include "inet/ip4/ip4.h"
#include "link/neigh.h"
#include "link/netdevice.h"
#include "link/type/mem_port.h"
#include "link/type/nic.h"
#include "link/vnet_hdr.h"
#include "stack/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINEAR = 256, FRAME_MAX = 4096, GSO_TCPV4 = 1, GSO_UDP_L4 = 5 };
static const u8 mac0[] = { 2, 0, 0, 0, 0, 1 }, mac1[] = { 2, 0, 0, 0, 0, 2 }, far[] = { 2, 0, 0, 0, 0, 9 };

static struct net_device *device(struct cpu *cpu, struct netns *net, const char *name, const u8 *mac, be32 addr, struct port **port)
{
	struct in_ifaddr_config c = { .local = addr, .address = addr, .prefix_len = 24, .flags = IFA_F_PERMANENT, .valid_lft_s = ~0u,
				      .preferred_lft_s = ~0u };
	struct nic_config nc = { .mac = mac };
	struct net_device *dev;

	if (mem_port_new(&net->world->mem, port) || nic_new(cpu, net, name, *port, &nc, &dev))
		abort();
	dev_change_flags(cpu, dev, dev->flags | IFF_UP, NULL);
	ip4_addr_add(cpu, dev, &c, NULL);
	return dev;
}

static void make_routable(u8 *f, size_t len, u8 flags)
{
	struct ip4_hdr *ip = (struct ip4_hdr *)(f + ETH_HDR_LEN);

	eth_build((struct eth_hdr *)f, mac0, far, ETH_P_IP);
	if (!(flags & 4) || len < ETH_HDR_LEN + IP4_HDR_LEN + 20)
		return;
	*ip = (struct ip4_hdr){ .ver_ihl = 0x45, .ttl = 9, .protocol = flags & 8 ? IPPROTO_UDP : IPPROTO_TCP, .saddr = BE32(0x0a000002),
				.daddr = BE32(0x0a000102), .tot_len = cpu_to_be16((u16)(len - ETH_HDR_LEN)) };
	ip4_set_csum(ip);
	if (!(flags & 8))
		f[ETH_HDR_LEN + IP4_HDR_LEN + 12] |= 0x50;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_config cfg = { .ncpus = 1, .seed = { 1 }, .start_ns = NSEC_PER_SEC, .tables = &stack_tables };
	be32 there = BE32(0x0a000102);
	struct net_device *in, *out;
	struct port *pin, *pout;
	struct neighbour *n;
	struct netns *net;
	struct world *w;

	if (world_new(&cfg, &w))
		return 0;
	struct cpu *cpu = config_cpu(w);
	if (netns_new(w, "f", 0, &net))
		abort();
	in = device(cpu, net, "eth0", mac0, BE32(0x0a000001), &pin);
	out = device(cpu, net, "eth1", mac1, BE32(0x0a000101), &pout);
	dev_set_features(cpu, out, out->features & ~(u64)(NETIF_F_GSO_SOFTWARE | NETIF_F_HW_CSUM | NETIF_F_GSO_UDP_L4));
	(void)in;
	sysctl_write(net, "ipv4/ip_forward", "1", 1);
	n = neigh_get(cpu, &arp_table, &there, out);
	if (n)
		neigh_update(cpu, n, far, NUD_PERMANENT, NEIGH_UPDATE_ADMIN | NEIGH_UPDATE_OVERRIDE, 0);
	while (size >= 13) {
		u8 flags = data[0];
		struct virtio_net_hdr h;
		size_t len = (size_t)(data[11] | data[12] << 8) % FRAME_MAX, head;
		struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, FRAME_MAX);
		struct buf *b = buf_alloc(cpu, FRAME_MAX);
		u8 frame[FRAME_MAX];

		if (!skb || !b)
			abort();
		memcpy(&h, data + 1, sizeof(h));
		data += 13;
		size -= 13;
		len = MIN(len, size);
		memcpy(frame, data, len);
		data += len;
		size -= len;
		if (len < ETH_HDR_LEN) {
			skb_consume(cpu, skb);
			buf_put(cpu, b);
			continue;
		}
		if (flags & 2)
			make_routable(frame, len, flags);
		if (flags & 16) {
			h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
			h.gso_type = flags & 8 ? GSO_UDP_L4 : GSO_TCPV4;
			h.csum_start = ETH_HDR_LEN + IP4_HDR_LEN;
			h.csum_offset = flags & 8 ? 6 : 16;
		}
		head = flags & 1 ? MIN(len, (size_t)LINEAR) : len;
		memcpy(skb_put(skb, (u32)head), frame, head);
		memcpy(b->data, frame + head, len - head);
		if (len > head)
			skb_add_frag(skb, b, 0, (u32)(len - head));
		buf_put(cpu, b);
		if (!vnet_hdr_take(skb, &h)) {
			skb_consume(cpu, skb);
			continue;
		}
		if (skb_is_gso(skb) && (skb->ip_summed != CHECKSUM_PARTIAL || !(skb->gso_type & SKB_GSO_DODGY)))
			abort(); /* nobody may take it for our own */
		mem_port_inject(cpu, pin, 0, &skb, 1);
		world_run(w, cpu->now);
		while (mem_port_collect(cpu, pout, 0, &skb, 1)) {
			struct virtio_net_hdr o;
			vnet_hdr_fill(skb, &o);
			if (skb_is_gso(skb) || o.gso_type)
				abort(); /* it cuts nothing */
			skb_consume(cpu, skb);
		}
	}
	world_run_until(w, cpu->now + NSEC_PER_MSEC);
	netns_free(net);
	world_run(w, cpu->now);
	world_free(w);
	return 0;
}
