/* What modprobe(8) and lsmod(8) read: which modules this kernel has. All are built in: `modprobe 8021q` succeeds and changes nothing,
 * `modprobe nosuch` says what it says of a kernel without that module, lsmod shows none, and the machine's own are nowhere to be seen.
 *
 * The names are those that Linux gives to the files of what the stack's tables hold. depmod(8)'s index is a tree of nodes: how kmod's
 * tools look a name up. Here it has two levels, the first byte and the rest of each name that begins with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/fs_tree.h"
#include "core/stack_tables.h"
#include "core/world.h"
#include "link/netdevice.h"
#include "link/qdisc.h"
#include "transport/tcp/tcp_cc.h"

#define NAMES_MAX 128
#define NAME_MAX_BYTES 32

/* An index begins with these; a node's place has flags in its highest bits. */
enum { MAGIC = 0xb007f457u, VERSION = 0x00020001u, PREFIX = 0x80000000u, VALUES = 0x40000000u, CHILDREN = 0x20000000u };

struct names {
	char name[NAMES_MAX][NAME_MAX_BYTES];
	unsigned n;
};

static void add(struct names *l, const char *prefix, const char *name)
{
	if (l->n < NAMES_MAX)
		snprintf(l->name[l->n++], NAME_MAX_BYTES, "%s%s", prefix, name);
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

static void gather(const struct world *w, struct names *l)
{
	static const char *const always[] = { "af_packet", "af_packet_diag", "ipv6", "inet_diag", "netlink_diag", "raw_diag", "tcp_diag", "udp_diag" };
	unsigned kept = 0;

	l->n = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(always); i++)
		add(l, "", always[i]);
	for (const struct link_kind *const *k = w->tables->link_kinds; k && *k; k++)
		add(l, "", !strcmp((*k)->name, "vlan") ? "8021q" : (*k)->name);
	for (const struct qdisc_ops *const *q = w->tables->qdiscs; q && *q; q++)
		add(l, "sch_", (*q)->id);
	for (const struct tcp_cc_ops *const *c = w->tables->tcp_ccs; c && *c; c++)
		add(l, "tcp_", (*c)->name);
	qsort(l->name, l->n, NAME_MAX_BYTES, by_name);
	for (unsigned i = 0; i < l->n; i++)
		if (!kept || strcmp(l->name[kept - 1], l->name[i]))
			memmove(l->name[kept++], l->name[i], NAME_MAX_BYTES);
	l->n = kept;
}

static void put_be32(struct strbuf *out, u32 v)
{
	u32 be = __builtin_bswap32(v);

	strbuf_add(out, (const char *)&be, sizeof(be));
}

static void put_value(struct strbuf *out) /* one, of priority 0, that says nothing */
{
	put_be32(out, 1);
	put_be32(out, 0);
	strbuf_add(out, "", 1);
}

/* A name's rest: a node for itself. */
static u32 put_leaf(struct strbuf *out, const char *rest)
{
	u32 at = (u32)out->len | VALUES | (*rest ? PREFIX : 0);

	if (*rest)
		strbuf_add(out, rest, strlen(rest) + 1);
	put_value(out);
	return at;
}

/* The names from..to-1, which have `depth` bytes in common: the place of the node. */
static u32 put_node(struct strbuf *out, const struct names *l, unsigned from, unsigned to, size_t depth)
{
	bool ends = !l->name[from][depth];
	unsigned begin = ends ? from + 1 : from;
	u8 first, last;
	u32 child[128] = { 0 }, at;

	if (to - from == 1)
		return put_leaf(out, l->name[from] + depth);
	first = (u8)l->name[begin][depth];
	last = (u8)l->name[to - 1][depth];
	for (unsigned i = begin, end; i < to; i = end) {
		u8 c = (u8)l->name[i][depth];
		for (end = i + 1; end < to && (u8)l->name[end][depth] == c; end++)
			;
		child[c & 127] = put_node(out, l, i, end, depth + 1);
	}
	at = (u32)out->len | CHILDREN | (ends ? VALUES : 0);
	strbuf_add(out, (const char *)&first, 1);
	strbuf_add(out, (const char *)&last, 1);
	for (unsigned c = first; c <= last; c++)
		put_be32(out, child[c & 127]);
	if (ends)
		put_value(out);
	return at;
}

static void index_of(const struct names *l, struct strbuf *out)
{
	u32 root;

	put_be32(out, MAGIC);
	put_be32(out, VERSION);
	put_be32(out, 0); /* where the root is: filled in below */
	if (l->n) {
		root = put_node(out, l, 0, l->n, 0);
	} else { /* without anything: a node that has nothing */
		root = (u32)out->len;
		strbuf_add(out, "", 1);
	}
	if (!out->err) {
		root = __builtin_bswap32(root);
		memcpy(out->s + 8, &root, sizeof(root));
	}
}

static const char *const files[] = { "proc", "alias.bin", "builtin.alias.bin", "builtin.bin", "dep.bin", "symbols.bin", "alias", "builtin", "dep",
				     "softdep", "symbols" };

bool fs_modules_has(const char *path)
{
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
		if (!strcmp(files[i], path))
			return true;
	return false;
}

const char *fs_modules_file(const char *absolute)
{
	const char *p = absolute, *slash;

	if (!strcmp(p, "/proc/modules"))
		return "proc";
	if (!strncmp(p, "/usr", 4))
		p += 4;
	if (strncmp(p, "/lib/modules/", 13))
		return NULL;
	slash = strchr(p + 13, '/'); /* behind the kernel's release */
	return slash && !strncmp(slash, "/modules.", 9) && fs_modules_has(slash + 9) ? slash + 9 : NULL;
}

int fs_modules_read(const struct world *w, const char *path, struct strbuf *out)
{
	struct names *l;

	if (!fs_modules_has(path))
		return -ENOENT;
	if (strncmp(path, "builtin", 7) && !strstr(path, ".bin"))
		return 0;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	if (!strncmp(path, "builtin", 7) && !strstr(path, "alias"))
		gather(w, l);
	if (strstr(path, ".bin"))
		index_of(l, out);
	else
		for (unsigned i = 0; i < l->n; i++)
			strbuf_printf(out, "kernel/net/%s.ko\n", l->name[i]);
	free(l);
	return out->err;
}
