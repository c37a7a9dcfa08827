/* Groups that a device listens to: who joined, which sources are wanted, and the link layer's filter.
 *
 * A group's filter is the sum of what its members asked for (RFC 3376, section 3.2): EXCLUDE as soon as one member excludes, and then
 * of sources only those that all of them exclude and nobody includes; else INCLUDE of all that anybody includes. Each change
 * of it is news for routers: mc_report.c tells them. A group that was left stays in the list, without users, until that was told.
 */
#include "inet/mc.h"

static struct mem *mem_of(const struct mc_dev *md) { return &md->dev->net->world->mem; }

static struct mc_group *find_any(const struct mc_dev *md, const struct inaddr *addr)
{
	struct mc_group *g;
	list_for_each(g, &md->groups, link)
		if (inaddr_eq(&g->addr, addr))
			return g;
	return NULL;
}

struct mc_group *mc_find(const struct mc_dev *md, const struct inaddr *group)
{
	struct mc_group *g = find_any(md, group);
	return g && g->users ? g : NULL;
}

struct mc_group *mc_next(const struct mc_dev *md, const struct mc_group *g)
{
	const struct list *l = g ? g->link.next : md->groups.next;
	for (; l != &md->groups; l = l->next)
		if (container_of(l, struct mc_group, link)->users) /* others only wait for routers to be told */
			return container_of(l, struct mc_group, link);
	return NULL;
}

static struct mc_source *source_find(const struct mc_group *g, const struct inaddr *addr)
{
	struct mc_source *s;
	list_for_each(s, &g->sources, link)
		if (inaddr_eq(&s->addr, addr))
			return s;
	return NULL;
}

bool mc_wants(const struct mc_dev *md, const struct inaddr *group, const struct inaddr *source)
{
	const struct mc_group *g = mc_find(md, group);
	const struct mc_source *s;
	if (!g || !source)
		return g != NULL;
	s = source_find(g, source);
	if (!s)
		return g->members[MCAST_EXCLUDE] != 0;
	return s->count[MCAST_INCLUDE] || s->count[MCAST_EXCLUDE] != g->members[MCAST_EXCLUDE];
}

u8 mc_mode(const struct mc_group *g) { return g->members[MCAST_EXCLUDE] ? MCAST_EXCLUDE : MCAST_INCLUDE; }

bool mc_source_listed(const struct mc_group *g, const struct mc_source *s)
{
	if (mc_mode(g) == MCAST_EXCLUDE)
		return s->count[MCAST_EXCLUDE] == g->members[MCAST_EXCLUDE] && !s->count[MCAST_INCLUDE];
	return s->count[MCAST_INCLUDE];
}

static void on_wire(struct mc_group *g, bool on)
{
	u8 mac[DEV_ADDR_MAX] = { 0 };
	if (g->on_wire == on || !g->md->fam->map(g->md, &g->addr, mac))
		return;
	if (on && dev_mc_add(g->md->dev, mac))
		return;
	if (!on)
		dev_mc_del(g->md->dev, mac);
	g->on_wire = on;
}

void mc_source_free(struct mc_group *g, struct mc_source *s)
{
	list_del(&s->link);
	mem_free(mem_of(g->md), s);
}

void mc_group_free(struct mc_group *g)
{
	struct mc_source *s, *tmp;
	on_wire(g, false);
	timer_cancel(&g->timer);
	list_for_each_safe(s, tmp, &g->sources, link)
		mc_source_free(g, s);
	list_del(&g->link);
	mem_free(mem_of(g->md), g);
}

int mc_join(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, u8 mode)
{
	struct mc_group *g = find_any(md, group);
	if (!g) {
		g = mem_zalloc(mem_of(md), sizeof(*g));
		if (!g)
			return -ENOMEM;
		g->addr = *group;
		g->md = md;
		g->joined = cpu->now;
		list_init(&g->sources);
		timer_init(&g->timer, mc_group_timer);
		list_add_head(&md->groups, &g->link);
	}
	if (g->users++) {
		u8 before = mc_mode(g);
		g->members[mode]++;
		if (before != mc_mode(g))
			mc_mode_changed(cpu, g);
		return 0;
	}
	g->members[mode]++;
	on_wire(g, true);
	if (md->dev->flags & IFF_UP)
		mc_group_added(cpu, g);
	return 0;
}

/* The counts have changed: tells routers what became of the filter. before: its mode. */
static void sources_update(struct cpu *cpu, struct mc_group *g, u8 before)
{
	struct mc_source *s, *tmp;
	bool news = false;
	if (mc_mode(g) != before) {
		list_for_each(s, &g->sources, link)
			s->to_tell = 0;
		mc_mode_changed(cpu, g);
	} else {
		list_for_each(s, &g->sources, link) {
			bool now = mc_source_listed(g, s);
			if (now == s->was_listed)
				continue;
			s->allow = now == (before == MCAST_INCLUDE);
			s->to_tell = g->md->robustness;
			news = true;
		}
		if (news)
			mc_sources_changed(cpu, g);
	}
	list_for_each_safe(s, tmp, &g->sources, link)
		if (!s->count[0] && !s->count[1] && !s->to_tell)
			mc_source_free(g, s);
}

static void remember(struct mc_group *g)
{
	struct mc_source *s;
	list_for_each(s, &g->sources, link)
		s->was_listed = mc_source_listed(g, s);
}

static int sources_make(struct mc_group *g, const struct mc_filter *f)
{
	for (u32 i = 0; i < f->n; i++) {
		struct mc_source *s;
		if (source_find(g, &f->source[i]))
			continue;
		s = mem_zalloc(mem_of(g->md), sizeof(*s));
		if (!s)
			return -ENOBUFS;
		s->addr = f->source[i];
		list_add_tail(&g->sources, &s->link);
	}
	return 0;
}

static void sources_count(struct mc_group *g, const struct mc_filter *f, int by)
{
	for (u32 i = 0; i < f->n; i++) {
		struct mc_source *s = source_find(g, &f->source[i]);
		if (s)
			s->count[f->mode] += (u32)by;
	}
}

int mc_change(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, const struct mc_filter *old, const struct mc_filter *new)
{
	struct mc_group *g = mc_find(md, group);
	u8 before;
	int err;
	if (!g)
		return -ENODEV;
	err = sources_make(g, new);
	remember(g);
	before = mc_mode(g);
	if (!err) {
		g->members[new->mode]++;
		sources_count(g, new, 1);
		g->members[old->mode]--;
		sources_count(g, old, -1);
	}
	sources_update(cpu, g, before);
	return err;
}

void mc_leave(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, const struct mc_filter *f)
{
	struct mc_group *g = mc_find(md, group);
	u8 before;
	if (!g)
		return;
	before = mc_mode(g);
	remember(g);
	g->members[f->mode]--;
	sources_count(g, f, -1);
	if (--g->users) {
		sources_update(cpu, g, before);
		return;
	}
	on_wire(g, false);
	timer_cancel(&g->timer);
	mc_group_dropped(cpu, g, before);
}

void mc_link_up(struct cpu *cpu, struct mc_dev *md)
{
	struct mc_group *g;
	mc_reset(md);
	list_for_each(g, &md->groups, link) {
		if (!g->users)
			continue;
		on_wire(g, true);
		mc_group_added(cpu, g);
	}
}

static void stop(struct mc_dev *md)
{
	timer_cancel(&md->changes);
	timer_cancel(&md->general);
}

void mc_link_down(struct cpu *cpu, struct mc_dev *md)
{
	struct mc_group *g, *tmp;
	stop(md);
	list_for_each_safe(g, tmp, &md->groups, link) {
		if (!g->users) {
			mc_group_free(g);
			continue;
		}
		on_wire(g, false);
		timer_cancel(&g->timer);
		g->reporter = false;
		g->to_tell = 0;
	}
}

void mc_init(struct mc_dev *md, struct net_device *dev, const struct mc_family *fam)
{
	md->dev = dev;
	md->fam = fam;
	list_init(&md->groups);
	timer_init(&md->changes, mc_changes_timer);
	timer_init(&md->general, mc_general_timer);
	mc_reset(md);
}

void mc_purge(struct mc_dev *md)
{
	stop(md);
	while (!list_empty(&md->groups))
		mc_group_free(list_first(&md->groups, struct mc_group, link));
}
