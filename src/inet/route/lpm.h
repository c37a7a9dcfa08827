/* Longest-prefix match over bit strings of up to 128 bits: the table of prefixes behind a routing table.
 *
 * A value is a pointer, never NULL, which the owner of the table understands. One writer at a time (all batons held) publishes
 * by pointer swap; any number of readers follow without a lock. See lpm.c for the shape and its costs.
 */
#ifndef INET_ROUTE_LPM_H
#define INET_ROUTE_LPM_H

#include "core/world.h"
#include "inet/addr.h"

/* A key in host order, left-aligned: bit 0 is the top bit of hi. IPv4 uses the top 32 bits. Bits behind the prefix are 0. */
struct lpm_key {
	u64 hi, lo;
};
static inline struct lpm_key lpm_key_v4(be32 a) { return (struct lpm_key){ (u64)be32_to_cpu(a) << 32, 0 }; }
static inline struct lpm_key lpm_key_of(u8 family, const struct inaddr *a)
{
	if (family == AF_INET)
		return lpm_key_v4(inaddr_v4(a));
	return (struct lpm_key){ __builtin_bswap64(a->q[0]), __builtin_bswap64(a->q[1]) };
}
static inline bool lpm_key_eq(struct lpm_key a, struct lpm_key b) { return a.hi == b.hi && a.lo == b.lo; }
struct lpm_key lpm_key_mask(struct lpm_key k, unsigned len);

struct lpm_node;
struct lpm_wide;
struct lpm_gc;
struct lpm {
	struct mem *mem;
	struct lpm_node *top;	/* NULL: empty */
	struct lpm_wide *wide;	/* indexed by the first bits of the key; only while the table is large */
	struct lpm_gc *gc;	/* nodes that readers may still hold; NULL: no reader ever runs beside the writer */
	u32 count;		/* prefixes */
	u8 skip;		/* which bits a node begins at, see lpm.c */
};

/* w: whose epoch decides when a replaced node is freed; NULL (tests): at once. bits: of the keys, 32 or 128. */
int lpm_init(struct lpm *t, struct mem *mem, struct world *w, unsigned bits);
void lpm_fini(struct lpm *t); /* the values are the caller's */
/* Puts a value at key/len, replacing what was there (*old, may be NULL). -ENOMEM: nothing changed. */
int lpm_set(struct lpm *t, struct lpm_key key, unsigned len, void *value, void **old);
/* Takes the value at key/len away; NULL: there was none. Cannot fail. */
void *lpm_remove(struct lpm *t, struct lpm_key key, unsigned len);
void *lpm_find(const struct lpm *t, struct lpm_key key, unsigned len); /* exactly this prefix */
/* The longest match of at most maxlen bits. */
void *lpm_lookup_max(const struct lpm *t, struct lpm_key key, unsigned maxlen);
/* The longest match of an IPv4 address, and the same for many: the memory accesses of n lookups overlap. */
void *lpm4_lookup(const struct lpm *t, be32 addr);
void lpm4_lookup_bulk(const struct lpm *t, const be32 *addr, unsigned n, void **res);
/* The longest match of 128-bit keys, many at once. */
void lpm_lookup_bulk(const struct lpm *t, const struct lpm_key *key, unsigned n, void **res);
/* Walk: the value whose prefix has the lowest address >= from, the longest of these; NULL: none. *at: that address. */
void *lpm_next(const struct lpm *t, struct lpm_key from, struct lpm_key *at);

#endif
