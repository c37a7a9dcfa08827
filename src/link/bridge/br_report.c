/* Membership with sources: what one record of a report of IGMPv3 or MLDv2 makes of a port's membership. RFC 3376 section 6.4, RFC 3810
 * section 7.4, whose tables are kept here line by line.
 *
 * A source whose timer runs is wanted; one whose timer is idle is there in EXCLUDE mode only, and blocked. In the tables INCLUDE (A) has
 * all its timers running; EXCLUDE (X, Y) has X running, Y idle.
 */
#include "inet/mc.h"
#include "link/bridge/br_mcast.h"

struct record { struct cpu *cpu; struct br_mdb_port *pg; const u8 *sources; unsigned n, alen; u64 gmi; };

static bool listed(const struct record *r, const u8 *addr)
{
	for (unsigned i = 0; i < r->n; i++)
		if (!memcmp(r->sources + i * r->alen, addr, r->alen))
			return true;
	return false;
}

static struct bridge *bridge_of(const struct record *r) { return r->pg->mdb->br; }

static void run(const struct record *r, struct br_mdb_source *s, u64 after)
{
	br_arm(bridge_of(r), &s->timer, after);
	br_source_install(r->cpu, s);
}

/* The marked sources (and, with group, the group) are asked for: whoever does not answer is out soon. RFC 3376 6.6.3 */
static void ask(const struct record *r, bool group)
{
	struct bridge *br = bridge_of(r);
	struct br_mcast *m = br->mcast;
	u64 lmqt = m->last_member_count * m->last_member_interval;
	bool we = br_query_we_ask(br, br_ip_family(&r->pg->mdb->ip)), any = group;
	struct br_mdb_source *s;
	list_for_each(s, &r->pg->sources, link) {
		if (!s->mark)
			continue;
		s->mark = false;
		if (!timer_armed(&s->timer) || s->timer.expires <= br_home(br)->now + lmqt)
			continue;
		br_arm(br, &s->timer, lmqt);
		s->asks = (u8)MIN(m->last_member_count, 255u);
		any = true;
	}
	if (group) {
		br_mcast_shorten(br, &r->pg->timer, lmqt);
		r->pg->asks = (u8)MIN(m->last_member_count, 255u);
	}
	if (any && we)
		br_arm(br, &r->pg->rexmit, 0); /* sends, and again */
}

static void is_in(const struct record *r) /* and ALLOW */
{
	for (unsigned i = 0; i < r->n; i++) {
		struct br_mdb_source *s = br_source_find(r->pg, r->sources + i * r->alen, r->alen);
		if (!s)
			s = br_source_new(r->pg, r->sources + i * r->alen, r->alen);
		if (s)
			run(r, s, r->gmi);
	}
}

/* IS_EX, and TO_EX (ask): the filter becomes EXCLUDE with these sources. */
static void is_ex(const struct record *r, bool to)
{
	struct br_mdb_port *pg = r->pg;
	bool was_include = pg->filter_mode == MCAST_INCLUDE;
	struct br_mdb_source *s, *tmp;
	u64 left = br_timer_left(bridge_of(r), &pg->timer);
	for (unsigned i = 0; i < r->n; i++) {
		bool fresh = false;
		s = br_source_find(pg, r->sources + i * r->alen, r->alen);
		if (!s && (s = br_source_new(pg, r->sources + i * r->alen, r->alen)))
			fresh = true;
		if (!s)
			continue;
		if (fresh && !was_include) /* (A-X-Y) = GMI, or the group timer */
			br_arm(bridge_of(r), &s->timer, to ? left : r->gmi);
		s->mark = to && timer_armed(&s->timer);
	}
	pg->filter_mode = MCAST_EXCLUDE;
	list_for_each_safe(s, tmp, &pg->sources, link) {
		if (!listed(r, s->addr))
			br_source_del(r->cpu, s);
		else
			br_source_install(r->cpu, s);
	}
	if (to)
		ask(r, false);
	br_arm(bridge_of(r), &pg->timer, r->gmi);
}

static void block(const struct record *r)
{
	struct br_mdb_source *s;
	u64 left = br_timer_left(bridge_of(r), &r->pg->timer);
	for (unsigned i = 0; i < r->n; i++) {
		s = br_source_find(r->pg, r->sources + i * r->alen, r->alen);
		if (!s && r->pg->filter_mode == MCAST_EXCLUDE && (s = br_source_new(r->pg, r->sources + i * r->alen, r->alen)))
			run(r, s, left);
		if (s && timer_armed(&s->timer))
			s->mark = true;
	}
	ask(r, false);
}

static void to_in(const struct record *r)
{
	bool exclude = r->pg->filter_mode == MCAST_EXCLUDE;
	struct br_mdb_source *s;
	list_for_each(s, &r->pg->sources, link)
		s->mark = timer_armed(&s->timer) && !listed(r, s->addr);
	is_in(r);
	ask(r, exclude);
}

void br_report_record(struct cpu *cpu, struct br_mdb_port *pg, u8 type, const u8 *sources, unsigned n)
{
	struct record r = { cpu, pg, sources, n, br_ip_alen(&pg->mdb->ip), pg->mdb->br->mcast->membership_interval };
	u8 mode = pg->filter_mode;
	u32 count = pg->source_count;
	switch (type) {
	case MC_IS_INCLUDE:
	case MC_ALLOW: is_in(&r); break;
	case MC_IS_EXCLUDE: is_ex(&r, false); break;
	case MC_TO_EXCLUDE: is_ex(&r, true); break;
	case MC_TO_INCLUDE: to_in(&r); break;
	case MC_BLOCK: block(&r); break;
	default: return;
	}
	/* Nothing is wanted any more, and nothing blocked. */
	if (pg->filter_mode == MCAST_INCLUDE && list_empty(&pg->sources))
		br_pg_del(cpu, pg);
	else if (mode != pg->filter_mode || count != pg->source_count)
		br_pg_tell(cpu, pg, false);
}
