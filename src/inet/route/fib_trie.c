/* /proc/net/fib_trie and fib_triestat: the IPv4 tables as the level-compressed trie in which Linux keeps them.
 *
 * weft's own tables are another structure (lpm.c). A reader of these files wants the routes, and perhaps how deep and wide the trie is,
 * so one is built for him and thrown away: a binary trie of the addresses, from the leaves upwards, in which every node then grows
 * ("inflates": one bit more, twice the children) as long as the children would be used well enough, or shrinks ("halves"), by the
 * rules of Nilsson and Karlsson, "IP-address lookup using LC-tries" (1999), with the thresholds that Linux uses, milder for the root.
 * Linux applies them as routes come and go, and a node keeps its size between the two thresholds: of one set of routes it may have
 * other widths than here after another history. The prefixes, their order, scope and type never differ.
 *
 * As long as no rule was ever made, Linux keeps the tables local and main in one trie, and shows it twice.
 */
#include "core/proc.h"
#include "inet/route/fib_priv.h"

enum {
	INFLATE = 50, INFLATE_ROOT = 30, HALVE = 25, HALVE_ROOT = 15, /* per cent of a node's children that are there */
	LEAF_BYTES = 48, TNODE_BYTES = 40, ALIAS_BYTES = 56, POINTER_BYTES = 8, /* Linux's structures, 64 bits */
};

struct tnode {			/* a leaf: bits 0 */
	u32 key;
	u8 pos, bits;		/* the bits of an address, from the highest, by which it chooses: pos … pos + bits - 1 */
	struct tnode *child[];	/* [1 << bits], NULL: nothing there */
};
struct trie {
	struct netns *net;
	struct mem *mem;
	const struct fib_table *table[2];
	struct strbuf *out;
	u32 *keys;		/* [n] ascending */
	size_t n, cap;
	bool failed;		/* no memory */
};
struct trie_stat { u64 leaves, prefixes, depth_sum, depth_max, tnodes, pointers, nulls, of_bits[33]; };

static u32 child_index(const struct tnode *t, u32 key) { return key << t->pos >> (32 - t->bits); }

static struct tnode *tnode_new(struct trie *tr, u32 key, unsigned pos, unsigned bits)
{
	struct tnode *t = mem_zalloc(tr->mem, sizeof(*t) + (bits ? sizeof(t->child[0]) << bits : 0));
	if (!t) {
		tr->failed = true;
		return NULL;
	}
	t->key = bits ? key & ~(u32)(0xffffffffull >> pos) : key;
	t->pos = (u8)pos;
	t->bits = (u8)bits;
	return t;
}

static void tnode_free_all(struct trie *tr, struct tnode *t)
{
	if (!t)
		return;
	for (u32 i = 0; t->bits && i < 1u << t->bits; i++)
		tnode_free_all(tr, t->child[i]);
	mem_free(tr->mem, t);
}

/* A child that goes on with the very next bit. */
static bool is_full(const struct tnode *t, const struct tnode *c) { return c && c->bits && c->pos == t->pos + t->bits; }

static void count(const struct tnode *t, u32 *full, u32 *empty)
{
	*full = *empty = 0;
	for (u32 i = 0; i < 1u << t->bits; i++) {
		*full += is_full(t, t->child[i]);
		*empty += !t->child[i];
	}
}

static struct tnode *resize(struct trie *tr, struct tnode *t, bool root);

/* Half of a full child, one bit narrower: a node, one grandchild, or nothing. */
static struct tnode *half_of(struct trie *tr, struct tnode *c, u32 which)
{
	u32 n = 1u << (c->bits - 1);
	struct tnode *h;
	if (c->bits == 1)
		return c->child[which];
	h = tnode_new(tr, c->key | (which ? 0x80000000u >> c->pos : 0), c->pos + 1u, c->bits - 1u);
	for (u32 i = 0; i < n; i++) {
		if (h)
			h->child[i] = c->child[which * n + i];
		else
			tnode_free_all(tr, c->child[which * n + i]);
	}
	return resize(tr, h, false);
}

static struct tnode *inflate(struct trie *tr, struct tnode *t)
{
	struct tnode *w = tnode_new(tr, t->key, t->pos, t->bits + 1u);
	if (!w)
		return t;
	for (u32 i = 0; i < 1u << t->bits; i++) {
		struct tnode *c = t->child[i];
		if (is_full(t, c)) {
			w->child[2 * i] = half_of(tr, c, 0);
			w->child[2 * i + 1] = half_of(tr, c, 1);
			mem_free(tr->mem, c);
		} else if (c) {
			w->child[child_index(w, c->key)] = c;
		}
	}
	mem_free(tr->mem, t);
	return w;
}

static struct tnode *halve(struct trie *tr, struct tnode *t)
{
	struct tnode *w = tnode_new(tr, t->key, t->pos, t->bits - 1u);
	if (!w)
		return t;
	for (u32 i = 0; i < 1u << w->bits; i++) {
		struct tnode *a = t->child[2 * i], *b = t->child[2 * i + 1], *c = a ? a : b;
		if (a && b) {
			c = tnode_new(tr, a->key, w->pos + w->bits, 1);
			if (c) {
				c->child[0] = a;
				c->child[1] = b;
				c = resize(tr, c, false);
			} else {
				tnode_free_all(tr, a);
				tnode_free_all(tr, b);
			}
		}
		w->child[i] = c;
	}
	mem_free(tr->mem, t);
	return w;
}

/* Takes t and gives what stands in its place. */
static struct tnode *resize(struct trie *tr, struct tnode *t, bool root)
{
	u32 full, empty, used, n;
	bool grown = false;
	for (; t && !tr->failed; t = inflate(tr, t), grown = true) {
		count(t, &full, &empty);
		n = 1u << t->bits;
		used = n - empty + full; /* of the 2 n children that it would have */
		if (used < 2 || t->pos + t->bits >= 32 || 100ull * used < 2ull * n * (root ? INFLATE_ROOT : INFLATE))
			break;
	}
	for (; t && !grown && !tr->failed; t = halve(tr, t)) {
		count(t, &full, &empty);
		n = 1u << t->bits;
		if (n - empty < 2 || t->bits < 2 || 100ull * (n - empty) >= (u64)n * (root ? HALVE_ROOT : HALVE))
			break;
	}
	if (!t || tr->failed)
		return t;
	count(t, &full, &empty);
	if ((1u << t->bits) - empty < 2) {
		struct tnode *only = NULL;
		for (u32 i = 0; i < 1u << t->bits && !only; i++)
			only = t->child[i];
		mem_free(tr->mem, t);
		t = only;
	}
	return t;
}

/* Of keys[from … to - 1], at least one. */
static struct tnode *build(struct trie *tr, size_t from, size_t to, bool root)
{
	u32 differ = tr->keys[from] ^ tr->keys[to - 1];
	size_t lo = from, hi = to - 1;
	struct tnode *t;
	unsigned pos;
	if (!differ)
		return tnode_new(tr, tr->keys[from], 32, 0);
	pos = (unsigned)__builtin_clz(differ);
	while (lo < hi) { /* the first that has the bit */
		size_t mid = lo + (hi - lo) / 2;
		if (tr->keys[mid] & 0x80000000u >> pos)
			hi = mid;
		else
			lo = mid + 1;
	}
	t = tnode_new(tr, tr->keys[from], pos, 1);
	if (!t)
		return NULL;
	t->child[0] = build(tr, from, lo, false);
	t->child[1] = build(tr, lo, to, false);
	return resize(tr, t, root);
}

static u32 key_of(const struct fib_alias *a) { return be32_to_cpu(inaddr_v4(&a->prefix)); }

static int collect(void *arg, const struct fib_alias *a)
{
	struct trie *tr = arg;
	if (tr->n && tr->keys[tr->n - 1] == key_of(a))
		return 0;
	if (tr->n == tr->cap) {
		size_t cap = tr->cap ? 2 * tr->cap : 64;
		u32 *k = mem_alloc(tr->mem, cap * sizeof(*k));
		if (!k) {
			tr->failed = true;
			return -ENOMEM;
		}
		if (tr->n)
			memcpy(k, tr->keys, tr->n * sizeof(*k));
		mem_free(tr->mem, tr->keys);
		tr->keys = k;
		tr->cap = cap;
	}
	tr->keys[tr->n++] = key_of(a);
	return 0;
}

/* Two ascending runs become one without what is in both. */
static void merge(struct trie *tr, size_t first)
{
	size_t i = 0, j = first, n = 0;
	u32 *k;
	if (!first || first == tr->n || tr->failed)
		return;
	k = mem_alloc(tr->mem, tr->n * sizeof(*k));
	if (!k) {
		tr->failed = true;
		return;
	}
	while (i < first || j < tr->n) {
		u32 next = j == tr->n || (i < first && tr->keys[i] <= tr->keys[j]) ? tr->keys[i] : tr->keys[j];
		i += i < first && tr->keys[i] == next;
		j += j < tr->n && tr->keys[j] == next;
		k[n++] = next;
	}
	mem_free(tr->mem, tr->keys);
	tr->keys = k;
	tr->n = tr->cap = n;
}

/* The trie of one table or of local and main together; NULL: no routes, or tr->failed. */
static struct tnode *trie_of(struct trie *tr)
{
	size_t first = 0;
	for (int i = 0; i < 2 && tr->table[i] && !tr->failed; i++) {
		u64 walk[6] = { 0 };
		struct trie run = { .mem = tr->mem };
		first = tr->n;
		fib_walk(tr->net, AF_INET, tr->table[i]->id, walk, collect, &run);
		if (run.n && !run.failed) {
			u32 *k = mem_alloc(tr->mem, (first + run.n) * sizeof(*k));
			if (k) {
				if (first)
					memcpy(k, tr->keys, first * sizeof(*k));
				memcpy(k + first, run.keys, run.n * sizeof(*k));
				mem_free(tr->mem, tr->keys);
				tr->keys = k;
				tr->n = tr->cap = first + run.n;
			} else {
				tr->failed = true;
			}
		}
		tr->failed |= run.failed;
		mem_free(tr->mem, run.keys);
	}
	merge(tr, first);
	return tr->failed || !tr->n ? NULL : build(tr, 0, tr->n, true);
}

/* fn for each route of an address: longer prefixes first, of one prefix those of table local first. */
static void leaf_each(const struct trie *tr, u32 key, void (*fn)(void *arg, const struct fib_alias *a), void *arg)
{
	struct inaddr addr = inaddr_from_v4(cpu_to_be32(key));
	struct lpm_key k = lpm_key_of(AF_INET, &addr);
	for (unsigned len = 33; len--;)
		for (int i = 0; i < 2 && tr->table[i]; i++)
			if (lpm_key_eq(lpm_key_mask(k, len), k))
				for (const struct fib_alias *a = lpm_find(&tr->table[i]->lpm, k, len); a; a = a->next)
					fn(arg, a);
}

static void alias_line(void *arg, const struct fib_alias *a)
{
	static const char *const types[RTN_MAX + 1] = { "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE",
							"UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE" };
	const char *scope = a->fi->scope == RT_SCOPE_UNIVERSE ? "universe" : a->fi->scope == RT_SCOPE_SITE ? "site"
			    : a->fi->scope == RT_SCOPE_LINK ? "link" : a->fi->scope == RT_SCOPE_HOST ? "host"
			    : a->fi->scope == RT_SCOPE_NOWHERE ? "nowhere" : NULL;
	struct { struct strbuf *out; int indent; } *line = arg;
	strbuf_printf(line->out, "%*s/%u ", line->indent, "", a->prefix_len);
	if (scope)
		strbuf_printf(line->out, "%s", scope);
	else
		strbuf_printf(line->out, "scope=%u", a->fi->scope);
	strbuf_printf(line->out, " %s", types[a->type]);
	if (a->tos)
		strbuf_printf(line->out, " tos=%u", a->tos);
	strbuf_printf(line->out, "\n");
}

static void show(struct trie *tr, const struct tnode *t, int depth)
{
	struct { struct strbuf *out; int indent; } line = { tr->out, 3 * depth + 2 };
	u32 full, empty;
	strbuf_printf(tr->out, "%*s%s %u.%u.%u.%u", 3 * depth - 1, "", t->bits ? "+--" : "|--", t->key >> 24, t->key >> 16 & 255,
		      t->key >> 8 & 255, t->key & 255);
	if (!t->bits) {
		strbuf_printf(tr->out, "\n");
		leaf_each(tr, t->key, alias_line, &line);
		return;
	}
	count(t, &full, &empty);
	strbuf_printf(tr->out, "/%u %u %u %u\n", t->pos, t->bits, full, empty);
	for (u32 i = 0; i < 1u << t->bits; i++)
		if (t->child[i])
			show(tr, t->child[i], depth + 1);
}

static void alias_count(void *arg, const struct fib_alias *a)
{
	(void)a;
	((struct trie_stat *)arg)->prefixes++;
}

static void measure(const struct trie *tr, const struct tnode *t, u64 depth, struct trie_stat *s)
{
	if (!t->bits) {
		s->leaves++;
		s->depth_sum += depth;
		s->depth_max = MAX(s->depth_max, depth);
		leaf_each(tr, t->key, alias_count, s);
		return;
	}
	s->tnodes++;
	s->of_bits[t->bits]++;
	s->pointers += 1u << t->bits;
	for (u32 i = 0; i < 1u << t->bits; i++) {
		if (t->child[i])
			measure(tr, t->child[i], depth + 1, s);
		else
			s->nulls++;
	}
}

static void stat(struct trie *tr, const struct tnode *t)
{
	struct trie_stat s = { 0 };
	u64 avg, bytes;
	if (t)
		measure(tr, t, 0, &s);
	avg = s.leaves ? s.depth_sum * 100 / s.leaves : 0;
	bytes = LEAF_BYTES * s.leaves + TNODE_BYTES * s.tnodes + POINTER_BYTES * s.pointers + ALIAS_BYTES * s.prefixes;
	strbuf_printf(tr->out, "\tAver depth:     %lu.%02lu\n\tMax depth:      %lu\n\tLeaves:         %lu\n\tPrefixes:       %lu\n\tInternal nodes: %lu\n\t",
		      avg / 100, avg % 100, s.depth_max, s.leaves, s.prefixes, s.tnodes);
	for (unsigned bits = 1; bits <= 32; bits++)
		if (s.of_bits[bits])
			strbuf_printf(tr->out, "  %u: %lu", bits, s.of_bits[bits]);
	strbuf_printf(tr->out, "\n\tPointers: %lu\nNull ptrs: %lu\nTotal size: %lu  kB\n", s.pointers, s.nulls, (bytes + 1023) / 1024);
}

static void each_table(struct netns *net, struct strbuf *out, bool stats)
{
	const struct netns_fib *f = net->fib;
	const struct fib_table *t;
	bool one = f->default_rules;
	list_for_each(t, &f->tables, link) {
		struct trie tr = { .net = net, .mem = fib_mem(net), .out = out, .table = { t } };
		struct tnode *root;
		if (t->family != AF_INET || !(t->used || (one && t == f->main4 && f->local4->used)))
			continue;
		if (one && (t == f->main4 || t == f->local4)) {
			tr.table[0] = f->local4;
			tr.table[1] = f->main4;
		}
		root = trie_of(&tr);
		if (tr.failed)
			out->err = -ENOMEM;
		if (!tr.failed && (root || stats)) {
			if (t->id == RT_TABLE_LOCAL || t->id == RT_TABLE_MAIN)
				strbuf_printf(out, "%s:\n", t->id == RT_TABLE_LOCAL ? "Local" : "Main");
			else
				strbuf_printf(out, "Id %u:\n", t->id);
			if (stats)
				stat(&tr, root);
			else
				show(&tr, root, 1);
		}
		tnode_free_all(&tr, root);
		mem_free(tr.mem, tr.keys);
	}
}

static void trie_show(struct netns *net, struct strbuf *out) { each_table(net, out, false); }
const struct proc_file fib_proc_trie = { .name = "fib_trie", .mode = 0444, .show = trie_show };

static void triestat_show(struct netns *net, struct strbuf *out)
{
	strbuf_printf(out, "Basic info: size of leaf: %d bytes, size of tnode: %d bytes.\n", LEAF_BYTES, TNODE_BYTES);
	each_table(net, out, true);
}
const struct proc_file fib_proc_triestat = { .name = "fib_triestat", .mode = 0444, .show = triestat_show };

/* Linux has had no route cache since 3.6; the file is its head. */
static void rt_cache_show(struct netns *net, struct strbuf *out)
{
	(void)net;
	strbuf_printf(out, "%-127s\n", "Iface\tDestination\tGateway \tFlags\t\tRefCnt\tUse\tMetric\tSource\t\tMTU\tWindow\tIRTT\tTOS\tHHRef\tHHUptod\tSpecDst");
}
const struct proc_file fib_proc_rt_cache = { .name = "rt_cache", .mode = 0444, .show = rt_cache_show };
