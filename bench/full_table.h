/* A full table as route collectors have seen it for years: prefixes with today's share of lengths, and random addresses inside them. */
#ifndef BENCH_FULL_TABLE_H
#define BENCH_FULL_TABLE_H

#include "base/rng.h"
#include "inet/route/lpm.h"

struct share { u8 len; u16 share; }; /* in thousandths */
static const struct share share4[] = { { 24, 600 }, { 23, 95 }, { 22, 110 }, { 21, 45 }, { 20, 45 }, { 19, 28 }, { 18, 15 }, { 17, 9 }, { 16, 14 },
	{ 15, 3 }, { 14, 2 }, { 13, 1 }, { 12, 1 }, { 25, 8 }, { 26, 7 }, { 27, 5 }, { 28, 4 }, { 29, 3 }, { 30, 3 }, { 32, 2 } };
static const struct share share6[] = { { 48, 470 }, { 32, 110 }, { 44, 80 }, { 40, 75 }, { 36, 45 }, { 29, 25 }, { 46, 40 }, { 45, 25 }, { 47, 30 },
	{ 42, 25 }, { 33, 20 }, { 34, 12 }, { 35, 10 }, { 38, 13 }, { 64, 10 }, { 56, 4 }, { 28, 3 }, { 24, 1 }, { 20, 1 }, { 128, 1 } };

static inline u8 random_len(struct rng *r, const struct share *s, unsigned n, u8 other)
{
	unsigned x = rng_below(r, 1000);
	for (unsigned i = 0; i < n; i++) {
		if (x < s[i].share)
			return s[i].len;
		x -= s[i].share;
	}
	return other;
}

/* IPv4: 1.0.0.0 - 223.255.255.255, with a third of the /16 blocks in use, as there are. IPv6: 2000::/3 in blocks of /12 and about 40,000
 * of /32. */
static inline struct lpm_key random_prefix(struct rng *r, unsigned bits, u8 *len)
{
	static const u16 blocks[] = { 0x2001, 0x2400, 0x2404, 0x2406, 0x2408, 0x2600, 0x2604, 0x2606, 0x2607, 0x2620, 0x2800, 0x2804, 0x2806,
				      0x2a00, 0x2a01, 0x2a02, 0x2a03, 0x2a04, 0x2a05, 0x2a06, 0x2a0a, 0x2a0b, 0x2a0c, 0x2a0e, 0x2c0f };
	u64 a;
	if (bits == 32) {
		*len = random_len(r, share4, ARRAY_SIZE(share4), 24);
		a = ((u64)(1u + rng_below(r, 223)) << 24) | (rng_below(r, 85) * 3 << 16) | (rng_u32(r) & 0xffff);
		return lpm_key_mask((struct lpm_key){ a << 32, 0 }, *len);
	}
	*len = random_len(r, share6, ARRAY_SIZE(share6), 48);
	a = (u64)blocks[rng_below(r, ARRAY_SIZE(blocks))] << 48 | (u64)(rng_below(r, 1600) * 16) << 32 | rng_u32(r);
	return lpm_key_mask((struct lpm_key){ a, rng_u64(r) }, *len);
}

/* An address inside a prefix. */
static inline struct lpm_key random_inside(struct rng *r, struct lpm_key k, u8 len)
{
	struct lpm_key net = lpm_key_mask((struct lpm_key){ ~0ull, ~0ull }, len);
	return (struct lpm_key){ k.hi | (rng_u64(r) & ~net.hi), k.lo | (rng_u64(r) & ~net.lo) };
}

#endif
