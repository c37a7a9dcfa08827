/* /proc/net/stat/rt_cache, rt_acct and rt6_stats.
 *
 * Linux has had no cache of routes since 3.6; what rt_cache's columns count now is how many lookups made a dst, since the hop had none, and
 * how many ended without one. Here the same is counted, and most lookups make none. The zeros count what neither has any more.
 * rt6_stats' first two columns are the nodes of the tree that Linux has of IPv6's prefixes: every prefix is one, and every place where two
 * part that is none itself; what it has not is a node for ::/0. They are worked out from the routes when they are asked for.
 */
#include "inet/route/fib_stat.h"

#include <stdlib.h>

#include "core/proc.h"
#include "inet/route/fib_priv.h"

int fib_stat_init(struct world *w)
{
	w->fib_stat = mem_zalloc(&w->mem, w->ncpus * sizeof(*w->fib_stat));
	return w->fib_stat ? 0 : -ENOMEM;
}

void fib_stat_fini(struct world *w)
{
	mem_free(&w->mem, w->fib_stat);
	w->fib_stat = NULL;
}

static void rt_cache_show(struct netns *net, struct strbuf *out)
{
	u32 entries = 0;
	strbuf_printf(out, "entries  in_hit   in_slow_tot in_slow_mc in_no_route in_brd   in_martian_dst in_martian_src out_hit  out_slow_tot out_slow_mc "
			   "gc_total gc_ignored gc_goal_miss gc_dst_overflow in_hlist_search out_hlist_search\n");
	for (unsigned i = 0; i < net->world->ncpus; i++)
		entries += __atomic_load_n(&net->world->fib_stat[i].entries, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < net->world->ncpus; i++) {
		const struct fib_stat *s = &net->world->fib_stat[i];
		strbuf_printf(out, "%08x %08x %08x    %08x   %08x    %08x %08x       %08x       %08x %08x     %08x    %08x %08x   %08x     %08x        %08x        %08x\n",
			      entries, 0, s->in_slow_tot, s->in_slow_mc, s->in_no_route, s->in_brd, s->in_martian_dst, s->in_martian_src, 0, s->out_slow_tot,
			      s->out_slow_mc, 0, 0, 0, 0, 0, 0);
	}
}
const struct proc_file fib_proc_stat_rt_cache = { .name = "stat/rt_cache", .mode = 0444, .show = rt_cache_show };

static void rt_acct_show(struct netns *net, struct strbuf *out)
{
	for (unsigned realm = 0; realm < 256; realm++) {
		struct fib_acct sum = { 0 };
		for (unsigned i = 0; i < net->world->ncpus; i++) {
			const struct fib_acct *a = &net->world->fib_stat[i].acct[realm];
			sum.o_bytes += a->o_bytes;
			sum.o_packets += a->o_packets;
			sum.i_bytes += a->i_bytes;
			sum.i_packets += a->i_packets;
		}
		strbuf_add(out, (const char *)&sum, sizeof(sum));
	}
}
const struct proc_file fib_proc_rt_acct = { .name = "rt_acct", .mode = 0444, .show = rt_acct_show };

/* -- rt6_stats -- */

struct prefix { struct lpm_key key; u8 len; };
struct counting {
	const struct fib_table *t; /* NULL: none yet */
	struct prefix last;
	u32 nodes, route_nodes, entries;
	struct mem *mem;
};

static unsigned common_bits(struct lpm_key a, struct lpm_key b)
{
	u64 hi = a.hi ^ b.hi, lo = a.lo ^ b.lo;
	return hi ? (unsigned)__builtin_clzll(hi) : lo ? 64 + (unsigned)__builtin_clzll(lo) : 128;
}

/* Where two that stand beside each other part, neither being inside the other: *at. */
static bool part(const struct prefix *a, const struct prefix *b, struct prefix *at)
{
	unsigned n = common_bits(a->key, b->key);
	*at = (struct prefix){ lpm_key_mask(a->key, n), (u8)n };
	return n && n < a->len && n < b->len;
}

static int by_place(const void *x, const void *y)
{
	const struct prefix *a = x, *b = y;
	if (a->key.hi != b->key.hi)
		return a->key.hi < b->key.hi ? -1 : 1;
	if (a->key.lo != b->key.lo)
		return a->key.lo < b->key.lo ? -1 : 1;
	return (int)a->len - (int)b->len;
}

/* The sources of one prefix's routes are a tree of their own, whose root is a node as well. */
static void count_sources(struct counting *c, const struct fib_alias *head, u32 n)
{
	struct prefix *p = mem_alloc(c->mem, n * sizeof(*p)), at;
	u32 i = 0, kept = 1;
	if (!p)
		return;
	for (const struct fib_alias *a = head; a; a = a->next)
		if (fib6_alias(a)->src_len)
			p[i++] = (struct prefix){ lpm_key_of(AF_INET6, &fib6_alias(a)->src), fib6_alias(a)->src_len };
	qsort(p, n, sizeof(*p), by_place);
	for (i = 1; i < n; i++)
		if (by_place(&p[kept - 1], &p[i]))
			p[kept++] = p[i];
	c->nodes += 1 + kept;
	c->route_nodes += kept;
	for (i = 1; i < kept; i++)
		if (part(&p[i - 1], &p[i], &at) && !bsearch(&at, p, kept, sizeof(*p), by_place))
			c->nodes++;
	mem_free(c->mem, p);
}

static void count_prefix(struct counting *c, const struct fib_table *t, const struct fib_alias *head, const struct prefix *p)
{
	u32 sources = 0, all = 0;
	struct prefix at;
	for (const struct fib_alias *a = head; a; a = a->next, all++)
		sources += fib6_alias(a)->src_len != 0;
	c->entries += all;
	if (p->len) {
		c->nodes++;
		c->route_nodes += all != sources;
		if (c->t == t && part(&c->last, p, &at) && !lpm_find(&t->lpm, at.key, at.len))
			c->nodes++;
		c->t = t;
		c->last = *p;
	}
	if (sources)
		count_sources(c, head, sources);
}

static void rt6_stats_show(struct netns *net, struct strbuf *out)
{
	struct counting c = { .mem = &net->world->mem };
	const struct netns_fib *f = net->fib;
	const struct fib_table *t;
	list_for_each(t, &f->tables, link) {
		const struct fib_alias *a = t->family == AF_INET6 ? fib_next_prefix(t, 0, NULL) : NULL;
		while (a) {
			struct prefix p = { lpm_key_of(AF_INET6, &a->prefix), a->prefix_len };
			count_prefix(&c, t, a, &p);
			a = fib_next_prefix(t, p.len, &p.key);
		}
	}
	strbuf_printf(out, "%04x %04x %04x %04x %04x %04x %04x\n", c.nodes, c.route_nodes, f->dsts6, c.entries, f->exceptions6, f->exceptions6, f->discarded6);
}
const struct proc_file fib_proc_rt6_stats = { .name = "rt6_stats", .mode = 0444, .show = rt6_stats_show };
