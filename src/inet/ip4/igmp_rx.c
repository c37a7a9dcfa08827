/* IGMP messages from others: queries make us report (inet/mc_report.c), reports of an older version make ours superfluous. RFC 3376,
 * section 5.2 and 7; RFC 2236, section 3. From ip4_local.c; raw sockets, which routing daemons use, got their copies before.
 */
#include "inet/ip4/igmp.h"

static void ask(struct cpu *cpu, struct in_device *idev, be32 group, u64 max_ns, const u8 *src, unsigned nsrcs)
{
	struct inaddr g = inaddr_from_v4(group);
	mc_answer(cpu, &idev->mc, group.raw ? &g : NULL, max_ns, src, nsrcs);
}

static void other_reported(struct in_device *idev, be32 group)
{
	struct inaddr g = inaddr_from_v4(group);
	mc_other_reported(&idev->mc, &g);
}

static void query3(struct cpu *cpu, struct in_device *idev, struct sk_buff *skb, unsigned version)
{
	const struct igmp_query3 *q;
	u64 max_ns;
	unsigned n;
	if (!pskb_may_pull(cpu, skb, sizeof(*q)))
		return;
	n = be16_to_cpu(((const struct igmp_query3 *)skb->data)->nsrcs);
	if (!pskb_may_pull(cpu, skb, (u32)sizeof(*q) + n * (u32)sizeof(be32)))
		return;
	q = (const struct igmp_query3 *)skb->data;
	max_ns = version == 1 ? 10 * NSEC_PER_SEC : (u64)igmp3_code_value(q->h.code) * 100 * NSEC_PER_MSEC;
	max_ns = MAX(max_ns, NSEC_PER_MSEC);
	if (version < 3) { /* an older router is about as well: its language */
		ask(cpu, idev, version == 1 ? (be32){ 0 } : q->h.group, max_ns, NULL, 0);
		return;
	}
	idev->mc.robustness = q->resv_s_qrv & 7 ? q->resv_s_qrv & 7 : (u8)CLAMP(idev->dev->net->ip4->igmp_qrv, 1, 255);
	if (q->qqic)
		idev->mc.query_interval = (u64)igmp3_code_value(q->qqic) * NSEC_PER_SEC;
	if (!q->h.group.raw) {
		if (!n)
			mc_answer_all(cpu, &idev->mc, max_ns);
		return;
	}
	ask(cpu, idev, q->h.group, max_ns, skb->data + sizeof(*q), n);
}

static void query(struct cpu *cpu, struct in_device *idev, struct sk_buff *skb)
{
	const struct igmp_hdr *h = (const struct igmp_hdr *)skb->data;
	be32 group = h->group;
	u64 max_ns;
	if (skb->len == sizeof(*h)) {
		if (!h->code) {
			max_ns = 10 * NSEC_PER_SEC;
			mc_older_querier(cpu, &idev->mc, 1);
			group = (be32){ 0 };
		} else {
			max_ns = (u64)h->code * 100 * NSEC_PER_MSEC;
			mc_older_querier(cpu, &idev->mc, 2);
		}
		ask(cpu, idev, group, max_ns, NULL, 0);
	} else if (skb->len >= sizeof(struct igmp_query3)) {
		query3(cpu, idev, skb, igmp_version(cpu, idev));
	}
}

static void igmp_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb)
{
	struct in_device *idev = in_dev_get(skb->dev);
	const struct igmp_hdr *h;
	if (!pskb_may_pull(cpu, skb, sizeof(*h))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	if (csum_fold(skb_checksum(skb, 0, skb->len, 0))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_SKB_CSUM);
		return;
	}
	h = (const struct igmp_hdr *)skb->data;
	if (idev && skb->pkt_type != PACKET_LOOPBACK) { /* ours, looped back, are no news */
		if (h->type == IGMP_QUERY)
			query(cpu, idev, skb);
		else if ((h->type == IGMP_REPORT_V1 || h->type == IGMP_REPORT_V2) &&
			 (skb->pkt_type == PACKET_MULTICAST || skb->pkt_type == PACKET_BROADCAST))
			other_reported(idev, h->group);
	}
	trace_point(cpu, net, skb, TP_CONSUMED, 0, 0, "igmp");
	skb_consume(cpu, skb);
}

const struct l4_proto igmp4_proto = { .name = "igmp", .proto = IPPROTO_IGMP, .families = 1, .rx = igmp_rx };
