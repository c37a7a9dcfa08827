/* Cutting a large TCP packet into segments for a device that cannot (link/gro.h): sequence numbers count up, FIN and PSH stay with
 * the last, CWR with the first (unless it is accurate ECN's, which all have); each checksum is left to the device or computed.
 */
#include "codec/wire/checksum.h"
#include "link/gro.h"
#include "transport/tcp/tcp_impl.h"

int tcp_gso_segment(struct cpu *cpu, struct sk_buff *skb, u64 features, struct skb_list *out)
{
	bool v6 = be16_eq(skb->protocol, BE16(0x86dd));
	struct netns *net = skb->dev->net;
	const struct inet_af *af = v6 ? net->inet->af6 : net->inet->af4;
	struct inaddr saddr, daddr;
	struct tcp_hdr *th;
	u32 hlen, seq, mss = skb->gso_size;
	bool accurate = skb->gso_type & SKB_GSO_TCP_ACCECN;
	u8 flags;
	int err;

	if (!pskb_may_pull(cpu, skb, TCP_HDR_LEN))
		return -EINVAL;
	hlen = tcp_hlen((struct tcp_hdr *)skb->data);
	if (hlen < TCP_HDR_LEN || !pskb_may_pull(cpu, skb, hlen))
		return -EINVAL;
	th = (struct tcp_hdr *)skb->data;
	flags = th->flags;
	seq = be32_to_cpu(th->seq);
	af->addrs(skb, &saddr, &daddr);
	err = gso_cut(cpu, skb, hlen, features & NETIF_F_SG, out);
	if (err)
		return err;
	for (struct sk_buff *s = out->first; s; s = s->next, seq += mss) {
		th = (struct tcp_hdr *)s->data;
		th->seq = cpu_to_be32(seq);
		th->flags = flags;
		if (s->next)
			th->flags &= (u8) ~(TCPF_FIN | TCPF_PSH);
		if (s != out->first && !accurate)
			th->flags &= (u8)~TCPF_CWR;
		skb_reset_transport_header(s);
		if (features & (NETIF_F_HW_CSUM | (v6 ? NETIF_F_IPV6_CSUM : NETIF_F_IP_CSUM))) {
			th->check = csum_reduce(af->pseudo_csum(&saddr, &daddr, s->len, IPPROTO_TCP));
			s->ip_summed = CHECKSUM_PARTIAL;
			s->csum_start = s->transport_header;
			s->csum_offset = offsetof(struct tcp_hdr, check);
		} else {
			th->check = 0;
			th->check = csum_fold(skb_checksum(s, 0, s->len, af->pseudo_csum(&saddr, &daddr, s->len, IPPROTO_TCP)));
			s->ip_summed = CHECKSUM_NONE;
		}
	}
	return 0;
}
