/* Sending by a packet socket: whole frames (SOCK_RAW), or payloads whose header the device makes (SOCK_DGRAM).
 *
 * From: sendmsg. To: dev_queue_xmit(), past IP and its hooks. The frame's type is the address's; 0 leaves it to the frame.
 */
#include "codec/wire/eth.h"
#include "core/trace.h"
#include "link/vnet_hdr.h"
#include "sock/packet/packet.h"

#define VLAN_TAG_LEN 4
#define SEND_MAX 65536

/* Where to and as what: the message's address, else what the socket is bound to. */
static int target(struct packet_sock *ps, const struct msghdr *m, struct net_device **dev, u16 *type, struct packet_addr *to)
{
	struct sock *sk = &ps->sk;

	to->halen = 0;
	if (!m->msg_name) {
		*dev = ps->ifindex > 0 ? dev_by_index(sk->net, ps->ifindex) : NULL;
		*type = ps->tap.ethertype;
	} else {
		if (m->msg_namelen < sizeof(*to))
			return -EINVAL;
		memcpy(to, m->msg_name, sizeof(*to));
		if (m->msg_namelen < offsetof(struct packet_addr, addr) + to->halen)
			return -EINVAL;
		*dev = dev_by_index(sk->net, to->ifindex);
		*type = be16_to_cpu(to->protocol);
		if (sk->type == SOCK_DGRAM && *dev && m->msg_namelen < offsetof(struct packet_addr, addr) + (*dev)->addr_len)
			return -EINVAL;
	}
	if (!*dev)
		return -ENXIO;
	return (*dev)->flags & IFF_UP ? 0 : -ENETDOWN;
}

/* skb: data at the frame (RAW) or the payload (DGRAM). */
static int dress(struct cpu *cpu, struct packet_sock *ps, struct sk_buff *skb, struct net_device *dev, u16 type, const u8 *to, bool has_to)
{
	u32 hlen = dev->header_ops ? dev->hard_header_len : 0;

	skb->dev = dev;
	if (ps->sk.type == SOCK_DGRAM) {
		skb_reset_network_header(skb);
		if (dev->header_ops && dev->header_ops->create(cpu, skb, dev, type, has_to ? to : NULL, NULL) < 0)
			return -EINVAL;
	} else {
		if (skb->len < hlen)
			return -EINVAL;
		if (!type && hlen == ETH_HDR_LEN)
			type = be16_to_cpu(((const struct eth_hdr *)skb->data)->type);
		skb->network_header = (u16)(skb->data - skb->head + hlen);
	}
	skb->protocol = cpu_to_be16(type);
	skb_reset_mac_header(skb);
	return 0;
}

ssize_t packet_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags)
{
	struct packet_sock *ps = packet_sk(sk);
	u32 vnet = ps->vnet_hdr_len;
	struct virtio_net_hdr h = { 0 };
	size_t len = msg_len(m);
	struct net_device *dev;
	struct packet_addr to;
	struct sk_buff *skb;
	u16 type;
	int err = target(ps, m, &dev, &type, &to);

	if (err)
		return err;
	if (vnet) {
		if (len < vnet)
			return -EINVAL;
		len -= vnet;
		if (msg_copy_to_buf(m, 0, &h, sizeof(h)))
			return -EFAULT;
	}
	if (sk->nofcs)
		return -EPROTONOSUPPORT; /* no device here leaves the frame's checksum to programs */
	if (!h.gso_type && len > dev->mtu + (sk->type == SOCK_RAW ? dev->hard_header_len : 0u) + VLAN_TAG_LEN)
		return -EMSGSIZE;
	if (len > SEND_MAX)
		return -EMSGSIZE;
	if ((err = sock_error(sk)))
		return err;
	if (!sock_can_send(sk))
		return -EAGAIN;
	skb = skb_alloc(cpu, SKB_HEADROOM, MAX((u32)len, 1u));
	if (!skb)
		return -ENOBUFS;
	if ((err = msg_copy_to_buf(m, vnet, skb_put(skb, (u32)len), len)) ||
	    (err = dress(cpu, ps, skb, dev, type, to.addr, m->msg_name != NULL)))
		goto fail;
	/* A tag is let through beyond the MTU, other bytes are not. */
	if (!h.gso_type && skb->len > dev->mtu + dev->hard_header_len && !(be16_to_cpu(skb->protocol) == ETH_P_8021Q)) {
		err = -EMSGSIZE;
		goto fail;
	}
	if (vnet && !vnet_hdr_take(skb, &h)) {
		err = -EINVAL;
		goto fail;
	}
	skb->priority = sk->priority;
	skb->mark = sk->mark;
	sock_charge_tx(sk, skb);
	trace_mark(cpu, skb);
	err = ps->qdisc_bypass ? dev_direct_xmit(cpu, skb) : dev_queue_xmit(cpu, skb);
	return err ? err : (ssize_t)(len + vnet);
fail:
	skb_consume(cpu, skb);
	return err;
}
