/* Sending datagrams: one buffer per datagram, corking, segmentation, checksums.
 *
 * A datagram's payload is copied once, behind room for all headers, whatever its size; IP cuts it by reference when it is too
 * big for the path and may be cut. MSG_MORE and UDP_CORK collect several sends in one datagram. UDP_SEGMENT hands one
 * large packet to the device, which cuts it into equal datagrams (udp_gro.c).
 *
 * The checksum is left to the device (CHECKSUM_PARTIAL) unless IP will cut the datagram: fragments carry no partial sum.
 * From: socket calls. To: inet_af->xmit.
 */
#include <netinet/in.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>

#include "codec/wire/checksum.h"
#include "codec/wire/ip6hdr.h"
#include "codec/wire/udphdr.h"
#include "core/trace.h"
#include "transport/udp/udp.h"

#ifndef MSG_PROBE
#define MSG_PROBE 0x10 /* with no data: resolve the path only */
#endif
#define UDP_MAX 65535
#define UDP_MAX_SEGMENTS 128 /* per UDP_SEGMENT send */

void udp_flush_pending(struct cpu *cpu, struct udp_sock *us)
{
	if (!us->pending)
		return;
	skb_consume(cpu, us->pending);
	us->pending = NULL;
	inet_dest_put(cpu, &us->pending_dest);
}

/* Whether total bytes of UDP header and payload may go to d at all; what may not is told to the error queue too. */
static int check_size(struct cpu *cpu, struct udp_sock *us, const struct inet_dest *d, u32 total, u16 gso_size)
{
	u32 hdrs = inet_af_of(us->inet.sk.net, &d->fl.daddr)->hdr_len + inet_dest_opts_len(&us->inet, d);

	if (gso_size && hdrs + total <= UDP_MAX)
		return 0;
	return inet_dest_check_size(cpu, &us->inet, d, hdrs + total);
}

/* The header, the checksum, segmentation; then down. Consumes skb (data at the UDP header). */
static int send_skb(struct cpu *cpu, struct udp_sock *us, struct sk_buff *skb, const struct inet_dest *d, u16 gso_size)
{
	struct sock *sk = &us->inet.sk;
	const struct inet_af *af = inet_af_of(sk->net, &d->fl.daddr);
	struct udp_hdr *uh = (struct udp_hdr *)skb->data;
	u32 hdrs = af->hdr_len + inet_dest_opts_len(&us->inet, d), mtu = dst_mtu(cpu, d->dst), data = skb->len - UDP_HDR_LEN;
	bool v6 = d->fl.family == AF_INET6, no_check = v6 ? us->no_check6_tx : sk->no_check_tx;
	struct inet_tx_stamp stamp;
	struct ip_out o;
	int err;

	skb_reset_transport_header(skb);
	*uh = (struct udp_hdr){ .sport = us->inet.sport, .dport = d->dport, .len = cpu_to_be16((u16)skb->len) };
	if (gso_size) {
		err = hdrs + UDP_HDR_LEN + gso_size > mtu ? -EMSGSIZE
			: data > (u32)gso_size * UDP_MAX_SEGMENTS || no_check ? -EINVAL : 0;
		if (err) {
			skb_consume(cpu, skb);
			return err;
		}
		if (data > gso_size) {
			skb->gso_size = gso_size;
			skb->gso_type = SKB_GSO_UDP_L4;
			skb->gso_segs = (u16)((data + gso_size - 1) / gso_size);
		}
	}
	u32 pseudo = af->pseudo_csum(&d->fl.saddr, &d->fl.daddr, skb->len, IPPROTO_UDP);
	if (no_check && !skb->gso_size) {
		uh->check = 0;
	} else if (skb->gso_size || hdrs + skb->len <= mtu) {
		uh->check = csum_reduce(pseudo);
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb->transport_header;
		skb->csum_offset = offsetof(struct udp_hdr, check);
	} else {
		uh->check = csum_fold(skb_checksum(skb, 0, skb->len, pseudo));
		if (!uh->check)
			uh->check = UDP_CSUM_MANGLED_0;
	}
	skb->ignore_df = !skb->gso_size && hdrs + skb->len > mtu && inet_dest_may_fragment(&us->inet, d);
	skb->priority = d->c.priority;
	skb->mark = d->c.mark;
	skb->tstamp = d->c.txtime;
	sock_charge_tx(sk, skb);
	dst_hold(d->dst);
	skb_dst_set(skb, d->dst);
	inet_dest_ip_out(&us->inet, d, IPPROTO_UDP, &o);
	inet_tx_stamp_take(cpu, sk, skb, d->c.tsflags, &stamp);
	err = af->xmit(cpu, sk->net, skb, &o);
	inet_tx_stamp_give(cpu, sk, &stamp, err);
	if (err == -ENOBUFS && !inet_wants_errors(&us->inet, d->fl.family)) {
		udp_mib(cpu, sk->net, v6, MIB_Udp_SndbufErrors);
		return 0;
	}
	if (!err)
		udp_mib(cpu, sk->net, v6, MIB_Udp_OutDatagrams);
	return err;
}

int udp_push_pending(struct cpu *cpu, struct udp_sock *us)
{
	struct sk_buff *skb = us->pending;
	int err;

	if (!skb)
		return 0;
	us->pending = NULL;
	err = send_skb(cpu, us, skb, &us->pending_dest, us->pending_dest.c.gso_size);
	inet_dest_put(cpu, &us->pending_dest);
	return err;
}

static int append(struct cpu *cpu, struct udp_sock *us, const struct msghdr *m, u32 len)
{
	struct sk_buff *skb = us->pending;
	int err = check_size(cpu, us, &us->pending_dest, skb->len + len, us->pending_dest.c.gso_size);

	if (!err && skb_tailroom(skb) < len)
		err = -EMSGSIZE;
	if (err || (err = msg_copy_to_buf(m, 0, skb_put(skb, len), len))) {
		udp_flush_pending(cpu, us);
		return err;
	}
	return 0;
}

static ssize_t send_more(struct cpu *cpu, struct udp_sock *us, const struct msghdr *m, u32 len, bool more)
{
	int err = append(cpu, us, m, len);

	if (!err && !more)
		err = udp_push_pending(cpu, us);
	return err ? err : (ssize_t)len;
}

ssize_t udp_sendmsg(struct cpu *cpu, struct sock *sk, const struct msghdr *m, int flags)
{
	struct udp_sock *us = udp_sk(sk);
	bool more = us->cork || (flags & MSG_MORE);
	size_t len = msg_len(m);
	struct inet_dest d;
	struct sk_buff *skb;
	u16 gso_size;
	int err;

	if (!us->inet.num && (err = udp_autobind(cpu, us)))
		return err;
	if (len > UDP_MAX && sk->family == AF_INET) /* IPv6 tells the error queue, below */
		return -EMSGSIZE;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (us->pending)
		return send_more(cpu, us, m, (u32)len, more);
	if ((err = inet_dgram_dest(cpu, &us->inet, m, flags, IPPROTO_UDP, true, &d)))
		return err;
	if (d.dst->type == RTN_BROADCAST && !sk->broadcast) {
		err = -EACCES;
		goto out;
	}
	if (flags & MSG_CONFIRM && d.dst->neigh)
		neigh_confirm(cpu, d.dst->neigh);
	if ((flags & MSG_PROBE) && !len)
		goto out;
	if (!d.c.gso_size)
		d.c.gso_size = us->gso_size;
	gso_size = d.c.gso_size;
	if ((err = check_size(cpu, us, &d, (u32)len + UDP_HDR_LEN, gso_size)))
		goto out;
	if ((err = sock_error(sk)))
		goto out;
	if (sk->shutdown & SHUT_SND_BIT) {
		err = -EPIPE;
		goto out;
	}
	if (!sock_can_send(sk)) {
		err = -EAGAIN;
		goto out;
	}
	skb = skb_alloc(cpu, SKB_HEADROOM, more ? UDP_MAX : (u32)len + UDP_HDR_LEN);
	if (!skb) {
		udp_mib(cpu, sk->net, d.fl.family == AF_INET6, MIB_Udp_SndbufErrors);
		err = -ENOBUFS;
		goto out;
	}
	skb_put(skb, UDP_HDR_LEN);
	if ((err = msg_copy_to_buf(m, 0, skb_put(skb, (u32)len), len))) {
		skb_consume(cpu, skb);
		goto out;
	}
	if (more) {
		us->pending = skb;
		us->pending_dest = d; /* keeps the route's reference */
		return (ssize_t)len;
	}
	err = send_skb(cpu, us, skb, &d, gso_size);
out:
	inet_dest_put(cpu, &d);
	return err ? err : (ssize_t)len;
}
