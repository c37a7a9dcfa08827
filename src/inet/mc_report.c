/* What routers are told of groups, and when. RFC 3376 and 3810; RFC 2236, 1112 and 2710 where a querier of that age was heard (for as
 * long as its version's timeout).
 *
 * Newest version: changes of a group's filter are told at once and again `robustness` - 1 times, at random moments (one timer of the
 * device); questions are answered with the present state, per group or, to a general query, all in one. Older versions: a report
 * per group, which another member's report makes superfluous; a leave message by who reported last.
 */
#include "inet/mc.h"

#define TICK (4 * NSEC_PER_MSEC) /* what Linux waits when it waits for nothing, at 250 Hz */

static bool newest(const struct cpu *cpu, const struct mc_dev *md)
{
	bool yes;
	md->fam->version(cpu, md, &yes);
	return yes;
}

static bool reported(const struct mc_group *g) { return g->md->fam->reported(g->md, &g->addr); }

/* -- reports of the newest version: as many packets as it takes -- */

struct record { u8 type, auxwords; be16 nsrcs; } __packed_alias; /* RFC 3376 section 4.2, 3810 section 5.2; the addresses follow */
struct report {
	struct cpu *cpu;
	struct mc_dev *md;
	u8 *buf;
	u32 len, max; /* of the records */
	u16 records;
};

static void report_flush(struct report *r)
{
	if (r->records)
		r->md->fam->send(r->cpu, r->md, r->buf, r->len, r->records);
	r->len = 0;
	r->records = 0;
}

static bool report_begin(struct report *r, struct cpu *cpu, struct mc_dev *md)
{
	*r = (struct report){ .cpu = cpu, .md = md, .max = md->fam->room(md) };
	r->buf = mem_alloc(&cpu->world->mem, r->max);
	return r->buf != NULL;
}

static void report_end(struct report *r)
{
	report_flush(r);
	mem_free(&r->cpu->world->mem, r->buf);
}

static void put_addr(struct report *r, const struct inaddr *a)
{
	u8 n = r->md->fam->addr_len;
	memcpy(r->buf + r->len, a->b + 16 - n, n);
	r->len += n;
}

/* Which of the group's sources a record of this type has. asked: only those that the query named. */
static bool in_record(const struct mc_group *g, const struct mc_source *s, u8 type, bool asked)
{
	switch (type) {
	case MC_ALLOW:
		return s->to_tell && s->allow;
	case MC_BLOCK:
		return s->to_tell && !s->allow;
	case MC_IS_INCLUDE:
	case MC_IS_EXCLUDE:
		if (asked && !s->asked)
			return false;
		return mc_source_listed(g, s);
	default:
		return mc_source_listed(g, s);
	}
}

/* Adds a record; a list of sources that does not fit goes on in the next packet, but for EXCLUDE's, which is cut (section 4.2.16). */
static void report_add(struct report *r, const struct mc_group *g, u8 type, bool asked)
{
	u32 alen = r->md->fam->addr_len, head = (u32)sizeof(struct record) + alen, need = head;
	struct record *rec = NULL;
	struct mc_source *s;
	bool whole = type == MC_IS_EXCLUDE || type == MC_TO_EXCLUDE, any = false;
	list_for_each(s, &g->sources, link)
		if (in_record(g, s, type, asked)) {
			any = true;
			need += alen;
		}
	if (!any && (type == MC_ALLOW || type == MC_BLOCK || (type == MC_IS_INCLUDE && asked)))
		return;
	if (r->len + need > r->max)
		report_flush(r);
	s = list_first(&g->sources, struct mc_source, link);
	for (;;) {
		while (&s->link != &g->sources && !in_record(g, s, type, asked))
			s = list_next(s, link);
		if (rec && &s->link == &g->sources)
			return;
		if (!rec || r->len + alen > r->max) {
			if (rec && whole)
				return;
			if (rec)
				report_flush(r);
			rec = (struct record *)(r->buf + r->len);
			*rec = (struct record){ .type = type };
			r->len += (u32)sizeof(*rec);
			put_addr(r, &g->addr);
			r->records++;
			if (&s->link == &g->sources)
				return;
		}
		rec->nsrcs = cpu_to_be16((u16)(be16_to_cpu(rec->nsrcs) + 1));
		put_addr(r, &s->addr);
		s = list_next(s, link);
	}
}

static u8 state_type(const struct mc_group *g) { return mc_mode(g) == MCAST_EXCLUDE ? MC_IS_EXCLUDE : MC_IS_INCLUDE; }

/* -- when -- */

static u64 at_random(struct cpu *cpu, u64 within_ns)
{
	u32 ms = (u32)MIN(within_ns / NSEC_PER_MSEC, (u64)UINT32_MAX);
	return (u64)rng_below(&cpu->rng, ms) * NSEC_PER_MSEC;
}

static struct cpu *home(const struct mc_dev *md) { return md->dev->net->home; }

static void group_arm(struct cpu *cpu, struct mc_group *g, u64 within_ns)
{
	cpu_timer_arm(home(g->md), &g->timer, cpu->now + TICK + at_random(cpu, within_ns));
}

void mc_answer_all(struct cpu *cpu, struct mc_dev *md, u64 max_ns)
{
	u64 at = cpu->now + 2 * TICK + at_random(cpu, max_ns);
	if (timer_armed(&md->general) && md->general.expires <= at)
		return;
	cpu_timer_arm(home(md), &md->general, at);
}

static void changes_arm(struct cpu *cpu, struct mc_dev *md, u64 within_ns)
{
	cpu_timer_arm(home(md), &md->changes, cpu->now + 2 * TICK + at_random(cpu, within_ns));
}

static void tell_changes(struct cpu *cpu, struct mc_dev *md)
{
	if (md->dev->flags & IFF_UP && newest(cpu, md))
		changes_arm(cpu, md, 1);
}

void mc_group_added(struct cpu *cpu, struct mc_group *g)
{
	struct mc_dev *md = g->md;
	if (!reported(g))
		return;
	g->unsolicited = md->robustness;
	if (!newest(cpu, md)) {
		group_arm(cpu, g, 1);
		return;
	}
	/* From listening to nothing, INCLUDE {}: to EXCLUDE, or to some sources when these are told. */
	g->to_tell = mc_mode(g) == MCAST_EXCLUDE ? md->robustness : 0;
	if (g->to_tell)
		tell_changes(cpu, md);
}

void mc_tell_all(struct cpu *cpu, struct mc_dev *md)
{
	struct mc_group *g;
	list_for_each(g, &md->groups, link)
		if (g->users)
			mc_group_added(cpu, g);
}

void mc_group_dropped(struct cpu *cpu, struct mc_group *g, u8 mode)
{
	struct mc_dev *md = g->md;
	bool reporter = g->reporter;
	struct mc_source *s, *tmp;

	g->reporter = false;
	g->unsolicited = 0;
	if (md->dev->flags & IFF_UP && reported(g)) {
		if (newest(cpu, md)) {
			list_for_each_safe(s, tmp, &g->sources, link) {
				if (mode == MCAST_INCLUDE && s->was_listed) { /* from INCLUDE {A} to nothing: BLOCK {A} */
					s->to_tell = md->robustness;
					s->allow = false;
				} else {
					mc_source_free(g, s);
				}
			}
			g->to_tell = mode == MCAST_EXCLUDE ? md->robustness : 0; /* TO_INCLUDE {} */
			tell_changes(cpu, md);
			return;
		}
		if (reporter)
			md->fam->send_old(cpu, md, &g->addr, true);
	}
	mc_group_free(g);
}

void mc_mode_changed(struct cpu *cpu, struct mc_group *g)
{
	if (!reported(g))
		return;
	g->to_tell = g->md->robustness;
	tell_changes(cpu, g->md);
}

void mc_sources_changed(struct cpu *cpu, struct mc_group *g)
{
	if (reported(g))
		tell_changes(cpu, g->md);
}

/* One round of changes told; false: none is left. */
static bool tell_group(struct report *r, struct mc_group *g)
{
	struct mc_source *s, *tmp;
	bool more = false;
	if (g->to_tell) {
		report_add(r, g, mc_mode(g) == MCAST_EXCLUDE ? MC_TO_EXCLUDE : MC_TO_INCLUDE, false);
		more = --g->to_tell > 0;
		return more;
	}
	report_add(r, g, mc_mode(g) == MCAST_EXCLUDE ? MC_BLOCK : MC_ALLOW, false); /* what the mode adds to its list comes first */
	report_add(r, g, mc_mode(g) == MCAST_EXCLUDE ? MC_ALLOW : MC_BLOCK, false);
	list_for_each_safe(s, tmp, &g->sources, link) {
		if (s->to_tell)
			more |= --s->to_tell > 0;
		if (!s->to_tell && !s->count[0] && !s->count[1])
			mc_source_free(g, s);
	}
	return more;
}

void mc_changes_timer(void *owner, struct timer *t)
{
	struct mc_dev *md = container_of(t, struct mc_dev, changes);
	struct mc_group *g, *tmp;
	struct cpu *cpu = owner;
	struct report r;
	bool more = false;
	if (!report_begin(&r, cpu, md)) {
		changes_arm(cpu, md, NSEC_PER_SEC);
		return;
	}
	list_for_each_safe(g, tmp, &md->groups, link) {
		if (!reported(g))
			continue;
		more |= tell_group(&r, g);
		if (!g->users && !g->to_tell && list_empty(&g->sources))
			mc_group_free(g);
	}
	report_end(&r);
	if (more)
		changes_arm(cpu, md, md->fam->unsolicited_ns(cpu, md));
}

void mc_general_timer(void *owner, struct timer *t)
{
	struct mc_dev *md = container_of(t, struct mc_dev, general);
	struct cpu *cpu = owner;
	struct mc_group *g;
	struct report r;
	if (!report_begin(&r, cpu, md))
		return;
	list_for_each(g, &md->groups, link)
		if (g->users && reported(g))
			report_add(&r, g, state_type(g), false);
	report_end(&r);
}

void mc_group_timer(void *owner, struct timer *t)
{
	struct mc_group *g = container_of(t, struct mc_group, timer);
	struct mc_dev *md = g->md;
	struct cpu *cpu = owner;
	struct report r;
	if (g->unsolicited && --g->unsolicited)
		group_arm(cpu, g, md->fam->unsolicited_ns(cpu, md));
	g->reporter = true;
	if (!newest(cpu, md)) {
		md->fam->send_old(cpu, md, &g->addr, false);
		return;
	}
	if (!report_begin(&r, cpu, md))
		return;
	report_add(&r, g, g->asked_sources ? MC_IS_INCLUDE : state_type(g), g->asked_sources);
	report_end(&r);
}

/* -- what was heard -- */

/* Which sources of g the query names. False: none that we have anything to say about. */
static bool mark_asked(struct mc_group *g, const u8 *src, unsigned n)
{
	bool exclude = mc_mode(g) == MCAST_EXCLUDE, any = false;
	u32 alen = g->md->fam->addr_len;
	struct mc_source *s;
	unsigned known = 0;
	list_for_each(s, &g->sources, link) {
		s->asked = false;
		for (unsigned i = 0; i < n && !s->asked; i++)
			s->asked = !memcmp(s->addr.b + 16 - alen, src + i * alen, alen);
		known += s->asked;
		any |= s->asked && (exclude ? s->count[MCAST_INCLUDE] || s->count[MCAST_EXCLUDE] != g->members[MCAST_EXCLUDE] : s->count[MCAST_INCLUDE]);
	}
	return exclude ? any || known < n : any;
}

/* Each group that is asked for answers within max_ns, or sooner when it was about to. */
void mc_answer(struct cpu *cpu, struct mc_dev *md, const struct inaddr *group, u64 max_ns, const u8 *sources, unsigned nsrcs)
{
	struct mc_group *g;
	list_for_each(g, &md->groups, link) {
		if (!g->users || !reported(g) || (group && !inaddr_eq(group, &g->addr)))
			continue;
		if (timer_armed(&g->timer))
			g->asked_sources = g->asked_sources && nsrcs;
		else
			g->asked_sources = nsrcs != 0;
		if (g->asked_sources && !mark_asked(g, sources, nsrcs))
			continue;
		g->unsolicited = 0;
		if (timer_armed(&g->timer) && g->timer.expires < cpu->now + max_ns) {
			g->reporter = true;
			continue;
		}
		group_arm(cpu, g, max_ns);
	}
}

void mc_other_reported(struct mc_dev *md, const struct inaddr *group)
{
	struct mc_group *g = mc_find(md, group);
	if (!g || !reported(g))
		return;
	timer_cancel(&g->timer);
	g->reporter = false;
	g->unsolicited = 0;
}

void mc_older_querier(struct cpu *cpu, struct mc_dev *md, unsigned version)
{
	struct mc_group *g, *tmp;
	md->older_until[version - 1] = cpu->now + md->robustness * md->query_interval + md->response_interval;
	timer_cancel(&md->general);
	timer_cancel(&md->changes);
	list_for_each_safe(g, tmp, &md->groups, link) {
		g->to_tell = 0;
		if (!g->users)
			mc_group_free(g);
	}
}

void mc_reset(struct mc_dev *md)
{
	md->robustness = md->fam->robustness(md);
	md->query_interval = 125 * NSEC_PER_SEC; /* RFC 3376 section 8, 3810 section 9 */
	md->response_interval = 10 * NSEC_PER_SEC;
	md->older_until[0] = md->older_until[1] = 0;
}
