/* What is overheard: IGMP and MLD from ports and from the host, and what it says of members, queriers and routers. RFC 4541 section 2.1.
 *
 * Frames come from br_input.c (a port's) and br_dev.c (the host's), data at the network header. They go on their way afterwards; reports of
 * the older versions only to routers, so that hosts do not hear each other's and each reports itself.
 */
#include "codec/wire/icmp6.h"
#include "codec/wire/igmphdr.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "inet/mc.h"
#include "link/bridge/br_mcast.h"

enum { V4_PIM_ROUTERS = 0xe000000d, V4_SNOOPERS = 0xe000006a };
enum { IGMP_MRD_ADVERTISEMENT = 0x30, ICMP6_MRD_ADVERTISEMENT = 151 };
#define PIM_HELLO 0x20 /* version 2, type 0 */

struct snoop {
	struct cpu *cpu;
	struct bridge *br;
	struct br_port *p;	/* NULL: the host */
	struct sk_buff *skb;
	u16 vid;
	int family;
	u32 at, len;		/* of the message, in the packet */
	u8 saddr[16];
	u8 src[ETH_ADDR_LEN];
};

void br_mcast_shorten(struct bridge *br, struct timer *t, u64 after_ns)
{
	if (!timer_armed(t) || t->expires > br_home(br)->now + after_ns)
		br_arm(br, t, after_ns);
}

static struct br_ip group_ip(const struct snoop *s, const u8 *group)
{
	struct br_ip ip = { .vid = s->vid, .proto = s->family == BR_IP4 ? BE16(ETH_P_IP) : BE16(ETH_P_IPV6) };
	memcpy(ip.dst, group, s->family == BR_IP4 ? 4 : 16);
	return ip;
}

/* Groups that are everybody's, and are never told of. */
static bool is_everybodys(const struct snoop *s, const u8 *group)
{
	static const u8 all_nodes[16] = { 0xff, 2, [15] = 1 };
	return s->family == BR_IP4 ? group[0] == 224 && !group[1] && !group[2] : !memcmp(group, all_nodes, 16);
}

static bool in_use(const struct snoop *s) { return dev_running(s->br->dev) && !(s->p && s->p->state == BR_STATE_DISABLED); }

/* A member of `group`: the host, or the membership of its port. old: reported by a version without sources. False: dropped. */
static bool join(const struct snoop *s, const u8 *group, bool old, struct br_mdb_port **out)
{
	struct br_ip ip = group_ip(s, group);
	struct br_mdb_port *pg;
	struct br_mdb *m;
	int err;
	*out = NULL;
	if (is_everybodys(s, group) || !in_use(s))
		return true;
	err = br_mdb_new(s->cpu, s->br, &ip, &m);
	if (err)
		return false;
	if (!s->p) {
		br_mdb_host_join(s->cpu, m, true);
		return true;
	}
	pg = br_pg_find(m, s->p, s->src);
	if (!pg) {
		err = br_pg_new(s->cpu, m, s->p, s->src, 0, old ? MCAST_EXCLUDE : MCAST_INCLUDE, 2 /* RTPROT_KERNEL */, &pg);
		if (err) {
			br_mdb_perhaps_free(m);
			return false;
		}
		if (old)
			br_arm(s->br, &pg->timer, s->br->mcast->membership_interval);
		br_pg_tell(s->cpu, pg, false);
	} else if (old) {
		br_arm(s->br, &pg->timer, s->br->mcast->membership_interval);
	}
	*out = pg;
	return true;
}

static void leave(const struct snoop *s, const u8 *group)
{
	struct br_mcast *mc = s->br->mcast;
	u64 lmqt = mc->last_member_count * mc->last_member_interval;
	struct br_ip ip = group_ip(s, group);
	struct br_mdb_port *pg;
	struct br_mdb *m;
	if (is_everybodys(s, group) || !in_use(s) || !(m = br_mdb_find(s->br, &ip)))
		return;
	pg = s->p ? br_pg_find(m, s->p, s->src) : NULL;
	if (s->p && s->p->flags & BRP_FAST_LEAVE) {
		if (pg && !(pg->flags & BR_PG_PERMANENT)) {
			pg->flags |= BR_PG_FAST_LEAVE;
			br_pg_del(s->cpu, pg);
		}
		return;
	}
	if (timer_armed(&mc->other[s->family].timer)) /* who asks will ask now */
		return;
	if (mc->querier) {
		br_query_send(s->cpu, s->br, s->p, s->family, &ip, NULL, 0, false);
		br_arm(s->br, s->p ? &br_pm(s->p)->query[s->family].timer : &mc->query[s->family].timer, lmqt);
	}
	if (!s->p) {
		if (m->host_joined)
			br_mcast_shorten(s->br, &m->timer, lmqt);
	} else if (pg && !(pg->flags & BR_PG_PERMANENT)) {
		br_mcast_shorten(s->br, &pg->timer, lmqt);
	}
}

/* -- queries: who asks is the querier, and has a router behind it -- */

static void querier_heard(const struct snoop *s, u64 max_ns)
{
	struct br_mcast *mc = s->br->mcast;
	struct br_querier *q = &mc->other[s->family];
	static const u8 none[16];
	unsigned alen = s->family == BR_IP4 ? 4 : 16;
	bool idle = !timer_armed(&q->timer);
	/* The lowest address wins (RFC 2236 section 3). */
	if (!(idle && !timer_armed(&mc->query[s->family].timer)) && memcmp(q->addr, none, alen) && memcmp(s->saddr, q->addr, alen) > 0)
		return;
	memcpy(q->addr, s->saddr, 16);
	q->port_ifindex = s->p ? s->p->dev->ifindex : 0;
	if (idle)
		q->delay_until = s->cpu->now + max_ns;
	br_arm(s->br, &q->timer, mc->querier_interval);
	br_mcast_mark_router(s->cpu, s->br, s->p, s->family);
}

static void query(const struct snoop *s, const u8 *group, u64 max_ns)
{
	static const u8 none[16];
	struct br_mcast *mc = s->br->mcast;
	struct br_mdb_port *pg;
	struct br_ip ip;
	struct br_mdb *m;
	if (!in_use(s))
		return;
	if (!memcmp(group, none, s->family == BR_IP4 ? 4 : 16)) {
		querier_heard(s, max_ns);
		return;
	}
	ip = group_ip(s, group);
	m = br_mdb_find(s->br, &ip);
	if (!m)
		return;
	max_ns *= mc->last_member_count;
	if (m->host_joined)
		br_mcast_shorten(s->br, &m->timer, max_ns);
	list_for_each(pg, &m->ports, link)
		if (!(pg->flags & BR_PG_PERMANENT) && (!br_mcast_newest(mc, s->family) || pg->filter_mode == MCAST_EXCLUDE))
			br_mcast_shorten(s->br, &pg->timer, max_ns);
}

/* Reports of the newest version: a list of records. False: malformed. */
static bool records(const struct snoop *s, u32 at, unsigned n)
{
	bool newest = br_mcast_newest(s->br->mcast, s->family);
	u32 alen = s->family == BR_IP4 ? 4 : 16, end = s->at + s->len;
	for (; n--;) {
		const struct mc_record_hdr *h;
		struct br_mdb_port *pg;
		unsigned nsrcs;
		u8 type, group[16];
		u32 need = (u32)sizeof(*h) + alen;
		if (at + need > end || !pskb_may_pull(s->cpu, s->skb, at + need))
			return false;
		h = (const struct mc_record_hdr *)(s->skb->data + at);
		nsrcs = be16_to_cpu(h->nsrcs);
		need += nsrcs * alen;
		if (at + need > end || !pskb_may_pull(s->cpu, s->skb, at + need))
			return false;
		h = (const struct mc_record_hdr *)(s->skb->data + at);
		type = h->type;
		memcpy(group, h + 1, alen);
		if (type >= MC_IS_INCLUDE && type <= MC_BLOCK) {
			if (!nsrcs && (type == MC_TO_INCLUDE || type == MC_IS_INCLUDE) && (!s->p || !newest)) {
				leave(s, group);
			} else if (!join(s, group, !newest, &pg)) {
				return false;
			} else if (pg && newest) {
				br_report_record(s->cpu, pg, type, s->skb->data + at + sizeof(*h) + alen, nsrcs);
			}
		}
		at += need + h->aux_words * 4u;
	}
	return true;
}

static bool count(const struct snoop *s, u8 type, bool good)
{
	BR_CB(s->skb)->report = type;
	if (unlikely(s->br->mcast->stats_enabled)) {
		struct br_mcast_stats *st = s->p ? &br_pm(s->p)->stats : &s->br->mcast->stats;
		if (good)
			br_mcast_count_slow(st, s->skb, type, BR_MCAST_DIR_RX);
		else if (s->family == BR_IP4)
			st->igmp_parse_errors++;
		else
			st->mld_parse_errors++;
	}
	return good;
}

/* -- IGMP -- */

static bool igmp_query(struct snoop *s, be32 daddr)
{
	const struct igmp_query3 *q = (const struct igmp_query3 *)(s->skb->data + s->at);
	u64 max_ns = 10 * NSEC_PER_SEC;
	u8 group[4];
	memcpy(group, &q->h.group, 4);
	if (s->len != sizeof(q->h) && s->len < sizeof(*q))
		return false;
	if (!q->h.group.raw && be32_to_cpu(daddr) != INADDR_ALLHOSTS_GROUP)
		return false; /* a general one is for all */
	if (s->len == sizeof(q->h)) {
		if (q->h.code)
			max_ns = (u64)q->h.code * 100 * NSEC_PER_MSEC;
		else
			memset(group, 0, 4);
	} else {
		if (!pskb_may_pull(s->cpu, s->skb, s->at + (u32)sizeof(*q)))
			return false;
		q = (const struct igmp_query3 *)(s->skb->data + s->at);
		if (be16_to_cpu(q->nsrcs) || (s->br->mcast->igmp_version == 3 && q->h.group.raw && q->resv_s_qrv & 8))
			return true;
		max_ns = q->h.code ? (u64)igmp3_code_value(q->h.code) * 100 * NSEC_PER_MSEC : NSEC_PER_MSEC;
	}
	query(s, group, max_ns);
	return true;
}

static bool igmp(struct snoop *s, be32 daddr)
{
	struct br_cb *cb = BR_CB(s->skb);
	const struct igmp_hdr *h;
	struct br_mdb_port *pg;
	bool good = true;
	u8 group[4], type;
	if (s->len < sizeof(*h) || !pskb_may_pull(s->cpu, s->skb, s->at + (u32)sizeof(*h)) || csum_fold(skb_checksum(s->skb, s->at, s->len, 0)))
		return count(s, 0, false);
	h = (const struct igmp_hdr *)(s->skb->data + s->at);
	memcpy(group, &h->group, 4);
	type = h->type;
	switch (type) {
	case IGMP_REPORT_V1:
	case IGMP_REPORT_V2:
		cb->mrouters_only = true;
		good = join(s, group, true, &pg);
		break;
	case IGMP_REPORT_V3:
		good = records(s, s->at + (u32)sizeof(struct igmp_report3), be16_to_cpu(((const struct igmp_report3 *)(const void *)h)->ngrec));
		break;
	case IGMP_QUERY:
		good = igmp_query(s, daddr);
		break;
	case IGMP_LEAVE:
		leave(s, group);
		break;
	default: /* not membership */
		if (be32_to_cpu(daddr) == V4_SNOOPERS && type == IGMP_MRD_ADVERTISEMENT)
			br_mcast_mark_router(s->cpu, s->br, s->p, BR_IP4);
		else if ((be32_to_cpu(daddr) & 0xffffff00) != 0xe0000000)
			cb->mrouters_only = true;
		return true;
	}
	cb->igmp = true;
	return count(s, type, good);
}

static bool rx4(struct snoop *s)
{
	const struct ip4_hdr *ip;
	u32 hlen, tot;
	be32 daddr;
	if (!pskb_may_pull(s->cpu, s->skb, IP4_HDR_LEN))
		return false;
	ip = (const struct ip4_hdr *)s->skb->data;
	hlen = ip4_hlen(ip);
	if (ip4_version(ip) != 4 || hlen < IP4_HDR_LEN || !pskb_may_pull(s->cpu, s->skb, hlen))
		return count(s, 0, false);
	ip = (const struct ip4_hdr *)s->skb->data;
	tot = ip4_tot_len(ip);
	daddr = ip->daddr;
	if (ip4_hdr_csum(ip, hlen) || s->skb->len < tot || tot < hlen)
		return count(s, 0, false);
	memcpy(s->saddr, &ip->saddr, 4);
	s->at = hlen;
	s->len = tot - hlen;
	if (ip->protocol == IPPROTO_IGMP)
		return igmp(s, daddr);
	if ((be32_to_cpu(daddr) & 0xffffff00) != 0xe0000000) {
		BR_CB(s->skb)->mrouters_only = true;
	} else if (be32_to_cpu(daddr) == V4_PIM_ROUTERS && ip->protocol == IPPROTO_PIM) {
		u8 tmp;
		const u8 *pim = skb_header_pointer(s->skb, hlen, 1, &tmp);
		if (pim && *pim == PIM_HELLO)
			br_mcast_mark_router(s->cpu, s->br, s->p, BR_IP4);
	}
	return true;
}

/* -- MLD -- */

static bool mld_query(struct snoop *s, const u8 *daddr)
{
	static const u8 all_nodes[16] = { 0xff, 2, [15] = 1 }, none[16];
	const struct mld2_query *q = (const struct mld2_query *)(s->skb->data + s->at);
	u64 max_ns;
	u8 group[16];
	memcpy(group, q->h.group, 16);
	if (s->saddr[0] != 0xfe || (s->saddr[1] & 0xc0) != 0x80 || (s->len != sizeof(q->h) && s->len < sizeof(*q)))
		return false;
	if (!memcmp(group, none, 16) && memcmp(daddr, all_nodes, 16))
		return false;
	if (s->len == sizeof(q->h)) {
		max_ns = be16_to_cpu(q->h.max_delay) * NSEC_PER_MSEC;
	} else {
		if (!pskb_may_pull(s->cpu, s->skb, s->at + (u32)sizeof(*q)))
			return false;
		q = (const struct mld2_query *)(s->skb->data + s->at);
		if (be16_to_cpu(q->nsrcs) || (s->br->mcast->mld_version == 2 && memcmp(group, none, 16) && q->resv_s_qrv & 8))
			return true;
		max_ns = MAX(mld2_code_value(be16_to_cpu(q->h.max_delay)), 1u) * NSEC_PER_MSEC;
	}
	query(s, group, max_ns);
	return true;
}

static bool mld(struct snoop *s, const u8 *daddr, u8 type)
{
	u32 need = type == ICMP6_MLD2_REPORT ? (u32)sizeof(struct mld2_report) : (u32)sizeof(struct mld_hdr);
	struct br_mdb_port *pg;
	bool good = true;
	u8 group[16];
	if (s->len < need || !pskb_may_pull(s->cpu, s->skb, s->at + need))
		return count(s, 0, false);
	if (csum_fold(skb_checksum(s->skb, s->at, s->len, csum_pseudo6(s->saddr, daddr, s->len, IPPROTO_ICMPV6))))
		return count(s, 0, false);
	if (type != ICMP6_MLD2_REPORT)
		memcpy(group, ((const struct mld_hdr *)(s->skb->data + s->at))->group, 16);
	switch (type) {
	case ICMP6_MLD_REPORT:
		BR_CB(s->skb)->mrouters_only = true;
		good = join(s, group, true, &pg);
		break;
	case ICMP6_MLD2_REPORT:
		good = records(s, s->at + need, be16_to_cpu(((const struct mld2_report *)(s->skb->data + s->at))->ngrec));
		break;
	case ICMP6_MLD_QUERY:
		good = mld_query(s, daddr);
		break;
	case ICMP6_MLD_DONE:
		leave(s, group);
		break;
	default:
		break;
	}
	BR_CB(s->skb)->igmp = true;
	return count(s, type, good);
}

static bool rx6(struct snoop *s)
{
	static const u8 all_nodes[16] = { 0xff, 2, [15] = 1 }, snoopers[16] = { 0xff, 2, [15] = 0x6a };
	const struct ip6_hdr *ip;
	const struct ip6_ext *ext;
	u8 daddr[16], type = 0;
	u32 len;
	if (!pskb_may_pull(s->cpu, s->skb, IP6_HDR_LEN))
		return false;
	ip = (const struct ip6_hdr *)s->skb->data;
	len = ip6_payload_len(ip);
	if (ip6_version(ip) != 6 || s->skb->len < IP6_HDR_LEN + len)
		return count(s, 0, false);
	memcpy(s->saddr, ip->saddr, 16);
	memcpy(daddr, ip->daddr, 16);
	/* MLD has a router alert in hop-by-hop options (RFC 2710 section 3). */
	if (ip->nexthdr == IP6_NH_HOPOPTS && len > 8 && pskb_may_pull(s->cpu, s->skb, IP6_HDR_LEN + 8)) {
		u32 elen;
		ext = (const struct ip6_ext *)(s->skb->data + IP6_HDR_LEN);
		elen = ip6_ext_len(IP6_NH_HOPOPTS, ext->len);
		if (ext->nexthdr == IPPROTO_ICMPV6 && elen < len && pskb_may_pull(s->cpu, s->skb, IP6_HDR_LEN + elen + 1)) {
			s->at = IP6_HDR_LEN + elen;
			s->len = len - elen;
			type = s->skb->data[s->at];
		}
	}
	if (type == ICMP6_MLD_QUERY || type == ICMP6_MLD_REPORT || type == ICMP6_MLD_DONE || type == ICMP6_MLD2_REPORT)
		return mld(s, daddr, type);
	if (memcmp(daddr, all_nodes, 16))
		BR_CB(s->skb)->mrouters_only = true;
	if (type == ICMP6_MRD_ADVERTISEMENT && !memcmp(daddr, snoopers, 16))
		br_mcast_mark_router(s->cpu, s->br, s->p, BR_IP6);
	return true;
}

bool br_mcast_rx(struct cpu *cpu, struct bridge *br, struct br_port *p, struct sk_buff *skb, u16 vid)
{
	struct snoop s = { .cpu = cpu, .br = br, .p = p, .skb = skb, .vid = vid };
	if (!br->mcast->snooping)
		return true;
	memcpy(s.src, ((const struct eth_hdr *)skb_mac_header(skb))->src, ETH_ADDR_LEN);
	if (be16_eq(skb->protocol, BE16(ETH_P_IP)))
		return rx4(&s);
	if (!be16_eq(skb->protocol, BE16(ETH_P_IPV6)))
		return true;
	s.family = BR_IP6;
	return rx6(&s);
}
