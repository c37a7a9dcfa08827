/* What routers are told of groups, and when. RFC 3376; RFC 2236 and RFC 1112 where a querier of that age was heard (for as long as
 * its version's timeout).
 *
 * Version 3: changes of a group's filter are told at once and again `robustness` - 1 times, at random moments (one timer of the
 * device); questions are answered with the present state, per group or, to a general query, all in one. Versions 1 and 2: a report
 * per group, which another member's report makes superfluous; a leave message by who reported last.
 */
#include "inet/ip4/igmp.h"

#define ALL_HOSTS BE32(0xe0000001u)
#define ALL_ROUTERS BE32(0xe0000002u)
#define V3_ROUTERS BE32(0xe0000016u)
#define TICK (4 * NSEC_PER_MSEC) /* what Linux waits when it waits for nothing, at 250 Hz */
#define REPORT_MAX 1500		 /* of one report's packet, where the device would take more */

unsigned igmp_version(const struct cpu *cpu, const struct in_device *idev)
{
	s32 forced = ip4_conf_get(idev->dev, IP4_CONF_FORCE_IGMP_VERSION);
	if (forced >= 1 && forced <= 3)
		return (unsigned)forced;
	if (idev->igmp.v1_until > cpu->now)
		return 1;
	return idev->igmp.v2_until > cpu->now ? 2 : 3;
}

bool igmp_reported(const struct in_device *idev, be32 group)
{
	if (be32_eq(group, ALL_HOSTS))
		return false;
	return (be32_to_cpu(group) & 0xffffff00) != 0xe0000000 || idev->dev->net->ip4->igmp_link_local_reports;
}

/* -- packets -- */

static struct sk_buff *packet_new(struct cpu *cpu, u32 len)
{
	struct sk_buff *skb = skb_alloc(cpu, SKB_HEADROOM + 32, len);
	if (skb)
		memset(skb_put(skb, len), 0, len);
	return skb;
}

/* skb holds an IGMP message without its checksum. Consumes. */
static void igmp_send(struct cpu *cpu, struct in_device *idev, struct sk_buff *skb, be32 to)
{
	static const struct ip4_opts alert = { .len = 4, .router_alert = 20, .data = { 0x94, 4 } };
	struct netns *net = idev->dev->net;
	struct dst *d = ip4_dev_dst(cpu, idev, RTN_MULTICAST);
	struct ip_out o = { .daddr = inaddr_from_v4(to), .proto = IPPROTO_IGMP, .tos = 0xc0, .ttl = 1, .pmtudisc = IP_PMTUDISC_DO,
			    .opts = &alert, .mc_noloop = true };
	if (!d || !(idev->dev->flags & IFF_UP)) {
		skb_drop_net(cpu, net, skb, SKB_DROP_REASON_DEV_DOWN);
		return;
	}
	((struct igmp_hdr *)skb->data)->check = csum_fold(csum_partial(skb->data, skb_headlen(skb), 0));
	o.saddr = d->prefsrc;
	skb->dev = idev->dev;
	dst_hold(d);
	skb_dst_set(skb, d);
	ip4_xmit(cpu, net, skb, &o);
}

static void send_old(struct cpu *cpu, struct in_device *idev, u8 type, be32 group)
{
	struct sk_buff *skb = packet_new(cpu, sizeof(struct igmp_hdr));
	struct igmp_hdr *h;
	if (!skb)
		return;
	h = (struct igmp_hdr *)skb->data;
	h->type = type;
	h->group = group;
	igmp_send(cpu, idev, skb, type == IGMP_LEAVE ? ALL_ROUTERS : group);
}

/* A version 3 report that is being filled: as many packets as it takes. */
struct report {
	struct cpu *cpu;
	struct in_device *idev;
	u8 *buf;
	u32 len, max; /* of the IGMP message */
	u16 records;
};

static void report_flush(struct report *r)
{
	struct igmp_report3 *h = (struct igmp_report3 *)r->buf;
	struct sk_buff *skb;
	if (!r->records)
		return;
	*h = (struct igmp_report3){ .type = IGMP_REPORT_V3, .ngrec = cpu_to_be16(r->records) };
	skb = packet_new(r->cpu, r->len);
	if (skb) {
		memcpy(skb->data, r->buf, r->len);
		igmp_send(r->cpu, r->idev, skb, V3_ROUTERS);
	}
	r->len = sizeof(*h);
	r->records = 0;
}

static bool report_begin(struct report *r, struct cpu *cpu, struct in_device *idev)
{
	*r = (struct report){ .cpu = cpu, .idev = idev, .len = sizeof(struct igmp_report3) };
	r->max = MIN(MAX(idev->dev->mtu, 100u), (u32)REPORT_MAX) - IP4_HDR_LEN - 4;
	r->buf = mem_alloc(&cpu->world->mem, r->max);
	return r->buf != NULL;
}

static void report_end(struct report *r)
{
	report_flush(r);
	mem_free(&r->cpu->world->mem, r->buf);
}

/* Which of the group's sources a record of this type has. asked: only those that the query named. */
static bool in_record(const struct ip4_mc_group *g, const struct ip4_mc_source *s, u8 type, bool asked)
{
	switch (type) {
	case REC_ALLOW:
		return s->to_tell && s->allow;
	case REC_BLOCK:
		return s->to_tell && !s->allow;
	case REC_IS_INCLUDE:
	case REC_IS_EXCLUDE:
		if (asked && !s->asked)
			return false;
		return igmp_source_listed(g, s);
	default:
		return igmp_source_listed(g, s);
	}
}

/* Adds a record; a list of sources that does not fit goes on in the next packet, but for EXCLUDE's, which is cut (section 4.2.16). */
static void report_add(struct report *r, const struct ip4_mc_group *g, u8 type, bool asked)
{
	struct igmp_record *rec = NULL;
	struct ip4_mc_source *s;
	u32 need = sizeof(*rec);
	bool whole = type == REC_IS_EXCLUDE || type == REC_TO_EXCLUDE, any = false;
	list_for_each(s, &g->sources, link)
		if (in_record(g, s, type, asked)) {
			any = true;
			need += sizeof(be32);
		}
	if (!any && (type == REC_ALLOW || type == REC_BLOCK || (type == REC_IS_INCLUDE && asked)))
		return;
	if (r->len + need > r->max)
		report_flush(r);
	s = list_first(&g->sources, struct ip4_mc_source, link);
	for (;;) {
		while (&s->link != &g->sources && !in_record(g, s, type, asked))
			s = list_next(s, link);
		if (rec && &s->link == &g->sources)
			return;
		if (!rec || r->len + sizeof(be32) > r->max) {
			if (rec && whole)
				return;
			if (rec)
				report_flush(r);
			rec = (struct igmp_record *)(r->buf + r->len);
			*rec = (struct igmp_record){ .type = type, .group = g->addr };
			r->len += sizeof(*rec);
			r->records++;
			if (&s->link == &g->sources)
				return;
		}
		rec->src[be16_to_cpu(rec->nsrcs)] = s->addr;
		rec->nsrcs = cpu_to_be16((u16)(be16_to_cpu(rec->nsrcs) + 1));
		r->len += sizeof(be32);
		s = list_next(s, link);
	}
}

static u8 state_type(const struct ip4_mc_group *g) { return igmp_group_mode(g) == MCAST_EXCLUDE ? REC_IS_EXCLUDE : REC_IS_INCLUDE; }

/* -- when -- */

static u64 unsolicited_ns(const struct cpu *cpu, const struct in_device *idev)
{
	s32 ms = ip4_conf_get(idev->dev, igmp_version(cpu, idev) == 3 ? IP4_CONF_IGMPV3_UNSOLICITED : IP4_CONF_IGMPV2_UNSOLICITED);
	return (u64)MAX(ms, 1) * NSEC_PER_MSEC;
}

static u64 at_random(struct cpu *cpu, u64 within_ns)
{
	u32 ms = (u32)MIN(within_ns / NSEC_PER_MSEC, (u64)UINT32_MAX);
	return (u64)rng_below(&cpu->rng, ms) * NSEC_PER_MSEC;
}

void igmp_group_arm(struct cpu *cpu, struct ip4_mc_group *g, u64 within_ns)
{
	struct cpu *home = g->idev->dev->net->home;
	cpu_timer_arm(home, &g->timer, cpu->now + TICK + at_random(cpu, within_ns));
}

void igmp_general_arm(struct cpu *cpu, struct in_device *idev, u64 within_ns)
{
	u64 at = cpu->now + 2 * TICK + at_random(cpu, within_ns);
	if (timer_armed(&idev->igmp.general) && idev->igmp.general.expires <= at)
		return;
	cpu_timer_arm(idev->dev->net->home, &idev->igmp.general, at);
}

static void changes_arm(struct cpu *cpu, struct in_device *idev, u64 within_ns)
{
	cpu_timer_arm(idev->dev->net->home, &idev->igmp.changes, cpu->now + 2 * TICK + at_random(cpu, within_ns));
}

static void tell_changes(struct cpu *cpu, struct in_device *idev)
{
	if (idev->dev->flags & IFF_UP && igmp_version(cpu, idev) == 3)
		changes_arm(cpu, idev, 1);
}

void igmp_group_added(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g)
{
	if (!igmp_reported(idev, g->addr))
		return;
	g->unsolicited = idev->igmp.robustness;
	if (igmp_version(cpu, idev) != 3) {
		igmp_group_arm(cpu, g, 1);
		return;
	}
	/* From listening to nothing, INCLUDE {}: to EXCLUDE, or to some sources when these are told. */
	g->to_tell = igmp_group_mode(g) == MCAST_EXCLUDE ? idev->igmp.robustness : 0;
	if (g->to_tell)
		tell_changes(cpu, idev);
}

void igmp_group_dropped(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g)
{
	bool reporter = g->reporter, up = idev->dev->flags & IFF_UP;
	g->reporter = false;
	g->unsolicited = 0;
	if (up && igmp_reported(idev, g->addr)) {
		if (igmp_version(cpu, idev) == 3) {
			struct ip4_mc_source *s, *tmp;
			list_for_each_safe(s, tmp, &g->sources, link)
				igmp_source_free(idev, s);
			g->to_tell = idev->igmp.robustness; /* TO_INCLUDE {} */
			tell_changes(cpu, idev);
			return;
		}
		if (reporter && igmp_version(cpu, idev) == 2)
			send_old(cpu, idev, IGMP_LEAVE, g->addr);
	}
	igmp_group_free(idev, g);
}

void igmp_mode_changed(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g)
{
	if (!igmp_reported(idev, g->addr))
		return;
	g->to_tell = idev->igmp.robustness;
	tell_changes(cpu, idev);
}

void igmp_sources_changed(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g)
{
	if (igmp_reported(idev, g->addr))
		tell_changes(cpu, idev);
}

/* One round of changes told; false: none is left. */
static bool tell_group(struct report *r, struct ip4_mc_group *g)
{
	struct ip4_mc_source *s, *tmp;
	bool more = false;
	if (g->to_tell) {
		report_add(r, g, igmp_group_mode(g) == MCAST_EXCLUDE ? REC_TO_EXCLUDE : REC_TO_INCLUDE, false);
		more = --g->to_tell > 0;
		return more;
	}
	report_add(r, g, REC_ALLOW, false);
	report_add(r, g, REC_BLOCK, false);
	list_for_each_safe(s, tmp, &g->sources, link) {
		if (s->to_tell)
			more |= --s->to_tell > 0;
		if (!s->to_tell && !s->count[0] && !s->count[1])
			igmp_source_free(g->idev, s);
	}
	return more;
}

static void changes_timer(void *owner, struct timer *t)
{
	struct in_device *idev = container_of(t, struct in_device, igmp.changes);
	struct ip4_mc_group *g, *tmp;
	struct cpu *cpu = owner;
	struct report r;
	bool more = false;
	if (!report_begin(&r, cpu, idev)) {
		changes_arm(cpu, idev, NSEC_PER_SEC);
		return;
	}
	list_for_each_safe(g, tmp, &idev->mc_list, link) {
		if (!igmp_reported(idev, g->addr))
			continue;
		more |= tell_group(&r, g);
		if (!g->users && !g->to_tell)
			igmp_group_free(idev, g);
	}
	report_end(&r);
	if (more)
		changes_arm(cpu, idev, unsolicited_ns(cpu, idev));
}

static void general_timer(void *owner, struct timer *t)
{
	struct in_device *idev = container_of(t, struct in_device, igmp.general);
	struct cpu *cpu = owner;
	struct ip4_mc_group *g;
	struct report r;
	if (!report_begin(&r, cpu, idev))
		return;
	list_for_each(g, &idev->mc_list, link)
		if (g->users && igmp_reported(idev, g->addr))
			report_add(&r, g, state_type(g), false);
	report_end(&r);
}

void igmp_group_timer(void *owner, struct timer *t)
{
	struct ip4_mc_group *g = container_of(t, struct ip4_mc_group, timer);
	struct in_device *idev = g->idev;
	struct cpu *cpu = owner;
	unsigned version = igmp_version(cpu, idev);
	struct report r;
	if (g->unsolicited && --g->unsolicited)
		igmp_group_arm(cpu, g, unsolicited_ns(cpu, idev));
	g->reporter = true;
	if (version == 3) {
		if (!report_begin(&r, cpu, idev))
			return;
		report_add(&r, g, g->asked_sources ? REC_IS_INCLUDE : state_type(g), g->asked_sources);
		report_end(&r);
	} else {
		send_old(cpu, idev, version == 1 ? IGMP_REPORT_V1 : IGMP_REPORT_V2, g->addr);
	}
}

void igmp_forget_changes(struct in_device *idev)
{
	struct ip4_mc_group *g, *tmp;
	timer_cancel(&idev->igmp.changes);
	list_for_each_safe(g, tmp, &idev->mc_list, link) {
		g->to_tell = 0;
		if (!g->users)
			igmp_group_free(idev, g);
	}
}

/* -- the device -- */

void igmp_dev_reset(struct in_device *idev)
{
	idev->igmp.robustness = (u8)CLAMP(idev->dev->net->ip4->igmp_qrv, 1, 255);
	idev->igmp.query_interval = 125 * NSEC_PER_SEC; /* RFC 3376 section 8 */
	idev->igmp.response_interval = 10 * NSEC_PER_SEC;
	idev->igmp.v1_until = idev->igmp.v2_until = 0;
}

void igmp_dev_init(struct in_device *idev)
{
	timer_init(&idev->igmp.changes, changes_timer);
	timer_init(&idev->igmp.general, general_timer);
	igmp_dev_reset(idev);
}

void igmp_dev_stop(struct in_device *idev)
{
	timer_cancel(&idev->igmp.changes);
	timer_cancel(&idev->igmp.general);
}
