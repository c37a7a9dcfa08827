/* Groups that a device listens to: who joined, which sources are wanted, the link layer's filter, and the group of all hosts.
 *
 * A group's filter is the sum of what its members asked for (RFC 3376, section 3.2): EXCLUDE as soon as one member excludes, and then
 * of sources only those that all of them exclude and nobody includes; else INCLUDE of all that anybody includes. Each change
 * of it is news for routers: igmp_report.c tells them, igmp_rx.c answers their questions. A group that was left stays in the list,
 * without users, until that was told.
 */
#include <netinet/in.h>

#include "inet/ip4/igmp.h"

#define ALL_HOSTS BE32(0xe0000001u)

static struct ip4_mc_group *find_any(const struct in_device *idev, be32 addr)
{
	struct ip4_mc_group *g;
	list_for_each(g, &idev->mc_list, link)
		if (be32_eq(g->addr, addr))
			return g;
	return NULL;
}

static struct ip4_mc_group *find(const struct in_device *idev, be32 addr)
{
	struct ip4_mc_group *g = find_any(idev, addr);
	return g && g->users ? g : NULL;
}

bool ip4_mc_member(const struct in_device *idev, be32 group) { return be32_eq(group, ALL_HOSTS) || find(idev, group); }

static struct ip4_mc_source *source_find(const struct ip4_mc_group *g, be32 addr)
{
	struct ip4_mc_source *s;
	list_for_each(s, &g->sources, link)
		if (be32_eq(s->addr, addr))
			return s;
	return NULL;
}

bool ip4_mc_wants(const struct in_device *idev, be32 group, be32 source, u8 proto)
{
	const struct ip4_mc_group *g = find(idev, group);
	const struct ip4_mc_source *s;
	if (!g || proto == IPPROTO_IGMP)
		return g || be32_eq(group, ALL_HOSTS);
	s = source_find(g, source);
	if (!s)
		return g->members[MCAST_EXCLUDE] != 0;
	return s->count[MCAST_INCLUDE] || s->count[MCAST_EXCLUDE] != g->members[MCAST_EXCLUDE];
}

u8 igmp_group_mode(const struct ip4_mc_group *g) { return g->members[MCAST_EXCLUDE] ? MCAST_EXCLUDE : MCAST_INCLUDE; }

bool igmp_source_listed(const struct ip4_mc_group *g, const struct ip4_mc_source *s)
{
	if (igmp_group_mode(g) == MCAST_EXCLUDE)
		return s->count[MCAST_EXCLUDE] == g->members[MCAST_EXCLUDE] && !s->count[MCAST_INCLUDE];
	return s->count[MCAST_INCLUDE];
}

/* RFC 1112 section 6.4: the low 23 bits. */
static void on_wire(struct in_device *idev, struct ip4_mc_group *g, bool on)
{
	u32 a = be32_to_cpu(g->addr);
	u8 mac[DEV_ADDR_MAX] = { 0x01, 0x00, 0x5e, a >> 16 & 0x7f, a >> 8 & 0xff, a & 0xff };
	if (idev->dev->addr_len != 6 || g->on_wire == on)
		return;
	if (on && dev_mc_add(idev->dev, mac))
		return;
	if (!on)
		dev_mc_del(idev->dev, mac);
	g->on_wire = on;
}

void igmp_source_free(struct in_device *idev, struct ip4_mc_source *s)
{
	list_del(&s->link);
	mem_free(&idev->dev->net->world->mem, s);
}

void igmp_group_free(struct in_device *idev, struct ip4_mc_group *g)
{
	struct ip4_mc_source *s, *tmp;
	on_wire(idev, g, false);
	timer_cancel(&g->timer);
	list_for_each_safe(s, tmp, &g->sources, link)
		igmp_source_free(idev, s);
	list_del(&g->link);
	mem_free(&idev->dev->net->world->mem, g);
}

/* One more member of `mode`, without sources yet. */
static int join(struct cpu *cpu, struct net_device *dev, be32 group, u8 mode)
{
	struct in_device *idev = in_dev_get(dev);
	struct ip4_mc_group *g;
	if (!idev)
		return -ENODEV;
	if (!v4_is_multicast(group))
		return -EINVAL;
	g = find_any(idev, group);
	if (!g) {
		g = mem_zalloc(&cpu->world->mem, sizeof(*g));
		if (!g)
			return -ENOMEM;
		g->addr = group;
		g->idev = idev;
		list_init(&g->sources);
		timer_init(&g->timer, igmp_group_timer);
		list_add_head(&idev->mc_list, &g->link);
	}
	if (g->users++) {
		u8 before = igmp_group_mode(g);
		g->members[mode]++;
		if (before != igmp_group_mode(g))
			igmp_mode_changed(cpu, idev, g);
		return 0;
	}
	g->members[mode]++;
	on_wire(idev, g, dev->flags & IFF_UP);
	if (dev->flags & IFF_UP)
		igmp_group_added(cpu, idev, g);
	return 0;
}

int ip4_mc_join(struct cpu *cpu, struct net_device *dev, be32 group) { return join(cpu, dev, group, MCAST_EXCLUDE); }
int ip4_mc_join_mode(struct cpu *cpu, struct net_device *dev, be32 group, u8 mode) { return join(cpu, dev, group, mode); }

/* The counts have changed: tells routers what became of the filter. before: its mode. */
static void sources_update(struct cpu *cpu, struct in_device *idev, struct ip4_mc_group *g, u8 before)
{
	struct ip4_mc_source *s, *tmp;
	bool news = false;
	if (igmp_group_mode(g) != before) {
		list_for_each(s, &g->sources, link)
			s->to_tell = 0;
		igmp_mode_changed(cpu, idev, g);
	} else {
		list_for_each(s, &g->sources, link) {
			bool now = igmp_source_listed(g, s);
			if (now == s->was_listed)
				continue;
			s->allow = now == (before == MCAST_INCLUDE);
			s->to_tell = idev->igmp.robustness;
			news = true;
		}
		if (news)
			igmp_sources_changed(cpu, idev, g);
	}
	list_for_each_safe(s, tmp, &g->sources, link)
		if (!s->count[0] && !s->count[1] && !s->to_tell)
			igmp_source_free(idev, s);
}

static void remember(struct ip4_mc_group *g)
{
	struct ip4_mc_source *s;
	list_for_each(s, &g->sources, link)
		s->was_listed = igmp_source_listed(g, s);
}

static int sources_make(struct ip4_mc_group *g, const be32 *src, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct ip4_mc_source *s;
		if (source_find(g, src[i]))
			continue;
		s = mem_zalloc(&g->idev->dev->net->world->mem, sizeof(*s));
		if (!s)
			return -ENOBUFS;
		s->addr = src[i];
		list_add_tail(&g->sources, &s->link);
	}
	return 0;
}

static void sources_count(struct ip4_mc_group *g, u8 mode, const be32 *src, u32 n, int by)
{
	for (u32 i = 0; i < n; i++) {
		struct ip4_mc_source *s = source_find(g, src[i]);
		if (s)
			s->count[mode] += (u32)by;
	}
}

int ip4_mc_sources(struct cpu *cpu, struct net_device *dev, be32 group, const struct ip4_mc_filter *old, const struct ip4_mc_filter *new)
{
	struct in_device *idev = in_dev_get(dev);
	struct ip4_mc_group *g = idev ? find(idev, group) : NULL;
	u8 before;
	int err;
	if (!g)
		return -ENODEV;
	err = sources_make(g, new->source, new->n);
	remember(g);
	before = igmp_group_mode(g);
	if (!err) {
		g->members[new->mode]++;
		sources_count(g, new->mode, new->source, new->n, 1);
		g->members[old->mode]--;
		sources_count(g, old->mode, old->source, old->n, -1);
	}
	sources_update(cpu, idev, g, before);
	return err;
}

void ip4_mc_leave_mode(struct cpu *cpu, struct net_device *dev, be32 group, const struct ip4_mc_filter *f)
{
	struct in_device *idev = in_dev_get(dev);
	struct ip4_mc_group *g = idev ? find(idev, group) : NULL;
	u8 before;
	if (!g)
		return;
	before = igmp_group_mode(g);
	remember(g);
	g->members[f->mode]--;
	sources_count(g, f->mode, f->source, f->n, -1);
	if (--g->users) {
		sources_update(cpu, idev, g, before);
		return;
	}
	on_wire(idev, g, false);
	timer_cancel(&g->timer);
	igmp_group_dropped(cpu, idev, g); /* frees it, now or when it was told */
}

void ip4_mc_leave(struct cpu *cpu, struct net_device *dev, be32 group)
{
	ip4_mc_leave_mode(cpu, dev, group, &(struct ip4_mc_filter){ .mode = MCAST_EXCLUDE });
}

void ip4_mc_link_up(struct cpu *cpu, struct in_device *idev)
{
	struct ip4_mc_group *g;
	igmp_dev_reset(idev);
	if (!find(idev, ALL_HOSTS))
		ip4_mc_join(cpu, idev->dev, ALL_HOSTS);
	list_for_each(g, &idev->mc_list, link) {
		if (!g->users)
			continue;
		on_wire(idev, g, true);
		igmp_group_added(cpu, idev, g);
	}
}

void ip4_mc_link_down(struct cpu *cpu, struct in_device *idev)
{
	struct ip4_mc_group *g, *tmp;
	ip4_mc_leave(cpu, idev->dev, ALL_HOSTS);
	igmp_dev_stop(idev);
	list_for_each_safe(g, tmp, &idev->mc_list, link) {
		if (!g->users) {
			igmp_group_free(idev, g);
			continue;
		}
		on_wire(idev, g, false);
		timer_cancel(&g->timer);
		g->reporter = false;
		g->to_tell = 0;
	}
}

void ip4_mc_init(struct in_device *idev)
{
	list_init(&idev->mc_list);
	igmp_dev_init(idev);
}

void ip4_mc_purge(struct cpu *cpu, struct in_device *idev)
{
	igmp_dev_stop(idev);
	while (!list_empty(&idev->mc_list))
		igmp_group_free(idev, list_first(&idev->mc_list, struct ip4_mc_group, link));
}
