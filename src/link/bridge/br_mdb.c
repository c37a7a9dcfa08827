/* The multicast database: groups, the ports and stations that want them, their sources; and frames on their way to them.
 *
 * Frames come from br_input.c and br_dev.c when there is an entry, or none but a querier. They go to the ports of the entry and to those
 * behind which there are routers. RFC 4541 2.1.2.
 */
#include "base/mem.h"
#include "codec/wire/ip4hdr.h"
#include "codec/wire/ip6hdr.h"
#include "link/bridge/br_mcast.h"

static u32 hash(const struct br_ip *ip) { return hash32_bytes(ip, sizeof(*ip), 0x6d646231); }

struct br_mdb *br_mdb_find(const struct bridge *br, const struct br_ip *ip)
{
	struct br_mdb *m;
	htable_for_each_match(m, &br->mcast->mdb, hash(ip), node)
		if (!memcmp(&m->ip, ip, sizeof(*ip)))
			return m;
	return NULL;
}

struct br_mdb *br_mdb_of_skb(const struct bridge *br, const struct sk_buff *skb, u16 vid)
{
	struct br_ip ip = { .proto = skb->protocol, .vid = vid };
	struct br_mdb *m;
	u8 buf[40];
	const u8 *h;
	if (!br->mcast->snooping || BR_CB(skb)->igmp || !br->mcast->mdb.count)
		return NULL;
	if (be16_eq(skb->protocol, BE16(ETH_P_IP)) && (h = skb_header_pointer(skb, 0, sizeof(struct ip4_hdr), buf))) {
		memcpy(ip.dst, h + 16, 4);
		memcpy(ip.src, h + 12, 4);
	} else if (be16_eq(skb->protocol, BE16(ETH_P_IPV6)) && (h = skb_header_pointer(skb, 0, sizeof(struct ip6_hdr), buf))) {
		memcpy(ip.dst, h + 24, 16);
		memcpy(ip.src, h + 8, 16);
	} else {
		ip.proto = (be16){ 0 };
		memcpy(ip.dst, ((const struct eth_hdr *)skb_mac_header(skb))->dst, ETH_ADDR_LEN);
		return br_mdb_find(br, &ip);
	}
	if (br_mcast_newest(br->mcast, br_ip_family(&ip)) && (m = br_mdb_find(br, &ip)))
		return m;
	memset(ip.src, 0, sizeof(ip.src));
	return br_mdb_find(br, &ip);
}

/* -- entries -- */

static void tell(struct cpu *cpu, struct bridge *br, const struct br_mdb *m, const struct br_mdb_port *pg, bool gone)
{
	struct br_mdb_event e = { .m = m, .pg = pg };
	br_tell(cpu, &(struct br_event){ .what = gone ? BR_EV_MDB_DEL : BR_EV_MDB_NEW, .dev = br->dev, .mdb = &e });
}

void br_pg_tell(struct cpu *cpu, struct br_mdb_port *pg, bool gone) { tell(cpu, pg->mdb->br, pg->mdb, pg, gone); }

static void entry_free(struct br_mdb *m)
{
	struct br_mcast *mc = m->br->mcast;
	timer_cancel(&m->timer);
	list_del(&m->link);
	htable_del(&mc->mdb, &m->node);
	mem_free(br_mem(m->br), m);
}

void br_mdb_perhaps_free(struct br_mdb *m)
{
	if (!m->host_joined && list_empty(&m->ports))
		entry_free(m);
}

static void host_timer(void *owner, struct timer *t)
{
	br_mdb_host_leave(owner, container_of(t, struct br_mdb, timer), true);
}

int br_mdb_new(struct cpu *cpu, struct bridge *br, const struct br_ip *ip, struct br_mdb **out)
{
	struct br_mcast *mc = br->mcast;
	struct br_mdb *m = *out = br_mdb_find(br, ip);
	if (m)
		return 0;
	if (mc->mdb.count >= mc->hash_max) { /* a table that is not complete is none */
		mc->snooping = false;
		return -E2BIG;
	}
	m = mem_zalloc(br_mem(br), sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->br = br;
	m->ip = *ip;
	list_init(&m->ports);
	timer_init(&m->timer, host_timer);
	list_add_head(&mc->mdb_list, &m->link);
	htable_add(&mc->mdb, &m->node, hash(ip));
	*out = m;
	return 0;
}

void br_mdb_host_join(struct cpu *cpu, struct br_mdb *m, bool say)
{
	if (!m->host_joined) {
		m->host_joined = true;
		if (say)
			tell(cpu, m->br, m, NULL, false);
	}
	if (br_ip_alen(&m->ip) != 6)
		br_arm(m->br, &m->timer, m->br->mcast->membership_interval);
}

/* May free m. */
void br_mdb_host_leave(struct cpu *cpu, struct br_mdb *m, bool say)
{
	if (!m->host_joined)
		return;
	m->host_joined = false;
	timer_cancel(&m->timer);
	if (say)
		tell(cpu, m->br, m, NULL, true);
	br_mdb_perhaps_free(m);
}

/* -- memberships -- */

struct br_mdb_port *br_pg_find(const struct br_mdb *m, const struct br_port *p, const u8 *src)
{
	struct br_mdb_port *pg;
	list_for_each(pg, &m->ports, link)
		if (pg->port == p && (!src || !(p->flags & BRP_MCAST_TO_UNICAST) || eth_addr_eq(pg->eth_addr, src)))
			return pg;
	return NULL;
}

/* RFC 3376 6.5: the group timer ends EXCLUDE mode; what sources are wanted still are. */
static void group_timer(void *owner, struct timer *t)
{
	struct br_mdb_port *pg = container_of(t, struct br_mdb_port, timer);
	struct br_mdb_source *s, *tmp;
	bool changed = pg->filter_mode == MCAST_EXCLUDE;
	if (pg->flags & BR_PG_PERMANENT)
		return;
	list_for_each_safe(s, tmp, &pg->sources, link) {
		if (timer_armed(&s->timer))
			continue;
		br_source_del(owner, s);
		changed = true;
	}
	if (list_empty(&pg->sources)) {
		br_pg_del(owner, pg);
	} else if (changed) {
		br_pg_set_mode(owner, pg, MCAST_INCLUDE);
		br_pg_tell(owner, pg, false);
	}
}

static void rexmit_timer(void *owner, struct timer *t)
{
	struct br_mdb_port *pg = container_of(t, struct br_mdb_port, rexmit);
	struct bridge *br = pg->mdb->br;
	u8 sources[BR_SOURCES_MAX * 16];
	unsigned n = 0, alen = br_ip_alen(&pg->mdb->ip);
	struct br_mdb_source *s;
	bool more = false;
	if (!br_query_we_ask(br, br_ip_family(&pg->mdb->ip)))
		return;
	if (pg->asks) {
		pg->asks--;
		br_query_send(owner, br, pg->port, br_ip_family(&pg->mdb->ip), &pg->mdb->ip, NULL, 0, false);
	}
	list_for_each(s, &pg->sources, link) {
		if (!s->asks)
			continue;
		s->asks--;
		more |= s->asks != 0;
		memcpy(sources + n++ * alen, s->addr, alen);
	}
	if (n)
		br_query_send(owner, br, pg->port, br_ip_family(&pg->mdb->ip), &pg->mdb->ip, sources, n, false);
	if (pg->asks || more)
		br_arm(br, &pg->rexmit, br->mcast->last_member_interval);
}

int br_pg_new(struct cpu *cpu, struct br_mdb *m, struct br_port *p, const u8 *src, u8 flags, u8 mode, u8 proto, struct br_mdb_port **out)
{
	struct br_port_mcast *pm = br_pm(p);
	struct br_mdb_port *pg;
	*out = NULL;
	if (pm->max_groups && pm->group_count >= pm->max_groups)
		return -E2BIG;
	pg = mem_zalloc(br_mem(m->br), sizeof(*pg));
	if (!pg)
		return -ENOMEM;
	pg->mdb = m;
	pg->port = p;
	pg->flags = flags;
	pg->filter_mode = mode;
	pg->rt_protocol = proto;
	if (src)
		memcpy(pg->eth_addr, src, ETH_ADDR_LEN);
	else
		memset(pg->eth_addr, 0xff, ETH_ADDR_LEN);
	list_init(&pg->sources);
	timer_init(&pg->timer, group_timer);
	timer_init(&pg->rexmit, rexmit_timer);
	list_add_tail(&m->ports, &pg->link);
	list_add_head(&pm->groups, &pg->port_link);
	pm->group_count++;
	*out = pg;
	return 0;
}

/* May free its entry. */
void br_pg_del(struct cpu *cpu, struct br_mdb_port *pg)
{
	struct br_mdb *m = pg->mdb;
	struct br_mdb_source *s, *tmp;
	timer_cancel(&pg->timer);
	timer_cancel(&pg->rexmit);
	list_for_each_safe(s, tmp, &pg->sources, link)
		br_source_del(cpu, s);
	list_del(&pg->link);
	list_del(&pg->port_link);
	br_pm(pg->port)->group_count--;
	tell(cpu, m->br, m, pg, true);
	mem_free(br_mem(m->br), pg);
	br_mdb_perhaps_free(m);
}

/* -- sources -- */

struct br_mdb_source *br_source_find(const struct br_mdb_port *pg, const u8 *addr, unsigned alen)
{
	struct br_mdb_source *s;
	list_for_each(s, &pg->sources, link)
		if (!memcmp(s->addr, addr, alen))
			return s;
	return NULL;
}

/* RFC 3376 6.3: in INCLUDE mode the source goes; in EXCLUDE mode it is blocked from now on. */
static void source_timer(void *owner, struct timer *t)
{
	struct br_mdb_source *s = container_of(t, struct br_mdb_source, timer);
	struct br_mdb_port *pg = s->pg;
	if (pg->filter_mode == MCAST_EXCLUDE) {
		br_source_install(owner, s);
		return;
	}
	br_source_del(owner, s);
	if (list_empty(&pg->sources))
		br_pg_del(owner, pg);
	else
		br_pg_tell(owner, pg, false);
}

struct br_mdb_source *br_source_new(struct br_mdb_port *pg, const u8 *addr, unsigned alen)
{
	struct br_mdb_source *s;
	static const u8 none[16];
	if (pg->source_count >= BR_SOURCES_MAX || !memcmp(addr, none, alen) || (alen == 4 ? (addr[0] & 0xf0) == 0xe0 : addr[0] == 0xff))
		return NULL;
	s = mem_zalloc(br_mem(pg->mdb->br), sizeof(*s));
	if (!s)
		return NULL;
	s->pg = pg;
	memcpy(s->addr, addr, alen);
	timer_init(&s->timer, source_timer);
	list_add_tail(&pg->sources, &s->link);
	pg->source_count++;
	return s;
}

static struct br_ip source_ip(const struct br_mdb_source *s)
{
	struct br_ip ip = s->pg->mdb->ip;
	memcpy(ip.src, s->addr, 16);
	return ip;
}

static void source_uninstall(struct cpu *cpu, struct br_mdb_source *s)
{
	struct br_ip ip = source_ip(s);
	struct br_mdb *m = br_mdb_find(s->pg->mdb->br, &ip);
	struct br_mdb_port *pg = m ? br_pg_find(m, s->pg->port, s->pg->eth_addr) : NULL;
	if (pg && pg->flags & BR_PG_BY_SOURCE)
		br_pg_del(cpu, pg);
}

void br_source_install(struct cpu *cpu, struct br_mdb_source *s)
{
	bool wanted = timer_armed(&s->timer), blocked = !wanted && s->pg->filter_mode == MCAST_EXCLUDE;
	struct br_ip ip = source_ip(s);
	struct br_mdb_port *pg;
	struct br_mdb *m;
	bool fresh;
	u8 flags;
	if (!wanted && !blocked) {
		source_uninstall(cpu, s);
		return;
	}
	if (br_mdb_new(cpu, s->pg->mdb->br, &ip, &m))
		return;
	pg = br_pg_find(m, s->pg->port, s->pg->eth_addr);
	fresh = !pg;
	if (fresh && br_pg_new(cpu, m, s->pg->port, s->pg->eth_addr, BR_PG_BY_SOURCE, MCAST_INCLUDE, 2 /* RTPROT_KERNEL */, &pg)) {
		br_mdb_perhaps_free(m);
		return;
	}
	flags = (u8)((pg->flags & ~BR_PG_BLOCKED) | (blocked ? BR_PG_BLOCKED : 0));
	fresh |= flags != pg->flags;
	pg->flags = flags;
	if (fresh)
		br_pg_tell(cpu, pg, false);
}

void br_source_del(struct cpu *cpu, struct br_mdb_source *s)
{
	source_uninstall(cpu, s);
	timer_cancel(&s->timer);
	list_del(&s->link);
	s->pg->source_count--;
	mem_free(br_mem(s->pg->mdb->br), s);
}

void br_pg_set_mode(struct cpu *cpu, struct br_mdb_port *pg, u8 mode)
{
	struct br_mdb_source *s;
	pg->filter_mode = mode;
	list_for_each(s, &pg->sources, link)
		br_source_install(cpu, s);
}

void br_mdb_flush(struct cpu *cpu, struct bridge *br)
{
	struct list *all = &br->mcast->mdb_list;
	while (!list_empty(all)) {
		struct br_mdb *m = list_first(all, struct br_mdb, link);
		if (!list_empty(&m->ports))
			br_pg_del(cpu, list_first(&m->ports, struct br_mdb_port, link));
		else
			br_mdb_host_leave(cpu, m, true);
	}
}

/* -- frames -- */

struct delivery { struct cpu *cpu; struct sk_buff *skb; struct br_port *prev; unsigned n; };

static void deliver(struct delivery *d, struct br_port *p)
{
	if (!br_should_deliver(d->cpu, p, d->skb))
		return;
	if (d->prev)
		br_deliver_copy(d->cpu, d->prev, d->skb);
	d->prev = p;
	d->n++;
	br_mcast_count(p->br, p, d->skb, BR_CB(d->skb)->report, BR_MCAST_DIR_TX);
}

/* (*, G) beside an (S, G): a port that excludes some sources has it, unless it is this one it excludes. */
static const struct br_mdb *star_g_beside(const struct bridge *br, const struct br_mdb *m)
{
	struct br_ip ip;
	if (!m || br_ip_is_star_g(&m->ip))
		return NULL;
	ip = m->ip;
	memset(ip.src, 0, sizeof(ip.src));
	return br_mdb_find(br, &ip);
}

void br_mcast_flood(struct cpu *cpu, struct bridge *br, const struct br_mdb *m, struct sk_buff *skb, bool keep)
{
	int family = be16_eq(skb->protocol, BE16(ETH_P_IPV6)) ? BR_IP6 : BR_IP4;
	bool only_exclude = m && br_mcast_newest(br->mcast, family) && br_ip_alen(&m->ip) != 6 && br_ip_is_star_g(&m->ip);
	const struct br_mdb *star = star_g_beside(br, m);
	struct delivery d = { .cpu = cpu, .skb = skb };
	const struct br_mdb_port *pg;
	struct br_port *p;
	if (m) {
		list_for_each(pg, &m->ports, link) {
			if (br_pm(pg->port)->is_router[family])
				continue; /* below */
			if ((only_exclude && pg->filter_mode == MCAST_INCLUDE) || pg->flags & BR_PG_BLOCKED)
				continue;
			if (pg->port->flags & BRP_MCAST_TO_UNICAST) {
				if (br_should_deliver(cpu, pg->port, skb))
					d.n += br_deliver_copy_as_unicast(cpu, pg->port, skb, pg->eth_addr);
				continue;
			}
			deliver(&d, pg->port);
		}
	}
	if (star)
		list_for_each(pg, &star->ports, link)
			if (pg->filter_mode == MCAST_EXCLUDE && !br_pm(pg->port)->is_router[family] && !br_pg_find(m, pg->port, pg->eth_addr))
				deliver(&d, pg->port);
	br_for_each_port(p, br)
		if (br_pm(p)->is_router[family])
			deliver(&d, p);
	if (unlikely(skb->trace))
		br_trace(cpu, skb, d.n, "multicast to %u port%s", d.n, d.n == 1 ? "" : "s");
	if (d.prev && keep)
		br_deliver_copy(cpu, d.prev, skb);
	else if (d.prev)
		br_send_finish(cpu, d.prev, skb);
	else if (!keep && d.n)
		skb_consume(cpu, skb);
	else if (!keep)
		skb_drop(cpu, skb, SKB_DROP_REASON_NO_TX_TARGET);
}
