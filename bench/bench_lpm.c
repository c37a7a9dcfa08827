/* Longest-prefix match by itself: 1, 500,000 and 1,000,000 IPv4 routes with the prefix lengths of today's Internet table, random
 * addresses inside them. Prints ns per lookup (one by one, and in bulk), ns per insertion and deletion, and bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "inet/route/lpm.h"

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Share of each length in thousandths, as route collectors have seen it for years: more than half are /24. */
static unsigned random_len(struct rng *r)
{
	static const struct { u8 len; u16 share; } dist[] = { { 24, 600 }, { 23, 95 }, { 22, 110 }, { 21, 45 }, { 20, 45 }, { 19, 28 },
		{ 18, 15 }, { 17, 9 }, { 16, 14 }, { 15, 3 }, { 14, 2 }, { 13, 1 }, { 12, 1 }, { 25, 8 }, { 26, 7 }, { 27, 5 },
		{ 28, 4 }, { 29, 3 }, { 30, 3 }, { 32, 2 } };
	unsigned x = rng_below(r, 1000);
	for (unsigned i = 0; i < ARRAY_SIZE(dist); i++) {
		if (x < dist[i].share)
			return dist[i].len;
		x -= dist[i].share;
	}
	return 24;
}

static void run(unsigned routes)
{
	enum { LOOKUPS = 1 << 22, BATCH = 64, HOPS = 16 };
	struct mem mem;
	struct lpm t;
	struct rng r;
	u8 seed[32] = { 7 };
	static int hop[HOPS];
	struct lpm_key *key = malloc(routes * sizeof(*key));
	u8 *len = malloc(routes);
	be32 *addr = malloc(LOOKUPS * sizeof(*addr));
	void *res[BATCH];
	double t0, insert, one = 0, bulk = 0, del;
	u64 bytes, sum = 0;

	mem_init(&mem, 0);
	rng_init(&r, seed, 0);
	lpm_init(&t, &mem, NULL, 32);
	for (unsigned i = 0; i < routes; i++) {
		/* 1.0.0.0 - 223.255.255.255, with a third of the /16 blocks in use, as there are. */
		u32 a = ((1u + rng_below(&r, 223)) << 24) | (rng_below(&r, 85) * 3 << 16) | (rng_u32(&r) & 0xffff);
		len[i] = routes == 1 ? 0 : (u8)random_len(&r);
		key[i] = lpm_key_mask((struct lpm_key){ (u64)a << 32, 0 }, len[i]);
	}
	t0 = now();
	for (unsigned i = 0; i < routes; i++)
		if (lpm_set(&t, key[i], len[i], &hop[i % HOPS], NULL))
			abort();
	insert = (now() - t0) / routes;
	bytes = mem.bytes;
	for (unsigned i = 0; i < LOOKUPS; i++) {
		unsigned k = rng_below(&r, routes);
		u32 host = len[k] == 32 ? 0 : rng_u32(&r) >> len[k];
		addr[i] = cpu_to_be32((u32)(key[k].hi >> 32) | (len[k] ? host : rng_u32(&r)));
	}
	/* The best of several passes: what others do on this machine is not ours to measure. */
	for (unsigned pass = 0; pass < 5; pass++) {
		double ns;
		t0 = now();
		for (unsigned i = 0; i < LOOKUPS; i++)
			sum += (u64)lpm4_lookup(&t, addr[i]);
		ns = (now() - t0) / LOOKUPS;
		one = pass && one < ns ? one : ns;
		t0 = now();
		for (unsigned i = 0; i < LOOKUPS; i += BATCH) {
			lpm4_lookup_bulk(&t, addr + i, BATCH, res);
			for (unsigned j = 0; j < BATCH; j++)
				sum -= (u64)res[j];
		}
		ns = (now() - t0) / LOOKUPS;
		bulk = pass && bulk < ns ? bulk : ns;
	}
	t0 = now();
	for (unsigned i = 0; i < routes; i++)
		lpm_remove(&t, key[i], len[i]);
	del = (now() - t0) / routes;
	printf("lpm routes=%u lookup_ns=%.1f bulk_ns=%.1f insert_ns=%.0f delete_ns=%.0f bytes=%llu%s\n", routes, one, bulk, insert, del,
	       (unsigned long long)bytes, sum ? " WRONG" : "");
	lpm_fini(&t);
	free(key);
	free(len);
	free(addr);
}

int main(void)
{
	run(1);
	run(500000);
	run(1000000);
	return 0;
}
