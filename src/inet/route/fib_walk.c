/* Walks over all routes, in the order in which Linux dumps them.
 *
 * IPv4: addresses ascending, of one address the longer prefix first. IPv6: what lies inside a prefix first, then the prefix; so by the
 * last address, ascending, of those with one last address the longer first. Both follow from two questions to the LPM: what begins
 * next behind an address, and which prefix encloses this one.
 */
#include "inet/route/fib_priv.h"

static struct lpm_key last_of(struct lpm_key k, unsigned len)
{
	struct lpm_key m = lpm_key_mask((struct lpm_key){ ~0ull, ~0ull }, len);
	return (struct lpm_key){ k.hi | ~m.hi, k.lo | ~m.lo };
}
static bool step(struct lpm_key *k) { return ++k->lo || ++k->hi; } /* false: that was the last address */
static bool inside(struct lpm_key k, const struct fib_alias *a)
{
	return lpm_key_eq(lpm_key_mask(k, a->prefix_len), lpm_key_of(AF_INET6, &a->prefix));
}

/* Of a and what it encloses, the one that comes first: as deep as it goes, always at the lowest address. */
static struct fib_alias *innermost(const struct fib_table *t, struct fib_alias *a)
{
	struct lpm_key k, at;
	for (;;) {
		struct fib_alias *b;
		k = lpm_key_of(AF_INET6, &a->prefix);
		if (!step(&k))
			return a;
		b = lpm_next(&t->lpm, k, &at);
		if (!b || !inside(at, a))
			return a;
		a = b;
	}
}

static struct fib_alias *next6(const struct fib_table *t, u8 len, const struct lpm_key *at)
{
	struct lpm_key k = { 0, 0 }, found;
	struct fib_alias *up = NULL, *a = NULL;
	if (!at) {
		a = lpm_next(&t->lpm, k, &found);
		return a ? innermost(t, a) : NULL;
	}
	up = len ? lpm_lookup_max(&t->lpm, *at, len - 1u) : NULL;
	k = last_of(*at, len);
	if (step(&k))
		a = lpm_next(&t->lpm, k, &found);
	return a && (!up || inside(found, up)) ? innermost(t, a) : up;
}

static struct fib_alias *next4(const struct fib_table *t, u8 len, const struct lpm_key *at)
{
	struct lpm_key from = { 0, 0 }, found;
	if (at) {
		struct fib_alias *a = len ? lpm_lookup_max(&t->lpm, *at, len - 1u) : NULL;
		if (a && lpm_key_eq(lpm_key_of(AF_INET, &a->prefix), *at))
			return a;
		from = *at;
		if (!step(&from))
			return NULL;
	}
	return lpm_next(&t->lpm, from, &found);
}

struct fib_alias *fib_next_prefix(const struct fib_table *t, u8 len, const struct lpm_key *at)
{
	return t->family == AF_INET6 ? next6(t, len, at) : next4(t, len, at);
}

void fib_flush(struct cpu *cpu, struct netns *net, bool all)
{
	struct fib_table *t;
	unsigned gone = 0;
	list_for_each(t, &net->fib->tables, link) {
		if (!all && t->family != AF_INET)
			continue;
		for (struct fib_alias *a = fib_next_prefix(t, 0, NULL), *prev, *next; a;) {
			struct lpm_key at = lpm_key_of(t->family, &a->prefix);
			u8 len = a->prefix_len;
			for (prev = NULL; a; a = next) {
				next = a->next;
				if (!all && !(a->fi->flags & RTNH_F_DEAD)) {
					prev = a;
					continue;
				}
				fib_alias_unlink(t, prev, a);
				if (a->fi->prefsrc_gone)
					fib_announce(cpu, net, EV_ROUTE_DEL, a, &(struct fib_config){ .family = t->family }, 0);
				fib_alias_free(net, a);
				gone++;
			}
			a = fib_next_prefix(t, len, &at);
		}
	}
	if (gone) {
		fib_genid_bump(net);
		fib_alias_batch_close(net);
	}
}

/* key[0]: place of the table in the order, key[1..2]: address and key[3]: length of the prefix that is being shown, key[4]: routes of
 * it shown already, key[5]: 0: not begun in this table. */
int fib_walk(struct netns *net, u8 family, u32 table, u64 key[6], int (*fn)(void *arg, const struct fib_alias *a), void *arg)
{
	struct fib_table *t;
	list_for_each(t, &net->fib->tables, link) {
		struct fib_alias *a;
		if ((family && t->family != family) || (table && t->id != table) || t->order < key[0])
			continue;
		if (t->order > key[0]) {
			key[0] = t->order;
			key[5] = 0;
		}
		if (key[5]) {
			struct lpm_key at = { key[1], key[2] };
			a = lpm_find(&t->lpm, at, (unsigned)key[3]);
			if (!a)
				a = fib_next_prefix(t, (u8)key[3], &at);
		} else {
			a = fib_next_prefix(t, 0, NULL);
		}
		while (a) {
			struct lpm_key at = lpm_key_of(t->family, &a->prefix);
			u8 len = a->prefix_len;
			u64 n = 0;
			if (!key[5] || at.hi != key[1] || at.lo != key[2] || len != key[3]) {
				key[1] = at.hi;
				key[2] = at.lo;
				key[3] = len;
				key[4] = 0;
				key[5] = 1;
			}
			for (; a; a = a->next, n++) {
				int err = n < key[4] ? 0 : fn(arg, a);
				if (err)
					return err;
				key[4] = MAX(key[4], n + 1);
			}
			a = fib_next_prefix(t, len, &at);
		}
		key[0] = t->order + 1;
		key[5] = 0;
	}
	return 0;
}
