/* Queries that the bridge sends as a querier (`mcast_querier 1`), to each port and to the host: general ones at intervals, and of one group
 * when somebody left it. RFC 2236, 3376, 2710, 3810; the source is 0.0.0.0 (RFC 4541 2.1.1), or the bridge's address.
 *
 * There is one querier on a link: while another's queries are heard, ours rest.
 */
#include "codec/wire/icmp6.h"
#include "codec/wire/igmphdr.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "link/bridge/br_mcast.h"

#define QRV 2

bool br_query_we_ask(const struct bridge *br, int family) { return br->mcast->querier && !timer_armed(&br->mcast->other[family].timer); }

static u64 response_ns(const struct br_mcast *m, bool general) { return general ? m->response_interval : m->last_member_interval; }

static struct sk_buff *frame(struct cpu *cpu, struct bridge *br, u32 len, const u8 *dst, u16 type)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM, ETH_HDR_LEN + len);
	u8 *p;
	if (!skb)
		return NULL;
	p = skb_put(skb, ETH_HDR_LEN + len);
	memset(p, 0, ETH_HDR_LEN + len);
	eth_build((struct eth_hdr *)p, dst, br->dev->dev_addr, type);
	skb->dev = br->dev;
	skb->protocol = cpu_to_be16(type);
	skb_reset_mac_header(skb);
	skb_pull(skb, ETH_HDR_LEN);
	skb->mac_len = ETH_HDR_LEN;
	skb_reset_network_header(skb);
	return skb;
}

static struct sk_buff *build4(struct cpu *cpu, struct bridge *br, const u8 *group, const u8 *sources, unsigned n, bool suppress)
{
	const struct br_mcast *m = br->mcast;
	bool newest = m->igmp_version == 3;
	u32 body = newest ? (u32)sizeof(struct igmp_query3) + n * 4 : (u32)sizeof(struct igmp_hdr);
	u8 dst[ETH_ADDR_LEN] = { 1, 0, 0x5e, group[1] & 0x7f, group[2], group[3] };
	bool general = !(group[0] | group[1] | group[2] | group[3]);
	struct igmp_query3 *q;
	struct sk_buff *skb;
	struct ip4_hdr *ip;
	if (general)
		dst[5] = 1;
	skb = frame(cpu, br, IP4_HDR_LEN + 4 + body, dst, ETH_P_IP);
	if (!skb)
		return NULL;
	ip = (struct ip4_hdr *)skb->data;
	*ip = (struct ip4_hdr){ .ver_ihl = 0x46, .tos = 0xc0, .tot_len = cpu_to_be16((u16)(IP4_HDR_LEN + 4 + body)), .frag = BE16(IP4_DF), .ttl = 1,
				.protocol = IPPROTO_IGMP, .daddr = BE32(0xe0000001) };
	if (!general)
		memcpy(&ip->daddr, group, 4);
	if (m->use_ifaddr)
		ip->saddr = ip4_select_saddr(br->dev->net, br->dev, (be32){ 0 }, 253 /* RT_SCOPE_LINK */);
	memcpy(ip + 1, (const u8[]){ IP4_OPT_RA, 4, 0, 0 }, 4);
	ip4_set_csum(ip);
	q = (struct igmp_query3 *)(skb->data + IP4_HDR_LEN + 4);
	q->h.type = IGMP_QUERY;
	memcpy(&q->h.group, group, 4);
	q->h.code = (u8)MIN(response_ns(m, general) / (100 * NSEC_PER_MSEC), 255ull);
	if (newest) {
		q->h.code = igmp3_code((u32)(response_ns(m, general) / (100 * NSEC_PER_MSEC)));
		q->resv_s_qrv = (u8)(QRV | (suppress ? 8 : 0));
		q->qqic = igmp3_code((u32)(m->query_interval / NSEC_PER_SEC));
		q->nsrcs = cpu_to_be16((u16)n);
		if (n)
			memcpy(q->src, sources, n * 4);
	}
	q->h.check = csum_fold(csum_partial(q, body, 0));
	BR_CB(skb)->igmp = true;
	return skb;
}

static struct sk_buff *build6(struct cpu *cpu, struct bridge *br, const u8 *group, const u8 *sources, unsigned n, bool suppress)
{
	static const struct inaddr all_nodes = { .b = { 0xff, 2, [15] = 1 } }, any;
	static const u8 alert[8] = { IPPROTO_ICMPV6, 0, IP6_OPT_ROUTER_ALERT, 2, 0, 0, IP6_OPT_PADN, 0 };
	struct br_mcast *m = br->mcast;
	bool newest = m->mld_version == 2, general = !memcmp(group, any.b, 16);
	u32 body = newest ? (u32)sizeof(struct mld2_query) + n * 16 : (u32)sizeof(struct mld_hdr);
	struct inaddr to = all_nodes, from;
	struct mld2_query *q;
	struct sk_buff *skb;
	struct ip6_hdr *ip;
	u8 dst[ETH_ADDR_LEN] = { 0x33, 0x33 };
	u64 ms = response_ns(m, general) / NSEC_PER_MSEC;
	if (!general)
		memcpy(to.b, group, 16);
	m->has_ip6_addr = br->dev->ip6_ptr && ip6_select_saddr(cpu, br->dev->net, br->dev, &to, 0, &from);
	if (!m->has_ip6_addr) /* RFC 2710 section 3: the source is link-local, or there is no query */
		return NULL;
	memcpy(dst + 2, to.b + 12, 4);
	skb = frame(cpu, br, IP6_HDR_LEN + 8 + body, dst, ETH_P_IPV6);
	if (!skb)
		return NULL;
	ip = (struct ip6_hdr *)skb->data;
	ip->vtf = ip6_vtf(0, (be32){ 0 });
	ip->payload_len = cpu_to_be16((u16)(8 + body));
	ip->nexthdr = IP6_NH_HOPOPTS;
	ip->hop_limit = 1;
	memcpy(ip->saddr, from.b, 16);
	memcpy(ip->daddr, to.b, 16);
	memcpy(ip + 1, alert, 8);
	q = (struct mld2_query *)(skb->data + IP6_HDR_LEN + 8);
	q->h.type = ICMP6_MLD_QUERY;
	memcpy(q->h.group, group, 16);
	q->h.max_delay = cpu_to_be16(newest ? mld2_code((u32)ms) : (u16)MIN(ms, 0xffffull));
	if (newest) {
		q->resv_s_qrv = (u8)(QRV | (suppress ? 8 : 0));
		q->qqic = igmp3_code((u32)(m->query_interval / NSEC_PER_SEC));
		q->nsrcs = cpu_to_be16((u16)n);
		if (n)
			memcpy(q->src, sources, n * 16);
	}
	q->h.check = csum_fold(csum_partial(q, body, csum_pseudo6(ip->saddr, ip->daddr, body, IPPROTO_ICMPV6)));
	BR_CB(skb)->igmp = true;
	return skb;
}

void br_query_send(struct cpu *cpu, struct bridge *br, struct br_port *p, int family, const struct br_ip *ip, const u8 *sources, unsigned n,
		   bool suppress)
{
	static const u8 none[16];
	const u8 *group = ip ? ip->dst : none;
	struct sk_buff *skb;
	if (family == BR_IP4)
		skb = build4(cpu, br, group, sources, n, suppress);
	else
		skb = build6(cpu, br, group, sources, n, suppress);
	if (!skb)
		return;
	*BR_CB(skb) = (struct br_cb){ .local = true, .report = family == BR_IP4 ? IGMP_QUERY : ICMP6_MLD_QUERY };
	if (ip && ip->vid && br->vlan_filtering) {
		skb->vlan_proto = br->vlan_proto;
		skb->vlan_tci = ip->vid;
	}
	trace_mark(cpu, skb);
	if (p) {
		br_mcast_count(br, p, skb, BR_CB(skb)->report, BR_MCAST_DIR_TX);
		br_send_finish(cpu, p, skb);
		return;
	}
	br_mcast_count(br, NULL, skb, BR_CB(skb)->report, BR_MCAST_DIR_RX);
	skb->pkt_type = PACKET_MULTICAST;
	cpu_backlog_add(cpu, br_home(br), skb);
}

/* A general query of one family by p (NULL: to the host), and when the next one is due. */
static void general(struct cpu *cpu, struct bridge *br, struct br_port *p, struct br_query *q, int family)
{
	struct br_mcast *m = br->mcast;
	if (!dev_running(br->dev) || !m->snooping || !br_query_we_ask(br, family))
		return;
	if (p && p->state == BR_STATE_DISABLED)
		return;
	if (!p) { /* nobody else asks: we are it */
		memset(m->other[family].addr, 0, 16);
		m->other[family].port_ifindex = 0;
	}
	br_query_send(cpu, br, p, family, NULL, NULL, 0, false);
	br_arm(br, &q->timer, q->startup_sent < m->startup_count ? m->startup_interval : m->query_interval);
}

static void bridge_timer(struct cpu *cpu, struct bridge *br, int family)
{
	struct br_query *q = &br->mcast->query[family];
	if (q->startup_sent < br->mcast->startup_count)
		q->startup_sent++;
	general(cpu, br, NULL, q, family);
}
static void bridge_timer4(void *owner, struct timer *t) { bridge_timer(owner, container_of(t, struct br_mcast, query[BR_IP4].timer)->br, BR_IP4); }
static void bridge_timer6(void *owner, struct timer *t) { bridge_timer(owner, container_of(t, struct br_mcast, query[BR_IP6].timer)->br, BR_IP6); }

static void port_timer(struct cpu *cpu, struct br_port_mcast *pm, int family)
{
	struct br_query *q = &pm->query[family];
	if (pm->port->state == BR_STATE_DISABLED || pm->port->state == BR_STATE_BLOCKING)
		return;
	if (q->startup_sent < pm->port->br->mcast->startup_count)
		q->startup_sent++;
	general(cpu, pm->port->br, pm->port, q, family);
}
static void port_timer4(void *owner, struct timer *t) { port_timer(owner, container_of(t, struct br_port_mcast, query[BR_IP4].timer), BR_IP4); }
static void port_timer6(void *owner, struct timer *t) { port_timer(owner, container_of(t, struct br_port_mcast, query[BR_IP6].timer), BR_IP6); }

void br_query_init(struct bridge *br)
{
	timer_init(&br->mcast->query[BR_IP4].timer, bridge_timer4);
	timer_init(&br->mcast->query[BR_IP6].timer, bridge_timer6);
}

void br_query_port_init(struct br_port *p)
{
	timer_init(&br_pm(p)->query[BR_IP4].timer, port_timer4);
	timer_init(&br_pm(p)->query[BR_IP6].timer, port_timer6);
}

void br_query_start(struct bridge *br, struct br_query *q)
{
	q->startup_sent = 0;
	br_arm(br, &q->timer, 0);
}
