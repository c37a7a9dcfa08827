/* Snooping's life and its settings: who is querier, behind which ports there are routers, IFLA_BR_MCAST_*. What is heard is br_snoop.c's,
 * what we ask br_query.c's, the table br_mdb.c's. RFC 4541, RFC 4286 (multicast router discovery); ip-link(8).
 */
#include "base/mem.h"
#include "codec/wire/icmp6.h"
#include "codec/wire/igmphdr.h"
#include "inet/ip4/ip4.h"
#include "inet/ip6/ip6.h"
#include "link/bridge/br_mcast.h"

#define EHT_HOSTS_DEFAULT 512
#define MIN_QUERY_INTERVAL NSEC_PER_SEC /* shorter ones would be a flood */

/* -- routers -- */

static void tell_router(struct cpu *cpu, struct br_port *p, int family, bool gone)
{
	struct br_mdb_event e = { .router = p, .family = family };
	br_tell(cpu, &(struct br_event){ .what = gone ? BR_EV_MDB_DEL : BR_EV_MDB_NEW, .dev = p->br->dev, .mdb = &e });
}

static void port_router(struct cpu *cpu, struct br_port *p, int family, bool on)
{
	struct br_port_mcast *pm = br_pm(p);
	bool was = pm->is_router[BR_IP4] || pm->is_router[BR_IP6];
	if (pm->is_router[family] == on)
		return;
	pm->is_router[family] = on;
	if (!on)
		timer_cancel(&pm->router_timer[family]);
	if (was != (pm->is_router[BR_IP4] || pm->is_router[BR_IP6]))
		tell_router(cpu, p, family, !on);
}

static void port_router_over(struct cpu *cpu, struct br_port_mcast *pm, int family)
{
	if (pm->router != MDB_RTR_TYPE_PERM && pm->router != MDB_RTR_TYPE_DISABLED)
		port_router(cpu, pm->port, family, false);
}
static void port_router4_over(void *owner, struct timer *t) { port_router_over(owner, container_of(t, struct br_port_mcast, router_timer[BR_IP4]), BR_IP4); }
static void port_router6_over(void *owner, struct timer *t) { port_router_over(owner, container_of(t, struct br_port_mcast, router_timer[BR_IP6]), BR_IP6); }
static void nothing(void *owner, struct timer *t) {} /* that it is armed is all that counts */

void br_mcast_mark_router(struct cpu *cpu, struct bridge *br, struct br_port *p, int family)
{
	struct br_mcast *m = br->mcast;
	struct br_port_mcast *pm;
	if (!p) {
		if (m->router == MDB_RTR_TYPE_TEMP_QUERY)
			br_arm(br, &m->router_timer[family], m->querier_interval);
		return;
	}
	pm = br_pm(p);
	if (pm->router == MDB_RTR_TYPE_DISABLED || pm->router == MDB_RTR_TYPE_PERM)
		return;
	port_router(cpu, p, family, true);
	br_arm(br, &pm->router_timer[family], m->querier_interval);
}

bool br_mcast_is_router(const struct bridge *br, const struct sk_buff *skb)
{
	const struct br_mcast *m = br->mcast;
	if (m->router != MDB_RTR_TYPE_TEMP_QUERY)
		return m->router == MDB_RTR_TYPE_PERM;
	if (be16_eq(skb->protocol, BE16(ETH_P_IP)))
		return timer_armed(&m->router_timer[BR_IP4]);
	return be16_eq(skb->protocol, BE16(ETH_P_IPV6)) && timer_armed(&m->router_timer[BR_IP6]);
}

bool br_mcast_querier_there(const struct bridge *br, const struct eth_hdr *h, const struct br_mdb *mdb)
{
	const struct br_mcast *m = br->mcast;
	const struct br_querier *q;
	int family = be16_eq(h->type, BE16(ETH_P_IPV6)) ? BR_IP6 : BR_IP4;
	if (family == BR_IP4 && !be16_eq(h->type, BE16(ETH_P_IP)))
		return mdb && br_ip_alen(&mdb->ip) == 6;
	q = &m->other[family];
	return q->delay_until <= br_home(br)->now && (timer_armed(&q->timer) || (m->querier && (family == BR_IP4 || m->has_ip6_addr)));
}

/* -- the other querier fell silent: our turn, if we are one -- */

static void start_asking(struct bridge *br, int family)
{
	struct br_port *p;
	br_query_start(br, &br->mcast->query[family]);
	br_for_each_port(p, br)
		if (p->state != BR_STATE_DISABLED && p->state != BR_STATE_BLOCKING)
			br_query_start(br, &br_pm(p)->query[family]);
}

static void other_over(struct bridge *br, int family)
{
	if (dev_running(br->dev) && br->mcast->snooping)
		start_asking(br, family);
}
static void other4_over(void *owner, struct timer *t) { other_over(container_of(t, struct br_mcast, other[BR_IP4].timer)->br, BR_IP4); }
static void other6_over(void *owner, struct timer *t) { other_over(container_of(t, struct br_mcast, other[BR_IP6].timer)->br, BR_IP6); }

/* -- life -- */

int br_mcast_init(struct bridge *br)
{
	struct br_mcast *m = mem_zalloc(br_mem(br), sizeof(*m));
	int err;
	if (!m)
		return -ENOMEM;
	err = htable_init(&m->mdb, br_mem(br), 8);
	if (err) {
		mem_free(br_mem(br), m);
		return err;
	}
	list_init(&m->mdb_list);
	m->br = br;
	m->snooping = true;
	m->router = MDB_RTR_TYPE_TEMP_QUERY;
	m->igmp_version = 2;
	m->mld_version = 1;
	m->hash_max = 4096;
	m->last_member_count = m->startup_count = 2;
	m->last_member_interval = NSEC_PER_SEC;
	m->membership_interval = 260 * NSEC_PER_SEC;
	m->querier_interval = 255 * NSEC_PER_SEC;
	m->query_interval = 125 * NSEC_PER_SEC;
	m->response_interval = 10 * NSEC_PER_SEC;
	m->startup_interval = 31240 * NSEC_PER_MSEC; /* a quarter of query_interval, as a clock of 1/250 s has it */
	for (int f = 0; f < 2; f++)
		timer_init(&m->router_timer[f], nothing);
	timer_init(&m->other[BR_IP4].timer, other4_over);
	timer_init(&m->other[BR_IP6].timer, other6_over);
	br->mcast = m;
	br_query_init(br);
	return 0;
}

static void stop_timers(struct br_mcast *m)
{
	for (int f = 0; f < 2; f++) {
		timer_cancel(&m->router_timer[f]);
		timer_cancel(&m->query[f].timer);
		timer_cancel(&m->other[f].timer);
	}
}

void br_mcast_dev_gone(struct cpu *cpu, struct bridge *br)
{
	br_mdb_flush(cpu, br);
	stop_timers(br->mcast);
}

void br_mcast_fini(struct bridge *br)
{
	if (!br->mcast)
		return;
	stop_timers(br->mcast);
	htable_fini(&br->mcast->mdb);
	mem_free(br_mem(br), br->mcast);
	br->mcast = NULL;
}

/* The host listens to those who look for snoopers (RFC 4286). */
static void join_snoopers(struct cpu *cpu, struct bridge *br, bool on)
{
	static const struct inaddr snoopers6 = { .b = { 0xff, 2, [15] = 0x6a } };
	const be32 snoopers4 = BE32(0xe000006a);
	if (br->mcast->joined == on)
		return;
	br->mcast->joined = on;
	if (on) {
		if (br->dev->ip_ptr)
			ip4_mc_join(cpu, br->dev, snoopers4);
		if (br->dev->ip6_ptr)
			ip6_mc_join(cpu, br->dev, &snoopers6);
	} else {
		if (br->dev->ip_ptr)
			ip4_mc_leave(cpu, br->dev, snoopers4);
		if (br->dev->ip6_ptr)
			ip6_mc_leave(cpu, br->dev, &snoopers6);
	}
}

void br_mcast_open(struct cpu *cpu, struct bridge *br)
{
	struct br_mcast *m = br->mcast;
	if (!m->snooping)
		return;
	for (int f = 0; f < 2; f++)
		br_query_start(br, &m->query[f]);
	join_snoopers(cpu, br, true);
}

void br_mcast_stop(struct cpu *cpu, struct bridge *br)
{
	stop_timers(br->mcast);
	join_snoopers(cpu, br, false);
}

int br_mcast_port_init(struct br_port *p)
{
	struct br_port_mcast *pm = mem_zalloc(br_mem(p->br), sizeof(*pm));
	if (!pm)
		return -ENOMEM;
	pm->port = p;
	pm->router = MDB_RTR_TYPE_TEMP_QUERY;
	pm->eht_limit = EHT_HOSTS_DEFAULT;
	list_init(&pm->groups);
	timer_init(&pm->router_timer[BR_IP4], port_router4_over);
	timer_init(&pm->router_timer[BR_IP6], port_router6_over);
	p->mcast = pm;
	br_query_port_init(p);
	return 0;
}

void br_mcast_port_fini(struct br_port *p)
{
	struct br_port_mcast *pm = br_pm(p);
	if (!pm)
		return;
	for (int f = 0; f < 2; f++) {
		timer_cancel(&pm->router_timer[f]);
		timer_cancel(&pm->query[f].timer);
	}
	mem_free(br_mem(p->br), pm);
	p->mcast = NULL;
}

static void leave_groups(struct cpu *cpu, struct br_port *p, bool permanent_too)
{
	struct br_mdb_port *pg;
again:	/* the end of one may be that of others: those of its sources */
	list_for_each(pg, &br_pm(p)->groups, port_link)
		if (permanent_too || !(pg->flags & BR_PG_PERMANENT)) {
			br_pg_del(cpu, pg);
			goto again;
		}
}

void br_mcast_port_gone(struct cpu *cpu, struct br_port *p)
{
	leave_groups(cpu, p, true);
	br_pm(p)->is_router[BR_IP4] = br_pm(p)->is_router[BR_IP6] = false;
}

void br_mcast_port_enable(struct cpu *cpu, struct br_port *p)
{
	struct br_port_mcast *pm = br_pm(p);
	if (!p->br->mcast->snooping || !dev_running(p->br->dev))
		return;
	for (int f = 0; f < 2; f++) {
		br_query_start(p->br, &pm->query[f]);
		if (pm->router == MDB_RTR_TYPE_PERM)
			port_router(cpu, p, f, true);
	}
}

void br_mcast_port_disable(struct cpu *cpu, struct br_port *p)
{
	struct br_port_mcast *pm = br_pm(p);
	leave_groups(cpu, p, false);
	for (int f = 0; f < 2; f++) {
		port_router(cpu, p, f, false);
		timer_cancel(&pm->router_timer[f]);
		timer_cancel(&pm->query[f].timer);
	}
}

void br_mcast_count_slow(struct br_mcast_stats *s, const struct sk_buff *skb, u8 type, int dir)
{
	u8 buf[60];
	const u8 *h;
	u32 len;
	if (be16_eq(skb->protocol, BE16(ETH_P_IP))) {
		h = skb_header_pointer(skb, 0, 20, buf);
		len = h ? (u32)(h[2] << 8 | h[3]) - (u32)(h[0] & 15) * 4 : 0;
		switch (type) {
		case IGMP_REPORT_V1: s->igmp_v1reports[dir]++; break;
		case IGMP_REPORT_V2: s->igmp_v2reports[dir]++; break;
		case IGMP_REPORT_V3: s->igmp_v3reports[dir]++; break;
		case IGMP_LEAVE: s->igmp_leaves[dir]++; break;
		case IGMP_QUERY:
			h = h ? skb_header_pointer(skb, (u32)(h[0] & 15) * 4, 2, buf) : NULL;
			if (len != sizeof(struct igmp_hdr))
				s->igmp_v3queries[dir]++;
			else if (h && h[1])
				s->igmp_v2queries[dir]++;
			else
				s->igmp_v1queries[dir]++;
			break;
		default: break;
		}
	} else {
		h = skb_header_pointer(skb, 0, 48, buf);
		len = h ? (u32)(h[4] << 8 | h[5]) - 8u * (h[41] + 1u) : 0;
		switch (type) {
		case ICMP6_MLD_REPORT: s->mld_v1reports[dir]++; break;
		case ICMP6_MLD2_REPORT: s->mld_v2reports[dir]++; break;
		case ICMP6_MLD_DONE: s->mld_leaves[dir]++; break;
		case ICMP6_MLD_QUERY: (len == sizeof(struct mld_hdr) ? s->mld_v1queries : s->mld_v2queries)[dir]++; break;
		default: break;
		}
	}
}

/* -- settings: all batons held -- */

int br_mcast_set_router(struct cpu *cpu, struct bridge *br, u8 type)
{
	if (type > MDB_RTR_TYPE_PERM)
		return -EINVAL;
	if (type != MDB_RTR_TYPE_TEMP_QUERY)
		for (int f = 0; f < 2; f++)
			timer_cancel(&br->mcast->router_timer[f]);
	br->mcast->router = type;
	return 0;
}

int br_mcast_port_set_router(struct cpu *cpu, struct br_port *p, u8 type)
{
	struct br_port_mcast *pm = br_pm(p);
	if (type > MDB_RTR_TYPE_TEMP)
		return -EINVAL;
	if (type == pm->router) { /* said again: for a while longer */
		for (int f = 0; f < 2 && type == MDB_RTR_TYPE_TEMP; f++)
			br_arm(p->br, &pm->router_timer[f], p->br->mcast->querier_interval);
		return 0;
	}
	pm->router = type;
	for (int f = 0; f < 2; f++) {
		timer_cancel(&pm->router_timer[f]);
		port_router(cpu, p, f, type == MDB_RTR_TYPE_PERM || type == MDB_RTR_TYPE_TEMP);
		if (type == MDB_RTR_TYPE_TEMP)
			br_arm(p->br, &pm->router_timer[f], p->br->mcast->querier_interval);
	}
	return 0;
}

int br_mcast_set_snooping(struct cpu *cpu, struct bridge *br, bool on, struct nl_ext_ack *ack)
{
	struct br_port *p;
	if (br->mcast->snooping == on)
		return 0;
	br->mcast->snooping = on;
	if (!on) {
		join_snoopers(cpu, br, false);
		return 0;
	}
	if (!dev_running(br->dev))
		return 0;
	br_mcast_open(cpu, br);
	br_for_each_port(p, br)
		if (p->state != BR_STATE_DISABLED)
			br_mcast_port_enable(cpu, p);
	return 0;
}

int br_mcast_set_querier(struct cpu *cpu, struct bridge *br, bool on)
{
	struct br_mcast *m = br->mcast;
	if (m->querier == on)
		return 0;
	m->querier = on;
	if (!on || !dev_running(br->dev) || !m->snooping)
		return 0;
	for (int f = 0; f < 2; f++) {
		if (!timer_armed(&m->other[f].timer)) /* members first have to answer */
			m->other[f].delay_until = br_home(br)->now + m->response_interval;
		start_asking(br, f);
	}
	return 0;
}

static const struct nlattr *attr(const struct nl_attrs *tb, unsigned type) { return type <= tb->max ? tb->a[type] : NULL; }

static const struct { u16 attr; u16 offset; } times[] = {
	{ IFLA_BR_MCAST_LAST_MEMBER_INTVL, offsetof(struct br_mcast, last_member_interval) },
	{ IFLA_BR_MCAST_MEMBERSHIP_INTVL, offsetof(struct br_mcast, membership_interval) },
	{ IFLA_BR_MCAST_QUERIER_INTVL, offsetof(struct br_mcast, querier_interval) },
	{ IFLA_BR_MCAST_QUERY_INTVL, offsetof(struct br_mcast, query_interval) },
	{ IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, offsetof(struct br_mcast, response_interval) },
	{ IFLA_BR_MCAST_STARTUP_QUERY_INTVL, offsetof(struct br_mcast, startup_interval) },
};

void br_mcast_set_time(struct br_mcast *m, u16 which, u64 ticks)
{
	bool queries = which == IFLA_BR_MCAST_QUERY_INTVL || which == IFLA_BR_MCAST_STARTUP_QUERY_INTVL;
	u64 ns = MIN(ticks, (u64)UINT32_MAX) * BR_TICKS_NS;
	if (queries && ns < MIN_QUERY_INTERVAL) {
		world_log(m->br->dev->net->world, 6, "%s: trying to set multicast query interval below minimum, setting to %llu (%llums)", m->br->dev->name,
			  (unsigned long long)(MIN_QUERY_INTERVAL / BR_TICKS_NS), (unsigned long long)(MIN_QUERY_INTERVAL / NSEC_PER_MSEC));
		ns = MIN_QUERY_INTERVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i].attr == which)
			*(u64 *)((u8 *)m + times[i].offset) = ns;
}

static int set_versions(struct br_mcast *m, const struct nl_attrs *d)
{
	const struct nlattr *a;
	if ((a = attr(d, IFLA_BR_MCAST_STATS_ENABLED)))
		m->stats_enabled = nl_u8(a);
	if ((a = attr(d, IFLA_BR_MCAST_IGMP_VERSION))) {
		if (nl_u8(a) != 2 && nl_u8(a) != 3)
			return -EINVAL;
		m->igmp_version = nl_u8(a);
	}
	if ((a = attr(d, IFLA_BR_MCAST_MLD_VERSION))) {
		if (nl_u8(a) != 1 && nl_u8(a) != 2)
			return -EINVAL;
		m->mld_version = nl_u8(a);
	}
	return 0;
}

int br_mcast_changelink(struct cpu *cpu, struct bridge *br, const struct nl_attrs *d, struct nl_ext_ack *ack)
{
	struct br_mcast *m = br->mcast;
	const struct nlattr *a;
	int err = 0;
	if ((a = attr(d, IFLA_BR_MCAST_ROUTER)))
		err = br_mcast_set_router(cpu, br, nl_u8(a));
	if (!err && (a = attr(d, IFLA_BR_MCAST_SNOOPING)))
		err = br_mcast_set_snooping(cpu, br, nl_u8(a), ack);
	if (err)
		return err;
	if ((a = attr(d, IFLA_BR_MCAST_QUERY_USE_IFADDR)))
		m->use_ifaddr = nl_u8(a);
	if ((a = attr(d, IFLA_BR_MCAST_QUERIER)))
		br_mcast_set_querier(cpu, br, nl_u8(a));
	if (attr(d, IFLA_BR_MCAST_HASH_ELASTICITY))
		world_log(cpu->world, 6, "%s: the hash_elasticity option has been deprecated and is always 16", br->dev->name);
	if ((a = attr(d, IFLA_BR_MCAST_HASH_MAX)))
		m->hash_max = nl_u32(a);
	if ((a = attr(d, IFLA_BR_MCAST_LAST_MEMBER_CNT)))
		m->last_member_count = nl_u32(a);
	if ((a = attr(d, IFLA_BR_MCAST_STARTUP_QUERY_CNT)))
		m->startup_count = nl_u32(a);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if ((a = attr(d, times[i].attr)))
			br_mcast_set_time(m, times[i].attr, nl_u64(a));
	return set_versions(m, d);
}

static void fill_querier(const struct bridge *br, struct nl_buf *b)
{
	const struct br_mcast *m = br->mcast;
	static const u8 none[16];
	size_t nest = nl_nest(b, IFLA_BR_MCAST_QUERIER_STATE | NLA_F_NESTED), before = b->len;
	for (int f = 0; f < 2; f++) {
		const struct br_querier *q = &m->other[f];
		bool armed = timer_armed(&q->timer);
		if (!m->querier && !armed)
			continue;
		nl_put(b, f ? BRIDGE_QUERIER_IPV6_ADDRESS : BRIDGE_QUERIER_IP_ADDRESS, q->addr, f ? 16 : 4);
		if (!armed || !memcmp(q->addr, none, f ? 16 : 4))
			continue;
		nl_put_u64(b, f ? BRIDGE_QUERIER_IPV6_OTHER_TIMER : BRIDGE_QUERIER_IP_OTHER_TIMER, br_ticks(br_timer_left(br, &q->timer)));
		if (q->port_ifindex)
			nl_put_u32(b, f ? BRIDGE_QUERIER_IPV6_PORT : BRIDGE_QUERIER_IP_PORT, (u32)q->port_ifindex);
	}
	if (b->len == before)
		nl_nest_cancel(b, nest);
	else
		nl_nest_end(b, nest);
}

void br_mcast_fill(const struct bridge *br, struct nl_buf *b)
{
	const struct br_mcast *m = br->mcast;
	nl_put_u8(b, IFLA_BR_MCAST_ROUTER, m->router);
	nl_put_u8(b, IFLA_BR_MCAST_SNOOPING, m->snooping);
	nl_put_u8(b, IFLA_BR_MCAST_QUERY_USE_IFADDR, m->use_ifaddr);
	nl_put_u8(b, IFLA_BR_MCAST_QUERIER, m->querier);
	nl_put_u8(b, IFLA_BR_MCAST_STATS_ENABLED, m->stats_enabled);
	nl_put_u32(b, IFLA_BR_MCAST_HASH_ELASTICITY, 16);
	nl_put_u32(b, IFLA_BR_MCAST_HASH_MAX, m->hash_max);
	nl_put_u32(b, IFLA_BR_MCAST_LAST_MEMBER_CNT, m->last_member_count);
	nl_put_u32(b, IFLA_BR_MCAST_STARTUP_QUERY_CNT, m->startup_count);
	nl_put_u8(b, IFLA_BR_MCAST_IGMP_VERSION, m->igmp_version);
	nl_put_u8(b, IFLA_BR_MCAST_MLD_VERSION, m->mld_version);
	fill_querier(br, b);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		nl_put_u64(b, times[i].attr, br_ticks(*(const u64 *)((const u8 *)m + times[i].offset)));
}

int br_mcast_port_change(struct cpu *cpu, struct br_port *p, const struct nl_attrs *a, struct nl_ext_ack *ack)
{
	const struct nlattr *v;
	int err = 0;
	if ((v = attr(a, IFLA_BRPORT_MULTICAST_ROUTER)))
		err = br_mcast_port_set_router(cpu, p, nl_u8(v));
	if (!err && (v = attr(a, IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT))) {
		if (!nl_u32(v))
			return -EINVAL;
		br_pm(p)->eht_limit = nl_u32(v);
	}
	if (!err && (v = attr(a, BR_IFLA_PORT_MCAST_MAX_GROUPS)))
		br_pm(p)->max_groups = nl_u32(v);
	return err;
}

void br_mcast_port_fill(const struct br_port *p, struct nl_buf *b)
{
	const struct br_port_mcast *pm = br_pm(p);
	nl_put_u8(b, IFLA_BRPORT_MULTICAST_ROUTER, pm->router);
	nl_put_u32(b, IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, pm->eht_limit);
	nl_put_u32(b, IFLA_BRPORT_MCAST_EHT_HOSTS_CNT, 0);
	nl_put_u32(b, BR_IFLA_PORT_MCAST_N_GROUPS, pm->group_count);
	nl_put_u32(b, BR_IFLA_PORT_MCAST_MAX_GROUPS, pm->max_groups);
}
