/* Multicast listener discovery: MLD's part of group membership (inet/mc.h). RFC 3810; RFC 2710 for version 1.
 *
 * Messages go out with hop limit 1, a router alert, and the link-local address, or none while that is looked at for duplicates: so all
 * is told again when that is done.
 */
#include "codec/wire/igmphdr.h"
#include "inet/ip6/ip6_priv.h"

GROUP(v2_routers, { 0xff, 2, [15] = 0x16 });
GROUP(link_routers, { 0xff, 2, [15] = 2 });
GROUP(all_nodes, { 0xff, 2, [15] = 1 });

static struct inet6_dev *idev_of(const struct mc_dev *md) { return container_of((struct mc_dev *)md, struct inet6_dev, mc); }

unsigned mld_version(const struct cpu *cpu, const struct inet6_dev *idev)
{
	s32 all = idev->dev->net->ip6->conf_all.v[IP6_CONF_FORCE_MLD_VERSION], forced = all ? all : idev->conf.v[IP6_CONF_FORCE_MLD_VERSION];
	if (forced == 1 || forced == 2)
		return (unsigned)forced;
	return idev->mc.older_until[0] > cpu->now ? 1 : 2;
}

static unsigned version(const struct cpu *cpu, const struct mc_dev *md, bool *newest)
{
	unsigned v = mld_version(cpu, idev_of(md));
	*newest = v == 2;
	return v;
}

bool mld_reported(const struct inaddr *group) { return v6_mc_scope(group) > 1 && !inaddr_eq(group, &all_nodes); }
static bool reported(const struct mc_dev *md, const struct inaddr *group) { return mld_reported(group); }

static bool map(const struct mc_dev *md, const struct inaddr *group, u8 *mac)
{
	return v6_mc_scope(group) >= 2 && !ndisc_mc_map(group, md->dev, mac);
}

static u8 robustness(const struct mc_dev *md) { return (u8)CLAMP(md->dev->net->ip6->mld_qrv, 1, 255); }

static u64 unsolicited_ns(const struct cpu *cpu, const struct mc_dev *md)
{
	const struct inet6_conf *c = &idev_of(md)->conf;
	u64 ns = mld_version(cpu, idev_of(md)) == 1 ? c->mld1_report_interval : c->mld2_report_interval;
	return MAX(ns, NSEC_PER_MSEC);
}

/* -- packets -- */

/* skb: an MLD message. Consumes. */
static void mld_send(struct cpu *cpu, struct inet6_dev *idev, struct sk_buff *skb, const struct inaddr *to)
{
	/* hop-by-hop: a router alert of value 0, and padding */
	static const union { struct ip6_txopts x; u8 bytes[sizeof(struct ip6_txopts) + 8]; } alert = {
		.bytes = { 8, 0, [sizeof(struct ip6_txopts)] = 0, 0, IP6_OPT_ROUTER_ALERT, 2, 0, 0, IP6_OPT_PADN, 0 } };
	const struct inet6_ifaddr *own = ip6_linklocal_of(idev, IFA_F_TENTATIVE);
	struct netns *net = idev->dev->net;
	struct dst *d = ip6_dev_dst(cpu, idev, RTN_MULTICAST);
	struct ip_out o = { .saddr = own ? own->addr : inaddr_v6_any(), .daddr = *to, .proto = IPPROTO_ICMPV6, .ttl = 1, .txopts6 = &alert.x,
			    .mc_noloop = true };
	struct icmp6_hdr *h = (struct icmp6_hdr *)skb->data;
	if (!d || !(idev->dev->flags & IFF_UP)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_DEV_DOWN);
		return;
	}
	h->check = csum_fold(skb_checksum(skb, 0, skb->len, csum_pseudo6(o.saddr.b, to->b, skb->len, IPPROTO_ICMPV6)));
	skb->dev = idev->dev;
	dst_hold(d);
	skb_dst_set(skb, d);
	mib6_inc(cpu, net, idev, MIB_Icmp6_OutMsgs);
	mib6_inc(cpu, net, idev, MIB_Icmp6Msg_OutType0 + h->type);
	ip6_xmit(cpu, net, skb, &o);
}

static void send_old(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, bool leave)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM + 64, sizeof(struct mld_hdr));
	struct mld_hdr *h;
	if (!skb)
		return;
	h = (struct mld_hdr *)skb_put(skb, sizeof(*h));
	*h = (struct mld_hdr){ .type = leave ? ICMP6_MLD_DONE : ICMP6_MLD_REPORT };
	memcpy(h->group, group->b, 16);
	mld_send(cpu, idev_of(md), skb, leave ? &link_routers : group);
}

static u32 room(const struct mc_dev *md)
{
	return MIN(MAX(md->dev->mtu, (u32)IP6_MIN_MTU), 1500u) - IP6_HDR_LEN - 8 - (u32)sizeof(struct mld2_report);
}

static void send_report(struct cpu *cpu, struct mc_dev *md, const u8 *records, u32 len, u16 n)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM + 64, (u32)sizeof(struct mld2_report) + len);
	struct mld2_report *h;
	if (!skb)
		return;
	h = (struct mld2_report *)skb_put(skb, (u32)sizeof(*h) + len);
	*h = (struct mld2_report){ .type = ICMP6_MLD2_REPORT, .ngrec = cpu_to_be16(n) };
	memcpy(h + 1, records, len);
	mld_send(cpu, idev_of(md), skb, &v2_routers);
}

static const struct mc_family mld_family = { .addr_len = 16, .version = version, .reported = reported, .map = map, .robustness = robustness,
					     .unsolicited_ns = unsolicited_ns, .send_old = send_old, .room = room, .send = send_report };

/* -- the link-local address -- */

static void dad_timer(void *owner, struct timer *t)
{
	struct inet6_dev *idev = container_of(t, struct inet6_dev, mld_dad);
	struct cpu *cpu = owner;
	mc_tell_all(cpu, &idev->mc);
}

void mld_dad_done(struct cpu *cpu, struct inet6_dev *idev)
{
	if (idev->dev->flags & IFF_UP)
		cpu_timer_arm(idev->dev->net->home, &idev->mld_dad, cpu->now);
}

void mld_init(struct inet6_dev *idev)
{
	mc_init(&idev->mc, idev->dev, &mld_family);
	timer_init(&idev->mld_dad, dad_timer);
}

/* -- from others -- */

/* 16 bits, from 0x8000 on floating point: 1eee mmmm mmmm mmmm (RFC 3810 section 5.1.3); in milliseconds. */
static u64 delay_ns(be16 code)
{
	u32 c = be16_to_cpu(code);
	return (u64)mld2_code_value((u16)c) * NSEC_PER_MSEC;
}
static u32 interval_s(u8 c) { return c < 128 ? c : (u32)((c & 15) | 16) << ((c >> 4 & 7) + 3); }

static void query(struct cpu *cpu, struct inet6_dev *idev, struct sk_buff *skb)
{
	const struct mld2_query *q = (const struct mld2_query *)skb->data;
	struct inaddr group = inaddr_from_v6(q->h.group);
	bool general = v6_is_any(&group), v1 = mld_version(cpu, idev) == 1;
	u64 max_ns;
	u32 n;

	if (!general && !v6_is_multicast(&group))
		return;
	if (skb->len == sizeof(struct mld_hdr) || v1) {
		if (skb->len == sizeof(struct mld_hdr)) {
			s32 all = idev->dev->net->ip6->conf_all.v[IP6_CONF_FORCE_MLD_VERSION];
			if ((all ? all : idev->conf.v[IP6_CONF_FORCE_MLD_VERSION]) == 2)
				return;
			mc_older_querier(cpu, &idev->mc, 1);
		}
		max_ns = MAX((u64)be16_to_cpu(q->h.max_delay) * NSEC_PER_MSEC, NSEC_PER_MSEC);
		mc_answer(cpu, &idev->mc, general ? NULL : &group, max_ns, NULL, 0);
		return;
	}
	if (skb->len < sizeof(*q) || !pskb_may_pull(cpu, skb, sizeof(*q)))
		return;
	n = be16_to_cpu(((const struct mld2_query *)skb->data)->nsrcs);
	if (!pskb_may_pull(cpu, skb, (u32)sizeof(*q) + n * 16))
		return;
	q = (const struct mld2_query *)skb->data;
	max_ns = MAX(delay_ns(q->h.max_delay), NSEC_PER_MSEC);
	idev->mc.robustness = q->resv_s_qrv & 7 ? q->resv_s_qrv & 7 : robustness(&idev->mc);
	if (q->qqic)
		idev->mc.query_interval = interval_s(q->qqic) * NSEC_PER_SEC;
	idev->mc.response_interval = max_ns;
	if (!general)
		mc_answer(cpu, &idev->mc, &group, max_ns, q->src, n);
	else if (!n)
		mc_answer_all(cpu, &idev->mc, max_ns);
}

/* RFC 3810 section 5.1.14 and 6.2: from a neighbour, with hop limit 1 and a router alert for MLD. */
static bool query_ok(const struct sk_buff *skb)
{
	struct inaddr s = ip6_src(skb);
	const u8 *nh = skb_network_header(skb);
	return v6_is_linklocal(&s) && ip6_header(skb)->hop_limit == 1 && IP6_CB(skb)->ra && !nh[IP6_CB(skb)->ra + 2] && !nh[IP6_CB(skb)->ra + 3];
}

void mld_rx(struct cpu *cpu, struct netns *net, struct sk_buff *skb, u8 type)
{
	struct inet6_dev *idev = in6_dev_get(skb->dev);
	struct inaddr s = ip6_src(skb);

	if (type != ICMP6_MLD2_REPORT && !pskb_may_pull(cpu, skb, sizeof(struct mld_hdr))) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	if (idev && skb->pkt_type != PACKET_LOOPBACK) {
		if (type == ICMP6_MLD_QUERY && query_ok(skb)) {
			query(cpu, idev, skb);
		} else if (type == ICMP6_MLD_REPORT && (skb->pkt_type == PACKET_MULTICAST || skb->pkt_type == PACKET_BROADCAST) && v6_is_linklocal(&s)) {
			struct inaddr group = inaddr_from_v6(((const struct mld_hdr *)skb->data)->group);
			mc_other_reported(&idev->mc, &group);
		}
	}
	trace_point(cpu, net, skb, TP_CONSUMED, type, 0, "mld");
	skb_consume(cpu, skb);
}
