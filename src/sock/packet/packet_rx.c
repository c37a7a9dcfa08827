/* Frames on their way to a packet socket: from the device's tap, through the socket's filter, into its queue, to recvmsg.
 *
 * SOCK_RAW sees the link-layer header, SOCK_DGRAM what is behind it; what goes out is seen by sockets for all protocols, but for the one
 * that sent it. A full buffer loses the packet, which PACKET_STATISTICS counts. A socket with a ring has it filled instead of its queue.
 */
#include <netinet/in.h>

#include "core/trace.h"
#include "link/vlan.h"
#include "link/vnet_hdr.h"
#include "sock/packet/packet.h"

#define SOL_PACKET_LEVEL 263
enum { OPT_AUXDATA = 8 };
enum { STATUS_USER = 1, STATUS_CSUMNOTREADY = 8, STATUS_VLAN_VALID = 16, STATUS_VLAN_TPID_VALID = 64, STATUS_CSUM_VALID = 128,
       STATUS_GSO_TCP = 256 };
struct auxdata { u32 status, len, snaplen; u16 mac, net, vlan_tci, vlan_tpid; };

/* How far data is to move for this socket: back to the link-layer header, or on to the network header. False: no place for it. */
static bool place(const struct packet_sock *ps, struct sk_buff *c, const struct net_device *dev, bool outgoing)
{
	if (c->mac_header == SKB_OFF_UNSET || c->head + c->mac_header > c->data)
		c->mac_header = (u16)(c->data - c->head);
	if (outgoing && (c->network_header == SKB_OFF_UNSET || c->head + c->network_header < c->data))
		c->network_header = c->mac_header;
	if (!dev->header_ops)
		return true;
	if (ps->sk.type == SOCK_RAW)
		skb_push(c, (u32)(c->data - skb_mac_header(c)));
	else if (outgoing && skb_network_header(c) - c->data <= (long)skb_headlen(c))
		skb_pull(c, (u32)(skb_network_header(c) - c->data));
	return true;
}

void packet_tap(struct cpu *cpu, struct dev_tap *tap, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	packet_deliver(cpu, container_of(tap, struct packet_sock, tap), skb, dev, outgoing);
}

void packet_deliver(struct cpu *cpu, struct packet_sock *ps, struct sk_buff *skb, struct net_device *dev, bool outgoing)
{
	struct sock *sk = &ps->sk;
	struct packet_cb *cb;
	struct sk_buff *c;
	u32 keep;

	if (skb->pkt_type == PACKET_LOOPBACK || dev->net != sk->net || (outgoing && (ps->ignore_outgoing || skb->sk == sk)))
		return;
	if (!ps->ring && sk->rmem_alloc >= (u32)sk->rcvbuf) {
		ps->dropped++;
		sk->drops++;
		return;
	}
	c = skb_clone(cpu, skb);
	if (!c) {
		ps->dropped++;
		return;
	}
	c->dev = dev;
	c->pkt_type = outgoing ? PACKET_OUTGOING : skb->pkt_type;
	place(ps, c, dev, outgoing);
	keep = MIN(sock_filter_run(sk, c), c->len);
	if (!keep) { /* an empty payload too, as on Linux */
		skb_consume(cpu, c);
		return;
	}
	cb = PACKET_CB(c);
	*cb = (struct packet_cb){ .ifindex = ps->origdev && c->skb_iif ? c->skb_iif : dev->ifindex, .orig_len = c->len, .hatype = dev->type,
				  .pkt_type = c->pkt_type };
	if (dev->header_ops && dev->header_ops->parse) {
		u8 addr[DEV_ADDR_MAX] = { 0 };
		cb->halen = (u8)dev->header_ops->parse(c, addr);
		memcpy(cb->addr, addr, sizeof(cb->addr));
	}
	if (ps->ring) {
		packet_ring_put(cpu, ps, c, keep);
		skb_consume(cpu, c);
		return;
	}
	if (keep < c->len && !skb_trim(cpu, c, keep)) {
		skb_consume(cpu, c);
		ps->dropped++;
		return;
	}
	skb_forget_dst(cpu, c);
	c->dev = NULL;
	if (!c->tstamp)
		c->tstamp = cpu->now;
	sock_charge_rx(sk, c);
	skb_list_add(&sk->rx_queue, c);
	ps->packets++;
	sock_wake(cpu, sk);
}

u32 packet_aux_status(const struct sk_buff *skb)
{
	u32 status = 0;

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		status |= STATUS_CSUMNOTREADY;
	else if (PACKET_CB(skb)->pkt_type != PACKET_OUTGOING && skb->ip_summed == CHECKSUM_UNNECESSARY)
		status |= STATUS_CSUM_VALID;
	if (skb_is_gso(skb) && skb->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6))
		status |= STATUS_GSO_TCP;
	if (vlan_tag_present(skb))
		status |= STATUS_VLAN_VALID | STATUS_VLAN_TPID_VALID;
	return status;
}

static void put_auxdata(const struct sk_buff *skb, struct msghdr *m)
{
	struct auxdata a = { .status = STATUS_USER | packet_aux_status(skb), .len = PACKET_CB(skb)->orig_len, .snaplen = skb->len };

	a.net = (u16)(skb_network_header(skb) - skb->data);
	if (vlan_tag_present(skb)) {
		a.vlan_tci = skb->vlan_tci;
		a.vlan_tpid = be16_to_cpu(skb->vlan_proto);
	}
	msg_put_cmsg(m, SOL_PACKET_LEVEL, OPT_AUXDATA, &a, sizeof(a));
}

ssize_t packet_recvmsg(struct cpu *cpu, struct sock *sk, struct msghdr *m, int flags)
{
	struct packet_sock *ps = packet_sk(sk);
	struct sk_buff *skb = sk->rx_queue.first;
	u32 vnet = ps->vnet_hdr_len, n;
	size_t room = msg_len(m);
	ssize_t ret;

	if (flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE))
		return -EINVAL;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN; /* transmit stamps are not built */
	if (!skb || sk->err)
		return sk->err ? sock_error(sk) : -EAGAIN;
	if (vnet) {
		struct virtio_net_hdr h;
		u8 whole[16] = { 0 };
		if (room < vnet)
			return -EINVAL;
		vnet_hdr_fill(skb, &h);
		memcpy(whole, &h, sizeof(h));
		if (msg_copy_from_buf(m, 0, whole, vnet))
			return -EFAULT;
		room -= vnet;
	}
	n = (u32)MIN(room, skb->len);
	if (n < skb->len)
		m->msg_flags |= MSG_TRUNC;
	if (skb_copy_to_msg(skb, 0, m, vnet, n))
		return -EFAULT;
	if (m->msg_name) {
		const struct packet_cb *cb = PACKET_CB(skb);
		struct packet_addr ll = { .family = AF_PACKET, .protocol = skb->protocol, .ifindex = cb->ifindex, .hatype = cb->hatype,
					  .pkttype = cb->pkt_type, .halen = cb->halen };
		memcpy(ll.addr, cb->addr, sizeof(ll.addr));
		memcpy(m->msg_name, &ll, sizeof(ll));
		m->msg_namelen = sizeof(ll);
	}
	sock_recv_cmsgs(cpu, sk, skb, m);
	if (ps->auxdata)
		put_auxdata(skb, m);
	ret = (ssize_t)vnet + (flags & MSG_TRUNC ? skb->len : n);
	if (!(flags & MSG_PEEK))
		skb_consume(cpu, skb_list_pop(&sk->rx_queue));
	return ret;
}
